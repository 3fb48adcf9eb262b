"""A network in words: its convention, its cell, every width that is set, and what the convention makes of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sizer.layout import DOT, shown
from sizer.networks.cells import CellType
from sizer.networks.conventions import CONVENTIONS, cell_of
from sizer.networks.fields import FIELDS
from sizer.networks.tensors import Tensor

if TYPE_CHECKING:
    from sizer.networks.counting import Count


def network_heading(counted: Count) -> str:
    """Return one network in a line: convention, cell, widths, what was assumed."""
    return DOT.join([*network_words(counted.configuration), counted_assumptions(counted), *counted.notes])


def network_words(configuration: Mapping[str, Any]) -> list[str]:
    """Return a network's convention, its cell and every width that is set."""
    front = (
        f"{configuration['vocabulary']:,} x {configuration['embedding']:,}"
        if configuration["vocabulary"]
        else shown(configuration["inputs"])
    )
    cells = configuration["cells"]
    middle = ", ".join(map(shown, cells)) if isinstance(cells, tuple) else f"{configuration['layers']:,} x {cells:,}"
    widths = [front, middle]
    if configuration["outputs"]:
        widths.append(shown(configuration["outputs"]))
    said = [configuration["convention"], configuration["cell_type"], " -> ".join(widths)]
    for name, letter in (("recurrent_projection", "r"), ("nonrecurrent_projection", "p")):
        value = configuration[name]
        if any(value) if isinstance(value, tuple) else value:
            said.append(f"{letter} = {', '.join(map(shown, value)) if isinstance(value, tuple) else shown(value)}")
    said.extend(
        f"{name.replace('_', ' ')} {shown(configuration[name])}"
        for name in ("bottleneck", "window", "other_weights")
        if configuration[name] != FIELDS[name].default
    )
    return said


def counted_assumptions(counted: Count) -> str:
    """Return what a convention makes of a network that was counted, in words."""
    if counted.network is not None:
        return assumptions(counted.network.resolved, counted.network.cell)
    return assumptions(counted.configuration, cell_of(counted.configuration))


def assumptions(resolved: Mapping[str, Any], cell: CellType, unsaid: Collection[str] = ()) -> str:
    """Return what a convention makes of a network, in the words that every screen starts with.

    Args:
        resolved: every field, and `candidate_bias`, as `Network.resolved` holds them.
        cell: the table of the cells.
        unsaid: fields that are not spoken of, because they vary.

    Example:
        >>> from sizer.networks.counting import read
        >>> network = read({"convention": "sak2014", "cell_type": "lstm", "inputs": 2, "layers": 1, "cells": 3})
        >>> assumptions(network.resolved, network.cell)
        'no biases, peepholes'
    """
    said = [] if "bias_vectors" in unsaid else list(_biases(resolved, cell))
    if "peepholes" in cell.fields and "peepholes" not in unsaid:
        said.append("peepholes" if resolved["peepholes"] else "no peepholes")
    said.extend(
        name.replace("_", " ")
        for name in ("bidirectional", "summed_directions", "only_recurrent_up", "skip_connections", "tied_embedding")
        if resolved[name] and name not in unsaid
    )
    return ", ".join(said)


def _biases(configuration: Mapping[str, Any], cell: CellType) -> Iterator[str]:
    """Yield what a network has under `bias_weights`, in words; that it has nothing there where it has not."""
    there = [tensor for tensor in cell.tensors if tensor.part == "bias_weights" and _is_there(tensor, configuration)]
    vectors = configuration["bias_vectors"] if any("bias_vectors" in tensor.shape for tensor in cell.tensors) else 0
    per_gate = {0: "no bias in the cells", 1: "one bias vector per gate"}.get(
        vectors, f"{vectors} bias vectors per gate"
    )
    own = [tensor for tensor in there if "bias_vectors" not in tensor.shape and tensor.when not in _SAID_OTHERWISE]
    around = []
    if any(tensor.when == "projection_bias" for tensor in there):
        around.append("projection bias")
    if configuration["output_bias"] and configuration["outputs"]:
        around.append("output bias")
    if any(tensor.when == "candidate_bias" for tensor in there):
        yield f"{per_gate} and one on the candidate"
    elif vectors:
        yield per_gate
    elif not own:
        yield per_gate if around else "no biases"
    if own:
        yield f"vectors of its own ({', '.join(tensor.name.replace('_', ' ') for tensor in own)})"
    yield from around


_SAID_OTHERWISE = ("candidate_bias", "projection_bias")
"""The 0-or-1 dimensions whose vectors have words of their own."""


def _is_there(tensor: Tensor, configuration: Mapping[str, Any]) -> bool:
    """Return whether a network has a tensor, as far as its fields say so; a width that varies is taken to be there."""
    convention = CONVENTIONS[configuration["convention"]]
    dimensions = {
        "candidate_bias": convention.candidate_bias,
        **configuration,
        "vectors": not convention.matrices_only,
        "projected": [configuration["recurrent_projection"], configuration["nonrecurrent_projection"]],
    }
    names = (name for name in (*tensor.shape, tensor.when) if isinstance(name, str))
    return all(_is_positive(dimensions.get(name, True)) for name in names)


def _is_positive(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_is_positive, value))
    return value is None or int(value) > 0
