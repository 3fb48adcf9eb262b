"""The page of published counts lists every figure there is, with its source; `docs/check.py` holds the rest to the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracles.figures import HERE, Figure, count_figures, read_figures

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "published-counts.md").read_text(encoding="utf-8")
REPRODUCED, UNREPRODUCED = PAGE.split("\n## Not reproduced\n")


def row_of(figure: Figure, text: str) -> list[str]:
    rows = [line for line in text.splitlines() if line.startswith(f"| `{figure.name}` |")]
    assert len(rows) == 1
    return [cell.strip() for cell in rows[0].strip("|").split(" | ")]


def listed(source: str) -> str:
    return f". {source}\n".replace("*", "\\*")


@pytest.mark.parametrize("figure", count_figures(), ids=lambda figure: figure.name)
def test_a_figure_stands_on_the_page(figure: Figure) -> None:
    *_, stated, counted, match, evidence, _ = row_of(figure, REPRODUCED)
    assert (stated, counted, evidence) == (figure.stated, f"{figure.weights:,}", figure.evidence)
    assert (match == "to the unit") is figure.exact
    assert listed(figure.source) in REPRODUCED


@pytest.mark.parametrize("figure", read_figures(HERE / "unreproduced_figures.csv"), ids=lambda figure: figure.name)
def test_a_figure_that_nothing_reproduces_stands_there_with_the_reason(figure: Figure) -> None:
    *_, stated, counted, why, evidence, _ = row_of(figure, UNREPRODUCED)
    assert (stated, counted, why, evidence) == (
        figure.stated,
        f"{figure.weights:,}",
        figure.explanation,
        figure.evidence,
    )
    assert listed(figure.source) in UNREPRODUCED
