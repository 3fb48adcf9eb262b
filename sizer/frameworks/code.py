"""One network becomes a short module of Python that builds exactly that network in PyTorch or Keras."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from sizer.errors import Fault, InputError, faults_of, quoted
from sizer.frameworks import keras, pytorch
from sizer.frameworks.blocks.keras_code import keras_module
from sizer.frameworks.blocks.torch_code import torch_module
from sizer.frameworks.keras_code import keras_code
from sizer.frameworks.plan import TITLES, Plan, Refusal, plan
from sizer.frameworks.pytorch_code import pytorch_code
from sizer.networks.blocks.counting import graph_of
from sizer.networks.blocks.declared import declare
from sizer.networks.blocks.layered import countable
from sizer.networks.blocks.wiring import Graph
from sizer.networks.columns import tally
from sizer.networks.counting import Count, checked_network, described, did_you_mean
from sizer.networks.network import Network
from sizer.parameters import checked
from sizer.questions.breakdown import assumptions

WRITERS: dict[str, tuple[Callable[[Network], list[Refusal]], Callable[[Plan], tuple[str, str]]]] = {
    "torch": (pytorch.refusals, pytorch_code),
    "keras": (keras.refusals, keras_code),
}
"""What each framework refuses, and what writes (imports, code) for it."""


MODEL_WRITERS: dict[str, Callable[[Graph], str]] = {
    "torch": lambda graph: torch_module(graph).text,
    "keras": lambda graph: keras_module(graph).text,
}
"""What writes a model of blocks for each framework."""


def write_code(
    fields: Mapping[str, Any],
    to: str,
    cell_types: Mapping[str, Any] | None = None,
    block_types: Mapping[str, Any] | None = None,
) -> str:
    """Return a module that builds one network, its exact count in the docstring.

    `other_weights` are no part of it. Neither this function nor what it writes looks at a framework that is installed.

    Args:
        fields: as `sizer.count` takes them, of a network or of a model of blocks.
        to: `torch` or `keras`.
        cell_types: as for `sizer.count`.
        block_types: likewise.

    Raises:
        InputError: as `sizer.count` says, or the framework cannot express the network; all faults at once, each with
            the convention that can.

    Example:
        >>> fields = {"convention": "keras", "cell_type": "gru", "inputs": 16, "layers": 1, "cells": 8}
        >>> print(write_code(fields, "keras").partition("hidden = ")[2], end="")
        layers.GRU(8, return_sequences=True)(frames)
            return keras.Model(frames, hidden)
    """
    if "blocks" in fields:
        asked = declare(fields, cell_types, block_types)
        return write_model(graph_of(asked.model, asked.cell_types, asked.block_types), to)
    refusals_of, writer = WRITERS[to]
    described_network = described(fields, cell_types)
    network = checked_network(described_network)
    refusals = refusals_of(network)
    if refusals:
        raise InputError(
            Fault("", 0, 0, *_blamed(field, message, described_network.fields, network.resolved))
            for field, message in refusals
        )
    planned = plan(network.resolved)
    imports, code = writer(planned)
    return f'"""{_heading(planned, network)}\n"""\n\n{imports}\n\n\n{code}'


def write_model(graph: Graph, to: str) -> str:
    """Return a module that builds a model of blocks, its exact count in the docstring.

    Args:
        graph: a wired model.
        to: `torch` or `keras`.

    Raises:
        InputError: the framework has no such block; every fault by the block's name.
    """
    return MODEL_WRITERS[to](graph)


def _blamed(field: str, message: str, checked: Mapping[str, Any], resolved: Mapping[str, Any]) -> Refusal:
    """Return the field that a person gave, where a framework refuses what the convention decided for them, and why."""
    if checked.get(field) is not None:
        return field, message
    value = resolved[field]
    decided = str(value).lower() if isinstance(value, bool) else value
    return "convention", f"{resolved['convention']} sets {field} to {decided}: {message}"


def _heading(planned: Plan, network: Network) -> str:
    """Return the docstring: the weights, the network in a line, and the rules that count it."""
    front = f"{planned.vocabulary:,} x {planned.inputs:,}" if planned.vocabulary else f"{planned.inputs:,}"
    several = len(planned.widths) > 1
    middle = ", ".join(
        ("" if number == 1 and several else f"{number:,} x ")
        + f"{cells:,}"
        + (f" (projected to {projection:,})" if projection else "")
        for number, cells, projection in planned.widths
    )
    back = f" -> {planned.outputs:,}" if planned.outputs else ""
    weights, other = tally(network, ["weights", "other_weights"]).values()
    text = f"{front} -> {middle}{back}. Convention {planned.convention}: {assumptions(network.resolved, network.cell)}."
    if other:
        text += f" The {other:,} other weights of the model are not part of this network."
    # Arrows are not words to break at their hyphen.
    wrapped = textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)
    return f"{TITLES[planned.cell_type]} with exactly {weights - other:,} weights.\n\n{wrapped}"


@checked
def code(
    network: Any,
    to: str = "torch",
    *,
    id: int | None = None,  # noqa: A002  as it is called on the command line and in every table
    cell_types: Mapping[str, Any] | None = None,
    block_types: Mapping[str, Any] | None = None,
) -> str:
    """Return a short Python module that builds one network exactly; its docstring has the count.

    Args:
        network: fields as for `sizer.count`, the result of `sizer.count`, a file with a model of blocks, or, with
            `id`, a sweep: a file, a mapping or what `sizer.load_sweep` returned.
        to: `torch` or `keras`.
        id: the configuration of the sweep.
        cell_types: as for `sizer.count`.
        block_types: likewise.

    Raises:
        InputError: the network has faults, or the framework cannot express it, each fault with the convention that can.

    Example:
        >>> fields = {"convention": "keras", "cell_type": "gru", "inputs": 16, "layers": 1, "cells": 8}
        >>> "return keras.Model" in code(fields, "keras")
        True
    """
    if to not in WRITERS:
        message = f"no code is written for {quoted(str(to))}{did_you_mean(str(to), WRITERS) or '; torch or keras'}"
        raise InputError([Fault("", 0, 0, "to", message)])
    if id is not None:
        from sizer.grids.ids import locate
        from sizer.sweepfile.load import sweep_of

        sweep = sweep_of(network)
        try:
            if sweep.is_space:
                from sizer.spaces.space import Space

                chosen: Mapping[str, Any] = countable(Space(sweep).by_id([id])[0], sweep.cell_types)
            else:
                grid, places = locate(sweep, id)
                chosen = grid.configuration(places)
        except IndexError as problem:
            raise InputError([Fault("", 0, 0, "id", str(problem))]) from None
        with faults_of(sweep.file):
            return write_code(chosen, to, sweep.cell_types, sweep.block_types)
    if isinstance(network, (str, os.PathLike)):
        from sizer.sweepfile.model_file import load_model

        found = load_model(network)
        with found.places_of_faults():
            return write_model(found.graph, to)
    fields = network.configuration if isinstance(network, Count) else network
    if not isinstance(fields, Mapping):
        message = f"{quoted(str(fields))} is not a network; give its fields, its count, or a file"
        raise InputError([Fault("", 0, 0, "network", message)])
    return write_code(fields, to, cell_types, block_types)
