"""What was found becomes a model of blocks: each block reads the one before where the widths agree, else an input as wide.

A file holds no wires, unless it holds a graph; so wires are by order and width, and the model says no more than its widths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sizer.networks.blocks.reading import MOST_BLOCKS
from sizer.recovery.stacks import Stack
from sizer.recovery.surroundings import FoundBlock

_RESERVED = frozenset({"linked", "and", "or", "not", "in", "true", "false"})


@dataclass(frozen=True)
class FoundModel:
    """A model of blocks in the words of `sizer.count`."""

    declared: Mapping[str, Any]
    cell_types: Mapping[str, Any]
    names: Mapping[str, str]
    """What each block is called in the file, by its name in the model."""


@dataclass
class _ModelDraft:
    convention: str
    blocks: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    sources: dict[tuple[int, bool], str] = field(default_factory=dict)
    """The inputs by (width, whether it is channels)."""
    before: str = ""
    handed_up: int | None = None

    def add(self, name: str, block: dict[str, Any], reads: int | None, channels: bool, hands_up: int | None) -> str:
        """Add a block behind the one before, or behind an input of its width."""
        if reads is not None and reads != self.handed_up:
            source = self._source(reads, channels)
            block["from"] = source
        elif reads is not None and next(reversed(self.blocks), "") != self.before:
            block["from"] = self.before
        called = self.free(name)
        self.blocks[called] = block
        self.names[called] = name
        self.before, self.handed_up = called, hands_up
        return called

    def _source(self, width: int, channels: bool) -> str:
        if (width, channels) not in self.sources:
            called = self.free(f"channels_{width}" if channels else f"input_{width}")
            self.blocks[called] = (
                {"type": "input", "channels": width, "height": 1} if channels else {"type": "input", "inputs": width}
            )
            self.sources[width, channels] = called
        return self.sources[width, channels]

    def source(self, width: int) -> str:
        """Return the name of an input of a width."""
        return self._source(width, False)

    def free(self, name: str) -> str:
        """Return a block's name made of a path, that no other block has."""
        word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "block"
        word = word if word[0].isalpha() else f"block_{word}"
        word = word[-80:].lstrip("_0123456789") or "block"
        if word in _RESERVED:
            word += "_block"
        number, called = 2, word
        while called in self.blocks:
            called, number = f"{word}_{number}", number + 1
        return called


def model_of(stacks: Sequence[Stack], around: Sequence[FoundBlock], order: Mapping[str, int]) -> FoundModel | None:
    """Return the model that counts to what was found; None where it has too many blocks to be one.

    Args:
        stacks: recurrent ones.
        around: the other blocks.
        order: the place of each tensor in the file, by its name.
    """
    found: list[Stack | FoundBlock] = [*stacks, *around]
    found.sort(key=lambda one: min((order.get(tensor.name, 0) for tensor in one.tensors), default=len(order)))
    if not found or 2 * len(found) > MOST_BLOCKS:
        return None
    convention = str(stacks[0].fields["convention"]) if stacks else "pytorch"
    draft = _ModelDraft(convention)
    embeddings: dict[str, str] = {}
    cell_types: dict[str, Any] = {}
    for one in found:
        if isinstance(one, Stack):
            fields = {name: value for name, value in one.fields.items() if name not in {"inputs", "convention"}}
            block = {"type": "recurrent", **fields}
            if one.fields["convention"] != convention:
                block["convention"] = one.fields["convention"]
            for name, table in one.cell_types.items():
                called = name
                while cell_types.get(called, table) != table:
                    called += "_"
                cell_types[called] = table
                block["cell_type"] = called
            draft.add(one.name, block, one.fields["inputs"], False, _handed_up(one))
            continue
        block = {"type": one.type, **one.fields}
        if one.type == "weights" and one.reads is None:
            _add_beside(draft, one, block)
            continue
        if one.attends is not None:
            block["attends"] = [draft.source(one.attends)]
        if "tied" in block:
            block["tied"] = embeddings[block["tied"]]
        reads = one.reads
        if (
            one.type == "convolution"
            and one.by != "stated"
            and reads is not None
            and draft.handed_up not in {None, reads}
        ):
            block |= _groups(block, reads, draft.handed_up or 0)
            if "groups" in block and block["groups"] not in {1, "all"}:
                reads = draft.handed_up
            elif block.get("groups") == "all":
                reads = one.fields["channels"] if "groups" not in one.fields else reads
        called = draft.add(one.name, block, reads, one.channels, one.hands_up)
        if one.type == "embedding":
            embeddings[one.name] = called
    return FoundModel({"convention": convention, "blocks": draft.blocks}, cell_types, draft.names)


def _add_beside(draft: _ModelDraft, one: FoundBlock, block: dict[str, Any]) -> None:
    """Add tensors that stand beside the chain."""
    called = draft.free(one.name)
    draft.blocks[called] = {**block, "from": []}
    draft.names[called] = one.name


def _groups(block: Mapping[str, Any], reads: int, handed_up: int) -> dict[str, Any]:
    """Return the groups that a convolution has where what stands before it hands up several times what it reads."""
    if "groups" in block or block.get("transposed") or handed_up % reads:
        return {}
    groups = handed_up // reads
    if block["channels"] % groups:
        return {}
    return {"groups": "all" if reads == 1 else groups}


def _handed_up(stack: Stack) -> int:
    if not stack.fields.get("skip_connections"):
        return stack.handed_up
    cells = stack.fields["cells"]
    widths = cells if isinstance(cells, list) else [cells] * stack.fields["layers"]
    return sum(widths) * stack.directions
