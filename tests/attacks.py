"""Storms of hostile input: how many are tried, how each one ended, and the figures that the documents quote.

A storm is a seeded test in `tests/test_attack_*.py`. Quick by default; `make attack` sets `SIZER_ATTACK` to the file in
which the figures of the long storms are kept, and `percent=10` runs a tenth of them.

    with storm("bits flipped in tables", quick=60, long=2000, seed=1) as tried:
        for chance in tried:                    # a random.Random of its own for each attempt
            ...
            tried.ended("refused")              # once an attempt

Leaving the block fails where an attempt did not say how it ended, so that a storm cannot pass empty.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FIGURES = os.environ.get("SIZER_ATTACK", "")
"""The file of the figures; empty in a quick run."""
PERCENT = int(os.environ.get("SIZER_ATTACK_PERCENT", "100"))
"""The share of a long storm that is run; the figures say how many were tried."""


class Tried:
    """The attempts of one storm and how they ended."""

    def __init__(self, attempts: int, seed: int) -> None:
        self.attempts = attempts
        self.seed = seed
        self.outcomes: Counter[str] = Counter()

    def __iter__(self) -> Iterator[random.Random]:
        """Yield a source of chance for each attempt; the same for the same seed and place."""
        for place in range(self.attempts):
            yield random.Random(f"{self.seed} {place}")

    def ended(self, outcome: str) -> None:
        """Count how an attempt ended, in a word or two."""
        self.outcomes[outcome] += 1


@contextmanager
def storm(name: str, *, quick: int, long: int, seed: int) -> Iterator[Tried]:
    """Count the attempts of a storm, and write its figures down in a long run.

    Args:
        name: what is done to what, as the documents say it.
        quick: attempts in an ordinary run of the tests.
        long: attempts of `make attack`.
        seed: of the chance.
    """
    tried = Tried(max(quick, long * PERCENT // 100) if FIGURES else quick, seed)
    begun = time.perf_counter()
    yield tried
    seen = tried.outcomes.total()
    assert seen == tried.attempts, f"{name}: {tried.attempts} attempts, but {seen} ended: {dict(tried.outcomes)}"
    if FIGURES:
        path = Path(FIGURES)
        figures = json.loads(path.read_text()) if path.exists() else {}
        figures[name] = {
            "tried": tried.attempts,
            "outcomes": dict(sorted(tried.outcomes.items())),
            "seconds": round(time.perf_counter() - begun, 1),
        }
        path.write_text(json.dumps(dict(sorted(figures.items())), indent=1) + "\n")
