"""A counted column becomes a sum of products over the axes of a grid, evaluated with as few passes as there can be.

The wiring of a network is done once, on symbols. What is left per box is a polynomial in the swept fields, cut axis by
axis: a factor that depends on few axes is computed on those alone, and only the last sum is as large as the box.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

from sizer.grids.columns import GridColumns, IntArray
from sizer.networks.conventions import Rule
from sizer.networks.fields import FieldValue
from sizer.networks.outlines import Wiring
from sizer.numbers.interval import Interval, possibly
from sizer.numbers.polynomial import Monomial, Polynomial, Symbolic, compiled_text, evaluated, names_in


@dataclass(frozen=True)
class Sum:
    """A sum of products, cut along one axis: what stands before each factor on that axis is a sum on the axes before."""

    constant: int
    products: tuple[Product, ...] = ()

    @classmethod
    def of(cls, polynomial: Polynomial, axes_of: Callable[[str], frozenset[int]]) -> Sum:
        """Return a polynomial as a sum, cut at the last axis that its variables depend on, then at the one before ..."""
        return cls._of(polynomial.terms, {name: axes_of(name) for monomial in polynomial.terms for name in monomial})

    @classmethod
    def _of(cls, terms: Mapping[Monomial, int], axes: Mapping[str, frozenset[int]]) -> Sum:
        used = [axis for monomial in terms for name in monomial for axis in axes[name]]
        if not used:
            return cls(_wrapped(terms.get((), 0)))
        last = max(used)
        by_factor: dict[Monomial, dict[Monomial, int]] = {}
        for monomial, number in terms.items():
            factor = tuple(name for name in monomial if last in axes[name])
            rest = tuple(name for name in monomial if last not in axes[name])
            by_factor.setdefault(factor, {})[rest] = number
        before = cls._of(by_factor.pop((), {}), axes)
        products = tuple(Product(factor, cls._of(others, axes)) for factor, others in by_factor.items())
        if not before.products:
            return cls(before.constant, products)
        return cls(0, (*products, Product((), before)))

    def on(self, values: Mapping[str, IntArray], room: Room) -> Any:
        """Return the sum on a box: an int, or an array with the dimensions that it depends on.

        Args:
            values: of each variable, arrays that broadcast against each other.
            room: for the arrays; what is returned may be in it.
        """
        # Smallest first: what depends on few axes is added up before it is spread over more of them.
        arrays = sorted((product.on(values, room) for product in self.products), key=lambda found: found[0].size)
        result: Any = self.constant
        ours = False
        for array, is_ours in arrays:
            if isinstance(result, int) and result == 0:
                result, ours = array, is_ours
                continue
            shape = _spread(result, array)
            if ours and result.shape == shape:
                result += array
            elif is_ours and array.shape == shape:
                array += result
                result, ours = array, True
            else:
                result, ours = np.add(result, array, out=room.array(shape)), True
        return result


@dataclass(frozen=True)
class Product:
    """Variables that depend on one axis (and maybe on axes before it), times a sum on the axes before."""

    factor: Monomial
    coefficient: Sum

    def on(self, values: Mapping[str, IntArray], room: Room) -> tuple[Any, bool]:
        """Return the product on a box, and whether it is an array that may be written to."""
        number = self.coefficient.on(values, room)
        if not self.factor:
            return number, False
        first, *others = self.factor
        array: Any = values[first]
        for name in others:
            array = array * values[name]
        if isinstance(number, int) and number == 1:
            return array, bool(others)
        return np.multiply(array, number, out=room.array(_spread(number, array))), True


class Room:
    """Arrays that are used again for box after box: memory that is new each time costs more than the sums in it."""

    def __init__(self) -> None:
        """Start without arrays."""
        self._arrays: list[IntArray] = []
        self._used = 0

    def clear(self) -> None:
        """Let every array be used again."""
        self._used = 0

    def array(self, shape: tuple[int, ...]) -> IntArray | None:
        """Return an array of a shape with anything in it; None where a new one costs nothing."""
        size = math.prod(shape)
        if size < _LARGE:
            return None
        if self._used == len(self._arrays):
            self._arrays.append(np.empty(size, dtype=np.int64))
        elif self._arrays[self._used].size < size:
            self._arrays[self._used] = np.empty(size, dtype=np.int64)
        self._used += 1
        return self._arrays[self._used - 1][:size].reshape(shape)


_LARGE = 1 << 12
"""Arrays of fewer numbers than this come from memory that is at hand anyway."""


def _spread(first: Any, second: IntArray) -> tuple[int, ...]:
    """Return the shape of two numbers together."""
    return second.shape if isinstance(first, int) else tuple(map(max, first.shape, second.shape))


def _wrapped(number: int) -> int:
    """Return a coefficient modulo 2**64: sums of int64 wrap alike, and the whole is known to fit."""
    return (number + 2**63) % 2**64 - 2**63


class Kernel:
    """What the configurations of a grid with certain words are held to, and how they are counted."""

    def __init__(self, columns: GridColumns, words: Mapping[str, FieldValue]) -> None:
        """Do the wiring once, on symbols.

        Args:
            columns: of the grid.
            words: the swept fields of which each value is a network of its own kind.
        """
        self._columns = columns
        self.words = dict(words)
        grid = columns.grid
        positive = frozenset(name for name, never_0 in grid.sizes.items() if never_0)
        self._symbols = {name: Symbolic({(name,): 1}, positive) for name in grid.sizes}
        self.outline = grid.outline(words)
        self._wiring: Wiring | None = None
        self._sums: dict[str, Sum] = {}
        self._divisors: dict[str, int] = {}
        self._codes: dict[str, CodeType] = {}
        self.rules = self._rules_that_may_refuse()

    def _wired(self) -> Wiring:
        if self._wiring is None:
            self._wiring = self.outline.wired(self._symbols)
        return self._wiring

    def _rules_that_may_refuse(self) -> tuple[Rule, ...]:
        """Return the rules that could refuse something, in order; the others would be work in every box."""
        grid = self._columns.grid
        ends = {name: Interval(grid.least(name), grid.most(name)) for name in self._symbols}
        fed = self._wired().fed
        seen = self.outline.seen_by_rules(ends, Interval(0, 2**63) if isinstance(fed, Symbolic) else fed)
        return tuple(rule for rule in self._wired().rules if rule.of_values or np.any(possibly(rule.refuses(seen))))

    def fields(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return every field with what the convention or a default decides filled in.

        Args:
            given: as given, swept counts and booleans as int64 arrays.
        """
        return self.outline.fields({name: given[name] for name in self._symbols})

    def seen_by_rules(self, given: Mapping[str, Any], room: Room) -> dict[str, Any]:
        """Return the fields as rules see them.

        Args:
            given: as given, swept counts and booleans as int64 arrays.
            room: for the arrays; what is returned may be in it.
        """
        fed = 0
        if any(rule.field == "tied_embedding" for rule in self.rules):
            fed = self.count("fed", given, room)
        return self.outline.seen_by_rules({name: given[name] for name in self._symbols}, fed)

    def _sum(self, column: str) -> Sum:
        if column not in self._sums:
            found, divisor = (self._wired().fed, 1) if column == "fed" else self._wired().count(column)
            polynomial = found if isinstance(found, Polynomial) else Polynomial({(): int(found)})
            for monomial in polynomial.terms:
                for name in monomial:
                    if name not in self._columns.places and name not in self._codes:
                        self._codes[name] = compiled_text(name)
            self._divisors[column] = divisor
            self._sums[column] = Sum.of(polynomial, self._axes_of)
        return self._sums[column]

    def _axes_of(self, variable: str) -> frozenset[int]:
        """Return the axes that a variable depends on: a field, or a comparison of fields."""
        if variable in self._codes:
            fields = names_in(self._codes[variable])
            return frozenset(axis for name in fields for axis in self._columns.axes_of(name))
        return self._columns.axes_of(variable)

    def count(self, column: str, given: Mapping[str, Any], room: Room) -> Any:
        """Return a counted column, or `fed`: an int, or an array with the dimensions that it depends on.

        Args:
            column: its name.
            given: every swept field as an int64 array; the arrays broadcast against each other.
            room: for the arrays; what is returned may be in it.
        """
        found = self._sum(column).on(_BoxValues(given, self._codes), room)
        divisor = self._divisors[column]
        return found if divisor == 1 else -(-found // divisor)


class _BoxValues(dict[str, Any]):
    """The values of a box's variables; comparisons are made when they are asked for."""

    def __init__(self, given: Mapping[str, Any], codes: Mapping[str, CodeType]) -> None:
        super().__init__(given)
        self._codes = codes

    def __missing__(self, variable: str) -> IntArray:
        value: IntArray = evaluated(self._codes[variable], self)
        self[variable] = value
        return value
