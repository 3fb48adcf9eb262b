"""A running search asks the service whether what it tries is within its budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sizer
from tests.served import served

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")
optuna = pytest.importorskip("optuna", reason="Optuna is not installed (the extra `search`)")


pytestmark = pytest.mark.process


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_an_optuna_study_keeps_to_the_budget_by_the_service(tmp_path: Path) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    budget = 5_000_000
    asked = 0
    with served(tmp_path / "data") as server, sizer.Client(server.url) as client:

        def objective(trial: Any) -> float:
            nonlocal asked
            network = {
                "convention": "pytorch",
                "cell_type": trial.suggest_categorical("cell_type", ["lstm", "gru"]),
                "inputs": 80,
                "layers": trial.suggest_int("layers", 1, 6),
                "cells": trial.suggest_int("cells", 32, 2048, step=32),
            }
            asked += 1
            if not client.fits(network, budget):
                raise optuna.TrialPruned
            weights = client.count(network).weights
            trial.set_user_attr("network", network)
            return float(weights)

        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=3))
        study.optimize(objective, n_trials=150)
    states = {trial.state for trial in study.trials}
    assert asked == 150
    assert states == {optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED}
    for trial in study.trials:
        if trial.state is optuna.trial.TrialState.COMPLETE:
            assert trial.value == sizer.count(trial.user_attrs["network"]).weights <= budget
    assert study.best_value > 0.9 * budget
