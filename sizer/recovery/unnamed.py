"""Cells among tensors that have running numbers for names: lists of arrays, in the order in which toolkits hand weights out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sizer.files.contents import StoredTensor
from sizer.recovery.cells import Cells, read_cells
from sizer.recovery.pieces import LONGEST_NAME, CellPlace, Layout, NamedTensor, Role, dotted

_NUMBERED = re.compile(r"(?:(?P<at>.*?)[._])?(?P<number>\d{1,6})")
_KERAS = Layout("Keras, in order", re.compile(""), {}, "in_out", "keras")
_PYTORCH = Layout("PyTorch, in order", re.compile(""), {}, "out_in", "pytorch")
_GATE_BY_GATE = Layout("Gate by gate, in order", re.compile(""), {}, "in_out", None)
_ONE_GATE: tuple[Role, ...] = ("input", "recurrent", "bias")
_TYPES = {3: "gru", 4: "lstm"}
"""Cells by their gates. One gate is left out: two dense layers look the same."""


@dataclass(frozen=True)
class _FoundRun:
    """Tensors one after another that are one layer of cells in one direction."""

    start: int
    pieces: tuple[NamedTensor, ...]
    layout: Layout
    kind: str
    inputs: int
    cells: int

    @property
    def end(self) -> int:
        return self.start + len(self.pieces)


def cells_in_order(weights: Sequence[StoredTensor]) -> Iterator[list[Cells]]:
    """Yield the readings of each direction of each layer that numbered tensors are, by their shapes and their order.

    Args:
        weights: tensors that no name explains.
    """
    groups: dict[str, list[tuple[int, StoredTensor]]] = {}
    for tensor in weights:
        match = _NUMBERED.fullmatch(dotted(tensor.name)) if len(tensor.name) <= LONGEST_NAME else None
        if match is not None:
            groups.setdefault(match["at"] or "", []).append((int(match["number"]), tensor))
    for at, numbered in groups.items():
        ordered = [tensor for _, tensor in sorted(numbered, key=lambda pair: pair[0])]
        runs = list(_runs(ordered))
        for run, place in zip(runs, _places(at or "arrays", runs), strict=True):
            found = read_cells(place, run.layout, run.pieces, run.kind)
            if found:
                yield [replace(one, by="shape") for one in found]


def _runs(ordered: Sequence[StoredTensor]) -> Iterator[_FoundRun]:
    start = 0
    while start < len(ordered):
        run = _joined_gates(ordered, start) or _gate_by_gate(ordered, start)
        if run is None:
            start += 1
        else:
            yield run
            start = run.end


def _joined_gates(ordered: Sequence[StoredTensor], start: int) -> _FoundRun | None:
    """Return a layer of two matrices, of all gates each, and what biases stand behind them."""
    if len(ordered) < start + 2:
        return None
    first, second = ordered[start : start + 2]
    if len(first.shape) != 2 or len(second.shape) != 2:
        return None
    for layout, made, read in ((_KERAS, 1, 0), (_PYTORCH, 0, 1)):
        cells, all_gates = second.shape[read], second.shape[made]
        if first.shape[made] != all_gates or not cells or all_gates % cells or all_gates // cells not in _TYPES:
            continue
        pieces = [NamedTensor(first, "input"), NamedTensor(second, "recurrent")]
        most = 1 if layout is _KERAS else 2
        for tensor in ordered[start + 2 : start + 2 + most]:
            if tensor.shape not in ((all_gates,), (2 * all_gates,), (2, all_gates)):
                break
            pieces.append(NamedTensor(tensor, "bias"))
        return _FoundRun(start, tuple(pieces), layout, _TYPES[all_gates // cells], first.shape[read], cells)
    return None


def _gate_by_gate(ordered: Sequence[StoredTensor], start: int) -> _FoundRun | None:
    """Return a layer of a matrix on the input, one on the state and a bias for each gate, and peepholes behind them."""
    if len(ordered) < start + 3 or [len(one.shape) for one in ordered[start : start + 3]] != [2, 2, 1]:
        return None
    shapes = [one.shape for one in ordered[start : start + 3]]
    (inputs, cells), gates = shapes[0], 0
    if shapes[1:] != [(cells, cells), (cells,)]:
        return None
    while [one.shape for one in ordered[start + 3 * gates : start + 3 * gates + 3]] == shapes:
        gates += 1
    if gates not in _TYPES:
        return None
    pieces = [
        NamedTensor(ordered[start + 3 * gate + place], role)
        for gate in range(gates)
        for place, role in enumerate(_ONE_GATE)
    ]
    end = start + 3 * gates
    if gates == 4 and [one.shape for one in ordered[end : end + 3]] == 3 * [(cells,)]:
        pieces += [NamedTensor(one, "peepholes") for one in ordered[end : end + 3]]
    return _FoundRun(start, tuple(pieces), _GATE_BY_GATE, _TYPES[gates], inputs, cells)


def _places(at: str, runs: Sequence[_FoundRun]) -> list[CellPlace]:
    """Return where each run stands: one behind another is the next layer, or the other direction where it must be.

    It must be where it reads what the first one reads, and cannot read the first one; or where the next one reads both.
    """
    places: list[CellPlace] = []
    layer, number = -1, 0
    while number < len(runs):
        run = runs[number]
        # What stands between two keeps them apart.
        layer += 1 if not places or runs[number - 1].end == run.start else 2
        places.append(CellPlace(at, layer, False))
        following = runs[number + 1 : number + 3]
        if following and following[0].start == run.end and _alike(run, following[0]):
            behind = following[1].inputs if len(following) > 1 else 0
            if run.inputs != run.cells or behind == 2 * run.cells:
                places.append(CellPlace(at, layer, True))
                number += 1
        number += 1
    return places


def _alike(one: _FoundRun, other: _FoundRun) -> bool:
    return (one.kind, one.inputs, one.cells, one.layout) == (other.kind, other.inputs, other.cells, other.layout)
