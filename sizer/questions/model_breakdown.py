"""A wired model, tensor by tensor: a section for each block, and within a recurrent one for its layers."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sizer.networks.blocks.counting import ModelCount, count_graph, graph_of
from sizer.networks.blocks.declared import Declared
from sizer.networks.blocks.formulas import formulas_of
from sizer.networks.blocks.tally import macs_by_clock
from sizer.networks.blocks.wiring import Graph, Wired
from sizer.questions.breakdown import BlockLine, Breakdown, Line, Section, lines_of, merged


def explain_model(asked: Declared) -> Breakdown:
    """Return a model of blocks tensor by tensor.

    Args:
        asked: the model, with the types that the person defines.

    Raises:
        InputError: every fault by the block's name.
    """
    graph = graph_of(asked.model, asked.cell_types, asked.block_types)
    return break_down_graph(graph, asked.model, formulas_of(asked))


def break_down_graph(graph: Graph, declared: Mapping[str, Any], formulas: Mapping[str, str] | None = None) -> Breakdown:
    """Return a model tensor by tensor.

    Args:
        graph: the model, wired.
        declared: the model as it was given.
        formulas: of each block, from `formulas_of`; None: without.
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
    counted = count_graph(graph, declared)
    formulas = formulas or {}
    terms = [*filter(None, formulas.values()), *(["other_weights"] if other and formulas else [])]
    return Breakdown(counted, tuple(sections), " + ".join(terms), tuple(_block_lines(graph, counted, formulas)))


def _block_lines(graph: Graph, counted: ModelCount, formulas: Mapping[str, str]) -> Iterator[BlockLine]:
    by_path: dict[str, list[Wired]] = {}
    for one in graph.blocks:
        by_path.setdefault(one.block.path, []).append(one)
    for path, alike in by_path.items():
        last, weights = alike[-1], counted.by_block[path]
        groups = [group for one in alike for group in one.groups]
        yield BlockLine(
            path,
            last.block.type.name,
            weights,
            weights / counted.weights if counted.weights else 0.0,
            formulas.get(path, ""),
            int(last.hands_up.width),
            last.hands_up.height,
            dict(last.rate),
            {name: number.exact for name, number in macs_by_clock(groups, graph.clocks).items()},
            last.block.frozen,
            last.block.shared[0] if last.block.shared else "",
        )


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
