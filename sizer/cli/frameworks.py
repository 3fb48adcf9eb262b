"""Commands that speak of frameworks: verify, code. Nothing of a framework is imported before it is asked for."""

from __future__ import annotations

import enum
import json
import os
from typing import Annotated, Any

import typer

from sizer.cli.options import ConfigurationId, SweepOrModel, network_fields, with_fields
from sizer.cli.reporting import AsJson, OutFile, reported, write_out
from sizer.cli.sweeps import Sweepfile
from sizer.errors import faults_of, quoted

DIFFERS = 4
"""The exit code of a comparison with a framework that found a difference, or that compared nothing."""


COMPARED = ("torch", "keras", "flax")
"""What a sweep can be compared with; anything else is a model file."""


class CodeTarget(enum.Enum):
    """What code can be written for."""

    TORCH = "torch"
    KERAS = "keras"


def verify(
    sweep: Sweepfile,
    framework: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="[torch|keras|flax|FILE]",
            help="The framework that builds the networks; or a model file to compare a model of blocks with.",
            show_default=False,
        ),
    ],
    sample: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many configurations to compare, besides the corners.")
    ] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", help="The seed of the random choice of configurations.")] = 0,
    allow_none: Annotated[
        bool, typer.Option("--allow-none", help="Exit with 0 if the framework builds none of them.")
    ] = False,
    as_json: AsJson = False,
    out: OutFile = "-",
) -> None:
    """Build a sample of a sweep in a framework, and compare every tensor's shape.

    It builds the corners of the grid and random configurations, without regard to the budget and `where`. The exit code
    is 4 if one differs, or if nothing could be compared.

    sizer verify sweeps/toolkits.yaml --with torch

    A model of blocks is compared block by block, with the sizes in the file, and as many of its blocks as possible are
    run.

    sizer verify sweeps/toolkits.yaml --with keras --sample 200 --seed 1 --json
    """
    if framework not in COMPARED:
        _verify_with_file(sweep, framework, as_json, out)
        return
    with reported(as_json, counted="nothing was compared"):
        from sizer.sweepfile.load import load_sweep
        from sizer.sweepfile.model_file import holds_blocks
        from sizer.verification import verify_sweep

        if holds_blocks(sweep):
            _verify_model(sweep, framework, allow_none, as_json, out)
            return
        done = verify_sweep(load_sweep(sweep), framework, sample=sample, seed=seed)
        write_out(json.dumps(done.as_json(), indent=2) if as_json else str(done), out)
    if done.difference is not None or not (done.compared or allow_none):
        raise typer.Exit(DIFFERS)


def _verify_with_file(model: str, file: str, as_json: bool, out: str) -> None:
    """Hold a model of blocks against a model file, tensor by tensor."""
    if not (os.path.lexists(file) or set("./") & set(file)):
        known = ", ".join(f"'{name}'" for name in COMPARED)
        raise typer.BadParameter(
            f"{quoted(file)} is not one of {known}, and there is no file of that name.", param_hint="'--with'"
        )
    with reported(as_json, counted="nothing was compared"):
        from sizer.networks.blocks.counting import count_graph
        from sizer.recovery.comparing import compare_with_file
        from sizer.recovery.looked import file_comparison_screen
        from sizer.recovery.looking import look
        from sizer.sweepfile.model_file import load_model

        loaded = load_model(model)
        ours = count_graph(loaded.graph, loaded.declared).weights
        done = compare_with_file(loaded.graph, ours, look(file))
        write_out(json.dumps(done.as_json(), indent=2) if as_json else file_comparison_screen(done), out)
    if not done.equal:
        raise typer.Exit(DIFFERS)


def _is_model(file: str | None) -> bool:
    """Return whether a file has a model of blocks."""
    from sizer.sweepfile.model_file import holds_blocks

    with reported(counted="nothing was written"):
        return file is not None and holds_blocks(file)


def _verify_model(file: str, framework: str, allow_none: bool, as_json: bool, out: str) -> None:
    """Compare the model of blocks in a file."""
    from sizer.sweepfile.model_file import load_model
    from sizer.verification import verify_model

    done = verify_model(load_model(file), framework)
    write_out(json.dumps(done.as_json(), indent=2) if as_json else str(done), out)
    if not (done.equal or (allow_none and not done.compared)):
        raise typer.Exit(DIFFERS)


@with_fields()
def code(
    framework: Annotated[CodeTarget, typer.Option("--to", help="The framework to write it for.", show_default=False)],
    sweep: SweepOrModel = None,
    configuration_id: ConfigurationId = None,
    out: OutFile = "-",
    fields: Any = None,
) -> None:
    """Print a short Python module that builds one network exactly.

    sizer code sweeps/toolkits.yaml --id 40 --to torch

    sizer code --convention keras --cell-type gru --inputs 80 --layers 2 --cells 256 --outputs 32 --to keras

    sizer code docs/detector.yaml --to torch
    """
    if (sweep is None) != (configuration_id is None) and not _is_model(sweep):
        raise typer.BadParameter("a sweep file and --id go together: sizer code SWEEP --id N --to torch")
    if sweep is not None and fields:
        raise typer.BadParameter("give either a sweep file with --id or the fields of a network")
    with reported(counted="nothing was written"):
        from sizer.frameworks.code import write_code, write_model

        if sweep is None:
            written = write_code(network_fields(fields), framework.value)
        elif configuration_id is None:
            from sizer.sweepfile.model_file import load_model

            found = load_model(sweep)
            with found.places_of_faults():
                written = write_model(found.graph, framework.value)
        else:
            from sizer.sweepfile.load import load_sweep
            from sizer.verification import configuration_of

            loaded = load_sweep(sweep)
            network = configuration_of(loaded, configuration_id)
            with faults_of(sweep):
                written = write_code(network, framework.value, loaded.cell_types, loaded.block_types)
        write_out(written, out)
