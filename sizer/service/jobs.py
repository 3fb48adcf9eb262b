"""What is known of each job, in SQLite: a server that is killed finds everything again."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Status = Literal["queued", "running", "done", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = ("queued", "running", "done", "failed", "cancelled")
ENDED: tuple[Status, ...] = ("done", "failed", "cancelled")

_TABLE = """
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
_COLUMNS = "id, name, text, configurations, status, dry_run, created, ended, attempts, progress, summary, faults"


@dataclass(frozen=True)
class Job:
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
    """The jobs of one data folder. Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Open the database, and make it where it is missing."""
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_TABLE)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def add(self, job: Job, most_waiting: int) -> tuple[Job, bool] | None:
        """Add a job, or return the one that is there; one that failed or was cancelled is queued again.

        Returns:
            The job, and whether it was queued by this call; None where too many jobs wait.
        """
        with self._transaction() as connection:
            known = _first(connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", [job.id]))
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
                connection.execute(
                    "INSERT INTO jobs (id, name, text, configurations, status, dry_run, created) VALUES (?, ?, ?, ?, 'queued', ?, ?)",
                    [job.id, job.name, job.text, job.configurations, json.dumps(job.dry_run), job.created],
                )
            found = _first(connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", [job.id]))
            assert found is not None
            return found, True

    def get(self, job_id: str) -> Job | None:
        """Return a job, or None where there is none."""
        with self._lock:
            return _first(self._connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", [job_id]))

    def newest(self, most: int, skip: int = 0) -> list[Job]:
        """Return jobs, the newest first."""
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM jobs ORDER BY number DESC LIMIT ? OFFSET ?", [most, skip]
            ).fetchall()
        return [_job(row) for row in rows]

    def numbers(self) -> dict[str, int]:
        """Return status -> how many jobs have it."""
        with self._lock:
            found = dict(self._connection.execute("SELECT status, count(*) FROM jobs GROUP BY status").fetchall())
        return {status: found.get(status, 0) for status in STATUSES}

    def claim(self) -> Job | None:
        """Return the job that waits longest, which is running from now on; None where none waits."""
        with self._transaction() as connection:
            found = _first(
                connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE status = 'queued' ORDER BY number LIMIT 1")
            )
            if found is not None:
                connection.execute("UPDATE jobs SET status = 'running' WHERE id = ?", [found.id])
            return found

    def requeue(self) -> None:
        """Let what was running when a server ended wait again."""
        with self._transaction() as connection:
            connection.execute("UPDATE jobs SET status = 'queued' WHERE status = 'running'")

    def retry(self, job_id: str) -> int:
        """Let a running job wait again because its worker ended; return how often that was so."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = 'queued', attempts = attempts + 1 WHERE id = ? AND status = 'running'",
                [job_id],
            )
            rows = connection.execute("SELECT attempts FROM jobs WHERE id = ?", [job_id]).fetchall()
            return int(rows[0][0]) if rows else 0

    def progressed(self, job_id: str, progress: Mapping[str, Any]) -> None:
        """Note how far a job is."""
        with self._transaction() as connection:
            connection.execute("UPDATE jobs SET progress = ? WHERE id = ?", [json.dumps(progress), job_id])

    def end(self, job_id: str, status: Status, *, summary: Mapping[str, Any] | None = None, faults: Any = ()) -> bool:
        """Note how a job ended; return False where it had ended already."""
        with self._transaction() as connection:
            changed = connection.execute(
                "UPDATE jobs SET status = ?, ended = ?, summary = ?, faults = ?"
                " WHERE id = ? AND status IN ('queued', 'running')",
                [status, time.time(), json.dumps(summary or {}), json.dumps(list(faults)), job_id],
            )
            return changed.rowcount == 1

    def remove(self, job_id: str) -> None:
        """Forget a job that has ended."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE id = ? AND status IN ('done', 'failed', 'cancelled')", [job_id])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _first(cursor: sqlite3.Cursor) -> Job | None:
    row = cursor.fetchone()
    return None if row is None else _job(row)


def _job(row: tuple[Any, ...]) -> Job:
    job_id, name, text, configurations, status, dry_run, created, ended, attempts, progress, summary, faults = row
    return Job(
        job_id, name, text, configurations, status, json.loads(dry_run), created, ended, attempts,
        json.loads(progress), json.loads(summary), tuple(json.loads(faults)),
    )  # fmt: skip
