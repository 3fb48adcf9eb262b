"""The command look as a person runs it: its screen, its table, its JSON, what it writes, and what it says of no model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sizer
from sizer.sweepfile.model_file import load_model
from tests.commands import on_terminal, run
from tests.saved_models import write_safetensors

SHAPES: dict[str, list[int]] = {
    "embedding.weight": [1000, 80],
    "rnn.weight_ih_l0": [4096, 80],
    "rnn.weight_hh_l0": [4096, 256],
    "rnn.bias_ih_l0": [4096],
    "rnn.bias_hh_l0": [4096],
    "rnn.weight_hr_l0": [256, 1024],
    "rnn.weight_ih_l1": [4096, 256],
    "rnn.weight_hh_l1": [4096, 256],
    "rnn.bias_ih_l1": [4096],
    "rnn.bias_hh_l1": [4096],
    "rnn.weight_hr_l1": [256, 1024],
    "output.weight": [500, 256],
    "output.bias": [500],
    "odd": [3, 5, 7, 2, 2],
}
RECURRENT = 4 * 1024 * (80 + 256) + 4 * 1024 * (256 + 256) + 2 * (2 * 4 * 1024 + 1024 * 256)
OUTPUT = 500 * 257
WEIGHTS = 80_000 + RECURRENT + OUTPUT + 420


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a file of safetensors as large as its header says, without a weight written."""
    path = tmp_path / "model.safetensors"
    write_safetensors(path, SHAPES)
    return path


def test_the_screen_is_short(model: Path) -> None:
    assert on_terminal("look", model).replace(str(model), "model.safetensors").splitlines() == [
        "safetensors · 14 tensors · 4,223,000 weights · 4.0M of them recurrent",
        "",
        "                                                        weights  of the file",
        "  rnn  pytorch · 2 lstm layers, 80 -> 1,024, r = 256  4,014,080        95.1%  by names",
        "",
        "Around them: 1 embedding (80,000), 1 dense layer (128,500)",
        "Not explained: 420 weights in 1 tensor",
        "  odd  3 x 5 x 7 x 2 x 2  float32",
        "It has only names and shapes: it does not say which tensors are buffers, or what the layers are.",
        "Next: sizer look model.safetensors --sweep around.yaml",
        "exit 0",
    ]


def test_a_pipe_gets_every_block_and_json_all_of_it(model: Path) -> None:
    rows = [line.split("\t") for line in run("look", model).stdout.splitlines()]
    assert [row[:2] for row in rows] == [
        ["name", "type"],
        ["rnn", "recurrent"],
        ["embedding", "embedding"],
        ["output", "dense"],
        ["odd", "unexplained"],
    ]
    found = json.loads(run("look", model, "--json").stdout)
    assert found["networks"][0]["fields"] == {
        **{"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024},
        "recurrent_projection": 256,
    }
    assert (found["weights"], found["recurrent_weights"]) == (WEIGHTS, RECURRENT)
    assert sizer.count(found["model"]).weights == found["explained_weights"] == WEIGHTS - 420
    assert found["unexplained"] == [{"name": "odd", "shape": [3, 5, 7, 2, 2], "dtype": "float32", "weights": 420}]


def test_the_sweep_has_the_network_that_was_found(model: Path, tmp_path: Path) -> None:
    written = tmp_path / "around.yaml"
    assert run("look", model, "--sweep", written).returncode == 0
    assert run("validate", written).returncode == 0
    sweep = sizer.load_sweep(written)
    frame = sizer.run_sweep(sweep, tmp_path / "results").frame()
    same = frame[(frame.layers == 2) & (frame.cells == 1024) & (frame.recurrent_projection == 256)]
    assert list(same.weights) == [WEIGHTS]
    assert frame.weights.max() == WEIGHTS


def test_the_model_of_blocks_is_a_file_that_verify_holds_against_the_other(model: Path, tmp_path: Path) -> None:
    written = tmp_path / "model.yaml"
    run("look", model, "--model", written)
    loaded = load_model(written)
    assert sizer.count(loaded.declared).weights == WEIGHTS - 420
    # 420 weights of the file are in no block.
    done = run("verify", written, "--with", model)
    assert done.returncode == 4
    assert "3 of 3 blocks are equal" in done.stdout
    text = written.read_text()
    written.write_text(text.replace("  blocks:", "  other_weights: 420\n  blocks:"))
    assert run("verify", written, "--with", model).returncode == 0
    written.write_text(text.replace("cells: 1024", "cells: 1023"))
    found = json.loads(run("verify", written, "--with", model, "--json").stdout)
    (pair,) = [pair for pair in found["blocks"] if not pair["equal"]]
    assert pair["block"] == "rnn"
    assert pair["fields"] == [{"field": "cells", "sizer": 1023, "file": 1024}]
    assert pair["parts"][0] == {"part": "input_weights", "sizer": 4 * 1023 * (80 + 256), "file": 4 * 1024 * (80 + 256)}
    # A cell that counts to the same is another one all the same.
    written.write_text(text.replace("bias: true", "bias: false").replace("width: 500", "width: 514"))
    assert run("verify", written, "--with", model).returncode == 4


def test_a_claim_is_held_against_parts_of_the_file(model: Path) -> None:
    rows = run("look", model, "--claim", "4.01M").stdout.splitlines()
    assert rows[1].split("\t") == [
        "answer",
        "rounded",
        str(RECURRENT),
        str(RECURRENT - 4_010_000),
        "recurrent blocks alone",
    ]
    found = json.loads(run("look", model, "--claim", "4,223,000", "--json").stdout)
    assert found["answers"][0] == {"what": "every weight", "weights": WEIGHTS, "match": "exact", "assumed": 0}


def test_what_is_no_model_file_is_a_fault(tmp_path: Path) -> None:
    done = run("look", tmp_path / "none.pt")
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, f"{tmp_path / 'none.pt'}: no such file")
    text = tmp_path / "notes.txt"
    text.write_text("no model")
    assert run("look", text).returncode == 1
    assert run("look").returncode == 2


def test_a_file_without_a_recurrent_network_says_so(tmp_path: Path) -> None:
    path = tmp_path / "dense.safetensors"
    write_safetensors(path, {"a.weight": [2, 3]})
    assert "  no recurrent network" in on_terminal("look", path).splitlines()
    done = run("look", path, "--sweep", tmp_path / "sweep.yaml")
    assert done.returncode == 1
    assert "there is no recurrent network to sweep around; --model writes the blocks" in done.stderr
    assert not (tmp_path / "sweep.yaml").exists()


def test_several_files_of_a_folder_are_shown_together(model: Path) -> None:
    model.with_name("again.safetensors").write_bytes(model.read_bytes())
    found = json.loads(run("look", model.parent, "--json").stdout)
    assert [part["place"] for part in found["files"]] == ["again.safetensors", "model.safetensors"]
    assert found["weights"] == 2 * WEIGHTS
    assert [network["weights"] for network in found["networks"]] == [RECURRENT, RECURRENT]
