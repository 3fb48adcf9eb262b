"""Multiply-accumulates and state, against PyTorch's own counter of operations and against figures worked by hand.

`FlopCounterMode` counts the products of matrices that really run, two operations for a multiply-accumulate, and no
biases. Where it is right, measured with PyTorch 2.13:

    on the meta device                            exact: LSTM (projected or not), GRU, RNN, their cells, Linear
    on a CPU, GRU, RNN, projected LSTM, cells     exact
    on a CPU, LSTM without projections            0: one operation of oneDNN does it all; without oneDNN exact
    Embedding                                     0: a look-up, no product, as with us
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from sizer.frameworks.code import write_code
from sizer.frameworks.plan import plan
from sizer.frameworks.pytorch import modules
from sizer.networks.counting import count, read
from tests.framework_networks import random_network

WORKED: list[tuple[str, dict[str, Any], int, int]] = [
    # LSTM, i = 3, n = 5: 4*5*(3 + 5); the state is cells and what recurs.
    ("lstm", {"cell_type": "lstm"}, 160, 5 + 5),
    ("gru", {"cell_type": "gru"}, 3 * 5 * (3 + 5), 5),
    ("rnn", {"cell_type": "rnn"}, 5 * (3 + 5), 5),
    # Vectors are no matrices: nothing is added by them.
    ("vectors", {"cell_type": "lstm", "bias_vectors": 2, "peepholes": True, "output_bias": True}, 160, 10),
    ("output", {"cell_type": "gru", "outputs": 7}, 120 + 5 * 7, 5),
    # r = 2, p = 1: gates 4*5*(3 + 2), projection 5*(2 + 1), output (2 + 1)*7; state 5 cells and the 2 that recur.
    (
        "projected",
        {"cell_type": "lstm", "recurrent_projection": 2, "nonrecurrent_projection": 1, "outputs": 7},
        100 + 15 + 21,
        5 + 2,
    ),
    # Two layers: 4*5*(3 + 5), then 4*5*(5 + 5).
    ("two layers", {"cell_type": "lstm", "layers": 2}, 160 + 200, 20),
    # Both directions of both layers; the second is fed by 10: 2*160 + 2*4*5*(10 + 5); the output layer by 10.
    ("bidirectional", {"cell_type": "lstm", "layers": 2, "bidirectional": True, "outputs": 7}, 320 + 600 + 70, 40),
    # The sums are 5 wide: 2*160 + 2*4*5*(5 + 5) + 5*7.
    (
        "summed",
        {"cell_type": "lstm", "layers": 2, "bidirectional": True, "summed_directions": True, "outputs": 7},
        320 + 400 + 35,
        40,
    ),
    # The second layer is fed by 5 + 3, the output layer by 5 + 5: 160 + 4*5*(8 + 5) + 10*7.
    ("skip", {"cell_type": "lstm", "layers": 2, "skip_connections": True, "outputs": 7}, 160 + 260 + 70, 20),
    # r goes up alone, r + p into the output layer: 4*5*(3 + 2) + 5*3, then 4*5*(2 + 2) + 5*3, then 3*7.
    (
        "only r up",
        {
            "cell_type": "lstm",
            "layers": 2,
            "recurrent_projection": 2,
            "nonrecurrent_projection": 1,
            "only_recurrent_up": True,
            "outputs": 7,
        },
        115 + 95 + 21,
        14,
    ),
    # A look-up multiplies nothing; the tied output matrix adds no weights and multiplies all the same: 5*6.
    (
        "tied",
        {
            "cell_type": "rnn",
            "inputs": 0,
            "vocabulary": 6,
            "embedding": 5,
            "tied_embedding": True,
            "outputs": 6,
        },
        5 * (5 + 5) + 30,
        5,
    ),
    ("the rest of the model", {"cell_type": "rnn", "other_weights": 1000}, 40, 5),
    # 4*5*(3 + 5), then 4*2*(5 + 2), then 2*7; states of 5 and of 2 cells.
    ("widths", {"cell_type": "lstm", "layers": 2, "cells": [5, 2], "outputs": 7}, 160 + 56 + 14, 10 + 4),
]


@pytest.mark.parametrize(("fields", "macs", "state"), [case[1:] for case in WORKED], ids=[case[0] for case in WORKED])
def test_worked_by_hand(fields: dict[str, Any], macs: int, state: int) -> None:
    counted = count({"convention": "textbook", "inputs": 3, "layers": 1, "cells": 5} | fields)
    assert (counted.macs_per_step, counted.state_size) == (macs, state)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed (the extra `frameworks`)")


def operations(module: Any, *given: Any) -> int:
    """Return what PyTorch's counter sees in a forward pass."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*given)
    return int(counter.get_total_flops())


def frames(torch: Any, fields: dict[str, Any], batch: int, time: int, device: str) -> Any:
    """Return an input of a network, zeros or symbols."""
    shape = (batch, time) if fields.get("vocabulary") else (batch, time, fields["inputs"])
    return torch.zeros(shape, dtype=torch.long if fields.get("vocabulary") else torch.float32, device=device)


@pytest.mark.thorough
@pytest.mark.parametrize("cell_type", ["lstm", "gru", "rnn"])
def test_whole_networks_on_the_meta_device(torch: Any, cell_type: str) -> None:
    """Skips, lists of widths, ties and all: the module that we write runs, and its products are counted."""
    chance = random.Random(f"macs {cell_type}")
    seen = set()
    for _ in range(100):
        fields = random_network(chance, "pytorch", cell_type, 300)
        module: dict[str, Any] = {}
        exec(write_code(fields, "torch"), module)
        with torch.device("meta"):
            network = module["Network"]()
        batch, time = chance.randint(1, 3), chance.randint(1, 3)
        counted = operations(network, frames(torch, fields, batch, time, "meta"))
        assert counted == 2 * batch * time * count(fields).macs_per_step, fields
        seen.add(counted)
    assert len(seen) > 80


@pytest.mark.thorough
@pytest.mark.parametrize("cell_type", ["lstm", "gru", "rnn"])
def test_state_is_what_every_layer_hands_back(torch: Any, cell_type: str) -> None:
    chance = random.Random(f"state {cell_type}")
    for _ in range(60):
        fields = random_network(chance, "pytorch", cell_type, 300)
        planned = plan(read(fields).resolved)
        recurrent = modules(planned)["recurrent"]
        found = 0
        for layer in [recurrent] if planned.stackable else recurrent:
            _, state = layer(torch.zeros((1, 1, layer.input_size), device="meta"))
            found += sum(one.numel() for one in (state if cell_type == "lstm" else (state,)))
        assert count(fields).state_size == found, fields


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
@pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN:UserWarning")
def test_where_the_counter_is_right_on_a_cpu(torch: Any) -> None:
    """It is for projected LSTMs, GRUs and RNNs. A plain LSTM is one operation of oneDNN, which it does not know."""
    network = {"convention": "pytorch", "inputs": 5, "layers": 2, "cells": 7, "bidirectional": True}
    for fields, options, kind in (
        ({"cell_type": "lstm", "recurrent_projection": 3}, {"proj_size": 3}, torch.nn.LSTM),
        ({"cell_type": "gru"}, {}, torch.nn.GRU),
        ({"cell_type": "rnn"}, {}, torch.nn.RNN),
    ):
        made = kind(5, 7, 2, bidirectional=True, **options)
        assert operations(made, torch.zeros(4, 5)) == 2 * 4 * count(network | fields).macs_per_step
    plain = torch.nn.LSTM(5, 7, 2, bidirectional=True)
    expected = 2 * 4 * count(network | {"cell_type": "lstm"}).macs_per_step
    if torch.backends.mkldnn.is_available():
        assert operations(plain, torch.zeros(4, 5)) == 0
    with torch.backends.mkldnn.flags(enabled=False):
        assert operations(plain, torch.zeros(4, 5)) == expected


@pytest.mark.parametrize(("cell_type", "kind"), [("lstm", "LSTMCell"), ("gru", "GRUCell"), ("rnn", "RNNCell")])
def test_networks_of_single_cells_and_linear_maps(torch: Any, cell_type: str, kind: str) -> None:
    """One step by hand, on a CPU: cells and Linear are counted there for every cell type."""
    chance = random.Random(f"cells {cell_type}")
    for _ in range(40):
        layers, directions = chance.randint(1, 3), chance.randint(1, 2)
        fields: dict[str, Any] = {
            "convention": "pytorch",
            "cell_type": cell_type,
            "inputs": chance.randint(1, 30),
            "layers": layers,
            "cells": chance.randint(1, 30),
            "outputs": chance.randint(1, 30),
            "bidirectional": directions == 2,
            "skip_connections": chance.random() < 0.5,
        }
        found = 0
        raw = below = torch.zeros(1, fields["inputs"])
        handed: list[Any] = []
        for _layer in range(layers):
            fed = torch.cat([below, raw], 1) if fields["skip_connections"] and handed else below
            both = [getattr(torch.nn, kind)(fed.shape[1], fields["cells"]) for _ in range(directions)]
            found += sum(operations(cell, fed) for cell in both)
            below = torch.zeros(1, directions * fields["cells"])
            handed.append(below)
        last = torch.cat(handed, 1) if fields["skip_connections"] else below
        found += operations(torch.nn.Linear(last.shape[1], fields["outputs"]), last)
        assert found == 2 * count(fields).macs_per_step, fields


def test_a_look_up_is_no_product(torch: Any) -> None:
    assert operations(torch.nn.Embedding(6, 5), torch.zeros(4, dtype=torch.long)) == 0
