"""What is found before a run: numbers that would not fit 64 bits, and sweeps that no convention accepts.

Everything here is Python ints on a grid's corners; no grid is enumerated beyond a fixed number of points.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sizer.networks.conventions import CONVENTIONS, cell_of, own_cell, rules_for
from sizer.networks.fields import FIELDS
from sizer.networks.network import COUNTED, resolve, tally, wire
from sizer.networks.network import refusals as network_refusals
from sizer.sweepfile.axes import LARGEST
from sizer.sweepfile.axis import Column, Listed, Ratio, Stepped
from sizer.sweepfile.expressions import Expression
from sizer.sweepfile.ratios import rounded
from sizer.sweepfile.sweep import Axis, Grid

CORNERS = 3000
"""How many points of each grid are tried before its axes are walked."""
WALKED = 100_000
"""How many configurations are walked in search of a valid one; beyond it the run itself will say."""

_GROWING = frozenset({"bidirectional", "skip_connections", "peepholes", "projection_bias", "output_bias"})
"""The booleans that only ever add weights; of the others (a tied embedding ...) both values are tried."""
_PROJECTIONS = ("recurrent_projection", "nonrecurrent_projection", "bottleneck")
"""What may recur or be handed up instead of the cells."""


def count_bounds(grid: Grid) -> dict[str, tuple[int, int]]:
    """Return the smallest and the largest value of every swept count of a grid that has been checked."""
    columns = _columns(grid)
    found: dict[str, tuple[int, int]] = {}

    def ends(name: str) -> tuple[int, int]:
        if name not in found:
            column = columns[name]
            if isinstance(column, Stepped):
                found[name] = column.start, column.last
            elif isinstance(column, Listed):
                counts = [int(value) for value in column.values]
                found[name] = min(counts), max(counts)
            else:
                scaled = [rounded(end, ratio, column.round_to) for end in ends(column.base) for ratio in column.ratios]
                found[name] = min(scaled), max(scaled)
        return found[name]

    for name in columns:
        if FIELDS[name].kind == "count":
            ends(name)
    return found


def largest_counts(grid: Grid, bounds: Mapping[str, tuple[int, int]], columns: Iterable[str]) -> dict[str, int]:
    """Return an upper bound of each counted column over a grid, near the truth: its largest corner.

    Every count grows with every whole number, but for two. A projection that is 0 makes more weights than a small
    one, since then the cells themselves recur: so projections are tried at 0 and at their largest. And some cells have
    a matrix less where a layer is as wide as what feeds it: it is always counted.
    """
    wanted = [name for name in columns if name in COUNTED]
    found = dict.fromkeys(wanted, 0)
    for corner in _corners(grid, bounds):
        resolved = resolve(corner)
        if not cell_of(resolved).grows:
            resolved["inputs"] += 1  # a layer as wide as what feeds it has fewer weights: never at this corner
        counted = tally(wire(resolved), wanted)
        for name in wanted:
            found[name] = max(found[name], int(counted[name]))
    return found


def _corners(grid: Grid, bounds: Mapping[str, tuple[int, int]]) -> Iterator[dict[str, Any]]:
    choices: dict[str, tuple[Any, ...]] = {name: (value,) for name, value in grid.fixed.items()}
    for name, column in _columns(grid).items():
        if name in bounds:
            low, high = bounds[name]
            choices[name] = (0, high) if low == 0 and name in _PROJECTIONS else (high,)
        elif name in _GROWING and isinstance(column, Listed):
            choices[name] = (True in column.values,)
        elif isinstance(column, Listed):
            choices[name] = column.values
    for values in itertools.product(*choices.values()):
        corner = dict(zip(choices, values, strict=True))
        if own_cell(corner) or corner["cell_type"] in CONVENTIONS[corner["convention"]].bias_vectors:
            yield corner


def _columns(grid: Grid) -> dict[str, Column]:
    return {column.field: column for axis in grid.axes for column in axis.columns}


def too_large(name: str, value: int) -> str:
    """Return the words for a column that could pass 2**63 - 1."""
    shown = f"{value:,}" if value < 10**30 else f"about 10^{len(str(value)) - 1}"
    return (
        f"{name} can reach {shown}, past {LARGEST:,}, the largest whole number that a table holds; sweep smaller values"
    )


def shown_large(value: int) -> str:
    """Return a number in full, or its order of magnitude where nobody would count the digits."""
    return f"{value:,}" if value < 10**30 else f"about 10^{len(str(value)) - 1}"


def reach_problem(expression: Expression, grid: Grid, bounds: Mapping[str, tuple[int, int]]) -> str | None:
    """Return why a condition cannot be computed in 64 bits over a grid, None where it can."""
    ends: dict[str, tuple[int, int]] = {}
    for name in expression.names:
        field = FIELDS[name]
        if field.kind != "count":
            continue
        if name in bounds:
            ends[name] = bounds[name]
        elif name in grid.fixed:
            value = int(grid.fixed[name])
            ends[name] = (value, value)
        else:
            ends[name] = (field.minimum, max(int(field.default or 0), field.maximum or 0))
    reach = expression.reach(ends)
    if reach.largest > LARGEST:
        return f"a number on the way can reach {shown_large(reach.largest)}, past {LARGEST:,}; write it with smaller numbers"
    if reach.rounded:
        return (
            f"a decimal meets numbers past {2**53:,}, where decimals are no longer exact; write it with whole numbers"
        )
    return None


def no_valid_configuration(grids: Sequence[Grid]) -> list[tuple[int, str, str]]:
    """Return (grid, field, reason) for the reasons why every configuration is refused; empty where one is valid.

    Empty too where too many points would have to be looked at: then the run says how many were dropped, and why.
    """
    reasons: dict[tuple[int, str, str], None] = {}
    for number, grid in enumerate(grids):
        found = _refused_everywhere(grid)
        if found is None:
            return []
        reasons.update(dict.fromkeys((number, field, reason) for field, reason in found))
    return list(reasons)


def _refused_everywhere(grid: Grid) -> list[tuple[str, str]] | None:
    """Return the first reason of each configuration, once each, or None where one is valid or they are too many."""
    simple = not _is_tied(grid) and all(
        len(axis.columns) == 1 and not isinstance(axis.columns[0], Ratio) for axis in grid.axes
    )
    if simple:
        return _first_reasons(grid, [_deciding_places(axis.columns[0]) for axis in grid.axes], WALKED)
    lengths = [axis.length if _is_tied(grid) or _matters(axis) else 1 for axis in grid.axes]
    reasons = _first_reasons(grid, [_few_places(length) for length in lengths], CORNERS, partly=True)
    return None if reasons is None else _first_reasons(grid, [range(length) for length in lengths], WALKED)


def _matters(axis: Axis) -> bool:
    """Return whether an axis has a field that some rule looks at where no embedding is tied."""
    return any(column.field not in {"other_weights", "layers", "outputs"} for column in axis.columns)


def _is_tied(grid: Grid) -> bool:
    return "tied_embedding" in grid.swept or bool(grid.fixed.get("tied_embedding"))


def _first_reasons(
    grid: Grid, places: Sequence[Sequence[int]], limit: int, *, partly: bool = False
) -> list[tuple[str, str]] | None:
    """Return the reasons at the given places, None where a configuration is valid or there are more than the limit."""
    if not partly and math.prod(map(len, places)) > limit:
        return None
    reasons: dict[tuple[str, str], None] = {}
    for corner in itertools.islice(itertools.product(*places), limit):
        refused = _refused(grid, corner)
        if refused is None:
            return None
        reasons[refused] = None
    return list(reasons)


def _deciding_places(column: Column) -> Sequence[int]:
    """Return the places that decide whether anything on an axis is valid, while no axis depends on another.

    Words and booleans decide one by one. Of a count, rules ask whether it is 0, and whether projections are small
    beside the cells; so 0, the smallest other value and the largest stand for all of them.
    """
    if isinstance(column, Stepped):
        return tuple(dict.fromkeys((0, min(1, column.length - 1), column.length - 1)))
    if not isinstance(column, Listed) or FIELDS[column.field].kind != "count":
        return range(len(column.values) if isinstance(column, Listed) else 0)
    order = sorted(range(len(column.values)), key=lambda place: int(column.values[place]))
    return tuple(dict.fromkeys((order[0], order[min(1, len(order) - 1)], order[-1])))


def _few_places(length: int) -> tuple[int, ...]:
    """Return a few places of an axis: its ends first, then some between."""
    return tuple(dict.fromkeys((0, length - 1, length // 2, length // 4, (3 * length) // 4)))


def _refused(grid: Grid, places: Sequence[int]) -> tuple[str, str] | None:
    """Return the field and reason of the first rule that refuses the configuration at some places, None if none does."""
    given = configuration(grid, places)
    if given.get("tied_embedding"):
        answers = [(rule, refuses) for rule, refuses in network_refusals(given) if refuses]
        return (answers[0][0].field, answers[0][0].reason) if answers else None
    # What feeds the output layer matters to tied embeddings alone; leaving the wiring out is ten times faster.
    tested = {name: field.default if given.get(name) is None else given[name] for name, field in FIELDS.items()}
    tested["fed"] = 0
    for rule in rules_for(CONVENTIONS[str(given["convention"])], str(given["cell_type"]), own_cell(given)):
        if rule.refuses(tested):
            return rule.field, rule.reason
    return None


def configuration(grid: Grid, places: Sequence[int]) -> dict[str, Any]:
    """Return the fields of the configuration at a place on each axis."""
    found: dict[str, Any] = dict(grid.fixed)
    waiting: list[tuple[Ratio, int]] = []
    for axis, place in zip(grid.axes, places, strict=True):
        for column in axis.columns:
            if isinstance(column, Listed):
                found[column.field] = column.values[place]
            elif isinstance(column, Stepped):
                found[column.field] = column.start + column.step * place
            else:
                waiting.append((column, place))
    while waiting:
        ready = [(ratio, place) for ratio, place in waiting if ratio.base in found]
        for ratio, place in ready:
            found[ratio.field] = rounded(int(found[ratio.base]), ratio.ratios[place], ratio.round_to)
        waiting = [(ratio, place) for ratio, place in waiting if ratio.field not in found]
    return found
