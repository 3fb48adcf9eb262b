"""The cell types: each a table of weight tensors, the one place where their shapes are written.

Dimensions that a table may name, per layer and direction:

    input                  what feeds the layer
    cells                  cells
    recurrent              what is fed back (`recurs`)
    projected              recurrent_projection + nonrecurrent_projection
    recurrent_projection   by itself; so for every other field that is a count
    bias_vectors           bias vectors per gate
    joined_cells           the cells of both directions, where these are joined

and the 0-or-1 dimensions `peepholes`, `projection_bias` and every other field that is true or false, `candidate_bias`,
`vectors` (0 where a convention counts matrices only) and `widens` (1 where what feeds the layer is not as wide as what
its directions hand up). Everything else (counts, parts, multiply-accumulates, formulas, the equivalents in a
framework) is derived from the rows here.

A matrix belongs to what it reads: the input, what recurs, or (projections and bottlenecks) something inside the layer.
What is no matrix is a peephole weight where it scales the state on its way to a gate, and a bias where it is added or
where it scales or shifts a sum, as the gains and shifts of a normalisation do.
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
    needs: tuple[str, ...] = ()
    """The fields that must not be 0."""
    joins: bool = False
    """Whether what is handed up is the two directions' together, so that it is as wide with one direction as with two."""
    biased_projection: bool = False
    """Whether its projection has a bias wherever vectors are counted, whatever the convention says of other cells."""
    own: bool = False
    """Whether a person defines it; a convention holds such a cell to what it holds an LSTM to."""

    @property
    def grows(self) -> bool:
        """Whether no count ever falls when a width grows."""
        return all(tensor.when != "widens" for tensor in self.tensors)


_LSTM_WIDTHS = {
    "state": ("cells", "recurrent"),
    "recurs": (("recurrent_projection",), ("cells",)),
    "hands_up": (("recurrent_projection", "nonrecurrent_projection"), ("cells",)),
}
_RECURRENT_PROJECTION = {
    "state": ("cells", "recurrent"),
    "recurs": (("recurrent_projection",), ("cells",)),
    "hands_up": (("recurrent_projection",), ("cells",)),
}
_PLAIN = frozenset({"bias_vectors"})
_PROJECTED = _PLAIN | {"recurrent_projection", "nonrecurrent_projection", "only_recurrent_up", "projection_bias"}
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
    fields=_PROJECTED | {"peepholes"},
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
    fields=_PLAIN,
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
    fields=_PLAIN,
    source="Elman 1990",
    **_CELLS_ONLY,  # type: ignore[arg-type]
)

CIFG_LSTM = CellType(
    name="cifg_lstm",
    title="LSTM with coupled input and forget gates",
    tensors=(
        Tensor("input_weights", "input_weights", (3, "cells", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", (3, "cells", "recurrent"), matrix=True),
        Tensor("bias", "bias_weights", ("bias_vectors", 3, "cells")),
        Tensor("peepholes", "peephole_weights", (2, "cells"), when="peepholes"),
        Tensor("projection", "projection_weights", ("cells", "recurrent_projection"), matrix=True),
    ),
    fields=_PLAIN | {"recurrent_projection", "peepholes"},
    source="Greff et al. 2015, arXiv:1503.04069; tf.contrib.rnn.CoupledInputForgetGateLSTMCell (W, B, W_F_diag, W_O_diag, W_P)",
    **_RECURRENT_PROJECTION,  # type: ignore[arg-type]
)

LAYER_NORM_LSTM = CellType(
    name="layer_norm_lstm",
    title="LSTM with layer normalisation of each gate and of the cell",
    tensors=(
        Tensor("input_weights", "input_weights", (4, "cells", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", (4, "cells", "recurrent"), matrix=True),
        Tensor("bias", "bias_weights", ("bias_vectors", 4, "cells")),
        Tensor("gate_gains", "bias_weights", (4, "cells"), when="vectors"),
        Tensor("gate_shifts", "bias_weights", (4, "cells"), when="vectors"),
        Tensor("cell_gain", "bias_weights", ("cells",), when="vectors"),
        Tensor("cell_shift", "bias_weights", ("cells",), when="vectors"),
        Tensor("projection", "projection_weights", ("cells", "recurrent_projection"), matrix=True),
    ),
    fields=_PLAIN | {"recurrent_projection"},
    source="Ba, Kiros & Hinton 2016, arXiv:1607.06450; tf.contrib.rnn.LayerNormBasicLSTMCell; icefall transducer LayerNormLSTM",
    **_RECURRENT_PROJECTION,  # type: ignore[arg-type]
)

SPLIT_LAYER_NORM_LSTM = CellType(
    name="split_layer_norm_lstm",
    title="LSTM with layer normalisation of the input's and of the recurrent products, each by itself, and of the cell",
    tensors=(
        Tensor("input_weights", "input_weights", (4, "cells", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", (4, "cells", "recurrent"), matrix=True),
        # The shifts of the two normalisations are the bias vectors: NeMo has both, Haste one for the sum.
        Tensor("bias", "bias_weights", ("bias_vectors", 4, "cells")),
        Tensor("input_gains", "bias_weights", (4, "cells"), when="vectors"),
        Tensor("recurrent_gains", "bias_weights", (4, "cells"), when="vectors"),
        Tensor("cell_gain", "bias_weights", ("cells",), when="vectors"),
        Tensor("cell_shift", "bias_weights", ("cells",), when="vectors"),
    ),
    fields=_PLAIN,
    source="Ba, Kiros & Hinton 2016, arXiv:1607.06450; Haste LayerNormLSTM (gamma, gamma_h, beta_h); NeMo ln_lstm",
    state=("cells", "recurrent"),
    recurs=(("cells",),),
    hands_up=(("cells",),),
)

LSTMB = CellType(
    name="lstmb",
    title="LSTM whose gates are reached through a bottleneck",
    tensors=(
        Tensor("input_weights", "input_weights", ("bottleneck", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", ("bottleneck", "recurrent"), matrix=True),
        Tensor("gate_weights", "projection_weights", (4, "cells", "bottleneck"), matrix=True),
        Tensor("gate_scales", "bias_weights", (4, "cells"), when="vectors"),
        Tensor("bias", "bias_weights", ("bias_vectors", 4, "cells")),
        Tensor("peepholes", "peephole_weights", (3, "cells"), when="peepholes"),
    ),
    fields=_PLAIN | {"peepholes", "bottleneck"},
    needs=("bottleneck",),
    source="Kaldi nnet3 xconfig lstmb-layer (W_all_a, W_all_b, W_all_b_so, lstm_nonlin)",
    state=("cells", "recurrent"),
    recurs=(("cells",),),
    hands_up=(("cells",),),
)

RNNP = CellType(
    name="rnnp",
    title="LSTM with a projection of its joined directions that does not recur",
    tensors=(
        Tensor("input_weights", "input_weights", (4, "cells", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", (4, "cells", "recurrent"), matrix=True),
        Tensor("bias", "bias_weights", ("bias_vectors", 4, "cells")),
        Tensor(
            "projection",
            "projection_weights",
            ("joined_cells", "nonrecurrent_projection"),
            matrix=True,
            directions="joined",
        ),
        Tensor(
            "projection_bias",
            "bias_weights",
            ("nonrecurrent_projection",),
            when="projection_bias",
            directions="joined",
        ),
    ),
    fields=_PLAIN | {"nonrecurrent_projection", "projection_bias"},
    needs=("nonrecurrent_projection",),
    joins=True,
    biased_projection=True,
    source="ESPnet RNNP, the encoders lstmp and blstmp (torch.nn.LSTM and a torch.nn.Linear per layer)",
    state=("cells", "recurrent"),
    recurs=(("cells",),),
    hands_up=(("nonrecurrent_projection",),),
)

_PROJECTED_GRU = {
    "fields": _PROJECTED,
    "needs": ("recurrent_projection",),
    # The cells themselves, for the update gate to keep, and their projection.
    "state": ("cells", "recurrent"),
    "recurs": (("recurrent_projection",),),
    "hands_up": (("recurrent_projection", "nonrecurrent_projection"),),
}

PGRU = CellType(
    name="pgru",
    title="Projected gated recurrent unit",
    tensors=(
        # Update gate and candidate. The reset gate gates the projection and is as wide.
        Tensor("input_weights", "input_weights", (2, "cells", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", (2, "cells", "recurrent"), matrix=True),
        Tensor("bias", "bias_weights", ("bias_vectors", 2, "cells")),
        Tensor("reset_input_weights", "input_weights", ("recurrent", "input"), matrix=True),
        Tensor("reset_recurrent_weights", "recurrent_weights", ("recurrent", "recurrent"), matrix=True),
        Tensor("reset_bias", "bias_weights", ("bias_vectors", "recurrent")),
        Tensor("projection", "projection_weights", ("cells", "projected"), matrix=True),
        Tensor("projection_bias", "bias_weights", ("projected",), when="projection_bias"),
    ),
    source="Kaldi nnet3 xconfig pgru-layer (W_z.xs_z, W_z.xs_r, W_h.UW, W_s.ys)",
    **_PROJECTED_GRU,  # type: ignore[arg-type]
)

OPGRU = CellType(
    name="opgru",
    title="Output-gate projected gated recurrent unit",
    tensors=(
        # Update gate, output gate, candidate; the candidate sees its own last value through a diagonal alone.
        Tensor("input_weights", "input_weights", (3, "cells", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", (2, "cells", "recurrent"), matrix=True),
        Tensor("bias", "bias_weights", ("bias_vectors", 3, "cells")),
        Tensor("diagonal", "peephole_weights", ("cells",), when="vectors"),
        Tensor("projection", "projection_weights", ("cells", "projected"), matrix=True),
        Tensor("projection_bias", "bias_weights", ("projected",), when="projection_bias"),
    ),
    source="Cheng, Povey et al. 2018 (Interspeech); Kaldi nnet3 xconfig opgru-layer (W_z.xs_z, W_z.xs_o, W_h.UW, W_h.UW_elementwise, W_s.ys)",
    **_PROJECTED_GRU,  # type: ignore[arg-type]
)

LIGRU = CellType(
    name="ligru",
    title="Light gated recurrent unit",
    tensors=(
        # Update gate and candidate, batch-normalised; the shift of the normalisation is the bias.
        Tensor("input_weights", "input_weights", (2, "cells", "input"), matrix=True, directions="shared"),
        Tensor("recurrent_weights", "recurrent_weights", (2, "cells", "recurrent"), matrix=True, directions="shared"),
        Tensor("bias", "bias_weights", ("bias_vectors", 2, "cells"), directions="shared"),
        Tensor("gains", "bias_weights", (2, "cells"), when="vectors", directions="shared"),
    ),
    fields=_PLAIN,
    source="Ravanelli et al. 2018, arXiv:1803.10225; SpeechBrain LiGRU (w, u, norm), whose two directions share their weights",
    **_CELLS_ONLY,  # type: ignore[arg-type]
)

MGU = CellType(
    name="mgu",
    title="Minimal gated unit",
    tensors=(
        Tensor("input_weights", "input_weights", (2, "cells", "input"), matrix=True),
        Tensor("recurrent_weights", "recurrent_weights", (2, "cells", "recurrent"), matrix=True),
        Tensor("bias", "bias_weights", ("bias_vectors", 2, "cells")),
        Tensor("candidate_bias", "bias_weights", ("cells",), when="candidate_bias"),
    ),
    fields=_PLAIN,
    source="Zhou et al. 2016, arXiv:1603.09420; flax.linen.MGUCell",
    **_CELLS_ONLY,  # type: ignore[arg-type]
)

SRU = CellType(
    name="sru",
    title="Simple recurrent unit",
    tensors=(
        # Candidate, forget gate and reset gate; nothing recurs but through the two diagonals.
        Tensor("input_weights", "input_weights", (3, "cells", "input"), matrix=True),
        Tensor("highway_weights", "input_weights", ("cells", "input"), matrix=True, when="widens"),
        Tensor("bias", "bias_weights", ("bias_vectors", 2, "cells")),
        Tensor("diagonals", "peephole_weights", (2, "cells"), when="vectors"),
    ),
    fields=_PLAIN,
    source="Lei et al. 2018, arXiv:1709.02755; the sru package (weight with num_matrices 3, or 4 where input_size is not output_size; weight_c, bias)",
    **_CELLS_ONLY,  # type: ignore[arg-type]
)

QRNN = CellType(
    name="qrnn",
    title="Quasi-recurrent network (fo-pooling)",
    tensors=(
        Tensor("input_weights", "input_weights", (3, "cells", "window", "input"), matrix=True),
        Tensor("bias", "bias_weights", ("bias_vectors", 3, "cells")),
    ),
    fields=_PLAIN | {"window"},
    source="Bradbury et al. 2017, arXiv:1611.01576; salesforce/pytorch-qrnn QRNNLayer (one linear layer on the window)",
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

CELL_TYPES: dict[str, CellType] = {
    cell.name: cell
    for cell in (
        LSTM,
        GRU,
        RNN,
        CIFG_LSTM,
        LAYER_NORM_LSTM,
        SPLIT_LAYER_NORM_LSTM,
        LSTMB,
        RNNP,
        PGRU,
        OPGRU,
        LIGRU,
        MGU,
        SRU,
        QRNN,
    )
}

AROUND = {
    "embedding": Tensor("embedding_weights", "embedding_weights", ("vocabulary", "embedding")),
    "output": Tensor("output_weights", "output_weights", ("fed", "outputs"), matrix=True, shared_when="tied_embedding"),
    "output_bias": Tensor("output_bias", "bias_weights", ("outputs",), when="output_bias"),
    "other": Tensor("other_weights", "other_weights", ("other_weights",)),
}
"""The tensors around the recurrent layers. `fed` is everything that feeds the output layer."""
