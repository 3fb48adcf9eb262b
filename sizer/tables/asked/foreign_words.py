"""Words of other people's tables become words that no spreadsheet takes for a formula, and these become what they were.

A program that opens CSV runs a cell that begins with `=`, `+`, `-` or `@`, whether it stands in quotes or not. Such a word
gets an apostrophe in front, by which spreadsheets mark a text. A word that looks so already gets one more, so that
reading takes away exactly what writing gave. Numbers stay: `-0.5` is no formula. The words of a run's own tables are
names, and never touched.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

_BLANK = r"[\x00-\x20\x{a0}\x{feff}]*"
_FORMULA = rf"^'*(?:{_BLANK}[=+\-@\x{{ff1d}}\x{{ff0b}}\x{{ff0d}}\x{{ff20}}]|[\t\r\n])"
"""In RE2's words, which are Arrow's and DuckDB's. The last four are the wide forms that spreadsheets in Japanese take."""
_NUMBER = r"^[+\-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+\-]?[0-9]+)?%?$"
_IN_PYTHON = re.compile(re.sub(r"\\x\{(\w+)\}", lambda found: f"\\u{int(found[1], 16):04x}", _FORMULA))
_NUMBER_IN_PYTHON = re.compile(_NUMBER[:-1] + r"\Z")


def shielded(table: pa.Table) -> pa.Table:
    """Return a table of which no word is a formula."""
    for place, field in enumerate(table.schema):
        if not pa.types.is_string(field.type):
            continue
        # A word of a table is there many times.
        words = pc.unique(table.column(place)).drop_null()
        risky = pc.and_(pc.match_substring_regex(words, _FORMULA), pc.invert(pc.match_substring_regex(words, _NUMBER)))
        if pc.any(risky).as_py():
            column = table.column(place)
            found = pc.is_in(column, value_set=words.filter(risky))
            marked = pc.binary_join_element_wise("'", column, "")
            table = table.set_column(place, field, pc.if_else(found, marked, column))
    return table


def shielded_name(name: str) -> str:
    """Return a column's name that is no formula.

    Example:
        >>> shielded_name("=1+1"), shielded_name("cells"), shielded_name("-0.5")
        ("'=1+1", 'cells', '-0.5')
    """
    return f"'{name}" if _IN_PYTHON.match(name) and not _NUMBER_IN_PYTHON.match(name) else name


def bare_name(name: str) -> str:
    """Return the name that a shielded one stands for.

    Example:
        >>> bare_name("'=1+1"), bare_name("''=1+1"), bare_name("'note'")
        ('=1+1', "'=1+1", "'note'")
    """
    return name[1:] if name.startswith("'") and shielded_name(name[1:]) != name[1:] else name


def bare_words(column: str) -> str:
    """Return SQL for the words that a column of shielded ones stands for.

    Args:
        column: SQL.
    """
    rest = f"substr({column}, 2)"
    risky = f"regexp_matches({rest}, '{_doubled(_FORMULA)}') AND NOT regexp_matches({rest}, '{_doubled(_NUMBER)}')"
    return f"CASE WHEN {column}[1] = '''' AND {risky} THEN {rest} ELSE {column} END"


def _doubled(pattern: str) -> str:
    return pattern.replace("'", "''")
