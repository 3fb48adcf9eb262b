"""What a person gives to a function of the library is held against its annotations: another kind of value is a fault."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, SupportsIndex, TypeVar

from sizer.errors import Fault, InputError, quoted

_P = ParamSpec("_P")
_R = TypeVar("_R")


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return a function that says of a value of another kind which parameter it was given for.

    Parameters are told apart by their annotations; one with an annotation that `_KINDS` does not hold is not looked at.
    None stands for the default of a parameter that has one, unless it says something of its own.
    """
    signature = inspect.signature(function)
    kinds = {
        name: _KINDS[str(one.annotation)] for name, one in signature.parameters.items() if one.annotation in _KINDS
    }
    defaults = {
        name: None if str(one.annotation).endswith("None") else one.default
        for name, one in signature.parameters.items()
        if name in kinds and one.default is not one.empty
    }

    @functools.wraps(function)
    def called(*given: _P.args, **named: _P.kwargs) -> _R:
        bound = signature.bind(*given, **named)
        faults = []
        for name, value in bound.arguments.items():
            if name not in kinds:
                continue
            is_one, words = kinds[name]
            if value is None and name in defaults:
                bound.arguments[name] = defaults[name]
            elif not is_one(value):
                faults.append(Fault("", 0, 0, name, f"{quoted(value)} {words}"))
            elif is_one is _is_flag:
                bound.arguments[name] = bool(value)
        if faults:
            raise InputError(faults)
        return function(*bound.args, **bound.kwargs)

    return called


def check_fields(fields: object, name: str = "fields") -> None:
    """Raise where the fields of a network are no mapping.

    Raises:
        InputError: they are none.
    """
    if type(fields) is not dict and not isinstance(fields, Mapping):
        raise InputError([Fault("", 0, 0, name, f"{quoted(fields)} {_NO_NETWORK}")])


_NO_NETWORK = "is not a network; give a mapping of its fields"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, SupportsIndex)


def _is_flag(value: object) -> bool:
    # NumPy's own booleans too, told by their name: NumPy is slow to import.
    return (
        isinstance(value, bool) or (_is_number(value) and value in (0, 1)) or type(value).__name__ in {"bool", "bool_"}
    )


def _is_path(value: object) -> bool:
    return isinstance(value, (str, os.PathLike)) and isinstance(os.fspath(value), str)


def _are_texts(value: object) -> bool:
    """Return whether a value is text or some texts; what can be read once only is not read."""
    if isinstance(value, (list, tuple, set, dict)):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray))


def _is_budget(value: object) -> bool:
    return isinstance(value, (str, SupportsIndex)) or (
        isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray))
    )


_TEXTS = (_are_texts, "is neither text nor a list of texts")
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "str": (_is_text, "is not text"),
    "bool": (_is_flag, "is neither true nor false"),
    "str | int": (lambda value: _is_text(value) or _is_number(value), "is neither a number nor a size such as 10M"),
    "int": (_is_number, "is not a whole number"),
    "int | None": (_is_number, "is not a whole number"),
    "str | os.PathLike[str]": (_is_path, "is not a path"),
    "str | os.PathLike[str] | None": (_is_path, "is not a path"),
    "str | Sequence[str]": _TEXTS,
    "str | Sequence[str] | None": _TEXTS,
    "Sequence[str] | None": _TEXTS,
    "Mapping[str, Any]": (lambda value: isinstance(value, Mapping), _NO_NETWORK),
    "Mapping[str, Any] | None": (lambda value: isinstance(value, Mapping), "is not a mapping of definitions by name"),
    "str | int | Sequence[str | int] | Mapping[str, Any]": (
        _is_budget,
        "is not a budget; write 10M, a list, or bounds by column",
    ),
}
"""An annotation -> whether a value is of that kind, and what is said of one that is not."""
