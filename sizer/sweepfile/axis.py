"""The kinds of axis: each says itself what it holds at a place, so that nobody else asks which kind it is.

    Listed     values that are written out
    Stepped    equal steps
    Ratio      a fraction of another swept field of the same grid, its base

A place is a position on an axis, from 0. What depends on a base takes the base's value, or the base's values, beside the
place; the kinds that stand by themselves leave it out. Places may be arrays; NumPy is imported when they are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from sizer.networks.fields import FieldValue, Kind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    IntArray = npt.NDArray[np.int64]
    Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Row:
    """Whole numbers in equal steps: `start`, `start + step`, ... `length` of them; a single one has step 0."""

    start: int
    step: int
    length: int


@dataclass(frozen=True)
class Listed:
    """A swept field whose values are written out (or computed, for a geometric axis)."""

    field: str
    values: tuple[Any, ...]
    apart: bool = False
    """Whether each value makes a network of its own kind though it is no word: what shapes a model of blocks."""

    base: ClassVar[None] = None
    """No other field is needed to know a value."""
    step: ClassVar[None] = None
    """The values are in no equal steps."""

    @property
    def length(self) -> int:
        """The number of values."""
        return len(self.values)

    @cached_property
    def kind(self) -> Kind:
        """`count` where every value is a whole number, `boolean` where each is true or false, else `choice`."""
        if all(isinstance(value, bool) for value in self.values):
            return "boolean"
        return "count" if all(type(value) is int for value in self.values) else "choice"

    @property
    def structural(self) -> bool:
        """Whether each value makes a network of its own kind."""
        return self.apart or self.kind == "choice"

    def value(self, place: int, base: int = 0) -> Any:
        """Return the value at a place."""
        return self.values[place]

    def array(self, places: IntArray, base: IntArray | None = None) -> npt.NDArray[Any]:
        """Return the values at places, shaped like them."""
        import numpy as np

        if self.kind == "choice":
            found = np.empty(self.length, dtype=np.object_)  # of lists, NumPy would make a table
            for place, value in enumerate(self.values):
                found[place] = value
            return found[places]
        return np.array(self.values, dtype=np.int64 if self.kind == "count" else np.bool_)[places]

    @property
    def divisor(self) -> int:
        """The greatest common divisor of the values of a count."""
        return math.gcd(*map(int, self.values))

    def rows(self) -> list[Row]:
        """Return the values of a count as rows of equal steps."""
        return [Row(int(value), 0, 1) for value in self.values]

    def ends(self, base: tuple[int, int] = (0, 0)) -> tuple[int, int]:
        """Return the smallest and the largest value of a count or boolean."""
        return min(map(int, self.values)), max(map(int, self.values))

    def holds(self, values: Any) -> Mask | bool:
        """Return which of some values stand on the axis."""
        import numpy as np

        if not isinstance(values, np.ndarray):
            return values in self.values
        return np.isin(values, [value for value in self.values if isinstance(value, int)])

    def breaks(self) -> set[int]:
        """Return the places at which a stretch ends on which the field is fixed, or a count that grows.

        0 is a stretch of its own: without a projection other weights recur than with the smallest one.
        """
        neighbours = enumerate(itertools.pairwise(self.values), start=1)
        if self.structural or self.kind == "boolean":
            return {place for place, (before, after) in neighbours if before != after}
        return {
            place for place, (before, after) in neighbours if int(after) < int(before) or (before == 0) != (after == 0)
        }

    def only_value(self, start: int, stop: int, base: int | None = None) -> Any:
        """Return the one value between two places, None where there are several."""
        first = self.values[start]
        return first if all(value == first for value in self.values[start:stop]) else None

    def first_place_above(self, values: IntArray, start: int, stop: int) -> IntArray:
        """Return the first place from `start` to `stop` whose value is above each of some, on a stretch that grows."""
        import numpy as np

        own = np.array(self.values[start:stop], dtype=np.int64)
        return np.searchsorted(own, values, side="right") + start

    def deciding_places(self) -> Sequence[int]:
        """Return the places that decide whether anything on the axis is valid, while no other axis depends on it.

        Words and booleans decide one by one. Of a count, rules ask whether it is 0, and whether projections are small
        beside the cells; so 0, the smallest other value and the largest stand for all of them.
        """
        if self.structural or self.kind == "boolean":
            return range(self.length)
        order = sorted(range(self.length), key=lambda place: int(self.values[place]))
        return tuple(dict.fromkeys((order[0], order[min(1, len(order) - 1)], order[-1])))


@dataclass(frozen=True)
class Stepped:
    """A swept count in equal steps: `start`, `start + step`, ... `length` values."""

    field: str
    start: int
    step: int
    length: int

    base: ClassVar[None] = None
    """No other field is needed to know a value."""
    structural: ClassVar[bool] = False
    """Its values are sizes."""

    @property
    def last(self) -> int:
        """The last value."""
        return self.start + self.step * (self.length - 1)

    @property
    def divisor(self) -> int:
        """The greatest common divisor of the values."""
        return math.gcd(self.start, self.step if self.length > 1 else 0)

    def rows(self) -> list[Row]:
        """Return the values as rows of equal steps."""
        return [Row(self.start, self.step if self.length > 1 else 0, self.length)]

    def value(self, place: int, base: int = 0) -> FieldValue:
        """Return the value at a place."""
        return self.start + self.step * place

    def array(self, places: IntArray, base: IntArray | None = None) -> npt.NDArray[Any]:
        """Return the values at places, shaped like them."""
        return self.start + self.step * places

    def ends(self, base: tuple[int, int] = (0, 0)) -> tuple[int, int]:
        """Return the smallest and the largest value."""
        return self.start, self.last

    def holds(self, values: Any) -> Mask | bool:
        """Return which of some values stand on the axis."""
        found: Mask = ((values - self.start) % self.step == 0) & (values >= self.start) & (values <= self.last)
        return found

    def breaks(self) -> set[int]:
        """Return the places at which a stretch ends on which the field grows; 0 is a stretch of its own."""
        return {1} if self.start == 0 and self.length > 1 else set()

    def only_value(self, start: int, stop: int, base: int | None = None) -> FieldValue | None:
        """Return the one value between two places, None where there are several."""
        return self.value(start) if stop - start == 1 else None

    def first_place_above(self, values: IntArray, start: int, stop: int) -> IntArray:
        """Return the first place from `start` to `stop` whose value is above each of some."""
        import numpy as np

        first: IntArray = np.clip((values - self.start) // self.step + 1, start, stop)
        return first

    def deciding_places(self) -> Sequence[int]:
        """Return the places that decide whether anything on the axis is valid: 0, the smallest other value, the largest."""
        return tuple(dict.fromkeys((0, min(1, self.length - 1), self.length - 1)))


@dataclass(frozen=True)
class Ratio:
    """A swept field that is a fraction of another swept field of the same grid.

    The value is base * ratio; with `round_to`, the nearest multiple of it, ties up, at least `round_to`.
    """

    field: str
    base: str
    ratios: tuple[Fraction, ...]
    round_to: int | None

    step: ClassVar[None] = None
    """The values are in no equal steps."""
    structural: ClassVar[bool] = False
    """Its values are sizes."""

    @property
    def length(self) -> int:
        """The number of ratios."""
        return len(self.ratios)

    def value(self, place: int, base: int = 0) -> int:
        """Return the value at a place, of a value of the base.

        Example:
            >>> Ratio("outputs", "cells", (Fraction(1, 8),), 8).value(0, 100)
            16
        """
        return rounded(base, self.ratios[place], self.round_to)

    def array(self, places: IntArray, base: IntArray | None = None) -> npt.NDArray[Any]:
        """Return the values at places, of values of the base that broadcast against them.

        Exact in int64: the loader has made sure that no product passes 2**63 - 1.
        """
        import numpy as np

        assert base is not None
        numerators = np.array([ratio.numerator for ratio in self.ratios], dtype=np.int64)[places]
        denominators = np.array([ratio.denominator for ratio in self.ratios], dtype=np.int64)[places]
        if self.round_to is None:
            exact: IntArray = base * numerators // denominators
            return exact
        doubled = 2 * self.round_to * denominators
        multiples = (2 * base * numerators + self.round_to * denominators) // doubled
        found: IntArray = np.maximum(multiples, 1) * self.round_to
        return found

    def ends(self, base: tuple[int, int] = (0, 0)) -> tuple[int, int]:
        """Return the smallest and the largest value, of those of the base."""
        return rounded(base[0], min(self.ratios), self.round_to), rounded(base[1], max(self.ratios), self.round_to)

    def deciding_places(self) -> Sequence[int]:
        """Return the places that decide whether anything on the axis is valid: each, since they depend on the base's."""
        return range(self.length)

    def breaks(self) -> set[int]:
        """Return the places at which a stretch ends on which the ratios grow."""
        pairs = enumerate(itertools.pairwise(self.ratios), start=1)
        return {place for place, (before, after) in pairs if after < before}

    def only_value(self, start: int, stop: int, base: int | None = None) -> int | None:
        """Return the one value between two places, None where there are several or the base varies."""
        if base is None:
            return None
        values = {self.value(place, base) for place in range(start, stop)}
        return values.pop() if len(values) == 1 else None


Alone = Listed | Stepped
"""What stands by itself."""
Column = Listed | Stepped | Ratio


def rounded(base: int, ratio: Fraction, round_to: int | None) -> int:
    """Return base * ratio, rounded to the nearest multiple of `round_to`, ties up, at least `round_to`.

    Example:
        >>> rounded(100, Fraction(1, 4), 8), rounded(1, Fraction(1, 4), 8), rounded(100, Fraction(1, 4), None)
        (24, 8, 25)
    """
    if round_to is None:
        return int(base * ratio)
    return max(round_to, math.floor(base * ratio / round_to + Fraction(1, 2)) * round_to)
