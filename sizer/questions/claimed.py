"""What a person sees of a stated figure: what gives it, what each assumption adds, what only comes near, what it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sizer.layout import DOT, plain, shown, tab_separated
from sizer.networks.wording import network_heading
from sizer.questions.answers import Answer, Reconciliation, Remainder, Step
from sizer.questions.assumptions import is_reset_after_off
from sizer.questions.stated_figures import Claim
from sizer.sizes import rounded_size

SHOWN = 5
"""Answers on the screen; a pipe and `--json` get all that were worked out."""

COARSE = 0.5
"""Readings that chance alone would let give a figure, from where on one is to be expected."""

_LEFT_OUT = {
    "outputs": "without the output layer",
    "embedding": "without the embedding",
    "other_weights": "without other_weights",
    "recurrent_part": "the recurrent part alone",
    "cut": "cut off, not rounded",
}


_OF_BLOCKS = {"left_out": "without", "output": "without the output", "second_output": "a second output like"}


def claim_screen(found: Reconciliation) -> str:
    """Return which readings give a figure, with what each assumption adds to the plain reading."""
    claim = found.claim
    lines = [_heading(found.plain), _plainly(found.plain, claim), ""]
    if found.answers:
        between = f" ({claim.least:,} to {claim.most:,})" if claim.step > 1 else ""
        lines.append(f"What gives {claim.text}{between}")
        answers = found.answers[:SHOWN]
        for number, answer in enumerate(answers, start=1):
            lines.extend(_answer_lines(number, answer, answers[: number - 1]))
        rest = len(found.answers) - len(answers) + found.more
        if rest:
            lines.append(f"  and {rest:,} more that assume{'s' if rest == 1 else ''} as much or more")
        lines.extend(_by_chance(found))
    else:
        off = "" if _is_model(found.plain) else ", nor one depth or one width off"
        lines.append(f"Nothing gives {claim.text}: no convention, no option{off}.")
    if found.remainder is not None:
        lines.append(f"  or {remainder_words(found.remainder)} weights of other layers beside the plain reading")
    lines.extend((*_near_lines(found), ""))
    if found.others:
        lines.append("Not: " + ", ".join(f"{labels(answer)} {rounded_size(answer.weights)}" for answer in found.others))
    if not _is_model(found.plain):
        lines.append(f"Next: sizer explain {options(_best(found))}")
    return "\n".join(lines).rstrip("\n")


def _is_model(answer: Answer) -> bool:
    return "blocks" in answer.fields


def _heading(answer: Answer) -> str:
    if _is_model(answer):
        return DOT.join([answer.convention, f"a model of {len(answer.fields['blocks']):,} blocks"])
    return network_heading(answer.count)


def _best(found: Reconciliation) -> Mapping[str, Any]:
    """Return the fields of the reading to look at next; where it is likely a coincidence, the plain one and the rest."""
    best = next(iter((*found.answers, *found.near)), found.plain)
    return found.remainder.fields if best.coincidence and found.remainder is not None else best.fields


def remainder_words(remainder: Remainder) -> str:
    """Return how many weights are left."""
    between = f" to {remainder.most:,}" if remainder.most > remainder.least else ""
    return f"{remainder.least:,}{between}"


def _by_chance(found: Reconciliation) -> Iterator[str]:
    """Yield what is to be thought of a figure that several readings were bound to give."""
    first = found.answers[0]
    more = {step.assumption for step in first.steps} - {"convention", "cut"}
    if more and first.chance is not None and first.chance >= COARSE:
        number = f"about {first.chance:.0f}" if first.chance >= 1.5 else "one"
        said = f"chance alone would let {number} give so coarse a figure as {found.claim.text}"
        yield f"  {found.tried:,} readings were tried: {said}"


def coincidence_words(answer: Answer) -> str:
    """Return why a reading is likely a coincidence, in words.

    Args:
        answer: of which `coincidence` holds.
    """
    assert answer.chance
    if answer.chance < COARSE:
        return (
            f"likely a coincidence: by chance such readings give one figure in {1 / answer.chance:,.0f},"
            f" and what this one assumes holds once in {2**answer.price:,}"
        )
    return "likely a coincidence"


def _plainly(answer: Answer, claim: Claim) -> str:
    said = f"Plainly {answer.weights:,}: "
    if answer.match == "exact":
        return said + "that is the figure"
    if answer.match == "rounded":
        return said + f"that rounds to {claim.text}"
    if answer.match == "cut":
        return said + f"that is cut off, not rounded, to {claim.text}"
    return said + missed(answer, claim)


def missed(answer: Answer, claim: Claim) -> str:
    """Return by how much a count misses a figure."""
    by = abs(answer.weights - claim.size)
    tenths = (2000 * by + claim.size) // (2 * claim.size)
    share = f" ({tenths // 10:,}.{tenths % 10}%)" if tenths else ""
    side = "short of" if answer.weights < claim.size else "over"
    return f"{by:,}{share} {side} {claim.text}"


def _answer_lines(number: int, answer: Answer, before: Sequence[Answer]) -> Iterator[str]:
    """Yield a reading; what an earlier one has explained is not said again."""
    place, steps = _begins_as(answer, before)
    words = [*([f"as {place}"] if place else []), *map(label, steps)]
    yield f"  {number}  {answer.weights:,}  {', '.join(words) or 'as it was said'}"
    yield from _step_lines(steps)
    if answer.coincidence:
        yield f"{' ' * 5}{coincidence_words(answer)}"
    if answer.same_network:
        yield f"{' ' * 5}the same network: {same_network(answer)}"


def _begins_as(answer: Answer, before: Sequence[Answer]) -> tuple[int, tuple[Step, ...]]:
    """Return the number of the earlier answer that this one adds most to, and what it adds; 0 where there is none."""
    best = 0, answer.steps
    for number, earlier in enumerate(before, start=1):
        length = len(earlier.steps)
        same = [step.words for step in answer.steps[:length]] == [step.words for step in earlier.steps]
        if length and same and len(answer.steps) - length < len(best[1]):
            best = number, answer.steps[length:]
    return best


def _step_lines(steps: Sequence[Step]) -> list[str]:
    width = max((len(f"{step.difference:+,}") for step in steps), default=0)
    return [f"{' ' * 5}{step.difference:>+{width},}  {step.words}{_terms(step)}" for step in steps if step.changes]


def _terms(step: Step) -> str:
    """Return the tensors that make the difference."""
    terms = ", ".join(f"{name} {difference:+,}" for name, difference in step.by_tensor.items())
    return f" ({terms})" if terms else ""


def _near_lines(found: Reconciliation) -> Iterator[str]:
    if not found.near:
        if not found.answers:
            yield "Nothing comes nearer than the plain reading."
        return
    yield ""
    yield "What only comes near" if found.answers else "Nearest"
    for answer in found.near:
        yield f"     {answer.weights:,}  {labels(answer)}{DOT}{missed(answer, found.claim)}"
        if not found.answers:
            yield from _step_lines(answer.steps)


def label(step: Step) -> str:
    """Return an assumption in the fields' names, as short as it can be said.

    Example:
        >>> label(Step("bias_vectors", "", {"bias_vectors": 1}, 2, 0, {}))
        'bias_vectors 1'
    """
    if step.assumption in _LEFT_OUT:
        return _LEFT_OUT[step.assumption]
    value = next(iter(step.changes.values()))
    if value is None:
        return f"no {step.assumption}"
    if step.assumption == "convention":
        return str(value)
    if step.assumption in ("left_out", "output", "second_output"):
        return f"{_OF_BLOCKS[step.assumption]} {value}"
    if step.assumption == "layers":
        return f"{value:,} layer{'s' if value != 1 else ''}"
    if isinstance(value, bool):
        return step.assumption if value else f"no {step.assumption}"
    return f"{step.assumption} {shown(value)}"


def labels(answer: Answer) -> str:
    """Return everything that a reading assumes, in the fields' names."""
    return ", ".join(map(label, answer.steps))


def same_network(answer: Answer) -> str:
    """Return the other conventions that count the same network, those with the same overrides together."""
    grouped: dict[str, list[str]] = {}
    for named in answer.same_network:
        changes = {name: value for name, value in named.items() if name != "convention"}
        with_what = " and ".join(f"{name} {plain(value)}" for name, value in changes.items())
        if is_reset_after_off(named["convention"], str(answer.fields.get("cell_type")), changes):
            with_what += " (reset_after=False)"
        grouped.setdefault(with_what, []).append(named["convention"])
    return "; ".join(
        ", ".join(conventions) + (f" with {with_what}" if with_what else "")
        for with_what, conventions in grouped.items()
    )


def options(fields: Mapping[str, Any]) -> str:
    """Return a network as the options that a person types.

    Example:
        >>> options({"cell_type": "lstm", "cells": (3, 2), "bidirectional": True, "peepholes": False})
        '--cell-type lstm --cells 3,2 --bidirectional --no-peepholes'
    """
    words = []
    for name, value in fields.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words.append(f"--{flag} {plain(value)}")
    return " ".join(words)


def claim_table(found: Reconciliation) -> str:
    """Return every reading for a pipe: the plain one, what gives the figure, what comes near, what does not, the rest."""
    header = (
        *("reading", "match", "weights", "difference", "price", "convention", "assumed", "same_network"),
        *("chance", "coincidence"),
    )
    kinds = (("plain", (found.plain,)), ("answer", found.answers), ("near", found.near), ("not", found.others))
    rows: list[tuple[Any, ...]] = [
        (
            kind,
            answer.match,
            answer.weights,
            answer.difference,
            answer.price,
            answer.convention,
            labels(answer),
            same_network(answer),
            "" if answer.chance is None else f"{answer.chance:.3g}",
            answer.coincidence if kind == "answer" else None,
        )
        for kind, answers in kinds
        for answer in answers
    ]
    if found.remainder is not None:
        plainly, other = found.plain, found.remainder.fields["other_weights"]
        difference = found.claim.size - plainly.weights
        match = found.claim.match(found.claim.size)
        said = f"other_weights {other}"
        rows.append(("remainder", match, found.claim.size, difference, None, plainly.convention, said, "", "", None))
    return tab_separated(header, rows)
