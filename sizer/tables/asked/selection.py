"""A budget and conditions on any column become the rows of results that are within, as SQL.

What a user wrote is checked first: against the columns, their words, and how far the numbers in them go.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sizer.errors import Fault, InputError, quoted
from sizer.networks.blocks.outlines import OF_BLOCK
from sizer.networks.columns import BYTES, COUNTED, MODEL_PARTS
from sizer.networks.counting import CHOICES, did_you_mean
from sizer.networks.fields import FIELDS
from sizer.sweepfile.bounds import budget_of_option, problem_of
from sizer.sweepfile.expressions import Expression, ExpressionError, parse_expression
from sizer.sweepfile.sweep import Bound
from sizer.tables.asked.result import TABLE, is_counted, is_of_blocks
from sizer.tables.asked.results import Results
from sizer.tables.asked.sql import condition, identifier

if TYPE_CHECKING:
    import duckdb

_LARGEST = 2**63 - 1


def no_column(results: Results, option: str, column: str) -> Fault:
    """Return the fault of a column that results do not have, with what to do."""
    return Fault("", 0, 0, option, f"no column named {quoted(column)} in {results.name}{_hint(results, column)}")


def _hint(results: Results, column: str) -> str:
    """Return what to do about a column that results do not have."""
    known = list(results.columns)
    there = f"there are {', '.join(known)}"
    written = f"; `sizer run --columns all` writes {{}}, these are {', '.join(known)}"
    # Of a model of blocks a run can count every block; which there are is known of those of which a field is swept.
    blocks = [
        f"{block}{OF_BLOCK}" for name in known if is_of_blocks(name) and (block := name.partition(".")[0]) != name
    ]
    if column in COUNTED or column in blocks or (blocks and column in MODEL_PARTS):
        return written.format("it")
    hint = did_you_mean(column, known) or (written.format("it") if column in FIELDS and not blocks else "")
    if not hint and blocks:
        hint = did_you_mean(column, blocks).replace("?", ", which `sizer run --columns all` writes?")
    if not hint and blocks and column.endswith(OF_BLOCK):
        hint = written.format("the weights of each block")
    return hint or f"; {there}"


def bound_problem(results: Results) -> Callable[[str], str]:
    """Return what says of a column that no budget of results can be on it."""
    counted = bounded_columns(results)
    known = problem_of(counted)
    return lambda column: (
        "" if column in counted else no_column(results, "", column).message if is_counted(column) else known(column)
    )


def selection(
    connection: duckdb.DuckDBPyConnection, results: Results, *, budget: Any = (), where: Sequence[str] = ()
) -> str:
    """Return the rows within a budget for which conditions hold, as SQL that can stand behind FROM.

    Args:
        connection: from `results.connected()`.
        results: whose rows these are.
        budget: as `sizer run` takes it; a bound on bytes is read from the weights where the table has no such column.
        where: conditions on any column.

    Raises:
        InputError: the budget or a condition has faults.
    """
    faults: list[Fault] = []
    bounds = budget_of_option(
        budget,
        (),
        lambda message: faults.append(Fault("", 0, 0, "budget", message)),
        bound_problem(results),
    )
    held = [words for bound in bounds for words in _bound(results, bound, faults)]
    for text in where:
        try:
            held.append(f"({condition(_expression(connection, results, text))})")
        except InputError as problem:
            faults.extend(problem.faults)
    if faults:
        raise InputError(faults)
    table = identifier(TABLE)
    return f"(SELECT * FROM {table} WHERE {' AND '.join(held)})" if held else table


def bounded_columns(results: Results) -> tuple[str, ...]:
    """Return the columns that a budget may be on: the counted ones, and what of models of blocks stands in the results."""
    return tuple(dict.fromkeys((*COUNTED, *filter(is_counted, results.columns))))


def _bound(results: Results, bound: Bound, faults: list[Fault]) -> Iterator[str]:
    column, each = bound.column, 1
    if column not in results.columns and column in BYTES and "weights" in results.columns:
        column, each = "weights", BYTES[column]
    if column not in results.columns:
        faults.append(no_column(results, "budget", column))
        return
    if bound.minimum is not None:
        yield f"{identifier(column)} >= {-(-bound.minimum // each)}"
    if bound.maximum is not None:
        yield f"{identifier(column)} <= {bound.maximum // each}"


def bound_of_shares(results: Results, budget: Any) -> Bound | None:
    """Return the bound that shares are told of: the first maximum that is asked for, else the first of the runs.

    Args:
        results: where nothing is asked for, those of several runs have no such bound unless it is that of each.
        budget: as `selection` takes it, with no faults.
    """
    known = problem_of(bounded_columns(results))
    asked = budget_of_option(budget, (), lambda _: None, known)
    runs = [result.provenance.get("budget") or {} for result in results.results]
    ran = [] if any(run != runs[0] for run in runs) else budget_of_option(runs[0], (), lambda _: None, known)
    return next((bound for bound in (*asked, *ran) if bound.maximum), None)


def _expression(connection: duckdb.DuckDBPyConnection, results: Results, text: str) -> Expression:
    """Return a condition that is checked against the columns, their words and how far their numbers go."""

    def parsed(words: Mapping[str, Sequence[str]]) -> Expression:
        try:
            return parse_expression(text, results.columns, words)
        except ExpressionError as problem:
            raise InputError(
                Fault("", 0, 0, "where", f"{quoted(text)}, character {offset + 1}: {message}")
                for offset, message in problem.problems
            ) from None

    expression = parsed({})
    words = [name for name in expression.names if results.columns[name] == "choice"]
    if words:
        expression = parsed({name: _words(connection, name) for name in words})
    computed = any(
        isinstance(node, ast.BinOp) or (isinstance(node, ast.Constant) and isinstance(node.value, float))
        for node in ast.walk(expression.tree)
    )
    counts = [name for name in sorted(expression.names) if results.columns[name] == "count"]
    if computed and counts:
        ends = _ends(connection, counts)
        negative = [name for name in counts if ends[name][0] < 0]
        if negative:
            message = f"{negative[0]} holds negative numbers, and no table of a run does"
            raise InputError([Fault("", 0, 0, "where", f"{quoted(text)}: {message}")])
        reach = expression.reach(ends)
        if reach.largest > _LARGEST or reach.rounded:
            why = (
                "a number on the way can pass 64 bits"
                if reach.largest > _LARGEST
                else "a decimal meets numbers past 2**53"
            )
            raise InputError([Fault("", 0, 0, "where", f"{quoted(text)}: {why}; write it with smaller numbers")])
    return expression


def _words(connection: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    """Return the words that a column may be compared with: those that are there, and those that are known."""
    rows = connection.execute(f"SELECT DISTINCT {identifier(column)} FROM {identifier(TABLE)}").fetchall()
    return list(dict.fromkeys([*sorted(word for (word,) in rows if word is not None), *CHOICES.get(column, ())]))


def _ends(connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return each column's smallest and largest number; 0 and 0 where there is none."""
    chosen = ", ".join(f"min({identifier(name)}), max({identifier(name)})" for name in columns)
    (found,) = connection.execute(f"SELECT {chosen} FROM {identifier(TABLE)}").fetchall()
    return {name: (found[2 * place] or 0, found[2 * place + 1] or 0) for place, name in enumerate(columns)}
