"""One network, described by a mapping of fields, becomes an exact count.

This is the library's front door for a single configuration: it checks the fields (every fault at once) and
returns the count with its parts.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sizer.errors import Fault, InputError, quoted
from sizer.networks.cells import CELL_TYPES
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.custom_cells import read_cell_types
from sizer.networks.fields import FIELDS, REQUIRED, Field
from sizer.networks.network import BYTES, Network, refusals, resolve, tally, wire
from sizer.networks.tensors import PARTS
from sizer.sizes import parse_size, whole_number_problem

CHOICES = {"convention": tuple(CONVENTIONS), "cell_type": tuple(CELL_TYPES)}
"""The words that each `choice` field takes."""


@dataclass(frozen=True)
class Count:
    """The count of one network."""

    configuration: dict[str, Any]
    """Every field, with what the convention decided filled in."""
    parts: dict[str, int]
    """Weights by part, in the order of the table columns; they add up to `weights`."""
    macs_per_step: int
    """Multiply-accumulates of one time step: matrices only, the output layer included."""
    state_size: int
    """Scalars carried from one step to the next."""
    described: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The configuration, with what no field says: the cell types that the person defines, and `candidate_bias`."""

    @property
    def weights(self) -> int:
        """Trainable scalars."""
        return sum(self.parts.values())

    @property
    def float32_bytes(self) -> int:
        """Bytes of the weights in 32-bit floats."""
        return BYTES["float32_bytes"] * self.weights

    @property
    def float16_bytes(self) -> int:
        """Bytes of the weights in 16-bit floats."""
        return BYTES["float16_bytes"] * self.weights

    @property
    def int8_bytes(self) -> int:
        """Bytes of the weights in 8-bit integers."""
        return BYTES["int8_bytes"] * self.weights

    def columns(self) -> dict[str, int]:
        """Return every counted column by name, in table order."""
        return {
            "weights": self.weights,
            **self.parts,
            "macs_per_step": self.macs_per_step,
            "state_size": self.state_size,
            **{name: size * self.weights for name, size in BYTES.items()},
        }


def count(fields: Mapping[str, Any], cell_types: Mapping[str, Any] | None = None) -> Count:
    """Return the exact count of one network.

    Args:
        fields: `convention`, `cell_type`, `layers`, `cells`, `inputs` (or a vocabulary) and any other field.
            `cells` and the projections may be lists, one value per layer; `layers` may then be left out.
            Counts may be written as sizes (`"10K"`).
        cell_types: cell types of your own by name, as a sweep file defines them; `cell_type` may then be one of
            them. They may also stand in `fields`, under the same name.

    Raises:
        InputError: a field is unknown, missing, of the wrong kind or out of range, or the convention refuses the
            network; all faults at once.

    Example:
        PyTorch's own count of `torch.nn.LSTM(80, 1024, 2)`:

        >>> count({"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}).weights
        12926976
    """
    checked = check(with_cell_types(fields, cell_types))
    return count_checked(checked)


def with_cell_types(fields: Mapping[str, Any], cell_types: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the fields together with the cell types that a person defines."""
    return fields if cell_types is None else {**fields, "cell_types": cell_types}


def count_checked(checked: Mapping[str, Any]) -> Count:
    """Return the count of fields that `check` has passed."""
    resolved = resolve(checked)
    network = wire(resolved)
    counted = tally(network, (*PARTS, "macs_per_step", "state_size"))
    shown = {name: resolved[name] for name in FIELDS}
    return Count(
        configuration=shown,
        parts={part: counted[part] for part in PARTS},
        macs_per_step=counted["macs_per_step"],
        state_size=counted["state_size"],
        described=resolved,
    )


def network_of(checked: Mapping[str, Any]) -> Network:
    """Return the wired network of fields that `check` has passed."""
    return wire(resolve(checked))


def check(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields normalised: sizes read, lists as tuples, `layers` filled in; what was not given stays absent.

    Raises:
        InputError: as `count` says.
    """
    normal, problems = normalise(fields)
    if not problems:
        problems = [(rule_field, reason) for rule_field, reason in refused(normal)][:1]
    if problems:
        raise InputError(Fault("", 0, 0, path, message) for path, message in problems)
    return normal


def normalise(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the fields that read well, normalised, and (field, message) for each that does not."""
    normal: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    own: Collection[str] = ()
    if fields.get("cell_types"):
        own = fields["cell_types"] if isinstance(fields["cell_types"], Mapping) else ()
        normal["cell_types"], faults = read_cell_types(fields["cell_types"])
        problems.extend((".".join(map(str, ("cell_types", *path))), message) for path, message in faults)
    for name, value in fields.items():
        if name == "cell_types":
            continue
        if name not in FIELDS:
            problems.append((str(name), f"no field of that name{did_you_mean(name, FIELDS)}"))
        elif value is not None:
            try:
                normal[name] = _read(FIELDS[name], value, own)
            except ValueError as problem:
                problems.append((name, str(problem)))
    per_layer = {name: len(value) for name, value in normal.items() if isinstance(value, tuple)}
    if per_layer:
        problems.extend(_expand_layers(normal, per_layer))
    problems.extend((name, "is missing") for name in REQUIRED if name not in normal and fields.get(name) is None)
    return normal, problems


def _expand_layers(normal: dict[str, Any], per_layer: dict[str, int]) -> list[tuple[str, str]]:
    """Make every per-layer field a tuple of the same length; return what disagrees."""
    name, length = next(iter(per_layer.items()))
    problems = [
        (other, f"has {found} values, one per layer, but {name} has {length}")
        for other, found in per_layer.items()
        if found != length
    ]
    if normal.get("layers", length) != length:
        problems.append(("layers", f"is {normal['layers']}, but {name} has {length} values, one per layer"))
    normal["layers"] = length
    for other in (one.name for one in FIELDS.values() if one.per_layer):
        if other in normal and not isinstance(normal[other], tuple):
            normal[other] = (normal[other],) * length
    if "cells" in normal:
        for other in ("recurrent_projection", "nonrecurrent_projection"):
            normal.setdefault(other, (0,) * length)
    return problems


def refused(normal: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (field, reason) for each rule that refuses the network, in the order of the rules."""
    if not isinstance(normal["cells"], tuple):
        return [(rule.blamed(normal), rule.reason) for rule, refuses in refusals(normal) if refuses]
    fed = network_of(normal).fed
    found: dict[tuple[str, str], None] = {}
    for layer in range(len(normal["cells"])):
        one = {name: value[layer] if isinstance(value, tuple) else value for name, value in normal.items()}
        for rule, refuses in refusals(one, fed):
            if refuses:
                found[rule.blamed(one), rule.reason] = None
    return list(found)


def choices(name: str, own: Iterable[str]) -> tuple[str, ...]:
    """Return the words that a `choice` field takes where a person defines cell types of their own."""
    return (*CHOICES[name], *own) if name == "cell_type" else CHOICES[name]


def _read(field: Field, value: Any, own: Iterable[str]) -> Any:
    if isinstance(value, (list, tuple)) and field.per_layer:
        if not value:
            raise ValueError("is an empty list; give one value per layer")
        return tuple(_read_count(field, one) for one in value)
    if field.kind == "choice":
        known = choices(field.name, own)
        if value not in known:
            raise ValueError(
                f"{quoted(value)} is not known{did_you_mean(value, known) or '; one of ' + ', '.join(known)}"
            )
        return value
    if field.kind == "boolean":
        if not isinstance(value, bool):
            raise ValueError(f"{quoted(value)} is neither true nor false")
        return value
    return _read_count(field, value)


def _read_count(field: Field, value: Any) -> int:
    if isinstance(value, str):
        value = parse_size(value)
    if hasattr(value, "__index__") and not isinstance(value, bool):
        value = value.__index__()
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(whole_number_problem(value))
    if value < field.minimum:
        raise ValueError(f"{value} is below the minimum, {field.minimum}")
    if field.maximum is not None and value > field.maximum:
        raise ValueError(f"{value} is above the maximum, {field.maximum}")
    return value


def did_you_mean(word: object, known: Any) -> str:
    """Return `; did you mean '...'?` with the nearest known word, or nothing where none is near."""
    near = difflib.get_close_matches(str(word)[:100], list(known), n=1, cutoff=0.6)
    return f"; did you mean {quoted(near[0])}?" if near else ""
