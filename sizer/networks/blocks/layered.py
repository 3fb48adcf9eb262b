"""A stack of which each layer has widths, or a cell type, of its own, becomes a chain of blocks that counts the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sizer.errors import InputError
from sizer.networks.blocks.chained import chain_of
from sizer.networks.blocks.counting import count_graph, graph_of
from sizer.networks.blocks.declared import Declared
from sizer.networks.cells import CellType
from sizer.networks.counting import Description, count_network


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
    model = chain_of(fields)
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
