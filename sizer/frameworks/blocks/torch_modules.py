"""What each block of a model is in torch.nn, as the expression that makes it, or why torch.nn has no such thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sizer.frameworks import pytorch
from sizer.frameworks.blocks.layers import BlockLayer, BlockStack, network_of, stack_of
from sizer.frameworks.plan import Refusal
from sizer.networks.blocks.reading import Key
from sizer.networks.blocks.types import ATTENTION_TENSORS
from sizer.networks.blocks.widths import Shape, of_height, of_time
from sizer.networks.blocks.wiring import Wired

MOST_HEADS = 8
"""Of a transformer or conformer, of which no weight depends on the number of heads."""


@dataclass(frozen=True)
class Placed:
    """A block where it stands: itself, and what it reads and looks at."""

    wired: Wired
    read: Shape
    handed: Callable[[Key], Shape]

    @property
    def fields(self) -> Any:
        """The fields of the block."""
        return self.wired.block.fields

    @property
    def up(self) -> Shape:
        """What it hands up."""
        return self.wired.hands_up

    @property
    def biased(self) -> bool:
        """Whether it has a bias."""
        return self.has("bias")

    def has(self, flag: str) -> bool:
        """Return whether a flag that the convention may decide holds."""
        return any(bool(group.dimensions.get(flag)) for group in self.wired.groups)

    def width_of(self, name: str) -> int:
        """Return the width of the block that a field names; 0 where it names none."""
        named = self.wired.block.names.get(name, ())
        return int(self.handed(named[0]).width) if named else 0


@dataclass(frozen=True)
class Written:
    """A block as code."""

    members: tuple[tuple[str, str], ...] = ()
    """What is kept of it: what is added to its name, and the expression."""
    alone: str = ""
    """Why its weights stand alone; empty where it can be run."""
    refusals: tuple[Refusal, ...] = ()
    """A field, and why torch.nn cannot build it."""


def written(block: Placed) -> Written:
    """Return a block as code.

    Args:
        block: where it stands.
    """
    if block.wired.block.type.own:
        return _own(block)
    return _WRITERS.get(block.wired.block.type.name, _nothing)(block)


def arguments(*given: object, **options: object) -> str:
    """Return arguments of a call, without the options that are None.

    Example:
        >>> arguments(3, 4, bias=False, stride=None)
        '3, 4, bias=False'
    """
    named = (f"{name}={shown(value)}" for name, value in options.items() if value is not None)
    return ", ".join([*map(shown, given), *named])


def shown(value: object) -> str:
    """Return a value in code, text in double quotes."""
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))}{',' * (len(value) == 1)})"
    return f'"{value}"' if isinstance(value, str) else str(value)


def heads_of(width: int) -> int:
    """Return how many heads a width is dealt out over where the model does not say."""
    return next(heads for heads in range(MOST_HEADS, 0, -1) if width % heads == 0)


Pads = tuple[tuple[int, int], tuple[int, int]]
"""Before and after, along time and along height."""


def pads_of(fields: Any) -> Pads:
    """Return what a convolution or pooling pads.

    `same` is a kernel's width less one in all: so many steps come out as strides begin among those that are read.
    """
    kernels = fields["kernel"] if isinstance(fields["kernel"], tuple) else (fields["kernel"], 1)
    if fields["padding"] == "same":
        return ((kernels[0] - 1) // 2, kernels[0] // 2), ((kernels[1] - 1) // 2, kernels[1] // 2)
    return ((0, 0), (0, 0)) if fields["padding"] == "valid" else fields["padding"]


def padding_of(fields: Any) -> tuple[Any, Pads | None]:
    """Return the padding that torch.nn is told, and what must be padded apart where that cannot say it."""
    pads = pads_of(fields)
    if all(before == after for before, after in pads):
        unstrided = of_time(fields["stride"]) == of_height(fields["stride"]) == 1
        return "same" if fields["padding"] == "same" and unstrided else (pads[0][0], pads[1][0]), None
    return (0, 0), pads


def _nothing(block: Placed) -> Written:
    return Written()


def _embedding(block: Placed) -> Written:
    fields = block.fields
    alone = "reads what is no symbol" if block.wired.block.reads and block.wired.reads != 1 else ""
    return Written(((("", f"nn.Embedding({fields['vocabulary']}, {fields['embedding']})")),), alone=alone)


def _dense(block: Placed) -> Written:
    fields = block.fields
    read = int(block.wired.reads) * fields["context"]
    bias = None if block.biased else False
    refusals: list[Refusal] = []
    if fields["groups"] > 1:
        made = f"nn.Conv1d({arguments(read, fields['width'], 1, groups=fields['groups'], bias=bias)})"
        if fields["width"] % fields["groups"]:
            refusals.append(("groups", f"nn.Conv1d needs a width of {fields['groups']} equal parts"))
        if block.wired.block.names.get("tied"):
            refusals.append(("tied", "the kernel of nn.Conv1d, which groups need, is no embedding's"))
    else:
        made = f"nn.Linear({arguments(read, fields['width'], bias=bias)})"
    return Written((("", made), *_norm_behind(block)), refusals=tuple(refusals))


def _norm_behind(block: Placed) -> Iterator[tuple[str, str]]:
    if block.fields["norm"]:
        yield "_norm", _norm_of(block, int(block.up.channels))


def _norm_of(block: Placed, width: int) -> str:
    """Return the norm over channels, or over a width."""
    flat = block.up.height == 1 or width != block.up.channels
    learned = None if block.has("normed") else False
    if block.fields["norm"] == "batch":
        dimensions = len(block.wired.rate) if flat else 2
        return f"nn.BatchNorm{dimensions}d({arguments(width, affine=learned)})"
    if flat:
        return f"nn.LayerNorm({arguments(width, elementwise_affine=learned)})"
    return f"nn.GroupNorm({arguments(1, width, affine=learned)})"


def _norm(block: Placed) -> Written:
    width = block.up.width if block.fields["over"] == "width" else block.up.channels
    return Written((("", _norm_of(block, int(width))),))


def _convolution(block: Placed) -> Written:
    fields = block.fields
    two = isinstance(fields["kernel"], tuple)
    read = int(block.read.channels if two else block.read.width)
    groups = read if fields["groups"] == "all" else fields["groups"]
    strides = (of_time(fields["stride"]), of_height(fields["stride"]))
    kernels = fields["kernel"] if two else (fields["kernel"], 1)
    transposed = fields["transposed"]
    padding, apart = padding_of(fields)
    refusals: list[Refusal] = []
    extra: Any = None
    if transposed:
        if isinstance(fields["padding"], str):
            padding = (0, 0)
        elif apart:
            refusals.append(("padding", "nn.ConvTranspose pads both ends alike"))
        extra = (of_time(fields["output_padding"]), of_height(fields["output_padding"], 0))
        if any(more >= stride for more, stride in zip(extra, strides, strict=True) if more):
            refusals.append(("output_padding", "nn.ConvTranspose needs one smaller than the stride"))
    if fields["channels"] % groups:
        refusals.append(("groups", f"nn.Conv needs channels of {groups} equal parts"))
    if not two:
        padding = padding[0] if isinstance(padding, tuple) else padding
        extra = extra and extra[0]
    options = arguments(
        read,
        fields["channels"],
        one_of(kernels) if two else kernels[0],
        stride=_unless(strides if two else strides[0], 1),
        padding=_unless(padding, 0),
        output_padding=_unless(extra, 0),
        groups=_unless(groups, 1),
        bias=None if block.biased else False,
    )
    made = f"nn.Conv{'Transpose' if transposed else ''}{2 if two else 1}d({options})"
    return Written((("", made), *_norm_behind(block)), refusals=tuple(refusals))


def _unless(value: Any, usual: int) -> Any:
    """Return a value, None where it is the usual one; a pair of equal ones as one."""
    value = one_of(value)
    return None if value == usual else value


def one_of(value: Any) -> Any:
    """Return a pair of equal numbers as one."""
    return value[0] if isinstance(value, tuple) and value[0] == value[1] else value


def _convolutional_lstm(block: Placed) -> Written:
    fields = block.fields
    read, channels = int(block.read.channels), fields["channels"]
    bias = None if block.biased else False
    layers = []
    for layer in range(min(fields["layers"], 2)):
        stride = (of_time(fields["stride"]), of_height(fields["stride"])) if layer == 0 else 1
        seen = f"nn.Conv2d({arguments(read if layer == 0 else channels, 4 * channels, one_of(fields['kernel']), stride=_unless(stride, 1), bias=bias)})"
        state = f"nn.Conv2d({arguments(channels, 4 * channels, one_of(fields['kernel']), padding='same', bias=False)})"
        layers.append(f'nn.ModuleDict({{"input": {seen}, "recurrent": {state}}})')
    if fields["layers"] > 2:
        layers[1] = f"*({layers[1]} for _ in range({fields['layers'] - 1}))"
    return Written((("", listed(layers)),), alone="torch.nn has no such layer")


def listed(modules: list[str]) -> str:
    """Return a list of modules."""
    return f"nn.ModuleList([{', '.join(modules)}])"


def _pooling(block: Placed) -> Written:
    fields = block.fields
    if not fields["over"] and fields["ceil"] and block.read.height > 1:
        before = pads_of(fields)[1][0]
        if (block.up.height - 1) * of_height(fields["stride"]) >= block.read.height + before:
            return Written(refusals=(("ceil", "nn.MaxPool drops a window that begins behind what is read"),))
    return Written()


def _recurrent(block: Placed) -> Written:
    network = network_of(block.wired)
    refusals = [
        (name if name in block.fields else "convention", message) for name, message in pytorch.refusals(network)
    ]
    if refusals:
        return Written(refusals=tuple(refusals))
    layers = stack_of(block.wired)
    if layers.alike:
        return Written((("", _layer(layers, layers.layers[0], layers.depth)),))
    modules = [_layer(layers, layer, 1) for layer in layers.layers]
    more = layers.depth - len(modules)
    if more:
        modules[-1] = f"*({modules[-1]} for _ in range({more + 1}))"
    alone = ""
    if layers.skip and any(layer.subsample > 1 for layer in layers.layers):
        alone = "skips over layers that subsample"
    return Written((("", listed(modules)),), alone)


def _layer(layers: BlockStack, layer: BlockLayer, depth: int) -> str:
    options = arguments(
        layer.inputs,
        layer.cells,
        num_layers=_unless(depth, 1),
        bias=None if layers.biased else False,
        batch_first=True,
        bidirectional=True if layer.directions == 2 else None,
        proj_size=layer.projection or None,
    )
    return f"nn.{layers.kind}({options})"


def _attention(block: Placed) -> Written:
    fields, biases = block.fields, tuple(block.fields["biases"])
    kind, width, value = fields["kind"], fields["width"], int(block.up.width)
    query, memory = block.width_of("query"), block.width_of("memory")
    alone = ""
    if not query:
        alone = "looks from nothing that is named"
    elif kind == "multihead":
        if fields["value_width"] % fields["heads"] or width % fields["heads"]:
            return Written(refusals=(("heads", "the widths are not so many equal parts"),))
        same = query == width == fields["value_width"] == value
        if same and set(biases) in (set(), {"query", "memory", "value", "output"}):
            options = arguments(
                width,
                fields["heads"],
                bias=None if biases else False,
                kdim=None if memory == width else memory,
                vdim=None if memory == width else memory,
                batch_first=True,
            )
            return Written((("", f"nn.MultiheadAttention({options})"),))
        options = arguments(query, memory, width, fields["value_width"], value, fields["heads"], biases=_biases(biases))
        return Written((("", f"Multihead({options})"),))
    elif kind in {"location", "local"}:
        alone = f"{kind} attention is a loop of its own"
    elif fields["heads"] > 1 or fields["feedback"] or fields["fertility"]:
        alone = "torch.nn has no such attention"
    elif value != memory:
        alone = f"outputs {value} values of a memory of {memory}"
    else:
        queries = memory if kind == "general" else width if fields["project_query"] else query
        keys = width if fields["project_memory"] and kind != "general" else memory
        if (queries, keys) != ((width, width) if kind == "additive" else (keys, keys)):
            alone = f"{queries} and {keys} values do not meet"
    if alone:
        return Written((("", _apart(block, query, memory)),), alone=alone)
    if kind == "general":
        options = arguments(query, memory, memory, project_memory=False, scored=False, biases=_biases(biases))
    else:
        options = arguments(
            query,
            memory,
            width,
            project_query=None if fields["project_query"] else False,
            project_memory=None if fields["project_memory"] else False,
            scored=None if kind == "additive" else False,
            biases=_biases(biases),
        )
    return Written((("", f"Attention({options})"),))


def _biases(biases: tuple[str, ...]) -> tuple[str, ...] | None:
    return biases or None


def _apart(block: Placed, query: int, memory: int) -> str:
    """Return the tensors of an attention, each as a map by itself."""
    fields = block.fields
    width, kind = fields["width"], fields["kind"]
    sizes = {
        "query": (query, memory if kind == "general" else width),
        "memory": (memory, width),
        "score": (width, fields["heads"]),
        "feedback": (fields["feedback"], width),
        "fertility": (memory, fields["fertility"]),
        "location": (fields["location_channels"], width),
        "value": (memory, fields["value_width"]),
        "output": (fields["value_width"], int(block.up.width)),
    }
    if kind == "local":
        of_head = 2 * fields["key"] + fields["values"] + fields["window"]
        sizes["kernel"] = (query, fields["heads"] * of_head)
    found = []
    for tensor in ATTENTION_TENSORS[kind]:
        bias = None if tensor.name in fields["biases"] else False
        if tensor.name in ("query", "memory") and not fields.get(f"project_{tensor.name}", True) and tensor.when:
            continue
        if tensor.name == "location_kernel":
            sizes3 = (fields["location_inputs"], fields["location_channels"], fields["location_kernel"])
            found.append(f'"location_kernel": nn.Conv1d({arguments(*sizes3, padding="same", bias=bias)})')
        elif all(sizes[tensor.name]):
            found.append(f'"{tensor.name}": nn.Linear({arguments(*sizes[tensor.name], bias=bias)})')
    return f"nn.ModuleDict({{{', '.join(found)}}})"


def _narrow(block: Placed) -> list[Refusal]:
    width, read = block.fields["width"], block.wired.reads
    return [("width", f"reads {read:,} values, and its layers take {width:,}")] if read != width else []


def repeated(layer: str, layers: int) -> str:
    """Return so many layers, one above the other."""
    return f"nn.ModuleList({layer} for _ in range({layers}))"


def _transformer(block: Placed) -> Written:
    fields = block.fields
    width, heads = fields["width"], heads_of(fields["width"])
    bias, attention_bias = block.biased, block.has("attention_bias")
    memories = tuple(int(block.handed(key).width) for key in block.wired.block.names.get("attends", ()))
    relative = fields["positions"] == "relative"
    common = arguments(width, heads, fields["feed_forward"], batch_first=True)
    if bias and attention_bias and not relative and not memories:
        layer = f"nn.TransformerEncoderLayer({common})"
    elif bias and attention_bias and not relative and memories == (width,):
        layer = f"nn.TransformerDecoderLayer({common})"
    else:
        options = arguments(
            width,
            fields["feed_forward"],
            heads,
            memories=memories or None,
            relative=relative or None,
            bias=None if bias else False,
            attention_bias=None if attention_bias else False,
        )
        layer = f"AttendingLayer({options})"
    members = [("", repeated(layer, fields["layers"]))]
    if fields["final_norm"]:
        members.append(("_norm", f"nn.LayerNorm({width})"))
    return Written(tuple(members), refusals=tuple(_narrow(block)))


def _conformer(block: Placed) -> Written:
    fields = block.fields
    width = fields["width"]
    options = arguments(
        width,
        fields["feed_forward"],
        fields["kernel"],
        heads_of(width),
        attention_bias=None if block.has("attention_bias") else False,
    )
    layers = repeated(f"ConformerLayer({options})", fields["layers"])
    return Written((("", layers),), refusals=tuple(_narrow(block)))


def _highway(block: Placed) -> Written:
    layers = repeated(f"HighwayLayer({block.fields['width']})", block.fields["layers"])
    return Written((("", layers),), refusals=tuple(_narrow(block)))


def _crf(block: Placed) -> Written:
    width, ends = block.wired.reads, block.fields["ends"]
    tensors = {"transitions": (width, width)} | ({"ends": (ends, width)} if ends else {})
    return Written((("", _parameters(tensors)),))


def _weights(block: Placed) -> Written:
    alone = "" if block.wired.block.reads else "reads nothing"
    return Written((("", _parameters(block.fields["tensors"])),), alone=alone)


def _own(block: Placed) -> Written:
    """Return a block of a type that the file defines: its weights, of which nobody says what is done with them."""
    return Written((("", _parameters(tensors_by_layer(block.wired))),), alone="is of a type of the file's own")


def tensors_by_layer(one: Wired) -> dict[str, tuple[int, ...]]:
    """Return the tensors of a block whose layers stand as a dimension of their own, where there are several."""
    found = {}
    for group in one.groups:
        for tensor in group.tensors:
            if tensor.size(group.dimensions) and not tensor.buffer and group.times:
                shape = tuple(size if isinstance(size, int) else int(group.dimensions[size]) for size in tensor.shape)
                found[tensor.name] = (int(group.times), *shape) if group.times != 1 else shape
    return found


def _parameters(tensors: Mapping[str, tuple[int, ...]]) -> str:
    made = (f'"{name.replace(".", "_")}": nn.Parameter(torch.zeros({shape}))' for name, shape in tensors.items())
    return f"nn.ParameterDict({{{', '.join(made)}}})"


_WRITERS: dict[str, Callable[[Placed], Written]] = {
    "embedding": _embedding,
    "dense": _dense,
    "convolution": _convolution,
    "convolutional_lstm": _convolutional_lstm,
    "pooling": _pooling,
    "norm": _norm,
    "recurrent": _recurrent,
    "attention": _attention,
    "transformer": _transformer,
    "conformer": _conformer,
    "highway": _highway,
    "crf": _crf,
    "weights": _weights,
}
