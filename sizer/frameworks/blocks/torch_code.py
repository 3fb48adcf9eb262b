"""A model of blocks becomes a `torch.nn.Module`: an attribute for each block, and a `forward` as far as blocks can be run."""

from __future__ import annotations

import ast
import functools
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sizer.errors import Fault, InputError
from sizer.frameworks.blocks.order import Order, names_of, order_of, taken_in
from sizer.frameworks.blocks.torch_forward import LENGTHS, Forward, several_clocks, starts
from sizer.frameworks.blocks.torch_modules import Placed, Written, written
from sizer.networks.blocks.counting import count_graph
from sizer.networks.blocks.reading import Key
from sizer.networks.blocks.steps import SEQUENCE
from sizer.networks.blocks.widths import Shape
from sizer.networks.blocks.wiring import Graph, Wired
from sizer.networks.tensors import product, total

WIDTH = 120
"""Of a line that is written, where it can be broken."""
TEXT_WIDTH = 100
"""Of a docstring."""
OF_MODULES = frozenset(
    [
        "T_destination",
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    ]
)
"""What a `torch.nn.Module` has already, which a block's name would hide."""
OF_CODE = frozenset(
    [
        "torch",
        "nn",
        "functional",
        "math",
        "self",
        "super",
        "float",
        "layer",
        "given",
        "handed",
        "fed",
        "forward",
        "backward",
        "sources",
        "range",
        "zip",
        "isinstance",
        "min",
    ]
)
"""What the lines of `forward` say for something else."""


@dataclass(frozen=True)
class WrittenModule:
    """A model as a module of PyTorch."""

    text: str
    names: Mapping[Key, str]
    """The attribute of each block."""
    order: Order
    given: tuple[Placed, ...]
    """The blocks that `forward` takes, in order; empty where nothing can be run."""
    steps: int
    """Of each input with which `forward` can be run."""
    placed: Mapping[Key, Placed]
    modules: Mapping[Key, Written]


def torch_module(graph: Graph) -> WrittenModule:
    """Return a model of blocks as a module that builds exactly it.

    Args:
        graph: a wired model.

    Raises:
        InputError: torch.nn has no such block; every fault by the block's name.
    """
    placed = placed_blocks(graph)
    modules = {key: written(block) for key, block in placed.items()}
    faults = dict.fromkeys(
        (f"blocks.{key[0]}.{field}", message) for key, module in modules.items() for field, message in module.refusals
    )
    if faults:
        raise InputError(Fault("", 0, 0, path, message) for path, message in faults)
    alone = {key: module.alone or several_clocks(placed[key]) for key, module in modules.items()}
    order = order_of(graph, [key for key, why in alone.items() if why])
    ends = {key: [end for end, _ in module.members if end] for key, module in modules.items()}
    names = names_of(placed, OF_MODULES | OF_CODE | _parts().keys(), ends)
    forward = Forward(names, {names[key]: module.members[0][1] for key, module in modules.items() if module.members})
    for key in order.run:
        forward.run(placed[key])
    members = _members(placed, modules, names, order, alone)
    returned = returned_blocks(placed, order)
    given = tuple(placed[key] for key in order.run if starts(placed[key]))
    lines = _class(placed, given, forward, members, returned)
    code = "\n".join(line for one in lines for line in broken(one)) + "\n"
    lengths = [value.lengths for value in forward.values.values() if value.lengths]
    place = next((p for p in range(len(LENGTHS)) if all(length[p] > 0 for length in lengths)), len(LENGTHS) - 1)
    text = f'"""{heading(graph)}\n"""\n\n{_imports_and_parts(code)}\n\n\n{code}'
    return WrittenModule(text, names, order, given if returned else (), LENGTHS[place], placed, modules)


def placed_blocks(graph: Graph) -> dict[Key, Placed]:
    """Return each block of a model where it stands, what it reads worked out apart from the count."""
    handed = {one.block.key: one.hands_up for one in graph.blocks}
    return {one.block.key: _placed(one, handed) for one in graph.blocks}


def _placed(one: Wired, handed: Mapping[Key, Shape]) -> Placed:
    shapes = [Shape(product([copies, handed[key].channels]), handed[key].height) for key, copies in one.block.reads]
    read = Shape(0)
    if shapes:
        if len({shape.height for shape in shapes}) > 1:
            shapes = [Shape(shape.width) for shape in shapes]
        joined = one.block.combine == "concat"
        channels = total([shape.channels for shape in shapes]) if joined else shapes[0].channels
        read = Shape(channels, shapes[0].height)
    return Placed(one, read, handed.__getitem__)


def _members(
    placed: Mapping[Key, Placed],
    modules: Mapping[Key, Written],
    names: Mapping[Key, str],
    order: Order,
    alone: Mapping[Key, str],
) -> list[str]:
    """Return the lines of `__init__`: the blocks' modules, then what they share."""
    found: list[str] = []
    later: list[str] = []
    if order.looped:
        said = listed_in_words(dict.fromkeys(key[0] for key in order.looped))
        found.append(f"# {said} feed each other, step by step: only their weights stand here.")
    if order.behind:
        behind = listed_in_words(dict.fromkeys(key[0] for key in order.behind))
        found += [f"# {line}" for line in _wrapped(f"What is not run comes before {behind}.", TEXT_WIDTH)]
    for key, module in modules.items():
        block = placed[key].wired.block
        name = names[key]
        if not module.members:
            continue
        if block.shared is not None:
            for end, _ in module.members:
                later.append(f"self.{name}{end} = self.{names[block.shared]}{end}")
            continue
        if alone[key] and key not in order.looped:
            found.append(f"# {block.path} {alone[key]}: only its weights stand here.")
        for end, expression in module.members:
            found.append(f"self.{name}{end} = {expression}")
            if block.frozen:
                later.append(f"self.{name}{end}.requires_grad_(False)")
        later += [f"self.{name}.weight = self.{names[tied]}.weight" for tied in block.names.get("tied", ())]
    # What is tied is frozen with its embedding alone, so it takes its place in what has been frozen already.
    return found + sorted(later, key=lambda line: "requires_grad_" not in line)


def returned_blocks(placed: Mapping[Key, Placed], order: Order) -> list[Key]:
    """Return the blocks whose values nobody takes who can be run; nothing where no block does anything."""
    taken = {other for key in order.run for other in taken_in(placed[key].wired.block)}
    returned = [key for key in placed if key in set(order.run) - taken]
    return returned if any(not starts(placed[key]) for key in order.run) else []


def _class(
    placed: Mapping[Key, Placed],
    given: Iterable[Placed],
    forward: Forward,
    members: list[str],
    returned: list[Key],
) -> list[str]:
    lines = ["class Network(nn.Module):"]
    if returned:
        takes = ", ".join(f"{block.wired.block.path} {_shape_of(block)}" for block in given)
        what = ", ".join(f"{key[0]} {_shape_of(placed[key])}" for key in returned)
        text = _wrapped(f"Takes {takes}; returns {what}.", TEXT_WIDTH - 10)
        lines += [
            f"    {line}" for line in ([f'"""{text[0]}"""'] if len(text) == 1 else [f'"""{text[0]}', *text[1:], '"""'])
        ]
    lines += [*([""] if returned else []), "    def __init__(self):", "        super().__init__()"]
    lines += [f"        {line}" for line in members]
    if returned:
        lines += ["", f"    def forward({', '.join(['self', *forward.given])}):"]
        values = ", ".join(forward.values[key].variable for key in returned)
        *done, last = forward.lines
        if last.startswith(f"{values} = ") and "#" not in last:
            last = f"return {last.removeprefix(f'{values} = ')}"
        else:
            done, last = forward.lines, f"return {values}"
        lines += [f"        {line}" for line in (*done, last)]
    return lines


def _shape_of(block: Placed) -> str:
    one = block.wired
    times = ", ".join("1" if clock == SEQUENCE else clock for clock, _ in one.rate) or "time"
    if one.block.type.name == "embedding" and not one.block.reads:
        return f"(batch, {times})"
    if one.hands_up.height > 1:
        return f"(batch, {one.hands_up.channels}, {times}, {one.hands_up.height})"
    return f"(batch, {times}, {one.hands_up.width})"


def listed_in_words(names: Iterable[str]) -> str:
    """Return names as a person lists them."""
    *front, last = names
    return f"{', '.join(front)} and {last}" if front else last


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def heading(graph: Graph) -> str:
    """Return the docstring: the weights, the conventions, and what the model does not say."""
    counted = count_graph(graph, {})
    other = graph.model.other_weights
    conventions = dict.fromkeys(one.block.convention for one in graph.blocks)
    text = f"Convention {listed_in_words(conventions)}. A model says no activations, dropout or heads: they have no weights, and are yours to add."
    if other:
        text += f" The {other:,} other weights of the model are not part of this network."
    blocks = dict.fromkeys(one.block.path for one in graph.blocks)
    front = (
        f"A model of {len(blocks):,} block{'s' * (len(blocks) != 1)} with exactly {counted.weights - other:,} weights."
    )
    return front + "\n\n" + "\n".join(_wrapped(text, TEXT_WIDTH))


# Parts


@functools.cache
def _parts() -> dict[str, str]:
    """Return the text of each part by its name."""
    text = (Path(__file__).parent / "torch_parts.py").read_text(encoding="utf-8")
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = ast.get_source_segment(text, node) or ""
    return found


def _imports_and_parts(code: str) -> str:
    """Return what stands in front of the class: imports, and the parts that it uses, each before those that use it."""
    parts = _parts()
    used: dict[str, None] = {}

    def add(text: str) -> None:
        for name, part in parts.items():
            if name not in used and re.search(rf"(?<![.\w]){name}\b\(?", text) and text is not part:
                add(part)
                used.setdefault(name)

    lines = [line for line in code.splitlines() if not line.lstrip().startswith("#")]
    add("\n".join(lines))
    found = [parts[name] for name in parts if name in used]
    everything = "\n".join([*found, *lines])
    imports = [
        *(["import math", ""] if "math." in everything else []),
        *(["import torch"] if re.search(r"\btorch\.", everything) else []),
        "from torch import nn",
        *(["from torch.nn import functional"] if "functional." in everything else []),
    ]
    return "\n\n\n".join(["\n".join(imports), *found])


# Lines


def broken(line: str) -> list[str]:
    """Return a line, broken at its outermost bracket where it is too long, and again inside.

    Example:
        >>> broken("    x = " + "f(" + ", ".join(["long_name"] * 14) + ")")[:2]
        ['    x = f(', '        long_name,']
    """
    if len(line) <= WIDTH or line.lstrip().startswith(("#", '"')):
        return [line]
    if line.lstrip().startswith("return ") and not re.search(r"[(\[{]", line):
        front, _, values = line.partition("return ")
        return [f"{front}return (", *(f"{front}    {one}," for one in _items(values)), f"{front})"]
    start, end = _outermost(line)
    if start < 0:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    inside = line[start + 1 : end]
    items = _items(inside)
    one_line = indent + inside
    if len(one_line) <= WIDTH or len(items) == 1:
        within = broken(one_line)
    else:
        within = [part for item in items for part in broken(f"{indent}{item},")]
    return [line[: start + 1], *within, " " * (len(indent) - 4) + line[end:]]


def _outermost(line: str) -> tuple[int, int]:
    """Return where the last bracket that stands in no other begins and ends; -1 where there is none."""
    depth, start, found = 0, -1, (-1, -1)
    for place, sign in enumerate(line):
        if sign in "([{":
            start = place if not depth else start
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if not depth and place > start + 1:
                found = (start, place)
    return found


def _items(text: str) -> list[str]:
    depth, found, begun = 0, [], 0
    for place, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and not depth:
            found.append(text[begun:place].strip())
            begun = place + 1
    return [*found, text[begun:].strip()]
