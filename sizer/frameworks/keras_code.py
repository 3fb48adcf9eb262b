"""A network becomes a function that returns a `keras.Model`; a tied embedding brings a small layer of its own."""

from __future__ import annotations

from sizer.frameworks.keras import LAYERS
from sizer.frameworks.plan import Plan

_TIED = '''\
class TiedOutput(layers.Layer):
    """The product with the embedding's own matrix{and_bias}."""

    def __init__(self, embedding):
        super().__init__()
        self.embedding = embedding
{build}
    def call(self, hidden):
        return {returned}


'''
_TIED_BUILD = """
    def build(self, shape):
        self.bias = self.add_weight(shape=(self.embedding.input_dim,), initializer="zeros", name="bias")
"""


def keras_code(plan: Plan) -> tuple[str, str]:
    """Return the imports and the function, with the layer that it needs for a tied embedding.

    Args:
        plan: a network that `keras.refusals` says nothing against.
    """
    returned = plan.outputs or plan.fed
    given = "Symbols (batch, time)" if plan.vocabulary else f"Frames (batch, time, {plan.inputs})"
    lines = ["def build_network():", f'    """{given} become (batch, time, {returned})."""']
    if plan.vocabulary:
        lines.append('    symbols = keras.Input((None,), dtype="int32")')
        if plan.tied:
            lines.append(f"    embedding = layers.Embedding({plan.vocabulary}, {plan.inputs})")
            lines.append("    frames = embedding(symbols)")
        else:
            lines.append(f"    frames = layers.Embedding({plan.vocabulary}, {plan.inputs})(symbols)")
    else:
        lines.append(f"    frames = keras.Input((None, {plan.inputs}))")
    lines += [f"    {line}" for line in _recurrent(plan)]
    answer = "hidden"
    if plan.outputs:
        answer = "outputs"
        bias = "" if plan.output_bias else ", use_bias=False"
        layer = "TiedOutput(embedding)" if plan.tied else f"layers.Dense({plan.outputs}{bias})"
        lines.append(f"    outputs = {layer}(hidden)")
    lines.append(f"    return keras.Model({'symbols' if plan.vocabulary else 'frames'}, {answer})")
    tied = ""
    if plan.tied:
        product = "keras.ops.matmul(hidden, keras.ops.transpose(self.embedding.embeddings))"
        tied = _TIED.format(
            and_bias=", and a bias" if plan.output_bias else "",
            build=_TIED_BUILD if plan.output_bias else "",
            returned=product + (" + self.bias" if plan.output_bias else ""),
        )
    return "import keras\nfrom keras import layers", tied + "\n".join(lines) + "\n"


def _recurrent(plan: Plan) -> list[str]:
    """Return the lines that turn `frames` into `hidden`."""
    if plan.depth == 1:
        return [f"hidden = {_layer(plan, str(plan.layers[0].cells))}(frames)"]
    lines = ["hidden, handed = frames, []" if plan.skip else "hidden = frames"]
    if len(plan.widths) == 1:
        lines.append(f"for _ in range({plan.depth}):")
        width = str(plan.layers[0].cells)
    else:
        widths = ", ".join(
            ", ".join([str(cells)] * number) if number < 4 else f"*[{cells}] * {number}"
            for number, cells, _ in plan.widths
        )
        lines.append(f"for cells in ({widths}):")
        width = "cells"
    layer = _layer(plan, width)
    if not plan.skip:
        return [*lines, f"    hidden = {layer}(hidden)"]
    return [
        *lines,
        "    fed = layers.Concatenate()([hidden, frames]) if handed else frames",
        f"    hidden = {layer}(fed)",
        "    handed.append(hidden)",
        "hidden = layers.Concatenate()(handed)",
    ]


def _layer(plan: Plan, cells: str) -> str:
    options = [cells, "return_sequences=True"]
    if not plan.bias_vectors:
        options.append("use_bias=False")
    elif plan.cell_type == "gru" and plan.bias_vectors == 1:
        options.append("reset_after=False")
    layer = f"layers.{LAYERS[plan.cell_type]}({', '.join(options)})"
    if plan.directions == 2:
        merge = ', merge_mode="sum"' if plan.summed else ""
        layer = f"layers.Bidirectional({layer}{merge})"
    return layer
