"""Random networks that a framework can build: every field that one of them knows."""

from __future__ import annotations

import random
from typing import Any

from sizer.networks.counting import read

BIASES: dict[str, dict[str, tuple[int, ...]]] = {
    "torch": {"lstm": (0, 2), "gru": (0, 2), "rnn": (0, 2)},
    "keras": {"lstm": (0, 1), "gru": (0, 1, 2), "rnn": (0, 1)},
}
"""The bias vectors per gate that each framework can build; the last is its own."""


def random_network(chance: random.Random, convention: str, cell_type: str, largest: int) -> dict[str, Any]:
    """Return the fields of one network.

    Args:
        chance: where every choice comes from.
        convention: `pytorch`, `keras`, `tensorflow1` or `flax`.
        cell_type: `lstm`, `gru` or `rnn`.
        largest: of every width.
    """
    layers = chance.randint(1, 5)
    fields: dict[str, Any] = {
        "convention": convention,
        "cell_type": cell_type,
        "layers": layers,
        "cells": chance.randint(2, largest),
        "bidirectional": chance.random() < 0.5,
        "skip_connections": chance.random() < 0.3,
        "outputs": chance.choice([0, chance.randint(1, largest)]),
    }
    if fields["bidirectional"]:
        fields["summed_directions"] = chance.random() < 0.4
    if chance.random() < 0.3:
        # Few widths, so that some neighbours are alike.
        widths = [chance.randint(2, largest) for _ in range(3)]
        fields["cells"] = [chance.choice(widths) for _ in range(layers)]
    if cell_type == "lstm" and convention == "pytorch" and chance.random() < 0.6:
        cells = fields["cells"]
        fields["recurrent_projection"] = (
            [chance.randint(0, one - 1) for one in cells] if isinstance(cells, list) else chance.randint(0, cells - 1)
        )
    if convention in {"pytorch", "keras"} and chance.random() < 0.4:
        framework = "torch" if convention == "pytorch" else convention
        fields["bias_vectors"] = chance.choice(BIASES[framework][cell_type])
    if chance.random() < 0.4:
        fields["output_bias"] = chance.random() < 0.5
    if chance.random() < 0.2:
        fields["other_weights"] = chance.randint(1, 1000)
    if chance.random() < 0.4:
        fields |= {"vocabulary": chance.randint(1, largest), "embedding": chance.randint(1, largest)}
        if chance.random() < 0.5:
            fields["embedding"] = read(fields).fed
            fields |= {"tied_embedding": True, "outputs": fields["vocabulary"]}
    else:
        fields["inputs"] = chance.randint(1, largest)
    return fields
