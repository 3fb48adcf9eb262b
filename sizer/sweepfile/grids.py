"""`model` and `grid` as declared become grids: fixed fields, axes in file order, and the ends of every count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sizer.networks.aliases import meant
from sizer.networks.cells import CellType
from sizer.networks.fields import FIELDS, REQUIRED, Field, FieldValue
from sizer.sweepfile.axes import read_axis, read_value
from sizer.sweepfile.axis import Column, Listed
from sizer.sweepfile.findings import Findings
from sizer.sweepfile.per_layer import MOST_LAYERS, PerLayer, check_bases, is_per_layer, read_per_layer
from sizer.sweepfile.ratios import Looks, check_ratios
from sizer.sweepfile.sweep import Axis, Grid
from sizer.sweepfile.yamltext import Path, written_path

MOST_ASKED = 100
"""How many grids, and keys of each, are asked for another's words."""


class SweptFields(Protocol):
    """What can be swept, and how its axes are read."""

    def is_known(self, name: str, path: Path) -> bool:
        """Return whether a field can be swept; where it cannot, that is reported."""

    def axis(self, name: str, declared: Any, path: Path) -> Column | None:
        """Return the column that an axis declares, None where it has faults."""

    def listed(self, name: str, items: list[Any], path: Path) -> Listed | None:
        """Return a column of a linked table, None where it has faults."""

    def layered(self, name: str) -> Field:
        """Return a field as each layer has it for itself."""


@dataclass(frozen=True)
class PlacedGrid:
    """A grid together with what only the checks before a run ask for."""

    grid: Grid
    places: Mapping[str, Path]
    """Field -> where its value or axis stands, in model or grid."""
    bounds: Mapping[str, tuple[int, int]]
    """Swept count -> its smallest and largest value."""
    per_layer: tuple[PerLayer, ...] = ()
    """The fields of blocks that each layer has for itself, which the grid has as if all layers were alike."""


def read_grids(
    data: Mapping[str, Any], findings: Findings, cell_types: Mapping[str, CellType] | None = None
) -> list[PlacedGrid]:
    """Return the grids of a sweep, those without faults.

    Args:
        data: the sweep as data that has been held against the schema.
        cell_types: those that the file defines.
        findings: takes the faults.
    """
    model = dict(_read_model(data.get("model"), findings))
    grids = declared_grids(data)
    swept = [set(_swept_fields(grid)) for grid, _ in grids]
    _check_required(data, swept, findings)
    looks = Looks()
    found = [_read_grid(grid, path, model, findings, looks) for grid, path in grids]
    return [
        grid if not cell_types else replace(grid, grid=replace(grid.grid, cell_types=cell_types))
        for grid in found
        if grid is not None
    ]


def declared_grids(data: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Path]]:
    """Return the grids of a sweep as they are declared, with where each stands."""
    declared = data.get("grid")
    several: list[tuple[Any, Path]] = [(declared, ("grid",))] if not isinstance(declared, list) else []
    if isinstance(declared, list):
        several = [(grid, ("grid", position)) for position, grid in enumerate(declared)]
    return [(grid, path) for grid, path in several if isinstance(grid, dict)]


class FieldsOfNetwork:
    """What can be swept of a network without blocks: the fields that there are."""

    def __init__(self, findings: Findings) -> None:
        """Read for one file."""
        self.findings = findings

    def is_known(self, name: str, path: Path) -> bool:
        """Return whether a field can be swept; where it cannot, that is reported, here or by the schema."""
        return name in FIELDS

    def axis(self, name: str, declared: Any, path: Path) -> Column | None:
        """Return the column that an axis declares, None where it has faults."""
        return read_axis(FIELDS[name], declared, path, self.findings)

    def listed(self, name: str, items: list[Any], path: Path) -> Listed | None:
        """Return a column of a linked table, None where it has faults."""
        values = [
            read_value(FIELDS[name], item, (*path, position), self.findings) for position, item in enumerate(items)
        ]
        if self.findings.touched(path):
            return None
        return Listed(name, tuple(value for value in values if value is not None))

    def layered(self, name: str) -> Field:
        """Return a field as each layer has it for itself."""
        return FIELDS[name]


def _read_model(declared: Any, findings: Findings) -> dict[str, FieldValue]:
    model: dict[str, FieldValue] = {}
    for name, item in (declared if isinstance(declared, dict) else {}).items():
        if name in FIELDS:
            value = read_value(FIELDS[name], item, ("model", name), findings)
            if value is not None:
                model[name] = value
    return model


def _swept_fields(grid: Mapping[str, Any]) -> list[str]:
    names = [name for name in grid if name in FIELDS]
    linked = grid.get("linked")
    for table in linked if isinstance(linked, list) else []:
        names.extend(name for name in (table if isinstance(table, dict) else {}) if name in FIELDS)
    return names


def _check_required(data: Mapping[str, Any], swept: list[set[str]], findings: Findings) -> None:
    """Report the fields that neither `model` nor every grid gives."""
    if "grid" not in data or (findings.touched(("grid",)) and not swept):
        return
    fixed = set(data["model"]) if isinstance(data.get("model"), dict) else set()
    place: Path = ("model",) if "model" in data else ("grid",)
    given = set.intersection(*swept) | fixed if swept else fixed
    # What somebody wrote in another's word is not missing; the fault at its place says the word.
    given |= _in_other_words(data)
    missing = [name for name in REQUIRED if name not in given]
    missing_words = [
        f"is missing: {name}; give it in model, or as an axis in {'every ' * (len(swept) > 1)}grid" for name in missing
    ]
    if not given & {"inputs", "vocabulary"}:
        missing_words.append("is missing: inputs, or a vocabulary and an embedding")
    for words in missing_words:
        findings.at_parent(place, words)


def _in_other_words(data: Mapping[str, Any]) -> set[str]:
    """Return the fields of which another's word stands in `model` or in a grid."""
    grids = data["grid"] if isinstance(data["grid"], list) else [data["grid"]]
    parts = [part for part in (data.get("model"), *grids[:MOST_ASKED]) if isinstance(part, dict)]
    words = (str(name) for part in parts for name in list(part)[:MOST_ASKED] if name not in FIELDS)
    return {field for field in (meant(word, FIELDS) for word in words) if field}


def _read_grid(
    declared: Mapping[str, Any], path: Path, model: Mapping[str, FieldValue], findings: Findings, looks: Looks
) -> PlacedGrid | None:
    places: dict[str, Path] = {name: ("model", name) for name in model if name in FIELDS}
    read = read_axes(declared, path, FieldsOfNetwork(findings), findings)
    _check_both_places(read.taken, model, findings)
    bounds = check_ratios(read.columns, list(places), findings, looks)
    if read.axes is None:
        return None
    places.update(read.taken)
    fixed = {name: value for name, value in model.items() if name not in read.taken}
    if not read.per_layer:
        return PlacedGrid(Grid(fixed, read.axes), places, bounds)
    check_bases(read.axes, read.per_layer, read.taken, findings)
    most = read.columns["layers"][0].ends()[1] if "layers" in read.columns else int(fixed.get("layers", 1))
    if most > MOST_LAYERS:
        findings.at_value(places.get("layers", path), f"{most:,} layers are more than the {MOST_LAYERS} of a space")
        return None
    grid = Grid(fixed, read.axes, per_layer=read.per_layer, order=tuple(read.taken))
    return PlacedGrid(grid, places, bounds)


@dataclass(frozen=True)
class ReadAxes:
    """The axes of one grid, read."""

    axes: tuple[Axis, ...] | None
    """None where one has faults."""
    columns: Mapping[str, tuple[Column, Path]]
    """Those without faults, with where each stands."""
    taken: Mapping[str, Path]
    """Every swept field, with where it stands."""
    per_layer: tuple[PerLayer, ...] = ()
    """The fields that each layer has for itself, those without faults."""


def read_axes(declared: Mapping[str, Any], path: Path, fields: SweptFields, findings: Findings) -> ReadAxes:
    """Return the axes of one grid, in file order.

    Args:
        declared: the grid.
        path: where it stands.
        fields: what can be swept.
        findings: takes the faults.
    """
    axes: list[Axis | None] = []
    columns: dict[str, tuple[Column, Path]] = {}
    taken: dict[str, Path] = {}
    per_layer: list[PerLayer | None] = []
    for name, item in declared.items():
        here = (*path, name)
        if name == "linked":
            tables = item if isinstance(item, list) else []
            for position, table in enumerate(tables):
                axes.append(_read_linked(table, (*here, position), taken, columns, fields, findings))
        elif is_per_layer(item) and fields.is_known(name, here):
            _take(name, here, taken, findings)
            per_layer.append(read_per_layer(fields.layered(name), item, here, findings, fields.axis))
            if (layered := per_layer[-1]) is not None:
                columns[name] = (layered.column, here)
        elif not is_per_layer(item) and fields.is_known(name, here):
            _take(name, here, taken, findings)
            column = fields.axis(name, item, here)
            if column is not None:
                columns[name] = (column, here)
            axes.append(None if column is None else Axis((column,), column.length))
    whole = tuple(axis for axis in axes if axis is not None)
    layered_whole = tuple(axis for axis in per_layer if axis is not None)
    complete = len(whole) == len(axes) and len(layered_whole) == len(per_layer)
    return ReadAxes(whole if complete else None, columns, taken, layered_whole)


def _check_both_places(taken: Mapping[str, Path], model: Mapping[str, FieldValue], findings: Findings) -> None:
    for name, path in taken.items():
        if ("model", name) in findings.document.spots:
            place = findings.document.spot(("model", name))
            where = place.key or place.value
            findings.at_key(
                path,
                f"{name} is in model too, at line {where.line}, column {where.column}; keep it in only one of them",
            )


def _take(name: str, path: Path, taken: dict[str, Path], findings: Findings) -> None:
    if name in taken:
        spot = findings.document.spot(taken[name])
        place = spot.key or spot.value
        findings.at_key(
            path,
            f"{name} has an axis already, at line {place.line}, column {place.column} ({written_path(taken[name])})",
        )
    taken.setdefault(name, path)


def _read_linked(
    declared: Any,
    path: Path,
    taken: dict[str, Path],
    columns: dict[str, tuple[Column, Path]],
    fields: SweptFields,
    findings: Findings,
) -> Axis | None:
    """Return the axis of one linked table."""
    if not isinstance(declared, dict):
        return None
    found: list[Listed] = []
    for name, items in declared.items():
        here = (*path, name)
        if not fields.is_known(name, here):
            continue
        _take(name, here, taken, findings)
        if not isinstance(items, list):
            continue
        column = fields.listed(name, items, here)
        if column is not None:
            found.append(column)
    for column in found:
        columns.setdefault(column.field, (column, (*path, column.field)))
    if findings.touched(path) or not found:
        return None
    first = found[0]
    for column in found[1:]:
        if len(column.values) != len(first.values):
            findings.at_value(
                (*path, column.field),
                f"has {len(column.values)} value{'s' * (len(column.values) != 1)}, but {first.field} beside it has {len(first.values)}; "
                "linked columns move together",
            )
    if findings.touched(path):
        return None
    _check_rows(found, path, findings)
    return Axis(tuple(found), len(first.values))


def _check_rows(found: list[Listed], path: Path, findings: Findings) -> None:
    first: dict[tuple[FieldValue, ...], int] = {}
    lead = found[0].field
    for position, row in enumerate(zip(*(column.values for column in found), strict=True)):
        if first.setdefault(row, position) != position:
            there = findings.place((*path, lead, first[row]))
            findings.at_value((*path, lead, position), f"this row of the table is there twice, first at {there}")
