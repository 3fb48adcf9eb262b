"""Files that appear whole or not at all: written under a temporary name, then renamed.

Temporary names are `.NAME.PID.partial`: hidden, never ending in a table's extension, and recognisable as left over
once the process that wrote them is gone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from sizer.errors import RunError
from sizer.outlets import write_whole

_PARTIAL = ".partial"
_READERS = 4
_SETTLED_NANOSECONDS = 100_000_000
_MOST_KNOWN = 1 << 16


class Digest(NamedTuple):
    """What a file's bytes are known by."""

    bytes: int
    """How many there are."""
    sha256: str
    """In hexadecimal."""


LONGEST_NAME = 255
"""Bytes of a file's name, on every usual file system."""


def partial_path(path: Path) -> Path:
    """Return the temporary name under which this process writes a file."""
    end = f".{os.getpid()}{_PARTIAL}"
    name = path.name
    if len(os.fsencode(f".{name}{end}")) > LONGEST_NAME:
        # A name may be as long as names can be; the temporary one must not fail for being longer.
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return path.with_name(f".{name}{end}")


class PendingFiles:
    """Files that are being written; `commit` makes them appear, leaving the block otherwise removes them."""

    def __init__(self) -> None:
        """Start with no file."""
        self._pending: list[tuple[Path, Path]] = []
        self._scratch: list[tempfile.TemporaryDirectory[str]] = []

    def add(self, path: Path) -> Path:
        """Return the temporary path to write for a file that is to be.

        A link stays: the file that it leads to is replaced. What is no file, such as a device or a named pipe, is
        never replaced: the bytes are written into it.
        """
        if _takes_bytes(path):
            self._scratch.append(tempfile.TemporaryDirectory(prefix="sizer-"))
            partial = Path(self._scratch[-1].name) / f"whole{_PARTIAL}"
        else:
            path = Path(os.path.realpath(path)) if path.is_symlink() else path
            partial = partial_path(path)
        self._pending.append((partial, path))
        return partial

    def commit(self) -> None:
        """Rename every file to its name, in the order of `add`; the last one is the commit point."""
        for partial, _ in self._pending:
            sync(partial)
        for partial, path in self._pending:
            if _takes_bytes(path):
                with partial.open("rb") as whole, path.open("wb", buffering=0) as device:
                    while piece := whole.read(1 << 20):
                        write_whole(device, piece)
            else:
                partial.replace(path)
        self.discard()

    def discard(self) -> None:
        """Remove what was written under temporary names."""
        for partial, _ in self._pending:
            # On a disk that may not be written even this fails, and there is nothing to remove.
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        self._pending.clear()
        for folder in self._scratch:
            folder.cleanup()
        self._scratch.clear()


def _takes_bytes(path: Path) -> bool:
    """Return whether a path is something to write into that is no file: a device, a named pipe, `/dev/stdout`."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


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


def digest_of_stream(stream: IO[bytes]) -> Digest:
    """Return the digest of what is left to read."""
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
        size += len(chunk)
    return Digest(size, digest.hexdigest())


_KNOWN: dict[tuple[Any, ...], Digest] = {}


def read_digest(path: Path) -> Digest:
    """Return a file's digest. A file that this process has read, and that has not been touched since, is not read again.

    Raises:
        OSError: it cannot be read.
    """
    now, status = time.time_ns(), path.stat()
    touched = (status.st_mtime_ns, status.st_ctime_ns)
    key = (str(path.absolute()), status.st_dev, status.st_ino, status.st_size, *touched)
    known = _KNOWN.get(key)
    if known is not None:
        return known
    with path.open("rb") as file:
        found = digest_of_stream(file)
    # Clocks of file systems are coarse: what is written in the same tick as it was read would pass for unchanged.
    if now - max(touched) > _SETTLED_NANOSECONDS:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[key] = found
    return found


def read_digests(paths: Sequence[Path]) -> list[Digest]:
    """Return the digests of files, several of which are read at once.

    Raises:
        OSError: one of them cannot be read.
    """
    if len(paths) < 2:
        return [read_digest(path) for path in paths]
    with ThreadPoolExecutor(_READERS, thread_name_prefix="sizer") as readers:
        return list(readers.map(read_digest, paths))
