"""The fields that describe one network: their names, kinds, bounds, defaults and meanings.

The sweep schema, the command line's options and the reference page all speak of these fields; this is the
one place where they are listed, in the order in which a person would say them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["count", "boolean", "choice"]
FieldValue = int | bool | str


@dataclass(frozen=True)
class Field:
    """One field of a network."""

    name: str
    kind: Kind
    """`count` is a whole number, `boolean` true or false, `choice` one of a few words."""
    title: str
    """A few words, as an editor shows them."""
    description: str
    """What the field means, its unit, and what 0 or absence means."""
    default: int | bool | None = None
    """None: required, or the convention decides."""
    minimum: int = 0
    """The smallest count that is accepted."""
    maximum: int | None = None
    """The largest count that is accepted; None: no bound."""
    per_layer: bool = False
    """Whether one network may have a list here, one value per layer."""


FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field(
            "convention",
            "choice",
            "Counting convention",
            "The convention: whose rules decide which biases, peepholes and projections there are.",
        ),
        Field("cell_type", "choice", "Cell type", "The type of recurrent cell."),
        Field("inputs", "count", "Input width", "Values in one input frame. Leave it out if there is a vocabulary.", 0),
        Field("outputs", "count", "Output width", "Width of the output layer; 0 means that there is none.", 0),
        Field("layers", "count", "Layers", "Number of recurrent layers.", minimum=1),
        Field("cells", "count", "Cells per layer", "Cells in each layer and direction.", minimum=1, per_layer=True),
        Field(
            "recurrent_projection",
            "count",
            "Recurrent projection",
            "Width of the projection that is fed back and passed on (Sak et al.'s r); 0 means none.",
            0,
            per_layer=True,
        ),
        Field(
            "nonrecurrent_projection",
            "count",
            "Non-recurrent projection",
            "Width of the projection that is passed on but not fed back (Sak et al.'s p); 0 means none.",
            0,
            per_layer=True,
        ),
        Field(
            "bottleneck",
            "count",
            "Bottleneck",
            "Width of a bottleneck between input and recurrent values and the gates; 0 means none. lstmb only.",
            0,
        ),
        Field(
            "window",
            "count",
            "Window",
            "Frames that each step of a layer reads: the current one and those before it. qrnn only.",
            1,
            minimum=1,
        ),
        Field(
            "bidirectional",
            "boolean",
            "Bidirectional",
            "Whether each layer also runs backwards in time; its two outputs are joined.",
            False,
        ),
        Field(
            "skip_connections",
            "boolean",
            "Skip connections",
            "Whether the raw input feeds every layer and every layer feeds the output (Graves 2013).",
            False,
        ),
        Field(
            "summed_directions",
            "boolean",
            "Summed directions",
            "Whether the outputs of the two directions are added instead of joined.",
            False,
        ),
        Field(
            "only_recurrent_up",
            "boolean",
            "Only the recurrent projection up",
            "Whether only the recurrent projection feeds the layers above; the output layer still gets both projections.",
            False,
        ),
        Field(
            "peepholes",
            "boolean",
            "Peepholes",
            "Whether the gates of an LSTM read its cells: 3 weights per cell, 2 if input and forget gate are coupled. By default the convention decides.",
        ),
        Field(
            "vocabulary",
            "count",
            "Vocabulary",
            "Number of symbols of the embedding in front of the network; 0 means no embedding.",
            0,
        ),
        Field(
            "embedding",
            "count",
            "Embedding width",
            "Width of the embedding, which feeds the first layer; 0 means no embedding.",
            0,
        ),
        Field(
            "tied_embedding",
            "boolean",
            "Tied embedding",
            "Whether the output matrix is the embedding itself and adds no weights. Needs outputs = vocabulary and an output layer fed by `embedding` values.",
            False,
        ),
        Field(
            "other_weights",
            "count",
            "Other weights",
            "Weights of the rest of the model (a convolutional front end, attention ...), added as a separate part.",
            0,
        ),
        Field(
            "bias_vectors", "count", "Bias vectors per gate", "0, 1 or 2; replaces the convention's number.", maximum=2
        ),
        Field(
            "projection_bias",
            "boolean",
            "Projection bias",
            "Whether the projection has a bias; replaces the convention's rule.",
        ),
        Field(
            "output_bias",
            "boolean",
            "Output bias",
            "Whether the output layer has a bias; replaces the convention's rule.",
        ),
    )
}

REQUIRED = ("convention", "cell_type", "layers", "cells")
PROJECTIONS = ("recurrent_projection", "nonrecurrent_projection")
