"""Small model files, saved by the frameworks themselves, for tests that need real headers without the frameworks.

    python -m tests.made_models        makes `tests/model_files/` anew; needs the extra `frameworks`, and for TensorFlow Lite `tflite`, for GGUF `gguf`

What stands in them is random, and small: a few kilobytes each.
"""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "model_files"


def model_files() -> dict[str, bytes]:
    """Return the bytes of each file by its name."""
    return {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}


def _torch(folder: Path) -> None:
    import torch

    class Tagger(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.LSTM(3, 4, bidirectional=True)
            self.norm = torch.nn.BatchNorm1d(8)
            self.out = torch.nn.Linear(8, 2)

        def forward(self, frames: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.out(self.rnn(frames)[0])
            return out

    model = Tagger()
    plain = torch.nn.Sequential(torch.nn.GRU(3, 4), torch.nn.Linear(4, 2))
    optimizer = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    torch.save(model.state_dict(), folder / "state.pt")
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, folder / "checkpoint.pt")
    torch.save(plain, folder / "module.pt")
    torch.save(model.state_dict(), folder / "legacy.pt", _use_new_zipfile_serialization=False)
    compiled = io.BytesIO()
    torch.jit.save(torch.jit.script(model), compiled)
    (folder / "script.jit").write_bytes(_without_code(compiled.getvalue()))
    torch.onnx.export(model, (torch.zeros(2, 1, 3),), folder / "model.onnx", dynamo=False)


def _without_code(script: bytes) -> bytes:
    """Return a TorchScript archive with its classes' attributes, but without their functions and where they stood."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(script)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".debug_pkl"):
                continue
            if name.endswith(".py"):
                kept = [line for line in data.decode().splitlines() if line.startswith(("class ", "  __"))]
                data = "\n".join(kept).encode() + b"\n"
            new.writestr(name, data)
    return made.getvalue()


def _keras(folder: Path) -> None:
    import keras

    model = keras.Sequential(
        [keras.Input((None, 3)), keras.layers.GRU(4), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
    )
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    model.save_weights(folder / "model.weights.h5")
    (folder / "architecture.json").write_text(model.to_json())


def _others(folder: Path) -> None:
    import h5py
    import jax
    import numpy
    from flax import linen, serialization

    from tests.test_kaldi_files import TEXT, binary

    variables = linen.RNN(linen.OptimizedLSTMCell(4)).init(jax.random.key(0), numpy.zeros((1, 2, 3)))
    (folder / "model.msgpack").write_bytes(serialization.to_bytes(variables))
    arrays: dict[str, Any] = {"kernel": numpy.zeros((3, 16), "f4"), "bias": numpy.zeros(16, "f2")}
    numpy.savez(folder / "arrays.npz", **arrays)
    numpy.save(folder / "array.npy", arrays["kernel"])
    numpy.save(folder / "objects.npy", numpy.array({"layer": arrays}, dtype=object), allow_pickle=True)
    for protocol in (0, 2, 4):
        (folder / f"arrays-{protocol}.pkl").write_bytes(pickle.dumps(arrays, protocol))
    (folder / "final.mdl").write_bytes(binary())
    (folder / "final.txt").write_text(TEXT)
    with h5py.File(folder / "latest.h5", "w", libver="latest") as file:
        for place in range(20):
            file.create_dataset(f"layer_{place}", data=numpy.zeros((place, 2), "f4"))
            file.attrs[f"word_{place}"] = "x" * place


def _gguf(folder: Path) -> None:
    """Write a layer of cells with the package `gguf`, of whoever defines the format."""
    import gguf
    import numpy

    writer = gguf.GGUFWriter(folder / "model.gguf", "kokoro")
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    writer.add_array("lengths", [1, 2, 3])
    writer.add_uint32("kokoro.layers", 1)
    writer.add_string("general.name", "small")
    for word, shape in (("weight_ih", (16, 3)), ("weight_hh", (16, 4)), ("bias_ih", (16,)), ("bias_hh", (16,))):
        writer.add_tensor(f"rnn.{word}_l0", numpy.zeros(shape, numpy.float32))
    writer.add_tensor("out.weight", numpy.zeros((2, 4), numpy.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tflite(folder: Path) -> None:
    """Write a dense layer with TensorFlow's own tables: packages `tflite` and `flatbuffers`."""
    import flatbuffers
    import tflite

    made = flatbuffers.Builder(1024)

    def listed(start: Any, items: list[int], prepend: str) -> int:
        start(made, len(items))
        for item in reversed(items):
            getattr(made, prepend)(item)
        return int(made.EndVector())

    def tensor(name: str, shape: list[int], kind: int, buffer: int) -> int:
        called = made.CreateString(name)
        sizes = listed(tflite.TensorStartShapeVector, shape, "PrependInt32")
        tflite.TensorStart(made)
        tflite.TensorAddShape(made, sizes)
        tflite.TensorAddType(made, kind)
        tflite.TensorAddBuffer(made, buffer)
        tflite.TensorAddName(made, called)
        return int(tflite.TensorEnd(made))

    buffers = []
    for length in (0, 24, 8):
        data = made.CreateByteVector(bytes(length)) if length else 0
        tflite.BufferStart(made)
        if length:
            tflite.BufferAddData(made, data)
        buffers.append(tflite.BufferEnd(made))
    kinds = tflite.TensorType
    tensors = [
        tensor("input", [1, 3], kinds.FLOAT32, 0),
        tensor("dense/kernel", [4, 3], kinds.FLOAT16, 1),
        tensor("dense/bias", [4], kinds.INT8, 2),
        tensor("output", [1, 4], kinds.FLOAT32, 0),
    ]
    read = listed(tflite.OperatorStartInputsVector, [0, 1, 2], "PrependInt32")
    given = listed(tflite.OperatorStartOutputsVector, [3], "PrependInt32")
    tflite.OperatorStart(made)
    tflite.OperatorAddOpcodeIndex(made, 0)
    tflite.OperatorAddInputs(made, read)
    tflite.OperatorAddOutputs(made, given)
    operator = tflite.OperatorEnd(made)
    of_graph = listed(tflite.SubGraphStartTensorsVector, tensors, "PrependUOffsetTRelative")
    operators = listed(tflite.SubGraphStartOperatorsVector, [operator], "PrependUOffsetTRelative")
    tflite.SubGraphStart(made)
    tflite.SubGraphAddTensors(made, of_graph)
    tflite.SubGraphAddOperators(made, operators)
    graph = tflite.SubGraphEnd(made)
    tflite.OperatorCodeStart(made)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(made, tflite.BuiltinOperator.FULLY_CONNECTED)
    code = tflite.OperatorCodeEnd(made)
    graphs = listed(tflite.ModelStartSubgraphsVector, [graph], "PrependUOffsetTRelative")
    codes = listed(tflite.ModelStartOperatorCodesVector, [code], "PrependUOffsetTRelative")
    all_buffers = listed(tflite.ModelStartBuffersVector, buffers, "PrependUOffsetTRelative")
    description = made.CreateString("made for tests")
    tflite.ModelStart(made)
    tflite.ModelAddVersion(made, 3)
    tflite.ModelAddOperatorCodes(made, codes)
    tflite.ModelAddSubgraphs(made, graphs)
    tflite.ModelAddDescription(made, description)
    tflite.ModelAddBuffers(made, all_buffers)
    made.Finish(tflite.ModelEnd(made), b"TFL3")
    (folder / "model.tflite").write_bytes(bytes(made.Output()))


def _packed(folder: Path) -> None:
    state = (folder / "state.pt").read_bytes()
    (folder / "state.pt.gz").write_bytes(gzip.compress(state, mtime=0))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in (("./model_config.yaml", b"target: a\n"), ("./model_weights.ckpt", state)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    (folder / "model.nemo").write_bytes(packed.getvalue())


def main() -> None:
    """Make every file anew."""
    import torch
    from safetensors.torch import save_file

    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(made)
        _torch(folder)
        state: dict[str, Any] = torch.load(folder / "state.pt")
        save_file(state, folder / "state.safetensors")
        _keras(folder)
        _others(folder)
        _tflite(folder)
        _gguf(folder)
        _packed(folder)
        for path in folder.iterdir():
            (FOLDER / path.name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
