"""Runs as a whole: the tables, the manifest, the account, and what is left when a run fails."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from gzip import decompress as gunzip
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars
import pyarrow.parquet
import pytest

import sizer
from sizer.errors import InputError, RunError
from sizer.grids.best_rows import Extremes, best_ids
from sizer.grids.engine import enumerate_sweep
from sizer.runs import dry
from sizer.runs.run import run_sweep, stream_sweep
from sizer.runs.walk import explain_row
from sizer.sweepfile.load import load_sweep, parse_sweep
from sizer.tables.written import csv

ROOT = Path(__file__).resolve().parent.parent
SPEECH = ROOT / "sweeps" / "speech.yaml"
KEPT = 1834

TOOLKITS = """
sizer: 1
name: small
model: {cell_type: lstm, inputs: 80}
grid:
  convention: [pytorch, kaldi_nnet1, keras]
  bidirectional: [false, true]
  layers: [1, 2]
  cells: [64, 128]
  recurrent_projection: [0, 32]
output: {columns: all}
"""


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    run_sweep(load_sweep(SPEECH), folder)
    return folder


def test_the_account_of_the_speech_sweep(tmp_path: Path) -> None:
    done = run_sweep(load_sweep(SPEECH), tmp_path)
    assert done.account is not None
    assert done.account.as_json() == {
        "configurations": 3100,
        "not_valid": {},
        "outside_budget": {"weights": {"over": 988}},
        "excluded": {"recurrent_projection + nonrecurrent_projection <= cells": 278},
        "kept": KEPT,
        "repeated": 0,
    }
    shown = [(best["id"], best["weights"]) for best in done.largest]
    assert shown == [(2909, 9961664), (1673, 9957184), (1476, 9952320), (2827, 9946816), (997, 9893504)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["speech.csv", "speech.manifest.json", "speech.parquet"]


def test_every_reader_sees_the_same_rows(speech: Path) -> None:
    frame = run_sweep(load_sweep(SPEECH), speech).frame()
    assert len(frame) == KEPT
    assert list(frame.columns) == [
        "id",
        "convention",
        "cell_type",
        "layers",
        "cells",
        "recurrent_projection",
        "nonrecurrent_projection",
        "weights",
    ]
    assert (frame.convention == "sak2014").all()
    assert frame.sort_values("weights", ascending=False)[["id", "weights"]].iloc[0].tolist() == [2909, 9961664]
    pd.testing.assert_frame_equal(pd.read_csv(speech / "speech.csv"), frame)
    pd.testing.assert_frame_equal(pd.read_parquet(speech / "speech.parquet"), frame)
    parquet = str(speech / "speech.parquet")
    expected = [tuple(row) for row in frame.itertuples(index=False)]
    assert duckdb.execute(f"select * from '{parquet}' order by id").fetchall() == expected
    assert polars.read_parquet(parquet).rows() == expected


def test_csv_is_byte_for_byte_what_pandas_writes(tmp_path: Path) -> None:
    done = run_sweep(parse_sweep(TOOLKITS), tmp_path)
    frame = done.frame()
    for column in frame.select_dtypes("bool"):
        frame[column] = frame[column].map({True: "true", False: "false"})
    frame.to_csv(tmp_path / "pandas.csv", index=False, lineterminator="\n")
    assert (tmp_path / "small.csv").read_bytes() == (tmp_path / "pandas.csv").read_bytes()
    assert len(frame) > 10


def test_parts_add_up_in_the_table(tmp_path: Path) -> None:
    frame = run_sweep(parse_sweep(TOOLKITS), tmp_path).frame()
    parts = frame[
        [*sizer.count({"convention": "textbook", "cell_type": "rnn", "inputs": 1, "layers": 1, "cells": 1}).parts]
    ]
    assert (parts.sum(axis=1) == frame.weights).all()
    assert (frame.float32_bytes == 4 * frame.weights).all()
    for row in frame.to_dict("records"):
        fields = {name: row[name] for name in ("convention", "cell_type", "inputs", "layers", "cells", "bidirectional")}
        fields["recurrent_projection"] = row["recurrent_projection"]
        counted = sizer.count(fields)
        assert counted.columns() == {name: row[name] for name in counted.columns()}


def test_the_manifest_says_what_is_there(speech: Path) -> None:
    manifest = json.loads((speech / "speech.manifest.json").read_text())
    assert manifest["sweep"] == SPEECH.read_text()
    assert manifest["sweep_sha256"] == hashlib.sha256(SPEECH.read_bytes()).hexdigest()
    assert manifest["sizer"] == sizer.__version__
    assert manifest["conventions"] == ["sak2014"]
    assert (manifest["configurations"], manifest["kept"]) == (3100, KEPT)
    assert manifest["budget"] == {"weights": {"min": None, "max": 10_000_000}}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((speech / name).read_bytes()).hexdigest() == digest
    assert set(manifest["files"]) == {"speech.csv", "speech.parquet"}


def test_parquet_knows_where_it_comes_from_and_is_delta_encoded(speech: Path, tmp_path: Path) -> None:
    metadata = pyarrow.parquet.read_metadata(speech / "speech.parquet")
    assert json.loads(metadata.metadata[b"sizer"])["sweep"] == SPEECH.read_text()
    run_sweep(load_sweep(SPEECH), tmp_path, parquet_encoding="plain", formats=["parquet"])
    encodings = []
    for folder in (speech, tmp_path):
        group = pyarrow.parquet.read_metadata(folder / "speech.parquet").row_group(0)
        encodings.append({group.column(i).path_in_schema: group.column(i).encodings for i in range(group.num_columns)})
    assert "DELTA_BINARY_PACKED" in encodings[0]["weights"]
    assert "DELTA_BINARY_PACKED" not in encodings[1]["weights"]
    assert "RLE_DICTIONARY" in encodings[0]["convention"]
    pd.testing.assert_frame_equal(
        pd.read_parquet(speech / "speech.parquet"), pd.read_parquet(tmp_path / "speech.parquet")
    )


def test_a_dense_grid_is_small_in_parquet(tmp_path: Path) -> None:
    sweep = parse_sweep(
        "{sizer: 1, name: dense, model: {convention: textbook, cell_type: lstm, inputs: 39},"
        " grid: {layers: {from: 1, to: 10, step: 1}, cells: {from: 1, to: 20000, step: 1}}, output: {formats: [parquet]}}"
    )
    run_sweep(sweep, tmp_path)
    rows = pyarrow.parquet.read_metadata(tmp_path / "dense.parquet").num_rows
    assert rows == 200_000
    assert (tmp_path / "dense.parquet").stat().st_size < 1.2 * rows


def test_tables_do_not_depend_on_the_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = [run_sweep(load_sweep(SPEECH), tmp_path / "a")]
    assert enumerate_sweep.__kwdefaults__ is not None
    monkeypatch.setitem(enumerate_sweep.__kwdefaults__, "block", 7)
    done.append(run_sweep(load_sweep(SPEECH), tmp_path / "b"))
    for first, second in zip(*(run.files for run in done), strict=True):
        assert Path(first).read_bytes() == Path(second).read_bytes()


def test_options_replace_the_budget_and_add_conditions(tmp_path: Path) -> None:
    done = run_sweep(
        load_sweep(SPEECH), tmp_path, budget="5M", where="layers > 1", formats=["csv"], columns=["id", "weights"]
    )
    frame = pd.read_csv(tmp_path / "speech.csv")
    assert list(frame.columns) == ["id", "weights"]
    assert frame.weights.max() <= 5_000_000
    assert done.account is not None
    assert done.account.excluded["layers > 1"] > 0
    assert not (tmp_path / "speech.parquet").exists()
    by_bytes = run_sweep(load_sweep(SPEECH), tmp_path, budget=["int8_bytes=2MB"], dry_run=True)
    assert by_bytes.account is not None
    assert max(best["int8_bytes"] for best in by_bytes.largest) <= 2_000_000


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    done = run_sweep(load_sweep(SPEECH), tmp_path, dry_run=True)
    assert done.account is not None
    assert done.account.kept == KEPT
    assert list(tmp_path.iterdir()) == []
    run_sweep(load_sweep(SPEECH), tmp_path)
    for name, size in done.expected_bytes.items():
        assert size == pytest.approx((tmp_path / f"speech.{name}").stat().st_size, rel=0.3)


def test_nothing_fits_names_the_smallest(tmp_path: Path) -> None:
    done = run_sweep(load_sweep(SPEECH), tmp_path, budget="1K")
    assert done.account is not None
    assert done.account.kept == 0
    assert done.smallest is not None
    assert (done.smallest["id"], done.smallest["weights"]) == (4, 63488)
    assert pd.read_csv(tmp_path / "speech.csv").empty
    assert pd.read_parquet(tmp_path / "speech.parquet").empty


HUGE = """
sizer: 1
name: huge
model: {convention: textbook, cell_type: lstm, layers: 1, cells: 1}
grid:
  inputs: {from: 1, to: 1e10, step: 1}
  outputs: {from: 1, to: 1e10, step: 1}
  other_weights: {from: 1, to: 1e10, step: 1}
"""


def test_a_grid_of_thirty_digits_can_only_be_dry_run(tmp_path: Path) -> None:
    sweep = parse_sweep(HUGE)
    done = run_sweep(sweep, tmp_path, dry_run=True, budget="100")
    assert done.account is not None
    assert done.account.kept > 0
    assert done.as_json()["configurations"] == 10**30
    with pytest.raises(InputError, match="1,000,000,000,000,000,000,000,000,000,000 configurations"):
        run_sweep(sweep, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_leaves_the_last_good_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_sweep(load_sweep(SPEECH), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(self: object, table: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(csv.CsvWriter, "write", full)
    with pytest.raises(RunError, match="No space left on device; the tables that were there are unchanged"):
        run_sweep(load_sweep(SPEECH), tmp_path, budget="1M")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("mine")
    with pytest.raises(RunError, match="File exists"):
        run_sweep(load_sweep(SPEECH), tmp_path / "results")
    assert (tmp_path / "results").read_text() == "mine"


KILLED = """
import os, signal, sys
from sizer.runs.run import run_sweep
from sizer.sweepfile.load import load_sweep
from sizer.tables.written.parquet import ParquetWriter
write = ParquetWriter.write
def killed(self, table):
    write(self, table)
    os.kill(os.getpid(), signal.SIGKILL)
ParquetWriter.write = killed
run_sweep(load_sweep(sys.argv[1]), sys.argv[2], budget="1M")
"""


def test_a_killed_run_leaves_the_last_good_tables_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    run_sweep(load_sweep(SPEECH), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(SPEECH), str(tmp_path)], check=False)
    assert killed.returncode == -9
    left_over = {path.name for path in tmp_path.iterdir() if path.name not in before}
    assert left_over == {".speech.run", ".speech.lock"}
    hidden = [path.suffix for path in (tmp_path / ".speech.run").rglob("*") if path.is_file()]
    assert set(hidden) == {".json", ".partial"}
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    (tmp_path / f".other.csv.{os.getpid()}.partial").write_text("a run that is under way")
    run_sweep(load_sweep(SPEECH), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*before, f".other.csv.{os.getpid()}.partial"}


@pytest.mark.parametrize(
    ("dialect", "name", "delimiter"),
    [("excel-eu", "small.csv", ";"), ("tsv", "small.tsv", "\t"), ("standard", "small.csv", ",")],
)
@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("workers", [None, 1])
def test_dialects_of_csv(
    tmp_path: Path, dialect: str, name: str, delimiter: str, gzip: bool, workers: int | None
) -> None:
    done = run_sweep(
        parse_sweep(TOOLKITS), tmp_path, formats=["csv"], csv_dialect=dialect, gzip=gzip, workers=workers, budget="300K"
    )
    file = tmp_path / (name + ".gz" * gzip)
    assert [Path(path).name for path in done.files] == [file.name, "small.manifest.json"]
    assert json.loads((tmp_path / "small.manifest.json").read_text())["files"].keys() == {file.name}
    raw = gunzip(file.read_bytes()) if gzip else file.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") == (dialect == "excel-eu")
    encoding = "utf-8-sig" if dialect == "excel-eu" else "utf-8"
    pd.testing.assert_frame_equal(pd.read_csv(file, sep=delimiter, encoding=encoding), done.frame())
    before = file.read_bytes()
    run_sweep(
        parse_sweep(TOOLKITS), tmp_path, formats=["csv"], csv_dialect=dialect, gzip=gzip, workers=workers, budget="300K"
    )
    assert file.read_bytes() == before


@pytest.mark.parametrize("options", [{}, {"workers": 1}, {"keep": 100, "sort": "weights"}])
def test_a_workbook_has_the_rows_of_the_other_tables(tmp_path: Path, options: dict[str, Any]) -> None:
    run_sweep(load_sweep(SPEECH), tmp_path, formats=["xlsx", "csv"], **options)
    frame = pd.read_excel(tmp_path / "speech.xlsx", sheet_name="Configurations")
    pd.testing.assert_frame_equal(frame, pd.read_csv(tmp_path / "speech.csv"), check_dtype=False)
    manifest = json.loads((tmp_path / "speech.manifest.json").read_text())
    assert set(manifest["files"]) == {"speech.xlsx", "speech.csv"}
    assert not (tmp_path / "speech.parquet").exists()


def test_a_workbook_of_nothing_is_one_too(tmp_path: Path) -> None:
    run_sweep(load_sweep(SPEECH), tmp_path, formats=["xlsx"], budget="1")
    assert pd.read_excel(tmp_path / "speech.xlsx", sheet_name="Configurations").empty


def test_explain_row_and_ids_that_are_not_there() -> None:
    sweep = load_sweep(SPEECH)
    assert explain_row(sweep, 2909).count.weights == 9961664
    with pytest.raises(InputError, match="there is no configuration 3100; the ids go from 0 to 3099"):
        explain_row(sweep, 3100)


def test_extremes_keep_id_order_in_ties(tmp_path: Path) -> None:
    sweep = parse_sweep(
        "{sizer: 1, name: ties, model: {cell_type: lstm, inputs: 3, layers: 1, cells: 4},"
        " grid: {convention: [textbook, tensorflow1, keras, graves2013], other_weights: [0, 16]}}"
    )
    done = run_sweep(sweep, tmp_path, top=3)
    # keras and tensorflow1 count alike: the lower id comes first.
    assert [best["convention"] for best in done.largest] == ["graves2013", "tensorflow1", "keras"]
    assert len(Extremes(0, "weights", descending=True).ids()) == 0


@pytest.mark.process
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_reads_numbers_as_numbers(speech: Path, tmp_path: Path) -> None:
    command = ["soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "xlsx"]
    subprocess.run([*command, "--outdir", str(tmp_path), str(speech / "speech.csv")], check=True, capture_output=True)
    frame = pd.read_excel(tmp_path / "speech.xlsx")
    pd.testing.assert_frame_equal(frame, pd.read_csv(speech / "speech.csv"), check_dtype=False)
    assert frame.weights.dtype == "int64"


@pytest.mark.parametrize("sort", ["-weights", "weights", "-macs_per_step", "state_size", "-int8_bytes"])
@pytest.mark.parametrize("number", [1, 40, 150, 10_000])
def test_the_first_ones_by_a_column(tmp_path: Path, sort: str, number: int) -> None:
    sweep = load_sweep(SPEECH)
    done = run_sweep(sweep, tmp_path, keep=number, sort=sort, columns="all", formats=["csv"])
    everything = run_sweep(sweep, tmp_path / "all", columns="all", formats=["csv"]).frame()
    column = sort.removeprefix("-")
    key = -everything[column] if sort.startswith("-") else everything[column]
    expected = everything.assign(key=key).sort_values(["key", "id"]).drop(columns="key").head(number)
    found = pd.read_csv(tmp_path / "speech.csv")
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True))
    assert done.account is not None
    assert done.account.kept == KEPT
    pd.testing.assert_frame_equal(done.frame(), found)
    manifest = json.loads((tmp_path / "speech.manifest.json").read_text())
    assert (manifest["kept"], manifest["written"], manifest["sort"]) == (KEPT, min(number, KEPT), sort)
    descending = sort.startswith("-")
    ids, account = best_ids(done.sweep, number, column, descending=descending, pruned=True)
    assert ids.tolist() == expected.id.tolist()
    assert account.kept == KEPT


@pytest.mark.parametrize("sort", ["-weights", "weights", "-state_size"])
@pytest.mark.parametrize("keep", [3, 40, None])
def test_largest_are_those_within_the_budget_in_every_kind_of_run(tmp_path: Path, sort: str, keep: int | None) -> None:
    """What the tables keep by another order does not change what is called the largest."""
    sweep = load_sweep(SPEECH)
    dry = run_sweep(sweep, tmp_path, keep=keep, sort=sort, dry_run=True, top=7)
    assert [row["id"] for row in dry.largest][:3] == [2909, 1673, 1476]
    assert len(dry.largest) == 7
    for options in ({}, {"workers": 1}, {"workers": 2, "columns": "cells"}):
        done = run_sweep(sweep, tmp_path, keep=keep, sort=sort, top=7, formats=["parquet"], **options)
        assert done.largest == dry.largest
    streamed = stream_sweep(sweep, io.BytesIO(), keep=keep, sort=sort, top=7)
    assert streamed.largest == dry.largest


def test_sorting_by_what_is_not_counted_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sort: 'wieghts' is not a counted column; did you mean 'weights'"):
        run_sweep(load_sweep(SPEECH), tmp_path, keep=3, sort="-wieghts")
    with pytest.raises(InputError, match="keep: 0 is below the minimum, 1"):
        run_sweep(load_sweep(SPEECH), tmp_path, keep=0)


def test_sorting_never_wraps(tmp_path: Path) -> None:
    text = (
        "{sizer: 1, name: vast, model: {convention: textbook, cell_type: rnn, inputs: 1, layers: 1, cells: 1},"
        " grid: {other_weights: [1, 3000000000000000000]}}"
    )
    message = "sort: float32_bytes can reach 12,000,000,000,000,000,008, but is sorted as a 64-bit integer"
    with pytest.raises(InputError, match=message):
        run_sweep(parse_sweep(text), tmp_path, keep=1, sort="-float32_bytes")
    assert run_sweep(parse_sweep(text), tmp_path, keep=1).frame().id.tolist() == [1]


def test_a_dry_run_in_a_hurry_is_content_with_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "{sizer: 1, name: huge, model: {convention: textbook, cell_type: lstm, inputs: 39, layers: 2},"
        " grid: {cells: {from: 1, to: 10000, step: 1}, recurrent_projection: {from: 1, to: 3000, step: 1},"
        " outputs: {from: 1, to: 1000, step: 1}}, budget: {weights: {max: 1M}}}"
    )
    sweep = parse_sweep(text)
    exact = run_sweep(sweep, dry_run=True)
    assert exact.account is not None
    assert run_sweep(sweep, dry_run=True, hurry=True).account == exact.account
    monkeypatch.setattr(dry, "EFFORT_IN_A_HURRY", 1000)
    hurried = run_sweep(sweep, dry_run=True, hurry=True)
    assert hurried.account is None
    assert hurried.kept_between is not None
    least, most = hurried.kept_between
    assert 0 < least <= exact.account.kept <= most
    assert run_sweep(sweep, dry_run=True).account == exact.account
