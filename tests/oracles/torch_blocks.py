"""Random blocks, and the modules of torch.nn that they are: built and run beside the count, derived from nothing of ours.

What travels is a tensor on the meta device, (1, time, width) or (1, channels, time, height), so that every width, height
and number of steps is what PyTorch makes of it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

STEPS = 24
"""Of an input: whole for strides and factors of 2 and 3."""


def torch() -> Any:
    import torch as found

    return found


@dataclass
class Chain:
    """A model that grows block by block, with what PyTorch holds of each."""

    chance: random.Random
    even: bool = False
    """Whether steps come out even, so that what is multiplied at each is as much on average as in any input."""
    blocks: dict[str, Any] = field(default_factory=dict)
    theirs: dict[str, list[Any]] = field(default_factory=dict)
    """The modules or parameters of each block."""
    value: Any = None
    """What the last block hands up."""
    run: list[str] = field(default_factory=list)
    """The kinds of blocks that were drawn."""

    def add(self, declared: dict[str, Any], modules: list[Any], value: Any) -> str:
        name = f"b{len(self.blocks)}"
        self.blocks[name] = declared
        self.theirs[name] = modules
        self.value = value
        self.run.append(declared["type"])
        return name

    @property
    def model(self) -> dict[str, Any]:
        return {"convention": "pytorch", "blocks": self.blocks}

    @property
    def flat(self) -> Any:
        """What was handed up, as one width."""
        return self.value.transpose(1, 2).flatten(2) if self.value.dim() == 4 else self.value

    @property
    def steps(self) -> int:
        """Along time."""
        return int(self.value.shape[2 if self.value.dim() == 4 else 1])

    def pad(self, kernel: int, stride: int) -> int | None:
        """Return a padding with which a convolution makes one step of `stride`; None where there is none."""
        fitting = [pad for pad in range(kernel) if kernel - stride <= 2 * pad <= kernel - 1]
        return self.chance.choice(fitting) if fitting and self.steps % stride == 0 else None

    def pad_transposed(self, kernel: int, stride: int) -> tuple[int, int] | None:
        """Return a padding and an output padding with which a transposed one makes `stride` of a step, if there are."""
        fitting = [(pad, stride + 2 * pad - kernel) for pad in range(kernel)]
        fitting = [(pad, more) for pad, more in fitting if 0 <= more < stride]
        return self.chance.choice(fitting) if fitting else None

    @property
    def width(self) -> int:
        return int(self.flat.shape[2])

    def shapes(self) -> dict[str, Counter[tuple[int, ...]]]:
        """Return the shapes of every block's tensors."""
        found = {}
        for name, modules in self.theirs.items():
            parameters = [one for module in modules for one in (module.parameters() if callable(module) else [module])]
            found[name] = Counter(tuple(one.shape) for one in parameters)
        return {name: shapes for name, shapes in found.items() if shapes}

    def weights(self) -> int:
        """Return the number of weights of all, each once."""
        seen = {}
        for modules in self.theirs.values():
            for module in modules:
                for one in module.parameters() if callable(module) else [module]:
                    seen[id(one)] = one.numel()
        return sum(seen.values())


def random_chain(chance: random.Random, longest: int = 5, even: bool = False) -> Chain:
    """Return a chain of random blocks behind an input or an embedding.

    Args:
        chance: what is drawn from.
        longest: blocks at most, more where one needs another in front of it.
        even: see `Chain`; without the attentions, whose products of two activations are not counted.
    """
    chain = Chain(chance, even)
    nn = torch().nn
    form = chance.random()
    if form < 0.3:
        symbols, width = chance.randint(2, 60), chance.randint(1, 12) * 2
        table = nn.Embedding(symbols, width)
        chain.add(
            {"type": "embedding", "vocabulary": symbols, "embedding": width},
            [table],
            table(torch().zeros((1, STEPS), dtype=torch().long)),
        )
    elif form < 0.65:
        channels, height = chance.randint(1, 6), chance.randint(4, 40)
        value = torch().zeros((1, channels, STEPS, height))
        chain.add({"type": "input", "channels": channels, "height": height}, [], value)
    else:
        width = chance.randint(1, 24) * 2
        chain.add({"type": "input", "inputs": width}, [], torch().zeros((1, STEPS, width)))
    for _ in range(chance.randint(1, longest)):
        kinds = IMAGES if chain.value.dim() == 4 and chance.random() < 0.7 else EVEN if even else KINDS
        if chain.value.shape[2 if chain.value.dim() == 4 else 1] > 0:
            chance.choice(kinds)(chain)
    return chain


def _normed(chain: Chain, declared: dict[str, Any], modules: list[Any], made: Any) -> Any:
    """Add a norm behind what was made, now and then, and return what it makes."""
    nn = torch().nn
    norm = chain.chance.choice([None, None, "layer", "batch"])
    if norm is None:
        return made
    declared["norm"] = norm
    if made.dim() == 4:
        module = nn.BatchNorm2d(made.shape[1]) if norm == "batch" else nn.GroupNorm(1, made.shape[1])
        modules.append(module.eval())
        return module(made)
    module = nn.BatchNorm1d(made.shape[2]) if norm == "batch" else nn.LayerNorm(made.shape[2])
    modules.append(module.eval())  # in training a batch norm wants more than one step
    return module(made.transpose(1, 2)).transpose(1, 2) if norm == "batch" else module(made)


def _pieces(chain: Chain, made: Any, pieces: int, dim: int) -> Any:
    return made if pieces == 1 else made.unflatten(dim, (-1, pieces)).amax(dim + 1 if dim >= 0 else dim)


def dense(chain: Chain) -> None:
    chance, nn = chain.chance, torch().nn
    context, stride = chance.choice([1, 1, 2, 3]), chance.choice([1, 1, 2])
    stride = 1 if chain.even and chain.steps % stride else stride
    read = chain.width
    # As a convolution, which is what PyTorch has for several steps side by side and for groups.
    groups = chance.choice([one for one in (1, 1, 2, 3, 5) if read % one == 0])
    pieces = chance.choice([1, 1, 2, 3])
    width = groups * pieces * chance.randint(1, 8)
    bias = chance.random() < 0.7
    declared = {"type": "dense", "width": width, "context": context, "groups": groups, "pieces": pieces, "bias": bias}
    declared |= {"stride": stride}
    linear = context == 1 and groups == 1
    if linear:
        module: Any = nn.Linear(read, width, bias=bias)
        made = module(chain.flat[:, ::stride])
    else:
        spliced = torch().nn.functional.pad(chain.flat, (0, 0, context - 1, 0)).unfold(1, context, 1).flatten(2)
        module = nn.Conv1d(read * context, width, 1, stride, groups=groups, bias=bias)
        made = module(spliced.transpose(1, 2)).transpose(1, 2)
        if groups == 1:  # a map of all the steps: the same matrix, without the kernel's one step
            module = nn.Linear(read * context, width, bias=bias)
    modules = [module]
    made = _normed(chain, declared, modules, _pieces(chain, made, pieces, -1))
    chain.add(declared, modules, made)


def convolution(chain: Chain) -> None:
    chance, nn = chain.chance, torch().nn
    kernel = chance.randint(1, 5)
    padding = chance.choice(["same", "valid", chance.randint(0, 3)])
    stride = 1 if padding == "same" else chance.randint(1, 3)
    read = chain.width
    groups = chance.choice([one for one in (1, 1, 2, 3, read) if read % one == 0])
    pieces = chance.choice([1, 1, 2])
    channels = groups * pieces * chance.randint(1, 4)
    bias = chance.random() < 0.7
    transposed = padding != "same" and chance.random() < 0.25
    more = chance.randint(0, stride - 1)
    if chain.even and transposed:
        fitting = chain.pad_transposed(kernel, stride)
        if fitting is None:
            return
        padding, more = fitting
    elif chain.even and padding != "same":
        padding = chain.pad(kernel, stride)
        if padding is None:
            return
    declared: dict[str, Any] = {"type": "convolution", "kernel": kernel, "stride": stride, "padding": padding}
    declared |= {"channels": channels, "groups": "all" if groups == read else groups, "pieces": pieces, "bias": bias}
    pad = 0 if padding == "valid" else padding
    options = {"groups": groups, "bias": bias}
    if transposed:
        declared |= {"transposed": True, "output_padding": more}
        module = nn.ConvTranspose1d(read, channels, kernel, stride, pad, more, **options)
    else:
        module = nn.Conv1d(read, channels, kernel, stride, pad, **options)
    try:
        made = module(chain.flat.transpose(1, 2)).transpose(1, 2)
    except RuntimeError:  # too few steps
        return
    modules = [module]
    chain.add(declared, modules, _normed(chain, declared, modules, _pieces(chain, made, pieces, -1)))


def convolution2(chain: Chain) -> None:
    chance, nn = chain.chance, torch().nn
    image = chain.value
    channels, height = int(image.shape[1]), int(image.shape[3])
    kernel = (chance.randint(1, 5), chance.randint(1, 5))
    padding: Any = chance.choice(["same", "valid", chance.randint(0, 2), [chance.randint(0, 2), chance.randint(0, 2)]])
    stride = (1, 1) if padding == "same" else (chance.randint(1, 3), chance.randint(1, 3))
    transposed = padding != "same" and height < 60 and chance.random() < 0.25
    more = (chance.randint(0, stride[0] - 1), chance.randint(0, stride[1] - 1))
    if chain.even and transposed:
        fitting = chain.pad_transposed(kernel[0], stride[0])
        if fitting is None:
            return
        padding, more = [fitting[0], chance.randint(0, 2)], (fitting[1], more[1])
    elif chain.even and padding != "same":
        pad_time = chain.pad(kernel[0], stride[0])
        if pad_time is None:
            return
        padding = [pad_time, chance.randint(0, 2)]
    groups = chance.choice([one for one in (1, 1, 2, channels) if channels % one == 0])
    pieces = chance.choice([1, 1, 2])
    made_of = groups * pieces * chance.randint(1, 4)
    bias = chance.random() < 0.7
    declared: dict[str, Any] = {"type": "convolution", "kernel": list(kernel), "stride": list(stride)}
    declared |= {"padding": padding, "channels": made_of, "groups": "all" if groups == channels else groups}
    declared |= {"pieces": pieces, "bias": bias}
    pad: Any = 0 if padding == "valid" else tuple(padding) if isinstance(padding, list) else padding
    options = {"groups": groups, "bias": bias}
    if transposed:
        declared |= {"transposed": True, "output_padding": list(more)}
        module: Any = nn.ConvTranspose2d(channels, made_of, kernel, stride, pad, more, **options)
    else:
        module = nn.Conv2d(channels, made_of, kernel, stride, pad, **options)
    try:
        made = module(image)
    except RuntimeError:  # a kernel that does not fit
        return
    modules = [module]
    made = _pieces(chain, made, pieces, 1)
    made = _normed(chain, declared, modules, made) if made.shape[3] > 1 else made
    chain.add(declared, modules, made if made.shape[3] > 1 else made.squeeze(3).transpose(1, 2))


def pooling(chain: Chain) -> None:
    chance, functional = chain.chance, torch().nn.functional
    image = chain.value
    kernel = (chance.randint(1, 3), chance.randint(1, 4))
    # A window that is skipped over makes PyTorch's rule for `ceil` another one.
    stride = (chance.randint(1, kernel[0]), chance.randint(1, kernel[1]))
    padding = [chance.randint(0, kernel[0] // 2), chance.randint(0, kernel[1] // 2)]
    if chain.even and (chain.steps % stride[0] or not kernel[0] - stride[0] <= 2 * padding[0] <= kernel[0] - 1):
        return
    ceil = chance.random() < 0.5 and not (chain.even and (chain.steps + 2 * padding[0] - kernel[0]) % stride[0])
    try:
        made = functional.max_pool2d(image, kernel, stride, padding, ceil_mode=ceil)
    except RuntimeError:
        return
    last = (made.shape[3] - 1) * stride[1]
    if (
        ceil
        and last + stride[1] <= image.shape[3] + 2 * padding[1] - 1
        and last + stride[1] >= image.shape[3] + padding[1]
    ):
        return  # a window that would begin behind all that is read, which PyTorch leaves out
    declared = {"type": "pooling", "kernel": list(kernel), "stride": list(stride), "padding": padding, "ceil": ceil}
    chain.add(declared, [], made if made.shape[3] > 1 else made.squeeze(3).transpose(1, 2))


def norm(chain: Chain) -> None:
    chance, nn = chain.chance, torch().nn
    kind, over = chance.choice(["layer", "batch"]), chance.choice(["channels", "width"])
    declared = {"type": "norm", "norm": kind, "over": over}
    if over == "width" or chain.value.dim() == 3:
        module = nn.LayerNorm(chain.width) if kind == "layer" else nn.BatchNorm1d(chain.width)
    else:
        channels = chain.value.shape[1]
        module = nn.GroupNorm(1, channels) if kind == "layer" else nn.BatchNorm2d(channels)
    chain.add(declared, [module], chain.value)


def recurrent(chain: Chain) -> None:
    chance, nn = chain.chance, torch().nn
    kind = chance.choice(["lstm", "lstm", "gru", "rnn"])
    depth = chance.randint(1, 3)
    listed = chance.random() < 0.5
    cells = [chance.randint(2, 12) for _ in range(depth)] if listed else [chance.randint(2, 12)] * depth
    projected = kind == "lstm" and chance.random() < 0.4
    projections = [chance.randint(1, width - 1) for width in cells] if projected else [0] * depth
    if not listed:
        projections = projections[:1] * depth
    both = [chance.random() < 0.5 for _ in range(depth)] if listed else [chance.random() < 0.5] * depth
    summed, skip, bias = all(both) and chance.random() < 0.3, chance.random() < 0.2, chance.random() < 0.8
    subsample = [chance.choice([1, 1, 2]) for _ in range(depth)] if not skip and chance.random() < 0.4 else [1] * depth
    subsample = [1] * depth if chain.even and chain.steps % 8 else subsample
    stacked = chance.random() < 0.5
    declared: dict[str, Any] = {"type": "recurrent", "cell_type": kind, "layers": depth, "bias": bias}
    declared |= {"cells": cells if listed else cells[0], "bidirectional": both if listed else both[0]}
    declared |= {"summed_directions": summed, "skip_connections": skip}
    if projected:
        declared["recurrent_projection"] = projections if listed else projections[0]
    if max(subsample) > 1:
        declared |= {"subsample": subsample, "subsample_how": "stack" if stacked else "skip"}
    given = value = chain.flat
    handed: list[Any] = []
    modules: list[Any] = []
    for layer in range(depth):
        options = {"proj_size": projections[layer]} if projected else {}
        fed = torch().cat([value, given], dim=2) if skip and handed else value
        module = getattr(nn, kind.upper())(
            fed.shape[2], cells[layer], batch_first=True, bidirectional=both[layer], bias=bias, **options
        )
        modules.append(module)
        value = module(fed)[0]
        if summed and both[layer]:
            value = value.unflatten(2, (2, -1)).sum(2)
        if subsample[layer] > 1 and stacked:
            value = value[:, : value.shape[1] // 2 * 2]
            if not value.shape[1]:
                return
            value = value.unflatten(1, (-1, 2)).flatten(2)
        elif subsample[layer] > 1:
            value = value[:, ::2]
        handed.append(value)
    chain.add(declared, modules, torch().cat(handed, dim=2) if skip else value)


def attention(chain: Chain) -> None:
    chance, nn = chain.chance, torch().nn
    width, heads = 4 * chance.randint(1, 5), chance.choice([1, 2, 4])
    memory = chain.flat
    before = [*chain.blocks][-1]
    query = nn.Linear(chain.width, width)
    queries = query(memory)
    name = chain.add({"type": "dense", "width": width}, [query], queries)
    bias = chance.random() < 0.5
    declared = {"type": "attention", "kind": "multihead", "query": name, "memory": before, "width": width}
    declared |= {"heads": heads, "value": width}
    if bias:
        declared["biases"] = ["query", "memory", "value", "output"]
    same = memory.shape[2] == width
    options = {} if same else {"kdim": memory.shape[2], "vdim": memory.shape[2]}
    module = nn.MultiheadAttention(width, heads, bias=bias, batch_first=True, **options)
    chain.add(declared, [module], module(queries, memory, memory)[0])


def other_attention(chain: Chain) -> None:
    """Additive, general, dot and location attention: no module of torch.nn has them, and each is maps of it."""
    chance, nn = chain.chance, torch().nn
    width, memory = chance.randint(1, 12), chain.width
    before = [*chain.blocks][-1]
    kind = chance.choice(["additive", "general", "dot", "location"])
    linear = {"query": nn.Linear(memory, width), "memory": nn.Linear(memory, width)}
    declared: dict[str, Any] = {"type": "attention", "kind": kind, "query": before, "memory": before, "width": width}
    if kind == "general":
        linear = {"query": nn.Linear(memory, memory)}
    elif kind == "dot":
        for name in ("query", "memory"):
            declared[f"project_{name}"] = chance.random() < 0.5
            if not declared[f"project_{name}"]:
                del linear[name]
    else:
        heads, feedback, fertility = chance.randint(1, 3), chance.randint(0, 3), chance.randint(0, 3)
        declared |= {"heads": heads, "feedback": feedback, "fertility": fertility}
        linear["score"] = nn.Linear(width, heads)
        if feedback:
            linear["feedback"] = nn.Linear(feedback, width)
        if fertility:
            linear["fertility"] = nn.Linear(memory, fertility)
        if chance.random() < 0.3:
            declared["project_query"] = False
            del linear["query"]
    if kind == "location":
        kernel, channels, inputs = chance.randint(1, 9), chance.randint(1, 6), chance.randint(1, 2)
        declared |= {"location_kernel": kernel, "location_channels": channels, "location_inputs": inputs}
        linear["location"] = nn.Linear(channels, width)
        linear["location_kernel"] = nn.Conv1d(inputs, channels, kernel)
    declared["biases"] = [name for name in linear if chance.random() < 0.5]
    for name, module in linear.items():
        if name not in declared["biases"]:
            module.bias = None
    chain.add(declared, [*linear.values()], chain.value if chain.value.dim() == 3 else chain.flat)


def transformer(chain: Chain) -> None:
    chance, nn = chain.chance, torch().nn
    width, heads, layers = 4 * chance.randint(1, 5), chance.choice([1, 2, 4]), chance.randint(1, 3)
    forward, final = chance.randint(1, 40), chance.random() < 0.4
    narrow = nn.Linear(chain.width, width)
    value = narrow(chain.flat)
    name = chain.add({"type": "dense", "width": width}, [narrow], value)
    declared = {"type": "transformer", "width": width, "feed_forward": forward, "layers": layers, "final_norm": final}
    if chance.random() < 0.5:
        declared["attends"] = [name]
        modules = [nn.TransformerDecoderLayer(width, heads, forward, batch_first=True) for _ in range(layers)]
        for module in modules:
            value = module(value, value)
    else:
        modules = [nn.TransformerEncoderLayer(width, heads, forward, batch_first=True) for _ in range(layers)]
        for module in modules:
            value = module(value)
    chain.add(declared, [*modules, *([nn.LayerNorm(width)] if final else [])], value)


def conformer(chain: Chain) -> None:
    """The layers of Gulati et al. 2020, figures 1 to 4, in maps, convolutions and norms of torch.nn."""
    chance, nn = chain.chance, torch().nn
    width, kernel, layers = 2 * chance.randint(1, 8), chance.randint(1, 9), chance.randint(1, 2)
    forward = chance.choice([None, chance.randint(1, 40)])
    bias = chance.random() < 0.5
    narrow = nn.Linear(chain.width, width)
    value = narrow(chain.flat)
    chain.add({"type": "dense", "width": width}, [narrow], value)
    declared: dict[str, Any] = {"type": "conformer", "width": width, "kernel": kernel, "layers": layers}
    declared |= {"attention_bias": bias} | ({"feed_forward": forward} if forward else {})
    inner = forward or 4 * width
    modules: list[Any] = []
    for _ in range(layers):
        for _half in range(2):
            modules += [nn.LayerNorm(width), nn.Linear(width, inner), nn.Linear(inner, width)]
        modules += [nn.LayerNorm(width), *(nn.Linear(width, width, bias=bias) for _ in range(4))]
        modules += [nn.Linear(width, width, bias=False), *(nn.Parameter(torch().zeros(width)) for _ in range(2))]
        modules += [nn.LayerNorm(width), nn.Conv1d(width, 2 * width, 1), nn.Conv1d(width, width, kernel, groups=width)]
        modules += [nn.BatchNorm1d(width), nn.Conv1d(width, width, 1), nn.LayerNorm(width)]
    chain.add(declared, modules, value)


def highway(chain: Chain) -> None:
    nn, layers = torch().nn, chain.chance.randint(1, 3)
    value, width = chain.flat, chain.width
    # A map of the values and one of the gate, as one matrix.
    modules = [nn.Linear(width, 2 * width) for _ in range(layers)]
    for module in modules:
        value = module(value).unflatten(2, (2, -1)).prod(2)
    chain.add({"type": "highway", "width": width, "layers": layers}, modules, value)


def crf(chain: Chain) -> None:
    nn, ends, width = torch().nn, chain.chance.randint(0, 2), chain.width
    tensors = [nn.Parameter(torch().zeros((width, width)))]
    if ends:
        tensors.append(nn.Parameter(torch().zeros((ends, width))))
    chain.add({"type": "crf", "ends": ends}, tensors, chain.value)


def splice(chain: Chain) -> None:
    frames = chain.chance.randint(1, 3)
    value = torch().cat([chain.flat] * frames, dim=2)
    chain.add({"type": "splice", "frames": frames}, [], value)


def subsample(chain: Chain) -> None:
    factor, how = chain.chance.randint(1, 3), chain.chance.choice(["skip", "stack"])
    factor = 1 if chain.even and chain.steps % factor else factor
    value = chain.flat
    value = value[:, : value.shape[1] // factor * factor]
    if not value.shape[1]:
        return
    value = value.unflatten(1, (-1, factor)).flatten(2) if how == "stack" else value[:, ::factor]
    chain.add({"type": "subsample", "factor": factor, "how": how}, [], value)


def split(chain: Chain) -> None:
    parts = chain.chance.choice([one for one in (1, 2, 3) if chain.width % one == 0])
    chain.add({"type": "split", "parts": parts}, [], chain.flat.unflatten(2, (parts, -1)).flatten(1, 2))


def join(chain: Chain) -> None:
    """What was handed up, and a map of it: side by side, or added."""
    nn, before = torch().nn, [*chain.blocks][-1]
    image, width = chain.value, chain.width
    module = nn.Linear(width, width)
    made = module(chain.flat)
    name = chain.add({"type": "dense", "width": width}, [module], made)
    combine = chain.chance.choice(["concat", "add", "multiply"])
    flat = image.transpose(1, 2).flatten(2) if image.dim() == 4 else image
    value = torch().cat([flat, made], dim=2) if combine == "concat" else flat + made
    chain.add({"type": "join", "from": [before, name], "combine": combine}, [], value)


def tied(chain: Chain) -> None:
    nn, first = torch().nn, next(iter(chain.blocks))
    if chain.blocks[first]["type"] != "embedding":
        return
    table = chain.theirs[first][0]
    symbols, width = table.weight.shape
    if chain.width != width:
        narrow = nn.Linear(chain.width, width)
        chain.add({"type": "dense", "width": width}, [narrow], narrow(chain.flat))
    output = nn.Linear(width, symbols)
    output.weight = table.weight
    chain.add({"type": "dense", "width": symbols, "tied": first}, [output], output(chain.flat))


Step = Callable[[Chain], None]
IMAGES: list[Step] = [convolution2, convolution2, convolution2, pooling, norm, join]
"""What reads channels and height."""
KINDS: list[Step] = [
    dense, dense, convolution, convolution, norm, recurrent, recurrent, attention, other_attention, transformer, conformer, highway,
    crf, splice, subsample, split, join, tied,
]  # fmt: skip
"""What reads one width."""
EVEN = [kind for kind in KINDS if kind not in (attention, other_attention, transformer, conformer)]
"""Those whose multiply-accumulates are those that PyTorch counts."""
