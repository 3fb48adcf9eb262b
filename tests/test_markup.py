"""One hostile table through every output: its texts stay texts in HTML, SVG, CSV, XLSX, JSON, Markdown and headers."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from openpyxl.utils.escape import unescape
from typer.testing import CliRunner

import sizer
from sizer.cli.app import app
from sizer.errors import InputError

pytest.importorskip("altair", reason="Altair is not installed (the extra `report`)")
pytest.importorskip("vl_convert", reason="vl-convert is not installed (the extra `report`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `report`)")

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
SCRIPT = "</script><script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\">"
WORDS = [
    SCRIPT,
    '=HYPERLINK("http://127.0.0.1:9/"&A1, "x")',
    "+1+cmd|' /C calc'!A0",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "  =1+1",
    "\uff1d1+1",
    "'=1+1",
    "-0.5",
    "+12e3",
    "plain",
    "a,b;c\td",
    'a "b"',
    "two\nlines\r\nor three",
    "| a | [b](javascript:alert(1)) ![c](x) `d` *e* <b>f</b> &lt; ]]> -->",
    "_x003D_1+1",
    "${7*7} {{7*7}} %s {0}",
    "\u202egnp.exe\u2028x\u0085y",
]
FORMULA = re.compile(r"\s*[=+\-@\uff1d]|[\t\r\n]")
NUMBER = re.compile(r"[+-]?[0-9.]+(e[0-9]+)?")
NAMES = ["note", "=1+1", "<script>document.title = 'broken'</script>", 'a,"b";c', "image", "two\nlines"]
"""Of its columns of words: every one of `WORDS` stands under every name."""


def written(path: Path) -> Path:
    """Write a table as nobody but an attacker would: words, names of columns and what it says of itself are markup."""
    rows = len(WORDS)
    cells = [8 * (place + 1) for place in range(rows)]
    columns: dict[str, Any] = {
        "id": list(range(rows)),
        "convention": ["pytorch"] * rows,
        "cell_type": ["lstm"] * rows,
        "inputs": [4] * rows,
        "outputs": [0] * rows,
        "layers": [1] * rows,
        "cells": cells,
        "weights": [sizer.count(network(one)).weights for one in cells],
        **{name: WORDS[at:] + WORDS[:at] for at, name in enumerate(NAMES)},
    }
    said = {
        "sizer": SCRIPT, "name": SCRIPT, "conventions": [SCRIPT], "sweep_sha256": SCRIPT, "where": [SCRIPT],
        "budget": {"weights": {"min": None, "max": 10_000}},
    }  # fmt: skip
    table = pa.table(columns).replace_schema_metadata({"sizer": json.dumps(said)})
    pyarrow.parquet.write_table(table, path)
    return path


def network(cells: int) -> dict[str, Any]:
    return {"convention": "pytorch", "cell_type": "lstm", "inputs": 4, "layers": 1, "cells": cells, "outputs": 0}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("foreign") / "foreign.parquet")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="Selenium is not installed")
    if not (CHROMIUM and DRIVER):
        pytest.skip("Chromium and its driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    yield made
    made.quit()


def done(*words: str, folder: Path) -> str:
    """Return what a command prints; it is done in this process, as there are many."""
    with contextlib.chdir(folder):
        found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    return found.stdout_bytes.decode()


class Elements(HTMLParser):
    """The elements of a page, as a browser takes it apart, and what scripts it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def harmless(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell)) or not FORMULA.match(cell)


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t")])
def test_no_word_becomes_a_formula_in_csv_and_every_word_is_read_back(
    table: Path, tmp_path: Path, name: str, delimiter: str
) -> None:
    done("query", str(table), "--out", name, folder=tmp_path)
    with (tmp_path / name).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, delimiter=delimiter)
    assert len(rows) == len(WORDS)
    assert all(harmless(cell) for row in (header, *rows) for cell in row)
    assert rows[WORDS.index("-0.5")][8] == "-0.5"  # a number is no formula
    assert rows[WORDS.index("plain")][8] == "plain"
    # What a query wrote is a result again, with the words and the names that were there.
    found = sizer.query(tmp_path / name)
    assert found.columns.tolist() == pd.read_parquet(table).columns.tolist()
    assert found.note.tolist() == WORDS
    assert found["=1+1"].tolist() == WORDS[1:] + WORDS[:1]


def test_words_in_a_column_of_sizers_own_are_written_whole(tmp_path: Path) -> None:
    words = ["lstm", 'a,"b"', "=1+1"]
    pyarrow.parquet.write_table(pa.table({"id": [0, 1, 2], "cell_type": words}), tmp_path / "own.parquet")
    found = list(csv.reader(io.StringIO(done("query", "own.parquet", "--format", "csv", folder=tmp_path))))
    assert found == [["id", "cell_type"], ["0", "lstm"], ["1", 'a,"b"'], ["2", "'=1+1"]]


def test_file_names_are_words_too(table: Path, tmp_path: Path) -> None:
    for name in ("=1+1.parquet", "@b.parquet"):
        shutil.copy(table, tmp_path / name)
    text = done("query", "=1+1.parquet", "@b.parquet", "--columns", "result", "--format", "csv", folder=tmp_path)
    assert {row[0] for row in csv.reader(io.StringIO(text))} == {"result", "'=1+1.parquet", "'@b.parquet"}


def test_words_stay_texts_in_a_workbook(table: Path, tmp_path: Path) -> None:
    done("query", str(table), "--out", "a.xlsx", folder=tmp_path)
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {"s", "n", "inlineStr"}
    header, *rows = book["Configurations"].values
    assert list(header)[:9] == pd.read_parquet(table).columns.tolist()[:9]
    # A carriage return is a line's end in XML.
    plain = [word.replace("\r\n", "\n").replace("\r", "\n") for word in WORDS]
    assert [unescape(row[8]).replace("\r\n", "\n").replace("\r", "\n") for row in rows] == plain


def test_json_holds_every_word(table: Path, tmp_path: Path) -> None:
    assert [row["note"] for row in json.loads(done("query", str(table), "--format", "json", folder=tmp_path))] == WORDS
    assert [row["note"] for row in json.loads(done("query", str(table), "--json", folder=tmp_path))["rows"]] == WORDS


def test_markdown_is_one_table_without_markup(table: Path, tmp_path: Path) -> None:
    text = done("query", str(table), "--format", "markdown", folder=tmp_path)
    lines = text.removesuffix("\n").split("\n")
    assert len(lines) == len(WORDS) + 2
    assert len(text.splitlines()) == len(lines)  # no other mark ends a line either
    columns = 8 + len(NAMES)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {columns + 1}
    assert "<" not in text
    assert not re.search(r"(?<!\\)[\[\]`*]", text)
    # Words of a run's own tables stand as they are.
    assert "| 0 | pytorch | lstm | 4 |" in text
    made = done("compare", "--layers", "1", "--cells", "8", "--inputs", "4", "--cell-type", "lstm", folder=tmp_path)
    assert "back_of_envelope" in made


def test_a_screen_is_not_moved_by_a_word(tmp_path: Path) -> None:
    word = "a\x1b]0;broken\x07\x1b[2Jb\nc"
    pyarrow.parquet.write_table(pa.table({"id": [0], "note": [word]}), tmp_path / "a.parquet")
    from sizer.cli.screens import shown

    assert shown(word) == r"a\x1b]0;broken\x07\x1b[2Jb\nc"


@pytest.mark.process
def test_the_page_of_a_plot_runs_no_script_of_the_table(table: Path, tmp_path: Path, browser: Any) -> None:
    for name, asked in {
        "title.html": ["--title", SCRIPT, "--colour", "note"],
        "name.html": ["--colour", NAMES[2]],
        "image.html": ["--colour", "image"],
        "histogram.html": ["--kind", "histogram", "--colour", "note"],
        "heatmap.html": ["--kind", "heatmap", "--x", "note", "--y", "=1+1"],
    }.items():
        done("plot", str(table), *asked, "--out", name, folder=tmp_path)
        page = (tmp_path / name).read_text(encoding="utf-8")
        elements = Elements(page)
        assert (elements.handlers, "img" in elements.found, elements.found.count("script")) == ([], False, 3)
        browser.get((tmp_path / name).as_uri())
        shown = browser.execute_script(
            "return [document.querySelectorAll('canvas, svg').length, document.title, document.images.length]"
        )
        assert shown[0] >= 1
        assert shown[1] == SCRIPT
        assert shown[2] == 0
        assert browser.get_log("browser") == []


def test_a_plot_is_xml_whatever_its_words(table: Path, tmp_path: Path) -> None:
    for kind, asked in (("weights", []), ("histogram", []), ("heatmap", ["--x", "note", "--y", "layers"])):
        drawn = ["plot", str(table), "--kind", kind, *asked, "--title", f"{SCRIPT}\x01\x0b\x1b", "--out", "a.svg"]
        done(*drawn, *([] if kind == "heatmap" else ["--colour", "note"]), folder=tmp_path)
        tree = ElementTree.parse(tmp_path / "a.svg")
        names = {element.tag.rpartition("}")[2] for element in tree.iter()}
        assert not names & {"script", "foreignObject", "image", "img", "a"}
        attributes = {name for element in tree.iter() for name in element.attrib}
        assert not any(name.startswith("on") for name in attributes)
        assert any("<script>" in "".join(element.itertext()) for element in tree.iter())
    done("plot", str(table), "--colour", "note", "--title", SCRIPT, "--out", "a.png", folder=tmp_path)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_runs_no_script_of_the_table(table: Path, tmp_path: Path, browser: Any) -> None:
    for title in ([], ["--title", SCRIPT]):
        done("report", str(table), *title, "--out", "a.html", folder=tmp_path)
        elements = Elements((tmp_path / "a.html").read_text(encoding="utf-8"))
        assert (elements.handlers, elements.found.count("script")) == ([], 2)
        browser.get((tmp_path / "a.html").as_uri())
        assert browser.title == SCRIPT
        shown = browser.execute_script(
            "return [...document.querySelectorAll('#table > .row:not(#head)')].map((row) => row.children[6].textContent)"
        )
        assert "<script>" in browser.find_element("id", "table").text
        assert len(shown) == len(WORDS)
        assert browser.get_log("browser") == []


@pytest.mark.parametrize("tool", ["optuna", "ray", "jsonl", "wandb", "hydra"])
def test_exports_hold_values_only(table: Path, tmp_path: Path, tool: str) -> None:
    text = done("export", str(table), "--to", tool, folder=tmp_path)
    if tool in ("optuna", "ray"):
        assert len(json.loads(text)) == len(WORDS)
    elif tool == "jsonl":
        assert len([json.loads(line) for line in text.splitlines()]) == len(WORDS)
    else:
        import yaml

        found = yaml.safe_load(text)
        assert found["name"] == SCRIPT if tool == "wandb" else SCRIPT not in text


SAID: list[dict[str, Any]] = [
    {"budget": [1]},
    {"budget": {"weights": 5}},
    {"budget": {"weights": {"max": "<b>"}}},
    {"budget": {"weights": {"max": 10**400}}},
    {"name": {"a": 1}},
    {"conventions": 5},
    {"sizer": [1], "sweep_sha256": 7},
    {"kept": "<b>", "configurations": 1, "not_valid": {}, "outside_budget": {}, "excluded": {}, "budget": {}},
    {"kept": 1, "configurations": 1, "not_valid": {"a": "<b>"}, "outside_budget": {}, "excluded": {}, "budget": {}},
    {"kept": 1, "configurations": 1, "not_valid": {}, "outside_budget": {"weights": {"over": 1}}, "excluded": {}},
    {"kept": 1},
]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(one, id=json.dumps(one)[:60], marks=[pytest.mark.thorough] if place % 4 else [])
        for place, one in enumerate(SAID)
    ],
)
def test_what_a_table_says_of_itself_may_be_of_any_kind(tmp_path: Path, said: dict[str, Any]) -> None:
    from sizer.tables.asked.results import open_results
    from sizer.tables.shown.plots import Asked, write_plot
    from sizer.tables.shown.report import write_report

    rows = {"id": [0, 1], "cells": [8, 16], "weights": [sizer.count(network(cells)).weights for cells in (8, 16)]}
    fixed = {name: [value] * 2 for name, value in network(8).items() if name != "cells"}
    made = pa.table({**rows, **fixed}).replace_schema_metadata({"sizer": json.dumps(said)})
    pyarrow.parquet.write_table(made, tmp_path / "a.parquet")
    opened = open_results(tmp_path / "a.parquet")
    for name in ("a.html", "a.svg"):
        write_plot(opened, Asked(), tmp_path / name, name.rpartition(".")[2])
    assert write_report(opened, tmp_path / "b.html") == 2
    assert "<b>" not in (tmp_path / "b.html").read_text()


@pytest.mark.process
def test_a_title_that_is_no_text_is_a_fault(table: Path, tmp_path: Path) -> None:
    for words in (["plot", str(table), "--out", "a.html"], ["report", str(table), "--out", "a.html"]):
        found = subprocess.run(
            [sys.executable, "-m", "sizer", *words, b"--title", b"\xff"],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
        )  # fmt: skip
        assert found.returncode == 1
        assert found.stderr.startswith(b"--title: is not text in UTF-8\n1 fault; nothing was ")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["id", "#"], "has a column named '#'; give it another name"),
        (["id", ""], "has a column named ''; give it another name"),
        (["id", "a\0b"], r"has a column named 'a\x00b'; give it another name"),
        (["id", "ID"], "has columns named 'id' and 'ID', which differ in capitals only"),
        (["id", "a", "a"], "has two columns named 'a'"),
    ],
)
@pytest.mark.parametrize("extension", ["parquet", "csv"])
def test_columns_that_cannot_be_told_apart_are_faults(
    tmp_path: Path, names: list[str], said: str, extension: str
) -> None:
    path = tmp_path / f"a.{extension}"
    if extension == "csv":
        path.write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    else:
        pyarrow.parquet.write_table(pa.table([pa.array([1])] * len(names), names=names), path)
    with contextlib.chdir(tmp_path):
        found = CliRunner().invoke(app, ["query", path.name])
    assert (found.exit_code, found.stderr) == (1, f"{path.name}: {said}\n1 fault; nothing was answered\n")


def test_a_word_that_no_cell_holds_is_said(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"id": [0], "note": ["y" * 32_768]}), tmp_path / "a.parquet")
    with contextlib.chdir(tmp_path):
        found = CliRunner().invoke(app, ["query", "a.parquet", "--out", "a.xlsx"])
    said = "sizer: a word has more than the 32,767 characters that a cell holds; write csv or parquet\n"
    assert (found.exit_code, found.stderr) == (3, said)
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]


def test_a_fault_moves_no_cursor(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('sizer: 1\nname: "a\\e]0;broken\\a"\n')
    with contextlib.chdir(tmp_path):
        found = CliRunner().invoke(app, ["validate", "a.yaml"])
    assert found.exit_code == 1
    assert r"\x1b]0;broken\x07" in found.stderr
    assert "\x1b" not in found.stderr


def test_a_table_with_two_columns_of_one_name_in_quotes_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,weights,"a,b","a,b"\n0,1,x,y\n')
    with pytest.raises(InputError, match="has two columns named 'a,b'"):
        sizer.query(tmp_path / "a.csv")
