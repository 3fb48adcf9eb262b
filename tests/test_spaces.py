"""Spaces of widths per layer against networks that are written out and counted one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sizer
from sizer.errors import InputError
from sizer.spaces import extremes, walk
from sizer.spaces import space as space_module
from sizer.spaces.space import Space, space
from tests.examples import examples, saw, seeing
from tests.oracles.slow_space import Listed, listed

LSTM = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80}


def steps(start: int, end: int, step: int) -> dict[str, int]:
    return {"from": start, "to": end, "step": step}


def described(model: dict[str, Any], grid: dict[str, Any], budget: dict[str, Any] | None = None, **more: Any) -> Space:
    return space({"model": model, "grid": grid, **({"budget": budget} if budget else {}), **more})


# Known answers


def test_four_layers_of_eight_widths_fit_84_times() -> None:
    found = described(
        {**LSTM, "layers": 4}, {"cells": {"per_layer": steps(256, 2048, 256)}}, {"weights": {"max": "10M"}}
    )
    assert (found.size, found.count()) == (4096, 84)


def test_the_anchor_counts_to_what_three_methods_gave() -> None:
    grid = {"cells": {"per_layer": steps(32, 2048, 32)}}
    found = described({**LSTM, "layers": 8}, grid, {"weights": {"max": "10M"}})
    assert (found.size, found.count()) == (281_474_976_710_656, 75_682_456_805)


def test_falling_widths_count_to_what_two_methods_gave() -> None:
    grid = {"layers": steps(1, 8, 1), "cells": {"per_layer": steps(32, 2048, 32), "order": "falling"}}
    assert described(LSTM, grid, {"weights": {"max": "10M"}}).count() == 5_678_313


@pytest.mark.thorough
def test_three_budgets_at_once_count_to_what_two_methods_gave() -> None:
    grid = {"layers": steps(1, 6, 1), "cells": {"per_layer": steps(32, 2048, 32)}}
    budget = {"weights": {"max": "10M"}, "macs_per_step": {"max": "9.98M"}, "state_size": {"max": 5000}}
    assert described(LSTM, grid, budget).count() == 236_040_692


@pytest.mark.thorough
def test_few_distinct_widths_count_to_what_two_methods_gave() -> None:
    grid = {"cells": {"per_layer": steps(8, 2048, 8), "distinct": 3}}
    assert described({**LSTM, "layers": 4}, grid, {"weights": {"max": "10M"}}).count() == 9_252_910


# Random spaces


@st.composite
def small_spaces(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, int]]]:
    """Draw a model, a grid and a budget of a few hundred networks."""
    convention = draw(
        st.sampled_from(["pytorch", "textbook", "keras", "kaldi_nnet3", "tensorflow1", "back_of_envelope"])
    )
    model: dict[str, Any] = {"convention": convention, "cell_type": "lstm", "inputs": draw(st.integers(1, 30))}
    few = st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True)
    grid: dict[str, Any] = {}
    if draw(st.booleans()):
        grid["layers"] = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True))
    else:
        model["layers"] = draw(st.integers(1, 4))
    axis: dict[str, Any] = {"per_layer": draw(few)}
    if draw(st.booleans()):
        axis["order"] = draw(st.sampled_from(["falling", "rising"]))
    if draw(st.integers(0, 3)) == 0:
        axis["distinct"] = draw(st.integers(1, 2))
    grid["cells"] = axis
    if convention in {"textbook", "pytorch", "kaldi_nnet3", "tensorflow1"} and draw(st.booleans()):
        grid["recurrent_projection"] = {
            "per_layer": draw(st.lists(st.integers(0, 9), min_size=1, max_size=2, unique=True))
        }
        if convention == "kaldi_nnet3":
            model["nonrecurrent_projection"] = draw(st.integers(0, 5))
    elif convention in {"pytorch", "keras"} and draw(st.booleans()):
        if draw(st.booleans()):
            model["cell_type"] = draw(st.sampled_from(["gru", "rnn"]))
        else:
            del model["cell_type"]
            grid["cell_type"] = {"per_layer": draw(st.sampled_from([["lstm", "gru"], ["rnn", "lstm"], ["gru"]]))}
    if convention != "back_of_envelope" and draw(st.booleans()):
        model["bidirectional"] = True
    if "cell_type" not in grid:
        if draw(st.booleans()):
            grid["outputs"] = draw(st.lists(st.integers(0, 20), min_size=1, max_size=2, unique=True))
        if convention != "back_of_envelope" and draw(st.integers(0, 3)) == 0:
            model["skip_connections"] = True
    budget: dict[str, dict[str, int]] = {}
    for column, most in (("weights", 60_000), ("macs_per_step", 60_000), ("state_size", 500), ("int8_bytes", 60_000)):
        if draw(st.integers(0, 3)) == 0:
            budget[column] = {"max": draw(st.integers(most // 20, most))}
            if draw(st.integers(0, 3)) == 0:
                budget[column]["min"] = draw(st.integers(0, budget[column]["max"] // 2))
    return model, grid, budget


def told_apart(fields: dict[str, Any], grid: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(fields[name] for name in ("layers", *grid))


@seeing(within=60, bounded=40)
@settings(max_examples=examples(300))
@given(small_spaces())
def test_a_space_is_what_it_is_written_out(
    drawn: tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, int]]],
) -> None:
    model, grid, budget = drawn
    everything = list(listed(model, grid))
    if len(everything) > 1500:
        return
    found = described(model, grid, budget)
    assert found.size == len(everything)
    within = [one for one in everything if one.within(budget)]
    assert found.count() == len(within)
    saw("bounded" if budget else "unbounded")
    if not within:
        return
    saw("within")
    _check_ranks(found, grid, everything, within)
    _check_sizes(found, grid, everything, within)


def _check_ranks(found: Space, grid: dict[str, Any], everything: list[Listed], within: list[Listed]) -> None:
    every = found.at(range(len(within)))
    assert [told_apart(one, grid) for one in every] == [told_apart(one.fields, grid) for one in within]
    assert found.rank(every) == list(range(len(within)))
    ids = [place for place, one in enumerate(everything) if one in within]
    assert every.ids == ids
    assert [told_apart(one, grid) for one in found.by_id(ids)] == [told_apart(one.fields, grid) for one in within]
    for column in ("weights", "macs_per_step", "state_size", "bias_weights", "float16_bytes"):
        assert every.counts(column).tolist() == [(one.counts or {})[column] for one in within], column


def _check_sizes(found: Space, grid: dict[str, Any], everything: list[Listed], within: list[Listed]) -> None:
    sizes = [(one.counts or {})["weights"] for one in within]
    order = sorted(range(len(within)), key=lambda place: (-sizes[place], place))
    expected = [told_apart(within[place].fields, grid) for place in order]
    for number in (1, 3, len(within) + 1):
        assert [told_apart(one, grid) for one in found.largest(number)] == expected[:number]
    aim = sizes[len(sizes) // 2] + 3
    near = sorted(range(len(within)), key=lambda place: (abs(sizes[place] - aim), sizes[place], place))
    for number in (1, 4):
        assert [told_apart(one, grid) for one in found.nearest(aim, number)] == [
            told_apart(within[place].fields, grid) for place in near[:number]
        ]
    growing = sorted(sizes)
    for share in (0, 0.25, 0.5, 1):
        assert found.quantile(share) == growing[max(0, -int(-share * len(growing) // 1) - 1)]
    bins = found.histogram(4)
    assert [one.networks for one in bins] == [sum(one.least <= size <= one.most for size in sizes) for one in bins]
    assert sum(one.networks for one in bins) == len(sizes)
    assert (bins[0].least, bins[-1].most) == (growing[0], growing[-1])


@settings(max_examples=examples(100))
@given(small_spaces(), st.integers(0, 5))
def test_neighbours_differ_in_one_field_of_one_layer(
    drawn: tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, int]]], place: int
) -> None:
    model, grid, budget = drawn
    everything = list(listed(model, grid))
    within = [one for one in everything if one.within(budget)]
    if len(everything) > 1500 or not within:
        return
    found = described(model, grid, budget)
    here = within[place % len(within)].fields
    names = [name for name, axis in grid.items() if not isinstance(axis, list)]

    def apart(other: dict[str, Any]) -> int:
        if any(other[name] != here[name] for name in ("layers", *grid) if name not in names):
            return 2
        return sum(a != b for name in names for a, b in zip(other[name], here[name], strict=True))

    expected = [told_apart(one.fields, grid) for one in within if apart(one.fields) == 1]
    assert [told_apart(one, grid) for one in found.neighbours(here)] == expected


@settings(max_examples=examples(60))
@given(small_spaces())
def test_a_pareto_front_is_what_no_network_beats(
    drawn: tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, int]]],
) -> None:
    model, grid, budget = drawn
    budget = {name: {"max": ends["max"]} for name, ends in budget.items() if name in {"weights", "state_size"}}
    everything = list(listed(model, grid))
    if len(everything) > 1500:
        return
    pairs = {
        ((one.counts or {})["weights"], (one.counts or {})["state_size"]) for one in everything if one.within(budget)
    }
    front = {pair for pair in pairs if not any(a >= pair[0] and b <= pair[1] and (a, b) != pair for a, b in pairs)}
    assert described(model, grid, budget).pareto("weights", "state_size") == sorted(front)


@seeing(searched=20)
@settings(max_examples=examples(100))
@given(
    small_spaces(),
    st.sampled_from(["weights", "macs_per_step", "state_size", "bias_weights", "int8_bytes"]),
    st.booleans(),
    st.integers(1, 6),
    st.booleans(),
)
def test_the_extreme_networks_of_a_column_are_those_of_all_that_are_listed(
    drawn: tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, int]]],
    column: str,
    largest: bool,
    n: int,
    coarse: bool,
) -> None:
    model, grid, budget = drawn
    everything = list(listed(model, grid))
    if len(everything) > 1500:
        return
    within = [one for one in everything if one.within(budget)]
    sign = -1 if largest else 1
    values = [(one.counts or {})[column] for one in within]
    order = sorted(range(len(within)), key=lambda place: (sign * values[place], place))[:n]
    expected = [told_apart(within[place].fields, grid) for place in order]
    found = described(model, grid, budget)
    if within:
        assert [told_apart(one, grid) for one in found.extreme(column, n, largest=largest)] == expected
    if "distinct" not in grid["cells"] and budget:
        saw("searched")
        main = "weights" if column == "int8_bytes" else column
        with pytest.MonkeyPatch.context() as patched:
            if coarse:  # rooms of many units
                patched.setattr(extremes, "_COARSE", 5)
                patched.setattr(extremes, "MOST_NUMBERS", 1)
            searched = found._searched(main, n, found._bounds(), largest=largest)
        assert [told_apart(one, grid) for one in searched] == expected


def test_networks_are_sorted_by_a_column_that_no_budget_bounds() -> None:
    """Multiply-accumulates under weights and a state: held against all networks, which NumPy writes out here."""
    cells, bound = np.array(range(64, 513, 64)), {"weights": {"min": 1_000_000, "max": 1_100_000}}
    grid = {"cells": {"per_layer": steps(64, 512, 64)}}
    found = described({**LSTM, "layers": 5}, grid, {**bound, "state_size": {"max": 2500}})
    rows = cells[np.indices((8,) * 5).reshape(5, -1).T]
    fed = np.concatenate([np.full((len(rows), 1), 80), rows[:, :-1]], axis=1)
    macs = (4 * rows * (fed + rows)).sum(axis=1)
    weights, state = macs + 8 * rows.sum(axis=1), 2 * rows.sum(axis=1)
    fits = (weights >= 1_000_000) & (weights <= 1_100_000) & (state <= 2500)
    assert found.count() == fits.sum() > 100
    least = np.flatnonzero(fits)[np.argsort(macs[fits], kind="stable")][:40]
    assert found.extreme("macs_per_step", 40, largest=False).ids == least.tolist()
    most = np.flatnonzero(fits)[np.argsort(-macs[fits], kind="stable")][:40]
    assert found.extreme("macs_per_step", 40).ids == most.tolist()


def test_sizes_of_several_remainders_are_sorted_side_by_side() -> None:
    """Vocabularies make sizes that share no unit with layers: each remainder has tables of its own."""
    grid = {"cells": {"per_layer": steps(64, 512, 64)}, "outputs": [0, 1001, 2003]}
    found = described({**LSTM, "layers": 4, "other_weights": 77}, grid, {"weights": {"min": 900_001, "max": "2M"}})
    rows = np.array(range(64, 513, 64))[np.indices((8,) * 4).reshape(4, -1).T]
    fed = np.concatenate([np.full((len(rows), 1), 80), rows[:, :-1]], axis=1)
    layers = (4 * rows * (fed + rows) + 8 * rows).sum(axis=1) + 77
    # Outputs hold for the whole network and come first in ids.
    weights = np.concatenate([layers + outputs * (rows[:, -1] + 1) for outputs in (0, 1001, 2003)])
    fits = np.flatnonzero((weights >= 900_001) & (weights <= 2_000_000))
    sizes = found._sizes(None)
    assert 1 < len(sizes.remainders) < sizes.decided.unit // sizes.decided.whole_unit
    assert found.count() == len(fits) > 1000
    assert found.largest(300).ids == fits[np.argsort(-weights[fits], kind="stable")][:300].tolist()
    growing = np.sort(weights[fits])
    assert [found.quantile(share) for share in (0, 0.3, 1)] == [
        growing[max(0, -int(-share * len(growing) // 1) - 1)] for share in (0, 0.3, 1)
    ]
    aim = 1_234_567
    near = fits[np.lexsort((weights[fits], np.abs(weights[fits] - aim)))][:300]
    assert found.nearest(aim, 300).ids == near.tolist()
    bins = found.histogram(7)
    assert [one.networks for one in bins] == [
        int(((growing >= a.least) & (growing <= a.most)).sum()) for a in bins for one in [a]
    ]


def test_a_front_of_few_different_widths_holds_no_network_with_more() -> None:
    model = {"convention": "pytorch", "cell_type": "gru", "inputs": 5, "layers": 3}
    grid = {"cells": {"per_layer": [3, 8, 13, 30], "distinct": 2}}
    pairs = {((one.counts or {})["weights"], (one.counts or {})["state_size"]) for one in listed(model, grid)}
    front = {pair for pair in pairs if not any(a >= pair[0] and b <= pair[1] and (a, b) != pair for a, b in pairs)}
    found = described(model, grid)
    assert found.pareto("weights", "state_size") == sorted(front)
    more = described(model, {"cells": {"per_layer": [3, 8, 13, 30]}})
    assert more.pareto("weights", "state_size") != sorted(front)


def test_every_layer_feeds_the_output_where_connections_skip() -> None:
    model = {**LSTM, "inputs": 7, "outputs": 11, "skip_connections": True, "bidirectional": True}
    grid = {"layers": [1, 2, 3], "cells": {"per_layer": [3, 5, 8]}, "recurrent_projection": {"per_layer": [0, 2]}}
    budget = {"weights": {"min": 1000, "max": 4500}}
    expected = [one for one in listed(model, grid) if one.within(budget)]
    found = described(model, grid, budget)
    assert found.count() == len(expected) > 50
    assert found[:].weights.tolist() == [(one.counts or {})["weights"] for one in expected]


def test_projections_in_equal_steps_are_counted_as_one_by_one() -> None:
    """Options that lead to one width at costs of equal steps are added up at once; here they are added one by one."""
    model = {"convention": "textbook", "cell_type": "lstm", "inputs": 16, "bias_vectors": 2}
    grid = {
        "layers": steps(1, 4, 1),
        "cells": {"per_layer": steps(8, 160, 8)},
        "recurrent_projection": {"per_layer": steps(8, 32, 8)},
    }
    most = 260_000
    total = 0
    sizes = Counter({(16, 0): 1})  # (what is handed up, weights so far) -> how often
    for _ in range(4):
        new: Counter[tuple[int, int]] = Counter()
        for (fed, so_far), times in sizes.items():
            for n in range(8, 161, 8):
                for r in range(8, 33, 8):
                    size = so_far + 4 * n * (fed + r) + 8 * n + n * r
                    if size <= most:
                        new[r, size] += times
        sizes = new
        total += sum(sizes.values())
    assert described(model, grid, {"weights": {"max": most}}).count(exact=True) == total
    aim = most * 2 // 3
    first = described(model, grid, {"weights": {"max": most}}).count(budget=aim)
    assert first == described(model, grid, {"weights": {"max": aim}}).count() < total


# Conditions and restrictions


def test_a_condition_on_layers_holds_in_every_layer() -> None:
    model = {"convention": "textbook", "cell_type": "lstm", "inputs": 10, "bias_vectors": 2}
    grid = {
        "layers": [1, 2, 3],
        "cells": {"per_layer": [8, 12, 20]},
        "recurrent_projection": {"per_layer": [0, 4, 6, 10]},
        "outputs": [0, 5],
    }
    where = ["2 * recurrent_projection <= cells", "layers < 3 or outputs == 5", "cells <= 12 or layers > 1"]
    found = described(model, grid, {"weights": {"max": 4000}}, where=where)
    expected = [
        one.fields
        for one in listed(model, grid)
        if one.within({"weights": {"max": 4000}})
        and all(2 * r <= n for n, r in zip(one.fields["cells"], one.fields["recurrent_projection"], strict=True))
        and (one.fields["layers"] < 3 or one.fields["outputs"] == 5)
        and all(n <= 12 or one.fields["layers"] > 1 for n in one.fields["cells"])
    ]
    assert found.count() == len(expected) > 100
    assert [told_apart(one, grid) for one in found.at(range(len(expected)))] == [
        told_apart(one, grid) for one in expected
    ]
    assert found.count(where="cells < 20") == sum(max(one["cells"]) < 20 for one in expected)


def test_a_restricted_space_keeps_ids() -> None:
    grid = {"layers": [2, 3], "cells": {"per_layer": [8, 16, 24, 32]}}
    whole = described(LSTM, grid, {"weights": {"max": 20_000}})
    few = whole.restrict({"cells.2": [8, 32], "layers": 3})
    expected = [one for one in whole[:] if one["layers"] == 3 and one["cells"][1] in {8, 32}]
    assert few.count() == len(expected) > 5
    assert list(few[:]) == expected
    assert few[:].ids == [whole.id(one) for one in expected]
    with pytest.raises(InputError, match="colour is not swept"):
        whole.restrict({"colour": 1})


def test_widths_may_be_parts_of_others() -> None:
    grid = {
        "cells": {"per_layer": [16, 24, 40]},
        "recurrent_projection": {"per_layer": {"of": "cells", "ratio": ["1/4", "1/2"], "round_to": 8}},
    }
    found = described({**LSTM, "layers": 2}, grid, {"weights": {"max": "1M"}})
    # Of 16 both parts are 8: they keep ids of their own, as in a grid.
    assert found.size == 36
    assert found.count() == 36
    rows = {(one["cells"], one["recurrent_projection"]) for one in found[:]}
    assert ((16, 40), (8, 24)) in rows
    assert len(rows) == 25
    assert sizer.count(found[35]).weights == found[35:36].weights[0]


# Draws


def test_draws_are_uniform_and_none_is_thrown_away() -> None:
    grid = {"layers": [1, 2, 3], "cells": {"per_layer": steps(8, 64, 8)}}
    found = described(LSTM, grid, {"weights": {"max": 30_000}})
    number = found.count()
    draws = 40 * number
    seen = Counter(found.rank(found.sample(draws, seed=11)))
    assert len(seen) == number
    chi_square = sum((times - 40) ** 2 / 40 for times in seen.values())
    # Four standard deviations of a chi-square with so many degrees of freedom.
    assert abs(chi_square - number) < 4 * (2 * number) ** 0.5
    assert found.thrown_away == 0


def test_draws_depend_on_the_seed_alone() -> None:
    grid = {"cells": {"per_layer": steps(32, 2048, 32)}}
    sweep = {"model": {**LSTM, "layers": 8}, "grid": grid, "budget": {"weights": {"max": "10M"}}}
    drawn = [space(sweep, threads=threads).sample(5, seed=3) for threads in (1, 2)]
    assert list(drawn[0]) == list(drawn[1])
    # The same on every machine: Python's own generator gives the ranks.
    assert drawn[0].ids[:2] == [17_799_491_666_643, 89_404_140_720_532]
    assert all(
        int(weights) == sizer.count(one).weights for one, weights in zip(drawn[0], drawn[0].weights, strict=True)
    )
    assert list(space(sweep).sample(5, seed=4)) != list(drawn[0])


@pytest.mark.thorough
def test_draws_past_an_int64_are_what_one_sum_of_all_options_gave() -> None:
    """Options are added up some at a time; the ids are those that a sum of all of them, digit by digit, once gave."""
    grid = {
        "layers": steps(1, 8, 1),
        "cells": {"per_layer": steps(8, 2048, 8)},
        "recurrent_projection": {"per_layer": steps(32, 512, 32)},
    }
    model = {"convention": "textbook", "cell_type": "lstm", "inputs": 80, "bias_vectors": 2}
    found = described(model, grid, {"weights": {"max": "10M"}})
    assert found.count() == 2_642_370_999_862_872_553_174_803_521
    drawn = found.sample(2000, seed=2)
    assert drawn.ids[:2] == [7_465_095_508_093_291_419_244_123_378, 31_200_204_083_789_018_701_351_890_882]
    assert len(set(found.rank(drawn))) == 2000
    assert found.at(found.rank(drawn)).ids == drawn.ids


def test_draws_from_coarse_tables_are_uniform_too(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = {"layers": [2, 3], "cells": {"per_layer": steps(8, 64, 8)}}
    sweep = {"model": LSTM, "grid": grid, "budget": {"weights": {"min": 20_000, "max": 30_000}}}
    exact = space(sweep)
    number = exact.count()
    monkeypatch.setattr(space_module, "MOST_BYTES", 2_000)
    monkeypatch.setattr(walk, "MOST_PREFIXES", 1)
    monkeypatch.setattr(walk, "_FREE", 1)
    coarse = space(sweep)
    between = coarse.count_between()
    assert between.least < number < between.most
    assert "GiB" in between.reason
    assert coarse.count_between(exact=True) == (number, number, "")
    coarse = space(sweep)
    seen = Counter(exact.rank(coarse.sample(40 * number, seed=5)))
    assert coarse.thrown_away > 0
    assert len(seen) == number
    assert abs(sum((times - 40) ** 2 / 40 for times in seen.values()) - number) < 4 * (2 * number) ** 0.5


# Past 2^63


@pytest.mark.thorough
def test_counts_past_int64_are_those_of_python_ints() -> None:
    widths = list(range(8, 8 + 8 * 200, 8))
    grid = {"cells": {"per_layer": steps(8, 1600, 8)}, "recurrent_projection": {"per_layer": steps(1, 16, 1)}}
    model = {"convention": "textbook", "cell_type": "lstm", "inputs": 8, "layers": 9}
    found = described(model, grid)
    assert found.count() == (200 * 16) ** 9 > 2**100
    # Bounded by the state, which is a sum of each layer's cells and projection: polynomials in Python ints.
    most = 9 * 150
    ways = [0] * (most + 1)
    ways[0] = 1
    letters = Counter(n + r for n in widths for r in range(1, 17) if n + r <= most - 8 * 9)
    for _ in range(9):
        new = [0] * (most + 1)
        for size, times in letters.items():
            for room in range(size, most + 1):
                new[room] += times * ways[room - size]
        ways = new
    bounded = described(model, grid, {"state_size": {"max": most}})
    assert bounded.count() == sum(ways)
    assert bounded.count() > 2**63
    drawn = bounded.sample(200, seed=1)
    assert (drawn.counts("state_size") <= most).all()
    ranks = bounded.rank(drawn)
    assert list(bounded.at(ranks)) == list(drawn)
    assert bounded.rank(bounded.at([0, bounded.count() - 1])) == [0, bounded.count() - 1]


def test_a_sum_past_a_limb_is_carried() -> None:
    """Tables of several limbs, against products of Python ints."""
    from sizer.spaces.decisions import Decision, Ends, Start
    from sizer.spaces.walk import Descent, Window

    options, depth = 3000, 9
    end = Ends(1)
    after: Decision | Ends = end
    costs = np.array([[1 + place % 3 for place in range(options)]], dtype=np.int64)
    for _ in range(depth):
        after = Decision(costs, np.zeros((1, options), dtype=np.int64), after)
    limit = 2 * depth
    ways = [1]
    for _ in range(depth):
        new = [0] * (len(ways) + 3)
        for room, number in enumerate(ways):
            for cost in (1, 2, 3):
                new[room + cost] += number * options // 3
        ways = new
    walked = Descent([Start(after, 0)], {id(end): np.zeros(1, dtype=np.int64)}, limit)
    total = sum(ways[: limit + 1])
    assert walked.count(Window(limit)) == total > 2**100
    assert walked.count(Window(limit, limit - 3)) == sum(ways[limit - 2 : limit + 1])
    ranks = [0, 1, total // 3, total - 1]
    assert walked.rank(walked.unrank(ranks, Window(limit)), Window(limit)) == ranks


# Faults


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (
            {"layers": {"from": 1, "to": 10**9, "step": 1}, "cells": {"per_layer": [8, 16]}},
            "1,000,000,000 layers are more than the 200 of a space",
        ),
        ({"cells": {"per_layer": [8, 16], "order": "sideways"}}, "order"),
        ({"inputs": {"per_layer": [8]}, "cells": [8]}, "per_layer"),
        ({"cells": {"per_layer": {"from": 1, "to": 400_000, "step": 1}}}, "a layer has 400,000 variants"),
    ],
)
def test_faults_of_spaces(grid: dict[str, Any], message: str) -> None:
    model = {key: value for key, value in LSTM.items() if key not in grid}
    with pytest.raises(InputError, match=message):
        described({**({} if "layers" in grid else {"layers": 2}), **model}, grid).count()


def test_what_does_not_fit_has_no_rank_and_what_is_not_there_no_id() -> None:
    found = described({**LSTM, "layers": 2}, {"cells": {"per_layer": [8, 16, 64]}}, {"weights": {"max": 10_000}})
    assert found.rank({"cells": [64, 64]}) is None
    assert found.id({"cells": [64, 64]}) == 8
    with pytest.raises(InputError, match="no such configuration"):
        found.id({"cells": [64, 65]})
    with pytest.raises(IndexError):
        found.by_id([9])
    with pytest.raises(IndexError):
        found[9]
    with pytest.raises(InputError, match="no network of this space fits"):
        found.sample(1, seed=1, budget=10)


def test_neighbours_differ_in_one_field_where_a_layer_has_two() -> None:
    model = {"convention": "textbook", "cell_type": "lstm", "inputs": 5, "layers": 2}
    grid = {"cells": {"per_layer": [8, 12]}, "recurrent_projection": {"per_layer": [2, 4, 6]}}
    found = described(model, grid)
    here = {"layers": 2, "cells": (8, 12), "recurrent_projection": (2, 4)}
    expected = [
        (cells, projections)
        for cells, projections in [
            ((8, 12), (2, 2)), ((8, 12), (2, 6)), ((8, 8), (2, 4)), ((8, 12), (4, 4)), ((8, 12), (6, 4)), ((12, 12), (2, 4)),
        ]
    ]  # fmt: skip
    seen = [(one["cells"], one["recurrent_projection"]) for one in found.neighbours(here)]
    assert sorted(seen) == sorted(expected)


def test_a_front_holds_what_conditions_let_stand() -> None:
    model = {"convention": "textbook", "cell_type": "lstm", "inputs": 5, "layers": 2}
    grid = {"cells": {"per_layer": [8, 12, 30]}, "recurrent_projection": {"per_layer": [2, 4, 16]}}
    found = described(model, grid, where=["2 * recurrent_projection <= cells", "cells != 12"])
    pairs = {
        ((one.counts or {})["weights"], (one.counts or {})["state_size"])
        for one in listed(model, grid)
        if all(
            2 * r <= n and n != 12 for n, r in zip(one.fields["cells"], one.fields["recurrent_projection"], strict=True)
        )
    }
    front = {pair for pair in pairs if not any(a >= pair[0] and b <= pair[1] and (a, b) != pair for a, b in pairs)}
    assert found.pareto("weights", "state_size") == sorted(front)
