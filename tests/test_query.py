"""Queries: the rows that pandas finds too, in every form they can be written in, from every kind of result."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sizer
from sizer.errors import InputError, RunError
from sizer.extras import install_command
from sizer.networks.columns import COUNTED
from sizer.tables.asked import frontier
from sizer.tables.asked.frontier import Frontier
from sizer.tables.asked.results import open_results
from tests.commands import Done, on_terminal, run
from tests.examples import examples

pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `query`)")

ROOT = Path(__file__).resolve().parent.parent
KEPT = 1834


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("results")
    sweep = sizer.load_sweep(ROOT / "sweeps" / "speech.yaml")
    sizer.run_sweep(sweep, made, formats=["csv", "parquet", "xlsx"], columns="all")
    sizer.run_sweep(sweep, made / "parts", workers=2, columns="all")
    sizer.run_sweep(sweep, made / "eu", formats=["csv"], columns="all", csv_dialect="excel-eu")
    sizer.run_sweep(sweep, made / "tsv", formats=["csv"], columns="all", csv_dialect="tsv", gzip=True)
    sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "toolkits.yaml"), made)
    return made


@pytest.fixture(scope="module")
def frame(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "speech.parquet")


@pytest.mark.parametrize(
    ("options", "shares"),
    [
        ((), ["99.6%", "99.6%"]),
        (("--budget", "5M"), ["99.8%", "99.6%"]),
        (("--budget", "20M"), ["49.8%", "49.8%"]),
        (("--budget", "int8_bytes=5MB"), ["99.8%", "99.6%"]),
        (("--budget", "float16_bytes=10MB", "--columns", "id,weights"), ["99.8%", "99.6%"]),
        (("--budget", "state_size=15K,weights=5M"), ["26.5%", "42.7%"]),
        (("--budget", "state_size=15K", "--columns", "id,weights"), []),
        (("--columns", "id,int8_bytes"), []),
    ],
)
def test_share_is_that_of_the_budget_that_is_asked_for(
    folder: Path, options: tuple[str, ...], shares: list[str]
) -> None:
    columns = () if "--columns" in options else ("--columns", "id,state_size,weights")
    screen = on_terminal("query", str(folder / "speech.parquet"), "--sort=-weights", "--top", "2", *columns, *options)
    assert ("of budget" in screen) == bool(shares)
    assert re.findall(r"\d+\.\d%", screen) == shares


def test_runs_with_other_budgets_share_no_budget(folder: Path) -> None:
    both = (str(folder / "speech.parquet"), str(folder / "toolkits.parquet"))
    assert "of budget" not in on_terminal("query", *both, "--top", "2", columns="200")
    assert "of budget" in on_terminal("query", *both, "--budget", "5M", "--top", "2", columns="200")


def told(problem: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [str(fault) for fault in problem.value.faults]


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True))


@pytest.mark.parametrize(
    "name",
    [
        "speech.parquet",
        "speech.csv",
        "speech.manifest.json",
        "parts/speech.parquet",
        "parts/speech.manifest.json",
        "eu/speech.csv",
        "eu/speech.manifest.json",
        "tsv/speech.tsv.gz",
    ],
)
def test_every_kind_of_result_is_the_same_table(folder: Path, frame: pd.DataFrame, name: str) -> None:
    same(sizer.query(folder / name), frame)
    opened = open_results(folder / name)
    assert opened.provenance["name"] == "speech"
    assert opened.provenance["budget"] == {"weights": {"min": None, "max": 10_000_000}}


def test_names_that_look_like_patterns_are_names(folder: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    for name in ("a[1]*?.parquet", "it's {x}.parquet"):
        (tmp_path / name).write_bytes((folder / "speech.parquet").read_bytes())
        same(sizer.query(tmp_path / name), frame)


def test_a_frame_says_what_no_manifest_vouches_for(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lone.parquet").write_bytes((folder / "speech.parquet").read_bytes())
    both = sizer.query([folder / "speech.csv", tmp_path / "lone.parquet"], top=1)
    assert both.attrs == {"unverified": [str(tmp_path / "lone.parquet")]}
    assert sizer.query(folder / "speech.csv", top=1).attrs == {}


def test_budget_and_conditions(folder: Path, frame: pd.DataFrame) -> None:
    result = folder / "speech.parquet"
    same(sizer.query(result, budget="5M"), frame[frame.weights <= 5_000_000])
    same(
        sizer.query(result, budget=["5M", "state_size=4K"]),
        frame[(frame.weights <= 5_000_000) & (frame.state_size <= 4000)],
    )
    bounds = {"weights": {"min": "1M", "max": "2M"}}
    same(sizer.query(result, budget=bounds), frame[frame.weights.between(1_000_000, 2_000_000)])
    where = "cells % recurrent_projection == 0 and macs_per_step > 1000000"
    divided = frame[(frame.recurrent_projection > 0) & (frame.macs_per_step > 1_000_000)]
    same(sizer.query(result, where=where), divided[divided.cells % divided.recurrent_projection == 0])
    same(sizer.query(result, where=["layers == 2", "cell_type == 'gru'"]), frame[:0])


def test_a_budget_in_bytes_needs_only_the_weights(tmp_path: Path) -> None:
    sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "speech.yaml"), tmp_path, formats=["parquet"])
    found = sizer.query(tmp_path / "speech.parquet", budget={"float16_bytes": {"min": 2_000_001, "max": "3MB"}})
    assert found.weights.between(1_000_001, 1_500_000).all()
    assert len(found) == sum(pd.read_parquet(tmp_path / "speech.parquet").weights.between(1_000_001, 1_500_000))


def test_sort_top_and_columns(folder: Path, frame: pd.DataFrame) -> None:
    found = sizer.query(folder / "speech.parquet", sort="layers,-weights", top=700, columns="id,weights")
    expected = frame.sort_values(["layers", "weights", "id"], ascending=[True, False, True])[["id", "weights"]]
    same(found, expected[:700])
    assert sizer.query(folder / "speech.parquet", top=0).empty


def test_ties_are_in_id_order(folder: Path, frame: pd.DataFrame) -> None:
    same(sizer.query(folder / "speech.csv", sort="-cells"), frame.sort_values(["cells", "id"], ascending=[False, True]))


def test_the_best_of_each_group(folder: Path, frame: pd.DataFrame) -> None:
    found = sizer.query(folder / "speech.parquet", group_by="layers,recurrent_projection", best="weights", budget="7M")
    within = frame[frame.weights <= 7_000_000].sort_values(["weights", "id"], ascending=[False, True])
    expected = within.groupby(["layers", "recurrent_projection"]).head(1)
    same(found, expected.sort_values(["layers", "recurrent_projection"]))


def test_groups(folder: Path, frame: pd.DataFrame) -> None:
    found = sizer.query(folder / "speech.parquet", group_by=["layers"], top=3)
    expected = frame.groupby("layers").weights.agg(["size", "min", "max"]).reset_index()[:3]
    assert (
        found[["layers", "rows", "smallest_weights", "largest_weights"]].to_numpy().tolist()
        == expected.to_numpy().tolist()
    )
    assert {"smallest_macs_per_step", "largest_state_size"} <= {*found.columns}


def test_a_summary(folder: Path, frame: pd.DataFrame) -> None:
    found = sizer.query(folder / "speech.parquet", summary=True, where="layers > 1")
    shown = frame[frame.layers > 1]
    rows: dict[str, Any] = {row["column"]: row for row in found.to_dict("records")}
    assert list(rows) == frame.columns.tolist()
    weights = rows["weights"]
    assert (weights["rows"], weights["smallest"], weights["largest"]) == (
        len(shown),
        shown["weights"].min(),
        shown["weights"].max(),
    )
    assert (rows["layers"]["values"], rows["layers"]["smallest"], rows["layers"]["largest"]) == (4, 2, 5)
    assert found["values"].isna().tolist() == [name in {"id", *COUNTED} - {"other_weights"} for name in rows]
    assert rows["cell_type"]["words"] == "lstm"
    assert (rows["bidirectional"]["values"], rows["bidirectional"]["largest"]) == (1, 0)


def test_the_nearest(folder: Path, frame: pd.DataFrame) -> None:
    for near, column, size in (("9.5M", "weights", 9_500_000), ("int8_bytes=2MB", "int8_bytes", 2_000_000)):
        order = (frame[column] - size).abs().rename("away").to_frame().join(frame["id"]).sort_values(["away", "id"])
        same(sizer.query(folder / "speech.parquet", near=near, top=50), frame.loc[order.index[:50]])


@pytest.mark.parametrize(
    "asked",
    ["cells,-weights", "weights,-cells,-layers", "-weights", "bidirectional,-macs_per_step,state_size,-weights"],
)
def test_rows_that_no_other_beats(folder: Path, frame: pd.DataFrame, asked: str) -> None:
    words = asked.split(",")
    values = np.stack(
        [frame[w.removeprefix("-")].to_numpy(np.int64) * (-1 if w[0] == "-" else 1) for w in words], axis=1
    )
    beaten = [bool(((values <= row).all(axis=1) & (values < row).any(axis=1)).any()) for row in values]
    found = sizer.query(folder / "speech.parquet", pareto=asked, sort="id")
    assert 0 < len(found) < KEPT
    same(found, frame[~np.array(beaten)])


@settings(max_examples=examples(200), deadline=None)
@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(st.tuples(*[st.integers(-4, 4)] * width), min_size=1, max_size=60)
    ),
    cut=st.integers(0, 60),
    waiting=st.sampled_from([1, 10, 1 << 18]),
)
def test_the_frontier_is_what_a_slow_twin_finds(rows: list[tuple[int, ...]], cut: int, waiting: int) -> None:
    signs = [1, -1, -1, 1][: len(rows[0])]

    def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
        signed = [(a * sign, b * sign) for a, b, sign in zip(one, other, signs, strict=True)]
        return all(a <= b for a, b in signed) and one != other

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frontier, "_WAITING", waiting)
        made = Frontier(signs)
        for part in (rows[:cut], rows[cut:]):
            if part:
                made.see([np.array(column, dtype=np.int64) for column in zip(*part, strict=True)])
        found = {tuple(map(int, row)) for row in zip(*made.columns(), strict=True)}
    assert found == {row for row in rows if not any(beats(other, row) for other in rows)}


@pytest.mark.thorough
def test_too_wide_a_frontier_is_said() -> None:
    made = Frontier([1, 1, 1])
    places = np.arange(frontier.MOST + 1)
    with pytest.raises(RunError, match="more than 10,000 combinations"):
        made.see([places, -places, places])
    made = Frontier([1, 1])
    made.see([places, -places])
    assert len(made.columns()[0]) == len(places)


def test_several_results(folder: Path, frame: pd.DataFrame) -> None:
    both = [folder / "toolkits.csv", folder / "speech.parquet"]
    found = sizer.query(both, sort="-weights", where="weights < 9000000")
    assert set(found["result"]) == {str(path) for path in both}
    assert found.weights.is_monotonic_decreasing
    first = sizer.query(both, where="peephole_weights >= 0")  # which only the second one has
    assert first["result"].unique().tolist() == [str(both[1])]
    everything = sizer.query(both)
    assert everything["result"].iloc[0] == str(both[0])
    assert everything["peephole_weights"].dtype == "Int64"
    assert int(everything["weights"].sum()) == int(frame.weights.sum() + pd.read_csv(both[0]).weights.sum())
    label = str(both[0])
    assert sizer.query(both, where=f"result == '{label}'").equals(everything[everything["result"] == label])


@pytest.mark.parametrize(
    ("asked", "faults"),
    [
        ({"budget": "10X"}, ["budget: '10X' has no known unit; the units are K, M, B and T"]),
        ({"sort": "-wieghts"}, ["sort: no column named 'wieghts' in speech; did you mean 'weights'?"]),
        ({"columns": "id,id"}, ["columns: 'id' is there twice"]),
        ({"best": "weights"}, ["best: is the best of each group; name the groups with group_by"]),
        ({"group_by": "layers", "best": "-weights"}, ["best: the best has the largest value; leave - out"]),
        ({"group_by": "layers", "best": "cell_type"}, ["best: cell_type holds words, which are neither more nor less"]),
        ({"near": "1M", "pareto": "cells"}, ["pareto: cannot be used together with near"]),
        ({"near": "1M", "sort": "cells"}, ["sort: near has an order of its own, the closest first"]),
        ({"summary": True, "columns": "id"}, ["columns: a summary has columns of its own"]),
        ({"top": -1}, ["top: -1 is below the minimum, 0"]),
        ({"where": "cells ="}, ["where: 'cells =', character 7: '=' does not compare; use =="]),
        ({"where": "cells * weights * weights * weights > 1"}, ["where: 'cells * weights * weights * weights > 1': a number on the way can pass 64 bits; write it with smaller numbers"]),
        ({"where": "cell_type == 'lstn'"}, ["where: 'cell_type == 'lstn'', character 14: 'lstn' is no cell_type; did you mean 'lstm'?"]),
        ({"near": "weihgts=3"}, ["near: no column named 'weihgts'; did you mean 'weights'?"]),
    ],
)  # fmt: skip
def test_faults_of_what_is_asked(folder: Path, asked: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        sizer.query(folder / "speech.parquet", **asked)
    assert told(caught) == faults


def test_faults_of_files(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.parquet").write_text("no Parquet")
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    (tmp_path / "twice.csv").write_text("id,id\n1,2\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\n")
    (tmp_path / "zip.csv.gz").write_bytes(b"no gzip")
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.manifest.json").write_text("{}")
    pa.parquet.write_table(pa.table({"weights": [1.5]}), tmp_path / "decimals.parquet")
    here = f"{tmp_path}/"
    with pytest.raises(InputError) as caught:
        open_results([f"{here}{name}" for name in ("bytes.csv", "decimals.parquet", "empty", "missing.csv", "notes.csv", "other.parquet", "results.xlsx", "twice.csv", "x.manifest.json", "zip.csv.gz")] + [str(folder / "speech.xlsx")])  # fmt: skip
    found = sorted(text.replace(here, "").replace(f"{folder}/", "") for text in told(caught))
    assert found[:5] == [
        "bytes.csv: is not CSV in UTF-8",
        "decimals.parquet: weights: holds double; the tables of a run hold whole numbers, true and false, and words",
        "empty: is a folder without parts; name a table within it, such as NAME.parquet",
        "missing.csv: no such file",
        "notes.csv: has no column of a run in its first line, 'a,b'",
    ]
    assert found[5].startswith("other.parquet: is not a Parquet file, or is damaged: ")
    assert found[6:] == [
        "results.xlsx: no such file",
        "speech.xlsx: is no .parquet, .csv, .tsv or .manifest.json; name the CSV or Parquet table of the same run",
        "twice.csv: has two columns named 'id'",
        "x.manifest.json: is not the manifest of a run, or is damaged; sizer run makes the tables and the manifest again",
        "zip.csv.gz: is not a gzip file, or is damaged",
    ]


def test_a_damaged_parquet_file_is_a_fault_or_an_answer(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "speech.parquet").read_bytes()
    path = tmp_path / "damaged.parquet"
    for name in (b"cells", b"weights", b"layers"):  # names that are no text, in the footer
        path.write_bytes(whole.replace(name, b"\xe0" + name[1:]))
        with pytest.raises(InputError, match=r"damaged\.parquet"):
            sizer.query(path)
    chance = random.Random(4)
    faults = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 3, 20])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            sizer.query(path, sort="-weights", top=3)
        except (InputError, RunError):
            faults += 1
    assert faults > 5


def test_a_missing_part_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "speech.manifest.json").write_bytes((folder / "parts" / "speech.manifest.json").read_bytes())
    with pytest.raises(InputError, match="is missing"):
        open_results(tmp_path / "speech.manifest.json")


@pytest.mark.parametrize("line", ["1,lstm,12x", "1,lstm", '1,"lstm,5', "1,lstm,99999999999999999999"])
def test_damaged_csv_is_a_fault(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"id,cell_type,weights\n0,lstm,3\n{line}\n")
    with pytest.raises(InputError, match=r"bad\.csv"):
        sizer.query(path, sort="weights")


def test_columns_of_other_peoples_tables(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text('id,weights,note\n0,5,"good, small"\n1,7,=cmd()\n')
    assert sizer.query(path, where="note == '=cmd()'").weights.tolist() == [7]
    done = command("query", str(path), "--format", "csv")
    assert pd.read_csv(io.StringIO(done.stdout)).note.tolist() == ["good, small", "'=cmd()"]  # no formula


def command(*words: str, folder: Path = ROOT, **environment: str) -> Done:
    return run(*words, cwd=folder, **environment)


def test_every_form_holds_the_same_rows(folder: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    asked = ["query", str(folder / "speech.parquet"), "--sort", "-weights", "--top", "300"]
    expected = frame.sort_values(["weights", "id"], ascending=[False, True])[:300].reset_index(drop=True)
    for name in ("a.csv", "a.tsv", "a.parquet", "a.xlsx", "a.json", "a.md"):
        done = command(*asked, "--out", name, folder=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{name}: 300 rows\n")
    same(pd.read_csv(tmp_path / "a.csv"), expected)
    same(pd.read_csv(tmp_path / "a.tsv", sep="\t"), expected)
    same(pd.read_parquet(tmp_path / "a.parquet"), expected)
    same(pd.read_json(tmp_path / "a.json"), expected)
    sheets = openpyxl.load_workbook(tmp_path / "a.xlsx")
    rows = list(sheets["Configurations"].values)
    assert list(rows[0]) == expected.columns.tolist()
    assert [list(row) for row in rows[1:]] == expected.to_numpy().tolist()
    facts = {row[0]: row[1] for row in sheets["Query"].values if row[0]}
    assert (facts["rows"], facts["sort"], facts["top"]) == ("300", '["-weights"]', "300")
    lines = (tmp_path / "a.md").read_text().splitlines()
    assert lines[2].startswith(f"| {expected.id[0]:,} | sak2014 | lstm |")
    assert len(lines) == 302
    said = json.loads(pyarrow.parquet.read_schema(tmp_path / "a.parquet").metadata[b"sizer"])
    assert said["query"] == {"results": [str(folder / "speech.parquet")], "sort": ["-weights"], "top": 300}
    assert said["sweep_sha256"]
    # What a query wrote is a result again.
    same(sizer.query(tmp_path / "a.parquet", top=5), expected[:5])


def test_in_a_pipe_nothing_is_cut(folder: Path) -> None:
    done = command("query", str(folder / "speech.parquet"))
    assert len(done.stdout.splitlines()) == KEPT + 1
    assert done.stdout.startswith("id\tconvention\t")
    assert done.stderr == ""
    printed = json.loads(command("query", str(folder / "speech.csv"), "--json", "--top", "2").stdout)
    assert printed["count"] == 2
    assert [row["id"] for row in printed["rows"]] == [0, 1]
    assert (
        json.loads(command("query", str(folder / "speech.csv"), "--json", "--where", "layers > 5").stdout)["rows"] == []
    )
    empty = command("query", str(folder / "speech.csv"), "--format", "json", "--top", "0").stdout
    assert json.loads(empty) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "csb"], "--format: no format named 'csb'; did you mean 'csv'?"),
        (["--format", "xlsx"], "--format: xlsx goes into a file; name one with --out"),
        (["--out", "a.txt"], "--out: 'a.txt' ends in none of .md, .csv, .tsv, .parquet, .xlsx, .json, .markdown; name a --format"),
        (["--json", "--out", "a.json"], "--json: prints one object on standard output; leave the others out"),
    ],
)  # fmt: skip
def test_faults_of_forms(folder: Path, tmp_path: Path, words: list[str], said: str) -> None:
    done = command("query", str(folder / "speech.csv"), *words, folder=tmp_path)
    assert done.returncode == 1
    if "--json" in words:
        (fault,) = json.loads(done.stdout)["faults"]
        assert f"{fault['path']}: {fault['message']}" == said
    else:
        assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_could_not_be_written_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("id,weights\n" + "1,2\n" * 400_000 + "1,x\n")
    (tmp_path / "old.csv").write_text("as it was\n")
    done = command("query", "bad.csv", "--out", "old.csv", folder=tmp_path)
    assert done.returncode == 1
    assert "bad.csv" in done.stderr
    assert (tmp_path / "old.csv").read_text() == "as it was\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "old.csv"]


def test_without_duckdb_the_extra_is_named(folder: Path) -> None:
    hidden = "import sys; sys.modules['duckdb'] = None; from sizer.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "query", str(folder / "speech.csv")],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        3,
        f"sizer: queries, plots and reports need the extra: {install_command('query')}\n",
    )


def test_booleans_and_big_numbers_stay_what_they_are(tmp_path: Path) -> None:
    large = 2**63 - 1
    rows = {"id": [0, 1], "bidirectional": [True, False], "weights": [large, 2**53 + 1]}
    pa.parquet.write_table(pa.table(rows), tmp_path / "a.parquet")
    with gzip.open(tmp_path / "b.csv.gz", "wt") as file:
        file.write(f"id,bidirectional,weights\n0,true,{large}\n1,false,{2**53 + 1}\n")
    for name in ("a.parquet", "b.csv.gz"):
        found = sizer.query(tmp_path / name, near="0")
        assert found.to_numpy().tolist() == [[1, False, 2**53 + 1], [0, True, large]]
    text = command("query", "a.parquet", "--format", "json", folder=tmp_path).stdout
    assert [row["weights"] for row in json.loads(text)] == rows["weights"]


def test_columns_in_another_order_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,weights\n0,5\n")
    (tmp_path / "b.csv").write_text("weights;id\n7;0\n")
    found = sizer.query([tmp_path / "b.csv", tmp_path / "a.csv"], columns=["weights", "id"])
    assert found.to_numpy().tolist() == [[7, 0], [5, 0]]
    for one, other in itertools.permutations(["a.csv", "b.csv"]):
        assert sizer.query([tmp_path / one, tmp_path / other], sort="id").weights.tolist() == (
            [5, 7] if one == "a.csv" else [7, 5]
        )


HINTS = {
    "encoder.weights=80M": "no column named 'encoder.weights' in keywords; `sizer run --columns all` writes the weights of each "
    "block, these are COLUMNS",
    "gru.weights=3K": "no column named 'gru.weights' in keywords; `sizer run --columns all` writes it, these are COLUMNS",
    "grv.weights=3K": "no column named 'grv.weights' in keywords; did you mean 'gru.weights', which `sizer run --columns all` "
    "writes?",
    "dense_weights=3K": "no column named 'dense_weights' in keywords; `sizer run --columns all` writes it, these are COLUMNS",
    "wieghts=3K": "no column named 'wieghts'; did you mean 'weights'?",
}


@pytest.mark.parametrize("near", HINTS)
def test_what_a_table_of_blocks_lacks_is_told_by_path(tmp_path: Path, near: str) -> None:
    table = tmp_path / "keywords.csv"
    columns = "id,convention,conv.channels,gru.cells,hidden.width,weights"
    table.write_text(f"{columns}\n0,keras,48,32,84,1000\n")
    with pytest.raises(InputError) as caught:
        sizer.query(table, near=near)
    said = HINTS[near].replace("keywords", str(table)).replace("COLUMNS", columns.replace(",", ", "))
    assert str(caught.value).replace("in keywords.csv", f"in {table}") == f"near: {said}"
    for sort, hint in (("hidden_size", "gru.cells"), ("gru.sells", "gru.cells"), ("conv.channel", "conv.channels")):
        with pytest.raises(InputError, match=f"did you mean '{hint}'"):
            sizer.query(table, sort=sort)


def test_a_path_is_near_to_no_other_name(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        sizer.query(folder / "speech.parquet", near="encoder.weights=80M")
    assert str(caught.value) == "near: no column named 'encoder.weights' in speech; did you mean 'weights'?"


@pytest.mark.parametrize("later", ["same", "[1, 2]", "true", "-3", "1_000", "", "99999999999999999999"])
def test_a_later_row_of_another_kind_keeps_what_it_says(tmp_path: Path, later: str) -> None:
    table = tmp_path / "t.csv"
    rows = [str(number) for number in range(3000)] + [later]
    lines = [f'{place},"{word}",5' if "," in word else f"{place},{word},5" for place, word in enumerate(rows)]
    table.write_text("id,conv.stride,weights\n" + "\n".join(lines) + "\n")
    found = sizer.query(table, sort="id")["conv.stride"].tolist()
    if later:
        assert [str(one) for one in found] == rows
    else:
        assert found[:-1] == list(range(3000))
        assert pd.isna(found[-1])
