"""The layers of a recurrent block as a framework builds them: what feeds what, worked out apart from the count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sizer.frameworks.plan import TITLES
from sizer.networks.blocks import stacks
from sizer.networks.blocks.wiring import Wired
from sizer.networks.network import Network


@dataclass(frozen=True)
class BlockLayer:
    """One layer of a recurrent block."""

    inputs: int
    cells: int
    projection: int
    """The recurrent projection; 0 is none."""
    directions: int
    subsample: int
    """Steps of it for one step of what reads it."""


@dataclass(frozen=True)
class BlockStack:
    """The recurrent layers of one block."""

    kind: str
    """`LSTM`, `GRU` or `RNN`."""
    layers: tuple[BlockLayer, ...]
    """One by one; where all are alike the second stands for those above it."""
    depth: int
    biased: bool
    bias_vectors: int
    summed: bool
    skip: bool
    stacked: bool
    """Whether steps are stacked where they are subsampled."""
    alike: bool
    """Whether one module that takes a number of layers builds them all."""


def network_of(one: Wired) -> Network:
    """Return a recurrent block as a network by itself, for what a framework refuses of it."""
    assert one.block.cell is not None
    return Network(one.groups, 0, stacks.resolved(one.block), one.block.cell)


def stack_of(one: Wired) -> BlockStack:
    """Return the layers of a recurrent block that a framework has a layer for."""
    resolved = stacks.resolved(one.block)
    fields = one.block.fields
    cells, depth = resolved["cells"], resolved["layers"]
    if isinstance(cells, tuple):
        depth = len(cells)

    def at(name: str, layer: int) -> Any:
        value = fields[name] if name == "subsample" else resolved[name]
        return value[layer] if isinstance(value, tuple) else value

    summed, skip = bool(resolved["summed_directions"]), bool(resolved["skip_connections"]) and depth > 1
    stacked = fields["subsample_how"] == "stack"
    layers: list[BlockLayer] = []
    raw = frame = int(one.reads)
    for layer in range(depth if isinstance(cells, tuple) else min(depth, 2)):
        directions = 2 if at("bidirectional", layer) else 1
        found = BlockLayer(
            frame, at("cells", layer), at("recurrent_projection", layer), directions, at("subsample", layer)
        )
        layers.append(found)
        frame = (found.projection or found.cells) * (1 if summed else directions)
        frame = frame * (found.subsample if stacked else 1) + (raw if skip else 0)
    shapes = {(one.cells, one.projection, one.directions) for one in layers}
    halved = any(one.subsample > 1 for one in layers[:-1])
    return BlockStack(
        kind=TITLES.get(resolved["cell_type"], resolved["cell_type"]),
        layers=tuple(layers),
        depth=depth,
        biased=resolved["bias_vectors"] > 0,
        bias_vectors=resolved["bias_vectors"],
        summed=summed and layers[0].directions == 2,
        skip=skip,
        stacked=stacked,
        alike=len(shapes) == 1 and not skip and not halved and not (summed and depth > 1 and layers[0].directions == 2),
    )
