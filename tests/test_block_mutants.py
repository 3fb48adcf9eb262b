"""The outside checks of blocks can fail: every row of every block type's table, and every rule of widths and steps, is broken.

What notices is only what came from outside: published totals, models multiplied out by hand, and the modules of PyTorch
that random blocks are, built beforehand. Mutants that change nothing of any model are listed, with the reason.
"""

from __future__ import annotations

import ast
import copy
import csv
import dataclasses
import functools
import inspect
import json
import random
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple

import pytest

from sizer.errors import InputError
from sizer.networks import network
from sizer.networks.blocks import fields, groups, stacks, steps, widths
from sizer.networks.blocks.counting import count_model
from sizer.networks.blocks.types import ATTENDS, ATTENTION_TENSORS, BLOCK_TYPES, FINAL_NORM, BlockType
from sizer.networks.columns import MODEL_PARTS
from sizer.networks.tensors import Tensor
from tests.examples import QUICK
from tests.oracles import torch_blocks
from tests.oracles.worked_blocks import WORKED_BLOCKS
from tests.served import ROOT
from tests.test_blocks import FAULTS
from tests.test_worked_blocks import differences

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
FLAGS = (None, "bias", "normed", "buffered", "attention_bias", "relative", "tied", "project_query", "project_memory")
EVERYWHERE = ("read", "channels_read", "height", "channels_up")
PLACES = {
    "convolution": ("block", "multiplied"),
    "attention": ("memory", "pair", "query"),
    "transformer": ("block", "memory"),
}
"""When a tensor may multiply; elsewhere there is one answer."""
PROJECTED = ("additive", "location", "dot")
"""Kinds of attention that can leave out a matrix."""
CHAINS = 1 if QUICK else 8
"""Random chains in which each kind of block stands."""


class Broken(NamedTuple):
    """One thing broken."""

    name: str
    breaks: Callable[[pytest.MonkeyPatch], None]


# What notices


def _types(blocks: dict[str, Any]) -> set[str]:
    return {block["type"] for block in blocks.values()} | {
        kind for block in blocks.values() if "blocks" in block for kind in _types(block["blocks"])
    }


@functools.cache
def _rows() -> tuple[tuple[dict[str, Any], set[str], tuple[int, int]], ...]:
    """Return the published models that are small enough to be counted often, with the types of their blocks."""
    rows = csv.DictReader((ROOT / "tests" / "oracles" / "composite_models.csv").read_text().splitlines())
    found = []
    for row in rows:
        model = json.loads(row["model"])
        if len(model["blocks"]) < 30:
            found.append((model, _types(model["blocks"]), (int(row["weights"]), int(row["buffer_values"]))))
    return tuple(found)


@functools.cache
def _chains() -> tuple[tuple[dict[str, Any], set[str], Any, int], ...]:
    """Return random chains with the shapes and weights of their modules in PyTorch; none where it is not installed."""
    try:
        import torch
    except ImportError:
        return ()
    found = []
    for kind in dict.fromkeys([*torch_blocks.KINDS, *torch_blocks.IMAGES]):
        for number in range(CHAINS):
            with torch.device("meta"):
                chain = torch_blocks.random_chain(random.Random(f"mutants {kind.__name__} {number}"), 1)
                if kind in torch_blocks.KINDS or chain.value.dim() == 4:
                    kind(chain)
            found.append((chain.model, _types(chain.blocks), chain.shapes(), chain.weights()))
    return tuple(found)


def outside_checks_pass(kind: str = "") -> bool:
    """Return whether everything from outside comes out right; stops at the first that does not.

    Args:
        kind: where only this block type is broken, models without it need not be looked at.
    """
    from tests.test_blocks_against_pytorch import our_shapes

    try:
        for case in WORKED_BLOCKS:
            if (not kind or kind in _types(case.blocks)) and any(True for _ in differences(case)):
                return False
        for model, kinds, shapes, weights in _chains():
            if (not kind or kind in kinds) and (our_shapes(model) != shapes or count_model(model).weights != weights):
                return False
        for model, kinds, numbers in _rows():
            if not kind or kind in kinds:
                counted = count_model(model)
                if (counted.weights, counted.buffer_values) != numbers:
                    return False
        for blocks, faults in () if kind else FAULTS:
            if faults_of(blocks) != faults:
                return False
    except Exception:  # whatever is raised is noticed
        return False
    return True


def prepared() -> None:
    """Build what models are held against, so that what is wrong with that is no mutant that was noticed."""
    assert _rows()
    _chains()


def faults_of(blocks: dict[str, Any]) -> dict[str, str]:
    try:
        count_model({"convention": "pytorch", "blocks": blocks})
    except InputError as problem:
        return {fault.path: fault.message for fault in problem.faults}
    return {}


# What is broken


def _broken_tensors(
    tensor: Tensor, dimensions: tuple[str, ...], places: tuple[str, ...], flags: tuple[str | None, ...] = FLAGS
) -> Iterator[tuple[str, Tensor | None]]:
    yield "dropped", None
    for place, factor in enumerate(tensor.shape):
        before, after = tensor.shape[:place], tensor.shape[place + 1 :]
        others: tuple[int | str, ...] = tuple(name for name in dimensions if name != factor)
        if isinstance(factor, int):
            others = (factor - 1, factor + 1)
        for other in others:
            yield f"{factor} -> {other}", dataclasses.replace(tensor, shape=(*before, other, *after))
        yield f"without {factor}", dataclasses.replace(tensor, shape=before + after)
    for flag in flags:
        if flag != tensor.when:
            yield f"when {flag}", dataclasses.replace(tensor, when=flag)
    if not tensor.buffer:  # what is kept beside the weights is of no part of them
        for part in MODEL_PARTS:
            if part != tensor.part:
                yield f"in {part}", dataclasses.replace(tensor, part=part)
        shared = None if tensor.shared_when else "tied"
        yield f"shared when {shared}", dataclasses.replace(tensor, shared_when=shared)
    if tensor.matrix:  # a vector multiplies nowhere
        for at in places:
            if at != tensor.at:
                yield f"at {at}", dataclasses.replace(tensor, at=at)
        # What is handed up has a height behind a convolution alone.
        for area in (None, "height", "height_multiplied") if tensor.area else ():
            if area != tensor.area:
                yield f"area {area}", dataclasses.replace(tensor, area=area)
    yield "matrix flipped", dataclasses.replace(tensor, matrix=not tensor.matrix)
    yield "buffer flipped", dataclasses.replace(tensor, buffer=not tensor.buffer)


def _dimensions(kind: BlockType) -> tuple[str, ...]:
    sizes = [one.name for one in kind.fields if one.kind in {"size", "shape"}]
    more = ("query", "memory") if kind.name in {"attention", "transformer"} else ()
    # Layers of these read what they are wide.
    read = EVERYWHERE if kind.name not in {"transformer", "conformer", "highway"} else ()
    return tuple(dict.fromkeys((*sizes, *read, *more)))


def _rows_broken(
    tensors: tuple[Tensor, ...], kind: BlockType, flags: tuple[str | None, ...] = FLAGS
) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    for place, tensor in enumerate(tensors):
        for how, broken in _broken_tensors(tensor, _dimensions(kind), PLACES.get(kind.name, ()), flags):
            put = () if broken is None else (broken,)
            yield f"{tensor.name}: {how}", tensors[:place] + put + tensors[place + 1 :]


def table_mutants(name: str) -> Iterator[Broken]:
    """Yield a block type with each row of its table broken, and what it says of width and steps."""
    kind = BLOCK_TYPES[name]

    def changed(how: str, **values: Any) -> Broken:
        broken = dataclasses.replace(kind, **values)
        return Broken(how, lambda patch: patch.setitem(BLOCK_TYPES, name, broken))

    for how, tensors in _rows_broken(kind.tensors, kind):
        yield changed(how, tensors=tensors)
    if name == "attention":
        for of, rows in ATTENTION_TENSORS.items():
            flags = FLAGS if of in PROJECTED else tuple(flag for flag in FLAGS if "project" not in str(flag))
            for how, tensors in _rows_broken(rows, kind, flags):
                yield Broken(
                    f"{of} {how}",
                    lambda patch, of=of, tensors=tensors: patch.setitem(ATTENTION_TENSORS, of, tensors),  # type: ignore[misc]
                )
    if name == "transformer":
        for how, tensors in _rows_broken(ATTENDS, kind):
            yield Broken(how, lambda patch, tensors=tensors: patch.setattr(groups, "ATTENDS", tensors))  # type: ignore[misc]
        for how, broken in _broken_tensors(FINAL_NORM, _dimensions(kind), ()):
            gone = broken or dataclasses.replace(FINAL_NORM, shape=(0,))
            yield Broken(
                f"final_norm: {how}",
                lambda patch, gone=gone: patch.setattr(groups, "FINAL_NORM", gone),  # type: ignore[misc]
            )
    if name in {"attention", "norm", "join", "weights", "crf"}:
        return  # what they hand up is worked out from their fields, or is what they read
    for other in _dimensions(kind):
        if other != kind.hands_up:
            yield changed(f"hands up {other}", hands_up=other)
    yield changed("told flipped", told=not kind.told)
    if not kind.told:
        yield changed("keeps_height flipped", keeps_height=not kind.keeps_height)
    for by in ("", kind.steps.removeprefix("*") if "*" in kind.steps else f"*{kind.steps}"):
        if kind.steps and by != kind.steps:
            yield changed(f"steps by '{by}'", steps=by)


class _Breaker(ast.NodeTransformer):
    """Changes the nth thing that can be changed."""

    SWAPS: ClassVar[dict[type, type]] = {
        ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.Add,
        ast.And: ast.Or, ast.Or: ast.And, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.Gt: ast.GtE,
        ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    }  # fmt: skip

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen = 0
        self.did = ""
        self.statement = ""

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.stmt):
            self.statement = ast.unparse(node).splitlines()[0]
        return super().visit(node)

    def _mine(self, node: Any) -> bool:
        self.seen += 1
        if self.seen - 1 != self.number:
            return False
        self.did = f"{ast.unparse(node)} in: {self.statement}"
        return True

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        if type(node.op) in self.SWAPS and self._mine(node):
            node.op = self.SWAPS[type(node.op)]()
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        if self._mine(node):
            node.op = self.SWAPS[type(node.op)]()
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        if type(node.ops[0]) in self.SWAPS and self._mine(node):
            node.ops[0] = self.SWAPS[type(node.ops[0])]()
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        if self._mine(node):
            node.body, node.orelse = node.orelse, node.body
        return self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if self._mine(node):
            return self.generic_visit(node.operand)
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, int) and not isinstance(node.value, bool) and self._mine(node):
            return ast.copy_location(ast.Constant(node.value + 1), node)
        return node


RULES: dict[str, tuple[Any, str]] = {
    "the height of a convolution or pooling": (widths, "_height"),
    "a number of a pair that means the height": (widths, "of_height"),
    "a number of a pair that means time": (widths, "of_time"),
    "what is read": (widths.Widths, "_joined"),
    "what is handed up": (widths.Widths, "_hands_up"),
    "how often a block steps": (steps.Rates, "_of"),
    "how often what is read steps": (steps.Rates, "read"),
    "pairs of steps": (steps, "pairs"),
    "a convolution's kernel": (groups.Groups, "_convolution"),
    "a norm behind": (groups.Groups, "_behind"),
    "the layers of a convolutional LSTM": (groups.Groups, "_convolutional_lstm"),
    "the layers of a recurrent block": (groups.Groups, "_recurrent"),
    "what an attention is made of": (groups.Groups, "_attention"),
    "recurrent layers, one above the other": (network, "recurrent_groups"),
    "what padding is written as": (fields.FieldReader, "_padding"),
}
"""Functions that say widths and steps, each of which is broken everywhere."""
OTHER_HOMES: dict[str, tuple[Any, ...]] = {
    "of_height": (),
    "of_time": (steps, groups),
    "pairs": (groups,),
    "recurrent_groups": (stacks,),
}
"""Rooms that have taken a function in by its name."""


def rule_mutants(name: str) -> Iterator[Broken]:
    """Yield a function broken at each place."""
    home, function = RULES[name]
    original = getattr(home, function)
    seen: Counter[str] = Counter()
    source = textwrap.dedent(inspect.getsource(original))
    tree = ast.parse(source)
    for number in range(500):
        breaker = _Breaker(number)
        broken = breaker.visit(copy.deepcopy(tree))
        if not breaker.did:
            return
        # Annotations are looked up nowhere here.
        space = dict(original.__globals__)
        exec(
            compile(
                "from __future__ import annotations\n" + ast.unparse(ast.fix_missing_locations(broken)), name, "exec"
            ),
            space,
        )

        def breaks(patch: pytest.MonkeyPatch, made: Any = space[function]) -> None:
            patch.setattr(home, function, made)
            for room in OTHER_HOMES.get(function, ()):
                patch.setattr(room, function, made)

        seen[breaker.did] += 1
        often = seen[breaker.did]
        yield Broken(breaker.did if often == 1 else f"{breaker.did} ({often})", breaks)


TABLES = [name for name in BLOCK_TYPES if name not in {"input", "recurrent", "group", "join", "weights"}]
"""Types whose table has rows that are not those of the cells, or of what is written in the block itself."""

_MEMORY = "dimensions['memory'] = memory[0].width if memory and memory[0] else 0"
_LAYER = "yield (Group('layer', layer + 1, repeats, 1, block.type.tensors, here, ('state', 'state')), steps(rate))"
_GROUPS = "groups = [*_layer_groups(cell, 1, 1, first.directions, first.dimensions), *_layer_groups(cell, 2, more, others.directions, others.dimensions)]"
EQUIVALENT: dict[str, list[tuple[str, set[str]]]] = {
    "what is read": [
        ("no tensor asks for the width of nothing", {"0 in: return Shape(0)"}),
        ("those that are added are equal", {"0 in: return shapes[0]"}),
    ],
    "what is handed up": [
        ("nobody reads what hands up no width", {"0 in: return Shape(fields['width'] or 0)"}),
        ("recurrent layers hand up the same, whatever they read", {"1 in: return Shape(stack(block, 1)[1])"}),
    ],
    "the layers of a convolutional LSTM": [
        ("the number of a layer is shown and not counted", {f"1 in: {_LAYER}", f"layer + 1 in: {_LAYER}"})
    ],
    "recurrent layers, one above the other": [("the number of a layer is shown and not counted", {f"2 in: {_GROUPS}"})],
    "what an attention is made of": [
        ("a memory of no width has a fault", {f"0 in: {_MEMORY} (3)", f"memory and memory[0] in: {_MEMORY}"})
    ],
}
"""Mutants that no check can notice, because nothing of any model changes: why, and which."""


def survivors(mutants: Iterator[Broken], kind: str = "") -> tuple[set[str], int]:
    """Return the names of the mutants that nothing noticed, and how many mutants there were."""
    prepared()
    alive, number = set(), 0
    for mutant in mutants:
        number += 1
        with pytest.MonkeyPatch.context() as patch:
            mutant.breaks(patch)
            if outside_checks_pass(kind):
                alive.add(mutant.name)
    return alive, number


def _equivalent(name: str) -> set[str]:
    return {mutant for _reason, names in EQUIVALENT.get(name, []) for mutant in names}


def test_nothing_is_broken_to_begin_with() -> None:
    prepared()
    assert outside_checks_pass()


@pytest.mark.thorough
@pytest.mark.parametrize("name", TABLES)
def test_no_mutant_of_a_table_survives(name: str) -> None:
    alive, number = survivors(table_mutants(name), name)
    assert alive - _equivalent(name) == set()
    assert _equivalent(name) - alive == set()
    assert number >= 2


@pytest.mark.thorough
@pytest.mark.parametrize("name", RULES)
def test_no_mutant_of_a_rule_survives(name: str) -> None:
    alive, number = survivors(rule_mutants(name))
    assert alive - _equivalent(name) == set()
    assert _equivalent(name) - alive == set()
    assert number >= 1


def test_mutants_are_noticed() -> None:
    """Of some tables and rules one is broken; the long tests break everything in every way."""
    for name in (
        "dense",
        "convolution",
        "highway",
        "split",
        "the height of a convolution or pooling",
        "pairs of steps",
    ):
        mutants = table_mutants(name) if name in BLOCK_TYPES else rule_mutants(name)
        chosen = random.Random(name).choice([one for one in mutants if one.name not in _equivalent(name)])
        assert survivors(iter([chosen]), name if name in BLOCK_TYPES else "") == (set(), 1), (name, chosen.name)


def test_a_survivor_is_reported() -> None:
    harmless = Broken("harmless", lambda patch: None)
    # Replaced and not taken out, so that the order of the types is what it was.
    harmful = Broken("harmful", lambda patch: patch.setitem(BLOCK_TYPES, "dense", BLOCK_TYPES["norm"]))
    assert survivors(iter([harmless, harmful])) == ({"harmless"}, 2)
