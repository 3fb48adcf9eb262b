"""Networks that differ only in how large their counts are share one structure: it is wired once, on symbols.

What is left of it are compiled sums. Only a value above 0, not which one, decides how a network is read and wired.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sizer.networks.columns import tally
from sizer.networks.conventions import CONVENTIONS, Rule, cell_of, rules_for
from sizer.networks.counting import normalise
from sizer.networks.fields import FIELDS
from sizer.networks.network import OVERRIDES, resolve, wire
from sizer.numbers.interval import Interval, possibly
from sizer.numbers.polynomial import Symbolic

_COUNTS = frozenset(field.name for field in FIELDS.values() if field.kind == "count" and field.maximum is None)
"""The fields of which only 0 or not matters to a structure: every number above 0 is read and wired alike."""
_PER_LAYER = frozenset(field.name for field in FIELDS.values() if field.per_layer)
MOST_LAYERS = 64
"""The longest list of one value per layer that has a structure; sums over longer ones are no quicker than counting."""
_POSITIVE, _ZERO, _NEGATIVE = ("above 0",), ("0",), ("below 0",)
"""Parts of a key; no field's own value equals them."""
MOST_STRUCTURES = 4096


@dataclass(frozen=True)
class Structure:
    """What networks of one structure have in common."""

    names: tuple[str, ...]
    """The counts that vary, all above 0; those of a list by their layer, `cells_0`."""
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
    layers: int = 0
    """How many layers there are, each with widths of its own; 0 where all are alike."""

    def refuses(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a rule refuses a network."""
        if not self.rules:
            return False
        given = {name: value for name, value in fields.items() if value is not None}
        seen = {**self.seen, **given, "fed": self.fed(*self.values(fields))}
        if not self.layers:
            return any(rule.refuses(seen) for rule in self.rules)
        return any(
            rule.refuses(one) for one in (_of_layer(seen, layer) for layer in range(self.layers)) for rule in self.rules
        )

    def configuration(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return every field of a network, with what the convention decides filled in."""
        found = {**self.resolved}
        for name, value in fields.items():
            if name in _COUNTS and value is not None:
                if self.layers and name in _PER_LAYER:
                    found[name] = tuple(value) if isinstance(value, (list, tuple)) else (value,) * self.layers
                else:
                    found[name] = value
        return found

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
    listed = False
    for name, value in fields.items():
        kind = type(value)
        if (kind is list or kind is tuple) and name in _PER_LAYER:
            if not 0 < len(value) <= MOST_LAYERS or any(type(one) is not int for one in value):
                return None
            listed = True
            found.append(tuple([1 if one > 0 else one and -1 for one in value]))
        elif kind is int:
            if name in _COUNTS:
                found.append(_POSITIVE if value > 0 else _NEGATIVE if value else _ZERO)
            else:
                found.append((value,))  # in a tuple, or 1 would be True
        elif kind is bool or value is None or (kind is str and name not in _COUNTS):
            found.append(value)
        else:
            return None
    if fields.get("convention") not in CONVENTIONS:
        return None  # none is said, or a toolkit's name that needs reading
    if listed:
        found.append(fields.get("layers"))  # which the lists must agree with
    return tuple(found)


def structure_of(fields: Mapping[str, Any], columns: Collection[str]) -> Structure:
    """Return the structure of a network that has no faults, with the sums of some counted columns."""
    given = {name: value for name, value in fields.items() if value is not None}
    if any(isinstance(value, (list, tuple)) for value in given.values()):
        return _structure_of_lists(given, columns)
    names = sorted(name for name in given if name in _COUNTS and given[name] > 0)
    symbols = {name: Symbolic({(name,): 1}, frozenset(names)) for name in names}
    cell = cell_of(given)
    network = wire(resolve({**given, **symbols}, cell), cell)
    counted = tally(network, columns)
    resolved = resolve(given, cell)
    numeric = {**resolved, **{name: given.get(name) for name in OVERRIDES}}
    ranges = {**numeric, **{name: Interval(1, 2**63) for name in names}, "fed": Interval(0, 2**63)}
    rules = rules_for(CONVENTIONS[given["convention"]], cell)
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


def _structure_of_lists(given: Mapping[str, Any], columns: Collection[str]) -> Structure:
    """Return the structure of a network with a width per layer."""
    description, _ = normalise(given)
    normal, cell = description.fields, description.cell
    layers = normal["layers"]
    paths: dict[str, str] = {}  # the name of what varies -> where it stands in the fields, as Python text
    values: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, (list, tuple)):
            values[name] = tuple(f"{name}_{layer}" if one > 0 else 0 for layer, one in enumerate(value))
            paths |= {one: f"fields[{name!r}][{layer}]" for layer, one in enumerate(values[name]) if one}
        elif name in _COUNTS and name != "layers" and value > 0:
            values[name] = (name,) * layers if name in _PER_LAYER else name
            paths[name] = f"fields[{name!r}]"
    names = tuple(paths)

    def symbols(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(symbols(one) for one in value)
        return Symbolic({(value,): 1}, frozenset(names)) if isinstance(value, str) else value

    network = wire(resolve({**normal, **{name: symbols(value) for name, value in values.items()}}, cell), cell)
    counted = tally(network, columns)
    resolved = resolve(normal, cell)
    numeric = {**resolved, **{name: given.get(name) for name in OVERRIDES}}
    ranges = {**numeric, **{name: _any_size(value) for name, value in values.items()}, "fed": Interval(0, 2**63)}
    rules = rules_for(CONVENTIONS[given["convention"]], cell)
    possible = [
        rule for rule in rules if any(bool(possibly(rule.refuses(_of_layer(ranges, layer)))) for layer in range(layers))
    ]
    return Structure(
        names,
        eval(f"lambda fields: ({', '.join(paths.values())},)", {"__builtins__": {}}),
        {column: _text(counted[column]) for column in columns},
        {name: resolved[name] for name in FIELDS},
        tuple(possible),
        _compiled(names, _text(network.fed)),
        numeric,
        layers,
    )


def _any_size(value: Any) -> Any:
    """Return what is known of a value that varies: that it is above 0."""
    if isinstance(value, tuple):
        return tuple(_any_size(one) for one in value)
    return Interval(1, 2**63) if isinstance(value, str) else value


def _of_layer(fields: Mapping[str, Any], layer: int) -> dict[str, Any]:
    return {name: value[layer] if isinstance(value, (list, tuple)) else value for name, value in fields.items()}


def _text(number: Any) -> str:
    return number.nested() if isinstance(number, Symbolic) else str(int(number))


def _compiled(names: Collection[str], text: str) -> Callable[..., Any]:
    function: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {text}", {"__builtins__": {}})
    return function
