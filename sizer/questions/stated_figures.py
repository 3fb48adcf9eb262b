"""A figure as somebody stated it, "21.3M" or "21,252,205", becomes the whole numbers that it can stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from sizer.errors import Fault, InputError, quoted

Match = Literal["exact", "rounded", "cut", "near"]
"""How a count gives a figure: to the weight; rounded; only cut off at its last digit; or it does not."""

_LONGEST = 1000
"""Characters; Python refuses to read numbers of more than 4,300 digits."""
_CLAIM = re.compile(
    r"(?P<whole>[0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.(?P<decimals>[0-9]+))?(e\+?(?P<exponent>[0-9]{1,2}))?(?P<unit>[kmbgt]?)",
    re.IGNORECASE | re.ASCII,
)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12}


@dataclass(frozen=True)
class Claim:
    """A stated number of weights and how precisely it was stated."""

    text: str
    size: int
    step: int
    """What its last digit is worth; 1 means that it is stated to the weight."""

    @property
    def least(self) -> int:
        """The fewest weights that round to it."""
        return self.size - self.step // 2

    @property
    def most(self) -> int:
        """The most weights that round to it."""
        return self.least + self.step - 1

    def match(self, weights: int) -> Match:
        """Return how a count gives the figure: to the weight, rounded, only cut off, or not (near)."""
        if self.least <= weights <= self.most:
            return "exact" if self.step == 1 else "rounded"
        return "cut" if self.size <= weights < self.size + self.step else "near"

    def distance(self, weights: int) -> int:
        """Return how far a count is from what rounds to the figure."""
        return max(self.least - weights, weights - self.most, 0)


def parse_claim(claim: str | int) -> Claim:
    """Return a stated figure with the worth of its last digit.

    Args:
        claim: as it was printed: `21M`, `21.3M`, `1.8B`, `21,252,205`, `21252205`. A whole number without a unit is
            exact, however round it is.

    Raises:
        InputError: the text is no figure, is not a whole number, or is 0; at `claim`.

    Example:
        Graves 2013 prints 21.3M for its Wikipedia network:

        >>> claim = parse_claim("21.3M")
        >>> claim.least, claim.most, claim.match(21_252_205)
        (21250000, 21349999, 'rounded')
    """
    if isinstance(claim, bool) or not isinstance(claim, (str, int)):
        raise _fault(f"{quoted(claim)} is neither a text nor a whole number")
    text = str(claim)
    match = _CLAIM.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise _fault(f"{quoted(text)} is not a figure; write it as it was printed: 21M, 21.3M or 21,252,205")
    decimals = match["decimals"] or ""
    worth = Fraction(_UNITS[match["unit"].lower()] * 10 ** int(match["exponent"] or 0), 10 ** len(decimals))
    size = int(match["whole"].replace(",", "") + decimals) * worth
    if size.denominator != 1:
        raise _fault(f"{quoted(text)} is not a whole number; is a unit missing, as in 21.3M?")
    if size == 0:
        raise _fault("0 is below the minimum, 1")
    return Claim(text, int(size), max(1, int(worth)))


def _fault(message: str) -> InputError:
    return InputError([Fault("", 0, 0, "claim", message)])
