"""Commands on one network: explain, compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from sizer.cli import screens
from sizer.cli.options import ConfigurationId, SweepOrModel, check_one_network, network_fields, with_fields
from sizer.cli.reporting import AsJson, OutFile, for_reader, reported, write_out


@with_fields()
def explain(
    sweep: SweepOrModel = None,
    configuration_id: ConfigurationId = None,
    as_json: AsJson = False,
    out: OutFile = "-",
    fields: Any = None,
) -> None:
    """Show one network part by part, with the formula.

    sizer explain --inputs 39 --layers 3 --cells 1024 --outputs 34

    sizer explain sweeps/speech.yaml --id 2909

    sizer explain docs/keywords.yaml
    """
    check_one_network("explain", sweep, configuration_id, fields)
    with reported(as_json):
        from sizer.questions.breakdown import explain as explain_network

        if sweep is None:
            breakdown = explain_network(network_fields(fields))
        elif configuration_id is None:
            from sizer.questions.model_breakdown import explain_model
            from sizer.sweepfile.model_file import load_model

            breakdown = explain_model(load_model(sweep).asked)
        else:
            from sizer.runs.walk import explain_row
            from sizer.sweepfile.load import load_sweep

            breakdown = explain_row(load_sweep(sweep), configuration_id)
        if as_json:
            write_out(json.dumps(breakdown.as_json(), indent=2), out)
        else:
            write_out(
                for_reader(out, lambda: str(breakdown), lambda: screens.explain_table(breakdown)),
                out,
            )


@with_fields()
def compare(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]",
            help="A file with a model of blocks; or a sweep file, with --id.",
            show_default=False,
        ),
    ] = None,
    configuration_id: ConfigurationId = None,
    claim: Annotated[
        str | None,
        typer.Option(
            "--claim",
            metavar="FIGURE",
            help="A stated number of weights, 21M or 21,252,205: show the readings that give it, those with the fewest assumptions first.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    out: OutFile = "-",
    fields: Any = None,
) -> None:
    """Show the same network under every convention, side by side, or which readings give a stated figure.

    sizer compare --inputs 80 --layers 3 --cells 1024 --recurrent-projection 256

    sizer compare docs/keywords.yaml

    sizer compare docs/keywords.yaml --claim 74.9K

    sizer compare sweeps/rnnt.yaml --id 215

    sizer compare --claim 21M --inputs 205 --layers 5 --cells 700 --outputs 205
    """
    if model is not None and fields:
        raise typer.BadParameter("give either a file with a model of blocks, or the fields of a network")
    if model is None and configuration_id is not None:
        raise typer.BadParameter("--id names a configuration of a sweep file: sizer compare SWEEP --id N")
    if claim is None and "convention" in fields:
        raise typer.BadParameter("--convention goes with --claim; without a claim every convention is shown")
    with reported(as_json):
        own: dict[str, Mapping[str, Any]] = {}
        if model is None:
            network = network_fields(fields)
            if "convention" not in fields:
                del network["convention"]
        elif configuration_id is not None:
            from sizer.runs.walk import network_of
            from sizer.sweepfile.load import load_sweep

            network, own = network_of(load_sweep(model), configuration_id)
        else:
            from sizer.sweepfile.model_file import load_model

            loaded = load_model(model)
            network = dict(loaded.declared)
            own = loaded.own
        if claim is not None:
            from sizer.questions import claimed
            from sizer.questions.reconciliation import reconcile

            found = reconcile(network, claim, **own)
            if as_json:
                write_out(json.dumps(found.as_json(), indent=2), out)
            else:
                write_out(
                    for_reader(out, lambda: claimed.claim_screen(found), lambda: claimed.claim_table(found)),
                    out,
                )
            return
        from sizer.questions.comparison import compare as compare_network

        readings = compare_network(network, **own)
        if as_json:
            found_json = {"network": network, "readings": [reading.as_json() for reading in readings]}
            write_out(json.dumps(found_json, indent=2), out)
        else:
            write_out(
                for_reader(
                    out, lambda: screens.compare_screen(readings, network), lambda: screens.compare_table(readings)
                ),
                out,
            )
