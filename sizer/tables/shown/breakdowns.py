"""Networks become tables of tensors over named fields, from which a page works out the parts of any row.

Networks that differ only in how large their counts are share one such table: the wiring is done once for it, on symbols,
by the same code that counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sizer.networks.cells import CellType
from sizer.networks.conventions import NO_OWN, cell_of
from sizer.networks.fields import FIELDS
from sizer.networks.network import Group, resolve, wire
from sizer.networks.tensors import Tensor
from sizer.numbers.polynomial import Symbolic
from sizer.questions.breakdown import assumptions

MOST_STRUCTURES = 2000
"""Tables of tensors in one page."""
_COUNTS = frozenset(field.name for field in FIELDS.values() if field.kind == "count" and field.maximum is None)
_TITLES = {"each": "", "shared": ", shared by both directions", "joined": ", on the joined directions"}


class Breakdowns:
    """The tables of tensors of the networks so far."""

    def __init__(self) -> None:
        """Start with none."""
        self.structures: list[dict[str, Any]] = []
        self._places: dict[Any, int] = {}

    def place(self, fields: Mapping[str, Any], cell_types: Mapping[str, CellType] = NO_OWN) -> int:
        """Return the number of a network's table; -1 where there are too many.

        Args:
            fields: one network that `sizer.count` counts; no lists.
            cell_types: those that a person defines.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        variable: tuple[str, ...] = ()
        cell = cell_of(given, cell_types)
        if cell.grows:  # the tensors of the others depend on whether widths are equal
            variable = tuple(name for name in given if name in _COUNTS and given[name] > 0)
        # Cell types of a sweep's own are the same in all of its networks, and their names are in the key.
        key = (variable, tuple((name, given[name]) for name in given if name not in variable))
        if key not in self._places:
            if len(self.structures) >= MOST_STRUCTURES:
                return -1
            self._places[key] = len(self.structures)
            self.structures.append(_structure(given, cell, variable))
        return self._places[key]


def _structure(given: Mapping[str, Any], cell: CellType, variable: tuple[str, ...]) -> dict[str, Any]:
    symbols = {name: Symbolic({(name,): 1}, frozenset(variable)) for name in variable}
    resolved = resolve({**given, **symbols}, cell)
    groups = [_group(group, resolved["layers"]) for group in wire(resolved, cell).groups]
    said = " · ".join([str(given["convention"]), str(given["cell_type"]), assumptions(resolve(given, cell), cell)])
    return {"said": said, "groups": [group for group in groups if group["tensors"] and group["times"]]}


def _group(group: Group, layers: Any) -> dict[str, Any]:
    upper = group.label == "layer" and group.first == 2
    title = "layer" if upper else "layer 1" if group.label == "layer" else group.label
    both = bool(group.dimensions["bidirectional"]) and group.label == "layer"
    tensors = [_tensor(tensor, group) for tensor in group.tensors]
    return {
        "title": title + (_TITLES[group.standing] if both else ""),
        **({"last": _terms(layers)} if upper else {}),
        "times": _terms(group.times),
        "tensors": [tensor for tensor in tensors if all(one["terms"] for one in tensor["shape"])],
    }


def _tensor(tensor: Tensor, group: Group) -> dict[str, Any]:
    shape = []
    for name in (*([tensor.when] if tensor.when else []), *tensor.shape):
        value = name if isinstance(name, int) else group.dimensions[name]
        if name == tensor.when and not isinstance(value, Symbolic) and value == 1:
            continue
        shape.append({"words": str(name), "terms": _terms(value)})
    shared = tensor.shared_when is not None and bool(group.dimensions[tensor.shared_when])
    return {"name": tensor.name, "shape": shape, "shared": shared}


def _terms(value: Any) -> list[Any]:
    """Return a number or polynomial as [[factor, [field, ...]], ...]; empty where it is 0."""
    if isinstance(value, Symbolic):
        return [[str(factor), list(names)] for names, factor in value.terms.items()]
    return [[str(int(value)), []]] if int(value) else []
