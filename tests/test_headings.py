"""What stands above a network on a screen: every option that is set, and no bias denied that is counted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from sizer.cli import screens
from sizer.cli.screens import network_heading
from sizer.networks.conventions import cell_of
from sizer.networks.counting import count
from sizer.questions.breakdown import assumptions, counted_assumptions, explain
from sizer.questions.comparison import compare
from tests.commands import on_terminal, run
from tests.examples import examples, saw, seeing
from tests.oracles.configurations import networks
from tests.oracles.slow_twin import slow_valid

SMALL = {"cell_type": "lstm", "inputs": 10, "layers": 2, "cells": 5}
OWN = {
    "mine": {
        "tensors": {
            "input_weights": [2, "cells", "input"],
            "gate_bias": {"shape": [18], "part": "bias_weights"},
            "gains": {"shape": ["cells"], "part": "bias_weights", "when": "vectors"},
        },
        "recurs": "cells",
        "hands_up": "cells",
    }
}


@pytest.mark.parametrize(
    ("convention", "weights", "words"),
    [
        ("textbook", 18, "vectors of its own (gate bias)"),
        ("pytorch", 23, "vectors of its own (gate bias, gains)"),
    ],
)
def test_biases_of_an_own_cell_are_not_denied(convention: str, weights: int, words: str) -> None:
    counted = count({**SMALL, "layers": 1, "convention": convention, "cell_type": "mine"}, cell_types=OWN)
    assert counted.parts["bias_weights"] == weights
    assert counted_assumptions(counted) == words


def test_own_cell_is_explained_with_its_biases(tmp_path: Path) -> None:
    sweep = tmp_path / "own.yaml"
    sweep.write_text(
        "sizer: 1\nname: own\n"
        "cell_types:\n  mine:\n    tensors:\n      input_weights: [2, cells, input]\n"
        "      bias: {shape: [18], part: bias_weights}\n    recurs: cells\n    hands_up: cells\n"
        "model: {convention: textbook, cell_type: mine, inputs: 10, layers: 1}\ngrid:\n  cells: [10, 20]\n"
    )
    screen = on_terminal("explain", str(sweep), "--id", "0")
    assert screen.startswith("textbook · mine · 10 -> 1 x 10 · vectors of its own (bias)\n")
    screen = on_terminal("run", str(sweep), "--out", str(tmp_path))
    assert "textbook · mine · 10 inputs · 1 layer · vectors of its own (bias)\n" in screen


@seeing(biases=12, none=8)
@settings(
    max_examples=examples(60),
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(networks(more=True))
def test_no_biases_are_said_where_none_are_counted_and_only_there(network: dict[str, Any]) -> None:
    assume(slow_valid(network))
    counted = count(network)
    assert ("no biases" in counted_assumptions(counted)) == (counted.parts["bias_weights"] == 0)
    saw("biases" if counted.parts["bias_weights"] else "none")


def test_candidate_has_no_bias_of_its_own_where_the_number_of_biases_was_set() -> None:
    gru = {"convention": "flax", "cell_type": "gru", "inputs": 4, "layers": 1, "cells": 8}
    assert counted_assumptions(count(gru)) == "one bias vector per gate and one on the candidate"
    assert assumptions(count(gru).configuration, cell_of(gru)) == "one bias vector per gate and one on the candidate"
    assert counted_assumptions(count({**gru, "bias_vectors": 1})) == "one bias vector per gate"


def test_layers_without_a_projection_have_no_bias_on_it() -> None:
    listed = {"convention": "kaldi_nnet3", "cell_type": "lstm", "inputs": 4, "cells": [8, 6]}
    assert counted_assumptions(count(listed)) == "one bias vector per gate, peepholes"


def test_every_size_that_is_set_stands_in_the_heading() -> None:
    bottleneck = {"convention": "kaldi_nnet3", "cell_type": "lstmb", "inputs": 4, "layers": 1, "cells": 8}
    heading = network_heading(explain({**bottleneck, "bottleneck": 3, "other_weights": 1000}).count)
    assert heading.startswith("kaldi_nnet3 · lstmb · 4 -> 1 x 8 · bottleneck 3 · other weights 1,000 · ")
    window = {"convention": "pytorch", "cell_type": "qrnn", "inputs": 4, "layers": 1, "cells": 8, "window": 2}
    assert " · window 2 · " in network_heading(count(window))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ""),
        ({"bidirectional": True}, " · bidirectional"),
        ({"bidirectional": True, "summed_directions": True}, " · bidirectional · summed directions"),
        ({"skip_connections": True}, " · skip connections"),
        ({"peepholes": True}, " · peepholes"),
        ({"peepholes": False}, " · no peepholes"),
        ({"bias_vectors": 2}, " · two bias vectors per gate"),
        ({"bias_vectors": "0"}, " · no bias vector per gate"),
        ({"output_bias": False}, " · no output bias"),
        ({"recurrent_projection": 3, "projection_bias": True}, " · r = 3 · projection bias"),
        ({"other_weights": 7}, " · other weights 7"),
        (
            {"recurrent_projection": 2, "nonrecurrent_projection": 1, "only_recurrent_up": True},
            " · r = 2 · p = 1 · only recurrent up",
        ),
    ],
)
def test_comparison_names_every_option_that_is_set(options: dict[str, Any], words: str) -> None:
    network = {**SMALL, **options}
    assert screens.compare_screen(compare(network), network).splitlines()[0] == f"lstm · 10 -> 2 x 5{words}"


def test_comparison_of_a_tied_embedding_says_so() -> None:
    options = ("--vocabulary", "10", "--embedding", "5", "--outputs", "10", "--cells", "5", "--layers", "1")
    tied, untied = on_terminal("compare", *options, "--tied-embedding"), on_terminal("compare", *options)
    assert (tied.splitlines()[0], untied.splitlines()[0]) == (
        "lstm · 10 x 5 -> 1 x 5 -> 10 · tied embedding",
        "lstm · 10 x 5 -> 1 x 5 -> 10",
    )


def test_comparison_in_a_pipe_is_the_table_alone() -> None:
    done = run("compare", "--inputs", "10", "--layers", "2", "--cells", "5", "--bidirectional")
    assert re.match(r"convention\tweights\tdifference\twhy\n", done.stdout)
