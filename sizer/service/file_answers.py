"""Model files that were sent become what stands in them. Nothing is kept, written or executed.

It is read by the processes that answer questions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sizer.errors import InputError, faults_of
from sizer.files.byte_sources import ByteSource
from sizer.files.limits import ReadingAllowance, unread
from sizer.files.reading import read_source
from sizer.recovery.looking import Look, joined, look_into
from sizer.recovery.sweeps import model_text, sweep_text
from sizer.service.bodies import as_json


class SentBytes(ByteSource):
    """A file of which the beginning and the end were sent, or all of it."""

    def __init__(self, sent: bytes, size: int, head: int, allowance: ReadingAllowance) -> None:
        """Read from them.

        Args:
            sent: the first bytes, and behind them the last.
            size: of the whole file.
            head: how many of those sent are the first ones.
            allowance: what reading may cost.
        """
        super().__init__(size, allowance)
        self._head = sent[:head]
        self._tail = sent[head:]

    def head(self, length: int) -> bytes:
        """Return the first bytes, fewer where fewer were sent."""
        whole = len(self._head) + len(self._tail) == self.size
        return self.read(0, min(length, self.size if whole else len(self._head)))

    def _take(self, start: int, length: int) -> bytes:
        end = start + length
        if end <= len(self._head):
            return self._head[start:end]
        tail = self.size - len(self._tail)
        if start >= tail:
            return self._tail[start - tail : end - tail]
        if len(self._head) == tail:
            return self._head[start:] + self._tail[: end - tail]
        raise unread(
            f"{self.size:,} bytes are more than were sent, and its beginning and end are not enough;"
            " use sizer look on the machine that has the file"
        )


def looked_into(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return what stands in a file, with a sweep and a model of blocks made of it, as JSON.

    Args:
        question: the `name` of the file; `size` and `head` where not all of it was sent.
        body: what was sent of it.

    Raises:
        InputError: it is no model file that is read, or it is damaged.
    """
    name = question["name"]
    size = len(body) if question["size"] is None else question["size"]
    head = len(body) if question["head"] is None else min(question["head"], len(body))
    with faults_of(name):
        if len(body) > size:
            raise unread(f"{len(body):,} bytes were sent of a file that has {size:,}")
        try:
            found = [look_into(one) for one in read_source(SentBytes(body, size, head, ReadingAllowance()), name)]
        except RecursionError:
            raise unread("it is nested too deeply or holds too much") from None
        look = found[0] if len(found) == 1 else joined(found)
    said = {
        "file": name,
        **look.as_json(),
        "sweep_text": _text(sweep_text, look, name),
        "model_text": _text(model_text, look, name),
    }
    return as_json(said), {}


def _text(write: Callable[[Look, str], str], look: Look, name: str) -> str | None:
    try:
        return write(look, name)
    except InputError:
        return None
