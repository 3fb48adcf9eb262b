"""Random models of the real frameworks: recurrent stacks with convolutions, norms, embeddings and dense layers around.

Each comes with what was built, in our fields, so that what is found in its tensors can be held against it.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Built:
    """A model of a framework, and what is in it."""

    model: Any
    stacks: list[dict[str, Any]] = field(default_factory=list)
    """The recurrent stacks, in our fields."""
    blocks: list[str] = field(default_factory=list)
    """The types of the blocks around them."""
    weights: int = 0
    """By the framework's own count."""


def write_safetensors(path: Path, shapes: Mapping[str, Sequence[int]]) -> None:
    """Write a file of safetensors with float32 tensors, as large as its header says, without a weight written."""
    header, at = {}, 0
    for name, shape in shapes.items():
        end = at + 4 * _size(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)


def in_pytorch(chance: random.Random, device: str = "meta") -> Built:
    """Return a random module of PyTorch with one to three recurrent modules.

    Args:
        chance: decides what is in it.
        device: `meta` where shapes are enough.
    """
    import torch
    from torch import nn

    built = Built(None)
    modules: dict[str, nn.Module] = {}
    with torch.device(device):
        for number in range(chance.randint(1, 3)):
            if chance.random() < 0.6:
                _around_in_pytorch(
                    modules, f"{chance.choice(['front', 'encoder', 'net'])}{number}", chance, built.blocks
                )
            name = f"{chance.choice(['rnn', 'lstm_stack', 'core', 'decoder', 'block.recurrent'])}{number}".replace(
                ".", "_"
            )
            modules[name] = _recurrent_in_pytorch(chance, built)
        _around_in_pytorch(modules, "head", chance, built.blocks)
        built.model = nn.ModuleDict(modules)
    built.weights = sum(parameter.numel() for parameter in built.model.parameters())
    return built


def _recurrent_in_pytorch(chance: random.Random, built: Built) -> Any:
    from torch import nn

    kind = chance.choice(["lstm", "gru", "rnn"])
    inputs, cells = chance.randint(1, 90), chance.randint(2, 90)
    fields: dict[str, Any] = {"convention": "pytorch", "cell_type": kind, "inputs": inputs, "layers": 1, "cells": cells}
    bias = chance.random() < 0.8
    if chance.random() < 0.25:
        classes = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}
        built.stacks.append(fields if bias else {**fields, "bias_vectors": 0})
        return classes[kind](inputs, cells, bias=bias)
    fields["layers"] = chance.randint(1, 4)
    given: dict[str, Any] = {}
    if kind == "lstm" and chance.random() < 0.3:
        given["proj_size"] = fields["recurrent_projection"] = chance.randint(1, cells - 1)
    if chance.random() < 0.4:
        given["bidirectional"] = fields["bidirectional"] = True
    if not bias:
        fields["bias_vectors"] = 0
    built.stacks.append(fields)
    return {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[kind](inputs, cells, fields["layers"], bias=bias, **given)


def _around_in_pytorch(modules: dict[str, Any], name: str, chance: random.Random, blocks: list[str]) -> None:
    from torch import nn

    width, other = chance.randint(2, 60), chance.randint(2, 60)
    # What a convolution over height hands up in groups is said by no file.
    made: list[tuple[str, Any]] = [
        ("dense", lambda: nn.Linear(width, other, bias=chance.random() < 0.7)),
        ("convolution", lambda: nn.Conv1d(width, other, chance.randint(1, 5), bias=chance.random() < 0.7)),
        ("convolution", lambda: nn.Conv2d(width, other, (chance.randint(1, 5), chance.randint(2, 4)))),
        ("convolution", lambda: nn.ConvTranspose1d(width, other + 60, 3)),
        ("norm", lambda: nn.LayerNorm(width)),
        ("norm", lambda: nn.BatchNorm1d(width)),
        ("norm", lambda: nn.GroupNorm(1, width)),
    ]
    parts = []
    for place in range(chance.randint(1, 3)):
        kind, make = chance.choice(made)
        parts.append((str(place), make()))
        blocks.append(kind)
    modules[name] = nn.Sequential(*(module for _, module in parts))
    if chance.random() < 0.3:
        modules[f"{name}_embedding"] = nn.Embedding(chance.randint(3, 500), chance.randint(2, 50))
        blocks.append("embedding")


def chained(front: Any, stack: Any, head: Any) -> Any:
    """Return a module of PyTorch: a dense layer, a recurrent module, and a dense layer on what it hands up."""
    from torch import nn

    class Chain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.front, self.stack, self.head = front, stack, head

        def forward(self, values: Any) -> Any:
            return self.head(self.stack(self.front(values).relu())[0])

    return Chain()


def in_keras(chance: random.Random) -> Built:
    """Return a random chain of Keras layers."""
    import keras

    built = Built(None)
    layers = keras.layers
    steps, width = 6, chance.randint(2, 40)
    chain: list[Any] = [keras.Input((steps, width))]
    if chance.random() < 0.4:
        vocabulary, width = chance.randint(5, 300), chance.randint(2, 40)
        chain = [keras.Input((steps,)), layers.Embedding(vocabulary, width)]
        built.blocks.append("embedding")
    stack: dict[str, Any] | None = None
    for _ in range(chance.randint(1, 5)):
        kind = chance.choice(["lstm", "gru", "rnn", "lstm", "dense", "norm", "batch", "convolution", "dropout"])
        if kind in {"lstm", "gru", "rnn"}:
            stack, width = _recurrent_in_keras(chain, kind, width, chance, built, stack)
            continue
        if kind == "dropout":
            chain.append(layers.Dropout(0.1))
            continue
        stack = None
        if kind == "dense":
            width = chance.randint(2, 40)
            chain.append(layers.Dense(width, use_bias=chance.random() < 0.7))
        elif kind == "convolution":
            width = chance.randint(2, 40)
            chain.append(layers.Conv1D(width, 3, padding="same"))
        else:
            chain.append(layers.BatchNormalization() if kind == "batch" else layers.LayerNormalization())
        built.blocks.append({"batch": "norm"}.get(kind, kind))
    chain.append(layers.Dense(chance.randint(1, 30)))
    built.blocks.append("dense")
    built.model = keras.Sequential(chain)
    built.weights = sum(_size(weight.shape) for weight in built.model.trainable_weights)
    return built


def _recurrent_in_keras(
    chain: list[Any], kind: str, width: int, chance: random.Random, built: Built, below: dict[str, Any] | None
) -> tuple[dict[str, Any], int]:
    """Add a recurrent layer; return its stack's fields and what it hands up.

    Layers on top of each other of one kind are one stack, whose widths may differ.
    """
    from keras import layers

    cells = chance.randint(2, 40)
    fields: dict[str, Any] = {"convention": "keras", "cell_type": kind, "inputs": width, "layers": 1, "cells": cells}
    given: dict[str, Any] = {"return_sequences": True}
    if chance.random() < 0.2:
        given["use_bias"] = False
        fields["bias_vectors"] = 0
    elif kind == "gru" and chance.random() < 0.3:
        given["reset_after"] = False
        fields["bias_vectors"] = 1
    layer = {"lstm": layers.LSTM, "gru": layers.GRU, "rnn": layers.SimpleRNN}[kind](cells, **given)
    if chance.random() < 0.4:
        fields["bidirectional"] = True
        layer = layers.Bidirectional(layer)
    chain.append(layer)
    built.stacks.append(fields)
    return fields, cells * (2 if fields.get("bidirectional") else 1)


def in_flax(chance: random.Random) -> Built:
    """Return random parameters of Flax cells, by their shapes alone."""
    import jax
    import jax.numpy as jnp
    from flax import linen as nn

    kind = chance.choice(["lstm", "lstm", "gru", "rnn", "mgu"])
    cells = [chance.randint(2, 40)] * chance.randint(1, 3)
    width, outputs = chance.randint(2, 40), chance.randint(2, 20)
    cell = {
        "lstm": chance.choice([nn.OptimizedLSTMCell, nn.LSTMCell]),
        "gru": nn.GRUCell,
        "rnn": nn.SimpleCell,
        "mgu": nn.MGUCell,
    }[kind]

    class Chain(nn.Module):
        @nn.compact
        def __call__(self, values: Any) -> Any:
            values = nn.LayerNorm()(nn.Dense(width)(values))
            for size in cells:
                values = nn.RNN(cell(size))(values)
            return nn.Dense(outputs)(values)

    shapes = jax.eval_shape(Chain().init, jax.random.key(0), jnp.zeros((1, 3, 7)))
    fields = {"convention": "flax", "cell_type": kind, "inputs": width, "layers": len(cells), "cells": cells[0]}
    weights = sum(_size(one.shape) for one in jax.tree.leaves(shapes))
    return Built(shapes["params"], [fields], ["dense", "norm", "dense"], weights)


def _size(shape: Any) -> int:
    product = 1
    for size in shape:
        product *= int(size)
    return product


def one_by_one(stacks: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    """Return the layers of stacks, each with its fields, in an order of their own.

    Whether two layers on top of each other are one stack is a matter of names; what each is, is not.
    """
    found = []
    for fields in stacks:
        layers = fields["layers"]
        cells = fields["cells"] if isinstance(fields["cells"], list) else [fields["cells"]] * layers
        inputs = fields["inputs"]
        for width in cells:
            found.append(sorted({**fields, "inputs": inputs, "cells": width, "layers": 1}.items()))
            inputs = (fields.get("recurrent_projection") or width) * (2 if fields.get("bidirectional") else 1)
    return sorted(found, key=str)
