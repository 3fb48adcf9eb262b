"""The public model files in tests/oracles become the table of what is found in them, for cog to place in the document."""

from __future__ import annotations

from collections import Counter

import cog

from docs.screens import table
from sizer.recovery.looked import network_words
from sizer.recovery.looking import look_into
from sizer.recovery.stacks import Stack
from tests.oracles.recorded_files import recorded


def overview() -> None:
    """Place how many files, networks and weights there are."""
    looks = [look_into(one) for file in recorded() for one in file.contents]
    stacks = [stack for look in looks for stack in look.stacks]
    how = Counter(stack.by for stack in stacks)
    cog.outl(
        f"{len(looks):,} model files of {len({file.package for file in recorded()}):,} packages hold {len(stacks):,} recurrent"
        f" stacks of {sum(stack.weights for stack in stacks):,} weights: {how['names']:,} found by names,"
        f" {how['stated']:,} stated by the format, {how['shape']:,} by shape only."
    )


def files() -> None:
    """Place every file with what is found in it; files of one folder that hold the same are one row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for file in recorded():
        for one in file.contents:
            look = look_into(one)
            place = f"{file.file}!{one.place}" if one.place else file.file
            found = "; ".join(_words(stack, number) for stack, number in _together(look.stacks)) or "none"
            recurrent = f"{look.recurrent_weights:,}"
            key = (f"{file.package} {file.version}", one.format, found, recurrent, f"{look.weights:,}")
            rows.setdefault(key, []).append(place)
    table(
        ["package", "file", "format", "recurrent networks", "their weights", "weights in all"],
        [[key[0], _places(places), *key[1:]] for key, places in rows.items()],
    )


def _together(stacks: tuple[Stack, ...]) -> list[tuple[Stack, int]]:
    """Return stacks that are the same but for their place once, with how many there are."""
    numbers: dict[str, list[Stack]] = {}
    for stack in stacks:
        numbers.setdefault(network_words(stack.fields), []).append(stack)
    return [(same[0], len(same)) for same in numbers.values()]


def _words(stack: Stack, number: int) -> str:
    words = network_words(stack.fields)
    return f"{number} x ({words})" if number > 1 else words


def _places(places: list[str]) -> str:
    more = f" and {len(places) - 1:,} more alike" if len(places) > 1 else ""
    return f"`{places[0].rpartition('/')[2]}`{more}"
