"""The work of a run under way: a hidden folder beside the tables, that one run at a time holds.

    .NAME.run/order.json                what is being made, to compare with on resuming
    .NAME.run/parts-ORDER/00000.whole   parts of the Parquet table that are whole
    .NAME.run/csv.whole                 a table that is whole
    .NAME.run/manifest.whole            the run is decided: from here on it is only moved into place
    .NAME.run/scratch/                  files that are being written

The folder of the parts is named by the order they are made by: a worker that outlives its run, and finishes a part when
another run has begun, cannot put it among that run's parts. Nothing in it bears a table's extension. `settle` finishes a move that a killed run began, so the tables and the manifest
that a reader finds belong together again.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sizer.errors import RunError
from sizer.runs.changes import changes
from sizer.runs.manifest import OF_OTHER_TABLES, as_bytes
from sizer.tables.files import is_running, remove_left_over
from sizer.tables.folders import Folder, LocalFolder

_PARTS = "parts-"

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

    # What is there

    def settle(self) -> None:
        """Finish the move into place that a run before began, if one did."""
        if self.folder.exists(self._manifest):
            self._move_into_place()
            self.folder.make(self.root)
            self.sign()

    def finished(self, order: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the manifest of a finished run of the same order with all of its files there, or None."""
        content = self.manifest()
        if content is None or not isinstance(content.get("files"), dict):
            return None
        if any(content.get(key) != value for key, value in order.items()):
            return None
        return content if all(self.folder.exists(file) for file in content["files"]) else None

    def manifest(self) -> dict[str, Any] | None:
        """Return the manifest of the last finished run, or None where there is none."""
        with contextlib.suppress(OSError, ValueError):
            content = json.loads(self.folder.read(f"{self.name}.manifest.json"))
            return content if isinstance(content, dict) else None
        return None

    def begun(self) -> dict[str, Any] | None:
        """Return the order of an unfinished run, or None where there is none."""
        with contextlib.suppress(OSError, ValueError):
            content = json.loads(self.folder.read(self._order))
            return content if isinstance(content, dict) else None
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
                f"{what} cannot be resumed: it was begun differently{said}\n"
                f"sizer run {sweep_file} without --resume starts afresh"
            )

    # Making

    def begin(self, order: Mapping[str, Any]) -> None:
        """Start with nothing made, and say what is going to be."""
        for name in self.folder.names(self.root):
            if f"{self.root}/{name}" != self.holder:
                self.folder.remove(f"{self.root}/{name}")
        self.folder.make(self.parts)
        self.folder.write(self._order, as_bytes(order))

    def part(self, number: int) -> str:
        """Return the name of a part that is whole."""
        return f"{self.parts}/{number:05}.whole"

    def whole_parts(self) -> list[int]:
        """Return the numbers of the parts that are whole."""
        return [int(name.removesuffix(".whole")) for name in self.folder.names(self.parts)]

    def whole(self, format_name: str) -> str:
        """Return the name of a table that is whole."""
        return f"{self.root}/{format_name}.whole"

    def clear_scratch(self) -> None:
        """Remove what was being written when a run before was killed."""
        self.folder.remove(self.scratch)

    def commit(self, manifest: Mapping[str, Any]) -> None:
        """Move everything into place, the manifest last."""
        self.folder.write(self._manifest, as_bytes(manifest))
        self._move_into_place()

    def _move_into_place(self) -> None:
        """Move what is whole to its name. Each step is one that a later run can repeat."""
        files = json.loads(self.folder.read(self._manifest))["files"]
        in_parts = sorted({name.partition("/")[0] for name in files if "/" in name})
        aside = f"{self.root}/replaced"
        for table in in_parts:
            # Those of the run that was decided, whose order this one need not share.
            parts = [f"{self.root}/{name}" for name in self.folder.names(self.root) if name.startswith(_PARTS)]
            for folder in parts:
                for name in self.folder.names(folder):
                    if name.endswith(".whole"):
                        part = f"part-{name.removesuffix('.whole')}.parquet"
                        self.folder.move(f"{folder}/{name}", f"{folder}/{part}", aside)
                self.folder.move(folder, table, aside)
            expected = {name.partition("/")[2] for name in files if name.startswith(f"{table}/")}
            for name in self.folder.names(table):
                if name not in expected:
                    self.folder.remove(f"{table}/{name}")
        for file in files:
            whole_name = self.whole(file.removeprefix(f"{self.name}."))
            if "/" not in file and self.folder.exists(whole_name):
                self.folder.move(whole_name, file, aside)
        self.folder.move(self._manifest, f"{self.name}.manifest.json", aside)
        self.clear()

    def give_up(self) -> None:
        """Remove what was made, unless the run is decided: then `settle` moves it into place."""
        with contextlib.suppress(OSError):
            if not self.folder.exists(self._manifest):
                self.clear()

    def clear(self) -> None:
        """Remove the work folder."""
        self.folder.remove(self.root)
