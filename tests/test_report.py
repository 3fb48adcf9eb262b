"""The report, opened in a browser that can resolve no name: it filters, sorts, and its parts add up to the weights."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sizer
from sizer.errors import InputError
from sizer.networks.counting import CHOICES
from sizer.tables.shown.breakdowns import Breakdowns
from tests.test_fits import any_network

pytest.importorskip("altair", reason="Altair is not installed (the extra `report`)")
pytest.importorskip("vl_convert", reason="vl-convert is not installed (the extra `report`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `report`)")

from sizer.tables.asked.results import open_results
from sizer.tables.shown.report import write_report
from tests.commands import Done, run

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium and its driver are not installed")
MIXED = """
sizer: 1
name: mixed
description: every cell </script><script>document.title = 'broken'</script> & <b>more</b>
model: {inputs: 24, outputs: 10}
grid:
  convention: [CONVENTIONS]
  cell_type: [CELLS]
  layers: [1, 2, 5]
  cells: [24, 32]
  recurrent_projection: [0, 12]
  nonrecurrent_projection: [0, 7]
  bottleneck: [0, 3]
  window: [1, 2]
  bidirectional: [false, true]
  skip_connections: [false, true]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("results")
    sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "speech.yaml"), made)
    words = {name.upper(): ", ".join(CHOICES[name.lower()]) for name in ("convention", "cell_type")}
    text = MIXED.replace("CONVENTIONS", words["CONVENTION"]).replace("CELLS", words["CELL_TYPE"])
    (made / "mixed.yaml").write_text(text)
    sizer.run_sweep(sizer.load_sweep(made / "mixed.yaml"), made)
    return made


def test_conditions_to_try_are_of_the_table_and_hold(tmp_path: Path) -> None:
    run_of_blocks = sizer.run_sweep(ROOT / "sweeps" / "keywords.yaml", tmp_path)
    page = sizer.report(run_of_blocks, tmp_path / "page.html").read_text()
    shown = page.split("<code>")[1].split("</code>")[0]
    assert shown == "conv.channels&lt;=64 conv.stride.1=2"
    assert len(sizer.query(run_of_blocks, where=["conv.channels <= 64", "conv.stride.1 == 2"])) > 0
    assert 'alt="The most gru.cells that fit"' in page
    plain = sizer.run_sweep(ROOT / "sweeps" / "speech.yaml", tmp_path)
    text = sizer.report(plain, tmp_path / "plain.html").read_text()
    assert "<code>cells&lt;=1024 layers=3 weights&gt;9.5M</code>" in text
    assert 'alt="The most cells that fit"' in text


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="Selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--window-size=1280,1000",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    yield made
    made.quit()


def opened(browser: Any, path: Path) -> Any:
    browser.get(path.as_uri())
    assert list(browser.get_log("browser")) == []
    return browser


def shown(browser: Any) -> list[list[str]]:
    """Return the rows that are drawn, the first twenty of what is selected at least."""
    found: list[list[str]] = browser.execute_script(
        "return [...document.querySelectorAll('#table > .row:not(#head)')].map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    return found


def seen(browser: Any) -> str:
    """Return the text of the row that a person sees in the middle of the table."""
    text: str = browser.execute_script(
        """
        document.getElementById('scroller').scrollIntoView({block: 'center'});
        const box = document.getElementById('scroller').getBoundingClientRect();
        const met = document.elementFromPoint(box.left + 60, box.top + box.height / 2);
        return met.closest('.row') ? met.closest('.row').innerText : met.outerHTML.slice(0, 80);
        """
    )
    return text


def report(folder: Path, name: str, path: Path, **options: Any) -> int:
    return write_report(open_results(folder / f"{name}.parquet"), path, **options)


def filter_by(browser: Any, text: str) -> str:
    browser.execute_script(
        "const box = document.getElementById('filter'); box.value = arguments[0]; box.dispatchEvent(new Event('input'));",
        text,
    )
    browser.execute_async_script("setTimeout(arguments[0], 250)")
    status: str = browser.find_element("id", "status").text
    return status


def why(browser: Any) -> str:
    """Return what is said of a filter that nothing passes."""
    found: str = browser.find_element("id", "wrong").text
    return found


@needs_browser
@pytest.mark.process
def test_the_page_filters_and_sorts(folder: Path, tmp_path: Path, browser: Any) -> None:
    path = tmp_path / "speech.html"
    assert report(folder, "speech", path) == 1834
    opened(browser, path)
    table = pd.read_parquet(folder / "speech.parquet")
    assert browser.title == "speech"
    text = browser.find_element("tag name", "body").text
    for words in (
        "3,100",
        "-988",
        "over 10,000,000 weights",
        "-278",
        "1,834",
        "kept",
        "takes 99.6% of the budget of 10,000,000 weights",
        "step: 64",
    ):
        assert words in text
    assert browser.find_element("id", "status").text == "1,834 rows"
    assert [row[0] for row in shown(browser)[:20]] == [f"{one:,}" for one in table.id[:20]]
    assert "sak2014" in seen(browser)
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    within = table[(table.cells <= 512) & (table.layers == 3) & (table.weights > 2_500_000)]
    assert filter_by(browser, "cells<=512 layers = 3 weights>2.5M") == f"{len(within):,} of 1,834 rows"
    assert filter_by(browser, "gru") == "0 of 1,834 rows"
    assert why(browser) == "no row holds gru"
    assert filter_by(browser, "LSTM 9,961,664") == "1 of 1,834 rows"
    assert why(browser) == ""
    assert filter_by(browser, "cells<=512 cell_type=lstm layers = 3 weights>2.5e6") == f"{len(within):,} of 1,834 rows"
    for asked, said in {
        "cels<=512": "no column is named cels; did you mean cells?",
        "lstn": "no row holds lstn; did you mean lstm?",
        "cell_type=lstn layers=1": "no value of cell_type is lstn; did you mean lstm?",
        "cells<many": "many is no number, and cells has numbers",
        "cells<=": "cells<= has no value behind",
        "=5": "=5 has no column in front",
        "sak2014 lsmt cels<9": "no row holds lsmt; did you mean lstm?; no column is named cels; did you mean cells?",
        "layers=1 layers=2": "",  # each of them is there
        "#structure=0": "no column is named #structure; there are id, convention, cell_type, layers, cells,"
        " recurrent_projection, nonrecurrent_projection, weights",
    }.items():
        assert filter_by(browser, asked) == "0 of 1,834 rows"
        assert why(browser) == said
    assert filter_by(browser, "") == "1,834 rows"
    for name, ascending in (("weights", False), ("weights", True), ("id", True)):
        browser.execute_script(
            "[...document.querySelectorAll('#head button')].find((one) => one.textContent.startsWith(arguments[0])).click()",
            name,
        )
        expected = table.sort_values([name, "id"], ascending=[ascending, True])
        assert [row[0] for row in shown(browser)[:20]] == [f"{one:,}" for one in expected.id[:20]]
    assert browser.get_log("browser") == []


@needs_browser
@pytest.mark.process
def test_keys_choose_rows(folder: Path, tmp_path: Path, browser: Any) -> None:
    keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
    path = tmp_path / "speech.html"
    report(folder, "speech", path)
    opened(browser, path)
    assert browser.find_element("id", "parts").get_attribute("data-total") == "9961664"  # the largest is chosen
    scroller = browser.find_element("id", "scroller")
    filter_by(browser, "layers=1")
    scroller.send_keys(keys.ARROW_DOWN)
    scroller.send_keys(keys.ARROW_DOWN)
    assert "Configuration 1, tensor by tensor" in browser.find_element("id", "parts").text
    assert browser.find_element("id", "formula").text == (
        "weights = 4*cells*input + 4*cells*recurrent + 3*cells + cells*projected + fed*outputs"
    )


@needs_browser
@pytest.mark.process
def test_parts_of_every_kind_of_network_add_up(folder: Path, tmp_path: Path, browser: Any) -> None:
    path = tmp_path / "mixed.html"
    rows = report(folder, "mixed", path)
    table = pd.read_parquet(folder / "mixed.parquet")
    assert rows == len(table) > 1000
    assert len(set(zip(table.convention, table.cell_type, strict=True))) > 40
    opened(browser, path)
    assert browser.title == "mixed"
    assert "every cell </script><script>" in browser.find_element("tag name", "body").text
    chance = random.Random(5)
    places = sorted(chance.sample(range(rows), 400))
    totals = browser.execute_script(
        """
        const scroller = document.getElementById('scroller'); const found = [];
        for (const place of arguments[0]) {
          scroller.scrollTop = place * 28; scroller.dispatchEvent(new Event('scroll'));
          const row = [...document.querySelectorAll('#table > .row')].find((one) => one.getAttribute('aria-rowindex') === String(place + 2));
          row.click(); found.push(document.getElementById('parts').dataset.total);
        }
        return found;
        """,
        places,
    )
    assert list(map(int, totals)) == table.weights.iloc[places].tolist()
    assert browser.get_log("browser") == []
    # And tensor by tensor, as `sizer explain` says.
    place = places[7]
    lines = browser.execute_script(
        "return [...document.querySelectorAll('#parts tr:not(.section):not(.total)')].slice(1).map((row) => [row.children[0].textContent, row.children[5].textContent])"
    )
    last = table.iloc[places[-1]]
    sweep = sizer.load_sweep(folder / "mixed.yaml")
    fields = {**sweep.grids[0].fixed, **{name: last[name] for name in sweep.grids[0].swept}}
    plain = {name: value.item() if hasattr(value, "item") else value for name, value in fields.items()}
    tensors: dict[str, int] = {}
    for name, weights in lines:
        tensors[name] = tensors.get(name, 0) + int(weights.replace(",", ""))
    assert tensors == sizer.explain(plain).by_tensor(), place


def test_breakdowns_multiply_to_the_count() -> None:
    chance = random.Random(11)
    breakdowns = Breakdowns()
    checked = 0
    while checked < 1500:
        fields = any_network(chance)
        try:
            expected = sizer.count(fields).weights
        except InputError:
            continue
        structure = breakdowns.structures[breakdowns.place(fields)]

        def number(terms: list[Any], fields: dict[str, Any] = fields) -> int:
            total = 0
            for factor, names in terms:
                product = int(factor)
                for name in names:
                    product *= fields[name]
                total += product
            return total

        found = 0
        for group in structure["groups"]:
            for tensor in group["tensors"]:
                size = number(group["times"])
                for one in tensor["shape"]:
                    size *= number(one["terms"])
                found += 0 if tensor["shared"] else size
        assert found == expected, fields
        checked += 1


SPACE = """
sizer: 1
name: space
model: {convention: kaldi_nnet3, cell_type: lstm, inputs: 8, outputs: 3}
grid:
  layers: [1, 2, 3]
  cells: {per_layer: [16, 24, 32], order: any}
  recurrent_projection: {per_layer: [0, 4], order: any}
"""
SHIPPED = ("rnnt", "las", "awd_lstm", "keywords", "kaldi_tdnn_lstm", "conformer_transducer")


def totals_of(folder: Path, name: str, tmp_path: Path) -> list[int]:
    """Return what the parts in a report's page come to, row by row."""
    report(folder, name, tmp_path / f"{name}.html")
    page = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
    data = json.loads(page.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    columns = {column["name"]: column for column in data["columns"]}

    def value(name: str, row: int) -> Any:
        column = columns[name]
        return column["constant"] if column["values"] is None else column["values"][row]

    def number(terms: list[Any], row: int) -> int:
        return sum(int(factor) * math.prod(int(value(name, row)) for name in names) for factor, names in terms)

    found = []
    for row in range(data["rows"]):
        structure = data["structures"][value("#structure", row)]
        found.append(
            sum(
                number(group["times"], row) * math.prod(number(one["terms"], row) for one in tensor["shape"])
                for group in structure["groups"]
                for tensor in group["tensors"]
                if not tensor["shared"]
            )
        )
    return found


@pytest.mark.parametrize("name", ["awd_lstm", "keywords"])
def test_the_parts_of_blocks_add_up(name: str, tmp_path: Path) -> None:
    table = sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / f"{name}.yaml"), tmp_path).frame()
    assert totals_of(tmp_path, name, tmp_path) == table["weights"].tolist()


def test_the_parts_of_shared_and_repeated_blocks_add_up(tmp_path: Path) -> None:
    blocks = {
        **{name: {"type": "input", "inputs": 8} for name in ("first", "second")},
        "left": {"type": "recurrent", "from": ["first"], "layers": 2, "cells": 8},
        "right": {"type": "recurrent", "from": ["second"], "layers": 2, "cells": 8, "shared": "left"},
        "both": {"type": "join", "from": ["left", "right"]},
        "twice": {"type": "group", "repeat": 2, "blocks": {"dense": {"type": "dense", "width": 6, "norm": "batch"}}},
    }
    grid = {
        "linked": [{"left.cells": [8, 16], "right.cells": [8, 16]}],
        "twice.dense.width": [6, 7],
        "other_weights": [0, 5],
    }
    sweep = {"sizer": 1, "name": "twins", "model": {"convention": "keras", "blocks": blocks}, "grid": grid}
    (tmp_path / "twins.yaml").write_text(json.dumps(sweep))
    table = sizer.run_sweep(sizer.load_sweep(tmp_path / "twins.yaml"), tmp_path).frame()
    assert len(table) == 8
    assert totals_of(tmp_path, "twins", tmp_path) == table["weights"].tolist()


@pytest.mark.thorough
@pytest.mark.parametrize("name", SHIPPED)
def test_the_parts_of_every_shipped_model_add_up(name: str, tmp_path: Path) -> None:
    table = sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / f"{name}.yaml"), tmp_path).frame()
    assert totals_of(tmp_path, name, tmp_path)[:5000] == table["weights"].tolist()[:5000]


def test_the_parts_of_a_space_add_up(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    table = sizer.run_sweep(sizer.load_sweep(tmp_path / "space.yaml"), tmp_path).frame()
    assert totals_of(tmp_path, "space", tmp_path) == table["weights"].tolist()
    assert len(table) == 39


@needs_browser
@pytest.mark.process
def test_a_row_of_blocks_opens_block_by_block(tmp_path: Path, browser: Any) -> None:
    sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "rnnt.yaml"), tmp_path)
    report(tmp_path, "rnnt", tmp_path / "rnnt.html")
    opened(browser, tmp_path / "rnnt.html")
    assert browser.find_element("id", "parts").get_attribute("data-total") == "120443520"  # the largest is chosen
    rows = browser.execute_script(
        "return [...document.querySelectorAll('#parts tr.block')].map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    assert rows == [
        ["encoder", "80.6%", "97,058,816"],
        ["labels", "0.4%", "524,288"],
        ["prediction", "16.1%", "19,415,040"],
        ["joint", "0.7%", "819,840"],
        ["output", "2.2%", "2,625,536"],
    ]
    assert browser.get_log("browser") == []


@needs_browser
@pytest.mark.process
def test_a_hundred_thousand_rows(tmp_path: Path, browser: Any) -> None:
    sweep = tmp_path / "many.yaml"
    sweep.write_text(
        "sizer: 1\nname: many\nmodel: {convention: keras, cell_type: gru, inputs: 8}\n"
        "grid: {layers: {from: 1, to: 20, step: 1}, cells: {from: 1, to: 6000, step: 1}}\n"
    )
    sizer.run_sweep(sizer.load_sweep(sweep), tmp_path, formats=["parquet"])
    assert report(tmp_path, "many", tmp_path / "many.html") == 100_000
    opened(browser, tmp_path / "many.html")
    assert "The 100,000 largest of 120,000 kept configurations" in browser.find_element("tag name", "body").text
    table = pd.read_parquet(tmp_path / "many.parquet").sort_values(["weights", "id"], ascending=[False, True])[:100_000]
    assert shown(browser)[0][0] == f"{table.id.iloc[0]:,}"
    browser.execute_script("document.getElementById('scroller').scrollTop = 1e9")
    browser.execute_async_script("setTimeout(arguments[0], 200)")
    assert "keras" in seen(browser)
    assert shown(browser)[-1][0] == f"{table.id.iloc[-1]:,}"
    assert filter_by(browser, "cells=6000") == f"{sum(table.cells == 6000):,} of 100,000 rows"
    # Drawn rows do not grow with the table.
    assert len(shown(browser)) < 100


def test_nothing_in_the_page_comes_from_elsewhere(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "mixed.html"
    report(folder, "mixed", path)
    page = path.read_text()
    assert "default-src 'none'" in page
    assert page.count("<script") == page.count("</script>") == 2
    outside = page.replace("http://www.w3.org/", "")
    assert "http://" not in outside
    assert "https://" not in outside


def test_a_table_without_networks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lone.csv").write_text("id,weights\n0,3\n")
    with pytest.raises(InputError, match="lacks convention"):
        write_report(open_results(tmp_path / "lone.csv"), tmp_path / "a.html")


def test_the_command(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "speech.parquet", tmp_path)

    def command(*words: str) -> Done:
        return run("report", *words, cwd=tmp_path)

    done = command("speech.parquet")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        "speech.parquet has no manifest next to it, so it is not checked",
        "speech.html: a page with 1,834 configurations",
    ]
    assert "1,834 configurations in this table" in (tmp_path / "speech.html").read_text().replace("</td><td>", " ")
    assert command("speech.parquet", "--out", "a.pdf").stderr.startswith("--out: 'a.pdf' does not end in .html")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["speech.html", "speech.parquet"]


def test_large_numbers_go_as_text(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_text(
        "sizer: 1\nname: large\nmodel: {convention: textbook, cell_type: rnn, layers: 1, inputs: 3}\ngrid: {cells: [100000001, 100000003]}\n"
    )
    sizer.run_sweep(sizer.load_sweep(tmp_path / "large.yaml"), tmp_path, formats=["parquet"])
    report(tmp_path, "large", tmp_path / "large.html")
    page = (tmp_path / "large.html").read_text()
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    columns = {column["name"]: column for column in data["columns"]}
    assert columns["weights"]["values"] == [
        str(weights) for weights in pd.read_parquet(tmp_path / "large.parquet").weights
    ]


@needs_browser
def test_large_numbers_are_compared_to_the_last_digit(tmp_path: Path, browser: Any) -> None:
    (tmp_path / "large.yaml").write_text(
        "sizer: 1\nname: large\nmodel: {convention: textbook, cell_type: rnn, layers: 1, inputs: 3}\n"
        "grid: {other_weights: [1, 2, 3], cells: [100000001]}\n"
    )
    sizer.run_sweep(sizer.load_sweep(tmp_path / "large.yaml"), tmp_path, formats=["parquet"])
    report(tmp_path, "large", tmp_path / "large.html")
    middle = 100000001 * 100000004 + 2
    opened(browser, tmp_path / "large.html")
    assert [row[-1] for row in shown(browser)] == [f"{middle + step:,}" for step in (-1, 0, 1)]
    for asked, kept in {
        f"weights={middle}": 1,
        f"weights<={middle}": 2,
        f"weights<{middle:,}": 1,
        f"{middle:,}": 1,
    }.items():
        assert filter_by(browser, asked) == f"{kept} of 3 rows"
    assert filter_by(browser, "weights>10000000.500000005B") == "2 of 3 rows"


@needs_browser
@pytest.mark.process
def test_cells_of_a_sweeps_own_have_parts_too(tmp_path: Path, browser: Any) -> None:
    sizer.run_sweep(
        sizer.load_sweep(ROOT / "tests" / "sweeps" / "good" / "own-cells.yaml"), tmp_path, formats=["parquet"]
    )
    (path,) = tmp_path.glob("*.parquet")
    rows = write_report(open_results(path), tmp_path / "own.html")
    table = pd.read_parquet(path)
    assert rows == len(table) > 0
    opened(browser, tmp_path / "own.html")
    totals = browser.execute_script(
        "return [...document.querySelectorAll('#table > .row:not(#head)')].map((row) => { row.click(); return document.getElementById('parts').dataset.total; })"
    )
    assert list(map(int, totals)) == table.weights.tolist()[: len(totals)]
