"""Block types that a person defines: the same counts as the built-in ones, and every fault at its place."""

from __future__ import annotations

import contextlib
import copy
import doctest
import random
import re
from pathlib import Path
from typing import Any

import pytest

import sizer
from sizer.errors import InputError
from sizer.networks.blocks import own_types
from sizer.networks.blocks.own_types import read_block_types
from sizer.sweepfile.model_file import load_model

OWN: dict[str, Any] = {
    "my_dense": {
        "fields": {"width": None, "context": 1, "stride": 1},
        "tensors": {"kernel": ["context", "read", "width"], "bias": {"shape": ["width"], "when": "bias"}},
        "hands_up": "width",
        "steps": "stride",
    },
    "my_highway": {
        "fields": {"width": None, "layers": 1},
        "tensors": {"kernel": [2, "width", "width"], "bias": [2, "width"]},
        "hands_up": "width",
    },
    "my_convolutional_lstm": {
        "fields": {"channels": None, "time": 1, "kernel_height": 1},
        "tensors": {
            "input_weights": {
                "shape": [4, "time", "kernel_height", "channels_read", "channels"],
                "part": "input_weights",
                "area": "height",
            },
            "recurrent_weights": {
                "shape": [4, "time", "kernel_height", "channels", "channels"],
                "part": "recurrent_weights",
                "area": "height",
            },
            "bias": {"shape": [4, "channels"], "when": "bias"},
        },
        "hands_up": "channels",
        "keeps_height": True,
        "state": ["height*channels", "height*channels"],
    },
    "my_split": {"fields": {"parts": None}, "hands_up": "read/parts", "steps": "*parts"},
    "my_grouped": {
        "fields": {"width": None, "groups": 1},
        "tensors": {"kernel": ["read/groups", "width"]},
        "hands_up": ["width", "read"],
    },
}


def chain(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    named = {f"b{number}": block for number, block in enumerate(blocks)}
    return {"convention": "keras", "blocks": {"x": {"type": "input", "channels": 3, "height": 8}, **named}, **more}


@pytest.mark.parametrize(
    ("built_in", "own"),
    [
        ({"type": "dense", "width": 12, "context": 3}, {"type": "my_dense", "width": 12, "context": 3}),
        ({"type": "dense", "width": "1K", "bias": False}, {"type": "my_dense", "width": "1K", "bias": False}),
        ({"type": "dense", "width": 7, "stride": 4}, {"type": "my_dense", "width": 7, "stride": 4}),
        ({"type": "highway", "width": 24, "layers": 5}, {"type": "my_highway", "width": 24, "layers": 5}),
        (
            {"type": "convolutional_lstm", "channels": 32, "kernel": [5, 3]},
            {"type": "my_convolutional_lstm", "channels": 32, "time": 5, "kernel_height": 3},
        ),
        ({"type": "split", "parts": 4}, {"type": "my_split", "parts": 4}),
    ],
)
def test_a_built_in_written_as_an_own_type_counts_the_same(built_in: dict[str, Any], own: dict[str, Any]) -> None:
    after = {"type": "dense", "width": 5}
    here: Any = sizer.count(chain(own, after, clocks={"frames": 100}), block_types=OWN)
    there: Any = sizer.count(chain(built_in, after, clocks={"frames": 100}))
    assert here.columns() == there.columns()
    assert here.macs == there.macs


def test_every_question_takes_own_types_beside_the_model_or_in_it() -> None:
    model = chain({"type": "my_dense", "width": 10}, {"type": "recurrent", "cell_type": "mine", "cells": 4})
    cells = {"mine": {"tensors": {"input_weights": [3, "cells", "input"]}, "recurs": "cells", "hands_up": "cells"}}
    whole = {**model, "block_types": OWN, "cell_types": cells}
    weights = 24 * 10 + 10 + 3 * 4 * 10
    assert sizer.count(model, cells, OWN).weights == sizer.count(whole).weights == weights
    assert sizer.explain(model, cells, OWN).by_tensor() == sizer.explain(whole).by_tensor()
    assert sizer.compare(model, cells, OWN)[0].weights == sizer.compare(whole)[0].weights == weights - 10


def test_widths_are_sums_quotients_and_products() -> None:
    found: Any = sizer.count(
        chain({"type": "my_grouped", "width": 4, "groups": 6}, {"type": "dense", "width": 1}), block_types=OWN
    )
    assert found.by_block == {"x": 0, "b0": 24 // 6 * 4, "b1": 28 + 1}
    with pytest.raises(InputError, match=re.escape("24 cannot be divided into 5 equal parts")):
        sizer.count(chain({"type": "my_grouped", "width": 4, "groups": 5}), block_types=OWN)


def test_faults_of_blocks_of_an_own_type() -> None:
    with pytest.raises(InputError) as raised:
        sizer.count(
            chain({"type": "my_dense", "contxt": 3}, {"type": "my_dens", "width": 3}, {"type": "my_split", "parts": 0}),
            block_types=OWN,
        )
    assert [(fault.path, fault.message) for fault in raised.value.faults] == [
        ("blocks.b0", "a my_dense needs width: a size that has no default"),
        ("blocks.b0.contxt", "a my_dense has no contxt; did you mean 'context'?"),
        ("blocks.b1.type", "'my_dens' is not a type of block; did you mean 'my_dense'?"),
        ("blocks.b2.parts", "0 is below the minimum, 1"),
    ]


def test_an_own_type_that_says_its_width_ends_a_loop() -> None:
    loop = {
        "a": {"type": "my_dense", "width": 3, "from": ["b"]},
        "b": {"type": "my_grouped", "width": 2, "from": ["a"]},
    }
    assert sizer.count({"blocks": loop}, block_types=OWN).weights == 5 * 3 + 3 * 2


BAD: list[tuple[Any, list[tuple[str, str]]]] = [
    (3, [("", "'3' is not a mapping of names to block types")]),
    ({"dense": {}}, [("dense", "'dense' is the name of a built-in block type; choose another one")]),
    ({"my own": {}}, [("my own", "'my own' cannot name a block type; use letters, digits and '_', start with a letter, at most 100 characters")]),
    ({"a": 3}, [("a", "'3' is not a mapping; give fields, tensors and hands_up")]),
    ({"a": {"tensor": {}}}, [("a.tensor", "no key named 'tensor'; did you mean 'tensors'?")]),
    ({"a": {"fields": {"type": 3, "b": "c", "c": -1, "d": 2.5}}}, [
        ("a.fields.type", "'type' means something else in a block; choose another name"),
        ("a.fields.b", "'c' is neither a whole number, nor true, nor false"),
        ("a.fields.c", "-1 is below the minimum, 1"),
        ("a.fields.d", "'2.5' is neither a whole number, nor true, nor false"),
    ]),
    ({"a": {"fields": {"width": {"default": 3, "least": 1}}}}, [("a.fields.width.least", "no key named 'least'; one of default, minimum, description")]),
    ({"a": {"fields": 3}}, [("a.fields", "'3' is not a mapping of names to defaults")]),
    ({"a": {"tensors": {"k": ["read", "widht"]}, "fields": {"width": None}}}, [("a.tensors.k.1", "'widht' is not known; did you mean 'width'?")]),
    ({"a": {"tensors": {"k": []}}}, [("a.tensors.k", "is not a shape; write a list of whole numbers and names, such as [3, read, width]")]),
    ({"a": {"tensors": {"k": {"shape": [0, "read"], "part": "dense_weight", "matrix": 1, "when": "gated"}}}}, [
        ("a.tensors.k.shape.0", "0 is below the minimum, 1"),
        ("a.tensors.k.part", "'dense_weight' is not known; did you mean 'dense_weights'?"),
        ("a.tensors.k.matrix", "'1' is neither true nor false"),
        ("a.tensors.k.when", "'gated' is not known; one of bias"),
    ]),
    ({"a": {"tensors": {"k": ["2 + read"]}}}, [("a.tensors.k.0", "'2 + read' is not a dimension; write a number, a name, a/b, or a product such as 2*a")]),
    ({"a": {"hands_up": "read/read"}}, [("a.hands_up", "'read' is not a field; a shape can be divided by a field or a number only")]),
    ({"a": {"hands_up": "read/0"}}, [("a.hands_up", "divides by 0")]),
    ({"a": {"hands_up": []}}, [("a.hands_up", "is an empty list; give at least one width")]),
    ({"a": {"steps": 2}}, [("a.steps", "'2' is not the name of a field; write field to divide the steps by it, '*field' to multiply them")]),
    ({"a": {"title": 2, "keeps_height": 3}}, [("a.keeps_height", "'3' is neither true nor false"), ("a.title", "'2' is not text")]),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "said"), BAD)
def test_faults_of_definitions(declared: Any, said: list[tuple[str, str]]) -> None:
    _, problems = read_block_types(declared)
    assert [(".".join(map(str, path)), message) for path, message in problems] == said
    with pytest.raises(InputError) as raised:
        sizer.count(chain(), block_types=declared)
    assert {(fault.path, fault.message) for fault in raised.value.faults} == {
        (f"block_types.{path}".rstrip("."), message) for path, message in said
    }


FILE = """\
block_types:
  my_dense:
    fields: {width: null}
    tensors: {kernel: [read, width], bias: {shape: [width], when: bias}}
    hands_up: width
model:
  convention: keras
  blocks:
    x: {type: input, inputs: 10}
    a: {type: my_dense, width: 4}
"""


def test_a_file_defines_its_own_types(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(FILE)
    found = load_model(path)
    assert sizer.explain(found.declared, found.cell_types, found.block_types).count.weights == 44
    path.write_text(FILE.replace("[read, width]", "[reed, width]").replace("hands_up: width", "hands_up: [read, widt]"))
    with pytest.raises(InputError) as raised:
        load_model(path)
    assert [str(fault).removeprefix(str(path)) for fault in raised.value.faults] == [
        ":4:24: block_types.my_dense.tensors.kernel[0]: 'reed' is not known; did you mean 'read'?",
        ":5:22: block_types.my_dense.hands_up[1]: 'widt' is not known; did you mean 'width'?",
    ]


@pytest.mark.parametrize("seed", [3, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(4, 10))])
def test_no_definition_ends_in_a_traceback(seed: int) -> None:
    draw = random.Random(seed)
    words = [*OWN["my_dense"]["tensors"], "read", "width", "a/b", "read/width", "2*width", "*width", "bias", "dense_weights",
             0, 1, -1, 2.5, True, None, "", "x" * 300, 10**200, [], {}, ("read",), {"each": [1]}, "9" * 5000]  # fmt: skip

    def garbage(deep: int) -> Any:
        kind = draw.random()
        if deep and kind < 0.35:
            return {
                draw.choice([*own_types.KEYS, *own_types.TENSOR_KEYS, "width", 3, None]): garbage(deep - 1)
                for _ in range(3)
            }
        if deep and kind < 0.6:
            return [garbage(deep - 1) for _ in range(draw.randint(0, 3))]
        return draw.choice(words)

    taken = 0
    for _ in range(600):
        definition = copy.deepcopy(OWN[draw.choice(list(OWN))])
        for _ in range(draw.randint(0, 2)):
            definition[draw.choice(own_types.KEYS)] = garbage(3)
        fields = {"width": 8, "channels": 6, "parts": 2, "groups": 4, "context": 2}
        known = (
            {name: value for name, value in fields.items() if name in (definition.get("fields") or ())}
            if isinstance(definition.get("fields"), dict)
            else {}
        )
        one = chain({"type": "mine", **known}, {"type": "dense", "width": 3})
        with contextlib.suppress(InputError):
            found = sizer.explain(one, block_types={"mine": definition})
            found.count.columns()
            assert sum(found.by_tensor().values()) == found.count.weights
            taken += 1
    assert taken > 50


def test_the_example_of_the_module() -> None:
    assert not doctest.testmod(own_types).failed
