"""explain at a glance: what stands in all adds up to the total, on the screen, in a pipe and as JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import sizer
from sizer.cli.screens import explain_screen, explain_table, share_words
from tests.commands import on_terminal, run

NETWORKS: dict[str, dict[str, Any]] = {
    "plain": {"convention": "textbook", "cell_type": "lstm", "inputs": 39, "layers": 3, "cells": 1024, "outputs": 34},
    "one layer": {"convention": "pytorch", "cell_type": "gru", "inputs": 39, "layers": 1, "cells": 8},
    "both directions": {
        **{"convention": "graves2013", "cell_type": "lstm", "inputs": 39, "layers": 4, "cells": 64, "outputs": 5},
        **{"bidirectional": True, "recurrent_projection": 8, "nonrecurrent_projection": 4, "other_weights": 77},
    },
    "tied": {
        **{"convention": "pytorch", "cell_type": "lstm", "vocabulary": 10_000, "embedding": 400, "outputs": 10_000},
        **{"cells": [1150, 1150, 400], "tied_embedding": True},
    },
    "shared by both directions": {
        **{"convention": "pytorch", "cell_type": "ligru", "inputs": 40, "layers": 3, "cells": 16},
        **{"bidirectional": True},
    },
}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_stands_in_all_adds_up_to_the_total(name: str) -> None:
    breakdown = sizer.explain(NETWORKS[name])
    text = explain_screen(breakdown)
    table = text.split("\n\n")[1].splitlines()
    tensors, sums, alone = 0, 0, 0
    for line in table[1:-1]:
        number = re.search(r"([\d,]+) +[<>]?[\d.]+%$", line)
        value = int(number[1].replace(",", "")) if number else 0
        if line.startswith("    "):
            tensors += value
        else:
            sums += value
            alone += number is None
    last = re.fullmatch(r"  weights +\S* +([\d,]+) +100\.0%", table[-1])
    assert last is not None
    total = int(last[1].replace(",", ""))
    assert total == breakdown.count.weights == tensors
    # A group of one tensor has its sum in that tensor's line.
    single = sum(section.weights for section in breakdown.sections if len(section.lines) == 1)
    assert sums + single == total
    assert ("each" in table[0].split()) == any(section.times > 1 for section in breakdown.sections)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_facts_in_a_pipe(name: str) -> None:
    breakdown = sizer.explain(NETWORKS[name])
    above, below = explain_table(breakdown).split("\n\n")
    header, *rows = [line.split("\t") for line in above.splitlines()]
    counted = breakdown.count
    for column, total in (("weights_in_all", counted.weights), ("macs_in_all", counted.macs_per_step)):
        assert sum(int(row[header.index(column)]) for row in rows) == total
    facts = dict(line.split("\t") for line in below.splitlines())
    assert facts["weights"] == str(counted.weights)
    assert facts["macs_per_step"] == str(counted.macs_per_step)
    assert facts["state_size"] == str(counted.state_size)
    assert facts["formula"] == breakdown.formula
    assert facts["network"].startswith(f"{counted.configuration['convention']} · {counted.configuration['cell_type']}")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_facts_as_json(name: str) -> None:
    found = sizer.explain(NETWORKS[name]).as_json()
    tensors = [tensor for section in found["sections"] for tensor in section["tensors"]]
    assert sum(tensor["weights_in_all"] for tensor in tensors) == found["weights"]
    assert sum(section["weights"] for section in found["sections"]) == found["weights"]
    assert sum(tensor["share"] for tensor in tensors) == pytest.approx(1)
    assert sum(section["share"] for section in found["sections"]) == pytest.approx(1)


def test_shares_say_what_is_there() -> None:
    shown = {share_words(part, 3000) for part in range(3001)}
    assert share_words(0, 3000) == "0.0%"
    assert share_words(3000, 3000) == "100.0%"
    assert share_words(1, 3000) == "<0.1%"
    assert share_words(2999, 3000) == ">99.9%"
    assert {"0.1%", "50.0%", "99.9%"} <= shown
    assert sum(share_words(part, 3000) in {"0.0%", "100.0%"} for part in range(3001)) == 2


def test_a_model_of_blocks_in_a_pipe() -> None:
    above, below = run("explain", "docs/keywords.yaml").stdout.split("\n\n")
    header, *rows = [line.split("\t") for line in above.splitlines()]
    assert sum(int(row[header.index("weights_in_all")]) for row in rows) == 75_432
    facts = dict(line.split("\t") for line in below.splitlines())
    assert (facts["weights"], facts["macs_per_frames"], facts["macs_per_sequence"]) == ("75432", "37320", "6048")


OPTIONS = (
    *("--inputs", "39", "--layers", "3", "--cells", "64", "--outputs", "34", "--bidirectional", "--summed-directions"),
    *("--no-output-bias", "--projection-bias", "--bias-vectors", "1", "--other-weights", "5", "--peepholes"),
    *("--recurrent-projection", "8", "--nonrecurrent-projection", "4", "--skip-connections", "--only-recurrent-up"),
)


def test_the_heading_of_compare_names_every_option_that_is_set() -> None:
    heading = on_terminal("compare", *OPTIONS, columns="300").splitlines()[0]
    for words in (
        "39 -> 3 x 64 -> 34",
        "r = 8",
        "p = 4",
        "other weights 5",
        "bidirectional",
        "summed directions",
        "skip connections",
        "only recurrent up",
        "peepholes",
        "projection bias",
        "no output bias",
        "one bias vector per gate",
    ):
        assert words in heading.split(" · "), words
    for cell, option, words in (("qrnn", "--window", "window 3"), ("lstmb", "--bottleneck", "bottleneck 3")):
        other = on_terminal("compare", "--cell-type", cell, *OPTIONS[:6], option, "3", columns="300")
        assert words in other.splitlines()[0].split(" · ")
    found = json.loads(run("compare", *OPTIONS, "--json").stdout)["network"]
    assert (found["bias_vectors"], found["only_recurrent_up"], found["output_bias"]) == ("1", True, False)
