"""A Core ML model becomes its layers and their weights.

The numbers of fields are those of `NeuralNetwork.proto` (github.com/apple/coremltools). A weight has no shape of its own
there, only values: the layer's sizes give it, and where they do not agree, it is as long as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from sizer.files.byte_sources import ByteSource
from sizer.files.contents import Contents, StatedLayer, StoredTensor
from sizer.files.limits import printable, unread
from sizer.files.protobuf import BYTES, VARINT, Message, signed

NETWORKS = (303, 403, 500)
PIPELINES = (200, 201, 202)
PROGRAM = 502
KINDS = {
    100: "convolution",
    120: "pooling",
    130: "activation",
    140: "innerProduct",
    150: "embedding",
    160: "batchnorm",
    165: "mvn",
    290: "loadConstant",
    400: "simpleRecurrent",
    410: "gru",
    420: "uniDirectionalLSTM",
    430: "biDirectionalLSTM",
    500: "custom",
}
SIZES: dict[str, dict[int, str]] = {
    "convolution": {1: "outputChannels", 2: "kernelChannels", 10: "nGroups", 60: "isDeconvolution", 70: "hasBias"},
    "innerProduct": {1: "inputChannels", 2: "outputChannels", 10: "hasBias"},
    "embedding": {1: "inputDim", 2: "outputChannels", 10: "hasBias"},
    "batchnorm": {1: "channels"},
    **{
        kind: {1: "inputVectorSize", 2: "outputVectorSize", 20: "hasBiasVectors", 100: "reverseInput"}
        for kind in ("simpleRecurrent", "gru", "uniDirectionalLSTM", "biDirectionalLSTM")
    },
}
"""The whole numbers among a layer's fields."""
_GATES = ("inputGate", "forgetGate", "blockInput", "outputGate")
_LSTM = {
    **{
        1 + place: (f"{gate}WeightMatrix", ("outputVectorSize", "inputVectorSize")) for place, gate in enumerate(_GATES)
    },
    **{
        20 + place: (f"{gate}RecursionMatrix", ("outputVectorSize", "outputVectorSize"))
        for place, gate in enumerate(_GATES)
    },
    **{40 + place: (f"{gate}BiasVector", ("outputVectorSize",)) for place, gate in enumerate(_GATES)},
    60: ("inputGatePeepholeVector", ("outputVectorSize",)),
    61: ("forgetGatePeepholeVector", ("outputVectorSize",)),
    62: ("outputGatePeepholeVector", ("outputVectorSize",)),
}
_GRU_GATES = ("updateGate", "resetGate", "outputGate")
WEIGHTS: dict[str, dict[int, tuple[str, tuple[str, ...]]]] = {
    "convolution": {
        90: ("weights", ("outputChannels", "kernelChannels", "kernelSize")),
        91: ("bias", ("outputChannels",)),
    },
    "innerProduct": {20: ("weights", ("outputChannels", "inputChannels")), 21: ("bias", ("outputChannels",))},
    "embedding": {20: ("weights", ("outputChannels", "inputDim")), 21: ("bias", ("outputChannels",))},
    "batchnorm": {
        15: ("gamma", ("channels",)),
        16: ("beta", ("channels",)),
        17: ("mean", ("channels",)),
        18: ("variance", ("channels",)),
    },
    "loadConstant": {2: ("data", ())},
    "simpleRecurrent": {
        30: ("weightMatrix", ("outputVectorSize", "inputVectorSize")),
        31: ("recursionMatrix", ("outputVectorSize", "outputVectorSize")),
        32: ("biasVector", ("outputVectorSize",)),
    },
    "gru": {
        **{
            30 + place: (f"{gate}WeightMatrix", ("outputVectorSize", "inputVectorSize"))
            for place, gate in enumerate(_GRU_GATES)
        },
        **{
            50 + place: (f"{gate}RecursionMatrix", ("outputVectorSize", "outputVectorSize"))
            for place, gate in enumerate(_GRU_GATES)
        },
        **{70 + place: (f"{gate}BiasVector", ("outputVectorSize",)) for place, gate in enumerate(_GRU_GATES)},
    },
}
"""The weights among a layer's fields, with the sizes that make their shapes."""
_LSTM_SETTINGS = {10: "sequenceOutput", 20: "hasBiasVectors", 40: "hasPeepholeVectors", 50: "coupledInputAndForgetGate"}
PROGRAM_NOTE = "It is a Core ML program: its weights are in a separate file, which Sizer does not read."


def is_coreml(source: ByteSource, head: bytes) -> bool:
    """Return whether a file is one: a version, a description, and a model of one of its kinds."""
    if not head.startswith(b"\x08") or len(head) < 4 or head[2] != 0x12:
        return False
    try:
        numbers = {(number, kind) for number, kind, _ in Message(source).fields()}
    except ValueError:
        return False
    return (1, VARINT) in numbers and any((number, BYTES) in numbers for number in (*NETWORKS, *PIPELINES, PROGRAM))


def read_coreml(source: ByteSource) -> Contents:
    """Return what a Core ML file holds.

    Raises:
        InputError: it is damaged.
    """
    found = _CoreMLLayers()
    metadata: dict[str, str] = {}
    _model(Message(source), found, metadata, "")
    return Contents(
        "coreml",
        tuple(found.tensors),
        tuple(found.layers),
        metadata.get("author", ""),
        tuple(found.notes),
        "",
        metadata,
    )


def _model(message: Message, found: _CoreMLLayers, metadata: dict[str, str], prefix: str) -> None:
    for number, _, value in message.fields():
        if not isinstance(value, Message):
            continue
        if number == 2:
            for described in value.messages(100):
                _metadata(described, metadata)
        elif number in NETWORKS:
            for layer in value.messages(1):
                found.layer(layer, prefix)
        elif number in PIPELINES:
            pipelines = [value] if number == 202 else list(value.messages(1))
            for place, model in enumerate(model for pipeline in pipelines for model in pipeline.messages(1)):
                _model(model, found, metadata, f"{prefix}{place}.")
        elif number == PROGRAM:
            found.notes.append(PROGRAM_NOTE)


def _metadata(message: Message, metadata: dict[str, str]) -> None:
    names = {1: "description", 2: "version", 3: "author", 4: "license"}
    for number, _, value in message.fields():
        if not isinstance(value, Message):
            continue
        if number in names:
            metadata[names[number]] = value.text(2000)
        elif number == 100 and len(metadata) < 100:
            pair = {inner: one.text(20_000) for inner, _, one in value.fields() if isinstance(one, Message)}
            metadata[pair.get(1, "")] = pair.get(2, "")


@dataclass
class _CoreMLLayers:
    """What the layers of a model hold."""

    tensors: list[StoredTensor] = field(default_factory=list)
    layers: list[StatedLayer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def layer(self, message: Message, prefix: str) -> None:
        """Take a layer."""
        name, kind = "", ""
        settings: dict[str, Any] = {}
        names: list[str] = []
        for number, _, value in message.fields():
            if not isinstance(value, Message):
                continue
            if number == 1:
                name = prefix + printable(value.text(4096))
            elif number >= 100:
                kind = KINDS.get(number, f"layer {number}")
                if kind == "custom":
                    kind = self._custom(value, name, settings, names)
                elif kind.endswith("DirectionalLSTM"):
                    self._lstm(value, kind, name, settings, names)
                else:
                    self._known(value, kind, name, settings, names)
        self.layers.append(StatedLayer(kind, name, settings, tuple(names)))

    def _sizes(self, message: Message, kind: str, settings: dict[str, Any]) -> None:
        for number, _, value in message.fields():
            if isinstance(value, int) and number in SIZES.get(kind, {}):
                settings[SIZES[kind][number]] = signed(value)
            elif kind == "convolution" and number in (20, 30, 40):
                listed = value.numbers() if isinstance(value, Message) else [value]
                settings.setdefault({20: "kernelSize", 30: "stride", 40: "dilationFactor"}[number], []).extend(listed)

    def _known(self, message: Message, kind: str, name: str, settings: dict[str, Any], names: list[str]) -> None:
        self._sizes(message, kind, settings)
        weights = WEIGHTS.get(kind, {})
        for number, _, value in message.fields():
            if isinstance(value, Message) and number in weights:
                word, sizes = weights[number]
                self._weight(value, f"{name}.{word}", sizes, settings, names)

    def _lstm(self, message: Message, kind: str, name: str, settings: dict[str, Any], names: list[str]) -> None:
        self._sizes(message, kind, settings)
        for parameters in message.messages(15):
            for number, _, value in parameters.fields():
                if number in _LSTM_SETTINGS:
                    settings[_LSTM_SETTINGS[number]] = bool(value)
        for place, direction in enumerate(message.messages(20)):
            way = ("forward.", "backward.")[place % 2] if kind == "biDirectionalLSTM" else ""
            for number, _, value in direction.fields():
                if isinstance(value, Message) and number in _LSTM:
                    word, sizes = _LSTM[number]
                    self._weight(value, f"{name}.{way}{word}", sizes, settings, names)

    def _custom(self, message: Message, name: str, settings: dict[str, Any], names: list[str]) -> str:
        kind, place = "custom", 0
        for number, _, value in message.fields():
            if not isinstance(value, Message):
                continue
            if number == 10:
                kind = value.text(200)
            elif number == 20:
                self._weight(value, f"{name}.{place}", (), settings, names)
                place += 1
        return kind

    def _weight(
        self, message: Message, name: str, sizes: tuple[str, ...], settings: dict[str, Any], names: list[str]
    ) -> None:
        count, dtype = _values(message)
        if not count:
            return
        shape: list[int] = []
        for size in sizes:
            value = settings.get(size, 0)
            shape.extend(value if isinstance(value, list) else [value])
        if math.prod(shape) != count or not shape or min(shape) < 0:
            shape = [count]
        self.tensors.append(StoredTensor(name, tuple(shape), dtype))
        names.append(name)


def _values(message: Message) -> tuple[int, str]:
    """Return how many values a weight has, and of what type."""
    count, dtype, bits, packed = 0, "float32", 0, 0
    for number, _, value in message.fields():
        if number == 1:
            count += value.length // 4 if isinstance(value, Message) else 1
        elif number == 2 and isinstance(value, Message):
            count, dtype = value.length // 2, "float16"
        elif number in (30, 31) and isinstance(value, Message):
            packed = value.length
        elif number == 40 and isinstance(value, Message):
            bits = next((one for inner, _, one in value.fields() if inner == 1 and isinstance(one, int)), 0)
    if packed and not count:
        if not 0 < bits <= 32:
            raise unread("a quantised weight in it does not say how many bits it has")
        return packed * 8 // bits, f"uint{bits}"
    return count, dtype
