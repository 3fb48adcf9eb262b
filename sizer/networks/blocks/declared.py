"""A model of blocks as it is asked about: what it declares, with the types that the person defines for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sizer.errors import Fault, InputError
from sizer.networks.blocks.own_types import read_block_types
from sizer.networks.blocks.types import BlockType
from sizer.networks.cells import CellType
from sizer.networks.custom_cells import read_cell_types
from sizer.networks.definitions import Problem


@dataclass(frozen=True)
class Declared:
    """A model of blocks with the types of the person's own."""

    model: Mapping[str, Any]
    """`convention`, `blocks`, `clocks` and `other_weights`."""
    cell_types: Mapping[str, CellType]
    block_types: Mapping[str, BlockType]
    own: Mapping[str, Any] = field(default_factory=dict)
    """The definitions of these as they were given, under `cell_types` and `block_types`; what there is none of is absent."""

    def changed(self, **changes: Any) -> Declared:
        """Return the same with other keys in the model."""
        return replace(self, model={**self.model, **changes})


def declare(
    fields: Mapping[str, Any],
    cell_types: Mapping[str, Any] | None = None,
    block_types: Mapping[str, Any] | None = None,
) -> Declared:
    """Return a model as it is asked about.

    Args:
        fields: the model; the types that a person defines may stand in it, under `cell_types` and `block_types`.
        cell_types: these, where they stand apart.
        block_types: likewise.

    Raises:
        InputError: a definition has faults.
    """
    given = {
        "cell_types": _given("cell_types", fields, cell_types),
        "block_types": _given("block_types", fields, block_types),
    }
    cells, cell_problems = read_cell_types(given["cell_types"])
    blocks, block_problems = read_block_types(given["block_types"])
    faults = [*_faults("cell_types", cell_problems), *_faults("block_types", block_problems)]
    if faults:
        raise InputError(faults)
    model = {name: value for name, value in fields.items() if name not in ("cell_types", "block_types")}
    return Declared(model, cells, blocks, {name: types for name, types in given.items() if types})


def _given(name: str, fields: Mapping[str, Any], apart: Mapping[str, Any] | None) -> Any:
    found = fields.get(name) if apart is None else apart
    return {} if found is None else found


def _faults(start: str, problems: Iterable[Problem]) -> Iterator[Fault]:
    for path, message in problems:
        yield Fault("", 0, 0, ".".join(map(str, (start, *path))), message)
