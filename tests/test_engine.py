"""The engine against a slow twin: `itertools.product`, Python ints, one configuration after the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizer.errors import InputError
from sizer.grids.account import Account
from sizer.grids.columns import GridColumns
from sizer.grids.engine import SPARSE, Decider, Rows, enumerate_sweep
from sizer.grids.ids import blocks, configuration_at, lengths, locate, positions, strides, volume
from sizer.grids.kernels import Room, Sum
from sizer.grids.repeats import Repeats
from sizer.networks.cells import CELL_TYPES
from sizer.networks.columns import COUNTED
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import CHOICES, Description, count, refused
from sizer.networks.fields import FIELDS, FieldValue
from sizer.networks.network import resolve
from sizer.numbers.polynomial import Polynomial, Symbolic
from sizer.sweepfile.axis import Column, Listed, Ratio, Stepped, rounded
from sizer.sweepfile.expressions import parse_expression
from sizer.sweepfile.sweep import Axis, Bound, Grid, Sweep
from tests.examples import examples, saw, seeing

KINDS: dict[str, Any] = {name: field.kind for name, field in FIELDS.items()}
COLUMNS = ("id", *FIELDS, *COUNTED)


def sweep_of(grids: list[Grid], budget: tuple[Bound, ...] = (), where: tuple[str, ...] = ()) -> Sweep:
    expressions = tuple(parse_expression(text, KINDS, CHOICES) for text in where)
    return Sweep("x.yaml", "", "", "x", "", tuple(grids), expressions, budget, ("csv",), COLUMNS)


def slow_values(column: Column, chosen: dict[str, Any]) -> list[Any]:
    if isinstance(column, Listed):
        return list(column.values)
    if isinstance(column, Stepped):
        return [column.start + number * column.step for number in range(column.length)]
    return [slow_ratio(chosen[column.base], ratio, column.round_to) for ratio in column.ratios]


def slow_ratio(base: int, ratio: Fraction, round_to: int | None) -> int:
    exact = base * ratio
    if round_to is None:
        assert exact.denominator == 1
        return exact.numerator
    below = exact // round_to * round_to
    return max(round_to, below if exact - below < Fraction(round_to, 2) else below + round_to)


def slow_configurations(sweep: Sweep) -> list[dict[str, Any]]:
    found = []
    for grid in sweep.grids:
        for places in itertools.product(*(range(axis.length) for axis in grid.axes)):
            chosen: dict[str, Any] = dict(grid.fixed)
            while len(chosen) < len({*grid.fixed, *grid.swept}):
                for axis, place in zip(grid.axes, places, strict=True):
                    for column in axis.columns:
                        if not isinstance(column, Ratio) or column.base in chosen:
                            chosen[column.field] = slow_values(column, chosen)[place]
            found.append(chosen)
    return found


def slow_run(sweep: Sweep) -> tuple[Account, list[dict[str, Any]]]:
    account, rows, seen = Account(), [], []
    for number, fields in enumerate(slow_configurations(sweep)):
        reasons = refused(Description(fields))
        if reasons:
            account.not_valid[reasons[0][1]] += 1
            continue
        counted = count(fields)
        columns = counted.columns()
        broken = [
            (bound.column, side)
            for bound in sweep.budget
            for side, limit in (("under", bound.minimum), ("over", bound.maximum))
            if limit is not None
            and (columns[bound.column] < limit if side == "under" else columns[bound.column] > limit)
        ]
        if broken:
            account.outside[broken[0]] += 1
            continue
        fails = [expression.text for expression in sweep.where if not expression.holds(counted.configuration)]
        if fails:
            account.excluded[fails[0]] += 1
            continue
        account.kept += 1
        whole = (counted.configuration, Description(fields).resolved()["candidate_bias"])
        assert account.repeated is not None
        account.repeated += whole in seen
        seen.append(whole)
        rows.append({"id": number, **counted.configuration, **columns})
    return account, rows


def as_dicts(rows: Rows, columns: tuple[str, ...] = COLUMNS) -> list[dict[str, Any]]:
    arrays = {name: rows.column(name).tolist() for name in columns}
    for name, words in CHOICES.items():
        arrays[name] = [words[code] for code in arrays[name]]
    return [dict(zip(arrays, values, strict=True)) for values in zip(*arrays.values(), strict=True)]


def fast_run(sweep: Sweep, block: int) -> tuple[Account, list[dict[str, Any]]]:
    account, parts = Account(), []
    for part, kept in enumerate_sweep(sweep, COLUMNS, block=block):
        account.add(part)
        parts.append(kept)
    # Only now: rows must not stand where a later block is counted.
    return account, [row for part in parts for row in as_dicts(part)]


def fast_count(sweep: Sweep, block: int, threads: int = 1) -> Account:
    account = Account()
    for number, grid in enumerate(sweep.grids):
        decider = Decider(sweep, grid, [], Repeats.of(sweep, number))
        with ThreadPoolExecutor(threads) as crew:
            for part in crew.map(decider.count, [box for _, box in blocks(lengths(grid), block)]):
                account.add(part)
    return account


@pytest.fixture(autouse=True, scope="module")
def _rooms_for_small_arrays() -> Iterator[None]:
    """Use memory again for arrays of these tests' size too, as for those of a large grid."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sizer.grids.kernels._LARGE", 2)
        yield


def first_difference(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> object:
    """Return where two tables part, None where they do not; a diff of thousands of rows takes pytest minutes."""
    if len(found) != len(expected):
        return f"{len(found)} rows, not {len(expected)}"
    return next((pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]), None)


def assert_same(sweep: Sweep, block: int) -> Account:
    slow_account, slow_rows = slow_run(sweep)
    fast_account, fast_rows = fast_run(sweep, block)
    assert fast_account == slow_account
    assert first_difference(fast_rows, slow_rows) is None
    assert fast_account.decided == sweep.size == len(slow_configurations(sweep))
    counted = fast_count(sweep, block)
    assert counted.repeated in {None, slow_account.repeated}
    assert replace(counted, repeated=slow_account.repeated) == slow_account
    return slow_account


# Random sweeps

small = st.integers(1, 12)
axis_values: dict[str, st.SearchStrategy[Any]] = {
    "convention": st.sampled_from(sorted(CONVENTIONS)),
    "cell_type": st.sampled_from(["lstm", "lstm", "lstm", "lstm", "gru", "rnn", *CELL_TYPES]),
    "inputs": st.sampled_from([0, 1, 5, 39]),
    "outputs": st.sampled_from([0, 1, 7, 34]),
    "layers": st.integers(1, 5),
    "cells": st.integers(1, 40),
    "recurrent_projection": st.sampled_from([0, 0, 1, 4, 9]),
    "nonrecurrent_projection": st.sampled_from([0, 0, 2, 8]),
    "bottleneck": st.sampled_from([0, 0, 3]),
    "window": st.sampled_from([1, 1, 2]),
    "bidirectional": st.booleans(),
    "skip_connections": st.booleans(),
    "summed_directions": st.booleans(),
    "only_recurrent_up": st.booleans(),
    "peepholes": st.booleans(),
    "vocabulary": st.sampled_from([0, 0, 7, 34]),
    "embedding": st.sampled_from([0, 0, 4, 8]),
    "tied_embedding": st.booleans(),
    "other_weights": st.sampled_from([0, 1000]),
    "bias_vectors": st.integers(0, 2),
    "projection_bias": st.booleans(),
    "output_bias": st.booleans(),
}
ALWAYS = ("convention", "cell_type", "layers", "cells")
WHERES = (
    "recurrent_projection + nonrecurrent_projection <= cells",
    "cells % recurrent_projection == 0 or layers == 1",
    "not bidirectional and convention != 'keras'",
    "cells // recurrent_projection > 2",
    "peepholes or bias_vectors > 0",
    "layers in (1, 3) or cells > 20",
    "2 < cells <= 30",
)


def repair(draw: st.DrawFn, fixed: dict[str, FieldValue], axes: list[Axis]) -> None:
    """Draw again what the rules refuse in a grid's first configuration: left to chance, hardly one grid in eight keeps rows."""
    for _ in range(12):
        reasons = refused(Description(Grid(fixed, tuple(axes)).configuration((0,) * len(axes))))
        if not reasons:
            return
        field = reasons[0][0]
        if all(column.field != field for axis in axes for column in axis.columns):
            fixed[field] = draw(axis_values[field])
            continue
        for axis in list(axes):
            if any(column.field == field for column in axis.columns):
                axes.remove(axis)
                fixed.update({column.field: draw(axis_values[column.field]) for column in axis.columns})


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    fixed: dict[str, FieldValue] = {}
    axes: list[Axis] = []
    swept_counts: list[str] = []
    common = [name for name in axis_values if name in ALWAYS or draw(st.integers(0, 3)) == 0]
    if "inputs" not in common and draw(st.booleans()):
        common.append("inputs")
    size = 1
    order: list[str] = draw(st.permutations(common))
    for name in order:
        if draw(st.booleans()) or size > 200:
            fixed[name] = draw(axis_values[name])
            continue
        values = draw(st.lists(axis_values[name], min_size=1, max_size=4, unique=True))
        column: Column = Listed(name, tuple(values))
        if FIELDS[name].kind == "count" and FIELDS[name].maximum is None:
            if draw(st.booleans()):
                column = Stepped(name, values[0], draw(small), len(values))
            swept_counts.append(name)
        columns: tuple[Column, ...] = (column,)
        if len(fixed) > 1 and draw(st.booleans()):
            other = draw(st.sampled_from(sorted(fixed)))
            del fixed[other]
            drawn = draw(st.lists(axis_values[other], min_size=len(values), max_size=len(values)))
            columns = (column, Listed(other, tuple(drawn)))
        axes.append(Axis(columns, len(values)))
        size *= len(values)
    if draw(st.integers(0, 4)) > 0:
        repair(draw, fixed, axes)
    bases = [name for name in swept_counts if name in {"cells", "inputs", "layers"} and name not in fixed]
    wanted: bool = draw(st.booleans())
    if bases and wanted and "outputs" not in {c.field for a in axes for c in a.columns}:
        fixed.pop("outputs", None)
        fractions = st.sampled_from([Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(1), Fraction(7, 3)])
        ratios = draw(st.lists(fractions, min_size=1, max_size=3, unique=True))
        base = draw(st.sampled_from(bases))
        ratio = Axis((Ratio("outputs", base, tuple(ratios), draw(st.sampled_from([1, 4, 8]))),), len(ratios))
        axes.insert(draw(st.integers(0, len(axes))), ratio)
    return Grid(fixed, tuple(axes))


@st.composite
def sweeps(draw: st.DrawFn) -> Sweep:
    chosen = draw(st.lists(grids(), min_size=1, max_size=2))
    if len(chosen) == 1 and draw(st.booleans()):
        chosen = chosen * 2
    budget = []
    for column in draw(st.lists(st.sampled_from(COUNTED), max_size=2, unique=True)):
        low, high = sorted(draw(st.tuples(st.integers(0, 40_000), st.integers(0, 40_000))))
        budget.append(Bound(column, draw(st.sampled_from([None, low])), draw(st.sampled_from([None, high]))))
    where = draw(st.lists(st.sampled_from(WHERES), max_size=2, unique=True))
    return sweep_of(chosen, tuple(budget), tuple(where))


@seeing(rows=80, dropped=200)
@settings(max_examples=examples(400), deadline=None)
@given(sweeps(), st.integers(1, 50))
def test_engine_equals_the_slow_twin(sweep: Sweep, block: int) -> None:
    account = assert_same(sweep, block)
    saw("rows" if account.kept else "dropped")


SPEECH = Grid(
    {"convention": "sak2014", "cell_type": "lstm", "inputs": 39, "outputs": 34},
    (
        Axis((Stepped("layers", 1, 1, 5),), 5),
        Axis((Stepped("cells", 128, 64, 31),), 31),
        Axis((Listed("recurrent_projection", (0, 64, 128, 256, 512)),), 5),
        Axis((Listed("nonrecurrent_projection", (0, 64, 128, 256)),), 4),
    ),
)


@pytest.mark.parametrize(
    "block", [7, 10**6, *(pytest.param(block, marks=pytest.mark.thorough) for block in (1, 124, 3100))]
)
def test_the_speech_grid_whatever_the_block(block: int) -> None:
    sweep = sweep_of([SPEECH], (Bound("weights", None, 10_000_000),), (WHERES[0],))
    account = assert_same(sweep, block)
    assert (account.outside[("weights", "over")], account.excluded[WHERES[0]], account.kept) == (988, 278, 1834)


def test_threads_share_a_decider() -> None:
    """Each counts in memory of its own; blocks are large enough for the threads to be at work at the same time."""
    axes = (
        Axis((Stepped("layers", 1, 1, 20),), 20),
        Axis((Stepped("cells", 100, 3, 400),), 400),
        Axis((Stepped("recurrent_projection", 1, 1, 300),), 300),
    )
    sweep = sweep_of([Grid({**SPEECH.fixed}, axes)], (Bound("weights", None, 10_000_000),))
    alone = fast_count(sweep, 1 << 16)
    assert 0 < alone.kept < sweep.size == alone.decided
    for _ in range(5):
        assert fast_count(sweep, 1 << 16, threads=4) == alone


def test_comparisons_are_numbers_within_comparisons_too() -> None:
    x, y = (Symbolic({(name,): 1}, frozenset()) for name in "xy")
    ((both,),) = ((x == 0) + (y == 0) == 2).terms
    places = {"x": np.array([0, 0, 1, 1]), "y": np.array([0, 1, 0, 1])}
    settled = eval(both, places)
    assert settled.tolist() == [1, 0, 0, 0]
    assert settled.dtype == np.int64
    assert (Symbolic({("x",): 1}, frozenset("x")) + y == 0) is False


@pytest.mark.parametrize("most", [None, 0, 10**12], ids=["no budget", "nothing kept", "everything kept"])
@pytest.mark.parametrize("block", [50, pytest.param(10**6, marks=pytest.mark.thorough)])
def test_blocks_that_are_kept_whole_or_not_at_all(most: int | None, block: int) -> None:
    budget = () if most is None else (Bound("weights", None, most),)
    account = assert_same(sweep_of([SPEECH], budget), block)
    assert account.kept == (0 if most == 0 else 3100)


def test_where_few_are_kept_rows_are_computed_one_by_one() -> None:
    account = assert_same(sweep_of([SPEECH], (Bound("weights", 900_000, 1_000_000),)), 10**6)
    assert 0 < account.kept < 3100 / SPARSE


def test_linked_axes_booleans_and_ratios_that_stand_apart() -> None:
    grid = Grid(
        {"convention": "textbook", "inputs": 3, "outputs": 2},
        (
            Axis((Listed("cell_type", ("lstm", "gru", "lstm")), Listed("layers", (1, 2, 3))), 3),
            Axis((Ratio("recurrent_projection", "cells", (Fraction(1, 4), Fraction(1, 2)), None),), 2),
            Axis((Listed("bidirectional", (True, False)), Listed("skip_connections", (False, True))), 2),
            Axis((Stepped("cells", 4, 4, 6),), 6),
            Axis((Listed("nonrecurrent_projection", (1, 0, 2)),), 3),
            Axis((Listed("other_weights", (7,)),), 1),
        ),
    )
    for block in (1, 5, 100, 10**6):
        account = assert_same(
            sweep_of([grid], (Bound("float16_bytes", 1000, 4000), Bound("state_size", 30, None))), block
        )
        assert account.kept > 5
        assert len(account.outside) == 3


def test_a_comparison_that_only_the_box_can_settle() -> None:
    """A layer of an SRU has a matrix more where its width changes, which no one field tells."""
    grid = Grid(
        {"convention": "pytorch", "cell_type": "sru", "outputs": 2},
        (
            Axis((Listed("inputs", (4, 8, 16)),), 3),
            Axis((Listed("bidirectional", (False, True)),), 2),
            Axis((Stepped("layers", 1, 1, 3),), 3),
            Axis((Listed("skip_connections", (False, True)),), 2),
            Axis((Stepped("cells", 4, 4, 4),), 4),
        ),
    )
    assert assert_same(sweep_of([grid]), 7).kept == 144


def test_coefficients_beyond_64_bits_meet_a_zero() -> None:
    """Terms that are absent everywhere may have factors that no int64 holds."""
    grid = Grid({}, (Axis((Listed("inputs", (1,)),), 1), Axis((Listed("vocabulary", (0, 0)),), 2)))
    polynomial = Sum.of(Polynomial({("vocabulary",): 10**19, (): 5}), GridColumns.of(grid).axes_of)
    assert polynomial.on({"vocabulary": np.zeros((1, 2), dtype=np.int64)}, Room()).tolist() == [[5, 5]]


def test_a_wrong_term_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison with the slow twin can fail: with one bias vector too many in the engine, it does."""
    monkeypatch.setattr(
        "sizer.networks.outlines.resolve", lambda given, cell: {**resolve(given, cell), "bias_vectors": 1}
    )
    with pytest.raises(AssertionError):
        assert_same(sweep_of([SPEECH], (Bound("weights", None, 10_000_000),)), 1000)


def test_every_convention_and_cell_type_on_the_fastest_axis() -> None:
    grid = Grid(
        {"inputs": 10, "layers": 2, "outputs": 3},
        (
            Axis((Listed("cells", (4, 8)),), 2),
            Axis((Listed("recurrent_projection", (0, 2)),), 2),
            Axis((Listed("convention", tuple(CONVENTIONS)),), len(CONVENTIONS)),
            Axis((Listed("cell_type", tuple(CELL_TYPES)),), len(CELL_TYPES)),
        ),
    )
    account = assert_same(sweep_of([grid]), 17)
    assert account.kept > 50
    assert account.not_valid["keras has no projections"] == 2


def test_a_union_says_what_it_repeats() -> None:
    account = assert_same(sweep_of([SPEECH, SPEECH], (Bound("weights", None, 10_000_000),)), 5000)
    assert account.repeated == account.kept // 2 > 0


def test_a_block_of_one_row_says_what_it_repeats() -> None:
    """A size of one row is a number of NumPy's own, no array and no number of Python."""
    grid = Grid(
        {"convention": "textbook", "cell_type": "lstm", "layers": 1, "outputs": 0},
        (Axis((Stepped("cells", 4, 4, 3),), 3), Axis((Listed("inputs", (0, 1)),), 2)),
    )
    assert assert_same(sweep_of([grid, grid]), 1).repeated == 3


def test_ratios_that_coincide_keep_their_ids() -> None:
    grid = Grid(
        {"convention": "textbook", "cell_type": "lstm", "inputs": 3, "layers": 1},
        (
            Axis((Stepped("cells", 4, 4, 5),), 5),
            Axis((Ratio("recurrent_projection", "cells", (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2)), 8),), 3),
        ),
    )
    account = assert_same(sweep_of([grid]), 4)
    assert account.kept == 15
    # Cells of 4, 8, 12, 16 and 20 all give 8 at every ratio: two of the three repeat the first.
    assert account.repeated == 10


def test_a_grid_without_axes_is_one_configuration() -> None:
    fixed: dict[str, FieldValue] = {
        "convention": "pytorch",
        "cell_type": "lstm",
        "inputs": 80,
        "layers": 2,
        "cells": 1024,
    }
    account, rows = fast_run(sweep_of([Grid(fixed, ())]), 10)
    assert account.kept == 1
    assert rows[0]["weights"] == 12_926_976
    account, rows = fast_run(sweep_of([Grid(fixed, ())], (Bound("weights", None, 5),)), 10)
    assert (account.kept, account.outside, rows) == (0, {("weights", "over"): 1}, [])


# Places


@given(st.lists(st.integers(1, 6), max_size=5), st.integers(1, 40))
def test_blocks_cover_the_grid_in_id_order(extents: list[int], most: int) -> None:
    expected = 0
    for offset, box in blocks(extents, most):
        assert offset == expected
        assert 1 <= volume(box) <= most
        for number, places in enumerate(itertools.product(*box)):
            steps = strides(extents)
            assert sum(place * step for place, step in zip(places, steps, strict=True)) == offset + number
        expected += volume(box)
    assert expected == np.prod(extents, dtype=int)


def test_ids_are_mixed_radix_with_the_last_axis_fastest() -> None:
    sweep = sweep_of([SPEECH, SPEECH])
    assert positions(SPEECH, 2909) == (4, 21, 2, 1)
    assert configuration_at(sweep, 3100 + 2909)["cells"] == 1472
    for wrong in (-1, 6200):
        with pytest.raises(IndexError, match="the ids go from 0 to 6199"):
            locate(sweep, wrong)


def test_places_are_exact_in_a_grid_that_no_integer_of_a_machine_can_number() -> None:
    axes = tuple(Axis((Stepped(name, 1, 1, 10**15),), 10**15) for name in ("inputs", "outputs", "other_weights"))
    grid = Grid({"convention": "textbook", "cell_type": "lstm", "layers": 1, "cells": 1}, axes)
    last = grid.size - 1
    assert last == 10**45 - 1
    assert grid.configuration(positions(grid, last))["outputs"] == 10**15


@given(st.integers(0, 10**6), st.fractions(0, 4, max_denominator=50), st.sampled_from([1, 8, 64]))
def test_ratios_round_to_the_nearest_multiple_ties_up(base: int, ratio: Fraction, round_to: int) -> None:
    assert rounded(base, ratio, round_to) == slow_ratio(base, ratio, round_to)


def test_refused_networks_have_no_row() -> None:
    grid = Grid(
        {"convention": "keras", "cell_type": "lstm", "inputs": 3, "layers": 1, "cells": 8},
        (Axis((Listed("recurrent_projection", (0, 4)),), 2),),
    )
    account, rows = fast_run(sweep_of([grid]), 10)
    assert [row["id"] for row in rows] == [0]
    assert account.not_valid == {"keras has no projections": 1}
    with pytest.raises(InputError, match="keras has no projections"):
        count(grid.configuration((1,)))
