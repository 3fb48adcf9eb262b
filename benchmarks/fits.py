"""Does this one fit? One network after the other, as a running search asks, each of other sizes."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
from measuring import rates, report

import sizer

LIMIT = 10_000_000
NETWORKS = 20_000


def networks(number: int) -> list[dict[str, Any]]:
    """Return networks as a sampler suggests them."""
    chance = random.Random(3)
    return [
        {
            "convention": "pytorch",
            "cell_type": "lstm",
            "inputs": 80,
            "layers": chance.randint(1, 6),
            "cells": chance.randint(64, 2048),
            "bidirectional": chance.random() < 0.5,
        }
        for _ in range(number)
    ]


def built(network: dict[str, Any]) -> bool:
    """Return whether PyTorch's module, without memory for its weights, is within the limit."""
    module = torch.nn.LSTM(
        80, network["cells"], network["layers"], bidirectional=network["bidirectional"], device="meta"
    )
    return sum(parameter.numel() for parameter in module.parameters()) <= LIMIT


def main() -> None:
    """Measure."""
    asked = networks(NETWORKS)

    def of_all(fits: Callable[[dict[str, Any]], bool], number: int) -> tuple[int, Callable[[], int]]:
        return number, lambda: sum(map(fits, asked[:number]))

    ways = {
        "sizer.fits": of_all(lambda network: sizer.fits(network, LIMIT), NETWORKS),
        "sizer.count": of_all(lambda network: sizer.count(network).weights <= LIMIT, 1000),
        "torch.nn.LSTM(device='meta')": of_all(built, 300),
    }
    assert [sizer.fits(network, LIMIT) for network in asked[:300]] == [built(network) for network in asked[:300]]
    report("networks within 10M weights, asked one by one", rates(ways, 5), "sizer.fits")


if __name__ == "__main__":
    main()
