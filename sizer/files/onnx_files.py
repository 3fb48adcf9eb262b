"""An ONNX file becomes its initializers and its operators: those in branches, loops and functions too.

The numbers of fields are those of `onnx.proto` (github.com/onnx/onnx). Data beside the file is not looked for: shape and
type stand in the file itself.
"""

from __future__ import annotations

from typing import Any

from sizer.files.byte_sources import ByteSource
from sizer.files.contents import Contents, StatedLayer, StoredTensor
from sizer.files.limits import MOST_TENSORS, printable, shape_of, unread
from sizer.files.protobuf import BYTES, FIXED32, VARINT, Message, decimal, signed

TYPES = [
    "undefined",
    "float32",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "text",
    "bool",
    "float16",
    "float64",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "uint4",
    "int4",
    "float4_e2m1fn",
    "float8_e8m0fnu",
    "uint2",
    "int2",
]
MODEL_GRAPH, MODEL_FUNCTIONS = 7, 25
MOST_LISTED = 256
"""Values of an attribute that are kept."""
MOST_LAYERS = 250_000
NOTE = "It does not say which tensors are trained, so constants of the graph count as weights."
OUTSIDE = "The values of some tensors are in separate files, which are not needed."


def is_onnx(source: ByteSource, head: bytes) -> bool:
    """Return whether a file is one: its fields are those of a model with a graph.

    Args:
        source: the file.
        head: its first bytes.
    """
    # Field 1, the version of the format, is in every file, and nearly always first.
    if not head or head[0] not in (0x08, 0x12, 0x3A, 0x42):
        return False
    known = {
        1: VARINT,
        2: BYTES,
        3: BYTES,
        4: BYTES,
        5: VARINT,
        6: BYTES,
        7: BYTES,
        8: BYTES,
        14: BYTES,
        20: BYTES,
        25: BYTES,
        26: BYTES,
    }
    graph = False
    try:
        for number, kind, _ in Message(source).fields():
            if known.get(number) != kind:
                return False
            graph = graph or number == MODEL_GRAPH
    except ValueError:
        # What is cut off in its graph is an ONNX file all the same, and the fault says so.
        return head[0] == 0x08 and len(head) > 3 and head[2] in (0x12, 0x3A) and (b"pytorch" in head[:64] or graph)
    return graph


def read_onnx(source: ByteSource) -> Contents:
    """Return what an ONNX file holds.

    Raises:
        InputError: it is damaged.
    """
    found = _Graphs(source)
    producer = version = ""
    metadata: dict[str, str] = {}
    opsets = []
    for number, _, value in Message(source).fields():
        if not isinstance(value, Message):
            continue
        if number == 2:
            producer = value.text(200)
        elif number == 3:
            version = value.text(200)
        elif number == MODEL_GRAPH:
            found.graph(value, "")
        elif number == MODEL_FUNCTIONS:
            found.function(value)
        elif number == 8:
            opsets.append(_opset(value))
        elif number == 14 and len(metadata) < 100:
            key, word = _pair(value)
            metadata[key] = word
    notes = [NOTE, *([OUTSIDE] if found.outside else [])]
    if opsets:
        metadata.setdefault("opset", ", ".join(opsets))
    return Contents(
        "onnx",
        tuple(found.tensors),
        tuple(found.layers),
        f"{producer} {version}".strip(),
        tuple(notes),
        metadata=metadata,
    )


def _opset(message: Message) -> str:
    domain, version = "", 0
    for number, _, value in message.fields():
        if number == 1 and isinstance(value, Message):
            domain = value.text(200)
        elif number == 2 and isinstance(value, int):
            version = value
    return f"{domain} {version}".strip()


def _pair(message: Message) -> tuple[str, str]:
    texts = {number: value.text(2000) for number, _, value in message.fields() if isinstance(value, Message)}
    return texts.get(1, ""), texts.get(2, "")


class _Graphs:
    """Collects tensors and operators of graphs within each other."""

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        self.tensors: list[StoredTensor] = []
        self.layers: list[StatedLayer] = []
        self.outside = False

    def graph(self, message: Message, place: str) -> None:
        """Take what is in a graph.

        Args:
            message: it.
            place: the way to it, a slash between names, empty for the model's own.
        """
        nodes = 0
        for number, _, value in message.fields():
            if not isinstance(value, Message):
                continue
            if number == 5:
                self._tensor(value, place)
            elif number == 15:
                self._sparse(value, place)
            elif number == 1:
                self.node(value, place, nodes)
                nodes += 1

    def function(self, message: Message) -> None:
        """Take what is in a function of the model."""
        name, nodes = "", []
        for number, _, value in message.fields():
            if isinstance(value, Message):
                if number == 1:
                    name = value.text(1000)
                elif number == 7:
                    nodes.append(value)
        for place, node in enumerate(nodes):
            self.node(node, name, place)

    def node(self, message: Message, place: str, number_of_node: int) -> None:
        """Take an operator: its attributes, the tensors that it is given, the graphs and tensors in it."""
        inputs: list[str] = []
        outputs: list[str] = []
        name = kind = domain = ""
        attributes: list[Message] = []
        for number, _, value in message.fields():
            if not isinstance(value, Message):
                continue
            if number == 1:
                inputs.append(printable(value.text(4096)))
            elif number == 2:
                outputs.append(printable(value.text(4096)))
            elif number == 3:
                name = printable(value.text(4096))
            elif number == 4:
                kind = value.text(200)
            elif number == 7:
                domain = value.text(200)
            elif number == 5:
                attributes.append(value)
        name = name or (outputs[0] if outputs and outputs[0] else f"{kind}_{number_of_node}")
        path = f"{place}/{name}" if place else name
        settings: dict[str, Any] = {}
        if len(self.layers) >= MOST_LAYERS:
            raise unread(f"it has more than {MOST_LAYERS:,} operators")
        where = len(self.layers)
        for attribute in attributes:
            self._attribute(attribute, path, settings, kind, outputs)
        if domain:
            settings["domain"] = domain
        settings["outputs"] = outputs
        self.layers.insert(where, StatedLayer(kind, path, settings, tuple(inputs)))

    def _attribute(self, message: Message, path: str, settings: dict[str, Any], kind: str, outputs: list[str]) -> None:
        name, listed = "", []
        for number, wire, value in message.fields():
            if number == 1 and isinstance(value, Message):
                name = value.text(200)
            elif number == 2 and isinstance(value, int):
                settings[name] = decimal(value)
            elif number == 3 and isinstance(value, int):
                settings[name] = signed(value)
            elif number == 4 and isinstance(value, Message):
                settings[name] = value.text(1000)
            elif number == 5 and isinstance(value, Message):
                # The tensor of a constant is called what the constant hands up.
                inner = outputs[0] if kind == "Constant" and outputs else f"{path}/{name}"
                self._tensor(value, "", inner)
            elif number in (6, 11) and isinstance(value, Message):
                self.graph(value, f"{path}.{name}")
            elif number in (7, 8, 9):
                listed.extend(_listed(number, wire, value))
        if listed:
            settings[name] = listed[:MOST_LISTED]

    def _sparse(self, message: Message, place: str) -> None:
        """Take a sparse tensor: the values' name, the whole shape."""
        sizes: list[int] = []
        for number, _, value in message.fields():
            if number == 1 and isinstance(value, Message):
                self._tensor(value, place)
            elif number == 3:
                sizes.extend(value.numbers() if isinstance(value, Message) else [value])
        if sizes and self.tensors:
            last = self.tensors.pop()
            self._add(last.name, sizes, last.dtype)

    def _tensor(self, message: Message, place: str, name: str = "") -> None:
        sizes: list[int] = []
        dtype = 0
        own = ""
        for number, _, value in message.fields():
            if number == 1:
                sizes.extend(value.numbers() if isinstance(value, Message) else [value])
                if len(sizes) > 4096:
                    raise unread("a tensor in it has too many dimensions")
            elif number == 2 and isinstance(value, int):
                dtype = value
            elif number == 8 and isinstance(value, Message):
                own = printable(value.text(4096))
            elif number == 13 or (number == 14 and value == 1):
                self.outside = True
        self._add(name or own, sizes, TYPES[dtype] if dtype < len(TYPES) else f"type {dtype}")

    def _add(self, name: str, sizes: list[int], dtype: str) -> None:
        if len(self.tensors) >= MOST_TENSORS:
            raise unread(f"it holds more than {MOST_TENSORS:,} tensors")
        self.tensors.append(StoredTensor(name, shape_of([signed(size) for size in sizes], name), dtype))


def _listed(number: int, wire: int, value: int | Message) -> list[Any]:
    """Return a list attribute's part: decimals, whole numbers or texts, packed or one by one."""
    if isinstance(value, int):
        return [decimal(value) if number == 7 and wire == FIXED32 else signed(value)]
    if number == 9:
        return [value.text(1000)]
    if number == 8:
        return [signed(one) for one in value.numbers(1_000_000)]
    count = min(value.length // 4, MOST_LISTED)
    data = value.source.read(value.start, 4 * count)
    return [decimal(int.from_bytes(data[at : at + 4], "little")) for at in range(0, 4 * count, 4)]
