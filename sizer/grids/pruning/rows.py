"""The kept rows of a sweep by pruning, in id order, at a cost that follows the rows and not the grid."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from sizer.grids.account import Account
from sizer.grids.columns import IntArray
from sizer.grids.engine import Decider, Rows
from sizer.grids.ids import Box, blocks, lengths
from sizer.grids.pruning.boxes import Boxes, Found
from sizer.grids.pruning.counts import stages_of
from sizer.grids.pruning.pieces import Piece, pieces
from sizer.grids.pruning.search import BoxSearch
from sizer.grids.repeats import Repeats
from sizer.sweepfile.sweep import Sweep

BATCH = 1 << 18
"""Rows that are built at once."""


def pruned_rows(
    sweep: Sweep, columns: Sequence[str], account: Account, start: int = 0, stop: int | None = None
) -> Iterator[Rows]:
    """Yield the kept rows in id order, at a cost that follows the rows.

    Args:
        sweep: `prunable`, of at most 2**63 - 1 configurations.
        columns: names from `FIELDS` and `COUNTED`; `id` is always there.
        account: takes how many of the rows repeat an earlier one.
        start: the first id to look at.
        stop: the id after the last one to look at; None: to the end.
    """
    first_id = 0
    for number, grid in enumerate(sweep.grids):
        first = max(start - first_id, 0)
        end = grid.size if stop is None else min(stop - first_id, grid.size)
        if first < end:
            # Neighbouring ids make up few boxes: at most two for each axis.
            boxes = [box for _, box in blocks(lengths(grid), grid.size, first, end)]
            decider = Decider(sweep, grid, columns, Repeats.of(sweep, number))
            streams = [_offsets(piece, sweep, boxes) for piece in pieces(grid) or ()]
            for offsets in _in_batches(_merged(streams)):
                yield decider.rows_at(first_id, offsets, account)
        first_id += grid.size


def _offsets(piece: Piece, sweep: Sweep, boxes: Iterable[Box]) -> Iterator[IntArray]:
    """Yield the offsets into the grid of the configurations of a piece that pass and lie in some boxes, ascending."""
    chunk = Boxes.within(piece, boxes)
    if len(chunk):
        strides = np.array(piece.strides, dtype=np.int64)
        conditions = [stage.condition for stage in stages_of(piece, sweep)]
        for found in BoxSearch(piece, conditions, ordered=True).boxes(chunk):
            yield from expanded(found, strides)


def expanded(found: Found, strides: IntArray) -> Iterator[IntArray]:
    """Yield the offsets of the configurations of boxes, in order, a bounded number at once."""
    extents = found.high - found.low
    volumes = extents.prod(axis=0)
    starts = (found.low * strides[:, None]).sum(axis=0)
    shares = np.cumsum(volumes) // BATCH
    for share in np.split(np.arange(len(volumes)), np.flatnonzero(np.diff(shares)) + 1):
        if len(share) == 1 and volumes[share[0]] > BATCH:
            yield from _large(starts[share[0]], extents[:, share[0]], strides)
            continue
        rows = np.repeat(share, volumes[share])
        number = np.arange(len(rows)) - np.repeat(np.cumsum(volumes[share]) - volumes[share], volumes[share])
        offsets = starts[rows]
        for axis in reversed(range(len(strides))):
            if (extents[axis, share] > 1).any():
                extent = extents[axis, rows]
                offsets += number % extent * strides[axis]
                number //= extent
        yield offsets


def _large(start: int, extents: IntArray, strides: IntArray) -> Iterator[IntArray]:
    """Yield the offsets of one box of many configurations, in order."""
    volume = math.prod(map(int, extents))
    for first in range(0, volume, BATCH):
        number = np.arange(first, min(first + BATCH, volume), dtype=np.int64)
        offsets = np.full(len(number), start, dtype=np.int64)
        for axis in reversed(range(len(strides))):
            if extents[axis] > 1:
                offsets += number % extents[axis] * strides[axis]
                number //= extents[axis]
        yield offsets


def _merged(streams: list[Iterator[IntArray]]) -> Iterator[IntArray]:
    """Yield the numbers of several ascending streams as one ascending stream."""
    waiting = {number: chunk for number, stream in enumerate(streams) if (chunk := _next(stream)) is not None}
    while waiting:
        if len(waiting) == 1:
            ((number, chunk),) = waiting.items()
            yield chunk
            yield from (chunk for chunk in streams[number] if len(chunk))
            return
        # Whatever is at most every stream's last number is complete.
        mark = min(int(chunk[-1]) for chunk in waiting.values())
        ready = []
        for number, chunk in list(waiting.items()):
            cut = int(np.searchsorted(chunk, mark, side="right"))
            ready.append(chunk[:cut])
            rest = chunk[cut:] if cut < len(chunk) else _next(streams[number])
            if rest is None:
                del waiting[number]
            else:
                waiting[number] = rest
        yield np.sort(np.concatenate(ready))


def _next(stream: Iterator[IntArray]) -> IntArray | None:
    return next((chunk for chunk in stream if len(chunk)), None)


def _in_batches(chunks: Iterator[IntArray]) -> Iterator[IntArray]:
    """Yield the same numbers in arrays of a useful size."""
    waiting: list[IntArray] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= BATCH:
            yield np.concatenate(waiting)
            waiting, size = [], 0
    if waiting:
        yield np.concatenate(waiting)
