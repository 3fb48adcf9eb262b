"""Blocks against the layers of Keras: built directly on the meta device, every variable compared, buffers too."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sizer.networks.blocks.counting import count_model, graph_of

pytest.importorskip("torch", reason="PyTorch, Keras' backend here, is not installed (the extra `frameworks`)")

Case = tuple[dict[str, Any], dict[str, Any], list[Any], tuple[int, int]]
"""What is read, the block, Keras' layers, and the channels and height that come out."""


@pytest.fixture
def layers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="Keras is not installed (the extra `frameworks`)")
    with keras.device("meta"):
        yield keras.layers


def _built(layer: Any, shape: tuple[int | None, ...]) -> tuple[Any, tuple[int | None, ...]]:
    layer.build(shape)
    return layer, tuple(layer.compute_output_shape(shape))


def _normed(
    layers: Any, chance: random.Random, block: dict[str, Any], made: list[Any], shape: tuple[int | None, ...]
) -> None:
    """Add a norm behind, now and then."""
    norm = chance.choice([None, "layer", "batch"])
    if norm:
        block["norm"] = norm
        kind = layers.BatchNormalization if norm == "batch" else layers.LayerNormalization
        made.append(_built(kind(), shape)[0])


def dense(layers: Any, chance: random.Random) -> Case:
    read, width, bias = chance.randint(1, 40), chance.randint(1, 40), chance.random() < 0.6
    layer, shape = _built(layers.Dense(width, use_bias=bias), (None, None, read))
    block, made = {"type": "dense", "width": width, "bias": bias}, [layer]
    _normed(layers, chance, block, made, shape)
    return {"type": "input", "inputs": read}, block, made, (width, 1)


def convolution1(layers: Any, chance: random.Random) -> Case:
    read, channels, kernel = chance.randint(1, 24), chance.randint(1, 24), chance.randint(1, 6)
    stride, bias = chance.randint(1, 3), chance.random() < 0.6
    block: dict[str, Any] = {"type": "convolution", "channels": channels, "kernel": kernel, "stride": stride}
    block |= {"bias": bias, "padding": chance.choice(["same", "valid"])}
    options = {"strides": stride, "padding": block["padding"], "use_bias": bias}
    if chance.random() < 0.3:
        block["transposed"] = True
        layer, shape = _built(layers.Conv1DTranspose(channels, kernel, **options), (None, 20, read))
    else:
        groups = chance.choice([one for one in (1, 2, 3) if read % one == channels % one == 0])
        block["groups"] = groups
        layer, shape = _built(layers.Conv1D(channels, kernel, groups=groups, **options), (None, 20, read))
    made = [layer]
    _normed(layers, chance, block, made, shape)
    return {"type": "input", "inputs": read}, block, made, (channels, 1)


def convolution2(layers: Any, chance: random.Random) -> Case:
    read, height, channels = chance.randint(1, 8), chance.randint(5, 40), chance.randint(1, 12)
    kernel, stride = (chance.randint(1, 5), chance.randint(1, 5)), (chance.randint(1, 3), chance.randint(1, 3))
    bias, padding = chance.random() < 0.6, chance.choice(["same", "valid"])
    block: dict[str, Any] = {"type": "convolution", "channels": channels, "kernel": list(kernel), "bias": bias}
    block |= {"stride": list(stride), "padding": padding}
    options = {"strides": stride, "padding": padding, "use_bias": bias}
    if chance.random() < 0.3:
        # What Keras makes of `same`, and of a kernel below its stride, is another height than PyTorch's.
        kernel = (max(kernel[0], stride[0]), max(kernel[1], stride[1]))
        block |= {"transposed": True, "kernel": list(kernel), "padding": "valid"}
        layer = layers.Conv2DTranspose(channels, kernel, **options | {"padding": "valid"})
    else:
        layer = layers.Conv2D(channels, kernel, **options)
    layer, shape = _built(layer, (None, 30, height, read))
    made = [layer]
    _normed(layers, chance, block, made, shape)
    return {"type": "input", "channels": read, "height": height}, block, made, (channels, shape[2] or 0)


def depthwise(layers: Any, chance: random.Random) -> Case:
    """The first half of a separable convolution; the second is a convolution of one step."""
    read, kernel, times = chance.randint(1, 12), chance.randint(1, 7), chance.randint(1, 3)
    layer, _ = _built(layers.DepthwiseConv1D(kernel, depth_multiplier=times), (None, 20, read))
    block = {"type": "convolution", "channels": read * times, "kernel": kernel, "padding": "valid", "groups": "all"}
    return {"type": "input", "inputs": read}, block, [layer], (read * times, 1)


def norm(layers: Any, chance: random.Random) -> Case:
    read, height = chance.randint(1, 12), chance.randint(2, 12)
    kind = chance.choice(["layer", "batch"])
    layer = (layers.BatchNormalization if kind == "batch" else layers.LayerNormalization)()
    layer, _ = _built(layer, (None, None, height, read))
    return (
        {"type": "input", "channels": read, "height": height},
        {"type": "norm", "norm": kind},
        [layer],
        (read, height),
    )


def embedding(layers: Any, chance: random.Random) -> Case:
    symbols, width = chance.randint(1, 90), chance.randint(1, 40)
    layer, _ = _built(layers.Embedding(symbols, width), (None, None))
    return (
        {"type": "input", "inputs": 1},
        {"type": "embedding", "vocabulary": symbols, "embedding": width},
        [layer],
        (width, 1),
    )


def recurrent(layers: Any, chance: random.Random) -> Case:
    read, depth = chance.randint(1, 20), chance.randint(1, 3)
    kind, bias = chance.choice(["lstm", "gru", "rnn"]), chance.random() < 0.7
    cells = [chance.randint(1, 20) for _ in range(depth)]
    both = [chance.random() < 0.5 for _ in range(depth)]
    block = {"type": "recurrent", "cell_type": kind, "cells": cells, "bidirectional": both, "bias": bias}
    made, shape = [], (None, None, read)
    for width, two in zip(cells, both, strict=True):
        layer = getattr(layers, {"rnn": "SimpleRNN"}.get(kind, kind.upper()))(
            width, return_sequences=True, use_bias=bias
        )
        layer, found = _built(layers.Bidirectional(layer) if two else layer, shape)
        shape = (None, None, found[-1] or 0)
        made.append(layer)
    return {"type": "input", "inputs": read}, block, made, (shape[2], 1)


def attention(layers: Any, chance: random.Random) -> Case:
    read, heads, key, value = chance.randint(1, 20), chance.randint(1, 4), chance.randint(1, 6), chance.randint(1, 6)
    up, bias = chance.randint(1, 20), chance.random() < 0.5
    layer = layers.MultiHeadAttention(heads, key, value_dim=value, use_bias=bias, output_shape=up)
    layer.build((None, None, read), (None, None, read))
    block = {"type": "attention", "kind": "multihead", "query": "x", "memory": "x", "heads": heads}
    block |= {"width": heads * key, "value_width": heads * value, "value": up}
    block |= {"biases": ["query", "memory", "value", "output"]} if bias else {}
    return {"type": "input", "inputs": read}, block, [layer], (up, 1)


def convolutional_lstm(layers: Any, chance: random.Random) -> Case:
    read, height, channels = chance.randint(1, 4), chance.randint(5, 20), chance.randint(1, 6)
    kernel, bias = (chance.randint(1, 4), chance.randint(1, 4)), chance.random() < 0.6
    stride, padding = chance.randint(1, 2), chance.choice(["same", "valid"])
    layer = layers.ConvLSTM2D(channels, kernel, strides=(1, stride), padding=padding, use_bias=bias)
    layer, shape = _built(layer, (None, 3, 12, height, read))
    block = {"type": "convolutional_lstm", "channels": channels, "kernel": list(kernel), "padding": padding}
    block |= {"stride": [1, stride], "bias": bias}
    return {"type": "input", "channels": read, "height": height}, block, [layer], (channels, shape[2] or 0)


KINDS: list[Callable[[Any, random.Random], Case]] = [
    dense, convolution1, convolution2, depthwise, norm, embedding, recurrent, attention, convolutional_lstm,
]  # fmt: skip


def differs(case: Case) -> str:
    """Return what Keras has otherwise of a block; empty where nothing."""
    read, block, made, up = case
    declared = {"convention": "keras", "blocks": {"x": read, "it": block}}
    own = graph_of(declared).blocks[-1]
    ours: Counter[int] = Counter()
    for group in own.groups:
        for tensor in group.tensors:
            if size := int(tensor.size(group.dimensions)):
                ours[size] += int(group.times)
    variables = [one for layer in made for one in layer.weights if "seed" not in one.name]
    theirs = Counter(int(one.value.numel()) for one in variables)
    counted = count_model(declared)
    trained = sum(int(one.value.numel()) for layer in made for one in layer.trainable_variables)
    found = (ours, counted.weights, (own.hands_up.channels, own.hands_up.height))
    expected = (theirs, trained, up)
    kept = sum(theirs.elements()) - trained
    same = found == expected and counted.buffer_values == kept
    return "" if same else f"{read}, {block}: {found}, and Keras has {expected} and {kept} beside"


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_random_blocks(layers: Any, kind: Callable[[Any, random.Random], Case]) -> None:
    for number in range(3):
        assert differs(kind(layers, random.Random(f"{kind.__name__} {number}"))) == ""


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_hundreds_of_random_blocks(layers: Any, kind: Callable[[Any, random.Random], Case]) -> None:
    for number in range(150):
        assert differs(kind(layers, random.Random(f"thorough {kind.__name__} {number}"))) == ""


@pytest.mark.parametrize(("channels", "filters", "weights"), [(1, 32, 38_144), (128, 64, 442_624)])
def test_convolutional_lstms_of_keras(layers: Any, channels: int, filters: int, weights: int) -> None:
    layer, _ = _built(layers.ConvLSTM2D(filters, 3), (None, 3, 40, 40, channels))
    assert layer.count_params() == weights
    block = {"type": "convolutional_lstm", "channels": filters, "kernel": [3, 3], "padding": "valid"}
    assert differs(({"type": "input", "channels": channels, "height": 40}, block, [layer], (filters, 38))) == ""


def test_a_wrong_term_is_seen(layers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    case = dense(layers, random.Random("wrong"))
    assert differs(case) == ""
    monkeypatch.setattr("sizer.networks.tensors.product", lambda factors: 1)
    assert differs(case) != ""
