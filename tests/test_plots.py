"""Plots: what is drawn is what the rows say, however many there are, and nothing is drawn of what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

import sizer
from sizer.errors import InputError
from sizer.tables.asked.results import open_results

pytest.importorskip("altair", reason="Altair is not installed (the extra `report`)")
pytest.importorskip("vl_convert", reason="vl-convert is not installed (the extra `report`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `report`)")

from sizer.tables.shown import plots
from sizer.tables.shown.plots import Asked, plot, svg
from tests.commands import Done, run

ROOT = Path(__file__).resolve().parent.parent
ONE = """
sizer: 1
name: one
model: {convention: pytorch, cell_type: gru, inputs: 8, layers: 1}
grid: {cells: [16]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("results")
    for name in ("speech", "toolkits", "keywords"):
        sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / f"{name}.yaml"), made)
    (made / "one.yaml").write_text(ONE)
    sizer.run_sweep(sizer.load_sweep(made / "one.yaml"), made)
    return made


def drawn(folder: Path, name: str = "speech", **asked: Any) -> tuple[dict[str, Any], str]:
    chart = plot(open_results(folder / f"{name}.parquet"), Asked(**asked))
    return chart.to_dict(), svg(chart)


def values(chart: dict[str, Any], layer: int = 0) -> pd.DataFrame:
    found = chart["layer"][layer]
    data = found.get("data") or chart["data"]
    return pd.DataFrame(data.get("values") or chart["datasets"][data["name"]])


def words(text: str) -> set[str]:
    return {
        "".join(element.itertext()) for element in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")
    }


def test_weights_against_cells(folder: Path) -> None:
    chart, text = drawn(folder)
    table = pd.read_parquet(folder / "speech.parquet")
    expected = table.groupby(["cells", "layers"]).weights.agg(["min", "max", "size"]).reset_index()
    found = values(chart).assign(colour=lambda rows: rows["colour"].astype(int)).sort_values(["x", "colour"])
    assert found[["x", "colour", "smallest", "largest", "rows"]].to_numpy().tolist() == expected.to_numpy().tolist()
    assert {"speech", "cells", "weights", "layers", "10M", "budget 10,000,000", "1", "5"} <= words(text)
    assert "1,834 configurations · solid: the largest, dotted: the smallest" in words(text)


def test_the_budget_that_is_asked_for_is_drawn(folder: Path) -> None:
    chart, text = drawn(folder, budget="2.5M", where=["layers > 1"], x="recurrent_projection", colour="cells")
    assert values(chart).largest.max() <= 2_500_000
    assert "budget 2,500,000" in words(text)
    assert {"recurrent_projection", "cells"} <= words(text)
    assert any("layers > 1" in line for line in words(text))


def test_a_heat_map_of_a_model_of_blocks_shows_the_most_cells_of_one(folder: Path) -> None:
    chart, text = drawn(folder, "keywords", kind="heatmap")
    table = pd.read_parquet(folder / "keywords.parquet")
    found = values(chart)
    assert {"most gru.cells", "conv.channels", "conv.stride.2"} <= words(text)
    assert found.cells.max() == table["gru.cells"].max()
    assert found.rows.sum() == len(table)
    chart, text = drawn(folder, "keywords", kind="heatmap", x="gru.cells", y="hidden.width", colour="weights")
    expected = table.groupby(["gru.cells", "hidden.width"]).weights.max()
    assert sorted(values(chart).cells) == sorted(expected)
    assert {"most weights", "gru.cells", "hidden.width"} <= words(text)


def test_a_heat_map_shows_the_most_cells(folder: Path) -> None:
    chart, text = drawn(folder, kind="heatmap", budget="5M")
    table = pd.read_parquet(folder / "speech.parquet")
    within = table[table.weights <= 5_000_000]
    expected = within.groupby(["recurrent_projection", "layers"]).cells.max().reset_index()
    found = values(chart).sort_values(["x", "y"])
    assert found[["x", "y", "cells"]].to_numpy().tolist() == expected.to_numpy().tolist()
    assert {f"{cells:,}" for cells in expected.cells} <= words(text)


def test_a_histogram_counts_every_row_once(folder: Path) -> None:
    chart, text = drawn(folder, kind="histogram")
    table = pd.read_parquet(folder / "speech.parquet")
    found = values(chart)
    assert found["rows"].sum() == len(table)
    first = found[found.low == 500_000]["rows"].sum()
    assert first == table.weights.between(500_000, 999_999).sum()
    assert "budget 10,000,000" in words(text)


def test_words_are_coloured_by_words(folder: Path) -> None:
    table = pd.read_parquet(folder / "toolkits.parquet")
    _, text = drawn(folder, "toolkits", colour="cell_type")
    assert set(table.cell_type) <= words(text)
    chart, text = drawn(folder, "toolkits", colour="convention")
    assert table.convention.nunique() > plots.MOST_COLOURS
    shown = set(values(chart).colour)
    assert len(shown) == plots.MOST_COLOURS
    assert shown <= words(text)
    most = table.convention.value_counts()
    assert set(most.index[most > most.iloc[plots.MOST_COLOURS - 1]]) <= shown - {"others"}
    assert values(chart)["rows"].sum() == len(table)


def test_one_row_is_a_plot_too(folder: Path) -> None:
    _, text = drawn(folder, "one")
    assert {"1 configuration", "configurations"} <= words(text)
    drawn(folder, "one", x="cells")


def test_many_values_are_drawn_as_spans(folder: Path, tmp_path: Path) -> None:
    sweep = ONE.replace("layers: 1", "").replace(
        "[16]", "{from: 1, to: 3000, step: 1}, layers: {from: 1, to: 20, step: 1}"
    )
    (tmp_path / "many.yaml").write_text(sweep.replace("name: one", "name: many").replace("inputs: 8, }", "inputs: 8}"))
    sizer.run_sweep(sizer.load_sweep(tmp_path / "many.yaml"), tmp_path, formats=["parquet"])
    chart, text = drawn(tmp_path, "many")
    found = values(chart)
    assert found["rows"].sum() == 60_000
    assert found.x.nunique() <= plots.MOST_POINTS
    assert found.colour.nunique() <= plots.MOST_COLOURS
    assert "1-3" in words(text)
    assert "cells, 19 values each" in words(text)
    assert values(drawn(tmp_path, "many", kind="histogram")[0])["rows"].sum() == 60_000


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"kind": "heatmp"}, "kind: no plot named 'heatmp'; did you mean 'heatmap'?"),
        ({"x": "cels"}, "x: no column named 'cels'; did you mean 'cells'?"),
        ({"x": "cell_type"}, "x: cell_type holds words; use it as colour"),
        ({"width": 5}, "width: 5 is not between 100 and 4000"),
        ({"where": ["layers > 99"]}, "speech: has no such rows; there is nothing to draw"),
        ({"kind": "heatmap", "x": "layers"}, "kind: a heat map shows the most cells over two other fields, and these are not there; name x and y"),
    ],
)  # fmt: skip
def test_faults(folder: Path, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        drawn(folder, **asked)
    assert str(caught.value) == said


def command(*arguments: str, folder: Path) -> Done:
    return run(*arguments, cwd=folder)


def test_files(folder: Path, tmp_path: Path) -> None:
    for name, start in (("a.svg", b"<svg"), ("a.png", b"\x89PNG"), ("a.html", b"<!DOCTYPE html>")):
        done = command("plot", str(folder / "speech.parquet"), "--out", name, folder=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{name} is written\n")
        assert (tmp_path / name).read_bytes().lstrip().startswith(start)
    page = (tmp_path / "a.html").read_text()
    assert 'src="http' not in page
    done = command("plot", str(folder / "speech.parquet"), "--out", "a.gif", folder=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "--out: 'a.gif' ends in none of .svg, .png, .html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.png", "a.svg"]


def test_equal_results_are_drawn_equal(folder: Path) -> None:
    assert drawn(folder)[1] == drawn(folder)[1]


def test_results_of_which_one_lacks_a_field(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(
        "sizer: 1\nname: two\nmodel: {convention: keras, cell_type: gru, inputs: 8, layers: 1}\n"
        "grid: {cells: [16, 32], bidirectional: [true, false], outputs: {from: 1, to: 40, step: 1}}\n"
    )
    sizer.run_sweep(sizer.load_sweep(tmp_path / "two.yaml"), tmp_path)
    results = open_results([folder / "one.parquet", tmp_path / "two.parquet"])
    for kind in ("weights", "histogram"):
        for colour, groups in (("bidirectional", {"true", "false"}), ("outputs", {"1-5", "36-40"})):
            chart = plot(results, Asked(kind=kind, x="cells" if kind == "weights" else "", colour=colour))
            table = values(chart.to_dict())
            assert groups < set(table.colour)
            assert table[table.colour == "not said"].rows.sum() == 1
            assert table.rows.sum() == 161
            assert "not said" in words(svg(chart))
    for asked in (Asked(x="outputs"), Asked(kind="heatmap", x="outputs", y="cell_type")):
        chart = plot(results, asked)
        assert values(chart.to_dict()).rows.sum() == 160
        assert any("1 without a value on an axis left out" in line for line in words(svg(chart)))
