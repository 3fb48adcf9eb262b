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

import numpy as np
import pyarrow as pa

from sizer import __version__
from sizer.errors import Fault, InputError
from sizer.grids.account import Account
from sizer.grids.boxes import locate
from sizer.grids.columns import configuration_at
from sizer.grids.engine import Rows, enumerate_sweep
from sizer.networks.breakdown import Breakdown, explain
from sizer.networks.counting import count
from sizer.sweepfile.load import apply_options
from sizer.sweepfile.sweep import Sweep
from sizer.tables.arrow import frame, record_batch, regrouped, table_schema
from sizer.tables.files import pending_files, sha256_of
from sizer.tables.writers import WRITERS, Writers, expected_bytes

if TYPE_CHECKING:
    import pandas as pd

MOST_CONFIGURATIONS = 2**63 - 1
"""The largest grid that can be run: ids are 64-bit integers."""

MOST_TO_COUNT = 10**10
"""The largest grid that a dry run looks at point by point."""

_SAMPLE = 1 << 16

Progress = Callable[[int, int], None]
"""Called with the configurations decided and the rows kept so far."""


@dataclass(frozen=True)
class Run:
    """What a run did."""

    sweep: Sweep
    """With the budget, `where`, formats and columns that the run was given."""
    account: Account | None
    """Where every configuration went; None where a dry run did not look at them."""
    largest: tuple[dict[str, Any], ...]
    """The largest kept configurations, largest first: id, every field, every counted column."""
    smallest: dict[str, Any] | None
    """Where nothing was kept: the smallest configuration that passes `where`, or else the smallest valid one."""
    files: tuple[Path, ...]
    """The tables, then the manifest; empty for a dry run."""
    expected_bytes: dict[str, int]
    """For a dry run: about how large each table would get, by format."""
    seconds: float

    def frame(self) -> pd.DataFrame:
        """Return the kept configurations as a pandas frame with the table's columns.

        The rows are enumerated again; they equal those of the files.
        """
        schema = table_schema(self.sweep.columns)
        rows = (rows for _, rows in enumerate_sweep(self.sweep, self.sweep.columns))
        return frame((record_batch(batch, schema) for batch in rows if len(batch)), schema)

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
    dry_run: bool = False,
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
        dry_run: only count; nothing is written.
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
    if dry_run:
        return _dry_run(sweep, top, parquet_encoding, on_progress, started)
    if sweep.size > MOST_CONFIGURATIONS:
        message = f"{sweep.size:,} configurations are more than the {MOST_CONFIGURATIONS:,} that ids can number; --dry-run only says how many there are"
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
            for table in regrouped(walk.batches(schema), schema):
                writers.write(table)
        files = {path.name: sha256_of(partial) for path, partial in zip(paths, partials, strict=True)}
        content = {**_provenance(sweep), **walk.account.as_json(), "columns": list(sweep.columns), "files": files}
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
    )


def _check_formats(sweep: Sweep) -> None:
    missing = [name for name in sweep.formats if name not in WRITERS]
    if missing:
        written = " and ".join(WRITERS)
        raise InputError(
            Fault(sweep.file, 0, 0, "output.formats", f"{name} tables are not written yet; {written} are")
            for name in missing
        )


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


class Walk:
    """One pass over a sweep: its account, its largest configurations, and the batches for the tables."""

    def __init__(self, sweep: Sweep, top: int, on_progress: Progress | None = None) -> None:
        """Start a pass; `top` is how many of the largest configurations to remember."""
        self.sweep = sweep
        self.account = Account()
        self._largest = Extremes(top, largest=True)
        self._on_progress = on_progress

    def rows(self, columns: Sequence[str]) -> Iterator[Rows]:
        """Yield the kept rows, block by block in id order, keeping the account."""
        for account, rows in enumerate_sweep(
            self.sweep, [*columns, "weights"] if "weights" not in columns else columns
        ):
            self.account.add(account)
            self._largest.see(rows)
            if self._on_progress:
                self._on_progress(self.account.decided, self.account.kept)
            if len(rows):
                yield rows

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the kept rows as record batches."""
        for rows in self.rows(schema.names):
            yield record_batch(rows, schema)

    def largest(self) -> tuple[dict[str, Any], ...]:
        """Return the largest kept configurations, largest first."""
        return tuple(row(self.sweep, configuration_id) for configuration_id in self._largest.ids())


class Extremes:
    """The largest or smallest rows by weights of all that were seen, ties in id order."""

    def __init__(self, number: int, *, largest: bool) -> None:
        """Start with nothing seen."""
        self._number = number
        self._sign = -1 if largest else 1
        self._keys = np.empty(0, dtype=np.int64)
        self._ids = np.empty(0, dtype=np.int64)

    def see(self, rows: Rows) -> None:
        """Take rows into account."""
        if not len(rows) or not self._number:
            return
        keys, ids = self._sign * rows.column("weights"), rows.ids
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

    def ids(self) -> list[int]:
        """Return the ids of the rows, the most extreme first."""
        return [int(configuration_id) for configuration_id in self._ids]


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


def _dry_run(sweep: Sweep, top: int, parquet_encoding: str, on_progress: Progress | None, started: float) -> Run:
    account: Account | None = None
    largest: tuple[dict[str, Any], ...] = ()
    expected: dict[str, int] = {}
    smallest: dict[str, Any] | None = None
    if sweep.size <= MOST_TO_COUNT:
        walk = Walk(sweep, top, on_progress)
        schema = table_schema(sweep.columns)
        sample: list[pa.RecordBatch] = []
        sampled = 0
        for rows in walk.rows(sweep.columns):
            if sampled < _SAMPLE:
                sample.append(record_batch(rows, schema))
                sampled += len(rows)
        account, largest = walk.account, walk.largest()
        if sampled:
            table = pa.Table.from_batches(sample, schema)
            expected = {
                name: expected_bytes(table, account.kept, name, _metadata(sweep), parquet_encoding)
                for name in sweep.formats
            }
        else:
            smallest = _smallest(sweep)
    return Run(sweep, account, largest, smallest, (), expected, time.perf_counter() - started)


def _smallest(sweep: Sweep) -> dict[str, Any] | None:
    """Return the smallest configuration that passes `where`, or else the smallest valid one, or None."""
    for wider in (replace(sweep, budget=()), replace(sweep, budget=(), where=())):
        extremes = Extremes(1, largest=False)
        for _, rows in enumerate_sweep(wider, ["weights"]):
            extremes.see(rows)
        if extremes.ids():
            return row(sweep, extremes.ids()[0])
    return None
