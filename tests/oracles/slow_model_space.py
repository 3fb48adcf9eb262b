"""Spaces of models of blocks a second time: every model of a small one is written out and counted by `sizer.count`."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import sizer
from sizer.errors import InputError
from tests.oracles.slow_space import Listed


def listed_models(model: Mapping[str, Any], grid: Mapping[str, Any]) -> Iterator[Listed]:
    """Yield every model of a space in the order of ids, its fields by path.

    Args:
        model: with blocks.
        grid: lists for what holds for a whole model, `{per_layer: [...], order, distinct}` for what each layer has.
    """
    once = {name: axis for name, axis in grid.items() if isinstance(axis, list)}
    layered = {name: axis for name, axis in grid.items() if not isinstance(axis, list)}
    blocks = list(dict.fromkeys(name.rpartition(".")[0] for name in layered))
    names = sorted(once, key=lambda name: name.removesuffix(".layers") not in blocks)
    for values in itertools.product(*(once[name] for name in names)):
        fields = dict(zip(names, values, strict=True))
        rows = []
        for block in blocks:
            layers = fields.get(f"{block}.layers", model["blocks"][block].get("layers", 1))
            own = [name for name in layered if name.rpartition(".")[0] == block]
            one_layer = list(itertools.product(*(layered[name]["per_layer"] for name in own)))
            stacks = [
                dict(zip(own, zip(*stack, strict=True), strict=True))
                for stack in itertools.product(one_layer, repeat=layers)
            ]
            rows.append([one for one in stacks if all(_allowed(one[name], layered[name]) for name in own)])
        for several in itertools.product(*rows):
            found = {**fields, **{name: value for one in several for name, value in one.items()}}
            yield Listed(found, counted(written(model, found)))


def _allowed(values: tuple[Any, ...], axis: Mapping[str, Any]) -> bool:
    pairs = list(itertools.pairwise(values))
    falls = axis.get("order") != "falling" or all(a >= b for a, b in pairs)
    rises = axis.get("order") != "rising" or all(a <= b for a, b in pairs)
    return falls and rises and len(set(values)) <= axis.get("distinct", len(values))


def written(model: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model with some fields, by path, replaced."""
    found = copy.deepcopy(dict(model))
    for path, value in fields.items():
        block, _, name = path.rpartition(".")
        found["blocks"][block][name] = list(value) if isinstance(value, tuple) else value
    return found


def counted(model: Mapping[str, Any]) -> dict[str, int] | None:
    """Return the counted columns of a model, None where there is no such model."""
    try:
        return sizer.count(model).columns()
    except InputError:
        return None
