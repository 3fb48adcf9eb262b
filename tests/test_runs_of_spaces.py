"""Runs of spaces as of any sweep: in parts, resumed after a kill, on a stream, in a workbook, with ids of any size."""

from __future__ import annotations

import dataclasses
import itertools
import json
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pandas as pd
import pytest

import sizer
from sizer.errors import InputError, RunError
from sizer.grids.account import Account
from sizer.runs import parts, run, spaces, workers
from sizer.runs.run import run_sweep
from sizer.runs.walk import Progress
from sizer.spaces import walk
from sizer.sweepfile.load import parse_sweep
from sizer.tables.asked.paging import page_of
from sizer.tables.asked.query import Query
from sizer.tables.asked.results import open_results
from tests.commands import run_here
from tests.test_runs_in_parts import content

STACKS = """\
sizer: 1
name: stacks
model: {convention: pytorch, cell_type: lstm, inputs: 10}
grid:
  layers: [1, 2, 3]
  cells: {per_layer: {from: 8, to: 64, step: 8}}
  recurrent_projection: {per_layer: [0, 4]}
budget: {weights: {min: 1000, max: 6K}}
"""
LONG_IDS = """\
sizer: 1
name: wide
model: {convention: pytorch, cell_type: gru, inputs: 8, layers: 9}
grid: {cells: {per_layer: {from: 8, to: 2048, step: 8}}}
budget: {weights: {max: 9000}}
"""
BLOCKS = """\
sizer: 1
name: phone
model:
  convention: pytorch
  blocks:
    features: {type: input, inputs: 80}
    encoder: {type: recurrent, layers: 3, cells: 512}
    symbols: {type: embedding, vocabulary: 1000, embedding: 128}
    prediction: {type: recurrent, cells: 512}
    both: {type: join, from: [encoder, prediction]}
    hidden: {type: dense, width: 256}
    output: {type: dense, width: 1000}
grid:
  encoder.cells: {per_layer: {from: 256, to: 1024, step: 128}, order: falling}
  prediction.layers: [1, 2]
  prediction.cells: {per_layer: [256, 384, 512]}
  hidden.width: [256, 320]
budget: {weights: {max: 6M}}
"""
SWEEPS = {"stacks": STACKS, "wide": LONG_IDS, "phone": BLOCKS}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_KEPT", 50)


@pytest.fixture(params=["stacks", *(pytest.param(name, marks=pytest.mark.thorough) for name in ("wide", "phone"))])
def sweep(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / f"{request.param}.yaml"
    file.write_text(SWEEPS[request.param])
    return file


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    file = tmp_path / "stacks.yaml"
    file.write_text(STACKS)
    return file


@pytest.mark.parametrize("prefixes", [0, *(pytest.param(some, marks=pytest.mark.thorough) for some in (60, 10**6))])
def test_rows_from_any_rank_on_are_those_of_all_rows(
    sweep: Path, prefixes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With few prefixes a rank is looked for in the tables.
    monkeypatch.setattr(walk, "MOST_PREFIXES", prefixes)
    found = sizer.space(sweep)
    every = [number for some in found.rows() for number in some.ids]
    assert every == found.at(range(found.count())).ids
    chance = random.Random(1)
    for _ in range(40):
        start = chance.randrange(len(every) + 1)
        stop = chance.randrange(start, len(every) + 1)
        assert [number for some in found.rows(start=start, stop=stop) for number in some.ids] == every[start:stop]
    assert list(found.rows(start=len(every))) == []


def test_parts_hold_the_rows_of_a_file_whatever_the_workers(sweep: Path, tmp_path: Path) -> None:
    name = sweep.stem
    whole = run_sweep(sweep, tmp_path / "whole")
    done = run_sweep(sweep, tmp_path / "parts", workers=1)
    assert whole.kept is not None
    expected = content(tmp_path / "parts")
    assert len(list((tmp_path / "parts" / f"{name}.parquet").iterdir())) == -(-whole.kept // 50)
    assert (done.account, done.largest) == (whole.account, whole.largest)
    frame = pd.read_parquet(tmp_path / "whole" / f"{name}.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "parts" / f"{name}.parquet"), frame)
    assert (tmp_path / "parts" / f"{name}.csv").read_bytes() == (tmp_path / "whole" / f"{name}.csv").read_bytes()
    rows = duckdb.execute(f"select count(*), sum(weights) from '{tmp_path}/parts/{name}.parquet/*.parquet'").fetchone()
    assert rows == (len(frame), frame.weights.sum())
    run_sweep(sweep, tmp_path / "three", workers=3)
    assert content(tmp_path / "three") == expected


@pytest.mark.parametrize(
    "options", [{"keep": 120, "sort": "macs_per_step"}, {"columns": ["cells"]}, {"where": "cells > 64"}]
)
def test_what_a_run_may_ask_for_it_may_ask_for_in_parts(stacks: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    whole = run_sweep(stacks, tmp_path / "whole", **options)
    done = run_sweep(stacks, tmp_path / "parts", workers=2, **options)
    assert (done.account, done.largest) == (whole.account, whole.largest)
    name = "stacks.csv"
    assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    said = [json.loads((tmp_path / one / "stacks.manifest.json").read_text()) for one in ("whole", "parts")]
    assert said[0].get("written") == said[1].get("written") == (120 if "keep" in options else None)


def test_a_large_table_is_in_parts_unasked(stacks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LARGE", 100)
    run_sweep(stacks, tmp_path / "out")
    assert (tmp_path / "out" / "stacks.parquet").is_dir()
    # By the rows, and not by the size of the space.
    run_sweep(stacks, tmp_path / "out", budget="1500")
    assert (tmp_path / "out" / "stacks.parquet").is_file()


def test_a_job_goes_to_another_process_without_its_tables(stacks: Path) -> None:
    found = sizer.load_sweep(stacks)
    found = dataclasses.replace(found, columns=spaces.layered_columns(found))
    counted = spaces.count_space(found, 1, exact=False)
    for keep in ({}, {"keep": 70, "sort": "state_size"}):
        job = spaces.SpaceJob.of(counted, found, {"parquet_encoding": "delta", **keep})
        sent = pickle.dumps(job)
        assert len(sent) < 50_000
        there = pickle.loads(sent)
        for part in range(job.parts):
            mine, theirs = Account(), Account()
            rows = [batch.to_pylist() for batch in job.batches(part, mine, job.schema())]
            assert rows == [batch.to_pylist() for batch in there.batches(part, theirs, there.schema())]
            assert mine == theirs
            assert mine.repeated is None


def test_what_was_made_is_gone_on_with(stacks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_sweep(stacks, tmp_path / "whole", workers=1)
    write, made = parts.write_part, itertools.count()

    def failing(*arguments: Any) -> parts.WrittenPart:
        if next(made) == 3:
            raise OSError(28, "No space left on device")
        return write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(workers, "write_part", failing)
        with pytest.raises(
            RunError, match="--resume, with the same options, continues from the parts that are complete"
        ):
            run_sweep(stacks, tmp_path / "stopped", workers=1)
    with pytest.raises(RunError, match="budget: "):
        run_sweep(stacks, tmp_path / "stopped", resume=True, budget="9K")
    done = run_sweep(stacks, tmp_path / "stopped", resume=True)
    assert (done.resumed, done.was_finished) == (3, False)
    assert content(tmp_path / "stopped") == content(tmp_path / "whole")
    again = run_sweep(stacks, tmp_path / "stopped", resume=True)
    assert again.was_finished
    assert again.account == done.account
    (tmp_path / "stopped" / "stacks.csv").unlink()
    assert run_sweep(stacks, tmp_path / "stopped", resume=True).remade
    assert content(tmp_path / "stopped") == content(tmp_path / "whole")


@pytest.mark.process
def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "storm.yaml"
    file.write_text(
        "{sizer: 1, name: storm, model: {convention: pytorch, cell_type: lstm, inputs: 39, layers: 8},"
        " grid: {cells: {per_layer: {from: 32, to: 2048, step: 32}}},"
        " budget: {weights: {max: 900K}}, output: {formats: [csv, parquet]}}"
    )
    program = (
        "import sys; from sizer.runs import parts; parts.PART_KEPT = 40_000;"
        " sys.argv[0] = 'sizer'; from sizer.cli import main; main()"
    )
    command = [sys.executable, "-c", program, "run", str(file), "--resume", "--workers", "2", "--progress", "none"]

    def started(out: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    began = time.monotonic()
    assert started(tmp_path / "whole").wait() == 0
    seconds = time.monotonic() - began
    chance, out, kills, status = random.Random(7), tmp_path / "killed", 0, 0
    for _ in range(2):
        for attempt in itertools.count():
            process = started(out)
            try:
                status = process.wait(timeout=chance.uniform(0.4, 0.6 + attempt / 4) * seconds)
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
        assert status == 0
        assert content(out) == content(tmp_path / "whole")
        shutil.rmtree(out)
    assert kills


@pytest.mark.parametrize(
    "options",
    [
        [],
        *(
            pytest.param(some, marks=pytest.mark.thorough)
            for some in (["--keep", "20", "--sort", "weights"], ["--where", "cells > 8"])
        ),
    ],
)
def test_a_stream_has_the_bytes_of_the_file(sweep: Path, tmp_path: Path, options: list[str]) -> None:
    if sweep.stem == "phone":
        options = [word.replace("cells > 8", "encoder.cells > 256") for word in options]
    streamed = run_here("run", sweep, "--out", "-", *options)
    assert streamed.returncode == 0, streamed.stderr
    run_here("run", sweep, "--out", tmp_path / "out", "--format", "csv", *options)
    assert streamed.stdout == (tmp_path / "out" / f"{sweep.stem}.csv").read_bytes().decode()
    assert "kept" in streamed.stderr


def test_progress_ends_with_the_whole_space(stacks: Path, tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = [{}, {"workers": 2}, {"keep": 30}]
    for options in asked:
        seen: list[Progress] = []
        done = run_sweep(stacks, tmp_path, on_progress=seen.append, formats=["parquet"], **options)
        assert (seen[-1].decided, seen[-1].kept) == (done.sweep.size, options.get("keep", done.kept))
        assert [one.decided for one in seen] == sorted(one.decided for one in seen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "0 is below the minimum, 1"),
        ({"workers": 2, "cluster": "tcp://127.0.0.1:1"}, "a cluster has its own workers"),
        ({"keep": 10_000_001}, "10,000,001 rows are more than the 10,000,000 that can be sorted"),
    ],
)
def test_options_are_checked(stacks: Path, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run_sweep(stacks, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_counted_is_not_said_to_be_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MOST_LISTED", 20)
    file = tmp_path / "odd.yaml"
    file.write_text(
        "sizer: 1\nname: odd\nmodel: {convention: pytorch, cell_type: lstm, inputs: 80, layers: 3}\n"
        "grid: {cells: {per_layer: {from: 8, to: 64, step: 8}, distinct: 2}}\nbudget: {weights: {max: 40K}}\n"
    )
    options: list[str]
    for options in ([], ["--keep", "9"]):
        done = run_here("run", file, "--out", tmp_path / "out", *options)
        assert done.returncode == 1
        assert "networks fit, but a run needs an exact count: networks with few different values are listed" in (
            done.stderr
        )
        assert "--keep" not in done.stderr
    assert not (tmp_path / "out").exists()


# Workbooks


@pytest.mark.parametrize(
    "options", [{}, *(pytest.param(some, marks=pytest.mark.thorough) for some in ({"workers": 1}, {"keep": 30}))]
)
def test_a_workbook_has_the_rows_of_the_table(sweep: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    done = run_sweep(sweep, tmp_path / "out", formats=["csv", "xlsx"], **options)
    file = tmp_path / "out" / f"{sweep.stem}.xlsx"
    rows = pd.read_csv(tmp_path / "out" / f"{sweep.stem}.csv", dtype=str)
    found = pd.read_excel(file, sheet_name="Configurations", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(found, rows)
    assert len(rows) == min(done.kept or 0, options.get("keep", 10**9)) > 1
    summary = openpyxl.load_workbook(file, data_only=True)["Summary"]
    said = [row for row in summary.iter_rows(values_only=True) if row[1] == "configurations"]
    # Numbers that a spreadsheet would round are text.
    assert [int(str(row[0]).replace(",", "")) for row in said] == [done.sweep.size]


CELLS_OF_THEIR_OWN = (
    "{sizer: 1, name: mixed, model: {convention: pytorch, inputs: 8, layers: 3, outputs: 5},"
    " grid: {cells: {per_layer: [8, 16]}, cell_type: {per_layer: [lstm, gru, rnn]}}}"
)


@pytest.mark.thorough
@pytest.mark.parametrize("text", [STACKS, BLOCKS, CELLS_OF_THEIR_OWN])
def test_the_calculator_of_a_space_starts_from_the_largest(text: str, tmp_path: Path) -> None:
    done = run_sweep(parse_sweep(text), tmp_path, formats=["xlsx"])
    book = openpyxl.load_workbook(tmp_path / f"{done.sweep.name}.xlsx", data_only=True)
    said = [[cell for cell in row if cell is not None] for row in book["Calculator"].iter_rows(values_only=True)]
    assert ["weights", done.largest[0]["weights"], "valid"] in said
    assert f"{done.largest[0]['weights']:,} weights." in said[1][0]


def test_a_workbook_says_where_there_is_no_calculator(tmp_path: Path) -> None:
    text = STACKS.replace("pytorch", "back_of_envelope")
    run_sweep(parse_sweep(text), tmp_path, formats=["xlsx"])
    sheet = openpyxl.load_workbook(tmp_path / "stacks.xlsx")["Calculator"]
    assert sheet["A3"].value == (
        "No calculator: the layers differ, and under this convention no chain of blocks counts as they do."
    )


# What is asked of the rows


def test_layers_of_several_cell_types_are_explained_as_blocks(tmp_path: Path) -> None:
    file = tmp_path / "mixed.yaml"
    file.write_text(CELLS_OF_THEIR_OWN)
    found = sizer.space(file)
    for number in (0, 40, 100, 215):
        done = run_here("explain", file, "--id", str(number), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["weights"] == found.by_id([number]).weights[0]


@pytest.mark.thorough
@pytest.mark.parametrize("table", ["wide.parquet", "wide.csv", "wide.csv.gz"])
@pytest.mark.parametrize("options", [{}, {"keep": 1500}])
def test_rows_with_ids_of_any_size_are_queried_in_their_order(
    table: str, options: dict[str, Any], tmp_path: Path
) -> None:
    run_sweep(parse_sweep(LONG_IDS), tmp_path, formats=["csv", "parquet"], gzip=table.endswith("gz"), **options)
    found = sizer.space(parse_sweep(LONG_IDS))
    largest = list(map(str, found.largest(400).ids))
    assert max(map(int, largest)) > 2**63 > min(map(int, largest))
    asked = sizer.query(tmp_path / table, sort=["-weights"], top=400)
    assert asked["id"].tolist() == largest
    by_id = sizer.query(tmp_path / table, sort=["id"], columns=["id"])["id"].tolist()
    assert by_id == sorted(by_id, key=int)
    sizer.query(tmp_path / table, summary=True)
    # Page by page they are the same.
    opened = open_results(str(tmp_path / table))
    pages: list[str] = []
    after = None
    while True:
        page = page_of(opened, Query(sort=["-weights"], columns=["id"]), rows=97, after=after)
        pages += [row[0] for row in page.rows]
        after = page.after
        if after is None or len(pages) > 400:
            break
    assert pages[:400] == largest


@pytest.mark.thorough
@pytest.mark.parametrize("name", SWEEPS)
def test_what_is_handed_over_counts_what_its_row_says(name: str, tmp_path: Path) -> None:
    sweep = parse_sweep(SWEEPS[name])
    run_sweep(sweep, tmp_path, formats=["parquet"], keep=60)
    text = sizer.export(tmp_path / f"{name}.parquet", "jsonl")
    rows = [json.loads(line) for line in text.splitlines()]
    assert len(rows) == 60
    model = sweep.grids[0].model
    for row in rows:
        weights, number = row.pop("weights"), row.pop("id")
        assert weights == sizer.space(sweep).by_id([number]).weights[0]
        network = row if model is None else model.configuration(row)
        assert sizer.count(network).weights == weights
    page = sizer.report(tmp_path / f"{name}.parquet", tmp_path / "page.html")
    assert str(rows[0]["cells"][0] if model is None else rows[0]["encoder.cells"][0]) in Path(page).read_text()


@pytest.mark.thorough
@pytest.mark.parametrize("text", [BLOCKS, CELLS_OF_THEIR_OWN, STACKS])
def test_code_is_of_the_network_of_the_id(text: str, tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(text)
    for number in (7, 90, 130):
        done = run_here("code", file, "--id", str(number), "--to", "torch")
        assert done.returncode == 0, done.stderr
        assert f"exactly {sizer.space(file).by_id([number]).weights[0]:,} weights" in done.stdout


@pytest.mark.thorough
def test_no_sample_of_a_space_is_compared(stacks: Path) -> None:
    pytest.importorskip("torch")
    done = run_here("verify", stacks, "--with", "torch")
    assert done.returncode == 1
    assert "is a space of widths per layer, of which no sample is compared; sizer code FILE --id N" in done.stderr
