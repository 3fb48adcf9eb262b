"""The cells beyond LSTM, GRU and RNN a second time: what one layer of each has, in sums written from their sources.

As in `slow_twin`, nothing of the package is used. A layer is counted with all its directions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

HAS = {
    "cifg_lstm": {"recurrent_projection", "peepholes"},
    "layer_norm_lstm": {"recurrent_projection"},
    "split_layer_norm_lstm": set[str](),
    "lstmb": {"peepholes", "bottleneck"},
    "rnnp": {"nonrecurrent_projection", "projection_bias"},
    "pgru": {"recurrent_projection", "nonrecurrent_projection", "only_recurrent_up", "projection_bias"},
    "opgru": {"recurrent_projection", "nonrecurrent_projection", "only_recurrent_up", "projection_bias"},
    "ligru": set[str](),
    "mgu": set[str](),
    "janet": set[str](),
    "sru": set[str](),
    "qrnn": {"window"},
}
"""The optional fields of each cell, `bias_vectors` aside, which all have."""
BIAS_VECTORS = {
    "textbook": dict.fromkeys(HAS, 0),
    "pytorch": {"layer_norm_lstm": 2, "split_layer_norm_lstm": 2, "rnnp": 2, "ligru": 1, "sru": 1, "qrnn": 1},
    "tensorflow1": {"cifg_lstm": 1, "layer_norm_lstm": 0, "split_layer_norm_lstm": 1, "janet": 1},
    "kaldi_nnet3": {"lstmb": 1, "pgru": 1, "opgru": 1},
    "flax": {"mgu": 1},
}
"""Convention -> cell -> bias vectors per gate, where nothing else is said."""
NEEDS = {
    "lstmb": "bottleneck",
    "rnnp": "nonrecurrent_projection",
    "pgru": "recurrent_projection",
    "opgru": "recurrent_projection",
}


@dataclass(frozen=True)
class Layer:
    """One layer: its widths, and what the convention and the overrides make of it."""

    n: int
    r: int
    p: int
    fed: int
    both: int
    """Directions."""
    joined: int
    """Directions that stand side by side in what the layer hands up."""
    bottleneck: int
    window: int
    b: int
    """Bias vectors per gate."""
    vectors: bool
    """Whether gains, diagonals and the like are counted."""
    peepholes: bool
    projection_bias: bool
    flax: bool
    """Whether the candidate has a bias of its own on its recurrent half."""


@dataclass
class Counted:
    """The parts of one layer, its multiply-accumulates and its state."""

    parts: Counter[str]
    macs: int
    state: int


def cifg_lstm(x: Layer) -> Counted:
    back = x.r or x.n
    matrices = {"input": 3 * x.n * x.fed, "recurrent": 3 * x.n * back, "projection": x.n * x.r}
    vectors = {"bias": x.b * 3 * x.n, "peephole": 2 * x.n * x.peepholes}
    return _for_each_direction(x, matrices, vectors, x.n + back)


def layer_norm_lstm(x: Layer) -> Counted:
    back = x.r or x.n
    matrices = {"input": 4 * x.n * x.fed, "recurrent": 4 * x.n * back, "projection": x.n * x.r}
    norms = 5 * (x.n + x.n)
    return _for_each_direction(x, matrices, {"bias": x.b * 4 * x.n + norms * x.vectors}, x.n + back)


def split_layer_norm_lstm(x: Layer) -> Counted:
    matrices = {"input": 4 * x.n * x.fed, "recurrent": 4 * x.n * x.n}
    norms = 4 * x.n + 4 * x.n + (x.n + x.n)
    return _for_each_direction(x, matrices, {"bias": x.b * 4 * x.n + norms * x.vectors}, x.n + x.n)


def lstmb(x: Layer) -> Counted:
    matrices = {
        "input": x.fed * x.bottleneck,
        "recurrent": x.n * x.bottleneck,
        "projection": x.bottleneck * (4 * x.n),
    }
    vectors = {"bias": x.b * 4 * x.n + 4 * x.n * x.vectors, "peephole": 3 * x.n * x.peepholes}
    return _for_each_direction(x, matrices, vectors, x.n + x.n)


def rnnp(x: Layer) -> Counted:
    inner = _for_each_direction(
        x, {"input": 4 * x.n * x.fed, "recurrent": 4 * x.n * x.n}, {"bias": x.b * 4 * x.n}, x.n + x.n
    )
    projection = (x.joined * x.n) * x.p
    inner.parts.update({"projection": projection, "bias": x.p * x.projection_bias})
    return Counted(inner.parts, inner.macs + projection, inner.state)


def pgru(x: Layer) -> Counted:
    matrices = {
        "input": x.n * x.fed + x.r * x.fed + x.n * x.fed,
        "recurrent": x.n * x.r + x.r * x.r + x.n * x.r,
        "projection": x.n * (x.r + x.p),
    }
    bias = x.b * (x.n + x.r + x.n) + (x.r + x.p) * x.projection_bias
    return _for_each_direction(x, matrices, {"bias": bias}, x.n + x.r)


def opgru(x: Layer) -> Counted:
    matrices = {"input": 3 * x.n * x.fed, "recurrent": 2 * x.n * x.r, "projection": x.n * (x.r + x.p)}
    bias = x.b * (x.n + x.n + x.n) + (x.r + x.p) * x.projection_bias
    return _for_each_direction(x, matrices, {"bias": bias, "peephole": x.n * x.vectors}, x.n + x.r)


def ligru(x: Layer) -> Counted:
    shared = {"input": 2 * x.n * x.fed, "recurrent": 2 * x.n * x.n}
    macs = x.both * (2 * x.n * x.fed + 2 * x.n * x.n)
    bias = x.b * 2 * x.n + 2 * x.n * x.vectors
    return Counted(Counter(shared | {"bias": bias}), macs, x.both * x.n)


def mgu(x: Layer) -> Counted:
    bias = x.b * 2 * x.n + x.n * x.flax
    return _for_each_direction(x, {"input": 2 * x.n * x.fed, "recurrent": 2 * x.n * x.n}, {"bias": bias}, x.n)


def janet(x: Layer) -> Counted:
    one_gate = {"input": x.n * x.fed, "recurrent": x.n * x.n}
    forget_and_candidate = {name: one + one for name, one in one_gate.items()}
    return _for_each_direction(x, forget_and_candidate, {"bias": x.b * (x.n + x.n)}, x.n)


def sru(x: Layer) -> Counted:
    matrices = 3 if x.fed == x.both * x.n else 4
    vectors = {"bias": x.b * 2 * x.n, "peephole": 2 * x.n * x.vectors}
    return _for_each_direction(x, {"input": matrices * x.n * x.fed}, vectors, x.n)


def qrnn(x: Layer) -> Counted:
    return _for_each_direction(x, {"input": (x.window * x.fed) * (3 * x.n)}, {"bias": x.b * 3 * x.n}, x.n)


SLOW_CELLS: dict[str, Callable[[Layer], Counted]] = {name: globals()[name] for name in HAS}


def _for_each_direction(x: Layer, matrices: dict[str, int], vectors: dict[str, int], state: int) -> Counted:
    found = Counted(Counter(), 0, 0)
    for _direction in range(x.both):
        found.parts.update(matrices)
        found.parts.update(vectors)
        found.macs += sum(matrices.values())
        found.state += state
    return found


def slow_cell_valid(fields: dict[str, Any], layers: list[tuple[int, int, int]]) -> bool:
    """Return whether the convention has the cell and the cell has what is asked of it."""
    convention, cell_type = fields["convention"], fields["cell_type"]
    if cell_type not in BIAS_VECTORS.get(convention, {}):
        return False
    has = HAS[cell_type]
    if convention == "tensorflow1" and cell_type == "layer_norm_lstm":
        has = set()
    asked = {
        "recurrent_projection": any(r > 0 for n, r, p in layers),
        "nonrecurrent_projection": any(p > 0 for n, r, p in layers),
        "window": fields.get("window", 1) > 1,
        **{
            name: bool(fields.get(name)) for name in ("only_recurrent_up", "peepholes", "projection_bias", "bottleneck")
        },
    }
    if any(wanted and name not in has for name, wanted in asked.items()):
        return False
    needed = NEEDS.get(cell_type)
    if needed == "bottleneck" and not fields.get("bottleneck"):
        return False
    for n, r, p in layers:
        if (needed == "recurrent_projection" and r == 0) or (needed == "nonrecurrent_projection" and p == 0):
            return False
        if convention == "kaldi_nnet3" and r > 0 and (p == 0 or r + p > n):
            return False
        if convention == "pytorch" and "recurrent_projection" in has and r >= n:
            return False
    return not (convention == "kaldi_nnet3" and "peepholes" in has and fields.get("peepholes") is False)
