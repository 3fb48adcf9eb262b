"""Cell types that a person defines: what is read and what is faulty, and that they count like the built-in ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from sizer import Count, InputError, compare, count, explain, run_sweep
from sizer.grids.pruning.counts import prunable
from sizer.networks.cells import CELL_TYPES, CellType
from sizer.networks.conventions import cell_of
from sizer.networks.custom_cells import DIMENSIONS, FLAGS, read_cell_types
from sizer.networks.network import refusals
from sizer.sweepfile import parse_sweep
from sizer.sweepfile.limits import count_bounds, largest_counts
from tests.examples import examples, saw, seeing
from tests.oracles.configurations import networks
from tests.oracles.worked_cases import Worked
from tests.oracles.worked_cells import WORKED_OWN_CELLS

TABLES = {*CELL_TYPES} - {"layer_norm_lstm", "rnnp", "qrnn"}
"""Cells that need nothing that a definition cannot say."""


def written_out(cell: CellType) -> dict[str, Any]:
    """Return a built-in cell as a person would define it."""
    return {
        "title": cell.title,
        "tensors": {
            tensor.name: {
                "shape": list(tensor.shape),
                "part": tensor.part,
                "matrix": tensor.matrix,
                "directions": tensor.directions,
                **({"when": tensor.when} if tensor.when else {}),
            }
            for tensor in cell.tensors
        },
        "recurs": [list(group) for group in cell.recurs],
        "hands_up": [list(group) for group in cell.hands_up],
        "state": list(cell.state),
    }


OWN = {"mine": written_out(CELL_TYPES["lstm"])}
MINIMAL = {"tensors": {"input_weights": ["cells", "input"]}, "recurs": "cells", "hands_up": "cells"}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_built_in_cell_written_out_is_read_back(name: str) -> None:
    found, problems = read_cell_types({"mine": written_out(CELL_TYPES[name])})

    assert problems == []
    assert found["mine"].tensors == CELL_TYPES[name].tensors
    assert found["mine"].fields == CELL_TYPES[name].fields | (found["mine"].fields & {"bias_vectors"})
    assert found["mine"].grows is CELL_TYPES[name].grows


def test_parts_and_matrices_follow_from_names_and_shapes() -> None:
    definition = {
        **MINIMAL,
        "tensors": {
            "bias": ["cells"],
            "gates": [2, "cells", "input"],
            "candidate": ["cells", "recurrent"],
            "down": ["cells", "bottleneck"],
            "recurrent_weights": ["cells"],
            "table": {"shape": ["cells", "input"], "matrix": False},
        },
    }
    cells, problems = read_cell_types({"mine": definition})

    assert problems == []
    assert {tensor.name: (tensor.part, tensor.matrix) for tensor in cells["mine"].tensors} == {
        "bias": ("bias_weights", False),
        "gates": ("input_weights", True),
        "candidate": ("recurrent_weights", True),
        "down": ("projection_weights", True),
        "recurrent_weights": ("recurrent_weights", False),
        "table": ("input_weights", False),
    }
    assert cells["mine"].state == ("recurrent",)
    assert cells["mine"].fields == {"bottleneck"}


@seeing(counted=50, refused=150)
@settings(max_examples=examples(600), deadline=None, database=None, derandomize=True)
@given(networks())
def test_the_lstm_written_out_counts_like_the_lstm(network: dict[str, Any]) -> None:
    """The same counts, and the same refusals in the same words, but for the closed form, which knows one cell."""
    network = network | {"cell_type": "lstm"}
    if network["convention"] == "back_of_envelope":
        return
    answers: list[Count | str] = []
    for name in ("lstm", "mine"):
        try:
            answers.append(count(network | {"cell_type": name}, cell_types=OWN))
        except InputError as refused:
            answers.append(str(refused).replace("mine has", "lstm has"))
    first, second = answers
    if isinstance(first, Count) and isinstance(second, Count):
        assert first.columns() == second.columns()
        assert first.configuration == second.configuration | {"cell_type": "lstm"}
        saw("counted")
    else:
        assert first == second
        saw("refused")


@pytest.mark.parametrize("case", WORKED_OWN_CELLS, ids=lambda case: case.name)
def test_cell_worked_by_hand(case: Worked) -> None:
    counted = count(case.network)

    assert {part: weights for part, weights in counted.parts.items() if weights} == {
        part: weights for part, weights in case.parts.items() if weights
    }
    assert (counted.macs_per_step, counted.state_size) == (case.macs_per_step, case.state_size)


SWEEP = """\
sizer: 1
name: own
cell_types:
  mine:
    tensors:
      input_weights: [4, cells, input]
      recurrent_weights: [4, cells, recurrent]
      bias: [bias_vectors, 4, cells]
      peepholes: {shape: [3, cells], when: peepholes}
      projection: [cells, projected]
      projection_bias: {shape: [projected], when: projection_bias}
    recurs: [recurrent_projection, cells]
    hands_up: [[recurrent_projection, nonrecurrent_projection], cells]
    state: [cells, recurrent]
model: {inputs: 39, outputs: 34}
grid:
  convention: [textbook, sak2014, graves2013, pytorch, keras, tensorflow1, kaldi_nnet3, kaldi_nnet1, flax]
  layers: [1, 2, 3]
  cell_type: [lstm]
  cells: {from: 64, to: 512, step: 64}
  recurrent_projection: [0, 64, 128]
  nonrecurrent_projection: {of: cells, ratio: [1/4, 1/8]}
  bidirectional: [false, true]
where: [cell_type == 'lstm']
budget: {weights: {max: 5M}}
output: {columns: all}
"""
OTHER = SWEEP.replace("cell_type: [lstm]", "cell_type: [mine]").replace("== 'lstm'", "== 'mine'")


def test_the_lstm_written_out_gives_the_same_tables(tmp_path: Path) -> None:
    runs = [run_sweep(parse_sweep(text), out=tmp_path / name) for name, text in (("lstm", SWEEP), ("mine", OTHER))]
    first, second = ((tmp_path / name / "own.csv").read_bytes() for name in ("lstm", "mine"))

    assert first.count(b"\n") > 500
    assert second.replace(b",mine,", b",lstm,") == first
    assert runs[0].account is not None
    assert runs[1].account == runs[0].account
    frames = [run.frame() for run in runs]
    assert set(frames[1]["cell_type"]) == {"mine"}
    assert frames[1].assign(cell_type="lstm").equals(frames[0].assign(cell_type="lstm"))


def test_built_in_cells_and_own_ones_stand_in_one_table(tmp_path: Path) -> None:
    both = SWEEP.replace("[lstm]", "[lstm, mine]").replace("where: [cell_type == 'lstm']\n", "")
    frame = run_sweep(parse_sweep(both), out=tmp_path).frame()
    halves = [frame[frame["cell_type"] == name].drop(columns=["id", "cell_type"]) for name in ("lstm", "mine")]

    assert len(halves[0]) > 500
    assert halves[0].reset_index(drop=True).equals(halves[1].reset_index(drop=True))


def test_explain_lists_an_own_cell_like_a_built_in_one() -> None:
    network = {"convention": "kaldi_nnet3", "inputs": 300, "layers": 2, "cells": 1024, "bidirectional": True}
    projected = network | {"recurrent_projection": 256, "nonrecurrent_projection": 200}
    built_in = explain(projected | {"cell_type": "lstm"})
    own = explain(projected | {"cell_type": "mine"}, cell_types=OWN)

    assert own.sections == built_in.sections
    assert own.formula == built_in.formula


def test_compare_takes_own_cells() -> None:
    network = {"cell_type": "mine", "inputs": 80, "layers": 2, "cells": 1024, "cell_types": OWN}
    found = {reading.convention: reading.weights for reading in compare(network)}

    assert found["pytorch"] == 12_926_976
    assert found["back_of_envelope"] is None


def test_where_a_layer_is_as_wide_as_its_input_nothing_larger_is_missed() -> None:
    """The largest corner of an SRU's grid is not its largest count: a matrix is gone there."""
    text = """\
sizer: 1
name: x
model: {convention: pytorch, cell_type: sru, layers: 1}
grid: {inputs: [500, 512], cells: [512]}
"""
    grid = parse_sweep(text).grids[0]
    largest = largest_counts(grid, count_bounds(grid), ["weights"])["weights"]
    counts = [
        count({"convention": "pytorch", "cell_type": "sru", "layers": 1, "cells": 512, "inputs": i}).weights
        for i in (500, 512)
    ]

    assert counts[0] > counts[1]
    assert largest >= counts[0]
    assert not prunable(parse_sweep(text))


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (5, "cell_types: '5' is not a mapping of names to cell types"),
        ({"mine": 5}, "cell_types.mine: '5' is not a mapping; give tensors, recurs and hands_up"),
        ({"gru": MINIMAL}, "cell_types.gru: 'gru' is the name of a built-in cell type; choose another one"),
        (
            {"a-b": MINIMAL},
            "cell_types.a-b: 'a-b' cannot name a cell type; use letters, digits and '_', start with a letter, at most 100 characters",
        ),
        ({"mine": MINIMAL | {"tensors": {}}}, "cell_types.mine.tensors: names no tensor"),
        ({"mine": MINIMAL | {"title": 5}}, "cell_types.mine.title: '5' is not text"),
        ({"mine": MINIMAL | {"recurs": []}}, "cell_types.mine.recurs: is an empty list; give at least one width"),
        (
            {"mine": MINIMAL | {"hands_up": ["cells", []]}},
            "cell_types.mine.hands_up.1: is an empty list; give at least one width",
        ),
        ({"mine": MINIMAL | {"state": "cel"}}, "cell_types.mine.state: 'cel' is not known; did you mean 'cells'?"),
        (
            {"mine": MINIMAL | {"tensors": {"bias": []}}},
            "cell_types.mine.tensors.bias: is not a shape; write a list of whole numbers and names, such as [3, cells, input]",
        ),
        (
            {"mine": MINIMAL | {"tensors": {"bias": [0]}}},
            "cell_types.mine.tensors.bias.0: 0 is below the minimum, 1",
        ),
        (
            {"mine": MINIMAL | {"tensors": {"bias": {"shape": [True]}}}},
            f"cell_types.mine.tensors.bias.shape.0: 'True' is not known; one of {', '.join(DIMENSIONS)}",
        ),
        (
            {"mine": MINIMAL | {"tensors": {"bias": {"shape": ["cells"], "matrix": "no"}}}},
            "cell_types.mine.tensors.bias.matrix: 'no' is neither true nor false",
        ),
        (
            {"mine": MINIMAL | {"tensors": {"bias": {"shape": ["cells"], "when": "zzz"}}}},
            f"cell_types.mine.tensors.bias.when: 'zzz' is not known; one of {', '.join(FLAGS)}",
        ),
        (
            {"mine": MINIMAL | {"tensors": {"bias": {"shape": ["cells"], "prat": "x"}}}},
            "cell_types.mine.tensors.bias.prat: no key named 'prat'; did you mean 'part'?",
        ),
        (
            {"mine": MINIMAL | {"zzz": 1}},
            "cell_types.mine.zzz: no key named 'zzz'; one of title, tensors, recurs, hands_up, state",
        ),
    ],
)
def test_message(declared: Any, message: str) -> None:
    network = {"convention": "pytorch", "cell_type": "lstm", "inputs": 3, "layers": 1, "cells": 5}
    with pytest.raises(InputError) as caught:
        count(network, cell_types=declared)

    assert str(caught.value) == message


def test_a_definition_may_be_there_without_being_used() -> None:
    network = {"convention": "pytorch", "cell_type": "rnn", "inputs": 3, "layers": 1, "cells": 5}

    assert count(network, cell_types={"mine": MINIMAL}) == count(network)
    assert not any(refuses for _, refuses in refusals(network, cell_of(network)))


def test_a_read_cell_type_is_taken_as_it_is() -> None:
    cells, _ = read_cell_types(OWN)
    network = {"convention": "pytorch", "cell_type": "mine", "inputs": 80, "layers": 2, "cells": 1024}

    assert count(network, cell_types=cells).weights == 12_926_976
