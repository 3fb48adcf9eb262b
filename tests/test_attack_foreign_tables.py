"""Storms of other people's tables: damaged, of odd types, with odd names and odd words of their runs."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from sizer.runs.run import run_sweep
from sizer.sweepfile.load import parse_sweep
from sizer.tables.asked.results import open_results
from tests.attacks import storm
from tests.commands import run_here
from tests.examples import examples
from tests.test_attack_commands import SWEEP, check, typed

COLUMNS: dict[str, list[Any]] = {
    "id": [0, 1, 2, 3],
    "convention": ["sak2014"] * 4,
    "cell_type": ["lstm"] * 4,
    "layers": [1, 1, 2, 2],
    "cells": [64, 128, 64, 128],
    "inputs": [39] * 4,
    "outputs": [34] * 4,
    "bidirectional": [False, True, False, True],
    "weights": [10, 20, 30, 40],
}
"""A table as somebody's program writes it."""

LARGE = 2**63 - 1
ODD_VALUES: tuple[Any, ...] = (
    pa.array(["a", "b", None, ""]),
    pa.array([None] * 4, pa.int64()),
    pa.array([None, 1, None, 2], pa.int64()),
    pa.array([None] * 4),
    pa.array([None, "lstm", "x", None]),
    pa.array([True, False, None, True]),
    pa.array([-1, -2, LARGE, -LARGE - 1]),
    pa.array([LARGE] * 4),
    pa.array([0] * 4),
    pa.array([1.5, 2, float("nan"), None]),
    pa.array([1, 2, 3, 4], pa.uint8()),
    pa.array([2**64 - 1] * 4, pa.uint64()),
    pa.array([b"\xff", b"", None, b"a"]),
    pa.array([[1], [2], None, []]),
    pa.array([1, 2, 3, 4], pa.timestamp("s")),
    pa.array(["a", "b", "a", None]).dictionary_encode(),
    pa.array(["a\nb", 'a"b', "a,b", "a\0b"]),
)
ODD_NAMES = (
    *("", " ", "Cells", "WEIGHTS", "#", "# rows", "rows", "smallest", "largest", "place", "words", "result", "Result"),
    *(
        "a.b",
        "a b",
        'a"b',
        "a'b",
        "a\nb",
        "a\0b",
        "é",
        "😀",
        "x" * 300,
        "1",
        "-cells",
        "select",
        "smallest_weights",
        "cells,x",
    ),
)
ODD_WORDS: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1.5,
        "",
        "x",
        [],
        {},
        [1],
        {"x": 1},
        2**70,
        "\ud800",
        {"weights": {"max": "x"}},
        {"weights": 3},
    ),
    *(
        {"weights": {"max": -5}},
        {"weights": {"over": 3}},
        {"weights": {"max": 2**80, "min": None}},
        ["a", 3],
        SWEEP,
        "sizer: 1",
    ),
)
KEYS = (
    *("name", "sizer", "sweep", "sweep_sha256", "conventions", "where", "columns", "budget", "kept", "configurations"),
    *("not_valid", "outside_budget", "excluded", "files", "query", "other"),
)
ASKED = (
    "query FILE",
    "query FILE --sort -weights,cells --top 2 --json",
    "query FILE --summary",
    "query FILE --group-by layers,rows",
    "query FILE --group-by cells --best weights --format markdown",
    "query FILE --where cells*3>weights --budget 5M",
    "query FILE --near 15 --columns id,weights",
    "query FILE --pareto weights,-cells",
    "query FILE OTHER --format csv",
    "query FILE --out out.parquet",
    "query FILE --out out.xlsx",
    "export FILE --to jsonl",
    "export FILE --to hydra --sort -weights",
)
DRAWN = (
    "plot FILE --out out.html",
    "plot FILE --out out.html --kind histogram --colour cells",
    "plot FILE --out out.html --kind heatmap --x convention --y layers",
    "plot FILE --out out.html --x rows --colour rows",
    "report FILE --out page.html",
)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_sweep(parse_sweep(SWEEP), "there")


def odd_table(chance: random.Random) -> str:
    """Write a Parquet table with something odd about it; return its name."""
    columns = [(name, pa.array(values)) for name, values in COLUMNS.items()]
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        place = chance.randrange(len(columns))
        match chance.randrange(5):
            case 0:
                columns[place] = columns[place][0], chance.choice(ODD_VALUES)
            case 1:
                columns[place] = chance.choice(ODD_NAMES), columns[place][1]
            case 2:
                columns.insert(place, (chance.choice(ODD_NAMES), chance.choice(ODD_VALUES)))
            case 3 if len(columns) > 1:
                del columns[place]
            case _:
                columns.append(chance.choice(columns))
    table = pa.table([values for _, values in columns], names=[name for name, _ in columns])
    if chance.random() < 0.1:
        table = table.slice(0, 0)
    if chance.random() < 0.6:
        said: Any = {chance.choice(KEYS): chance.choice(ODD_WORDS) for _ in range(chance.choice((1, 1, 2, 5)))}
        text = chance.choice((json.dumps(said), json.dumps(said), "[" * 100_000, "3", "", '{"kept": 1e999}')).encode()
        table = table.replace_schema_metadata({"sizer": chance.choice((text, text, b"\xff\xfe"))})
    pa.parquet.write_table(table, "odd.parquet")
    return "odd.parquet"


def damaged(chance: random.Random, name: str) -> str:
    """Write one of a run's files with bytes that are others, or gone, or there twice; return its name."""
    raw = bytearray((Path("there") / name).read_bytes())
    for _ in range(chance.choice((1, 1, 3, 10))):
        place = chance.randrange(len(raw))
        match chance.randrange(4):
            case 0:
                raw[place] = chance.randrange(256)
            case 1:
                raw[place:place] = raw[place : place + chance.randrange(1, 40)]
            case 2:
                raw[place:place] = chance.choice(
                    (b",", b"\n", b'"', b";", b"\0", b"\xff", b"-", b"9" * 30, b"null", b"\r")
                )
            case _:
                del raw[place : place + chance.choice((1, 5, 100))]
        if not raw:
            break
    Path(name).write_bytes(raw)
    return name


def asked_of(chance: random.Random, file: str, lines: tuple[str, ...]) -> list[str]:
    stands_for = {"FILE": file, "OTHER": "there/small.parquet"}
    return [stands_for.get(word, word) for word in chance.choice(lines).split()]


def test_tables_with_something_odd(tmp_path: Path) -> None:
    with storm("odd tables queried and exported", quick=examples(40), long=10_000, seed=3) as tried:
        for chance in tried:
            words = asked_of(chance, odd_table(chance), ASKED)
            tried.ended(check(words, *typed(words)))


def test_tables_with_something_odd_are_drawn(tmp_path: Path) -> None:
    with storm("odd tables drawn and reported", quick=8, long=2000, seed=4) as tried:
        for chance in tried:
            words = asked_of(chance, odd_table(chance), DRAWN)
            tried.ended(check(words, *typed(words)))


def test_damaged_tables_and_manifests(tmp_path: Path) -> None:
    names = ("small.csv", "small.csv", "small.parquet", "small.manifest.json")
    for name in ("small.csv", "small.parquet"):  # which a damaged manifest names
        Path(name).write_bytes((Path("there") / name).read_bytes())
    with storm("damaged tables and manifests", quick=examples(30), long=6000, seed=5) as tried:
        for chance in tried:
            words = asked_of(chance, damaged(chance, chance.choice(names)), ASKED)
            tried.ended(check(words, *typed(words)))


# What the storms found, and what was known


def written(**columns: Any) -> str:
    table = pa.table({**COLUMNS, **columns})
    pa.parquet.write_table(table, "odd.parquet")
    return "odd.parquet"


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("weights", ["a"] * 4, "weights: holds words; in the tables of a run it holds whole numbers"),
        ("weights", [True] * 4, "weights: holds true and false; in the tables of a run it holds whole numbers"),
        ("id", ["a"] * 4, "id: holds words; in the tables of a run it holds whole numbers"),
        ("convention", [1] * 4, "convention: holds whole numbers; in the tables of a run it holds words"),
        (
            "weights",
            [1.5] * 4,
            "weights: holds double; the tables of a run hold whole numbers, true and false, and words",
        ),
        ("", [1] * 4, "has a column named ''; give it another name"),
        ("Cells", [1] * 4, "has columns named 'cells' and 'Cells', which differ in capitals only"),
        ("#", [1] * 4, "has a column named '#'; give it another name"),
        ("# rows", [1] * 4, "has a column named '# rows'; give it another name"),
        ("a\0b", [1] * 4, r"has a column named 'a\x00b'; give it another name"),
    ],
)
def test_columns_that_no_run_has_are_faults(column: str, values: list[Any], said: str) -> None:
    file = written(**{column: values})
    for line in ("query FILE", "plot FILE --out x.html", "report FILE --out x.html", "export FILE --to jsonl"):
        code, printed = typed([file if word == "FILE" else word for word in line.split()])
        assert (code, printed.splitlines()[0]) == (1, f"{file}: {said}")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("weights,,cells", "has a column named ''; give it another name"),
        ("weights,cells,Cells", "has columns named 'cells' and 'Cells', which differ in capitals only"),
        ("weights,cells,cells", "has two columns named 'cells'"),
        ('weights,"cells', "has a first line that is not CSV, 'weights,\"cells': unexpected end of data"),
        ("weights," + "a" * 70_000, "has a first line of more than 65,536 bytes"),
    ],
)
def test_first_lines_that_no_run_writes_are_faults(header: str, said: str) -> None:
    Path("odd.csv").write_text(f"{header}\n1,2,3\n")
    code, printed = typed(["query", "odd.csv"])
    assert (code, printed.splitlines()[0]) == (1, f"odd.csv: {said}")


def test_a_first_line_in_quotes_is_read_as_csv() -> None:
    Path("odd.csv").write_text('weights,"a,b","c""d"\n1,x,y\n')
    done = run_here("query", "odd.csv", "--json", cwd=Path())
    assert done.returncode == 0
    assert json.loads(done.stdout)["rows"] == [{"weights": 1, "a,b": "x", 'c"d': "y"}]


@pytest.mark.parametrize(
    "said",
    [
        {"budget": 3},
        {"budget": {"weights": 3}},
        {"budget": {"weights": {"max": "x"}}},
        {"budget": {"weights": {"max": True}}},
        {"budget": {"weights": {"max": -5}}},
        {"budget": {"\ud800": {"max": 5}}},
        {"name": ""},
        {"name": "\ud800"},
        {"conventions": 3},
        {"where": [3]},
        {"columns": "cells"},
        {"kept": 3},
        {
            "kept": 3,
            "configurations": 4,
            "not_valid": {},
            "excluded": {},
            "outside_budget": {"weights": {"over": 1}},
        },
    ],
)
def test_nothing_of_what_a_table_says_is_relied_on_where_a_part_is_no_word_of_a_run(said: dict[str, Any]) -> None:
    said = {"sizer": "1", "name": "speech", **said}
    pa.parquet.write_table(pa.table(COLUMNS).replace_schema_metadata({"sizer": json.dumps(said)}), "odd.parquet")
    opened = open_results("odd.parquet")
    assert (opened.provenance, opened.name) == ({}, "odd.parquet")
    assert typed(["query", "odd.parquet"])[0] == 0


def test_rows_without_a_count() -> None:
    file = written(weights=pa.array([None] * 4, pa.int64()))
    code, printed = typed(["plot", file, "--out", "x.html"])
    assert (code, printed.splitlines()[0]) == (
        1,
        "odd.parquet: no row has cells and weights; there is nothing to draw",
    )
    code, printed = typed(["plot", file, "--out", "x.html", "--kind", "histogram"])
    assert (code, printed.splitlines()[0]) == (1, "odd.parquet: no row has weights; there is nothing to draw")
    assert typed(["report", file, "--out", "x.html"])[0] == 0
    file = written(weights=pa.array([None, 1, 2, None], pa.int64()))
    assert typed(["plot", file, "--out", "x.html", "--kind", "histogram"])[0] == 0
    assert "2 without a value on an axis left out" in Path("x.html").read_text()


def test_a_column_may_be_called_as_what_is_worked_out() -> None:
    file = written(rows=[1, 2, 3, 4], smallest=[1, 2, 3, 4], bar=[1, 1, 2, 2])
    for column in ("rows", "smallest", "bar"):
        assert typed(["plot", file, "--out", "x.html", "--x", column, "--colour", "rows"])[0] == 0
        assert typed(["plot", file, "--out", "x.html", "--kind", "histogram", "--colour", column])[0] == 0
    code, printed = typed(["query", file, "--group-by", "rows"])
    assert code == 1
    assert printed.splitlines()[0] == (
        "--group-by: 'rows' is also the name of a column of the summary; name a best, too"
    )


@pytest.mark.parametrize("within", ["\n", "\r", "\r\n"])
def test_a_name_with_the_end_of_a_line_in_it_loses_no_row(tmp_path: Path, within: str) -> None:
    path = tmp_path / "foreign.csv"
    path.write_bytes(f'id,"two{within}lines",weights\n1,a,20\n2,b,30\n'.encode())
    with open_results(path).connected() as connection:
        assert connection.sql("SELECT id, weights FROM rows ORDER BY id").fetchall() == [(1, 20), (2, 30)]
