"""The command that prints one number: count."""

from __future__ import annotations

import json
from typing import Any

import typer

from sizer.cli.options import ConfigurationId, SweepOrModel, check_one_network, network_fields, with_fields
from sizer.cli.reporting import AsJson, OutFile, reported, write_out


@with_fields()
def count(
    sweep: SweepOrModel = None,
    configuration_id: ConfigurationId = None,
    as_json: AsJson = False,
    out: OutFile = "-",
    fields: Any = None,
) -> None:
    """Print only the number of weights of one network, for scripts.

    sizer count --inputs 39 --layers 3 --cells 1024 --outputs 34

    sizer count sweeps/speech.yaml --id 2909 --json
    """
    check_one_network("count", sweep, configuration_id, fields)
    with reported(as_json):
        counted = _counted(sweep, configuration_id, fields)
        if as_json:
            found = {"configuration": counted.configuration, **counted.columns()}
            write_out(json.dumps({**found, "notes": list(getattr(counted, "notes", ()))}, indent=2), out)
            return
        for note in getattr(counted, "notes", ()):
            typer.echo(note, err=True)
        write_out(str(counted.weights), out)


def _counted(sweep: str | None, configuration_id: int | None, fields: Any) -> Any:
    """Return the count of the network that was named."""
    if sweep is None:
        from sizer.networks.counting import count as count_fields

        return count_fields(network_fields(fields))
    if configuration_id is None:
        from sizer.questions.model_breakdown import break_down_graph
        from sizer.sweepfile.model_file import load_model

        found = load_model(sweep)
        return break_down_graph(found.graph, found.declared).count
    from sizer.runs.walk import explain_row
    from sizer.sweepfile.load import load_sweep

    return explain_row(load_sweep(sweep), configuration_id).count
