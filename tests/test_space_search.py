"""Searches of which every suggestion fits: plain ones, and those of Optuna and Ray Tune."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sizer
from sizer.errors import InputError
from sizer.spaces.search import Search, flattened, gathered
from sizer.spaces.space import Space, space

optuna = pytest.importorskip("optuna")


def widths(most: str = "200K") -> Space:
    grid = {
        "layers": [1, 2, 3],
        "cells": {"per_layer": {"from": 8, "to": 128, "step": 8}},
        "recurrent_projection": {"per_layer": [0, 4, 16]},
    }
    model = {"convention": "pytorch", "cell_type": "lstm", "inputs": 8}
    return space({"model": model, "grid": grid, "budget": {"weights": {"max": most}}})


def distance(network: dict[str, Any]) -> float:
    """Return how far a network is from one that only a search finds."""
    wanted = (96, 32, 64)
    cells = network["cells"]
    return float(sum(abs(a - b) for a, b in zip(cells, wanted, strict=False)) + 100 * (3 - len(cells)))


def test_every_suggestion_fits_and_neighbours_of_the_best_are_tried() -> None:
    found = widths("60K")
    search = Search(found, seed=1)
    values = []
    for _ in range(300):
        network = search.ask()
        assert sizer.count(network).weights <= 60_000
        values.append(distance(network))
        search.tell(network, values[-1])
    assert min(values[200:]) < min(values[:20])
    again = Search(found, seed=1)
    assert [again.ask() for _ in range(5)] == [Search(found, seed=1).ask(number) for number in range(5)]


def study_of(found: Space, trials: int, **options: Any) -> Any:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = sizer.optuna_sampler(found, seed=3)
    study = optuna.create_study(sampler=sampler, **options)

    def objective(trial: Any) -> float:
        network = sampler.suggest(trial)
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        trial.set_user_attr("weights", sizer.count(network).weights)
        for step in range(3):
            trial.report(distance(network) + 3 - step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(distance(network) + rate)

    study.optimize(objective, n_trials=trials)
    return study


def test_every_trial_of_a_study_fits() -> None:
    study = study_of(widths("60K"), 60, pruner=optuna.pruners.MedianPruner(n_startup_trials=5))
    assert len(study.trials) == 60
    assert max(trial.user_attrs["weights"] for trial in study.trials) <= 60_000
    states = {trial.state for trial in study.trials}
    assert states == {optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED}
    for trial in study.trials:
        # Only the layers that there are were asked for.
        assert len([name for name in trial.params if name.startswith("cells.")]) == trial.params["layers"]


@pytest.mark.thorough
def test_a_study_goes_on_from_a_storage(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    options = {"storage": storage, "study_name": "one", "load_if_exists": True}
    study_of(widths(), 8, **options)
    study = study_of(widths(), 8, **options)
    whole = study_of(widths(), 16)
    assert [trial.params["layers"] for trial in study.trials] == [trial.params["layers"] for trial in whole.trials]
    assert [trial.params["cells.1"] for trial in study.trials] == [trial.params["cells.1"] for trial in whole.trials]


def test_what_was_put_into_the_queue_stands() -> None:
    found = widths("60K")
    sampler = sizer.optuna_sampler(found)
    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial({"layers": 2, "cells.2": 24})
    study.optimize(lambda trial: distance(sampler.suggest(trial)), n_trials=1)
    params = study.trials[0].params
    assert (params["layers"], params["cells.2"]) == (2, 24)


def test_what_a_network_has_not_is_a_fault() -> None:
    sampler = sizer.optuna_sampler(widths())
    study = optuna.create_study(sampler=sampler)

    def objective(trial: Any) -> float:
        return float(trial.suggest_int("cells.1", 256, 512, step=8))

    with pytest.raises(InputError, match="which the study does not allow here"):
        study.optimize(objective, n_trials=1)


def of_blocks() -> Space:
    """Return a space of models with two blocks of layers, the layers of one swept, beside a width of the whole model."""
    blocks = {
        "features": {"type": "input", "inputs": 40},
        "encoder": {"type": "recurrent", "layers": 3, "cells": 64},
        "symbols": {"type": "embedding", "vocabulary": 100, "embedding": 16},
        "prediction": {"type": "recurrent", "cells": 64},
        "both": {"type": "join", "from": ["encoder", "prediction"]},
        "hidden": {"type": "dense", "width": 32},
    }
    grid = {
        "encoder.cells": {"per_layer": {"from": 16, "to": 128, "step": 16}, "order": "falling"},
        "encoder.recurrent_projection": {"per_layer": [0, 8]},
        "hidden.width": [32, 48],
        "prediction.layers": [1, 2],
        "prediction.cells": {"per_layer": [16, 32, 64]},
    }
    budget = {"weights": {"min": "40K", "max": "120K"}}
    return space({"model": {"convention": "pytorch", "blocks": blocks}, "grid": grid, "budget": budget})


def distance_of_model(network: dict[str, Any]) -> float:
    encoder, prediction = network["blocks"]["encoder"], network["blocks"]["prediction"]
    return float(
        sum(abs(a - b) for a, b in zip(encoder["cells"], (96, 64, 32), strict=True)) + sum(prediction["cells"])
    )


def test_a_search_of_models_of_blocks_stays_within_the_budget() -> None:
    found = of_blocks()
    search = Search(found, seed=1)
    values = []
    for _ in range(120):
        network = search.ask()
        assert 40_000 <= sizer.count(network).weights <= 120_000
        assert gathered(found, flattened(found, network)) == network
        values.append(distance_of_model(network))
        search.tell(network, values[-1])
    assert min(values[60:]) < min(values[:20])
    assert {len(one["blocks"]["prediction"]["cells"]) for _, _, one in search._told} == {1, 2}


def test_what_is_not_a_number_is_no_parent() -> None:
    search = Search(widths(), first=2, parents=1, explore=0, maximise=True)
    networks = [search.ask() for _ in range(3)]
    for network, value in zip(networks, (float("nan"), 3.0, float("nan")), strict=True):
        search.tell(network, value)
    assert search.ask() in [*search.space.neighbours(networks[1])]


@pytest.mark.parametrize("storage", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_every_trial_of_a_study_of_models_fits(storage: bool, tmp_path: Path) -> None:
    found = of_blocks()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options: dict[str, Any] = {"pruner": optuna.pruners.MedianPruner(n_startup_trials=4)}
    if storage:
        options |= {"storage": f"sqlite:///{tmp_path / 'study.db'}", "study_name": "one", "load_if_exists": True}

    def studied(trials: int, study: Any, sampler: Any) -> Any:
        def objective(trial: Any) -> float:
            network = sampler.suggest(trial)
            trial.set_user_attr("weights", sizer.count(network).weights)
            trial.suggest_float("rate", 1e-4, 1e-1, log=True)
            for step in range(2):
                trial.report(distance_of_model(network), step)
                if trial.should_prune():
                    raise optuna.TrialPruned
            return distance_of_model(network)

        study.optimize(objective, n_trials=trials)
        return study

    first = sizer.optuna_sampler(found, seed=3, first=8)
    study = studied(24, optuna.create_study(sampler=first, **options), first)
    if storage:
        # Another process goes on with what the storage remembers.
        again = sizer.optuna_sampler(found, seed=3, first=8)
        study = studied(16, optuna.create_study(sampler=again, **options), again)
    else:
        study = studied(16, study, first)
    study.enqueue_trial({"prediction.layers": 2, "encoder.cells.2": 48, "hidden.width": 48})
    study = studied(1, study, study.sampler if not storage else again)
    assert len(study.trials) == 41
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}
    for trial in study.trials:
        assert 40_000 <= trial.user_attrs["weights"] <= 120_000
        # Only the layers that there are were asked for.
        assert (
            len([name for name in trial.params if name.startswith("prediction.cells.")])
            == (trial.params["prediction.layers"])
        )
        network = gathered(found, trial.params)
        assert network is not None
        assert sizer.count(network).weights == trial.user_attrs["weights"]
    last = study.trials[-1].params
    assert (last["prediction.layers"], last["encoder.cells.2"], last["hidden.width"]) == (2, 48, 48)


def test_a_study_of_another_space_is_gone_on_with() -> None:
    study = study_of(widths("60K"), 25)
    narrow = widths("60K").restrict({"cells": [8, 16, 24]})
    sampler = sizer.optuna_sampler(narrow)
    study.sampler = sampler
    study.optimize(lambda trial: distance(sampler.suggest(trial)), n_trials=5)
    assert {trial.params["cells.1"] for trial in study.trials[25:]} <= {8, 16, 24}


@pytest.mark.process
@pytest.mark.thorough
def test_a_tuner_runs_networks_that_fit(tmp_path: Path) -> None:
    """Ray runs trials of a space of models, in processes of its own, and goes on from what it wrote."""
    pytest.importorskip("ray.tune", reason="Ray is not installed (the extra `search`)")
    program = tmp_path / "tuned.py"
    program.write_text(TUNED)
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path)],
        env=environment,
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["errors"] == 0
    assert said["told"] == len(said["weights"]) == said["again"] == 6
    assert all(40_000 <= weights <= 120_000 for weights in said["weights"])


TUNED = """
import json, sys
import ray
from ray import tune
import sizer
from tests.test_space_search import of_blocks

def train(config):
    weights = sizer.count(config["network"]).weights
    for step in range(2):
        tune.report({"loss": weights - step, "weights": weights})

if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=80_000_000)
    searcher = sizer.ray_searcher(of_blocks(), "loss", seed=2, first=3)
    config = tune.TuneConfig(search_alg=tune.search.ConcurrencyLimiter(searcher, 1), num_samples=6)
    where = tune.RunConfig(storage_path=sys.argv[1], name="run", verbose=0)
    found = tune.Tuner(train, tune_config=config, run_config=where).fit()
    again = tune.Tuner.restore(sys.argv[1] + "/run", train).fit()
    weights = [one.metrics["weights"] for one in found]
    told = len(searcher._search._told)
    print(json.dumps({"errors": found.num_errors, "weights": weights, "told": told, "again": len(again)}))
"""


@pytest.mark.thorough
def test_ray_tune_gets_networks_that_fit(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    searcher = sizer.ray_searcher(widths("60K"), "loss", seed=2)
    for number in range(40):
        network = searcher.suggest(str(number))["network"]
        assert sizer.count(network).weights <= 60_000
        searcher.on_trial_complete(str(number), {"loss": distance(network)})
    searcher.save(str(tmp_path / "state"))
    other = sizer.ray_searcher(widths("60K"), "loss", seed=2)
    other.restore(str(tmp_path / "state"))
    assert other.suggest("next") == searcher.suggest("next")


@pytest.mark.thorough
def test_the_study_of_digits_finds_a_network_that_fits() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    import runpy

    study = runpy.run_path(str(Path(__file__).parent.parent / "docs" / "digits_study.py"))["study"]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    made, found = study(trials=6, epochs=2)
    assert len(made.trials) == 6
    assert max(trial.user_attrs["weights"] for trial in made.trials) <= 50_000
    assert made.best_value > 0.3
    for trial in made.trials:
        # What PyTorch has is what was counted.
        cells = [trial.params[f"cells.{layer}"] for layer in range(1, trial.params["layers"] + 1)]
        assert trial.user_attrs["weights"] == found.find([{"layers": len(cells), "cells": cells}]).weights[0]
