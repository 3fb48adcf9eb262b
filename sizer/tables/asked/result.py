"""One table of a run, as queries take it: its columns, what it says of itself, and the SQL that reads its files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sizer.errors import Fault, InputError, is_text, quoted
from sizer.networks.blocks.outlines import MACS, OF_BLOCK
from sizer.networks.columns import COUNTED, MODEL_PARTS
from sizer.networks.fields import FIELDS, Kind
from sizer.tables.asked.foreign_words import bare_words
from sizer.tables.asked.sql import identifier, literal

RESULT = "result"
"""The column that names each row's file, where there are several."""
TABLE = "rows"
"""What a connection calls the table."""
PLACE = "#"
"""A column of that table: which result a row is from, 0 for the first.

No result has a column of this name, nor one that begins with it and a space: those are what queries work out on the way.
"""
KNOWN: dict[str, Kind] = {
    "id": "count",
    **{name: field.kind for name, field in FIELDS.items()},
    **dict.fromkeys(COUNTED, "count"),
}
"""What the columns hold that Sizer knows."""
LONG_IDS: Kind = "choice"
"""What the ids of a space of more than 2^63 - 1 networks are: decimal text."""
_OF_BLOCKS = frozenset({*MODEL_PARTS, "trained_weights", "buffer_values"})


def is_counted(column: str) -> bool:
    """Return whether a column is a counted one by its name, of models of blocks too."""
    return column in COUNTED or column in _OF_BLOCKS or column.startswith(MACS) or column.endswith(OF_BLOCK)


def is_of_blocks(column: str) -> bool:
    """Return whether a column can be one of a model of blocks alone: a path, or what is counted of one."""
    return column not in KNOWN and (is_counted(column) or _PATH.fullmatch(column) is not None)


def is_of_a_layer(column: str) -> bool:
    """Return whether a column is a field of one layer, as the tables of spaces have them."""
    return _LAYER.fullmatch(column) is not None


_PATH = re.compile(r"[A-Za-z_]\w*(\.\w+)+", re.ASCII)
_LAYER = re.compile(r".+\.\d+", re.ASCII)

TYPES: dict[Kind, str] = {"count": "BIGINT", "boolean": "BOOLEAN", "choice": "VARCHAR"}
"""Kind -> what DuckDB calls it."""
AS_SHOWN: dict[Kind, str] = {"count": "whole numbers", "boolean": "true and false", "choice": "words"}
"""Kind -> what a person calls it."""


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
    table: str
    """Its files as SQL that can stand behind FROM."""
    is_shielded: bool = False
    """Whether words stand in it as `shielded` makes them."""
    verified: bool = False
    """Whether its files are those that a manifest names."""

    def source(self, columns: Mapping[str, Kind], place: int) -> str:
        """Return SQL for its rows.

        Args:
            columns: of the whole, in order; those that it lacks are NULL.
            place: its own, which stands in the column `PLACE`.
        """
        chosen = [f"{place} AS {identifier(PLACE)}"]
        for name, kind in columns.items():
            # A result that a query made may have a column `result` of its own, where it stands alone.
            otherwise = literal(self.name) if name == RESULT else "NULL"
            value = identifier(name) if name in self.columns else otherwise
            if self.is_shielded and kind == "choice" and name in self.columns:
                value = bare_words(value)
            chosen.append(f"CAST({value} AS {TYPES[kind]}) AS {identifier(name)}")
        return f"(SELECT {', '.join(chosen)} FROM {self.table})"


def order_key(kinds: Mapping[str, Kind], column: str, value: str | None = None) -> str:
    """Return SQL for what rows are ordered by: ids that are text stand in the order of their numbers.

    Args:
        kinds: of the columns.
        column: its name.
        value: SQL for a value of it; None: the column's own.
    """
    said = identifier(column) if value is None else value
    return f"row(length({said}), {said})" if column == "id" and kinds.get("id") == LONG_IDS else said


def fault(name: str, message: str, path: str = "") -> InputError:
    """Return what is wrong with a result, as the error to raise."""
    return InputError([Fault(name, 0, 0, path, message)])


def check_columns(name: str, columns: Sequence[str]) -> None:
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


def pattern(file: Path) -> str:
    """Return a path as SQL; DuckDB takes names for patterns."""
    text = str(file.resolve())
    return literal("".join(f"[{character}]" if character in "[*?" else character for character in text))
