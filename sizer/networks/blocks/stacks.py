"""The recurrent layers of one block: its cell's table, wired as in a model without blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sizer.networks.blocks.checks import Checks
from sizer.networks.blocks.open_words import OpenWord, chosen
from sizer.networks.blocks.reading import Block
from sizer.networks.conventions import CONVENTIONS, Rule, rules_for
from sizer.networks.fields import FIELDS
from sizer.networks.network import Group, recurrent_groups, resolve
from sizer.networks.tensors import Number, product

_IS_IT = "is_it"
"""What a rule sees beside the fields: whether a cell type that is left open is the one that the rule is of."""


def stack(block: Block, read: Number) -> tuple[list[Group], Number]:
    """Return the groups of a recurrent block, and the width that it hands up.

    Args:
        block: of type `recurrent`.
        read: the width that it reads.
    """
    fields = block.fields
    assert block.cell is not None
    word = fields["cell_type"]
    if isinstance(word, OpenWord):
        several = [stack(one, read) for one in _settled(block, word)]
        which = list(word.which.values())
        groups = [
            replace(group, repeats=product([is_it, group.repeats]))
            for is_it, (own, _) in zip(which, several, strict=True)
            for group in own
        ]
        return groups, chosen(which, [width for _, width in several])
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


def _settled(block: Block, word: OpenWord) -> list[Block]:
    """Return a block with each of the cell types that it may have."""
    return [
        replace(block, fields={**block.fields, "cell_type": name}, cell=cell, cells=(cell,))
        for name, cell in zip(word.which, block.cells, strict=True)
    ]


def check(block: Block, checks: Checks) -> None:
    """Hold a block to what its convention refuses of its cells; of each layer the first reason is told."""
    word = block.fields["cell_type"]
    if isinstance(word, OpenWord):
        for is_it, one in zip(word.which.values(), _settled(block, word), strict=True):
            _check(one, checks, is_it)
    else:
        _check(block, checks)


def _check(block: Block, checks: Checks, is_it: Number = 1) -> None:
    """Hold a block to what its convention refuses, where its cell type is the one that it has here."""
    fields = block.fields
    assert block.cell is not None
    rules = rules_for(CONVENTIONS[block.convention], block.cell)
    for layer in range(len(fields["cells"]) if isinstance(fields["cells"], tuple) else 1):
        seen: dict[str, Any] = {name: field.default for name, field in FIELDS.items()}
        for name, value in fields.items():
            if name in FIELDS:
                seen[name] = value[layer] if isinstance(value, tuple) else value
        # What feeds it and what it feeds are its neighbours' affair.
        seen |= {"convention": block.convention, "inputs": 1, "fed": 0, _IS_IT: is_it}
        for rule in rules if isinstance(is_it, int) else map(_where_it_is, rules):
            if checks.refuses(block, rule, seen, rule.field if rule.field in fields else ""):
                break


def _where_it_is(rule: Rule) -> Rule:
    """Return a rule that holds where a cell type that is left open is the one that it is of."""

    def refuses(given: Mapping[str, Any]) -> Number:
        return (given[_IS_IT] != 0) & rule.refuses(given)

    return replace(rule, refuses=refuses)
