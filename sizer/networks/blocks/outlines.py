"""A model of blocks with some fields left open: sizes as symbols, everything else as it is in one structure.

A field is named by its path, `encoder.cells`, `group.block.field`. *Sizes* stay open, so that counts are polynomials in
them. What is no size (a 2-D kernel, a stride, a list, a word ...) decides the structure: each combination has an outline.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any

from sizer.networks.blocks.checks import OpenChecks, refuse_all
from sizer.networks.blocks.reading import Block, Model, Problem, read_model
from sizer.networks.blocks.tally import Tally, model_columns, tally_graph, times_a_second
from sizer.networks.blocks.types import BLOCK_TYPES, BlockType
from sizer.networks.blocks.wiring import Graph, GraphError, Wired, wire_model
from sizer.networks.cells import CellType
from sizer.networks.columns import BYTES, MODEL_COLUMNS
from sizer.networks.conventions import Rule
from sizer.networks.fields import Kind
from sizer.networks.outlines import Outline, Wiring
from sizer.networks.tensors import Number, product, total
from sizer.numbers.polynomial import Polynomial, Symbolic, compiled_text, evaluated
from sizer.sizes import parse_size

MACS = "macs_per_"
"""In front of the steps of a clock, in the name of a column."""
OF_BLOCK = ".weights"
"""Behind a block's path, in the name of the column of its weights."""
_OF_MODEL: Mapping[str, Any] = {"convention": "textbook", "other_weights": 0}
"""The defaults of what the model says for all of its blocks."""
_OF_ANY_BLOCK: Mapping[str, Any] = {"combine": "concat", "frozen": False}
"""The defaults of what any block may say."""
_DEFAULTS: Mapping[Kind, Any] = {"count": 0, "boolean": False}


class OpenModel:
    """A model of blocks as it is declared, of which fields can be replaced."""

    def __init__(
        self,
        declared: Mapping[str, Any],
        cell_types: Mapping[str, CellType] | None = None,
        block_types: Mapping[str, BlockType] | None = None,
    ) -> None:
        """Hold a model.

        Args:
            declared: what stands under `model`.
            cell_types: those that the person defines.
            block_types: those that the person defines.
        """
        self.declared = declared
        self.cell_types = cell_types or {}
        self.block_types = block_types or {}
        self.kinds: Mapping[str, Kind] = {}
        """Every field that has a value in some structure, with its kind; where it has none it counts as 0."""
        self._outlines: dict[Any, ModelOutline] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: outlines are made there anew."""
        return {**self.__dict__, "_outlines": {}}

    def configuration(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the model with some fields replaced.

        Args:
            values: of fields, by path.
        """
        found: dict[str, Any] = dict(self.declared)
        copied: set[tuple[str, ...]] = set()
        for path, value in values.items():
            place = place_of(self.declared, path)
            here = found
            for number, word in enumerate(place[:-1], start=1):
                if place[:number] not in copied:
                    copied.add(place[:number])
                    here[word] = dict(here[word])
                here = here[word]
            here[place[-1]] = value
        return found

    def own(self, path: str) -> Any:
        """Return what the model itself says of a field, or its default; None where that is no single value."""
        here: Any = self.declared
        block: Any = {}
        for word in place_of(self.declared, path):
            block, here = here, here.get(word) if isinstance(here, Mapping) else None
        if here is None and path in _OF_MODEL:
            return _OF_MODEL[path]
        if here is None and isinstance(block, Mapping):
            known = {**BLOCK_TYPES, **self.block_types}.get(str(block.get("type")))
            name = path.rpartition(".")[2]
            one = known.by_field.get(name) if known else None
            return one.default if one else _OF_ANY_BLOCK.get(name)
        return settled_value(here)

    def given(self, block: str) -> dict[str, Any]:
        """Return the fields that stand in a block, by name, each as it compares."""
        here: Any = self.declared
        for name in block.split("."):
            here = here["blocks"][name]
        return {name: settled_value(value) for name, value in here.items()}

    def read(self, declared: Mapping[str, Any]) -> tuple[Model | None, list[Problem]]:
        """Return a model with the person's own types, read, and what is wrong with it."""
        return read_model(declared, self.cell_types, self.block_types)

    def outline(self, words: Mapping[str, Any], positive: Mapping[str, bool]) -> ModelOutline:
        """Return the model with some fields replaced and some sizes left open; it is made once.

        Args:
            words: the fields that are replaced, by path.
            positive: the sizes that are left open, by path, with whether each is never 0.
        """
        key = (tuple(sorted(words.items(), key=lambda item: item[0])), tuple(sorted(positive.items())))
        found = self._outlines.get(key)
        if found is None:
            found = self._outlines[key] = ModelOutline(self, words, positive)
        return found


def settled_value(value: Any) -> Any:
    """Return a value of a field as it compares: lists as tuples, sizes in words as numbers."""
    if isinstance(value, (list, tuple)):
        return tuple(map(settled_value, value))
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return parse_size(value)
    return None if isinstance(value, Mapping) else value


def place_of(declared: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """Return where a field stands in a declared model: blocks of a group stand under `blocks`."""
    *names, field = path.split(".")
    found: list[str] = []
    for name in names:
        found += ["blocks", name]
    return (*found, field)


def given_of(configuration: Mapping[str, Any], path: str) -> Any:
    """Return a field of a model, or of fields by path; None where it is not there."""
    if path in configuration:
        return settled_value(configuration[path])
    here: Any = configuration
    for word in place_of(configuration, path):
        here = here.get(word) if isinstance(here, Mapping) else None
    return None if here is None else settled_value(here)


class ModelOutline(Outline):
    """A model of blocks in which some sizes are left open."""

    def __init__(self, model: OpenModel, words: Mapping[str, Any], positive: Mapping[str, bool]) -> None:
        """Wire the model on symbols.

        Raises:
            UnsettledError: a size decides something that cannot be kept as a rule, so that it cannot be left open.
        """
        self.open_model = model
        self.words = dict(words)
        never_0 = frozenset(name for name, above in positive.items() if above)
        self.symbols = {name: Symbolic({(name,): 1}, never_0) for name in positive}
        self.problems: list[Problem] = []
        """What is wrong whatever the sizes are, by its place; fields at their own, as far as they can be told."""
        self.read_problems: list[Problem] = []
        """Those of them that are wrong before anything is wired."""
        self.graph: Graph | None = None
        self.checks = OpenChecks()
        self.read = self._read(self.symbols)
        if self.read is not None:
            try:
                self.graph = wire_model(self.read, self.checks)
            except GraphError as found:
                self.problems += [*found.problems, *self.checks.refused]
        if self.problems:
            self.graph = None
        self.grows = all(block.cell is None or block.cell.grows for block in self._blocks())
        self._wiring = _ModelWiring(self, self.graph, self.checks.rules)
        self.plain, self._derived = _fields(self.read, self.graph)
        self._as_said()

    def _as_said(self) -> None:
        """Let fields that are said once for all layers be one value, however the layers are told apart."""
        known = {**self.plain, **self._derived}
        for path in {name.rpartition(".")[0] for name in known if name.rpartition(".")[2].isdecimal()}:
            said = self.symbols.get(path, self.words.get(path, self.open_model.own(path)))
            if isinstance(said, (int, Polynomial)):
                for fields in (self.plain, self._derived):
                    for name in [name for name in fields if name.rpartition(".")[0] == path]:
                        if name.rpartition(".")[2].isdecimal():
                            del fields[name]
                if isinstance(said, int):
                    self.plain[path] = said

    def _blocks(self) -> Sequence[Block]:
        return [] if self.read is None else list(self.read.blocks.values())

    def _read(self, values: Mapping[str, Any]) -> Model | None:
        declared = self.open_model.configuration({**self.words, **values})
        model, problems = self.open_model.read(declared)
        self.read_problems = problems
        self.problems = list(problems)
        return model

    @property
    def kinds(self) -> dict[str, Kind]:
        """Every field that has a value, with its kind; a list has an entry for each layer."""
        return {name: _kind(value) for name, value in {**self.plain, **self._derived}.items()}

    @property
    def conventions(self) -> tuple[str, ...]:
        """Whose rules count: of the model, then of blocks that say their own."""
        own = [] if self.read is None else [self.read.convention]
        return tuple(dict.fromkeys([*own, *(block.convention for block in self._blocks())]))

    @property
    def columns(self) -> tuple[str, ...]:
        """The counted columns that there are, in table order."""
        return self._wiring.columns

    @property
    def canonical(self) -> Wiring:
        """The model wired on its symbols."""
        return self._wiring

    def wired(self, values: Mapping[str, Any]) -> Wiring:
        """Return the model with numbers in place of what is left open."""
        if self.graph is None or all(_is_symbol(values[name], symbol) for name, symbol in self.symbols.items()):
            return self._wiring
        checks = OpenChecks(given=True)
        model, problems = self.open_model.read(self.open_model.configuration({**self.words, **values}))
        assert model is not None, problems
        return _ModelWiring(self, wire_model(model, checks), checks.rules)

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return every field by its path, 0 where another structure has one."""
        found = dict(self._absent)
        found |= self.plain
        for name, value in self._derived.items():
            found[name] = evaluated(compiled_text(value.nested()), values)
        kinds = self.open_model.kinds
        for name, value in self.words.items():  # a list stands in columns of its own, or is a word
            is_spread = isinstance(value, tuple) and kinds.get(name) != "choice"
            found[name] = _DEFAULTS[kinds.get(name, "count")] if is_spread else value
        return found | dict(values)

    def settled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that follow from the values of some that are left open, by path."""
        found = {**self._absent, **self.plain}
        for name, value in self._derived.items():
            if value.names() <= set(values):
                found[name] = evaluated(compiled_text(value.nested()), values)
            else:
                found.pop(name, None)
        return found | dict(values)

    @cached_property
    def _absent(self) -> dict[str, Any]:
        """The fields that other structures have: what the model says of groups and the like, else 0."""
        found = {}
        for name, kind in self.open_model.kinds.items():
            if name not in self.plain:
                own = self.open_model.own(name) if "." in name else None
                found[name] = own if kind == "choice" or isinstance(own, int) else _DEFAULTS[kind]
        return found

    def seen_by_rules(self, values: Mapping[str, Any], fed: Number) -> dict[str, Any]:
        """Return what rules look at: the sizes that are left open."""
        return dict(values)


class _ModelWiring(Wiring):
    def __init__(self, outline: ModelOutline, graph: Graph | None, rules: Sequence[Rule]) -> None:
        self.graph = graph
        self.rules = tuple(rules)
        if graph is None:
            self.rules = tuple(
                Rule(_reason(path, message), path.removeprefix("blocks."), refuse_all)
                for path, message in outline.problems[:1]
            )

    @cached_property
    def tally(self) -> Tally | None:
        """Its sums."""
        return None if self.graph is None else tally_graph(self.graph)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The counted columns that there are, in table order."""
        if self.graph is None or self.tally is None:
            return ()
        a_second = times_a_second(self.tally.macs, self.graph.model.clocks) is not None
        macs = [
            *(["macs_per_step"] if len(self.graph.clocks) == 1 else []),
            *(f"{MACS}{name}" for name in self.tally.macs),
            *(["macs_per_second"] if a_second else []),
        ]
        return tuple(model_columns(dict.fromkeys(MODEL_COLUMNS, 0), self.tally.by_block, dict.fromkeys(macs)))

    def count(self, column: str) -> tuple[Number, int]:
        """Return a counted column as a number and what it is to be divided by, rounded up; 0 where there is none."""
        if self.tally is None or self.graph is None:
            return 0, 1
        if column in BYTES:
            return product([BYTES[column], self.tally.weights]), 1
        if column.endswith(OF_BLOCK):
            return self.tally.by_block.get(column.removesuffix(OF_BLOCK), 0), 1
        if column in self.tally.parts:
            return self.tally.parts[column], 1
        if column.startswith(MACS):
            return _added(self._macs(column.removeprefix(MACS), self.tally, self.graph))
        if column in self.tally.others:
            return self.tally.others[column], 1
        found: Number = getattr(self.tally, column)
        return found, 1

    def _macs(self, steps: str, tally: Tally, graph: Graph) -> list[tuple[Fraction, Number]]:
        """Return how often, and how many multiply-accumulates."""
        if steps == "second":
            a_second = times_a_second(tally.macs, graph.model.clocks) or {}
            return [
                (times * often, number)
                for name, often in a_second.items()
                for times, number in tally.macs[name].items()
            ]
        if steps == "step":
            steps = graph.clocks[0] if len(graph.clocks) == 1 else ""
        return list(tally.macs.get(steps, {}).items())


def _added(terms: Sequence[tuple[Fraction, Number]]) -> tuple[Number, int]:
    """Return the sum of numbers, each so many times, as a number and what it is to be divided by."""
    divisor = lcm(*(times.denominator for times, _ in terms))
    return total([product([int(times * divisor), number]) for times, number in terms]), divisor


def _is_symbol(value: Any, symbol: Symbolic) -> bool:
    return isinstance(value, Symbolic) and value.terms == symbol.terms and value.positive == symbol.positive


def _reason(path: str, message: str) -> str:
    """Return why a structure is refused, by the block's name."""
    where = path.removeprefix("blocks.")
    return f"{where}: {message}"


def _fields(model: Model | None, graph: Graph | None) -> tuple[dict[str, Any], dict[str, Polynomial]]:
    """Return the fields of a model that have one value, by path: those that are known, and those that are left open.

    What a block leaves to its convention, or to what it reads, is as the wired model has it.
    """
    plain: dict[str, Any] = {}
    derived: dict[str, Polynomial] = {}
    if model is None:
        return plain, derived
    several: set[str] = set()
    found: dict[str, Any] = {"convention": model.convention, "other_weights": model.other_weights}
    wired = {} if graph is None else {one.block.key: one for one in graph.blocks}
    for block in model.blocks.values():
        own = {
            **block.fields,
            **_decided(block, wired.get(block.key)),
            "convention": block.convention,
            "combine": block.combine,
            "frozen": block.frozen,
        }
        for name, value in own.items():
            path = f"{block.path}.{name}"
            if path in found and not _alike(found[path], value):
                several.add(path)
            found[path] = value
    for path, value in found.items():
        if path in several:
            continue
        if isinstance(value, tuple):
            spread = {f"{path}.{place}": item for place, item in enumerate(value, start=1)}
        else:
            spread = {path: value}
        for name, item in spread.items():
            if isinstance(item, Polynomial):
                if not any(
                    "(" in variable for variable in item.variables()
                ):  # a width that compares others has no ends
                    derived[name] = item
            elif isinstance(item, (int, str)):
                plain[name] = item
    return plain, derived


def _decided(block: Block, wired: Wired | None) -> dict[str, Any]:
    """Return the fields that a block leaves open, as its tensors have them."""
    found: dict[str, Any] = {}
    dimensions: dict[str, Any] = {}
    for group in wired.groups if wired else ():
        dimensions |= group.dimensions
    for one in block.type.fields:
        if block.fields.get(one.name) is None:
            name = "bias_vectors" if one.name == "bias" and block.type.name == "recurrent" else one.name
            value = dimensions.get(name)
            if isinstance(value, (int, Polynomial)):
                found[one.name] = bool(value) if one.kind == "flag" and isinstance(value, int) else value
    return found


def _alike(first: Any, second: Any) -> bool:
    if isinstance(first, Polynomial) and isinstance(second, Polynomial):
        return first.terms == second.terms
    return not isinstance(first, Polynomial) and not isinstance(second, Polynomial) and bool(first == second)


def _kind(value: Any) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    return "choice" if isinstance(value, str) else "count"
