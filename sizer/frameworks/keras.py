"""Keras: what its LSTM, GRU and SimpleRNN can be, and their variables on PyTorch's meta device."""

from __future__ import annotations

import os
import sys
from typing import Any

from sizer.errors import Fault, InputError
from sizer.frameworks.equivalents import Equivalent, Place
from sizer.frameworks.framework import Built, Framework
from sizer.frameworks.plan import Plan, Refusal, beyond, has_candidate_bias
from sizer.networks.network import Network

LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}
"""Keras' names for the cell types."""

EQUIVALENTS = {
    "embedding_weights": Equivalent(("embedding.embeddings",)),
    "input_weights": Equivalent(("kernel",), turned=True),
    "recurrent_weights": Equivalent(("recurrent_kernel",), turned=True),
    "bias": Equivalent(("bias",), vector=True, first_apart=True),
    "output_weights": Equivalent(("output.kernel",)),
    "output_bias": Equivalent(("output.bias",), vector=True),
}


def refusals(network: Network) -> list[Refusal]:
    """Return why Keras cannot build a network, field by field; nothing where it can.

    Args:
        network: as it was wired.
    """
    resolved = network.resolved
    found = beyond(network, "keras.layers", LAYERS)
    if found:
        return found
    layer = f"keras.layers.{LAYERS.get(resolved['cell_type'], resolved['cell_type'])}"
    if resolved["peepholes"]:
        found.append(("peepholes", f"{layer} has no peepholes; tensorflow1 and the Kaldi conventions have"))
    for name, other in (
        ("recurrent_projection", "pytorch and tensorflow1 have one"),
        ("nonrecurrent_projection", "kaldi_nnet3 has one"),
    ):
        value = resolved[name]
        if any(value) if isinstance(value, tuple) else value:
            found.append((name, f"{layer} has no projection; {other}"))
    if has_candidate_bias(network):
        found.append(("convention", f"{layer} has no bias vector on the candidate alone; flax has"))
    elif resolved["bias_vectors"] > 1 and resolved["cell_type"] != "gru":
        found.append(("bias_vectors", f"{layer} has one bias vector per gate or none; pytorch has two"))
    return found


def _equivalents(plan: Plan) -> tuple[dict[str, Equivalent], Place]:
    def place(layer: int, direction: int) -> str:
        side = ("forward.", "backward.")[direction] if plan.directions == 2 else ""
        return f"recurrent.{layer}.{side}{{}}"

    return EQUIVALENTS, place


def refuse_other_backends() -> None:
    """Say where Keras would store every weight.

    Raises:
        InputError: it does not run on PyTorch, which has the meta device.
    """
    import keras

    if keras.backend.backend() != "torch":
        message = (
            f"Keras runs on its {keras.backend.backend()} backend here, which would store every weight; "
            "set KERAS_BACKEND=torch"
        )
        raise InputError([Fault("", 0, 0, "framework", message)])


def _build(plan: Plan) -> Built:
    import keras

    refuse_other_backends()
    with keras.device("meta"):
        return _variables(plan)


def _variables(plan: Plan) -> Built:
    from keras import layers as keras_layers

    tensors: dict[str, tuple[int, ...]] = {}
    weights = 0
    frame = plan.inputs
    if plan.vocabulary:
        embedding = keras_layers.Embedding(plan.vocabulary, plan.inputs)
        embedding.build((None, None))
        tensors["embedding.embeddings"] = tuple(embedding.embeddings.shape)
        weights += embedding.count_params()
        frame = embedding.compute_output_shape((None, None))[-1]
    raw, every = frame, 0
    # Initial values are never looked at; the default ones, orthogonal, take longer than everything else.
    options: dict[str, Any] = {
        "return_sequences": True,
        "use_bias": plan.bias_vectors > 0,
        "kernel_initializer": "zeros",
        "recurrent_initializer": "zeros",
    }
    if plan.cell_type == "gru":
        options["reset_after"] = plan.bias_vectors != 1
    number = 0
    for alike in plan.layers:
        for _ in range(alike.number):
            layer = getattr(keras_layers, LAYERS[plan.cell_type])(alike.cells, **options)
            single = {"": layer}
            if plan.directions == 2:
                layer = keras_layers.Bidirectional(layer, merge_mode="sum" if plan.summed else "concat")
                single = {"forward.": layer.forward_layer, "backward.": layer.backward_layer}
            layer.build((None, None, frame))
            for side, one in single.items():
                tensors |= {f"recurrent.{number}.{side}{v.name}": tuple(v.shape) for v in one.trainable_variables}
            weights += layer.count_params()
            handed = layer.compute_output_shape((None, None, frame))[-1]
            every = every + handed if plan.skip else handed
            frame = handed + raw if plan.skip else handed
            number += 1
    if plan.outputs:
        dense = keras_layers.Dense(plan.outputs, use_bias=plan.output_bias)
        dense.build((None, every))
        tensors |= {f"output.{v.name}": tuple(v.shape) for v in dense.trainable_variables}
        weights += dense.count_params()
        if plan.tied:
            # Keras' Dense cannot share a matrix; the product with the embedding takes its place, the bias stays.
            tensors["output.kernel"] = tensors["embedding.embeddings"][::-1]
            weights -= every * plan.outputs
    return Built(tensors, weights)


def _prepare() -> None:
    """Ask for the PyTorch backend, which has the meta device, where nobody has asked for another."""
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "torch")


KERAS = Framework(
    name="keras",
    title="Keras",
    how="on PyTorch's meta device, where no weights are stored",
    packages=("torch", "keras"),
    conventions={"keras": None, "tensorflow1": frozenset({"gru"})},
    refusals=refusals,
    most_values=2**61 - 1,
    most_width=None,
    equivalents=_equivalents,
    build=_build,
    prepare=_prepare,
)
