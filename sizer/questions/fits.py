"""Does a network fit a budget? Asked thousands of times inside a running search, answered in microseconds.

Networks that differ only in how large their counts are share one structure: the wiring is done once for it, on symbols,
and what is left is a compiled comparison. `sizer.count` answers whatever has no such structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, SupportsIndex

from sizer.errors import Fault, InputError, quoted
from sizer.networks.blocks.counting import ModelCount
from sizer.networks.counting import count, normalise, read, with_own_types
from sizer.parameters import check_fields
from sizer.questions.model_structures import CompiledModels, ModelStructure
from sizer.questions.structures import MOST_STRUCTURES, Structure, key_of, structure_of
from sizer.remembered import Remembered
from sizer.sweepfile.bounds import budget_of_option
from sizer.sweepfile.sweep import Bound


@dataclass(frozen=True)
class _BudgetCheck:
    """What networks of one structure are held to under one budget."""

    structure: Structure
    within: Callable[..., bool]
    """Whether counts are within the budget."""


_comparisons: Remembered[Any, _BudgetCheck] = Remembered(MOST_STRUCTURES)


_models = CompiledModels()


def fits(
    fields: Mapping[str, Any],
    budget: Any,
    cell_types: Mapping[str, Any] | None = None,
    block_types: Mapping[str, Any] | None = None,
) -> bool:
    """Return whether a network is within a budget, in a few microseconds; for use inside a search.

    Args:
        fields: one network, as for `sizer.count`, or a model of blocks.
        budget: `"10M"` or a number (the most weights), `"int8_bytes=2MB"`, a list of such, or a mapping of counted
            columns to a maximum or to `{"min": ..., "max": ...}`; ends are included.
            For a model of blocks also `"encoder.weights=8M"`, `"trained_weights=10M"`, `"macs_per_frames=20M"`.
        cell_types: cell types of your own, as for `sizer.count`.
        block_types: block types of your own, likewise.

    Raises:
        InputError: as `sizer.count` says: a field has a fault, or the convention refuses the network. Or the budget
            has a fault.

    Example:
        `torch.nn.LSTM(80, 1024, 2)` has 12,926,976 parameters:

        >>> network = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
        >>> fits(network, "13M"), fits(network, 12_926_975)
        (True, False)
    """
    check_fields(fields)
    fields = with_own_types(fields, cell_types, block_types)
    asked = budget if type(budget) in (str, int) else (type(budget), str(budget))
    if "blocks" in fields:
        return bool(
            _models.answer(
                fields,
                lambda structure, counted: _within(structure, model_bounds(budget, counted)),
                lambda counted: are_within(counted.columns(), model_bounds(budget, counted)),
                asked,
            )
        )
    key = key_of(fields, asked)
    if key is None:
        return _fits_slowly(fields, budget)
    found = _comparisons.get(key)
    if found is None:
        bounds = budget_bounds(budget)
        read(fields)
        found = _comparisons[key] = _comparison(fields, bounds)
    structure = found.structure
    if structure.rules and structure.refuses(fields):
        read(fields)  # which says why
    return found.within(*structure.values(fields))


def _fits_slowly(fields: Mapping[str, Any], budget: Any) -> bool:
    """Return whether a network fits of which values are sizes as text, lists, or numbers of other libraries."""
    described, problems = normalise(fields)
    if not problems and not described.cell_types and key_of(described.fields) is not None:
        return fits(described.fields, budget)
    bounds = budget_bounds(budget)
    return are_within(count(fields).columns(), bounds)


def are_within(counted: Mapping[str, int], bounds: Iterable[Bound]) -> bool:
    """Return whether counted columns are within every bound."""
    return all(is_within(counted[bound.column], bound) for bound in bounds)


def is_within(value: int, bound: Bound) -> bool:
    """Return whether a counted column is within a bound."""
    least = bound.minimum is None or value >= bound.minimum
    return least and (bound.maximum is None or value <= bound.maximum)


def model_bounds(budget: Any, counted: ModelCount) -> tuple[Bound, ...]:
    """Return the bounds of a budget of a model of blocks.

    Raises:
        InputError: it has a fault.
    """
    return budget_bounds(budget, counted.column_problem)


def budget_bounds(budget: Any, problem_of: Callable[[str], str] | None = None) -> tuple[Bound, ...]:
    """Return the bounds of a budget.

    Args:
        budget: as `fits` takes it.
        problem_of: says what is wrong with a column; left out, those of plain networks are known.

    Raises:
        InputError: it has a fault.
    """
    if isinstance(budget, bool) or not isinstance(budget, (str, Iterable, SupportsIndex)):
        raise InputError(
            [Fault("", 0, 0, "budget", f"{quoted(budget)} is not a budget; write 10M, a list, or bounds by column")]
        )
    faults: list[Fault] = []
    bounds = budget_of_option(
        budget, (), lambda message: faults.append(Fault("", 0, 0, "budget", message)), problem_of=problem_of
    )
    if faults:
        raise InputError(faults)
    return bounds


def _comparison(fields: Mapping[str, Any], bounds: tuple[Bound, ...]) -> _BudgetCheck:
    structure = structure_of(fields, [bound.column for bound in bounds])
    return _BudgetCheck(structure, _within(structure, bounds))


def _within(structure: Structure | ModelStructure, bounds: Iterable[Bound]) -> Callable[..., bool]:
    """Return whether the counts that vary are within bounds, as a function of them."""
    parts = []
    for bound in bounds:
        least = "" if bound.minimum is None else f"{bound.minimum} <= "
        most = "" if bound.maximum is None else f" <= {bound.maximum}"
        parts.append(f"{least}({structure.texts[bound.column]}){most}" if least or most else "True")
    return structure.compiled(" and ".join(parts) or "True")
