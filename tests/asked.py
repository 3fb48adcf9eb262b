"""The service asked in this process, through Starlette's client: no socket, no process, the same doors and guard.

`tests/served.py` is a server as a process, for what needs one: sockets, signals, kills, several cores.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from sizer.service.app import make_app
from sizer.service.settings import Settings
from sizer.service.state import State
from tests.served import Asking


class Asked(Asking):
    """A service in this process."""

    def __init__(self, client: TestClient, state: State) -> None:
        self.client = client
        self.state = state
        self.data = state.settings.data
        self.url = str(client.base_url)

    def ask(
        self, path: str, body: Any = None, method: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Return the status, the body (JSON, or bytes) and the headers of an answer."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        # As urllib does, which `tests/served.py` asks with: the same question has the same headers.
        given = {"connection": "close", "accept-encoding": "identity", **(headers or {})}
        if data is not None:
            given.setdefault("content-type", "application/x-www-form-urlencoded")
        chosen = method or ("GET" if data is None else "POST")
        response = self.client.request(chosen, path, content=data, headers=given, follow_redirects=True)
        known = {name.lower(): value for name, value in response.headers.items()}
        if known.get("content-type", "").startswith("application/json"):
            return response.status_code, json.loads(response.content), known
        return response.status_code, response.content, known


@contextlib.contextmanager
def asked(settings: Settings | Path) -> Iterator[Asked]:
    """Start a service in this process, and end it with all that it started."""
    app, state = make_app(settings if isinstance(settings, Settings) else Settings(settings))
    # The name by which a client calls decides who it is let in as; this is the one of a server on loopback.
    with TestClient(app, base_url="http://127.0.0.1:8765", raise_server_exceptions=False) as client:
        yield Asked(client, state)
