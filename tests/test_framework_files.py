"""Random models, saved by the frameworks themselves, are read back: names, shapes and types equal to the framework's own."""

from __future__ import annotations

import random
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sizer.files.contents import Contents
from sizer.files.reading import read_contents

pytest.importorskip("torch", reason="PyTorch is not installed (the extra `frameworks`)")
import torch

Facts = dict[str, tuple[tuple[int, ...], str]]
TYPES = ("float32", "float16", "bfloat16", "float64")


class Tagger(torch.nn.Module):
    """What TorchScript can compile: an embedding, a convolution, recurrent layers, norms and an output."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        width, cells = chance.randint(2, 9), chance.randint(2, 9)
        both = chance.random() < 0.5
        kind = chance.choice([torch.nn.LSTM, torch.nn.GRU])
        self.embedding = torch.nn.Embedding(chance.randint(3, 40), width)
        self.norm = torch.nn.BatchNorm1d(width)
        self.encoder = kind(
            width, cells, chance.randint(1, 3), bias=chance.random() < 0.8, bidirectional=both, batch_first=True
        )
        handed_up = cells * (2 if both else 1)
        self.out = torch.nn.Sequential(torch.nn.LayerNorm(handed_up), torch.nn.Linear(handed_up, chance.randint(1, 7)))
        self.register_buffer("scale", torch.ones(chance.randint(1, 4)))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        read = self.norm(self.embedding(tokens).transpose(1, 2)).transpose(1, 2)
        out: torch.Tensor = self.out(self.encoder(read)[0])
        return out


def any_module(chance: random.Random) -> Any:
    """Return a module of random parts, some of them tied."""
    width = chance.choice([4, 6, 8])
    parts: list[Callable[[], Any]] = [
        lambda: torch.nn.LSTM(width, 8, chance.randint(1, 3), proj_size=chance.choice([0, 3])),
        lambda: torch.nn.GRU(width, chance.randint(1, 9), bidirectional=True),
        lambda: torch.nn.RNN(width, 5, bias=False),
        lambda: torch.nn.LSTMCell(width, 3),
        lambda: torch.nn.Conv2d(width, 3, (2, 5), groups=1),
        lambda: torch.nn.BatchNorm1d(width),
        lambda: torch.nn.LayerNorm(width, bias=False),
        lambda: torch.nn.MultiheadAttention(width, 2, kdim=chance.choice([None, 5])),
        lambda: torch.nn.TransformerEncoderLayer(width, 2, chance.randint(3, 9)),
        lambda: Tagger(chance),
    ]
    found = torch.nn.ModuleDict({f"part_{place}": chance.choice(parts)() for place in range(chance.randint(1, 5))})
    if chance.random() < 0.4:
        table, output = torch.nn.Embedding(11, width), torch.nn.Linear(width, 11)
        output.weight = table.weight
        found.update({"table": table, "output": output})
    return found.to(getattr(torch, chance.choice(TYPES)))


def of_module(module: Any) -> Facts:
    named = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    return of_tensors(dict(named))


def of_tensors(tensors: dict[str, Any]) -> Facts:
    return {name: (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")) for name, tensor in tensors.items()}


def of_contents(contents: Contents) -> Facts:
    assert len({tensor.name for tensor in contents.tensors}) == len(contents.tensors)
    return {tensor.name: (tensor.shape, tensor.dtype) for tensor in contents.tensors}


def tied(pairs: Iterator[tuple[str, Any]]) -> set[frozenset[str]]:
    """Return the names that share a storage, in groups."""
    groups = defaultdict(set)
    for name, storage in pairs:
        groups[storage].add(name)
    return {frozenset(names) for names in groups.values() if len(names) > 1}


def check_ties(contents: Contents, tensors: dict[str, Any]) -> None:
    told = tied((tensor.name, tensor.storage) for tensor in contents.tensors if tensor.size)
    assert told == tied((name, tensor.data_ptr()) for name, tensor in tensors.items() if tensor.numel())


def check_pytorch(number: int, folder: Path) -> str:
    chance = random.Random(number)
    module = any_module(chance)
    path = folder / f"{number}.pt"
    new = chance.random() < 0.6
    settings: dict[str, Any] = {"_use_new_zipfile_serialization": new, "pickle_protocol": chance.choice([2, 3, 4, 5])}
    how = chance.choice(["state dict", "checkpoint", "module", "parameters"])
    table = module.state_dict(keep_vars=how == "parameters")
    if how == "checkpoint":
        optimizer = torch.optim.Adam(module.parameters())
        for parameter in module.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        torch.save({"epoch": 3, "model": table, "optimizer": optimizer.state_dict()}, path, **settings)
    elif how == "module":
        torch.save(module, path, **settings)
    else:
        torch.save(table, path, **settings)
    (found,) = read_contents(path)
    assert found.format == ("torch zip" if new else "torch legacy pickle")
    if how == "checkpoint":
        model = {f"model.{name}": fact for name, fact in of_tensors(table).items()}
        kept = {tensor.name: (tensor.shape, tensor.dtype) for tensor in found.tensors if tensor.role != "optimizer"}
        assert kept == model
        states = [tensor for tensor in found.tensors if tensor.role == "optimizer"]
        assert len(states) == 3 * len([*module.parameters()])
        assert sum(tensor.size for tensor in states if tensor.shape) == 2 * sum(
            parameter.numel() for parameter in module.parameters() if parameter.shape
        )
    elif how == "module":
        assert of_contents(found) == of_module(module)
        weights = {name for name, _ in module.named_parameters(remove_duplicate=False)}
        assert {tensor.name for tensor in found.tensors if tensor.role == "weight"} == weights
        kinds = {layer.name: layer.kind for layer in found.layers}
        for name, inner in module.named_modules():
            if [*inner.parameters()]:
                assert kinds[name] == f"{type(inner).__module__}.{type(inner).__qualname__}"
        for layer in found.layers:
            if layer.kind == "torch.nn.modules.rnn.LSTM":
                inner = module.get_submodule(layer.name)
                stated = ("input_size", "hidden_size", "num_layers", "proj_size", "bidirectional", "bias")
                assert [layer.settings[one] for one in stated] == [getattr(inner, one) for one in stated]
        check_ties(found, dict([*module.named_parameters(remove_duplicate=False), *module.named_buffers()]))
    else:
        assert of_contents(found) == of_tensors(table)
        assert {tensor.role for tensor in found.tensors} <= (
            {"weight", "unknown"} if how == "parameters" else {"unknown"}
        )
        check_ties(found, table)
    return how


def check_torchscript(number: int, folder: Path) -> str:
    module = Tagger(random.Random(number))
    path = folder / f"{number}.jit"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script: Any = torch.jit.script
        script(module).save(path)
    (found,) = read_contents(path)
    assert found.format == "torchscript"
    assert of_contents(found) == of_module(module)
    weights = {name for name, _ in module.named_parameters()}
    assert {tensor.name for tensor in found.tensors if tensor.role == "weight"} == weights
    assert {tensor.name for tensor in found.tensors if tensor.role == "buffer"} == {
        n for n, _ in module.named_buffers()
    }
    kinds = {layer.name: layer.kind for layer in found.layers}
    assert kinds["encoder"] == f"torch.nn.modules.rnn.{type(module.encoder).__name__}"
    return "torchscript"


def check_safetensors(number: int, folder: Path) -> str:
    saving: Any = pytest.importorskip(
        "safetensors.torch", reason="safetensors is not installed (the extra `frameworks`)"
    )
    chance = random.Random(number)
    table = Tagger(chance).to(getattr(torch, chance.choice(TYPES))).state_dict()
    path = folder / f"{number}.safetensors"
    save: Any = saving.save_file
    save(table, path, metadata={"format": "pt"})
    (found,) = read_contents(path)
    assert of_contents(found) == of_tensors(table)
    return "safetensors"


def check_onnx(number: int, folder: Path, *, dynamo: bool) -> str:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed (the extra `frameworks`)")
    if dynamo:
        pytest.importorskip("onnxscript", reason="onnxscript is not installed (the extra `frameworks`)")
    module = Tagger(random.Random(number)).eval()
    path = folder / f"{number}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (torch.zeros(2, 5, dtype=torch.long),), path, dynamo=dynamo, verbose=False)
    (found,) = read_contents(path)
    model = onnx.load(path)
    names = {number: onnx.helper.tensor_dtype_to_np_dtype(number).name for number in (1, 6, 7, 9, 10, 11)}
    expected = {one.name: (tuple(one.dims), names[one.data_type]) for one in model.graph.initializer}
    constants: Facts = {}
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                inner = node.output[0] if node.op_type == "Constant" else f"{node.name}/{attribute.name}"
                constants[inner] = (tuple(attribute.t.dims), names[attribute.t.data_type])
    assert of_contents(found) == expected | constants
    stated = [(layer.kind, list(layer.tensors)) for layer in found.layers]
    assert stated == [(node.op_type, list(node.input)) for node in model.graph.node]
    recurrent = [layer for layer in found.layers if layer.kind in ("LSTM", "GRU")]
    assert recurrent
    assert {layer.settings["hidden_size"] for layer in recurrent} == {module.encoder.hidden_size}
    return "onnx"


def check_keras(number: int, folder: Path) -> str:
    keras = pytest.importorskip("keras", reason="Keras is not installed (the extra `frameworks`)")
    h5py = pytest.importorskip("h5py", reason="h5py is not installed (the extra `frameworks`)")
    chance = random.Random(number)
    layers = keras.layers
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(chance.randint(1, 5))], name=f"inner_{number}")
    cells = chance.randint(1, 6)
    after = chance.random() < 0.5
    recurrent: list[Any] = [
        layers.LSTM(cells, return_sequences=True, use_bias=chance.random() < 0.7),
        layers.Bidirectional(layers.GRU(cells, return_sequences=True, reset_after=after)),
        layers.SimpleRNN(cells, return_sequences=True),
        layers.RNN([layers.LSTMCell(cells), layers.GRUCell(3)], return_sequences=True),
    ]
    chance.shuffle(recurrent)
    model = keras.Sequential([keras.Input((None,)), layers.Embedding(9, 4, name="table")])
    for layer in recurrent[: chance.randint(1, 3)]:
        model.add(layer)
    for layer in (
        layers.BatchNormalization(),
        layers.Conv1D(6, 3, padding="same"),
        layers.GlobalAveragePooling1D(),
        inner,
    ):
        model.add(layer)
    form = chance.choice([".keras", ".h5", ".weights.h5"])
    path = folder / f"{number}{form}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (model.save_weights if form == ".weights.h5" else model.save)(path)
    (found,) = read_contents(path)
    shapes = sorted((tuple(weight.shape), str(weight.dtype)) for weight in model.weights)
    assert sorted((tensor.shape, tensor.dtype) for tensor in found.tensors if "seed" not in tensor.name) == shapes
    if form != ".keras":
        there: Facts = {}

        def visit(name: str, one: Any) -> None:
            if isinstance(one, h5py.Dataset):
                there[name.removeprefix("model_weights/")] = (tuple(one.shape), str(one.dtype))

        with h5py.File(path) as file:
            file.visititems(visit)
        assert of_contents(found) == there
    if form != ".weights.h5":
        by_name = {layer.name: layer for layer in found.layers}
        for layer in model.layers:
            if layer is inner:
                continue
            stated = by_name[layer.name]
            assert stated.kind == type(layer).__name__
            assert len(stated.tensors) == len(layer.weights)
        assert by_name[f"inner_{number}/{inner.layers[0].name}"].kind == "Dense"
    return form


def check_flax(number: int, folder: Path) -> str:
    pytest.importorskip("flax", reason="Flax is not installed (the extra `frameworks`)")
    import jax
    import numpy
    from flax import linen, serialization, traverse_util

    chance = random.Random(number)
    cells = [
        chance.choice([linen.OptimizedLSTMCell, linen.LSTMCell, linen.GRUCell, linen.SimpleCell])(chance.randint(1, 6))
        for _ in range(chance.randint(1, 3))
    ]
    model = linen.Sequential([*(linen.RNN(cell) for cell in cells), linen.LayerNorm(), linen.Dense(3)])
    variables = model.init(jax.random.key(0), numpy.zeros((2, 3, chance.randint(1, 5))))
    path = folder / f"{number}.msgpack"
    path.write_bytes(serialization.to_bytes(variables))
    (found,) = read_contents(path)
    flatten: Any = traverse_util.flatten_dict
    flat = flatten(variables, sep=".")
    assert of_contents(found) == {name: (value.shape, str(value.dtype)) for name, value in flat.items()}
    assert {tensor.role for tensor in found.tensors} == {"weight"}
    return "flax"


CHECKS: dict[str, Callable[[int, Path], str]] = {
    "pytorch": check_pytorch,
    "torchscript": check_torchscript,
    "safetensors": check_safetensors,
    "onnx": lambda number, folder: check_onnx(number, folder, dynamo=False),
    "keras": check_keras,
    "flax": check_flax,
}


def run(kind: str, numbers: range, folder: Path) -> None:
    ways = {CHECKS[kind](number, folder) for number in numbers}
    assert len(ways) > 1 or kind in ("torchscript", "safetensors", "onnx", "flax") or len(numbers) < 20


@pytest.mark.parametrize("kind", ["pytorch", "torchscript", "safetensors"])
def test_a_few_models_are_read_as_they_were_saved(kind: str, tmp_path: Path) -> None:
    run(kind, range({"pytorch": 12, "torchscript": 2, "safetensors": 4}[kind]), tmp_path)


def test_views_of_one_storage_are_tied_where_they_begin_together(tmp_path: Path) -> None:
    values = torch.zeros(10)
    module = Tagger(random.Random(3))
    for new in (True, False):
        table = {"a": values[:4], "b": values[4:], "c": values[:4], "d": values.view(2, 5)}
        torch.save(table, tmp_path / "views.pt", _use_new_zipfile_serialization=new)
        (found,) = read_contents(tmp_path / "views.pt")
        assert tied((tensor.name, tensor.storage) for tensor in found.tensors) == {frozenset("acd")}
        torch.save(module.norm, tmp_path / "norm.pt", _use_new_zipfile_serialization=new)
        (found,) = read_contents(tmp_path / "norm.pt")
        roles = ["weight", "weight", "buffer", "buffer", "buffer"]
        assert [tensor.role for tensor in found.tensors] == roles


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kind", "number"),
    [("pytorch", 400), ("torchscript", 40), ("safetensors", 300), ("onnx", 40), ("keras", 60), ("flax", 20)],
)
def test_many_models_are_read_as_they_were_saved(kind: str, number: int, tmp_path: Path) -> None:
    run(kind, range(1000, 1000 + number), tmp_path)


@pytest.mark.thorough
def test_what_the_newer_exporter_writes_is_read(tmp_path: Path) -> None:
    for number in range(4):
        check_onnx(number, tmp_path, dynamo=True)
