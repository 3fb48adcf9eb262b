"""A model of blocks becomes a function that returns a `keras.Model`, with Keras' functional API where Keras has the parts.

Steps travel as (batch, time, width), what has a height above 1 as (batch, time, height, channels). A functional model
holds no weights that nothing is known to run, so that loops between blocks are faults here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sizer.errors import Fault, InputError
from sizer.frameworks import keras
from sizer.frameworks.blocks.layers import network_of, stack_of
from sizer.frameworks.blocks.order import names_of, order_of
from sizer.frameworks.blocks.torch_code import broken, heading, listed_in_words, placed_blocks, returned_blocks
from sizer.frameworks.blocks.torch_forward import Lengths, lengths_of
from sizer.frameworks.blocks.torch_modules import Placed, arguments, heads_of, one_of, pads_of
from sizer.frameworks.keras import LAYERS
from sizer.networks.blocks.reading import Key
from sizer.networks.blocks.steps import SEQUENCE
from sizer.networks.blocks.widths import of_height, of_time
from sizer.networks.blocks.wiring import Graph

OF_CODE = frozenset({"keras", "layers", "splice", "TiedOutput", "inputs", "given", "handed", "layer", "seen", "range"})
"""What the lines say for something else."""
PARTS = {
    "splice": '''\
def splice(steps, frames):
    """Each step with those before it side by side: (batch, time, frames x width)."""
    padded = layers.ZeroPadding1D((frames - 1, 0))(steps)
    return layers.Concatenate()([padded[:, place : place - frames + 1 or None] for place in range(frames)])''',
    "TiedOutput": '''\
class TiedOutput(layers.Layer):
    """The product with an embedding's own matrix, and a bias where there is one."""

    def __init__(self, embedding, use_bias=True, **options):
        super().__init__(**options)
        self.embedding = embedding
        self.use_bias = use_bias

    def build(self, shape):
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.embedding.input_dim,), initializer="zeros", name="bias")

    def call(self, hidden):
        product = keras.ops.matmul(hidden, keras.ops.transpose(self.embedding.embeddings))
        return product + self.bias if self.use_bias else product''',
}
"""What Keras has not: copied into the modules that use it."""


@dataclass(frozen=True)
class KerasModule:
    """A model as a module of Keras."""

    text: str
    placed: Mapping[Key, Placed]
    layers: Mapping[str, Key]
    """The block of each layer that is named."""


@dataclass(frozen=True)
class Wire:
    """What a block hands up, as code."""

    variable: str
    image: bool
    clocks: tuple[str, ...]


class LacksPartError(Exception):
    """Keras has no such block.

    Attributes:
        field: at which it is said.
    """

    def __init__(self, message: str, field: str = "type") -> None:
        self.field = field
        super().__init__(message)


def keras_module(graph: Graph) -> KerasModule:
    """Return a model of blocks as a module that builds exactly it.

    Args:
        graph: a wired model.

    Raises:
        InputError: Keras has no such block; every fault by the block's name.
    """
    placed = placed_blocks(graph)
    order = order_of(graph, ())
    faults: dict[tuple[str, str], None] = {}
    if order.looped:
        said = listed_in_words(dict.fromkeys(key[0] for key in order.looped))
        for key in order.looped:
            faults[f"blocks.{key[0]}", f"Keras' functional models hold no loop, and {said} feed each other"] = None
    writer = _Writer(placed, names_of(placed, OF_CODE), lengths_of(placed, order))
    for key in order.run:
        try:
            writer.run(placed[key])
        except LacksPartError as problem:
            faults[f"blocks.{key[0]}.{problem.field}", str(problem)] = None
            writer.wires[key] = Wire("", placed[key].up.height > 1, _clocks(placed[key]))
    if faults:
        raise InputError(Fault("", 0, 0, path, message) for path, message in faults)
    returned = [writer.wires[key].variable for key in returned_blocks(placed, order)] or writer.inputs
    ends = [one_or_list(writer.inputs), one_or_list(returned)]
    lines = [
        "def build_network():",
        f'    """Returns a model of {listed_in_words(dict.fromkeys(key[0] for key in returned_blocks(placed, order)) or ["no block"])}."""',
        *(f"    {line}" for line in (*writer.definitions, *writer.lines)),
        f"    return keras.Model({', '.join(ends)})",
    ]
    code = "\n".join(line for one in lines for line in broken(one)) + "\n"
    parts = [text for name, text in PARTS.items() if re.search(rf"\b{name}\(", code)]
    everything = "\n\n\n".join([*parts, code])
    imports = "import keras" + ("\nfrom keras import layers" if "layers." in everything else "")
    text = f"{imports}\n\n\n{everything}"
    return KerasModule(f'"""{heading(graph)}\n"""\n\n{text}', placed, writer.layers)


def one_or_list(names: Sequence[str]) -> str:
    """Return one name, or a list of several."""
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _clocks(block: Placed) -> tuple[str, ...]:
    return tuple(clock for clock, _ in block.wired.rate)


class _Writer:
    def __init__(self, placed: Mapping[Key, Placed], names: Mapping[Key, str], lengths: Mapping[Key, Lengths]) -> None:
        self._lengths = lengths
        self.lines: list[str] = []
        self.definitions: list[str] = []
        """Layers that several blocks use."""
        self.inputs: list[str] = []
        self.wires: dict[Key, Wire] = {}
        self.layers: dict[str, Key] = {}
        self._placed = placed
        self._names = names
        self._taken = {*names.values()}
        self._lent = {block.wired.block.shared for block in placed.values()} - {None}
        self._lent |= {tied for block in placed.values() for tied in block.wired.block.names.get("tied", ())}

    def run(self, block: Placed) -> None:
        """Write what a block does."""
        own, name = block.wired.block, self._names[block.wired.block.key]
        kind, fields = own.type.name, block.fields
        image = block.up.height > 1
        if kind == "input":
            self.inputs.append(name)
            shape = f"None, {block.up.height}, {block.up.channels}" if image else f"None, {block.up.width}"
            self._set(name, f'keras.Input(({shape}), name="{name}")')
        elif kind == "embedding":
            symbols = self._variable(own.key, "_symbols")
            if own.reads:
                raise LacksPartError("layers.Embedding reads symbols, and not what another block makes", "from")
            self.inputs.append(symbols)
            self._set(symbols, f'keras.Input((None,), dtype="int32", name="{symbols}")')
            made = self._layer(block, "", f"layers.Embedding({fields['vocabulary']}, {fields['embedding']}")
            self._set(name, f"{made}({symbols})")
        else:
            writer = getattr(self, f"_{kind}", None)
            if writer is None or own.type.own:
                raise LacksPartError(_LACKS.get(kind, f"keras.layers has no {kind}"))
            writer(block, name)
        self.wires[own.key] = Wire(name, image, _clocks(block))

    def _set(self, name: str, expression: str) -> None:
        self.lines.append(f"{name} = {expression}")

    def _layer(self, block: Placed, end: str, opened: str) -> str:
        """Return a layer as an expression, or the name of one that several blocks use.

        Args:
            block: to which it belongs.
            end: what is added to the block's name.
            opened: its constructor with all arguments but its name, the bracket open.
        """
        own = block.wired.block
        if own.shared is not None:
            return self._variable(own.shared, f"{end}_layer")
        name = f"{self._names[own.key]}{end}"
        while name in self.layers or (end and name in self._taken):
            name += "_"
        self.layers[name] = own.key
        sign = "" if opened.endswith("(") else ", "
        frozen = ", trainable=False" if own.frozen else ""
        made = f'{opened}{sign}name="{name}"{frozen})'
        if own.key not in self._lent:
            return made
        variable = self._variable(own.key, f"{end}_layer")
        self.definitions.append(f"{variable} = {made}")
        return variable

    def _variable(self, key: Key, end: str) -> str:
        """Return a name that no block has, for what a block has beside what it hands up."""
        name = f"{self._names[key]}{end}"
        while name in self._taken:
            name += "_"
        return name

    # What is read

    def _flat(self, key: Key) -> str:
        wire, up = self.wires[key], self._placed[key].up
        return f"layers.Reshape((-1, {up.width}))({wire.variable})" if wire.image else wire.variable

    def _read(self, block: Placed, name: str, as_image: bool = False) -> tuple[str, bool]:
        """Return what a block reads, its sources joined, and whether that keeps channels and height."""
        own = block.wired.block
        heights = {self._placed[key].up.height for key, _ in own.reads}
        image = as_image and len(heights) == 1 and heights != {1}
        found = []
        for key, copies in own.reads:
            value = self.wires[key].variable if image else self._flat(key)
            if copies > 1 and image:
                raise LacksPartError("keras.layers has nothing for steps of an image side by side", "from")
            found.append(f"splice({value}, {copies})" if copies > 1 else value)
        if len(found) == 1:
            return found[0], image
        if (
            len({self._lengths.get(key, ()) for key, _ in own.reads if self.wires[key].clocks != (SEQUENCE,)} - {()})
            > 1
        ):
            raise LacksPartError("Keras joins blocks of one length, and some of these lose steps at their ends", "from")
        clocks = dict.fromkeys(clock for key, _ in own.reads for clock in self.wires[key].clocks)
        moving = [clock for clock in clocks if clock != SEQUENCE] or [*clocks]
        if any(list(self.wires[key].clocks) != moving for key, _ in own.reads):
            if own.combine == "concat":
                raise LacksPartError("layers.Concatenate repeats no steps where blocks of other clocks meet", "from")
            for place, (key, _) in enumerate(own.reads):
                if (
                    [clock for clock in moving if clock in self.wires[key].clocks]
                    != [*self.wires[key].clocks]
                    != [SEQUENCE]
                ):
                    raise LacksPartError("the clocks that meet here stand in other orders", "from")
                missing = [at + 1 for at, clock in enumerate(moving) if clock not in self.wires[key].clocks]
                for axis in missing[1:] if self.wires[key].clocks == (SEQUENCE,) else missing:
                    found[place] = f"keras.ops.expand_dims({found[place]}, {axis})"
        layer = {"concat": "Concatenate", "add": "Add", "multiply": "Multiply"}[own.combine]
        return f"layers.{layer}()([{', '.join(found)}])", image

    def _steps(self, block: Placed, name: str) -> str:
        """Return what a block reads, as one width along one clock."""
        if len(block.wired.rate) > 1:
            raise LacksPartError("looks along time, and several clocks meet in it", "from")
        return self._read(block, name)[0]

    # Blocks

    def _join(self, block: Placed, name: str) -> None:
        self._set(name, self._read(block, name, as_image=True)[0])

    def _dense(self, block: Placed, name: str) -> None:
        fields = block.fields
        bias = None if block.biased else False
        tied = block.wired.block.names.get("tied", ())
        if fields["context"] == fields["groups"] == fields["stride"] == 1:
            read = self._read(block, name)[0]
            if tied:
                opened = f"TiedOutput({arguments(_Code(self._variable(tied[0], '_layer')), use_bias=bias)}"
            else:
                opened = f"layers.Dense({arguments(fields['width'], use_bias=bias)}"
        else:
            if tied:
                raise LacksPartError("a convolution's kernel is no embedding's", "tied")
            if block.wired.reads % fields["groups"] or fields["width"] % fields["groups"]:
                raise LacksPartError("layers.Conv1D deals out the values of each step to as many groups", "groups")
            read = self._steps(block, name)
            options = arguments(
                fields["width"],
                fields["context"],
                strides=_unless_one(fields["stride"]),
                padding="causal",
                groups=_unless_one(fields["groups"]),
                use_bias=bias,
            )
            opened = f"layers.Conv1D({options}"
        self._set(name, f"{self._layer(block, '', opened)}({read})")
        self._pieces(block, name)
        self._behind(block, name)

    def _pieces(self, block: Placed, name: str) -> None:
        pieces = block.fields["pieces"]
        if pieces == 2:
            self.lines.append(f"given, seen = keras.ops.split({name}, 2, axis=-1)")
            self._set(name, 'layers.Multiply()([given, layers.Activation("sigmoid")(seen)])')
        elif pieces > 2:
            self._set(name, f"layers.Maximum()(keras.ops.split({name}, {pieces}, axis=-1))")

    def _behind(self, block: Placed, name: str) -> None:
        if block.fields["norm"]:
            self._set(name, f"{self._layer(block, '_norm', self._normed(block))}({name})")

    def _normed(self, block: Placed) -> str:
        layer = {"layer": "LayerNormalization", "batch": "BatchNormalization"}[block.fields["norm"]]
        learned = None if block.has("normed") else False
        return f"layers.{layer}({arguments(center=learned, scale=learned)}"

    def _norm(self, block: Placed, name: str) -> None:
        read, image = self._read(block, name, as_image=True)
        wide = image and block.fields["over"] == "width"
        if wide:
            read = f"layers.Reshape((-1, {block.up.width}))({read})"
        self._set(name, f"{self._layer(block, '', self._normed(block))}({read})")
        if wide:
            self._set(name, f"layers.Reshape((-1, {block.up.height}, {block.up.channels}))({name})")

    def _convolution(self, block: Placed, name: str) -> None:
        fields = block.fields
        two = isinstance(fields["kernel"], tuple)
        read = self._image(block, name) if two else self._steps(block, name)
        kernel = fields["kernel"] if two else (fields["kernel"], 1)
        stride = (of_time(fields["stride"]), of_height(fields["stride"]))
        channels_read = int(block.read.channels if two else block.read.width)
        groups = channels_read if fields["groups"] == "all" else fields["groups"]
        padding: str | None = fields["padding"] if isinstance(fields["padding"], str) else "valid"
        dimensions = 2 if two else 1
        if fields["transposed"]:
            if groups > 1:
                raise LacksPartError(f"layers.Conv{dimensions}DTranspose has no groups", "groups")
            if any(size < step for size, step in zip(kernel, stride, strict=True)):
                raise LacksPartError("layers.ConvTranspose makes more of a kernel below its stride", "stride")
            if fields["output_padding"] not in (0, (0, 0)) or any(
                map(any, pads_of({**fields, "padding": _numbers(fields)}))
            ):
                raise LacksPartError("layers.ConvTranspose is padded by words alone", "padding")
            padding = None
        elif padding == "valid":
            read = self._padded(block, read, two)
            padding = None
        if fields["channels"] % groups:
            raise LacksPartError(f"layers.Conv{dimensions}D needs channels of {groups} equal parts", "groups")
        options = arguments(
            fields["channels"],
            one_of(kernel) if two else kernel[0],
            strides=_unless_one(one_of(stride) if two else stride[0]),
            padding=padding,
            groups=_unless_one(groups),
            use_bias=None if block.biased else False,
        )
        opened = f"layers.Conv{dimensions}D{'Transpose' if fields['transposed'] else ''}({options}"
        self._set(name, f"{self._layer(block, '', opened)}({read})")
        self._pieces(block, name)
        self._behind(block, name)
        self._as_flat(block, name, two)

    def _as_flat(self, block: Placed, name: str, two: bool) -> None:
        if two and block.up.height == 1:
            self._set(name, f"layers.Reshape((-1, {block.up.width}))({name})")

    def _image(self, block: Placed, name: str) -> str:
        """Return what a block reads as an image, of height 1 where it is one width."""
        if len(block.wired.rate) > 1:
            raise LacksPartError("looks along time, and several clocks meet in it", "from")
        read, image = self._read(block, name, as_image=True)
        return read if image else f"layers.Reshape((-1, 1, {block.read.width}))({read})"

    def _padded(self, block: Placed, read: str, two: bool) -> str:
        pads = pads_of(block.fields)
        if not any(map(any, pads)):
            return read
        return f"layers.ZeroPadding2D({pads})({read})" if two else f"layers.ZeroPadding1D({pads[0]})({read})"

    def _pooling(self, block: Placed, name: str) -> None:
        fields = block.fields
        if fields["over"]:
            if len(block.wired.rate) > 1 or block.wired.rate[0][0] != SEQUENCE:
                raise LacksPartError("several clocks meet in it", "from")
            read, image = self._read(block, name, as_image=True)
            mean = f"keras.ops.mean({read}, axis=1, keepdims=True)"
            self._set(name, mean if image else f"layers.GlobalAveragePooling1D(keepdims=True)({read})")
            return
        two = block.read.height > 1 or isinstance(fields["kernel"], tuple)
        read = self._image(block, name) if two else self._steps(block, name)
        kernel, stride = ((of_time(fields[one]), of_height(fields[one])) for one in ("kernel", "stride"))
        room = block.read.height + sum(pads_of(fields)[1]) - kernel[1]
        if fields["ceil"] and room % stride[1]:
            raise LacksPartError("keras.layers rounds heights down", "ceil")
        if not isinstance(fields["padding"], str):
            read = self._padded(block, read, two)
        options = arguments(
            one_of(kernel) if two else kernel[0],
            strides=None if stride == kernel else one_of(stride) if two else stride[0],
            padding="same" if fields["padding"] == "same" else None,
        )
        self._set(name, f"layers.MaxPooling{2 if two else 1}D({options})({read})")
        self._as_flat(block, name, two)

    def _recurrent(self, block: Placed, name: str) -> None:
        refusals = keras.refusals(network_of(block.wired))
        if refusals:
            field, message = refusals[0]
            raise LacksPartError(message, field if field in block.fields else "convention")
        value = self._steps(block, name)
        stack = stack_of(block.wired)
        self._few_layers(stack.depth)
        if stack.skip:
            self._set("given", value)
            value = "given"
            self.lines.append("handed = []")
        for place in range(stack.depth):
            layer = stack.layers[min(place, len(stack.layers) - 1)]
            end = "" if stack.depth == 1 else f"_{place + 1}"
            made = self._cell(block, layer.cells, layer.directions, end, stack.kind, stack.summed, stack.bias_vectors)
            fed = f"layers.Concatenate()([{value}, given])" if stack.skip and place else value
            self._set(name, f"{made}({fed})")
            value = name
            if layer.subsample > 1:
                handed = (layer.projection or layer.cells) * (1 if stack.summed else layer.directions)
                stacked = f"layers.Reshape((-1, {layer.subsample * handed}))({name})"
                self._set(name, stacked if stack.stacked else f"{name}[:, ::{layer.subsample}]")
            if stack.skip:
                self.lines.append(f"handed.append({name})")
        if stack.skip:
            self._set(name, "layers.Concatenate()(handed)")

    def _cell(
        self, block: Placed, cells: int, directions: int, end: str, kind: str, summed: bool, bias_vectors: int
    ) -> str:
        layer = {"RNN": LAYERS["rnn"]}.get(kind, kind)
        options = arguments(
            cells,
            return_sequences=True,
            use_bias=None if bias_vectors else False,
            reset_after=False if kind == "GRU" and bias_vectors == 1 else None,
        )
        opened = f"layers.{layer}({options}"
        if directions == 2:
            merge = ', merge_mode="sum"' if summed else ""
            opened = f"layers.Bidirectional({opened}){merge}"
        return self._layer(block, end, opened)

    def _attention(self, block: Placed, name: str) -> None:
        fields, own = block.fields, block.wired.block
        kind, biases, width = fields["kind"], set(fields["biases"]), fields["width"]
        query_width, memory_width, value = block.width_of("query"), block.width_of("memory"), int(block.up.width)
        if not own.names.get("query") or kind in {"location", "local"}:
            raise LacksPartError(
                f"keras.layers has no such attention: {kind if query_width else 'without a query'}", "kind"
            )
        if any(len(self._placed[own.names[one][0]].wired.rate) > 1 for one in ("query", "memory")):
            raise LacksPartError("looks along time, and several clocks meet in it", "query")
        query, memory = (self._flat(own.names[one][0]) for one in ("query", "memory"))
        if kind == "multihead":
            if biases not in (set(), {"query", "memory", "value", "output"}):
                raise LacksPartError("layers.MultiHeadAttention has all biases or none", "biases")
            if width % fields["heads"] or fields["value_width"] % fields["heads"]:
                raise LacksPartError("the widths are not so many equal parts", "heads")
            options = arguments(
                fields["heads"],
                width // fields["heads"],
                value_dim=None if fields["value_width"] == width else fields["value_width"] // fields["heads"],
                use_bias=None if biases else False,
                output_shape=None if value == query_width else value,
            )
            self._set(name, f"{self._layer(block, '', f'layers.MultiHeadAttention({options}')}({query}, {memory})")
            return
        if (
            fields["heads"] > 1
            or fields["feedback"]
            or fields["fertility"]
            or "score" in biases
            or value != memory_width
        ):
            raise LacksPartError("keras.layers has no such attention", "kind")
        projected = {one: fields[f"project_{one}"] or kind == "general" for one in ("query", "memory")}
        projected["memory"] &= kind != "general"
        widths = {"query": query_width, "memory": memory_width}
        made = {"query": query, "memory": memory}
        for one, given in made.items():
            if projected[one]:
                widths[one] = memory_width if kind == "general" else width
                opened = f"layers.Dense({arguments(widths[one], use_bias=None if one in biases else False)}"
                made[one] = f"{self._layer(block, f'_{one}', opened)}({given})"
        if widths["query"] != widths["memory"] or (kind == "additive" and widths["query"] != width):
            raise LacksPartError(f"{widths['query']} and {widths['memory']} values do not meet", "width")
        layer = "AdditiveAttention" if kind == "additive" else "Attention"
        attention = self._layer(block, "", f"layers.{layer}(")
        self._set(name, f"{attention}([{made['query']}, {memory}, {made['memory']}])")

    def _transformer(self, block: Placed, name: str) -> None:
        fields = block.fields
        if fields["positions"]:
            raise LacksPartError("layers.MultiHeadAttention has no relative positions", "positions")
        self._few_layers(fields["layers"])
        width = self._same_width(block)
        heads = heads_of(width)
        self._set(name, self._steps(block, name))
        bias = None if block.biased else False
        attention = arguments(heads, width // heads, use_bias=None if block.has("attention_bias") else False)
        memories = [self._flat(key) for key in block.wired.block.names.get("attends", ())]
        for layer in range(fields["layers"]):
            end = f"_{layer + 1}"
            for place, memory in enumerate([name, *memories]):
                looks = f"{end}_attention" if not place else f"{end}_memory_{place}"
                seen = self._layer(block, looks, f"layers.MultiHeadAttention({attention}")
                self._added(block, name, f"{seen}({name}, {memory})", f"{looks}_norm")
            inner = self._layer(
                block,
                f"{end}_inner",
                f"layers.Dense({arguments(fields['feed_forward'], activation='relu', use_bias=bias)}",
            )
            outer = self._layer(block, f"{end}_outer", f"layers.Dense({arguments(width, use_bias=bias)}")
            self._added(block, name, f"{outer}({inner}({name}))", f"{end}_norm")
        if fields["final_norm"]:
            self._set(name, f"{self._layer(block, '_norm', 'layers.LayerNormalization(')}({name})")

    def _added(self, block: Placed, name: str, seen: str, end: str) -> None:
        self._set("seen", seen)
        self._set(name, f"{self._layer(block, end, 'layers.LayerNormalization(')}(layers.Add()([{name}, seen]))")

    def _few_layers(self, layers: int) -> None:
        if layers > MOST_LAYERS:
            raise LacksPartError(f"more than {MOST_LAYERS} layers are not written one by one", "layers")

    def _same_width(self, block: Placed) -> int:
        width, read = block.fields["width"], block.wired.reads
        if read != width:
            raise LacksPartError(f"reads {read:,} values, and its layers take {width:,}", "width")
        return int(width)

    def _highway(self, block: Placed, name: str) -> None:
        width = self._same_width(block)
        self._few_layers(block.fields["layers"])
        self._set(name, self._read(block, name)[0])
        for layer in range(block.fields["layers"]):
            both = self._layer(block, f"_{layer + 1}", f"layers.Dense({2 * width}")
            self.lines.append(f"given, seen = keras.ops.split({both}({name}), 2, axis=-1)")
            self._set("seen", 'layers.Activation("sigmoid")(seen)')
            self._set(name, f'seen * layers.Activation("relu")(given) + (1 - seen) * {name}')

    def _splice(self, block: Placed, name: str) -> None:
        self._set(name, f"splice({self._steps(block, name)}, {block.fields['frames']})")

    def _subsample(self, block: Placed, name: str) -> None:
        read, factor = self._steps(block, name), block.fields["factor"]
        stacked = f"layers.Reshape((-1, {block.up.width}))({read})"
        self._set(name, stacked if block.fields["how"] == "stack" else f"{read}[:, ::{factor}]")

    def _split(self, block: Placed, name: str) -> None:
        self._set(name, f"layers.Reshape((-1, {block.up.width}))({self._steps(block, name)})")


class _Code:
    """A name in code, which is no text."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __str__(self) -> str:
        return self._name


def _unless_one(value: Any) -> Any:
    return None if value == 1 else value


def _numbers(fields: Any) -> Any:
    """Return the padding of a transposed convolution: words pad nothing."""
    return "valid" if isinstance(fields["padding"], str) else fields["padding"]


MOST_LAYERS = 200
"""Of a block, which are written one by one."""
_LACKS = {
    "convolutional_lstm": "keras.layers.ConvLSTM2D reads steps of images, and a wire carries one image along time",
    "conformer": "keras.layers has no attention with relative positions",
    "crf": "keras.layers has no conditional random field",
    "weights": "a functional model holds no weights that nothing runs",
}
