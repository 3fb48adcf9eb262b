"""What stands before every request: who may ask, what every answer carries, and that no error shows internals."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sizer.errors import Fault
from sizer.service.bodies import LEASE, SMALL, TOO_MUCH_HELD, Allowance
from sizer.service.connections import CROWDED
from sizer.service.faults import LOG, refused
from sizer.service.metrics import Metrics
from sizer.service.settings import Settings

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", _POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]
_COUNT = "/v1/count"
_OPEN = ("/healthz", "/readyz")
"""What is answered without a token, as probes of containers have none; so is the page, which holds no data."""


class Guard:
    """An ASGI application around another."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        metrics: Metrics,
        is_page: Callable[[str], bool],
        is_for_people: Callable[[Iterable[tuple[bytes, bytes]], str, str], bool],
        allowance: Allowance,
    ) -> None:
        """Stand before an application.

        Args:
            app: that answers what is let through.
            settings: who may ask.
            metrics: told of every request.
            is_page: whether a path is of the page's own files.
            is_for_people: whether a browser asks for a page: where there is none, it is told so in one.
            allowance: what all requests together may hold.
        """
        self._app = app
        self._allowance = allowance
        self._metrics = metrics
        self._is_page = is_page
        self._is_for_people = is_for_people
        self._token = hashlib.sha256(settings.token.encode()).digest() if settings.token else b""
        named = {
            "localhost",
            socket.gethostname().lower(),
            settings.host.lower(),
            *map(str.lower, settings.allowed_hosts),
        }
        self._hosts = named - {"0.0.0.0", "::", ""}
        self._known: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            elif scope["type"] == "websocket":
                # None is served. Before it is accepted, to close it is to refuse it: the server in front answers 403.
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        began = time.perf_counter()
        status, ended = 0, False

        async def sending(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            elif len(message.get("body", b"")) > SMALL:
                # Piece by piece, so that what a client has not taken yet is counted as long as it is held.
                content = message["body"]
                lease.hold(len(content))
                last = (len(content) - 1) // SMALL * SMALL
                for begin in range(0, last, SMALL):
                    await send({**message, "body": content[begin : begin + SMALL], "more_body": True})
                await send({**message, "body": content[last:]})
                lease.release(len(content))
                ended = not message.get("more_body")
                return
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body")

        problem = self._problem(scope)
        try:
            if problem is None:
                with self._allowance.lease() as lease:
                    scope[LEASE] = lease
                    await self._app(scope, receive, sending)
            else:
                code, message, headers = problem
                await refused(code, [Fault("", 0, 0, "", message)], headers)(scope, receive, sending)
        except asyncio.CancelledError:
            # The server ends, and waits for this no longer.
            if not status:
                message = "the server stopped before it could answer; ask again"
                await refused(503, [Fault("", 0, 0, "", message)], {"retry-after": "5"})(scope, receive, sending)
        except Exception:
            LOG.exception("%s %s", scope["method"], route_of(scope, self._is_page))
            if not ended:
                # The client must see that what it got is not whole: the connection is cut.
                raise
        finally:
            self._metrics.observe(route_of(scope, self._is_page), status, time.perf_counter() - began)

    def _problem(self, scope: Scope) -> tuple[int, str, dict[str, str]] | None:
        """Return why a request is refused: its status, what to say, and headers."""
        path = scope["path"]
        if CROWDED in scope and path not in _OPEN:
            return 503, "every connection is in use; try again", {"retry-after": "5", "connection": "close"}
        host = origin = authorization = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"authorization":
                authorization = value
        if host not in self._known and not self._is_known(host):
            return (
                421,
                "this server does not answer to that name; start it with --allow-host NAME to allow it",
                {},
            )
        if origin and scope["method"] not in {"GET", "HEAD"} and origin.partition(b"://")[2] != host:
            return 403, "pages of other origins may not call this server", {}
        open_to_all = path in _OPEN or self._is_page(path)
        if self._token and not open_to_all and not self._is_for_people(scope["headers"], scope["method"], path):
            scheme, _, token = authorization.partition(b" ")
            given = hashlib.sha256(token.strip()).digest()
            if not hmac.compare_digest(given, self._token) or scheme.lower() != b"bearer":
                return 401, "this server asks for a token: Authorization: Bearer ...", {"www-authenticate": "Bearer"}
        if self._allowance.is_full and path.startswith("/v1/") and path != _COUNT:
            # A plain count needs no memory to speak of; what else asks for it is refused when its body is read.
            return 429, TOO_MUCH_HELD, {"retry-after": "5"}
        return None

    def _is_known(self, host: bytes) -> bool:
        """Return whether a client may call the server by a name; a page that rebinds DNS has only names of its own."""
        try:
            text = host.decode("ascii").lower()
        except UnicodeDecodeError:
            return False
        name = text.rpartition(":")[0] if text.rpartition(":")[2].isdigit() else text
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            if name.rstrip(".") not in self._hosts:
                return False
        if len(self._known) < 100:
            self._known.add(host)
        return True


def route_of(scope: Scope, is_page: Callable[[str], bool]) -> str:
    """Return the address that a request is for, without what is its own: few words, whatever clients ask."""
    path: str = getattr(scope.get("route"), "path", "")
    return path or ("page" if is_page(scope["path"]) else "other")
