"""Steps along the wires: how often each block steps for each step of a clock, as exact fractions.

Strides and subsampling divide, transposed convolutions and splitting multiply, and pooling over time leaves one step a
sequence. A block that is fed by several clocks steps at each step of each.
"""

from __future__ import annotations

from collections import Counter, deque
from fractions import Fraction
from math import prod

from sizer.networks.blocks.checks import Checks
from sizer.networks.blocks.reading import Block, Key, Model
from sizer.networks.blocks.widths import of_time
from sizer.networks.network import Steps

Rate = tuple[tuple[str, Fraction], ...]
"""How often a block steps for each step of each of these clocks; with several it steps at each step of each."""
SEQUENCE = "sequence"
"""The clock of what steps once for an input as a whole."""


def clocks_of(model: Model) -> tuple[str, ...]:
    """Return the clocks of a model, in the order in which blocks start them; what stands still has none."""
    started = (clock for block in model.blocks.values() for clock in _starts(block))
    return tuple(dict.fromkeys(clock for clock in started if clock != SEQUENCE))


def _starts(block: Block) -> tuple[str, ...]:
    starts = block.type.name in {"input", "embedding"} and not block.reads
    starts |= block.type.name == "attention" and not block.names.get("query")
    return (block.fields["clock"],) if starts else ()


class Rates:
    """How often each block of a model steps."""

    def __init__(self, model: Model, checks: Checks) -> None:
        """Settle them all: each is worked out again when one that it follows has changed, since blocks may be in a loop."""
        self._blocks = model.blocks
        self._known: dict[Key, Rate] = {}
        followers: dict[Key, list[Key]] = {}
        for key, block in self._blocks.items():
            for other in _follows(block):
                followers.setdefault(other, []).append(key)
        waiting = deque(self._blocks)
        changes: Counter[Key] = Counter()
        while waiting:
            key = waiting.popleft()
            block = self._blocks[key]
            read = self.read(block)
            found = None if read is None else self._of(block, read)
            if found is not None and found != self._known.get(key) and changes[key] < _MOST_CHANGES:
                changes[key] += 1
                self._known[key] = found
                waiting.extend(followers.get(key, ()))
        for block in self._blocks.values():
            self._check(block, checks)

    def of(self, key: Key) -> Rate:
        """Return how often a block steps; nothing where no clock reaches it."""
        return self._known.get(key, ())

    def read(self, block: Block) -> Rate | None:
        """Return how often what a block reads steps; None where no source is known yet."""
        if _starts(block):
            return ((block.fields["clock"], Fraction(1)),)
        keys = _follows(block)
        known = [self._known[key] for key in keys if key in self._known]
        if keys and not known:
            return None
        found: dict[str, Fraction] = {}
        for rate in known:
            for clock, times in rate:
                found.setdefault(clock, times)
        # What stands still is repeated at each step of the others.
        return tuple((clock, times) for clock, times in found.items() if clock != SEQUENCE or len(found) == 1)

    def _check(self, block: Block, checks: Checks) -> None:
        found: dict[str, tuple[str, Fraction]] = {}
        for key in _follows(block):
            for clock, times in self.of(key):
                name, before = found.setdefault(clock, (key[0], times))
                if before != times:
                    said = f"{clock} reach it at two rates: {name} has {_shown(before)}, {key[0]} {_shown(times)}"
                    checks.report(block, f"{said}; subsample the faster one", "from")
                    return

    def _of(self, block: Block, read: Rate) -> Rate:
        """Return how often a block steps."""
        fields, kind = block.fields, block.type.name
        factor = Fraction(1)
        if kind == "pooling" and fields["over"]:
            return ((SEQUENCE, Fraction(1)),)
        if kind in {"convolution", "convolutional_lstm", "pooling"}:
            stride = of_time(fields["stride"])
            factor = Fraction(stride) if fields.get("transposed") else Fraction(1, stride)
        elif kind == "recurrent" and isinstance(fields["subsample"], tuple):
            factor = Fraction(1, prod(fields["subsample"]))
        elif block.type.steps:
            by = fields[block.type.steps.lstrip("*")]
            factor = Fraction(by) if block.type.steps.startswith("*") else Fraction(1, by)
        return scaled(read, factor)


_MOST_CHANGES = 4
"""Of a block's rate before a loop is taken to have none; its blocks then meet at two rates, which is reported."""


def _follows(block: Block) -> tuple[Key, ...]:
    """Return the blocks whose steps a block follows."""
    return block.names.get("query", ()) if block.type.name == "attention" else tuple(key for key, _ in block.reads)


def scaled(rate: Rate, factor: Fraction) -> Rate:
    """Return a rate so many times as high."""
    return rate if factor == 1 else tuple((clock, times * factor) for clock, times in rate)


def steps(rate: Rate) -> Steps:
    """Return the steps of a rate."""
    return tuple(((clock,), times) for clock, times in rate)


def pairs(first: Rate, second: Rate) -> Steps:
    """Return the pairs of steps of two blocks; what steps once for a sequence is there at each step of the other."""
    found = []
    for one, times in first:
        for other, more in second:
            moving = tuple(clock for clock in (one, other) if clock != SEQUENCE) or (SEQUENCE,)
            found.append((moving, times * more))
    return tuple(found)


def _shown(times: Fraction) -> str:
    return "every step" if times == 1 else f"{times} of its steps"
