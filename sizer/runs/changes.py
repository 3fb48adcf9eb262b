"""Two orders of runs become the list of what differs between them, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sizer.errors import quoted
from sizer.sweepfile.yamltext import read_yaml

_MOST = 8
_WORDS = {
    "sizer": "sizer's version",
}


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs between two orders, one line each; empty where they are the same.

    Args:
        before: an order, or a manifest, which holds one.
        now: an order.
    """
    found: list[str] = []
    if before.get("sweep_sha256") != now["sweep_sha256"]:
        found.extend(_in_sweep(str(before.get("sweep", "")), str(now["sweep"])))
        if not found:
            found.append("the sweep's comments or layout, which are stored in the tables")
    said = {change.partition(":")[0].partition(".")[0] for change in found}
    if "grid" in said:
        said.add("columns")
    keys = ("sizer", "budget", "where", "columns", "formats", "parquet_encoding", "csv_dialect", "gzip", "keep", "sort")
    different = [key for key in keys if key not in said and before.get(key) != now.get(key)]
    return found + [_said(_WORDS.get(key, key), before.get(key), now.get(key)) for key in different]


def _in_sweep(before: str, now: str) -> list[str]:
    old, new = (dict(_leaves(read_yaml(text, "").data)) for text in (before, now))
    found = [_said(path, old.get(path), new.get(path)) for path in {**old, **new} if old.get(path) != new.get(path)]
    if len(found) > _MOST:
        found[_MOST - 1 :] = [f"and {len(found) - _MOST + 1} more"]
    return found


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, value) for whatever is no mapping; a list is one value."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _said(what: str, before: Any, now: Any) -> str:
    return f"{what}: {_value(before)} before, {_value(now)} now"


def _value(value: Any) -> str:
    if value is None:
        return "not there"
    text = ", ".join(map(str, value)) if isinstance(value, list) and value else str(value)
    return text if len(text) <= 60 and isinstance(value, (int, str)) and not isinstance(value, str) else quoted(text)
