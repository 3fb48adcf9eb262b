"""A stack of which each layer has widths, or a cell type, of its own, becomes a chain of blocks that counts the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sizer.errors import InputError
from sizer.networks.blocks.counting import count_graph, graph_of
from sizer.networks.blocks.declared import Declared
from sizer.networks.blocks.types import BLOCK_TYPES
from sizer.networks.cells import CellType
from sizer.networks.counting import Description, count_network
from sizer.networks.fields import FIELDS

_OF_STACKS = frozenset(field.name for field in BLOCK_TYPES["recurrent"].fields) - {"layers"}


def is_layered(described: Description) -> bool:
    """Return whether some field of a network has a value for each layer."""
    return any(isinstance(value, (list, tuple)) for value in described.fields.values())


def as_blocks(described: Description) -> Declared | None:
    """Return a network as a chain of blocks; None where there is no chain that counts as it does.

    Args:
        described: a network without faults, with lists of widths; of cell types too, which blocks alone can have.
    """
    fields = dict(described.fields)
    if isinstance(types := fields.get("cell_type"), tuple):
        if len(set(types)) == 1:
            fields["cell_type"] = types[0]
        elif fields.get("skip_connections"):
            return None
    described = Description(fields, described.cell_types)
    blocks: dict[str, Any] = {}
    if fields.get("vocabulary"):
        blocks["symbols"] = {
            "type": "embedding",
            "vocabulary": fields["vocabulary"],
            "embedding": fields.get("embedding", 0),
        }
    else:
        blocks["frames"] = {"type": "input", "inputs": fields["inputs"]}
    blocks |= _stacks({name: value for name, value in fields.items() if name in _OF_STACKS and value is not None})
    if fields.get("outputs"):
        blocks["output"] = {"type": "dense", "width": fields["outputs"]}
        if fields.get("output_bias") is not None:
            blocks["output"]["bias"] = bool(fields["output_bias"])
        if fields.get("tied_embedding"):
            blocks["output"]["tied"] = "symbols"
    model = {"convention": fields["convention"], "blocks": blocks}
    if fields.get("other_weights"):
        model["other_weights"] = fields["other_weights"]
    chain = Declared(model, described.cell_types, {})
    try:
        counted = count_graph(graph_of(model, described.cell_types, {}), model)
    except InputError:
        return None
    several = isinstance(fields["cell_type"], tuple)
    return chain if several or counted.weights == count_network(described.wired()).weights else None


def countable(fields: Mapping[str, Any], cell_types: Mapping[str, CellType]) -> dict[str, Any]:
    """Return a network as one that is counted: layers of several cell types are a chain of blocks, where there is one."""
    if not isinstance(fields.get("cell_type"), tuple):
        return dict(fields)
    chain = as_blocks(Description(fields, cell_types))
    return dict(fields) if chain is None else dict(chain.model)


def _stacks(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the recurrent blocks: one, or one for each layer where these are of several cell types."""
    said = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in fields.items()
        if FIELDS[name].default is None or value != FIELDS[name].default
    }
    cell_types = said.get("cell_type")
    if not isinstance(cell_types, list):
        return {"stack": {"type": "recurrent", **said}}
    return {
        f"layer_{number + 1}": {
            "type": "recurrent",
            **{name: value[number] if isinstance(value, list) else value for name, value in said.items()},
        }
        for number in range(len(cell_types))
    }
