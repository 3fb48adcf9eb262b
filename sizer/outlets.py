"""Bytes go into a stream whole: what takes only a part of them is given the rest."""

from __future__ import annotations

import errno
import io
import os
import select
from typing import Any


def write_whole(stream: Any, data: Any) -> int:
    """Write all of some bytes, and return how many they are.

    A stream without a buffer may take a part of what it is given and say so only by the number that it returns: that is
    how a disk fills up, and how a table would lose its end with nobody noticing.

    Args:
        stream: open for writing bytes.
        data: anything with bytes in it.

    Raises:
        OSError: the stream does not take all of them.

    Example:
        >>> write_whole(io.BytesIO(), b"weights")
        7
    """
    left = memoryview(data).cast("B")
    size = len(left)
    while left:
        taken = stream.write(left)
        if taken is None:
            if not isinstance(stream, io.RawIOBase):
                break  # somebody's own stream, which says nothing and takes everything
            # It does not block, and is full for now.
            select.select([], [stream], [])
        elif taken:
            left = left[taken:]
        else:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
    return size
