"""A weight tensor: a name and a shape over named dimensions.

Sizes are computed by the same expressions on three kinds of number: Python ints (one network, exact at any
size), NumPy int64 arrays that broadcast against each other (a batch of networks), and `Symbol`s (a number
together with its words, from which formulas are written). So this floor uses only `+`, `*` and `==`, and
never branches on a size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Number = Any
"""A Python int, a NumPy int64 array or a `Symbol`."""
Dimensions = Mapping[str, Number]

PARTS = (
    "input_weights",
    "recurrent_weights",
    "projection_weights",
    "peephole_weights",
    "bias_weights",
    "output_weights",
    "embedding_weights",
    "other_weights",
)
"""The parts of a count, in the order of the table columns. They add up to `weights`."""
BLOCK_PARTS = (*PARTS, "dense_weights", "convolution_weights", "attention_weights")
"""The parts of a count of blocks."""


Standing = Literal["each", "shared", "joined"]
"""How a tensor stands in a bidirectional layer: once for each direction; once, and used by both; or once, on what the
two directions hand up together."""


@dataclass(frozen=True)
class Tensor:
    """One weight tensor of a layer, or of the network around the layers."""

    name: str
    """What people call it; unique within its table."""
    part: str
    """The part of the count it belongs to, one of `PARTS`."""
    shape: tuple[int | str, ...]
    """Its dimensions: whole numbers, and names that are looked up."""
    matrix: bool = False
    """Whether each weight is one multiply-accumulate per time step."""
    when: str | None = None
    """The name of a 0-or-1 dimension; the tensor is there only where it is 1."""
    shared_when: str | None = None
    """The name of a 0-or-1 dimension; where it is 1 the weights are another tensor's and are not counted again."""
    directions: Standing = "each"
    """How it stands in a bidirectional layer."""
    at: str = "block"
    """At whose steps it multiplies: the `block`'s own, those that it `multiplied` at (a convolution), its `query`'s, its
    `memory`'s, or each `pair` of both."""
    area: str | None = None
    """A dimension that says at how many places it multiplies at each step; None: at one."""
    buffer: bool = False
    """Whether it holds no weights but values that a toolkit keeps beside them."""

    def size(self, dimensions: Dimensions) -> Number:
        """Return the number of scalars in the tensor, 0 where it is absent; shared or not."""
        names = self.shape if self.when is None else (self.when, *self.shape)
        return product([name if isinstance(name, int) else dimensions[name] for name in names])

    def weights(self, dimensions: Dimensions) -> Number:
        """Return the number of weights the tensor adds to the count."""
        if self.shared_when is None:
            return self.size(dimensions)
        return product([1 - 1 * dimensions[self.shared_when], self.size(dimensions)])


def product(factors: list[Number]) -> Number:
    """Return the product, plain ints first, so that a 0 among them saves the work on arrays.

    Example:
        >>> product([4, 1024, 39])
        159744
    """
    scalar = 1
    others = []
    for factor in factors:
        if isinstance(factor, int):
            scalar *= factor
        else:
            others.append(factor)
    if scalar == 0 or not others:
        return int(scalar)
    result = others[0] if scalar == 1 else others[0] * scalar
    for factor in others[1:]:
        result = result * factor
    return result


def total(terms: list[Number]) -> Number:
    """Return the sum; exact zeros (absent tensors) cost nothing.

    Arrays are added smallest first, so that a term which depends on few axes is never spread over more of
    them than it must be.
    """
    present = [term for term in terms if not (isinstance(term, int) and term == 0)]
    if not present:
        return 0
    present.sort(key=lambda term: getattr(term, "size", 1))
    result = present[0]
    for term in present[1:]:
        result = result + term
    return result


def first_nonzero(choices: tuple[tuple[str, ...], ...], dimensions: Dimensions) -> Number:
    """Return the sum of the first group of dimensions that is not all zero.

    Args:
        choices: groups of dimension names; `(("recurrent_projection",), ("cells",))` reads "what recurs is the
            projection, or the cells where there is no projection".
        dimensions: the values.

    Example:
        >>> first_nonzero((("r", "p"), ("n",)), {"r": 0, "p": 0, "n": 7})
        7
    """
    result = 0
    for group in choices:
        result = result + total([dimensions[name] for name in group]) * (result == 0)
    return result
