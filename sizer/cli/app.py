"""The application: the commands, grouped by what a person wants to do. Heavy imports wait until they are needed.

Exit codes: 0 done, 1 faults in the input, 2 usage, 3 the run could not be finished, 4 a framework differs or
nothing could be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from sizer.cli import (
    assistants,
    counting,
    drawing,
    fitting,
    frameworks,
    handing_over,
    listings,
    looking,
    networks,
    pictures,
    queries,
    serving,
    sweeps,
)
from sizer.cli.completions import offer
from sizer.cli.help_pages import page, usage
from sizer.cli.reporting import OPTIONS
from sizer.errors import quoted
from sizer.networks.counting import did_you_mean
from sizer.version import __version__

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""What typer raises of words that are no usage; it has no public name there."""


class Commands(TyperGroup):
    """The group of commands, which suggests the nearest name for one that is not there."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of the group."""
        formatter.write(page(self, ctx))

    def get_usage(self, ctx: Any) -> str:
        """Return the usage of the group in a line."""
        return usage(self, ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the words name, or end with usage and a suggestion."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            ctx.fail(f"no command named '{name[:80]}'{did_you_mean(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


class Command(TyperCommand):
    """A command that tells the reporting of faults what its options are called."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of the command."""
        formatter.write(page(self, ctx))

    def get_usage(self, ctx: Any) -> str:
        """Return the usage of the command in a line."""
        return usage(self, ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words behind the command, or end with usage and the option that was meant."""
        try:
            return super().parse_args(ctx, args)
        except _UsageError as problem:
            name = getattr(problem, "option_name", None)
            if isinstance(problem, typer.BadParameter):  # newer typers say whose fault it is in words of their own
                problem.message = problem.message.removeprefix("Value error, ")
            if name is None or not hasattr(problem, "possibilities"):
                raise
            flags = [flag for one in self.params for flag in (*one.opts, *one.secondary_opts) if flag.startswith("--")]
            ctx.fail(f"no option named {quoted(name)}{did_you_mean(name, flags)}")
            raise AssertionError("unreachable: the command has ended") from None

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        options: dict[str, str] = {}
        for parameter in self.params:
            flag = next((word for word in parameter.opts if word.startswith("--")), None)
            if flag is not None:
                options |= {flag.removeprefix("--").replace("-", "_"): flag, str(parameter.name): flag}
        token = OPTIONS.set(options)
        try:
            return super().invoke(ctx)
        finally:
            OPTIONS.reset(token)


app = typer.Typer(
    cls=Commands,
    name="sizer",
    help="Counts the weights of recurrent networks exactly: one network, or a sweep of a hundred million.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"sizer {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Counts the weights of recurrent networks exactly: one network, or a sweep of a hundred million."""


_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Sweeps": (sweeps.run, drawing.sample, sweeps.validate, sweeps.init, sweeps.schema),
    "Results": (queries.query, pictures.plot, pictures.report, handing_over.export),
    "One network": (networks.explain, counting.count, networks.compare, fitting.fit),
    "Words": (listings.conventions, listings.fields, listings.columns),
    "Frameworks": (frameworks.verify, frameworks.code),
    "Model files": (looking.look,),
    "Service": (serving.serve, assistants.mcp),
}

for _panel, _commands in _PANELS.items():
    for _command in _commands:
        offer(_command)
        app.command(cls=Command, rich_help_panel=_panel)(_command)
