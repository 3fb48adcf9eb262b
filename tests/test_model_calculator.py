"""The calculator of models of blocks: after any change of sizes the formulas give what `sizer.count` gives, or refuse it too."""

from __future__ import annotations

import csv
import json
import math
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

import sizer
from sizer.networks.blocks.counting import ModelCount
from sizer.networks.blocks.declared import declare
from sizer.networks.blocks.sizes import placed, sizes_of
from sizer.numbers.sheet_formula import Live
from sizer.tables.workbook.model_calculator import ModelCalculator, model_calculator
from sizer.tables.workbook.model_calculator_sheet import write_model_calculator
from sizer.tables.workbook.styles import Styles
from tests.test_workbook import converted, needs_office

ROOT = Path(__file__).resolve().parent.parent
Model = dict[str, Any]
MODELS: dict[str, Model] = {
    row["id"]: json.loads(row["model"])
    for row in csv.DictReader((ROOT / "tests" / "oracles" / "composite_models.csv").read_text().splitlines())
}
"""The published models, of which the counts are known from outside."""
STACK: Model = {
    "convention": "pytorch",
    "clocks": {"frames": 100},
    "blocks": {
        "a": {"type": "input", "inputs": 12},
        "A": {"type": "dense", "width": 8, "context": 3, "norm": "batch", "convention": "keras", "frozen": True},
        "shared": {"type": "dense", "from": ["a"], "width": 6, "groups": 2},
        "twin": {"type": "dense", "from": ["a"], "width": 6, "groups": 2, "shared": "shared"},
        "both": {"type": "join", "from": ["A", "shared", "twin"]},
        "three": {"type": "split", "parts": 2},
        "lstm": {
            "type": "recurrent",
            "cells": [10, 6, 8],
            "recurrent_projection": [4, 0, 3],
            "bidirectional": [True, False, True],
            "subsample": [1, 2, 1],
            "subsample_how": "stack",
        },
        "gru": {"type": "recurrent", "cell_type": "gru", "layers": 3, "cells": 10, "skip_connections": True},
        "twice": {
            "type": "group",
            "repeat": 2,
            "blocks": {
                "conv": {"type": "convolution", "channels": {"each": [6, 8]}, "kernel": 3, "groups": 2},
                "wide": {"type": "dense", "width": 12, "pieces": 2},
            },
        },
        "out": {"type": "dense", "width": 5},
    },
    "other_weights": 7,
}
"""What the published models have none of: lists, stacking, shares, names that differ in capitals alone."""


def changed(calculator: ModelCalculator, chance: random.Random, share: float = 0.3) -> dict[str, int]:
    """Return other values for some of the sizes, in reach of what must divide or be equal."""
    values = {entry.name: entry.value for entry in calculator.entries}
    for entry in calculator.entries:
        if chance.random() < share:
            more = [
                entry.value * 2,
                entry.value + 1,
                entry.value + 12,
                entry.minimum,
                max(entry.minimum, entry.value // 2),
            ]
            values[entry.name] = min(chance.choice(more), entry.maximum or 10**6)
    return values


def as_model(model: Model, calculator: ModelCalculator, values: Mapping[str, int]) -> Model:
    """Return what a sheet's values are for `sizer.count`."""
    for entry, size in zip(calculator.entries, sizes_of(model), strict=True):
        model = placed(model, size.path, values[entry.name])
    return model


def counted_or_refused(model: Model) -> ModelCount | list[str]:
    try:
        found = sizer.count(model)
    except sizer.InputError as problem:
        return [fault.message for fault in problem.faults]
    assert isinstance(found, ModelCount)
    return found


class Sheet:
    """A calculator worked out as a spreadsheet would, from the texts of its formulas alone."""

    def __init__(self, calculator: ModelCalculator, values: Mapping[str, int]) -> None:
        self.names: dict[str, Any] = {
            **{python_name(name): value for name, value in values.items()},
            "AND": lambda *truths: all(truths),
            "OR": lambda *truths: any(truths),
            "NOT": lambda truth: not truth,
            "MOD": lambda number, by: number % by,
        }
        waiting = [(one.name, one.formula) for one in calculator.widths]
        waiting += [(one.name, one.hands_up) for one in calculator.blocks if one.name]
        while waiting:  # each in its turn, as the names in it are known
            name, formula = next(one for one in waiting if self.is_known(one[1]))
            self.names[python_name(name)] = self.worked_out(formula)
            waiting = [one for one in waiting if one[0] != name]
        self.weights = sum(self.worked_out(row.weights) * self.worked_out(row.times) for row in calculator.tensors)
        self.weights += self.worked_out(calculator.other) if calculator.other else 0
        self.state_size = sum(self.worked_out(row.state_size) for row in calculator.blocks)
        self.buffers = sum(self.worked_out(row.buffers) * self.worked_out(row.times) for row in calculator.tensors)
        self.macs = {
            name: math.ceil(
                sum(
                    often.get(row.steps, 0) * self.worked_out(row.macs) * self.worked_out(row.times)
                    for row in calculator.tensors
                )
            )
            for name, often in calculator.macs.items()
        }
        self.faults = [
            reason for entry in calculator.entries for refused, reason in entry.faults if self.worked_out(refused)
        ]
        self.faults += [one.reason for one in calculator.conditions if self.worked_out(one.refused)]

    def is_known(self, formula: Live) -> bool:
        return all(name in self.names for name in re.findall(r"[A-Za-z_]\w*", python_text(formula.text)))

    def worked_out(self, formula: Live) -> Any:
        found = eval(python_text(formula.text), {"__builtins__": {}}, self.names)
        return int(found) if found == int(found) else found


def python_name(name: str) -> str:
    return name.replace(".", "_dot_").lower()  # a spreadsheet does not tell capitals from small letters


def python_text(text: str) -> str:
    lower = re.sub(
        r"[A-Za-z_][\w.]*",
        lambda found: found[0] if found[0].isupper() and "." not in found[0] else python_name(found[0]),
        text,
    )
    return re.sub(r"(?<![<>!])=", "==", lower.replace("<>", "!="))


def check_changes(model: Model, seed: str, turns: int) -> int:
    """Check that a sheet follows changes, and return how many of them left a model."""
    calculator = model_calculator(declare(model))
    chance = random.Random(seed)
    valid = 0
    for turn in range(turns):
        values = changed(calculator, chance, 0.08 if turn % 2 else 0.3)
        sheet = Sheet(calculator, values)
        expected = counted_or_refused(as_model(model, calculator, values))
        if isinstance(expected, list):
            assert sheet.faults, (values, expected)
            continue
        if sheet.faults:  # a sheet is of one structure; what makes another one is said
            assert all("the model is wired for" in reason for reason in sheet.faults), (values, sheet.faults)
            continue
        valid += 1
        assert sheet.weights == expected.weights, values
        assert sheet.state_size == expected.state_size, values
        assert sheet.buffers == expected.buffer_values, values
        assert {name: number for name, number in sheet.macs.items() if name != "second"} == {
            name: math.ceil(number) for name, number in expected.macs.items()
        }, values
        if "second" in sheet.macs:
            assert expected.macs_per_second is not None
            assert sheet.macs["second"] == math.ceil(expected.macs_per_second)
    return valid


@pytest.mark.parametrize("name", [*list(MODELS)[::9], "stack"])
def test_the_formulas_follow_every_change(name: str) -> None:
    assert check_changes(STACK if name == "stack" else MODELS[name], name, 12) > 1


@pytest.mark.thorough
@pytest.mark.parametrize("name", [*MODELS, "stack"])
def test_the_formulas_of_every_published_model_follow_every_change(name: str) -> None:
    assert check_changes(STACK if name == "stack" else MODELS[name], f"{name} again", 60) > 5


def test_the_sums_are_the_published_counts() -> None:
    rows = csv.DictReader((ROOT / "tests" / "oracles" / "composite_models.csv").read_text().splitlines())
    for row in rows:
        calculator = model_calculator(declare(json.loads(row["model"])))
        assert calculator.weights == int(row["weights"]), row["id"]
        assert not any(refused.value for entry in calculator.entries for refused, _ in entry.faults)
        assert not any(condition.refused.value for condition in calculator.conditions)
        assert calculator.too_large == ""


def test_later_blocks_use_the_names_of_widths() -> None:
    calculator = model_calculator(declare(STACK))
    reads = {row.title: row.reads.text for row in calculator.blocks}
    assert reads["both"] == "A.width+shared.width+twin.width"
    assert reads["three"] == "both.hands_up"
    assert reads["gru"] == "lstm.hands_up"
    weights = {(row.where, row.name): row.weights.text for row in calculator.tensors}
    assert weights["twice.conv 1", "kernel"] == "twice.conv.kernel*gru.hands_up/2*twice.conv.channels.1"
    assert weights["twice.conv 2", "kernel"] == "twice.conv.kernel*twice.wide.hands_up.1/2*twice.conv.channels.2"
    assert weights["twin", "kernel"] == "0"
    assert weights["out", "kernel"] == "twice.wide.hands_up.2*out.width"


def test_a_block_may_be_called_as_its_field_is() -> None:
    blocks = {"inputs": {"type": "input", "inputs": 8}, "cells": {"type": "recurrent", "cells": [8, 12]}}
    made = model_calculator(declare({"convention": "pytorch", "blocks": blocks}))
    assert [entry.value for entry in made.entries] == [8, 8, 12]


# In a spreadsheet


def written(path: Path, models: Mapping[str, Model]) -> None:
    book = xlsxwriter.Workbook(path)
    styles = Styles.of(book)
    for name, model in models.items():
        write_model_calculator(book, styles, declare(model), name=name)
    book.close()


def found(sheet: Any) -> dict[str, Any]:
    """Return what a calculator's sheet shows at present."""
    rows = {row[0].value: row for row in sheet.iter_rows() if row[0].value}
    total = next(row for row in sheet.iter_rows() if row[0].value == "total")
    below = {
        words: row[5].value for words, row in rows.items() if str(words).startswith(("MACs per", "state", "buffer"))
    }
    return {"weights": rows["weights"][1].value, "verdict": rows["weights"][2].value, "total": total[5].value, **below}


def check_found(shown: Mapping[str, Any], counted: ModelCount, where: Any) -> None:
    assert shown["verdict"] == "valid", where
    assert shown["weights"] == shown["total"] == counted.weights, where
    assert shown["state size"] == counted.state_size, where
    assert shown.get("buffer values", 0) == counted.buffer_values, where
    for name, number in counted.macs.items():
        assert shown[f"MACs per {name}"] == math.ceil(number), (where, name)


def test_the_stored_totals_are_the_counts(tmp_path: Path) -> None:
    models = {f"S{number}": model for number, model in enumerate([STACK, *list(MODELS.values())[::12]])}
    written(tmp_path / "all.xlsx", models)
    book = openpyxl.load_workbook(tmp_path / "all.xlsx", data_only=True)
    for name, model in models.items():
        counted = counted_or_refused(model)
        assert isinstance(counted, ModelCount)
        check_found(found(book[name]), counted, name)


def test_a_model_that_is_too_large_is_said(tmp_path: Path) -> None:
    group = {"type": "group", "repeat": 50, "blocks": {"dense": {"type": "dense", "width": 8, "norm": "batch"}}}
    outer = {"type": "group", "repeat": 30, "blocks": {"inner": group}}
    many = {"type": "weights", "from": [], "tensors": {f"t{number}": [2, 2] for number in range(16_000)}}
    model = {"blocks": {"input": {"type": "input", "inputs": 8}, "outer": outer, "many": many}}
    written(tmp_path / "large.xlsx", {"S": model})
    (said,) = (
        row[0].value
        for row in openpyxl.load_workbook(tmp_path / "large.xlsx")["S"].iter_rows(min_row=3)
        if row[0].value
    )
    assert said == "No calculator: the model has 20,500 tensors; a calculator has at most 20,000."


@needs_office
@pytest.mark.process
@pytest.mark.filterwarnings("ignore:.*extension is not supported")  # openpyxl's, of what LibreOffice adds
def test_libreoffice_recalculates_to_our_counts(tmp_path: Path) -> None:
    """The sizes are changed as a person would change them, and LibreOffice works the formulas out."""
    chance = random.Random(2018)
    tried: dict[str, tuple[Model, Model]] = {}
    values_of: dict[str, dict[str, int]] = {}
    for number, model in enumerate([STACK, *MODELS.values()]):
        calculator = model_calculator(declare(model))
        for turn in range(3):
            values = changed(calculator, chance, (0.0, 0.15, 0.3)[turn])
            name = f"S{number}-{turn}"
            tried[name] = (model, as_model(model, calculator, values))
            values_of[name] = values
    written(tmp_path / "changed.xlsx", {name: model for name, (model, _) in tried.items()})
    book = openpyxl.load_workbook(tmp_path / "changed.xlsx")  # saved again, it holds no worked-out values any more
    for name, values in values_of.items():
        for row in book[name].iter_rows():
            if row[0].value in values and row[1].data_type == "n" and row[1].value is not None:
                row[1].value = values[row[0].value]
    book.save(tmp_path / "changed.xlsx")
    (again,) = converted([tmp_path / "changed.xlsx"], tmp_path)
    sheets = openpyxl.load_workbook(again, data_only=True)
    valid = 0
    for name, (_, model) in tried.items():
        shown = found(sheets[name])
        counted = counted_or_refused(model)
        if isinstance(counted, list):
            assert shown["verdict"] == "not valid: see the red lines below", (name, values_of[name], counted)
        elif shown["verdict"] == "valid":
            valid += 1
            check_found(shown, counted, (name, values_of[name]))
    assert valid > len(tried) / 2
