"""A process that runs one job: `python -m sizer.service.job_process`, which the server starts.

It reads one line of JSON, and prints lines of JSON: progress, then what became of the job. When its standard input
ends, the server has ended, and so does this process: what it made is gone on with later.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

_BETWEEN_SECONDS = 0.25


def main() -> None:
    """Run the job that standard input names."""
    # As the command line does: a long run gives memory back.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(OSError):
        os.nice(5)
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_server, daemon=True).start()
    _say(_run(order))


def _say(value: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _end_with_server() -> None:
    sys.stdin.read()
    os._exit(1)


def _run(order: Mapping[str, Any]) -> dict[str, Any]:
    from sizer.errors import InputError, RunError
    from sizer.runs.run import run_sweep
    from sizer.runs.walk import LARGE, Progress
    from sizer.sweepfile.load import parse_sweep

    printed = 0.0
    began = time.monotonic()

    def on_progress(progress: Progress) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed < _BETWEEN_SECONDS:
            return
        printed = now
        said: dict[str, Any] = {"decided": progress.decided, "kept": progress.kept, "seconds": round(now - began, 2)}
        _say({"progress": said})

    try:
        sweep = parse_sweep(order["text"], "sweep")
        cluster = order["cluster"]
        in_parts = sweep.size > LARGE or cluster is not None
        done = run_sweep(
            sweep,
            order["out"],
            formats=["parquet"],
            resume=in_parts,
            cluster=cluster,
            on_progress=on_progress,
        )
    except InputError as problem:
        return {"faults": [fault.as_json() for fault in problem.faults]}
    except RunError as problem:
        return {"unfinished": str(problem)}
    summary = done.as_json()
    return {
        "done": {name: summary[name] for name in summary if name not in ("files", "expected_bytes", "kept_between")}
    }


if __name__ == "__main__":
    main()
