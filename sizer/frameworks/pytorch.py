"""PyTorch: what torch.nn.LSTM, GRU and RNN can be, and their parameters on the meta device, where nothing is stored."""

from __future__ import annotations

from typing import Any

from sizer.frameworks.equivalents import Equivalent, Place
from sizer.frameworks.framework import Built, Framework
from sizer.frameworks.plan import TITLES, Plan, Refusal, beyond, has_candidate_bias
from sizer.networks.network import Network

EQUIVALENTS = {
    "embedding_weights": Equivalent(("embedding.weight",)),
    "input_weights": Equivalent(("weight_ih",)),
    "recurrent_weights": Equivalent(("weight_hh",)),
    "bias": Equivalent(("bias_ih", "bias_hh"), vector=True),
    "projection": Equivalent(("weight_hr",), turned=True),
    "output_weights": Equivalent(("output.weight",), turned=True),
    "output_bias": Equivalent(("output.bias",), vector=True),
}


def refusals(network: Network) -> list[Refusal]:
    """Return why torch.nn cannot build a network, field by field; nothing where it can.

    Args:
        network: as it was wired.
    """
    resolved = network.resolved
    found = beyond(network, "torch.nn", TITLES)
    if found:
        return found
    layer = f"torch.nn.{TITLES.get(resolved['cell_type'], resolved['cell_type'])}"
    cells, recurrent, other = (_each(resolved[n]) for n in ("cells", "recurrent_projection", "nonrecurrent_projection"))
    if resolved["peepholes"]:
        found.append(("peepholes", f"{layer} has no peepholes; tensorflow1 and the Kaldi conventions have"))
    if any(other):
        found.append(("nonrecurrent_projection", f"{layer} has no non-recurrent projection; kaldi_nnet3 has"))
    if any(projection >= width for width, projection in zip(cells, recurrent, strict=True)):
        found.append(
            ("recurrent_projection", f"{layer} needs a projection narrower than its cells; tensorflow1 takes any")
        )
    if resolved["projection_bias"] and (any(recurrent) or any(other)):
        found.append(("projection_bias", f"{layer} has no bias on its projection; kaldi_nnet3 has"))
    if has_candidate_bias(network):
        found.append(("convention", f"{layer} has no bias vector on the candidate alone; flax has"))
    elif resolved["bias_vectors"] not in {0, 2}:
        one = "tensorflow1" if resolved["cell_type"] == "gru" else "keras"
        found.append(("bias_vectors", f"{layer} has two bias vectors per gate or none; {one} has one"))
    return found


def _each(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _equivalents(plan: Plan) -> tuple[dict[str, Equivalent], Place]:
    if plan.stackable:
        return EQUIVALENTS, lambda layer, direction: f"recurrent.{{}}_l{layer}{'_reverse' * direction}"
    return EQUIVALENTS, lambda layer, direction: f"recurrent.{layer}.{{}}_l0{'_reverse' * direction}"


def modules(plan: Plan, device: str = "meta") -> Any:
    """Return a network as a `torch.nn.ModuleDict`: `embedding`, `recurrent` (a stack, or single layers), `output`.

    Args:
        plan: a network without refusals.
        device: `meta` stores nothing.
    """
    import torch

    network = torch.nn.ModuleDict()
    if plan.vocabulary:
        network["embedding"] = torch.nn.Embedding(plan.vocabulary, plan.inputs, device=device)
    options: dict[str, Any] = {
        "bias": plan.bias_vectors > 0,
        "bidirectional": plan.directions == 2,
        "batch_first": True,
        "device": device,
    }
    layer_of = getattr(torch.nn, TITLES[plan.cell_type])
    projected = [{"proj_size": layers.projection} if layers.projection else {} for layers in plan.layers]
    if plan.stackable:
        layers = plan.layers[0]
        network["recurrent"] = layer_of(layers.inputs, layers.cells, plan.depth, **options, **projected[0])
    else:
        network["recurrent"] = torch.nn.ModuleList(
            layer_of(layers.inputs, layers.cells, **options, **projection)
            for layers, projection in zip(plan.layers, projected, strict=True)
            for _ in range(layers.number)
        )
    if plan.outputs:
        network["output"] = torch.nn.Linear(plan.fed, plan.outputs, bias=plan.output_bias, device=device)
        if plan.tied:
            network["output"].weight = network["embedding"].weight
    return network


def _build(plan: Plan) -> Built:
    network = modules(plan)
    named = network.named_parameters(remove_duplicate=False)
    return Built(
        {name: tuple(parameter.shape) for name, parameter in named},
        sum(parameter.numel() for parameter in network.parameters()),
    )


PYTORCH = Framework(
    name="torch",
    title="PyTorch",
    how="on its meta device, where no weights are stored",
    packages=("torch",),
    conventions={"pytorch": None},
    refusals=refusals,
    most_values=2**61 - 1,
    most_width=None,
    equivalents=_equivalents,
    build=_build,
)
