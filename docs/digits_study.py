"""A study with Optuna: the best LSTM under 50,000 weights that reads handwritten digits row by row.

    pip install '.[search]' torch scikit-learn
    python docs/digits_study.py --trials 60

Each digit is 8 rows of 8 pixels, the 1,797 that scikit-learn brings along. Every trial's network fits, so that no trial is
spent on one that does not.
"""

from __future__ import annotations

import argparse
from typing import Any

import optuna
import torch
from sklearn.datasets import load_digits

import sizer

BUDGET = 50_000
SWEEP = {
    "name": "digits",
    "model": {"convention": "pytorch", "cell_type": "lstm", "inputs": 8, "outputs": 10},
    "grid": {
        "layers": [1, 2, 3],
        "cells": {"per_layer": {"from": 8, "to": 128, "step": 8}},
    },
    "budget": {"weights": {"max": BUDGET}},
}


class Reader(torch.nn.Module):
    """LSTM layers, each with a width of its own, and an output layer."""

    def __init__(self, network: dict[str, Any]) -> None:
        super().__init__()
        fed = [network["inputs"], *network["cells"]]
        self.layers = torch.nn.ModuleList(
            torch.nn.LSTM(below, width, batch_first=True) for below, width in zip(fed, network["cells"], strict=False)
        )
        self.output = torch.nn.Linear(network["cells"][-1], network["outputs"])

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return a score for each digit."""
        for layer in self.layers:
            rows, _ = layer(rows)
        scores: torch.Tensor = self.output(rows[:, -1])
        return scores


def study(trials: int, epochs: int, seed: int = 0) -> tuple[optuna.Study, Any]:
    """Return a finished study and its space."""
    # Networks as small as these train fastest on one thread: several wait for each other, twenty times as long on busy cores.
    torch.set_num_threads(1)
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(seed))
    images = torch.tensor(digits.images, dtype=torch.float32)[order] / 16
    labels = torch.tensor(digits.target)[order]
    held_out = len(labels) // 4
    space = sizer.space(SWEEP)
    sampler = sizer.optuna_sampler(space, seed=seed)

    def objective(trial: optuna.Trial) -> float:
        network = sampler.suggest(trial)
        rate = trial.suggest_float("rate", 1e-3, 3e-2, log=True)
        torch.manual_seed(seed)
        reader = Reader(network)
        weights = sum(parameter.numel() for parameter in reader.parameters())
        trial.set_user_attr("weights", weights)
        optimizer = torch.optim.Adam(reader.parameters(), lr=rate)
        right = 0.0
        for epoch in range(epochs):
            for start in range(held_out, len(labels), 128):
                some = slice(start, start + 128)
                loss = torch.nn.functional.cross_entropy(reader(images[some]), labels[some])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                right = (reader(images[:held_out]).argmax(1) == labels[:held_out]).float().mean().item()
            trial.report(right, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return right

    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
    made = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    made.optimize(objective, n_trials=trials)
    return made, space


def main() -> None:
    """Search, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    made, space = study(options.trials, options.epochs)
    sizes = [trial.user_attrs["weights"] for trial in made.trials]
    print(f"{space.size:,} networks, {space.count():,} of them under {BUDGET:,} weights")
    print(f"{len(sizes)} trials, the largest of {max(sizes):,} weights")
    print(f"the best reads {made.best_value:.1%} of the held-out digits: {made.best_params}")
    print(f"it has {made.best_trial.user_attrs['weights']:,} weights")


if __name__ == "__main__":
    main()
