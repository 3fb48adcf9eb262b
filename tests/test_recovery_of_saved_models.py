"""Random models of PyTorch, Keras and Flax, live and as their frameworks save them, recovered to the field."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sizer
from sizer.grids.ids import configuration_at, locate
from sizer.networks.blocks.counting import graph_of
from sizer.recovery.comparing import compare_with_file
from sizer.recovery.looking import Look, look
from sizer.recovery.sweeps import sweep_text
from sizer.sweepfile.load import parse_sweep
from tests.saved_models import Built, chained, in_flax, in_keras, in_pytorch, one_by_one

torch = pytest.importorskip("torch")


def differences(built: Built, found: Look) -> list[str]:
    """Return in what a model differs from what was found of it."""
    wrong = []
    if one_by_one([dict(stack.fields) for stack in found.stacks]) != one_by_one(built.stacks):
        wrong.append(f"stacks {[dict(stack.fields) for stack in found.stacks]}, not {built.stacks}")
    if found.weights != built.weights:
        wrong.append(f"weights {found.weights:,}, not {built.weights:,}")
    if found.unexplained:
        wrong.append(f"not explained: {[(tensor.name, tensor.shape) for tensor in found.unexplained]}")
    blocks = [block.type for block in found.around]
    if Counter(blocks) != Counter(built.blocks):
        wrong.append(f"blocks {sorted(blocks)}, not {sorted(built.blocks)}")
    if found.counted is None or found.counted.weights != built.weights:
        wrong.append(f"no model that counts to it: {found.notes}")
    return wrong


def missed(
    make: Callable[[random.Random], Built], seeds: range, seen: Callable[[Any, int], Look]
) -> dict[int, list[str]]:
    """Return what was missed, by the seed of the model."""
    found = {}
    for seed in seeds:
        built = make(random.Random(seed))
        wrong = differences(built, seen(built.model, seed))
        if wrong:
            found[seed] = wrong
    return found


def live(model: Any, seed: int) -> Look:
    return look(model)


def test_live_modules_of_pytorch_are_recovered() -> None:
    assert missed(in_pytorch, range(25), live) == {}


def test_state_dicts_are_recovered_as_the_modules_are() -> None:
    assert missed(in_pytorch, range(1000, 1020), lambda model, seed: look(model.state_dict())) == {}


def test_live_models_of_keras_are_recovered() -> None:
    pytest.importorskip("keras")
    assert missed(in_keras, range(2), live) == {}


def test_parameters_of_flax_are_recovered() -> None:
    pytest.importorskip("flax")
    assert missed(in_flax, range(3), live) == {}


def test_a_model_that_is_not_what_was_built_is_noticed() -> None:
    built = in_pytorch(random.Random(1))
    built.stacks[0]["cells"] += 1
    built.weights -= 1
    wrong = differences(built, look(built.model))
    assert [words.partition(" ")[0] for words in wrong] == ["stacks", "weights", "no"]


def saved_by_pytorch(folder: Path) -> Callable[[Any, int], Look]:
    """Return what looks at a module as PyTorch saves it: state, the whole module, an old pickle, a checkpoint."""

    def seen(model: Any, seed: int) -> Look:
        path = folder / "model.pt"
        if seed % 4 == 0:
            torch.save(model.state_dict(), path)
        elif seed % 4 == 1:
            torch.save(model, path)
        elif seed % 4 == 2:
            torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)
        else:
            optimizer = torch.optim.Adam(model.parameters())
            for parameter in model.parameters():
                parameter.grad = torch.zeros_like(parameter)
            optimizer.step()
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, path)
        return look(path)

    return seen


def test_modules_that_pytorch_saved_are_recovered(tmp_path: Path) -> None:
    assert missed(lambda chance: in_pytorch(chance, "cpu"), range(2000, 2012), saved_by_pytorch(tmp_path)) == {}


@pytest.mark.thorough
def test_hundreds_of_modules_that_pytorch_saved_are_recovered(tmp_path: Path) -> None:
    assert missed(lambda chance: in_pytorch(chance, "cpu"), range(3000, 3400), saved_by_pytorch(tmp_path)) == {}


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
def test_models_that_keras_saved_are_recovered(tmp_path: Path, ending: str) -> None:
    pytest.importorskip("keras")
    pytest.importorskip("h5py")

    def seen(model: Any, seed: int) -> Look:
        path = tmp_path / f"model{ending}"
        if ending == ".weights.h5":
            model.save_weights(path)
        else:
            model.save(path)
        return look(path)

    assert missed(in_keras, range(100, 125), seen) == {}


@pytest.mark.thorough
def test_hundreds_of_flax_parameters_are_recovered() -> None:
    pytest.importorskip("flax")
    assert missed(in_flax, range(50, 100), live) == {}


def test_a_model_that_was_found_is_equal_to_where_it_was_found() -> None:
    for seed in range(5000, 5015):
        found = look(in_pytorch(random.Random(seed)).model)
        assert found.model is not None
        done = compare_with_file(graph_of(found.model.declared), found.weights, found)
        assert done.equal, [pair for pair in done.blocks if not pair.equal]


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")
def test_recurrent_modules_that_became_graphs_are_recovered(tmp_path: Path) -> None:
    """ONNX's graphs: PyTorch's exporter writes an operator for each layer, with both directions in one tensor."""
    pytest.importorskip("onnx")
    wrong = {}
    for seed in range(60):
        chance = random.Random(seed)
        kind = chance.choice(["LSTM", "GRU", "RNN"])
        inputs, cells, layers = chance.randint(2, 40), chance.randint(2, 40), chance.randint(1, 3)
        both, width = chance.random() < 0.5, chance.randint(2, 30)
        fields: dict[str, Any] = {"convention": "pytorch", "cell_type": kind.lower(), "inputs": width, "layers": layers}
        fields |= {"cells": cells, **({"bidirectional": True} if both else {})}
        stack = getattr(torch.nn, kind)(width, cells, layers, bidirectional=both, batch_first=True)
        model = chained(torch.nn.Linear(inputs, width), stack, torch.nn.Linear(cells * (2 if both else 1), 7))
        path = tmp_path / "model.onnx"
        torch.onnx.export(model.eval(), (torch.zeros(1, 5, inputs),), path, dynamo=False)
        found = look(path)
        got = [dict(one.fields) for one in found.stacks]
        weights = sum(parameter.numel() for parameter in model.parameters())
        if got != [fields] or found.weights != weights or found.unexplained or len(found.around) != 2:
            wrong[seed] = (
                got,
                fields,
                found.weights,
                weights,
                [block.type for block in found.around],
                found.unexplained,
            )
    assert wrong == {}


def swept(built: Built, found: Look) -> list[str]:
    """Return what is wrong with the sweep around a model that was found."""
    sweep = parse_sweep(sweep_text(found, "model.safetensors"))
    if sweep.of_blocks is None or found.model is None:
        return [f"no sweep of blocks: {found.notes}"]
    (grid,) = sweep.grids
    own = {path: grid.model.own(path) for path in grid.swept} if grid.model is not None else {}
    points = [
        row for row in range(sweep.size) if all(grid.values(locate(sweep, row)[1])[path] == own[path] for path in own)
    ]
    if len(points) != 1:
        return [f"the model stands {len(points)} times in {sweep.size} configurations"]
    wrong = []
    assert grid.model is not None
    for axis in grid.axes:  # each value by itself leaves a model
        for place in range(axis.length):
            values = {column.field: column.value(place) for column in axis.columns}
            sizer.count(grid.model.configuration(values), found.model.cell_types or None)
    chance = random.Random(sweep.size)
    for row in {points[0], *chance.choices(range(sweep.size), k=5)}:
        try:
            counted = sizer.count(configuration_at(sweep, row), found.model.cell_types or None).weights
        except sizer.InputError:
            wrong += ["what was found is refused"] if row == points[0] else []
            continue
        if row == points[0] and counted != built.weights:
            wrong.append(f"it counts {counted:,}, not {built.weights:,}")
        if row != points[0] and counted == built.weights:
            wrong.append(f"configuration {row} has no other size")
    return wrong


SWEPT = [("pytorch", in_pytorch, 10), ("keras", in_keras, 3), ("flax", in_flax, 4)]


@pytest.mark.parametrize(("framework", "make", "models"), SWEPT)
def test_sweeps_around_what_was_found_are_of_the_whole_model(
    framework: str, make: Callable[[random.Random], Built], models: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("torch" if framework == "pytorch" else framework)
    check_sweeps(make, range(models))


@pytest.mark.thorough
@pytest.mark.parametrize("share", range(4))
def test_sweeps_around_hundreds_of_models_are_of_the_whole(share: int) -> None:
    check_sweeps(in_pytorch, range(100 + 50 * share, 150 + 50 * share))


def check_sweeps(make: Callable[[random.Random], Built], seeds: range) -> None:
    wrong = {}
    seen = 0
    for seed in seeds:
        built = make(random.Random(f"sweep {seed}"))
        found = look(built.model)
        if found.stacks and not found.unexplained:
            seen += 1
            if problems := swept(built, found):
                wrong[seed] = problems
    assert wrong == {}
    assert seen > len(seeds) / 2


def test_what_reads_the_stack_follows_its_width() -> None:
    module = torch.nn.ModuleDict({"rnn": torch.nn.LSTM(40, 64, 2), "head": torch.nn.Linear(64, 10)})
    sweep = parse_sweep(sweep_text(look(module), "model.pt"))
    wider = configuration_at(sweep, sweep.size - 1)
    layers, cells = wider["blocks"]["rnn"]["layers"], wider["blocks"]["rnn"]["cells"]
    theirs = torch.nn.ModuleDict({"rnn": torch.nn.LSTM(40, cells, layers), "head": torch.nn.Linear(cells, 10)})
    assert sizer.count(wider).weights == sum(one.numel() for one in theirs.parameters())
    assert (layers, cells) == (4, 128)
