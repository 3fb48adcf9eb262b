"""Recurrent cells of graphs: operators of TensorFlow Lite, and cells that a graph spells out in products and sums.

TensorFlow Lite's inputs are in the order of `lite/kernels/unidirectional_sequence_lstm.cc` and
`bidirectional_sequence_lstm.cc` (github.com/tensorflow/tensorflow).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sizer.files.contents import Contents, StatedLayer, StoredTensor
from sizer.recovery.cells import Cells, read_cells
from sizer.recovery.pieces import HINTS, CellPlace, Layout, NamedTensor, Role, dotted

_FUSED = Layout("TensorFlow Lite", re.compile(""), {}, "out_in", None)
_SPELT_OUT = {
    "onnx": Layout("Keras, in a graph", re.compile(""), {}, "in_out", "keras"),
    "tflite": Layout("Keras, in a graph", re.compile(""), {}, "out_in", "keras"),
}
_GATES = ("input", "forget", "cell", "output")
_LSTM: tuple[tuple[Role, str], ...] = (
    *(("input", gate) for gate in _GATES),
    *(("recurrent", gate) for gate in _GATES),
    *(("peepholes", gate) for gate in ("input", "forget", "output")),
    *(("bias", gate) for gate in _GATES),
    ("projection", ""),
    ("projection_bias", ""),
)
"""What an operator reads of one direction behind its first input."""
_NORMS: tuple[tuple[Role, str], ...] = tuple(("norm", gate) for gate in _GATES)
_RNN: tuple[tuple[Role, str], ...] = (("input", ""), ("recurrent", ""), ("bias", ""))
_OPERATORS: dict[str, tuple[str, tuple[tuple[int, tuple[tuple[Role, str], ...]], ...]]] = {
    "LSTM": ("lstm", ((1, _LSTM),)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ("lstm", ((1, _LSTM),)),
    "BIDIRECTIONAL_SEQUENCE_LSTM": ("lstm", ((1, _LSTM), (1 + len(_LSTM), _LSTM))),
    "RNN": ("rnn", ((1, _RNN),)),
    "UNIDIRECTIONAL_SEQUENCE_RNN": ("rnn", ((1, _RNN),)),
    # A hidden state stands between its directions.
    "BIDIRECTIONAL_SEQUENCE_RNN": ("rnn", ((1, _RNN), (5, _RNN))),
}
"""Operators, what they are, and from which of their inputs on each direction's tensors stand."""
_NORMS_AT = 20
_PRODUCT = re.compile(r"(?P<scope>.*)/MatMul(?P<second>_1)?")
_PRODUCTS = {"onnx": ("MatMul", "Gemm", "Add"), "tflite": ("FULLY_CONNECTED",)}
_TYPES = {1: "rnn", 3: "gru", 4: "lstm"}


def cells_of_graphs(contents: Contents, weights: Sequence[StoredTensor]) -> Iterator[list[Cells]]:
    """Yield the readings of each direction of each recurrent layer of a graph that no operator of ONNX is.

    Args:
        contents: of a graph.
        weights: its tensors that are weights, and in no layer yet.
    """
    held = {tensor.name: tensor for tensor in weights}
    if contents.format == "tflite":
        yield from _fused(contents, held)
        yield from _spelt_out(contents, held, "tflite")
    elif contents.format.startswith("onnx"):
        yield from _spelt_out(contents, held, "onnx")


def _fused(contents: Contents, held: dict[str, StoredTensor]) -> Iterator[list[Cells]]:
    for layer in contents.layers:
        if layer.kind not in _OPERATORS:
            continue
        kind, directions = _OPERATORS[layer.kind]
        found = []
        for back, (start, roles) in enumerate(directions):
            pieces = _read_at(layer, start, roles, held)
            if layer.kind == "UNIDIRECTIONAL_SEQUENCE_LSTM":
                pieces += _read_at(layer, _NORMS_AT, _NORMS, held)
            if kind == "lstm" and len([one for one in pieces if one.role == "input"]) == 3:
                kind = "cifg_lstm"
            found.append(read_cells(CellPlace(dotted(layer.name), None, bool(back)), _FUSED, pieces, kind))
        if all(found):
            yield from found
            for readings in found:
                for piece in readings[0].pieces:
                    held.pop(piece.tensor.name, None)


def _read_at(
    layer: StatedLayer, start: int, roles: Sequence[tuple[Role, str]], held: Mapping[str, StoredTensor]
) -> list[NamedTensor]:
    names = layer.tensors[start : start + len(roles)]
    return [
        NamedTensor(held[name], role, gate, name)
        for name, (role, gate) in zip(names, roles, strict=False)
        if name in held
    ]


@dataclass
class _Products:
    """The products and sums of one scope."""

    matrices: dict[bool, StoredTensor] = field(default_factory=dict)
    """By whether it is the second one, which reads the state."""
    biases: list[StoredTensor] = field(default_factory=list)


def _spelt_out(contents: Contents, held: Mapping[str, StoredTensor], form: str) -> Iterator[list[Cells]]:
    """Yield cells as Keras spells them out: one product reads the input, the next one the state, in a scope of their own."""
    scopes: dict[str, _Products] = {}
    for layer in contents.layers:
        if layer.kind not in _PRODUCTS[form]:
            continue
        outputs = layer.settings.get("outputs", ())
        name = str(outputs[0]) if form == "tflite" and outputs else layer.name
        match = next((product for part in name.split(";") if (product := _PRODUCT.fullmatch(part))), None)
        mine = [held[one] for one in layer.tensors if one in held]
        if match is not None:
            products = scopes.setdefault(match["scope"], _Products())
            matrix = next((one for one in mine if len(one.shape) == 2), None)
            if matrix is not None:
                products.matrices[match["second"] is not None] = matrix
        elif layer.kind == "Add" and re.search(r"/BiasAdd(_1)?$", layer.name):
            products = scopes.setdefault(layer.name.rpartition("/")[0], _Products())
        else:
            continue
        products.biases.extend(one for one in mine if len(one.shape) == 1 and one not in products.biases)
    for scope, products in scopes.items():
        if len(products.matrices) != 2 or not HINTS.search(scope):
            continue
        turned = [one.shape[:: 1 if form == "onnx" else -1] for one in products.matrices.values()]
        cells, made = products.matrices[True].shape[:: 1 if form == "onnx" else -1]
        kind = _TYPES.get(made // cells if cells and made % cells == 0 else 0)
        if kind is None or len({shape[1] for shape in turned}) != 1:
            continue
        pieces = [NamedTensor(products.matrices[False], "input"), NamedTensor(products.matrices[True], "recurrent")]
        pieces += [NamedTensor(one, "bias") for one in products.biases]
        at = re.sub(r"[./](PartitionedCall|while)(?=[./]|$)", "", scope)
        found = read_cells(CellPlace(dotted(at)), _SPELT_OUT[form], pieces, kind)
        if found:
            yield found
