"""Spaces of models of blocks against models that are written out and counted one by one."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sizer
from sizer.errors import InputError
from sizer.spaces.space import Space, space
from tests.examples import examples, saw, seeing
from tests.oracles.slow_model_space import listed_models
from tests.oracles.slow_space import Listed

TRANSDUCER: dict[str, Any] = {
    "convention": "textbook",
    "blocks": {
        "features": {"type": "input", "inputs": 7},
        "encoder": {"type": "recurrent", "layers": 2, "cells": 8},
        "halves": {"type": "subsample", "factor": 2},
        "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 9, "embedding": 3},
        "prediction": {"type": "recurrent", "layers": 1, "cells": 8},
        "joint": {"type": "dense", "from": ["halves", "prediction"], "width": 5},
        "output": {"type": "dense", "width": 9},
    },
}
STACKED: dict[str, Any] = {
    "convention": "textbook",
    "blocks": {
        "features": {"type": "input", "inputs": 7},
        "lower": {"type": "recurrent", "layers": 2, "cells": 8, "bidirectional": True},
        "between": {"type": "splice", "frames": 3},
        "upper": {"type": "recurrent", "cell_type": "gru", "layers": 2, "cells": 8},
        "sum": {"type": "join", "from": ["features", "upper", "lower"]},
        "output": {"type": "dense", "width": 4},
    },
}
ADDED: dict[str, Any] = {
    "convention": "pytorch",
    "blocks": {
        "features": {"type": "input", "inputs": 6},
        "left": {"type": "recurrent", "from": "features", "layers": 2, "cells": 8},
        "right": {"type": "recurrent", "from": "features", "cell_type": "gru", "layers": 1, "cells": 8},
        "both": {"type": "join", "from": ["left", "right"], "combine": "add"},
        "output": {"type": "dense", "width": 3},
    },
}
ATTENDING: dict[str, Any] = {
    "convention": "textbook",
    "blocks": {
        "features": {"type": "input", "inputs": 5},
        "encoder": {"type": "recurrent", "layers": 2, "cells": 8},
        "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 9, "embedding": 3},
        "decoder": {"type": "recurrent", "layers": 1, "cells": 8},
        "attention": {"type": "attention", "kind": "general", "query": "decoder", "memory": "encoder"},
        "output": {"type": "dense", "from": ["decoder", "attention"], "width": 9},
    },
}
MODELS = {
    "transducer": (TRANSDUCER, ("encoder", "prediction"), {"joint.width": [3, 5]}),
    "stacked": (STACKED, ("lower", "upper"), {"output.width": [2, 3, 7]}),
    "added": (ADDED, ("left", "right"), {"output.width": [2, 5]}),
    "attending": (ATTENDING, ("encoder", "decoder"), {"labels.embedding": [3, 4]}),
}


def described(model: dict[str, Any], grid: dict[str, Any], budget: dict[str, Any] | None = None, **more: Any) -> Space:
    return space({"model": model, "grid": grid, **({"budget": budget} if budget else {}), **more})


@st.composite
def small_models(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, int]]]:
    """Draw a model, a grid and a budget of a few hundred models."""
    name = draw(st.sampled_from(sorted(MODELS)))
    model, blocks, others = MODELS[name]
    grid: dict[str, Any] = {}
    order = list(blocks) if draw(st.booleans()) else list(blocks)[::-1]
    for block in order:
        if draw(st.integers(0, 4)) == 0 and grid:
            grid[f"{block}.cells"] = draw(st.lists(st.integers(4, 9), min_size=1, max_size=2, unique=True))
            continue
        if draw(st.booleans()):
            grid[f"{block}.layers"] = draw(st.sampled_from([[1, 2], [2, 1], [2], [1]]))
        axis: dict[str, Any] = {
            "per_layer": draw(st.lists(st.integers(3, 12), min_size=2, max_size=2 + len(grid) % 2, unique=True))
        }
        if draw(st.integers(0, 2)) == 0:
            axis["order"] = draw(st.sampled_from(["falling", "rising"]))
        if draw(st.integers(0, 2)) == 0:
            axis["distinct"] = draw(st.integers(1, 2))
        grid[f"{block}.cells"] = axis
        if model["blocks"][block].get("cell_type") != "gru" and draw(st.booleans()):
            values = draw(st.sampled_from([[0, 2], [2, 4], [3], [2]]))
            grid[f"{block}.recurrent_projection"] = {"per_layer": values} if draw(st.booleans()) else values
    grid.update({path: values for path, values in others.items() if draw(st.booleans())})
    budget: dict[str, dict[str, int]] = {}
    for column, most in (("weights", 5000), ("state_size", 80), (f"{blocks[0]}.weights", 4000), ("int8_bytes", 5000)):
        if draw(st.integers(0, 2)) == 0:
            budget[column] = {"max": draw(st.integers(most // 4, most))}
            if draw(st.integers(0, 3)) == 0:
                budget[column]["min"] = draw(st.integers(0, budget[column]["max"] // 2))
    if name == "transducer" and draw(st.booleans()):
        budget["macs_per_frames"] = {"max": draw(st.integers(500, 4000)), "min": draw(st.integers(0, 500))}
    return model, grid, budget


def told_apart(fields: dict[str, Any], grid: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(fields[name] for name in grid)


def flat(found: Any, grid: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [told_apart(found.flat(place), grid) for place in range(len(found))]


def _small(model: dict[str, Any], grid: dict[str, Any], budget: dict[str, dict[str, int]]) -> Space | None:
    """Return a space; None where it is too large to be written out, or nothing of it is valid."""
    found = described(model, grid, budget)
    return found if found.size <= 400 else None


@pytest.mark.thorough
@seeing(within=20)
@settings(max_examples=examples(80))
@given(small_models())
def test_a_space_of_models_is_what_it_is_written_out(
    drawn: tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, int]]],
) -> None:
    model, grid, budget = drawn
    found = _small(model, grid, budget)
    if found is None:
        return
    everything = list(listed_models(model, grid))
    assert found.size == len(everything)
    within = [one for one in everything if one.within(budget)]
    assert found.count() == len(within)
    if not within:
        return
    saw("within")
    _check_ranks(found, grid, everything, within)
    _check_sizes(found, grid, within)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_space_of_two_blocks_is_what_it_is_written_out(name: str) -> None:
    model, blocks, others = MODELS[name]
    grid: dict[str, Any] = {
        f"{blocks[1]}.layers": [1, 2],
        f"{blocks[1]}.cells": {"per_layer": [4, 9], "order": "falling"},
        f"{blocks[0]}.cells": {"per_layer": [4, 6, 9]},
        **others,
    }
    everything = list(listed_models(model, grid))
    valid = sorted((one.counts or {})["weights"] for one in everything if one.counts is not None)
    budget = {"weights": {"min": valid[len(valid) // 4], "max": valid[-1 - len(valid) // 4]}}
    within = [one for one in everything if one.within(budget)]
    found = described(model, grid, budget)
    assert (found.size, found.count()) == (len(everything), len(within))
    _check_ranks(found, grid, everything, within)
    _check_sizes(found, grid, within)


def _check_ranks(found: Space, grid: dict[str, Any], everything: list[Listed], within: list[Listed]) -> None:
    every = found.at(range(len(within)))
    assert flat(every, grid) == [told_apart(one.fields, grid) for one in within]
    assert found.rank(every) == list(range(len(within)))
    ids = [place for place, one in enumerate(everything) if one in within]
    assert every.ids == ids
    assert flat(found.by_id(ids), grid) == [told_apart(one.fields, grid) for one in within]
    assert found.rank(within[-1].fields) == len(within) - 1
    assert found.rank(found[0]) == 0
    for column in found.sweep.names.counted:
        assert every.counts(column).tolist() == [(one.counts or {}).get(column, 0) for one in within], column
    assert sizer.count(found[len(within) - 1]).weights == every.weights[-1]


def _check_sizes(found: Space, grid: dict[str, Any], within: list[Listed]) -> None:
    sizes = [(one.counts or {})["weights"] for one in within]
    order = sorted(range(len(within)), key=lambda place: (-sizes[place], place))
    expected = [told_apart(within[place].fields, grid) for place in order]
    assert flat(found.largest(5), grid) == expected[:5]
    column = next(name for name in found.sweep.names.counted if name.startswith("macs_per_"))
    values = [(one.counts or {}).get(column, 0) for one in within]
    least = sorted(range(len(within)), key=lambda place: (values[place], place))
    assert flat(found.extreme(column, 4, largest=False), grid) == [
        told_apart(within[place].fields, grid) for place in least[:4]
    ]
    aim = sizes[len(sizes) // 2] + 3
    near = sorted(range(len(within)), key=lambda place: (abs(sizes[place] - aim), sizes[place], place))
    assert flat(found.nearest(aim, 3), grid) == [told_apart(within[place].fields, grid) for place in near[:3]]
    assert found.quantile(0.5) == sorted(sizes)[(len(sizes) + 1) // 2 - 1]
    assert [one.networks for one in found.histogram(4)] == [
        sum(one.least <= size <= one.most for size in sizes) for one in found.histogram(4)
    ]
    drawn = found.sample(20, seed=1)
    assert set(flat(drawn, grid)) <= {told_apart(one.fields, grid) for one in within}
    assert found.thrown_away == 0


@settings(max_examples=examples(60))
@given(small_models(), st.integers(0, 100))
def test_fronts_neighbours_and_restrictions_of_models(
    drawn: tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, int]]], place: int
) -> None:
    model, grid, budget = drawn
    budget = {name: ends for name, ends in budget.items() if name == "weights"}
    found = _small(model, grid, budget)
    within = [] if found is None else [one for one in listed_models(model, grid) if one.within(budget)]
    if found is None or not within:
        return
    pairs = {((one.counts or {})["weights"], (one.counts or {})["state_size"]) for one in within}
    front = {pair for pair in pairs if not any(a >= pair[0] and b <= pair[1] and (a, b) != pair for a, b in pairs)}
    if "min" not in budget.get("weights", {}):
        assert found.pareto("weights", "state_size") == sorted(front)
    here = within[place % len(within)].fields
    layered = [name for name, axis in grid.items() if not isinstance(axis, list)]

    def apart(other: dict[str, Any]) -> int:
        if any(other[name] != here[name] for name in grid if name not in layered):
            return 2
        return sum(a != b for name in layered for a, b in zip(other[name], here[name], strict=True))

    expected = [told_apart(one.fields, grid) for one in within if apart(one.fields) == 1]
    assert flat(found.neighbours(here), grid) == expected
    name = layered[-1]
    few = found.restrict({f"{name}.1": here[name][0]})
    kept = [one for one in within if one.fields[name][0] == here[name][0]]
    assert flat(few[:], grid) == [told_apart(one.fields, grid) for one in kept]


def test_bounds_on_averages_hold_for_what_they_are_rounded_up_to() -> None:
    """Half of the frames reach the joint layer: multiply-accumulates for each frame are halves, rounded up."""
    grid = {
        "encoder.cells": {"per_layer": [4, 5, 7]},
        "prediction.cells": {"per_layer": [3, 9]},
        "joint.width": [1, 3],
        "halves.factor": [2, 3],
    }
    model = {**TRANSDUCER, "blocks": {**TRANSDUCER["blocks"]}}
    model["blocks"]["halves"] = {"type": "subsample", "from": "features", "factor": 2}
    model["blocks"]["encoder"] = {**model["blocks"]["encoder"], "from": "halves"}
    model["blocks"]["joint"] = {"type": "dense", "from": ["encoder", "prediction"], "width": 5}
    model["blocks"]["features"] = {"type": "input", "inputs": 7}
    everything = list(listed_models(model, grid))
    values = sorted({(one.counts or {})["macs_per_frames"] for one in everything})
    assert described(model, grid)._divisor("macs_per_frames") > 1
    for least, most in ((values[2], values[5]), (values[4], values[4]), (values[4] + 1, values[8] - 1)):
        budget = {"macs_per_frames": {"min": least, "max": most}}
        within = [one for one in everything if one.within(budget)]
        found = described(model, grid, budget)
        assert found.count() == len(within) > 0
        assert flat(found[:], grid) == [told_apart(one.fields, grid) for one in within]
        pairs = {((one.counts or {})["weights"], (one.counts or {})["macs_per_frames"]) for one in everything}
        front = {pair for pair in pairs if not any(a >= pair[0] and b <= pair[1] and (a, b) != pair for a, b in pairs)}
        assert described(model, grid).pareto("weights", "macs_per_frames") == sorted(front)


def test_conditions_hold_in_every_layer_of_their_block() -> None:
    grid = {
        "encoder.layers": [1, 2],
        "encoder.cells": {"per_layer": [4, 8, 12]},
        "encoder.recurrent_projection": {"per_layer": [0, 4, 6]},
        "prediction.cells": {"per_layer": [3, 9]},
        "joint.width": [3, 5],
    }
    where = ["2 * encoder.recurrent_projection <= encoder.cells", "prediction.cells < 5 or joint.width == 5"]
    found = described(TRANSDUCER, grid, {"weights": {"max": 3000}}, where=where)
    expected = [
        one.fields
        for one in listed_models(TRANSDUCER, grid)
        if one.within({"weights": {"max": 3000}})
        and all(
            2 * r <= n
            for n, r in zip(one.fields["encoder.cells"], one.fields["encoder.recurrent_projection"], strict=True)
        )
        and all(n < 5 or one.fields["joint.width"] == 5 for n in one.fields["prediction.cells"])
    ]
    assert found.count() == len(expected) > 30
    assert flat(found[:], grid) == [told_apart(one, grid) for one in expected]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_layers_of_several_cell_types_are_counted_as_written_out(name: str) -> None:
    model, (first, second), others = MODELS[name]
    grid: dict[str, Any] = {
        f"{first}.layers": [2, 1],
        f"{second}.layers": [2],
        f"{first}.cells": {"per_layer": [4, 8]},
        f"{first}.cell_type": {"per_layer": ["gru", "lstm", "rnn"], "distinct": 2},
        f"{second}.cell_type": {"per_layer": ["lstm", "gru"]},
        **dict(list(others.items())[:1]),
    }
    everything = list(listed_models(model, grid))
    sizes = sorted((one.counts or {})["weights"] for one in everything if one.counts is not None)
    budget = {"weights": {"min": sizes[len(sizes) // 4], "max": sizes[-1 - len(sizes) // 4]}}
    within = [one for one in everything if one.within(budget)]
    found = described(model, grid, budget)
    assert (found.size, found.count()) == (len(everything), len(within))
    _check_ranks(found, grid, everything, within)
    _check_sizes(found, grid, within)
    words = [one.fields[f"{first}.cell_type"] for one in within]
    assert found.count(where=f"{first}.cell_type in ('lstm', 'gru')") == sum("rnn" not in one for one in words) > 0
    few = found.restrict({f"{first}.cell_type.1": "rnn"})
    assert few.count() == sum(one[0] == "rnn" for one in words)
    assert found[0:2].columns()[f"{first}.cell_type.1"].tolist() == [one[0] for one in words[:2]]


def test_a_projection_is_refused_in_layers_of_cells_that_have_none() -> None:
    """A rule of a cell type that is left open holds where a layer is of that type alone."""
    grid: dict[str, Any] = {
        "encoder.cell_type": {"per_layer": ["gru", "lstm", "rnn"]},
        "encoder.recurrent_projection": {"per_layer": [0, 2]},
    }
    found = described(TRANSDUCER, grid)
    valid = [one for one in listed_models(TRANSDUCER, grid) if one.counts is not None]
    assert (found.size, found.count()) == (36, len(valid))
    assert len(valid) == 16  # of each layer four of six stand
    assert flat(found[:], grid) == [told_apart(one.fields, grid) for one in valid]
    assert found[:].weights.tolist() == [(one.counts or {})["weights"] for one in valid]


def test_layers_of_several_cell_types_are_counted_as_one_block_each() -> None:
    layers = {"first": ("lstm", 8, True), "second": ("gru", 12, False), "third": ("lstm", 6, True)}
    apart: dict[str, Any] = {"features": {"type": "input", "inputs": 7}}
    for name, (cell_type, cells, both) in layers.items():
        apart[name] = {"type": "recurrent", "cell_type": cell_type, "cells": cells, "bidirectional": both}
    apart["output"] = {"type": "dense", "width": 3}
    together = {
        "features": apart["features"],
        "stack": {
            "type": "recurrent",
            "cell_type": ["lstm", "gru", "lstm"],
            "cells": [8, 12, 6],
            "bidirectional": [True, False, True],
        },
        "output": apart["output"],
    }
    one, other = (sizer.count({"convention": "keras", "blocks": blocks}) for blocks in (apart, together))
    assert one.columns()["weights"] == other.columns()["weights"] == 1024 + 1080 + 912 + 39
    assert other.columns()["stack.weights"] == other.columns()["weights"] - 3 * 12 - 3
    same = ("weights", "macs_per_step", "state_size", "bias_weights", "recurrent_weights")
    assert [one.columns()[name] for name in same] == [other.columns()[name] for name in same]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"cell_type": ["lstm", "gru", "rnn"]}, "cell_type: has 3 values, one per layer, but cells has 2"),
        ({"cell_type": ["lstm", "grux"]}, "cell_type.1: 'grux' is not known; did you mean 'gru'"),
        ({"cell_type": []}, "cell_type: is an empty list; give one value per layer"),
        ({"cell_type": ["lstm", "gru"], "skip_connections": True}, "skip_connections is of layers of one cell type"),
        ({"cell_type": ["lstm", "gru"], "shared": "below"}, "shares the weights of layers of several cell types"),
        ({"cell_type": ["lstm", "gru"], "recurrent_projection": 4}, "gru has no recurrent_projection"),
    ],
)
def test_faults_of_lists_of_cell_types(more: dict[str, Any], message: str) -> None:
    blocks = {
        "features": {"type": "input", "inputs": 7},
        "below": {"type": "recurrent", "cells": [8, 8]},
        "stack": {"type": "recurrent", "cells": [8, 8], **more},
    }
    with pytest.raises(InputError, match=message):
        sizer.count({"convention": "pytorch", "blocks": blocks})


def test_a_network_of_a_plain_space_with_several_cell_types_can_be_counted() -> None:
    model = {
        "convention": "pytorch",
        "vocabulary": 20,
        "embedding": 5,
        "outputs": 20,
        "layers": 2,
        "output_bias": False,
    }
    grid = {"cells": {"per_layer": [4, 5]}, "cell_type": {"per_layer": ["lstm", "gru", "rnn"]}}
    found = described(model, grid)
    counts = [sizer.count(one) for one in found[:]]
    assert [one.weights for one in counts] == found[:].weights.tolist()
    assert [sizer.explain(one).count.weights for one in found[:]] == found[:].weights.tolist()
    assert len({one.weights for one in counts}) > 20
    with pytest.raises(InputError, match="has a value for each layer; write"):
        sizer.compare(found[1])


def test_weights_of_layers_of_several_cell_types_are_not_shared() -> None:
    blocks = {
        "features": {"type": "input", "inputs": 8},
        "stack": {"type": "recurrent", "cells": 8, "cell_type": ["lstm", "gru"]},
        "again": {"type": "recurrent", "cells": 8, "cell_type": "gru", "shared": "stack"},
    }
    with pytest.raises(InputError, match="stack has layers of several cell types, whose weights cannot be shared"):
        sizer.count({"convention": "pytorch", "blocks": blocks})


@pytest.mark.parametrize("swept", [False, True])
def test_layers_that_are_connected_past_each_other_are_of_one_cell_type(*, swept: bool) -> None:
    model = {**TRANSDUCER, "blocks": {**TRANSDUCER["blocks"]}}
    grid: dict[str, Any] = {"encoder.cell_type": {"per_layer": ["lstm", "gru"]}}
    if swept:
        grid["encoder.skip_connections"] = [False, True]
    else:
        model["blocks"]["encoder"] = {**model["blocks"]["encoder"], "skip_connections": True}
    message = "each layer has a cell_type of its own, and skip_connections is of layers of one"
    with pytest.raises(InputError, match=message):
        described(model, grid)


def test_layers_of_a_group_are_the_same_in_each_repetition() -> None:
    inner = {"layer": {"type": "recurrent", "cells": 4}, "between": {"type": "dense", "width": 3}}
    blocks = {
        "features": {"type": "input", "inputs": 4},
        "group": {"type": "group", "repeat": 2, "blocks": inner},
        "output": {"type": "dense", "width": 2},
    }
    grid: dict[str, Any] = {"group.layer.layers": [1, 2], "group.layer.cells": {"per_layer": [3, 5]}}
    found = described({"convention": "textbook", "blocks": blocks}, grid)
    sizes = [
        sum(4 * n * (fed + n) for fed, n in zip((read, *widths), widths, strict=False)) + 3 * widths[-1]
        for widths in [(3,), (5,), (3, 3), (3, 5), (5, 3), (5, 5)]
        for read in (4, 3)
    ]
    assert found[:].weights.tolist() == [a + b + 6 for a, b in zip(sizes[::2], sizes[1::2], strict=True)]
    inner["layer"] = {"type": "recurrent", "cells": 4, "layers": {"each": [1, 2]}}
    grid = {"group.layer.cells": {"per_layer": [3, 5]}}
    with pytest.raises(
        InputError, match=r"no model of this space is valid: group\.layer\.layers: is 2, but cells has 1"
    ):
        described({"convention": "textbook", "blocks": blocks}, grid)


@pytest.mark.parametrize("order", ["any", "falling", "rising"])
def test_few_distinct_widths_of_several_fields_at_once(order: str) -> None:
    """Two fields of one block and one of another, each with few different values of its own."""
    grid: dict[str, Any] = {
        "encoder.layers": [3, 1],
        "encoder.cells": {"per_layer": [4, 9, 6], "order": order, "distinct": 2},
        "encoder.recurrent_projection": {"per_layer": [0, 3], "distinct": 1},
        "prediction.layers": [3],
        "prediction.cells": {"per_layer": [8, 5, 7], "distinct": 2},
    }
    everything = list(listed_models(TRANSDUCER, grid))
    sizes = sorted((one.counts or {})["weights"] for one in everything)
    budget = {"weights": {"min": sizes[len(sizes) // 3], "max": sizes[2 * len(sizes) // 3]}}
    within = [one for one in everything if one.within(budget)]
    found = described(TRANSDUCER, grid, budget)
    assert (found.size, found.count()) == (len(everything), len(within))
    _check_ranks(found, grid, everything, within)
    _check_sizes(found, grid, within)


def test_more_values_than_a_number_has_bits_are_told_apart() -> None:
    grid = {"encoder.layers": [3], "encoder.cells": {"per_layer": {"from": 1, "to": 70, "step": 1}, "distinct": 2}}
    found = described(TRANSDUCER, grid)
    sizes = Counter(
        4 * a * (7 + a) + 4 * b * (a + b) + 4 * c * (b + c) + 5 * c + 4 * 8 * (3 + 8) + 5 * 8 + 5 * 9 + 27
        for a, b, c in itertools.product(range(1, 71), repeat=3)
        if len({a, b, c}) <= 2
    )
    assert found.size == found.count() == sizes.total() == 70 + 70 * 69 * 3
    for most in (5000, 20_000, 60_000):
        assert found.count(budget=most) == sum(times for size, times in sizes.items() if size <= most) > 0


def test_what_meets_in_a_product_is_kept_and_what_adds_up_is_not() -> None:
    """Behind the encoder a transducer asks for nothing more; attention asks for the width of both."""
    grid = {"encoder.cells": {"per_layer": [4, 8, 12]}, "prediction.cells": {"per_layer": [3, 9]}}
    step = described(TRANSDUCER, grid)._chains[0].first
    assert int(step.after.targets.max()) == 0  # type: ignore[union-attr]
    grid = {"encoder.cells": {"per_layer": [4, 8, 12]}, "decoder.cells": {"per_layer": [3, 9]}}
    step = described(ATTENDING, grid)._chains[0].first
    assert int(step.after.targets.max()) == 2  # type: ignore[union-attr]


def test_bounds_that_take_too_much_at_once_are_said() -> None:
    grid = {
        "encoder.layers": [8],
        "encoder.cells": {"per_layer": {"from": 1001, "to": 2048, "step": 1}},
        "prediction.cells": {"per_layer": [1001, 2048]},
    }
    budget = {"weights": {"max": "60M"}, "encoder.weights": {"max": "50M"}}
    with pytest.raises(InputError, match=r"bounds on .*weights and .*weights at once take [\d,]+ GiB"):
        described(TRANSDUCER, grid, budget).count()


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (
            {"encoder.subsample": {"per_layer": [1, 2]}},
            "a layer has no subsample of its own; cells, recurrent_projection",
        ),
        ({"joint.width": {"per_layer": [1, 2]}}, "a layer has no width of its own"),
        (
            {"encoder.cells": {"per_layer": [4, 8], "distinct": 0}},
            "encoder.cells.*distinct.* 0 is below the minimum, 1",
        ),
        ({"encoder.colour": {"per_layer": [4, 8]}}, "colour"),
        ({"encoder.layers": [1, 900], "encoder.cells": {"per_layer": [4, 8]}}, "900 layers are more than the 200"),
        (
            {"encoder.cells": {"per_layer": [4, 8]}, "joint.width": {"of": "encoder.cells", "ratio": ["1/2"]}},
            "encoder.cells has a value for each layer",
        ),
    ],
)
def test_faults_of_spaces_of_models(grid: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        described(TRANSDUCER, grid).count()


def test_a_condition_on_layers_of_two_blocks_is_a_fault() -> None:
    grid = {"encoder.cells": {"per_layer": [4, 8]}, "prediction.cells": {"per_layer": [4, 8]}}
    with pytest.raises(InputError, match="names layers of encoder and prediction at once"):
        described(TRANSDUCER, grid, where=["encoder.cells <= prediction.cells"]).count()


def test_columns_hold_what_is_swept_for_the_whole_model() -> None:
    grid: dict[str, Any] = {
        "encoder.layers": [1, 2],
        "encoder.cells": {"per_layer": [4, 8]},
        "joint.width": [3, 5],
    }
    found = described(TRANSDUCER, grid)[:].columns()
    assert list(found) == ["id", "encoder.layers", "joint.width", "encoder.cells.1", "encoder.cells.2", "weights"]
    assert found["joint.width"].tolist() == [3, 3, 5, 5, *[3] * 4, *[5] * 4]
    assert found["encoder.layers"].tolist() == [1] * 4 + [2] * 8


# A large one, by a second method


def _recognizer() -> dict[str, Any]:
    """Return the streaming recognizer of docs/spaces.md: 1.7 x 10^13 networks."""
    blocks: dict[str, Any] = {
        "features": {"type": "input", "inputs": 80},
        "stack": {"type": "splice", "frames": 4},
        "thirds": {"type": "subsample", "factor": 3},
        "encoder": {
            "type": "recurrent",
            "layers": 8,
            "cells": 2048,
            "recurrent_projection": 640,
            "subsample": [1, 2, 1, 1, 1, 1, 1, 1],
            "subsample_how": "stack",
        },
        "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 4096, "embedding": 128},
        "prediction": {"type": "recurrent", "layers": 2, "cells": 2048, "recurrent_projection": 640},
        "joint": {"type": "dense", "from": ["encoder", "prediction"], "width": 640},
        "output": {"type": "dense", "width": 4096},
    }
    grid = {
        "encoder.cells": {"per_layer": {"from": 1024, "to": 3072, "step": 128}, "order": "falling"},
        "encoder.recurrent_projection": {"per_layer": [0, 384, 512, 640, 768]},
        "prediction.layers": [1, 2],
        "prediction.cells": {"per_layer": {"from": 1024, "to": 2048, "step": 256}},
        "joint.width": [512, 640],
    }
    where = ["encoder.recurrent_projection * 2 <= encoder.cells"]
    return {"model": {"convention": "tensorflow1", "blocks": blocks}, "grid": grid, "where": where}


def _encoders(most: int) -> dict[int, Any]:
    """Return how many encoders have up to so many weights, in parts of 512, by the width that they hand on.

    By formulas that are written here, layer by layer from the input, where sizer goes from the output.
    """
    rooms = most // 512 + 1
    feeds: dict[int, dict[int, Any]] = {}
    stacks: dict[tuple[int, int], Any] = {}
    for layer in range(8):
        stacks = {}
        for n in range(1024, 3073, 128):
            below = feeds[n] if layer else {320: np.eye(1, rooms, dtype=np.int64)[0]}
            for r in (0, 384, 512, 640, 768):
                if 2 * r <= n:
                    stacks[n, r] = found = np.zeros(rooms, dtype=np.int64)
                    for inputs, ways in below.items():
                        cost = (4 * n * (inputs + (r or n)) + 4 * n + n * r) // 512
                        found[cost:] += ways[: max(0, rooms - cost)]
        for n in range(1024, 3073, 128):
            feeds[n] = {}
            for (m, r), ways in stacks.items():
                if m >= n:
                    width = (r or m) * (2 if layer == 1 else 1)
                    feeds[n][width] = feeds[n].get(width, 0) + ways
    totals: dict[int, Any] = {}
    for (n, r), ways in stacks.items():
        totals[r or n] = totals.get(r or n, 0) + ways
    return {width: np.cumsum(ways) for width, ways in totals.items()}


@pytest.mark.thorough
def test_a_recognizer_of_blocks_is_counted_and_sorted_as_encoders_times_predictions() -> None:
    most, encoders = 120_000_000, _encoders(120_000_000)

    def up_to(size: int) -> int:
        total = 0
        for layers in (1, 2):
            for cells in itertools.product(range(1024, 2049, 256), repeat=layers):
                inputs = (128, 640)
                prediction = sum(4 * n * (i + 640) + 4 * n + n * 640 for n, i in zip(cells, inputs, strict=False))
                for joint, (width, ways) in itertools.product((512, 640), encoders.items()):
                    rest = 4096 * 128 + prediction + (width + 640 + 1) * joint + (joint + 1) * 4096
                    total += int(ways[(size - rest) // 512]) if size >= rest else 0
        return total

    found = space({**_recognizer(), "budget": {"weights": {"max": most}}})
    assert found.count() == up_to(most) == 2_749_210_229_845
    median = found.quantile(0.5)
    assert up_to(median - 1) < -(-found.count() // 2) <= up_to(median)
    bins = found.histogram(5)
    assert [one.networks for one in bins] == [up_to(one.most) - up_to(one.least - 1) for one in bins]
    assert found.largest(3).weights.tolist() == [most] * 3
    assert up_to(most) - up_to(most - 1) >= 3
    near = found.nearest("110M")
    aim, distance = 110_000_000, abs(int(near.weights[0]) - 110_000_000)
    assert up_to(aim + distance - 1) == up_to(aim - distance)


def test_a_small_space_under_many_budgets_keeps_only_sums_that_can_be_there() -> None:
    """With every sum beside the room kept, such a space took too much memory to be counted."""
    grid = {
        "encoder.layers": [1, 2],
        "encoder.cells": {"per_layer": [1003, 1201, 1499]},
        "prediction.cells": {"per_layer": [997, 1601]},
    }
    everything = [one for one in listed_models(TRANSDUCER, grid) if one.counts is not None]
    middle = {
        name: {"max": sorted((one.counts or {})[name] for one in everything)[len(everything) * 3 // 4]}
        for name in ("weights", "encoder.weights", "state_size", "macs_per_frames")
    }
    within = [one for one in everything if one.within(middle)]
    found = described(TRANSDUCER, grid, middle)
    assert 0 < found.count() == len(within) < len(everything)
    assert flat(found[:], grid) == [told_apart(one.fields, grid) for one in within]
