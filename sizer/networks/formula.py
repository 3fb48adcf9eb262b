"""A count in words: the same wiring, done on symbols instead of numbers, written out as a formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sizer.networks.fields import FIELDS
from sizer.networks.network import Group, Network
from sizer.networks.tensors import Tensor
from sizer.numbers.words import Symbol, symbol

_SYMBOLS = frozenset(
    name for name, field in FIELDS.items() if field.kind == "count" and name not in {"layers", "bias_vectors"}
)


def with_symbols(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Return resolved fields with symbols for the widths; per-layer widths are `cells_1`, `cells_2` ..."""
    found = dict(resolved)
    for name in _SYMBOLS:
        value = found[name]
        if name == "window" and value == 1:
            continue  # a factor of 1 adds no words
        if isinstance(value, tuple):
            found[name] = tuple(Symbol(one, f"{name}_{number}") for number, one in enumerate(value, start=1))
        else:
            found[name] = Symbol(value, name)
    return found


def formula(network: Network) -> str:
    """Return the formula of the weights, in the fields' names.

    Args:
        network: wired with symbols.

    Example:
        >>> from sizer.networks.counting import read
        >>> network = {"convention": "textbook", "cell_type": "lstm", "inputs": 39, "layers": 3, "cells": 1024}
        >>> formula(read(network, in_words=True))
        '4*cells*(inputs + cells) + 2 * 4*cells*(cells + cells)'
    """
    terms = [group_words(group) for group in network.groups]
    return " + ".join(term for term in terms if term) or "0"


def group_words(group: Group) -> str:
    """Return the formula of a group's weights; nothing where it has none.

    Args:
        group: wired with symbols.
    """
    terms: list[str] = []
    tensors = [
        tensor for tensor in group.tensors if not tensor.buffer and int(symbol(tensor.weights(group.dimensions)).value)
    ]
    while tensors:
        alike = [tensor for tensor in tensors if tensor.matrix and tensor.shape[:-1] == tensors[0].shape[:-1]]
        alike = alike if tensors[0].matrix else tensors[:1]
        terms.append(_words(alike, group))
        tensors = [tensor for tensor in tensors if tensor not in alike]
    if not terms or group.times == 0:
        return ""
    joined = " + ".join(terms)
    if group.times == 1:
        return joined
    return (
        f"{group.times} * ({joined})"
        if len(terms) > 1 or " + " in _outside_brackets(joined)
        else f"{group.times} * {joined}"
    )


def _words(tensors: list[Tensor], group: Group) -> str:
    """Return one product: the shape the tensors share times the sum of their last dimensions."""
    if not tensors[0].shape:
        return "1"
    factors = [_dimension(name, group) for name in tensors[0].shape[:-1]]
    last = _dimension(tensors[0].shape[-1], group)
    for tensor in tensors[1:]:
        last = last + _dimension(tensor.shape[-1], group)
    factors.append(last)
    words = [factor.factor if len(factors) > 1 else factor.words for factor in factors if factor.words != "1"]
    return "*".join(words) or "1"


def _dimension(name: int | str, group: Group) -> Symbol:
    return symbol(name if isinstance(name, int) else group.dimensions[name])


def _outside_brackets(words: str) -> str:
    """Return the words without what stands in brackets."""
    depth = 0
    outside = []
    for letter in words:
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            outside.append(letter)
    return "".join(outside)
