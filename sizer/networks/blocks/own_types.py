"""A block type that a person defines, as data, becomes a row like the built-in ones, or faults.

    my_layer:
      fields: {width: null, context: 1, gated: false}
      tensors:
        kernel: [context, read, width]
        gate: {shape: [read, width], when: gated}
        bias: {shape: [width], when: bias}
      hands_up: width

A field with a number is a size of which the number is the default, one with nothing must be given, and one with true or
false is a flag. `bias` is a flag too, of which the convention decides where nothing is said. A shape names fields and what
the block reads; `a/b` is a quotient that must be whole, `a*b` a product.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sizer.errors import quoted
from sizer.networks.blocks.types import BLOCK_TYPES, COMMON, BlockField, BlockType
from sizer.networks.columns import MODEL_PARTS
from sizer.networks.definitions import Path, Problem, name_problems, report_stray, report_unknown
from sizer.networks.tensors import Tensor

READ = ("read", "channels_read", "height_read", "height")
"""What a shape may name beside the fields: the width that is read, its channels and height, and the height handed up."""
KEYS = ("title", "fields", "tensors", "hands_up", "keeps_height", "steps", "state", "source")
FIELD_KEYS = ("default", "minimum", "description")
TENSOR_KEYS = ("shape", "part", "matrix", "when", "area")
_WORD = r"[A-Za-z0-9_]{1,100}"
_FACTOR = re.compile(rf"{_WORD}(?:\*{_WORD}){{0,20}}|{_WORD}/{_WORD}", re.ASCII)
_MOST = 10**100
"""What a number in a definition is below."""
_BIAS = BlockField("bias", "flag", "Whether it has a bias. By default the convention decides.")


def read_block_types(declared: Any) -> tuple[dict[str, BlockType], list[Problem]]:
    """Return the block types that a mapping of names to definitions holds, and what is wrong with those that are broken.

    Args:
        declared: data as the sweep format has it under `block_types`; a `BlockType` is taken as it is.

    Example:
        >>> types, problems = read_block_types(
        ...     {"mine": {"fields": {"width": None}, "tensors": {"kernel": [2, "read", "width"]}, "hands_up": "width"}}
        ... )
        >>> types["mine"].tensors[0].part, types["mine"].told, problems
        ('dense_weights', True, [])
    """
    if not isinstance(declared, Mapping):
        return {}, [((), f"{quoted(declared)} is not a mapping of names to block types")]
    found: dict[str, BlockType] = {}
    problems: list[Problem] = []
    for name, definition in declared.items():
        before = len(problems)
        problems.extend(name_problems(name, "a block type", (name,)))
        if name in BLOCK_TYPES:
            problems.append(((name,), f"{quoted(name)} is the name of a built-in block type; choose another one"))
        own = definition if isinstance(definition, BlockType) else _Definition(name, problems).read(definition)
        if own is not None and len(problems) == before:
            found[name] = own
        elif isinstance(name, str) and name not in BLOCK_TYPES:
            found[name] = BlockType(name, name, (), own=True, broken=True)
    return found, problems


class _Definition:
    """Reads one block type."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.name = name
        self.problems = problems
        self.flags: set[str] = set()
        self.sizes: set[str] = set()
        self.divisors: set[str] = set()
        """Fields that something is divided by: whole numbers that are no sizes."""

    def read(self, definition: Any) -> BlockType | None:
        """Return the block type; nothing where it has faults."""
        if not isinstance(definition, Mapping):
            said = f"{quoted(definition)} is not a mapping; give fields, tensors and hands_up"
            self.problems.append(((self.name,), said))
            return None
        before = len(self.problems)
        report_stray(definition, KEYS, (self.name,), self.problems)
        fields = self._fields(definition.get("fields", {}), (self.name, "fields"))
        tensors = self._tensors(definition.get("tensors"), (self.name, "tensors"))
        hands_up = self._sum(definition.get("hands_up", "read"), (self.name, "hands_up"))
        steps = self._steps(definition.get("steps"), (self.name, "steps"))
        state = self._state(definition.get("state", ()), (self.name, "state"))
        keeps_height = self._yes_or_no(definition.get("keeps_height", False), (self.name, "keeps_height"))
        for key in ("title", "source"):
            if not isinstance(definition.get(key, ""), str):
                self.problems.append(((self.name, key), f"{quoted(definition[key])} is not text"))
        if len(self.problems) > before:
            return None
        named = {name for tensor in tensors for name in _names(tensor.shape)}
        return BlockType(
            self.name,
            definition.get("title", self.name),
            self._told_apart(fields, tensors),
            tensors,
            hands_up,
            told=not keeps_height and not any(name in READ for name in _names([hands_up])),
            keeps_height=keeps_height,
            steps=steps,
            source=definition.get("source", "defined by the user"),
            reads=any(name in READ for name in (*named, *_names([hands_up]))),
            state=state,
            own=True,
        )

    def _told_apart(self, fields: list[BlockField], tensors: Iterable[Tensor]) -> tuple[BlockField, ...]:
        """Return the fields, those that divide as whole numbers that are no sizes, and the bias where a tensor asks for it."""
        found = [
            BlockField(one.name, "shape", one.description, one.default, one.required, one.minimum)
            if one.name in self.divisors
            else one
            for one in fields
        ]
        if any(tensor.when == "bias" for tensor in tensors) and all(one.name != "bias" for one in fields):
            found.append(_BIAS)
        return tuple(found)

    def _fields(self, declared: Any, path: Path) -> list[BlockField]:
        if isinstance(declared, (list, tuple)) and all(isinstance(name, str) for name in declared):
            declared = dict.fromkeys(declared)
        if not isinstance(declared, Mapping):
            self.problems.append((path, f"{quoted(declared)} is not a mapping of names to defaults"))
            return []
        found = []
        for name, item in declared.items():
            here = (*path, name)
            before = len(self.problems)
            self.problems.extend(name_problems(name, "a field", here))
            if not isinstance(name, str):
                continue
            if name in COMMON or name in READ:
                self.problems.append((here, f"{quoted(name)} means something else in a block; choose another name"))
            options = item if isinstance(item, Mapping) else {"default": item}
            at = (*here, "default") if options is item else here
            report_stray(options, FIELD_KEYS, here, self.problems)
            default, minimum = options.get("default"), options.get("minimum", 0 if options.get("default") == 0 else 1)
            if isinstance(default, bool):
                self.flags.add(name)
            else:
                self.sizes.add(name)
                if not _is_whole(minimum) or not 0 <= minimum < _MOST:
                    self.problems.append(((*here, "minimum"), f"{quoted(minimum)} is not a whole number from 0"))
                elif default is not None and not _is_whole(default):
                    self.problems.append((at, f"{quoted(default)} is neither a whole number, nor true, nor false"))
                elif default is not None and default >= _MOST:
                    self.problems.append((at, "has more than 100 digits"))
                elif default is not None and default < minimum:
                    self.problems.append((at, f"{default} is below the minimum, {minimum}"))
            description = options.get("description", "a size that has no default")
            if not isinstance(description, str) or not description:
                self.problems.append(((*here, "description"), f"{quoted(description)} is not text"))
            if len(self.problems) == before:
                flag = isinstance(default, bool)
                found.append(
                    BlockField(name, "flag", description, default)
                    if flag
                    else BlockField(name, "size", description, default, default is None, minimum)
                )
        return found

    def _tensors(self, declared: Any, path: Path) -> tuple[Tensor, ...]:
        if declared is None:
            return ()
        if not isinstance(declared, Mapping) or not declared:
            self.problems.append((path, "is not a mapping of names to shapes"))
            return ()
        found = []
        for name, item in declared.items():
            here = (*path, name)
            before = len(self.problems)
            self.problems.extend(name_problems(name, "a tensor", here))
            options = item if isinstance(item, Mapping) else {"shape": item}
            report_stray(options, TENSOR_KEYS, here, self.problems)
            shape = self._shape(options.get("shape"), (*here, "shape") if options is item else here)
            named = sum(1 for factor in shape if isinstance(factor, str))
            part = options.get("part", "dense_weights" if named > 1 else "bias_weights")
            report_unknown(part, MODEL_PARTS, (*here, "part"), self.problems)
            matrix = self._yes_or_no(options.get("matrix", named > 1), (*here, "matrix"))
            when, area = options.get("when"), options.get("area")
            if when is not None:
                report_unknown(when, ("bias", *sorted(self.flags - {"bias"})), (*here, "when"), self.problems)
            if area is not None:
                self._check_factor(area, (*here, "area"))
            if len(self.problems) == before:
                found.append(Tensor(name, part, shape, matrix=matrix, when=when, area=area))
        return tuple(found)

    def _shape(self, declared: Any, path: Path) -> tuple[int | str, ...]:
        if not isinstance(declared, (list, tuple)) or not declared:
            self.problems.append(
                (path, "is not a shape; write a list of whole numbers and names, such as [3, read, width]")
            )
            return ()
        for position, factor in enumerate(declared):
            if _is_whole(factor):
                if not 1 <= factor < _MOST:
                    said = "is below the minimum, 1" if factor < 1 else "has more than 100 digits"
                    self.problems.append(((*path, position), f"{quoted(factor) if factor >= _MOST else factor} {said}"))
            else:
                self._check_factor(factor, (*path, position))
        return tuple(factor for factor in declared if isinstance(factor, (int, str)))

    def _check_factor(self, factor: Any, path: Path) -> None:
        """Check one dimension: a name, a quotient of two, or a product."""
        if not isinstance(factor, str) or not _FACTOR.fullmatch(factor):
            self.problems.append(
                (path, f"{quoted(factor)} is not a dimension; write a number, a name, a/b, or a product such as 2*a")
            )
            return
        for name in re.split(r"[*/]", factor):
            if not name.isdigit():
                report_unknown(name, (*self.sizes, *READ), path, self.problems)
        _, _, divisor = factor.partition("/")
        if divisor in self.sizes:
            self.divisors.add(divisor)
        elif divisor and not divisor.isdigit():
            self.problems.append(
                (path, f"{quoted(divisor)} is not a field; a shape can be divided by a field or a number only")
            )
        if divisor.isdigit() and int(divisor) < 1:
            self.problems.append((path, "divides by 0"))

    def _sum(self, declared: Any, path: Path) -> str:
        """Return the width that is handed up: a dimension, or a list of them that is added up."""
        items = list(declared) if isinstance(declared, (list, tuple)) else [declared]
        if not items:
            self.problems.append((path, "is an empty list; give at least one width"))
        for position, item in enumerate(items):
            self._check_factor(
                str(item) if _is_whole(item) else item,
                (*path, position) if isinstance(declared, (list, tuple)) else path,
            )
        return "+".join(map(str, items))

    def _steps(self, declared: Any, path: Path) -> str:
        """Return the field by which steps are divided, or with `*` in front multiplied."""
        if declared is None:
            return ""
        if not isinstance(declared, str):
            said = f"{quoted(declared)} is not the name of a field; write field to divide the steps by it, '*field' to multiply them"
            self.problems.append((path, said))
            return ""
        name = declared.removeprefix("*")
        report_unknown(name, sorted(self.sizes), path, self.problems)
        self.divisors.add(name)
        return declared

    def _state(self, declared: Any, path: Path) -> tuple[str, ...]:
        items = list(declared) if isinstance(declared, (list, tuple)) else [declared]
        for position, item in enumerate(items):
            self._check_factor(item, (*path, position) if isinstance(declared, (list, tuple)) else path)
        return tuple(items)

    def _yes_or_no(self, value: Any, path: Path) -> bool:
        if not isinstance(value, bool):
            self.problems.append((path, f"{quoted(value)} is neither true nor false"))
        return value is True


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _names(shapes: Iterable[int | str]) -> Iterator[str]:
    """Yield every name in dimensions."""
    for factor in shapes:
        if isinstance(factor, str):
            yield from re.split(r"[*/+]", factor)
