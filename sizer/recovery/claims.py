"""A stated number of weights against a file: which parts of it, and which ways of counting it, give the figure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sizer.questions.stated_figures import Claim, Match, parse_claim
from sizer.recovery.looking import Look
from sizer.recovery.pieces import dotted

MOST_PATHS = 2_000
"""Paths in a file that are tried as parts of their own."""
MOST_ANSWERS = 20


@dataclass(frozen=True)
class ClaimedPart:
    """Some of a file's values, in words."""

    words: str
    values: int
    match: Match
    assumed: int
    """How much it assumes: 0 is every weight of the file."""

    def as_json(self) -> dict[str, Any]:
        """Return the part as `--json` shows it."""
        return {"what": self.words, "weights": self.values, "match": self.match, "assumed": self.assumed}


@dataclass(frozen=True)
class ClaimedParts:
    """What of a file gives a figure."""

    claim: Claim
    whole: int
    answers: tuple[ClaimedPart, ...]
    """Those that give it, the least assumed first."""
    near: tuple[ClaimedPart, ...]
    """Those that come nearest, where none gives it."""

    def as_json(self) -> dict[str, Any]:
        """Return the answers as `--json` shows them."""
        return {
            "claim": self.claim.text,
            "least": self.claim.least,
            "most": self.claim.most,
            "weights": self.whole,
            "answers": [part.as_json() for part in self.answers],
            "near": [part.as_json() for part in self.near],
        }


def reconcile_file(found: Look, claim: str | int) -> ClaimedParts:
    """Return which parts of a file give a stated figure.

    Args:
        found: what stands in the file.
        claim: as it was printed, `21M` or `21,252,205`.

    Raises:
        InputError: the text is no figure.
    """
    stated = parse_claim(claim)
    parts: dict[int, ClaimedPart] = {}
    for words, values, assumed in sorted(_parts(found), key=lambda one: one[2]):
        if values > 0 and values not in parts:
            parts[values] = ClaimedPart(words, values, stated.match(values), assumed)
    answers = sorted(
        (part for part in parts.values() if part.match in {"exact", "rounded"}),
        key=lambda part: (part.assumed, stated.distance(part.values), abs(part.values - stated.size)),
    )
    near = sorted(parts.values(), key=lambda part: (stated.distance(part.values), part.assumed))
    return ClaimedParts(stated, found.weights, tuple(answers[:MOST_ANSWERS]), () if answers else tuple(near[:5]))


def _parts(found: Look) -> Iterator[tuple[str, int, int]]:
    """Yield (what, how many values, how much it assumes)."""
    whole = found.weights
    yield "every weight", whole, 0
    beside = {
        "buffers": sum(tensor.size for tensor in found.kinds.buffers),
        "tied tensors a second time": sum(copy.size for copy, _ in found.kinds.tied),
        "the optimizer's values": sum(tensor.size for tensor in found.kinds.optimizer),
    }
    for number in (1, 2, 3):
        for names in itertools.combinations([name for name, values in beside.items() if values], number):
            yield f"every weight and {' and '.join(names)}", whole + sum(beside[name] for name in names), number
    kinds: dict[str, int] = {}
    for stack in found.stacks:
        kinds["recurrent"] = kinds.get("recurrent", 0) + stack.weights
    for block in found.around:
        kinds[block.type] = kinds.get(block.type, 0) + block.weights
    left = sum(tensor.size for tensor in found.unexplained)
    if left:
        kinds["unexplained"] = left
    vectors = sum(tensor.size for tensor in found.kinds.weights if len(tensor.shape) < 2)
    yield "only the matrices, without biases and norms", whole - vectors, 1
    for number in range(1, min(len(kinds), 4)):
        for names in itertools.combinations(kinds, number):
            values = sum(kinds[name] for name in names)
            listed = " and ".join(names)
            yield f"{listed} blocks alone", values, number + (0 if names == ("recurrent",) else 1)
            yield f"all but {listed} blocks", whole - values, number
    for stack in found.stacks:
        yield f"{stack.name} alone", stack.weights, 2
        yield f"all but {stack.name}", whole - stack.weights, 2
    last = max(found.around, key=lambda block: block.weights, default=None)
    if last is not None:
        yield f"all but {last.name}, the largest block that is not recurrent", whole - last.weights, 2
    paths: dict[str, int] = {}
    for tensor in found.kinds.weights:
        words = dotted(tensor.name).split(".")
        for end in range(1, min(len(words), 8)):
            path = ".".join(words[:end])
            if path in paths or len(paths) < MOST_PATHS:
                paths[path] = paths.get(path, 0) + tensor.size
    for path, values in paths.items():
        depth = path.count(".") + 1
        yield f"what is under {path}", values, 1 + depth
        yield f"all but what is under {path}", whole - values, 2 + depth
