"""Every answer is a line in a prompt, a screen where it is printed, a table in a notebook and a frame."""

from __future__ import annotations

import copy
import pickle
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import sizer
from sizer.layout import html_table
from sizer.networks import fields
from sizer.runs.spaces import draw
from sizer.tables.asked.frame import Frame
from tests.commands import on_terminal

ROOT = Path(__file__).resolve().parent.parent
FIELDS = {
    **{"convention": "textbook", "cell_type": "lstm", "inputs": 39, "layers": 3, "cells": 1024, "outputs": 34},
}
WORDS = ("--inputs", "39", "--layers", "3", "--cells", "1024", "--outputs", "34")
MODEL = yaml.safe_load((ROOT / "docs" / "keywords.yaml").read_text())["model"]


SPACE = {
    "name": "widths",
    "model": {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 4},
    "grid": {"cells": {"per_layer": range(256, 2049, 256)}},
    "budget": {"weights": {"max": "10M"}},
}


class Shaped:
    """What has a shape, as an array has."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape


def without(name: str) -> dict[str, Any]:
    return {one: value for one, value in FIELDS.items() if one != name}


BLOCKS = {
    "convention": "pytorch",
    "blocks": {"frames": {"type": "input", "inputs": 3}, "out": {"type": "dense", "width": 4}},
}


def searched() -> sizer.Search:
    """Return a search that was told of some networks."""
    search = sizer.Search(sizer.space(SPACE), seed=1)
    for value in (0.5, 0.25, 1.0):
        search.tell(search.ask(), value)
    return search


def asked(**question: Any) -> Any:
    """Return the answer to a query of a run."""
    with tempfile.TemporaryDirectory() as folder:
        return sizer.query(sizer.run_sweep(ROOT / "sweeps" / "speech.yaml", folder), **question)


ANSWERS: dict[str, Callable[[], Any]] = {
    "count": lambda: sizer.count(FIELDS),
    "count of blocks": lambda: sizer.count(MODEL),
    "explain": lambda: sizer.explain(FIELDS),
    "explain of blocks": lambda: sizer.explain(MODEL),
    "compare": lambda: sizer.compare(without("convention")),
    "compare of blocks": lambda: sizer.compare(MODEL),
    "reading": lambda: sizer.compare(without("convention"))[3],
    "fit": lambda: sizer.fit(without("cells"), vary="cells", budget="10M"),
    "fit of nothing": lambda: sizer.fit(without("cells"), vary="cells", budget="10"),
    "reconcile": lambda: sizer.reconcile(without("convention"), "21M"),
    "run": lambda: sizer.run_sweep(ROOT / "sweeps" / "speech.yaml", None),
    "dry run": lambda: sizer.dry_run(ROOT / "sweeps" / "speech.yaml"),
    "space": lambda: sizer.space(SPACE),
    "networks of a space": lambda: sizer.space(SPACE).sample(3, seed=1),
    "drawn": lambda: draw(sizer.load_sweep(ROOT / "sweeps" / "widths.yaml"), 3, 1),
    "search": searched,
    "query": lambda: asked(sort="-weights"),
    "query of columns": lambda: asked(columns="id,weights", top=2),
    "verify": lambda: pytest.importorskip("torch") and sizer.verify({"model": BLOCKS, "grid": {"out.width": [4, 8]}}),
    "look": lambda: sizer.look({"rnn.weight_ih_l0": Shaped(512, 80), "rnn.weight_hh_l0": Shaped(512, 128)}),
}


@pytest.fixture(params=ANSWERS, scope="module")
def answer(request: pytest.FixtureRequest) -> Any:
    return ANSWERS[request.param]()


def test_a_line_a_screen_and_a_table(answer: Any) -> None:
    line = repr(answer)
    assert re.fullmatch(r"<[A-Z]\w+: .+>", line)
    assert "\n" not in line
    assert len(line) < 200
    text = str(answer)
    assert text != line
    assert "Traceback" not in text
    page = answer._repr_html_()
    assert page.count("<table>") == page.count("</table>") == 1
    assert len(answer.frame()) >= 1
    assert not answer.frame().columns.empty


def test_an_answer_is_copied_and_sent_as_it_was(answer: Any) -> None:
    again = copy.deepcopy(answer)
    assert (repr(again), str(again)) == (repr(answer), str(answer))


def test_what_is_counted_can_be_sent() -> None:
    for made in (sizer.count(FIELDS), sizer.compare(without("convention"))):
        again = pickle.loads(pickle.dumps(made))
        assert (again == made, str(again)) == (True, str(made))


def test_lines_say_the_number() -> None:
    assert repr(sizer.count(FIELDS)) == (
        "<Count: 21,166,080 weights · textbook · lstm · 39 -> 3 x 1,024 -> 34 · no biases, no peepholes>"
    )
    assert repr(ANSWERS["count of blocks"]()) == "<ModelCount: 75,432 weights · tensorflow1 · 6 blocks>"
    assert repr(ANSWERS["fit"]()) == "<Fit: cells 702: 9,989,460 of 10,000,000 weights>"
    assert repr(ANSWERS["run"]()) == "<Run: speech: 1,834 of 3,100 configurations are kept>"
    assert repr(ANSWERS["dry run"]()) == "<DryRun: speech: 1,834 of 3,100 configurations would be kept>"
    assert repr(ANSWERS["space"]()) == "<Space: widths: 4,096 networks · cells of each of 4 layers>"
    assert repr(ANSWERS["networks of a space"]()) == "<Configurations: 3 networks>"
    assert repr(ANSWERS["drawn"]()) == "<Drawn: widths: 3 networks of 231,943 that fit, seed 1>"
    assert repr(ANSWERS["search"]()) == "<Search: widths · 3 asked, 3 told · best 0.25>"
    assert repr(ANSWERS["query of columns"]()) == "<Frame: speech · 2 rows · id, weights>"
    assert repr(ANSWERS["look"]()) == "<Look: 106,496 weights · 2 tensors · 1 recurrent network>"
    assert repr(ANSWERS["reconcile"]()).startswith("<Reconciliation: 21M: ")
    assert repr(ANSWERS["compare"]()).startswith("<Readings: 9 of 10 conventions count this network: 13,106,176 to ")


def test_printed_answers_are_the_screens_of_their_commands() -> None:
    wide = "300"
    assert on_terminal("explain", *WORDS, columns=wide) == f"{sizer.explain(FIELDS)}\nexit 0"
    assert on_terminal("compare", *WORDS, columns=wide) == f"{sizer.compare(without('convention'))}\nexit 0"
    assert on_terminal("explain", "docs/keywords.yaml", columns=wide) == f"{sizer.explain(MODEL)}\nexit 0"
    fitted = on_terminal("fit", "--vary", "cells", "--budget", "10M", *WORDS[:4], *WORDS[6:], columns=wide)
    in_order = {name: FIELDS[name] for name in fields.FIELDS if name in FIELDS and name != "cells"}
    assert fitted == f"{sizer.fit(in_order, vary='cells', budget='10M')}\nexit 0"
    claimed = on_terminal("compare", *WORDS, "--claim", "21M", columns=wide)
    assert claimed == f"{sizer.reconcile(without('convention'), '21M')}\nexit 0"
    dry = on_terminal("run", "sweeps/speech.yaml", "--dry-run", columns=wide)
    said = str(sizer.dry_run("sweeps/speech.yaml"))
    assert untimed(dry) == untimed(f"{said}\nexit 0")


def untimed(text: str) -> str:
    """Return a text without how long something took."""
    return re.sub(r"\d+\.\d s", "", text)


def test_tables_and_frames_add_up() -> None:
    counted = sizer.count(FIELDS)
    assert counted.frame()["weights"].sum() == counted.weights
    assert counted.frame()["share"].sum() == pytest.approx(1)
    assert sizer.explain(FIELDS).frame()["weights_in_all"].sum() == counted.weights
    page = counted._repr_html_()
    numbers = [int(one.replace(",", "")) for one in re.findall(r'right">([\d,]+)<', page)]
    assert numbers[-1] == counted.weights == sum(numbers[:-1])
    assert ">100.0%<" in page
    blocks = sizer.count(MODEL)
    outer = [weights for block, weights in blocks.by_block.items() if "." not in block]  # type: ignore[attr-defined]
    assert sum(outer) == blocks.weights
    assert re.search(r"\n  weights +75,432 +100\.0%\n", str(blocks))


def test_rows_of_a_query_are_a_frame_of_pandas_but_for_how_they_are_looked_at() -> None:
    rows = ANSWERS["query"]()
    plain = rows.frame()
    assert issubclass(type(rows), pd.DataFrame)
    assert [type(one) for one in (plain, rows.head(), rows[["id"]], rows.sort_values("id"))] == [pd.DataFrame] * 4
    pd.testing.assert_frame_equal(rows, plain)
    assert repr(plain.head(3)) == repr(rows.head(3))
    shown = str(rows).splitlines()
    assert shown[3].split() == ["2,909", "sak2014", "lstm", "5", "1,472", "128", "64", "9,961,664"]
    assert shown[-1] == "and 1,814 more; .frame() has all"
    assert rows._repr_html_().count("<tr>") == 21
    again = pickle.loads(pickle.dumps(rows))
    assert (repr(again), again.equals(plain)) == (repr(rows), True)
    # A number that is missing is none, and is no 0 either.
    missing: Any = Frame(pd.DataFrame({"cells": pd.array([None, 1024], "Int64")}))
    assert missing._as_table() == (["cells"], [(None,), (1024,)])


def test_a_search_shows_what_was_told_the_best_first() -> None:
    frame = ANSWERS["search"]().frame()
    assert frame["value"].tolist() == [0.25, 0.5, 1.0]
    assert list(frame) == ["value", "cells.1", "cells.2", "cells.3", "cells.4"]
    largest = sizer.Search(sizer.space(SPACE), maximise=True)
    for value in (1.0, 3.0, 2.0):
        largest.tell(largest.ask(), value)
    assert largest.frame()["value"].tolist() == [3.0, 2.0, 1.0]
    assert repr(largest).endswith("best 3>")
    unasked = sizer.Search(sizer.space(SPACE))
    assert (repr(unasked), str(unasked).count("\n")) == ("<Search: widths · 0 asked, 0 told>", 2)


def test_a_client_says_whom_it_asks() -> None:
    client = sizer.Client("http://127.0.0.1:9/before", token="secret")
    assert repr(client) == "<Client: http://127.0.0.1:9/before>"


def test_a_number_that_is_missing_leaves_the_others_whole() -> None:
    frame = sizer.compare(without("convention")).frame()
    assert str(frame["weights"].dtype) == "Int64"
    assert frame["weights"].isna().sum() == 1
    # And what no 64 bits hold stays what it is.
    huge = sizer.count({**FIELDS, "cells": 10**12}).frame()
    assert huge["weights"].sum() == sizer.count({**FIELDS, "cells": 10**12}).weights


def test_whatever_stands_in_an_answer_is_text_in_a_notebook() -> None:
    page = html_table("<b>h</b>", ["<i>"], [["<script>", 1_000], [None, "5.0%"]], ["a < b", ""])
    assert re.findall("<(?!/?(?:div|strong|table|thead|tbody|tr|th|td)[ >])", page) == []
    assert "&lt;script&gt;" in page
    assert ">1,000<" in page
    assert page.count("text-align: right") == 2
