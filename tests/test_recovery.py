"""What toolkits call the tensors of their cells, and what sizes say of them: layouts, readings, kinds, models, claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import sizer
from sizer.errors import InputError
from sizer.files.contents import Contents, StatedLayer, StoredTensor
from sizer.recovery.claims import reconcile_file
from sizer.recovery.looking import Look, look_into
from sizer.recovery.stated import stated_type

Shapes = Mapping[str, tuple[int, ...]]


def seen(shapes: Shapes, form: str = "safetensors", **more: Any) -> Look:
    return look_into(
        Contents(form, tuple(StoredTensor(name, shape, "float32") for name, shape in shapes.items()), **more)
    )


def fields(shapes: Shapes, form: str = "safetensors") -> list[dict[str, Any]]:
    return [dict(stack.fields) for stack in seen(shapes, form).stacks]


LSTM_2 = {
    f"rnn.{word}_l{layer}{back}": shape
    for layer, read in ((0, 80), (1, 512))
    for back in ("", "_reverse")
    for word, shape in (
        ("weight_ih", (4096, read)),
        ("weight_hh", (4096, 256)),
        ("bias_ih", (4096,)),
        ("bias_hh", (4096,)),
        ("weight_hr", (256, 1024)),
    )
}
NAMED: dict[str, tuple[Shapes, dict[str, Any]]] = {
    "PyTorch, projected, both directions": (
        LSTM_2,
        {
            **{"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024},
            **{"recurrent_projection": 256, "bidirectional": True},
        },
    ),
    "TensorFlow 1, peepholes and projection": (
        {
            "rnn/multi_rnn_cell/cell_0/lstm_cell/kernel": (40 + 64, 4 * 256),
            "rnn/multi_rnn_cell/cell_0/lstm_cell/bias": (4 * 256,),
            **{f"rnn/multi_rnn_cell/cell_0/lstm_cell/w_{gate}_diag": (256,) for gate in "ifo"},
            "rnn/multi_rnn_cell/cell_0/lstm_cell/projection/kernel": (256, 64),
            "rnn/multi_rnn_cell/cell_1/lstm_cell/kernel": (64 + 64, 4 * 256),
            "rnn/multi_rnn_cell/cell_1/lstm_cell/bias": (4 * 256,),
            **{f"rnn/multi_rnn_cell/cell_1/lstm_cell/w_{gate}_diag": (256,) for gate in "ifo"},
            "rnn/multi_rnn_cell/cell_1/lstm_cell/projection/kernel": (256, 64),
        },
        {
            **{"convention": "tensorflow1", "cell_type": "lstm", "inputs": 40, "layers": 2, "cells": 256},
            **{"recurrent_projection": 64, "peepholes": True, "bias_vectors": 1},
        },
    ),
    "TensorFlow 1, a GRU in two matrices": (
        {
            "rnn/gru_cell/gates/kernel": (30 + 20, 40),
            "rnn/gru_cell/gates/bias": (40,),
            "rnn/gru_cell/candidate/kernel": (50, 20),
            "rnn/gru_cell/candidate/bias": (20,),
        },
        {"convention": "tensorflow1", "cell_type": "gru", "inputs": 30, "layers": 1, "cells": 20},
    ),
    "TensorFlow 1, a plain cell": (
        {"rnn/basic_rnn_cell/kernel:0": (50, 20), "rnn/basic_rnn_cell/bias:0": (20,)},
        {"convention": "tensorflow1", "cell_type": "rnn", "inputs": 30, "layers": 1, "cells": 20},
    ),
    "TensorFlow 1, layer-normalised": (
        {
            "rnn/layer_norm_basic_lstm_cell/kernel": (30 + 20, 80),
            **{
                f"rnn/layer_norm_basic_lstm_cell/{gate}/{part}": (20,)
                for gate in ("input", "transform", "forget", "output", "state")
                for part in ("gamma", "beta")
            },
        },
        {"convention": "tensorflow1", "cell_type": "layer_norm_lstm", "inputs": 30, "layers": 1, "cells": 20},
    ),
    "cuDNN under Keras": (
        {"rnn_1/kernel": (100, 512), "rnn_1/recurrent_kernel": (128, 512), "rnn_1/bias": (1024,)},
        {"convention": "keras", "cell_type": "lstm", "inputs": 100, "layers": 1, "cells": 128, "bias_vectors": 2},
    ),
    "Keras, reset_after": (
        {"gru/gru_cell/kernel": (9, 24), "gru/gru_cell/recurrent_kernel": (8, 24), "gru/gru_cell/bias": (2, 24)},
        {"convention": "keras", "cell_type": "gru", "inputs": 9, "layers": 1, "cells": 8},
    ),
    "Keras, cells that are counted by themselves": (
        {
            f"bidirectional_1/{way}_lstm_1/lstm_cell_{number}/{word}:0": shape
            for way, number in (("forward", 4), ("backward", 5))
            for word, shape in (("kernel", (9, 32)), ("recurrent_kernel", (8, 32)), ("bias", (32,)))
        },
        {"convention": "keras", "cell_type": "lstm", "inputs": 9, "layers": 1, "cells": 8, "bidirectional": True},
    ),
    "TensorFlow 1 in ELMo's file": (
        {
            f"RNN_0/RNN/MultiRNNCell/Cell{layer}/LSTMCell/{word}": shape
            for layer in (0, 1)
            for word, shape in (("W_0", (16 + 16, 256)), ("B", (256,)), ("W_P_0", (64, 16)))
        },
        {
            **{"convention": "tensorflow1", "cell_type": "lstm", "inputs": 16, "layers": 2, "cells": 64},
            "recurrent_projection": 16,
        },
    ),
    "Kaldi nnet3, lstmp-layer": (
        {
            "lstm1.W_all.linear_params": (4 * 64, 40 + 16),
            "lstm1.W_all.bias_params": (4 * 64,),
            "lstm1.lstm_nonlin": (3, 64),
            "lstm1.W_rp.linear_params": (32, 64),
            "lstm1.W_rp.bias_params": (32,),
        },
        {
            **{"convention": "kaldi_nnet3", "cell_type": "lstm", "inputs": 40, "layers": 1, "cells": 64},
            **{"recurrent_projection": 16, "nonrecurrent_projection": 16, "peepholes": True, "bias_vectors": 1},
        },
    ),
    "Lasagne": (
        {
            **{f"l_W_in_to_{gate}": (12, 7) for gate in ("ingate", "forgetgate", "cell", "outgate")},
            **{f"l_W_hid_to_{gate}": (7, 7) for gate in ("ingate", "forgetgate", "cell", "outgate")},
            **{f"l_b_{gate}": (7,) for gate in ("ingate", "forgetgate", "cell", "outgate")},
            **{f"l_W_cell_to_{gate}": (7,) for gate in ("ingate", "forgetgate", "outgate")},
        },
        {
            **{"convention": "tensorflow1", "cell_type": "lstm", "inputs": 12, "layers": 1, "cells": 7},
            **{"peepholes": True, "bias_vectors": 1},
        },
    ),
    "AllenNLP, projected": (
        {
            "encoder.layer_0.input_linearity.weight": (256, 20),
            "encoder.layer_0.state_linearity.weight": (256, 16),
            "encoder.layer_0.state_linearity.bias": (256,),
            "encoder.layer_0.state_projection.weight": (16, 64),
        },
        {
            **{"convention": "tensorflow1", "cell_type": "lstm", "inputs": 20, "layers": 1, "cells": 64},
            "recurrent_projection": 16,
        },
    ),
    "PyTorch, layer norms in TorchScript": (
        {
            "cell.weight_ih": (32, 5),
            "cell.weight_hh": (32, 8),
            **{f"cell.layernorm_{which}.{part}": (32,) for which in "ih" for part in ("weight", "bias")},
            "cell.layernorm_c.weight": (8,),
            "cell.layernorm_c.bias": (8,),
        },
        # The shifts of both norms are the two bias vectors.
        {"convention": "pytorch", "cell_type": "split_layer_norm_lstm", "inputs": 5, "layers": 1, "cells": 8},
    ),
    "MXNet, both directions": (
        {
            f"lstm0_{side}0_{word}": shape
            for side in "lr"
            for word, shape in (
                ("i2h_weight", (40, 6)),
                ("h2h_weight", (40, 10)),
                ("i2h_bias", (40,)),
                ("h2h_bias", (40,)),
            )
        },
        {"convention": "pytorch", "cell_type": "lstm", "inputs": 6, "layers": 1, "cells": 10, "bidirectional": True},
    ),
    "Haiku": (
        {"lstm/linear/w": (30 + 20, 80), "lstm/linear/b": (80,)},
        {"convention": "keras", "cell_type": "lstm", "inputs": 30, "layers": 1, "cells": 20},
    ),
    "stacks with widths of their own": (
        {
            f"rnns.{layer}.{word}_l0": shape
            for layer, (read, cells) in enumerate(((400, 1150), (1150, 1150), (1150, 400)))
            for word, shape in (
                ("weight_ih", (4 * cells, read)),
                ("weight_hh", (4 * cells, cells)),
                ("bias_ih", (4 * cells,)),
                ("bias_hh", (4 * cells,)),
            )
        },
        {"convention": "pytorch", "cell_type": "lstm", "inputs": 400, "layers": 3, "cells": [1150, 1150, 400]},
    ),
}


@pytest.mark.parametrize(("shapes", "expected"), NAMED.values(), ids=NAMED)
def test_names_of_toolkits_are_read(shapes: Shapes, expected: dict[str, Any]) -> None:
    found = seen(shapes)
    assert [dict(stack.fields) for stack in found.stacks] == [expected]
    assert found.unexplained == ()
    assert found.counted is not None
    assert found.counted.weights == found.weights == sizer.count(expected).weights


def test_a_matrix_that_may_be_two_cells_is_said_to_be_either() -> None:
    (stack,) = seen({"rnn/kernel": (50, 40), "rnn/bias": (40,)}).stacks
    assert (stack.fields["cell_type"], stack.fields["inputs"], stack.fields["cells"]) == ("lstm", 40, 10)
    (other,) = stack.readings
    assert (other["cell_type"], other["inputs"], other["cells"]) == ("rnn", 10, 40)
    assert sizer.count(other).weights == stack.weights == 2040


def test_three_gates_without_a_toolkits_name_are_either_cell() -> None:
    (stack,) = seen({"net.w_x": (6, 12), "net.w_h": (4, 12), "net.b": (12,)}).stacks
    assert stack.fields["cell_type"] == "gru"
    assert [reading["cell_type"] for reading in stack.readings] == ["cifg_lstm"]
    # PyTorch has no other cell of three gates, whatever a module is called.
    (stack,) = seen({"lstm.weight_ih_l0": (12, 6), "lstm.weight_hh_l0": (12, 4)}).stacks
    assert (stack.fields["cell_type"], stack.readings) == ("gru", ())


def test_simple_recurrent_units_have_one_direction_or_two() -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (inputs, matrices) in enumerate(((20, 4), (64, 3))):
        shapes |= {f"sru.rnn_lst.{layer}.weight": (inputs, matrices * 64)}
        shapes |= {f"sru.rnn_lst.{layer}.weight_c": (128,), f"sru.rnn_lst.{layer}.bias": (128,)}
    (stack,) = seen(shapes).stacks
    assert stack.fields == {"convention": "pytorch", "cell_type": "sru", "inputs": 20, "layers": 2, "cells": 64}
    assert stack.readings == ({**stack.fields, "cells": 32, "bidirectional": True},)
    assert [sizer.count(one).weights for one in (stack.fields, *stack.readings)] == [stack.weights, stack.weights]


def test_layers_with_another_between_them_are_no_stack() -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    for name in ("lstm", "lstm_1"):
        shapes |= {f"{name}/kernel": (8, 32), f"{name}/recurrent_kernel": (8, 32), f"{name}/bias": (32,)}
    shapes |= {"dense/kernel": (8, 8), "dense/bias": (8,)}
    assert [one["layers"] for one in fields(shapes)] == [2]
    layers = tuple(
        StatedLayer(kind, name, {}, tuple(one for one in shapes if one.partition("/")[0] == name))
        for kind, name in (("LSTM", "lstm"), ("Dense", "dense"), ("LSTM", "lstm_1"))
    )
    assert [stack.fields["layers"] for stack in seen(shapes, "keras h5", layers=layers).stacks] == [1, 1]
    apart = (layers[1], layers[0], layers[2])
    assert [stack.fields["layers"] for stack in seen(shapes, "keras h5", layers=apart).stacks] == [2]


def test_what_no_sizes_bear_out_is_no_stack() -> None:
    for broken in ({"rnn.weight_hh_l0": (4096, 1000)}, {"rnn.bias_ih_l0": (4095,)}, {"rnn.weight_hr_l0": (255, 1024)}):
        found = seen({**LSTM_2, **broken})
        assert all(stack.fields["layers"] == 1 or not stack.fields.get("bidirectional") for stack in found.stacks)
        assert sum(stack.weights for stack in found.stacks) < found.weights


def test_a_dense_layer_whose_name_speaks_of_recurrence_is_one() -> None:
    found = seen({"rnn_head/dense/kernel": (50, 40), "rnn_head/dense/bias": (40,)})
    assert found.stacks == ()
    assert [(block.type, block.reads, dict(block.fields)) for block in found.around] == [
        ("dense", 50, {"width": 40, "bias": True})
    ]


def test_a_cell_of_nobodys_is_a_table_of_its_own() -> None:
    shapes: dict[str, tuple[int, ...]] = {"mlstm.0.wx": (10, 28), "mlstm.0.wh": (7, 28), "mlstm.0.b": (28,)}
    shapes |= {"mlstm.0.wmx": (10, 7), "mlstm.0.wmh": (7, 7), "mlstm.0.gmx": (7,)}
    found = seen(shapes)
    (stack,) = found.stacks
    assert stack.cell_types["mlstm"]["tensors"]["wmx"] == {
        "shape": ["input", "cells"],
        "part": "input_weights",
        "matrix": True,
    }
    by_hand = 10 * 28 + 7 * 28 + 28 + 10 * 7 + 7 * 7 + 7
    assert sizer.count(stack.fields, stack.cell_types).weights == found.weights == by_hand


def test_buffers_optimizers_and_ties_are_told_apart() -> None:
    tensors = (
        StoredTensor("embedding.weight", (100, 8), "float32", storage="a"),
        StoredTensor("decoder.weight", (100, 8), "float32", storage="a"),
        StoredTensor("decoder.bias", (100,), "float32", storage="b"),
        StoredTensor("bn.weight", (8,), "float32"),
        StoredTensor("bn.bias", (8,), "float32"),
        StoredTensor("bn.running_mean", (8,), "float32"),
        StoredTensor("bn.running_var", (8,), "float32"),
        StoredTensor("bn.num_batches_tracked", (), "int64"),
        StoredTensor("optimizer.state.0.exp_avg", (100, 8), "float32", "optimizer"),
        StoredTensor("stft.window", (400,), "float32", "buffer"),
        StoredTensor("stft.filters", (400, 201), "float32", "buffer"),
    )
    found = look_into(Contents("torchscript", tensors))
    values = {
        kind: sum(tensor.size for tensor in getattr(found.kinds, kind)) for kind in ("buffers", "optimizer", "fixed")
    }
    assert values == {"buffers": 8 + 8 + 1 + 400, "optimizer": 800, "fixed": 400 * 201}
    assert found.weights == 800 + 100 + 16 + 400 * 201
    assert [(copy.name, original.name) for copy, original in found.kinds.tied] == [
        ("decoder.weight", "embedding.weight")
    ]
    assert found.model is not None
    assert found.model.declared["blocks"]["decoder"]["tied"] == "embedding"
    assert found.counted is not None
    assert found.counted.weights == 800 + 100 + 16
    assert [block.fields.get("norm") for block in found.around if block.type == "norm"] == ["batch"]
    assert [tensor.name for tensor in found.unexplained] == ["stft.filters"]


def test_an_lstm_of_convolutions_is_a_block() -> None:
    # keras.layers.ConvLSTM2D(8, (3, 5)) on 6 channels has 4 x (3 x 5 x (6 + 8) x 8 + 8) weights.
    at = "conv_lstm2d/conv_lstm_cell"
    shapes = {f"{at}/kernel": (3, 5, 6, 32), f"{at}/recurrent_kernel": (3, 5, 8, 32), f"{at}/bias": (32,)}
    found = seen(shapes)
    assert [(block.type, dict(block.fields)) for block in found.around] == [
        ("convolutional_lstm", {"channels": 8, "kernel": [3, 5], "bias": True})
    ]
    assert found.counted is not None
    assert found.counted.weights == found.weights == 4 * (3 * 5 * (6 + 8) * 8 + 8)


def test_transformer_layers_are_one_block() -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(3):
        at = f"bert.encoder.layer.{layer}"
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{at}.{name}.weight": (64, 64), f"{at}.{name}.bias": (64,)}
        shapes |= {f"{at}.intermediate.dense.weight": (256, 64), f"{at}.intermediate.dense.bias": (256,)}
        shapes |= {f"{at}.output.dense.weight": (64, 256), f"{at}.output.dense.bias": (64,)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{at}.{name}.weight": (64,), f"{at}.{name}.bias": (64,)}
    found = seen(shapes)
    assert [
        (block.type, block.fields["width"], block.fields["feed_forward"], block.fields["layers"])
        for block in found.around
    ] == [("transformer", 64, 256, 3)]
    assert found.counted is not None
    assert found.counted.weights == found.weights


@pytest.mark.parametrize(
    ("kind", "cell_type"),
    [
        ("torch.nn.modules.rnn.LSTM", "lstm"),
        ("torch.nn.modules.rnn.GRUCell", "gru"),
        ("CuDNNGRU", "gru"),
        ("SimpleRNN", "rnn"),
        ("OptimizedLSTMCell", "lstm"),
        ("Linear", None),
        ("LSTMEncoder", None),
    ],
)
def test_classes_say_their_cells(kind: str, cell_type: str | None) -> None:
    assert stated_type(kind) == cell_type


def test_a_claim_finds_the_part_that_gives_it() -> None:
    shapes = {**LSTM_2, "embedding.weight": (1000, 80), "head.weight": (100, 512), "head.bias": (100,)}
    found = seen(shapes)
    recurrent = found.stacks[0].weights
    assert reconcile_file(found, found.weights).answers[0].words == "every weight"
    assert reconcile_file(found, recurrent).answers[0].words == "recurrent blocks alone"
    assert reconcile_file(found, found.weights - 80_000).answers[0].words == "all but embedding blocks"
    nothing = reconcile_file(found, 7)
    assert (nothing.answers, len(nothing.near) > 0) == ((), True)
    with pytest.raises(InputError, match="is not a figure"):
        reconcile_file(found, "many")


def test_what_is_no_model_is_a_fault() -> None:
    with pytest.raises(InputError, match="neither a path nor a model"):
        sizer.look(3)
    with pytest.raises(InputError, match="holds no tensor"):
        sizer.look({"a": {"b": 3}})
    with pytest.raises(InputError, match="no such file"):
        sizer.look("no-such-file.pt")


def test_names_of_thousands_of_digits_and_thousands_of_layers_are_no_trouble() -> None:
    shapes: dict[str, tuple[int, ...]] = {f"rnn{'9' * 5000}.weight_ih_l{'1' * 5000}": (8, 3)}
    for layer in range(1100):
        shapes |= {f"at.{layer}.rnn.weight_ih_l0": (8, 3), f"at.{layer}.rnn.weight_hh_l0": (8, 2)}
    found = seen(shapes)
    assert len(found.stacks) == 1100
    assert found.model is None
    assert found.notes == ("no model of blocks: there would be too many of them",)
