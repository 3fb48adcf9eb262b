"""The fields, columns and words become the text of `schemas/sweep.schema.json`.

    python -m sizer.sweepfile.schema_source --write

The schema repeats each field where it can stand (in model, in grid, in a linked table), because editors complete and
explain only what stands there. So it is made here, and nobody writes it; a test compares the two.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from sizer.formats import BY_DEFAULT, OF_RUNS, listed
from sizer.networks import custom_cells
from sizer.networks.aliases import TOOLKITS
from sizer.networks.blocks.types import BLOCK_TYPES, BlockField
from sizer.networks.cells import CELL_TYPES
from sizer.networks.columns import BYTES, COUNTED
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import CHOICES
from sizer.networks.fields import FIELDS, Field
from sizer.sweepfile.expressions import LENGTH_LIMIT
from sizer.sweepfile.per_layer import LAYERED, ORDERS
from sizer.sweepfile.yamltext import LONGEST_LIST

Schema = dict[str, Any]

FILE = Path(__file__).parents[2] / "schemas" / "sweep.schema.json"
SIZE = r"^([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE]\+?[0-9]{1,3})?[kKmMbBgGtT]?$(?!\n)"
BYTE_SIZE = r"^([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE]\+?[0-9]{1,3})?([kKmMbBgGtT]?|[kKmMgGtT][iI]?[bB])$(?!\n)"
FRACTION = r"^([0-9]+/[0-9]+|[0-9]+(\.[0-9]+)?|\.[0-9]+)$(?!\n)"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$(?!\n)"
"""Python's `$` stands before a newline at the end too, that of other readers of the schema does not."""
MOST_CELL_TYPES = 1000
MOST_TENSORS = 100
_SHORT = 900
_A_SIZE = "Write a whole number or a size: 10000000, 10M, 1.5K or 1e7, without commas or spaces."
_A_SIZE_IN_BYTES = "Write bytes: 2000000, 2MB, 2MiB or 1.5GB, without spaces."
_NOT_IN_BYTES = f"{_A_SIZE} A size in bytes bounds float32_bytes or int8_bytes."
_A_FRACTION = "Write a fraction: 1/4, 0.25 or 2."
_A_NAME = "Use letters, digits, '.', '_' and '-', and start with a letter or digit."
_COUNT: Schema = {"type": ["integer", "string"], "pattern": SIZE, "patternErrorMessage": _A_SIZE}
_FORBIDDEN: Schema = {"not": {}}


def _snippet(label: str, about: str, body: Any) -> Schema:
    """Return what an editor inserts where a key or a value is completed; `${1:80}` is a place to fill in."""
    return {"label": label, "description": about, "body": body}


def _words(field: str) -> Schema:
    """Return what a word may be: one of ours, which editors complete, and for cells one that the file defines."""
    meanings = meanings_of(field)
    # Editors show a text beside each word that they complete, and over one that stands there.
    ours: Schema = {"enum": list(meanings), "enumDescriptions": list(meanings.values())}
    return {"type": "string", **({"anyOf": [ours, {}]} if field == "cell_type" else ours)}


def meanings_of(field: str) -> dict[str, str]:
    """Return what each word of a field means; of conventions the toolkits too that are other names of one."""
    if field == "cell_type":
        return {name: f"{CELL_TYPES[name].title}." for name in CHOICES[field]}
    ours = {
        name: f"{convention.title[0].upper()}{convention.title[1:]}. From {convention.source}."
        for name, convention in CONVENTIONS.items()
    }
    others = {
        name: f"{toolkit.title}: another name of {toolkit.convention} for {listed(toolkit.cell_types, 'and')}. From {toolkit.source}."
        for name, toolkit in TOOLKITS.items()
    }
    return {**ours, **others}


def _value(field: Field) -> Schema:
    found: Schema = {"title": field.title, "description": field.description}
    if field.kind == "choice":
        found |= _words(field.name)
    elif field.kind == "boolean":
        found |= {"type": "boolean"}
    else:
        found |= {"type": ["integer", "string"], "minimum": field.minimum}
        if field.maximum is not None:
            found["maximum"] = field.maximum
        found |= {"pattern": SIZE, "patternErrorMessage": _A_SIZE}
    if field.default is not None:
        found["default"] = field.default
    return found


def _bounds_name(field: Field) -> str:
    return f"each_{field.minimum}_" + ("or_more" if field.maximum is None else f"to_{field.maximum}")


def _bounds(field: Field) -> Schema:
    bounds: Schema = {"minimum": field.minimum} | ({} if field.maximum is None else {"maximum": field.maximum})
    return {"items": bounds, "properties": {"values": {"items": bounds}, "from": bounds, "to": bounds}}


def _axis(field: Field) -> Schema:
    # The definitions have no texts of their own: an editor would show them in place of the field's.
    found: Schema = {"title": f"{field.title}, swept", "description": field.description}
    if field.kind == "count":
        found["allOf"] = [{"$ref": "#/$defs/axis_of_counts"}, {"$ref": f"#/$defs/{_bounds_name(field)}"}]
    else:
        what = "booleans" if field.kind == "boolean" else f"{field.name}s"
        found["$ref"] = f"#/$defs/axis_of_{what}"
    if field.name not in LAYERED:
        return found
    plain = {name: value for name, value in found.items() if name not in {"title", "description"}}
    return _or_per_layer(found["title"], field.description, plain)


def _or_per_layer(title: str, description: str, plain: Schema) -> Schema:
    """Return the axis of a field that each layer can have for itself.

    Args:
        title: of the axis.
        description: of the field.
        plain: the axis where it holds for a whole network.
    """
    return {
        "title": title,
        "description": description,
        "if": {"type": "object", "required": ["per_layer"]},
        "then": {
            "additionalProperties": False,
            "properties": {
                "per_layer": {
                    "title": "Per layer",
                    "description": "The values that each layer can take, as an axis of any form.",
                    **plain,
                },
                "order": {
                    "title": "Order",
                    "description": "How the values go from the first layer to the last; equal neighbours are always allowed.",
                    "type": "string",
                    "enum": list(ORDERS),
                    "default": "any",
                },
                "distinct": _DISTINCT,
            },
        },
        "else": plain,
    }


_DISTINCT: Schema = {
    "title": "Distinct",
    "description": "The largest number of different values in one network. By default any number.",
    "type": "integer",
    "minimum": 1,
}


def _linked(field: Field) -> Schema:
    return {
        "title": f"{field.title}, linked",
        "description": f"{field.description} One value per row of the table.",
        "type": "array",
        "minItems": 1,
        "maxItems": LONGEST_LIST,
        "items": {"$ref": f"#/$defs/fields/{field.name}"},
    }


def _listed(items: Schema) -> Schema:
    return {"minItems": 1, "maxItems": LONGEST_LIST, "items": items}


def _axis_of_words(items: Schema) -> Schema:
    return {
        "type": ["array", "object"],
        **_listed(items),
        "additionalProperties": False,
        "required": ["values"],
        "properties": {
            "values": {
                "title": "Values",
                "description": "The values, in order.",
                "type": "array",
                **_listed(items),
            }
        },
    }


def _axis_of_counts() -> Schema:
    def forbidden(*names: str) -> Schema:
        return {"properties": dict.fromkeys(names, _FORBIDDEN)}

    return {
        # No description: over a field, an editor shows the last one that it meets, which is to be the field's.
        "title": "A swept field: a list, {values}, {from, to, step}, {from, to, factor} or {of, ratio, round_to}",
        "defaultSnippets": [
            _snippet("a list", "Its values, in order.", "[${1:128, 256, 512}]"),
            _snippet(
                "from, to, step",
                "Both ends are included; the steps must hit the last one.",
                "{from: ${1:128}, to: ${2:1024}, step: ${3:128}}",
            ),
            _snippet(
                "from, to, factor",
                "Each value multiplies the one before.",
                "{from: ${1:128}, to: ${2:2048}, factor: ${3:2}}",
            ),
            _snippet(
                "of, ratio, round_to",
                "A fraction of another swept field.",
                "{of: ${1:cells}, ratio: [${2:1/4, 1/2}], round_to: ${3:8}}",
            ),
        ],
        "type": ["array", "object"],
        **_listed(_COUNT),
        "additionalProperties": False,
        "properties": {
            "values": {
                "title": "Values",
                "description": "The values, in order.",
                "type": "array",
                **_listed(_COUNT),
            },
            "from": {"title": "From", "description": "The first value.", **_COUNT},
            "to": {"title": "To", "description": "The last value, included; the steps must hit it.", **_COUNT},
            "step": {
                "title": "Step",
                "description": "What each value adds to the one before; a whole number from 1.",
                **_COUNT,
                "minimum": 1,
            },
            "factor": {
                "title": "Factor",
                "description": "What each value multiplies the one before by; more than 1, and every value must be whole.",
                "type": ["number", "string"],
                "exclusiveMinimum": 1,
                "pattern": FRACTION,
                "patternErrorMessage": _A_FRACTION,
            },
            "of": {
                "title": "Of",
                "description": "The swept field of this grid of which the values are a fraction.",
                "type": "string",
            },
            "ratio": {
                "title": "Ratio",
                "description": "The fraction, such as 1/4 or 0.5, or a list of fractions.",
                "type": ["number", "string", "array"],
                "exclusiveMinimum": 0,
                "pattern": FRACTION,
                "patternErrorMessage": _A_FRACTION,
                **_listed(
                    {
                        "type": ["number", "string"],
                        "exclusiveMinimum": 0,
                        "pattern": FRACTION,
                        "patternErrorMessage": _A_FRACTION,
                    }
                ),
            },
            "round_to": {
                "title": "Round to",
                "description": "Values are rounded to the nearest multiple of this, ties up, at least one multiple. Without it every value must be whole.",
                **_COUNT,
                "minimum": 1,
            },
        },
        "if": {"type": "object"},
        "then": {
            "if": {"required": ["values"]},
            "then": forbidden("from", "to", "step", "factor", "of", "ratio", "round_to"),
            "else": {
                "if": {"anyOf": [{"required": [name]} for name in ("of", "ratio", "round_to")]},
                "then": {"required": ["of", "ratio"], **forbidden("from", "to", "step", "factor")},
                "else": {
                    "required": ["from", "to"],
                    "if": {"required": ["factor"]},
                    "then": forbidden("step"),
                    "else": {"required": ["step"]},
                },
            },
        },
    }


def _bound(column: str) -> Schema:
    unit = " bytes, such as 2MB or 2MiB" if column in BYTES else ", such as 10M"
    value: Schema = {
        "type": ["integer", "string"],
        "minimum": 0,
        "pattern": BYTE_SIZE if column in BYTES else SIZE,
        "patternErrorMessage": _A_SIZE_IN_BYTES if column in BYTES else _NOT_IN_BYTES,
    }
    return {
        "title": column.replace("_", " ").capitalize(),
        "description": f"Bounds on `{column}`, both ends included.",
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "min": {"title": "Least", "description": f"The smallest that is kept{unit}.", **value},
            "max": {"title": "Most", "description": f"The largest that is kept{unit}.", **value},
        },
    }


def _names(known: tuple[str, ...]) -> Schema:
    """Return a word of a list, or a whole number where the type allows one."""
    return {"if": {"type": "string"}, "then": {"enum": list(known)}}


def _choice_of_widths(title: str, description: str) -> Schema:
    width: Schema = {"type": ["string", "array"], **_names(custom_cells.WIDTHS)}
    summand: Schema = {"type": "string", "enum": list(custom_cells.WIDTHS)}
    return {
        "title": title,
        "description": description,
        **width,
        "minItems": 1,
        "maxItems": 10,
        "items": {**width, "minItems": 1, "maxItems": 10, "items": summand},
    }


def _cell_types() -> tuple[Schema, Schema]:
    """Return the property of the file, and the definitions that it refers to."""
    shape: Schema = {
        "minItems": 1,
        "maxItems": 10,
        "items": {"type": ["integer", "string"], "minimum": 1, **_names(custom_cells.DIMENSIONS)},
    }
    declared: Schema = {
        "title": "Cell types",
        "description": "Cell types of your own, each a table of weight tensors over named dimensions; `cell_type` may then be one of their names.",
        "type": "object",
        "maxProperties": MOST_CELL_TYPES,
        "additionalProperties": {"$ref": "#/$defs/own_cell_type"},
    }
    return declared, {
        "own_cell_type": {
            "title": "A cell type",
            "description": "A table of weight tensors, and the widths that the cell feeds back and outputs.",
            "type": "object",
            "additionalProperties": False,
            "required": ["tensors", "recurs", "hands_up"],
            "properties": {
                "title": {"title": "Title", "description": "A title for people.", "type": "string"},
                "tensors": {
                    "title": "Tensors",
                    "description": "Name of each weight tensor -> its shape, as for one layer and direction.",
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": MOST_TENSORS,
                    "additionalProperties": {"$ref": "#/$defs/own_tensor"},
                },
                "recurs": _choice_of_widths(
                    "Recurs",
                    "The width that is fed back. Of a list, the first that is not 0; a list within it is a sum.",
                ),
                "hands_up": _choice_of_widths(
                    "Hands up",
                    "The width that one direction passes to the layer above. Of a list, the first that is not 0; a list within it is a sum.",
                ),
                "state": {
                    "title": "State",
                    "description": "The widths that are carried from step to step. By default what recurs.",
                    "type": "array",
                    "maxItems": 10,
                    "items": {"type": "string", "enum": list(custom_cells.STATE)},
                },
            },
        },
        "own_tensor": {
            "title": "A weight tensor",
            "description": "Its shape, [4, cells, input], or {shape, part, matrix, when, directions}.",
            "type": ["array", "object"],
            **shape,
            "additionalProperties": False,
            "required": ["shape"],
            "properties": {
                "shape": {
                    "title": "Shape",
                    "description": "Whole numbers and named dimensions: fields, or input (what feeds the layer), recurrent (what recurs), projected (both projections), joined_cells (the cells of both directions).",
                    "type": "array",
                    **shape,
                },
                "part": {
                    "title": "Part",
                    "description": "The part of the count that it belongs to. By default it follows from the name of the tensor, or from what the matrix reads.",
                    "type": "string",
                    "enum": list(custom_cells.LAYER_PARTS),
                },
                "matrix": {
                    "title": "Matrix",
                    "description": "Whether each weight is one multiply-accumulate per time step. By default yes for input, recurrent and projection weights of two named dimensions or more.",
                    "type": "boolean",
                },
                "when": {
                    "title": "When",
                    "description": "The tensor is there only if this is true: a field, or candidate_bias (a separate bias on the recurrent half, as in Flax), vectors (a convention that counts more than matrices), widens (the input and output widths of the layer differ).",
                    "type": "string",
                    "enum": list(custom_cells.FLAGS),
                },
                "directions": {
                    "title": "Directions",
                    "description": "In a bidirectional layer: one for each direction, one shared by both, or one on their joined outputs.",
                    "type": "string",
                    "enum": list(custom_cells.DIRECTIONS),
                    "default": "each",
                },
            },
        },
    }


def _definitions() -> Schema:
    fields = list(FIELDS.values())
    return {
        "fields": {field.name: _value(field) for field in fields},
        "axis_of_counts": _axis_of_counts(),
        "axis_of_booleans": _axis_of_words({"type": "boolean"}),
        "axis_of_conventions": _axis_of_words(_words("convention")),
        "axis_of_cell_types": _axis_of_words(_words("cell_type")),
        **{_bounds_name(field): _bounds(field) for field in fields if field.kind == "count"},
        "linked_table": {
            "title": "A linked table",
            "description": "Fields that move together: one axis, whose rows are taken one by one. All columns have the same length.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {field.name: _linked(field) for field in fields},
        },
        "grid": {
            "title": "A grid",
            "description": "The swept fields, each with its axis. The order sets the ids; the last axis is the fastest.",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                **{field.name: _axis(field) for field in fields},
                "linked": {
                    "title": "Linked tables",
                    "description": "Tables whose columns move together; each table is one axis, at this place in the order.",
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 100,
                    "items": {"$ref": "#/$defs/linked_table"},
                },
            },
        },
    }


def _block_types() -> Schema:
    """Return the property of the file. What stands in a definition is held against its own fields when it is read."""
    described = {
        "title": "A title for people.",
        "fields": "Name of each field -> its default: a number, true or false, or nothing if it is required.",
        "tensors": "Name of each weight tensor -> its shape over fields and the width read, such as [read, width].",
        "hands_up": "The output width: a field, `read`, a quotient a/b, a product a*b, or a list, which is a sum.",
        "keeps_height": "Whether the output has channels and height.",
        "steps": "The field by which steps are divided, or multiplied: *field.",
        "state": "Widths carried from step to step.",
        "source": "Where the table comes from.",
    }
    return {
        "title": "Block types",
        "description": "Block types of your own for models of blocks, each a table of weight tensors; `type` may then be one of their names.",
        "type": "object",
        "maxProperties": MOST_CELL_TYPES,
        "additionalProperties": {
            "title": "A block type",
            "description": "Fields, a table of weight tensors, and the output width of the block.",
            "type": "object",
            "properties": {
                name: {"title": name.replace("_", " ").capitalize(), "description": words}
                for name, words in described.items()
            },
        },
    }


def schema() -> Schema:
    """Return the sweep schema."""
    cell_types, own_definitions = _cell_types()
    bounds = {name: {"$ref": f"#/properties/budget/properties/{name}"} for name in COUNTED}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sizer sweep",
        "description": "A sweep of recurrent networks: what stays the same, what varies, and which configurations are kept.",
        "type": "object",
        "additionalProperties": False,
        "required": ["sizer", "name", "grid"],
        "properties": {
            "sizer": {
                "title": "Format version",
                "description": "The version of this format; 1.",
                "type": "integer",
                "const": 1,
            },
            "name": {
                "title": "Name",
                "description": "Names the output files: letters, digits, '.', '_' and '-', starting with a letter or digit, at most 100 characters.",
                "type": "string",
                "pattern": NAME,
                "patternErrorMessage": _A_NAME,
                "maxLength": 100,
            },
            "description": {
                "title": "Description",
                "description": "One sentence for people; shown above the results.",
                "type": "string",
            },
            "cell_types": cell_types,
            "block_types": _block_types(),
            "model": {
                "title": "Model",
                "description": "The fields that stay the same, or a whole model of blocks. In a network without blocks, a field is in model or in grid, never in both.",
                "defaultSnippets": [
                    _snippet(
                        "A network",
                        "The fields that every network needs; layers and cells are in grid.",
                        {
                            "convention": "${1:pytorch}",
                            "cell_type": "${2:lstm}",
                            "inputs": "^${3:80}",
                            "outputs": "^${4:32}",
                        },
                    )
                ],
                # Its fields stand in the two definitions alone: where an editor sees them here, it inserts the default of each.
                "type": "object",
                "if": {"required": ["blocks"]},
                "then": {"$ref": "#/$defs/model_of_blocks"},
                "else": {"$ref": "#/$defs/model_of_fields"},
            },
            "grid": {
                "title": "Grid",
                "description": "The fields that vary, or a list of grids, whose union is one table. With blocks, a field is a path such as encoder.cells.",
                "defaultSnippets": [
                    _snippet(
                        "Layers and cells",
                        "Every combination is a configuration.",
                        {"layers": "[${1:1, 2, 3, 4}]", "cells": "{from: ${2:128}, to: ${3:1024}, step: ${4:128}}"},
                    )
                ],
                "type": ["object", "array"],
            },
            "where": {
                "title": "Where",
                "description": "Conditions on the fields, such as `recurrent_projection * 2 <= cells`; every one must hold.",
                "type": "array",
                "maxItems": 100,
                "items": {
                    "title": "Condition",
                    "description": "Names of fields, whole numbers, quoted words, true and false, + - * // %, comparisons, and, or, not, in (...).",
                    "type": "string",
                    "maxLength": LENGTH_LIMIT,
                },
            },
            "budget": {
                "title": "Budget",
                "description": "Bounds on counted columns, both ends included. Configurations outside are counted but not written.",
                "defaultSnippets": [
                    _snippet("A maximum of weights", "The largest that is kept.", {"weights": "{max: ${1:10M}}"})
                ],
                "type": "object",
                "properties": {column: _bound(column) for column in COUNTED},
            },
            "output": _output(),
        },
        "if": {"required": ["model"], "properties": {"model": {"type": "object", "required": ["blocks"]}}},
        "then": {
            "properties": {
                "grid": _several("grid_of_paths"),
                "budget": {"additionalProperties": {"$ref": "#/$defs/bound"}, "properties": bounds},
            },
        },
        "else": {
            "properties": {
                "grid": _several("grid"),
                "budget": {"additionalProperties": False, "properties": bounds},
                "output": {"properties": {"columns": {"maxItems": len(_columns()), "items": {"enum": _columns()}}}},
            },
        },
        "$defs": _definitions() | own_definitions | _definitions_of_blocks(),
    }


def _several(name: str) -> Schema:
    """Return one grid, or a list of them."""
    return {
        "if": {"type": "array"},
        "then": {"minItems": 1, "maxItems": 1000, "items": {"$ref": f"#/$defs/{name}"}},
        "else": {"$ref": f"#/$defs/{name}"},
    }


def _columns() -> list[str]:
    return list(dict.fromkeys(("id", *FIELDS, *COUNTED)))


def _definitions_of_blocks() -> Schema:
    """Return what stands in a sweep of a model of blocks.

    Editors complete and explain it; what is wrong with a model is said where it is read, by the block's name.
    """
    described: dict[str, BlockField] = {}
    for block_type in BLOCK_TYPES.values():
        for one in block_type.fields:
            described.setdefault(one.name, one)
    common = {
        "type": {
            "title": "Type",
            "description": "The kind of block.",
            "anyOf": [{"enum": list(BLOCK_TYPES)}, {}],
        },
        "from": _said("From", "The block or blocks that it reads. By default the block before it; [] reads nothing."),
        "combine": _said("Combine", "How several sources are joined: concat, add or multiply."),
        "shared": _said("Shared", "The block whose weights it uses."),
        "frozen": _said("Frozen", "Whether its weights are counted, but not trained."),
        "convention": _said("Convention", "The convention of this block."),
    }
    plain_axis: Schema = {
        "type": ["array", "object"],
        "if": {"type": "array"},
        "then": {"minItems": 1, "maxItems": LONGEST_LIST},
        "else": {"if": {"required": ["values"]}, "then": _axis_of_words({}), "else": {"$ref": "#/$defs/axis_of_counts"}},
    }  # fmt: skip
    return {
        "model_of_fields": {
            "title": "A network without blocks",
            "description": "The fields that stay the same.",
            "type": "object",
            "additionalProperties": False,
            "properties": _of_network(),
        },
        "model_of_blocks": {
            "title": "A model of blocks",
            "description": "Named blocks, in order; each reads the block before it, or the blocks that it names.",
            "type": "object",
            "properties": {
                "convention": _said("Counting convention", "The convention of every block that does not name its own."),
                "blocks": {
                    "title": "Blocks",
                    "description": "Name -> block, in order.",
                    "type": "object",
                    "additionalProperties": {"$ref": "#/$defs/block"},
                },
                "clocks": _said("Clocks", "Steps per second of each clock, and `seconds`, the length of an input."),
                "other_weights": _said("Other weights", "Weights of parts that no block describes."),
            },
        },
        "block": {
            "title": "A block",
            "description": "Its type, what it reads, and the fields of its type.",
            "properties": common
            | {
                name: _said(name.replace("_", " ").capitalize(), one.description)
                for name, one in described.items()
                if name not in common
            },
        },
        "linked_paths": {
            "title": "A linked table",
            "description": "Fields that move together: one axis, whose rows are taken one by one. All columns have the same length.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "title": "A column of a linked table",
                "description": "One value per row of the table.",
                "type": "array",
                "minItems": 1,
                "maxItems": LONGEST_LIST,
            },
        },
        "plain_axis_of_a_path": plain_axis,
        "axis_of_a_path": _or_per_layer(
            "An axis of a field of a block",
            "A list of values, each of which may be a list, {values}, {from, to, step}, {from, to, factor}, {of, ratio, round_to}, or {per_layer}.",
            {"$ref": "#/$defs/plain_axis_of_a_path"},
        ),
        "grid_of_paths": {
            "title": "A grid",
            "description": "The swept fields, each by its path, BLOCK.field, with its axis. The order sets the ids; the last axis is the fastest.",
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/axis_of_a_path"},
            "properties": {
                "linked": {
                    "title": "Linked tables",
                    "description": "Tables whose columns move together; each table is one axis, at this place in the order.",
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 100,
                    "items": {"$ref": "#/$defs/linked_paths"},
                },
            },
        },
        "bound": _bound("weights") | {"title": "A bound", "description": "Bounds on a counted column, both ends included."},
    }  # fmt: skip


def _of_network() -> Schema:
    return {
        field.name: {
            "title": field.title,
            "description": field.description,
            "$ref": f"#/$defs/fields/{field.name}",
        }
        for field in FIELDS.values()
    }


def _said(title: str, description: str) -> Schema:
    return {"title": title, "description": description}


def _output() -> Schema:
    return {
        "title": "Output",
        "description": "Which files to write, and with which columns.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "formats": {
                "title": "Formats",
                "description": f"The kinds of file; {listed(BY_DEFAULT, 'and')} by default.",
                "type": "array",
                "minItems": 1,
                "maxItems": len(OF_RUNS),
                "uniqueItems": True,
                "items": {"type": "string", "enum": list(OF_RUNS)},
                "default": list(BY_DEFAULT),
            },
            "columns": {
                "title": "Columns",
                "description": "default (id, the main fields, the swept fields, and weights), all, or a list of columns.",
                "type": ["string", "array"],
                "if": {"type": "string"},
                "then": {"enum": ["default", "all"]},
                "else": {
                    "minItems": 1,
                    "uniqueItems": True,
                    "items": {"type": "string", "anyOf": [{"enum": _columns()}, {}]},
                },
                "default": "default",
            },
        },
    }


def text() -> str:
    """Return the schema as it stands in its file: indented, short lists of plain values on one line."""
    whole = json.dumps(schema(), indent=2, ensure_ascii=False)
    plain = r'(?:"[^"\[\]{}]*"|[-\d]+)'

    def joined(match: re.Match[str]) -> str:
        inner = re.sub(r"\s*\n\s*", " ", match[1])
        return f"[{inner}]" if len(match[1]) < _SHORT else match[0]

    return re.sub(rf"\[\s*({plain}(?:,\s*{plain})*)\s*\]", joined, whole) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(text(), "utf-8")
    else:
        sys.stdout.write(text())
