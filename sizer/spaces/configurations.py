"""Configurations of a space: a sequence of mappings that `sizer.count` takes, held as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from sizer.answer import Shown, Table
from sizer.networks.fields import FIELDS
from sizer.spaces.decisions import IntArray

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
        letters = self.options[place, : chain.depth]
        own = chain.first.layers.letters
        found = {**chain.values, **{name: tuple(values[letters].tolist()) for name, values in own.items()}}
        return {name: found[name] for name in FIELDS if name in found}

    def _in_a_line(self) -> str:
        return f"{len(self):,} network{'' if len(self) == 1 else 's'}"

    def _as_table(self) -> Table:
        """Return the networks, a column for each layer of what each layer has for itself."""
        columns = self.columns()
        return tuple(columns), list(zip(*(values.tolist() for values in columns.values()), strict=True))

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        header, rows = self[:_SHOWN]._as_table()
        more = len(self) - len(rows)
        return self._in_a_line(), (header, rows), [f"and {more:,} more; .frame() has all"] if more else []

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
        layered = any(field in chain.first.layers.letters for chain in self._chains)
        words = FIELDS[field].kind == "choice"
        kind: Any = object if words else np.bool_ if FIELDS[field].kind == "boolean" else np.int64
        shape = self.options.shape if layered else (len(self),)
        found = np.full(shape, "" if words else 0, dtype=kind)
        for start in np.unique(self.starts).tolist():
            rows = self.starts == start
            chain = self._chains[start]
            own = chain.first.layers.letters.get(field)
            if not layered:
                value = chain.values.get(field)
                found[rows] = (FIELDS[field].default or 0) if value is None else value
            elif own is None:
                found[np.ix_(rows, np.arange(chain.depth))] = chain.values.get(field, FIELDS[field].default or 0)
            else:
                found[np.ix_(rows, np.arange(chain.depth))] = own[self.options[rows, : chain.depth]]
        return found

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Return the swept fields and the weights as columns, a field of layers as one column per layer, from 1."""
        numbers = self.ids
        found: dict[str, npt.NDArray[Any]] = {"id": np.array(numbers)}
        layered = list(dict.fromkeys(name for chain in self._chains for name in chain.first.layers.letters))
        found["layers"] = self.column("layers")
        for name in layered:
            values = self.column(name)
            found |= {f"{name}.{layer + 1}": values[:, layer] for layer in range(values.shape[1])}
        found["weights"] = self.weights
        return found
