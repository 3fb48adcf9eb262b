"""What conditions say to boxes of a piece: that nothing in them passes, that everything does, or neither."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.grids.columns import IntArray
from sizer.grids.pruning.interval_conditions import outcomes
from sizer.grids.pruning.pieces import Piece
from sizer.grids.pruning.polynomial_conditions import polynomials_at_most_zero
from sizer.networks.conventions import Rule
from sizer.networks.fields import FIELDS
from sizer.numbers.interval import Interval, certainly, possibly
from sizer.numbers.polynomial import Polynomial, polynomial
from sizer.sweepfile.expressions import Expression
from sizer.sweepfile.sweep import Bound

_LARGEST = 2**63 - 1
Mask = npt.NDArray[np.bool_]
Condition = Rule | Bound | Expression
"""What a configuration must pass: not be refused by a rule, be within a bound, or satisfy an expression."""


@dataclass(frozen=True)
class Verdict:
    """What conditions say to boxes, one entry per box."""

    possible: Mask
    """Something may pass."""
    within: Mask
    """The bounds surely hold."""
    doubted: dict[Condition, Mask]
    """The rules and expressions that do not surely hold in every box, with where they do."""
    straddled: npt.NDArray[np.int8]
    """How many bounded columns are not surely within their bounds."""

    def certain(self, but_for: Collection[Condition] = ()) -> Mask:
        """Return where the rules and expressions surely hold, but for some of them."""
        certain = np.ones(len(self.possible), dtype=np.bool_)
        for condition, surely in self.doubted.items():
            if condition not in but_for:
                certain &= surely
        return certain


class Judge:
    """Conditions on the configurations of a piece."""

    def __init__(self, piece: Piece, conditions: Sequence[Condition]) -> None:
        """Work out the bounded columns of the piece, once for all boxes.

        Args:
            piece: where.
            conditions: that must all hold.
        """
        self.piece = piece
        self.conditions = list(conditions)
        self.expressions = [condition for condition in self.conditions if isinstance(condition, Expression)]
        self.rules = [condition for condition in self.conditions if isinstance(condition, Rule)]
        self.bounds: dict[str, list[Bound]] = {}
        """Column -> the bounds on it."""
        for condition in self.conditions:
            if isinstance(condition, Bound):
                self.bounds.setdefault(condition.column, []).append(condition)
        counted = {name: piece.wiring.count(name) for name in self.bounds}
        self.polynomials = {name: polynomial(number) for name, (number, _) in counted.items()}
        """Each bounded column as a polynomial in the counts that vary, before it is divided."""
        self._divisors = {name: divisor for name, (_, divisor) in counted.items()}
        self.counts = {name: polynomial.compiled() for name, polynomial in self.polynomials.items()}

    def divisor(self, column: str) -> int:
        """Return what a counted column, bounded or not, is divided by, rounded up."""
        if column not in self._divisors:
            self._divisors[column] = self.piece.wiring.count(column)[1]
        return self._divisors[column]

    def limits(self, column: str) -> tuple[int | None, int | None]:
        """Return the smallest and the largest value of a column within all of its bounds; None: without limit.

        They are of what is counted before it is divided.
        """
        bounds = self.bounds.get(column, [])
        minima = [bound.minimum for bound in bounds if bound.minimum is not None]
        maxima = [bound.maximum for bound in bounds if bound.maximum is not None]
        return self.undivided(column, max(minima, default=None), min(maxima, default=None))

    def undivided(self, column: str, least: int | None, most: int | None) -> tuple[int | None, int | None]:
        """Return limits of a column as limits of what is counted before it is divided, and rounded up."""
        divisor = self.divisor(column)
        if divisor == 1:
            return least, most
        return (
            None if least is None else min((least - 1) * divisor + 1, _LARGEST),
            None if most is None else min(most * divisor, _LARGEST),
        )

    @cached_property
    def inequalities(self) -> dict[Rule | Expression, tuple[Polynomial, ...]]:
        """The rules and expressions that are inequalities: polynomials in what varies that must be at most 0."""
        if not self.rules and not self.expressions:
            return {}
        outline, varying = self.piece.outline, {name: Polynomial({(name,): 1}) for name in self.piece.swept}
        values = self.piece.values(varying)
        for_rules = outline.seen_by_rules(values, self.piece.wiring.fed)
        as_words = self._as_words(outline.fields(values)) if self.expressions else {}
        found: dict[Rule | Expression, tuple[Polynomial, ...]] = {}
        conditions: list[Rule | Expression] = [*self.rules, *self.expressions]
        for condition in conditions:
            fields = for_rules if isinstance(condition, Rule) else as_words
            polynomials = polynomials_at_most_zero(condition, fields)
            if polynomials is not None:
                found[condition] = polynomials
        return found

    def classify(self, low: IntArray, high: IntArray) -> Verdict:
        """Return what the conditions say to boxes.

        Args:
            low: first position on each axis, shape (axes, boxes).
            high: the position after the last one.
        """
        boxes = low.shape[1]
        possible, within = (np.ones(boxes, dtype=np.bool_) for _ in range(2))
        doubted: dict[Condition, Mask] = {}
        straddled = np.zeros(boxes, dtype=np.int8)
        first, last = self.piece.varying(low), self.piece.varying(high - 1)
        for column, count in self.counts.items():
            minimum, maximum = self.limits(column)
            if minimum is not None and maximum is not None and minimum > maximum:
                possible[:] = False
            inside: Any = np.True_
            smallest, largest = count(first), count(last)
            if maximum is not None:
                possible &= smallest <= maximum
                inside = inside & (largest <= maximum)
            if minimum is not None:
                possible &= largest >= minimum
                inside = inside & (smallest >= minimum)
            within &= inside
            straddled += np.logical_not(inside)
        if self.rules or self.expressions:
            outline = self.piece.outline
            values = self.piece.values({name: Interval(first[name], last[name]) for name in first})
            fed = Interval(*(outline.fed(self.piece.values(corner)) for corner in (first, last)))
            seen = outline.seen_by_rules(values, fed)
            for rule in self.rules:
                refuses = rule.refuses(seen)
                possible &= np.logical_not(certainly(refuses))
                surely = np.logical_not(possibly(refuses))
                if not surely.all():
                    doubted[rule] = surely
            words = self._as_words(outline.fields(values)) if self.expressions else {}
            for expression in self.expressions:
                says = outcomes(expression.tree, words)
                possible &= possibly(says)
                surely = np.asarray(certainly(says))
                if not surely.all():
                    doubted[expression] = surely
        return Verdict(possible, within, doubted, straddled)

    def passes(self, positions: IntArray) -> Mask:
        """Return which single configurations pass every condition, exactly.

        Args:
            positions: shape (axes, configurations).
        """
        varying = self.piece.varying(positions)
        passing = np.ones(positions.shape[1], dtype=np.bool_)
        for column, count in self.counts.items():
            minimum, maximum = self.limits(column)
            counted = count(varying)
            if maximum is not None:
                passing &= counted <= maximum
            if minimum is not None:
                passing &= counted >= minimum
        if self.rules or self.expressions:
            outline, values = self.piece.outline, self.piece.values(varying)
            seen = outline.seen_by_rules(values, outline.fed(values))
            for rule in self.rules:
                passing &= np.logical_not(rule.refuses(seen))
            words = self._as_words(outline.fields(values)) if self.expressions else {}
            for expression in self.expressions:
                passing &= expression.holds(words)
        return passing

    def _as_words(self, seen: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that expressions look at as they see them: booleans are booleans."""
        kinds = {name: kind for expression in self.expressions for name, kind in expression.kinds.items()}
        return {name: bool(seen[name]) if kind == "boolean" else seen[name] for name, kind in kinds.items()}

    def axes_read(self, but_for: Collection[Condition] = ()) -> frozenset[int]:
        """Return the axes that the rules and expressions depend on, but for some of them."""
        names: set[str] = set()
        for expression in self.expressions:
            if expression not in but_for:
                names |= expression.names
        for rule in self.rules:
            if rule not in but_for:
                reading = _Noticed()
                rule.refuses(reading)
                names |= reading.names
        # What feeds the output layer depends on how the whole network is wired.
        return self.piece.axes_of(frozenset(self.piece.swept if "fed" in names else names))

    def relevant_axes(self) -> frozenset[int]:
        """Return the axes that any condition depends on."""
        counted = {name for polynomial in self.polynomials.values() for name in polynomial.variables()}
        return self.axes_read() | self.piece.axes_of(frozenset(counted))


class _Noticed(Mapping[str, Any]):
    """Fields that remember which of them were looked at."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> int:
        self.names.add(name)
        return 1

    def __iter__(self) -> Iterator[str]:
        return iter(FIELDS)

    def __len__(self) -> int:
        return len(FIELDS)
