"""Bodies of requests: read up to a limit of size and time, then as JSON in which nothing is lost."""

from __future__ import annotations

import asyncio
import json
import math
import re
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Receive

from sizer.errors import quoted
from sizer.service.faults import RefusedError

_MORE = 16 * 2**20
"""Bytes past a limit that are read all the same."""
_PAUSE_SECONDS = 1.0
"""How long more of them are waited for."""
LONGEST_NUMBER = 1000
"""Digits, as of sizes that are written as text: what is counted of such numbers can be written again."""
_LONG = re.compile(rb"(?<![0-9])[0-9]{%d}" % (LONGEST_NUMBER + 1))
_LONG_BY_HUNDREDS = re.compile(rb"[0-9]{%d}" % (LONGEST_NUMBER // 100))


async def read_body(request: HTTPConnection, receive: Receive, most: int, seconds: float) -> bytes:
    """Return a request's body.

    Raises:
        RefusedError: it is larger than `most` bytes, or takes longer than that many seconds to arrive.
    """
    said = request.headers.get("content-length", "")
    promised = int(said) if said.isascii() and said.isdigit() and len(said) < 16 else 0
    chunks = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            # What is too large is read for a while and thrown away: a client that is still sending would not see why.
            while promised <= most + _MORE and size <= most + _MORE:
                async with asyncio.timeout(_PAUSE_SECONDS if size > most else None):
                    message = await receive()
                if message["type"] != "http.request":
                    raise RefusedError(400, "the client has gone")
                chunk = message.get("body", b"")
                size += len(chunk)
                if size <= most:
                    chunks.append(chunk)
                if not message.get("more_body"):
                    break
    except TimeoutError:
        if size > most:
            raise _too_large(most) from None
        raise RefusedError(
            408, f"the body did not arrive within {seconds:g} seconds", {"connection": "close"}
        ) from None
    if max(size, promised) > most:
        raise _too_large(most)
    return b"".join(chunks)


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"the body has more than the {most:,} bytes that are read", {"connection": "close"})


def parse_json(body: bytes) -> Any:
    """Return a body as JSON.

    Raises:
        RefusedError: it is no JSON, a key stands twice, a number is too long, or it is nested too deep.
    """
    # A long number has many of its digits among every hundredth byte, which are soon looked at.
    if _LONG_BY_HUNDREDS.search(body[::100]) and _LONG.search(body):
        raise RefusedError(422, f"the body holds a number of more than {LONGEST_NUMBER:,} digits")
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise RefusedError(422, "the body is no JSON in UTF-8") from None
    except RecursionError:
        raise RefusedError(422, "the body is nested too deep") from None
    except ValueError as problem:
        raise RefusedError(422, f"the body is no JSON: {problem}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{quoted(twice)} stands twice")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _finite(digits: str) -> float:
    found = float(digits)
    if math.isinf(found):
        raise ValueError(f"{quoted(digits)} is too large")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
