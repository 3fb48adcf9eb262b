"""Our table of tensors as Keras has them: kernels as they stand, heads as dimensions of their own."""

from __future__ import annotations

import math

from sizer.frameworks.blocks.layers import network_of
from sizer.frameworks.blocks.torch_modules import Placed, heads_of
from sizer.frameworks.blocks.torch_names import tensors_of
from sizer.frameworks.equivalents import Shape, framework_shapes
from sizer.frameworks.keras import EQUIVALENTS


def keras_shapes(block: Placed) -> list[tuple[str, Shape]]:
    """Return every tensor of a block by our name, as Keras has it; what it has as several stands several times.

    Args:
        block: where it stands.
    """
    own, fields = block.wired.block, block.fields
    if own.type.name == "recurrent":
        shapes = framework_shapes(network_of(block.wired), EQUIVALENTS, lambda layer, side: f"{layer + 1}.{side}.{{}}")
        return [*shapes.items()]
    tensors, layers = tensors_of(block.wired, buffers=True)
    final = tensors.pop("final_norm", None)
    found: list[tuple[str, Shape]] = []
    for name, shape in tensors.items():
        found += [(name, one) for one in _as_keras(block, name.partition(".")[0], shape)] * layers
    if final:
        found += [("final_norm", final[1:])] * final[0]
    if own.names.get("tied"):
        found = [(name, shape) for name, shape in found if name != "kernel"]
    if fields.get("kind") == "additive":
        found = [(name, shape[:1] if name == "score" else shape) for name, shape in found]
    return found


def _as_keras(block: Placed, name: str, shape: Shape) -> list[Shape]:
    """Return what one tensor of ours is there."""
    kind, fields = block.wired.block.type.name, block.fields
    match kind, name:
        case "dense", "kernel":
            plain = fields["context"] == fields["groups"] == fields["stride"] == 1
            width = fields["groups"]
            # Of several steps side by side, groups deal out each step.
            return [shape[1:]] if plain else [(fields["context"], int(block.wired.reads) // width, shape[2])]
        case "convolution", "kernel":
            time, height, read, channels = shape
            front = (channels, read) if fields["transposed"] else (read, channels)
            return [(time, height, *front) if isinstance(fields["kernel"], tuple) else (time * height, *front)]
        case "attention", _ if fields["kind"] == "multihead":
            heads = fields["heads"]
            if name == "output":
                return [(heads, shape[0] // heads, shape[1])]
            split = name != "output_bias"
            return [(*shape[:-1], heads, shape[-1] // heads) if split else shape]
        case "transformer", _:
            return _transformer(block, name, shape)
        case "highway", _:
            return [(*shape[1:-1], shape[0] * shape[-1])]
    return [shape]


def _transformer(block: Placed, name: str, shape: Shape) -> list[Shape]:
    width = block.fields["width"]
    heads = heads_of(width)
    inner = (heads, width // heads)
    match name:
        case "attention":
            return [(shape[1], *inner)] * (shape[0] - 1) + [(*inner, shape[2])]
        case "attention_biases" | "memory_biases":
            return [inner] * (shape[0] - 1) + [shape[1:]]
        case "memory_query_and_output":
            return [(shape[1], *inner)] * (shape[0] - 1) + [(*inner, shape[2])]
        case "memory_keys_and_values":
            return [(shape[1], *inner)] * shape[0]
        case "feed_forward":
            return [shape[1:], shape[:0:-1]] if shape[0] == 2 else [shape]
        case "norms" | "memory_norm":
            return [shape[1:]] * shape[0]
    return [(math.prod(shape),)]
