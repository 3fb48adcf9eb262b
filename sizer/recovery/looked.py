"""What a person sees of a model file: its networks in a line each, what stands around them, and what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sizer.layout import DOT, aligned, shown, tab_separated, visible
from sizer.recovery.claims import ClaimedParts
from sizer.recovery.comparing import FileComparison
from sizer.recovery.looking import Look
from sizer.recovery.stacks import Stack
from sizer.sizes import rounded_size

SHOWN = 12
"""Networks, and tensors that are left, on the screen; a pipe and `--json` get all."""
_WORDS = {
    "dense": "dense layer",
    "crf": "conditional random field",
    "weights": "other tensor",
    "transformer": "stack of transformer layers",
}
_PLURALS = {"transformer": "stacks of transformer layers"}
_BY = {"stated": "stated by the format", "names": "by names", "shape": "by shape only"}


def look_screen(found: Look, file: str) -> str:
    """Return what stands in a file."""
    lines = [_heading(found), ""]
    rows = [("", "", "weights", "of the file", "")]
    for name, stack in _named(found)[:SHOWN]:
        share = f"{stack.weights / max(found.weights, 1):.1%}"
        how = _BY[stack.by] + ("; convention by shape" if stack.rules_by == "shape" != stack.by else "")
        rows.append((visible(name), network_words(stack.fields), f"{stack.weights:,}", share, how))
        rows.extend(("", f"or {network_words(reading)}", "", "", "the same shapes") for reading in stack.readings)
    if len(found.stacks) > SHOWN:
        rest = found.stacks[SHOWN:]
        rows.append(("", f"and {len(rest):,} more", f"{sum(one.weights for one in rest):,}", "", ""))
    if found.stacks:
        lines.extend(aligned(rows, left=(0, 1, 4)))
    else:
        lines.append("  no recurrent network")
    lines.append("")
    if found.around:
        lines.append(
            f"Around {'them' if found.stacks else 'nothing'}: {_around_words(found)}".replace("Around nothing", "Found")
        )
    lines.extend(_left_lines(found))
    lines.extend(_beside_lines(found))
    lines.extend(visible(note) for note in (*found.contents.notes, *found.notes))
    if found.stacks and file:
        lines.append(f"Next: sizer look {_quoted(file)} --sweep around.yaml")
    return "\n".join(lines)


def _named(found: Look) -> list[tuple[str, Stack]]:
    """Return the stacks with their names, and with their files' where there are several."""
    if not found.parts:
        return [(stack.name, stack) for stack in found.stacks]
    return [(f"{part.contents.place}: {stack.name}", stack) for part in found.parts for stack in part.stacks]


def _quoted(file: str) -> str:
    import shlex

    return visible(shlex.quote(file))


def _heading(found: Look) -> str:
    said = [found.contents.format, _tensors(len(found.contents.tensors)), f"{found.weights:,} weights"]
    if found.parts:
        said.insert(0, f"{len(found.parts):,} files")
    if found.contents.producer:
        said.insert(1, visible(found.contents.producer))
    if found.stacks:
        said.append(f"{rounded_size(found.recurrent_weights)} of them recurrent")
    return DOT.join(said)


def network_words(fields: Mapping[str, Any]) -> str:
    """Return a recurrent stack in words.

    Example:
        >>> fields = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
        >>> network_words({**fields, "recurrent_projection": 256})
        'pytorch · 2 lstm layers, 80 -> 1,024, r = 256'
    """
    layers, cells = fields["layers"], fields["cells"]
    widths = ", ".join(f"{width:,}" for width in cells) if isinstance(cells, list) else f"{cells:,}"
    words = [
        f"{layers:,} {fields['cell_type']} layer{'s' if layers != 1 else ''}",
        f"{fields['inputs']:,} -> {widths}",
    ]
    for name, letter in (("recurrent_projection", "r"), ("nonrecurrent_projection", "p")):
        if fields.get(name):
            words.append(f"{letter} = {shown(fields[name])}")
    words.extend(
        name.replace("_", " ") for name in ("bidirectional", "skip_connections", "peepholes") if fields.get(name)
    )
    if "bias_vectors" in fields:
        words.append({0: "no biases", 1: "one bias vector"}.get(fields["bias_vectors"], "two bias vectors"))
    return f"{fields['convention']}{DOT}{', '.join(words)}"


def _around_words(found: Look) -> str:
    numbers = Counter(block.type for block in found.around)
    weights: Counter[str] = Counter()
    for block in found.around:
        weights[block.type] += block.weights
    return ", ".join(f"{number:,} {_counted(kind, number)} ({weights[kind]:,})" for kind, number in numbers.items())


def _counted(kind: str, number: int) -> str:
    word = _WORDS.get(kind, kind)
    return word if number == 1 else _PLURALS.get(kind, f"{word}s")


def _tensors(number: int) -> str:
    return f"{number:,} tensor{'s' if number != 1 else ''}"


def _left_lines(found: Look) -> Iterator[str]:
    if not found.unexplained:
        yield f"All {found.weights:,} weights are explained." if found.weights else "It holds no weights."
        return
    left = sum(tensor.size for tensor in found.unexplained)
    yield f"Not explained: {left:,} weights in {_tensors(len(found.unexplained))}"
    rows = [
        (visible(tensor.name), " x ".join(map(str, tensor.shape)) or "1", tensor.dtype)
        for tensor in found.unexplained[:SHOWN]
    ]
    yield from aligned(rows, left=(0, 1, 2))
    if len(found.unexplained) > SHOWN:
        yield f"  and {len(found.unexplained) - SHOWN:,} more"


def _beside_lines(found: Look) -> Iterator[str]:
    beside = []
    for words, tensors in (
        ("in buffers", found.kinds.buffers),
        ("that are integers or quantisation scales", found.kinds.whole),
        ("in constants of the graph", found.kinds.constants),
        ("of an optimizer", found.kinds.optimizer),
    ):
        if tensors:
            beside.append(f"{sum(tensor.size for tensor in tensors):,} values {words}")
    if beside:
        yield f"Besides the weights: {', '.join(beside)}"
    if found.kinds.fixed:
        yield f"Fixed matrices among the weights: {sum(tensor.size for tensor in found.kinds.fixed):,} values"
    for copy, original in found.kinds.tied[:3]:
        yield f"Tied: {visible(copy.name)} is {visible(original.name)}, counted once"
    if len(found.kinds.tied) > 3:
        yield f"  and {len(found.kinds.tied) - 3:,} more that are tied"


def look_table(found: Look) -> str:
    """Return every network and block for a pipe."""
    header = (
        *("name", "type", "convention", "cell_type", "inputs", "layers", "cells", "recurrent_projection"),
        *("bidirectional", "weights", "by"),
    )
    rows: list[tuple[Any, ...]] = []
    for stack in found.stacks:
        fields = stack.fields
        rows.append(
            (
                *(
                    stack.name,
                    "recurrent",
                    fields["convention"],
                    fields["cell_type"],
                    fields["inputs"],
                    fields["layers"],
                ),
                *(fields["cells"], fields.get("recurrent_projection", 0), bool(fields.get("bidirectional"))),
                *(stack.weights, stack.by),
            )
        )
    rows.extend(
        (block.name, block.type, None, None, block.reads, None, None, None, None, block.weights, block.by)
        for block in found.around
    )
    rows.extend(
        (tensor.name, "unexplained", None, None, None, None, None, None, None, tensor.size, "")
        for tensor in found.unexplained
    )
    return tab_separated(header, [tuple(visible(one) if isinstance(one, str) else one for one in row) for row in rows])


def claimed_screen(found: ClaimedParts) -> str:
    """Return which parts of a file give a figure."""
    lines = [f"{found.whole:,} weights in the file", ""]
    lines.append(f"What gives {found.claim.text}" if found.answers else f"Nothing gives {found.claim.text}; nearest")
    parts = found.answers or found.near
    rows = [
        (str(place), f"{part.values:,}", visible(part.words), f"{part.values - found.claim.size:+,}")
        for place, part in enumerate(parts, start=1)
    ]
    return "\n".join([*lines, *aligned(rows, left=(0, 2))])


def claimed_table(found: ClaimedParts) -> str:
    """Return the same for a pipe."""
    rows = [
        (
            "answer" if found.answers else "near",
            part.match,
            part.values,
            part.values - found.claim.size,
            visible(part.words),
        )
        for part in found.answers or found.near
    ]
    return tab_separated(("kind", "match", "weights", "difference", "what"), rows)


def file_comparison_screen(found: FileComparison) -> str:
    """Return a model and a file side by side."""
    different = [pair for pair in found.blocks if not pair.equal]
    same = len(found.blocks) - len(different)
    lines = [
        f"{same:,} of {len(found.blocks):,} blocks are equal, {found.our_weights:,} weights against {found.their_weights:,}"
    ]
    for pair in different:
        ours = f"{pair.ours}: {pair.our_weights:,}" if pair.ours else "nothing in the model"
        theirs = f"{visible(pair.theirs)}: {pair.their_weights:,}" if pair.theirs else "nothing in the file"
        lines.append(f"  {pair.type}{DOT}{ours}{DOT}{theirs}")
        lines.extend(f"      {name} {shown(mine)}, not {shown(other)}" for name, mine, other in pair.fields)
        lines.extend(f"      {name} {mine:,}, not {other:,}" for name, mine, other in pair.parts if mine != other)
        lines.extend(f"      {visible(name)}  {' x '.join(map(str, shape))}" for name, shape in pair.tensors[:8])
    if found.unexplained:
        lines.append(f"In no block of the file: {', '.join(visible(name) for name, _ in found.unexplained[:8])}")
    return "\n".join(lines)
