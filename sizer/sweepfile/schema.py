"""Data is held against the sweep schema, and each way in which it does not fit becomes a fault in our own words.

`schemas/sweep.schema.json` is the one copy of the schema: editors read it, the wheel carries it, and this module
adds only the words. jsonschema is imported when the first file is checked.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from sizer.errors import quoted
from sizer.networks.aliases import TOOLKITS, meant
from sizer.networks.budgets import bytes_problem
from sizer.networks.columns import BYTES, COUNTED
from sizer.networks.counting import CHOICES
from sizer.networks.fields import FIELDS
from sizer.sizes import is_bytes, parse_size, written_without_commas
from sizer.sweepfile.findings import Findings
from sizer.sweepfile.yamltext import ENOUGH, LONGEST_LIST, REFUSED, Path

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_FILE = "sweep.schema.json"
_PLAIN = frozenset({"type", "pattern", "patternErrorMessage", "minimum", "maximum", "title", "description", "default"})
"""The keywords that `_fits_plainly` knows; the texts and the default say nothing about a value."""
_SPAN = re.compile(r"([0-9]{1,18}) ?(?:\.\.\.?|-|:|…|–|to) ?([0-9]{1,18})")
"""A range as people write it elsewhere."""
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3}){1,5}")
_READABLE = 12
"""How many words of a choice are listed in a message."""


@functools.cache
def schema_text() -> str:
    """Return the text of the sweep schema: the wheel's copy, or the repository's in an editable install."""
    return schema_file().read_text("utf-8")


def schema_file() -> FilePath:
    """Return where the sweep schema lies: the wheel's copy, or the repository's in an editable install."""
    packaged = FilePath(str(files("sizer") / "schemas" / _FILE))
    return packaged if packaged.is_file() else FilePath(__file__).resolve().parents[2] / "schemas" / _FILE


@functools.cache
def _validator() -> Any:
    import jsonschema  # 80 ms that only a command which reads a sweep should pay

    base = jsonschema.Draft202012Validator
    # JSON Schema takes 2.0 for an integer and Python takes True for one; a sweep means neither.
    whole = base.TYPE_CHECKER.redefine("integer", lambda _, value: isinstance(value, int) and not _is_boolean(value))
    own = {"uniqueItems": _words_twice, "items": _items_read, "additionalProperties": _stray_keys}
    checked = jsonschema.validators.extend(base, own, type_checker=whole)  # type: ignore[no-untyped-call]
    return checked(json.loads(schema_text()))


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _words_twice(_: Any, wanted: bool, instance: Any, __: Any) -> Iterator[ValidationError]:
    """Yield an error where a word stands in a list twice. What is no word has a fault of its own.

    jsonschema's own compares every item with every other one where they cannot be sorted.
    """
    import jsonschema

    words = [item for item in instance if isinstance(item, str)] if isinstance(instance, list) else []
    if wanted and len(set(words)) < len(words):
        yield jsonschema.ValidationError("a word is there twice")


def _items_read(validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Yield the errors of a list's items, of those that are read: none past the longest list."""
    if isinstance(instance, list):
        for position, item in enumerate(instance[: schema.get("maxItems", LONGEST_LIST)]):
            if not _fits_plainly(wanted, item):
                yield from validator.descend(item, wanted, path=position)


def _fits_plainly(wanted: Mapping[str, Any], item: object) -> bool:
    """Return whether a number or word fits, ten times faster than jsonschema; False where that needs a closer look."""
    kind = type(item)
    if (kind is not int and kind is not str) or not wanted.keys() <= _PLAIN:
        return False
    if ("integer" if kind is int else "string") not in wanted.get("type", ("integer", "string")):
        return False
    if isinstance(item, int):
        return bool(wanted.get("minimum", item) <= item <= wanted.get("maximum", item))
    return re.search(wanted.get("pattern", ""), str(item)) is not None


def _stray_keys(validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Yield the errors of keys that the schema does not name, in the order of the file.

    jsonschema's own takes them in any order; where faults are cut short, these would not be the first ones.
    """
    import jsonschema

    known = schema.get("properties", {})
    stray = [key for key in instance if key not in known] if isinstance(instance, dict) else []
    if isinstance(wanted, dict):
        for key in stray:
            yield from validator.descend(instance[key], wanted, path=key)
    elif stray and not wanted:
        yield jsonschema.ValidationError("there are keys that are not known")


def check_schema(data: object, findings: Findings) -> None:
    """Report everything in the data that does not fit the schema.

    Args:
        data: what the YAML text holds; `REFUSED` values are passed over, their faults are known.
        findings: takes the faults. They are cut short where nobody would read more.
    """
    seen: set[tuple[Path, object, str]] = set()
    for error in _validator().iter_errors(data):
        path: Path = tuple(error.absolute_path)
        # A key of the wrong type fits none of the subschemas that look at it; `required` gives one error a key.
        once = (path, error.validator, "" if error.validator == "type" else str(error.validator_value))
        if error.instance is REFUSED or once in seen:
            continue
        if len(seen) >= ENOUGH:
            findings.cut = True
            return
        seen.add(once)
        _REPORTS[error.validator](error, path, findings)


def _report_type(error: ValidationError, path: Path, findings: Findings) -> None:
    value: Any = error.instance
    wanted: Any = error.validator_value
    types: list[str] = wanted if isinstance(wanted, list) else [wanted]
    if value is None:
        leave = "" if path in {("sizer",), ("name",), ("grid",)} else ", or leave it out"
        findings.at_value(path, f"is empty; give {_expected(types, path)}{leave}")
    elif isinstance(value, (list, dict)):
        findings.at_value(path, _type_of_collection(value, types, path))
    else:
        findings.at_value(path, _type_of_scalar(value, types, path, findings.document.spot(path).text))


def _expected(types: Iterable[str], path: Path) -> str:
    types = set(types)
    if path[:1] == ("cell_types",):
        return _expected_of_own_cells(types)
    if types == {"array", "object"}:
        return "a list of grids or a mapping of fields" if path == ("grid",) else "a list, or {from, to, step}"
    if "array" in types and "string" in types:
        return "a fraction such as 1/4, or a list of them" if "number" in types else "default, all or a list"
    names = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": "a list",
        "object": "a mapping",
        "string": "a word" if path[:1] != ("where",) else "a condition",
    }
    return next(words for name, words in names.items() if name in types)


def _expected_of_own_cells(types: set[str]) -> str:
    if types == {"array", "object"}:
        return "a shape, such as [3, cells, input], or {shape, part, matrix, when, directions}"
    if "array" in types:
        return "a width, such as cells, or a list of them" if "string" in types else "a list"
    names = {"integer": "a whole number or the name of a dimension", "boolean": "true or false", "object": "a mapping"}
    return next((words for name, words in names.items() if name in types), "a word")


def _type_of_collection(value: list[Any] | dict[str, Any], types: list[str], path: Path) -> str:
    kind = "a list" if isinstance(value, list) else "a mapping"
    if path == ("model", "blocks"):
        return f"is {kind}; give each block a name: {{features: {{type: input, inputs: 80}}, ...}}"
    if len(path) == 2 and path[0] == "model":
        advice = "in model a field has one value; in grid it is an axis"
        if path[1] in FIELDS and FIELDS[str(path[1])].per_layer and isinstance(value, list):
            advice += "; one network with a width per layer is `sizer explain --cells 1024,512`"
        return f"is {kind}; {advice}"
    return f"is {kind}; give {_expected(types, path)}"


def _type_of_scalar(value: object, types: list[str], path: Path, text: str | None) -> str:
    shown = text if text is not None and isinstance(value, (float, bool)) else value
    own_cells = path[:1] == ("cell_types",)
    if set(types) == {"array", "object"} and path != ("grid",) and not own_cells:
        return _one_value(shown, path)
    if len(path) == 2 and path[0] == "budget":
        return f"{quoted(shown)} does not say whether it is a minimum or a maximum; write {{max: {_cut(shown)}}}"
    if path == ("where",):
        return f"{quoted(shown)} is one condition; write a list of them, each on a line that starts with '- '"
    if "boolean" in types:
        return f"{quoted(shown)} is neither true nor false"
    if "integer" in types and isinstance(value, float):
        hint = f"; write {int(value)}" if value.is_integer() else ""
        return f"{_cut(shown)} is not a whole number{hint}"
    if own_cells:
        return f"{quoted(shown)} is not {_expected(types, path)}"
    if types == ["string"]:
        return f"{_cut(shown)} is not {_expected(types, path)}; if it is meant as one, put it in quotes"
    hint = "; write 1, without quotes" if path == ("sizer",) else ""
    return f"{quoted(shown)} is not {_expected(types, path)}{hint}"


def _one_value(shown: object, path: Path) -> str:
    """Say that an axis is a list, with one that there can be: what is meant where that can be seen."""
    name = str(path[-1])
    field = FIELDS.get(name)
    if "." in name:
        return f"{quoted(shown)} is one value, and an axis is a list, such as [{_cut(shown)}]; what stays the same goes in its block"
    if field is None or field.kind != "count":
        known = CHOICES.get(name, ("true", "false"))
        example = f"[{shown}]" if str(shown).lower() in known else f"[{', '.join(known[:2])}]"
        return (
            f"{quoted(shown)} is one value, and an axis is a list, such as {example}; what stays the same goes in model"
        )
    span = _SPAN.fullmatch(str(shown))
    if span:
        start, end = (int(digits) for digits in span.groups())
        if max(field.minimum, 1) <= start < end <= (field.maximum or 2**63 - 1):
            steps = f"{{from: {start}, to: {end}, step: {math.gcd(start, end - start)}}}"
            return f"{quoted(shown)} is not an axis; write {steps}, or a list"
    if _THOUSANDS.fullmatch(str(shown)):
        return written_without_commas(str(shown))
    try:
        fits = field.minimum <= parse_size(str(shown)) <= (field.maximum or 2**63 - 1)
    except ValueError:
        fits = False
    example = f"[{shown}]" if fits else f"[{max(field.minimum, 1)}, {max(field.minimum, 1) + 1}]"
    return f"{quoted(shown)} is one value, and an axis is a list, such as {example}; what stays the same goes in model"


def _cut(value: object) -> str:
    return quoted(value)[1:-1]


def _report_enum(error: ValidationError, path: Path, findings: Findings) -> None:
    if not isinstance(error.instance, str):
        return  # its type has been reported
    wanted: Any = error.validator_value
    # Other names of conventions are read, but nobody needs to be told of them.
    known: list[str] = [word for word in wanted if word not in TOOLKITS]
    hint = findings.hint(error.instance, known)
    if not hint and path == ("output", "columns"):
        hint = "; write default, all, or a list of columns"
    findings.at_value(path, f"{quoted(error.instance)} is not known{hint or one_of(known)}")


def _report_const(error: ValidationError, path: Path, findings: Findings) -> None:
    if isinstance(error.instance, int) and not _is_boolean(error.instance):
        findings.at_value(path, f"{_cut(error.instance)} is a version of the format that Sizer does not know; write 1")


def _report_minimum(error: ValidationError, path: Path, findings: Findings) -> None:
    if isinstance(error.instance, float):
        return  # it is no whole number, which has been reported
    findings.at_value(path, f"{_cut(error.instance)} is below the minimum, {error.validator_value}")


def _report_maximum(error: ValidationError, path: Path, findings: Findings) -> None:
    findings.at_value(path, f"{_cut(error.instance)} is above the maximum, {error.validator_value}")


def _report_exclusive_minimum(error: ValidationError, path: Path, findings: Findings) -> None:
    shown = findings.document.spot(path).text or error.instance
    findings.at_value(path, f"{_cut(shown)} is not above {error.validator_value}")


def _report_pattern(error: ValidationError, path: Path, findings: Findings) -> None:
    value = str(error.instance)
    if path == ("name",):
        message = f"{quoted(value)} cannot name files; use letters, digits, '.', '_' and '-', and start with a letter or digit"
    elif "ratio" in path or path[-1:] == ("factor",):
        message = f"{quoted(value)} is not a fraction; write 1/4, 0.25 or 2"
    elif path[:2] == ("budget", "weights") and is_bytes(value):
        message = bytes_problem(value, f"{{column}}: {{{{{path[-1]}: {{size}}}}}}")
    else:
        message = _size_problem(value, in_bytes=len(path) == 3 and path[0] == "budget" and path[1] in BYTES)
    findings.at_value(path, message)


def _size_problem(value: str, *, in_bytes: bool) -> str:
    try:
        parse_size(value, in_bytes=in_bytes)
    except ValueError as problem:
        return str(problem)
    return f"{quoted(value)} is not written as a size; write 10000000, 10M or 1e7"


def _report_max_length(error: ValidationError, path: Path, findings: Findings) -> None:
    length = len(str(error.instance))
    findings.at_value(path, f"has {length:,} characters; at most {error.validator_value:,} are read")


def _report_min_items(error: ValidationError, path: Path, findings: Findings) -> None:
    noun = (
        "width"
        if path[:1] == ("cell_types",)
        else "grid"
        if path == ("grid",)
        else "table"
        if path[-1:] == ("linked",)
        else "value"
    )
    if path[:1] == ("cell_types",):
        noun = "dimension" if "tensors" in path else "width"
    findings.at_value(path, f"is an empty list; give at least one {noun}")


def _report_max_items(error: ValidationError, path: Path, findings: Findings) -> None:
    items: Any = error.instance
    length = len(items)
    most: Any = error.validator_value
    del items[most:]  # as the message says
    axis = "; write a long axis as {from, to, step}" if path[0] == "grid" and len(path) > 1 else ""
    findings.at_value(path, f"has {length:,} items; at most {error.validator_value:,} are read{axis}")


def _report_min_properties(error: ValidationError, path: Path, findings: Findings) -> None:
    what = {"budget": "min, max or both", "cell_types": "a tensor and its shape"}
    findings.at_value(path, f"is empty; give {what.get(str(path[0]), 'a field and its values')}")


def _report_max_properties(error: ValidationError, path: Path, findings: Findings) -> None:
    items: Any = error.instance
    noun = "tensors" if path[-1:] == ("tensors",) else "cell types"
    findings.at_parent(path, f"has {len(items):,} {noun}; at most {error.validator_value:,} are read")
    most: Any = error.validator_value
    for name in list(items)[most:]:  # as the message says
        del items[name]


def _report_unique(error: ValidationError, path: Path, findings: Findings) -> None:
    first: dict[str, int] = {}
    items = error.instance if isinstance(error.instance, list) else []
    for position, item in enumerate(items):
        if isinstance(item, str) and first.setdefault(item, position) != position:
            there = (*path, first[item])
            findings.at_value((*path, position), f"{quoted(item)} is there twice, first at {findings.place(there)}")


_MODEL_ALONE = "; a model without a grid is no sweep: it is for explain, count, compare, fit, code and verify"


def _report_required(error: ValidationError, path: Path, findings: Findings) -> None:
    instance: Any = error.instance
    # One error comes for each missing key, but only the first of a path passes the filter: name them all.
    required: Any = error.validator_value
    missing = [name for name in required if name not in instance]
    choice = {"step": "step, or factor", "values": "values (the axis of this field is a list, or {values})"}
    words = ", ".join(choice.get(name, name) for name in missing)
    model = instance.get("model") if path == () and "grid" in missing else None
    alone = isinstance(model, dict) and "blocks" in model
    findings.at_parent(path, f"is missing: {words}{_MODEL_ALONE * alone}")


def _report_stray(error: ValidationError, path: Path, findings: Findings) -> None:
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    known = list(schema.get("properties", {}))
    instance: Any = error.instance
    noun = _noun(path)
    for name in instance:
        if name in known or (*path, name) in findings.document.refused:
            continue
        hint = findings.hint(name, known) or _elsewhere(str(name), path) or one_of(known)
        findings.at_key((*path, name), f"no {noun} named {quoted(name)}{hint}")


def one_of(known: Sequence[str]) -> str:
    """Return the choice in words, where it is short enough to be read."""
    if len(known) > _READABLE:
        lists = "columns" if "weights" in known else "fields" if "cells" in known else "schema"
        return f"; `sizer {lists}` lists them all"
    return f"; one of {', '.join(known)}" if len(known) > 1 else f"; there is only {known[0]}"


def _noun(path: Path) -> str:
    if path in {("model",), ("grid",)} or "linked" in path or (len(path) == 2 and isinstance(path[1], int)):
        return "field"
    return "column" if path == ("budget",) else "key"


def _elsewhere(name: str, path: Path) -> str:
    """Say where a key belongs that is known, but not here."""
    if not path and name in FIELDS:
        return "; fields go in model or in grid"
    if path[:1] in {("model",), ("grid",)} and (counted := meant(name, COUNTED)) and counted not in FIELDS:
        other = "" if counted == name else f", where it is {quoted(counted)}"
        return f"; bounds on counted columns go in budget{other}"
    if path == ("model",) and name == "linked":
        return "; linked tables go in grid"
    return ""


def _report_forbidden(error: ValidationError, path: Path, findings: Findings) -> None:
    """Report a key that does not go with another one: its schema is `not` anything."""
    axis: Any = findings.document.data
    for step in path[:-1]:
        axis = axis[step]
    partner = next(
        name for name in ("values", "of", "ratio", "round_to", "factor") if name in axis and name != path[-1]
    )
    findings.at_key(path, f"{quoted(path[-1])} does not go with {quoted(partner)}")


_REPORTS: dict[Any, Callable[[ValidationError, Path, Findings], None]] = {
    "type": _report_type,
    "enum": _report_enum,
    "const": _report_const,
    "minimum": _report_minimum,
    "maximum": _report_maximum,
    "exclusiveMinimum": _report_exclusive_minimum,
    "pattern": _report_pattern,
    "maxLength": _report_max_length,
    "minItems": _report_min_items,
    "maxItems": _report_max_items,
    "minProperties": _report_min_properties,
    "maxProperties": _report_max_properties,
    "uniqueItems": _report_unique,
    "required": _report_required,
    "additionalProperties": _report_stray,
    "not": _report_forbidden,
}
"""The words for each keyword of the schema that can fail."""
