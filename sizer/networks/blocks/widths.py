"""Widths along the wires: what each block reads and hands up. A block that is told its width asks nobody.

Width is channels x height; height is 1 but behind a convolution along time and height.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sizer.errors import quoted
from sizer.networks.blocks.checks import Checks
from sizer.networks.blocks.reading import Block, Key, Model
from sizer.networks.blocks.stacks import stack
from sizer.networks.tensors import Number, product, total
from sizer.numbers.polynomial import Polynomial, polynomial


@dataclass(frozen=True)
class Shape:
    """What travels along a wire."""

    channels: Number
    height: int = 1

    @property
    def width(self) -> Number:
        """Channels times height."""
        return product([self.height, self.channels])


class Dimensions(dict[str, Any]):
    """A block's dimensions; `a/b` is a quotient, `a*b` a product, `a+b` a sum, and `2` is 2."""

    def __missing__(self, name: str) -> Number:
        if name.isdigit():
            return int(name)
        for sign, combine in _SIGNS:
            first, found, second = name.partition(sign)
            if found and combine is divided:
                return divided(self[first], self[second], second)
            if found:
                return combine(self[first], self[second])
        raise KeyError(name)


class UnequalPartsError(ValueError):
    """A number is no whole number of equal parts.

    Attributes:
        field: the field that says how many parts there are; empty: none alone does.
    """

    def __init__(self, message: str, field: str = "") -> None:
        self.field = field
        super().__init__(message)


def divided(number: Number, by: Number, field: str = "") -> Number:
    """Return a quotient that must be whole.

    Args:
        number: what is divided.
        by: the number of parts.
        field: the field that says it, for the fault.

    Raises:
        UnequalPartsError: it is not.
        UnsettledError: it depends on what is left open whether it is.
    """
    if isinstance(by, int) and by == 1:
        return number
    if isinstance(by, Polynomial):
        return polynomial(number).divided(by)
    if isinstance(number, int):
        quotient, rest = divmod(number, by)
        if rest:
            raise UnequalPartsError(f"{number} cannot be divided into {by} equal parts", field)
        return quotient
    return number.divided(by)


def at_field(problem: ValueError, block: Block) -> str:
    """Return the field at which a fault of a block is told; empty: the block as a whole."""
    field = getattr(problem, "field", "")
    return field if field in block.type.by_field else ""


_SIGNS: tuple[tuple[str, Callable[[Any, Any], Number]], ...] = (
    ("+", lambda a, b: total([a, b])),
    ("/", divided),
    ("*", lambda a, b: product([a, b])),
)
"""What binds less tightly first."""


class Widths:
    """The shapes that the blocks of a model hand up, and read."""

    def __init__(self, model: Model, checks: Checks) -> None:
        """Settle them all; what cannot be settled is reported, and None."""
        self._blocks = model.blocks
        self._checks = checks
        self._handed: dict[Key, Shape | None] = {}
        for key in self._order():
            block = self._blocks[key]
            try:
                shape = self._hands_up(block)
                self._handed[key] = shape and Shape(checks.handed_up(block, shape.channels), shape.height)
            except ValueError as problem:
                checks.report(block, str(problem), at_field(problem, block))
                self._handed[key] = None

    def handed(self, key: Key) -> Shape | None:
        """Return what a block hands up."""
        return self._handed.get(key)

    def read(self, block: Block) -> Shape | None:
        """Return what a block reads, its sources joined; nothing has width 0."""
        return self._joined(block)

    def _asks(self, block: Block) -> tuple[Key, ...]:
        """Return the blocks whose widths decide this one's, of those that are there."""
        if block.type.name == "attention":
            asked = () if block.fields["value"] is not None else block.names["memory"]
        else:
            asked = () if _told(block) else tuple(key for key, _ in block.reads)
        return tuple(key for key in asked if key in self._blocks)

    def _order(self) -> Iterator[Key]:
        """Yield the blocks, each after those that it asks; a loop is reported once, and its widths are not known."""
        begun: dict[Key, bool] = {}
        for start in self._blocks:
            path: list[tuple[Key, Iterator[Key]]] = []
            if start not in begun:
                begun[start] = False
                path.append((start, iter(self._asks(self._blocks[start]))))
            while path:
                key, asked = path[-1]
                following = next(asked, None)
                if following is None:
                    begun[key] = True
                    path.pop()
                    yield key
                elif following not in begun:
                    begun[following] = False
                    path.append((following, iter(self._asks(self._blocks[following]))))
                elif not begun[following]:
                    names = [other[0] for other, _ in path]
                    loop = " -> ".join(reversed(names[names.index(following[0]) :]))
                    self._checks.report(
                        self._blocks[following], f"is in a loop in which no block sets its width: {loop}", ""
                    )

    def _joined(self, block: Block) -> Shape | None:
        sources = [(self._handed.get(key), copies) for key, copies in block.reads]
        if any(shape is None for shape, _ in sources):
            return None
        shapes = [Shape(product([copies, shape.channels]), shape.height) for shape, copies in sources if shape]
        if not shapes:
            return Shape(0)
        heights = {shape.height for shape in shapes}
        if len(heights) > 1:
            shapes = [Shape(shape.width) for shape in shapes]
        height = shapes[0].height
        if block.combine == "concat":
            return Shape(total([shape.channels for shape in shapes]), height)
        widths = [shape.width for shape in shapes]
        names = [key[0] for key, _ in block.reads]
        verb = {"add": "added", "multiply": "multiplied"}[block.combine]
        reason = f"widths that are {verb} must be equal"
        for width in widths[1:]:
            if not self._checks.same(block, width, widths[0], "from", reason):
                said = ", ".join(f"{name} has width {shown(width)}" for name, width in zip(names, widths, strict=True))
                self._checks.report(block, f"{reason}: {said}", "from")
                return None
        return shapes[0]

    def _hands_up(self, block: Block) -> Shape | None:
        fields, kind = block.fields, block.type.name
        if kind == "input":
            return (
                Shape(fields["inputs"], 1)
                if fields["inputs"] is not None
                else Shape(fields["channels"], fields["height"])
            )
        if kind == "recurrent":
            return Shape(stack(block, 1)[1])
        if kind == "attention":
            if fields["value"] is not None:
                return Shape(fields["value"])
            memory = self._handed.get(block.names["memory"][0])
            return Shape(memory.width) if memory else None
        if kind == "weights" and not block.reads:
            return Shape(fields["width"] or 0)
        if _told(block):
            return Shape(Dimensions(plain(block))[block.type.hands_up])
        read = self._joined(block)
        if read is None:
            return None
        if kind in {"join", "norm", "weights", "crf"}:
            return read
        if kind == "pooling" and fields["over"]:
            return read
        dimensions = dimensions_of(block, read)
        height = read.height if block.type.keeps_height else 1
        if block.type.keeps_height and not block.type.own:
            height = _height(block, read.height)
        return Shape(dimensions[block.type.hands_up], height)


def _told(block: Block) -> bool:
    """Return whether a block is told its width; a convolution along time alone hands up its channels."""
    return block.type.told or (block.type.name == "convolution" and not isinstance(block.fields["kernel"], tuple))


def dimensions_of(block: Block, read: Shape) -> Dimensions:
    """Return a block's fields and what it reads, as dimensions."""
    around = {"read": read.width, "channels_read": read.channels, "height_read": read.height}
    return Dimensions({**around, "height": read.height if block.type.keeps_height else 1, **plain(block)})


def plain(block: Block) -> dict[str, Any]:
    """Return a block's fields as dimensions."""
    plain = dict(block.fields)
    if block.type.name == "subsample":
        plain["stacked"] = plain["factor"] if plain["how"] == "stack" else 1
    return plain


def _height(block: Block, height: int) -> int:
    """Return the height that a convolution or pooling hands up."""
    fields = block.fields
    if not isinstance(fields["kernel"], tuple):
        fields = {**fields, "kernel": (fields["kernel"], 1)}
    kernel, stride = of_height(fields["kernel"]), of_height(fields["stride"])
    padding = fields["padding"]
    if fields.get("transposed"):
        pads = 0 if isinstance(padding, str) else sum(padding[1])
        found = (height - 1) * stride - pads + kernel + of_height(fields["output_padding"], 0)
    elif padding == "same":
        found = -(-height // stride)
    else:
        room = height + (0 if padding == "valid" else sum(padding[1])) - kernel
        found = (-(-room // stride) if fields.get("ceil") else room // stride) + 1
    if found < 1:
        raise ValueError(f"a kernel of height {kernel} does not fit a height of {height}")
    return found


def of_height(pair: Any, otherwise: int = 1) -> int:
    """Return the height's number of a pair; a number by itself means time alone."""
    return int(pair[1]) if isinstance(pair, tuple) else otherwise


def of_time(pair: Any) -> int:
    """Return the number of a pair, or of a number by itself, that means time."""
    return int(pair[0] if isinstance(pair, tuple) else pair)


def shown(number: Number) -> str:
    """Return a width for a person."""
    if not isinstance(number, int):
        return str(number)
    return f"{number:,}" if number.bit_length() < 10_000 else quoted(number)
