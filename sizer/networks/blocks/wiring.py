"""A model of blocks is wired: widths settle, then steps, then every tensor has its dimensions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sizer.networks.blocks.checks import Checks
from sizer.networks.blocks.groups import Groups
from sizer.networks.blocks.reading import Block, Model, Problem, read_model
from sizer.networks.blocks.steps import Rate, Rates, clocks_of
from sizer.networks.blocks.types import BlockType
from sizer.networks.blocks.widths import Shape, Widths, at_field
from sizer.networks.cells import AROUND, CellType
from sizer.networks.network import Group
from sizer.networks.tensors import Number
from sizer.numbers.polynomial import Polynomial, UnsettledError, polynomial


class GraphError(Exception):
    """A width or a rate cannot be settled.

    Attributes:
        problems: where, as a path with dots, and what is wrong, for each fault; never empty.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(message for _, message in self.problems))


@dataclass(frozen=True)
class Wired:
    """One block with its tensors, where it stands in the graph."""

    block: Block
    reads: Number
    """The width that it reads; 0 where it reads nothing."""
    hands_up: Shape
    groups: tuple[Group, ...]
    rate: Rate


@dataclass(frozen=True)
class Graph:
    """A whole model, wired."""

    model: Model
    blocks: tuple[Wired, ...]
    clocks: tuple[str, ...]
    """In the order in which blocks start them."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """Every group of tensors; the last is that of `other_weights`, where there are any."""
        found = tuple(group for one in self.blocks for group in one.groups)
        other = self.model.other_weights
        if isinstance(other, int) and other == 0:
            return found
        return (*found, Group("other", 0, 1, 1, (AROUND["other"],), {"other_weights": other}))


def read_graph(
    declared: Mapping[str, Any],
    cell_types: Mapping[str, CellType] | None = None,
    block_types: Mapping[str, BlockType] | None = None,
) -> tuple[Graph | None, list[Problem]]:
    """Return a model of blocks, read and wired, or everything that is wrong with it.

    Args:
        declared: `convention`, `blocks`, `clocks` and `other_weights`, as a sweep's `model` has them.
        cell_types: those that the person defines.
        block_types: those that the person defines.
    """
    model, problems = read_model(declared, cell_types, block_types)
    graph = None
    if model is not None:
        try:
            graph = wire_model(model)
        except GraphError as found:
            problems = [*problems, *found.problems]
    return (None if problems else graph), problems


def wire_model(model: Model, checks: Checks | None = None) -> Graph:
    """Return a model with its widths, steps and tensors settled.

    Args:
        model: as it was read.
        checks: takes what is wrong. `OpenChecks` where sizes are left open as polynomials.

    Raises:
        GraphError: widths that are added differ, a loop says no width, a kernel does not fit, a convention refuses a
            block ...; every fault at once.
        UnsettledError: whether something fits depends on what is left open, and cannot be kept as a rule.
    """
    checks = Checks() if checks is None else checks
    widths = Widths(model, checks)
    rates = Rates(model, checks)
    groups = Groups(model, widths, rates, checks)
    found: list[Wired] = []
    for block in model.blocks.values():
        shape, read = widths.handed(block.key), widths.read(block)
        if shape is None or read is None:
            continue
        rate = rates.of(block.key)
        try:
            own = tuple(
                dataclasses.replace(
                    group, block=block.path, steps=at, counted=block.shared is None, trained=not block.frozen
                )
                for group, at in groups.of(block, read, shape, rate)
            )
            for group in own:
                for tensor in group.tensors:
                    tensor.size(group.dimensions)  # what is no whole number of equal parts is said here
        except ValueError as problem:
            checks.report(block, str(problem), at_field(problem, block))
            continue
        found.append(Wired(block, read.width, shape, own, rate))
    _check_shared(found, checks)
    if checks.problems:
        raise GraphError(checks.problems)
    return Graph(model, tuple(found), clocks_of(model))


def _check_shared(found: list[Wired], checks: Checks) -> None:
    by_key = {one.block.key: one for one in found}
    for one in found:
        other = by_key.get(one.block.shared) if one.block.shared else None
        if other is None:  # or it has faults of its own
            continue
        if other is one:
            checks.report(one.block, "cannot share its own weights", "shared")
        elif other.block.shared is not None:
            message = f"{other.block.path} itself shares the weights of another block; name that block"
            checks.report(one.block, message, "shared")
        elif not _same_tensors(one, other):
            message = f"{other.block.path} has tensors of different shapes, so its weights cannot be shared"
            checks.report(one.block, message, "shared")


def _same_tensors(one: Wired, other: Wired) -> bool:
    """Return whether two blocks have the same tensors, each as often.

    Raises:
        UnsettledError: that depends on sizes that are left open.
    """
    first, second = _tensors(one), _tensors(other)
    numbers = [number for tensor in (*first, *second) for number in tensor]
    if all(isinstance(number, (int, str, Polynomial)) for number in numbers):
        if _by_shape(first) == _by_shape(second):
            return True
        left_open = _left_open(one) | _left_open(other)
        if left_open:
            raise UnsettledError(left_open)
        return False
    # Numbers of other kinds are compared one by one, in the order in which the blocks have them.
    return [len(tensor) for tensor in first] == [len(tensor) for tensor in second] and all(
        bool(here == there)
        for own, others in zip(first, second, strict=True)
        for here, there in zip(own, others, strict=True)
    )


def _tensors(one: Wired) -> list[tuple[Any, ...]]:
    """Return how often each tensor is there, with its name and shape."""
    found: list[tuple[Any, ...]] = []
    for group in one.groups:
        for tensor in group.tensors:
            if _is_there(tensor.size(group.dimensions)) and _is_there(group.times):
                shape = (size if isinstance(size, int) else group.dimensions[size] for size in tensor.shape)
                found.append((group.times, tensor.name, *shape))
    return found


def _by_shape(tensors: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], Any]:
    """Return tensors by name and shape, each as often as it is."""
    found: dict[tuple[Any, ...], Number] = {}
    for times, name, *shape in tensors:
        key = (name, *map(_terms, shape))
        found[key] = found.get(key, 0) + times
    return {key: _terms(times) for key, times in found.items()}


def _is_there(number: Number) -> bool:
    """Return whether a number is not 0; what is left open is taken to be above it."""
    return bool(number.terms) if isinstance(number, Polynomial) else bool(number)


def _terms(number: Number) -> frozenset[Any]:
    """Return a number, or what is left open of it, as something that compares; nothing for 0."""
    return frozenset(polynomial(number).terms.items())


def _left_open(one: Wired) -> set[str]:
    numbers = [number for group in one.groups for number in (*group.dimensions.values(), group.times)]
    return {name for number in numbers if isinstance(number, Polynomial) for name in number.names()}
