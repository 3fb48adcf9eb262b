"""Ratios of other axes: held against their bases, without writing out an axis of a million million steps."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sizer.networks.fields import FIELDS, Field
from sizer.sweepfile.axes import LARGEST, is_count
from sizer.sweepfile.axis import Alone, Column, Ratio, Row, rounded
from sizer.sweepfile.findings import Findings
from sizer.sweepfile.yamltext import Path

ENUMERATED = 200_000
"""How many rounded values of a file are looked at one by one before `round_to` is asked for."""


@dataclass(frozen=True)
class _Range:
    """What a column can be: its ends and a common divisor, and rows that may overlap where somebody asks for them."""

    low: int
    high: int
    divisor: int
    exact: bool
    """Whether the divisor is the greatest one; otherwise what it does not say is looked at row by row."""
    rows: Callable[[], Sequence[Row] | None]
    """None where they are too many."""


def check_ratios(
    columns: Mapping[str, tuple[Column, Path]],
    model: Collection[str],
    findings: Findings,
    looks: Looks | None = None,
    fields: Mapping[str, Field] = FIELDS,
) -> dict[str, tuple[int, int]]:
    """Return the smallest and largest value of every count column, and report the ratios that do not work.

    Args:
        columns: field -> the column and where it is declared, for the axes of one grid that have no faults.
        model: the fields that stay the same.
        findings: takes the faults.
        looks: how many values may still be looked at one by one, for all grids of a file.
        fields: those that may be swept, by name.
    """
    check = _RatioCheck(columns, model, findings, looks or Looks(), fields)
    known = {name: check.values(name, ()) for name in columns if is_count(name, fields)}
    return {name: (values.low, values.high) for name, values in known.items() if values is not None}


@dataclass
class Looks:
    """How many values may still be looked at one by one, so that no file takes long."""

    left: int = ENUMERATED

    def taken(self, number: int) -> bool:
        """Return whether so many may be looked at, and take them."""
        if number > self.left:
            return False
        self.left -= number
        return True


class _RatioCheck:
    def __init__(
        self,
        columns: Mapping[str, tuple[Column, Path]],
        model: Collection[str],
        findings: Findings,
        looks: Looks,
        fields: Mapping[str, Field],
    ) -> None:
        self.fields = fields
        self.columns = columns
        self.model = model
        self.findings = findings
        self.looks = looks
        self.known: dict[str, _Range | None] = {}

    def values(self, name: str, above: tuple[str, ...]) -> _Range | None:
        """Return what a column can be, None where that cannot be said; `above` leads here from base to base."""
        if name in above:
            self._report_cycle((*above[above.index(name) :], name))
            return None
        if name not in self.known:
            column, path = self.columns[name]
            found = _plain(column) if column.base is None else self._of_ratio(column, path, (*above, name))
            # A cycle may have been settled on the way down.
            self.known.setdefault(name, found)
        return self.known[name]

    def _report_cycle(self, cycle: tuple[str, ...]) -> None:
        for position, name in enumerate(cycle[:-1]):
            round_trip = (*cycle[position:-1], *cycle[:position], name)
            _, path = self.columns[name]
            self.findings.at_value((*path, "of"), f"is a ratio of itself: {' of '.join(round_trip)}")
            self.known[name] = None

    def _of_ratio(self, ratio: Ratio, path: Path, above: tuple[str, ...]) -> _Range | None:
        place = (*path, "of")
        if ratio.base not in self.columns:
            self._report_base(ratio.base, place)
            return None
        if not is_count(ratio.base, self.fields):
            self.findings.at_value(place, f"'{ratio.base}' is not a count; only counts have fractions")
            return None
        base = self.values(ratio.base, above)
        if base is None:
            return None
        found = self._rounded_values(base, ratio) if ratio.round_to else self._exact_values(base, ratio, path)
        if found is None or not self._fits(ratio, base, found, path):
            return None
        return found

    def _report_base(self, base: str, place: Path) -> None:
        grid = place[:-2] if "linked" not in place else place[: place.index("linked")]
        if self.findings.touched((*grid, base)):
            return  # it is an axis of this grid, with faults of its own
        if base in self.model:
            message = f"'{base}' stays the same, in model; a ratio needs a swept field"
        elif base in self.fields:
            message = f"'{base}' is not swept in this grid; a ratio needs a swept field"
        else:
            hint = self.findings.hint(base, self.columns)
            message = f"no field named '{base[:80]}'{hint}"
        self.findings.at_value(place, message)

    def _exact_values(self, base: _Range, ratio: Ratio, path: Path) -> _Range | None:
        for position, fraction in enumerate(ratio.ratios):
            place = self._ratio_place(path, position)
            if base.divisor % fraction.denominator == 0:
                continue
            rows = base.rows()
            if rows is None or (not base.exact and not self.looks.taken(len(rows))):
                message = f"is a fraction of too many values to check each ({ratio.base}); add round_to"
                self.findings.at_value(place, message)
                return None
            broken = _first_broken(rows, fraction)
            if broken is not None:
                shown = self.findings.document.spot(place).text
                message = f"{shown} of {broken} ({ratio.base}) is not whole; add round_to, or choose other values"
                self.findings.at_value(place, message)
                return None
        least, most = min(ratio.ratios), max(ratio.ratios)
        divides = all(base.divisor % one.denominator == 0 for one in ratio.ratios)
        # Otherwise the values themselves have shown it, and of what divides their fractions nothing is known.
        divisor = math.gcd(*(base.divisor * one.numerator // one.denominator for one in ratio.ratios)) if divides else 1

        def scaled_rows() -> Sequence[Row] | None:
            below = base.rows()
            if below is None or not self.looks.taken(len(below) * len(ratio.ratios)):
                return None
            return [
                Row(_scaled(row.start, fraction), _scaled(row.step, fraction), row.length)
                for row in below
                for fraction in ratio.ratios
            ]

        return _Range(
            int(base.low * least), int(base.high * most), divisor, base.exact and divides, functools.cache(scaled_rows)
        )

    def _rounded_values(self, base: _Range, ratio: Ratio) -> _Range:
        step = ratio.round_to or 1

        def rows() -> Sequence[Row] | None:
            below = base.rows()
            if below is None or not self.looks.taken(sum(row.length for row in below) * len(ratio.ratios)):
                return None
            values = {
                rounded(row.start + row.step * place, fraction, step)
                for row in below
                for place in range(row.length)
                for fraction in ratio.ratios
            }
            return [Row(value, 0, 1) for value in sorted(values)]

        low, high = rounded(base.low, min(ratio.ratios), step), rounded(base.high, max(ratio.ratios), step)
        return _Range(low, high, step, exact=False, rows=functools.cache(rows))

    def _fits(self, ratio: Ratio, base: _Range, found: _Range, path: Path) -> bool:
        field = self.fields[ratio.field]
        place = self._ratio_place(path, 0) if len(ratio.ratios) == 1 else (*path, "ratio")
        if found.low < field.minimum:
            self.findings.at_value(place, f"gives {found.low}, below the minimum, {field.minimum}")
            return False
        highest = LARGEST if field.maximum is None else field.maximum
        if found.high > highest:
            self.findings.at_value(place, f"gives {found.high}, above the maximum, {highest}")
            return False
        for position, fraction in enumerate(ratio.ratios):
            # The engine multiplies before it divides, in 64 bits.
            step = ratio.round_to or 0
            if 2 * base.high * fraction.numerator + 2 * step * fraction.denominator > LARGEST:
                message = f"is too fine a fraction for values up to {base.high:,}; write it with fewer digits"
                self.findings.at_value(self._ratio_place(path, position), message)
                return False
        return True

    def _ratio_place(self, path: Path, position: int) -> Path:
        listed = (*path, "ratio", position)
        return listed if listed in self.findings.document.spots else (*path, "ratio")


def _plain(column: Alone) -> _Range:
    return _Range(*column.ends(), column.divisor, exact=True, rows=functools.cache(column.rows))


def _scaled(value: int, fraction: Fraction) -> int:
    """Return a whole number times a fraction of it that is whole."""
    return value * fraction.numerator // fraction.denominator


def _first_broken(rows: Sequence[Row], fraction: Fraction) -> int | None:
    """Return the first value whose fraction is not whole. The fraction is in lowest terms, so its denominator must divide."""
    for row in rows:
        if row.start % fraction.denominator:
            return row.start
        if row.step % fraction.denominator:
            return row.start + row.step
    return None
