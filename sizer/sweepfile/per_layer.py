"""An axis of which each layer takes a value of its own: `{per_layer: AXIS, order: falling, distinct: 3}`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sizer.errors import quoted
from sizer.networks.blocks.fields import PER_LAYER
from sizer.networks.fields import FIELDS, Field
from sizer.sweepfile.axes import read_axis
from sizer.sweepfile.axis import Column
from sizer.sweepfile.findings import Findings
from sizer.sweepfile.sweep import Axis
from sizer.sweepfile.yamltext import Path

Order = Literal["any", "falling", "rising"]
MOST_LAYERS = 200
"""The most layers of a network of which each has values of its own."""
MOST_FORMS = 1 << 17
"""The most different layers of one stack."""
ORDERS: tuple[Order, ...] = ("any", "falling", "rising")

LAYERED = (*(field.name for field in FIELDS.values() if field.per_layer), "cell_type")
"""The fields that each layer can have for itself."""

BLOCK_LAYERED = tuple(word for word in PER_LAYER if word in LAYERED)
"""Those of them that each layer of a recurrent block can have for itself."""


@dataclass(frozen=True)
class PerLayer:
    """One swept field with a value for each layer."""

    column: Column
    """The values that a layer can take."""
    order: Order = "any"
    """How they may run from the first layer to the last; equal neighbours are allowed."""
    distinct: int | None = None
    """The most different values in one network; None: any number."""

    @property
    def field(self) -> str:
        """The swept field."""
        return self.column.field

    @property
    def block(self) -> str:
        """The block whose layers these are; empty without blocks."""
        return self.field.rpartition(".")[0]

    @property
    def layers(self) -> str:
        """The field that says how many layers there are."""
        return layers_of(self.field)

    def ways(self, layers: int) -> int:
        """Return how many rows of values so many layers can have.

        Example:
            >>> from sizer.sweepfile.axis import Stepped
            >>> PerLayer(Stepped("cells", 32, 32, 64), "falling").ways(2)
            2080
        """
        number = self.column.length
        ordered = self.order != "any"
        if self.distinct is None:
            return math.comb(number + layers - 1, layers) if ordered else number**layers
        return sum(
            math.comb(number, different)
            * (math.comb(layers - 1, different - 1) if ordered else _onto(layers, different))
            for different in range(1, min(self.distinct, layers, number) + 1)
        )


def _onto(layers: int, values: int) -> int:
    """Return how many rows of so many layers have all of some values."""
    return sum((-1) ** left * math.comb(values, left) * (values - left) ** layers for left in range(values + 1))


def layers_of(field: str) -> str:
    """Return the field that says how many layers a layer's field has.

    Example:
        >>> layers_of("encoder.cells"), layers_of("cells")
        ('encoder.layers', 'layers')
    """
    block, dot, _ = field.rpartition(".")
    return f"{block}{dot}layers"


def is_per_layer(declared: Any) -> bool:
    """Return whether an axis is one of these."""
    return isinstance(declared, Mapping) and "per_layer" in declared


def read_per_layer(
    field: Field,
    declared: Mapping[str, Any],
    path: Path,
    findings: Findings,
    words: Callable[[str, Any, Path], Column | None],
) -> PerLayer | None:
    """Return the axis, None where it has faults.

    Args:
        field: the swept field.
        declared: data that fits the schema.
        path: where the axis stands.
        findings: takes the faults.
        words: reads an axis of words.
    """
    block, _, name = field.name.rpartition(".")
    layered = tuple(word for word in LAYERED if not block or word in BLOCK_LAYERED)
    if name not in layered or (block and not field.per_layer):
        findings.at_key(path, f"a layer has no {name} of its own; {', '.join(layered)} can vary per layer")
        return None
    inner = (*path, "per_layer")
    if block and field.kind == "count":
        _check_values(declared["per_layer"], inner, findings)
    if findings.touched(inner):
        column = None
    elif field.kind == "count":
        column = read_axis(field, declared["per_layer"], inner, findings)
    else:
        column = words(field.name, declared["per_layer"], inner)
    order = declared.get("order", "any")
    if order != "any" and field.kind != "count":
        findings.at_value((*path, "order"), f"the values of {field.name} are words, which neither rise nor fall")
    if column is not None and column.base is not None and (order != "any" or "distinct" in declared):
        findings.at_parent(path, "the values depend on another field, so order and distinct have no meaning")
    if column is not None and column.length > MOST_FORMS:
        findings.at_value(inner, f"a layer can take {column.length:,} values; a space can have at most {MOST_FORMS:,}")
    if findings.touched(path) or column is None:
        return None
    return PerLayer(column, order, declared.get("distinct"))


def _check_values(declared: Any, path: Path, findings: Findings) -> None:
    """Report what is no number: the schema lets the axis of a path hold anything, lists of layers too."""
    if isinstance(declared, Mapping):
        declared, path = declared.get("values"), (*path, "values")
    for position, item in enumerate(declared) if isinstance(declared, list) else ():
        if isinstance(item, (list, Mapping)):
            findings.at_value((*path, position), "is no number; under per_layer each value is that of one layer")
        elif isinstance(item, bool) or not isinstance(item, (int, str)):
            findings.at_value(
                (*path, position),
                f"{quoted(str(item).lower() if isinstance(item, bool) else item)} is not a whole number",
            )


def check_bases(
    axes: Sequence[Axis], per_layer: Sequence[PerLayer], places: Mapping[str, Path], findings: Findings
) -> None:
    """Report the fields of whole networks that are fractions of what each layer has for itself."""
    layered = {axis.field for axis in per_layer}
    for axis in axes:
        if axis.base in layered:
            field = axis.columns[0].field
            findings.at_value(
                (*places[field], "of"),
                f"{axis.base} has a value for each layer; write {{per_layer: {{of: {axis.base}}}}}",
            )
