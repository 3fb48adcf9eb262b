"""Which blocks of a model can be run one after another, and the names that they have in code."""

from __future__ import annotations

import heapq
import keyword
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sizer.networks.blocks.reading import Block, Key
from sizer.networks.blocks.wiring import Graph

READS = ("query", "memory", "attends")
"""Fields that name what a block takes in beside what stands in `from`."""


@dataclass(frozen=True)
class Order:
    """What is run, and what is not."""

    run: tuple[Key, ...]
    """Each behind those that it takes in."""
    looped: tuple[Key, ...]
    """Blocks that feed each other, in a loop."""
    behind: tuple[Key, ...]
    """Blocks that wait for a loop, or for a block that nothing is known to run."""


def taken_in(block: Block) -> tuple[Key, ...]:
    """Return every block that a block takes something from."""
    named = (key for name in READS for key in block.names.get(name, ()))
    return tuple(dict.fromkeys([*(key for key, _ in block.reads), *named]))


def order_of(graph: Graph, weights_alone: Collection[Key]) -> Order:
    """Return what can be run one after another.

    Args:
        graph: a wired model.
        weights_alone: blocks of which the weights are known and not what is done with them.
    """
    takes = {one.block.key: taken_in(one.block) for one in graph.blocks}
    run = _run_out(takes, weights_alone)
    left = {key: tuple(other for other in takes[key] if other not in run) for key in takes if key not in run}
    turned: dict[Key, tuple[Key, ...]] = dict.fromkeys(left, ())
    for key, others in left.items():
        for other in others:
            turned[other] = (*turned[other], key)
    # What runs out from behind, too, is in no loop.
    in_no_loop = _run_out(turned, ())
    looped = tuple(key for key in left if key not in in_no_loop)
    return Order(tuple(run), looped, tuple(key for key in left if key not in looped and key not in weights_alone))


def _run_out(takes: Mapping[Key, tuple[Key, ...]], held: Collection[Key]) -> dict[Key, None]:
    """Return the blocks, each behind all that it takes from; what is held back never comes, nor what waits for it."""
    waits = {key: len(others) for key, others in takes.items()}
    followers: dict[Key, list[Key]] = {}
    for key, others in takes.items():
        for other in others:
            followers.setdefault(other, []).append(key)
    found: dict[Key, None] = {}
    places = {key: place for place, key in enumerate(takes)}
    ready = [(places[key], key) for key, number in waits.items() if not number]
    while ready:
        _, key = heapq.heappop(ready)  # as they stand in the model, where they can
        if key in held:
            continue
        found[key] = None
        for follower in followers.get(key, ()):
            waits[follower] -= 1
            if not waits[follower]:
                heapq.heappush(ready, (places[follower], follower))
    return found


def names_of(
    keys: Iterable[Key], taken: Collection[str], ends: Mapping[Key, Collection[str]] | None = None
) -> dict[Key, str]:
    """Return a name in code for each block: its path with `_`, and the repetition where a group repeats it.

    Args:
        keys: the blocks.
        taken: names that mean something else there.
        ends: what is added to a block's name for what else it keeps.

    Example:
        >>> names_of([("class", ()), ("vgg.one", (0,)), ("vgg.one", (1,))], ["vgg_one_2"])
        {('class', ()): 'class_', ('vgg.one', (0,)): 'vgg_one_1', ('vgg.one', (1,)): 'vgg_one_2_'}
    """
    keys = list(keys)
    repeated = Counter(path for path, _ in keys)
    found: dict[Key, str] = {}
    used = set(taken)
    for path, turns in keys:
        words = [path.replace(".", "_").lstrip("_") or "block"]
        if repeated[path] > 1:
            words += [str(turn + 1) for turn in turns]
        name = "_".join(words)
        if name[0].isdigit():
            name = f"block_{name}"
        added = ("", *(ends or {}).get((path, turns), ()))
        while keyword.iskeyword(name) or any(f"{name}{end}" in used for end in added):
            name += "_"
        used.update(f"{name}{end}" for end in added)
        found[path, turns] = name
    return found
