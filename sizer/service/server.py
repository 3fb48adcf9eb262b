"""The server: a socket, the application behind it, and what it says when it begins and ends."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable
from dataclasses import replace

import uvicorn

from sizer.errors import RunError
from sizer.service.app import make_app
from sizer.service.connections import connections_of
from sizer.service.settings import Limits, Settings
from sizer.service.state import State

_FILES = 300
"""That a server has open beside its connections, at most: tables, pipes, its database."""


def serve(settings: Settings, said: Callable[[str], None]) -> None:
    """Serve until the process is told to end (Ctrl-C, SIGTERM).

    Args:
        settings: of the server.
        said: told the server's address once it answers.

    Raises:
        RunError: the address or the data folder is taken, or the settings would let anybody in.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    settings.check()
    listening = _socket(settings)
    try:
        app, state = make_app(settings)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",  # who asks for one gets the answer of the address, as if nothing but HTTP were spoken
            proxy_headers=False,
            timeout_graceful_shutdown=3,
            http=connections_of(_within_system(settings.limits)),
            lifespan="on",
        )
        host, port = listening.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        with contextlib.suppress(KeyboardInterrupt):  # which is raised again when everything has ended
            _Server(config, state, lambda: said(address)).run(sockets=[listening])
    finally:
        listening.close()


def _within_system(limits: Limits) -> Limits:
    """Return limits that leave room for files and processes where the system lets a process open few of them."""
    try:
        import resource
    except ImportError:
        return limits
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + _FILES
    if few < wanted and few != resource.RLIM_INFINITY:
        few = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
        few = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return replace(limits, connections=max(few - _FILES, few // 2))
    return limits


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, state: State, begun: Callable[[], None]) -> None:
        super().__init__(config)
        self._state = state
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._begun()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._state.stop_streams()
        await super().shutdown(sockets)


def _socket(settings: Settings) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(2048)
        except OSError:
            found.close()
            raise
    except (OSError, OverflowError) as problem:
        words = getattr(problem, "strerror", None) or problem
        raise RunError(f"{settings.host}:{settings.port} cannot be served: {words}") from None
    found.setblocking(False)
    return found
