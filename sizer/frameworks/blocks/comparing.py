"""One model of blocks, ours against what a framework makes of the module that is written for it, tensor by tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sizer.errors import Fault, InputError
from sizer.frameworks.blocks.keras_code import keras_module
from sizer.frameworks.blocks.keras_names import keras_shapes
from sizer.frameworks.blocks.torch_code import WrittenModule, torch_module
from sizer.frameworks.blocks.torch_names import torch_shapes
from sizer.frameworks.equivalents import Shape
from sizer.frameworks.keras import refuse_other_backends
from sizer.frameworks.verifying import FRAMEWORKS, Pair, not_its_own
from sizer.networks.blocks.counting import ModelCount, count_graph
from sizer.networks.blocks.wiring import Graph

MOST_TENSORS = 20_000
"""Of a model that is built."""


@dataclass(frozen=True)
class ModelComparison:
    """A model on both sides."""

    count: ModelCount
    """Ours, of the whole model."""
    blocks: Mapping[str, tuple[Pair, ...]]
    """The tensors of each block, by its path."""
    our_weights: int
    """Our count, without `other_weights`."""
    their_weights: int
    their_trained: int
    """Of these, how many are not frozen."""
    ran: bool
    """Whether the blocks were run, as far as they can be."""
    failed: str
    """What the framework said when they were run; empty where nothing was wrong."""

    @property
    def tensors(self) -> tuple[Pair, ...]:
        """Every tensor, block by block."""
        return tuple(pair for pairs in self.blocks.values() for pair in pairs)

    @property
    def equal(self) -> bool:
        """Whether every tensor and the total are the same, and every width fits where it is read."""
        frozen = self.count.weights - self.count.trained_weights
        same = self.our_weights == self.their_weights == self.their_trained + frozen and not self.failed
        return same and all(pair.equal for pair in self.tensors)

    def as_json(self) -> dict[str, Any]:
        """Return both sides as `--json` shows them."""
        return {
            "weights": {"sizer": self.our_weights, "framework": self.their_weights},
            "trained_weights": {
                "sizer": self.our_weights - (self.count.weights - self.count.trained_weights),
                "framework": self.their_trained,
            },
            "ran": self.ran,
            "failed": self.failed or None,
            "blocks": {
                path: [
                    {
                        "name": pair.name,
                        "sizer": None if pair.ours is None else list(pair.ours),
                        "framework": None if pair.theirs is None else list(pair.theirs),
                        "equal": pair.equal,
                    }
                    for pair in pairs
                ]
                for path, pairs in self.blocks.items()
            },
        }


def why_not_model(graph: Graph, framework: str) -> list[tuple[str, str]]:
    """Return (block, reason) for each block that cannot be compared with a framework; nothing where all can.

    Args:
        graph: a wired model.
        framework: `torch`, `keras` or `flax`.

    Raises:
        InputError: no models of blocks are built in it.
    """
    if framework not in COMPARERS:
        title = FRAMEWORKS[framework].title
        message = f"models of blocks are compared with PyTorch or Keras, not with {title}"
        raise InputError([Fault("", 0, 0, "blocks", message)])
    chosen = FRAMEWORKS[framework]
    found: dict[tuple[str, str], None] = {}
    number = 0
    for one in graph.blocks:
        for group in one.groups:
            number += int(group.times) * len(group.tensors)
            if any(tensor.size(group.dimensions) > chosen.most_values for tensor in group.tensors):
                found[one.block.path, f"{chosen.title} cannot address a tensor of that size"] = None
        if number > MOST_TENSORS:
            return [(one.block.path, f"models of more than {MOST_TENSORS:,} tensors are not built")]
        if not one.groups or one.block.type.name in {"weights", "crf"}:
            continue
        cell_type = one.block.fields.get("cell_type", "") if one.block.type.name == "recurrent" else ""
        convention = one.block.convention
        if not (chosen.compares(convention, cell_type) or (not cell_type and convention in chosen.conventions)):
            found.setdefault((one.block.path, not_its_own(convention, cell_type or "lstm")))
    return list(found)


def compare_model(graph: Graph, framework: str) -> ModelComparison:
    """Build a model in a framework and return both sides.

    Args:
        graph: one of which `why_not_model` has answered nothing.
        framework: `torch` or `keras`.

    Raises:
        InputError: the framework has no such block, or cannot be imported; every fault by the block's name.
    """
    FRAMEWORKS[framework].version()
    return COMPARERS[framework](graph)


def _pairs(ours: Mapping[str, Shape], theirs: Mapping[str, Shape]) -> tuple[Pair, ...]:
    names = dict.fromkeys((*ours, *theirs))
    return tuple(Pair(name, ours.get(name), theirs.get(name)) for name in names)


def _compare_torch(graph: Graph) -> ModelComparison:
    import torch

    module = torch_module(graph)
    defined: dict[str, Any] = {"__name__": "model"}
    exec(compile(module.text, "the module that sizer writes", "exec"), defined)
    with torch.device("meta"):
        network = defined["Network"]()
    theirs = {name: tuple(parameter.shape) for name, parameter in network.named_parameters(remove_duplicate=False)}
    counted = count_graph(graph, {})
    blocks: dict[str, tuple[Pair, ...]] = {}
    for key, block in module.placed.items():
        name = module.names[key]
        ends = [end for end, _ in module.modules[key].members]
        own = {each: theirs.pop(each) for each in list(theirs) if any(each.startswith(f"{name}{end}.") for end in ends)}
        blocks[block.wired.block.path] = blocks.get(block.wired.block.path, ()) + _pairs(torch_shapes(block, name), own)
    if theirs:
        blocks[""] = _pairs({}, theirs)
    ran, failed = _run(module, network)
    return ModelComparison(
        count=counted,
        blocks={path: pairs for path, pairs in blocks.items() if pairs},
        our_weights=counted.weights - graph.model.other_weights,
        their_weights=sum(math.prod(parameter.shape) for parameter in network.parameters()),
        their_trained=sum(math.prod(one.shape) for one in network.parameters() if one.requires_grad),
        ran=ran,
        failed=failed,
    )


def _run(module: WrittenModule, network: Any) -> tuple[bool, str]:
    """Run what can be run where nothing is stored, so that a width that does not fit what reads it is seen."""
    import torch

    if not module.given:
        return False, ""
    given = []
    for block in module.given:
        if block.wired.block.type.name == "embedding":
            given.append(torch.zeros((2, module.steps), dtype=torch.long, device="meta"))
        elif block.up.height > 1:
            given.append(torch.zeros((2, int(block.up.channels), module.steps, block.up.height), device="meta"))
        else:
            given.append(torch.zeros((2, module.steps, int(block.up.width)), device="meta"))
    try:
        with torch.no_grad():
            network(*given)
    except (RuntimeError, ValueError, IndexError, AssertionError) as problem:
        return True, str(problem).splitlines()[0]
    return True, ""


def _compare_keras(graph: Graph) -> ModelComparison:
    import keras

    refuse_other_backends()
    module = keras_module(graph)
    defined: dict[str, Any] = {"__name__": "model"}
    exec(compile(module.text, "the module that sizer writes", "exec"), defined)
    with keras.device("meta"):
        network = defined["build_network"]()
    layers = {layer.name: layer for layer in network.layers}
    counted = count_graph(graph, {})
    blocks: dict[str, tuple[Pair, ...]] = {}
    for key, block in module.placed.items():
        theirs = [
            (f"{name}.{variable.path.partition('/')[2] or variable.name}".replace("/", "."), tuple(variable.shape))
            for name, of in module.layers.items()
            if of == key and name in layers
            for variable in _own_variables(layers[name])
            if block.has("buffered") or not _is_kept(variable)
        ]
        ours = keras_shapes(block) if block.wired.block.shared is None else []
        pairs = _paired(ours, theirs)
        if pairs:
            path = block.wired.block.path
            blocks[path] = blocks.get(path, ()) + pairs
    kept = sum(math.prod(one.shape) for one in network.weights if _is_kept(one))
    return ModelComparison(
        count=counted,
        blocks=blocks,
        our_weights=counted.weights - graph.model.other_weights,
        # What Keras counts beside the weights is compared tensor by tensor, and not as weights.
        their_weights=network.count_params() - kept,
        their_trained=sum(math.prod(one.shape) for one in network.trainable_variables),
        ran=True,  # a functional model is run as it is built
        failed="",
    )


def _own_variables(layer: Any) -> list[Any]:
    """Return a layer's variables; those of an embedding that is tied stand in the embedding."""
    own = [one for one in layer.weights if type(layer).__name__ != "TiedOutput" or one.name == "bias"]
    # The states of random generators are no tensors of a model.
    return [one for one in own if "seed" not in one.name]


def _is_kept(variable: Any) -> bool:
    """Return whether a variable is what a batch normalisation keeps beside its weights."""
    return str(variable.name).startswith("moving_")


def _paired(ours: list[tuple[str, Shape]], theirs: list[tuple[str, Shape]]) -> tuple[Pair, ...]:
    """Return tensors of equal shapes as pairs, in Keras' order, then ours that are left."""
    left = list(ours)
    found = []
    for name, shape in theirs:
        place = next((place for place, (_, other) in enumerate(left) if other == shape), None)
        if place is not None:
            del left[place]
        found.append(Pair(name, None if place is None else shape, shape))
    return (*found, *(Pair(name, shape, None) for name, shape in left))


COMPARERS: dict[str, Callable[[Graph], ModelComparison]] = {"torch": _compare_torch, "keras": _compare_keras}
"""What builds a model of blocks, by framework."""
