"""Spaces over every cell type, with what can stand around the layers, against networks that are counted one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizer.errors import InputError
from sizer.networks.cells import CELL_TYPES
from sizer.networks.columns import COUNTED
from sizer.networks.fields import FIELDS
from sizer.spaces.space import Space, space
from tests.examples import examples, saw, seeing
from tests.oracles.slow_space import counted, listed


def described(model: dict[str, Any], grid: dict[str, Any], budget: dict[str, Any] | None = None) -> Space:
    return space({"model": model, "grid": grid, **({"budget": budget} if budget else {})})


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_a_space_of_any_cell_is_what_it_is_written_out(cell_type: str) -> None:
    model = {"convention": "textbook", "cell_type": cell_type, "inputs": 12, "outputs": 7, "bias_vectors": 1}
    grid: dict[str, Any] = {"layers": [1, 2, 3], "cells": {"per_layer": [12, 8, 20]}}
    for name in ("recurrent_projection", "nonrecurrent_projection", "bottleneck"):
        if counted({**model, "layers": 1, "cells": 8, name: 4}) is not None:
            if FIELDS[name].per_layer:
                grid[name] = {"per_layer": [4, 6]}
            else:
                model[name] = 4
            break
    everything = list(listed(model, grid))
    valid = [one for one in everything if one.counts is not None]
    assert valid, "no network of it is valid"
    sizes = sorted((one.counts or {})["weights"] for one in valid)
    budget = {"weights": {"min": sizes[len(sizes) // 5], "max": sizes[-1 - len(sizes) // 5]}}
    within = [one for one in everything if one.within(budget)]
    found = described(model, grid, budget)
    assert (found.size, found.count()) == (len(everything), len(within))
    every = found[:]
    assert [one["cells"] for one in every] == [one.fields["cells"] for one in within]
    for column in COUNTED:
        assert every.counts(column).tolist() == [(one.counts or {})[column] for one in within], column


@st.composite
def language_models(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a model with a vocabulary in front and behind, and a grid of layers."""
    vocabulary = draw(st.integers(2, 40))
    model: dict[str, Any] = {
        "convention": draw(st.sampled_from(["pytorch", "textbook", "keras"])),
        "cell_type": draw(st.sampled_from(["lstm", "gru"])),
        "vocabulary": vocabulary,
        "outputs": vocabulary,
    }
    grid: dict[str, Any] = {"layers": [1, 2, 3], "cells": {"per_layer": [6, 8, 12]}}
    embedding = st.sampled_from([4, 6, 8])
    if draw(st.booleans()):
        grid["embedding"] = draw(st.lists(embedding, min_size=1, max_size=3, unique=True))
    else:
        model["embedding"] = draw(embedding)
    if draw(st.booleans()):
        model["tied_embedding"] = True
    if draw(st.booleans()):
        model["other_weights"] = draw(st.integers(0, 999))
    if model["convention"] != "keras" and model["cell_type"] == "lstm":
        grid["recurrent_projection"] = {"per_layer": [0, 4, 6]}
        del grid["layers"]
        model["layers"] = draw(st.integers(1, 3))
    return model, grid


@seeing(within=20, tied=8)
@settings(max_examples=examples(80))
@given(language_models(), st.floats(0, 1), st.floats(0, 1))
def test_vocabularies_ties_and_other_weights_are_counted(
    drawn: tuple[dict[str, Any], dict[str, Any]], least: float, most: float
) -> None:
    model, grid = drawn
    everything = list(listed(model, grid))
    sizes = sorted((one.counts or {})["weights"] for one in everything if one.counts is not None)
    if not sizes or least > most:
        return
    low, high = sizes[int(least * (len(sizes) - 1))], sizes[int(most * (len(sizes) - 1))]
    budget = {"weights": {"min": low, "max": high}}
    within = [one for one in everything if one.within(budget)]
    found = described(model, grid, budget)
    assert (found.size, found.count()) == (len(everything), len(within))
    assert [one["cells"] for one in found[:]] == [one.fields["cells"] for one in within]
    assert found[:].weights.tolist() == [(one.counts or {})["weights"] for one in within]
    assert found.rank(found[:]) == list(range(len(within)))
    saw("within")
    if model.get("tied_embedding"):
        saw("tied")


@pytest.mark.parametrize("whole", [False, True])
def test_an_output_layer_of_odd_width_leaves_remainders_at_the_ends(
    monkeypatch: pytest.MonkeyPatch, *, whole: bool
) -> None:
    """Layers cost multiples of 8 and outputs multiples of 37: tables in units of 8 serve every remainder, or units of 1."""
    model = {"convention": "textbook", "cell_type": "lstm", "inputs": 8, "outputs": 37, "bias_vectors": 2}
    grid = {"layers": [1, 2, 3], "cells": {"per_layer": [8, 10, 14, 22, 24]}}
    everything = list(listed(model, grid))
    budget = {"weights": {"min": 3000, "max": 6000}}
    found = described(model, grid, budget)
    if not whole:
        # As where the rooms in units of 1 are too many: the unit of the layers alone.
        monkeypatch.setattr(Space, "_better_unit", lambda _, decided, bounds: decided.unit)
    within = [one for one in everything if one.within(budget)]
    walk = found._walk(found.bounds())
    assert (walk[3] == walk[2].unit) is not whole
    assert walk[2].unit > walk[2].whole_unit
    assert found.count() == len(within) > 20
    assert found[:].weights.tolist() == [(one.counts or {})["weights"] for one in within]
    for size in range(3000, 6000, 371):
        assert found.count(budget=size) == sum(3000 <= (one.counts or {})["weights"] <= size for one in everything)
    assert found.quantile(0.5) == sorted(found[:].weights.tolist())[(len(within) + 1) // 2 - 1]


def test_a_list_of_widths_in_the_model_is_a_fault() -> None:
    from sizer.errors import InputError

    model = {"convention": "textbook", "cell_type": "lstm", "inputs": 8, "layers": 2, "recurrent_projection": [4, 6]}
    with pytest.raises(InputError, match=r"recurrent_projection"):
        described(model, {"cells": {"per_layer": [8, 16]}})


def test_a_tie_beside_connections_past_layers_is_refused() -> None:
    """What feeds the output is the sum of what all layers hand up, and the embedding is as wide as that."""
    model = {"convention": "pytorch", "cell_type": "lstm", "vocabulary": 9, "embedding": 4, "outputs": 9}
    grid = {"layers": [1, 2], "cells": {"per_layer": [2, 4]}, "skip_connections": [False, True]}
    assert described(model, grid).count() == 2 * (2 + 4)
    with pytest.raises(InputError, match="tied_embedding beside skip_connections asks for the sum"):
        described({**model, "tied_embedding": True}, grid)


def test_sizes_are_those_of_networks_that_stand() -> None:
    """The first network of the file is refused, and its output costs otherwise than that of the one which stands."""
    model = {"convention": "pytorch", "cell_type": "gru", "vocabulary": 9, "embedding": 6, "layers": 1, "outputs": 9}
    found = described(model, {"cells": {"per_layer": [7]}, "tied_embedding": [True, False]})
    assert (found.size, found.count(), found.quantile(0.5)) == (2, 1, 441)
    assert found.largest(3).weights.tolist() == found.nearest(100).weights.tolist() == [441]
    assert found.histogram(3) == [(441, 441, 1)]
