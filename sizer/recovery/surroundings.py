"""What stands around recurrent stacks: dense layers, convolutions, embeddings, norms, attention and transformer layers.

Tensors of one module stand together by the path in their names, or where the format says so. Of a matrix alone the sizes
do not say whether it is multiplied or looked up; names do, and where they do not it is called a dense layer, by shape only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sizer.files.contents import StoredTensor
from sizer.recovery.pieces import dotted
from sizer.recovery.stated import StatedTensor

_EMBEDDING = re.compile(r"embed|(^|[._])(emb|wte|wpe|lookup|word_?vec|token_table|char_?emb)", re.IGNORECASE)
_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
_TRANSPOSED = re.compile(r"transpose|deconv|upconv|upsample", re.IGNORECASE)
_BATCH = re.compile(r"batch_?norm|(^|[._])bn\d*([._]|$)", re.IGNORECASE)
_ENDS: dict[str, tuple[str, str]] = {
    "weight": ("matrix", "out_in"),
    "weight_v": ("matrix", "out_in"),
    "weight_orig": ("matrix", "out_in"),
    "parametrizations.weight.original1": ("matrix", "out_in"),
    "parametrizations.weight.original": ("matrix", "out_in"),
    "kernel": ("matrix", "in_out"),
    "recurrent_kernel": ("recurrent", ""),
    "weights": ("matrix", "in_out"),
    "w": ("matrix", "in_out"),
    "W": ("matrix", "in_out"),
    "embeddings": ("table", "in_out"),
    "embedding": ("table", "in_out"),
    "table": ("table", "in_out"),
    "depthwise_kernel": ("depthwise", "in_out"),
    "pointwise_kernel": ("pointwise", "in_out"),
    "bias": ("bias", ""),
    "biases": ("bias", ""),
    "b": ("bias", ""),
    "gamma": ("gain", ""),
    "scale": ("gain", ""),
    "beta": ("shift", ""),
    "offset": ("shift", ""),
    "weight_g": ("norm_gain", ""),
    "parametrizations.weight.original0": ("norm_gain", ""),
    "transitions": ("transitions", ""),
    "start_transitions": ("ends", ""),
    "end_transitions": ("ends", ""),
    "chain_kernel": ("transitions", ""),
    "left_boundary": ("ends", ""),
    "right_boundary": ("ends", ""),
    "in_proj_weight": ("in_projection", ""),
    "in_proj_bias": ("in_projection_bias", ""),
}
"""What the last part of a name says a tensor is, and which of a matrix's sizes is what it makes."""
_LAST = sorted(_ENDS, key=len, reverse=True)


@dataclass(frozen=True)
class FoundBlock:
    """One block that is no recurrent stack."""

    name: str
    """Where it stands in the file."""
    type: str
    """A block type of `sizer.networks.blocks.types`."""
    fields: Mapping[str, Any]
    weights: int
    tensors: tuple[StoredTensor, ...]
    by: str
    """`stated`, `names`, or `shape`."""
    reads: int | None = None
    """The width that it reads, or the channels; None: it reads nothing."""
    channels: bool = False
    """Whether what it reads is counted in channels, of an image of unknown height."""
    hands_up: int | None = None
    attends: int | None = None
    """The width of a memory that each of its layers also looks at."""
    parts: tuple[str, ...] = field(default=())
    """Paths of what it is made of, where it is more than one module."""

    def as_json(self) -> dict[str, Any]:
        """Return the block as `--json` shows it."""
        return {
            "name": self.name,
            "type": self.type,
            "fields": dict(self.fields),
            "reads": self.reads,
            "weights": self.weights,
            "by": self.by,
            "tensors": [tensor.name for tensor in self.tensors],
        }


@dataclass(frozen=True)
class _Module:
    path: str
    tensors: Mapping[str, list[StoredTensor]]
    order: str
    named: str
    """The tensor names as they are, for words in them."""

    def one(self, role: str) -> StoredTensor | None:
        found = self.tensors.get(role, [])
        return found[0] if len(found) == 1 else None


def surroundings(
    weights: Sequence[StoredTensor],
    buffers: Sequence[StoredTensor],
    stated: Mapping[str, StatedTensor] | None = None,
) -> list[FoundBlock]:
    """Return the blocks that tensors make, each tensor in at most one.

    Args:
        weights: what recurrent stacks have left.
        buffers: of the same file; a running mean says that a norm is a batch norm.
        stated: what the format says of a tensor, by its name.
    """
    found = list(_transformers(weights))
    taken = {id(tensor) for block in found for tensor in block.tensors}
    left = [tensor for tensor in weights if id(tensor) not in taken]
    running = {_split(dotted(tensor.name))[0] for tensor in buffers if re.search(r"mean", tensor.name)}
    for module in _modules(left, stated or {}):
        found.extend(_blocks(module, running, stated or {}))
    return found


def _split(name: str) -> tuple[str, str]:
    """Return a name's path and its last part, one of `_ENDS` where it is one."""
    for end in _LAST:
        if name == end:
            return "", end
        if name.endswith(end) and name[-len(end) - 1] in "._" and len(name) > len(end) + 1:
            return name[: -len(end) - 1], end
    path, _, last = name.rpartition(".")
    return path, last


def _modules(tensors: Sequence[StoredTensor], stated: Mapping[str, StatedTensor]) -> Iterator[_Module]:
    grouped: dict[str, dict[str, list[StoredTensor]]] = {}
    orders: dict[str, str] = {}
    for tensor in tensors:
        path, end = _split(dotted(tensor.name))
        role, order = _ENDS.get(end, ("", ""))
        said = stated.get(tensor.name)
        if said is not None:
            path, role, order = said.path, said.role, said.order
        group = grouped.setdefault(path, {})
        group.setdefault(role, []).append(tensor)
        if order and role in {"matrix", "table", "depthwise", "pointwise"}:
            orders.setdefault(path, order)
    for path, roles in grouped.items():
        yield _Module(path, roles, orders.get(path, ""), path)


def _blocks(module: _Module, running: set[str], stated: Mapping[str, StatedTensor]) -> Iterator[FoundBlock]:
    path = module.path
    matrix = module.one("matrix") or module.one("table")
    bias = module.one("bias")
    gains = module.one("norm_gain")
    if gains is not None and matrix is not None:
        yield FoundBlock(
            f"{path}.gains", "weights", {"tensors": {"gains": [gains.size]}}, gains.size, (gains,), "names"
        )
    transitions = module.one("transitions")
    if transitions is not None and len(transitions.shape) == 2 and transitions.shape[0] == transitions.shape[1]:
        ends = [tensor for tensor in module.tensors.get("ends", []) if tensor.size == transitions.shape[0]]
        tensors = (transitions, *ends)
        fields = {"ends": len(ends)} if ends else {}
        yield FoundBlock(path or "crf", "crf", fields, _sum(tensors), tensors, "names", reads=transitions.shape[0])
    gain, shift = module.one("gain"), module.one("shift") or bias
    if gain is None and matrix is not None and _vector(matrix):
        gain, matrix = matrix, None
    if gain is not None and _vector(gain):
        yield from _norm(module, gain, shift, running, stated)
        if matrix is None:
            return
    depthwise, pointwise = module.one("depthwise"), module.one("pointwise")
    if depthwise is not None:
        yield from _separable(path, depthwise, pointwise, bias)
        return
    recurrent = module.one("recurrent")
    if recurrent is not None:
        if matrix is not None:
            yield from _convolutional_lstm(path, matrix, recurrent, bias)
        return
    in_projection = module.one("in_projection")
    if in_projection is not None and len(in_projection.shape) == 2:
        width = in_projection.shape[1]
        others = module.one("in_projection_bias")
        tensors = (in_projection,) if others is None else (in_projection, others)
        fields = {"width": in_projection.shape[0], "bias": others is not None}
        if in_projection.shape[0] == 3 * width:
            yield FoundBlock(
                f"{path}.in_proj" if path else "in_proj",
                "dense",
                fields,
                _sum(tensors),
                tensors,
                "names",
                width,
                False,
                3 * width,
            )
        return
    if matrix is None:
        return
    said = stated.get(matrix.name)
    by = "stated" if said is not None else "names" if _split(dotted(matrix.name))[1] in _ENDS else "shape"
    shape = matrix.shape
    if said is not None and said.biased:
        settings = {"width": shape[0], "bias": True}
        yield FoundBlock(path, "dense", settings, matrix.size, (matrix,), by, shape[1] - 1, False, shape[0])
    elif len(shape) == 2:
        yield from _dense(module, matrix, bias, by)
    elif len(shape) in {3, 4}:
        yield from _convolution(module, matrix, bias, by, said)


def _sum(tensors: Sequence[StoredTensor]) -> int:
    return sum(tensor.size for tensor in tensors)


def _vector(tensor: StoredTensor) -> bool:
    return len(tensor.shape) == 1


def _norm(
    module: _Module,
    gain: StoredTensor,
    shift: StoredTensor | None,
    running: set[str],
    stated: Mapping[str, StatedTensor],
) -> Iterator[FoundBlock]:
    path = module.path
    if shift is None:
        name = path or gain.name
        fields: dict[str, Any] = {"tensors": {"gains": [gain.size]}}
        yield FoundBlock(name, "weights", fields, gain.size, (gain,), "shape", reads=gain.size, hands_up=gain.size)
        return
    if shift.size != gain.size:
        return
    batch = path in running or bool(_BATCH.search(path))
    if gain.name in stated:
        batch = stated[gain.name].kind == "BatchNormalization"
    by = (
        "stated"
        if gain.name in stated
        else "names"
        if batch or re.search(r"norm|(^|[._])(ln|gn)", path, re.I)
        else "shape"
    )
    yield FoundBlock(
        path or "norm",
        "norm",
        {"norm": "batch"} if batch else {},
        gain.size + shift.size,
        (gain, shift),
        by,
        reads=gain.size,
        hands_up=gain.size,
    )


def _dense(module: _Module, matrix: StoredTensor, bias: StoredTensor | None, by: str) -> Iterator[FoundBlock]:
    path, (rows, columns) = module.path or "dense", matrix.shape
    table = module.one("table")
    embeds = table is not None or bool(_EMBEDDING.search(path))
    if embeds and bias is None:
        fields = {"vocabulary": rows, "embedding": columns}
        how = "stated" if by == "stated" else "names"
        yield FoundBlock(path, "embedding", fields, matrix.size, (matrix,), how, None, False, columns)
        return
    out_in = module.order == "out_in"
    if bias is not None and bias.size != (rows if out_in else columns):
        if bias.size != (columns if out_in else rows):
            bias = None
        else:
            out_in = not out_in
    made, read = (rows, columns) if out_in else (columns, rows)
    tensors = (matrix,) if bias is None else (matrix, bias)
    fields = {"width": made, "bias": bias is not None}
    yield FoundBlock(path, "dense", fields, _sum(tensors), tensors, by, read, False, made)


def _convolution(
    module: _Module, matrix: StoredTensor, bias: StoredTensor | None, by: str, said: StatedTensor | None
) -> Iterator[FoundBlock]:
    path, shape = module.path or "convolution", matrix.shape
    plain = (shape[2:], shape[1], shape[0]), (shape[:-2], shape[-2], shape[-1]), (shape[2:], shape[0], shape[1])
    orders = plain if module.order == "out_in" else (plain[1], plain[2], plain[0])
    # A bias is as wide as what is made; Theano's kernels begin with what is read.
    fits = [order for order in orders if bias is not None and order[2] == bias.size]
    kernel, read, made = fits[0] if fits else orders[0]
    transposed = said.kind == "ConvTranspose" if said is not None else bool(_TRANSPOSED.search(path))
    if fits and fits[0] == plain[2] != plain[0] and module.order == "out_in":
        # PyTorch keeps the kernel of a transposed one the other way round.
        transposed = True
    if transposed and not fits:
        read, made = made, read
    if bias is not None and not fits and bias.size == made:
        fits = [(kernel, read, made)]
    if bias is not None and bias.size != made:
        bias = None
    tensors = (matrix,) if bias is None else (matrix, bias)
    fields: dict[str, Any] = {"channels": made, "kernel": _kernel(kernel), "bias": bias is not None}
    if transposed:
        fields["transposed"] = True
    groups = 1 if said is None else said.groups or 1
    if groups > 1 and not transposed:
        read *= groups
        fields["groups"] = "all" if groups == read else groups
    yield FoundBlock(path, "convolution", fields, _sum(tensors), tensors, by, read, True, made)


def _convolutional_lstm(
    path: str, matrix: StoredTensor, recurrent: StoredTensor, bias: StoredTensor | None
) -> Iterator[FoundBlock]:
    """Yield an LSTM of convolutions over two dimensions as Keras stores it; nothing where the sizes are not its."""
    if len(matrix.shape) != 4 or len(recurrent.shape) != 4:
        return
    *kernel, read, made = matrix.shape
    channels = recurrent.shape[2]
    if recurrent.shape != (*kernel, channels, made) or made != 4 * channels:
        return
    tensors = (matrix, recurrent) if bias is None else (matrix, recurrent, bias)
    fields = {"channels": channels, "kernel": list(kernel), "bias": bias is not None}
    yield FoundBlock(path, "convolutional_lstm", fields, _sum(tensors), tensors, "names", read, True, channels)


def _kernel(sizes: Sequence[int]) -> Any:
    return sizes[0] if len(sizes) == 1 else list(sizes)


def _separable(
    path: str, depthwise: StoredTensor, pointwise: StoredTensor | None, bias: StoredTensor | None
) -> Iterator[FoundBlock]:
    """Yield Keras' depthwise convolution, and what makes it a separable one."""
    *kernel, read, times = depthwise.shape
    own = bias if pointwise is None and bias is not None and bias.size == read * times else None
    fields = {"channels": read * times, "kernel": _kernel(kernel), "groups": "all", "bias": own is not None}
    tensors = (depthwise,) if own is None else (depthwise, own)
    yield FoundBlock(
        f"{path}.depthwise", "convolution", fields, _sum(tensors), tensors, "names", read, True, read * times
    )
    if pointwise is not None:
        *kernel, read, made = pointwise.shape
        own = bias if bias is not None and bias.size == made else None
        tensors = (pointwise,) if own is None else (pointwise, own)
        fields = {"channels": made, "kernel": _kernel(kernel), "bias": own is not None}
        yield FoundBlock(f"{path}.pointwise", "convolution", fields, _sum(tensors), tensors, "names", read, True, made)


@dataclass(frozen=True)
class _FoundTransformer:
    path: str
    number: int
    stem: str
    width: int
    feed_forward: int
    bias: bool
    attention_bias: bool
    memory: bool
    tensors: tuple[StoredTensor, ...]

    @property
    def alike(self) -> tuple[Any, ...]:
        return (self.stem, self.width, self.feed_forward, self.bias, self.attention_bias, self.memory)


_MOST_SIZES = 8
"""Different sizes that the matrices of a transformer layer may have."""


def _transformers(weights: Sequence[StoredTensor]) -> Iterator[FoundBlock]:
    """Yield stacks of transformer layers: numbered modules with attention in their names, whose sizes are such a layer's."""
    under: dict[str, list[StoredTensor]] = {}
    for tensor in weights:
        name = dotted(tensor.name)
        for match in re.finditer(r"(?<!\d)\d{1,9}(?=\.)", name):
            under.setdefault(name[: match.end()], []).append(tensor)
    layers: list[_FoundTransformer] = []
    for path, tensors in under.items():
        if any(_ATTENTION.search(dotted(tensor.name)[len(path) :]) for tensor in tensors):
            layer = _transformer_layer(path, tensors)
            if layer is not None:
                layers.append(layer)
    runs: list[list[_FoundTransformer]] = []
    for layer in sorted(layers, key=lambda one: (one.stem, one.number)):
        if runs and runs[-1][-1].alike == layer.alike and layer.number == runs[-1][-1].number + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    for run in runs:
        first = run[0]
        fields = {
            "width": first.width,
            "feed_forward": first.feed_forward,
            "layers": len(run),
            "bias": first.bias,
            "attention_bias": first.attention_bias,
        }
        held = tuple(tensor for layer in run for tensor in layer.tensors)
        yield FoundBlock(
            first.stem.rstrip("._") or first.path,
            "transformer",
            fields,
            _sum(held),
            held,
            "names",
            reads=first.width,
            hands_up=first.width,
            attends=first.width if first.memory else None,
            parts=tuple(layer.path for layer in run),
        )


def _transformer_layer(path: str, tensors: Sequence[StoredTensor]) -> _FoundTransformer | None:
    matrices = [tensor for tensor in tensors if len(tensor.shape) == 2 and min(tensor.shape) > 1]
    vectors = [
        tensor for tensor in tensors if len(tensor.shape) == 1 or (len(tensor.shape) == 2 and min(tensor.shape) == 1)
    ]
    if len(matrices) + len(vectors) != len(tensors) or len(matrices) < 4 or not vectors:
        return None
    held, added = _sum(matrices), _sum(vectors)
    sizes = sorted({size for tensor in matrices for size in tensor.shape})
    number = re.search(r"\d+$", path)
    assert number is not None
    if len(sizes) > _MOST_SIZES:
        return None
    for width in sizes:
        for feed_forward in sizes:
            allowed = {width, 2 * width, 3 * width, feed_forward}
            if any(size not in allowed for tensor in matrices for size in tensor.shape):
                continue
            for memory in (False, True):
                squares, norms, biases = (8, 6, 8) if memory else (4, 4, 4)
                if held != squares * width * width + 2 * width * feed_forward:
                    continue
                for bias, attention_bias in ((True, True), (True, False), (False, False), (False, True)):
                    expected = norms * width + bias * (feed_forward + width) + attention_bias * biases * width
                    if added == expected:
                        return _FoundTransformer(
                            path, int(number.group()), path[: number.start()], width, feed_forward, bias, attention_bias,
                            memory, tuple(tensors),
                        )  # fmt: skip
    return None
