"""The calculator: after any change of its fields the formulas give what `sizer.count` gives, or say why it is refused."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

import sizer
from sizer.networks.cells import CELL_TYPES
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import Count, described, read, with_own_types
from sizer.networks.fields import FIELDS
from sizer.numbers.sheet_formula import Live, live
from sizer.tables.workbook.calculator import Calculator, calculator_of
from sizer.tables.workbook.calculator_sheet import write_calculator
from sizer.tables.workbook.styles import Styles
from tests.test_workbook import converted, needs_office

Fields = dict[str, Any]

OWN = {
    "mine": {
        "tensors": {
            "input_weights": [3, "cells", "input"],
            "recurrent_weights": {"shape": [2, "cells", "recurrent"], "directions": "shared"},
            "bias": {"shape": ["bias_vectors", 3, "cells"]},
            "skip": {"shape": ["cells", "input"], "part": "input_weights", "when": "widens"},
            "mixer": {"shape": ["joined_cells", "bottleneck"], "part": "projection_weights", "directions": "joined"},
            "backward": {"shape": ["layers", "cells"], "part": "bias_weights", "when": "bidirectional"},
        },
        "recurs": ["recurrent_projection", "cells"],
        "hands_up": [["recurrent_projection", "nonrecurrent_projection"], "cells"],
    }
}
"""A cell type of one's own, with everything that the built-in ones have one of."""


def admitted(convention: str, cell_type: str) -> Fields | None:
    """Return a configuration that a convention admits, or None where it has no such cell."""
    base = {"convention": convention, "cell_type": cell_type, "inputs": 39, "outputs": 34, "layers": 3, "cells": 64}
    for widths in (
        {"recurrent_projection": 16, "nonrecurrent_projection": 8},
        {"recurrent_projection": 16},
        {"nonrecurrent_projection": 8},
        {"bottleneck": 8},
        {},
    ):
        fields = with_own_types({**base, **widths}, OWN if cell_type == "mine" else None)
        try:
            read(fields)
            return dict(fields)
        except sizer.InputError:
            continue
    return None


ADMITTED = [
    fields
    for convention in CONVENTIONS
    for cell_type in (*CELL_TYPES, "mine")
    if (fields := admitted(convention, cell_type)) is not None
]
NAMES = [f"{fields['convention']}-{fields['cell_type']}" for fields in ADMITTED]


def changed(calculator: Calculator, chance: random.Random) -> dict[str, int]:
    """Return values for some of the fields, valid ones or not; small, so that what must be equal sometimes is."""
    values = {entry.name: entry.value for entry in calculator.entries}
    for entry in calculator.entries:
        if chance.random() < 0.4:
            least = entry.minimum
            values[entry.name] = (
                chance.randint(0, 1)
                if entry.is_boolean
                else chance.choice([least, least, chance.randint(least, min(entry.maximum or 24, 24))])
            )
    if "vocabulary" in values and chance.random() < 0.3:
        values |= {"inputs": 0, "vocabulary": 16, "embedding": chance.choice([4, 16]), "outputs": 16}
        values |= {name: 16 for name in ("cells",) if chance.random() < 0.5}
    return values


def as_fields(base: Fields, values: Mapping[str, int]) -> Fields:
    """Return what a sheet's values are for `sizer.count`."""
    fields = {**base, **values}
    for name, value in values.items():
        if name in FIELDS and FIELDS[name].kind == "boolean":
            fields[name] = bool(value)
    if fields.pop("candidate_bias", 0):  # there only where the bias vectors are left to the convention
        del fields["bias_vectors"]
    return fields


def consistent(base: Fields, values: dict[str, int]) -> dict[str, int]:
    """Return values that a network can be given: a candidate's bias goes with the convention's bias vectors."""
    if values.get("candidate_bias"):
        values["bias_vectors"] = described({**base, "bias_vectors": None}).resolved()["bias_vectors"]
    return values


def counted_or_refused(fields: Fields) -> Count | str:
    """Return the count of a network, or why it is refused."""
    try:
        return sizer.count(fields)
    except sizer.InputError as problem:
        return problem.faults[0].message


class Sheet:
    """A calculator worked out as a spreadsheet would, from the texts of its formulas alone."""

    def __init__(self, calculator: Calculator, values: Mapping[str, int]) -> None:
        self.names: dict[str, Any] = {
            **values,
            "AND": lambda *truths: all(truths),
            "OR": lambda *truths: any(truths),
        }
        for width in calculator.widths:
            self.names[width.name] = self.worked_out(width.formula)
        self.weights = sum(self.worked_out(row.weights) * self.worked_out(row.times) for row in calculator.tensors)
        self.macs_per_step = sum(
            self.worked_out(row.macs_per_step) * self.worked_out(row.times) for row in calculator.tensors
        )
        self.state_size = self.worked_out(calculator.others["state_size"])
        self.faults = [
            reason for entry in calculator.entries for refused, reason in entry.faults if self.worked_out(refused)
        ]

    def worked_out(self, formula: Live) -> int:
        python = re.sub(r"(?<![<>!])=", "==", formula.text.replace("<>", "!="))
        return int(eval(python, {"__builtins__": {}}, self.names))


@pytest.mark.parametrize("base", ADMITTED, ids=NAMES)
def test_the_formulas_follow_every_change(base: Fields) -> None:
    calculator = calculator_of(described(base))
    chance = random.Random(f"{base['convention']} {base['cell_type']}")
    valid = 0
    for _ in range(150):
        values = consistent(base, changed(calculator, chance))
        sheet = Sheet(calculator, values)
        expected = counted_or_refused(as_fields(base, values))
        if isinstance(expected, str):
            assert expected in sheet.faults, values
            continue
        valid += 1
        assert sheet.faults == [], values
        assert sheet.weights == expected.weights, values
        assert sheet.macs_per_step == expected.macs_per_step, values
        assert sheet.state_size == expected.state_size, values
    assert valid > 10


@pytest.mark.parametrize("base", ADMITTED, ids=NAMES)
def test_the_stored_values_are_the_counts(base: Fields) -> None:
    calculator = calculator_of(described(base))
    counted = sizer.count(base)
    assert calculator.weights == counted.weights
    assert calculator.macs_per_step == counted.macs_per_step
    assert calculator.others["state_size"].value == counted.state_size
    assert not any(refused.value for entry in calculator.entries for refused, _ in entry.faults)


def test_every_convention_and_cell_type_is_tried() -> None:
    assert {fields["convention"] for fields in ADMITTED} == {*CONVENTIONS}
    assert {fields["cell_type"] for fields in ADMITTED} == {*CELL_TYPES, "mine"}
    pairs = {(name, cell) for name, convention in CONVENTIONS.items() for cell in convention.bias_vectors}
    assert pairs <= {(fields["convention"], fields["cell_type"]) for fields in ADMITTED}


def test_a_field_that_a_convention_fixes_is_not_editable() -> None:
    calculator = calculator_of(
        described({"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 64, "outputs": 10})
    )
    assert [entry.name for entry in calculator.entries] == [
        *("inputs", "outputs", "layers", "cells", "recurrent_projection", "bidirectional", "skip_connections"),
        *("summed_directions", "only_recurrent_up", "vocabulary", "embedding", "tied_embedding", "other_weights"),
        *("bias_vectors", "projection_bias", "output_bias"),
    ]
    assert calculator.fixed == (
        "pytorch has no nonrecurrent_projection",
        "lstm has no bottleneck",
        "lstm has no window",
        "pytorch has no peepholes",
    )


def test_formulas_read_like_the_table_of_tensors() -> None:
    calculator = calculator_of(
        described({"convention": "textbook", "cell_type": "lstm", "inputs": 39, "layers": 3, "cells": 64})
    )
    assert {(row.where, row.name): row.weights.text for row in calculator.tensors} == {
        ("embedding", "embedding_weights"): "vocabulary*embedding",
        ("layer 1", "input_weights"): "4*cells*input_of_layer_1",
        ("layer 1", "recurrent_weights"): "4*cells*recurrent",
        ("layer 1", "bias"): "4*bias_vectors*cells",
        ("layer 1", "peepholes"): "3*peepholes*cells",
        ("layer 1", "projection"): "cells*projected",
        ("layer 1", "projection_bias"): "projection_bias*projected",
        ("each layer above", "input_weights"): "4*cells*input_above",
        ("each layer above", "recurrent_weights"): "4*cells*recurrent",
        ("each layer above", "bias"): "4*bias_vectors*cells",
        ("each layer above", "peepholes"): "3*peepholes*cells",
        ("each layer above", "projection"): "cells*projected",
        ("each layer above", "projection_bias"): "projection_bias*projected",
        ("output", "output_weights"): "(1-tied_embedding)*fed_to_output*outputs",
        ("output", "output_bias"): "output_bias*outputs",
        ("other", "other_weights"): "other_weights",
    }


def test_live_numbers_keep_their_brackets() -> None:
    a, b = Live(3, "a"), Live(4, "b")
    assert ((a + b) * a).text == "(a+b)*a"
    assert (a - (a + b)).text == "a-(a+b)"
    assert (2 * ((a == b) + 1)).text == "2*((a=b)+1)"
    assert (a * 0).text == "0"
    assert (1 * a * 1).text == "a"
    assert ((Live(1, "t", holds_truth=True) > 0) & (a != b)).text == "AND(t*1>0,a<>b)"  # type: ignore[union-attr]
    assert live(7).text == "7"
    with pytest.raises(TypeError, match="a is to be decided in the sheet"):
        bool(a)


# In a spreadsheet


def calculators(path: Path, bases: Mapping[str, Fields]) -> None:
    book = xlsxwriter.Workbook(path)
    styles = Styles.of(book)
    for name, base in bases.items():
        write_calculator(book, styles, described(base), name=name)
    book.close()


def found(sheet: Any) -> dict[str, Any]:
    """Return what a calculator's sheet shows at present."""
    rows = {row[0].value: row for row in sheet.iter_rows() if row[0].value}
    return {
        "weights": rows["weights"][1].value,
        "verdict": rows["weights"][2].value,
        "total": rows["total"][5].value,
        "macs_per_step": rows["total"][6].value,
        "int8_bytes": rows["int8 bytes"][5].value,
        "state_size": rows["state size"][5].value,
        "notes": [row[2].value for row in rows.values() if str(row[2].value).startswith("not valid")],
    }


def test_no_formula_is_longer_than_a_spreadsheet_takes(tmp_path: Path) -> None:
    calculators(tmp_path / "all.xlsx", {f"S{number}": base for number, base in enumerate(ADMITTED)})
    book = openpyxl.load_workbook(tmp_path / "all.xlsx")
    formulas = [str(cell.value) for sheet in book for row in sheet for cell in row if cell.data_type == "f"]
    assert len(formulas) > 1000
    assert max(map(len, formulas)) < 8192
    assert max(len(words) for formula in formulas for words in re.findall(r'"[^"]*"', formula)) <= 257


def test_the_stored_totals_are_the_counts(tmp_path: Path) -> None:
    calculators(tmp_path / "all.xlsx", {f"S{number}": base for number, base in enumerate(ADMITTED)})
    book = openpyxl.load_workbook(tmp_path / "all.xlsx", data_only=True)
    for number, base in enumerate(ADMITTED):
        counted = sizer.count(base)
        shown = found(book[f"S{number}"])
        assert shown["weights"] == shown["total"] == shown["int8_bytes"] == counted.weights
        assert shown["verdict"] == "valid"
        assert shown["notes"] == []
        rows = [[cell.value for cell in row] for row in book[f"S{number}"].iter_rows()]
        first = next(place for place, row in enumerate(rows) if row[0] == "where") + 1
        last = next(place for place, row in enumerate(rows) if row[0] == "total")
        assert sum(row[5] for row in rows[first:last]) == counted.weights
        assert sum(row[6] for row in rows[first:last]) == counted.macs_per_step


@needs_office
@pytest.mark.process
@pytest.mark.filterwarnings("ignore:.*extension is not supported")  # openpyxl's, of what LibreOffice adds
def test_libreoffice_recalculates_to_our_counts(tmp_path: Path) -> None:
    """The fields are changed as a person would change them, and LibreOffice works the formulas out."""
    chance = random.Random(2014)
    tried = {
        f"S{number}-{turn}": (base, consistent(base, changed(calculator_of(described(base)), chance)))
        for number, base in enumerate(ADMITTED)
        for turn in range(3 if base["convention"] in {"pytorch", "flax", "kaldi_nnet3"} else 1)
    }
    calculators(tmp_path / "changed.xlsx", {name: base for name, (base, _) in tried.items()})
    book = openpyxl.load_workbook(tmp_path / "changed.xlsx")  # saved again, it holds no worked-out values any more
    for name, (base, values) in tried.items():
        given = as_fields(base, {key: value for key, value in values.items() if key != "candidate_bias"})
        for row in book[name].iter_rows():
            if row[0].value in values and row[1].data_type != "f":
                row[1].value = (
                    bool(values["candidate_bias"]) if row[0].value == "candidate_bias" else given[row[0].value]
                )
    book.save(tmp_path / "changed.xlsx")
    (again,) = converted([tmp_path / "changed.xlsx"], tmp_path)
    sheets = openpyxl.load_workbook(again, data_only=True)
    valid = 0
    for name, (base, values) in tried.items():
        shown = found(sheets[name])
        counted = counted_or_refused(as_fields(base, values))
        if isinstance(counted, str):
            assert shown["verdict"] == "not valid: see the red lines below", (name, values)
            continue
        valid += 1
        assert shown["verdict"] == "valid", (name, values, shown)
        assert shown["weights"] == shown["total"] == shown["int8_bytes"] == counted.weights, (name, values)
        assert shown["macs_per_step"] == counted.macs_per_step, (name, values)
        assert shown["state_size"] == counted.state_size, (name, values)
    assert valid > len(tried) / 3


@needs_office
@pytest.mark.process
@pytest.mark.filterwarnings("ignore:.*extension is not supported")  # openpyxl's, of what LibreOffice adds
def test_what_is_typed_wrongly_is_said_beside_the_field(tmp_path: Path) -> None:
    base = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 64, "outputs": 10}
    wrong: dict[str, tuple[str, Any, str]] = {
        "A": ("recurrent_projection", 64, "not valid: pytorch needs recurrent_projection < cells"),
        "B": ("cells", 0, "not valid: a whole number, at least 1"),
        "C": ("cells", 1.5, "not valid: a whole number, at least 1"),
        "D": ("cells", "many", "not valid: a whole number, at least 1"),
        "E": ("bias_vectors", 3, "not valid: a whole number from 0 to 2"),
        "F": ("bidirectional", "yes", "not valid: TRUE or FALSE"),
        "G": ("bidirectional", 2, "not valid: TRUE or FALSE"),
        "H": ("inputs", 0, "not valid: inputs are missing, and there is no vocabulary"),
        "I": ("layers", None, "not valid: a whole number, at least 1"),
    }
    calculators(tmp_path / "wrong.xlsx", dict.fromkeys(wrong, base))
    book = openpyxl.load_workbook(tmp_path / "wrong.xlsx")
    for name, (field, value, _) in wrong.items():
        cell = next(row[1] for row in book[name].iter_rows() if row[0].value == field)
        cell.value = value
    book.save(tmp_path / "wrong.xlsx")
    (again,) = converted([tmp_path / "wrong.xlsx"], tmp_path)
    sheets = openpyxl.load_workbook(again, data_only=True)
    for name, (_, _, said) in wrong.items():
        assert said in found(sheets[name])["notes"], name
        assert found(sheets[name])["verdict"] == "not valid: see the red lines below"
