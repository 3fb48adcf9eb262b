"""What the TAB key offers: conventions, types, columns and fields, by the option that takes them, and paths of a model.

The shell asks by running the command, so nothing heavy is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo

from sizer.networks.columns import COLUMNS
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import CHOICES
from sizer.networks.fields import FIELDS

if TYPE_CHECKING:
    from sizer.networks.blocks.types import BlockField

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


def conditions() -> Known:
    """Return what a condition can begin with."""
    return {name: meaning for name, meaning in columns().items() if name != "id"}


def block_types() -> Known:
    """Return the types of blocks."""
    from sizer.networks.blocks.types import BLOCK_TYPES

    return {name: one.title for name, one in BLOCK_TYPES.items()}


def nothing() -> Known:
    """Return no words: only a model of blocks has some."""
    return {}


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
    "--where": conditions,
    "--set": nothing,
}
"""What each option offers."""
ARGUMENTS: dict[str, Callable[[], Known]] = {"block_type": block_types, "names": conventions}
"""What each argument offers, by its name."""


def sizes_of_blocks(paths: Paths) -> Known:
    """Return the sizes of a model's blocks."""
    return {path: one.description for path, one in paths.fields.items() if one.kind in {"size", "sizes"}}


def fields_of_blocks(paths: Paths) -> Known:
    """Return the fields of a model's blocks, as `--set` takes them."""
    return {f"{path}=": one.description for path, one in paths.fields.items()}


def bounds_of_blocks(paths: Paths) -> Known:
    """Return the beginnings of bounds on a model of blocks."""
    return {**bounds(), **{f"{block}.weights=": "The weights of this block." for block in paths.blocks}}


def conditions_on_blocks(paths: Paths) -> Known:
    """Return what a condition on a model of blocks can begin with."""
    weights = {f"{block}.weights": "The weights of this block." for block in paths.blocks}
    return {**{path: one.description for path, one in paths.fields.items()}, **weights, **counted_columns()}


OF_BLOCKS: dict[str, Callable[[Paths], Known]] = {
    "--vary": sizes_of_blocks,
    "--set": fields_of_blocks,
    "--budget": bounds_of_blocks,
    "--where": conditions_on_blocks,
}
"""What options offer where the command names a file with a model of blocks."""


@dataclass(frozen=True)
class Paths:
    """What stands in a model of blocks, by its paths."""

    blocks: tuple[str, ...]
    fields: Mapping[str, BlockField]


def paths_of(words: Sequence[str]) -> Paths | None:
    """Return the paths of the first file among words that has a model of blocks; None where there is none.

    A file that cannot be read, or has faults, offers what can be read of it: whoever runs the command is told.
    """
    for word in words:
        if not Path(word).is_file():
            continue
        from sizer.errors import SizerError
        from sizer.networks.blocks.types import BLOCK_TYPES
        from sizer.sweepfile.load import read_file
        from sizer.sweepfile.yamltext import read_yaml

        try:
            data = read_yaml(read_file(word), word).data
        except SizerError:
            continue
        model = data.get("model") if isinstance(data, dict) else None
        blocks: list[str] = []
        fields: dict[str, BlockField] = {}
        waiting = [("", model)]
        while waiting:
            start, one = waiting.pop(0)
            held = one.get("blocks") if isinstance(one, dict) else None
            for name, block in held.items() if isinstance(held, dict) else ():
                kind = block.get("type") if isinstance(block, dict) else None
                if isinstance(name, str) and isinstance(kind, str) and kind in BLOCK_TYPES:
                    blocks.append(f"{start}{name}")
                    known = BLOCK_TYPES[kind].fields
                    fields |= {f"{start}{name}.{one.name}": one for one in known if one.kind != "tensors"}
                    waiting.append((f"{start}{name}.", block))
        if blocks:
            return Paths(tuple(blocks), fields)
    return None


def offer(command: Callable[..., None]) -> None:
    """Let the options of a command that offer nothing yet offer what they take."""
    hints = get_type_hints(command, include_extras=True)
    for name, hint in hints.items():
        for information in getattr(hint, "__metadata__", ()):
            if isinstance(information, ArgumentInfo) and name in ARGUMENTS:
                information.autocompletion = _completer(ARGUMENTS[name], None)
            if isinstance(information, OptionInfo) and information.autocompletion is None:
                # In an annotation, the first name stands where a default would.
                names = [information.default, *(information.param_decls or ()), f"--{name.replace('_', '-')}"]
                option = next((one for one in names if one in OFFERED), None)
                if option is not None:
                    information.autocompletion = _completer(OFFERED[option], OF_BLOCKS.get(option))
    # Typer reads the same objects, and makes none of its own from the text of the annotations.
    command.__annotations__ = hints


def _completer(
    known: Callable[[], Known], of_blocks: Callable[[Paths], Known] | None
) -> Callable[[typer.Context, str], list[tuple[str, str]]]:
    def complete(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        # Behind an option that waits for its word, the file is among the words that nobody has read yet.
        words = [ctx.params.get("sweep"), ctx.params.get("model"), *ctx.args]
        paths = paths_of([word for word in words if isinstance(word, str)]) if of_blocks else None
        return completed(known() if paths is None or of_blocks is None else of_blocks(paths), incomplete)

    return complete


def completed(known: Known, incomplete: str) -> list[tuple[str, str]]:
    """Return the words that what was typed can become, each with its meaning; of a list or a condition the last word.

    Example:
        >>> completed({"layers": "Layers.", "cells": "Cells."}, "layers,-c")
        [('layers,-cells', 'Cells.')]
    """
    last = _LAST.search(incomplete)
    begun = last[0] if last else ""
    before = incomplete[: len(incomplete) - len(begun)]
    return [(f"{before}{word}", meaning) for word, meaning in known.items() if word.startswith(begun)]


_LAST = re.compile(r"[A-Za-z_][\w.]*\Z")
