"""The tensors of each block with their dimensions, and the steps at which they multiply."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from math import prod

from sizer.networks.blocks import stacks
from sizer.networks.blocks.checks import Checks
from sizer.networks.blocks.reading import Block, Model
from sizer.networks.blocks.steps import Rate, Rates, pairs, scaled, steps
from sizer.networks.blocks.types import ATTENDS, ATTENTION_TENSORS, FINAL_NORM
from sizer.networks.blocks.widths import Dimensions, Shape, Widths, dimensions_of, divided, of_time, shown
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.network import Group, Steps
from sizer.networks.tensors import Number, Tensor, product
from sizer.numbers.polynomial import Polynomial, UnsettledError, polynomial


class Groups:
    """Makes the groups of tensors of the blocks of a model."""

    def __init__(self, model: Model, widths: Widths, rates: Rates, checks: Checks) -> None:
        """Make them for a model whose widths and steps are settled."""
        self._model = model
        self._widths = widths
        self._rates = rates
        self._checks = checks

    def of(self, block: Block, read: Shape, shape: Shape, rate: Rate) -> Iterator[tuple[Group, Steps]]:
        """Yield each group of tensors of a block with the steps at which they multiply.

        Args:
            block: the block.
            read: what it reads.
            shape: what it hands up.
            rate: how often it steps.

        Raises:
            ValueError: something is no whole number of equal parts.
        """
        kind, fields = block.type.name, block.fields
        if kind == "recurrent":
            yield from self._recurrent(block, read.width)
            return
        convention = CONVENTIONS[block.convention]
        dimensions = dimensions_of(block, read)
        bias = fields.get("bias")
        dimensions["bias"] = int(convention.output_bias if bias is None else bias)
        layers = fields.get("layers", 1)
        tensors = block.type.tensors
        at_steps = {"block": steps(rate), "multiplied": steps(rate)}
        if kind in {"dense", "convolution", "norm"}:
            self._behind(block, dimensions, shape)
        if kind == "dense":
            dimensions["tied"] = int(bool(block.names.get("tied")))
            if fields["groups"] > 1:  # a share of all the steps side by side, not of each
                dimensions["read/groups"] = divided(dimensions["context*read"], fields["groups"], "groups")
                dimensions["context"] = 1
            self._check_tied(block, read, dimensions)
        elif kind == "convolution":
            at_steps["multiplied"] = steps(self._convolution(block, read, shape, rate, dimensions))
        elif kind == "convolutional_lstm":
            yield from self._convolutional_lstm(block, read, shape, rate, dimensions)
            return
        elif kind == "weights":
            part = Tensor("", "other_weights", (), matrix=bool(fields["matrix"]))
            tensors = tuple(
                dataclasses.replace(part, name=name, shape=sizes) for name, sizes in fields["tensors"].items()
            )
        elif kind == "attention":
            tensors = self._attention(block, shape, rate, dimensions, at_steps)
        elif kind in {"transformer", "conformer"}:
            attention_bias = fields["attention_bias"]
            dimensions["attention_bias"] = int(dimensions["bias"] if attention_bias is None else attention_bias)
            dimensions["relative"] = int(fields.get("positions") == "relative")
        for at in dict.fromkeys(tensor.at for tensor in tensors) or (["block"] if block.type.state else []):
            together = tuple(tensor for tensor in tensors if tensor.at == at)
            yield Group("block", 0, layers, 1, together, dimensions, block.type.state), at_steps[at]
        if kind == "transformer":
            yield from self._attends(block, rate, dimensions)
            if fields["final_norm"]:
                yield Group("block", 0, 1, 1, (FINAL_NORM,), dimensions), steps(rate)

    def _behind(self, block: Block, dimensions: Dimensions, shape: Shape) -> None:
        """Settle the norm that stands behind a block, or is it."""
        norm = block.fields["norm"]
        counted = bool(norm) and block.convention != "kaldi_nnet3"
        over_width = block.type.name == "norm" and block.fields["over"] == "width"
        dimensions["channels_up"] = shape.width if over_width else shape.channels
        dimensions["normed"] = int(counted)
        dimensions["buffered"] = int(counted and norm == "batch" and block.convention == "keras")

    def _check_tied(self, block: Block, read: Shape, dimensions: Dimensions) -> None:
        for key in block.names.get("tied", ()):
            embedding = self._model.blocks.get(key)
            if embedding is None:  # it has faults of its own
                continue
            rows = product([dimensions["context"], dimensions["read/groups"]])
            reason = "a tied kernel must have as many values per symbol as it reads"
            if not self._checks.same(block, embedding.fields["embedding"], rows, "tied", reason):
                self._checks.report(
                    block,
                    f"{key[0]} has {shown(embedding.fields['embedding'])} values per symbol, but {shown(rows)} values are read; a tied kernel needs the same number",
                    "tied",
                )
            reason = "a tied kernel must have as many symbols as its width"
            if not self._checks.same(block, embedding.fields["vocabulary"], block.fields["width"], "tied", reason):
                self._checks.report(
                    block,
                    f"{key[0]} has {shown(embedding.fields['vocabulary'])} symbols, but the width is {shown(block.fields['width'])}; a tied kernel needs the same number",
                    "tied",
                )

    def _convolution(self, block: Block, read: Shape, shape: Shape, rate: Rate, dimensions: Dimensions) -> Rate:
        """Settle a convolution's kernel, and return the steps at which it multiplies."""
        fields = block.fields
        flat = not isinstance(fields["kernel"], tuple)
        time, height = (fields["kernel"], 1) if flat else fields["kernel"]
        dimensions["kernel_time"], dimensions["kernel_height"] = time, height
        if flat:
            dimensions["channels_read"] = read.width
        if fields["groups"] == "all":
            dimensions["groups"] = dimensions["channels_read"]
            dimensions["channels_read/groups"] = 1
            divided(fields["channels"], dimensions["groups"], "groups")
        else:
            divided(fields["channels"], fields["groups"], "groups")
        transposed = fields["transposed"]
        dimensions["height_multiplied"] = 1 if flat else read.height if transposed else shape.height
        if not transposed:
            return rate
        return scaled(rate, Fraction(1, of_time(fields["stride"])))

    def _convolutional_lstm(
        self, block: Block, read: Shape, shape: Shape, rate: Rate, dimensions: Dimensions
    ) -> Iterator[tuple[Group, Steps]]:
        time, height = block.fields["kernel"]
        for layer, fed in enumerate((read.channels, block.fields["channels"])):
            here = Dimensions(dimensions, kernel_time=time, kernel_height=height, fed_channels=fed)
            here |= {"height": shape.height, "state": shape.width}
            repeats = 1 if layer == 0 else block.fields["layers"] - 1
            yield Group("layer", layer + 1, repeats, 1, block.type.tensors, here, ("state", "state")), steps(rate)

    def _attention(
        self, block: Block, shape: Shape, rate: Rate, dimensions: Dimensions, at_steps: dict[str, Steps]
    ) -> tuple[Tensor, ...]:
        fields = block.fields
        query = [self._widths.handed(key) for key in block.names.get("query", ())]
        memory = [self._widths.handed(key) for key in block.names["memory"]]
        dimensions["query"] = query[0].width if query and query[0] else 0
        dimensions["memory"] = memory[0].width if memory and memory[0] else 0
        dimensions["value"] = shape.width
        for flag in ("project_query", "project_memory"):
            dimensions[flag] = int(fields[flag])
        if fields["kind"] == "local":
            dimensions["local"] = 2 * fields["key"] + fields["values"] + fields["window"]
        of_memory = self._rates.of(block.names["memory"][0])
        at_steps["query"], at_steps["memory"] = steps(rate), steps(of_memory)
        at_steps["pair"] = pairs(rate, of_memory)
        tensors = ATTENTION_TENSORS[fields["kind"]]
        biases = tuple(
            Tensor(f"{tensor.name}_bias", "bias_weights", _made(tensor), when=tensor.when, at=tensor.at)
            for tensor in tensors
            if tensor.name in fields["biases"] and _is_there(fields.get(tensor.name))  # without feedback, no bias of it
        )
        return (*tensors, *biases)

    def _attends(self, block: Block, rate: Rate, dimensions: Dimensions) -> Iterator[tuple[Group, Steps]]:
        for key in block.names.get("attends", ()):
            memory = self._widths.handed(key)
            here = Dimensions(dimensions, memory=memory.width if memory else 0)
            for at, own in (("block", rate), ("memory", self._rates.of(key))):
                together = tuple(tensor for tensor in ATTENDS if tensor.at == at)
                yield Group("block", 0, block.fields["layers"], 1, together, here), steps(own)

    def _recurrent(self, block: Block, read: Number) -> Iterator[tuple[Group, Steps]]:
        stacks.check(block, self._checks)
        groups, _ = stacks.stack(block, read)
        here = self._rates.read(block) or ()
        subsample = block.fields["subsample"]
        for group in groups:
            done = prod(subsample[: group.first - 1]) if isinstance(subsample, tuple) else 1
            yield group, steps(scaled(here, Fraction(1, done)))


def _is_there(width: Number) -> bool:
    """Return whether a width that may be 0 is not."""
    absent = width is not None and width == 0
    if isinstance(absent, Polynomial):
        raise UnsettledError(polynomial(width).names())
    return not absent


def _made(tensor: Tensor) -> tuple[int | str, ...]:
    """Return the shape of a tensor's bias: what the tensor makes of what it reads."""
    return tensor.shape[1:] if tensor.name == "kernel" else tensor.shape[-1:]
