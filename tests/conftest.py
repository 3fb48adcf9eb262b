"""How much is tried: quickly where a person runs the tests, thoroughly in CI.

    pytest                  the quick tier: what needs no processes and no long storms, fewer examples of each property
    pytest -m ""            everything, every property at its full number of examples; what CI runs

A test is marked `process` where it starts processes of its own and a quicker one asks the same in this process, and
`thorough` where it is long and a quicker one of the same kind stays. Both are left out by `addopts`.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("thorough", max_examples=100, deadline=None)
settings.register_profile("quick", max_examples=12, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples there are, before the tests are imported: `tests.examples` asks."""
    settings.load_profile("quick" if "not thorough" in config.getoption("markexpr") else "thorough")
