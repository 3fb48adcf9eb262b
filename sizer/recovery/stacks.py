"""Layers of cells become stacks: directions joined, layers one above the other, where names and widths both say so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sizer.errors import InputError
from sizer.files.contents import StatedLayer, StoredTensor
from sizer.networks.counting import count
from sizer.recovery.cells import Cells, convention_of
from sizer.recovery.pieces import LONGEST_NAME, dotted

_BACK = re.compile(
    r"(?<![a-z])(backward|bwd|bw|back|reverse|reversed|rev|r2l)(?![a-z])|(?<=[a-z])(_backward|_bwd|_bw|_reverse|_rev)(?![a-z])",
    re.I,
)
_FORTH = re.compile(
    r"(?<![a-z])(forward|fwd|fw|forth|l2r)(?![a-z])|(?<=[a-z])(_forward|_fwd|_fw)(?![a-z])",
    re.I,
)
_CELL_OF_KERAS = re.compile(r"\.(lstm|gru|simple_rnn)_cell(_\d+)*$")
"""The cell within a layer, which Keras counts by themselves."""
_NUMBER = re.compile(r"(?<!\d)\d{1,9}(?!\d)")
"""One that may number a layer; Python reads no number of thousands of digits."""


@dataclass(frozen=True)
class Stack:
    """Recurrent layers of one kind, one above the other."""

    name: str
    """Where it stands in the file."""
    fields: Mapping[str, Any]
    """In the words of `sizer.count`; what the convention decides is left out."""
    weights: int
    """Of its tensors; what `sizer.count` says of the fields."""
    tensors: tuple[StoredTensor, ...]
    by: str
    """How its cells were found: `stated` by the format, `names`, or `shape` only."""
    layout: str
    """Whose names they are."""
    rules_by: str
    """How its convention was found: as `by`, or `shape` where no toolkit's names are these: then it is the first one
    whose biases and peepholes are those that are there."""
    readings: tuple[Mapping[str, Any], ...] = ()
    """What else the same tensors may be."""
    directions: int = 1
    handed_up: int = 0
    """What the last layer hands up, all directions together."""
    by_role: Mapping[str, int] = field(default_factory=dict)
    """Weights of its tensors by what their names say that they are: `input`, `recurrent`, `joined`, `bias` ..."""
    cell_types: Mapping[str, Any] = field(default_factory=dict)
    """The table of a cell of its own, as a sweep file has it."""

    def as_json(self) -> dict[str, Any]:
        """Return the stack as `--json` shows it."""
        return {
            "name": self.name,
            "fields": dict(self.fields),
            "weights": self.weights,
            "by": self.by,
            "rules_by": self.rules_by,
            "names": self.layout,
            "tensors": [tensor.name for tensor in self.tensors],
            "readings": [dict(reading) for reading in self.readings],
            "cell_types": dict(self.cell_types),
        }


@dataclass(frozen=True)
class _StackedLayer:
    """One layer, of one direction or of two."""

    key: str
    """What layers of one stack share."""
    number: int | None
    name: str
    directions: tuple[Cells, ...]
    others: tuple[Cells, ...]
    """Further readings of the forward direction."""
    own: bool = False
    """Whether its number is its module's own, or the graph's."""

    @property
    def inputs(self) -> int:
        return self.directions[0].inputs

    @property
    def handed_up(self) -> int:
        return sum(one.handed_up for one in self.directions)


def stacks_of(
    readings: Sequence[Sequence[Cells]], weights: Iterable[StoredTensor], stated: Sequence[StatedLayer] = ()
) -> list[Stack]:
    """Return the stacks that layers and directions make.

    Args:
        readings: one layer and direction each; the first of its readings is taken, the others are said.
        weights: every tensor of the file that is a weight, in its order.
        stated: the layers that the format states, where it states them in order.
    """
    between = _MatricesBeside(weights, stated)
    layers = _layers(readings)
    stacks: list[Stack] = []
    rising: list[_StackedLayer] = []
    for layer in layers:
        if rising and not _follows(rising, layer, between):
            stacks.extend(_stacks(rising))
            rising = []
        rising.append(layer)
    if rising:
        stacks.extend(_stacks(rising))
    return stacks


def _layers(readings: Sequence[Sequence[Cells]]) -> list[_StackedLayer]:
    """Return layers in order, each with both of its directions where it has two of the same kind."""
    forth: dict[tuple[str, int | None], list[Sequence[Cells]]] = {}
    for found in readings:
        key = _neutral(found[0].place.at), found[0].place.layer
        forth.setdefault(key, []).append(found)
    numbers: dict[str, set[int | None]] = {}
    for neutral, number in forth:
        numbers.setdefault(neutral, set()).add(number)
    layers: list[_StackedLayer] = []
    for (neutral, number), here in forth.items():
        pair = sorted(here, key=lambda one: _is_back(one[0]))
        same = (
            len(pair) == 2
            and _is_back(pair[1][0])
            and not _is_back(pair[0][0])
            and (pair[0][0].inputs, pair[0][0].cells, pair[0][0].alike, pair[0][0].handed_up)
            == (pair[1][0].inputs, pair[1][0].cells, pair[1][0].alike, pair[1][0].handed_up)
        )
        # A module of one layer may be one of several that are numbered; a graph says itself what stands on what.
        own = number is not None and (numbers[neutral] != {0} or here[0][0].layout.name == "ONNX")
        groups = [pair] if same else [[one] for one in here]
        for group in groups:
            at = neutral if same else group[0][0].place.at
            layers.append(
                _StackedLayer(
                    at, number, group[0][0].place.at, tuple(one[0] for one in group), tuple(group[0][1:]), own
                )
            )
    numbered = _apart([_with_number(layer) for layer in layers])
    first: dict[str, int] = {}
    for place, layer in enumerate(numbered):
        first.setdefault(layer.key, place)
    return sorted(numbered, key=lambda layer: (first[layer.key], layer.number if layer.number is not None else -1))


def _apart(layers: Sequence[_StackedLayer]) -> list[_StackedLayer]:
    """Return layers with directions as stacks of their own where each direction's layers read that direction alone.

    So where names number layers within a direction, `fw.cell_0` and `fw.cell_1`, and the second is as wide as one direction.
    """
    known = {(layer.key, layer.number): layer for layer in layers}
    apart = set()
    for layer in layers:
        below = known.get((layer.key, (layer.number or 0) - 1))
        if below is None or len(layer.directions) < 2 or len(below.directions) < 2:
            continue
        said = _FORTH.search(layer.directions[0].place.at)
        numbers = list(_NUMBER.finditer(layer.directions[0].place.at))
        within = (
            said is not None and bool(numbers) and "." in layer.directions[0].place.at[said.end() : numbers[-1].start()]
        )
        if within and layer.inputs == below.directions[0].handed_up != below.handed_up:
            apart.add(layer.key)
    found: list[_StackedLayer] = []
    for layer in layers:
        if layer.key not in apart or len(layer.directions) < 2:
            found.append(layer)
            continue
        for one in layer.directions:
            key = f"{layer.key} {'back' if _is_back(one) else 'forth'}"
            found.append(_StackedLayer(key, layer.number, one.place.at, (one,), layer.others, layer.own))
    return found


def _is_back(one: Cells) -> bool:
    return one.place.back or bool(_BACK.search(one.place.at))


def _neutral(at: str) -> str:
    """Return where a cell stands without the words that say its direction."""
    at = _CELL_OF_KERAS.sub("", at)
    return re.sub(r"[._]+", ".", _FORTH.sub("", _BACK.sub("", at))).strip("._")


def _with_number(layer: _StackedLayer) -> _StackedLayer:
    """Return a layer that a module does not number itself with the last number of its name as one; 0 where it has none."""
    if layer.own:
        return layer
    numbers = list(_NUMBER.finditer(layer.key))
    if not numbers:
        return _StackedLayer(layer.key, 0, layer.name, layer.directions, layer.others)
    last = numbers[-1].group()
    parts = layer.key.split(".")
    numbered = [place for place, part in enumerate(parts) if re.search(rf"_{last}$", part)]
    if len(numbered) == 2 and numbered[1] == numbered[0] + 1:
        # A name that says its number twice (`rnn_1/rnn_1`) says one number.
        stem = ".".join(part.removesuffix(f"_{last}") if at in numbered else part for at, part in enumerate(parts))
    else:
        start, end = numbers[-1].span()
        stem = layer.key[:start].rstrip("._") + "#" * (end < len(layer.key)) + layer.key[end:]
    return _StackedLayer(stem, int(last), layer.name, layer.directions, layer.others)


class _MatricesBeside:
    """What else stands where layers stand."""

    def __init__(self, weights: Iterable[StoredTensor], stated: Sequence[StatedLayer]) -> None:
        held = list(weights)
        names = {tensor.name for tensor in held}
        # One layer after another, of those that have weights.
        self.turn: dict[str, int] = {}
        for number, layer in enumerate(one for one in stated if names & {*one.tensors}):
            for name in layer.tensors:
                self.turn.setdefault(name, number)
        self._under: Counter[str] = Counter()
        self._beside: Counter[tuple[str, str]] = Counter()
        short = (tensor for tensor in held if len(tensor.name) <= LONGEST_NAME)
        for name in (dotted(tensor.name) for tensor in short if len(tensor.shape) > 1):
            self._under.update(_heads(name))
            self._beside.update(_neighbours(name))

    def any_between(self, below: _StackedLayer, layer: _StackedLayer) -> bool:
        """Return whether the format states a layer with weights between two."""
        turns = [
            [
                self.turn[piece.tensor.name]
                for one in each.directions
                for piece in one.pieces
                if piece.tensor.name in self.turn
            ]
            for each in (below, layer)
        ]
        return bool(turns[0] and turns[1]) and min(turns[1]) > max(turns[0]) + 1

    def any_at(self, layer: _StackedLayer) -> bool:
        """Return whether a matrix that is not the layer's own stands under its number, or beside it with its number."""
        numbers = list(_NUMBER.finditer(layer.name))
        if not numbers or layer.own:
            return False
        last = numbers[-1]
        own = {
            dotted(piece.tensor.name) for one in layer.directions for piece in one.pieces if len(piece.tensor.shape) > 1
        }
        head = layer.name[: last.end()]
        if self._under[head] > sum(head in _heads(name) for name in own):
            return True
        # `birnn0` and `bt0`: another name with the same number beside it.
        for key in _neighbours(layer.name[: last.end()]):
            if key[1] == last.group() and self._beside[key] > sum(key in _neighbours(name) for name in own):
                return True
        return False


def _heads(name: str) -> set[str]:
    """Return what a name begins with, up to each number in it."""
    return {name[: match.end()] for match in _NUMBER.finditer(name)}


def _neighbours(name: str) -> set[tuple[str, str]]:
    """Return (what stands in front, number) of each part of a name that is a word with a number."""
    found = set()
    for match in _NUMBER.finditer(name):
        before = name[: match.start()]
        scope = before[: before.rfind(".") + 1]
        if scope and scope != before:
            found.add((scope, match.group()))
    return found


def _follows(rising: Sequence[_StackedLayer], layer: _StackedLayer, between: _MatricesBeside) -> bool:
    """Return whether a layer is the next one of a stack."""
    below = rising[-1]
    if layer.key != below.key or below.number is None or layer.number is None:
        return False
    if layer.number != below.number + 1 or len(layer.directions) != len(below.directions):
        return False
    if layer.directions[0].alike != below.directions[0].alike:
        return False
    own = rising[0].own
    if own != layer.own:
        return False
    if not own and (between.any_at(below) or between.any_at(layer) or between.any_between(below, layer)):
        return False
    return layer.inputs == below.handed_up or (own and layer.inputs == below.handed_up + rising[0].inputs)


def _stacks(layers: Sequence[_StackedLayer]) -> list[Stack]:
    """Return the stack that layers make; each by itself where no fields count to them together."""
    whole = _stack(layers)
    if whole is not None:
        return [whole]
    return [one for layer in layers if (one := _stack([layer])) is not None]


def _stack(layers: Sequence[_StackedLayer]) -> Stack | None:
    first = layers[0].directions[0]
    found = convention_of(first)
    if found is None:
        return None
    weights = sum(one.weights for layer in layers for one in layer.directions)
    own = {first.cell_type: first.definition} if first.definition is not None else {}
    fields = _fields(layers, *found)
    if not _counts_to(fields, own, weights):
        fields["skip_connections"] = True
        if len(layers) < 2 or not _counts_to(fields, own, weights):
            return None
    held = {id(piece.tensor): piece.tensor for layer in layers for one in layer.directions for piece in one.pieces}
    tensors = tuple(held.values())
    readings = []
    for which in range(min(len(layer.others) for layer in layers)):
        others = [
            _StackedLayer(layer.key, layer.number, layer.name, (layer.others[which],) * len(layer.directions), ())
            for layer in layers
        ]
        convention = convention_of(others[0].directions[0])
        reading = _fields(others, *convention) if convention is not None else None
        if reading is not None and _counts_to(reading, {}, weights):
            readings.append(reading)
    return Stack(
        name=_name(layers),
        fields=fields,
        weights=weights,
        tensors=tensors,
        by=first.by,
        layout=first.layout.name,
        rules_by=first.by if first.layout.convention == found[0] else "shape",
        readings=tuple(readings),
        directions=len(layers[0].directions),
        handed_up=layers[-1].handed_up,
        by_role=_by_role(layers),
        cell_types=own,
    )


def _by_role(layers: Sequence[_StackedLayer]) -> dict[str, int]:
    found: dict[str, int] = {}
    for layer in layers:
        for one in layer.directions:
            for piece in one.pieces:
                found[piece.role] = found.get(piece.role, 0) + piece.size
    return found


def _name(layers: Sequence[_StackedLayer]) -> str:
    return layers[0].name or layers[0].directions[0].cell_type


def _fields(layers: Sequence[_StackedLayer], convention: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    below = layers[0].directions[0]
    ones = [layer.directions[0] for layer in layers]
    fields: dict[str, Any] = {
        "convention": convention,
        "cell_type": below.cell_type,
        "inputs": below.inputs,
        "layers": len(layers),
        "cells": _one_or_list([one.cells for one in ones]),
    }
    for name in ("recurrent_projection", "nonrecurrent_projection"):
        value = _one_or_list([getattr(one, name) for one in ones])
        if value:
            fields[name] = value
    if len(layers[0].directions) == 2 or below.both:
        fields["bidirectional"] = True
    return {**fields, **overrides}


def _one_or_list(values: list[int]) -> Any:
    return values[0] if len(set(values)) == 1 else values


def _counts_to(fields: Mapping[str, Any], own: Mapping[str, Any], weights: int) -> bool:
    try:
        return count(fields, own or None).weights == weights
    except InputError:
        return False
