"""What a server refuses when too much is asked at once, and what it gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

from sizer.service.app import make_app
from sizer.service.question_pool import QuestionPool
from sizer.service.refusals import RefusedError
from sizer.service.rows import _Download
from sizer.service.settings import Limits, Settings
from tests.served import LARGE, SMALL

QUESTION = {"about": "sweep", "dry": True, "budget": [], "where": [], "top": 1}
BODY = SMALL.encode()


def refused(work: Callable[[], Awaitable[Any]]) -> RefusedError:
    async def run() -> None:
        await work()

    with pytest.raises(RefusedError) as found:
        asyncio.run(run())
    return found.value


def test_a_question_that_takes_too_long_is_given_up_and_the_next_is_answered() -> None:
    async def ask() -> tuple[RefusedError, dict[str, Any]]:
        pool = QuestionPool(Limits(question_seconds=0.001), 1)
        with pytest.raises(RefusedError) as found:
            await pool.ask(QUESTION, BODY)
        pool._limits = Limits()
        answer = await pool.ask(QUESTION, BODY)
        again = await pool.ask(QUESTION, BODY)
        await pool.close()
        assert answer == again
        return found.value, answer.parsed()

    problem, answer = asyncio.run(ask())
    assert (problem.status, "0.001 seconds" in str(problem)) == (503, True)
    assert answer["dry_run"]["kept"] == 96


def test_a_question_by_who_goes_away_ends_with_its_process() -> None:
    async def ask() -> None:
        pool = QuestionPool(Limits(), 1)
        gone = asyncio.create_task(pool.ask(QUESTION, BODY))
        await asyncio.sleep(0.05)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        # The answer that nobody read is not taken for that of the next question.
        answer = await pool.ask(QUESTION, BODY.replace(b"name: small", b"name: other"))
        assert answer.parsed()["name"] == "other"
        await pool.close()

    asyncio.run(ask())


def test_too_many_questions_wait() -> None:
    pool = QuestionPool(Limits(questions_waiting=0), 1)
    problem = refused(lambda: pool.ask(QUESTION, BODY))
    assert (problem.status, problem.headers) == (429, {"retry-after": "2"})


def test_too_many_follow_or_read(tmp_path: Path) -> None:
    limits = Limits(streams=1, queries_at_once=1, question_seconds=0.01)
    _, state = make_app(Settings(tmp_path, limits=limits))

    async def follow() -> None:
        async with state.following("a"), state.following("b"):
            pass

    async def read() -> None:
        async with state.querying(), state.querying():
            pass

    assert refused(follow).status == refused(read).status == 429
    # Who went away made room.
    assert state._followers == {}
    state.jobs.close()


@pytest.mark.parametrize("ends", ["whole", "gone", "cancelled"])
def test_a_download_has_its_place_until_it_ends(ends: str) -> None:
    closed = []

    def rows() -> Generator[bytes]:
        try:
            yield b"0\n"
            yield b"1\n"
            yield b"2\n"
        finally:
            closed.append(True)

    async def run() -> None:
        places = asyncio.Semaphore(1)
        sent: list[bytes] = []
        sending = asyncio.Event()

        async def send(message: Any) -> None:
            assert places.locked()
            sent.append(message.get("body", b""))
            if ends == "gone" and len(sent) == 2:
                raise OSError
            if ends == "cancelled" and len(sent) == 2:
                sending.set()
                await asyncio.Event().wait()

        scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
        pieces = rows()
        download = _Download(places, next(pieces), pieces, "text/csv", "rows.csv")
        task = asyncio.create_task(download(scope, asyncio.Queue().get, send))
        if ends == "cancelled":
            async with asyncio.timeout(10):
                await sending.wait()
            task.cancel()
        (problem,) = await asyncio.gather(task, return_exceptions=True)
        assert not places.locked()
        assert (problem is None, b"".join(sent)) == (ends == "whole", b"0\n1\n2\n" if ends == "whole" else b"0\n")
        assert closed == [True]

    asyncio.run(run())


async def ask(
    app: Any, text: str, method: str = "POST", path: str = "/v1/sweeps"
) -> tuple[int, bytes, dict[bytes, bytes]]:
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": text.encode(), "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"localhost")], "http_version": "1.1", "scheme": "http", "server": ("localhost", 80),
        "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    return messages[0]["status"], messages[1]["body"], dict(messages[0]["headers"])


def test_too_many_jobs_wait(tmp_path: Path) -> None:
    app, state = make_app(Settings(tmp_path, limits=replace(Limits(), jobs_waiting=1, sweep_bytes=2000, streams=0)))

    async def run() -> None:
        # Nothing takes the jobs: the server was not started.
        assert (await ask(app, LARGE))[0] == 202
        assert (await ask(app, LARGE))[0] == 200
        job = state.jobs.newest(1)[0].id
        status, body, headers = await ask(app, "", "GET", f"/v1/sweeps/{job}/events")
        assert (status, headers[b"retry-after"]) == (429, b"5")
        status, body, headers = await ask(app, SMALL)
        assert (status, headers[b"retry-after"]) == (429, b"30")
        assert b"1 jobs are waiting already" in body
        assert (await ask(app, "#" * 2001))[0] == 413
        await state.sweep_questions.close()

    asyncio.run(run())
    state.jobs.close()
