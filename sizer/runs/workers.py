"""Parts on every core: threads write them, since NumPy and Arrow leave Python to the others while they work.

Processes were measured too: they are no faster once they have started, and each takes most of a second and a hundred
megabytes to start.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from sizer.runs.parts import Job, WrittenPart, write_part
from sizer.tables.stored.folders import Folder


def available_cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def write_in_threads(job: Job, folder: Folder, parts: Sequence[int], workers: int) -> Generator[WrittenPart]:
    """Yield parts as they are written by threads, in no particular order.

    Where the caller stops, or a part fails, those under way are finished and the others are not begun.

    Args:
        job: what is to be written.
        folder: where.
        parts: their numbers.
        workers: how many are written at once.

    Raises:
        OSError: the folder cannot be written.
    """
    failed = threading.Event()

    def write(part: int) -> WrittenPart | None:
        if failed.is_set():
            return None
        try:
            return write_part(job, part, folder)
        except BaseException:
            failed.set()
            raise

    pool = ThreadPoolExecutor(workers, thread_name_prefix="sizer")
    try:
        for future in as_completed([pool.submit(write, part) for part in parts]):
            written = future.result()
            if written is not None:
                yield written
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
