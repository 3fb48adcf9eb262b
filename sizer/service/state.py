"""What the rooms of one server share."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from sizer.errors import RunError
from sizer.service.bodies import Allowance
from sizer.service.faults import LOG
from sizer.service.job_runner import REMOVED, JobRunner
from sizer.service.jobs import JOB_ID, Jobs, SweepJob
from sizer.service.metrics import Metrics
from sizer.service.question_pool import QuestionPool
from sizer.service.refusals import FoundFaultsError, RefusedError
from sizer.service.settings import Settings
from sizer.service.storage import PATIENCE_SECONDS, StorageError

Found = TypeVar("Found")


class State:
    """The jobs, processes and measurements of one server."""

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
        self.sweep_questions = QuestionPool(settings.limits, settings.limits.sweep_processes)
        self.network_questions = QuestionPool(settings.limits, settings.limits.network_processes)
        self.allowance = Allowance(settings.limits.held_bytes)
        self.job_runner = JobRunner(self.jobs, settings, self._changed, self.metrics.retries.inc)
        self.jobs.on_renewed(self._on_renewed)
        self.ready = False
        self.stopping = False
        # Few, and of their own: where the file of the jobs makes them wait, nothing else does.
        self._readers = ThreadPoolExecutor(4, "read-jobs")
        self._writers = ThreadPoolExecutor(2, "write-jobs")
        self._finding: asyncio.Task[None] | None = None
        self._followers: dict[str, set[asyncio.Event]] = {}
        self._queries = asyncio.Semaphore(settings.limits.queries_at_once)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._warming: asyncio.Future[Any] | None = None

    async def start(self) -> None:
        """Begin to run jobs."""
        self._loop = asyncio.get_running_loop()
        self.job_runner.start()
        self.ready = True
        # What rows need takes a second to import; the first who asks for them need not wait for it.
        threading.Thread(target=_import_tables, daemon=True).start()
        self._warming = asyncio.gather(self.sweep_questions.warm("sweep"), self.network_questions.warm("count"))
        self._find()

    async def stop(self) -> None:
        """End every process that was started; what was running waits for the next server."""
        self.stop_streams()
        for task in (self._warming, self._finding):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(self.job_runner.stop)
        await self.sweep_questions.close()
        await self.network_questions.close()
        for threads in (self._readers, self._writers):
            threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self.jobs.close)
        self._lock.release()

    def stop_streams(self) -> None:
        """End the streams of events, that wait for what will not come."""
        self.ready = False
        self.stopping = True
        for followers in self._followers.values():
            for event in followers:
                event.set()

    @property
    def problem(self) -> str:
        """Why no job would be run now, in a person's words; empty where all is well."""
        return self.jobs.problem or (self.job_runner.problem if self.ready else "the server is starting or stopping")

    async def read(self, work: Callable[..., Found], *given: Any) -> Found:
        """Return what a method of the jobs finds that changes nothing; meanwhile others are answered.

        Raises:
            StorageError: it could not be read in time.
        """
        return await self._asked(self._readers, work, *given)

    async def write(self, work: Callable[..., Found], *given: Any) -> Found:
        """Return what a method of the jobs finds that changes something; meanwhile others are answered.

        Raises:
            StorageError: it could not be written in time.
        """
        return await self._asked(self._writers, work, *given)

    async def _asked(self, threads: ThreadPoolExecutor, work: Callable[..., Found], *given: Any) -> Found:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS + 1):
                return await asyncio.get_running_loop().run_in_executor(threads, functools.partial(work, *given))
        except TimeoutError:
            raise StorageError(self.jobs.problem or "too many requests wait for the job database") from None

    async def job(self, job_id: str) -> SweepJob:
        """Return a job.

        Raises:
            RefusedError: there is none of that id, or the jobs cannot be read.
        """
        found = await self.read(self.jobs.get, job_id) if JOB_ID.fullmatch(job_id) else None
        if found is None:
            raise RefusedError(404, "no sweep has this id")
        return found

    def check_followers(self) -> None:
        """Check that one more client may follow a job.

        Raises:
            RefusedError: too many do.
        """
        if sum(map(len, self._followers.values())) >= self.settings.limits.streams:
            raise RefusedError(429, "too many clients follow jobs; poll the job instead", {"retry-after": "5"})

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

    def _on_renewed(self) -> None:
        """Look for results whose jobs were lost; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._find)

    def _find(self) -> None:
        if self._finding is not None:
            self._finding.cancel()
        self._finding = asyncio.create_task(self._restore())

    async def _restore(self) -> None:
        """Make jobs again of results whose jobs are not known, and remove what was being removed."""
        try:
            folders = await asyncio.to_thread(_folders, self.settings.data / "results")
            known = await self._insisted(self.jobs.ids)
            for folder in folders:
                if folder.name.startswith(REMOVED):
                    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                elif folder.name not in known and JOB_ID.fullmatch(folder.name):
                    await self._restore_from(folder)
        except Exception:
            LOG.exception("results whose jobs are not known cannot be looked for")

    async def _restore_from(self, folder: Path) -> None:
        said = await self._known_of(folder)
        if "unknown" in said:
            LOG.warning("results/%s has no job, and none can be made of it: %s", folder.name, said["unknown"])
            return
        now = time.time()
        faults = tuple(said.pop("faults", ()))
        job = SweepJob(ended=said.pop("ended", now), created=said.pop("created", now), faults=faults, **said)
        if await self._insisted(self.jobs.restore, job):
            LOG.warning("results/%s had no job; it is one again, %s", folder.name, job.status)
            self._changed(job.id)

    async def _known_of(self, folder: Path) -> dict[str, Any]:
        """Return the job that made a folder, or under `unknown` why that cannot be said."""
        asked = {"about": "folder", "folder": str(folder.absolute())}
        try:
            try:
                said = await self.sweep_questions.ask({**asked, "dry": True}, b"")
            except RefusedError as problem:
                if problem.status != 503:
                    raise
                # What cannot be counted in time, or in memory, may have been run all the same.
                said = await self.sweep_questions.ask({**asked, "dry": False}, b"")
            return dict(said.parsed())
        except FoundFaultsError as problem:
            return {"unknown": json.loads(problem.content)["faults"][0]["message"]}
        except (RefusedError, RunError) as problem:
            return {"unknown": str(problem)}

    async def _insisted(self, work: Callable[..., Found], *given: Any) -> Found:
        while True:
            try:
                return await self.write(work, *given)
            except StorageError:
                await asyncio.sleep(1)

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


def _folders(folder: Path) -> list[Path]:
    """Return the folders within another, those of the oldest jobs first, as far as that can be told."""
    found = []
    with contextlib.suppress(OSError):
        for one in folder.iterdir():
            with contextlib.suppress(OSError):
                if one.is_dir():
                    found.append((one.stat().st_mtime, one.name, one))
    return [one for _, _, one in sorted(found)]


def _import_tables() -> None:
    try:
        import sizer.tables.shown.plots  # noqa: F401
    except Exception:
        LOG.exception("what reads rows cannot be imported")
