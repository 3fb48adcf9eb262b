"""Rows that stream by become what a summary shows of them: the largest per number of layers, and the lines of a chart.

What is remembered does not grow with the table: where there are too many numbers of layers or of cells to remember, every
second one is merged with its neighbour, of which the larger stays, until there are few enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

REMEMBERED = 20_000
"""Pairs of layers and cells, at most."""
NEEDED = ("layers", "cells", "weights")
"""The columns without which there is no chart."""


@dataclass
class Largest:
    """The largest rows so far."""

    by_layers: pa.Table | None = None
    """A row for each number of layers, or each span of them."""
    by_cells: pa.Table | None = None
    """A row, of `NEEDED` only, for each number of layers and of cells, or each span of them."""
    spans: dict[str, int] = field(default_factory=lambda: {"layers": 1, "cells": 1})
    """How many neighbouring numbers are one."""

    def see(self, table: pa.Table) -> None:
        """Take in more rows; does nothing where a column is missing."""
        if {"layers", "weights"} <= {*table.schema.names}:
            self.by_layers = self._merged(self.by_layers, table, ("layers",))
            while len(self.by_layers) > REMEMBERED:
                self._widen("layers")
        if {*NEEDED} <= {*table.schema.names}:
            self.by_cells = self._merged(self.by_cells, table.select(NEEDED), ("layers", "cells"))
            while len(self.by_cells) > REMEMBERED:
                self._widen("cells")

    def _widen(self, name: str) -> None:
        """Merge every number with its neighbour."""
        self.spans[name] *= 2
        if self.by_layers is not None:
            self.by_layers = self._merged(None, self.by_layers, ("layers",))
        if self.by_cells is not None:
            self.by_cells = self._merged(None, self.by_cells, ("layers", "cells"))

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
        span = largest.spans["layers"]
        firsts = sorted({row["layers"] // span * span for row in rows})
        drawn = {first: _span(first, span) for first in evenly(firsts, most_layers)}
        weights = {
            (row["cells"], drawn[row["layers"] // span * span]): row["weights"]
            for row in rows
            if row["layers"] // span * span in drawn
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
