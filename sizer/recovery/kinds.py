"""The tensors of a file told apart: weights, buffers, an optimizer's, and those whose values are another's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass

from sizer.files.contents import Contents, StoredTensor
from sizer.recovery.stated import initial_states, statistics

_BUFFERS = re.compile(
    r"(^|[./_])(running_mean|running_var|num_batches_tracked|moving_mean|moving_variance|moving_var|pop_mean|pop_var|position_ids|inv_freq"
    r"|total_ops|total_params|global_step|save_counter|masked_bias|_metadata)(:0|/\.ATTRIBUTES/VARIABLE_VALUE)?$",
    re.IGNORECASE,
)
"""Names of what a toolkit keeps beside the weights."""
_OPTIMIZER = re.compile(
    r"(^|[./])(optimizer(_weights|_state(_dict)?|s)?|optim|opt_state|training)[./]|[./](Adam(_\d+)?|Momentum|RMSProp(_\d+)?"
    r"|Adagrad|exp_avg(_sq)?|max_exp_avg_sq|momentum_buffer|\.OPTIMIZER_SLOT.*)(:0)?$"
    r"|(^|[./])beta_?[12]_power(_\d+)?(:0)?$|(^|\.)state\.\d+\.step$"
)
"""Names of an optimizer's tensors."""
_QUANTISED = re.compile(r"^q?u?int[248]$|^float8")
_WHOLE = re.compile(r"^(u?int\d+|bool|str.*|object|complex.*)$")


_COMPUTED = re.compile(r"(^|[./])_?val_\d{1,9}$")
"""Names of the values that PyTorch's exporter has computed, and that are no parameters."""
_WEIGHED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN", "BatchNormalization"})
"""Operators of a graph that read weights behind their first input, a bias of one value too."""


@dataclass(frozen=True)
class Kinds:
    """Every tensor of a file, in one place each."""

    weights: tuple[StoredTensor, ...]
    """What is trained, or was, and fixed matrices that are multiplied all the same."""
    buffers: tuple[StoredTensor, ...] = ()
    """Means and variances of batches, counters and other values that a toolkit keeps beside the weights."""
    whole: tuple[StoredTensor, ...] = ()
    """Whole numbers, such as shapes and strides, and the scales and zero points of quantised weights."""
    constants: tuple[StoredTensor, ...] = ()
    """Constants of a graph, and the attributes of its operators."""
    optimizer: tuple[StoredTensor, ...] = ()
    """An optimizer's moments."""
    tied: tuple[tuple[StoredTensor, StoredTensor], ...] = ()
    """A tensor whose values are those of another, and the other; counted once."""
    fixed: tuple[StoredTensor, ...] = ()
    """Those of the weights that the format calls buffers: matrices that are not trained, such as a filter bank."""


def tell_apart(contents: Contents) -> Kinds:
    """Return the tensors of a file by kind.

    What the format states goes before what a name says, and a name before a type. A fixed matrix of a TorchScript archive
    counts among the weights: it is made to be run, and the graph of the same model cannot tell such a matrix from the others.
    """
    kinds: dict[str, list[StoredTensor]] = {name: [] for name in _ORDER}
    tied: list[tuple[StoredTensor, StoredTensor]] = []
    fixed: list[StoredTensor] = []
    first_at: dict[str, StoredTensor] = {}
    names = {tensor.name for tensor in contents.tensors}
    constants = _constants(contents)
    beside = statistics(contents)
    for tensor in _longest_first(contents.tensors):
        kind = "buffers" if tensor.name in beside else _kind(tensor, names, constants, contents.format)
        if kind == "weights" and tensor.storage is not None:
            if tensor.storage in first_at:
                tied.append((tensor, first_at[tensor.storage]))
                continue
            first_at[tensor.storage] = tensor
        if kind == "weights" and tensor.role == "buffer":
            fixed.append(tensor)
        kinds[kind].append(tensor)
    place = {id(tensor): number for number, tensor in enumerate(contents.tensors)}
    for found in kinds.values():
        found.sort(key=lambda tensor: place[id(tensor)])
    return Kinds(**{name: tuple(found) for name, found in kinds.items()}, tied=tuple(tied), fixed=tuple(fixed))


_ORDER = ("weights", "buffers", "whole", "constants", "optimizer")


def _kind(tensor: StoredTensor, names: Set[str], constants: Set[str], form: str) -> str:
    if tensor.name in constants:
        return "constants"
    if tensor.role == "optimizer" or (tensor.role == "unknown" and _OPTIMIZER.search(tensor.name)):
        return "optimizer"
    if tensor.role == "weight":
        return "weights"
    if _BUFFERS.search(tensor.name):
        return "buffers"
    if _is_whole(tensor) or _quantises(tensor.name, names):
        return "whole"
    if tensor.role == "buffer" and (form != "torchscript" or sum(size != 1 for size in tensor.shape) < 2):
        return "buffers"
    return "weights"


def _constants(contents: Contents) -> frozenset[str]:
    """Return the tensors of a graph that are no initializers: what its constants hand up, and operators' attributes.

    Some exporters write weights as constants; so only single values, whole numbers and what an operator's state begins with
    are no weights among these.
    """
    if not contents.format.startswith("onnx"):
        return frozenset()
    found: set[str] = set()
    for layer in contents.layers:
        if layer.kind == "Constant":
            found.update(layer.settings.get("outputs", ()))
    # What a tracing exporter computed has no name of its own; a state that is trained has its parameter's.
    begun = {name for name in initial_states(contents) if name in found or _COMPUTED.search(name)}
    read = {name for layer in contents.layers for name in layer.tensors}
    attributes = {f"{layer.name}/value" for layer in contents.layers}
    weighed = {name for layer in contents.layers if layer.kind in _WEIGHED for name in layer.tensors[1:]}
    sizes = {tensor.name: tensor for tensor in contents.tensors}
    small = {name for name in found | (attributes - read) if name in sizes and _is_small(sizes[name])}
    return frozenset((small - weighed) | begun)


def _is_small(tensor: StoredTensor) -> bool:
    return tensor.size <= 1 or _is_whole(tensor)


def _longest_first(tensors: Iterable[StoredTensor]) -> list[StoredTensor]:
    """Return tensors so that the whole comes before its parts; else as they stand."""
    return sorted(tensors, key=lambda tensor: -tensor.size if tensor.storage is not None else 0)


def _is_whole(tensor: StoredTensor) -> bool:
    """Return whether a type says that a tensor holds no weights: whole numbers, but for matrices of quantised ones."""
    return bool(_WHOLE.match(tensor.dtype)) and not (_QUANTISED.match(tensor.dtype) and len(tensor.shape) > 1)


def _quantises(name: str, names: Set[str]) -> bool:
    """Return whether a name is that of a scale or a zero point, which stand beside each other."""
    for word, other in (("scale", "zero_point"), ("zero_point", "scale")):
        if name.endswith(word) and name.removesuffix(word) + other in names:
            return True
    return False
