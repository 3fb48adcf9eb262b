"""A table in a SQLite file that others lock, fill up, damage or take away while it is used.

locked, no room, unreadable     tried again for a while, then a `StorageError`; `problem` says so until it works again
damaged, foreign, taken away    what lies there is set aside under another name, and a new file goes on with what can
                                be read of it and with what the server knows by heart
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sizer.errors import RunError
from sizer.service.faults import LOG
from sizer.service.refusals import RefusedError
from sizer.tables.stored.files import partial_path, remove_left_over, sync

PATIENCE_SECONDS = 15.0
"""How long what was asked is tried again; backups hold their lock for less."""
_DISK_SECONDS = 2.0
"""The same where no other program's lock is waited for."""
_START_SECONDS = 30.0
_TRY_SECONDS = 1.0
"""How long SQLite itself waits for a lock; what takes longer is said."""
_PAUSE_SECONDS = 0.05
_MOST_RENEWALS = 2
"""For one question: a disk that damages every new file is not worn down."""
_MAGIC = b"SQLite format 3\0"
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file: without it the newest rows are missing."""
_LOCKED = "another program has the file of the jobs locked"
_PASSING = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: "there is no room on the disk for the jobs",
    sqlite3.SQLITE_IOERR: "the disk refuses to read or write the jobs",
    sqlite3.SQLITE_NOMEM: "there is no memory to read or write the jobs",
    sqlite3.SQLITE_READONLY: "the file of the jobs may not be written",
    sqlite3.SQLITE_PERM: "the file of the jobs may not be written",
    sqlite3.SQLITE_CANTOPEN: "the file of the jobs cannot be opened",
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
}
"""SQLite's number of what may be over when it is tried again -> what a person reads."""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_REPLACED = "was replaced by another file"
_PROBLEMS = (sqlite3.Error, UnicodeError)
"""What SQLite says in a damaged file's own words may be no text at all."""
Found = TypeVar("Found")
Row = tuple[Any, ...]


class StorageError(RefusedError):
    """The jobs cannot be read or written now."""

    def __init__(self, problem: str) -> None:
        """Hold what a person reads; it names no file."""
        super().__init__(503, f"{problem}; try again", {"retry-after": "5"})


class DamagedRowError(Exception):
    """A row is none that was ever written."""


@dataclass(frozen=True)
class Table:
    """What a file is to hold."""

    name: str
    made: str
    """The SQL that makes it, where it is not there."""
    columns: Sequence[str]
    """Of which the first is the key by number, and the second the key by name."""
    check: Callable[[Row], object]
    """Raises `DamagedRowError` for a row that is none."""

    @property
    def selected(self) -> str:
        """The SQL that reads every row."""
        return f"SELECT {', '.join(self.columns)} FROM {self.name}"


@dataclass
class _Opened:
    """A file in use."""

    writing: sqlite3.Connection
    reading: sqlite3.Connection
    """Of its own, so that who reads does not wait for who waits to write."""
    watched: int
    """A descriptor of the file. It stays open: closing it would drop the locks that SQLite holds."""
    has_log: bool
    """Whether there is a write-ahead log beside it."""
    closed: bool = False

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        for connection in (self.reading, self.writing):
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        os.close(self.watched)


class Storage:
    """One table in one file. Every method may be called from any thread."""

    def __init__(self, path: Path, table: Table) -> None:
        """Open the file, make it where it is missing, and set aside what is damaged or another program's.

        Args:
            path: of the file.
            table: that it holds.

        Raises:
            RunError: it can be neither opened nor made.
        """
        self.problem = ""
        """Why nothing can be written now, in a person's words; empty where it can."""
        self.patience_seconds = PATIENCE_SECONDS
        self.remembered: Callable[[], list[Row]] = list
        """Returns rows that must not be lost, without their numbers; asked when a new file is begun."""
        self.renewed: Callable[[], None] = _nothing
        """Told when a new file was begun while the old one was in use."""
        self._path = path
        self._table = table
        self._writing = threading.RLock()
        self._reading = threading.RLock()
        self._since = 0.0
        self._closed = False
        self._opened = self._begun()

    def read(self, work: Callable[[sqlite3.Connection], Found]) -> Found:
        """Return what a function finds.

        Raises:
            StorageError: it could not be read for a while.
        """
        return self._tried(self._reading, lambda opened: work(opened.reading), self.patience_seconds)

    def write(self, work: Callable[[sqlite3.Connection], Found], seconds: float | None = None) -> Found:
        """Return what a function finds that changes the table, all of it or nothing.

        Args:
            work: given the connection, within a transaction.
            seconds: for which it is tried again; None: the patience that everybody has.

        Raises:
            StorageError: it could not be written for a while.
        """
        patience = self.patience_seconds if seconds is None else seconds
        return self._tried(self._writing, lambda opened: self._within(opened, work), patience)

    def close(self) -> None:
        """Close the file."""
        with self._writing, self._reading:
            if not self._closed:
                self._closed = True
                self._opened.close()

    # Attempts

    def _tried(self, lock: threading.RLock, work: Callable[[_Opened], Found], seconds: float) -> Found:
        began = time.monotonic()
        end = began + seconds
        renewals = 0
        while True:
            if not lock.acquire(timeout=max(0.0, end - time.monotonic())):
                raise StorageError(self.problem or _LOCKED)
            try:
                if self._closed:
                    raise StorageError("the server is stopping")
                opened = self._opened
                if opened.closed:
                    raise DamagedRowError  # a renewal was broken off
                return work(opened)
            except (*_PROBLEMS, OSError, DamagedRowError) as problem:
                passing = self._passing(problem, opened)
                if not passing and renewals == _MOST_RENEWALS:
                    passing = _PASSING[sqlite3.SQLITE_IOERR]
            finally:
                lock.release()
            if not passing:
                renewals += 1
                self._renew(opened, "is damaged")
                continue
            self._say(passing)
            # A lock is given back soon; room on a disk is not.
            if time.monotonic() >= (end if passing == _LOCKED else min(end, began + _DISK_SECONDS)):
                raise StorageError(passing)
            time.sleep(_PAUSE_SECONDS)

    def _within(self, opened: _Opened, work: Callable[[sqlite3.Connection], Found]) -> Found:
        reason = self._amiss(opened)
        if reason:
            self._renew(opened, reason)
            opened = self._opened
        connection = opened.writing
        try:
            connection.execute("BEGIN IMMEDIATE")
            if self.problem:
                # What only looks for work writes nothing, and would take a full disk for one with room.
                connection.execute("PRAGMA user_version = 1")
            found = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        if self.problem:
            LOG.warning("the jobs can be written again, after %.0f seconds", time.monotonic() - self._since)
            self.problem = ""
        return found

    def _passing(self, problem: Exception, opened: _Opened) -> str:
        """Return what a person reads of a problem that may pass; nothing where the file is damaged.

        Raises:
            Exception: the problem itself, where it is a mistake of the program.
        """
        if isinstance(problem, (DamagedRowError, UnicodeError)):
            return ""
        if isinstance(problem, OSError):
            return _PASSING[sqlite3.SQLITE_IOERR]
        code = _code(problem)
        if code in _PASSING:
            return _PASSING[code]
        if code in _DAMAGE:
            return ""
        try:
            wrong = self._wrong(opened.reading, new=False)
        except _PROBLEMS:
            return ""
        if not wrong:
            raise problem
        return ""

    def _say(self, problem: str) -> None:
        if not self.problem:
            self._since = time.monotonic()
            LOG.error("%s; it is tried again until it works", problem)
        self.problem = problem

    # What is wrong with a file

    def _amiss(self, opened: _Opened) -> str:
        """Return what happened to the file while it was in use; nothing where it is as it was."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return "was taken away"
        here = os.fstat(opened.watched)
        if (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino):
            return _REPLACED
        os.lseek(opened.watched, 0, os.SEEK_SET)
        if os.read(opened.watched, len(_MAGIC)) != _MAGIC:
            return "was written over"
        if opened.has_log and not self._beside("-wal").exists():
            return "lost the log beside it"
        return ""

    def _wrong(self, connection: sqlite3.Connection, *, new: bool = True) -> str:
        """Return what is wrong with a file; nothing where it is whole, or empty and may be new."""
        ((said,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
        if said != "ok":
            return "is damaged"
        tables = connection.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'").fetchall()
        if new and not tables:
            return ""
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({self._table.name})")}
        if not columns.issuperset(self._table.columns):
            return "is another program's"
        try:
            for row in connection.execute(self._table.selected):
                self._table.check(row)
        except DamagedRowError:
            return "is damaged"
        return ""

    # Files

    def _beside(self, ending: str) -> Path:
        return self._path.with_name(self._path.name + ending)

    def _begun(self) -> _Opened:
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                remove_left_over(self._path.parent)
                reason = self._wrong_at_start()
                if reason:
                    self._replace(self._copied(), reason)
                return self._open()
            except (sqlite3.Error, OSError) as problem:
                words = problem.strerror or str(problem) if isinstance(problem, OSError) else ""
                words = words or _PASSING.get(_code(problem), str(problem))
                if _code(problem) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > end:
                    raise RunError(f"{self._path}: {words}") from None
                self._say(words)
                time.sleep(_PAUSE_SECONDS)

    def _wrong_at_start(self) -> str:
        if self._path.is_file():
            with self._path.open("rb") as file:
                begun = file.read(len(_MAGIC))
            if begun and begun != _MAGIC:
                return "is damaged, or no database"
        with contextlib.closing(_connected(self._path)) as connection:
            try:
                return self._wrong(connection)
            except _PROBLEMS as problem:
                if _code(problem) in _PASSING:
                    raise
                return "is damaged"

    def _open(self) -> _Opened:
        writing = _connected(self._path)
        try:
            writing.execute("PRAGMA journal_mode = WAL")
            writing.execute("PRAGMA synchronous = NORMAL")
            writing.execute(self._table.made)
            reading = _connected(self._path)
            watched = os.open(self._path, os.O_RDONLY)
        except BaseException:
            writing.close()
            raise
        return _Opened(writing, reading, watched, self._beside("-wal").exists())

    def _renew(self, opened: _Opened, reason: str) -> None:
        """Begin a new file in place of one that is in use, with everything of it that can be read.

        Raises:
            StorageError: a new one cannot be written.
        """
        with self._writing, self._reading:
            if self._closed or self._opened is not opened:
                return  # somebody else has seen to it
            try:
                if not opened.closed:
                    rows = {} if reason == _REPLACED else self._copied()
                    self._replace({**rows, **_readable(opened.reading, self._table)}, reason, opened)
                self._opened = self._open()
            except (*_PROBLEMS, OSError) as problem:
                self._say(_PASSING.get(_code(problem), _PASSING[sqlite3.SQLITE_IOERR]))
                raise StorageError(self.problem) from None
        self.renewed()

    def _copied(self) -> dict[str, Row]:
        """Return key -> row of what can be read of the file. A copy is read: what is set aside stays as it was found."""
        with tempfile.TemporaryDirectory(prefix="sizer-") as folder:
            copy = Path(folder) / "copy.sqlite"
            if not self._path.is_file():
                return {}
            shutil.copyfile(self._path, copy)
            for ending in ("-wal", "-journal"):
                if self._beside(ending).is_file():
                    shutil.copyfile(self._beside(ending), copy.with_name(copy.name + ending))
            with contextlib.closing(_connected(copy)) as connection:
                return _readable(connection, self._table)

    def _replace(self, rows: dict[str, Row], reason: str, opened: _Opened | None = None) -> None:
        """Write a new file, set aside what lies in its place, and let it appear there."""
        new = partial_path(self._path)
        new.unlink(missing_ok=True)
        with contextlib.closing(_connected(new)) as connection:
            connection.execute("BEGIN")
            connection.execute(self._table.made)
            names, marks = ", ".join(self._table.columns), ", ".join("?" * len(self._table.columns))
            known = [row for row in self.remembered() if row[0] not in rows]
            # In their order, but numbered anew: in a damaged file a number may stand twice, or be the last there is.
            for number, row in enumerate([*(row[1:] for row in sorted(rows.values())), *known], 1):
                connection.execute(f"INSERT INTO {self._table.name} ({names}) VALUES ({marks})", (number, *row))
            connection.execute("COMMIT")
        sync(new)
        kept = self._set_aside()
        if opened is not None:
            # Before the new file has its name: SQLite removes the log of what it closes by that name.
            opened.close()
        new.replace(self._path)
        where = f"; it is kept as {kept}" if kept else ""
        LOG.error("%s %s%s; a new one goes on with %d jobs", self._path.name, reason, where, len(rows) + len(known))

    def _set_aside(self) -> str:
        """Give what lies in the file's place another name, and return that; nothing where nothing lies there."""
        if not os.path.lexists(self._path):
            for ending in _BESIDE:
                self._beside(ending).unlink(missing_ok=True)
            return ""
        kept = next(name for name in self._others() if not os.path.lexists(name))
        self._path.rename(kept)
        for ending in _BESIDE:
            if self._beside(ending).exists():
                self._beside(ending).rename(kept.with_name(kept.name + ending))
        return kept.name

    def _others(self) -> Iterator[Path]:
        number = 1
        while True:
            yield self._path.with_name(f"{self._path.stem}.aside-{number}{self._path.suffix}")
            number += 1


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_TRY_SECONDS, check_same_thread=False, isolation_level=None)
    # A row of which the text is none is a damaged row, and no reason to read none of those behind it.
    connection.text_factory = _text
    return connection


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _code(problem: Exception) -> int:
    """Return SQLite's number of a problem, without what it adds to it; 0 where it has none."""
    return int(getattr(problem, "sqlite_errorcode", 0)) & 0xFF


def _readable(connection: sqlite3.Connection, table: Table) -> dict[str, Row]:
    """Return key -> row of every whole row that can be reached, from the one end or the other."""
    found: dict[str, Row] = {}
    for order in ("ASC", "DESC"):
        with contextlib.suppress(*_PROBLEMS):
            for row in connection.execute(f"{table.selected} ORDER BY {table.columns[0]} {order}"):
                with contextlib.suppress(DamagedRowError):
                    table.check(row)
                    found.setdefault(row[1], row)
    return found


def _nothing() -> None:
    pass
