"""The public model files that are recorded: what was read of them adds up to what the list of them says."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.oracles.recorded_files import RecordedFile, recorded

LIST = Path(__file__).resolve().parent / "oracles" / "real_files.csv"
FILES = {(one.package, one.file): one for one in recorded()}
ROWS = list(csv.DictReader(LIST.read_text().splitlines()))
NUMBERS = ("float", "bfloat", "int", "uint", "bool", "qint", "quint")
NOT_TRAINED = ("running_mean", "running_var", "num_batches_tracked", "moving_mean", "moving_variance")
"""How buffers of batch norms are called; the list leaves them out of most files."""
WITHOUT_TOTAL = {"ao-compensation-model", "chiron", "dksplit", "kraken", "omnizart", "piper-tts", "pythainlp"}
"""Packages of which the list says what recurs alone."""
CONSTANTS = {"Constant", "ConstantOfShape"}


def of_row(row: dict[str, str]) -> RecordedFile:
    return FILES[row["package"].removesuffix(" (Debian)"), row["file"].partition("!")[0]]


def read_values(row: dict[str, str]) -> tuple[int, int, int]:
    """Return what the values of a file come to: of what is trained, of that and buffers, and of constants besides."""
    inside = row["file"].partition("!")[2]
    (found,) = (one for one in of_row(row).contents if not inside or one.place == inside)
    constants = {
        name
        for layer in found.layers
        if found.format == "onnx" and layer.kind in CONSTANTS
        for name in (*layer.settings["outputs"], f"{layer.name}/value")
    }
    trained = buffers = others = 0
    for tensor in found.tensors:
        if tensor.role == "optimizer" or not tensor.dtype.startswith(NUMBERS):
            continue
        if tensor.name in constants:
            others += tensor.size
        elif tensor.name.split(":")[0].endswith(NOT_TRAINED):
            buffers += tensor.size
        else:
            trained += tensor.size
    return trained, trained + buffers, trained + buffers + others


def test_every_file_of_the_list_is_recorded() -> None:
    assert {of_row(row).file for row in ROWS} == {file for _, file in FILES}
    assert len(FILES) > 100
    assert not {one.format for record in FILES.values() for one in record.contents} - {
        *("torchscript", "onnx", "safetensors", "torch legacy pickle", "torch zip", "pickle", "keras h5", "npz"),
        *("dynet text", "tesseract lstm", "coreml", "keras", "tflite", "tensorflow checkpoint"),
    }


@pytest.mark.parametrize("package", sorted({row["package"] for row in ROWS}))
def test_the_values_of_recorded_files_add_up(package: str) -> None:
    rows = [row for row in ROWS if row["package"] == package and row["total_weights"]]
    assert rows or package in WITHOUT_TOTAL
    for row in rows:
        trained, stored, everything = read_values(row)
        total = int(row["total_weights"])
        if row["format"] == "onnx":
            # Weights may stand among the constants of a graph; the list leaves out those that are none, a few values.
            assert stored <= total <= everything
            assert everything - total < 400
        else:
            assert total in (trained, stored), row["file"]
