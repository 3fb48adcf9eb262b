"""A cell type that a person defines, as data, becomes a table of tensors like the built-in ones, or faults.

    my_cell:
      tensors:
        input_weights: [3, cells, input]
        bias: {shape: [bias_vectors, 3, cells], part: bias_weights}
      recurs: cells
      hands_up: cells

A convention treats such a cell as it treats an LSTM: it gives it as many bias vectors per gate (where the table names
`bias_vectors`), it decides on peepholes and on the projection's bias (where the table asks for them), and it refuses the
projections that it refuses an LSTM. What the table does not name, the cell does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sizer.errors import quoted
from sizer.networks.cells import CELL_TYPES, CellType
from sizer.networks.columns import PARTS
from sizer.networks.definitions import Path, Problem, name_problems, report_stray, report_unknown
from sizer.networks.fields import FIELDS
from sizer.networks.tensors import Standing, Tensor

_COUNTS = tuple(name for name, field in FIELDS.items() if field.kind == "count")
DIMENSIONS = tuple(dict.fromkeys(("input", "cells", "recurrent", "projected", "joined_cells", *_COUNTS)))
"""What a shape may name."""
FLAGS = (*(name for name, field in FIELDS.items() if field.kind == "boolean"), "candidate_bias", "vectors", "widens")
"""What `when` may name."""
WIDTHS = ("cells", "recurrent_projection", "nonrecurrent_projection", "bottleneck")
"""What may recur or be handed up."""
STATE = (*WIDTHS, "recurrent", "projected")
"""What may be carried from step to step."""
_BUILT_IN = tuple(tensor for cell in CELL_TYPES.values() for tensor in cell.tensors)
LAYER_PARTS = tuple(part for part in PARTS if any(tensor.part == part for tensor in _BUILT_IN))
"""The parts that a layer's tensors belong to."""
DIRECTIONS: tuple[Standing, ...] = ("each", "shared", "joined")
KEYS = ("title", "tensors", "recurs", "hands_up", "state")
TENSOR_KEYS = ("shape", "part", "matrix", "when", "directions")
_KNOWN_PARTS = {tensor.name: tensor.part for tensor in _BUILT_IN}
_MATRICES = frozenset(tensor.part for tensor in _BUILT_IN if tensor.matrix)
_OPTIONAL = frozenset().union(*(cell.fields for cell in CELL_TYPES.values()))


def read_cell_types(declared: Any) -> tuple[dict[str, CellType], list[Problem]]:
    """Return the cell types that a mapping of names to definitions holds, and what is wrong with the others.

    Args:
        declared: data as the sweep format has it under `cell_types`; a `CellType` is taken as it is.

    Example:
        >>> cells, problems = read_cell_types(
        ...     {"mine": {"tensors": {"input_weights": [3, "cells", "input"]}, "recurs": "cells", "hands_up": "cells"}}
        ... )
        >>> cells["mine"].tensors[0].part, problems
        ('input_weights', [])
    """
    if not isinstance(declared, Mapping):
        return {}, [((), f"{quoted(declared)} is not a mapping of names to cell types")]
    found: dict[str, CellType] = {}
    problems: list[Problem] = []
    for name, definition in declared.items():
        before = len(problems)
        problems.extend(name_problems(name, "a cell type", (name,)))
        if name in CELL_TYPES:
            problems.append(((name,), f"{quoted(name)} is the name of a built-in cell type; choose another one"))
        cell = definition if isinstance(definition, CellType) else _read_cell(name, definition, problems)
        if cell is not None and len(problems) == before:
            found[name] = cell
    return found, problems


def _read_cell(name: str, definition: Any, problems: list[Problem]) -> CellType | None:
    if not isinstance(definition, Mapping):
        problems.append(((name,), f"{quoted(definition)} is not a mapping; give tensors, recurs and hands_up"))
        return None
    before = len(problems)
    report_stray(definition, KEYS, (name,), problems)
    tensors = _read_tensors(definition.get("tensors"), (name, "tensors"), problems)
    recurs = _read_choice(definition.get("recurs"), (name, "recurs"), problems)
    hands_up = _read_choice(definition.get("hands_up"), (name, "hands_up"), problems)
    state = _read_state(definition.get("state", ["recurrent"]), (name, "state"), problems)
    title = definition.get("title", name)
    if not isinstance(title, str):
        problems.append(((name, "title"), f"{quoted(title)} is not text"))
    if len(problems) > before:
        return None
    return CellType(
        name=name,
        title=title,
        tensors=tensors,
        state=state,
        recurs=recurs,
        hands_up=hands_up,
        fields=_fields(tensors, state, recurs, hands_up),
        source="defined by the user",
        own=True,
    )


def _fields(
    tensors: tuple[Tensor, ...],
    state: tuple[str, ...],
    recurs: tuple[tuple[str, ...], ...],
    hands_up: tuple[tuple[str, ...], ...],
) -> frozenset[str]:
    """Return the optional fields that a table names."""
    named = {dimension for tensor in tensors for dimension in (*tensor.shape, tensor.when)}
    named |= {*state, *(name for group in (*recurs, *hands_up) for name in group)}
    if "projected" in named:
        named |= {"recurrent_projection", "nonrecurrent_projection"}
    if {"recurrent_projection", "nonrecurrent_projection"} <= named:
        named |= {"only_recurrent_up"}
    return frozenset(field for field in _OPTIONAL if field in named)


def _read_tensors(declared: Any, path: Path, problems: list[Problem]) -> tuple[Tensor, ...]:
    if not isinstance(declared, Mapping) or not declared:
        problems.append(
            (path, "is missing or no mapping of names to shapes" if declared is None else "names no tensor")
        )
        return ()
    found = []
    for name, item in declared.items():
        here = (*path, name)
        before = len(problems)
        problems.extend(name_problems(name, "a tensor", here))
        tensor = _read_tensor(name, item, here, problems)
        if tensor is not None and len(problems) == before:
            found.append(tensor)
    return tuple(found)


def _read_tensor(name: str, item: Any, path: Path, problems: list[Problem]) -> Tensor | None:
    options = item if isinstance(item, Mapping) else {"shape": item}
    shape_path = (*path, "shape") if isinstance(item, Mapping) else path
    report_stray(options, TENSOR_KEYS, path, problems)
    before = len(problems)
    shape = _read_shape(options.get("shape"), shape_path, problems)
    for key, known in (("part", LAYER_PARTS), ("when", FLAGS), ("directions", DIRECTIONS)):
        if key in options:
            report_unknown(options[key], known, (*path, key), problems)
    matrix = options.get("matrix")
    if "matrix" in options and not isinstance(matrix, bool):
        problems.append(((*path, "matrix"), f"{quoted(matrix)} is neither true nor false"))
    if len(problems) > before:
        return None
    part = options.get("part") or _KNOWN_PARTS.get(name) or _part_of(shape)
    if part is None:
        problems.append(
            (path, f"which part of the count is it? write {{shape: [...], part: ...}}; one of {', '.join(LAYER_PARTS)}")
        )
        return None
    if matrix is None:
        matrix = part in _MATRICES and sum(isinstance(factor, str) for factor in shape) > 1
    return Tensor(
        name, part, shape, matrix=matrix, when=options.get("when"), directions=options.get("directions", "each")
    )


def _part_of(shape: tuple[int | str, ...]) -> str | None:
    """Return the part that a matrix belongs to by what it reads; None where the shape does not say."""
    if sum(isinstance(factor, str) for factor in shape) < 2:
        return None
    if "input" in shape:
        return "input_weights"
    if "recurrent" in shape:
        return "recurrent_weights"
    projections = {"projected", "recurrent_projection", "nonrecurrent_projection", "bottleneck"}
    return "projection_weights" if projections & {*shape} else None


def _read_shape(declared: Any, path: Path, problems: list[Problem]) -> tuple[int | str, ...]:
    if not isinstance(declared, (list, tuple)) or not declared:
        problems.append((path, "is not a shape; write a list of whole numbers and names, such as [3, cells, input]"))
        return ()
    for position, factor in enumerate(declared):
        if isinstance(factor, int) and not isinstance(factor, bool):
            if factor < 1:
                problems.append(((*path, position), f"{factor} is below the minimum, 1"))
        else:
            report_unknown(factor, DIMENSIONS, (*path, position), problems)
    return tuple(declared)


def _read_choice(declared: Any, path: Path, problems: list[Problem]) -> tuple[tuple[str, ...], ...]:
    """Return groups of widths: `cells`, or a list of which the first that is not 0 is taken; a list within is a sum."""
    if declared is None:
        problems.append((path, f"is missing: the width, such as cells; one of {', '.join(WIDTHS)}, or a list of them"))
        return ()
    items = declared if isinstance(declared, (list, tuple)) else [declared]
    if not items:
        problems.append((path, "is an empty list; give at least one width"))
    groups = []
    for position, item in enumerate(items):
        here = (*path, position) if items is declared else path
        group = item if isinstance(item, (list, tuple)) else [item]
        if not group:
            problems.append((here, "is an empty list; give at least one width"))
        for place, name in enumerate(group):
            report_unknown(name, WIDTHS, (*here, place) if group is item else here, problems)
        groups.append(tuple(group))
    return tuple(groups)


def _read_state(declared: Any, path: Path, problems: list[Problem]) -> tuple[str, ...]:
    items = declared if isinstance(declared, (list, tuple)) else [declared]
    for position, item in enumerate(items):
        report_unknown(item, STATE, (*path, position) if items is declared else path, problems)
    return tuple(items)
