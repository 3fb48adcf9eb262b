"""Rows that stream by become what a summary shows of them: the largest per number of layers, and the lines of a chart.

A sweep of a model of blocks has other fields for these two, by their paths: one for the lines, one along the axis.

What is remembered does not grow with the table: where there are too many numbers of layers or of cells to remember, every
second one is merged with its neighbour, of which the larger stays, until there are few enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

REMEMBERED = 20_000
"""Pairs of layers and cells, at most."""
_COUNTS = pa.types.is_integer


def lines_of(swept: Mapping[str, pa.DataType], of_blocks: bool, layered: bool = False) -> tuple[str, str]:
    """Return the field of which each value is a line, empty where there is one line, and the field along the axis.

    Args:
        swept: the fields that are swept, with their types in the table.
        of_blocks: whether they are paths into a model of blocks.
        layered: whether each layer has widths of its own, of which none says much by itself.
    """
    if not of_blocks and layered:
        return "layers", next((name for name, kind in swept.items() if _COUNTS(kind) and name != "layers"), "")
    if not of_blocks:
        return "layers", "cells"
    counts = [name for name, kind in swept.items() if _COUNTS(kind)]
    # Of a list, one layer's column says little by itself.
    numbers = [name for name in counts if not name.rpartition(".")[2].isdecimal()]
    along = next((name for name in numbers if name.endswith(".cells")), "")
    along = along or next((name for name in numbers if not name.endswith(".layers")), "") or next(iter(numbers), "")
    along = along or next(iter(counts), "")
    others = [name for name in numbers if name != along]
    line = next((name for name in others if name.endswith(".layers")), next(iter(others), ""))
    return line, along


@dataclass
class Largest:
    """The largest rows so far."""

    line: str = "layers"
    """The field of which each value is a line; empty: there is one line."""
    along: str = "cells"
    """The field along the axis; empty: there is no chart."""
    by_layers: pa.Table | None = None
    """A row for each value of `line`, or each span of them."""
    by_cells: pa.Table | None = None
    """A row, of `needed` only, for each value of both fields, or each span of them."""
    spans: dict[str, int] = field(default_factory=dict)
    """How many neighbouring numbers are one."""

    def __post_init__(self) -> None:
        """Begin with each number by itself."""
        self.spans = dict.fromkeys(self.needed[:-1], 1)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns without which there is no chart."""
        return (*filter(None, (self.line, self.along)), "weights")

    def see(self, table: pa.Table) -> None:
        """Take in more rows; does nothing where a column is missing."""
        known = {*table.schema.names}
        if self.line and {self.line, "weights"} <= known:
            self.by_layers = self._merged(self.by_layers, table, (self.line,))
            while len(self.by_layers) > REMEMBERED:
                self._widen(self.line)
        if self.along and {*self.needed} <= known:
            self.by_cells = self._merged(self.by_cells, table.select(self.needed), self.needed[:-1])
            while len(self.by_cells) > REMEMBERED:
                self._widen(self.along)

    def _widen(self, name: str) -> None:
        """Merge every number with its neighbour."""
        self.spans[name] *= 2
        if self.by_layers is not None:
            self.by_layers = self._merged(None, self.by_layers, (self.line,))
        if self.by_cells is not None:
            self.by_cells = self._merged(None, self.by_cells, self.needed[:-1])

    def _merged(self, before: pa.Table | None, table: pa.Table, names: tuple[str, ...]) -> pa.Table:
        """Return the largest row, of equals the first, for each span of the named columns."""
        found = _largest(table, names, self.spans)
        return found if before is None else _largest(pa.concat_tables([before, found]), names, self.spans)


def _largest(table: pa.Table, names: tuple[str, ...], spans: dict[str, int]) -> pa.Table:
    keys = [table[name].to_numpy() // spans[name] for name in names]
    order = np.lexsort((-table["weights"].to_numpy(), *reversed(keys)))  # stable: of equals the first stays first
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.logical_or.reduce([np.diff(key[order]) != 0 for key in keys])
    return table.take(pa.array(order[new])).combine_chunks()


@dataclass(frozen=True)
class Lines:
    """The lines of a chart: for each of some numbers of layers, the largest weights at each of some numbers of cells."""

    cells: list[int]
    layers: list[str]
    """Of each line, as people say it: `3`, or `4-7` where neighbours are one."""
    weights: dict[tuple[int, str], int]
    """By cells and layers."""
    thinned: bool
    """Whether some numbers of cells or of layers were left out or merged."""

    @classmethod
    def of(cls, largest: Largest, most_cells: int, most_layers: int) -> Lines:
        """Return the lines of the largest rows, evenly thinned where there are too many."""
        rows: list[dict[str, int]] = [] if largest.by_cells is None else largest.by_cells.to_pylist()
        line, along = largest.line, largest.along
        span = largest.spans.get(line, 1)
        firsts = sorted({row[line] // span * span for row in rows}) if line else [0]
        drawn = {first: _span(first, span) for first in evenly(firsts, most_layers)} if line else {0: ""}
        weights = {
            (row[along], drawn[first]): row["weights"]
            for row in rows
            if (first := row[line] // span * span if line else 0) in drawn
        }
        all_cells = sorted({cells for cells, _ in weights})
        cells = evenly(all_cells, most_cells)
        whole = (len(cells), len(drawn)) == (len(all_cells), len(firsts)) and set(largest.spans.values()) == {1}
        return cls(cells, list(drawn.values()), weights, thinned=not whole)


def _span(first: int, length: int) -> str:
    return f"{first}" if length == 1 else f"{first}-{first + length - 1}"


def evenly(values: list[int], most: int) -> list[int]:
    """Return at most so many of the values, the first and the last among them.

    Example:
        >>> evenly([1, 2, 3, 4, 5], 3)
        [1, 3, 5]
    """
    if len(values) <= most:
        return values
    return [values[place * (len(values) - 1) // (most - 1)] for place in range(most)]
