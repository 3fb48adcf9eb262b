"""A wired model becomes its count: weights by part and by block, values kept beside them, and MACs at each clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sizer.errors import Fault, InputError
from sizer.networks.blocks.fields import rate_of
from sizer.networks.blocks.steps import SEQUENCE
from sizer.networks.blocks.wiring import Graph, read_graph
from sizer.networks.cells import CellType
from sizer.networks.columns import BYTES, PARTS
from sizer.networks.counting import Count
from sizer.networks.tensors import product

BLOCK_PARTS = (*PARTS, "dense_weights", "convolution_weights", "attention_weights")
"""The parts of a count of blocks."""
SECONDS = "seconds"
"""In `clocks`: how long an input is."""


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
        clocked = {name: rate_of(value) for name, value in (self.configuration.get("clocks") or {}).items()}
        given = {name: rate for name, rate in clocked.items() if rate is not None}
        seconds = given.get(SECONDS)
        found = Fraction(0)
        for name, times in self.macs.items():
            clocks = name.split("_x_")
            moving = [clock for clock in clocks if clock != SEQUENCE]
            if any(clock not in given for clock in moving) or (len(moving) != 1 and seconds is None):
                return None
            a_second = math.prod((given[clock] for clock in moving), start=Fraction(1))
            # Two clocks pair each step of an input's one with each of its other; a sequence comes once an input.
            found += times * a_second * (seconds or 1) ** (len(moving) - 1)
        return found

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
    parts = dict.fromkeys(BLOCK_PARTS, 0)
    by_block: dict[str, int] = {}
    macs: dict[tuple[str, ...], Fraction] = {}
    trained = buffers = state = 0
    for one in graph.blocks:
        own = 0
        for group in one.groups:
            state += product([group.times, sum(group.dimensions[name] for name in group.state)])
            for tensor in group.tensors:
                if tensor.matrix:
                    area = group.dimensions[tensor.area] if tensor.area else 1
                    times = product([group.times, group.uses, area, tensor.size(group.dimensions)])
                    for clocks, steps in group.steps if times else ():
                        macs[clocks] = macs.get(clocks, Fraction(0)) + times * steps
                if not group.counted:
                    continue
                if tensor.buffer:
                    buffers += product([group.times, tensor.size(group.dimensions)])
                    continue
                weights = product([group.times, tensor.weights(group.dimensions)])
                parts[tensor.part] += weights
                trained += weights if group.trained else 0
                own += weights
        names = one.block.path.split(".")
        for end in range(1, len(names) + 1):
            path = ".".join(names[:end])
            by_block[path] = by_block.get(path, 0) + own
    parts["other_weights"] += graph.model.other_weights
    per_step = macs.get(graph.clocks, Fraction(0))
    return ModelCount(
        configuration=dict(declared),
        parts=parts,
        by_block=by_block,
        trained_weights=trained + graph.model.other_weights,
        buffer_values=buffers,
        state_size=state,
        macs_per_step=math.ceil(per_step) if len(graph.clocks) == 1 else None,  # type: ignore[arg-type]
        macs={_name(clocks, graph.clocks): times for clocks, times in macs.items()},
        clocks=graph.clocks,
    )


def _name(clocks: tuple[str, ...], order: tuple[str, ...]) -> str:
    """Return the name of the steps of clocks: a pair's later clock first, as in `labels_x_frames`."""
    return "_x_".join(sorted(clocks, key=lambda clock: -order.index(clock) if clock in order else 0))
