"""Models of one structure are counted by compiled sums: the same as `sizer.count`, faults and all, in microseconds."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from typing import Any

import pytest

import sizer
from sizer.errors import InputError
from sizer.networks.blocks.sizes import sizes_of
from sizer.numbers.traced import Trace
from sizer.questions.model_structures import key_of_model
from tests.test_blocks import RNNT, ROWS, model

SUMS = {
    "x": {"type": "input", "inputs": 12},
    "a": {"type": "dense", "width": 12, "groups": 4},
    "b": {"type": "dense", "width": 12, "from": ["x"], "pieces": 2},
    "c": {"type": "dense", "width": 6, "from": ["x"]},
    "sum": {"type": "recurrent", "cells": 5, "from": ["b", "c"], "combine": "add"},
    "twice": {"type": "dense", "width": 6, "from": ["x"], "shared": "c"},
    "split": {"type": "split", "parts": 2},
    "thirds": {"type": "dense", "width": 7, "stride": 3},
    "e": {"type": "embedding", "vocabulary": 30, "embedding": 8, "from": [], "clock": "labels"},
    "p": {"type": "recurrent", "cells": 20, "recurrent_projection": 8, "layers": 3, "subsample": 2},
    "tied": {"type": "dense", "width": 30, "tied": "e"},
}
"""Where equal widths, whole quotients and a projection narrower than its cells decide."""
MODELS = [json.loads(row["model"]) for row in ROWS] + [
    model(RNNT, "tensorflow1", clocks={"frames": 100, "labels": 4}),
    model(SUMS),
    model({**SUMS, "p": {**SUMS["p"], "recurrent_projection": 4, "nonrecurrent_projection": 4}}, "kaldi_nnet3"),
    model(SUMS, clocks={"frames": 33, "labels": 7, "seconds": 2.5}, other_weights=5),
]


def changed(one: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Return a model with some of its sizes changed, now and then to something that is no size."""
    found = copy.deepcopy(one)
    for size in draw.choices(list(sizes_of(found)), k=draw.choice([0, 1, 1, 2, 4])):
        here: Any = found
        for step in size.path[:-1]:
            here = here[step]
        near = [size.value, 2 * size.value, size.value + 1, size.value * 4 + 4, max(size.value - 1, 1), 12, 8, 30]
        here[size.path[-1]] = draw.choice([*near * 3, 0, -1, "10K", True, 2.5, None, 10**101])
    return found


def answer(ask: Any) -> Any:
    try:
        return ask()
    except InputError as problem:
        return [(fault.path.removeprefix("[0]").removeprefix("."), fault.message) for fault in problem.faults]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(1, 12))])
def test_the_compiled_sums_are_the_counts_and_the_faults_the_faults(seed: int) -> None:
    draw = random.Random(seed)
    seen: Counter[str] = Counter()
    for _ in range(60):
        before = draw.choice(MODELS)
        one = changed(before, draw)
        sizer.count_batch([before])  # of which the structure is remembered
        counted = answer(lambda one=one: sizer.count(one).columns())
        for _ in range(2):
            batch = answer(lambda one=one: sizer.count_batch([one])[0])
            assert batch == counted
            if isinstance(counted, dict):
                assert list(batch) == list(counted)
        seen["faults" if isinstance(counted, list) else "counts"] += 1
        column = draw.choice(list(counted)) if isinstance(counted, dict) else "weights"
        most = counted[column] if isinstance(counted, dict) else 5
        for bound, truth in ((most, True), (most - 1, False)):
            answer(lambda before=before, bound=bound, column=column: sizer.fits(before, {column: {"max": bound}}))
            said = answer(lambda one=one, bound=bound, column=column: sizer.fits(one, {column: {"max": bound}}))
            assert said == (truth if isinstance(counted, dict) else counted) or bound < 0, (column, one)
    assert seen["faults"] > 5
    assert seen["counts"] > 20


def test_two_structures_of_one_key_are_told_apart() -> None:
    """What is decided by a size at one model need not hold at another that has the same words."""
    both = [model({**SUMS, "x": {"type": "input", "inputs": inputs}}) for inputs in (12, 24)]
    assert key_of_model(both[0]) == key_of_model(both[1])
    unequal = copy.deepcopy(both[0])
    unequal["blocks"]["c"]["width"] = 7
    assert key_of_model(unequal) == key_of_model(both[0])
    assert sizer.count_batch(both) == [sizer.count(one).columns() for one in both]
    assert sizer.fits(both[0], "10M")
    with pytest.raises(InputError, match="widths that are added must be equal: b has width 6, c has width 7"):
        sizer.fits(unequal, "10M")
    odd = copy.deepcopy(both[0])
    odd["blocks"]["x"]["inputs"] = 13
    with pytest.raises(InputError, match="13 cannot be divided into 4 equal parts"):
        sizer.count_batch([both[0], odd])


def test_a_mixed_list_keeps_its_order_and_its_places() -> None:
    plain = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
    found = sizer.count_batch([plain, model(RNNT, "tensorflow1"), plain])
    assert [one["weights"] for one in found] == [12_926_976, 120_443_520, 12_926_976]
    with pytest.raises(InputError) as raised:
        sizer.count_batch([plain, model({"a": {"type": "dens"}}), {**plain, "cells": 0}])
    assert [fault.path for fault in raised.value.faults] == ["[1].blocks.a.type", "[2].cells"]


def test_budgets_of_models() -> None:
    one = model(RNNT, "tensorflow1", clocks={"frames": 100})
    assert sizer.fits(one, ["121M", "encoder.weights=98M"])
    assert not sizer.fits(one, {"macs_per_frames": {"max": 20_234_239}})
    for budget, message in (
        (2.5, "'2.5' is not a budget; write 10M, a list, or bounds by column"),
        (None, "'None' is not a budget; write 10M, a list, or bounds by column"),
        ("encoder.weigths=3", "no column named 'encoder.weigths'; did you mean 'encoder.weights'?"),
        ("macs_per_second=1G", "macs_per_second is not known: clocks does not give how many labels there are in a second"),
        ("macs_per_step=1M", "macs_per_step needs a model of one clock; this model has macs_per_frames, macs_per_labels"),
    ):  # fmt: skip
        with pytest.raises(InputError) as raised:
            sizer.fits(one, budget)
        assert [(fault.path, fault.message) for fault in raised.value.faults] == [("budget", message)]
    pairs = model({"x": RNNT["features"], "e": RNNT["labels"], "j": {"type": "dense", "from": ["x", "e"], "width": 3}, "a": {"type": "attention", "query": "e", "memory": "x", "width": 4}}, clocks={"frames": 100, "labels": 3})  # fmt: skip
    with pytest.raises(
        InputError,
        match="clocks does not give how many seconds an input lasts, since it multiplies for labels x frames",
    ):
        sizer.fits(pairs, "macs_per_second=1G")
    assert not sizer.fits({**pairs, "clocks": {"frames": 100, "labels": 3, "seconds": 10}}, "macs_per_second=1")


def test_what_is_decided_is_traced() -> None:
    trace = Trace()
    a, b = trace.variable("a", 12), trace.variable("b", 4)
    assert a > b
    assert a != 0  # settled: a is above 0 whatever it is
    assert (a * b + 3).divided(3).value == 17
    assert trace.text == "(1 * a + -1 * b > 0) and ((1 * b * a + 3) % (3) == 0)"
    assert (a * 6).divided(3).text == "2 * a"
    with pytest.raises(ValueError, match="12 cannot be divided into 5 equal parts"):
        a.divided(5)
