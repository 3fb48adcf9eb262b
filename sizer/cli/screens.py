"""What a person sees: summaries, tables and breakdowns as text.

Text for a terminal has thousands separators and aligned columns; in a pipe the same tables are tab-separated with
plain integers and nothing is cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sizer.cli.terminal import Terminal
from sizer.errors import Fault
from sizer.networks.blocks.counting import ModelCount
from sizer.networks.fields import FIELDS
from sizer.networks.network import resolve
from sizer.questions.breakdown import Breakdown, assumptions, counted_assumptions
from sizer.questions.comparison import Reading
from sizer.sizes import rounded_bytes, rounded_size

if TYPE_CHECKING:
    from sizer.networks.counting import Count
    from sizer.runs.run import Run
    from sizer.sweepfile.sweep import Sweep

DOT = " · "
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SCREEN_COLUMNS = (
    "id",
    "convention",
    "cell_type",
    "layers",
    "cells",
    "recurrent_projection",
    "nonrecurrent_projection",
)


def aligned(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,), indent: str = "  ") -> list[str]:
    """Return rows of cells as lines with aligned columns.

    Args:
        rows: cells, the same number in each row.
        left: the numbers of the columns that are aligned to the left; the others to the right.
        indent: in front of each line.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        indent
        + "  ".join(
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def tab_separated(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table for a pipe: a header and one line per row, plain integers."""
    return "".join("\t".join(map(plain, row)) + "\n" for row in (header, *rows))


def plain(value: object) -> str:
    """Return a value as machines read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def shown(value: object) -> str:
    """Return a value as people read it, with thousands separators."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else visible(plain(value))


def visible(text: str) -> str:
    """Return a text that moves no cursor: other people's words may hold what a terminal obeys."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def faults_text(faults: Sequence[Fault], lines: Mapping[str, Sequence[str]]) -> str:
    """Return faults, each with the line it stands in where the lines of its file are given."""
    said = []
    for fault in faults:
        said.append(visible(str(fault)))
        source = lines.get(fault.file, ())
        if 0 < fault.line <= len(source):
            number = str(fault.line).rjust(5)
            text = visible(source[fault.line - 1].replace("\t", " "))
            said.extend((f"{number} | {text}", f"{' ' * 5} | {' ' * (fault.column - 1)}^"))
    return "\n".join(said)


# The run


def table_of_largest(run: Run) -> tuple[list[str], list[list[object]]]:
    """Return the header and rows of the largest kept configurations: what is swept, weights, share of the budget."""
    columns = [name for name in (*_SCREEN_COLUMNS, *run.sweep.swept) if name == "id" or name in run.sweep.swept]
    columns = list(dict.fromkeys(columns))
    bounded = next((bound for bound in run.sweep.budget if bound.maximum), None)
    counted = "weights" if bounded is None else bounded.column
    columns.extend(dict.fromkeys((counted, "weights")))
    header = [*columns, *(["of budget"] if bounded else [])]
    rows: list[list[object]] = []
    for configuration in run.largest:
        row = [configuration[name] for name in columns]
        if bounded and bounded.maximum:
            row.append(f"{100 * configuration[counted] / bounded.maximum:.1f}%")
        rows.append(row)
    return header, rows


def run_heading(sweep: Sweep) -> str:
    """Return what was asked and what was assumed, two lines."""
    title = DOT.join(filter(None, (sweep.name, sweep.description)))
    return f"{title}\n{what_is_fixed(sweep)}"


def what_is_fixed(sweep: Sweep) -> str:
    """Return the fields that stay the same, and what the convention makes of them."""
    if len(sweep.grids) > 1:
        said = [f"{len(sweep.grids)} grids"]
        fixed = {
            name: value
            for name, value in sweep.grids[0].fixed.items()
            if all(grid.fixed.get(name) == value for grid in sweep.grids)
        }
    else:
        said, fixed = [], dict(sweep.grids[0].fixed)
    said.extend(str(fixed[name]) for name in ("convention", "cell_type") if name in fixed)
    for name, value in fixed.items():
        if name in {"convention", "cell_type"} or isinstance(value, (bool, str)) or not value:
            continue
        words = name if value != 1 or not name.endswith("s") else name.removesuffix("s")
        said.append(f"{value:,} {words.replace('_', ' ')}")
    if "convention" in fixed and "cell_type" in fixed:
        one = {name: value for name, value in fixed.items() if name not in sweep.swept}
        cell = sweep.grids[0].cell(one)
        said.append(assumptions(resolve(one, cell), cell, unsaid=sweep.swept))
    return DOT.join([*said, *sweep.notes])


def account_lines(run: Run) -> list[str]:
    """Return where every configuration went, one line per reason; they add up."""
    account = run.account
    if account is None:
        return [f"  {run.sweep.size:,}  configurations"]
    rows = [(f"{run.sweep.size:,}", "configurations")]
    rows.extend((f"-{number:,}", f"not valid: {reason}") for reason, number in account.not_valid.items())
    for (column, side), number in account.outside.items():
        bound = next(bound for bound in run.sweep.budget if bound.column == column)
        limit = bound.minimum if side == "under" else bound.maximum
        rows.append((f"-{number:,}", f"{side} {limit:,} {column}"))
    rows.extend((f"-{number:,}", f"excluded: {expression}") for expression, number in account.excluded.items())
    rows.append((f"{account.kept:,}", "kept"))
    if account.repeated:
        rows.append((f"{account.repeated:,}", "of them equal an earlier configuration of the sweep"))
    return aligned(rows, left=(1,))


def run_screen(run: Run, terminal: Terminal, *, table: bool) -> str:
    """Return the whole summary of a run.

    Args:
        run: what was done.
        terminal: where the summary is read.
        table: show the largest configurations too.
    """
    title, fixed = run_heading(run.sweep).split("\n")
    lines = [
        *(terminal.styled(line, bold=True) for line in terminal.wrapped(title)),
        *terminal.wrapped(fixed),
        "",
        *account_lines(run),
        "",
    ]
    if run.account is None:
        low, high = run.kept_between or (0, run.sweep.size)
        why = f" {run.reason}:" if run.reason else " an exact count takes longer:"
        lines.append(f"Between {low:,} and {high:,} are kept;{why} --exact goes on.")
        return "\n".join(lines)
    if run.account.kept == 0:
        lines.extend(_nothing_kept(run))
    elif table and run.largest:
        header, rows = table_of_largest(run)
        lines.append(terminal.styled("Largest within the budget" if run.sweep.budget else "Largest", bold=True))
        words = [number for number, value in enumerate(rows[0]) if isinstance(value, str) and not value.endswith("%")]
        shares = len(header) - 1 if header[-1] == "of budget" else None
        lines.extend(terminal.table(header, [[shown(value) for value in row] for row in rows], words, shares))
        lines.append("")
    lines.extend(_made(run))
    best = run.largest[0] if run.largest else run.smallest
    if best is not None:
        lines.append(f"Next: sizer explain {run.sweep.file} --id {best['id']}")
    return "\n".join(lines)


def _made(run: Run) -> list[str]:
    """Return what was written, or would be."""
    files = DOT.join(map(str, run.files))
    if run.was_finished:
        return [f"{files} were finished already; nothing was done"]
    if run.files:
        resumed = f"  {run.resumed:,} part{'s' if run.resumed > 1 else ''} resumed" if run.resumed else ""
        lines = [f"{files}      {run.seconds:.1f} s{resumed}"]
        if run.remade:
            more = len(run.remade) - 3
            which = ", ".join(run.remade[:3]) + (f" and {more} more" if more > 0 else "")
            lines.append(f"made anew, not being as written before: {which}")
        return lines
    if run.expected_bytes:
        sizes = DOT.join(f"{name} about {rounded_bytes(size)}" for name, size in run.expected_bytes.items())
        return [f"A run would write {sizes}; nothing was written      {run.seconds:.1f} s"]
    return []


def _nothing_kept(run: Run) -> list[str]:
    if run.sweep.is_space:
        return ["No configuration fits."]
    if run.smallest is None:
        return ["No configuration is valid."]
    smallest = run.smallest
    swept = ", ".join(f"{name} {shown(smallest[name])}" for name in run.sweep.swept)
    bounded = [bound.column for bound in run.sweep.budget if bound.column != "weights"]
    also = "".join(f", {smallest[column]:,} {column}" for column in bounded)
    return [
        "No configuration fits.",
        f"The smallest there is: id {smallest['id']:,} ({swept}) with {smallest['weights']:,} weights{also}.",
    ]


# One network


def network_heading(counted: Count) -> str:
    """Return one network in a line: convention, cell, widths, what was assumed."""
    return DOT.join([*network_words(counted.configuration), counted_assumptions(counted), *counted.notes])


def network_words(configuration: Mapping[str, Any]) -> list[str]:
    """Return a network's convention, its cell and every width that is set."""
    front = (
        f"{configuration['vocabulary']:,} x {configuration['embedding']:,}"
        if configuration["vocabulary"]
        else shown(configuration["inputs"])
    )
    cells = configuration["cells"]
    middle = ", ".join(map(shown, cells)) if isinstance(cells, tuple) else f"{configuration['layers']:,} x {cells:,}"
    widths = [front, middle]
    if configuration["outputs"]:
        widths.append(shown(configuration["outputs"]))
    said = [configuration["convention"], configuration["cell_type"], " -> ".join(widths)]
    for name, letter in (("recurrent_projection", "r"), ("nonrecurrent_projection", "p")):
        value = configuration[name]
        if any(value) if isinstance(value, tuple) else value:
            said.append(f"{letter} = {', '.join(map(shown, value)) if isinstance(value, tuple) else shown(value)}")
    said.extend(
        f"{name.replace('_', ' ')} {shown(configuration[name])}"
        for name in ("bottleneck", "window", "other_weights")
        if configuration[name] != FIELDS[name].default
    )
    return said


def explain_screen(breakdown: Breakdown) -> str:
    """Return a network tensor by tensor: what each has in all and its share, each group's sum, the total and the formula.

    Where nothing stands more than once, what one tensor has is what it has in all, and said once.
    """
    counted = breakdown.count
    total = counted.weights
    several = any(section.times > 1 for section in breakdown.sections)
    rows: list[tuple[str, ...]] = [("", "shape", "each", "in all", "share")]
    for section in breakdown.sections:
        # A group of one tensor has nothing to sum.
        sums = (f"{section.weights:,}", share_words(section.weights, total)) if len(section.lines) > 1 else ("", "")
        rows.append((section.title, "", "", *sums))
        for line in section.lines:
            shape = " x ".join(map(str, line.shape))
            in_all = section.times * line.weights
            if line.shared:
                rows.append((f"  {line.name}", shape, "", "shared", ""))
            else:
                rows.append((f"  {line.name}", shape, f"{line.weights:,}", f"{in_all:,}", share_words(in_all, total)))
    short = rounded_size(total)
    rows.append(("weights", "" if short == str(total) else short, "", f"{total:,}", share_words(total, total)))
    if not several:
        rows = [(*row[:2], *row[3:]) for row in rows]
    table = aligned(rows, left=(0, 1))
    sums_line = f"{counted.macs_per_step:,} MACs per step{DOT}{counted.state_size:,} values of state{DOT}{rounded_bytes(counted.float32_bytes)} as float32"
    return "\n".join([network_heading(counted), "", *table, "", breakdown.formula, sums_line])


def share_words(part: int, whole: int) -> str:
    """Return a share of a whole in percent; one that is there is never shown as nothing, and only the whole as all.

    Example:
        >>> share_words(1, 3), share_words(1, 10**9), share_words(10**9 - 1, 10**9), share_words(0, 0)
        ('33.3%', '<0.1%', '>99.9%', '-')
    """
    if not whole:
        return "-"
    if 0 < part * 2000 < whole:
        return "<0.1%"
    if 0 < (whole - part) * 2000 < whole:
        return ">99.9%"
    # In whole numbers: neither may fit a float.
    thousandths = (part * 2000 + whole) // (2 * whole)
    return f"{thousandths // 10}.{thousandths % 10}%"


def explain_table(breakdown: Breakdown) -> str:
    """Return a network tensor by tensor for a pipe, and below it, after an empty line, the facts of the whole."""
    header = ("section", "times", "tensor", "shape", "weights", "weights_in_all", "share", "macs_in_all")
    counted = breakdown.count
    # A block multiplies at steps of its own: the sums of a whole model stand below.
    whole_model = isinstance(counted, ModelCount)
    rows = [
        (
            section.title,
            section.times,
            line.name,
            "x".join(map(str, line.shape)),
            line.weights,
            section.times * line.weights,
            share_words(section.times * line.weights, counted.weights),
            None if whole_model else section.times * line.macs_per_step,
        )
        for section in breakdown.sections
        for line in section.lines
    ]
    facts = {
        "network": "" if whole_model else network_heading(counted),
        "formula": breakdown.formula,
        **{name: value for name, value in counted.columns().items() if name not in counted.parts},
    }
    below = [(name, value) for name, value in facts.items() if value != ""]
    return f"{tab_separated(header, rows)}\n{tab_separated(('fact', 'value'), below)}"


# Several conventions


def compare_screen(readings: Sequence[Reading], given: Mapping[str, Any]) -> str:
    """Return how each convention reads a network, with what makes the difference to the first.

    Args:
        readings: from `sizer.compare`.
        given: the fields that were compared, as `sizer.compare` took them.
    """
    first = next(reading for reading in readings if reading.breakdown)
    assert first.breakdown is not None
    rows = [("convention", "weights", "against the first", "")]
    for reading in readings:
        if reading.weights is None:
            rows.append((reading.convention, "-", "", reading.refusal))
        elif reading is first:
            rows.append((reading.convention, f"{reading.weights:,}", "", ""))
        else:
            rows.append(
                (reading.convention, f"{reading.weights:,}", f"{reading.difference:+,}", difference_words(reading))
            )
    counted = first.breakdown.count
    if isinstance(counted, ModelCount):
        heading = f"a model of {len(counted.by_block):,} blocks"
        return "\n".join([heading, "", *aligned(rows, left=(0, 3))])
    described = counted.configuration
    asked = {name: described[name] for name, value in given.items() if value is not None}
    heading = DOT.join([*network_words(described)[1:], *options_set(asked)])
    return "\n".join([heading, "", *aligned(rows, left=(0, 3))])


def options_set(given: Mapping[str, Any]) -> list[str]:
    """Return the options of a network that were set, whoever's rules count it, in words.

    Example:
        >>> options_set({"cells": 3, "bidirectional": True, "peepholes": False, "bias_vectors": 1})
        ['bidirectional', 'no peepholes', 'one bias vector per gate']
    """
    said = []
    for name, field in FIELDS.items():
        value = given.get(name)
        if field.kind == "boolean" and value is not None and value != field.default:
            said.append(name.replace("_", " ") if value else f"no {name.replace('_', ' ')}")
    if given.get("bias_vectors") is not None:
        said.append(("no bias vector", "one bias vector", "two bias vectors")[given["bias_vectors"]] + " per gate")
    return said


def difference_words(reading: Reading) -> str:
    """Return which tensors make the difference, or what a person should know instead."""
    if reading.note:
        return reading.note
    if len(reading.by_tensor) == 1:
        return next(iter(reading.by_tensor)).replace("_", " ")
    return (
        ", ".join(f"{name.replace('_', ' ')} {number:+,}" for name, number in reading.by_tensor.items()) or "the same"
    )


def compare_table(readings: Sequence[Reading]) -> str:
    """Return how each convention reads a network, for a pipe."""
    header = ("convention", "weights", "difference", "why")
    return tab_separated(
        header,
        [
            (
                reading.convention,
                reading.weights,
                None if reading.weights is None else reading.difference,
                reading.refusal or (difference_words(reading) if reading.difference else ""),
            )
            for reading in readings
        ],
    )
