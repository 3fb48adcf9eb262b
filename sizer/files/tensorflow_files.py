"""What TensorFlow has written becomes tensors: the index of a checkpoint, the constants of a graph.

An index is a sorted table (`tensorflow/core/lib/io/table`, the format of LevelDB) of `BundleEntryProto`; a graph is a
`GraphDef`, alone or in a `SavedModel`. Fields are numbered as in `tensorflow/core/framework` and `core/protobuf`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sizer.errors import quoted
from sizer.files.byte_sources import ByteSource, Cursor, MemoryBytes
from sizer.files.contents import Contents, Role, StatedLayer, StoredTensor
from sizer.files.limits import MOST_TENSORS, printable, shape_of, unread
from sizer.files.numpy_files import NAMES_ALONE
from sizer.files.protobuf import BYTES, VARINT, Message, signed, varint

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
FOOTER = 48
TYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "text",
    8: "complex64",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    22: "uint32",
    23: "uint64",
}
SLOT = re.compile(r"/\.OPTIMIZER_SLOT/|(^|/)optimizer(/|$)|/(Adam|Adam_1|Momentum|RMSProp|RMSProp_1|Adagrad)$")
"""How an optimizer's values are called: in TensorFlow 2 by their place, in TensorFlow 1 by what keeps them."""
WEIGHTED = {
    "Const",
    "VariableV2",
    "Variable",
    "VarHandleOp",
    "MatMul",
    "Conv2D",
    "BlockLSTM",
    "CudnnRNN",
    "LSTMBlockCell",
}
"""Operators of a graph that are stated: those that hold weights, or make something of them."""
GRAPH_NOTE = "It does not say which tensors are trained, so constants of the graph count as weights."
NO_CONSTANTS = "Its variables are in separate files; look at `variables/variables.index`."
MOST_BLOCK = 2**24


def is_index(source: ByteSource) -> bool:
    """Return whether a file ends as an index of a checkpoint."""
    return source.size > FOOTER and source.read(source.size - 8, 8) == MAGIC


def read_index(source: ByteSource) -> Contents:
    """Return the tensors of a checkpoint by its index; the values stand in files beside it, and are not looked for.

    Raises:
        InputError: it is damaged, or packed.
    """
    cursor = Cursor(source, source.size - FOOTER)
    varint(cursor)
    varint(cursor)
    start, length = varint(cursor), varint(cursor)
    tensors: list[StoredTensor] = []
    for _, place in _entries(source, start, length):
        handle = Cursor(MemoryBytes(place, source.allowance))
        for key, value in _entries(source, varint(handle), varint(handle)):
            if not key:
                continue
            name = printable(key.decode("utf-8", "backslashreplace"))
            dtype, sizes, sliced = _bundled(Message(MemoryBytes(value, source.allowance)), name)
            if dtype == "text" or sliced is None:
                continue
            if len(tensors) >= MOST_TENSORS:
                raise unread(f"it holds more than {MOST_TENSORS:,} tensors")
            role: Role = "optimizer" if SLOT.search(name) else "unknown"
            tensors.append(StoredTensor(name, shape_of(sizes, name), dtype, role))
    return Contents("tensorflow checkpoint", tuple(tensors), (), "tensorflow", (NAMES_ALONE,))


def _entries(source: ByteSource, start: int, length: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of each entry of a block; a key says only in what it differs from the one before."""
    if length > MOST_BLOCK:
        raise unread(f"a block of its index would have {length:,} bytes")
    block = source.read(start, length + 1)
    if block[-1]:
        raise unread("its index is compressed, which Sizer does not read")
    restarts = int.from_bytes(block[length - 4 : length], "little")
    end = length - 4 - 4 * restarts
    if end < 0:
        raise unread("its index is damaged")
    cursor = Cursor(MemoryBytes(block[:end], source.allowance))
    key = b""
    while cursor.at < end:
        source.allowance.spend()
        shared, more, size = varint(cursor), varint(cursor), varint(cursor)
        if shared > len(key):
            raise unread("its index is damaged")
        key = key[:shared] + cursor.take(more)
        yield key, cursor.take(size)


def _bundled(message: Message, name: str) -> tuple[str, list[int], bool | None]:
    """Return type and sizes of an entry, and whether it is cut into pieces; None for a piece itself."""
    dtype, sizes, sliced = "unknown", [], False
    for number, _, value in message.fields():
        if number == 1 and isinstance(value, int):
            dtype = TYPES.get(value, f"type {value}")
        elif number == 2 and isinstance(value, Message):
            sizes = _sizes(value)
        elif number == 7:
            sliced = True
    # A piece of a tensor stands under the tensor's name, a zero, and where it is cut.
    return dtype, sizes, None if "\0" in name else sliced


def _sizes(message: Message) -> list[int]:
    found = []
    for dimension in message.messages(2):
        size = 0
        for number, _, value in dimension.fields():
            if number == 1 and isinstance(value, int):
                size = signed(value)
        found.append(size)
    return found


def is_graph(source: ByteSource, head: bytes) -> bool:
    """Return whether a file is a graph, alone or in a saved model: its fields are theirs.

    Args:
        source: the file.
        head: its first bytes.
    """
    if head[:1] not in (b"\x0a", b"\x08"):
        return False
    known = {1: BYTES, 2: BYTES, 3: VARINT, 4: BYTES} if head[:1] == b"\x0a" else {1: VARINT, 2: BYTES}
    seen = 0
    try:
        for number, kind, value in Message(source).fields():
            if known.get(number) != kind:
                return False
            if head[:1] == b"\x0a" and number == 1 and isinstance(value, Message) and seen < 3:
                # The first of a graph's nodes have a name and an operator.
                names = {inner: one for inner, wire, one in value.fields() if wire == BYTES}
                if not {1, 2} <= names.keys():
                    return False
            seen += 1
    except ValueError:
        return False
    return seen > 0


def read_graph(source: ByteSource) -> Contents:
    """Return the constants of a graph.

    Raises:
        InputError: it is damaged.
    """
    tensors: list[StoredTensor] = []
    layers: list[StatedLayer] = []
    message = Message(source)
    graphs = [message]
    if source.read(0, 1) == b"\x08":
        graphs = [graph for meta in message.messages(2) for graph in meta.messages(2)]
    for graph in graphs:
        for number, _, value in graph.fields():
            if number == 1 and isinstance(value, Message):
                _node(value, "", tensors, layers)
            elif number == 2 and isinstance(value, Message):
                for function in value.messages(1):
                    for node in function.messages(3):
                        _node(node, "function/", tensors, layers)
    notes = (GRAPH_NOTE,) if source.read(0, 1) == b"\x0a" else (GRAPH_NOTE, NO_CONSTANTS)
    return Contents("tensorflow graph", tuple(tensors), tuple(layers), "tensorflow", notes)


def _node(message: Message, prefix: str, tensors: list[StoredTensor], layers: list[StatedLayer]) -> None:
    """Take an operator, and its tensor where it is a constant."""
    name = kind = ""
    inputs: list[str] = []
    attributes: list[Message] = []
    for number, _, value in message.fields():
        if not isinstance(value, Message):
            continue
        if number == 1:
            name = prefix + printable(value.text(4096))
        elif number == 2:
            kind = value.text(200)
        elif number == 3 and len(inputs) < 1000:
            inputs.append(printable(value.text(4096)))
        elif number == 5:
            attributes.append(value)
    if kind in WEIGHTED and kind != "Const":
        layers.append(StatedLayer(kind, name, {}, tuple(inputs)))
    if kind != "Const":
        return
    for attribute in attributes:
        pair = {number: value for number, _, value in attribute.fields() if isinstance(value, Message)}
        if 1 not in pair or 2 not in pair or pair[1].text(100) != "value":
            continue
        for tensor in pair[2].messages(8):
            dtype, sizes = "unknown", []
            for number, _, value in tensor.fields():
                if number == 1 and isinstance(value, int):
                    dtype = TYPES.get(value, f"type {value}")
                elif number == 2 and isinstance(value, Message):
                    sizes = _sizes(value)
            if len(tensors) >= MOST_TENSORS:
                raise unread(f"it holds more than {MOST_TENSORS:,} tensors, {quoted(name)} the last of them")
            tensors.append(StoredTensor(name, shape_of(sizes, name), dtype))
