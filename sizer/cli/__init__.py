"""The command line: what a person types becomes calls of the library, and its values become text.

    app             the commands by name, each from the file of its kind. Begin here
    edge, reporting what leaves the process: output, faults, exit codes
    screens, progress   what stands on the terminal beside the answers, which say themselves how they are read

What goes in are words of a shell, what comes out are lines on stdout, faults on stderr and an exit code.
"""

from __future__ import annotations

import os
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; the process ends with 0 done, 1 faults in the input, 2 usage, 3 not finished, 4 a framework differs.

    Args:
        arguments: what a person types behind `sizer`; None for those of the process.
    """
    # Arrow reads this when it is imported. Its own pools keep memory that a long run never uses again: 390 MB instead of
    # 280 for 10^9 rows, at the same speed.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from sizer.cli.edge import run

    def command() -> None:
        from sizer.cli.app import app

        app(arguments)

    run(command)
