"""Small networks multiplied out by hand: every part, the multiply-accumulates and the state; and what is refused.

Each product is written with its factors, so that it can be checked against a drawing of the network without running
anything. The networks are chosen so that two dimensions are never equal by accident.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Worked:
    """A network and its count by hand; parts that are left out are 0."""

    name: str
    network: dict[str, Any]
    parts: dict[str, int]
    macs_per_step: int
    state_size: int


@dataclass(frozen=True)
class Refused:
    """A network that is refused, with the field and the reason that are given."""

    network: dict[str, Any]
    field: str
    reason: str


def network(convention: str, cell_type: str, **fields: Any) -> dict[str, Any]:
    return {"convention": convention, "cell_type": cell_type, "inputs": 3, "layers": 1, "cells": 5} | fields


def _one_layer(convention: str, cell_type: str, gates: int, biases: int, outputs_biased: int) -> Worked:
    """3 inputs, one layer of 5 cells, 7 outputs; `biases` is what one cell has in all."""
    bias = biases * 5 + 7 * outputs_biased
    return Worked(
        f"{convention}-{cell_type}",
        network(convention, cell_type, outputs=7, peepholes=False),
        {
            "input_weights": gates * 5 * 3,
            "recurrent_weights": gates * 5 * 5,
            "bias_weights": bias,
            "output_weights": 5 * 7,
        },
        gates * 5 * 3 + gates * 5 * 5 + 5 * 7,
        5 + 5 if cell_type == "lstm" else 5,
    )


WORKED = (
    # One plain layer under every convention that has the cell: gates, biases per cell (4 gates x 2 vectors = 8 ...), output bias.
    _one_layer("textbook", "lstm", 4, 0, 0),
    _one_layer("textbook", "gru", 3, 0, 0),
    _one_layer("textbook", "rnn", 1, 0, 0),
    _one_layer("sak2014", "lstm", 4, 0, 0),
    _one_layer("sak2014", "gru", 3, 0, 0),
    _one_layer("sak2014", "rnn", 1, 0, 0),
    _one_layer("graves2013", "lstm", 4, 4, 1),
    _one_layer("graves2013", "gru", 3, 3, 1),
    _one_layer("graves2013", "rnn", 1, 1, 1),
    _one_layer("pytorch", "lstm", 4, 8, 1),
    _one_layer("pytorch", "gru", 3, 6, 1),
    _one_layer("pytorch", "rnn", 1, 2, 1),
    _one_layer("keras", "lstm", 4, 4, 1),
    _one_layer("keras", "gru", 3, 6, 1),
    _one_layer("keras", "rnn", 1, 1, 1),
    _one_layer("tensorflow1", "lstm", 4, 4, 1),
    _one_layer("tensorflow1", "gru", 3, 3, 1),
    _one_layer("tensorflow1", "rnn", 1, 1, 1),
    _one_layer("kaldi_nnet3", "gru", 3, 3, 1),
    _one_layer("flax", "lstm", 4, 4, 1),
    _one_layer("flax", "gru", 3, 4, 1),
    _one_layer("flax", "rnn", 1, 1, 1),
    # Peepholes: by default, always, if asked, and never for a cell that has none.
    Worked(
        "sak2014-peepholes-by-default",
        network("sak2014", "lstm"),
        {"input_weights": 4 * 5 * 3, "recurrent_weights": 4 * 5 * 5, "peephole_weights": 3 * 5},
        4 * 5 * 3 + 4 * 5 * 5,
        10,
    ),
    Worked(
        "graves2013-peepholes-by-default",
        network("graves2013", "lstm"),
        {
            "input_weights": 4 * 5 * 3,
            "recurrent_weights": 4 * 5 * 5,
            "bias_weights": 4 * 5,
            "peephole_weights": 3 * 5,
        },
        4 * 5 * 3 + 4 * 5 * 5,
        10,
    ),
    Worked(
        "textbook-no-peepholes-unless-asked",
        network("textbook", "lstm"),
        {"input_weights": 4 * 5 * 3, "recurrent_weights": 4 * 5 * 5},
        4 * 5 * 3 + 4 * 5 * 5,
        10,
    ),
    Worked(
        "textbook-peepholes-asked",
        network("textbook", "lstm", peepholes=True),
        {"input_weights": 4 * 5 * 3, "recurrent_weights": 4 * 5 * 5, "peephole_weights": 3 * 5},
        4 * 5 * 3 + 4 * 5 * 5,
        10,
    ),
    Worked(
        "tensorflow1-no-peepholes-unless-asked",
        network("tensorflow1", "lstm"),
        {"input_weights": 4 * 5 * 3, "recurrent_weights": 4 * 5 * 5, "bias_weights": 4 * 5},
        4 * 5 * 3 + 4 * 5 * 5,
        10,
    ),
    Worked(
        "tensorflow1-peepholes-projection",
        network("tensorflow1", "lstm", peepholes=True, recurrent_projection=2, outputs=7),
        {
            "input_weights": 4 * 5 * 3,
            "recurrent_weights": 4 * 5 * 2,
            "projection_weights": 5 * 2,
            "bias_weights": 4 * 5 + 7,
            "peephole_weights": 3 * 5,
            "output_weights": 2 * 7,
        },
        4 * 5 * 3 + 4 * 5 * 2 + 5 * 2 + 2 * 7,
        5 + 2,
    ),
    Worked(
        "pytorch-never-peepholes",
        network("pytorch", "lstm"),
        {"input_weights": 4 * 5 * 3, "recurrent_weights": 4 * 5 * 5, "bias_weights": 2 * 4 * 5},
        4 * 5 * 3 + 4 * 5 * 5,
        10,
    ),
    Worked(
        "keras-never-peepholes",
        network("keras", "lstm"),
        {"input_weights": 4 * 5 * 3, "recurrent_weights": 4 * 5 * 5, "bias_weights": 4 * 5},
        4 * 5 * 3 + 4 * 5 * 5,
        10,
    ),
    Worked(
        "flax-never-peepholes",
        network("flax", "lstm"),
        {"input_weights": 4 * 5 * 3, "recurrent_weights": 4 * 5 * 5, "bias_weights": 4 * 5},
        4 * 5 * 3 + 4 * 5 * 5,
        10,
    ),
    # Projections: what recurs is r, what is handed up is r + p.
    Worked(
        "textbook-recurrent-and-nonrecurrent-projection",
        network("textbook", "lstm", layers=3, recurrent_projection=2, nonrecurrent_projection=11, outputs=7),
        {
            "input_weights": 4 * 5 * 3 + 2 * 4 * 5 * 13,
            "recurrent_weights": 3 * 4 * 5 * 2,
            "projection_weights": 3 * 5 * 13,
            "output_weights": 13 * 7,
        },
        4 * 5 * 3 + 2 * 4 * 5 * 13 + 3 * 4 * 5 * 2 + 3 * 5 * 13 + 13 * 7,
        3 * (5 + 2),
    ),
    Worked(
        "graves2013-nonrecurrent-projection-only-cells-recur",
        network("graves2013", "lstm", layers=2, nonrecurrent_projection=11, peepholes=False, output_bias=False),
        {
            "input_weights": 4 * 5 * 3 + 4 * 5 * 11,
            "recurrent_weights": 2 * 4 * 5 * 5,
            "projection_weights": 2 * 5 * 11,
            "bias_weights": 2 * 4 * 5,
        },
        4 * 5 * 3 + 4 * 5 * 11 + 2 * 4 * 5 * 5 + 2 * 5 * 11,
        2 * (5 + 5),
    ),
    Worked(
        "sak2014-projection-has-no-bias",
        network("sak2014", "lstm", recurrent_projection=2, outputs=7),
        {
            "input_weights": 4 * 5 * 3,
            "recurrent_weights": 4 * 5 * 2,
            "projection_weights": 5 * 2,
            "peephole_weights": 3 * 5,
            "output_weights": 2 * 7,
        },
        4 * 5 * 3 + 4 * 5 * 2 + 5 * 2 + 2 * 7,
        5 + 2,
    ),
    Worked(
        "graves2013-projection-has-no-bias",
        network("graves2013", "lstm", recurrent_projection=2),
        {
            "input_weights": 4 * 5 * 3,
            "recurrent_weights": 4 * 5 * 2,
            "projection_weights": 5 * 2,
            "peephole_weights": 3 * 5,
            "bias_weights": 4 * 5,
        },
        4 * 5 * 3 + 4 * 5 * 2 + 5 * 2,
        5 + 2,
    ),
    Worked(
        "pytorch-bidirectional-projection",
        network("pytorch", "lstm", layers=2, bidirectional=True, recurrent_projection=2, outputs=7),
        {
            "input_weights": 2 * 4 * 5 * 3 + 2 * 4 * 5 * (2 * 2),
            "recurrent_weights": 2 * 2 * 4 * 5 * 2,
            "projection_weights": 2 * 2 * 5 * 2,
            "bias_weights": 2 * 2 * 2 * 4 * 5 + 7,
            "output_weights": (2 * 2) * 7,
        },
        2 * 4 * 5 * 3 + 2 * 4 * 5 * 4 + 2 * 2 * 4 * 5 * 2 + 2 * 2 * 5 * 2 + 4 * 7,
        2 * 2 * (5 + 2),
    ),
    Worked(
        "kaldi_nnet3-no-projection-no-projection-bias",
        network("kaldi_nnet3", "lstm", outputs=7),
        {
            "input_weights": 4 * 5 * 3,
            "recurrent_weights": 4 * 5 * 5,
            "bias_weights": 4 * 5 + 7,
            "peephole_weights": 3 * 5,
            "output_weights": 5 * 7,
        },
        4 * 5 * 3 + 4 * 5 * 5 + 5 * 7,
        10,
    ),
    Worked(
        "kaldi_nnet3-projections-have-a-bias",
        network("kaldi_nnet3", "lstm", cells=17, recurrent_projection=2, nonrecurrent_projection=11),
        {
            "input_weights": 4 * 17 * 3,
            "recurrent_weights": 4 * 17 * 2,
            "projection_weights": 17 * 13,
            "bias_weights": 4 * 17 + 13,
            "peephole_weights": 3 * 17,
        },
        4 * 17 * 3 + 4 * 17 * 2 + 17 * 13,
        17 + 2,
    ),
    Worked(
        "kaldi_nnet1-projection-has-no-bias",
        network("kaldi_nnet1", "lstm", recurrent_projection=2, outputs=7),
        {
            "input_weights": 4 * 5 * 3,
            "recurrent_weights": 4 * 5 * 2,
            "projection_weights": 5 * 2,
            "bias_weights": 4 * 5 + 7,
            "peephole_weights": 3 * 5,
            "output_weights": 2 * 7,
        },
        4 * 5 * 3 + 4 * 5 * 2 + 5 * 2 + 2 * 7,
        5 + 2,
    ),
    Worked(
        "tensorflow1-projection-as-wide-as-the-cells",
        network("tensorflow1", "lstm", recurrent_projection=5),
        {
            "input_weights": 4 * 5 * 3,
            "recurrent_weights": 4 * 5 * 5,
            "projection_weights": 5 * 5,
            "bias_weights": 4 * 5,
        },
        4 * 5 * 3 + 4 * 5 * 5 + 5 * 5,
        10,
    ),
    # Overrides.
    Worked(
        "keras-gru-without-reset-after",
        network("keras", "gru", bias_vectors=1),
        {"input_weights": 3 * 5 * 3, "recurrent_weights": 3 * 5 * 5, "bias_weights": 3 * 5},
        3 * 5 * 3 + 3 * 5 * 5,
        5,
    ),
    Worked(
        "flax-gru-with-bias-vectors-said",
        network("flax", "gru", bias_vectors=2),
        {"input_weights": 3 * 5 * 3, "recurrent_weights": 3 * 5 * 5, "bias_weights": 2 * 3 * 5},
        3 * 5 * 3 + 3 * 5 * 5,
        5,
    ),
    Worked(
        "pytorch-bias-false",
        network("pytorch", "rnn", bias_vectors=0, output_bias=False, outputs=7),
        {"input_weights": 5 * 3, "recurrent_weights": 5 * 5, "output_weights": 5 * 7},
        5 * 3 + 5 * 5 + 5 * 7,
        5,
    ),
    Worked(
        "textbook-every-bias-asked",
        network(
            "textbook",
            "lstm",
            bias_vectors=1,
            projection_bias=True,
            output_bias=True,
            recurrent_projection=2,
            outputs=7,
        ),
        {
            "input_weights": 4 * 5 * 3,
            "recurrent_weights": 4 * 5 * 2,
            "projection_weights": 5 * 2,
            "bias_weights": 4 * 5 + 2 + 7,
            "output_weights": 2 * 7,
        },
        4 * 5 * 3 + 4 * 5 * 2 + 5 * 2 + 2 * 7,
        5 + 2,
    ),
    Worked(
        "kaldi_nnet3-projection-bias-declined",
        network(
            "kaldi_nnet3",
            "lstm",
            cells=17,
            recurrent_projection=2,
            nonrecurrent_projection=11,
            projection_bias=False,
            bias_vectors=0,
        ),
        {
            "input_weights": 4 * 17 * 3,
            "recurrent_weights": 4 * 17 * 2,
            "projection_weights": 17 * 13,
            "peephole_weights": 3 * 17,
        },
        4 * 17 * 3 + 4 * 17 * 2 + 17 * 13,
        17 + 2,
    ),
    # Wiring: bidirectional, skip connections, both, widths per layer.
    Worked(
        "keras-bidirectional-gru-two-layers",
        network("keras", "gru", layers=2, bidirectional=True, outputs=7),
        {
            "input_weights": 2 * 3 * 5 * 3 + 2 * 3 * 5 * (2 * 5),
            "recurrent_weights": 2 * 2 * 3 * 5 * 5,
            "bias_weights": 2 * 2 * 2 * 3 * 5 + 7,
            "output_weights": 2 * 5 * 7,
        },
        2 * 3 * 5 * 3 + 2 * 3 * 5 * 10 + 2 * 2 * 3 * 5 * 5 + 10 * 7,
        2 * 2 * 5,
    ),
    Worked(
        "textbook-skip-connections-three-rnn-layers",
        network("textbook", "rnn", layers=3, skip_connections=True, outputs=7),
        {
            "input_weights": 5 * 3 + 2 * 5 * (5 + 3),
            "recurrent_weights": 3 * 5 * 5,
            "output_weights": 3 * 5 * 7,
        },
        5 * 3 + 2 * 5 * 8 + 3 * 5 * 5 + 3 * 5 * 7,
        3 * 5,
    ),
    Worked(
        "textbook-skip-connections-bidirectional-projected",
        network(
            "textbook",
            "lstm",
            layers=2,
            skip_connections=True,
            bidirectional=True,
            recurrent_projection=2,
            nonrecurrent_projection=11,
            outputs=7,
        ),
        {
            "input_weights": 2 * 4 * 5 * 3 + 2 * 4 * 5 * (2 * 13 + 3),
            "recurrent_weights": 2 * 2 * 4 * 5 * 2,
            "projection_weights": 2 * 2 * 5 * 13,
            "output_weights": 2 * 2 * 13 * 7,
        },
        2 * 4 * 5 * 3 + 2 * 4 * 5 * 29 + 2 * 2 * 4 * 5 * 2 + 2 * 2 * 5 * 13 + 52 * 7,
        2 * 2 * (5 + 2),
    ),
    Worked(
        "textbook-lstm-widths-per-layer",
        network("textbook", "lstm", layers=3, cells=[5, 13, 2], outputs=7),
        {
            "input_weights": 4 * 5 * 3 + 4 * 13 * 5 + 4 * 2 * 13,
            "recurrent_weights": 4 * 5 * 5 + 4 * 13 * 13 + 4 * 2 * 2,
            "output_weights": 2 * 7,
        },
        4 * 5 * 3 + 4 * 13 * 5 + 4 * 2 * 13 + 4 * 5 * 5 + 4 * 13 * 13 + 4 * 2 * 2 + 2 * 7,
        2 * (5 + 13 + 2),
    ),
    Worked(
        "sak2014-projections-per-layer-skips-bidirectional",
        network(
            "sak2014",
            "lstm",
            layers=2,
            cells=[5, 13],
            recurrent_projection=[0, 2],
            nonrecurrent_projection=[0, 11],
            skip_connections=True,
            bidirectional=True,
            peepholes=False,
            outputs=7,
        ),
        {
            "input_weights": 2 * 4 * 5 * 3 + 2 * 4 * 13 * (2 * 5 + 3),
            "recurrent_weights": 2 * 4 * 5 * 5 + 2 * 4 * 13 * 2,
            "projection_weights": 2 * 13 * (2 + 11),
            "output_weights": (2 * 5 + 2 * 13) * 7,
        },
        2 * 4 * 5 * 3 + 2 * 4 * 13 * 13 + 2 * 4 * 5 * 5 + 2 * 4 * 13 * 2 + 2 * 13 * 13 + 36 * 7,
        2 * (5 + 5) + 2 * (13 + 2),
    ),
    Worked(
        "textbook-summed-directions",
        network("textbook", "gru", layers=2, bidirectional=True, summed_directions=True, outputs=7),
        {
            "input_weights": 2 * 3 * 5 * 3 + 2 * 3 * 5 * 5,
            "recurrent_weights": 2 * 2 * 3 * 5 * 5,
            "output_weights": 5 * 7,
        },
        2 * 3 * 5 * 3 + 2 * 3 * 5 * 5 + 2 * 2 * 3 * 5 * 5 + 5 * 7,
        2 * 2 * 5,
    ),
    Worked(
        "sak2014-only-the-recurrent-projection-up",
        network(
            "sak2014",
            "lstm",
            layers=2,
            recurrent_projection=2,
            nonrecurrent_projection=11,
            only_recurrent_up=True,
            peepholes=False,
            outputs=7,
        ),
        {
            "input_weights": 4 * 5 * 3 + 4 * 5 * 2,
            "recurrent_weights": 2 * 4 * 5 * 2,
            "projection_weights": 2 * 5 * 13,
            "output_weights": 13 * 7,
        },
        4 * 5 * 3 + 4 * 5 * 2 + 2 * 4 * 5 * 2 + 2 * 5 * 13 + 13 * 7,
        2 * (5 + 2),
    ),
    Worked(
        "textbook-only-the-recurrent-projection-up-with-skips-and-directions",
        network(
            "textbook",
            "lstm",
            layers=2,
            recurrent_projection=2,
            nonrecurrent_projection=11,
            only_recurrent_up=True,
            bidirectional=True,
            skip_connections=True,
            outputs=7,
        ),
        {
            "input_weights": 2 * 4 * 5 * 3 + 2 * 4 * 5 * (2 * 2 + 3),
            "recurrent_weights": 2 * 2 * 4 * 5 * 2,
            "projection_weights": 2 * 2 * 5 * 13,
            "output_weights": 2 * 2 * 13 * 7,
        },
        2 * 4 * 5 * 3 + 2 * 4 * 5 * 7 + 2 * 2 * 4 * 5 * 2 + 2 * 2 * 5 * 13 + 52 * 7,
        2 * 2 * (5 + 2),
    ),
    # Around the layers: embedding, tied or not, other weights.
    Worked(
        "pytorch-embedding",
        network("pytorch", "rnn", inputs=0, vocabulary=29, embedding=11, outputs=7, other_weights=1009),
        {
            "input_weights": 5 * 11,
            "recurrent_weights": 5 * 5,
            "bias_weights": 2 * 5 + 7,
            "output_weights": 5 * 7,
            "embedding_weights": 29 * 11,
            "other_weights": 1009,
        },
        5 * 11 + 5 * 5 + 5 * 7,
        5,
    ),
    Worked(
        "keras-tied-embedding-adds-no-weights-but-its-macs",
        network("keras", "gru", inputs=0, vocabulary=29, embedding=5, outputs=29, tied_embedding=True),
        {
            "input_weights": 3 * 5 * 5,
            "recurrent_weights": 3 * 5 * 5,
            "bias_weights": 2 * 3 * 5 + 29,
            "embedding_weights": 29 * 5,
        },
        3 * 5 * 5 + 3 * 5 * 5 + 5 * 29,
        5,
    ),
    Worked(
        "tensorflow1-tied-embedding-through-a-projection",
        network(
            "tensorflow1",
            "lstm",
            inputs=0,
            cells=13,
            recurrent_projection=5,
            vocabulary=29,
            embedding=5,
            outputs=29,
            tied_embedding=True,
        ),
        {
            "input_weights": 4 * 13 * 5,
            "recurrent_weights": 4 * 13 * 5,
            "projection_weights": 13 * 5,
            "bias_weights": 4 * 13 + 29,
            "embedding_weights": 29 * 5,
        },
        4 * 13 * 5 + 4 * 13 * 5 + 13 * 5 + 5 * 29,
        13 + 5,
    ),
    Worked(
        "textbook-tied-embedding-shares-the-output-matrix-only",
        network(
            "textbook",
            "lstm",
            inputs=0,
            cells=13,
            recurrent_projection=2,
            nonrecurrent_projection=3,
            peepholes=True,
            bias_vectors=1,
            projection_bias=True,
            vocabulary=29,
            embedding=5,
            outputs=29,
            tied_embedding=True,
            other_weights=1009,
        ),
        {
            "input_weights": 4 * 13 * 5,
            "recurrent_weights": 4 * 13 * 2,
            "projection_weights": 13 * 5,
            "bias_weights": 4 * 13 + 5,
            "peephole_weights": 3 * 13,
            "embedding_weights": 29 * 5,
            "other_weights": 1009,
        },
        4 * 13 * 5 + 4 * 13 * 2 + 13 * 5 + 5 * 29,
        13 + 2,
    ),
    Worked(
        "flax-gru-tied-embedding-without-output-bias",
        network(
            "flax", "gru", inputs=0, vocabulary=29, embedding=5, outputs=29, tied_embedding=True, output_bias=False
        ),
        {
            "input_weights": 3 * 5 * 5,
            "recurrent_weights": 3 * 5 * 5,
            "bias_weights": (3 + 1) * 5,
            "embedding_weights": 29 * 5,
        },
        3 * 5 * 5 + 3 * 5 * 5 + 5 * 29,
        5,
    ),
    Worked(
        "pytorch-gru-without-output-bias",
        network("pytorch", "gru", outputs=7, output_bias=False),
        {
            "input_weights": 3 * 5 * 3,
            "recurrent_weights": 3 * 5 * 5,
            "bias_weights": 2 * 3 * 5,
            "output_weights": 5 * 7,
        },
        3 * 5 * 3 + 3 * 5 * 5 + 5 * 7,
        5,
    ),
    Worked(
        "pytorch-rnn-tied-embedding-without-output-bias",
        network(
            "pytorch", "rnn", inputs=0, vocabulary=29, embedding=5, outputs=29, tied_embedding=True, output_bias=False
        ),
        {
            "input_weights": 5 * 5,
            "recurrent_weights": 5 * 5,
            "bias_weights": 2 * 5,
            "embedding_weights": 29 * 5,
        },
        5 * 5 + 5 * 5 + 5 * 29,
        5,
    ),
    Worked(
        "textbook-skip-connections-carry-the-embedding",
        network("textbook", "rnn", inputs=0, layers=2, vocabulary=29, embedding=11, skip_connections=True),
        {
            "input_weights": 5 * 11 + 5 * (5 + 11),
            "recurrent_weights": 2 * 5 * 5,
            "embedding_weights": 29 * 11,
        },
        5 * 11 + 5 * 16 + 2 * 5 * 5,
        2 * 5,
    ),
    # The closed form in circulation.
    Worked(
        "back_of_envelope-plain",
        network("back_of_envelope", "lstm", layers=3, outputs=7),
        {
            "input_weights": 3 * 5 * 4 * 3,
            "recurrent_weights": 5 * 5 * 4 * 3,
            "peephole_weights": 5 * 3 * 3,
            "output_weights": 5 * 7,
        },
        3 * 5 * 4 * 3 + 5 * 5 * 4 * 3 + 5 * 7,
        3 * (5 + 5),
    ),
    Worked(
        "back_of_envelope-projections",
        network("back_of_envelope", "lstm", layers=3, recurrent_projection=2, nonrecurrent_projection=11, outputs=7),
        {
            "input_weights": 3 * 5 * 4 * 3 + 2 * 5 * 4 * (3 - 1),
            "recurrent_weights": 5 * 2 * 4 * 3,
            "projection_weights": 5 * 2 * 3,
            "peephole_weights": 5 * 3 * 3,
            "output_weights": (2 + 11) * 7,
        },
        3 * 5 * 4 * 3 + 2 * 5 * 4 * 2 + 5 * 2 * 4 * 3 + 5 * 2 * 3 + 13 * 7,
        3 * (5 + 2),
    ),
)

_EMBEDDED: dict[str, Any] = {"inputs": 0, "vocabulary": 29, "embedding": 5, "outputs": 29, "tied_embedding": True}

REFUSED = (
    # Cells that a convention does not have.
    Refused(network("kaldi_nnet3", "rnn"), "cell_type", "kaldi_nnet3 has no rnn"),
    Refused(network("kaldi_nnet1", "gru"), "cell_type", "kaldi_nnet1 has no gru"),
    Refused(network("kaldi_nnet1", "rnn"), "cell_type", "kaldi_nnet1 has no rnn"),
    Refused(network("back_of_envelope", "gru"), "cell_type", "back_of_envelope has no gru"),
    Refused(network("back_of_envelope", "rnn"), "cell_type", "back_of_envelope has no rnn"),
    # Peepholes where there are never any, or always.
    Refused(network("pytorch", "lstm", peepholes=True), "peepholes", "pytorch has no peepholes"),
    Refused(network("keras", "lstm", peepholes=True), "peepholes", "keras has no peepholes"),
    Refused(network("flax", "lstm", peepholes=True), "peepholes", "flax has no peepholes"),
    Refused(network("kaldi_nnet3", "lstm", peepholes=False), "peepholes", "kaldi_nnet3 always has peepholes"),
    Refused(
        network("kaldi_nnet1", "lstm", peepholes=False, recurrent_projection=2),
        "peepholes",
        "kaldi_nnet1 always has peepholes",
    ),
    Refused(network("back_of_envelope", "lstm", peepholes=False), "peepholes", "back_of_envelope always has peepholes"),
    # Projections.
    Refused(
        network("pytorch", "lstm", recurrent_projection=5),
        "recurrent_projection",
        "pytorch needs recurrent_projection < cells",
    ),
    Refused(
        network("pytorch", "lstm", nonrecurrent_projection=2),
        "nonrecurrent_projection",
        "pytorch has no nonrecurrent_projection",
    ),
    Refused(network("keras", "lstm", recurrent_projection=2), "recurrent_projection", "keras has no projections"),
    Refused(network("keras", "lstm", nonrecurrent_projection=2), "nonrecurrent_projection", "keras has no projections"),
    Refused(network("flax", "lstm", recurrent_projection=2), "recurrent_projection", "flax has no projections"),
    Refused(network("flax", "lstm", nonrecurrent_projection=2), "nonrecurrent_projection", "flax has no projections"),
    Refused(
        network("tensorflow1", "lstm", recurrent_projection=2, nonrecurrent_projection=1),
        "nonrecurrent_projection",
        "tensorflow1 has no nonrecurrent_projection",
    ),
    Refused(
        network("kaldi_nnet3", "lstm", recurrent_projection=3, nonrecurrent_projection=3),
        "recurrent_projection",
        "kaldi_nnet3 needs recurrent_projection + nonrecurrent_projection <= cells",
    ),
    Refused(
        network("kaldi_nnet3", "lstm", recurrent_projection=2),
        "nonrecurrent_projection",
        "kaldi_nnet3 needs a nonrecurrent_projection beside a recurrent_projection",
    ),
    Refused(
        network("kaldi_nnet3", "lstm", nonrecurrent_projection=2),
        "nonrecurrent_projection",
        "kaldi_nnet3 needs a recurrent_projection beside a nonrecurrent_projection",
    ),
    Refused(network("kaldi_nnet1", "lstm"), "recurrent_projection", "kaldi_nnet1 needs a recurrent_projection"),
    Refused(
        network("kaldi_nnet1", "lstm", recurrent_projection=2, nonrecurrent_projection=1),
        "nonrecurrent_projection",
        "kaldi_nnet1 has no nonrecurrent_projection",
    ),
    # The closed form knows nothing around or beside the layers.
    Refused(
        network("back_of_envelope", "lstm", nonrecurrent_projection=2),
        "nonrecurrent_projection",
        "back_of_envelope needs a recurrent_projection beside a nonrecurrent_projection",
    ),
    Refused(
        network("back_of_envelope", "lstm", bidirectional=True),
        "bidirectional",
        "back_of_envelope has no bidirectional",
    ),
    Refused(
        network("back_of_envelope", "lstm", skip_connections=True),
        "skip_connections",
        "back_of_envelope has no skip_connections",
    ),
    Refused(
        network("back_of_envelope", "lstm", inputs=0, vocabulary=29, embedding=11),
        "vocabulary",
        "back_of_envelope has no vocabulary",
    ),
    Refused(network("back_of_envelope", "lstm", embedding=11), "embedding", "back_of_envelope has no embedding"),
    Refused(
        network("back_of_envelope", "lstm", bias_vectors=1), "bias_vectors", "back_of_envelope has no bias_vectors"
    ),
    Refused(
        network("back_of_envelope", "lstm", projection_bias=True),
        "projection_bias",
        "back_of_envelope has no projection_bias",
    ),
    Refused(
        network("back_of_envelope", "lstm", output_bias=True), "output_bias", "back_of_envelope has no output_bias"
    ),
    # What a cell does not have.
    Refused(network("textbook", "gru", peepholes=True), "peepholes", "gru has no peepholes"),
    Refused(network("keras", "rnn", peepholes=True), "peepholes", "rnn has no peepholes"),
    Refused(
        network("textbook", "gru", recurrent_projection=2), "recurrent_projection", "gru has no recurrent_projection"
    ),
    Refused(
        network("graves2013", "rnn", nonrecurrent_projection=2),
        "nonrecurrent_projection",
        "rnn has no nonrecurrent_projection",
    ),
    Refused(network("sak2014", "gru", projection_bias=True), "projection_bias", "gru has no projection_bias"),
    Refused(network("sak2014", "rnn", projection_bias=True), "projection_bias", "rnn has no projection_bias"),
    Refused(network("keras", "rnn", recurrent_projection=2), "recurrent_projection", "rnn has no recurrent_projection"),
    Refused(
        network("sak2014", "gru", nonrecurrent_projection=2),
        "nonrecurrent_projection",
        "gru has no nonrecurrent_projection",
    ),
    Refused(network("textbook", "gru", only_recurrent_up=True), "only_recurrent_up", "gru has no only_recurrent_up"),
    Refused(network("textbook", "rnn", only_recurrent_up=True), "only_recurrent_up", "rnn has no only_recurrent_up"),
    Refused(
        network("back_of_envelope", "lstm", only_recurrent_up=True),
        "only_recurrent_up",
        "back_of_envelope has no only_recurrent_up",
    ),
    # What is no network anywhere.
    Refused(
        network("textbook", "lstm", summed_directions=True),
        "summed_directions",
        "summed directions need a bidirectional network",
    ),
    Refused(
        network("textbook", "lstm", only_recurrent_up=True, nonrecurrent_projection=2),
        "only_recurrent_up",
        "only_recurrent_up needs both projections",
    ),
    Refused(
        network("textbook", "lstm", only_recurrent_up=True, recurrent_projection=2),
        "only_recurrent_up",
        "only_recurrent_up needs both projections",
    ),
    Refused(network("keras", "gru", inputs=0), "inputs", "inputs are missing, and there is no vocabulary"),
    Refused(
        network("keras", "gru", vocabulary=29, embedding=11), "inputs", "inputs and a vocabulary exclude each other"
    ),
    Refused(network("keras", "gru", inputs=0, vocabulary=29), "embedding", "a vocabulary needs an embedding"),
    Refused(network("keras", "gru", embedding=11), "vocabulary", "an embedding needs a vocabulary"),
    Refused(
        network("keras", "gru", tied_embedding=True, outputs=7),
        "tied_embedding",
        "a tied embedding needs a vocabulary",
    ),
    Refused(
        network("keras", "gru", **(_EMBEDDED | {"outputs": 28})),
        "tied_embedding",
        "a tied embedding needs outputs = vocabulary",
    ),
    Refused(
        network("keras", "gru", **(_EMBEDDED | {"outputs": 0})),
        "tied_embedding",
        "a tied embedding needs outputs = vocabulary",
    ),
    Refused(
        network("keras", "gru", **(_EMBEDDED | {"embedding": 6})),
        "tied_embedding",
        "a tied embedding needs an output layer fed by exactly `embedding` values",
    ),
    Refused(
        network("textbook", "gru", **_EMBEDDED, bidirectional=True),
        "tied_embedding",
        "a tied embedding needs an output layer fed by exactly `embedding` values",
    ),
    Refused(
        network("textbook", "gru", **(_EMBEDDED | {"layers": 2}), skip_connections=True),
        "tied_embedding",
        "a tied embedding needs an output layer fed by exactly `embedding` values",
    ),
    Refused(
        network("textbook", "gru", **(_EMBEDDED | {"layers": 2}), cells=[5, 13]),
        "tied_embedding",
        "a tied embedding needs an output layer fed by exactly `embedding` values",
    ),
    # One layer of several is enough.
    Refused(
        network("pytorch", "lstm", layers=2, cells=[5, 2], recurrent_projection=[2, 2]),
        "recurrent_projection",
        "pytorch needs recurrent_projection < cells",
    ),
    Refused(
        network("kaldi_nnet1", "lstm", layers=2, cells=[5, 13], recurrent_projection=[2, 0]),
        "recurrent_projection",
        "kaldi_nnet1 needs a recurrent_projection",
    ),
)

ACCEPTED = (
    # The last network on the right side of each bound, and absence written out.
    network("pytorch", "lstm", recurrent_projection=4),
    network("kaldi_nnet3", "lstm", recurrent_projection=2, nonrecurrent_projection=3),
    network("tensorflow1", "lstm", recurrent_projection=9),
    network("kaldi_nnet1", "lstm", recurrent_projection=9),
    network("sak2014", "lstm", nonrecurrent_projection=9),
    network("back_of_envelope", "lstm", recurrent_projection=9, nonrecurrent_projection=9),
    network("pytorch", "lstm", peepholes=False),
    network("kaldi_nnet3", "lstm", peepholes=True),
    network("sak2014", "lstm", peepholes=True),
    network("kaldi_nnet1", "lstm", peepholes=True, recurrent_projection=1),
    network("back_of_envelope", "lstm", peepholes=True, bias_vectors=0, output_bias=False, projection_bias=False),
    network("back_of_envelope", "lstm", bidirectional=False, skip_connections=False, vocabulary=0, embedding=0),
    network("keras", "gru", peepholes=False, recurrent_projection=0, projection_bias=False),
    network("flax", "rnn", bias_vectors=2, output_bias=False),
    network("keras", "lstm", projection_bias=True),
    network("textbook", "gru", **_EMBEDDED),
    network("textbook", "gru", **_EMBEDDED, bidirectional=True, summed_directions=True),
    network("keras", "gru", summed_directions=False, only_recurrent_up=False),
)
