"""What a person defines, a cell type or a block type, is held to words that are known; what is wrong is said at its path."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sizer.errors import quoted

Path = tuple[str | int, ...]
Problem = tuple[Path, str]
"""Where in the definitions something is wrong, and what."""

_HINTED = 200
"""Problems after which no more words are compared with those that there are."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


def name_problems(name: object, of_what: str, path: Path) -> Iterator[Problem]:
    """Yield what is wrong with a name that a person gives to something."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield (
            path,
            f"{quoted(name)} cannot name {of_what}; use letters, digits and '_', start with a letter, at most 100 characters",
        )


def report_unknown(word: Any, known: Iterable[str], path: Path, problems: list[Problem]) -> None:
    """Note a word that is not known."""
    words = tuple(known)
    if word not in words:
        problems.append((path, f"{quoted(word)} is not known; {_hint(word, words, problems)}"))


def report_stray(given: Mapping[Any, Any], known: tuple[str, ...], path: Path, problems: list[Problem]) -> None:
    """Note each key that is not known."""
    for key in given:
        if key not in known:
            problems.append(((*path, key), f"no key named {quoted(key)}; {_hint(key, known, problems)}"))


def _hint(word: Any, known: tuple[str, ...], problems: list[Problem]) -> str:
    """Return the known word that was meant, or those that there are; past many problems nobody would read the first."""
    near = difflib.get_close_matches(str(word)[:100], known, n=1, cutoff=0.6) if len(problems) < _HINTED else []
    return f"did you mean {quoted(near[0])}?" if near else f"one of {', '.join(known)}"
