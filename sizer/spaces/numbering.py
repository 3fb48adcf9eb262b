"""Ids of configurations: their places, in lexicographic order, among all that exist, whatever their counts."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.spaces.chains import End, LayerChain, LayerStep
from sizer.spaces.decisions import IntArray

_SMALL = 1 << 62
"""Below it ids are int64."""


class Numbering:
    """The ids of some chains."""

    def __init__(self, chains: Sequence[LayerChain]) -> None:
        """Count what exists.

        Args:
            chains: in the order of ids.
        """
        self._chains = chains
        self._ways: dict[tuple[int, int], npt.NDArray[Any]] = {}
        self._before: dict[tuple[int, int], npt.NDArray[Any]] = {}
        self._starts = [0]
        for chain in chains:
            self._starts.append(self._starts[-1] + int(self._ways_of(chain.first, 0)[0]))

    @property
    def size(self) -> int:
        """How many configurations exist."""
        return self._starts[-1]

    def _ways_of(self, step: LayerStep | End, different: int) -> npt.NDArray[Any]:
        """Return in how many ways each state goes on, where there are so many different values so far, Python ints."""
        key = (id(step), different)
        if key not in self._ways:
            states = step.states if isinstance(step, End) else len(step.targets)
            self._ways[key] = np.broadcast_to(self._counted(step, different), (states,))
        return self._ways[key]

    def _counted(self, step: LayerStep | End, different: int) -> npt.NDArray[Any]:
        if isinstance(step, End):
            return np.full(step.states, 1, dtype=object)
        few = step.layers.distinct
        again = self._options(step, different)
        if few is None:
            return _totals(again)
        new = self._options(step, different + 1) if different < few.most else np.zeros_like(again)
        if step.first:
            return _totals(new)
        if few.ordered:
            # Of the values so far only that of the layer below can come again.
            same = few.values[step.layers.representatives][:, None] == few.values[None, :]
            return _totals(np.where(same, again, new))
        # Every value goes on in as many ways, whichever those so far were.
        ways = different * _totals(again) + (few.different - different) * _totals(new)
        return np.asarray(ways // few.different)

    def _options(self, step: LayerStep, different: int) -> npt.NDArray[Any]:
        """Return the ways on behind each option, 0 where there is none; one row where every state has the same."""
        after = self._ways_of(step.after, different)
        few = step.layers.distinct
        alike = step.exists.all() and ((after == after[0]).all() or (step.targets == step.targets[0]).all())
        if few is not None and few.ordered and not step.first:
            alike = False
        rows = 1 if alike else len(step.targets)
        return np.asarray(np.where(step.exists[:rows], after[step.targets[:rows]], 0))

    def _before_options(self, step: LayerStep, different: int) -> npt.NDArray[Any]:
        """Return how many ways the options before each one have, shape (states or 1, options + 1)."""
        key = (id(step), different)
        if key not in self._before:
            ways = self._options(step, different)
            small = max((int(row) for row in ways.sum(axis=1)), default=0) < _SMALL
            found = np.zeros((len(ways), ways.shape[1] + 1), dtype=np.int64 if small else object)
            np.cumsum(ways.astype(found.dtype), axis=1, out=found[:, 1:])
            self._before[key] = found
        return self._before[key]

    def ids(self, starts: IntArray, options: IntArray) -> npt.NDArray[Any]:
        """Return the ids of configurations: int64 where the space is small enough, else Python ints.

        Args:
            starts: the chain of each, shape (n,).
            options: what was decided, shape (n, decisions).
        """
        found = np.zeros(len(starts), dtype=np.int64 if self.size < _SMALL else object)
        for number in np.unique(starts).tolist():
            rows = np.flatnonzero(starts == number)
            chain = self._chains[number]
            if chain.first.layers.distinct is not None:
                found[rows] = [self._id(number, options[row].tolist()) for row in rows]
                continue
            total = np.full(len(rows), self._starts[number], dtype=found.dtype)
            states = np.zeros(len(rows), dtype=np.int64)
            step: LayerStep | End = chain.first
            depth = 0
            while isinstance(step, LayerStep):
                before = self._before_options(step, 0)
                option = options[rows, depth].astype(np.int64)
                total += before[states if len(before) > 1 else 0, option].astype(found.dtype, copy=False)
                states = step.targets[states, option]
                step = step.after
                depth += 1
            found[rows] = total
        return found

    def _line(self, step: LayerStep, state: int, seen: frozenset[int]) -> npt.NDArray[Any]:
        """Return how many ways the options before each one have, behind certain values; shape (options + 1,)."""
        few = step.layers.distinct
        before = self._before_options(step, len(seen))
        line: npt.NDArray[Any] = before[state if len(before) > 1 else 0]
        if few is None:
            return line
        again = np.diff(line)
        full = len(seen) >= few.most
        other = self._before_options(step, len(seen) + 1) if not full else None
        new = np.zeros_like(again) if other is None else np.diff(other[state if len(other) > 1 else 0])
        known = np.isin(few.values, list(seen))
        found = np.zeros(len(line), dtype=object)
        np.cumsum(np.where(known, again, new).astype(object), out=found[1:])
        return found

    def _id(self, start: int, options: list[int]) -> int:
        total = self._starts[start]
        step: LayerStep | End = self._chains[start].first
        state, seen = 0, frozenset[int]()
        for option in options:
            if not isinstance(step, LayerStep):
                break
            total += int(self._line(step, state, seen)[option])
            state, seen, step = self._moved(step, state, seen, option)
        return total

    def _moved(
        self, step: LayerStep, state: int, seen: frozenset[int], option: int
    ) -> tuple[int, frozenset[int], LayerStep | End]:
        few = step.layers.distinct
        known = seen if few is None else seen | {int(few.values[option])}
        return int(step.targets[state, option]), known, step.after

    def find(self, ids: Iterable[int], depth: int) -> tuple[IntArray, IntArray]:
        """Return chain and options of the configurations with some ids.

        Raises:
            IndexError: there is no such id.
        """
        wanted = list(ids)
        starts = np.zeros(len(wanted), dtype=np.int64)
        options = np.full((len(wanted), depth), -1, dtype=np.int64)
        for row, number in enumerate(wanted):
            if not 0 <= number < self.size:
                raise IndexError(f"ids run from 0 to {self.size - 1:,}; {number:,} is none")
            start = bisect.bisect_right(self._starts, number) - 1
            starts[row] = start
            left = number - self._starts[start]
            step: LayerStep | End = self._chains[start].first
            state, seen, place = 0, frozenset[int](), 0
            while isinstance(step, LayerStep):
                line = self._line(step, state, seen)
                option = int(np.searchsorted(line, left, side="right")) - 1
                options[row, place] = option
                left -= int(line[option])
                state, seen, step = self._moved(step, state, seen, option)
                place += 1
        return starts, options


def _totals(ways: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the sum of each row, Python ints."""
    return np.asarray(ways.astype(object).sum(axis=1))
