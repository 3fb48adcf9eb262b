"""A model of blocks becomes a sheet whose sizes can be changed: its blocks in order, and every tensor a row with a live formula.

    sizes -> the model wired with `SheetSize` numbers -> the width that each block hands up, by a name that later blocks use
                                                      -> tensors -> sums
                                                      -> rules -> a note beside the size that is at fault

What is no size (a 2-D kernel, a stride, a list's length, a word) stays as it is: it decides which formulas there are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sizer.networks.blocks.checks import Checks
from sizer.networks.blocks.declared import Declared
from sizer.networks.blocks.reading import Block, Key, read_model
from sizer.networks.blocks.sizes import OTHER, Size, with_sizes
from sizer.networks.blocks.steps import SEQUENCE
from sizer.networks.blocks.tally import clock_name, times_a_second
from sizer.networks.blocks.types import BLOCK_TYPES
from sizer.networks.blocks.wiring import Graph, Wired, wire_model
from sizer.networks.columns import tally
from sizer.networks.conventions import Rule
from sizer.networks.fields import FIELDS
from sizer.networks.network import Group
from sizer.networks.tensors import Number, Tensor, product
from sizer.numbers.sheet_formula import Live, live
from sizer.numbers.sheet_size import Decisions, SheetSize
from sizer.tables.workbook.calculator import STANDINGS, Entry, Width

MOST_ROWS = 20_000
"""Tensors of a sheet: more take a spreadsheet long."""
LONGEST_FORMULA = 8_000
"""Characters of a formula; a spreadsheet takes 8,192."""
_LONGEST_NAME = 200
_INNER = {
    "recurrent": "what is fed back",
    "projected": "what is handed up",
    "joined_cells": "the cells of all directions",
    "input": "what feeds the layer",
    "widens": "1 where the layer hands up another width than it gets",
}
"""The dimensions of recurrent layers that get a name, in the order in which a sheet has them."""


@dataclass(frozen=True)
class BlockRow:
    """A block, or one repetition of one in a group."""

    path: str
    title: str
    """Its path, and which repetition it is."""
    type: str
    reads: Live
    hands_up: Live
    name: str
    """Of the width that it hands up; empty where that is a plain number or a size by itself."""
    state_size: Live
    frozen: bool
    shared: str
    """The block whose weights it has; empty: its own."""
    first: int
    """The place of its first tensor among all of them."""
    last: int
    """The place behind its last."""


@dataclass(frozen=True)
class ModelTensor:
    """A tensor of a block."""

    where: str
    name: str
    shape: str
    weights: Live
    """Of one; 0 where it holds none, or they are another block's."""
    times: Live
    buffers: Live
    """Values of one that are kept beside the weights."""
    macs: Live
    """Of one, each time that it multiplies."""
    steps: str
    """When it multiplies, in words."""


@dataclass(frozen=True)
class Condition:
    """What must hold for the sheet to be of a model."""

    where: str
    refused: Live
    reason: str


@dataclass(frozen=True)
class ModelCalculator:
    """A model of blocks as formulas."""

    conventions: tuple[str, ...]
    entries: tuple[Entry, ...]
    widths: tuple[Width, ...]
    """Of layers within a block."""
    blocks: tuple[BlockRow, ...]
    tensors: tuple[ModelTensor, ...]
    conditions: tuple[Condition, ...]
    other: Live | None
    """`other_weights`, where there are any."""
    macs: Mapping[str, Mapping[str, Fraction]]
    """Steps of a clock, or pairs of them, or a second -> words of `ModelTensor.steps` -> how often for each."""

    @property
    def weights(self) -> int:
        """The weights of the model as it was given."""
        return sum(row.weights.value * row.times.value for row in self.tensors) + (
            self.other.value if self.other else 0
        )

    def macs_per(self, name: str) -> Fraction:
        """Return the multiply-accumulates of the model as it was given, for each of some steps."""
        often = self.macs[name]
        terms = (often.get(row.steps, Fraction(0)) * row.macs.value * row.times.value for row in self.tensors)
        return sum(terms, Fraction(0))

    @property
    def too_large(self) -> str:
        """Why there can be no such sheet, in words; nothing where there can."""
        if len(self.tensors) > MOST_ROWS:
            return f"has {len(self.tensors):,} tensors; a calculator has at most {MOST_ROWS:,}"
        texts = [one.formula.text for one in self.widths]
        texts += [live(number).text for one in self.blocks for number in (one.reads, one.hands_up, one.state_size)]
        texts += [one.weights.text for one in self.tensors] + [one.refused.text for one in self.conditions]
        texts += [refused.text for entry in self.entries for refused, _ in entry.faults]
        longest = max(map(len, texts), default=0)
        return "" if longest <= LONGEST_FORMULA else "has formulas that are longer than a spreadsheet takes"


def model_calculator(asked: Declared) -> ModelCalculator:
    """Return a model of blocks as formulas.

    Args:
        asked: a model without faults.
    """
    return _Maker(asked).made()


class _SheetChecks(Checks):
    """Keeps what must hold as formulas, and gives the widths that blocks hand up names."""

    def __init__(self, maker: _Maker) -> None:
        super().__init__()
        self.maker = maker
        self.kept: dict[tuple[str, str, str], Live] = {}
        """(Block, field, reason) -> where it is refused."""
        self.widths: dict[Key, tuple[str, Live]] = {}
        """What each block hands up: its name, and what it is."""

    def handed_up(self, block: Block, channels: Number) -> Number:
        """Return the channels under a name of their own."""
        if not isinstance(channels, SheetSize) or channels.form == "name":
            return channels
        turns = "".join(f".{turn + 1}" for turn in block.key[1])
        name = self.maker.name(f"{block.path}.hands_up{turns}")
        self.widths[block.key] = (name, channels)
        return self.maker.size(channels.value, name)

    def same(self, block: Block, first: Number, second: Number, field: str, reason: str) -> bool:
        """Return whether two widths are the same, and keep that they must be."""
        differ = live(first) != second
        if differ.value == 0:
            self._keep(block, field, reason, differ)
        return not differ.value

    def refuses(self, block: Block, rule: Rule, seen: Mapping[str, Any], field: str) -> bool:
        """Return False, and keep where a rule refuses the block."""
        refused = rule.refuses(seen)
        if isinstance(refused, Live):
            self._keep(block, field, rule.reason, refused)
        return False

    def _keep(self, block: Block, field: str, reason: str, refused: Live) -> None:
        if not any(letter.isalpha() for letter in refused.text):
            return  # of plain numbers, and so it is
        key = (block.path, field, reason)
        before = self.kept.get(key)
        self.kept[key] = refused if before is None or before.text == refused.text else _either(before, refused)


def _either(first: Live, second: Live) -> Live:
    if second.text in first.text:
        return first
    inner = first.text.removeprefix("OR(").removesuffix(")") if first.text.startswith("OR(") else first.text
    return Live(first.value | second.value, f"OR({inner},{second.text})")


class _Maker:
    def __init__(self, asked: Declared) -> None:
        self.asked = asked
        self.decisions = Decisions()
        self.named: set[str] = set()
        """Names that are taken; a spreadsheet does not tell capitals from small letters."""
        self.sizes: dict[str, Size] = {}
        """By the name of its cell."""
        self.widths: list[Width] = []

    def name(self, wanted: str) -> str:
        """Return a name for a cell that no other has."""
        short = wanted if len(wanted) <= _LONGEST_NAME else f"{wanted[:90]}..{wanted[-90:]}"
        found, number = short, 2
        while found.lower() in self.named:
            found, number = f"{short}_{number}", number + 1
        self.named.add(found.lower())
        return found

    def size(self, value: int, name: str) -> SheetSize:
        """Return a number that stands in a cell of a name."""
        return SheetSize(value, name, decisions=self.decisions)

    def made(self) -> ModelCalculator:
        """Return the model as formulas."""
        declared = with_sizes(self.asked.model, self._leaf, self.asked.block_types)
        model, problems = read_model(declared, self.asked.cell_types, self.asked.block_types)
        assert model is not None, problems
        checks = _SheetChecks(self)
        graph = wire_model(model, checks)
        blocks, tensors = self._blocks(graph, checks)
        faults: dict[str, list[tuple[Live, str]]] = {}
        conditions: list[Condition] = []
        fields = {size.name: name for name, size in self.sizes.items()}
        for (path, field, reason), refused in checks.kept.items():
            entry = fields.get(f"{path}.{field}")
            if entry is None:
                conditions.append(Condition(path, refused, reason))
            else:
                faults.setdefault(entry, []).append((refused, reason))
        conditions += [Condition("", Live(0, text), reason) for text, reason in self.decisions.otherwise.items()]
        other: Number = model.other_weights
        conventions = dict.fromkeys([model.convention, *(block.convention for block in model.blocks.values())])
        return ModelCalculator(
            tuple(conventions),
            tuple(self._entry(name, size, tuple(faults.get(name, ()))) for name, size in self.sizes.items()),
            tuple(self.widths),
            blocks,
            tensors,
            tuple(conditions),
            live(other) if isinstance(other, Live) or other else None,
            _macs(graph),
        )

    def _leaf(self, size: Size) -> SheetSize:
        name = self.name(size.name)
        self.sizes[name] = size
        return self.size(size.value, name)

    def _entry(self, name: str, size: Size, faults: tuple[tuple[Live, str], ...]) -> Entry:
        if size.field == OTHER:
            return Entry(name, size.value, False, 0, None, FIELDS[OTHER].description, faults)
        block: Any = self.asked.model
        # A block, which comes first, may be called as its field is.
        place = len(size.path) - 1 - size.path[::-1].index(size.field)
        for step in size.path[:place]:
            block = block[step]
        one = {**BLOCK_TYPES, **self.asked.block_types}[block["type"]].by_field[size.field]
        return Entry(name, size.value, False, one.minimum, one.maximum, one.description, faults)

    def _blocks(self, graph: Graph, checks: _SheetChecks) -> tuple[tuple[BlockRow, ...], tuple[ModelTensor, ...]]:
        rows: list[BlockRow] = []
        tensors: list[ModelTensor] = []
        for one in graph.blocks:
            block = one.block
            turns = f" {'.'.join(str(turn + 1) for turn in block.key[1])}" if block.key[1] else ""
            title = f"{block.path}{turns}"
            one = self._with_names(one)
            first = len(tensors)
            for group in one.groups:
                tensors.extend(self._rows(one, group, title))
            name, channels = checks.widths.get(block.key, ("", live(one.hands_up.channels)))
            rows.append(
                BlockRow(
                    block.path,
                    title,
                    block.type.name,
                    live(one.reads),
                    live(product([one.hands_up.height, channels])),
                    name if one.hands_up.height == 1 else "",
                    live(tally(one, ["state_size"])["state_size"]),
                    block.frozen,
                    block.shared[0] if block.shared else "",
                    first,
                    len(tensors),
                )
            )
            if name and one.hands_up.height != 1:
                self.widths.append(Width(name, channels, f"the channels that {title} hands up"))
        return tuple(rows), tuple(tensors)

    def _with_names(self, one: Wired) -> Wired:
        """Return a block of which the widths within its layers go by names."""
        if one.block.type.name != "recurrent":
            return one
        found: dict[tuple[str, str], SheetSize] = {}
        groups = []
        for group in one.groups:
            used = {*group.state, *(name for tensor in group.tensors for name in (*tensor.shape, tensor.when))}
            dimensions: dict[str, Any] = dict(group.dimensions)
            for name, words in _INNER.items():
                width = dimensions.get(name)
                if name not in used or not isinstance(width, SheetSize) or width.form == "name":
                    continue
                if (name, width.text) not in found:
                    turns = "".join(f".{turn + 1}" for turn in one.block.key[1])
                    label = self.name(f"{one.block.path}{turns}.{name}.{group.first}")
                    self.widths.append(Width(label, width, f"{words}, layer {group.first}"))
                    found[name, width.text] = self.size(width.value, label)
                dimensions[name] = found[name, width.text]
            groups.append(dataclasses.replace(group, dimensions=dimensions))
        return dataclasses.replace(one, groups=tuple(groups))

    def _rows(self, one: Wired, group: Group, title: str) -> Iterator[ModelTensor]:
        if isinstance(group.times, int) and group.times == 0:
            return
        several = group.first > 1 and not isinstance(one.block.fields.get("cells"), tuple)
        layer = f" - {'each layer from' if several else 'layer'} {group.first}" if group.first else ""
        for tensor in group.tensors:
            size = live(tensor.size(group.dimensions))
            if size.text == "0":
                continue
            weights = live(tensor.weights(group.dimensions)) if group.counted and not tensor.buffer else live(0)
            area = 1 if tensor.area is None else group.dimensions[tensor.area]
            yield ModelTensor(
                f"{title}{layer}{STANDINGS[group.standing]}",
                tensor.name,
                _shape(tensor),
                weights,
                live(group.times),
                size if tensor.buffer and group.counted else live(0),
                live(product([group.uses, area, size])) if tensor.matrix else live(0),
                steps_words(group) if tensor.matrix else "",
            )


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "1"


def steps_words(group: Group) -> str:
    """Return when a group multiplies."""
    found = []
    for clocks, often in group.steps:
        words = " x ".join(sorted(clocks))
        found.append(words if often == 1 else f"{often} {words}")
    return " + ".join(found)


def _macs(graph: Graph) -> dict[str, dict[str, Fraction]]:
    """Return how often what multiplies at some steps does so, for each step of each clock, and for pairs."""
    found: dict[str, dict[str, Fraction]] = {}
    for group in graph.groups:
        if any(tensor.matrix for tensor in group.tensors):
            words = steps_words(group)
            for clocks in dict.fromkeys(clocks for clocks, _ in group.steps):
                often = sum((times for other, times in group.steps if other == clocks), Fraction(0))
                found.setdefault(clock_name(clocks, graph.clocks), {})[words] = often
    ordered = {name: found[name] for name in sorted(found, key=lambda name: name == SEQUENCE)}
    a_second = times_a_second(ordered, graph.model.clocks)
    if a_second:
        together: dict[str, Fraction] = {}
        for name, by_words in ordered.items():
            for words, often in by_words.items():
                together[words] = together.get(words, Fraction(0)) + often * a_second[name]
        ordered["second"] = together
    return ordered
