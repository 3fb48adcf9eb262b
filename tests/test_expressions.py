"""Conditions: what gets in, what it means on Python values and on arrays, and how far its numbers go."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sizer.networks.cells import CELL_TYPES
from sizer.networks.counting import CHOICES
from sizer.networks.fields import FIELDS, Kind
from sizer.sweepfile.expressions import Expression, ExpressionError, parse_expression
from tests.examples import examples, saw, seeing

KINDS: dict[str, Kind] = {field.name: field.kind for field in FIELDS.values()}
COLUMNS: dict[str, Any] = {
    "cells": 128,
    "recurrent_projection": 0,
    "layers": 2,
    "bidirectional": True,
    "peepholes": False,
    "cell_type": "lstm",
    "convention": "keras",
}

CELLS = ", ".join(CELL_TYPES)


def parsed(text: str) -> Expression:
    return parse_expression(text, KINDS, CHOICES)


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(ExpressionError) as caught:
        parsed(text)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("cells == 128", True),
        ("cells != 128", False),
        ("1 < layers <= 2 < cells", True),
        ("1 < layers < 2 < cells", False),
        ("cells // 3 == 42 and cells % 3 == 2", True),
        ("-cells // 3 == -43 and -cells % 3 == 1", True),
        ("cells // -3 == -43 and cells % -3 == -1", True),
        ("cells * 2 - 56 + layers == 202", True),
        ("cells in (64, 128, 256)", True),
        ("cells not in (64, 128, 256)", False),
        ("cells in (128)", True),
        ("cells in 64", False),
        ("cells in (layers * 64, 1)", True),
        ("cell_type == 'lstm'", True),
        ('cell_type in ("gru", "rnn")', False),
        ("convention != cell_type", True),
        ("bidirectional", True),
        ("not bidirectional or peepholes", False),
        ("bidirectional == true and peepholes != True", True),
        ("peepholes == false", True),
        ("not (cells > 100 and layers > 5)", True),
        ("cells * 0.5 == 64", True),
        ("cells >= 1e2 and cells <= 1.28e2", True),
        ("cells // 2.0 == 64", True),
        ("true", True),
        ("  cells\n  == 128 ", True),
    ],
)
def test_answer(text: str, answer: bool) -> None:
    found = parsed(text).holds(COLUMNS)
    assert found is answer


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("cells % recurrent_projection == 0", [False, True, False]),
        ("not cells % recurrent_projection == 0", [False, False, True]),
        ("cells % recurrent_projection != 0", [False, False, True]),
        ("recurrent_projection == 0 or cells % recurrent_projection == 0", [True, True, False]),
        ("cells % recurrent_projection == 0 or recurrent_projection == 0", [True, True, False]),
        ("not (recurrent_projection != 0 and cells // recurrent_projection > 2)", [True, False, True]),
        ("recurrent_projection > 0 and cells % recurrent_projection == 0", [False, True, False]),
        ("cells // recurrent_projection in (4, 1)", [False, True, True]),
        ("cells // recurrent_projection not in (4, 5)", [False, False, True]),
        ("not (cells // recurrent_projection > 0) or bidirectional", [True, True, True]),
        ("(cells // recurrent_projection > 0 or peepholes) and bidirectional", [False, True, True]),
        ("1 // 0 == 0 or recurrent_projection == 0", [True, False, False]),
        ("1 % 0 == 0", [False, False, False]),
        ("not 1 % 0 == 0", [False, False, False]),
        ("0 < cells // recurrent_projection < 4", [False, False, True]),
    ],
)
def test_division_by_zero_is_undefined(text: str, answers: list[bool]) -> None:
    expression = parsed(text)
    projections = [0, 32, 100]
    assert [expression.holds({**COLUMNS, "recurrent_projection": value}) for value in projections] == answers
    found = expression.holds({**COLUMNS, "recurrent_projection": np.array(projections)})
    assert np.broadcast_to(found, (3,)).tolist() == answers


def test_arrays_broadcast() -> None:
    found = parsed("cells * layers > 200 and cell_type == 'lstm'").holds(
        {"cells": np.array([64, 128]).reshape(2, 1), "layers": np.array([1, 2, 4]), "cell_type": "lstm"}
    )
    assert found.tolist() == [[False, False, True], [False, True, True]]


def test_words_and_booleans_in_arrays() -> None:
    expression = parsed("cell_type in ('lstm', 'gru') and not bidirectional")
    words = np.array(["lstm", "gru", "rnn"], dtype=object)
    assert expression.holds({"cell_type": words, "bidirectional": False}).tolist() == [True, True, False]
    assert expression.holds({"cell_type": "lstm", "bidirectional": np.array([0, 1])}).tolist() == [True, False]
    assert expression.holds({"cell_type": "lstm", "bidirectional": np.array([False, True])}).tolist() == [True, False]


def test_what_an_expression_tells() -> None:
    expression = parsed("cells > 1 and not bidirectional == true")
    assert expression.text == "cells > 1 and not bidirectional == true"
    assert expression.names == {"cells", "bidirectional"}
    assert not [node for node in ast.walk(expression.tree) if isinstance(node, ast.Name) and node.id == "true"]
    assert expression == parsed("cells > 1 and not bidirectional == true")
    again = pickle.loads(pickle.dumps(expression))
    assert again == expression
    assert again.holds({"cells": 2, "bidirectional": False}) is True


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("", 0, "is empty; write a condition such as cells <= 1024"),
        ("cells", 0, "is a number, and a condition is true or false; compare it with something"),
        ("cell_type", 0, "is a word, and a condition is true or false; compare it with something"),
        ("cells / 2 > 3", 6, "'/' is not available, since it gives fractions; use //, or multiply the other side"),
        ("cells = 3", 6, "'=' does not compare; use =="),
        ("cells & 3", 6, "'&' is not available; use and"),
        ("cells > 1 && true", 10, "'&&' is not available; use and"),
        ("cells > 1 || true", 10, "'||' is not available; use or"),
        ("!bidirectional", 0, "'!' is not available; use not"),
        ("cells <> 3", 6, "'<>' is not available; use !="),
        ("cells ^ 3 == 1", 6, "'^' is not available"),
        ("cells == 'x", 9, "the quotes that open here are not closed"),
        ("cells == 3; layers", 10, "';' is not available"),
        ("cells\\\n== 3", 5, "'\\' is not available"),
        ("abs(cells) > 1", 3, "functions are not available; 'abs' is called here"),
        ("cells (3) > 1", 6, "functions are not available; 'cells' is called here"),
        ("cells in ()", 9, "the list of values is empty"),
        ("cells == (1, 2)", 9, "a list of values can only follow in"),
        ("1 in (1, 2) in (3, 4)", 0, "in cannot be chained; join the comparisons by and"),
        ("cells is 3", 9, "this comparison is not available; use == or !="),
        ("cells > +3", 8, "this sign is not available; leave it out"),
        ("cells + true > 1", 8, "+ takes a number, and this is true or false"),
        ("- bidirectional", 2, "- takes a number, and this is true or false"),
        ("not cells", 4, "not takes true or false, and this is a number"),
        ("cells > 1 or layers", 13, "or takes true or false, and this is a number"),
        ("cells == 'lstm'", 9, "a number is compared with a word"),
        ("bidirectional < true", 16, "< compares numbers, and this is true or false"),
        ("cell_type < 'lstm'", 12, "< compares numbers, and this is a word"),
        ("'lsmt' == cell_type", 0, "'lsmt' is no cell_type; did you mean 'lstm'?"),
        ("cell_type == 'transformer'", 13, f"'transformer' is no cell_type; one of {CELLS}"),
        ("cell_type == lstm", 13, "no field named 'lstm'; write a word in quotes: 'lstm'"),
        ("'é' == cell_type and cels > 1", 0, f"'é' is no cell_type; one of {CELLS}"),
        ("cells % 0.5 == 0", 8, "% takes whole numbers, and this is a decimal"),
        ("cells // (layers * 0.5) == 0", 10, "// takes whole numbers, and this is a decimal"),
        ("cells // -1.5 == 0", 9, "// takes whole numbers, and this is a decimal"),
        ("cells < 1e999", 8, "'1e999' is too large a number"),
        ("cells < 010", 8, "'010' starts with a zero; write 10"),
        ("cells < 1_000", 8, "'1_000' is not a number"),
        ("cells < 1.5M", 8, "'1.5M' is not allowed here; write 1500000"),
        ("cells < 3and layers > 1", 8, "'3and' is not a number"),
        ("(cells > 1", 0, "this '(' is never closed"),
        ("cells > 1)", 9, "this ')' closes nothing"),
        ("cells > 1 and", 10, "something is missing after 'and'"),
        ("> 3", 0, "cannot be read at '> 3'; something is missing or in the wrong place"),
        ("cells > 1 OR layers > 1", 10, "'OR' is written in lower case: or"),
        ("None == cells", 0, "'None' is not available in a condition"),
        ("f'{cells}' == 'x'", 1, "a quoted word cannot follow another word directly"),
        ("cell_type == 'l' 'stm'", 17, "a quoted word cannot follow another word directly"),
        ("weights < 3", 0, "no field named 'weights'; did you mean 'other_weights'?"),
        ("1 if bidirectional else 2", 0, "this is not available in a condition"),
        ("x" * 2001, 0, "has 2,001 characters; at most 2,000 are read"),
        ("-" * 500 + "1 == 1", 0, "has 1,004 parts; at most 200 are read; split it into several conditions"),
        ("(" * 51 + "1" + ")" * 51 + " == 1", 0, "brackets are nested 51 deep; at most 50 are read"),
    ],
)
def test_what_does_not_get_in(text: str, offset: int, message: str) -> None:
    assert problems(text)[0] == (offset, message)


def test_all_problems_at_once_with_columns_in_characters() -> None:
    assert problems("cell_type == 'é' and cels > 1 and layrs > 'x'") == [
        (13, f"'é' is no cell_type; one of {CELLS}"),
        (21, "no field named 'cels'; did you mean 'cells'?"),
        (34, "no field named 'layrs'; did you mean 'layers'?"),
    ]


def test_names_that_belong_elsewhere() -> None:
    with pytest.raises(ExpressionError, match=r"^'weights' is not available here; see the budget$"):
        parse_expression("weights < 3", KINDS, CHOICES, {"weights": "see the budget"})


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__[0]",
        "[x for x in (1,)]",
        "lambda: 1",
        "9**9**9**9",
        "cells.tofile('x')",
        "@os.system('true')",
        "(yield)",
        "await cells",
        "(cells := 3) == 3",
        "{1: 2} == {1: 2}",
        "cells[0] == 1",
        "*cells, == 1",
        "print(cells)",
        "cells if cells else cells",
        "cells == ...",
        "cells == 1j",
        "cells == b'x'",
        "cells == 0x10",
        "cells << 60 == 1",
        "'a' * 10 == 'a'",
        "'%s' % 'x' == 'x'",
        "cells; import os",
        "cells == 1\n#",
        "not not " * 200 + "true",
        "cells + " * 240 + "1 == 1",
        "'" + "a" * 1990 + "' == 1",
    ],
)
def test_attack(text: str) -> None:
    assert problems(text)


@pytest.mark.parametrize(
    ("text", "largest"),
    [
        ("cells > 3", 100),
        ("cells * layers > 3", 700),
        ("cells * -layers > 3", 700),
        ("cells - 20 > 3", 100),
        ("cells // layers > 3", 100),
        ("cells // (layers - 4) > 3", 100),
        ("1000 // cells > 3", 1000),
        ("cells % 7 > 3", 100),
        ("cells % (layers * 100) > 3", 700),
        ("cells in (5, 123456)", 123456),
        ("cells > -9000", 9000),
        ("bidirectional or cells * cells > 1", 10000),
        ("cells * 2.5 > 1", 250),
        ("cells // 0 > 1", 100),
        ("bidirectional", 0),
    ],
)
def test_reach(text: str, largest: int) -> None:
    found = parsed(text).reach({"cells": (10, 100), "layers": (1, 7)})
    assert (found.largest, found.rounded) == (largest, False)


@pytest.mark.parametrize(
    ("text", "rounded"),
    [
        ("cells * 0.5 > 1", True),
        ("cells > 0.5", True),
        ("cells in (1, 0.5)", True),
        ("layers * 0.5 > 1 and cells > 1", False),
        ("layers * 0.5 * 9007199254740993 > 1", True),
        ("cells * 2 > 1", False),
    ],
)
def test_decimals_beside_large_numbers(text: str, rounded: bool) -> None:
    assert parsed(text).reach({"cells": (1, 2**53 + 1), "layers": (1, 2)}).rounded is rounded


def test_importing_brings_no_arrays() -> None:
    code = "import sys, sizer.sweepfile.expressions; print('numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


_NUMBERS = st.recursive(
    st.sampled_from(["cells", "layers", "recurrent_projection", "0", "1", "2", "7", "128"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "//", "%"]), inner).map(" ".join).map("({})".format)
        | inner.map("-{}".format)
    ),
    max_leaves=6,
)
_CONDITIONS = st.recursive(
    st.tuples(_NUMBERS, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), _NUMBERS).map(" ".join)
    | st.tuples(_NUMBERS, _NUMBERS, _NUMBERS).map(lambda three: f"{three[0]} < {three[1]} <= {three[2]}")
    | st.tuples(_NUMBERS, _NUMBERS, _NUMBERS).map(lambda three: f"{three[0]} not in ({three[1]}, {three[2]})")
    | st.tuples(_NUMBERS).map(lambda one: f"{one[0]} * 0.5 >= 3.25")
    | st.sampled_from(["bidirectional", "cell_type == 'gru'", "true", "peepholes != false"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join).map("({})".format)
        | inner.map("not ({})".format)
    ),
    max_leaves=5,
)
_POINTS = st.fixed_dictionaries(
    {
        "cells": st.integers(0, 300),
        "layers": st.integers(0, 3),
        "recurrent_projection": st.integers(0, 5),
        "bidirectional": st.booleans(),
        "peepholes": st.booleans(),
        "cell_type": st.sampled_from(["lstm", "gru"]),
    }
)


@seeing(hold=120, fail=150)
@settings(max_examples=examples(600), deadline=None)
@given(text=_CONDITIONS, points=st.lists(_POINTS, min_size=1, max_size=8))
def test_values_and_arrays_agree(text: str, points: list[dict[str, Any]]) -> None:
    try:
        expression = parsed(text)
    except ExpressionError as problem:
        # Random conditions get in, but for their size.
        if "at most" not in str(problem):
            raise
        return
    one_by_one = [bool(expression.holds(point)) for point in points]
    columns = {
        name: np.array([point[name] for point in points], dtype=object if name == "cell_type" else None)
        for name in points[0]
    }
    with np.errstate(all="raise"):
        found = expression.holds(columns)
    assert np.broadcast_to(found, (len(points),)).tolist() == one_by_one
    saw("hold" if one_by_one[0] else "fail")


@seeing(numbers=250)
@settings(max_examples=examples(400), deadline=None)
@given(text=_NUMBERS, point=_POINTS)
def test_no_number_passes_the_reach(text: str, point: dict[str, Any]) -> None:
    try:
        expression = parsed(f"{text} == 0")
    except ExpressionError:
        return
    bounds = {"cells": (0, 300), "layers": (0, 3), "recurrent_projection": (0, 5)}
    try:
        value = eval(text, {"__builtins__": {}}, point)
    except ZeroDivisionError:
        return
    assert abs(value) <= expression.reach(bounds).largest
    saw("numbers")


_TOKENS = st.sampled_from(
    ["cells", "layers", "cell_type", "bidirectional", "true", "and", "or", "not", "in", "is", "if", "else", "lambda", "for",
     "+", "-", "*", "//", "/", "%", "**", "==", "=", "<", ">=", "(", ")", ",", "[", "]", ".", ":", "'lstm'", '"', "'",
     "1", "0", "2.5", "1e5", "10K", "\n", "#", "\\", "é", "\0", "@", "await", "None"]
)  # fmt: skip


@seeing(conditions=3, problems=600)
@settings(max_examples=examples(1000), deadline=None)
@given(
    text=st.lists(_TOKENS, max_size=25).map(" ".join)
    | st.lists(_TOKENS, max_size=25).map("".join)
    | st.text(max_size=100)
)
@example(text="(" * 1000 + ")" * 1000)
@example(text="not " * 499 + "true")
@example(text="-" * 1999 + "1")
@example(text="1if 1else 2")
@example(text="\ud800")
@example(text="a" * 1999 + "'")
def test_any_text_is_a_condition_or_problems(text: str) -> None:
    try:
        expression = parsed(text)
    except ExpressionError as problem:
        found = problem.problems
        saw("problems")
    else:
        saw("conditions")
        found = ((0, "none"),)
        assert expression.names <= set(KINDS)
    assert found
    assert all(0 <= offset <= len(text) and message for offset, message in found)
