"""Whole numbers past 2^63, many side by side: digits in base 2^24, the lowest first, shape (digits, ...).

A digit has room for sums of millions of them, which are carried afterwards. Tables hold limbs of two digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

BITS = 24
"""Bits of a digit."""
LIMB_BITS = 2 * BITS
"""Bits of a limb; 2^15 of them can be added up before a carry."""
_DIGIT = (1 << BITS) - 1
_LIMB = (1 << LIMB_BITS) - 1
_WHOLE = 3
"""Digits of a number that is one int64."""


def digits_of(limbs: IntArray, number: int) -> IntArray:
    """Return the digits of numbers.

    Args:
        limbs: shape (limbs, ...); a single limb may be any number from 0 to 2^63 - 1.
        number: how many digits.
    """
    found = np.zeros((number, *limbs.shape[1:]), dtype=np.int64)
    if len(limbs) == 1:
        for place in range(min(number, _WHOLE)):
            found[place] = (limbs[0] >> (BITS * place)) & _DIGIT
        return found
    for place, limb in enumerate(limbs):
        for half in range(2):
            if 2 * place + half < number:
                found[2 * place + half] = (limb >> (BITS * half)) & _DIGIT
    return found


def carry(digits: IntArray) -> None:
    """Bring all digits but the highest between 0 and the base, in place; sums and differences may stand there."""
    for place in range(len(digits) - 1):
        digits[place + 1] += digits[place] >> BITS
        digits[place] &= _DIGIT


def carry_limbs(limbs: IntArray) -> None:
    """Bring all limbs but the highest between 0 and the base, in place."""
    for place in range(len(limbs) - 1):
        limbs[place + 1] += limbs[place] >> LIMB_BITS
        limbs[place] &= _LIMB


def limbs_of(numbers: npt.NDArray[Any], number: int) -> IntArray:
    """Return the limbs of whole numbers, int64 or Python ints, shape (number, n); one limb holds any int64."""
    if number == 1:
        return numbers.astype(np.int64)[None]
    found = np.empty((number, len(numbers)), dtype=np.int64)
    for place in range(number - 1):
        found[place] = (numbers >> (LIMB_BITS * place) & _LIMB).astype(np.int64)
    found[-1] = (numbers >> (LIMB_BITS * (number - 1))).astype(np.int64)
    return found


def whole_limbs(limbs: IntArray) -> npt.NDArray[Any]:
    """Return numbers by their limbs as Python ints."""
    total = limbs[-1].astype(object)
    for limb in limbs[-2::-1]:
        total = (total << LIMB_BITS) + limb.astype(object)
    return np.asarray(total, dtype=object)


def split_limbs(single: IntArray) -> tuple[IntArray, IntArray]:
    """Return the two limbs of numbers that are one int64."""
    return single & _LIMB, single >> LIMB_BITS


def exceeds(first: IntArray, second: IntArray) -> npt.NDArray[np.bool_]:
    """Return where numbers are above others, both carried."""
    above = np.zeros(np.broadcast_shapes(first.shape[1:], second.shape[1:]), dtype=np.bool_)
    for one, other in zip(first, second, strict=True):  # from the lowest digit: a higher one decides over it
        above = (one > other) | ((one == other) & above)
    return above


def read_ints(numbers: Iterable[int], number: int) -> IntArray:
    """Return the digits of Python ints, shape (number, n)."""
    listed = np.array(list(numbers), dtype=object)
    found = np.zeros((number, len(listed)), dtype=np.int64)
    for place in range(number - 1):
        found[place] = (listed >> (BITS * place) & _DIGIT).astype(np.int64)
    found[-1] = (listed >> (BITS * (number - 1))).astype(np.int64)
    return found


def whole(digits: IntArray) -> npt.NDArray[Any]:
    """Return numbers as an array of Python ints."""
    total = digits[-1].astype(object)
    for digit in digits[-2::-1]:
        total = (total << BITS) + digit.astype(object)
    return np.asarray(total, dtype=object)


def exact_sum(limbs: IntArray, times: IntArray | None = None) -> int:
    """Return a sum of numbers as a Python int.

    Args:
        limbs: shape (limbs, n), n below 2^31.
        times: how often each is added, shape (n,), the sum of them below 2^31.
    """
    total = 0
    for place, limb in enumerate(limbs):
        high, low = limb >> 32, limb & 0xFFFFFFFF
        if times is not None:
            high, low = high * times, low * times
        total += ((int(high.sum()) << 32) + int(low.sum())) << (LIMB_BITS * place)
    return total


def digits_for(largest: int) -> int:
    """Return how many digits numbers up to a largest one take."""
    return max(1, -(-largest.bit_length() // BITS))


def sum_along(limbs: IntArray, axis: int) -> Sequence[int]:
    """Return sums along an axis of numbers with two axes, as Python ints."""
    found: Any = 0
    for place, limb in enumerate(limbs):
        high = (limb >> 32).sum(axis=axis - 1).astype(object)
        low = (limb & 0xFFFFFFFF).sum(axis=axis - 1).astype(object)
        found = found + (((high << 32) + low) << (LIMB_BITS * place))
    result: list[int] = found.tolist()
    return result
