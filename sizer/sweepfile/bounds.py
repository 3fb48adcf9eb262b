"""What is kept and what is written: budgets, conditions and columns, from a file and from options alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sizer.errors import quoted
from sizer.networks.budgets import column_problem, read_size, split_bound
from sizer.networks.columns import COUNTED
from sizer.networks.counting import did_you_mean
from sizer.networks.fields import FIELDS
from sizer.sweepfile.expressions import Expression, ExpressionError, Hint, parse_expression
from sizer.sweepfile.findings import Findings, words_known
from sizer.sweepfile.schema import one_of
from sizer.sweepfile.sweep import Bound, Names, Sweep

KNOWN_COLUMNS = ("id", *dict.fromkeys((*FIELDS, *COUNTED)))
"""Every column that a table can have."""
_LEADING = ("id", "convention", "cell_type", "layers", "cells", "recurrent_projection", "nonrecurrent_projection")

Report = Callable[[str], None]
"""Takes one message about an option."""


def default_columns(swept: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a table for which none were asked.

    Example:
        >>> default_columns(["cells", "bidirectional"])[-3:]
        ('nonrecurrent_projection', 'bidirectional', 'weights')
    """
    return (*_LEADING, *(name for name in swept if name not in _LEADING and name != "weights"), "weights")


def resolved_columns(asked: str | Sequence[str], sweep: Sweep) -> tuple[str, ...]:
    """Return the columns that `default`, `all` or a list of known columns stands for."""
    if isinstance(asked, str) and sweep.of_blocks is not None:
        leading = tuple(dict.fromkeys(("id", "convention", *sweep.swept)))
        return tuple(dict.fromkeys((*leading, *(sweep.names.counted if asked == "all" else ("weights",)))))
    if asked == "default":
        return default_columns(sweep.swept)
    return KNOWN_COLUMNS if asked == "all" else tuple(asked)


def known_columns(sweep: Sweep) -> tuple[str, ...]:
    """Return every column that a sweep's table can have."""
    return ("id", *dict.fromkeys((*sweep.names.kinds, *sweep.names.counted)))


def read_budget(
    declared: Any, findings: Findings, counted: Sequence[str] = COUNTED, missing: Mapping[str, str] | None = None
) -> tuple[Bound, ...]:
    """Return the bounds of a file's budget, in file order.

    Args:
        declared: what stands under `budget`.
        findings: takes the faults.
        counted: the columns that can be bounded; the schema knows those of a network without blocks.
        missing: columns that other models have, each with why this one has not.
    """
    bounds = []
    for column, ends in (declared if isinstance(declared, dict) else {}).items():
        path = ("budget", column)
        if column not in counted and missing is not None:
            hint = (
                f"; {missing[column]}" if column in missing else findings.hint(column, counted) or words_known(counted)
            )
            findings.at_key(path, f"no column named {quoted(column)}{hint}")
        if column not in counted or not isinstance(ends, dict):
            continue
        found: dict[str, int | None] = {"min": None, "max": None}
        for end in found:
            if end in ends and not findings.touched((*path, end)):
                try:
                    found[end] = read_size(ends[end], column)
                except ValueError as problem:
                    findings.at_value((*path, end), str(problem))
        least, most = found["min"], found["max"]
        if least is not None and most is not None and least > most:
            findings.at_value((*path, "min"), f"{least} is above max, {most}")
        bounds.append(Bound(column, least, most))
    return tuple(bounds)


def read_conditions(declared: Any, findings: Findings, names: Names) -> tuple[Expression, ...]:
    """Return a file's conditions on what its configurations have."""
    found = []
    for position, text in enumerate(declared if isinstance(declared, list) else []):
        path = ("where", position)
        if not isinstance(text, str):
            continue
        try:
            found.append(condition(text, names, findings.hint))
        except ExpressionError as problem:
            for offset, message in problem.problems:
                findings.at_value(path, message, offset)
    return tuple(found)


def condition(text: str, names: Names, hint: Hint = did_you_mean) -> Expression:
    """Return a checked condition on the fields of a configuration.

    Args:
        text: as the user wrote it.
        names: of the configurations.
        hint: finds the known word that was meant.

    Raises:
        ExpressionError: as `parse_expression` says.
    """
    kinds = names.kinds
    counted = {name: "bounds on counted columns go in the budget" for name in names.counted if name not in kinds}
    return parse_expression(text, kinds, names.words, counted, hint)


def budget_of_option(
    asked: Any, standing: Sequence[Bound], report: Report, problem_of: Callable[[str], str] | None = None
) -> tuple[Bound, ...]:
    """Return the bounds of a sweep after `--budget`: an end that is asked for replaces the same end in the file.

    Args:
        asked: `"10M"` (the maximum of weights), `"int8_bytes=2MB"`, a list of such, or a mapping of columns to a
            maximum or to `{"min": ..., "max": ...}`.
        standing: the bounds of the file.
        report: takes a message for each fault.
        problem_of: says what is wrong with a column, nothing where it is counted; left out, those of plain networks are.
    """
    bounds = {bound.column: bound for bound in standing}
    for column, least, most in _asked_bounds(asked):
        if problem := problem_of(column) if problem_of else column_problem(column, one_of(COUNTED)):
            report(problem)
            continue
        before = bounds.get(column, Bound(column, None, None))
        try:
            minimum = before.minimum if least is None else read_size(least, column)
            maximum = before.maximum if most is None else read_size(most, column)
        except ValueError as unreadable:
            report(str(unreadable))
            continue
        if minimum is not None and maximum is not None and minimum > maximum:
            report(f"{column}: the minimum, {minimum}, is above the maximum, {maximum}")
            continue
        bounds[column] = Bound(column, minimum, maximum)
    return tuple(bounds.values())


def problem_of(counted: Collection[str]) -> Callable[[str], str]:
    """Return what says of a column that it is none of those that are counted."""
    return lambda column: column_problem(column, one_of(tuple(counted)), counted)


def _asked_bounds(asked: Any) -> list[tuple[str, Any, Any]]:
    """Return (column, minimum, maximum) for each bound that is asked for; None leaves an end as it is."""
    if isinstance(asked, Mapping):
        return [
            (str(column), ends.get("min"), ends.get("max")) if isinstance(ends, Mapping) else (str(column), None, ends)
            for column, ends in asked.items()
        ]
    found: list[tuple[str, Any, Any]] = []
    for item in [asked] if isinstance(asked, (str, int)) else asked:
        column, most = split_bound(item) if isinstance(item, str) else ("weights", item)
        found.append((column, None, most))
    return found


def words_of_option(asked: str | Sequence[str], known: Sequence[str], noun: str, report: Report) -> tuple[str, ...]:
    """Return the words of a list option, each known and there once."""
    words = [word.strip() for word in asked.split(",")] if isinstance(asked, str) else list(asked)
    for position, word in enumerate(words):
        if word not in known:
            report(f"no {noun} named {quoted(word)}{did_you_mean(word, known) or one_of(known)}")
        elif word in words[:position]:
            report(f"{quoted(word)} is there twice")
    if not words:
        report(f"is empty; name at least one {noun}")
    return tuple(words)
