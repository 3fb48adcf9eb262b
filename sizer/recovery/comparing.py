"""A model of blocks against a model file, tensor by tensor: each of ours beside the stored ones of the same size.

A file has its own names, and some toolkits keep what we count as one tensor in several, or several in one; so both sides
are paired block by block: by what a block counts, then by its tensors' sizes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sizer.networks.blocks.wiring import Graph
from sizer.networks.tensors import product
from sizer.recovery.looking import Look
from sizer.recovery.stacks import Stack
from sizer.recovery.surroundings import Found


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

    @property
    def equal(self) -> bool:
        """Whether both have it, with as many weights."""
        return self.ours is not None and self.theirs is not None and self.our_weights == self.their_weights

    def as_json(self) -> dict[str, Any]:
        """Return the pair as `--json` shows it."""
        return {
            "block": self.ours,
            "file": self.theirs,
            "type": self.type,
            "weights": {"sizer": self.our_weights, "file": self.their_weights},
            "tensors": [{"name": name, "shape": list(shape)} for name, shape in self.tensors],
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
    ours = _our_blocks(graph)
    every: list[Stack | Found] = [*found.stacks, *found.around]
    theirs = [(one, _type(one), one.weights) for one in every]
    pairs: list[tuple[int, PairedBlock]] = []
    left = list(range(len(theirs)))
    waiting: list[int] = []
    for place, (name, kind, weights, sizes) in enumerate(ours):
        possible = [at for at in left if theirs[at][1] == kind and theirs[at][2] == weights]
        fits = [at for at in possible if _sizes(theirs[at][0]) == sizes] or possible
        if not fits:
            waiting.append(place)
            continue
        left.remove(fits[0])
        pairs.append((place, _pair(name, theirs[fits[0]][0], kind, weights)))
    for place in waiting:
        name, kind, weights, _ = ours[place]
        same = [at for at in left if theirs[at][1] == kind]
        if same:
            left.remove(same[0])
        pairs.append((place, _pair(name, theirs[same[0]][0] if same else None, kind, weights)))
    pairs.sort(key=lambda pair: pair[0])
    alone = [_pair(None, theirs[at][0], theirs[at][1], 0) for at in left]
    return FileComparison(
        tuple([pair for _, pair in pairs] + alone),
        our_weights,
        found.weights,
        tuple((tensor.name, tensor.shape) for tensor in found.unexplained),
    )


def _our_blocks(graph: Graph) -> list[tuple[str, str, int, Counter[int]]]:
    found = []
    for one in graph.blocks:
        weights = 0
        sizes: Counter[int] = Counter()
        for group in one.groups:
            for tensor in group.tensors:
                own = 0 if tensor.buffer or not group.counted else tensor.weights(group.dimensions)
                if own:
                    weights += product([group.times, own])
                    sizes[own] += group.times
        if weights:
            found.append((one.block.path, one.block.type.name, weights, sizes))
    return found


def _type(one: Stack | Found) -> str:
    return "recurrent" if isinstance(one, Stack) else one.type


def _sizes(one: Stack | Found) -> Counter[int]:
    return Counter(tensor.size for tensor in one.tensors)


def _pair(name: str | None, one: Stack | Found | None, kind: str, weights: int) -> PairedBlock:
    return PairedBlock(
        name,
        None if one is None else one.name,
        kind,
        weights,
        0 if one is None else one.weights,
        () if one is None else tuple((tensor.name, tensor.shape) for tensor in one.tensors),
    )
