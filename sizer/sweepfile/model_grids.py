"""`model` with blocks and `grid` with paths become grids, and every fault of the model at its place.

What is wrong in every configuration is a fault of the file. What only some combinations of swept values make wrong (widths
that cannot be added, a kernel that does not fit) is no fault: those are not valid, and counted as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sizer.networks.aliases import counted_as
from sizer.networks.blocks.fields import ALIKE
from sizer.networks.blocks.outlines import ModelOutline, OpenModel
from sizer.networks.blocks.reading import Problem
from sizer.networks.blocks.types import BlockType
from sizer.networks.blocks.wiring import GraphError, wire_model
from sizer.networks.cells import CELL_TYPES, CellType
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.fields import Kind
from sizer.numbers.polynomial import UnsettledError
from sizer.sweepfile.axis import Column, Listed
from sizer.sweepfile.findings import Findings
from sizer.sweepfile.grids import PlacedGrid, declared_grids, read_axes
from sizer.sweepfile.model_paths import MOST_STRUCTURES, FieldsOfModel
from sizer.sweepfile.per_layer import MOST_LAYERS, check_bases
from sizer.sweepfile.ratios import Looks, check_ratios
from sizer.sweepfile.sweep import Axis, Grid, Names, as_word
from sizer.sweepfile.yamltext import Path


@dataclass(frozen=True)
class ModelGrids:
    """The grids of a sweep of a model of blocks, and what its configurations have."""

    grids: list[PlacedGrid]
    names: Names
    missing: Mapping[str, str]
    """Counted columns that other models have and this one has not, each with why."""


def read_model_grids(
    data: Mapping[str, Any],
    findings: Findings,
    cell_types: Mapping[str, CellType],
    block_types: Mapping[str, BlockType],
) -> ModelGrids:
    """Return the grids of a sweep of a model of blocks.

    Args:
        data: the sweep as data that has been held against the schema.
        findings: takes the faults.
        cell_types: those that the file defines.
        block_types: those that the file defines.
    """
    declared = data["model"]
    fields = FieldsOfModel(declared, findings, cell_types, block_types)
    model = OpenModel(declared, cell_types, block_types)
    looks = Looks()
    several = declared_grids(data)
    placed = [_read_grid(grid, path, fields, model, findings, looks) for grid, path in several]
    whole = [grid for grid in placed if grid is not None]
    if not whole or len(whole) < len(several):
        _check_alone(model, fields, findings)
        return ModelGrids([], Names({}, {}), {})
    while True:
        number = sum(one.grid.structures for one in whole)
        if number > MOST_STRUCTURES:
            message = f"its words, lists and other shapes have {number:,} combinations, and each is a separate model; at most {MOST_STRUCTURES:,} are allowed: write several sweeps"
            findings.at_parent(("grid",), message)
            return ModelGrids([], Names({}, {}), {})
        try:
            outlines = [list(one.grid.outlines()) for one in whole]
            break
        except UnsettledError as unsettled:
            fields.apart |= unsettled.variables
            again = [_apart(one, fields) for one in whole]
            if any(one is None for one in again):
                return ModelGrids([], Names({}, {}), {})
            whole = [one for one in again if one is not None]
    _report(model, whole, outlines, findings)
    _check_kinds(whole, findings)
    valid = [outline for several in outlines for outline in several if not outline.problems]
    names = _names(fields, whole, valid)
    model.kinds = names.kinds
    return ModelGrids([_as_space(one, findings) for one in whole], names, _missing(valid, names))


def _read_grid(
    declared: Mapping[str, Any],
    path: Path,
    fields: FieldsOfModel,
    model: OpenModel,
    findings: Findings,
    looks: Looks,
) -> PlacedGrid | None:
    read = read_axes(declared, path, fields, findings)
    kinds = fields.fields(column for column, _ in read.columns.values())
    own = frozenset(fields.paths())
    bounds = check_ratios(read.columns, own - set(read.taken), findings, looks, kinds)
    if read.axes is None or findings.touched(path) or len(read.taken) < _swept_number(declared):
        return None
    fixed = {"convention": declared_convention(model.declared)} if "convention" not in read.taken else {}
    check_bases(read.axes, read.per_layer, read.taken, findings)
    # What is said of fields, words and columns is the same as if all layers of a block were alike.
    alike = tuple(Axis((one.column,), one.column.length) for one in read.per_layer)
    grid = Grid(fixed, (*read.axes, *alike), model.cell_types, model)
    return PlacedGrid(grid, dict(read.taken), bounds, read.per_layer)


def _as_space(placed: PlacedGrid, findings: Findings) -> PlacedGrid:
    """Return a grid in which the layers of a block have fields of their own, where some do."""
    if not placed.per_layer:
        return placed
    own = {one.field for one in placed.per_layer}
    axes = tuple(axis for axis in placed.grid.axes if axis.columns[0].field not in own)
    grid = replace(placed.grid, axes=axes, per_layer=placed.per_layer, order=tuple(placed.places))
    for block, most in grid.most_layers().items():
        if most > MOST_LAYERS:
            path = placed.places.get(f"{block}.layers", ("grid",))
            findings.at_value(path, f"{most:,} layers are more than the {MOST_LAYERS} of a space")
            return placed
    for axis in placed.per_layer:
        model = placed.grid.model
        if axis.column.structural and model is not None:
            said = {name for name, value in model.given(axis.block).items() if value is True}
            swept = {name for name in ALIKE if f"{axis.block}.{name}" in grid.columns}
            for name in sorted((said | swept).intersection(ALIKE)):
                findings.at_key(
                    placed.places[axis.field],
                    f"each layer has a cell_type of its own, and {name} is of layers of one cell type; leave one of them out",
                )
    return replace(placed, grid=grid)


def _swept_number(declared: Mapping[str, Any]) -> int:
    tables = declared.get("linked")
    linked = sum(len(table) for table in (tables if isinstance(tables, list) else []) if isinstance(table, dict))
    return len(declared) - ("linked" in declared) + linked


def declared_convention(declared: Mapping[str, Any]) -> str:
    """Return whose rules count of the blocks that name none."""
    given = declared.get("convention")
    named = counted_as(given) if isinstance(given, str) else ""
    return named if named in CONVENTIONS else "textbook"


def _apart(placed: PlacedGrid, fields: FieldsOfModel) -> PlacedGrid | None:
    """Return a grid in which the sizes that cannot be left open are apart, or None where that cannot be."""
    axes = []
    for axis in placed.grid.axes:
        columns = [fields.shaped(column, placed.places[column.field]) for column in axis.columns]
        if any(column is None for column in columns):
            return None
        axes.append(Axis(tuple(column for column in columns if column is not None), axis.length))
    return replace(placed, grid=replace(placed.grid, axes=tuple(axes)))


# What is wrong


def _check_alone(model: OpenModel, fields: FieldsOfModel, findings: Findings) -> None:
    """Report what is wrong with the model by itself, but for what an axis with faults may decide."""
    swept = {path.rpartition(".")[0] for path in fields.found}
    found, problems = model.read(model.declared)
    if found is not None and not swept:
        try:
            wire_model(found)
        except GraphError as wrong:
            problems = [*problems, *wrong.problems]
    for dotted, message in problems:
        block = dotted.removeprefix("blocks.")
        if not any(block == name or block.startswith(f"{name}.") for name in swept if name):
            _at_model(model, dotted, message, findings)


def _at_model(model: OpenModel, dotted: str, message: str, findings: Findings) -> None:
    place = place_in(model.declared, dotted)
    if not findings.touched(place):
        findings.at_value(place, message)


def place_in(model: Mapping[str, Any], dotted: str) -> Path:
    """Return where a fault's path stands in the file: blocks of a group stand under `blocks`; the nearest that is there."""
    found: list[str | int] = ["model"]
    here: Any = model
    for word in dotted.split("."):
        if (
            isinstance(here, dict)
            and word not in here
            and isinstance(here.get("blocks"), dict)
            and word in here["blocks"]
        ):
            found.append("blocks")
            here = here["blocks"]
        if isinstance(here, dict) and word in here:
            found.append(word)
            here = here[word]
        elif isinstance(here, list) and word.isdecimal() and int(word) < len(here):
            found.append(int(word))
            here = here[int(word)]
        else:
            break
    return tuple(found)


def _report(model: OpenModel, placed: list[PlacedGrid], outlines: list[list[ModelOutline]], findings: Findings) -> None:
    """Report what is wrong in every configuration, or with every use of a value of an axis."""
    said: set[Problem] = set()
    every = [outline for several in outlines for outline in several]
    always = _shared(outline.problems for outline in every)
    for one, several in zip(placed, outlines, strict=True):
        for path, position, together in _uses(one, several):
            for problem in _shared(outline.read_problems for outline in together):
                where = problem[0].removeprefix("blocks.")
                its_own = where == path or where.startswith(f"{path}.")
                if its_own or problem not in always:
                    said.add(problem)
                    message = problem[1] if its_own else f"{where}: {problem[1]}"
                    findings.at_value((*_values_of(one.places[path], findings), position), message)
    for dotted, message in always:
        if (dotted, message) not in said:
            place = next((one.places[dotted.removeprefix("blocks.")] for one in placed if dotted.removeprefix("blocks.") in one.places), None)  # fmt: skip
            if place is not None:
                findings.at_value(place, message)
            else:
                _at_model(model, dotted, message, findings)
    if not findings.faults and all(outline.problems for outline in every):
        for dotted, message in dict.fromkeys(outline.problems[0] for outline in every):
            place = place_in(model.declared, dotted)
            findings.at_value(place, f"no configuration of this sweep is valid: {message}")


def _values_of(path: Path, findings: Findings) -> Path:
    """Return where the values of an axis stand."""
    return (*path, "values") if (*path, "values") in findings.document.spots else path


def _uses(placed: PlacedGrid, outlines: list[ModelOutline]) -> Iterator[tuple[str, int, list[ModelOutline]]]:
    """Yield each value of each field that shapes structures, with the outlines in which it stands."""
    for column in placed.grid.columns.values():
        if isinstance(column, Listed) and column.structural:
            for position, value in enumerate(column.values):
                yield column.field, position, [one for one in outlines if one.words[column.field] == value]


def _shared(several: Any) -> list[Problem]:
    """Return the problems that all of some outlines have, in order."""
    first, *others = [list(problems) for problems in several]
    kept = set(first).intersection(*map(set, others))
    return [problem for problem in first if problem in kept]


def _check_kinds(placed: list[PlacedGrid], findings: Findings) -> None:
    """Report fields that hold numbers in one grid and words in another: they would share a column."""
    first: dict[str, tuple[Kind, Path]] = {}
    for one in placed:
        for name, column in one.grid.columns.items():
            kind = _kind_of(column)
            other, there = first.setdefault(name, (kind, one.places[name]))
            if other != kind:
                place = findings.place(there)
                message = f"holds {_HELD[kind]} here, and {_HELD[other]} at {place}; a column of a table holds one kind only: write two sweeps"
                findings.at_value(one.places[name], message)


_HELD: Mapping[Kind, str] = {"count": "numbers", "boolean": "true and false", "choice": "words"}


def _kind_of(column: Column) -> Kind:
    """Return the kind of the columns that a swept field has in tables."""
    if not isinstance(column, Listed):
        return "count"
    if column.kind == "choice" and all(map(_is_spread, column.values)):
        return "boolean" if isinstance(column.values[0][0], bool) else "count"
    return column.kind


# What there is


def _names(fields: FieldsOfModel, placed: list[PlacedGrid], outlines: list[ModelOutline]) -> Names:
    """Return the fields and columns of the configurations."""
    kinds: dict[str, Kind] = {"convention": "choice"}
    clashing: set[str] = set()
    words: dict[str, dict[str, None]] = {}
    spread: dict[str, dict[str, None]] = {}
    for outline in outlines:
        for name, kind in outline.kinds.items():
            if kinds.setdefault(name, kind) != kind:
                clashing.add(name)
        for name, value in outline.plain.items():
            if isinstance(value, str):
                words.setdefault(name, {})[value] = None
    for one in placed:
        for name, column in one.grid.columns.items():
            kind = column.kind if isinstance(column, Listed) else "count"
            values = column.values if isinstance(column, Listed) else ()
            longest = max((len(value) for value in values if isinstance(value, tuple)), default=0)
            if kind == "choice" and longest and all(map(_is_spread, values)):
                kind = "boolean" if isinstance(values[0][0], bool) else "count"
                columns = [f"{name}.{place}" for place in range(1, longest + 1)]
                kinds.update(dict.fromkeys(columns, kind))
                spread.setdefault(name, {}).update(dict.fromkeys(columns))
                continue
            if kind == "choice":
                words[name] = words.get(name, {}) | {as_word(value): None for value in values}
            kinds[name] = kind
            clashing.discard(name)
            spread.setdefault(name, {})[name] = None
    for name in clashing:
        del kinds[name]
    for one in placed:  # what a grid does not sweep is as the model says it
        model = one.grid.model
        for name in spread:
            if kinds.get(name) == "choice" and name not in one.grid.columns and model is not None:
                words[name] = words.get(name, {}) | {as_word(model.own(name)): None}
    known = {
        name: tuple(dict.fromkeys([*_words_of(name, fields), *found])) for name, found in words.items() if name in kinds
    }
    return Names(
        {name: kind for name, kind in kinds.items() if kind != "choice" or name in known},
        known,
        _counted(outlines),
        {name: tuple(columns) for name, columns in spread.items() if tuple(columns) != (name,)},
    )


def _words_of(name: str, fields: FieldsOfModel) -> tuple[str, ...]:
    if name.rpartition(".")[2] == "convention":
        return tuple(CONVENTIONS)
    if name.rpartition(".")[2] == "cell_type":
        return (*CELL_TYPES, *fields.cell_types)
    return fields.words(name)


def _is_spread(value: Any) -> bool:
    """Return whether a value is a list of numbers, or of truths, which stand in columns of their own."""
    return isinstance(value, tuple) and bool(value) and all(isinstance(item, int) for item in value)


def _counted(outlines: list[ModelOutline]) -> tuple[str, ...]:
    """Return the counted columns of the configurations, in table order; those of single clocks where some has them."""
    first: dict[str, None] = {}
    for outline in sorted(outlines, key=lambda one: -len(one.columns)):
        first |= dict.fromkeys(outline.columns)
    of_all = [name for name in ("macs_per_step", "macs_per_second") if any(name not in one.columns for one in outlines)]
    longest = max((outline.columns for outline in outlines), key=len, default=())
    order = [*longest, *(name for name in first if name not in longest)]
    return tuple(name for name in order if name not in of_all)


def _missing(outlines: list[ModelOutline], names: Names) -> dict[str, str]:
    """Return why a model has not got a column that others have."""
    found = {}
    if "macs_per_step" not in names.counted and outlines:
        macs = [name for name in names.counted if name.startswith("macs_per_")]
        found["macs_per_step"] = (
            f"the model has several clocks; there are {', '.join(macs)}" if macs else "the model has no clock"
        )
    if "macs_per_second" not in names.counted and outlines:
        clocks = dict.fromkeys(clock for one in outlines if one.graph for clock in one.graph.clocks)
        needs = ", ".join(f"{clock}: ..." for clock in clocks)
        found["macs_per_second"] = (
            f"write clocks in model, {{{needs}}}, in steps per second; if blocks multiply for pairs of steps or once per "
            "sequence, also write seconds: ..., the length of an input"
        )
    return found
