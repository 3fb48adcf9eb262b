"""A sweep, checked and frozen: what is fixed, what is swept, and which configurations are kept.

Nothing here is an array: an axis of 10^12 steps is three numbers, and the size of a grid is a Python int.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sizer.networks.blocks.outlines import ModelOutline, OpenModel
from sizer.networks.blocks.types import BlockType
from sizer.networks.cells import CellType
from sizer.networks.columns import COUNTED
from sizer.networks.conventions import cell_of
from sizer.networks.counting import CHOICES, choices
from sizer.networks.fields import FIELDS, Kind
from sizer.networks.outlines import NetworkOutline, Outline
from sizer.sweepfile.axis import Column, Listed

if TYPE_CHECKING:
    from sizer.sweepfile.expressions import Expression
    from sizer.sweepfile.per_layer import PerLayer


@dataclass(frozen=True)
class Axis:
    """One digit of the grid's ids. The columns of a linked table move together and are one axis."""

    columns: tuple[Column, ...]
    length: int

    @property
    def base(self) -> str | None:
        """The field of which it is a fraction; None where it stands by itself. A fraction is never linked."""
        return self.columns[0].base


@dataclass(frozen=True)
class Grid:
    """One grid: the axes in file order, the last one fastest, and the fields that stay the same."""

    fixed: Mapping[str, Any] = field(hash=False)
    """The fields of `model` that no axis of this grid varies, as given; absent ones are not in it."""
    axes: tuple[Axis, ...]
    cell_types: Mapping[str, CellType] = field(default_factory=dict, hash=False)
    """The cell types that the file defines."""
    model: OpenModel | None = field(default=None, hash=False, repr=False)
    """The model of blocks of which fields are swept, by their paths; None in a sweep without blocks."""
    per_layer: tuple[PerLayer, ...] = ()
    """The fields that each layer has for itself, in file order; what has some is a space."""
    order: tuple[str, ...] = ()
    """The swept fields of a space in file order."""

    @property
    def size(self) -> int:
        """The number of configurations, a Python int however large."""
        once = math.prod(axis.length for axis in self.axes)
        if not self.per_layer:
            return once
        deciding = [axis for axis in self.axes if self._decides_layers(axis)]
        ways = 0
        for layers in self._numbers_of_layers(deciding):
            ways += math.prod(axis.ways(layers[axis.block]) for axis in self.per_layer)
        return once // math.prod(axis.length for axis in deciding) * ways

    def _decides_layers(self, axis: Axis) -> bool:
        """Return whether an axis says how many layers there are, of what has layers with fields of their own."""
        blocks = {one.block for one in self.per_layer}
        return any(self._block_of(column) in blocks for column in axis.columns)

    def _block_of(self, column: Column) -> str | None:
        """Return the block of which a column may say how many layers it has; None where it says nothing of it."""
        block, _, name = column.field.rpartition(".")
        lists = isinstance(column, Listed) and any(isinstance(value, tuple) for value in column.values)
        return block if name == "layers" or (block and lists) else None

    def _numbers_of_layers(self, axes: Sequence[Axis]) -> Iterator[dict[str, int]]:
        """Yield how many layers each block has, for each combination of what decides it."""
        for places in itertools.product(*(range(axis.length) for axis in axes)):
            values = {
                column.field: column.value(place)
                for axis, place in zip(axes, places, strict=True)
                for column in axis.columns
                if self._block_of(column) is not None
            }
            yield self.layers_of(values)

    def layers_of(self, values: Mapping[str, Any]) -> dict[str, int]:
        """Return how many layers each block with fields of layers has; without blocks its name is empty.

        Args:
            values: of the swept fields that may say so; what they leave out is as the model says.
        """
        found = {}
        for block in dict.fromkeys(axis.block for axis in self.per_layer):
            if self.model is None:
                found[block] = int(values.get("layers", self.fixed.get("layers", 1)))
                continue
            own = self.model.given(block) | {
                name.rpartition(".")[2]: value for name, value in values.items() if name.rpartition(".")[0] == block
            }
            layered = {axis.field.rpartition(".")[2] for axis in self.per_layer if axis.block == block}
            lists = [len(value) for name, value in own.items() if isinstance(value, tuple) and name not in layered]
            found[block] = int(own["layers"]) if isinstance(own.get("layers"), int) else max(lists, default=1)
        return found

    def most_layers(self) -> dict[str, int]:
        """Return the most layers of each block with fields of layers."""
        found: dict[str, int] = {}
        for layers in self._numbers_of_layers([axis for axis in self.axes if self._decides_layers(axis)]):
            found = {block: max(number, found.get(block, 0)) for block, number in layers.items()}
        return found

    @property
    def layers_first(self) -> tuple[Axis, ...]:
        """The axes, those that say how many layers there are before the others."""
        return tuple(sorted(self.axes, key=lambda axis: not self._decides_layers(axis)))

    @property
    def swept(self) -> tuple[str, ...]:
        """The swept fields in file order."""
        return self.order or tuple(self.columns)

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The swept fields by name, in file order."""
        return {column.field: column for axis in self.axes for column in axis.columns}

    @cached_property
    def by_base(self) -> tuple[str, ...]:
        """The swept fields, each after the one of which it is a fraction."""
        found: dict[str, None] = {}

        def settle(name: str) -> None:
            base = self.columns[name].base
            if base is not None:
                settle(base)
            found[name] = None

        for name in self.columns:
            settle(name)
        return tuple(found)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The swept fields of which each value is a network of its own kind: words, and what shapes a model of blocks."""
        return tuple(name for name, column in self.columns.items() if column.structural)

    @cached_property
    def sizes(self) -> dict[str, bool]:
        """The other swept fields, with whether each is never 0."""
        return {name: self.least(name) > 0 for name in self.columns if name not in self.words}

    def least(self, name: str) -> int:
        """Return the smallest value of a swept count or boolean, or less than it where it is a fraction of another."""
        column = self.columns[name]
        return column.ends()[0] if column.base is None else min(self.least(column.base), 1)

    def most(self, name: str) -> int:
        """Return the largest value of a swept count or boolean, or more."""
        column = self.columns[name]
        return column.ends()[1] if column.base is None else column.ends((1, self.most(column.base)))[1]

    def outline(self, words: Mapping[str, Any]) -> Outline:
        """Return what the configurations with certain words have in common.

        Args:
            words: of every field in `words`; of a network without blocks other fields may stay the same too.
        """
        if self.model is not None:
            return self.model.outline({name: words[name] for name in self.words}, self.sizes)
        return NetworkOutline({**self.fixed, **words}, self.cell(words))

    @cached_property
    def word_axes(self) -> tuple[dict[tuple[Any, ...], int], ...]:
        """Of each axis with words: the rows of words on it, each with the first place at which it stands."""
        found = []
        for axis in self.axes:
            several = [column for column in axis.columns if column.structural]
            if several:
                rows: dict[tuple[Any, ...], int] = {}
                for place in range(axis.length):
                    rows.setdefault(tuple(column.value(place) for column in several), place)
                found.append(rows)
        return tuple(found)

    @property
    def structures(self) -> int:
        """How many combinations of words there are."""
        return math.prod(map(len, self.word_axes))

    def combinations(self) -> Iterator[dict[str, Any]]:
        """Yield each combination of words."""
        for rows in itertools.product(*self.word_axes):
            yield dict(zip(self.words, itertools.chain.from_iterable(rows), strict=True))

    def outlines(self) -> Iterator[ModelOutline]:
        """Yield what the configurations of a model of blocks have in common, for each combination of words."""
        assert self.model is not None
        for words in self.combinations():
            yield self.model.outline(words, self.sizes)

    def configuration(self, places: Sequence[int]) -> dict[str, Any]:
        """Return the fields, as given, of the configuration at a place on each axis, exact at any size.

        In the order of `FIELDS`; with blocks, the model as it is declared with what is swept in its place.
        """
        values = self.values(places)
        if self.model is not None:
            return self.model.configuration({name: values[name] for name in self.columns})
        return {name: values[name] for name in FIELDS if name in values}

    def values(self, places: Sequence[int]) -> dict[str, Any]:
        """Return what is swept of the configuration at a place on each axis, and what stays the same."""
        at = {column.field: place for axis, place in zip(self.axes, places, strict=True) for column in axis.columns}
        found: dict[str, Any] = dict(self.fixed)
        for name in self.by_base:
            column = self.columns[name]
            found[name] = column.value(at[name], 0 if column.base is None else found[column.base])
        return found

    def cell(self, words: Mapping[str, Any]) -> CellType:
        """Return the table of the cells of configurations with certain words.

        Args:
            words: `convention` and `cell_type`, at least those of them that are swept.
        """
        return cell_of({**self.fixed, **words}, self.cell_types)


@dataclass(frozen=True)
class Names:
    """What the configurations of a sweep have: fields with their kinds, words, and counted columns."""

    kinds: Mapping[str, Kind]
    """Every field, in order."""
    words: Mapping[str, tuple[str, ...]]
    """Those of each field that has some."""
    counted: tuple[str, ...] = COUNTED
    """The counted columns, in table order."""
    spread: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Swept fields whose values are lists -> the columns that hold them, one per layer."""


KINDS: Mapping[str, Kind] = {name: field.kind for name, field in FIELDS.items()}
"""The fields of a network without blocks, with their kinds."""


@dataclass(frozen=True)
class Bound:
    """Bounds on one counted column, both ends included."""

    column: str
    minimum: int | None
    maximum: int | None


@dataclass(frozen=True)
class Sweep:
    """A sweep file without faults."""

    file: str
    """The file as the user named it."""
    text: str
    sha256: str
    """Of the file's bytes, in hexadecimal."""
    name: str
    description: str
    grids: tuple[Grid, ...]
    """Their union is the table, ids running on from one grid to the next."""
    where: tuple[Expression, ...]
    """Every one must hold for a configuration to be kept."""
    budget: tuple[Bound, ...]
    """In file order."""
    formats: tuple[str, ...]
    """`csv`, `parquet`, `xlsx`; without an output section csv and parquet."""
    columns: tuple[str, ...]
    """The table's columns in order, `default` and `all` resolved."""
    cell_types: Mapping[str, CellType] = field(default_factory=dict)
    """The cell types that the file defines."""
    notes: tuple[str, ...] = ()
    """What was read otherwise than it is written, in words."""
    of_blocks: Names | None = None
    """What the configurations have, of a sweep of a model of blocks."""

    @property
    def size(self) -> int:
        """The number of configurations, a Python int however large."""
        return sum(grid.size for grid in self.grids)

    @cached_property
    def names(self) -> Names:
        """What the configurations have."""
        if self.of_blocks is not None:
            return self.of_blocks
        return Names(KINDS, {name: choices(name, self.cell_types) for name in CHOICES})

    @property
    def is_space(self) -> bool:
        """Whether some field is swept for each layer by itself."""
        return any(grid.per_layer for grid in self.grids)

    @property
    def block_types(self) -> Mapping[str, BlockType]:
        """The block types that the file defines."""
        model = self.grids[0].model if self.grids else None
        return {} if model is None else model.block_types

    @property
    def words(self) -> Mapping[str, tuple[str, ...]]:
        """The words of each `choice` field, the file's own cell types after the built-in ones."""
        return self.names.words

    @property
    def swept(self) -> tuple[str, ...]:
        """Every field that some grid sweeps, in the order of first appearance; of lists a column for each layer."""
        names = dict.fromkeys(name for grid in self.grids for name in grid.swept)
        return tuple(column for name in names for column in self.names.spread.get(name, (name,)))


def as_word(value: Any) -> str:
    """Return a value of a field as a word of a table."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(as_word, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)
