"""How many examples a property is tried with, its own number in CI, a share in a quick run; and how many it looked at."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import ParamSpec

from hypothesis import settings

Parameters = ParamSpec("Parameters")


QUICK = settings().max_examples < settings.get_profile("default").max_examples
"""Whether this is a quick run; `tests/conftest.py` decides, before any test is imported."""


def examples(thorough: int) -> int:
    """Return how many examples, of a property's own number, are tried now.

    Args:
        thorough: how many in CI, where `tests/conftest.py` has loaded the profile of that name.
    """
    return max(min(thorough, 10), thorough * settings().max_examples // 100)


_SEEN: Counter[str] = Counter()


def saw(what: str) -> None:
    """Say that an example of a kind was looked at, where a property passes over some."""
    _SEEN[what] += 1


def seeing(**least: int) -> Callable[[Callable[Parameters, None]], Callable[Parameters, None]]:
    """Hold a property that passes over some of its examples to have looked at enough of each kind.

    Args:
        least: kinds, as `saw` names them, and how many there must be in CI; a quick run must see its share.
    """

    def decorate(test: Callable[Parameters, None]) -> Callable[Parameters, None]:
        @functools.wraps(test)
        def held(*arguments: Parameters.args, **named: Parameters.kwargs) -> None:
            _SEEN.clear()
            test(*arguments, **named)
            few = {what: _SEEN[what] for what, number in least.items() if _SEEN[what] < share(number)}
            assert not few, f"too few were looked at: {few} of {dict(_SEEN)}; at least {least} in a thorough run"

        return held

    return decorate


def share(thorough: int) -> int:
    """Return how many of so many there must be now, 1 at least; among few examples chance is given more room."""
    examples = settings().max_examples
    return max(1, thorough * examples // (100 if examples >= 100 else 300))
