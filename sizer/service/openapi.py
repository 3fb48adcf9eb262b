"""The API in OpenAPI's words: what each address takes and answers, with examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sizer.formats import FORMATS, OF_RUNS, listed
from sizer.frameworks.code import WRITERS
from sizer.service.schemas import MODEL, NETWORK, SCHEMAS, named

Described = dict[Any, Any]

_SWEEP = """sizer: 1
name: small
model: {convention: pytorch, cell_type: lstm, inputs: 80, outputs: 0}
grid: {layers: [1, 2], cells: {from: 256, to: 1024, step: 256}}
budget: {weights: {max: 10M}}
"""
_MODEL = """model:
  convention: pytorch
  blocks:
    features: {type: input, inputs: 80}
    encoder: {type: recurrent, layers: 4, cells: 1024, recurrent_projection: 256}
    output: {type: dense, width: 500}
"""
_SPACE = """sizer: 1
name: widths
model: {convention: pytorch, cell_type: lstm, inputs: 80}
grid: {layers: [2, 3, 4], cells: {per_layer: {from: 128, to: 1024, step: 128}}}
budget: {weights: {max: 10M}}
"""
_JOB_ID = "b2c1f0a9d3e4f5061728"

_BUDGET = {
    "description": "A size (the most weights), `int8_bytes=2MB`, a list of such, or columns with a maximum or min and max.",
    "anyOf": [
        {"type": "string"},
        {"type": "integer", "minimum": 0},
        {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0}]}},
        {"type": "object", "additionalProperties": True},
    ],
    "example": "10M",
}
_NETWORK = {"anyOf": [named("Network"), named("Model")]}
_PART = {"anyOf": [named("PartOfNetwork"), named("Model")]}
_STATUSES = {
    400: "The request is not valid HTTP.",
    401: "The server asks for a token.",
    403: "A page of another origin may not ask this.",
    404: "Not found.",
    408: "The head or the body took too long to arrive.",
    409: "The sweep is not done.",
    413: "The request is too large.",
    421: "The server does not answer to this host name.",
    422: "The request has faults; the answer lists all of them.",
    429: "Too many requests at once; `Retry-After` says when to try again.",
    431: "The address and the headers are too large.",
    500: "The sweep's table is damaged; delete it and post it again.",
    503: "The server cannot answer now.",
}

_ANYWHERE = (400, 401, 403, 408, 421, 431, 503)
"""What any address may answer: of the request as such, or where every connection is in use, or the server ends."""


def _json(schema: Mapping[str, Any], example: Any = None) -> Described:
    return {"application/json": {"schema": schema, **({} if example is None else {"example": example})}}


def _responses(success: int, about: str, content: Described | None, *refusals: int) -> Described:
    found: Described = {success: {"description": about, **({} if content is None else {"content": content})}}
    for status in sorted({*_ANYWHERE, *refusals}):
        found[status] = {
            "description": _STATUSES[status],
            "content": {"application/json": {"schema": named("Faults")}},
        }
    return found


def _described(
    summary: str, about: str, responses: Described, body: Described | None = None, *, text: str = ""
) -> Described:
    extra: Described = {}
    if body is not None:
        extra["requestBody"] = {"required": True, "content": body}
    return {
        "summary": summary,
        "description": text or about,
        "responses": responses,
        "openapi_extra": extra,
        "response_model": None,
    }


def _body(required: list[str], properties: Mapping[str, Any], example: Mapping[str, Any]) -> Described:
    schema = {"type": "object", "required": required, "properties": properties, "additionalProperties": False}
    return _json(schema, example)


COUNT = _described(
    "Count one network, or many",
    "Exact counts.",
    _responses(
        200,
        "The counts: of one network an object, of `networks` a list under `counts`, of `columns` lists under `columns`.",
        _json(
            {"anyOf": [named("Count"), named("ModelCount"), named("Counts"), named("CountedColumns")]},
            {"weights": 12926976, "parts": {"input_weights": 4521984}, "fits": False},
        ),
        413, 422, 429,
    ),
    {
        "application/json": {
            "schema": {
                "anyOf": [
                    {
                        "type": "object",
                        "required": ["network"],
                        "properties": {"network": _NETWORK, "budget": _BUDGET},
                        "additionalProperties": False,
                    },
                    {
                        "type": "object",
                        "required": ["networks"],
                        "properties": {"networks": {"type": "array", "items": _NETWORK}, "budget": _BUDGET},
                        "additionalProperties": False,
                    },
                    {
                        "type": "object",
                        "required": ["columns"],
                        "properties": {
                            "columns": {
                                "type": "object",
                                "additionalProperties": True,
                                "description": "Field -> a list of values, one for each network, or one value for all.",
                            },
                            "budget": _BUDGET,
                        },
                        "additionalProperties": False,
                    },
                ]
            },
            "examples": {
                "one": {"value": {"network": NETWORK, "budget": "10M"}},
                "model": {"value": {"network": MODEL, "budget": {"encoder.weights": "8M"}}},
                "many": {"value": {"networks": [NETWORK, {**NETWORK, "cells": 512}], "budget": "10M"}},
                "columns": {"value": {"columns": {**NETWORK, "cells": [512, 1024]}, "budget": "10M"}},
            },
        }
    },
    text="`network` is one network, or a model of blocks; `networks` a list of up to 100,000, models among them; `columns` the same, field by field.",
)  # fmt: skip
COMPARE = _described(
    "The same network under every convention",
    "The network under every convention; or, with `claim`, the readings that give a stated figure, those with the fewest assumptions first.",
    _responses(
        200,
        "As `sizer compare --json` prints it.",
        _json({"anyOf": [named("Readings"), named("Reconciliation")]}),
        413,
        422,
        429,
    ),
    _body(
        ["network"],
        {
            "network": _PART,
            "claim": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        },
        {"network": {"cell_type": "lstm", "inputs": 205, "layers": 5, "cells": 700, "outputs": 205}, "claim": "21.3M"},
    ),
)
EXPLAIN = _described(
    "One network, tensor by tensor",
    "Every tensor with its shape and weights, and the formula.",
    _responses(
        200,
        "As `sizer explain --json` prints it.",
        _json({"anyOf": [named("Breakdown"), named("ModelBreakdown")]}),
        413,
        422,
        429,
    ),
    _body(["network"], {"network": _NETWORK}, {"network": NETWORK}),
)
MODEL_TEXT = _described(
    "A model of blocks from a file, block by block",
    "Every block and tensor, and the formula; faults have line and column.",
    _responses(
        200, "As `sizer explain MODEL --json` prints it.", _json({"anyOf": [named("ModelBreakdown")]}), 413, 422, 429
    ),
    {"application/yaml": {"schema": {"type": "string"}, "example": _MODEL}},
)
FIT = _described(
    "The widest network within a budget",
    "The largest value of a field that keeps a network within a budget, and the first value over it. In a model of blocks a field is a path, `encoder.cells`.",
    _responses(200, "As `sizer fit --json` prints each answer.", _json(named("Fit")), 413, 422, 429),
    _body(
        ["network", "vary", "budget"],
        {
            "network": _PART,
            "vary": {"type": "string"},
            "budget": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "step": {"type": "integer", "minimum": 1},
            "round_to": {"type": "integer", "minimum": 1},
        },
        {"network": {name: NETWORK[name] for name in NETWORK if name != "cells"}, "vary": "cells", "budget": "10M"},
    ),
)
CODE = _described(
    "One network as PyTorch or Keras code",
    "A module that builds the network.",
    _responses(
        200,
        "The code.",
        _json(named("Code")),
        413, 422, 429,
    ),
    _body(
        ["network", "to"],
        {"network": _NETWORK, "to": {"enum": list(WRITERS)}},
        {"network": NETWORK, "to": "torch"},
    ),
)  # fmt: skip
CONVENTIONS = _described(
    "The conventions",
    "All conventions: their rules, what they refuse, and their sources.",
    _responses(200, "All of them.", _json(named("Conventions")), 429),
)
SCHEMA = _described(
    "The JSON Schema of sweep files",
    "For editors.",
    _responses(200, "The schema.", {"application/schema+json": {"schema": named("SweepSchema")}}, 429),
)

_SWEEP_BODY: Described = {
    "application/yaml": {"schema": {"type": "string"}, "example": _SWEEP},
    "application/json": {
        "schema": {"type": "object", "additionalProperties": True, "description": "A sweep file, as JSON."}
    },
}
DRY_RUN = _described(
    "Count a sweep",
    "Checks a sweep and counts the configurations that it would keep; runs and stores nothing.",
    _responses(
        200,
        "How many configurations there are, and how many are kept.",
        _json(named("Checked")),
        413, 422, 429,
    ),
    _SWEEP_BODY,
)  # fmt: skip
POST_SWEEP = _described(
    "Run a sweep",
    "Checks a sweep, counts what it will keep and starts a job. The same sweep posted twice is one job (200).",
    {
        **_responses(202, "The job is queued or running.", _json(named("Job")), 413, 422, 429),
        200: {"description": "The server has this sweep already.", "content": _json(named("Job"))},
    },
    _SWEEP_BODY,
)
_FILE_BODY: Described = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_SPACE_BODY: Described = {**_SWEEP_BODY, "application/yaml": {"schema": {"type": "string"}, "example": _SPACE}}
SPACE_COUNT = _described(
    "How many networks of a space fit",
    "For a sweep, with `per_layer` axes or without: how many networks fit (exactly, or as bounds with the reason), and a histogram of their sizes.",
    _responses(200, "How many.", _json(named("SpaceCount")), 413, 422, 429),
    _SPACE_BODY,
)
SPACE_SAMPLE = _described(
    "Sample networks from a space",
    "Sampled uniformly from all that fit; the same seed gives the same networks.",
    _responses(200, "As `sizer sample --json` prints them.", _json(named("Drawn")), 413, 422, 429),
    _SPACE_BODY,
)
LOOK = _described(
    "Look into a model file",
    "Reads names and shapes, not weights; executes and stores nothing. Of a long file you may send only the first and last"
    " bytes, with `size` and `head`: for safetensors the beginning is enough.",
    _responses(
        200,
        "As `sizer look --json` prints it, with a sweep and a model in YAML.",
        _json(named("Looked")),
        413,
        422,
        429,
    ),
    _FILE_BODY,
)
BLOCK_TYPES = _described(
    "The types of blocks",
    "All types of blocks, with their fields and meanings.",
    _responses(200, "All of them.", _json(named("BlockTypes")), 429),
)
EXAMPLES = _described(
    "Example sweeps", "To start from.", _responses(200, "All of them.", _json(named("Examples")), 429)
)
LIST_SWEEPS = _described(
    "The sweeps",
    "The newest first.",
    _responses(
        200,
        "Some of them.",
        _json(named("Jobs")),
        422,
        429,
    ),
)
GET_SWEEP = _described(
    "One sweep", "Its status, and its text.", _responses(200, "The sweep.", _json(named("JobWithText")), 404, 422, 429)
)
DELETE_SWEEP = _described(
    "Cancel or delete a sweep",
    "A queued or running sweep is cancelled (200); a finished one is deleted with its rows (204).",
    {**_responses(200, "It is cancelled.", _json(named("Job")), 404, 422, 429), 204: {"description": "It is removed."}},
)
_EVENT = {"description": "An event: its name is the sweep's status, its data the sweep as JSON."}
EVENTS = _described(
    "Progress as server-sent events",
    "Sends the sweep whenever something changes, until it has ended; the event's name is the status.",
    _responses(200, "Events.", {"text/event-stream": {"schema": _EVENT}}, 404, 422, 429),
)
CONFIGURATION = _described(
    "One configuration of a sweep, tensor by tensor",
    "By its id, whether the sweep keeps it or not.",
    _responses(
        200,
        "As `sizer explain --json` prints it.",
        _json({"anyOf": [named("Breakdown"), named("ModelBreakdown")]}),
        404,
        422,
        429,
    ),
)
ROWS = _described(
    "Rows, a page at a time",
    "Rows of a finished sweep, filtered and sorted; ties are in id order. `next` is the cursor of the next page.",
    _responses(
        200,
        "A page.",
        _json(named("Page")),
        404, 409, 422, 429, 500,
    ),
)  # fmt: skip
PLOT = _described(
    "The points of a plot",
    "The smallest and largest weights at each value of a field, grouped by another field: some hundreds of points.",
    _responses(200, "The points.", _json(named("Points")), 404, 409, 422, 429, 500),
)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
FILES = _described(
    "Rows as a file",
    f"{listed(tuple(f'`rows.{name}`' for name in OF_RUNS), 'or')}, of the same rows."
    f" {listed(tuple(FORMATS[name].title for name in OF_RUNS if not FORMATS[name].text), 'and')} answer Range requests.",
    _responses(
        200,
        "The file.",
        {FORMATS[name].media_type.partition(";")[0]: _BINARY for name in OF_RUNS},
        404, 409, 422, 429, 500,
    ),
)  # fmt: skip
HEALTH = _described("Whether it runs", "Needs no token.", _responses(200, "It does.", _json(named("Health"))))
READY = _described("Whether it takes jobs", "Needs no token.", _responses(200, "It does.", _json(named("Readiness"))))
METRICS = _described(
    "Measurements",
    "In Prometheus' text format.",
    _responses(200, "They.", {"text/plain": {"schema": {"type": "string"}}}),
)


def completed(description: dict[str, Any], *, token: bool) -> dict[str, Any]:
    """Return an OpenAPI description with what every address shares, and without what the framework adds.

    Args:
        description: as the framework makes it.
        token: whether the server asks for one.
    """
    components = description.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(SCHEMAS)
    for methods in description["paths"].values():
        for operation in methods.values():
            for response in operation["responses"].values():
                # The framework supposes JSON of which it knows nothing, whatever else an address answers.
                if response.get("content", {}).get("application/json", {}).get("schema") == {}:
                    del response["content"]["application/json"]
    if token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        description["security"] = [{"token": []}]
    return description
