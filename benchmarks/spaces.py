"""How fast spaces of widths per layer are counted and drawn from, beside what else can be done.

The anchor: 8 layers of 64 widths (32 to 2,048) under 10M weights, PyTorch's LSTM, 80 inputs. Beside it are one Python
int per state, which counts; NumPy draws that are thrown away where they do not fit; and Optuna's random and
constrained TPE samplers, of which is told how many trials fit. All figures are of one run.

    python benchmarks/spaces.py --json benchmarks/spaces.json
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measuring import machine

import sizer

WIDTHS = list(range(32, 2049, 32))
BUDGET = 10_000_000
LSTM = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80}
SPACES: dict[str, dict[str, Any]] = {
    "8 layers x 64 widths": {
        "model": {**LSTM, "layers": 8},
        "grid": {"cells": {"per_layer": {"from": 32, "to": 2048, "step": 32}}},
    },
    "1-8 layers x 256 widths": {
        "model": LSTM,
        "grid": {
            "layers": {"from": 1, "to": 8, "step": 1},
            "cells": {"per_layer": {"from": 8, "to": 2048, "step": 8}},
        },
    },
    "1-8 layers x 256 widths x 16 projections": {
        "model": {"convention": "textbook", "cell_type": "lstm", "inputs": 80, "bias_vectors": 2},
        "grid": {
            "layers": {"from": 1, "to": 8, "step": 1},
            "cells": {"per_layer": {"from": 8, "to": 2048, "step": 8}},
            "recurrent_projection": {"per_layer": {"from": 32, "to": 512, "step": 32}},
        },
    },
}

FALLING: dict[str, Any] = {
    "model": LSTM,
    "grid": {
        "layers": {"from": 1, "to": 8, "step": 1},
        "cells": {"per_layer": {"from": 64, "to": 1024, "step": 64}, "order": "falling"},
        "recurrent_projection": {"per_layer": [0, 64, 128, 256]},
    },
    "where": ["2 * recurrent_projection <= cells"],
    "budget": {"weights": {"min": "9M", "max": "10M"}, "state_size": {"max": 8000}},
}
"""The example of docs/spaces.md: two budgets at once."""


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a piece of work gives, and the seconds it takes."""
    started = time.perf_counter()
    found = work()
    return found, time.perf_counter() - started


def weights(cells: Any) -> Any:
    """Return the weights of stacks, shape (n, 8), by the formula of PyTorch's LSTM."""
    fed = np.concatenate([np.full((len(cells), 1), 80), cells[:, :-1]], axis=1)
    return (4 * cells * (fed + cells) + 8 * cells).sum(axis=1)


def counted_in_python_ints() -> int:
    """Return the anchor's count by one Python int per state: a dictionary of sizes for each width."""
    unit, room = 256, BUDGET // 256
    ways: dict[int, int] = {}
    # One big int holds the counts of all rooms, 64 bits each; a move by a cost is a shift.
    bits = 64
    mask = (1 << (bits * (room + 1))) - 1
    for width in WIDTHS:
        ways[width] = 1 << (bits * ((4 * width * (80 + width) + 8 * width) // unit))
    for _ in range(7):
        ways = {
            width: sum(
                (ways[fed] << (bits * ((4 * width * (fed + width) + 8 * width) // unit))) & mask for fed in WIDTHS
            )
            & mask
            for width in WIDTHS
        }
    total = sum(ways.values())
    return sum((total >> (bits * place)) & ((1 << bits) - 1) for place in range(room + 1))


def drawn_and_thrown_away(number: int) -> float:
    """Return the seconds that NumPy takes for so many draws that fit."""

    def work() -> None:
        chance = np.random.default_rng(1)
        kept = 0
        while kept < number:
            drawn = chance.choice(np.array(WIDTHS), size=(1 << 18, 8))
            kept += int((weights(drawn) <= BUDGET).sum())

    return timed(work)[1]


def studies(trials: int) -> dict[str, Any]:
    """Return how many trials of some samplers of Optuna fit, and how long they take."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = sizer.space({**SPACES["8 layers x 64 widths"], "budget": {"weights": {"max": BUDGET}}})
    samplers = {
        "optuna random": optuna.samplers.RandomSampler(seed=1),
        "optuna constrained TPE": optuna.samplers.TPESampler(
            seed=1, constraints_func=lambda trial: (trial.user_attrs["weights"] - BUDGET,)
        ),
        "sizer": sizer.optuna_sampler(space, seed=1),
    }
    found = {}
    for name, sampler in samplers.items():
        study = optuna.create_study(sampler=sampler)

        def objective(trial: Any) -> float:
            cells = [trial.suggest_int(f"cells.{layer}", 32, 2048, step=32) for layer in range(1, 9)]
            size = int(weights(np.array([cells]))[0])
            trial.set_user_attr("weights", size)
            return float(abs(size - 9_000_000))

        _, seconds = timed(lambda study=study, objective=objective: study.optimize(objective, n_trials=trials))
        fit = sum(trial.user_attrs["weights"] <= BUDGET for trial in study.trials)
        found[name] = {"trials": trials, "fit": fit, "seconds": seconds}
    return found


def two_budgets() -> dict[str, Any]:
    """Return how long a space under two budgets is counted and sorted by a third column."""
    space = sizer.space(FALLING)
    least, sorting = timed(lambda: space.extreme("macs_per_step", 5, largest=False))
    number, seconds = timed(space.count)
    return {
        "size": space.size,
        "count": number,
        "seconds": seconds,
        "least_macs": int(least.counts("macs_per_step")[0]),
        "sorted_seconds": sorting,
    }


def main() -> None:
    """Measure everything once and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="leave the large spaces and the studies out")
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(), "spaces": {}}
    for name, described in SPACES.items():
        if options.quick and results["spaces"]:
            break
        space = sizer.space({**described, "budget": {"weights": {"max": BUDGET}}})
        number, seconds = timed(space.count)
        space.sample(1, seed=1)
        draws = 50_000 if not results["spaces"] else 10_000
        _, drawing = timed(lambda space=space, draws=draws: space.sample(draws, seed=2))
        _, median = timed(lambda space=space: space.quantile(0.5))
        results["spaces"][name] = {
            "size": space.size,
            "count": number,
            "seconds": seconds,
            "draws_per_second": draws / drawing,
            "median_seconds": median,
            "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    anchor = results["spaces"]["8 layers x 64 widths"]
    in_ints, seconds = timed(counted_in_python_ints)
    assert in_ints == anchor["count"]
    results["python ints"] = {"seconds": seconds, "ratio": seconds / anchor["seconds"]}
    rate = 500 / drawn_and_thrown_away(500)
    results["numpy rejection"] = {"draws_per_second": rate, "ratio": anchor["draws_per_second"] / rate}
    if not options.quick:
        results["two budgets"] = two_budgets()
        results["studies"] = studies(500)
    print(json.dumps(results, indent=2))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
