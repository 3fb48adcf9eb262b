"""The command that serves: sizer serve."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from sizer.cli.reporting import reported
from sizer.errors import RunError
from sizer.extras import install_command
from sizer.tables.stored.out_files import checked_path


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 means all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes any free one.")] = 8765,
    data: Annotated[str, typer.Option(metavar="DIR", help="The folder for jobs and results.")] = "sizer-data",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="SIZER_TOKEN",
            metavar="TOKEN",
            help="The token that every request must send; at least 16 visible characters.",
            show_default=False,
        ),
    ] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Serve other machines without a token: anybody may use this server.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name by which clients call this server; may be repeated."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="A Dask scheduler, tcp://host:8786, whose workers share DIR and run the jobs."
        ),
    ] = None,
    max_configurations: Annotated[
        int, typer.Option(metavar="N", min=1, help="The most configurations that the grid of one job may have.")
    ] = 1_000_000_000,
) -> None:
    """Start the HTTP service and its web page; Ctrl-C stops it.

    sizer serve

    sizer serve --port 8080 --data jobs
    """
    with reported():
        folder = checked_path(data, "--data", folder=True)
        try:
            from sizer.service.server import serve as begin
        except ModuleNotFoundError as problem:
            if (problem.name or "").startswith("sizer"):
                raise
            raise RunError(f"serving needs the extra: {install_command('serve')}") from None
        from sizer.service.settings import Limits, Settings

        settings = Settings(
            data=folder,
            host=host,
            port=port,
            # An empty one in the environment was meant to be one: a command that was to print it failed.
            token=os.environ.get("SIZER_TOKEN") if token is None else token,
            no_auth=no_auth,
            allowed_hosts=tuple(allow_host or ()),
            cluster=cluster,
            limits=Limits(configurations=max_configurations),
        )
        begin(
            settings, lambda address: typer.echo(f"Sizer serves {address} (data in {data}); Ctrl-C ends it", err=True)
        )
        typer.echo("sizer: stopped; jobs that were running continue when you start it again", err=True)
