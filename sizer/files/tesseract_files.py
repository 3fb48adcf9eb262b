"""The network in a `.traineddata` of Tesseract becomes its layers and matrices.

The order of the fields is that of `Network::Serialize` and its kin (github.com/tesseract-ocr/tesseract, `src/lstm`).
"""

from __future__ import annotations

import struct
from typing import Any

from sizer.errors import quoted
from sizer.files.byte_sources import ByteSource, Cursor
from sizer.files.contents import Contents, StatedLayer, StoredTensor
from sizer.files.limits import MOST_NESTING, printable, shape_of, unread

LSTM_ENTRY = 17
MOST_ENTRIES = 64
NESTS = {
    "Series",
    "Parallel",
    "Replicated",
    "ParBidiLSTM",
    "DepParUDLSTM",
    "Par2dLSTM",
    "RTLReversed",
    "TTBReversed",
    "XYTranspose",
}
CONNECTED = {"Logistic", "LinLogistic", "LinTanh", "Tanh", "Relu", "Linear", "Softmax", "SoftmaxNoCTC"}
LSTMS = {"LSTM", "SummLSTM", "LSTMSoftmax", "LSTMBinarySoftmax"}
GATES = ("cell", "input_gate", "forget_gate", "output_gate", "second_forget_gate")
INT8, ADAM, DOUBLE = 1, 4, 128
LEARNING_RATES = 64
NOTE = "The last column of a matrix is the bias."


def is_tesseract(head: bytes, size: int) -> bool:
    """Return whether a file begins as one: a number of entries, and their places in order, -1 where there is none."""
    number = int.from_bytes(head[:4], "little")
    if not LSTM_ENTRY < number <= MOST_ENTRIES or len(head) < 4 + 8 * number:
        return False
    places = [place for place in struct.unpack_from(f"<{number}q", head, 4) if place != -1]
    return bool(places) and places == sorted(places) and 4 + 8 * number <= places[0] and places[-1] <= size


def read_tesseract(source: ByteSource) -> Contents:
    """Return what stands in the network of a `.traineddata`.

    Raises:
        InputError: it has none, or it is damaged.
    """
    number = int.from_bytes(source.read(0, 4), "little")
    places = struct.unpack(f"<{number}q", source.read(4, 8 * number))
    begin = places[LSTM_ENTRY]
    if begin < 0:
        raise unread("it has no LSTM in it: it is from Tesseract 3")
    end = next((place for place in places[LSTM_ENTRY + 1 :] if place > begin), source.size)
    tensors: list[StoredTensor] = []
    layers: list[StatedLayer] = []
    _network(Cursor(source, begin, end), "", tensors, layers, 0)
    return Contents("tesseract lstm", tuple(tensors), tuple(layers), "tesseract", (NOTE,))


def _whole(cursor: Cursor) -> int:
    value: int = struct.unpack("<i", cursor.take(4))[0]
    return value


def _text(cursor: Cursor) -> str:
    length = _whole(cursor)
    if not 0 <= length <= 4096:
        raise unread(f"a word in its network has {length:,} bytes")
    return cursor.take(length).decode("utf-8", "backslashreplace")


def _network(cursor: Cursor, path: str, tensors: list[StoredTensor], layers: list[StatedLayer], depth: int) -> None:
    """Take a network, and those in it."""
    if depth > MOST_NESTING:
        raise unread("its networks are nested too deeply")
    cursor.allowance.spend()
    kind = _text(cursor) if cursor.take(1) == b"\0" else ""
    cursor.skip(2)
    flags, read, handed_up, weights = struct.unpack("<4i", cursor.take(16))
    name = printable(_text(cursor))
    where = f"{path}/{name}" if path else name
    settings: dict[str, Any] = {"inputs": read, "outputs": handed_up, "weights": weights}
    before, place = len(tensors), len(layers)
    if kind in NESTS:
        number = _whole(cursor)
        if not 0 <= number <= 10_000:
            raise unread(f"its network {quoted(name)} would have {number:,} parts")
        for _ in range(number):
            _network(cursor, where, tensors, layers, depth + 1)
        if flags & LEARNING_RATES:
            rates = _whole(cursor)
            cursor.skip(4 * max(0, rates))
    elif kind == "Input":
        shape = struct.unpack("<5i", cursor.take(20))
        settings |= dict(zip(("batch", "height", "width", "depth"), shape, strict=False))
    elif kind in ("Convolve", "Maxpool", "Reconfig"):
        settings |= dict(zip(("x", "y"), struct.unpack("<2i", cursor.take(8)), strict=True))
    elif kind in CONNECTED:
        _matrix(cursor, f"{where}/weights", tensors)
    elif kind in LSTMS:
        settings["gate_inputs"] = _whole(cursor)
        # A cell that steps in two directions at once has a second forget gate.
        gates = 5 if settings["gate_inputs"] == read + 2 * handed_up and kind == "LSTM" else 4
        for gate in GATES[:gates]:
            _matrix(cursor, f"{where}/{gate}", tensors)
        if kind in ("LSTMSoftmax", "LSTMBinarySoftmax"):
            _network(cursor, where, tensors, layers, depth + 1)
    else:
        raise unread(f"its network has a part that Sizer does not know: {quoted(kind)}")
    own = tuple(tensor.name for tensor in tensors[before:]) if kind not in NESTS else ()
    layers.insert(place, StatedLayer(kind, name, settings, own))


def _matrix(cursor: Cursor, name: str, tensors: list[StoredTensor]) -> None:
    """Take a matrix of weights: whole numbers with scales, or decimals."""
    mode = cursor.take(1)[0]
    rows, columns = struct.unpack("<2i", cursor.take(8))
    shape = shape_of([rows, columns], name)
    width = 1 if mode & INT8 else 8 if mode & DOUBLE else 4
    # The value of what is empty stands in front of the values.
    cursor.skip(width + width * rows * columns)
    if mode & INT8:
        cursor.skip(8 * max(0, _whole(cursor)))
    elif mode & ADAM:
        raise unread("it is a checkpoint of an unfinished training, which Sizer does not read")
    tensors.append(StoredTensor(name, shape, {1: "int8", 4: "float32", 8: "float64"}[width], "weight"))
