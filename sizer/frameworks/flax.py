"""Flax: what the cells of flax.linen are, and their parameters by abstract evaluation, where nothing is stored."""

from __future__ import annotations

import functools
from typing import Any

from sizer.frameworks.equivalents import Equivalent, Place
from sizer.frameworks.framework import Built, Framework
from sizer.frameworks.plan import Plan, Refusal, beyond, has_candidate_bias
from sizer.networks.network import Network

CELLS = {"lstm": "OptimizedLSTMCell", "gru": "GRUCell", "rnn": "SimpleCell", "mgu": "MGUCell"}
"""Flax's names for the cell types."""

GATES = {"lstm": "ifgo", "gru": "rzn", "rnn": ("",), "mgu": "fn"}
"""A dense map per gate: from the input with an `i` in front, from the state with an `h`."""


def refusals(network: Network) -> list[Refusal]:
    """Return why flax.linen cannot build a network, field by field; nothing where it can.

    Args:
        network: as it was wired.
    """
    resolved = network.resolved
    found = beyond(network, "flax.linen", CELLS)
    if found:
        return found
    cell = f"flax.linen.{CELLS.get(resolved['cell_type'], resolved['cell_type'])}"
    if resolved["bias_vectors"] != 1 or has_candidate_bias(network) != (resolved["cell_type"] in {"gru", "mgu"}):
        found.append(("bias_vectors", f"{cell} always has the biases that flax gives it"))
    return found


def _equivalents(plan: Plan) -> tuple[dict[str, Equivalent], Place]:
    gates = GATES[plan.cell_type]
    biased = "h" if plan.cell_type == "lstm" else "i"
    equivalents = {
        "embedding_weights": Equivalent(("embedding.embedding",)),
        "input_weights": Equivalent(tuple(f"i{gate}.kernel" for gate in gates), turned=True),
        "recurrent_weights": Equivalent(tuple(f"h{gate}.kernel" for gate in gates), turned=True),
        "bias": Equivalent(tuple(f"{biased}{gate}.bias" for gate in gates), vector=True),
        "candidate_bias": Equivalent(("hn.bias",), vector=True),
        "output_weights": Equivalent(("output.kernel",)),
        "output_bias": Equivalent(("output.bias",), vector=True),
    }

    def place(layer: int, direction: int) -> str:
        side = ("forward.", "backward.")[direction] if plan.directions == 2 else ""
        return f"recurrent.{layer}.{side}{{}}"

    return equivalents, place


@functools.lru_cache(maxsize=4096)
def _cell(name: str, features: int, frame: int) -> tuple[dict[str, tuple[int, ...]], int]:
    """Return a cell's parameters by name, and the width of what it gives."""
    import jax
    from flax import linen

    cell = getattr(linen, name)(features=features)
    key, step = jax.random.key(0), jax.ShapeDtypeStruct((frame,), "float32")
    carry = jax.eval_shape(lambda: cell.initialize_carry(key, (frame,)))
    (_, given), made = jax.eval_shape(cell.init_with_output, key, carry, step)
    return _named(made), given.shape[-1]


def _named(made: Any) -> dict[str, tuple[int, ...]]:
    import jax

    leaves = jax.tree_util.tree_leaves_with_path(made["params"])
    return {".".join(key.key for key in path): leaf.shape for path, leaf in leaves}


def _build(plan: Plan) -> Built:
    import math

    import jax
    from flax import linen

    key = jax.random.key(0)
    tensors: dict[str, tuple[int, ...]] = {}
    frame = plan.inputs
    if plan.vocabulary:
        look_up = linen.Embed(plan.vocabulary, plan.inputs)
        given, made = jax.eval_shape(look_up.init_with_output, key, jax.ShapeDtypeStruct((1,), "int32"))
        tensors |= {f"embedding.{name}": shape for name, shape in _named(made).items()}
        frame = given.shape[-1]
    raw, every, number = frame, 0, 0
    for alike in plan.layers:
        for _ in range(alike.number):
            parameters, width = _cell(CELLS[plan.cell_type], alike.cells, frame)
            for side in ("forward.", "backward.") if plan.directions == 2 else ("",):
                tensors |= {f"recurrent.{number}.{side}{name}": shape for name, shape in parameters.items()}
            handed = width if plan.summed else plan.directions * width
            every = every + handed if plan.skip else handed
            frame = handed + raw if plan.skip else handed
            number += 1
    shared = 0
    if plan.outputs:
        dense = linen.Dense(plan.outputs, use_bias=plan.output_bias)
        made = jax.eval_shape(dense.init, key, jax.ShapeDtypeStruct((every,), "float32"))
        tensors |= {f"output.{name}": shape for name, shape in _named(made).items()}
        if plan.tied:
            tensors["output.kernel"] = tensors["embedding.embedding"][::-1]
            shared = math.prod(tensors["output.kernel"])
    return Built(tensors, sum(math.prod(shape) for shape in tensors.values()) - shared)


FLAX = Framework(
    name="flax",
    title="Flax",
    how="by abstract evaluation, where no weights are stored",
    packages=("jax", "flax", "flax.linen"),
    conventions={"flax": None},
    refusals=refusals,
    most_values=2**61 - 1,
    most_width=2**31 - 1,
    equivalents=_equivalents,
    build=_build,
)
