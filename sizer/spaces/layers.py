"""What one layer of a stack adds, for every value that it can have and every layer that can stand below it.

Nothing about a cell is known here: layers are wired by `networks.network` on arrays, one axis for the layer below and
one for the layer itself, and summed by `networks.columns`. LayerChoices below that feed the one above alike are one state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sizer.errors import Fault, InputError
from sizer.networks.cells import CellType
from sizer.networks.columns import tally
from sizer.networks.conventions import cell_of
from sizer.networks.network import Group, Network, recurrent_groups, refusals, resolve, wire
from sizer.spaces.decisions import NEVER, IntArray
from sizer.sweepfile.expressions import Expression
from sizer.sweepfile.per_layer import MOST_FORMS, PerLayer

Mask = npt.NDArray[np.bool_]

MOST_LETTERS = MOST_FORMS
"""The most different layers of one stack."""
MOST_PAIRS = 1 << 27
"""The most pairs of a layer and what stands below it."""
_LARGEST = NEVER // 2
"""No count of a whole network may pass this."""


@dataclass(frozen=True)
class Few:
    """A field of which a network may have few different values alone."""

    values: IntArray
    """Which value each letter has, from 0, shape (letters,)."""
    different: int
    """How many values there are."""
    most: int
    """How many different ones a network may have."""
    ordered: bool
    """Whether they fall or rise from layer to layer, so that what was left does not come back."""


@dataclass(frozen=True)
class StackWiring:
    """How the layers of a stack are wired."""

    raw: int
    """The width that feeds the first layer, where nothing but fields decide it."""
    skip: bool
    """Whether every layer feeds what is behind the stack."""


class LayerChoices:
    """The layers that one stack can have."""

    def __init__(
        self,
        scalars: Mapping[str, Any],
        axes: Sequence[PerLayer],
        cell_types: Mapping[str, CellType],
        where: Sequence[Expression] = (),
        most: int = 1,
    ) -> None:
        """Find the layers, which of them stand, and which of them feed the one above alike.

        Args:
            scalars: the fields of the whole stack, as given.
            axes: those that each layer has for itself, in file order.
            cell_types: those that a person defines.
            where: conditions on a layer.
            most: how many layers the longest stack has.

        Raises:
            InputError: there are too many layers, or counts that no table holds.
        """
        self.axes = tuple(axes)
        number = int(np.prod([axis.column.length for axis in axes], dtype=object))
        if number > MOST_LETTERS:
            raise InputError(
                [Fault("", 0, 0, "grid", f"a layer has {number:,} variants; at most {MOST_LETTERS:,} are allowed")]
            )
        self.letters = letters_of_axes(scalars, axes)
        """The value of each swept field, by field, shape (letters,)."""
        self.number = number
        self._given = {**scalars, **self.letters}
        self._types = self._by_type(scalars, cell_types)
        self.valid = np.ones(number, dtype=np.bool_)
        """Which layers their convention has."""
        self.holds = np.ones(number, dtype=np.bool_)
        """For which layers the conditions hold."""
        for kind in self._types:
            self._judge(kind, where)
        self.distinct = self._few_values()
        """Of which field a network may have few values alone; None: of none."""
        first = self._types[0].resolved
        self.wiring = StackWiring(int(first["inputs"] + first["embedding"]), bool(first["skip_connections"]))
        if most > 1 and self.wiring.skip and np.any(first["tied_embedding"]):
            message = "tied_embedding beside skip_connections asks for the sum of what all layers hand up, which a space does not follow; leave one of them out"
            raise InputError([Fault("", 0, 0, "grid", message)])
        self._check_size(most)
        self._find_states()

    # Letters

    def _few_values(self) -> Few | None:
        axes = [axis for axis in self.axes if axis.distinct is not None and axis.distinct < axis.column.length]
        if len(axes) > 1:
            names = " and ".join(axis.field for axis in axes)
            raise InputError(
                [Fault("", 0, 0, "grid", f"distinct is on {names}; a space can have it on one field only")]
            )
        if not axes:
            return None
        _, values = np.unique(self.letters[axes[0].field], return_inverse=True)
        ordered = axes[0].order != "any"
        return Few(values.reshape(-1), axes[0].column.length, int(axes[0].distinct or 0), ordered)

    def _by_type(self, scalars: Mapping[str, Any], cell_types: Mapping[str, CellType]) -> list[_Kind]:
        words = self.letters.get("cell_type")
        names = [scalars["cell_type"]] if words is None else list(dict.fromkeys(words.tolist()))
        found = []
        for name in names:
            places = np.arange(self.number) if words is None else np.flatnonzero(words == name)
            given = {field: value[places] if field in self.letters else value for field, value in self._given.items()}
            given["cell_type"] = name
            cell = cell_of(given, cell_types)
            found.append(_Kind(cell, places, given, resolve(given, cell)))
        return found

    def _judge(self, kind: _Kind, where: Sequence[Expression]) -> None:
        # Whether a tied embedding fits is known at the end of the stack.
        embedding = kind.resolved["embedding"]
        for _, refuses in refusals(kind.given, kind.cell, embedding):
            self.valid[kind.places] &= ~np.broadcast_to(np.asarray(refuses, dtype=np.bool_), kind.places.shape)
        for condition in where:
            holds = condition.holds(kind.resolved)
            self.holds[kind.places] &= np.broadcast_to(np.asarray(holds, dtype=np.bool_), kind.places.shape)

    def _check_size(self, most: int) -> None:
        """Check in Python ints that no count of a stack can pass what the tables hold."""
        for kind in self._types:
            fields = {
                name: int(value.max()) if isinstance(value, np.ndarray) and value.dtype != object else value
                for name, value in kind.resolved.items()
            }
            network = _stacked((kind.cell,) * 2, [fields] * 2, self.wiring.raw)
            around = wire({**fields, "layers": most}, kind.cell)
            sums = [sum(tally(one, ("weights", "macs_per_step", "state_size")).values()) for one in (network, around)]
            if max(sums[0] * most, sums[1]) > _LARGEST:
                largest = max(sums[0] * most, sums[1])
                raise InputError(
                    [Fault("", 0, 0, "grid", f"counts can reach {largest:,}, more than the {_LARGEST:,} of a table")]
                )

    def _find_states(self) -> None:
        fed = np.empty(self.number, dtype=np.int64)
        keys = []
        for kind in self._types:
            fed[kind.places] = self._one(kind, self.wiring.raw).fed
        for above in self._types:
            reads = np.empty(self.number, dtype=np.int64)
            for kind in self._types:
                own = {name: _first(value) for name, value in above.resolved.items()}
                network = _stacked((kind.cell, above.cell), (kind.resolved, own), self.wiring.raw)
                second = next(group for group in network.groups if group.first == 2)
                reads[kind.places] = second.dimensions["input"]
            keys.append(reads)
        if not self.wiring.skip:
            keys.append(fed)
        keys += [self.letters[axis.field] for axis in self.axes if axis.order != "any"]
        _, first, states = np.unique(np.stack(keys, axis=1), axis=0, return_index=True, return_inverse=True)
        self.states: IntArray = states.reshape(-1)
        """The state that each layer leaves, shape (letters,)."""
        self.representatives: IntArray = first
        """One layer of each state."""
        self.fed: IntArray = fed
        """What each layer hands to what is behind the stack."""
        if len(first) * self.number > MOST_PAIRS:
            pairs = len(first) * self.number
            raise InputError(
                [Fault("", 0, 0, "grid", f"{pairs:,} different pairs of layers; at most {MOST_PAIRS:,} are allowed")]
            )
        self._kind_of = np.empty(self.number, dtype=np.int64)
        for place, kind in enumerate(self._types):
            self._kind_of[kind.places] = place

    def _one(self, kind: _Kind, raw: Any) -> Network:
        return _stacked((kind.cell,), (kind.resolved,), raw)

    # Counts

    def first(self, column: str, raw: IntArray | None = None) -> IntArray:
        """Return what a first layer adds to a counted column, shape (widths that feed it, letters)."""
        feeds = np.array([self.wiring.raw]) if raw is None else raw
        found = np.empty((len(feeds), self.number), dtype=np.int64)
        for kind in self._types:
            network = self._one(kind, feeds[:, None])
            found[:, kind.places] = self._tallied(network, column, 1) + self._handed(kind, column)
        return found

    def above(self, column: str) -> IntArray:
        """Return what a layer above the first adds to a counted column, shape (states, letters)."""
        found = np.empty((len(self.representatives), self.number), dtype=np.int64)
        for place, below in enumerate(self._types):
            rows = np.flatnonzero(self._kind_of[self.representatives] == place)
            if not len(rows):
                continue
            letters = np.searchsorted(below.places, self.representatives[rows])
            fields = {name: _column(value, letters) for name, value in below.resolved.items()}
            for kind in self._types:
                network = _stacked((below.cell, kind.cell), (fields, kind.resolved), self.wiring.raw)
                tallied = self._tallied(network, column, 2) + self._handed(kind, column)
                found[np.ix_(rows, kind.places)] = np.broadcast_to(tallied, (len(rows), len(kind.places)))
        return found

    def _tallied(self, network: Network, column: str, first: int) -> Any:
        """Return what the groups of one layer add."""
        groups = tuple(group for group in network.groups if group.first == first)
        return tally(Network(groups, network.fed, network.resolved, network.cell), (column,))[column]

    def _handed(self, kind: _Kind, column: str) -> Any:
        """Return what a layer adds to the output layer, where every layer feeds it."""
        if not self.wiring.skip:
            return 0
        return self._output(column, self.fed[kind.places]) - self._output(column, 0)

    def _output(self, column: str, fed: Any) -> Any:
        kind = self._types[0]
        groups = [group for group in self._around.groups if group.label == "output"]
        made = tuple(Group("output", 0, 1, 1, g.tensors, {**g.dimensions, "fed": fed}) for g in groups)
        return tally(Network(made, fed, kind.resolved, kind.cell), (column,))[column]

    @cached_property
    def _around(self) -> Network:
        kind = self._types[0]
        return wire({name: _first(value) for name, value in kind.resolved.items()}, kind.cell)

    def ends(self, column: str) -> IntArray:
        """Return what stands around the layers adds to a counted column, shape (states,)."""
        groups = tuple(group for group in self._around.groups if group.label in {"embedding", "other"})
        rest = tally(Network(groups, 0, self._around.resolved, self._around.cell), (column,))[column]
        fed = 0 if self.wiring.skip else self.fed[self.representatives]
        output = self._output(column, fed)
        return np.broadcast_to(np.asarray(rest + output, dtype=np.int64), self.representatives.shape)

    @cached_property
    def fits_ends(self) -> Mask:
        """Which states can be the last: those of which the width fits a tied embedding, where there is one."""
        found = np.ones(len(self.representatives), dtype=np.bool_)
        kind = self._types[0]
        if not np.any(kind.resolved["tied_embedding"]):
            return found
        plain = {name: _first(value) for name, value in kind.given.items()}
        for place, fed in enumerate(self.fed[self.representatives].tolist()):
            fits = [bool(refuses) for _, refuses in refusals(plain, kind.cell, fed)]
            best = [bool(refuses) for _, refuses in refusals(plain, kind.cell, plain.get("embedding", 0))]
            found[place] = fits == best
        return found

    @cached_property
    def places(self) -> dict[tuple[Any, ...], int]:
        """The values of a layer, in file order -> which letter it is; the first one where several are alike."""
        found: dict[tuple[Any, ...], int] = {}
        for place, layer in enumerate(zip(*(values.tolist() for values in self.letters.values()), strict=True)):
            found.setdefault(layer, place)
        return found

    # Order

    def follows(self) -> Mask | None:
        """Return which layers may stand above which state, shape (states, letters); None where all may."""
        found: Mask | None = None
        for axis in self.axes:
            if axis.order == "any":
                continue
            values = self.letters[axis.field]
            below = values[self.representatives][:, None]
            may = values <= below if axis.order == "falling" else values >= below
            found = may if found is None else found & may
        return found


@dataclass(frozen=True)
class _Kind:
    """The layers of one cell type."""

    cell: CellType
    places: IntArray
    """Which letters they are."""
    given: Mapping[str, Any]
    resolved: Mapping[str, Any]


def letters_of_axes(scalars: Mapping[str, Any], axes: Sequence[PerLayer]) -> dict[str, npt.NDArray[Any]]:
    """Return the values of every combination of some axes, the last one fastest."""
    lengths = [axis.column.length for axis in axes]
    places = np.indices(lengths).reshape(len(lengths), -1)
    columns = {axis.field: (axis.column, place) for axis, place in zip(axes, places, strict=True)}
    found: dict[str, npt.NDArray[Any]] = {}

    def settle(name: str) -> npt.NDArray[Any]:
        if name in found:
            return found[name]
        column, place = columns[name]
        base = None
        if column.base is not None:
            base = settle(column.base) if column.base in columns else np.asarray(scalars[column.base])
        found[name] = column.array(place, base)
        return found[name]

    return {name: settle(name) for name in columns}


def _stacked(cells: tuple[CellType, ...], layers: Sequence[Mapping[str, Any]], raw: Any) -> Network:
    """Return layers one above the other, each with fields of its own."""
    fields = {name: tuple(layer[name] for layer in layers) for name in layers[0]}
    # What holds for the whole stack is looked at as one.
    for name in ("convention", "skip_connections"):
        fields[name] = layers[0][name]
    groups, fed = recurrent_groups(cells, fields, raw)
    return Network(tuple(groups), fed, layers[0], cells[0])


def _first(value: Any) -> Any:
    return (
        value[0].item()
        if isinstance(value, np.ndarray) and value.dtype != object
        else (value[0] if isinstance(value, np.ndarray) else value)
    )


def _column(value: Any, letters: IntArray) -> Any:
    """Return a field of some letters as a column, so that another layer can stand across it."""
    return value[letters][:, None] if isinstance(value, np.ndarray) and value.ndim else value
