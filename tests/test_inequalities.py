"""Lines that conditions cut, against every configuration on them looked at one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizer.grids.pruning import lattice_points, straight_cuts
from sizer.grids.pruning.counts import count_kept
from sizer.grids.pruning.kept_bounds import bound_kept
from sizer.grids.pruning.pieces import Piece, pieces
from sizer.grids.pruning.polynomial_conditions import polynomials_at_most_zero
from sizer.grids.pruning.search import BoxSearch
from sizer.grids.pruning.straight_cuts import Cuts
from sizer.grids.pruning.straight_slices import Slices, planes
from sizer.grids.pruning.verdicts import Condition, Judge
from sizer.networks.conventions import CONVENTIONS, rules_for
from sizer.networks.counting import CHOICES
from sizer.numbers.polynomial import Polynomial
from sizer.sweepfile.expressions import parse_expression
from sizer.sweepfile.load import parse_sweep
from sizer.sweepfile.sweep import Bound, Grid
from tests.examples import examples, saw, seeing
from tests.test_engine import KINDS
from tests.test_pruning import HUGE

GRID = """
sizer: 1
name: cut
model: {convention: CONVENTION, cell_type: lstm, inputs: 5, outputs: 3}
grid:
  layers: [1, 2, 5]
  cells: {from: 2, to: 14, step: 3}
  recurrent_projection: {from: 0, to: 9, step: 1}
  linked: [{nonrecurrent_projection: [1, 2, 4, 0, 3], other_weights: [8, 8, 9, 0, 2]}]
"""
RATIO = """
sizer: 1
name: ratio
model: {convention: textbook, cell_type: lstm, inputs: 5, outputs: 3, layers: 1}
grid:
  cells: {from: 8, to: 40, step: 8}
  recurrent_projection: {of: cells, ratio: [1/4, 1/2]}
  nonrecurrent_projection: [3, 1, 6]
"""


def first_grid(text: str, convention: str = "textbook") -> Grid:
    return parse_sweep(text.replace("CONVENTION", convention)).grids[0]


def cut_lines(piece: Piece, axis: int, judge: Judge) -> tuple[Sequence[Condition], set[tuple[int, ...]]]:
    """Return which conditions cut the lines of a piece, and the positions that they leave."""
    found = Cuts(piece, (axis,), judge.inequalities)
    sides = [range(start, stop) for start, stop in zip(piece.start, piece.stop, strict=True)]
    sides[axis] = range(sides[axis].start, sides[axis].start + 1)
    low = np.array(list(itertools.product(*sides)), dtype=np.int64).T
    start, stop = found.cut(low, {axis: (low[axis], np.full(low.shape[1], piece.stop[axis]))})[axis]
    left = set()
    for line in range(low.shape[1]):
        for place in range(start[line], stop[line]):
            position = [int(number) for number in low[:, line]]
            position[axis] = place
            left.add(tuple(position))
    return [condition for condition in judge.conditions if condition in found.solved], left


def passing(piece: Piece, conditions: Sequence[Condition]) -> set[tuple[int, ...]]:
    sides = [range(start, stop) for start, stop in zip(piece.start, piece.stop, strict=True)]
    everywhere = list(itertools.product(*sides))
    passes = Judge(piece, conditions).passes(np.array(everywhere, dtype=np.int64).T)
    return {position for position, some in zip(everywhere, passes, strict=True) if some}


FIELD = st.sampled_from(["layers", "cells", "recurrent_projection", "nonrecurrent_projection", "other_weights"])
TERM = st.one_of(
    st.tuples(st.integers(-4, 4), FIELD).map(lambda pair: f"{pair[0]} * {pair[1]}"),
    st.tuples(FIELD, FIELD).map(" * ".join),
    st.integers(-30, 30).map(str),
)
SIDE = st.lists(TERM, min_size=1, max_size=3).map(" + ".join)
SIGN = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
COMPARISON = st.tuples(SIDE, SIGN, SIDE).map(" ".join)
CHAIN = st.tuples(SIDE, SIGN, SIDE, SIGN, SIDE).map(" ".join)
CONDITION = st.one_of(
    COMPARISON,
    CHAIN,
    COMPARISON.map(lambda text: f"not ({text})"),
    st.tuples(COMPARISON, st.sampled_from(["and", "or"]), COMPARISON).map(" ".join),
    COMPARISON.map(lambda text: f"(({text}) == true) == (convention == 'textbook')"),
    SIDE.map(lambda text: f"cells % 5 < {text}"),
    SIDE.map(lambda text: f"cells <= 2.5 and layers < {text}"),
)


@seeing(solved=1500)
@settings(max_examples=examples(400), deadline=None)
@given(st.lists(CONDITION, min_size=1, max_size=2), st.sampled_from([GRID, RATIO]))
def test_cut_lines_hold_what_passes(texts: list[str], text: str) -> None:
    conditions = [parse_expression(condition, KINDS, CHOICES) for condition in texts]
    for piece in pieces(first_grid(text)) or ():
        for axis in range(len(piece.start)):
            solved, left = cut_lines(piece, axis, Judge(piece, conditions))
            assert left == passing(piece, solved)
            if solved:
                saw("solved")


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_rules_cut_lines(convention: str) -> None:
    solved_somewhere = False
    for piece in pieces(first_grid(GRID, convention)) or ():
        rules = rules_for(CONVENTIONS[convention], CONVENTIONS[convention].cell("lstm"))
        for axis in range(len(piece.start)):
            solved, left = cut_lines(piece, axis, Judge(piece, rules))
            solved_somewhere = solved_somewhere or bool(solved)
            assert left == passing(piece, solved)
    assert solved_somewhere


def test_a_wrong_cut_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: with lines that end one place early, it does."""
    cut = Cuts.cut

    def early(self: Cuts, low: Any, ends: Any) -> Any:
        return {axis: (start, stop - 1) for axis, (start, stop) in cut(self, low, ends).items()}

    monkeypatch.setattr(Cuts, "cut", early)
    with pytest.raises(AssertionError):
        test_rules_cut_lines("kaldi_nnet3")


STEPS = """
sizer: 1
name: steps
model: {convention: CONVENTION, cell_type: lstm, layers: 2}
grid:
  cells: {from: 2, to: 14, step: 4}
  recurrent_projection: {from: 0, to: 9, step: 1}
  nonrecurrent_projection: {from: 0, to: 8, step: 2}
  inputs: {from: 1, to: 7, step: 3}
  outputs: {from: 0, to: 8, step: 2}
"""
STEPPED_FIELD = st.sampled_from(["cells", "recurrent_projection", "nonrecurrent_projection", "inputs", "outputs"])
STEPPED_TERM = st.one_of(
    st.tuples(st.integers(-2, 3).map(str), STEPPED_FIELD).map(" * ".join),
    st.tuples(st.sampled_from(["1", "-1"]), STEPPED_FIELD, STEPPED_FIELD).map(" * ".join),
)
STEPPED_SUM = st.lists(STEPPED_TERM, min_size=1, max_size=3).map(" + ".join)


MOST_OF = [("weights", 6000), ("macs_per_step", 6000), ("state_size", 60), ("output_weights", 500)]


@st.composite
def bounded(draw: st.DrawFn) -> tuple[str, list[Bound], list[str]]:
    """Return a convention, bounds on counted columns, and conditions."""
    bounds = []
    for column, most in draw(st.lists(st.sampled_from(MOST_OF), min_size=1, max_size=3, unique=True)):
        low, high = sorted(draw(st.tuples(st.integers(0, most), st.integers(0, most))))
        bounds.append(Bound(column, draw(st.sampled_from([None, low])), draw(st.sampled_from([None, high]))))
    texts = draw(
        st.lists(st.tuples(STEPPED_SUM, st.integers(-5, 40)).map(lambda pair: f"{pair[0]} <= {pair[1]}"), max_size=2)
    )
    return draw(st.sampled_from(["textbook", "kaldi_nnet3", "pytorch"])), bounds, texts


def planes_of(convention: str, bounds: list[Bound], texts: list[str]) -> Iterator[tuple[Judge, Slices]]:
    conditions = [parse_expression(text, KINDS, CHOICES) for text in texts]
    rules = rules_for(CONVENTIONS[convention], CONVENTIONS[convention].cell("lstm"))
    for piece in pieces(first_grid(STEPS, convention)) or ():
        for slices in planes(Judge(piece, [*bounds, *rules, *conditions])):
            yield Judge(piece, [*bounds, *slices.cuts.solved]), slices


def assert_planes_hold_what_passes(convention: str, bounds: list[Bound], texts: list[str]) -> None:
    for judge, slices in planes_of(convention, bounds, texts):
        piece = judge.piece
        sides = [range(start, stop) for start, stop in zip(piece.start, piece.stop, strict=True)]
        everywhere = np.array(list(itertools.product(*sides)), dtype=np.int64).T
        passes = judge.passes(everywhere)
        others = [axis for axis in range(len(sides)) if axis not in slices.axes]
        low = everywhere[
            :, (everywhere[list(slices.axes)] == np.array(piece.start)[list(slices.axes), None]).all(axis=0)
        ]
        high = low + 1
        high[list(slices.axes)] = np.array(piece.stop)[list(slices.axes), None]
        found = slices.points(low, high, {column: judge.limits(column) for column in judge.bounds})
        expected = [
            int(passes[(everywhere[others] == low[others, number, None]).all(axis=0)].sum())
            for number in range(low.shape[1])
        ]
        assert [int(number) for number in found] == expected
        saw(f"slices of {len(bounds)}")
        if slices.cuts.slant is not None:
            saw("slants")


@seeing(slants=20, **{"slices of 1": 100, "slices of 2": 100, "slices of 3": 100})
@settings(max_examples=examples(100), deadline=None)
@given(bounded())
def test_cut_planes_hold_what_passes(drawn: tuple[str, list[Bound], list[str]]) -> None:
    assert_planes_hold_what_passes(*drawn)


def test_planes_that_a_rule_and_the_sweep_cut_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kaldi's rule is the sweep's condition too; with one point too many on each of two lines it would be noticed."""
    drawn = "kaldi_nnet3", [Bound("weights", None, 2500)], ["recurrent_projection + nonrecurrent_projection <= cells"]
    assert any(slices.axes == (1, 2) and slices.cuts.slant for _, slices in planes_of(*drawn))
    assert_planes_hold_what_passes(*drawn)
    below = lattice_points.points_below
    monkeypatch.setattr(lattice_points, "points_below", lambda *line: below(*line) + 1)
    with pytest.raises(AssertionError):
        assert_planes_hold_what_passes(*drawn)


@pytest.mark.parametrize(
    ("text", "cuts_lines"),
    [
        ("recurrent_projection + nonrecurrent_projection <= cells", True),
        ("2 * layers < cells <= 4 * recurrent_projection + 1", True),
        ("not cells > 7 and layers * cells >= recurrent_projection", True),
        ("cells == 2 * recurrent_projection", True),
        ("convention == 'textbook' or cells % 3 == 0", False),
        ("cells > 5 or layers == 1", False),
        ("cells != 5", False),
        ("cells in (2, 5)", False),
        ("cells // 2 > 3", False),
        ("cells * cells > 30", False),
        ("cells > 2.5", False),
    ],
)
def test_what_cuts_lines_of_cells(text: str, cuts_lines: bool) -> None:
    (_, piece) = pieces(first_grid(GRID))[:2]  # type: ignore[index]
    condition = parse_expression(text, KINDS, CHOICES)
    assert (condition in Cuts(piece, (1,), Judge(piece, [condition]).inequalities).solved) == cuts_lines


def test_numbers_too_large_to_solve_are_not_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    (_, piece) = pieces(first_grid(GRID))[:2]  # type: ignore[index]
    condition = parse_expression("3 * cells <= 40", KINDS, CHOICES)
    judge = Judge(piece, [condition])
    assert Cuts(piece, (1,), judge.inequalities).solved
    monkeypatch.setattr(straight_cuts, "LARGEST", 3 * 14 + 40 - 1)
    assert not Cuts(piece, (1,), judge.inequalities).solved


def test_what_always_or_never_holds_is_no_inequality() -> None:
    cells = {"cells": Polynomial({("cells",): 1})}
    always, never = (parse_expression(text, KINDS, CHOICES) for text in ("cells >= 1", "cells < 1"))
    assert polynomials_at_most_zero(always, cells) == ()
    (impossible,) = polynomials_at_most_zero(never, cells) or ()
    assert impossible.terms == {(): 1}


WHERE = "recurrent_projection + nonrecurrent_projection <= cells"
CONSTRAINED = HUGE + f"where: [{WHERE}]\n"


def test_a_huge_grid_whose_projections_fit_into_its_cells() -> None:
    """Nine hundred thousand million configurations: each line is cut by the budget and by the condition."""
    counted = count_kept(parse_sweep(CONSTRAINED))
    kept = excluded = 0
    for layers, cells in itertools.product(range(1, 11), range(1, 10001)):
        for recurrent in range(1, 3001):
            at_zero = 4 * cells * 39 + 5 * cells * recurrent + 34 * recurrent + (layers - 1) * 9 * cells * recurrent
            if at_zero > 40_000:
                break
            within = min(3000, (40_000 - at_zero) // (cells + 34 + (layers - 1) * 5 * cells)) + 1
            fit = max(0, min(within, cells - recurrent + 1))
            kept += fit
            excluded += within - fit
    assert counted.account is not None
    assert counted.account.kept == kept > 10**5
    assert dict(counted.account.excluded) == {"recurrent_projection + nonrecurrent_projection <= cells": excluded}


def assert_bounds_hold(convention: str, bound: Bound, texts: list[str]) -> set[tuple[int, int]]:
    """Return the bounds that were seen."""
    seen = set()
    conditions: list[Condition] = [bound, *rules_for(CONVENTIONS[convention], CONVENTIONS[convention].cell("lstm"))]
    conditions += [parse_expression(text, KINDS, CHOICES) for text in texts]
    for piece in pieces(first_grid(STEPS, convention)) or ():
        search = BoxSearch(piece, conditions, counting=True)
        exact = len(passing(piece, conditions))
        for effort in (0, 20, 400):
            least, most = bound_kept(search, effort)
            assert least <= exact <= most
            seen.add((least, most))
            saw("apart" if least < most else "exact")
    return seen


@seeing(apart=90, exact=300)
@settings(max_examples=examples(60), deadline=None)
@given(bounded())
def test_bounds_hold_where_slices_are_cut(drawn: tuple[str, Bound, list[str]]) -> None:
    """Between two corners as many pass as the bounds say: with the conditions of one and of all."""
    assert_bounds_hold(*drawn)


@pytest.mark.parametrize(
    "texts",
    [
        ["recurrent_projection + nonrecurrent_projection <= cells", "recurrent_projection >= 3"],
        ["recurrent_projection + 2 * nonrecurrent_projection <= inputs + cells", "2 * recurrent_projection >= inputs"],
        ["recurrent_projection * inputs >= 3 * cells", "nonrecurrent_projection * inputs >= cells"],
        ["inputs * outputs <= 2 * cells", "outputs >= inputs - 2"],
    ],
)
def test_bounds_hold_where_slices_are_cut_twice(texts: list[str]) -> None:
    for convention in ("textbook", "kaldi_nnet3"):
        for bound in (Bound("weights", None, 2500), Bound("weights", 200, 3000)):
            seen = assert_bounds_hold(convention, bound, texts)
            assert any(least < most for least, most in seen)


def test_lines_do_not_run_along_what_is_settled_point_by_point() -> None:
    """Along cells, every configuration would be looked at by itself."""
    counted = count_kept(
        parse_sweep(CONSTRAINED.replace(WHERE, "cells % 8 != 0").replace("40K", "10M")), effort=5_000_000
    )
    assert counted.account is not None
