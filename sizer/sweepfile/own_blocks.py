"""`block_types` as declared become rows like the built-in ones, or faults at their places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sizer.networks.blocks.own_types import read_block_types
from sizer.networks.blocks.types import BlockType
from sizer.sweepfile.findings import Findings
from sizer.sweepfile.yamltext import Path


def read_own_blocks(data: Mapping[str, Any], findings: Findings) -> dict[str, BlockType]:
    """Return the block types that a file defines; those with faults are known, and broken.

    Args:
        data: the file as data.
        findings: takes the faults.
    """
    declared = data.get("block_types")
    if declared is None:
        return {}
    found, problems = read_block_types(declared)
    for path, message in problems:
        place: Path = ("block_types", *path)
        if not findings.touched(place):  # the schema has seen some of them, and said so
            at = findings.at_value if _stands_in(data, place) and not _is_key(path) else findings.at_key
            at(place if _stands_in(data, place) else place[:-1], message)
    return found


def _is_key(path: Path) -> bool:
    """Return whether what is wrong is likely the name: that of a type, a field or a tensor."""
    return len(path) == 1 or (len(path) == 3 and path[1] in ("fields", "tensors"))


def _stands_in(data: Any, path: Path) -> bool:
    for step in path:
        if isinstance(data, Mapping):
            if step not in data:
                return False
        elif not isinstance(data, list) or not isinstance(step, int) or step >= len(data):
            return False
        data = data[step]
    return True
