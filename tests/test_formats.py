"""Formats are rows of one table: what a row names is there, and one more row is one more format everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sizer.formats import FORMATS, Format, named

ONE_MORE = """
import json, sys
import pyarrow as pa
from sizer import formats
from sizer.formats import Format

class ArrowWriter:
    def __init__(self, sink, schema, metadata, form):
        from sizer.tables.written.streams import opened
        self.schema, self.stream = schema, opened(sink)
        self.file = pa.ipc.new_stream(self.stream, schema)
    def write(self, table):
        self.file.write_table(table.cast(self.schema))
    def close(self):
        self.file.close()
        self.stream.close()

row = Format("arrow", "Arrow", ("arrow",), "application/vnd.apache.arrow.stream", by_runs=True, writer="__main__:ArrowWriter")
formats.FORMATS["arrow"] = row
formats.OF_RUNS += ("arrow",)

import sizer
from sizer.cli.app import app
from sizer.service.rows import OF_RUNS
from typer.testing import CliRunner

sweep = sizer.load_sweep("sweeps/speech.yaml")
done = sizer.run_sweep(sweep, sys.argv[1], formats="csv,arrow", workers=1)
dry = sizer.run_sweep(sweep, sys.argv[1], formats=["arrow"], dry_run=True)
asked = CliRunner().invoke(
    app, ["query", sys.argv[1] + "/speech.csv", "--top", "3", "--out", sys.argv[1] + "/top.arrow"], catch_exceptions=False
)
print(json.dumps({
    "files": [file.name for file in done.files],
    "rows": pa.ipc.open_stream(sys.argv[1] + "/speech.arrow").read_all().num_rows == done.account.kept,
    "expected": list(dry.expected_bytes),
    "queried": [asked.exit_code, pa.ipc.open_stream(sys.argv[1] + "/top.arrow").read_all().num_rows],
    "served": OF_RUNS[-1],
}))
"""


@pytest.mark.parametrize("row", FORMATS.values(), ids=list(FORMATS))
def test_what_a_row_names_is_there(row: Format) -> None:
    places = [place for place in (row.writer, row.run_writer, row.answer_writer, row.reader) if place]
    assert all(callable(named(place)) for place in places)
    assert row.writer or row.answer_writer
    assert row.writer or row.run_writer or not row.by_runs
    assert row.by_runs or not row.by_default


def test_no_ending_is_that_of_two_formats() -> None:
    endings = [ending for row in FORMATS.values() for ending in row.all_endings]
    assert len(endings) == len(set(endings)) > len(FORMATS)


def test_one_more_row_is_one_more_format(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `query`)")
    pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
    done = subprocess.run(
        [sys.executable, "-c", ONE_MORE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "files": ["speech.csv", "speech.arrow", "speech.manifest.json"],
        "rows": True,
        "expected": ["arrow"],
        "queried": [0, 3],
        "served": "arrow",
    }
