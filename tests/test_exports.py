"""Exports: the tools themselves read them, and every configuration counts what its row says."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest
import yaml

import sizer
from tests.commands import Done, run

pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `query`)")

ROOT = Path(__file__).resolve().parent.parent
UNION = """
sizer: 1
name: union
model: {convention: keras, inputs: 40, output_bias: false}
grid:
  - {cell_type: [lstm, gru], layers: [1, 2], cells: [64, 128], bidirectional: [false, true]}
  - linked: [{cells: [32, 96], outputs: [10, 20]}]
    layers: [3]
    cell_type: [rnn]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("results")
    sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "speech.yaml"), made)
    (made / "union.yaml").write_text(UNION)
    sizer.run_sweep(sizer.load_sweep(made / "union.yaml"), made, columns=["id", "weights"])
    return made


def command(*words: str, folder: Path) -> Done:
    return run(*words, cwd=folder)


def export(folder: Path, result: str, tool: str, *words: str) -> str:
    done = command("export", result, "--to", tool, *words, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def counted(fields: dict[str, Any]) -> int:
    return sizer.count(fields).weights


@pytest.mark.parametrize(
    "result", ["speech.parquet", "speech.csv", "speech.manifest.json", "union.parquet", "union.csv"]
)
def test_every_configuration_counts_what_its_row_says(folder: Path, result: str) -> None:
    lines = [json.loads(line) for line in export(folder, result, "jsonl").splitlines()]
    table = pd.read_parquet(folder / f"{result.split('.')[0]}.parquet")
    assert [line["id"] for line in lines] == table.id.tolist()
    assert [line.pop("weights") for line in lines] == table.weights.tolist()
    ids = [line.pop("id") for line in lines]
    assert [counted(line) for line in lines] == table.set_index("id").weights[ids].tolist()
    assert len({tuple(line) for line in lines}) == 1


def test_a_table_that_has_every_field_needs_no_sweep(folder: Path, tmp_path: Path) -> None:
    sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "speech.yaml"), tmp_path, columns="all", formats=["csv"])
    (tmp_path / "speech.manifest.json").unlink()
    lines = [json.loads(line) for line in export(tmp_path, "speech.csv", "jsonl", "--top", "50").splitlines()]
    for line in lines:
        del line["id"]
        assert line.pop("weights") == counted(line)


def test_what_is_asked_decides_which_and_in_what_order(folder: Path) -> None:
    words = ("--sort", "-weights", "--top", "3", "--where", "layers == 2", "--budget", "5M")
    lines = [json.loads(line) for line in export(folder, "speech.parquet", "jsonl", *words).splitlines()]
    table = pd.read_parquet(folder / "speech.parquet")
    expected = table[(table.layers == 2) & (table.weights <= 5_000_000)].sort_values("weights", ascending=False)
    assert [line["id"] for line in lines] == expected.id[:3].tolist()


def test_optuna_takes_them_as_trials(folder: Path, tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed (the extra `search`)")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    out = tmp_path / "trials.json"
    export(folder, "speech.parquet", "optuna", "--sort", "-weights", "--top", "20", "--out", str(out))
    entries = json.loads(out.read_text())
    study = optuna.create_study(direction="maximize")
    for entry in entries:
        study.enqueue_trial(**entry)

    def objective(trial: Any) -> float:
        fields = {
            **entries[trial.number]["params"],
            "layers": trial.suggest_int("layers", 1, 5),
            "cells": trial.suggest_int("cells", 128, 2048),
            "recurrent_projection": trial.suggest_categorical("recurrent_projection", [0, 64, 128, 256, 512]),
            "nonrecurrent_projection": trial.suggest_categorical("nonrecurrent_projection", [0, 64, 128, 256]),
        }
        assert sizer.fits(fields, "10M")
        return counted(fields)

    study.optimize(objective, n_trials=len(entries))
    assert [trial.value for trial in study.trials] == [entry["user_attrs"]["weights"] for entry in entries]
    assert study.best_trial.user_attrs["id"] == 2909


@pytest.mark.process
def test_hydra_runs_one_job_for_each(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("hydra", reason="Hydra is not installed (the extra `search`)")
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    export(folder, "union.parquet", "hydra", "--out", str(tmp_path / "conf" / "experiment" / "union.yaml"))
    (tmp_path / "app.py").write_text(
        "import json, hydra\nfrom omegaconf import OmegaConf\n"
        "@hydra.main(version_base=None, config_path='conf')\n"
        "def main(config):\n    print('network', json.dumps(OmegaConf.to_container(config.network)))\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "app.py", "+experiment=union", "hydra/hydra_logging=none", "hydra/job_logging=none"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    networks = [
        json.loads(line.removeprefix("network ")) for line in done.stdout.splitlines() if line.startswith("network ")
    ]
    assert list(map(counted, networks)) == pd.read_parquet(folder / "union.parquet").weights.tolist()


BLOCKS = """
sizer: 1
name: blocks
model:
  convention: pytorch
  blocks:
    symbols: {type: embedding, vocabulary: 50, embedding: 8}
    encoder: {type: recurrent, cells: 16}
    output: {type: dense, width: 5}
grid: {encoder.cells: [[16], [32, 8], [16, 8]], symbols.embedding: [8, 12]}
"""
SPACE = """
sizer: 1
name: space
model: {convention: pytorch, cell_type: gru, inputs: 8}
grid: {layers: [1, 2, 3], cells: {per_layer: [8, 16], order: any}}
"""


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("wide")
    for name, text in (("blocks", BLOCKS), ("space", SPACE)):
        (made / f"{name}.yaml").write_text(text)
        sizer.run_sweep(sizer.load_sweep(made / f"{name}.yaml"), made)
    return made


def counted_of_blocks(fields: dict[str, Any]) -> int:
    """Return the count of the model of `BLOCKS` with what stands in an export, by paths."""
    model = yaml.safe_load(BLOCKS)["model"]
    for path, value in fields.items():
        block, name = path.split(".")
        model["blocks"][block][name] = value
    return sizer.count(model).weights


def test_layers_of_a_space_are_lists(wide: Path) -> None:
    lines = [json.loads(line) for line in export(wide, "space.parquet", "jsonl").splitlines()]
    table = pd.read_parquet(wide / "space.parquet")
    assert len(lines) == len(table) == 2 + 4 + 8
    assert [line.pop("id") for line in lines] == table["id"].tolist()
    assert [line.pop("weights") for line in lines] == table["weights"].tolist() == list(map(counted, lines))
    for tool in ("ray", "optuna"):
        assert "null" not in export(wide, "space.parquet", tool)


def test_fields_of_blocks_go_by_their_paths(wide: Path) -> None:
    weights = pd.read_parquet(wide / "blocks.parquet")["weights"].tolist()
    assert list(map(counted_of_blocks, json.loads(export(wide, "blocks.parquet", "ray")))) == weights
    trials = json.loads(export(wide, "blocks.parquet", "optuna"))
    assert [counted_of_blocks(one["params"]) for one in trials] == weights
    swept = yaml.safe_load(export(wide, "blocks.parquet", "wandb"))["parameters"]["network"]["values"]
    assert list(map(counted_of_blocks, swept)) == weights


def test_hydra_keeps_the_dots_of_paths(wide: Path) -> None:
    parser = pytest.importorskip("hydra.core.override_parser.overrides_parser", reason="Hydra is not installed")
    omegaconf = pytest.importorskip("omegaconf")
    weights = pd.read_parquet(wide / "blocks.parquet")["weights"].tolist()
    given = yaml.safe_load(export(wide, "blocks.parquet", "hydra"))["hydra"]["sweeper"]["params"]["+network"]
    override = parser.OverridesParser.create().parse_override(f"+network={given}")
    # Each job is given its own network as an override once more.
    jobs = [
        parser.OverridesParser.create().parse_override(f"+network={one}").value()
        for one in override.sweep_string_iterator()
    ]
    networks = [
        omegaconf.OmegaConf.to_container(omegaconf.OmegaConf.create({"network": job}))["network"] for job in jobs
    ]
    assert list(map(counted_of_blocks, networks)) == weights


@pytest.mark.process
def test_ray_takes_them_as_points_to_evaluate(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (the extra `search`)")
    export(folder, "union.parquet", "ray", "--out", str(tmp_path / "configs.json"))
    # In a process of its own: importing Ray warns of much. No cluster is started; Tune's own search reads the points.
    code = f"""
import json
from ray import tune
from ray.tune.experiment import Experiment
from ray.tune.search.basic_variant import BasicVariantGenerator
configs = json.load(open("configs.json"))
space = {{name: tune.choice(list({{repr(c[name]): c[name] for c in configs}}.values())) for name in configs[0]}}
tune.register_trainable("train", lambda config: None)
search = BasicVariantGenerator(points_to_evaluate=configs)
search.add_configurations(
    [Experiment("all", run="train", config=space, num_samples=len(configs), storage_path={str(tmp_path)!r})]
)
found = [search.next_trial().config for _ in configs]
assert search.next_trial() is None
print(json.dumps(found))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == json.loads((tmp_path / "configs.json").read_text())
    assert list(map(counted, found)) == pd.read_parquet(folder / "union.parquet").weights.tolist()


def test_a_sweep_for_wandb_is_what_its_schema_allows(folder: Path) -> None:
    found = importlib.util.find_spec("sweeps")
    if found is None or found.origin is None:
        pytest.skip("W&B's package `sweeps`, which has the schema, is not installed")
    schema = json.loads((Path(found.origin).parent / "config" / "schema.json").read_text())
    sweep = yaml.safe_load(export(folder, "union.csv", "wandb"))
    jsonschema.Draft7Validator(schema).validate(sweep)
    assert (sweep["method"], sweep["name"]) == ("grid", "union")
    networks = sweep["parameters"]["network"]["values"]
    assert list(map(counted, networks)) == pd.read_parquet(folder / "union.parquet").weights.tolist()
    sweep["method"] = "every"
    assert not jsonschema.Draft7Validator(schema).is_valid(sweep)


def test_a_table_without_a_field_that_matters_is_noticed(tmp_path: Path) -> None:
    columns = ["id", "convention", "cell_type", "layers", "cells", "inputs", "recurrent_projection", "nonrecurrent_projection", "weights"]  # fmt: skip
    sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "speech.yaml"), tmp_path, columns=columns, formats=["csv"])
    (tmp_path / "speech.manifest.json").unlink()
    done = command("export", "speech.csv", "--to", "jsonl", folder=tmp_path)
    assert done.returncode == 1
    assert "a row of 90,240 weights counts 85,888 by its columns: some field is not among them" in done.stderr


@pytest.mark.parametrize("tool", ["optuna", "wandb", "ray", "hydra", "jsonl"])
def test_what_cannot_be_handed_over_is_said(folder: Path, tmp_path: Path, tool: str) -> None:
    (tmp_path / "lone.csv").write_text("id,cells,weights\n0,3,4\n")
    done = command("export", "lone.csv", "--to", tool, folder=tmp_path)
    assert done.returncode == 1
    assert (
        "lone.csv: lacks convention, cell_type, layers, inputs, and says nothing of its sweep; name the Parquet"
        in done.stderr
    )
    out = str(tmp_path / "out")
    done = command(
        "export", str(folder / "speech.csv"), "--to", tool, "--where", "layers > 9", "--out", out, folder=tmp_path
    )
    assert done.returncode == 1
    assert "has no such configuration; there is nothing to export" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["lone.csv"]


def test_cell_types_of_a_sweep_are_not_plain_values(tmp_path: Path) -> None:
    sizer.run_sweep(
        sizer.load_sweep(ROOT / "tests" / "sweeps" / "good" / "own-cells.yaml"), tmp_path, formats=["parquet"]
    )
    (name,) = tmp_path.glob("*.parquet")
    done = command("export", name.name, "--to", "jsonl", folder=tmp_path)
    assert done.returncode == 1
    assert "defines cell types of its own" in done.stderr


def test_too_many_for_one_file_are_not_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sizer.tables.asked import exports
    from sizer.tables.asked.results import open_results

    monkeypatch.setattr(exports, "MOST_IN_ONE_SWEEP", 5)
    opened = open_results(folder / "speech.parquet")
    with pytest.raises(sizer.InputError, match="6 configurations are more than the 5"):
        list(exports.exported(opened, iter([]), 6, "hydra"))
