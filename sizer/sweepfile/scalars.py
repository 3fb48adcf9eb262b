"""Plain YAML scalars become values, and those that YAML readers disagree about become words on what to write.

YAML 1.1 and 1.2 read `no`, `010` and `1:30` differently. A sweep file means one thing in every reader, so such
scalars are refused rather than guessed at. Quoted scalars never come here: they are text.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from sizer.errors import quoted

DIGIT_LIMIT = 1000
"""More digits than any size has; Python itself refuses to print more than 4,300."""

_WORDS_OF_YES = frozenset({"yes", "on", "y"})
_WORDS_OF_NO = frozenset({"no", "off", "n"})
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(
    r"(?P<mantissa>[-+]?(0|[1-9][0-9]*)?\.[0-9]+|[-+]?(0|[1-9][0-9]*)\.?)([eE](?P<exponent>[-+]?[0-9]+))?"
)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_OTHER_BASE = re.compile(r"[-+]?0([xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)")
_BASE_SIXTY = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_UNDERSCORES = re.compile(r"[-+]?[0-9]+_[0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)


class AmbiguousScalarError(ValueError):
    """YAML readers disagree about the scalar; the message says what to write instead."""


def read_plain(text: str) -> int | float | bool | str | None:
    """Return the value of a plain (unquoted) scalar.

    Whole numbers are ints, also where they are written with an exponent (`1e6`); decimals are floats, whose exact
    text the caller keeps; `true` and `false` are booleans; nothing, `~` and `null` are None; the rest is text.

    Raises:
        AmbiguousScalarError: YAML readers disagree about the scalar, or it is no finite number of a sane length.

    Example:
        >>> read_plain("1e6"), read_plain("0.25"), read_plain("10M")
        (1000000, 0.25, '10M')
    """
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
        return text[0] in "tT"
    _refuse_ambiguous(text)
    if _WHOLE.fullmatch(text):
        _refuse_length(text)
        return int(text)
    decimal = _DECIMAL.fullmatch(text)
    if decimal is None:
        return text
    return _read_decimal(text, decimal["exponent"])


def _read_decimal(text: str, exponent: str | None) -> int | float:
    _refuse_length(text)
    if exponent is not None:
        if len(exponent) > len("+000") or abs(int(exponent)) >= DIGIT_LIMIT:
            raise AmbiguousScalarError(f"{quoted(text)} is too large or too small a number")
        exact = Fraction(text)
        if exact.denominator == 1:
            return exact.numerator
    value = float(text)
    if math.isinf(value):
        raise AmbiguousScalarError(f"{quoted(text)} is too large a number")
    return value


def _refuse_length(text: str) -> None:
    if len(text) > DIGIT_LIMIT:
        raise AmbiguousScalarError(f"{quoted(text)} has {len(text):,} characters, which is too long for a number")


def _refuse_ambiguous(text: str) -> None:
    word = text.lower()
    if word in _WORDS_OF_YES | _WORDS_OF_NO:
        meant = "true" if word in _WORDS_OF_YES else "false"
        raise AmbiguousScalarError(
            f"{quoted(text)} is {meant} to some YAML readers and a word to others; "
            f'write {meant}, or "{text}" in quotes where the word is meant'
        )
    if _LEADING_ZERO.fullmatch(text):
        plain = text.lstrip("+-").lstrip("0") or "0"
        hint = ", and no separators between thousands" if len(text) == len("000") else ""
        raise AmbiguousScalarError(
            f"{quoted(text)} starts with a zero, which some YAML readers take as base 8; "
            f"write {plain if plain[0].isdigit() else '0' + plain}{hint}"
        )
    if _OTHER_BASE.fullmatch(text):
        raise AmbiguousScalarError(f"{quoted(text)} is not a decimal number; write it in base 10")
    if _BASE_SIXTY.fullmatch(text):
        raise AmbiguousScalarError(
            f"{quoted(text)} is a number in base 60 to some YAML readers and a word to others; "
            "write a whole number, or put it in quotes"
        )
    if _NO_NUMBER.fullmatch(text):
        raise AmbiguousScalarError(f"{quoted(text)} is not a count; write a whole number")
    if _UNDERSCORES.fullmatch(text):
        raise AmbiguousScalarError(
            f"{quoted(text)} is a number to some YAML readers and a word to others; write {text.replace('_', '')}"
        )
