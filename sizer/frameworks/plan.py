"""A network's fields become layers to build: widths, and what feeds what, worked out apart from the count.

The count wires a network in `sizer.networks.network`. A comparison that took its widths from there would compare
that wiring with itself, so this is the second time that it is written, for one network and in a framework's terms.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sizer.networks.fields import FIELDS
from sizer.networks.network import Network

TITLES = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
"""The cell types of PyTorch and Keras, as people write them."""

_READ = frozenset(
    {
        "convention",
        "cell_type",
        "inputs",
        "outputs",
        "layers",
        "cells",
        "recurrent_projection",
        "nonrecurrent_projection",
        "bidirectional",
        "skip_connections",
        "summed_directions",
        "only_recurrent_up",
        "peepholes",
        "vocabulary",
        "embedding",
        "tied_embedding",
        "other_weights",
        "bias_vectors",
        "projection_bias",
        "output_bias",
    }
)
"""The fields that `plan` and the frameworks' refusals look at."""

Refusal = tuple[str, str]
"""A field, and why a framework cannot build the network because of it."""


@dataclass(frozen=True)
class Layers:
    """Neighbouring layers that are alike."""

    number: int
    """How many."""
    inputs: int
    """What feeds one direction of each."""
    cells: int
    projection: int
    """The recurrent projection; 0 is none."""

    @property
    def hands_up(self) -> int:
        """Values that one direction hands to the layer above."""
        return self.projection or self.cells


@dataclass(frozen=True)
class Plan:
    """One network as a framework builds it."""

    convention: str
    cell_type: str
    inputs: int
    """Width of a frame, or of the embedding."""
    vocabulary: int
    """Symbols of the embedding; 0 where there is none."""
    tied: bool
    """Whether the output matrix is the embedding."""
    layers: tuple[Layers, ...]
    directions: int
    summed: bool
    """Whether the outputs of the two directions are added up."""
    skip: bool
    """Whether the raw input feeds every layer and every layer the output; False for a single layer."""
    bias_vectors: int
    """Per gate."""
    outputs: int
    """Width of the output layer; 0 is none."""
    output_bias: bool
    fed: int
    """Values that the recurrent layers give in all."""

    @property
    def depth(self) -> int:
        """The number of recurrent layers."""
        return sum(layers.number for layers in self.layers)

    @property
    def widths(self) -> tuple[tuple[int, int, int], ...]:
        """(number of layers, cells, projection) from the input upwards, neighbours of one width as one."""
        alike = itertools.groupby(self.layers, key=lambda layers: (layers.cells, layers.projection))
        return tuple((sum(layers.number for layers in group), *width) for width, group in alike)

    @property
    def stackable(self) -> bool:
        """Whether a module that takes one width and a number of layers builds it."""
        return len(self.widths) == 1 and not self.skip and not (self.summed and self.depth > 1)


def plan(resolved: Mapping[str, Any]) -> Plan:
    """Return what to build.

    Args:
        resolved: every field, with what the convention decides filled in.
    """
    cells, projections = resolved["cells"], resolved["recurrent_projection"]
    if isinstance(cells, tuple):
        widths = [(1, *width) for width in zip(cells, projections, strict=True)]
    else:
        widths = [(1, cells, projections), (resolved["layers"] - 1, cells, projections)]
    raw = resolved["embedding"] if resolved["vocabulary"] else resolved["inputs"]
    directions = 2 if resolved["bidirectional"] else 1
    skip = bool(resolved["skip_connections"]) and resolved["layers"] > 1
    frame, every, layers = raw, 0, []
    for number, width, projection in widths:
        if number:
            layers.append(Layers(number, frame, width, projection))
            handed = layers[-1].hands_up * (1 if resolved["summed_directions"] else directions)
            every += number * handed
            frame = handed + raw if skip else handed
    return Plan(
        convention=resolved["convention"],
        cell_type=resolved["cell_type"],
        inputs=raw,
        vocabulary=resolved["vocabulary"],
        tied=bool(resolved["tied_embedding"]),
        layers=_joined(layers),
        directions=directions,
        summed=bool(resolved["summed_directions"]),
        skip=skip,
        bias_vectors=resolved["bias_vectors"],
        outputs=resolved["outputs"],
        output_bias=bool(resolved["output_bias"]) and resolved["outputs"] > 0,
        fed=every if skip else handed,
    )


def _joined(layers: list[Layers]) -> tuple[Layers, ...]:
    """Return the layers with neighbours that are alike as one."""
    alike = itertools.groupby(layers, key=lambda one: (one.inputs, one.cells, one.projection))
    return tuple(Layers(sum(one.number for one in group), *width) for width, group in alike)


def beyond(network: Network, title: str, cell_types: Collection[str]) -> list[Refusal]:
    """Return what a framework has not, whatever the options of its layers: cell types, and fields unknown to `plan`.

    Args:
        network: as it was wired.
        title: the framework's name in messages.
        cell_types: those that it has.
    """
    resolved = network.resolved
    found: list[Refusal] = []
    if resolved["convention"] == "back_of_envelope":
        found.append(("convention", "back_of_envelope is a formula, and no network has its shapes"))
    if resolved["cell_type"] not in cell_types or network.cell.own:
        found.append(("cell_type", f"{title} has no {resolved['cell_type']} layer"))
    if found:  # what a layer that is not there has not is nobody's fault
        return found
    found.extend(
        (name, f"{title} has no {name}")
        for name, field in FIELDS.items()
        if name not in _READ and resolved[name] and resolved[name] != field.default
    )
    return found


def has_candidate_bias(network: Network) -> bool:
    """Return whether a network has one bias vector more, on the candidate alone."""
    return bool(network.resolved["candidate_bias"]) and any(
        tensor.when == "candidate_bias" for tensor in network.cell.tensors
    )
