"""The work of a run under way: a hidden folder beside the tables, that one run at a time holds.

    .NAME.run/order.json                what is being made, to compare with on resuming
    .NAME.run/parts-ORDER/00000.whole   parts of the Parquet table that are whole
    .NAME.run/csv.whole                 a table that is whole
    .NAME.run/csv.noted                 its size and SHA-256 when it was made; each part has such a note too
    .NAME.run/manifest.whole            the run is decided: from here on it is only moved into place
    .NAME.run/scratch/                  files that are being written

The folder of the parts is named by the order they are made by: a worker that outlives its run, and finishes a part when
another run has begun, cannot put it among that run's parts. Nothing in it bears a table's extension. `settle` finishes a
move that a killed run began, so the tables and the manifest that a reader finds belong together again. What is not as it
was noted is made anew: disks forget, and people copy.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sizer.errors import RunError
from sizer.runs.changes import changes
from sizer.runs.manifest import OF_OTHER_TABLES
from sizer.tables.stored.files import Digest, is_running, remove_left_over
from sizer.tables.stored.folders import Folder, LocalFolder
from sizer.tables.stored.integrity import (
    MANIFEST,
    PARTS,
    STRAY,
    files_in,
    is_so,
    is_table_of,
    manifest_in,
    sealed,
    unsealed,
)

_PARTS = "parts-"
_NOTE = re.compile(rb"(\d{1,20}) ([0-9a-f]{64})\n")
_READERS = 4

UNCHANGED = "the tables that were there are unchanged"


@contextlib.contextmanager
def opened_work(folder: Folder, name: str, digest: str) -> Iterator[Work]:
    """Hold the work folder of a run; only one process at a time does.

    Args:
        folder: of the tables.
        name: of the sweep.
        digest: of the run's order.

    Raises:
        RunError: another run holds it, or the folder cannot be written.
    """
    work = Work(folder, name, digest)
    work.check_own_names()
    with as_run_errors(folder), _locked(folder, name, work):
        folder.make(work.root)
        work.sign()
        yield work


@contextlib.contextmanager
def as_run_errors(folder: Folder) -> Iterator[None]:
    """Say what the disk said, and that nothing was lost.

    Raises:
        RunError: for an `OSError`.
    """
    try:
        yield
    except OSError as problem:
        where = problem.filename or folder.shown("")
        raise RunError(f"{where}: {problem.strerror or problem}; {UNCHANGED}") from problem


@contextlib.contextmanager
def _locked(folder: Folder, name: str, work: Work) -> Iterator[None]:
    if not isinstance(folder, LocalFolder):
        # Object stores have no locks: the signature is all there is, and a dead process of this host is known by it.
        if work.is_held():
            raise RunError(work.refusal() + f"; if it is no longer running, remove {folder.shown(work.holder)}")
        try:
            yield
        finally:
            folder.remove(work.holder)
        return
    folder.make()
    lock = FileLock(folder.path / f".{name}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RunError(work.refusal()) from None
    try:
        remove_left_over(folder.path)
        yield
    finally:
        # While it is held: a run that opened the file before finds it gone, and begins anew.
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


class Work:
    """The work folder of one run."""

    def __init__(self, folder: Folder, name: str, digest: str) -> None:
        """Name the folder by the sweep's name and the order's digest; nothing is looked at yet."""
        self.folder = folder
        self.name = name
        self.root = f".{name}.run"
        self.parts = f"{self.root}/{_PARTS}{digest[:16]}"
        self.scratch = f"{self.root}/scratch"
        self.holder = f"{self.root}/holder.json"
        self._order = f"{self.root}/order.json"
        self._manifest = f"{self.root}/manifest.whole"

    # Who holds it

    def sign(self) -> None:
        """Leave word who is at work."""
        said = {"process": os.getpid(), "host": platform.node()}
        self.folder.write(self.holder, json.dumps(said).encode())

    def is_held(self) -> bool:
        """Return whether another process signed and may be running."""
        said = self._signature()
        return bool(said) and not (said["host"] == platform.node() and not is_running(said["process"]))

    def refusal(self) -> str:
        """Return why a second run is refused."""
        said = self._signature()
        by = f" (process {said['process']} on {said['host']})" if said else ""
        return f"{self.folder.shown(self.name)} is being written by another run{by}; wait for it, or give another --out"

    def _signature(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(self.folder.read(self.holder))
            return {"process": int(said["process"]), "host": str(said["host"])}
        return {}

    # What is in the way

    def check_own_names(self) -> None:
        """Check that what the run calls its own is not somebody's link to another place.

        Raises:
            RunError: it is.
        """
        with as_run_errors(self.folder):
            for name in (f".{self.name}.lock", self.root, self.parts, self.scratch):
                if self.folder.is_link(name):
                    raise RunError(f"{self.folder.shown(name)} is a symbolic link; a run does not follow it: remove it")
            if self.folder.exists(self.root) and not self.folder.is_folder(self.root):
                raise RunError(
                    f"{self.folder.shown(self.root)} is not a folder, but the run needs a folder of this name; remove it"
                )

    def check_places(self, tables: Sequence[str]) -> None:
        """Check that no folder which is not a run's lies where a table or the manifest is going to be.

        Args:
            tables: their names.

        Raises:
            RunError: one does; nothing of it is touched.
        """
        for name in (*tables, f"{self.name}{MANIFEST}"):
            if not self.folder.is_folder(name):
                continue
            what = f"{self.folder.shown(name)} is a folder"
            if name.endswith(".parquet") and not self.folder.is_link(name):
                others = [
                    found for found in self.folder.names(name) if not _is_part(found) and not STRAY.fullmatch(found)
                ]
                if not others:
                    continue
                what += f" with {others[0]} in it"
            raise RunError(f"{what}, where the table would go; move it away, or give another --out; {UNCHANGED}")

    # What is there

    def settle(self) -> None:
        """Finish the move into place that a run before began, if one did and can still be told what it was."""
        if not self.folder.exists(self._manifest):
            return
        files = self._decided()
        if files is None:
            self.folder.remove(self._manifest)
            return
        self._move_into_place(files)
        self.folder.make(self.root)
        self.sign()

    def _decided(self) -> list[str] | None:
        """Return the names of the files that a run has decided to move into place; None where that is damaged."""
        content = manifest_in(self.folder.read(self._manifest)) if not self.folder.is_folder(self._manifest) else None
        files = None if content is None else list(content["files"])
        return files if files is not None and all(map(self._is_ours, files)) else None

    def _is_ours(self, name: str) -> bool:
        """Return whether a run of this sweep gives such a name to a file."""
        table, _, part = name.partition("/")
        return is_table_of(table, self.name) and (not part or (table.endswith(".parquet") and _is_part(part)))

    def finished(self, order: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the manifest of a finished run of the same order, or None. Its files may be there or not."""
        content = self.manifest()
        same = content is not None and all(content.get(key) == value for key, value in order.items())
        return content if same else None

    def differing(self, manifest: Mapping[str, Any]) -> list[str]:
        """Return the names of files that are not as a manifest says, or not named by it, in its order."""
        expected = files_in(manifest)
        with ThreadPoolExecutor(_READERS, thread_name_prefix="sizer") as readers:
            found = dict(zip(expected, readers.map(self.folder.digest, expected), strict=True))
        differing = [name for name, said in expected.items() if not is_so(said, found[name])]
        for table in _in_parts(list(expected)):
            names = [name for name in self.folder.names(table) if name.endswith(".parquet")]
            differing += [
                f"{table}/{name}" for name in names if f"{table}/{name}" not in expected and not STRAY.fullmatch(name)
            ]
        return differing

    def manifest(self) -> dict[str, Any] | None:
        """Return the manifest of the last finished run, or None where there is none, or it is damaged."""
        with contextlib.suppress(OSError):
            return manifest_in(self.folder.read(f"{self.name}{MANIFEST}"))
        return None

    def begun(self) -> dict[str, Any] | None:
        """Return the order of an unfinished run, or None where there is none, or it is damaged."""
        with contextlib.suppress(OSError):
            return unsealed(self.folder.read(self._order))
        return None

    def check_resumable(self, order: Mapping[str, Any], sweep_file: str) -> None:
        """Check that what is there was made by the same order.

        Raises:
            RunError: it was not; says what changed.
        """
        begun = self.begun()
        before = begun or self.manifest()
        if before is None:
            return
        # Parts serve every format: an unfinished run may be resumed with others.
        if begun:
            same = {key: order[key] for key in OF_OTHER_TABLES if key in order}
            before = {**{key: value for key, value in begun.items() if key not in OF_OTHER_TABLES}, **same}
        found = changes(before, order)
        if found:
            said = "".join(f"\n  {change}" for change in found)
            what = self.folder.shown(self.name)
            raise RunError(
                f"{what} cannot be resumed: it was started differently{said}\n"
                f"sizer run {sweep_file} without --resume starts from the beginning"
            )

    # Making

    def begin(self, order: Mapping[str, Any]) -> None:
        """Start with nothing made, and say what is going to be."""
        for name in self.folder.names(self.root):
            if f"{self.root}/{name}" != self.holder:
                self.folder.remove(f"{self.root}/{name}")
        self.folder.make(self.parts)
        self.folder.write(self._order, sealed(order))

    def part(self, number: int) -> str:
        """Return the name of a part that is whole."""
        return f"{self.parts}/{number:05}.whole"

    def whole_parts(self) -> list[int]:
        """Return the numbers of the parts that are there; what else lies among them is nobody's."""
        stems = [name.removesuffix(".whole") for name in self.folder.names(self.parts) if name.endswith(".whole")]
        return [int(stem) for stem in stems if stem.isdecimal() and stem.isascii() and f"{int(stem):05}" == stem]

    def note(self, whole_name: str, digest: Digest) -> None:
        """Leave word what the bytes of something are that is about to be whole."""
        with self.folder.new_file(_note(whole_name), self.scratch) as path:
            path.write_text(f"{digest.bytes} {digest.sha256}\n")

    def as_noted(self, whole_name: str) -> Digest | None:
        """Return the digest of something that is whole and still as it was noted, or None."""
        try:
            noted = _NOTE.fullmatch(self.folder.read(_note(whole_name)))
        except OSError:
            return None
        said = Digest(int(noted[1]), noted[2].decode()) if noted else None
        return said if said is not None and self.folder.digest(whole_name) == said else None

    def whole(self, format_name: str) -> str:
        """Return the name of a table that is whole."""
        return f"{self.root}/{format_name}.whole"

    def clear_scratch(self) -> None:
        """Remove what was being written when a run before was killed."""
        self.folder.remove(self.scratch)

    def commit(self, manifest: Mapping[str, Any]) -> None:
        """Move everything into place, the manifest last."""
        self.folder.write(self._manifest, sealed(manifest))
        self._move_into_place(list(manifest["files"]))

    def _move_into_place(self, files: Sequence[str]) -> None:
        """Move what is whole to its name. Each step is one that a later run can repeat."""
        aside = f"{self.root}/replaced"
        for table in _in_parts(files):
            # Those of the run that was decided, whose order this one need not share.
            parts = [f"{self.root}/{name}" for name in self.folder.names(self.root) if name.startswith(_PARTS)]
            for folder in parts:
                for name in self.folder.names(folder):
                    if name.endswith(".whole"):
                        part = f"part-{name.removesuffix('.whole')}.parquet"
                        self.folder.move(f"{folder}/{name}", f"{folder}/{part}", aside)
                    elif not _is_part(name):
                        self.folder.remove(f"{folder}/{name}")
                self.folder.move(folder, table, aside)
            expected = {name.partition("/")[2] for name in files if name.startswith(f"{table}/")}
            for name in self.folder.names(table):
                if name not in expected:
                    self.folder.remove(f"{table}/{name}")
        for file in files:
            whole_name = self.whole(file.removeprefix(f"{self.name}."))
            if "/" not in file and self.folder.exists(whole_name):
                self.folder.move(whole_name, file, aside)
        self._remove_replaced(files)
        self.folder.move(self._manifest, f"{self.name}{MANIFEST}", aside)
        # The run is done: what cannot be removed, such as a file that another program has open, is left for the next.
        with contextlib.suppress(OSError):
            self.clear()

    def _remove_replaced(self, files: Sequence[str]) -> None:
        """Remove the tables of the run before that this one did not write: one run, one set of tables.

        What is no longer as that run wrote it is somebody's own by now, and stays.
        """
        before = self.manifest()
        now = {name.partition("/")[0] for name in files}
        if before is None:
            return
        for name, said in files_in(before).items():
            table = name.partition("/")[0]
            if table in now or not self._is_ours(name) or self.folder.is_link(table):
                continue
            if is_so(said, self.folder.digest(name)):
                self.folder.remove(name)
        for table in _in_parts(list(before["files"])):
            if table in now or not self._is_ours(table) or not self.folder.is_folder(table):
                continue
            if not self.folder.is_link(table) and all(map(STRAY.fullmatch, self.folder.names(table))):
                self.folder.remove(table)

    def give_up(self) -> None:
        """Remove what was made, unless the run is decided: then `settle` moves it into place."""
        with contextlib.suppress(OSError):
            if not self.folder.exists(self._manifest):
                self.clear()

    def clear(self) -> None:
        """Remove the work folder; the order first, without which the rest is nothing that could be resumed."""
        self.folder.remove(self._order)
        self.folder.remove(self.root)


def _in_parts(files: Sequence[str]) -> list[str]:
    """Return the names of the tables that are folders of parts."""
    return sorted({name.partition("/")[0] for name in files if "/" in name})


def _is_part(name: str) -> bool:
    return PARTS.fullmatch(name) is not None


def _note(whole_name: str) -> str:
    return whole_name.removesuffix(".whole") + ".noted"
