"""The outside checks can fail: each row of each table is broken once in every way here, and they must notice.

What notices is only what came from outside: the figures in `oracles/*_counts.csv` and the cases worked by hand.
Mutants that change no count of any valid network are listed, with the reason why they cannot.
"""

from __future__ import annotations

import ast
import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from sizer.errors import InputError
from sizer.networks import columns, conventions, network
from sizer.networks.cells import AROUND, CELL_TYPES, CellType
from sizer.networks.columns import PARTS
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import count
from sizer.networks.tensors import Tensor
from tests.oracles.figures import count_figures
from tests.oracles.worked_cases import ACCEPTED, REFUSED, WORKED
from tests.oracles.worked_cells import ACCEPTED_CELLS, REFUSED_CELLS, REFUSED_OWN_CELLS, WORKED_CELLS, WORKED_OWN_CELLS

FIGURES = count_figures()
LAYER_DIMENSIONS = (
    "input",
    "cells",
    "recurrent",
    "projected",
    "hands_up",
    "recurrent_projection",
    "nonrecurrent_projection",
    "joined_cells",
    "bottleneck",
    "window",
    "bias_vectors",
    "inputs",
    "outputs",
)
AROUND_DIMENSIONS = ("vocabulary", "embedding", "fed", "outputs", "inputs", "layers", "other_weights")
FLAGS = ("peepholes", "projection_bias", "candidate_bias", "output_bias", "bidirectional", "skip_connections")
LAYER_FLAGS = (*FLAGS, "vectors", "widens")
FIELDS_OF_CELLS = (
    *("recurrent_projection", "nonrecurrent_projection", "only_recurrent_up", "peepholes", "projection_bias"),
    *("bottleneck", "window", "bias_vectors"),
)


class Mutant(NamedTuple):
    """One thing broken."""

    name: str
    broken: Callable[[pytest.MonkeyPatch], None]


def outside_checks_pass(cell_type: str = "") -> bool:
    """Return whether every figure and every case from outside comes out right; stops at the first that does not.

    Args:
        cell_type: where only its table is broken, networks of other cells need not be looked at.
    """

    def looked_at(fields: dict[str, Any]) -> bool:
        return cell_type in {"", fields["cell_type"]}

    try:
        for case in (*WORKED, *WORKED_CELLS, *WORKED_OWN_CELLS):
            if not looked_at(case.network):
                continue
            counted = count(case.network)
            if counted.parts != dict.fromkeys(PARTS, 0) | case.parts:
                return False
            if (counted.macs_per_step, counted.state_size) != (case.macs_per_step, case.state_size):
                return False
            sizes = (counted.float32_bytes, counted.float16_bytes, counted.int8_bytes)
            if sizes != tuple(sum(case.parts.values()) * size for size in (4, 2, 1)):
                return False
        for fields in filter(looked_at, (*ACCEPTED, *ACCEPTED_CELLS)):
            count(fields)
        if any(count(figure.network).weights != figure.weights for figure in FIGURES if looked_at(figure.network)):
            return False
    except (InputError, KeyError):
        return False
    for refused in (*REFUSED, *REFUSED_CELLS, *REFUSED_OWN_CELLS):
        if not looked_at(refused.network):
            continue
        try:
            count(refused.network)
        except InputError as error:
            if [(fault.path, fault.message) for fault in error.faults] != [(refused.field, refused.reason)]:
                return False
        else:
            return False
    return True


def _broken_tensors(
    tensor: Tensor, dimensions: tuple[str, ...], flags: tuple[str, ...] = FLAGS
) -> Iterator[tuple[str, Tensor | None]]:
    """Yield the tensor broken in each way; None where it is dropped."""
    yield "dropped", None
    for place, factor in enumerate(tensor.shape):
        before, after = tensor.shape[:place], tensor.shape[place + 1 :]
        yield f"without {factor}", dataclasses.replace(tensor, shape=before + after)
        if isinstance(factor, int):
            others: tuple[int | str, ...] = (factor - 1, factor + 1)
        else:
            others = tuple(name for name in dimensions if name != factor)
        for other in others:
            yield f"{factor} -> {other}", dataclasses.replace(tensor, shape=(*before, other, *after))
    for flag in (None, *flags):
        if flag != tensor.when:
            yield f"when {flag}", dataclasses.replace(tensor, when=flag)
    for part in PARTS:
        if part != tensor.part:
            yield f"in {part}", dataclasses.replace(tensor, part=part)
    yield "matrix flipped", dataclasses.replace(tensor, matrix=not tensor.matrix)
    shared = None if tensor.shared_when else "tied_embedding"
    yield f"shared when {shared}", dataclasses.replace(tensor, shared_when=shared)
    if dimensions is LAYER_DIMENSIONS:
        for standing in network.STANDINGS:
            if standing != tensor.directions:
                yield f"stands {standing}", dataclasses.replace(tensor, directions=standing)


def _broken_cells(cell: CellType) -> Iterator[tuple[str, CellType]]:
    for place, tensor in enumerate(cell.tensors):
        before, after = cell.tensors[:place], cell.tensors[place + 1 :]
        for how, broken in _broken_tensors(tensor, LAYER_DIMENSIONS, LAYER_FLAGS):
            tensors = before + (() if broken is None else (broken,)) + after
            yield f"{tensor.name}: {how}", dataclasses.replace(cell, tensors=tensors)
    for name in ("recurs", "hands_up"):
        groups: tuple[tuple[str, ...], ...] = getattr(cell, name)
        choices = [groups[:place] + groups[place + 1 :] for place in range(len(groups))]
        choices.append((("cells",),))
        choices.append((("recurrent_projection", "nonrecurrent_projection"), ("cells",)))
        choices.append((("recurrent_projection",), ("cells",)))
        choices.append((("nonrecurrent_projection",), ("cells",)))
        choices.append(tuple(reversed(groups)))
        for choice in dict.fromkeys(choices):
            if choice != groups:
                yield f"{name} {choice}", dataclasses.replace(cell, **{name: choice})  # type: ignore[arg-type]
    for state in ((), ("cells",), ("recurrent",), ("cells", "recurrent"), ("cells", "hands_up"), ("cells", "cells")):
        if state != cell.state:
            yield f"state {state}", dataclasses.replace(cell, state=state)
    for fed_by in ((), ("handed",), ("raw",), ("handed", "raw"), ("raw", "recurrent_projection")):
        if fed_by != cell.fed_by:
            yield f"fed by {fed_by}", dataclasses.replace(cell, fed_by=fed_by)
    for needs in [(), *((field,) for field in ("recurrent_projection", "nonrecurrent_projection", "bottleneck"))]:
        if needs != cell.needs:
            yield f"needs {needs}", dataclasses.replace(cell, needs=needs)
    for flag in ("joins", "biased_projection"):
        yield f"{flag} flipped", dataclasses.replace(cell, **{flag: not getattr(cell, flag)})  # type: ignore[arg-type]
    for field in FIELDS_OF_CELLS:
        yield f"field {field} flipped", dataclasses.replace(cell, fields=cell.fields ^ {field})


def cell_mutants(name: str) -> Iterator[Mutant]:
    for how, broken in _broken_cells(CELL_TYPES[name]):
        yield Mutant(how, lambda patch, broken=broken: patch.setitem(CELL_TYPES, name, broken))  # type: ignore[misc]


def _with_convention(changed: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setitem(CONVENTIONS, changed.name, changed)


def envelope_mutants() -> Iterator[Mutant]:
    envelope = CONVENTIONS["back_of_envelope"]
    for how, broken in _broken_cells(envelope.cells["lstm"]):
        yield Mutant(how, _with_convention(dataclasses.replace(envelope, cells={"lstm": broken})))


def around_mutants() -> Iterator[Mutant]:
    for key, tensor in AROUND.items():
        for how, broken in _broken_tensors(tensor, AROUND_DIMENSIONS):
            gone = dataclasses.replace(tensor, shape=(0,))
            changed = gone if broken is None else broken
            yield Mutant(
                f"{key}: {how}",
                lambda patch, key=key, changed=changed: patch.setitem(AROUND, key, changed),  # type: ignore[misc]
            )


def convention_mutants(name: str) -> Iterator[Mutant]:
    rules = CONVENTIONS[name]

    def changed(how: str, **values: Any) -> Mutant:
        return Mutant(how, _with_convention(dataclasses.replace(rules, **values)))

    for cell_type in CELL_TYPES:
        vectors = rules.bias_vectors.get(cell_type)
        for other in (None, 0, 1, 2, 3):
            if other != vectors:
                without = {key: value for key, value in rules.bias_vectors.items() if key != cell_type}
                added = without if other is None else without | {cell_type: other}
                yield changed(f"bias vectors of {cell_type}: {other}", bias_vectors=added)
    for peepholes in ("if asked", "default", "always", "never"):
        if peepholes != rules.peepholes:
            yield changed(f"peepholes {peepholes}", peepholes=peepholes)
    for flag in ("projection_bias", "output_bias", "candidate_bias", "matrices_only", "one_cell_only"):
        yield changed(f"{flag} flipped", **{flag: not getattr(rules, flag)})
    for place, rule in enumerate(rules.lstm_rules):
        kept = rules.lstm_rules[:place] + rules.lstm_rules[place + 1 :]
        yield changed(f"without the rule on {rule.field}: {rule.reason}", lstm_rules=kept)
    for place, rule in enumerate(rules.rules):
        kept = rules.rules[:place] + rules.rules[place + 1 :]
        yield changed(f"without the rule on {rule.field}: {rule.reason}", rules=kept)
    if rules.cells:
        yield changed("without a table of its own", cells={})


def other_mutants() -> Iterator[Mutant]:
    everywhere = conventions._ANY_NETWORK
    for place, rule in enumerate(everywhere):
        kept = everywhere[:place] + everywhere[place + 1 :]
        yield Mutant(
            f"without the rule {rule.reason}",
            lambda patch, kept=kept: patch.setattr(conventions, "_ANY_NETWORK", kept),  # type: ignore[misc]
        )
    for name, column in columns.COLUMNS.items():
        for other in (column.each - 1, column.each + 1) if column.unit == "bytes" else ():
            broken = dataclasses.replace(column, each=other)
            yield Mutant(
                f"{name} {other}",
                lambda patch, name=name, broken=broken: patch.setitem(columns.COLUMNS, name, broken),  # type: ignore[misc]
            )


def survivors(mutants: Iterator[Mutant], cell_type: str = "") -> tuple[set[str], int]:
    """Return the names of the mutants that nothing noticed, and how many mutants there were."""
    alive, number = set(), 0
    for mutant in mutants:
        number += 1
        with pytest.MonkeyPatch.context() as patch:
            mutant.broken(patch)
            if outside_checks_pass(cell_type):
                alive.add(mutant.name)
    return alive, number


def _same(cell: CellType) -> dict[str, str]:
    """Return dimension -> the one that is always equal to it, in a cell with these fields."""
    same: dict[str, str] = {}
    if "recurrent_projection" in cell.needs:
        same |= {"recurrent": "recurrent_projection", "hands_up": "projected"}
    elif "recurrent_projection" not in cell.fields:
        same |= {"recurrent": "cells"}
    elif "nonrecurrent_projection" not in cell.fields:
        same |= {"hands_up": "recurrent", "projected": "recurrent_projection"}
    if "nonrecurrent_projection" in cell.needs:
        same |= {"hands_up": "nonrecurrent_projection", "projected": "nonrecurrent_projection"}
    elif not cell.fields & {"recurrent_projection", "nonrecurrent_projection"}:
        same |= {"hands_up": "cells"}
    return same


def _first_there(groups: tuple[tuple[str, ...], ...], cell: CellType) -> tuple[frozenset[str], ...]:
    """Return the groups without what is always 0, up to the first that never is."""
    found: list[frozenset[str]] = []
    for group in groups:
        there = frozenset(name for name in group if name == "cells" or name in cell.fields)
        if there and there not in found:
            found.append(there)
        if there & {"cells", *cell.needs}:
            break
    return tuple(found)


def equivalent_mutants(name: str) -> dict[str, str]:
    """Return the mutants of a cell that change no count of any valid network, and why."""
    cell = CELL_TYPES[name]
    same = _same(cell)
    found: dict[str, str] = {}
    for tensor in cell.tensors:
        for factor in tensor.shape:
            for other in LAYER_DIMENSIONS:
                if isinstance(factor, str) and factor != other and same.get(factor, factor) == same.get(other, other):
                    found[f"{tensor.name}: {factor} -> {other}"] = "the two are always equal"
        if not tensor.matrix and tensor.directions != "each":
            for standing in {"shared", "joined"} - {tensor.directions}:
                found[f"{tensor.name}: stands {standing}"] = "a vector that stands once is never multiplied with"
    used = {factor for tensor in cell.tensors for factor in tensor.shape} | {*cell.state}
    for how, _broken in _broken_cells(cell):
        what, _, text = how.partition(" (")
        if what not in {"recurs", "hands_up", "state"}:
            continue
        choice = ast.literal_eval(f"({text}")
        if what == "state":
            if Counter(same.get(n, n) for n in choice) == Counter(same.get(n, n) for n in cell.state):
                found[how] = "the two are always equal"
        elif _first_there(choice, cell) == _first_there(getattr(cell, what), cell):
            found[how] = "what is taken is the same, because the projections that it has not are 0"
        elif what == "recurs" and "recurrent" not in used:
            found[how] = "no tensor reads what recurs"
    if "projection_bias" not in cell.fields:
        found["biased_projection flipped"] = "it has no projection that could have a bias"
    elif name in {"pgru", "opgru"}:
        found["biased_projection flipped"] = "the one toolkit that has it gives every projection a bias"
    return found


_ENVELOPE_TENSORS = ("input_weights", "recurrent_weights", "peepholes", "projection")

EQUIVALENT: dict[str, list[tuple[str, set[str]]]] = {
    "envelope": [
        ("the closed form always has peepholes", {"peepholes: when None"}),
        (
            "the same, for tensors that are always there",
            {f"{t}: when peepholes" for t in _ENVELOPE_TENSORS if t != "peepholes"},
        ),
        ("the same, for the field", {"field bias_vectors flipped", "field only_recurrent_up flipped"}),
        ("it has no bias on any projection", {"biased_projection flipped"}),
        ("it counts more than matrices", {f"{t}: when vectors" for t in _ENVELOPE_TENSORS if t != "peepholes"}),
        ("the same, where peepholes are always there", {"peepholes: when vectors"}),
        (
            "it has no second direction",
            {
                "joins flipped",
                *(f"{t}: stands {standing}" for t in _ENVELOPE_TENSORS for standing in ("shared", "joined")),
                *(f"{t}: cells -> joined_cells" for t in _ENVELOPE_TENSORS),
            },
        ),
        ("it has no embedding to be tied to", {f"{t}: shared when tied_embedding" for t in _ENVELOPE_TENSORS}),
        ("its own rule on projection_bias gives the same answer first", {"field projection_bias flipped"}),
    ],
    "keras": [("it has no projections to have a bias", {"projection_bias flipped"})],
    "flax": [("it has no projections to have a bias", {"projection_bias flipped"})],
    "kaldi_nnet1": [("it has no GRU", {"candidate_bias flipped"})],
    "back_of_envelope": [
        ("its table has no biases in the layers", {f"bias vectors of lstm: {vectors}" for vectors in (1, 2, 3)}),
        ("its table has no biases in the layers", {"projection_bias flipped"}),
        ("its table has no other vectors either", {"matrices_only flipped"}),
        ("it has no GRU", {"candidate_bias flipped"}),
    ],
}
"""Mutants that no check can notice, because the count of every valid network stays the same: why, and which."""

MUTANTS: dict[str, tuple[Callable[[], Iterator[Mutant]], int]] = {
    **{name: (lambda name=name: cell_mutants(name), 140) for name in CELL_TYPES},  # type: ignore[misc]
    "envelope": (envelope_mutants, 140),
    "around": (around_mutants, 90),
    "rules for every network": (other_mutants, 13),
    **{name: (lambda name=name: convention_mutants(name), 18) for name in CONVENTIONS},  # type: ignore[misc]
}
"""What is broken, and how many mutants there are at least."""


def test_nothing_is_broken_to_begin_with() -> None:
    assert outside_checks_pass()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_of_each_table_is_noticed(name: str) -> None:
    """Of each table one is broken; `test_no_mutant_survives` breaks everything in every way."""
    mutants = list(MUTANTS[name][0]())
    equivalent = {mutant for _reason, names in EQUIVALENT.get(name, []) for mutant in names}
    if name in CELL_TYPES:
        equivalent |= set(equivalent_mutants(name))
    chosen = random.Random(name).choice([mutant for mutant in mutants if mutant.name not in equivalent])
    assert survivors(iter([chosen]), name if name in CELL_TYPES else "") == (set(), 1)


@pytest.mark.thorough
@pytest.mark.parametrize("name", MUTANTS)
def test_no_mutant_survives(name: str) -> None:
    mutants, at_least = MUTANTS[name]
    alive, number = survivors(mutants(), name if name in CELL_TYPES else "")

    equivalent = {mutant for _reason, names in EQUIVALENT.get(name, []) for mutant in names}
    if name in CELL_TYPES:
        equivalent |= set(equivalent_mutants(name))
    assert alive - equivalent == set()
    assert equivalent - alive == set()
    assert number >= at_least


def test_a_survivor_is_reported() -> None:
    """The hunt itself can fail: a mutant that breaks nothing is found alive, one that breaks something is not."""
    harmless = Mutant("harmless", lambda patch: None)
    harmful = Mutant("harmful", lambda patch: patch.delitem(CELL_TYPES, [*CELL_TYPES][-1]))

    assert survivors(iter([harmless, harmful])) == ({"harmless"}, 2)
    assert outside_checks_pass()
