"""Jobs run, each in a process of its own: one that is killed is gone on with, and one that is cancelled ends at once."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sizer.errors import Fault
from sizer.service.faults import LOG
from sizer.service.jobs import Jobs, SweepJob
from sizer.service.settings import Settings
from sizer.service.storage import StorageError

_MOST_ATTEMPTS = 5
"""Workers that a job may lose; with a killed server none is lost."""
_PATIENCE_SECONDS = 5.0
_AGAIN_SECONDS = 1.0
"""How long is waited after what went wrong, before it is done again."""
REMOVED = ".removed-"
"""Before the id of a job whose folder is being removed."""
Found = TypeVar("Found")


class JobRunner:
    """What runs the jobs of one server."""

    def __init__(
        self, jobs: Jobs, settings: Settings, on_change: Callable[[str], None], on_retry: Callable[[], None]
    ) -> None:
        """Get ready; `start` begins.

        Args:
            jobs: to be run.
            settings: of the server.
            on_change: told the id of a job when something of it changes, from any thread.
            on_retry: told when a worker ended before its job did.
        """
        self._jobs = jobs
        self._settings = settings
        self._on_change = on_change
        self._on_retry = on_retry
        self._work = threading.Condition()
        self._stopping = threading.Event()
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._beginning = threading.Lock()
        self._begun = False
        self._threads = [
            threading.Thread(target=self._take_jobs, name=f"jobs-{place}", daemon=True)
            for place in range(settings.limits.jobs_at_once)
        ]

    def start(self) -> None:
        """Go on with what was running when the last server ended, and then with what waits."""
        for thread in self._threads:
            thread.start()

    @property
    def problem(self) -> str:
        """Why jobs are not run, in a person's words; empty where they are."""
        return "" if all(thread.is_alive() for thread in self._threads) else "a thread that runs jobs has ended"

    def stop(self) -> None:
        """End the workers; what they were at waits for the next server."""
        self._stopping.set()
        self._jobs.hurry()
        with self._work:
            self._work.notify_all()
            for process in self._running.values():
                process.terminate()
        for thread in self._threads:
            thread.join(_PATIENCE_SECONDS)
        with contextlib.suppress(StorageError):  # the next server does it
            self._jobs.requeue()

    def wake(self) -> None:
        """Look for jobs that wait."""
        with self._work:
            self._work.notify()

    def cancel(self, job: SweepJob) -> bool:
        """Cancel a job that has not ended; return False where it had."""
        if not self._jobs.end(job.id, "cancelled"):
            return False
        with self._work:
            process = self._running.get(job.id)
            if process is not None:
                process.terminate()
        self._on_change(job.id)
        return True

    def folder(self, job_id: str) -> Path:
        """Return the folder of a job's tables."""
        return self._settings.data / "results" / job_id

    def remove(self, job: SweepJob) -> None:
        """Forget a job that has ended, and its tables."""
        self._jobs.remove(job.id)
        folder = self.folder(job.id)
        gone = folder.with_name(REMOVED + job.id)
        try:
            # At once: half a folder would be taken for results of which the job was lost.
            if folder.exists():
                folder.rename(gone)
        except OSError as problem:
            LOG.warning("the results of job %s cannot be removed: %s", job.id, problem)
        shutil.rmtree(gone, ignore_errors=True)
        self._on_change(job.id)

    def _take_jobs(self) -> None:
        while not self._stopping.is_set():
            try:
                self._take_job()
            except StorageError:  # which the log has
                self._stopping.wait(_AGAIN_SECONDS)
            except Exception:  # a thread that ends would leave jobs waiting for ever
                LOG.exception("jobs cannot be started; trying again")
                self._stopping.wait(_AGAIN_SECONDS)

    def _take_job(self) -> None:
        with self._beginning:
            if not self._begun:
                self._jobs.requeue()
                self._begun = True
        job = self._jobs.claim()
        if job is None:
            with self._work:
                # A second at most: a job may have been added between looking and waiting.
                self._work.wait(1.0)
            return
        self._on_change(job.id)
        try:
            self._run(job)
        except Exception:
            LOG.exception("job %s", job.id)
            faults = [_fault("the server could not run it; its log says why")]
            self._insist(lambda: self._jobs.end(job.id, "failed", faults=faults))
            self._stopping.wait(_AGAIN_SECONDS)
        self._on_change(job.id)

    def _insist(self, work: Callable[[], Found]) -> Found | None:
        """Return what a function finds, however often it must be asked; None where the server ends before."""
        while True:
            try:
                return work()
            except StorageError:
                if self._stopping.wait(_AGAIN_SECONDS):
                    return None

    def _run(self, job: SweepJob) -> None:
        with contextlib.ExitStack() as stack:
            with self._work:
                if self._stopping.is_set():
                    return
                process = stack.enter_context(
                    subprocess.Popen(
                        [sys.executable, "-m", "sizer.service.job_process"],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        text=True,
                        encoding="utf-8",
                    )
                )
                self._running[job.id] = process
            stack.callback(self._forget, job.id, process)
            stack.callback(process.kill)
            assert process.stdin is not None
            assert process.stdout is not None
            order = {"text": job.text, "out": str(self.folder(job.id)), "cluster": self._settings.cluster}
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(order) + "\n")
                process.stdin.flush()
            said: dict[str, Any] = {}
            # The job may have been cancelled before the process was there to be ended.
            known = self._insist(lambda: self._jobs.get(job.id))
            if known is None or known.status != "running":
                return
            for line in process.stdout:
                said = _parsed(line) or said
                if "progress" in said:
                    # How a job ended is written until it can be; how far it is need not be.
                    with contextlib.suppress(StorageError):
                        self._jobs.progressed(job.id, said["progress"])
                    self._on_change(job.id)
        self._settle(job, said)

    def _forget(self, job_id: str, process: subprocess.Popen[str]) -> None:
        with self._work:
            if self._running.get(job_id) is process:
                del self._running[job_id]

    def _settle(self, job: SweepJob, said: Mapping[str, Any]) -> None:
        """Note what became of a job whose worker has ended."""
        if "done" in said:
            self._insist(lambda: self._jobs.end(job.id, "done", summary=said["done"]))
        elif "faults" in said:
            self._insist(lambda: self._jobs.end(job.id, "failed", faults=said["faults"]))
        elif not self._stopping.is_set():
            known = self._insist(lambda: self._jobs.get(job.id))
            if known is None or known.status != "running":
                return
            self._on_retry()
            reason = said.get("unfinished", "its worker ended")
            LOG.warning("job %s is started again: %s", job.id, reason)
            if (self._insist(lambda: self._jobs.retry(job.id)) or 0) >= _MOST_ATTEMPTS:
                message = f"{_MOST_ATTEMPTS} workers ended before the job did; the server's log says why"
                self._insist(lambda: self._jobs.end(job.id, "failed", faults=[_fault(message)]))
            else:
                self._stopping.wait(0.5)


def _parsed(line: str) -> dict[str, Any]:
    """Return what a worker says; nothing for a line that its end cut off."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _fault(message: str) -> dict[str, Any]:
    return Fault("", 0, 0, "", message).as_json()
