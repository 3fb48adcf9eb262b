"""A model of blocks in words: the formula of each block's weights, in the names of the sizes that stand in the model."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sizer.networks.blocks.declared import Declared
from sizer.networks.blocks.sizes import Size, with_sizes
from sizer.networks.blocks.wiring import read_graph
from sizer.networks.formula import group_words
from sizer.numbers.words import Symbol

_COUNTED = ("layers",)
"""Fields that say how often something is there: their number stands in front of what it is."""
_OFTEN_ONE = ("window", "context", "heads", "location_inputs")
"""Fields of which 1 means that there is nothing of the kind: a factor of 1 adds no words."""


def formulas_of(asked: Declared) -> dict[str, str]:
    """Return the formula of each block by its path, over all of its repetitions; nothing for a block without weights.

    Args:
        asked: a model without faults.
    """
    graph, problems = read_graph(
        with_sizes(asked.model, _in_words, asked.block_types), asked.cell_types, asked.block_types
    )
    assert graph is not None, problems
    found: dict[str, Counter[str]] = {}
    for one in graph.blocks:
        own = found.setdefault(one.block.path, Counter())
        own.update(words for group in one.groups if group.counted and (words := group_words(group)))
    return {path: " + ".join(_repeated(words, times) for words, times in own.items()) for path, own in found.items()}


def _in_words(size: Size) -> Any:
    if size.field in _COUNTED or (size.field in _OFTEN_ONE and size.value == 1):
        return size.value
    return Symbol(size.value, size.name)


def _repeated(words: str, times: int) -> str:
    return words if times == 1 else f"{times} * ({words})"
