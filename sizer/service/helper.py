"""A process that answers questions which may take long: `python -m sizer.service.helper`, which the server starts.

It reads lines of JSON and prints one line of JSON for each. The server ends it when an answer takes too long.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any


def main() -> None:
    """Answer the questions of standard input until it ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # nothing else may stand among the answers
    for line in sys.stdin:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    from sizer.errors import InputError, RunError

    try:
        return _ABOUT[question["about"]](question)
    except InputError as problem:
        return {"faults": [fault.as_json() for fault in problem.faults]}
    except RunError as problem:
        return {"unfinished": str(problem)}


def _sweep(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return what there is to know of a sweep without running it."""
    from sizer.runs.run import run_sweep
    from sizer.sweepfile.load import parse_sweep
    from sizer.sweepfile.yamltext import read_yaml

    text = question["text"].encode("utf-8", "surrogateescape")
    sweep = parse_sweep(text, "sweep")
    # By what it says, so that a comment more is the same sweep. The order of the axes is the order of the ids.
    said = json.dumps(read_yaml(text, "sweep").data, separators=(",", ":"))
    found = {
        "id": hashlib.sha256(said.encode()).hexdigest()[:20],
        "name": sweep.name,
        "text": sweep.text,
        "configurations": sweep.size,
        "columns": list(sweep.columns),
        "swept": list(sweep.swept),
    }
    if sweep.size > question["most"]:
        return found
    done = run_sweep(
        sweep, budget=question["budget"], where=question["where"], dry_run=True, hurry=True, top=question["top"]
    )
    summary = done.as_json()
    expected = dict(summary.pop("expected_bytes"))
    dry_run = {name: summary[name] for name in summary if name not in ("files", "name", "description", "seconds")}
    return {**found, "dry_run": {"exact": done.account is not None, **dry_run, "expected_bytes": expected}}


def _claim(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return which readings of a network give a stated figure."""
    from sizer.networks.claims import reconcile

    return reconcile(question["network"], question["claim"]).as_json()


_ABOUT = {"sweep": _sweep, "claim": _claim}


if __name__ == "__main__":
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    main()
