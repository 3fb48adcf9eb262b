"""Fields become a network: groups of weight tensors with their dimensions, from which every count follows.

    fields -> resolve (the convention fills what is not said) -> wire (what feeds what) -> tally (sums)

`resolve`, `wire` and `tally` work on Python ints, on NumPy int64 arrays that broadcast, and on `Symbol`s. The
convention and the cell type are plain words in all three: a batch is split by them beforehand.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sizer.networks.cells import AROUND, CellType
from sizer.networks.conventions import CONVENTIONS, Rule, rules_for
from sizer.networks.fields import FIELDS
from sizer.networks.tensors import PARTS, Dimensions, Number, Standing, Tensor, first_nonzero, product, total

BYTES = {"float32_bytes": 4, "float16_bytes": 2, "int8_bytes": 1}
"""Bytes per weight in each number format."""

COUNTED = ("weights", *PARTS, "macs_per_step", "state_size", *BYTES)
"""Every column that is counted rather than given."""

MEANINGS = {
    "weights": "Trainable scalars of the whole network.",
    "input_weights": "Of the matrices that what feeds a layer is multiplied with.",
    "recurrent_weights": "Of the matrices that a layer's own last output is multiplied with.",
    "projection_weights": "Of the projections' matrices.",
    "peephole_weights": "Of the gates' views of the cells.",
    "bias_weights": "Every bias, the projection's and the output layer's too.",
    "output_weights": "Of the output layer's matrix.",
    "embedding_weights": "Of the embedding in front of the network.",
    "other_weights": "What `other_weights` gives.",
    "macs_per_step": "Multiply-accumulates of one time step: matrices only, the output layer included, looking up an embedding not.",
    "state_size": "Scalars carried from one step to the next.",
    "float32_bytes": "Bytes of the weights in 32-bit floats.",
    "float16_bytes": "Bytes of the weights in 16-bit floats.",
    "int8_bytes": "Bytes of the weights in 8-bit integers.",
}
"""What each counted column holds. The parts, from `input_weights` to `other_weights`, add up to `weights`."""

Fields = Mapping[str, Any]
OVERRIDES = ("peepholes", "bias_vectors", "projection_bias", "output_bias")
"""The fields that rules see as they were asked for: None where the convention decides."""
STANDINGS: tuple[Standing, ...] = ("each", "shared", "joined")


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
    directions = 1 + 1 * resolved["bidirectional"]
    joined = 1 + 1 * resolved["bidirectional"] * (1 - 1 * resolved["summed_directions"])
    above = 1 if cell.joins else joined
    raw = resolved["inputs"] + resolved["embedding"]
    skip = 1 * resolved["skip_connections"]
    groups = [Group("embedding", 0, 1, 1, (AROUND["embedding"],), resolved)]
    if isinstance(resolved["cells"], tuple):
        layers = [
            _layer_dimensions(cell, _layer_fields(resolved, layer), joined) for layer in range(len(resolved["cells"]))
        ]
        _set_inputs(cell, layers, raw, skip, directions, above)
        for number, layer in enumerate(layers, start=1):
            groups.extend(_layer_groups(cell, number, 1, directions, layer))
        handed = [product([above, layer["hands_up"]]) for layer in layers]
        fed = handed[-1] + product([skip, total(handed[:-1])])
    else:
        layer = _layer_dimensions(cell, resolved, joined)
        layers = [layer, dict(layer)]
        _set_inputs(cell, layers, raw, skip, directions, above)
        more = resolved["layers"] - 1
        groups.extend(_layer_groups(cell, 1, 1, directions, layers[0]))
        groups.extend(_layer_groups(cell, 2, more, directions, layers[1]))
        fed = product([above, layer["hands_up"], 1 + product([skip, more])])
    around = {**resolved, "fed": fed}
    groups.append(Group("output", 0, 1, 1, (AROUND["output"], AROUND["output_bias"]), around))
    groups.append(Group("other", 0, 1, 1, (AROUND["other"],), around))
    return Network(tuple(groups), fed, resolved, cell)


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


def _set_inputs(
    cell: CellType, layers: list[dict[str, Number]], raw: Number, skip: Number, directions: Number, above: Number
) -> None:
    """Give each layer the width that feeds it."""
    layers[0]["input"] = raw
    for below, layer in itertools.pairwise(layers):
        sources = {
            "handed": product([above, below["feeds_above"]]),
            "raw": raw,
            "recurrent_projection": below["recurrent_projection"],
        }
        fed_by = total([sources[name] for name in cell.fed_by])
        layer["input"] = fed_by + product([skip, raw])
    if not cell.grows:  # for the others it would be work without use, on arrays as large as the batch
        for layer in layers:
            layer["widens"] = 1 - 1 * (layer["input"] == product([directions, layer["hands_up"]]))


def tally(network: Network, columns: Iterable[str]) -> dict[str, Number]:
    """Return the named counted columns of a network, each an int or an array like the network's dimensions."""
    found: dict[str, Number] = {}
    for column in columns:
        if column == "macs_per_step":
            found[column] = total(
                [
                    product(
                        [group.times, group.uses, total([t.size(group.dimensions) for t in group.tensors if t.matrix])]
                    )
                    for group in network.groups
                ]
            )
        elif column == "state_size":
            found[column] = total(
                [
                    product([group.times, total([group.dimensions[name] for name in group.state])])
                    for group in network.groups
                ]
            )
        elif column in BYTES:
            found[column] = product([BYTES[column], _weights(network, None)])
        else:
            found[column] = _weights(network, None if column == "weights" else column)
    return found


def _weights(network: Network, part: str | None) -> Number:
    return total(
        [
            product(
                [
                    group.times,
                    total([t.weights(group.dimensions) for t in group.tensors if part is None or t.part == part]),
                ]
            )
            for group in network.groups
        ]
    )


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
