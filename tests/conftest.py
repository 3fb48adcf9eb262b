"""How much is tried: quickly where a person runs the tests, thoroughly in CI.

    pytest                  the quick tier: what needs no processes and no long storms, fewer examples of each property
    pytest -m ""            everything, every property at its full number of examples; what CI runs

Where all tests are run in a quick run, and pytest-xdist is there, every core has its share; `-n 0` keeps them together.

A test is marked `process` where it starts processes of its own and a quicker one asks the same in this process, and
`thorough` where it is long and a quicker one of the same kind stays. Both are left out by `addopts`.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("thorough", max_examples=100, deadline=None)
# The same examples in every quick run: one that fails by chance alone would be no news to who runs it first.
settings.register_profile("quick", max_examples=12, deadline=None, derandomize=True)


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples there are, before the tests are imported: `tests.examples` asks."""
    settings.load_profile("quick" if "not thorough" in config.getoption("markexpr") else "thorough")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Share all tests of a quick run among the cores; a few are quicker without the workers' start."""
    alone = hasattr(config, "workerinput") or not config.pluginmanager.hasplugin("xdist")
    if alone or "not thorough" not in config.getoption("markexpr"):
        return
    every = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if every and config.option.numprocesses is None and not config.option.usepdb and not config.option.collectonly:
        config.option.numprocesses = (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        )
        # Neighbours stay together, as far as it goes: they share servers and tables.
        config.option.dist = "worksteal"
