"""Where rules and expressions cut lines and planes of a piece, so that no configuration on them is looked at by itself.

An inequality that is straight in the field that varies along a line ends the line at a division. On a plane, on which
two fields vary, one inequality may be slanted, as a budget is; others end one of its sides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.grids.columns import IntArray
from sizer.grids.pruning.pieces import Piece
from sizer.networks.conventions import Rule
from sizer.numbers.polynomial import Polynomial
from sizer.sweepfile.expressions import Expression

LARGEST = 2**61
"""Inequalities with larger numbers than this are not solved in 64-bit integers."""

Inequalities = Mapping[Rule | Expression, tuple[Polynomial, ...]]
"""Conditions, each with the polynomials that must be at most 0."""

Fields = Mapping[str, Any]
"""The fields that vary, as arrays with one value per box."""

Ends = dict[int, tuple[IntArray, IntArray]]
"""Axis -> the first place along it and the one after the last, of each box."""


@dataclass(frozen=True)
class Straight:
    """A polynomial that is straight along some axes: `rest`, and a slope times a field for each of them that matters."""

    polynomial: Polynomial
    rest: Polynomial
    slopes: dict[int, tuple[str, Polynomial]]
    """Axis -> the field on it, and what it is multiplied with."""

    @classmethod
    def of(cls, piece: Piece, polynomial: Polynomial, axes: tuple[int, ...]) -> Straight | None:
        """Return a polynomial as a straight one, or None where it is not along these axes, or too large to be solved."""
        largest = piece.varying(np.array(piece.stop, dtype=np.int64).reshape(-1, 1) - 1)
        if reach(polynomial, {name: int(value[0]) for name, value in largest.items()}) > LARGEST:
            return None
        rest = polynomial
        slopes: dict[int, tuple[str, Polynomial]] = {}
        for name in sorted(polynomial.variables()):
            if not piece.axes_of(frozenset({name})) & set(axes):
                continue
            axis, column = piece.columns.places[name]
            if axis in slopes or polynomial.degree(name) > 1 or column.base is not None:
                return None
            slopes[axis] = name, polynomial.split(name)[1]
            rest = rest.split(name)[0]
        fields = {name for name, _ in slopes.values()}
        return (
            None if any(fields & slope.variables() for _, slope in slopes.values()) else cls(polynomial, rest, slopes)
        )


def reach(polynomial: Polynomial, largest: Mapping[str, int]) -> int:
    """Return a number that no partial sum of a polynomial passes, up to the largest values of its fields."""
    return sum(
        abs(factor) * math.prod(largest[name] for name in monomial) for monomial, factor in polynomial.terms.items()
    )


class Corners:
    """A polynomial at single configurations, or how small and how large it may be between two of them."""

    def __init__(self, polynomial: Polynomial) -> None:
        """Settle the terms that grow with the fields, and those that fall."""
        self.polynomial = polynomial
        self._value = polynomial.compiled()
        self._growing, self._falling = (
            Polynomial(
                {name: sign * factor for name, factor in polynomial.terms.items() if sign * factor > 0}
            ).compiled()
            for sign in (1, -1)
        )

    def at(self, fields: Fields) -> Any:
        """Return its value."""
        return self._value(fields)

    def least(self, first: Fields, last: Fields) -> Any:
        """Return a number that it is nowhere below, where no field is below its first value or above its last one."""
        return self._growing(first) - self._falling(last)

    def most(self, first: Fields, last: Fields) -> Any:
        """Return a number that it is nowhere above."""
        return self.least(last, first)


@dataclass(frozen=True)
class Between:
    """Boxes that stand for all others between two corners, which differ from them along other axes than are cut."""

    first: IntArray
    """The lowest position on each axis, shape (axes, boxes)."""
    last: IntArray
    """The highest one; along the axes that are cut it is the lowest."""
    surely: bool
    """Cut off what some of the others are cut by; else only what all of them are."""

    def starting_at(self, low: IntArray, axes: tuple[int, ...]) -> Between:
        """Return the same with other positions along the axes that are cut."""
        sides = self.first.copy(), self.last.copy()
        for side in sides:
            side[list(axes)] = low[list(axes)]
        return Between(*sides, self.surely)


@dataclass(frozen=True)
class Slant:
    """An inequality along two axes of equal steps, which grows along both."""

    corners: Corners
    slopes: tuple[int, int]
    """How much it grows with one place on each axis, above 0."""

    @classmethod
    def of(cls, piece: Piece, straight: Straight, axes: tuple[int, ...]) -> Slant | None:
        """Return an inequality as a slanted one, or None where its slopes depend on other fields, or fall."""
        slopes = []
        for axis in axes:
            name, slope = straight.slopes[axis]
            column = piece.columns.places[name][1]
            if slope.variables() or column.step is None:
                return None
            slopes.append(slope.terms[()] * column.step)
        if min(slopes) < 0:
            return None
        return cls(Corners(straight.polynomial), (slopes[0], slopes[1]))


@dataclass(frozen=True)
class Side:
    """An inequality that one axis decides: `rest + slope * field <= 0`; or none, where there is no slope."""

    axis: int
    rest: Corners
    slope: Corners | None
    field: str

    @classmethod
    def of(cls, piece: Straight, axes: tuple[int, ...]) -> Side:
        """Return a straight polynomial that varies along one of some axes at the most."""
        for axis, (name, slope) in piece.slopes.items():
            return cls(axis, Corners(piece.rest), Corners(slope), name)
        return cls(axes[0], Corners(piece.rest), None, "")


class Cuts:
    """Where conditions cut the boxes of a piece along one axis, or along two."""

    def __init__(self, piece: Piece, axes: tuple[int, ...], inequalities: Inequalities) -> None:
        """Settle which conditions cut them.

        Args:
            piece: in which the boxes lie.
            axes: one or two, or none, which nothing cuts.
            inequalities: those that are not straight along the axes cut nothing.
        """
        self._piece = piece
        self._axes = axes
        self.sides: list[Side] = []
        """The inequalities that one axis decides, or none."""
        self.slant: Slant | None = None
        """The inequality that two axes decide together."""
        solved = []
        for condition, polynomials in inequalities.items() if axes else ():
            read = [Straight.of(piece, polynomial, axes) for polynomial in polynomials]
            straight = [one for one in read if one is not None]
            if len(straight) == len(read) and self._slanted([one for one in straight if len(one.slopes) > 1]):
                self.sides += [Side.of(one, axes) for one in straight if len(one.slopes) < 2]
                solved.append(condition)
        self.solved = frozenset(solved)
        """The conditions that cut; the others say nothing here."""

    def _slanted(self, slanted: list[Straight]) -> bool:
        """Return whether inequalities along two axes are no other than the one slant that there can be."""
        slant = self.slant
        for one in slanted:
            # A convention's rule and the sweep may say the same.
            if slant is None:
                slant = Slant.of(self._piece, one, self._axes)
                if slant is None:
                    return False
            elif one.polynomial.terms != slant.corners.polynomial.terms:
                return False
        self.slant = slant
        return True

    def cut(self, low: IntArray, ends: Ends, between: Between | None = None) -> Ends:
        """Return the ends of boxes without what is cut off; where nothing is left, one stops where it starts, or before.

        Args:
            low: first position on each axis, shape (axes, boxes).
            ends: of the boxes along the axes that are cut.
            between: the boxes stand for these; None: for themselves alone.
        """
        ends = dict(ends)
        value_of = self._values(low, between)
        for side in self.sides:
            start, stop = ends[side.axis]
            rest = value_of(side.rest)
            if side.slope is None:
                ends[side.axis] = start, np.where(rest <= 0, stop, start)
                continue
            slope = value_of(side.slope)
            # Fields are above 0, so the larger the slope, the more is cut, as with the rest.
            # rest + slope * value <= 0: up to a value where the slope is above 0, from one on where it is below.
            until = self._places_up_to(side.field, -rest // np.maximum(slope, 1))
            since = self._places_up_to(side.field, -(-rest // np.maximum(-slope, 1)) - 1)
            stop = np.where(slope > 0, np.minimum(stop, until), np.where((slope == 0) & (rest > 0), start, stop))
            ends[side.axis] = np.where(slope < 0, np.maximum(start, since), start), stop
        return ends

    def narrowed(self, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray, npt.NDArray[np.bool_]]:
        """Return boxes without what is cut off of all of them, and in which of them something is left.

        Args:
            low: first position on each axis, shape (axes, boxes).
            high: the position after the last one.
        """
        some = np.ones(low.shape[1], dtype=np.bool_)
        if not self.sides:
            return low, high, some
        axes = list(self._axes)
        last = high - 1
        last[axes] = low[axes]
        ends = self.cut(low, {axis: (low[axis], high[axis]) for axis in axes}, Between(low, last, surely=False))
        low, high = low.copy(), high.copy()
        for axis, (start, stop) in ends.items():
            left = start < stop
            low[axis], high[axis] = np.where(left, start, low[axis]), np.where(left, stop, high[axis])
            some &= left
        return low, high, some

    def room(self, low: IntArray, between: Between | None = None) -> IntArray:
        """Return how far the first configuration of each box is below where the slant cuts; see `cut`."""
        assert self.slant is not None
        room: IntArray = -self._values(low, between)(self.slant.corners)
        return room

    def _values(self, low: IntArray, between: Between | None) -> Callable[[Corners], IntArray]:
        """Return a function from polynomials to their values in each box, those that cut rightly."""
        first = self._piece.varying(low if between is None else between.first)
        last = {} if between is None else self._piece.varying(between.last)

        def value(corners: Corners) -> IntArray:
            if between is None:
                found = corners.at(first)
            else:
                found = corners.most(first, last) if between.surely else corners.least(first, last)
            return np.broadcast_to(np.asarray(found, dtype=np.int64), low.shape[1])

        return value

    def _places_up_to(self, name: str, value: IntArray) -> IntArray:
        """Return the first place, within the piece, at which a field is above a value."""
        axis, column = self._piece.columns.places[name]
        assert column.base is None  # a straight polynomial has no fractions on the axes that are cut
        return column.first_place_above(value, self._piece.start[axis], self._piece.stop[axis])
