"""A network without blocks, of which the layers are of several cell types, written as the chain of blocks that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sizer.errors import Fault, InputError
from sizer.networks.blocks.types import RECURRENT
from sizer.networks.fields import FIELDS


def with_one_cell_type(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a network as it is counted: a model of blocks where its layers are of several cell types.

    Args:
        fields: of a network, or a model of blocks.

    Raises:
        InputError: there is not one for each layer.

    Example:
        >>> with_one_cell_type({"convention": "pytorch", "cell_type": ["gru", "gru"], "inputs": 8, "cells": 4})["cell_type"]
        'gru'
        >>> found = with_one_cell_type({"convention": "pytorch", "cell_type": ["lstm", "gru"], "inputs": 8, "cells": 4})
        >>> found["blocks"]["layers"]
        {'type': 'recurrent', 'cell_type': ['lstm', 'gru'], 'cells': 4}
    """
    words = fields.get("cell_type")
    if "blocks" in fields or not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        return fields
    if len(set(words)) == 1 and fields.get("layers", len(words)) == len(words):
        return {"layers": len(words), **fields, "cell_type": words[0]}
    given = {name: value for name, value in fields.items() if value is not None}
    layers = given.get("layers", len(words))
    if layers != len(words):
        message = f"has {len(words)} for {layers} layers; give one for each layer"
        raise InputError([Fault("", 0, 0, "cell_type", message)])
    return chain_of(given)


def chain_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a network as a model of blocks: what feeds it, its layers, its output.

    Args:
        given: its fields, of which some may have a value for each layer.
    """
    blocks: dict[str, Any] = {}
    if given.get("vocabulary"):
        blocks["embedding"] = {
            "type": "embedding",
            "vocabulary": given["vocabulary"],
            "embedding": given.get("embedding"),
        }
    else:
        blocks["input"] = {"type": "input", "inputs": given.get("inputs")}
    own = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if name in RECURRENT.by_field and value is not None
        # Layers of some cell types do not have every field; what is left out has its default.
        if FIELDS[name].default is None or value != FIELDS[name].default
    }
    blocks["layers"] = {"type": "recurrent", **own}
    if given.get("outputs"):
        blocks["output"] = {"type": "dense", "width": given["outputs"]}
        if given.get("tied_embedding"):
            blocks["output"]["tied"] = "embedding"
        if given.get("output_bias") is not None:
            blocks["output"]["bias"] = bool(given["output_bias"])
    beside = ("convention", "other_weights", "cell_types")
    return {**{name: given[name] for name in beside if given.get(name)}, "blocks": blocks}
