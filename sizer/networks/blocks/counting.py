"""A wired model becomes its count: weights by part and by block, values kept beside them, and MACs at each clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sizer.errors import Fault, InputError
from sizer.networks.blocks.tally import tally_graph, times_a_second
from sizer.networks.blocks.wiring import Graph, read_graph
from sizer.networks.cells import CellType
from sizer.networks.columns import BYTES
from sizer.networks.counting import Count


@dataclass(frozen=True)
class ModelCount(Count):
    """The count of a model of blocks. Its `configuration` is the model as it was given.

    `macs_per_step` is for each step of the one clock, on average, rounded up; None where there are several clocks.
    """

    by_block: Mapping[str, int] = field(default_factory=dict)
    """Weights of each block by its path, of a group's blocks over all repetitions, and of the groups."""
    trained_weights: int = 0
    """Weights that are not frozen."""
    buffer_values: int = 0
    """What a toolkit keeps beside the weights: means and variances of batch normalisation under keras."""
    macs: Mapping[str, Fraction] = field(default_factory=dict)
    """Multiply-accumulates for each step of a clock (`frames`), and for each pair of steps of two (`labels_x_frames`); what
    happens once for an input stands under `sequence`."""
    clocks: tuple[str, ...] = ()
    """The clocks, in the order in which blocks start them."""

    @property
    def macs_per_second(self) -> Fraction | None:
        """Multiply-accumulates a second, from the model's `clocks`; None where these do not say enough."""
        a_second = times_a_second(self.macs, self.configuration.get("clocks") or {})
        if a_second is None:
            return None
        return sum((times * self.macs[name] for name, times in a_second.items()), start=Fraction(0))

    def columns(self) -> dict[str, int]:
        """Return every counted column that there is of this model, by name, in table order."""
        macs = {} if self.macs_per_step is None else {"macs_per_step": self.macs_per_step}
        macs |= {f"macs_per_{name}": math.ceil(number) for name, number in self.macs.items()}
        if self.macs_per_second is not None:
            macs["macs_per_second"] = math.ceil(self.macs_per_second)
        return {
            "weights": self.weights,
            **self.parts,
            **{f"{path}.weights": weights for path, weights in self.by_block.items()},
            "trained_weights": self.trained_weights,
            "buffer_values": self.buffer_values,
            **macs,
            "state_size": self.state_size,
            **{name: size * self.weights for name, size in BYTES.items()},
        }


def count_model(declared: Mapping[str, Any], cell_types: Mapping[str, CellType] | None = None) -> ModelCount:
    """Return the exact count of a model of blocks.

    Args:
        declared: `convention`, `blocks` and, where they are said, `clocks` and `other_weights`.
        cell_types: those that the person defines.

    Raises:
        InputError: every fault by the block's name.

    Example:
        Zhang et al. 2017 (arXiv:1711.07128) print no count of their small CRNN; its checkpoint holds 75,432:

        >>> blocks = {
        ...     "mfcc": {"type": "input", "channels": 1, "height": 10},
        ...     "conv": {"type": "convolution", "kernel": [10, 4], "stride": [2, 2], "padding": "valid", "channels": 48},
        ...     "gru": {"type": "recurrent", "cell_type": "gru", "layers": 2, "cells": 60},
        ...     "last": {"type": "pooling", "over": "time"},
        ...     "hidden": {"type": "dense", "width": 84},
        ...     "output": {"type": "dense", "width": 12},
        ... }
        >>> count_model({"convention": "tensorflow1", "blocks": blocks}).weights
        75432
    """
    return count_graph(graph_of(declared, cell_types), declared)


def graph_of(declared: Mapping[str, Any], cell_types: Mapping[str, CellType] | None = None) -> Graph:
    """Return a model of blocks, read and wired.

    Raises:
        InputError: every fault by the block's name.
    """
    graph, problems = read_graph(declared, cell_types)
    if graph is not None:
        return graph
    raise InputError(Fault("", 0, 0, path, message) for path, message in problems)


def count_graph(graph: Graph, declared: Mapping[str, Any]) -> ModelCount:
    """Return the count of a wired model."""
    summed = tally_graph(graph)
    macs = {
        name: sum((times * number for times, number in by_times.items()), start=Fraction(0))
        for name, by_times in summed.macs.items()
    }
    per_step = macs.get(graph.clocks[0], Fraction(0)) if len(graph.clocks) == 1 else None
    return ModelCount(
        configuration=dict(declared),
        parts=summed.parts,
        by_block=summed.by_block,
        trained_weights=summed.trained_weights,
        buffer_values=summed.buffer_values,
        state_size=summed.state_size,
        macs_per_step=None if per_step is None else math.ceil(per_step),  # type: ignore[arg-type]
        macs=macs,
        clocks=graph.clocks,
    )
