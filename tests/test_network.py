"""The count of whole networks: against the slow twin, against cases worked by hand, on arrays, and its invariants."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sizer.errors import InputError
from sizer.networks.columns import COUNTED, PARTS, tally
from sizer.networks.conventions import cell_of
from sizer.networks.counting import Description, count
from sizer.networks.network import refusals
from tests.examples import QUICK, examples, saw, seeing, share
from tests.oracles.configurations import CELL_TYPES, CONVENTIONS, MORE_CELL_TYPES, networks
from tests.oracles.slow_twin import BIASES_PER_CELL, slow_count, slow_valid
from tests.oracles.worked_cases import WORKED, Worked
from tests.oracles.worked_cells import WORKED_CELLS

THOROUGH = settings(max_examples=examples(2000), deadline=None, database=None, derandomize=True)


@pytest.mark.parametrize("case", [*WORKED, *WORKED_CELLS], ids=lambda case: case.name)
def test_network_worked_by_hand(case: Worked) -> None:
    counted = count(case.network)

    assert counted.parts == dict.fromkeys(PARTS, 0) | case.parts
    assert counted.weights == sum(case.parts.values())
    assert counted.macs_per_step == case.macs_per_step
    assert counted.state_size == case.state_size


@pytest.mark.parametrize("case", [*WORKED, *WORKED_CELLS], ids=lambda case: case.name)
def test_slow_twin_worked_by_hand(case: Worked) -> None:
    """The twin is itself no better than its reading of the rules."""
    counted = slow_count(case.network)

    assert {part: counted[part] for part in PARTS} == dict.fromkeys(PARTS, 0) | case.parts
    assert counted["macs_per_step"] == case.macs_per_step
    assert counted["state_size"] == case.state_size


def test_slow_twin_knows_the_same_columns() -> None:
    assert tuple(slow_count(WORKED[0].network)) == COUNTED


@pytest.mark.parametrize("more", [False, True], ids=["lstm-gru-rnn", "more-cells"])
def test_random_networks_against_the_slow_twin(*, more: bool) -> None:
    """One count, one answer: accepted by both with equal columns, or refused by both."""
    seen = Counter({"accepted": 0, "refused": 0, "lists": 0, "huge": 0})
    cells: Counter[str] = Counter()

    @THOROUGH
    @given(networks(more=more))
    def compare(fields: dict[str, Any]) -> None:
        try:
            counted = count(fields)
        except InputError:
            assert not slow_valid(fields)
            seen["refused"] += 1
        else:
            assert slow_valid(fields)
            assert counted.columns() == slow_count(fields)
            seen["accepted"] += 1
            seen["lists"] += any(isinstance(value, list) for value in fields.values())
            seen["huge"] += counted.weights > 2**63
            cells[fields["cell_type"]] += 1

    compare()
    known = set(MORE_CELL_TYPES if more else CELL_TYPES)
    if QUICK:
        # Too few examples to meet every cell; `test_network_worked_by_hand` has each of them.
        assert min(seen.values()) > 0, seen
        assert set(cells) <= known
        assert len(cells) >= 3, cells
        return
    assert min(seen.values()) > 20, seen
    assert set(cells) == known
    assert min(cells.values()) > 5, cells


@st.composite
def batches(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a grid: under one convention and cell type, some swept along an axis of their own.

    An axis of k values in a grid of d axes has the shape (1, ..., k, ..., 1): its values broadcast against the others'.
    """
    one = draw(networks(lists=False, more=draw(st.booleans())))
    one["layers"] = draw(st.integers(1, 5))
    small = st.integers(0, 9)
    axes: dict[str, st.SearchStrategy[int]] = {
        "layers": st.integers(1, 6),
        "cells": st.integers(1, 12),
        "inputs": small,
        "outputs": small,
        "recurrent_projection": small,
        "nonrecurrent_projection": small,
        "bottleneck": small,
        "window": st.integers(1, 4),
        "vocabulary": small,
        "embedding": small,
        "other_weights": small,
        "bias_vectors": st.integers(0, 2),
        **dict.fromkeys(
            (
                "bidirectional",
                "summed_directions",
                "only_recurrent_up",
                "skip_connections",
                "peepholes",
                "tied_embedding",
                "projection_bias",
                "output_bias",
            ),
            st.integers(0, 1),
        ),
    }
    swept = draw(st.lists(st.sampled_from(sorted(axes)), min_size=1, max_size=4, unique=True))
    for name, value in one.items():
        if isinstance(value, int) and value > 2000:
            one[name] = 2000
    for place, name in enumerate(swept):
        values = draw(st.lists(axes[name], min_size=1, max_size=4))
        shape = [1] * len(swept)
        shape[place] = len(values)
        one[name] = np.array(values, dtype=np.int64).reshape(shape)
    return one


def _point(fields: dict[str, Any], at: tuple[int, ...]) -> dict[str, Any]:
    def value_at(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        return int(value[tuple(min(index, size - 1) for index, size in zip(at, value.shape, strict=True))])

    return {name: value_at(value) for name, value in fields.items()}


def test_arrays_count_like_ints() -> None:
    """A grid in one go through resolve, wire and tally equals the twin, point by point; so do the refusals."""
    seen = {"valid": 0, "not valid": 0}

    @settings(THOROUGH, max_examples=max(examples(400), 120))
    @given(batches())
    def compare(fields: dict[str, Any]) -> None:
        shape = np.broadcast_shapes(*(value.shape for value in fields.values() if isinstance(value, np.ndarray)))
        columns = {
            name: np.broadcast_to(value, shape) for name, value in tally(Description(fields).wired(), COUNTED).items()
        }
        refused = np.zeros(shape, dtype=bool)
        for _rule, refuses in refusals(fields, cell_of(fields)):
            refused |= np.broadcast_to(refuses, shape).astype(bool)
        for at in np.ndindex(*shape):
            point = _point(fields, at)
            assert slow_valid(point) is not bool(refused[at])
            seen["not valid" if refused[at] else "valid"] += 1
            if not refused[at]:
                assert {name: int(column[at]) for name, column in columns.items()} == slow_count(point)

    compare()
    assert min(seen.values()) > (share(100) if QUICK else 200), seen


def test_arrays_stay_as_small_as_their_axes() -> None:
    """A part that depends on two axes of three is computed on those two only."""
    fields = {
        "convention": "textbook",
        "cell_type": "lstm",
        "inputs": 3,
        "layers": np.arange(1, 5, dtype=np.int64).reshape(4, 1, 1),
        "cells": np.arange(1, 6, dtype=np.int64).reshape(1, 5, 1),
        "outputs": np.arange(1, 8, dtype=np.int64).reshape(1, 1, 7),
    }
    columns = tally(Description(fields).wired(), COUNTED)

    assert columns["recurrent_weights"].shape == (4, 5, 1)
    assert columns["output_weights"].shape == (1, 5, 7)
    assert columns["weights"].shape == (4, 5, 7)
    assert columns["bias_weights"] == 0


@seeing(networks=250)
@settings(THOROUGH, max_examples=examples(300))
@given(networks())
def test_parts_add_up(fields: dict[str, Any]) -> None:
    assume(slow_valid(fields))
    counted = count(fields)

    saw("networks")
    assert sum(counted.parts.values()) == counted.weights == counted.columns()["weights"]
    assert tuple(counted.parts) == PARTS
    assert tuple(counted.columns()) == COUNTED
    assert (counted.float32_bytes, counted.float16_bytes, counted.int8_bytes) == tuple(
        counted.weights * size for size in (4, 2, 1)
    )


@seeing(networks=250)
@settings(THOROUGH, max_examples=examples(300))
@given(networks(lists=False))
def test_a_list_of_equal_widths_is_no_list(fields: dict[str, Any]) -> None:
    """`cells: 7` in 3 layers and `cells: [7, 7, 7]` are the same network."""
    assume(slow_valid(fields))
    listed = fields | {"cells": [fields["cells"]] * fields["layers"]}

    assert count(listed).columns() == count(fields).columns()
    saw("networks")


def test_every_pair_of_convention_and_cell_type_is_counted_or_refused() -> None:
    """The random networks above might miss one; this cannot."""
    counted = 0
    for convention in CONVENTIONS:
        for cell_type in CELL_TYPES:
            fields = {"convention": convention, "cell_type": cell_type, "inputs": 3, "layers": 2, "cells": 5}
            if convention == "kaldi_nnet1":
                fields["recurrent_projection"] = 2 if cell_type == "lstm" else 0
            if cell_type in BIASES_PER_CELL[convention]:
                assert count(fields).columns() == slow_count(fields)
                counted += 1
            else:
                with pytest.raises(InputError):
                    count(fields)
    assert counted == 25
