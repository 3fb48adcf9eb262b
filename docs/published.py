"""The figures in tests/oracles become the tables of the published record, for cog to place in the document."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence

import cog

from docs.screens import table
from sizer.cli.screens import DOT, network_heading
from sizer.networks.blocks.counting import ModelCount
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import count
from tests.oracles.figures import HERE, Figure, count_figures, read_figures, rounds_to, truncates_to

EVIDENCE = {
    "seen": "the figure was read in a text",
    "built": "the source's own code built the network, and its parameters were counted",
    "worked": "it was multiplied out by hand from the source's formula or shapes",
    "memory": "it was recalled: a lead rather than a proof",
}


def overview() -> None:
    """Place how many figures there are, how they are reproduced, and on what evidence."""
    figures, unreproduced = count_figures(), unreproduced_figures()
    how = Counter(match(figure) for figure in figures)
    rows = [[words, str(number)] for words, number in how.most_common()]
    table(["figures", "in all"], [*rows, ["not reproduced", str(len(unreproduced))]])
    every = [(figure, True) for figure in figures] + [(figure, False) for figure in unreproduced]
    found = Counter((figure.evidence, reproduced) for figure, reproduced in every)
    words = dict.fromkeys((*EVIDENCE, *(figure.evidence for figure, _ in every)))
    table(
        ["evidence", "means", "reproduced", "not reproduced"],
        [[word, EVIDENCE.get(word, ""), str(found[word, True]), str(found[word, False])] for word in words],
    )


def reproduced() -> None:
    """Place every figure that is reproduced, by the convention that reproduces it."""
    figures = count_figures()
    for convention in CONVENTIONS.values():
        here = [figure for figure in figures if figure.network["convention"] == convention.name]
        if here:
            cog.outl(f"\n### {convention.name}: {convention.title}")
            _figures(here, "match", [match(figure) for figure in here])


def not_reproduced() -> None:
    """Place every figure that nothing reproduces, with why."""
    here = unreproduced_figures()
    _figures(here, "why not", [figure.explanation for figure in here], with_convention=True)


def unreproduced_figures() -> list[Figure]:
    """Return the figures that nothing reproduces."""
    return read_figures(HERE / "unreproduced_figures.csv")


def match(figure: Figure) -> str:
    """Return how the count meets what was printed."""
    if figure.exact:
        return "to the unit"
    if rounds_to(figure.weights, figure.stated):
        return "rounds to it"
    assert truncates_to(figure.weights, figure.stated), figure.name
    return "truncates to it"


def _figures(figures: Sequence[Figure], last: str, notes: Iterable[str], *, with_convention: bool = False) -> None:
    """Place figures as a table, and their sources as a list below it."""
    sources = list(dict.fromkeys(figure.source for figure in figures))
    header = ["figure", "network", "with", "stated", "counted", last, "evidence", "source"]
    rows = []
    for figure, note in zip(figures, notes, strict=True):
        counted = count(figure.network)
        network, _, assumed = network_heading(counted).rpartition(DOT)
        if not with_convention:
            network = network.partition(DOT)[2]
        number = str(sources.index(figure.source) + 1)
        weights = f"{counted.weights:,}"
        rows.append([f"`{figure.name}`", network, assumed, figure.stated, weights, note, figure.evidence, number])
    table(header, rows)
    cog.outl("Sources:\n")
    for number, source in enumerate(sources, start=1):
        text = source.replace("*", "\\*")
        cog.outl(f"{number}. {text}")
    cog.outl("")


def models_of_blocks() -> None:
    """Place every published model of several blocks, with what it counts to."""
    rows = list(csv.DictReader((HERE / "composite_models.csv").read_text(encoding="utf-8").splitlines()))
    sources = list(dict.fromkeys(row["source"] for row in rows))
    found = []
    for row in rows:
        counted = count(json.loads(row["model"]))
        assert isinstance(counted, ModelCount)
        beside = f" + {counted.buffer_values:,} values besides them" if counted.buffer_values else ""
        trained = f", {counted.trained_weights:,} trained" if counted.trained_weights != counted.weights else ""
        stated = row["stated"] + ("" if row["stated_is"] == "weights" else f" ({row['stated_is'].replace('_', ' ')})")
        met = (
            "nothing gives it"
            if row["reproduced"] == "no"
            else "to the unit"
            if row["exact"] == "true"
            else "rounds to it"
        )
        place = str(sources.index(row["source"]) + 1)
        found.append([f"`{row['id']}`", stated, f"{counted.weights:,}{trained}{beside}", met, row["evidence"], place])
    table(["model", "stated", "weights counted", "match", "evidence", "source"], found)
    cog.outl("Sources:\n")
    for number, source in enumerate(sources, start=1):
        text = source.replace("*", "\\*")
        cog.outl(f"{number}. {text}")
    cog.outl("")
