"""The service takes models of blocks wherever it takes a network, and its client answers as the library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

import sizer
from sizer.errors import InputError
from sizer.service import network_answers
from sizer.service.refusals import RefusedError
from sizer.service.schemas import SCHEMAS
from sizer.service.settings import Limits
from tests.served import Served, served
from tests.test_blocks import RNNT, ROWS, model
from tests.test_own_block_types import OWN

ONE = model(RNNT, "tensorflow1", clocks={"frames": 100, "labels": 4})
LIMITS = vars(Limits())


def answer(about: str, body: Any) -> Any:
    return json.loads(network_answers.answer_to(about, json.dumps(body).encode(), LIMITS)[0])


def described(found: Any, name: str) -> None:
    jsonschema.validate(found, {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}})


@pytest.mark.parametrize("number", range(0, 62, 6))
def test_counts_are_the_library_s(number: int) -> None:
    one = json.loads(ROWS[number]["model"])
    found = answer("count", {"network": one, "budget": "30M"})
    counted: Any = sizer.count(one)
    columns = counted.columns()
    assert {name: found[name] for name in columns if name not in counted.parts} == {
        name: columns[name] for name in columns if name not in counted.parts
    }
    assert found["parts"] == counted.parts
    assert found["fits"] == (counted.weights <= 30_000_000)
    described(found, "ModelCount")
    described(answer("explain", {"network": one}), "Breakdown")


def test_lists_of_models_and_networks() -> None:
    plain = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
    found = answer("count", {"networks": [ONE, plain], "budget": "121M"})
    assert [(one["weights"], one["fits"]) for one in found["counts"]] == [(120_443_520, True), (12_926_976, True)]
    described(found, "Counts")
    assert answer("count", {"networks": [ONE], "budget": {"encoder.weights": "90M"}})["counts"][0]["fits"] is False
    with pytest.raises(InputError) as raised:
        answer("count", {"networks": [ONE, plain], "budget": {"encoder.weights": "90M"}})
    assert [fault.path for fault in raised.value.faults] == ["budget"]
    with pytest.raises(InputError) as raised:
        answer("count", {"network": ONE, "budget": {"encoder.weigths": "90M"}})
    assert [str(fault.message) for fault in raised.value.faults] == [
        "no column named 'encoder.weigths'; did you mean 'encoder.weights'?"
    ]


def test_every_question() -> None:
    assert [one["weights"] for one in answer("compare", {"network": ONE})["readings"]] == [
        one.weights for one in sizer.compare(ONE)
    ]
    claim = answer("compare", {"network": ONE, "claim": "117.8M"})
    assert claim["answers"][0]["assumed"][0]["words"] == "output is not counted"
    described(claim, "Reconciliation")
    fit = answer("fit", {"network": ONE, "vary": "encoder.cells", "budget": 120_443_520})
    assert fit["largest"]["values"] == {"encoder.cells": 2048}
    described(fit, "Fit")
    own = {"blocks": {"x": {"type": "input", "inputs": 10}, "d": {"type": "my_dense", "width": 7}}, "block_types": OWN}
    assert answer("count", {"network": own})["weights"] == 70
    assert answer("compare", {"network": own, "claim": "77"})["answers"][0]["weights"] == 77


def test_a_model_as_it_is_written_in_a_file() -> None:
    text = json.dumps({"model": ONE}).encode()
    found = json.loads(network_answers.answer_to("model", text, LIMITS)[0])
    assert found == json.loads(json.dumps(sizer.explain(ONE).as_json()))
    described(found, "Breakdown")
    wrong = b"model:\n  blocks:\n    x: {type: input, inputs: 3}\n    d: {type: dense, widht: 3}\n"
    with pytest.raises(InputError) as raised:
        network_answers.answer_to("model", wrong, LIMITS)
    assert [str(fault) for fault in raised.value.faults] == [
        "model:4:8: model.blocks.d: a dense needs width: output width",
        "model:4:29: model.blocks.d.widht: a dense has no widht; did you mean 'width'?",
    ]


def test_what_is_too_much_is_refused() -> None:
    inner: dict[str, Any] = {"d": {"type": "dense", "width": 3}}
    for _ in range(4):
        inner = {"g": {"type": "group", "repeat": 2000, "blocks": inner}}
    many = model({"x": {"type": "input", "inputs": 3}, **inner})
    for about in ("count", "explain"):
        with pytest.raises(RefusedError, match="values in lists"):
            answer(about, {"network": many})
    with pytest.raises(RefusedError, match="values in lists"):
        answer("count", {"networks": [ONE] * 5000})
    with pytest.raises(RefusedError, match="values in lists"):
        answer("explain", {"network": model({f"x{number}": RNNT["features"] for number in range(600)})})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data")) as found:
        yield found


@pytest.mark.process
def test_the_client_answers_as_the_library(server: Served) -> None:
    with sizer.Client(server.url) as client:
        here: Any = sizer.count(ONE)
        there: Any = client.count(ONE)
        assert there == here
        assert there.macs_per_second == here.macs_per_second
        assert there.columns() == here.columns()
        assert client.count_batch([ONE])[0] == here.columns()
        assert client.fits(ONE, "encoder.weights=98M")
        assert client.explain(ONE) == json.loads(json.dumps(sizer.explain(ONE).as_json()))
        assert client.compare(ONE)[0]["weights"] == sizer.compare(ONE)[0].weights
        assert client.reconcile(ONE, "117.8M")["answers"][0]["weights"] == 117_817_984
        assert client.fit(ONE, vary="joint.width", budget="121M")["outcome"] == "found"
        own = {"blocks": {"x": {"type": "input", "inputs": 10}, "d": {"type": "my_dense", "width": 7}}}
        assert client.count(own, block_types=OWN).weights == 70
        with pytest.raises(InputError) as raised:
            client.count(model({"a": {"type": "dens"}}))
        assert raised.value.faults[0].path == "blocks.a.type"


SWEPT = """\
sizer: 1
name: small-model
model:
  convention: pytorch
  blocks:
    features: {type: input, inputs: 80}
    encoder: {type: recurrent, layers: 2}
    output: {type: dense, width: 500}
grid:
  encoder.cells: [256, 512]
"""


@pytest.mark.process
def test_a_row_of_a_sweep_opens_block_by_block(server: Served) -> None:
    job = server.done(SWEPT)
    status, found, _ = server.ask(f"/v1/sweeps/{job['id']}/configurations/1")
    assert status == 200
    blocks = {block["name"]: block["weights"] for block in found["blocks"]}
    assert blocks == {"features": 0, "encoder": found["encoder.weights"], "output": 512 * 500 + 500}
    assert "4*encoder.cells*(features.inputs + encoder.cells)" in found["formula"]
    described(found, "ModelBreakdown")
