"""A server under mixed load for a while: counts, batches, dry runs, jobs, pages, downloads, cancelled jobs, killed workers.

Run with `python benchmarks/soak.py --minutes 10`; it needs the extra `serve` and Linux' /proc. It ends with status 1 where
a job is lost, an answer is a mistake of the server's, or memory grows.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sizer

NETWORK = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024, "outputs": 34}
GROWTH = 1.15
SPARE_MB = 40.0
MOST_MB = 1500
"""Of the server and its helpers in a short soak."""


def sweep_text(name: str, layers: int) -> str:
    """Return a sweep of some millions of configurations, in parts from eleven layers on."""
    return (
        f"sizer: 1\nname: {name}\nmodel: {{convention: pytorch, cell_type: lstm, inputs: 80, outputs: 0}}\n"
        f"grid: {{layers: {{from: 1, to: {layers}, step: 1}}, cells: {{from: 8, to: 4000, step: 1}},"
        " recurrent_projection: {from: 0, to: 400, step: 1}}\n"
        "where: [recurrent_projection < cells]\nbudget: {weights: {max: 10M}}\n"
    )


class Soak:
    """One server, those who call it, and what came of it."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Start a server."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sizer", "serve", "--port", "0", "--data", str(folder)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        found = None
        self.log: list[str] = []
        while found is None:
            line = self.process.stderr.readline()
            if not line:
                raise SystemExit("the server did not begin: " + "".join(self.log))
            self.log.append(line)
            found = re.search(r"http://(\S+):(\d+)", line)
        self.place = (found[1], int(found[2]))
        threading.Thread(target=self.read_log, daemon=True).start()
        self.seed = seed
        self.ending = threading.Event()
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.jobs: dict[str, str] = {}
        self.memory: list[float] = []

    def read_log(self) -> None:
        """Keep what the server says."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)

    def ask(self, path: str, body: Any = None, method: str | None = None, expected: tuple[int, ...] = (200,)) -> Any:
        """Return an answer; one with another status than expected is noted."""
        connection = http.client.HTTPConnection(*self.place, timeout=120)
        data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
        try:
            connection.request(method or ("GET" if data is None else "POST"), path, data)
            response = connection.getresponse()
            content = response.read()
        except OSError as problem:
            self.wrong.append(f"{path}: {problem}")
            return {}
        finally:
            connection.close()
        if response.status not in expected:
            self.wrong.append(f"{path}: {response.status} {content[:200]!r}")
        self.done[f"{re.sub('[0-9a-f]{20}', 'ID', path.split('?')[0])} {response.status}"] += 1
        return json.loads(content) if response.headers["content-type"] == "application/json" else content

    def count(self, chance: random.Random) -> None:
        """Count one network and check the answer."""
        network = {**NETWORK, "cells": chance.randint(1, 4000), "bidirectional": chance.random() < 0.5}
        found = self.ask("/v1/count", {"network": network, "budget": "10M"})
        if found and found["weights"] != sizer.count(network).weights:
            self.wrong.append(f"{network}: {found['weights']}")

    def batch(self, chance: random.Random) -> None:
        """Count many."""
        networks = [{**NETWORK, "cells": chance.randint(1, 4000)} for _ in range(5000)]
        found = self.ask("/v1/count", {"networks": networks})
        if found and len(found["counts"]) != len(networks):
            self.wrong.append("a batch lost networks")
        time.sleep(0.3)

    def question(self, chance: random.Random) -> None:
        """Ask for a dry run, with and without faults, and for a comparison."""
        text = sweep_text("question", chance.randint(1, 3))
        self.ask("/v1/dry-run", text)
        self.ask("/v1/dry-run", text.replace("layers", "leyers"), expected=(422,))
        self.ask("/v1/compare", {"network": NETWORK})
        time.sleep(0.2)

    def job(self, chance: random.Random) -> None:
        """Run a sweep and read it; or cancel it in between."""
        name = f"job-{chance.randrange(10**9)}"
        found = self.ask("/v1/sweeps", sweep_text(name, chance.choice([1, 3, 11, 14])), expected=(202, 429))
        if not found or "id" not in found:
            time.sleep(1)
            return
        address = f"/v1/sweeps/{found['id']}"
        if chance.random() < 0.25:
            time.sleep(chance.random())
            self.ask(address, method="DELETE", expected=(200, 204))
            return
        self.jobs[found["id"]] = name
        while not self.ending.is_set():
            state = self.ask(address)
            if not state or state["status"] in ("done", "failed", "cancelled"):
                break
            time.sleep(0.2)
        else:
            return
        if state and state["status"] == "done":
            page = self.ask(f"{address}/rows?budget=5M&sort=-weights&limit=200")
            if page and page["rows"] and page["rows"][0]["weights"] > 5_000_000:
                self.wrong.append("a row past its budget")
            self.ask(f"{address}/plot?budget=5M")
            self.ask(f"{address}/rows.parquet?budget=200K")

    def vanish(self, chance: random.Random) -> None:
        """Begin to ask, and go away."""
        with contextlib.suppress(OSError), socket.create_connection(self.place, timeout=10) as gone:
            known = next(iter(list(self.jobs)), "0" * 20)
            what = chance.choice(
                [
                    "POST /v1/count HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{",
                    f"GET /v1/sweeps/{known}/rows.csv HTTP/1.1\r\nhost: localhost\r\n\r\n",
                    f"GET /v1/sweeps/{known}/events HTTP/1.1\r\nhost: localhost\r\n\r\n",
                    "GARBAGE\r\n\r\n",
                ]
            )
            gone.sendall(what.encode())
            time.sleep(chance.random() / 2)

    def kill_worker(self, chance: random.Random) -> None:
        """Kill a worker in the middle of its job."""
        time.sleep(4 + 6 * chance.random())
        for process in self.children(b"sizer.service.job_process"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
                self.done["workers killed"] += 1

    def measure(self, _: random.Random) -> None:
        """Note the server's memory, and its helpers'."""
        pids = [self.process.pid, *self.children(b"sizer.service.question_process")]
        total = 0.0
        for pid in pids:
            with contextlib.suppress(OSError, IndexError, ValueError):
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        self.memory.append(total)
        time.sleep(0.5)

    def children(self, word: bytes) -> list[int]:
        """Return the ids of the server's processes of a kind."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid and word in (entry / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def run(self, seconds: float) -> None:
        """Let everybody ask for a while, then wait for the jobs."""
        work: list[Callable[[random.Random], None]] = [
            self.count, self.count, self.batch, self.question, self.job, self.job, self.vanish, self.kill_worker, self.measure,
        ]  # fmt: skip
        threads = []
        for place, one in enumerate(work):
            thread = threading.Thread(
                target=self.repeat, args=(one, random.Random(self.seed * 100 + place)), daemon=True
            )
            thread.start()
            threads.append(thread)
        time.sleep(seconds)
        self.ending.set()
        for thread in threads:
            thread.join(60)
        end = time.monotonic() + 180
        for job_id, name in self.jobs.items():
            while time.monotonic() < end:
                state = self.ask(f"/v1/sweeps/{job_id}")
                if not state or state["status"] in ("done", "failed", "cancelled"):
                    break
                time.sleep(0.1)
            if not state or state["status"] != "done":
                self.wrong.append(f"job {name} is {state.get('status') if state else 'lost'}: {state.get('faults')}")
            elif state["summary"]["kept"] != state["dry_run"]["kept"]:
                self.wrong.append(f"job {name} kept {state['summary']['kept']}, not {state['dry_run']['kept']}")
        text = self.ask("/metrics").decode()
        found = re.search(r"sizer_job_retries_total (\d\S*)", text)
        self.done["jobs begun again"] = int(float(found[1])) if found else 0

    def repeat(self, work: Callable[[random.Random], None], chance: random.Random) -> None:
        """Do the same until the end."""
        while not self.ending.is_set():
            work(chance)

    def stop(self) -> None:
        """End the server, and note what it said of itself."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(30)
        if status:
            self.wrong.append(f"the server ended with {status}")
        if any("Traceback" in line for line in self.log):
            self.wrong.append("the server's log has a traceback: " + "".join(self.log)[-3000:])


def main() -> None:
    """Soak, print what came of it, and end with 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write what was found")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), asked.seed)
        try:
            soak.run(asked.minutes * 60)
        finally:
            soak.stop()
    quarter = max(1, len(soak.memory) // 4)
    early = statistics.median(soak.memory[quarter : 2 * quarter] or soak.memory)
    late = statistics.median(soak.memory[-quarter:])
    # In the first two minutes processes are still started that will be there from then on.
    most = GROWTH * early + SPARE_MB if asked.minutes >= 2 else MOST_MB
    if late > most:
        soak.wrong.append(f"memory grew from {early:.0f} to {late:.0f} MB, past {most:.0f}")
    found = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "minutes": asked.minutes,
        "answers": sum(number for name, number in soak.done.items() if name[-3:].isdigit()),
        "jobs": len(soak.jobs),
        "workers_killed": soak.done["workers killed"],
        "jobs_begun_again": soak.done["jobs begun again"],
        "memory_mb_second_quarter": round(early),
        "memory_mb_last_quarter": round(late),
        "wrong": soak.wrong[:20],
    }
    for name, value in found.items():
        print(f"{name:28} {value}")
    for name, number in sorted(soak.done.items()):
        print(f"  {name:26} {number:,}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n")
    if soak.wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
