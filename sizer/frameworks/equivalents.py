"""Our table of tensors becomes a framework's: the same weights under its names, in its order of dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sizer.networks.network import Network

Shape = tuple[int, ...]

Place = Callable[[int, int], str]
"""(layer from 0, direction from 0) -> how a framework names that layer's tensors, with `{}` for the tensor."""


@dataclass(frozen=True)
class Equivalent:
    """What one of our tensors is in a framework.

    Ours stand as (gates, cells, inputs), or (bias vectors, gates, cells); a framework folds what is in front into the
    first of the other dimensions, or deals it out over several tensors.
    """

    names: tuple[str, ...]
    """The tensors that it is dealt out over, along its first dimensions."""
    vector: bool = False
    """Whether they have one dimension, not two."""
    turned: bool = False
    """Whether they stand the other way round, inputs first."""
    first_apart: bool = False
    """Whether the first dimension stays a dimension of its own where it is not 1."""

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the framework's tensors by name.

        Example:
            >>> Equivalent(("bias_ih", "bias_hh"), vector=True).shapes((2, 4, 1024))
            {'bias_ih': (4096,), 'bias_hh': (4096,)}
        """
        if self.first_apart and shape[0] != 1:
            return {self.names[0]: (shape[0], math.prod(shape[1:]))}
        kept = shape[-1:] if self.vector else shape[-2:]
        front = math.prod(shape[: len(shape) - len(kept)])
        each, left = divmod(front, len(self.names))
        if left:
            return {" + ".join(self.names): shape}
        folded = (each * kept[0], *kept[1:])
        return dict.fromkeys(self.names, folded[::-1] if self.turned else folded)


def framework_shapes(network: Network, equivalents: Mapping[str, Equivalent], place: Place) -> dict[str, Shape]:
    """Return every tensor of our table under a framework's names.

    A tensor that has no equivalent keeps our name, so that it is seen as a difference.

    Args:
        network: the wired network.
        equivalents: by the names of our tensors.
        place: of a layer's tensors. Those around the layers stand by themselves.
    """
    found: dict[str, Shape] = {}
    for group in network.groups:
        if group.label == "other" or not group.times:
            continue
        for tensor in group.tensors:
            if not tensor.size(group.dimensions):
                continue
            shape = tuple(name if isinstance(name, int) else int(group.dimensions[name]) for name in tensor.shape)
            equivalent = equivalents.get(tensor.name, Equivalent((tensor.name,), vector=len(shape) == 1))
            pieces = equivalent.shapes(shape)
            for template in _templates(group.label, group.first, int(group.repeats), int(group.directions), place):
                found.update({template.format(name): piece for name, piece in pieces.items()})
    return found


def _templates(label: str, first: int, repeats: int, directions: int, place: Place) -> Iterator[str]:
    if label != "layer":
        yield "{}"
        return
    for layer in range(first - 1, first - 1 + repeats):
        for direction in range(directions):
            yield place(layer, direction)
