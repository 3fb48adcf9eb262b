"""The sizes that stand in a model of blocks: the whole numbers of which its counts are polynomials.

    encoder.cells       a field of a block
    lstm.cells.1        the first layer's, where they are told one by one
    cnn.conv.channels.2 the second repetition's, of a block in a group

What else stands in a block is a shape: each combination of shapes is a structure of its own.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sizer.networks.blocks.types import BLOCK_TYPES, BlockType
from sizer.networks.tensors import Number
from sizer.sizes import parse_size

OTHER = "other_weights"
_STEPS = frozenset({"subsample"})
"""Fields that steps are divided by, so that each value is a structure of its own."""


@dataclass(frozen=True)
class Size:
    """One size of a model, and where it stands."""

    path: tuple[str | int, ...]
    """Keys and places in the model."""
    name: str
    """With dots; per layer and per repetition by its number, from 1."""
    value: int
    field: str
    """The field of the block's type; `other_weights` of the model itself."""


@cache
def size_fields(block_type: BlockType) -> frozenset[str]:
    """Return the fields of a block type that are sizes."""
    found = {one.name for one in block_type.fields if one.kind in ("size", "sizes")} - _STEPS
    return frozenset(found | ({"kernel"} if block_type.name == "convolution" else set()))


def sizes_of(declared: Mapping[str, Any], block_types: Mapping[str, BlockType] | None = None) -> Iterator[Size]:
    """Yield the sizes of a model as far as they can be read, in the order in which they stand there.

    Args:
        declared: the model; it may have faults.
        block_types: those that the person defines.
    """
    types = {**BLOCK_TYPES, **(block_types or {})}
    yield from _of_blocks(declared.get("blocks"), ("blocks",), "", types)
    yield from _of_value(declared.get(OTHER), (OTHER,), OTHER, OTHER)


def with_sizes(
    declared: Mapping[str, Any],
    number: Callable[[Size], Number],
    block_types: Mapping[str, BlockType] | None = None,
) -> dict[str, Any]:
    """Return a model with another kind of number for each of its sizes.

    Args:
        declared: the model.
        number: returns what stands for a size.
        block_types: those that the person defines.
    """
    found: dict[str, Any] = _copied(declared)
    for size in sizes_of(declared, block_types):
        here: Any = found
        for step in size.path[:-1]:
            here = here[step]
        here[size.path[-1]] = number(size)
    return found


def placed(declared: Any, path: Sequence[str | int], value: Any) -> Any:
    """Return a model with another value at a place, of which all but the last step is there."""
    first, *rest = path
    found: Any = list(declared) if isinstance(declared, (list, tuple)) else dict(declared)
    found[first] = placed(found[first], rest, value) if rest else value
    return found


def _of_blocks(blocks: Any, path: tuple[str | int, ...], before: str, types: Mapping[str, BlockType]) -> Iterator[Size]:
    for name, block in blocks.items() if isinstance(blocks, Mapping) else ():
        if not isinstance(block, Mapping) or not isinstance(name, str):
            continue
        kind = block.get("type")
        if kind == "group":
            yield from _of_blocks(block.get("blocks"), (*path, name, "blocks"), f"{before}{name}.", types)
        elif isinstance(kind, str) and kind in types:
            fields = size_fields(types[kind])
            for field, value in block.items():
                if field in fields:
                    yield from _of_value(value, (*path, name, field), f"{before}{name}.{field}", field)


def _of_value(value: Any, path: tuple[str | int, ...], name: str, field: str) -> Iterator[Size]:
    if isinstance(value, Mapping):
        if set(value) == {"each"}:
            yield from _of_value(value["each"], (*path, "each"), name, field)
    elif isinstance(value, (list, tuple)):
        if field != "kernel" or path[-1] == "each":  # of a convolution, [time, height] is a shape
            for place, one in enumerate(value):
                yield from _of_value(one, (*path, place), f"{name}.{place + 1}", field)
    else:
        read = _read(value)
        if read is not None:
            yield Size(path, name, read, field)


def _read(value: Any) -> int | None:
    """Return a whole number, which may be written as a size; None where it is none."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return parse_size(value) if isinstance(value, str) else operator.index(value)
    except (ValueError, TypeError):
        return None


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(one) for one in value]
    return value
