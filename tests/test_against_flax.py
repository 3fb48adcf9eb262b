"""Counts against the parameters that Flax itself would make, by abstract evaluation: nothing is allocated."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sizer.networks.columns import PARTS
from sizer.networks.counting import count

jax = pytest.importorskip("jax", reason="JAX is not installed")
linen = pytest.importorskip("flax.linen", reason="Flax is not installed")

pytestmark = pytest.mark.thorough

CELLS = {"lstm": ("OptimizedLSTMCell", "LSTMCell"), "gru": ("GRUCell",), "rnn": ("SimpleCell",)}
INPUT_SIDE = {"ii", "if", "ig", "io", "ir", "iz", "in", "i"}
"""Flax names the dense maps of a cell by gate, those from the input with an `i` in front, from the state with an `h`."""


def _layer(cell: Any, frame: int) -> tuple[dict[str, int], int]:
    """Return a cell's parameters by part and the size of its carry."""
    key, step = jax.random.key(0), jax.ShapeDtypeStruct((frame,), "float32")
    carry = jax.eval_shape(lambda: cell.initialize_carry(key, (frame,)))
    made = jax.eval_shape(cell.init, key, carry, step)
    parts = dict.fromkeys(PARTS, 0)
    for path, leaf in jax.tree_util.tree_leaves_with_path(made["params"]):
        dense, kind = (key.key for key in path)
        part = "input_weights" if dense in INPUT_SIDE else "recurrent_weights"
        parts[part if kind == "kernel" else "bias_weights"] += leaf.size
    return parts, sum(leaf.size for leaf in jax.tree_util.tree_leaves(carry))


@pytest.mark.parametrize(("cell_type", "cell"), [(kind, cell) for kind, cells in CELLS.items() for cell in cells])
def test_random_networks(cell_type: str, cell: str) -> None:
    chance = random.Random(f"flax {cell}")
    totals = set()
    for _ in range(100):
        layers, outputs = chance.randint(1, 2), chance.choice([0, chance.randint(1, 400)])
        inputs, cells, directions = chance.randint(1, 2000), chance.randint(1, 2000), chance.randint(1, 2)
        expected, state, frame = dict.fromkeys(PARTS, 0), 0, inputs
        for _layer_number in range(layers):
            parts, carried = _layer(getattr(linen, cell)(features=cells), frame)
            expected = {part: size + directions * parts[part] for part, size in expected.items()}
            state += directions * carried
            frame = directions * cells
        if outputs:
            made = jax.eval_shape(
                linen.Dense(outputs).init, jax.random.key(0), jax.ShapeDtypeStruct((frame,), "float32")
            )
            expected["output_weights"] += made["params"]["kernel"].size
            expected["bias_weights"] += made["params"]["bias"].size
        fields = {"convention": "flax", "cell_type": cell_type, "inputs": inputs, "layers": layers, "cells": cells}
        counted = count(fields | {"bidirectional": directions == 2, "outputs": outputs})

        assert counted.parts == expected, (fields, directions, outputs)
        assert counted.state_size == state
        totals.add(counted.weights)
    assert len(totals) > 95


NAMES = [("nnx", "lstm", "LSTMCell"), ("nnx", "lstm", "OptimizedLSTMCell"), ("nnx", "rnn", "SimpleCell")]
"""Toolkits that are other names of the convention `flax`, with their cells."""


def _size(tree: Any) -> int:
    return sum(leaf.size for leaf in jax.tree_util.tree_leaves(tree))


@pytest.mark.parametrize(("toolkit", "cell_type", "cell"), NAMES)
def test_cells_of_flax_nnx(toolkit: str, cell_type: str, cell: str) -> None:
    nnx = pytest.importorskip("flax.nnx", reason="Flax NNX is not installed")
    made = jax.eval_shape(lambda: nnx.state(getattr(nnx, cell)(39, 8, rngs=nnx.Rngs(0)), nnx.Param))
    asked = {"convention": toolkit, "cell_type": cell_type, "inputs": 39, "layers": 1, "cells": 8}
    assert count(asked).weights == _size(made)


def test_the_gru_of_flax_nnx_is_another() -> None:
    nnx = pytest.importorskip("flax.nnx", reason="Flax NNX is not installed")
    made = _size(jax.eval_shape(lambda: nnx.state(nnx.GRUCell(39, 8, rngs=nnx.Rngs(0)), nnx.Param)))
    asked = {"convention": "flax", "cell_type": "gru", "inputs": 39, "layers": 1, "cells": 8}
    assert count(asked).weights == made + 8  # linen's candidate has a bias on its recurrent half
    assert count(asked | {"bias_vectors": 1}).weights == made  # what the refusal of `nnx` says to write


@pytest.mark.parametrize(("cell_type", "cell"), [("lstm", "LSTMCell"), ("gru", "GRUCell")])
def test_cells_of_equinox(cell_type: str, cell: str) -> None:
    equinox = pytest.importorskip("equinox", reason="Equinox is not installed")
    made = jax.eval_shape(
        lambda: equinox.filter(getattr(equinox.nn, cell)(39, 8, key=jax.random.key(0)), equinox.is_array)
    )
    asked = {"convention": "equinox", "cell_type": cell_type, "inputs": 39, "layers": 1, "cells": 8}
    assert count(asked).weights == _size(made)
