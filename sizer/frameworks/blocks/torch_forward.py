"""What each block does with what it reads: the lines of `forward`.

Steps travel as (batch, time, width), with a second time where two clocks meet; what has a height above 1 as (batch,
channels, time, height). What stands still is one step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sizer.frameworks.blocks.layers import BlockStack, stack_of
from sizer.frameworks.blocks.order import Order, taken_in
from sizer.frameworks.blocks.torch_modules import Placed, arguments, one_of, padding_of, pads_of, written
from sizer.networks.blocks.reading import Key
from sizer.networks.blocks.steps import SEQUENCE
from sizer.networks.blocks.widths import of_height, of_time

LENGTHS = (24, 60, 100, 334, 1025, 4096)
"""Of inputs, for which the lengths of all blocks are worked out: what differs for none of them is taken to be equal."""
ONE_CLOCK = frozenset(
    {"convolution", "recurrent", "attention", "transformer", "conformer", "splice", "subsample", "split"}
)
"""Blocks that look along time, so that they have one."""

Lengths = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """What a block hands up, as code."""

    variable: str
    image: bool
    clocks: tuple[str, ...]
    lengths: Lengths
    """Along its one clock; empty where it has several."""


def several_clocks(block: Placed) -> str:
    """Return why a block cannot be run where clocks meet; empty where it can."""
    fields, kind = block.fields, block.wired.block.type.name
    along = kind in ONE_CLOCK or (kind == "pooling" and not fields["over"])
    along |= kind == "dense" and (fields["context"] > 1 or fields["stride"] > 1 or fields["groups"] > 1)
    along |= kind == "norm" and fields["norm"] == "batch" and len(block.wired.rate) > 2
    return "looks along time, and several clocks meet in it" if along and len(block.wired.rate) > 1 else ""


def lengths_of(placed: Mapping[Key, Placed], order: Order) -> dict[Key, Lengths]:
    """Return how many steps each block has for inputs of `LENGTHS`, as far as that can be said."""
    names = {key: f"b{place}" for place, key in enumerate(placed)}
    forward = Forward(names, dict.fromkeys(names.values(), ""))
    for key in order.run:
        takes = taken_in(placed[key].wired.block)
        there = starts(placed[key]) or (takes and all(other in forward.values for other in takes))
        if there and not (written(placed[key]).alone or several_clocks(placed[key])):
            forward.run(placed[key])
    return {key: value.lengths for key, value in forward.values.items()}


def starts(block: Placed) -> bool:
    """Return whether a block is what the module is given."""
    kind = block.wired.block.type.name
    return kind == "input" or (kind == "embedding" and not block.wired.block.reads)


class Forward:
    """Writes the lines of a module's `forward`, block by block."""

    def __init__(self, names: Mapping[Key, str], modules: Mapping[str, str]) -> None:
        """Write for a module.

        Args:
            names: of the blocks.
            modules: the expression that makes each, by name.
        """
        self.lines: list[str] = []
        self.given: list[str] = []
        """The arguments."""
        self.values: dict[Key, Value] = {}
        self._names = names
        self._modules = modules

    def run(self, block: Placed) -> None:
        """Write what a block does.

        Args:
            block: each behind those that it takes in.
        """
        key, kind = block.wired.block.key, block.wired.block.type.name
        name = self._names[key]
        clocks = tuple(clock for clock, _ in block.wired.rate)
        if starts(block):
            self.given.append(name)
            if kind == "embedding":
                self.lines.append(f"{name} = self.{name}({name})")
            self.values[key] = Value(name, kind == "input" and block.up.height > 1, clocks, LENGTHS)
            return
        read = self._read(block, block.up.height > 1 if kind == "join" else block.read.height > 1)
        lengths = read.lengths
        match kind:
            case "convolution":
                lengths = self._convolution(block, name, read)
            case "pooling":
                lengths = self._pooling(block, name, read)
            case "norm":
                self._norm(block, name, read)
            case "join":
                self._set(name, read.variable)
            case "crf" | "weights":
                self._set(name, read.variable)
                self.lines[-1] += f"  # the weights of {key[0]} stand alone"
            case _:
                flat = self._flat(read)
                lengths = getattr(self, f"_{kind}")(block, name, flat, lengths)
        image = block.up.height > 1
        self.values[key] = Value(name, image, clocks, lengths)

    def _set(self, name: str, expression: str) -> None:
        if name != expression:
            self.lines.append(f"{name} = {expression}")

    # What is read

    def _flat(self, value: Value) -> str:
        return f"flat({value.variable})" if value.image else value.variable

    def _read(self, block: Placed, as_image: bool) -> Value:
        """Return what a block reads, its sources joined, as an expression."""
        own = block.wired.block
        if own.type.name == "attention":
            return self.values[own.names["query"][0]]
        sources = [(self.values[key], copies) for key, copies in own.reads]
        values = [self._spliced(value, copies) for value, copies in sources]
        heights = {block.handed(key).height for key, _ in own.reads}
        image = as_image and len(heights) == 1
        if len(values) == 1:
            return values[0]
        clocks = tuple(clock for clock in dict.fromkeys(c for value in values for c in value.clocks))
        clocks = tuple(clock for clock in clocks if clock != SEQUENCE) or clocks
        expressions = [value.variable if image else self._flat(value) for value in values]
        moving = [value for value in values if value.clocks != (SEQUENCE,)]
        dim = 2 if image else 1
        lengths = values[0].lengths
        if len(clocks) == 1 and len({value.lengths for value in moving}) > 1:
            lengths = tuple(map(min, zip(*(value.lengths for value in moving), strict=True)))
            if len(moving) == len(values):
                self.lines.append(f"sources = trimmed({dim}, {', '.join(expressions)})")
                expressions = [f"sources[{place}]" for place in range(len(values))]
        elif moving:
            lengths = moving[0].lengths
        if own.combine == "concat":
            joined = self._concat(expressions, [value.clocks for value in values], clocks, image)
        else:
            placed = self._placed(expressions, [value.clocks for value in values], clocks)
            sign = " + " if own.combine == "add" else " * "
            joined = self._names[own.key]
            self._set(joined, sign.join(placed))
        return Value(joined, image, clocks, lengths if len(clocks) == 1 else ())

    def _concat(
        self, expressions: list[str], clocks: list[tuple[str, ...]], all_clocks: tuple[str, ...], image: bool
    ) -> str:
        if image:
            return f"torch.cat([{', '.join(expressions)}], dim=1)"
        if all(own == all_clocks for own in clocks):
            return f"torch.cat([{', '.join(expressions)}], dim=-1)"
        return f"joined({', '.join(self._placed(expressions, clocks, all_clocks))})"

    def _placed(
        self, expressions: Sequence[str], clocks: Sequence[tuple[str, ...]], all_clocks: tuple[str, ...]
    ) -> list[str]:
        """Return sources with one time for each clock: those that are not their own of length 1."""
        found = []
        for expression, own in zip(expressions, clocks, strict=True):
            order = [own.index(clock) + 1 for clock in all_clocks if clock in own]
            if order != sorted(order):
                expression += f".permute(0, {', '.join(map(str, order))}, -1)"
            missing = [place for place, clock in enumerate(all_clocks) if clock not in own]
            # A sequence has one step already, which stands for the first of them.
            for place in missing[1:] if own == (SEQUENCE,) else missing:
                expression += f".unsqueeze({place + 1})"
            found.append(expression)
        return found

    def _spliced(self, value: Value, copies: int) -> Value:
        if copies == 1:
            return value
        part = "splice_image" if value.image else "splice"
        return Value(f"{part}({value.variable}, {copies})", value.image, value.clocks, value.lengths)

    # Blocks

    def _embedding(self, block: Placed, name: str, read: str, lengths: Lengths) -> Lengths:
        self._set(name, f"self.{name}({read}[..., 0].long())")
        return lengths

    def _dense(self, block: Placed, name: str, read: str, lengths: Lengths) -> Lengths:
        fields = block.fields
        if fields["context"] > 1:
            read = f"splice({read}, {fields['context']})"
        if fields["stride"] > 1:
            read = f"{read}[:, ::{fields['stride']}]"
        if fields["groups"] > 1:
            self._set(name, f"self.{name}({read}.transpose(1, 2)).transpose(1, 2)")
        else:
            self._set(name, f"self.{name}({read})")
        self._pieces(block, name, -1)
        if fields["norm"]:
            self._set(name, self._normed(block, f"self.{name}_norm", name, image=False))
        return tuple(-(-length // fields["stride"]) for length in lengths)

    def _pieces(self, block: Placed, name: str, dim: int) -> None:
        pieces = block.fields["pieces"]
        if pieces == 2:
            self._set(name, f"functional.glu({name}, dim={dim})")
        elif pieces > 2:
            self._set(name, f"{name}.unflatten({dim}, (-1, {pieces})).amax({dim if dim < 0 else dim + 1})")

    def _normed(self, block: Placed, module: str, value: str, image: bool) -> str:
        """Return a normed value. Norms of channels want them second, those of widths last."""
        if image or block.fields["norm"] == "layer":
            return f"{module}({value})"
        if len(block.wired.rate) > 1:
            return f"{module}({value}.movedim(-1, 1)).movedim(1, -1)"
        return f"{module}({value}.transpose(1, 2)).transpose(1, 2)"

    def _norm(self, block: Placed, name: str, read: Value) -> None:
        wide = block.fields["over"] == "width"
        if not read.image or not wide:
            self._set(name, self._normed(block, f"self.{name}", read.variable, read.image))
            return
        normed = self._normed(block, f"self.{name}", self._flat(read), image=False)
        shape = f"({int(block.up.channels)}, {block.up.height})"
        self._set(name, f"{normed}.unflatten(2, {shape}).transpose(1, 2)")

    def _image(self, read: Value) -> str:
        return read.variable if read.image else f"{read.variable}.transpose(1, 2).unsqueeze(3)"

    def _convolution(self, block: Placed, name: str, read: Value) -> Lengths:
        fields = block.fields
        two = isinstance(fields["kernel"], tuple)
        given = self._image(read) if two else f"{self._flat(read)}.transpose(1, 2)"
        _, apart = padding_of(fields)
        if apart and not fields["transposed"]:
            around = (*apart[1], *apart[0]) if two else apart[0]
            given = f"functional.pad({given}, {around})"
        # A convolution along time alone stays (batch, channels, time) until all is done.
        self._set(name, f"self.{name}({given})")
        self._pieces(block, name, 1)
        if (fields["norm"] == "layer" and not two) or (fields["norm"] == "layer" and block.up.height == 1):
            self._set(name, f"{name}.squeeze(3).transpose(1, 2)" if two else f"{name}.transpose(1, 2)")
            self._set(name, f"self.{name}_norm({name})")
        else:
            if fields["norm"] and two and block.up.height == 1:  # the batch norm of a width takes no height
                self._set(name, f"self.{name}_norm({name}.squeeze(3)).transpose(1, 2)")
            elif fields["norm"]:
                self._set(name, f"self.{name}_norm({name})" + ("" if two else ".transpose(1, 2)"))
            elif two and block.up.height == 1:
                self._set(name, f"{name}.squeeze(3).transpose(1, 2)")
            elif not two:
                self._set(name, f"{name}.transpose(1, 2)")
        return tuple(self._slid(fields, length) for length in read.lengths)

    def _slid(self, fields: Any, length: int) -> int:
        """Return the steps of a convolution or pooling."""
        kernel, stride = of_time(fields["kernel"]), of_time(fields["stride"])
        if fields.get("transposed"):
            pads = 0 if isinstance(fields["padding"], str) else sum(fields["padding"][0])
            return (length - 1) * stride - pads + kernel + of_time(fields["output_padding"])
        room = length + sum(pads_of(fields)[0]) - kernel
        return (-(-room // stride) if fields.get("ceil") else room // stride) + 1

    def _pooling(self, block: Placed, name: str, read: Value) -> Lengths:
        fields = block.fields
        if fields["over"]:
            times = tuple(range(1, len(block.wired.rate) + 1))
            if read.image:
                self._set(name, f"{read.variable}.mean(2, keepdim=True)")
            elif read.lengths:
                self._set(name, f"{read.variable}.mean(1, keepdim=True)")
            else:
                self._set(name, f"{read.variable}.flatten(1, -2).mean(1, keepdim=True)")
            return tuple(1 for _ in LENGTHS) if times else ()
        two = read.image or isinstance(fields["kernel"], tuple)
        kernel, stride = ((of_time(fields[one]), of_height(fields[one])) for one in ("kernel", "stride"))
        padding, apart = padding_of({**fields, "stride": (2, 2)})
        if apart is None and any(2 * pad > size for pad, size in zip(padding, kernel, strict=True)):
            padding, apart = (0, 0), pads_of(fields)
        given = self._image(read) if two else f"{read.variable}.transpose(1, 2)"
        if apart:
            around = (*apart[1], *apart[0]) if two else apart[0]
            given = f'functional.pad({given}, {around}, value=float("-inf"))'
        options = arguments(
            one_of(kernel) if two else kernel[0],
            stride=None if stride == kernel else one_of(stride) if two else stride[0],
            padding=None if padding == (0, 0) else one_of(padding) if two else padding[0],
            ceil_mode=True if fields["ceil"] else None,
        )
        made = f"functional.max_pool{2 if two else 1}d({given}, {options})"
        if block.up.height == 1:
            made += ".squeeze(3).transpose(1, 2)" if two else ".transpose(1, 2)"
        self._set(name, made)
        return tuple(self._slid(fields, length) for length in read.lengths)

    def _recurrent(self, block: Placed, name: str, read: str, lengths: Lengths) -> Lengths:
        layers = stack_of(block.wired)
        if layers.alike:
            self.lines.append(f"{name}, _ = self.{name}({read})")
            self._summed(layers, name, layers.layers[0].directions)
            self._fewer(layers, name, layers.layers[-1].subsample)
        elif any(layer.subsample > 1 for layer in layers.layers):
            for place, layer in enumerate(layers.layers):
                self.lines.append(f"{name}, _ = self.{name}[{place}]({read})")
                self._summed(layers, name, layer.directions)
                self._fewer(layers, name, layer.subsample)
                read = name
        else:
            self._loop(layers, name, read)
        for layer in layers.layers if any(layer.subsample > 1 for layer in layers.layers) else ():
            lengths = tuple(-(-length // layer.subsample) for length in lengths)
        return lengths

    def _loop(self, layers: BlockStack, name: str, read: str) -> None:
        summed = self.lines
        if layers.skip:
            self.lines += [f"given, handed = {read}, []", f"{name} = given", f"for layer in self.{name}:"]
            self.lines += [
                f"    fed = torch.cat([{name}, given], dim=-1) if handed else given",
                f"    {name}, _ = layer(fed)",
            ]
        else:
            self._set(name, read)
            self.lines += [f"for layer in self.{name}:", f"    {name}, _ = layer({name})"]
        if layers.summed:
            summed += [
                f"    forward, backward = {name}.chunk(2, dim=-1)",
                f"    {name} = forward + backward",
            ]
        if layers.skip:
            self.lines += [f"    handed.append({name})", f"{name} = torch.cat(handed, dim=-1)"]

    def _summed(self, layers: BlockStack, name: str, directions: int) -> None:
        if layers.summed and directions == 2:
            self.lines += [f"forward, backward = {name}.chunk(2, dim=-1)", f"{name} = forward + backward"]

    def _fewer(self, layers: BlockStack, name: str, factor: int) -> None:
        if factor > 1:
            self._set(name, f"stack({name}, {factor})" if layers.stacked else f"{name}[:, ::{factor}]")

    def _attention(self, block: Placed, name: str, read: str, lengths: Lengths) -> Lengths:
        memory = self._flat(self.values[block.wired.block.names["memory"][0]])
        if block.fields["kind"] == "multihead" and self._modules[name].startswith("nn."):
            self.lines.append(f"{name}, _ = self.{name}({read}, {memory}, {memory}, need_weights=False)")
        else:
            self._set(name, f"self.{name}({read}, {memory})")
        return lengths

    def _transformer(self, block: Placed, name: str, read: str, lengths: Lengths) -> Lengths:
        memories = [self._flat(self.values[key]) for key in block.wired.block.names.get("attends", ())]
        self._layers(name, read, memories)
        if block.fields["final_norm"]:
            self._set(name, f"self.{name}_norm({name})")
        return lengths

    def _layers(self, name: str, read: str, memories: Sequence[str] = ()) -> None:
        self._set(name, read)
        self.lines += [f"for layer in self.{name}:", f"    {name} = layer({', '.join([name, *memories])})"]

    def _conformer(self, block: Placed, name: str, read: str, lengths: Lengths) -> Lengths:
        self._layers(name, read)
        return lengths

    _highway = _conformer

    def _splice(self, block: Placed, name: str, read: str, lengths: Lengths) -> Lengths:
        self._set(name, f"splice({read}, {block.fields['frames']})")
        return lengths

    def _subsample(self, block: Placed, name: str, read: str, lengths: Lengths) -> Lengths:
        factor = block.fields["factor"]
        stacked = block.fields["how"] == "stack"
        self._set(name, f"stack({read}, {factor})" if stacked else f"{read}[:, ::{factor}]")
        return tuple(-(-length // factor) for length in lengths)

    def _split(self, block: Placed, name: str, read: str, lengths: Lengths) -> Lengths:
        parts = block.fields["parts"]
        self._set(name, f"{read}.unflatten(-1, ({parts}, -1)).flatten(1, 2)")
        return tuple(length * parts for length in lengths)
