"""Commands as a person runs them: their streams and exit code, in a pipe and on a terminal.

Quick runs of the tests call them in this process, CI starts a process for each; what they say is the same.
"""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from typer.testing import CliRunner

from sizer.cli.app import app
from tests.examples import QUICK

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Done:
    """What a command came to, in the words of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str
    stdout_bytes: bytes


def run(*arguments: str | Path, cwd: Path = ROOT, **variables: str) -> Done:
    """Run a command in a pipe.

    Args:
        arguments: without `sizer` in front.
        cwd: the folder it runs in.
        variables: of the environment, besides those of this process.
    """
    return (run_here if QUICK else run_process)(*arguments, cwd=cwd, **variables)


def run_here(*arguments: str | Path, cwd: Path = ROOT, **variables: str) -> Done:
    """Run a command in this process; what it does not handle is raised, so that it fails a test as a traceback would."""
    with contextlib.chdir(cwd):
        found = CliRunner().invoke(app, list(map(str, arguments)), prog_name="sizer", env=_environment(variables))
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return Done(found.exit_code, found.stdout, found.stderr, found.stdout_bytes)


def run_process(*arguments: str | Path, cwd: Path = ROOT, **variables: str) -> Done:
    """Run a command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "sizer", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **_environment(variables)},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode(), done.stdout)


def on_terminal(*arguments: str | Path, columns: str = "120") -> str:
    """Return what a command prints on a terminal, and its exit code."""
    controller, terminal = pty.openpty()
    printed = bytearray()

    def read() -> None:
        # Reading from a terminal that nobody holds any more is an error, the end of the output.
        with contextlib.suppress(OSError):
            while piece := os.read(controller, 65536):
                printed.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    variables = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": columns}
    try:
        words = list(map(str, arguments))
        code = (_on_terminal_here if QUICK else _on_terminal_process)(words, terminal, variables)
    finally:
        os.close(terminal)
        reader.join()
        os.close(controller)
    return printed.decode().replace("\r\n", "\n") + f"exit {code}"


def _on_terminal_here(arguments: list[str], terminal: int, variables: Mapping[str, str]) -> int:
    with (
        open(terminal, closefd=False) as typed,
        open(terminal, "w", closefd=False) as shown,
        mock.patch.dict(os.environ, variables),
        mock.patch.multiple(sys, stdin=typed, stdout=shown, stderr=shown),
        contextlib.chdir(ROOT),
    ):
        try:
            app(arguments, prog_name="sizer")
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def _on_terminal_process(arguments: list[str], terminal: int, variables: Mapping[str, str]) -> int:
    # A subprocess, not a fork of this one: frameworks that other tests have imported warn of forks.
    with subprocess.Popen(
        [sys.executable, "-m", "sizer", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        return process.wait(timeout=60)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    return {"NO_COLOR": "1", "COLUMNS": "120", **variables}
