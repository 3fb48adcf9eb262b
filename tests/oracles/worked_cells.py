"""The cells beyond LSTM, GRU and RNN multiplied out by hand, and what is refused of them; as in `worked_cases`.

Each cell stands here plainly, by the matrices alone; as its toolkit has it, in two layers of both directions; and
behind a tied embedding, with one number of bias vectors said.
"""

from __future__ import annotations

from typing import Any

from tests.oracles.slow_cells import BIAS_VECTORS, HAS, NEEDS
from tests.oracles.worked_cases import Refused, Worked, network

_TIED: dict[str, Any] = {
    "inputs": 0,
    "vocabulary": 29,
    "embedding": 5,
    "outputs": 29,
    "tied_embedding": True,
    "output_bias": False,
    "bias_vectors": 2,
}


def _biased(cell_type: str, parts: dict[str, int], macs: int, state: int, **fields: Any) -> Worked:
    """Return a network by the matrices alone with one bias vector asked for: no gain, shift or diagonal comes along."""
    return Worked(
        f"textbook-{cell_type}-with-a-bias-vector",
        network("textbook", cell_type, bias_vectors=1, **fields),
        parts,
        macs,
        state,
    )


WORKED_CELLS = (
    # The closed form where every width is the same.
    Worked(
        "back_of_envelope-one-width",
        network("back_of_envelope", "lstm", inputs=5),
        {"input_weights": 4 * 5 * 5, "recurrent_weights": 4 * 5 * 5, "peephole_weights": 3 * 5},
        4 * 5 * 5 + 4 * 5 * 5,
        5 + 5,
    ),
    Worked(
        "back_of_envelope-one-width-projected",
        network("back_of_envelope", "lstm", inputs=5, recurrent_projection=5),
        {
            "input_weights": 4 * 5 * 5,
            "recurrent_weights": 4 * 5 * 5,
            "projection_weights": 5 * 5,
            "peephole_weights": 3 * 5,
        },
        4 * 5 * 5 + 4 * 5 * 5 + 5 * 5,
        5 + 5,
    ),
    _biased("gru", {"input_weights": 3 * 5 * 3, "recurrent_weights": 3 * 5 * 5, "bias_weights": 3 * 5}, 45 + 75, 5),
    _biased("rnn", {"input_weights": 5 * 3, "recurrent_weights": 5 * 5, "bias_weights": 5}, 15 + 25, 5),
    _biased(
        "cifg_lstm",
        {
            "input_weights": 3 * 5 * 3,
            "recurrent_weights": 3 * 5 * 2,
            "projection_weights": 5 * 2,
            "bias_weights": 3 * 5,
        },
        45 + 30 + 10,
        5 + 2,
        recurrent_projection=2,
    ),
    Worked(
        "textbook-cifg_lstm-peepholes",
        network("textbook", "cifg_lstm", peepholes=True),
        {"input_weights": 3 * 5 * 3, "recurrent_weights": 3 * 5 * 5, "peephole_weights": 2 * 5},
        45 + 75,
        5 + 5,
    ),
    _biased(
        "layer_norm_lstm",
        {
            "input_weights": 4 * 5 * 3,
            "recurrent_weights": 4 * 5 * 2,
            "projection_weights": 5 * 2,
            "bias_weights": 4 * 5,
        },
        60 + 40 + 10,
        5 + 2,
        recurrent_projection=2,
    ),
    _biased(
        "split_layer_norm_lstm",
        {"input_weights": 4 * 5 * 3, "recurrent_weights": 4 * 5 * 5, "bias_weights": 4 * 5},
        60 + 100,
        5 + 5,
    ),
    _biased(
        "lstmb",
        {
            "input_weights": 2 * 3,
            "recurrent_weights": 2 * 5,
            "projection_weights": 4 * 5 * 2,
            "bias_weights": 4 * 5,
        },
        6 + 10 + 40,
        5 + 5,
        bottleneck=2,
    ),
    Worked(
        "textbook-lstmb-peepholes",
        network("textbook", "lstmb", bottleneck=2, peepholes=True),
        {"input_weights": 2 * 3, "recurrent_weights": 2 * 5, "projection_weights": 40, "peephole_weights": 3 * 5},
        6 + 10 + 40,
        5 + 5,
    ),
    _biased(
        "rnnp",
        {
            "input_weights": 4 * 5 * 3,
            "recurrent_weights": 4 * 5 * 5,
            "projection_weights": 5 * 11,
            "bias_weights": 4 * 5,
        },
        60 + 100 + 55,
        5 + 5,
        nonrecurrent_projection=11,
    ),
    _biased(
        "pgru",
        {
            "input_weights": 12 * 3,
            "recurrent_weights": 12 * 2,
            "projection_weights": 5 * 2,
            "bias_weights": 5 + 2 + 5,
        },
        36 + 24 + 10,
        5 + 2,
        recurrent_projection=2,
    ),
    Worked(
        "textbook-pgru-projection-bias",
        network("textbook", "pgru", recurrent_projection=2, projection_bias=True),
        {"input_weights": 12 * 3, "recurrent_weights": 12 * 2, "projection_weights": 5 * 2, "bias_weights": 2},
        36 + 24 + 10,
        5 + 2,
    ),
    _biased(
        "opgru",
        {
            "input_weights": 3 * 5 * 3,
            "recurrent_weights": 2 * 5 * 2,
            "projection_weights": 5 * 2,
            "bias_weights": 3 * 5,
        },
        45 + 20 + 10,
        5 + 2,
        recurrent_projection=2,
    ),
    Worked(
        "textbook-opgru-projection-bias",
        network("textbook", "opgru", recurrent_projection=2, projection_bias=True),
        {"input_weights": 3 * 5 * 3, "recurrent_weights": 2 * 5 * 2, "projection_weights": 5 * 2, "bias_weights": 2},
        45 + 20 + 10,
        5 + 2,
    ),
    _biased("ligru", {"input_weights": 2 * 5 * 3, "recurrent_weights": 2 * 5 * 5, "bias_weights": 2 * 5}, 30 + 50, 5),
    _biased("mgu", {"input_weights": 2 * 5 * 3, "recurrent_weights": 2 * 5 * 5, "bias_weights": 2 * 5}, 30 + 50, 5),
    _biased("janet", {"input_weights": 2 * 5 * 3, "recurrent_weights": 2 * 5 * 5, "bias_weights": 2 * 5}, 30 + 50, 5),
    _biased("sru", {"input_weights": 4 * 5 * 3, "bias_weights": 2 * 5}, 60, 5),
    _biased("qrnn", {"input_weights": 3 * 5 * 3, "bias_weights": 3 * 5}, 45, 5),
    # The first three with both directions and every bias.
    Worked(
        "flax-gru-both-directions",
        network("flax", "gru", bidirectional=True),
        {"input_weights": 2 * 3 * 5 * 3, "recurrent_weights": 2 * 3 * 5 * 5, "bias_weights": 2 * (3 + 1) * 5},
        2 * 3 * 5 * 3 + 2 * 3 * 5 * 5,
        2 * 5,
    ),
    Worked(
        "pytorch-rnn-both-directions",
        network("pytorch", "rnn", layers=2, bidirectional=True),
        {
            "input_weights": 2 * 5 * 3 + 2 * 5 * (2 * 5),
            "recurrent_weights": 2 * 2 * 5 * 5,
            "bias_weights": 2 * 2 * 2 * 5,
        },
        2 * 5 * 3 + 2 * 5 * 10 + 4 * 5 * 5,
        2 * 2 * 5,
    ),
    # LSTM with coupled gates: three gates, two peepholes.
    Worked(
        "textbook-cifg_lstm",
        network("textbook", "cifg_lstm", layers=2, outputs=7),
        {
            "input_weights": 3 * 5 * 3 + 3 * 5 * 5,
            "recurrent_weights": 2 * 3 * 5 * 5,
            "output_weights": 5 * 7,
        },
        3 * 5 * 3 + 3 * 5 * 5 + 2 * 3 * 5 * 5 + 5 * 7,
        2 * (5 + 5),
    ),
    Worked(
        "tensorflow1-cifg_lstm-peepholes-projection",
        network(
            "tensorflow1",
            "cifg_lstm",
            layers=2,
            bidirectional=True,
            peepholes=True,
            recurrent_projection=2,
            outputs=7,
        ),
        {
            "input_weights": 2 * 3 * 5 * 3 + 2 * 3 * 5 * (2 * 2),
            "recurrent_weights": 2 * 2 * 3 * 5 * 2,
            "projection_weights": 2 * 2 * 5 * 2,
            "peephole_weights": 2 * 2 * 2 * 5,
            "bias_weights": 2 * 2 * 3 * 5 + 7,
            "output_weights": 2 * 2 * 7,
        },
        2 * 3 * 5 * 3 + 2 * 3 * 5 * 4 + 4 * 3 * 5 * 2 + 4 * 5 * 2 + 4 * 7,
        2 * 2 * (5 + 2),
    ),
    Worked(
        "tensorflow1-cifg_lstm-tied",
        network("tensorflow1", "cifg_lstm", **(_TIED | {"peepholes": True, "cells": 13, "recurrent_projection": 5})),
        {
            "input_weights": 3 * 13 * 5,
            "recurrent_weights": 3 * 13 * 5,
            "projection_weights": 13 * 5,
            "peephole_weights": 2 * 13,
            "bias_weights": 2 * 3 * 13,
            "embedding_weights": 29 * 5,
        },
        3 * 13 * 5 + 3 * 13 * 5 + 13 * 5 + 5 * 29,
        13 + 5,
    ),
    # Layer normalisation: four gates and the cell, a gain and a shift each.
    Worked(
        "textbook-layer_norm_lstm",
        network("textbook", "layer_norm_lstm", layers=2, outputs=7),
        {
            "input_weights": 4 * 5 * 3 + 4 * 5 * 5,
            "recurrent_weights": 2 * 4 * 5 * 5,
            "output_weights": 5 * 7,
        },
        4 * 5 * 3 + 4 * 5 * 5 + 2 * 4 * 5 * 5 + 5 * 7,
        2 * (5 + 5),
    ),
    Worked(
        "tensorflow1-layer_norm_lstm",
        network("tensorflow1", "layer_norm_lstm"),
        {"input_weights": 4 * 5 * 3, "recurrent_weights": 4 * 5 * 5, "bias_weights": 10 * 5},
        4 * 5 * 3 + 4 * 5 * 5,
        5 + 5,
    ),
    Worked(
        "pytorch-layer_norm_lstm-projection",
        network("pytorch", "layer_norm_lstm", layers=2, bidirectional=True, recurrent_projection=2, outputs=7),
        {
            "input_weights": 2 * 4 * 5 * 3 + 2 * 4 * 5 * (2 * 2),
            "recurrent_weights": 2 * 2 * 4 * 5 * 2,
            "projection_weights": 2 * 2 * 5 * 2,
            "bias_weights": 2 * 2 * (2 * 4 * 5 + 2 * 4 * 5 + 2 * 5) + 7,
            "output_weights": 2 * 2 * 7,
        },
        2 * 4 * 5 * 3 + 2 * 4 * 5 * 4 + 4 * 4 * 5 * 2 + 4 * 5 * 2 + 4 * 7,
        2 * 2 * (5 + 2),
    ),
    Worked(
        "pytorch-layer_norm_lstm-tied",
        network("pytorch", "layer_norm_lstm", **(_TIED | {"bias_vectors": 1, "cells": 13, "recurrent_projection": 5})),
        {
            "input_weights": 4 * 13 * 5,
            "recurrent_weights": 4 * 13 * 5,
            "projection_weights": 13 * 5,
            "bias_weights": 4 * 13 + 2 * 4 * 13 + 2 * 13,
            "embedding_weights": 29 * 5,
        },
        4 * 13 * 5 + 4 * 13 * 5 + 13 * 5 + 5 * 29,
        13 + 5,
    ),
    # The same with the two products normalised each by itself: NeMo with two shifts, Haste with one bias.
    Worked(
        "textbook-split_layer_norm_lstm",
        network("textbook", "split_layer_norm_lstm", layers=2, outputs=7),
        {
            "input_weights": 4 * 5 * 3 + 4 * 5 * 5,
            "recurrent_weights": 2 * 4 * 5 * 5,
            "output_weights": 5 * 7,
        },
        4 * 5 * 3 + 4 * 5 * 5 + 2 * 4 * 5 * 5 + 5 * 7,
        2 * (5 + 5),
    ),
    Worked(
        "tensorflow1-split_layer_norm_lstm",
        network("tensorflow1", "split_layer_norm_lstm"),
        {
            "input_weights": 4 * 5 * 3,
            "recurrent_weights": 4 * 5 * 5,
            "bias_weights": 4 * 5 + 2 * 4 * 5 + 5 + 5,
        },
        4 * 5 * 3 + 4 * 5 * 5,
        5 + 5,
    ),
    Worked(
        "pytorch-split_layer_norm_lstm",
        network("pytorch", "split_layer_norm_lstm", layers=2, bidirectional=True, outputs=7),
        {
            "input_weights": 2 * 4 * 5 * 3 + 2 * 4 * 5 * (2 * 5),
            "recurrent_weights": 2 * 2 * 4 * 5 * 5,
            "bias_weights": 2 * 2 * (2 * 4 * 5 + 2 * 4 * 5 + 2 * 5) + 7,
            "output_weights": 2 * 5 * 7,
        },
        2 * 4 * 5 * 3 + 2 * 4 * 5 * 10 + 4 * 4 * 5 * 5 + 10 * 7,
        2 * 2 * (5 + 5),
    ),
    Worked(
        "tensorflow1-split_layer_norm_lstm-tied",
        network("tensorflow1", "split_layer_norm_lstm", **_TIED),
        {
            "input_weights": 4 * 5 * 5,
            "recurrent_weights": 4 * 5 * 5,
            "bias_weights": 2 * 4 * 5 + 2 * 4 * 5 + 2 * 5,
            "embedding_weights": 29 * 5,
        },
        4 * 5 * 5 + 4 * 5 * 5 + 5 * 29,
        5 + 5,
    ),
    # A bottleneck of 2 in front of the four gates.
    Worked(
        "textbook-lstmb",
        network("textbook", "lstmb", layers=2, bottleneck=2, outputs=7),
        {
            "input_weights": 2 * 3 + 2 * 5,
            "recurrent_weights": 2 * 2 * 5,
            "projection_weights": 2 * 4 * 5 * 2,
            "output_weights": 5 * 7,
        },
        2 * 3 + 2 * 5 + 2 * 2 * 5 + 2 * 4 * 5 * 2 + 5 * 7,
        2 * (5 + 5),
    ),
    Worked(
        "kaldi_nnet3-lstmb",
        network("kaldi_nnet3", "lstmb", layers=2, bidirectional=True, bottleneck=2, outputs=7),
        {
            "input_weights": 2 * 2 * 3 + 2 * 2 * (2 * 5),
            "recurrent_weights": 2 * 2 * 2 * 5,
            "projection_weights": 2 * 2 * 4 * 5 * 2,
            "peephole_weights": 2 * 2 * 3 * 5,
            "bias_weights": 2 * 2 * (4 * 5 + 4 * 5) + 7,
            "output_weights": 2 * 5 * 7,
        },
        2 * 2 * 3 + 2 * 2 * 10 + 4 * 2 * 5 + 4 * 4 * 5 * 2 + 10 * 7,
        2 * 2 * (5 + 5),
    ),
    Worked(
        "kaldi_nnet3-lstmb-tied",
        network("kaldi_nnet3", "lstmb", **(_TIED | {"bottleneck": 11})),
        {
            "input_weights": 11 * 5,
            "recurrent_weights": 11 * 5,
            "projection_weights": 4 * 5 * 11,
            "peephole_weights": 3 * 5,
            "bias_weights": 2 * 4 * 5 + 4 * 5,
            "embedding_weights": 29 * 5,
        },
        11 * 5 + 11 * 5 + 4 * 5 * 11 + 5 * 29,
        5 + 5,
    ),
    # A projection of the joined directions, once a layer, that does not recur.
    Worked(
        "textbook-rnnp",
        network("textbook", "rnnp", layers=2, nonrecurrent_projection=11, outputs=7),
        {
            "input_weights": 4 * 5 * 3 + 4 * 5 * 11,
            "recurrent_weights": 2 * 4 * 5 * 5,
            "projection_weights": 2 * 5 * 11,
            "output_weights": 11 * 7,
        },
        4 * 5 * 3 + 4 * 5 * 11 + 2 * 4 * 5 * 5 + 2 * 5 * 11 + 11 * 7,
        2 * (5 + 5),
    ),
    Worked(
        "pytorch-rnnp",
        network("pytorch", "rnnp", layers=2, bidirectional=True, nonrecurrent_projection=11, outputs=7),
        {
            "input_weights": 2 * 4 * 5 * 3 + 2 * 4 * 5 * 11,
            "recurrent_weights": 2 * 2 * 4 * 5 * 5,
            "projection_weights": 2 * (2 * 5) * 11,
            "bias_weights": 2 * 2 * 2 * 4 * 5 + 2 * 11 + 7,
            "output_weights": 11 * 7,
        },
        2 * 4 * 5 * 3 + 2 * 4 * 5 * 11 + 4 * 4 * 5 * 5 + 2 * 10 * 11 + 11 * 7,
        2 * 2 * (5 + 5),
    ),
    Worked(
        "pytorch-rnnp-summed-directions",
        network("pytorch", "rnnp", bidirectional=True, summed_directions=True, nonrecurrent_projection=11),
        {
            "input_weights": 2 * 4 * 5 * 3,
            "recurrent_weights": 2 * 4 * 5 * 5,
            "projection_weights": 5 * 11,
            "bias_weights": 2 * 2 * 4 * 5 + 11,
        },
        2 * 4 * 5 * 3 + 2 * 4 * 5 * 5 + 5 * 11,
        2 * (5 + 5),
    ),
    Worked(
        "pytorch-rnnp-tied",
        network("pytorch", "rnnp", **(_TIED | {"bias_vectors": 1, "cells": 13, "nonrecurrent_projection": 5})),
        {
            "input_weights": 4 * 13 * 5,
            "recurrent_weights": 4 * 13 * 13,
            "projection_weights": 13 * 5,
            "bias_weights": 4 * 13 + 5,
            "embedding_weights": 29 * 5,
        },
        4 * 13 * 5 + 4 * 13 * 13 + 13 * 5 + 5 * 29,
        13 + 13,
    ),
    Worked(
        "pytorch-rnnp-without-biases",
        network("pytorch", "rnnp", bias_vectors=0, projection_bias=False, nonrecurrent_projection=11),
        {"input_weights": 4 * 5 * 3, "recurrent_weights": 4 * 5 * 5, "projection_weights": 5 * 11},
        4 * 5 * 3 + 4 * 5 * 5 + 5 * 11,
        5 + 5,
    ),
    # Projected GRUs: the reset gate is as wide as the recurrent projection; or there is an output gate instead.
    Worked(
        "textbook-pgru",
        network("textbook", "pgru", layers=2, recurrent_projection=2, nonrecurrent_projection=11, outputs=7),
        {
            "input_weights": (5 + 2 + 5) * 3 + (5 + 2 + 5) * 13,
            "recurrent_weights": 2 * (5 + 2 + 5) * 2,
            "projection_weights": 2 * 5 * 13,
            "output_weights": 13 * 7,
        },
        12 * 3 + 12 * 13 + 2 * 12 * 2 + 2 * 5 * 13 + 13 * 7,
        2 * (5 + 2),
    ),
    Worked(
        "kaldi_nnet3-pgru",
        network(
            "kaldi_nnet3",
            "pgru",
            layers=2,
            cells=17,
            bidirectional=True,
            recurrent_projection=2,
            nonrecurrent_projection=11,
            outputs=7,
        ),
        {
            "input_weights": 2 * (17 + 2 + 17) * 3 + 2 * (17 + 2 + 17) * (2 * 13),
            "recurrent_weights": 2 * 2 * (17 + 2 + 17) * 2,
            "projection_weights": 2 * 2 * 17 * 13,
            "bias_weights": 2 * 2 * (17 + 2 + 17 + 13) + 7,
            "output_weights": 2 * 13 * 7,
        },
        2 * 36 * 3 + 2 * 36 * 26 + 4 * 36 * 2 + 4 * 17 * 13 + 26 * 7,
        2 * 2 * (17 + 2),
    ),
    Worked(
        "kaldi_nnet3-pgru-tied",
        network(
            "kaldi_nnet3", "pgru", **(_TIED | {"cells": 13, "recurrent_projection": 2, "nonrecurrent_projection": 3})
        ),
        {
            "input_weights": (13 + 2 + 13) * 5,
            "recurrent_weights": (13 + 2 + 13) * 2,
            "projection_weights": 13 * 5,
            "bias_weights": 2 * (13 + 2 + 13) + 5,
            "embedding_weights": 29 * 5,
        },
        28 * 5 + 28 * 2 + 13 * 5 + 5 * 29,
        13 + 2,
    ),
    Worked(
        "textbook-pgru-only-the-recurrent-projection-up",
        network(
            "textbook", "pgru", layers=2, recurrent_projection=2, nonrecurrent_projection=11, only_recurrent_up=True
        ),
        {
            "input_weights": (5 + 2 + 5) * 3 + (5 + 2 + 5) * 2,
            "recurrent_weights": 2 * (5 + 2 + 5) * 2,
            "projection_weights": 2 * 5 * 13,
        },
        12 * 3 + 12 * 2 + 2 * 12 * 2 + 2 * 5 * 13,
        2 * (5 + 2),
    ),
    Worked(
        "textbook-opgru",
        network("textbook", "opgru", layers=2, recurrent_projection=2, nonrecurrent_projection=11, outputs=7),
        {
            "input_weights": 3 * 5 * 3 + 3 * 5 * 13,
            "recurrent_weights": 2 * 2 * 5 * 2,
            "projection_weights": 2 * 5 * 13,
            "output_weights": 13 * 7,
        },
        3 * 5 * 3 + 3 * 5 * 13 + 2 * 2 * 5 * 2 + 2 * 5 * 13 + 13 * 7,
        2 * (5 + 2),
    ),
    Worked(
        "kaldi_nnet3-opgru",
        network(
            "kaldi_nnet3",
            "opgru",
            layers=2,
            cells=17,
            bidirectional=True,
            recurrent_projection=2,
            nonrecurrent_projection=11,
            outputs=7,
        ),
        {
            "input_weights": 2 * 3 * 17 * 3 + 2 * 3 * 17 * (2 * 13),
            "recurrent_weights": 2 * 2 * 2 * 17 * 2,
            "projection_weights": 2 * 2 * 17 * 13,
            "peephole_weights": 2 * 2 * 17,
            "bias_weights": 2 * 2 * (3 * 17 + 13) + 7,
            "output_weights": 2 * 13 * 7,
        },
        2 * 3 * 17 * 3 + 2 * 3 * 17 * 26 + 4 * 2 * 17 * 2 + 4 * 17 * 13 + 26 * 7,
        2 * 2 * (17 + 2),
    ),
    Worked(
        "kaldi_nnet3-opgru-tied",
        network(
            "kaldi_nnet3", "opgru", **(_TIED | {"cells": 13, "recurrent_projection": 2, "nonrecurrent_projection": 3})
        ),
        {
            "input_weights": 3 * 13 * 5,
            "recurrent_weights": 2 * 13 * 2,
            "projection_weights": 13 * 5,
            "peephole_weights": 13,
            "bias_weights": 2 * 3 * 13 + 5,
            "embedding_weights": 29 * 5,
        },
        3 * 13 * 5 + 2 * 13 * 2 + 13 * 5 + 5 * 29,
        13 + 2,
    ),
    Worked(
        "textbook-opgru-only-the-recurrent-projection-up",
        network(
            "textbook", "opgru", layers=2, recurrent_projection=2, nonrecurrent_projection=11, only_recurrent_up=True
        ),
        {
            "input_weights": 3 * 5 * 3 + 3 * 5 * 2,
            "recurrent_weights": 2 * 2 * 5 * 2,
            "projection_weights": 2 * 5 * 13,
        },
        3 * 5 * 3 + 3 * 5 * 2 + 2 * 2 * 5 * 2 + 2 * 5 * 13,
        2 * (5 + 2),
    ),
    # Two gates; both directions share the weights, and multiply with them.
    Worked(
        "textbook-ligru",
        network("textbook", "ligru", layers=2, outputs=7),
        {"input_weights": 2 * 5 * 3 + 2 * 5 * 5, "recurrent_weights": 2 * 2 * 5 * 5, "output_weights": 5 * 7},
        2 * 5 * 3 + 2 * 5 * 5 + 2 * 2 * 5 * 5 + 5 * 7,
        2 * 5,
    ),
    Worked(
        "pytorch-ligru",
        network("pytorch", "ligru", layers=2, bidirectional=True, outputs=7),
        {
            "input_weights": 2 * 5 * 3 + 2 * 5 * (2 * 5),
            "recurrent_weights": 2 * 2 * 5 * 5,
            "bias_weights": 2 * (2 * 5 + 2 * 5) + 7,
            "output_weights": 2 * 5 * 7,
        },
        2 * (2 * 5 * 3 + 2 * 5 * 10 + 2 * 2 * 5 * 5) + 10 * 7,
        2 * 2 * 5,
    ),
    Worked(
        "pytorch-ligru-tied",
        network("pytorch", "ligru", **_TIED),
        {
            "input_weights": 2 * 5 * 5,
            "recurrent_weights": 2 * 5 * 5,
            "bias_weights": 2 * 2 * 5 + 2 * 5,
            "embedding_weights": 29 * 5,
        },
        2 * 5 * 5 + 2 * 5 * 5 + 5 * 29,
        5,
    ),
    # One gate and the candidate.
    Worked(
        "textbook-mgu",
        network("textbook", "mgu", layers=2, outputs=7),
        {"input_weights": 2 * 5 * 3 + 2 * 5 * 5, "recurrent_weights": 2 * 2 * 5 * 5, "output_weights": 5 * 7},
        2 * 5 * 3 + 2 * 5 * 5 + 2 * 2 * 5 * 5 + 5 * 7,
        2 * 5,
    ),
    Worked(
        "flax-mgu",
        network("flax", "mgu", layers=2, bidirectional=True, outputs=7),
        {
            "input_weights": 2 * 2 * 5 * 3 + 2 * 2 * 5 * (2 * 5),
            "recurrent_weights": 2 * 2 * 2 * 5 * 5,
            "bias_weights": 2 * 2 * (2 + 1) * 5 + 7,
            "output_weights": 2 * 5 * 7,
        },
        2 * 2 * 5 * 3 + 2 * 2 * 5 * 10 + 4 * 2 * 5 * 5 + 10 * 7,
        2 * 2 * 5,
    ),
    Worked(
        "flax-mgu-tied",
        network("flax", "mgu", **(_TIED | {"bias_vectors": None})),
        {
            "input_weights": 2 * 5 * 5,
            "recurrent_weights": 2 * 5 * 5,
            "bias_weights": (2 + 1) * 5,
            "embedding_weights": 29 * 5,
        },
        2 * 5 * 5 + 2 * 5 * 5 + 5 * 29,
        5,
    ),
    Worked(
        "flax-mgu-with-bias-vectors-said",
        network("flax", "mgu", bias_vectors=2),
        {"input_weights": 2 * 5 * 3, "recurrent_weights": 2 * 5 * 5, "bias_weights": 2 * 2 * 5},
        2 * 5 * 3 + 2 * 5 * 5,
        5,
    ),
    # A forget gate and the candidate; what is carried is the cells alone.
    Worked(
        "textbook-janet",
        network("textbook", "janet", layers=2, outputs=7),
        {"input_weights": 2 * 5 * 3 + 2 * 5 * 5, "recurrent_weights": 2 * 2 * 5 * 5, "output_weights": 5 * 7},
        2 * 5 * 3 + 2 * 5 * 5 + 2 * 2 * 5 * 5 + 5 * 7,
        2 * 5,
    ),
    Worked(
        "tensorflow1-janet",
        network("tensorflow1", "janet", layers=2, bidirectional=True, outputs=7),
        {
            "input_weights": 2 * 2 * 5 * 3 + 2 * 2 * 5 * (2 * 5),
            "recurrent_weights": 2 * 2 * 2 * 5 * 5,
            "bias_weights": 2 * 2 * 2 * 5 + 7,
            "output_weights": 2 * 5 * 7,
        },
        2 * 2 * 5 * 3 + 2 * 2 * 5 * 10 + 4 * 2 * 5 * 5 + 10 * 7,
        2 * 2 * 5,
    ),
    Worked(
        "tensorflow1-janet-tied",
        network("tensorflow1", "janet", **(_TIED | {"bias_vectors": None})),
        {
            "input_weights": 2 * 5 * 5,
            "recurrent_weights": 2 * 5 * 5,
            "bias_weights": 2 * 5,
            "embedding_weights": 29 * 5,
        },
        2 * 5 * 5 + 2 * 5 * 5 + 5 * 29,
        5,
    ),
    # A fourth matrix where the layer is not as wide as what feeds it.
    Worked(
        "textbook-sru",
        network("textbook", "sru", layers=2, outputs=7),
        {"input_weights": 4 * 5 * 3 + 3 * 5 * 5, "output_weights": 5 * 7},
        4 * 5 * 3 + 3 * 5 * 5 + 5 * 7,
        2 * 5,
    ),
    Worked(
        "pytorch-sru",
        network("pytorch", "sru", layers=3, bidirectional=True, outputs=7),
        {
            "input_weights": 2 * 4 * 5 * 3 + 2 * 2 * 3 * 5 * (2 * 5),
            "peephole_weights": 3 * 2 * 2 * 5,
            "bias_weights": 3 * 2 * 2 * 5 + 7,
            "output_weights": 2 * 5 * 7,
        },
        2 * 4 * 5 * 3 + 4 * 3 * 5 * 10 + 10 * 7,
        3 * 2 * 5,
    ),
    Worked(
        "pytorch-sru-both-directions-as-wide-as-the-input",
        network("pytorch", "sru", inputs=10, bidirectional=True),
        {"input_weights": 2 * 3 * 5 * 10, "peephole_weights": 2 * 2 * 5, "bias_weights": 2 * 2 * 5},
        2 * 3 * 5 * 10,
        2 * 5,
    ),
    Worked(
        "pytorch-sru-tied",
        network("pytorch", "sru", **_TIED),
        {
            "input_weights": 3 * 5 * 5,
            "peephole_weights": 2 * 5,
            "bias_weights": 2 * 2 * 5,
            "embedding_weights": 29 * 5,
        },
        3 * 5 * 5 + 5 * 29,
        5,
    ),
    Worked(
        "pytorch-sru-tied-two-layers-fed-by-skips",
        network("pytorch", "sru", **(_TIED | {"layers": 2, "skip_connections": True, "embedding": 10})),
        {
            "input_weights": 4 * 5 * 10 + 4 * 5 * (5 + 10),
            "peephole_weights": 2 * 2 * 5,
            "bias_weights": 2 * 2 * 2 * 5,
            "embedding_weights": 29 * 10,
        },
        4 * 5 * 10 + 4 * 5 * 15 + 10 * 29,
        2 * 5,
    ),
    # A convolution over the window; nothing recurs but by gating.
    Worked(
        "textbook-qrnn",
        network("textbook", "qrnn", layers=2, window=2, outputs=7),
        {"input_weights": 3 * 5 * 2 * 3 + 3 * 5 * 2 * 5, "output_weights": 5 * 7},
        3 * 5 * 2 * 3 + 3 * 5 * 2 * 5 + 5 * 7,
        2 * 5,
    ),
    Worked(
        "pytorch-qrnn",
        network("pytorch", "qrnn", layers=2, bidirectional=True, outputs=7),
        {
            "input_weights": 2 * 3 * 5 * 3 + 2 * 3 * 5 * (2 * 5),
            "bias_weights": 2 * 2 * 3 * 5 + 7,
            "output_weights": 2 * 5 * 7,
        },
        2 * 3 * 5 * 3 + 2 * 3 * 5 * 10 + 10 * 7,
        2 * 2 * 5,
    ),
    Worked(
        "pytorch-qrnn-tied",
        network("pytorch", "qrnn", **(_TIED | {"window": 11})),
        {"input_weights": 3 * 5 * 11 * 5, "bias_weights": 2 * 3 * 5, "embedding_weights": 29 * 5},
        3 * 5 * 11 * 5 + 5 * 29,
        5,
    ),
)

_ASKED: dict[str, Any] = {
    "peepholes": True,
    "recurrent_projection": 2,
    "nonrecurrent_projection": 2,
    "only_recurrent_up": True,
    "bottleneck": 2,
    "window": 2,
    "projection_bias": True,
}
_NOT_THERE = {"lstm": ["bottleneck", "window"], "gru": ["bottleneck", "window"], "rnn": ["bottleneck", "window"]}
_CONVENTIONS = (
    *("textbook", "sak2014", "graves2013", "pytorch", "keras"),
    *("tensorflow1", "kaldi_nnet3", "kaldi_nnet1", "flax", "back_of_envelope"),
)

_OWN: dict[str, Any] = {
    "mine": {
        "tensors": {
            "input_weights": [3, "cells", "input"],
            "recurrent_weights": [3, "cells", "recurrent"],
            "bias": ["bias_vectors", 3, "cells"],
            "gain": {"shape": ["cells"], "part": "bias_weights", "when": "vectors"},
        },
        "recurs": "cells",
        "hands_up": "cells",
    }
}
"""A cell that a person defines: three gates, and a gain where vectors are counted."""
_VECTORS_OF_AN_LSTM = {
    **{"textbook": 0, "sak2014": 0, "graves2013": 1, "pytorch": 2, "keras": 1},
    **{"tensorflow1": 1, "kaldi_nnet3": 1, "kaldi_nnet1": 1, "flax": 1},
}

WORKED_OWN_CELLS = tuple(
    Worked(
        f"{convention}-a-cell-of-ones-own",
        network(convention, "mine", layers=2, cell_types=_OWN),
        {
            "input_weights": 3 * 5 * 3 + 3 * 5 * 5,
            "recurrent_weights": 2 * 3 * 5 * 5,
            "bias_weights": 2 * (vectors * 3 * 5 + (5 if convention != "textbook" else 0)),
        },
        3 * 5 * 3 + 3 * 5 * 5 + 2 * 3 * 5 * 5,
        2 * 5,
    )
    for convention, vectors in _VECTORS_OF_AN_LSTM.items()
)

REFUSED_OWN_CELLS = (
    Refused(network("back_of_envelope", "mine", cell_types=_OWN), "cell_type", "back_of_envelope has no mine"),
    Refused(network("pytorch", "mine", cell_types=_OWN, window=2), "window", "mine has no window"),
    Refused(network("pytorch", "mine", cell_types=_OWN, peepholes=True), "peepholes", "mine has no peepholes"),
)

REFUSED_CELLS = (
    Refused(network("back_of_envelope", "lstm", bottleneck=2), "bottleneck", "lstm has no bottleneck"),
    Refused(network("back_of_envelope", "lstm", window=2), "window", "lstm has no window"),
    *(
        Refused(network(convention, cell_type), "cell_type", f"{convention} has no {cell_type}")
        for convention in _CONVENTIONS
        for cell_type in HAS
        if cell_type not in BIAS_VECTORS.get(convention, {})
    ),
    *(
        Refused(network("textbook", cell_type, **{name: _ASKED[name]}), name, f"{cell_type} has no {name}")
        for cell_type, names in (_NOT_THERE | {cell: [n for n in _ASKED if n not in HAS[cell]] for cell in HAS}).items()
        for name in names
    ),
    *(
        Refused(network("textbook", cell_type), needed, f"{cell_type} needs a {needed}")
        for cell_type, needed in NEEDS.items()
    ),
    # A convention may hold a cell to more than others do.
    Refused(
        network("tensorflow1", "layer_norm_lstm", recurrent_projection=2),
        "recurrent_projection",
        "layer_norm_lstm has no recurrent_projection",
    ),
    Refused(
        network("pytorch", "layer_norm_lstm", recurrent_projection=5),
        "recurrent_projection",
        "pytorch needs recurrent_projection < cells",
    ),
    Refused(
        network("tensorflow1", "cifg_lstm", nonrecurrent_projection=2),
        "nonrecurrent_projection",
        "tensorflow1 has no nonrecurrent_projection",
    ),
    Refused(
        network("kaldi_nnet3", "pgru", recurrent_projection=2),
        "nonrecurrent_projection",
        "kaldi_nnet3 needs a nonrecurrent_projection beside a recurrent_projection",
    ),
    Refused(
        network("kaldi_nnet3", "opgru", recurrent_projection=3, nonrecurrent_projection=3),
        "recurrent_projection",
        "kaldi_nnet3 needs recurrent_projection + nonrecurrent_projection <= cells",
    ),
    Refused(
        network("kaldi_nnet3", "lstmb", bottleneck=2, peepholes=False),
        "peepholes",
        "kaldi_nnet3 always has peepholes",
    ),
)

ACCEPTED_CELLS = (
    network("pytorch", "layer_norm_lstm", recurrent_projection=4),
    network("kaldi_nnet3", "pgru", recurrent_projection=2, nonrecurrent_projection=3),
    network("kaldi_nnet3", "opgru", recurrent_projection=2, nonrecurrent_projection=3),
    network("textbook", "opgru", recurrent_projection=9),
    network("kaldi_nnet3", "lstmb", bottleneck=9, peepholes=True),
    network("pytorch", "sru", window=1, bottleneck=0, peepholes=False, projection_bias=False),
)
