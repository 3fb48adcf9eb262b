"""Folders that tables are written to: on this machine, or anywhere that fsspec reaches (`s3://`, `gs://`, `file://` ...).

A file appears in a folder whole or not at all: it is written to a scratch file first. Names are relative to the folder,
with `/` between their parts.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, ParamSpec, Protocol, TypeVar

from sizer.errors import RunError
from sizer.extras import install_command
from sizer.tables.stored.files import Digest, digest_of_stream, read_digest, sync

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Folder(Protocol):
    """A place for tables."""

    url: str
    """The folder as other processes and machines name it."""

    def shown(self, name: str) -> str:
        """Return a file of the folder as people name it."""

    def exists(self, name: str) -> bool:
        """Return whether there is such a file or folder."""

    def is_folder(self, name: str) -> bool:
        """Return whether there is such a folder."""

    def is_link(self, name: str) -> bool:
        """Return whether a name leads somewhere else."""

    def names(self, name: str) -> list[str]:
        """Return the names of what lies in a folder within this one, sorted; nothing where it is missing."""

    def make(self, name: str = "") -> None:
        """Make a folder within this one, and this one, where they are missing."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading from any place in it."""

    def digest(self, name: str) -> Digest | None:
        """Return the digest of a file; None where there is no such file, or it is a folder or leads somewhere else."""

    def write(self, name: str, content: bytes) -> None:
        """Write a small file."""

    def new_file(self, name: str, scratch: str) -> contextlib.AbstractContextManager[Path]:
        """Give a path to write; at the end of the block the file has its name, unless the block failed.

        Args:
            name: of the file.
            scratch: a folder within this one for files that are being written.
        """

    def move(self, name: str, target: str, aside: str) -> None:
        """Give a file or folder the name of another, which is replaced; a killed move can be repeated.

        Args:
            name: what is to be moved.
            target: its new name.
            aside: a name that may be used to get what is there out of the way.
        """

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it; missing is fine."""


def open_folder(out: str | os.PathLike[str]) -> Folder:
    """Return the folder at a path or URL; nothing is made yet.

    Raises:
        RunError: the URL needs fsspec, or a file system, that is not installed or not known.
    """
    text = os.fspath(out)
    if "://" not in text:
        return LocalFolder(Path(text))
    if text.startswith("file://"):
        return LocalFolder(Path(text.removeprefix("file://")))
    return RemoteFolder(text)


class LocalFolder:
    """A folder on a disk of this machine, or one that it mounts."""

    def __init__(self, path: Path) -> None:
        """Name the folder."""
        self.path = path
        self.url = str(path.absolute())

    def shown(self, name: str) -> str:
        """Return the file's path, relative where the folder was named so."""
        return str(self.path / name)

    def exists(self, name: str) -> bool:
        """Return whether there is such a file or folder."""
        return (self.path / name).exists()

    def is_folder(self, name: str) -> bool:
        """Return whether there is such a folder."""
        return (self.path / name).is_dir()

    def is_link(self, name: str) -> bool:
        """Return whether a name is a symbolic link."""
        return (self.path / name).is_symlink()

    def names(self, name: str) -> list[str]:
        """Return the names of what lies in a folder within this one, sorted."""
        try:
            return sorted(os.listdir(self.path / name))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return []

    def make(self, name: str = "") -> None:
        """Make a folder within this one, and this one, where they are missing."""
        (self.path / name).mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        return (self.path / name).read_bytes()

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading from any place in it."""
        return (self.path / name).open("rb")

    def digest(self, name: str) -> Digest | None:
        """Return the digest of a file; None where there is no such file, or it is a folder or a symbolic link."""
        path = self.path / name
        return read_digest(path) if path.is_file() and not path.is_symlink() else None

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, whole or not at all."""
        with self.new_file(name, str(Path(name).parent)) as path:
            path.write_bytes(content)

    @contextlib.contextmanager
    def new_file(self, name: str, scratch: str) -> Iterator[Path]:
        """Give a path in the scratch folder; at the end the file is on the disk and is renamed."""
        target = self.path / name
        path = self.path / scratch / f".{target.name}.{os.getpid()}.partial"
        # Not its parents: a worker that outlives its run must not bring the run's folder back.
        path.parent.mkdir(exist_ok=True)
        try:
            yield path
            sync(path)
            path.replace(target)
        finally:
            path.unlink(missing_ok=True)

    def move(self, name: str, target: str, aside: str) -> None:
        """Rename a file or folder; a folder that is in the way is renamed first, so that no reader meets half of it."""
        source, goal = self.path / name, self.path / target
        if goal.is_dir() or (goal.exists() and source.is_dir()):
            self.remove(aside)
            goal.replace(self.path / aside)
        source.replace(goal)

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it."""
        path = self.path / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _as_os_error(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make whatever a remote file system raises an `OSError`, so that runs need to know of one kind only."""

    @functools.wraps(method)
    def wrapped(*positional: _P.args, **named: _P.kwargs) -> _R:
        try:
            return method(*positional, **named)
        except OSError:
            raise
        except Exception as problem:
            raise OSError(f"{type(problem).__name__}: {problem}") from problem

    return wrapped


class RemoteFolder:
    """A folder that fsspec reaches. What appears there is uploaded whole; renaming may copy, as object stores do."""

    def __init__(self, url: str) -> None:
        """Open the file system that the URL names."""
        try:
            import fsspec
        except ImportError:
            raise RunError(f"{url}: addresses need the extra: {install_command('cluster')}") from None
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError, OSError) as problem:
            raise RunError(f"{url}: {problem}") from None
        self.url = url

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as the URL: each process opens the file system anew."""
        return RemoteFolder, (self.url,)

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root

    def shown(self, name: str) -> str:
        """Return the file's URL."""
        return f"{self.url.rstrip('/')}/{name}"

    @_as_os_error
    def exists(self, name: str) -> bool:
        """Return whether there is such a file or folder."""
        self._files.invalidate_cache()
        return bool(self._files.exists(self._at(name)))

    @_as_os_error
    def is_folder(self, name: str) -> bool:
        """Return whether there is such a folder."""
        self._files.invalidate_cache()
        return bool(self._files.isdir(self._at(name)))

    def is_link(self, name: str) -> bool:
        """Return that nothing is: what lies there has no other name."""
        return False

    @_as_os_error
    def names(self, name: str) -> list[str]:
        """Return the names of what lies in a folder within this one, sorted."""
        self._files.invalidate_cache()
        try:
            paths = self._files.ls(self._at(name), detail=False)
        except FileNotFoundError:
            return []
        return sorted({path.rstrip("/").rpartition("/")[2] for path in paths})

    @_as_os_error
    def make(self, name: str = "") -> None:
        """Make a folder, where the file system has folders of their own."""
        self._files.makedirs(self._at(name), exist_ok=True)

    @_as_os_error
    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        return bytes(self._files.cat_file(self._at(name)))

    @_as_os_error
    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading from any place in it."""
        opened: IO[bytes] = self._files.open(self._at(name), "rb")
        return opened

    @_as_os_error
    def digest(self, name: str) -> Digest | None:
        """Return the digest of a file; None where there is no such file."""
        self._files.invalidate_cache()
        if not self._files.isfile(self._at(name)):
            return None
        with self._files.open(self._at(name), "rb") as stream:
            return digest_of_stream(stream)

    @_as_os_error
    def write(self, name: str, content: bytes) -> None:
        """Write a small file."""
        self._files.pipe_file(self._at(name), content)

    @contextlib.contextmanager
    def new_file(self, name: str, scratch: str) -> Iterator[Path]:
        """Give a path on this machine; at the end the file is uploaded."""
        with tempfile.TemporaryDirectory(prefix="sizer-") as folder:
            path = Path(folder) / "partial"
            yield path
            self._upload(path, name)

    @_as_os_error
    def _upload(self, path: Path, name: str) -> None:
        self._files.put_file(str(path), self._at(name))

    @_as_os_error
    def move(self, name: str, target: str, aside: str) -> None:
        """Move a file or folder; a folder goes file by file onto what is there."""
        self._files.invalidate_cache()
        if self._files.isdir(self._at(name)):
            if self._files.isfile(self._at(target)):
                self.remove(target)
            self.make(target)
            for child in self.names(name):
                self._files.mv(self._at(f"{name}/{child}"), self._at(f"{target}/{child}"))
            self.remove(name)
            return
        if self._files.isdir(self._at(target)):
            self.remove(target)
        self._files.mv(self._at(name), self._at(target))

    @_as_os_error
    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it."""
        self._files.invalidate_cache()
        with contextlib.suppress(FileNotFoundError):
            self._files.rm(self._at(name), recursive=True)
