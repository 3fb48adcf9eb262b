"""Sweeps without fields of layers as spaces, against configurations that are written out and counted one by one."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sizer
from sizer.errors import InputError
from sizer.grids import ranks as ranks_module
from sizer.grids.engine import enumerate_sweep
from sizer.grids.pruning import ranks as box_ranks
from sizer.grids.pruning.counts import count_kept
from sizer.grids.ranks import SweepRanks, is_walked
from sizer.networks.columns import COUNTED
from sizer.networks.counting import CHOICES
from sizer.networks.fields import FIELDS
from sizer.spaces import plain as plain_module
from sizer.spaces.space import Space, space
from sizer.sweepfile.load import load_sweep, sweep_of
from sizer.sweepfile.sweep import Bound, Sweep
from tests.examples import examples, saw, seeing
from tests.test_engine import slow_configurations, slow_run, sweeps

ROOT = Path(__file__).parents[1]
SPEECH = ROOT / "sweeps" / "speech.yaml"
SHIPPED = sorted(file for file in (ROOT / "sweeps").glob("*.yaml") if file.stem != "widths")


@pytest.fixture(params=["walked", "counted by boxes"])
def small_steps(request: pytest.FixtureRequest) -> Iterator[str]:
    """Split the work into steps so small that every seam is met; walk every grid, or count every one by boxes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks_module, "BLOCK", 7)
        patch.setattr(ranks_module, "REMEMBERED", 5)
        patch.setattr(box_ranks, "TOP", 6)
        patch.setattr(box_ranks, "PARTS", 2)
        patch.setattr(box_ranks, "LEAF", 3)
        patch.setattr(box_ranks, "AT_ONCE", 5)
        patch.setattr(box_ranks, "REMEMBERED", 40)
        if request.param != "walked":
            patch.setattr(ranks_module, "WALKED", 0)
        yield request.param


def fields_of(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in FIELDS if name in row}


def bounds_of(sweep: Sweep) -> dict[str, tuple[int | None, int | None]]:
    return {bound.column: (bound.minimum, bound.maximum) for bound in sweep.budget}


# Random sweeps


@pytest.mark.usefixtures("small_steps")
class TestRandomSweeps:
    """Both ways to count, on the engine's random sweeps."""

    @seeing(rows=4)
    @settings(max_examples=examples(30), deadline=None)
    @given(sweeps(), st.integers(0, 2**32))
    def test_a_sweep_is_the_space_that_it_is_written_out(self, sweep: Sweep, seed: int) -> None:
        _, rows = slow_run(sweep)
        found = Space(sweep)
        assert found.count() == len(rows)
        ids = [row["id"] for row in rows]
        assert [one for some in found.rows() for one in some.ids] == ids
        if not rows:
            return
        saw("rows")
        written = slow_configurations(sweep)
        every = found.at(range(len(rows)))
        assert every.ids == ids
        assert [dict(one) for one in every] == [written[one] for one in ids]
        assert every.weights.tolist() == [row["weights"] for row in rows]
        ranks = {number: rank for rank, number in enumerate(ids)}
        assert found.rank(found.by_id(range(found.size))) == [ranks.get(number) for number in range(found.size)]
        chance = random.Random(seed)
        start = chance.randrange(len(rows))
        stop = chance.randrange(start, len(rows) + 1)
        assert [one for some in found.rows(start=start, stop=stop) for one in some.ids] == ids[start:stop]
        drawn = found.sample(10, seed)
        assert drawn.ids == found.sample(10, seed).ids
        assert set(drawn.ids) <= set(ids)
        for one in drawn[:3]:
            # A configuration that occurs twice has the first one's id.
            first = found.id(one)
            assert first <= written.index(one)
            assert written[first] == one or fields_of(rows[ranks[first]]) == fields_of(rows[ranks[written.index(one)]])

    @pytest.mark.thorough
    @seeing(rows=4)
    @settings(max_examples=examples(40), deadline=None)
    @given(sweeps(), st.sampled_from(COUNTED), st.integers(0, 60_000), st.floats(0, 1))
    def test_sizes_are_in_the_order_of_what_is_written_out(
        self, sweep: Sweep, column: str, aim: int, share: float
    ) -> None:
        _, rows = slow_run(sweep)
        if not rows:
            return
        saw("rows")
        found = Space(sweep)
        for largest in (True, False):
            sign = -1 if largest else 1
            best = sorted(rows, key=lambda row: (sign * row[column], row["id"]))[:5]
            assert found.extreme(column, 5, largest=largest).ids == [row["id"] for row in best]
        near = sorted(rows, key=lambda row: (abs(row["weights"] - aim), row["weights"], row["id"]))[:5]
        assert found.nearest(aim, 5).ids == [row["id"] for row in near]
        weights = sorted(row["weights"] for row in rows)
        passed = found.quantile(share)
        assert passed in weights
        assert sum(one <= passed for one in weights) >= share * len(weights)
        assert sum(one < passed for one in weights) < max(share * len(weights), 1)
        bins = found.histogram(4)
        assert [one.networks for one in bins] == [sum(b.least <= one <= b.most for one in weights) for b in bins]
        assert (bins[0].least, bins[-1].most) == (weights[0], weights[-1])
        pairs = {(row["weights"], row[column]) for row in rows}
        unbeaten = [pair for pair in pairs if not any(o != pair and o[0] >= pair[0] and o[1] <= pair[1] for o in pairs)]
        assert found.pareto("weights", column) == sorted(unbeaten)
        half = weights[len(weights) // 2]
        within = found.count(("0", half))
        low, high = bounds_of(sweep).get("weights", (None, None))
        expected = [
            one
            for one in slow_run(replace(sweep, budget=tuple(b for b in sweep.budget if b.column != "weights")))[1]
            if one["weights"] <= half
        ]
        assert within == len(expected)
        assert (low, high) == bounds_of(sweep).get("weights", (None, None))

    @seeing(rows=6)
    @settings(max_examples=examples(60), deadline=None)
    @given(sweeps(), st.integers(0, 2**32))
    def test_neighbours_and_restrictions_are_what_is_written_out(self, sweep: Sweep, seed: int) -> None:
        _, rows = slow_run(sweep)
        if not rows:
            return
        saw("rows")
        chance = random.Random(seed)
        found = Space(sweep)
        kept = [row["id"] for row in rows]
        one = found.by_id([found.id(found.by_id([chance.choice(kept)])[0])])
        number, start = one.ids[0], int(one.starts[0])
        mine = one.options[0]
        every = found.by_id(kept)
        beside = [
            identity
            for identity, grid, places in zip(kept, every.starts.tolist(), every.options, strict=True)
            if grid == start and (places != mine).sum() == 1
        ]
        assert found.neighbours(one[0]).ids == beside
        moved = found.some_neighbour(one[0], chance, 200)
        assert (moved is not None) == bool(beside)
        if moved is not None:
            assert moved in list(found.by_id(beside))
        if not found.once:
            return
        field = chance.choice(found.once)
        flat = [every.flat(place)[field] for place in range(len(kept))]
        values = {flat[kept.index(number)] if number in kept else flat[0], chance.choice(flat)}
        narrow = found.restrict({field: sorted(values, key=repr)})
        left = [identity for identity, value in zip(kept, flat, strict=True) if value in values]
        assert narrow.count() == len(left)
        assert narrow.at(range(len(left))).ids == left
        assert narrow.rank(every) == [left.index(one) if one in left else None for one in kept]
        assert set(narrow.sample(5, seed).ids) <= set(left)
        assert narrow.largest(len(left)).ids == [one for one in found.largest(len(kept)).ids if one in left]


# What ships


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_shipped_sweeps_are_drawn_from_and_ranked_as_they_are_run(file: Path) -> None:
    sweep = load_sweep(file)
    found = space(file)
    run = sizer.run_sweep(file, out=None).frame()
    assert isinstance(found, sizer.Space)
    assert found.count() == len(run)
    every = found.at(range(len(run)))
    assert every.ids == run["id"].tolist()
    assert every.weights.tolist() == run["weights"].tolist()
    assert found.rank(every) == list(range(len(run)))
    columns = every.columns()
    assert {name: values.tolist() for name, values in columns.items()} == {name: run[name].tolist() for name in columns}
    place = len(run) // 2
    assert found.rank(found[place]) == place
    assert sizer.count(found[place], sweep.cell_types).weights == run["weights"][place]
    median = sorted(run["weights"])[(len(run) + 1) // 2 - 1]
    assert found.quantile(0.5) == median
    assert found.largest(3).ids == run.sort_values(["weights", "id"], ascending=[False, True])["id"][:3].tolist()


def test_draws_are_uniform_and_those_of_a_rank() -> None:
    found = space(SPEECH)
    drawn = found.sample(200_000, seed=5)
    assert drawn.ids[:3] == found.sample(3, seed=5).ids
    assert found.thrown_away == 0
    times = Counter(drawn.ids)
    number = found.count()
    expected = 200_000 / number
    chi_square = sum((times.get(one, 0) - expected) ** 2 / expected for one in found.at(range(number)).ids)
    # 1,833 degrees of freedom: the mean, and five standard deviations to each side.
    assert abs(chi_square - 1833) < 5 * (2 * 1833) ** 0.5


# A large grid

BIG: dict[str, Any] = {
    "model": {"convention": "textbook", "cell_type": "lstm", "inputs": 39, "outputs": 34},
    "grid": {
        "layers": {"from": 1, "to": 10, "step": 1},
        "cells": {"from": 1, "to": 10_000, "step": 1},
        "recurrent_projection": {"from": 1, "to": 3000, "step": 1},
        "nonrecurrent_projection": {"from": 0, "to": 3000, "step": 1},
    },
    "budget": {"weights": {"max": "10M"}},
    "where": ["recurrent_projection + nonrecurrent_projection <= cells"],
}


def kept_below(sweep: Sweep, number: int) -> int:
    """Return how many configurations with a smaller id are kept: those of grids that end at each of its digits."""
    (grid,) = sweep.grids
    places: list[int] = []
    for axis in reversed(grid.axes):
        number, place = divmod(number, axis.length)
        places.insert(0, place)
    kept = 0
    for digit, place in enumerate(places):
        axes = []
        for at, axis in enumerate(grid.axes):
            column: Any = axis.columns[0]
            if at < digit:
                first, length = places[at], 1
            else:
                first, length = 0, place if at == digit else axis.length
            axes.append(
                replace(axis, columns=(replace(column, start=column.value(first), length=length),), length=length)
            )
        if place:
            counted = count_kept(replace(sweep, grids=(replace(grid, axes=tuple(axes)),)))
            assert counted.account is not None
            kept += counted.account.kept
    return kept


def test_a_grid_of_many_billions_is_ranked_as_parts_of_it_are_counted() -> None:
    sweep = sweep_of(BIG, "big")
    found = space(sweep)
    assert not is_walked(sweep)
    assert (found.size, found.count()) == (900_300_000_000, 5_880_425_160)
    drawn = found.sample(300, seed=3)
    assert drawn.weights.max() <= 10_000_000
    ranks = found.rank(drawn)
    assert found.at(ranks).ids == drawn.ids
    for rank, number in zip(ranks[:4], drawn.ids, strict=False):
        assert kept_below(sweep, number) == rank
    # Ranks of a uniform draw are uniform: their mean is that of 300 such numbers.
    assert abs(np.mean(ranks) / found.count() - 0.5) < 5 / (12 * 300) ** 0.5
    with pytest.raises(IndexError, match="5,880,425,160 networks fit"):
        found[5_880_425_160]


@pytest.mark.thorough
def test_a_grid_of_many_billions_is_sorted_by_size() -> None:
    found = space(BIG)
    median = found.quantile(0.5)
    assert found.count(("0", median - 1)) < 2_940_212_580 <= found.count(("0", median))
    near = found.nearest(9_700_001, 2)
    assert near.weights.tolist() == [9_700_000, 9_700_000] or abs(near.weights - 9_700_001).max() <= 1
    with pytest.raises(InputError, match="a front is found among at most 16,777,216 networks"):
        found.pareto("weights", "state_size")
    narrow = found.restrict({"cells": [512, 768], "layers": 3})
    assert narrow.size == found.size
    one = narrow.sample(1, seed=1)[0]
    assert (one["layers"], one["cells"] in {512, 768}) == (3, True)
    assert found.rank(one) is not None


def test_ids_past_int64_are_drawn_and_ranked() -> None:
    grid = {**BIG["grid"], "inputs": {"from": 1, "to": 10**9, "step": 1}}
    model = {name: value for name, value in BIG["model"].items() if name != "inputs"}
    found = space({"model": model, "grid": grid, "budget": {"weights": {"max": 1000}}})
    assert found.size == 900_300_000_000 * 10**9 > 2**63
    # Inputs are the fastest, so that these are few boxes; a count of another kind: of each number of cells by itself.
    number = found.count()
    drawn = found.sample(20, seed=1)
    assert found.rank(drawn) == found.rank(found.by_id(drawn.ids))
    assert max(drawn.weights) <= 1000
    assert found.at([0, number - 1]).ids == sorted(found.at([number - 1, 0]).ids)
    # By rank among those of just that size, which is another way to the same ones.
    largest = found.largest(3)
    assert largest.weights.tolist() == [1000] * 3
    assert largest.ids == found.at([0, 1, 2], budget=(1000, 1000)).ids
    assert largest.ids == sorted(largest.ids)
    nearest = found.nearest(777, 4)
    assert [abs(int(weights) - 777) for weights in nearest.weights] == [0] * 4
    assert nearest.ids == found.at(range(4), budget=(777, 777)).ids
    assert max(found.extreme("state_size", 2, budget=(1000, 1000), largest=True).ids) > 2**62
    median = found.quantile(0.5)
    assert found.count(budget=(None, median - 1)) < -(-number // 2) <= found.count(budget=(None, median))
    assert not len(found.largest(3, budget=(1, 2)))
    with pytest.raises(InputError, match=r"of more than 2\^63 - 1 configurations at most 100"):
        found.largest(101)


def test_what_conditions_do_not_grow_with_is_walked_or_said_to_be_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sizer.grids.pruning.pieces.MOST_PIECES", 0)
    monkeypatch.setattr(ranks_module, "WALKED", 10)
    found = space({"model": {**BIG["model"], "layers": 1}, "grid": {"cells": {"from": 1, "to": 91, "step": 1}}})
    assert found.count() == 91
    monkeypatch.setattr(ranks_module, "MOST_TO_WALK", 50)
    monkeypatch.setattr(plain_module, "MOST_TO_WALK", 50)
    beyond = space({"model": {**BIG["model"], "layers": 1}, "grid": {"cells": {"from": 1, "to": 92, "step": 1}}})
    assert beyond.count_between()[:2] == (0, 92)
    for ask in (lambda: beyond.sample(1, 1), lambda: beyond.largest(1), lambda: list(beyond.rows())):
        with pytest.raises(InputError, match="do not grow with its fields"):
            ask()


def test_what_takes_too_much_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_module, "EFFORT", 10)
    monkeypatch.setattr(plain_module, "_SORTED", 10)
    monkeypatch.setattr("sizer.grids.pruning.counts.EFFORT_FOR_BOUNDS", 10)
    found = space(BIG)
    between = found.count_between()
    assert between.least < 5_880_425_160 < between.most
    assert "searches more than" in between.reason
    with pytest.raises(InputError, match="cannot be ranked"):
        found.sample(1, 1)
    with pytest.raises(InputError, match="cannot be sorted by size"):
        found.largest(1)
    with pytest.raises(InputError, match="sorting by size takes too long"):
        found.quantile(0.5)


# Single questions


def plain(grid: Any, model: dict[str, Any] | None = None, **more: Any) -> Space:
    fields = {"convention": "pytorch", "cell_type": "lstm", "inputs": 8, **(model or {})}
    return space({"model": {name: value for name, value in fields.items() if value is not None}, "grid": grid, **more})


def test_what_occurs_twice_is_kept_twice_and_found_first() -> None:
    found = plain([{"layers": [1, 2], "cells": [8, 16]}, {"layers": [2], "cells": [16, 32]}])
    assert (found.size, found.count()) == (6, 6)
    assert found.id({"layers": 2, "cells": 16}) == 3
    assert found.rank(found.by_id([4])) == [4]
    assert found.id({"layers": 2, "cells": 32}) == 5


def test_fields_of_one_grid_are_the_others_own() -> None:
    found = plain([{"outputs": [1, 2], "cells": [8]}, {"cells": [8, 16], "skip_connections": [True]}], {"layers": 3})
    assert found.values_of("outputs") == [1, 2, 0]
    assert found.restrict({"outputs": [0]}).at([0, 1]).ids == [2, 3]
    assert found.id({"outputs": 0, "cells": 16, "skip_connections": True}) == 3
    with pytest.raises(InputError, match="no such configuration"):
        found.id({"outputs": 2, "cells": 16, "skip_connections": True})
    with pytest.raises(InputError, match="no such configuration"):
        found.id({"outputs": 2, "cells": 8, "skip_connections": True})


def test_faults_of_plain_spaces() -> None:
    found = plain({"cells": [8, 16]}, {"layers": 1})
    with pytest.raises(InputError, match="layers is not swept"):
        found.restrict({"layers": 1})
    with pytest.raises(InputError, match="no such configuration"):
        found.id({"cells": 9})
    with pytest.raises(IndexError, match="the ids go from 0 to 1"):
        found.by_id([2])
    with pytest.raises(IndexError):
        found.at([2])
    with pytest.raises(InputError, match="no network of this space fits"):
        found.sample(1, 1, budget=10)
    with pytest.raises(InputError, match="did you mean 'weights'"):
        found.extreme("wieghts", 1)
    none = found.restrict({"cells": []})
    assert (none.count(), len(none.largest(3)), none.histogram()) == (0, 0, [])


def test_a_restriction_meets_conditions_and_budgets() -> None:
    found = plain({"layers": [1, 2, 3], "cells": {"from": 8, "to": 64, "step": 8}}, budget={"weights": {"max": 20_000}})
    narrow = found.restrict({"cells": [16, 40, 41], "layers": (1, 3)})
    assert narrow.count() == len(
        [1 for one in found.at(range(found.count())) if one["cells"] in {16, 40} and one["layers"] != 2]
    )
    assert narrow.count(where="layers == 3") == len(
        [1 for one in narrow.at(range(narrow.count())) if one["layers"] == 3]
    )
    again = narrow.restrict({"cells": 40})
    assert {one["cells"] for one in again.sample(5, 1)} == {40}
    assert again.values_of("cells") == [40]


@pytest.mark.usefixtures("small_steps")
def test_what_no_condition_depends_on_is_counted_once_and_drawn_each_time() -> None:
    found = plain(
        {"outputs": [1, 2, 3, 4, 5], "cells": {"from": 1, "to": 9, "step": 1}, "inputs": [3, 4, 5, 6]},
        {"layers": 1, "inputs": None},
        budget={"state_size": {"min": 5, "max": 12}},
    )
    kept = [number for number in range(180) if 3 <= number // 4 % 9 + 1 <= 6]
    assert found.count() == len(kept) == 80
    assert found.at(range(80)).ids == kept
    assert found.rank(found.by_id(range(180))) == [kept.index(one) if one in kept else None for one in range(180)]


@pytest.mark.usefixtures("small_steps")
def test_the_nearest_are_named_once_even_where_one_is_met() -> None:
    found = plain({"layers": [1, 2], "cells": {"from": 1, "to": 9, "step": 1}})
    weights = {one: found.by_id([one]).weights[0] for one in range(18)}
    for aim in weights.values():
        expected = sorted(weights, key=lambda one: (abs(weights[one] - aim), weights[one], one))[:4]
        assert found.nearest(int(aim), 4).ids == expected


def test_a_search_asks_for_what_fits_and_improves() -> None:
    found = space(SPEECH)
    search = sizer.Search(found, seed=1, maximise=True)
    best = 0
    for _ in range(60):
        network = search.ask()
        weights = sizer.count(network).weights
        assert found.rank(network) is not None
        search.tell(network, weights)
        best = max(best, weights)
    assert best > 9_000_000


@pytest.mark.parametrize(
    "name", ["keywords", *(pytest.param(name, marks=pytest.mark.thorough) for name in ("speech", "rnnt", "awd_lstm"))]
)
def test_an_optuna_study_of_a_plain_sweep_stays_within(name: str) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = space(ROOT / "sweeps" / f"{name}.yaml")
    sampler = sizer.optuna_sampler(found, seed=1, first=5)
    study = optuna.create_study(sampler=sampler)

    def objective(trial: Any) -> float:
        network = sampler.suggest(trial)
        assert found.rank(network) is not None
        return float(sizer.count(network).weights)

    study.optimize(objective, n_trials=12)
    study.enqueue_trial(dict(study.best_params))
    study.optimize(objective, n_trials=1)
    assert study.trials[-1].value == study.best_value


@pytest.mark.thorough
def test_tables_of_draws_are_rows_of_a_run(tmp_path: Path) -> None:
    from sizer.runs.spaces import draw

    for file in SHIPPED:
        sizer.run_sweep(file, out=tmp_path)
        with (tmp_path / f"{load_sweep(file).name}.csv").open(newline="") as table:
            rows = {row["id"]: row for row in csv.DictReader(table)}
        drawn = list(csv.DictReader(io.StringIO(draw(load_sweep(file), 20, 3).as_csv())))
        assert [rows[row["id"]] for row in drawn] == drawn


def test_engine_and_boxes_rank_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = sweep_of(
        {
            **BIG,
            "grid": {**BIG["grid"], "cells": [100, 1000], "recurrent_projection": {"from": 1, "to": 40, "step": 3}},
        },
        "x",
    )
    sweep = replace(sweep, budget=(Bound("weights", 100_000, 3_000_000),))
    ids = np.concatenate([rows.ids for _, rows in enumerate_sweep(sweep, [])])
    monkeypatch.setattr(ranks_module, "WALKED", 0)
    by_boxes = SweepRanks(sweep, None)
    assert by_boxes.numbers == [len(ids)]
    grids, places = by_boxes.places(range(0, len(ids), 97))
    walked = SweepRanks(sweep, None)
    assert walked.ranks(grids, places) == list(range(0, len(ids), 97))
    assert len(CHOICES["cell_type"]) > 1
