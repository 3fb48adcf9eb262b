"""A run of a space: what fits is counted before anything is written, and written where there is not too much of it.

A table of a space has a column for each layer, `cells.1`, `cells.2` ..., 0 where a layer is not there. Ids that pass
2^63 - 1 are decimal text.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sizer.answer import Shown, Table, left_out
from sizer.errors import Fault, InputError
from sizer.grids.account import Account
from sizer.networks.blocks.declared import Declared
from sizer.networks.columns import COUNTED
from sizer.networks.counting import Description
from sizer.networks.fields import FIELDS
from sizer.runs.making import Making
from sizer.runs.manifest import digest_of
from sizer.runs.parts import Job, parts_of
from sizer.runs.walk import OnProgress, Progress
from sizer.spaces.configurations import Configurations
from sizer.spaces.plain_configurations import PlainConfigurations
from sizer.spaces.space import Space
from sizer.sweepfile.load import apply_options
from sizer.sweepfile.sweep import Sweep
from sizer.tables.written.batches import record_batch, table_schema

MOST_ROWS = 100_000_000
"""The most rows of a table that a run writes unasked."""
MOST_SORTED = 10_000_000
"""The most rows that `--keep` sorts."""
LARGEST_ID = 2**63 - 1
_SAMPLE = 1000
_SHOWN = 20
"""Networks that are printed."""
_AT_ONCE = 1 << 16


def layered_columns(sweep: Sweep) -> tuple[str, ...]:
    """Return the columns of a space's table: those of the sweep, with one for each layer where each has its own.

    Args:
        sweep: with its columns resolved.
    """
    depths: dict[str, int] = {}
    for grid in sweep.grids:
        most = grid.most_layers()
        for axis in grid.per_layer:
            depths[axis.field] = max(most[axis.block], depths.get(axis.field, 0))
    found: list[str] = []
    for name in sweep.columns:
        found.extend([f"{name}.{layer}" for layer in range(1, depths[name] + 1)] if name in depths else [name])
    return tuple(found)


def _field_of(column: str) -> tuple[str, int]:
    """Return the field of which a column holds the values, and of which layer; 0: of the whole network."""
    field, _, layer = column.rpartition(".")
    return (field, int(layer)) if layer.isdecimal() else (column, 0)


def table_of(
    configurations: Configurations, columns: Sequence[str], schema: pa.Schema, counted: Sequence[str] = COUNTED
) -> pa.RecordBatch:
    """Return configurations as rows of a table.

    Args:
        configurations: of the space.
        columns: of the table.
        schema: of the table.
        counted: the columns that are counted.
    """
    if isinstance(configurations, PlainConfigurations):
        return _plain_table_of(configurations, columns, schema)
    arrays = []
    known: dict[str, Any] = {}
    for name in columns:
        kind = schema.field(name).type
        if name == "id":
            ids = configurations.ids
            values: Any = ids if kind == pa.int64() else list(map(str, ids))
        elif name in counted and name not in FIELDS:
            values = configurations.counts(name)
        else:
            field, layer = _field_of(name)
            if field not in known:
                known[field] = configurations.column(field)
            values = _of_layer(known[field], layer) if layer else known[field]
        text = pa.types.is_string(kind) or pa.types.is_dictionary(kind)
        arrays.append(pa.array(list(values), type=pa.string()).cast(kind) if text else pa.array(values, type=kind))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _plain_table_of(configurations: PlainConfigurations, columns: Sequence[str], schema: pa.Schema) -> pa.RecordBatch:
    """Return configurations of a sweep without fields of layers as a run of it writes them."""
    others = [name for name in columns if name != "id"]
    rows = configurations.rows(others)
    batch = record_batch(rows, pa.schema([schema.field(name) for name in others]), configurations.sweep.words)
    ids = configurations.ids
    kind = schema.field("id").type if "id" in columns else pa.int64()
    own = pa.array(ids if kind == pa.int64() else list(map(str, ids)), type=kind)
    arrays = [own if name == "id" else batch.column(name) for name in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _of_layer(values: Any, layer: int) -> Any:
    """Return a field of one layer; conditions may leave no network that is so deep, of which the table has columns too."""
    if layer <= values.shape[1]:
        return values[:, layer - 1]
    return np.full(len(values), "" if values.dtype == object else 0, dtype=values.dtype)


def schema_of(sweep: Sweep) -> pa.Schema:
    """Return the schema of a space's table; where no field is one of layers it is that of a run."""
    if not sweep.is_space:
        schema = table_schema(sweep.columns, sweep.names.kinds)
        if "id" in sweep.columns and sweep.size - 1 > LARGEST_ID:
            schema = schema.set(sweep.columns.index("id"), pa.field("id", pa.string(), nullable=False))
        return schema

    def kind(name: str) -> pa.DataType:
        if name == "id":
            return pa.int64() if sweep.size - 1 <= LARGEST_ID else pa.string()
        kind_of = sweep.names.kinds.get(_field_of(name)[0], "count")
        return {"choice": pa.string(), "boolean": pa.bool_()}.get(kind_of, pa.int64())

    return pa.schema([pa.field(name, kind(name), nullable=False) for name in sweep.columns])


def row_of(configurations: Configurations, place: int, counted: Sequence[str] = COUNTED) -> dict[str, Any]:
    """Return one configuration with its id, its fields and every counted column; of a model of blocks the swept ones."""
    one = configurations[place : place + 1]
    return {"id": one.ids[0], **one.flat(0), **{name: int(one.counts(name)[0]) for name in counted}}


@dataclasses.dataclass(frozen=True)
class CountedSpace:
    """How many networks of a space are kept, and where the others went."""

    space: Space
    account: Account | None
    between: tuple[int, int] | None
    reason: str
    largest: tuple[dict[str, Any], ...]


def count_space(sweep: Sweep, top: int, *, exact: bool) -> CountedSpace:
    """Return how many networks of a space are kept: exactly, or between which bounds and why.

    Args:
        sweep: a space.
        top: how many of the largest to name.
        exact: go on for as long as an exact count takes.
    """
    found = Space(sweep)
    between = found.count_between(exact=exact)
    if between.reason:
        return CountedSpace(found, None, (between.least, between.most), between.reason, ())
    largest: tuple[dict[str, Any], ...] = ()
    if between.most and top:
        try:
            best = found.largest(top)
            largest = tuple(row_of(best, place, sweep.names.counted) for place in range(len(best)))
        except InputError:
            pass  # to sort by weights may take more than to count
    account = _account(found, between.most)
    return CountedSpace(found, account, None, "", largest)


def _account(space: Space, kept: int) -> Account:
    """Return where every configuration went.

    What has no layers as its convention knows them is known at once. Of the others one count says how many are kept,
    so that what bounds and conditions leave out is told as one number, unless there is but one of them.
    """
    sweep = space.sweep
    account = Account(kept=kept, repeated=None)
    plain = Space(dataclasses.replace(sweep, where=(), budget=())) if sweep.where else space
    valid = plain.count_valid()
    if sweep.size > valid:
        account.not_valid = Counter({"not valid under the convention": sweep.size - valid})
    left = valid - kept
    ends = [
        (bound.column, side)
        for bound in sweep.budget
        for side, end in (("under", bound.minimum), ("over", bound.maximum))
        if end is not None
    ]
    if left and len(ends) == 1 and not sweep.where:
        account.outside = Counter({ends[0]: left})
    elif left and len(sweep.budget) == 1 and not sweep.where:
        # Both ends of one bound are asked of the same tables.
        up_to = dataclasses.replace(sweep.budget[0], minimum=None)
        under = Space(dataclasses.replace(sweep, budget=(up_to,))).count(exact=True) - kept
        account.outside = +Counter({ends[0]: under, ends[1]: left - under})
    elif left and len(sweep.where) == 1 and not ends:
        account.excluded = Counter({sweep.where[0].text: left})
    elif left:
        account.excluded = Counter({"outside the budget, or a condition does not hold": left})
    return account


class SpaceWalk:
    """The rows of a space's tables."""

    def __init__(self, counted: CountedSpace, sweep: Sweep, on_progress: OnProgress | None) -> None:
        assert counted.account is not None
        self._counted = counted
        self._sweep = sweep
        self._on_progress = on_progress
        self.account = counted.account

    def batches(self, schema: pa.Schema, keep: int | None = None, sort: str = "-weights") -> Iterator[pa.RecordBatch]:
        """Yield the kept rows as record batches: all in id order, or the first `keep` by `sort`."""
        written, size = 0, self._sweep.size
        number = self.account.kept if keep is None else min(keep, self.account.kept)
        for rows in self._counted.space.rows() if keep is None else _sorted(self._counted.space, keep, sort):
            yield table_of(rows, self._sweep.columns, schema, self._sweep.names.counted)
            written += len(rows)
            if self._on_progress:
                self._on_progress(Progress(size * written // number, written))

    def best(self) -> list[int]:
        """Return the ids of the largest that are kept, largest first."""
        return [row["id"] for row in self._counted.largest]

    def largest(self) -> tuple[dict[str, Any], ...]:
        """Return the largest that are kept, largest first."""
        return self._counted.largest


def _sorted(space: Space, keep: int, sort: str) -> Iterator[Configurations]:
    """Yield the first configurations by a counted column, ties in the order of ids."""
    yield from _some_at_a_time(_first_by(space, keep, sort))


def _first_by(space: Space, keep: int, sort: str) -> Configurations:
    """Return the first configurations by a counted column, ties in the order of ids."""
    return space.extreme(sort.removeprefix("-"), keep, largest=sort.startswith("-"))


def _some_at_a_time(found: Configurations) -> Iterator[Configurations]:
    for start in range(0, len(found), _AT_ONCE):
        yield found[start : start + _AT_ONCE]


@dataclasses.dataclass(frozen=True)
class SpaceJob:
    """The table of a space, cut into parts: ranges of ranks, or of places where only the first ones by a column are kept.

    What is drawn from the tables of a space is the same wherever they are made, so a worker elsewhere makes its own.
    """

    sweep: Sweep
    parts: int
    parquet_encoding: str
    digest: str
    length: int
    """How many rows there are."""
    keep: int | None = None
    sort: str = "-weights"
    _made: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False, compare=False)
    """What this process has made of it, so that every part uses the same."""
    _making: Any = dataclasses.field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def of(cls, counted: CountedSpace, sweep: Sweep, ordered: Mapping[str, Any]) -> SpaceJob:
        """Return the job that carries out an order, of a space that has been counted."""
        assert counted.account is not None
        keep = ordered.get("keep")
        length = counted.account.kept if keep is None else min(keep, counted.account.kept)
        encoding, sort = ordered["parquet_encoding"], ordered.get("sort", "-weights")
        found = cls(sweep, parts_of(length), encoding, digest_of(ordered), length, keep, sort)
        found._made["space"] = counted.space
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process without the tables."""
        said = (self.sweep, self.parts, self.parquet_encoding, self.digest, self.length, self.keep, self.sort)
        return (SpaceJob, said)

    @property
    def tells_repeats(self) -> bool:
        """Whether its rows tell how many configurations repeat an earlier one: that is not looked at."""
        return False

    def schema(self) -> pa.Schema:
        """Return the schema of the table."""
        return schema_of(self.sweep)

    def decided(self, part: int) -> int:
        """Return how many configurations of the space are decided with a part."""
        return self.sweep.size * (part + 1) // self.parts - self.sweep.size * part // self.parts

    def expected(self, known: Account) -> int:
        """Return how many rows all parts hold."""
        return self.length

    def batches(self, part: int, account: Account, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a part."""
        account.repeated = None
        start, stop = self.length * part // self.parts, self.length * (part + 1) // self.parts
        for rows in self._rows(start, stop):
            account.kept += len(rows)
            yield table_of(rows, self.sweep.columns, schema, self.sweep.names.counted)

    def _rows(self, start: int, stop: int) -> Iterator[Configurations]:
        with self._making:
            if "space" not in self._made:
                self._made["space"] = Space(self.sweep)
            space: Space = self._made["space"]
            if self.keep is not None and "first" not in self._made:
                self._made["first"] = _first_by(space, self.keep, self.sort)
            if self.keep is None and "counted" not in self._made:
                self._made["counted"] = space.count(exact=True)  # makes the tables that all parts read
        yield from (
            space.rows(None, start, stop) if self.keep is None else _some_at_a_time(self._made["first"][start:stop])
        )


@dataclasses.dataclass(frozen=True)
class SpaceMaking(Making):
    """A space whose tables are to be made in a folder."""

    counted: CountedSpace | None = None

    def _walk(self, top: int, on_progress: OnProgress | None) -> SpaceWalk:
        assert self.counted is not None
        return SpaceWalk(self.counted, self.sweep, on_progress)

    def _schema(self) -> pa.Schema:
        return schema_of(self.sweep)

    def _plan(self) -> tuple[Job, Account | None]:
        assert self.counted is not None
        return SpaceJob.of(self.counted, self.sweep, self.order), self.counted.account

    def _best(self, job: Job, parts: list[str], number: int) -> list[int]:
        assert self.counted is not None
        return [row["id"] for row in self.counted.largest[:number]]

    def _described(self, configuration_id: int) -> Description | Declared:
        assert self.counted is not None
        found = self.counted.space.by_id([configuration_id])[0]
        if self.sweep.of_blocks is None:
            return Description(found, self.sweep.cell_types)
        model = self.sweep.grids[0].model
        assert model is not None
        return Declared(found, model.cell_types, model.block_types)


def check_sensible(counted: CountedSpace, keep: int | None) -> None:
    """Check that what is kept can be written.

    Raises:
        InputError: it is too much, with what to do.
    """
    if keep is not None and keep > MOST_SORTED:
        raise InputError(
            [Fault("", 0, 0, "keep", f"{keep:,} rows are more than the {MOST_SORTED:,} that can be sorted")]
        )
    less = "use a narrower budget, or sizer sample"
    if counted.account is None:
        # None of them can be sorted either: that takes finer tables than to count.
        low, high = counted.between or (0, 0)
        message = f"between {low:,} and {high:,} networks fit, but a run needs an exact count: {counted.reason}; {less}"
    elif keep is None and counted.account.kept > MOST_ROWS:
        message = (
            f"{counted.account.kept:,} networks fit, more than the {MOST_ROWS:,} rows that a run can write: "
            f"--keep 1000 --sort -weights writes the largest; or {less}"
        )
    else:
        return
    raise InputError([Fault(counted.space.sweep.file, 0, 0, "grid", message)])


def sample_rows(counted: CountedSpace, sweep: Sweep) -> pa.Table | None:
    """Return a few rows, from which the size of a table is estimated; None where there are none."""
    if counted.account is None or not counted.account.kept:
        return None
    schema = schema_of(sweep)
    drawn = counted.space.sample(min(_SAMPLE, counted.account.kept), seed=0)
    order = np.argsort(np.array(drawn.ids, dtype=object), kind="stable")
    return pa.Table.from_batches([table_of(drawn.taken(order), sweep.columns, schema, sweep.names.counted)], schema)


@dataclasses.dataclass(frozen=True, repr=False)
class Drawn(Shown):
    """Networks that were drawn from a space."""

    sweep: Sweep
    seed: int
    networks: int
    """How many fit."""
    rows: pa.RecordBatch

    def _in_a_line(self) -> str:
        drawn = f"{self.rows.num_rows:,} network{'' if self.rows.num_rows == 1 else 's'}"
        return f"{self.sweep.name}: {drawn} of {self.networks:,} that fit, seed {self.seed}"

    def _as_table(self) -> Table:
        return self.rows.schema.names, [tuple(row.values()) for row in self.rows.to_pylist()]

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        header, rows = self._as_table()
        return self._in_a_line(), (header, rows[:_SHOWN]), left_out(len(rows) - _SHOWN)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the networks as a stream of Arrow, which Polars, DuckDB, pandas and PyArrow read.

        Args:
            requested_schema: what the reader would like; PyArrow decides whether that can be.
        """
        return pa.Table.from_batches([self.rows]).__arrow_c_stream__(requested_schema)

    def as_csv(self) -> str:
        """Return them as a table in text."""
        columns = [column.to_pylist() for column in self.rows.columns]
        lines = [",".join(self.rows.schema.names)]
        lines.extend(",".join(map(_plain, row)) for row in zip(*columns, strict=True))
        return "\n".join(lines) + "\n"

    def as_json(self) -> dict[str, Any]:
        """Return them as `--json` shows them."""
        return {
            "name": self.sweep.name,
            "configurations": self.sweep.size,
            "kept": self.networks,
            "seed": self.seed,
            "networks": self.rows.to_pylist(),
        }


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def draw(sweep: Sweep, number: int, seed: int, *, budget: Any = None, where: Any = None) -> Drawn:
    """Return networks of a space, drawn uniformly among all that fit.

    Raises:
        InputError: an option has faults, nothing fits, or to count what fits takes too long.
    """
    if number > MOST_SORTED:
        raise InputError(
            [Fault("", 0, 0, "number", f"{number:,} are more than the {MOST_SORTED:,} that can be sampled at once")]
        )
    sweep = apply_options(sweep, budget=budget, where=where)
    found = Space(sweep)
    wide = dataclasses.replace(sweep, columns=layered_columns(sweep))
    between = found.count_between()
    drawn = found.sample(number, seed)
    rows = table_of(drawn, wide.columns, schema_of(wide), wide.names.counted)
    return Drawn(wide, seed, between.most, rows)
