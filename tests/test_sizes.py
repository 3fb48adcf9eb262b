"""Sizes as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizer.sizes import parse_size, rounded_bytes, rounded_size


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("10000000", 10**7),
        ("10M", 10**7),
        ("10m", 10**7),
        ("10.5K", 10500),
        (".5k", 500),
        ("1e6", 10**6),
        ("1E+6", 10**6),
        ("1.5e3K", 1_500_000),
        ("2B", 2 * 10**9),
        ("2g", 2 * 10**9),
        ("1T", 10**12),
    ],
)
def test_size(text: str, value: int) -> None:
    assert parse_size(text) == value
    assert type(parse_size(text)) is int


@pytest.mark.parametrize(
    ("text", "value"),
    [("2B", 2), ("2MB", 2_000_000), ("2MiB", 2 * 2**20), ("1.5kib", 1536), ("3gB", 3 * 10**9), ("1TiB", 2**40), ("2M", 2 * 10**6)],
)  # fmt: skip
def test_size_in_bytes(text: str, value: int) -> None:
    assert parse_size(text, in_bytes=True) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a size; write it as 10000000, 10M or 1e7"),
        (" 10M", "' 10M' is not a size; write it as 10000000, 10M or 1e7"),
        ("10 M", "'10 M' is not a size; write it as 10000000, 10M or 1e7"),
        ("-1", "'-1' is not a size; write it as 10000000, 10M or 1e7"),
        ("1,000", "sizes are written without commas: '1,000' is 1000 or 1K"),
        ("١٠", "'١٠' is not a size; write it as 10000000, 10M or 1e7"),
        ("1e9999", "'1e9999' is not a size; write it as 10000000, 10M or 1e7"),
        ("9" * 1001, f"'{'9' * 79}…' is not a size; write it as 10000000, 10M or 1e7"),
        ("10X", "'10X' has no known unit; the units are K, M, B and T"),
        ("2MB", "'2MB' is a size in bytes, but a count is needed here; write 10M or 1e7"),
        ("1.5", "'1.5' is not a whole number"),
        ("1.0005K", "'1.0005K' is not a whole number"),
    ],
)
def test_no_size(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        parse_size(text)
    assert str(caught.value) == message


def test_unknown_unit_of_bytes() -> None:
    with pytest.raises(
        ValueError, match=r"^'2XB' has no known unit; the units are K, M, B and T, KB, MB, KiB, MiB \.\.\.$"
    ):
        parse_size("2XB", in_bytes=True)


@given(value=st.integers(0, 10**30))
def test_whole_numbers_read_as_themselves(value: int) -> None:
    assert parse_size(str(value)) == value
    assert parse_size(f"{value}K") == 1000 * value


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0K"), (999_949, "999.9K"), (999_950, "1.0M"), (21_166_080, "21.2M"), (10**15, "1,000.0T")],
)  # fmt: skip
def test_rounded_size(value: int, text: str) -> None:
    assert rounded_size(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(999, "999 bytes"), (1500, "1.5 kB"), (84_664_320, "84.7 MB"), (2 * 10**9, "2.0 GB")]
)
def test_rounded_bytes(value: int, text: str) -> None:
    assert rounded_bytes(value) == text
