"""Kept configurations become what a search tool reads: a line of JSON each, or one list, or a sweep of the tool's own.

A table has the columns that a person wanted to see; a network has more fields than these. The others come from the sweep
that the table carries with it, so that every configuration that is handed over can be counted again.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sizer.errors import Fault, InputError, quoted
from sizer.grids.ids import locate
from sizer.networks.blocks.outlines import OpenModel
from sizer.networks.cells import CellType
from sizer.networks.counting import count, did_you_mean
from sizer.networks.fields import FIELDS, REQUIRED
from sizer.parameters import checked
from sizer.sweepfile.load import parse_sweep
from sizer.sweepfile.sweep import Grid, Sweep
from sizer.tables.asked.results import Named, Results, open_results
from sizer.tables.stored.out_files import checked_path, out_file

MOST_IN_ONE_SWEEP = 100_000
"""Configurations of W&B's and Hydra's files: these tools take such a file into memory as a whole."""


_AT_ONCE = 4096
"""Rows of a space that are looked up together."""


@dataclass(frozen=True)
class Exported:
    """One configuration to hand over."""

    id: int | None
    weights: int | None
    fields: Mapping[str, Any]
    """As `sizer.count` takes them; every configuration of an export has the same fields, None where one is not said."""
    cell_types: Mapping[str, CellType] = field(default_factory=dict)
    """Those that its sweep defines."""
    model: OpenModel | None = None
    """The model of blocks that its sweep has, of which the fields are paths."""


def columns_needed(results: Results, *, own_cells: bool = False) -> list[str]:
    """Return the columns that an export reads.

    Args:
        results: one result.
        own_cells: whether cell types that its sweep defines are known where the networks go.

    Raises:
        InputError: the networks cannot be known from the results.
    """
    if len(results.results) > 1:
        raise InputError(
            [
                Fault(result.name, 0, 0, "", "only one result can be exported at a time")
                for result in results.results[1:]
            ]
        )
    known = results.columns
    if _sweep_of(results, own_cells) is not None and "id" in known:
        return [name for name in ("id", "weights") if name in known]
    fields = [name for name in FIELDS if name in known]
    missing = [name for name in REQUIRED if name not in known]
    if not {"inputs", "vocabulary"} & {*known}:
        missing.append("inputs")
    if missing:
        message = f"lacks {', '.join(missing)}, and says nothing of its sweep; name the Parquet table or the manifest of the run"
        raise InputError([Fault(results.labels[0], 0, 0, "", message)])
    return [name for name in ("id", *fields, "weights") if name in known]


def _sweep_of(results: Results, own_cells: bool) -> Sweep | None:
    text = results.provenance.get("sweep")
    if not isinstance(text, str):
        return None
    sweep = parse_sweep(text, results.labels[0])
    if sweep.cell_types and not own_cells:
        message = "its sweep defines cell types of its own, which cannot be exported as plain values"
        raise InputError([Fault(results.labels[0], 0, 0, "", message)])
    return sweep


def configurations(
    results: Results, rows: Iterator[Mapping[str, Any]], *, own_cells: bool = False
) -> Iterator[Exported]:
    """Yield the configurations of rows.

    Args:
        results: where the rows are from.
        rows: with the columns of `columns_needed`.
        own_cells: whether cell types that the sweep defines come along.
    """
    sweep = _sweep_of(results, own_cells)
    if sweep is None or "id" not in results.columns:
        for row in rows:
            fields = {name: value for name, value in row.items() if name in FIELDS}
            _check_weights(results, fields, row.get("weights"))
            yield Exported(row.get("id"), row.get("weights"), fields)
        return
    if sweep.is_space:
        yield from _of_space(results, sweep, rows)
        return
    if sweep.of_blocks is not None:
        yield from _of_blocks(results, sweep, rows)
        return
    said = {name for grid in sweep.grids for name in (*grid.fixed, *grid.swept)}
    names = [name for name in FIELDS if name in said]
    for row in rows:
        grid, places = _place_of(results, sweep, row)
        given = grid.configuration(places)
        yield Exported(row["id"], row.get("weights"), {name: given.get(name) for name in names}, sweep.cell_types)


def _place_of(results: Results, sweep: Sweep, row: Mapping[str, Any]) -> tuple[Grid, tuple[int, ...]]:
    """Return the grid and the positions on its axes of a row."""
    if row["id"] is None:
        raise InputError([Fault(results.labels[0], 0, 0, "id", "a row has none: the table is not its sweep's")])
    try:
        return locate(sweep, row["id"])
    except IndexError as problem:
        raise InputError([Fault(results.labels[0], 0, 0, "id", f"{problem}: the table is not its sweep's")]) from None


def _of_blocks(results: Results, sweep: Sweep, rows: Iterator[Mapping[str, Any]]) -> Iterator[Exported]:
    """Yield the configurations of a model of blocks: what is swept, by its path; the rest stands in the sweep file."""
    for row in rows:
        grid, places = _place_of(results, sweep, row)
        assert grid.model is not None
        fields = _all_swept(sweep, grid.model, grid.values(places))
        yield Exported(row["id"], row.get("weights"), fields, sweep.cell_types, model=grid.model)


def _of_space(results: Results, sweep: Sweep, rows: Iterator[Mapping[str, Any]]) -> Iterator[Exported]:
    """Yield the configurations of a space: fields that each layer has by itself are lists."""
    from sizer.spaces.space import Space

    space = Space(sweep)
    while some := list(itertools.islice(rows, _AT_ONCE)):
        ids = [_id_of(results, row) for row in some]
        try:
            found = space.by_id(ids)
        except IndexError as problem:
            message = f"{problem}: the table is not its sweep's"
            raise InputError([Fault(results.labels[0], 0, 0, "id", message)]) from None
        for place, row in enumerate(some):
            model = _model_of(sweep, ids[place])
            if model is None:
                given = found[place].items()
                fields = {name: list(value) if isinstance(value, tuple) else value for name, value in given}
            else:
                fields = _all_swept(sweep, model, found.flat(place))
            yield Exported(ids[place], row.get("weights"), fields, sweep.cell_types, model)


def _model_of(sweep: Sweep, configuration_id: int) -> OpenModel | None:
    """Return the model of blocks of the grid that a configuration is of; None where there are no blocks."""
    if sweep.of_blocks is None:
        return None
    ends = itertools.accumulate(grid.size for grid in sweep.grids)
    return next(grid.model for grid, end in zip(sweep.grids, ends, strict=True) if configuration_id < end)


def _all_swept(sweep: Sweep, model: OpenModel, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return every field that is swept somewhere, those that are not swept here as the model has them."""
    names = dict.fromkeys(name for grid in sweep.grids for name in grid.swept)
    return {name: values[name] if name in values else model.own(name) for name in names}


def _id_of(results: Results, row: Mapping[str, Any]) -> int:
    """Return a row's id, which is text where it passes 2^63 - 1."""
    try:
        return int(row["id"])
    except (TypeError, ValueError):
        message = "a row has none: the table is not its sweep's"
        raise InputError([Fault(results.labels[0], 0, 0, "id", message)]) from None


def _check_weights(results: Results, fields: Mapping[str, Any], weights: int | None) -> None:
    """Check that a table which says nothing of its sweep has every field that matters.

    Raises:
        InputError: a configuration counts something else than its row says, or is no network.
    """
    try:
        counted = count({name: value for name, value in fields.items() if value is not None}).weights
    except InputError as problem:
        raise InputError(
            Fault(results.labels[0], 0, 0, fault.path, f"a row is not a network: {fault.message}")
            for fault in problem.faults
        ) from None
    if weights is not None and counted != weights:
        message = f"a row of {weights:,} weights counts {counted:,} by its columns: some field is not among them; name the Parquet table or the manifest of the run"
        raise InputError([Fault(results.labels[0], 0, 0, "weights", message)])


def _beside(one: Exported) -> dict[str, int]:
    """Return what is said of a configuration beside its fields."""
    return {name: value for name, value in (("id", one.id), ("weights", one.weights)) if value is not None}


def _json_lines(found: Iterator[Exported], name: str) -> Iterator[str]:
    for one in found:
        beside = _beside(one)
        first = {"id": beside.pop("id")} if "id" in beside else {}
        # `other_weights` is a field; `weights` is none, so that no field is overwritten.
        yield json.dumps({**first, **one.fields, **beside}) + "\n"


def _json_list(found: Iterator[Exported], entry: Callable[[Exported], Any]) -> Iterator[str]:
    before = "[\n"
    for one in found:
        yield before + json.dumps(entry(one))
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _optuna(found: Iterator[Exported], name: str) -> Iterator[str]:
    yield from _json_list(found, lambda one: {"params": dict(one.fields), "user_attrs": _beside(one)})


def _ray(found: Iterator[Exported], name: str) -> Iterator[str]:
    yield from _json_list(found, lambda one: dict(one.fields))


def _wandb(found: Iterator[Exported], name: str) -> Iterator[str]:
    yield f"# A sweep for Weights & Biases: wandb sweep FILE. A run finds its network in wandb.config.network.\nmethod: grid\nname: {json.dumps(name)}\n"
    yield "parameters:\n  network:\n    values:\n"
    for one in found:
        # One line each, in flow style: JSON is YAML.
        yield f"      - {json.dumps(dict(one.fields))}\n"


def _hydra(found: Iterator[Exported], name: str) -> Iterator[str]:
    yield "# @package _global_\n# Networks for Hydra's sweeper: save as conf/experiment/NAME.yaml and run with +experiment=NAME.\n"
    yield "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      +network: >-\n"
    before = ""
    for one in found:
        fields = ", ".join(f"{key}: {_hydra_value(value)}" for key, value in one.fields.items())
        yield f"{before}        {{{fields}}}"
        before = ",\n"
    yield "\n"


def _hydra_value(value: Any) -> str:
    return json.dumps(value) if not isinstance(value, str) else value


FORMS: dict[str, Callable[[Iterator[Exported], str], Iterator[str]]] = {
    "optuna": _optuna,
    "wandb": _wandb,
    "ray": _ray,
    "hydra": _hydra,
    "jsonl": _json_lines,
}
"""Tool -> how configurations and the sweep's name are written for it."""


def exported(results: Results, rows: Iterator[Mapping[str, Any]], number: int, form: str) -> Iterator[str]:
    """Yield the text that hands configurations over to a tool, piece by piece.

    Args:
        results: where the rows are from.
        rows: with the columns of `columns_needed`.
        number: how many rows there are.
        form: one of `FORMS`.

    Raises:
        InputError: there are none, or more than the tool takes in one file.
    """
    if not number:
        raise InputError([Fault(results.labels[0], 0, 0, "", "has no such configuration; there is nothing to export")])
    if form in {"wandb", "hydra"} and number > MOST_IN_ONE_SWEEP:
        message = f"{number:,} configurations are more than the {MOST_IN_ONE_SWEEP:,} that go into one file for {form}; --top N takes the first ones"
        raise InputError([Fault(results.labels[0], 0, 0, "", message)])
    yield from FORMS[form](configurations(results, rows), results.name)


@checked
def export(
    results: Named,
    to: str,
    out: str | os.PathLike[str] | None = None,
    *,
    budget: str | int | Sequence[str | int] | Mapping[str, Any] = (),
    where: str | Sequence[str] = (),
    sort: str | Sequence[str] = (),
    top: int | None = None,
) -> Any:
    """Write kept configurations for a search tool.

    Args:
        results: the table of one run, or the run.
        to: `optuna`, `wandb`, `ray`, `hydra` or `jsonl`.
        out: the file to write; None: the text is returned.
        budget, where, sort, top: as for `query`.

    Returns:
        The text, or the path of the file.

    Raises:
        InputError: a file is not a result, its networks cannot be worked out, or the question has faults.
        RunError: DuckDB is not installed, or the file cannot be written.
    """
    from sizer.tables.asked.answers import rows_of
    from sizer.tables.asked.query import Query, answered, words_of

    if to not in FORMS:
        message = f"no tool named {quoted(str(to))}{did_you_mean(str(to), FORMS) or '; one of ' + ', '.join(FORMS)}"
        raise InputError([Fault("", 0, 0, "to", message)])
    path = None if out is None else checked_path(os.fspath(out), "out")
    opened = open_results(results)
    conditions = (where,) if isinstance(where, str) else tuple(where)
    asked = Query(budget=budget, where=conditions, sort=words_of(sort), top=top, columns=columns_needed(opened))
    with answered(opened, asked) as answer:
        pieces = exported(opened, rows_of(answer), answer.rows, to)
        if path is None:
            return "".join(pieces)
        with out_file(path, "out") as pending, pending.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
    return path
