"""What a stated figure is reconciled to: readings, each with the steps that lead to it from the plain one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sizer.answer import Shown, Table
from sizer.layout import DOT
from sizer.networks.counting import Count
from sizer.questions.assumptions import MUCH
from sizer.questions.stated_figures import Claim, Match


@dataclass(frozen=True)
class Step:
    """One assumption on the way from the plain reading to another, and what it changes."""

    assumption: str
    """The field that says it, or `recurrent_part`."""
    words: str
    changes: Mapping[str, Any]
    """The fields that say it, with their new values."""
    price: int
    difference: int
    """Weights more than without it."""
    by_tensor: dict[str, int]
    """The difference, tensor by tensor."""


@dataclass(frozen=True)
class Answer:
    """One reading of the network."""

    fields: dict[str, Any]
    """What `sizer.count` and `sizer.explain` take."""
    count: Count
    match: Match
    steps: tuple[Step, ...]
    """What is assumed beyond the plain reading, in order; their differences add up."""
    price: int
    """How much is assumed: the sum of the prices in `assumptions.ASSUMPTIONS`."""
    same_network: tuple[dict[str, Any], ...] = ()
    """Other conventions, with what must be overridden there, under which the same network is counted."""
    chance: float | None = None
    """How many of the readings that were tried, and assume no more, would give such a figure by chance; None where the
    reading does not give it."""

    @property
    def weights(self) -> int:
        """The count."""
        return self.count.weights

    @property
    def convention(self) -> str:
        """Whose rules."""
        return str(self.fields["convention"])

    @property
    def coincidence(self) -> bool:
        """Whether chance explains better than the reading that it gives the figure.

        What a reading is worth beforehand is halved by each point of its price. One that sets aside a size, and is worth
        less than the number of chance hits that were to be expected, is more likely one of these.
        """
        return self.chance is not None and self.price >= MUCH and self.chance > Fraction(1, 2**self.price)

    @property
    def difference(self) -> int:
        """Weights more than the plain reading."""
        return sum(step.difference for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        """Return the answer as `--json` shows it."""
        return {
            "match": self.match,
            "weights": self.weights,
            "difference": self.difference,
            "price": self.price,
            "chance": None if self.chance is None else float(f"{self.chance:.3g}"),
            "coincidence": self.coincidence,
            "fields": self.fields,
            "assumed": [
                {
                    "assumption": step.assumption,
                    "words": step.words,
                    "changes": dict(step.changes),
                    "price": step.price,
                    "difference": step.difference,
                    "by_tensor": step.by_tensor,
                }
                for step in self.steps
            ],
            "same_network": list(self.same_network),
        }


@dataclass(frozen=True)
class Remainder:
    """What is left of a figure beside the plain reading: weights of layers that were not spoken of."""

    least: int
    most: int
    """More only where the figure is rounded."""
    fields: dict[str, Any]
    """The plain reading with the remainder as `other_weights`: the figure as it was printed."""

    def as_json(self) -> dict[str, Any]:
        """Return the remainder as `--json` shows it."""
        return {"least": self.least, "most": self.most, "fields": self.fields}


@dataclass(frozen=True, repr=False)
class Reconciliation(Shown):
    """What a stated figure can be, and what it is not."""

    claim: Claim
    plain: Answer
    """The network as it was said."""
    answers: tuple[Answer, ...]
    """What gives the figure, the least assumed first; empty where nothing does."""
    near: tuple[Answer, ...]
    """What comes nearer than everything that assumes less, the nearest first. Where nothing gives the figure this is
    never empty, unless the plain reading is the nearest."""
    others: tuple[Answer, ...]
    """What one would try first and what does not give the figure: one assumption each."""
    more: int
    """Further combinations that give the figure and were not worked out; they assume at least as much."""
    tried: int = 0
    """Networks that were looked at."""
    remainder: Remainder | None = None
    """What the figure has beside the plain reading; None where it does not have more."""

    def _in_a_line(self) -> str:
        if not self.answers:
            return f"nothing gives {self.claim.text}; plainly {self.plain.weights:,}"
        first = self.answers[0]
        assumed = ", ".join(step.assumption for step in first.steps) or "nothing more"
        return f"{self.claim.text}: {first.weights:,} weights, assuming {assumed}"

    def _as_text(self) -> str:
        from sizer.questions.claimed import claim_screen

        return claim_screen(self)

    def _as_table(self) -> Table:
        readings = [("plain", self.plain), *(("gives it", one) for one in self.answers)]
        readings += [("near", one) for one in self.near]
        header = ("reading", "convention", "weights", "difference", "price", "assumed")
        return header, [
            (which, one.convention, one.weights, one.difference, one.price, ", ".join(s.assumption for s in one.steps))
            for which, one in readings
        ]

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        more = f"and {self.more:,} more that assume as much or more" if self.more else ""
        return f"{self._in_a_line()}{DOT}{self.plain.count._heading()}", self._as_table(), (more,) if more else ()

    def as_json(self) -> dict[str, Any]:
        """Return everything as `--json` shows it."""
        return {
            "claim": {"text": self.claim.text, "least": self.claim.least, "most": self.claim.most},
            "plain": self.plain.as_json(),
            "answers": [answer.as_json() for answer in self.answers],
            "near": [answer.as_json() for answer in self.near],
            "not": [answer.as_json() for answer in self.others],
            "more": self.more,
            "tried": self.tried,
            "remainder": None if self.remainder is None else self.remainder.as_json(),
        }
