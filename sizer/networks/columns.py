"""The counted columns: a row for each says what it means, in which unit, and how it is summed over a network.

a wired network -> `tally` -> any of the columns, on every kind of number that a network is wired with
a wired model of blocks -> the same rows, and `macs_at`: multiply-accumulates for each step of a clock

A column stands here and nowhere else: counts, tables, the schema of sweep files, budgets, the service's description
and the documents have one of every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any, Literal, Protocol

from sizer.networks.network import Group
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
    of_blocks: bool = False
    """Whether models of blocks alone have it."""


class Grouped(Protocol):
    """A wired network or model."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """Its groups of tensors."""
        ...


def _part(name: str, meaning: str, *, of_blocks: bool = False) -> Column:
    def weights(group: Group) -> Number:
        return _weights(group, name)

    return Column(name, meaning, "weights", weights, part=True, of_blocks=of_blocks)


def _weights(group: Group, part: str = "") -> Number:
    """Return the weights of a group, or of those of its tensors that are of one part."""
    if not group.counted:
        return 0
    own = [tensor for tensor in group.tensors if not tensor.buffer and part in ("", tensor.part)]
    return total([tensor.weights(group.dimensions) for tensor in own])


def _trained(group: Group) -> Number:
    return _weights(group) if group.trained else 0


def _buffers(group: Group) -> Number:
    return total([tensor.size(group.dimensions) for tensor in group.tensors if tensor.buffer and group.counted])


def _macs(group: Group) -> Number:
    sizes = []
    for tensor in group.tensors:
        if tensor.matrix:
            size = tensor.size(group.dimensions)
            sizes.append(size if tensor.area is None else product([group.dimensions[tensor.area], size]))
    return product([group.uses, total(sizes)])


def _state(group: Group) -> Number:
    return total([group.dimensions[name] for name in group.state])


_ROWS: dict[str, Column] = {
    column.name: column
    for column in (
        Column("weights", "Number of weights of the whole network.", "weights", each=1),
        _part("input_weights", "Weights of the matrices that multiply the input of a layer."),
        _part("recurrent_weights", "Weights of the matrices that multiply a layer's own previous output."),
        _part("projection_weights", "Weights of the projection matrices."),
        _part("peephole_weights", "Weights of peepholes, through which the gates read the cells."),
        _part("bias_weights", "All biases, also those of the projection and of the output layer."),
        _part("output_weights", "Weights of the output layer's matrix."),
        _part("embedding_weights", "Weights of the embedding in front of the network."),
        _part("other_weights", "Weights of the rest of the model, as `other_weights` gives them."),
        _part("dense_weights", "Weights of the matrices of dense layers and feed-forward parts.", of_blocks=True),
        _part("convolution_weights", "Weights of the kernels of convolutions.", of_blocks=True),
        _part("attention_weights", "Weights of the matrices of attention.", of_blocks=True),
        Column("trained_weights", "Weights that are not frozen.", "weights", _trained, of_blocks=True),
        Column(
            "buffer_values",
            "Values that a toolkit keeps besides the weights: means and variances of batch normalisation under keras.",
            "scalars",
            _buffers,
            of_blocks=True,
        ),
        Column(
            "macs_per_step",
            "Multiply-accumulates of one time step: matrices only, with the output layer, without embedding look-ups.",
            "multiply-accumulates",
            _macs,
        ),
        Column("state_size", "Scalars carried from one step to the next.", "scalars", _state),
        Column("float32_bytes", "Bytes of the weights in 32-bit floats.", "bytes", each=4),
        Column("float16_bytes", "Bytes of the weights in 16-bit floats.", "bytes", each=2),
        Column("int8_bytes", "Bytes of the weights in 8-bit integers.", "bytes", each=1),
    )
}

COLUMNS = {name: column for name, column in _ROWS.items() if not column.of_blocks}
"""Every column that is counted rather than given, in the order of the tables."""
MODEL_COLUMNS = _ROWS
"""Those of a model of blocks; beside them `NAME.weights` of each block, and multiply-accumulates at each clock."""
MODEL_PARTS = tuple(column.name for column in MODEL_COLUMNS.values() if column.part)
"""The parts of a model of blocks, which add up to its `weights`."""
COUNTED = tuple(COLUMNS)
"""Their names."""
PARTS = tuple(column.name for column in COLUMNS.values() if column.part)
"""Those that add up to `weights`."""
SUMMED = tuple(column.name for column in COLUMNS.values() if not column.each)
"""Those that are summed by themselves; the others follow from the parts."""
BYTES = {column.name: column.each for column in COLUMNS.values() if column.unit == "bytes"}
"""Bytes per weight in each number format."""


@dataclass(frozen=True)
class PerStep:
    """So much in so many steps: an average of which the parts are whole, whatever kind of number they are."""

    total: Number
    steps: int = 1

    @property
    def rounded_up(self) -> int:
        """The average of plain numbers as a whole one, so that a bound is never passed unseen."""
        return -(-int(self.total) // self.steps)

    @property
    def exact(self) -> Fraction:
        """The average of plain numbers."""
        return Fraction(int(self.total), self.steps)


def macs_at(groups: Iterable[Group]) -> dict[tuple[str, ...], dict[Fraction, Number]]:
    """Return multiply-accumulates by the clock at whose steps they are made, or the two, and by how often for each step."""
    found: dict[tuple[str, ...], dict[Fraction, Number]] = {}
    for group in groups:
        macs = product([group.times, _macs(group)])
        if not (isinstance(macs, int) and macs == 0):
            for clocks, often in group.steps:
                by_times = found.setdefault(clocks, {})
                by_times[often] = by_times.get(often, 0) + macs
    return found


def added(terms: Iterable[tuple[Fraction, Number]]) -> PerStep:
    """Return a sum of numbers, each so many times."""
    terms = list(terms)
    steps = lcm(*(times.denominator for times, _ in terms))
    return PerStep(total([product([int(times * steps), number]) for times, number in terms]), steps)


def tally(network: Grouped, columns: Iterable[str]) -> dict[str, Number]:
    """Return the named counted columns of a network, each an int or an array like the network's dimensions."""
    found: dict[str, Number] = {}
    for name in columns:
        column = MODEL_COLUMNS[name]
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
