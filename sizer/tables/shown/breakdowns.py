"""Networks become tables of tensors over named fields, from which a page works out the parts of any row.

Networks that differ only in how large their counts are share one such table: the wiring is done once for it, on symbols,
by the same code that counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sizer.networks.blocks.counting import graph_of
from sizer.networks.blocks.layered import countable
from sizer.networks.blocks.outlines import OpenModel
from sizer.networks.blocks.wiring import Graph
from sizer.networks.cells import CellType
from sizer.networks.conventions import NO_OWN, cell_of
from sizer.networks.fields import FIELDS
from sizer.networks.network import Group, resolve, wire
from sizer.networks.tensors import Tensor
from sizer.numbers.polynomial import Polynomial, Symbolic, UnsettledError
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
            fields: one network that `sizer.count` counts.
            cell_types: those that a person defines.
        """
        given = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()
            if value is not None
        }
        if isinstance(given.get("cell_type"), tuple):
            return self._place_of_blocks(countable(given, cell_types), cell_types)
        variable: tuple[str, ...] = ()
        cell = cell_of(given, cell_types)
        if cell.grows:  # the tensors of the others depend on whether widths are equal
            listed = any(isinstance(value, tuple) for value in given.values())
            counts = [name for name in given if name in _COUNTS and not (listed and name == "layers")]
            variable = tuple(name for name in counts if given[name] != 0)
        # Cell types of a sweep's own are the same in all of its networks, and their names are in the key.
        fixed = tuple((name, given[name]) for name in given if name not in variable)
        key = (tuple((name, _signs(given[name])) for name in variable), fixed)
        if key not in self._places:
            if len(self.structures) >= MOST_STRUCTURES:
                return -1
            self._places[key] = len(self.structures)
            self.structures.append(_structure(given, cell, variable))
        return self._places[key]

    def _place_of_blocks(self, model: Mapping[str, Any], cell_types: Mapping[str, CellType]) -> int:
        """Return the number of the table of a network whose layers are of several cell types, as it stands."""
        key = json.dumps(model)
        if key not in self._places:
            if "blocks" not in model or len(self.structures) >= MOST_STRUCTURES:
                return -1
            structure = _structure_of_graph(graph_of(model, cell_types, {}), ())
            self._places[key] = -1 if structure is None else len(self.structures)
            self.structures += [structure] if structure is not None else []
        return int(self._places[key])

    def place_of_model(self, model: OpenModel, values: Mapping[str, Any]) -> int:
        """Return the number of a model's table; -1 where there are too many.

        Args:
            model: as its sweep declares it.
            values: of the fields that are swept, by their paths.
        """
        sizes = tuple(
            name
            for name, value in values.items()
            if type(value) is int and value > 0 and model.kinds.get(name) == "count"
        )
        for variable in (sizes, ()):
            key = (id(model), variable, tuple((name, values[name]) for name in values if name not in variable))
            if key not in self._places:
                if len(self.structures) >= MOST_STRUCTURES:
                    return -1
                structure = _structure_of_model(model, values, variable)
                self._places[key] = -1 if structure is None else len(self.structures)
                self.structures += [structure] if structure is not None else []
            if self._places[key] >= 0:
                return self._places[key]
        return -1


def _structure_of_model(
    model: OpenModel, values: Mapping[str, Any], variable: tuple[str, ...]
) -> dict[str, Any] | None:
    """Return the tables of a model's blocks with some sizes left open; None where that cannot be."""
    words = {name: value for name, value in values.items() if name not in variable}
    try:
        graph = model.outline(words, dict.fromkeys(variable, True)).graph
    except UnsettledError:
        return None
    return None if graph is None else _structure_of_graph(graph, variable)


def _structure_of_graph(graph: Graph, variable: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the tables of a graph's blocks; None where they depend on more than the sizes that are left open."""
    groups = []
    for one in graph.blocks:
        turns = one.block.key[1]
        title = f"{one.block.path}{' ' if turns else ''}{'.'.join(str(turn + 1) for turn in turns)}"
        of_list = isinstance(one.block.fields.get("cells"), tuple)
        groups += [_group_of_block(group, title, of_list) for group in one.groups]
    other = graph.model.other_weights
    if not isinstance(other, int) or other:
        groups.append(_group_of_block(graph.groups[-1], "other", of_list=True))
    found = [group for group in groups if group["tensors"] and group["times"]]
    names = {name for group in found for terms in _all_terms(group) for _, of in terms for name in of}
    if not names <= {*variable}:  # something is compared, which a page cannot work out
        return None
    conventions = dict.fromkeys([graph.model.convention, *(one.block.convention for one in graph.blocks)])
    blocks = ", ".join(f"{one.block.path} ({one.block.type.name})" for one in graph.blocks if not any(one.block.key[1]))
    return {"said": f"{', '.join(conventions)} · {blocks}", "groups": found}


def _all_terms(group: Mapping[str, Any]) -> Iterator[list[Any]]:
    yield group["times"]
    for tensor in group["tensors"]:
        for factor in tensor["shape"]:
            yield factor["terms"]


def _group_of_block(group: Group, block: str, of_list: bool) -> dict[str, Any]:
    above = group.label == "layer" and group.first == 2 and not of_list
    layer = "each layer above" if above else f"layer {group.first}" if group.label == "layer" else ""
    tensors = [
        {**_tensor(tensor, group, of_blocks=True), **({} if group.counted else {"shared": True})}
        for tensor in group.tensors
        if not tensor.buffer
    ]
    return {
        "block": block,
        "title": layer + _TITLES[group.standing],
        "times": _terms(group.times),
        "tensors": [tensor for tensor in tensors if all(one["terms"] for one in tensor["shape"])],
    }


def _structure(given: Mapping[str, Any], cell: CellType, variable: tuple[str, ...]) -> dict[str, Any]:
    symbols = {name: _symbols(name, given[name]) for name in variable}
    resolved = resolve({**given, **symbols}, cell)
    of_list = isinstance(given["cells"], tuple)
    groups = [_group(group, resolved["layers"], of_list) for group in wire(resolved, cell).groups]
    said = " · ".join([str(given["convention"]), str(given["cell_type"]), assumptions(resolve(given, cell), cell)])
    return {"said": said, "groups": [group for group in groups if group["tensors"] and group["times"]]}


def _signs(value: Any) -> Any:
    """Return where a list has zeros, of which the rest is left open; nothing for one value."""
    return tuple(one > 0 for one in value) if isinstance(value, tuple) else None


def _symbols(name: str, value: Any) -> Any:
    """Return a field that is left open; of a list, each layer's by itself."""
    if isinstance(value, tuple):
        return tuple(_symbols(f"{name}.{layer}", one) if one else 0 for layer, one in enumerate(value, start=1))
    return Symbolic({(name,): 1}, frozenset([name]))


def _group(group: Group, layers: Any, of_list: bool) -> dict[str, Any]:
    upper = group.label == "layer" and group.first == 2 and not of_list
    title = "layer" if upper else f"layer {group.first}" if group.label == "layer" else group.label
    both = bool(group.dimensions["bidirectional"]) and group.label == "layer"
    tensors = [_tensor(tensor, group) for tensor in group.tensors]
    return {
        "title": title + (_TITLES[group.standing] if both else ""),
        **({"last": _terms(layers)} if upper else {}),
        "times": _terms(group.times),
        "tensors": [tensor for tensor in tensors if all(one["terms"] for one in tensor["shape"])],
    }


def _tensor(tensor: Tensor, group: Group, *, of_blocks: bool = False) -> dict[str, Any]:
    shape = []
    for name in (*([tensor.when] if tensor.when else []), *tensor.shape):
        value = name if isinstance(name, int) else group.dimensions[name]
        if name == tensor.when and not isinstance(value, Symbolic) and value == 1:
            continue
        terms = _terms(value)
        words = (
            terms[0][1][0]
            if of_blocks and len(terms) == 1 and terms[0][0] == "1" and len(terms[0][1]) == 1
            else str(name)
        )
        shape.append({"words": words, "terms": terms})
    shared = tensor.shared_when is not None and bool(group.dimensions[tensor.shared_when])
    return {"name": tensor.name, "shape": shape, "shared": shared}


def _terms(value: Any) -> list[Any]:
    """Return a number or polynomial as [[factor, [field, ...]], ...]; empty where it is 0."""
    if isinstance(value, Polynomial):
        return [[str(factor), list(names)] for names, factor in value.terms.items()]
    return [[str(int(value)), []]] if int(value) else []
