"""Example sweeps of whole models: their totals, what is kept of each, and every table and command on one of them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import sizer
from sizer.grids.pruning.counts import count_kept
from sizer.runs.walk import row
from sizer.sweepfile.load import load_sweep
from sizer.sweepfile.model_file import load_model
from sizer.sweepfile.starter import Template, template_text
from tests.commands import run_here
from tests.served import ROOT

TOTALS = {
    "rnnt": 120_443_520,
    "las": 15_074_243,
    "kaldi_tdnn_lstm": 27_773_348,
    "keywords": 75_432,
    "awd_lstm": 24_221_600,
    "conformer_transducer": 21_595_792,
}
"""As printed, or as the checkpoint holds them; see the head of each file."""


def invoke(*arguments: Any) -> tuple[int, str, str]:
    """Return a command's exit code, what it prints and what it says beside."""
    done = run_here(*map(str, arguments))
    return done.returncode, done.stdout, done.stderr


def shipped(name: str) -> Path:
    return ROOT / "sweeps" / f"{name}.yaml"


@pytest.mark.parametrize("name", TOTALS)
def test_the_model_by_itself_has_its_total(name: str) -> None:
    assert sizer.count(load_model(shipped(name)).declared).weights == TOTALS[name]


@pytest.mark.parametrize("name", TOTALS)
def test_what_is_kept_is_within_the_budget_and_the_model_itself_is_among_the_swept(name: str) -> None:
    sweep = load_sweep(shipped(name))
    counted = count_kept(sweep, best=3)
    assert counted.account is not None
    assert counted.account.kept > 0
    budget = {bound.column: bound.maximum for bound in sweep.budget}
    best = [row(sweep, configuration_id) for configuration_id in counted.best]
    assert all(one[column] <= most for one in best for column, most in budget.items() if most is not None)
    first = 0
    totals = set()
    for grid in sweep.grids:
        totals |= {row(sweep, number)["weights"] for number in range(first, first + min(grid.size, 300))}
        first += grid.size
    assert TOTALS[name] in totals


@pytest.mark.parametrize("template", Template, ids=lambda template: template.value)
def test_init_writes_each(template: Template, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    code, _, said = invoke("init", "--template", template.value, "--out", file)
    assert code == 0, said
    assert file.read_text("utf-8").endswith(template_text(template))
    assert load_sweep(file).size == load_sweep(shipped(template.value)).size


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results")
    code, _, said = invoke("run", shipped("keywords"), "--out", out, "--columns", "all", "--format", "csv,parquet,xlsx")
    assert code == 0, said
    return out


def test_tables_have_a_column_for_each_path_and_each_place_of_a_list(results: Path) -> None:
    table = pq.read_table(results / "keywords.parquet")
    swept = ["conv.channels", "conv.stride.1", "conv.stride.2", "gru.cells", "hidden.width"]
    assert table.column_names[:8] == ["id", "convention", *swept, "weights"]
    assert {"conv.weights", "gru.weights", "macs_per_step", "macs_per_frames", "macs_per_sequence"} <= {
        *table.column_names
    }
    for one in table.to_pylist():
        counted = sizer.count(model_at(one))
        assert {name: one[name] for name in counted.columns()} == counted.columns()


def model_at(one: dict[str, Any]) -> dict[str, Any]:
    """Return the model of a row, from its columns."""
    model = json.loads(json.dumps(load_model(shipped("keywords")).declared))
    blocks = model["blocks"]
    blocks["conv"] |= {"channels": one["conv.channels"], "stride": [one["conv.stride.1"], one["conv.stride.2"]]}
    blocks["gru"]["cells"] = one["gru.cells"]
    blocks["hidden"]["width"] = one["hidden.width"]
    return dict(model)


@pytest.mark.parametrize("name", ["keywords.parquet", "keywords.csv", "keywords.manifest.json"])
def test_queries_take_paths(name: str, results: Path) -> None:
    asked = ("--where", "conv.stride.2 == 2 and gru.cells < 60", "--sort", "-gru.weights", "--top", "2")
    code, printed, said = invoke("query", results / name, *asked, "--columns", "id,gru.cells,gru.weights")
    assert code == 0, said
    head, *rows = [line.split("\t") for line in printed.splitlines()]
    assert head == ["id", "gru.cells", "gru.weights"]
    assert len(rows) == 2
    assert all(int(cells) < 60 for _, cells, _ in rows)
    code, printed, said = invoke("query", results / name, "--budget", "gru.weights=30K", "--group-by", "conv.channels")
    assert code == 0, said
    assert printed.startswith("conv.channels\trows\t")


def test_configurations_are_handed_over_by_their_paths(results: Path) -> None:
    code, printed, said = invoke("export", results / "keywords.parquet", "--to", "jsonl", "--top", "1")
    assert code == 0, said
    found = json.loads(printed)
    assert set(found) == {"id", "conv.channels", "conv.stride", "gru.cells", "hidden.width", "weights"}
    assert isinstance(found["conv.stride"], list)


def test_plots_and_reports_are_made(results: Path, tmp_path: Path) -> None:
    for command, out in (("plot", tmp_path / "plot.svg"), ("report", tmp_path / "report.html")):
        code, _, said = invoke(command, results / "keywords.parquet", "--out", out)
        assert code == 0, said
        assert out.stat().st_size > 1000


def test_a_row_is_explained_and_compared(results: Path) -> None:
    found = pq.read_table(results / "keywords.parquet").to_pylist()[0]
    code, printed, said = invoke("explain", shipped("keywords"), "--id", found["id"], "--json")
    assert code == 0, said
    assert json.loads(printed)["weights"] == found["weights"]
    code, printed, said = invoke("compare", shipped("keywords"), "--id", found["id"], "--json")
    assert code == 0, said
    readings = {one["convention"]: one["weights"] for one in json.loads(printed)["readings"]}
    assert readings["tensorflow1"] == found["weights"]
    code, _, said = invoke("compare", shipped("keywords"), "--id", "1000000")
    assert code == 1
    assert "the ids go from 0 to" in said


def test_a_table_in_parts_is_the_same(results: Path, tmp_path: Path) -> None:
    options = ("--out", tmp_path, "--columns", "all", "--format", "csv,parquet", "--resume")
    for _ in range(2):  # the second one finds everything made
        code, _, said = invoke("run", shipped("keywords"), *options)
        assert code == 0, said
    assert "nothing was done" in said
    assert (tmp_path / "keywords.csv").read_bytes() == (results / "keywords.csv").read_bytes()


def test_another_process_gets_the_sweep_whole() -> None:
    sweep = load_sweep(shipped("rnnt"))
    again = pickle.loads(pickle.dumps(sweep))
    assert [row(again, number) for number in (0, 100, 215)] == [row(sweep, number) for number in (0, 100, 215)]


def test_the_best_by_a_column_of_one_block_are_kept(tmp_path: Path) -> None:
    options = ("--out", tmp_path, "--columns", "id,gru.weights", "--keep", "4", "--sort", "-gru.weights")
    code, _, said = invoke("run", shipped("keywords"), *options)
    assert code == 0, said
    found = pq.read_table(tmp_path / "keywords.parquet").to_pydict()["gru.weights"]
    assert found == sorted(found, reverse=True)
    assert len(found) == 4
