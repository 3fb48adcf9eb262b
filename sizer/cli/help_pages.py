"""Help as text: a command's words, options in groups and defaults, within the width of the terminal.

No name is ever cut: where one leaves no room beside it, its description stands below.
"""

from __future__ import annotations

import enum
import inspect
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from sizer.terminal import Terminal

WIDEST = 120
"""Characters of a line at most: longer ones are hard to read."""
NARROWEST = 40
_NAMES_AT_MOST = 30
"""Characters that the names of options may take of a line; a longer one has its description below."""
_SHORT_NOTE = 30
_NO_BREAK = "\0"
"""Stands for a space at which no line is broken."""

GROUPS: dict[str, tuple[str, ...]] = {
    "The network": (),
    "Budget and conditions": (
        *("--budget", "--where", "--keep", "--sort", "--top", "--near", "--best", "--pareto", "--group-by"),
        *("--vary", "--step", "--round-to", "--claim"),
    ),
    "Output": (
        *("--out", "--format", "--columns", "--summary", "--json", "--csv-dialect", "--gzip", "--parquet-encoding"),
        *("--progress", "--force", "--title", "--width"),
    ),
    "Options": (),
}
"""The groups of options, in the order of a page; an option that stands in none, and names none itself, is in the last."""


def page(command: Any, context: Any, width: int | None = None) -> str:
    """Return the help of a command or of the group of commands.

    Args:
        command: of typer.
        context: the call of it.
        width: characters in a line; None: what the terminal has.
    """
    terminal = Terminal.of()
    if width is None:
        width = shutil.get_terminal_size().columns
    width = max(NARROWEST, min(width, WIDEST))
    lines = _folded(usage(command, context), width, indent="  ")
    prose, examples = _prose_and_examples(command.help or "")
    for paragraph in prose:
        lines += ["", *_folded(paragraph, width)]
    if examples:
        lines += ["", _heading("Examples", terminal)]
        lines += [line for example in examples for line in _shell_lines(example, width)]
    for title, rows in _sections(command, context):
        lines += ["", _heading(title, terminal), *definitions(rows, width)]
    return "\n".join(lines)


def usage(command: Any, context: Any) -> str:
    """Return the usage of a command in a line."""
    # As a person called it, not with the names of the group's own arguments.
    path = f"{context.parent.info_name} {context.info_name}" if context.parent else str(context.info_name)
    return f"Usage: {path} {_usage(command, context)}"


def _heading(words: str, terminal: Terminal) -> str:
    return terminal.styled(words, bold=True)


def _folded(text: str, width: int, indent: str = "", first: str = "") -> list[str]:
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=indent or first,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK, " ") for line in lines]


def _usage(command: Any, context: Any) -> str:
    if isinstance(getattr(command, "commands", None), dict):
        return "[OPTIONS] COMMAND ..."
    parameters = command.get_params(context)
    required = [_option(one, context) for one in parameters if one.required and one.param_type_name == "option"]
    arguments = [one for one in parameters if one.param_type_name == "argument"]
    named = [_argument(one) if one.required else f"[{_argument(one)}]" for one in arguments]
    return " ".join(["[OPTIONS]", *required, *named])


def _argument(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name.upper()).strip("[]").removesuffix("...")
    return f"{name}..." if parameter.nargs != 1 else name


def _prose_and_examples(text: str) -> tuple[list[str], list[str]]:
    """Return the paragraphs of a docstring, and the examples among them."""
    paragraphs = [" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n") if part.strip()]
    examples = [part for part in paragraphs if part.startswith("sizer ")]
    return [part for part in paragraphs if part not in examples], examples


def _shell_lines(example: str, width: int) -> Iterator[str]:
    """Yield an example as lines that a shell reads as one command."""
    # A quoted condition is one word, which is not broken.
    kept = "".join(_NO_BREAK if one == " " and example[:at].count('"') % 2 else one for at, one in enumerate(example))
    lines = textwrap.wrap(
        kept,
        width - 2,
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    for number, line in enumerate(lines):
        yield line.replace(_NO_BREAK, " ") + (" \\" if number < len(lines) - 1 else "")


def _sections(command: Any, context: Any) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the title of each section and its rows: a name and what is said of it."""
    parameters = [one for one in command.get_params(context) if not getattr(one, "hidden", False)]
    panels: dict[str, list[tuple[str, str]]] = {}
    for name, one in getattr(command, "commands", {}).items():
        prose, _ = _prose_and_examples(one.help or "")
        panels.setdefault(one.rich_help_panel or "Commands", []).append((name, prose[0] if prose else ""))
    yield from panels.items()
    arguments = [(_argument(one), _said(one, context)) for one in parameters if one.param_type_name == "argument"]
    if arguments:
        yield "Arguments", arguments
    groups: dict[str, list[tuple[str, str]]] = {title: [] for title in GROUPS}
    for one in parameters:
        if one.param_type_name == "option":
            groups.setdefault(_group(one), []).append((_option(one, context), _said(one, context)))
    yield from ((title, rows) for title, rows in groups.items() if rows)


def _group(option: Any) -> str:
    named = (title for title, names in GROUPS.items() if set(names) & set(option.opts))
    return str(option.rich_help_panel or next(named, "Options"))


def _option(option: Any, context: Any) -> str:
    """Return an option's names, and what follows them: `--out FILE`, `--[no-]peepholes`, `-h, --help`."""
    names = sorted(option.opts, key=len)
    if option.secondary_opts:
        return f"--[no-]{names[-1].removeprefix('--')}"
    shown = ", ".join(names)
    if option.is_flag:
        return shown
    word = option.metavar or _kind(option, context)
    return f"{shown} {word}"


def _kind(option: Any, context: Any) -> str:
    kind = option.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return "WORD"
    return {int: "N", float: "NUMBER"}.get(kind, "TEXT")


def _said(parameter: Any, context: Any) -> str:
    """Return what a parameter means, what it takes, and what stands for it where it is left out."""
    said = [parameter.help or ""]
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        said.append(f"One of {', '.join(str(one.value) for one in kind)}.")
    least, most = getattr(parameter, "min", None), getattr(parameter, "max", None)
    notes = []
    if least is not None:
        notes.append(f"{least:,} or more" if most is None else f"{least:,} to {most:,}")
    if getattr(parameter, "show_envvar", False) and parameter.envvar:
        notes.append(f"from the environment: {parameter.envvar}")
    default = parameter.default.value if isinstance(parameter.default, enum.Enum) else parameter.default
    if parameter.required:
        notes.append("required")
    elif isinstance(parameter.show_default, str):
        notes.append(_left_out(parameter.show_default))
    elif parameter.show_default and default is not None and default != "" and not getattr(parameter, "is_flag", False):
        notes.append(f"default: {default:,}" if type(default) is int else f"default: {default}")
    if notes:
        said.append(f"[{'; '.join(map(_kept_together, notes))}]")
    return " ".join(filter(None, said))


def _kept_together(note: str) -> str:
    """Return a short note with spaces at which no line is broken."""
    return note if len(note) > _SHORT_NOTE else note.replace(" ", _NO_BREAK)


def _left_out(words: str) -> str:
    return words if words.startswith("required") else f"default: {words}"


def definitions(rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Return names as lines with what is said of each beside it, or below where the name is long."""
    room = min(_NAMES_AT_MOST, width // 2 - 4)
    widest = max((len(name) for name, _ in rows if len(name) <= room), default=0)
    start = " " * (2 + widest + 2 if widest else 6)
    lines = []
    for name, said in rows:
        folded = _folded(said, width, first=start)
        if len(name) <= widest and folded:
            lines += [f"  {name:<{widest}}  {folded[0].removeprefix(start)}".rstrip(), *folded[1:]]
        else:
            lines += [f"  {name}", *folded]
    return lines
