"""Searches of which every suggestion fits: plain ones, and those of Optuna and Ray Tune."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sizer
from sizer.errors import InputError
from sizer.spaces.search import Search
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

    with pytest.raises(InputError, match="which the study does not take here"):
        study.optimize(objective, n_trials=1)


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
