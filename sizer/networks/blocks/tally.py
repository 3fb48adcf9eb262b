"""A wired model is added up: weights by part and by block, values kept beside them, and MACs at each clock.

The same sums of whole numbers, and of polynomials where a sweep leaves sizes open.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sizer.networks.blocks.fields import PAIR, rate_of
from sizer.networks.blocks.steps import SEQUENCE
from sizer.networks.blocks.wiring import Graph
from sizer.networks.budgets import column_problem
from sizer.networks.columns import MODEL_COLUMNS, MODEL_PARTS, PerStep, added, macs_at, tally
from sizer.networks.network import Group
from sizer.networks.tensors import Number, total

MODEL_SUMMED = tuple(name for name, column in MODEL_COLUMNS.items() if not column.each and name != "macs_per_step")
"""The counted columns of a model that are summed over its groups; multiply-accumulates go by clocks."""
SECONDS = "seconds"
"""In `clocks`: how long an input is."""


@dataclass(frozen=True)
class Tally:
    """The sums of a wired model."""

    parts: dict[str, Number]
    by_block: dict[str, Number]
    """Weights of each block by its path, of a group's blocks over all repetitions, and of the groups."""
    trained_weights: Number
    buffer_values: Number
    state_size: Number
    macs: dict[str, dict[Fraction, Number]]
    """Steps of a clock, or pairs of them -> how often for each -> multiply-accumulates."""
    others: dict[str, Number] = field(default_factory=dict)
    """What else is summed over groups, by the column's name."""

    @property
    def weights(self) -> Number:
        """Every weight."""
        return total(list(self.parts.values()))


def tally_graph(graph: Graph) -> Tally:
    """Return the sums of a wired model."""
    summed = tally(graph, MODEL_SUMMED)
    return Tally(
        {part: summed.pop(part) for part in MODEL_PARTS},
        weights_by_block(graph),
        summed.pop("trained_weights"),
        summed.pop("buffer_values"),
        summed.pop("state_size"),
        {clock_name(clocks, graph.clocks): by_times for clocks, by_times in macs_at(graph.groups).items()},
        summed,
    )


def weights_by_block(graph: Graph) -> dict[str, Number]:
    """Return the weights of each block by its path, of a group's blocks over all repetitions, and of the groups."""
    terms: dict[str, list[Number]] = {}
    for one in graph.blocks:
        names = one.block.path.split(".")
        for end in range(1, len(names) + 1):
            terms.setdefault(".".join(names[:end]), []).append(tally(one, ["weights"])["weights"])
    return {path: total(own) for path, own in terms.items()}


def macs_of(graph: Graph) -> dict[str, PerStep]:
    """Return the multiply-accumulates for each step of a clock, and for each pair of steps of two, by name."""
    return macs_by_clock(graph.groups, graph.clocks)


def macs_by_clock(groups: Iterable[Group], clocks: tuple[str, ...]) -> dict[str, PerStep]:
    """Return the multiply-accumulates of some groups likewise.

    Args:
        groups: of a model.
        clocks: of the model, in their order.
    """
    return {clock_name(which, clocks): added(by.items()) for which, by in macs_at(groups).items()}


def column_of(graph: Graph, name: str) -> PerStep | None:
    """Return one counted column of a wired model, on any kind of number; None where it has none of that name.

    Args:
        graph: the model.
        name: of the column, as in `ModelCount.columns`.
    """
    if name == "macs_per_second":
        macs = macs_of(graph)
        said = {"clocks": graph.model.clocks}
        return None if unsaid_clocks(macs, said) else macs_a_second(macs, said)
    if name.startswith("macs_per_"):
        one_clock = len(graph.clocks) == 1
        which = graph.clocks[0] if name == "macs_per_step" and one_clock else name.removeprefix("macs_per_")
        return macs_of(graph).get(which, PerStep(0) if name == "macs_per_step" and one_clock else None)
    if name in MODEL_COLUMNS:
        return PerStep(tally(graph, [name])[name])
    found = weights_by_block(graph).get(name.removesuffix(".weights")) if name.endswith(".weights") else None
    return None if found is None else PerStep(found)


def missing_column(graph: Graph, name: str) -> str:
    """Return what to say of a column that a wired model has not."""
    macs = macs_of(graph)
    return missing_macs(macs, {"clocks": graph.model.clocks}, name) or column_problem(
        name, known=(*MODEL_COLUMNS, *(f"macs_per_{one}" for one in macs))
    )


def missing_macs(macs: Iterable[str], declared: Mapping[str, Any], name: str) -> str:
    """Return why a model has no multiply-accumulates a second or a step; nothing where it is asked for another column.

    Args:
        macs: as in `unsaid_clocks`.
        declared: as in `unsaid_clocks`.
        name: of the column.
    """
    if name == "macs_per_second":
        return f"macs_per_second is not known: {unsaid_clocks(macs, declared)}"
    if name == "macs_per_step":
        clocks = ", ".join(f"macs_per_{one}" for one in macs)
        return f"macs_per_step needs a model of one clock; this model has {clocks}"
    return ""


def unsaid_clocks(macs: Iterable[str], declared: Mapping[str, Any]) -> str:
    """Return why multiply-accumulates a second are not known, in words; nothing where they are.

    Args:
        macs: the names of what there are multiply-accumulates for, as in `ModelCount.macs`.
        declared: the model, of which `clocks` says steps a second.
    """
    given = declared.get("clocks") or {}
    moving = {name: [clock for clock in name.split(PAIR) if clock != SEQUENCE] for name in macs}
    missing = dict.fromkeys(clock for clocks in moving.values() for clock in clocks if clock not in given)
    long = [name for name, clocks in moving.items() if len(clocks) != 1]
    words = [f"how many {clock} there are in a second" for clock in missing]
    if long and SECONDS not in given:
        words.append(f"how many {SECONDS} an input lasts, since it multiplies for {long[0].replace(PAIR, ' x ')}")
    return f"clocks does not give {' and '.join(words)}" if words else ""


def macs_a_second(macs: Mapping[str, PerStep], declared: Mapping[str, Any]) -> PerStep:
    """Return multiply-accumulates a second.

    Args:
        macs: multiply-accumulates for each step, by name, as in `ModelCount.macs`.
        declared: the model, of which `clocks` says all that is asked.
    """
    often = times_a_second(macs, declared.get("clocks") or {}) or {}
    return added((often[name] / number.steps, number.total) for name, number in macs.items())


def model_columns(summed: Mapping[str, Any], by_block: Mapping[str, Any], macs: Mapping[str, Any]) -> dict[str, Any]:
    """Return every counted column of a model, in table order.

    Args:
        summed: those that are summed by themselves, by name.
        by_block: weights by block.
        macs: columns of multiply-accumulates, by name.
    """
    weights = sum(summed[part] for part in MODEL_PARTS)
    found: dict[str, Any] = {}
    for name, column in MODEL_COLUMNS.items():
        if name == "macs_per_step":
            found |= macs
        else:
            found[name] = column.each * weights if column.each else summed[name]
        if name == MODEL_PARTS[-1]:
            found |= {f"{path}.weights": own for path, own in by_block.items()}
    return found


def clock_name(clocks: tuple[str, ...], order: tuple[str, ...]) -> str:
    """Return the name of the steps of clocks: a pair's later clock first, as in `labels_x_frames`."""
    return PAIR.join(sorted(clocks, key=lambda clock: -order.index(clock) if clock in order else 0))


def times_a_second(names: Iterable[str], clocks: Mapping[str, Any]) -> dict[str, Fraction] | None:
    """Return how often a second each of some steps comes, or pairs of them; None where the clocks do not say enough.

    Args:
        names: as in `Tally.macs`.
        clocks: of the model: steps a second, and `seconds`.
    """
    said = {name: rate for name, rate in ((name, rate_of(value)) for name, value in clocks.items()) if rate is not None}
    seconds = said.get(SECONDS)
    found = {}
    for name in names:
        moving = [clock for clock in name.split(PAIR) if clock != SEQUENCE]
        if any(clock not in said for clock in moving) or (len(moving) != 1 and seconds is None):
            return None
        a_second = math.prod((said[clock] for clock in moving), start=Fraction(1))
        # Two clocks pair each step of an input's one with each of its other; a sequence comes once an input.
        found[name] = a_second * (seconds or 1) ** (len(moving) - 1)
    return found
