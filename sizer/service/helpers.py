"""Processes for questions that may take long, so that neither a hard sweep nor a strange one holds up the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from typing import Any

from sizer.service.faults import LOG, RefusedError
from sizer.service.settings import Limits

_LONGEST_ANSWER = 64 * 2**20


class _EndedError(Exception):
    """A helper has ended without an answer."""


class Helpers:
    """The helper processes of one server; each is started when it is first needed, and again after it was ended."""

    def __init__(self, limits: Limits) -> None:
        """Get ready.

        Args:
            limits: how many there are, how many questions may wait, and how long an answer may take.
        """
        self._limits = limits
        self._idle: list[asyncio.subprocess.Process] = []
        self._busy: set[asyncio.subprocess.Process] = set()
        self._places = asyncio.Semaphore(limits.helpers)
        self._waiting = 0

    async def warm(self) -> None:
        """Start one, so that the first question need not wait for it."""
        with contextlib.suppress(RefusedError):
            await self.ask({"about": "sweep", "text": "", "most": 0, "budget": [], "where": [], "top": 0})

    async def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a question.

        Raises:
            RefusedError: too many questions wait, the answer took too long, or the helper ended without one.
        """
        if self._waiting >= self._limits.questions_waiting:
            raise RefusedError(429, f"{self._waiting} questions are waiting already; try again", {"retry-after": "2"})
        self._waiting += 1
        try:
            async with self._places:
                return await self._ask(question)
        finally:
            self._waiting -= 1

    async def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        while self._idle:
            # One may have ended since, by another's hand or for want of memory: then the next is asked.
            with contextlib.suppress(_EndedError):
                return await self._ask_one(self._idle.pop(), question)
        try:
            return await self._ask_one(await self._started(), question)
        except _EndedError:
            raise RefusedError(503, "this question ended the process that was to answer it") from None

    async def _ask_one(self, process: asyncio.subprocess.Process, question: Mapping[str, Any]) -> dict[str, Any]:
        self._busy.add(process)
        whole = False
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            async with asyncio.timeout(self._limits.question_seconds):
                process.stdin.write(json.dumps(question).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
            if not line.endswith(b"\n"):
                raise _EndedError
            answer: dict[str, Any] = json.loads(line)
            whole = True
            return answer
        except TimeoutError:
            message = f"this takes longer than the {self._limits.question_seconds:g} seconds that a question may take"
            raise RefusedError(503, message) from None
        except (OSError, RuntimeError):  # the second is what uvloop says of a pipe that is closed
            raise _EndedError from None
        finally:
            # A client that has gone ends the question with its process: nobody reads the answer.
            self._busy.discard(process)
            if whole:
                self._idle.append(process)
            else:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def _started(self) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "sizer.service.helper",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LONGEST_ANSWER,
            )
        except OSError as problem:
            LOG.error("no process can be started to answer: %s", problem)
            raise RefusedError(503, "no process can be started to answer; try again", {"retry-after": "5"}) from None

    async def close(self) -> None:
        """End every process."""
        for process in [*self._idle, *self._busy]:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        for process in [*self._idle, *self._busy]:
            await process.wait()
        self._idle.clear()
