"""A whole model held against a framework, on a screen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sizer.layout import aligned

if TYPE_CHECKING:
    from sizer.frameworks.blocks.comparing import ModelComparison
    from sizer.frameworks.equivalents import Shape
    from sizer.frameworks.framework import Framework


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
