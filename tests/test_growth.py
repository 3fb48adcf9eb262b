"""Numbers that grow step by step: what they say about a stretch of steps is true of every step of it."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizer.numbers.growth import Growth, Standpoint, last_step, nearest_multiple, nearest_multiples, straight
from sizer.sweepfile.axis import rounded
from tests.examples import examples, saw, seeing

COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
SLOPES = st.fractions(Fraction(1, 9), 9, max_denominator=9)
FAR = 60


@seeing(held=5000)
@settings(max_examples=examples(500))
@given(
    first=SLOPES,
    second=SLOPES,
    round_to=st.integers(1, 7),
    offset=st.integers(0, 40),
    at=st.integers(1, 40),
    squared=st.booleans(),
    compare=st.sampled_from(COMPARISONS),
)
def test_a_comparison_holds_over_its_stretch_and_says_where_it_may_not(
    first: Fraction,
    second: Fraction,
    round_to: int,
    offset: int,
    at: int,
    squared: bool,
    compare: Callable[[object, object], Any],
) -> None:
    def numbers(step: int) -> tuple[Growth, Growth]:
        here = Standpoint(step)
        one = nearest_multiples(first, round_to, here)
        other = nearest_multiples(second, 1, here) + offset
        return (one, other) if not squared else (one * one, other * 3 - 2)  # type: ignore[return-value]

    answer = compare(*numbers(at))
    stretch = answer.stretch

    assert stretch.first <= at
    assert stretch.last is None or at <= stretch.last
    for step in range(stretch.first, min(stretch.last or FAR, FAR) + 1):
        one, other = numbers(step)
        assert one.value == nearest_multiple(first * step, round_to) ** (2 if squared else 1)
        if not stretch.mixed:
            assert compare(one.value, other.value) == answer.value, step
            saw("held")


@given(roots=st.lists(st.integers(-3, 30), min_size=1, max_size=4), at=st.integers(1, 30))
def test_a_stretch_of_an_exact_comparison_ends_where_the_sign_changes(roots: list[int], at: int) -> None:
    """A product that is written out on both sides: what grows on the one, what falls on the other."""
    coefficients = [1]
    for root in roots:
        coefficients = [a - root * b for a, b in zip([0, *coefficients], [*coefficients, 0], strict=True)]
    here = Standpoint(at)
    step = straight(at, 1, here)
    rising = sum((c * _power(step, n) for n, c in enumerate(coefficients) if c > 0), start=step)
    falling = sum((-c * _power(step, n) for n, c in enumerate(coefficients) if c < 0), start=step)

    def sign(number: int) -> int:
        found: int = sum(c * int(number**n) for n, c in enumerate(coefficients))
        return (found > 0) - (found < 0)

    assert bool(rising > falling) - bool(rising < falling) == sign(at)
    stretch = here.decided
    assert not stretch.mixed
    assert all(sign(number) == sign(at) for number in range(stretch.first, min(stretch.last or FAR, FAR) + 1))
    assert stretch.first == 1 or sign(stretch.first - 1) != sign(at)
    assert stretch.last is None or sign(stretch.last + 1) != sign(at)


def _power(number: Growth, exponent: int) -> Growth | int:
    found: Growth | int = 1
    for _ in range(exponent):
        found = number * found
    return found


def test_what_is_constant() -> None:
    here = Standpoint(5)
    cells = straight(40, 8, here)
    assert not cells.constant
    assert cells * 0 == 0
    few = nearest_multiples(Fraction(1, 100), 8, here)
    assert few.constant
    assert (few.value, few.stretch.last) == (8, 399)


def test_a_stretch_is_noted_only_where_something_is_decided() -> None:
    here = Standpoint(5)
    cells = straight(40, 8, here)
    equal = cells == 40
    assert (equal.value, equal.stretch.first, equal.stretch.last) == (1, 5, 5)
    either: list[Any] = [cells * (1 - 1 * equal) + 3 * equal, equal & (cells > 3), equal | (cells > 50), cells != 40]
    assert [number.value for number in either] == [3, 1, 1, 0]
    assert (equal & False, equal | True) == (False, True)
    assert (equal & True) is (equal | False) is equal
    assert cells
    assert (here.decided.first, here.decided.last) == (1, None)
    assert equal
    assert vars(here.decided) == {"first": 5, "last": 5, "mixed": False, "periodic": True}


def test_what_might_fall_is_refused() -> None:
    with pytest.raises(TypeError, match="a number that grows cannot be subtracted"):
        3 - straight(40, 8, Standpoint(5))


@given(value=st.integers(0, 500), ratio=SLOPES, round_to=st.integers(1, 20))
def test_rounding_is_that_of_a_sweep(value: int, ratio: Fraction, round_to: int) -> None:
    assert nearest_multiple(value * ratio, round_to) == rounded(value, ratio, round_to)


@pytest.mark.parametrize("last", [None, 12, 50, 10**30])
@pytest.mark.parametrize("limit", [3, 4, 10, 12])
def test_last_step(limit: int, last: int | None) -> None:
    assert last_step(lambda step: step <= limit, 3, last) == limit
