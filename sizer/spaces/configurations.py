"""Configurations of a space: a sequence of mappings that `sizer.count` takes, held as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from sizer.answer import Shown, Table, left_out
from sizer.networks.fields import FIELDS
from sizer.spaces.decisions import IntArray
from sizer.sweepfile.sweep import as_word

if TYPE_CHECKING:
    from sizer.spaces.chains import LayerChain
    from sizer.spaces.numbering import Numbering

_SHOWN = 20
"""Networks that are printed."""


class Configurations(Shown, Sequence[dict[str, Any]]):
    """Some configurations of a space, in an order."""

    def __init__(self, chains: Sequence[LayerChain], numbering: Numbering, starts: IntArray, options: IntArray) -> None:
        """Hold them.

        Args:
            chains: of the space.
            numbering: of the space.
            starts: the chain of each, shape (n,).
            options: what each layer is, shape (n, layers of the longest); -1 above the last layer.
        """
        self._chains = chains
        self._numbering = numbering
        self.starts = starts
        self.options = options

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Configurations: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | Configurations:
        """Return one configuration as fields, or some of them."""
        if isinstance(place, slice):
            return self.taken(np.arange(len(self))[place])
        chain = self._chains[int(self.starts[place])]
        return chain.fields(self.options[place, : chain.depth].tolist())

    def flat(self, place: int) -> dict[str, Any]:
        """Return the fields of one configuration by name; of a model of blocks the swept ones, by path."""
        chain = self._chains[int(self.starts[place])]
        return chain.flat(self.options[place, : chain.depth].tolist())

    def _in_a_line(self) -> str:
        return f"{len(self):,} network{'' if len(self) == 1 else 's'}"

    def _as_table(self) -> Table:
        """Return the networks, a column for each layer of what each layer has for itself."""
        columns = self.columns()
        return tuple(columns), list(zip(*(values.tolist() for values in columns.values()), strict=True))

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        header, rows = self[:_SHOWN]._as_table()
        return self._in_a_line(), (header, rows), left_out(len(self) - len(rows))

    def taken(self, places: IntArray) -> Configurations:
        """Return those at some places."""
        return Configurations(self._chains, self._numbering, self.starts[places], self.options[places])

    def counts(self, column: str) -> IntArray:
        """Return a counted column of each."""
        from sizer.spaces.plan import counts_of

        return counts_of(self._chains, self.starts, self.options, column)

    @property
    def weights(self) -> IntArray:
        """The weights of each."""
        return self.counts("weights")

    @property
    def ids(self) -> list[int]:
        """The id of each, its place among all configurations of the space."""
        found: list[int] = self._numbering.ids(self.starts, self.options).tolist()
        return found

    def column(self, field: str) -> npt.NDArray[Any]:
        """Return a field of each: one value, or one per layer, shape (n, layers), 0 or "" where a layer is not there."""
        own = [chain.layered(field) for chain in self._chains]
        layers = max((one[1] for one in own if one is not None), default=0)
        default = (FIELDS[field].default if field in FIELDS else None) or 0
        kind = self._kind(field)
        found = np.full((len(self), layers) if layers else len(self), "" if kind is object else 0, dtype=kind)
        for start in np.unique(self.starts).tolist():
            rows = self.starts == start
            one = own[start]
            value = self._chains[start].values.get(field)
            if one is not None:
                first, number, values = one
                found[np.ix_(rows, np.arange(number))] = values[self.options[rows, first : first + number]]
            elif layers:
                found[np.ix_(rows, np.arange(self._chains[start].depth))] = default if value is None else value
            elif kind is object:
                found[rows] = as_word(value)
            else:
                found[rows] = default if value is None else value
        return found

    def _kind(self, field: str) -> Any:
        """Return the kind of an array that holds a field."""
        if field in FIELDS:
            return {"choice": object, "boolean": np.bool_}.get(FIELDS[field].kind, np.int64)
        if any(own is not None and own[2].dtype == object for own in (chain.layered(field) for chain in self._chains)):
            return object
        values = [chain.values.get(field) for chain in self._chains if chain.layered(field) is None]
        if any(isinstance(value, (str, tuple)) for value in values):
            return object
        return np.bool_ if values and all(isinstance(value, bool) for value in values) else np.int64

    def _varied(self) -> list[str]:
        """Return the fields of whole networks, beside `layers`, of which the space has several values."""
        known: dict[str, set[Any]] = {}
        for chain in self._chains:
            for name, value in chain.values.items():
                known.setdefault(name, set()).add(value)
        several = [name for name, values in known.items() if len(values) > 1]
        return [name for name in several if name != "layers" and all(c.layered(name) is None for c in self._chains)]

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Return the swept fields and the weights as columns, a field of layers as one column per layer, from 1."""
        numbers = self.ids
        found: dict[str, npt.NDArray[Any]] = {"id": np.array(numbers)}
        layered = list(dict.fromkeys(name for chain in self._chains for name in chain.layered_fields))
        if any("layers" in chain.values for chain in self._chains):
            found["layers"] = self.column("layers")
        for name in self._varied():
            found[name] = self.column(name)
        for name in layered:
            values = self.column(name)
            found |= {f"{name}.{layer + 1}": values[:, layer] for layer in range(values.shape[1])}
        found["weights"] = self.weights
        return found
