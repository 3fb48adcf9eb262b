"""A bound is written the same way wherever one is asked for."""

from __future__ import annotations

from typing import Any

import pytest

import sizer
from sizer.errors import InputError
from sizer.networks.budgets import column_problem, read_size, split_bound
from sizer.networks.columns import COUNTED
from sizer.sweepfile.load import apply_options, parse_sweep

NETWORK = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2}
SWEEP = "sizer: 1\nname: small\nmodel: {convention: pytorch, cell_type: lstm, inputs: 80, layers: 2}\ngrid: {cells: [8, 16]}\n"


@pytest.mark.parametrize(
    ("text", "column", "size"),
    [
        ("10M", "weights", 10**7),
        (" 1e6 ", "weights", 10**6),
        ("int8_bytes=2MiB", "int8_bytes", 2**21),
        ("int8-bytes = 2MB", "int8_bytes", 2 * 10**6),
        ("state_size=5K", "state_size", 5000),
    ],
)
def test_one_grammar(text: str, column: str, size: int) -> None:
    assert split_bound(text)[0] == column
    assert read_size(split_bound(text)[1], column) == size
    found = sizer.fit(NETWORK, vary="cells", budget=text)
    assert (found.column, found.budget) == (column, size)
    assert [(one.column, one.maximum) for one in apply_options(parse_sweep(SWEEP), budget=text).budget] == [
        (column, size)
    ]


@pytest.mark.parametrize(
    "text", ["", "=5", "weights=", "wieghts=3", "weights=3=4", "state_size=2MB", "10X", "weights=-1"]
)
def test_the_same_is_refused_everywhere(text: str) -> None:
    def said(asked: Any) -> list[str]:
        with pytest.raises(InputError) as caught:
            asked()
        return [fault.message.partition(";")[0] for fault in caught.value.faults]

    by_fit = said(lambda: sizer.fit(NETWORK, vary="cells", budget=text))
    assert by_fit == said(lambda: apply_options(parse_sweep(SWEEP), budget=text))
    assert by_fit == said(lambda: sizer.fits({**NETWORK, "cells": 8}, text))


def test_known_columns_have_no_problem() -> None:
    assert {column_problem(column) for column in COUNTED} == {""}
    assert column_problem("xyz") == f"no column named 'xyz'; one of {', '.join(COUNTED)}"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (-1, "-1 is below the minimum, 0"),
        (True, "'True' is not a whole number"),
        (2.0, "2.0 is not a whole number; write 2"),
    ],
)
def test_what_is_no_size(item: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_size(item, "weights")
