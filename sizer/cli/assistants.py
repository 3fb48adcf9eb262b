"""The command that assistants start: sizer mcp."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sizer.cli.reporting import reported
from sizer.errors import RunError
from sizer.extras import install_command


def mcp(
    seconds: Annotated[int, typer.Option(min=1, max=3600, metavar="N", help="How long one question may take.")] = 20,
) -> None:
    """Start a server for an AI assistant (Model Context Protocol) on standard input and output.

    sizer mcp

    sizer mcp --seconds 60
    """
    with reported():
        if sys.stdin.isatty():
            typer.echo("An assistant starts this command and talks to it; Ctrl-C ends it", err=True)
        try:
            from sizer.assistants import serve

            serve(seconds)
        except ModuleNotFoundError as problem:
            if (problem.name or "").partition(".")[0] not in {"mcp", "orjson"}:
                raise
            raise RunError(f"assistants need the extra: {install_command('mcp')}") from None
