"""The command line: `sizer run`, `validate`, `explain`, `compare`, `init`, `schema`, `conventions`."""

from __future__ import annotations


def main() -> None:
    """Run the command line; the process ends with 0 done, 1 faults in the input, 2 usage, 3 not finished."""
    from sizer.cli.app import app

    app()
