"""A run: a sweep is enumerated, counted and filtered, and its tables and manifest appear together.

sweep -> blocks of kept rows -> tables under temporary names -> renamed, the manifest last
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sizer import __version__
from sizer.errors import Fault, InputError, quoted
from sizer.grids.account import Account
from sizer.grids.best import Extremes, best_ids, rows_of
from sizer.grids.boxes import locate
from sizer.grids.columns import configuration_at
from sizer.grids.engine import Rows, enumerate_sweep
from sizer.grids.pruned import EFFORT, count_kept, has_long_lines, prunable, pruned_rows
from sizer.networks.breakdown import Breakdown, explain
from sizer.networks.counting import count, did_you_mean
from sizer.networks.network import COUNTED
from sizer.sweepfile.limits import count_bounds, largest_counts
from sizer.sweepfile.load import apply_options
from sizer.sweepfile.sweep import Sweep
from sizer.tables.arrow import ROW_GROUP, frame, record_batch, regrouped, table_schema
from sizer.tables.files import pending_files, sha256_of
from sizer.tables.writers import WRITERS, Writers, expected_bytes

if TYPE_CHECKING:
    import pandas as pd

MOST_CONFIGURATIONS = 2**63 - 1
"""The largest grid that can be run: ids are 64-bit integers."""

MOST_TO_WALK = 10**10
"""The largest grid that a dry run looks at point by point where corners do not decide."""

LARGE = 1 << 24
"""Grids of more configurations are pruned where that pays."""

_SAMPLE = 1 << 16

Progress = Callable[[int, int], None]
"""Called with the configurations decided and the rows kept so far."""


@dataclass(frozen=True)
class Run:
    """What a run did."""

    sweep: Sweep
    """With the budget, `where`, formats and columns that the run was given."""
    account: Account | None
    """Where every configuration went; None where a dry run could not say exactly."""
    largest: tuple[dict[str, Any], ...]
    """The largest kept configurations, largest first: id, every field, every counted column."""
    smallest: dict[str, Any] | None
    """Where nothing was kept: the smallest configuration that passes `where`, or else the smallest valid one."""
    files: tuple[Path, ...]
    """The tables, then the manifest; empty for a dry run."""
    expected_bytes: dict[str, int]
    """For a dry run: about how large each table would get, by format."""
    seconds: float
    keep: int | None = None
    """How many of the kept configurations were written; None: all of them."""
    sort: str = "-weights"
    """The counted column that decided which were written, where not all were."""
    kept_between: tuple[int, int] | None = None
    """Where a dry run could not count exactly: the smallest and the largest number that may be kept."""

    def frame(self) -> pd.DataFrame:
        """Return the kept configurations as a pandas frame with the table's columns.

        The rows are enumerated again; they equal those of the files.
        """
        schema = table_schema(self.sweep.columns)
        return frame(Walk(self.sweep, top=0).batches(schema, self.keep, self.sort), schema)

    def as_json(self) -> dict[str, Any]:
        """Return the run as `--json` shows it."""
        return {
            "name": self.sweep.name,
            "description": self.sweep.description,
            "configurations": self.sweep.size,
            **({} if self.account is None else self.account.as_json()),
            "largest": list(self.largest),
            "smallest": self.smallest,
            "files": [str(path) for path in self.files],
            "expected_bytes": self.expected_bytes,
            "kept_between": None if self.kept_between is None else list(self.kept_between),
            "seconds": round(self.seconds, 3),
        }


def run_sweep(
    sweep: Sweep,
    out: str | Path = "results",
    *,
    budget: str | Sequence[str] | Mapping[str, Any] = (),
    where: str | Sequence[str] = (),
    formats: Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
    top: int = 5,
    keep: int | None = None,
    sort: str = "-weights",
    dry_run: bool = False,
    exact: bool = False,
    parquet_encoding: str = "delta",
    on_progress: Progress | None = None,
) -> Run:
    """Enumerate, count and filter a sweep, and write its tables and manifest.

    Args:
        sweep: from `load_sweep`.
        out: the folder of the tables; made where it is missing.
        budget: `"10M"` replaces the maximum of `weights`, `"int8_bytes=2MB"` that of another counted column.
        where: expressions that must hold besides the sweep's own.
        formats: of the tables instead of the sweep's.
        columns: of the tables instead of the sweep's: `default`, `all` or names.
        top: how many of the largest configurations to return.
        keep: write only this many of the kept configurations, the first ones by `sort`, in that order.
        sort: a counted column for `keep`, with `-` in front for the largest first; ties in id order.
        dry_run: only count; nothing is written.
        exact: in a dry run, go on for as long as an exact count takes.
        parquet_encoding: of integers: `delta`, or `plain` for readers that do not know delta (fastparquet).
        on_progress: called after each block.

    Returns:
        What the run did; `.frame()` is the table.

    Raises:
        InputError: an option has faults, or the sweep has more than 2**63 - 1 configurations.
        RunError: the tables could not be written; those that were there are unchanged.
    """
    started = time.perf_counter()
    sweep = apply_options(
        sweep,
        budget=[budget] if isinstance(budget, str) else budget,
        where=[where] if isinstance(where, str) else where,
        formats=formats,
        columns=columns,
    )
    _check_formats(sweep)
    _check_sort(sweep, keep, sort)
    if dry_run:
        return _dry_run(sweep, top, exact, parquet_encoding, on_progress, started)
    if sweep.size > MOST_CONFIGURATIONS:
        message = f"{sweep.size:,} configurations are more than the {MOST_CONFIGURATIONS:,} that ids can number; --dry-run counts them"
        raise InputError([Fault(sweep.file, 0, 0, "grid", message)])
    walk = Walk(sweep, top, on_progress)
    schema = table_schema(sweep.columns)
    folder = Path(out)
    paths = [folder / f"{sweep.name}.{format_name}" for format_name in sweep.formats]
    manifest = folder / f"{sweep.name}.manifest.json"
    with pending_files(folder) as pending:
        partials = [pending.add(path) for path in paths]
        open_writers = [
            WRITERS[format_name](partial, schema, _metadata(sweep), parquet_encoding)
            for format_name, partial in zip(sweep.formats, partials, strict=True)
        ]
        with Writers(open_writers) as writers:
            for table in regrouped(walk.batches(schema, keep, sort), schema):
                writers.write(table)
        files = {path.name: sha256_of(partial) for path, partial in zip(paths, partials, strict=True)}
        content = {**_provenance(sweep), **walk.account.as_json(), "columns": list(sweep.columns), "files": files}
        if keep is not None:
            content |= {"written": min(keep, walk.account.kept), "sort": sort}
        pending.add(manifest).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        pending.commit()
    return Run(
        sweep=sweep,
        account=walk.account,
        largest=walk.largest(),
        smallest=None if walk.account.kept else _smallest(sweep),
        files=(*paths, manifest),
        expected_bytes={},
        seconds=time.perf_counter() - started,
        keep=keep,
        sort=sort,
    )


def _check_formats(sweep: Sweep) -> None:
    missing = [name for name in sweep.formats if name not in WRITERS]
    if missing:
        written = " and ".join(WRITERS)
        raise InputError(
            Fault(sweep.file, 0, 0, "output.formats", f"{name} tables are not written yet; {written} are")
            for name in missing
        )


def _check_sort(sweep: Sweep, keep: int | None, sort: str) -> None:
    column = sort.removeprefix("-")
    if column not in COUNTED:
        message = f"{quoted(column)} is no counted column{did_you_mean(column, COUNTED)}"
        raise InputError([Fault("", 0, 0, "--sort", message)])
    if keep is not None and keep < 1:
        raise InputError([Fault("", 0, 0, "--keep", f"{keep} is below the minimum, 1")])
    largest = max(largest_counts(grid, count_bounds(grid), [column])[column] for grid in sweep.grids)
    if keep is not None and largest > MOST_CONFIGURATIONS:
        message = f"{column} can reach {largest:,}, and is sorted as a 64-bit integer, at most {MOST_CONFIGURATIONS:,}"
        raise InputError([Fault("", 0, 0, "--sort", message)])


def _provenance(sweep: Sweep) -> dict[str, Any]:
    """Return what a table says of itself; nothing that depends on time, host or how it was made."""
    return {
        "sizer": __version__,
        "name": sweep.name,
        "sweep_sha256": sweep.sha256,
        "sweep": sweep.text,
        "conventions": list(_conventions(sweep)),
        "budget": {bound.column: {"min": bound.minimum, "max": bound.maximum} for bound in sweep.budget},
        "where": [expression.text for expression in sweep.where],
    }


def _metadata(sweep: Sweep) -> dict[str, str]:
    """Return the provenance as a table's metadata."""
    return {"sizer": json.dumps(_provenance(sweep))}


def _conventions(sweep: Sweep) -> tuple[str, ...]:
    """Return the conventions that the sweep names, in the order of first appearance."""
    found: dict[str, None] = {}
    for grid in sweep.grids:
        if "convention" in grid.fixed:
            found[str(grid.fixed["convention"])] = None
        for axis in grid.axes:
            for column in axis.columns:
                if column.field == "convention":
                    found.update(dict.fromkeys(str(value) for value in getattr(column, "values", ())))
    return tuple(found)


def is_pruned(sweep: Sweep) -> bool:
    """Return whether a sweep is large, and pruning it pays."""
    return sweep.size > LARGE and prunable(sweep) and (has_long_lines(sweep) or sweep.size > MOST_TO_WALK)


class Walk:
    """One pass over a sweep: its account, its largest configurations, and the batches for the tables."""

    def __init__(self, sweep: Sweep, top: int, on_progress: Progress | None = None) -> None:
        """Start a pass; `top` is how many of the largest configurations to remember."""
        self.sweep = sweep
        self.account = Account()
        self._largest = Extremes(top, "weights", descending=True)
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
                self._on_progress(self.account.decided, self.account.kept)
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
                self._on_progress(int(rows.ids[-1]) + 1, kept)
            yield rows
        counted.repeated = seen.repeated
        self.account.add(counted)

    def batches(self, schema: pa.Schema, keep: int | None = None, sort: str = "-weights") -> Iterator[pa.RecordBatch]:
        """Yield the kept rows as record batches: all in id order, or the first `keep` by `sort`."""
        for rows in self.rows(schema.names) if keep is None else self._best_rows(schema.names, keep, sort):
            yield record_batch(rows, schema, self.sweep.words)

    def _best_rows(self, columns: Sequence[str], keep: int, sort: str) -> Iterator[Rows]:
        column, descending = sort.removeprefix("-"), sort.startswith("-")
        ids, account = best_ids(self.sweep, keep, column, descending=descending, pruned=is_pruned(self.sweep))
        self.account.add(account)
        for start in range(0, len(ids), ROW_GROUP):
            rows = rows_of(self.sweep, ids[start : start + ROW_GROUP], [*columns, "weights"])
            self._largest.see(rows)
            yield rows

    def best(self) -> list[int]:
        """Return the ids of the largest kept configurations, largest first."""
        return [int(configuration_id) for configuration_id in self._largest.ids()]

    def largest(self) -> tuple[dict[str, Any], ...]:
        """Return the largest kept configurations, largest first."""
        return tuple(row(self.sweep, configuration_id) for configuration_id in self.best())


def row(sweep: Sweep, configuration_id: int) -> dict[str, Any]:
    """Return one configuration with every field and every counted column.

    Raises:
        IndexError: no configuration has that id.
        InputError: the convention refuses the configuration.
    """
    grid, places = locate(sweep, configuration_id)
    counted = count(configuration_at(grid, places))
    return {"id": configuration_id, **counted.configuration, **counted.columns()}


def explain_row(sweep: Sweep, configuration_id: int) -> Breakdown:
    """Return one configuration of a sweep tensor by tensor.

    Raises:
        InputError: no configuration has that id, or the convention refuses it.
    """
    try:
        grid, places = locate(sweep, configuration_id)
    except IndexError as problem:
        raise InputError([Fault(sweep.file, 0, 0, "--id", str(problem))]) from None
    return explain(configuration_at(grid, places))


def _dry_run(
    sweep: Sweep, top: int, exact: bool, parquet_encoding: str, on_progress: Progress | None, started: float
) -> Run:
    if sweep.size > MOST_TO_WALK and not prunable(sweep):
        return Run(sweep, None, (), None, (), {}, time.perf_counter() - started, kept_between=(0, sweep.size))
    if sweep.size > LARGE and prunable(sweep):
        counted = count_kept(sweep, best=top, effort=None if exact else EFFORT)
        if counted.account is None:
            bounds = (counted.at_least, counted.at_most)
            return Run(sweep, None, (), None, (), {}, time.perf_counter() - started, kept_between=bounds)
        account, best, sample = counted.account, counted.best, _first_rows(sweep)
    else:
        walk = Walk(sweep, top, on_progress)
        sample = list(_up_to(walk.rows(sweep.columns), _SAMPLE, go_on=True))
        account, best = walk.account, walk.best()
    return Run(
        sweep=sweep,
        account=account,
        largest=tuple(row(sweep, configuration_id) for configuration_id in best),
        smallest=None if account.kept else _smallest(sweep),
        files=(),
        expected_bytes=_expected_bytes(sweep, sample, account.kept, parquet_encoding),
        seconds=time.perf_counter() - started,
    )


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


def _expected_bytes(sweep: Sweep, sample: list[Rows], kept: int, parquet_encoding: str) -> dict[str, int]:
    if not sample:
        return {}
    schema = table_schema(sweep.columns)
    table = pa.Table.from_batches([record_batch(rows, schema, sweep.words) for rows in sample], schema)
    return {name: expected_bytes(table, kept, name, _metadata(sweep), parquet_encoding) for name in sweep.formats}


def _smallest(sweep: Sweep) -> dict[str, Any] | None:
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
