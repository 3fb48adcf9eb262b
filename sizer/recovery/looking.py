"""The contents of a model file become what stands in it: recurrent stacks, blocks around them, and what is left."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sizer.answer import Shown, Table
from sizer.errors import InputError
from sizer.files.contents import Contents, StoredTensor
from sizer.layout import DOT, share_words, visible
from sizer.networks.counting import Count, count
from sizer.recovery.cells import Cells, read_cells
from sizer.recovery.graphs import cells_of_graphs
from sizer.recovery.kinds import Kinds, tell_apart
from sizer.recovery.models import FoundModel, model_of
from sizer.recovery.pieces import LAYOUTS, pieces_of
from sizer.recovery.stacks import Stack, stacks_of
from sizer.recovery.stated import around_stated, operators, stated_types
from sizer.recovery.surroundings import FoundBlock, surroundings
from sizer.recovery.unnamed import cells_in_order

_SHOWN = 20
"""Rows of a notebook's table; a frame has all."""


@dataclass(frozen=True, repr=False)
class Look(Shown):
    """What stands in one model file."""

    contents: Contents
    kinds: Kinds
    stacks: tuple[Stack, ...]
    """The recurrent ones, in the order of their tensors."""
    around: tuple[FoundBlock, ...]
    """The other blocks."""
    unexplained: tuple[StoredTensor, ...]
    """Weights that are in none of them."""
    model: FoundModel | None
    """All that was found as a model of blocks; None where nothing was, or too much."""
    counted: Count | None
    """Our count of it."""
    notes: tuple[str, ...]
    parts: tuple[Look, ...] = ()
    """Each file by itself, where there are several."""

    @property
    def weights(self) -> int:
        """Every weight of the file, tied ones once."""
        return _values(self.kinds.weights)

    @property
    def stored_values(self) -> int:
        """The weights, and the whole numbers and scales that stand among them: shapes and strides are no weights."""
        return self.weights + _values(self.kinds.whole)

    @property
    def recurrent_weights(self) -> int:
        """Those of recurrent stacks."""
        return sum(stack.weights for stack in self.stacks)

    @property
    def explained(self) -> int:
        """Those that the model counts."""
        return self.weights - sum(tensor.size for tensor in self.unexplained)

    def _in_a_line(self) -> str:
        place = f"{self.contents.place}: " if self.contents.place else ""
        networks = f"{len(self.stacks):,} recurrent network{'' if len(self.stacks) == 1 else 's'}"
        tensors = f"{len(self.contents.tensors):,} tensor{'' if len(self.contents.tensors) == 1 else 's'}"
        return f"{visible(place)}{self.weights:,} weights{DOT}{tensors}{DOT}{networks}"

    def _as_text(self) -> str:
        from sizer.recovery.looked import look_screen

        return look_screen(self, self.contents.place)

    def _as_table(self) -> Table:
        from sizer.recovery.looked import network_words

        total = self.weights
        rows = [(stack.name, network_words(stack.fields), stack.weights) for stack in self.stacks]
        rows += [(block.name, block.type, block.weights) for block in self.around]
        rows += [(one.name, "not explained", one.size) for one in self.unexplained]
        return ("name", "what", "weights", "share"), [(*row, row[2] / total if total else 0.0) for row in rows]

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        header, rows = self._as_table()
        total = self.weights
        shown: list[tuple[Any, ...]] = [(*row[:3], share_words(row[2], total)) for row in rows[:_SHOWN]]
        rest = sum(row[2] for row in rows[_SHOWN:])
        if len(rows) > _SHOWN:
            shown.append((f"and {len(rows) - _SHOWN:,} more", "", rest, share_words(rest, total)))
        shown.append(("weights", "", total, share_words(total, total)))
        return self._in_a_line(), (header, shown), [visible(note) for note in (*self.contents.notes, *self.notes)]

    def as_json(self) -> dict[str, Any]:
        """Return what was found as `--json` shows it."""
        return {
            "place": self.contents.place,
            "format": self.contents.format,
            "producer": self.contents.producer,
            "tensors": len(self.contents.tensors),
            "weights": self.weights,
            "recurrent_weights": self.recurrent_weights,
            "explained_weights": self.explained,
            "trained_weights": self.weights - _values(self.kinds.fixed),
            "stored_values": self.stored_values,
            "buffer_values": _values(self.kinds.buffers),
            "whole_number_values": _values(self.kinds.whole),
            "constant_values": _values(self.kinds.constants),
            "optimizer_values": _values(self.kinds.optimizer),
            "tied": [[one.name, other.name] for one, other in self.kinds.tied],
            "networks": [stack.as_json() for stack in self.stacks],
            "blocks": [block.as_json() for block in self.around],
            "unexplained": [
                {"name": one.name, "shape": list(one.shape), "dtype": one.dtype, "weights": one.size}
                for one in self.unexplained
            ],
            "model": None if self.model is None else dict(self.model.declared),
            "cell_types": None if self.model is None else dict(self.model.cell_types),
            "notes": [*self.contents.notes, *self.notes],
            "files": [part.as_json() for part in self.parts],
        }


def _values(tensors: Sequence[StoredTensor]) -> int:
    return sum(tensor.size for tensor in tensors)


def look_into(contents: Contents) -> Look:
    """Return what stands in a file, from its names and shapes and what its format says."""
    kinds = tell_apart(contents)
    notes: list[str] = []
    # What holds nothing is no part of anything.
    weights = [tensor for tensor in kinds.weights if tensor.size]
    stacks = recurrent_stacks(contents, weights)
    taken = {id(tensor) for stack in stacks for tensor in stack.tensors}
    left = [tensor for tensor in weights if id(tensor) not in taken]
    around = surroundings(left, kinds.buffers, around_stated(contents, left))
    taken |= {id(tensor) for block in around for tensor in block.tensors}
    around = [*around, *_tied(kinds, around, left, taken)]
    taken |= {id(tensor) for block in around for tensor in block.tensors}
    order = {tensor.name: place for place, tensor in enumerate(contents.tensors)}
    model = model_of(stacks, around, order)
    counted: Count | None = None
    unexplained = tuple(tensor for tensor in kinds.weights if id(tensor) not in taken)
    explained = sum(tensor.size for tensor in kinds.weights) - sum(tensor.size for tensor in unexplained)
    if model is not None:
        try:
            counted = count(model.declared, model.cell_types or None)
        except InputError as problem:
            notes.append(f"no model of blocks: {problem.faults[0].message}")
        if counted is not None and counted.weights != explained:
            notes.append(f"no model of blocks: it would have {counted.weights:,}weights, not {explained:,}")
            counted = None
        if counted is None:
            model = None
    elif stacks or around:
        notes.append("no model of blocks: there would be too many of them")
    return Look(contents, kinds, tuple(stacks), tuple(around), unexplained, model, counted, tuple(notes))


def recurrent_stacks(contents: Contents, weights: Sequence[StoredTensor]) -> list[Stack]:
    """Return the recurrent stacks that tensors make: those that the format states, then those that names tell.

    Args:
        contents: what the format says.
        weights: the tensors of it that are weights.
    """
    found: list[list[Cells]] = list(operators(contents, weights))
    taken = {id(piece.tensor) for readings in found for piece in readings[0].pieces}
    left = [tensor for tensor in weights if id(tensor) not in taken]
    spelt_out = list(cells_of_graphs(contents, left))
    taken = {id(piece.tensor) for readings in spelt_out for piece in readings[0].pieces}
    found.extend(spelt_out)
    left = [tensor for tensor in left if id(tensor) not in taken]
    stated = stated_types(contents)
    for layout in LAYOUTS:
        here: set[int] = set()
        for place, pieces in pieces_of(layout, left, contents.format).items():
            readings = read_cells(place, layout, pieces, stated.get(place.at))
            if readings:
                found.append(readings)
                here.update(id(piece.tensor) for piece in pieces)
        if here:
            left = [tensor for tensor in left if id(tensor) not in here]
    found.extend(cells_in_order(left))
    order = {id(tensor): number for number, tensor in enumerate(weights)}
    found.sort(key=lambda readings: min(order[id(piece.tensor)] for piece in readings[0].pieces))
    # Of Keras' formats, those with a configuration state the layers in the order in which they stand on each other.
    in_order = (
        contents.layers if contents.format.startswith("keras") and any(one.kind for one in contents.layers) else ()
    )
    return stacks_of(found, weights, in_order)


def _tied(
    kinds: Kinds, around: Sequence[FoundBlock], left: Sequence[StoredTensor], taken: set[int]
) -> list[FoundBlock]:
    """Return the dense layers whose matrix is an embedding's, each with its bias where it has one."""
    from sizer.recovery.pieces import dotted

    embeddings: Mapping[int, FoundBlock] = {
        id(tensor): block for block in around if block.type == "embedding" for tensor in block.tensors
    }
    free = {dotted(tensor.name): tensor for tensor in left if id(tensor) not in taken}
    found = []
    for copy, original in kinds.tied:
        block = embeddings.get(id(original))
        if block is None or copy.shape != original.shape:
            continue
        path = dotted(copy.name).rpartition(".")[0]
        bias = next((free[name] for name in (f"{path}.bias", f"{path}.b") if name in free), None)
        if bias is not None and bias.size != copy.shape[0]:
            bias = None
        vocabulary, width = block.fields["vocabulary"], block.fields["embedding"]
        settings = {"width": vocabulary, "bias": bias is not None, "tied": block.name}
        tensors = () if bias is None else (bias,)
        weights = sum(tensor.size for tensor in tensors)
        found.append(FoundBlock(path, "dense", settings, weights, tensors, "names", width, False, vocabulary))
    return found


def look(model: Any) -> Look:
    """Return what is in a model: recurrent stacks, the blocks around them, and the tensors that nothing explains.

    Args:
        model: the path of a file or a folder, a URL, or a model in memory: a `torch.nn.Module`, a Keras model, a
            `state_dict`, or nested mappings of arrays.

    Raises:
        InputError: it is not a model that Sizer can read.

    Example:
        >>> class Shaped:
        ...     def __init__(self, *shape):
        ...         self.shape = shape
        >>> state = {"rnn.weight_ih_l0": Shaped(4096, 80), "rnn.weight_hh_l0": Shaped(4096, 1024)}
        >>> dict(look(state).stacks[0].fields)
        {'convention': 'pytorch', 'cell_type': 'lstm', 'inputs': 80, 'layers': 1, 'cells': 1024, 'bias_vectors': 0}
    """
    if isinstance(model, (str, os.PathLike)):
        from sizer.files.reading import read_contents

        found = [look_into(contents) for contents in read_contents(os.fspath(model))]
        return found[0] if len(found) == 1 else joined(found)
    from sizer.recovery.live import contents_of

    return look_into(contents_of(model))


def joined(parts: Sequence[Look]) -> Look:
    """Return what stands in several files of one folder or archive, each by itself and all together."""
    kinds = Kinds(
        **{one.name: tuple(held for part in parts for held in getattr(part.kinds, one.name)) for one in fields(Kinds)}
    )
    forms = " and ".join(dict.fromkeys(part.contents.format for part in parts))
    contents = Contents(forms, tuple(one for part in parts for one in part.contents.tensors))
    return Look(
        contents,
        kinds,
        tuple(stack for part in parts for stack in part.stacks),
        tuple(block for part in parts for block in part.around),
        tuple(tensor for part in parts for tensor in part.unexplained),
        None,
        None,
        ("no model of blocks: these are several files, each with its own model",),
        tuple(parts),
    )
