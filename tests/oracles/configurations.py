"""Random networks, about half of them valid, for the comparison of Sizer with its slow twin."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.oracles.slow_cells import BIAS_VECTORS, HAS, NEEDS, SLOW_CELLS
from tests.oracles.slow_twin import BIASES_PER_CELL, width_into_output

CONVENTIONS = tuple(BIASES_PER_CELL)
CELL_TYPES = ("lstm", "gru", "rnn")
MORE_CELL_TYPES = tuple(SLOW_CELLS)

SMALL = st.integers(1, 9)
"""Small enough that bounds such as r = cells and r + p = cells are hit often."""
HUGE = st.one_of(SMALL, st.integers(1, 2000), st.integers(10**6, 10**40))


@st.composite
def networks(draw: st.DrawFn, *, lists: bool = True, more: bool = False) -> dict[str, Any]:
    """Fields of one network; `lists` allows one value per layer, `more` asks for cells beyond the first three."""
    sizes = draw(st.sampled_from([SMALL, SMALL, HUGE]))
    fields: dict[str, Any] = {
        "convention": draw(st.sampled_from(CONVENTIONS)),
        "cell_type": draw(st.sampled_from(("lstm", "lstm", *CELL_TYPES))),
    }
    if more:
        fields["convention"] = draw(st.sampled_from(("textbook", *BIAS_VECTORS, *CONVENTIONS)))
        here = tuple(BIAS_VECTORS.get(fields["convention"], ()))
        fields["cell_type"] = draw(st.sampled_from((*here, *here, *here, *MORE_CELL_TYPES)))
    has = HAS.get(fields["cell_type"], {"recurrent_projection", "nonrecurrent_projection"})
    layers = draw(st.integers(1, 5))
    none = st.just(0)

    def width(values: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
        per_layer = st.lists(values, min_size=layers, max_size=layers)
        return st.one_of(values, per_layer) if lists else values

    fields["cells"] = draw(width(sizes))
    for name in ("recurrent_projection", "nonrecurrent_projection"):
        if draw(st.booleans()) if name in has else draw(st.integers(0, 30)) == 0:
            fields[name] = draw(width(st.one_of(none, sizes)))
    needed = NEEDS.get(fields["cell_type"])
    if needed in {"recurrent_projection", "nonrecurrent_projection"} and draw(st.integers(0, 3)) > 0:
        fields[needed] = draw(sizes)
        if needed == "recurrent_projection":
            fields["nonrecurrent_projection"] = draw(sizes)
            fields["cells"] = fields[needed] + fields["nonrecurrent_projection"] + draw(st.integers(-1, 9))
    for name in ("bottleneck", "window"):
        if draw(st.integers(0, 9)) > 0 if name in has else draw(st.integers(0, 30)) == 0:
            fields[name] = draw(sizes)
    if draw(st.integers(0, 5)) == 0:
        fields["inputs"] = draw(st.sampled_from((1, 2))) * (fields["cells"] if isinstance(fields["cells"], int) else 3)
    if not any(isinstance(value, list) for value in fields.values()) or draw(st.booleans()):
        fields["layers"] = layers
    if "inputs" in fields:
        pass  # as wide as the cells, which is an edge for some
    elif draw(st.integers(0, 3)) > 0:
        fields["inputs"] = draw(st.one_of(sizes, sizes, none))
    else:
        fields |= {"vocabulary": draw(sizes), "embedding": draw(sizes)}
    for name in ("outputs", "other_weights"):
        if draw(st.booleans()):
            fields[name] = draw(st.one_of(none, sizes))
    for name in ("bidirectional", "skip_connections", "peepholes", "projection_bias", "output_bias"):
        rare = more and name in {"peepholes", "projection_bias"} and name not in has
        if draw(st.integers(0, 30 if rare else 3)) == 0:
            fields[name] = draw(st.booleans())
    if draw(st.integers(0, 2 if fields.get("bidirectional") else 30)) == 0:
        fields["summed_directions"] = draw(st.booleans())
    projected = fields.get("recurrent_projection") and fields.get("nonrecurrent_projection")
    if draw(st.integers(0, 2 if projected else 30)) == 0:
        fields["only_recurrent_up"] = draw(st.booleans())
    if draw(st.integers(0, 3)) == 0:
        fields["bias_vectors"] = draw(st.integers(0, 2))
    if "vocabulary" in fields and draw(st.booleans()):
        fields |= {"tied_embedding": True, "outputs": fields["vocabulary"], "embedding": width_into_output(fields)}
        if draw(st.integers(0, 4)) == 0:
            fields["embedding"] += 1
    if draw(st.integers(0, 9)) == 0:
        fields["embedding"] = fields.get("embedding", 0) + 1
    return fields
