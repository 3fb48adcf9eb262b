"""What the configurations of a grid with the same words have in common: how their sizes become counts, and what refuses them.

An outline is a network in which some whole numbers are left open. It is wired with any kind of number in their place:
Python ints, arrays, symbols. Without blocks it is a convention, a cell type and fields; `blocks.outlines` has whole models.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from sizer.networks.cells import CellType
from sizer.networks.columns import tally
from sizer.networks.conventions import CONVENTIONS, Rule, rules_for
from sizer.networks.network import OVERRIDES, resolve, wire
from sizer.networks.tensors import Number


class Wiring(ABC):
    """An outline with numbers in place of what it leaves open, wired."""

    rules: tuple[Rule, ...]
    """What refuses configurations, in order. They look at what `Outline.seen_by_rules` returns."""
    fed: Number = 0
    """What feeds the output layer of a network without blocks."""

    @abstractmethod
    def count(self, column: str) -> tuple[Number, int]:
        """Return a counted column as a number and what it is to be divided by, rounded up."""


class Outline(ABC):
    """A network in which some whole numbers are left open."""

    grows: bool
    """Whether every count grows with every whole number that is left open."""

    @abstractmethod
    def wired(self, values: Mapping[str, Any]) -> Wiring:
        """Return the network with numbers in place of what is left open.

        Args:
            values: of every field that is left open, by name.
        """

    @abstractmethod
    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return every field with its value, what the convention or a default decides filled in."""

    def fed(self, values: Mapping[str, Any]) -> Number:
        """Return what feeds the output layer; 0 where that is no matter."""
        return 0

    @abstractmethod
    def seen_by_rules(self, values: Mapping[str, Any], fed: Number) -> dict[str, Any]:
        """Return the fields as rules see them.

        Args:
            values: of every field that is left open, by name.
            fed: what feeds the output layer.
        """


class NetworkOutline(Outline):
    """A network without blocks."""

    def __init__(self, fixed: Mapping[str, Any], cell: CellType) -> None:
        """Hold what stays the same.

        Args:
            fixed: the fields that do, as given, the words among them.
            cell: the table of the cells.
        """
        self.fixed = dict(fixed)
        self.cell = cell
        self.grows = cell.grows

    def wired(self, values: Mapping[str, Any]) -> Wiring:
        """Return the network with numbers in place of what is left open."""
        return _NetworkWiring(self, values)

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return every field with its value, and `candidate_bias`."""
        return resolve({**self.fixed, **values}, self.cell)

    def fed(self, values: Mapping[str, Any]) -> Number:
        """Return what feeds the output layer."""
        return wire(self.fields(values), self.cell).fed

    def seen_by_rules(self, values: Mapping[str, Any], fed: Number) -> dict[str, Any]:
        """Return the fields; what the convention may decide is as it was asked for."""
        given = {**self.fixed, **values}
        return {**resolve(given, self.cell), **{name: given.get(name) for name in OVERRIDES}, "fed": fed}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What refuses its configurations, in order."""
        return rules_for(CONVENTIONS[str(self.fixed["convention"])], self.cell)


class _NetworkWiring(Wiring):
    def __init__(self, outline: NetworkOutline, values: Mapping[str, Any]) -> None:
        self.rules = outline.rules
        self._network = wire(outline.fields(values), outline.cell)
        self.fed = self._network.fed

    def count(self, column: str) -> tuple[Number, int]:
        return tally(self._network, [column])[column], 1
