"""What a client may do with a connection, and what it may not."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

from tests.served import Served, served

CONNECTIONS = 40
LIMITS = {
    "connections": CONNECTIONS, "head_seconds": 1.0, "idle_seconds": 2.0, "stalled_seconds": 1.0, "body_seconds": 3.0,
    "held_bytes": 2**22, "queries_at_once": 1,
}  # fmt: skip
GET = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
POST = b"POST /v1/count HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data"), limits=LIMITS) as found:
        yield found
        assert "Traceback" not in "".join(found.said)


@contextlib.contextmanager
def connected(server: Served, number: int = 1) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(server.place, timeout=10)) for _ in range(number)]


def received(connection: socket.socket) -> bytes:
    """Return everything until the server closes."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(2**16):
            found += chunk
    return found


def health(connection: socket.socket) -> bytes:
    """Return a whole answer about health, of a connection that stays."""
    connection.sendall(GET)
    found = b""
    while not found.endswith(b"}") and (chunk := connection.recv(2**16)):
        found += chunk
    return found


def sent(connection: socket.socket, content: bytes) -> None:
    with contextlib.suppress(OSError):  # the server may close before it is all sent
        connection.sendall(content)


def message_of(answer: bytes) -> str:
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["faults"][0]["message"])


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n", "65,536 bytes"),
        (b"GET / HTTP/1.1\r\nhost: localhost\r\na: " + b"a" * 70_000 + b"\r\n\r\n", "65,536 bytes"),
        (b"GET / HTTP/1.1\r\nhost: localhost\r\n" + b"a: b\r\n" * 201 + b"\r\n", "200 headers"),
    ],
)
def test_a_head_has_an_end(server: Served, head: bytes, words: str) -> None:
    with connected(server) as (one,):
        sent(one, head)
        answer = received(one)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert words in message_of(answer)


@pytest.mark.parametrize(
    "begun",
    [
        b"GET / HTTP/1.1\r\nhost: localhost\r\na: ",
        b"GET /",
        b"POST /v1/dry-run HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\nb: ",
        b"POST /v1/dry-run HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5;",
    ],
    ids=["header", "address", "trailer", "extension"],
)
def test_what_has_no_end_is_not_kept(server: Served, begun: bytes) -> None:
    before = server.peak_bytes()[server.process.pid]
    with connected(server) as (one,):
        sent(one, begun)
        sent_bytes = 0
        with contextlib.suppress(OSError):
            for _ in range(400):
                one.sendall(b"a" * 2**18)
                sent_bytes += 2**18
        assert sent_bytes < 400 * 2**18
    assert server.peak_bytes()[server.process.pid] - before < 32 * 2**20


@pytest.mark.thorough
def test_trailers_are_dropped_and_pipelines_have_an_end(server: Served) -> None:
    body = b'{"network": {"convention": "pytorch", "cell_type": "lstm", "inputs": 1, "layers": 1, "cells": 1}}'
    chunked = b"POST /v1/count HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
    with connected(server) as (one,):
        one.sendall(chunked + b"%x\r\n%b\r\n0\r\nhost: evil\r\n\r\n" % (len(body), body))
        assert one.recv(100).startswith(b"HTTP/1.1 200 ")
    with connected(server) as (one,):
        one.sendall(GET * 5)
        assert received(one).count(b"HTTP/1.1 200 ") == 5
    with connected(server) as (one,):
        sent(one, POST + b"0" * 99 + GET * 2000)
        assert received(one).count(b"HTTP/1.1 ") < 20


def test_a_head_that_trickles_in_is_given_up(server: Served) -> None:
    with connected(server) as (one,):
        began = time.monotonic()
        one.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(8):
            time.sleep(0.1)
            sent(one, b"a: b\r\n")
        answer = received(one)
        assert 0.9 < time.monotonic() - began < 3
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert message_of(answer) == "the head did not arrive within 1 seconds"


@pytest.mark.thorough
def test_a_body_that_nobody_waits_for_is_given_up(server: Served) -> None:
    with connected(server) as (one,):
        one.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n")
        assert one.recv(1000).startswith(b"HTTP/1.1 200 ")
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 8:
                one.sendall(b"a")
                time.sleep(0.2)
        assert time.monotonic() - began < 7


@pytest.mark.thorough
def test_idle_connections_make_room(server: Served) -> None:
    with connected(server, CONNECTIONS + 20) as idle:
        for one in idle[-10:]:
            assert health(one).startswith(b"HTTP/1.1 200 ")
        for _ in range(3):
            assert server.ask("/v1/conventions")[0] == 200
        # The longest idle were closed, and they alone.
        assert received(idle[0]) == b""
        assert health(idle[-1]).startswith(b"HTTP/1.1 200 ")
        # What is idle for long is closed though there is room.
        began = time.monotonic()
        received(idle[-1])
        assert time.monotonic() - began < 4


@pytest.mark.thorough
def test_health_is_answered_where_every_connection_is_in_use(server: Served) -> None:
    with connected(server, CONNECTIONS) as busy:
        for one in busy:
            one.sendall(POST)
        time.sleep(0.2)
        status, answer, headers = server.ask("/v1/conventions")
        assert (status, headers["retry-after"]) == (503, "5")
        assert answer["faults"][0]["message"] == "every connection is in use; try again"
        assert server.ask("/healthz")[0] == server.ask("/readyz")[0] == 200
        for one in busy:
            assert one.recv(100).startswith(b"HTTP/1.1 408 ")
    assert server.ask("/v1/conventions")[0] == 200


@pytest.mark.thorough
def test_an_answer_that_nobody_takes_is_given_up_and_counts_as_long(server: Served) -> None:
    network = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2}
    many = {"columns": {**network, "cells": list(range(1, 60_001))}}
    body = json.dumps(many).encode()
    with connected(server) as (one,):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(b"POST /v1/count HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        assert one.recv(100).startswith(b"HTTP/1.1 200 ")
        status, answer, headers = server.ask("/v1/explain", {"network": {**network, "cells": 5}})
        assert (status, headers["retry-after"]) == (429, "5"), answer
        assert "sending and receiving too much" in answer["faults"][0]["message"]
        assert server.ask("/v1/count", {"network": {**network, "cells": 5}})[0] == server.ask("/healthz")[0] == 200
        assert server.ask("/v1/count", many)[0] == 429
        # It is given up though the client is still there.
        time.sleep(2.5)
        assert server.ask("/v1/explain", {"network": {**network, "cells": 5}})[0] == 200
