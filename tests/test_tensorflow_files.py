"""An index of a checkpoint and a graph, written here by TensorFlow's descriptions, are read as what was written."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sizer.errors import InputError
from sizer.files.reading import DAMAGED, read_contents
from tests.test_attack_model_files import damaged, field, varint

VARIABLES = {
    "_CHECKPOINTABLE_OBJECT_GRAPH": (7, ()),
    "global_step": (9, ()),
    "rnn/lstm_cell/bias": (1, (64,)),
    "rnn/lstm_cell/bias/Adam": (1, (64,)),
    "rnn/lstm_cell/kernel": (1, (27, 64)),
    "rnn/lstm_cell/kernel/Adam": (1, (27, 64)),
    "rnn/lstm_cell/projection/kernel": (19, (16, 5)),
}


def shape(sizes: tuple[int, ...]) -> bytes:
    return b"".join(field(2, b"\x08" + varint(size)) for size in sizes)


def block(entries: list[tuple[bytes, bytes]]) -> bytes:
    """Return a block of a sorted table: keys say in what they differ from the one before."""
    made, before = b"", b""
    for key, value in entries:
        same = next(
            (n for n, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), min(len(key), len(before))
        )
        made += varint(same) + varint(len(key) - same) + varint(len(value)) + key[same:] + value
        before = key
    return made + bytes(4) + (1).to_bytes(4, "little")


def index() -> bytes:
    entries = [(b"", b"\x08\x01")]
    for name, (dtype, sizes) in sorted(VARIABLES.items()):
        entries.append((name.encode(), b"\x08" + varint(dtype) + field(2, shape(sizes)) + b"\x28\x40"))
    middle = len(entries) // 2
    made, handles = b"", []
    for part in (entries[:middle], entries[middle:]):
        data = block(part)
        handles.append((part[-1][0], varint(len(made)) + varint(len(data))))
        made += data + bytes(5)
    data = block(handles)
    footer = varint(0) + varint(0) + varint(len(made)) + varint(len(data))
    return made + data + bytes(5) + footer.ljust(40, b"\0") + (0xDB4775248B80FB57).to_bytes(8, "little")


def constant(name: str, dtype: int, *sizes: int) -> bytes:
    tensor = b"\x08" + varint(dtype) + field(2, shape(sizes)) + field(4, bytes(100))
    value = field(1, b"value") + field(2, field(8, tensor))
    return field(1, field(1, name.encode()) + field(2, b"Const") + field(5, value))


GRAPH = (
    constant("lstm/kernel", 1, 27, 64)
    + constant("lstm/bias", 1, 64)
    + field(1, field(1, b"lstm/MatMul") + field(2, b"MatMul") + field(3, b"x") + field(3, b"lstm/kernel"))
    + field(4, b"\x08\x1b")
)


def test_an_index(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt.index"
    path.write_bytes(index())
    (found,) = read_contents(path)
    assert [(t.name, t.shape, t.dtype, t.role) for t in found.tensors] == [
        ("global_step", (), "int64", "unknown"),
        ("rnn/lstm_cell/bias", (64,), "float32", "unknown"),
        ("rnn/lstm_cell/bias/Adam", (64,), "float32", "optimizer"),
        ("rnn/lstm_cell/kernel", (27, 64), "float32", "unknown"),
        ("rnn/lstm_cell/kernel/Adam", (27, 64), "float32", "optimizer"),
        ("rnn/lstm_cell/projection/kernel", (16, 5), "float16", "unknown"),
    ]


@pytest.mark.parametrize("saved", [False, True])
def test_a_graph(tmp_path: Path, saved: bool) -> None:
    path = tmp_path / "graph.pb"
    path.write_bytes(b"\x08\x01" + field(2, field(2, GRAPH)) if saved else GRAPH)
    (found,) = read_contents(path)
    assert [(t.name, t.shape, t.dtype) for t in found.tensors] == [
        ("lstm/kernel", (27, 64), "float32"),
        ("lstm/bias", (64,), "float32"),
    ]
    assert [(one.kind, one.tensors) for one in found.layers] == [("MatMul", ("x", "lstm/kernel"))]


@pytest.mark.parametrize("form", ["index", "graph"])
def test_damaged_ones_are_answers_or_faults(tmp_path: Path, form: str) -> None:
    data = index() if form == "index" else GRAPH
    path = tmp_path / form
    faults = 0
    for number in range(300):
        path.write_bytes(damaged(random.Random(number), data, [data]))
        try:
            read_contents(path)
        except InputError as problem:
            faults += 1
            message = str(problem)
        else:
            message = ""
        assert DAMAGED not in message
    assert 20 < faults < 300
