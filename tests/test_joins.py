"""Groups of axes that only add up, counted apart and joined: against walking, everywhere and for whole models."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sizer.grids.engine import BLOCK, Decider
from sizer.grids.ids import blocks, lengths
from sizer.grids.pruning import counts, joins
from sizer.grids.pruning.counts import CountPlan, count_kept
from sizer.grids.pruning.joins import Join
from sizer.grids.pruning.pieces import pieces
from sizer.grids.repeats import Repeats
from sizer.sweepfile.load import parse_sweep
from sizer.sweepfile.sweep import Sweep
from tests import test_model_sweeps
from tests.examples import examples, saw, seeing
from tests.test_engine import slow_run

RNNT = yaml.safe_load((Path(__file__).parents[1] / "sweeps" / "rnnt.yaml").read_text("utf-8"))["model"]


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Join wherever that can be done, whether it pays or not."""
    monkeypatch.setattr(counts, "WORTH_JOINING", -1)
    monkeypatch.setattr(joins, "COST", (0.0, 0.0, 0.0))
    monkeypatch.setattr(joins, "OVERHEAD", 0)

    counts_of = Join.counts

    def seen(join: Join) -> Any:
        saw(f"joined {len(join.columns)}")
        return counts_of(join)

    monkeypatch.setattr(Join, "counts", seen)


@st.composite
def networks(draw: st.DrawFn) -> Sweep:
    """Return a sweep of several axes of plain networks, under one budget or two."""
    axes = {
        "layers": [1, 2],
        "cells": [4, 8, 12],
        "recurrent_projection": [2, 3, 5],
        "nonrecurrent_projection": [1, 2, 7],
        "inputs": [1, 2, 9],
        "outputs": [1, 6, 8, 20],
        "other_weights": [5, 50, 500],
    }
    names = draw(st.permutations(list(axes)))[: draw(st.integers(4, 7))]
    model = {"convention": "textbook", "cell_type": "lstm", "inputs": 7, "layers": 2, "cells": 6}
    columns = draw(
        st.lists(
            st.sampled_from(["weights", "macs_per_step", "state_size", "output_weights", "input_weights"]),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    data: dict[str, Any] = {
        "sizer": 1,
        "name": "x",
        "model": {name: value for name, value in model.items() if name not in names},
        "grid": {name: axes[name] for name in names},
        "where": draw(st.sampled_from([[], ["outputs % 3 != 1"], ["inputs <= 8", "recurrent_projection < cells"]])),
    }
    # Limits among what there is, so that they cut.
    _, rows = slow_run(parse_sweep(json.dumps({key: value for key, value in data.items() if value})))
    data["budget"] = {}
    for column in columns:
        values = sorted(row[column] for row in rows) or [0]
        least, most = sorted(draw(st.tuples(*[st.integers(0, len(values) - 1)] * 2)))
        limits = {"min": values[least], "max": values[most]}
        data["budget"][column] = draw(st.sampled_from([limits, {"max": values[most]}, {"min": values[least]}]))
    return parse_sweep(json.dumps({key: value for key, value in data.items() if value}))


@seeing(rows=20, **{"joined 1": 20})
@settings(max_examples=max(examples(60), 10), deadline=None)
@given(networks())
@pytest.mark.usefixtures("everywhere")
def test_joining_equals_walking(sweep: Sweep) -> None:
    account, rows = slow_run(sweep)
    counted = count_kept(sweep)
    assert counted.account == account
    assert counted.at_least == counted.at_most == account.kept
    if rows:
        saw("rows")


@pytest.mark.thorough
@settings(max_examples=max(examples(80), 20), deadline=None)
@given(test_model_sweeps.sweeps())
@pytest.mark.usefixtures("everywhere")
def test_joining_blocks_finds_what_the_engine_finds(data: dict[str, Any]) -> None:
    test_model_sweeps.hold_pruned(data, "weights", descending=True)


def transducers(number: int, budget: dict[str, Any], where: list[str], *, listed: bool = False) -> Sweep:
    """Return a sweep of transducers, with so many values on each of five axes: at equal steps, or a list of any."""
    chance = np.random.default_rng(1)

    def axis(start: int, step: int) -> Any:
        if listed:
            every = np.arange(start, start + step * number)
            return sorted(int(value) for value in chance.choice(every, number, replace=False))
        return {"from": start, "to": start + step * (number - 1), "step": step}

    grid = {
        "encoder.cells": axis(512, 16 * 252 // number),
        "encoder.recurrent_projection": axis(128, 8 * 252 // number),
        "prediction.cells": axis(512, 16 * 252 // number),
        "joint.width": axis(128, 8 * 252 // number),
        "output.width": axis(1024, 64 * 252 // number),
    }
    data = {"sizer": 1, "name": "x", "model": RNNT, "grid": grid, "budget": budget, "where": where}
    return parse_sweep(json.dumps({key: value for key, value in data.items() if value}))


def walked(sweep: Sweep) -> int:
    """Return how many configurations are kept, each computed and compared."""
    grid = sweep.grids[0]
    decider = Decider(sweep, grid, [], Repeats.of(sweep, 0))
    return sum(decider.count(box).kept for _, box in blocks(lengths(grid), BLOCK))


CASES = [
    ({"weights": {"max": "60M"}}, [], 1),
    ({"weights": {"min": "50M", "max": "60M"}}, ["encoder.recurrent_projection * 2 <= encoder.cells"], 1),
    ({"weights": {"min": "40M", "max": "60M"}, "state_size": {"min": 8000, "max": 30000}}, [], 1),
    # With these no axis can be settled so that only one group adds to the state.
    ({"weights": {"max": "70M"}, "state_size": {"max": 40000}}, ["joint.width <= prediction.cells"], 1),
    ({"encoder.weights": {"max": "50M"}, "state_size": {"max": 30000}, "weights": {"max": "80M"}}, [], 1),
    ({"weights": {"min": "40M", "max": "90M"}}, ["encoder.cells % 3 == 1", "prediction.cells * 2 < output.width"], 1),
]


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize(("budget", "where", "columns"), CASES)
def test_transducers(budget: dict[str, Any], where: list[str], columns: int) -> None:
    sweep = transducers(9, budget, where)
    (piece,) = pieces(sweep.grids[0]) or ()
    plan = CountPlan.of(piece, sweep, 0)
    join = Join.of(plan.way.search.piece, plan.conditions)
    assert join is not None
    assert len(join.columns) >= columns
    found = count_kept(sweep)
    assert found.account is not None
    assert 0 < found.at_least < sweep.size
    assert found.at_least == walked(sweep)


@pytest.mark.usefixtures("everywhere")
def test_two_sums_to_which_both_groups_add(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fewest axes are settled, so that both groups add to the state and to the weights."""
    for budget in (
        {"weights": {"max": "70M"}, "state_size": {"max": 30000}},
        {"weights": {"min": "40M", "max": "90M"}, "state_size": {"min": 20000, "max": 40000}},
    ):
        sweep = transducers(9, budget, [])
        (piece,) = pieces(sweep.grids[0]) or ()
        names = [axis.columns[0].field for axis in sweep.grids[0].axes]
        plan = CountPlan.of(piece, sweep, 0)
        settled = [names.index("joint.width")]
        encoder = [names.index("encoder.cells"), names.index("encoder.recurrent_projection")]
        others = tuple(axis for axis in range(5) if axis not in {*settled, *encoder})
        judge = Join.of(plan.way.search.piece, plan.conditions).judge  # type: ignore[union-attr]
        join = Join(judge, tuple(settled), (tuple(encoder), others), ("weights", "state_size"))
        assert sum(join.counts()) == walked(sweep) > 0


def test_ten_to_the_twelve_under_two_budgets() -> None:
    """What walking the same grid in a few values cannot say; the search that this replaces had bounds 36 % apart."""
    sweep = transducers(252, {"weights": {"min": "50M", "max": "60M"}, "state_size": {"max": 20000}}, [])
    assert sweep.size > 10**12
    found = count_kept(sweep)
    assert found.account is not None
    assert found.at_least == found.at_most == 14_778_223_227


@pytest.mark.parametrize(("budget", "where", "columns"), CASES)
def test_lists_of_sizes(budget: dict[str, Any], where: list[str], columns: int) -> None:
    """Where sizes are no equal steps apart there are no slices, and groups that add up are all there is."""
    sweep = transducers(30, budget, where, listed=True)
    found = count_kept(sweep)
    assert found.account is not None
    assert found.at_least == walked(sweep) > 0
    # Of 10^12 it is exact as well, not given up because a search would take too long.
    counted = count_kept(transducers(252, budget, where, listed=True))
    assert counted.account is not None
    assert 0 < counted.at_least == counted.at_most < 252**5


def test_a_pair_that_is_left_out_is_noticed(everywhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = joins._pairs_within
    monkeypatch.setattr(joins, "_pairs_within", lambda *numbers: pairs(*numbers) - 1)
    sweep = transducers(9, {"weights": {"max": "60M"}}, [])
    assert count_kept(sweep).at_least != walked(sweep)


LIMITS = st.tuples(st.none() | st.integers(-12, 3), st.none() | st.integers(3, 12))


@settings(max_examples=examples(300), deadline=None)
@given(st.data(), LIMITS, LIMITS)
@example(None, (None, None), (None, None))
def test_pairs_of_two_sums(data: Any, first: tuple[Any, Any], second: tuple[Any, Any]) -> None:
    chance = np.random.default_rng(0) if data is None else np.random.default_rng(data.draw(st.integers(0, 10**6)))
    one, other = (chance.integers(-9, 10, (2, int(chance.integers(1, 20)))) for _ in range(2))
    expected = sum(
        all(
            (least is None or a + b >= least) and (most is None or a + b <= most)
            for a, b, (least, most) in zip(left, right, (first, second), strict=True)
        )
        for left, right in itertools.product(one.T.tolist(), other.T.tolist())
    )
    sums = [(one[0], other[0]), (one[1], other[1])]
    assert joins._pairs_within_both(sums, [first, second]) == expected
    if second == (None, None):
        assert joins._pairs_within(*sums[0], *first) == expected
