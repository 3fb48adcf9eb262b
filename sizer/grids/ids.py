"""Where configurations stand: ids as mixed-radix numbers, and boxes of neighbouring ids.

A box is one range of positions per axis. The boxes of `blocks` are contiguous in id: single positions on the slow
axes, a range on one axis, everything on the fast ones. So a grid of any size is walked in bounded pieces.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

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


def configuration_at(sweep: Sweep, configuration_id: int) -> dict[str, Any]:
    """Return the fields, as given, of a configuration.

    Raises:
        IndexError: no configuration has that id.
    """
    grid, places = locate(sweep, configuration_id)
    return grid.configuration(places)


def volume(box: Box) -> int:
    """Return the number of configurations in a box."""
    return math.prod(len(side) for side in box)


def blocks(lengths: Sequence[int], most: int, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, Box]]:
    """Yield (offset of the first configuration, box) for pieces of at most `most` configurations, in id order.

    Args:
        lengths: of the axes; no axes at all is one configuration.
        most: at least 1.
        start: the first offset.
        stop: the offset after the last one; None: to the end.

    Example:
        >>> [(offset, [list(side) for side in box]) for offset, box in blocks((2, 3), 2)]
        [(0, [[0], [0, 1]]), (2, [[0], [2]]), (3, [[1], [0, 1]]), (5, [[1], [2]])]
    """
    steps = strides(lengths)
    end = math.prod(lengths) if stop is None else stop
    if not lengths and start < end:
        yield 0, ()
        return
    offset = start
    while offset < end:
        room = min(most, end - offset)
        axis = next(axis for axis, step in enumerate(steps) if step <= room and offset % step == 0)
        place = offset // steps[axis] % lengths[axis]
        number = min(room // steps[axis], lengths[axis] - place)
        outer = (offset // step % length for step, length in zip(steps[:axis], lengths, strict=False))
        single = tuple(range(position, position + 1) for position in outer)
        yield offset, (*single, range(place, place + number), *(range(length) for length in lengths[axis + 1 :]))
        offset += number * steps[axis]
