"""The API in OpenAPI's words: what each address takes and answers, with examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Described = dict[Any, Any]

_NETWORK = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
_SWEEP = """sizer: 1
name: small
model: {convention: pytorch, cell_type: lstm, inputs: 80, outputs: 0}
grid: {layers: [1, 2], cells: {from: 256, to: 1024, step: 256}}
budget: {weights: {max: 10M}}
"""
_JOB_ID = "b2c1f0a9d3e4f5061728"

_FAULT = {
    "type": "object",
    "required": ["file", "line", "column", "path", "message"],
    "properties": {
        "file": {"type": "string", "description": "`sweep` where the fault has a place in the body; else empty."},
        "line": {"type": "integer", "description": "From 1; 0 where there is no place."},
        "column": {"type": "integer", "description": "From 1; 0 where there is no place."},
        "path": {"type": "string", "description": "The field or parameter."},
        "message": {"type": "string", "description": "What is wrong, and what to do."},
    },
}
_FAULTS = {
    "type": "object",
    "required": ["faults"],
    "properties": {"faults": {"type": "array", "items": _FAULT}},
    "example": {
        "faults": [{"file": "", "line": 0, "column": 0, "path": "cells", "message": "0 is below the minimum, 1"}]
    },
}
_COUNTED: Mapping[str, Any] = {"type": "integer", "minimum": 0}
_NETWORK_SCHEMA = {
    "type": "object",
    "description": "The fields of a network, as `sizer explain` has options for them; counts may be written as 10K.",
    "required": ["convention", "cell_type", "layers", "cells"],
    "properties": {
        "convention": {"type": "string"},
        "cell_type": {"type": "string"},
        "layers": {"type": "integer", "minimum": 1},
        "cells": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "array", "items": {"type": "integer"}}]},
        "inputs": {"type": "integer", "minimum": 0},
    },
    "example": _NETWORK,
}
_BUDGET = {
    "description": "A size (the most weights), `int8_bytes=2MB`, a list of such, or columns with a maximum or min and max.",
    "anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "array"}, {"type": "object"}],
    "example": "10M",
}
_STATUSES = {
    400: "The request is no HTTP that can be answered.",
    401: "The server asks for a token.",
    403: "A page of another origin may not ask this.",
    404: "There is none.",
    408: "The body took too long to arrive.",
    409: "The sweep is not done.",
    413: "There is more than is read.",
    421: "The server does not answer to this name.",
    422: "What is asked has faults; all of them at once.",
    429: "Too much is asked at once; `Retry-After` says when to try again.",
    500: "The sweep's table is damaged; delete it and post it again.",
    503: "It cannot be answered now.",
}


def _json(schema: Mapping[str, Any], example: Any = None) -> Described:
    return {"application/json": {"schema": schema, **({} if example is None else {"example": example})}}


def _responses(success: int, about: str, content: Described | None, *refusals: int) -> Described:
    found: Described = {success: {"description": about, **({} if content is None else {"content": content})}}
    for status in (400, 401, 403, 421, *refusals):
        found[status] = {
            "description": _STATUSES[status],
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Faults"}}},
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


_COUNT_SCHEMA = {
    "type": "object",
    "required": ["weights", "parts", "macs_per_step", "state_size", "float32_bytes", "float16_bytes", "int8_bytes"],
    "properties": {
        "weights": _COUNTED,
        "parts": {"type": "object", "description": "They add up to the weights.", "additionalProperties": _COUNTED},
        "macs_per_step": _COUNTED,
        "state_size": _COUNTED,
        "float32_bytes": _COUNTED,
        "float16_bytes": _COUNTED,
        "int8_bytes": _COUNTED,
        "configuration": {"type": "object", "description": "Every field, what the convention decides filled in."},
        "fits": {"type": "boolean", "description": "Where a budget was given: whether the network is within it."},
    },
}
COUNT = _described(
    "Count one network, or many",
    "Exact counts.",
    _responses(
        200,
        "The counts: of one network an object, of `networks` a list under `counts`, of `columns` lists under `columns`.",
        _json(
            {
                "anyOf": [
                    _COUNT_SCHEMA,
                    {"type": "object", "required": ["counts"], "properties": {"counts": {"type": "array"}}},
                    {"type": "object", "required": ["columns"], "properties": {"columns": {"type": "object"}}},
                ]
            },
            {"weights": 12926976, "parts": {"input_weights": 4521984}, "fits": False},
        ),
        408, 413, 422,
    ),
    {
        "application/json": {
            "schema": {
                "anyOf": [
                    {
                        "type": "object",
                        "required": ["network"],
                        "properties": {"network": _NETWORK_SCHEMA, "budget": _BUDGET},
                        "additionalProperties": False,
                    },
                    {
                        "type": "object",
                        "required": ["networks"],
                        "properties": {"networks": {"type": "array", "items": _NETWORK_SCHEMA}, "budget": _BUDGET},
                        "additionalProperties": False,
                    },
                    {
                        "type": "object",
                        "required": ["columns"],
                        "properties": {
                            "columns": {
                                "type": "object",
                                "description": "Field -> a list of values, one for each network, or one value for all.",
                            },
                            "budget": _BUDGET,
                        },
                        "additionalProperties": False,
                    },
                ]
            },
            "examples": {
                "one": {"value": {"network": _NETWORK, "budget": "10M"}},
                "many": {"value": {"networks": [_NETWORK, {**_NETWORK, "cells": 512}], "budget": "10M"}},
                "columns": {"value": {"columns": {**_NETWORK, "cells": [512, 1024]}, "budget": "10M"}},
            },
        }
    },
    text="`network` is one network; `networks` a list of up to 100,000; `columns` the same, field by field.",
)  # fmt: skip
_OBJECT = {"type": "object"}
COMPARE = _described(
    "The same network under every convention",
    "Every convention's reading; or, with `claim`, which readings give a stated figure, the least assumed first.",
    _responses(200, "As `sizer compare --json` prints it.", _json(_OBJECT), 408, 413, 422, 429, 503),
    _body(
        ["network"],
        {
            "network": {"type": "object"},
            "claim": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        },
        {"network": {"cell_type": "lstm", "inputs": 205, "layers": 5, "cells": 700, "outputs": 205}, "claim": "21.3M"},
    ),
)
EXPLAIN = _described(
    "One network, tensor by tensor",
    "Every tensor with its shape and weights, and the formula.",
    _responses(200, "As `sizer explain --json` prints it.", _json(_OBJECT), 408, 413, 422),
    _body(["network"], {"network": _NETWORK_SCHEMA}, {"network": _NETWORK}),
)
FIT = _described(
    "The widest network within a budget",
    "The largest value of a field that keeps a network within a budget, and the next one over it.",
    _responses(200, "As `sizer fit --json` prints each answer.", _json(_OBJECT), 408, 413, 422),
    _body(
        ["network", "vary", "budget"],
        {
            "network": {"type": "object"},
            "vary": {"type": "string"},
            "budget": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "step": {"type": "integer", "minimum": 1},
            "round_to": {"type": "integer", "minimum": 1},
        },
        {"network": {name: _NETWORK[name] for name in _NETWORK if name != "cells"}, "vary": "cells", "budget": "10M"},
    ),
)
CODE = _described(
    "One network as PyTorch or Keras code",
    "A module that builds the network.",
    _responses(
        200,
        "The code.",
        _json({"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}}),
        408, 413, 422,
    ),
    _body(
        ["network", "to"],
        {"network": _NETWORK_SCHEMA, "to": {"enum": ["torch", "keras"]}},
        {"network": _NETWORK, "to": "torch"},
    ),
)  # fmt: skip
CONVENTIONS = _described(
    "The conventions",
    "Their rules, what they refuse, and their sources.",
    _responses(200, "All of them.", _json(_OBJECT)),
)
SCHEMA = _described(
    "The JSON Schema of sweep files",
    "For editors.",
    _responses(200, "The schema.", {"application/schema+json": {"schema": _OBJECT}}),
)

_DRY_RUN_SCHEMA = {
    "type": "object",
    "required": ["exact", "configurations"],
    "properties": {
        "exact": {"type": "boolean", "description": "Whether `kept` is there, or only `kept_between`."},
        "configurations": _COUNTED,
        "kept": _COUNTED,
    },
}
_JOB = {
    "type": "object",
    "required": [
        "id",
        "name",
        "status",
        "configurations",
        "dry_run",
        "progress",
        "summary",
        "faults",
        "created",
        "ended",
    ],
    "properties": {
        "id": {"type": "string", "description": "Of what the sweep says: the same sweep has the same id."},
        "name": {"type": "string"},
        "status": {"enum": ["queued", "running", "done", "failed", "cancelled"]},
        "configurations": _COUNTED,
        "dry_run": _DRY_RUN_SCHEMA,
        "progress": {"type": "object", "description": "`decided` of the configurations, and `kept`."},
        "summary": {"anyOf": [_OBJECT, {"type": "null"}]},
        "faults": {"type": "array", "items": _FAULT},
        "created": {"type": "string", "format": "date-time"},
        "ended": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
    },
}
_SWEEP_BODY: Described = {
    "application/yaml": {"schema": {"type": "string"}, "example": _SWEEP},
    "application/json": {"schema": {"type": "object"}},
}
DRY_RUN = _described(
    "What a sweep would give",
    "Checks a sweep and counts what it would keep; nothing is run or kept.",
    _responses(
        200,
        "How many configurations there are, and how many are kept.",
        _json({"type": "object", "required": ["id", "name", "configurations", "dry_run"], "properties": {"dry_run": _DRY_RUN_SCHEMA}}),
        408, 413, 422, 429, 503,
    ),
    _SWEEP_BODY,
)  # fmt: skip
POST_SWEEP = _described(
    "Run a sweep",
    "Checks a sweep, counts what it will keep and starts a job. The same sweep posted twice is one job (200).",
    {
        **_responses(202, "It waits, or runs.", _json(_JOB), 408, 413, 422, 429, 503),
        200: {"description": "It is known already.", "content": _json(_JOB)},
    },
    _SWEEP_BODY,
)
LIST_SWEEPS = _described(
    "The sweeps",
    "The newest first.",
    _responses(
        200,
        "Some of them.",
        _json({"type": "object", "required": ["sweeps"], "properties": {"sweeps": {"type": "array", "items": _JOB}}}),
        422,
        503,
    ),
)
GET_SWEEP = _described(
    "One sweep", "Its status, and its text.", _responses(200, "The sweep.", _json(_JOB), 404, 422, 503)
)
DELETE_SWEEP = _described(
    "Cancel a sweep, or forget it",
    "A sweep that waits or runs is cancelled (200); one that has ended is removed with its rows (204).",
    {**_responses(200, "It is cancelled.", _json(_JOB), 404, 422, 503), 204: {"description": "It is removed."}},
)
EVENTS = _described(
    "Progress as server-sent events",
    "The sweep whenever something changes, until it has ended; the event's name is the status.",
    _responses(200, "Events.", {"text/event-stream": {"schema": {}}}, 404, 422, 429, 503),
)
CONFIGURATION = _described(
    "One configuration of a sweep, tensor by tensor",
    "By its id, whether the sweep keeps it or not.",
    _responses(200, "As `sizer explain --json` prints it.", _json(_OBJECT), 404, 422, 503),
)
ROWS = _described(
    "Rows, a page at a time",
    "Rows of a sweep that is done, filtered and sorted; ties stand in id order. `next` is the cursor of the next page.",
    _responses(
        200,
        "A page.",
        _json(
            {
                "type": "object",
                "required": ["columns", "rows", "total", "next"],
                "properties": {
                    "columns": {"type": "array", "items": {"type": "string"}},
                    "rows": {"type": "array", "items": {"type": "object"}},
                    "total": _COUNTED,
                    "next": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
            }
        ),
        404, 409, 422, 429, 500, 503,
    ),
)  # fmt: skip
PLOT = _described(
    "The points of a plot",
    "How far weights go at each value of a field, grouped by another: some hundreds of points.",
    _responses(200, "The points.", _json(_OBJECT), 404, 409, 422, 429, 500, 503),
)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
FILES = _described(
    "Rows as a file",
    "`rows.csv`, `rows.parquet` or `rows.xlsx`, of the same rows. Parquet and workbooks answer Range requests.",
    _responses(
        200,
        "The file.",
        {
            "text/csv": _BINARY,
            "application/vnd.apache.parquet": _BINARY,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _BINARY,
        },
        404, 409, 422, 429, 500, 503,
    ),
)  # fmt: skip
HEALTH = _described("Whether it runs", "Needs no token.", _responses(200, "It does.", _json(_OBJECT)))
READY = _described("Whether it takes jobs", "Needs no token.", _responses(200, "It does.", _json(_OBJECT), 503))
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
    schemas["Faults"] = _FAULTS
    if token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        description["security"] = [{"token": []}]
    return description
