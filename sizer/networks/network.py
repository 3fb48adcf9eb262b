"""Fields become a network: groups of weight tensors with their dimensions, from which every count follows.

    fields -> resolve (the convention fills what is not said) -> wire (what feeds what) -> columns.tally (sums)

`resolve`, `wire` and `tally` work on Python ints, on NumPy int64 arrays that broadcast, and on `Symbol`s. The
convention and the cell type are plain words in all three: a batch is split by them beforehand.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from sizer.networks.cells import AROUND, CellType
from sizer.networks.conventions import CONVENTIONS, Rule, rules_for
from sizer.networks.fields import FIELDS
from sizer.networks.tensors import Dimensions, Number, Standing, Tensor, first_nonzero, product, total

Fields = Mapping[str, Any]
OVERRIDES = ("peepholes", "bias_vectors", "projection_bias", "output_bias")
"""The fields that rules see as they were asked for: None where the convention decides."""
STANDINGS: tuple[Standing, ...] = ("each", "shared", "joined")


Steps = tuple[tuple[tuple[str, ...], Fraction], ...]
"""For each step of a clock, or for each pair of steps of two, how often something happens; several add up."""


@dataclass(frozen=True)
class Group:
    """Tensors that stand in the network several times over with the same dimensions."""

    label: str
    """Where they stand: `embedding`, `layer`, `output` or `other`."""
    first: int
    """The number of the first layer, from 1; 0 outside the recurrent layers."""
    repeats: Number
    """How many layers look like this; 1 outside the recurrent layers."""
    directions: Number
    """2 where the tensors stand once for each direction of a bidirectional network's layers, else 1."""
    tensors: tuple[Tensor, ...]
    dimensions: Dimensions
    state: tuple[str, ...] = ()
    standing: Standing = "each"
    """How the tensors stand in a bidirectional layer."""
    uses: Number = 1
    """How often each tensor is multiplied with at one time step: 2 where two directions share it, else 1."""
    block: str = ""
    """The block it belongs to, as a path; empty in a model without blocks."""
    steps: Steps = ((("step",), Fraction(1)),)
    """When its matrices multiply."""
    counted: bool = True
    """Whether the weights are its own, not those of another block that shares them."""
    trained: bool = True

    @property
    def times(self) -> Number:
        """How often each tensor stands in the network."""
        return product([self.repeats, self.directions])


@dataclass(frozen=True)
class Network:
    """A wired network: its groups from the input upwards, and the width that feeds the output layer."""

    groups: tuple[Group, ...]
    fed: Number
    resolved: Fields
    """Every field with what the convention decides filled in."""
    cell: CellType
    """The table of its cells."""
    notes: tuple[str, ...] = ()
    """What was read otherwise than it was written, or taken to be meant, in words."""


def resolve(given: Fields, cell: CellType) -> dict[str, Any]:
    """Return every field with what the convention decides filled in.

    Args:
        given: `convention` and `cell_type` as words; counts and booleans as ints, arrays or symbols. Absent or
            None means the default.
        cell: the table of the cells.

    Returns:
        Every field of `FIELDS`, none of them None, and `candidate_bias`.
    """
    convention = CONVENTIONS[given["convention"]]
    resolved = {name: field.default if given.get(name) is None else given[name] for name, field in FIELDS.items()}
    resolved["candidate_bias"] = int(convention.candidate_bias and resolved["bias_vectors"] is None)
    decided = {
        "peepholes": convention.has_peepholes(cell),
        "bias_vectors": convention.bias_vectors_of(cell),
        "projection_bias": convention.has_projection_bias(cell),
        "output_bias": convention.output_bias,
    }
    for name, value in decided.items():
        if resolved[name] is None:
            resolved[name] = value
    return resolved


def wire(resolved: Fields, cell: CellType) -> Network:
    """Return the network's groups of tensors with their dimensions.

    Args:
        resolved: what `resolve` returns; `cells` and the projections may be tuples, one value per layer.
        cell: the table of the cells.
    """
    raw = resolved["inputs"] + resolved["embedding"]
    groups = [Group("embedding", 0, 1, 1, (AROUND["embedding"],), resolved)]
    layers, fed = recurrent_groups(cell, resolved, raw)
    groups.extend(layers)
    around = {**resolved, "fed": fed}
    groups.append(Group("output", 0, 1, 1, (AROUND["output"], AROUND["output_bias"]), around))
    groups.append(Group("other", 0, 1, 1, (AROUND["other"],), around))
    return Network(tuple(groups), fed, resolved, cell)


def recurrent_groups(
    cell: CellType | tuple[CellType, ...], fields: Fields, raw: Number, stacked: Sequence[int] | None = None
) -> tuple[list[Group], Number]:
    """Return the groups of a stack of recurrent layers, and the width that it hands up.

    Args:
        cell: the table of its cells, or of each layer's, one value per layer.
        fields: resolved; `cells`, the projections and `bidirectional` may be tuples, one value per layer.
        raw: the width that feeds the first layer.
        stacked: how many steps of each layer, one value per layer, are made one as many times as wide before they are
            read; None: one each.
    """
    skip = 1 * fields["skip_connections"]
    if isinstance(fields["cells"], tuple):
        number = len(fields["cells"])
        cells = cell if isinstance(cell, tuple) else (cell,) * number
        layers = [
            _Layer.of(own, _layer_fields(fields, place), (stacked or (1,) * number)[place])
            for place, own in enumerate(cells)
        ]
        _set_inputs(cells, layers, raw, skip)
        groups = [
            group
            for place, (own, layer) in enumerate(zip(cells, layers, strict=True), start=1)
            for group in _layer_groups(own, place, 1, layer.directions, layer.dimensions)
        ]
        # What all of them hand up is stacked behind the last one, not each behind itself.
        widths = [product([layer.above, layer.dimensions["hands_up"]]) for layer in layers]
        return groups, product([layers[-1].stacked, widths[-1] + product([skip, total(widths[:-1])])])
    assert not isinstance(cell, tuple)
    first = _Layer.of(cell, fields, 1)
    others = replace(first, dimensions=dict(first.dimensions))
    _set_inputs((cell, cell), [first, others], raw, skip)
    more = fields["layers"] - 1
    groups = [
        *_layer_groups(cell, 1, 1, first.directions, first.dimensions),
        *_layer_groups(cell, 2, more, others.directions, others.dimensions),
    ]
    return groups, product([first.above, first.dimensions["hands_up"], 1 + product([skip, more])])


@dataclass(frozen=True)
class _Layer:
    """A layer's dimensions, and what stands between it and what reads it."""

    dimensions: dict[str, Number]
    directions: Number
    above: Number
    """Of how many directions what it hands up is."""
    stacked: int

    @classmethod
    def of(cls, cell: CellType, fields: Fields, stacked: int) -> _Layer:
        """Return a layer of which the input is not known yet."""
        joined = 1 + 1 * fields["bidirectional"] * (1 - 1 * fields["summed_directions"])
        return cls(
            _layer_dimensions(cell, fields, joined),
            1 + 1 * fields["bidirectional"],
            1 if cell.joins else joined,
            stacked,
        )

    def handed(self, width: str) -> Number:
        """Return what reads it gets, where each direction hands up so much."""
        return product([self.stacked, self.above, self.dimensions[width]])


def _layer_fields(resolved: Fields, layer: int) -> dict[str, Any]:
    return {name: value[layer] if isinstance(value, tuple) else value for name, value in resolved.items()}


def _layer_groups(
    cell: CellType, first: int, repeats: Number, directions: Number, dimensions: Dimensions
) -> Iterator[Group]:
    """Yield the groups of one layer, or of several like it: what stands once for each direction, then the rest."""
    for standing in STANDINGS:
        tensors = tuple(tensor for tensor in cell.tensors if tensor.directions == standing)
        if standing == "each":
            yield Group("layer", first, repeats, directions, tensors, dimensions, cell.state)
        elif tensors:
            uses = directions if standing == "shared" else 1
            yield Group("layer", first, repeats, 1, tensors, dimensions, (), standing, uses)


def _layer_dimensions(cell: CellType, fields: Fields, joined: Number) -> dict[str, Number]:
    dimensions = {name: fields[name] for name in FIELDS if name not in {"convention", "cell_type"}}
    dimensions["candidate_bias"] = fields["candidate_bias"]
    dimensions["vectors"] = int(not CONVENTIONS[fields["convention"]].matrices_only)
    dimensions["joined_cells"] = product([joined, fields["cells"]])
    dimensions["projected"] = fields["recurrent_projection"] + fields["nonrecurrent_projection"]
    dimensions["recurrent"] = first_nonzero(cell.recurs, dimensions)
    dimensions["hands_up"] = first_nonzero(cell.hands_up, dimensions)
    only_recurrent = 1 * dimensions["only_recurrent_up"]
    dimensions["feeds_above"] = total(
        [product([1 - only_recurrent, dimensions["hands_up"]]), product([only_recurrent, dimensions["recurrent"]])]
    )
    return dimensions


def _set_inputs(cells: Sequence[CellType], layers: Sequence[_Layer], raw: Number, skip: Number) -> None:
    """Give each layer, of which the cells are known, the width that feeds it."""
    layers[0].dimensions["input"] = raw
    for cell, (below, layer) in zip(cells[1:], itertools.pairwise(layers), strict=True):
        sources = {
            "handed": below.handed("feeds_above"),
            "raw": raw,
            "recurrent_projection": below.dimensions["recurrent_projection"],
        }
        fed_by = total([sources[name] for name in cell.fed_by])
        layer.dimensions["input"] = fed_by + product([skip, raw])
    for cell, layer in zip(cells, layers, strict=True):
        if not cell.grows:  # for the others it would be work without use, on arrays as large as the batch
            dimensions = layer.dimensions
            same = dimensions["input"] == product([layer.directions, dimensions["hands_up"]])
            dimensions["widens"] = 1 - 1 * same


def refusals(given: Fields, cell: CellType, fed: Number = None) -> list[tuple[Rule, Number]]:
    """Return each rule that a configuration is held to with its answer: True, or an array of truths, refuses.

    Args:
        given: fields as given, None or absent where the convention decides. No lists per layer.
        cell: the table of the cells.
        fed: what feeds the output layer; None: it is worked out.
    """
    resolved = resolve(given, cell)
    asked = {name: given.get(name) for name in OVERRIDES}
    tested = {**resolved, **asked, "fed": wire(resolved, cell).fed if fed is None else fed}
    return [(rule, rule.refuses(tested)) for rule in rules_for(CONVENTIONS[given["convention"]], cell)]
