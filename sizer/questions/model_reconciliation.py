"""A stated figure and a model of blocks become the readings that give it, in the order of how little each assumes.

A reading is what is wired otherwise (another convention, a tied kernel, another number of bias vectors) and what is counted
otherwise (a block left out, a second output, trained weights alone). Each way of wiring is wired once; what is counted is
sums over it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sizer.errors import InputError
from sizer.networks.aliases import counted_as
from sizer.networks.blocks.counting import ModelCount, count_graph, graph_of
from sizer.networks.blocks.declared import Declared
from sizer.networks.blocks.sizes import OTHER, placed
from sizer.networks.blocks.wiring import Graph, Wired
from sizer.networks.cells import CELL_TYPES
from sizer.networks.conventions import CONVENTIONS
from sizer.questions.answers import Answer, Reconciliation, Remainder, Step
from sizer.questions.assumptions import ASSUMPTIONS, MOST, MUCH
from sizer.questions.reconciliation import BESIDE, NEAR, NEAREST, SHOWN, expected_by_chance
from sizer.questions.stated_figures import Claim
from sizer.questions.varied_models import FieldPlace, places_of

MOST_WIRED = 250
"""Ways of wiring that are tried, the cheapest first; of a model of many blocks fewer."""
MOST_TOGETHER = 2
"""Changes of the wiring beside the convention, and of what is counted, that are tried together."""
_VECTORS = ("no bias vector", "one bias vector", "two bias vectors")


@dataclass(frozen=True)
class Change:
    """One thing that a reading assumes about the wiring."""

    name: str
    """What is said otherwise; of two changes of one name only one is made."""
    words: str
    changes: Mapping[str, Any]
    """Field of a block, with dots, or `convention` -> its value; None: it is left out."""
    price: int


@dataclass(frozen=True)
class CountedOtherwise:
    """One thing that a reading assumes about what is counted."""

    name: str
    words: str
    what: str
    """The block that is left out, or counted twice; else empty."""
    difference: int
    price: int


@dataclass(frozen=True)
class ModelAnswer(Answer):
    """One reading of a model; its `weights` are what is counted of it."""

    stated: int = 0

    @property
    def weights(self) -> int:
        """What the reading counts."""
        return self.stated


@dataclass(frozen=True)
class _WiredModel:
    """One way of wiring the model."""

    changes: tuple[Change, ...]
    asked: Declared
    count: ModelCount
    by_tensor: Mapping[str, int]
    counted: tuple[CountedOtherwise, ...]
    """What can be counted otherwise."""

    @property
    def price(self) -> int:
        """What is assumed of the wiring."""
        return sum(change.price for change in self.changes)


@dataclass(frozen=True)
class _ModelReading:
    wiring: _WiredModel
    counted: tuple[CountedOtherwise, ...]

    @cached_property
    def price(self) -> int:
        return self.wiring.price + sum(one.price for one in self.counted)

    @cached_property
    def weights(self) -> int:
        return self.wiring.count.weights + sum(one.difference for one in self.counted)


def reconcile_model(asked: Declared, claim: Claim) -> Reconciliation:
    """Return which readings of a model of blocks give a stated number of weights, the least assumed first.

    Args:
        asked: the model, with the types that the person defines.
        claim: the figure.

    Raises:
        InputError: every fault of the model by the block's name.
    """
    return _ModelReconciling(asked, claim).reconciliation()


class _ModelReconciling:
    """The search for one claim."""

    def __init__(self, asked: Declared, claim: Claim) -> None:
        self.claim = claim
        self.said = asked.model.get("convention") is not None
        if isinstance(asked.model.get("convention"), str):
            asked = asked.changed(convention=counted_as(asked.model["convention"]))
        self.places = places_of(asked)
        self.asked, self.graph = _plain(asked, self.said)
        self.plain = self.wired(())
        assert self.plain is not None

    def reconciliation(self) -> Reconciliation:
        """Return the answers."""
        plain = self.plain
        assert plain is not None
        readings = [_ModelReading(plain, ())]
        readings += [
            one for wiring in self.wirings() for one in self.readings(wiring) if one.wiring.changes or one.counted
        ]
        readings = [one for one in readings if one.price <= MOST]
        fitting = [one for one in readings if self.claim.match(one.weights) != "near"]
        kept = self.told_apart(fitting)
        answers = [self.answer(one, others) for one, others in kept[:SHOWN]]
        answers = [answer for answer in answers if answer.price <= MOST]
        known = [(one.price, one.weights) for one in readings]
        answers.sort(key=lambda answer: answer.price)
        chances: dict[int, float] = {}
        with_chances = []
        for answer in answers:
            if answer.price not in chances:
                as_cheap = (weights for price, weights in known if price <= answer.price)
                expected = expected_by_chance(self.claim, as_cheap) if answer.price else 0.0
                chances[answer.price] = max(expected, *chances.values(), 0.0)
            with_chances.append(replace(answer, chance=chances[answer.price]))
        first = self.answer(_ModelReading(plain, ()))
        return Reconciliation(
            self.claim,
            first,
            tuple(with_chances),
            self.near(readings, min(MOST, answers[0].price + BESIDE) if answers else MOST),
            self.others(readings),
            len(kept) - len(answers),
            len(readings),
            self.remainder(first),
        )

    # Ways of wiring

    def wirings(self) -> Iterator[_WiredModel]:
        """Yield every way of wiring that is tried, the cheapest first; those that are refused are left out."""
        conventions: list[tuple[Change, ...]] = [(), *((one,) for one in self.conventions())]
        others = list(self.changes())
        sets: list[tuple[Change, ...]] = []
        for number in range(MOST_TOGETHER + 1):
            for some in itertools.combinations(others, number):
                if len({one.name for one in some}) == number and _apart(some):
                    sets += [(*convention, *some) for convention in conventions]
        sets = [one for one in sets if sum(change.price for change in one) <= MOST]
        sets.sort(key=lambda one: (sum(change.price for change in one), len(one)))
        most = max(MOST_WIRED * 10 // (10 + len(self.graph.blocks)), 50)
        for some in sets[:most]:
            found = self.wired(some)
            if found is not None:
                yield found

    def wired(self, changes: tuple[Change, ...]) -> _WiredModel | None:
        """Return one way of wiring; None where it is refused."""
        model: Mapping[str, Any] = self.asked.model
        for change in changes:
            model = self.changed(model, change)
        asked = replace(self.asked, model=model)
        try:
            graph = graph_of(model, asked.cell_types, asked.block_types)
        except InputError:
            return None
        count = count_graph(graph, model)
        return _WiredModel(changes, asked, count, _by_tensor(graph), tuple(_counted(graph, count)))

    def changed(self, model: Mapping[str, Any], change: Change) -> Mapping[str, Any]:
        """Return the model with a change made."""
        for name, value in change.changes.items():
            path = ("convention",) if name == "convention" else _path(name, self.places)
            model = placed(model, path, value)
        return model

    def conventions(self) -> Iterator[Change]:
        """Yield the other conventions of blocks that say none of their own."""
        row = ASSUMPTIONS["convention"]
        for convention in CONVENTIONS.values():
            if not convention.one_cell_only and convention.name != self.asked.model["convention"]:
                price = row.against if self.said else row.price
                yield Change("convention", f"the rules of {convention.name}", {"convention": convention.name}, price)

    def changes(self) -> Iterator[Change]:
        """Yield everything else that may be wired otherwise."""
        blocks = {one.block.path: one for one in self.graph.blocks}
        yield from self.of_recurrent(blocks)
        yield from self.of_biases(blocks)
        yield from self.of_ties(blocks)

    def price(self, assumption: str, *names: str) -> int:
        """Return what an assumption costs: more where one of the fields says something."""
        row = ASSUMPTIONS[assumption]
        return row.against if any(self.value(name) is not None for name in names) else row.price

    def value(self, name: str) -> Any:
        """Return what stands in the model under a name; None where nothing does."""
        here: Any = self.asked.model
        for step in _path(name, self.places):
            if not isinstance(here, Mapping) or step not in here:
                return None
            here = here[step]
        return here

    def of_recurrent(self, blocks: Mapping[str, Wired]) -> Iterator[Change]:
        recurrent = {path: one.block for path, one in blocks.items() if one.block.type.name == "recurrent"}
        some = [[*recurrent], *([path] for path in recurrent if len(recurrent) > 1)] if recurrent else []
        for paths in some:
            whose = "" if len(paths) == len(recurrent) else f" in {paths[0]}"
            beside = 1 if whose else 0
            names = [f"{path}.bias_vectors" for path in paths]
            for vectors, words in enumerate(_VECTORS):
                price = self.price("bias_vectors", *names) + beside
                name = names[0] if whose else "bias_vectors"
                yield Change(name, f"{words} per gate{whose}", dict.fromkeys(names, vectors), price)
        for path, block in recurrent.items():
            own = block.cell is not None and "peepholes" in CELL_TYPES.get(block.cell.name, block.cell).fields
            name = f"{path}.peepholes"
            for there in (True, False) if own else ():
                words = f"the gates of {path} {'see' if there else 'do not see'} the cells"
                yield Change(name, words, {name: there}, self.price("peepholes", name))
            both, name = block.fields["bidirectional"], f"{path}.bidirectional"
            if isinstance(both, bool):
                words = f"{path} {'reads one way only' if both else 'also reads backwards'}"
                yield Change(name, words, {name: not both}, self.price("bidirectional", name))
            layers, name = block.fields["layers"], f"{path}.layers"
            if not isinstance(block.fields["cells"], tuple):
                for other in (layers - 1, layers + 1):
                    if other > 0:
                        words = f"{path} has {other} layer{'s' * (other != 1)}, not {layers}"
                        yield Change(name, words, {name: other}, ASSUMPTIONS["layers"].price)

    def of_biases(self, blocks: Mapping[str, Wired]) -> Iterator[Change]:
        plain = [path for path, one in blocks.items() if one.block.type.name in ("dense", "convolution")]
        names = [f"{path}.bias" for path in plain]
        for there in (True, False) if names else ():
            words = f"dense layers and convolutions have {'a' if there else 'no'} bias"
            yield Change("bias", words, dict.fromkeys(names, there), self.price("output_bias", *names))

    def of_ties(self, blocks: Mapping[str, Wired]) -> Iterator[Change]:
        row = ASSUMPTIONS["tied_embedding"]
        embeddings = [one.block for one in blocks.values() if one.block.type.name == "embedding"]
        for path, one in blocks.items():
            name = f"{path}.tied"
            if one.block.type.name == "dense" and one.block.names.get("tied"):
                words = f"the kernel of {path} is not the embedding"
                yield Change(name, words, {name: None}, row.against)
            elif one.block.type.name == "dense":
                for embedding in embeddings:
                    if embedding.fields["vocabulary"] == one.block.fields["width"]:
                        tied = embedding.path.rpartition(".")[2]
                        words = f"the kernel of {path} is the embedding {embedding.path}"
                        yield Change(name, words, {name: tied}, row.price)

    # What is counted

    def readings(self, wiring: _WiredModel) -> Iterator[_ModelReading]:
        """Yield a way of wiring with everything that can be counted otherwise."""
        together = MOST_TOGETHER if len(wiring.changes) < MOST_TOGETHER else 1
        for number in range(together + 1):
            for some in itertools.combinations(wiring.counted, number):
                alone = any(one.name == "recurrent_part" for one in some)
                if len({one.what or one.name for one in some}) == number and not (alone and number > 1):
                    yield _ModelReading(wiring, some)

    def told_apart(self, readings: Sequence[_ModelReading]) -> list[tuple[_ModelReading, list[_ModelReading]]]:
        """Return readings, each network once under its cheapest name, with its other names."""
        found: dict[Any, tuple[_ModelReading, list[_ModelReading]]] = {}
        for one in sorted(readings, key=lambda one: (one.price, abs(one.weights - self.claim.size))):
            same = (tuple(sorted(one.wiring.by_tensor.items())), tuple((each.name, each.what) for each in one.counted))
            if same in found:
                found[same][1].append(one)
            else:
                found[same] = one, []
        return list(found.values())

    def answer(self, reading: _ModelReading, others: Sequence[_ModelReading] = ()) -> ModelAnswer:
        """Return a reading with its difference to the plain one, step by step."""
        match = self.claim.match(reading.weights)
        steps = list(self.steps(reading))
        if match == "cut":
            row = ASSUMPTIONS["cut"]
            steps.insert(0, Step("cut", row.words, {}, row.price, 0, {}))
        convention = reading.wiring.asked.model["convention"]
        names = {other.wiring.asked.model["convention"] for other in others if other.price <= reading.price + BESIDE}
        return ModelAnswer(
            {**reading.wiring.asked.model, **self.asked.own},
            reading.wiring.count,
            match,
            tuple(steps),
            sum(step.price for step in steps),
            tuple({"convention": name} for name in CONVENTIONS if name in names - {convention}),
            stated=reading.weights,
        )

    def steps(self, reading: _ModelReading) -> Iterator[Step]:
        """Yield each assumption with what it changes, made one after the other."""
        assert self.plain is not None
        before: Mapping[str, int] = self.plain.by_tensor
        for number, change in enumerate(reading.wiring.changes, start=1):
            wiring = self.wired(reading.wiring.changes[:number])
            # One alone may be refused where both together are not; then the last of them says all.
            after = before if wiring is None else wiring.by_tensor
            by_tensor = _difference(before, after)
            yield Step(change.name, change.words, change.changes, change.price, sum(by_tensor.values()), by_tensor)
            before = after
        for one in reading.counted:
            by_tensor = {one.what: one.difference} if one.what else {}
            yield Step(one.name, one.words, {one.name: one.what or True}, one.price, one.difference, by_tensor)

    def near(self, readings: Sequence[_ModelReading], most: int) -> tuple[Answer, ...]:
        """Return what misses the figure by less than everything that assumes less, the nearest first."""
        found: list[_ModelReading] = []
        missing = [one for one in readings if one.price <= most and self.claim.match(one.weights) == "near"]
        for one in sorted(missing, key=lambda one: (one.price, self.claim.distance(one.weights))):
            if not found or self.claim.distance(one.weights) < self.claim.distance(found[-1].weights):
                found.append(one)
        close = [one for one in found if self.claim.distance(one.weights) <= NEAR * self.claim.size]
        if not close and most == MOST:
            close = found[-1:]
        return tuple(self.answer(one) for one in reversed(close) if one.price)[:NEAREST]

    def others(self, readings: Sequence[_ModelReading]) -> tuple[Answer, ...]:
        """Return the readings with one assumption that do not give the figure, each count once."""
        assert self.plain is not None
        seen = {self.plain.count.weights}
        found = []
        for one in readings:
            single = len(one.wiring.changes) + len(one.counted) == 1 and one.price < MUCH
            convention = any(change.name == "convention" for change in one.wiring.changes)
            if single and not convention and one.weights not in seen and self.claim.match(one.weights) == "near":
                seen.add(one.weights)
                found.append(self.answer(one))
        return tuple(found[:SHOWN])

    def remainder(self, plain: ModelAnswer) -> Remainder | None:
        """Return what the figure has beside the plain reading; None where it does not have more."""
        least = self.claim.least - plain.weights
        if plain.match != "near" or least <= 0:
            return None
        other = plain.count.parts["other_weights"] * bool(self.asked.model.get(OTHER)) + self.claim.size - plain.weights
        fields = {**self.asked.model, OTHER: other, **self.asked.own}
        return Remainder(least, self.claim.most - plain.weights, fields)


def _plain(asked: Declared, said: bool) -> tuple[Declared, Graph]:
    """Return the plain reading: under its convention, the textbook's, or the first that does not refuse it.

    Raises:
        InputError: the model has faults.
    """
    first = asked.model.get("convention") or "textbook"
    tried = [first] if said else dict.fromkeys([first, *CONVENTIONS])
    why_not: InputError | None = None
    for convention in tried:
        one = asked.changed(convention=convention)
        try:
            return one, graph_of(one.model, one.cell_types, one.block_types)
        except InputError as problem:
            why_not = why_not or problem
    assert why_not is not None
    raise why_not


def _counted(graph: Graph, count: ModelCount) -> Iterator[CountedOtherwise]:
    """Yield what can be counted otherwise: trained weights alone, values besides them, a block or an output left out."""
    frozen = count.weights - count.trained_weights
    if frozen:
        yield CountedOtherwise("trained", "only what is trained is counted", "", -frozen, 2)
    if count.buffer_values:
        yield CountedOtherwise(
            "buffers", "the values that are kept beside the weights are counted", "", count.buffer_values, 2
        )
    if count.parts["other_weights"] and graph.model.other_weights:
        yield CountedOtherwise(OTHER, ASSUMPTIONS[OTHER].words, OTHER, -graph.model.other_weights, 2)
    read = {key for one in graph.blocks for key, _ in one.block.reads}
    read |= {key for one in graph.blocks for key in one.block.names.get("attends", ())}
    outputs = {one.block.path for one in graph.blocks if one.block.key not in read and count.by_block[one.block.path]}
    recurrent = embeddings = 0
    types = {one.block.path: one.block.type.name for one in graph.blocks}
    for path, weights in count.by_block.items():
        recurrent += weights if types.get(path) == "recurrent" else 0
        embeddings += weights if types.get(path) == "embedding" else 0
        if not weights or "." in path:
            continue
        if path in outputs and len(outputs) > 1:
            yield CountedOtherwise("output", f"the output {path} is not counted", path, -weights, 2)
        elif types.get(path) == "embedding":
            words = f"{path} is not counted: left out, or frozen where trained weights are stated"
            yield CountedOtherwise("left_out", words, path, -weights, 3)
        else:
            yield CountedOtherwise("left_out", f"{path} is not counted", path, -weights, 3)
        if path in outputs and types.get(path) == "dense":
            yield CountedOtherwise("second_output", f"a second output like {path} is counted", path, weights, 4)
    if recurrent and recurrent != count.weights:
        words = "only the recurrent blocks are counted"
        yield CountedOtherwise("recurrent_part", words, "", recurrent - count.weights, 4)


def _by_tensor(graph: Graph) -> dict[str, int]:
    """Return the weights of each kind of tensor of each block."""
    found: Counter[str] = Counter()
    for group in graph.groups:
        for tensor in group.tensors if group.counted else ():
            if not tensor.buffer:
                name = f"{group.block}.{tensor.name}" if group.block else tensor.name
                found[name] += int(group.times) * int(tensor.weights(group.dimensions))
    return {name: weights for name, weights in found.items() if weights}


def _difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {
        name: after.get(name, 0) - before.get(name, 0)
        for name in {**before, **after}
        if after.get(name, 0) != before.get(name, 0)
    }


def _apart(changes: Sequence[Change]) -> bool:
    """Return whether no two changes say the same field."""
    names = [name for change in changes for name in change.changes]
    return len(set(names)) == len(names)


def _path(name: str, places: Mapping[str, FieldPlace]) -> tuple[str | int, ...]:
    return places[name].path
