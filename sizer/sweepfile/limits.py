"""What is found before a run: numbers that would not fit 64 bits, and sweeps that no convention accepts.

Everything here is Python ints on a grid's corners; no grid is enumerated beyond a fixed number of points.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sizer.networks.blocks.checks import refuse_all
from sizer.networks.blocks.outlines import ModelOutline
from sizer.networks.cells import CellType
from sizer.networks.columns import BYTES, COUNTED, tally
from sizer.networks.conventions import CONVENTIONS, cell_of, rules_for
from sizer.networks.fields import FIELDS, Field
from sizer.networks.network import refusals as network_refusals
from sizer.networks.network import resolve, wire
from sizer.numbers.polynomial import polynomial
from sizer.sweepfile.axes import LARGEST
from sizer.sweepfile.axis import Listed
from sizer.sweepfile.expressions import Expression
from sizer.sweepfile.sweep import Axis, Grid

CORNERS = 20_000
"""How many corners of grids are counted in search of the largest: a second of work."""
WALKED = 40_000
"""How many configurations of a sweep are walked in search of a valid one; beyond it the run itself will say."""
REACHES = 5_000
"""How many times the reach of a condition on a grid is worked out: a second of work for the longest conditions."""

_GROWING = frozenset({"bidirectional", "skip_connections", "peepholes", "projection_bias", "output_bias"})
"""The booleans that only ever add weights."""
_SHRINKING = frozenset({"tied_embedding", "summed_directions"})
"""The booleans that only ever take weights away; of the others both values are tried."""
Choices = dict[str, tuple[Any, ...]]
"""Field -> the values of it that corners are made of."""
_PROJECTIONS = ("recurrent_projection", "nonrecurrent_projection", "bottleneck")
"""What may recur or be handed up instead of the cells."""


def count_bounds(grid: Grid) -> dict[str, tuple[int, int]]:
    """Return the smallest and the largest value of every swept count of a grid that has been checked."""
    found: dict[str, tuple[int, int]] = {}
    for name in grid.by_base:
        column = grid.columns[name]
        if not isinstance(column, Listed) or column.kind == "count":
            found[name] = column.ends() if column.base is None else column.ends(found[column.base])
    return {name: ends for name, ends in found.items() if not grid.columns[name].structural}


def largest_counts(grid: Grid, bounds: Mapping[str, tuple[int, int]], columns: Iterable[str]) -> dict[str, int]:
    """Return an upper bound of each counted column over a grid, near the truth: its largest corner."""
    if grid.model is not None:
        return largest_of_model([grid], [bounds], columns) or {}
    return _largest(corner_choices(grid, bounds), [name for name in columns if name in COUNTED], grid.cell_types)


def largest_of_all(
    grids: Sequence[Grid], bounds: Sequence[Mapping[str, tuple[int, int]]], columns: Iterable[str]
) -> dict[str, int] | None:
    """Return an upper bound of each counted column over several grids; None where they have too many corners.

    Where the corners of each are too many, those of one grid around all of them are taken.
    """
    if grids[0].model is not None:
        return largest_of_model(grids, bounds, columns)
    several = [corner_choices(grid, ends) for grid, ends in zip(grids, bounds, strict=True)]
    if sum(map(_corner_number, several)) > CORNERS:
        several = [_joined(several)]
    if sum(map(_corner_number, several)) > CORNERS:
        return None
    wanted = [name for name in columns if name in COUNTED]
    found = dict.fromkeys(wanted, 0)
    for choices in several:
        for name, value in _largest(choices, wanted, grids[0].cell_types).items():
            found[name] = max(found[name], value)
    return found


def largest_of_model(
    grids: Sequence[Grid], bounds: Sequence[Mapping[str, tuple[int, int]]], columns: Iterable[str]
) -> dict[str, int] | None:
    """Return an upper bound of each counted column over grids of a model of blocks; None where they have too many corners.

    Counts grow with every size but where a projection is 0: then the cells themselves recur. So what may be 0 is tried at
    0 and at its largest. Of what is divided at the end, it is the number before that, where it would not fit.
    """
    sides = [[(name, (0, high) if low == 0 else (high,)) for name, (low, high) in ends.items()] for ends in bounds]
    number = sum(
        grid.structures * math.prod(len(values) for _, values in several)
        for grid, several in zip(grids, sides, strict=True)
    )
    if number > CORNERS:
        return None
    found = dict.fromkeys(columns, 0)
    for grid, several in zip(grids, sides, strict=True):
        corners = [
            dict(zip(dict(several), values, strict=True)) for values in itertools.product(*dict(several).values())
        ]
        for outline in grid.outlines():
            for difference in outline.checks.differences:  # a number on the way, which is compared
                reach = max(sum(abs(number) * math.prod(corner.get(one, 1) for one in variables) for variables, number in difference.terms.items()) for corner in corners)  # fmt: skip
                found["weights"] = max(found.get("weights", 0), reach if reach > LARGEST else 0)
            for name in found:
                counted, divisor = outline.canonical.count(name)
                value_at = polynomial(counted).compiled()
                for corner in corners:
                    value = value_at(corner)
                    value = value if value > LARGEST else -(-value // divisor)
                    found[name] = max(found[name], value)
    return found


def _largest(choices: Choices, columns: Sequence[str], cell_types: Mapping[str, CellType]) -> dict[str, int]:
    """Return the largest of each counted column at the corners.

    Every count grows with every whole number, but for two. A projection that is 0 makes more weights than a small
    one, since then the cells themselves recur: so projections are tried at 0 and at their largest. And some cells have
    a matrix less where a layer is as wide as what feeds it: it is always counted.
    """
    # Of the weights follow their bytes, which are most of the columns.
    counts = list(dict.fromkeys("weights" if name in BYTES else name for name in columns))
    found = dict.fromkeys(counts, 0)
    for corner, cell in _corners(choices, cell_types):
        resolved = resolve(corner, cell)
        if not cell.grows:
            resolved["inputs"] += 1  # a layer as wide as what feeds it has fewer weights: never at this corner
        for name, value in tally(wire(resolved, cell), counts).items():
            found[name] = max(found[name], int(value))
    return {name: BYTES[name] * found["weights"] if name in BYTES else found[name] for name in columns}


def corner_choices(grid: Grid, bounds: Mapping[str, tuple[int, int]]) -> Choices:
    """Return the values that the corners of a grid are made of.

    Args:
        grid: one of a sweep.
        bounds: the smallest and the largest value of each of its swept counts.
    """
    choices: Choices = {name: (value,) for name, value in grid.fixed.items()}
    for name, column in grid.columns.items():
        if name in bounds:
            low, high = bounds[name]
            choices[name] = (0, high) if low == 0 and name in _PROJECTIONS else (high,)
            continue
        values = tuple(column.value(place) for place in range(column.length))
        if name in _GROWING:
            choices[name] = (True in values,)
        elif name in _SHRINKING:
            choices[name] = (False not in values,)
        else:
            choices[name] = values
    return choices


def _joined(several: Sequence[Choices]) -> Choices:
    """Return the values that the corners of one grid around several are made of.

    What some grid leaves to its default, or to the convention, is left to it here too.
    """
    found: Choices = {}
    for name in dict.fromkeys(name for choices in several for name in choices):
        default = (FIELDS[name].default if name in FIELDS else None,)
        values = tuple(value for choices in several for value in choices.get(name, default))
        if name in FIELDS and FIELDS[name].kind == "count":
            largest = max((value for value in values if value is not None), default=None)
            values = tuple(value for value in (None, 0) if value in values) + ((largest,) if largest else ())
        else:
            values = tuple(dict.fromkeys(values))
        found[name] = values
    return found


def _corner_number(choices: Choices) -> int:
    """Return how many corners there are."""
    return math.prod(map(len, choices.values()))


def _corners(choices: Choices, cell_types: Mapping[str, CellType]) -> Iterator[tuple[dict[str, Any], CellType]]:
    for values in itertools.product(*choices.values()):
        corner = dict(zip(choices, values, strict=True))
        cell = cell_of(corner, cell_types)
        if cell.own or cell.name in CONVENTIONS[corner["convention"]].bias_vectors:
            yield corner, cell


def too_large(name: str, value: int) -> str:
    """Return the words for a column that could pass 2**63 - 1."""
    shown = f"{value:,}" if value < 10**30 else f"about 10^{len(str(value)) - 1}"
    return (
        f"{name} can reach {shown}, past {LARGEST:,}, the largest whole number that a table holds; sweep smaller values"
    )


def too_many_corners() -> str:
    """Return the words for grids of which the largest corner takes too long to find."""
    return (
        f"its words and booleans have more combinations than the {CORNERS:,} that are checked before a run; "
        "write several sweeps"
    )


def shown_large(value: int) -> str:
    """Return a number in full, or its order of magnitude where nobody would count the digits."""
    return f"{value:,}" if value < 10**30 else f"about 10^{len(str(value)) - 1}"


def reach_problems(
    expressions: Sequence[Expression], grids: Sequence[Grid], bounds: Sequence[Mapping[str, tuple[int, int]]]
) -> dict[int, str]:
    """Return position -> what is wrong, for the conditions that cannot be computed in 64 bits on some grid.

    Where it takes too long to hold each condition against each grid, all of them are held against one grid around all.
    """
    placed = list(zip(grids, bounds, strict=True))
    if len(expressions) * len(placed) > REACHES:
        around = {name: _ends_of_all(name, placed) for name in {name for one in expressions for name in one.names}}
        placed = [(Grid({}, ()), {name: ends for name, ends in around.items() if ends})]
    found: dict[int, str] = {}
    for position, expression in enumerate(expressions):
        problem = next(filter(None, (reach_problem(expression, grid, ends) for grid, ends in placed)), None)
        if problem:
            found[position] = problem
    return found


def _ends_of_all(name: str, placed: Sequence[tuple[Grid, Mapping[str, tuple[int, int]]]]) -> tuple[int, int] | None:
    """Return the smallest and the largest value of a count over several grids, None for other fields."""
    if name in FIELDS and FIELDS[name].kind != "count":
        return None
    ends = [_ends(name, grid, bounds) for grid, bounds in placed]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _ends(name: str, grid: Grid, bounds: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    if name in bounds:
        return bounds[name]
    if grid.model is not None:
        return _ends_in_model(name, grid, bounds)
    field = FIELDS.get(name) or Field(name, "count", name, "")
    if name in grid.fixed:
        return int(grid.fixed[name]), int(grid.fixed[name])
    return field.minimum, max(int(field.default or 0), field.maximum or 0)


def _ends_in_model(name: str, grid: Grid, bounds: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Return the smallest and the largest value of a field of a model of blocks that no axis of the grid varies as a size."""
    low, high = (
        [
            outline.fields({size: ends[side] for size, ends in bounds.items()}).get(name, 0)
            for outline in grid.outlines()
        ]
        for side in (0, 1)
    )
    numbers = [int(value) for value in (*low, *high) if isinstance(value, int)] or [0]
    return min(numbers), max(numbers)


def reach_problem(expression: Expression, grid: Grid, bounds: Mapping[str, tuple[int, int]]) -> str | None:
    """Return why a condition cannot be computed in 64 bits over a grid, None where it can."""
    counts = [name for name in sorted(expression.names) if expression.kinds[name] == "count"]
    ends = {name: _ends(name, grid, bounds) for name in counts}
    reach = expression.reach(ends)
    if reach.largest > LARGEST:
        return f"an intermediate result can reach {shown_large(reach.largest)}, past {LARGEST:,}; write it with smaller numbers"
    if reach.rounded:
        return (
            f"a decimal meets numbers past {2**53:,}, where decimals are no longer exact; write it with whole numbers"
        )
    return None


def no_valid_configuration(grids: Sequence[Grid]) -> list[tuple[int, str, str]]:
    """Return (grid, field, reason) for the reasons why every configuration is refused; empty where one is valid.

    Empty too where too many points would have to be looked at: then the run says how many were dropped, and why.
    """
    if grids[0].model is not None:
        return _no_valid_model(grids)
    walks = [_deciding(grid) for grid in grids]
    if sum(math.prod(map(len, places)) for places in walks) > WALKED:
        return []
    reasons: dict[tuple[int, str, str], None] = {}
    for number, (grid, places) in enumerate(zip(grids, walks, strict=True)):
        for corner in itertools.product(*places):
            refused = _refused(grid, corner)
            if refused is None:
                return []
            reasons[number, *refused] = None
    return list(reasons)


def _no_valid_model(grids: Sequence[Grid]) -> list[tuple[int, str, str]]:
    """Return the same of models of blocks. Each structure is looked at; rules decide among the sizes, which are walked."""
    reasons: dict[tuple[int, str, str], None] = {}
    left = WALKED
    for number, grid in enumerate(grids):
        for outline in grid.outlines():
            rules = outline.canonical.rules
            if not rules:
                return []
            if any(rule.refuses is refuse_all for rule in rules):
                reasons |= {(number, rule.field, rule.reason): None for rule in rules if rule.refuses is refuse_all}
                continue
            places = [_places_with(axis, outline) for axis in grid.axes]
            left -= math.prod(map(len, places))
            if left < 0:
                return []
            for corner in itertools.product(*places):
                values = grid.values(corner)
                refused = next((rule for rule in rules if rule.refuses(values)), None)
                if refused is None:
                    return []
                reasons[number, refused.field, refused.reason] = None
    return list(reasons)


def _places_with(axis: Axis, outline: ModelOutline) -> Sequence[int]:
    """Return the places on an axis at which it has an outline's words; one place where it has no sizes."""
    several = [column for column in axis.columns if column.structural]
    if not several:
        return range(axis.length)
    found = [
        place
        for place in range(axis.length)
        if all(column.value(place) == outline.words[column.field] for column in several)
    ]
    return found[:1] if len(several) == len(axis.columns) else found


def _deciding(grid: Grid) -> list[Sequence[int]]:
    """Return the places on each axis that together decide whether any configuration of a grid is valid."""
    if not _is_tied(grid) and all(len(axis.columns) == 1 and axis.base is None for axis in grid.axes):
        return [axis.columns[0].deciding_places() for axis in grid.axes]
    return [range(axis.length if _is_tied(grid) or _matters(axis) else 1) for axis in grid.axes]


def _matters(axis: Axis) -> bool:
    """Return whether an axis has a field that some rule looks at where no embedding is tied."""
    return any(column.field not in {"other_weights", "layers", "outputs"} for column in axis.columns)


def _is_tied(grid: Grid) -> bool:
    return "tied_embedding" in grid.swept or bool(grid.fixed.get("tied_embedding"))


def _refused(grid: Grid, places: Sequence[int]) -> tuple[str, str] | None:
    """Return the field and reason of the first rule that refuses the configuration at some places, None if none does."""
    given = grid.configuration(places)
    cell = grid.cell(given)
    if given.get("tied_embedding"):
        answers = [(rule, refuses) for rule, refuses in network_refusals(given, cell) if refuses]
        return (answers[0][0].field, answers[0][0].reason) if answers else None
    # What feeds the output layer matters to tied embeddings alone; leaving the wiring out is ten times faster.
    tested = {name: field.default if given.get(name) is None else given[name] for name, field in FIELDS.items()}
    tested["fed"] = 0
    for rule in rules_for(CONVENTIONS[str(given["convention"])], cell):
        if rule.refuses(tested):
            return rule.field, rule.reason
    return None
