"""A whole model as text: block by block, each with its share of the total."""

from __future__ import annotations

from sizer.layout import DOT, aligned, share_words
from sizer.networks.blocks.counting import ModelCount
from sizer.networks.blocks.wording import model_heading, sums_lines
from sizer.questions.breakdown import Breakdown
from sizer.questions.explained import line_cells, total_row


def model_screen(breakdown: Breakdown, counted: ModelCount) -> str:
    """Return a model of blocks, block by block, each with what it has in all and its share of the total."""
    rows = [("", "shape", "each", "in all", "share")]
    total = counted.weights
    block = None
    said_already: set[str] = set()
    for section in breakdown.sections:
        if section.block != block:
            block = section.block
            own = counted.by_block.get(block, 0)
            sums = ("", "") if block in said_already else (f"{own:,}", share_words(own, total))
            rows.append((block, "", "", *sums))
            said_already.add(block)
        if section.title != block:
            rows.append((f"  {section.title.removeprefix(block or '').removeprefix(DOT).strip()}", "", "", "", ""))
        rows += [(f"    {line.name}", *line_cells(line, section.times, total)) for line in section.lines]
    rows.append(total_row(total))
    formulas = [(f"{one.name}", one.formula) for one in breakdown.blocks if one.formula]
    if counted.parts["other_weights"] and breakdown.sections[-1].title == "other":
        formulas.append(("other", "other_weights"))
    return "\n".join(
        [
            model_heading(counted),
            "",
            *aligned(rows, left=(0, 1)),
            "",
            *aligned(formulas, left=(0, 1)),
            *sums_lines(counted),
        ]
    )
