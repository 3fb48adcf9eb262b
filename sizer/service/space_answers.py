"""Questions about spaces become answers: how many networks fit, how large they are, and some of them.

It is read by the processes that answer questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sizer.errors import InputError
from sizer.service.bodies import as_json

if TYPE_CHECKING:
    from sizer.spaces.space import Space
    from sizer.sweepfile.sweep import Sweep


def counted_space(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return how many networks of a space fit, and how many of them have how many weights, as JSON.

    Args:
        question: `budget`, `where` and `bins`.
        body: the sweep, in YAML.

    Raises:
        InputError: the sweep or what is asked has faults.
    """
    from sizer.sweepfile.load import apply_options, parse_sweep

    space, found = _counted(apply_options(parse_sweep(body, "sweep"), **_asked(question)))
    bins, median, unsorted = [], None, found["reason"]
    if found["kept"] and question["bins"]:
        try:
            bins = space.histogram(question["bins"])
            median = space.quantile(0.5)
        except InputError as problem:  # to sort by weights may take more than to count
            unsorted = problem.faults[0].message
    shown = {"histogram": [one._asdict() for one in bins], "median": median, "unsorted": unsorted}
    return as_json(found | shown), {}


def drawn_networks(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return networks that are drawn uniformly among those of a space that fit, as JSON.

    Args:
        question: `budget`, `where`, `number` and `seed`.
        body: the sweep, in YAML.

    Raises:
        InputError: the sweep or what is asked has faults, or nothing fits.
    """
    from sizer.runs.spaces import draw
    from sizer.sweepfile.load import parse_sweep

    drawn = draw(parse_sweep(body, "sweep"), question["number"], question["seed"], **_asked(question))
    return as_json({**drawn.as_json(), "columns": list(drawn.rows.schema.names)}), {}


def counted_and_drawn(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return how many networks of a space fit, and some of them where any are asked for, as JSON.

    Args:
        question: `budget`, `where`, `number` and `seed`.
        body: the sweep, in YAML.

    Raises:
        InputError: the sweep or what is asked has faults, or nothing fits.
    """
    from sizer.runs.spaces import draw
    from sizer.sweepfile.load import apply_options, parse_sweep

    given = parse_sweep(body, "sweep")
    _, found = _counted(apply_options(given, **_asked(question)))
    if question["number"]:
        drawn = draw(given, question["number"], question["seed"], **_asked(question)).as_json()
        found |= {"seed": drawn["seed"], "networks": drawn["networks"]}
    return as_json(found), {}


def _asked(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are set."""
    return {"budget": question["budget"] or None, "where": question["where"] or None}


def _counted(sweep: Sweep) -> tuple[Space, dict[str, Any]]:
    """Return a space, and how many of its networks fit."""
    from sizer.spaces.space import Space

    space = Space(sweep)
    between = space.count_between()
    exact = not between.reason
    return space, {
        "name": sweep.name,
        "configurations": space.size,
        "exact": exact,
        "kept": between.most if exact else None,
        "kept_between": None if exact else [between.least, between.most],
        "reason": between.reason,
    }
