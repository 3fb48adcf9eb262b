"""Toolkits named as conventions in a sweep: the conventions that they are other names of, or faults where they are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sizer.networks.aliases import TOOLKITS
from sizer.sweepfile.findings import Findings
from sizer.sweepfile.yamltext import Path


def read_toolkits(data: Mapping[str, Any], findings: Findings) -> tuple[str, ...]:
    """Return what is said of each toolkit that is named, and report those that are no other name of a convention here.

    A sweep is asked as a whole: a toolkit stands for its convention only where it does so for every cell type beside it.

    Args:
        data: the sweep as data that has been held against the schema.
        findings: takes the faults.
    """
    model = data.get("model") if isinstance(data.get("model"), dict) else {}
    declared = data.get("grid")
    grids: list[tuple[Any, Path]] = [(declared, ("grid",))]
    if isinstance(declared, list):
        grids = [(grid, ("grid", position)) for position, grid in enumerate(declared)]
    assert isinstance(model, dict)
    notes: dict[str, None] = {}
    for grid, at in grids:
        if not isinstance(grid, dict):
            continue
        named = dict(_places("convention", model, grid, at))
        words = _places("cell_type", model, grid, at)
        cell_types = dict.fromkeys(word for path, word in words if not findings.touched(path))
        given = {name for name, value in model.items() if value not in (None, False, 0)} | set(_swept(grid))
        for path, word in named.items():
            toolkit = TOOLKITS.get(word)
            if toolkit is None or findings.touched(path):
                continue
            notes[toolkit.note] = None
            for message in toolkit.problems(list(cell_types), given):
                findings.at_value(path, message)
    return tuple(notes)


def _places(field: str, model: Mapping[str, Any], grid: Mapping[str, Any], at: Path) -> Iterator[tuple[Path, str]]:
    """Yield where a word of a field stands, and the word."""
    if isinstance(model.get(field), str):
        yield ("model", field), model[field]
    tables = grid.get("linked")
    columns: list[tuple[Path, Any]] = [((*at, field), grid.get(field))]
    columns += [
        ((*at, "linked", position, field), table.get(field))
        for position, table in enumerate(tables if isinstance(tables, list) else [])
        if isinstance(table, dict)
    ]
    for path, declared in columns:
        whole = isinstance(declared, dict)
        values = declared.get("values") if isinstance(declared, dict) else declared
        for position, word in enumerate(values if isinstance(values, list) else []):
            if isinstance(word, str):
                yield (*path, *(("values",) if whole else ()), position), word


def _swept(grid: Mapping[str, Any]) -> Iterator[str]:
    tables = grid.get("linked")
    for part in (grid, *(tables if isinstance(tables, list) else ())):
        yield from part if isinstance(part, dict) else ()
