"""Counts of spaces against dictionaries of whole numbers that are written here, from the shapes alone.

Each dictionary says how many networks hand up so much, have so many weights, and whatever else is asked: nothing of
Sizer's is in it, and no array. So it holds counts past 2^63 as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from sizer.spaces.space import space

Key = tuple[Any, ...]


def steps(start: int, end: int, step: int) -> dict[str, int]:
    return {"from": start, "to": end, "step": step}


def continued(ways: Counter[Key], letters: Iterable[Any], step: Callable[[Key, Any], Key | None]) -> Counter[Key]:
    """Return the networks with one more layer."""
    letters = list(letters)
    found: Counter[Key] = Counter()
    for key, times in ways.items():
        for letter in letters:
            after = step(key, letter)
            if after is not None:
                found[after] += times
    return found


def lstm(n: int, fed: int, *, biases: int = 2, r: int = 0) -> int:
    return 4 * n * (fed + (r or n)) + biases * 4 * n + n * r


def gru(n: int, fed: int) -> int:
    return 3 * n * (fed + n) + 2 * 3 * n


@pytest.mark.parametrize(("order", "distinct", "kept"), [("any", 2, 1_314), ("falling", 2, 284), ("rising", 3, 1_664)])
def test_four_layers_of_few_distinct_widths(order: str, distinct: int, kept: int) -> None:
    widths = range(32, 513, 32)

    def step(key: Key, n: int) -> Key | None:
        fed, before, seen, weights = key
        runs = before == 0 or order == "any" or (n <= before if order == "falling" else n >= before)
        several = seen | {n}
        return (n, n, several, weights + lstm(n, fed)) if runs and len(several) <= distinct else None

    ways: Counter[Key] = Counter({(80, 0, frozenset(), 0): 1})
    for _ in range(4):
        ways = continued(ways, widths, step)
    grid = {"cells": {"per_layer": steps(32, 512, 32), "order": order, "distinct": distinct}}
    model = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 4}
    found = space({"model": model, "grid": grid, "budget": {"weights": {"max": "4M"}}})
    assert found.count() == sum(times for key, times in ways.items() if key[3] <= 4_000_000) == kept
    blocks = {"features": {"type": "input", "inputs": 80}, "stack": {"type": "recurrent", "layers": 4, "cells": 32}}
    whole = {"model": {"convention": "pytorch", "blocks": blocks}, "grid": {"stack.cells": grid["cells"]}}
    assert space({**whole, "budget": {"weights": {"max": "4M"}}}).count() == kept


@pytest.mark.thorough
def test_falling_widths_with_projections_under_two_budgets() -> None:
    widths, projections = range(64, 641, 64), (0, 32, 64, 128)

    def step(key: Key, letter: tuple[int, int]) -> Key | None:
        fed, before, weights, state = key
        n, r = letter
        if n > before or 2 * r > n or state + n + (r or n) > 3_000:
            return None
        return (r or n, n, weights + lstm(n, fed, r=r), state + n + (r or n))

    total = 0
    ways: Counter[Key] = Counter({(40, 10**9, 0, 0): 1})
    for _ in range(5):
        ways = continued(ways, [(n, r) for n in widths for r in projections], step)
        total += sum(times for key, times in ways.items() if 1_000_000 <= key[2] <= 2_500_000)
    sweep = {
        "model": {"convention": "textbook", "cell_type": "lstm", "inputs": 40, "bias_vectors": 2},
        "grid": {
            "layers": [1, 2, 3, 4, 5],
            "cells": {"per_layer": steps(64, 640, 64), "order": "falling"},
            "recurrent_projection": {"per_layer": [0, 32, 64, 128]},
        },
        "where": ["2 * recurrent_projection <= cells"],
        "budget": {"weights": {"min": "1M", "max": "2.5M"}, "state_size": {"max": 3000}},
    }
    assert space(sweep).count() == total == 585_064


TRANSDUCER: dict[str, Any] = {
    "features": {"type": "input", "inputs": 80},
    "encoder": {"type": "recurrent", "layers": 4, "cells": 256},
    "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 512, "embedding": 64},
    "prediction": {"type": "recurrent", "layers": 2, "cells": 256},
    "joint": {"type": "dense", "from": ["encoder", "prediction"], "width": 128},
    "output": {"type": "dense", "width": 512},
}


def test_two_blocks_of_several_cell_types_under_two_budgets() -> None:
    """Encoder of LSTM and GRU layers, at most two different widths; prediction network of falling widths."""
    widths = range(64, 385, 64)

    def layer(cell_type: str, n: int, fed: int) -> int:
        return lstm(n, fed) if cell_type == "lstm" else gru(n, fed)

    def of_encoder(key: Key, letter: tuple[int, str]) -> Key | None:
        fed, seen, weights = key
        several = seen | {letter[0]}
        return (letter[0], several, weights + layer(letter[1], letter[0], fed)) if len(several) <= 2 else None

    def of_prediction(key: Key, n: int) -> Key | None:
        return (n, key[1] + lstm(n, key[0])) if key[1] == 0 or n <= key[0] else None

    encoders: Counter[Key] = Counter({(80, frozenset(), 0): 1})
    for _ in range(4):
        encoders = continued(encoders, [(n, word) for n in widths for word in ("lstm", "gru")], of_encoder)
    predictions: Counter[Key] = Counter({(64, 0): 1})
    for _ in range(2):
        predictions = continued(predictions, widths, of_prediction)
    total = 0
    for (up, _, own), times in encoders.items():
        for (other, weights), more in predictions.items():
            size = own + weights + 512 * 64 + (up + other) * 128 + 128 + 128 * 512 + 512
            total += times * more * (own <= 1_500_000 and 1_000_000 <= size <= 2_400_000)
    sweep = {
        "model": {"convention": "pytorch", "blocks": TRANSDUCER},
        "grid": {
            "encoder.cells": {"per_layer": steps(64, 384, 64), "distinct": 2},
            "encoder.cell_type": {"per_layer": ["lstm", "gru"]},
            "prediction.cells": {"per_layer": steps(64, 384, 64), "order": "falling"},
        },
        "budget": {"weights": {"min": "1M", "max": "2.4M"}, "encoder.weights": {"max": "1.5M"}},
    }
    found = space(sweep)
    assert found.count() == total == 29_343
    drawn = found.sample(50, seed=3)
    assert found.rank(drawn) == [found.rank(one) for one in drawn]


@pytest.mark.thorough
def test_ten_to_the_thirty_models_are_those_of_whole_numbers() -> None:
    """Sixteen and four layers, each of 32 forms: 1.3 x 10^30 models, of which those within a window are counted."""
    letters = [(n, r) for n in range(256, 2049, 256) for r in (128, 256, 384, 512)]

    def step(key: Key, letter: tuple[int, int]) -> Key:
        n, r = letter
        return (r, key[1] + lstm(n, key[0], biases=0, r=r))

    encoders: Counter[Key] = Counter({(128, 0): 1})
    for _ in range(16):
        encoders = continued(encoders, letters, step)
    predictions: Counter[Key] = Counter({(128, 0): 1})
    for _ in range(4):
        predictions = continued(predictions, letters, step)
    low, high = 70_000_000, 80_000_000
    behind: Counter[int] = Counter()
    for (up, weights), times in encoders.items():
        behind[weights + up * 128] += times
    beside: Counter[int] = Counter()
    for (up, weights), times in predictions.items():
        beside[weights + up * 128 + 128 * 512 + 512 * 128] += times
    within = sum(
        times * more for size, times in behind.items() for other, more in beside.items() if low <= size + other <= high
    )
    blocks = {name: {**block} for name, block in TRANSDUCER.items()}
    blocks["features"]["inputs"] = 128
    blocks["labels"]["embedding"] = 128
    blocks["encoder"] |= {"layers": 16}
    blocks["prediction"] |= {"layers": 4}
    grid = {
        f"{name}.{field}": {"per_layer": values}
        for name in ("encoder", "prediction")
        for field, values in (("cells", steps(256, 2048, 256)), ("recurrent_projection", [128, 256, 384, 512]))
    }
    found = space(
        {
            "model": {"convention": "textbook", "blocks": blocks},
            "grid": grid,
            "budget": {"weights": {"min": low, "max": high}},
        }
    )
    assert found.size == 32**20 > 10**30
    assert found.count() == within > 10**29
    ranks = [0, within // 3, within - 1]
    assert found.rank(found.at(ranks)) == ranks
    assert all(low <= size <= high for size in found.sample(20, seed=1).weights)
