"""The sweep schema and the code that reads sweeps: held together, so that neither can drift from the other."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizer.errors import InputError
from sizer.formats import BY_DEFAULT, OF_RUNS
from sizer.networks.aliases import TOOLKITS
from sizer.networks.cells import CELL_TYPES
from sizer.networks.columns import BYTES, COUNTED
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.fields import FIELDS, Field
from sizer.sizes import parse_size
from sizer.sweepfile import parse_sweep, schema, schema_source
from sizer.sweepfile.axis import Listed
from sizer.sweepfile.bounds import KNOWN_COLUMNS

REPOSITORY = Path(__file__).parents[1]
SCHEMA: dict[str, Any] = json.loads(schema.schema_text())
GRID = SCHEMA["$defs"]["grid"]["properties"]
TABLE = SCHEMA["$defs"]["linked_table"]["properties"]


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Return a subschema with what its references say, its own words first."""
    found = copy.deepcopy(part)
    for reference in [part, *part.get("allOf", [])]:
        if "$ref" in reference:
            target: Any = SCHEMA
            for step in reference["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            found = merged(resolved(target), found)
    return found


def merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = {**under, **over}
    for name in under.keys() & over.keys():
        if isinstance(under[name], dict) and isinstance(over[name], dict):
            both[name] = merged(under[name], over[name])
    return both


def test_the_one_copy_is_in_the_repository() -> None:
    assert schema.schema_text() == (REPOSITORY / "schemas" / "sweep.schema.json").read_text("utf-8")


def test_it_is_what_the_fields_make_it() -> None:
    """Nobody writes the schema; after a change of the fields: python -m sizer.sweepfile.schema_source --write."""
    assert schema.schema_text() == schema_source.text()


def test_the_wheel_carries_that_copy() -> None:
    project = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    assert '"schemas/sweep.schema.json" = "sizer/schemas/sweep.schema.json"' in project


def test_the_wheel_copy_is_found_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "sweep.schema.json").write_text("{}")
    monkeypatch.setattr(schema, "files", lambda name: tmp_path)
    assert schema.schema_text.__wrapped__() == "{}"


def test_it_is_a_schema_of_its_draft() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def properties(part: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every property that a person can write, with its path; conditions and narrowings are left out."""
    if not isinstance(part, dict):
        return
    for name, inner in part.get("properties", {}).items():
        yield f"{path}.{name}", inner
        yield from properties(inner, f"{path}.{name}")
    for keyword in ("items", "then", "else", "if"):
        yield from properties(part.get(keyword), f"{path}/{keyword}")
    for name, inner in part.get("$defs", {}).items():
        yield from properties(inner, f"{path}#{name}")
    for name, inner in part.get("fields", {}).items():
        yield f"{path}.{name}", inner


def test_every_property_has_a_title_and_a_description() -> None:
    found = {
        path: inner
        for path, inner in properties(SCHEMA)
        if "#each_" not in path
        and inner != {"not": {}}
        and not {"/then", "/else", "/if"} & {f"/{word}" for word in re.findall(r"/(\w+)", path)}
    }
    assert len(found) > 100
    assert not [path for path, inner in found.items() if not inner.get("title") or not inner.get("description")]


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_field(field: Field) -> None:
    value = resolved(SCHEMA["$defs"]["model_of_fields"]["properties"][field.name])
    assert value["title"] == field.title
    assert value["description"] == field.description
    assert value.get("default") == field.default
    declared = GRID[field.name]
    # Where each layer can have the field for itself, what is no {per_layer: AXIS} is an axis as ever.
    axis = resolved({**declared, **declared.get("else", {})})
    assert axis["description"] == field.description
    table = resolved(TABLE[field.name]["items"])
    assert {name: table.get(name) for name in ("type", "enum", "anyOf", "minimum", "maximum", "pattern")} == {
        name: value.get(name) for name in ("type", "enum", "anyOf", "minimum", "maximum", "pattern")
    }
    if field.kind == "count":
        assert value["type"] == ["integer", "string"]
        assert (value["minimum"], value.get("maximum")) == (field.minimum, field.maximum)
        for item in (axis["items"], *(axis["properties"][name] for name in ("from", "to"))):
            assert (item["minimum"], item.get("maximum")) == (field.minimum, field.maximum)
        assert axis["properties"]["values"]["items"]["minimum"] == field.minimum
    elif field.kind == "boolean":
        assert value["type"] == "boolean"
        assert axis["items"] == {"type": "boolean"}
    else:
        words = [*CONVENTIONS, *TOOLKITS] if field.name == "convention" else list(CELL_TYPES)
        items = (value, axis["items"], axis["properties"]["values"]["items"])
        if field.name == "cell_type":  # editors complete ours, and take any that the file defines
            assert all(item["anyOf"][1] == {} for item in items)
            items = tuple(item["anyOf"][0] for item in items)
        assert all(item["enum"] == words for item in items)
        # Each has a text of its own, which editors show beside it.
        assert all(len(set(item["enumDescriptions"])) == len(words) for item in items)


def test_there_are_no_other_fields() -> None:
    assert list(SCHEMA["$defs"]["model_of_fields"]["properties"]) == list(FIELDS)
    assert list(SCHEMA["$defs"]["fields"]) == list(FIELDS)
    assert list(GRID) == [*FIELDS, "linked"]
    assert list(TABLE) == list(FIELDS)


def test_columns() -> None:
    budget = SCHEMA["properties"]["budget"]["properties"]
    assert list(budget) == list(COUNTED)
    output = SCHEMA["properties"]["output"]["properties"]
    items = output["columns"]["else"]["items"]
    assert items["anyOf"] == [{"enum": list(KNOWN_COLUMNS)}, {}]  # with blocks there are others
    without_blocks = SCHEMA["else"]["properties"]["output"]["properties"]["columns"]["items"]
    assert without_blocks["enum"] == list(KNOWN_COLUMNS)
    assert output["formats"]["items"]["enum"] == list(OF_RUNS)
    assert output["formats"]["default"] == list(BY_DEFAULT)


def test_every_keyword_that_can_fail_has_words() -> None:
    def keywords(part: Any) -> Iterator[str]:
        if isinstance(part, list):
            for inner in part:
                yield from keywords(inner)
        if isinstance(part, dict):
            for name, inner in part.items():
                if name == "defaultSnippets" or (name == "anyOf" and {} in inner):
                    continue  # it cannot fail: it tells editors what to offer
                if name in {"properties", "$defs", "fields"}:
                    for one in inner.values():
                        yield from keywords(one)
                elif name != "if":
                    yield name
                    yield from keywords(inner)

    quiet = {
        "$schema",
        "$ref",
        "title",
        "description",
        "enumDescriptions",
        "patternErrorMessage",
        "default",
        "allOf",
        "then",
        "else",
        "items",
        "not",
    }
    skipped = {"convention", "cell_type", *FIELDS}
    found = set(keywords(SCHEMA)) - quiet - skipped
    assert found | {"not"} == set(schema._REPORTS)


SIZE = re.compile(SCHEMA["$defs"]["fields"]["cells"]["pattern"])
BYTE_SIZE = re.compile(SCHEMA["properties"]["budget"]["properties"]["int8_bytes"]["properties"]["max"]["pattern"])


@given(text=st.from_regex(r"\A[0-9]{0,3}(\.[0-9]{0,2})?(e\+?[0-9]{0,4})?[kKmMbBgGtTiIx]{0,3}\Z"))
def test_sizes_are_the_same_to_an_editor(text: str) -> None:
    for pattern, in_bytes in ((SIZE, False), (BYTE_SIZE, True)):
        said = ""
        try:
            parse_size(text, in_bytes=in_bytes)
        except ValueError as problem:
            said = str(problem)
        # Whether a size is whole is arithmetic, which no pattern does.
        assert (pattern.search(text) is not None) == (said == "") or "not a whole number" in said


def test_bytes_alone_take_byte_units() -> None:
    for name, bound in SCHEMA["properties"]["budget"]["properties"].items():
        pattern = BYTE_SIZE if name in BYTES else SIZE
        assert {bound["properties"][end]["pattern"] for end in ("min", "max")} == {pattern.pattern}


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_every_field_can_be_swept(field: Field) -> None:
    given_fields = {"convention": "textbook", "cell_type": "lstm", "inputs": 8, "layers": 1, "cells": 8}
    words: dict[str, list[Any]] = {"convention": ["textbook", "keras"], "cell_type": ["lstm", "gru"]}
    words |= {"count": [1, 2], "boolean": [False, True]}
    values = words.get(field.name) or words[field.kind]
    model = json.dumps({name: value for name, value in given_fields.items() if name != field.name})
    for axis in (values, {"values": values}):
        grid = json.dumps({field.name: axis})
        said, columns = "", None
        try:
            columns = parse_sweep(f"sizer: 1\nname: x\nmodel: {model}\ngrid: {grid}\n").grids[0].axes[0].columns
        except InputError as problem:
            said = str(problem)
        # Some fields are valid only beside others; the schema takes them all the same.
        assert columns == (Listed(field.name, tuple(values)),) or "no configuration of this sweep is valid" in said


def test_whole_numbers_are_neither_decimals_nor_booleans() -> None:
    checker = schema._validator().TYPE_CHECKER
    assert checker.is_type(2, "integer")
    assert not checker.is_type(2.0, "integer")
    assert not checker.is_type(True, "integer")


def test_a_drifting_schema_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above can fail: a changed minimum and a missing field are noticed."""
    monkeypatch.setitem(SCHEMA["$defs"]["fields"]["cells"], "minimum", 0)
    with pytest.raises(AssertionError):
        test_field(FIELDS["cells"])
    monkeypatch.delitem(GRID, "layers")
    with pytest.raises(AssertionError):
        test_there_are_no_other_fields()


def test_no_pattern_takes_a_newline_at_the_end() -> None:
    def patterns(node: Any) -> Iterator[str]:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            if key == "pattern":
                yield value
            else:
                yield from patterns(value)

    found = set(patterns(SCHEMA))
    assert len(found) == 4
    examples = ["1", "10M", "2MiB", "1/4", "speech", "a.b-c"]
    for pattern in found:
        fitting = [text for text in examples if re.search(pattern, text)]
        assert fitting, pattern
        assert not [text for text in fitting if re.search(pattern, text + "\n")], pattern
