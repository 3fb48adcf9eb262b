"""Bodies of requests: read up to a limit of size and time, then as JSON in which nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from sizer.errors import quoted
from sizer.service.refusals import RefusedError

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.types import Receive

SMALL = 64 * 2**10
"""Bytes that every request may hold without being asked about them."""
TOO_MUCH_HELD = "the server is sending and receiving too much at once; try again"
LEASE = "sizer.lease"
"""What a request's lease is called in its scope."""
LONGEST_NUMBER = 1000
"""Digits, as of sizes that are written as text: what is counted of such numbers can be written again."""
_LONG = re.compile(rb"(?<![0-9])[0-9]{%d}" % (LONGEST_NUMBER + 1))
_LONG_BY_HUNDREDS = re.compile(rb"[0-9]{%d}" % (LONGEST_NUMBER // 100))


class Allowance:
    """The bytes of bodies and answers that all requests together may hold."""

    def __init__(self, most: int) -> None:
        """Begin with nothing held.

        Args:
            most: bytes; what is sent already is counted, but never refused.
        """
        self.most = most
        self.held = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be taken in."""
        return self.held >= self.most

    @contextlib.contextmanager
    def lease(self) -> Iterator[Lease]:
        """Give what one request holds; all of it is given back at the end."""
        found = Lease(self)
        try:
            yield found
        finally:
            self.held -= found.held


class Lease:
    """What one request holds."""

    def __init__(self, allowance: Allowance) -> None:
        """Begin with nothing."""
        self._allowance = allowance
        self.held = 0

    def hold(self, size: int) -> None:
        """Count bytes that are there whether they may be or not: those of an answer."""
        self.held += size
        self._allowance.held += size

    def release(self, size: int) -> None:
        """Give back bytes that are sent."""
        self.hold(-size)

    def take(self, size: int) -> None:
        """Count bytes that are about to be read.

        Raises:
            RefusedError: all requests together would hold too many.
        """
        if self._allowance.held + size > self._allowance.most:
            raise RefusedError(429, TOO_MUCH_HELD, {"retry-after": "5", "connection": "close"})
        self.hold(size)


async def read_body(request: HTTPConnection, receive: Receive, most: int, seconds: float) -> bytes:
    """Return a request's body. It can be read once: what is asked of it afterwards never comes.

    Raises:
        RefusedError: it is larger than `most` bytes, takes longer than that many seconds to arrive, or all bodies
            together would hold too much memory.
    """
    lease: Lease | None = request.scope.get(LEASE)
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and (len(said) > 15 or int(said) > most):
        raise _too_large(most)
    chunks = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise RefusedError(400, "the client is gone")
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > most:
                    raise _too_large(most)
                if lease is not None and size > SMALL:
                    lease.take(size - lease.held)
                chunks.append(chunk)
                if not message.get("more_body"):
                    return b"".join(chunks)
    except TimeoutError:
        raise RefusedError(
            408, f"the body did not arrive within {seconds:g} seconds", {"connection": "close"}
        ) from None


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"the body has more than the {most:,} bytes that are allowed", {"connection": "close"})


def parse_json(body: bytes, most_values: int | None = None) -> Any:
    """Return a body as JSON.

    Args:
        body: in UTF-8.
        most_values: how many it may hold. They are counted by what separates them before any is made: a value that
            takes two bytes in a body takes some hundred once it is read.

    Raises:
        RefusedError: it is no JSON, a key stands twice, a number is too long, it is nested too deep, or holds too many
            values.
    """
    if most_values is not None and sum(map(body.count, (b",", b"[", b"{"))) >= most_values:
        raise RefusedError(413, f"the body has more than the {most_values:,} values that are allowed")
    # A long number has many of its digits among every hundredth byte, which are soon looked at.
    if _LONG_BY_HUNDREDS.search(body[::100]) and _LONG.search(body):
        raise RefusedError(422, f"the body holds a number of more than {LONGEST_NUMBER:,} digits")
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise RefusedError(422, "the body is not JSON in UTF-8") from None
    except RecursionError:
        raise RefusedError(422, "the body is nested too deep") from None
    except ValueError as problem:
        raise RefusedError(422, f"the body is not JSON: {problem}") from None


def as_json(value: Any) -> bytes:
    """Return a value as JSON. Whole numbers stay whole however large they are."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # Whole numbers past 64 bits, and halves of characters that a client sent.
        return json.dumps(value, separators=(",", ":")).encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"{quoted(key)} is there twice")
            seen.add(key)
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def _finite(digits: str) -> float:
    found = float(digits)
    if math.isinf(found):
        raise ValueError(f"{quoted(digits)} is too large")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
