"""Rows of the csv files in this folder become figures: a network in Sizer's words and what was stated about it."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}
ABOUT = ("id", "weights", "stated", "exact", "evidence", "source", "explanation")
"""The columns that say something about a figure; every other column is a field of the network."""


@dataclass(frozen=True)
class Figure:
    """One row."""

    name: str
    network: dict[str, Any]
    weights: int
    stated: str
    exact: bool
    evidence: str
    source: str
    explanation: str
    file: str


def read_figures(path: Path) -> list[Figure]:
    with path.open(encoding="utf-8", newline="") as lines:
        return [_figure(row, path.name) for row in csv.DictReader(lines, strict=True)]


def count_figures() -> list[Figure]:
    """Return every figure that Sizer must reproduce."""
    return [figure for path in sorted(HERE.glob("*_counts.csv")) for figure in read_figures(path)]


def _figure(row: dict[str, str], file: str) -> Figure:
    return Figure(
        name=row["id"],
        network={name: _value(text) for name, text in row.items() if name not in ABOUT and text != ""},
        weights=int(row["weights"]),
        stated=row["stated"],
        exact={"true": True, "false": False}[row["exact"]],
        evidence=row["evidence"],
        source=row["source"],
        explanation=row.get("explanation", ""),
        file=file,
    )


def _value(text: str) -> Any:
    if text in {"true", "false"}:
        return text == "true"
    if re.fullmatch(r"\d+( \d+)+", text):
        return [int(number) for number in text.split()]
    return int(text) if text.isdecimal() else text


def stated_size(stated: str) -> tuple[Fraction, Fraction]:
    """Return a printed figure and the step of its last printed digit: `21.3M` is 21,300,000 in steps of 100,000."""
    match = re.fullmatch(r"([\d,]+)(?:\.(\d+))?([KMB]?)", stated)
    assert match is not None, stated
    whole, decimals, unit = match[1].replace(",", ""), match[2] or "", UNITS[match[3]]
    step = Fraction(unit, 10 ** len(decimals))
    return int(whole + decimals) * step, step


def rounds_to(weights: int, stated: str) -> bool:
    """Return whether a count, rounded half up to the printed digits, is the printed figure."""
    size, step = stated_size(stated)
    return (weights + step / 2) // step * step == size


def truncates_to(weights: int, stated: str) -> bool:
    """Return whether a count, cut at the printed digits, is the printed figure."""
    size, step = stated_size(stated)
    return weights // step * step == size
