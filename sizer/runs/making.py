"""The making of a sweep's tables: in the run's work folder first, then moved into place when all of them are whole."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pyarrow as pa

from sizer.errors import RunError
from sizer.formats import FORMATS, named
from sizer.grids.account import Account
from sizer.grids.ids import locate
from sizer.networks.blocks.declared import Declared
from sizer.networks.counting import Description
from sizer.runs.cluster import write_on_cluster
from sizer.runs.manifest import account_in, digest_of, form_of, manifest, metadata, provenance
from sizer.runs.parts import Job, TableJob, WrittenPart, account_of, largest_of, plan, read_part, tables_of
from sizer.runs.walk import OnProgress, Progress, Walk
from sizer.runs.work import UNCHANGED, Work, opened_work
from sizer.runs.workers import available_cores, write_in_threads
from sizer.sweepfile.sweep import Sweep
from sizer.tables.stored.files import Digest, read_digest, read_digests
from sizer.tables.stored.folders import Folder
from sizer.tables.written.batches import regrouped, table_schema, with_dictionaries
from sizer.tables.written.writers import Writers, opened_writer


class Walked(Protocol):
    """What finds the rows of a run, and accounts for all others."""

    account: Account

    def batches(self, schema: pa.Schema, keep: int | None = None, sort: str = "-weights") -> Iterator[pa.RecordBatch]:
        """Yield the rows of the tables."""

    def best(self) -> list[int]:
        """Return the ids of the largest that are kept."""


@dataclass(frozen=True)
class Made:
    """What was made of a sweep."""

    account: Account
    best: list[int]
    """The ids of the largest configurations, largest first; empty where nothing was left to do."""
    files: tuple[str, ...]
    """The tables, then the manifest."""
    resumed: int = 0
    """Parts that an interrupted run had made."""
    was_finished: bool = False
    """The tables stood there already, and nothing was done."""
    remade: tuple[str, ...] = ()
    """What was there, but was not as it had been written, and was made anew."""


@dataclass(frozen=True)
class Making:
    """A sweep whose tables are to be made in a folder."""

    sweep: Sweep
    folder: Folder
    order: Mapping[str, Any]
    """From `sizer.runs.manifest.order`."""
    top: int
    """How many of the largest configurations to name."""
    on_progress: OnProgress | None

    def side_by_side(self) -> Made:
        """Write every table as the rows are found.

        Raises:
            RunError: they could not be written.
        """
        with opened_work(self.folder, self.sweep.name, digest_of(self.order)) as work:
            work.settle()
            work.check_places([*map(self._file, self.sweep.formats)])
            return self._side_by_side(work)

    def _side_by_side(self, work: Work) -> Made:
        walk = self._walk(max(1, self.top), self.on_progress)
        schema = self._schema()
        try:
            work.begin(self.order)
            coded = with_dictionaries(schema)
            batches = walk.batches(coded, self.order.get("keep"), self.order.get("sort", "-weights"))
            streamed, others = _by_way(self.sweep.formats)
            digests = self._write(work, streamed, regrouped(batches, coded))
            for name in others:
                again = self._walk(0, None).batches(schema, self.order.get("keep"), self.order.get("sort", "-weights"))
                digests[name] = self._write_whole(name, work, regrouped(again, schema), walk.account, walk.best())
            files = self._commit(work, walk.account, {name: digests[name] for name in self.sweep.formats}, {})
        except BaseException:
            work.give_up()
            raise
        return Made(walk.account, walk.best()[: self.top], files)

    def _walk(self, top: int, on_progress: OnProgress | None) -> Walked:
        return Walk(self.sweep, top, on_progress)

    def _schema(self) -> pa.Schema:
        return table_schema(self.sweep.columns, self.sweep.names.kinds)

    def _plan(self) -> tuple[Job, Account | None]:
        """Return what is to be written in parts, and the account where it is known before the rows are."""
        return plan(self.sweep, self.order)

    def _best(self, job: Job, parts: list[str], number: int) -> list[int]:
        """Return the ids of the largest configurations of parts that are written."""
        assert isinstance(job, TableJob)
        return largest_of(job, self.folder, parts, number)

    def _described(self, configuration_id: int) -> Description | Declared:
        """Return a configuration, with the types that the person defines."""
        return _described(self.sweep, configuration_id)

    def in_parts(self, *, resume: bool, workers: int | None, cluster: str | None) -> Made:
        """Write the Parquet table in parts, and the others from the parts.

        Raises:
            RunError: they could not be written, or another sweep's parts are there; parts that are whole stay there.
        """
        with opened_work(self.folder, self.sweep.name, digest_of(self.order)) as work:
            work.settle()
            remade: list[str] = []
            if resume:
                work.check_resumable(self.order, self.sweep.file)
                finished = work.finished(self.order)
                account = None if finished is None else account_in(finished)
                if finished is not None and account is not None:
                    remade = work.differing(finished)
                    if not remade:
                        work.clear()
                        return Made(account, [], self._files(self.sweep.formats), was_finished=True)
                    if self._file("parquet") in finished["files"]:
                        # It was written side by side, and ends with the same files again.
                        work.check_places([*map(self._file, self.sweep.formats)])
                        return replace(self._side_by_side(work), remade=tuple(map(self.folder.shown, remade)))
            work.check_places([*map(self._file, self.sweep.formats)])
            with self._to_be_resumed():
                made = self._in_parts(work, resume, workers, cluster)
            return replace(made, remade=(*map(self.folder.shown, remade), *made.remade))

    def _in_parts(self, work: Work, resume: bool, workers: int | None, cluster: str | None) -> Made:
        if not (resume and work.begun()):
            work.begin(self.order)
        job, known = self._plan()
        written, remade = self._whole_parts(job, work)
        resumed = len(written)
        self._write_parts(job, written, workers, cluster)
        account = account_of(job, written, known)
        parts = [work.part(part) for part in range(job.parts)]
        best = self._best(job, parts, max(1, self.top))
        others = [name for name in self.sweep.formats if name != "parquet"]
        digests: dict[str, Digest] = {}
        for name in others:
            whole = work.whole(self._extension(name))
            digest = work.as_noted(whole)
            if digest is not None:
                digests[name] = digest
            elif self.folder.exists(whole):
                self.folder.remove(whole)
                remade.append(self._file(name))
        streamed, at_once = _by_way([name for name in others if name not in digests])
        digests |= self._write(work, streamed, self._rows_of(parts, account, streamed))
        for name in at_once:
            digests[name] = self._write_whole(name, work, self._rows_of(parts, account, [name]), account, best)
        of_parts = {part.part: part.digest for part in written} if "parquet" in self.sweep.formats else {}
        files = self._commit(work, account, {name: digests[name] for name in others}, of_parts)
        return Made(account, best[: self.top], files, resumed, remade=tuple(remade))

    @contextlib.contextmanager
    def _to_be_resumed(self) -> Iterator[None]:
        """Say of a failure that the parts which are whole are not lost."""
        going_on = f"{UNCHANGED}; sizer run {self.sweep.file or 'SWEEP'} --resume, with the same options, continues from the parts that are complete"
        try:
            yield
        except OSError as problem:
            where = problem.filename or self.folder.shown("")
            raise RunError(f"{where}: {problem.strerror or problem}; {going_on}") from problem
        except RunError as problem:
            raise RunError(f"{problem}; {going_on}") from problem

    def _whole_parts(self, job: Job, work: Work) -> tuple[list[WrittenPart], list[str]]:
        """Return the parts that are whole and as they were written, and what else the others are called, which are removed."""
        work.clear_scratch()
        # Of a run that was decided they may have been moved into place already.
        self.folder.make(work.parts)
        found, differing = [], []
        for number in work.whole_parts():
            written = read_part(job, number, work) if number < job.parts else None
            if written is None:
                self.folder.remove(work.part(number))
                differing.append(f"part {number}")
            else:
                found.append(written)
        return found, differing

    def _write_parts(self, job: Job, written: list[WrittenPart], workers: int | None, cluster: str | None) -> None:
        """Write the parts that are missing, and add them to those that are there."""
        there = {part.part for part in written}
        missing = [part for part in range(job.parts) if part not in there]
        number = min(available_cores() if workers is None else workers, len(missing))
        parts: Generator[WrittenPart]
        if cluster is not None:
            parts = write_on_cluster(job, self.folder, missing, cluster)
        else:
            parts = write_in_threads(job, self.folder, missing, max(1, number))
        decided = sum(job.decided(part.part) for part in written)
        kept = sum(part.account.kept for part in written)
        self._say(Progress(decided, kept))
        with contextlib.closing(parts):
            for part in parts:
                written.append(part)
                decided += job.decided(part.part)
                kept += part.account.kept
                self._say(Progress(decided, kept))

    def _rows_of(self, parts: list[str], account: Account, formats: Sequence[str]) -> Iterator[pa.Table]:
        written = 0
        if not formats:
            return
        self._say(Progress(self.sweep.size, account.kept, formats[0], written))
        for table in tables_of(self.folder, parts, self._schema()):
            yield table
            written += len(table)
            self._say(Progress(self.sweep.size, account.kept, formats[0], written))

    def _say(self, progress: Progress) -> None:
        if self.on_progress is not None:
            self.on_progress(progress)

    def _write(self, work: Work, formats: Sequence[str], tables: Iterable[pa.Table]) -> dict[str, Digest]:
        """Write the same rows in every format, each table whole or not at all; return format -> digest."""
        schema = self._schema()
        with contextlib.ExitStack() as stack:
            paths = [
                stack.enter_context(self.folder.new_file(work.whole(self._extension(name)), work.scratch))
                for name in formats
            ]
            writers = [
                opened_writer(name, path, schema, metadata(self.sweep), form_of(self.order))
                for name, path in zip(formats, paths, strict=True)
            ]
            with Writers(writers) as opened:
                for table in tables:
                    opened.write(table)
            digests = dict(zip(formats, read_digests(paths), strict=True))
            for name, digest in digests.items():
                work.note(work.whole(self._extension(name)), digest)
        return digests

    def _write_whole(
        self, format_name: str, work: Work, tables: Iterable[pa.Table], account: Account, best: Sequence[int]
    ) -> Digest:
        """Write a table of which the account is a part, whole or not at all, and return its digest."""
        from sizer.tables.workbook.workbook import About

        about = About(
            sweep=self.sweep,
            provenance=provenance(self.sweep),
            account=account,
            rows=min(account.kept, self.order.get("keep", account.kept)),
            calculator_row=self._described(best[0]) if best else None,
        )
        whole = work.whole(self._extension(format_name))
        with self.folder.new_file(whole, work.scratch) as path:
            named(FORMATS[format_name].run_writer)(path, tables, self._schema(), about)
            digest = read_digest(path)
            work.note(whole, digest)
        return digest

    def _commit(
        self, work: Work, account: Account, tables: Mapping[str, Digest], parts: Mapping[int, Digest]
    ) -> tuple[str, ...]:
        """Move the tables into place, and return what they are called.

        Args:
            work: where they are.
            account: of the run.
            tables: format -> digest of each table that is a single file.
            parts: number -> digest of each part, where the Parquet table is in parts.
        """
        digests = {self._file(name): digest for name, digest in tables.items()}
        for part, digest in sorted(parts.items()):
            digests[f"{self.sweep.name}.parquet/part-{part:05}.parquet"] = digest
        work.commit(manifest(self.order, account, digests))
        return self._files(self.sweep.formats)

    def _files(self, formats: Sequence[str]) -> tuple[str, ...]:
        names = [*map(self._file, formats), f"{self.sweep.name}.manifest.json"]
        return tuple(map(self.folder.shown, names))

    def _extension(self, format_name: str) -> str:
        return form_of(self.order).extension(format_name)

    def _file(self, format_name: str) -> str:
        return f"{self.sweep.name}.{self._extension(format_name)}"


def _described(sweep: Sweep, configuration_id: int) -> Description | Declared:
    """Return a configuration of a sweep, with the types that the person defines."""
    grid, places = locate(sweep, configuration_id)
    given = grid.configuration(places)
    if grid.model is None:
        return Description(given, sweep.cell_types)
    return Declared(given, grid.model.cell_types, grid.model.block_types)


def _by_way(formats: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the formats that are written row by row, side by side, and those written once the account is known."""
    ways: tuple[list[str], list[str]] = [], []
    for name in formats:
        ways[not FORMATS[name].writer].append(name)
    return ways
