"""Connections: how much of a head is read, how long a client may wait or dawdle, and who makes room for whom.

uvicorn speaks HTTP; what it leaves open is decided here. A connection waits for a request, reads a head, is busy with
an answer, and waits again; each of these ends in time, whatever the client does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from sizer.errors import Fault
from sizer.service.bodies import as_json
from sizer.service.settings import Limits

CROWDED = "sizer.crowded"
"""What the scope of a request says that came while every connection was busy."""
_PIPELINED = 16
"""Requests of one connection that are read before the one in front of them is answered."""
_LINGER_SECONDS = 5.0
"""How long the rest of a body is thrown away after its answer."""
_OVERHEAD = 4
"""Bytes of a header beside its name and its value."""


def connections_of(limits: Limits) -> type[asyncio.Protocol]:
    """Return what speaks HTTP on each connection of one server."""
    return type("Connection", (_Connection,), {"limits": limits, "waiting": {}})


class _Connection(HttpToolsProtocol):
    limits: Limits
    waiting: dict[_Connection, None]
    """Those of the server that wait for a request, or for the rest of a head; the longest idle first."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._unclaimed = 0
        """Bytes that came since the last that were of a body, or ended a head."""
        self._head_bytes = 0
        self._in_head = False
        """Whether a head has begun to arrive, and is waited for."""
        self._in_message = False
        """Whether a head has arrived, and its body has not."""
        self._crowded = False
        self._refusal: tuple[int, str] | None = None
        self._answering = _Answering(self)

    # A connection's life

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        excess = len(self.connections) - self.limits.connections
        while excess > 0 and self.waiting:
            oldest = next(iter(self.waiting))
            del self.waiting[oldest]
            self.connections.discard(oldest)
            oldest.transport.abort()
            excess -= 1
        self._crowded = excess > 0
        self._wait()

    def data_received(self, data: bytes) -> None:
        self._unclaimed += len(data)
        super().data_received(data)
        if not self._unclaimed or self.transport.is_closing():
            return
        if self._unclaimed > self.limits.head_bytes:
            self._refuse(431, self._head_too_large())
        elif not self._in_message and not self._in_head:
            # The head has so long from here, however it trickles in.
            self._in_head = True
            self._set_timer(self.limits.head_seconds, self._give_up_head)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._unset_keepalive_if_required()  # the timers here see to that
        if self.transport.is_closing() or not self.cycle.response_complete:
            return
        if self._in_message:
            self.end()
        elif self._in_head:
            self.waiting[self] = None
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self.waiting.pop(self, None)
        self._set_timer(0, None)
        self._watch_stall(None)
        super().connection_lost(exc)

    def _wait(self) -> None:
        self.waiting[self] = None
        self._set_timer(self.limits.idle_seconds, self.transport.close)

    def _give_up_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # The answer to the request before is not sent yet.
            self._set_timer(self.limits.head_seconds, self._give_up_head)
        else:
            self._refuse(408, f"the head did not arrive within {self.limits.head_seconds:g} seconds")

    def _set_timer(self, seconds: float, then: Callable[[], None] | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if then is None else self.loop.call_later(seconds, then)

    # Heads

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        if self._crowded:
            self.scope[CROWDED] = True  # type: ignore[literal-required]

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_message:
            return  # behind a body, where nobody looks
        self._count_head(len(name) + len(value) + _OVERHEAD)
        if len(self.headers) >= self.limits.headers:
            self._stop(431, f"the head has more than the {self.limits.headers:,} headers that are allowed")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= _PIPELINED:
            self._stop(400, f"more than {_PIPELINED} requests came before the answer to the first")
        self._in_message, self._in_head = True, False
        self._unclaimed = 0
        self.waiting.pop(self, None)
        self._set_timer(0, None)
        super().on_headers_complete()
        self.cycle.transport = cast("asyncio.Transport", self._answering)

    def on_body(self, body: bytes) -> None:
        self._unclaimed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unclaimed = 0
        self._in_message = False
        super().on_message_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            if self.cycle.keep_alive:
                self._wait()
            else:
                self.transport.close()

    def end(self) -> None:
        """Close the connection after an answer. Who is still sending would not see it, were that done at once."""
        if self._in_message:
            self._set_timer(_LINGER_SECONDS, self.transport.close)
        else:
            self.transport.close()

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.limits.head_bytes:
            self._stop(431, self._head_too_large())

    def _head_too_large(self) -> str:
        return f"the head has more than the {self.limits.head_bytes:,} bytes that are allowed"

    # Refusals before there is a request

    def _stop(self, status: int, message: str) -> None:
        """Let the parser end; `send_400_response` is what uvicorn does then."""
        self._refusal = (status, message)
        raise ValueError(message)

    def send_400_response(self, msg: str) -> None:
        self._refuse(*(self._refusal or (400, "the request is not valid HTTP")))

    def _refuse(self, status: int, message: str) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # The client must see that what it got, or waits for, is not whole.
            self.transport.abort()
            return
        content = as_json({"faults": [Fault("", 0, 0, "", message).as_json()]})
        self.transport.write(
            b"%bcontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (STATUS_LINE[status], len(content), content)
        )
        self.transport.close()

    # Answers that nobody takes

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_stall(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch_stall(None)

    def _watch_stall(self, size: int | None) -> None:
        """Look again whether less than so many bytes wait to be taken; None stops looking."""
        if self._stall is not None:
            self._stall.cancel()
        self._stall = None if size is None else self.loop.call_later(self.limits.stalled_seconds, self._check, size)

    def _check(self, size: int) -> None:
        now = self.transport.get_write_buffer_size()
        if now >= size:
            self.transport.abort()
        else:
            self._watch_stall(now)


class _Answering:
    """The transport as one answer sees it: closed at its end, unless the client is still sending."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def is_closing(self) -> bool:
        return self._connection.transport.is_closing()

    def write(self, data: bytes) -> None:
        self._connection.transport.write(data)

    def close(self) -> None:
        self._connection.end()
