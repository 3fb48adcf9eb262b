"""Models of blocks against PyTorch: random chains built and run beside the count on the meta device, every tensor compared."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from sizer.frameworks.blocks.torch_code import placed_blocks
from sizer.frameworks.blocks.torch_names import tensors_of, torch_shapes
from sizer.networks.blocks.counting import count_model, graph_of
from tests.oracles.torch_blocks import EVEN, IMAGES, KINDS, STEPS, Chain, random_chain

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `frameworks`)")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
SHARES = 20
"""How many parts the random chains are tried in."""


def chain_of(seed: object) -> Chain:
    with torch.device("meta"):
        return random_chain(random.Random(f"chain {seed}"))


def our_shapes(model: dict[str, Any]) -> dict[str, Counter[tuple[int, ...]]]:
    """Return the shapes of every block's tensors, as PyTorch has them."""
    found = {}
    for key, block in placed_blocks(graph_of(model)).items():
        if block.wired.block.type.name == "crf":
            shapes = Counter(tensors_of(block.wired)[0].values())
        else:
            shapes = Counter(torch_shapes(block, "it").values())
        found[key[0]] = shapes
    return {path: shapes for path, shapes in found.items() if shapes}


def differs(chain: Chain) -> str:
    """Return what of a chain PyTorch has otherwise; empty where nothing."""
    try:
        ours = our_shapes(chain.model)
    except Exception as problem:
        return f"{chain.blocks}: {problem!r}"
    theirs = chain.shapes()
    for path in {**ours, **theirs}:
        if ours.get(path) != theirs.get(path):
            return f"{path} of {chain.blocks}: {ours.get(path)}, and PyTorch has {theirs.get(path)}"
    handed = placed_blocks(graph_of(chain.model))
    up = [*handed.values()][-1].up
    channels, height = (chain.value.shape[1], chain.value.shape[3]) if chain.value.dim() == 4 else (chain.width, 1)
    if (up.width, up.height) != (channels * height, height):
        return f"{chain.blocks} hand up {up}, and in PyTorch {channels} x {height}"
    if count_model(chain.model).weights != chain.weights():
        return f"{chain.blocks} have {count_model(chain.model).weights}, and in PyTorch {chain.weights()}"
    return ""


@pytest.mark.parametrize("kind", dict.fromkeys([*KINDS, *IMAGES]), ids=lambda kind: kind.__name__)
def test_random_chains(kind: Any) -> None:
    """A few of each kind of block; `test_thousands_of_random_chains` tries them all together."""
    for number in range(2):
        with torch.device("meta"):
            chain = random_chain(random.Random(f"{kind.__name__} {number}"), 1)
            if kind in KINDS or chain.value.dim() == 4:
                kind(chain)
        assert differs(chain) == ""


@pytest.mark.thorough
@pytest.mark.parametrize("share", range(SHARES))
def test_thousands_of_random_chains(share: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(100):
        chain = chain_of(f"{share} {number}")
        assert differs(chain) == ""
        seen.update(chain.run)
    assert min(seen[kind] for kind in ("dense", "convolution", "recurrent", "transformer", "attention")) > 5


def counted_macs(chain: Chain, flops: int) -> str:
    """Return what of a chain's multiply-accumulates PyTorch counts otherwise; empty where nothing."""
    found = count_model(chain.model).macs.get("frames", 0) * STEPS * 2
    return "" if found == flops else f"{chain.blocks}: {found}, and PyTorch counts {flops}"


def even_chain(seed: object, kind: Any = None) -> tuple[Chain, int]:
    """Return a chain whose steps come out even, and the operations that PyTorch counts as it runs."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.device("meta"), torch.no_grad():
        chain = random_chain(random.Random(f"even {seed}"), 5 if kind is None else 1, even=True)
        if kind is not None and (kind in KINDS or chain.value.dim() == 4):
            kind(chain)
    return chain, counter.get_total_flops()


@pytest.mark.parametrize("kind", dict.fromkeys([*EVEN, *IMAGES]), ids=lambda kind: kind.__name__)
def test_macs_of_random_chains_are_those_that_pytorch_counts(kind: Any) -> None:
    for number in range(2):
        chain, flops = even_chain(f"{kind.__name__} {number}", kind)
        assert counted_macs(chain, flops) == ""


@pytest.mark.thorough
@pytest.mark.parametrize("share", range(SHARES))
def test_macs_of_hundreds_of_random_chains_are_those_that_pytorch_counts(share: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(20):
        chain, flops = even_chain(f"{share} {number}")
        assert counted_macs(chain, flops) == ""
        seen.update(chain.run)
    assert min(seen[kind] for kind in ("dense", "convolution", "recurrent")) > 1


def test_macs_of_a_convolution_and_a_pyramid_of_projected_layers() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    time, height = 64, 20
    blocks = {
        "image": {"type": "input", "channels": 1, "height": height},
        "conv": {"type": "convolution", "kernel": [3, 3], "stride": [2, 2], "padding": 1, "channels": 6},
        "encoder": {
            "type": "recurrent", "cells": [32, 24, 16], "recurrent_projection": [16, 12, 8], "bidirectional": True,
            "subsample": [2, 2, 1], "subsample_how": "stack",
        },
        "back": {"type": "convolution", "kernel": 4, "stride": 2, "padding": 1, "transposed": True, "channels": 10},
        "output": {"type": "dense", "width": 5},
    }  # fmt: skip
    with FlopCounterMode(display=False) as counter, torch.device("meta"), torch.no_grad():
        steps = nn.Conv2d(1, 6, 3, 2, 1)(torch.zeros(1, 1, time, height)).transpose(1, 2).flatten(2)
        for inputs, cells, projection, factor in ((60, 32, 16, 2), (64, 24, 12, 2), (48, 16, 8, 1)):
            layer = nn.LSTM(inputs, cells, bidirectional=True, proj_size=projection, batch_first=True)
            steps = layer(steps)[0].unflatten(1, (-1, factor)).flatten(2)
        steps = nn.ConvTranspose1d(16, 10, 4, 2, 1)(steps.transpose(1, 2)).transpose(1, 2)
        assert steps.shape == (1, time // 4, 10)
        nn.Linear(10, 5)(steps)
    found = count_model({"convention": "pytorch", "blocks": blocks})
    assert found.macs["frames"] * time * 2 == counter.get_total_flops()


def test_a_wrong_term_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = next(chain for chain in map(chain_of, range(99)) if "recurrent" in chain.run)
    assert differs(chain) == ""
    monkeypatch.setattr("sizer.networks.network.product", lambda factors: 1)
    assert differs(chain) != ""
