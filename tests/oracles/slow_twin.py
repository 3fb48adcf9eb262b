"""The counting rules a second time: one network, one loop over its layers and directions, one tensor after another.

Written from the formulas of the design and from nothing of the package: no table of tensors, no conventions and no
expression is shared, so that the same mistake would have to be made twice. Slow, plain, and only for comparisons.
"""

from __future__ import annotations

from typing import Any

from tests.oracles.slow_cells import BIAS_VECTORS, SLOW_CELLS, Layer, slow_cell_valid

GATES = {"lstm": 4, "gru": 3, "rnn": 1}

BIASES_PER_CELL = {
    "textbook": {"lstm": 0, "gru": 0, "rnn": 0},
    "sak2014": {"lstm": 0, "gru": 0, "rnn": 0},
    "graves2013": {"lstm": 4, "gru": 3, "rnn": 1},
    "pytorch": {"lstm": 8, "gru": 6, "rnn": 2},
    "keras": {"lstm": 4, "gru": 6, "rnn": 1},
    "tensorflow1": {"lstm": 4, "gru": 3, "rnn": 1},
    "kaldi_nnet3": {"lstm": 4, "gru": 3},
    "kaldi_nnet1": {"lstm": 4},
    "flax": {"lstm": 4, "gru": 4, "rnn": 1},
    "back_of_envelope": {"lstm": 0},
}
PEEPHOLES_UNLESS_SAID = {"sak2014", "graves2013", "kaldi_nnet3", "kaldi_nnet1", "back_of_envelope"}
NEVER_PEEPHOLES = {"pytorch", "keras", "flax"}
ALWAYS_PEEPHOLES = {"kaldi_nnet3", "kaldi_nnet1", "back_of_envelope"}
BIASED_OUTPUT = {"graves2013", "pytorch", "keras", "tensorflow1", "kaldi_nnet3", "kaldi_nnet1", "flax"}

PARTS = ("input", "recurrent", "projection", "peephole", "bias", "output", "embedding", "other")


def _said(fields: dict[str, Any], name: str, otherwise: Any) -> Any:
    value = fields.get(name)
    return otherwise if value is None else value


def layers_of(fields: dict[str, Any]) -> list[tuple[int, int, int]]:
    """Return (cells, recurrent projection, nonrecurrent projection) of each layer, the lowest first."""
    widths = [fields["cells"], _said(fields, "recurrent_projection", 0), _said(fields, "nonrecurrent_projection", 0)]
    lengths = [len(width) for width in widths if isinstance(width, list)]
    number = lengths[0] if lengths else fields["layers"]
    columns = [width if isinstance(width, list) else [width] * number for width in widths]
    return [(columns[0][layer], columns[1][layer], columns[2][layer]) for layer in range(number)]


def handed_up(fields: dict[str, Any]) -> list[int]:
    """Return what each layer hands to the output layer, its directions joined or added up."""
    if fields["cell_type"] == "rnnp":
        return [p for n, r, p in layers_of(fields)]
    return [joined(fields) * (r + p if r + p > 0 else n) for n, r, p in layers_of(fields)]


def joined(fields: dict[str, Any]) -> int:
    """Return how many directions stand side by side in what a layer hands up."""
    return 2 if fields.get("bidirectional") and not fields.get("summed_directions") else 1


def fed_upwards(fields: dict[str, Any]) -> list[int]:
    """Return what each layer hands to the layer above."""
    if not fields.get("only_recurrent_up"):
        return handed_up(fields)
    return [joined(fields) * r for n, r, p in layers_of(fields)]


def width_into_output(fields: dict[str, Any]) -> int:
    """Return how many values feed the output layer."""
    handed = handed_up(fields)
    return sum(handed) if fields.get("skip_connections") else handed[-1]


def slow_count(fields: dict[str, Any]) -> dict[str, int]:
    """Return every counted column of one valid network."""
    convention, cell_type = fields["convention"], fields["cell_type"]
    gates = GATES.get(cell_type, 0)
    envelope = convention == "back_of_envelope"
    biases = BIASES_PER_CELL[convention].get(cell_type, 0)
    if fields.get("bias_vectors") is not None:
        biases = fields["bias_vectors"] * gates
    peepholes = cell_type == "lstm" and _said(fields, "peepholes", convention in PEEPHOLES_UNLESS_SAID)
    biased_projection = _said(fields, "projection_bias", convention == "kaldi_nnet3")
    biased_output = _said(fields, "output_bias", convention in BIASED_OUTPUT)
    vocabulary, embedding = _said(fields, "vocabulary", 0), _said(fields, "embedding", 0)
    frame = embedding if vocabulary else fields["inputs"]

    parts = dict.fromkeys(PARTS, 0)
    macs = state = 0
    layers = layers_of(fields)
    handed = fed_upwards(fields)
    for layer, (n, r, p) in enumerate(layers):
        fed = frame
        if layer > 0:
            below = layers[layer - 1][1] if envelope else handed[layer - 1]
            fed = below + (frame if envelope or fields.get("skip_connections") else 0)
        if cell_type in SLOW_CELLS:
            counted = SLOW_CELLS[cell_type](_layer(fields, n, r, p, fed))
            parts = {name: value + counted.parts[name] for name, value in parts.items()}
            macs += counted.macs
            state += counted.state
            continue
        recurs = r if r > 0 else n
        for _direction in range(2 if fields.get("bidirectional") else 1):
            for _gate in range(gates):
                parts["input"] += n * fed
                parts["recurrent"] += n * recurs
                macs += n * fed + n * recurs
            parts["bias"] += biases * n
            if peepholes:
                parts["peephole"] += n + n + n
            projection = n * r if envelope else n * r + n * p
            parts["projection"] += projection
            macs += projection
            if biased_projection and r + p > 0:
                parts["bias"] += r + p
            state += n + recurs if cell_type == "lstm" else n

    outputs = _said(fields, "outputs", 0)
    matrix = width_into_output(fields) * outputs
    macs += matrix
    if not fields.get("tied_embedding"):
        parts["output"] += matrix
    if biased_output:
        parts["bias"] += outputs
    parts["embedding"] += vocabulary * embedding
    parts["other"] += _said(fields, "other_weights", 0)

    weights = sum(parts.values())
    return {
        "weights": weights,
        **{f"{name}_weights": value for name, value in parts.items()},
        "macs_per_step": macs,
        "state_size": state,
        "float32_bytes": weights * 4,
        "float16_bytes": weights * 2,
        "int8_bytes": weights,
    }


def _layer(fields: dict[str, Any], n: int, r: int, p: int, fed: int) -> Layer:
    convention, cell_type = fields["convention"], fields["cell_type"]
    return Layer(
        n,
        r,
        p,
        fed,
        2 if fields.get("bidirectional") else 1,
        joined(fields),
        _said(fields, "bottleneck", 0),
        _said(fields, "window", 1),
        _said(fields, "bias_vectors", BIAS_VECTORS[convention][cell_type]),
        convention != "textbook",
        _said(fields, "peepholes", convention in PEEPHOLES_UNLESS_SAID),
        _said(fields, "projection_bias", convention == "kaldi_nnet3" or (convention, cell_type) == ("pytorch", "rnnp")),
        convention == "flax" and fields.get("bias_vectors") is None,
    )


def slow_valid(fields: dict[str, Any]) -> bool:
    """Return whether the convention, the cell and the surroundings admit the network."""
    convention, cell_type = fields["convention"], fields["cell_type"]
    if cell_type in SLOW_CELLS:
        valid = slow_cell_valid(fields, layers_of(fields))
        return valid and _directions_valid(fields) and _surroundings_valid(fields)
    if cell_type not in BIASES_PER_CELL[convention] or fields.get("bottleneck") or fields.get("window", 1) > 1:
        return False
    return (
        _peepholes_valid(fields)
        and all(_projections_valid(fields, *layer) for layer in layers_of(fields))
        and _directions_valid(fields)
        and _surroundings_valid(fields)
    )


def _directions_valid(fields: dict[str, Any]) -> bool:
    if fields.get("summed_directions") and not fields.get("bidirectional"):
        return False
    return not fields.get("only_recurrent_up") or all(r > 0 and p > 0 for n, r, p in layers_of(fields))


def _peepholes_valid(fields: dict[str, Any]) -> bool:
    said = fields.get("peepholes")
    if said is None:
        return True
    if said:
        return fields["cell_type"] == "lstm" and fields["convention"] not in NEVER_PEEPHOLES
    return fields["cell_type"] != "lstm" or fields["convention"] not in ALWAYS_PEEPHOLES


def _projections_valid(fields: dict[str, Any], n: int, r: int, p: int) -> bool:
    if fields["cell_type"] != "lstm":
        return r == 0 and p == 0 and not fields.get("projection_bias")
    match fields["convention"]:
        case "pytorch":
            return r < n and p == 0
        case "keras" | "flax":
            return r == 0 and p == 0
        case "tensorflow1":
            return p == 0
        case "kaldi_nnet3":
            return r + p <= n and (r > 0) == (p > 0)
        case "kaldi_nnet1":
            return r > 0 and p == 0
        case "back_of_envelope":
            return p == 0 or r > 0
        case _:
            return True


def _surroundings_valid(fields: dict[str, Any]) -> bool:
    inputs, vocabulary, embedding = (_said(fields, name, 0) for name in ("inputs", "vocabulary", "embedding"))
    if fields["convention"] == "back_of_envelope" and any(
        fields.get(name)
        for name in (
            "bidirectional",
            "skip_connections",
            "only_recurrent_up",
            "vocabulary",
            "embedding",
            "bias_vectors",
            "projection_bias",
            "output_bias",
        )
    ):
        return False
    if (inputs > 0) == (vocabulary > 0) or (vocabulary > 0) != (embedding > 0):
        return False
    if not fields.get("tied_embedding"):
        return True
    tied_to = (_said(fields, "outputs", 0), width_into_output(fields))
    return bool(vocabulary > 0 and tied_to == (vocabulary, embedding))
