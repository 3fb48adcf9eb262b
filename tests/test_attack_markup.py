"""Storms of words that are made of what means something to HTML, CSV, Markdown or a spreadsheet."""

from __future__ import annotations

import csv
import html
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

import sizer
from tests.attacks import storm

pytest.importorskip("altair", reason="Altair is not installed (the extra `report`)")
pytest.importorskip("vl_convert", reason="vl-convert is not installed (the extra `report`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `report`)")

from sizer.tables.asked.answers import write_answer
from sizer.tables.asked.query import Query, answered
from sizer.tables.asked.results import open_results
from sizer.tables.shown.plots import Asked, write_plot

PIECES = [
    *"=+-@'\"<>&|,;:/\\()[]{}`*_~!#%$\t\r\n 0x1.e",
    "</script>", "<script>", "<!--", "-->", "]]>", "&lt;", "\u2028", "\x85", "\uff1d", "\xa0", "\ufeff", "é", "字",
    "_x003D_", "javascript:", "onerror=", "''", '""', "1", "cells", "plain", "-0.5",
]  # fmt: skip
FORMULA = re.compile(r"[\x00-\x20\xa0\ufeff]*[=+\-@\uff1d]|[\t\r\n]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?")


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag, *(name for name, _ in attrs if name.startswith("on"))]


def word(chance: random.Random) -> str:
    return "".join(chance.choices(PIECES, k=chance.randint(0, 6)))


def column(chance: random.Random) -> str:
    return f"{chance.choice(['', '=', chr(39), '-', '<b>'])}n{word(chance)}"


def test_words_come_back_from_every_table_and_are_never_markup(tmp_path: Path) -> None:
    with storm("words of markup through every output", quick=5, long=1000, seed=16) as tried:
        for chance in tried:
            rows = chance.randint(1, 60)
            name = column(chance)
            words = [word(chance) for _ in range(rows)]
            cells = [8 * (place + 1) for place in range(rows)]
            table = pa.table({"id": list(range(rows)), "cells": cells, "weights": cells, name: words})
            pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
            results = open_results(tmp_path / "a.parquet")
            for form in ("csv", "tsv", "markdown", "xlsx"):
                path = tmp_path / f"b.{form}"
                with answered(results, Query()) as answer:
                    write_answer(answer, form, path, results, Query())
                if form in ("csv", "tsv"):
                    again = sizer.query(path)
                    # An empty word stands in CSV as nothing does.
                    assert again[name].fillna("").tolist() == words
                    with path.open(newline="", encoding="utf-8") as file:
                        lines = list(csv.reader(file, delimiter="\t" if form == "tsv" else ","))
                    assert len(lines) == rows + 1
                    for cell in (line[3] for line in lines):
                        assert NUMBER.fullmatch(cell) or not FORMULA.match(cell), cell
            text = (tmp_path / "b.markdown").read_text(encoding="utf-8")
            assert len(text.splitlines()) == rows + 2
            assert "<" not in html.unescape(text).replace("<", "", text.count("&lt;"))
            assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in text.splitlines()} == {5}
            tried.ended("came back")
            if chance.random() > 0.1:  # a page holds its library, and takes its time
                continue
            write_plot(results, Asked(colour=name, title=words[0]), tmp_path / "c.html", "html")
            page = (tmp_path / "c.html").read_text(encoding="utf-8")
            assert (
                Tags(page).found
                == ["html", "head", "meta", "meta", "meta", "link", "title", "body", "div"] + ["script"] * 3
            )
