"""Processes for questions that may take long, so that neither a hard sweep nor a strange body holds up the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sizer.errors import RunError
from sizer.service.network_answers import LIMITS
from sizer.service.refusals import FoundFaultsError, RefusedError
from sizer.service.settings import Limits

LOG = logging.getLogger("sizer.service")
_LONGEST_LINE = 2**20
_GRACE_SECONDS = 5.0
"""How much longer than the server waits a process works before it ends itself."""


@dataclass(frozen=True)
class Said:
    """What a process answered."""

    about: Mapping[str, Any]
    content: bytes
    """JSON, as it is sent on."""

    def parsed(self) -> Any:
        """Return the answer as a value."""
        return json.loads(self.content)


class _EndedError(Exception):
    """A process has ended without an answer."""


class QuestionPool:
    """Processes that answer questions of one kind; each is started when it is first needed, and again after it was ended."""

    def __init__(self, limits: Limits, places: int) -> None:
        """Get ready.

        Args:
            limits: how many questions may wait, and how long an answer and how much memory it may take.
            places: how many processes there are.
        """
        self._limits = limits
        self._idle: list[asyncio.subprocess.Process] = []
        self._busy: set[asyncio.subprocess.Process] = set()
        self._places = asyncio.Semaphore(places)
        self._waiting = 0

    async def warm(self, about: str) -> None:
        """Start one, so that the first question of a kind need not wait for it."""
        question = {"about": about, "dry": False, "budget": [], "where": [], "top": 0}
        with contextlib.suppress(RefusedError, FoundFaultsError):
            await self.ask(question, b"")

    async def ask(self, question: Mapping[str, Any], body: bytes) -> Said:
        """Return the answer to a question.

        Raises:
            FoundFaultsError: what is asked has faults.
            RefusedError: too many questions wait, the answer took too long or too much, or its process ended without one.
            RunError: what is asked could not be done.
        """
        if self._waiting >= self._limits.questions_waiting:
            raise RefusedError(429, f"{self._waiting} questions are waiting already; try again", {"retry-after": "2"})
        self._waiting += 1
        try:
            async with self._places:
                said = await self._ask(question, body)
        finally:
            self._waiting -= 1
        return self._checked(said)

    def _checked(self, said: Said) -> Said:
        about = said.about
        match about["said"]:
            case "answer":
                return said
            case "faults":
                raise FoundFaultsError(said.content)
            case "refused":
                raise RefusedError(about["status"], about["message"])
            case "unfinished":
                raise RunError(about["message"])
            case "memory":
                most = self._limits.question_bytes
                raise RefusedError(503, f"this takes more than the {most:,} bytes of memory that a question may take")
        raise RuntimeError("a process that answers failed; see the error above")

    async def _ask(self, question: Mapping[str, Any], body: bytes) -> Said:
        limits = self._limits
        asked = {
            **question,
            "bytes": len(body),
            "most": limits.answer_bytes,
            "limits": {name: getattr(limits, name) for name in LIMITS},
        }
        head = json.dumps(asked).encode() + b"\n"
        while (process := self._taken()) is not None:
            # One may have ended since, by another's hand or for want of memory: then the next is asked.
            with contextlib.suppress(_EndedError):
                return await self._ask_one(process, head, body)
        try:
            return await self._ask_one(await self._started(), head, body)
        except _EndedError:
            raise RefusedError(503, "this question ended the process that was answering it") from None

    async def _ask_one(self, process: asyncio.subprocess.Process, head: bytes, body: bytes) -> Said:
        self._busy.add(process)
        whole = False
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            async with asyncio.timeout(self._limits.question_seconds):
                process.stdin.write(head)
                process.stdin.write(body)
                await process.stdin.drain()
                line = await process.stdout.readline()
                if not line.endswith(b"\n"):
                    raise _EndedError
                about: dict[str, Any] = json.loads(line)
                content = await process.stdout.readexactly(about["bytes"])
            # What ran out of memory or into a mistake may not be as it was.
            whole = about["said"] not in ("memory", "broken")
            return Said(about, content)
        except TimeoutError:
            message = f"this takes longer than the {self._limits.question_seconds:g} seconds that a question may take"
            raise RefusedError(503, message) from None
        except (OSError, RuntimeError, asyncio.IncompleteReadError):
            # The second is what uvloop says of a pipe that is closed.
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

    def _taken(self) -> asyncio.subprocess.Process | None:
        """Return a process that waits for a question; those that were ended meanwhile are passed over."""
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
        return None

    async def _started(self) -> asyncio.subprocess.Process:
        limits = self._limits
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "sizer.service.question_process",
                str(limits.question_seconds + _GRACE_SECONDS),
                str(limits.question_bytes),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
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
