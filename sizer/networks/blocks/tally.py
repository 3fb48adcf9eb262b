"""A wired model is added up: weights by part and by block, values kept beside them, and MACs at each clock.

The same sums of whole numbers, and of polynomials where a sweep leaves sizes open.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sizer.networks.blocks.fields import PAIR
from sizer.networks.blocks.steps import SEQUENCE
from sizer.networks.blocks.wiring import Graph
from sizer.networks.columns import PARTS
from sizer.networks.tensors import Number, product, total

BLOCK_PARTS = (*PARTS, "dense_weights", "convolution_weights", "attention_weights")
"""The parts of a count of blocks."""
SECONDS = "seconds"
"""In `clocks`: how long an input is."""


@dataclass(frozen=True)
class Tally:
    """The sums of a wired model."""

    parts: dict[str, Number]
    by_block: dict[str, Number]
    """Weights of each block by its path, of a group's blocks over all repetitions, and of the groups."""
    trained_weights: Number
    buffer_values: Number
    state_size: Number
    macs: dict[str, dict[Fraction, Number]]
    """Steps of a clock, or pairs of them -> how often for each -> multiply-accumulates."""

    @property
    def weights(self) -> Number:
        """Every weight."""
        return total(list(self.parts.values()))


def tally_graph(graph: Graph) -> Tally:
    """Return the sums of a wired model."""
    parts: dict[str, Number] = dict.fromkeys(BLOCK_PARTS, 0)
    by_block: dict[str, Number] = {}
    macs: dict[tuple[str, ...], dict[Fraction, Number]] = {}
    trained: Number = 0
    buffers: Number = 0
    state: Number = 0
    for one in graph.blocks:
        own: Number = 0
        for group in one.groups:
            state += product([group.times, total([group.dimensions[name] for name in group.state])])
            for tensor in group.tensors:
                if tensor.matrix:
                    area = group.dimensions[tensor.area] if tensor.area else 1
                    number = product([group.times, group.uses, area, tensor.size(group.dimensions)])
                    for clocks, times in () if isinstance(number, int) and number == 0 else group.steps:
                        by_times = macs.setdefault(clocks, {})
                        by_times[times] = by_times.get(times, 0) + number
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
    return Tally(
        parts,
        by_block,
        trained + graph.model.other_weights,
        buffers,
        state,
        {_name(clocks, graph.clocks): by_times for clocks, by_times in macs.items()},
    )


def _name(clocks: tuple[str, ...], order: tuple[str, ...]) -> str:
    """Return the name of the steps of clocks: a pair's later clock first, as in `labels_x_frames`."""
    return PAIR.join(sorted(clocks, key=lambda clock: -order.index(clock) if clock in order else 0))


def times_a_second(names: Iterable[str], clocks: Mapping[str, Any]) -> dict[str, Fraction] | None:
    """Return how often a second each of some steps comes, or pairs of them; None where the clocks do not say enough.

    Args:
        names: as in `Tally.macs`.
        clocks: of the model: steps a second, and `seconds`.
    """
    seconds = Fraction(str(clocks[SECONDS])) if SECONDS in clocks else None
    found = {}
    for name in names:
        moving = [clock for clock in name.split(PAIR) if clock != SEQUENCE]
        if any(clock not in clocks for clock in moving) or (len(moving) != 1 and seconds is None):
            return None
        a_second = math.prod((Fraction(str(clocks[clock])) for clock in moving), start=Fraction(1))
        # Two clocks pair each step of an input's one with each of its other; a sequence comes once an input.
        found[name] = a_second * (seconds or 1) ** (len(moving) - 1)
    return found
