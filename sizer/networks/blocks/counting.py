"""A wired model becomes its count: weights by part and by block, values kept beside them, and MACs at each clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from sizer.answer import Table
from sizer.errors import Fault, InputError
from sizer.layout import DOT, share_words
from sizer.networks.blocks.tally import macs_a_second, missing_macs, model_columns, tally_graph, unsaid_clocks
from sizer.networks.blocks.types import BlockType
from sizer.networks.blocks.wiring import Graph, read_graph
from sizer.networks.budgets import column_problem
from sizer.networks.cells import CellType
from sizer.networks.columns import PerStep, added
from sizer.networks.counting import Count


@dataclass(frozen=True, repr=False)
class ModelCount(Count):
    """The count of a model of blocks. Its `configuration` is the model as it was given.

    `macs_per_step` is for each step of the one clock, on average, rounded up; None where there are several clocks.
    """

    by_block: Mapping[str, int] = field(default_factory=dict)
    """Weights of each block by its path, of a group's blocks over all repetitions, and of the groups."""
    trained_weights: int = 0
    """Weights that are not frozen."""
    buffer_values: int = 0
    """Values that a toolkit keeps besides the weights: means and variances of batch normalisation under keras."""
    macs: Mapping[str, Fraction] = field(default_factory=dict)
    """Multiply-accumulates for each step of a clock (`frames`), and for each pair of steps of two (`labels_x_frames`); what
    happens once for an input stands under `sequence`."""
    clocks: tuple[str, ...] = ()
    """The clocks, in the order in which blocks start them."""
    read_as: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read otherwise than it was written, in words."""
        return self.read_as

    def noted(self, notes: Iterable[str]) -> ModelCount:
        """Return the same, with further notes."""
        return replace(self, read_as=tuple(dict.fromkeys((*self.notes, *notes))))

    def _heading(self) -> str:
        from sizer.networks.blocks.wording import model_heading

        return model_heading(self)

    def _sums(self) -> str:
        from sizer.networks.blocks.wording import sums_lines

        return DOT.join(sums_lines(self))

    def _as_table(self) -> Table:
        total = self.weights
        rows = [(block, weights, weights / total if total else 0.0) for block, weights in self.by_block.items()]
        return ("block", "weights", "share"), rows

    def _shown_rows(self) -> list[tuple[str, int, str]]:
        """Return the blocks that stand in no group, what no block describes, and their sum, each with its share."""
        outer = {block: weights for block, weights in self.by_block.items() if "." not in block}
        total = self.weights
        rest = total - sum(outer.values())
        rows = [*outer.items(), *([("other", rest)] if rest else []), ("weights", total)]
        return [(block, weights, share_words(weights, total)) for block, weights in rows]

    @property
    def macs_per_second(self) -> Fraction | None:
        """Multiply-accumulates a second, from the model's `clocks`; None where these do not say enough."""
        if unsaid_clocks(self.macs, self.configuration):
            return None
        found = macs_a_second(
            {name: PerStep(*number.as_integer_ratio()) for name, number in self.macs.items()}, self.configuration
        )
        return found.exact

    def column_problem(self, column: str) -> str:
        """Return what to say of a column that this model has not; nothing where it has it."""
        known = self.columns()
        if column in known:
            return ""
        return missing_macs(self.macs, self.configuration, column) or column_problem(column, known=known)

    def columns(self) -> dict[str, int]:
        """Return every counted column that there is of this model, by name, in table order."""
        summed = {**self.parts, "state_size": self.state_size, **self.others}
        summed |= {"trained_weights": self.trained_weights, "buffer_values": self.buffer_values}
        averages = {f"macs_per_{name}": number for name, number in self.macs.items()}
        if self.macs_per_second is not None:
            averages["macs_per_second"] = self.macs_per_second
        per_step = {} if self.macs_per_step is None else {"macs_per_step": self.macs_per_step}
        whole = {name: math.ceil(number) for name, number in averages.items()}
        return model_columns(summed, self.by_block, per_step | whole)


def count_model(
    declared: Mapping[str, Any],
    cell_types: Mapping[str, CellType] | None = None,
    block_types: Mapping[str, BlockType] | None = None,
) -> ModelCount:
    """Return the exact count of a model of blocks.

    Args:
        declared: `convention`, `blocks` and, where they are said, `clocks` and `other_weights`.
        cell_types: those that the person defines.
        block_types: those that the person defines.

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
    return count_graph(graph_of(declared, cell_types, block_types), declared)


def graph_of(
    declared: Mapping[str, Any],
    cell_types: Mapping[str, CellType] | None = None,
    block_types: Mapping[str, BlockType] | None = None,
) -> Graph:
    """Return a model of blocks, read and wired.

    Raises:
        InputError: every fault by the block's name.
    """
    graph, problems = read_graph(declared, cell_types, block_types)
    if graph is not None:
        return graph
    raise InputError(Fault("", 0, 0, path, message) for path, message in problems)


def count_graph(graph: Graph, declared: Mapping[str, Any]) -> ModelCount:
    """Return the count of a wired model."""
    summed = tally_graph(graph)
    macs = {name: added(by_times.items()).exact for name, by_times in summed.macs.items()}
    one_clock = len(graph.clocks) == 1
    return ModelCount(
        configuration=dict(declared),
        parts={part: int(weights) for part, weights in summed.parts.items()},
        by_block={path: int(weights) for path, weights in summed.by_block.items()},
        trained_weights=int(summed.trained_weights),
        buffer_values=int(summed.buffer_values),
        state_size=int(summed.state_size),
        macs_per_step=math.ceil(macs.get(graph.clocks[0], 0)) if one_clock else None,  # type: ignore[arg-type]
        macs=macs,
        clocks=graph.clocks,
        read_as=graph.model.notes,
        others={name: int(value) for name, value in summed.others.items()},
    )
