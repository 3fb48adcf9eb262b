"""Models in words: every formula works out to the weights of its block."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import sizer
from sizer.networks.blocks.sizes import sizes_of
from sizer.networks.blocks.wording import as_text
from sizer.questions.model_text import model_screen
from tests.test_blocks import RNNT, model
from tests.test_model_structures import MODELS


def worked_out(formula: str, one: dict[str, Any]) -> int:
    sizes = {size.name: size.value for size in sizes_of(one)}
    words = re.sub(r"[A-Za-z_][A-Za-z0-9_.]*", lambda name: str(sizes[name[0]]), formula)
    return int(eval(words.replace("/", "//") or "0"))


@pytest.mark.parametrize("number", range(len(MODELS)))
def test_formulas_work_out_to_the_weights(number: int) -> None:
    one = MODELS[number]
    found = sizer.explain(one)
    for block in found.blocks:
        assert worked_out(block.formula, one) == block.weights, block
    assert worked_out(found.formula, one) == found.count.weights
    assert (
        sum(block.weights for block in found.blocks)
        + found.count.parts["other_weights"] * bool(one.get("other_weights"))
        == found.count.weights
    )
    assert sum(block.share for block in found.blocks) <= 1.0000001


def test_formulas_have_the_names_of_the_model() -> None:
    found = {block.name: block.formula for block in sizer.explain(model(RNNT, "tensorflow1")).blocks}
    assert found["joint"] == (
        "(encoder.recurrent_projection + prediction.recurrent_projection)*joint.width + joint.width"
    )
    assert found["encoder"].startswith(
        "4*encoder.cells*(features.inputs*stack.frames + encoder.recurrent_projection) + 4*encoder.cells"
    )
    group = {"type": "group", "repeat": 3, "blocks": {"d": {"type": "dense", "width": {"each": [4, 5, 5]}}}}
    words = sizer.explain(model({"x": RNNT["features"], "g": group})).formula
    assert words == (
        "x.inputs*g.d.width.1 + g.d.width.1 + g.d.width.1*g.d.width.2 + g.d.width.2 + g.d.width.2*g.d.width.3 + g.d.width.3"
    )


def test_what_repeats_is_said_once() -> None:
    group = {"type": "group", "repeat": 3, "blocks": {"d": {"type": "highway", "width": 80, "layers": 2}}}
    assert sizer.explain(model({"x": RNNT["features"], "g": group})).formula == (
        "3 * (2 * (2*g.d.width*g.d.width + 2*g.d.width))"
    )


def test_blocks_in_json() -> None:
    found = json.loads(json.dumps(sizer.explain(model(RNNT, "tensorflow1", clocks={"frames": 100})).as_json()))
    by_name = {block["name"]: block for block in found["blocks"]}
    assert by_name["encoder"]["share"] == pytest.approx(97_058_816 / 120_443_520)
    assert by_name["encoder"] | {"formula": "", "share": 0} == {
        "name": "encoder", "type": "recurrent", "weights": 97_058_816, "share": 0, "formula": "", "width": 640,
        "height": 1, "steps": {"frames": "1/6"}, "macs": {"frames": "20234240"} | by_name["encoder"]["macs"],
        "frozen": False, "shared": None,
    }  # fmt: skip
    assert {section["block"] for section in found["sections"]} == {"encoder", "labels", "prediction", "joint", "output"}


def test_multiply_accumulates_are_shown_as_exact_fractions() -> None:
    blocks = {"x": {"type": "input", "inputs": 10}, "thirds": {"type": "dense", "width": 7, "stride": 3}}
    counted = sizer.explain(model(blocks, clocks={"frames": 50}))
    screen = model_screen(counted, counted.count)  # type: ignore[arg-type]
    assert "23 1/3 MACs per step of frames" in screen
    assert screen.endswith("1,166 2/3 MACs a second")
    assert counted.as_json()["macs_per_second"] == 1167
    unsaid = sizer.explain(model(RNNT, "tensorflow1", clocks={"frames": 100}))
    assert "MACs a second are not known: clocks does not give how many labels there are in a second" in model_screen(
        unsaid,
        unsaid.count,  # type: ignore[arg-type]
    )


def test_a_fraction_is_written_exactly() -> None:
    from fractions import Fraction

    assert [as_text(Fraction(*pair)) for pair in ((7, 1), (10_001, 3), (2, 3))] == ["7", "3,333 2/3", "2/3"]
