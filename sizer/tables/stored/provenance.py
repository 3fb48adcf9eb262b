"""What a table or a manifest says of itself becomes something to rely on: it is of the kinds that a run writes, or nothing.

Anybody can write such words into a file. What is not of its kind was not said by a run, and then nothing of it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sizer.errors import is_text

_LARGEST = 10**300
"""Larger than any bound; what draws and what a browser reads has no numbers past 10**308."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and is_text(value)


def _is_name(value: Any) -> bool:
    return _is_text(value) and bool(value)


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _is_list(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(of, value))


def _is_table(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(is_text, value)) and all(map(of, value.values()))


def _is_bound(value: Any) -> bool:
    known = isinstance(value, dict) and value.keys() <= {"min", "max"}
    return known and all(end is None or _is_number(end) for end in value.values())


_KINDS: dict[str, Callable[[Any], bool]] = {
    "sizer": _is_text,
    "name": _is_name,
    "sweep_sha256": _is_text,
    "sweep": _is_text,
    "conventions": _is_list(_is_text),
    "budget": _is_table(_is_bound),
    "where": _is_list(_is_text),
    "columns": _is_list(_is_text),
    "configurations": _is_number,
    "kept": _is_number,
    "not_valid": _is_table(_is_number),
    "outside_budget": _is_table(_is_table(_is_number)),
    "excluded": _is_table(_is_number),
    "files": _is_table(_is_text),
}
_ACCOUNT = ("configurations", "not_valid", "outside_budget", "excluded", "kept")
_ENDS = {"over": "max", "under": "min"}


def reliable(said: Any) -> Mapping[str, Any]:
    """Return what was said, or nothing where it is not what a run says."""
    if not isinstance(said, dict) or not all(_KINDS[key](value) for key, value in said.items() if key in _KINDS):
        return {}
    return said if "kept" not in said or _is_account(said) else {}


def _is_account(said: Mapping[str, Any]) -> bool:
    """Return whether it says where every configuration went, and which bound kept each of them out."""
    if any(key not in said for key in _ACCOUNT):
        return False
    bounds = said.get("budget", {})
    return all(
        end in _ENDS and bounds.get(column, {}).get(_ENDS[end]) is not None
        for column, ends in said["outside_budget"].items()
        for end in ends
    )
