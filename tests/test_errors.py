"""Faults: values that sort by place and print alike everywhere."""

from __future__ import annotations

import dataclasses

import pytest

from sizer.errors import Fault, InputError, RunError, SizerError, quoted


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault("a.yaml", 3, 5, "grid.cells", "is wrong"), "a.yaml:3:5: grid.cells: is wrong"),
        (Fault("a.yaml", 0, 0, "", "no such file"), "a.yaml: no such file"),
        (Fault("a.yaml", 1, 1, "", "is empty"), "a.yaml:1:1: is empty"),
        (Fault("", 0, 0, "--budget", "is wrong"), "--budget: is wrong"),
    ],
)
def test_text(fault: Fault, text: str) -> None:
    assert str(fault) == text


def test_json() -> None:
    assert Fault("a.yaml", 3, 5, "grid", "is wrong").as_json() == {
        "file": "a.yaml",
        "line": 3,
        "column": 5,
        "path": "grid",
        "message": "is wrong",
    }


def test_faults_are_sorted_by_place_as_numbers() -> None:
    places = [(10, 1), (9, 20), (9, 3), (2, 1)]
    error = InputError(Fault("a.yaml", line, column, "", "x") for line, column in places)
    assert [(fault.line, fault.column) for fault in error.faults] == [(2, 1), (9, 3), (9, 20), (10, 1)]
    assert str(error).splitlines()[0] == "a.yaml:2:1: x"


def test_a_fault_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Fault("", 0, 0, "", "x").line = 3  # type: ignore[misc]


def test_tree() -> None:
    assert issubclass(InputError, SizerError)
    assert issubclass(InputError, ValueError)
    assert issubclass(RunError, SizerError)


def test_quoted_values_are_cut_at_80_characters() -> None:
    assert quoted("x" * 80) == f"'{'x' * 80}'"
    assert quoted("x" * 81) == f"'{'x' * 79}…'"
    assert quoted(3) == "'3'"
