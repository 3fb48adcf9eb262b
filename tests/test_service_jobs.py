"""Jobs outlive what runs them: killed servers and workers lose none of them, and every one ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import sizer
from sizer.errors import RunError
from sizer.sweepfile.load import parse_sweep
from tests.served import LARGE, SMALL, Served, served

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

from sizer.service.settings import Settings


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return file -> content, without what belongs to a run that goes on."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def expected(text: str, folder: Path) -> dict[str, bytes]:
    sizer.run_sweep(parse_sweep(text, "sweep"), folder, formats=["parquet"])
    return bytes_of(folder)


def workers_of(server: Served) -> list[int]:
    """Return the ids of a server's worker processes, by Linux' own list."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):
            continue
        if parent == server.process.pid and b"sizer.service.job_process" in words:
            found.append(int(entry.name))
    return found


def running(server: Served, job: dict[str, Any], decided: int = 1) -> None:
    """Wait until a job's worker is in the middle of its work."""
    for _ in range(1200):
        state = server.ask(f"/v1/sweeps/{job['id']}")[1]
        if state["status"] == "done" or state["progress"].get("decided", 0) >= decided:
            return
        time.sleep(0.02)
    raise AssertionError(state)


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to find processes in")


@pytest.mark.process
@needs_proc
def test_a_killed_server_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    texts = [LARGE, LARGE.replace("name: large", "name: other").replace("20M", "15M"), SMALL]
    server = Served(tmp_path / "data")
    try:
        jobs = [server.sweep(text) for text in texts]
        chance = random.Random(3)
        for _ in range(3):
            running(server, jobs[0])
            time.sleep(chance.random())
            workers = workers_of(server)
            server.kill()
            # The workers end with the server, by themselves.
            for _ in range(200):
                if not any(Path(f"/proc/{worker}").exists() for worker in workers):
                    break
                time.sleep(0.02)
            else:
                raise AssertionError("a worker outlived its server")
            server.start()
        for job, text in zip(jobs, texts, strict=True):
            state = server.ended(job["id"])
            assert state["status"] == "done", state
            folder = tmp_path / f"expected-{job['name']}"
            assert bytes_of(server.data / "results" / job["id"]) == expected(text, folder)
    finally:
        server.stop()


@pytest.mark.process
@needs_proc
def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    with served(tmp_path / "data") as server:
        job = server.sweep(LARGE)
        for _ in range(2):
            running(server, job)
            for worker in workers_of(server):
                os.kill(worker, signal.SIGKILL)
            time.sleep(0.8)
        assert server.ended(job["id"])["status"] == "done"
        assert bytes_of(server.data / "results" / job["id"]) == expected(LARGE, tmp_path / "expected")
        text = server.ask("/metrics")[1].decode()
        assert "sizer_job_retries_total" in text


@pytest.mark.process
@needs_proc
def test_a_job_whose_workers_always_end_fails(tmp_path: Path) -> None:
    with served(tmp_path / "data") as server:
        job = server.sweep(LARGE)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            state = server.ask(f"/v1/sweeps/{job['id']}")[1]
            if state["status"] in ("failed", "done"):
                break
            for worker in workers_of(server):
                os.kill(worker, signal.SIGKILL)
            time.sleep(0.05)
        assert state["status"] == "failed"
        assert "5 workers ended before the job did" in state["faults"][0]["message"]
        # And it may be asked for again.
        assert server.sweep(LARGE)["status"] == "queued"
        assert server.ended(job["id"])["status"] == "done"


@pytest.mark.process
def test_ctrl_c_leaves_jobs_that_go_on(tmp_path: Path) -> None:
    server = Served(tmp_path / "data")
    job = server.sweep(LARGE)
    running(server, job)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    assert "Traceback" not in "".join(server.said)
    assert "continue when you start it again" in "".join(server.said)
    server.start()
    assert server.ended(job["id"])["status"] == "done"
    assert bytes_of(server.data / "results" / job["id"]) == expected(LARGE, tmp_path / "expected")
    assert server.stop() == 0


def sizer_serve(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sizer", "serve", *arguments],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **(environment or {})},
    )  # fmt: skip


@pytest.mark.process
def test_what_cannot_be_served_is_said(tmp_path: Path) -> None:
    with served(tmp_path / "data") as server:
        done = sizer_serve("--port", "0", "--data", str(tmp_path / "data"))
        assert (done.returncode, done.stderr) == (
            3,
            f"sizer: {tmp_path / 'data'} is another server's; give another --data\n",
        )
        port = server.url.rpartition(":")[2]
        done = sizer_serve("--port", port, "--data", str(tmp_path / "other"))
        assert done.returncode == 3
        assert f"127.0.0.1:{port} cannot be served" in done.stderr
    (tmp_path / "file").write_text("")
    done = sizer_serve("--port", "0", "--data", str(tmp_path / "file" / "data"))
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    done = sizer_serve("--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path / "open"))
    assert done.returncode == 3
    assert "give --token (or SIZER_TOKEN), or --no-auth" in done.stderr
    assert not (tmp_path / "open").exists()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"host": "0.0.0.0"}, "can be reached from other machines"),
        ({"host": "192.168.1.2"}, "can be reached from other machines"),
        ({"host": "sizer.example"}, "can be reached from other machines"),
        ({"host": "::"}, "can be reached from other machines"),
        ({"token": "short"}, "at least 16"),
        ({"token": ""}, "at least 16 visible"),
        ({"token": " " * 16}, "at least 16 visible"),
        ({"token": "x" * 15 + " "}, "at least 16 visible"),
        ({"token": "x" * 20 + "\n"}, "at least 16 visible"),
        ({"token": "x" * 8 + "\t" + "x" * 8}, "at least 16 visible"),
        ({"token": "x" * 8 + "\x00" + "x" * 8}, "at least 16 visible"),
        ({"token": "\u00e9" * 16}, "at least 16 visible"),
        ({"token": "\u2003" * 16}, "at least 16 visible"),
        ({"host": "0.0.0.0", "token": " " * 16, "no_auth": True}, "at least 16 visible"),
        ({"host": "0.0.0.0", "no_auth": True}, ""),
        ({"host": "0.0.0.0", "token": "x" * 16}, ""),
        ({"host": "::1"}, ""),
        ({"host": "localhost"}, ""),
        ({"host": "127.0.0.7"}, ""),
    ],
)
def test_nobody_is_let_in_unawares(tmp_path: Path, settings: dict[str, Any], problem: str) -> None:
    made = Settings(tmp_path, **settings)
    if problem:
        with pytest.raises(RunError, match=problem):
            made.check()
    else:
        made.check()


@pytest.mark.process
@pytest.mark.parametrize("token", ["", " " * 16, "0123456789abcde "])
def test_a_blank_token_is_refused_wherever_it_is_given(tmp_path: Path, token: str) -> None:
    words = "sizer: a token has at least 16 visible ASCII characters and no others"
    for arguments, environment in (([f"--token={token}"], {}), ([], {"SIZER_TOKEN": token})):
        done = sizer_serve("--port", "0", "--data", str(tmp_path / "data"), *arguments, environment=environment)
        assert done.returncode == 3
        assert done.stderr.startswith(words)
    assert not (tmp_path / "data").exists()


def test_jobs_past_the_limit_wait_elsewhere(tmp_path: Path) -> None:
    from sizer.service.jobs import Jobs, SweepJob

    jobs = Jobs(tmp_path / "jobs.sqlite")
    made = [SweepJob(f"{place:020x}", "n", "t", 1, "queued", {}, 0.0) for place in range(4)]
    assert [jobs.add(job, 3) is not None for job in made] == [True, True, True, False]
    assert jobs.add(made[0], 3) == (made[0], False)
    first = jobs.claim()
    assert first is not None
    assert first.id == made[0].id
    assert jobs.add(made[3], 3) == (made[3], True)
    assert jobs.numbers() == {"queued": 3, "running": 1, "done": 0, "failed": 0, "cancelled": 0}
    jobs.requeue()
    assert jobs.numbers()["queued"] == 4
    jobs.remove(made[0].id)
    assert jobs.get(made[0].id) is not None  # it has not ended
    assert jobs.end(made[0].id, "cancelled")
    assert not jobs.end(made[0].id, "done")
    jobs.remove(made[0].id)
    assert jobs.get(made[0].id) is None
    jobs.close()
