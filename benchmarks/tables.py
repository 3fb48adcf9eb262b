"""Writing the table of a grid of which everything is kept: Sizer beside DuckDB, Polars and pandas.

Every way writes the same eight columns of the same rows; the others from the closed formula, as a person would write
it, with their default settings and again with zstd. The files are compared, so that nobody wins by writing other rows.

Arrow writes the Parquet file by itself. An own footer once put row groups together that were encoded side by side: 4.3M rows
took two thirds of the time then, 20M rows four fifths, for 400 lines more.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
from measuring import Comparison, rates, report_several

import sizer
from sizer.sweepfile.load import parse_sweep
from sizer.sweepfile.sweep import Sweep

DENSE = """
sizer: 1
name: {name}
model: {{convention: sak2014, cell_type: lstm, inputs: 39, outputs: 34}}
grid:
  layers: {{from: 1, to: 10, step: 1}}
  cells: {{from: 256, to: {last}, step: 16}}
  recurrent_projection: {{from: 4, to: 248, step: 4}}
  nonrecurrent_projection: {{from: 0, to: 244, step: 4}}
"""
WEIGHTS = """4 * cells * (39 + r) + 3 * cells + cells * (r + p)
    + (layers - 1) * (4 * cells * (r + p + r) + 3 * cells + cells * (r + p)) + (r + p) * 34"""
INNER = 62 * 62


def last_cells(number: int) -> int:
    """Return the last value of an axis of so many cells."""
    return 256 + 16 * (number - 1)


def with_sizer(sweep: Sweep, folder: Path, format_name: str) -> int:
    """Write the table with a run, its manifest and all."""
    run = sizer.run_sweep(sweep, folder, formats=[format_name])
    assert run.account is not None
    return run.account.kept


def with_duckdb(number: int, path: Path, options: str) -> int:
    """Write the table with one statement, on as many threads as DuckDB likes."""
    duckdb.sql(
        f"""COPY (
            SELECT ((layers - 1) * {number} + (cells - 256) // 16) * {INNER} + (r // 4 - 1) * 62 + p // 4 AS id,
                'sak2014' AS convention, 'lstm' AS cell_type, layers, cells,
                r AS recurrent_projection, p AS nonrecurrent_projection, {WEIGHTS} AS weights
            FROM range(1, 11) AS a(layers), range(256, {last_cells(number) + 1}, 16) AS b(cells),
                range(4, 249, 4) AS c(r), range(0, 245, 4) AS d(p)
        ) TO '{path}' (FORMAT parquet{options})"""
    )
    return 0


def with_polars(number: int, path: Path, compression: str | None) -> int:
    """Write the table from a lazy cross join, streamed."""
    axes = {
        "layers": range(1, 11),
        "cells": range(256, last_cells(number) + 1, 16),
        "r": range(4, 249, 4),
        "p": range(0, 245, 4),
    }
    frames = [pl.LazyFrame({name: list(values)}, schema={name: pl.Int64}) for name, values in axes.items()]
    joined = frames[0].join(frames[1], how="cross").join(frames[2], how="cross").join(frames[3], how="cross")
    layers, cells, r, p = (pl.col(name) for name in axes)
    above = (layers - 1) * (4 * cells * (r + p + r) + 3 * cells + cells * (r + p))
    table = joined.with_columns(
        id=((layers - 1) * number + (cells - 256) // 16) * INNER + (r // 4 - 1) * 62 + p // 4,
        convention=pl.lit("sak2014"),
        cell_type=pl.lit("lstm"),
        weights=4 * cells * (39 + r) + 3 * cells + cells * (r + p) + above + (r + p) * 34,
    ).select(
        "id",
        "convention",
        "cell_type",
        "layers",
        "cells",
        r.alias("recurrent_projection"),
        p.alias("nonrecurrent_projection"),
        "weights",
    )
    if compression is None:
        table.sink_parquet(path)
    else:
        table.sink_parquet(path, compression=compression)  # type: ignore[call-overload]
    return 0


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    return path.stat().st_size if path.is_file() else sum(part.stat().st_size for part in path.iterdir())


def parquet(folder: Path, number: int, rounds: int) -> Comparison:
    """Compare ways of writing Parquet, on an axis of so many cells."""
    name = f"dense-{number}"
    sweep = parse_sweep(DENSE.format(name=name, last=last_cells(number)))
    paths = {
        "sizer": folder / f"{name}.parquet",
        "DuckDB COPY": folder / "duckdb.parquet",
        "DuckDB COPY, zstd": folder / "duckdb-zstd.parquet",
        "Polars sink_parquet": folder / "polars.parquet",
        "Polars sink_parquet, snappy": folder / "polars-snappy.parquet",
    }
    work: dict[str, Callable[[], int]] = {
        "sizer": lambda: with_sizer(sweep, folder, "parquet"),
        "DuckDB COPY": lambda: with_duckdb(number, paths["DuckDB COPY"], ""),
        "DuckDB COPY, zstd": lambda: with_duckdb(number, paths["DuckDB COPY, zstd"], ", COMPRESSION zstd"),
        "Polars sink_parquet": lambda: with_polars(number, paths["Polars sink_parquet"], None),
        "Polars sink_parquet, snappy": lambda: with_polars(number, paths["Polars sink_parquet, snappy"], "snappy"),
    }
    found = rates({way: (sweep.size, write) for way, write in work.items()}, rounds)
    ours = pq.read_table(paths["sizer"]).replace_schema_metadata()
    for way, path in paths.items():
        found[way]["bytes"] = size_of(path)
        theirs = pq.read_table(path).cast(ours.schema)
        # The threads of the others may write rows in another order.
        assert theirs.sort_by("id").equals(ours), f"{way} wrote other rows"
        del theirs
    return Comparison(f"{sweep.size:,} rows to Parquet", found, "sizer")


def csv(folder: Path, number: int, rounds: int) -> Comparison:
    """Compare ways of writing CSV; pandas has its frame already."""
    name = f"dense-csv-{number}"
    sweep = parse_sweep(DENSE.format(name=name, last=last_cells(number)))
    frame: pd.DataFrame = sizer.run_sweep(sweep, folder, formats=["csv"]).frame()
    path = folder / "pandas.csv"

    def with_pandas() -> int:
        frame.to_csv(path, index=False)
        return len(frame)

    ways = {
        "sizer": (sweep.size, lambda: with_sizer(sweep, folder, "csv")),
        "DataFrame.to_csv": (sweep.size, with_pandas),
    }
    found = rates(ways, rounds)
    assert path.read_bytes() == (folder / f"{name}.csv").read_bytes()
    for way, file in (("sizer", folder / f"{name}.csv"), ("DataFrame.to_csv", path)):
        found[way]["bytes"] = size_of(file)
    return Comparison(f"{sweep.size:,} rows to CSV", found, "sizer")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report_several([parquet(folder, 113, rounds=5), parquet(folder, 520, rounds=3), csv(folder, 28, rounds=3)])


if __name__ == "__main__":
    main()
