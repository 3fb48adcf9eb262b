"""What a person sees of a search for a width: the answer, the value next to it, and how to see more."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sizer.layout import DOT, aligned, shown, tab_separated
from sizer.networks.aliases import counted_as
from sizer.networks.wording import network_heading

if TYPE_CHECKING:
    from sizer.questions.fitting import Candidate, Fit


def fit_screen(found: Fit) -> str:
    """Return one answer: the network, the two values around the budget, and how to see more."""
    said = _said(found.fields)
    rows = [["", *found.vary, found.column, "of budget"]]
    if found.outcome == "nothing":
        candidates = [("the smallest count", found.smallest)]
        if found.smallest != found.next_over:
            candidates.append(("the smallest value", found.next_over))
    else:
        candidates = [(f"the largest within {found.budget:,}", found.largest), ("the next one", found.next_over)]
    rows.extend([label, *_cells(candidate, found)] for label, candidate in candidates if candidate is not None)
    lines = [DOT.join(said), ""]
    if found.largest is not None:
        heading = DOT.join(said) if "blocks" in found.fields else network_heading(found.largest.count)
        lines = [heading, ""]
    if len(rows) > 1:
        lines += aligned(rows)
    if found.note:
        lines += [*([""] if len(rows) > 1 else []), _sentence(found.note)]
    if found.largest is not None and "blocks" not in found.fields:
        lines += ["", f"Next: {_explain_command({**found.fields, **found.largest.values})}"]
    return "\n".join(lines)


def fits_screen(found: Sequence[Fit], listed: Sequence[str]) -> str:
    """Return several answers, one row each.

    Args:
        found: the answers.
        listed: the fields that differ between them.
    """
    first = found[0]
    shared = {name: value for name, value in first.fields.items() if name not in listed}
    following = [f"next {name}" for name in (first.vary[0], first.column)]
    rows = [[*listed, *first.vary, first.column, "of budget", *following, ""]]
    for one in found:
        row = [shown(_field(one, name)) for name in listed]
        row += _cells(one.largest, one)
        following_cells = _cells(one.next_over, one)
        row += [following_cells[0], following_cells[-2]]
        rows.append([*row, one.note])
    words = [number for number, name in enumerate(listed) if isinstance(_field(first, name), str)]
    heading = DOT.join([*_said(shared), f"at most {first.budget:,} {first.column}"])
    return "\n".join([heading, "", *aligned(rows, left=[*words, len(rows[0]) - 1])])


def fits_table(found: Sequence[Fit], listed: Sequence[str]) -> str:
    """Return answers for a pipe, one row each."""
    first = found[0]
    columns = [*first.vary, first.column]
    rows = []
    for one in found:
        values = [
            [*candidate.values.values(), candidate.counted] if candidate else [None] * len(columns)
            for candidate in (one.largest, one.next_over)
        ]
        rows.append([*(_field(one, name) for name in listed), *itertools.chain(*values), one.outcome, one.note])
    header = [*listed, *columns, *(f"next_{name}" for name in columns), "outcome", "note"]
    return tab_separated(header, rows)


def _cells(candidate: Candidate | None, found: Fit) -> list[str]:
    """Return a candidate's values, its count and its share of the budget as people read them."""
    if candidate is None:
        return ["-"] * (len(found.vary) + 2)
    return [
        *map(shown, candidate.values.values()),
        f"{candidate.counted:,}",
        _share(candidate.counted, found.budget),
    ]


def _share(counted: int, budget: int) -> str:
    # In whole numbers: neither may fit a float.
    thousandths = counted * 1000 // budget if budget else 0
    return f"{thousandths // 10:,}.{thousandths % 10}%" if budget else "-"


def _field(found: Fit, name: str) -> Any:
    """Return a field that tells one answer from others."""
    return found.settings[name] if name in found.settings else found.fields[name]


def _said(fields: dict[str, Any]) -> list[str]:
    """Return the fields of a network as words."""
    if "blocks" in fields:
        return [counted_as(str(fields.get("convention") or "textbook")), f"a model of {len(fields['blocks']):,} blocks"]
    words = []
    for name, value in fields.items():
        title = name.replace("_", " ")
        if isinstance(value, bool):
            words.append(title if value else f"no {title}")
        elif isinstance(value, str):
            words.append(value)
        elif isinstance(value, tuple):
            words.append(f"{', '.join(map(shown, value))} {title}")
        elif value:
            words.append(f"{value:,} {title if value != 1 else title.removesuffix('s')}")
    return words


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _explain_command(fields: dict[str, Any]) -> str:
    words = ["sizer", "explain"]
    for name, value in fields.items():
        option = name.replace("_", "-")
        if isinstance(value, tuple):
            words += [f"--{option}", ",".join(map(str, value))]
            continue
        words += (
            [f"--{option}" if value else f"--no-{option}"] if isinstance(value, bool) else [f"--{option}", str(value)]
        )
    return shlex.join(words)
