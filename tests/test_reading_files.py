"""Files, folders, parts of one model and URLs: which files are looked at, and what of them is fetched."""

from __future__ import annotations

import gzip
import http.server
import json
import shutil
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sizer.errors import InputError
from sizer.files.contents import Contents
from sizer.files.reading import read_contents
from tests.made_models import FOLDER, model_files

WEIGHT = ("weight_ih_l0", [16, 3])


def safetensors(tensors: dict[str, list[int]], data: int | None = None) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, shape in tensors.items():
        size = 4
        for one in shape:
            size *= one
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at if data is None else data)


PARTS = {
    "model-00001-of-00002.safetensors": {"a": [4, 3], "b": [3]},
    "model-00002-of-00002.safetensors": {"c": [2, 2, 2]},
}


def write_parts(folder: Path) -> Path:
    for file, tensors in PARTS.items():
        (folder / file).write_bytes(safetensors(tensors))
    index = folder / "model.safetensors.index.json"
    places = {name: file for file, tensors in PARTS.items() for name in tensors}
    index.write_text(json.dumps({"metadata": {"total_size": 92}, "weight_map": places}))
    return index


def of(contents: Contents) -> dict[str, tuple[int, ...]]:
    return {tensor.name: tensor.shape for tensor in contents.tensors}


ALL = {"a": (4, 3), "b": (3,), "c": (2, 2, 2)}


def test_the_parts_of_a_model_are_one(tmp_path: Path) -> None:
    (found,) = read_contents(write_parts(tmp_path))
    assert of(found) == ALL
    assert "It consists of 2 files." in found.notes
    (tmp_path / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 4}')
    folder = {one.place: one for one in read_contents(tmp_path)}
    assert of(folder["model.safetensors.index.json"]) == ALL
    assert set(folder) == {"model.safetensors.index.json", "config.json"}
    assert folder["config.json"].layers[0].kind == "BertModel"
    assert folder["config.json"].layers[0].settings["hidden_size"] == 4


def test_a_part_that_is_not_there_or_not_whole_is_said(tmp_path: Path) -> None:
    index = write_parts(tmp_path)
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(safetensors({"d": [1]}))
    with pytest.raises(InputError, match=r"its part 'model-00002-of-00002\.safetensors' lacks 'c', and 0 more"):
        read_contents(index)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match="no such file"):
        read_contents(index)


def test_a_folder_of_many_formats(tmp_path: Path) -> None:
    for name in ("state.pt", "model.onnx", "model.keras"):
        shutil.copy(FOLDER / name, tmp_path)
    (tmp_path / "readme.txt").write_text("a text")
    (tmp_path / "broken.pt").write_bytes(b"PK\3\4 and no more")
    assert [(one.place, one.format) for one in read_contents(tmp_path)] == [
        ("model.keras", "keras"),
        ("model.onnx", "onnx"),
        ("state.pt", "torch zip"),
    ]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder, "it has no model file"),
        (lambda folder: folder / "none.pt", "no such file"),
        (lambda folder: Path("/dev/null"), "it is not a file"),
    ],
)
def test_what_is_no_model_file(tmp_path: Path, make: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_contents(make(tmp_path))


def test_the_name_of_a_file_says_nothing(tmp_path: Path) -> None:
    for place, (name, data) in enumerate(model_files().items()):
        path = tmp_path / f"{place}.bin"
        path.write_bytes(data)
        assert [one.tensors for one in read_contents(path)] == [one.tensors for one in read_contents(FOLDER / name)]


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Serves ranges of files, and keeps what was asked for."""

    asked: list[tuple[str, str]]
    whole = False

    def do_GET(self) -> None:
        Ranges.asked.append((self.path, self.headers.get("Range", "")))
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        piece = data[int(first) : int(last or len(data)) + 1]
        self.send_response(200 if Ranges.whole else 206)
        if not Ranges.whole:
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(piece) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(piece)))
        self.end_headers()
        self.wfile.write(piece)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    Ranges.asked, Ranges.whole = [], False
    handler = lambda *given: Ranges(*given, directory=str(tmp_path))  # noqa: E731
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_of_a_file_behind_a_url_only_the_header_is_fetched(served: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(safetensors({"table": [1000, 1000]}))
    (found,) = read_contents(f"{served}/model.safetensors")
    assert of(found) == {"table": (1000, 1000)}
    assert Ranges.asked == [("/model.safetensors", "bytes=0-262143")]


def test_parts_behind_a_url(served: str, tmp_path: Path) -> None:
    index = write_parts(tmp_path)
    (found,) = read_contents(f"{served}/{index.name}")
    assert of(found) == ALL
    assert [path for path, _ in Ranges.asked] == [f"/{index.name}", *(f"/{file}" for file in PARTS)]


def test_an_archive_behind_a_url_is_read_from_its_end(served: str, tmp_path: Path) -> None:
    shutil.copy(FOLDER / "state.pt", tmp_path)
    (found,) = read_contents(f"{served}/state.pt")
    assert found.tensors == read_contents(FOLDER / "state.pt")[0].tensors


def test_what_is_wrong_behind_a_url_is_said(served: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the server answered 404"):
        read_contents(f"{served}/none.pt")
    (tmp_path / "model.pt").write_bytes(b"x" * 1000)
    Ranges.whole = True
    with pytest.raises(InputError, match="the server sends only the whole file, not ranges of it"):
        read_contents(f"{served}/model.pt")
    with pytest.raises(InputError, match="it cannot be reached"):
        read_contents("http://127.0.0.1:9/model.pt")


def test_what_the_model_files_hold() -> None:
    """Of each file that the frameworks wrote for these tests, by hand: an LSTM of 3 -> 4 both ways, a norm and 8 -> 2."""
    bias = 2 * 2 * 16
    lstm = 2 * 16 * (3 + 4) + bias
    trained = lstm + 2 * 8 + 8 * 2 + 2
    for name in (
        "state.pt",
        "legacy.pt",
        "script.jit",
        "state.safetensors",
        "state.pt.gz",
        "model.nemo",
        "checkpoint.pt",
    ):
        (found,) = read_contents(FOLDER / name)
        kept = [tensor for tensor in found.tensors if tensor.role != "optimizer"]
        assert sum(tensor.size for tensor in kept) == trained + 2 * 8 + 1, name
    keras = 12 * (3 + 4) + 2 * 12 + 4 * 4 + 4 * 2 + 2
    for name in ("model.keras", "model.h5", "model.weights.h5"):
        (found,) = read_contents(FOLDER / name)
        assert sum(tensor.size for tensor in found.tensors) == keras, name
    flax = 4 * (3 * 4 + 4 * 4 + 4)
    (found,) = read_contents(FOLDER / "model.msgpack")
    assert sum(tensor.size for tensor in found.tensors) == flax
    (found,) = read_contents(FOLDER / "model.onnx")
    (stated,) = (layer for layer in found.layers if layer.kind == "LSTM")
    shapes = of(found)
    assert [shapes[name] for name in stated.tensors[1:4]] == [(2, 16, 3), (2, 16, 4), (2, 32)]
    assert stated.settings["direction"] == "bidirectional"
    shapes = of(read_contents(FOLDER / "model.h5")[0])
    assert sorted(shapes.values()) == [(2,), (2, 12), (3, 12), (4,), (4,), (4,), (4,), (4, 2), (4, 12)]
    (found,) = read_contents(FOLDER / "model.tflite")
    assert [(t.name, t.shape, t.dtype) for t in found.tensors] == [
        ("dense/kernel", (4, 3), "float16"),
        ("dense/bias", (4,), "int8"),
    ]
    assert [(one.kind, one.tensors) for one in found.layers] == [
        ("FULLY_CONNECTED", ("input", "dense/kernel", "dense/bias"))
    ]
    assert found.producer == "made for tests"
    (found,) = read_contents(FOLDER / "model.gguf")
    assert [(t.name, t.shape, t.dtype) for t in found.tensors] == [
        ("rnn.weight_ih_l0", (16, 3), "float32"),
        ("rnn.weight_hh_l0", (16, 4), "float32"),
        ("rnn.bias_ih_l0", (16,), "float32"),
        ("rnn.bias_hh_l0", (16,), "float32"),
        ("out.weight", (2, 4), "float16"),
    ]
    assert found.metadata == {"general.architecture": "kokoro", "kokoro.layers": "1", "general.name": "small"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:4] + (1).to_bytes(4, "little") + data[8:], "GGUF of version 1; versions 2 and 3 are read"),
        (lambda data: data[:8] + (2**63).to_bytes(8, "little") + data[16:], "it holds more than 250,000 tensors"),
        (lambda data: data[:16] + (2**63).to_bytes(8, "little") + data[24:], "entries besides its tensors"),
        (lambda data: data[:24] + (2**62).to_bytes(8, "little") + data[32:], "it is cut off: a text of"),
        (lambda data: data[:100], "it is cut off"),
    ],
)
def test_gguf_that_is_hostile_is_a_fault(tmp_path: Path, change: Callable[[bytes], bytes], words: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(change((FOLDER / "model.gguf").read_bytes()))
    with pytest.raises(InputError, match=words):
        read_contents(path)


def test_a_keras_file_that_does_not_say_the_names_of_its_groups(tmp_path: Path) -> None:
    """Before Keras 3.6 the groups of weights had names of classes alone: here the newer names are taken away."""
    (named,) = read_contents(FOLDER / "model.keras")
    path = tmp_path / "older.keras"
    with zipfile.ZipFile(FOLDER / "model.keras") as new, zipfile.ZipFile(path, "w") as old:
        for name in new.namelist():
            data = new.read(name)
            if name.endswith(".h5"):
                # An attribute of another name says nothing.
                assert data.count(b"name\0\0\0\0") >= 4
                data = data.replace(b"name\0\0\0\0", b"nome\0\0\0\0")
            old.writestr(name, data)
    (found,) = read_contents(path)
    assert found.layers == named.layers
    assert sum(len(layer.tensors) for layer in found.layers) == len(found.tensors)


def test_joblib_and_what_stands_in_objects(tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    import numpy

    held = {
        "w": numpy.zeros((3, 4), "f4"),
        "o": numpy.array([{"a": numpy.ones(3)}], dtype=object),
        "v": numpy.arange(5),
    }
    for compressed in (0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3)):
        joblib.dump(held, tmp_path / "model.joblib", compress=compressed)
        (found,) = read_contents(tmp_path / "model.joblib")
        assert [(tensor.shape, tensor.dtype) for tensor in found.tensors] == [
            ((3, 4), "float32"),
            ((3,), "float64"),
            ((5,), "int64"),
        ]


WORDS = {
    "words": {"aardvark": "AA1 R D V AA2 R K", "model": "M AA1 D AH0 L"},
    "words like keys": {
        "model_type": "M AA1 D AH0 L T AY1 P",
        "architectures": ["AA1 R K AH0 T EH2 K"],
        "config": "K AA1 N",
    },
    "a vocabulary": {"model_type": 5, "architectures": 1, "class_name": 7, "config": 12, "hidden_size": 77},
    "words alone": {"architectures": ["Noun"], "hidden": "adjective"},
    "a layer of none": {"class_name": "noun", "config": "noun"},
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("which", WORDS)
def test_a_dictionary_of_words_is_no_configuration(tmp_path: Path, which: str, packed: bool) -> None:
    file = tmp_path / ("words.json.gz" if packed else "words.json")
    text = json.dumps(WORDS[which]).encode()
    file.write_bytes(gzip.compress(text) if packed else text)
    with pytest.raises(InputError, match="it is JSON, but does not describe a model"):
        read_contents(file)
    plain = tmp_path / "plain.json"
    plain.write_text('{"architectures": ["LSTMModel"], "hidden_size": 4}')
    assert [one.format for one in read_contents(plain)] == ["hf config"]
