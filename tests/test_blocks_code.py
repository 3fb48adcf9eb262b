"""Models of blocks as modules of PyTorch and Keras, run; and what `sizer code` and `sizer verify` say of them."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sizer.errors import InputError
from sizer.frameworks.blocks.comparing import compare_model, why_not_model
from sizer.frameworks.blocks.torch_code import OF_MODULES, torch_module
from sizer.frameworks.code import write_code
from sizer.networks.blocks.counting import count_model, graph_of
from sizer.networks.blocks.types import BLOCK_TYPES
from tests.commands import run_here
from tests.oracles.torch_blocks import random_chain
from tests.served import ROOT

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `frameworks`)")
pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning"),
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning"),
]
ROWS = {
    row["id"]: json.loads(row["model"])
    for row in csv.DictReader((ROOT / "tests" / "oracles" / "composite_models.csv").read_text().splitlines())
}


@pytest.fixture(autouse=True)
def torch_behind_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")


@pytest.fixture
def keras() -> Any:
    return pytest.importorskip("keras", reason="Keras is not installed (the extra `frameworks`)")


def model(blocks: dict[str, Any], convention: str = "pytorch") -> dict[str, Any]:
    return {"convention": convention, "blocks": blocks}


def x(inputs: int = 8, **more: Any) -> dict[str, Any]:
    return {"type": "input", "inputs": inputs, **more}


def dense(width: int, **more: Any) -> dict[str, Any]:
    return {"type": "dense", "width": width, **more}


def defined(text: str) -> dict[str, Any]:
    """Return what a module defines."""
    found: dict[str, Any] = {"__name__": "written"}
    exec(compile(text, "written", "exec"), found)
    return found


def run_torch(declared: dict[str, Any], steps: int = 0) -> list[tuple[int, ...]]:
    """Return the shapes that a module gives on a CPU, whose parameters are as many as are counted."""
    module = torch_module(graph_of(declared))
    network = defined(module.text)["Network"]()
    assert sum(one.numel() for one in network.parameters()) == count_model(declared).weights
    given = []
    for block in module.given:
        length = steps or module.steps
        if block.wired.block.type.name == "embedding":
            given.append(torch.zeros((2, length), dtype=torch.long))
        elif block.up.height > 1:
            given.append(torch.zeros((2, block.up.channels, length, block.up.height)))
        else:
            given.append(torch.zeros((2, length, block.up.width)))
    with torch.no_grad():
        made = network.eval()(*given)
    return [tuple(one.shape) for one in (made if isinstance(made, tuple) else (made,))]


RNNT = {
    "features": x(40),
    "encoder": {
        "type": "recurrent", "cells": 16, "layers": 2, "recurrent_projection": 6, "subsample": [2, 1], "subsample_how": "stack",
    },
    "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 12, "embedding": 5},
    "prediction": {"type": "recurrent", "cells": 16},
    "joint": dense(9, **{"from": ["encoder", "prediction"]}),
    "output": dense(12),
}  # fmt: skip
ATTENDS = {
    "symbols": {"type": "embedding", "vocabulary": 9, "embedding": 6},
    "encoder": {"type": "transformer", "width": 6, "feed_forward": 7, "layers": 2, "positions": "relative"},
    "wide": dense(10),
    "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 9, "embedding": 6},
    "decoder": {"type": "transformer", "width": 6, "feed_forward": 7, "attends": ["wide", "encoder"], "final_norm": True},
    "decoder2": {"type": "transformer", "width": 6, "feed_forward": 7, "attends": ["encoder"], "bias": False},
    "seen": {"type": "attention", "kind": "multihead", "query": "decoder2", "memory": "wide", "width": 4, "heads": 2, "value": 5},
    "conformer": {"type": "conformer", "from": "encoder", "width": 6, "kernel": 4, "layers": 2},
    "highway": {"type": "highway", "width": 6, "layers": 2},
}  # fmt: skip
IMAGES = {
    "image": {"type": "input", "channels": 3, "height": 12},
    "one": {"type": "convolution", "kernel": [3, 4], "stride": [2, 2], "channels": 8, "pieces": 2, "norm": "batch"},
    "norm": {"type": "norm", "over": "width"},
    "pool": {"type": "pooling", "kernel": [1, 2], "padding": [0, 1]},
    "two": {"type": "convolution", "kernel": [3, 3], "padding": [1, [2, 0]], "channels": 4},
    "same": {"type": "join", "from": ["pool", "two"]},
    "up": {"type": "convolution", "kernel": [4, 3], "stride": [2, 2], "transposed": True, "padding": 1, "channels": 6},
    "one_wide": {"type": "convolution", "kernel": [1, 7], "padding": "valid", "channels": 5, "norm": "layer"},
    "along": {"type": "convolution", "kernel": 2, "stride": 2, "channels": 4, "norm": "layer"},
    "spliced": dense(6, context=3, groups=2, stride=2, norm="batch"),
    "twice": {"type": "join", "from": [{"spliced": 2}]},
    "last": {"type": "pooling", "over": "time"},
    "crf": {"type": "crf", "ends": 2},
}
SHARED = {
    "a": x(),
    "g": {"type": "group", "repeat": 2, "blocks": {"one": dense(8), "two": {"type": "norm"}}},
    "b": x(),
    "h": {
        "type": "group", "repeat": 2, "shared": "g", "blocks": {"one": dense(8), "two": {"type": "norm"}},
    },
    "both": {"type": "join", "from": ["g", "h"], "combine": "multiply"},
    "c": x(5, clock="sequence"),
    "all": {"type": "join", "from": ["both", "c"]},
    "early": dense(3, frozen=True, shared="late"),
    "back": {"type": "join", "from": ["early", "all"]},
    "late": dense(3, **{"from": "all"}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("blocks", "shapes"),
    [
        (RNNT, [(2, 12, 24, 12)]),
        (ATTENDS, [(2, 24, 5), (2, 24, 6)]),
        (IMAGES, [(2, 1, 12)]),
        (SHARED, [(2, 24, 16), (2, 24, 3)]),
    ],
    ids=["two clocks", "attention", "images", "shared"],
)
def test_modules_of_pytorch_run_and_have_our_weights(blocks: dict[str, Any], shapes: list[tuple[int, ...]]) -> None:
    declared = model(blocks)
    found = run_torch(declared) if blocks is not SHARED else run_shared(declared)
    assert found == shapes
    compared = compare_model(graph_of(declared), "torch")
    assert (compared.equal, compared.ran, compared.failed) == (True, True, ""), compared.tensors


def run_shared(declared: dict[str, Any]) -> list[tuple[int, ...]]:
    """Run what repeats a sequence's one step at those of the frames."""
    module = torch_module(graph_of(declared))
    network = defined(module.text)["Network"]()
    given = [torch.zeros((2, 1 if block.up.width == 5 else 24, block.up.width)) for block in module.given]
    return [tuple(one.shape) for one in network(*given)]


@pytest.mark.parametrize("name", ["ptf-deepar-30", "tacotron2-nvidia"])
def test_published_models_are_those_of_pytorch(name: str) -> None:
    assert compare_model(graph_of(ROWS[name]), "torch").equal


@pytest.mark.thorough
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_every_published_model_that_can_be_written_is_equal(framework: str, keras: Any) -> None:
    compared = 0
    for name, declared in ROWS.items():
        try:
            found = compare_model(graph_of(declared), framework)
        except InputError:
            continue
        # A batch norm of Kaldi has no weights, and Keras keeps its means and variances.
        assert found.equal, (name, found.failed, [pair for pair in found.tensors if not pair.equal])
        compared += 1
    assert compared >= {"torch": 29, "keras": 15}[framework]


@pytest.mark.thorough
@pytest.mark.parametrize("share", range(10))
def test_random_chains_are_written_and_run(share: int) -> None:
    ran = 0
    for number in range(60):
        with torch.device("meta"):
            chain = random_chain(random.Random(f"written {share} {number}"))
        found = compare_model(graph_of(chain.model), "torch")
        assert found.equal, (chain.blocks, found.failed, [pair for pair in found.tensors if not pair.equal])
        ran += found.ran
    assert ran > 20


def keras_chains(number: int) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield random models that Keras has the parts of, with what they come to there."""
    for seed in range(number):
        with torch.device("meta"):
            chain = random_chain(random.Random(f"keras {seed}"))
        declared = chain.model | {"convention": "keras"}
        try:
            yield declared, compare_model(graph_of(declared), "keras")
        except InputError:
            continue


@pytest.mark.thorough
def test_random_chains_are_written_in_keras(keras: Any) -> None:
    found = [(declared, compared) for declared, compared in keras_chains(400)]
    different = [(declared, pairs.tensors) for declared, pairs in found if not pairs.equal]
    assert different == []
    assert len(found) > 100


@pytest.mark.parametrize("blocks", [IMAGES, ATTENDS], ids=["images", "attention"])
def test_models_of_keras_run_and_have_our_weights(keras: Any, blocks: dict[str, Any]) -> None:
    left_out = {"crf", "twice", "up", "encoder", "conformer", "highway"}
    kept = {name: block for name, block in blocks.items() if name not in left_out}
    if blocks is IMAGES:
        kept["one_wide"] = kept["one_wide"] | {"kernel": [1, 4]}
    else:
        kept["decoder"] = kept["decoder"] | {"attends": ["wide"]}
        kept["decoder2"] = {**kept["decoder2"], "attends": ["symbols"]}
    declared = model(kept, "keras")
    network = defined(write_code(declared, "keras"))["build_network"]()
    counted = count_model(declared)
    assert network.count_params() == counted.weights + counted.buffer_values
    given = [
        torch.zeros([2, 24, *one.shape[2:]], dtype=torch.long if one.dtype == "int32" else torch.float32)
        for one in network.inputs
    ]
    made = network(given if len(given) > 1 else given[0])
    shapes = [tuple(one.shape) for one in (made if isinstance(made, (list, tuple)) else [made])]
    assert shapes == ([(2, 1, 6)] if blocks is IMAGES else [(2, 24, 5)])
    assert compare_model(graph_of(declared), "keras").equal


def test_a_wrong_table_is_seen(monkeypatch: pytest.MonkeyPatch, keras: Any) -> None:
    kind = BLOCK_TYPES["dense"]
    wider = dataclasses.replace(kind.tensors[1], shape=(2, "width"))
    monkeypatch.setitem(BLOCK_TYPES, "dense", dataclasses.replace(kind, tensors=(kind.tensors[0], wider)))
    for framework in ("torch", "keras"):
        found = compare_model(graph_of(model({"x": x(), "o": dense(3)}, "keras")), framework)
        assert not found.equal
        assert [(pair.ours, pair.theirs) for pair in found.tensors if not pair.equal]
        assert (found.our_weights, found.their_weights) == (30, 27)


def test_what_is_frozen_is_compared() -> None:
    words = {"type": "embedding", "vocabulary": 7, "embedding": 3}
    for frozen in (
        {"w": words | {"frozen": True}, "o": dense(7, tied="w")},
        {"w": words, "o": dense(7, tied="w", frozen=True)},
    ):
        found = compare_model(graph_of(model(frozen)), "torch")
        assert found.equal
        assert found.their_trained == count_model(model(frozen)).trained_weights < 28


def test_relative_attention_looks_as_far_as_it_says() -> None:
    """By the sum of the paper, for each pair of steps."""
    text = torch_module(graph_of(model({"x": x(6), "c": {"type": "conformer", "width": 6, "kernel": 3}}))).text
    attention = defined(text)["RelativeAttention"](6, 2)
    torch.nn.init.normal_(attention.content_bias)
    torch.nn.init.normal_(attention.position_bias)
    steps = torch.randn(1, 5, 6)
    query, key, value = (layer(steps)[0] for layer in (attention.query, attention.key, attention.value))
    made = []
    for head in (slice(0, 3), slice(3, 6)):
        scores = torch.zeros(5, 5)
        for i in range(5):
            for j in range(5):
                rates = [10000 ** (-place / 6) for place in (0, 2, 4)]
                sines = torch.tensor(
                    [part for rate in rates for part in (math.sin((i - j) * rate), math.cos((i - j) * rate))]
                )
                distance = attention.positions(sines)
                content = (query[i] + attention.content_bias)[head] @ key[j][head]
                scores[i, j] = (content + (query[i] + attention.position_bias)[head] @ distance[head]) / math.sqrt(3)
        made.append(scores.softmax(-1) @ value[:, head])
    expected = attention.output(torch.cat(made, dim=-1))
    assert torch.allclose(attention(steps)[0], expected, atol=1e-5)


def test_names_that_mean_something_else() -> None:
    blocks = {
        "class": x(), "a_norm": dense(4), "a": dense(4, norm="batch"), "forward": dense(3), "type": dense(2), "_x": dense(2),
        "self": dense(2), "torch": dense(2), "flat": dense(2), "layers": dense(3), "keras": dense(3),
    }  # fmt: skip
    for framework, convention in (("torch", "pytorch"), ("keras", "keras")):
        assert compare_model(graph_of(model(blocks, convention)), framework).equal
    assert {name for name in dir(torch.nn.Module) if not name.startswith("_")} <= OF_MODULES | {"training"}


LAS = {
    "frames": x(40),
    "encoder": {"type": "recurrent", "cells": 16, "bidirectional": True},
    "labels": {"type": "embedding", "from": [], "clock": "labels", "vocabulary": 30, "embedding": 8},
    "decoder": {"type": "recurrent", "cells": 12, "from": ["labels", "attention"]},
    "attention": {"type": "attention", "query": "decoder", "memory": "encoder", "width": 10, "biases": ["memory"]},
    "output": dense(30, **{"from": ["decoder", "attention"]}),
}
WRITTEN = '''\
"""A model of 6 blocks with exactly 12,060 weights.

Convention pytorch. A model says no activations, dropout or heads: they have no weights, and are
yours to add.
"""

from torch import nn


class Attention(nn.Module):
    """Attention from a query at a memory: additive, general or dot, by the matrices that it has."""
'''
NETWORK = '''\
class Network(nn.Module):
    """Takes frames (batch, frames, 40), labels (batch, labels); returns encoder (batch, frames, 32),
    labels (batch, labels)."""
'''


def test_loops_are_weights_alone() -> None:
    text = write_code(model(LAS), "torch")
    weights = count_model(model(LAS)).weights
    assert f"with exactly {weights:,} weights." in text.splitlines()[0]
    members = text.partition("        super().__init__()\n        # ")[2].partition("    def forward")[0]
    assert members.splitlines() == [
        "decoder and attention feed each other, step by step: only their weights stand here.",
        "        # What is not run comes before output.",
        "        self.encoder = nn.LSTM(40, 16, batch_first=True, bidirectional=True)",
        "        self.labels = nn.Embedding(30, 8)",
        "        self.decoder = nn.LSTM(40, 12, batch_first=True)",
        '        self.attention = Attention(12, 32, 10, biases=("memory",))',
        "        self.output = nn.Linear(44, 30)",
        "",
    ]
    assert text.endswith(
        "    def forward(self, frames, labels):\n"
        "        encoder, _ = self.encoder(frames)\n"
        "        labels = self.labels(labels)\n"
        "        return encoder, labels\n"
    )
    assert compare_model(graph_of(model(LAS)), "torch").equal


@pytest.mark.parametrize(
    ("to", "convention", "blocks", "faults"),
    [
        (
            "torch", "keras", {"x": x(), "encoder": {"type": "recurrent", "cells": 4}},
            {"blocks.encoder.bias_vectors": "torch.nn.LSTM has two bias vectors per gate or none; keras has one"},
        ),
        (
            "torch", "kaldi_nnet3", {"x": x(), "opgru": {"type": "recurrent", "cell_type": "opgru", "cells": 8, "recurrent_projection": 2, "nonrecurrent_projection": 2}},
            {"blocks.opgru.cell_type": "torch.nn has no opgru layer"},
        ),
        (
            "torch", "pytorch", {"x": x(), "t": {"type": "transformer", "width": 6, "feed_forward": 4}},
            {"blocks.t.width": "reads 8 values, and its layers take 6"},
        ),
        (
            "keras", "keras", {"x": x(), "c": {"type": "conformer", "width": 8, "kernel": 3}, "d": {"type": "crf"}},
            {
                "blocks.c.type": "keras.layers has no attention with relative positions",
                "blocks.d.type": "keras.layers has no conditional random field",
            },
        ),
        (
            "keras", "keras", LAS,
            {
                "blocks.attention": "Keras' functional models hold no loop, and decoder and attention feed each other",
                "blocks.decoder": "Keras' functional models hold no loop, and decoder and attention feed each other",
            },
        ),
        (
            "keras", "pytorch", {"x": x(), "l": {"type": "recurrent", "cells": 4}},
            {"blocks.l.bias_vectors": "keras.layers.LSTM has one bias vector per gate or none; pytorch has two"},
        ),
    ],
)  # fmt: skip
def test_what_a_framework_lacks_is_a_fault_of_the_block(
    to: str, convention: str, blocks: dict[str, Any], faults: dict[str, str]
) -> None:
    with pytest.raises(InputError) as raised:
        write_code(model(blocks, convention), to)
    assert {fault.path: fault.message for fault in raised.value.faults} == faults


def test_what_cannot_be_compared_says_why() -> None:
    def reasons(declared: dict[str, Any]) -> list[tuple[str, str]]:
        return why_not_model(graph_of(declared), "torch")

    assert reasons(model({"x": x(), "o": dense(3)}, "keras")) == [("o", "keras is compared with Keras")]
    assert reasons(model({"x": x(10**12), "o": dense(10**12)})) == [
        ("o", "PyTorch cannot address a tensor of that size")
    ]
    deep = {"type": "transformer", "width": 8, "feed_forward": 8, "layers": 10**6}
    assert reasons(model({"x": x(), "deep": deep})) == [("deep", "models of more than 20,000 tensors are not built")]


def test_a_block_of_ones_own_type_is_its_weights() -> None:
    own = {"scaled": {"fields": {"width": {}}, "tensors": {"scale": ["read", "width"]}, "hands_up": "width"}}
    declared = model({"x": x(), "s": {"type": "scaled", "width": 3}, "o": dense(2)})
    text = write_code(declared, "torch", block_types=own)
    network = defined(text)["Network"]()
    assert sum(one.numel() for one in network.parameters()) == 24 + 8
    assert "# s is of a type of the file's own: only its weights stand here." in text


def test_a_model_of_any_size_is_written_without_being_built() -> None:
    many = {"layers": 10**30}
    for block in (
        {"type": "recurrent", "cells": 8, **many},
        {"type": "recurrent", "cells": 8, "skip_connections": True, **many},
        {"type": "transformer", "width": 8, "feed_forward": 10**30, **many},
        {"type": "conformer", "width": 8, "kernel": 10**30, **many},
        {"type": "highway", "width": 8, **many},
    ):
        text = write_code(model({"x": x(), "b": block}), "torch")
        assert str(10**30) in text or f"range({10**30 - 1})" in text
        with pytest.raises(InputError):
            write_code(model({"x": x(), "b": block}, "keras"), "keras")
    image = {"type": "input", "channels": 2, "height": 9}
    lstm = {"type": "convolutional_lstm", "channels": 3, "kernel": [3, 3]}
    assert str(10**30 - 1) in write_code(model({"i": image, "l": lstm | many}), "torch")
    for layers in (1, 2, 3, 4):
        assert compare_model(graph_of(model({"i": image, "l": lstm | {"layers": layers}})), "torch").equal


# Commands


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    path = tmp_path / "detector.yaml"
    path.write_text((ROOT / "docs" / "detector.yaml").read_text())
    return path


def test_code_of_a_file(detector: Path) -> None:
    done = run_here("code", detector, "--to", "torch")
    assert (done.returncode, done.stderr) == (0, "")
    assert "self.encoder = nn.GRU(640, 128, num_layers=2, batch_first=True, bidirectional=True)" in done.stdout
    keras = run_here("code", detector, "--to", "keras")
    assert keras.returncode == 0
    assert 'layers.Bidirectional(layers.GRU(128, return_sequences=True), name="encoder_1")' in keras.stdout


def test_code_of_a_configuration_of_a_sweep_over_blocks(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(
        "sizer: 1\nname: s\nmodel:\n  convention: pytorch\n  blocks:\n    x: {type: input, inputs: 3}\n"
        "    d: {type: dense, width: 4}\ngrid: {d.width: [5, 6]}\n"
    )
    done = run_here("code", path, "--id", "1", "--to", "torch")
    assert (done.returncode, done.stderr) == (0, "")
    assert "self.d = nn.Linear(3, 6)" in done.stdout


def test_faults_stand_where_they_are_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("model:\n  convention: pytorch\n  blocks:\n    x: {type: input, inputs: 3}\n    c: {type: crf}\n")
    done = run_here("code", path, "--to", "keras")
    assert done.returncode == 1
    assert done.stderr == (
        f"{path}:5:15: model.blocks.c.type: keras.layers has no conditional random field\n1 fault; nothing was written\n"
    )


def test_verify_a_file(detector: Path) -> None:
    done = run_here("verify", detector, "--with", "torch")
    assert (done.returncode, done.stderr) == (0, "")
    assert "convolution                      4      896      896" in done.stdout
    assert done.stdout.endswith("Every shape of 22 tensors and the total are equal; its blocks run\n")
    asked = json.loads(run_here("verify", detector, "--with", "torch", "--json").stdout)
    assert (asked["compared"], asked["tensors"], asked["equal"]) == (1, 22, True)
    assert asked["model"]["weights"] == {"sizer": 891_788, "framework": 891_788}
    other = run_here("verify", detector, "--with", "keras")
    assert other.returncode == 4
    assert "encoder      pytorch is compared with PyTorch" in other.stdout
    assert run_here("verify", detector, "--with", "keras", "--allow-none").returncode == 0


def test_flax_builds_no_models_of_blocks(detector: Path) -> None:
    done = run_here("verify", detector, "--with", "flax")
    assert done.returncode == 1
    assert "models of blocks are compared with PyTorch or Keras, not with Flax" in done.stderr


def test_verify_shows_what_differs(detector: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = BLOCK_TYPES["convolution"]
    monkeypatch.setitem(BLOCK_TYPES, "convolution", dataclasses.replace(kind, tensors=kind.tensors[1:]))
    done = run_here("verify", detector, "--with", "torch")
    assert done.returncode == 4
    assert "*  convolution" in done.stdout
    assert "convolution.weight  -      32 x 1 x 5 x 5" in done.stdout


@pytest.mark.thorough
def test_the_code_is_as_a_person_would_write_it(tmp_path: Path) -> None:
    pytest.importorskip("ruff", reason="ruff is not installed (the extra `checks`)")
    models = {name.replace("-", "_"): declared for name, declared in ROWS.items()}
    for number in range(60):
        with torch.device("meta"):
            models[f"chain_{number}"] = random_chain(random.Random(f"style {number}")).model
    written = 0
    for name, declared in models.items():
        for to in ("torch", "keras"):
            try:
                text = write_code(declared, to)
            except InputError:
                continue
            (tmp_path / f"{name}_{to}.py").write_text(text, encoding="utf-8")
            written += 1
    assert written > 100
    for command in (
        "check --isolated --line-length 130 --select E,F,W,I,UP,B",
        "format --isolated --line-length 120 --check",
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command.split(), str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
