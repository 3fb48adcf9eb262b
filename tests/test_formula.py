"""The formula in words is the count: read as Python, with the fields' values, it gives the weights."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings

from sizer.errors import InputError
from sizer.networks.counting import described, read
from sizer.networks.formula import formula
from sizer.questions.breakdown import Breakdown, explain
from tests.examples import QUICK, examples, share
from tests.oracles.configurations import networks
from tests.oracles.worked_cases import WORKED, Worked
from tests.oracles.worked_cells import WORKED_CELLS, WORKED_OWN_CELLS


def values_of(network: dict[str, Any]) -> dict[str, int]:
    """Return what each name of a formula stands for; of a list per layer, `cells_1` is the first value."""
    found: dict[str, int] = {}
    for name, value in described(network).fields.items():
        if isinstance(value, tuple):
            found |= {f"{name}_{number}": one for number, one in enumerate(value, start=1)}
        elif isinstance(value, int):
            found[name] = value
    return found


def assert_formula_holds(network: dict[str, Any]) -> Breakdown:
    breakdown = explain(network)
    words = breakdown.formula
    assert re.fullmatch(r"[a-z0-9_ +*()]+", words)
    assert eval(words, {"__builtins__": {}}, values_of(network)) == breakdown.count.weights
    assert words == formula(read(network, in_words=True))
    return breakdown


@pytest.mark.parametrize("case", [*WORKED, *WORKED_CELLS, *WORKED_OWN_CELLS], ids=lambda case: case.name)
def test_formula_of_a_network_worked_by_hand(case: Worked) -> None:
    breakdown = assert_formula_holds(case.network)
    lines = [(section.times, line) for section in breakdown.sections for line in section.lines]

    assert sum(times * line.weights for times, line in lines) == breakdown.count.weights
    assert sum(times * line.macs_per_step for times, line in lines) == case.macs_per_step


@pytest.mark.parametrize("more", [False, True], ids=["lstm-gru-rnn", "more-cells"])
def test_formula_of_any_network(*, more: bool) -> None:
    accepted = 0

    @settings(max_examples=examples(700), deadline=None, database=None, derandomize=True)
    @given(networks(more=more))
    def hold(network: dict[str, Any]) -> None:
        nonlocal accepted
        try:
            read(network)
        except InputError:
            return
        accepted += 1
        breakdown = assert_formula_holds(network)
        lines = [(section.times, line) for section in breakdown.sections for line in section.lines]
        assert sum(times * line.weights for times, line in lines) == breakdown.count.weights
        assert sum(times * line.macs_per_step for times, line in lines) == breakdown.count.macs_per_step

    hold()
    assert accepted > (share(50) if QUICK else 100)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            {
                "cell_type": "rnnp",
                "layers": 3,
                "nonrecurrent_projection": 11,
                "bidirectional": True,
                "projection_bias": False,
                "bias_vectors": 0,
            },
            "2 * 4*cells*(inputs + cells) + 2*cells*nonrecurrent_projection"
            " + 4 * 4*cells*(nonrecurrent_projection + cells) + 2 * 2*cells*nonrecurrent_projection",
        ),
        (
            {"cell_type": "ligru", "layers": 2, "bidirectional": True, "convention": "textbook"},
            "2*cells*(inputs + cells) + 2*cells*(2*cells + cells)",
        ),
        ({"cell_type": "qrnn", "layers": 1, "bias_vectors": 0}, "3*cells*inputs"),
        ({"cell_type": "qrnn", "layers": 1, "bias_vectors": 0, "window": 2}, "3*cells*window*inputs"),
        (
            {"cell_type": "lstmb", "layers": 1, "convention": "textbook", "bottleneck": 2},
            "bottleneck*(inputs + cells) + 4*cells*bottleneck",
        ),
    ],
)
def test_words(network: dict[str, Any], words: str) -> None:
    assert formula(read({"convention": "pytorch", "inputs": 3, "cells": 5} | network, in_words=True)) == words


def test_titles_say_which_directions() -> None:
    network = {"convention": "pytorch", "cell_type": "rnnp", "inputs": 3, "layers": 3, "cells": 5}
    sections = explain(network | {"nonrecurrent_projection": 11, "bidirectional": True}).sections
    assert [(section.title, section.times) for section in sections] == [
        ("layer 1, each direction", 2),
        ("layer 1, on the joined directions", 1),
        ("layers 2-3, each direction", 4),
        ("layers 2-3, each, on the joined directions", 2),
    ]
    sections = explain(network | {"cell_type": "ligru", "bidirectional": True}).sections
    assert [(section.title, section.times) for section in sections] == [
        ("layer 1, shared by both directions", 1),
        ("layers 2-3, each, shared by both directions", 2),
    ]
    sections = explain(network | {"nonrecurrent_projection": 11}).sections
    assert [(section.title, section.times) for section in sections] == [("layer 1", 1), ("layers 2-3, each", 2)]
