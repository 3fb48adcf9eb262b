"""Whole sweep files: the good ones become the sweep beside them, the bad ones give exactly the faults beside them.

`python -m tests.test_sweepfile` writes the texts anew after a change, to be read before they are committed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizer.errors import InputError
from sizer.networks.cells import CELL_TYPES
from sizer.sweepfile import apply_options, load_sweep, parse_sweep
from sizer.sweepfile.axis import Column, Listed, Stepped
from sizer.sweepfile.bounds import KNOWN_COLUMNS
from sizer.sweepfile.findings import FAULT_LIMIT
from sizer.sweepfile.limits import count_bounds
from sizer.sweepfile.sweep import Bound, Sweep
from tests.examples import examples, saw, seeing

HERE = Path(__file__).parent / "sweeps"
GOOD = sorted((HERE / "good").glob("*.yaml"))
BAD = sorted((HERE / "bad").glob("*.yaml"))
SHIPPED = sorted((HERE.parents[1] / "sweeps").glob("*.yaml"))

SMALL = """\
sizer: 1
name: small
model: {convention: sak2014, cell_type: lstm, inputs: 39, outputs: 34}
grid: {layers: [1, 2], cells: [64, 128]}
budget: {weights: {min: 1K, max: 1M}}
where: [cells > 1]
"""


def described(sweep: Sweep) -> str:
    """Write a sweep out, a line for each thing that a file says."""
    lines = [
        f"{sweep.size:,} configurations of {sweep.name}: {json.dumps(sweep.description)}",
        f"formats {' '.join(sweep.formats)}",
        f"columns {'all' if sweep.columns == KNOWN_COLUMNS else ' '.join(sweep.columns)}",
        *(f"budget {bound.column} {bound.minimum} .. {bound.maximum}" for bound in sweep.budget),
        *(f"where {json.dumps(expression.text)} of {sorted(expression.names)}" for expression in sweep.where),
    ]
    for cell in sweep.cell_types.values():
        lines.append(f"cell type {cell.name}, {cell.title}: {' '.join(sorted(cell.fields))}")
        lines.append(f"  recurs {cell.recurs}, hands up {cell.hands_up}, state {cell.state}")
        lines.extend(f"  {dataclasses.astuple(tensor)[:7]}" for tensor in cell.tensors)
    for grid in sweep.grids:
        fixed = {name: value for name, value in grid.fixed.items() if name != "cell_types"}
        lines.append(f"grid of {grid.size:,}; fixed {json.dumps(fixed)}")
        lines.extend(
            f"  {axis.length:,} x {' + '.join(_described(column) for column in axis.columns)}" for axis in grid.axes
        )
    return "\n".join(lines) + "\n"


def _described(column: Column) -> str:
    if isinstance(column, Listed):
        return f"{column.field} {json.dumps(column.values)}"
    if isinstance(column, Stepped):
        return f"{column.field} {column.start}, {column.start + column.step} .. {column.last}"
    ratios = ", ".join(str(ratio) for ratio in column.ratios)
    return f"{column.field} = {ratios} of {column.base}, round_to {column.round_to}"


def faults_of(path: Path) -> str:
    """Return the faults of a file as they are printed, a line each; `{the cell types}` are all that are built in."""
    with pytest.raises(InputError) as caught:
        parse_sweep(path.read_bytes(), path.name)
    return "".join(f"{fault}\n" for fault in caught.value.faults).replace(", ".join(CELL_TYPES), "{the cell types}")


def beside(path: Path) -> Path:
    return path.with_suffix(".txt")


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_file(path: Path) -> None:
    assert described(load_sweep(path)) == beside(path).read_text("utf-8")


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_file(path: Path) -> None:
    assert faults_of(path) == beside(path).read_text("utf-8")


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_places_lie_inside_the_file(path: Path) -> None:
    with pytest.raises(InputError) as caught:
        parse_sweep(path.read_bytes(), path.name)
    lines = path.read_bytes().decode("utf-8", "replace").splitlines() or [""]
    assert list(caught.value.faults) == sorted(caught.value.faults)
    for fault in caught.value.faults:
        assert 1 <= fault.line <= len(lines) + 1
        assert 1 <= fault.column <= len(lines[min(fault.line, len(lines)) - 1]) + 1
        assert fault.message
        assert len(fault.message) < 400


def test_every_text_has_its_file() -> None:
    texts = {path.stem for path in HERE.rglob("*.txt")}
    assert texts == {path.stem for path in (*GOOD, *BAD)}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_sweeps_load_and_name_themselves(path: Path) -> None:
    sweep = load_sweep(path)
    assert sweep.name == path.stem
    assert sweep.description
    assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=../schemas/sweep.schema.json\n")


def test_speech_has_the_size_that_is_documented() -> None:
    assert load_sweep(HERE.parents[1] / "sweeps" / "speech.yaml").size == 3100


class TestFilesThatCannotBeRead:
    def fault(self, path: Path | str) -> str:
        with pytest.raises(InputError) as caught:
            load_sweep(path)
        assert len(caught.value.faults) == 1
        return str(caught.value)

    def test_folder(self, tmp_path: Path) -> None:
        assert self.fault(tmp_path) == f"{tmp_path}: is a folder; name a sweep file"

    def test_missing(self, tmp_path: Path) -> None:
        assert self.fault(tmp_path / "none.yaml") == f"{tmp_path / 'none.yaml'}: no such file"

    def test_path_through_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        path = tmp_path / "file" / "sweep.yaml"
        assert self.fault(path) == f"{path}: no such file: part of the path is a file, not a folder"

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
    def test_unreadable(self, tmp_path: Path) -> None:
        path = tmp_path / "secret.yaml"
        path.write_text(SMALL)
        path.chmod(0)
        assert self.fault(path) == f"{path}: no permission to read the file"

    def test_unreadable_by_any_user(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "secret.yaml"
        path.write_text(SMALL)

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        assert self.fault(path) == f"{path}: no permission to read the file"

    def test_link_to_itself(self, tmp_path: Path) -> None:
        path = tmp_path / "loop.yaml"
        path.symlink_to(path)
        assert self.fault(path) == f"{path}: the path is a link that leads back to itself"

    def test_name_too_long(self, tmp_path: Path) -> None:
        path = tmp_path / ("x" * 5000)
        assert self.fault(path) == f"{path}: the name is too long for a file"

    def test_name_that_no_file_has(self) -> None:
        assert self.fault("a\0b") == "a\0b: no file can have this name"

    def test_fifty_megabytes_of_aliases(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb.yaml"
        path.write_bytes(b"a: &a [x]\nb: [" + b"*a, " * (50 * 2**18) + b"]\n")
        assert self.fault(path) == (
            f"{path}: the file has 52,428,816 bytes, more than the 4,194,304 bytes that a sweep may have; "
            "write long axes as {from, to, step}"
        )

    def test_endless_device(self) -> None:
        assert self.fault("/dev/zero") == (
            "/dev/zero: the file has more than the 4,194,304 bytes that a sweep may have; "
            "write long axes as {from, to, step}"
        )

    def test_text_too_long(self) -> None:
        with pytest.raises(InputError, match="the file has 5,000,000 bytes, more than"):
            parse_sweep(b"x" * 5_000_000)


def test_faults_are_capped_with_their_number() -> None:
    with pytest.raises(InputError) as caught:
        parse_sweep((HERE / "bad" / "more-than-a-hundred.yaml").read_bytes())
    assert len(caught.value.faults) == FAULT_LIMIT + 1
    assert caught.value.faults[-1].message == "… and 50 more faults from here on"


@pytest.mark.parametrize(
    "text",
    [
        SMALL + "x: [" + "{a: b}, " * 60_000 + "]\n",
        SMALL + "".join(f"key{number}: 1\n" for number in range(60_000)),
        SMALL + "where" + "e" * 4_000_000 + ": 1\n",
        SMALL + "x: " + "[" * 4_000_000,
        SMALL + "x: " + "{a: " * 1_000_000,
        SMALL + "- " * 2_000_000,
        SMALL + "? " * 2_000_000,
        SMALL + "x: '" + "a" * 4_000_000,
        SMALL + "x: [" + "*a, " * 1_000_000 + "]",
        SMALL + "\t\n" * 1_000_000 + "\tx",
        SMALL + "x: " + "\x01" * 4_000_000,
        SMALL.replace("[64, 128]", "[" + ", ".join(["0"] * 9_999) + "]"),
        SMALL.replace("[cells > 1]", "[" + ", ".join(["celsl > 1"] * 100) + "]"),
    ],
    ids=lambda text: text[len(SMALL) : len(SMALL) + 12] or "values",
)
def test_hostile_text_is_answered_quickly(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_sweep(text)
    assert len(str(caught.value)) < 100_000


def test_a_million_million_steps_are_not_enumerated() -> None:
    sweep = parse_sweep(
        SMALL.replace("[64, 128]", "{from: 1, to: 1000000, step: 1}")
        .replace("layers", "other_weights")
        .replace("outputs: 34", "layers: 1")
        .replace("[1, 2]", "{from: 1, to: 1000000000000, step: 1}")
    )
    assert sweep.size == 10**18
    assert count_bounds(sweep.grids[0]) == {"other_weights": (1, 10**12), "cells": (1, 10**6)}


class TestOptions:
    def faults(self, **options: object) -> str:
        with pytest.raises(InputError) as caught:
            apply_options(parse_sweep(SMALL), **options)  # type: ignore[arg-type]
        return str(caught.value)

    @pytest.mark.parametrize("budget", ["2M", ["2M"], 2_000_000, {"weights": "2M"}, {"weights": {"max": 2_000_000}}])
    def test_budget_replaces_the_maximum_only(self, budget: object) -> None:
        changed = apply_options(parse_sweep(SMALL), budget=budget)  # type: ignore[arg-type]
        assert changed.budget == (Bound("weights", 1000, 2_000_000),)

    def test_budget_on_other_columns(self) -> None:
        changed = apply_options(parse_sweep(SMALL), budget=["int8_bytes=2MiB", "state_size=5K"])
        assert changed.budget == (
            Bound("weights", 1000, 1_000_000),
            Bound("int8_bytes", None, 2 * 2**20),
            Bound("state_size", None, 5000),
        )

    def test_budget_with_a_minimum(self) -> None:
        changed = apply_options(parse_sweep(SMALL), budget={"macs_per_step": {"min": 5}})
        assert changed.budget[1] == Bound("macs_per_step", 5, None)

    def test_where_is_added(self) -> None:
        changed = apply_options(parse_sweep(SMALL), where=["layers == 1", "cells < 100"])
        assert [expression.text for expression in changed.where] == ["cells > 1", "layers == 1", "cells < 100"]
        assert apply_options(parse_sweep(SMALL), where="layers == 1").where == changed.where[:2]

    @pytest.mark.parametrize("columns", ["weights,id", ["weights", "id"]])
    def test_columns(self, columns: object) -> None:
        assert apply_options(parse_sweep(SMALL), columns=columns).columns == ("weights", "id")  # type: ignore[arg-type]

    def test_columns_by_word(self) -> None:
        sweep = parse_sweep(SMALL)
        narrow = apply_options(sweep, columns="id")
        assert apply_options(narrow, columns="default").columns == sweep.columns
        assert apply_options(narrow, columns="all").columns == KNOWN_COLUMNS

    def test_formats(self) -> None:
        assert apply_options(parse_sweep(SMALL), formats="parquet,xlsx").formats == ("parquet", "xlsx")

    def test_nothing_asked_changes_nothing(self) -> None:
        sweep = parse_sweep(SMALL)
        assert apply_options(sweep) == sweep

    def test_all_faults_at_once(self) -> None:
        assert self.faults(
            budget=["10X", "wieghts=3", "500", "int8_bytes=2XB"],
            where=["cels > 1"],
            formats="exel",
            columns="id,id,zzz",
        ).splitlines() == [
            "budget: '10X' has no known unit; the units are K, M, B and T",
            "budget: '2XB' has no known unit; the units are K, M, B and T, KB, MB, KiB, MiB ...",
            "budget: no column named 'wieghts'; did you mean 'weights'?",
            "budget: weights: the minimum, 1000, is above the maximum, 500",
            "columns: 'id' is there twice",
            "columns: no column named 'zzz'; `sizer columns` lists them all",
            "formats: no format named 'exel'; one of csv, parquet, xlsx",
            "where: 'cels > 1', character 1: no field named 'cels'; did you mean 'cells'?",
        ]

    def test_numbers_that_are_none(self) -> None:
        assert self.faults(budget=[-5]) == "budget: -5 is below the minimum, 0"
        assert self.faults(budget={"weights": True}) == "budget: 'True' is not a whole number"
        assert self.faults(columns=[]) == "columns: is empty; name at least one column"

    def test_limits_are_checked_again(self) -> None:
        sweep = parse_sweep(SMALL.replace("[64, 128]", "[64, 800M]").replace("layers: [1, 2]", "layers: [1]"))
        with pytest.raises(InputError, match=r"^budget: float32_bytes can reach 10,240,000,617,600,000,000,"):
            apply_options(sweep, budget="float32_bytes=2MB")
        with pytest.raises(InputError, match=r"^columns: float32_bytes can reach "):
            apply_options(sweep, columns="all")
        with pytest.raises(
            InputError, match=r"^where: 'cells \* cells \* cells > 1': an intermediate result can reach"
        ):
            apply_options(sweep, where="cells * cells * cells > 1")


def test_sha_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert load_sweep(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert load_sweep(path).text == SMALL


def test_a_sweep_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse_sweep(SMALL).name = "other"  # type: ignore[misc]


def test_ratio_configurations() -> None:
    sweep = load_sweep(HERE / "good" / "every-axis.yaml")
    found = sweep.grids[0].configuration((1, 2, 3, 1, 1, 1))
    assert found == {
        "convention": "sak2014",
        "cell_type": "lstm",
        "inputs": 39,
        "layers": 2,
        "cells": 384,
        "outputs": 80,
        "recurrent_projection": 192,
        "nonrecurrent_projection": 64,
        "bidirectional": True,
    }


def test_importing_is_light() -> None:
    heavy = "numpy", "pandas", "pyarrow", "jsonschema", "typer"
    code = f"import sys, sizer.sweepfile; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


_SOME_WORDS = (
    "sizer name model grid cells layers linked where budget weights output from to step factor of ratio round_to "
    "values max min formats columns convention all 1 0 -1 2.0 1/4 10M true null no 010 lstm sak2014 csv inputs"
)
_WORDS = st.sampled_from(_SOME_WORDS.split())
_VALUES = st.recursive(
    _WORDS,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(_WORDS, inner, max_size=5).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
        )
    ),
    max_leaves=25,
)


@seeing(faults=1000)
@settings(max_examples=examples(400), deadline=None)
@given(text=_VALUES)
def test_any_shape_of_data_is_a_sweep_or_faults(text: str) -> None:
    for whole in (text, SMALL.replace("{layers: [1, 2], cells: [64, 128]}", text), SMALL.replace("[64, 128]", text)):
        # Anything but a sweep or an InputError fails the test.
        try:
            assert parse_sweep(whole).size >= 1
            saw("sweeps")
        except InputError:
            saw("faults")


if __name__ == "__main__":
    for good in GOOD:
        beside(good).write_text(described(load_sweep(good)), "utf-8")
    for bad in BAD:
        beside(bad).write_text(faults_of(bad), "utf-8")
