"""Models of blocks in files: read with their places, and shown block by block."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sizer
from sizer.errors import InputError
from sizer.sweepfile.model_file import load_model
from tests.commands import on_terminal, run

KEYWORDS = """\
model:
  convention: tensorflow1
  blocks:
    mfcc:   {type: input, channels: 1, height: 10}
    conv:   {type: convolution, kernel: [10, 4], stride: [2, 2], padding: valid, channels: 48}
    gru:    {type: recurrent, cell_type: gru, layers: 2, cells: 60}
    last:   {type: pooling, over: time}
    hidden: {type: dense, width: 84}
    output: {type: dense, width: 12}
"""
"""Zhang et al. 2017, arXiv:1711.07128: 75,432 in its checkpoint."""


@pytest.fixture
def keywords(tmp_path: Path) -> Path:
    path = tmp_path / "keywords.yaml"
    path.write_text(KEYWORDS)
    return path


def printed(*words: str) -> str:
    done = run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def faults(path: Path, text: str) -> list[str]:
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        load_model(path)
    return [str(fault).removeprefix(str(path)) for fault in raised.value.faults]


def test_a_model_is_shown_block_by_block(keywords: Path) -> None:
    screen = on_terminal("explain", str(keywords))
    lines = [line.rstrip() for line in screen.splitlines()]
    assert "tensorflow1 · 6 blocks" in lines[0]
    for words in (
        ("conv", "1,968", "2.6%"),
        ("kernel", "10 x 4 x 1 x 48", "1,920"),
        ("gru", "67,320", "89.2%"),
        ("input_weights", "3 x 60 x 192", "34,560"),
        ("75,432", "75.4K"),
        ("37,320 MACs per step of frames", "6,048 MACs a sequence", "120 values of state"),
    ):
        assert any(all(word in line for word in words) for line in lines), words


def test_the_same_facts_in_a_pipe_and_in_json(keywords: Path) -> None:
    header, *rows = [line.split("\t") for line in printed("explain", str(keywords)).split("\n\n")[0].splitlines()]
    assert sum(int(row[header.index("weights_in_all")]) for row in rows) == 75_432
    found = json.loads(printed("explain", str(keywords), "--json"))
    assert found["weights"] == 75_432
    assert found["gru.weights"] == 67_320
    in_all = sum(section["times"] * one["weights"] for section in found["sections"] for one in section["tensors"])
    assert in_all == 75_432


def test_what_is_shown_adds_up_for_every_published_model() -> None:
    from tests.test_blocks import ROWS

    for row in ROWS:
        found = sizer.explain(json.loads(row["model"]))
        assert sum(found.by_tensor().values()) == int(row["weights"]), row["id"]


def test_a_sweep_is_read_as_its_model_stands_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(
        "sizer: 1\nname: keywords\n" + KEYWORDS + "grid:\n  gru.cells: [60, 80]\nbudget: {weights: {max: 80K}}\n"
    )
    assert load_model(path).name == "keywords"
    assert json.loads(printed("explain", str(path), "--json"))["weights"] == 75_432


def test_cell_types_of_the_file_are_known(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "cell_types:\n  mine: {tensors: {input_weights: [2, cells, input]}, recurs: cells, hands_up: cells}\n"
        "model:\n  convention: textbook\n  blocks:\n"
        "    x: {type: input, inputs: 3}\n    y: {type: recurrent, cell_type: mine, cells: 5}\n"
    )
    assert json.loads(printed("explain", str(path), "--json"))["weights"] == 30


def test_faults_stand_at_their_places(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    text = (
        KEYWORDS.replace("channels: 48", "channels: 48x")
        .replace("cells: 60", "cells: 0")
        .replace("over: time", "ovr: time")
    )
    assert faults(path, text) == [
        ":5:92: model.blocks.conv.channels: '48x' has no known unit; the units are K, M, B and T",
        ":6:65: model.blocks.gru.cells: 0 is below the minimum, 1",
        ":7:13: model.blocks.last: a pooling needs a kernel, a stride, or over: time",
        ":7:34: model.blocks.last.ovr: a pooling has no ovr; did you mean 'over'?",
    ]


def test_faults_inside_of_groups_stand_at_their_places(tmp_path: Path) -> None:
    text = """\
model:
  blocks:
    x: {type: input, inputs: 3}
    deep:
      type: group
      repeat: 3
      blocks:
        a: {type: dense, width: {each: [1, 2]}}
"""
    assert faults(tmp_path / "group.yaml", text) == [
        ":8:40: model.blocks.deep.blocks.a.width.each: has 2 values, and the group has 3 repetitions; it needs one for each"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sizer: 1\n", ":1:1: is not a file with a model of blocks"),
        ("model: {convention: pytorch}\n", ":1:8: model: has no blocks; a configuration of a sweep is named by --id"),
        ("model: {blocks: {}}\n", ":1:17: model.blocks: names no block"),
        ("model: {blocks: [\n", ":2:1: "),
    ],
)
def test_what_is_no_model_of_blocks_is_said(tmp_path: Path, text: str, said: str) -> None:
    assert faults(tmp_path / "other.yaml", text)[0].startswith(said)


def test_id_needs_a_file() -> None:
    done = run("explain", "--id", "3")
    assert done.returncode == 2
    assert "--id names a configuration of a sweep" in done.stderr


def test_a_model_under_every_convention(keywords: Path) -> None:
    found = {one["convention"]: one for one in json.loads(printed("compare", str(keywords), "--json"))["readings"]}
    assert found["tensorflow1"]["weights"] == 75_432
    # Keras' GRUs have two bias vectors per gate, PyTorch's too.
    assert found["keras"]["weights"] == found["pytorch"]["weights"] == 75_432 + 2 * 3 * 60
    assert found["textbook"]["weights"] == 75_432 - 48 - 2 * 180 - 84 - 12
    assert found["back_of_envelope"]["weights"] is None
    assert found["kaldi_nnet1"]["refusal"] == "gru.cell_type: kaldi_nnet1 has no gru"
    screen = on_terminal("compare", str(keywords))
    assert "a model of 6 blocks" in screen
    assert "gru.cell_type: kaldi_nnet1 has no gru" in screen


def test_a_block_keeps_its_own_convention() -> None:
    blocks = {
        "x": {"type": "input", "inputs": 3},
        "gru": {"type": "recurrent", "cell_type": "gru", "cells": 5, "convention": "pytorch"},
    }
    assert {reading.weights for reading in sizer.compare({"blocks": blocks}) if reading.weights} == {
        3 * 5 * (3 + 5 + 2)
    }


def test_a_model_and_fields_do_not_go_together(keywords: Path) -> None:
    assert run("compare", str(keywords), "--cells", "3").returncode == 2
