"""What is said before a run, against small grids that are written out in full."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizer.errors import InputError
from sizer.networks.cells import CELL_TYPES
from sizer.networks.conventions import CONVENTIONS, cell_of
from sizer.networks.counting import Description
from sizer.networks.fields import FIELDS, FieldValue
from sizer.networks.network import COUNTED, refusals, tally
from sizer.sweepfile import parse_sweep
from sizer.sweepfile.axis import Listed, Stepped
from sizer.sweepfile.limits import count_bounds, largest_counts, no_valid_configuration
from sizer.sweepfile.sweep import Axis, Grid, Sweep
from tests.examples import examples, saw, seeing

_VALUES: dict[str, list[Any]] = {
    "convention": list(CONVENTIONS),
    "cell_type": list(CELL_TYPES),
    "count": [0, 1, 2, 3, 4, 8],
    "boolean": [False, True],
}
_FIXED: dict[str, FieldValue] = {"convention": "textbook", "cell_type": "lstm", "layers": 2, "cells": 4, "inputs": 3}


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    swept = draw(st.lists(st.sampled_from(list(FIELDS)), min_size=1, max_size=4, unique=True))
    axes = []
    for name in swept:
        field = FIELDS[name]
        known = [
            value
            for value in _VALUES.get(name, _VALUES.get(field.kind, []))
            if field.kind != "count" or (field.minimum <= value <= (field.maximum or value))
        ]
        if field.kind == "count" and field.maximum is None and draw(st.booleans()):
            axes.append(Axis((Stepped(name, field.minimum, draw(st.integers(1, 3)), 3),), 3))
        else:
            values = draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True))
            axes.append(Axis((Listed(name, tuple(values)),), len(values)))
    fixed = dict(_FIXED)
    if draw(st.booleans()):
        fixed |= {"vocabulary": 4, "embedding": 4, "inputs": 0, "outputs": 4}
    fixed |= draw(st.dictionaries(st.sampled_from(["tied_embedding", "peepholes", "bidirectional"]), st.booleans()))
    return Grid({name: value for name, value in fixed.items() if name not in swept}, tuple(axes))


def configurations(grid: Grid) -> Iterator[dict[str, FieldValue]]:
    for places in itertools.product(*(range(axis.length) for axis in grid.axes)):
        yield grid.configuration(places)


@seeing(refused=30, valid=150)
@settings(max_examples=examples(400), deadline=None)
@given(grid=grids())
def test_a_grid_is_refused_where_every_configuration_is(grid: Grid) -> None:
    first = []
    for one in configurations(grid):
        refused = [(rule.field, rule.reason) for rule, refuses in refusals(one, cell_of(one)) if refuses]
        first.append(refused[0] if refused else None)
    found = [(field, reason) for _, field, reason in no_valid_configuration([grid])]
    assert bool(found) == (None not in first)
    assert set(found) <= set(first)
    saw("refused" if found else "valid")


@seeing(counted=800)
@settings(max_examples=examples(300), deadline=None)
@given(grid=grids())
def test_no_count_passes_the_largest_corner(grid: Grid) -> None:
    largest = largest_counts(grid, count_bounds(grid), COUNTED)
    for one in configurations(grid):
        if str(one["cell_type"]) in CONVENTIONS[str(one["convention"])].bias_vectors:
            counted = tally(Description(one).wired(), COUNTED)
            assert all(counted[name] <= largest[name] for name in COUNTED)
            saw("counted")


def test_the_corner_is_reached() -> None:
    grid = Grid(_FIXED | {"outputs": 7}, (Axis((Stepped("recurrent_projection", 0, 1, 3),), 3),))
    largest = largest_counts(grid, count_bounds(grid), ["weights"])
    found = [tally(Description(one).wired(), ["weights"])["weights"] for one in configurations(grid)]
    assert largest == {"weights": max(found)}


def ratio_sweep(base: object, ratio: object, round_to: int | None) -> Sweep:
    axis = {"of": "cells", "ratio": ratio} | ({} if round_to is None else {"round_to": round_to})
    grid = json.dumps({"cells": base, "outputs": axis, "layers": [1], "other_weights": {"of": "outputs", "ratio": 3}})
    return parse_sweep(f"sizer: 1\nname: x\nmodel: {{convention: textbook, cell_type: rnn, inputs: 1}}\ngrid: {grid}\n")


@seeing(whole=200, fractions=30)
@settings(max_examples=examples(300), deadline=None)
@given(
    start=st.integers(1, 12),
    step=st.integers(1, 12),
    length=st.integers(1, 5),
    numerator=st.integers(1, 6),
    denominator=st.integers(1, 6),
    round_to=st.none() | st.integers(1, 8),
)
def test_ratios_of_steps_are_those_of_the_list(
    start: int, step: int, length: int, numerator: int, denominator: int, round_to: int | None
) -> None:
    values = [start + step * place for place in range(length)]
    ratio = f"{numerator}/{denominator}"
    whole = round_to is not None or all(value * numerator % denominator == 0 for value in values)
    for base in (values, {"from": start, "to": values[-1], "step": step}):
        try:
            sweep = ratio_sweep(base, ratio, round_to)
        except InputError as problem:
            said = str(problem)
            sweep = None
        if sweep is None:
            assert not whole
            assert f"{ratio} of " in said
            assert "is not whole" in said
            saw("fractions")
            continue
        assert whole
        saw("whole")
        found = [one["outputs"] for one in configurations(sweep.grids[0])]
        step_to = round_to or 1
        nearest = [
            max(step_to, min(range(0, 400, step_to), key=lambda near: (abs(near * denominator - v * numerator), -near)))
            if round_to
            else v * numerator // denominator
            for v in values
        ]  # fmt: skip
        assert found == nearest
        assert count_bounds(sweep.grids[0])["outputs"] == (min(found), max(found))


@pytest.mark.parametrize("text", ["[" * 50_000, "a: " + "{b: [" * 20_000, "- [" * 30_000])
def test_brackets_that_are_never_closed_are_soon_refused(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(InputError):
        parse_sweep(text, "sweep")
    assert time.monotonic() - began < 5


def test_exact_fractions_of_exact_fractions_of_rounded_values() -> None:
    def faults(last: str) -> str:
        grid = (
            "{cells: [16, 48], outputs: {of: cells, ratio: 1, round_to: 8}, embedding: {of: outputs, ratio: 1/16}, "
            f"other_weights: {{of: embedding, ratio: {last}}}}}"
        )
        model = "{convention: textbook, cell_type: lstm, inputs: 0, vocabulary: 5, layers: 1}"
        try:
            parse_sweep(f"sizer: 1\nname: x\nmodel: {model}\ngrid: {grid}\n")
        except InputError as problem:
            return str(problem)
        return ""

    assert faults("2") == ""
    assert "1/2 of 1 (embedding) is not whole" in faults("1/2")
