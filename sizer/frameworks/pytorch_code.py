"""A network becomes a `torch.nn.Module`: one stacked layer where that is enough, single layers where it is not."""

from __future__ import annotations

from sizer.frameworks.plan import TITLES, Layers, Plan


def pytorch_code(plan: Plan) -> tuple[str, str]:
    """Return the imports and the class.

    Args:
        plan: a network that `pytorch.refusals` says nothing against.
    """
    given = "symbols" if plan.vocabulary else "frames"
    width = "" if plan.vocabulary else f", {plan.inputs}"
    returned = plan.outputs or plan.fed
    lines = [
        "class Network(nn.Module):",
        f'    """{given.capitalize()} (batch, time{width}) become (batch, time, {returned})."""',
        "",
        "    def __init__(self):",
        "        super().__init__()",
    ]
    if plan.vocabulary:
        lines.append(f"        self.embedding = nn.Embedding({plan.vocabulary}, {plan.inputs})")
    if plan.stackable:
        lines.append(f"        self.recurrent = {_layer(plan, plan.layers[0], plan.depth)}")
    else:
        lines += ["        self.layers = nn.ModuleList(", "            ["]
        for layers in plan.layers:
            layer = _layer(plan, layers, 1)
            if layers.number < 3:
                lines += [f"                {layer},"] * layers.number
            else:
                lines.append(f"                *({layer} for _ in range({layers.number})),")
        lines += ["            ]", "        )"]
    if plan.outputs:
        bias = "" if plan.output_bias else ", bias=False"
        lines.append(f"        self.output = nn.Linear({plan.fed}, {plan.outputs}{bias})")
    if plan.tied:
        lines.append("        self.output.weight = self.embedding.weight")
    lines += ["", f"    def forward(self, {given}):", *_forward(plan, given)]
    uses_torch = any("torch." in line for line in lines)
    return ("import torch\n" if uses_torch else "") + "from torch import nn", "\n".join(lines) + "\n"


def _layer(plan: Plan, layers: Layers, depth: int) -> str:
    options = [str(layers.inputs), str(layers.cells)]
    if depth > 1:
        options.append(f"num_layers={depth}")
    if not plan.bias_vectors:
        options.append("bias=False")
    options.append("batch_first=True")
    if plan.directions == 2:
        options.append("bidirectional=True")
    if layers.projection:
        options.append(f"proj_size={layers.projection}")
    return f"nn.{TITLES[plan.cell_type]}({', '.join(options)})"


def _forward(plan: Plan, given: str) -> list[str]:
    look_up = "self.embedding(symbols)" if plan.vocabulary else given
    added = ["forward, backward = hidden.chunk(2, dim=-1)", "hidden = forward + backward"] if plan.summed else []
    if plan.stackable:
        lines = [f"        hidden, _ = self.recurrent({look_up})", *(f"        {line}" for line in added)]
    elif plan.skip:
        lines = [
            *([f"        frames = {look_up}"] if plan.vocabulary else []),
            "        hidden, handed = frames, []",
            "        for layer in self.layers:",
            "            fed = torch.cat([hidden, frames], dim=-1) if handed else frames",
            "            hidden, _ = layer(fed)",
            *(f"            {line}" for line in added),
            "            handed.append(hidden)",
            "        hidden = torch.cat(handed, dim=-1)",
        ]
    else:
        lines = [
            f"        hidden = {look_up}",
            "        for layer in self.layers:",
            "            hidden, _ = layer(hidden)",
            *(f"            {line}" for line in added),
        ]
    lines.append("        return self.output(hidden)" if plan.outputs else "        return hidden")
    return lines
