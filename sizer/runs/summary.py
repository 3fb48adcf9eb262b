"""What a person sees of a run: what was asked, where every configuration went, the largest, and what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sizer.layout import DOT, aligned, shown, visible
from sizer.networks.network import resolve
from sizer.networks.wording import assumptions
from sizer.sizes import rounded_bytes
from sizer.terminal import Terminal

if TYPE_CHECKING:
    from sizer.runs.run import Run
    from sizer.sweepfile.sweep import Sweep

_SCREEN_COLUMNS = (
    "id",
    "convention",
    "cell_type",
    "layers",
    "cells",
    "recurrent_projection",
    "nonrecurrent_projection",
)


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
    """Return the fields that stay the same, and what the convention makes of them; of a model of blocks, its blocks."""
    if sweep.of_blocks is not None:
        model = sweep.grids[0].model
        assert model is not None
        blocks = ", ".join(
            f"{name} ({visible(str(block['type']))})" for name, block in model.declared["blocks"].items()
        )
        said = [f"{len(sweep.grids)} grids"] * (len(sweep.grids) > 1)
        conventions = [str(grid.fixed["convention"]) for grid in sweep.grids if "convention" in grid.fixed]
        return DOT.join([*said, *dict.fromkeys(conventions), blocks, *sweep.notes])
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
        rows.append((f"{account.repeated:,}", "of them repeat an earlier configuration of the sweep"))
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
        if low == high:
            lines.append(f"{low:,} are kept. Counting why the others are dropped takes longer; use --exact.")
        else:
            why = f" {run.reason}:" if run.reason else " an exact count takes longer:"
            lines.append(f"Between {low:,} and {high:,} are kept;{why} use --exact.")
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
    # Names of files stay whole, to be copied.
    lines.extend(line for text in _made(run) for line in ([text] if run.files else terminal.wrapped(text)))
    best = run.largest[0] if run.largest else run.smallest
    if best is not None and run.sweep.file:
        lines.append(f"Next: sizer explain {run.sweep.file} --id {best['id']}")
    return "\n".join(lines)


def _made(run: Run) -> list[str]:
    """Return what was written, or would be."""
    files = DOT.join(map(str, run.files))
    if run.was_finished:
        return [f"{files} are already finished; nothing was done"]
    if run.files:
        resumed = f"  {run.resumed:,} part{'s' if run.resumed > 1 else ''} resumed" if run.resumed else ""
        lines = [f"{files}      {run.seconds:.1f} s{resumed}"]
        if run.remade:
            more = len(run.remade) - 3
            which = ", ".join(run.remade[:3]) + (f" and {more} more" if more > 0 else "")
            lines.append(f" written again, because they did not match the manifest: {which}")
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
        f"The smallest is id {smallest['id']:,} ({swept}) with {smallest['weights']:,} weights{also}.",
    ]
