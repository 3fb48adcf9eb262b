"""The recurrent layers of one block: its cell's table, wired as in a model without blocks."""

from __future__ import annotations

from typing import Any

from sizer.networks.blocks.checks import Checks
from sizer.networks.blocks.reading import Block
from sizer.networks.conventions import CONVENTIONS, rules_for
from sizer.networks.fields import FIELDS
from sizer.networks.network import Group, recurrent_groups, resolve
from sizer.networks.tensors import Number


def stack(block: Block, read: Number) -> tuple[list[Group], Number]:
    """Return the groups of a recurrent block, and the width that it hands up.

    Args:
        block: of type `recurrent`.
        read: the width that it reads.
    """
    fields = block.fields
    assert block.cell is not None
    stacked = fields["subsample"] if fields["subsample_how"] == "stack" else None
    return recurrent_groups(block.cell, resolved(block), read, stacked if isinstance(stacked, tuple) else None)


def resolved(block: Block) -> dict[str, Any]:
    """Return every field of a recurrent block as of a network without blocks, what the convention decides filled in."""
    fields = block.fields
    given = {name: fields[name] for name in FIELDS if name in fields}
    given |= {"convention": block.convention}
    assert block.cell is not None
    if fields["bias"] is not None and given["bias_vectors"] is None:
        decided = CONVENTIONS[block.convention].bias_vectors_of(block.cell)
        given["bias_vectors"] = (None if decided else 1) if fields["bias"] else 0
    if fields["bias"] is False and given["projection_bias"] is None:
        given["projection_bias"] = False
    return resolve(given, block.cell)


def check(block: Block, checks: Checks) -> None:
    """Hold a block to what its convention refuses of its cells; of each layer the first reason is told."""
    fields = block.fields
    assert block.cell is not None
    rules = rules_for(CONVENTIONS[block.convention], block.cell)
    for layer in range(len(fields["cells"]) if isinstance(fields["cells"], tuple) else 1):
        seen: dict[str, Any] = {name: field.default for name, field in FIELDS.items()}
        for name, value in fields.items():
            if name in FIELDS:
                seen[name] = value[layer] if isinstance(value, tuple) else value
        # What feeds it and what it feeds are its neighbours' affair.
        seen |= {"convention": block.convention, "inputs": 1, "fed": 0}
        for rule in rules:
            if checks.refuses(block, rule, seen, rule.field if rule.field in fields else ""):
                break
