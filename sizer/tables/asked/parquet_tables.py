"""Parquet files, or folders of parts, become results by what stands in their footers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from sizer.errors import Fault, InputError
from sizer.networks.fields import Kind
from sizer.tables.asked.result import AS_SHOWN, KNOWN, LONG_IDS, Result, check_columns, fault, is_of_a_layer, pattern
from sizer.tables.stored.integrity import ABOUT_PART
from sizer.tables.stored.provenance import reliable


def parquet_table(name: str, path: Path, files: Sequence[Path]) -> Result:
    """Return a Parquet table from the footers of its files.

    Args:
        name: as the user named it.
        path: of the file, or of the folder of parts.
        files: itself, or its parts in order.

    Raises:
        InputError: it is no table of a run, or is damaged.
    """
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
            raise fault(name, f"{file.name} is missing") from None
        except (pa.ArrowException, OSError, UnicodeDecodeError) as problem:
            raise fault(name, f"{_within(file, path)}is not a Parquet file, or is damaged: {problem}") from None
        if schema is None:
            schema = found
        elif names != schema.names:
            raise fault(name, f"{file.name} has other columns than {files[0].name}")
    assert schema is not None
    if not schema.names:
        raise fault(name, "has no columns")
    if path.is_dir():
        _check_numbers(name, numbers)
    table = f"read_parquet([{', '.join(map(pattern, files))}])"
    return Result(name, tuple(files), _kinds(name, schema), _provenance(said), table)


def _check_numbers(name: str, numbers: list[Mapping[str, Any]]) -> None:
    """Check that parts which say their numbers are all there, once each; other people's say none."""
    found = [(about["part"], about["parts"]) for about in numbers if {"part", "parts"} <= about.keys()]
    if not found or not all(type(word) is int for pair in found for word in pair):
        return
    there = [part for part, _ in found]
    if len(found) != len(numbers) or len({parts for _, parts in found}) > 1:
        raise fault(name, "holds parts of several tables")
    for part, times in Counter(there).items():
        if times > 1:
            raise fault(name, f"part {part} is there twice")
    missing = found[0][1] - len(there)
    if missing:
        raise fault(name, f"{missing:,} of {found[0][1]:,} parts {'is' if missing == 1 else 'are'} missing")


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
    check_columns(name, schema.names)
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
        known = KNOWN.get(field.name, kind)
        if known != kind and not (field.name == "id" and kind == LONG_IDS and any(map(is_of_a_layer, schema.names))):
            message = f"holds {AS_SHOWN[kind]}; in the tables of a run it holds {AS_SHOWN[known]}"
            faults.append(Fault(name, 0, 0, field.name, message))
        kinds[field.name] = kind
    if faults:
        raise InputError(faults)
    return kinds
