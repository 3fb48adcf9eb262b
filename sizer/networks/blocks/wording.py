"""A counted model in words: what it is, and what follows from its weights and their steps."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sizer.layout import DOT
from sizer.networks.aliases import counted_as
from sizer.networks.blocks.tally import unsaid_clocks
from sizer.sizes import rounded_bytes

if TYPE_CHECKING:
    from sizer.networks.blocks.counting import ModelCount


def model_heading(counted: ModelCount) -> str:
    """Return a model in a line: convention, blocks, what is not trained."""
    convention = counted_as(str(counted.configuration.get("convention") or "textbook"))
    said = [convention, f"{len(counted.by_block):,} blocks"]
    if counted.trained_weights != counted.weights:
        said.append(f"{counted.trained_weights:,} of the weights are trained")
    if counted.buffer_values:
        said.append(f"{counted.buffer_values:,} values besides the weights")
    return DOT.join([*said, *counted.notes])


def sums_lines(counted: ModelCount) -> list[str]:
    """Return what follows from the weights and their steps, in lines."""
    macs = [f"{as_text(number)} MACs {_each(name)}" for name, number in counted.macs.items()]
    lines = [
        DOT.join(
            [*macs, f"{counted.state_size:,} values of state", f"{rounded_bytes(counted.float32_bytes)} as float32"]
        )
    ]
    a_second = counted.macs_per_second
    if a_second is not None:
        lines.append(f"{as_text(a_second)} MACs a second")
    elif counted.configuration.get("clocks"):
        lines.append(f"MACs a second are not known: {unsaid_clocks(counted.macs, counted.configuration)}")
    return lines


def _each(steps: str) -> str:
    """Return when a model multiplies: at each step of a clock, for each pair of steps of two, or once."""
    if steps == "sequence":
        return "a sequence"
    return f"for each pair of {' and '.join(steps.split('_x_'))}" if "_x_" in steps else f"per step of {steps}"


def as_text(number: Fraction) -> str:
    """Return an exact fraction for a person.

    Example:
        >>> as_text(Fraction(7)), as_text(Fraction(10_001, 3))
        ('7', '3,333 2/3')
    """
    whole, rest = divmod(number.numerator, number.denominator)
    part = f"{rest}/{number.denominator}"
    return f"{whole:,}" if not rest else f"{whole:,} {part}" if whole else part
