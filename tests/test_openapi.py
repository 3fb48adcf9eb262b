"""The description of the API: complete enough to make a client from, and true of what is answered."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

from sizer.service.schemas import MODEL
from tests.asked import asked
from tests.served import LARGE, ROOT, SMALL, Served, served

NETWORK = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
STATED = {"cell_type": "lstm", "inputs": 205, "layers": 5, "cells": 700, "outputs": 205}
WITHOUT_CELLS = {name: NETWORK[name] for name in NETWORK if name != "cells"}


SPACE = (ROOT / "sweeps" / "widths.yaml").read_bytes()


def safetensors() -> bytes:
    """Return a file of one LSTM layer."""
    header = {}
    place = 0
    for name, shape in (
        ("weight_ih_l0", [64, 8]),
        ("weight_hh_l0", [64, 16]),
        ("bias_ih_l0", [64]),
        ("bias_hh_l0", [64]),
    ):
        end = place + 4 * math.prod(shape)
        header[f"rnn.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": [place, end]}
        place = end
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + bytes(place)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data")) as found:
        yield found


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with asked(tmp_path_factory.mktemp("asked")) as service:
        found: dict[str, Any] = service.ask("/openapi.json")[1]
    return found


def schemas_in(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of the description that says a type, and where; what is an example is none."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield path, value
        for name, inner in value.items():
            if name not in ("example", "examples"):
                yield from schemas_in(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from schemas_in(inner, f"{path}/{place}")


def faults_of(description: dict[str, Any]) -> list[str]:
    """Return where the description says less than a client needs."""
    faults = []
    for path, schema in schemas_in(description):
        if schema["type"] == "array" and not isinstance(schema.get("items"), dict):
            faults.append(f"{path}: an array of what?")
        if schema["type"] == "object" and not (schema.get("properties") or "additionalProperties" in schema):
            faults.append(f"{path}: an object of what?")
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                schema = response.get("content", {}).get("application/json", {}).get("schema")
                if schema is not None and not all("$ref" in one for one in schema.get("anyOf", [schema])):
                    faults.append(f"{method} {path} {status}: an answer without a name")
    return faults


def test_everything_is_described(description: dict[str, Any]) -> None:
    assert faults_of(description) == []


def test_what_is_not_described_is_found() -> None:
    described = {"schema": {"type": "object", "properties": {"a": {"type": "array"}, "b": {"type": "object"}}}}
    answer = {"responses": {"200": {"content": {"application/json": described}}}}
    assert faults_of({"paths": {"/v1/x": {"get": answer}}}) == [
        "/paths//v1/x/get/responses/200/content/application/json/schema/properties/a: an array of what?",
        "/paths//v1/x/get/responses/200/content/application/json/schema/properties/b: an object of what?",
        "get /v1/x 200: an answer without a name",
    ]


@pytest.mark.process
def test_answers_are_as_described(server: Served, description: dict[str, Any]) -> None:
    job = server.done(SMALL)
    of_job = f"/v1/sweeps/{job['id']}"
    seen = set()

    def check(path: str, template: str = "", body: Any = None, status: int = 200) -> None:
        answered, answer, headers = server.ask(path, body)
        assert answered == status, answer
        operation = description["paths"][template or path]["get" if body is None else "post"]
        kind = headers["content-type"].partition(";")[0]
        schema = operation["responses"][str(status)]["content"][kind]["schema"]
        jsonschema.validate(answer, {**schema, "components": description["components"]})
        if "$ref" in schema:
            # Nothing is answered that the description does not name.
            known = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
            assert set(answer) <= set(known), path
        seen.add(template or path)

    bodies: list[dict[str, Any]] = [
        {"network": NETWORK, "budget": "10M"},
        {"networks": [NETWORK], "budget": {"weights": {"min": 1}}},
        {"columns": {**NETWORK, "cells": [1, 2]}},
        {"networks": []},
        {"columns": {"cells": []}},
    ]
    for body in bodies:
        check("/v1/count", body=body)
    check("/v1/count", body={"network": {}}, status=422)
    check("/v1/compare", body={"network": {**NETWORK, "recurrent_projection": 5}})
    check("/v1/compare", body={"network": STATED, "claim": "21.3M"})
    check("/v1/explain", body={"network": NETWORK})
    check("/v1/fit", body={"network": WITHOUT_CELLS, "vary": "cells", "budget": "10M"})
    check("/v1/fit", body={"network": WITHOUT_CELLS, "vary": "cells", "budget": "1"})
    check("/v1/code", body={"network": NETWORK, "to": "torch"})
    check("/v1/model", body=json.dumps({"model": MODEL}).encode())
    check("/v1/conventions")
    check("/v1/dry-run", body=SMALL.encode())
    check("/v1/dry-run", body=LARGE.encode())
    check("/v1/block-types")
    check("/v1/examples")
    check("/v1/space/count", body=SPACE)
    check("/v1/space/count", body=SMALL.encode())
    check("/v1/space/count", body=b"sizer: 1", status=422)
    check("/v1/space/sample?n=3&seed=1", "/v1/space/sample", body=SPACE)
    check("/v1/space/sample?n=0", "/v1/space/sample", body=SPACE, status=422)
    check("/v1/look?name=x.safetensors", "/v1/look", body=safetensors())
    check("/v1/look", body=b"no model", status=422)
    check("/v1/sweeps")
    check("/v1/sweeps", body=SMALL.encode())
    check(of_job, "/v1/sweeps/{sweep_id}")
    check(f"{of_job}/rows?budget=5M&limit=3", "/v1/sweeps/{sweep_id}/rows")
    check(f"{of_job}/plot", "/v1/sweeps/{sweep_id}/plot")
    check(f"{of_job}/configurations/3", "/v1/sweeps/{sweep_id}/configurations/{configuration_id}")
    check("/healthz")
    check("/readyz")
    others = {"/metrics", "/v1/schema", "/v1/sweeps/{sweep_id}/events", "/v1/sweeps/{sweep_id}/rows.{form}"}
    assert seen == set(description["paths"]) - others
