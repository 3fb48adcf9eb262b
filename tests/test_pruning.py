"""Pruning against walking: the same account, the same rows, the same best ones, on grids of every kind."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizer.grids.account import Account
from sizer.grids.engine import enumerate_sweep
from sizer.grids.pruning import best_boxes, counts, lattice_points, residuals, search
from sizer.grids.pruning import boxes as boxes_module
from sizer.grids.pruning import rows as rows_module
from sizer.grids.pruning.counts import count_kept, prunable
from sizer.grids.pruning.interval_conditions import outcomes
from sizer.grids.pruning.pieces import pieces
from sizer.grids.pruning.rows import pruned_rows
from sizer.networks.columns import COUNTED
from sizer.networks.counting import CHOICES
from sizer.numbers.interval import Interval
from sizer.numbers.polynomial import Polynomial
from sizer.sweepfile.expressions import parse_expression
from sizer.sweepfile.load import parse_sweep
from sizer.sweepfile.sweep import Bound, Sweep
from tests.examples import examples, saw, seeing
from tests.test_engine import COLUMNS, KINDS, SPEECH, WHERES, as_dicts, first_difference, slow_run, sweep_of, sweeps


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the work into pieces so small that every seam is met."""
    monkeypatch.setattr(boxes_module, "SPREAD", 3)
    monkeypatch.setattr(best_boxes, "SAMPLE", 3)
    monkeypatch.setattr(best_boxes, "OPENED_AT_ONCE", 1)
    monkeypatch.setattr(best_boxes, "MOST_WAITING", 4)
    monkeypatch.setattr(search, "CHUNK", 8)
    monkeypatch.setattr(search, "LINES_AT_ONCE", 5)
    group_everywhere(monkeypatch, 6, 4)


def group_everywhere(monkeypatch: pytest.MonkeyPatch, runs: int, groups: int) -> None:
    """Group slices wherever that can be done, whether it pays or not, so many runs and groups at once."""
    monkeypatch.setattr(search, "WORTH_GROUPING", 0)
    monkeypatch.setattr(search, "GROUPED", 0)
    monkeypatch.setattr(search, "OVERLAP", 0)
    monkeypatch.setattr(residuals, "RUNS_AT_ONCE", runs)
    monkeypatch.setattr(residuals, "GROUPS_AT_ONCE", groups)
    monkeypatch.setattr(rows_module, "BATCH", 7)


def assert_same(sweep: Sweep, sort: str = "weights", descending: bool = True) -> None:
    account, rows = slow_run(sweep)
    counted = count_kept(sweep, best=5, sort=sort, descending=descending)
    assert counted.account is not None
    assert counted.account.repeated in {None, account.repeated}
    counted.account.repeated = account.repeated
    assert counted.account == account
    assert counted.at_least == counted.at_most == account.kept
    seen = Account()
    found = [row for batch in pruned_rows(sweep, COLUMNS, seen) for row in as_dicts(batch)]
    assert seen.repeated == account.repeated
    assert first_difference(found, rows) is None
    sign = -1 if descending else 1
    best = sorted(rows, key=lambda row: (sign * row[sort], row["id"]))[:5]
    assert counted.best == [row["id"] for row in best]


@seeing(pruned=90, rows=10)
@settings(max_examples=max(examples(120), 30), deadline=None)
@given(sweeps(), st.sampled_from(COUNTED), st.booleans())
def test_pruning_equals_walking(sweep: Sweep, sort: str, descending: bool) -> None:
    if prunable(sweep):
        assert_same(sweep, sort, descending)
        saw("pruned")
        if count_kept(sweep).at_least:
            saw("rows")
    else:
        saw("walked")


@seeing(pruned=60, rows=8)
@settings(max_examples=max(examples(80), 20), deadline=None)
@given(sweeps(), st.data())
def test_rows_of_consecutive_ranges_are_all_rows(sweep: Sweep, data: st.DataObject) -> None:
    if not prunable(sweep):
        saw("walked")
        return
    cuts = sorted(data.draw(st.lists(st.integers(0, sweep.size), max_size=6)))
    whole, pieces = Account(), Account()
    expected = [row for batch in pruned_rows(sweep, COLUMNS, whole) for row in as_dicts(batch)]
    found = []
    for start, stop in itertools.pairwise([0, *cuts, None]):
        assert start is not None
        rows = [row for batch in pruned_rows(sweep, COLUMNS, pieces, start, stop) for row in as_dicts(batch)]
        assert all(start <= row["id"] < (sweep.size if stop is None else stop) for row in rows)
        found += rows
    assert first_difference(found, expected) is None
    assert pieces.repeated == whole.repeated
    saw("pruned")
    if found:
        saw("rows")


def test_some_sweeps_are_prunable_and_some_are_not() -> None:
    assert prunable(sweep_of([SPEECH]))
    assert prunable(parse_sweep(HUGE))
    assert not prunable(parse_sweep(ZIGZAG))


def test_a_grid_is_cut_into_pieces_once() -> None:
    pieces.cache_clear()
    sweep = sweep_of([SPEECH], (Bound("weights", None, 10_000_000),))
    assert_same(sweep)
    assert prunable(sweep)
    assert_same(sweep)
    found = pieces.cache_info()
    assert (found.misses, found.hits >= 4) == (1, True)


@pytest.mark.parametrize("answer", [False, True])
def test_the_comparisons_notice_an_answer_that_is_always_the_same(
    answer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A property that looks at nothing must not pass."""
    monkeypatch.setitem(globals(), "prunable", lambda sweep: answer)
    with pytest.raises(AssertionError):
        test_some_sweeps_are_prunable_and_some_are_not()
    if not answer:
        with pytest.raises(AssertionError, match="too few were looked at"):
            test_pruning_equals_walking()
        with pytest.raises(AssertionError, match="too few were looked at"):
            test_rows_of_consecutive_ranges_are_all_rows()


@pytest.mark.parametrize(
    "where",
    [
        pytest.param((), marks=pytest.mark.thorough),
        WHERES[:1],
        pytest.param(WHERES[1:4], marks=pytest.mark.thorough),
    ],
)
@pytest.mark.parametrize(
    "budget",
    [
        pytest.param((), marks=pytest.mark.thorough),
        (Bound("weights", None, 10_000_000),),
        (Bound("weights", 2_000_001, 9_999_999), Bound("int8_bytes", 3_000_000, None)),
        (Bound("float32_bytes", None, 17_000_001), Bound("macs_per_step", 500_000, 4_000_000)),
        pytest.param((Bound("state_size", 1000, 3000),), marks=pytest.mark.thorough),
    ],
)
def test_the_speech_grid(budget: tuple[Bound, ...], where: tuple[str, ...]) -> None:
    assert_same(sweep_of([SPEECH], budget, where))


STEPPED = """
sizer: 1
name: steps
model: {convention: CONVENTION, cell_type: lstm, inputs: 5, outputs: 3}
grid:
  layers: {from: 1, to: 3, step: 1}
  cells: {from: 1, to: 17, step: 1}
  recurrent_projection: {from: 0, to: 12, step: 2}
  nonrecurrent_projection: {from: 0, to: 5, step: 1}
budget: {weights: {min: 500, max: 4K}}
"""


@pytest.mark.parametrize("convention", ["textbook", "kaldi_nnet3", "pytorch", "back_of_envelope"])
def test_rules_that_cut_through_the_grid(convention: str) -> None:
    assert_same(parse_with_all_columns(STEPPED.replace("CONVENTION", convention)))


def parse_with_all_columns(text: str) -> Sweep:
    sweep = parse_sweep(text)
    return sweep_of(list(sweep.grids), sweep.budget, tuple(expression.text for expression in sweep.where))


def test_a_wrong_corner_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: with a count that leaves the peepholes out, it does."""
    whole = Polynomial.__add__

    def without(self: Polynomial, other: Any) -> Polynomial:
        found = whole(self, other)
        return Polynomial({monomial: factor for monomial, factor in found.terms.items() if monomial != ("cells",)})

    monkeypatch.setattr(Polynomial, "__add__", without)
    with pytest.raises(AssertionError):
        assert_same(sweep_of([SPEECH], (Bound("weights", None, 10_000_000),)))


HUGE = """
sizer: 1
name: huge
model: {convention: textbook, cell_type: lstm, inputs: 39, outputs: 34}
grid:
  layers: {from: 1, to: 10, step: 1}
  cells: {from: 1, to: 10000, step: 1}
  recurrent_projection: {from: 1, to: 3000, step: 1}
  nonrecurrent_projection: {from: 0, to: 3000, step: 1}
budget: {weights: {max: 40K}}
"""


ZIGZAG = (
    "{sizer: 1, name: zigzag, model: {convention: textbook, cell_type: rnn, inputs: 3, layers: 1}, grid: {cells: ["
    + ", ".join(str(n) for pair in zip(range(1, 9000, 2), range(9000, 0, -2), strict=False) for n in pair)
    + "]}}"
)


def test_a_grid_of_nine_hundred_thousand_million(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    counted = count_kept(parse_sweep(HUGE), best=3)
    # Counted by lines, plainly: for each layers, cells and projection the largest second projection that fits.
    expected = 0
    for layers, cells in itertools.product(range(1, 11), range(1, 10001)):
        base = 4 * cells * 39
        for recurrent in range(1, 3001):
            at_zero = base + 4 * cells * recurrent + cells * recurrent + 34 * recurrent
            at_zero += (layers - 1) * (9 * cells * recurrent)
            if at_zero > 40_000:
                break
            slope = cells + 34 + (layers - 1) * 5 * cells
            expected += min(3000, (40_000 - at_zero) // slope) + 1
    assert counted.account is not None
    assert counted.account.kept == expected > 10**6
    assert counted.account.outside == {("weights", "over"): 10 * 10000 * 3000 * 3001 - expected}
    assert len(counted.best) == 3


def test_how_far_a_count_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said between pieces and within them; it never falls, and ends with everything decided."""
    monkeypatch.undo()
    monkeypatch.setattr(counts, "SAID_EVERY", 0.0)
    monkeypatch.setattr(search, "CHUNK", 1 << 7)
    sweep = parse_sweep(
        HUGE.replace("40K", "10M") + "where: [recurrent_projection + nonrecurrent_projection <= cells]\n"
    )
    said: list[tuple[int, int]] = []
    counted = count_kept(sweep, on_counted=lambda decided, kept: said.append((decided, kept)))
    decided = [number for number, _ in said]
    assert decided == sorted(decided)
    assert len(set(decided)) > 10
    assert counted.account is not None
    assert said[-1] == (sweep.size, counted.account.kept)
    assert all(kept <= counted.account.kept for _, kept in said)


def test_rows_at_the_end_of_a_huge_grid_cost_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    sweep = parse_sweep(HUGE.replace("40K", "3B"))
    start, stop = sweep.size - 2 * 3001 - 5, sweep.size - 3001 + 7
    batches = list(pruned_rows(sweep, ["weights"], Account(), start, stop))
    found = [
        pair for batch in batches for pair in zip(batch.ids.tolist(), batch.column("weights").tolist(), strict=True)
    ]
    # The last places of the grid: layers 10, cells 10,000, recurrent projections 2,998 to 3,000.
    expected = []
    for place in range(start, stop):
        r, p = 1 + place // 3001 % 3000, place % 3001
        weights = 40_000 * (39 + r) + 10_000 * (r + p) + 34 * (r + p) + 9 * (40_000 * (2 * r + p) + 10_000 * (r + p))
        if weights <= 3_000_000_000:
            expected.append((place, weights))
    assert 0 < len(expected) < stop - start
    assert found == expected


def test_effort_that_runs_out_gives_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    sweep = parse_sweep(HUGE.replace("40K", "1M") + "where: ['cells % 7 == 3']\n")
    counted = count_kept(sweep, effort=200_000)
    assert counted.account is None
    assert 0 <= counted.at_least < counted.at_most < 10 * 10000 * 3000 * 3001


def test_bounds_hold_the_exact_count() -> None:
    text = STEPPED.replace("CONVENTION", "textbook") + "where: ['cells % 3 == 1', 'recurrent_projection != 4']\n"
    sweep = parse_sweep(text)
    exact = count_kept(sweep)
    for effort in (0, 1, 10, 100, 1000):
        bounds = count_kept(sweep, effort=effort)
        assert bounds.at_least <= exact.at_least <= bounds.at_most


def test_a_grid_of_thirty_digits_is_counted_exactly() -> None:
    text = """
sizer: 1
name: thirty
model: {convention: textbook, cell_type: lstm, layers: 1, cells: 1}
grid:
  inputs: {from: 1, to: 1e10, step: 1}
  outputs: {from: 1, to: 1e10, step: 1}
  other_weights: {from: 1, to: 1e10, step: 1}
budget: {weights: {max: 100}}
"""
    counted = count_kept(parse_sweep(text))
    # 4 * inputs + 4 + outputs + other_weights <= 100
    expected = sum(
        1
        for inputs in range(1, 25)
        for outputs in range(1, 97)
        for other in range(1, 97)
        if 4 * inputs + 4 + outputs + other <= 100
    )
    assert counted.account is not None
    assert counted.account.kept == expected
    assert counted.account.decided == 10**30


PLANES = """
sizer: 1
name: planes
model: {convention: CONVENTION, cell_type: lstm}
grid:
  layers: {from: 1, to: 2, step: 1}
  cells: [3, 8, 5]
  recurrent_projection: {from: 0, to: 4, step: 2}
  inputs: {from: 2, to: 14, step: 3}
  outputs: {from: 1, to: 12, step: 1}
  other_weights: {from: 0, to: 36, step: 9}
budget: {weights: {min: 300, max: 700}BUDGET}
WHERE
"""


@pytest.mark.parametrize(
    "budget", [pytest.param("", marks=pytest.mark.thorough), ", macs_per_step: {min: 200, max: 900}"]
)
@pytest.mark.parametrize(
    "where", ["", "where: ['inputs < outputs + 5']", "where: ['cells % 5 != 0', 'other_weights != 27']"]
)
def test_slices_along_two_axes(budget: str, where: str) -> None:
    text = (
        PLANES.replace("CONVENTION", "keras" if where else "textbook").replace("BUDGET", budget).replace("WHERE", where)
    )
    sweep = parse_with_all_columns(text)
    assert_same(sweep)
    assert_same(sweep, "macs_per_step", descending=False)


def test_several_bounds_cut_through_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice that several bounds cut is counted whole: a search that opens each of them gives up on the last grid.

    Counted apart, projection by projection: of an LSTM without biases, the most that the other projection may be.
    """
    monkeypatch.undo()
    budget = "{weights: {max: 10M}, output_weights: {min: 20000, max: 40000}, state_size: {max: 5000}}"
    huge = HUGE.replace("{weights: {max: 40K}}", budget)
    text = huge.replace("from: 1, to: 10000, step: 1}", "from: 10, to: 10000, step: 10}")
    counted = count_kept(parse_sweep(text))
    expected = 0
    for layers, cells in itertools.product(range(1, 11), range(10, 10001, 10)):
        recurrent = np.arange(1, 3001)
        recurrent = recurrent[layers * (cells + recurrent) <= 5000]
        gates = 4 * cells * (39 + recurrent) + (layers - 1) * 4 * cells * 2 * recurrent
        projected = layers * cells + 34
        room = 10_000_000 - gates - projected * recurrent
        most = np.minimum(room // ((layers - 1) * 4 * cells + projected), 40_000 // 34 - recurrent)
        least = np.maximum(-(-20_000 // 34) - recurrent, 0)
        expected += int(np.clip(np.minimum(most, 3000) - least + 1, 0, None).sum())
    assert counted.account is not None
    assert counted.at_least == expected > 0
    assert count_kept(parse_sweep(huge)).account


def test_bounds_that_contradict_each_other_keep_nothing() -> None:
    """Of weights and of their bytes; a count of what is up to one less what is below the other would be negative."""
    sweep = replace(parse_sweep(HUGE), budget=(Bound("weights", 5_000_000, None), Bound("int8_bytes", None, 3_000_000)))
    counted = count_kept(sweep, best=3)
    assert counted.account is not None
    assert counted.at_least == counted.at_most == counted.account.kept == 0
    assert counted.account.decided == sweep.size
    assert min(counted.account.outside.values()) > 0
    assert counted.best == []
    assert not [rows for rows in pruned_rows(sweep, [], Account()) if len(rows)]


STACKS = """
sizer: 1
name: stacks
model: {cell_type: lstm, convention: CONVENTION}
grid:
  layers: [1, 2, 3]
  cells: {from: 2, to: 60, step: 2}
  recurrent_projection: {from: 1, to: 13, step: 3}
  nonrecurrent_projection: {from: 0, to: 12, step: 2}
  inputs: {from: 1, to: 40, step: 3}
  outputs: {from: 5, to: 80, step: 5}
WHERE
budget: {weights: {max: 6000, min: MINIMUM}}
"""


@pytest.mark.parametrize("convention", ["textbook", "sak2014"])
@pytest.mark.parametrize("minimum", [0, 2500])
@pytest.mark.parametrize(
    "where",
    ["", "where: ['recurrent_projection + nonrecurrent_projection <= cells']", "where: ['2 * cells <= 7 + outputs']"],
)
def test_slices_that_leave_the_same(convention: str, minimum: int, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs and outputs of stacks with two projections: grouped, they count to what they do one by one."""
    monkeypatch.undo()
    group_everywhere(monkeypatch, 100, 64)
    text = STACKS.replace("CONVENTION", convention).replace("MINIMUM", str(minimum)).replace("WHERE", where)
    sweep = parse_sweep(text)
    counted, walked = count_kept(sweep), Account()
    for account, _ in enumerate_sweep(sweep, []):
        walked.add(account)
    walked.repeated = counted.account.repeated if counted.account else None
    assert counted.account == walked


JOINT = """
sizer: 1
name: joint
model:
  convention: pytorch
  blocks:
    heard: {type: input, inputs: 10}
    encoder: {type: dense, width: 8}
    said: {type: embedding, from: [], vocabulary: 20, embedding: 8}
    prediction: {type: dense, width: 8}
    joint: {type: dense, from: [encoder, prediction], width: 8}
grid:
  heard.inputs: {from: 1, to: 9, step: 1}
  said.embedding: {from: 1, to: 9, step: 2}
  joint.width: {from: 1, to: 40, step: 3}
  encoder.width: {from: 5, to: 80, step: 5}
  prediction.width: {from: 2, to: 60, step: 2}
budget: {weights: {max: 3000, min: MINIMUM}}
"""


@pytest.mark.parametrize("minimum", [0, 500])
@pytest.mark.parametrize(("field", "grows"), [("heard.inputs", 1), ("said.embedding", 1), ("joint.width", 2)])
def test_a_third_axis_that_meets_one_or_both_of_a_plane(
    field: str, grows: int, minimum: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A joint layer's width multiplies the widths of both networks in front of it, an input's that of one."""
    monkeypatch.undo()
    group_everywhere(monkeypatch, 100, 64)
    sweep = parse_sweep(JOINT.replace("MINIMUM", str(minimum)))
    axis = sweep.swept.index(field)
    every, taken = residuals.groupings, []

    def along(*asked: Any) -> Any:
        for grouping in every(*asked):
            if grouping.axis == axis:
                taken.append(sum(step > 0 for step in grouping.steps))
                yield grouping

    monkeypatch.setattr(search, "groupings", along)
    counted, walked = count_kept(sweep), Account()
    for account, _ in enumerate_sweep(sweep, []):
        walked.add(account)
    walked.repeated = counted.account.repeated if counted.account else None
    assert counted.account == walked
    assert taken == [grows] * len(taken) != []


def test_slices_are_grouped_where_they_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above would say nothing of groups if there were none."""
    monkeypatch.undo()
    group_everywhere(monkeypatch, 100, 64)
    text = STACKS.replace("CONVENTION", "textbook").replace("MINIMUM", "2500").replace("WHERE", "")
    grid = parse_sweep(text).grids[0]
    plans = [counts.CountPlan.of(piece, parse_sweep(text), 0) for piece in pieces(grid) or ()]
    groupings = [plan.way.search.grouping for plan in plans]
    assert None not in groupings
    for plan in plans:
        found = list(plan.way.search.boxes())
        assert plan.way.search.residuals is not None
        assert plan.way.search.residuals.length > 0
        assert sum(one.volume() for one in found) > 0


def test_a_slice_that_is_counted_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stretches = residuals.RunGroups._stretches

    def twice(groups: residuals.RunGroups) -> Any:
        for start, length, times in stretches(groups):
            yield start, length, times + (times > 1)

    text = STACKS.replace("CONVENTION", "textbook").replace("MINIMUM", "0").replace("WHERE", "")
    monkeypatch.undo()
    group_everywhere(monkeypatch, 100, 64)
    rightly = count_kept(parse_sweep(text)).at_least
    monkeypatch.setattr(residuals.RunGroups, "_stretches", twice)
    assert count_kept(parse_sweep(text)).at_least > rightly


def test_a_wrong_sum_of_floors_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above counts by slices: with one point too many on each slanted line, it fails."""
    floor_sum = lattice_points._floor_sum
    monkeypatch.setattr(lattice_points, "_floor_sum", lambda *numbers: floor_sum(*numbers) + 1)
    with pytest.raises(AssertionError):
        assert_same(
            parse_with_all_columns(PLANES.replace("CONVENTION", "textbook").replace("BUDGET", "").replace("WHERE", ""))
        )


def test_a_grid_of_ten_to_the_eighteen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long ranges of outputs and of other weights on top of cells: two axes at once, by sums of floors."""
    monkeypatch.undo()
    text = """
sizer: 1
name: eighteen
model: {convention: textbook, cell_type: lstm, inputs: 39}
grid:
  layers: {from: 1, to: 10, step: 1}
  cells: {from: 1, to: 1000, step: 1}
  outputs: {from: 1, to: 10000000, step: 1}
  other_weights: {from: 0, to: 9999999, step: 1}
budget: {weights: {min: 1M, max: 10M}}
"""
    counted = count_kept(parse_sweep(text))

    def up_to(limit: int) -> int:
        total = 0
        for layers, cells in itertools.product(range(1, 11), range(1, 1001)):
            room = limit - 4 * cells * (39 + cells) - (layers - 1) * 8 * cells * cells
            # Each of so many outputs takes cells weights; what is left is free for other weights, all of them short
            # enough: a sum of an arithmetic progression.
            fits = min(room // cells, 10**7) if room >= cells else 0
            inside = [fits * (room + 1) - cells * fits * (fits + 1) // 2]
            free = min(max((room - (10**7 - 1)) // cells, 0), fits)
            inside.append(-(free * (room + 1 - 10**7) - cells * free * (free + 1) // 2))
            total += sum(inside)
        return total

    assert counted.account is not None
    assert counted.account.kept == up_to(10**7) - up_to(10**6 - 1)
    assert counted.account.decided == 10**18


@pytest.mark.thorough
def test_bounds_by_slices_hold_the_exact_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for where in ("", "where: ['inputs < outputs + 5']", "where: ['cells % 5 != 0', 'other_weights != 27']"):
        for budget in ("", ", macs_per_step: {min: 200, max: 900}"):
            text = PLANES.replace("CONVENTION", "textbook").replace("BUDGET", budget).replace("WHERE", where)
            sweep = parse_sweep(text)
            exact = count_kept(sweep, effort=None).at_least
            gaps = []
            for effort in (1, 10, 100, 1000, 10_000):
                monkeypatch.setattr(counts, "EFFORT_FOR_BOUNDS", effort)
                bounds = count_kept(sweep, effort=0)
                assert bounds.account is None
                assert bounds.at_least <= exact <= bounds.at_most
                gaps.append(bounds.at_most - bounds.at_least)
            assert gaps == sorted(gaps, reverse=True)
            assert gaps[-1] < gaps[0]


@pytest.mark.thorough
def test_the_largest_grids_have_near_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid of 9 x 10^17 with long ranges of inputs and outputs: where exact takes too long, within some percent."""
    monkeypatch.undo()
    text = (
        HUGE.replace(", inputs: 39, outputs: 34", "")
        .replace("40K", "10M")
        .replace("budget", "  inputs: {from: 1, to: 1000, step: 1}\n  outputs: {from: 1, to: 1000, step: 1}\nbudget")
    )
    counted = count_kept(parse_sweep(text))
    assert counted.account is None
    assert 0.85 * counted.at_most < counted.at_least
    # Configurations taken at random tell about as much.
    chance = np.random.default_rng(1)
    layers, cells, r, p, inputs, outputs = (
        chance.integers(*ends, 4_000_000) for ends in ((1, 11), (1, 10001), (1, 3001), (0, 3001), (1, 1001), (1, 1001))
    )
    weights = 4 * cells * (inputs + layers * r + (layers - 1) * (r + p)) + layers * cells * (r + p) + outputs * (r + p)
    share = np.count_nonzero(weights <= 10_000_000) / 4_000_000
    size = 10 * 10_000 * 3000 * 3001 * 10**6
    assert counted.at_least * 0.98 < share * size < counted.at_most * 1.02


def test_unsorted_lists_in_too_many_stretches_are_walked() -> None:
    assert not prunable(parse_sweep(ZIGZAG))


# The pieces


@settings(max_examples=examples(400))
@given(
    st.integers(0, 3),
    st.lists(
        st.tuples(st.integers(-2, 400), st.integers(0, 13), st.integers(0, 13), st.integers(1, 30), st.integers(1, 30)),
        min_size=1,
        max_size=8,
    ),
)
def test_points_below_a_line(larger: int, rows: list[tuple[int, int, int, int, int]]) -> None:
    """Floats, 64-bit integers and Python ints count alike: all but the extents grows by one factor."""
    factor = (1, 10**9, 2**52 + 1, 2**54)[larger]
    room, steep, flat, wide, high = (np.array(numbers, dtype=np.int64) for numbers in zip(*rows, strict=True))
    found = lattice_points.points_below(
        np.where(room < 0, room, room * factor), (steep * factor, flat * factor), (wide, high)
    )
    expected = [sum(a * x + b * y <= free for x in range(across) for y in range(up)) for free, a, b, across, up in rows]
    assert [int(number) for number in found] == expected


@settings(max_examples=examples(400))
@given(
    st.sampled_from([1, 10**9, 2**35]),
    st.lists(
        st.tuples(
            st.integers(-2, 300),
            st.integers(0, 13),
            st.integers(0, 13),
            st.integers(-2, 60),
            st.integers(1, 5),
            st.integers(1, 5),
            st.integers(0, 30),
            st.integers(0, 30),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_points_below_two_lines(factor: int, rows: list[tuple[int, ...]]) -> None:
    room, steep, flat, second, a, b, wide, high = np.array(rows, dtype=np.int64).T.copy()
    # Lines of one direction as well: one of each pair is nowhere the lower one.
    steep[::2], flat[::2] = a[::2], b[::2]
    found = lattice_points.points_below_all(
        [(np.where(room < 0, room, room * factor), steep * factor, flat * factor), (second, a, b)], (wide, high)
    )
    expected = [
        sum(s * x + f * y <= free and c * x + d * y <= other for x in range(across) for y in range(up))
        for free, s, f, other, c, d, across, up in zip(room, steep, flat, second, a, b, wide, high, strict=True)
    ]
    assert [int(number) for number in found] == expected


LINE = st.tuples(st.integers(-2, 200), st.integers(0, 9), st.integers(0, 9))


@settings(max_examples=examples(400))
@given(
    st.sampled_from([1, 10**9, 2**40]),
    st.integers(0, 4).flatmap(
        lambda lines: st.lists(
            st.tuples(st.integers(0, 20), st.integers(0, 20), *[LINE] * lines), min_size=1, max_size=6
        )
    ),
)
def test_points_below_several_lines(factor: int, rows: list[tuple[Any, ...]]) -> None:
    """Upright lines and level ones too, and lines that say nothing, or leave nothing."""
    wide, high = (np.array([row[place] for row in rows], dtype=np.int64) for place in (0, 1))
    lines = [
        tuple(np.array(numbers, dtype=np.int64) * factor for numbers in zip(*each, strict=True))
        for each in zip(*(row[2:] for row in rows), strict=True)
    ]
    found = lattice_points.points_below_all(lines, (wide, high))  # type: ignore[arg-type]
    expected = [
        sum(all(s * x + f * y <= room for room, s, f in several) for x in range(across) for y in range(up))
        for across, up, *several in rows
    ]
    assert [int(number) for number in found] == expected


@settings(max_examples=examples(200))
@given(
    st.integers(2**24, 2**25),
    st.integers(2**29, 2**32),
    st.integers(0, 2**20),
    st.integers(1, 3),
    st.integers(60, 100),
    st.integers(0, 5),
)
def test_points_below_two_lines_that_meet_early(
    high: int, wide: int, meet: int, steep: int, flat: int, below: int
) -> None:
    """Few points before two lines meet and some 10^16 behind: a sum in floats would be rounded.

    Counted apart by Euclid's algorithm on Python's whole numbers, since it is known which line is the lower one where.
    """

    def floors(number: int, divisor: int, slope: int, start: int) -> int:
        found = 0
        while True:
            found += (slope // divisor) * number * (number - 1) // 2 + (start // divisor) * number
            slope, start = slope % divisor, start % divisor
            last = slope * number + start
            if last < divisor:
                return found
            number, start, slope, divisor = last // divisor, last % divisor, divisor, slope

    def under(room: int, steep: int, first: int, stop: int) -> int:
        stop = min(stop, room // steep + 1)
        whole = max(first, min(stop, (room - flat * (high - 1)) // steep + 1))
        slanted = stop - whole
        if slanted <= 0:
            return max(stop - first, 0) * high
        return (whole - first) * high + slanted + floors(slanted, flat, steep, room - steep * (stop - 1))

    rooms = [slope * meet + flat * (high - below) for slope in (steep, steep + 1)]
    lines = [(np.array([room]), slope, flat) for room, slope in zip(rooms, (steep, steep + 1), strict=True)]
    found = lattice_points.points_below_all(lines, (np.array([wide]), np.array([high])))
    before = under(rooms[0], steep, 0, min(meet, wide))
    assert int(found[0]) == before + under(rooms[1], steep + 1, meet, wide)


@given(st.integers(10**6, 10**9), st.integers(1, 10**4), st.integers(1, 10**4), st.integers(1, 2000))
def test_points_below_a_line_in_a_large_rectangle(room: int, steep: int, flat: int, wide: int) -> None:
    high = 10**9
    found = lattice_points.points_below(np.array([room]), (steep, flat), (np.array([wide]), np.array([high])))
    expected = sum(min((room - steep * x) // flat + 1, high) for x in range(wide) if steep * x <= room)
    assert int(found[0]) == expected


EXPRESSIONS = (
    "cells + layers * 2 <= 9",
    "cells // layers > 2",
    "cells % layers == 1 or cells > 5",
    "not (cells // layers == 3)",
    "cells - 3 * layers < 2 <= cells",
    "cells in (2, 5, 7)",
    "cells not in (2, 5, 7) and layers != 1",
    "cells == layers",
    "-cells % 3 == layers",
    "cells // (layers - 2) >= 0",
    "cells % (layers - 2) == 0 or layers == 2",
)


@pytest.mark.parametrize("text", EXPRESSIONS)
@given(st.integers(0, 9), st.integers(0, 4), st.integers(0, 6), st.integers(0, 4))
def test_intervals_never_say_too_much(text: str, cells: int, more_cells: int, layers: int, more_layers: int) -> None:
    expression = parse_expression(text, KINDS, CHOICES)
    columns = {
        "cells": Interval(np.array([cells]), np.array([cells + more_cells])),
        "layers": Interval(np.array([layers]), np.array([layers + more_layers])),
    }
    says = outcomes(expression.tree, columns)
    answers = [
        bool(expression.holds({"cells": one, "layers": other}))
        for one in range(cells, cells + more_cells + 1)
        for other in range(layers, layers + more_layers + 1)
    ]
    if np.all(says.always()):
        assert all(answers)
    if np.all(says.never()):
        assert not any(answers)


variables = st.sampled_from(["a", "b", "c"])
polynomials = st.dictionaries(
    st.lists(variables, max_size=3).map(lambda names: tuple(sorted(names))), st.integers(-9, 9), max_size=5
).map(Polynomial)


@given(polynomials, polynomials, st.tuples(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50)))
def test_polynomials_compute(first: Polynomial, second: Polynomial, numbers: tuple[int, int, int]) -> None:
    values = dict(zip("abc", numbers, strict=True))

    def at(polynomial: Polynomial) -> int:
        return sum(factor * math.prod(values[name] for name in names) for names, factor in polynomial.terms.items())

    assert (first + second).compiled()(values) == at(first) + at(second)
    assert (first * second).compiled()(values) == at(first) * at(second)
    assert (3 - first).compiled()(values) == 3 - at(first)
    powers = first.split("a")
    assert sum(at(part) * values["a"] ** power for power, part in enumerate(powers)) == at(first)


def test_an_account_of_nothing_is_empty() -> None:
    sweep = sweep_of([SPEECH], (Bound("weights", None, 5),))
    counted = count_kept(sweep, best=5)
    assert counted.account == Account(outside=counted.account.outside)  # type: ignore[union-attr]
    assert counted.best == []
    assert [len(rows) for rows in pruned_rows(sweep, ["weights"], Account())] == []
    assert sum(len(rows) for _, rows in enumerate_sweep(sweep, ["weights"])) == 0


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from sizer.cli import main
main()
"""


def test_the_largest_dry_run_needs_little_memory(tmp_path: Path) -> None:
    sweep = tmp_path / "huge.yaml"
    sweep.write_text(
        "{sizer: 1, name: huge, model: {convention: textbook, cell_type: lstm, inputs: 39, outputs: 34},"
        " grid: {layers: {from: 1, to: 10, step: 1}, cells: {from: 1, to: 10000, step: 1},"
        " recurrent_projection: {from: 1, to: 3000, step: 1}, nonrecurrent_projection: {from: 0, to: 3000, step: 1}},"
        " budget: {weights: {max: 10M}}}"
    )
    # One gigabyte of addresses, most of which the libraries take before anything is counted.
    command = [sys.executable, "-c", LIMITED, "run", str(sweep), "--dry-run", "--json", "--top", "0"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["configurations"] == 10 * 10_000 * 3000 * 3001
    assert found["kept"] + found["outside_budget"]["weights"]["over"] == found["configurations"]
