"""The command fit as a person runs it: its screens, its table, its JSON and what it says of a question that is none."""

from __future__ import annotations

import json

import pytest

import sizer
from tests.commands import on_terminal, run

NETWORK = ("--inputs", "39", "--layers", "3", "--outputs", "34")
PYTORCH = ("--convention", "pytorch", "--cells", "512", *NETWORK)


def test_one_network_on_a_terminal() -> None:
    assert on_terminal("fit", "--budget", "10M", "--vary", "cells", *NETWORK) == (
        "textbook · lstm · 39 -> 3 x 702 -> 34 · no biases, no peepholes\n"
        "\n"
        "                                 cells     weights  of budget\n"
        "  the largest within 10,000,000    702   9,989,460      99.8%\n"
        "  the next one                     703  10,017,750     100.1%\n"
        "\n"
        "Next: sizer explain --convention textbook --cell-type lstm --inputs 39 --outputs 34 --layers 3 --cells 702\n"
        "exit 0"
    )


def test_a_pair_that_moves_together_and_a_bound_that_is_no_budget() -> None:
    linked = on_terminal(
        "fit",
        "--budget",
        "int8_bytes=2MB",
        "--vary",
        "cells,recurrent-projection=1/4",
        "--round-to",
        "8",
        "--step",
        "4",
        *NETWORK,
        "--no-peepholes",
    )
    assert linked == (
        "textbook · lstm · 39 -> 3 x 572 -> 34 · r = 144 · no biases, no peepholes\n"
        "\n"
        "                                cells  recurrent_projection  int8_bytes  of budget\n"
        "  the largest within 2,000,000    572                   144   1,988,592      99.4%\n"
        "  the next one                    576                   144   2,002,464     100.1%\n"
        "\n"
        "Next: sizer explain --convention textbook --cell-type lstm --inputs 39 --outputs 34 --layers 3 --no-peepholes"
        " --cells 572 --recurrent-projection 144\n"
        "exit 0"
    )
    bounded = on_terminal("fit", "--budget", "100M", "--vary", "recurrent_projection", *PYTORCH, "--bidirectional")
    assert bounded.splitlines()[2:] == [
        "                                  recurrent_projection     weights  of budget",
        "  the largest within 100,000,000                   511  16,440,286      16.4%",
        "",
        "No larger value is valid: pytorch needs recurrent_projection < cells.",
        "",
        "Next: sizer explain --convention pytorch --cell-type lstm --inputs 39 --outputs 34 --layers 3 --cells 512"
        " --bidirectional --recurrent-projection 511",
        "exit 0",
    ]


def test_nothing_fits_and_nothing_to_search_are_said_and_are_no_failures() -> None:
    assert on_terminal("fit", "--budget", "100", "--vary", "recurrent_projection", *PYTORCH) == (
        "pytorch · lstm · 39 inputs · 34 outputs · 3 layers · 512 cells\n"
        "\n"
        "                      recurrent_projection    weights     of budget\n"
        "  the smallest count                     1    104,004    104,004.0%\n"
        "  the smallest value                     0  5,352,482  5,352,482.0%\n"
        "\n"
        "Nothing fits: the smallest count is 104,004 weights, at recurrent_projection 1.\n"
        "exit 0"
    )
    assert on_terminal(
        "fit", "--budget", "embedding_weights=0", "--vary", "inputs", "--cells", "1", "--layers", "1", "--peepholes"
    ) == (
        "textbook · lstm · 1 layer · 1 cell · peepholes\n"
        "\n"
        "Nothing to search: inputs does not change embedding_weights, which is 0 for every valid value, within the"
        " budget.\n"
        "exit 0"
    )
    nothing = on_terminal("fit", "--budget", "state_size=0", "--vary", "cells", "--inputs", "3", "--layers", "1")
    assert "  the smallest count      1           2          -\n\nNothing fits" in nothing


def test_several_networks_are_a_table() -> None:
    question = ("fit", "--budget", "1M", "--vary", "cells,recurrent_projection=1/4", "--inputs", "80")
    several = ("--layers", "1,2", "--convention", "pytorch,keras")
    assert on_terminal(*question, *several, columns="200") == (
        "lstm · 80 inputs · at most 1,000,000 weights\n"
        "\n"
        "  convention  layers  cells  recurrent_projection  weights  of budget  next cells  next weights\n"
        "  pytorch          1    772                   193  998,196      99.8%         776     1,007,248\n"
        "  pytorch          2    488                   122  997,472      99.7%         492     1,012,536\n"
        "  keras            1      -                     -        -          -           -             -"
        "  keras has no projections\n"
        "  keras            2      -                     -        -          -           -             -"
        "  keras has no projections\n"
        "exit 0"
    )
    assert run(*question, *several).stdout == (
        "convention\tlayers\tcells\trecurrent_projection\tweights\tnext_cells\tnext_recurrent_projection\tnext_weights"
        "\toutcome\tnote\n"
        "pytorch\t1\t772\t193\t998196\t776\t194\t1007248\tfound\t\n"
        "pytorch\t2\t488\t122\t997472\t492\t123\t1012536\tfound\t\n"
        "keras\t1\t\t\t\t\t\t\trefused\tkeras has no projections\n"
        "keras\t2\t\t\t\t\t\t\trefused\tkeras has no projections\n"
    )
    one = run(*question, "--layers", "2", "--convention", "pytorch").stdout.splitlines()
    assert one[1] == "488\t122\t997472\t492\t123\t1012536\tfound\t"


def test_json_is_one_object() -> None:
    found = json.loads(run("fit", "--budget", "10M", "--vary", "cells", *NETWORK, "--json").stdout)
    assert found == {
        "vary": ["cells"],
        "budget": {"column": "weights", "max": 10_000_000},
        "fits": [
            {
                "fields": {"convention": "textbook", "cell_type": "lstm", "inputs": 39, "outputs": 34, "layers": 3},
                "outcome": "found",
                "largest": {"values": {"cells": 702}, "counted": 9_989_460, "weights": 9_989_460},
                "next": {"values": {"cells": 703}, "counted": 10_017_750, "weights": 10_017_750},
                "smallest": None,
                "note": None,
            }
        ],
    }
    faults = json.loads(run("fit", "--budget", "10X", "--vary", "cell", "--inputs", "x", "--json").stdout)
    assert [fault["path"] for fault in faults["faults"]] == ["--budget", "--inputs", "--vary"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--vary", "cells"), 2, "Missing option '--budget'"),
        (("--vary", "cells", "--budget", "10M", "--layers", "1,x", "--inputs", "3"), 1, "--layers: 'x' is not a size"),
        (
            ("--vary", "cells", "--budget", "1M", *NETWORK, "--convention", "keras", "--recurrent-projection", "8"),
            1,
            "--recurrent-projection: keras has no projections\n1 fault; nothing was counted\n",
        ),
    ],
)
def test_what_is_no_question(arguments: tuple[str, ...], code: int, said: str) -> None:
    done = run("fit", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_help_says_what_a_list_is() -> None:
    text = " ".join(run("fit", "--help").stdout.split())
    assert text.count("sizer fit --budget") == 2
    assert (
        "A comma list in a field means several networks, one row each. Without --layers, a list of cells or "
        "projections means one network with a width per layer, as everywhere else." in text
    )
    assert "Or one value per layer: 1024,512,256 (with --layers: several networks)." in text.replace(" │ │ ", " ")


WIDTHS = ("--inputs", "8", "--cells", "40,80,40")


def test_a_list_of_widths_is_one_network_where_no_layers_are_said() -> None:
    found = json.loads(run("fit", *WIDTHS, "--vary", "outputs", "--budget", "100K", "--json").stdout)["fits"]
    assert [one["fields"]["cells"] for one in found] == [[40, 80, 40]]
    fields = {**found[0]["fields"], **found[0]["largest"]["values"]}
    assert sizer.count(fields).weights == found[0]["largest"]["weights"] == 100_000
    screen = on_terminal("fit", *WIDTHS, "--vary", "outputs", "--budget", "100K")
    assert screen.startswith("textbook · lstm · 8 -> 40, 80, 40 -> 868 · no biases, no peepholes\n")
    assert "--cells 40,80,40 --outputs 868\n" in screen
    several = json.loads(run("fit", *WIDTHS, "--vary", "layers", "--budget", "100K", "--json").stdout)["fits"]
    assert [one["fields"]["cells"] for one in several] == [40, 80, 40]


def test_a_list_of_widths_is_the_same_network_in_every_command() -> None:
    weights = sizer.count({"convention": "textbook", "cell_type": "lstm", "inputs": 8, "cells": [40, 80, 40]}).weights
    assert weights == 65_280
    assert json.loads(run("explain", *WIDTHS, "--json").stdout)["weights"] == weights
    readings = json.loads(run("compare", *WIDTHS, "--json").stdout)["readings"]
    assert readings[0]["weights"] == weights
    assert json.loads(run("compare", *WIDTHS, "--claim", "65,280", "--json").stdout)["plain"]["weights"] == weights
    for framework in ("torch", "keras"):
        assert f"exactly {weights:,} weights" in run("code", *WIDTHS, "--to", framework).stdout
