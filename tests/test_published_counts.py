"""Every figure in `oracles/*_counts.csv` is reproduced: to the unit where it was printed so, else to its printed digits."""

from __future__ import annotations

import pytest

from sizer.networks.cells import CELL_TYPES
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import count
from tests.oracles.figures import HERE, Figure, count_figures, read_figures, rounds_to, stated_size, truncates_to

FIGURES = count_figures()
UNREPRODUCED = read_figures(HERE / "unreproduced_figures.csv")
ONLY_TRUNCATES = {"sak14-840-x5"}
"""Figures that were cut at the printed digit rather than rounded to it."""


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_figure_is_reproduced(figure: Figure) -> None:
    weights = count(figure.network).weights

    assert weights == figure.weights
    if figure.exact:
        assert f"{weights:,}" == figure.stated
    elif figure.name in ONLY_TRUNCATES:
        assert truncates_to(weights, figure.stated)
        assert not rounds_to(weights, figure.stated)
    else:
        assert rounds_to(weights, figure.stated)


@pytest.mark.parametrize("figure", UNREPRODUCED, ids=lambda figure: figure.name)
def test_figure_that_is_not_reproduced_is_explained(figure: Figure) -> None:
    weights = count(figure.network).weights

    assert weights == figure.weights
    assert not rounds_to(weights, figure.stated)
    assert figure.explanation


def test_no_row_is_lost() -> None:
    """A glob that matches nothing or a file that is cut short would otherwise pass."""
    rows = {file: sum(figure.file == file for figure in FIGURES) for file in {figure.file for figure in FIGURES}}

    assert rows["published_counts.csv"] >= 73
    assert rows["asked_counts.csv"] >= 11
    assert rows["printed_counts.csv"] >= 13
    assert rows["cell_counts.csv"] >= 23
    assert len(UNREPRODUCED) >= 4
    assert sum(figure.exact for figure in FIGURES) >= 60
    assert {figure.name for figure in FIGURES} >= ONLY_TRUNCATES


def test_every_row_says_where_it_comes_from() -> None:
    every = [*FIGURES, *UNREPRODUCED]
    names = [figure.name for figure in every]

    assert len(set(names)) == len(names)
    assert all(figure.source.strip() for figure in every)
    assert {figure.evidence for figure in every} == {"seen", "built", "worked", "memory"}


def test_figures_cover_the_conventions() -> None:
    assert {figure.network["convention"] for figure in FIGURES} == set(CONVENTIONS)


def test_figures_cover_the_cells() -> None:
    assert {figure.network["cell_type"] for figure in FIGURES} == set(CELL_TYPES)


@pytest.mark.parametrize(
    ("weights", "stated", "rounds", "truncates"),
    [
        (21_349_999, "21.3M", True, True),
        (21_350_000, "21.3M", False, True),
        (21_250_000, "21.3M", True, False),
        (21_249_999, "21.3M", False, False),
        (54_017_000, "54M", True, True),
        (37_516_080, "37M", False, True),
        (999_500, "1.0M", True, False),
        (62_316, "62,316", True, True),
        (62_317, "62,316", False, False),
        (1_776_882_559, "1.8B", True, False),
    ],
)
def test_rounding_to_the_printed_digits(weights: int, stated: str, rounds: bool, truncates: bool) -> None:
    assert rounds_to(weights, stated) is rounds
    assert truncates_to(weights, stated) is truncates


def test_last_printed_digit() -> None:
    assert [int(part) for part in stated_size("21.3M")] == [21_300_000, 100_000]
    assert [int(part) for part in stated_size("62,316")] == [62_316, 1]
