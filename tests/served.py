"""A server for tests: a process of its own on a free port of this machine's loopback, ended by its id."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LARGE = """
sizer: 1
name: large
model: {convention: pytorch, cell_type: lstm, inputs: 80, outputs: 0}
grid:
  layers: {from: 1, to: 20, step: 1}
  cells: {from: 8, to: 8000, step: 1}
  recurrent_projection: {from: 0, to: 1000, step: 1}
where: [recurrent_projection < cells]
budget: {weights: {max: 20M}}
"""
"""160 million configurations: a second or two, in parts."""
SMALL = """
sizer: 1
name: small
model: {convention: pytorch, cell_type: lstm, inputs: 80, outputs: 34}
grid: {layers: [1, 2, 3], cells: {from: 64, to: 1024, step: 64}, bidirectional: [false, true]}
"""


WITH_LIMITS = """
import json, sys
from pathlib import Path
from sizer.service.server import serve
from sizer.service.settings import Limits, Settings
settings = Settings(Path(sys.argv[1]), port=0, limits=Limits(**json.loads(sys.argv[2])))
serve(settings, lambda address: print("Sizer serves", address, file=sys.stderr, flush=True))
"""
"""What serves with limits that the command line does not set."""


class Asking:
    """What is asked of a service over and over, by whatever way."""

    def ask(
        self, path: str, body: Any = None, method: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Return the status, the body (JSON, or bytes) and the headers of an answer."""
        raise NotImplementedError

    def sweep(self, text: str) -> dict[str, Any]:
        status, job, _ = self.ask("/v1/sweeps", text.encode())
        assert status in (200, 202), job
        return dict(job)

    def ended(self, job_id: str, seconds: float = 120) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _, job, _ = self.ask(f"/v1/sweeps/{job_id}")
            if job["status"] in ("done", "failed", "cancelled"):
                return dict(job)
            time.sleep(0.05)
        raise AssertionError(f"{job} has not ended")

    def done(self, text: str) -> dict[str, Any]:
        job = self.ended(self.sweep(text)["id"])
        assert job["status"] == "done", job
        return job


class Served(Asking):
    """A running server."""

    def __init__(
        self,
        data: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        limits: Mapping[str, float] | None = None,
    ) -> None:
        self.data = data
        self.command = ["-m", "sizer", "serve", "--port", "0", "--data", str(data), *arguments]
        if limits is not None:
            self.command = ["-c", WITH_LIMITS, str(data), json.dumps(limits)]
        self.environment = {**os.environ, **(environment or {})}
        self.said: list[str] = []
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *self.command],
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            start_new_session=True,
        )
        assert self.process.stderr is not None
        self.url = ""
        for line in self.process.stderr:
            self.said.append(line)
            found = re.search(r"Sizer serves (http://\S+)", line)
            if found:
                self.url = found[1]
                break
        assert self.url, "".join(self.said)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with contextlib.suppress(ValueError):
            self.said.extend(self.process.stderr)

    def kill(self) -> None:
        self.process.kill()
        self._end()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self._end()

    def _end(self) -> int:
        status = self.process.wait(30)
        self._reader.join(10)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return status

    @property
    def place(self) -> tuple[str, int]:
        """The host and port."""
        found = urllib.parse.urlsplit(self.url)
        assert found.hostname is not None
        assert found.port is not None
        return found.hostname, found.port

    def processes(self) -> list[int]:
        """Return the ids of the server and the processes that it started and that still run."""
        found = [self.process.pid]
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                # The name, in brackets, may hold anything; the parent's id is the second word after it.
                if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    found.append(int(folder.name))
        return found

    def peak_bytes(self) -> dict[int, int]:
        """Return process -> the most memory it has held, of the server first."""
        found = {}
        for process in self.processes():
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{process}/status").read_text()
                held = re.search(r"VmHWM:\s+(\d+) kB", status)
                found[process] = int(held[1]) * 1024 if held else 0
        return found

    def ask(
        self, path: str, body: Any = None, method: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Return the status, the body (JSON, or bytes) and the headers of an answer."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, dict(headers or {}), method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                status, content, found = response.status, response.read(), response.headers
        except urllib.error.HTTPError as problem:
            with problem:
                status, content, found = problem.code, problem.read(), problem.headers
        known = {name.lower(): value for name, value in found.items()}
        if known.get("content-type", "").startswith("application/json"):
            return status, json.loads(content), known
        return status, content, known


@contextlib.contextmanager
def served(
    data: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    limits: Mapping[str, float] | None = None,
) -> Iterator[Served]:
    server = Served(data, *arguments, environment=environment, limits=limits)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
