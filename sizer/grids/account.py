"""Where every configuration of a sweep went: each is counted once, and the counts add up to the grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Account:
    """How many configurations were dropped, why, and how many were kept."""

    not_valid: Counter[str] = field(default_factory=Counter)
    """By reason: the first that applies, in the order of the rules."""
    outside: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By (column, `under` or `over`): the first bound that is broken, in file order."""
    excluded: Counter[str] = field(default_factory=Counter)
    """By `where` expression: the first that does not hold."""
    kept: int = 0
    repeated: int | None = 0
    """Of the kept ones: those that equal an earlier one of the sweep. None: not looked at."""

    @property
    def decided(self) -> int:
        """All configurations that were looked at."""
        return self.not_valid.total() + self.outside.total() + self.excluded.total() + self.kept

    def add(self, other: Account) -> None:
        """Add the counts of another part of the sweep."""
        self.not_valid.update(other.not_valid)
        self.outside.update(other.outside)
        self.excluded.update(other.excluded)
        self.kept += other.kept
        self.repeated = None if self.repeated is None or other.repeated is None else self.repeated + other.repeated

    def as_json(self) -> dict[str, Any]:
        """Return the counts as the manifest and `--json` show them."""
        outside: dict[str, dict[str, int]] = {}
        for (column, side), number in self.outside.items():
            outside.setdefault(column, {})[side] = number
        return {
            "configurations": self.decided,
            "not_valid": dict(self.not_valid),
            "outside_budget": outside,
            "excluded": dict(self.excluded),
            "kept": self.kept,
            "repeated": self.repeated,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Account:
        """Return the account that `as_json` turned into plain values."""
        return cls(
            not_valid=Counter(content["not_valid"]),
            outside=Counter(
                {
                    (column, side): number
                    for column, sides in content["outside_budget"].items()
                    for side, number in sides.items()
                }
            ),
            excluded=Counter(content["excluded"]),
            kept=content["kept"],
            repeated=content["repeated"],
        )
