"""A wired model, tensor by tensor: a section for each block, and within a recurrent one for its layers."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sizer.networks.blocks.counting import count_graph, graph_of
from sizer.networks.blocks.declared import Declared
from sizer.networks.blocks.wiring import Graph, Wired
from sizer.questions.breakdown import Breakdown, Line, Section, lines_of, merged


def explain_model(asked: Declared) -> Breakdown:
    """Return a model of blocks tensor by tensor.

    Args:
        asked: the model, with the types that the person defines.

    Raises:
        InputError: every fault by the block's name.
    """
    return break_down_graph(graph_of(asked.model, asked.cell_types, asked.block_types), asked.model)


def break_down_graph(graph: Graph, declared: Mapping[str, Any]) -> Breakdown:
    """Return a model tensor by tensor.

    Args:
        graph: the model, wired.
        declared: the model as it was given.
    """
    repeats = Counter(one.block.path for one in graph.blocks)
    seen: Counter[str] = Counter()
    sections: list[Section] = []
    for one in graph.blocks:
        path = one.block.path
        seen[path] += 1
        title = path if repeats[path] == 1 else f"{path} {seen[path]} of {repeats[path]}"
        sections.extend(_sections(one, title))
    other = graph.model.other_weights
    if other:
        sections.append(Section("other", 1, (Line("other_weights", (other,), other, 0),)))
    return Breakdown(count_graph(graph, declared), tuple(sections), "")


def _sections(one: Wired, title: str) -> Iterator[Section]:
    groups = [group for group in one.groups if group.times]
    if one.block.type.name == "recurrent":
        for layers, times, lines in merged(groups):
            yield Section(f"{title} · {layers}", times, _counted(one, lines), block=one.block.path)
        return
    for (first, repeats), together in itertools.groupby(groups, key=lambda group: (group.first, group.repeats)):
        lines = tuple(itertools.chain.from_iterable(map(lines_of, together)))
        if not lines:
            continue
        layers = f"layers 1-{repeats}, each" if repeats > 1 and not first else f"layer {first}" if first else ""
        yield Section(f"{title} · {layers}" if layers else title, repeats, _counted(one, lines), block=one.block.path)


def _counted(one: Wired, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Return the lines of a block, shared where its weights are another block's."""
    if one.block.shared is None:
        return lines
    return tuple(replace(line, weights=0, shared=True) for line in lines)
