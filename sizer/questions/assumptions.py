"""What a stated figure may have assumed: every assumption with its words and its price, and every combination of them.

    arrangements    what is there and what feeds what: skips, directions, projections, what is counted, one size off
    namings         whose rules: a convention, and what of it is overridden

A reading of a network is an arrangement and a naming. Prices add up; the cheaper of two readings assumes less. What a
person said themselves costs more to set aside than what they left open.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import Description
from sizer.networks.fields import FIELDS


@dataclass(frozen=True)
class Assumption:
    """One thing that a reading may assume: a row of the table of prices."""

    name: str
    """The field that says it, or the word that `--json` has for it."""
    words: str
    """What is assumed; `{new}` and `{old}` are values of the field."""
    price: int
    """What it costs where nothing was said."""
    against: int
    """What it costs where it contradicts what was said."""
    otherwise: str = ""
    """The words for the opposite, where the plain reading has it."""


ASSUMPTIONS: dict[str, Assumption] = {
    row.name: row
    for row in (
        # Whose rules: a convention is cheaper than the same thing put together from overrides, because it exists.
        Assumption("convention", "the rules of {new}", 1, 4),
        Assumption("approximation", "the rules of {new}, {note}", 2, 5),
        Assumption("bias_vectors", "{new} per gate", 2, 6),
        Assumption("peepholes", "the gates see the cells", 2, 6, "the gates do not see the cells"),
        Assumption("projection_bias", "the projections have a bias", 2, 6, "the projections have no bias"),
        Assumption("output_bias", "the output layer has a bias", 2, 6, "the output layer has no bias"),
        # What is counted. These contradict nothing: the network is the same.
        Assumption("cut", "the figure was cut off, not rounded", 2, 2),
        Assumption("other_weights", "the rest of the model is not counted", 2, 2),
        Assumption("embedding", "the embedding is not counted", 3, 3),
        Assumption("outputs", "the output layer is not counted", 3, 3),
        Assumption("recurrent_part", "only the recurrent part is counted, neither embedding nor output layer", 4, 4),
        # What feeds what.
        Assumption(
            "tied_embedding", "the output matrix is the embedding", 2, 6, "the output matrix is not the embedding"
        ),
        Assumption(
            "summed_directions",
            "the two directions are added up, not joined",
            2,
            6,
            "the two directions are joined, not added up",
        ),
        Assumption(
            "only_recurrent_up",
            "only the recurrent projection feeds the layer above",
            3,
            7,
            "both projections feed the layer above",
        ),
        Assumption(
            "skip_connections",
            "the raw input also feeds every layer, and every layer the output",
            3,
            7,
            "each layer feeds only the one above it",
        ),
        Assumption(
            "bidirectional", "each layer also reads the sequence backwards", 4, 8, "each layer reads one way only"
        ),
        # What was said is wrong. Looked at only where nothing cheaper fits; the price grows by 1 for each layer or step away.
        Assumption("layers", "{new}, not {old}", 8, 8),
        Assumption("width", "{new}, not {old}", 9, 9),
    )
}
"""The table of prices. Every reading's price is a sum of these. A point halves what a reading is worth beforehand: one that
costs 10 is as good an explanation as an event that happens once in 1,024 times."""

AT_HOME = {("graves2013", "skip_connections"): 1}
"""What an assumption costs less under the convention whose source has it."""

MUCH = ASSUMPTIONS["layers"].price
"""What costs as much as this sets aside a size or several things that were said: a coincidence may explain it better."""

MOST = 16
"""A reading that costs more than this is no explanation any more."""

FARTHEST_LAYERS = 4
FARTHEST_COUNT = 2
_COUNTED_THINGS = ("inputs", "outputs", "vocabulary")
"""Widths that count symbols or features, of which one or two are forgotten: a blank, an end mark, an energy."""
_CHOSEN_SIZES = ("cells", "recurrent_projection", "nonrecurrent_projection", "bottleneck", "embedding")
"""Widths that somebody chose: 1000 is taken for 1024, and both directions together for each."""

RULES = ("bias_vectors", "peepholes", "projection_bias", "output_bias")
"""The fields that a convention decides and a person may override."""
SWITCHES = (*RULES, "candidate_bias", "vectors")
"""The dimensions of tensors that the rules set; no other dimension depends on them."""

_SETTINGS: Mapping[str, Mapping[str, Collection[int]]] = {
    "pytorch": {"bias_vectors": (0,), "output_bias": (0,)},  # bias=False
    "keras": {"bias_vectors": (0,), "output_bias": (0,)},  # use_bias=False
    "tensorflow1": {"peepholes": (0, 1), "output_bias": (0,)},  # use_peepholes, use_bias=False
    "flax": {"output_bias": (0,)},  # use_bias=False
}
"""What a person can set in a toolkit, with the values that differ from its own; `reset_after` is another one."""

_FAMILIAR = (
    "pytorch",
    "keras",
    "tensorflow1",
    "flax",
    "textbook",
    "sak2014",
    "graves2013",
    "kaldi_nnet3",
    "kaldi_nnet1",
    "back_of_envelope",
)
"""Which convention is named first where several name the same network at the same price: the one met most often."""


@dataclass(frozen=True)
class Assumed:
    """An assumption as one reading makes it."""

    name: str
    """A name of `ASSUMPTIONS`; for a width, the field itself."""
    words: str
    changes: Mapping[str, Any]
    """The fields that say it."""
    price: int


@dataclass(frozen=True)
class Arrangement:
    """What is there and what feeds what, as changes to the network that was given."""

    assumed: tuple[Assumed, ...] = ()

    @cached_property
    def changes(self) -> Mapping[str, Any]:
        """Every changed field."""
        return {name: value for one in self.assumed for name, value in one.changes.items()}

    @cached_property
    def price(self) -> int:
        """The sum of the prices."""
        return sum(one.price for one in self.assumed)

    @cached_property
    def saved(self) -> Mapping[str, int]:
        """What the arrangement costs less, by convention."""
        homes = {convention for convention, _ in AT_HOME}
        return {home: self.price - sum(one.price for one in self.assumed_under(home)) for home in homes}

    def assumed_under(self, convention: str) -> tuple[Assumed, ...]:
        """Return what is assumed with the prices that it has under a convention."""
        return tuple(
            replace(one, price=one.price - AT_HOME.get((convention, one.name), 0))
            if one.changes.get(one.name) is True
            else one
            for one in self.assumed
        )


@dataclass(frozen=True)
class Naming:
    """A convention and what of it is overridden, as changes to the network that was given."""

    convention: str
    assumed: tuple[Assumed, ...]
    effective: Mapping[str, int]
    """The value of each of `SWITCHES` that results."""

    @cached_property
    def changes(self) -> Mapping[str, Any]:
        """Every changed field."""
        return {name: value for one in self.assumed for name, value in one.changes.items()}

    @cached_property
    def price(self) -> int:
        """The sum of the prices."""
        return sum(one.price for one in self.assumed)

    def price_with(self, arrangement: Arrangement) -> int:
        """Return the price of the reading that the naming and an arrangement make."""
        return arrangement.price + self.price - arrangement.saved.get(self.convention, 0)

    made_up: int = 0
    """How many of the overrides are none that the toolkit has."""

    @property
    def order(self) -> tuple[int, int, int]:
        """What decides among namings of one network: the price, what the toolkit has, then how often one meets it."""
        known = _FAMILIAR.index(self.convention) if self.convention in _FAMILIAR else len(_FAMILIAR)
        return self.price, self.made_up, known


def assume(name: str, said: Collection[str], changes: Mapping[str, Any], words: str = "", extra: int = 0) -> Assumed:
    """Return one assumption with its words and its price."""
    row = ASSUMPTIONS[name]
    off = changes.get(name) is False and row.otherwise
    price = (row.against if name in said else row.price) + extra
    return Assumed(name, words or (row.otherwise if off else row.words), changes, price)


def arrangements(network: Mapping[str, Any], said: Collection[str]) -> list[Arrangement]:
    """Return every arrangement that leaves the sizes as they are, the cheapest first; the plain one leads.

    Args:
        network: fields that `counting.normalise` has read.
        said: the fields that the person gave.
    """
    found = [
        Arrangement((*around, *rest, *directions, *skips, *up))
        for around in _around(network, said)
        for rest in _rest(network, said)
        for directions in _directions(network, said)
        for skips in _toggled("skip_connections", network, said)
        for up in _only_recurrent_up(network, said)
    ]
    return sorted((one for one in found if one.price <= MOST), key=lambda one: one.price)


def _toggled(name: str, network: Mapping[str, Any], said: Collection[str]) -> list[tuple[Assumed, ...]]:
    return [(), (assume(name, said, {name: not network.get(name, False)}),)]


def _around(network: Mapping[str, Any], said: Collection[str]) -> list[tuple[Assumed, ...]]:
    outputs, vocabulary = network.get("outputs", 0), network.get("vocabulary", 0)
    tied = bool(network.get("tied_embedding", False))
    untie = {"tied_embedding": False} if tied else {}
    no_embedding = {"inputs": network.get("embedding", 0), "vocabulary": 0, "embedding": 0, **untie}
    no_output = {"outputs": 0, **untie}
    found: list[tuple[Assumed, ...]] = [()]
    if outputs:
        found.append((assume("outputs", said, no_output),))
    if vocabulary:
        found.append((assume("embedding", said, no_embedding),))
    if outputs and vocabulary:
        found.append((assume("recurrent_part", said, {**no_output, **no_embedding}),))
    if outputs and outputs == vocabulary:
        found.append((assume("tied_embedding", said, {"tied_embedding": not tied}),))
    return found


def _rest(network: Mapping[str, Any], said: Collection[str]) -> list[tuple[Assumed, ...]]:
    return [(), (assume("other_weights", said, {"other_weights": 0}),)] if network.get("other_weights") else [()]


def _directions(network: Mapping[str, Any], said: Collection[str]) -> list[tuple[Assumed, ...]]:
    both, summed = bool(network.get("bidirectional", False)), bool(network.get("summed_directions", False))
    if both:
        one_way = {"bidirectional": False, **({"summed_directions": False} if summed else {})}
        return [*_toggled("summed_directions", network, said), (assume("bidirectional", said, one_way),)]
    backwards = assume("bidirectional", said, {"bidirectional": True})
    return [(), (backwards,), (backwards, assume("summed_directions", said, {"summed_directions": True}))]


def _only_recurrent_up(network: Mapping[str, Any], said: Collection[str]) -> list[tuple[Assumed, ...]]:
    if all(_anywhere(network.get(name, 0)) for name in ("recurrent_projection", "nonrecurrent_projection")):
        return _toggled("only_recurrent_up", network, said)
    return [()]


def _anywhere(value: Any) -> bool:
    return any(value) if isinstance(value, tuple) else bool(value)


def slips(network: Mapping[str, Any]) -> list[Assumed]:
    """Return every way in which one depth or one width may have been said wrongly.

    Example:
        >>> [slip.words for slip in slips({"layers": 2, "cells": 1000})][:4]
        ['1 layer, not 2', '3 layers, not 2', '4 layers, not 2', '5 layers, not 2']
    """
    found: list[Assumed] = []
    layers = network["layers"]
    if not isinstance(network["cells"], tuple):
        near = sorted(
            range(max(1, layers - FARTHEST_LAYERS), layers + FARTHEST_LAYERS + 1), key=lambda n: abs(n - layers)
        )
        for new in near:
            if new != layers:
                words = f"{new:,} layer{'s' if new != 1 else ''}, not {layers:,}"
                found.append(assume("layers", (), {"layers": new}, words, abs(new - layers) - 1))
    for names, old in _counted_things(network):
        for step in range(1, FARTHEST_COUNT + 1):
            found.extend(_width(names, old, new, step - 1) for new in (old + step, old - step) if new > 0)
    for name in _CHOSEN_SIZES:
        old = network.get(name, 0)
        if isinstance(old, int) and old:
            found.extend(_width((name,), old, new, extra) for new, extra in _mistaken(old))
    return found


def _counted_things(network: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield (fields, width): each by itself, and all that have the same width together."""
    given = {name: network[name] for name in _COUNTED_THINGS if network.get(name)}
    for name, width in given.items():
        yield (name,), width
    alike = [name for name in given if name != "outputs" and given[name] == given.get("outputs")]
    for name in alike:
        yield (name, "outputs"), given[name]


def _mistaken(size: int) -> Iterator[tuple[int, int]]:
    """Yield (size, steps away): the round number beside a power of two and the other way; then half and double."""
    if size % 125 == 0:
        yield size // 125 * 128, 0
    if size % 128 == 0:
        yield size // 128 * 125, 0
    if size % 2 == 0:
        yield size // 2, 1
    yield size * 2, 1


def _width(names: tuple[str, ...], old: int, new: int, extra: int) -> Assumed:
    words = f"{' and '.join(names)} {new:,}, not {old:,}"
    assumed = assume("width", (), dict.fromkeys(names, new), words, extra)
    return Assumed(" and ".join(names), assumed.words, assumed.changes, assumed.price)


def namings(described: Description, said: Collection[str], plain: str) -> list[Naming]:
    """Return every convention with every useful set of overrides, each result once per convention.

    Args:
        described: the network.
        said: the fields that the person gave.
        plain: the convention of the plain reading, which costs nothing.
    """
    network = described.fields
    choices = {
        "bias_vectors": (0, 1, 2),
        **{name: (False, True) for name in RULES if name != "bias_vectors"},
    }
    cheapest: dict[tuple[str, tuple[int, ...]], Naming] = {}
    for convention in CONVENTIONS:
        for values in itertools.product(*([None, *choices[name]] for name in RULES)):
            overrides = {
                name: value
                for name, value in zip(RULES, values, strict=True)
                if value is not None and value != network.get(name)
            }
            effective = switches_of(described.changed({**overrides, "convention": convention}))
            assumed = (*_convention(convention, plain, said), *_overrides(overrides, said, convention, network))
            made_up = sum(not _is_setting(convention, network["cell_type"], *one) for one in overrides.items())
            naming = Naming(convention, assumed, effective, made_up)
            key = (convention, tuple(effective.values()))
            if key not in cheapest or naming.price < cheapest[key].price:
                cheapest[key] = naming
    return sorted(cheapest.values(), key=lambda one: one.order)


def switches_of(described: Description) -> dict[str, int]:
    """Return the value of each of `SWITCHES` in a network."""
    resolved = described.resolved()
    resolved["vectors"] = not CONVENTIONS[resolved["convention"]].matrices_only
    return {name: int(resolved[name]) for name in SWITCHES}


def _convention(convention: str, plain: str, said: Collection[str]) -> tuple[Assumed, ...]:
    if convention == plain:
        return ()
    note = CONVENTIONS[convention].note
    row = ASSUMPTIONS["approximation" if note else "convention"]
    price = row.against if "convention" in said else row.price
    words = row.words.format(new=convention, note=note)
    return (Assumed("convention", words, {"convention": convention}, price),)


def _overrides(
    overrides: Mapping[str, Any], said: Collection[str], convention: str, network: Mapping[str, Any]
) -> Iterator[Assumed]:
    for name, value in overrides.items():
        words = ""
        if name == "bias_vectors":
            vectors = ("no bias vector", "one bias vector", "two bias vectors")[value]
            words = ASSUMPTIONS[name].words.format(new=vectors)
            if is_reset_after_off(convention, network["cell_type"], {name: value}):
                words += " (reset_after=False)"
        yield assume(name, said, {name: value}, words)


def is_reset_after_off(convention: str, cell_type: str, changes: Mapping[str, Any]) -> bool:
    """Return whether a reading is Keras' GRU with `reset_after=False`, which people know by that name."""
    return (convention, cell_type, changes.get("bias_vectors")) == ("keras", "gru", 1)


def _is_setting(convention: str, cell_type: str, name: str, value: int) -> bool:
    """Return whether a person can set an override in the toolkit itself."""
    if is_reset_after_off(convention, cell_type, {name: value}):
        return True
    return value in _SETTINGS.get(convention, {}).get(name, ())


def differing(network: Mapping[str, Any], changes: Mapping[str, Any], said: Collection[str]) -> dict[str, Any]:
    """Return the network with the changes, in the fields' order, without what was not said and goes without saying."""
    changed = {**network, **changes}
    if "layers" not in said:
        del changed["layers"]  # A list of widths says it.
    return {
        name: list(changed[name]) if isinstance(changed[name], tuple) else changed[name]
        for name, field in FIELDS.items()
        if name in changed and (name in said or _speaks(changed[name], field.default))
    }


def _speaks(value: Any, default: Any) -> bool:
    return any(value) if isinstance(value, tuple) else bool(value != default)
