"""A sweep becomes kept rows, an account of all the others, and its largest configurations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from sizer.errors import Fault, InputError, faults_of
from sizer.grids.account import Account
from sizer.grids.best_rows import Extremes, best_ids, rows_of
from sizer.grids.columns import IntArray
from sizer.grids.engine import BLOCK, Decider, Rows, enumerate_sweep
from sizer.grids.ids import blocks, lengths, locate
from sizer.grids.pruning.counts import count_kept, has_long_lines, prunable
from sizer.grids.pruning.rows import pruned_rows
from sizer.grids.repeats import Repeats
from sizer.networks.aliases import counted_as
from sizer.networks.blocks.layered import countable
from sizer.networks.counting import count
from sizer.questions.breakdown import Breakdown, explain
from sizer.sweepfile.sweep import Sweep, as_word
from sizer.tables.written.batches import ROW_GROUP, record_batch

MOST_TO_WALK = 10**10
"""The largest grid that a dry run looks at point by point where corners do not decide."""

LARGE = 1 << 24
"""Tables of more configurations are written in parts, and searches in such a grid are pruned where that pays."""

MOST_TO_DECIDE = 1 << 30
"""Rows of a grid of more configurations are searched for; those of a smaller one are walked in seconds."""

SPARSE = 64
"""Where fewer than one configuration in so many is kept, searching for the rows beats walking to them."""


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    decided: int
    """Configurations that were counted, or known without counting."""
    kept: int
    """Of these, the rows that are kept."""
    writing: str = ""
    """The format that is being made from the parts, once every configuration is decided."""
    written: int = 0
    """Rows that stand in it."""


OnProgress = Callable[[Progress], None]
"""Called now and then in a run."""


def is_pruned(sweep: Sweep) -> bool:
    """Return whether a sweep is large, and pruning it pays."""
    return sweep.size > LARGE and prunable(sweep) and (has_long_lines(sweep) or sweep.size > MOST_TO_WALK)


class Walk:
    """One pass over a sweep: its account, its largest configurations, and the batches for the tables."""

    def __init__(self, sweep: Sweep, top: int, on_progress: OnProgress | None = None) -> None:
        """Start a pass; `top` is how many of the largest configurations to remember."""
        self.sweep = sweep
        self.account = Account()
        self._top = top
        self._largest = Extremes(top, "weights", descending=True)
        self._best: IntArray | None = None
        """The largest, where the rows that are walked are not all."""
        self._on_progress = on_progress

    def rows(self, columns: Sequence[str]) -> Iterator[Rows]:
        """Yield the kept rows in id order, keeping the account."""
        wanted = [*columns, "weights"] if "weights" not in columns else list(columns)
        if is_pruned(self.sweep):
            yield from self._pruned_rows(wanted)
            return
        for account, rows in enumerate_sweep(self.sweep, wanted):
            self.account.add(account)
            self._largest.see(rows)
            if self._on_progress:
                self._on_progress(Progress(self.account.decided, self.account.kept))
            if len(rows):
                yield rows

    def _pruned_rows(self, columns: Sequence[str]) -> Iterator[Rows]:
        """Yield the kept rows of a large grid; the account is counted beforehand, on boxes."""
        counted = count_kept(self.sweep, effort=None).account
        assert counted is not None
        kept = 0
        seen = Account()
        for rows in pruned_rows(self.sweep, columns, seen):
            kept += len(rows)
            self._largest.see(rows)
            if self._on_progress:
                self._on_progress(Progress(int(rows.ids[-1]) + 1, kept))
            yield rows
        counted.repeated = seen.repeated
        self.account.add(counted)

    def batches(self, schema: pa.Schema, keep: int | None = None, sort: str = "-weights") -> Iterator[pa.RecordBatch]:
        """Yield the kept rows as record batches: all in id order, or the first `keep` by `sort`."""
        for rows in self.rows(schema.names) if keep is None else self._best_rows(schema.names, keep, sort):
            yield record_batch(rows, schema, self.sweep.words)

    def _best_rows(self, columns: Sequence[str], keep: int, sort: str) -> Iterator[Rows]:
        ids, account = first_by(self.sweep, keep, sort)
        self.account.add(account)
        self._best = largest_within(self.sweep, self._top, ids if sort == "-weights" else ids[:0], account.kept)
        yield from rows_in_order(self.sweep, ids, columns)

    def best(self) -> list[int]:
        """Return the ids of the largest kept configurations, in the tables or not, largest first."""
        found = self._largest.ids() if self._best is None else self._best
        return [int(configuration_id) for configuration_id in found]

    def largest(self) -> tuple[dict[str, Any], ...]:
        """Return the largest kept configurations, largest first."""
        return tuple(row(self.sweep, configuration_id) for configuration_id in self.best())


def first_by(sweep: Sweep, keep: int, sort: str) -> tuple[IntArray, Account]:
    """Return the ids of the first `keep` configurations by `sort`, in that order, and the sweep's account."""
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    return best_ids(sweep, keep, column, descending=descending, pruned=is_pruned(sweep))


def largest_within(sweep: Sweep, top: int, first: IntArray, kept: int) -> IntArray:
    """Return the ids of the largest kept configurations, largest first, however few of them the tables hold.

    Args:
        sweep: of at most 2**63 - 1 configurations.
        top: how many.
        first: those that are known already, from the largest on.
        kept: how many are kept in all.
    """
    if len(first) >= min(top, kept):
        return first[:top]
    return first_by(sweep, top, "-weights")[0]


def rows_in_order(sweep: Sweep, ids: IntArray, columns: Sequence[str]) -> Iterator[Rows]:
    """Yield the rows of kept configurations in the order of their ids as given, with `weights` among the columns."""
    for start in range(0, len(ids), ROW_GROUP):
        yield rows_of(sweep, ids[start : start + ROW_GROUP], list(dict.fromkeys([*columns, "weights"])))


def rows_between(
    sweep: Sweep, columns: Sequence[str], account: Account, start: int, stop: int, *, pruned: bool
) -> Iterator[Rows]:
    """Yield the kept rows with ids from `start` up to `stop`, in id order.

    Args:
        sweep: of at most 2**63 - 1 configurations.
        columns: names from `FIELDS` and `COUNTED`.
        account: takes what became of the configurations; of a pruned sweep, only what was kept and what repeats.
        start: the first id.
        stop: the id after the last one.
        pruned: search for the rows instead of walking the grid.
    """
    if pruned:
        for rows in pruned_rows(sweep, columns, account, start, stop):
            account.kept += len(rows)
            yield rows
        return
    first_id = 0
    for number, grid in enumerate(sweep.grids):
        low, high = max(start - first_id, 0), min(stop - first_id, grid.size)
        if low < high:
            decider = Decider(sweep, grid, columns, Repeats.of(sweep, number))
            for offset, box in blocks(lengths(grid), BLOCK, low, high):
                part, rows = decider.decide(first_id + offset, box)
                account.add(part)
                if len(rows):
                    yield rows
        first_id += grid.size


def row(sweep: Sweep, configuration_id: int) -> dict[str, Any]:
    """Return one configuration with every field and every counted column.

    Raises:
        IndexError: no configuration has that id.
        InputError: the convention refuses the configuration.
    """
    if sweep.is_space:
        from sizer.runs.spaces import row_of
        from sizer.spaces.space import Space

        return row_of(Space(sweep).by_id([configuration_id]), 0, sweep.names.counted)
    grid, places = locate(sweep, configuration_id)
    counted = count(grid.configuration(places), sweep.cell_types, sweep.block_types)
    if sweep.of_blocks is None:
        return {"id": configuration_id, **counted.configuration, **counted.columns()}
    values = grid.values(places)
    fields = grid.outline(values).fields({name: values[name] for name in grid.sizes})
    columns = counted.columns()
    return {
        "id": configuration_id,
        **{
            name: as_word(fields[name]) if fields[name] is None or isinstance(fields[name], tuple) else fields[name]
            for name in ("convention", *sweep.swept)
        },
        **{name: columns.get(name, 0) for name in sweep.names.counted},
    }


def explain_row(sweep: Sweep, configuration_id: int) -> Breakdown:
    """Return one configuration of a sweep tensor by tensor.

    Raises:
        InputError: no configuration has that id, or the convention refuses it.
    """
    found = _configuration_of(sweep, configuration_id)
    with faults_of(sweep.file):
        breakdown = explain(found, sweep.cell_types, sweep.block_types)
    convention = str(breakdown.count.configuration.get("convention"))
    # A grid may have several; of a configuration those are said that its own convention was named by.
    own = [note for note in sweep.notes if note.endswith(f" {counted_as(convention)}")]
    return breakdown.noted(own) if own else breakdown


def network_of(sweep: Sweep, configuration_id: int) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]]:
    """Return one configuration of a sweep as it is compared under every convention, and the types that the sweep defines.

    Raises:
        InputError: no configuration has that id.
    """
    found = _configuration_of(sweep, configuration_id)
    if "blocks" not in found:
        del found["convention"]
    return found, {"cell_types": sweep.cell_types, "block_types": sweep.block_types}


def _configuration_of(sweep: Sweep, configuration_id: int) -> dict[str, Any]:
    try:
        if sweep.is_space:
            from sizer.spaces.space import Space

            return countable(Space(sweep).by_id([configuration_id])[0], sweep.cell_types)
        grid, places = locate(sweep, configuration_id)
        return grid.configuration(places)
    except IndexError as problem:
        raise InputError([Fault("", 0, 0, "id", str(problem))]) from None


def smallest(sweep: Sweep) -> dict[str, Any] | None:
    """Return the smallest configuration that passes `where`, or else the smallest valid one, or None."""
    for wider in (replace(sweep, budget=()), replace(sweep, budget=(), where=())):
        if sweep.size > LARGE and prunable(sweep):
            ids = count_kept(wider, best=1, descending=False).best
        else:
            extremes = Extremes(1, "weights", descending=False)
            for _, rows in enumerate_sweep(wider, ["weights"]):
                extremes.see(rows)
            ids = extremes.ids().tolist()
        if ids:
            return row(sweep, ids[0])
    return None
