"""Random networks in PyTorch, Keras and Flax, every tensor's shape against ours; and every term of ours broken once."""

from __future__ import annotations

import csv
import dataclasses
import importlib
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sizer.errors import InputError
from sizer.frameworks import framework, plan
from sizer.frameworks.verifying import CHECKED_AGAINST, FRAMEWORKS, Comparison, compare_network, why_not
from sizer.networks import cells
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import read
from sizer.networks.fields import FIELDS, Field
from sizer.networks.tensors import Tensor
from tests.framework_networks import random_network

CASES = [
    ("torch", "pytorch", "lstm", 1500),
    ("torch", "pytorch", "gru", 750),
    ("torch", "pytorch", "rnn", 750),
    ("keras", "keras", "lstm", 150),
    ("keras", "keras", "gru", 150),
    ("keras", "tensorflow1", "gru", 150),
    ("keras", "keras", "rnn", 150),
    ("flax", "flax", "lstm", 60),
    ("flax", "flax", "gru", 60),
    ("flax", "flax", "rnn", 60),
    ("flax", "flax", "mgu", 60),
]
LARGEST = {"torch": 3000, "keras": 3000, "flax": 40}
"""Flax keeps the cells that it has evaluated; few widths make it quick."""


def installed(name: str) -> framework.Framework:
    chosen = FRAMEWORKS[name]
    for package in chosen.packages:
        pytest.importorskip(package, reason=f"{chosen.title} is not installed (the extra `frameworks`)")
    chosen.version()
    return chosen


@pytest.fixture(autouse=True)
def torch_behind_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")


def compared(fields: dict[str, Any], chosen: framework.Framework) -> Comparison:
    assert why_not(read(fields), chosen) == "", fields
    return compare_network(read(fields), chosen)


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "convention", "cell_type", "number"), CASES)
def test_random_networks_have_the_same_tensors(name: str, convention: str, cell_type: str, number: int) -> None:
    chosen = installed(name)
    chance = random.Random(f"{name} {convention} {cell_type}")
    totals: set[int] = set()
    seen: Counter[str] = Counter()
    for _ in range(number):
        fields = random_network(chance, convention, cell_type, LARGEST[name])
        comparison = compared(fields, chosen)
        assert comparison.equal, (fields, [pair for pair in comparison.tensors if not pair.equal])
        assert comparison.our_weights == comparison.their_weights
        totals.add(comparison.our_weights)
        seen.update(name for name, value in fields.items() if value)
    assert len(totals) > 0.9 * number
    expected = {"bidirectional", "skip_connections", "summed_directions", "tied_embedding", "other_weights", "outputs"}
    assert min(seen[name] for name in expected) > number / 30, seen


BROKEN = [
    ("torch", "pytorch", "lstm", ("input_weights", "recurrent_weights", "bias", "projection")),
    ("torch", "pytorch", "gru", ("input_weights", "recurrent_weights", "bias")),
    ("torch", "pytorch", "rnn", ("input_weights", "recurrent_weights", "bias")),
    ("keras", "keras", "lstm", ("input_weights", "recurrent_weights", "bias")),
    ("keras", "keras", "gru", ("input_weights", "recurrent_weights", "bias")),
    ("keras", "keras", "rnn", ("input_weights", "recurrent_weights", "bias")),
    ("flax", "flax", "lstm", ("input_weights", "recurrent_weights", "bias")),
    ("flax", "flax", "gru", ("input_weights", "recurrent_weights", "bias", "candidate_bias")),
    ("flax", "flax", "rnn", ("input_weights", "recurrent_weights", "bias")),
    ("flax", "flax", "mgu", ("input_weights", "recurrent_weights", "bias", "candidate_bias")),
]


def break_tensor(monkeypatch: pytest.MonkeyPatch, cell_type: str, tensor: str, shape: tuple[int | str, ...]) -> None:
    """Give one tensor of a cell type another shape."""
    cell = cells.CELL_TYPES[cell_type]
    tensors = tuple(dataclasses.replace(one, shape=shape) if one.name == tensor else one for one in cell.tensors)
    assert tensors != cell.tensors
    monkeypatch.setitem(cells.CELL_TYPES, cell_type, dataclasses.replace(cell, tensors=tensors))


def wrong_shapes(tensor: Tensor) -> list[tuple[int | str, ...]]:
    """Return a shape with each dimension replaced, one at a time, and one with its last two the other way round."""
    found: list[tuple[int | str, ...]] = []
    for place, name in enumerate(tensor.shape):
        wrong: int | str = name + 1 if isinstance(name, int) else ("input" if name != "input" else "cells")
        found.append((*tensor.shape[:place], wrong, *tensor.shape[place + 1 :]))
    if tensor.matrix and "recurrent" not in tensor.shape:
        # What recurs is as wide as the cells here; turned round it is the same shape.
        found.append((*tensor.shape[:-2], tensor.shape[-1], tensor.shape[-2]))
    return found


@pytest.mark.parametrize(("name", "convention", "cell_type", "tensors"), BROKEN)
def test_every_broken_dimension_is_seen(
    name: str, convention: str, cell_type: str, tensors: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = installed(name)
    fields: dict[str, Any] = {"convention": convention, "cell_type": cell_type, "inputs": 7, "layers": 2, "cells": 11}
    if "projection" in tensors:
        fields["recurrent_projection"] = 3
    table = {tensor.name: tensor for tensor in cells.CELL_TYPES[cell_type].tensors}
    assert compared(fields, chosen).equal
    for tensor in tensors:
        for shape in wrong_shapes(table[tensor]):
            with monkeypatch.context() as patch:
                break_tensor(patch, cell_type, tensor, shape)
                comparison = compared(fields, chosen)
            different = [pair for pair in comparison.tensors if not pair.equal]
            assert different, (tensor, shape)
    assert compared(fields, chosen).equal


@pytest.mark.parametrize(
    ("fields", "tensor"),
    [
        ({"outputs": 5}, "output_weights"),
        ({"outputs": 5}, "output_bias"),
        ({"inputs": 0, "vocabulary": 5, "embedding": 6}, "embedding"),
    ],
)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_broken_tensors_around_the_layers_are_seen(
    name: str, fields: dict[str, Any], tensor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = installed(name)
    convention = next(iter(chosen.conventions))
    network = {"convention": convention, "cell_type": "rnn", "inputs": 7, "layers": 1, "cells": 11, **fields}
    row = "output" if tensor == "output_weights" else tensor
    wrong = dataclasses.replace(cells.AROUND[row], shape=(3, *cells.AROUND[row].shape[1:]))
    monkeypatch.setitem(cells.AROUND, row, wrong)
    assert not compared(network, chosen).equal


def test_a_tensor_that_the_framework_has_not_is_seen_under_our_name(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = installed("torch")
    more = dataclasses.replace(cells.RNN, tensors=(*cells.RNN.tensors, Tensor("surplus", "bias_weights", ("cells",))))
    monkeypatch.setitem(cells.CELL_TYPES, "rnn", more)
    comparison = compared({"convention": "pytorch", "cell_type": "rnn", "inputs": 2, "layers": 1, "cells": 3}, chosen)
    assert [(pair.name, pair.ours, pair.theirs) for pair in comparison.tensors if not pair.equal] == [
        ("recurrent.surplus_l0", (3,), None)
    ]
    assert comparison.our_weights - comparison.their_weights == 3


NETWORK = {"inputs": 3, "layers": 2, "cells": 8}


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        (
            "torch",
            {"convention": "pytorch", "cell_type": "gru", "bias_vectors": 1},
            "torch.nn.GRU has two bias vectors per gate or none; tensorflow1 has one",
        ),
        (
            "keras",
            {"convention": "keras", "cell_type": "rnn", "bias_vectors": 2},
            "keras.layers.SimpleRNN has one bias vector per gate or none; pytorch has two",
        ),
        (
            "flax",
            {"convention": "flax", "cell_type": "lstm", "bias_vectors": 0},
            "flax.linen.OptimizedLSTMCell always has the biases that flax gives it",
        ),
        (
            "flax",
            {"convention": "flax", "cell_type": "gru", "bias_vectors": 1},
            "flax.linen.GRUCell always has the biases that flax gives it",
        ),
        ("keras", {"convention": "pytorch", "cell_type": "rnn"}, "pytorch is compared with PyTorch"),
        ("torch", {"convention": "tensorflow1", "cell_type": "gru"}, "tensorflow1 is compared with Keras"),
        ("torch", {"convention": "flax", "cell_type": "gru"}, "flax is compared with Flax"),
        (
            "keras",
            {"convention": "tensorflow1", "cell_type": "lstm"},
            "tensorflow1 has no framework that runs here; checked against the weights of published checkpoints, "
            "printed summaries, and shapes worked by hand",
        ),
        (
            "torch",
            {"convention": "pytorch", "cell_type": "rnn", "layers": 1001},
            "networks of more than 1,000 layers are not built",
        ),
        (
            "torch",
            {"convention": "pytorch", "cell_type": "rnn", "cells": 10**10},
            "PyTorch cannot address a tensor of that size",
        ),
        (
            "flax",
            {"convention": "flax", "cell_type": "rnn", "inputs": 2**31},
            "Flax cannot address a tensor of that size",
        ),
    ],
)
def test_what_is_not_comparable_says_why(name: str, fields: dict[str, Any], reason: str) -> None:
    assert why_not(read(NETWORK | fields), FRAMEWORKS[name]) == reason


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_is_compared_or_says_what_it_was_checked_against(convention: str) -> None:
    for cell_type in CONVENTIONS[convention].bias_vectors:
        runs = any(chosen.compares(convention, cell_type) for chosen in FRAMEWORKS.values())
        assert runs != (convention in CHECKED_AGAINST) or (convention, cell_type) == ("tensorflow1", "gru")


def test_the_largest_tensors_that_pytorch_addresses() -> None:
    """The bound is PyTorch's own: one more value and it refuses."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `frameworks`)")
    most = FRAMEWORKS["torch"].most_values
    assert torch.empty(most, device="meta").numel() == most
    with pytest.raises(RuntimeError, match="overflow"):
        torch.empty(most + 1, device="meta")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("torch", {"convention": "pytorch", "cell_type": "lstm", "cells": 10**9 // 4}),
        ("keras", {"convention": "keras", "cell_type": "gru", "cells": 10**9 // 4}),
        ("flax", {"convention": "flax", "cell_type": "rnn", "cells": 2**30}),
    ],
)
def test_networks_larger_than_any_memory_are_compared(name: str, fields: dict[str, Any]) -> None:
    comparison = compared(NETWORK | fields, installed(name))
    assert comparison.equal
    assert comparison.our_weights > 10**17


def test_keras_on_another_backend_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = installed("keras")
    monkeypatch.setattr(importlib.import_module("keras").backend, "backend", lambda: "jax")
    fields = NETWORK | {"convention": "keras", "cell_type": "rnn"}
    said = "framework: Keras runs on its jax backend here, which would store every weight; set KERAS_BACKEND=torch"
    with pytest.raises(InputError, match=f"^{said}$"):
        compare_network(read(fields), chosen)


def test_a_field_that_the_frameworks_do_not_know_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = NETWORK | {"convention": "pytorch", "cell_type": "rnn"}
    new = Field("something_new", "count", "New", "A field that came after the frameworks.", 1)
    monkeypatch.setitem(FIELDS, "something_new", new)
    assert why_not(read(fields), FRAMEWORKS["torch"]) == ""
    assert why_not(read(fields | {"something_new": 3}), FRAMEWORKS["torch"]) == "torch.nn has no something_new"
    assert plan.beyond(read(fields), "torch.nn", ("other",)) == [("cell_type", "torch.nn has no rnn layer")]


def test_the_plan_is_wired_like_the_count() -> None:
    """Written twice, apart; here the two are laid side by side, layer by layer."""
    chance = random.Random("plan")
    for _ in range(2000):
        fields = random_network(chance, "pytorch", chance.choice(("lstm", "gru", "rnn")), 50)
        network = read(fields)
        planned = plan.plan(network.resolved)
        ours = [
            (group.dimensions["input"], group.dimensions["cells"])
            for group in network.groups
            if group.label == "layer"
            for _ in range(group.repeats)
        ]
        theirs = [(layers.inputs, layers.cells) for layers in planned.layers for _ in range(layers.number)]
        assert (theirs, planned.fed) == (ours, network.fed), fields


@pytest.mark.parametrize("convention", CHECKED_AGAINST)
def test_what_a_convention_was_checked_against_is_among_the_oracles(convention: str) -> None:
    rows = []
    for path in (Path(__file__).parent / "oracles").glob("*_counts.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows += [row for row in csv.DictReader(file) if row["convention"] == convention]
    said = CHECKED_AGAINST[convention]
    assert rows
    assert ("by hand" not in said) or any(row["evidence"] == "worked" for row in rows)
    assert ("print" not in said and "published" not in said) or any(row["evidence"] != "worked" for row in rows)
