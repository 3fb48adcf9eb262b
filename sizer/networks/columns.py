"""The counted columns: a row for each says what it means, in which unit, and how it is summed over a network.

a wired network -> `tally` -> any of the columns, on every kind of number that a network is wired with

A column stands here and nowhere else: counts, tables, the schema of sweep files, budgets, the service's description
and the documents have one of every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sizer.networks.network import Group, Network
from sizer.networks.tensors import Number, product, total


@dataclass(frozen=True)
class Column:
    """One counted column: summed over the groups of a network, or a multiple of its weights."""

    name: str
    meaning: str
    unit: Literal["weights", "multiply-accumulates", "scalars", "bytes"]
    of_group: Callable[[Group], Number] | None = None
    """What each layer and direction of a group adds; None where the column follows from the weights."""
    each: int = 0
    """How many there are for each weight; 0 where the column is summed by itself."""
    part: bool = False
    """Whether it is a part of the weights: the parts add up to them."""


def _part(name: str, meaning: str) -> Column:
    def weights(group: Group) -> Number:
        return total([tensor.weights(group.dimensions) for tensor in group.tensors if tensor.part == name])

    return Column(name, meaning, "weights", weights, part=True)


def _weights(group: Group) -> Number:
    return total([tensor.weights(group.dimensions) for tensor in group.tensors])


def _macs(group: Group) -> Number:
    return product([group.uses, total([tensor.size(group.dimensions) for tensor in group.tensors if tensor.matrix])])


def _state(group: Group) -> Number:
    return total([group.dimensions[name] for name in group.state])


COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        Column("weights", "Trainable scalars of the whole network.", "weights", each=1),
        _part("input_weights", "Of the matrices that what feeds a layer is multiplied with."),
        _part("recurrent_weights", "Of the matrices that a layer's own last output is multiplied with."),
        _part("projection_weights", "Of the projections' matrices."),
        _part("peephole_weights", "Of the gates' views of the cells."),
        _part("bias_weights", "Every bias, the projection's and the output layer's too."),
        _part("output_weights", "Of the output layer's matrix."),
        _part("embedding_weights", "Of the embedding in front of the network."),
        _part("other_weights", "What `other_weights` gives."),
        Column(
            "macs_per_step",
            "Multiply-accumulates of one time step: matrices only, the output layer included, looking up an embedding not.",
            "multiply-accumulates",
            _macs,
        ),
        Column("state_size", "Scalars carried from one step to the next.", "scalars", _state),
        Column("float32_bytes", "Bytes of the weights in 32-bit floats.", "bytes", each=4),
        Column("float16_bytes", "Bytes of the weights in 16-bit floats.", "bytes", each=2),
        Column("int8_bytes", "Bytes of the weights in 8-bit integers.", "bytes", each=1),
    )
}
"""Every column that is counted rather than given, in the order of the tables."""

COUNTED = tuple(COLUMNS)
"""Their names."""
PARTS = tuple(column.name for column in COLUMNS.values() if column.part)
"""Those that add up to `weights`."""
SUMMED = tuple(column.name for column in COLUMNS.values() if not column.each)
"""Those that are summed by themselves; the others follow from the parts."""
BYTES = {column.name: column.each for column in COLUMNS.values() if column.unit == "bytes"}
"""Bytes per weight in each number format."""


def tally(network: Network, columns: Iterable[str]) -> dict[str, Number]:
    """Return the named counted columns of a network, each an int or an array like the network's dimensions."""
    found: dict[str, Number] = {}
    for name in columns:
        column = COLUMNS[name]
        of_group = column.of_group or _weights
        summed = total([product([group.times, of_group(group)]) for group in network.groups])
        found[name] = product([column.each or 1, summed])
    return found


def completed(summed: Mapping[str, Any]) -> dict[str, int]:
    """Return every counted column.

    Args:
        summed: those that are summed by themselves, by name.
    """
    weights = sum(summed[part] for part in PARTS)
    return {name: column.each * weights if column.each else summed[name] for name, column in COLUMNS.items()}
