"""The tables of weight tensors are whole: names are unique, parts and dimensions are known, every part is used."""

from __future__ import annotations

import pytest

from sizer.networks.cells import AROUND, BACK_OF_ENVELOPE_LSTM, CELL_TYPES, CellType
from sizer.networks.columns import PARTS
from sizer.networks.counting import read
from sizer.networks.fields import FIELDS

TABLES = [*CELL_TYPES.values(), BACK_OF_ENVELOPE_LSTM]
GATES = {"opgru": (3, 2, 3), "sru": (3, 0, 2), "qrnn": (3, 0, 3)}
"""Cell -> gates that the input's weights, the recurrent weights and the bias have, where these are not as many.

A candidate without recurrent weights; none at all in the gates.
"""


def _id(cell: CellType) -> str:
    return cell.title


def test_cell_types_are_known_by_their_names() -> None:
    assert {name: cell.name for name, cell in CELL_TYPES.items()} == {name: name for name in CELL_TYPES}
    assert {*GATES} < {*CELL_TYPES}


@pytest.mark.parametrize("cell", TABLES, ids=_id)
def test_tensor_names_are_unique(cell: CellType) -> None:
    names = [tensor.name for tensor in cell.tensors]

    assert len(names) >= 2
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("cell", TABLES, ids=_id)
def test_every_dimension_is_known_in_a_wired_network(cell: CellType) -> None:
    convention = "back_of_envelope" if cell is BACK_OF_ENVELOPE_LSTM else "textbook"
    needed = dict.fromkeys(cell.needs, 2)
    network = read({"convention": convention, "cell_type": cell.name, "inputs": 3, "layers": 2, "cells": 5, **needed})
    for number in (1, 2):
        layers = [group for group in network.groups if (group.label, group.first) == ("layer", number)]
        assert sorted(tensor.name for group in layers for tensor in group.tensors) == sorted(
            tensor.name for tensor in cell.tensors
        )
        assert layers[0].state == cell.state
    for group in network.groups:
        for tensor in group.tensors:
            known = set(group.dimensions)
            assert {name for name in tensor.shape if isinstance(name, str)} <= known
            assert {tensor.when, tensor.shared_when} - {None} <= known


@pytest.mark.parametrize("cell", TABLES, ids=_id)
def test_optional_fields_are_fields(cell: CellType) -> None:
    assert cell.fields <= set(FIELDS)
    assert cell.source


@pytest.mark.parametrize("cell", TABLES, ids=_id)
def test_every_gate_has_input_recurrent_weights_and_bias(cell: CellType) -> None:
    """The number of gates stands in each of the three rows."""
    if cell.name == "lstmb":
        return  # its gates stand behind the bottleneck
    sizes = {"cells": 5, "input": 3, "recurrent": 2, "bias_vectors": 1, "window": 1}
    named = {tensor.name: tensor for tensor in cell.tensors}
    gates = int(named["input_weights"].shape[0]) if len(named["input_weights"].shape) > 2 else 1
    from_input, recurrent, biased = GATES.get(cell.name, (gates, gates, gates))

    assert named["input_weights"].size(sizes) == from_input * 5 * 3
    assert ("recurrent_weights" in named) == (recurrent > 0)
    if recurrent:
        assert named["recurrent_weights"].size(sizes) == recurrent * 5 * 2
    if cell is not BACK_OF_ENVELOPE_LSTM:
        assert named["bias"].size(sizes) == biased * 5


def test_only_one_cell_may_shrink_as_it_grows() -> None:
    assert {cell.name for cell in TABLES if not cell.grows} == {"sru"}


def test_every_part_has_a_tensor() -> None:
    tensors = [*AROUND.values(), *(tensor for cell in TABLES for tensor in cell.tensors)]

    assert {tensor.part for tensor in tensors} == set(PARTS)


def test_only_matrices_are_multiplied() -> None:
    """Biases and peepholes are added or scale, an embedding is looked up."""
    tensors = [*AROUND.values(), *(tensor for cell in TABLES for tensor in cell.tensors)]

    assert {tensor.part for tensor in tensors if tensor.matrix} == {
        "input_weights",
        "recurrent_weights",
        "projection_weights",
        "output_weights",
    }
    assert {tensor.part for tensor in tensors if not tensor.matrix} == {
        "bias_weights",
        "peephole_weights",
        "embedding_weights",
        "other_weights",
    }
