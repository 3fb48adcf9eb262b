"""One configuration becomes a sheet whose fields can be changed: every tensor a row with a live formula.

    fields -> wired with `Live` numbers -> widths that follow -> tensors -> sums
                                        -> rules -> a note beside the field that is at fault

No formula is written here: the wiring, the table of tensors and the conventions' rules are run on numbers that carry
their formulas. Each cell that others refer to has a name, known on this sheet alone, so that a formula reads
`=4*cells*recurrent`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sizer.networks.cells import CellType
from sizer.networks.columns import PARTS, SUMMED, tally
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import Description
from sizer.networks.fields import FIELDS, Field
from sizer.networks.network import Group, Network, refusals, resolve, wire
from sizer.networks.tensors import Tensor, product
from sizer.numbers.sheet_formula import Live, live

_RICH = {
    **{"layers": 2, "cells": 8, "recurrent_projection": 2, "nonrecurrent_projection": 2, "bottleneck": 2},
    **{"inputs": 0, "outputs": 4, "vocabulary": 4, "embedding": 4, "bidirectional": 1},
}
"""A network that has everything, so that what is refused beside it is refused always."""
STANDINGS = {"each": "", "shared": ", shared by both directions", "joined": ", on the joined directions"}
_WIDTHS = {
    "input": "what feeds the layer",
    "recurrent": "what is fed back",
    "projected": "what is handed up",
    "joined_cells": "the cells of all directions",
    "widens": "1 where the layer hands up another width than it gets",
    "fed": "what feeds the output layer",
}
"""The dimensions that follow from others, in the order in which a sheet has them."""
_LABELS = {"fed": "fed_to_output"}
"""FED alone could be read as a column of the sheet."""


@dataclass(frozen=True)
class Entry:
    """A field that can be changed."""

    name: str
    """Of the field, and of its cell."""
    value: int
    is_boolean: bool
    minimum: int
    maximum: int | None
    description: str
    faults: tuple[tuple[Live, str], ...]
    """Where the first holds, the second says why the network is refused; the first that holds counts."""


_OTHERS = tuple(name for name in SUMMED if name not in {*PARTS, "macs_per_step"})


@dataclass(frozen=True)
class Width:
    """A dimension that follows from the fields."""

    name: str
    formula: Live
    description: str


@dataclass(frozen=True)
class TensorRow:
    """A tensor of some layers, or of what is around them."""

    where: str
    name: str
    shape: str
    """In words."""
    weights: Live
    """Of one such tensor."""
    times: Live
    """How often it stands in the network."""
    macs_per_step: Live
    """Of one such tensor, in every direction that it serves."""


@dataclass(frozen=True)
class Calculator:
    """A configuration as formulas."""

    convention: str
    cell_type: str
    entries: tuple[Entry, ...]
    fixed: tuple[str, ...]
    """Why the other fields stay as they are."""
    widths: tuple[Width, ...]
    tensors: tuple[TensorRow, ...]
    others: dict[str, Live]
    """The counted columns that are no sum over `tensors`, by name."""

    @property
    def weights(self) -> int:
        """The weights of the configuration as it was given."""
        return sum(row.weights.value * row.times.value for row in self.tensors)

    @property
    def macs_per_step(self) -> int:
        """The multiply-accumulates of the configuration as it was given."""
        return sum(row.macs_per_step.value * row.times.value for row in self.tensors)


def calculator_of(described: Description) -> Calculator:
    """Return a configuration as formulas.

    Args:
        described: a network without lists per layer.
    """
    configuration, cell = described.fields, described.cell
    said = resolve(configuration, cell)
    reasons = {name: _stays(configuration, cell, name) for name in FIELDS if FIELDS[name].kind != "choice"}
    leaves = {
        name: Live(int(said[name]), name, holds_truth=FIELDS[name].kind == "boolean")
        for name, reason in reasons.items()
        if reason is None
    }
    resolved = resolve({**configuration, **leaves}, cell)
    if CONVENTIONS[said["convention"]].candidate_bias and any(
        tensor.when == "candidate_bias" for tensor in cell.tensors
    ):
        leaves["candidate_bias"] = Live(said["candidate_bias"], "candidate_bias", holds_truth=True)
        resolved["candidate_bias"] = leaves["candidate_bias"]
    widths, network = _named(wire(resolved, cell))
    rules = [
        (rule.field, rule.reason, refused)
        for rule, refused in refusals({**configuration, **leaves}, cell, network.fed)
        if refused is not False
    ]
    return Calculator(
        convention=said["convention"],
        cell_type=said["cell_type"],
        entries=tuple(
            _entry(name, leaf.value, tuple((refused, reason) for field, reason, refused in rules if field == name))
            for name, leaf in leaves.items()
        ),
        fixed=tuple(dict.fromkeys(reason for reason in reasons.values() if reason)),
        widths=widths,
        tensors=tuple(row for group in network.groups for row in _rows(group)),
        others={name: live(value) for name, value in tally(network, _OTHERS).items()},
    )


def _stays(configuration: Mapping[str, Any], cell: CellType, name: str) -> str | None:
    """Return why a field cannot be changed under this convention, or for this cell; None where it can."""
    field = FIELDS[name]
    others = {key: value for key, value in configuration.items() if FIELDS.get(key, field).kind == "choice"}
    changed = [0, 1] if field.kind == "boolean" else [int(field.default or 0) + 1]
    for value in changed:
        for rule, refuses in refusals({**_RICH, **others, name: value}, cell, _RICH["embedding"]):
            if refuses and rule.field == name != "inputs":
                return rule.reason
    return None


def _entry(name: str, value: int, faults: tuple[tuple[Live, str], ...]) -> Entry:
    field = FIELDS.get(name) or Field(
        name,
        "boolean",
        "",
        "One more bias, on the candidate. It is there where bias_vectors is left to the convention.",
    )
    return Entry(name, value, field.kind == "boolean", field.minimum, field.maximum, field.description, faults)


def _named(network: Network) -> tuple[tuple[Width, ...], Network]:
    """Return the widths that follow from others, each with a name, and the network in which they go by these names."""
    found: dict[str, Width] = {}
    renamed: list[dict[str, Any]] = [dict(group.dimensions) for group in network.groups]
    for name, description in _WIDTHS.items():
        users = [(place, group) for place, group in enumerate(network.groups) if name in _names_used(group)]
        differ = len({live(group.dimensions[name]).text for _, group in users}) > 1
        for place, group in users:
            width = group.dimensions[name]
            if not isinstance(width, Live) or width.text in FIELDS:
                continue  # constant here, or a field's own cell
            label, where = _LABELS.get(name, name), ""
            if differ:
                above = group.first > 1
                label, where = (f"{name}_above", ", layers above") if above else (f"{name}_of_layer_1", ", layer 1")
            found[label] = Width(label, width, description + where)
            renamed[place][name] = Live(width.value, label)
    groups = tuple(
        replace(group, dimensions=dimensions) for group, dimensions in zip(network.groups, renamed, strict=True)
    )
    fed = next(group.dimensions["fed"] for group in groups if group.label == "output")
    return tuple(found.values()), replace(network, groups=groups, fed=fed)


def _names_used(group: Group) -> set[int | str | None]:
    return {*group.state, *(name for tensor in group.tensors for name in (*tensor.shape, tensor.when))}


def _rows(group: Group) -> Iterator[TensorRow]:
    where = {0: group.label, 1: "layer 1"}.get(group.first, "each layer above") + STANDINGS[group.standing]
    for tensor in group.tensors:
        size, weights = (live(number(group.dimensions)) for number in (tensor.size, tensor.weights))
        if size.text != "0":
            macs = live(product([group.uses, size])) if tensor.matrix else live(0)
            yield TensorRow(where, tensor.name, _shape(tensor), weights, live(group.times), macs)


def _shape(tensor: Tensor) -> str:
    words = " x ".join(_LABELS.get(str(factor), str(factor)) for factor in tensor.shape)
    conditions = [f"where {tensor.when}"] if tensor.when and tensor.when != "vectors" else []
    if tensor.shared_when:
        conditions.append(f"shared where {tensor.shared_when}")
    return ", ".join([words, *conditions])
