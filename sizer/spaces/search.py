"""A search in a space of which every suggestion fits: uniform draws first, then neighbours of the best so far.

It keeps nothing but what it is told, and chance is decided by the seed and the suggestion's number alone: the same
search goes on in another process, from what a storage remembers.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from sizer.answer import Shown, Table, left_out
from sizer.layout import DOT
from sizer.spaces.configurations import Configurations
from sizer.spaces.space import Space
from sizer.sweepfile.axis import Stepped
from sizer.sweepfile.sweep import as_word

_BLOCK = 256
"""Uniform draws that are made at once."""
_TRIES = 64
"""Moves that are tried before all of them are written out."""
_SHOWN = 10
"""Configurations that are printed."""


class Search(Shown):
    """Suggests configurations of a space within its budget: `ask()` for one, `tell()` how good it was."""

    def __init__(
        self,
        space: Space,
        seed: int = 0,
        *,
        maximise: bool = False,
        first: int = 20,
        parents: int = 10,
        explore: float = 0.2,
    ) -> None:
        """Start with nothing told.

        Args:
            space: with its budget.
            seed: decides all chance.
            maximise: whether a larger value is better.
            first: how many are drawn uniformly before any neighbour is tried.
            parents: of how many of the best neighbours are tried.
            explore: the share of uniform draws after the first ones.
        """
        self.space = space
        self.seed = seed
        self._sign = -1 if maximise else 1
        self._first = first
        self._parents = parents
        self._explore = explore
        self._told: list[tuple[float, int, dict[str, Any]]] = []
        self._asked = 0
        self._drawn: dict[int, Configurations] = {}

    def ask(
        self, number: int | None = None, told: Sequence[tuple[float, Mapping[str, Any]]] | None = None
    ) -> dict[str, Any]:
        """Return a configuration that fits.

        Args:
            number: of the suggestion, from 0; None: the next one.
            told: values and configurations so far, the smallest value the best; None: what this search was told.

        Raises:
            InputError: nothing fits.
        """
        if number is None:
            number = self._asked
            self._asked += 1
        best = heapq.nsmallest(self._parents, self._told) if told is None else None
        known: list[Mapping[str, Any]] = (
            [one for _, _, one in best]
            if best is not None
            else [one for _, one in heapq.nsmallest(self._parents, told or (), key=lambda pair: pair[0])]
        )
        enough = len(self._told if told is None else told) >= self._first
        chance = random.Random(f"{self.seed} {number}")
        if not enough or chance.random() < self._explore:
            return self._uniform(number)
        # Of two parents the better: they stand in order.
        parent = known[min(chance.randrange(len(known)), chance.randrange(len(known)))]
        return self._moved(parent, chance) or self._uniform(number)

    def tell(self, configuration: Mapping[str, Any], value: float) -> None:
        """Remember how good a configuration was; one of which the value is not a number is worse than any other."""
        value = math.inf if math.isnan(value) else self._sign * value
        self._told.append((value, len(self._told), dict(configuration)))

    def _in_a_line(self) -> str:
        told = f"{self._asked:,} asked, {len(self._told):,} told"
        best = f"best {self._sign * min(self._told, key=_order)[0]:g}" if self._told else ""
        return DOT.join(filter(None, (self.space.sweep.name, told, best)))

    def _as_table(self) -> Table:
        """Return what was told, the best first."""
        rows = [(self._sign * value, flattened(self.space, one)) for value, _, one in sorted(self._told, key=_order)]
        header = list(parameters(self.space))
        return ["value", *header], [[value, *(one.get(name) for name in header)] for value, one in rows]

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        header, rows = self._as_table()
        return self._in_a_line(), (header, rows[:_SHOWN]), left_out(len(rows) - _SHOWN)

    def _uniform(self, number: int) -> dict[str, Any]:
        block, place = divmod(number, _BLOCK)
        if block not in self._drawn:
            seed = random.Random(f"{self.seed} block {block}").getrandbits(64)
            self._drawn = {block: self.space.sample(_BLOCK, seed)}
        return self._drawn[block][place]

    def _moved(self, parent: Mapping[str, Any], chance: random.Random) -> dict[str, Any] | None:
        """Return a neighbour of a configuration, each as likely; None where it has none."""
        found = self.space.some_neighbour(parent, chance, _TRIES)
        if found is not None:
            return found
        every = self.space.neighbours(parent)
        return every[chance.randrange(len(every))] if len(every) else None


def _order(told: tuple[float, int, dict[str, Any]]) -> tuple[float, int]:
    """Return what decides which is better: the value, then which was told first."""
    return told[:2]


def parameters(space: Space) -> dict[str, Any]:
    """Return the swept parameters of a space by name, numbers of layers first: what each can be.

    What each layer has for itself is `cells.1`, `cells.2` ..., as in a table; of a model of blocks `encoder.cells.1`. A
    list is a word, which every storage takes.
    """
    once = sorted(space.once, key=lambda name: name.rpartition(".")[2] != "layers")
    found: dict[str, Any] = {name: [_as_parameter(value) for value in space.values_of(name)] for name in once}
    for name in space.layered:
        values = space.values_of(name)
        found |= {f"{name}.{layer}": values for layer in range(1, space.layers_of(name) + 1)}
    return found


def names_of_layers(space: Space, field: str, values: Mapping[str, Any]) -> list[str]:
    """Return the parameters of a field that layers have for themselves: one for each layer that there is.

    Args:
        space: of the parameters.
        field: its name.
        values: of the parameters of the whole network.
    """
    block = field.rpartition(".")[0]
    layers = int(values.get(f"{block}.layers" if block else "layers", space.layers_of(field)))
    return [f"{field}.{layer}" for layer in range(1, layers + 1)]


def flattened(space: Space, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration by parameters, one for each layer that there is."""
    flat = space.find([configuration]).flat(0)
    once = [name for name in parameters(space) if name in space.once and name in flat]
    found = {name: _as_parameter(flat[name]) for name in once}
    for name in space.layered:
        found |= {f"{name}.{layer}": value for layer, value in enumerate(flat.get(name, ()), start=1)}
    return found


def gathered(space: Space, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return parameters as a configuration of the space; None where some are missing.

    Raises:
        InputError: the space has no such configuration.
    """
    found = {name: value_of(space, name, values[name]) for name in space.once if name in values}
    for name in space.layered:
        row = [values.get(one) for one in names_of_layers(space, name, values)]
        if None in row:
            return None
        found[name] = tuple(row)
    if any(name not in found for name in space.once):
        return None
    return dict(space.find([found])[0])


def value_of(space: Space, name: str, value: Any) -> Any:
    """Return the value of a swept field that a parameter stands for."""
    if not isinstance(value, str) or name not in space.once:
        return value
    return next((one for one in space.values_of(name) if _as_parameter(one) == value), value)


def _as_parameter(value: Any) -> Any:
    return as_word(value) if isinstance(value, tuple) else value


def steps_of_values(values: Sequence[Any]) -> Stepped | None:
    """Return whole numbers in equal steps as such, None where they are not."""
    if len(values) < 2 or not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return None
    step = values[1] - values[0]
    if step > 0 and list(values) == list(range(values[0], values[-1] + 1, step)):
        return Stepped("cells", values[0], step, len(values))
    return None
