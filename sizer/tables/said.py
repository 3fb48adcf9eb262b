"""What a table or a manifest says of its run, before anybody relies on it: other people's programs write such words, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sizer.errors import is_text, quoted


def odd_part(said: Mapping[str, Any]) -> str:
    """Return the part that no run says, such as `budget.weights.max is 'x'`; empty where there is none.

    Example:
        >>> odd_part({"name": "speech", "budget": {"weights": {"max": 10}}}), odd_part({"kept": "many"})
        ('', "kept is 'many'")
    """
    return next((odd for key, check in _PARTS.items() if key in said and (odd := check(key, said[key]))), "") or (
        _unbounded(said)
    )


def _text(path: str, value: Any) -> str:
    return "" if isinstance(value, str) and is_text(value) else _is(path, value)


def _name(path: str, value: Any) -> str:
    return _text(path, value) or ("" if value else _is(path, value))


def _count(path: str, value: Any) -> str:
    return "" if type(value) is int and value >= 0 else _is(path, value)


def _bound(path: str, value: Any) -> str:
    return "" if value is None else _count(path, value)


def _texts(path: str, value: Any) -> str:
    if not isinstance(value, list):
        return _is(path, value)
    return next((odd for place, item in enumerate(value) if (odd := _text(f"{path}[{place}]", item))), "")


def _table(check: Callable[[str, Any], str]) -> Callable[[str, Any], str]:
    """Return the check of an object whose values are all of one kind."""

    def checked(path: str, value: Any) -> str:
        if not isinstance(value, dict):
            return _is(path, value)
        odd = next((f"{path} names {quoted(name)}" for name in value if not is_text(name)), "")
        return odd or next((odd for name, item in value.items() if (odd := check(f"{path}.{name}", item))), "")

    return checked


def _is(path: str, value: Any) -> str:
    shown = " ".join(ascii(value).split()) if not isinstance(value, str) else value
    return f"{path} is {quoted(shown.encode('ascii', 'backslashreplace').decode())}"


_PARTS: dict[str, Callable[[str, Any], str]] = {
    "sizer": _text,
    "name": _name,
    "sweep": _text,
    "sweep_sha256": _text,
    "conventions": _texts,
    "where": _texts,
    "columns": _texts,
    "budget": _table(_table(_bound)),
    "configurations": _count,
    "kept": _count,
    "not_valid": _table(_count),
    "outside_budget": _table(_table(_count)),
    "excluded": _table(_count),
    "files": _table(_text),
}
_ACCOUNT = ("configurations", "not_valid", "outside_budget", "excluded")


def _unbounded(said: Mapping[str, Any]) -> str:
    """Return what is missing of the account of a run that says how many configurations it kept."""
    if "kept" not in said:
        return ""
    for key in _ACCOUNT:
        if key not in said:
            return f"kept without {key}"
    for column, ends in said["outside_budget"].items():
        for end in ends:
            limit = {"over": "max", "under": "min"}.get(end, "")
            if said.get("budget", {}).get(column, {}).get(limit) is None:
                return f"outside_budget.{column}.{end} without its bound"
    return ""
