"""A counted column is one row: whatever has columns has one of each row, a new one too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sizer
from sizer.networks.columns import BYTES, COLUMNS, COUNTED, PARTS, SUMMED, completed, tally
from sizer.networks.counting import count_of, read
from tests.commands import ROOT
from tests.oracles.worked_cases import WORKED, Worked

NETWORK = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}


def test_the_rows_say_what_follows_from_what() -> None:
    """What is summed by itself and what follows from the weights are all there is."""
    assert [*COLUMNS] == [column.name for column in COLUMNS.values()] == [*COUNTED]
    assert {*SUMMED} | {"weights", *BYTES} == {*COUNTED}
    assert not {*SUMMED} & {"weights", *BYTES}
    assert {*PARTS} < {*SUMMED}
    assert BYTES == {"float32_bytes": 4, "float16_bytes": 2, "int8_bytes": 1}
    for column in COLUMNS.values():
        assert (column.of_group is None) == (column.each > 0)
        assert column.meaning.endswith(".")


@pytest.mark.parametrize("case", WORKED, ids=lambda case: case.name)
def test_what_is_summed_completes_to_what_is_tallied(case: Worked) -> None:
    network = read(case.network)
    assert completed(tally(network, SUMMED)) == tally(network, COUNTED) == sizer.count(case.network).columns()


def test_a_count_of_sums_is_the_count() -> None:
    counted = sizer.count(NETWORK)
    assert count_of(counted.configuration, counted.columns()) == counted


ROW = """
        Column(
            "handed_up", "Of all layers.", "scalars", lambda group: group.dimensions["hands_up"] if group.state else 0
        ),
"""
ASKED = """
import json, sys
import sizer
from pathlib import Path
from sizer.networks.counting import count
from sizer.sweepfile.load import parse_sweep
from sizer.sweepfile.schema_source import schema, text
from sizer.service.network_answers import counted
from sizer.service.schemas import SCHEMAS
from sizer.tables.workbook.calculator import calculator_of
from sizer.networks.counting import described
network = json.loads(sys.argv[1])
lstm = {"type": "recurrent", "layers": 2, "cells": 1024}
model = {"convention": "pytorch", "blocks": {"x": {"type": "input", "inputs": 80}, "lstm": lstm}}
counted_here = count(network)
Path("schemas").mkdir()
Path("schemas/sweep.schema.json").write_text(text())  # as its command does
sweep = parse_sweep(f"sizer: 1\\nname: small\\nmodel: {json.dumps({k: v for k, v in network.items() if k != 'cells'})}\\ngrid: {{cells: [8, 16]}}\\noutput: {{columns: all}}\\n")
run = sizer.run_sweep(sweep, Path(sys.argv[2]), budget="handed_up=20")
print(json.dumps({
    "count": counted_here.columns()["handed_up"],
    "others": counted_here.others,
    "explain": sizer.explain(network).as_json()["handed_up"],
    "batch": sizer.count_batch([network])[0]["handed_up"],
    "fits": [sizer.fits(network, f"handed_up={most}") for most in (2047, 2048)],
    "fit": sizer.fit({k: v for k, v in network.items() if k != "layers"}, vary="layers", budget="handed_up=3K").largest.values["layers"],
    "table": [int(value) for value in run.frame()["handed_up"]],
    "schema": "handed_up" in schema()["properties"]["budget"]["properties"],
    "described": "handed_up" in SCHEMAS["Count"]["properties"],
    "served": counted({"network": network}, {"list_values": 1000, "digits": 1000})["handed_up"],
    "calculator": calculator_of(described(network)).others["handed_up"].value,
    "model": [
        count(model).columns()["handed_up"],
        sizer.explain(model).as_json()["handed_up"],
        sizer.count_batch([model, model])[1]["handed_up"],
        counted({"network": model}, {"list_values": 1000, "digits": 1000})["handed_up"],
        sizer.fit(model, vary="lstm.layers", budget="handed_up=3K").largest.count.columns()["handed_up"],
    ],
    "fits_model": [sizer.fits(model, f"handed_up={most}") for most in (2047, 2048)],
}))
"""


@pytest.mark.process
def test_a_new_column_is_one_row(tmp_path: Path) -> None:
    """A copy of the package with one more row has the column wherever there are columns."""
    shutil.copytree(ROOT / "sizer", tmp_path / "sizer", ignore=shutil.ignore_patterns("__pycache__"))
    rows = tmp_path / "sizer" / "networks" / "columns.py"
    before = '        Column("float32_bytes"'
    assert rows.read_text().count(before) == 1
    rows.write_text(rows.read_text().replace(before, ROW.lstrip("\n") + before))
    done = subprocess.run(
        [sys.executable, "-c", ASKED, json.dumps(NETWORK), str(tmp_path / "out")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    handed_up = 2 * 1024
    assert json.loads(done.stdout) == {
        **dict.fromkeys(("count", "explain", "batch", "served", "calculator"), handed_up),
        "others": {"handed_up": handed_up},
        "fits": [False, True],
        "model": [handed_up] * 5,
        "fits_model": [False, True],
        "fit": 2,
        "table": [2 * 8],
        "schema": True,
        "described": True,
    }
