"""The tensors of a file told apart: weights, buffers, an optimizer's, and those whose values are another's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sizer.files.contents import Contents, StoredTensor

_BUFFERS = re.compile(
    r"(^|[./_])(running_mean|running_var|num_batches_tracked|moving_mean|moving_variance|position_ids|inv_freq|total_ops"
    r"|total_params|global_step|save_counter|masked_bias|scale|zero_point|zp|_metadata)(:0|/\.ATTRIBUTES/VARIABLE_VALUE)?$",
    re.IGNORECASE,
)
"""Names of what a toolkit keeps beside the weights."""
_OPTIMIZER = re.compile(
    r"(^|[./])(optimizer(_weights|_state(_dict)?|s)?|optim|opt_state|training)[./]|[./](Adam(_\d+)?|Momentum|RMSProp(_\d+)?"
    r"|Adagrad|exp_avg(_sq)?|max_exp_avg_sq|momentum_buffer|beta[12]_power|\.OPTIMIZER_SLOT.*)(:0)?$"
)
"""Names of an optimizer's tensors."""
_QUANTISED = re.compile(r"^q?u?int[248]$|^float8")
_WHOLE = re.compile(r"^(u?int\d+|bool|str.*|object|complex.*)$")


@dataclass(frozen=True)
class Kinds:
    """Every tensor of a file, in one place each."""

    weights: tuple[StoredTensor, ...]
    """What is trained, or was."""
    buffers: tuple[StoredTensor, ...]
    """Means and variances, counters, scales of quantisation, and what holds no fractions."""
    optimizer: tuple[StoredTensor, ...]
    """An optimizer's moments."""
    tied: tuple[tuple[StoredTensor, StoredTensor], ...]
    """A tensor whose values are those of another, and the other; counted once."""


def tell_apart(contents: Contents) -> Kinds:
    """Return the tensors of a file by kind.

    What the format states goes before what a name says.
    """
    weights: list[StoredTensor] = []
    buffers: list[StoredTensor] = []
    optimizer: list[StoredTensor] = []
    tied: list[tuple[StoredTensor, StoredTensor]] = []
    first_at: dict[str, StoredTensor] = {}
    for tensor in _longest_first(contents.tensors):
        if tensor.role == "optimizer" or (tensor.role == "unknown" and _OPTIMIZER.search(tensor.name)):
            optimizer.append(tensor)
        elif tensor.role == "buffer" or is_buffer(tensor):
            buffers.append(tensor)
        elif tensor.storage is not None and tensor.storage in first_at:
            tied.append((tensor, first_at[tensor.storage]))
        else:
            weights.append(tensor)
            if tensor.storage is not None:
                first_at[tensor.storage] = tensor
    place = {id(tensor): number for number, tensor in enumerate(contents.tensors)}
    weights.sort(key=lambda tensor: place[id(tensor)])
    return Kinds(tuple(weights), tuple(buffers), tuple(optimizer), tuple(tied))


def _longest_first(tensors: Iterable[StoredTensor]) -> list[StoredTensor]:
    """Return tensors so that the whole comes before its parts; else as they stand."""
    return sorted(tensors, key=lambda tensor: -tensor.size if tensor.storage is not None else 0)


def is_buffer(tensor: StoredTensor) -> bool:
    """Return whether a tensor's name or type says that it is no weight."""
    if tensor.role == "weight":
        return False
    if _WHOLE.match(tensor.dtype) and not (_QUANTISED.match(tensor.dtype) and len(tensor.shape) > 1):
        return True
    return bool(_BUFFERS.search(tensor.name))
