"""A process that answers questions which may take long: `python -m sizer.service.helper SECONDS BYTES`, started by the server.

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
    from sizer.service.refusals import RefusedError

    try:
        found, about = _ABOUT[question["about"]](question, body)
        if len(found) > question["most"]:
            raise RefusedError(413, f"the answer has more than the {question['most']:,} bytes that are sent")
    except InputError as problem:
        return {"said": "faults"}, _faults(problem.faults)
    except RefusedError as problem:
        return {"said": "refused", "status": problem.status, "message": str(problem)}, b""
    except RunError as problem:
        return {"said": "unfinished", "message": str(problem)}, b""
    except MemoryError:
        return {"said": "memory"}, b""
    except Exception:
        traceback.print_exc()
        return {"said": "broken"}, b""
    return {"said": "answer", **about}, found


def _faults(faults: Iterable[Any]) -> bytes:
    from sizer.service.bodies import as_json

    return as_json({"faults": [fault.as_json() for fault in faults]})


def _sweep(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
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
    }
    if question["dry"]:
        done = run_sweep(
            sweep, budget=question["budget"], where=question["where"], dry_run=True, hurry=True, top=question["top"]
        )
        summary = done.as_json()
        expected = dict(summary.pop("expected_bytes"))
        dry_run = {name: summary[name] for name in summary if name not in ("files", "name", "description", "seconds")}
        found["dry_run"] = {"exact": done.account is not None, **dry_run, "expected_bytes": expected}
    return json.dumps(found).encode(), {}


def _configuration(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return one configuration of a sweep, tensor by tensor."""
    from sizer.runs.walk import explain_row
    from sizer.service.bodies import as_json
    from sizer.sweepfile.load import parse_sweep

    return as_json(explain_row(parse_sweep(body, "sweep"), question["id"]).as_json()), {}


def _networks(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return the answer to a question about networks, and how many they are."""
    from sizer.service.questions import answer_to

    found, networks = answer_to(question["about"], body, question["limits"])
    return found, {"networks": networks}


_ABOUT = {
    "sweep": _sweep,
    "configuration": _configuration,
    **dict.fromkeys(("count", "compare", "claim", "explain", "fit", "code"), _networks),
}


if __name__ == "__main__":
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # Threads that multiply matrices, of which there are none here, would hold memory that a question may take.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # The server may be gone before it has read an answer.
    with contextlib.suppress(BrokenPipeError):
        main()
