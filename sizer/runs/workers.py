"""Parts on every core: worker processes write them, the parent hands out numbers and collects what they report.

A worker is `python -m sizer.runs.workers`, a process of its own and not a fork or a child that imports the caller's
script. It reads the job, then the numbers of parts, one a line, and answers each with a line of JSON; when the parent is
gone it reads the end of its input, and ends. A worker that dies is replaced, and its part is written again.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from typing import IO, Any

from sizer.errors import RunError
from sizer.runs.parts import Job, Written, write_part
from sizer.tables.folders import Folder

ATTEMPTS = 3
"""How often a part is begun before its worker's death is taken for the part's fault."""


def available_cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def write_in_processes(job: Job, folder: Folder, parts: Sequence[int], workers: int) -> Generator[Written]:
    """Yield parts as they are written by worker processes, in no particular order.

    Raises:
        RunError: a worker could not write, or died again and again on one part.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for part in parts:
        waiting.put(part)
    answers: queue.SimpleQueue[Written | RunError] = queue.SimpleQueue()
    order = pickle.dumps((job, folder))
    crew = [_Worker(order, waiting, answers) for _ in range(min(workers, len(parts)))]
    try:
        for worker in crew:
            worker.start()
        for _ in parts:
            answer = answers.get()
            if isinstance(answer, RunError):
                raise answer
            yield answer
    finally:
        for worker in crew:
            worker.stop()


class _Worker(threading.Thread):
    """Keeps one worker process busy."""

    def __init__(
        self, order: bytes, waiting: queue.SimpleQueue[int], answers: queue.SimpleQueue[Written | RunError]
    ) -> None:
        super().__init__(daemon=True)
        self._order = order
        self._waiting = waiting
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    def run(self) -> None:
        """Hand out parts until there are none left."""
        with contextlib.suppress(queue.Empty):
            while not self._stopped.is_set():
                part = self._waiting.get_nowait()
                answer = self._written(part)
                if answer is None:
                    return
                self._answers.put(answer)
        self._end()

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self._stopped.set()
        process = self._process
        if process is not None:
            process.kill()
        if self.ident is not None:
            self.join()
        self._end()

    def _written(self, part: int) -> Written | RunError | None:
        """Return what became of a part; None where the work was stopped."""
        status = 0
        for _ in range(ATTEMPTS):
            if self._stopped.is_set():
                return None
            try:
                line = self._ask(part)
            except OSError as problem:
                return RunError(f"a worker process could not be started: {problem}")
            if line:
                answer = json.loads(line)
                return RunError(answer["failed"]) if "failed" in answer else Written.from_json(answer)
            status = self._end()
        if self._stopped.is_set():
            return None
        killed = f"killed by signal {-status}" if status < 0 else f"exit code {status}"
        return RunError(
            f"a worker process died at every attempt ({ATTEMPTS}) on part {part} ({killed}); is there enough memory?"
        )

    def _ask(self, part: int) -> bytes:
        """Return the worker's answer, empty where it has died."""
        if self._process is None:
            # A session of its own: Ctrl-C reaches the parent, which ends its workers in order.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sizer.runs.workers"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            if self._stopped.is_set():
                self._process.kill()
            self._send(self._order)
        self._send(f"{part}\n".encode())
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def _send(self, content: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # a worker that has died is noticed by its answer
            self._process.stdin.write(content)
            self._process.stdin.flush()

    def _end(self) -> int:
        """Wait for the process, which has died or gets the end of its input, and return its status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        return process.wait()


def work(orders: IO[bytes], answers: IO[bytes]) -> None:
    """Be a worker: write parts until the orders end."""
    job, folder = pickle.load(orders)
    for line in orders:
        answer: dict[str, Any]
        try:
            answer = write_part(job, int(line), folder).as_json()
        except OSError as problem:
            answer = {"failed": f"{problem.filename or folder.shown('')}: {problem.strerror or problem}"}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    work(sys.stdin.buffer, sys.stdout.buffer)
