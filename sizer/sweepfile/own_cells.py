"""`cell_types` as declared become tables of tensors, and every cell type that a file names is one that there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sizer.errors import quoted
from sizer.networks.cells import CellType
from sizer.networks.counting import choices
from sizer.networks.custom_cells import read_cell_types
from sizer.sweepfile.findings import Findings, words_known
from sizer.sweepfile.yamltext import Path


def read_own_cells(data: Mapping[str, Any], findings: Findings) -> dict[str, CellType]:
    """Return the cell types that a file defines, those without faults.

    Args:
        data: the sweep as data that has been held against the schema.
        findings: takes the faults, those of names that are no cell type included.
    """
    declared = data.get("cell_types")
    cells: dict[str, CellType] = {}
    if isinstance(declared, dict):
        cells, problems = read_cell_types(declared)
        for found, message in problems:
            path: Path = ("cell_types", *found)
            missing = path not in findings.document.spots
            if not findings.touched(path[:-1] if missing else path):  # the schema has seen most of them, and said so
                # A name is wrong at its key; so is a tensor of which nobody knows the part.
                at = findings.at_key if missing or not _is_plain(data, path) else findings.at_value
                at(path, message)
    known = dict.fromkeys(cell_words(data))
    for path, word in _named(data):
        if isinstance(word, str) and word not in known and not findings.touched(path):
            hint = findings.hint(word, known) or words_known(known)
            findings.at_value(path, f"{quoted(word)} is not known{hint}")
    return cells


def cell_words(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words that `cell_type` may be in a file, those included whose definitions have faults."""
    declared = data.get("cell_types")
    own = [name for name in declared if isinstance(name, str)] if isinstance(declared, dict) else []
    return tuple(dict.fromkeys(choices("cell_type", own)))


def _is_plain(data: Any, path: Path) -> bool:
    """Return whether a word or number stands at a path."""
    for step in path:
        data = data[step]
    return not isinstance(data, (dict, list))


def _named(data: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yield each place where a cell type is named, with the name."""
    model = data.get("model")
    if isinstance(model, dict) and "cell_type" in model:
        yield ("model", "cell_type"), model["cell_type"]
    grids = data.get("grid")
    if isinstance(grids, dict):
        yield from _named_in_grid(grids, ("grid",))
    for number, grid in enumerate(grids if isinstance(grids, list) else []):
        if isinstance(grid, dict):
            yield from _named_in_grid(grid, ("grid", number))


def _named_in_grid(grid: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    linked = grid.get("linked")
    tables = linked if isinstance(linked, list) else []
    places: list[tuple[Path, Any]] = [((*path, "cell_type"), grid.get("cell_type"))]
    places.extend(
        ((*path, "linked", number, "cell_type"), table.get("cell_type"))
        for number, table in enumerate(tables)
        if isinstance(table, dict)
    )
    for place, axis in places:
        values, here = (axis.get("values"), (*place, "values")) if isinstance(axis, dict) else (axis, place)
        for position, word in enumerate(values if isinstance(values, list) else []):
            yield (*here, position), word
