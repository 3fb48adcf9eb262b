"""The command that hands configurations over to a search tool: export."""

from __future__ import annotations

import enum
import sys
from typing import Annotated

import typer

from sizer.cli.options import split_list
from sizer.cli.queries import Sort, Where
from sizer.cli.reporting import OutFile, note_unverified, reported
from sizer.tables.stored.out_files import checked_path, out_file


class Tool(enum.Enum):
    """What reads the export."""

    OPTUNA = "optuna"
    WANDB = "wandb"
    RAY = "ray"
    HYDRA = "hydra"
    JSONL = "jsonl"


def export(
    result: Annotated[
        str, typer.Argument(metavar="RESULT", help="A table written by a run, or its manifest.", show_default=False)
    ],
    to: Annotated[Tool, typer.Option("--to", help="The tool.", show_default=False)],
    budget: Annotated[
        list[str] | None, typer.Option(metavar="BOUND", help="A bound, written as in sizer query.")
    ] = None,
    where: Where = None,
    sort: Sort = None,
    top: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The most configurations to write.", show_default="all")
    ] = None,
    out: OutFile = "-",
) -> None:
    """Write kept configurations for Optuna, Weights & Biases, Ray Tune or Hydra, or as JSON lines.

    sizer export results/speech.parquet --to optuna --sort -weights --top 20 --out trials.json

    sizer export results/speech.parquet --to jsonl --where "layers == 2"
    """
    with reported(counted="nothing was exported"):
        from sizer.tables.asked.answers import rows_of
        from sizer.tables.asked.exports import columns_needed, exported
        from sizer.tables.asked.query import Query, answered
        from sizer.tables.asked.results import open_results

        if out != "-":
            checked_path(out)
        opened = open_results([result])
        asked = Query(
            budget=split_list(budget),
            where=where or (),
            sort=split_list(sort),
            top=top,
            columns=columns_needed(opened),
        )
        with answered(opened, asked) as answer:
            pieces = exported(opened, rows_of(answer), answer.rows, to.value)
            if out == "-":
                for piece in pieces:
                    sys.stdout.write(piece)
                sys.stdout.flush()
                note_unverified(opened)
                return
            with out_file(out) as path, path.open("w", encoding="utf-8") as file:
                file.writelines(pieces)
            note_unverified(opened)
            typer.echo(f"{out}: {answer.rows:,} configurations for {to.value}", err=True)
