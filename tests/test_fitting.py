"""The inverse question: equal to trying every value, and to the widths of networks whose size was published."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, example, given, settings
from hypothesis import strategies as st

import sizer
from sizer.errors import InputError
from sizer.networks.columns import COUNTED
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import count
from sizer.networks.fields import FIELDS
from sizer.questions import course
from sizer.questions.fitting import Fit, fit, fit_each
from sizer.sweepfile.axis import rounded
from tests.examples import examples, saw, seeing
from tests.oracles.configurations import networks
from tests.oracles.figures import Figure, count_figures

COUNTS = tuple(name for name, field in FIELDS.items() if field.kind == "count")
FAR = 80
"""Values of the base field that the slow way tries."""
EXACT = [
    figure
    for figure in count_figures()
    if figure.exact and isinstance(figure.network["cells"], int) and not figure.network.get("tied_embedding")
]


# Against trying every value


def moved(names: list[str], ratios: list[Fraction], round_to: int | None, base: int) -> dict[str, int] | None:
    """Return what varies for one value of the base, None where a fraction is not whole."""
    values = {names[0]: base}
    for name, ratio in zip(names[1:], ratios, strict=True):
        if round_to is None and (base * ratio).denominator != 1:
            return None
        values[name] = rounded(base, ratio, round_to)
    return values


def try_every_value(
    network: dict[str, Any], names: list[str], ratios: list[Fraction], round_to: int | None, step: int, column: str
) -> dict[int, int]:
    """Return base -> column for every value that is valid, one after another."""
    found = {}
    for base in range(0, FAR + 1, step):
        values = moved(names, ratios, round_to, base)
        if values is not None:
            try:
                found[base] = count({**network, **values}).columns()[column]
            except InputError:
                continue
    return found


@st.composite
def questions(draw: st.DrawFn) -> tuple[dict[str, Any], list[str], list[Fraction], int | None, int, str]:
    network = draw(st.one_of(networks(lists=False), mostly_valid_networks()))
    names = [draw(st.sampled_from(("cells", "cells", "recurrent_projection", *COUNTS)))]
    others = ("recurrent_projection", "nonrecurrent_projection", "embedding", *COUNTS)
    for _ in range(draw(st.sampled_from((0, 0, 1, 2)))):
        names.append(draw(st.sampled_from([name for name in others if name not in names])))
    ratios = [
        draw(st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(3, 7)]))
        for _ in names[1:]
    ]
    round_to = draw(st.sampled_from((None, 1, 2, 3, 8))) if ratios else None
    column = draw(st.sampled_from(("weights", "weights", *COUNTED)))
    return network, names, ratios, round_to, draw(st.sampled_from((1, 1, 2, 8))), column


@st.composite
def mostly_valid_networks(draw: st.DrawFn) -> dict[str, Any]:
    """Fields that the convention and the cell type have, in sizes around each other."""
    convention = CONVENTIONS[draw(st.sampled_from(tuple(CONVENTIONS)))]
    cell = convention.cell(draw(st.sampled_from(tuple(convention.bias_vectors))))
    size = st.integers(1, 12)
    network: dict[str, Any] = {"convention": convention.name, "cell_type": cell.name}
    network |= {"layers": draw(st.integers(1, 4)), "cells": draw(st.integers(1, 40)), "outputs": draw(size)}
    if draw(st.integers(0, 3)):
        network["inputs"] = draw(st.integers(1, 40))
    else:
        network |= {"vocabulary": draw(size), "embedding": draw(size)}
    for name in sorted(cell.fields & set(COUNTS)):
        if draw(st.booleans()) or name in cell.needs:
            network[name] = draw(st.integers(1, FIELDS[name].maximum or 12))
    for name in ("bidirectional", "skip_connections"):
        if not draw(st.integers(0, 2)):
            network[name] = True
    return network


TIED = {
    "convention": "pytorch",
    "cell_type": "lstm",
    "layers": 2,
    "vocabulary": 9,
    "outputs": 9,
    "tied_embedding": True,
    "bidirectional": True,
}
KALDI = {"convention": "kaldi_nnet3", "cell_type": "lstm", "layers": 2, "inputs": 3, "outputs": 5}
SRU = {"convention": "pytorch", "cell_type": "sru", "layers": 2, "outputs": 3}
HALVES = ["cells", "recurrent_projection", "nonrecurrent_projection"]


@seeing(refused=90, found=60, nothing=6)
@settings(
    max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(question=questions(), data=st.data())
@example(question=({**TIED}, ["cells", "embedding"], [Fraction(2)], 3, 1, "weights"), data=None)
@example(question=({**TIED, "embedding": 24}, ["cells"], [], None, 1, "weights"), data=None)
@example(question=({**KALDI}, HALVES, [Fraction(1, 2), Fraction(1, 2)], 8, 1, "macs_per_step"), data=None)
@example(question=({**SRU}, ["cells", "inputs"], [Fraction(1)], 8, 1, "weights"), data=None)
@example(question=({**SRU}, ["cells", "inputs", "outputs"], [Fraction(1), Fraction(1, 8)], 8, 1, "weights"), data=None)
@example(question=({**SRU, "inputs": 20}, ["cells"], [], None, 1, "weights"), data=None)
@example(question=({**KALDI, "cells": 30}, ["recurrent_projection"], [], None, 1, "weights"), data=None)
def test_the_answer_is_that_of_trying_every_value(
    question: tuple[dict[str, Any], list[str], list[Fraction], int | None, int, str], data: st.DataObject | None
) -> None:
    network, names, ratios, round_to, step, column = question
    network = {name: value for name, value in network.items() if name not in names}
    every = try_every_value(network, names, ratios, round_to, step, column)
    vary = ",".join([names[0], *(f"{name}={ratio}" for name, ratio in zip(names[1:], ratios, strict=True))])

    def ask(budget: int) -> Fit:
        return fit(network, vary=vary, budget=f"{column}={budget}", step=step, round_to=round_to)

    if not every:
        try:
            found = ask(10**9)
        except InputError:
            saw("refused")
            return
        assume(False)  # valid further out than the slow way looks
    # Half the way, so that the next one over it is among those that were tried.
    counts = [counted for base, counted in every.items() if base <= FAR // 2] or [min(every.values())]
    if data is None:
        near = sorted({counted + more for counted in counts for more in (-1, 0, 1)} - {-1})
        budgets = near[:: max(1, len(near) // 10)]
    else:
        budgets = [max(0, data.draw(st.sampled_from(counts)) + data.draw(st.integers(-2, 2)))]
    for budget in budgets:
        found = ask(budget)
        event(found.outcome)
        saw(found.outcome)
        within = [base for base, counted in every.items() if counted <= budget]
        if found.outcome == "unchanged":
            assert set(every.values()) == {found.smallest.counted if found.smallest else None}
        elif found.outcome == "nothing":
            assert not within
            assert found.smallest is not None
            assert found.smallest.counted == min(every.values())
            assert found.next_over is not None
            assert found.next_over.values[names[0]] == min(every)
        else:
            assert found.outcome == "found"
            assert found.largest is not None
            base = found.largest.values[names[0]]
            assert base > FAR or base == within[-1]
            assert base <= FAR or within == list(every)
            assert found.largest.values == moved(names, ratios, round_to, base)
            assert found.largest.counted == found.largest.count.columns()[column] <= budget
            above = [other for other in every if other > base]
            if found.next_over is None:
                assert not above
            else:
                over = found.next_over.values[names[0]]
                assert over > FAR or over == above[0]
                assert over <= FAR or not above
                assert found.next_over.counted > budget


def test_what_is_rounded_up_from_0_does_not_move_with_the_rounding() -> None:
    """The outputs are 8 up to 95 cells, first rounded up from less, then down from more; a tied embedding needs them to."""
    network = {
        "convention": "pytorch",
        "cell_type": "sru",
        "layers": 1,
        "vocabulary": 8,
        "tied_embedding": True,
    }
    ratios = [Fraction(1), Fraction(1, 8)]
    every = try_every_value(network, ["cells", "embedding", "outputs"], ratios, 8, 1, "input_weights")
    assert list(every) == list(range(8, FAR + 1, 8))
    for base, counted in every.items():
        found = fit(network, vary="cells,embedding=1,outputs=1/8", budget=f"input_weights={counted}", round_to=8)
        assert found.largest is not None
        assert found.largest.values == {"cells": base, "embedding": base, "outputs": 8}


# Against numbers from outside


PUBLISHED_WIDTHS = [
    pytest.param(figure, vary, id=f"{figure.name}-{vary}")
    for figure in EXACT
    for vary in ("cells", "layers", "inputs", "outputs", "embedding", "recurrent_projection")
    if figure.network.get(vary)
]


@pytest.mark.parametrize(("figure", "vary"), PUBLISHED_WIDTHS)
def test_the_published_width_comes_back(figure: Figure, vary: str) -> None:
    width = figure.network[vary]
    network = {name: value for name, value in figure.network.items() if name != vary}
    found = fit(network, vary=vary, budget=figure.weights)
    assert found.largest is not None
    assert (found.largest.values, found.largest.counted) == ({vary: width}, figure.weights)
    assert found.next_over is None or found.next_over.values == {vary: width + 1}

    if figure.network["cell_type"] == "sru":
        return  # it counts less where a layer is as wide as what feeds it
    below = fit(network, vary=vary, budget=figure.weights - 1)
    if below.next_over is not None and below.largest is not None:
        assert below.next_over.values == {vary: width}
        assert below.largest.counted < figure.weights


@pytest.mark.parametrize(
    ("fields", "vary", "budget", "values"),
    [
        # Graves 2013 prints 21.3M; Kaldi's log says 11,894,059; AWD-LSTM ties a 400-wide embedding and has 24,221,600.
        (
            {
                "convention": "graves2013",
                "cell_type": "lstm",
                "inputs": 205,
                "outputs": 205,
                "layers": 5,
                "skip_connections": True,
            },
            "cells",
            "21.3M",
            {"cells": 700},
        ),
        (
            {"convention": "kaldi_nnet3", "cell_type": "lstm", "inputs": 300, "outputs": 3371, "layers": 3},
            "cells,recurrent_projection=1/4,nonrecurrent_projection=1/4",
            11_894_059,
            {"cells": 1024, "recurrent_projection": 256, "nonrecurrent_projection": 256},
        ),
        (
            {
                "convention": "pytorch",
                "cell_type": "lstm",
                "embedding": 400,
                "cells": [1150, 1150, 400],
                "tied_embedding": True,
            },
            "vocabulary,outputs=1",
            24_221_600,
            {"vocabulary": 10_000, "outputs": 10_000},
        ),
    ],
    ids=["graves", "kaldi", "awd-lstm"],
)
def test_published_networks(fields: dict[str, Any], vary: str, budget: str | int, values: dict[str, int]) -> None:
    found = fit(fields, vary=vary, budget=budget)
    assert found.largest is not None
    assert found.largest.values == values


def test_lists_of_one_value_per_layer_stay_as_they_are() -> None:
    """Two layers with projections 12 and 4: 4n(3 + 12) + 8n + 12n, then 4n(12 + 4) + 8n + 4n."""
    network = {"convention": "pytorch", "cell_type": "lstm", "inputs": 3, "recurrent_projection": [12, 4]}
    found = fit(network, vary="cells", budget=156 * 100 + 155)
    assert found.largest is not None
    assert found.largest.values == {"cells": 100}
    assert found.largest.count.configuration["cells"] == (100, 100)
    lowest = fit(network, vary="cells", budget=1)
    assert lowest.smallest is not None
    assert lowest.smallest.values == {"cells": 13}  # pytorch needs a projection below the cells, in every layer


def test_any_column_and_any_size() -> None:
    network = {"convention": "textbook", "cell_type": "rnn", "inputs": 1, "layers": 1}
    found = fit(network, vary="cells", budget="int8_bytes=2MB")
    assert (found.column, found.budget) == ("int8_bytes", 2_000_000)
    assert found.largest is not None
    assert found.largest.values == {"cells": 1413}  # n(n + 1) <= 2,000,000
    far = fit(network, vary="cells", budget=10**600)
    assert far.largest is not None
    assert far.largest.values == {"cells": (math.isqrt(1 + 4 * 10**600) - 1) // 2}
    assert far.next_over is not None
    assert far.next_over.counted > 10**600 >= far.largest.counted


def test_only_multiples_are_looked_at() -> None:
    network = {"convention": "sak2014", "cell_type": "lstm", "inputs": 39, "outputs": 34, "layers": 5}
    found = fit(network, vary="cells,recurrent_projection=0.125", budget="10M", step=64, round_to=16)
    assert found.largest is not None
    assert found.next_over is not None
    assert found.largest.values["cells"] % 64 == 0
    assert found.largest.values["recurrent_projection"] % 16 == 0
    assert found.next_over.values["cells"] == found.largest.values["cells"] + 64
    whole = fit(network, vary="cells,recurrent_projection=3/40", budget="10M", step=6)
    assert whole.largest is not None
    assert whole.largest.values["cells"] % 120 == 0  # the first multiple of 6 with a whole 3/40


def test_no_projection_may_count_more_than_a_narrow_one() -> None:
    network = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 3, "cells": 1024}
    without = count(network).weights
    found = fit(network, vary="recurrent_projection", budget=without - 1)
    assert found.largest is not None
    assert found.largest.values["recurrent_projection"] > 0
    nothing = fit(network, vary="recurrent_projection", budget=1)
    assert nothing.smallest is not None
    assert nothing.next_over is not None
    assert (nothing.smallest.values, nothing.next_over.values) == (
        {"recurrent_projection": 1},
        {"recurrent_projection": 0},
    )


# What is said


NETWORK: dict[str, Any] = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 64}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in NETWORK.items() if name not in names}


@pytest.mark.parametrize(
    ("fields", "question", "outcome", "note"),
    [
        (
            without("cells"),
            {"vary": "cells", "budget": 100},
            "nothing",
            "nothing fits: the smallest count is 348 weights, at cells 1",
        ),
        (
            without("inputs"),
            {"vary": "inputs", "budget": "state_size=1K"},
            "unchanged",
            "nothing to search: inputs does not change state_size, which is 256 for every valid value, within the budget",
        ),
        (
            without("cells"),
            {"vary": "cells", "budget": "embedding_weights=0"},
            "unchanged",
            "nothing to search: cells does not change embedding_weights, which is 0 for every valid value, within the budget",
        ),
        (
            NETWORK | {"vocabulary": 10, "embedding": 4, "inputs": 0},
            {"vary": "outputs", "budget": "embedding_weights=39"},
            "unchanged",
            "nothing to search: outputs does not change embedding_weights, which is 40 for every valid value, over the budget",
        ),
        (
            NETWORK,
            {"vary": "recurrent_projection", "budget": "1B"},
            "found",
            "no larger value is valid: pytorch needs recurrent_projection < cells",
        ),
        (
            NETWORK,
            {"vary": "bias_vectors", "budget": "1B"},
            "found",
            "no larger value is valid: 2 is the maximum of bias_vectors",
        ),
    ],
)
def test_what_is_said_beside_the_values(
    fields: dict[str, Any], question: dict[str, Any], outcome: str, note: str
) -> None:
    found = fit(fields, **question)
    assert (found.outcome, found.note) == (outcome, note)


def test_a_fraction_that_decides_how_a_network_is_wired_may_not_be_too_fine_either() -> None:
    with pytest.raises(InputError, match="vary: moves in steps that repeat themselves only after 80,000, too many"):
        fit({**SRU, "cell_type": "sru"}, vary="cells,inputs=1.0001", budget="1M", round_to=8)


def test_a_column_that_stops_growing_has_no_upper_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """No built-in cell has such a column, so one is made: an output layer that is fed 2 values or, from 3 cells on, 5."""

    def counted(network: Any, columns: list[str]) -> dict[str, Any]:
        cells = network.groups[1].dimensions["cells"]
        return {columns[0]: 2 + 3 * (cells > 2)}

    monkeypatch.setattr(course, "tally", counted)
    found = fit(without("cells"), vary="cells", budget=5)
    assert (found.outcome, found.note) == ("unlimited", "no upper limit: weights stays at 5 from cells 3 on")
    found = fit(without("cells"), vary="cells", budget=4)
    assert found.largest is not None
    assert found.next_over is not None
    assert (found.largest.values, found.next_over.values) == ({"cells": 2}, {"cells": 3})


KNOWN = ", ".join(COUNTS)


@pytest.mark.parametrize(
    ("fields", "question", "said"),
    [
        ({}, {"vary": "cell"}, "vary: 'cell' names no field; did you mean 'cells'?"),
        ({}, {"vary": ""}, f"vary: '' names no field; one of {KNOWN}"),
        ({}, {"vary": "bidirectional"}, "vary: 'bidirectional' is not a count, and only a count can be searched"),
        ({}, {"vary": "cells,cells=1/2"}, "vary: 'cells' is there twice"),
        (
            {},
            {"vary": "cells,layers"},
            "vary: 'layers' moves with cells, so it needs a fraction, such as layers=1/4",
        ),
        ({}, {"vary": "cells=64"}, "vary: 'cells=64' is searched, so it takes no value; give the budget alone"),
        ({}, {"vary": "cells,layers=1/0"}, "vary: '1/0' is not a fraction above 0; write 1/4, 0.25 or 2"),
        ({}, {"budget": "10X"}, "budget: '10X' has no known unit; the units are K, M, B and T"),
        ({}, {"budget": "wieghts=1"}, "budget: no column named 'wieghts'; did you mean 'weights'?"),
        ({}, {"budget": "xyz=1"}, f"budget: no column named 'xyz'; one of {', '.join(COUNTED)}"),
        ({}, {"step": 0}, "step: 0 is below the minimum, 1"),
        ({}, {"vary": "cells,layers=1", "round_to": 0}, "round_to: 0 is below the minimum, 1"),
        (
            {},
            {"round_to": 8},
            "round_to: rounds what moves with another field, such as cells,recurrent_projection=1/4",
        ),
        ({"cells": 5}, {}, "cells: is what varies; leave it out"),
        ({"layers": None}, {}, "layers: is missing"),
        ({"layers": 0}, {}, "layers: 0 is below the minimum, 1"),
        ({"recurrent_projection": 64, "convention": "keras"}, {}, "recurrent_projection: keras has no projections"),
        (
            {"layers": None, "recurrent_projection": [3, 4]},
            {"vary": "layers"},
            "layers: is set by a list of one value per layer, so it cannot vary",
        ),
        ({"cells": 5}, {"vary": "outputs,bias_vectors=3", "step": 2}, ""),
        (
            {"layers": None},
            {"vary": "layers,bias_vectors=3"},
            "bias_vectors: 2 is the maximum of bias_vectors",
        ),
    ],
)
def test_faults(fields: dict[str, Any], question: dict[str, Any], said: str) -> None:
    question = {"vary": "cells", "budget": "10M", **question}
    network = {**without("cells"), **fields}
    if question["vary"].startswith("layers") and "cells" not in question["vary"]:
        network["cells"] = 64
    if not said:
        assert fit(network, **question).largest is not None
        return
    with pytest.raises(InputError) as problem:
        fit(network, **question)
    assert said in str(problem.value).splitlines()


def test_all_faults_at_once() -> None:
    with pytest.raises(InputError) as problem:
        fit_each({"inputs": ["x", 3], "cell": 4, "layers": None}, vary="cell", budget="10X", step=0)
    assert [fault.path for fault in problem.value.faults] == ["budget", "cell", "inputs", "step", "vary"]


def test_a_fraction_that_is_too_fine_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "LOOKED_AT", 500)
    network = {
        "convention": "textbook",
        "cell_type": "lstm",
        "vocabulary": 10,
        "outputs": 10,
        "layers": 1,
        "tied_embedding": True,
        "nonrecurrent_projection": 3,
    }
    with pytest.raises(InputError) as problem:
        fit(
            network,
            vary="cells,recurrent_projection=0.3333333,embedding=0.3333333",
            budget="1M",
            round_to=8,
        )
    assert str(problem.value) == (
        "vary: moves in steps that repeat themselves only after 80,000,000, too many to try them all;"
        " write fractions with fewer digits, or a larger step"
    )


# Several networks


def test_lists_are_networks_of_their_own() -> None:
    found = fit_each(
        {**without("cells"), "layers": [1, 2, 3], "convention": ["pytorch", "keras"]}, vary="cells", budget="10M"
    )
    asked = [(one.fields["convention"], one.fields["layers"]) for one in found]
    assert asked == list(itertools.product(("pytorch", "keras"), (1, 2, 3)))
    for one in found:
        assert one == fit(one.fields, vary="cells", budget="10M")


def test_a_refused_network_is_an_answer_unless_all_are() -> None:
    network = {**NETWORK, "convention": ["pytorch", "keras"], "recurrent_projection": 16}
    del network["cells"]
    found = fit_each(network, vary="cells", budget="10M")
    assert [(one.outcome, one.note) for one in found] == [("found", ""), ("refused", "keras has no projections")]
    with pytest.raises(InputError, match="recurrent_projection: keras has no projections"):
        fit_each({**network, "convention": ["keras", "flax"]}, vary="cells", budget="10M")
    with pytest.raises(InputError, match="an empty list gives no network"):
        fit_each({**network, "convention": []}, vary="cells", budget="10M")
    with pytest.raises(InputError) as problem:
        fit_each({**network, "convention": ["keras", "flax"], "layers": [0, 0]}, vary="cells", budget="10M")
    assert str(problem.value) == "layers: 0 is below the minimum, 1"


def test_the_package_has_it() -> None:
    assert sizer.fit is fit
