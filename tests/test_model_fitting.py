"""Fits of models of blocks: the largest size within a budget, held against trying every one."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from typing import Any

import pytest

import sizer
from sizer.errors import InputError
from sizer.networks.blocks.counting import ModelCount, count_model
from sizer.networks.blocks.declared import declare
from sizer.questions.varied_models import VariedModel, places_of
from tests.test_blocks import RNNT, model
from tests.test_model_structures import MODELS, SUMS

KEYWORDS = {
    "mfcc": {"type": "input", "channels": 1, "height": 10},
    "conv": {"type": "convolution", "kernel": [10, 4], "stride": [2, 2], "padding": "valid", "channels": 48},
    "gru": {"type": "recurrent", "cell_type": "gru", "layers": 2, "cells": 60},
    "output": {"type": "dense", "width": 12},
}
GROUPED = {
    "x": {"type": "input", "inputs": 24},
    "a": {"type": "dense", "width": 24},
    "b": {"type": "dense", "width": 24, "groups": 4, "pieces": 2},
    "c": {"type": "split", "parts": 3},
    "d": {"type": "recurrent", "cells": 30, "recurrent_projection": 5, "convention": "kaldi_nnet3", "nonrecurrent_projection": 5},
    "e": {"type": "dense", "width": 10, "from": ["d"]},
    "f": {"type": "dense", "width": 3, "from": ["d", "e"], "combine": "add"},
}  # fmt: skip


def tried(one: dict[str, Any], name: str, value: int, column: str) -> int | None:
    """Return the column of a model with another value; None where it is refused."""
    place = places_of(declare(one))[name]
    try:
        found = count_model(VariedModel(declare(one), {name: place}, column).model({name: value}).model)
    except InputError:
        return None
    return found.columns().get(column, 0)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(1, 12))])
def test_the_answer_is_that_of_trying_every_value(seed: int) -> None:
    draw = random.Random(seed)
    seen: Counter[str] = Counter()
    small = [one for one in MODELS if len(one["blocks"]) < 7] + [model(GROUPED), model(KEYWORDS, "tensorflow1")] * 6
    for _ in range(10):
        one = draw.choice(small)
        names = [name for name, place in places_of(declare(one)).items() if place.is_size and not place.one_by_one]
        name = draw.choice(names)
        column = draw.choice([name for name in count_model(one).columns() if name != "macs_per_second"])
        counts = {value: tried(one, name, value, column) for value in range(40)}
        valid = {value: count for value, count in counts.items() if count is not None}
        if not valid:
            seen["refused"] += 1
            with contextlib.suppress(InputError):
                beyond = sizer.fit(one, vary=name, budget=f"{column}=10")
                candidates = (beyond.largest, beyond.next_over, beyond.smallest)
                assert all(candidate.values[name] >= 40 for candidate in candidates if candidate), (name, one)
            continue
        # So that the answer lies among the values that are tried.
        budget = max(draw.choice(list(valid.values())) + draw.choice([-1, 0, 1]), 0)
        found = sizer.fit(one, vary=name, budget=f"{column}={budget}")
        within = [value for value, count in valid.items() if count <= budget]
        seen[found.outcome] += 1
        said = (name, column, budget, one)
        if found.outcome == "found":
            assert found.largest is not None
            value = found.largest.values[name]
            if value < 40:
                assert value == max(within), said
                assert found.largest.counted == valid[value], said
                assert found.largest.count.columns()[column] == valid[value], said
                if found.next_over is not None and found.next_over.values[name] < 40:
                    above = found.next_over.values[name]
                    assert above == min(other for other in valid if other > value), said
                    assert found.next_over.counted == valid[above] > budget, said
                else:
                    assert not [other for other in valid if other > value], said
            else:
                assert max(within) == max(valid), said
        elif found.outcome == "nothing":
            assert not within, said
        elif found.outcome == "unchanged":
            assert len(set(valid.values())) == 1, said
        else:
            assert found.outcome == "unlimited", said
            assert len(set(list(valid.values())[-5:])) == 1, said
    assert seen.total() == 10
    assert seen["found"] > 0, seen


def test_an_encoder_within_the_weights_of_a_phone() -> None:
    found = sizer.fit(model(RNNT, "tensorflow1"), vary="encoder.cells", budget=120_443_520)
    assert found.largest is not None
    assert found.next_over is not None
    assert (found.largest.values, found.largest.counted) == ({"encoder.cells": 2048}, 120_443_520)
    assert found.next_over.values == {"encoder.cells": 2049}
    assert isinstance(found.largest.count, ModelCount)
    assert found.largest.count.by_block["encoder"] == 97_058_816
    both = sizer.fit(
        model(RNNT, "tensorflow1"),
        vary="encoder.cells,encoder.recurrent_projection=5/16",
        budget="encoder.weights=97,058,816".replace(",", ""),
        step=64,
    )
    assert both.largest is not None
    assert both.largest.values == {"encoder.cells": 2048, "encoder.recurrent_projection": 640}
    macs = sizer.fit(model(RNNT, "tensorflow1"), vary="joint.width", budget="macs_per_labels=22839296")
    assert macs.largest is not None
    assert macs.largest.values == {"joint.width": 640}


def test_only_whole_quotients_are_answers() -> None:
    found = sizer.fit(model(GROUPED), vary="b.width", budget="5000")
    assert found.largest is not None
    assert found.next_over is not None
    assert found.largest.values["b.width"] % 6 == 0  # two pieces, of which three parts are made
    assert found.next_over.values["b.width"] == found.largest.values["b.width"] + 6
    read = sizer.fit(model(GROUPED), vary="a.width", budget="5000", step=3)
    assert read.largest is not None
    assert read.largest.values["a.width"] % 12 == 0  # four groups, at multiples of three


def test_an_own_type_and_a_group() -> None:
    own = {"mine": {"fields": {"width": None}, "tensors": {"k": ["read", "width"]}, "hands_up": "width"}}
    one = model({"x": {"type": "input", "inputs": 10}, "g": {"type": "group", "repeat": 3, "blocks": {"m": {"type": "mine", "width": {"each": [4, 5, 6]}}}}})  # fmt: skip
    found = sizer.fit(one, vary="g.m.width", budget=10 * 7 + 7 * 7 + 7 * 7, block_types=own)
    assert found.largest is not None
    assert found.largest.values == {"g.m.width": 7}
    last = sizer.fit(one, vary="g.m.width.3", budget=10 * 4 + 4 * 5 + 5 * 9, block_types=own)
    assert last.largest is not None
    assert last.largest.values == {"g.m.width.3": 9}


@pytest.mark.parametrize(
    ("vary", "budget", "said"),
    [
        ("encoder.cels", "10M", [("vary", "'encoder.cels' names no field of a block; did you mean 'encoder.cells'?")]),
        ("cells", "10M", [("vary", "'cells' names no field of a block; did you mean 'encoder.cells'?")]),
        ("encoder.cell_type", "10M", [("vary", "'encoder.cell_type' is no size, and only a size can be searched")]),
        ("encoder.layers", "10M", [("vary", "'encoder.layers' is set by what is told layer by layer, subsample, so it cannot vary")]),
        ("encoder.cells", "encoder.weigths=1", [("budget", "no column named 'encoder.weigths'; did you mean 'encoder.weights'?")]),
        ("encoder.cells", "macs_per_second=1G", [("budget", "macs_per_second is not known: clocks does not give how many frames there are in a second and how many labels there are in a second")]),
        ("encoder.cells", "macs_per_words=1G", [("budget", "no column named 'macs_per_words'; did you mean 'macs_per_frames'?")]),
    ],
)  # fmt: skip
def test_faults_of_the_question(vary: str, budget: str, said: list[tuple[str, str]]) -> None:
    with pytest.raises(InputError) as raised:
        sizer.fit(model(RNNT, "tensorflow1"), vary=vary, budget=budget)
    assert [(fault.path, fault.message) for fault in raised.value.faults] == said


def test_a_model_with_faults_says_all_of_them() -> None:
    one = model({**SUMS, "bad": {"type": "dense", "widht": 3}})
    with pytest.raises(InputError) as raised:
        sizer.fit(one, vary="p.cells", budget="10M")
    assert [fault.path for fault in raised.value.faults] == ["blocks.bad", "blocks.bad.widht"]
