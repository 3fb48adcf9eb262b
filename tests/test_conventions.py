"""What each convention decides, what it refuses and with which words; and that its table agrees with its rules."""

from __future__ import annotations

from typing import Any

import pytest

from sizer.errors import InputError
from sizer.networks.cells import CELL_TYPES
from sizer.networks.conventions import CONVENTIONS, rules_for
from sizer.networks.counting import count, read
from sizer.networks.fields import FIELDS
from tests.oracles.slow_cells import BIAS_VECTORS
from tests.oracles.slow_twin import BIASES_PER_CELL, GATES
from tests.oracles.worked_cases import ACCEPTED, REFUSED, Refused
from tests.oracles.worked_cells import ACCEPTED_CELLS, REFUSED_CELLS, REFUSED_OWN_CELLS

# Bias vectors of lstm, gru, rnn (None: no such cell); peepholes, projections, projection bias, output bias.
DECIDED = {
    "textbook": ((0, 0, 0), "if asked", "rp", False, False),
    "sak2014": ((0, 0, 0), "default", "rp", False, False),
    "graves2013": ((1, 1, 1), "default", "rp", False, True),
    "pytorch": ((2, 2, 2), "never", "r", False, True),
    "keras": ((1, 2, 1), "never", "", False, True),
    "tensorflow1": ((1, 1, 1), "if asked", "r", False, True),
    "kaldi_nnet3": ((1, 1, None), "always", "rp", True, True),
    "kaldi_nnet1": ((1, None, None), "always", "r", False, True),
    "flax": ((1, 1, 1), "never", "", False, True),
    "back_of_envelope": ((0, None, None), "always", "rp", False, False),
}
PROJECTIONS = {"r": "recurrent_projection", "p": "nonrecurrent_projection"}


def _plain(convention: str, cell_type: str = "lstm") -> dict[str, Any]:
    fields = {"convention": convention, "cell_type": cell_type, "inputs": 3, "outputs": 7, "layers": 1, "cells": 5}
    return fields | ({"recurrent_projection": 2} if convention == "kaldi_nnet1" else {})


def test_there_are_ten_in_this_order() -> None:
    assert list(CONVENTIONS) == list(DECIDED)
    assert all(convention.name == name for name, convention in CONVENTIONS.items())
    assert all(convention.title and convention.source for convention in CONVENTIONS.values())


@pytest.mark.parametrize("name", DECIDED)
def test_what_it_decides(name: str) -> None:
    vectors, peepholes, projections, projection_bias, output_bias = DECIDED[name]
    convention = CONVENTIONS[name]

    assert tuple(convention.bias_vectors.get(cell_type) for cell_type in ("lstm", "gru", "rnn")) == vectors
    assert convention.peepholes == peepholes
    assert convention.projections == tuple(PROJECTIONS[letter] for letter in projections)
    assert convention.projection_bias is projection_bias
    assert convention.output_bias is output_bias
    assert convention.candidate_bias is (name == "flax")
    assert convention.matrices_only is (name == "textbook")
    assert convention.one_cell_only is (name == "back_of_envelope")
    more = {cell: number for cell, number in convention.bias_vectors.items() if cell not in ("lstm", "gru", "rnn")}
    assert more == BIAS_VECTORS.get(name, {})


@pytest.mark.parametrize("name", DECIDED)
def test_what_it_decides_is_shown(name: str) -> None:
    vectors, peepholes, _, projection_bias, output_bias = DECIDED[name]
    shown = count(_plain(name)).configuration

    assert list(shown) == list(FIELDS)
    assert shown["bias_vectors"] == vectors[0]
    assert shown["peepholes"] is (peepholes in {"default", "always"})
    assert shown["projection_bias"] is projection_bias
    assert shown["output_bias"] is output_bias


@pytest.mark.parametrize("name", [name for name, decided in DECIDED.items() if decided[0][1] is not None])
def test_what_it_decides_for_a_cell_without_peepholes_and_projections(name: str) -> None:
    shown = count(_plain(name, "gru")).configuration

    assert shown["bias_vectors"] == DECIDED[name][0][1]
    assert shown["peepholes"] is False
    assert shown["projection_bias"] is False


@pytest.mark.parametrize("name", DECIDED)
def test_projections_it_has_are_those_it_accepts(name: str) -> None:
    """The list of projections and the rules on them are written separately; they must say the same."""
    accepted = set()
    for r, p in ((0, 0), (2, 0), (0, 2), (2, 2)):
        try:
            read(_plain(name) | {"recurrent_projection": r, "nonrecurrent_projection": p})
        except InputError:
            continue
        accepted |= {"recurrent_projection"} if r else set()
        accepted |= {"nonrecurrent_projection"} if p else set()

    assert accepted == set(CONVENTIONS[name].projections)


@pytest.mark.parametrize("name", DECIDED)
@pytest.mark.parametrize("cell_type", ["lstm", "gru", "rnn"])
def test_biases_of_one_layer(name: str, cell_type: str) -> None:
    """Biases of 5 cells from a table of biases per cell, which has Flax's 4 in a GRU and Keras' 6."""
    if cell_type not in BIASES_PER_CELL[name]:
        assert cell_type not in CONVENTIONS[name].bias_vectors
        return
    fields = _plain(name, cell_type) | {"outputs": 0}
    assert count(fields).parts["bias_weights"] == BIASES_PER_CELL[name][cell_type] * 5
    if name != "back_of_envelope":
        assert count(fields | {"bias_vectors": 2}).parts["bias_weights"] == 2 * GATES[cell_type] * 5


@pytest.mark.parametrize(
    "case",
    [*REFUSED, *REFUSED_CELLS, *REFUSED_OWN_CELLS],
    ids=lambda case: f"{case.network['convention']}-{case.network['cell_type']}-{case.reason}",
)
def test_what_it_refuses(case: Refused) -> None:
    with pytest.raises(InputError) as caught:
        read(case.network)

    assert str(caught.value) == f"{case.field}: {case.reason}"


@pytest.mark.parametrize("network", [*ACCEPTED, *ACCEPTED_CELLS], ids=str)
def test_what_it_accepts(network: dict[str, Any]) -> None:
    assert count(network).weights > 0


def test_every_reason_is_met() -> None:
    """A reason that no case above is refused for would be a message nobody has read."""
    reasons = {
        (rule.field, rule.reason)
        for convention in CONVENTIONS.values()
        for cell_type in CELL_TYPES
        for rule in rules_for(convention, convention.cell(cell_type))
    }
    met = {(case.field, case.reason) for case in (*REFUSED, *REFUSED_CELLS)}

    assert len(reasons) >= 200
    assert met <= reasons
    assert reasons - met == set()


def test_rules_name_fields() -> None:
    for convention in CONVENTIONS.values():
        for cell_type in CELL_TYPES:
            rules = rules_for(convention, convention.cell(cell_type))
            assert rules
            assert {rule.field for rule in rules} <= set(FIELDS)


def test_the_first_reason_wins() -> None:
    """What the convention refuses comes before what is no network anywhere."""
    fields = {"convention": "pytorch", "cell_type": "lstm", "layers": 1, "cells": 5}
    with pytest.raises(InputError) as caught:
        read(fields | {"recurrent_projection": 5, "nonrecurrent_projection": 1, "tied_embedding": True})

    assert str(caught.value) == "recurrent_projection: pytorch needs recurrent_projection < cells"
