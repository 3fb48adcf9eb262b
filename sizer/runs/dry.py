"""A dry run: how many configurations would be kept, and about how large the tables would get; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from sizer.formats import FORMATS
from sizer.grids.account import Account
from sizer.grids.engine import Rows
from sizer.grids.pruning.counts import EFFORT, EFFORT_IN_A_HURRY, count_kept, prunable
from sizer.grids.pruning.rows import pruned_rows
from sizer.runs.manifest import metadata
from sizer.runs.walk import LARGE, MOST_TO_WALK, OnProgress, Progress, Walk
from sizer.sweepfile.sweep import Sweep
from sizer.tables.written.batches import record_batch, table_schema
from sizer.tables.written.streams import Form
from sizer.tables.written.writers import expected_bytes

MOST_CONFIGURATIONS = 2**63 - 1
"""The largest grid that can be run: ids are 64-bit integers."""

_SAMPLE = 1 << 16


@dataclass(frozen=True)
class Counted:
    """What a dry run found."""

    account: Account | None
    """Where every configuration went; None where that could not be said exactly."""
    best: list[int]
    """The ids of the largest kept configurations, largest first."""
    expected_bytes: dict[str, int]
    """About how large each table would get, by format."""
    kept_between: tuple[int, int] | None = None
    """Where the account is None: the smallest and the largest number that may be kept, which may be the same."""


def count_sweep(
    sweep: Sweep, top: int, *, exact: bool, hurry: bool = False, form: Form, on_progress: OnProgress | None = None
) -> Counted:
    """Return what a run of a sweep would keep.

    Args:
        sweep: of any size.
        top: how many of the largest configurations to name.
        exact: go on for as long as an exact count takes.
        hurry: be content with bounds soon.
        form: how the tables would be written.
        on_progress: called from time to time with the progress.
    """
    if sweep.size > MOST_TO_WALK and not prunable(sweep):
        return Counted(None, [], {}, (0, sweep.size))
    if sweep.size > LARGE and prunable(sweep):
        counted = count_kept(
            sweep,
            best=top,
            effort=None if exact else EFFORT_IN_A_HURRY if hurry else EFFORT,
            on_counted=None if on_progress is None else lambda decided, kept: on_progress(Progress(decided, kept)),
        )
        if counted.account is None:
            return Counted(None, [], {}, (counted.at_least, counted.at_most))
        account, best, sample = counted.account, counted.best, _first_rows(sweep)
    else:
        walk = Walk(sweep, top, on_progress)
        sample = list(_up_to(walk.rows(sweep.columns), _SAMPLE, go_on=True))
        account, best = walk.account, walk.best()
    return Counted(account, best, _expected_bytes(sweep, sample, account.kept, form))


def _first_rows(sweep: Sweep) -> list[Rows]:
    """Return the first kept rows of a large sweep, enough to see how wide they are."""
    if sweep.size > MOST_CONFIGURATIONS:
        return []
    return list(_up_to(pruned_rows(sweep, sweep.columns, Account()), _SAMPLE, go_on=False))


def _up_to(rows: Iterator[Rows], number: int, *, go_on: bool) -> Iterator[Rows]:
    """Yield the first rows; where it is said, go through the others all the same."""
    seen = 0
    for part in rows:
        if seen < number:
            yield part
        elif not go_on:
            return
        seen += len(part)


def _expected_bytes(sweep: Sweep, sample: list[Rows], kept: int, form: Form) -> dict[str, int]:
    if not sample:
        return {}
    schema = table_schema(sweep.columns, sweep.names.kinds)
    table = pa.Table.from_batches([record_batch(rows, schema, sweep.words) for rows in sample], schema)
    return {
        name: expected_bytes(table, kept, name, metadata(sweep), form) for name in sweep.formats if FORMATS[name].writer
    }
