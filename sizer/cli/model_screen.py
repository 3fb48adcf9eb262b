"""A whole model on a screen: block by block, each with its share of the total."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from sizer.cli.screens import DOT, aligned
from sizer.networks.blocks.counting import ModelCount
from sizer.networks.blocks.tally import unsaid_clocks
from sizer.questions.breakdown import Breakdown
from sizer.sizes import rounded_bytes, rounded_size

if TYPE_CHECKING:
    from sizer.frameworks.blocks.comparing import ModelComparison
    from sizer.frameworks.equivalents import Shape
    from sizer.frameworks.framework import Framework


def model_screen(breakdown: Breakdown, counted: ModelCount) -> str:
    """Return a model of blocks, block by block, each with what it has in all and its share of the total."""
    rows = [("", "shape", "weights", "in all", "")]
    block = None
    said_already: set[str] = set()
    for section in breakdown.sections:
        if section.block != block:
            block = section.block
            own = counted.by_block.get(block, 0)
            of_all = () if block in said_already else (f"{own:,}", f"{own / max(counted.weights, 1):.1%}")
            rows.append((block, "", "", *(of_all or ("", ""))))
            said_already.add(block)
        if section.title != block:
            rows.append((f"  {section.title.removeprefix(block or '').removeprefix(DOT).strip()}", "", "", "", ""))
        for line in section.lines:
            shape = " x ".join(map(str, line.shape))
            weights = "shared" if line.shared else f"{line.weights:,}"
            rows.append((f"    {line.name}", shape, weights, "" if section.times == 1 else f"x {section.times}", ""))
    rows.append(("", "", "", f"{counted.weights:,}", rounded_size(counted.weights)))
    convention = str(counted.configuration.get("convention") or "textbook")
    said = [convention, f"{len(counted.by_block):,} blocks"]
    if counted.trained_weights != counted.weights:
        said.append(f"{counted.trained_weights:,} of the weights are trained")
    if counted.buffer_values:
        said.append(f"{counted.buffer_values:,} values beside the weights")
    formulas = [(f"{one.name}", one.formula) for one in breakdown.blocks if one.formula]
    if counted.parts["other_weights"] and breakdown.sections[-1].title == "other":
        formulas.append(("other", "other_weights"))
    return "\n".join(
        [DOT.join(said), "", *aligned(rows, left=(0, 1)), *aligned(formulas, left=(0, 1)), *_sums(counted)]
    )


def _sums(counted: ModelCount) -> list[str]:
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


def model_verification_screen(
    name: str, framework: Framework, compared: ModelComparison | None, reasons: Sequence[tuple[str, str]]
) -> str:
    """Return what of a model was compared, block by block, and every tensor that differs, with both sides."""
    version = framework.version()
    title = framework.title
    if compared is None:
        lines = [
            *([name] if name else []),
            f"Nothing was compared: {title} {version} is not what counts these blocks",
            "",
        ]
        return "\n".join([*lines, *aligned(list(reasons), left=(0, 1))])
    lines = [*([name] if name else []), f"Compared with {title} {version}, {framework.how}", ""]
    rows = [("", "", "tensors", "Sizer", title)]
    for path, pairs in compared.blocks.items():
        sides = ([pair.ours for pair in pairs], [pair.theirs for pair in pairs])
        mark = "" if all(pair.equal for pair in pairs) else "*"
        ours, theirs = (f"{_scalars(side):,}" for side in sides)
        rows.append((mark, path or "of no block", f"{len(pairs):,}", ours, theirs))
    mark = "" if compared.our_weights == compared.their_weights else "*"
    rows.append((mark, "weights, shared ones once", "", f"{compared.our_weights:,}", f"{compared.their_weights:,}"))
    lines += [*aligned(rows, left=(0, 1)), ""]
    different = [pair for pair in compared.tensors if not pair.equal]
    if different:
        both = [(pair.name, _size(pair.ours), _size(pair.theirs)) for pair in different]
        lines += aligned([("", "Sizer", title), *both], left=(0, 1, 2))
    if compared.failed:
        lines.append(f"{title} does not run it: {compared.failed}")
    if compared.equal:
        ran = "its blocks run" if compared.ran else "none of its blocks can be run by itself"
        lines.append(f"Every shape of {len(compared.tensors):,} tensors and the total are equal; {ran}")
    return "\n".join(lines)


def _scalars(shapes: Sequence[Shape | None]) -> int:
    return sum(math.prod(shape) for shape in shapes if shape is not None)


def _size(shape: Shape | None) -> str:
    return "-" if shape is None else " x ".join(map(str, shape))
