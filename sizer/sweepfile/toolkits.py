"""Toolkits named as conventions in a sweep: the conventions that they are other names of, or faults where they are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sizer.networks.aliases import TOOLKITS, Toolkit
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


def notes_of_blocks(model: Mapping[str, Any], grids: Any) -> tuple[str, ...]:
    """Return what is said of each toolkit that is named in a model of blocks, or on an axis of it."""
    words = list(_named(model))
    for grid in grids if isinstance(grids, list) else [grids]:
        tables = grid.get("linked") if isinstance(grid, dict) else None
        for part in (grid, *(tables if isinstance(tables, list) else ())):
            for name, declared in part.items() if isinstance(part, dict) else ():
                values = declared.get("values") if isinstance(declared, dict) else declared
                if str(name).rpartition(".")[2] == "convention" and isinstance(values, list):
                    words.extend(values)
    return tuple(dict.fromkeys(TOOLKITS[word].note for word in words if isinstance(word, str) and word in TOOLKITS))


def _named(declared: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the conventions that a model or a group names, and those of its blocks."""
    yield declared.get("convention")
    blocks = declared.get("blocks")
    for block in blocks.values() if isinstance(blocks, dict) else ():
        if isinstance(block, dict):
            yield from _named(block)


def problems_of_blocks(model: Mapping[str, Any], path: str, toolkit: Toolkit) -> list[str]:
    """Return why a toolkit is not another name of its convention for the blocks that an axis of conventions decides.

    Args:
        model: with blocks.
        path: of the axis: `convention`, `BLOCK.convention` or `GROUP.BLOCK.convention`.
        toolkit: on the axis.
    """
    governing: Any = model
    for name in path.split(".")[:-1]:
        blocks = governing.get("blocks") if isinstance(governing, dict) else None
        governing = blocks.get(name) if isinstance(blocks, dict) else None
    found: dict[str, None] = {}
    for block in _governed(governing) if isinstance(governing, dict) else ():
        given = [
            name
            for name, value in block.items()
            if any(value if isinstance(value, list) else (value,)) and name != "type"
        ]
        found.update(dict.fromkeys(toolkit.problems([str(block.get("cell_type") or "lstm")], given)))
    return list(found)


def _governed(declared: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the recurrent blocks of which a model, a group or a block decides the convention."""
    if declared.get("type") == "recurrent":
        yield declared
    blocks = declared.get("blocks")
    for block in blocks.values() if isinstance(blocks, dict) else ():
        if isinstance(block, dict) and block.get("convention") is None:
            yield from _governed(block)
