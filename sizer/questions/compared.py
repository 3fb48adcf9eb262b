"""Readings of one network under every convention as text: a screen, and a table for a pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sizer.layout import DOT, aligned, tab_separated
from sizer.networks.blocks.counting import ModelCount
from sizer.networks.fields import FIELDS
from sizer.networks.wording import network_words
from sizer.questions.comparison import Reading


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
    asked = {name: described[name] for name, value in given.items() if value is not None and name in described}
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


def why(reading: Reading) -> str:
    """Return why a convention refuses a network, or what makes the difference to the first; nothing where there is none."""
    return reading.refusal or (difference_words(reading) if reading.difference else "")


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
                why(reading),
            )
            for reading in readings
        ],
    )
