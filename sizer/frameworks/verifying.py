"""One network, ours against a framework's, tensor by tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sizer.frameworks.equivalents import Shape, framework_shapes
from sizer.frameworks.flax import FLAX
from sizer.frameworks.framework import MOST_LAYERS, Framework
from sizer.frameworks.keras import KERAS
from sizer.frameworks.plan import plan
from sizer.frameworks.pytorch import PYTORCH
from sizer.networks.counting import Count, count_network
from sizer.networks.network import Network

FRAMEWORKS: dict[str, Framework] = {framework.name: framework for framework in (PYTORCH, KERAS, FLAX)}
"""The frameworks to compare with, by the names of the command line."""

CHECKED_AGAINST = {
    "textbook": "totals worked by hand from the equations",
    "sak2014": "a total worked by hand from the paper's equations, and the rounded figures that the paper prints",
    "graves2013": "the rounded figures that Graves' papers print",
    "tensorflow1": "the weights of published checkpoints, printed summaries, and shapes worked by hand",
    "kaldi_nnet3": "the num_params that Kaldi's own recipes print, and shapes worked by hand",
    "kaldi_nnet1": "a total worked by hand from the shapes of Kaldi's component",
    "back_of_envelope": "the closed form itself, worked by hand: no framework builds it",
}
"""What stands behind the conventions that no framework here can build; the figures are in tests/oracles."""


@dataclass(frozen=True)
class Pair:
    """One tensor on both sides."""

    name: str
    """In the framework's words; ours where it has no such tensor."""
    ours: Shape | None
    """None where our table has no such tensor."""
    theirs: Shape | None
    """None where the framework made no such tensor."""

    @property
    def equal(self) -> bool:
        """Whether both have it, with the same shape."""
        return self.ours == self.theirs


@dataclass(frozen=True)
class Comparison:
    """One network on both sides."""

    count: Count
    """Ours, of the whole network."""
    tensors: tuple[Pair, ...]
    """Ours in their order, then those that only the framework has."""
    our_weights: int
    """Our count, without `other_weights`, which no framework knows of."""
    their_weights: int

    @property
    def equal(self) -> bool:
        """Whether every tensor and the total are the same."""
        return self.our_weights == self.their_weights and all(pair.equal for pair in self.tensors)

    def as_json(self) -> dict[str, Any]:
        """Return both sides as `--json` shows them."""
        return {
            "configuration": self.count.configuration,
            "weights": {"sizer": self.our_weights, "framework": self.their_weights},
            "tensors": [
                {
                    "name": pair.name,
                    "sizer": None if pair.ours is None else list(pair.ours),
                    "framework": None if pair.theirs is None else list(pair.theirs),
                    "equal": pair.equal,
                }
                for pair in self.tensors
            ],
        }


def why_not(network: Network, framework: Framework) -> str:
    """Return why a network cannot be compared with a framework; empty where it can.

    Args:
        network: one that its convention does not refuse.
        framework: one of `FRAMEWORKS`.
    """
    convention, cell_type = network.resolved["convention"], network.resolved["cell_type"]
    if not framework.compares(convention, cell_type):
        return not_its_own(convention, cell_type)
    refusals = framework.refusals(network)
    if refusals:
        return refusals[0][1]
    if network.resolved["layers"] > MOST_LAYERS:
        return f"networks of more than {MOST_LAYERS:,} layers are not built"
    expected = _expected(network, framework)
    if any(
        math.prod(shape) > framework.most_values or max(shape) > (framework.most_width or math.inf)
        for shape in expected.values()
    ):
        return f"{framework.title} cannot address a tensor of that size"
    return ""


def not_its_own(convention: str, cell_type: str) -> str:
    """Return who does build a convention's networks, or what it was checked against instead."""
    runnable = [framework for framework in FRAMEWORKS.values() if framework.compares(convention, cell_type)]
    if runnable:
        return f"{convention} is compared with {runnable[0].title}"
    return f"{convention} has no framework that runs here; checked against {CHECKED_AGAINST[convention]}"


def compare_network(network: Network, framework: Framework) -> Comparison:
    """Build one network in a framework and return both sides.

    Args:
        network: one of which `why_not` has answered nothing.
        framework: one of `FRAMEWORKS`.

    Raises:
        InputError: the framework cannot be imported.
    """
    counted = count_network(network)
    ours = _expected(network, framework)
    built = framework.build(plan(network.resolved))
    names = dict.fromkeys((*ours, *built.tensors))
    return Comparison(
        count=counted,
        tensors=tuple(Pair(name, ours.get(name), built.tensors.get(name)) for name in names),
        our_weights=counted.weights - counted.parts["other_weights"],
        their_weights=built.weights,
    )


def _expected(network: Network, framework: Framework) -> dict[str, Shape]:
    equivalents, place = framework.equivalents(plan(network.resolved))
    return framework_shapes(network, equivalents, place)
