"""A process that answers questions which may take long: `python -m sizer.service.helper`, which the server starts.

It reads lines of JSON and prints one line of JSON for each. The server ends it when an answer takes too long.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer the questions of standard input until it ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # nothing else may stand among the answers
    for line in sys.stdin:
        answers.write(_answered(json.loads(line)) + "\n")
        answers.flush()


def _answered(question: Mapping[str, Any]) -> str:
    try:
        return json.dumps(_answer(question))
    except ValueError as problem:
        if "int_max_str_digits" not in str(problem):
            raise
        # Python's words for a number of too many digits speak of its own settings.
        return json.dumps({"too_long": True})


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    from sizer.errors import InputError, RunError

    try:
        return _ABOUT[question["about"]](question)
    except InputError as problem:
        return {"faults": [fault.as_json() for fault in problem.faults]}
    except RunError as problem:
        return {"unfinished": str(problem)}
    except Exception as problem:
        if question["about"] != "folder":
            raise
        # What lies in a folder may be anything.
        return {"unknown": f"its manifest cannot be used ({type(problem).__name__})"}


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


def _folder(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the job that made a folder of results; why that cannot be said under `unknown`.

    A manifest is the last that a run writes: its job is done. Where a run was only begun, its job has failed, and goes on
    from what was made when its sweep is posted again.
    """
    folder = Path(question["folder"])
    manifests = sorted(folder.glob("*.manifest.json"))
    orders = sorted(folder.glob(".*.run/order.json"))
    said: dict[str, Any] = {}
    for path in (*manifests, *orders):
        try:
            said = json.loads(path.read_bytes())
            if isinstance(said, dict) and isinstance(said.get("sweep"), str):
                break
        except (OSError, ValueError, RecursionError):
            continue
    else:
        return {"unknown": "it has no manifest that says of which sweep they are"}
    found = _sweep({"text": said["sweep"], "most": 2**63, "budget": [], "where": [], "top": 5})
    if found["id"] != folder.name:
        return {"unknown": "its manifest is of another sweep"}
    when = path.stat().st_mtime
    dry_run = found.pop("dry_run", {"exact": False, "configurations": found["configurations"]})
    job = {name: found[name] for name in ("id", "name", "text", "configurations")}
    job |= {"dry_run": dry_run, "created": when, "ended": when}
    if path in manifests:
        missing = [file for file in said.get("files", ()) if not (folder / file).is_file()]
        if not missing:
            return {**job, "status": "done", "summary": _summary(said, dry_run)}
    message = "what was known of this job was lost before it was done; post its sweep again to go on with it"
    fault = {"file": "", "line": 0, "column": 0, "path": "", "message": message}
    return {**job, "status": "failed", "faults": [fault]}


def _summary(manifest: Mapping[str, Any], dry_run: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run said when it ended, as far as its manifest knows it."""
    from sizer.grids.account import Account
    from sizer.sweepfile.load import parse_sweep

    sweep = parse_sweep(manifest["sweep"], "sweep")
    return {
        "name": sweep.name,
        "description": sweep.description,
        **Account.from_json(manifest).as_json(),
        "largest": dry_run.get("largest", []),
        "smallest": dry_run.get("smallest"),
        "seconds": None,  # nobody wrote that down
    }


_ABOUT = {"sweep": _sweep, "claim": _claim, "folder": _folder}


if __name__ == "__main__":
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    main()
