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


def test_a_sweep_without_fields_of_layers_is_drawn_from_as_it_is_run(tmp_path: Path) -> None:
    file = tmp_path / "plain.yaml"
    file.write_text(
        "sizer: 1\nname: plain\nmodel: {convention: pytorch, cell_type: gru, inputs: 8, layers: 1}\n"
        "grid: {cells: [8, 16]}\nbudget: {weights: {max: 1000}}\n"
    )
    done = sizer_command("sample", file, "-n", "2")
    assert done.returncode == 0, done.stderr
    row = "0,pytorch,gru,1,8,0,0,432\n"
    assert (
        done.stdout
        == "id,convention,cell_type,layers,cells,recurrent_projection,nonrecurrent_projection,weights\n" + 2 * row
    )
    done = sizer_command("sample", file, "--where", "cells > 8")
    assert done.returncode == 1
    assert "no network of this space fits" in done.stderr


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


WHOLE = """\
sizer: 1
name: whole
model: {convention: pytorch, blocks: {f: {type: input, inputs: 8}, r: {type: recurrent, cells: 8, layers: 2}, o: {type: dense, width: 5}}}
grid:
"""


def test_a_run_of_a_model_writes_a_column_for_each_layers_cell_type(tmp_path: Path) -> None:
    axes = "  r.layers: [1, 9]\n  r.cells: {per_layer: {from: 8, to: 2048, step: 8}}\n  r.cell_type: {per_layer: [lstm, gru], distinct: 1}\n"
    (tmp_path / "whole.yaml").write_text(
        f"{WHOLE.replace(', layers: 2', '')}{axes}budget: {{weights: {{max: 5600}}}}\n"
    )
    done = sizer_command("run", tmp_path / "whole.yaml", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    found = sizer.space(tmp_path / "whole.yaml")
    for table in (
        pd.read_csv(tmp_path / "out" / "whole.csv", dtype={"id": str}, keep_default_na=False),
        pd.read_parquet(tmp_path / "out" / "whole.parquet"),
    ):
        assert table["id"].tolist() == list(map(str, found[:].ids))
        assert table["weights"].tolist() == [sizer.count(one).weights for one in found[:]]
        words = [one["blocks"]["r"]["cell_type"] for one in found[:]]
        assert table["r.cell_type.1"].tolist() == [one[0] for one in words]
        assert table["r.cell_type.9"].tolist() == [one[8] if len(one) == 9 else "" for one in words]
    assert int(table["id"].iloc[-1]) > 2**63
    assert set(table["r.layers"]) == {1, 9}
    told = sizer_command("explain", tmp_path / "whole.yaml", "--id", table["id"].iloc[-1], "--json")
    assert json.loads(told.stdout)["weights"] == table["weights"].iloc[-1]


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ("r.cells: {per_layer: [8, 16], order: sideways}", "5:40: grid.r.cells.order: 'sideways' is not known"),
        ("r.cells: {per_layer: [8, 16], distinct: 0}", "5:43: grid.r.cells.distinct: 0 is below the minimum, 1"),
        ("o.width: {per_layer: [8, 16]}", "5:3: grid: a layer has no width of its own; cells, recurrent_projection"),
        ("r.bidirectional: {per_layer: [true]}", "5:3: grid: a layer has no bidirectional of its own"),
        ("r.cell_type: {per_layer: [lstm, grux]}", "5:35: grid.r.cell_type.per_layer[1]: 'grux' is not known"),
        ("r.cell_type: {per_layer: [lstm, gru], order: falling}", "5:48: grid.r.cell_type.order: the values of"),
        ("r.cells: {per_layer: [8, [16, 8]]}", "5:28: grid.r.cells.per_layer[1]: is no number; under per_layer"),
        ("r.cells: {per_layer: [8, true]}", "5:28: grid.r.cells.per_layer[1]: 'true' is not a whole number"),
        ("r.cells: {per_layer: {values: [1.5]}}", "5:34: grid.r.cells.per_layer.values[0]: '1.5' is not a whole"),
        (
            "r.cells: {per_layer: {from: 1, to: 1M, step: 1}}",
            "5:24: grid.r.cells.per_layer: a layer can take 1,000,000",
        ),
    ],
)
def test_faults_of_axes_of_layers_are_told_at_their_place(axis: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "whole.yaml").write_text(f"{WHOLE}  {axis}\n")
    done = sizer_command("validate", tmp_path / "whole.yaml")
    assert done.returncode == 1
    assert message in done.stderr + done.stdout
