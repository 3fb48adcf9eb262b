"""How many points with whole coordinates of a rectangle lie on or below slanted lines, for thousands of them at once.

A sum of floor divisions is exchanged for a smaller one, as in Euclid's algorithm, so a rectangle of a million by a
million takes some twenty steps. Numbers are kept as 64-bit floats where all of them are exact (dividing is much faster
on those), as 64-bit integers where they fit, and as Python ints otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        extents: at least 0, shape (n,) each.

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
    room = _clipped(room, (steep, flat), extents)
    found = _points(*(numbers.astype(kind) for numbers in (room, steep, flat, wide, high)))
    # A sum of floats and of larger whole numbers would be rounded.
    return found.astype(np.int64) if kind is np.float64 else found


Line = tuple[Any, Any, Any]
"""Of a slanted line, how much room the point (0, 0) leaves below it, and its slopes: whole, at least 0."""


def points_below_all(lines: Sequence[Line], extents: tuple[IntArray, IntArray]) -> Numbers:
    """Return how many points of rectangles lie on or below every one of some slanted lines.

    Args:
        lines: each as in `points_below`; they broadcast to (n,).
        extents: of the rectangles, at least 0, shape (n,) each.

    Example:
        >>> points_below_all([(6, 2, 3), (4, 1, 4)], (np.array([10]), np.array([10]))).astype(int)
        array([5])
    """
    wide, high = extents
    if not lines:
        large = int(wide.max(initial=0)) * int(high.max(initial=0)) >= EXACT_INTEGER
        whole: Numbers = wide.astype(object) * high if large else wide * high
        return whole
    if len(lines) == 1:
        ((room, steep, flat),) = lines
        return points_below(np.broadcast_to(room, wide.shape), (steep, flat), extents)
    if not len(wide):
        return np.zeros(0, dtype=np.int64)
    arrays = [_as_arrays(line, extents) for line in lines]
    (room, steep, flat), (other_room, other_steep, other_flat), *rest = arrays
    # Where a line says nothing of y, it ends the rectangle, and the other one does the rest.
    upright, other_upright = flat == 0, other_flat == 0
    wide = np.where(upright, _places(room, steep, wide), wide)
    wide = np.where(other_upright, _places(other_room, other_steep, wide), wide)
    # From the first x on at which the steeper line is the lower one, it is the one that counts.
    most = max(int(numbers.max(initial=1)) for numbers in (room, other_room, steep, flat, other_steep, other_flat))
    kind: Any = np.int64 if 2 * most**2 < EXACT_INTEGER else np.object_
    ahead = room.astype(kind) * other_flat - other_room.astype(kind) * flat
    turn = steep.astype(kind) * other_flat - other_steep.astype(kind) * flat
    late = (turn > 0) | ((turn == 0) & (ahead <= 0))
    split = np.clip(-(-np.where(late, ahead, -ahead) // np.maximum(abs(turn), 1)), 0, wide).astype(np.int64)
    split[other_upright], late[other_upright] = wide[other_upright], False
    split[upright], late[upright] = 0, False
    early = np.where(late, other_room, room), np.where(late, other_steep, steep), np.where(late, other_flat, flat)
    later = np.where(late, room, other_room), np.where(late, steep, other_steep), np.where(late, flat, other_flat)
    before = points_below_all([early, *rest], (split, high))
    moved = [_moved(line, split) for line in (later, *rest)]
    return before + points_below_all(moved, (wide - split, high))


def _as_arrays(line: Line, extents: tuple[IntArray, IntArray]) -> Line:
    """Return a line with numbers of its own for each rectangle, and no more room than says something there."""
    room, steep, flat = line
    room, steep, flat, _ = np.broadcast_arrays(_clipped(room, (steep, flat), extents), steep, flat, extents[0])
    return room, steep, flat


def _moved(line: Line, steps: IntArray) -> Line:
    """Return a line as it is seen from some steps along x; below 0 there is no room for any point."""
    room, steep, flat = line
    longest = int(steps.max(initial=0)) * int(steep.max(initial=0))
    kind: Any = np.int64 if longest < EXACT_INTEGER else np.object_
    return room.astype(kind) - steep.astype(kind) * steps, steep, flat


def _clipped(room: IntArray, slopes: tuple[Any, Any], extents: tuple[IntArray, IntArray]) -> IntArray:
    """Return no more room than the far corner takes, which changes nothing, and no less than none at all."""
    (steep, flat), (wide, high) = slopes, extents
    widest = int(np.max(steep)) * int(wide.max(initial=0)) + int(np.max(flat)) * int(high.max(initial=0))
    clipped: IntArray = np.clip(room, -1, min(widest, 2**63 - 2))
    return clipped


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
