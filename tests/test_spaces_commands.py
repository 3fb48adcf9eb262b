"""Runs of spaces, dry runs and `sizer sample`: what they print and write, and each fault with its words."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest

import sizer
from sizer.runs import spaces
from tests.commands import run as sizer_command
from tests.commands import run_here
from tests.oracles.slow_space import listed

SWEEP = """\
sizer: 1
name: few
model: {convention: pytorch, cell_type: lstm, inputs: 10}
grid:
  layers: [1, 2, 3]
  cells: {per_layer: [8, 12, 20], order: falling}
  recurrent_projection: {per_layer: [0, 4]}
budget: {weights: {min: 1000, max: 5000}}
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    file = tmp_path / "few.yaml"
    file.write_text(SWEEP)
    return file


def expected() -> list[tuple[int, dict[str, object]]]:
    model = {"convention": "pytorch", "cell_type": "lstm", "inputs": 10}
    grid = {
        "layers": [1, 2, 3],
        "cells": {"per_layer": [8, 12, 20], "order": "falling"},
        "recurrent_projection": {"per_layer": [0, 4]},
    }
    bounds = {"weights": {"min": 1000, "max": 5000}}
    return [(place, one.fields) for place, one in enumerate(listed(model, grid)) if one.within(bounds)]


def test_a_run_writes_what_fits_with_a_column_for_each_layer(sweep: Path, tmp_path: Path) -> None:
    done = sizer.run_sweep(sizer.load_sweep(sweep), tmp_path / "out")
    assert done.account is not None
    wanted = expected()
    assert done.account.kept == len(wanted)
    assert done.account.decided == done.sweep.size == 110
    for table in (pd.read_csv(tmp_path / "out" / "few.csv"), pd.read_parquet(tmp_path / "out" / "few.parquet")):
        rows = table.to_dict("records")
        assert [row["id"] for row in rows] == [place for place, _ in wanted]
        for row, (_, fields) in zip(rows, wanted, strict=True):
            for name in ("cells", "recurrent_projection"):
                values = fields[name]
                assert isinstance(values, tuple)
                assert tuple(row[f"{name}.{layer}"] for layer in (1, 2, 3)) == (*values, *[0] * (3 - len(values)))
            assert row["weights"] == sizer.count(fields).weights
    assert done.frame()["id"].tolist() == [place for place, _ in wanted]
    assert done.largest[0]["weights"] == max(sizer.count(fields).weights for _, fields in wanted)


def test_a_dry_run_says_how_many_fit(sweep: Path) -> None:
    done = sizer_command("run", sweep, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["configurations"], said["kept"]) == (110, len(expected()))
    assert sum(said["outside_budget"]["weights"].values()) == 110 - len(expected())


def test_keep_writes_the_first_by_a_column(sweep: Path, tmp_path: Path) -> None:
    sizer.run_sweep(sizer.load_sweep(sweep), tmp_path, keep=4, sort="macs_per_step", formats=["csv"])
    rows = pd.read_csv(tmp_path / "few.csv")["id"].tolist()
    by_macs = sorted(expected(), key=lambda one: (sizer.count(one[1]).macs_per_step, one[0]))
    assert rows == [place for place, _ in by_macs[:4]]


def test_explain_knows_the_ids_of_a_space(sweep: Path) -> None:
    place, fields = expected()[-1]
    done = sizer_command("explain", sweep, "--id", str(place), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["weights"] == sizer.count(fields).weights


def test_sample_prints_networks_that_fit(sweep: Path) -> None:
    done = sizer_command("sample", sweep, "-n", "20", "--seed", "1")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    known = {place for place, _ in expected()}
    assert len(rows) == 20
    assert {int(row["id"]) for row in rows} <= known
    assert sizer_command("sample", sweep, "-n", "20", "--seed", "1").stdout == done.stdout
    few = sizer_command("sample", sweep, "-n", "5", "--budget", "2000", "--where", "cells < 20", "--json")
    said = json.loads(few.stdout)
    assert all(row["weights"] <= 2000 and row["cells.1"] < 20 for row in said["networks"])
    assert said["kept"] == sizer.space(sweep).count(budget="2000", where="cells < 20")


def test_ids_past_int64_are_text(tmp_path: Path) -> None:
    file = tmp_path / "wide.yaml"
    file.write_text(
        "sizer: 1\nname: wide\nmodel: {convention: pytorch, cell_type: gru, inputs: 8, layers: 9}\n"
        "grid: {cells: {per_layer: {from: 8, to: 2048, step: 8}}}\nbudget: {weights: {max: 12K}}\n"
    )
    done = sizer.run_sweep(sizer.load_sweep(file), tmp_path / "out", formats=["parquet"])
    ids = pd.read_parquet(tmp_path / "out" / "wide.parquet")["id"].tolist()
    assert done.account is not None
    assert len(ids) == done.account.kept > 100
    assert all(isinstance(one, str) for one in ids)
    found = sizer.space(file)
    assert found.size == 256**9
    assert found.by_id([int(ids[-1])])[0] == found[-1]
    assert int(ids[-1]) > 2**63


def test_what_is_too_much_says_what_to_do(sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spaces, "MOST_ROWS", 3)
    done = run_here("run", sweep, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "networks fit, more than the 3 rows that a run can write: --keep 1000 --sort -weights" in done.stderr
    assert not (tmp_path / "out" / "few.csv").exists()


def test_a_sweep_without_layers_of_their_own_is_no_space(tmp_path: Path) -> None:
    file = tmp_path / "plain.yaml"
    file.write_text(
        "sizer: 1\nname: plain\nmodel: {convention: pytorch, cell_type: gru, inputs: 8, layers: 1}\ngrid: {cells: [8]}\n"
    )
    done = sizer_command("sample", file)
    assert done.returncode == 1
    assert "is not a space: no field has a per_layer axis" in done.stderr


@pytest.mark.parametrize(
    "command", [["run", "--dry-run"], ["sample", "-n", "3"], ["run", "--keep", "3", "--sort", "weights"]]
)
def test_conditions_may_leave_fewer_layers(sweep: Path, tmp_path: Path, command: list[str]) -> None:
    name, *options = command
    out = [] if name == "sample" or "--dry-run" in options else ["--out", str(tmp_path / "out")]
    done = sizer_command(name, str(sweep), *options, *out, "--where", "layers <= 2", "--json")
    assert done.returncode == 0, done.stderr
    shallow = [fields for _, fields in expected() if isinstance(fields["layers"], int) and fields["layers"] <= 2]
    answer = json.loads(done.stdout)
    assert answer["kept"] == len(shallow)
    if name == "sample":
        assert [row["cells.3"] for row in answer["networks"]] == [0, 0, 0]
    if out:
        assert pd.read_csv(tmp_path / "out" / "few.csv")["cells.3"].tolist() == [0, 0, 0]
