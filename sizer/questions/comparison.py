"""The same words under every convention: who counts what, and which tensors make the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sizer.answer import Shown, Table
from sizer.errors import InputError
from sizer.layout import DOT
from sizer.networks.blocks.declared import declare
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import checked_network, described
from sizer.parameters import checked
from sizer.questions.breakdown import Breakdown, break_down
from sizer.questions.model_breakdown import explain_model


@dataclass(frozen=True, repr=False)
class Reading(Shown):
    """One convention's reading of a network."""

    convention: str
    breakdown: Breakdown | None
    """None where the convention refuses the network."""
    refusal: str
    """Why it refuses; empty where it does not."""
    difference: int
    """Weights more than the first convention that accepts the network."""
    by_tensor: dict[str, int]
    """The difference, tensor by tensor; nothing where there is none."""
    note: str
    """What a person should know about the convention."""

    def _in_a_line(self) -> str:
        return f"{self.convention}{DOT}{self.refusal or f'{self.weights:,} weights'}"

    def _as_text(self) -> str:
        return self._in_a_line() if self.breakdown is None else str(self.breakdown)

    def _as_table(self) -> Table:
        return ((), ()) if self.breakdown is None else self.breakdown._as_table()

    @property
    def weights(self) -> int | None:
        """The count, or None where the convention refuses the network."""
        return None if self.breakdown is None else self.breakdown.count.weights

    def as_json(self) -> dict[str, Any]:
        """Return the reading as `--json` shows it."""
        return {
            "convention": self.convention,
            "weights": self.weights,
            "refusal": self.refusal or None,
            "difference": None if self.breakdown is None else self.difference,
            "difference_by_tensor": self.by_tensor,
            "note": self.note or None,
            "parts": None if self.breakdown is None else self.breakdown.count.parts,
        }


class Readings(tuple[Reading, ...], Shown):
    """The readings of one network, in the order of the conventions: a tuple that a person can look at."""

    given: Mapping[str, Any] = MappingProxyType({})
    """The fields that were compared, as they were given."""

    @classmethod
    def of(cls, readings: Iterable[Reading], given: Mapping[str, Any]) -> Readings:
        """Return readings as an answer.

        Args:
            readings: in the order of the conventions.
            given: the fields that were compared.
        """
        found = cls(readings)
        found.given = given
        return found

    def _in_a_line(self) -> str:
        counted = [reading for reading in self if reading.weights is not None]
        ends = sorted({reading.weights for reading in counted if reading.weights is not None})
        between = f"{ends[0]:,} to {ends[-1]:,}" if len(ends) > 1 else "".join(f"{end:,}" for end in ends)
        return f"{len(counted)} of {len(self)} conventions count this network: {between} weights"

    def _as_text(self) -> str:
        from sizer.questions.compared import compare_screen

        return compare_screen(self, self.given)

    def _as_table(self) -> Table:
        from sizer.questions.compared import why

        header = ("convention", "weights", "difference", "why")
        return header, [
            (one.convention, one.weights, None if one.weights is None else one.difference, why(one)) for one in self
        ]

    __repr__ = Shown.__repr__
    __str__ = Shown.__str__


@checked
def compare(
    fields: Mapping[str, Any],
    cell_types: Mapping[str, Any] | None = None,
    block_types: Mapping[str, Any] | None = None,
) -> Readings:
    """Return the count of one network under every convention, in the order of the conventions.

    Args:
        fields: as for `sizer.count`, also of a whole model; `convention` is ignored.
        cell_types: cell types of your own, as for `sizer.count`.
        block_types: block types of your own, likewise.

    Raises:
        InputError: a field is unknown, missing, of the wrong kind or out of range, or every convention refuses
            the network.

    Example:
        >>> readings = compare({"cell_type": "gru", "inputs": 2000, "layers": 1, "cells": 300})
        >>> {reading.convention: reading.weights for reading in readings}["keras"]
        2071800
    """
    read = _reader_of(fields, cell_types, block_types)
    readings: list[Reading] = []
    first: Breakdown | None = None
    why_not: InputError | None = None
    for convention in CONVENTIONS.values():
        try:
            breakdown = read(convention.name)
        except InputError as problem:
            why_not = why_not or problem
            fault = problem.faults[0]
            refusal = (
                f"{fault.path.removeprefix('blocks.')}: {fault.message}" if "blocks" in fault.path else fault.message
            )
            readings.append(Reading(convention.name, None, refusal, 0, {}, ""))
            continue
        first = first or breakdown
        readings.append(_reading(convention.name, breakdown, first, convention.note))
    if first is None and why_not is not None:
        raise why_not
    return Readings.of(readings, fields)


def _reader_of(
    fields: Mapping[str, Any], cell_types: Mapping[str, Any] | None, block_types: Mapping[str, Any] | None
) -> Callable[[str], Breakdown]:
    """Return what reads the network under a convention; a block of a whole model that says its own keeps it.

    Raises:
        InputError: a field is unknown, missing, of the wrong kind or out of range.
    """
    if "blocks" in fields:
        whole = declare(fields, cell_types, block_types)
        return lambda convention: explain_model(whole.changed(convention=convention))
    asked = described({**fields, "convention": "textbook"}, cell_types)
    return lambda convention: break_down(checked_network(asked.changed({"convention": convention}), in_words=True))


def _reading(convention: str, breakdown: Breakdown, first: Breakdown, note: str) -> Reading:
    here, there = breakdown.by_tensor(), first.by_tensor()
    by_tensor = {
        name: here.get(name, 0) - there.get(name, 0)
        for name in {**there, **here}
        if here.get(name, 0) != there.get(name, 0)
    }
    return Reading(convention, breakdown, "", breakdown.count.weights - first.count.weights, by_tensor, note)
