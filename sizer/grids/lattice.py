"""How many points with whole coordinates of a rectangle lie on or below a slanted line, for thousands of them at once.

A sum of floor divisions is exchanged for a smaller one, as in Euclid's algorithm, so a rectangle of a million by a
million takes some twenty steps. Numbers are kept as 64-bit floats where all of them are exact (dividing is much faster
on those), as 64-bit integers where they fit, and as Python ints otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.grids.columns import IntArray

EXACT_FLOAT = 2**52
"""Whole numbers below this are exact as 64-bit floats, their sums too, and their quotients round down rightly."""

EXACT_INTEGER = 2**62
"""Whole numbers below this fit into 64-bit integers, and so does the sum of two."""

Numbers = npt.NDArray[Any]
"""Whole numbers, shape (n,), as floats, 64-bit integers or Python ints."""


def points_below(room: IntArray, slopes: tuple[Any, Any], extents: tuple[IntArray, IntArray]) -> Numbers:
    """Return how many (x, y) have `slopes[0] * x + slopes[1] * y <= room`, 0 <= x < extents[0], 0 <= y < extents[1].

    Args:
        room: shape (n,); below 0 there are no points.
        slopes: whole, at least 0; they broadcast to (n,).
        extents: at least 1, shape (n,) each.

    Source:
        Graham, Knuth and Patashnik, Concrete Mathematics, section 3.5, on sums of floors of arithmetic progressions.

    Example:
        >>> points_below(np.array([6, -1]), (2, 3), (np.array([10, 10]), np.array([10, 10]))).astype(int)
        array([7, 0])
    """
    if not len(room):
        return np.zeros(0, dtype=np.int64)
    steep, flat = (np.broadcast_to(np.asarray(slope, dtype=np.int64), room.shape) for slope in slopes)
    wide, high = extents
    longest = max(int(wide.max()), int(high.max()))
    widest = int(steep.max()) * int(wide.max()) + int(flat.max()) * int(high.max())
    size = max(widest, longest * longest)
    kind: Any = np.float64 if size < EXACT_FLOAT else np.int64 if size < EXACT_INTEGER else np.object_
    # More room than the far corner takes changes nothing, nor does less than none.
    room = np.clip(room, -1, min(widest, 2**63 - 1))
    return _points(*(numbers.astype(kind) for numbers in (room, steep, flat, wide, high)))


def _points(room: Numbers, steep: Numbers, flat: Numbers, wide: Numbers, high: Numbers) -> Numbers:
    # The places x < full have every y, those from `end` on have none.
    full = _places(room - flat * (high - 1), steep, wide)
    end = _places(room, steep, wide)
    found = full * high
    slanted = np.flatnonzero(end > full)
    if len(slanted):
        number, steep, flat = end[slanted] - full[slanted], steep[slanted], flat[slanted]
        # Counted from the far end, where the room is smallest, so that nothing is negative.
        lowest = room[slanted] - steep * (end[slanted] - 1)
        found[slanted] += number + _floor_sum(number, flat, steep, lowest)
    return found


def _places(room: Numbers, slope: Numbers, extent: Numbers) -> Numbers:
    """Return how many of the first places x < extent have slope * x <= room."""
    flat = slope == 0
    if not flat.any():
        steps = _quotient(room, slope) + 1
    else:
        steps = np.where(flat, np.where(room >= 0, extent, 0), _quotient(room, np.where(flat, 1, slope)) + 1)
    places: Numbers = np.clip(steps, 0, extent)
    return places


def _floor_sum(number: Numbers, divisor: Numbers, slope: Numbers, start: Numbers) -> Numbers:
    """Return the sums of (slope * k + start) // divisor over 0 <= k < number; nothing is negative."""
    total = np.zeros_like(number)
    rows = np.arange(len(number))
    while True:
        times = _quotient(slope, divisor)
        slope = slope - times * divisor
        # One of two neighbours is even. Where these products are large, so is the number of points.
        sums = times * _half(number * (number - 1))
        times = _quotient(start, divisor)
        start = start - times * divisor
        total[rows] += sums + times * number
        last = slope * number + start
        going = np.flatnonzero(last >= divisor)
        if not len(going):
            return total
        # What is left is counted along the other axis, where slope and divisor change places.
        rows, last, slope, divisor = rows[going], last[going], divisor[going], slope[going]
        number = _quotient(last, slope)
        start = last - number * slope


def _quotient(dividend: Numbers, divisor: Numbers) -> Numbers:
    quotient: Numbers = np.floor(dividend / divisor) if dividend.dtype == np.float64 else dividend // divisor
    return quotient


def _half(even: Numbers) -> Numbers:
    half: Numbers = even / 2 if even.dtype == np.float64 else even // 2
    return half
