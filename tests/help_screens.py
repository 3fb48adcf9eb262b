"""Help as a terminal shows it, for each command: what `tests/help_screens/` records.

    python -m tests.help_screens --write

records it anew, where a change of it is meant.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from sizer.cli.app import app
from sizer.cli.help_pages import page

FOLDER = Path(__file__).parent / "help_screens"
WIDTHS = (80, 120)
GROUP: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = {"sizer": GROUP, **GROUP.commands}


def screen(name: str, width: int) -> str:
    """Return the help of a command, or of `sizer` itself."""
    command = COMMANDS[name]
    outer = GROUP.make_context("sizer", ["explain"], resilient_parsing=True)
    context = outer if command is GROUP else command.make_context(name, [], parent=outer, resilient_parsing=True)
    return page(command, context, width) + "\n"


def recorded(name: str, width: int) -> Path:
    """Return the file that holds a screen."""
    return FOLDER / f"{name}.{width}.txt"


def main() -> None:
    """Record every screen, and drop those of commands that are gone."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.txt"):
        path.unlink()
    for name in COMMANDS:
        for width in WIDTHS:
            recorded(name, width).write_text(screen(name, width))


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    main()
