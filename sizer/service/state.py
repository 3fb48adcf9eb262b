"""What the rooms of one server share."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from filelock import FileLock, Timeout

from sizer.errors import RunError
from sizer.service.bodies import Allowance
from sizer.service.faults import LOG
from sizer.service.helpers import Helpers
from sizer.service.jobs import Job, Jobs
from sizer.service.metrics import Metrics
from sizer.service.refusals import RefusedError
from sizer.service.runner import Runner
from sizer.service.settings import Settings

_ID = re.compile("[0-9a-f]{20}")


class State:
    """The jobs, helpers and measurements of one server."""

    def __init__(self, settings: Settings) -> None:
        """Open the data folder.

        Raises:
            RunError: another server has it, or it cannot be written.
        """
        self.settings = settings
        try:
            (settings.data / "results").mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(settings.data / "server.lock")
            self._lock.acquire(blocking=False)
            self.jobs = Jobs(settings.data / "jobs.sqlite")
        except Timeout:
            raise RunError(f"{settings.data} is another server's; give another --data") from None
        except OSError as problem:
            raise RunError(f"{settings.data}: {problem.strerror or problem}") from None
        self.metrics = Metrics(self.jobs.numbers)
        self.helpers = Helpers(settings.limits, settings.limits.helpers)
        self.calculators = Helpers(settings.limits, settings.limits.calculators)
        self.allowance = Allowance(settings.limits.held_bytes)
        self.runner = Runner(self.jobs, settings, self._changed, self.metrics.retries.inc)
        self.ready = False
        self.stopping = False
        self._followers: dict[str, set[asyncio.Event]] = {}
        self._queries = asyncio.Semaphore(settings.limits.queries_at_once)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._warming: asyncio.Future[Any] | None = None

    async def start(self) -> None:
        """Begin to run jobs."""
        self._loop = asyncio.get_running_loop()
        self.runner.start()
        self.ready = True
        # What rows need takes a second to import; the first who asks for them need not wait for it.
        threading.Thread(target=_import_tables, daemon=True).start()
        self._warming = asyncio.gather(self.helpers.warm("sweep"), self.calculators.warm("count"))

    async def stop(self) -> None:
        """End every process that was started; what was running waits for the next server."""
        self.stop_streams()
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await asyncio.to_thread(self.runner.stop)
        await self.helpers.close()
        await self.calculators.close()
        self.jobs.close()
        self._lock.release()

    def stop_streams(self) -> None:
        """End the streams of events, that wait for what will not come."""
        self.ready = False
        self.stopping = True
        for followers in self._followers.values():
            for event in followers:
                event.set()

    def job(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            RefusedError: there is none of that id.
        """
        found = self.jobs.get(job_id) if _ID.fullmatch(job_id) else None
        if found is None:
            raise RefusedError(404, "no sweep has this id")
        return found

    def check_followers(self) -> None:
        """Check that one more client may follow a job.

        Raises:
            RefusedError: too many do.
        """
        if sum(map(len, self._followers.values())) >= self.settings.limits.streams:
            raise RefusedError(429, "too many clients follow jobs; ask for the job now and then", {"retry-after": "5"})

    @asynccontextmanager
    async def following(self, job_id: str) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set when something of a job changes.

        Raises:
            RefusedError: too many clients follow jobs.
        """
        self.check_followers()
        event = asyncio.Event()
        self._followers.setdefault(job_id, set()).add(event)
        self.metrics.streams.inc()
        try:
            yield event
        finally:
            self.metrics.streams.dec()
            followers = self._followers[job_id]
            followers.discard(event)
            if not followers:
                del self._followers[job_id]

    def _changed(self, job_id: str) -> None:
        """Tell who follows a job; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, job_id)

    def _tell(self, job_id: str) -> None:
        for event in self._followers.get(job_id, ()):
            event.set()

    @asynccontextmanager
    async def querying(self) -> AsyncIterator[None]:
        """Wait for a place among those who read rows.

        Raises:
            RefusedError: none became free in time.
        """
        try:
            async with asyncio.timeout(self.settings.limits.question_seconds):
                await self._queries.acquire()
        except TimeoutError:
            raise RefusedError(429, "too many rows are being read; try again", {"retry-after": "5"}) from None
        try:
            yield
        finally:
            self._queries.release()


def _import_tables() -> None:
    try:
        import sizer.tables.plots  # noqa: F401
    except Exception:
        LOG.exception("what reads rows cannot be imported")
