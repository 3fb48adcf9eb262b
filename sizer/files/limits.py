"""How much of a file is read, kept and tried before it is refused: a hostile file costs no more than these.

Every reader spends from one `ReadingAllowance`, so that files within files do not start anew.
"""

from __future__ import annotations

import json
import time
from typing import Any

from sizer.errors import Fault, InputError, quoted

MOST_AT_ONCE = 64 * 2**20
"""Bytes that are read in one piece: headers are shorter, and weights are never read."""
MOST_JSON = 32 * 2**20
"""Bytes of a header or a configuration in JSON."""
MOST_JSON_PARTS = 3_000_000
"""Commas, brackets and braces in it: each is a value that takes memory."""
MOST_TENSORS = 250_000
"""In one file; the largest public checkpoints have some 100,000 in all of their parts together."""
MOST_DIMENSIONS = 64
"""Of one tensor; frameworks stop at 64 or earlier."""
MOST_NAME = 4_096
"""Characters in a tensor's name."""
MOST_STEPS = 6_000_000
"""Opcodes, fields, nodes and members that are looked at; the largest real file tried needs some 300,000."""
MOST_SECONDS = 60.0
"""For one file with everything in it."""
MOST_UNPACKED = 4 * 2**30
"""Bytes that come out of compressed files, counted each time they are unpacked."""
MOST_NESTING = 100
"""Levels of tables, messages and groups within each other."""
MOST_ARCHIVES = 4
"""Archives within each other."""


def unread(message: str) -> InputError:
    """Return what is raised where a file is not read, as one fault; who opened the file says which one it is."""
    return InputError([Fault("", 0, 0, "", message)])


class ReadingAllowance:
    """What reading one file may still cost."""

    def __init__(self, steps: int = MOST_STEPS, seconds: float = MOST_SECONDS, unpacked: int = MOST_UNPACKED) -> None:
        """Start with all of it.

        Args:
            steps: things that are looked at.
            seconds: from now.
            unpacked: bytes that come out of compressed files.
        """
        self._steps = steps
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._look = steps - 1000
        self._unpacked = unpacked

    def spend(self, steps: int = 1) -> None:
        """Take a number of steps.

        Raises:
            InputError: there are none left, or the time is over.
        """
        self._steps -= steps
        if self._steps < self._look:
            self._look = self._steps - 1000
            if self._steps < 0:
                raise unread("it holds more than Sizer reads: it is not a model, or would never end")
            if time.monotonic() > self._ends:
                raise unread(f"it took more than {self._seconds:g} seconds to read, so Sizer gave up")

    def unpack(self, length: int) -> None:
        """Take a number of unpacked bytes.

        Raises:
            InputError: they are more than is unpacked.
        """
        self._unpacked -= length
        self.spend()
        if self._unpacked < 0:
            raise unread("it unpacks to more than Sizer reads; unpack it first, and look at the result")


def parse_json(data: bytes, what: str) -> Any:
    """Return what JSON says, after a look at how much it is.

    Args:
        data: UTF-8.
        what: the thing it is, for the fault.

    Raises:
        InputError: it is too long, too deep, or no JSON.

    Example:
        >>> parse_json(b'{"a": [1]}', "the header")
        {'a': [1]}
    """
    if len(data) > MOST_JSON or data.count(b",") + data.count(b"[") + data.count(b"{") > MOST_JSON_PARTS:
        raise unread(f"{what} is too long")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as problem:
        why = "nested too deep" if isinstance(problem, RecursionError) else "no JSON"
        raise unread(f"{what} is {why}") from None


def shape_of(sizes: Any, name: str) -> tuple[int, ...]:
    """Return sizes as a shape.

    Args:
        sizes: a list or a tuple of what should be whole numbers of at least 0.
        name: of the tensor.

    Raises:
        InputError: they are none, or the values are more than 2**63 - 1.

    Example:
        >>> shape_of([4, 3], "w")
        (4, 3)
    """
    if not isinstance(sizes, (list, tuple)) or any(type(size) is not int or size < 0 for size in sizes):
        raise unread(f"{quoted(name)} has no shape: {quoted(sizes)}")
    if len(sizes) > MOST_DIMENSIONS:
        raise unread(f"{quoted(name)} has {len(sizes):,} dimensions; at most {MOST_DIMENSIONS} are read")
    product = 1
    for size in sizes:
        product *= size or 1
        if product > 2**63 - 1:
            raise unread(f"{quoted(name)} would have more than 2**63 - 1 values: {quoted(tuple(sizes))}")
    return tuple(sizes)


def printable(name: str) -> str:
    """Return a tensor's name as it can be shown and written: cut where it is too long, no bytes that are no text.

    Example:
        >>> printable("a" * 5000)[-3:]
        'aa…'
    """
    if len(name) > MOST_NAME:
        name = name[: MOST_NAME - 1] + "…"
    return name.encode("utf-8", "backslashreplace").decode()
