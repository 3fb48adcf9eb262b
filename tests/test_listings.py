"""What there is to say, as commands: conventions as a table and as cards, fields, columns; and one number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sizer
from sizer.networks.aliases import TOOLKITS
from sizer.networks.blocks.types import BLOCK_TYPES
from sizer.networks.columns import COUNTED
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import CHOICES
from sizer.networks.fields import FIELDS
from sizer.sweepfile.bounds import KNOWN_COLUMNS
from tests.commands import on_terminal, run

LISTINGS = [
    ("conventions",),
    *(("conventions", name) for name in CONVENTIONS),
    ("fields",),
    *(("fields", name) for name in BLOCK_TYPES),
    ("columns",),
]


@pytest.mark.parametrize("words", LISTINGS, ids=" ".join)
@pytest.mark.parametrize("columns", [80, 120])
def test_a_listing_fits_the_terminal(words: tuple[str, ...], columns: int) -> None:
    text = on_terminal(*words, columns=str(columns))
    assert text.endswith("exit 0")
    assert [line for line in text.splitlines() if len(line) > columns] == []
    assert "…" not in text


def test_the_table_of_conventions_is_aligned_at_80_columns() -> None:
    lines = on_terminal("conventions", columns="80").splitlines()
    table = [line for line in lines if line.startswith("  ") and line.split()[0] in CONVENTIONS][: len(CONVENTIONS)]
    assert [line.split()[0] for line in table] == list(CONVENTIONS)
    heading = next(line for line in lines if line.startswith("  convention "))
    for word in ("lstm", "gru", "rnn", "peepholes", "projections"):
        at = heading.index(f" {word}")
        assert {line[at] for line in table} == {" "}
        assert " " not in {line[at + 1] for line in table}


def test_a_card_says_all_of_one_convention() -> None:
    card = " ".join(on_terminal("conventions", "pytorch", columns="80").split())
    assert card.startswith("pytorch · two bias vectors (cuDNN's layout)")
    for words in (
        "bias vectors per gate: lstm 2 · gru 2 · rnn 2",
        "peepholes never",
        "projections recurrent_projection",
        "refused needs recurrent_projection < cells; has no nonrecurrent_projection",
        "other names cudnn, for lstm, gru, rnn; onnx, for lstm, gru, rnn",
        "source torch.nn.LSTM",
    ):
        assert words in card
    cards = on_terminal("conventions", "keras", "cudnn", columns="80")
    assert "keras · " in cards
    assert "pytorch · two bias vectors (cuDNN's layout) · cudnn is counted as pytorch" in cards
    assert "the recurrent and" not in cards


def test_conventions_in_a_pipe_and_as_json() -> None:
    lines = run("conventions", "pytorch").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["convention", "pytorch"]
    assert len(run("conventions").stdout.splitlines()) == 1 + len(CONVENTIONS)
    (found,) = json.loads(run("conventions", "flax", "--json").stdout)["conventions"]
    assert (found["convention"], found["other_names"]) == ("flax", ["equinox", "nnx"])
    assert {name for name, one in TOOLKITS.items() if one.convention == "flax"} == set(found["other_names"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("conventions", "PyTorch"), "NAME: no convention named 'PyTorch'; did you mean 'pytorch'?"),
        (("conventions", "kaldi"), "NAME: no convention named 'kaldi'; did you mean 'kaldi_nnet3'?"),
        (("fields", "linear"), "TYPE: no type of block named 'linear'; did you mean 'dense'?"),
        (("fields", "zzz"), "TYPE: no type of block named 'zzz'; one of input, embedding, dense"),
    ],
)
def test_what_there_is_not(words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(said)


def test_fields() -> None:
    found = json.loads(run("fields", "--json").stdout)
    assert [one["field"] for one in found["fields"]] == list(FIELDS)
    assert found["block_types"] == list(BLOCK_TYPES)
    by_name = {one["field"]: one for one in found["fields"]}
    assert by_name["cell_type"]["words"] == list(CHOICES["cell_type"])
    assert (by_name["cells"]["required"], by_name["cells"]["minimum"], by_name["cells"]["per_layer"]) == (True, 1, True)
    table = run("fields").stdout.splitlines()
    assert [line.split("\t")[0] for line in table] == ["field", *FIELDS]
    for name, block in BLOCK_TYPES.items():
        found = json.loads(run("fields", name, "--json").stdout)
        assert [one["field"] for one in found["fields"]] == list(block.by_field)


def test_columns() -> None:
    found = json.loads(run("columns", "--json").stdout)["columns"]
    assert {one["column"] for one in found} == set(KNOWN_COLUMNS)
    assert [one["column"] for one in found if one["kind"] == "counted"] == list(COUNTED)
    parts = {one["column"] for one in found if one["part"]}
    assert parts == set(sizer.count({"cell_type": "rnn", "inputs": 1, "layers": 1, "cells": 1}).parts)


def test_the_number_alone() -> None:
    """The 12,926,976 of `torch.nn.LSTM(80, 1024, 2)`, PyTorch's own count."""
    words = ("count", "--convention", "pytorch", "--inputs", "80", "--layers", "2", "--cells", "1024")
    done = run(*words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "12926976\n", "")
    assert on_terminal(*words) == "12926976\nexit 0"
    found = json.loads(run(*words, "--json").stdout)
    assert (found["weights"], found["notes"], found["configuration"]["cells"]) == (12926976, [], 1024)
    assert set(COUNTED) < set(found)
    other = run(*("cudnn" if word == "pytorch" else word for word in words))
    assert (other.stdout, other.stderr) == ("12926976\n", "cudnn is counted as pytorch\n")


def test_the_number_of_a_file(tmp_path: Path) -> None:
    """A keyword spotter's 75,432 weights, and a configuration of a sweep as its table has it."""
    assert run("count", "docs/keywords.yaml").stdout == "75432\n"
    assert run("count", "sweeps/speech.yaml", "--id", "2909").stdout == "9961664\n"
    assert json.loads(run("count", "docs/keywords.yaml", "--json").stdout)["weights"] == 75432
    assert run("count", "--id", "3").returncode == 2
    assert run("count", "sweeps/speech.yaml", "--cells", "3").returncode == 2
    assert run("count", tmp_path / "none.yaml").returncode == 1


def test_query_says_once_what_is_the_same_in_every_row(tmp_path: Path) -> None:
    assert (
        run("run", "sweeps/speech.yaml", "--out", tmp_path, "--columns", "all", "--format", "parquet").returncode == 0
    )
    table = str(tmp_path / "speech.parquet")
    screen = on_terminal("query", table, "--where", "layers == 2", "--sort=-weights", "--top", "3", columns="200")
    assert "\nin every row: convention sak2014, cell_type lstm, inputs 39, outputs 34, layers 2," in screen
    header = next(line for line in screen.splitlines() if " id " in line).split()
    assert {"id", "cells", "weights"} <= set(header)
    assert not {"layers", "convention", "outputs", "bias", "window"} & set(header)
    # What was asked for stays, and so does everything in a pipe, in JSON and in files.
    asked = on_terminal("query", table, "--columns", "cell_type,weights", "--top", "2", columns="80")
    assert "cell_type" in asked
    assert "in every row" not in asked
    assert run("query", table, "--top", "2").stdout.splitlines()[0].split("\t") == list(KNOWN_COLUMNS)
    assert "layers" in on_terminal("query", table, "--top", "1", columns="80")  # of one row all is the same
