"""A bound of a budget as people write it: `10M` weights, `int8_bytes=2MB`; the same wherever one is asked for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sizer.errors import quoted
from sizer.networks.columns import BYTES, COUNTED
from sizer.networks.counting import did_you_mean
from sizer.sizes import is_bytes, parse_size, whole_number_problem


def split_bound(text: str) -> tuple[str, str]:
    """Return the column and the size of a bound; without a column it is on the weights.

    Example:
        >>> split_bound("10M"), split_bound("int8-bytes = 2MB")
        (('weights', '10M'), ('int8_bytes', '2MB'))
    """
    column, equals, size = text.partition("=")
    return (column.strip().replace("-", "_"), size.strip()) if equals else ("weights", text.strip())


def column_problem(column: str, choice: str = "", known: Collection[str] = COUNTED) -> str:
    """Return what to say of a column that is not counted; nothing where it is.

    Args:
        column: its name.
        choice: says which there are, where none is nearly called that; left out, all of them.
        known: those that are counted.
    """
    if column in known:
        return ""
    return f"no column named {quoted(column)}{did_you_mean(column, known) or choice or '; one of ' + ', '.join(known)}"


def read_size(item: Any, column: str) -> int:
    """Return the end of a bound on a counted column.

    Args:
        item: a size as text, of bytes where the column counts them, or a whole number.
        column: its name.

    Raises:
        ValueError: it is neither, or below 0.
    """
    if isinstance(item, str):
        if column == "weights" and is_bytes(item):
            raise ValueError(bytes_problem(item, "{column}={size}"))
        return parse_size(item, in_bytes=column in BYTES)
    if hasattr(item, "__index__") and not isinstance(item, bool):
        value = int(item.__index__())
        if value < 0:
            raise ValueError(f"{value} is below the minimum, 0")
        return value
    raise ValueError(whole_number_problem(item))


def bytes_problem(item: str, as_written: str) -> str:
    """Return what to say of a size in bytes that bounds the weights, and what to write.

    Args:
        item: the size.
        as_written: how a bound is written where it stands, with `{column}` and `{size}`.

    Example:
        >>> bytes_problem("20MB", "{column}={size}")
        "'20MB' is a size in bytes, and weights are counted; write float32_bytes=20MB, or int8_bytes=20MB for 8-bit weights"
    """
    ways = [as_written.format(column=name, size=quoted(item)[1:-1]) for name in ("float32_bytes", "int8_bytes")]
    said = f"{quoted(item)} is a size in bytes, and weights are counted"
    return f"{said}; write {ways[0]}, or {ways[1]} for 8-bit weights"
