"""The cell types: each a table of weight tensors, the one place where their shapes are written.

Dimensions that a table may name, per layer and direction:

    input                  what feeds the layer
    cells                  cells
    recurrent              what is fed back (`recurs`)
    projected              recurrent_projection + nonrecurrent_projection
    recurrent_projection   by itself
    bias_vectors           bias vectors per gate

and the 0-or-1 dimensions `peepholes`, `projection_bias`, `candidate_bias`. Everything else (counts, parts,
multiply-accumulates, formulas, the equivalents in a framework) is derived from the rows here.
"""

from __future__ import annotations

from dataclasses import dataclass

from sizer.networks.tensors import Tensor


@dataclass(frozen=True)
class CellType:
    """One kind of recurrent cell, under the conventions that do not bring a table of their own."""

    name: str
    title: str
    tensors: tuple[Tensor, ...]
    state: tuple[str, ...]
    """The dimensions that are carried from step to step."""
    recurs: tuple[tuple[str, ...], ...]
    """What is fed back: the first group of dimensions that is not all zero."""
    hands_up: tuple[tuple[str, ...], ...]
    """What one direction hands to the layer above: the first group that is not all zero."""
    fields: frozenset[str]
    """The optional fields this cell has; the others must be absent."""
    source: str
    fed_by: tuple[str, ...] = ("handed",)
    """What feeds a layer above the first: `handed` (all directions of the layer below), `raw` (the network's
    input), `recurrent_projection` (of the layer below)."""


_LSTM_WIDTHS = {
    "state": ("cells", "recurrent"),
    "recurs": (("recurrent_projection",), ("cells",)),
    "hands_up": (("recurrent_projection", "nonrecurrent_projection"), ("cells",)),
}
_CELLS_ONLY = {"state": ("cells",), "recurs": (("cells",),), "hands_up": (("cells",),)}

LSTM = CellType(
    name="lstm",
    title="Long short-term memory",
    tensors=(
        Tensor("input_weights", "input_weights", (4, "cells", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", (4, "cells", "recurrent"), matrix=True),
        Tensor("bias", "bias_weights", ("bias_vectors", 4, "cells")),
        Tensor("peepholes", "peephole_weights", (3, "cells"), when="peepholes"),
        Tensor("projection", "projection_weights", ("cells", "projected"), matrix=True),
        Tensor("projection_bias", "bias_weights", ("projected",), when="projection_bias"),
    ),
    fields=frozenset(
        {"recurrent_projection", "nonrecurrent_projection", "only_recurrent_up", "peepholes", "projection_bias"}
    ),
    source="Hochreiter & Schmidhuber 1997; Gers & Schmidhuber 2000 (peepholes); Sak, Senior & Beaufays 2014 (projections)",
    **_LSTM_WIDTHS,  # type: ignore[arg-type]
)

GRU = CellType(
    name="gru",
    title="Gated recurrent unit",
    tensors=(
        Tensor("input_weights", "input_weights", (3, "cells", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", (3, "cells", "recurrent"), matrix=True),
        Tensor("bias", "bias_weights", ("bias_vectors", 3, "cells")),
        Tensor("candidate_bias", "bias_weights", ("cells",), when="candidate_bias"),
    ),
    fields=frozenset(),
    source="Cho et al. 2014, arXiv:1406.1078",
    **_CELLS_ONLY,  # type: ignore[arg-type]
)

RNN = CellType(
    name="rnn",
    title="Simple (Elman) recurrent network",
    tensors=(
        Tensor("input_weights", "input_weights", ("cells", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", ("cells", "recurrent"), matrix=True),
        Tensor("bias", "bias_weights", ("bias_vectors", "cells")),
    ),
    fields=frozenset(),
    source="Elman 1990",
    **_CELLS_ONLY,  # type: ignore[arg-type]
)

BACK_OF_ENVELOPE_LSTM = CellType(
    name="lstm",
    title="LSTM by the closed form of question-and-answer sites",
    tensors=(
        Tensor("input_weights", "input_weights", (4, "cells", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", (4, "cells", "recurrent"), matrix=True),
        Tensor("peepholes", "peephole_weights", (3, "cells"), when="peepholes"),
        Tensor("projection", "projection_weights", ("cells", "recurrent_projection"), matrix=True),
    ),
    fields=LSTM.fields,
    fed_by=("raw", "recurrent_projection"),
    source="the closed form in circulation; kept to show why a number differs",
    **_LSTM_WIDTHS,  # type: ignore[arg-type]
)

CELL_TYPES: dict[str, CellType] = {cell.name: cell for cell in (LSTM, GRU, RNN)}

AROUND = {
    "embedding": Tensor("embedding_weights", "embedding_weights", ("vocabulary", "embedding")),
    "output": Tensor("output_weights", "output_weights", ("fed", "outputs"), matrix=True, shared_when="tied_embedding"),
    "output_bias": Tensor("output_bias", "bias_weights", ("outputs",), when="output_bias"),
    "other": Tensor("other_weights", "other_weights", ("other_weights",)),
}
"""The tensors around the recurrent layers. `fed` is everything that feeds the output layer."""
