"""The file of the jobs is locked, full, damaged, another program's or gone: jobs wait for it, and none is lost silently."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.attacks import storm
from tests.served import SMALL, Served, served

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

from sizer.errors import RunError
from sizer.service.job_runner import JobRunner
from sizer.service.jobs import Jobs, SweepJob
from sizer.service.settings import Settings
from sizer.service.storage import StorageError


def job_of(place: int, **said: Any) -> SweepJob:
    return replace(
        SweepJob(f"{place:020x}", f"n{place}", "t" * 500, 1, "queued", {"exact": True}, float(place)), **said
    )


def named(name: str) -> str:
    return SMALL.replace("name: small", f"name: {name}")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that a backup holds."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def filled(path: Path, number: int = 8) -> Jobs:
    jobs = Jobs(path)
    for place in range(number):
        jobs.add(job_of(place), 1000)
    for place in range(0, number, 2):
        jobs.end(job_of(place).id, "done", summary={"kept": place})
    return jobs


def aside_of(path: Path) -> list[Path]:
    return sorted(path.parent.glob("jobs.aside-*.sqlite"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.sqlite"


# While it is in use


def test_a_lock_is_waited_for_and_said_and_does_not_stop_who_reads(path: Path) -> None:
    jobs = filled(path)
    jobs._storage.patience_seconds = 0.1
    with locked(path):
        with pytest.raises(StorageError, match="another program has the file of the jobs locked; try again") as found:
            jobs.add(job_of(100), 1000)
        assert found.value.status == 503
        began = time.monotonic()
        assert jobs.get(job_of(1).id) is not None
        assert time.monotonic() - began < 0.5
        assert jobs.problem == "another program has the file of the jobs locked"
    # It is written again without being opened again, and says so.
    assert jobs.claim() == job_of(1)
    assert jobs.problem == ""
    jobs.close()


def test_who_waits_for_a_lock_gets_through(path: Path) -> None:
    jobs = filled(path)
    with locked(path):
        added: list[Any] = []
        waiting = threading.Thread(target=lambda: added.append(jobs.add(job_of(100), 1000)))
        waiting.start()
        time.sleep(1.3)
        assert added == []
    waiting.join(10)
    assert added == [(job_of(100), True)]
    jobs.close()


def test_a_full_disk_is_waited_for_and_not_taken_for_an_empty_one(path: Path) -> None:
    jobs = filled(path)
    jobs._storage.patience_seconds = 0.1
    writing = jobs._storage._opened.writing
    ((pages,),) = writing.execute("PRAGMA page_count").fetchall()
    writing.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="there is no room on the disk for the jobs"):
        jobs.add(job_of(100, text="t" * 100_000), 1000)
    assert jobs.problem == "there is no room on the disk for the jobs"
    writing.execute("PRAGMA max_page_count = 1000000")
    assert jobs.add(job_of(100, text="t" * 100_000), 1000) is not None
    assert jobs.problem == ""
    assert not aside_of(path)
    jobs.close()


def taken_away(path: Path) -> None:
    for one in path.parent.glob("jobs.sqlite*"):
        one.unlink()


def replaced(path: Path) -> None:
    taken_away(path)
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (title)")
        other.commit()


def written_over(path: Path) -> None:
    path.write_bytes(b"nothing of the kind\n" * 1000)


def without_its_log(path: Path) -> None:
    path.with_name("jobs.sqlite-wal").unlink()


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def another_schema(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE jobs")
        other.commit()


def damaged_row(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE jobs SET summary = '{' WHERE number = 1")
        other.commit()


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (taken_away, "was taken away; a new one goes on with 8 jobs"),
        (replaced, "was replaced by another file; it is kept as jobs.aside-1.sqlite; a new one goes on with 8 jobs"),
        (written_over, "was written over; it is kept as jobs.aside-1.sqlite; a new one goes on with"),
        (emptied, "was written over; it is kept as jobs.aside-1.sqlite; a new one goes on with"),
        (without_its_log, "lost the log beside it; it is kept as jobs.aside-1.sqlite; a new one goes on with 8 jobs"),
        (another_schema, "is damaged; it is kept as jobs.aside-1.sqlite; a new one goes on with 4 jobs"),
        (damaged_row, "is damaged; it is kept as jobs.aside-1.sqlite; a new one goes on with 7 jobs"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets nobody take away a file that is open")
def test_a_file_that_something_happens_to_goes_on_in_a_new_one(
    path: Path, caplog: pytest.LogCaptureFixture, happens: Any, said: str
) -> None:
    jobs = filled(path)
    renewed: list[bool] = []
    jobs.on_renewed(lambda: renewed.append(True))
    assert jobs.claim() == job_of(1)
    happens(path)
    jobs.newest(100)
    jobs.numbers()
    assert jobs.claim() == job_of(3)
    assert f"jobs.sqlite {said}" in caplog.text
    assert renewed == [True]
    # What has not ended is there, by heart.
    assert jobs.end(job_of(1).id, "done")
    assert {job.id for job in jobs.newest(100) if job.status == "queued"} == {job_of(5).id, job_of(7).id}
    jobs.close()
    again = Jobs(path)
    assert {job_of(place).id for place in (1, 3, 5, 7)} <= again.ids()
    again.close()
    assert not list(path.parent.glob(".*"))


# At the start


def test_what_is_no_database_is_set_aside_as_it_is(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in (1, 2):
        path.write_bytes(b"no database %d\n" % number * 500)
        jobs = Jobs(path)
        assert jobs.newest(10) == []
        jobs.close()
    assert "jobs.sqlite is damaged, or no database; it is kept as jobs.aside-2.sqlite" in caplog.text
    assert [one.read_bytes()[:13] for one in aside_of(path)] == [b"no database 1", b"no database 2"]


def test_a_file_of_another_program_is_set_aside_as_it_is(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    replaced(path)
    before = path.read_bytes()
    Jobs(path).close()
    assert "jobs.sqlite is another program's; it is kept as jobs.aside-1.sqlite" in caplog.text
    assert [one.read_bytes() for one in aside_of(path)] == [before]


def test_a_file_that_cannot_be_opened_is_said(path: Path) -> None:
    path.mkdir()
    with pytest.raises(RunError, match="the file of the jobs cannot be opened"):
        Jobs(path)


def test_a_damaged_file_is_set_aside_and_what_can_be_read_of_it_goes_on(tmp_path: Path) -> None:
    whole = tmp_path / "whole.sqlite"
    filled(whole, 60).close()
    content = whole.read_bytes()
    saved = 0
    with storm("bytes of the file of the jobs changed", quick=60, long=2000, seed=4) as tried:
        for chance in tried:
            folder = tmp_path / "data"
            folder.mkdir()
            path = folder / "jobs.sqlite"
            changed = bytearray(content)
            if chance.random() < 0.3:
                del changed[chance.randrange(len(changed)) :]
            for _ in range(chance.choice([1, 3, 30, 300])):
                if changed:
                    changed[chance.randrange(len(changed))] = chance.randrange(256)
            path.write_bytes(changed)
            jobs = Jobs(path)
            kept = jobs.ids()
            for job in jobs.newest(1000):
                assert job.status in ("queued", "done")
            assert jobs.add(job_of(1000), 10_000) is not None
            jobs.close()
            lost = 60 - len(kept & {job_of(place).id for place in range(60)})
            aside = aside_of(path)
            # Nothing is lost of which the file is not kept; an empty file is a new one.
            assert aside or not lost or not changed
            if aside:
                assert aside[0].read_bytes() == bytes(changed)
                saved += len(kept)
            tried.ended("set aside" if aside else "used")
            shutil.rmtree(folder)
    assert saved > 100


# The threads that run jobs


def test_the_thread_that_runs_jobs_outlives_whatever_it_meets(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    jobs = filled(path, 0)
    runner = JobRunner(jobs, Settings(path.parent), lambda _: None, lambda: None)
    assert runner.problem  # it was not started
    runner.start()
    assert runner.problem == ""
    with contextlib.closing(sqlite3.connect(path)) as other:
        # A mistake that is nobody's: it is none of those that are known to pass.
        other.execute("CREATE TRIGGER no BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'refused'); END")
        other.commit()
        jobs.add(job_of(1, text=SMALL), 10)
        runner.wake()
        wait_for(lambda: "jobs cannot be started; trying again" in caplog.text)
        assert runner.problem == ""
        other.execute("DROP TRIGGER no")
        other.commit()
    wait_for(lambda: jobs.numbers()["done"] == 1)
    runner.stop()
    assert runner.problem == "a thread that runs jobs has ended"
    jobs.close()


def wait_for(found: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


# A server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data") / "data") as found:
        yield found
        assert "Traceback" not in "".join(found.said)


def readiness(server: Served) -> str:
    """Return why a server says it is not ready; empty where it is."""
    status, answer, _ = server.ask("/readyz")
    assert status == (503 if "faults" in answer else 200)
    return str(answer["faults"][0]["message"]) if status == 503 else ""


@pytest.mark.thorough
def test_a_server_waits_for_a_lock_and_says_so(server: Served) -> None:
    done = server.done(SMALL)
    with locked(server.data / "jobs.sqlite"):
        posted: list[Any] = []
        posting = threading.Thread(target=lambda: posted.append(server.ask("/v1/sweeps", named("waits").encode())))
        posting.start()
        wait_for(lambda: readiness(server) == "another program has the file of the jobs locked")
        for path in ("/healthz", f"/v1/sweeps/{done['id']}", "/v1/sweeps", "/metrics", f"/v1/sweeps/{done['id']}/rows"):
            began = time.monotonic()
            assert server.ask(path)[0] == 200
            assert time.monotonic() - began < 2
    posting.join(30)
    assert posted[0][0] == 202
    assert server.ended(posted[0][1]["id"])["status"] == "done"
    assert readiness(server) == ""
    assert "another program has the file of the jobs locked; it is tried again until it works" in "".join(server.said)
    assert "the jobs can be written again, after" in "".join(server.said)


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="the limits of another process are set on Linux alone")
def test_a_server_goes_on_when_the_disk_takes_more_again(server: Served) -> None:
    import resource

    process = server.process.pid
    none = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (0, none[1]))
    try:
        status, answer, headers = server.ask("/v1/sweeps", named("full").encode())
        assert (status, headers["retry-after"]) == (503, "5")
        assert answer["faults"][0]["message"] == "the disk refuses to read or write the jobs; try again"
        for _ in range(3):
            assert readiness(server) == "the disk refuses to read or write the jobs"
            time.sleep(0.5)
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, none)
    wait_for(lambda: readiness(server) == "")
    assert server.done(named("full"))["summary"]["kept"] == 96


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets nobody take away a file that is open")
def test_a_server_whose_file_vanishes_writes_it_anew(server: Served) -> None:
    before = server.ask("/v1/sweeps")[1]["sweeps"]
    taken_away(server.data / "jobs.sqlite")
    job = server.done(named("vanished"))
    after = server.ask("/v1/sweeps")[1]["sweeps"]
    assert after[0]["id"] == job["id"]
    assert after[1:] == before
    assert "jobs.sqlite was taken away; a new one goes on with" in "".join(server.said)
    server.stop()
    server.start()
    assert server.ask("/v1/sweeps")[1]["sweeps"] == after


@pytest.mark.process
def test_results_without_a_job_are_found_again(server: Served) -> None:
    job = server.done(SMALL)
    rows = server.ask(f"/v1/sweeps/{job['id']}/rows?sort=-weights&limit=3")[1]
    foreign = server.data / "results" / ("0" * 20)
    damaged = server.data / "results" / ("1" * 20)
    removed = server.data / "results" / ".removed-00000000000000000002"
    server.stop()
    known = len(list((server.data / "results").iterdir()))
    path = server.data / "jobs.sqlite"
    path.write_bytes(b"written over" * 1000)
    shutil.copytree(server.data / "results" / job["id"], foreign)
    damaged.mkdir()
    (damaged / "x.manifest.json").write_text('{"sweep": 3}')
    removed.mkdir()
    # A run that was only begun, as a killed server leaves it.
    begun = server.data / "results" / server_id(named("begun"))
    (begun / ".begun.run").mkdir(parents=True)
    (begun / ".begun.run" / "order.json").write_text(json.dumps({"sweep": named("begun")}))
    server.start()
    wait_for(lambda: len(server.ask("/v1/sweeps")[1]["sweeps"]) == known + 1)
    found = server.ask(f"/v1/sweeps/{job['id']}")[1]
    assert found["status"] == "done"
    assert {**found["summary"], "seconds": 0} == {**job["summary"], "seconds": 0}
    assert server.ask(f"/v1/sweeps/{job['id']}/rows?sort=-weights&limit=3")[1] == rows
    lost = server.ask(f"/v1/sweeps/{begun.name}")[1]
    assert lost["status"] == "failed"
    assert lost["faults"][0]["message"] == (
        "the record of this job was lost before it was done; post its sweep again to continue"
    )
    assert server.done(named("begun"))["id"] == begun.name
    said = "".join(server.said)
    assert "jobs.sqlite is damaged, or no database; it is kept as jobs.aside-1.sqlite" in said
    assert f"results/{foreign.name} has no job, and none can be made of it: its manifest is of another sweep" in said
    assert f"results/{damaged.name} has no job, and none can be made of it: it has no manifest" in said
    wait_for(lambda: not removed.exists())
    # What a client removes stays removed.
    assert server.ask(f"/v1/sweeps/{job['id']}", method="DELETE")[0] == 204
    server.stop()
    taken_away(path)
    server.start()
    wait_for(lambda: len(server.ask("/v1/sweeps")[1]["sweeps"]) == known)
    assert server.ask(f"/v1/sweeps/{job['id']}")[0] == 404


def server_id(text: str) -> str:
    from sizer.service.question_process import _known_of

    return str(_known_of({"dry": False, "budget": [], "where": [], "top": 0}, text.encode())["id"])


def test_results_that_cannot_be_counted_in_time_are_a_job_all_the_same(tmp_path: Path) -> None:
    from sizer.service.app import make_app
    from sizer.service.question_pool import Said
    from sizer.service.refusals import RefusedError

    _, state = make_app(Settings(tmp_path))
    asked: list[bool] = []

    async def ask(question: Mapping[str, Any], body: bytes) -> Said:
        asked.append(question["dry"])
        if question["dry"]:
            raise RefusedError(503, "this takes longer")
        return Said({}, b'{"id": "a"}')

    state.sweep_questions.ask = ask  # type: ignore[method-assign]
    assert asyncio.run(state._known_of(tmp_path)) == {"id": "a"}
    assert asked == [True, False]
    state.jobs.close()
