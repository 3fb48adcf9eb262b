"""Which readings of a model of blocks give a stated figure: ties, frozen weights, bias vectors, outputs, blocks left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import sizer
from sizer.errors import InputError
from sizer.questions.answers import Reconciliation
from tests.commands import on_terminal, run
from tests.test_blocks import RNNT, ROWS, model

LANGUAGE = {
    "words": {"type": "embedding", "vocabulary": 10_000, "embedding": 200},
    "lstm": {"type": "recurrent", "layers": 2, "cells": 200},
    "softmax": {"type": "dense", "width": 10_000},
}


def published(name: str) -> dict[str, Any]:
    return dict(json.loads(next(row["model"] for row in ROWS if row["id"] == name)))


def first(found: Reconciliation) -> tuple[int, list[str]]:
    answer = found.answers[0]
    assert sum(step.difference for step in answer.steps) == answer.weights - found.plain.weights
    for step in answer.steps:
        assert sum(step.by_tensor.values()) == step.difference or not step.by_tensor
    return answer.weights, [step.words for step in answer.steps]


def test_another_convention() -> None:
    found = sizer.reconcile(model(RNNT, "tensorflow1"), 120_525_440)
    assert first(found) == (120_525_440, ["two bias vectors per gate"]) or first(found)[1] == ["the rules of pytorch"]
    open_one = {"blocks": RNNT}
    assert first(sizer.reconcile(open_one, 120_525_440)) == (120_525_440, ["the rules of pytorch"])


def test_a_kernel_is_tied_or_not() -> None:
    untied = model(LANGUAGE)
    weights = sizer.count(untied).weights
    tied = sizer.count(model({**LANGUAGE, "softmax": {**LANGUAGE["softmax"], "tied": "words"}})).weights
    assert weights - tied == 2_000_000
    # What the embedding weighs is what a tied kernel saves; a tie assumes less.
    found = sizer.reconcile(untied, tied)
    assert first(found) == (tied, ["the kernel of softmax is the embedding words"])
    assert found.answers[0].fields["blocks"]["softmax"]["tied"] == "words"
    assert sizer.count(found.answers[0].fields).weights == tied
    back = sizer.reconcile(model({**LANGUAGE, "softmax": {**LANGUAGE["softmax"], "tied": "words"}}), weights)
    assert first(back)[1] == ["the kernel of softmax is not the embedding"]


def test_what_is_trained_and_what_stands_beside_the_weights() -> None:
    frozen = model({**LANGUAGE, "words": {**LANGUAGE["words"], "frozen": True}})
    counted: Any = sizer.count(frozen)
    assert counted.weights - counted.trained_weights == 2_000_000
    assert first(sizer.reconcile(frozen, counted.trained_weights)) == (
        counted.trained_weights,
        ["only what is trained is counted"],
    )
    thawed = sizer.reconcile(model(LANGUAGE), counted.trained_weights)
    words = [[step.words for step in answer.steps] for answer in thawed.answers]
    assert ["words is not counted: left out, or frozen where trained weights are stated"] in words
    keras = model(
        {
            "x": {"type": "input", "channels": 1, "height": 40},
            "c": {"type": "convolution", "channels": 32, "kernel": [3, 3], "norm": "batch"},
            "d": {"type": "dense", "width": 10},
        },
        "keras",
    )
    total: Any = sizer.count(keras)
    assert first(sizer.reconcile(keras, total.weights + 64)) == (
        total.weights + 64,
        ["the values that are kept beside the weights are counted"],
    )


def test_one_bias_vector_or_two() -> None:
    one = model(LANGUAGE)
    found = sizer.reconcile(one, sizer.count(one).weights - 2 * 4 * 200)
    assert first(found)[1] in (["one bias vector per gate"], ["the rules of tensorflow1"])
    assert found.answers[0].weights == sizer.count(one).weights - 1600


@pytest.mark.thorough
def test_a_second_output_and_a_block_left_out() -> None:
    kaldi = published("kaldi-swbd-tdnn-lstm-1n")
    counted: Any = sizer.count(kaldi)
    one_output = counted.weights - counted.by_block["output_xent"]
    assert first(sizer.reconcile(kaldi, one_output))[1] in (
        ["the output output_xent is not counted"],
        ["the output output is not counted"],
    )
    single = {**kaldi, "blocks": {name: block for name, block in kaldi["blocks"].items() if name != "output_xent"}}
    assert first(sizer.reconcile(single, counted.weights)) == (
        counted.weights,
        ["a second output like output is counted"],
    )
    without = sizer.reconcile(model(RNNT, "tensorflow1"), 120_443_520 - 819_840)
    assert first(without) == (119_623_680, ["joint is not counted"])
    assert without.plain.weights == 120_443_520
    assert without.others
    assert without.near


def test_a_second_output_of_a_small_model() -> None:
    one = model(LANGUAGE)
    counted: Any = sizer.count(one)
    found = sizer.reconcile(one, counted.weights + counted.by_block["softmax"])
    assert first(found)[1] == ["a second output like softmax is counted"]


def test_what_is_left_is_said() -> None:
    found = sizer.reconcile(model(RNNT, "tensorflow1"), 121_000_000)
    assert found.remainder is not None
    assert found.remainder.least == found.remainder.most == 556_480
    assert sizer.count(found.remainder.fields).weights == 121_000_000


@pytest.mark.thorough
def test_every_published_model_is_as_it_was_said() -> None:
    for row in ROWS[::9]:
        found = sizer.reconcile(json.loads(row["model"]), int(row["weights"]))
        assert found.answers[0].price == 0, row["id"]
        assert found.answers[0].weights == int(row["weights"])


def test_own_types_and_faults() -> None:
    own = {"mine": {"fields": {"width": None}, "tensors": {"k": ["read", "width"]}, "hands_up": "width"}}
    one = {"blocks": {"x": {"type": "input", "inputs": 10}, "m": {"type": "mine", "width": 7}, "d": {"type": "dense", "width": 5}}}  # fmt: skip
    assert first(sizer.reconcile(one, 70, block_types=own)) == (70, ["d is not counted"])
    with pytest.raises(InputError, match="not a type of block"):
        sizer.reconcile(one, 70)
    with pytest.raises(InputError, match="is not a figure"):
        sizer.reconcile(one, "some", block_types=own)


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "model.json.yaml"
    path.write_text(json.dumps({"model": model(LANGUAGE)}))
    screen = on_terminal("compare", str(path), "--claim", "2.66M")
    assert "pytorch · a model of 3 blocks" in screen
    assert "the kernel of softmax is the embedding words" in screen
    found = json.loads(run("compare", str(path), "--claim", "2.66M", "--json").stdout)
    assert found["answers"][0]["assumed"][0]["changes"] == {"softmax.tied": "words"}
    rows = run("compare", str(path), "--claim", "2.66M").stdout.splitlines()
    assert rows[0].startswith("reading\tmatch\tweights")


def test_fits_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(json.dumps({"model": model(LANGUAGE)}))
    asked = ("fit", str(path), "--vary", "lstm.cells", "--budget", "5M")
    found = json.loads(run(*asked, "--json").stdout)["fits"][0]
    assert found["largest"]["values"] == {"lstm.cells": 221}
    assert sizer.count(model({**LANGUAGE, "lstm": {**LANGUAGE["lstm"], "cells": 221}})).weights <= 5_000_000
    assert sizer.count(model({**LANGUAGE, "lstm": {**LANGUAGE["lstm"], "cells": 222}})).weights > 5_000_000
    several = json.loads(run(*asked, "--set", "lstm.layers=1,2", "--json").stdout)["fits"]
    assert [one["settings"] for one in several] == [{"lstm.layers": 1}, {"lstm.layers": 2}]
    assert several[1]["largest"] == found["largest"]
    assert "a model of 3 blocks" in on_terminal(*asked)
    assert "lstm.layers" in on_terminal(*asked, "--set", "lstm.layers=1,2")
    wrong = run(*asked, "--set", "lstm.layer=1", "--set", "lstm.cells=3")
    assert wrong.returncode == 1
    assert "lstm.layer: 'lstm.layer' names no field of a block; did you mean 'lstm.layers'?" in wrong.stderr
    assert "lstm.cells: is what varies; leave it out" in wrong.stderr
    assert run("fit", "--vary", "cells", "--budget", "1M", "--set", "a.b=3").returncode == 2
    assert run(*asked, "--set", "lstm.layers").returncode == 1
