"""Counting a grid under a budget: Sizer, a Python loop, the pandas cross join, PyTorch's meta device, a memory copy.

Every way decides the same question, which configurations of an LSTM grid have at most 10M weights; the slow ones on
a part of the grid, since the figure is a rate. What they keep is compared, so that nobody wins by counting wrong. Copying
a column of as many int64 in memory is what no way of looking at every configuration could do without.
"""

from __future__ import annotations

import itertools
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import rates, report

from sizer.grids.engine import BLOCK, Decider, enumerate_sweep
from sizer.grids.ids import Box, blocks, lengths
from sizer.grids.pruning.counts import count_kept
from sizer.grids.repeats import Repeats
from sizer.sweepfile.load import parse_sweep

LARGE = """
sizer: 1
name: large
model: {convention: pytorch, cell_type: lstm, inputs: 39, outputs: 34}
grid:
  layers: {from: 1, to: 10, step: 1}
  cells: {from: 1604, to: 4100, step: 4}
  recurrent_projection: {from: 1, to: 1600, step: 1}
  other_weights: {from: 0, to: 90, step: 10}
budget: {weights: {max: 10M}}
"""
SMALL = """
sizer: 1
name: small
model: {convention: pytorch, cell_type: lstm, inputs: 39, outputs: 34}
grid:
  layers: {from: 1, to: 10, step: 1}
  cells: {from: 516, to: 1536, step: 4}
  recurrent_projection: {from: 1, to: 512, step: 1}
budget: {weights: {max: 10M}}
"""
HUGE = """
sizer: 1
name: huge
model: {convention: textbook, cell_type: lstm, inputs: 39, outputs: 34}
grid:
  layers: {from: 1, to: 10, step: 1}
  cells: {from: 1, to: 10000, step: 1}
  recurrent_projection: {from: 1, to: 3000, step: 1}
  nonrecurrent_projection: {from: 0, to: 3000, step: 1}
budget: {weights: {max: 10M}}
"""
LAYERS, CELLS, PROJECTIONS = range(1, 11), range(516, 1537, 4), range(1, 513)
BUDGET = 10_000_000
LARGE_SIZE = 100_000_000
SIZE = len(LAYERS) * len(CELLS) * len(PROJECTIONS)


def formula(layers: int, cells: int, projection: int) -> int:
    """Return the weights of PyTorch's projected LSTM with an output layer, as a person would write it."""
    first = 4 * cells * (39 + projection) + 8 * cells + cells * projection
    upper = 4 * cells * (projection + projection) + 8 * cells + cells * projection
    return first + (layers - 1) * upper + projection * 34 + 34


def with_sizer(text: str, threads: int) -> int:
    """Return how many configurations of a sweep are kept: each one's weights are computed and compared, none written."""
    sweep = parse_sweep(text)
    grid = sweep.grids[0]
    decider = Decider(sweep, grid, [], Repeats.of(sweep, 0))
    boxes = [box for _, box in blocks(lengths(grid), BLOCK)]

    def kept(part: list[Box]) -> int:
        return sum(decider.count(box).kept for box in part)

    with ThreadPoolExecutor(threads) as crew:
        return sum(crew.map(kept, [boxes[number::threads] for number in range(threads)]))


def with_rows(text: str) -> int:
    """Return the same, with the id and the weights of every configuration that is kept."""
    return sum(len(rows) for _, rows in enumerate_sweep(parse_sweep(text), ["weights"]))


def with_pruning() -> int:
    """Return how many configurations of a grid of 9 * 10^11 are kept, exactly, as a dry run counts them."""
    account = count_kept(parse_sweep(HUGE), effort=None).account
    assert account is not None
    return account.kept


def with_loop(step: int = 1) -> int:
    """Return the same from a plain loop over `itertools.product`."""
    return sum(
        formula(layers, cells, projection) <= BUDGET
        for layers, cells, projection in itertools.product(LAYERS, CELLS[::step], PROJECTIONS)
    )


def with_pandas() -> int:
    """Return the same from a cross join of frames."""
    frame = (
        pd.DataFrame({"layers": list(LAYERS)})
        .merge(pd.DataFrame({"cells": list(CELLS)}), how="cross")
        .merge(pd.DataFrame({"projection": list(PROJECTIONS)}), how="cross")
    )
    frame["weights"] = formula(frame.layers, frame.cells, frame.projection)  # type: ignore[arg-type]
    return len(frame[frame.weights <= BUDGET])


def with_torch(number: int) -> int:
    """Return the same for a few configurations, from modules on the meta device."""
    import torch

    kept = 0
    for layers, cells, projection in itertools.islice(itertools.product(LAYERS, CELLS, PROJECTIONS), number):
        lstm = torch.nn.LSTM(39, cells, layers, proj_size=projection, device="meta")
        output = torch.nn.Linear(projection, 34, device="meta")
        weights = sum(p.numel() for module in (lstm, output) for p in module.parameters())
        assert weights == formula(layers, cells, projection)
        kept += weights <= BUDGET
    return kept


def with_copy(column: np.ndarray, room: np.ndarray) -> int:
    """Copy a column of int64 into memory that is there already."""
    np.copyto(room, column)
    return 0


def main() -> None:
    """Measure and print."""
    assert with_sizer(SMALL, 1) == with_sizer(SMALL, 2) == with_rows(SMALL) == with_loop() == with_pandas()
    cores = os.cpu_count() or 1
    column = np.arange(LARGE_SIZE)
    room = np.empty_like(column)
    all_cores = f"sizer, 10^8 configurations, {cores} threads"
    ways = {
        all_cores: (LARGE_SIZE, lambda: with_sizer(LARGE, cores)),
        "sizer, 10^8 configurations, 1 thread": (LARGE_SIZE, lambda: with_sizer(LARGE, 1)),
        "sizer, 10^8 configurations, rows too": (LARGE_SIZE, lambda: with_rows(LARGE)),
        "sizer, 10^6 configurations, 1 thread": (SIZE, lambda: with_sizer(SMALL, 1)),
        "sizer --dry-run, 9 * 10^11 configurations": (10 * 10_000 * 3000 * 3001, with_pruning),
        "copy of an int64 column": (LARGE_SIZE, lambda: with_copy(column, room)),
        "Python loop over itertools.product": (
            len(LAYERS) * len(CELLS[::4]) * len(PROJECTIONS),
            lambda: with_loop(4),
        ),
        "pandas cross join": (SIZE, with_pandas),
    }
    try:
        import torch  # noqa: F401

        ways["torch.nn.LSTM(device='meta')"] = (500, lambda: with_torch(500))
    except ImportError:
        print("PyTorch is not installed; its modules are left out", file=sys.stderr)
    report(Path(__file__).stem, rates(ways, rounds=5), all_cores)


if __name__ == "__main__":
    main()
