"""What a format states of its recurrent layers: their kind, their width, and which tensors are theirs.

An ONNX operator has all of a layer's directions in one tensor, and a graph may compute that tensor from others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sizer.files.contents import Contents, StatedLayer, StoredTensor
from sizer.recovery.cells import Cells, read_cells
from sizer.recovery.pieces import CellPlace, Layout, NamedTensor, Role, dotted

_KINDS: tuple[tuple[str, str], ...] = (
    (r"(CuDNN|cudnn_?)?(Optimized|Basic|Stacked)?LSTM(Cell|Block(Fused)?Cell)?", "lstm"),
    (r"(CuDNN|cudnn_?)?GRU(Cell(V2)?)?", "gru"),
    (r"(Simple|Vanilla|Basic|Elman)?RNN(Cell)?|SimpleCell", "rnn"),
    (r"MGUCell", "mgu"),
)
"""Class names of toolkits, and what they are."""
_ROLES: tuple[Role | None, ...] = (None, "input", "recurrent", "bias", None, None, None, "peepholes")
"""Of an operator's inputs, in their order: W, R, B and P among them."""
_THROUGH = frozenset(
    [
        "Identity",
        "Cast",
        "DequantizeLinear",
        "Unsqueeze",
        "Squeeze",
        "Reshape",
        "Transpose",
        "Concat",
        "Constant",
        "DynamicDequantize",
        "Slice",
    ]
)
"""Operators through which weights reach a recurrent one."""
_PASSING = frozenset(["Identity", "Cast", "Unsqueeze", "Squeeze", "Reshape", "Transpose", "Dropout", "Slice"])
"""Operators through which one layer's output reaches the next as it is."""
_QUANTISED = "DynamicQuantizeLSTM"
_TYPES = {"LSTM": "lstm", _QUANTISED: "lstm", "GRU": "gru", "RNN": "rnn"}
_OPERATOR = Layout("ONNX", re.compile(""), {}, "out_in", "pytorch")
_MOST_STEPS = 20


def stated_type(kind: str) -> str | None:
    """Return the cell type that a class name says.

    Example:
        >>> stated_type("torch.nn.modules.rnn.LSTM"), stated_type("GRUCell"), stated_type("Linear")
        ('lstm', 'gru', None)
    """
    last = kind.rpartition(".")[2]
    return next((cell for pattern, cell in _KINDS if re.fullmatch(pattern, last)), None)


def stated_types(contents: Contents) -> dict[str, str]:
    """Return the cell type that the format states for a place, by the place's path."""
    found: dict[str, str] = {}
    for layer in contents.layers:
        cell = stated_type(layer.kind)
        if cell is not None:
            found[dotted(layer.name)] = cell
    return found


def operators(contents: Contents, weights: Sequence[StoredTensor]) -> Iterator[list[Cells]]:
    """Yield the readings of each direction of each recurrent operator of a graph.

    Args:
        contents: of an ONNX file.
        weights: its tensors that are weights.
    """
    if not contents.format.startswith("onnx"):
        return
    held: dict[str, StoredTensor] = {tensor.name: tensor for tensor in weights}
    made_by = {name: layer for layer in contents.layers for name in _outputs(layer)}
    taken: set[int] = set()
    chain = _Chain(made_by)
    for layer in contents.layers:
        if layer.kind not in _TYPES:
            continue
        pieces = _pieces(layer, held, made_by)
        if pieces is None or any(id(piece.tensor) in taken for pieces_ in pieces for piece in pieces_):
            continue
        place = chain.place(layer)
        kind, cells = _TYPES[layer.kind], layer.settings.get("hidden_size")
        widths = {"cells": cells} if isinstance(cells, int) else {}
        found = [
            read_cells(CellPlace(place.at, place.layer, bool(back)), _OPERATOR, own, kind, widths)
            for back, own in enumerate(pieces)
        ]
        if all(found):
            taken |= {id(piece.tensor) for own in pieces for piece in own}
            yield from found


class _Chain:
    """Which recurrent operator feeds which: layers of one stack where nothing with weights stands between them."""

    def __init__(self, made_by: Mapping[str, StatedLayer]) -> None:
        self._made_by = made_by
        self._places: dict[int, CellPlace] = {}

    def place(self, layer: StatedLayer) -> CellPlace:
        """Return the name of the stack's first operator, and how many stand below this one."""
        below = self._below(layer)
        if below is not None and id(below) in self._places:
            first = self._places[id(below)]
            found = CellPlace(first.at, (first.layer or 0) + 1)
        else:
            found = CellPlace(dotted(layer.name), 0)
        self._places[id(layer)] = found
        return found

    def _below(self, layer: StatedLayer) -> StatedLayer | None:
        name = layer.tensors[0] if layer.tensors else ""
        for _ in range(_MOST_STEPS):
            maker = self._made_by.get(name)
            if maker is None or not maker.tensors:
                return None
            if maker.kind in _TYPES:
                same = maker.kind == layer.kind and _outputs(maker)[:1] == [name]
                return maker if same else None
            if maker.kind not in _PASSING:
                return None
            name = maker.tensors[0]
        return None


def _outputs(layer: StatedLayer) -> Sequence[str]:
    outputs = layer.settings.get("outputs", ())
    return outputs if isinstance(outputs, (list, tuple)) else ()


def _pieces(
    layer: StatedLayer, held: Mapping[str, StoredTensor], made_by: Mapping[str, StatedLayer]
) -> list[list[NamedTensor]] | None:
    """Return the pieces of each direction; None where they cannot be told."""
    directions: list[list[NamedTensor]] = []
    for role, name in zip(_ROLES, layer.tensors, strict=False):
        if role is None or not name:
            continue
        tensor = _origin(name, held, made_by)
        if tensor is None:
            if role == "bias":
                continue
            return None
        shape = tensor.shape
        both = layer.settings.get("direction") == "bidirectional"
        number = 2 if both else 1
        if not shape or (shape[0] != number and len(shape) > 1 and role != "bias") or tensor.size % number:
            return None
        part = shape[1:] if shape[0] == number and len(shape) > 1 else (tensor.size // number,)
        if layer.kind == _QUANTISED and role in {"input", "recurrent"} and len(part) == 2:
            part = part[::-1]
        while len(directions) < number:
            directions.append([])
        for own in directions:
            own.append(NamedTensor(tensor, role, "", name, part))
    return directions or None


def _origin(name: str, held: Mapping[str, StoredTensor], made_by: Mapping[str, StatedLayer]) -> StoredTensor | None:
    """Return the one stored tensor of weights that a value is made of; None where there are several or none."""
    for _ in range(_MOST_STEPS):
        if name in held:
            return held[name]
        maker = made_by.get(name)
        if maker is None or maker.kind not in _THROUGH:
            return None
        sources = [source for source in maker.tensors if source in held or source in made_by]
        weighty = [source for source in sources if source not in held or held[source].size > 1]
        if len(weighty) != 1:
            return None
        name = weighty[0]
    return None


@dataclass(frozen=True)
class StatedTensor:
    """What a format says of one tensor around the recurrent layers."""

    kind: str
    """The operator or the layer that it belongs to."""
    path: str
    role: str
    """`matrix`, `bias`, `gain`, `shift`, `mean`, `variance` or `table`."""
    order: str = ""
    """Which of a matrix's sizes is what it makes: `in_out` or `out_in`."""
    groups: int | None = None
    biased: bool = False
    """Whether the last column of the matrix is its bias."""


_WEIGHED: dict[str, tuple[tuple[int, str], ...]] = {
    "Conv": ((1, "matrix"), (2, "bias")),
    "ConvTranspose": ((1, "matrix"), (2, "bias")),
    "ConvInteger": ((1, "matrix"),),
    "QLinearConv": ((3, "matrix"), (8, "bias")),
    "Gemm": ((1, "matrix"), (2, "bias")),
    "MatMul": ((1, "matrix"),),
    "MatMulInteger": ((1, "matrix"),),
    "QLinearMatMul": ((3, "matrix"),),
    "DynamicQuantizeMatMul": ((1, "matrix"), (4, "bias")),
    "FusedMatMul": ((1, "matrix"),),
    "FusedConv": ((1, "matrix"), (2, "bias")),
    "BatchNormalization": ((1, "gain"), (2, "shift"), (3, "mean"), (4, "variance")),
    "LayerNormalization": ((1, "gain"), (2, "shift")),
    "InstanceNormalization": ((1, "gain"), (2, "shift")),
    "Gather": ((0, "table"),),
}
"""Operators with weights: the places of these among their inputs, and what they are."""


def around_stated(contents: Contents, left: Sequence[StoredTensor]) -> dict[str, StatedTensor]:
    """Return what a format says of tensors that no recurrent layer has, by their names.

    Args:
        contents: of any format.
        left: the tensors.
    """
    if contents.format.startswith("onnx"):
        return _around_operators(contents, left)
    if contents.format == "tesseract lstm":
        return {
            tensor.name: StatedTensor("weights", dotted(tensor.name).rpartition(".")[0], "matrix", "out_in", None, True)
            for tensor in left
            if len(tensor.shape) == 2
        }
    return _around_variables(left) if contents.format.startswith("keras") else {}


def _around_operators(contents: Contents, left: Sequence[StoredTensor]) -> dict[str, StatedTensor]:
    """Return what a graph says of its convolutions, dense layers and norms."""
    held = {tensor.name: tensor for tensor in left}
    made_by = {name: layer for layer in contents.layers for name in _outputs(layer)}
    found: dict[str, StatedTensor] = {}
    matrices: dict[str, StatedTensor] = {}
    for layer in contents.layers:
        for place, role in _WEIGHED.get(layer.kind, ()):
            name = layer.tensors[place] if place < len(layer.tensors) else ""
            tensor = _origin(name, held, made_by) if name else None
            if tensor is None or tensor.name in found or (role == "table" and len(tensor.shape) != 2):
                continue
            groups = layer.settings.get("group")
            found[tensor.name] = StatedTensor(
                layer.kind, dotted(layer.name), role, _order(layer), groups if isinstance(groups, int) else None
            )
            if role == "matrix":
                matrices[_outputs(layer)[0] if _outputs(layer) else ""] = found[tensor.name]
    for layer in contents.layers:
        if layer.kind == "Add" and len(layer.tensors) == 2:
            for sum_of, added in (layer.tensors, layer.tensors[::-1]):
                matrix = matrices.get(_through(sum_of, made_by))
                tensor = _origin(added, held, made_by)
                if matrix is not None and tensor is not None and tensor.name not in found:
                    found[tensor.name] = StatedTensor(matrix.kind, matrix.path, "bias", matrix.order)
    return found


def _through(name: str, made_by: Mapping[str, StatedLayer]) -> str:
    """Return the value that a value is a cast or a scaled copy of, as behind a product of quantised numbers."""
    for _ in range(_MOST_STEPS):
        maker = made_by.get(name)
        if maker is None or maker.kind not in {"Cast", "Mul"} or not maker.tensors:
            return name
        name = next((one for one in maker.tensors if one in made_by and made_by[one].kind != "Constant"), "")
    return name


def _order(layer: StatedLayer) -> str:
    if "Conv" in layer.kind or (layer.kind == "Gemm" and layer.settings.get("transB")):
        return "out_in"
    return "in_out"


_KERAS_ROLES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("dense", "einsum_dense", "conv1d", "conv2d", "conv3d"), ("matrix", "bias")),
    **dict.fromkeys(("conv1d_transpose", "conv2d_transpose", "conv3d_transpose"), ("matrix", "bias")),
    **dict.fromkeys(("depthwise_conv1d", "depthwise_conv2d"), ("depthwise", "bias")),
    **dict.fromkeys(("separable_conv1d", "separable_conv2d"), ("depthwise", "pointwise", "bias")),
    "embedding": ("table",),
    **dict.fromkeys(("layer_normalization", "group_normalization"), ("gain", "shift")),
    "batch_normalization": ("gain", "shift", "mean", "variance"),
    "rms_normalization": ("gain",),
}
"""What the numbered variables of a layer of Keras 3 are, by the layer's class as the file names its groups."""
_VARIABLE = re.compile(r"(?P<path>.*?(?P<group>[a-z0-9_]*))\._?vars\.(?P<number>\d{1,9})")


def _around_variables(left: Sequence[StoredTensor]) -> dict[str, StatedTensor]:
    """Return what Keras 3 says of its numbered variables: it calls the groups of a file by the layers' classes."""
    found = {}
    for tensor in left:
        match = _VARIABLE.fullmatch(dotted(tensor.name))
        if match is None:
            continue
        kind = re.sub(r"_\d+$", "", match["group"])
        roles = _KERAS_ROLES.get(kind, ())
        number = int(match["number"])
        if number < len(roles):
            order = "in_out" if roles[number] in {"matrix", "depthwise", "pointwise", "table"} else ""
            said = "ConvTranspose" if kind.endswith("transpose") else kind
            found[tensor.name] = StatedTensor(said, match["path"], roles[number], order)
    return found


def initial_states(contents: Contents) -> frozenset[str]:
    """Return the names of tensors that a graph begins its recurrent operators with."""
    if not contents.format.startswith("onnx"):
        return frozenset()
    held = {tensor.name: tensor for tensor in contents.tensors}
    made_by = {name: layer for layer in contents.layers for name in _outputs(layer)}
    found = set()
    for layer in contents.layers:
        if layer.kind in _TYPES:
            for name in layer.tensors[5:7]:
                # A state is widened to the batch: what it is widened from comes first.
                for _ in range(_MOST_STEPS):
                    if name in held or name not in made_by or not made_by[name].tensors:
                        break
                    name = made_by[name].tensors[0]
                if name in held:
                    found.add(name)
    return frozenset(found)


def statistics(contents: Contents) -> frozenset[str]:
    """Return the names of the means and variances of batch norms, where the format says of which layer they are."""
    graph = contents.format.startswith("onnx")
    found: set[str] = set()
    for layer in contents.layers:
        if graph and layer.kind == "BatchNormalization":
            found.update(name for name in layer.tensors[3:5] if name)
        elif contents.format.startswith("keras") and len(layer.tensors) > 1:
            group = _VARIABLE.fullmatch(dotted(layer.tensors[0]))
            named = group is not None and re.fullmatch(r"batch_normalization(_\d+)?", group["group"])
            if layer.kind == "BatchNormalization" or named:
                found.update(layer.tensors[-2:])
    return frozenset(found)
