"""A model of blocks against a model file: block by block, in their widths and in what each of their tensors counts.

A file has its own names, and toolkits keep in several tensors what we count as one, or in one what we count as several (the
gates of a cell, its two bias vectors, input and recurrent weights side by side). So of a recurrent block the sums of each kind
of tensor are compared, and of the others every tensor's size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sizer.networks.blocks.wiring import Graph
from sizer.networks.tensors import product
from sizer.recovery.looking import Look
from sizer.recovery.stacks import Stack
from sizer.recovery.surroundings import FoundBlock


@dataclass(frozen=True)
class PairedBlock:
    """One block on both sides."""

    ours: str | None
    """Its name in the model; None where only the file has it."""
    theirs: str | None
    """Where it stands in the file; None where only the model has it."""
    type: str
    our_weights: int
    their_weights: int
    tensors: tuple[tuple[str, tuple[int, ...]], ...]
    """The file's tensors of it: names and shapes."""

    parts: tuple[tuple[str, int, int], ...] = ()
    """What, ours, theirs: of each kind of tensor of a recurrent block, or of each tensor of another, in order of size."""
    fields: tuple[tuple[str, Any, Any], ...] = ()
    """The fields in which they differ: name, ours, theirs."""

    @property
    def equal(self) -> bool:
        """Whether both have it, with the same widths, and as many weights in each tensor."""
        both = self.ours is not None and self.theirs is not None
        return (
            both
            and self.our_weights == self.their_weights
            and not self.fields
            and all(ours == theirs for _, ours, theirs in self.parts)
        )

    def as_json(self) -> dict[str, Any]:
        """Return the pair as `--json` shows it."""
        return {
            "block": self.ours,
            "file": self.theirs,
            "type": self.type,
            "weights": {"sizer": self.our_weights, "file": self.their_weights},
            "tensors": [{"name": name, "shape": list(shape)} for name, shape in self.tensors],
            "parts": [{"part": name, "sizer": ours, "file": theirs} for name, ours, theirs in self.parts],
            "fields": [{"field": name, "sizer": ours, "file": theirs} for name, ours, theirs in self.fields],
            "equal": self.equal,
        }


@dataclass(frozen=True)
class FileComparison:
    """A model and a file, side by side."""

    blocks: tuple[PairedBlock, ...]
    our_weights: int
    their_weights: int
    unexplained: tuple[tuple[str, tuple[int, ...]], ...]
    """Tensors of the file that are in no block that was found in it."""

    @property
    def equal(self) -> bool:
        """Whether every block and the total are the same."""
        return self.our_weights == self.their_weights and all(pair.equal for pair in self.blocks)

    def as_json(self) -> dict[str, Any]:
        """Return both sides as `--json` shows them."""
        return {
            "equal": self.equal,
            "weights": {"sizer": self.our_weights, "file": self.their_weights},
            "blocks": [pair.as_json() for pair in self.blocks],
            "unexplained": [{"name": name, "shape": list(shape)} for name, shape in self.unexplained],
        }


def compare_with_file(graph: Graph, our_weights: int, found: Look) -> FileComparison:
    """Return a model beside what was found in a file.

    Blocks are paired that are of one type and count to the same, in order; then those of one type that do not; what is
    left stands alone.

    Args:
        graph: the model, wired.
        our_weights: our count of it, `other_weights` included.
        found: what stands in the file.
    """
    ours = [one for one in _our_blocks(graph) if one.weights]
    theirs: list[Stack | FoundBlock] = [*found.stacks, *found.around]
    paired: dict[int, int] = {}
    left = dict.fromkeys(range(len(theirs)))
    # First those that are the same, then those that count to the same, then those of one type, each in order.
    for same in (_same, _as_large, _of_type):
        for place, one in enumerate(ours):
            if place in paired:
                continue
            free = (at for at in left if same(one, theirs[at]))
            at = next(free, None)
            if at is not None:
                paired[place] = at
                del left[at]
    pairs = [_pair(one, theirs[paired[place]] if place in paired else None) for place, one in enumerate(ours)]
    alone = [_pair(None, other) for at, other in enumerate(theirs) if at in left and other.weights]
    return FileComparison(
        tuple(pairs + alone),
        our_weights,
        found.weights,
        tuple((tensor.name, tensor.shape) for tensor in found.unexplained),
    )


@dataclass(frozen=True)
class _Ours:
    """One block of the model: all repetitions of one in a group stand by themselves."""

    name: str
    type: str
    fields: Mapping[str, Any]
    weights: int
    parts: Mapping[str, int]
    """Weights by part of the count."""
    sizes: tuple[int, ...]
    """Of its tensors, the largest first."""


def _our_blocks(graph: Graph) -> Iterator[_Ours]:
    for one in graph.blocks:
        parts: dict[str, int] = {}
        sizes: list[int] = []
        for group in one.groups:
            for tensor in group.tensors:
                own = 0 if tensor.buffer or not group.counted else tensor.weights(group.dimensions)
                if own:
                    parts[tensor.part] = parts.get(tensor.part, 0) + product([group.times, own])
                    sizes.extend([own] * group.times)
        weights = sum(parts.values())
        yield _Ours(
            one.block.path, one.block.type.name, one.block.fields, weights, parts, tuple(sorted(sizes, reverse=True))
        )


def _of_type(ours: _Ours, theirs: Stack | FoundBlock) -> bool:
    return ours.type == ("recurrent" if isinstance(theirs, Stack) else theirs.type)


def _as_large(ours: _Ours, theirs: Stack | FoundBlock) -> bool:
    return _of_type(ours, theirs) and ours.weights == theirs.weights


def _same(ours: _Ours, theirs: Stack | FoundBlock) -> bool:
    return _as_large(ours, theirs) and not _different_fields(ours, theirs)


_COMPARED = {
    "recurrent": (
        *("cell_type", "layers", "cells", "recurrent_projection", "nonrecurrent_projection"),
        *("bidirectional", "skip_connections"),
    ),
    "dense": ("width",),
    "convolution": ("channels", "kernel"),
    "embedding": ("vocabulary", "embedding"),
    "transformer": ("width", "feed_forward", "layers"),
}
"""The fields that are compared, by block type."""


def _different_fields(ours: _Ours, theirs: Stack | FoundBlock) -> list[tuple[str, Any, Any]]:
    found = []
    for name in _COMPARED.get(ours.type, ()):
        mine, other = _plain(ours.fields.get(name)), _plain(theirs.fields.get(name))
        if (mine or 0) != (other or 0):
            found.append((name, mine, other))
    return found


def _plain(value: Any) -> Any:
    """Return a field's value, one number where all layers have the same."""
    if isinstance(value, (list, tuple)):
        return value[0] if len(set(value)) == 1 and value else list(value)
    return value


_ROLES = {
    "input_weights": ("input",),
    "recurrent_weights": ("recurrent",),
    "projection_weights": ("projection",),
    "peephole_weights": ("peepholes",),
    "bias_weights": ("bias", "projection_bias", "norm", "cell_norm"),
}
"""What the tensors of a file are called that make up a part of the count."""


def _parts(ours: _Ours, theirs: Stack | FoundBlock) -> list[tuple[str, int, int]]:
    if not isinstance(theirs, Stack):
        if ours.type == "transformer":
            return []
        sizes = sorted((tensor.size for tensor in theirs.tensors), reverse=True)
        return [
            (f"tensor {place}", mine, other)
            for place, (mine, other) in enumerate(zip_longest(ours.sizes, sizes, fillvalue=0), start=1)
        ]
    if "other" in theirs.by_role:
        # Of a cell of its own, names do not say to which part of the count a tensor belongs.
        return []
    joined = theirs.by_role.get("joined", 0)
    found = []
    for part, roles in _ROLES.items():
        mine, other = ours.parts.get(part, 0), sum(theirs.by_role.get(role, 0) for role in roles)
        if joined and part in {"input_weights", "recurrent_weights"}:
            continue
        if mine or other:
            found.append((part, mine, other))
    if joined:
        mine = ours.parts.get("input_weights", 0) + ours.parts.get("recurrent_weights", 0)
        found.insert(0, ("input_weights and recurrent_weights", mine, joined))
    return found


def _pair(ours: _Ours | None, theirs: Stack | FoundBlock | None) -> PairedBlock:
    kind = (
        ours.type if ours is not None else "recurrent" if isinstance(theirs, Stack) else theirs.type if theirs else ""
    )
    both = ours is not None and theirs is not None
    return PairedBlock(
        ours.name if ours is not None else None,
        theirs.name if theirs is not None else None,
        kind,
        ours.weights if ours is not None else 0,
        theirs.weights if theirs is not None else 0,
        () if theirs is None else tuple((tensor.name, tensor.shape) for tensor in theirs.tensors),
        tuple(_parts(ours, theirs)) if both else (),  # type: ignore[arg-type]
        tuple(_different_fields(ours, theirs)) if both else (),  # type: ignore[arg-type]
    )
