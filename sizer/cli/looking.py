"""The command that looks into a model file: look. Nothing of a framework is imported, and no weights are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from sizer.cli.reporting import AsJson, OutFile, for_reader, print_json, reported, write_out

if TYPE_CHECKING:
    from sizer.recovery.looking import Look


def look(
    model: Annotated[
        str, typer.Argument(metavar="FILE", help="A model file, a folder of them, or a URL.", show_default=False)
    ],
    sweep: Annotated[
        str | None,
        typer.Option("--sweep", metavar="FILE", help="Write a sweep around what was found.", show_default=False),
    ] = None,
    blocks: Annotated[
        str | None,
        typer.Option("--model", metavar="FILE", help="Write what was found as a model of blocks.", show_default=False),
    ] = None,
    claim: Annotated[
        str | None,
        typer.Option(
            "--claim",
            metavar="FIGURE",
            help="A stated number of weights, 21M or 21,252,205: show which parts of the file give it.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    out: OutFile = "-",
) -> None:
    """Show the networks in a model file, their convention, and what Sizer cannot explain.

    It reads names and shapes, not weights, and executes nothing in the file.

    sizer look model.safetensors

    sizer look model.safetensors --sweep around.yaml --model model.yaml

    sizer look model.safetensors --claim 21M --json
    """
    with reported(as_json):
        from sizer.recovery import looked
        from sizer.recovery.looking import look as look_at
        from sizer.recovery.sweeps import model_text, sweep_text

        found = look_at(model)
        name = file_name(model)
        for text, where in ((sweep_text, sweep), (model_text, blocks)):
            if where is not None:
                write_out(text(found, name), where)
        if "-" in {sweep, blocks}:
            return
        if claim is not None:
            from sizer.recovery.claims import reconcile_file

            claimed = reconcile_file(found, claim)
            if as_json:
                write_out(json.dumps(claimed.as_json(), indent=2, ensure_ascii=False), out)
            else:
                write_out(
                    for_reader(out, lambda: looked.claimed_screen(claimed), lambda: looked.claimed_table(claimed)),
                    out,
                )
        elif as_json:
            _write_json(found, name, out)
        else:
            write_out(
                for_reader(out, lambda: looked.look_screen(found, model), lambda: looked.look_table(found)),
                out,
            )


def file_name(model: str) -> str:
    """Return the last part of a path or a URL."""
    return model.rstrip("/").rpartition("/")[2].partition("?")[0] or "model"


def _write_json(found: Look, name: str, out: str) -> None:
    answer = {"file": name, **found.as_json()}
    if out == "-":
        print_json(answer)
    else:
        write_out(json.dumps(answer, indent=2, ensure_ascii=False), out)
