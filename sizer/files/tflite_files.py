"""A TensorFlow Lite model becomes its constant tensors and its operators.

It is a flatbuffer: tables that say at which place each of their fields stands. The numbers of fields and operators are
those of `schema.fbs` (github.com/tensorflow/tensorflow, `tensorflow/compiler/mlir/lite/schema`).
"""

from __future__ import annotations

import struct
from typing import Any

from sizer.files.byte_sources import ByteSource
from sizer.files.contents import Contents, StatedLayer, StoredTensor
from sizer.files.limits import MOST_TENSORS, printable, shape_of, unread

MAGIC = b"TFL3"
TYPES = (
    *("float32", "float16", "int32", "uint8", "int64", "text", "bool", "int16", "complex64", "int8", "float64"),
    *("complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16"),
)
OPERATORS = {
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    7: "EMBEDDING_LOOKUP",
    9: "FULLY_CONNECTED",
    16: "LSTM",
    24: "RNN",
    27: "SVDF",
    32: "CUSTOM",
    35: "UNIDIRECTIONAL_SEQUENCE_RNN",
    36: "GATHER",
    44: "UNIDIRECTIONAL_SEQUENCE_LSTM",
    46: "BIDIRECTIONAL_SEQUENCE_RNN",
    52: "BIDIRECTIONAL_SEQUENCE_LSTM",
    119: "WHILE",
}
"""Operators that have weights, by their numbers; the others are called by their number."""
SUBGRAPHS, BUFFERS, CODES, DESCRIPTION = 2, 4, 1, 3
MOST_LISTED = 1_000_000
NOTE = "It does not say which tensors are trained, so constants of the graph count as weights."


class _FlatbufferTable:
    """A table of a flatbuffer."""

    def __init__(self, source: ByteSource, at: int) -> None:
        self._source = source
        self._at = at
        source.allowance.spend()
        start = at - struct.unpack("<i", source.read(at, 4))[0]
        length = struct.unpack("<H", source.read(start, 2))[0]
        self._places = struct.unpack(
            f"<{max(0, length // 2 - 2)}H", source.read(start + 4, max(0, length // 2 - 2) * 2)
        )

    def _place(self, number: int) -> int:
        """Return where a field stands; 0 where it has its default."""
        offset = self._places[number] if number < len(self._places) else 0
        return self._at + offset if offset else 0

    def whole(self, number: int, form: str = "<i") -> int:
        """Return a whole number; 0 where it is not there."""
        at = self._place(number)
        found: int = struct.unpack(form, self._source.read(at, struct.calcsize(form)))[0] if at else 0
        return found

    def _follow(self, at: int) -> int:
        return at + int.from_bytes(self._source.read(at, 4), "little")

    def table(self, number: int) -> _FlatbufferTable | None:
        """Return a table within this one."""
        at = self._place(number)
        return _FlatbufferTable(self._source, self._follow(at)) if at else None

    def _list(self, number: int) -> tuple[int, int]:
        """Return where a list's values begin, and how many there are."""
        at = self._place(number)
        if not at:
            return 0, 0
        begin = self._follow(at)
        return begin + 4, struct.unpack("<I", self._source.read(begin, 4))[0]

    def length(self, number: int) -> int:
        """Return how many values a list has, none of which is read."""
        return self._list(number)[1]

    def numbers(self, number: int) -> list[int]:
        """Return a list of whole numbers."""
        begin, length = self._list(number)
        if length > MOST_LISTED:
            raise unread(f"a list in it would have {length:,} numbers")
        return list(struct.unpack(f"<{length}i", self._source.read(begin, 4 * length)))

    def text(self, number: int) -> str:
        """Return a text, cut where it is long."""
        begin, length = self._list(number)
        return printable(self._source.read(begin, min(length, 8192)).decode("utf-8", "backslashreplace"))

    def tables(self, number: int) -> list[_FlatbufferTable]:
        """Return a list of tables."""
        begin, length = self._list(number)
        if length > MOST_TENSORS:
            raise unread(f"a list in it would have {length:,} tables")
        return [_FlatbufferTable(self._source, self._follow(begin + 4 * place)) for place in range(length)]


def is_tflite(head: bytes) -> bool:
    """Return whether a file begins as one."""
    return head[4:8] == MAGIC


def read_tflite(source: ByteSource) -> Contents:
    """Return what a TensorFlow Lite model holds.

    Raises:
        InputError: it is damaged.
    """
    model = _FlatbufferTable(source, struct.unpack("<I", source.read(0, 4))[0])
    # A buffer's values stand in it, or behind all tables at a place that it says.
    filled = [buffer.length(0) > 0 or buffer.whole(2, "<Q") > 0 for buffer in model.tables(BUFFERS)]
    kinds = [_operator(code) for code in model.tables(CODES)]
    tensors: list[StoredTensor] = []
    layers: list[StatedLayer] = []
    graphs = model.tables(SUBGRAPHS)
    for place, graph in enumerate(graphs):
        prefix = f"{graph.text(4) or place}/" if len(graphs) > 1 else ""
        names = []
        for tensor in graph.tables(0):
            name = f"{prefix}{tensor.text(3)}"
            names.append(name)
            buffer = tensor.whole(2, "<I")
            if buffer < len(filled) and filled[buffer]:
                kind = tensor.whole(1, "<b")
                word = TYPES[kind] if 0 <= kind < len(TYPES) else f"type {kind}"
                tensors.append(StoredTensor(name, shape_of(tensor.numbers(0), name), word, storage=f"buffer {buffer}"))
                if len(tensors) > MOST_TENSORS:
                    raise unread(f"it holds more than {MOST_TENSORS:,} tensors")
        for number, operator in enumerate(graph.tables(3)):
            code = operator.whole(0, "<I")
            settings: dict[str, Any] = {"outputs": [_named(names, one) for one in operator.numbers(2)]}
            read = tuple(_named(names, one) for one in operator.numbers(1))
            kind_name = kinds[code] if code < len(kinds) else "?"
            layers.append(StatedLayer(kind_name, f"{prefix}{kind_name}_{number}", settings, read))
    return Contents("tflite", tuple(tensors), tuple(layers), model.text(DESCRIPTION), (NOTE,))


def _named(names: list[str], place: int) -> str:
    """Return a tensor's name by its place; empty where an optional one is left out."""
    return names[place] if 0 <= place < len(names) else ""


def _operator(code: _FlatbufferTable) -> str:
    # Numbers up to 127 stood in one byte at first, and still do beside the newer field.
    number = max(code.whole(0, "<b"), code.whole(3, "<i"))
    custom = code.text(1)
    return custom if number == 32 and custom else OPERATORS.get(number, f"operator {number}")
