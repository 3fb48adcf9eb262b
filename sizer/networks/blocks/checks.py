"""What must hold of a wired model: told at once where everything is known, kept as conditions where sizes are left open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sizer.networks.blocks.reading import Block, Problem
from sizer.networks.conventions import Rule
from sizer.networks.tensors import Number
from sizer.numbers.polynomial import Polynomial, compiled_text, evaluated, polynomial


def refuse_all(given: Mapping[str, Any]) -> bool:
    """Refuse every configuration."""
    return True


class Checks:
    """Takes what is wrong with a model, each fault once."""

    def __init__(self) -> None:
        """Start with nothing wrong."""
        self.problems: dict[Problem, None] = {}

    def report(self, block: Block, message: str, field: str) -> None:
        """Note what is wrong with a block.

        Args:
            block: which.
            message: what is wrong.
            field: at which field; empty: the block as a whole.
        """
        path = f"blocks.{block.path}"
        self.problems.setdefault((f"{path}.{field}" if field else path, message))

    def handed_up(self, block: Block, channels: Number) -> Number:
        """Return the channels that a block hands up, as those that read it are to see them.

        Args:
            block: which.
            channels: as they follow from its fields and from what it reads.
        """
        return channels

    def same(self, block: Block, first: Number, second: Number, field: str, reason: str) -> bool:
        """Return whether two widths are the same; where they are not, the caller says how they differ.

        Args:
            block: that needs them to be.
            first: the one.
            second: the other.
            field: where to say so.
            reason: why they must be, without the widths.
        """
        return bool(first is second or first == second)

    def refuses(self, block: Block, rule: Rule, seen: Mapping[str, Any], field: str) -> bool:
        """Return whether a rule refuses a block, and note why."""
        if not rule.refuses(seen):
            return False
        self.report(block, rule.reason, field)
        return True


class OpenChecks(Checks):
    """Keeps what depends on sizes that are left open: rules that single configurations are held to."""

    def __init__(self, *, given: bool = False) -> None:
        """Start with nothing wrong, and no rules.

        Args:
            given: whether numbers stand for sizes that were left open, so that widths which differ are no fault of the
                model: a rule refuses them as it refuses those that are still open.
        """
        super().__init__()
        self._given = given
        self.rules: list[Rule] = []
        self.refused: list[Problem] = []
        """What a convention refuses whatever is left open; it is a rule too."""
        self.differences: list[Polynomial] = []
        """What must be 0."""
        self._seen: set[Any] = set()

    def same(self, block: Block, first: Number, second: Number, field: str, reason: str) -> bool:
        """Return True where it depends on what is left open; where the widths differ, a rule refuses."""
        if not self._given and isinstance(first, int) and isinstance(second, int):
            return first == second
        difference = first - second
        terms = polynomial(difference).terms
        once = (block.path, reason, frozenset(terms.items()))
        if terms and once not in self._seen:
            self._seen.add(once)
            code = compiled_text(Polynomial(terms).nested())

            def differ(given: Mapping[str, Any]) -> Any:
                return evaluated(code, given) != 0

            told = f"{block.path}: {reason}"
            self.rules.append(Rule(told, f"{block.path}.{field}", differ, of_values=True))
            self.differences.append(Polynomial(terms))
        return True

    def refuses(self, block: Block, rule: Rule, seen: Mapping[str, Any], field: str) -> bool:
        """Return whether a rule refuses a block whatever is left open; where that depends, it is kept."""
        looking = _Looking(seen)
        try:
            if not rule.refuses(looking):
                return False
            told = Rule(f"{block.path}: {rule.reason}", f"{block.path}.{field}" if field else block.path, refuse_all)
            self.refused.append((f"blocks.{told.field}", rule.reason))
        except _OpenError:
            told = Rule(
                f"{block.path}: {rule.reason}",
                f"{block.path}.{field}" if field else block.path,
                lambda given: rule.refuses(_Given(seen, given)),
            )
        self.rules.append(told)
        return told.refuses is refuse_all


class _OpenError(Exception):
    """A field that somebody looked at is left open."""


class _Looking(Mapping[str, Any]):
    """Fields that say where one is left open."""

    def __init__(self, seen: Mapping[str, Any]) -> None:
        self._seen = seen

    def __getitem__(self, name: str) -> Any:
        value = self._seen[name]
        if isinstance(value, Polynomial):
            raise _OpenError
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)


@dataclass(frozen=True)
class _Given(Mapping[str, Any]):
    """A block's fields, with what is left open as a configuration has it."""

    seen: Mapping[str, Any]
    given: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        value = self.seen[name]
        if not isinstance(value, Polynomial):
            return value
        variables = value.variables()
        if len(variables) == 1 and value.terms == {tuple(variables): 1}:  # a field itself, as nearly all are
            return self.given[variables.pop()]
        return evaluated(compiled_text(value.nested()), self.given)

    def __iter__(self) -> Iterator[str]:
        return iter(self.seen)

    def __len__(self) -> int:
        return len(self.seen)
