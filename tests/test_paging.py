"""Pages hold the rows that sorting everything would put there, however deep, by cursor or by offset."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sizer
from sizer.tables.asked import paging
from sizer.tables.asked.paging import page_of
from sizer.tables.asked.query import Query
from sizer.tables.asked.results import open_results

pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `query`)")

SWEEP = """
sizer: 1
name: pages
model: {convention: pytorch, inputs: 80, outputs: 10}
grid:
  cell_type: [gru, lstm]
  layers: [1, 2, 3]
  cells: {from: 16, to: 400, step: 16}
  recurrent_projection: [0, 8]
  bidirectional: [false, true]
"""
SORTS: tuple[list[str], ...] = (
    ["-weights"],
    ["weights"],
    [],
    ["-id"],
    ["layers", "-cells"],
    ["-layers", "cell_type", "weights"],
    ["bidirectional"],
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "pages.yaml").write_text(SWEEP)
    run = sizer.run_sweep(sizer.load_sweep(folder / "pages.yaml"), folder, formats=["parquet"])
    return folder / "pages.parquet", run.frame()


def in_order(table: pd.DataFrame, sort: list[str]) -> pd.DataFrame:
    order = {word.removeprefix("-"): not word.startswith("-") for word in sort}
    order.setdefault("id", True)
    return table.sort_values(list(order), ascending=list(order.values()), kind="stable")


def rows_of(page: Any) -> list[dict[str, Any]]:
    return [dict(zip(page.columns, row, strict=True)) for row in page.rows]


@pytest.mark.parametrize("deep", [0, pytest.param(50, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("sort", SORTS, ids=",".join)
def test_any_offset(
    made: tuple[Path, pd.DataFrame], monkeypatch: pytest.MonkeyPatch, sort: list[str], deep: int
) -> None:
    path, table = made
    monkeypatch.setattr(paging, "DEEP", deep)
    monkeypatch.setattr(paging, "_SPANS", 4)
    results = open_results(path)
    expected = in_order(table, sort).to_dict("records")
    chance = random.Random(deep)
    for skip in (
        0,
        1,
        len(expected) - 1,
        len(expected),
        len(expected) + 5,
        *(chance.randrange(len(expected)) for _ in range(6)),
    ):
        page = page_of(results, Query(sort=sort), rows=7, skip=skip)
        assert rows_of(page) == expected[skip : skip + 7]
        assert page.total == len(expected)
        assert (page.after is None) == (skip + 7 >= len(expected))
    chosen = in_order(table[(table.weights <= 10**6) & (table.cells > 40)], sort).to_dict("records")
    for skip in (0, 5, len(chosen) // 2, len(chosen) - 3):
        page = page_of(results, Query(sort=sort, budget="1M", where=["cells > 40"]), rows=5, skip=skip)
        assert rows_of(page) == chosen[skip : skip + 5]


@pytest.mark.parametrize("sort", SORTS, ids=",".join)
def test_cursors_after_an_offset(
    made: tuple[Path, pd.DataFrame], monkeypatch: pytest.MonkeyPatch, sort: list[str]
) -> None:
    path, table = made
    monkeypatch.setattr(paging, "DEEP", 2)
    expected = in_order(table, sort).to_dict("records")
    page = page_of(open_results(path), Query(sort=sort), rows=10, skip=100)
    found = rows_of(page)
    while page.after is not None:
        page = page_of(open_results(path), Query(sort=sort), rows=60, after=page.after, counted=False)
        found += rows_of(page)
    assert found == expected[100:]
