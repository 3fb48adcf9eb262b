"""One network, tensor by tensor: what `sizer explain` shows and what a comparison is made of."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from sizer.answer import Shown, Table
from sizer.layout import share_words
from sizer.networks.blocks.chained import with_one_cell_type
from sizer.networks.counting import Count, count_network, read
from sizer.networks.formula import formula
from sizer.networks.network import Group, Network
from sizer.networks.wording import assumptions, counted_assumptions
from sizer.parameters import checked

__all__ = [
    "BlockLine",
    "Breakdown",
    "Line",
    "Section",
    "assumptions",
    "break_down",
    "counted_assumptions",
    "explain",
    "lines_of",
    "merged",
]


@dataclass(frozen=True)
class Line:
    """One tensor of a group of like layers."""

    name: str
    shape: tuple[int, ...]
    """Its dimensions as numbers."""
    weights: int
    """Weights of one such tensor; 0 where they are shared with another."""
    macs_per_step: int
    """Multiply-accumulates of one such tensor, in every direction that it serves."""
    shared: bool = False
    """Whether the weights are another tensor's."""


@dataclass(frozen=True)
class Section:
    """Like layers, or one of the things around them, with their tensors."""

    title: str
    times: int
    """How often each line stands in the network (layers x directions)."""
    lines: tuple[Line, ...]
    block: str = ""
    """The block of a whole model that it belongs to, as a path."""

    @property
    def weights(self) -> int:
        """Weights of all of its lines, as often as they stand."""
        return self.times * sum(line.weights for line in self.lines)


@dataclass(frozen=True)
class BlockLine:
    """One block of a model, over all repetitions of the groups around it."""

    name: str
    """Its path, `encoder` or `group.conv`."""
    type: str
    weights: int
    share: float
    """Of all weights of the model."""
    formula: str
    """Of its weights; empty where it has none."""
    width: int
    """What it hands up; of several repetitions the last one."""
    height: int
    """Of what it hands up: the width is so many times its channels."""
    steps: Mapping[str, Fraction]
    """How often it steps for each step of each clock."""
    macs: Mapping[str, Fraction]
    """Multiply-accumulates for each step of each clock, and of each pair of them."""
    frozen: bool = False
    shared: str = ""
    """The block whose weights it has."""

    def as_json(self) -> dict[str, Any]:
        """Return the block as `--json` shows it."""
        return {
            "name": self.name,
            "type": self.type,
            "weights": self.weights,
            "share": self.share,
            "formula": self.formula,
            "width": self.width,
            "height": self.height,
            "steps": {name: str(number) for name, number in self.steps.items()},
            "macs": {name: str(number) for name, number in self.macs.items()},
            "frozen": self.frozen,
            "shared": self.shared or None,
        }


@dataclass(frozen=True, repr=False)
class Breakdown(Shown):
    """A network's count, tensor by tensor."""

    count: Count
    sections: tuple[Section, ...]
    formula: str
    """In the fields' names; of a model of blocks with dots, `encoder.cells`."""
    blocks: tuple[BlockLine, ...] = ()
    """The blocks of a model, in order."""

    def _in_a_line(self) -> str:
        return self.count._in_a_line()

    def _as_text(self) -> str:
        from sizer.questions.explained import screen_of

        return screen_of(self)

    def _as_table(self) -> Table:
        header = ("section", "times", "tensor", "shape", "weights", "weights_in_all", "share")
        total = self.count.weights
        return header, [
            (
                section.title,
                section.times,
                line.name,
                " x ".join(map(str, line.shape)),
                line.weights,
                section.times * line.weights,
                _share(section.times * line.weights, total),
            )
            for section in self.sections
            for line in section.lines
        ]

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        header, rows = self._as_table()
        total = self.count.weights
        shown = [(*row[:-1], share_words(row[-2], total)) for row in rows]
        whole = ("weights", "", "", "", "", total, share_words(total, total))
        return self.count._heading(), (header, [*shown, whole]), (self.formula, self.count._sums())

    def noted(self, notes: Iterable[str]) -> Breakdown:
        """Return the same, with further notes about what was read otherwise than it was written."""
        return replace(self, count=self.count.noted(notes))

    def by_tensor(self) -> dict[str, int]:
        """Return the weights of each kind of tensor over the whole network."""
        found: Counter[str] = Counter()
        for section in self.sections:
            for line in section.lines:
                found[line.name] += section.times * line.weights
        return dict(found)

    def as_json(self) -> dict[str, Any]:
        """Return the breakdown as `--json` shows it."""
        return {
            "configuration": self.count.configuration,
            **self.count.columns(),
            "formula": self.formula,
            **({"blocks": [block.as_json() for block in self.blocks]} if self.blocks else {}),
            "notes": list(self.count.notes),
            "sections": [
                {
                    "title": section.title,
                    "times": section.times,
                    **({"block": section.block} if section.block else {}),
                    "weights": section.weights,
                    "share": _share(section.weights, self.count.weights),
                    "tensors": [
                        {
                            "name": line.name,
                            "shape": list(line.shape),
                            "weights": line.weights,
                            "weights_in_all": section.times * line.weights,
                            "share": _share(section.times * line.weights, self.count.weights),
                            "macs_per_step": line.macs_per_step,
                            "shared": line.shared,
                        }
                        for line in section.lines
                    ],
                }
                for section in self.sections
            ],
        }


def _share(part: int, whole: int) -> float:
    """Return a share of a whole, from 0 to 1; 0 of nothing."""
    return float(Fraction(part, whole)) if whole else 0.0


@checked
def explain(
    fields: Mapping[str, Any],
    cell_types: Mapping[str, Any] | None = None,
    block_types: Mapping[str, Any] | None = None,
) -> Breakdown:
    """Return one network tensor by tensor.

    Args:
        fields: as for `sizer.count`.
        cell_types: as for `sizer.count`.
        block_types: as for `sizer.count`.

    Raises:
        InputError: as `sizer.count` says.

    Example:
        >>> explain({"convention": "textbook", "cell_type": "rnn", "inputs": 2, "layers": 1, "cells": 3}).by_tensor()
        {'input_weights': 6, 'recurrent_weights': 9}
    """
    fields = with_one_cell_type(fields)
    if "blocks" in fields:
        from sizer.networks.blocks.declared import declare
        from sizer.questions.model_breakdown import explain_model

        return explain_model(declare(fields, cell_types, block_types))
    return break_down(read(fields, cell_types, in_words=True))


def break_down(network: Network) -> Breakdown:
    """Return a network tensor by tensor.

    Args:
        network: wired with symbols, of which its formula is written.
    """
    groups = merged([group for group in network.groups if group.times])
    sections = [Section(title, times, lines) for title, times, lines in groups if lines]
    return Breakdown(count_network(network), tuple(sections), formula(network))


def merged(groups: list[Group]) -> list[tuple[str, int, tuple[Line, ...]]]:
    """Return (title, times, lines), neighbouring layers that are alike as one."""
    runs: list[list[Any]] = []
    for (label, _), together in itertools.groupby(groups, lambda group: (group.label, group.first)):
        layer = list(together)
        lines = [lines_of(group) for group in layer]
        if runs and label == "layer" == runs[-1][0][0].label and lines == runs[-1][2]:
            runs[-1][1] += layer[0].repeats
        else:
            runs.append([layer, layer[0].repeats, lines])
    found: list[tuple[str, int, tuple[Line, ...]]] = []
    for layer, repeats, lines in runs:
        if layer[0].dimensions["bidirectional"]:
            found.extend(
                (_title(group, repeats), repeats * group.directions, own)
                for group, own in zip(layer, lines, strict=True)
            )
        else:  # then what stands once for a direction and what stands once for a layer are the same
            found.append((_title(layer[0], repeats), repeats, tuple(itertools.chain(*lines))))
    return found


_DIRECTIONS = {"each": "each direction", "shared": "shared by both directions", "joined": "on the joined directions"}


def _title(group: Group, repeats: int) -> str:
    if group.label != "layer":
        return group.label
    title = f"layer {group.first}" if repeats == 1 else f"layers {group.first}-{group.first + repeats - 1}, each"
    if not group.dimensions["bidirectional"]:
        return title
    directions = _DIRECTIONS[group.standing]
    return f"{title} direction" if repeats > 1 and group.standing == "each" else f"{title}, {directions}"


def lines_of(group: Group) -> tuple[Line, ...]:
    """Return a line for each tensor of a group that is there; buffers are no weights and have none."""
    found = []
    for tensor in group.tensors:
        size = int(tensor.size(group.dimensions))
        if size and not tensor.buffer:
            weights = int(tensor.weights(group.dimensions))
            shape = tuple(name if isinstance(name, int) else int(group.dimensions[name]) for name in tensor.shape)
            area = int(group.dimensions[tensor.area]) if tensor.area else 1
            macs = size * area * int(group.uses) if tensor.matrix else 0
            found.append(Line(tensor.name, shape, weights, macs, shared=weights != size))
    return tuple(found)
