"""A sweep of a model of blocks becomes chains of steps: the layers of one block after those of another.

Nothing about a block is known here. A model is wired once for each structure, with a symbol for every field of every
layer, so that each count is a polynomial. A term of it is added where the last of its layers is decided; of the layers
before, what terms still ask for is kept as the state: the width that a layer hands up, or nothing where blocks only add
up. Layers are numbered from the last one of their block, so that stacks of several heights end in the same steps.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.errors import Fault, InputError
from sizer.networks.blocks.open_words import OpenWord
from sizer.networks.blocks.outlines import ModelOutline, given_of
from sizer.networks.columns import BYTES
from sizer.networks.conventions import Rule
from sizer.numbers.polynomial import (
    Monomial,
    Symbolic,
    UnsettledError,
    compiled_text,
    evaluated,
    names_in,
    polynomial,
)
from sizer.spaces.chains import End, LayerChain, LayerStep
from sizer.spaces.decisions import NEVER, IntArray
from sizer.spaces.layers import MOST_LETTERS, MOST_PAIRS, Mask, letters_of_axes
from sizer.spaces.seen import SeenValues
from sizer.sweepfile.expressions import Expression
from sizer.sweepfile.per_layer import PerLayer
from sizer.sweepfile.sweep import Grid, Sweep

Terms = dict[Monomial, int]
"""A polynomial while it is taken apart."""
Sum = tuple[tuple[Monomial, int], ...]
"""A polynomial that a state keeps the value of; the greatest common divisor of its factors is 1."""
MOST_MODELS = 2_000
"""The most combinations of what holds for a whole model."""


# What the layers of one block can be


@dataclass(eq=False)
class BlockLayers:
    """The layers that a block can have: each has one value of every field."""

    block: str
    axes: tuple[PerLayer, ...]
    letters: dict[str, npt.NDArray[Any]]
    """The value of each field, by its path, shape (letters,)."""

    distinct: None = None
    """States tell apart which values there were, so that nothing more has to be known of them."""

    @property
    def number(self) -> int:
        """How many there are."""
        return len(next(iter(self.letters.values())))

    @cached_property
    def places(self) -> dict[tuple[Any, ...], int]:
        """The values of a layer, in file order -> which letter it is; the first one where several are alike."""
        found: dict[tuple[Any, ...], int] = {}
        for place, layer in enumerate(zip(*(values.tolist() for values in self.letters.values()), strict=True)):
            found.setdefault(layer, place)
        return found


@dataclass(eq=False)
class ModelEnd(End):
    """What stands behind the last layer: what no layer has a part in."""

    rest: Mapping[str, int] = field(default_factory=dict)

    @property
    def states(self) -> int:
        """There is one."""
        return 1

    def counts(self, column: str) -> IntArray:
        """Return what is added to a counted column in the end."""
        return np.array([self.rest.get(column, 0)], dtype=np.int64)


@dataclass(eq=False)
class ModelStep(LayerStep):
    """One layer of a block."""

    added: Mapping[str, tuple[_Part, ...]] = field(default_factory=dict)
    """What it adds to each counted column."""
    known: _KnownSums | None = None

    def counts(self, column: str) -> IntArray:
        """Return what each option adds to a counted column, shape (states, options)."""
        if column not in self.shared:
            assert self.known is not None
            shape = self.targets.shape
            self.shared[column] = np.ascontiguousarray(
                np.broadcast_to(self.known.total(self.added.get(column, ())), shape)
            )
        return self.shared[column]


@dataclass(frozen=True)
class _Part:
    """A product of what one layer decides and a sum that is known before it."""

    own: Monomial
    before: Sum | None
    """None: 1."""
    times: int


@dataclass(eq=False)
class _KnownSums:
    """What is known where a layer is decided."""

    sums: Mapping[Sum, IntArray]
    """What the state keeps, shape (states,)."""
    fields: Mapping[str, npt.NDArray[Any]]
    """The layer's own fields by symbol, shape (letters,)."""
    once: Mapping[str, Any]
    """What holds for the whole model."""

    def value(self, name: str) -> Any:
        """Return a field by its symbol, shape (states or 1, letters or 1)."""
        if name in self.fields:
            return self.fields[name][None, :]
        return self.once[name] if name in self.once else self.sums[((name,), 1),][:, None]

    def values(self, names: Collection[str]) -> dict[str, Any]:
        """Return fields by their symbols."""
        return {name: self.value(name) for name in names}

    def total(self, parts: Sequence[_Part]) -> Any:
        """Return a sum of products, shape (states or 1, letters or 1)."""
        total: Any = np.zeros((1, 1), dtype=np.int64)
        for part in parts:
            product: Any = part.times
            for atom in part.own:
                code = compiled_text(atom)
                product = product * evaluated(code, self.values(names_in(code)))
            if part.before is not None:
                product = product * self.sums[part.before][:, None]
            total = total + product
        return total


# One structure: a model in which nothing but whole numbers is open


@dataclass(frozen=True)
class _Refusal:
    """What refuses some models: a rule of a convention, or widths that must be the same."""

    rule: Rule
    names: frozenset[str]


class _WiredStructure:
    """A model with a symbol for each field of each layer."""

    def __init__(
        self, grid: Grid, settled: Mapping[str, Any], layers: Mapping[str, int], positive: Mapping[str, bool]
    ) -> None:
        """Wire it.

        Args:
            grid: of the model.
            settled: the fields of the whole model that decide how it is wired, by path.
            layers: of each block with fields of layers.
            positive: whether each field of layers that is no word is never 0.

        Raises:
            InputError: it cannot be wired on symbols.
        """
        assert grid.model is not None
        blocks = list(dict.fromkeys(axis.block for axis in grid.per_layer))
        self.positions = [(block, place) for block in blocks for place in range(layers[block] - 1, -1, -1)]
        """Each layer: its block, and its place counted from the last one."""
        self.symbols: dict[str, int] = {}
        """The fields of layers -> at which position they are decided."""
        lists: dict[str, tuple[Symbolic | OpenWord, ...]] = {}
        for axis in grid.per_layer:
            names = [f"{axis.field}.{place}" for place in range(layers[axis.block] - 1, -1, -1)]
            start = next(place for place, one in enumerate(self.positions) if one[0] == axis.block)
            if axis.column.structural:
                words = words_of(axis)
                lists[axis.field] = tuple(_open_word(name, words) for name in names)
                self.symbols |= {f"{name}.{word}": start + place for place, name in enumerate(names) for word in words}
                continue
            never_0 = frozenset(names) if positive[axis.field] else frozenset[str]()
            lists[axis.field] = tuple(Symbolic({(name,): 1}, never_0) for name in names)
            self.symbols |= {name: start + place for place, name in enumerate(names)}
        sizes = {name: above for name, above in grid.sizes.items() if name not in settled and name not in self.symbols}
        self.sizes = tuple(sizes)
        try:
            self.outline = ModelOutline(grid.model, {**settled, **lists}, sizes)
        except UnsettledError as unsettled:
            own = {axis.field for axis in grid.per_layer}
            deciding = {
                next((field for field in own if name.startswith(f"{field}.")), name) for name in unsettled.variables
            }
            message = f"{', '.join(sorted(deciding))} cannot be counted layer by layer, as where blocks share weights"
            raise InputError([Fault("", 0, 0, "grid", message)]) from None
        self.stands = not self.outline.problems
        self.counts: dict[str, tuple[Terms, int]] = {}
        self.refusals: list[_Refusal] = []
        self._names: dict[str, tuple[str, ...]] = {}
        if self.stands:
            for column in self.outline.columns:
                if column not in BYTES:
                    number, divisor = self.outline.canonical.count(column)
                    self.counts[column] = (dict(polynomial(number).terms), divisor)
            self.refusals = [_Refusal(rule, self._read_by(rule)) for rule in self.outline.canonical.rules]

    def _read_by(self, rule: Rule) -> frozenset[str]:
        reading = _SumReading(dict.fromkeys((*self.symbols, *self.sizes), np.ones(1, dtype=np.int64)))
        rule.refuses(reading)
        return frozenset(reading.read)

    def names(self, atom: str) -> tuple[str, ...]:
        """Return the fields in a variable of a polynomial, which may be a comparison."""
        if atom not in self._names:
            self._names[atom] = tuple(names_in(compiled_text(atom)))
        return self._names[atom]

    def position(self, names: Collection[str]) -> int:
        """Return at which position the last of some fields is decided; -1 where none is of a layer."""
        return max((self.symbols.get(name, -1) for name in names), default=-1)

    def of_atom(self, atom: str) -> int:
        """Return at which position a variable of a polynomial is known."""
        return self.position(self.names(atom))

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that hold for the whole model, by path, as far as they are known without its layers."""
        return self.outline.settled(values)


def words_of(axis: PerLayer) -> tuple[str, ...]:
    """Return the words that a layer can have."""
    return tuple(dict.fromkeys(str(axis.column.value(place)) for place in range(axis.column.length)))


def _open_word(name: str, words: Sequence[str]) -> OpenWord:
    """Return a word of a layer that is left open, with a symbol for each that it may be."""
    return OpenWord({word: Symbolic({(f"{name}.{word}",): 1}, frozenset()) for word in words})


class _SumReading(dict[str, Any]):
    """Fields that say which of them were read."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)


# Chains


@dataclass(eq=False)
class ModelChain(LayerChain):
    """The models that differ in the layers of their blocks alone."""

    grid: Grid | None = None
    blocks: tuple[tuple[BlockLayers, int], ...] = ()
    """Those with fields of layers, and how many layers each has."""
    fields_in_order: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """How many layers there are, of all blocks."""
        return sum(layers for _, layers in self.blocks)

    def layered(self, name: str) -> tuple[int, int, npt.NDArray[Any]] | None:
        """Return where the layers with a field of their own begin, how many there are, and the field's values."""
        start = 0
        for block, layers in self.blocks:
            if name in block.letters:
                return start, layers, block.letters[name]
            start += layers
        return None

    @property
    def layered_fields(self) -> tuple[str, ...]:
        """The fields that layers have for themselves."""
        return tuple(name for block, _ in self.blocks for name in block.letters)

    def flat(self, letters: Sequence[int]) -> dict[str, Any]:
        """Return the swept fields of a configuration, by path."""
        found = dict(self.values)
        for name in self.layered_fields:
            start, layers, values = self.layered(name) or (0, 0, np.empty(0))
            found[name] = tuple(values[np.asarray(letters[start : start + layers], dtype=np.int64)].tolist())
        return {name: found[name] for name in self.fields_in_order}

    def fields(self, letters: Sequence[int]) -> dict[str, Any]:
        """Return a configuration as `sizer.count` takes it: the model with what is swept in its place."""
        assert self.grid is not None
        assert self.grid.model is not None
        swept = {name: value for name, value in self.flat(letters).items() if name in self.grid.swept}
        return self.grid.model.configuration(swept)

    def letters_of(self, configuration: Mapping[str, Any], once: Sequence[str]) -> list[int] | None:
        """Return what each layer of a configuration is; None where it is none of these.

        Args:
            configuration: a model, or the swept fields by path.
            once: the swept fields of whole models.
        """
        assert self.grid is not None
        for name in self.grid.columns:
            given = given_of(configuration, name)
            if given is not None and given != self.values[name]:
                return None
        found: list[int] = []
        for block, layers in self.blocks:
            rows = [given_of(configuration, name) for name in block.letters]
            if any(row is None or (isinstance(row, tuple) and len(row) != layers) for row in rows):
                return None
            several = zip(*(row if isinstance(row, tuple) else (row,) * layers for row in rows), strict=True)
            found += [block.places.get(layer, -1) for layer in several]
        return found if -1 not in found else None

    def beside(self, layer: int, letter: int) -> list[int]:
        """Return the layers that differ from one in one field."""
        own = self._block_at(layer).letters.values()
        different = np.sum([values != values[letter] for values in own], axis=0)
        return np.flatnonzero(different == 1).tolist()

    def _block_at(self, layer: int) -> BlockLayers:
        for block, layers in self.blocks:
            if layer < layers:
                return block
            layer -= layers
        raise IndexError(layer)


def model_chains(sweep: Sweep) -> list[LayerChain]:
    """Return the chains of a sweep of a model of blocks in the order of ids.

    Raises:
        InputError: there are too many of them, a layer has too many forms, or layers meet in too many ways.
    """
    number = sum(math.prod(axis.length for axis in grid.axes) for grid in sweep.grids)
    if number > MOST_MODELS:
        message = f"has {number:,} combinations of the fields that do not vary per layer; a space of models can have {MOST_MODELS:,}"
        raise InputError([Fault(sweep.file, 0, 0, "grid", message)])
    makers = [_GridChains(sweep, grid) for grid in sweep.grids]
    structures = [structure for maker in makers for structure in maker.structures.values()]
    if not any(structure.stands for structure in structures):
        path, message = structures[0].outline.problems[0]
        said = f"no model of this space is valid: {path.removeprefix('blocks.')}: {message}"
        raise InputError([Fault(sweep.file, 0, 0, "grid", said)])
    divisors: dict[str, int] = {}
    for structure in structures:
        for column, (_, divisor) in structure.counts.items():
            divisors[column] = math.lcm(divisors.get(column, 1), divisor)
    steps: dict[Any, LayerStep | End] = {}
    return [chain for maker in makers for chain in maker.chains(divisors, steps)]


class _GridChains:
    """The chains of one grid."""

    def __init__(self, sweep: Sweep, grid: Grid) -> None:
        assert grid.model is not None
        self._sweep = sweep
        self._grid = grid
        self._model = grid.model
        self._alphabets: dict[Any, BlockLayers] = {}
        self._combinations = list(self._combined())
        words = {axis.field for axis in grid.per_layer if axis.column.structural}
        self._positive = {
            name: bool((values > 0).all() if positive is None else positive and (values > 0).all())
            for name, (values, positive) in self._all_letters().items()
            if name not in words
        }
        self._layered = {axis.field for axis in grid.per_layer}
        self.structures: dict[Any, _WiredStructure] = {}
        for values, layers in self._combinations:
            key = self._key(values, layers)
            if key not in self.structures:
                self.structures[key] = _WiredStructure(grid, self._words(values, layers), layers, self._positive)

    def _combined(self) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
        """Yield the fields of whole models, and how many layers their blocks have, in the order of ids."""
        axes = self._grid.axes
        order = [axes.index(axis) for axis in self._grid.layers_first]
        for places in itertools.product(*(range(axes[place].length) for place in order)):
            by_axis = dict(zip(order, places, strict=True))
            values = self._grid.values([by_axis[place] for place in range(len(axes))])
            yield values, self._grid.layers_of({name: values[name] for name in self._grid.columns})

    def _words(self, values: Mapping[str, Any], layers: Mapping[str, int]) -> dict[str, Any]:
        words = {name: values[name] for name in self._grid.words}
        swept = [f"{block}.layers" for block in layers if f"{block}.layers" in self._grid.columns]
        return words | {name: values[name] for name in swept}

    def _key(self, values: Mapping[str, Any], layers: Mapping[str, int]) -> Any:
        return tuple(self._words(values, layers).items()), tuple(layers.items())

    # Letters

    def _all_letters(self) -> dict[str, tuple[npt.NDArray[Any], bool | None]]:
        found: dict[str, tuple[npt.NDArray[Any], bool | None]] = {}
        for values, layers in self._combinations:
            for block in layers:
                for name, own in self._alphabet(block, values).letters.items():
                    if own.dtype == object:
                        found[name] = (own, None)
                        continue
                    before = found.get(name)
                    known = None if before is None else bool((before[0] > 0).all()) and before[1] is not False
                    found[name] = (own, known)
        return found

    def _alphabet(self, block: str, values: Mapping[str, Any]) -> BlockLayers:
        axes = tuple(axis for axis in self._grid.per_layer if axis.block == block)
        own = {axis.field for axis in axes}
        bases = sorted({axis.column.base for axis in axes if axis.column.base} - own)
        elsewhere = {axis.field for axis in self._grid.per_layer} & set(bases)
        if elsewhere:
            message = f"{', '.join(sorted(elsewhere))} belongs to the layers of another block; a layer of {block} cannot depend on it"
            raise InputError([Fault(self._sweep.file, 0, 0, "grid", message)])
        scalars = {name: values[name] if name in values else self._model.own(name) for name in bases}
        key = (block, tuple(scalars.items()))
        if key not in self._alphabets:
            number = math.prod(axis.column.length for axis in axes)
            if number > MOST_LETTERS:
                message = f"a layer has {number:,} variants; at most {MOST_LETTERS:,} are allowed"
                raise InputError([Fault(self._sweep.file, 0, 0, "grid", message)])
            self._alphabets[key] = BlockLayers(block, axes, letters_of_axes(scalars, axes))
        return self._alphabets[key]

    # Chains

    def chains(self, divisors: Mapping[str, int], steps: dict[Any, LayerStep | End]) -> Iterator[LayerChain]:
        """Yield the chains in the order of ids.

        Args:
            divisors: what every count is a multiple of one part in.
            steps: those that are known; takes others.
        """
        names = self._sweep.names.spread
        order = tuple(dict.fromkeys(("convention", *self._grid.swept, *names)))
        for values, layers in self._combinations:
            structure = self.structures[self._key(values, layers)]
            alphabets = {block: self._alphabet(block, values) for block in layers}
            made = _ChainMaker(self._sweep, structure, alphabets, values, divisors, steps)
            first, allowed = made.made()
            yield ModelChain(
                values,
                first,
                allowed,
                grid=self._grid,
                blocks=tuple((alphabets[block], number) for block, number in layers.items()),
                divisors=divisors,
                fields_in_order=tuple(name for name in order if name in values or name in self._layered),
            )


class _ChainMaker:
    """Makes the steps of one chain."""

    def __init__(
        self,
        sweep: Sweep,
        structure: _WiredStructure,
        alphabets: Mapping[str, BlockLayers],
        values: Mapping[str, Any],
        divisors: Mapping[str, int],
        steps: dict[Any, LayerStep | End],
    ) -> None:
        self._sweep = sweep
        self._structure = structure
        self._alphabets = alphabets
        self._once = {name: values[name] for name in structure.sizes}
        self._values = values
        self._steps = steps
        self._last = len(structure.positions)
        self._rest: dict[str, int] = {}
        self._added: list[dict[str, Terms]] = [{} for _ in structure.positions]
        self._checks: list[list[_Refusal]] = [[] for _ in structure.positions]
        self.allowed = structure.stands
        for column, (terms, divisor) in structure.counts.items():
            self._place(column, terms, divisors[column] // divisor)
        for refusal in structure.refusals:
            position = structure.position(refusal.names)
            if position >= 0:
                self._checks[position].append(refusal)
            elif np.any(refusal.rule.refuses(dict(self._once))):
                self.allowed = False
        self._conditions = self._read_conditions(sweep.where)
        self._seen = self._read_seen()

    def _place(self, column: str, terms: Terms, times: int) -> None:
        """Put each term of a count where the last of its fields is decided."""
        rest = 0
        for monomial, factor in terms.items():
            number, atoms = factor * times, []
            for atom in monomial:
                if self._structure.of_atom(atom) < 0:
                    number *= int(evaluated(compiled_text(atom), self._once))
                else:
                    atoms.append(atom)
            if not atoms:
                rest += number
            elif number:
                position = max(map(self._structure.of_atom, atoms))
                own = self._added[position].setdefault(column, defaultdict(int))
                own[tuple(atoms)] += number
        self._rest[column] = rest

    # Conditions

    def _read_conditions(self, where: Sequence[Expression]) -> dict[str, list[tuple[Expression, dict[str, Any]]]]:
        """Return the conditions on the layers of each block; those on whole models are held at once."""
        layered = {name: block for block, alphabet in self._alphabets.items() for name in alphabet.letters}
        found: dict[str, list[tuple[Expression, dict[str, Any]]]] = {block: [] for block in self._alphabets}
        known: dict[str, Any] | None = None
        for condition in where:
            blocks = {layered[name] for name in condition.names if name in layered}
            if len(blocks) > 1:
                message = f"{condition.text} names layers of {' and '.join(sorted(blocks))} at once; a condition can name layers of one block only"
                raise InputError([Fault(self._sweep.file, 0, 0, "where", message)])
            if known is None:
                known = {**self._structure.fields(self._once), **self._values} if self._structure.stands else {}
            if not self._structure.stands:
                continue
            unknown = sorted(condition.names - set(layered) - set(known))
            if unknown:
                message = f"{condition.text}: {', '.join(unknown)} cannot be used in a condition about layers"
                raise InputError([Fault(self._sweep.file, 0, 0, "where", message)])
            if blocks:
                found[blocks.pop()].append((condition, known))
            else:
                self.allowed = self.allowed and bool(condition.holds(known))
        return found

    # Few different values

    def _read_seen(self) -> dict[str, list[SeenValues]]:
        """Return what tells apart the values of each block's layers, where few of them may differ."""
        layers = Counter(block for block, _ in self._structure.positions)
        found: dict[str, list[SeenValues]] = {}
        for block, alphabet in self._alphabets.items():
            several = [SeenValues.of(axis, alphabet.letters[axis.field], layers[block]) for axis in alphabet.axes]
            found[block] = [one for one in several if one is not None]
        return found

    def _after(self, one: SeenValues, position: int, known: _KnownSums) -> tuple[IntArray, Mask]:
        """Return the values that layers have up to a position, as a state keeps them, and which letters there may be."""
        block, place = self._structure.positions[position]
        if not position or self._structure.positions[position - 1][0] != block:
            return one.after(None, None, place)
        below = None
        if one.ordered:
            letters = self._alphabets[block].letters[one.field]
            below = np.searchsorted(np.unique(letters), known.value(f"{one.field}.{place + 1}")[:, 0])
        return one.after(np.stack([known.sums[key] for key in _keys_of(one)], axis=1), below, place)

    # Steps

    def made(self) -> tuple[LayerStep, bool]:
        """Return the first step, and whether what holds for the whole model lets it stand."""
        kept = self._kept()
        empty: dict[Sum, IntArray] = {}
        sums = empty
        states = 1
        forward = []
        for position in range(self._last):
            alphabet = self._alphabets[self._structure.positions[position][0]]
            known = _KnownSums(sums, self._own(position), self._once)
            pairs = states * alphabet.number
            if pairs > MOST_PAIRS:
                message = f"{pairs:,} different pairs of layers; at most {MOST_PAIRS:,} are allowed"
                if any(self._seen.values()):
                    message += ": with distinct, layers differ in all values so far"
                raise InputError([Fault(self._sweep.file, 0, 0, "grid", message)])
            exists = self._exists(position, known, states)
            allowed = self._allowed(position, known, alphabet)
            parts = {column: self._parts(terms, position) for column, terms in self._added[position].items()}
            targets, after = self._moved(kept[position], position, known, exists)
            forward.append((position, alphabet, known, exists, allowed, parts, targets))
            self._check_size(parts, known)
            sums, states = after, max((len(values) for values in after.values()), default=1)
        step: LayerStep | End = self._end()
        for position, alphabet, known, exists, allowed, parts, targets in reversed(forward):
            key = (
                id(step),
                id(alphabet),
                position == 0,
                tuple((one, values.tobytes()) for one, values in known.sums.items()),
                tuple((column, part) for column, part in sorted(parts.items())),
                exists.tobytes(),
                allowed.tobytes(),
                targets.tobytes(),
                tuple(self._once.items()),
            )
            if key not in self._steps:
                self._steps[key] = ModelStep(
                    alphabet,  # type: ignore[arg-type]
                    position == 0,
                    exists,
                    targets,
                    step,
                    allowed,
                    {},
                    parts,
                    known,
                )
            step = self._steps[key]
        assert isinstance(step, LayerStep)
        return step, self.allowed

    def _own(self, position: int) -> dict[str, npt.NDArray[Any]]:
        block, place = self._structure.positions[position]
        found: dict[str, npt.NDArray[Any]] = {}
        for axis in self._alphabets[block].axes:
            values = self._alphabets[block].letters[axis.field]
            if axis.column.structural:
                found |= {f"{axis.field}.{place}.{word}": (values == word) * 1 for word in words_of(axis)}
            else:
                found[f"{axis.field}.{place}"] = values
        return found

    def _end(self) -> End:
        key = ("end", tuple(sorted(self._rest.items())))
        if key not in self._steps:
            one = np.ones(1, dtype=np.bool_)
            some = next(iter(self._alphabets.values()))
            self._steps[key] = ModelEnd(some, one, {}, dict(self._rest))  # type: ignore[arg-type]
        end = self._steps[key]
        assert isinstance(end, End)
        return end

    def _check_size(self, parts: Mapping[str, tuple[_Part, ...]], known: _KnownSums) -> None:
        """Check, in floats with room to spare, that no count passes what the tables hold."""
        for own in parts.values():
            largest = 0.0
            for part in own:
                product = float(part.times)
                for atom in part.own:
                    code = compiled_text(atom)
                    values = known.values(names_in(code))
                    product *= float(np.max(evaluated(code, values), initial=0))
                if part.before is not None:
                    product *= float(known.sums[part.before].max(initial=0))
                largest += product
            if largest * self._last > NEVER / 4 or max(map(abs, self._rest.values()), default=0) > NEVER // 4:
                message = f"counts can reach {largest * self._last:.1e}, more than the {NEVER // 4:,} of a table"
                raise InputError([Fault(self._sweep.file, 0, 0, "grid", message)])

    # What is kept

    def _kept(self) -> list[tuple[Sum, ...]]:
        """Return for each position the sums of layers up to it that are asked for later."""
        found: list[tuple[Sum, ...]] = [()] * self._last
        later: set[Sum] = set()
        for position in range(self._last - 1, -1, -1):
            found[position] = tuple(sorted(later, key=repr))
            before: set[Sum] = set()
            asked = [dict(one) for one in later]
            for terms in (*asked, *self._added[position].values()):
                if max(self._structure.of_atom(atom) for monomial in terms for atom in monomial) < position:
                    before.add(_normal(terms)[0])
                    continue
                for part in self._parts(terms, position):
                    if part.before is not None:
                        before.add(part.before)
                    before |= self._alone([name for atom in part.own for name in self._structure.names(atom)], position)
            for refusal in self._checks[position]:
                before |= self._alone(refusal.names, position)
            for axis, name in self._ordered(position):
                before |= self._alone([f"{axis.field}.{name}"], position)
            later = before
        return found

    def _alone(self, names: Collection[str], position: int) -> set[Sum]:
        """Return the fields that are decided before a position, as sums."""
        return {(((name,), 1),) for name in names if 0 <= self._structure.symbols.get(name, -1) < position}

    def _ordered(self, position: int) -> Iterator[tuple[PerLayer, int]]:
        """Yield the axes that rise or fall, each with the place of the layer below, where there is one."""
        block, place = self._structure.positions[position]
        if position and self._structure.positions[position - 1][0] == block:
            for axis in self._alphabets[block].axes:
                if axis.order != "any":
                    yield axis, place + 1

    def _parts(self, terms: Mapping[Monomial, int], position: int) -> tuple[_Part, ...]:
        """Return a sum as products of what a layer decides and sums that are known before it."""
        by_own: dict[Monomial, Terms] = {}
        for monomial, factor in terms.items():
            here = tuple(atom for atom in monomial if self._structure.of_atom(atom) == position)
            rest = tuple(atom for atom in monomial if self._structure.of_atom(atom) < position)
            into = by_own.setdefault(here, {})
            into[rest] = into.get(rest, 0) + factor
        found = []
        for own, rest_terms in sorted(by_own.items()):
            constant = rest_terms.pop((), 0)
            if constant:
                found.append(_Part(own, None, constant))
            if rest_terms:
                before, times = _normal(rest_terms)
                found.append(_Part(own, before, times))
        return tuple(found)

    # Masks and states

    def _exists(self, position: int, known: _KnownSums, states: int) -> Mask:
        letters = len(next(iter(known.fields.values())))
        found = np.ones((states, letters), dtype=np.bool_)
        place = self._structure.positions[position][1]
        for axis, below in self._ordered(position):
            own, before = known.value(f"{axis.field}.{place}"), known.value(f"{axis.field}.{below}")
            found &= own <= before if axis.order == "falling" else own >= before
        for one in self._seen[self._structure.positions[position][0]]:
            found &= self._after(one, position, known)[1]
        return found

    def _allowed(self, position: int, known: _KnownSums, alphabet: BlockLayers) -> Mask:
        found: Any = np.ones((1, alphabet.number), dtype=np.bool_)
        for refusal in self._checks[position]:
            refuses = refusal.rule.refuses(known.values(refusal.names))
            found = found & ~np.asarray(refuses, dtype=np.bool_)
        for condition, whole in self._conditions[alphabet.block]:
            holds = condition.holds({**whole, **alphabet.letters})
            found = found & np.broadcast_to(np.asarray(holds, dtype=np.bool_), (1, alphabet.number))
        return np.ascontiguousarray(found)

    def _moved(
        self, kept: Sequence[Sum], position: int, known: _KnownSums, exists: Mask
    ) -> tuple[IntArray, dict[Sum, IntArray]]:
        """Return which state each option leads to, and what the states keep."""
        states, letters = exists.shape
        block, place = self._structure.positions[position]
        seen = self._seen[block] if place else []
        if not kept and not seen:
            return np.zeros((states, letters), dtype=np.int64), {}
        columns = []
        for one in kept:
            terms = dict(one)
            if max(self._structure.of_atom(atom) for monomial in terms for atom in monomial) < position:
                columns.append(known.sums[one][:, None])
            else:
                columns.append(np.asarray(known.total(self._parts(terms, position))))
        keys = list(kept)
        for few in seen:
            columns += list(np.moveaxis(self._after(few, position, known)[0], 2, 0))
            keys += _keys_of(few)
        # What layers alone decide is the same in every state before.
        rows = states if any(values.shape[0] > 1 for values in columns) else 1
        there = exists[:rows] if rows == states else exists.any(axis=0, keepdims=True)
        spread = [np.broadcast_to(values, (rows, letters))[there] for values in columns]
        kept_rows, places = np.unique(np.stack(spread, axis=1), axis=0, return_inverse=True)
        # An option that is not there leads nowhere; the first state stands for it.
        targets = np.zeros((rows, letters), dtype=np.int64)
        targets[there] = places.reshape(-1)
        return np.ascontiguousarray(np.broadcast_to(targets, (states, letters))), {
            one: np.ascontiguousarray(kept_rows[:, place]) for place, one in enumerate(keys)
        }


def _keys_of(seen: SeenValues) -> list[Sum]:
    """Return the names under which a state keeps the values of layers, beside the sums that it keeps."""
    return [(((f"{seen.field} so far {number}",), 1),) for number in range(seen.numbers)]


def _normal(terms: Mapping[Monomial, int]) -> tuple[Sum, int]:
    """Return a sum without the greatest common divisor of its factors, and that."""
    divisor = math.gcd(*terms.values())
    return tuple(sorted((monomial, factor // divisor) for monomial, factor in terms.items())), divisor
