"""Our table of tensors becomes PyTorch's: the same weights under the names that they have in the module that is written.

A tensor of ours may be dealt out over several of theirs, and several of ours be one there (the matrices of an
attention). What is left over keeps our name, so that it is seen as a difference.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from sizer.frameworks.blocks.layers import network_of, stack_of
from sizer.frameworks.blocks.torch_modules import Placed, tensors_by_layer
from sizer.frameworks.equivalents import Shape, framework_shapes
from sizer.frameworks.pytorch import EQUIVALENTS
from sizer.networks.blocks.wiring import Wired

Named = dict[str, Shape]


class OurTensors:
    """The tensors of one layer of a block, taken one by one."""

    def __init__(self, shapes: dict[str, Shape]) -> None:
        """Begin with all of them."""
        self._left = dict(shapes)

    def take(self, name: str, number: int = 0) -> list[Shape]:
        """Return a tensor, or so many along its first dimension; nothing where it is not there.

        Args:
            name: as in our table.
            number: 0: all of it.
        """
        shape = self._left.pop(name, None)
        if shape is None:
            return []
        if not number:
            return [shape]
        if shape[0] > number:
            self._left[name] = (shape[0] - number, *shape[1:])
        return [(min(number, shape[0]), *shape[1:])]

    def left(self) -> Named:
        """Return what has not been taken, by our names."""
        return self._left


def tensors_of(one: Wired, buffers: bool = False) -> tuple[dict[str, Shape], int]:
    """Return the tensors of a block that has alike layers or none, by name, and how many layers there are.

    The name of what stands several times in a layer has a number behind it from the second on: `memory_norm.1`.
    """
    found: dict[str, Shape] = {}
    seen: Counter[str] = Counter()
    layers = 1
    for group in one.groups:
        for tensor in group.tensors:
            if not tensor.size(group.dimensions) or tensor.buffer > buffers or not group.times:
                continue
            number = seen[tensor.name]
            seen[tensor.name] += 1
            shape = tuple(size if isinstance(size, int) else int(group.dimensions[size]) for size in tensor.shape)
            found[f"{tensor.name}.{number}" if number else tensor.name] = shape
            layers = max(layers, int(group.times))
    return found, layers


def torch_shapes(block: Placed, name: str) -> Named:
    """Return every tensor of a block under PyTorch's names.

    Args:
        block: where it stands.
        name: its attribute.
    """
    kind = block.wired.block.type.name
    if block.wired.block.type.own:
        shapes = tensors_by_layer(block.wired)
        return {f"{name}.{ours.replace('.', '_')}": shape for ours, shape in shapes.items()}
    if kind == "recurrent":
        return _recurrent(block, name)
    shapes, layers = tensors_of(block.wired)
    if kind == "convolutional_lstm":
        return _convolutional_lstm(block, name)
    if kind in _LAYERS:
        apart = {"final_norm": shapes.pop("final_norm")} if "final_norm" in shapes else {}
        found: Named = {}
        for layer in range(layers):
            ours = OurTensors(shapes)
            found |= {f"{name}.{layer}.{theirs}": shape for theirs, shape in _LAYERS[kind](block, ours)}
            found |= {f"{name}.{layer}.{left}": shape for left, shape in ours.left().items()}
        ours = OurTensors(apart)
        found |= {f"{name}_norm.{theirs}": shape for theirs, shape in _norm_parts(ours.take("final_norm"), [""])}
        return found
    ours = OurTensors(shapes)
    named = dict(_SINGLE.get(kind, _as_they_are)(block, ours))
    named |= {left.replace(".", "_") if kind == "weights" else left: shape for left, shape in ours.left().items()}
    return {f"{name}{'' if theirs.startswith('_') else '.'}{theirs}": shape for theirs, shape in named.items()}


# Shapes


def turned(shapes: Iterable[Shape]) -> Shape:
    """Return matrices of ours (..., inputs, outputs) as one of theirs (outputs, inputs), one below the other."""
    shapes = list(shapes)
    columns = {shape[-2] for shape in shapes}
    rows = sum(math.prod(shape[:-2]) * shape[-1] for shape in shapes)
    return (rows, columns.pop() if len(columns) == 1 else 0)


def row(shapes: Iterable[Shape]) -> Shape:
    """Return vectors as one."""
    return (sum(math.prod(shape) for shape in shapes),)


def _matrix(name: str, *shapes: list[Shape]) -> Iterator[tuple[str, Shape]]:
    together = [shape for some in shapes for shape in some]
    if together:
        yield name, turned(together)


def _vector(name: str, *shapes: list[Shape]) -> Iterator[tuple[str, Shape]]:
    together = [shape for some in shapes for shape in some]
    if together:
        yield name, row(together)


def _norm_parts(shapes: list[Shape], names: list[str]) -> Iterator[tuple[str, Shape]]:
    """Yield the gains and shifts of norms that stand as one tensor, (2 x norms, width)."""
    for shape in shapes:
        number, rest = divmod(shape[0], 2 * len(names))
        for name in names:
            for kind in ("weight", "bias"):
                yield f"{name}.{kind}" if name else kind, (number * shape[1], *([rest] if rest else []))


# Blocks


def _as_they_are(block: Placed, ours: OurTensors) -> Iterator[tuple[str, Shape]]:
    yield from ()


def _embedding(block: Placed, ours: OurTensors) -> Iterator[tuple[str, Shape]]:
    for shape in ours.take("table"):
        yield "weight", shape


def _behind(ours: OurTensors, name: str) -> Iterator[tuple[str, Shape]]:
    yield from _vector(f"{name}weight", ours.take("norm_gains"))
    yield from _vector(f"{name}bias", ours.take("norm_shifts"))


def _dense(block: Placed, ours: OurTensors) -> Iterator[tuple[str, Shape]]:
    for context, read, width in ours.take("kernel"):
        yield "weight", (width, context * read, *([1] if block.fields["groups"] > 1 else []))
    yield from _vector("bias", ours.take("bias"))
    yield from _behind(ours, "_norm.")


def _convolution(block: Placed, ours: OurTensors) -> Iterator[tuple[str, Shape]]:
    two = isinstance(block.fields["kernel"], tuple)
    groups = block.fields["groups"]
    for time, height, read, channels in ours.take("kernel"):
        sides = (time, height) if two else (time * height,)
        front = (channels, read)
        if block.fields["transposed"]:
            groups = int(block.read.channels if two else block.read.width) if groups == "all" else groups
            front = (read * groups, channels // groups)
        yield "weight", (*front, *sides)
    yield from _vector("bias", ours.take("bias"))
    yield from _behind(ours, "_norm.")


def _norm(block: Placed, ours: OurTensors) -> Iterator[tuple[str, Shape]]:
    yield from _behind(ours, "")


def _attention(block: Placed, ours: OurTensors) -> Iterator[tuple[str, Shape]]:
    fields = block.fields
    if fields["kind"] == "multihead":
        query, memory, value = (ours.take(name) for name in ("query", "memory", "value"))
        biases = [ours.take(f"{name}_bias") for name in ("query", "memory", "value", "output")]
        if not _is_one_module(block):
            for name, shapes, bias in zip(("query", "memory", "value"), (query, memory, value), biases, strict=False):
                yield from _matrix(f"{name}.weight", shapes)
                yield from _vector(f"{name}.bias", bias)
            yield from _matrix("output.weight", ours.take("output"))
            yield from _vector("output.bias", biases[3])
            return
        if block.width_of("memory") == fields["width"]:
            yield from _matrix("in_proj_weight", query, memory, value)
        else:
            for letter, shapes in zip("qkv", (query, memory, value), strict=True):
                yield from _matrix(f"{letter}_proj_weight", shapes)
        yield from _vector("in_proj_bias", *biases[:3])
        yield from _matrix("out_proj.weight", ours.take("output"))
        yield from _vector("out_proj.bias", biases[3])
        return
    for steps, inputs, channels in ours.take("location_kernel"):
        yield "location_kernel.weight", (channels, inputs, steps)
    for width, heads, of_head in ours.take("kernel"):
        yield "kernel.weight", (heads * of_head, width)
    for name in ("query", "memory", "score", "feedback", "fertility", "location"):
        yield from _matrix(f"{name}.weight", ours.take(name))
    for name in ("query", "memory", "score", "feedback", "fertility", "location_kernel", "location", "kernel"):
        yield from _vector(f"{name}.bias", ours.take(f"{name}_bias"))


def _is_one_module(block: Placed) -> bool:
    """Return whether an attention is a torch.nn.MultiheadAttention."""
    fields = block.fields
    alike = block.width_of("query") == fields["width"] == fields["value_width"] == int(block.up.width)
    return alike and len(set(fields["biases"])) in {0, 4}


def _convolutional_lstm(block: Placed, name: str) -> Named:
    found: Named = {}
    for group in block.wired.groups:
        for layer in range(group.first - 1, group.first - 1 + int(group.repeats)):
            for tensor in group.tensors:
                if not tensor.size(group.dimensions):
                    continue
                shape = [size if isinstance(size, int) else int(group.dimensions[size]) for size in tensor.shape]
                if tensor.name == "bias":
                    found[f"{name}.{layer}.input.bias"] = row([tuple(shape)])
                else:
                    gates, time, height, read, channels = shape
                    side = tensor.name.removesuffix("_weights")
                    found[f"{name}.{layer}.{side}.weight"] = (gates * channels, read, time, height)
    return found


def _recurrent(block: Placed, name: str) -> Named:
    layers = stack_of(block.wired)

    def place(layer: int, direction: int) -> str:
        side = "_reverse" * direction
        return f"{name}.{{}}_l{layer}{side}" if layers.alike else f"{name}.{layer}.{{}}_l0{side}"

    return framework_shapes(network_of(block.wired), EQUIVALENTS, place)


def _transformer(block: Placed, ours: OurTensors) -> Iterator[tuple[str, Shape]]:
    fields, width = block.fields, block.fields["width"]
    memories = [int(block.handed(key).width) for key in block.wired.block.names.get("attends", ())]
    relative = fields["positions"] == "relative"
    biased = block.has("attention_bias") and block.biased
    own = relative or not biased or memories not in ([], [width])
    names = ("attention", "inner", "outer", "norm", "last_norm")
    if not own:
        names = ("self_attn", "linear1", "linear2", "norm1", "norm3" if memories else "norm2")
    attention, inner, outer, norm, last_norm = names
    if relative:
        yield from _relative(ours, "attention", "position_biases")
    else:
        yield from _matrix(f"{attention}.in_proj_weight", ours.take("attention", 3))
        yield from _matrix(f"{attention}.out_proj.weight", ours.take("attention", 1))
        yield from _vector(f"{attention}.in_proj_bias", ours.take("attention_biases", 3))
        yield from _vector(f"{attention}.out_proj.bias", ours.take("attention_biases", 1))
    yield from _norm_parts(ours.take("norms"), [norm, last_norm])
    for number, memory in enumerate(memories):
        end = f".{number}" if number else ""
        there = f"memories.{number}" if own else "multihead_attn"
        query = ours.take(f"memory_query_and_output{end}", 1)
        yield from _matrix(f"{there}.out_proj.weight", ours.take(f"memory_query_and_output{end}", 1))
        if memory == width:
            keys = ours.take(f"memory_keys_and_values{end}", 2)
            yield from _matrix(f"{there}.in_proj_weight", query, keys)
        else:
            yield from _matrix(f"{there}.q_proj_weight", query)
            yield from _matrix(f"{there}.k_proj_weight", ours.take(f"memory_keys_and_values{end}", 1))
            yield from _matrix(f"{there}.v_proj_weight", ours.take(f"memory_keys_and_values{end}", 1))
        yield from _vector(f"{there}.in_proj_bias", ours.take(f"memory_biases{end}", 3))
        yield from _vector(f"{there}.out_proj.bias", ours.take(f"memory_biases{end}", 1))
        yield from _norm_parts(ours.take(f"memory_norm{end}"), [f"memory_norms.{number}" if own else "norm2"])
    # Both matrices of the feed-forward have as many values, in and out.
    for number, width, forward in ours.take("feed_forward"):
        if number != 2:
            yield "feed_forward", (number, width, forward)
            continue
        yield f"{inner}.weight", (forward, width)
        yield f"{outer}.weight", (width, forward)
    yield from _vector(f"{inner}.bias", ours.take("feed_forward_bias"))
    yield from _vector(f"{outer}.bias", ours.take("feed_forward_output_bias"))


def _relative(ours: OurTensors, name: str, position_biases: str) -> Iterator[tuple[str, Shape]]:
    for one in ("query", "key", "value", "output"):
        yield from _matrix(f"{name}.{one}.weight", ours.take("attention", 1))
        yield from _vector(f"{name}.{one}.bias", ours.take("attention_biases", 1))
    yield from _matrix(f"{name}.positions.weight", ours.take("positions"))
    yield from _vector(f"{name}.content_bias", ours.take(position_biases, 1))
    yield from _vector(f"{name}.position_bias", ours.take(position_biases, 1))


def _conformer(block: Placed, ours: OurTensors) -> Iterator[tuple[str, Shape]]:
    yield from _relative(ours, "attention", "position_biases")
    for half in ("first", "second"):
        yield from _matrix(f"{half}.1.weight", ours.take("feed_forwards", 1))
        for _, width, forward in ours.take("feed_forwards", 1):
            yield f"{half}.3.weight", (width, forward)
        yield from _vector(f"{half}.1.bias", ours.take("feed_forward_biases", 1))
        yield from _vector(f"{half}.3.bias", ours.take("feed_forward_output_biases", 1))
    for name, number in (("pointwise", 2), ("pointwise_out", 1)):
        for shape in ours.take("pointwise", number):
            yield f"{name}.weight", (*turned([shape]), 1)
        yield from _vector(f"{name}.bias", ours.take("pointwise_biases", number))
    for kernel, width in ours.take("depthwise"):
        yield "depthwise.weight", (width, 1, kernel)
    yield from _vector("depthwise.bias", ours.take("depthwise_bias"))
    yield from _norm_parts(ours.take("batch_norm"), ["batch_norm"])
    yield from _norm_parts(ours.take("norms"), ["first.0", "attention_norm", "convolution_norm", "second.0", "norm"])


def _highway(block: Placed, ours: OurTensors) -> Iterator[tuple[str, Shape]]:
    yield from _matrix("both.weight", ours.take("kernel"))
    yield from _vector("both.bias", ours.take("bias"))


_LAYERS: dict[str, Callable[[Placed, OurTensors], Iterator[tuple[str, Shape]]]] = {
    "transformer": _transformer,
    "conformer": _conformer,
    "highway": _highway,
}
_SINGLE: dict[str, Callable[[Placed, OurTensors], Iterator[tuple[str, Shape]]]] = {
    "embedding": _embedding,
    "dense": _dense,
    "convolution": _convolution,
    "norm": _norm,
    "attention": _attention,
}
