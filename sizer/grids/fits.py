"""Does a network fit a budget? Asked thousands of times inside a running search, answered in microseconds.

Networks that differ only in how large their counts are share one structure: the wiring is done once for it, on symbols,
and what is left is a compiled comparison. `sizer.count` answers whatever has no such structure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sizer.errors import Fault, InputError
from sizer.grids.intervals import Interval, possibly
from sizer.grids.kernels import OVERRIDES, Symbolic
from sizer.networks.conventions import CONVENTIONS, Rule, rules_for
from sizer.networks.counting import check, count, normalise
from sizer.networks.fields import FIELDS
from sizer.networks.network import resolve, tally, wire
from sizer.sweepfile.bounds import budget_of_option
from sizer.sweepfile.sweep import Bound

_COUNTS = frozenset(field.name for field in FIELDS.values() if field.kind == "count" and field.maximum is None)
"""The fields of which only 0 or not matters to a structure: every number above 0 is read and wired alike."""
_MOST_STRUCTURES = 4096
_POSITIVE, _ZERO, _NEGATIVE = ("above 0",), ("0",), ("below 0",)
"""Parts of a key; no field's own value equals them."""


@dataclass(frozen=True)
class _Structure:
    """What networks of one structure are held to."""

    values: Callable[[Mapping[str, Any]], tuple[int, ...]]
    """The counts that vary, from a network's fields."""
    within: Callable[..., bool]
    """Whether counts are within the budget."""
    rules: tuple[Rule, ...]
    """Those that refuse some networks of the structure and not others."""
    fed: Callable[..., int]
    """What feeds the output layer."""
    seen: Mapping[str, Any]
    """The other fields as rules see them."""

    def refuses(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a rule refuses a network."""
        seen = {**self.seen, **fields, "fed": self.fed(*self.values(fields))}
        return any(rule.refuses(seen) for rule in self.rules)


_structures: dict[Any, _Structure] = {}


def fits(fields: Mapping[str, Any], budget: Any) -> bool:
    """Return whether a network is within a budget: the constraint of a running search, in a few microseconds.

    Args:
        fields: one network, as `sizer.count` takes it.
        budget: `"10M"` or a number (the most weights), `"int8_bytes=2MB"`, a list of such, or a mapping of counted
            columns to a maximum or to `{"min": ..., "max": ...}`; ends are included.

    Raises:
        InputError: as `sizer.count` says: a field has a fault, or the convention refuses the network. Or the budget
            has a fault.

    Example:
        `torch.nn.LSTM(80, 1024, 2)` has 12,926,976 parameters:

        >>> network = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
        >>> fits(network, "13M"), fits(network, 12_926_975)
        (True, False)
    """
    key = _key(fields, budget)
    if key is None:
        return _fits_slowly(fields, budget)
    structure = _structures.get(key)
    if structure is None:
        bounds = _bounds(budget)
        check(fields)
        if len(_structures) >= _MOST_STRUCTURES:
            _structures.clear()
        structure = _structures[key] = _structure(fields, bounds)
    if structure.rules and structure.refuses(fields):
        check(fields)  # which says why
    return structure.within(*structure.values(fields))


def _key(fields: Mapping[str, Any], budget: Any) -> tuple[Any, ...] | None:
    """Return what networks of one structure under one budget have in common; None where some value needs reading."""
    found: list[Any] = [budget if type(budget) in (str, int) else (type(budget), str(budget)), *fields]
    for name, value in fields.items():
        kind = type(value)
        if kind is int:
            if name in _COUNTS:
                found.append(_POSITIVE if value > 0 else _NEGATIVE if value else _ZERO)
            else:
                found.append((value,))  # in a tuple, or 1 would be True
        elif kind is bool or value is None or (kind is str and name not in _COUNTS):
            found.append(value)
        else:
            return None
    return tuple(found)


def _fits_slowly(fields: Mapping[str, Any], budget: Any) -> bool:
    """Return whether a network fits of which values are sizes as text, lists, or numbers of other libraries."""
    normal, problems = normalise(fields)
    if not problems and _key(normal, budget) is not None:
        return fits(normal, budget)
    bounds = _bounds(budget)
    counted = count(fields).columns()
    return all(_is_within(counted[bound.column], bound) for bound in bounds)


def _is_within(value: int, bound: Bound) -> bool:
    least = bound.minimum is None or value >= bound.minimum
    return least and (bound.maximum is None or value <= bound.maximum)


def _bounds(budget: Any) -> tuple[Bound, ...]:
    faults: list[Fault] = []
    bounds = budget_of_option(budget, (), lambda message: faults.append(Fault("", 0, 0, "budget", message)))
    if faults:
        raise InputError(faults)
    return bounds


def _structure(fields: Mapping[str, Any], bounds: tuple[Bound, ...]) -> _Structure:
    """Return the structure of a network that has no faults."""
    given = {name: value for name, value in fields.items() if value is not None}
    names = sorted(name for name in given if name in _COUNTS and given[name] > 0)
    symbols = {name: Symbolic({(name,): 1}, frozenset(names)) for name in names}
    resolved = resolve({**given, **symbols})
    network = wire(resolved)
    counted = tally(network, [bound.column for bound in bounds])
    parts = []
    for bound in bounds:
        least = "" if bound.minimum is None else f"{bound.minimum} <= "
        most = "" if bound.maximum is None else f" <= {bound.maximum}"
        parts.append(f"{least}({_text(counted[bound.column])}){most}" if least or most else "True")
    numeric = {**resolve(given), **{name: given.get(name) for name in OVERRIDES}}
    ranges = {**numeric, **{name: Interval(1, 2**63) for name in names}, "fed": Interval(0, 2**63)}
    rules = rules_for(CONVENTIONS[given["convention"]], given["cell_type"])
    open_rules = tuple(rule for rule in rules if bool(possibly(rule.refuses(ranges))))
    return _Structure(
        _getter(names), _compiled(names, " and ".join(parts) or "True"), open_rules,
        _compiled(names, _text(network.fed)), numeric,
    )  # fmt: skip


def _getter(names: list[str]) -> Callable[[Mapping[str, Any]], tuple[int, ...]]:
    # With two names or more this is one call into C; `layers` and `cells` are always there.
    return itemgetter(*names)


def _text(number: Any) -> str:
    return number.nested() if isinstance(number, Symbolic) else str(int(number))


def _compiled(names: list[str], text: str) -> Callable[..., Any]:
    """Return a function of the named counts. The text is made of whole numbers, `+ * == <= and` and field names."""
    function: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {text}", {"__builtins__": {}})
    return function
