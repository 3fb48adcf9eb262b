"""Public model files, from their names and shapes as recorded: every recurrent network in them, to the field and the weight."""

from __future__ import annotations

import csv
from collections import defaultdict
from typing import Any

import pytest

from sizer.networks.counting import count
from sizer.recovery.looking import Look, look_into
from tests.oracles.figures import HERE
from tests.oracles.recorded_files import RecordedFile, recorded

Row = dict[str, str]


def read_rows() -> dict[tuple[str, str], list[Row]]:
    """Return the rows of the list by package and file; an archive's by the file itself."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    with (HERE / "real_files.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found[row["package"].partition(" ")[0], row["file"].partition("!")[0]].append(row)
    return found


ROWS = read_rows()
FILES = list(recorded())


def fields_of(row: Row) -> dict[str, Any]:
    """Return the fields that a row states."""
    pairs = (pair.split("=") for pair in row["fields"].split("; ") if pair)
    return {name: True if value == "True" else int(value) if value.isdigit() else value for name, value in pairs}


SEEN: dict[str, list[tuple[Look, list[Row]]]] = {}


def looked_at(file: RecordedFile) -> list[tuple[Look, list[Row]]]:
    """Return what is found in a file, or in each of an archive, with its rows; each is looked into once."""
    place = f"{file.package}/{file.file}"
    if place not in SEEN:
        SEEN[place] = _look(file)
    return SEEN[place]


def _look(file: RecordedFile) -> list[tuple[Look, list[Row]]]:
    rows = ROWS[file.package, file.file]
    inner = [
        (one, [row for row in rows if "!" not in row["file"] or one.place.endswith(row["file"].partition("!")[2])])
        for one in file.contents
    ]
    return [(look_into(one), its) for one, its in inner if its]


def in_order(fields: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    return sorted(sorted(one.items(), key=lambda pair: pair[0]) for one in fields)


def test_every_row_has_its_file() -> None:
    assert {(file.package, file.file) for file in FILES} == set(ROWS)
    assert sum(map(len, ROWS.values())) == 153


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.file)
def test_a_public_file_holds_what_is_said_of_it(file: RecordedFile) -> None:
    found = looked_at(file)
    assert found
    for look, rows in found:
        stated = [row for row in rows if row["fields"]]
        got = [dict(stack.fields) for stack in look.stacks]
        assert in_order(got) == in_order([fields_of(row) for row in stated])
        assert sorted(stack.weights for stack in look.stacks) == sorted(int(row["recurrent_weights"]) for row in stated)
        for stack in look.stacks:
            # Our count of the fields alone, which knows nothing of the file.
            assert count(stack.fields, stack.cell_types or None).weights == stack.weights
        assert sum(tensor.size for stack in look.stacks for tensor in stack.tensors) == look.recurrent_weights


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.file)
def test_the_model_of_a_public_file_counts_to_what_it_explains(file: RecordedFile) -> None:
    for look, _ in looked_at(file):
        left = sum(tensor.size for tensor in look.unexplained)
        if look.counted is None:
            assert left == look.weights
        else:
            assert look.counted.weights == look.explained == look.weights - left


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.file)
def test_the_total_of_a_public_file_is_the_stated_one(file: RecordedFile) -> None:
    for look, rows in looked_at(file):
        if not rows[0]["total_weights"]:
            continue
        stated = int(rows[0]["total_weights"])
        if look.contents.format != "onnx":
            # Strides in a pickle of arrays are counted there, and are no weights.
            assert look.stored_values == stated
            assert look.weights == stated or all(tensor.dtype == "int64" for tensor in look.kinds.whole)
        else:
            # Of the constants of a graph, shapes among them, the list counts some; none of those is a weight.
            beside = sum(tensor.size for tensor in (*look.kinds.whole, *look.kinds.constants))
            assert look.weights <= stated <= look.weights + beside
            assert stated - look.weights < 200


def test_the_same_model_has_the_same_weights_in_every_format() -> None:
    weights: dict[str, int] = {}
    for file in FILES:
        if file.package == "silero-vad":
            weights[file.file.rpartition("/")[2]] = look_into(file.contents[0]).weights
    assert weights["silero_vad.jit"] == weights["silero_vad.onnx"] == 545_282
    one_rate = [
        name for name in weights if name not in {"silero_vad.jit", "silero_vad.onnx", "silero_vad_op18_ifless.onnx"}
    ]
    assert {weights[name] for name in one_rate} == {309_633}
    assert len(one_rate) == 5
