"""Sweeping a whole model against sweeping a plain LSTM: a grid of 10^8 of each decided under a budget, in one run.

The model is the streaming RNN transducer of `sweeps/rnnt.yaml`; its grid and that of the LSTM have five axes of forty
values. What is decided is the same: which configurations have at most so many weights. Dry runs of 10^12 of the
transducers are counted beside it, under one budget and under two.

    python benchmarks/models.py --json benchmarks/models.json
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import yaml
from measuring import rates, report

from sizer.grids.engine import BLOCK, Decider
from sizer.grids.ids import blocks, lengths
from sizer.grids.pruning.counts import count_kept
from sizer.grids.repeats import Repeats
from sizer.sweepfile.load import parse_sweep
from sizer.sweepfile.sweep import Sweep

RNNT = yaml.safe_load((Path(__file__).parents[1] / "sweeps" / "rnnt.yaml").read_text("utf-8"))["model"]
SIZE = 40
"""Values on each of the five axes."""
MANY = 252
"""The same of the dry run: 252^5 is 10^12."""
TWO_BUDGETS = {"weights": {"min": "50M", "max": "60M"}, "state_size": {"max": 20_000}}


def _axis(start: int, step: int, number: int) -> dict[str, int]:
    return {"from": start, "to": start + step * (number - 1), "step": step}


def _sweep(name: str, model: dict[str, Any], grid: dict[str, Any], budget: dict[str, Any] | None = None) -> Sweep:
    data = {"sizer": 1, "name": name, "model": model, "grid": grid, "budget": budget or {"weights": {"max": "60M"}}}
    return parse_sweep(json.dumps(data))


def transducers(number: int, budget: dict[str, Any] | None = None) -> Sweep:
    """Return the sweep of the transducer, with so many values on each axis, over much the same range however many."""
    times = MANY // number
    grid = {
        "encoder.cells": _axis(512, 16 * times, number),
        "encoder.recurrent_projection": _axis(128, 8 * times, number),
        "prediction.cells": _axis(512, 16 * times, number),
        "joint.width": _axis(128, 8 * times, number),
        "output.width": _axis(1024, 64 * times, number),
    }
    return _sweep("rnnt", RNNT, grid, budget)


def networks(number: int) -> Sweep:
    """Return a sweep of plain LSTMs, with so many values on each axis."""
    grid = {
        "layers": _axis(1, 1, number),
        "inputs": _axis(128, 8, number),
        "cells": _axis(512, 16, number),
        "recurrent_projection": _axis(128, 8, number),
        "outputs": _axis(1024, 64, number),
    }
    return _sweep("lstm", {"convention": "tensorflow1", "cell_type": "lstm"}, grid)


def decided(sweep: Sweep) -> int:
    """Return how many configurations are kept: each one's weights are computed and compared, none written."""
    grid = sweep.grids[0]
    decider = Decider(sweep, grid, [], Repeats.of(sweep, 0))
    return sum(decider.count(box).kept for _, box in blocks(lengths(grid), BLOCK))


def dry_run(sweep: Sweep) -> dict[str, Any]:
    """Return how many of a sweep are kept, and in which time that was found."""
    started = time.perf_counter()
    counted = count_kept(sweep)
    return {
        "configurations": sweep.size,
        "at_least": counted.at_least,
        "at_most": counted.at_most,
        "seconds": time.perf_counter() - started,
    }


def main() -> None:
    """Measure and print."""
    model, plain = transducers(SIZE), networks(SIZE)
    reference = "plain LSTMs, 10^8 configurations"
    found = rates(
        {
            reference: (plain.size, lambda: decided(plain)),
            "RNN transducers, 10^8 configurations": (model.size, lambda: decided(model)),
        },
        rounds=5,
    )
    report(
        Path(__file__).stem,
        found,
        reference,
        dry_run=dry_run(transducers(MANY)),
        dry_run_of_two_budgets=dry_run(transducers(MANY, TWO_BUDGETS)),
    )


if __name__ == "__main__":
    main()
