"""A sweep against a framework: configurations are drawn, built there, and compared tensor by tensor.

sweep -> corners and random ids -> what can be compared -> both sides, up to the first difference
"""

from __future__ import annotations

import itertools
import math
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sizer.answer import Shown, Table
from sizer.errors import Fault, InputError, quoted
from sizer.frameworks.blocks.compared_models import ModelVerification
from sizer.frameworks.blocks.comparing import compare_model, why_not_model
from sizer.frameworks.equivalents import Shape
from sizer.frameworks.framework import Framework
from sizer.frameworks.verifying import FRAMEWORKS, Comparison, compare_network, why_not
from sizer.grids.ids import lengths, locate, strides
from sizer.layout import DOT, aligned
from sizer.networks.blocks.layered import countable
from sizer.networks.counting import Description, did_you_mean, refused
from sizer.networks.fields import FIELDS, FieldValue
from sizer.networks.wording import network_heading
from sizer.parameters import checked
from sizer.sweepfile.load import sweep_of
from sizer.sweepfile.model_file import ModelFile, model_of
from sizer.sweepfile.sweep import Axis, Grid, Sweep

MOST_CORNERS = 1024
"""Of a sweep; a grid of n axes has 2**n of them, and as many again for each convention or cell type."""

LOOKS_PER_SAMPLE = 20
"""How many configurations are looked at for each that is asked for, before what was found has to do."""

Progress = Callable[[int, int], None]
"""Called with the configurations that were looked at and those that were compared so far."""


@dataclass(frozen=True, repr=False)
class Verification(Shown):
    """What was compared, and the first difference."""

    sweep: Sweep
    framework: Framework
    version: str
    seed: int
    looked_at: int
    """Configurations of the sweep, compared or not."""
    corners: int
    """Of those that were compared: the ones with the first or last value on every axis."""
    compared: int
    tensors: int
    """In all networks that were compared."""
    not_valid: Counter[str]
    """Configurations that their convention refuses, by reason."""
    not_comparable: Counter[str]
    """Configurations that the framework does not build, by reason."""
    difference: Comparison | None
    """The first; the comparison ended there."""
    configuration_id: int | None
    """Of the difference."""
    seconds: float

    @property
    def equal(self) -> bool:
        """Whether something was compared, and no difference found."""
        return self.difference is None and self.compared > 0

    def _in_a_line(self) -> str:
        with_what = f"{self.framework.title} {self.version}"
        if self.difference is not None:
            return f"{self.sweep.name}: configuration {self.configuration_id} differs from {with_what}"
        return (
            f"{self.sweep.name}: {self.compared:,} networks equal {with_what}"
            if self.compared
            else (f"{self.sweep.name}: nothing was compared with {with_what}")
        )

    def _as_text(self) -> str:
        return verification_screen(self)

    def _as_table(self) -> Table:
        rows: list[tuple[str, int]] = [("looked at", self.looked_at)]
        rows += [(f"not valid: {reason}", number) for reason, number in self.not_valid.items()]
        rows += [(f"not comparable: {reason}", number) for reason, number in self.not_comparable.items()]
        rows += [("compared", self.compared), ("tensors", self.tensors)]
        return ("what", "number"), rows

    def as_json(self) -> dict[str, Any]:
        """Return the verification as `--json` shows it."""
        return {
            "name": self.sweep.name,
            "framework": self.framework.name,
            "version": self.version,
            "seed": self.seed,
            "configurations": self.sweep.size,
            "looked_at": self.looked_at,
            "compared": self.compared,
            "corners": self.corners,
            "tensors": self.tensors,
            "not_valid": dict(self.not_valid),
            "not_comparable": dict(self.not_comparable),
            "difference": None
            if self.difference is None
            else {"id": self.configuration_id, **self.difference.as_json()},
            "seconds": round(self.seconds, 3),
        }


def verify_sweep(
    sweep: Sweep, framework: str, *, sample: int = 1000, seed: int = 0, on_progress: Progress | None = None
) -> Verification:
    """Compare a random sample of a sweep, and its corners, with what a framework makes of them.

    Budget and `where` play no part: what they leave out is counted by the same rules.

    Args:
        sweep: from `load_sweep`.
        framework: `torch`, `keras` or `flax`.
        sample: how many configurations to compare, besides the corners.
        seed: the seed of the random choice; the same seed gives the same configurations.
        on_progress: called after each configuration.

    Raises:
        InputError: the framework cannot be imported, or the sweep is a space.
    """
    if sweep.is_space:
        message = "is a space of widths per layer, of which no sample is compared; sizer code FILE --id N --to torch writes one of its networks"
        raise InputError([Fault(sweep.file, 0, 0, "grid", message)])
    started = time.perf_counter()
    chosen = FRAMEWORKS[framework]
    version = chosen.version()
    not_valid: Counter[str] = Counter()
    not_comparable: Counter[str] = Counter()
    looked_at = compared = drawn = corners = tensors = 0
    difference: Comparison | None = None
    different: int | None = None
    for configuration_id, is_corner in _ids(sweep, sample, seed):
        if not is_corner and drawn == sample:
            break
        looked_at += 1
        asked = Description(configuration_of(sweep, configuration_id), sweep.cell_types)
        network = asked.wired()
        refusals = refused(asked, network.fed)
        reason = "" if refusals else why_not(network, chosen)
        if refusals:
            not_valid[refusals[0][1]] += 1
        elif reason:
            not_comparable[reason] += 1
        else:
            comparison = compare_network(network, chosen)
            compared += 1
            corners += is_corner
            drawn += not is_corner
            tensors += len(comparison.tensors)
            if not comparison.equal:
                difference, different = comparison, configuration_id
                break
        if on_progress:
            on_progress(looked_at, compared)
    return Verification(
        sweep=sweep,
        framework=chosen,
        version=version,
        seed=seed,
        looked_at=looked_at,
        corners=corners,
        compared=compared,
        tensors=tensors,
        not_valid=not_valid,
        not_comparable=not_comparable,
        difference=difference,
        configuration_id=different,
        seconds=time.perf_counter() - started,
    )


def verify_model(model: ModelFile, framework: str) -> ModelVerification:
    """Build a model of blocks in a framework, as it stands by itself, and compare every tensor's shape, block by block.

    Args:
        model: from `load_model`.
        framework: `torch` or `keras`.

    Raises:
        InputError: the framework builds no models of blocks, has no such block, or cannot be imported.
    """
    reasons = why_not_model(model.graph, framework)
    compared = None
    if not reasons:
        with model.places_of_faults():
            compared = compare_model(model.graph, framework)
    chosen = FRAMEWORKS[framework]
    return ModelVerification(model.name, chosen, chosen.version(), compared, tuple(reasons))


@checked
def verify(
    sweep: str | os.PathLike[str] | Mapping[str, Any] | Sweep,
    framework: str = "torch",
    *,
    sample: int = 1000,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Verification | ModelVerification:
    """Build a sample of a sweep, and its corners, in a framework, and compare every tensor's shape.

    A model of blocks is compared block by block, with its own sizes, and as many of its blocks as possible are run.

    Args:
        sweep: a sweep file, a mapping with the contents of one, or a sweep from `load_sweep`; likewise with a model of
            blocks, with or without a grid, or only the model, as for `sizer.count`.
        framework: `torch`, `keras` or `flax`.
        sample: how many configurations to compare, besides the corners.
        seed: the seed of the random choice; the same seed gives the same configurations.
        on_progress: called after each configuration.

    Returns:
        What was compared; `.equal` is true if something was compared and no difference was found.

    Raises:
        InputError: the sweep or an argument has faults, or the framework cannot be imported.
    """
    if framework not in FRAMEWORKS:
        known = did_you_mean(str(framework), FRAMEWORKS) or f"; one of {', '.join(FRAMEWORKS)}"
        raise InputError([Fault("", 0, 0, "framework", f"no framework named {quoted(str(framework))}{known}")])
    if sample < 0:
        raise InputError([Fault("", 0, 0, "sample", f"{sample} is below the minimum, 0")])
    model = model_of(sweep)
    if model is not None:
        return verify_model(model, framework)
    read = sweep_of(sweep)
    return verify_sweep(read, framework, sample=sample, seed=seed, on_progress=on_progress)


def configuration_of(sweep: Sweep, configuration_id: int) -> dict[str, FieldValue]:
    """Return the fields, as given, of one configuration of a sweep.

    Raises:
        InputError: no configuration has that id.
    """
    try:
        if sweep.is_space:
            from sizer.spaces.space import Space

            return countable(Space(sweep).by_id([configuration_id])[0], sweep.cell_types)
        grid, places = locate(sweep, configuration_id)
    except IndexError as problem:
        raise InputError([Fault("", 0, 0, "id", str(problem))]) from None
    return grid.configuration(places)


def _ids(sweep: Sweep, sample: int, seed: int) -> Iterator[tuple[int, bool]]:
    """Yield (id, whether it is a corner), no id twice: the corners, then random ones, a bounded number."""
    chance = random.Random(seed)
    seen: set[int] = set()
    for corner in corner_ids(sweep, chance):
        seen.add(corner)
        yield corner, True
    most = LOOKS_PER_SAMPLE * sample
    if sweep.size <= 4 * most:
        shuffled = [number for number in range(sweep.size) if number not in seen]
        chance.shuffle(shuffled)
        yield from ((number, False) for number in shuffled[:most])
        return
    for _ in range(most):
        # A grid can have more configurations than fit into 64 bits; randrange draws Python ints.
        number = chance.randrange(sweep.size)
        while number in seen:
            number = chance.randrange(sweep.size)
        seen.add(number)
        yield number, False


def corner_ids(sweep: Sweep, chance: random.Random) -> Iterator[int]:
    """Yield the ids of the configurations with the first or last value on every axis, in id order grid by grid.

    Conventions and cell types have no first and last: every one of them has its corners.
    Where a grid has more than its share of `MOST_CORNERS`, its first, its last and random ones stand for them.
    """
    share = max(2, MOST_CORNERS // len(sweep.grids))
    start = 0
    for grid in sweep.grids:
        yield from (start + offset for offset in _corners(grid, share, chance))
        start += grid.size


def _corners(grid: Grid, share: int, chance: random.Random) -> list[int]:
    ends = [
        [stride * place for place in _ends(axis)]
        for stride, axis in zip(strides(lengths(grid)), grid.axes, strict=True)
    ]
    if math.prod(map(len, ends)) <= share:
        return sorted(sum(choice) for choice in itertools.product(*ends))
    found = {sum(side[0] for side in ends), sum(side[-1] for side in ends)}
    while len(found) < share:
        found.add(sum(chance.choice(side) for side in ends))
    return sorted(found)


def _ends(axis: Axis) -> list[int]:
    """Return the positions of an axis that count as its ends: of conventions and cell types every one."""
    words = any(FIELDS[column.field].kind == "choice" for column in axis.columns)
    if words and axis.length <= MOST_CORNERS:
        return list(range(axis.length))
    return sorted({0, axis.length - 1})


def verification_screen(done: Verification) -> str:
    """Return what was compared, with what, and the first difference with both sides."""
    framework = done.framework
    lines = [DOT.join(filter(None, (done.sweep.name, done.sweep.description)))]
    if done.compared:
        lines += [f"Compared with {framework.title} {done.version}, {framework.how}", ""]
    else:
        none = f"builds none of the {done.looked_at:,} configurations that were looked at"
        lines += [f"Nothing was compared: {framework.title} {done.version} {none}", ""]
    random_ones = done.compared - done.corners
    rows = [
        (f"{done.looked_at:,}", f"configurations looked at, of {done.sweep.size:,}"),
        *_dropped(done.not_valid, "not valid: "),
        *_dropped(done.not_comparable, "not comparable: "),
        (
            f"{done.compared:,}",
            f"compared: {done.corners:,} corners, {random_ones:,} drawn at random, seed {done.seed}",
        ),
    ]
    lines += aligned(rows, left=(1,))
    if done.compared:
        lines.append("")
    if done.difference is not None:
        lines += [f"Configuration {done.configuration_id} differs from {framework.title}.", ""]
        lines += difference_lines(done.difference, framework.title)
    elif done.compared:
        lines.append(f"Every shape of {done.tensors:,} tensors and every total is equal      {done.seconds:.1f} s")
    return "\n".join(lines)


def _dropped(reasons: Counter[str], front: str) -> list[tuple[str, str]]:
    return [(f"-{number:,}", front + reason) for reason, number in reasons.items()]


def difference_lines(comparison: Comparison, title: str) -> list[str]:
    """Return both sides of a network, tensor by tensor, with a mark at each difference."""
    rows = [("", "", "Sizer", title)]
    rows += [
        ("" if pair.equal else "*", pair.name, _shape(pair.ours), _shape(pair.theirs)) for pair in comparison.tensors
    ]
    mark = "" if comparison.our_weights == comparison.their_weights else "*"
    rows.append((mark, "weights", f"{comparison.our_weights:,}", f"{comparison.their_weights:,}"))
    return [network_heading(comparison.count), "", *aligned(rows, left=(0, 1, 2, 3))]


def _shape(shape: Shape | None) -> str:
    return "-" if shape is None else " x ".join(map(str, shape))
