"""Storms over tables and the work of runs: whatever is damaged is a fault or is made anew, never other rows."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sizer
from sizer.errors import InputError, RunError
from sizer.runs import parts
from sizer.runs.run import run_sweep
from sizer.sweepfile.load import parse_sweep
from tests.attacks import storm
from tests.examples import examples

pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `query`)")

SWEEP = parse_sweep(
    "{sizer: 1, name: storm, model: {convention: sak2014, cell_type: lstm, inputs: 39, outputs: 34},"
    " grid: {layers: [1, 2, 3], cells: {from: 8, to: 1600, step: 8}}, budget: {weights: {max: 10M}},"
    " output: {formats: [csv, parquet]}}"
)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART", 150)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def damage(chance: random.Random, folder: Path, name: str) -> str:
    """Damage a file as disks, copies and people do; return how."""
    path = folder / name
    data = bytearray(path.read_bytes())
    how = chance.choice(["flipped"] * 7 + ["cut", "zeros", "another's"])
    if how == "flipped" and data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif how == "cut":
        del data[chance.randrange(len(data) + 1) :]
    elif how == "zeros" and data:
        start = chance.randrange(len(data))
        data[start : start + 512] = bytes(len(data[start : start + 512]))
    else:
        beside = sorted(found for found in path.parent.iterdir() if found.is_file())
        data[:] = chance.choice(beside).read_bytes()
    path.write_bytes(data)
    return how


@pytest.mark.parametrize("form", ["files", "parts", "gzip"])
def test_damaged_tables_are_never_other_rows(tmp_path: Path, form: str) -> None:
    forms: dict[str, dict[str, Any]] = {
        "files": {},
        "parts": {"workers": 1},
        "gzip": {"csv_dialect": "tsv", "gzip": True},
    }
    run_sweep(SWEEP, tmp_path, **forms[form])
    table = "storm.tsv.gz" if form == "gzip" else "storm.csv"
    rows = {name: sizer.query(tmp_path / name) for name in (table, "storm.parquet", "storm.manifest.json")}
    whole = content(tmp_path)
    with storm(f"damaged tables, {form}", quick=70, long=4000, seed=3) as tried:
        for chance in tried:
            name = chance.choice(list(whole))
            damage(chance, tmp_path, name)
            asked = chance.choice(list(rows)) if name.endswith(".json") else name.partition("/")[0]
            try:
                found = sizer.query(tmp_path / asked)
            except InputError:
                tried.ended("refused")
            else:
                pd.testing.assert_frame_equal(found, rows[asked])
                assert content(tmp_path)[name] == whole[name] or name.endswith(".json")
                tried.ended("the same rows")
            (tmp_path / name).write_bytes(whole[name])


def test_a_resumed_run_ends_with_the_same_bytes_whatever_was_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sweep(SWEEP, tmp_path / "whole", workers=1)
    expected = content(tmp_path / "whole")

    def failing(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    stopped = tmp_path / "stopped"
    # Stopped before it was decided, after that, and in the middle of the move into place.
    for place, step in enumerate(("commit", "_move_into_place", "_remove_replaced")):
        with monkeypatch.context() as patch:
            patch.setattr(f"sizer.runs.work.Work.{step}", failing)
            with pytest.raises(RunError):
                run_sweep(SWEEP, stopped / str(place), workers=1)
    shutil.copytree(tmp_path / "whole", stopped / "3")
    with storm("damaged work folders and tables, resumed", quick=examples(24), long=1000, seed=5) as tried:
        for chance in tried:
            out = tmp_path / "out"
            shutil.copytree(stopped / chance.choice("0123"), out)
            names = [name for name in content(out) if not name.endswith("holder.json")]
            for _ in range(chance.choice([1, 1, 1, 3])):
                damage(chance, out, chance.choice(names))
            done = run_sweep(SWEEP, out, resume=True, workers=1)
            assert content(out) == expected
            tried.ended("finished already" if done.was_finished else "resumed" if done.resumed else "made anew")
            shutil.rmtree(out)
