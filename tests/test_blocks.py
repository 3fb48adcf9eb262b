"""Models of blocks: published totals to the unit, known MACs, and every fault by the block's name."""

from __future__ import annotations

import contextlib
import csv
import doctest
import itertools
import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import sizer
from sizer.errors import InputError
from sizer.networks.blocks.counting import count_model
from sizer.networks.blocks.types import BLOCK_TYPES
from sizer.networks.counting import described
from tests.served import ROOT

ROWS = list(csv.DictReader((ROOT / "tests" / "oracles" / "composite_models.csv").read_text().splitlines()))


def model(blocks: dict[str, Any], convention: str = "pytorch", **more: Any) -> dict[str, Any]:
    return {"convention": convention, "blocks": blocks, **more}


def features(width: int = 80) -> dict[str, Any]:
    return {"type": "input", "inputs": width}


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_published_models_count_to_the_unit(row: dict[str, str]) -> None:
    found = count_model(json.loads(row["model"]))
    assert (found.weights, found.trained_weights, found.buffer_values) == (
        int(row["weights"]),
        int(row["trained_weights"]),
        int(row["buffer_values"]),
    )
    assert sum(found.parts.values()) == found.weights
    if row["reproduced"] == "yes" and row["exact"] == "true":
        stated = {
            "weights": found.weights,
            "trained_weights": found.trained_weights,
            "weights + buffer_values": found.weights + found.buffer_values,
        }[row["stated_is"]]
        assert stated == int(row["stated"])


def test_the_record_is_whole() -> None:
    assert len(ROWS) == 62
    assert sum(row["reproduced"] == "yes" for row in ROWS) == 57


RNNT = {
    "features": features(),
    "stack": {"type": "splice", "frames": 4},
    "thirds": {"type": "subsample", "factor": 3, "how": "skip"},
    "encoder": {
        "type": "recurrent",
        "layers": 8,
        "cells": 2048,
        "recurrent_projection": 640,
        "subsample": [1, 2, 1, 1, 1, 1, 1, 1],
        "subsample_how": "stack",
    },
    "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 4096, "embedding": 128},
    "prediction": {"type": "recurrent", "layers": 2, "cells": 2048, "recurrent_projection": 640},
    "joint": {"type": "dense", "from": ["encoder", "prediction"], "width": 640},
    "output": {"type": "dense", "width": 4096},
}
"""Streaming RNN-T for a phone: He et al. 2018, arXiv:1811.06621, with 4,096 word-pieces."""


def test_macs_of_several_clocks() -> None:
    found: Any = count_model(model(RNNT, "tensorflow1"))
    assert found.weights == 120_443_520
    assert found.macs == {"frames": 20_234_240, "labels": 22_839_296}
    assert found.macs_per_step is None
    assert found.macs_per_second is None
    clocked = count_model(model(RNNT, "tensorflow1", clocks={"frames": 100, "labels": 4}))
    assert clocked.macs_per_second == 100 * 20_234_240 + 4 * 22_839_296


def test_clocks_say_their_rates_as_numbers_and_as_sizes() -> None:
    blocks = {"x": features(8), "o": {"type": "dense", "width": 2, "bias": False}}
    for rate, exact in ((100, 100), ("100", 100), ("12.5", Fraction(25, 2)), (0.1, Fraction(1, 10)), ("10K", 10_000)):
        assert count_model(model(blocks, clocks={"frames": rate})).macs_per_second == 16 * exact
    for wrong in ("ten", "0", "1e400", float("inf"), float("nan"), 10**400, "9" * 5000, True, "-1", ""):
        with pytest.raises(InputError, match=r"clocks\.frames: .* is not a number above 0"):
            count_model(model(blocks, clocks={"frames": wrong}))


def test_what_happens_once_for_an_input_is_apart() -> None:
    blocks = {
        "mfcc": {"type": "input", "channels": 1, "height": 10},
        "conv": {"type": "convolution", "kernel": [10, 4], "stride": [2, 2], "padding": "valid", "channels": 48},
        "gru": {"type": "recurrent", "cell_type": "gru", "layers": 2, "cells": 60},
        "last": {"type": "pooling", "over": "time"},
        "hidden": {"type": "dense", "width": 84},
        "output": {"type": "dense", "width": 12},
    }
    found = count_model(model(blocks, "tensorflow1"))
    assert (found.weights, found.macs_per_step) == (75_432, 37_320)
    assert found.macs == {"frames": 37_320, "sequence": 6_048}
    assert count_model(model(blocks, "tensorflow1", clocks={"frames": 50})).macs_per_second is None
    clocked = count_model(model(blocks, "tensorflow1", clocks={"frames": 50, "seconds": 2}))
    assert clocked.macs_per_second == 50 * 37_320 + Fraction(6_048, 2)


def test_pairs_of_two_clocks() -> None:
    blocks = {
        "frames": features(40),
        "encoder": {"type": "recurrent", "cells": 16, "subsample": 4},
        "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 30, "embedding": 8},
        "decoder": {"type": "recurrent", "cells": 12, "from": ["labels", "attention"]},
        "attention": {"type": "attention", "query": "decoder", "memory": "encoder", "width": 10},
    }
    found = count_model(model(blocks, clocks={"frames": 100, "labels": 3, "seconds": 10}))
    encoder, decoder = 4 * 16 * (40 + 16), 4 * 12 * (8 + 16 + 12)
    assert found.macs == {
        "frames": encoder + Fraction(16 * 10, 4),
        "labels": decoder + 12 * 10,
        "labels_x_frames": Fraction(10, 4),
    }
    # In ten seconds each of 30 labels looks at each of 250 steps.
    assert found.macs_per_second == 100 * (encoder + 40) + 3 * (decoder + 120) + Fraction(30 * 250 * 10, 10)


@pytest.mark.parametrize(("channels", "filters", "weights"), [(1, 32, 38_144), (128, 64, 442_624)])
def test_convolutional_lstm(channels: int, filters: int, weights: int) -> None:
    # keras.layers.ConvLSTM2D(filters, 3)
    blocks = {
        "video": {"type": "input", "channels": channels, "height": 40},
        "lstm": {"type": "convolutional_lstm", "channels": filters, "kernel": [3, 3]},
    }
    found = count_model(model(blocks, "keras"))
    assert found.weights == weights
    assert found.state_size == 2 * filters * 40


def test_groups_sum_their_repetitions() -> None:
    blocks = {
        "image": {"type": "input", "channels": 1, "height": 83},
        "vgg": {
            "type": "group",
            "repeat": 2,
            "blocks": {
                "one": {"type": "convolution", "kernel": [3, 3], "channels": {"each": [64, 128]}},
                "two": {"type": "convolution", "kernel": [3, 3], "channels": {"each": [64, 128]}},
            },
        },
    }
    found = count_model(model(blocks))
    one = (9 * 1 + 1) * 64 + (9 * 64 + 1) * 128
    two = (9 * 64 + 1) * 64 + (9 * 128 + 1) * 128
    assert found.by_block == {"image": 0, "vgg": one + two, "vgg.one": one, "vgg.two": two}


def test_shared_weights_count_once_and_multiply_again() -> None:
    blocks = {
        "left": features(8),
        "tower": {"type": "dense", "width": 16},
        "right": features(8),
        "twin": {"type": "dense", "width": 16, "shared": "tower"},
    }
    found = count_model(model(blocks))
    assert found.weights == 8 * 16 + 16
    assert found.macs_per_step == 2 * 8 * 16


def test_frozen_and_tied() -> None:
    blocks = {
        "words": {"type": "embedding", "vocabulary": 100, "embedding": 12, "frozen": True},
        "lstm": {"type": "recurrent", "cells": 12},
        "output": {"type": "dense", "width": 100, "tied": "words"},
    }
    found = count_model(model(blocks, "keras"))
    lstm = 4 * 12 * (12 + 12 + 1)
    assert (found.weights, found.trained_weights) == (1200 + lstm + 100, lstm + 100)
    assert found.macs_per_step == 4 * 12 * 24 + 12 * 100


COUNTS: dict[str, tuple[str, dict[str, Any], int, int]] = {
    "a norm behind the last layer": (
        "pytorch",
        {"x": features(8), "t": {"type": "transformer", "width": 8, "feed_forward": 16, "final_norm": True}},
        616, 616,
    ),
    "a frozen group": (
        "pytorch",
        {"x": features(8), "g": {"type": "group", "repeat": 2, "frozen": True, "blocks": {"a": {"type": "dense", "width": 4}}}, "o": {"type": "dense", "width": 1}},
        61, 5,
    ),
    "a group that has the weights of another": (
        "pytorch",
        {
            "x": features(8), "one": {"type": "group", "repeat": 2, "blocks": {"a": {"type": "dense", "width": 8}, "b": {"type": "dense", "width": 8, "shared": "a"}}},
            "y": features(8), "two": {"type": "group", "repeat": 2, "shared": "one", "blocks": {"a": {"type": "dense", "width": 8}, "b": {"type": "dense", "width": 8, "shared": "a"}}},
        },
        2 * 72, 2 * 72,
    ),
    "a group in a group that has the weights of another": (
        "pytorch",
        {
            "x": features(8), "one": {"type": "group", "blocks": {"deep": {"type": "group", "repeat": 2, "blocks": {"a": {"type": "dense", "width": 8}}}}},
            "y": features(8), "two": {"type": "group", "shared": "one", "blocks": {"deep": {"type": "group", "repeat": 2, "blocks": {"a": {"type": "dense", "width": 8}}}}},
        },
        2 * 72, 2 * 72,
    ),
    "a group that reads several blocks": (
        "pytorch",
        {"x": features(8), "y": features(3), "g": {"type": "group", "repeat": 2, "from": ["x", {"y": 2}], "blocks": {"a": {"type": "dense", "width": 4}}}},
        80, 80,
    ),
    "a group that adds what it reads": (
        "pytorch",
        {"x": features(8), "y": features(8), "g": {"type": "group", "from": ["x", "y"], "combine": "add", "blocks": {"a": {"type": "dense", "width": 4}}}},
        36, 36,
    ),
    "a group that reads a block further down": (
        "pytorch",
        {"g": {"type": "group", "from": "later", "blocks": {"a": {"type": "dense", "width": 4}}}, "x": features(8), "later": {"type": "dense", "width": 8}},
        108, 108,
    ),
    "a loop through a convolution along time": (
        "pytorch",
        {"x": features(8), "j": {"type": "join", "from": ["x", "c"]}, "c": {"type": "convolution", "channels": 5, "kernel": 3}},
        200, 200,
    ),
    "shared, told layer by layer and not": (
        "pytorch",
        {"x": features(8), "a": {"type": "recurrent", "cells": [4, 4, 4]}, "b": {"type": "recurrent", "from": "x", "cells": 4, "layers": 3, "shared": "a"}},
        544, 544,
    ),
    "tensors as written in front of an attention": (
        "pytorch",
        {"x": features(8), "t": {"type": "weights", "from": [], "tensors": {"k": [10, 4]}}, "a": {"type": "attention", "query": "x", "memory": "x", "width": 4}},
        108, 108,
    ),
    "groups over several steps side by side": (
        "pytorch",
        {"x": features(8), "d": {"type": "dense", "context": 4, "groups": 16, "width": 16}},
        48, 48,
    ),
    "skip connections, stacked behind the last layer": (
        "pytorch",
        {"x": features(8), "r": {"type": "recurrent", "cells": [4, 6], "skip_connections": True, "subsample": [1, 2], "subsample_how": "stack"}, "d": {"type": "dense", "width": 1, "bias": False}},
        704 + 20, 704 + 20,
    ),
    "no bias of what is not fed back": (
        "pytorch",
        {"x": features(8), "a": {"type": "attention", "query": "x", "memory": "x", "width": 4, "biases": ["feedback", "score"]}},
        32 + 32 + 4 + 1, 32 + 32 + 4 + 1,
    ),
    "pooling along time, padded along time": (
        "pytorch",
        {"i": {"type": "input", "height": 10}, "p": {"type": "pooling", "kernel": 3, "stride": 1, "padding": 1}, "d": {"type": "dense", "width": 1, "bias": False}},
        10, 10,
    ),
    "recurrent layers without a bias": (
        "tensorflow1",
        {"x": features(8), "r": {"type": "recurrent", "cells": 4, "bias": False}},
        4 * 4 * 12, 4 * 4 * 12,
    ),
    "recurrent layers with a bias where the convention has none": (
        "textbook",
        {"x": features(8), "r": {"type": "recurrent", "cells": 4, "bias": True}},
        4 * 4 * 13, 4 * 4 * 13,
    ),
    "a repeated block named each": (
        "pytorch",
        {"x": features(8), "g": {"type": "group", "blocks": {"each": {"type": "dense", "width": 4}}}},
        36, 36,
    ),
    "a field that is nothing": (
        "pytorch",
        {"x": {"type": "input", "inputs": 8, "channels": None}, "d": {"type": "dense", "width": 4, "from": None, "frozen": None}},
        36, 36,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("convention", "blocks", "weights", "trained"), COUNTS.values(), ids=COUNTS)
def test_counts_worked_out_by_hand(convention: str, blocks: dict[str, Any], weights: int, trained: int) -> None:
    found = count_model(model(blocks, convention))
    assert (found.weights, found.trained_weights) == (weights, trained)


def test_what_stands_still_is_no_clock() -> None:
    blocks = {
        "x": features(8),
        "speaker": {**features(3), "clock": "sequence"},
        "d": {"type": "dense", "width": 2, "from": ["x", "speaker"]},
    }
    found = count_model(model(blocks))
    assert (found.clocks, found.macs_per_step) == (("frames",), 22)


def _repeated(width: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "group",
        "repeat": 2,
        "blocks": {"a": {"type": "dense", "width": width}, "b": {"type": "dense", "width": 8}},
        **more,
    }


FAULTS: list[tuple[dict[str, Any], dict[str, str]]] = [
    (
        {"x": features(8), "one": _repeated(5), "y": features(8), "two": _repeated(6, shared="one")},
        {f"blocks.two.{name}.shared": f"one.{name} has tensors of different shapes, so its weights cannot be shared" for name in "ab"},
    ),
    (
        {"x": features(8), "one": _repeated(5), "y": features(8), "two": _repeated(5, shared="oen")},
        {"blocks.two.shared": "no block named 'oen'; did you mean 'one'?"},
    ),
    (
        {"x": features(8), "one": _repeated(5), "y": features(8), "two": _repeated(5, shared="one") | {"repeat": 3}},
        {"blocks.two.shared": "one has other blocks, or repeats them differently, so its weights cannot be shared"},
    ),
    ({"x": features(8), "one": _repeated(5, shared="one")}, {"blocks.one.shared": "cannot share its own weights"}),
    ({"x": features(8), "one": _repeated(5, shared="x")}, {"blocks.one.shared": "x is not a group"}),
    ({"x": features(8), "one": _repeated(5, shared=3)}, {"blocks.one.shared": "'3' is not a name"}),
    (
        {"features": features(), "encoder": {"type": "recurent", "cells": 8}},
        {"blocks.encoder.type": "'recurent' is not a type of block; did you mean 'recurrent'?"},
    ),
    (
        {"features": features(), "output": {"type": "dense", "from": ["encodr"], "width": 8}, "encoder": {"type": "dense", "width": 4}},
        {"blocks.output.from": "no block named 'encodr'; did you mean 'encoder'?"},
    ),
    (
        {"output": {"type": "dense", "width": 8}},
        {"blocks.output": "a dense must read something, but no block comes before it; name its source in from"},
    ),
    (
        {"a": {"type": "join", "from": ["b"]}, "b": {"type": "join", "from": ["a"]}},
        {"blocks.a": "is in a loop in which no block sets its width: b -> a"},
    ),
    (
        {"x": features(8), "a": {"type": "dense", "width": 4}, "b": {"type": "dense", "width": 6, "from": ["x"]}, "sum": {"type": "join", "from": ["a", "b"], "combine": "add"}},
        {"blocks.sum.from": "widths that are added must be equal: a has width 4, b has width 6"},
    ),
    (
        {"image": {"type": "input", "channels": 1, "height": 3}, "conv": {"type": "convolution", "kernel": [3, 5], "padding": "valid", "channels": 4}},
        {"blocks.conv": "a kernel of height 5 does not fit a height of 3"},
    ),
    (
        {"x": features(10), "dense": {"type": "dense", "width": 8, "groups": 4}},
        {"blocks.dense.groups": "10 cannot be divided into 4 equal parts"},
    ),
    (
        {"words": {"type": "embedding", "vocabulary": 100, "embedding": 12}, "lstm": {"type": "recurrent", "cells": 16}, "output": {"type": "dense", "width": 100, "tied": "words"}},
        {"blocks.output.tied": "words has 12 values per symbol, but 16 values are read; a tied kernel needs the same number"},
    ),
    (
        {"x": features(), "lstm": {"type": "recurrent", "cells": 16, "recurrent_projection": 16}},
        {"blocks.lstm.recurrent_projection": "pytorch needs recurrent_projection < cells"},
    ),
    (
        {"x": features(), "dense": {"type": "dense", "widht": 16, "cells": 4}},
        {
            "blocks.dense": "a dense needs width: output width",
            "blocks.dense.widht": "a dense has no widht; did you mean 'width'?",
            "blocks.dense.cells": "a dense has no cells",
        },
    ),
    (
        {
            "x": features(),
            "maxout": {"type": "dense", "width": 9, "pieces": 2},
            "all": {"type": "convolution", "kernel": 3, "channels": 4, "groups": "ALL", "from": "x"},
            "each": {"type": "convolution", "kernel": 3, "channels": 12, "groups": "all", "from": "x"},
            "flat": {"type": "convolution", "kernel": 3, "channels": 4, "stride": [2, 2], "from": "x"},
            "relu": {"type": "dense", "width": 4, "from": "x", "activation": "relu"},
            "drop": {"type": "Dropout"},
            "tdnn": {"type": "tdnn"},
            "look": {"type": "attention", "kind": "bahdanau", "memory": "x", "width": 4},
            "two": {"type": "join", "from": {"x": 1, "relu": 2}},
        },
        {
            "blocks.maxout.pieces": "9 cannot be divided into 2 equal parts",
            "blocks.all.groups": "'ALL' is neither a number of groups nor all",
            "blocks.each.groups": "12 cannot be divided into 80 equal parts",
            "blocks.flat.stride": "has 2 values, but the kernel is one number, along time only; write one value",
            "blocks.relu.activation": "a dense has no activation; it has no weights; leave it out",
            "blocks.drop.type": "'Dropout' is not a type of block: it has no weights; leave it out",
            "blocks.tdnn.type": "'tdnn' is not a type of block; did you mean 'dense'?",
            "blocks.look.kind": "'bahdanau' is not known; did you mean 'additive'?",
            "blocks.two.from": "'{'x': 1, 'relu': 2}' names several blocks; write a list, one block in each entry",
        },
    ),
    (
        {"x": features(), "lstm": {"type": "recurrent", "cells": [16, 8], "layers": 3}},
        {"blocks.lstm.layers": "is 3, but cells has 2 values, one per layer"},
    ),
    (
        {"x": features(), "deep": {"type": "group", "repeat": 3, "blocks": {"a": {"type": "dense", "width": {"each": [1, 2]}}}}},
        {"blocks.deep.a.width.each": "has 2 values, and the group has 3 repetitions; it needs one for each"},
    ),
    (
        {"x": features(), "fast": {"type": "dense", "width": 4}, "slow": {"type": "subsample", "factor": 2}, "both": {"type": "join", "from": ["fast", "slow"]}},
        {"blocks.both.from": "frames reach it at two rates: fast has every step, slow 1/2 of its steps; subsample the faster one"},
    ),
    (
        {"x": features(8), "a": {"type": "dense", "width": 4, "shared": "a"}},
        {"blocks.a.shared": "cannot share its own weights"},
    ),
    (
        {"x": features(8), "a": {"type": "dense", "width": 4}, "b": {"type": "dense", "width": 6, "shared": "a"}},
        {"blocks.b.shared": "a has tensors of different shapes, so its weights cannot be shared"},
    ),
    (
        {"x": features(8), "a": {"type": "dense", "width": 16, "bias": False}, "b": {"type": "dense", "width": 8, "bias": False, "shared": "a"}},
        {"blocks.b.shared": "a has tensors of different shapes, so its weights cannot be shared"},
    ),
    (
        {"x": features(8), "a": {"type": "dense", "width": 4}, "b": {"type": "dense", "width": 4, "shared": "a"}, "c": {"type": "dense", "width": 4, "groups": 3}},
        {
            "blocks.b.shared": "a has tensors of different shapes, so its weights cannot be shared",
            "blocks.c.groups": "4 cannot be divided into 3 equal parts",
        },
    ),
    (
        {"x": features(8), "g": {"type": "group", "from": "y", "blocks": {"a": {"type": "dense", "width": 4}}}},
        {"blocks.g.from": "no block named 'y'; there are x, g"},
    ),
    (
        {"x": features(8), "t": {"type": "weights", "from": [], "tensors": {"k": [10, 4]}}, "a": {"type": "attention", "query": "x", "memory": "t", "width": 4}},
        {"blocks.t": "is read by a block but reads nothing, so it needs a width"},
    ),
    (
        {"x": features(8), "d": {"type": "dense", "width": None, "groups": "all", "shared": {}, 3: 4}},
        {
            "blocks.d": "a dense needs width: output width",
            "blocks.d.groups": "'all' is not a size; write it as 10000000, 10M or 1e7",
            "blocks.d.shared": "'{}' is not a name",
            "blocks.d.'3'": "a dense has no '3'",
        },
    ),
    (
        {"x": {**features(8), "clock": "a_x_b"}, "y": {**features(8), "clock": "step"}},
        {"blocks.x.clock": "'a_x_b' cannot name a clock", "blocks.y.clock": "'step' cannot name a clock"},
    ),
    (
        {"x": features(10**100), "d": {"type": "recurrent", "cells": 4, "bias_vectors": 3}},
        {"blocks.x.inputs": "has more than 100 digits", "blocks.d.bias_vectors": "3 is above the maximum, 2"},
    ),
    (  # what is wrong with widths is said beside what is wrong with fields, and nothing of what a fault leaves open
        {
            "x": features(8), "a": {"type": "dense", "width": 4}, "b": {"type": "dense", "width": 6, "from": "x"},
            "sum": {"type": "join", "from": ["a", "b"], "combine": "add"}, "bad": {"type": "dens", "width": 4},
            "next": {"type": "dense", "width": 16, "groups": 16}, "worse": {"type": "dense", "width": "4x"},
            "sum2": {"type": "join", "from": ["worse", "a"], "combine": "add"}, "words": {"type": "embedding", "vocabulary": 4},
            "tied": {"type": "dense", "from": "a", "width": 5, "tied": "words"}, "lost": {"type": "attention", "memory": "bad", "query": "a", "width": 3},
        },
        {
            "blocks.bad.type": "'dens' is not a type of block; did you mean 'dense'?",
            "blocks.worse.width": "'4x' has no known unit; the units are K, M, B and T",
            "blocks.words": "an embedding needs embedding: width of the vector of a symbol",
            "blocks.sum.from": "widths that are added must be equal: a has width 4, b has width 6",
        },
    ),
    (
        {"x": features(), "r": {"type": "recurrent", "cells": 4, "layers": 10**9, "subsample": 2}},
        {"blocks.r.layers": "is 1000000000; at most 2,000 layers can subsample"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("blocks", "faults"), FAULTS)
def test_faults_name_the_block(blocks: dict[str, Any], faults: dict[str, str]) -> None:
    with pytest.raises(InputError) as raised:
        count_model(model(blocks))
    assert {fault.path: fault.message for fault in raised.value.faults} == faults


HOSTILE: list[Any] = [
    None, True, 0, -1, 2.5, float("nan"), float("inf"), 10**400, 10**5000, "", "x", "y", "10K", "same", "9" * 5000, b"x", object, 1j,
    [], [1], [1, 2], [[1, 2], [3, 4]], [[[]]], [None], ["x", "x"], [{"x": 2}], [{}], {}, {1: 2}, {(1,): 3}, {"each": 3}, {"each": [1]},
    {"a": [[]]}, {1, 2}, np.int64(3), np.array([1, 2]),
]  # fmt: skip
"""Values of every wrong kind."""
SMALL: dict[str, dict[str, Any]] = {
    "input": {"inputs": 4}, "embedding": {"vocabulary": 4, "embedding": 4}, "dense": {"width": 4},
    "convolution": {"channels": 4, "kernel": [3, 3]}, "convolutional_lstm": {"channels": 4, "kernel": [3, 3]}, "pooling": {"kernel": 2},
    "norm": {}, "recurrent": {"cells": 4}, "attention": {"query": "x", "memory": "x", "width": 4},
    "transformer": {"width": 4, "feed_forward": 4}, "conformer": {"width": 4, "kernel": 4}, "highway": {"width": 4}, "crf": {}, "join": {},
    "splice": {"frames": 2}, "subsample": {"factor": 2}, "split": {"parts": 2}, "weights": {"tensors": {"a": [1]}},
    "group": {"repeat": 2, "blocks": {"d": {"type": "dense", "width": 3}}},
}  # fmt: skip


@pytest.mark.parametrize("kind", SMALL)
def test_no_value_of_a_field_ends_in_a_traceback(kind: str) -> None:
    fields = [*BLOCK_TYPES[kind].by_field, "type", "from", "combine", "shared", "frozen", "convention", "none", 1, None]
    for field, value in itertools.product(fields, HOSTILE):
        block: dict[Any, Any] = {"type": kind, **SMALL[kind], field: value}
        blocks = {
            "x": {"type": "input", "height": 8, "channels": 4},
            "y": {"type": "group", "repeat": 2, "blocks": {"y": block}},
            "z": {"type": "dense", "width": 3},
        }
        with contextlib.suppress(InputError):
            count_model(model(blocks, "keras")).columns()


def test_no_value_beside_blocks_ends_in_a_traceback() -> None:
    for value in HOSTILE:
        block = features()
        tried: list[dict[str, Any]] = [
            {"blocks": {"x": value}},
            {"blocks": {"x": block}, "clocks": {"frames": value, "seconds": value}},
        ]
        tried += [{"blocks": {"x": block}, key: value} for key in ("convention", "blocks", "clocks", "other_weights")]
        tried += [{"blocks": {value: block}}] if value.__hash__ else []
        for one in tried:
            with contextlib.suppress(InputError):
                count_model(one).columns()


@pytest.mark.parametrize("leaf", [{"type": "dense", "width": 4}, {"type": "none"}])
@pytest.mark.parametrize(("deep", "repeat"), [(5, 10**9), (2000, 1)])
def test_groups_without_end_are_refused(leaf: dict[str, Any], deep: int, repeat: int) -> None:
    block = leaf
    for _ in range(deep):
        block = {"type": "group", "repeat": repeat, "blocks": {"g": block}}
    with pytest.raises(InputError):
        count_model(model({"x": features(), "g": block}))


def test_a_model_holds_blocks_and_little_else() -> None:
    with pytest.raises(InputError) as raised:
        count_model({"convention": "back_of_envelope", "blocks": {"x": features()}, "cells": 3, "clock": {}})
    assert {fault.path: fault.message for fault in raised.value.faults} == {
        "convention": "back_of_envelope is a closed form for one kind of network and has no blocks",
        "cells": "no key named 'cells' beside blocks; with blocks, fields go inside a block",
        "clock": "no key named 'clock' beside blocks; did you mean 'clocks'?",
    }


@pytest.mark.parametrize("backwards", [False, True])
def test_long_chains_take_no_recursion(backwards: bool) -> None:
    names = [f"b{number}" for number in range(1500)]
    chain: dict[str, Any] = {name: {"type": "join", "from": [before]} for before, name in itertools.pairwise(names)}
    chain["b0"] = features(7)
    found = dict(reversed(chain.items())) if backwards else chain
    found["output"] = {"type": "dense", "width": 3, "from": [names[-1]]}
    assert count_model(model(found)).weights == 7 * 3 + 3


def test_every_type_is_counted_somewhere() -> None:
    seen = set()

    def walk(blocks: dict[str, Any]) -> None:
        for block in blocks.values():
            seen.add(block["type"])
            walk(block.get("blocks", {}))

    for row in ROWS:
        walk(json.loads(row["model"])["blocks"])
    assert seen | {"convolutional_lstm"} == set(BLOCK_TYPES)


def test_the_page_about_models_says_what_is_counted() -> None:
    failed, tried = doctest.testfile(str(ROOT / "docs" / "models.md"), module_relative=False)
    assert (failed, tried) == (0, 8)


def test_the_front_door_takes_models() -> None:
    blocks = {"x": features(3), "mine": {"type": "recurrent", "cell_type": "own", "cells": 5}}
    own = {"own": {"tensors": {"input_weights": [2, "cells", "input"]}, "recurs": "cells", "hands_up": "cells"}}
    found = sizer.count(model(blocks, "textbook"), cell_types=own)
    assert isinstance(found, sizer.ModelCount)
    assert found.weights == 2 * 5 * 3
    assert found.columns()["mine.weights"] == 30
    with pytest.raises(InputError, match=r"blocks\.mine\.cell_type: 'own' is not known"):
        sizer.count(model(blocks, "textbook"))


def test_what_takes_no_whole_models_says_so_once() -> None:
    with pytest.raises(InputError) as raised:
        described(model({"x": features()}))
    said = "is a whole model; this is asked of a network without blocks"
    assert [(fault.path, fault.message) for fault in raised.value.faults] == [("blocks", said)]


def test_models_within_a_budget() -> None:
    small = model({"x": features(8), "o": {"type": "dense", "width": 3}})
    assert sizer.fits(small, 27)
    assert not sizer.fits(small, 26)
    assert sizer.count_batch([small])[0]["weights"] == 27
