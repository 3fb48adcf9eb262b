"""A whole model held against a framework: what came of it, as a line, a screen, a table and JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sizer.answer import Shown, Table
from sizer.frameworks.framework import Framework
from sizer.layout import aligned

if TYPE_CHECKING:
    from sizer.frameworks.blocks.comparing import ModelComparison
    from sizer.frameworks.equivalents import Shape


@dataclass(frozen=True, repr=False)
class ModelVerification(Shown):
    """What of a model of blocks was compared with a framework, and what differs."""

    name: str
    """Of the file; empty where it has none."""
    framework: Framework
    version: str
    comparison: ModelComparison | None
    """Both sides; None where the framework is not what counts every block."""
    not_comparable: tuple[tuple[str, str], ...]
    """(block, reason) for each block of which the framework is not what counts it."""

    @property
    def compared(self) -> int:
        """How many models were compared: this one, or none."""
        return int(self.comparison is not None)

    @property
    def tensors(self) -> int:
        """Of the model that was compared."""
        return len(self.comparison.tensors) if self.comparison else 0

    @property
    def equal(self) -> bool:
        """Whether the model was compared, and every tensor and the total are the same."""
        return self.comparison is not None and self.comparison.equal

    def _in_a_line(self) -> str:
        who, with_what = self.name or "the model", f"{self.framework.title} {self.version}"
        if self.comparison is None:
            return f"{who}: nothing was compared with {with_what}"
        if not self.equal:
            return f"{who} differs from {with_what}"
        return f"{who}: {self.tensors:,} tensors equal {with_what}"

    def _as_text(self) -> str:
        return model_verification_screen(self.name, self.framework, self.comparison, self.not_comparable)

    def _as_table(self) -> Table:
        if self.comparison is None:
            return ("block", "reason"), self.not_comparable
        return ("block", "tensor", "sizer", "framework", "equal"), [
            (path, pair.name, _size(pair.ours), _size(pair.theirs), pair.equal)
            for path, pairs in self.comparison.blocks.items()
            for pair in pairs
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the verification as `--json` shows it."""
        return {
            "name": self.name,
            "framework": self.framework.name,
            "version": self.version,
            "compared": self.compared,
            "tensors": self.tensors,
            "equal": self.comparison.equal if self.comparison else None,
            "not_comparable": [{"block": block, "reason": reason} for block, reason in self.not_comparable],
            "model": self.comparison.as_json() if self.comparison else None,
        }


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
