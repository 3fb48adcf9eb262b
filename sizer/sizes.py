"""Sizes as people write them ("10M", "2MiB") become whole numbers, and whole numbers become words."""

from __future__ import annotations

import re
from fractions import Fraction

from sizer.errors import quoted

_SIZE = re.compile(
    r"(?P<number>[0-9]+(\.[0-9]+)?|\.[0-9]+)(e\+?(?P<exponent>[0-9]{1,3}))?(?P<unit>[a-z]*)", re.IGNORECASE | re.ASCII
)
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3}){1,300}")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12}
_BYTE_UNITS = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_EXACT_BELOW = 1000
_LONGEST = 1000
"""Characters; Python refuses to read numbers of more than 4,300 digits."""


def parse_size(text: str, *, in_bytes: bool = False) -> int:
    """Return the whole number that a size such as `10M`, `10.5K`, `1e6` or `2B` stands for.

    Args:
        text: decimal, case-insensitive, no spaces or separators inside.
        in_bytes: also take `2MB` (decimal) and `2MiB` (binary), as budgets on bytes do. `2B` is then 2 bytes.

    Raises:
        ValueError: the text is no size, or is not a whole number.

    Example:
        >>> parse_size("10.5K"), parse_size("1e6"), parse_size("2B"), parse_size("2MiB", in_bytes=True)
        (10500, 1000000, 2000000000, 2097152)
    """
    match = _SIZE.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None and _THOUSANDS.fullmatch(text):
        raise ValueError(written_without_commas(text))
    if match is None:
        raise ValueError(f"{quoted(text)} is not a size; write it as 10000000, 10M or 1e7")
    units = {**_UNITS, **_BYTE_UNITS} if in_bytes else _UNITS
    unit = match["unit"].lower()
    if unit not in units:
        if unit in _BYTE_UNITS:
            raise ValueError(f"{quoted(text)} is a size in bytes, but a count is needed here; write 10M or 1e7")
        raise ValueError(
            f"{quoted(text)} has no known unit; the units are K, M, B and T"
            + (", KB, MB, KiB, MiB ..." if in_bytes else "")
        )
    value = Fraction(match["number"]) * 10 ** int(match["exponent"] or 0) * units[unit]
    if value.denominator != 1:
        raise ValueError(f"{quoted(text)} is not a whole number")
    return int(value)


def is_bytes(text: str) -> bool:
    """Return whether a size is one in bytes, and no number of things.

    Example:
        >>> is_bytes("20MB"), is_bytes("2MiB"), is_bytes("2B"), is_bytes("20M")
        (True, True, False, False)
    """
    match = _SIZE.fullmatch(text) if len(text) <= _LONGEST else None
    return match is not None and match["unit"].lower() in _BYTE_UNITS.keys() - _UNITS.keys()


def written_without_commas(text: str) -> str:
    """Return what to say of a number with commas between thousands.

    Example:
        >>> written_without_commas("5,000,000")
        "sizes are written without commas: '5,000,000' is 5000000 or 5M"
    """
    plain = text.replace(",", "")
    value = int(plain)
    units = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K"))
    short = next(
        (
            f" or {value / size:g}{unit}"
            for size, unit in units
            if size <= value < 1000 * size and value * 10 % size == 0
        ),
        "",
    )
    return f"sizes are written without commas: {quoted(text)} is {plain}{short}"


def whole_number_problem(value: object) -> str:
    """Return what to say of a value that is no whole number, and what to write where it is one in all but its form.

    Example:
        >>> whole_number_problem(80.0), whole_number_problem(True)
        ('80.0 is not a whole number; write 80', "'True' is not a whole number")
    """
    if not isinstance(value, float):
        return f"{quoted(value)} is not a whole number"
    return f"{value} is not a whole number" + (f"; write {int(value)}" if value.is_integer() else "")


def rounded_size(value: int) -> str:
    """Return a number as a glance takes it in: three digits and K, M or B.

    Example:
        >>> rounded_size(21166080), rounded_size(784), rounded_size(999950)
        ('21.2M', '784', '1.0M')
    """
    for power, unit in ((10**3, "K"), (10**6, "M"), (10**9, "B"), (10**12, "T")):
        if value < _EXACT_BELOW:
            return str(value)
        tenths = (value * 20 + power) // (2 * power)
        if tenths < 10 * _EXACT_BELOW or unit == "T":
            return f"{tenths // 10:,}.{tenths % 10}{unit}"
    raise AssertionError("unreachable: the last unit always answers")


def rounded_bytes(value: int) -> str:
    """Return bytes as a glance takes them in, in decimal units.

    Example:
        >>> rounded_bytes(84664320), rounded_bytes(999)
        ('84.7 MB', '999 bytes')
    """
    if value < _EXACT_BELOW:
        return f"{value} bytes"
    text = rounded_size(value)
    return f"{text[:-1]} {text[-1].replace('B', 'G').replace('K', 'k')}B"
