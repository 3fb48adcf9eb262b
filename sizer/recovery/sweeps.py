"""What was found becomes text: a sweep around the largest recurrent stack, and the whole as a file with a model of blocks.

Where the whole file is explained the sweep is of the model of blocks, so that what reads the stack follows its width. Else
the rest of the file stands as weights beside the stack. The network that was found is a point of the sweep; the budget is
the file's own size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sizer.errors import Fault, InputError
from sizer.networks.counting import count
from sizer.recovery.looking import Look
from sizer.recovery.models import FoundModel
from sizer.recovery.stacks import Stack

_TRAPS = frozenset({"y", "n", "yes", "no", "on", "off", "null", "true", "false"})
"""Words that YAML readers take for truth values and nothing."""
_SHARES = ((1, 2), (3, 4), (1, 1), (5, 4), (3, 2), (2, 1))
"""Of a width that was found: those that the sweep tries."""


def sweep_text(found: Look, name: str) -> str:
    """Return a sweep around the largest recurrent stack.

    Args:
        found: what stands in a file.
        name: of the file, of which the sweep's is made.

    Raises:
        InputError: there is no recurrent stack.
    """
    if not found.stacks:
        raise InputError(
            [Fault("", 0, 0, "sweep", "there is no recurrent network to sweep around; --model writes the blocks")]
        )
    stack = max(found.stacks, key=lambda one: one.weights)
    axes = _axes_of_blocks(found, stack)
    if axes:
        return _text_of_blocks(found, stack, axes, name)
    fields = _around(found, stack)
    model = {key: value for key, value in fields.items() if key not in {"layers", "cells", "recurrent_projection"}}
    lines = _head(found, stack, name, stack.cell_types)
    lines.append("model:")
    lines.extend(f"  {key}: {_flow(value)}" for key, value in model.items())
    lines.extend(("", "grid:"))
    if isinstance(fields["cells"], list):
        lines.append(f"  # The file's own layers have {', '.join(f'{width:,}' for width in fields['cells'])} cells.")
    widest = max(fields["cells"]) if isinstance(fields["cells"], list) else fields["cells"]
    layers = fields["layers"]
    lines.append(f"  layers: {_flow(list(range(max(1, layers - 1), layers + 3)))}")
    lines.append(f"  cells: {_flow(_widths(widest))}")
    where = []
    if fields.get("recurrent_projection"):
        projections = fields["recurrent_projection"]
        widest = max(projections) if isinstance(projections, list) else projections
        lines.append(f"  recurrent_projection: {_flow(_widths(widest))}")
        where = ["where:", "  - recurrent_projection < cells", ""]
    lines.extend(("", *where, "budget:", f"  weights: {{max: {found.weights}}}"))
    return "\n".join(lines) + "\n"


def model_text(found: Look, name: str) -> str:
    """Return what was found as a file with a model of blocks.

    Raises:
        InputError: there is none.
    """
    if found.model is None:
        reason = next((note for note in found.notes if note.startswith("no model")), "nothing in it is explained")
        raise InputError([Fault("", 0, 0, "model", reason)])
    lines = [
        f"# {found.explained:,} of the {found.weights:,} weights of {_comment(name)}.",
        "# Connections are guessed from order and width: a file of tensors does not contain them, nor the heights of images.",
        f"name: {_name(name)}",
    ]
    if found.model.cell_types:
        lines.append("cell_types:")
        lines.extend(f"  {_key(cell)}: {_flow(table)}" for cell, table in found.model.cell_types.items())
    lines.extend(_model_lines(found.model))
    return "\n".join(lines) + "\n"


def _head(found: Look, stack: Stack, name: str, cell_types: Mapping[str, Any]) -> list[str]:
    lines = [
        f"# Around {_words(stack)}: {stack.weights:,} of the {found.weights:,} weights of {_comment(name)}",
        "sizer: 1",
        f"name: {_name(name)}",
        f"description: {json.dumps(f'Around {stack.name} of {_comment(name)}', ensure_ascii=False)}",
        "",
    ]
    if cell_types:
        lines.append("cell_types:")
        lines.extend(f"  {_key(cell)}: {_flow(table)}" for cell, table in cell_types.items())
        lines.append("")
    return lines


def _model_lines(model: FoundModel) -> list[str]:
    lines = ["model:", f"  convention: {model.declared['convention']}", "  blocks:"]
    lines.extend(f"    {_key(called)}: {_flow(block)}" for called, block in model.declared["blocks"].items())
    return lines


def _axes_of_blocks(found: Look, stack: Stack) -> dict[str, list[Any]]:
    """Return the axes of a sweep of the whole model, by path: values that leave a model, the one that was found among them.

    Nothing where the file is not explained as a whole, or where none of the stack's sizes can be another.
    """
    model = found.model
    if model is None or found.unexplained:
        return {}
    place = next((called for called, name in model.names.items() if name == stack.name), None)
    block = model.declared["blocks"].get(place, {})
    if place is None or block.get("type") != "recurrent":
        return {}
    axes: dict[str, list[Any]] = {}
    for field, values in _values_around(block).items():
        kept = [value for value in values if value == block.get(field) or _is_model(model, place, field, value)]
        if len(kept) > 1:
            axes[f"{place}.{field}"] = kept
    return axes


def _values_around(block: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return values of a recurrent block's sizes around those that it has."""
    found: dict[str, list[Any]] = {}
    if not isinstance(block["cells"], list):
        layers = block.get("layers", 1)
        found["layers"] = list(range(max(1, layers - 1), layers + 3))
    for field in ("cells", "recurrent_projection", "nonrecurrent_projection"):
        value = block.get(field)
        if isinstance(value, list):
            scaled = [[one and max(1, one * above // below) for one in value] for above, below in _SHARES]
            found[field] = [one for place, one in enumerate(scaled) if one not in scaled[:place]]
        elif value:
            found[field] = _widths(value)
    return found


def _is_model(model: FoundModel, place: str, field: str, value: Any) -> bool:
    """Return whether there is such a model with another value of one field."""
    blocks = model.declared["blocks"]
    changed = {**model.declared, "blocks": {**blocks, place: {**blocks[place], field: value}}}
    try:
        count(changed, model.cell_types or None)
    except InputError:
        return False
    return True


def _text_of_blocks(found: Look, stack: Stack, axes: Mapping[str, list[Any]], name: str) -> str:
    """Return a sweep of the whole model."""
    assert found.model is not None
    lines = _head(found, stack, name, found.model.cell_types)
    lines.append("# Connections are guessed from order and width: a file of tensors does not contain them.")
    lines.extend(_model_lines(found.model))
    lines.extend(("", "grid:"))
    lines.extend(f"  {path}: {_flow(values)}" for path, values in axes.items())
    lines.extend(("", "budget:", f"  weights: {{max: {found.weights}}}"))
    return "\n".join(lines) + "\n"


def _around(found: Look, stack: Stack) -> dict[str, Any]:
    """Return the fields of a stack with an embedding in front and a dense layer behind where they stand there."""
    fields = dict(stack.fields)
    for extra in (_neighbours(found, stack), {}):
        tried = {**fields, **extra}
        if "vocabulary" in extra:
            del tried["inputs"]
        try:
            counted = count(tried, stack.cell_types or None).weights
        except InputError:
            continue
        if counted <= found.weights:
            return {**tried, **({"other_weights": found.weights - counted} if found.weights > counted else {})}
    return fields


def _neighbours(found: Look, stack: Stack) -> dict[str, Any]:
    if found.model is None:
        return {}
    blocks = found.model.declared["blocks"]
    names = list(blocks)
    place = next((at for at, called in enumerate(names) if found.model.names.get(called) == stack.name), None)
    extra: dict[str, Any] = {}
    if place is None:
        return extra
    if place + 1 < len(names):
        behind = blocks[names[place + 1]]
        if behind["type"] == "dense" and not {"from", "tied"} & set(behind):
            extra |= {"outputs": behind["width"], "output_bias": behind["bias"]}
    if place and "from" not in blocks[names[place]]:
        before = blocks[names[place - 1]]
        if before["type"] == "embedding":
            extra |= {"vocabulary": before["vocabulary"], "embedding": before["embedding"]}
    return extra


def _widths(width: int) -> list[int]:
    return sorted({max(1, width * above // below) for above, below in _SHARES})


def _words(stack: Stack) -> str:
    fields = stack.fields
    return f"{fields['layers']} {fields['cell_type']} layers"


def _name(name: str) -> str:
    word = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
    word = re.sub(r"\.[A-Za-z0-9]{1,12}$", "", word)[:80]
    return json.dumps(word) if not re.match(r"[A-Za-z]", word) or word.lower() in _TRAPS else word


def _comment(name: str) -> str:
    return re.sub(r"[^\x20-\x7e\u00a1-\uffff]+", "?", name)


def _key(word: str) -> str:
    return json.dumps(word) if word.lower() in _TRAPS else word


def _flow(value: Any) -> str:
    """Return a value in YAML's flow style."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(key))}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return (
            value
            if re.fullmatch(r"[A-Za-z_]\w*", value, re.ASCII) and value.lower() not in _TRAPS
            else json.dumps(value)
        )
    return json.dumps(value)
