"""What answers hold, in JSON Schema's words: each has a name, so that a client made from the description has a type for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sizer.networks.blocks.types import BLOCK_TYPES
from sizer.networks.columns import COUNTED, MODEL_COLUMNS, MODEL_PARTS, PARTS
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.fields import FIELDS, REQUIRED, Field
from sizer.service.jobs import STATUSES

Schema = Mapping[str, Any]


def named(name: str) -> Schema:
    """Return what stands for a schema of `SCHEMAS`."""
    assert name in SCHEMAS, name
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Mapping[str, Schema], *optional: str, **more: Any) -> Schema:
    """Return an object of which every property is there, but for the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": dict(properties), **more}


def _list(items: Schema, about: str = "") -> Schema:
    return {"type": "array", "items": items, **({"description": about} if about else {})}


def _by_name(values: Schema, about: str) -> Schema:
    return {"type": "object", "additionalProperties": values, "description": about}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_COUNTED: Schema = {"type": "integer", "minimum": 0}
_SHARE: Schema = {"type": "number"}
_YES_OR_NO: Schema = {"type": "boolean"}
_ANY: Schema = {}
_INSTANT: Schema = {"type": "string", "format": "date-time"}
_FIELDS = _by_name(_ANY, "Field -> value, as for `sizer.count`.")
_SHOWN = _by_name(_ANY, "Every field, with what the convention decides filled in.")
_BY_TENSOR = _by_name(_WHOLE, "Difference in weights, tensor by tensor.")
_CONFIGURATION = _by_name(_ANY, "A configuration, with its id and its counts.")
_COLUMNS: dict[str, Schema] = dict.fromkeys(COUNTED, _COUNTED)
_FITS: Schema = {"type": "boolean", "description": "With a budget: whether the network is within it."}
_MACS = _by_name(
    _TEXT, "Clock, or pair of them -> multiply-accumulates for each step, as an exact fraction such as 70/3."
)
_BLOCK = _object(
    {
        "name": _TEXT,
        "type": _TEXT,
        "weights": _COUNTED,
        "share": _SHARE,
        "formula": _TEXT,
        "width": _COUNTED,
        "height": _COUNTED,
        "steps": _by_name(_TEXT, "Clock -> how often it steps for each step of it, as an exact fraction."),
        "macs": _MACS,
        "frozen": _YES_OR_NO,
        "shared": _or_null(_TEXT),
    }
)
_PARTS = _object(dict.fromkeys(PARTS, _COUNTED), description="They add up to the weights.")


def _field(field: Field) -> Schema:
    """Return what a field of a network may be."""
    if field.kind == "choice":
        return _TEXT
    if field.kind == "boolean":
        return _YES_OR_NO
    count = {"type": "integer", "minimum": field.minimum}
    if field.maximum is not None:
        count["maximum"] = field.maximum
    return {"anyOf": [count, _list(_WHOLE)]} if field.per_layer else count


_OF_NETWORK = {name: {**_field(field), "description": field.description} for name, field in FIELDS.items()}
NETWORK = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
"""An example."""
MODEL = {
    "convention": "pytorch",
    "blocks": {
        "features": {"type": "input", "inputs": 80},
        "encoder": {"type": "recurrent", "layers": 4, "cells": 1024, "recurrent_projection": 256},
        "output": {"type": "dense", "width": 500},
    },
}
"""An example."""

SCHEMAS: dict[str, Schema] = {
    "Fault": _object(
        {
            "file": {"type": "string", "description": "`sweep` where the fault has a place in the body; else empty."},
            "line": {"type": "integer", "description": "From 1; 0 where there is no place."},
            "column": {"type": "integer", "description": "From 1; 0 where there is no place."},
            "path": {"type": "string", "description": "The field or parameter."},
            "message": {"type": "string", "description": "What is wrong, and what to do."},
        }
    ),
    "Network": {
        "type": "object",
        "description": "The fields of a network, as `sizer explain` has options for them; counts may be written as 10K.",
        "required": [name for name in REQUIRED if name != "convention"],
        "properties": _OF_NETWORK,
        "example": NETWORK,
    },
    "Model": {
        "type": "object",
        "description": "A model of named blocks, as a file has it under `model`, with the types that the person defines.",
        "required": ["blocks"],
        "properties": {
            "convention": _TEXT,
            "blocks": _by_name(
                {
                    "type": "object",
                    "required": ["type"],
                    "properties": {"type": {"enum": list(BLOCK_TYPES)}},
                    "additionalProperties": True,
                },
                "Name -> block: its type, what it reads (`from`) and the fields of its type.",
            ),
            "clocks": _by_name({"type": "number"}, "Clock -> its steps per second; `seconds`: the length of an input."),
            "other_weights": _COUNTED,
            "cell_types": _FIELDS,
            "block_types": _FIELDS,
        },
        "additionalProperties": False,
        "example": MODEL,
    },
    "PartOfNetwork": {
        "type": "object",
        "description": "The fields of a network, without what is asked for.",
        "properties": _OF_NETWORK,
    },
    "Parts": _PARTS,
}
_REF = {name: {"$ref": f"#/components/schemas/{name}"} for name in ("Fault", "Parts")}
SCHEMAS |= {
    "Faults": _object(
        {"faults": _list(_REF["Fault"])},
        example={
            "faults": [{"file": "", "line": 0, "column": 0, "path": "cells", "message": "0 is below the minimum, 1"}]
        },
    ),
    "Count": _object(
        {
            "weights": _COUNTED,
            "parts": _REF["Parts"],
            **{name: _COLUMNS[name] for name in _COLUMNS if name not in PARTS and name != "weights"},
            "configuration": _SHOWN,
            "notes": _list(_TEXT, "What Sizer assumed, or read differently from how it was written."),
            "fits": _FITS,
        },
        "notes",
        "fits",
    ),
    "ModelCount": _object(
        {
            "weights": _COUNTED,
            "parts": _by_name(_COUNTED, "Part -> weights; they add up to the weights."),
            **{name: _COUNTED for name in MODEL_COLUMNS if name not in MODEL_PARTS and name != "weights"},
            "clocks": _list(_TEXT, "In the order in which blocks start them."),
            "macs": _MACS,
            "configuration": _by_name(_ANY, "The model as it was given."),
            "fits": _FITS,
        },
        "fits",
        "macs_per_step",
        additionalProperties=_COUNTED,
        description="With `NAME.weights` of each block, and `macs_per_CLOCK`.",
    ),
    "Counts": _object(
        {
            "counts": _list(
                _object({**_COLUMNS, "fits": _FITS}, "fits", "macs_per_step", additionalProperties=_COUNTED),
                "Of a model of blocks with the columns that it has.",
            )
        }
    ),
    "CountedColumns": _object(
        {
            "columns": _object(
                {**dict.fromkeys(_COLUMNS, _list(_COUNTED)), "fits": _list(_YES_OR_NO)},
                *_COLUMNS,
                "fits",
                description="Column -> a value for each network; empty where there is none.",
            )
        }
    ),
    "Reading": _object(
        {
            "convention": _TEXT,
            "weights": _or_null(_COUNTED),
            "refusal": _or_null(_TEXT),
            "difference": _or_null(_WHOLE),
            "difference_by_tensor": _BY_TENSOR,
            "note": _or_null(_TEXT),
            "parts": _or_null(_REF["Parts"]),
        }
    ),
    "Assumption": _object(
        {
            "assumption": _TEXT,
            "words": _TEXT,
            "changes": _FIELDS,
            "price": _COUNTED,
            "difference": _WHOLE,
            "by_tensor": _BY_TENSOR,
        }
    ),
}
SCHEMAS |= {
    "ReadingOfClaim": _object(
        {
            "match": {"enum": ["exact", "rounded", "cut", "near"]},
            "weights": _COUNTED,
            "difference": _WHOLE,
            "price": _COUNTED,
            "fields": _FIELDS,
            "assumed": _list(named("Assumption")),
            "same_network": _list(_FIELDS),
        }
    ),
    "Readings": _object({"readings": _list(named("Reading"))}),
}
SCHEMAS |= {
    "Reconciliation": _object(
        {
            "claim": _object({"text": _TEXT, "least": _COUNTED, "most": _COUNTED}),
            "plain": named("ReadingOfClaim"),
            "answers": _list(named("ReadingOfClaim")),
            "near": _list(named("ReadingOfClaim")),
            "not": _list(named("ReadingOfClaim")),
            "more": _COUNTED,
        }
    ),
    "Breakdown": _object(
        {
            "configuration": _SHOWN,
            **_COLUMNS,
            "formula": _TEXT,
            "notes": _list(_TEXT, "Notes for the reader."),
            "blocks": _list(_BLOCK, "Only for a model of blocks."),
            "sections": _list(
                _object(
                    {
                        "title": _TEXT,
                        "times": _COUNTED,
                        "block": {
                            "type": "string",
                            "description": "Of a model of blocks: the block that it belongs to.",
                        },
                        "weights": {**_COUNTED, "description": "Of all of its tensors, as often as they stand."},
                        "share": _SHARE,
                        "tensors": _list(
                            _object(
                                {
                                    "name": _TEXT,
                                    "shape": _list(_COUNTED),
                                    "weights": _COUNTED,
                                    "weights_in_all": _COUNTED,
                                    "share": _SHARE,
                                    "macs_per_step": _COUNTED,
                                    "shared": _YES_OR_NO,
                                }
                            )
                        ),
                    },
                    "block",
                )
            ),
        },
        "notes",
        "blocks",
        "macs_per_step",
    ),
    "Candidate": _object(
        {"values": _by_name(_COUNTED, "Field that varies -> its value."), "counted": _COUNTED, "weights": _COUNTED}
    ),
}
SCHEMAS |= {
    "ModelBreakdown": {
        **SCHEMAS["Breakdown"],
        "additionalProperties": _COUNTED,
        "properties": {**SCHEMAS["Breakdown"]["properties"], **dict.fromkeys(MODEL_COLUMNS, _COUNTED)},
        "description": "With `NAME.weights` of each block, and `macs_per_CLOCK`.",
    }
}
SCHEMAS |= {
    "Fit": _object(
        {
            "fields": _FIELDS,
            "settings": _FIELDS,
            "outcome": {"enum": ["found", "nothing", "unchanged", "unlimited", "refused"]},
            "largest": _or_null(named("Candidate")),
            "next": _or_null(named("Candidate")),
            "smallest": _or_null(named("Candidate")),
            "note": _or_null(_TEXT),
        },
        "settings",
    ),
    "Code": _object({"code": _TEXT}),
    "Convention": _object(
        {
            "convention": {"enum": list(CONVENTIONS)},
            "title": _TEXT,
            "bias_vectors": _by_name(_COUNTED, "Cell type -> bias vectors of each gate."),
            "candidate_bias": _YES_OR_NO,
            "peepholes": _TEXT,
            "projections": _list(_TEXT),
            "projection_bias": _YES_OR_NO,
            "output_bias": _YES_OR_NO,
            "refused": _list(_TEXT),
            "note": _or_null(_TEXT),
            "source": _TEXT,
        }
    ),
    "SweepSchema": {
        "type": "object",
        "additionalProperties": True,
        "properties": {"$schema": _TEXT, "title": _TEXT},
        "description": "A JSON Schema.",
    },
    "DryRun": _object(
        {
            "exact": {"type": "boolean", "description": "Whether `kept` is there, or only `kept_between`."},
            "configurations": _COUNTED,
            "kept": _COUNTED,
            "kept_between": _or_null(_list(_COUNTED)),
            "not_valid": _by_name(_COUNTED, "Reason -> configurations that a convention refuses."),
            "outside_budget": _by_name(_by_name(_COUNTED, "`under` or `over` -> how many."), "Column -> how many."),
            "excluded": _by_name(_COUNTED, "Condition -> configurations that it excludes."),
            "repeated": _COUNTED,
            "largest": _list(_CONFIGURATION),
            "smallest": _or_null(_CONFIGURATION),
            "expected_bytes": _by_name(_COUNTED, "Form -> bytes of the table."),
        },
        "kept", "kept_between", "not_valid", "outside_budget", "excluded", "repeated", "largest", "smallest",
        "expected_bytes",
    ),
    "Progress": _object(
        {"decided": _COUNTED, "kept": _COUNTED, "seconds": {"type": "number"}},
        "decided", "kept", "seconds",
        description="How many configurations are decided, and how many of them are kept; empty before it runs.",
    ),
    "Summary": _by_name(_ANY, "What `sizer run --json` says: `kept`, `not_valid`, `outside_budget`, `excluded`, `largest` ..."),
    "Health": _object({"status": _TEXT, "version": _TEXT}),
    "Readiness": _object({"status": _TEXT}),
    "Page": _object(
        {
            "columns": _list(_TEXT),
            "rows": _list(_by_name(_ANY, "Column -> value.")),
            "total": _COUNTED,
            "next": _or_null(_TEXT),
        }
    ),
    "Points": _object(
        {
            "x": {"type": "string", "description": "The field on the x axis."},
            "length": {"type": "integer", "description": "How many neighbouring values of it are one place."},
            "colour": {"type": "string", "description": "The field that groups; empty where none does."},
            "groups": _list(_TEXT, "Its values, or spans of them, in order."),
            "numbers": {"type": "boolean", "description": "Whether the groups are numbers."},
            "points": _list(
                _list({"anyOf": [_WHOLE, _TEXT]}), "Each: place, group, smallest, largest, configurations."
            ),
            "values": _by_name(_COUNTED, "Field -> how many values it has in all rows."),
        }
    ),
}  # fmt: skip
_JOB: dict[str, Schema] = {
    "id": {"type": "string", "description": "Of what the sweep says: the same sweep has the same id."},
    "name": _TEXT,
    "status": {"enum": list(STATUSES)},
    "configurations": _COUNTED,
    "dry_run": named("DryRun"),
    "progress": named("Progress"),
    "summary": _or_null(named("Summary")),
    "faults": _list(named("Fault")),
    "created": _INSTANT,
    "ended": _or_null(_INSTANT),
}
SCHEMAS |= {
    "Checked": _object(
        {
            "id": _TEXT,
            "name": _TEXT,
            "text": _TEXT,
            "configurations": _COUNTED,
            "columns": _list(_TEXT),
            "swept": _list(_TEXT),
            "space": {"type": "boolean", "description": "Whether fields vary per layer."},
            "dry_run": named("DryRun"),
        }
    ),
    "Job": _object(_JOB),
    "JobWithText": _object({**_JOB, "sweep": _TEXT}),
    "Conventions": _object({"conventions": _list(named("Convention"))}),
}
SCHEMAS |= {
    "SpaceCount": _object(
        {
            "name": _TEXT,
            "configurations": _COUNTED,
            "exact": _YES_OR_NO,
            "kept": _or_null(_COUNTED),
            "kept_between": _or_null(_list(_COUNTED)),
            "reason": {"type": "string", "description": "Why it is not exact; empty where it is."},
            "histogram": _list(
                _object({"least": _COUNTED, "most": _COUNTED, "networks": _COUNTED}),
                "Histogram of the numbers of weights; both ends are included.",
            ),
            "median": _or_null(_COUNTED),
            "unsorted": {"type": "string", "description": "Why there is no histogram; empty where there is."},
        }
    ),
    "Drawn": _object(
        {
            "name": _TEXT,
            "configurations": _COUNTED,
            "kept": _COUNTED,
            "seed": _COUNTED,
            "columns": _list(_TEXT),
            "networks": _list(_CONFIGURATION),
        }
    ),
    "Looked": _object(
        {
            "file": _TEXT,
            "place": _TEXT,
            "format": _TEXT,
            "producer": _TEXT,
            "tensors": _COUNTED,
            **dict.fromkeys(
                (
                    "weights", "recurrent_weights", "explained_weights", "trained_weights", "stored_values",
                    "buffer_values", "whole_number_values", "constant_values", "optimizer_values",
                ),
                _COUNTED,
            ),
            "tied": _list(_list(_TEXT), "A tensor, and the one that it is."),
            "networks": _list(_FIELDS, "Recurrent stacks: name, fields, weights, how they were found."),
            "blocks": _list(_FIELDS, "The blocks around them."),
            "unexplained": _list(_FIELDS, "Tensors that Sizer cannot explain."),
            "model": _or_null(_FIELDS),
            "cell_types": _or_null(_FIELDS),
            "notes": _list(_TEXT),
            "files": _list(_FIELDS, "Each file by itself, if there are several."),
            "sweep_text": _or_null(_TEXT),
            "model_text": _or_null(_TEXT),
        }
    ),
    "BlockTypes": _object(
        {
            "block_types": _list(
                _object(
                    {
                        "block_type": _TEXT,
                        "title": _TEXT,
                        "fields": _list(
                            _object(
                                {
                                    "field": _TEXT,
                                    "kind": _TEXT,
                                    "required": _YES_OR_NO,
                                    "words": _list(_TEXT),
                                    "meaning": _TEXT,
                                }
                            )
                        ),
                    }
                )
            )
        }
    ),
    "Examples": _object({"examples": _list(_object({"name": _TEXT, "text": _TEXT}))}),
}  # fmt: skip
SCHEMAS |= {"Jobs": _object({"sweeps": _list(named("Job"))})}
