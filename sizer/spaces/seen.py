"""Which values of a field the layers so far have, where a network may have few different ones alone.

Told as whole numbers that a state can keep. Of values that fall or rise one that was left does not come back, so that
it is enough how many more there may be; else every value has a bit. Where no layer that is left can be one too many,
nothing is told apart any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.spaces.decisions import IntArray
from sizer.sweepfile.per_layer import PerLayer

_BITS = 62
"""Values that one number tells apart."""


@dataclass(eq=False)
class SeenValues:
    """The values of one field that layers have."""

    field: str
    values: IntArray
    """Which value each letter has, from 0, shape (letters,)."""
    different: int
    """How many values there are."""
    most: int
    """How many different ones a network may have."""
    ordered: bool
    """Whether they fall or rise from layer to layer."""

    @classmethod
    def of(cls, axis: PerLayer, letters: npt.NDArray[Any], layers: int) -> SeenValues | None:
        """Return what tells the values of so many layers apart; None where any of them will do.

        Args:
            axis: of the field.
            letters: the field's value in each letter.
            layers: how many there are.
        """
        found, values = np.unique(letters, return_inverse=True)
        if axis.distinct is None or axis.distinct >= min(layers, len(found)):
            return None
        return cls(axis.field, values.reshape(-1), len(found), axis.distinct, axis.order != "any")

    @property
    def numbers(self) -> int:
        """In how many numbers it is kept."""
        return 1 if self.ordered else -(-self.different // _BITS)

    def after(self, seen: IntArray | None, below: IntArray | None, left: int) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """Return what is kept behind each letter, and which letters there may be.

        Args:
            seen: what is kept of the layers so far, shape (states, numbers); None: there are none.
            below: of values that fall or rise, which one the layer below has, shape (states,).
            left: how many layers there are above this one.

        Returns:
            shapes (states, letters, numbers) and (states, letters).
        """
        if self.ordered:
            return self._counted(seen, below, left)
        bits = self._bits()[self.values]
        before = np.zeros((1, self.numbers), dtype=np.int64) if seen is None else seen
        new = ((before[:, None, :] & bits) == 0).all(axis=2)
        together = before[:, None, :] | bits
        number = _number_of_bits(before)[:, None] + new
        # Where all that are left may be new, everything is known, whatever comes.
        found = np.where((number + left <= self.most)[:, :, None], self._bits().sum(axis=0), together)
        return found, ~new | (number <= self.most)

    def _counted(
        self, seen: IntArray | None, below: IntArray | None, left: int
    ) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """Return the same of values that fall or rise: how many more there may be."""
        if seen is None or below is None:
            may = np.full((1, len(self.values)), self.most - 1, dtype=np.int64)
        else:
            may = seen - (below[:, None] != self.values)
        return np.clip(may, 0, left)[:, :, None], may >= 0

    def _bits(self) -> IntArray:
        """Return the bit of each value, shape (values, numbers)."""
        found = np.zeros((self.different, self.numbers), dtype=np.int64)
        places = np.arange(self.different)
        found[places, places // _BITS] = np.int64(1) << (places % _BITS)
        return found


def _number_of_bits(numbers: IntArray) -> IntArray:
    """Return how many bits the numbers of each row have."""
    as_bytes = np.ascontiguousarray(numbers).view(np.uint8).reshape(len(numbers), -1)
    return np.asarray(np.unpackbits(as_bytes, axis=1).sum(axis=1, dtype=np.int64))
