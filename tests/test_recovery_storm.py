"""Contents made of pieces of real ones, cut, renamed and reshaped by chance: what is found adds up, and nothing is raised."""

from __future__ import annotations

import random

from sizer.files.contents import Contents, StatedLayer, StoredTensor
from sizer.networks.counting import count
from sizer.recovery.looking import Look, look_into
from tests.examples import examples
from tests.oracles.recorded_files import recorded

ORIGINALS = [one for file in recorded() for one in file.contents][::9]
ENDS = [
    "weight_ih_l0",
    "weight_hh_l0",
    "bias_ih_l0",
    "weight_hr_l0",
    "kernel",
    "recurrent_kernel",
    "bias",
    "gates.kernel",
    "candidate.kernel",
    "W",
    "U",
    "b",
    "wx",
    "wh",
    "gx",
]


def damaged(chance: random.Random) -> Contents:
    """Return contents with tensors left out, renamed, reshaped and doubled."""
    original = chance.choice(ORIGINALS)
    tensors: list[StoredTensor] = []
    for tensor in original.tensors[:200]:
        name, shape = tensor.name, tensor.shape
        if chance.random() < 0.1:
            continue
        if chance.random() < 0.1:
            name = f"{name.rpartition('.')[0]}.{chance.choice(ENDS)}"
        if chance.random() < 0.1:
            shape = tuple(chance.choice([0, 1, 2, 3, 8, 12, 2**40, size]) for size in shape)
        if chance.random() < 0.05:
            shape = shape[::-1] if chance.random() < 0.5 else (*shape, chance.randint(0, 4))
        copies = chance.choice([1, 1, 1, 2])
        tensors.extend(StoredTensor(name, shape, tensor.dtype, tensor.role, tensor.storage) for _ in range(copies))
    layers = tuple(
        StatedLayer(layer.kind, layer.name, layer.settings, layer.tensors[: chance.randint(0, 9)])
        for layer in original.layers[:200]
    )
    return Contents(chance.choice([original.format, "safetensors", "onnx", "keras h5"]), tuple(tensors), layers)


def assert_adds_up(found: Look) -> None:
    """Every weight is in one place, and each network counts to its tensors."""
    places = [tensor for stack in found.stacks for tensor in stack.tensors]
    places += [tensor for block in found.around for tensor in block.tensors]
    assert len({id(tensor) for tensor in places}) == len(places)
    assert sum(tensor.size for tensor in (*places, *found.unexplained)) == found.weights
    for stack in found.stacks:
        assert count(stack.fields, stack.cell_types or None).weights == stack.weights
        for reading in stack.readings:
            assert count(reading).weights == stack.weights
    if found.counted is not None:
        assert found.counted.weights == found.explained
    found.as_json()


def test_damaged_contents_are_answered_and_add_up() -> None:
    for seed in range(examples(1_000)):
        assert_adds_up(look_into(damaged(random.Random(seed))))
