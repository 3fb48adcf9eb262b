"""Names and shapes as further toolkits write them, recovered to the field; each is what the toolkit's own code makes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import sizer
from sizer.files.contents import Contents, StatedLayer, StoredTensor
from sizer.recovery.looking import Look, look_into

Shapes = Mapping[str, tuple[int, ...]]
INPUTS, CELLS = 20, 32
LSTM = {"convention": "pytorch", "cell_type": "lstm", "inputs": INPUTS, "layers": 1, "cells": CELLS}
GRU = {**LSTM, "cell_type": "gru"}


def seen(shapes: Shapes, form: str = "safetensors", **more: Any) -> Look:
    return look_into(
        Contents(form, tuple(StoredTensor(name, shape, "float32") for name, shape in shapes.items()), **more)
    )


def numbered(gates: int, layers: tuple[int, ...], at: str) -> Shapes:
    """Return `links.NStepLSTM` and `NStepGRU` of Chainer: a matrix of each gate on the input, then those on the state."""
    return {
        f"{at}/{layer}/{word}{number}": (CELLS,) if word == "b" else (CELLS, reads if number < gates else CELLS)
        for layer, reads in enumerate(layers)
        for number in range(2 * gates)
        for word in "wb"
    }


def by_gates(gates: str, matrix: str, square: str, bias: str) -> Shapes:
    """Return tensors of each gate, whose name stands where `@` does."""
    return {
        word.replace("@", gate): shape
        for gate in gates.split(",")
        for word, shape in ((matrix, (INPUTS, CELLS)), (square, (CELLS, CELLS)), (bias, (CELLS,)))
    }


NAMED: dict[str, tuple[str, Shapes, dict[str, Any]]] = {
    "arrays of g2p_en": (
        "npz",
        {"enc_w_ih": (96, 20), "enc_w_hh": (96, 32), "enc_b_ih": (96,), "enc_b_hh": (96,)},
        GRU,
    ),
    "arrays of a square GRU, whose rows are its gates": (
        "npz",
        {"enc_w_ih": (96, 32), "enc_w_hh": (96, 32), "enc_b_ih": (96,), "enc_b_hh": (96,)},
        {**GRU, "inputs": 32},
    ),
    "Paddle, an inference model": (
        "pickle",
        {
            f"lstm_cell_0.{word}": shape
            for word, shape in (("w_0", (128, 20)), ("w_1", (128, 32)), ("b_0", (128,)), ("b_1", (128,)))
        },
        LSTM,
    ),
    "Chainer, NStepLSTM": ("npz", numbered(4, (20, 32), "updater/model:main/encoder"), {**LSTM, "layers": 2}),
    "Chainer, NStepBiLSTM": ("npz", numbered(4, (20, 20, 64, 64), "rnn"), {**LSTM, "layers": 2, "bidirectional": True}),
    "Chainer, NStepBiGRU of one layer": ("npz", numbered(3, (20, 20), "rnn"), {**GRU, "bidirectional": True}),
    "Chainer, NStepGRU": ("npz", numbered(3, (20,), "rnn"), GRU),
    "Chainer, StatefulGRU": (
        "npz",
        {
            f"gru/{name}/{word}": (32,) if word == "b" else (32, 20 if name[0] == "W" else 32)
            for name in ("W_r", "U_r", "W_z", "U_z", "W", "U")
            for word in "Wb"
        },
        {**GRU, "convention": "keras"},
    ),
    "Keras 0": (
        "keras h5",
        {f"layer_1/param_{number}": shape for number, shape in enumerate(4 * [(20, 32), (32, 32), (32,)])},
        {**LSTM, "convention": "keras"},
    ),
    "TensorFlow 0": (
        "tensorflow checkpoint",
        {
            f"RNN/MultiRNNCell/Cell{layer}/BasicLSTMCell/Linear/{word}": shape
            for layer, reads in ((0, 20), (1, 32))
            for word, shape in (("Matrix", (reads + 32, 128)), ("Bias", (128,)))
        },
        {**LSTM, "convention": "tensorflow1", "layers": 2},
    ),
    "TensorFlow 0, a GRU": (
        "tensorflow checkpoint",
        {
            **{"RNN/GRUCell/Gates/Linear/Matrix": (52, 64), "RNN/GRUCell/Gates/Linear/Bias": (64,)},
            **{"RNN/GRUCell/Candidate/Linear/Matrix": (52, 32), "RNN/GRUCell/Candidate/Linear/Bias": (32,)},
        },
        {**GRU, "convention": "tensorflow1"},
    ),
    "TensorFlow 2, a checkpoint of Keras": (
        "tensorflow checkpoint",
        {
            f"layer_with_weights-1/{way}_layer/cell/{word}/.ATTRIBUTES/VARIABLE_VALUE": shape
            for way in ("forward", "backward")
            for word, shape in (("kernel", (20, 128)), ("recurrent_kernel", (32, 128)), ("bias", (128,)))
        },
        {**LSTM, "convention": "keras", "bidirectional": True},
    ),
    "Burn": (
        "safetensors",
        {
            f"lstm.{gate}_gate.{side}_transform.{word}": (32,) if word == "bias" else (reads, 32)
            for gate in ("input", "forget", "output", "cell")
            for side, reads in (("input", 20), ("hidden", 32))
            for word in ("weight", "bias")
        },
        LSTM,
    ),
    "Caffe2": (
        "pickle",
        {"lstm/i2h_w": (128, 20), "lstm/i2h_b": (128,), "lstm/gates_t_w": (128, 32), "lstm/gates_t_b": (128,)},
        LSTM,
    ),
    "Equinox": (
        "npz",
        {"lstm.weight_ih": (128, 20), "lstm.weight_hh": (128, 32), "lstm.bias": (128,)},
        {**LSTM, "convention": "keras"},
    ),
    "Equinox, a GRU with a bias of its candidate": (
        "npz",
        {"gru.weight_ih": (96, 20), "gru.weight_hh": (96, 32), "gru.bias": (96,), "gru.bias_n": (32,)},
        {**GRU, "convention": "flax"},
    ),
    "MLX, a GRU": (
        "safetensors",
        {"gru.Wx": (96, 20), "gru.Wh": (96, 32), "gru.b": (96,), "gru.bhn": (32,)},
        {**GRU, "convention": "flax"},
    ),
    "OCRopus": (
        "pickle",
        {
            **{f"nets.0.{word}": (32, 53) for word in ("WGI", "WGF", "WGO", "WCI")},
            **{f"nets.0.{word}": (32,) for word in ("WIP", "WFP", "WOP")},
        },
        {**LSTM, "convention": "tensorflow1", "peepholes": True, "bias_vectors": 1},
    ),
    "RETURNN": (
        "tensorflow checkpoint",
        {
            f"lstm{layer}_{way}/rec/{word}": shape
            for layer, reads in ((0, 20), (1, 64))
            for way in ("fw", "bw")
            for word, shape in (("W", (reads, 128)), ("W_re", (32, 128)), ("b", (128,)))
        },
        {**LSTM, "convention": "keras", "layers": 2, "bidirectional": True},
    ),
    "dl4mt, a GRU in two pieces": (
        "npz",
        {
            **{"encoder_W": (20, 64), "encoder_U": (32, 64), "encoder_b": (64,)},
            **{"encoder_Wx": (20, 32), "encoder_Ux": (32, 32), "encoder_bx": (32,)},
        },
        {**GRU, "convention": "tensorflow1"},
    ),
    "gates by letters": ("npz", by_gates("i,f,o,c", "W@", "U@", "b@"), {**LSTM, "convention": "keras"}),
    "gates by letters, behind a dash": (
        "npz",
        by_gates("z,r,h", "enc.W_@", "enc.U_@", "enc.b_@"),
        {**GRU, "convention": "tensorflow1"},
    ),
    "gates behind the side": (
        "torch zip",
        by_gates("i,f,g,o", "at.W_i@", "at.W_h@", "at.b_@"),
        {**LSTM, "convention": "keras"},
    ),
    "peepholes of Keras": (
        "keras h5",
        {
            **{
                f"rnn/peephole_lstm_cell/{word}:0": shape
                for word, shape in (("kernel", (20, 128)), ("recurrent_kernel", (32, 128)), ("bias", (128,)))
            },
            **{
                f"rnn/peephole_lstm_cell/{gate}_gate_peephole_weights:0": (32,)
                for gate in ("input", "forget", "output")
            },
        },
        {**LSTM, "convention": "tensorflow1", "peepholes": True, "bias_vectors": 1},
    ),
    "PyTorch, quantised": (
        "torch zip",
        {
            f"rnn._all_weight_values.{number}.param.{word}": shape
            for number, reads in enumerate((20, 20, 64, 64))
            for word, shape in (
                ("0.1.0", (128,)),
                ("0.1.1", (128,)),
                ("0.4.0.0.0", (128, reads)),
                ("0.4.1.0.0", (128, 32)),
            )
        },
        {**LSTM, "layers": 2, "bidirectional": True},
    ),
    "PyTorch, quantised, in TorchScript": (
        "torchscript",
        {
            f"rnn._all_weight_values.{number}.param.{word}": shape
            for number in (0, 1)
            for word, shape in (("1.0.0", (96,)), ("1.0.1", (96,)), ("4.0.0.0", (96, 32)), ("4.0.1.0", (96, 32)))
        },
        {**GRU, "inputs": 32, "layers": 2},
    ),
    "PyTorch, quantised cells": (
        "torch zip",
        {
            f"cells.{layer}._packed_weight_{side}.0.{number}": (128,)
            if number
            else (128, reads if side == "ih" else 32)
            for layer, reads in ((0, 20), (1, 32))
            for side in ("ih", "hh")
            for number in (0, 1)
        },
        {**LSTM, "layers": 2},
    ),
    "a list of arrays of Keras": (
        "npz",
        {
            f"arr_{number}": shape
            for number, shape in enumerate([(20, 128), (32, 128), (128,), (32, 128), (32, 128), (128,)])
        },
        {**LSTM, "convention": "keras", "layers": 2},
    ),
    "variables of Keras by their numbers, both directions": (
        "tensorflow checkpoint",
        {
            f"variables/{number}/.ATTRIBUTES/VARIABLE_VALUE": shape
            for number, shape in reversed(
                [*enumerate(2 * [(178, 100), (25, 100), (100,)] + 2 * [(50, 100), (25, 100), (100,)], 2)]
            )
        },
        {**LSTM, "convention": "keras", "inputs": 178, "layers": 2, "cells": 25, "bidirectional": True},
    ),
    "a list of arrays of PyTorch": (
        "torch zip",
        {str(number): shape for number, shape in enumerate([(128, 20), (128, 32), (128,), (128,)])},
        LSTM,
    ),
    "a list of arrays of Lasagne": (
        "npz",
        {f"arr_{number}": shape for number, shape in enumerate([*(4 * [(20, 32), (32, 32), (32,)]), *(3 * [(32,)])])},
        {**LSTM, "convention": "tensorflow1", "peepholes": True, "bias_vectors": 1},
    ),
}


@pytest.mark.parametrize(("form", "shapes", "expected"), NAMED.values(), ids=NAMED)
def test_names_of_further_toolkits_are_read(form: str, shapes: Shapes, expected: dict[str, Any]) -> None:
    found = seen(shapes, form)
    assert [dict(stack.fields) for stack in found.stacks] == [expected]
    assert found.recurrent_weights == found.weights == sizer.count(expected).weights
    assert found.unexplained == ()


def test_layers_within_a_direction_are_a_stack_of_that_direction() -> None:
    found = seen(
        {
            f"BDGRU_rnn/{way}/multi_rnn_cell/cell_{layer}/lstm_cell/{word}": shape
            for way in ("fw", "bw")
            for layer, reads in ((0, 256), (1, 100), (2, 100))
            for word, shape in (("kernel", (reads + 100, 400)), ("bias", (400,)))
        },
        "tensorflow checkpoint",
    )
    alone = {"convention": "tensorflow1", "cell_type": "lstm", "inputs": 256, "layers": 3, "cells": 100}
    assert [dict(stack.fields) for stack in found.stacks] == [alone, alone]


def test_two_layers_whose_directions_are_added_stay_bidirectional() -> None:
    found = seen(
        {
            f"bidirectional{number}/{way}_lstm{number}/lstm_cell/{word}:0": shape
            for number in ("", "_1")
            for way in ("forward", "backward")
            for word, shape in (("kernel", (32, 128)), ("recurrent_kernel", (32, 128)), ("bias", (128,)))
        },
        "keras h5",
    )
    assert [(stack.fields["layers"], stack.fields["bidirectional"]) for stack in found.stacks] == 2 * [(1, True)]


def test_dense_layers_in_a_list_are_no_cells() -> None:
    found = seen({str(number): shape for number, shape in enumerate(3 * [(128, 32), (128,), (32, 128), (32,)])})
    assert found.stacks == ()


def test_what_an_optimizer_and_an_exporter_leave_are_no_weights() -> None:
    found = seen(
        {
            **{"beta1_power": (), "beta2_power": (), "state.0.step": (), "bn/pop_mean": (8,), "bn/pop_var": (8,)},
            "dense/kernel": (3, 4),
        },
        "tensorflow checkpoint",
    )
    assert found.weights == 12


def spelt_out(scope: str, gates: int, biases: int = 1) -> tuple[list[StoredTensor], list[StatedLayer]]:
    """Return the tensors and the first step of a layer of Keras as tf2onnx writes it (as in piper's `nakdimon.onnx`)."""
    shapes = ((INPUTS, gates * CELLS), (CELLS, gates * CELLS), *(biases * [(gates * CELLS,)]))
    tensors = [StoredTensor(f"{scope}/input/_{number}:0", shape, "float32") for number, shape in enumerate(shapes)]
    products = [
        StatedLayer(
            "MatMul", f"{scope}/MatMul{end}", {"outputs": [f"{scope}/MatMul{end}:0"]}, ("x", tensors[which].name)
        )
        for which, end in enumerate(("", "_1"))
    ]
    sums = [
        StatedLayer("Add", f"{scope}/BiasAdd{'_1' * number}", {"outputs": []}, ("x", tensors[2 + number].name))
        for number in range(biases)
    ]
    return tensors, [*products[::-1], *sums]


def test_cells_that_a_graph_spells_out_are_found() -> None:
    forth = spelt_out("model/bidirectional/forward_lstm/PartitionedCall", 4)
    back = spelt_out("model/bidirectional/backward_lstm/PartitionedCall", 4)
    other = spelt_out("model/gru/PartitionedCall", 3, 2)
    dense = spelt_out("model/attention", 2)
    contents = Contents(
        "onnx",
        tuple(one for part in (forth, back, other, dense) for one in part[0]),
        tuple(one for part in (forth, back, other, dense) for one in part[1]),
    )
    found = look_into(contents)
    assert [dict(stack.fields) for stack in found.stacks] == [
        {**LSTM, "convention": "keras", "bidirectional": True},
        {**GRU, "convention": "keras"},
    ]
    assert found.stacks[0].by == "stated"


def test_a_cell_of_a_loop_of_tensorflow_lite_is_found() -> None:
    body = "gru_1/while_body/gru_1/while/gru_cell_1"
    shapes = {"b0": (96,), "b1": (96,), "w": (96, INPUTS), "u": (96, CELLS)}
    layers = tuple(
        StatedLayer(
            "FULLY_CONNECTED", f"main/FULLY_CONNECTED_{place}", {"outputs": [f"{body}/{output};{body}/add"]}, read
        )
        for place, (output, read) in enumerate((("MatMul_1", ("h", "u", "b1")), ("MatMul", ("x", "w", "b0"))))
    )
    found = seen(shapes, "tflite", layers=layers)
    assert [dict(stack.fields) for stack in found.stacks] == [{**GRU, "convention": "keras"}]
    assert found.unexplained == ()


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("coupled", [False, True])
def test_operators_of_tensorflow_lite_are_read(both: bool, coupled: bool) -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    read = ["x"]
    for way in ("fw", "bw")[: 1 + both]:
        read.extend("" if coupled and gate == "i" else f"{way}.w{gate}" for gate in ("i", "f", "c", "o"))
        read.extend("" if coupled and gate == "i" else f"{way}.u{gate}" for gate in ("i", "f", "c", "o"))
        read += ["", "", ""]
        for gate in ("i", "f", "c", "o"):
            read.append("" if coupled and gate == "i" else f"{way}.b{gate}")
        read += ["", ""]
    for name in read[1:]:
        if name:
            shapes[name] = {"w": (CELLS, INPUTS), "u": (CELLS, CELLS), "b": (CELLS,)}[name[3]]
    kind = "BIDIRECTIONAL_SEQUENCE_LSTM" if both else "UNIDIRECTIONAL_SEQUENCE_LSTM"
    found = seen(shapes, "tflite", layers=(StatedLayer(kind, "lstm", {"outputs": []}, tuple(read)),))
    (stack,) = found.stacks
    assert stack.fields["cell_type"] == ("cifg_lstm" if coupled else "lstm")
    assert stack.fields.get("bidirectional", False) is both
    assert found.recurrent_weights == (1 + both) * (4 - coupled) * CELLS * (INPUTS + CELLS + 1)
    assert found.unexplained == ()


def test_a_state_that_an_exporter_computed_is_no_weight() -> None:
    shapes = {
        **{"w": (1, 128, 20), "r": (1, 128, 32), "b": (1, 256)},
        **{"val_16": (1, 1, 32), "first_state": (1, 1, 32)},
    }
    operator = StatedLayer(
        "LSTM", "node_LSTM", {"hidden_size": 32, "outputs": ["y"]}, ("x", "w", "r", "b", "", "val_16", "first_state")
    )
    found = seen(shapes, "onnx", layers=(operator,))
    assert [dict(stack.fields) for stack in found.stacks] == [LSTM]
    assert [tensor.name for tensor in found.unexplained] == ["first_state"]
    assert found.weights == found.recurrent_weights + 32


@pytest.mark.thorough
def test_what_the_newer_exporter_of_pytorch_writes_is_recovered(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")

    class Tagger(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, rnn: Any, handed_up: int) -> None:
            super().__init__()
            self.rnn = rnn
            self.out = torch.nn.Linear(handed_up, 7)

        def forward(self, frames: Any) -> Any:
            return self.out(self.rnn(frames)[0])

    for kind, expected in (
        ("LSTM", {**LSTM, "layers": 2, "bidirectional": True}),
        ("GRU", {**GRU, "bidirectional": True}),
        ("GRU", {**GRU, "layers": 2}),
    ):
        both = "bidirectional" in expected
        rnn = getattr(torch.nn, kind)(INPUTS, CELLS, expected["layers"], bidirectional=both, batch_first=True)
        model = Tagger(rnn, (1 + both) * CELLS).eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(model, (torch.zeros(1, 5, INPUTS),), tmp_path / "model.onnx", dynamo=True, verbose=False)
        found = sizer.look(tmp_path / "model.onnx")
        assert [dict(stack.fields) for stack in found.stacks] == [expected]
        assert found.weights == sum(parameter.numel() for parameter in model.parameters())
