"""Result files of runs, or of queries, become one table that DuckDB reads: larger than memory, with known columns.

    NAME.parquet         a file, or a folder of parts
    NAME.csv, NAME.tsv   with .gz too; commas, semicolons or tabs
    NAME.manifest.json   the run's Parquet table, or else its CSV table

Several of them become one table with a column `result`, which names each row's file.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import os
import tempfile
import zlib
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
from sizer.tables.said import odd_part
from sizer.tables.sql import identifier, literal

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
        chosen.append(f"CAST({value} AS {_TYPES[kind]}) AS {identifier(name)}")
    names = ", ".join(_pattern(file) for file in result.files)
    if result.delimiter is None:
        table = f"read_parquet([{names}])"
    else:
        types = ", ".join(f"{literal(name)}: {literal(_TYPES[kind])}" for name, kind in result.columns.items())
        table = (
            f"read_csv([{names}], header = true, auto_detect = false, delim = {literal(result.delimiter)}, quote = '\"',"
            f" escape = '\"', nullstr = '', strict_mode = true, columns = {{{types}}})"
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
        raise InputError([Fault(_names(results), 0, 0, "", f"is damaged: {_told(problem)}")]) from None


def _names(results: Results) -> str:
    return ", ".join(results.labels)


def _told(problem: Exception) -> str:
    """Return what went wrong in a line, without advice on how to call DuckDB."""
    lines = [line.strip() for line in str(problem).partition("Possible")[0].splitlines() if line.strip()]
    return "; ".join(lines[:3])[:300] or type(problem).__name__


def open_results(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> Results:
    """Return one or several results as one table; their rows are not read yet.

    Args:
        paths: Parquet files, folders of parts, CSV files or manifests.

    Raises:
        InputError: one of them is no table of a run; every fault of all of them.
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
            twin, where = spelt.setdefault(column.lower(), (column, result.name))
            if twin != column:
                message = f"differs from {quoted(twin)} in {where} in capital letters only"
                faults.append(Fault(result.name, 0, 0, column, message))
            if column.lower() == RESULT and len(given) > 1:
                faults.append(Fault(result.name, 0, 0, RESULT, "a column of this name would hold each row's file"))
    if not given:
        faults.append(Fault("", 0, 0, "", "name a result: a Parquet or CSV file, a folder of parts or a manifest"))
    if faults:
        raise InputError(faults)
    return Results(tuple(found))


_AS_SHOWN: dict[Kind, str] = {"count": "whole numbers", "boolean": "true and false", "choice": "words"}


def _open(name: str, path: Path) -> Result:
    if not path.exists():
        raise _fault(name, f"no such file{_nearby(path)}")
    if not is_text(str(path.resolve())):
        raise _fault(name, "has a name or a folder that is no UTF-8, and DuckDB opens no such file; rename it")
    if path.is_dir():
        parts = sorted(path.glob("part-*.parquet"))
        if not parts:
            raise _fault(name, "is a folder without parts; name a table within it, such as NAME.parquet")
        return _parquet(name, path, parts)
    if path.name.endswith(".manifest.json"):
        return _of_manifest(name, path)
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


def _of_manifest(name: str, path: Path) -> Result:
    manifest = _manifest(path)
    if manifest is None:
        raise _fault(name, "is no manifest of a run")
    files = [path.parent / file for file in manifest["files"]]
    parts = [file for file in files if file.suffix == ".parquet"]
    if parts:
        found = _parquet(name, path, parts)
    else:
        tables = [file for file in files if file.name.removesuffix(".gz").endswith((".csv", ".tsv"))]
        if not tables:
            raise _fault(name, "names no CSV or Parquet table; run the sweep with --format parquet")
        found = _csv(name, tables[0])
    return Result(found.name, found.files, found.columns, manifest, found.delimiter)


def _manifest(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(content, dict) and isinstance(content.get("files"), dict) and "sizer" in content
    return content if whole and not odd_part(content) else None


def _parquet(name: str, path: Path, files: list[Path]) -> Result:
    """Return a Parquet table from the footers of its files."""
    schema: pa.Schema | None = None
    said: bytes = b""
    for file in files:
        try:
            with pyarrow.parquet.ParquetFile(file) as footer:
                found = footer.schema_arrow
                if schema is None:
                    said = (footer.metadata.metadata or {}).get(b"sizer", b"")
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
    _check_names(name, schema.names)
    return Result(name, tuple(files), _kinds(name, schema), _provenance(name, said))


def _within(file: Path, path: Path) -> str:
    return "" if file == path else f"{file.name} "


def _provenance(name: str, said: bytes) -> Mapping[str, Any]:
    """Return what a table says of itself; nothing where it is not the word of a run.

    Raises:
        InputError: a part of it is, and a part cannot be.
    """
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    odd = odd_part(found)
    if odd:
        raise _fault(name, f"says of its run what no run says: {odd}")
    return found


def _kinds(name: str, schema: pa.Schema) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    faults = []
    for field in schema:
        kind: Kind
        if pa.types.is_boolean(field.type):
            kind = "boolean"
        elif pa.types.is_signed_integer(field.type) or field.type in (pa.uint8(), pa.uint16(), pa.uint32()):
            kind = "count"
        elif any(is_text(field.type) for is_text in (pa.types.is_string, pa.types.is_large_string)) or (
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


def _csv(name: str, path: Path) -> Result:
    """Return a CSV table by its header; the columns that Sizer knows have their kinds, others hold words."""
    header = _header(name, path)
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        columns = next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except csv.Error as problem:
        raise _fault(name, f"has a first line that is no CSV, {quoted(header)}: {problem}") from None
    if not {*_KNOWN} & {*columns}:
        raise _fault(name, f"has no column of a run in its first line, {quoted(header)}")
    _check_names(name, columns)
    kinds: dict[str, Kind] = {column: _KNOWN.get(column, "choice") for column in columns}
    return Result(name, (path,), kinds, _beside(path), delimiter)


def _check_names(name: str, columns: Sequence[str]) -> None:
    """Check that the columns of a table can be told apart. DuckDB takes capital letters for small ones.

    Raises:
        InputError: they cannot.
    """
    faults = []
    seen: dict[str, str] = {}
    for column in columns:
        twin = seen.setdefault(column.lower(), column)
        if not column:
            faults.append("has a column without a name")
        elif "\0" in column or not is_text(column):
            faults.append(f"has a column named {quoted(column)}, which is no text")
        elif column.split(" ")[0] == PLACE:
            faults.append(f"has a column named {quoted(column)}; no table of a run does")
        elif twin is not column and twin == column:
            faults.append(f"has two columns named {quoted(column)}")
        elif twin is not column:
            faults.append(f"has columns {quoted(twin)} and {quoted(column)}, which differ in capital letters only")
    if faults:
        raise InputError(Fault(name, 0, 0, "", fault) for fault in dict.fromkeys(faults))


def _header(name: str, path: Path) -> str:
    opened: Any = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            raw: bytes = file.readline(_LONGEST_HEADER + 1)
        if len(raw) > _LONGEST_HEADER:
            raise _fault(name, f"has a first line of more than {_LONGEST_HEADER:,} bytes")
        return raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise _fault(name, "is no CSV in UTF-8") from None
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise _fault(name, "is no gzip file, or is damaged") from None


def _beside(path: Path) -> Mapping[str, Any]:
    """Return the manifest of the run that wrote a CSV table; CSV has no room for provenance."""
    stem = path.name.removesuffix(".gz").rpartition(".")[0]
    manifest = path.with_name(f"{stem}.manifest.json")
    found = _manifest(manifest) if manifest.is_file() else None
    return found if found is not None and path.name in found["files"] else {}


def manifest_of(result: Result) -> Mapping[str, Any]:
    """Return the manifest of the run that made a table: where its configurations went; empty where it is not there."""
    if "kept" in result.provenance:
        return result.provenance
    table = Path(result.name)
    found = _manifest(table.with_name(f"{table.name.partition('.parquet')[0]}.manifest.json"))
    same = found is not None and found.get("sweep_sha256") == result.provenance.get("sweep_sha256")
    whole = same and all(found.get(key) == result.provenance.get(key) for key in ("budget", "where"))  # type: ignore[union-attr]
    return found if found is not None and whole and "query" not in result.provenance else {}
