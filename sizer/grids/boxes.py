"""Where configurations stand: ids as mixed-radix numbers, and boxes of neighbouring ids.

A box is one range of positions per axis. The boxes of `blocks` are contiguous in id: single positions on the slow
axes, a range on one axis, everything on the fast ones. So a grid of any size is walked in bounded pieces.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from sizer.sweepfile.sweep import Grid, Sweep

Box = tuple[range, ...]
"""Positions per axis, each a range of step 1."""


def strides(lengths: Sequence[int]) -> tuple[int, ...]:
    """Return how far apart two neighbours on each axis stand in id.

    Example:
        >>> strides((5, 31, 4))
        (124, 4, 1)
    """
    found = []
    stride = 1
    for length in reversed(lengths):
        found.append(stride)
        stride *= length
    return tuple(reversed(found))


def lengths(grid: Grid) -> tuple[int, ...]:
    """Return the length of each axis of a grid."""
    return tuple(axis.length for axis in grid.axes)


def positions(grid: Grid, offset: int) -> tuple[int, ...]:
    """Return the position on each axis of the configuration that stands `offset` places into the grid."""
    return tuple(
        offset // stride % length for stride, length in zip(strides(lengths(grid)), lengths(grid), strict=True)
    )


def locate(sweep: Sweep, configuration_id: int) -> tuple[Grid, tuple[int, ...]]:
    """Return the grid and the positions on its axes of a configuration.

    Raises:
        IndexError: no configuration has that id.
    """
    offset = configuration_id
    if offset >= 0:
        for grid in sweep.grids:
            if offset < grid.size:
                return grid, positions(grid, offset)
            offset -= grid.size
    raise IndexError(f"there is no configuration {configuration_id}; the ids go from 0 to {sweep.size - 1}")


def volume(box: Box) -> int:
    """Return the number of configurations in a box."""
    return math.prod(len(side) for side in box)


def blocks(lengths: Sequence[int], most: int) -> Iterator[tuple[int, Box]]:
    """Yield (offset of the first configuration, box) for pieces of at most `most` configurations, in id order.

    Args:
        lengths: of the axes; no axes at all is one configuration.
        most: at least 1.

    Example:
        >>> [(offset, [list(side) for side in box]) for offset, box in blocks((2, 3), 2)]
        [(0, [[0], [0, 1]]), (2, [[0], [2]]), (3, [[1], [0, 1]]), (5, [[1], [2]])]
    """
    split = len(lengths)
    inner = 1
    while split and inner * lengths[split - 1] <= most:
        split -= 1
        inner *= lengths[split]
    whole = tuple(range(length) for length in lengths[split:])
    if split == 0:
        yield 0, whole
        return
    step = most // inner
    outer = lengths[: split - 1]
    offset = 0
    for number in range(math.prod(outer)):
        single = tuple(
            range(place, place + 1)
            for place in (number // stride % length for stride, length in zip(strides(outer), outer, strict=True))
        )
        for start in range(0, lengths[split - 1], step):
            side = range(start, min(start + step, lengths[split - 1]))
            yield offset, (*single, side, *whole)
            offset += len(side) * inner
