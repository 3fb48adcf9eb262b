"""Stated figures: what they are reconciled to, in which order, and what is said of it."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import sizer
from sizer.errors import InputError
from sizer.networks.counting import Description, count
from sizer.networks.fields import FIELDS
from sizer.questions.answers import Answer, Reconciliation
from sizer.questions.assumptions import ASSUMPTIONS, AT_HOME, MOST, namings
from sizer.questions.claimed import SHOWN as ON_SCREEN
from sizer.questions.claimed import claim_screen, claim_table, options
from sizer.questions.reconciliation import SHOWN, expected_by_chance, reconcile
from sizer.questions.stated_figures import parse_claim
from tests.commands import on_terminal, run
from tests.examples import examples, saw, seeing
from tests.oracles.configurations import networks
from tests.oracles.figures import HERE, Figure, _value, count_figures
from tests.oracles.slow_twin import slow_count, slow_valid

GRAVES: dict[str, Any] = {"cell_type": "lstm", "inputs": 205, "layers": 5, "cells": 700, "outputs": 205}
SPEECH: dict[str, Any] = {"cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
KERAS_GRU: dict[str, Any] = {"convention": "keras", "cell_type": "gru", "inputs": 2000, "layers": 1, "cells": 300}

ANY_NETWORK = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)

with (HERE / "claims.csv").open(encoding="utf-8", newline="") as lines:
    ROWS = list(csv.DictReader(lines, strict=True))


def network_of(row: Mapping[str, str]) -> dict[str, Any]:
    return {name: _value(text) for name, text in row.items() if name in FIELDS and text}


def named(answer: Answer) -> set[str]:
    """Return every convention under which an answer's network is counted."""
    return {answer.convention, *(other["convention"] for other in answer.same_network)}


def every_answer(found: Reconciliation) -> tuple[Answer, ...]:
    return (found.plain, *found.answers, *found.near, *found.others)


def assert_sound(network: Mapping[str, Any], found: Reconciliation) -> None:
    """Assert what holds for every reconciliation: fields that count so, steps that add up, the order."""
    assert found.plain.steps == () or found.plain.match == "cut"
    for answer in every_answer(found):
        assert count(answer.fields).weights == answer.weights
        assert slow_valid(answer.fields)
        assert slow_count(answer.fields)["weights"] == answer.weights
        assert answer.match == found.claim.match(answer.weights)
        assert found.plain.weights + answer.difference == answer.weights
        assert sum(step.price for step in answer.steps) == answer.price <= MOST
        assert all(sum(step.by_tensor.values()) == step.difference for step in answer.steps)
        for other in answer.same_network:
            structure = {
                name: value
                for step in answer.steps
                if step.assumption not in {"convention", "bias_vectors", "peepholes", "projection_bias", "output_bias"}
                for name, value in step.changes.items()
            }
            convention = {"convention": found.plain.convention}
            assert count({**convention, **network, **structure, **other}).weights == answer.weights
    assert all(answer.match != "near" for answer in found.answers)
    assert all(answer.match == "near" for answer in (*found.near, *found.others))
    assert all(left.price <= right.price for left, right in itertools.pairwise(found.answers))
    distances = [found.claim.distance(answer.weights) for answer in found.near]
    assert distances == sorted(distances)
    assert all(left.price >= right.price for left, right in itertools.pairwise(found.near))


# What must be settled


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_claim_is_settled(row: dict[str, str]) -> None:
    network = network_of(row)
    found = reconcile(network, row["claim"])

    assert_sound(network, found)
    if row["match"] == "near":
        assert found.answers == ()
        if row["nearest"]:
            assert found.near[0].weights == int(row["nearest"])
        return
    first = found.answers[0]
    assert (first.match, first.weights, first.convention) == (row["match"], int(row["weights"]), row["answer"])
    assert [step.assumption for step in first.steps] == row["assumed"].split()
    if row["also"]:
        weights, convention = row["also"].split()
        assert any(answer.weights == int(weights) and convention in named(answer) for answer in found.answers)


def test_table_of_claims_is_whole() -> None:
    assert len(ROWS) >= 30
    assert sum(row["match"] == "near" for row in ROWS) >= 4
    assert {row["match"] for row in ROWS} == {"exact", "rounded", "cut", "near"}
    assert all(row["source"] for row in ROWS)


def test_graves_second_answer_is_his_own_network() -> None:
    first, second, *_ = reconcile(GRAVES, "21M").answers
    assert [(step.assumption, step.difference, step.by_tensor) for step in first.steps] == [
        ("skip_connections", 2_870_000, {"input_weights": 2_296_000, "output_weights": 574_000})
    ]
    assert (second.weights, second.convention) == (21_252_205, "graves2013")
    assert second.steps[1].by_tensor == {"bias": 14_000, "peepholes": 10_500, "output_bias": 205}
    assert second.fields == {"convention": "graves2013", **GRAVES, "skip_connections": True}


def test_envelope_says_what_it_left_out() -> None:
    network = {**GRAVES, "inputs": 39, "outputs": 34, "layers": 3, "cells": 1024}
    first = reconcile({**network, "recurrent_projection": 256, "nonrecurrent_projection": 256}, "6.5M").answers[0]
    assert first.steps[0].words == (
        "the rules of back_of_envelope, an approximation: raw input at every layer,"
        " no matrix for the non-recurrent projection"
    )
    assert first.steps[0].by_tensor["projection"] == -3 * 1024 * 256


@pytest.mark.parametrize("figure", count_figures(), ids=lambda figure: figure.name)
def test_published_network_said_plainly_finds_its_own_reading(figure: Figure) -> None:
    unsaid = {"convention", "peepholes", "output_bias", "skip_connections", "only_recurrent_up"}
    network = {name: value for name, value in figure.network.items() if name not in unsaid and value}
    answers = reconcile(network, figure.stated).answers
    own = figure.network["convention"]
    assert any(answer.weights == figure.weights and own in named(answer) for answer in answers)


# Any network


@seeing(claims=90)
@settings(ANY_NETWORK, max_examples=examples(100))
@given(st.one_of(networks(), networks(more=True)))
def test_own_weights_return_the_own_convention_first(network: dict[str, Any]) -> None:
    assume(slow_valid(network))
    weights = count(network).weights
    assume(weights > 0)
    found = reconcile(network, weights)
    saw("claims")

    assert_sound(network, found)
    first = found.answers[0]
    assert (first.price, first.steps, first.match) == (0, (), "exact")
    assert first.convention == network["convention"]
    assert first.count == count(network)


@seeing(claims=50)
@settings(ANY_NETWORK, max_examples=examples(60))
@given(st.one_of(networks(), networks(more=True)))
def test_own_convention_is_found_where_it_is_unsaid(network: dict[str, Any]) -> None:
    assume(slow_valid(network))
    weights = count(network).weights
    assume(weights > 0)
    unsaid = {name: value for name, value in network.items() if name != "convention"}
    found = reconcile(unsaid, f"{weights:,}")
    saw("claims")

    assert_sound(unsaid, found)
    own = [answer for answer in found.answers if network["convention"] in named(answer)]
    assert own
    assert min(answer.price for answer in own) <= ASSUMPTIONS["approximation"].price


@seeing(claims=30)
@settings(ANY_NETWORK, max_examples=examples(40))
@given(st.one_of(networks(), networks(more=True)), st.integers(1, 3), st.integers(0, 10**9))
def test_any_claim_is_answered_soundly(network: dict[str, Any], digits: int, number: int) -> None:
    assume(slow_valid(network))
    size = count(network).weights or number + 1
    claim = f"{str(size)[:digits]}e{len(str(size)[digits:])}" if len(str(size)) < 90 else str(size)
    assert_sound(network, reconcile(network, claim))
    saw("claims")


def test_own_cell_types_are_searched_too() -> None:
    cells = {
        "mine": {
            "tensors": {
                "input_weights": [2, "cells", "input"],
                "squares": {"shape": ["bias_vectors", "bias_vectors", "cells"], "part": "bias_weights"},
                "gains": {"shape": ["cells"], "part": "bias_weights", "when": "vectors"},
            },
            "recurs": "cells",
            "hands_up": "cells",
        }
    }
    network = {"cell_type": "mine", "inputs": 10, "layers": 1, "cells": 100}
    found = reconcile(network, 2500, cell_types=cells)
    assert (found.plain.weights, found.answers[0].weights) == (2000, 2500)
    assert "pytorch" in named(found.answers[0])
    assert found.answers[0].fields["cell_types"] == cells
    assert count(found.answers[0].fields).weights == 2500
    assert json.loads(json.dumps(found.as_json()))["answers"][0]["weights"] == 2500


def test_cells_under_a_convention_bring_their_own_vectors() -> None:
    """Haste's layer-normalised LSTM of 256 on 128 inputs has 396,800 weights, of which 393,216 are in matrices."""
    network = {"cell_type": "split_layer_norm_lstm", "inputs": 128, "layers": 1, "cells": 256}
    first = reconcile(network, "396,800").answers[0]
    assert (first.convention, first.difference) == ("tensorflow1", 396_800 - 393_216)
    assert first.steps[0].by_tensor == {
        "bias": 1024,
        "input_gains": 1024,
        "recurrent_gains": 1024,
        "cell_gain": 256,
        "cell_shift": 256,
    }


def test_what_was_said_is_trusted_more() -> None:
    unsaid = reconcile(SPEECH, 12_926_976).answers[0]
    said = reconcile({**SPEECH, "convention": "keras"}, 12_926_976).answers[0]
    contradicted = reconcile({**SPEECH, "convention": "keras", "bias_vectors": 1}, 12_926_976).answers[0]
    assert [step.price for step in unsaid.steps] == [1]
    assert [(step.assumption, step.price) for step in said.steps] == [("bias_vectors", 2)]
    assert said.same_network == ({"convention": "pytorch"},)
    assert [(step.assumption, step.price) for step in contradicted.steps] == [("bias_vectors", 6)]
    for row in ASSUMPTIONS.values():
        assert row.price <= row.against


def test_prices_are_a_table_without_surprises() -> None:
    assert {name: (row.price, row.against) for name, row in ASSUMPTIONS.items()} == {
        "convention": (1, 4),
        "approximation": (2, 5),
        "bias_vectors": (2, 6),
        "peepholes": (2, 6),
        "projection_bias": (2, 6),
        "output_bias": (2, 6),
        "cut": (2, 2),
        "other_weights": (2, 2),
        "embedding": (3, 3),
        "outputs": (3, 3),
        "recurrent_part": (4, 4),
        "tied_embedding": (2, 6),
        "summed_directions": (2, 6),
        "only_recurrent_up": (3, 7),
        "skip_connections": (3, 7),
        "bidirectional": (4, 8),
        "layers": (8, 8),
        "width": (9, 9),
    }
    assert AT_HOME == {("graves2013", "skip_connections"): 1}


def test_sizes_that_were_said_wrongly_cost_more_the_farther_they_are() -> None:
    assert reconcile({**GRAVES, "layers": 7}, "21.3M").answers[0].price == 8 + 1 + 2 + 1
    assert reconcile({**GRAVES, "layers": 6}, "18,357,500").answers[0].price == 8
    for changes, price in (({"cells": 350}, 10), ({"cells": 1400}, 10), ({"inputs": 204}, 9), ({"inputs": 203}, 10)):
        first = reconcile({**GRAVES, **changes}, "18,357,500").answers[0]
        assert (first.weights, first.price) == (18_357_500, price)
    assert reconcile({**SPEECH, "cells": 1000}, "12,910,592").answers[0].price == 9
    round_number = count({"convention": "textbook", **SPEECH, "cells": 1000}).weights
    assert [step.words for step in reconcile(SPEECH, round_number).answers[0].steps] == ["cells 1,000, not 1,024"]


def test_one_size_off_must_round_to_the_figure() -> None:
    """12,910,592 is cut to 12.910M and rounds to 12.911M; only the second excuses a wrong depth."""
    assert reconcile({**SPEECH, "layers": 3}, "12.911M").answers[0].steps[0].assumption == "layers"
    assert reconcile({**SPEECH, "layers": 3}, "12.910M").answers == ()
    assert reconcile(SPEECH, "12.910M").answers[0].steps[0].assumption == "cut"


def test_what_changes_nothing_is_not_assumed() -> None:
    """Skip connections change nothing where there is one layer, nor an output's bias where there is no output."""
    found = reconcile({**GRAVES, "inputs": 49, "outputs": 49, "layers": 1, "cells": 1000}, "4.3M")
    assert not any("skip_connections" in answer.fields for answer in found.answers)
    found = reconcile(SPEECH, "12.9M")
    assert not any({"output_bias", "projection_bias"} & set(answer.fields) for answer in found.answers)


def test_tied_embedding_without_its_output_or_its_front() -> None:
    tied = {"convention": "pytorch", "cell_type": "lstm", "vocabulary": 10_000, "embedding": 400, "outputs": 10_000}
    tied |= {"cells": [1150, 1150, 400], "tied_embedding": True}
    for name, weights in (("outputs", 24_211_600), ("embedding", 24_221_600), ("recurrent_part", 20_211_600)):
        answers = reconcile(tied, weights).answers
        assert name in [step.assumption for answer in answers for step in answer.steps]


@pytest.mark.parametrize(
    ("network", "claim", "words"),
    [
        ({**GRAVES, "bidirectional": True}, "18,357,500", "each layer reads one way only"),
        ({**GRAVES, "skip_connections": True}, "18,357,500", "each layer feeds only the one above it"),
        ({**SPEECH, "peepholes": True}, "12,910,592", "the gates do not see the cells"),
        ({**SPEECH, "convention": "keras"}, "12,910,592", "no bias vector per gate"),
        ({**SPEECH, "outputs": 7, "convention": "keras"}, "12,925,952", "the output layer has no bias"),
        ({**SPEECH, "outputs": 7}, "12,917,767", "the output layer has a bias"),
        ({**SPEECH, "other_weights": 5}, "12,910,592", "the rest of the model is not counted"),
        ({**SPEECH, "peepholes": False, "convention": "tensorflow1"}, "12,924,928", "the gates see the cells"),
        (KERAS_GRU, "2,070,900", "one bias vector per gate (reset_after=False)"),
        ({**SPEECH, "layers": 3}, "12,910,592", "2 layers, not 3"),
        ({**SPEECH, "layers": 1}, "12,910,592", "2 layers, not 1"),
        ({**SPEECH, "layers": 2}, "4,521,984", "1 layer, not 2"),
        ({**SPEECH, "inputs": 79}, "12,910,592", "inputs 80, not 79"),
        ({**GRAVES, "inputs": 204, "outputs": 204}, "18,357,500", "inputs and outputs 205, not 204"),
    ],
)
def test_assumption_is_said_in_words(network: dict[str, Any], claim: str, words: str) -> None:
    found = reconcile(network, claim)
    assert_sound(network, found)
    assert words in [step.words for answer in found.answers for step in answer.steps]


def test_projection_assumptions_are_said_in_words() -> None:
    network = {**SPEECH, "recurrent_projection": 256, "nonrecurrent_projection": 128}
    one = {**network, "convention": "kaldi_nnet3"}
    for changes, words in (
        ({"projection_bias": False}, "the projections have no bias"),
        ({"only_recurrent_up": True}, "only the recurrent projection feeds the layer above"),
    ):
        assert reconcile(one, count({**one, **changes}).weights).answers[0].steps[0].words == words
    other = {**one, "projection_bias": False, "only_recurrent_up": True}
    for changes, words in (
        ({"projection_bias": True}, "the projections have a bias"),
        ({"only_recurrent_up": False}, "both projections feed the layer above"),
    ):
        assert reconcile(other, count({**other, **changes}).weights).answers[0].steps[0].words == words


def test_directions_and_ties_are_said_in_words() -> None:
    network = {**GRAVES, "convention": "pytorch", "bidirectional": True}
    summed = {**network, "summed_directions": True}
    first = reconcile(network, count(summed).weights).answers[0]
    assert first.steps[0].words == "the two directions are added up, not joined"
    back = reconcile(summed, count(network).weights).answers[0]
    assert back.steps[0].words == "the two directions are joined, not added up"
    one_way = reconcile(summed, count({**network, "bidirectional": False}).weights).answers[0]
    assert one_way.fields["bidirectional"] is False
    tied = {"convention": "pytorch", "cell_type": "lstm", "vocabulary": 50, "embedding": 8, "outputs": 50}
    tied |= {"layers": 1, "cells": 8, "tied_embedding": True}
    untied = reconcile(tied, count({**tied, "tied_embedding": False}).weights).answers[0]
    assert untied.steps[0].words == "the output matrix is not the embedding"


def test_largest_search_stays_quick() -> None:
    """It takes 0.4 s; the limit leaves room for slow machines and for coverage, not for a search that explodes."""
    network = {
        "cell_type": "lstm", "vocabulary": 10_000, "embedding": 512, "outputs": 10_000, "layers": 4, "cells": 1000,
        "recurrent_projection": 256, "nonrecurrent_projection": 256, "other_weights": 5,
    }  # fmt: skip
    started = time.process_time()
    found = reconcile(network, 123_456_789_123)
    assert time.process_time() - started < 5
    assert found.answers == ()


def test_answers_that_are_left_out_are_counted() -> None:
    found = reconcile({**SPEECH, "outputs": 14_247, "recurrent_projection": 512}, "20M")
    assert len(found.answers) <= SHOWN
    found = reconcile({"cell_type": "lstm", "inputs": 40, "layers": 2, "cells": 1024, "outputs": 14_247,
                       "recurrent_projection": 512}, "15M")  # fmt: skip
    assert len(found.answers) == SHOWN
    assert found.more > 0


# The figure


@pytest.mark.parametrize(
    ("text", "least", "most", "last_cut"),
    [
        ("21M", 20_500_000, 21_499_999, 21_999_999),
        ("21.0M", 20_950_000, 21_049_999, 21_099_999),
        ("21.3m", 21_250_000, 21_349_999, 21_399_999),
        ("0.8M", 750_000, 849_999, 899_999),
        ("1.8B", 1_750_000_000, 1_849_999_999, 1_899_999_999),
        ("300K", 299_500, 300_499, 300_999),
        ("2.1e7", 20_500_000, 21_499_999, 21_999_999),
        ("1,776.9M", 1_776_850_000, 1_776_949_999, 1_776_999_999),
        ("1.234K", 1234, 1234, 1234),
        ("21,252,205", 21_252_205, 21_252_205, 21_252_205),
        ("21000000", 21_000_000, 21_000_000, 21_000_000),
        (42, 42, 42, 42),
    ],
)
def test_figure_stands_for_what_rounds_to_it(text: str | int, least: int, most: int, last_cut: int) -> None:
    claim = parse_claim(text)
    assert (claim.least, claim.most) == (least, most)
    assert claim.match(least) == claim.match(most) == ("exact" if claim.step == 1 else "rounded")
    assert claim.match(least - 1) == "near"
    assert claim.match(last_cut + 1) == "near"
    assert claim.match(last_cut) == ("exact" if claim.step == 1 else "cut")
    assert (claim.distance(least - 3), claim.distance(least), claim.distance(most + 5)) == (3, 0, 5)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("about 21M", "'about 21M' is not a figure; write it as it was printed: 21M, 21.3M or 21,252,205"),
        ("21 M", "'21 M' is not a figure; write it as it was printed: 21M, 21.3M or 21,252,205"),
        ("21,3M", "'21,3M' is not a figure; write it as it was printed: 21M, 21.3M or 21,252,205"),
        ("21MB", "'21MB' is not a figure; write it as it was printed: 21M, 21.3M or 21,252,205"),
        ("-3", "'-3' is not a figure; write it as it was printed: 21M, 21.3M or 21,252,205"),
        ("", "'' is not a figure; write it as it was printed: 21M, 21.3M or 21,252,205"),
        ("9" * 1001, f"'{'9' * 79}…' is not a figure; write it as it was printed: 21M, 21.3M or 21,252,205"),
        ("21.3", "'21.3' is not a whole number; is a unit missing, as in 21.3M?"),
        ("1.2345K", "'1.2345K' is not a whole number; is a unit missing, as in 21.3M?"),
        ("0M", "0 is below the minimum, 1"),
        (True, "'True' is neither a text nor a whole number"),
        (2.5, "'2.5' is neither a number nor a size such as 10M"),
    ],
)
def test_what_is_no_figure_is_a_fault(claim: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        reconcile(GRAVES, claim)
    assert [(fault.path, fault.message) for fault in caught.value.faults] == [("claim", message)]


def test_networks_are_refused_as_everywhere() -> None:
    for network, path in (
        ({**GRAVES, "cels": 3}, "cels"),
        ({"cell_type": "lstm", "layers": 1, "cells": 3}, "inputs"),
        ({**GRAVES, "convention": "pytorch", "peepholes": True}, "peepholes"),
        ({**GRAVES, "convention": None, "cells": 0}, "cells"),
    ):
        with pytest.raises(InputError) as caught:
            reconcile(network, "21M")
        assert [fault.path for fault in caught.value.faults] == [path]


def test_plain_reading_is_the_first_convention_that_accepts_the_network() -> None:
    assert reconcile(GRAVES, "21M").plain.convention == "textbook"
    assert reconcile({**GRAVES, "convention": None}, "21M").plain.convention == "textbook"
    assert reconcile({**GRAVES, "convention": "flax"}, "21M").plain.convention == "flax"


def test_python_package_has_it() -> None:
    found = sizer.reconcile(GRAVES, "21M")
    assert isinstance(found, sizer.Reconciliation)
    assert found.answers[0].weights == 21_227_500


# The screen


def as_options(network: Mapping[str, Any]) -> list[str]:
    return options(network).split()


SPEECH_GRU: dict[str, Any] = {"cell_type": "gru", "inputs": 161, "layers": 1, "cells": 200, "outputs": 29}
"""222,400 weights plainly; beside a convolution, say, 1,429 more are somebody else's."""


# Coincidences, and the rest of the model


def test_size_that_was_said_wrongly_is_called_a_coincidence_where_chance_explains_as_much() -> None:
    found = reconcile(SPEECH_GRU, "223,829")
    assert_sound(SPEECH_GRU, found)
    (answer,) = found.answers
    assert [step.words for step in answer.steps] == ["inputs 162, not 161", "the rules of flax"]
    assert answer.coincidence
    assert answer.chance is not None
    assert 1 / 1000 < answer.chance < 1 / 50
    assert answer.as_json()["coincidence"] is True
    text = claim_screen(found)
    assert (
        "     likely a coincidence: by chance such readings give one figure in 161, and what this one assumes holds once in"
        " 1,024\n  or 1,429 weights of other layers beside the plain reading\n"
    ) in text
    command = text.splitlines()[-1].removeprefix("Next: sizer ").split()
    assert command[-2:] == ["--other-weights", "1429"]
    assert json.loads(run(*command, "--json").stdout)["weights"] == 223_829


@pytest.mark.parametrize(
    ("network", "claim"),
    [
        (GRAVES, "21M"),
        (GRAVES, "21.3M"),
        (SPEECH, "12,926,976"),
        (KERAS_GRU, "2,070,900"),
        ({**SPEECH, "cells": 1000}, "12,910,592"),
        ({**SPEECH, "inputs": 79}, "12,910,592"),
        ({**SPEECH, "layers": 1}, "12,910,592"),
        (SPEECH, "12,910,592"),
    ],
)
def test_first_reading_is_no_coincidence_where_it_assumes_little_or_the_figure_is_exact(
    network: dict[str, Any], claim: str
) -> None:
    first = reconcile(network, claim).answers[0]
    assert not first.coincidence
    assert "coincidence" not in claim_screen(dataclasses.replace(reconcile(network, claim), answers=(first,)))


def test_coarse_figure_with_unrelated_readings_says_that_chance_gives_one() -> None:
    network = {"cell_type": "lstm", "inputs": 40, "outputs": 10_000, "layers": 2, "cells": 800}
    found = reconcile({**network, "recurrent_projection": 512}, "9.5M")
    assert len(found.answers) >= 4
    assert all(answer.coincidence for answer in found.answers)
    text = claim_screen(found)
    assert text.count("     likely a coincidence\n") == ON_SCREEN
    assert (
        f"\n  {found.tried:,} readings were tried: chance alone would let one give so coarse a figure as 9.5M\n" in text
    )
    assert "readings were tried" not in claim_screen(reconcile(GRAVES, "21.3M"))
    # Conventions differ by little: that a coarse figure is several of them is no chance.
    assert "readings were tried" not in claim_screen(reconcile({**GRAVES, "layers": 1, "outputs": 0}, "2.5M"))


def test_chance_never_falls_with_the_price_and_is_nothing_where_nothing_is_assumed() -> None:
    for row in ROWS:
        found = reconcile(network_of(row), row["claim"])
        chances = [answer.chance for answer in found.answers if answer.chance is not None]
        assert len(chances) == len(found.answers)
        assert chances == sorted(chances)
        assert all(0 <= chance <= found.tried for chance in chances if chance is not None)
        assert all(answer.chance == 0 for answer in found.answers if not answer.price)
        assert all(answer.chance is None for answer in (found.plain, *found.near, *found.others))


def test_expected_hits_follow_density_and_width() -> None:
    """A hundred readings, one at each per cent from 1 to 2 million: an interval of 10,000 meets 1 of them on average."""
    tried = [round(1_000_000 * 1.01**step) for step in range(-100, 101) if step]
    for text, width in (("1,000,000", 1), ("1.000M", 1000), ("1.00M", 10_000)):
        expected = expected_by_chance(parse_claim(text), tried)
        assert expected == pytest.approx(width / 10_000, rel=0.15)
    assert expected_by_chance(parse_claim("1M"), []) == 0
    assert expected_by_chance(parse_claim(5), [5, 5, 5]) == 0
    huge = 10**900
    assert 0 < expected_by_chance(parse_claim(str(huge)), [huge + 10, huge - 10]) < 1


@pytest.mark.parametrize(
    ("network", "claim", "least", "most", "words"),
    [
        (SPEECH_GRU, "223,829", 1429, 1429, "  or 1,429 weights of other layers beside the plain reading\n"),
        (SPEECH_GRU, "264,323", 41_923, 41_923, "Nothing gives 264,323: no convention, no option, nor one depth or one"
         " width off.\n  or 41,923 weights of other layers beside the plain reading\n"),
        (GRAVES, "21M", 2_142_500, 3_142_499, "  or 2,142,500 to 3,142,499 weights of other layers"),
        ({**SPEECH_GRU, "other_weights": 100}, "223,829", 1329, 1329, "  or 1,329 weights of other layers"),
        ({**SPEECH_GRU, "convention": "keras"}, "223,829", 200, 200, "  or 200 weights of other layers"),
    ],
)  # fmt: skip
def test_remainder_is_always_offered(network: dict[str, Any], claim: str, least: int, most: int, words: str) -> None:
    found = reconcile(network, claim)
    assert found.remainder is not None
    assert (found.remainder.least, found.remainder.most) == (least, most)
    assert count(found.remainder.fields).weights == found.claim.size
    assert words in claim_screen(found)
    assert found.as_json()["remainder"] == {"least": least, "most": most, "fields": found.remainder.fields}


@pytest.mark.parametrize("claim", ["222,400", "222K", "200,000", "100K"])
def test_no_remainder_where_the_plain_reading_is_the_figure_or_more(claim: str) -> None:
    found = reconcile(SPEECH_GRU, claim)
    assert found.remainder is None
    assert "weights of other layers" not in claim_screen(found)
    assert found.as_json()["remainder"] is None


def test_what_a_toolkit_can_be_set_to_comes_before_what_is_made_up() -> None:
    """Keras has `use_bias=False`, and PyTorch has no single bias vector."""
    network = {"cell_type": "lstm", "inputs": 7, "layers": 2, "cells": 16, "convention": "keras"}
    assert {one.made_up for one in namings(Description(network), {"convention"}, "keras") if one.convention == "keras"
            and one.changes == {"bias_vectors": 0}} == {0}  # fmt: skip
    for naming in namings(Description(network), {"convention"}, "keras"):
        if naming.convention == "pytorch" and naming.changes.get("bias_vectors") == 1:
            assert naming.made_up >= 1
    gru = reconcile(KERAS_GRU, "2,070,900").answers[0]
    assert gru.fields["bias_vectors"] == 1


# The screen itself


def test_screen_on_a_terminal() -> None:
    assert on_terminal("compare", "--claim", "21M", *as_options(GRAVES), columns="200") == (
        "textbook · lstm · 205 -> 5 x 700 -> 205 · no biases, no peepholes\n"
        "Plainly 18,357,500: 2,642,500 (12.6%) short of 21M\n"
        "\n"
        "What gives 21M (20,500,000 to 21,499,999)\n"
        "  1  21,227,500  skip_connections\n"
        "     +2,870,000  the raw input also feeds every layer, and every layer the output"
        " (input_weights +2,296,000, output_weights +574,000)\n"
        "  2  21,252,205  as 1, graves2013\n"
        "     +24,705  the rules of graves2013 (bias +14,000, peepholes +10,500, output_bias +205)\n"
        "     the same network: kaldi_nnet3\n"
        "  3  21,238,000  as 1, sak2014\n"
        "     +10,500  the rules of sak2014 (peepholes +10,500)\n"
        "     the same network: textbook with peepholes true\n"
        "  4  21,241,705  as 1, keras\n"
        "     +14,205  the rules of keras (bias +14,000, output_bias +205)\n"
        "     the same network: tensorflow1, flax; graves2013 with peepholes false; pytorch with bias_vectors 1\n"
        "  5  21,255,705  as 1, pytorch\n"
        "     +28,205  the rules of pytorch (bias +28,000, output_bias +205)\n"
        "     the same network: keras, tensorflow1, flax with bias_vectors 2\n"
        "  and 13 more that assume as much or more\n"
        "  140 readings were tried: chance alone would let one give so coarse a figure as 21M\n"
        "  or 2,142,500 to 3,142,499 weights of other layers beside the plain reading\n"
        "\n"
        "Not: without the output layer 18.2M, bidirectional 52.4M, 4 layers 14.4M, 6 layers 22.3M\n"
        "Next: sizer explain --convention textbook --cell-type lstm --inputs 205 --outputs 205 --layers 5 --cells 700"
        " --skip-connections\n"
        "exit 0"
    )


def test_next_command_counts_the_answer() -> None:
    for row in ROWS[::5]:
        found = reconcile(network_of(row), row["claim"])
        command = claim_screen(found).splitlines()[-1].removeprefix("Next: sizer ").split()
        best = (*found.answers, *found.near, found.plain)[0]
        weights = found.claim.size if best.coincidence and found.remainder else best.weights
        assert json.loads(run(*command, "--json").stdout)["weights"] == weights


def test_screen_says_plainly_that_nothing_fits() -> None:
    text = claim_screen(reconcile(GRAVES, "90M"))
    assert (
        "\nNothing gives 90M: no convention, no option, nor one depth or one width off.\n"
        "  or 71,142,500 to 72,142,499 weights of other layers beside the plain reading\n\nNearest\n"
    ) in text
    assert (
        "     58,212,205  bidirectional, skip_connections, graves2013, bias_vectors 2 · 31,787,795 (35.3%) short"
        in text
    )
    assert "\nNot: skip_connections 21.2M, without the output layer 18.2M, bidirectional 52.4M, 4 layers 14.4M" in text
    envelope = {"convention": "back_of_envelope", "cell_type": "lstm", "inputs": 3, "cells": [4, 5]}
    assert "Not:" not in claim_screen(reconcile(envelope, 1))
    text = claim_screen(reconcile({**SPEECH, "outputs": 7}, 12_917_761))
    assert "Nothing comes nearer than the plain reading.\n" in text


@pytest.mark.parametrize(
    ("network", "claim", "said"),
    [
        (GRAVES, "18,357,500", "Plainly 18,357,500: that is the figure\n\nWhat gives 18,357,500\n  1  18,357,500  as it was said"),
        (GRAVES, "18.4M", "Plainly 18,357,500: that rounds to 18.4M\n"),
        ({**GRAVES, "inputs": 40, "outputs": 14247, "cells": 840}, "37M",
         "Plainly 37,503,480: that is cut off, not rounded, to 37M\n"),
        ({**GRAVES, "inputs": 40, "outputs": 14247, "cells": 840}, "37M", "  2  37,516,080  as 1"),
        (SPEECH, "12,926,976", "Plainly 12,910,592: 16,384 (0.1%) short of 12,926,976\n"),
        (KERAS_GRU, "2,070,900", "Plainly 2,071,800: 900 over 2,070,900\n"),
        (KERAS_GRU, "2,070,900", "  1  2,070,900  bias_vectors 1\n"),
        (KERAS_GRU, "2,070,900", "What only comes near\n     2,071,200  flax · 300 over 2,070,900\n"),
        ({**KERAS_GRU, "convention": None}, "2,070,900", "; keras with bias_vectors 1 (reset_after=False)\n"),
        ({**GRAVES, "layers": 7}, "21.3M", "  1  21,252,205  5 layers, skip_connections, graves2013\n"),
        ({**GRAVES, "layers": 7}, "21.3M", "  and 1 more that assumes as much or more\n"),
        ({**GRAVES, "inputs": 204, "outputs": 204}, "18,357,500", "  1  18,357,500  inputs and outputs 205\n"),
        ({**SPEECH, "layers": 2}, "4,521,984", "  1  4,521,984  1 layer\n"),
        ({**SPEECH, "peepholes": True}, "12,910,592", "  1  12,910,592  no peepholes\n"),
        ({**SPEECH, "other_weights": 5}, "12,910,592", "  1  12,910,592  without other_weights\n"),
        ({**SPEECH, "inputs": 0, "vocabulary": 9, "embedding": 80, "outputs": 5}, "12,910,592",
         "  1  12,910,592  the recurrent part alone\n"),
        ({**SPEECH, "inputs": 0, "vocabulary": 9, "embedding": 80}, "12,910,592",
         "  1  12,910,592  without the embedding\n"),
    ],
)  # fmt: skip
def test_line_of_the_screen(network: dict[str, Any], claim: str, said: str) -> None:
    assert said in claim_screen(reconcile(network, claim))


def test_screen_shows_the_first_few() -> None:
    found = reconcile(GRAVES, "21M")
    text = claim_screen(found)
    assert len(re.findall(r"^  \d  ", text, re.MULTILINE)) == ON_SCREEN
    assert f"and {len(found.answers) - ON_SCREEN + found.more} more" in text


def test_pipe_gets_every_reading_as_a_table() -> None:
    done = run(
        "compare", "--claim", "4.3M", *as_options({**GRAVES, "inputs": 49, "outputs": 49, "layers": 1, "cells": 1000})
    )
    header, *rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert header[:8] == ["reading", "match", "weights", "difference", "price", "convention", "assumed", "same_network"]
    assert header[8:] == ["chance", "coincidence"]
    assert rows[0] == ["plain", "near", "4245000", "0", "0", "textbook", "", "", "", ""]
    assert rows[1][:7] == ["answer", "rounded", "4252049", "7049", "1", "graves2013", "graves2013"]
    assert rows[2][:7] == ["answer", "rounded", "4253049", "8049", "1", "pytorch", "pytorch"]
    assert rows[1][9] == "false"
    assert [row[0] for row in rows[-5:]] == ["near", "not", "not", "not", "remainder"]
    assert rows[-1] == ["remainder", "rounded", "4300000", "55000", "", "textbook", "other_weights 55000", "", "", ""]
    found = reconcile(GRAVES, "21M")
    assert len(claim_table(found).splitlines()) == 2 + len(every_answer(found))


def test_json_is_one_object() -> None:
    found = json.loads(run("compare", "--claim", "21.3M", "--json", *as_options(GRAVES)).stdout)
    assert found == json.loads(json.dumps(reconcile(GRAVES, "21.3M").as_json()))
    assert set(found) == {"claim", "plain", "answers", "near", "not", "more", "tried", "remainder"}
    assert found["remainder"]["least"] == 21_250_000 - 18_357_500
    assert found["claim"] == {"text": "21.3M", "least": 21_250_000, "most": 21_349_999}
    first = found["answers"][0]
    assert set(first) == {
        "match", "weights", "difference", "price", "chance", "coincidence", "fields", "assumed", "same_network"
    }  # fmt: skip
    assert count(first["fields"]).weights == first["weights"] == 21_252_205
    assert first["same_network"] == [{"convention": "kaldi_nnet3"}]
    assert first["assumed"][0] == {
        "assumption": "skip_connections",
        "words": "the raw input also feeds every layer, and every layer the output",
        "changes": {"skip_connections": True},
        "price": 2,
        "difference": 2_870_000,
        "by_tensor": {"input_weights": 2_296_000, "output_weights": 574_000},
    }


def test_faults_and_usage_of_the_option() -> None:
    done = run("compare", "--claim", "lots", *as_options(GRAVES))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("--claim: 'lots' is not a figure;")
    done = run("compare", "--convention", "keras", *as_options(GRAVES))
    assert done.returncode == 2
    assert "--convention goes with --claim; without a claim every" in done.stderr
    done = run("compare", "--claim", "2070900", *as_options(KERAS_GRU))
    assert done.stdout.splitlines()[2].split("\t")[5:7] == ["keras", "bias_vectors 1"]
