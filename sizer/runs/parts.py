"""A run in parts: ranges of ids, each of which becomes one Parquet file that is whole or absent.

What stands in a part depends on the sweep alone, so any process on any machine may write any of them, and a run that was
interrupted goes on with those that are missing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet

from sizer.errors import RunError
from sizer.grids.account import Account
from sizer.grids.best_rows import Extremes
from sizer.grids.columns import IntArray
from sizer.grids.engine import Rows
from sizer.grids.pruning.counts import count_kept
from sizer.runs.manifest import digest_of, metadata
from sizer.runs.walk import (
    MOST_TO_DECIDE,
    SPARSE,
    first_by,
    is_pruned,
    largest_within,
    rows_between,
    rows_in_order,
)
from sizer.runs.work import Work
from sizer.sweepfile.sweep import Sweep
from sizer.tables.stored.files import Digest, read_digest
from sizer.tables.stored.folders import Folder
from sizer.tables.stored.integrity import ABOUT_PART
from sizer.tables.written.batches import ROW_GROUP, record_batch, regrouped, table_schema, with_dictionaries
from sizer.tables.written.parquet import ParquetWriter
from sizer.tables.written.streams import Form

PART = 1 << 22
"""Configurations of a part of a grid that is walked: about a second of work."""

PART_KEPT = 1 << 20
"""Rows of a part, on average, where the grid is pruned."""

MOST_PARTS = 10_000
"""Larger grids get larger parts: a folder of a million files serves nobody."""


class Job(Protocol):
    """What is to be written, cut into parts; the same for the same order, in whichever process."""

    @property
    def sweep(self) -> Sweep:
        """What is run."""

    @property
    def parts(self) -> int:
        """How many there are."""

    @property
    def parquet_encoding(self) -> str:
        """How integers stand in them."""

    @property
    def digest(self) -> str:
        """Of the order that it carries out."""

    @property
    def tells_repeats(self) -> bool:
        """Whether its rows tell how many configurations of a known account repeat an earlier one."""

    def schema(self) -> pa.Schema:
        """Return the schema of the table."""

    def batches(self, part: int, account: Account, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a part, whose account is kept.

        Args:
            part: its number.
            account: takes what became of the configurations, as far as that is known by the rows.
            schema: of the batches: that of the table, with words as such or as dictionaries.
        """

    def decided(self, part: int) -> int:
        """Return how many configurations of the grid are decided with a part."""

    def expected(self, known: Account) -> int:
        """Return how many rows all parts hold, of which a known number is kept."""


@dataclass(frozen=True)
class TableJob:
    """The table of a grid: ranges of ids, or of the first ids by some order."""

    sweep: Sweep
    pruned: bool
    parts: int
    parquet_encoding: str
    digest: str
    """Of the order that it carries out."""
    ids: IntArray | None = None
    """Where only the first ones are kept: their ids in the table's order."""
    descending: bool = False
    """Whether that order is from the largest down."""
    kept: int = 0
    """Where only the first ones are kept: how many configurations would be kept in all."""

    @property
    def length(self) -> int:
        """What the parts divide: ids, or places in `ids`."""
        return self.sweep.size if self.ids is None else len(self.ids)

    def bounds(self, part: int) -> tuple[int, int]:
        """Return where a part starts and stops."""
        return self.length * part // self.parts, self.length * (part + 1) // self.parts

    def decided(self, part: int) -> int:
        """Return how many configurations of the grid are decided with a part."""
        return self.sweep.size * (part + 1) // self.parts - self.sweep.size * part // self.parts

    def rows(self, part: int, account: Account) -> Iterator[Rows]:
        """Yield the rows of a part."""
        start, stop = self.bounds(part)
        if self.ids is None:
            yield from rows_between(self.sweep, self.sweep.columns, account, start, stop, pruned=self.pruned)
            return
        for rows in rows_in_order(self.sweep, self.ids[start:stop], self.sweep.columns):
            account.kept += len(rows)
            yield rows

    @property
    def tells_repeats(self) -> bool:
        """Whether its rows tell how many configurations repeat an earlier one: where all of them are walked over."""
        return self.ids is None

    def schema(self) -> pa.Schema:
        """Return the schema of the table."""
        return table_schema(self.sweep.columns, self.sweep.names.kinds)

    def batches(self, part: int, account: Account, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a part."""
        for rows in self.rows(part, account):
            yield record_batch(rows, schema, self.sweep.words)

    def expected(self, known: Account) -> int:
        """Return how many rows all parts hold."""
        return known.kept if self.ids is None else self.length


@dataclass(frozen=True)
class WrittenPart:
    """A part that is whole."""

    part: int
    account: Account
    """Of a pruned sweep, only what was kept and what repeats."""
    digest: Digest

    def as_json(self) -> dict[str, Any]:
        """Return the part as a worker reports it."""
        return {"part": self.part, "account": self.account.as_json(), **self.digest._asdict()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> WrittenPart:
        """Return the part that a worker reports."""
        digest = Digest(content["bytes"], content["sha256"])
        return cls(content["part"], Account.from_json(content["account"]), digest)


def plan(sweep: Sweep, ordered: Mapping[str, Any]) -> tuple[TableJob, Account | None]:
    """Return the job that carries out an order, and the sweep's account where that is known before the rows are.

    Args:
        sweep: of at most 2**63 - 1 configurations.
        ordered: from `sizer.runs.manifest.order`.
    """
    digest, encoding = digest_of(ordered), ordered["parquet_encoding"]
    if "keep" in ordered:
        ids, account = first_by(sweep, ordered["keep"], ordered["sort"])
        descending = ordered["sort"] == "-weights"
        number = _number(len(ids), PART)
        return TableJob(sweep, False, number, encoding, digest, ids, descending, account.kept), account
    if sweep.size > MOST_TO_DECIDE and is_pruned(sweep):
        counted = count_kept(sweep, effort=None).account
        assert counted is not None
        if counted.kept * SPARSE < sweep.size:
            return TableJob(sweep, True, parts_of(counted.kept), encoding, digest), counted
    return TableJob(sweep, False, _number(sweep.size, PART), encoding, digest), None


def parts_of(rows: int) -> int:
    """Return into how many parts a table is cut of which the rows are found without walking to them."""
    return _number(rows, PART_KEPT)


def _number(length: int, most: int) -> int:
    return min(max(1, math.ceil(length / most)), MOST_PARTS)


def write_part(job: Job, part: int, folder: Folder) -> WrittenPart:
    """Write one part, whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    work = Work(folder, job.sweep.name, job.digest)
    account = Account()
    schema = job.schema()
    with folder.new_file(work.part(part), work.scratch) as path:
        writer = ParquetWriter(path, schema, metadata(job.sweep), Form(job.parquet_encoding))
        try:
            coded = with_dictionaries(schema)
            for table in regrouped(job.batches(part, account, coded), coded):
                writer.write(table)
            about = {"part": part, "parts": job.parts, "account": account.as_json()}
            writer.add_metadata({ABOUT_PART: json.dumps(about)})
        finally:
            writer.close()
        digest = read_digest(path)
        work.note(work.part(part), digest)
    return WrittenPart(part, account, digest)


def read_part(job: Job, part: int, work: Work) -> WrittenPart | None:
    """Return what a part that is there says of itself, or None where it is not as it was written, or not of this job."""
    digest = work.as_noted(work.part(part))
    if digest is None:
        return None
    with work.folder.open(work.part(part)) as stream:
        try:
            found = pyarrow.parquet.read_metadata(stream).metadata or {}
            about = json.loads(found[ABOUT_PART.encode()])
            same = found.get(b"sizer") == metadata(job.sweep)["sizer"].encode()
            if not same or (about["part"], about["parts"]) != (part, job.parts):
                return None
            return WrittenPart(part, Account.from_json(about["account"]), digest)
        except (pa.ArrowException, OSError, LookupError, ValueError, TypeError, AttributeError):
            return None


def tables_of(folder: Folder, names: list[str], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the rows of Parquet files one after the other, in memory that does not grow with them."""
    for name in names:
        with folder.open(name) as stream, _opened(stream) as file:
            for batch in file.iter_batches(batch_size=ROW_GROUP):
                yield pa.Table.from_batches([batch]).cast(schema)


def _opened(stream: IO[bytes]) -> pyarrow.parquet.ParquetFile:
    """Open a part so that a page which is not as it was written ends the run, not in a wrong row."""
    return pyarrow.parquet.ParquetFile(stream, page_checksum_verification=True)


def largest_of(job: TableJob, folder: Folder, names: list[str], top: int) -> list[int]:
    """Return the ids of the largest kept configurations of a job that is written, largest first.

    They need not be in the table where it holds the first few by another order. Row groups whose largest `weights` cannot be among them are not read.

    Args:
        job: that was written.
        folder: where.
        names: of the job's Parquet files.
        top: how many.
    """
    extremes = Extremes(top, "weights", descending=True)
    if job.ids is not None:
        first = job.ids if job.descending else job.ids[:0]
        return [int(number) for number in largest_within(job.sweep, top, first, job.kept)]
    if not {"id", "weights"} <= set(job.sweep.columns):
        return [int(number) for number in first_by(job.sweep, top, "-weights")[0]] if top else []
    groups: list[tuple[int, str, int]] = []
    for name in names:
        with folder.open(name) as stream, _opened(stream) as file:
            column = file.schema_arrow.get_field_index("weights")
            for group in range(file.metadata.num_row_groups):
                statistics = file.metadata.row_group(group).column(column).statistics
                groups.append((statistics.max, name, group))
    for best, name, group in sorted(groups, key=lambda found: -found[0]):
        if extremes.worst is not None and best < extremes.worst:
            break
        with folder.open(name) as stream, _opened(stream) as file:
            table = file.read_row_group(group, columns=["id", "weights"])
            extremes.see(Rows(table["id"].to_numpy(), {"weights": table["weights"].to_numpy()}))
    return [int(number) for number in extremes.ids()]


def account_of(job: Job, written: list[WrittenPart], known: Account | None) -> Account:
    """Return the account of a whole run from those of its parts, in their order.

    Raises:
        RunError: the parts hold another number of rows than were counted beforehand.
    """
    account = Account()
    for part in sorted(written, key=lambda part: part.part):
        account.add(part.account)
    if known is None:
        return account
    expected = job.expected(known)
    if account.kept != expected:
        raise RunError(
            f"the parts hold {account.kept:,} rows, and {expected:,} were counted: this is a bug in Sizer; please report it"
        )
    if job.tells_repeats:
        known.repeated = account.repeated
    return known
