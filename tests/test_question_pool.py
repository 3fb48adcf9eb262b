"""What becomes of a question whose process is ended, or takes too much."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

from sizer.service.question_pool import QuestionPool
from sizer.service.refusals import RefusedError
from sizer.service.settings import Limits
from tests.served import LARGE, Served, served


def processes_of(server: Served) -> list[int]:
    found = []
    for process in server.processes()[1:]:
        with contextlib.suppress(OSError):
            if b"sizer.service.question_process" in Path(f"/proc/{process}/cmdline").read_bytes():
                found.append(process)
    return found


@pytest.mark.process
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found in /proc, which this system has not")
def test_a_sweep_is_run_though_its_dry_run_was_killed(tmp_path: Path) -> None:
    answers: list[Any] = []
    with served(tmp_path / "data", limits={"body_seconds": 3.0}) as server:
        asking = threading.Thread(target=lambda: answers.append(server.ask("/v1/sweeps", LARGE.encode())))
        asking.start()
        end = time.monotonic() + 20
        # Whichever process is at it: the first question is a dry run, the second only reads the sweep.
        time.sleep(0.8)
        for process in processes_of(server):
            os.kill(process, signal.SIGKILL)
        asking.join(20)
        assert time.monotonic() < end
        ((status, job, _),) = answers
        assert status == 202, job
        assert job["dry_run"]["configurations"] == job["configurations"] == 20 * 7993 * 1001
        # And the next who asks does not meet the dead.
        assert server.ask("/v1/dry-run", LARGE.replace("20M", "2M").encode())[0] == 200


def test_a_question_that_takes_too_much_memory_is_refused() -> None:
    async def ask() -> None:
        pool = QuestionPool(Limits(question_bytes=100 * 2**20), 1)
        with pytest.raises(RefusedError, match="104,857,600 bytes of memory") as found:
            await pool.ask({"about": "count"}, b"[" + b"[]," * 1_400_000 + b"[]]")
        assert found.value.status == 503
        # The next is answered by another process.
        said = await pool.ask({"about": "count"}, b"[]")
        assert said.content == b'{"counts":[]}'
        await pool.close()

    asyncio.run(ask())


def test_an_answer_that_is_too_long_is_refused() -> None:
    async def ask() -> None:
        pool = QuestionPool(Limits(answer_bytes=300), 1)
        network = b'{"convention": "pytorch", "cell_type": "lstm", "inputs": 1, "layers": 1, "cells": 1}'
        for about, body in (
            ("count", b"[" + network + b"," + network + b"]"),
            ("explain", b'{"network":%b}' % network),
        ):
            with pytest.raises(RefusedError, match="300 bytes that are allowed") as found:
                await pool.ask({"about": about}, body)
            assert found.value.status == 413
        await pool.close()

    asyncio.run(ask())


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such alarm")
def test_a_process_whose_server_is_gone_ends_itself() -> None:
    async def ask() -> int:
        # What it has beyond the server's patience is five seconds.
        pool = QuestionPool(Limits(question_seconds=-4.9), 1)
        process = await pool._started()
        assert process.stdin is not None
        body = LARGE.encode()
        line = {"about": "sweep", "dry": True, "budget": [], "where": [], "top": 1, "most": 10**9, "bytes": len(body)}
        process.stdin.write(json.dumps(line).encode() + b"\n" + body)
        async with asyncio.timeout(20):
            return await process.wait()

    assert asyncio.run(ask()) == -signal.SIGALRM


@pytest.mark.process
@pytest.mark.parametrize("about", ["compare", "fit"])
def test_a_question_ends_with_the_server(tmp_path: Path, about: str) -> None:
    network = {"cell_type": "lstm", "inputs": 80, "cells": list(range(1, 2000)), "convention": "pytorch"}
    questions: dict[str, dict[str, Any]] = {"compare": {"claim": "21.3M"}, "fit": {"vary": "outputs", "budget": 10**60}}
    with served(tmp_path / "data") as server, socket.create_connection(server.place, timeout=10) as asking:
        body = json.dumps({"network": network, **questions[about]}).encode()
        head = f"POST /v1/{about} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
        asking.sendall(head.encode() + body)
        time.sleep(0.7)
        processes = processes_of(server)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 15
        assert asking.recv(100).startswith(b"HTTP/1.1 503 ")
    assert not [process for process in processes if Path(f"/proc/{process}").exists()]
    assert "Traceback" not in "".join(server.said)
