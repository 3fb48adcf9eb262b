"""Sweeps of models of blocks: the engine and pruning against a slow twin, which counts each configuration by itself."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizer.errors import InputError
from sizer.grids.account import Account
from sizer.grids.engine import enumerate_sweep
from sizer.grids.pruning.counts import count_kept, prunable
from sizer.grids.pruning.rows import pruned_rows
from sizer.networks.blocks.counting import ModelCount, count_model
from sizer.networks.blocks.tally import tally_graph
from sizer.sweepfile.load import parse_sweep
from sizer.sweepfile.sweep import Sweep
from tests.examples import examples, saw, seeing
from tests.test_engine import slow_ratio

MODEL: dict[str, Any] = {
    "convention": "pytorch",
    "clocks": {"frames": 100, "labels": 4, "seconds": 2.5},
    "blocks": {
        "image": {"type": "input", "channels": 1, "height": 10},
        "conv": {"type": "convolution", "kernel": [3, 3], "channels": 4, "padding": "valid"},
        "deep": {"type": "group", "repeat": 2, "blocks": {"inner": {"type": "dense", "width": 6}}},
        "enc": {"type": "recurrent", "cells": 8},
        "hidden": {"type": "dense", "width": 8},
        "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 12, "embedding": 6},
        "guess": {"type": "recurrent", "cell_type": "gru", "convention": "keras", "cells": 8},
        "joint": {"type": "dense", "from": ["hidden", "guess"], "width": 6},
        "output": {"type": "dense", "width": 12, "tied": "labels"},
        "front": {"type": "attention", "from": [], "query": "guess", "memory": "enc", "width": 4, "frozen": True},
    },
}
AXES: dict[str, list[Any]] = {
    "convention": [["pytorch", "keras", "kaldi_nnet3"], ["textbook", "tensorflow1"]],
    "other_weights": [[0, "1K", 7]],
    "conv.channels": [[2, 4, 6], {"from": 1, "to": 4, "step": 1}],
    "conv.kernel": [[[3, 3], [3, 11]], [2, 3], [[2, 2], 3]],
    "conv.stride": [[[2, 2], [2, 1]], [1, 3]],
    "conv.padding": [["same", "valid"], ["valid", 1, [0, 2]]],
    "conv.groups": [[1, "all"], [1, 2]],
    "conv.bias": [[True, False]],
    "deep.repeat": [[1, 2, 3]],
    "deep.inner.width": [[4, 6, 9], {"of": "enc.cells", "ratio": "1/2", "round_to": 2}],
    "enc.cell_type": [["lstm", "gru"], ["lstm", "rnnp"]],
    "enc.layers": [[1, 2, 3], {"from": 1, "to": 2, "step": 1}],
    "enc.cells": [{"from": 4, "to": 16, "step": 4}, [6, 5, 9], [[8, 4], [9, 6, 3], [5]]],
    "enc.recurrent_projection": [[0, 2, 5], [3, 8], {"of": "enc.cells", "ratio": ["1/4", "1/2"], "round_to": 2}],
    "enc.nonrecurrent_projection": [[0, 2]],
    "enc.bidirectional": [[True, False], [[True, False], [False, False]]],
    "enc.subsample": [[1, 2], [[1, 2], [3, 1]]],
    "enc.skip_connections": [[False, True]],
    "hidden.width": [[4, 8], {"from": 2, "to": 8, "step": 2}],
    "hidden.groups": [[1, 2]],
    "hidden.pieces": [[1, 2]],
    "hidden.frozen": [[False, True]],
    "labels.embedding": [[6, 8]],
    "guess.cells": [{"from": 4, "to": 12, "step": 4}, [[8, 8], [4]]],
    "joint.combine": [["concat", "add", "multiply"]],
    "joint.width": [[6, 8]],
    "output.width": [[12, 20]],
    "front.feedback": [[0, 3], [2, 3]],
    "front.biases": [[[], ["query", "score"]]],
}
BOUNDED = [
    "weights", "enc.weights", "deep.inner.weights", "deep.weights", "trained_weights", "bias_weights", "dense_weights",
    "macs_per_frames", "macs_per_labels_x_frames", "macs_per_second", "state_size", "int8_bytes", "float32_bytes",
]  # fmt: skip
WHERES = [
    "enc.layers * hidden.width >= 8",
    "conv.channels % 2 == 0 or guess.layers == 1",
    "convention != 'keras' and hidden.width <= 3 * conv.channels",
    "hidden.width + conv.channels * 2 < 15",
    "not hidden.frozen",
    "guess.cell_type in ('gru', 'lstm')",
    "hidden.width // conv.channels != 2",
]


@st.composite
def grids(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(AXES)), min_size=1, max_size=5, unique=True))
    grid: dict[str, Any] = {}
    size = 1
    for name in names:
        axis = draw(st.sampled_from(AXES[name]))
        if isinstance(axis, dict) and "of" in axis:
            grid.setdefault("enc.cells", AXES["enc.cells"][0])
            if not isinstance(grid["enc.cells"], dict):
                grid["enc.cells"] = AXES["enc.cells"][0]
        if name == "enc.cells" and name in grid:
            continue
        size *= len(axis) if isinstance(axis, list) else 4
        if size > 60:
            break
        grid[name] = axis
    if draw(st.booleans()):
        free = [name for name in ("joint.width", "output.width", "conv.bias") if name not in grid]
        table = {name: AXES[name][0] for name in free if len(AXES[name][0]) == 2}
        if table:
            grid["linked"] = [table]
    return grid


@st.composite
def sweeps(draw: st.DrawFn) -> dict[str, Any]:
    several = draw(st.lists(grids(), min_size=1, max_size=2))
    budget = {}
    for column in draw(st.lists(st.sampled_from(BOUNDED), max_size=2, unique=True)):
        ends = draw(st.lists(st.integers(0, 4000), min_size=2, max_size=2))
        budget[column] = {"max": max(ends)} if draw(st.booleans()) else {"min": min(ends) // 4, "max": max(ends)}
    return {
        "sizer": 1,
        "name": "twin",
        "model": MODEL,
        "grid": several if len(several) > 1 else several[0],
        "where": draw(st.lists(st.sampled_from(WHERES), max_size=1)),
        "budget": budget,
        "output": {"columns": "all"},
    }


def replaced(model: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model with what is swept in its place."""
    found: dict[str, Any] = json.loads(json.dumps(model))
    for path, value in values.items():
        *names, field = path.split(".")
        here = found
        for name in names:
            here = here["blocks"][name]
        here[field] = value
    return found


def slow_configurations(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is swept of each configuration, one after the other."""
    found = []
    for grid in data["grid"] if isinstance(data["grid"], list) else [data["grid"]]:
        axes: list[list[dict[str, Any]]] = []
        for name, axis in grid.items():
            if name == "linked":
                axes.extend(
                    [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)] for table in axis
                )
            elif isinstance(axis, list):
                axes.append([{name: value} for value in axis])
            elif "of" in axis:
                ratios = axis["ratio"] if isinstance(axis["ratio"], list) else [axis["ratio"]]
                axes.append([{name: (axis["of"], Fraction(ratio), axis["round_to"])} for ratio in ratios])
            else:
                axes.append([{name: value} for value in range(axis["from"], axis["to"] + 1, axis["step"])])
        for places in itertools.product(*axes):
            values = {name: value for place in places for name, value in place.items()}
            found.append(
                {
                    name: slow_ratio(values[value[0]], value[1], value[2]) if isinstance(value, tuple) else value
                    for name, value in values.items()
                }
            )
    return found


def said_in(model: Mapping[str, Any], path: str) -> Any:
    """Return a field as the model says it, or its default."""
    *names, field = path.split(".")
    here: Any = model
    for name in names:
        here = here["blocks"][name]
    return here.get(field, DEFAULTS.get(field))


def field_of(model: Mapping[str, Any], path: str) -> Any:
    """Return a field as a condition sees it."""
    *names, field = path.split(".")
    here: Any = model
    for name in names:
        here = here["blocks"][name]
    lists = [here[name] for name in ("cells", "bidirectional", "subsample") if isinstance(here.get(name), list)]
    if field == "layers" and lists:
        return len(lists[0])
    return here.get(
        field, BIASED.get(here.get("convention") or model["convention"]) if field == "bias" else DEFAULTS.get(field)
    )


DEFAULTS = {
    "layers": 1, "frozen": False, "other_weights": 0, "stride": 1, "groups": 1, "pieces": 1, "combine": "concat",
    "recurrent_projection": 0, "nonrecurrent_projection": 0, "bidirectional": False, "subsample": 1,
    "skip_connections": False, "feedback": 0, "biases": [], "cell_type": "lstm",
}  # fmt: skip
BIASED = {"pytorch": True, "keras": True, "kaldi_nnet3": True, "tensorflow1": True, "textbook": False}


def slow_run(data: Mapping[str, Any], sweep: Sweep) -> tuple[Account, list[tuple[int, dict[str, Any], ModelCount]]]:
    account = Account()
    rows: list[tuple[int, dict[str, Any], ModelCount]] = []
    seen: list[Any] = []
    swept = {name for values in slow_configurations(data) for name in values}
    for number, values in enumerate(slow_configurations(data)):
        model = replaced(data["model"], values)
        try:
            counted = count_model(model)
        except InputError:
            account.not_valid["?"] += 1
            continue
        columns = counted.columns()
        broken = [
            (bound.column, side)
            for bound in sweep.budget
            for side, limit in (("under", bound.minimum), ("over", bound.maximum))
            if limit is not None
            and (columns.get(bound.column, 0) < limit if side == "under" else columns.get(bound.column, 0) > limit)
        ]
        if broken:
            account.outside[broken[0]] += 1
            continue
        fails = [
            expression.text
            for expression in sweep.where
            if not expression.holds({name: field_of(model, name) for name in expression.names})
        ]
        if fails:
            account.excluded[fails[0]] += 1
            continue
        account.kept += 1
        assert account.repeated is not None
        same = {name: values.get(name, said_in(data["model"], name)) for name in swept}
        account.repeated += same in seen
        seen.append(same)
        rows.append((number, values, counted))
    return account, rows


def comparable(account: Account) -> Account:
    """Return an account without its reasons: the twin has each fault of a model, the engine the first of its kind."""
    number = account.not_valid.total()
    return Account(Counter({"?": number} if number else {}), account.outside, account.excluded, account.kept, account.repeated)  # fmt: skip


_VALUE = re.compile(r"grid(?:\[(\d+)\])?\.([\w.]+)\[(\d+)\]")
"""Where a fault of one value of an axis stands."""


def check_value(data: Mapping[str, Any], number: int, path: str, place: int) -> None:
    """Hold what is told of one value of an axis against the twin: every configuration with it is refused."""
    several = data["grid"] if isinstance(data["grid"], list) else [data["grid"]]
    wrong = several[number][path][place]
    for values in slow_configurations({**data, "grid": several[number]}):
        if values[path] == wrong and type(values[path]) is type(wrong):
            with pytest.raises(InputError):
                count_model(replaced(data["model"], values))


def parsed(data: Mapping[str, Any]) -> Sweep | None:
    """Return a sweep, or None where all of it is refused, which the twin must say too."""
    try:
        return parse_sweep(json.dumps(data), "twin.yaml")
    except InputError as refused:
        told = [fault.message for fault in refused.faults]
        if any("no field named" in message or "is not available" in message for message in told):
            return None  # a condition on a field that is a list here
        if any("cannot follow another" in message for message in told):
            return None  # a fraction of a size that is none here: a list says it
        if any("one per layer" in message or "is no count" in message or "one kind" in message for message in told):
            return None  # a value that is wrong wherever it stands
        values_told = [_VALUE.fullmatch(fault.path) for fault in refused.faults]
        if all(values_told):
            for one in filter(None, values_told):
                check_value(data, int(one[1] or 0), one[2], int(one[3]))
            return None
        for values in slow_configurations(data):
            with pytest.raises(InputError):
                count_model(replaced(data["model"], values))
        return None


SMALL: dict[str, Any] = {
    "sizer": 1,
    "name": "twin",
    "model": MODEL,
    "grid": [
        {
            "conv.channels": [2, 4],
            "conv.kernel": [[3, 3], [3, 11]],
            "enc.recurrent_projection": [0, 2, 12],
            "joint.combine": ["concat", "add"],
            "hidden.width": [4, 8],
        },
        {"enc.cells": [[8, 4], [9, 6, 3]], "enc.subsample": [1, 2], "labels.embedding": [6, 8], "linked": [{"joint.width": [6, 8], "conv.bias": [True, False]}]},
        {"deep.repeat": [1, 3], "joint.width": [6], "enc.cells": {"from": 4, "to": 12, "step": 4}, "hidden.groups": [1, 2], "deep.inner.width": {"of": "enc.cells", "ratio": "1/2", "round_to": 2}},
        {"enc.layers": [1, 2, 3], "enc.subsample": [1, 2], "enc.cells": [5, 7, 9]},
    ],
    "where": ["hidden.width <= 3 * conv.channels"],
    "budget": {"macs_per_frames": {"min": 600, "max": 2000}, "enc.weights": {"max": 1500}},
    "output": {"columns": "all"},
}  # fmt: skip


@pytest.mark.parametrize("block", [7, 1000])
def test_a_few_configurations_of_every_kind(block: int) -> None:
    hold(SMALL, block)
    hold({**SMALL, "budget": {}, "where": []}, block)


def test_a_few_are_pruned_alike() -> None:
    for sort in ("weights", "macs_per_frames", "macs_per_second"):
        hold_pruned(SMALL, sort, descending=sort == "weights")


def test_bounds_on_what_is_rounded_up_are_exact() -> None:
    """A step of frames is a part of the model's work: what is below a bound by less than one is within it."""
    grid = {"enc.subsample": [2, 3], "enc.cells": [5, 7, 9], "enc.layers": [2]}
    sweep = parse_sweep(json.dumps({**SMALL, "grid": grid, "budget": {}, "where": []}))
    found = {
        value
        for _, rows in enumerate_sweep(sweep, ["macs_per_frames"])
        for value in rows.column("macs_per_frames").tolist()
    }
    for value in sorted(found):
        for bound in ({"min": value}, {"max": value - 1}):
            hold_pruned({**SMALL, "grid": grid, "budget": {"macs_per_frames": bound}}, "weights", descending=True)


def test_a_wrong_term_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: with one weight too many in the engine's sums, it does."""

    def with_one_more(graph: Any) -> Any:
        summed = tally_graph(graph)
        return replace(summed, parts={**summed.parts, "bias_weights": summed.parts["bias_weights"] + 1})

    monkeypatch.setattr("sizer.networks.blocks.outlines.tally_graph", with_one_more)
    with pytest.raises(AssertionError):
        hold(SMALL, 1000)


@pytest.mark.thorough
@seeing(rows=40, refused=15, outside=15)
@given(sweeps(), st.integers(1, 300))
@settings(max_examples=examples(200), deadline=None)
def test_the_engine_finds_what_the_twin_finds(data: dict[str, Any], block: int) -> None:
    hold(data, block)


def hold(data: Mapping[str, Any], block: int) -> None:
    """Hold the engine against the twin."""
    sweep = parsed(data)
    if sweep is None:
        return
    slow, expected = slow_run(data, sweep)
    account, parts = Account(), []
    for part, kept in enumerate_sweep(sweep, sweep.columns, block=block):
        account.add(part)
        parts.append(kept)
    assert comparable(account) == slow
    assert "?" not in account.not_valid
    if slow.kept:
        saw("rows")
    if slow.not_valid:
        saw("refused")
    if slow.outside:
        saw("outside")
    ids = [int(number) for part in parts for number in part.ids]
    assert ids == [number for number, _, _ in expected]
    for name in sweep.columns:
        found = [value for part in parts for value in part.column(name).tolist()]
        assert found == [value_of(name, number, values, counted, sweep) for number, values, counted in expected], name


def value_of(name: str, number: int, values: Mapping[str, Any], counted: ModelCount, sweep: Sweep) -> Any:
    """Return what stands in a column of a row."""
    if name == "id":
        return number
    if name in sweep.names.counted:
        return counted.columns().get(name, 0)
    path, _, place = name.rpartition(".")
    if place.isdecimal():
        value = values.get(path, field_of(MODEL, path))
        if isinstance(value, list):
            return value[int(place) - 1] if int(place) <= len(value) else 0
        return 0
    value = values.get(name, field_of(replaced(MODEL, values), name))
    if sweep.names.kinds[name] == "choice":
        words = sweep.words[name]
        return words.index(str(value) if not isinstance(value, list) else f"[{', '.join(map(str, value))}]")
    return 0 if isinstance(value, list) else (1000 if value == "1K" else value)


@pytest.mark.thorough
@seeing(rows=25)
@given(sweeps(), st.sampled_from(["weights", "macs_per_frames", "enc.weights"]), st.booleans())
@settings(max_examples=examples(200), deadline=None)
def test_pruning_finds_what_the_engine_finds(data: dict[str, Any], sort: str, descending: bool) -> None:
    hold_pruned(data, sort, descending=descending)


def hold_pruned(data: Mapping[str, Any], sort: str, *, descending: bool) -> None:
    """Hold pruning against the engine."""
    sweep = parsed(data)
    if sweep is None:
        return
    account = Account()
    rows: list[tuple[int, int]] = []
    for part, kept in enumerate_sweep(sweep, sweep.columns):
        account.add(part)
        rows.extend(zip(kept.ids.tolist(), kept.column(sort).tolist(), strict=True))
    assert prunable(sweep)
    counted = count_kept(sweep, best=3, sort=sort, descending=descending, effort=None)
    assert counted.account is not None
    assert replace_repeated(counted.account) == replace_repeated(account)
    best = sorted(rows, key=lambda row: (-row[1] if descending else row[1], row[0]))[:3]
    assert counted.best == [number for number, _ in best]
    found = [number for part in pruned_rows(sweep, ["weights"], Account()) for number in part.ids.tolist()]
    assert found == [number for number, _ in rows]
    if rows:
        saw("rows")


def replace_repeated(account: Account) -> Account:
    return Account(account.not_valid, account.outside, account.excluded, account.kept, 0)


LISTED: dict[str, Any] = {
    "blocks": {
        "features": {"type": "input", "inputs": 5},
        "enc": {"type": "recurrent", "cells": [8, 8]},
        "output": {"type": "dense", "width": 3},
    }
}


@pytest.mark.parametrize("block", [1, 1000])
@pytest.mark.parametrize("turned", [False, True])
def test_a_union_of_what_is_a_list_and_what_is_a_size(block: int, turned: bool) -> None:
    """The list that the model says by itself is none of the sizes that another grid sweeps, and is not broken by them."""
    several: list[dict[str, Any]] = [
        {"enc.cells": {"from": 4, "to": 12, "step": 4}},
        {"output.width": [3, 4]},
        {"output.width": [4, 5]},
    ]
    grid = several[::-1] if turned else several
    sweep = parse_sweep(json.dumps({"sizer": 1, "name": "union", "model": LISTED, "grid": grid}))
    account = Account()
    for part, _ in enumerate_sweep(sweep, sweep.columns, block=block):
        account.add(part)
    assert (account.kept, account.repeated) == (7, 1)


def test_sizes_that_only_some_configurations_tie_are_pruned() -> None:
    """Of four pairs of sizes one fits the tied kernel; the others are refused one by one, not as a fault of the model."""
    blocks = {
        "labels": {"type": "embedding", "vocabulary": 12, "embedding": 6},
        "guess": {"type": "recurrent", "cells": 8},
        "output": {"type": "dense", "width": 12, "tied": "labels"},
    }
    # What falls is cut where it does, so that there are pieces in which each has one value.
    grid = {"labels.embedding": [8, 6], "output.width": [20, 12], "guess.layers": [1, 2, 3]}
    sweep = parse_sweep(json.dumps({"sizer": 1, "name": "tied", "model": {"blocks": blocks}, "grid": grid}))
    account = Account()
    for part, _ in enumerate_sweep(sweep, sweep.columns):
        account.add(part)
    assert (account.kept, account.not_valid.total()) == (3, 9)
    counted = count_kept(sweep, effort=None)
    assert counted.account is not None
    assert replace_repeated(counted.account) == replace_repeated(account)
