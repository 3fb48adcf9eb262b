"""Models of blocks against PyTorch: random chains built beside the count on the meta device, every tensor compared."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from sizer.networks.blocks.counting import count_graph, count_model, graph_of
from sizer.networks.tensors import product

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `frameworks`)")
nn = torch.nn


def sizes(model: dict[str, Any]) -> Counter[int]:
    """Return the sizes of the tensors of a model, each as often as it stands there."""
    found: Counter[int] = Counter()
    for group in graph_of(model).groups:
        for tensor in group.tensors:
            size = int(tensor.weights(group.dimensions))
            if size and not tensor.buffer:
                found[size] += int(group.times)
    return found


def their_sizes(modules: list[Any]) -> Counter[int]:
    return Counter(weights.numel() for module in modules for weights in module.parameters())


def chain(chance: random.Random) -> tuple[dict[str, Any], list[Any]]:
    """Return random blocks in a chain, and the modules that PyTorch has for them."""
    blocks: dict[str, Any] = {}
    modules: list[Any] = []
    channels, height = chance.choice([(1, chance.randint(8, 24)), (chance.randint(2, 40), 1)])
    if chance.random() < 0.3:
        channels, height = chance.randint(2, 30), 1
        symbols = chance.randint(2, 50)
        blocks["words"] = {"type": "embedding", "vocabulary": symbols, "embedding": channels}
        modules.append(nn.Embedding(symbols, channels))
    elif height > 1:
        blocks["image"] = {"type": "input", "channels": channels, "height": height}
    else:
        blocks["frames"] = {"type": "input", "inputs": channels}
    for place in range(chance.randint(1, 5)):
        name, width = f"b{place}", chance.randint(1, 12) * 4
        kinds = ["dense", "convolution1", "norm", "lstm", "gru", "multihead", "transformer"]
        kind = "convolution2" if height > 1 and chance.random() < 0.7 else chance.choice(kinds)
        read = channels * height
        if kind == "convolution2":
            kernel = (chance.randint(1, 5), chance.randint(1, min(5, height)))
            stride = (chance.randint(1, 2), chance.randint(1, 2))
            padding = chance.randint(0, 2)
            groups = chance.choice([one for one in (1, 2, channels) if channels % one == 0])
            made = groups * chance.randint(1, 8)
            module = nn.Conv2d(channels, made, kernel, stride, padding, groups=groups, device="meta")
            blocks[name] = {
                "type": "convolution", "kernel": list(kernel), "stride": list(stride), "padding": padding,
                "channels": made, "groups": "all" if groups == channels and chance.random() < 0.5 else groups,
            }  # fmt: skip
            made_of = module(torch.empty(1, channels, 64, height, device="meta"))
            channels, height = made, made_of.shape[3]
            modules.append(module)
            if chance.random() < 0.5:
                blocks[name]["norm"] = "batch"
                modules.append(nn.BatchNorm2d(made))
            continue
        if kind == "dense":
            bias = chance.random() < 0.7
            blocks[name] = {"type": "dense", "width": width, "bias": bias}
            modules.append(nn.Linear(read, width, bias=bias))
        elif kind == "convolution1":
            kernel1 = chance.randint(1, 9)
            blocks[name] = {"type": "convolution", "kernel": kernel1, "channels": width}
            modules.append(nn.Conv1d(read, width, kernel1))
        elif kind == "norm":
            blocks[name] = {"type": "norm", "over": "width"}
            modules.append(nn.LayerNorm(read))
            width = read
        elif kind in {"lstm", "gru"}:
            both = chance.random() < 0.5
            layers = chance.randint(1, 3)
            projection = chance.choice([0, width // 2]) if kind == "lstm" else 0
            blocks[name] = {
                "type": "recurrent",
                "cell_type": kind,
                "layers": layers,
                "cells": width,
                "bidirectional": both,
            }
            more = {"proj_size": projection} if projection else {}
            if projection:
                blocks[name]["recurrent_projection"] = projection
            modules.append(getattr(nn, kind.upper())(read, width, layers, bidirectional=both, device="meta", **more))
            width = (projection or width) * (2 if both else 1)
        elif kind == "multihead":
            blocks[f"{name}q"] = {"type": "dense", "width": width}
            modules.append(nn.Linear(read, width))
            tensors = ["query", "memory", "value", "output"]
            blocks[name] = {
                "type": "attention", "kind": "multihead", "query": f"{name}q", "memory": f"{name}q", "width": width, "heads": 4,
                "value": width, "biases": tensors,
            }  # fmt: skip
            # The same four matrices, three of them in one tensor there.
            modules.extend(nn.Linear(width, width) for _ in range(4))
        else:
            blocks[f"{name}in"] = {"type": "dense", "width": width}
            modules.append(nn.Linear(read, width))
            layers, forward = chance.randint(1, 2), chance.randint(1, 64)
            blocks[name] = {"type": "transformer", "width": width, "feed_forward": forward, "layers": layers}
            modules.extend(nn.TransformerEncoderLayer(width, 4, forward, device="meta") for _ in range(layers))
        channels, height = width, 1
    return {"convention": "pytorch", "blocks": blocks}, modules


@pytest.mark.parametrize("seed", range(0, 300, 25))
def test_random_chains(seed: int) -> None:
    for number in range(seed, seed + 25):
        model, modules = chain(random.Random(number))
        theirs = their_sizes(modules)
        assert count_model(model).weights == sum(size * times for size, times in theirs.items()), model
        transformers = any(block["type"] == "transformer" for block in model["blocks"].values())
        if not transformers:  # there, PyTorch holds three of the attention's matrices as one tensor
            ours = sizes(model)
            assert sorted(recurrent_as_theirs(model, ours).elements()) == sorted(theirs.elements()), model


def recurrent_as_theirs(model: dict[str, Any], ours: Counter[int]) -> Counter[int]:
    """Return our sizes with the two bias vectors of recurrent layers apart, and kernels with their own dimensions."""
    found = Counter(ours)
    for one in graph_of(model).blocks:
        if one.block.type.name == "recurrent":
            for group in one.groups:
                for tensor in group.tensors:
                    if tensor.name == "bias" and (size := int(tensor.weights(group.dimensions))):
                        found[size] -= int(group.times)
                        found[size // 2] += 2 * int(group.times)
        if one.block.type.name in {"dense", "convolution", "norm"}:
            continue
    return +found


def test_a_wrong_term_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    model = {
        "convention": "pytorch",
        "blocks": {"x": {"type": "input", "inputs": 7}, "a": {"type": "convolution", "kernel": 3, "channels": 5}},
    }
    right = count_model(model).weights
    assert right == sum(their_sizes([nn.Conv1d(7, 5, 3)]).elements())
    graph = graph_of(model)
    graph.blocks[1].groups[0].dimensions["kernel_time"] = 4  # type: ignore[index]
    assert count_graph(graph, model).weights != right


def test_macs_of_a_convolution_and_a_pyramid_are_those_that_torch_counts() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    frames, height = 64, 20
    model = {
        "convention": "pytorch",
        "blocks": {
            "image": {"type": "input", "channels": 1, "height": height},
            "conv": {"type": "convolution", "kernel": [3, 3], "stride": [2, 2], "padding": 1, "channels": 6},
            "dense": {"type": "dense", "width": 32, "bias": False},
            "half": {"type": "subsample", "factor": 2, "how": "stack"},
            "output": {"type": "dense", "width": 10, "bias": False},
        },
    }
    conv = nn.Conv2d(1, 6, 3, 2, 1, bias=False)
    dense, output = nn.Linear(6 * 10, 32, bias=False), nn.Linear(64, 10, bias=False)
    with FlopCounterMode(display=False) as counter:
        seen = conv(torch.zeros(1, 1, frames, height))
        seen = dense(seen.permute(0, 2, 1, 3).reshape(1, frames // 2, 60))
        output(seen.reshape(1, frames // 4, 64))
    found = count_model(model)
    assert found.macs["frames"] * frames * 2 == counter.get_total_flops()
    assert product([2, 3]) == 6
