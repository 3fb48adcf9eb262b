"""Files that appear whole or not at all: written under a temporary name, then renamed.

Temporary names are `.NAME.PID.partial`: hidden, never ending in a table's extension, and recognisable as left over
once the process that wrote them is gone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sizer.errors import RunError

_PARTIAL = ".partial"


def partial_path(path: Path) -> Path:
    """Return the temporary name under which this process writes a file."""
    return path.with_name(f".{path.name}.{os.getpid()}{_PARTIAL}")


class PendingFiles:
    """Files that are being written; `commit` makes them appear, leaving the block otherwise removes them."""

    def __init__(self) -> None:
        """Start with no file."""
        self._pending: list[Path] = []

    def add(self, path: Path) -> Path:
        """Return the temporary path to write for a file that is to be."""
        self._pending.append(path)
        return partial_path(path)

    def commit(self) -> None:
        """Rename every file to its name, in the order of `add`; the last one is the commit point."""
        for path in self._pending:
            sync(partial_path(path))
        for path in self._pending:
            partial_path(path).replace(path)
        self._pending.clear()

    def discard(self) -> None:
        """Remove what was written under temporary names."""
        for path in self._pending:
            partial_path(path).unlink(missing_ok=True)
        self._pending.clear()


@contextmanager
def pending_files(folder: Path) -> Iterator[PendingFiles]:
    """Open a set of files that appear in a folder together or not at all.

    Raises:
        RunError: the folder cannot be made or written, or the disk is full.
    """
    pending = PendingFiles()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_left_over(folder)
        yield pending
    except OSError as problem:
        where = problem.filename or folder
        raise RunError(f"{where}: {problem.strerror or problem}; the tables that were there are unchanged") from problem
    finally:
        pending.discard()


def remove_left_over(folder: Path) -> None:
    """Remove temporary files of processes that are gone."""
    for path in folder.glob(f".*{_PARTIAL}"):
        process = path.name.removesuffix(_PARTIAL).rpartition(".")[2]
        if process.isdigit() and not is_running(int(process)):
            path.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Return whether a process of this machine is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def sync(path: Path) -> None:
    """Wait until a file is on the disk, so that a name is never given to what a power cut could take away."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return sha256_of_stream(file)


def sha256_of_stream(stream: IO[bytes]) -> str:
    """Return the SHA-256 of what is left to read, in hexadecimal."""
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
