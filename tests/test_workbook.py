"""Workbooks: the rows as they are, figures that add up, words that stay words, and files that depend on nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

import sizer
from sizer.errors import RunError
from sizer.grids.account import Account
from sizer.grids.engine import enumerate_sweep
from sizer.grids.ids import configuration_at
from sizer.networks.counting import Description
from sizer.runs.manifest import provenance
from sizer.sweepfile.load import load_sweep, parse_sweep
from sizer.sweepfile.sweep import Sweep
from sizer.tables.workbook import largest, sheet_rows, workbook
from sizer.tables.workbook.workbook import About, write_workbook
from sizer.tables.written.batches import frame, record_batch, regrouped, table_schema

ROOT = Path(__file__).resolve().parent.parent
KEPT = 1834
EXACT = 9_007_199_254_740_992

needs_office = pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")


@dataclass
class Made:
    """What `write_workbook` was given."""

    sweep: Sweep
    about: About
    batches: list[pa.RecordBatch]

    def tables(self, size: int = 1 << 18) -> Iterator[pa.Table]:
        return regrouped(self.batches, table_schema(self.sweep.columns), size)

    def write(self, path: Path, size: int = 1 << 18) -> Path:
        write_workbook(path, self.tables(size), table_schema(self.sweep.columns), self.about)
        return path

    def frame(self) -> pd.DataFrame:
        return frame(self.batches, table_schema(self.sweep.columns))


def make(sweep: Sweep) -> Made:
    account = Account()
    schema = table_schema(sweep.columns)
    batches = []
    best: tuple[int, int] | None = None
    for part, rows in enumerate_sweep(sweep, list(dict.fromkeys([*sweep.columns, "id", "weights"]))):
        account.add(part)
        for weights, row_id in zip(rows.column("weights"), rows.column("id"), strict=True):
            best = max(best or (0, 0), (int(weights), int(row_id)))
        batches.append(record_batch(rows, schema, sweep.words))
    fields = None if best is None else Description(configuration_at(sweep, best[1]))
    return Made(sweep, About(sweep, provenance(sweep), account, account.kept, fields), batches)


def parsed(grid: str, output: str = "", model: str = "{convention: pytorch, cell_type: lstm, inputs: 80}") -> Made:
    text = f"sizer: 1\nname: small\nmodel: {model}\ngrid: {grid}\n{output}"
    return make(parse_sweep(text))


def opened(path: Path, *, values: bool = True) -> openpyxl.Workbook:
    return openpyxl.load_workbook(path, data_only=values)


def texts(book: openpyxl.Workbook, sheet: str) -> list[str]:
    """Return what stands in the cells of a sheet; LibreOffice turns TRUE into 1."""
    values = [cell.value for row in book[sheet].iter_rows() for cell in row if cell.value is not None]
    return [str(int(value) if isinstance(value, bool) else value) for value in values]


def converted(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Return the workbooks as LibreOffice writes them anew."""
    home = folder / "home"
    out = folder / "converted"
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation=file://{home}", "--convert-to", "xlsx", "--outdir", str(out)]
        + [str(path) for path in paths],
        check=True,
        capture_output=True,
        timeout=120,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )
    return [out / path.name for path in paths]


@pytest.fixture(scope="module")
def speech() -> Made:
    return make(load_sweep(ROOT / "sweeps" / "speech.yaml"))


@pytest.fixture(scope="module")
def speech_file(speech: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speech.write(tmp_path_factory.mktemp("speech") / "speech.xlsx")


def test_every_row_is_in_the_workbook(speech: Made, speech_file: Path) -> None:
    rows = pd.read_excel(speech_file)
    assert len(rows) == KEPT
    pd.testing.assert_frame_equal(rows, speech.frame(), check_dtype=False)


def test_the_sheets_stand_in_the_order_of_the_documents(speech_file: Path) -> None:
    assert opened(speech_file).sheetnames == ["Configurations", "Summary", "Sweep", "Calculator"]


def test_rows_are_shown_as_people_read_them(speech_file: Path) -> None:
    sheet = opened(speech_file)["Configurations"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:H{KEPT + 1}"
    assert sheet.dimensions == f"A1:H{KEPT + 1}"
    assert {sheet.cell(row, 8).number_format for row in (2, 3, KEPT + 1)} == {"#,##0"}
    bars = [(str(area.sqref), rule.type) for area in sheet.conditional_formatting for rule in area.rules]
    assert bars == [(f"H2:H{KEPT + 1}", "dataBar")]
    widest = sheet.column_dimensions["H"].width
    assert len("9,961,664") < widest < 30


def test_the_summary_adds_up(speech_file: Path) -> None:
    sheet = opened(speech_file)["Summary"]
    said = {row[1].value: row[0].value for row in sheet.iter_rows(min_row=1, max_row=12) if row[1].value}
    assert said["configurations"] == 3100
    assert said["over 10,000,000 weights"] == -988
    assert said["excluded: recurrent_projection + nonrecurrent_projection <= cells"] == -278
    assert said["kept"] == KEPT == 3100 - 988 - 278


def test_the_largest_of_each_number_of_layers(speech: Made, speech_file: Path) -> None:
    rows = speech.frame()
    expected = rows.loc[rows.groupby("layers")["weights"].idxmax(), ["layers", "id", "weights"]].to_numpy().tolist()
    cells = [[cell.value for cell in row] for row in opened(speech_file)["Summary"].iter_rows()]
    start = next(place for place, row in enumerate(cells) if row[:2] == ["layers", "id"])
    weights, share = cells[start].index("weights"), cells[start].index("of budget")
    found = [[row[0], row[1], row[weights]] for row in cells[start + 1 : start + 6]]
    assert found == expected
    assert [row[share] for row in cells[start + 1 : start + 6]] == [row[2] / 10_000_000 for row in expected]


def test_the_chart_has_a_line_per_number_of_layers_and_the_budget(speech: Made, speech_file: Path) -> None:
    sheet = opened(speech_file)["Summary"]
    # openpyxl reads charts back: its series point at cells, which are compared with the rows.
    (chart,) = sheet._charts
    by_name = {}
    for series in chart.series:
        name = sheet[series.tx.strRef.f.rpartition("!")[2].replace("$", "")].value
        points = [
            [cell.value for (cell,) in sheet[reference.numRef.f.rpartition("!")[2].replace("$", "")]]
            for reference in (series.xVal, series.yVal)
        ]
        by_name[name] = [(x, y) for x, y in zip(*points, strict=True) if y is not None]
    assert list(by_name) == ["1 layer", "2 layers", "3 layers", "4 layers", "5 layers", "budget"]
    rows = speech.frame()
    most = rows[rows["layers"] == 3].groupby("cells")["weights"].max()
    assert by_name["3 layers"] == list(zip(most.index, most, strict=True))
    assert by_name["budget"] == [(128, 10_000_000), (2048, 10_000_000)]


def test_a_workbook_explains_itself(speech: Made, speech_file: Path) -> None:
    said = texts(opened(speech_file), "Sweep")
    assert speech.sweep.sha256 in said
    assert f"sizer {sizer.__version__}" in said
    assert "sak2014: no biases, peepholes" in said
    assert "weights at most 10,000,000" in said
    lines = [str(row[1].value or "") for row in opened(speech_file)["Sweep"].iter_rows(min_row=2)]
    assert "\n".join(lines).rstrip().endswith(speech.sweep.text.rstrip())


def test_equal_runs_give_equal_bytes(
    speech: Made, speech_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    again = speech.write(tmp_path / "speech.xlsx", size=100)
    assert again.read_bytes() == speech_file.read_bytes()
    assert list(tmp_path.iterdir()) == [again]


def test_nothing_hidden_is_left_when_the_rows_fail(speech: Made, tmp_path: Path) -> None:
    def failing() -> Iterator[pa.Table]:
        yield from speech.tables(1000)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_workbook(tmp_path / "speech.xlsx", failing(), table_schema(speech.sweep.columns), speech.about)
    assert list(tmp_path.iterdir()) == []


def test_rows_past_the_end_of_a_sheet_go_on_in_the_next(
    speech: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "ROWS_PER_SHEET", 700)
    monkeypatch.setattr(sheet_rows, "AT_A_TIME", 64)
    path = speech.write(tmp_path / "speech.xlsx", size=300)
    names = ["Configurations", "Configurations 2", "Configurations 3"]
    assert opened(path).sheetnames[:3] == names
    sheets = pd.read_excel(path, sheet_name=names)
    assert [len(rows) for rows in sheets.values()] == [700, 700, KEPT - 1400]
    together = pd.concat(sheets.values(), ignore_index=True)
    pd.testing.assert_frame_equal(together, speech.frame(), check_dtype=False)


def test_a_full_sheet_has_no_empty_one_behind_it(speech: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "ROWS_PER_SHEET", KEPT)
    assert "Configurations 2" not in opened(speech.write(tmp_path / "speech.xlsx")).sheetnames


@pytest.mark.parametrize("announced", [KEPT, 0])
def test_too_many_rows_are_refused(
    speech: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, announced: int
) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 1000)
    about = About(speech.sweep, speech.about.provenance, speech.about.account, announced, None)
    with pytest.raises(RunError) as problem:
        write_workbook(tmp_path / "speech.xlsx", speech.tables(), table_schema(speech.sweep.columns), about)
    assert str(problem.value) == (
        "a workbook is written with at most 1,000 rows, and these are 1,834: write csv or parquet"
        " (--format csv,parquet), fewer rows (--keep 1048575), or set a narrower budget"
    )
    assert list(tmp_path.iterdir()) == []


def test_every_kind_of_column_reads_back(tmp_path: Path) -> None:
    made = parsed(
        "{convention: [pytorch, keras], bidirectional: [false, true], layers: [1, 2], cells: [64, 128]}",
        "output: {columns: all}",
        "{cell_type: lstm, inputs: 80}",
    )
    rows = pd.read_excel(made.write(tmp_path / "small.xlsx"))
    assert rows["bidirectional"].dtype == bool
    pd.testing.assert_frame_equal(rows, made.frame(), check_dtype=False)


def test_whole_numbers_past_2_to_the_53_are_exact(tmp_path: Path) -> None:
    made = parsed(f"{{cells: [1, 2], layers: [1], other_weights: [{EXACT - 1000}, {EXACT}, {EXACT + 1}, {2**62}]}}")
    path = made.write(tmp_path / "small.xlsx")
    sheet = opened(path)["Configurations"]
    header = [cell.value for cell in sheet[1]]
    for name in ("other_weights", "weights"):
        column = header.index(name) + 1
        found = [sheet.cell(row, column).value for row in range(2, 10)]
        exact = made.frame()[name].tolist()
        assert [int(value) for value in found] == exact
        assert [isinstance(value, str) for value in found] == [number > EXACT for number in exact]
    assert {EXACT, EXACT + 1} <= {*made.frame()["other_weights"]}
    note = "Whole numbers past 9,007,199,254,740,992 are written as text: a spreadsheet would round them."
    assert [cell.column for cell in sheet[1] if cell.comment] == [header.index("other_weights") + 1, column]
    assert sheet.cell(1, column).comment.text == note
    assert note in texts(opened(path), "Summary")
    assert f"exactly {max(exact):,} as it was swept" in texts(opened(path), "Calculator")


def test_a_persons_words_never_become_formulas(tmp_path: Path) -> None:
    text = (
        'sizer: 1\nname: small\ndescription: "=1+1"\nmodel: {convention: pytorch, cell_type: lstm, inputs: 80}\ngrid:\n'
        f"  layers: [1]\n  cells: [64]\nwhere:\n- -cells < 1\n# {'=' * 40_000}\n"
    )
    path = make(parse_sweep(text)).write(tmp_path / "small.xlsx")
    book = opened(path, values=False)
    for name in ("Configurations", "Summary", "Sweep"):
        assert [cell.coordinate for row in book[name].iter_rows() for cell in row if cell.data_type == "f"] == []
    assert "=1+1" in [cell.value for row in book["Summary"].iter_rows() for cell in row if cell.data_type == "s"]
    said = texts(book, "Sweep")
    assert "=1+1" in said
    assert "- -cells < 1" in said
    assert [words for words in said if "continued" in words] == ["10, continued: a cell is full"]
    assert sum(line.count("=") for line in said if line.startswith(("# =", "==="))) == 40_000
    assert max(map(len, said)) == 32_767


def test_a_table_without_the_charts_columns_says_so(tmp_path: Path) -> None:
    made = parsed("{layers: [1, 2], cells: [64, 128]}", "output: {columns: [id, layers, macs_per_step]}")
    path = made.write(tmp_path / "small.xlsx")
    said = texts(opened(path), "Summary")
    assert "No chart: the table has no column cells, weights." in said
    assert "Largest of each number of layers" not in said
    assert not opened(path)["Summary"]._charts
    pd.testing.assert_frame_equal(pd.read_excel(path), made.frame(), check_dtype=False)


def test_nothing_kept(tmp_path: Path) -> None:
    made = parsed("{layers: [1, 2], cells: [64]}", "budget: {weights: {max: 10}}")
    path = made.write(tmp_path / "small.xlsx")
    book = opened(path)
    assert [cell.value for cell in book["Configurations"][1]] == list(made.sweep.columns)
    assert book["Configurations"].max_row == 1
    assert "No configuration was kept." in texts(book, "Summary")
    assert "No configuration was kept, so there is none to calculate with." in texts(book, "Calculator")


def test_fewer_rows_than_were_kept_are_said(speech: Made, tmp_path: Path) -> None:
    about = About(speech.sweep, {**speech.about.provenance, "keep": 10}, speech.about.account, 10, None)
    schema = table_schema(speech.sweep.columns)
    first = next(speech.tables()).slice(0, 10)
    write_workbook(tmp_path / "speech.xlsx", iter([first]), schema, about)
    cells = [[cell.value for cell in row] for row in opened(tmp_path / "speech.xlsx")["Summary"].iter_rows()]
    assert [row[0] for row in cells if row[1] == "of them are in this workbook"] == [10]


def test_several_conventions_in_one_workbook(tmp_path: Path) -> None:
    made = parsed(
        "{convention: [pytorch, keras], cell_type: [lstm, gru], layers: [1, 2], cells: [64, 128]}", model="{inputs: 80}"
    )
    path = made.write(tmp_path / "small.xlsx")
    cells = [[cell.value for cell in row] for row in opened(path)["Summary"].iter_rows()]
    start = next(place for place, row in enumerate(cells) if row[0] == "layers")
    assert cells[start][:6] == ["layers", "id", "convention", "cell_type", "cells", "weights"]
    assert [row[2:5] for row in cells[start + 1 : start + 3]] == [["pytorch", "lstm", 128], ["pytorch", "lstm", 128]]


def test_what_is_remembered_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(largest, "REMEMBERED", 50)
    numbers = np.random.default_rng(1)
    rows = pd.DataFrame(
        {name: numbers.integers(1, most, 5000) for name, most in (("layers", 200), ("cells", 3000), ("weights", 10**6))}
    )
    seen = largest.Largest()
    for start in range(0, 5000, 700):
        seen.see(pa.Table.from_pandas(rows[start : start + 700], preserve_index=False))
    assert seen.by_layers is not None
    assert seen.by_cells is not None
    assert len(seen.by_layers) <= 50
    assert len(seen.by_cells) <= 50
    span = seen.spans["layers"]
    assert span > 1
    by_span = rows.groupby(rows["layers"] // span)["weights"].max()
    assert seen.by_layers["weights"].to_pylist() == by_span.tolist()
    lines = largest.Lines.of(seen, most_cells=10, most_layers=5)
    assert lines.thinned
    assert len(lines.layers) == 5
    assert len(lines.cells) <= 10
    assert lines.layers[0] == f"0-{span - 1}"


def test_a_line_per_number_of_layers_where_there_are_few() -> None:
    seen = largest.Largest()
    seen.see(pa.table({"layers": [2, 1, 1, 1], "cells": [8, 8, 8, 16], "weights": [7, 3, 5, 4]}))
    lines = largest.Lines.of(seen, most_cells=10, most_layers=5)
    assert lines == largest.Lines([8, 16], ["1", "2"], {(8, "1"): 5, (16, "1"): 4, (8, "2"): 7}, thinned=False)


def test_of_equal_rows_the_first_is_the_largest() -> None:
    seen = largest.Largest()
    for first in (5, 3):
        seen.see(pa.table({"id": [first, first + 1], "layers": [1, 1], "cells": [8, 9], "weights": [7, 7]}))
    assert seen.by_layers is not None
    assert seen.by_layers["id"].to_pylist() == [5]


def test_the_chart_of_a_sweep_of_blocks_is_of_its_paths(tmp_path: Path) -> None:
    made = sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "rnnt.yaml"), tmp_path, formats=["parquet", "xlsx"])
    rows = made.frame()
    book = opened(tmp_path / "rnnt.xlsx")
    assert book.sheetnames == ["Configurations", "Summary", "Sweep", "Calculator"]
    said = [[cell.value for cell in row] for row in book["Summary"].iter_rows()]
    start = next(place for place, row in enumerate(said) if row[0] == "Largest of each prediction.layers")
    best = rows.sort_values("weights").groupby("prediction.layers").last()
    assert [(row[0], row[1], row[6]) for row in said[start + 2 : start + 4]] == [
        (layers, row["id"], row["weights"]) for layers, row in best.iterrows()
    ]
    start = next(place for place, row in enumerate(said) if row[0] == "encoder.cells")
    assert said[start][:4] == ["encoder.cells", "prediction.layers 1", "prediction.layers 2", "budget"]
    most = rows.groupby(["encoder.cells", "prediction.layers"])["weights"].max().unstack()
    assert [row[:3] for row in said[start + 1 : start + 10]] == [
        [cells, *row] for cells, row in zip(most.index, most.to_numpy().tolist(), strict=True)
    ]
    assert len(book["Summary"]._charts) == 1
    assert "The largest configuration that was kept: 120,443,520 weights." in texts(book, "Calculator")


def test_a_sweep_of_lists_has_one_line(tmp_path: Path) -> None:
    sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "awd_lstm.yaml"), tmp_path, formats=["parquet", "xlsx"])
    said = [[cell.value for cell in row] for row in opened(tmp_path / "awd_lstm.xlsx")["Summary"].iter_rows()]
    start = next(place for place, row in enumerate(said) if row[0] == "lstm.cells.1")
    assert said[start][:2] == ["lstm.cells.1", "weights"]
    assert [row[:2] for row in said[start + 1 : start + 3]] == [[1024, 20_529_296], [1150, 24_221_600]]


def test_the_file_is_a_plain_zip(speech_file: Path) -> None:
    with zipfile.ZipFile(speech_file) as book:
        assert book.testzip() is None
        assert {entry.date_time for entry in book.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@needs_office
@pytest.mark.process
@pytest.mark.filterwarnings("ignore:.*extension is not supported")  # openpyxl's, of what LibreOffice adds
def test_libreoffice_reads_the_same(speech: Made, speech_file: Path, tmp_path: Path) -> None:
    (again,) = converted([speech_file], tmp_path)
    pd.testing.assert_frame_equal(pd.read_excel(again), speech.frame(), check_dtype=False)
    before, after = opened(speech_file), opened(again)
    assert after.sheetnames == before.sheetnames
    for name in ("Summary", "Sweep", "Calculator"):
        assert texts(after, name) == texts(before, name)
