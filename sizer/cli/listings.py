"""Commands that say what there is to say: fields, columns, conventions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from sizer.cli.help_pages import WIDEST, definitions
from sizer.cli.reporting import AsJson, OutFile, for_reader, reported, write_out
from sizer.cli.screens import DOT, plain, tab_separated
from sizer.errors import Fault, InputError, quoted
from sizer.networks.aliases import TOOLKITS
from sizer.networks.blocks.types import BLOCK_TYPES, BlockField
from sizer.networks.cells import CELL_TYPES
from sizer.networks.columns import COLUMNS
from sizer.networks.conventions import CONVENTIONS, Convention
from sizer.networks.counting import CHOICES, did_you_mean
from sizer.networks.fields import FIELDS, REQUIRED, Field
from sizer.terminal import Terminal

Row = dict[str, Any]
_PLAIN_CELLS = ("lstm", "gru", "rnn")


def fields(
    block_type: Annotated[
        str | None,
        typer.Argument(
            metavar="[TYPE]",
            help="A type of block, to show its fields. By default the fields of a network.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    out: OutFile = "-",
) -> None:
    """Show the fields that describe a network, or those of a type of block.

    sizer fields

    sizer fields convolution --json
    """
    with reported(as_json, counted="nothing was shown"):
        if block_type is None:
            rows = [_network_field(field) for field in FIELDS.values()]
            heading = "The fields of a network, in sweep files, Python and as options (--recurrent-projection)"
            more = [f"Types of blocks, whose fields `sizer fields TYPE` shows: {', '.join(BLOCK_TYPES)}."]
            found: Row = {"fields": rows, "block_types": list(BLOCK_TYPES)}
        else:
            _check_known("TYPE", block_type, BLOCK_TYPES, "type of block")
            known = BLOCK_TYPES[block_type]
            rows = [_block_field(field) for field in known.fields]
            heading = f"{block_type}{DOT}{known.title}"
            more = []
            found = {"block_type": block_type, "fields": rows}
        _print(found, rows, lambda: _list_screen(heading, "field", rows, more), as_json, out)


def _network_field(field: Field) -> Row:
    return {
        "field": field.name,
        "kind": field.kind,
        "default": field.default,
        "required": field.name in REQUIRED,
        "minimum": field.minimum if field.kind == "count" else None,
        "maximum": field.maximum,
        "per_layer": field.per_layer,
        "words": list(CHOICES.get(field.name, ())),
        "meaning": field.description,
    }


def _block_field(field: BlockField) -> Row:
    numbers = field.kind in {"size", "sizes", "shape"}
    return {
        "field": field.name,
        "kind": field.kind,
        "default": field.default,
        "required": field.required,
        "minimum": field.minimum if numbers else None,
        "maximum": field.maximum,
        "per_layer": field.kind in {"sizes", "flags"},
        "words": list(field.words),
        "meaning": field.description,
    }


def columns(as_json: AsJson = False, out: OutFile = "-") -> None:
    """Show the columns that a table can have, with their units and meanings.

    sizer columns

    sizer columns --json
    """
    with reported(as_json, counted="nothing was shown"):
        rows: list[Row] = [{"column": "id", "kind": "given", "unit": "", "part": False, "meaning": _ID}]
        rows += [
            {"column": name, "kind": "given", "unit": "", "part": False, "meaning": field.description}
            for name, field in FIELDS.items()
            if name not in COLUMNS
        ]
        rows += [
            {"column": name, "kind": "counted", "unit": column.unit, "part": column.part, "meaning": column.meaning}
            for name, column in COLUMNS.items()
        ]
        counted = [row for row in rows if row["kind"] == "counted"]
        more = [
            f"And the configuration itself: {', '.join(row['column'] for row in rows if row['kind'] == 'given')}.",
            "Budgets bound counted columns: weights: {max: 10M}, or --budget int8_bytes=2MB.",
        ]
        heading = "Counted columns; those marked [part] add up to weights"
        _print({"columns": rows}, rows, lambda: _list_screen(heading, "column", counted, more), as_json, out)


_ID = "The configuration's place in the grid, from 0."


def _list_screen(heading: str, key: str, rows: Iterable[Row], more: Sequence[str]) -> str:
    width = min(Terminal.of().width, WIDEST)
    lines = definitions([(row[key], _words_of(row)) for row in rows], width)
    return "\n".join([heading, "", *lines, *(["", *more] if more else [])])


def _words_of(row: Row) -> str:
    """Return what is said of a field or a column on a screen."""
    notes = []
    if row.get("words"):
        notes.append(f"one of {', '.join(row['words'])}")
    if row.get("per_layer"):
        notes.append("or one per layer")
    if row.get("part"):
        notes.append("part")
    if row.get("unit") == "bytes":
        notes.append("also as 2MB or 2MiB")
    if row.get("required"):
        notes.append("required" if row.get("field") != "convention" else "textbook where none is named")
    elif row.get("default") not in (None, (), [], {}):
        notes.append(f"default {json.dumps(row['default']).strip(chr(34))}")
    return f"{row['meaning']} [{'; '.join(notes)}]" if notes else row["meaning"]


def _print(found: Row, rows: Sequence[Row], screen: Callable[[], str], as_json: bool, out: str) -> None:
    """Print what was found: as JSON, as a screen, or as a table for a pipe."""
    if as_json:
        write_out(json.dumps(found, indent=2), out)
        return
    header = list(rows[0]) if rows else []
    write_out(
        for_reader(out, screen, lambda: tab_separated(header, [[plain(row[name]) for name in header] for row in rows])),
        out,
    )


def _check_known(place: str, word: str, known: Mapping[str, object], noun: str) -> None:
    """Check that a word is known.

    Raises:
        InputError: it is not.
    """
    if word not in known:
        hint = did_you_mean(word, known) or f"; one of {', '.join(known)}"
        raise InputError([Fault("", 0, 0, place, f"no {noun} named {quoted(word)}{hint}")])


# Conventions


def conventions(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="The conventions to show, each as a card.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    out: OutFile = "-",
) -> None:
    """Show the conventions: their rules, what they refuse and their sources.

    sizer conventions

    sizer conventions pytorch

    sizer conventions --json
    """
    with reported(as_json, counted="nothing was shown"):
        asked = list(names or ())
        for name in asked:
            if name not in TOOLKITS:
                _check_known("NAME", name, CONVENTIONS, "convention")
        chosen = [CONVENTIONS[TOOLKITS[name].convention if name in TOOLKITS else name] for name in asked]
        header, rows = conventions_rows(chosen or CONVENTIONS.values())
        if as_json:
            found = [_as_json(convention) for convention in chosen or CONVENTIONS.values()]
            write_out(json.dumps({"conventions": found}, indent=2), out)
        elif chosen:
            notes = [TOOLKITS[name].note if name in TOOLKITS else "" for name in asked]
            write_out(
                for_reader(
                    out,
                    lambda: "\n\n".join(map(convention_card, chosen, notes)),
                    lambda: tab_separated(header, rows),
                ),
                out,
            )
        else:
            write_out(for_reader(out, conventions_screen, lambda: tab_separated(header, rows)), out)


def _as_json(convention: Convention) -> Row:
    return {**convention.as_json(), "other_names": _other_names(convention)}


def _other_names(convention: Convention) -> list[str]:
    return [name for name, toolkit in TOOLKITS.items() if toolkit.convention == convention.name]


def conventions_rows(shown: Iterable[Convention] = tuple(CONVENTIONS.values())) -> tuple[list[str], list[list[str]]]:
    """Return the table of conventions: header and rows."""
    header = [
        "convention",
        "bias vectors lstm/gru/rnn",
        "peepholes",
        "projections",
        "projection bias",
        "output bias",
        "source",
    ]
    rows = []
    for convention in shown:
        lstm, gru, rnn, *others = _decided(convention)
        rows.append([convention.name, f"{lstm} / {gru} / {rnn}", *others, convention.source])
    return header, rows


def _decided(convention: Convention) -> list[str]:
    """Return what a convention decides: bias vectors of the three plain cells, peepholes, projections, two biases."""
    vectors = [str(convention.bias_vectors.get(cell, "-")) for cell in _PLAIN_CELLS]
    if convention.candidate_bias:
        vectors[1] += "+1/3"
    letters = {"recurrent_projection": "r", "nonrecurrent_projection": "p"}
    return [
        *vectors,
        convention.peepholes,
        ", ".join(letters[name] for name in convention.projections) or "none",
        "yes" if convention.projection_bias else "no",
        "yes" if convention.output_bias else "no",
    ]


def conventions_screen() -> str:
    """Return the table of conventions and what each refuses."""
    terminal = Terminal.of()
    header = ["convention", *_PLAIN_CELLS, "peepholes", "projections", "projection_bias", "output_bias"]
    rows = [[convention.name, *_decided(convention)] for convention in CONVENTIONS.values()]
    lines = terminal.table(header, rows, left=range(len(header)))
    lines += [
        "",
        "  lstm, gru, rnn: bias vectors per gate (1+1/3: one, and one on the candidate); r, p: the recurrent and the "
        "non-recurrent projection",
        "",
        "Refused there",
    ]
    width = min(terminal.width, WIDEST)
    refused = [(name, "; ".join(_refused(convention))) for name, convention in CONVENTIONS.items()]
    lines += definitions([(name, words) for name, words in refused if words], width)
    lines += ["", "Cells beside lstm, gru and rnn, and where they are"]
    beside = [cell for cell in CELL_TYPES.values() if cell.name not in _PLAIN_CELLS]
    where = [", ".join(name for name, one in CONVENTIONS.items() if cell.name in one.bias_vectors) for cell in beside]
    lines += definitions(
        [(cell.name, f"{cell.title} ({names})") for cell, names in zip(beside, where, strict=True)], width
    )
    others = [f"{toolkit.name} ({toolkit.convention})" for toolkit in TOOLKITS.values()]
    lines += ["", f"Other names of them: {', '.join(others)}", "", "Next: sizer conventions pytorch"]
    return "\n".join(["What each convention decides where a network does not say it", "", *lines])


def _refused(convention: Convention) -> list[str]:
    """Return what a convention refuses, in words."""
    rules = (*convention.lstm_rules, *convention.rules)
    reasons = dict.fromkeys(rule.reason.removeprefix(f"{convention.name} ") for rule in rules)
    return [*reasons, *(f"no {cell}" for cell in _PLAIN_CELLS if cell not in convention.bias_vectors)]


def convention_card(convention: Convention, note: str = "") -> str:
    """Return all there is to say of one convention.

    Args:
        convention: which.
        note: what is said first, where it was asked for by another name.
    """
    vectors = DOT.join(f"{cell} {number}" for cell, number in convention.bias_vectors.items())
    if convention.candidate_bias:
        vectors += " (and one on the candidate of a gru)"
    others = [f"{name}, for {', '.join(TOOLKITS[name].cell_types)}" for name in _other_names(convention)]
    rows = [
        ("bias vectors", f"per gate: {vectors}"),
        ("peepholes", convention.peepholes),
        ("projections", ", ".join(convention.projections) or "none"),
        ("projection bias", "yes" if convention.projection_bias else "no"),
        ("output bias", "yes" if convention.output_bias else "no"),
        ("refused", "; ".join(_refused(convention)) or "nothing that it has a cell for"),
        ("other names", "; ".join(others)),
        ("to know", convention.note),
        ("source", convention.source),
    ]
    width = min(Terminal.of().width, WIDEST)
    heading = f"{convention.name}{DOT}{convention.title}{DOT + note if note else ''}"
    return "\n".join([heading, "", *definitions([row for row in rows if row[1]], width)])
