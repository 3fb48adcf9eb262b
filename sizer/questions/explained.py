"""A breakdown as text: tensor by tensor on a screen, and for a pipe."""

from __future__ import annotations

from sizer.layout import aligned, share_words, tab_separated
from sizer.networks.aliases import counted_as
from sizer.networks.blocks.counting import ModelCount
from sizer.networks.counting import DEFAULT_CONVENTION
from sizer.networks.wording import network_heading
from sizer.questions.breakdown import Breakdown, Line
from sizer.sizes import rounded_size


def screen_of(breakdown: Breakdown) -> str:
    """Return a network or a whole model as a person sees it."""
    if isinstance(breakdown.count, ModelCount):
        from sizer.questions.model_text import model_screen

        return model_screen(breakdown, breakdown.count)
    return explain_screen(breakdown)


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
        rows += [(f"  {line.name}", *line_cells(line, section.times, total)) for line in section.lines]
    rows.append(total_row(total))
    if not several:
        rows = [(*row[:2], *row[3:]) for row in rows]
    table = aligned(rows, left=(0, 1))
    return "\n".join([network_heading(counted), "", *table, "", breakdown.formula, counted._sums()])


def line_cells(line: Line, times: int, total: int) -> tuple[str, str, str, str]:
    """Return what is said of a tensor behind its name: its shape, what one has, what it has in all, and its share."""
    shape = " x ".join(map(str, line.shape))
    if line.shared:
        return (shape, "", "shared", "")
    in_all = times * line.weights
    return (shape, f"{line.weights:,}", f"{in_all:,}", share_words(in_all, total))


def total_row(total: int) -> tuple[str, str, str, str, str]:
    """Return the last row of a table of tensors."""
    short = rounded_size(total)
    return ("weights", "" if short == str(total) else short, "", f"{total:,}", share_words(total, total))


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
        "convention": counted_as(str(counted.configuration.get("convention") or DEFAULT_CONVENTION)),
        "formula": breakdown.formula,
        **{name: value for name, value in counted.columns().items() if name not in counted.parts},
    }
    below = [(name, value) for name, value in facts.items() if value != ""]
    return f"{tab_separated(header, rows)}\n{tab_separated(('fact', 'value'), below)}"
