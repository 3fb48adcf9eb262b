"""The command fit: which width keeps a network within a budget, for one network or for each of several."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sizer.cli.options import network_fields, with_fields
from sizer.cli.reporting import AsJson, OutFile, for_reader, reported, write_out
from sizer.errors import Fault, InputError, quoted
from sizer.networks.fields import FIELDS

if TYPE_CHECKING:
    from sizer.questions.fitting import Fit

Vary = Annotated[
    str,
    typer.Option(
        "--vary",
        metavar="FIELD",
        help="The field to search, such as cells; other fields can follow it: cells,recurrent_projection=1/4.",
        show_default=False,
    ),
]
Budget = Annotated[
    str,
    typer.Option(
        "--budget",
        metavar="SIZE",
        help="The maximum: 10M weights, or any counted column: int8_bytes=2MB, macs_per_step=5M.",
        show_default=False,
    ),
]


@with_fields(several=True)
def fit(
    budget: Budget,
    vary: Vary,
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="A file with a model of blocks.", show_default=False),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="BLOCK.FIELD=VALUE",
            help="A field of the model's blocks; a comma list means several models, one row each.",
            show_default=False,
        ),
    ] = None,
    step: Annotated[int, typer.Option("--step", metavar="N", help="Try only multiples of this.")] = 1,
    round_to: Annotated[
        int | None,
        typer.Option(
            "--round-to",
            metavar="N",
            help="Round the fields that follow to the nearest multiple of this; without it they must be whole numbers.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    out: OutFile = "-",
    fields: Any = None,
) -> None:
    """Find the largest value of a field within a budget, and the first value over it.

    A comma list in a field means several networks, one row each. Without --layers, a list of cells or
    projections means one network with a width per layer, as everywhere else.

    sizer fit --budget 10M --vary cells --inputs 39 --layers 3 --outputs 34

    sizer fit --budget int8_bytes=2MB --vary cells,recurrent_projection=1/4 --round-to 8 --inputs 39 --layers 1,2,3

    sizer fit docs/keywords.yaml --budget 100K --vary gru.cells --set conv.channels=32,48,64
    """
    if model is not None and fields:
        raise typer.BadParameter("give either a file with a model of blocks, or the fields of a network")
    if model is None and settings:
        raise typer.BadParameter("--set changes the blocks of a model: sizer fit MODEL --set encoder.layers=2,4")
    if model is not None:
        with reported(as_json):
            from sizer.questions.fitting import fit_each_model
            from sizer.sweepfile.model_file import load_model

            chosen = _settings(settings or [])
            asked = load_model(model).asked
            _show(
                fit_each_model(asked, chosen, vary=vary, budget=budget, step=step, round_to=round_to),
                chosen,
                as_json,
                out,
            )
        return
    with reported(as_json):
        from sizer.questions.fitting import fit_each

        lists = {
            name: [part.strip() for part in value.split(",")] if isinstance(value, str) and "," in value else value
            for name, value in network_fields(fields).items()
        }
        varied = [part.partition("=")[0].strip() for part in vary.split(",")]
        if "layers" not in {*lists, *varied}:
            lists = {
                name: [value] if FIELDS[name].per_layer and isinstance(value, list) else value
                for name, value in lists.items()
            }
        found = fit_each(lists, vary=vary, budget=budget, step=step, round_to=round_to)
        _show(found, lists, as_json, out)


def _settings(given: Sequence[str]) -> dict[str, list[Any]]:
    """Return the values of each field that is set."""
    found: dict[str, list[Any]] = {}
    for text in given:
        name, equals, values = text.partition("=")
        if not equals:
            raise InputError([Fault("", 0, 0, "set", f"{quoted(text)} has no value; write encoder.layers=2,4")])
        found[name.strip().replace("-", "_")] = [_scalar(value.strip()) for value in values.split(",")]
    return found


def _scalar(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdecimal() and len(text) < 100 else text


def _show(found: Sequence[Fit], lists: Mapping[str, Any], as_json: bool, out: str) -> None:
    """Show answers; the fields that have several values tell them apart."""
    from sizer.questions import fitted

    listed = [name for name, value in lists.items() if isinstance(value, list) and len(value) > 1]
    if as_json:
        write_out(json.dumps(as_object(found), indent=2), out)
    else:
        write_out(
            for_reader(
                out,
                lambda: fitted.fits_screen(found, listed) if listed else fitted.fit_screen(found[0]),
                lambda: fitted.fits_table(found, listed),
            ),
            out,
        )


def as_object(found: Sequence[Fit]) -> dict[str, Any]:
    """Return every answer as one JSON object."""
    first = found[0]
    return {
        "vary": list(first.vary),
        "budget": {"column": first.column, "max": first.budget},
        "fits": [one.as_json() for one in found],
    }
