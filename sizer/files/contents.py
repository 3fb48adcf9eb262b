"""Look into a model file, as values: its tensors without their weights, and what its format says of layers.

Facts alone: nothing here is worked out from shapes or guessed from names. What a format cannot say is a note.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["weight", "buffer", "optimizer", "unknown"]
"""What a tensor is for, as far as the format says; `unknown` where it only has a name."""


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of a file."""

    name: str
    """As the file has it; the keys of nested tables are joined by dots."""
    shape: tuple[int, ...]
    """As it is stored, outermost dimension first; `()` is one value."""
    dtype: str
    """In NumPy's words, and `bfloat16`, `float8_e4m3fn`, `qint8`, `int4` and the like where NumPy has none."""
    role: Role = "unknown"
    storage: str | None = None
    """Where its values begin: tensors of one file with the same storage are tied, a shorter one being a part of the
    other. None where the format stores every tensor by itself."""

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class StatedLayer:
    """A layer or an operator that the file names itself, beside its tensors."""

    kind: str
    """In the format's own words: `LSTM` (Keras, ONNX), `torch.nn.modules.rnn.LSTM`, `LstmNonlinearityComponent`."""
    name: str
    """Its path or name in the file."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Its attributes as the file has them: numbers, words, truth values, and lists and tables of those."""
    tensors: tuple[str, ...] = ()
    """The names of its tensors, in the format's order; an empty name where an optional one is not there."""


@dataclass(frozen=True)
class Contents:
    """What one model file holds."""

    format: str
    """`safetensors`, `torch zip`, `torchscript`, `torch legacy pickle`, `keras h5`, `onnx` ..."""
    tensors: tuple[StoredTensor, ...]
    """In the file's order."""
    layers: tuple[StatedLayer, ...] = ()
    """What the file says of its layers, in its order; empty where it says nothing."""
    producer: str = ""
    """What wrote it, with the version where it says one."""
    notes: tuple[str, ...] = ()
    """What the format cannot say, and what was there but is not read, each one sentence."""
    place: str = ""
    """Which file it is of a folder or an archive, with `!` between an archive and what is in it; empty for the file itself."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Words that the file carries along, such as the `__metadata__` of safetensors."""
