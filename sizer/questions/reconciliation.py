"""A stated figure and a network become the readings that give it, in the order of how little each assumes.

    claim text -> Claim (the weights that round to it) -> reconcile -> answers, what comes near, what it is not

The search is exhaustive: every arrangement times every set of rules in `assumptions`. What a tensor of the rules adds
(a bias, a peephole) does not depend on the arrangement's other rules, so each arrangement is wired once, and the rules
are sums over it. Each answer is then counted anew by `counting`.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Any

from sizer.errors import Fault, InputError
from sizer.networks.blocks.declared import declare
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import Description, checked_network, count_network, normalise, refused, with_own_types
from sizer.networks.network import Network
from sizer.networks.tensors import Tensor
from sizer.parameters import checked
from sizer.questions.answers import Answer, Reconciliation, Remainder, Step
from sizer.questions.assumptions import (
    ASSUMPTIONS,
    MOST,
    SWITCHES,
    Arrangement,
    Assumed,
    Naming,
    arrangements,
    assume,
    differing,
    namings,
    slips,
    switches_of,
)
from sizer.questions.stated_figures import Claim, parse_claim

SHOWN = 40
"""Answers that are worked out; the others assume at least as much."""
NEAR = Fraction(5, 100)
"""What misses the figure by less than this part of it comes near; where nothing does, the nearest is named."""
NEAREST = 3
"""Readings that are named as coming near."""
NEIGHBOURS = 20
"""Readings nearest to a figure from which it is told how dense they are there."""
BESIDE = 2
"""How much dearer a reading may be to be named beside another: as its other name, or as what only comes near."""


@checked
def reconcile(
    fields: Mapping[str, Any],
    claim: str | int,
    cell_types: Mapping[str, Any] | None = None,
    block_types: Mapping[str, Any] | None = None,
) -> Reconciliation:
    """Return the readings of a network that give a stated number of weights, those with the fewest assumptions first.

    Args:
        fields: as for `sizer.count`. Without a convention the plain reading is the textbook's. What is given
            here is trusted: a reading that sets it aside comes after those that only add to it.
        claim: the figure as it was printed, `21M` or `21,252,205`.
        cell_types: as for `sizer.count`.
        block_types: as for `sizer.count`.

    Raises:
        InputError: the claim is not a figure, or the fields are refused as `sizer.count` and `sizer.compare` refuse them.

    Example:
        Graves 2013 states 21.3M for five layers of 700 cells, and has skip connections, peepholes and biases:

        >>> stated = {"cell_type": "lstm", "inputs": 205, "layers": 5, "cells": 700, "outputs": 205}
        >>> first = reconcile(stated, "21.3M").answers[0]
        >>> first.weights, [step.assumption for step in first.steps], first.convention
        (21252205, ['skip_connections', 'convention'], 'graves2013')
    """
    parsed = parse_claim(claim)
    if "blocks" in fields:
        from sizer.questions.model_reconciliation import reconcile_model

        return reconcile_model(declare(fields, cell_types, block_types), parsed)
    fields = with_own_types(fields, cell_types)
    said = frozenset(name for name, value in fields.items() if value is not None)
    asked, problems = normalise(fields if "convention" in said else {**fields, "convention": "textbook"})
    if not problems:
        convention, problems = _plain_convention(asked, "convention" in said)
    if problems:
        raise InputError(Fault("", 0, 0, path, message) for path, message in problems)
    return _Reconciling(
        asked.changed({"convention": convention}), said, parsed, fields.get("cell_types")
    ).reconciliation()


def _plain_convention(asked: Description, said: bool) -> tuple[str, list[tuple[str, str]]]:
    """Return the convention of the plain reading, or why the first one tried refuses the network."""
    tried = [asked.fields["convention"], *([] if said else CONVENTIONS)]
    for convention in tried:
        if not refused(asked.changed({"convention": convention})):
            return convention, []
    return tried[0], refused(asked)[:1]


@dataclass(frozen=True)
class _Weighed:
    """An arrangement under one table of tensors: what every set of rules adds up over."""

    arrangement: Arrangement
    fixed: int
    """Weights that no rule decides."""
    per_rule: Mapping[tuple[str, ...], int]
    """Weights for each product of switches, at 1 each."""
    namings: Mapping[tuple[int, ...], tuple[Naming, ...]]
    """Namings by the values of the switches that matter here, the cheapest first."""
    switches: tuple[str, ...]
    """The switches that matter here."""

    def weights(self, values: Mapping[str, int]) -> int:
        """Return the count under a set of rules."""
        return self.fixed + sum(size * prod(values[name] for name in names) for names, size in self.per_rule.items())

    def moved(self, values: Mapping[str, int], plain: Mapping[str, int]) -> int:
        """Return how many weights the rules move against the plain ones, up and down added."""
        return sum(
            size * abs(prod(values[name] for name in names) - prod(plain[name] for name in names))
            for names, size in self.per_rule.items()
        )


@dataclass(frozen=True)
class _Tried:
    """One network that the search looks at, not yet asked whether it is refused."""

    price: int
    moved: int
    weights: int
    wired: _Weighed
    namings: tuple[Naming, ...]


class _Reconciling:
    """The search for one claim."""

    def __init__(self, described: Description, said: frozenset[str], claim: Claim, own_cells: Any) -> None:
        self.described = described
        self.network = network = described.fields
        self.said = said
        self.claim = claim
        self.own_cells = {"cell_types": own_cells} if own_cells else {}
        self.plain_rules = switches_of(described)
        self.plain = Naming(network["convention"], (), self.plain_rules)
        self.grouped: dict[tuple[int, tuple[str, ...]], dict[tuple[int, ...], tuple[Naming, ...]]] = {}

    @cached_property
    def tables(self) -> list[tuple[str, tuple[Naming, ...]]]:
        """The namings that share a table of tensors, with the convention that stands for them."""
        found: list[tuple[Any, list[Naming]]] = []
        for naming in namings(self.described, self.said, self.network["convention"]):
            cell = self.described.changed({"convention": naming.convention}).cell
            table = (cell.tensors, cell.recurs, cell.hands_up, cell.fed_by, cell.joins)
            place = next((members for known, members in found if known == table), None)
            if place is None:
                found.append((table, [naming]))
            else:
                place.append(naming)
        return [(members[0].convention, tuple(members)) for _, members in found]

    def reconciliation(self) -> Reconciliation:
        """Return the answers; one size off only where nothing cheaper fits."""
        every = arrangements(self.network, self.said)
        plain = self.answer(Arrangement(), self.plain)
        candidates = list(self.candidates(every, plain.weights))
        answers, more = self.answers(candidates)
        tried = candidates
        near = self.near(candidates, min(MOST, answers[0].price + BESIDE) if answers else MOST)
        wrong = [Arrangement((slip,)) for slip in slips(self.network)]
        if not answers or answers[0].price >= ASSUMPTIONS["layers"].price:
            one_off = [Arrangement((*slip.assumed, *one.assumed)) for slip in wrong for one in self.kept(slip)]
            one_off.sort(key=lambda one: one.price)
            off = list(self.candidates(one_off, plain.weights))
            answers, more = self.answers(candidates, off)
            tried = [*candidates, *off]
        answers = tuple(self.with_chances(answers, tried))
        others = self.others([*every, *wrong])
        return Reconciliation(self.claim, plain, answers, near, others, more, len(tried), self.remainder(plain))

    def with_chances(self, answers: Iterable[Answer], tried: Iterable[_Tried]) -> Iterator[Answer]:
        """Yield the answers with the number of readings that would give the figure by chance, which never falls."""
        by_price: dict[int, float] = {}
        known = [(one.price, one.weights) for one in tried]
        for answer in answers:
            if answer.price not in by_price:
                as_cheap = (weights for price, weights in known if price <= answer.price)
                expected = expected_by_chance(self.claim, as_cheap) if answer.price else 0.0
                by_price[answer.price] = max(expected, *by_price.values(), 0.0)
            yield replace(answer, chance=by_price[answer.price])

    def remainder(self, plain: Answer) -> Remainder | None:
        """Return what the figure has beside the plain reading; None where it does not have more."""
        least = self.claim.least - plain.weights
        if plain.match != "near" or least <= 0:
            return None
        other = plain.fields.get("other_weights", 0) + self.claim.size - plain.weights
        changes = differing(self.network, {"other_weights": other}, {*self.said, "other_weights"})
        return Remainder(least, self.claim.most - plain.weights, {**changes, **self.own_cells})

    def kept(self, slip: Arrangement) -> list[Arrangement]:
        """Return the arrangements of the network with one size changed, those that price allows."""
        changed = {**self.network, **slip.changes}
        return [one for one in arrangements(changed, self.said) if one.price + slip.price <= MOST]

    def candidates(self, every: Iterable[Arrangement], plain_weights: int) -> Iterator[_Tried]:
        """Yield every network of these arrangements under every set of rules, each network once."""
        seen: set[Any] = set()
        for convention, named in self.tables:
            for arrangement in every:
                network = self.network_of(convention, arrangement)
                tensors = (convention, *_tensors(network))
                if tensors in seen:
                    continue
                seen.add(tensors)
                wired = self.wired(arrangement, network, convention, named)
                plainly = abs(wired.weights(self.plain_rules) - plain_weights)
                for values, members in wired.namings.items():
                    price = min(naming.price_with(arrangement) for naming in members)
                    if price <= MOST:
                        rules = {**self.plain_rules, **dict(zip(wired.switches, values, strict=True))}
                        moved = plainly + wired.moved(rules, self.plain_rules)
                        yield _Tried(price, moved, wired.weights(rules), wired, members)

    def network_of(self, convention: str, arrangement: Arrangement) -> Network:
        """Return an arrangement's network with every rule's tensors there once."""
        network = self.described.changed({**arrangement.changes, "convention": convention}).wired()
        every = dict.fromkeys(SWITCHES, 1)
        groups = tuple(replace(group, dimensions={**group.dimensions, **every}) for group in network.groups)
        return replace(network, groups=groups)

    def wired(self, arrangement: Arrangement, network: Network, convention: str, named: tuple[Naming, ...]) -> _Weighed:
        """Return an arrangement with its weights by rule and the namings that differ there."""
        per_rule: Counter[tuple[str, ...]] = Counter()
        for group in network.groups:
            for tensor in group.tensors:
                per_rule[_switches(tensor)] += int(group.times) * int(tensor.weights(group.dimensions))
        fixed = per_rule.pop((), 0)
        counted = {names: size for names, size in per_rule.items() if size}
        matter = tuple(name for name in SWITCHES if any(name in names for names in counted))
        return _Weighed(arrangement, fixed, counted, self.by_rules(convention, matter, named), matter)

    def by_rules(
        self, convention: str, matter: tuple[str, ...], named: tuple[Naming, ...]
    ) -> dict[tuple[int, ...], tuple[Naming, ...]]:
        """Return the namings by the values of the switches that matter, the cheapest first."""
        table = next(number for number, (known, _) in enumerate(self.tables) if known == convention)
        if (table, matter) not in self.grouped:
            found: dict[tuple[int, ...], list[Naming]] = {}
            for naming in named:
                found.setdefault(tuple(naming.effective[name] for name in matter), []).append(naming)
            self.grouped[table, matter] = {values: tuple(members) for values, members in found.items()}
        return self.grouped[table, matter]

    def answers(self, candidates: list[_Tried], one_off: Iterable[_Tried] = ()) -> tuple[tuple[Answer, ...], int]:
        """Return what gives the figure, the least assumed first, and how many were not worked out.

        Args:
            candidates: networks of the sizes that were given.
            one_off: networks with one size off; of these the figure must have been rounded.
        """
        fitting = [one for one in candidates if self.claim.match(one.weights) != "near"]
        fitting.extend(one for one in one_off if self.claim.match(one.weights) in {"exact", "rounded"})
        queue = _Queue(self, fitting, lambda price, one: (price, one.moved, *one.namings[0].order))
        answers = tuple(itertools.islice(queue, SHOWN))
        return answers, len(queue.waiting)

    def near(self, candidates: list[_Tried], most: int) -> tuple[Answer, ...]:
        """Return what misses the figure by less than everything that assumes less, the nearest first.

        Args:
            candidates: the networks.
            most: the highest price; with `MOST`, the nearest is named however far it is.
        """
        found: list[Answer] = []

        def nearer(one: _Tried) -> bool:
            return not found or self.distance(one) < self.distance(found[-1])

        missing = [one for one in candidates if one.price <= most and self.claim.match(one.weights) == "near"]
        for answer in _Queue(self, missing, lambda price, one: (price, self.distance(one), one.moved), nearer):
            if answer.price > most:
                break
            found.append(answer)
        close = [answer for answer in found if self.distance(answer) <= NEAR * self.claim.size]
        if not close and most == MOST:
            close = found[-1:]
        return tuple(answer for answer in reversed(close) if answer.steps)[:NEAREST]

    def distance(self, one: _Tried | Answer) -> int:
        """Return how far a count is from the figure."""
        return self.claim.distance(one.weights)

    def others(self, every: Iterable[Arrangement]) -> tuple[Answer, ...]:
        """Return the readings with one assumption about the arrangement that do not give the figure."""
        found = (
            self.answer(arrangement, self.plain)
            for arrangement in every
            if self.obvious(arrangement) and not refused(self.described.changed(arrangement.changes))
        )
        return tuple(answer for answer in found if answer.match == "near" and answer.difference)

    def obvious(self, arrangement: Arrangement) -> bool:
        """Return whether an arrangement is one that anybody would try: one field, or one layer more or less."""
        if len(arrangement.assumed) != 1:
            return False
        if "layers" in arrangement.changes:
            return bool(abs(arrangement.changes["layers"] - self.network["layers"]) == 1)
        return arrangement.price < ASSUMPTIONS["layers"].price

    def accepted(self, candidate: _Tried) -> Answer | None:
        """Return the candidate as an answer under the cheapest convention that accepts it; None where none does."""
        arrangement = candidate.wired.arrangement
        found: dict[str, Naming] = {}
        most = MOST
        for naming in sorted(candidate.namings, key=lambda one: (one.price_with(arrangement), one.order)):
            if naming.price_with(arrangement) > most:
                break
            changed = self.described.changed({**arrangement.changes, **naming.changes})
            if naming.convention not in found and not refused(changed):
                most = most if found else min(MOST, naming.price_with(arrangement) + BESIDE)
                found[naming.convention] = naming
        if not found:
            return None
        first, *others = found.values()
        answer = self.answer(arrangement, first, others)
        assert answer.weights == candidate.weights, (answer.fields, answer.weights, candidate.weights)
        return answer

    def answer(self, arrangement: Arrangement, naming: Naming, others: Iterable[Naming] = ()) -> Answer:
        """Return a reading, counted anew, with its difference to the plain one step by step."""
        counted = count_network(checked_network(self.described.changed({**arrangement.changes, **naming.changes})))
        match = self.claim.match(counted.weights)
        cut = [assume("cut", (), {})] if match == "cut" else []
        assumed = [*cut, *arrangement.assumed_under(naming.convention), *naming.assumed]
        return Answer(
            {**differing(self.network, {**arrangement.changes, **naming.changes}, self.said), **self.own_cells},
            counted,
            match,
            tuple(self.steps(assumed)),
            sum(one.price for one in assumed),
            tuple({"convention": other.convention, **other.changes} for other in others),
        )

    def steps(self, assumed: Iterable[Assumed]) -> Iterator[Step]:
        """Yield each assumption with what it changes, made one after the other."""
        described = self.described
        before = _by_tensor(described.wired())
        for one in assumed:
            described = described.changed(one.changes)
            after = _by_tensor(described.wired())
            by_tensor = {
                name: after[name] - before[name] for name in {**before, **after} if after[name] != before[name]
            }
            yield Step(one.name, one.words, one.changes, one.price, sum(by_tensor.values()), by_tensor)
            before = after


class _Queue:
    """Answers in the order of a key, worked out one by one.

    A candidate's price is that of its cheapest naming. Where that one is refused the answer is dearer, and waits for
    its turn.
    """

    def __init__(
        self,
        search: _Reconciling,
        candidates: Iterable[_Tried],
        key: Callable[[int, _Tried], tuple[int, ...]],
        wanted: Callable[[_Tried], bool] = lambda candidate: True,
    ) -> None:
        self.search = search
        self.key = key
        self.wanted = wanted
        self.waiting: list[tuple[tuple[int, ...], int, _Tried, Answer | None]] = [
            (key(self.least(one), one), number, one, None) for number, one in enumerate(candidates)
        ]
        heapq.heapify(self.waiting)

    def least(self, candidate: _Tried) -> int:
        """Return the least that an answer can cost."""
        cut = self.search.claim.match(candidate.weights) == "cut"
        return candidate.price + (ASSUMPTIONS["cut"].price if cut else 0)

    def __iter__(self) -> Iterator[Answer]:
        while self.waiting:
            _, number, candidate, answer = heapq.heappop(self.waiting)
            if not self.wanted(candidate):
                continue
            if answer is not None:
                yield answer
                continue
            answer = self.search.accepted(candidate)
            if answer is None or answer.price > MOST:
                continue
            if answer.price == self.least(candidate):
                yield answer
            else:
                heapq.heappush(self.waiting, (self.key(answer.price, candidate), number, candidate, answer))


def expected_by_chance(claim: Claim, tried: Iterable[int]) -> float:
    """Return how many of the readings that were tried would give such a figure by chance.

    How dense they are near the figure, by the ratio to it, times the figure's own width. Readings of one weight are one;
    those that give the figure are left out, as it is asked what the others would do.

    Args:
        claim: the figure.
        tried: the weights of each reading.

    Example:
        Twenty readings up to 1% over a million, and a figure that is exact to the weight, then to a thousand:

        >>> tried = range(1_000_500, 1_010_001, 500)
        >>> expected_by_chance(parse_claim("1,000,000"), tried), expected_by_chance(parse_claim("1.000M"), tried)
        (0.001, 0.95)
    """
    others = sorted({weights for weights in tried if weights > 0 and claim.match(weights) == "near"})
    middle = bisect.bisect(others, claim.size)
    around = others[max(0, middle - NEIGHBOURS) : middle + NEIGHBOURS]
    # In fractions: a figure may have more digits than a float can hold.
    apart = sorted(Fraction(max(weights, claim.size), min(weights, claim.size)) - 1 for weights in around)[:NEIGHBOURS]
    return float(len(apart) * Fraction(claim.step, claim.size) / (2 * apart[-1])) if apart else 0.0


def _switches(tensor: Tensor) -> tuple[str, ...]:
    """Return the switches that a tensor's size is a multiple of, each as often as it is a factor."""
    return tuple(sorted(str(name) for name in (tensor.when, *tensor.shape) if name in SWITCHES))


def _by_tensor(network: Network) -> Counter[str]:
    """Return the weights of each kind of tensor over the whole network."""
    found: Counter[str] = Counter()
    for group in network.groups:
        for tensor in group.tensors:
            found[tensor.name] += int(group.times) * int(tensor.weights(group.dimensions))
    return found


def _tensors(network: Network) -> Iterator[tuple[str, str, int, int]]:
    """Yield what tells two networks apart: each kind of tensor, how often it is there and its weights."""
    for group in network.groups:
        if group.times:
            for tensor in group.tensors:
                yield group.label, tensor.name, int(group.times), int(tensor.weights(group.dimensions))
