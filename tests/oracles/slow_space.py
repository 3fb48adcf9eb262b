"""Spaces a second time: every network of a small one is written out and counted by itself, by `sizer.count`.

A network whose layers are of several cell types is counted as a chain of blocks, one for each layer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sizer
from sizer.errors import InputError


@dataclass(frozen=True)
class Listed:
    """One network of a space."""

    fields: dict[str, Any]
    counts: Mapping[str, int] | None
    """Every counted column; None where its convention has no such network."""

    def within(self, budget: Mapping[str, Mapping[str, int]]) -> bool:
        """Return whether it is a network and within all bounds."""
        if self.counts is None:
            return False
        return all(
            ends.get("min", 0) <= self.counts[column] <= ends.get("max", 1 << 200) for column, ends in budget.items()
        )


def listed(model: Mapping[str, Any], grid: Mapping[str, Any]) -> Iterator[Listed]:
    """Yield every network of a space in the order of ids.

    Args:
        model: what stays the same.
        grid: lists for what holds for a whole network, `{per_layer: [...], order, distinct}` for what each layer has.
    """
    once = {name: axis for name, axis in grid.items() if isinstance(axis, list)}
    names = sorted(once, key=lambda name: name != "layers")
    layered = {name: axis for name, axis in grid.items() if not isinstance(axis, list)}
    for values in itertools.product(*(once[name] for name in names)):
        fields = {**model, **dict(zip(names, values, strict=True))}
        layers = fields["layers"]
        one_layer = list(itertools.product(*(axis["per_layer"] for axis in layered.values())))
        for rows in itertools.product(one_layer, repeat=layers):
            columns = dict(zip(layered, zip(*rows, strict=True), strict=True))
            if all(_allowed(columns[name], axis) for name, axis in layered.items()):
                network = {**fields, **columns}
                yield Listed(network, counted(network))


def _allowed(values: tuple[Any, ...], axis: Mapping[str, Any]) -> bool:
    pairs = list(itertools.pairwise(values))
    falls = axis.get("order") != "falling" or all(a >= b for a, b in pairs)
    rises = axis.get("order") != "rising" or all(a <= b for a, b in pairs)
    return falls and rises and len(set(values)) <= axis.get("distinct", len(values))


def counted(network: Mapping[str, Any]) -> dict[str, int] | None:
    """Return the counted columns of a network, None where there is no such network."""
    try:
        if isinstance(network.get("cell_type"), tuple):
            return sizer.count(_as_blocks(network)).columns()
        return sizer.count(network).columns()
    except InputError:
        return None


def _as_blocks(network: Mapping[str, Any]) -> dict[str, Any]:
    layered = [name for name, value in network.items() if isinstance(value, tuple)]
    shared = {name: network[name] for name in ("bidirectional", "bias_vectors") if name in network}
    blocks: dict[str, Any] = {"input": {"type": "input", "inputs": network["inputs"]}}
    for layer in range(network["layers"]):
        own = {name: network[name][layer] for name in layered}
        plain = {name: network[name] for name in ("cells", "recurrent_projection") if name in network}
        blocks[f"layer{layer}"] = {"type": "recurrent", **shared, **plain, **own}
    if network.get("outputs"):
        blocks["output"] = {"type": "dense", "width": network["outputs"]}
    return {"convention": network["convention"], "blocks": blocks}
