"""Counts against the parameters that PyTorch itself makes, on its meta device: thousands of random networks."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sizer.errors import InputError
from sizer.networks.columns import PARTS
from sizer.networks.counting import Count, count

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `frameworks`)")

pytestmark = pytest.mark.thorough

RECURRENT = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
PART_OF = {
    "weight_ih": "input_weights",
    "weight_hh": "recurrent_weights",
    "weight_hr": "projection_weights",
    "bias_ih": "bias_weights",
    "bias_hh": "bias_weights",
}
NETWORKS_PER_CELL = 2000


def _random_network(chance: random.Random, cell_type: str, largest: int = 3000) -> dict[str, Any]:
    cells = chance.randint(2, largest)
    fields: dict[str, Any] = {
        "convention": "pytorch",
        "cell_type": cell_type,
        "layers": chance.randint(1, 5),
        "cells": cells,
        "bidirectional": chance.random() < 0.4,
        "outputs": chance.choice([0, chance.randint(1, 5000)]),
    }
    if cell_type == "lstm":
        fields["recurrent_projection"] = chance.choice([0, 1, cells - 1, chance.randint(1, cells - 1)])
    bias = chance.choice([None, 0, 2])
    if bias is not None:
        fields["bias_vectors"] = bias
    if chance.random() < 0.3:
        fields["output_bias"] = chance.random() < 0.5
    if chance.random() < 0.3:
        handed = fields.get("recurrent_projection") or cells
        vocabulary, tied = chance.randint(1, 20000), chance.random() < 0.5
        fields |= {"vocabulary": vocabulary, "embedding": chance.randint(1, 1000)}
        if tied:
            fields |= {"tied_embedding": True, "outputs": vocabulary}
            fields["embedding"] = handed * (2 if fields["bidirectional"] else 1)
    else:
        fields["inputs"] = chance.randint(1, 3000)
    return fields


def _recurrent(fields: dict[str, Any], inputs: int, cells: int, layers: int, projection: int, device: str) -> Any:
    options = {"proj_size": projection} if fields["cell_type"] == "lstm" else {}
    return getattr(torch.nn, RECURRENT[fields["cell_type"]])(
        inputs,
        cells,
        layers,
        bias=fields.get("bias_vectors", 2) == 2,
        bidirectional=fields.get("bidirectional", False),
        device=device,
        **options,
    )


def _build(fields: dict[str, Any], device: str = "meta") -> Any:
    """Return the same network made of torch.nn modules; lists become stacked single layers."""
    frame = fields.get("embedding", 0) or fields["inputs"]
    directions = 2 if fields.get("bidirectional") else 1
    network = torch.nn.ModuleDict()
    if fields.get("vocabulary"):
        network["embedding"] = torch.nn.Embedding(fields["vocabulary"], fields["embedding"], device=device)
    stack = torch.nn.ModuleList()
    if isinstance(fields["cells"], list):
        projections = fields.get("recurrent_projection", [0] * len(fields["cells"]))
        for cells, projection in zip(fields["cells"], projections, strict=True):
            stack.append(_recurrent(fields, frame, cells, 1, projection, device))
            frame = directions * (projection or cells)
    else:
        projection = fields.get("recurrent_projection", 0)
        stack.append(_recurrent(fields, frame, fields["cells"], fields["layers"], projection, device))
        frame = directions * (projection or fields["cells"])
    network["recurrent"] = stack
    if fields.get("outputs"):
        network["output"] = torch.nn.Linear(
            frame, fields["outputs"], bias=fields.get("output_bias", True), device=device
        )
        if fields.get("tied_embedding"):
            network["output"].weight = network["embedding"].weight
    return network


def _parts(network: Any) -> dict[str, int]:
    """Return the parameters by part; named_parameters names a shared one only once."""
    parts = dict.fromkeys(PARTS, 0)
    for name, parameter in network.named_parameters():
        module, _, tensor = name.partition(".")
        if module == "recurrent":
            tensor = tensor.rpartition(".")[2]
            parts[PART_OF["_".join(tensor.split("_")[:2])]] += parameter.numel()
        elif name == "output.bias":
            parts["bias_weights"] += parameter.numel()
        else:
            assert tensor == "weight"
            parts[f"{module}_weights"] += parameter.numel()
    return parts


def _macs(network: Any) -> int:
    """Return the scalars of every matrix that multiplies; the embedding only looks up, unless the output is tied to it."""
    recurrent = sum(p.numel() for name, p in network["recurrent"].named_parameters() if ".weight_" in name)
    output = network["output"].weight.numel() if "output" in network else 0
    return int(recurrent) + int(output)


def _assert_equal(fields: dict[str, Any]) -> Count:
    network = _build(fields)
    counted = count(fields)
    assert counted.parts == _parts(network), fields
    assert counted.weights == sum(parameter.numel() for parameter in network.parameters()), fields
    assert counted.macs_per_step == _macs(network), fields
    return counted


@pytest.mark.parametrize("cell_type", ["lstm", "gru", "rnn"])
def test_random_networks(cell_type: str) -> None:
    chance = random.Random(f"pytorch {cell_type}")
    counts = [_assert_equal(_random_network(chance, cell_type)) for _ in range(NETWORKS_PER_CELL)]

    assert len({counted.weights for counted in counts}) > 0.99 * NETWORKS_PER_CELL
    assert sum(counted.configuration["bidirectional"] for counted in counts) > 500
    assert sum(counted.configuration["tied_embedding"] for counted in counts) > 100
    assert sum(counted.configuration["bias_vectors"] == 0 for counted in counts) > 300
    assert cell_type != "lstm" or sum(counted.parts["projection_weights"] > 0 for counted in counts) > 1000


@pytest.mark.parametrize("cell_type", ["lstm", "gru", "rnn"])
def test_random_widths_per_layer(cell_type: str) -> None:
    """One value per layer is a stack of single-layer modules."""
    chance = random.Random(f"pytorch per layer {cell_type}")
    for _ in range(400):
        fields = _random_network(chance, cell_type)
        del fields["layers"]
        if fields.pop("tied_embedding", False):
            fields["outputs"] = 7
        layers = chance.randint(1, 5)
        fields["cells"] = [chance.randint(2, 1000) for _ in range(layers)]
        if cell_type == "lstm":
            fields["recurrent_projection"] = [
                chance.choice([0, chance.randint(1, cells - 1)]) for cells in fields["cells"]
            ]
        _assert_equal(fields)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
@pytest.mark.parametrize("cell_type", ["lstm", "gru", "rnn"])
def test_state_size_is_what_a_forward_pass_hands_back(cell_type: str) -> None:
    chance = random.Random(f"pytorch state {cell_type}")
    for _ in range(40):
        fields = _random_network(chance, cell_type, largest=24) | {"vocabulary": 0, "embedding": 0, "outputs": 0}
        fields |= {"inputs": chance.randint(1, 9), "tied_embedding": False}
        network = _build(fields, device="cpu")
        with torch.no_grad():
            _, state = network["recurrent"][0](torch.zeros(4, fields["inputs"]))
        tensors = state if cell_type == "lstm" else (state,)
        assert count(fields).state_size == sum(tensor.numel() for tensor in tensors), fields


def test_awd_lstm() -> None:
    """Merity et al. 2017: 1150, 1150 and 400 cells behind a tied embedding of 10,000 x 400; printed as 24M."""
    counted = _assert_equal(
        {
            "convention": "pytorch",
            "cell_type": "lstm",
            "cells": [1150, 1150, 400],
            "vocabulary": 10000,
            "embedding": 400,
            "outputs": 10000,
            "tied_embedding": True,
        }
    )

    assert counted.weights == 24_221_600


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"cell_type": "lstm", "recurrent_projection": 8}, {"proj_size": 8}),
        ({"cell_type": "lstm", "recurrent_projection": 9}, {"proj_size": 9}),
        ({"cell_type": "gru", "recurrent_projection": 3}, {"proj_size": 3}),
        ({"cell_type": "rnn", "recurrent_projection": 3}, {"proj_size": 3}),
        ({"cell_type": "lstm", "peepholes": True}, {"peepholes": True}),
    ],
)
def test_what_pytorch_refuses_is_refused(fields: dict[str, Any], options: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        getattr(torch.nn, RECURRENT[fields["cell_type"]])(5, 8, device="meta", **options)
    with pytest.raises(InputError):
        count({"convention": "pytorch", "inputs": 5, "layers": 1, "cells": 8} | fields)


def test_the_bounds_of_proj_size_agree() -> None:
    """Every pair of cells and projection up to 8: accepted by both or refused by both."""
    accepted = 0
    for cells in range(1, 9):
        for projection in range(9):
            fields = {"convention": "pytorch", "cell_type": "lstm", "inputs": 3, "layers": 1, "cells": cells}
            try:
                made = torch.nn.LSTM(3, cells, proj_size=projection, device="meta")
            except ValueError:
                with pytest.raises(InputError):
                    count(fields | {"recurrent_projection": projection})
            else:
                expected = sum(parameter.numel() for parameter in made.parameters())
                assert count(fields | {"recurrent_projection": projection}).weights == expected
                accepted += 1
    assert accepted == sum(range(1, 9))
