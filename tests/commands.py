"""Commands in this process, as Typer runs them: quicker than a process each, with the same streams and exit code."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from sizer.cli.app import app

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Done:
    """What a command came to, in the words of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str
    stdout_bytes: bytes


def run(*arguments: str | Path, cwd: Path = ROOT, variables: Mapping[str, str | None] | None = None) -> Done:
    """Run a command in a folder, in a pipe: nothing here is a terminal.

    What a command does not handle is raised here, so that it fails the test as a traceback would.

    Args:
        arguments: without `sizer` in front.
        cwd: the folder it runs in.
        variables: of the environment, besides those of this process; None takes one away.
    """
    environment = {"NO_COLOR": "1", "COLUMNS": "120", **(variables or {})}
    with contextlib.chdir(cwd):
        found = CliRunner().invoke(app, [str(word) for word in arguments], prog_name="sizer", env=environment)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return Done(found.exit_code, found.stdout, found.stderr, found.stdout_bytes)
