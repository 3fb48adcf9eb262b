"""What a Dask cluster costs on one machine, against the same run without it, and what a second worker brings.

Starts a scheduler and one or two workers as processes on loopback; each way has its turn several times. Every worker, and
the run in one thread, has one core to itself, so that the figures are those of a core.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from measuring import rates, report

from sizer.runs.run import run_sweep
from sizer.sweepfile.load import parse_sweep

SWEEP = """
sizer: 1
name: dense
model: {convention: pytorch, cell_type: lstm, inputs: 39, outputs: 34}
grid:
  layers: {from: 1, to: 10, step: 1}
  cells: {from: 2001, to: 3000, step: 1}
  recurrent_projection: {from: 1, to: 1000, step: 1}
  other_weights: {from: 1, to: 6, step: 1}
output: {formats: [parquet]}
"""
ROUNDS = 3
CORES = sorted(os.sched_getaffinity(0))


@contextlib.contextmanager
def started(module: str, *arguments: str, core: int | None = None) -> Iterator[None]:
    """Start a part of Dask's as a process, on one core where it is said, and end it."""
    command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            yield
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def cluster(workers: int, folder: Path) -> Iterator[str]:
    """Start a scheduler with so many workers, and give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    options = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
    with contextlib.ExitStack() as stack:
        stack.enter_context(started("dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"))
        for number in range(workers):
            place = ("--local-directory", str(folder / f"{number}"))
            stack.enter_context(started("dask_worker", address, *options, *place, core=CORES[number % len(CORES)]))
        time.sleep(4)
        yield address


def main() -> None:
    """Measure and print."""
    sweep = parse_sweep(SWEEP)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def run(workers: int | None = None, address: str | None = None) -> int:
            # Threads run on the cores of the one that starts them.
            os.sched_setaffinity(0, CORES[:workers])
            done = run_sweep(sweep, folder, workers=workers, cluster=address)
            os.sched_setaffinity(0, CORES)
            assert done.account is not None
            return done.account.kept

        with cluster(1, folder / "one") as one, cluster(2, folder / "two") as two:
            # Workers that have imported what they need, as those of a standing cluster have.
            run(address=one), run(address=two)
            ways = {
                "1 thread": (sweep.size, lambda: run(workers=1)),
                "2 threads": (sweep.size, lambda: run(workers=2)),
                "Dask, 1 worker": (sweep.size, lambda: run(address=one)),
                "Dask, 2 workers": (sweep.size, lambda: run(address=two)),
            }
            report(Path(__file__).stem, rates(ways, ROUNDS), "1 thread")


if __name__ == "__main__":
    main()
