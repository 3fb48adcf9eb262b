"""One network, tensor by tensor: what `sizer explain` shows and what a comparison is made of."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sizer.networks.cells import CellType
from sizer.networks.conventions import CONVENTIONS, cell_of
from sizer.networks.counting import Count, count_network, read
from sizer.networks.formula import formula
from sizer.networks.network import Group, Network
from sizer.networks.tensors import Tensor


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


@dataclass(frozen=True)
class Breakdown:
    """A network's count, tensor by tensor."""

    count: Count
    sections: tuple[Section, ...]
    formula: str
    """In the fields' names; of a model of blocks with dots, `encoder.cells`."""
    blocks: tuple[BlockLine, ...] = ()
    """The blocks of a model, in order."""

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


def explain(
    fields: Mapping[str, Any],
    cell_types: Mapping[str, Any] | None = None,
    block_types: Mapping[str, Any] | None = None,
) -> Breakdown:
    """Return one network tensor by tensor.

    Args:
        fields: as `sizer.count` takes them.
        cell_types: as `sizer.count` takes them.
        block_types: as `sizer.count` takes them.

    Raises:
        InputError: as `sizer.count` says.

    Example:
        >>> explain({"convention": "textbook", "cell_type": "rnn", "inputs": 2, "layers": 1, "cells": 3}).by_tensor()
        {'input_weights': 6, 'recurrent_weights': 9}
    """
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


def counted_assumptions(counted: Count) -> str:
    """Return what a convention makes of a network that was counted, in words."""
    if counted.network is not None:
        return assumptions(counted.network.resolved, counted.network.cell)
    return assumptions(counted.configuration, cell_of(counted.configuration))


def assumptions(resolved: Mapping[str, Any], cell: CellType, unsaid: Collection[str] = ()) -> str:
    """Return what a convention makes of a network, in the words that every screen starts with.

    Args:
        resolved: every field, and `candidate_bias`, as `Network.resolved` holds them.
        cell: the table of the cells.
        unsaid: fields that are not spoken of, because they vary.

    Example:
        >>> network = read({"convention": "sak2014", "cell_type": "lstm", "inputs": 2, "layers": 1, "cells": 3})
        >>> assumptions(network.resolved, network.cell)
        'no biases, peepholes'
    """
    said = [] if "bias_vectors" in unsaid else list(_biases(resolved, cell))
    if "peepholes" in cell.fields and "peepholes" not in unsaid:
        said.append("peepholes" if resolved["peepholes"] else "no peepholes")
    said.extend(
        name.replace("_", " ")
        for name in ("bidirectional", "summed_directions", "only_recurrent_up", "skip_connections", "tied_embedding")
        if resolved[name] and name not in unsaid
    )
    return ", ".join(said)


def _biases(configuration: Mapping[str, Any], cell: CellType) -> Iterator[str]:
    """Yield what a network has under `bias_weights`, in words; that it has nothing there where it has not."""
    there = [tensor for tensor in cell.tensors if tensor.part == "bias_weights" and _is_there(tensor, configuration)]
    vectors = configuration["bias_vectors"] if any("bias_vectors" in tensor.shape for tensor in cell.tensors) else 0
    per_gate = {0: "no bias in the cells", 1: "one bias vector per gate"}.get(
        vectors, f"{vectors} bias vectors per gate"
    )
    own = [tensor for tensor in there if "bias_vectors" not in tensor.shape and tensor.when not in _SAID_OTHERWISE]
    around = []
    if any(tensor.when == "projection_bias" for tensor in there):
        around.append("projection bias")
    if configuration["output_bias"] and configuration["outputs"]:
        around.append("output bias")
    if any(tensor.when == "candidate_bias" for tensor in there):
        yield f"{per_gate} and one on the candidate"
    elif vectors:
        yield per_gate
    elif not own:
        yield per_gate if around else "no biases"
    if own:
        yield f"vectors of its own ({', '.join(tensor.name.replace('_', ' ') for tensor in own)})"
    yield from around


_SAID_OTHERWISE = ("candidate_bias", "projection_bias")
"""The 0-or-1 dimensions whose vectors have words of their own."""


def _is_there(tensor: Tensor, configuration: Mapping[str, Any]) -> bool:
    """Return whether a network has a tensor, as far as its fields say so; a width that varies is taken to be there."""
    convention = CONVENTIONS[configuration["convention"]]
    dimensions = {
        "candidate_bias": convention.candidate_bias,
        **configuration,
        "vectors": not convention.matrices_only,
        "projected": [configuration["recurrent_projection"], configuration["nonrecurrent_projection"]],
    }
    names = (name for name in (*tensor.shape, tensor.when) if isinstance(name, str))
    return all(_is_positive(dimensions.get(name, True)) for name in names)


def _is_positive(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_is_positive, value))
    return value is None or int(value) > 0
