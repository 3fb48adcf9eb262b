"""A sweep becomes chains of steps: one for each combination of what holds for a whole network, the layers step by step.

A step is a layer in the words of the sweep; a decision (see `decisions`) is the same in numbers, for one question.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.errors import Fault, InputError
from sizer.networks.fields import FIELDS
from sizer.networks.network import resolve
from sizer.spaces.decisions import IntArray
from sizer.spaces.layers import LayerChoices, Mask
from sizer.sweepfile.expressions import Expression
from sizer.sweepfile.sweep import Axis, Grid, Sweep

MOST_CHAINS = 20_000
"""The most combinations of what holds for a whole network."""


@dataclass(eq=False)
class End:
    """What stands behind the layers."""

    layers: LayerChoices
    allowed: Mask
    """Which states may be the last."""
    _counts: dict[str, IntArray] = field(default_factory=dict)

    @property
    def states(self) -> int:
        """How many states there are."""
        return len(self.layers.representatives)

    def counts(self, column: str) -> IntArray:
        """Return what each state adds to a counted column in the end."""
        if column not in self._counts:
            self._counts[column] = self.layers.ends(column)
        return self._counts[column]


@dataclass(eq=False)
class LayerStep:
    """One layer."""

    layers: LayerChoices
    first: bool
    """Whether nothing but the input stands below it."""
    exists: Mask
    """Which options there are, shape (states, options)."""
    targets: IntArray
    """Which state each leads to, shape (states, options)."""
    after: LayerStep | End
    allowed: Mask
    """Which options the convention has and the conditions let stand, shape (states or 1, options)."""
    shared: dict[str, IntArray] = field(default_factory=dict)
    """Counts that are known, of this step and those like it."""

    def counts(self, column: str) -> IntArray:
        """Return what each option adds to a counted column, shape (states, options)."""
        if column not in self.shared:
            self.shared[column] = self.layers.first(column) if self.first else self.layers.above(column)
        return self.shared[column]


@dataclass(eq=False)
class LayerChain:
    """The networks that differ in their layers alone."""

    values: Mapping[str, Any]
    """The fields of the whole network, as given; `layers` is one of them."""
    first: LayerStep
    allowed: bool
    """Whether the conditions on the whole network hold."""
    divisors: Mapping[str, int] = field(default_factory=dict)
    """Counted column -> in which parts of one it is summed, where these are no whole numbers."""

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return int(self.values["layers"])

    @property
    def places(self) -> dict[tuple[Any, ...], int]:
        """The values of a layer, in file order -> which option it is."""
        return self.first.layers.places

    def exists(self, letters: Sequence[int]) -> bool:
        """Return whether there is such a network, whatever convention and conditions say."""
        step: LayerStep | End = self.first
        state = 0
        for letter in letters:
            assert isinstance(step, LayerStep)
            if not step.exists[state, letter]:
                return False
            state = int(step.targets[state, letter])
            step = step.after
        return True

    def stands(self, letters: Sequence[int]) -> bool:
        """Return whether there is such a network, and convention and conditions let it stand."""
        step: LayerStep | End = self.first
        state = 0
        for letter in letters:
            assert isinstance(step, LayerStep)
            if not (step.exists[state, letter] and step.allowed[state if len(step.allowed) > 1 else 0, letter]):
                return False
            state = int(step.targets[state, letter])
            step = step.after
        assert isinstance(step, End)
        return self.allowed and bool(step.allowed[state])

    def layered(self, name: str) -> tuple[int, int, npt.NDArray[Any]] | None:
        """Return where the layers with a field of their own begin, how many there are, and the field's values.

        None where it is a field of the whole network.
        """
        own = self.first.layers.letters.get(name)
        return None if own is None else (0, self.depth, own)

    @property
    def layered_fields(self) -> tuple[str, ...]:
        """The fields that layers have for themselves."""
        return tuple(self.first.layers.letters)

    def flat(self, letters: Sequence[int]) -> dict[str, Any]:
        """Return the fields of a configuration, by name."""
        own = self.first.layers.letters
        places = np.asarray(letters, dtype=np.int64)
        found = {**self.values, **{name: tuple(values[places].tolist()) for name, values in own.items()}}
        return {name: found[name] for name in FIELDS if name in found}

    def fields(self, letters: Sequence[int]) -> dict[str, Any]:
        """Return a configuration as `sizer.count` takes it."""
        return self.flat(letters)

    def letters_of(self, configuration: Mapping[str, Any], once: Sequence[str]) -> list[int] | None:
        """Return what each layer of a configuration is; None where it is none of these.

        Args:
            configuration: fields by name.
            once: the swept fields of whole networks.
        """
        names = [name for name in once if name != "layers"]
        if any(name in configuration and configuration[name] != self.values.get(name) for name in names):
            return None
        rows = [configuration.get(name) for name in self.layered_fields]
        lengths = {len(row) for row in rows if isinstance(row, (list, tuple))}
        if lengths != {self.depth} or None in rows:
            return None
        layers = zip(*(row if isinstance(row, (list, tuple)) else [row] * self.depth for row in rows), strict=True)
        found = [self.places.get(layer, -1) for layer in layers]
        return found if -1 not in found else None

    def beside(self, layer: int, letter: int) -> list[int]:
        """Return the layers that differ from one in one field, at a place from 0."""
        own = self.first.layers.letters.values()
        different = np.sum([values != values[letter] for values in own], axis=0)
        return np.flatnonzero(different == 1).tolist()

    def restricted(self, field: str, layer: int | None, values: set[Any]) -> LayerChain:
        """Return the networks of which a field has one of some values.

        Args:
            field: its name.
            layer: of this layer alone, from 1; None: of every one, or of the whole network.
            values: those that may stay.
        """
        own = self.layered(field)
        if own is None:
            return dataclasses.replace(self, allowed=self.allowed and self.values.get(field) in values)
        start, layers, letters = own
        may = np.array([value in values for value in letters.tolist()], dtype=np.bool_)
        places = range(start, start + layers) if layer is None else (start + layer - 1,) if layer <= layers else ()
        steps: list[LayerStep] = []
        step: LayerStep | End = self.first
        while isinstance(step, LayerStep):
            steps.append(step)
            step = step.after
        for place in range(len(steps) - 1, -1, -1):
            old = steps[place]
            allowed = old.allowed & may if place in places else old.allowed
            step = dataclasses.replace(old, after=step, allowed=allowed)
        assert isinstance(step, LayerStep)
        return dataclasses.replace(self, first=step)


def chains_of(sweep: Sweep) -> list[LayerChain]:
    """Return the chains of a sweep in the order of ids.

    Raises:
        InputError: there are too many of them, or a layer has too many forms.
    """
    if sweep.of_blocks is not None:
        from sizer.spaces.composites import model_chains

        return model_chains(sweep)
    number = sum(grid.size for grid in map(_without_layers, sweep.grids))
    if number > MOST_CHAINS:
        raise InputError(
            [
                Fault(
                    sweep.file,
                    0,
                    0,
                    "grid",
                    f"has {number:,} combinations of the fields that do not vary per layer; a space can have {MOST_CHAINS:,}",
                )
            ]
        )
    return [chain for grid in sweep.grids for chain in _of_grid(grid, sweep.where)]


def _without_layers(grid: Grid) -> Grid:
    return Grid(grid.fixed, grid.axes, grid.cell_types)


def _of_grid(grid: Grid, where: Sequence[Expression]) -> Iterator[LayerChain]:
    """Yield the chains of one grid: layer counts first, then what else holds for the whole network."""
    names = {axis.field for axis in grid.per_layer}
    of_layers = [condition for condition in where if condition.names & names]
    of_networks = [condition for condition in where if not condition.names & names]
    # Where a condition on a layer speaks of how many there are, no two numbers of layers have steps in common.
    apart = any("layers" in condition.names for condition in of_layers)
    combinations = list(_combinations(grid))
    longest: dict[tuple[Any, ...], int] = {}
    for values in combinations:
        key = _key(values, apart=apart)
        longest[key] = max(longest.get(key, 0), int(values["layers"]))
    stacks: dict[tuple[Any, ...], _StackSteps] = {}
    for values in combinations:
        key = _key(values, apart=apart)
        if key not in stacks:
            layers = LayerChoices(values, grid.per_layer, grid.cell_types, of_layers, longest[key])
            stacks[key] = _StackSteps(layers, longest[key])
        resolved = resolve({**values, **_some_layer(grid)}, grid.cell({**values, **_some_layer(grid)}))
        allowed = all(bool(condition.holds(resolved)) for condition in of_networks)
        yield LayerChain(values, stacks[key].first(int(values["layers"])), allowed)


def _some_layer(grid: Grid) -> dict[str, Any]:
    """Return words that a layer can have, where each has its own."""
    return {axis.field: axis.column.value(0) for axis in grid.per_layer if FIELDS[axis.field].kind == "choice"}


def _combinations(grid: Grid) -> Iterator[dict[str, Any]]:
    """Yield the fields of the whole network, as given."""

    def counts_layers(axis: Axis) -> bool:
        return any(column.field == "layers" for column in axis.columns)

    order = sorted(range(len(grid.axes)), key=lambda place: not counts_layers(grid.axes[place]))
    for places in itertools.product(*(range(grid.axes[place].length) for place in order)):
        by_axis = dict(zip(order, places, strict=True))
        yield grid.configuration([by_axis[place] for place in range(len(grid.axes))])


def _key(values: Mapping[str, Any], *, apart: bool) -> tuple[Any, ...]:
    return tuple((name, value) for name, value in values.items() if apart or name != "layers")


class _StackSteps:
    """The steps of stacks that differ in their number of layers alone."""

    def __init__(self, layers: LayerChoices, longest: int) -> None:
        self._layers = layers
        states, letters = len(layers.representatives), layers.number
        follows = layers.follows()
        exists = np.ones((states, letters), dtype=np.bool_) if follows is None else follows
        targets = np.broadcast_to(layers.states, (states, letters))
        above: dict[str, IntArray] = {}
        self._first: dict[str, IntArray] = {}
        self._allowed = (layers.valid & layers.holds)[None, :]
        self._every = np.ones((1, letters), dtype=np.bool_)
        self._heights: list[LayerStep | End] = [End(layers, layers.fits_ends)]
        for _ in range(longest - 1):
            self._heights.append(LayerStep(layers, False, exists, targets, self._heights[-1], self._allowed, above))

    def first(self, layers: int) -> LayerStep:
        """Return the first of so many layers."""
        after, targets = self._heights[layers - 1], self._layers.states[None, :]
        return LayerStep(self._layers, True, self._every, targets, after, self._allowed, self._first)
