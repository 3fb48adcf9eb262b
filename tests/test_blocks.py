"""Models of blocks: published totals to the unit, known MACs, and every fault by the block's name."""

from __future__ import annotations

import csv
import doctest
import itertools
import json
from fractions import Fraction
from typing import Any

import pytest

import sizer
from sizer.errors import InputError
from sizer.networks.blocks.counting import count_model
from sizer.networks.blocks.types import BLOCK_TYPES
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


FAULTS: list[tuple[dict[str, Any], dict[str, str]]] = [
    (
        {"features": features(), "encoder": {"type": "recurent", "cells": 8}},
        {"blocks.encoder.type": "'recurent' is no type of block; did you mean 'recurrent'?"},
    ),
    (
        {"features": features(), "output": {"type": "dense", "from": ["encodr"], "width": 8}, "encoder": {"type": "dense", "width": 4}},
        {"blocks.output.from": "no block named 'encodr'; did you mean 'encoder'?"},
    ),
    (
        {"output": {"type": "dense", "width": 8}},
        {"blocks.output": "a dense reads something, and there is nothing before it; name its source in from"},
    ),
    (
        {"a": {"type": "join", "from": ["b"]}, "b": {"type": "join", "from": ["a"]}},
        {"blocks.a": "is in a loop in which no block is told its width: b -> a"},
    ),
    (
        {"x": features(8), "a": {"type": "dense", "width": 4}, "b": {"type": "dense", "width": 6, "from": ["x"]}, "sum": {"type": "join", "from": ["a", "b"], "combine": "add"}},
        {"blocks.sum.from": "widths that are added must be equal: a hands up 4, b hands up 6"},
    ),
    (
        {"image": {"type": "input", "channels": 1, "height": 3}, "conv": {"type": "convolution", "kernel": [3, 5], "padding": "valid", "channels": 4}},
        {"blocks.conv": "a kernel of height 5 does not fit a height of 3"},
    ),
    (
        {"x": features(10), "dense": {"type": "dense", "width": 8, "groups": 4}},
        {"blocks.dense": "10 is not 4 equal parts"},
    ),
    (
        {"words": {"type": "embedding", "vocabulary": 100, "embedding": 12}, "lstm": {"type": "recurrent", "cells": 16}, "output": {"type": "dense", "width": 100, "tied": "words"}},
        {"blocks.output.tied": "words has 12 values a symbol, and 16 are read; a tied kernel needs as many"},
    ),
    (
        {"x": features(), "lstm": {"type": "recurrent", "cells": 16, "recurrent_projection": 16}},
        {"blocks.lstm.recurrent_projection": "pytorch needs recurrent_projection < cells"},
    ),
    (
        {"x": features(), "dense": {"type": "dense", "widht": 16, "cells": 4}},
        {
            "blocks.dense": "a dense needs width: values that it hands up.",
            "blocks.dense.widht": "a dense has no widht; did you mean 'width'?",
            "blocks.dense.cells": "a dense has no cells",
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
        {"x": features(8), "a": {"type": "dense", "width": 4}, "b": {"type": "dense", "width": 6, "shared": "a"}},
        {"blocks.b.shared": "a has tensors of other shapes, so its weights cannot be shared"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("blocks", "faults"), FAULTS)
def test_faults_name_the_block(blocks: dict[str, Any], faults: dict[str, str]) -> None:
    with pytest.raises(InputError) as raised:
        count_model(model(blocks))
    assert {fault.path: fault.message for fault in raised.value.faults} == faults


def test_a_model_holds_blocks_and_little_else() -> None:
    with pytest.raises(InputError) as raised:
        count_model({"convention": "back_of_envelope", "blocks": {"x": features()}, "cells": 3, "clock": {}})
    assert {fault.path: fault.message for fault in raised.value.faults} == {
        "convention": "back_of_envelope is a closed form for one kind of network and has no blocks",
        "cells": "no key named 'cells' beside blocks; with blocks, fields stand in a block",
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


@pytest.mark.parametrize(
    "asked",
    [
        lambda network: sizer.reconcile(network, "21M"),
        lambda network: sizer.fit(network, vary="cells", budget="10M"),
    ],
)
def test_what_takes_no_whole_models_says_so_once(asked: Any) -> None:
    with pytest.raises(InputError) as raised:
        asked(model({"x": features()}))
    said = "is a whole model, which count, fits and explain take; this is asked of a network without blocks"
    assert [(fault.path, fault.message) for fault in raised.value.faults] == [("blocks", said)]


def test_models_within_a_budget() -> None:
    small = model({"x": features(8), "o": {"type": "dense", "width": 3}})
    assert sizer.fits(small, 27)
    assert not sizer.fits(small, 26)
    assert sizer.count_batch([small])[0]["weights"] == 27
