"""Result files of runs, or of queries, become one table that DuckDB reads: larger than memory, with known columns.

    NAME.parquet         a file, or a folder of parts
    NAME.csv, NAME.tsv   with .gz too; commas, semicolons or tabs
    NAME.manifest.json   the run's Parquet table, or else its CSV table

Several of them become one table with a column `result`, which names each row's file. A table with a manifest beside it
is checked against that before anything is read of it; one without is read as it stands, and known as `unverified`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import pyarrow as pa

from sizer.errors import Fault, InputError, RunError, is_text, quoted
from sizer.extras import install_command
from sizer.formats import FORMATS, READ, listed, named
from sizer.networks.fields import Kind
from sizer.tables.asked.parquet_tables import parquet_table
from sizer.tables.asked.result import AS_SHOWN, RESULT, TABLE, Result, fault
from sizer.tables.asked.sql import identifier
from sizer.tables.stored.integrity import (
    MANIFEST,
    Manifest,
    checked,
    checked_manifest,
    manifest_path,
    read_manifest,
)

if TYPE_CHECKING:
    import duckdb

_MEMORY = "1GB"


class UnreadableError(InputError):
    """A result cannot be read: it is missing, damaged, or no table of a run."""


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
        tables = [result.source(self.columns, place) for place, result in enumerate(self.results)]
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


@runtime_checkable
class WroteTables(Protocol):
    """A run, as far as its tables go."""

    @property
    def files(self) -> Sequence[Path | str]:
        """The tables, then the manifest."""
        ...


Named = str | os.PathLike[str] | WroteTables | Sequence[str | os.PathLike[str] | WroteTables]
"""How results are named: by their files, or by the run that wrote them."""


def _file_of(one: str | os.PathLike[str] | WroteTables) -> str:
    """Return the file of a result; of a run its manifest, which stands for its tables."""
    if isinstance(one, WroteTables):
        if not one.files:
            message = "this run wrote no tables; run the sweep with a folder as out"
            raise InputError([Fault("", 0, 0, "results", message)])
        return str(one.files[-1])
    if not isinstance(one, (str, os.PathLike)):
        raise InputError([Fault("", 0, 0, "results", f"{quoted(str(one))} is neither a file nor a run")])
    return os.fspath(one)


def open_results(paths: Named) -> Results:
    """Return one or several results as one table, checked against their manifests; their rows are not read yet.

    Args:
        paths: Parquet files, folders of parts, CSV files or manifests, or runs that wrote such.

    Raises:
        InputError: one of them is no table of a run, or is not what its run wrote; every fault of all of them.
    """
    several = isinstance(paths, Iterable) and not isinstance(paths, (str, os.PathLike, WroteTables))
    given = [_file_of(path) for path in (paths if several else [paths])]  # type: ignore[arg-type, union-attr]
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
                message = f"holds {AS_SHOWN[kind]} here, and {AS_SHOWN[first]} in {where}"
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


def _open(name: str, path: Path) -> Result:
    if not path.exists():
        raise fault(name, f"no such file{_nearby(path)}")
    if not is_text(str(path.resolve())):
        raise fault(name, "has a name or a folder that is no UTF-8, and DuckDB opens no such file; rename it")
    if path.name.endswith(MANIFEST) and path.is_file():
        found = checked_manifest(name, path)
        if found is None:
            raise fault(name, "names no CSV or Parquet table; run the sweep with --format parquet")
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
            raise fault(name, "is a folder without parts; name a table within it, such as NAME.parquet")
        return parquet_table(name, path, parts)
    ending = path.name.lower()
    for kind in READ:
        if any(ending == one or ending.endswith(f".{one}") for one in kind.all_endings):
            found: Result = named(kind.reader)(name, path, [path])
            return found
    others = tuple(f".{one}" for kind in FORMATS.values() if kind.by_runs and not kind.reader for one in kind.endings)
    instead = "; name the CSV or Parquet table of the same run" if ending.endswith(others) else ""
    known = listed((*(f".{one}" for kind in READ for one in kind.endings), MANIFEST), "or")
    raise fault(name, f"is no {known}{instead}")


def _nearby(path: Path) -> str:
    """Return a hint at the same table under another extension."""
    with contextlib.suppress(OSError):
        stem = path.name.split(".")[0]
        endings = [one for kind in READ for one in kind.all_endings]
        for extension in sorted(endings, key=lambda one: one.endswith(".gz")):
            other = path.with_name(f"{stem}.{extension}")
            if other.exists():
                return f"; there is {other}"
    return ""


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
