"""The library's calls: sweeps as files, mappings and values, rows as Arrow, tables, pictures and code in Python."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import sizer

ROOT = Path(__file__).resolve().parent.parent
MODEL = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80}
SWEEP: dict[str, Any] = {"name": "mine", "model": MODEL, "grid": {"cells": range(64, 1025, 64), "layers": [1, 2]}}
TEXT = """
sizer: 1
name: mine
model: {convention: pytorch, cell_type: lstm, inputs: 80}
grid: {cells: {from: 64, to: 1024, step: 64}, layers: [1, 2]}
"""
SPACE = {"model": {**MODEL, "layers": 3}, "grid": {"cells": {"per_layer": [64, 128]}}}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> sizer.Run:
    return sizer.run_sweep(SWEEP, tmp_path_factory.mktemp("tables"), budget="10M")


def test_a_path_a_mapping_and_a_sweep_are_one_sweep(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(TEXT)
    expected = sizer.run_sweep(file, None).frame()
    # From outside: two layers of PyTorch's LSTM of 1,024 cells on 80 inputs (torch.nn.LSTM(80, 1024, 2)).
    assert expected["weights"].max() == 4 * 1024 * (80 + 1024 + 2) + 4 * 1024 * (1024 + 1024 + 2)
    for given in (str(file), SWEEP, sizer.load_sweep(file)):
        pd.testing.assert_frame_equal(sizer.run_sweep(given, None).frame(), expected)
        assert sizer.dry_run(given).kept == 32
    assert sizer.space(SPACE).size == sizer.dry_run(SPACE).kept == 8


def test_numbers_of_other_libraries_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    given = {"model": {**MODEL, "layers": numpy.int64(2)}, "grid": {"cells": numpy.array([64, 128])}}
    assert sizer.run_sweep(given, None).frame()["cells"].tolist() == [64, 128]
    assert sizer.dry_run({"model": {**MODEL, "layers": 2}, "grid": {"cells": range(128, 63, -64)}}).kept == 2


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = sizer.run_sweep(SWEEP, None, budget=10_000_000, keep=3)
    assert (found.files, found.kept, list(found.frame()["id"])) == ((), 30, [27, 25, 23])
    assert sizer.run_sweep(SPACE, None).frame().shape[0] == 8
    assert list(tmp_path.iterdir()) == []
    assert "Next:" not in str(found)  # there is no file to name


def test_rows_are_a_stream_of_arrow(written: sizer.Run) -> None:
    polars = pytest.importorskip("polars")
    duckdb = pytest.importorskip("duckdb")
    expected = written.frame()
    assert pa.table(written).to_pandas().equals(expected)
    assert pd.DataFrame.from_arrow(written).equals(expected)  # type: ignore[attr-defined]
    assert polars.DataFrame(written).to_dicts() == expected.to_dict("records")
    assert duckdb.sql("SELECT count(*), sum(weights) FROM written").fetchall() == [(30, int(expected["weights"].sum()))]
    space = sizer.run_sweep(SPACE, None)
    assert polars.DataFrame(space)["weights"].to_list() == space.frame()["weights"].tolist()
    answer = sizer.query(written, top=2)
    assert polars.DataFrame(answer).height == 2


def test_tables_are_asked_drawn_and_handed_over_by_their_run(written: sizer.Run, tmp_path: Path) -> None:
    pytest.importorskip("altair")
    largest = sizer.query(written, sort="-weights", top=1, columns="cells,layers,weights")
    assert largest.to_dict("records") == [{"cells": 896, "layers": 2, "weights": 9_934_848}]
    assert sizer.query([*written.files[:1]], where="layers == 1", budget={"weights": {"max": "1M"}}).shape[0] == 7
    assert sizer.query(written, near=9_000_000, top=1)["weights"].tolist() == [8_586_240]
    picture = sizer.plot(written, tmp_path / "mine.svg", budget="5M")
    assert picture.read_text().startswith("<svg")
    assert "vega-lite" in json.dumps(sizer.plot(written).to_dict())
    assert "mine" in sizer.report(written, tmp_path / "mine.html").read_text()
    lines = sizer.export(written, "jsonl", sort="-weights", top=2).splitlines()
    assert [sizer.count(fields_of(json.loads(line))).weights for line in lines] == [9_934_848, 8_586_240]
    assert sizer.export(written, "optuna", tmp_path / "trials.json").exists()


def test_code_is_of_fields_of_a_count_of_a_sweep_and_of_a_file() -> None:
    fields = {**MODEL, "layers": 2, "cells": 896}
    assert "9,934,848 weights" in sizer.code(fields)
    assert sizer.code(sizer.count(fields)) == sizer.code(SWEEP, id=27) == sizer.code(fields, "torch")
    assert "class" in sizer.code(ROOT / "docs" / "detector.yaml")
    assert "64, 64" not in sizer.code(SPACE, id=7)


def test_a_sample_is_verified() -> None:
    pytest.importorskip("torch")
    found = sizer.verify(SWEEP, "torch", sample=2)
    assert (found.equal, found.compared) == (True, 6)
    assert re.fullmatch(r"<Verification: mine: 6 networks equal PyTorch .+>", repr(found))
    assert "Every shape of" in str(found)


def test_a_model_of_blocks_is_verified(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    blocks = {"frames": {"type": "input", "inputs": 3}, "out": {"type": "dense", "width": 4}}
    model = {"convention": "pytorch", "blocks": blocks}
    file = tmp_path / "m.yaml"
    file.write_text(
        "model: {convention: pytorch, blocks: {frames: {type: input, inputs: 3}, out: {type: dense, width: 4}}}"
    )
    swept = {"model": model, "grid": {"out.width": [4, 8]}}
    for given in (model, {"model": model}, swept, ROOT / "docs" / "detector.yaml", file):
        found = sizer.verify(given)
        assert isinstance(found, sizer.ModelVerification)
        assert (found.equal, found.compared, found.not_comparable) == (True, 1, ())
    assert repr(sizer.verify(file)).startswith("<ModelVerification: the model: 2 tensors equal PyTorch ")


@pytest.mark.thorough
def test_a_model_of_another_framework_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    blocks = {"frames": {"type": "input", "inputs": 3}, "out": {"type": "dense", "width": 4}}
    other = sizer.verify({"convention": "pytorch", "blocks": blocks}, "keras")
    assert (other.equal, other.compared, other.tensors) == (False, 0, 0)
    assert "the model: nothing was compared with Keras " in repr(other)
    assert other.frame().to_dict("records") == [{"block": "out", "reason": "pytorch is compared with PyTorch"}]


def test_a_frame_is_counted_as_a_frame() -> None:
    frame = sizer.run_sweep(SWEEP, None, columns="all").frame().set_index("id", drop=False)
    counted = sizer.count_batch(frame)
    assert (counted["weights"] == frame["weights"]).all()
    assert counted.index.equals(frame.index)
    partly = pd.DataFrame({**MODEL, "layers": [1, 2], "cells": [64, 128], "recurrent_projection": [float("nan"), 32]})
    networks = [{**MODEL, "layers": 1, "cells": 64}, {**MODEL, "layers": 2, "cells": 128, "recurrent_projection": 32}]
    assert sizer.count_batch(partly).to_dict("records") == sizer.count_batch(networks)
    assert sizer.count_batch(partly.astype({"recurrent_projection": "Int64"})).equals(sizer.count_batch(partly))
    assert list(sizer.count_batch(partly[:0])) == list(sizer.count_batch(partly))
    polars = pytest.importorskip("polars")
    found = sizer.count_batch(polars.DataFrame(networks, infer_schema_length=None))
    assert found.to_dicts() == sizer.count_batch(networks)


FAULTS: dict[str, Callable[[Any, Path], Any]] = {
    "grid: no field named 'cels'; did you mean 'cells'?": lambda run, at: sizer.run_sweep(
        {**SWEEP, "grid": {"cels": [1], "cells": [2], "layers": [1]}}, None
    ),
    "grid.cells[1]: 64 is twice on this axis (grid.cells[0])": lambda run, at: sizer.dry_run(
        {**SWEEP, "grid": {"cells": [64, 64], "layers": [1]}}
    ),
    "sweep: '7' is not a sweep; give a path, a mapping with the contents of a sweep file, or a loaded sweep": (
        lambda run, at: sizer.run_sweep(7, None)  # type: ignore[arg-type]
    ),
    "workers: writes parts in a folder; name one with out": lambda run, at: sizer.run_sweep(SWEEP, None, workers=1),
    "budget: 'much' is not a size; write it as 10000000, 10M or 1e7": lambda run, at: sizer.dry_run(
        SWEEP, budget="much"
    ),
    "results: this run wrote no tables; run the sweep with a folder as out": lambda run, at: sizer.query(
        sizer.run_sweep(SWEEP, None)
    ),
    "results: '7' is neither a file nor a run": lambda run, at: sizer.plot(7),  # type: ignore[arg-type]
    "tpo: no parameter of that name; did you mean 'top'?": lambda run, at: sizer.query(run, tpo=1),
    "to: no tool named 'optna'; did you mean 'optuna'?": lambda run, at: sizer.export(run, "optna"),
    "to: no code is written for 'troch'; did you mean 'torch'?": lambda run, at: sizer.code(MODEL, "troch"),
    "id: there is no configuration 99; the ids go from 0 to 31": lambda run, at: sizer.code(SWEEP, id=99),
    "framework: no framework named 'troch'; did you mean 'torch'?": lambda run, at: sizer.verify(SWEEP, "troch"),
    "blocks.out: a dense must read something, but no block comes before it; name its source in from": lambda run, at: (
        sizer.verify({"blocks": {"out": {"type": "dense", "width": 4}}})
    ),
    "model.blocks.out.type: 'desne' is not a type of block; did you mean 'dense'?": lambda run, at: sizer.verify(
        {"model": {"blocks": {"out": {"type": "desne", "width": 4}}}}
    ),
    "blocks: models of blocks are compared with PyTorch or Keras, not with Flax": lambda run, at: sizer.verify(
        {"blocks": {"a": {"type": "input", "inputs": 4}}}, "flax"
    ),
    "sample: -1 is below the minimum, 0": lambda run, at: sizer.verify(SWEEP, sample=-1),
    "network: '7' is not a network; give its fields, its count, or a file": lambda run, at: sizer.code(7),
    "networks: the frame has two columns named 'cells'": lambda run, at: sizer.count_batch(
        pd.DataFrame([[1, 2]], columns=["cells", "cells"])
    ),
    "fields: 'sweeps/speech.yaml' is not a network; give a mapping of its fields": lambda run, at: sizer.count(
        "sweeps/speech.yaml"  # type: ignore[arg-type]
    ),
    "fields: '7' is not a network; give a mapping of its fields": lambda run, at: sizer.explain(7),  # type: ignore[arg-type]
    "fields: '[]' is not a network; give a mapping of its fields": lambda run, at: sizer.fits([], "1M"),  # type: ignore[arg-type]
    "networks: '7' are no networks; give a list of mappings, or a frame": lambda run, at: sizer.count_batch(7),
    "networks: '{'cells': 1}' are no networks; give a list of mappings, or a frame": lambda run, at: sizer.count_batch(
        {"cells": 1}
    ),
    "[1]: 'x' is not a network; give a mapping of its fields": lambda run, at: sizer.count_batch(
        [{**MODEL, "layers": 1, "cells": 1}, "x"]
    ),
    "vary: '7' is not text": lambda run, at: sizer.fit(MODEL, vary=7, budget="1M"),  # type: ignore[arg-type]
    "budget: '1000000.0' is neither a number nor a size such as 10M": lambda run, at: sizer.fit(
        MODEL,
        vary="cells",
        budget=1e6,  # type: ignore[arg-type]
    ),
    "budget: '1000000.0' is not a budget; write 10M, a list, or bounds by column": lambda run, at: sizer.dry_run(
        SWEEP,
        budget=1e6,  # type: ignore[arg-type]
    ),
    "where: '7' is neither text nor a list of texts": lambda run, at: sizer.query(run, where=7),  # type: ignore[arg-type]
    "top: 'many' is not a whole number": lambda run, at: sizer.query(run, top="many"),  # type: ignore[arg-type]
    "gzip: 'yes' is neither true nor false": lambda run, at: sizer.run_sweep(SWEEP, at, gzip="yes"),  # type: ignore[arg-type]
    "path: '7' is not a path": lambda run, at: sizer.load_sweep(7),  # type: ignore[arg-type]
    "csv_dialect: 'exel-eu' is not known; did you mean 'excel-eu'?": lambda run, at: sizer.run_sweep(
        SWEEP, at, csv_dialect="exel-eu"
    ),
    "out: is empty; name a file": lambda run, at: sizer.plot(run, ""),
}


@pytest.mark.parametrize("flag", [np.True_, 1, True])
def test_flags_are_told_by_their_value(flag: Any, tmp_path: Path) -> None:
    run = sizer.run_sweep(SWEEP, tmp_path, gzip=flag)
    assert "mine.csv.gz" in [Path(file).name for file in run.files]


@pytest.mark.parametrize("said", FAULTS)
def test_faults_name_parameters(said: str, written: sizer.Run, tmp_path: Path) -> None:
    with pytest.raises(sizer.InputError) as caught:
        FAULTS[said](written, tmp_path)
    assert str(caught.value) == said


def test_searchers_take_what_a_space_is_made_of() -> None:
    pytest.importorskip("optuna")
    assert isinstance(sizer.optuna_sampler(SPACE).space, sizer.Space)
    with pytest.raises(sizer.InputError, match="sweep: '7' is not a sweep"):
        sizer.optuna_sampler(7)  # type: ignore[arg-type]


def test_none_stands_for_what_is_not_given(written: sizer.Run) -> None:
    assert sizer.query(written, where=None, sort=None, top=None).equals(sizer.query(written))  # type: ignore[arg-type]
    assert sizer.query(written, top=10**30).equals(sizer.query(written))
    assert sizer.dry_run(SWEEP, budget=None, where=None).kept == 32  # type: ignore[arg-type]


def test_a_mapping_that_holds_itself_is_refused() -> None:
    held: list[Any] = []
    held.append(held)
    with pytest.raises(sizer.InputError, match="nested too deeply"):
        sizer.run_sweep({**SWEEP, "grid": held}, None)


def fields_of(exported: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a network of an export, without its id and its count."""
    return {name: value for name, value in exported.items() if name not in {"id", "weights"}}
