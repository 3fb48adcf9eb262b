"""A process that answers questions which may take long: `python -m sizer.service.question_process SECONDS BYTES`, started by the server.

It reads a line of JSON, and as many bytes more as the line says, and answers in the same form. The server ends it when
an answer takes too long. Should the server be gone by then, it ends itself after SECONDS; a question that would take
more than BYTES of memory is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer the questions of standard input until it ends."""
    seconds, memory = float(sys.argv[1]), int(sys.argv[2])
    _limit_memory(memory)
    # Ctrl-C reaches every process of a terminal; the server ends its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing else may stand among the answers
    for line in questions:
        question = json.loads(line)
        body = questions.read(question["bytes"])
        _set_alarm(seconds)
        about, content = _answer(question, body)
        del question, body
        answers.write(json.dumps({**about, "bytes": len(content)}).encode() + b"\n")
        answers.write(content)
        answers.flush()
        del content
        _set_alarm(0)


def _set_alarm(seconds: float) -> None:
    """End this process after a while, whatever it does by then; 0 means never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory(most: int) -> None:
    """Let what asks for too much fail, instead of the machine. Some systems cannot be told."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    except (ImportError, AttributeError, ValueError, OSError):
        return


def _answer(question: Mapping[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """Return how a question was answered, and the answer."""
    from sizer.errors import InputError, RunError
    from sizer.service.refusals import TOO_LONG, RefusedError, is_too_long

    try:
        found, about = _ABOUT[question["about"]](question, body)
        if len(found) > question["most"]:
            raise RefusedError(413, f"the answer has more than the {question['most']:,} bytes that are allowed")
    except InputError as problem:
        return {"said": "faults"}, _faults(problem.faults)
    except RefusedError as problem:
        return {"said": "refused", "status": problem.status, "message": str(problem)}, b""
    except RunError as problem:
        return {"said": "unfinished", "message": str(problem)}, b""
    except MemoryError:
        return {"said": "memory"}, b""
    except Exception as problem:
        if is_too_long(problem):
            return {"said": "refused", "status": 422, "message": TOO_LONG}, b""
        if question["about"] == "folder":
            # What lies in a folder may be anything.
            message = f"its manifest cannot be used ({type(problem).__name__})"
            return {"said": "refused", "status": 422, "message": message}, b""
        traceback.print_exc()
        return {"said": "broken"}, b""
    return {"said": "answer", **about}, found


def _faults(faults: Iterable[Any]) -> bytes:
    from sizer.service.bodies import as_json

    return as_json({"faults": [fault.as_json() for fault in faults]})


def _sweep(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return what there is to know of a sweep without running it, as JSON."""
    return json.dumps(_known_of(question, body)).encode(), {}


def _known_of(question: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """Return what there is to know of a sweep without running it."""
    from sizer.runs.run import run_sweep
    from sizer.sweepfile.load import parse_sweep
    from sizer.sweepfile.yamltext import read_yaml

    sweep = parse_sweep(body, "sweep")
    # By what it says, so that a comment more is the same sweep. The order of the axes is the order of the ids.
    said = json.dumps(read_yaml(body, "sweep").data, separators=(",", ":"))
    found = {
        "id": hashlib.sha256(said.encode()).hexdigest()[:20],
        "name": sweep.name,
        "text": sweep.text,
        "configurations": sweep.size,
        "columns": list(sweep.columns),
        "swept": list(sweep.swept),
        "space": sweep.is_space,
    }
    if question["dry"]:
        done = run_sweep(
            sweep, budget=question["budget"], where=question["where"], dry_run=True, hurry=True, top=question["top"]
        )
        summary = done.as_json()
        expected = dict(summary.pop("expected_bytes"))
        dry_run = {name: summary[name] for name in summary if name not in ("files", "name", "description", "seconds")}
        found["dry_run"] = {"exact": done.account is not None, **dry_run, "expected_bytes": expected}
    return found


def _configuration(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return one configuration of a sweep, tensor by tensor."""
    from sizer.runs.walk import explain_row
    from sizer.service.bodies import as_json
    from sizer.sweepfile.load import parse_sweep

    return as_json(explain_row(parse_sweep(body, "sweep"), question["id"]).as_json()), {}


def _networks(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return the answer to a question about networks, and how many they are."""
    from sizer.service.network_answers import answer_to

    found, networks = answer_to(question["about"], body, question["limits"])
    return found, {"networks": networks}


def _space(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return how many networks of a space fit, and some of them, as JSON."""
    from sizer.service.space_answers import counted_and_drawn

    return counted_and_drawn(question, body)


def _model_file(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return what stands in a model file of this machine, or how a stated figure is made of it, as JSON."""
    from sizer.errors import Fault, InputError
    from sizer.recovery.claims import reconcile_file
    from sizer.recovery.looking import look
    from sizer.service.bodies import as_json

    path = question["file"]
    if "://" in path:
        raise InputError([Fault("", 0, 0, "file", "is an address; give a file or a folder of this machine")])
    found = look(path)
    if question["claim"] is not None:
        return as_json(reconcile_file(found, question["claim"]).as_json()), {}
    return as_json({"file": Path(path).name, **found.as_json()}), {}


def _folder(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return the job that made a folder of results; why that cannot be said under `unknown`."""
    from sizer.service.bodies import as_json

    return as_json(_job_of(Path(question["folder"]), dry=question["dry"])), {}


def _job_of(folder: Path, *, dry: bool) -> dict[str, Any]:
    """Return what is to be known of the job that made a folder.

    A manifest is the last that a run writes: its job is done. Where a run was only begun, its job has failed, and goes on
    from what was made when its sweep is posted again.
    """
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
    found = _known_of({"dry": dry, "budget": [], "where": [], "top": 5}, said["sweep"].encode())
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
    message = "the record of this job was lost before it was done; post its sweep again to continue"
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


def _space_count(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    from sizer.service.space_answers import counted_space

    return counted_space(question, body)


def _space_sample(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    from sizer.service.space_answers import drawn_networks

    return drawn_networks(question, body)


def _look(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    from sizer.service.file_answers import looked_into

    return looked_into(question, body)


_ABOUT = {
    "sweep": _sweep,
    "space-count": _space_count,
    "space-sample": _space_sample,
    "look": _look,
    "configuration": _configuration,
    "folder": _folder,
    "space": _space,
    "model file": _model_file,
    **dict.fromkeys(("count", "compare", "claim", "explain", "fit", "code", "model"), _networks),
}


if __name__ == "__main__":
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # Threads that multiply matrices, of which there are none here, would hold memory that a question may take.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # The server may be gone before it has read an answer.
    with contextlib.suppress(BrokenPipeError):
        main()
