"""What the TAB key offers: conventions, cell types, columns and fields, by the option that takes them.

The shell asks by running the command, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_type_hints

from typer.models import OptionInfo

from sizer.networks.columns import COLUMNS
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import CHOICES
from sizer.networks.fields import FIELDS

Known = Mapping[str, str]
"""Words, each with what it means."""


def conventions() -> Known:
    """Return the conventions."""
    return {name: convention.title for name, convention in CONVENTIONS.items()}


def cell_types() -> Known:
    """Return the cell types."""
    from sizer.networks.cells import CELL_TYPES

    return {name: CELL_TYPES[name].title for name in CHOICES["cell_type"]}


def counted_columns() -> Known:
    """Return the counted columns."""
    return {name: column.meaning for name, column in COLUMNS.items()}


def columns() -> Known:
    """Return every column that a table can have."""
    fields = {name: field.title for name, field in FIELDS.items()}
    return {"id": "A configuration's place in the grid, from 0.", **fields, **counted_columns()}


def chosen_columns() -> Known:
    """Return what `--columns` takes."""
    return {"default": "The main fields and weights.", "all": "Every column.", **columns()}


def counts() -> Known:
    """Return the fields that are whole numbers."""
    return {name: field.title for name, field in FIELDS.items() if field.kind == "count"}


def bounds() -> Known:
    """Return the beginnings of bounds."""
    return {f"{name}=": meaning for name, meaning in counted_columns().items()}


def formats() -> Known:
    """Return the formats of tables."""
    from sizer.formats import FORMATS

    return dict.fromkeys(FORMATS, "")


OFFERED: dict[str, Callable[[], Known]] = {
    "--convention": conventions,
    "--cell-type": cell_types,
    "--columns": chosen_columns,
    "--sort": columns,
    "--group-by": columns,
    "--pareto": columns,
    "--best": columns,
    "--x": columns,
    "--y": columns,
    "--colour": columns,
    "--budget": bounds,
    "--near": bounds,
    "--vary": counts,
    "--format": formats,
}
"""What each option offers."""


def offer(command: Callable[..., None]) -> None:
    """Let the options of a command that offer nothing yet offer what they take."""
    hints = get_type_hints(command, include_extras=True)
    for name, hint in hints.items():
        for information in getattr(hint, "__metadata__", ()):
            if isinstance(information, OptionInfo) and information.autocompletion is None:
                # In an annotation, the first name stands where a default would.
                names = [information.default, *(information.param_decls or ()), f"--{name.replace('_', '-')}"]
                known = next((OFFERED[one] for one in names if one in OFFERED), None)
                information.autocompletion = None if known is None else _completer(known)
    # Typer reads the same objects, and makes none of its own from the text of the annotations.
    command.__annotations__ = hints


def _completer(known: Callable[[], Known]) -> Callable[[str], list[tuple[str, str]]]:
    def complete(incomplete: str) -> list[tuple[str, str]]:
        return completed(known(), incomplete)

    return complete


def completed(known: Known, incomplete: str) -> list[tuple[str, str]]:
    """Return the words that what was typed can become, each with its meaning; of a list the last word.

    Example:
        >>> completed({"layers": "Layers.", "cells": "Cells."}, "layers,-c")
        [('layers,-cells', 'Cells.')]
    """
    before, comma, last = incomplete.rpartition(",")
    minus = "-" if last.startswith("-") else ""
    return [
        (f"{before}{comma}{minus}{word}", meaning)
        for word, meaning in known.items()
        if word.startswith(last.removeprefix("-"))
    ]
