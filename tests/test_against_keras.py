"""Counts against the variables that Keras itself makes (on its PyTorch backend): random stacks of layers."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from sizer.networks.columns import PARTS
from sizer.networks.counting import Count, count

os.environ["KERAS_BACKEND"] = "torch"
pytest.importorskip("torch", reason="PyTorch, Keras' backend here, is not installed (the extra `frameworks`)")
keras = pytest.importorskip("keras", reason="Keras is not installed (the extra `frameworks`)")

pytestmark = pytest.mark.thorough

LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}
PART_OF = {"kernel": "input_weights", "recurrent_kernel": "recurrent_weights", "bias": "bias_weights"}
ZEROS = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
"""The default, orthogonal, takes longer than everything else together."""


def _random_network(chance: random.Random, cell_type: str, *, reset_after: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {
        # A GRU without reset_after has one bias vector; that is what TensorFlow 1 had.
        "convention": "keras" if reset_after else "tensorflow1",
        "cell_type": cell_type,
        "layers": chance.randint(1, 3),
        "cells": chance.randint(1, 120),
        "bidirectional": chance.random() < 0.4,
        "outputs": chance.choice([0, chance.randint(1, 300)]),
    }
    if chance.random() < 0.3:
        fields |= {"vocabulary": chance.randint(1, 500), "embedding": chance.randint(1, 80)}
    else:
        fields["inputs"] = chance.randint(1, 200)
    if chance.random() < 0.3:
        fields |= {"bias_vectors": 0, "output_bias": chance.random() < 0.5}
    if fields["bidirectional"]:
        fields["summed_directions"] = chance.random() < 0.4
    if chance.random() < 0.3:
        fields["cells"] = [chance.randint(1, 120) for _ in range(fields["layers"])]
    return fields


def _parts(fields: dict[str, Any], *, reset_after: bool) -> tuple[dict[str, int], int, int]:
    """Return what Keras makes: variables by part, scalars in matrices that multiply, and state."""
    parts, macs, state = dict.fromkeys(PARTS, 0), 0, 0
    frame = fields.get("inputs", 0)
    if fields.get("vocabulary"):
        embedding = keras.layers.Embedding(fields["vocabulary"], fields["embedding"], embeddings_initializer="zeros")
        embedding.build((None, None))
        parts["embedding_weights"] = embedding.count_params()
        frame = fields["embedding"]
    options = ZEROS | {"return_sequences": True, "use_bias": fields.get("bias_vectors") != 0}
    merging = "sum" if fields.get("summed_directions") else "concat"
    if fields["cell_type"] == "gru":
        options["reset_after"] = reset_after
    cells = fields["cells"]
    for width in cells if isinstance(cells, list) else [cells] * fields["layers"]:
        layer = getattr(keras.layers, LAYERS[fields["cell_type"]])(width, **options)
        layers = [layer]
        if fields["bidirectional"]:
            layer = keras.layers.Bidirectional(layer, merge_mode=merging)
            layers = [layer.forward_layer, layer.backward_layer]
        layer.build((None, None, frame))
        for variable in layer.trainable_variables:
            size = variable.value.numel()
            parts[PART_OF[variable.name]] += size
            macs += size * (variable.name != "bias")
        for one in layers:
            sizes = one.cell.state_size
            state += sum(sizes) if isinstance(sizes, (list, tuple)) else sizes
        frame = layer.compute_output_shape((None, None, frame))[-1]
    if fields["outputs"]:
        dense = keras.layers.Dense(
            fields["outputs"], use_bias=fields.get("output_bias", True), kernel_initializer="zeros"
        )
        dense.build((None, frame))
        parts["output_weights"] = dense.kernel.value.numel()
        parts["bias_weights"] += dense.count_params() - parts["output_weights"]
        macs += parts["output_weights"]
    return parts, macs, state


def _assert_equal(fields: dict[str, Any], *, reset_after: bool) -> Count:
    counted = count(fields)
    assert (counted.parts, counted.macs_per_step, counted.state_size) == _parts(fields, reset_after=reset_after), fields
    return counted


@pytest.mark.parametrize(("cell_type", "reset_after"), [("lstm", True), ("gru", True), ("gru", False), ("rnn", True)])
def test_random_networks(cell_type: str, reset_after: bool) -> None:
    chance = random.Random(f"keras {cell_type} {reset_after}")
    counts = [
        _assert_equal(_random_network(chance, cell_type, reset_after=reset_after), reset_after=reset_after)
        for _ in range(600)
    ]

    assert len({counted.weights for counted in counts}) > 590
    assert sum(counted.configuration["bidirectional"] for counted in counts) > 150
    assert sum(counted.configuration["summed_directions"] for counted in counts) > 50
    assert sum(counted.parts["embedding_weights"] > 0 for counted in counts) > 100
    assert sum(isinstance(counted.configuration["cells"], tuple) for counted in counts) > 100


def test_gru_biases_differ_by_one_vector() -> None:
    """The difference between the two GRUs is 3 x cells; had it been lost, both halves above would compare the same."""
    network = {"cell_type": "gru", "inputs": 7, "layers": 1, "cells": 5, "outputs": 0, "bidirectional": False}
    after = _assert_equal(network | {"convention": "keras"}, reset_after=True)
    before = _assert_equal(network | {"convention": "tensorflow1"}, reset_after=False)
    said = _assert_equal(network | {"convention": "keras", "bias_vectors": 1}, reset_after=False)

    assert after.weights - before.weights == 3 * 5
    assert said.weights == before.weights


def test_whole_model() -> None:
    """A Sequential model, as its own summary counts it."""
    model = keras.Sequential(
        [
            keras.Input((None,)),
            keras.layers.Embedding(66, 256, embeddings_initializer="zeros"),
            keras.layers.GRU(64, return_sequences=True, **ZEROS),
            keras.layers.Dense(66, kernel_initializer="zeros"),
        ]
    )
    fields = {"convention": "keras", "cell_type": "gru", "layers": 1, "cells": 64}

    assert count(fields | {"vocabulary": 66, "embedding": 256, "outputs": 66}).weights == model.count_params()
