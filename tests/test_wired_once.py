"""A network that is asked about is wired once, whatever the answer is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import sizer
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import read
from sizer.networks.network import Network
from tests.commands import run_here

NETWORK: dict[str, Any] = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 64}
OWN = {"mine": {"tensors": {"input_weights": [3, "cells", "input"]}, "recurs": "cells", "hands_up": "cells"}}
NETWORKS = {
    "one width": NETWORK,
    "a width per layer": {**NETWORK, "cells": [64, 32], "outputs": 5},
    "both directions": {**NETWORK, "bidirectional": True, "recurrent_projection": 16},
    "a cell of one's own": {**NETWORK, "cell_type": "mine", "cell_types": OWN},
}


@pytest.fixture
def wired(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """Return what takes in the fields of every network that is wired, by whichever name `wire` is called."""
    found: list[Mapping[str, Any]] = []
    made = Network.__init__

    def counted(self: Network, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        found.append(self.resolved)

    monkeypatch.setattr(Network, "__init__", counted)
    return found


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("ask", [sizer.count, sizer.explain])
def test_a_question_about_one_network(
    ask: Callable[[Mapping[str, Any]], Any], network: dict[str, Any], wired: list[Mapping[str, Any]]
) -> None:
    ask(network)
    assert len(wired) == 1


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_comparison_wires_one_network_for_each_convention(
    network: dict[str, Any], wired: list[Mapping[str, Any]]
) -> None:
    assert any(reading.weights for reading in sizer.compare(network))
    assert [resolved["convention"] for resolved in wired] == [*CONVENTIONS]


@pytest.mark.parametrize(("command", "times"), [("explain", 1), ("compare", len(CONVENTIONS))])
@pytest.mark.parametrize("shown", [(), ("--json",)], ids=["in words", "as JSON"])
def test_a_command_wires_no_more(
    command: str, times: int, shown: tuple[str, ...], wired: list[Mapping[str, Any]]
) -> None:
    assert run_here(command, "--inputs", "80", "--layers", "2", "--cells", "64", *shown).returncode == 0
    assert len(wired) == times


def test_a_network_that_is_wired_again_is_noticed(wired: list[Mapping[str, Any]]) -> None:
    network = read(NETWORK)
    read(NETWORK)
    assert [one == network.resolved for one in wired] == [True, True]
