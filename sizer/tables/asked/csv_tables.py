"""CSV files become results by their first line: commas, semicolons or tabs, compressed or not."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from sizer.errors import quoted
from sizer.networks.fields import Kind
from sizer.tables.asked.foreign_words import bare_name
from sizer.tables.asked.result import (
    KNOWN,
    LONG_IDS,
    TYPES,
    Result,
    check_columns,
    fault,
    is_of_a_layer,
    is_of_blocks,
    pattern,
)
from sizer.tables.asked.sql import literal

_DELIMITERS = (",", ";", "\t")
_LONGEST_HEADER = 1 << 16
_LARGEST = 2**63 - 1
_TAIL = 1 << 16
_LONG = re.compile(rb"\d{19}")
_ROWS_LOOKED_AT = 1000
"""Rows by which it is known whether ids are in order."""


def csv_table(name: str, path: Path, files: Sequence[Path]) -> Result:
    """Return a CSV table by its header; the columns that Sizer knows have their kinds, others hold words.

    Args:
        name: as the user named it.
        path: of the file.
        files: the file.

    Raises:
        InputError: it is no table of a run, or is damaged.
    """
    raw = _header(name, path)
    header = raw.rstrip("\r\n")
    line = header.splitlines()[0] if header else ""
    delimiter = max(_DELIMITERS, key=re.sub(r'"[^"]*"?', "", header).count)
    reader = csv.reader(io.StringIO(header, ""), delimiter=delimiter, strict=True)
    try:
        columns = [bare_name(word) for word in next(reader, [""])]
    except csv.Error as problem:
        raise fault(name, f"has a first line that is not CSV, {quoted(line)}: {problem}") from None
    if not {*KNOWN} & {*columns}:
        raise fault(name, f"has no column of a run in its first line, {quoted(line)}")
    check_columns(name, columns)
    kinds: dict[str, Kind] = {column: KNOWN.get(column, "choice") for column in columns}
    unknown = [place for place, column in enumerate(columns) if is_of_blocks(column)]
    if unknown:
        found = _kinds_of(path, delimiter, len(columns), unknown)
        kinds |= {columns[place]: kind for place, kind in found.items()}
    if "id" in columns and _has_long_ids(path, delimiter, columns):
        kinds["id"] = LONG_IDS
    types = ", ".join(f"{literal(column)}: {literal(TYPES[kind])}" for column, kind in kinds.items())
    # DuckDB takes the end of a line within a column's name for the end of a line, unless it is said which end is meant.
    within = any({"\r", "\n"} & {*column} for column in columns)
    end = r"\r\n" if raw.endswith("\r\n") else r"\n"
    ends = f", new_line = {literal(end)}" if within else ""
    table = (
        f"read_csv([{', '.join(map(pattern, files))}], header = true, auto_detect = false, delim = {literal(delimiter)},"
        f" quote = '\"', escape = '\"', nullstr = '', strict_mode = true, columns = {{{types}}}{ends})"
    )
    return Result(name, tuple(files), kinds, {}, table, is_shielded=True)


def _kinds_of(path: Path, delimiter: str, number: int, places: Sequence[int]) -> dict[int, Kind]:
    """Return what columns of a model of blocks hold, by every value: which fields there are depends on the model.

    What is wrong with a row is said where it is read; columns are then known by the rows before it.

    Args:
        path: of the file.
        delimiter: between two values.
        number: of columns in the file.
        places: of the columns that are asked for.
    """
    names = [str(place) for place in range(number)]
    possible: dict[int, set[Kind]] = {place: {"count", "boolean"} for place in places}
    said: set[int] = set()
    # A table that has lines within values is rare, and then read by one thread.
    parsed = pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    read = pyarrow.csv.ReadOptions(column_names=names, skip_rows_after_names=1)
    with contextlib.suppress(pa.ArrowInvalid, OSError), pa.input_stream(str(path), compression="detect") as file:
        for batch in pyarrow.csv.open_csv(
            file,
            read_options=read,
            parse_options=parsed,
            convert_options=pyarrow.csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=[str(place) for place in places],
                strings_can_be_null=False,
            ),
        ):
            for place in places:
                values = pc.unique(batch.column(str(place))).to_pylist()
                said |= {place} if values != [""] else set()
                possible[place] = {
                    kind for kind in possible[place] if all(not value or _holds(kind, value) for value in values)
                }
            if not any(possible.values()):
                break
    return {
        place: next((kind for kind in ("count", "boolean") if place in said and kind in possible[place]), "choice")
        for place in places
    }


def _holds(kind: Kind, value: str) -> bool:
    """Return whether a value is one of a kind, as a run writes it."""
    if kind == "boolean":
        return value in {"true", "false"}
    return value.isascii() and value.isdecimal() and (value == "0" or value[0] != "0") and int(value) <= _LARGEST


def _has_long_ids(path: Path, delimiter: str, columns: Sequence[str]) -> bool:
    """Return whether ids pass 2^63 - 1, as those of spaces do: such ids are text.

    Where they stand in order the last is the longest. In another order, of a table with columns for each layer, all are
    looked at.
    """
    place = columns.index("id")

    def numbers(rows: Iterable[list[str]]) -> list[int]:
        words = [row[place] for row in rows if place < len(row)]
        return [int(word) for word in words if word.isascii() and word.isdecimal()]

    first = numbers(_first_rows(path, delimiter))
    if any(number > _LARGEST for number in first):
        return True
    if len(first) < _ROWS_LOOKED_AT - 1:
        return False
    in_order = all(before <= after for before, after in itertools.pairwise(first))
    opened: Any = gzip.open if path.name.lower().endswith(".gz") else open
    last = b""
    with contextlib.suppress(OSError, EOFError, zlib.error), opened(path, "rb") as file:
        if in_order and opened is open:
            file.seek(-min(_TAIL, path.stat().st_size), io.SEEK_END)
        layered = any(map(is_of_a_layer, columns))
        while some := file.read(_TAIL):
            if layered and not in_order and _LONG.search(last[-100:] + some):
                return True
            last = (last + some)[-_TAIL:]
    lines = last.decode("utf-8", "replace").splitlines()[1:]
    with contextlib.suppress(csv.Error):
        return any(number > _LARGEST for number in numbers(csv.reader(lines, delimiter=delimiter)))
    return False


def _first_rows(path: Path, delimiter: str) -> list[list[str]]:
    """Return the first rows below the header; what is wrong with them is said where they are read."""
    opened: Any = gzip.open if path.name.lower().endswith(".gz") else open
    rows: list[list[str]] = []
    with (
        contextlib.suppress(csv.Error, UnicodeDecodeError, OSError, EOFError, zlib.error),
        opened(path, "rt", encoding="utf-8-sig", newline="") as file,
    ):
        rows.extend(itertools.islice(csv.reader(file, delimiter=delimiter), 1, _ROWS_LOOKED_AT))
    return rows


def _header(name: str, path: Path) -> str:
    opened: Any = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            raw: bytes = file.readline(_LONGEST_HEADER + 1)
            # A name in quotes may go on in the next line.
            while raw.count(b'"') % 2 and len(raw) <= _LONGEST_HEADER and (more := file.readline(_LONGEST_HEADER)):
                raw += more
        if len(raw) > _LONGEST_HEADER:
            raise fault(name, f"has a first line of more than {_LONGEST_HEADER:,} bytes")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise fault(name, "is not CSV in UTF-8") from None
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise fault(name, "is not a gzip file, or is damaged") from None
