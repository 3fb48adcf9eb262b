"""What is known of each job, in SQLite: a server that is killed finds everything again."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from sizer.service.storage import DamagedRowError, Row, Storage, Table

JOB_ID = re.compile("[0-9a-f]{20}")
Status = Literal["queued", "running", "done", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = ("queued", "running", "done", "failed", "cancelled")
ENDED: tuple[Status, ...] = ("done", "failed", "cancelled")

_MADE = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    configurations INTEGER NOT NULL,
    status TEXT NOT NULL,
    dry_run TEXT NOT NULL,
    created REAL NOT NULL,
    ended REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    progress TEXT NOT NULL DEFAULT '{}',
    summary TEXT NOT NULL DEFAULT '{}',
    faults TEXT NOT NULL DEFAULT '[]'
)
"""
_LARGEST = 2**63 - 1
_COLUMNS = (
    "id", "name", "text", "configurations", "status", "dry_run", "created", "ended", "attempts", "progress", "summary",
    "faults",
)  # fmt: skip


@dataclass(frozen=True)
class SweepJob:
    """One sweep that is to be run, is running or was."""

    id: str
    """The first 20 hexadecimal digits of the SHA-256 of what the sweep says."""
    name: str
    text: str
    """The sweep as it was posted."""
    configurations: int
    status: Status
    dry_run: Mapping[str, Any]
    created: float
    """Seconds since 1970."""
    ended: float | None = None
    attempts: int = 0
    """How often a worker ended before the job did."""
    progress: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    """Of a job that is done: what `sizer run --json` says."""
    faults: tuple[Mapping[str, Any], ...] = ()
    """Of a job that failed."""

    def as_json(self) -> dict[str, Any]:
        """Return the job as clients see it."""
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "configurations": self.configurations,
            "dry_run": dict(self.dry_run),
            "progress": dict(self.progress),
            "summary": dict(self.summary) or None,
            "faults": list(self.faults),
            "created": _instant(self.created),
            "ended": None if self.ended is None else _instant(self.ended),
        }


def _instant(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Jobs:
    """The jobs of one data folder. Every method may be called from any thread.

    Every method may raise a `StorageError`: the file could not be read or written for a while.
    """

    def __init__(self, path: Path) -> None:
        """Open the database, and make it where it is missing.

        Raises:
            RunError: it can be neither opened nor made.
        """
        self._storage = Storage(path, _TABLE)
        self._unfinished: dict[str, SweepJob] = {}
        """The jobs that have not ended, by heart: they outlive the file."""
        self._storage.remembered = lambda: [_row(job) for job in list(self._unfinished.values())]
        for job in self._storage.read(lambda connection: _all(connection, f"{_SELECT} WHERE {_OPEN} ORDER BY number")):
            self._unfinished[job.id] = job

    @property
    def problem(self) -> str:
        """Why nothing can be written now, in a person's words; empty where it can."""
        return self._storage.problem

    def on_renewed(self, told: Callable[[], None]) -> None:
        """Have somebody told when a new file was begun, in which jobs that had ended may be missing."""
        self._storage.renewed = told

    def hurry(self) -> None:
        """Try nothing again for long: the server is ending."""
        self._storage.patience_seconds = 1.0

    def close(self) -> None:
        """Close the database."""
        self._storage.close()

    def add(self, job: SweepJob, most_waiting: int) -> tuple[SweepJob, bool] | None:
        """Add a job, or return the one that is there; one that failed or was cancelled is queued again.

        Returns:
            The job, and whether it was queued by this call; None where too many jobs wait.
        """

        def work(connection: sqlite3.Connection) -> tuple[SweepJob, bool] | None:
            known = _first(connection, job.id)
            if known is not None and known.status not in ("failed", "cancelled"):
                return known, False
            ((waiting,),) = connection.execute("SELECT count(*) FROM jobs WHERE status = 'queued'").fetchall()
            if waiting >= most_waiting:
                return None
            if known is not None:
                connection.execute(
                    "UPDATE jobs SET status = 'queued', ended = NULL, attempts = 0, faults = '[]', dry_run = ? WHERE id = ?",
                    [json.dumps(job.dry_run), job.id],
                )
            else:
                _insert(connection, replace(job, status="queued"))
            found = _first(connection, job.id)
            assert found is not None
            return found, True

        found = self._storage.write(work)
        if found is not None and found[1]:
            self._unfinished[job.id] = found[0]
        return found

    def restore(self, job: SweepJob) -> bool:
        """Add a job that has ended, of which only the results are there; return False where it is known."""

        def work(connection: sqlite3.Connection) -> bool:
            if _first(connection, job.id) is not None:
                return False
            _insert(connection, job)
            return True

        return self._storage.write(work)

    def get(self, job_id: str) -> SweepJob | None:
        """Return a job, or None where there is none."""
        return self._storage.read(lambda connection: _first(connection, job_id))

    def newest(self, most: int, skip: int = 0) -> list[SweepJob]:
        """Return jobs, the newest first."""
        sql = f"{_SELECT} ORDER BY number DESC LIMIT ? OFFSET ?"
        return self._storage.read(lambda connection: _all(connection, sql, [most, skip]))

    def ids(self) -> set[str]:
        """Return the id of every job."""
        sql = "SELECT id FROM jobs"
        return self._storage.read(lambda connection: {job_id for (job_id,) in connection.execute(sql).fetchall()})

    def numbers(self) -> dict[str, int]:
        """Return status -> how many jobs have it."""
        sql = "SELECT status, count(*) FROM jobs GROUP BY status"
        found = self._storage.read(lambda connection: dict(connection.execute(sql).fetchall()))
        return {status: found.get(status, 0) for status in STATUSES}

    def claim(self) -> SweepJob | None:
        """Return the job that waits longest, which is running from now on; None where none waits."""

        def work(connection: sqlite3.Connection) -> SweepJob | None:
            found = _all(connection, f"{_SELECT} WHERE status = 'queued' ORDER BY number LIMIT 1")
            for job in found:
                connection.execute("UPDATE jobs SET status = 'running' WHERE id = ?", [job.id])
            return found[0] if found else None

        # Who claims asks again soon, and a file that is in trouble is found to be so.
        found = self._storage.write(work, 1.0)
        if found is not None:
            self._remember(found.id, "running")
        return found

    def requeue(self) -> None:
        """Let what was running when a server ended wait again."""
        self._storage.write(
            lambda connection: connection.execute("UPDATE jobs SET status = 'queued' WHERE status = 'running'")
        )
        for job_id in list(self._unfinished):
            self._remember(job_id, "queued")

    def retry(self, job_id: str) -> int:
        """Let a running job wait again because its worker ended; return how often that was so."""

        def work(connection: sqlite3.Connection) -> int:
            connection.execute(
                "UPDATE jobs SET status = 'queued', attempts = attempts + 1 WHERE id = ? AND status = 'running'",
                [job_id],
            )
            rows = connection.execute("SELECT attempts FROM jobs WHERE id = ?", [job_id]).fetchall()
            return int(rows[0][0]) if rows else 0

        attempts = self._storage.write(work)
        self._remember(job_id, "queued")
        return attempts

    def progressed(self, job_id: str, progress: Mapping[str, Any]) -> None:
        """Note how far a job is; nothing is tried again, as there will be more."""
        values = [json.dumps(progress), job_id]
        self._storage.write(
            lambda connection: connection.execute("UPDATE jobs SET progress = ? WHERE id = ?", values), 0.0
        )

    def end(self, job_id: str, status: Status, *, summary: Mapping[str, Any] | None = None, faults: Any = ()) -> bool:
        """Note how a job ended; return False where it had ended already."""
        values = [status, time.time(), json.dumps(summary or {}), json.dumps(list(faults)), job_id]

        def work(connection: sqlite3.Connection) -> bool:
            changed = connection.execute(
                f"UPDATE jobs SET status = ?, ended = ?, summary = ?, faults = ? WHERE id = ? AND {_OPEN}", values
            )
            return changed.rowcount == 1

        changed = self._storage.write(work)
        self._unfinished.pop(job_id, None)
        return changed

    def remove(self, job_id: str) -> None:
        """Forget a job that has ended."""
        self._storage.write(
            lambda connection: connection.execute(f"DELETE FROM jobs WHERE id = ? AND NOT {_OPEN}", [job_id])
        )

    def _remember(self, job_id: str, status: Status) -> None:
        job = self._unfinished.get(job_id)
        if job is not None:
            self._unfinished[job_id] = replace(job, status=status)


def _first(connection: sqlite3.Connection, job_id: str) -> SweepJob | None:
    found = _all(connection, f"{_SELECT} WHERE id = ?", [job_id])
    return found[0] if found else None


def _all(connection: sqlite3.Connection, sql: str, values: Any = ()) -> list[SweepJob]:
    return [_job(row) for row in connection.execute(sql, values).fetchall()]


def _insert(connection: sqlite3.Connection, job: SweepJob) -> None:
    marks = ", ".join("?" * len(_COLUMNS))
    connection.execute(f"INSERT INTO jobs ({', '.join(_COLUMNS)}) VALUES ({marks})", _row(job))


def _row(job: SweepJob) -> Row:
    """Return a job as it stands in the table."""
    return (
        job.id, job.name, job.text, _stored(job.configurations), job.status, json.dumps(dict(job.dry_run)), job.created,
        job.ended, job.attempts, json.dumps(dict(job.progress)), json.dumps(dict(job.summary)),
        json.dumps(list(job.faults)),
    )  # fmt: skip


def _stored(number: int) -> int | str:
    """Return a number as the table holds it: past 64 bits in quotes, without which SQLite would round it."""
    return number if number <= _LARGEST else json.dumps(str(number))


def _number(stored: Any) -> Any:
    """Return a number that is stored so."""
    return int(json.loads(stored)) if isinstance(stored, str) else stored


def _job(row: Row) -> SweepJob:
    """Return the job of a row.

    Raises:
        DamagedRowError: no job was ever written so.
    """
    job_id, name, text, configurations, status, dry_run, created, ended, attempts, progress, summary, faults = row
    try:
        "".join(value for value in row if isinstance(value, str)).encode()  # what is no text cannot be written again
        job = SweepJob(
            job_id, name, text, _number(configurations), status, json.loads(dry_run), created, ended, attempts,
            json.loads(progress), json.loads(summary), tuple(json.loads(faults)),
        )  # fmt: skip
    except (TypeError, ValueError, RecursionError):
        raise DamagedRowError from None
    kinds = (
        (str, (job.id, job.name, job.text, job.status)),
        (int, (job.configurations, job.attempts)),
        (float, (job.created, *(() if job.ended is None else (job.ended,)))),
        (dict, (job.dry_run, job.progress, job.summary, *job.faults)),
    )
    if not all(isinstance(value, kind) for kind, values in kinds for value in values):
        raise DamagedRowError
    if job.status not in STATUSES or not JOB_ID.fullmatch(job.id):
        raise DamagedRowError
    return job


def _check(row: Row) -> object:
    return _job(row[1:])


_OPEN = "status IN ('queued', 'running')"
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM jobs"
_TABLE = Table("jobs", _MADE, ("number", *_COLUMNS), _check)
