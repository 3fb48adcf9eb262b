"""Networks that differ only in how large their counts are share one structure: it is wired once, on symbols.

What is left of it are compiled sums. Only a value above 0, not which one, decides how a network is read and wired.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sizer.grids.kernels import OVERRIDES
from sizer.networks.conventions import CONVENTIONS, Rule, rules_for
from sizer.networks.fields import FIELDS
from sizer.networks.network import resolve, tally, wire
from sizer.numbers.interval import Interval, possibly
from sizer.numbers.polynomial import Symbolic

_COUNTS = frozenset(field.name for field in FIELDS.values() if field.kind == "count" and field.maximum is None)
"""The fields of which only 0 or not matters to a structure: every number above 0 is read and wired alike."""
_POSITIVE, _ZERO, _NEGATIVE = ("above 0",), ("0",), ("below 0",)
"""Parts of a key; no field's own value equals them."""
MOST_STRUCTURES = 4096


@dataclass(frozen=True)
class Structure:
    """What networks of one structure have in common."""

    names: tuple[str, ...]
    """The counts that vary, all above 0."""
    values: Callable[[Mapping[str, Any]], tuple[int, ...]]
    """The counts that vary, from a network's fields."""
    texts: Mapping[str, str]
    """Column -> its sum over the counts that vary, as Python text."""
    resolved: Mapping[str, Any]
    """Every field with what the convention decides filled in; what varies holds one network's."""
    rules: tuple[Rule, ...]
    """Those that refuse some networks of the structure and not others."""
    fed: Callable[..., int]
    """What feeds the output layer."""
    seen: Mapping[str, Any]
    """The other fields as rules see them."""

    def refuses(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a rule refuses a network."""
        if not self.rules:
            return False
        seen = {**self.seen, **fields, "fed": self.fed(*self.values(fields))}
        return any(rule.refuses(seen) for rule in self.rules)

    def compiled(self, text: str) -> Callable[..., Any]:
        """Return a function of the counts that vary. The text is made of whole numbers, `+ * == <= and ,` and names."""
        return _compiled(self.names, text)


def key_of(fields: Mapping[str, Any], first: Any = None) -> tuple[Any, ...] | None:
    """Return what networks of one structure have in common; None where some value needs reading.

    Args:
        fields: one network, as `sizer.count` takes it; they may have faults.
        first: stands in front of the key.
    """
    found: list[Any] = [first, *fields]
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


def structure_of(fields: Mapping[str, Any], columns: Collection[str]) -> Structure:
    """Return the structure of a network that has no faults, with the sums of some counted columns."""
    given = {name: value for name, value in fields.items() if value is not None}
    names = sorted(name for name in given if name in _COUNTS and given[name] > 0)
    symbols = {name: Symbolic({(name,): 1}, frozenset(names)) for name in names}
    network = wire(resolve({**given, **symbols}))
    counted = tally(network, columns)
    resolved = resolve(given)
    numeric = {**resolved, **{name: given.get(name) for name in OVERRIDES}}
    ranges = {**numeric, **{name: Interval(1, 2**63) for name in names}, "fed": Interval(0, 2**63)}
    rules = rules_for(CONVENTIONS[given["convention"]], given["cell_type"])
    return Structure(
        tuple(names),
        # With two names or more this is one call into C; `layers` and `cells` are always there.
        itemgetter(*names),
        {column: _text(counted[column]) for column in columns},
        {name: resolved[name] for name in FIELDS},
        tuple(rule for rule in rules if bool(possibly(rule.refuses(ranges)))),
        _compiled(names, _text(network.fed)),
        numeric,
    )


def _text(number: Any) -> str:
    return number.nested() if isinstance(number, Symbolic) else str(int(number))


def _compiled(names: Collection[str], text: str) -> Callable[..., Any]:
    function: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {text}", {"__builtins__": {}})
    return function
