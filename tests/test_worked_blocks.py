"""Every block type against models multiplied out by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sizer.networks.blocks.counting import count_graph, graph_of
from sizer.networks.blocks.types import BLOCK_TYPES
from sizer.networks.columns import MODEL_PARTS
from tests.oracles.worked_blocks import WORKED_BLOCKS, WorkedBlock


def differences(case: WorkedBlock) -> Iterator[str]:
    """Yield what a model counts to otherwise."""
    declared = {"convention": case.convention, "blocks": case.blocks}
    graph = graph_of(declared)
    found = count_graph(graph, declared)
    parts = dict.fromkeys(MODEL_PARTS, 0) | case.parts
    up = graph.blocks[-1].hands_up
    for what, ours, theirs in (
        ("parts", dict(found.parts), parts),
        ("macs", dict(found.macs), {name: number for name, number in case.macs.items() if number}),
        ("buffers", found.buffer_values, case.buffers),
        ("state", found.state_size, case.state),
        ("handed up", (up.channels, up.height) if case.handed else None, case.handed),
    ):
        if ours != theirs:
            yield f"{what}: {ours}, and by hand {theirs}"


@pytest.mark.parametrize("case", WORKED_BLOCKS, ids=lambda case: case.type)
def test_worked_by_hand(case: WorkedBlock) -> None:
    assert [*differences(case)] == [], case.blocks


def test_every_type_is_worked() -> None:
    assert {case.type for case in WORKED_BLOCKS} == {*BLOCK_TYPES}
