"""The command on spaces: sample."""

from __future__ import annotations

from typing import Annotated

import typer

from sizer.cli.options import Bounds, Conditions, split_list
from sizer.cli.reporting import AsJson, OutFile, print_json, reported, write_out
from sizer.cli.sweeps import Sweepfile


def sample(
    sweep: Sweepfile,
    number: Annotated[
        int, typer.Option("-n", "--number", metavar="N", min=1, help="How many networks to sample.")
    ] = 10,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed gives the same networks.")] = 0,
    budget: Bounds = None,
    where: Conditions = None,
    out: OutFile = "-",
    as_json: AsJson = False,
) -> None:
    """Sample networks of a space that fit, uniformly, as CSV.

    sizer sample sweeps/widths.yaml -n 5 --seed 1

    sizer sample sweeps/widths.yaml -n 1000 --seed 1 --budget 9.5M --out networks.csv
    """
    with reported(as_json, counted="nothing was written"):
        from sizer.runs.spaces import draw
        from sizer.sweepfile.load import load_sweep

        drawn = draw(load_sweep(sweep), number, seed, budget=split_list(budget) or None, where=where or None)
        if as_json:
            print_json(drawn.as_json())
        else:
            write_out(drawn.as_csv(), out)
