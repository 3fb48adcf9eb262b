"""Questions about spaces become answers: how many networks fit, how large they are, and some of them.

It is read by the processes that answer questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sizer.errors import InputError
from sizer.service.bodies import as_json


def counted_space(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return how many networks of a space fit, and how many of them have how many weights, as JSON.

    Args:
        question: `budget`, `where` and `bins`.
        body: the sweep, in YAML.

    Raises:
        InputError: the sweep is no space, or what is asked has faults.
    """
    from sizer.spaces.space import Space
    from sizer.sweepfile.load import apply_options, parse_sweep

    sweep = apply_options(parse_sweep(body, "sweep"), budget=question["budget"], where=question["where"])
    space = Space(sweep)
    between = space.count_between()
    exact = not between.reason
    bins, median, unsorted = [], None, "" if exact else between.reason
    if exact and between.most and question["bins"]:
        try:
            bins = space.histogram(question["bins"])
            median = space.quantile(0.5)
        except InputError as problem:  # to sort by weights may take more than to count
            unsorted = problem.faults[0].message
    found = {
        "name": sweep.name,
        "configurations": space.size,
        "exact": exact,
        "kept": between.most if exact else None,
        "kept_between": None if exact else [between.least, between.most],
        "reason": between.reason,
        "histogram": [one._asdict() for one in bins],
        "median": median,
        "unsorted": unsorted,
    }
    return as_json(found), {}


def drawn_networks(question: Mapping[str, Any], body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return networks that are drawn uniformly among those of a space that fit, as JSON.

    Args:
        question: `budget`, `where`, `number` and `seed`.
        body: the sweep, in YAML.

    Raises:
        InputError: the sweep is no space, what is asked has faults, or nothing fits.
    """
    from sizer.runs.spaces import draw
    from sizer.sweepfile.load import parse_sweep

    drawn = draw(
        parse_sweep(body, "sweep"),
        question["number"],
        question["seed"],
        budget=question["budget"],
        where=question["where"],
    )
    return as_json({**drawn.as_json(), "columns": list(drawn.rows.schema.names)}), {}
