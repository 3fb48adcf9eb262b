"""Exported modules, run: their parameters are what we count, and a forward pass goes through them."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sizer.errors import InputError
from sizer.frameworks import pytorch
from sizer.frameworks.code import write_code
from sizer.frameworks.plan import plan
from sizer.networks.counting import Count, count, read
from tests.framework_networks import random_network

CELL_TYPES = ("lstm", "gru", "rnn")


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed (the extra `frameworks`)")


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("torch", reason="PyTorch, Keras' backend here, is not installed (the extra `frameworks`)")
    return pytest.importorskip("keras", reason="Keras is not installed (the extra `frameworks`)")


def run(code: str) -> dict[str, Any]:
    """Return what a module defines."""
    compile(code, "exported", "exec")
    module: dict[str, Any] = {"__name__": "exported"}
    exec(code, module)
    return module


def expected(fields: dict[str, Any], code: str) -> tuple[Count, int]:
    """Return the count, and the weights that the module must have; its docstring says them."""
    counted = count(fields)
    weights = counted.weights - counted.parts["other_weights"]
    assert f" with exactly {weights:,} weights.\n" in code.partition('"""\n')[0]
    return counted, weights


def input_shape(counted: Count) -> tuple[int, ...]:
    return (2, 3) if counted.configuration["vocabulary"] else (2, 3, counted.configuration["inputs"])


def returned_width(fields: dict[str, Any]) -> int:
    planned = plan(read(fields).resolved)
    return planned.outputs or planned.fed


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_torch_modules_have_our_weights(torch: Any, cell_type: str) -> None:
    chance = random.Random(f"torch code {cell_type}")
    for _ in range(300):
        fields = random_network(chance, "pytorch", cell_type, 2000)
        code = write_code(fields, "torch")
        _, weights = expected(fields, code)
        with torch.device("meta"):
            network = run(code)["Network"]()
        assert sum(parameter.numel() for parameter in network.parameters()) == weights, fields
        built = pytorch.modules(plan(read(fields).resolved))
        shapes = [sorted(tuple(p.shape) for p in made.parameters()) for made in (network, built)]
        assert shapes[0] == shapes[1], fields


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_torch_modules_run(torch: Any, cell_type: str) -> None:
    chance = random.Random(f"torch forward {cell_type}")
    for _ in range(60):
        fields = random_network(chance, "pytorch", cell_type, 12)
        counted = count(fields)
        network = run(write_code(fields, "torch"))["Network"]()
        given = torch.zeros(input_shape(counted), dtype=torch.long if "vocabulary" in fields else torch.float32)
        with torch.no_grad():
            assert network(given).shape == (2, 3, returned_width(fields)), fields


@pytest.mark.thorough
@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_keras_models_have_our_weights_and_run(keras: Any, cell_type: str) -> None:
    import numpy as np

    chance = random.Random(f"keras code {cell_type}")
    for number in range(150):
        convention = "tensorflow1" if cell_type == "gru" and number % 3 == 0 else "keras"
        fields = random_network(chance, convention, cell_type, 12)
        code = write_code(fields, "keras")
        counted, weights = expected(fields, code)
        model = run(code)["build_network"]()
        assert model.count_params() == weights, fields
        assert model.output_shape == (None, None, returned_width(fields)), fields
        if number % 15 == 0:
            given = np.zeros(input_shape(counted), dtype="int32" if "vocabulary" in fields else "float32")
            assert tuple(model(given).shape) == (2, 3, returned_width(fields)), fields


@pytest.mark.parametrize("to", ["torch", "keras"])
def test_a_network_of_another_convention_is_written_where_the_framework_has_its_shapes(
    to: str, request: pytest.FixtureRequest
) -> None:
    """Without biases and peepholes it is the same network everywhere, and so is its code but for the convention."""
    framework = request.getfixturevalue(to)
    network = {"cell_type": "lstm", "inputs": 3, "layers": 2, "cells": 5, "peepholes": False, "bias_vectors": 0}
    codes = set()
    for convention in ("textbook", "sak2014", "graves2013", "pytorch", "keras", "tensorflow1", "flax"):
        fields = network | {"convention": convention}
        if to == "torch" or convention != "flax":
            code = write_code(fields, to)
            codes.add(code.replace(f"Convention {convention}", ""))
            made = run(code)["Network" if to == "torch" else "build_network"]()
            weights = made.parameters() if to == "torch" else made.weights
            assert sum(framework.numel(w) if to == "torch" else w.value.numel() for w in weights) == 4 * 5 * (3 + 3 * 5)
    assert len(codes) == 1


NETWORK = {"inputs": 3, "layers": 2, "cells": 8}


@pytest.mark.parametrize(
    ("to", "fields", "faults"),
    [
        (
            "torch",
            {"convention": "kaldi_nnet3", "cell_type": "lstm", "recurrent_projection": 2, "nonrecurrent_projection": 2},
            [
                (
                    "convention",
                    "kaldi_nnet3 sets bias_vectors to 1: torch.nn.LSTM has two bias vectors per gate or none; keras has one",
                ),
                (
                    "convention",
                    "kaldi_nnet3 sets peepholes to true: torch.nn.LSTM has no peepholes; tensorflow1 and the Kaldi conventions have",
                ),
                (
                    "convention",
                    "kaldi_nnet3 sets projection_bias to true: torch.nn.LSTM has no bias on its projection; kaldi_nnet3 has",
                ),
                ("nonrecurrent_projection", "torch.nn.LSTM has no non-recurrent projection; kaldi_nnet3 has"),
            ],
        ),
        (
            "torch",
            {"convention": "tensorflow1", "cell_type": "lstm", "bias_vectors": 0, "recurrent_projection": 8},
            [
                (
                    "recurrent_projection",
                    "torch.nn.LSTM needs a projection narrower than its cells; tensorflow1 takes any",
                )
            ],
        ),
        (
            "torch",
            {"convention": "tensorflow1", "cell_type": "gru"},
            [
                (
                    "convention",
                    "tensorflow1 sets bias_vectors to 1: torch.nn.GRU has two bias vectors per gate or none; tensorflow1 has one",
                )
            ],
        ),
        (
            "torch",
            {"convention": "flax", "cell_type": "gru"},
            [("convention", "torch.nn.GRU has no bias vector on the candidate alone; flax has")],
        ),
        (
            "torch",
            {"convention": "flax", "cell_type": "rnn"},
            [
                (
                    "convention",
                    "flax sets bias_vectors to 1: torch.nn.RNN has two bias vectors per gate or none; keras has one",
                )
            ],
        ),
        (
            "torch",
            {"convention": "back_of_envelope", "cell_type": "lstm"},
            [
                ("convention", "back_of_envelope is a formula, and no network has its shapes"),
            ],
        ),
        (
            "keras",
            {
                "convention": "sak2014",
                "cell_type": "lstm",
                "peepholes": False,
                "cells": [8, 9],
                "recurrent_projection": [0, 3],
                "nonrecurrent_projection": 2,
            },
            [
                ("nonrecurrent_projection", "keras.layers.LSTM has no projection; kaldi_nnet3 has one"),
                ("recurrent_projection", "keras.layers.LSTM has no projection; pytorch and tensorflow1 have one"),
            ],
        ),
        (
            "keras",
            {"convention": "graves2013", "cell_type": "lstm"},
            [
                (
                    "convention",
                    "graves2013 sets peepholes to true: keras.layers.LSTM has no peepholes; tensorflow1 and the Kaldi conventions have",
                )
            ],
        ),
        (
            "keras",
            {"convention": "pytorch", "cell_type": "rnn"},
            [
                (
                    "convention",
                    "pytorch sets bias_vectors to 2: keras.layers.SimpleRNN has one bias vector per gate or none; pytorch has two",
                )
            ],
        ),
        (
            "keras",
            {"convention": "flax", "cell_type": "gru"},
            [("convention", "keras.layers.GRU has no bias vector on the candidate alone; flax has")],
        ),
    ],
)
def test_what_a_framework_cannot_express_is_a_fault(
    to: str, fields: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    with pytest.raises(InputError) as caught:
        write_code(NETWORK | fields, to)
    assert [(fault.path, fault.message) for fault in caught.value.faults] == faults


def test_a_network_of_any_size_is_written_without_being_built() -> None:
    fields = {"convention": "pytorch", "cell_type": "gru", "inputs": 3, "layers": 10**12, "cells": 10**30}
    assert f"nn.GRU(3, {10**30}, num_layers={10**12}, batch_first=True)" in write_code(fields, "torch")
    assert f"for _ in range({10**12}):" in write_code(fields | {"convention": "keras"}, "keras")
    assert f"for _ in range({10**12 - 1})" in write_code(fields | {"skip_connections": True}, "torch")


def test_the_code_is_as_a_person_would_write_it(tmp_path: Path) -> None:
    pytest.importorskip("ruff", reason="ruff is not installed (the extra `checks`)")
    chance = random.Random("style")
    for number in range(60):
        for convention, to in (("pytorch", "torch"), ("keras", "keras")):
            fields = random_network(chance, convention, chance.choice(CELL_TYPES), 2000)
            (tmp_path / f"{to}_{number}.py").write_text(write_code(fields, to), encoding="utf-8")
    for command in (
        "check --isolated --line-length 130 --select E,F,W,I,UP,B",
        "format --isolated --line-length 130 --check",
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command.split(), str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


TORCH_CODE = '''\
"""LSTM with exactly 24,221,600 weights.

10,000 x 400 -> 2 x 1,150, 400 -> 10,000. Convention pytorch: 2 bias vectors per gate, output bias,
no peepholes, tied embedding. The 7 other weights of the model are not part of this network.
"""

from torch import nn


class Network(nn.Module):
    """Symbols (batch, time) become (batch, time, 10000)."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10000, 400)
        self.layers = nn.ModuleList(
            [
                nn.LSTM(400, 1150, batch_first=True),
                nn.LSTM(1150, 1150, batch_first=True),
                nn.LSTM(1150, 400, batch_first=True),
            ]
        )
        self.output = nn.Linear(400, 10000)
        self.output.weight = self.embedding.weight

    def forward(self, symbols):
        hidden = self.embedding(symbols)
        for layer in self.layers:
            hidden, _ = layer(hidden)
        return self.output(hidden)
'''

KERAS_CODE = '''\
"""GRU with exactly 31,503,705 weights.

205 -> 5 x 700 -> 205. Convention tensorflow1: one bias vector per gate, output bias, bidirectional,
summed directions, skip connections.
"""

import keras
from keras import layers


def build_network():
    """Frames (batch, time, 205) become (batch, time, 205)."""
    frames = keras.Input((None, 205))
    hidden, handed = frames, []
    for _ in range(5):
        fed = layers.Concatenate()([hidden, frames]) if handed else frames
        hidden = layers.Bidirectional(layers.GRU(700, return_sequences=True, reset_after=False), merge_mode="sum")(fed)
        handed.append(hidden)
    hidden = layers.Concatenate()(handed)
    outputs = layers.Dense(205)(hidden)
    return keras.Model(frames, outputs)
'''


def test_the_whole_module() -> None:
    awd = {
        "convention": "pytorch",
        "cell_type": "lstm",
        "cells": [1150, 1150, 400],
        "vocabulary": 10000,
        "embedding": 400,
        "outputs": 10000,
        "tied_embedding": True,
        "other_weights": 7,
    }
    assert write_code(awd, "torch") == TORCH_CODE
    graves = {
        "convention": "tensorflow1",
        "cell_type": "gru",
        "inputs": 205,
        "layers": 5,
        "cells": 700,
        "outputs": 205,
        "skip_connections": True,
        "bidirectional": True,
        "summed_directions": True,
    }
    assert write_code(graves, "keras") == KERAS_CODE
