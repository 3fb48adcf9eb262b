"""A run: a sweep is enumerated, counted and filtered, and its tables and manifest appear together.

    small   kept rows -> tables, side by side
    large   ranges of ids -> parts of the Parquet table, by every core or a cluster -> the other tables from the parts

Either way everything is made in the run's work folder, and moved into place when it is whole, the manifest last.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import pyarrow as pa

from sizer.answer import Shown, Table
from sizer.errors import Fault, InputError, quoted
from sizer.formats import FORMATS
from sizer.grids.account import Account
from sizer.networks.counting import did_you_mean
from sizer.parameters import checked
from sizer.runs.dry import MOST_CONFIGURATIONS, count_sweep
from sizer.runs.making import Made, Making
from sizer.runs.manifest import metadata, order
from sizer.runs.summary import run_screen
from sizer.runs.walk import LARGE, OnProgress, Walk, row, smallest
from sizer.sweepfile.limits import count_bounds, largest_of_all
from sizer.sweepfile.load import apply_options, sweep_of
from sizer.sweepfile.sweep import Sweep
from sizer.tables.stored.folders import open_folder
from sizer.tables.written.batches import frame, regrouped, table_schema
from sizer.tables.written.csv import CsvWriter
from sizer.tables.written.streams import CSV_DIALECTS, PARQUET_ENCODINGS, Form
from sizer.tables.written.writers import Writers, expected_bytes
from sizer.terminal import Terminal

if TYPE_CHECKING:
    import pandas as pd

    from sizer.runs.spaces import SpaceWalk


@dataclass(frozen=True, repr=False)
class Run(Shown):
    """What a run did."""

    sweep: Sweep
    """With the budget, `where`, formats and columns that the run was given."""
    account: Account | None
    """Where every configuration went; None where a dry run could not say exactly."""
    largest: tuple[dict[str, Any], ...]
    """The largest kept configurations, largest first: id, every field, every counted column."""
    smallest: dict[str, Any] | None
    """Where nothing was kept: the smallest configuration that passes `where`, or else the smallest valid one."""
    files: tuple[Path | str, ...]
    """The tables, then the manifest: paths, or URLs where the run was given one; empty for a dry run."""
    expected_bytes: dict[str, int]
    """For a dry run: about how large each table would get, by format."""
    seconds: float
    keep: int | None = None
    """How many of the kept configurations were written; None: all of them."""
    sort: str = "-weights"
    """The counted column that decided which were written, where not all were."""
    kept_between: tuple[int, int] | None = None
    """Where a dry run has no exact account: the smallest and the largest number that may be kept, which may be the same."""
    resumed: int = 0
    """Parts of the table that an interrupted run had made."""
    was_finished: bool = False
    """There was nothing left to resume: the tables stood there, and nothing was done."""
    remade: tuple[str, ...] = ()
    """Files and parts that were there, but were not as they had been written, and were made anew."""
    reason: str = ""
    """Why a space was not counted exactly."""

    @property
    def kept(self) -> int | None:
        """How many configurations are kept; None where a dry run could not say exactly."""
        return None if self.account is None else self.account.kept

    def _in_a_line(self) -> str:
        if self.account is None:
            low, high = self.kept_between or (0, self.sweep.size)
            kept = f"{low:,}" if low == high else f"{low:,} to {high:,}"
            return f"{self.sweep.name}: {kept} of {self.sweep.size:,} configurations are kept"
        return f"{self.sweep.name}: {self.account.kept:,} of {self.sweep.size:,} configurations are kept"

    def _as_text(self) -> str:
        return run_screen(self, Terminal(), table=True)

    def _as_table(self) -> Table:
        header = ("id", *self.sweep.swept, *(() if "weights" in self.sweep.swept else ("weights",)))
        return header, [tuple(row.get(name) for name in header) for row in self.largest]

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        dropped: list[str] = []
        if self.account is not None:
            dropped += [f"{number:,} not valid: {reason}" for reason, number in self.account.not_valid.items()]
            dropped += [
                f"{number:,} {side} the budget of {name}" for (name, side), number in self.account.outside.items()
            ]
            dropped += [f"{number:,} excluded: {condition}" for condition, number in self.account.excluded.items()]
        return f"{self._in_a_line()}; the largest", self._as_table(), [*dropped, *map(str, self.files)]

    def frame(self) -> pd.DataFrame:
        """Return the kept configurations as a pandas frame with the table's columns.

        The rows are enumerated again; they equal those of the files.
        """
        schema, batches = self._rows()
        return frame(batches, schema)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the kept configurations as a stream of Arrow, which Polars, DuckDB, pandas and PyArrow read.

        The rows are enumerated again as they are read; they equal those of the files.

        Args:
            requested_schema: what the reader would like; PyArrow decides whether that can be.
        """
        schema, batches = self._rows()
        return pa.RecordBatchReader.from_batches(schema, batches).__arrow_c_stream__(requested_schema)

    def _rows(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Return the columns of the table, and its rows as they are found.

        Raises:
            InputError: there are more than a table can have.
        """
        if self.sweep.is_space:
            from sizer.runs import spaces

            counted = spaces.count_space(self.sweep, 0, exact=True)
            spaces.check_sensible(counted, self.keep)
            schema = spaces.schema_of(self.sweep)
            return schema, spaces.SpaceWalk(counted, self.sweep, None).batches(schema, self.keep, self.sort)
        _check_run(self.sweep)
        schema = table_schema(self.sweep.columns, self.sweep.names.kinds)
        return schema, Walk(self.sweep, top=0).batches(schema, self.keep, self.sort)

    def as_json(self) -> dict[str, Any]:
        """Return the run as `--json` shows it."""
        return {
            "name": self.sweep.name,
            "description": self.sweep.description,
            "configurations": self.sweep.size,
            **({} if self.account is None else self.account.as_json()),
            "largest": list(self.largest),
            "smallest": self.smallest,
            "files": [str(file) for file in self.files],
            "expected_bytes": self.expected_bytes,
            "kept_between": None if self.kept_between is None else list(self.kept_between),
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, repr=False)
class DryRun(Run):
    """What a run would do; nothing was written."""

    def _in_a_line(self) -> str:
        return super()._in_a_line().replace(" are kept", " would be kept")


@checked
def dry_run(
    sweep: str | os.PathLike[str] | Mapping[str, Any] | Sweep,
    *,
    budget: str | int | Sequence[str | int] | Mapping[str, Any] = (),
    where: str | Sequence[str] = (),
    formats: Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
    top: int = 5,
    keep: int | None = None,
    sort: str = "-weights",
    exact: bool = False,
    hurry: bool = False,
    on_progress: OnProgress | None = None,
) -> DryRun:
    """Count what a run of a sweep would keep, and how large its tables would be; write nothing.

    Args:
        sweep: a sweep file, a mapping with the contents of one, or a sweep from `load_sweep`.
        budget, where, formats, columns, top, keep, sort, exact, hurry, on_progress: as for `run_sweep`.

    Raises:
        InputError: the sweep or an option has faults.

    Example:
        >>> model = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2}
        >>> dry_run({"model": model, "grid": {"cells": range(64, 1025, 64)}}, budget="10M")
        <DryRun: sweep: 14 of 16 configurations would be kept>
    """
    found = run_sweep(
        sweep,
        None,
        budget=budget,
        where=where,
        formats=formats,
        columns=columns,
        top=top,
        keep=keep,
        sort=sort,
        dry_run=True,
        exact=exact,
        hurry=hurry,
        on_progress=on_progress,
    )
    return cast("DryRun", found)


@checked
def run_sweep(
    sweep: str | os.PathLike[str] | Mapping[str, Any] | Sweep,
    out: str | os.PathLike[str] | None = "results",
    *,
    budget: str | int | Sequence[str | int] | Mapping[str, Any] = (),
    where: str | Sequence[str] = (),
    formats: Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
    top: int = 5,
    keep: int | None = None,
    sort: str = "-weights",
    dry_run: bool = False,
    exact: bool = False,
    hurry: bool = False,
    parquet_encoding: str = "delta",
    csv_dialect: str = "standard",
    gzip: bool = False,
    workers: int | None = None,
    resume: bool = False,
    cluster: str | None = None,
    on_progress: OnProgress | None = None,
) -> Run:
    """Enumerate, count and filter a sweep, and write its tables and manifest.

    A sweep of more than 2**24 configurations, or one with `workers`, `resume` or `cluster`, writes its Parquet table as
    a folder of parts, `NAME.parquet/part-00000.parquet` and so on.

    Args:
        sweep: a sweep file, a mapping with the contents of one, or a sweep from `load_sweep`.
        out: the folder for the tables, created if it is missing; a path, or a URL that fsspec knows. None: nothing is
            written, and the rows are had from what is returned.
        budget: `"10M"` replaces the maximum of `weights`, `"int8_bytes=2MB"` that of another counted column.
        where: conditions in addition to those of the sweep.
        formats: formats of the tables, instead of the sweep's.
        columns: columns of the tables, instead of the sweep's: `default`, `all` or names.
        top: how many of the largest configurations to return.
        keep: write only this many of the kept configurations: the first by `sort`, in that order.
        sort: a counted column for `keep`, with `-` in front for the largest first; ties in id order.
        dry_run: only count; nothing is written.
        exact: in a dry run, count exactly, however long it takes.
        hurry: in a dry run, accept bounds if an exact count takes more than about two seconds.
        parquet_encoding: encoding of integers: `delta`, or `plain` for readers that cannot read delta (fastparquet).
        csv_dialect: `standard`, `excel-eu` (semicolons, and a byte order mark so that Excel recognises UTF-8) or `tsv` (`NAME.tsv`).
        gzip: compress the CSV table, `NAME.csv.gz`.
        workers: how many parts to write at once, in threads; None: one per core. The tables do not
            depend on it.
        resume: continue from the parts of an interrupted run; start from the beginning if there are none. Parts and tables that
            no longer match what was written are written again.
        cluster: the address of a Dask scheduler whose workers write the parts.
        on_progress: called from time to time with the progress.

    Returns:
        What the run did; `.frame()` is the table, and anything that reads Arrow can read the result directly: `polars.DataFrame(run)`,
            `duckdb.sql("FROM run")`. Of a dry run a `DryRun`.

    Raises:
        InputError: an option has faults, or the sweep has more than 2**63 - 1 configurations.
        RunError: the tables could not be written, or another run is writing them, or what is there was begun with
            another sweep or other options; existing tables are unchanged.
    """
    started = time.perf_counter()
    sweep = apply_options(
        sweep_of(sweep),
        budget=budget,
        where=where,
        formats=formats,
        columns=columns,
    )
    _check_sort(sweep, keep, sort)
    _check_form(parquet_encoding, csv_dialect)
    form = Form(parquet_encoding, csv_dialect, gzip)
    if out is None and not dry_run and (resume or workers is not None or cluster is not None):
        given = {"resume": resume, "workers": workers is not None, "cluster": cluster is not None}
        message = "writes parts in a folder; name one with out"
        raise InputError(Fault("", 0, 0, name, message) for name, is_given in given.items() if is_given)
    if sweep.is_space:
        in_parts = _InParts(resume, workers, cluster)
        return _run_space(sweep, out, started, form, top, keep, sort, dry_run, exact, in_parts, on_progress)
    if dry_run or out is None:
        if not dry_run:
            _check_run(sweep)
        # Of what is not written the rows are had from the answer: all of them are counted, whatever it takes.
        exact = exact or not dry_run
        counted = count_sweep(sweep, top, exact=exact, hurry=hurry, form=form, on_progress=on_progress)
        return (DryRun if dry_run else Run)(
            sweep=sweep,
            account=counted.account,
            largest=tuple(row(sweep, configuration_id) for configuration_id in counted.best),
            smallest=smallest(sweep) if counted.account is not None and not counted.account.kept else None,
            files=(),
            expected_bytes=counted.expected_bytes if dry_run else {},
            seconds=time.perf_counter() - started,
            keep=keep,
            sort=sort,
            kept_between=counted.kept_between,
        )
    _check_run(sweep)
    _check_workers(workers, cluster)
    making = Making(sweep, open_folder(out), order(sweep, keep, sort, form), top, on_progress)
    if sweep.size > LARGE or resume or workers is not None or cluster is not None:
        made = making.in_parts(resume=resume, workers=workers, cluster=cluster)
    else:
        made = making.side_by_side()
    return Run(
        sweep=sweep,
        account=made.account,
        largest=tuple(row(sweep, configuration_id) for configuration_id in made.best),
        smallest=None if made.account.kept else smallest(sweep),
        files=_named(made.files, out),
        expected_bytes={},
        seconds=time.perf_counter() - started,
        keep=keep,
        sort=sort,
        resumed=made.resumed,
        was_finished=made.was_finished,
        remade=made.remade,
    )


@dataclass(frozen=True)
class _InParts:
    """How a table is made in parts, where it is."""

    resume: bool
    workers: int | None
    cluster: str | None

    @property
    def asked(self) -> bool:
        """Whether parts are asked for, however small the table is."""
        return self.resume or self.workers is not None or self.cluster is not None


def _run_space(
    sweep: Sweep,
    out: str | os.PathLike[str] | None,
    started: float,
    form: Form,
    top: int,
    keep: int | None,
    sort: str,
    dry_run: bool,
    exact: bool,
    in_parts: _InParts,
    on_progress: OnProgress | None,
) -> Run:
    """Run a space: count what fits, and write it where it is not too much."""
    from sizer.runs import spaces

    _check_workers(in_parts.workers, in_parts.cluster)
    sweep = replace(sweep, columns=spaces.layered_columns(sweep))
    counted = spaces.count_space(sweep, max(1, top), exact=exact)
    made: Made | None = None
    expected: dict[str, int] = {}
    if dry_run:
        sample = spaces.sample_rows(counted, sweep)
        if sample is not None and counted.account is not None:
            expected = {
                name: expected_bytes(sample, counted.account.kept, name, metadata(sweep), form)
                for name in sweep.formats
                if FORMATS[name].writer
            }
    else:
        spaces.check_sensible(counted, keep)
    if out is not None and not dry_run:
        assert counted.account is not None
        ordered = order(sweep, keep, sort, form)
        making = spaces.SpaceMaking(sweep, open_folder(out), ordered, top, on_progress, counted)
        if counted.account.kept > LARGE or in_parts.asked:
            made = making.in_parts(resume=in_parts.resume, workers=in_parts.workers, cluster=in_parts.cluster)
        else:
            made = making.side_by_side()
    return (DryRun if dry_run else Run)(
        sweep=sweep,
        account=counted.account,
        largest=counted.largest[:top],
        smallest=None,
        files=() if made is None or out is None else _named(made.files, out),
        expected_bytes=expected,
        seconds=time.perf_counter() - started,
        keep=keep,
        sort=sort,
        kept_between=counted.between,
        resumed=0 if made is None else made.resumed,
        was_finished=made is not None and made.was_finished,
        remade=() if made is None else made.remade,
        reason=counted.reason,
    )


def _named(files: tuple[str, ...], out: str | os.PathLike[str]) -> tuple[Path | str, ...]:
    """Return files as paths, or as URLs where the folder is given as one."""
    return files if "://" in os.fspath(out) else tuple(map(Path, files))


def stream_sweep(
    sweep: Sweep,
    sink: IO[bytes],
    *,
    budget: str | int | Sequence[str | int] | Mapping[str, Any] = (),
    where: str | Sequence[str] = (),
    columns: str | Sequence[str] | None = None,
    top: int = 5,
    keep: int | None = None,
    sort: str = "-weights",
    exact: bool = False,
    csv_dialect: str = "standard",
    gzip: bool = False,
    on_progress: OnProgress | None = None,
) -> Run:
    """Write a sweep's table as CSV into a stream, row by row as the rows are found; nothing else is written.

    Args:
        sweep: from `load_sweep`.
        sink: takes bytes, and is left open.
        budget, where, columns, top, keep, sort, csv_dialect, gzip, on_progress: as for `run_sweep`.
        exact: of a space, go on for as long as an exact count takes.

    Raises:
        InputError: an option has faults, or the sweep has more than can be written.
        OSError: the stream cannot be written.
    """
    started = time.perf_counter()
    sweep = apply_options(
        sweep,
        budget=budget,
        where=where,
        columns=columns,
    )
    _check_sort(sweep, keep, sort)
    walk: Walk | SpaceWalk
    if sweep.is_space:
        from sizer.runs import spaces

        sweep = replace(sweep, columns=spaces.layered_columns(sweep))
        counted = spaces.count_space(sweep, max(1, top), exact=exact)
        spaces.check_sensible(counted, keep)
        walk, schema = spaces.SpaceWalk(counted, sweep, on_progress), spaces.schema_of(sweep)
    else:
        _check_run(sweep)
        walk, schema = Walk(sweep, top, on_progress), table_schema(sweep.columns, sweep.names.kinds)
    with Writers([CsvWriter(sink, schema, {}, Form(csv_dialect=csv_dialect, gzip=gzip))]) as writers:
        for table in regrouped(walk.batches(schema, keep, sort), schema):
            writers.write(table)
    sink.flush()
    return Run(
        sweep=sweep,
        account=walk.account,
        largest=walk.largest()[:top],
        smallest=None if walk.account.kept or sweep.is_space else smallest(sweep),
        files=(),
        expected_bytes={},
        seconds=time.perf_counter() - started,
        keep=keep,
        sort=sort,
    )


def _check_form(parquet_encoding: str, csv_dialect: str) -> None:
    """Raise where there is no such form of a table.

    Raises:
        InputError: the encoding or the dialect is not known.
    """
    known = (("parquet_encoding", parquet_encoding, PARQUET_ENCODINGS), ("csv_dialect", csv_dialect, CSV_DIALECTS))
    faults = [
        Fault(
            "",
            0,
            0,
            name,
            f"{quoted(word)} is not known{did_you_mean(word, choice) or '; one of ' + ', '.join(choice)}",
        )
        for name, word, choice in known
        if word not in choice
    ]
    if faults:
        raise InputError(faults)


def _check_sort(sweep: Sweep, keep: int | None, sort: str) -> None:
    column = sort.removeprefix("-")
    if column not in sweep.names.counted:
        message = f"{quoted(column)} is not a counted column{did_you_mean(column, sweep.names.counted)}"
        raise InputError([Fault("", 0, 0, "sort", message)])
    if keep is not None and keep < 1:
        raise InputError([Fault("", 0, 0, "keep", f"{keep} is below the minimum, 1")])
    if sweep.is_space:
        return  # its counts are held against what a table holds before anything is counted
    found = largest_of_all(sweep.grids, [count_bounds(grid) for grid in sweep.grids], [column])
    largest = found[column] if found else 0  # the sweep has been checked: not so many corners pass
    if keep is not None and largest > MOST_CONFIGURATIONS:
        message = f"{column} can reach {largest:,}, but is sorted as a 64-bit integer, at most {MOST_CONFIGURATIONS:,}"
        raise InputError([Fault("", 0, 0, "sort", message)])


def _check_run(sweep: Sweep) -> None:
    if sweep.size > MOST_CONFIGURATIONS:
        message = f"{sweep.size:,} configurations are more than the {MOST_CONFIGURATIONS:,} that can have ids; --dry-run counts them, sizer sample draws some"
        raise InputError([Fault(sweep.file, 0, 0, "grid", message)])


def _check_workers(workers: int | None, cluster: str | None) -> None:
    if workers is not None and workers < 1:
        raise InputError([Fault("", 0, 0, "workers", f"{workers} is below the minimum, 1")])
    if workers is not None and cluster is not None:
        raise InputError([Fault("", 0, 0, "workers", "is for this machine, but a cluster has its own workers")])
