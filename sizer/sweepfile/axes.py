"""One axis as declared (a list, steps, a geometric row, a ratio) becomes a column, or faults at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from sizer.networks.aliases import TOOLKITS
from sizer.networks.fields import FIELDS, Field, FieldValue
from sizer.sizes import parse_size
from sizer.sweepfile.axis import Column, Listed, Ratio, Stepped
from sizer.sweepfile.findings import Findings
from sizer.sweepfile.yamltext import Path, written_path

LARGEST = 2**63 - 1
"""The largest whole number that a table holds."""

_UNIT_STEP = 1


def read_axis(field: Field, declared: Any, path: Path, findings: Findings) -> Column | None:
    """Return the column that an axis declares, None where it has faults.

    Args:
        field: the swept field.
        declared: data that fits the schema.
        path: where the axis stands.
        findings: takes the faults.
    """
    column: Column | None = None
    if isinstance(declared, list):
        column = read_values(field, declared, path, findings)
    elif not isinstance(declared, dict):
        return None
    elif isinstance(declared.get("values"), list):
        column = read_values(field, declared["values"], (*path, "values"), findings)
    elif "of" in declared and "ratio" in declared:
        column = _read_ratio(field, declared, path, findings)
    elif "from" in declared and "to" in declared and field.kind == "count":
        column = _read_range(field, declared, path, findings)
    # What could be read has been read, so that its faults are known too.
    return None if findings.touched(path) else column


def _read_range(field: Field, declared: Mapping[str, Any], path: Path, findings: Findings) -> Column | None:
    start, end = (read_count(field, declared[name], (*path, name), findings) for name in ("from", "to"))
    if start is None or end is None:
        return None
    if start > end:
        findings.at_value((*path, "from"), f"{start} is above to, {end}")
        return None
    if "factor" in declared:
        return _read_geometric(field, start, end, path, findings)
    return _read_steps(field, start, end, declared["step"], path, findings) if "step" in declared else None


def read_values(field: Field, declared: Sequence[Any], path: Path, findings: Findings) -> Listed | None:
    """Return the column of a list of values, each there once."""
    values: list[FieldValue] = []
    first: dict[FieldValue, int] = {}
    for position, item in enumerate(declared):
        value = read_value(field, item, (*path, position), findings)
        if value is None:
            continue
        if value in first:
            there = (*path, first[value])
            findings.at_value(
                (*path, position),
                f"{_shown(value)} is twice on this axis, first at {findings.place(there)} ({written_path(there)})",
            )
        first.setdefault(value, position)
        values.append(value)
    return None if findings.touched(path) else Listed(field.name, tuple(values))


def read_value(field: Field, item: Any, path: Path, findings: Findings) -> FieldValue | None:
    """Return one value of a field, None where it has faults."""
    if field.kind == "count":
        return read_count(field, item, path, findings)
    if findings.touched(path):
        return None
    toolkit = TOOLKITS.get(item) if field.name == "convention" and isinstance(item, str) else None
    return item if toolkit is None else toolkit.convention


def read_count(field: Field, item: Any, path: Path, findings: Findings) -> int | None:
    """Return a count, which may be written as a size and must fit the field and a table, None where it does not."""
    value = _read_size(item, path, findings)
    if value is None:
        return None
    if value < field.minimum:
        findings.at_value(path, f"{value} is below the minimum, {field.minimum}")
        return None
    if field.maximum is not None and value > field.maximum:
        findings.at_value(path, f"{value} is above the maximum, {field.maximum}")
        return None
    if value > LARGEST:
        findings.at_value(path, f"{_cut(value)} is above {LARGEST:,}, the largest whole number that a table holds")
        return None
    return value


def _read_size(item: Any, path: Path, findings: Findings) -> int | None:
    if findings.touched(path):
        return None
    if isinstance(item, int):
        return item
    try:
        return parse_size(item)
    except ValueError as problem:
        findings.at_value(path, str(problem))
        return None


def _read_steps(field: Field, start: int, end: int, item: Any, path: Path, findings: Findings) -> Stepped | None:
    step = _read_size(item, (*path, "step"), findings)
    if step is None:
        return None
    if step < _UNIT_STEP:
        findings.at_value((*path, "step"), f"{step} is below the minimum, 1")
        return None
    steps, rest = divmod(end - start, step)
    if rest:
        nearest = start + steps * step
        _report_missed(end, nearest, nearest + step, "step", path, findings)
        return None
    return Stepped(field.name, start, step, steps + 1)


def _read_geometric(field: Field, start: int, end: int, path: Path, findings: Findings) -> Listed | None:
    factor = _read_fraction((*path, "factor"), findings)
    if factor is None:
        return None
    if factor <= 1:
        findings.at_value((*path, "factor"), f"{factor} is not above 1")
        return None
    if start == 0:
        findings.at_value(
            (*path, "from"), "0 stays 0 whatever it is multiplied by; start at 1 or more, or write a list"
        )
        return None
    values = [start]
    while values[-1] < end:
        following = values[-1] * factor
        if following.denominator != 1:
            shown = f"{values[-1]} x {factor} = {_decimal(following)}"
            findings.at_value(
                (*path, "factor"), f"gives a value that is not whole: {shown}; write the values as a list"
            )
            return None
        values.append(int(following))
    if values[-1] != end:
        _report_missed(end, values[-2], values[-1], "factor", path, findings)
        return None
    return Listed(field.name, tuple(values))


def _report_missed(end: int, below: int, above: int, name: str, path: Path, findings: Findings) -> None:
    findings.at_value((*path, "to"), f"{end} is not hit by the {name}; the nearest values are {below} and {above}")


def _read_ratio(field: Field, declared: Mapping[str, Any], path: Path, findings: Findings) -> Ratio | None:
    listed = isinstance(declared["ratio"], list)
    places = (
        [(*path, "ratio", position) for position in range(len(declared["ratio"]))] if listed else [(*path, "ratio")]
    )
    ratios: list[Fraction] = []
    first: dict[Fraction, Path] = {}
    for place in places:
        ratio = _read_fraction(place, findings)
        if ratio is None:
            continue
        if ratio == 0:
            findings.at_value(place, "0 is not above 0")
        elif ratio in first:
            there = findings.place(first[ratio])
            findings.at_value(
                place, f"{_written(place, findings)} is here twice, first at {there} ({written_path(first[ratio])})"
            )
        first.setdefault(ratio, place)
        ratios.append(ratio)
    round_to = _read_size(declared["round_to"], (*path, "round_to"), findings) if "round_to" in declared else None
    if round_to is not None and not 1 <= round_to <= LARGEST:
        findings.at_value((*path, "round_to"), f"{_cut(round_to)} is not between 1 and {LARGEST:,}")
    if findings.touched(path):
        return None
    return Ratio(field.name, declared["of"], tuple(ratios), round_to)


def _read_fraction(path: Path, findings: Findings) -> Fraction | None:
    """Return the exact fraction that is written at a path: `1/4`, `0.5` or `2`."""
    if findings.touched(path):
        return None
    text = _written(path, findings)
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        findings.at_value(path, f"{_cut(text)} is not a fraction; write 1/4, 0.25 or 2")
        return None


def _written(path: Path, findings: Findings) -> str:
    return findings.document.spot(path).text or ""


def _decimal(value: Fraction) -> str:
    """Return a fraction as a decimal where that is exact and short, else as a fraction."""
    short = str(float(value)) if value < 10**15 else ""
    return short if short and Fraction(short) == value else str(value)


def _shown(value: FieldValue) -> str:
    return str(value).lower() if isinstance(value, bool) else _cut(value)


def _cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"


def is_count(name: str, fields: Mapping[str, Field] = FIELDS) -> bool:
    """Return whether a field is a whole number, so that others can be fractions of it."""
    return name in fields and fields[name].kind == "count"
