"""The best configurations of a sweep by a counted column, and rows in the order of given ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sizer.grids.account import Account
from sizer.grids.columns import IntArray
from sizer.grids.engine import Decider, Rows, enumerate_sweep
from sizer.grids.pruning.counts import OPENED, count_kept
from sizer.grids.pruning.rows import pruned_rows
from sizer.grids.repeats import Repeats
from sizer.sweepfile.sweep import Bound, Sweep


class Extremes:
    """The best rows by a counted column of all that were seen, ties in id order."""

    def __init__(self, number: int, column: str, *, descending: bool) -> None:
        """Start with nothing seen; `descending`: the largest are the best."""
        self._number = number
        self._column = column
        self._sign = -1 if descending else 1
        self._keys = np.empty(0, dtype=np.int64)
        self._ids = np.empty(0, dtype=np.int64)

    def see(self, rows: Rows) -> None:
        """Take rows into account."""
        if not len(rows) or not self._number:
            return
        keys, ids = self._sign * rows.column(self._column), rows.ids
        if len(self._keys) == self._number:
            closer = keys < self._keys[-1]
            if not closer.any():
                return
            keys, ids = keys[closer], ids[closer]
        if len(keys) > self._number:
            limit = np.partition(keys, self._number - 1)[self._number - 1]
            keys, ids = keys[keys <= limit], ids[keys <= limit]
        keys, ids = np.concatenate([self._keys, keys]), np.concatenate([self._ids, ids])
        order = np.lexsort((ids, keys))[: self._number]
        self._keys, self._ids = keys[order], ids[order]

    @property
    def worst(self) -> int | None:
        """The worst value that is still among the best; None while there is room for more."""
        if not self._number:
            return None
        return int(self._sign * self._keys[-1]) if len(self._keys) == self._number else None

    def ids(self) -> IntArray:
        """Return the ids of the rows, the best first."""
        return self._ids


def best_ids(sweep: Sweep, number: int, column: str, *, descending: bool, pruned: bool) -> tuple[IntArray, Account]:
    """Return the ids of the best kept configurations, the best first, and the account of the whole sweep.

    Args:
        sweep: of at most 2**63 - 1 configurations; of any size where it is pruned and `number` at most `OPENED`.
        number: how many; fewer where fewer are kept.
        column: the counted column that decides, ties in id order.
        descending: the largest are the best.
        pruned: find them on boxes, without enumerating the rest; the sweep must be prunable.
    """
    extremes = Extremes(number, column, descending=descending)
    if not pruned:
        account = Account()
        for part, rows in enumerate_sweep(sweep, [column]):
            account.add(part)
            extremes.see(rows)
        return extremes.ids(), account
    counted = count_kept(sweep, best=number, sort=column, descending=descending, effort=None)
    assert counted.account is not None
    if number <= OPENED:
        return np.array(counted.best, dtype=np.int64 if sweep.size < 2**63 else object), counted.account
    limit = Bound(column, counted.limit, None) if descending else Bound(column, None, counted.limit)
    for rows in pruned_rows(replace(sweep, budget=(*sweep.budget, limit)), [column], Account()):
        extremes.see(rows)
    return extremes.ids(), counted.account


def rows_of(sweep: Sweep, ids: IntArray, columns: Sequence[str]) -> Rows:
    """Return the rows of kept configurations in the order of their ids as given."""
    order = np.argsort(ids, kind="stable")
    ascending = ids[order]
    parts = []
    first_id = 0
    for number, grid in enumerate(sweep.grids):
        here = ascending[(ascending >= first_id) & (ascending < first_id + grid.size)]
        if len(here):
            decider = Decider(sweep, grid, columns, Repeats.of(sweep, number))
            parts.append(decider.rows_at(first_id, here - first_id, Account()))
        first_id += grid.size
    back = np.argsort(order, kind="stable")
    names = [name for name in columns if name != "id"]
    return Rows(ids, {name: np.concatenate([part.column(name) for part in parts])[back] for name in names})
