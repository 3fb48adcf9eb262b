"""Result files of runs, or of queries, become one table that DuckDB reads: larger than memory, with known columns.

    NAME.parquet         a file, or a folder of parts
    NAME.csv, NAME.tsv   with .gz too; commas, semicolons or tabs
    NAME.manifest.json   the run's Parquet table, or else its CSV table

Several of them become one table with a column `result`, which names each row's file. A table with a manifest beside it
is checked against that before anything is read of it; one without is read as it stands, and known as `unverified`.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import gzip
import io
import json
import os
import re
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet

from sizer.errors import Fault, InputError, RunError, is_text, quoted
from sizer.extras import install_command
from sizer.networks.fields import FIELDS, Kind
from sizer.networks.network import COUNTED
from sizer.tables.asked.foreign_words import bare_name, bare_words
from sizer.tables.asked.sql import identifier, literal
from sizer.tables.stored.integrity import (
    ABOUT_PART,
    MANIFEST,
    Manifest,
    checked,
    checked_manifest,
    manifest_path,
    read_manifest,
)
from sizer.tables.stored.provenance import reliable

if TYPE_CHECKING:
    import duckdb

RESULT = "result"
"""The column that names each row's file, where there are several."""
TABLE = "rows"
"""What a connection calls the table."""
PLACE = "#"
"""A column of that table: which result a row is from, 0 for the first.

No result has a column of this name, nor one that begins with it and a space: those are what queries work out on the way.
"""
_KNOWN: dict[str, Kind] = {
    "id": "count",
    **{name: field.kind for name, field in FIELDS.items()},
    **dict.fromkeys(COUNTED, "count"),
}
"""What the columns hold that Sizer knows."""
_DELIMITERS = (",", ";", "\t")
_TYPES: dict[Kind, str] = {"count": "BIGINT", "boolean": "BOOLEAN", "choice": "VARCHAR"}
_MEMORY = "1GB"
_LONGEST_HEADER = 1 << 16


class UnreadableError(InputError):
    """A result cannot be read: it is missing, damaged, or no table of a run."""


@dataclass(frozen=True)
class Result:
    """One table of a run."""

    name: str
    """As the user named it."""
    files: tuple[Path, ...]
    """Its file, or its parts in order."""
    columns: Mapping[str, Kind]
    """Name -> kind, in the table's order."""
    provenance: Mapping[str, Any]
    """What the run said of itself; empty where nothing is known."""
    delimiter: str | None = None
    """Of a CSV table; None for Parquet."""
    verified: bool = False
    """Whether its files are those that a manifest names."""
    line_end: str = ""
    """Of a CSV table in whose header lines end within a name, which DuckDB takes for the ends of lines; else empty."""


@dataclass(frozen=True)
class Results:
    """One or several results as one table."""

    results: tuple[Result, ...]

    @property
    def columns(self) -> dict[str, Kind]:
        """Name -> kind: those of the first result, then what later ones add; `result` first where there are several."""
        found: dict[str, Kind] = {RESULT: "choice"} if len(self.results) > 1 else {}
        for result in self.results:
            found.update(result.columns)
        return found

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What the first result's run said of itself."""
        return self.results[0].provenance

    @property
    def name(self) -> str:
        """The results' name, for headings."""
        names = [str(result.provenance.get("name") or Path(result.name).name) for result in self.results]
        return ", ".join(dict.fromkeys(names))

    def source(self) -> str:
        """Return the table as SQL that can stand behind FROM. A column that a result lacks is NULL in its rows."""
        tables = [_source(result, self.columns, place) for place, result in enumerate(self.results)]
        return "(" + " UNION ALL ".join(f"SELECT * FROM {table}" for table in tables) + ")"

    @property
    def labels(self) -> list[str]:
        """Each result's value of the column `result`: as the user named it."""
        return [result.name for result in self.results]

    @property
    def unverified(self) -> list[str]:
        """The results that no manifest vouches for, as the user named them."""
        return [result.name for result in self.results if not result.verified]

    @contextlib.contextmanager
    def connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection in which the view `rows` is the table, with at most a gigabyte of memory.

        Raises:
            InputError: a file turns out to be damaged while it is read.
            RunError: DuckDB is not installed, or the disk is full.
        """
        duckdb = _duckdb()
        with (
            tempfile.TemporaryDirectory(prefix="sizer-") as spill,
            _in_words(self),
            duckdb.connect(
                config={
                    "memory_limit": _MEMORY,
                    "temp_directory": spill,
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                }
            ) as connection,
        ):
            connection.execute("SET enable_progress_bar = false")
            connection.execute(f"CREATE TEMP VIEW {identifier(TABLE)} AS SELECT * FROM {self.source()}")
            yield connection


def _source(result: Result, columns: Mapping[str, Kind], place: int) -> str:
    """Return a result as a SELECT of all columns, in order, of the types that their kinds have."""
    chosen = [f"{place} AS {identifier(PLACE)}"]
    for name, kind in columns.items():
        # A result that a query made may have a column `result` of its own, where it stands alone.
        otherwise = literal(result.name) if name == RESULT else "NULL"
        value = identifier(name) if name in result.columns else otherwise
        if result.delimiter is not None and kind == "choice" and name in result.columns:
            value = bare_words(value)
        chosen.append(f"CAST({value} AS {_TYPES[kind]}) AS {identifier(name)}")
    names = ", ".join(_pattern(file) for file in result.files)
    if result.delimiter is None:
        table = f"read_parquet([{names}])"
    else:
        types = ", ".join(f"{literal(name)}: {literal(_TYPES[kind])}" for name, kind in result.columns.items())
        ends = f", new_line = {literal(result.line_end)}" if result.line_end else ""
        table = (
            f"read_csv([{names}], header = true, auto_detect = false, delim = {literal(result.delimiter)}, quote = '\"',"
            f" escape = '\"', nullstr = '', strict_mode = true, columns = {{{types}}}{ends})"
        )
    return f"(SELECT {', '.join(chosen)} FROM {table})"


def _pattern(file: Path) -> str:
    """Return a path as SQL; DuckDB takes names for patterns."""
    text = str(file.resolve())
    return literal("".join(f"[{character}]" if character in "[*?" else character for character in text))


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError:
        raise RunError(f"queries, plots and reports need the extra: {install_command('query')}") from None
    return duckdb


@contextlib.contextmanager
def _in_words(results: Results) -> Iterator[None]:
    """Say what DuckDB found wrong with a file in a person's words."""
    duckdb = _duckdb()
    try:
        yield
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException):
        raise  # the SQL is ours, so that these are never a person's faults
    except (duckdb.IOException, duckdb.OutOfMemoryException) as problem:
        raise RunError(f"{_names(results)}: {_told(problem)}") from None
    except (duckdb.Error, pa.ArrowException, UnicodeDecodeError) as problem:
        # What goes wrong while rows stream comes through Arrow.
        raise UnreadableError([Fault(_names(results), 0, 0, "", f"is damaged: {_told(problem)}")]) from None


def _names(results: Results) -> str:
    return ", ".join(results.labels)


def _told(problem: Exception) -> str:
    """Return what went wrong in a line, without advice on how to call DuckDB."""
    lines = [line.strip() for line in str(problem).partition("Possible")[0].splitlines() if line.strip()]
    return "; ".join(lines[:3])[:300] or type(problem).__name__


def open_results(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> Results:
    """Return one or several results as one table, checked against their manifests; their rows are not read yet.

    Args:
        paths: Parquet files, folders of parts, CSV files or manifests.

    Raises:
        InputError: one of them is no table of a run, or is not what its run wrote; every fault of all of them.
    """
    given = [os.fspath(paths)] if isinstance(paths, (str, os.PathLike)) else [os.fspath(path) for path in paths]
    found: list[Result] = []
    faults: list[Fault] = []
    for name in given:
        try:
            found.append(_open(name, Path(name)))
        except InputError as problem:
            faults.extend(problem.faults)
        except OSError as problem:
            faults.append(Fault(name, 0, 0, "", f"cannot be read: {problem.strerror or problem}"))
        except ValueError as problem:  # a zero byte, or half a character, within a file's name
            faults.append(Fault(name, 0, 0, "", f"cannot be read: {problem}"))
    twice = {name for name in given if given.count(name) > 1}
    faults.extend(Fault(name, 0, 0, "", "is named twice") for name in sorted(twice))
    kinds: dict[str, tuple[Kind, str]] = {}
    spelt: dict[str, tuple[str, str]] = {}
    for result in found:
        for column, kind in result.columns.items():
            first, where = kinds.setdefault(column, (kind, result.name))
            if kind != first:
                message = f"holds {_AS_SHOWN[kind]} here, and {_AS_SHOWN[first]} in {where}"
                faults.append(Fault(result.name, 0, 0, column, message))
            twin, where = spelt.setdefault(column.casefold(), (column, result.name))
            if twin != column:
                message = f"differs from {quoted(twin)} in {where} in capitals only"
                faults.append(Fault(result.name, 0, 0, column, message))
            if column.lower() == RESULT and len(given) > 1:
                faults.append(Fault(result.name, 0, 0, RESULT, "a column of this name would hold each row's file"))
    if not given:
        faults.append(Fault("", 0, 0, "", "name a result: a Parquet or CSV file, a folder of parts or a manifest"))
    if faults:
        raise UnreadableError(faults)
    return Results(tuple(found))


_AS_SHOWN: dict[Kind, str] = {"count": "whole numbers", "boolean": "true and false", "choice": "words"}


def _open(name: str, path: Path) -> Result:
    if not path.exists():
        raise _fault(name, f"no such file{_nearby(path)}")
    if not is_text(str(path.resolve())):
        raise _fault(name, "has a name or a folder that is no UTF-8, and DuckDB opens no such file; rename it")
    if path.name.endswith(MANIFEST) and path.is_file():
        found = checked_manifest(name, path)
        if found is None:
            raise _fault(name, "names no CSV or Parquet table; run the sweep with --format parquet")
        manifest, table = found
        return dataclasses.replace(_table(name, table), provenance=manifest.content, verified=True)
    manifest_beside = checked(name, path)
    result = _table(name, path)
    if manifest_beside is None:
        return result
    return dataclasses.replace(result, provenance=result.provenance or manifest_beside.content, verified=True)


def _table(name: str, path: Path) -> Result:
    if path.is_dir():
        parts = sorted(path.glob("part-*.parquet"))
        if not parts:
            raise _fault(name, "is a folder without parts; name a table within it, such as NAME.parquet")
        return _parquet(name, path, parts)
    words = path.name.lower().split(".")
    if words[-1] == "parquet":
        return _parquet(name, path, [path])
    if words[-1] in {"csv", "tsv"} or words[-2:] in (["csv", "gz"], ["tsv", "gz"]):
        return _csv(name, path)
    instead = "; name the CSV or Parquet table of the same run" if words[-1] == "xlsx" else ""
    raise _fault(name, f"is no .parquet, .csv, .tsv or .manifest.json{instead}")


def _fault(name: str, message: str, path: str = "") -> InputError:
    return InputError([Fault(name, 0, 0, path, message)])


def _nearby(path: Path) -> str:
    """Return a hint at the same table under another extension."""
    with contextlib.suppress(OSError):
        stem = path.name.split(".")[0]
        for extension in ("parquet", "csv", "tsv", "csv.gz", "tsv.gz"):
            other = path.with_name(f"{stem}.{extension}")
            if other.exists():
                return f"; there is {other}"
    return ""


def _parquet(name: str, path: Path, files: list[Path]) -> Result:
    """Return a Parquet table from the footers of its files."""
    schema: pa.Schema | None = None
    said: bytes = b""
    numbers: list[Any] = []
    for file in files:
        try:
            with pyarrow.parquet.ParquetFile(file) as footer:
                found = footer.schema_arrow
                about = footer.metadata.metadata or {}
                numbers.append(_provenance(about.get(ABOUT_PART.encode(), b"")))
                if schema is None:
                    said = about.get(b"sizer", b"")
            names = found.names
        except FileNotFoundError:
            raise _fault(name, f"{file.name} is missing") from None
        except (pa.ArrowException, OSError, UnicodeDecodeError) as problem:
            raise _fault(name, f"{_within(file, path)}is no Parquet file, or is damaged: {problem}") from None
        if schema is None:
            schema = found
        elif names != schema.names:
            raise _fault(name, f"{file.name} has other columns than {files[0].name}")
    assert schema is not None
    if not schema.names:
        raise _fault(name, "has no columns")
    if path.is_dir():
        _check_numbers(name, numbers)
    return Result(name, tuple(files), _kinds(name, schema), _provenance(said))


def _check_numbers(name: str, numbers: list[Mapping[str, Any]]) -> None:
    """Check that parts which say their numbers are all there, once each; other people's say none."""
    found = [(about["part"], about["parts"]) for about in numbers if {"part", "parts"} <= about.keys()]
    if not found or not all(type(word) is int for pair in found for word in pair):
        return
    there = [part for part, _ in found]
    if len(found) != len(numbers) or len({parts for _, parts in found}) > 1:
        raise _fault(name, "holds parts of several tables")
    for part, times in Counter(there).items():
        if times > 1:
            raise _fault(name, f"part {part} is there twice")
    missing = found[0][1] - len(there)
    if missing:
        raise _fault(name, f"{missing:,} of {found[0][1]:,} parts {'is' if missing == 1 else 'are'} missing")


def _within(file: Path, path: Path) -> str:
    return "" if file == path else f"{file.name} "


def _provenance(said: bytes) -> Mapping[str, Any]:
    """Return what a table says of itself; nothing where it is not the word of a run."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return {}
    return reliable(found)


def _kinds(name: str, schema: pa.Schema) -> dict[str, Kind]:
    _check_columns(name, schema.names)
    kinds: dict[str, Kind] = {}
    faults = []
    for field in schema:
        kind: Kind
        if pa.types.is_boolean(field.type):
            kind = "boolean"
        elif pa.types.is_signed_integer(field.type) or field.type in (pa.uint8(), pa.uint16(), pa.uint32()):
            kind = "count"
        elif any(is_one(field.type) for is_one in (pa.types.is_string, pa.types.is_large_string)) or (
            pa.types.is_dictionary(field.type) and pa.types.is_string(field.type.value_type)
        ):
            kind = "choice"
        else:
            message = f"holds {field.type}; the tables of a run hold whole numbers, true and false, and words"
            faults.append(Fault(name, 0, 0, field.name, message))
            continue
        known = _KNOWN.get(field.name, kind)
        if known != kind:
            message = f"holds {_AS_SHOWN[kind]}; in the tables of a run it holds {_AS_SHOWN[known]}"
            faults.append(Fault(name, 0, 0, field.name, message))
        kinds[field.name] = kind
    if faults:
        raise InputError(faults)
    return kinds


def _check_columns(name: str, columns: Sequence[str]) -> None:
    """Raise where columns have names by which SQL cannot tell them apart.

    Raises:
        InputError: two of them are one name but for capitals, or one is empty, or is no name.
    """
    first: dict[str, str] = {}
    faults = []
    for column in columns:
        other = first.setdefault(column.casefold(), column)
        if not column or column.split(" ")[0] == PLACE or "\0" in column or not is_text(column):
            faults.append(Fault(name, 0, 0, "", f"has a column named {quoted(column)}; give it another name"))
        elif other == column and columns.count(column) > 1:
            faults.append(Fault(name, 0, 0, "", f"has two columns named {quoted(column)}"))
        elif other != column:
            message = f"has columns named {quoted(other)} and {quoted(column)}, which differ in capitals only"
            faults.append(Fault(name, 0, 0, "", message))
    if faults:
        raise InputError(dict.fromkeys(faults))


def _csv(name: str, path: Path) -> Result:
    """Return a CSV table by its header; the columns that Sizer knows have their kinds, others hold words."""
    raw = _header(name, path)
    header = raw.rstrip("\r\n")
    line = header.splitlines()[0] if header else ""
    delimiter = max(_DELIMITERS, key=re.sub(r'"[^"]*"?', "", header).count)
    reader = csv.reader(io.StringIO(header, ""), delimiter=delimiter, strict=True)
    try:
        columns = [bare_name(word) for word in next(reader, [""])]
    except csv.Error as problem:
        raise _fault(name, f"has a first line that is no CSV, {quoted(line)}: {problem}") from None
    if not {*_KNOWN} & {*columns}:
        raise _fault(name, f"has no column of a run in its first line, {quoted(line)}")
    _check_columns(name, columns)
    kinds: dict[str, Kind] = {column: _KNOWN.get(column, "choice") for column in columns}
    line_end = (
        ("\\r\\n" if raw.endswith("\r\n") else "\\n") if any({"\r", "\n"} & {*column} for column in columns) else ""
    )
    return Result(name, (path,), kinds, {}, delimiter, line_end=line_end)


def _header(name: str, path: Path) -> str:
    opened: Any = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            raw: bytes = file.readline(_LONGEST_HEADER + 1)
            # A name in quotes may go on in the next line.
            while raw.count(b'"') % 2 and len(raw) <= _LONGEST_HEADER and (more := file.readline(_LONGEST_HEADER)):
                raw += more
        if len(raw) > _LONGEST_HEADER:
            raise _fault(name, f"has a first line of more than {_LONGEST_HEADER:,} bytes")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _fault(name, "is no CSV in UTF-8") from None
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise _fault(name, "is no gzip file, or is damaged") from None


def manifest_of(result: Result) -> Mapping[str, Any]:
    """Return the manifest of the run that made a table: where its configurations went; empty where it is not there."""
    if "kept" in result.provenance:
        return result.provenance
    beside = manifest_path(Path(result.name))
    found = _read(beside) if beside is not None and beside.is_file() else None
    if found is None:
        return {}
    same = all(found.content.get(key) == result.provenance.get(key) for key in ("sweep_sha256", "budget", "where"))
    return found.content if same and "query" not in result.provenance else {}


def _read(path: Path) -> Manifest | None:
    with contextlib.suppress(OSError):
        return read_manifest(path)
    return None
