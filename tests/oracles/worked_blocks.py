"""Blocks multiplied out by hand: weights by part, multiply-accumulates at each clock, values kept beside, state.

One short model for each thing that a block type can be; sizes are primes where they can be, so that no two products are
equal by chance. `handed` is (channels, height) of the last block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Macs = Mapping[str, int | Fraction]


@dataclass(frozen=True)
class WorkedBlock:
    """A model with what it counts to."""

    type: str
    """The block type that it is about."""
    blocks: dict[str, Any]
    parts: dict[str, int]
    macs: Macs = field(default_factory=dict)
    convention: str = "pytorch"
    buffers: int = 0
    state: int = 0
    handed: tuple[int, int] | None = None


def x(inputs: int = 7) -> dict[str, Any]:
    return {"type": "input", "inputs": inputs}


def image(channels: int = 2, height: int = 11) -> dict[str, Any]:
    return {"type": "input", "channels": channels, "height": height}


def _one(
    kind: str, reads: dict[str, Any], fields: dict[str, Any], parts: dict[str, int], macs: Any = 0, **more: Any
) -> WorkedBlock:
    """Return a block behind an input; MACs are for each frame."""
    found = macs if isinstance(macs, dict) else {"frames": macs} if macs else {}
    return WorkedBlock(kind, {"x": reads, "it": {"type": kind, **fields}}, parts, found, **more)


def _dense(fields: dict[str, Any], weights: int, bias: int, macs: Any, handed: int, **more: Any) -> WorkedBlock:
    parts = {"dense_weights": weights, "bias_weights": bias}
    return _one("dense", x(), fields, parts, macs, handed=(handed, 1), **more)


_CONV = {"channels": 5, "kernel": 3}
_CONV2 = {"channels": 5, "kernel": [3, 4]}


def _conv(
    reads: dict[str, Any],
    fields: dict[str, Any],
    weights: int,
    bias: int,
    macs: Any,
    handed: tuple[int, int],
    **more: Any,
) -> WorkedBlock:
    parts = {"convolution_weights": weights, "bias_weights": bias}
    return _one("convolution", reads, fields, parts, macs, handed=handed, **more)


def _pool(fields: dict[str, Any], height: int, then: Any, **more: Any) -> WorkedBlock:
    """Return a pooling, and a map to one value behind it: its weights say the width, its MACs the steps."""
    blocks = {"x": image(), "it": {"type": "pooling", **fields}, "o": {"type": "dense", "width": 1, "bias": False}}
    macs = then if isinstance(then, dict) else {"frames": Fraction(2 * height, then)}
    return WorkedBlock("pooling", blocks, {"dense_weights": 2 * height}, macs, **more)


def _behind(
    kind: str, reads: dict[str, Any], fields: dict[str, Any], width: int, times: Any, **more: Any
) -> WorkedBlock:
    """Return a block without weights, and a map to one value behind it."""
    blocks = {"x": reads, "it": {"type": kind, **fields}, "o": {"type": "dense", "width": 1, "bias": False}}
    return WorkedBlock(kind, blocks, {"dense_weights": width}, {"frames": Fraction(width) * times}, **more)


def _attention(fields: dict[str, Any], weights: int, bias: int, macs: Macs, handed: int, **more: Any) -> WorkedBlock:
    """Return an attention from 7 values of labels at 5 values of every second frame."""
    blocks = {
        "frames": x(10),
        "memory": {"type": "subsample", "factor": 2, "how": "skip"},
        "five": {"type": "split", "parts": 1},
        "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 3, "embedding": 7},
        "it": {"type": "attention", "query": "labels", "memory": "five", **fields},
    }
    parts = {"embedding_weights": 3 * 7, "attention_weights": weights, "bias_weights": bias}
    return WorkedBlock("attention", blocks, parts, macs, handed=(handed, 1), **more)


_HALF = Fraction(1, 2)
_WIDE = {"width": 3}
"""Of an attention: query 7 and memory 10 meet in 3."""

_TRANSFORMER = {"width": 6, "feed_forward": 11, "layers": 3}
_LAYER = {"attention_weights": 3 * 4 * 6 * 6, "dense_weights": 3 * 2 * 6 * 11}
_LAYER_MACS = 3 * (4 * 6 * 6 + 2 * 6 * 11)


def _transformer(fields: dict[str, Any], parts: dict[str, int], macs: Any, **more: Any) -> WorkedBlock:
    return _one("transformer", x(6), {**_TRANSFORMER, **fields}, parts, macs, handed=(6, 1), **more)


def _attending(fields: dict[str, Any], parts: dict[str, int], macs: Macs, **more: Any) -> WorkedBlock:
    """Return transformer layers over labels that look at 5 values of every second frame, and at 6 of the labels."""
    blocks = {
        "frames": x(5),
        "memory": {"type": "subsample", "factor": 2},
        "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 3, "embedding": 6},
        "it": {"type": "transformer", **_TRANSFORMER, "attends": ["memory", "labels"], **fields},
    }
    return WorkedBlock("transformer", blocks, {"embedding_weights": 18, **parts}, macs, **more)


_CONFORMER = {"width": 6, "kernel": 5, "layers": 3}
_LSTM = {"channels": 3, "kernel": [7, 5]}

WORKED_BLOCKS: tuple[WorkedBlock, ...] = (
    # input, embedding
    WorkedBlock("input", {"x": x()}, {}, handed=(7, 1)),
    WorkedBlock("input", {"x": image()}, {}, handed=(2, 11)),
    WorkedBlock("embedding", {"w": {"type": "embedding", "vocabulary": 13, "embedding": 7}}, {"embedding_weights": 91}, handed=(7, 1)),
    WorkedBlock("embedding", {"w": {"type": "embedding", "vocabulary": 13, "embedding": 7}}, {"embedding_weights": 91}, convention="textbook"),
    WorkedBlock(
        "embedding",
        {"x": x(), "j": {"type": "join", "from": ["x", "it"]}, "it": {"type": "embedding", "vocabulary": 13, "embedding": 7}},
        {"embedding_weights": 91},
    ),
    # dense
    _dense({"width": 5}, 7 * 5, 5, 35, 5),
    _dense({"width": 5}, 7 * 5, 0, 35, 5, convention="textbook"),
    _dense({"width": 5, "bias": True}, 7 * 5, 5, 35, 5, convention="sak2014"),
    _dense({"width": 5, "bias": False}, 7 * 5, 0, 35, 5),
    _dense({"width": 5, "context": 3}, 3 * 7 * 5, 5, 105, 5),
    _dense({"width": 14, "groups": 7}, 1 * 14, 14, 14, 14),
    _dense({"width": 6, "context": 2, "groups": 2}, 7 * 6, 6, 42, 6),
    _dense({"width": 15, "pieces": 3}, 7 * 15, 15, 105, 5),
    _dense({"width": 5, "stride": 3}, 7 * 5, 5, Fraction(35, 3), 5),
    # A norm is over what is handed up: behind the pieces.
    _dense({"width": 15, "pieces": 3, "norm": "layer"}, 7 * 15, 15 + 2 * 5, 105, 5),
    _dense({"width": 15, "pieces": 3, "norm": "batch"}, 7 * 15, 15 + 2 * 5, 105, 5),
    _dense({"width": 15, "pieces": 3, "norm": "batch"}, 7 * 15, 15 + 2 * 5, 105, 5, convention="keras", buffers=2 * 5),
    _dense({"width": 15, "pieces": 3, "norm": "layer"}, 7 * 15, 15 + 2 * 5, 105, 5, convention="keras"),
    _dense({"width": 15, "pieces": 3, "norm": "batch"}, 7 * 15, 15, 105, 5, convention="kaldi_nnet3"),
    WorkedBlock(
        "dense",
        {
            "w": {"type": "embedding", "vocabulary": 13, "embedding": 7},
            "o": {"type": "dense", "width": 13, "tied": "w"},
        },
        {"embedding_weights": 91, "bias_weights": 13},
        {"frames": 91},
    ),
    WorkedBlock(
        "dense",
        {
            "w": {"type": "embedding", "vocabulary": 13, "embedding": 7},
            "o": {"type": "dense", "width": 13, "tied": "w", "norm": "batch"},
        },
        {"embedding_weights": 91, "bias_weights": 13 + 26},
        {"frames": 91},
    ),
    # A map of what it made itself: in a loop, because it is told its width.
    WorkedBlock(
        "dense",
        {"x": x(), "j": {"type": "join", "from": ["x", "it"]}, "it": {"type": "dense", "width": 5, "bias": False}},
        {"dense_weights": 12 * 5},
        {"frames": 60},
    ),
    # convolution along time: over the whole width, whatever its height
    _conv(x(), _CONV, 3 * 7 * 5, 5, 105, (5, 1)),
    _conv(x(), _CONV, 3 * 7 * 5, 0, 105, (5, 1), convention="textbook"),
    _conv(image(), _CONV, 3 * 22 * 5, 5, 330, (5, 1)),
    _conv(x(), {**_CONV, "stride": 2}, 3 * 7 * 5, 5, Fraction(105, 2), (5, 1)),
    # A transposed one multiplies at the steps that it reads.
    _conv(x(), {**_CONV, "stride": 2, "transposed": True}, 3 * 7 * 5, 5, 105, (5, 1)),
    _conv(x(6), {**_CONV, "channels": 9, "groups": 3}, 3 * 2 * 9, 9, 54, (9, 1)),
    _conv(x(), {**_CONV, "channels": 14, "groups": "all"}, 3 * 1 * 14, 14, 42, (14, 1)),
    _conv(x(), {**_CONV, "channels": 10, "pieces": 2, "norm": "batch"}, 3 * 7 * 10, 10 + 2 * 5, 210, (5, 1)),
    _conv(x(), {**_CONV, "norm": "batch"}, 3 * 7 * 5, 5 + 10, 105, (5, 1), convention="keras", buffers=10),
    _conv(
        x(), {**_CONV, "channels": 10, "pieces": 2, "norm": "batch"}, 3 * 7 * 10, 10 + 10, 210, (5, 1), convention="keras", buffers=10,
    ),
    _conv(x(), {**_CONV, "norm": "layer", "bias": False}, 3 * 7 * 5, 10, 105, (5, 1), convention="keras"),
    # along time and height: at each of the heights that it makes
    _conv(image(), _CONV2, 12 * 2 * 5, 5, 11 * 120, (5, 11)),
    _conv(image(), {**_CONV2, "padding": "valid"}, 12 * 2 * 5, 5, 8 * 120, (5, 8)),
    _conv(image(), {**_CONV2, "padding": "same", "stride": [2, 3]}, 12 * 2 * 5, 5, Fraction(4 * 120, 2), (5, 4)),
    _conv(image(), {**_CONV2, "padding": "valid", "stride": [2, 3]}, 12 * 2 * 5, 5, Fraction(3 * 120, 2), (5, 3)),
    _conv(image(), {**_CONV2, "padding": 1, "stride": [2, 3]}, 12 * 2 * 5, 5, Fraction(4 * 120, 2), (5, 4)),
    _conv(image(), {**_CONV2, "padding": [1, [2, 0]], "stride": 2}, 12 * 2 * 5, 5, Fraction(10 * 120, 2), (5, 10)),
    _conv(image(), {**_CONV2, "padding": [3]}, 12 * 2 * 5, 5, 8 * 120, (5, 8)),
    _conv(image(), {**_CONV2, "padding": [[5, 0], 0]}, 12 * 2 * 5, 5, 8 * 120, (5, 8)),
    _conv(image(4), {**_CONV2, "channels": 6, "groups": 2}, 12 * 2 * 6, 6, 11 * 144, (6, 11)),
    _conv(image(4), {**_CONV2, "channels": 8, "groups": "all"}, 12 * 1 * 8, 8, 11 * 96, (8, 11)),
    _conv(image(), {**_CONV2, "channels": 10, "pieces": 2, "norm": "layer"}, 12 * 2 * 10, 10 + 10, 11 * 240, (5, 11)),
    # transposed: (11 - 1) x 3 + 4, less what is padded, and what is added; at the 11 heights that it reads
    _conv(image(), {**_CONV2, "transposed": True, "stride": [2, 3]}, 12 * 2 * 5, 5, 11 * 120, (5, 34)),
    _conv(image(), {**_CONV2, "transposed": True, "stride": [2, 3], "padding": [0, 1]}, 12 * 2 * 5, 5, 11 * 120, (5, 32)),
    _conv(
        image(), {**_CONV2, "transposed": True, "stride": [2, 3], "padding": "valid", "output_padding": [0, 2]},
        12 * 2 * 5, 5, 11 * 120, (5, 36),
    ),
    _conv(
        image(), {**_CONV2, "transposed": True, "stride": [2, 3], "output_padding": 1}, 12 * 2 * 5, 5, 11 * 120, (5, 34),
    ),
    # What stands behind a transposed one steps more often.
    WorkedBlock(
        "convolution",
        {"x": x(), "up": {"type": "convolution", **_CONV, "stride": 3, "transposed": True}, "o": {"type": "dense", "width": 2}},
        {"convolution_weights": 105, "dense_weights": 10, "bias_weights": 5 + 2},
        {"frames": 105 + 3 * 10},
    ),
    # convolutional LSTM: four gates, each of what is read and of the state
    _one(
        "convolutional_lstm", image(), _LSTM,
        {"input_weights": 4 * 35 * 2 * 3, "recurrent_weights": 4 * 35 * 3 * 3, "bias_weights": 12},
        11 * (840 + 1260), state=2 * 33, handed=(3, 11),
    ),
    _one(
        "convolutional_lstm", image(), {**_LSTM, "layers": 3, "bias": False},
        {"input_weights": 4 * 35 * 2 * 3 + 2 * 1260, "recurrent_weights": 3 * 1260},
        11 * (840 + 2 * 1260 + 3 * 1260), state=3 * 2 * 33, handed=(3, 11),
    ),
    _one(
        "convolutional_lstm", image(), {**_LSTM, "padding": "valid"},
        {"input_weights": 840, "recurrent_weights": 1260, "bias_weights": 12},
        7 * (840 + 1260), state=2 * 21, handed=(3, 7),
    ),
    _one(
        "convolutional_lstm", image(), {**_LSTM, "stride": [2, 3]},
        {"input_weights": 840, "recurrent_weights": 1260, "bias_weights": 12},
        Fraction(4 * (840 + 1260), 2), state=2 * 12, handed=(3, 4),
    ),
    # pooling of 11: floor((11 - 3) / 2) + 1 ...
    _pool({"kernel": [2, 3]}, 3, 2),
    _pool({"stride": [2, 3]}, 3, 2),
    _pool({"kernel": [2, 3], "ceil": True}, 4, 2),
    _pool({"kernel": [2, 4], "stride": [3, 2]}, 4, 3),
    _pool({"kernel": [2, 4], "stride": [3, 2], "ceil": True}, 5, 3),
    _pool({"kernel": [2, 4], "stride": [3, 2], "padding": "same"}, 6, 3),
    _pool({"kernel": [2, 4], "stride": [3, 2], "padding": 1}, 5, 3),
    _pool({"kernel": [2, 4], "stride": [3, 2], "padding": [0, [1, 0]]}, 5, 3),
    _pool({"kernel": 3}, 11, 3),
    _pool({"kernel": 3, "padding": 1}, 11, 3),
    _pool({"over": "time"}, 11, {"sequence": 22}),
    # norms
    _one("norm", x(), {}, {"bias_weights": 14}, handed=(7, 1)),
    _one("norm", image(), {}, {"bias_weights": 4}, handed=(2, 11)),
    _one("norm", image(), {"over": "width"}, {"bias_weights": 44}, handed=(2, 11)),
    _one("norm", image(), {"norm": "batch"}, {"bias_weights": 4}, convention="keras", buffers=4),
    _one("norm", image(), {"norm": "batch", "over": "width"}, {"bias_weights": 44}, convention="keras", buffers=44),
    _one("norm", image(), {"norm": "layer"}, {"bias_weights": 4}, convention="keras"),
    _one("norm", image(), {"norm": "batch"}, {}, convention="kaldi_nnet3"),
    # recurrent: widths by layer, and steps by layer
    _one(
        "recurrent", x(), {"cells": [5, 3], "bidirectional": [True, False], "subsample": [2, 3]},
        {
            "input_weights": 2 * 4 * 5 * 7 + 4 * 3 * 10, "recurrent_weights": 2 * 4 * 5 * 5 + 4 * 3 * 3,
            "bias_weights": 2 * 2 * 20 + 2 * 12,
        },
        2 * 4 * 5 * 12 + Fraction(4 * 3 * 13, 2), state=2 * 10 + 6, handed=(3, 1),
    ),
    _one(
        "recurrent", x(), {"cells": 5, "layers": 2, "subsample": [2, 3], "subsample_how": "stack", "bias": False},
        {"input_weights": 4 * 5 * 7 + 4 * 5 * 10, "recurrent_weights": 2 * 100},
        4 * 5 * 12 + Fraction(4 * 5 * 15, 2), state=20, handed=(15, 1),
    ),
    WorkedBlock(
        "recurrent",
        {"x": x(), "it": {"type": "recurrent", "cell_type": "rnn", "cells": [5, 5], "subsample": [2, 3], "bias": False}, "o": {"type": "dense", "width": 11, "bias": False}},
        {"input_weights": 35 + 25, "recurrent_weights": 50, "dense_weights": 55},
        {"frames": 60 + Fraction(50, 2) + Fraction(55, 6)},
        state=10,
    ),
    _one(
        "recurrent", x(), {"cells": 5, "recurrent_projection": 2, "layers": 2, "projection_bias": True, "bias_vectors": 1},
        {
            "input_weights": 20 * 7 + 20 * 2, "recurrent_weights": 2 * 20 * 2, "projection_weights": 2 * 10,
            "bias_weights": 2 * 20 + 2 * 2,
        },
        20 * 9 + 20 * 4 + 20, state=14, handed=(2, 1), convention="tensorflow1",
    ),
    _one(
        "recurrent", x(), {"cell_type": "rnn", "cells": [5, 3, 2], "skip_connections": True, "bias": False},
        {"input_weights": 5 * 7 + 3 * 12 + 2 * 10, "recurrent_weights": 25 + 9 + 4},
        91 + 38, state=10, handed=(10, 1),
    ),
    # attention; 7 values of labels, 10 of every second frame
    _attention(_WIDE, 21 + 30 + 3, 0, {"labels": 21, "frames": 30 * _HALF, "labels_x_frames": 3 * _HALF}, 10),
    _attention(
        {**_WIDE, "heads": 2, "biases": ["query", "memory", "score"]}, 21 + 30 + 6, 3 + 3 + 2,
        {"labels": 21, "frames": 30 * _HALF, "labels_x_frames": 6 * _HALF}, 10,
    ),
    _attention(
        {**_WIDE, "project_query": False, "project_memory": False, "biases": ["query", "memory"]}, 3, 0, {"labels_x_frames": 3 * _HALF}, 10,
    ),
    _attention(
        {**_WIDE, "feedback": 5, "fertility": 2, "biases": ["feedback", "fertility"], "value": 4}, 21 + 30 + 3 + 15 + 20, 3 + 2,
        {"labels": 21, "frames": 50 * _HALF, "labels_x_frames": 18 * _HALF}, 4,
    ),
    _attention(
        {
            **_WIDE, "kind": "location", "location_kernel": 11, "location_inputs": 2, "location_channels": 5,
            "biases": ["location_kernel", "location"],
        },
        21 + 30 + 3 + 110 + 15, 5 + 3, {"labels": 21, "frames": 30 * _HALF, "labels_x_frames": 128 * _HALF}, 10,
    ),
    # Under a convention without biases those that are named are there all the same.
    _attention(
        {
            **_WIDE, "kind": "location", "location_kernel": 11, "location_channels": 5, "feedback": 7, "fertility": 2, "value": 4,
            "value_width": 6, "project_memory": False, "biases": ["score"],
        },
        21 + 3 + 21 + 20 + 55 + 15, 1, {"labels": 21, "frames": 20 * _HALF, "labels_x_frames": 94 * _HALF}, 4, convention="textbook",
    ),
    _attention(
        {**_WIDE, "kind": "location", "location_kernel": 11, "location_channels": 5, "value": 4, "value_width": 6, "project_query": False},
        30 + 3 + 55 + 15, 0, {"frames": 30 * _HALF, "labels_x_frames": 73 * _HALF}, 4, convention="textbook",
    ),
    _attention(
        {**_WIDE, "feedback": 7, "fertility": 2, "value": 4, "value_width": 6, "project_memory": False},
        21 + 3 + 21 + 20, 0, {"labels": 21, "frames": 20 * _HALF, "labels_x_frames": 24 * _HALF}, 4, convention="textbook",
    ),
    _attention(
        {**_WIDE, "feedback": 7, "fertility": 2, "value": 4, "value_width": 6, "project_query": False},
        30 + 3 + 21 + 20, 0, {"frames": 50 * _HALF, "labels_x_frames": 24 * _HALF}, 4, convention="textbook",
    ),
    _attention({"kind": "general", "value": 4}, 70, 0, {"labels": 70}, 4, convention="textbook"),
    _attention(
        {**_WIDE, "kind": "dot", "project_query": True, "project_memory": True, "value": 4, "value_width": 6},
        21 + 30, 0, {"labels": 21, "frames": 30 * _HALF}, 4, convention="textbook",
    ),
    _attention({"width": 6, "kind": "multihead"}, 42 + 60 + 60 + 60, 0, {"labels": 42 + 60, "frames": 120 * _HALF}, 10, convention="textbook"),
    _attention(
        {"kind": "local", "heads": 3, "key": 4, "values": 5, "window": 2, "value": 27}, 7 * 3 * 15, 0, {"labels": 315}, 27,
        convention="textbook",
    ),
    _attention({"kind": "general", "biases": ["query"]}, 70, 10, {"labels": 70}, 10),
    _attention({"kind": "dot"}, 0, 0, {}, 10),
    _attention({**_WIDE, "kind": "dot", "project_query": True, "biases": ["query"]}, 21, 3, {"labels": 21}, 10),
    _attention({**_WIDE, "kind": "dot", "project_memory": True, "biases": ["memory"]}, 30, 3, {"frames": 30 * _HALF}, 10),
    _attention(
        {"width": 6, "kind": "multihead", "heads": 2, "value_width": 4, "value": 5, "biases": ["query", "memory", "value", "output"]},
        42 + 60 + 40 + 20, 6 + 6 + 4 + 5, {"labels": 42 + 20, "frames": 100 * _HALF}, 5,
    ),
    _attention({"width": 6, "kind": "multihead"}, 42 + 60 + 60 + 60, 0, {"labels": 42 + 60, "frames": 120 * _HALF}, 10),
    _attention(
        {"kind": "local", "heads": 3, "key": 4, "values": 5, "window": 2, "value": 27, "biases": ["kernel"]},
        7 * 3 * 15, 45, {"labels": 315}, 27,
    ),
    # from nothing that is named: at each step of the labels
    _one(
        "attention", x(), {"memory": "x", "width": 3, "value": 4}, {"attention_weights": 21 + 3},
        {"frames": 21, "labels_x_frames": 3}, handed=(4, 1),
    ),
    # transformer
    _transformer({}, {**_LAYER, "bias_weights": 3 * (24 + 11 + 6 + 24)}, _LAYER_MACS),
    _transformer({"final_norm": True}, {**_LAYER, "bias_weights": 3 * (24 + 11 + 6 + 24) + 12}, _LAYER_MACS),
    _transformer({"attention_bias": False}, {**_LAYER, "bias_weights": 3 * (11 + 6 + 24)}, _LAYER_MACS),
    _transformer({"bias": False}, {**_LAYER, "bias_weights": 3 * 24}, _LAYER_MACS),
    _transformer({}, {**_LAYER, "bias_weights": 3 * 24}, _LAYER_MACS, convention="textbook"),
    _transformer({"bias": False, "attention_bias": True}, {**_LAYER, "bias_weights": 3 * (24 + 24)}, _LAYER_MACS),
    _transformer(
        {"positions": "relative"},
        {"attention_weights": 3 * 5 * 36, "dense_weights": 3 * 132, "bias_weights": 3 * (24 + 12 + 11 + 6 + 24)},
        3 * (5 * 36 + 132),
    ),
    _transformer({}, {**_LAYER, "bias_weights": 3 * (24 + 11 + 6 + 24)}, _LAYER_MACS, convention="kaldi_nnet3"),
    _attending(
        {},
        {
            "attention_weights": 3 * (144 + 72 + 2 * 5 * 6 + 72 + 72), "dense_weights": 3 * 132,
            "bias_weights": 3 * (24 + 24 + 24 + 11 + 6 + 24 + 12 + 12),
        },
        {"labels": 3 * (144 + 132 + 72 + 144), "frames": 3 * 60 * _HALF},
    ),
    _attending(
        {"final_norm": True},
        {
            "attention_weights": 3 * (144 + 72 + 2 * 5 * 6 + 72 + 72), "dense_weights": 3 * 132,
            "bias_weights": 3 * (24 + 12 + 12) + 12,
        },
        {"labels": 3 * (144 + 132 + 72 + 144), "frames": 3 * 60 * _HALF},
        convention="textbook",
    ),
    WorkedBlock(
        "transformer",
        {"x": x(6), "j": {"type": "join", "from": ["x", "it"], "combine": "add"}, "it": {"type": "transformer", **_TRANSFORMER}},
        {**_LAYER, "bias_weights": 3 * (24 + 11 + 6 + 24)},
        {"frames": _LAYER_MACS},
    ),
    _attending(
        {"attention_bias": False},
        {
            "attention_weights": 3 * (144 + 72 + 2 * 5 * 6 + 72 + 72), "dense_weights": 3 * 132,
            "bias_weights": 3 * (11 + 6 + 24 + 12 + 12),
        },
        {"labels": 3 * (144 + 132 + 72 + 144), "frames": 3 * 60 * _HALF},
    ),
    # conformer: feed-forward 4 x 24 x 6, attention 5 x 36, convolution 3 x 36 + 5 x 6
    _one(
        "conformer", x(6), _CONFORMER,
        {
            "dense_weights": 3 * 4 * 6 * 24, "attention_weights": 3 * 5 * 36, "convolution_weights": 3 * (108 + 30),
            "bias_weights": 3 * (2 * (24 + 6) + 24 + 12 + 18 + 6 + 12 + 60),
        },
        3 * (576 + 180 + 138), handed=(6, 1),
    ),
    _one(
        "conformer", x(6), {**_CONFORMER, "feed_forward": 11, "attention_bias": False},
        {
            "dense_weights": 3 * 4 * 6 * 11, "attention_weights": 3 * 5 * 36, "convolution_weights": 3 * (108 + 30),
            "bias_weights": 3 * (2 * (11 + 6) + 12 + 18 + 6 + 12 + 60),
        },
        3 * (264 + 180 + 138), convention="keras",
    ),
    _one(
        "conformer", x(6), _CONFORMER,
        {
            "dense_weights": 3 * 4 * 6 * 24, "attention_weights": 3 * 5 * 36, "convolution_weights": 3 * (108 + 30),
            "bias_weights": 3 * (2 * (24 + 6) + 24 + 12 + 18 + 6 + 12 + 60),
        },
        3 * (576 + 180 + 138), convention="textbook",
    ),
    WorkedBlock(
        "conformer",
        {"x": x(6), "j": {"type": "join", "from": ["x", "it"], "combine": "add"}, "it": {"type": "conformer", **_CONFORMER, "layers": 1}},
        {
            "dense_weights": 4 * 6 * 24, "attention_weights": 5 * 36, "convolution_weights": 108 + 30,
            "bias_weights": 2 * (24 + 6) + 24 + 12 + 18 + 6 + 12 + 60,
        },
        {"frames": 576 + 180 + 138},
    ),
    # highway, crf
    WorkedBlock(
        "highway",
        {"x": x(6), "j": {"type": "join", "from": ["x", "it"], "combine": "add"}, "it": {"type": "highway", "width": 6}},
        {"dense_weights": 72, "bias_weights": 12},
        {"frames": 72},
    ),
    _one("crf", x(), {"ends": 2}, {"other_weights": 49 + 14}, convention="textbook"),
    _one("highway", x(6), {"width": 6, "layers": 3}, {"dense_weights": 3 * 72, "bias_weights": 3 * 12}, 216, handed=(6, 1)),
    _one("highway", x(6), {"width": 6}, {"dense_weights": 72, "bias_weights": 12}, 72, convention="textbook"),
    _one("crf", x(), {}, {"other_weights": 49}, handed=(7, 1)),
    _one("crf", x(), {"ends": 2}, {"other_weights": 49 + 14}),
    # what has no weights, and a map to one value behind it
    WorkedBlock(
        "join",
        {"a": x(), "b": x(5), "it": {"type": "join", "from": ["a", {"b": 3}]}, "o": {"type": "dense", "width": 1, "bias": False}},
        {"dense_weights": 7 + 15},
        {"frames": 22},
    ),
    WorkedBlock(
        "join",
        {"a": image(2, 11), "b": image(3, 11), "it": {"type": "join", "from": ["a", "b"]}, "c": {"type": "convolution", "channels": 1, "kernel": [1, 1], "bias": False}},
        {"convolution_weights": 5},
        {"frames": 11 * 5},
        handed=(1, 11),
    ),
    WorkedBlock(
        "join",
        {"a": image(2, 6), "b": image(3, 4), "it": {"type": "join", "from": ["a", "b"], "combine": "add"}, "o": {"type": "dense", "width": 1, "bias": False}},
        {"dense_weights": 12},
        {"frames": 12},
    ),
    # What stands still is repeated at each step of the other.
    WorkedBlock(
        "join",
        {"a": {"type": "input", "inputs": 5, "clock": "sequence"}, "b": x(), "it": {"type": "join", "from": ["a", "b"]}, "o": {"type": "dense", "width": 1, "bias": False}},
        {"dense_weights": 12},
        {"frames": 12},
    ),
    _behind("splice", x(), {"frames": 3}, 21, 1),
    _behind("splice", image(), {"frames": 3}, 66, 1),
    _behind("subsample", x(), {"factor": 3}, 7, Fraction(1, 3)),
    _behind("subsample", x(), {"factor": 3, "how": "stack"}, 21, Fraction(1, 3)),
    _behind("split", x(6), {"parts": 3}, 2, 3),
    _behind("split", image(3, 4), {"parts": 3}, 4, 3),
    # tensors as written
    _one("weights", x(), {"tensors": {"a": [3, 5], "b": [2]}}, {"other_weights": 17}, handed=(7, 1)),
    _one("weights", x(), {"tensors": {"a": [3, 5], "b": [2]}, "matrix": True}, {"other_weights": 17}, 17),
    WorkedBlock("weights", {"w": {"type": "weights", "tensors": {"a": [5]}, "width": 5}}, {"other_weights": 5}, handed=(5, 1)),
    # a group that is repeated
    WorkedBlock(
        "group",
        {"x": x(), "g": {"type": "group", "repeat": 3, "blocks": {"a": {"type": "dense", "width": {"each": [5, 3, 2]}}}}},
        {"dense_weights": 35 + 15 + 6, "bias_weights": 10},
        {"frames": 56},
        handed=(2, 1),
    ),
)  # fmt: skip
"""Every block type; MACs per frame where nothing else is said."""
