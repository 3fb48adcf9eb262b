"""A sweep file becomes a frozen `Sweep`, or an `InputError` with every one of its faults."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any

from sizer.errors import Fault, InputError, is_text, quoted
from sizer.formats import BY_DEFAULT, OF_RUNS
from sizer.networks.counting import CHOICES
from sizer.parameters import checked
from sizer.sweepfile.axes import LARGEST
from sizer.sweepfile.bounds import (
    budget_of_option,
    condition,
    known_columns,
    problem_of,
    read_budget,
    read_conditions,
    resolved_columns,
    words_of_option,
)
from sizer.sweepfile.expressions import Expression, ExpressionError
from sizer.sweepfile.findings import Findings, capped
from sizer.sweepfile.grids import PlacedGrid, read_grids
from sizer.sweepfile.limits import (
    count_bounds,
    largest_of_all,
    no_valid_configuration,
    reach_problems,
    too_large,
    too_many_corners,
)
from sizer.sweepfile.model_grids import place_in, read_model_grids
from sizer.sweepfile.own_blocks import read_own_blocks
from sizer.sweepfile.own_cells import cell_words, read_own_cells
from sizer.sweepfile.schema import check_schema
from sizer.sweepfile.sweep import KINDS, Bound, Names, Sweep
from sizer.sweepfile.toolkits import notes_of_blocks, read_toolkits
from sizer.sweepfile.yamltext import ENOUGH, SIZE_LIMIT, Path, read_yaml, too_long

_WORDS_OF_ERRORS = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "no such file: part of the path is a file, not a folder",
    errno.EACCES: "no permission to read the file",
    errno.EPERM: "no permission to read the file",
    errno.EISDIR: "is a folder; name a sweep file",
    errno.ENAMETOOLONG: "the name is too long for a file",
    errno.ELOOP: "the path is a link that leads back to itself",
}

_PLACE = re.compile(r",?(?: first)? at line \d+, column \d+")


@checked
def load_sweep(path: str | os.PathLike[str]) -> Sweep:
    """Return the sweep in a file.

    Args:
        path: a YAML file in UTF-8, as `schemas/sweep.schema.json` describes it.

    Raises:
        InputError: the file cannot be read or has faults; all of them at once, sorted by place.
    """
    file = os.fspath(path)
    return parse_sweep(read_file(file), file)


def sweep_of(source: object, name: str = "sweep") -> Sweep:
    """Return the sweep that is named, written down as a mapping, or loaded already.

    Args:
        source: a file, what would stand in one, or a sweep. In a mapping a `range` is an axis, arrays are lists, and
            `sizer` and `name` may be left out.
        name: of a mapping that has none.

    Raises:
        InputError: the file cannot be read, or the sweep has faults; of a mapping each with its path.

    Example:
        >>> model = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2}
        >>> sweep_of({"model": model, "grid": {"cells": range(64, 1025, 64)}}).size
        16
    """
    if isinstance(source, Sweep):
        return source
    if isinstance(source, Mapping):
        text = text_of({"sizer": 1, "name": name, **source})
        with unplaced():
            return parse_sweep(text)
    if not isinstance(source, (str, os.PathLike)):
        message = f"{quoted(str(source))} is not a sweep; give a path, a mapping with the contents of a sweep file, or a loaded sweep"
        raise InputError([Fault("", 0, 0, "sweep", message)])
    return load_sweep(source)


def text_of(source: Mapping[str, Any]) -> bytes:
    """Return a mapping as the text of a file that holds it.

    Raises:
        InputError: it is nested too deeply.
    """
    try:
        return json.dumps(_written(source), ensure_ascii=False).encode("utf-8", "surrogatepass")
    except RecursionError:
        raise InputError([_file_fault("", "the sweep is nested too deeply")]) from None


@contextmanager
def unplaced(within: str = "") -> Iterator[None]:
    """Leave the lines and columns out of faults: they would be those of a text that nobody has seen.

    Args:
        within: what paths begin with that nobody wrote.
    """
    try:
        yield
    except InputError as problem:
        raise InputError(
            dataclasses.replace(
                fault,
                line=0,
                column=0,
                path=fault.path.removeprefix(within) or "sweep",
                message=_PLACE.sub("", fault.message),
            )
            for fault in problem.faults
        ) from None


def _written(value: Any) -> Any:
    """Return a value of Python as JSON can hold it; what it cannot is written as text, which the schema refuses."""
    if isinstance(value, Mapping):
        return {str(key): _written(one) for key, one in value.items()}
    if isinstance(value, range):
        if len(value) < 2 or value.step < 0:
            return list(value)
        return {"from": value[0], "to": value[-1], "step": value.step}
    if isinstance(value, (list, tuple)):
        return [_written(one) for one in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value if is_text(value) else repr(value)
    # Arrays and numbers of other libraries say what they are in plain Python.
    plain = getattr(value, "tolist", None)
    return _written(plain()) if callable(plain) else str(value)


def read_file(file: str) -> bytes:
    """Return the bytes of a file, no more than are read of one.

    Raises:
        InputError: it cannot be read.
    """
    try:
        status = FilePath(file).stat()
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "")
        over_limit = stat.S_ISREG(status.st_mode) and status.st_size > SIZE_LIMIT
        with FilePath(file).open("rb") as stream:
            # A pipe or device has no size beforehand and may never end.
            raw = b"" if over_limit else stream.read(SIZE_LIMIT + 1)
    except OSError as problem:
        words = _WORDS_OF_ERRORS.get(problem.errno or 0) or f"cannot be read: {problem.strerror or problem}"
        raise InputError([_file_fault(file, words)]) from None
    except ValueError:
        raise InputError([_file_fault(file, "no file can have this name")]) from None  # there is a NUL in it
    if over_limit or len(raw) > SIZE_LIMIT:
        raise InputError([_file_fault(file, too_long(status.st_size if over_limit else None))])
    return raw


def _file_fault(file: str, message: str) -> Fault:
    return Fault(file, 0, 0, "", message)


def parse_sweep(text: bytes | str, file: str = "") -> Sweep:
    """Return the sweep in a text.

    Args:
        text: YAML; bytes are read as UTF-8.
        file: what faults call the text.

    Raises:
        InputError: the text has faults; all of them at once, sorted by place.
    """
    document = read_yaml(text, file)
    findings = Findings(document)
    if not document.whole:
        findings.raise_any()
    data = document.data
    if not isinstance(data, dict):
        if not findings.faults:
            findings.at_value((), "is not a mapping; a sweep starts with a line such as `sizer: 1`")
        findings.raise_any()
    if len(findings.faults) > ENOUGH:
        findings.cut = True
    else:
        check_schema(data, findings)
    if findings.cut:
        findings.raise_any()  # what follows relies on data of which every fault is known
    cell_types = read_own_cells(data, findings)
    notes: tuple[str, ...] = ()
    block_types = read_own_blocks(data, findings)
    output = data.get("output", {})
    of_blocks: Names | None = None
    if isinstance(data.get("model"), dict) and "blocks" in data["model"]:
        found = read_model_grids(data, findings, cell_types, block_types)
        grids = found.grids
        notes = notes_of_blocks(data["model"], data.get("grid"))
        budget: tuple[Bound, ...] = ()
        where: tuple[Expression, ...] = ()
        if grids and found.names.counted:
            of_blocks = found.names
            budget = read_budget(data.get("budget"), findings, of_blocks.counted, found.missing)
            where = read_conditions(data.get("where"), findings, of_blocks)
            _check_columns(output.get("columns"), of_blocks, found.missing, findings)
    else:
        notes = read_toolkits(data, findings)
        grids = read_grids(data, findings, cell_types)
        budget = read_budget(data.get("budget"), findings)
        words = {**CHOICES, "cell_type": cell_words(data)}
        where = read_conditions(data.get("where"), findings, Names(KINDS, words))
    findings.raise_any()
    raw = text.encode() if isinstance(text, str) else text
    sweep = Sweep(
        file=file,
        text=document.text,
        sha256=hashlib.sha256(raw).hexdigest(),
        name=data["name"],
        description=data.get("description", "").strip(),
        grids=tuple(placed.grid for placed in grids),
        where=where,
        budget=budget,
        formats=tuple(output.get("formats", BY_DEFAULT)),
        columns=(),
        cell_types=cell_types,
        notes=notes,
        of_blocks=of_blocks,
    )
    sweep = dataclasses.replace(sweep, columns=resolved_columns(output.get("columns", "default"), sweep))
    # Of a space both are said by those who count it: its corners are more than can be looked at here.
    if not sweep.is_space:
        _check_limits(sweep, grids, findings)
        _check_validity(grids, findings)
    findings.raise_any()
    return sweep


def _check_columns(asked: Any, names: Names, missing: Mapping[str, str], findings: Findings) -> None:
    """Report the columns that are asked for and that a model of blocks has not."""
    known = ("id", *names.kinds, *names.counted)
    for position, column in enumerate(asked if isinstance(asked, list) else []):
        if isinstance(column, str) and column not in known:
            why = (
                f"; {missing[column]}"
                if column in missing
                else findings.hint(column, known) or "; write default, all, or a list of columns"
            )
            findings.at_value(("output", "columns", position), f"{quoted(column)} is not known{why}")


def _check_limits(sweep: Sweep, grids: Sequence[PlacedGrid], findings: Findings) -> None:
    """Report the columns and conditions that would not fit 64 bits, each once, at the place that asks for them."""
    bounded = {bound.column for bound in sweep.budget}
    bounds = [placed.bounds for placed in grids]
    overflows = _overflows(sweep, bounds)
    if overflows is None:
        findings.at_parent(("grid",), too_many_corners())
    for column, value in (overflows or {}).items():
        if column in bounded:
            path: Path = ("budget", column)
        else:
            path = ("grid",)
        findings.at_parent(path, too_large(column, value))
    for position, problem in reach_problems(sweep.where, sweep.grids, bounds).items():
        findings.at_value(("where", position), problem)


def _overflows(sweep: Sweep, bounds: Sequence[Mapping[str, tuple[int, int]]]) -> dict[str, int] | None:
    """Return column -> how large it can get, for the written and bounded columns that could pass 2**63 - 1.

    None where there are too many corners to say.
    """
    needed = {"weights", *sweep.columns, *(bound.column for bound in sweep.budget)}
    columns = [name for name in sweep.names.counted if name in needed]
    # No part is larger than the whole, so that most sweeps need no look at the parts.
    whole = [name for name in columns if name == "weights" or not name.endswith("weights")]
    largest = largest_of_all(sweep.grids, bounds, whole)
    if largest is None:
        return None
    if largest["weights"] > LARGEST:
        largest = largest_of_all(sweep.grids, bounds, columns) or largest
    return {name: largest[name] for name in columns if largest.get(name, 0) > LARGEST}


def _check_validity(grids: Sequence[PlacedGrid], findings: Findings) -> None:
    """Report why, where no configuration at all is valid."""
    reported: set[tuple[Path, str]] = set()
    for number, field, reason in no_valid_configuration([placed.grid for placed in grids]):
        places = grids[number].places
        model = grids[number].grid.model
        path = places.get(field) or (
            place_in(model.declared, field) if model else places.get("convention") or ("grid",)
        )
        if (path, reason) not in reported:
            reported.add((path, reason))
            findings.at_value(path, f"no configuration of this sweep is valid: {reason}")


def apply_options(
    sweep: Sweep,
    *,
    budget: str | int | Sequence[str | int] | Mapping[str, Any] | None = None,
    where: str | Iterable[str] | None = None,
    formats: str | Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
) -> Sweep:
    """Return the sweep with what a command line or a call asks for on top of the file.

    Args:
        sweep: what the file says.
        budget: `"10M"` or a number replaces the maximum of weights and keeps its minimum; `"int8_bytes=2MB"`
            does so for another column; a list of such; or a mapping of columns to a maximum or to
            `{"min": ..., "max": ...}`.
        where: conditions that must hold as well.
        formats: `csv`, `parquet`, `xlsx`; replaces the file's. Text is split at commas.
        columns: `default`, `all`, or columns by name; replaces the file's. Text is split at commas.

    Raises:
        InputError: an option has faults; their path is the argument's name.
    """
    faults: list[Fault] = []

    def reporter(option: str) -> Callable[[str], None]:
        return lambda message: faults.append(Fault("", 0, 0, option, message))

    changes: dict[str, Any] = {}
    if budget is not None:
        changes["budget"] = budget_of_option(budget, sweep.budget, reporter("budget"), problem_of(sweep.names.counted))
    if where is not None:
        added = []
        for text in [where] if isinstance(where, str) else where:
            try:
                added.append(condition(text, sweep.names))
            except ExpressionError as problem:
                for offset, message in problem.problems:
                    faults.append(Fault("", 0, 0, "where", f"{quoted(text)}, character {offset + 1}: {message}"))
        changes["where"] = (*sweep.where, *added)
    if formats is not None:
        changes["formats"] = words_of_option(formats, OF_RUNS, "format", reporter("formats"))
    if columns is not None:
        listed = [columns] if isinstance(columns, str) else list(columns)
        if len(listed) == 1 and listed[0].strip() in {"default", "all"}:
            asked: str | Sequence[str] = listed[0].strip()
        else:
            for word in sorted({"all", "default"}.intersection(map(str.strip, listed))):
                meaning = "every column" if word == "all" else "the columns of a table for which none are asked"
                reporter("columns")(f"'{word}' must stand alone; it names {meaning}")
            asked = words_of_option(columns, (*known_columns(sweep), "all", "default"), "column", reporter("columns"))
        changes["columns"] = resolved_columns(asked, sweep)
    changed = dataclasses.replace(sweep, **changes)
    if not faults and not sweep.is_space:
        faults.extend(_option_limits(sweep, changed))
    if faults:
        raise InputError(capped(faults))
    return changed


def _option_limits(before: Sweep, after: Sweep) -> list[Fault]:
    """Return the faults of columns and conditions that only the options ask for."""
    bounds = [count_bounds(grid) for grid in after.grids]
    bounded = {bound.column for bound in after.budget} - {bound.column for bound in before.budget}
    found = [
        Fault("", 0, 0, "budget" if column in bounded else "columns", too_large(column, value))
        for column, value in (_overflows(after, bounds) or {}).items()
    ]
    found.extend(
        Fault("", 0, 0, "where", f"{quoted(after.where[position].text)}: {problem}")
        for position, problem in reach_problems(after.where, after.grids, bounds).items()
    )
    return found
