"""What can be swept of a model of blocks: a field by its path, `encoder.cells`, with any form of axis that its kind takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sizer.errors import quoted
from sizer.networks.aliases import TOOLKITS
from sizer.networks.blocks.fields import article
from sizer.networks.blocks.outlines import settled_value
from sizer.networks.blocks.reading import COMBINES
from sizer.networks.blocks.types import BLOCK_TYPES, BlockField, BlockType
from sizer.networks.cells import CellType
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import choices
from sizer.networks.fields import FIELDS, Field, Kind
from sizer.sweepfile.axes import read_axis, read_count
from sizer.sweepfile.axis import Column, Listed, Ratio, Stepped
from sizer.sweepfile.findings import Findings, words_known
from sizer.sweepfile.toolkits import problems_of_blocks
from sizer.sweepfile.yamltext import REFUSED, Path, written_path

MOST_STRUCTURES = 2_000
"""Combinations of words, lists and other shapes of a sweep: each is a model of its own, which takes a millisecond."""
_OF_MODEL = {
    "convention": BlockField("convention", "word", "The convention of every block that does not name its own.", words=tuple(CONVENTIONS)),
    "other_weights": BlockField("other_weights", "size", "Weights of parts that no block describes.", 0, minimum=0),
}  # fmt: skip
_OF_BLOCK = {
    "convention": _OF_MODEL["convention"],
    "combine": BlockField("combine", "word", "How several sources are joined.", "concat", words=COMBINES),
    "frozen": BlockField("frozen", "flag", "Whether its weights are not trained.", False),
    "from": BlockField("from", "names", "What it reads."),
}
_NUMBERS = frozenset({"size", "sizes", "shape", "pair", "groups", "padding"})
"""The kinds of field whose values can be whole numbers."""
_LISTS = frozenset({"sizes", "flags", "pair", "padding", "names"})
"""The kinds of field of which one value can be a list."""
_WORDS = frozenset({"word", "name", "names", "padding", "groups"})
"""The kinds of field of which one value can be a word."""


class FieldsOfModel:
    """What can be swept of a model of blocks."""

    def __init__(
        self,
        declared: Mapping[str, Any],
        findings: Findings,
        cell_types: Mapping[str, CellType],
        block_types: Mapping[str, BlockType],
    ) -> None:
        """Read for one file.

        Args:
            declared: its `model`.
            findings: takes the faults.
            cell_types: those that the file defines.
            block_types: those that the file defines.
        """
        self.declared = declared
        self.findings = findings
        self.cell_types = cell_types
        self.block_types = {**BLOCK_TYPES, **block_types}
        self.found: dict[str, BlockField] = {}
        """The fields that the file sweeps, by path."""
        self.apart: set[str] = set()
        """The sizes that cannot be left open, so that each value is a structure of its own."""

    def is_known(self, name: str, path: Path) -> bool:
        """Return whether a field can be swept; where it cannot, that is reported."""
        if name not in self.found:
            field, problem = self._field(name)
            if problem:
                self.findings.at_key(path, problem)
            if field is None:
                return False
            self.found[name] = field
        return True

    def fields(self, columns: Iterable[Column]) -> dict[str, Field]:
        """Return the fields of columns, as ratios look at them."""
        found = {}
        for column in columns:
            one = self.found[column.field]
            kind: Kind = "count" if not isinstance(column, Listed) or column.kind == "count" else "choice"
            found[column.field] = Field(column.field, kind, one.name, "", minimum=one.minimum, maximum=one.maximum)
        return found

    def paths(self) -> Iterator[str]:
        """Yield every field that the model itself gives, by path."""
        yield from self._paths(self.declared.get("blocks"), "")

    def _paths(self, blocks: Any, before: str) -> Iterator[str]:
        for name, block in blocks.items() if isinstance(blocks, dict) else ():
            for field in block if isinstance(block, dict) else ():
                yield f"{before}{name}.{field}"
            if isinstance(block, dict) and block.get("type") == "group":
                yield from self._paths(block.get("blocks"), f"{before}{name}.")

    # What a path names

    def _field(self, path: str) -> tuple[BlockField | None, str]:
        """Return the field that a path names, or what is wrong with it; neither where the model has the fault."""
        if path in _OF_MODEL:
            return _OF_MODEL[path], ""
        *names, last = path.split(".")
        blocks: Any = self.declared.get("blocks")
        if not names:
            return None, self._no_path(path, blocks)
        block: Any = None
        for depth, name in enumerate(names):
            if not isinstance(blocks, dict):
                return None, ""
            if name not in blocks:
                known = ["".join(f"{word}." for word in names[:depth]) + str(one) for one in blocks]
                asked = ".".join(names[: depth + 1])
                return None, f"no block named {quoted(asked)}{self.findings.hint(asked, known) or words_known(known)}"
            block = blocks[name]
            blocks = block.get("blocks") if isinstance(block, dict) else None
            if depth + 1 < len(names) and not isinstance(blocks, dict):
                where = ".".join(names[: depth + 1])
                return None, f"{where} is not a group, so it has no blocks; a path is BLOCK.field"
        kind = block.get("type") if isinstance(block, dict) else None
        block_type = self.block_types.get(kind) if isinstance(kind, str) else None
        if block_type is None:
            return None, ""  # said of the model
        return self._of_type(block_type, last, names, blocks)

    def _of_type(self, block_type: BlockType, name: str, names: list[str], inner: Any) -> tuple[BlockField | None, str]:
        own = {one.name: one for one in block_type.fields if one.kind != "tensors"}
        known = {**_OF_BLOCK, **own}
        if name in known:
            return known[name], ""
        if block_type.name == "group" and isinstance(inner, dict) and name in inner:
            return None, f"{'.'.join([*names, name])} is a block; a path ends with a field of it"
        if name == "type":
            return None, "the type of a block cannot vary; write a sweep for each type"
        if name in block_type.by_field or name in {"shared", "blocks"}:
            return None, f"{name} of {article(block_type.name)} cannot be swept"
        hint = self.findings.hint(name, known) or words_known(list(own))
        return None, f"{article(block_type.name)} has no {name}{hint}"

    def _no_path(self, name: str, blocks: Any) -> str:
        if isinstance(blocks, dict) and name in blocks:
            return f"{name} is a block; a swept field is a path, such as {name}.{self._a_field(blocks[name])}"
        having = [
            path for path in self.paths() if path.endswith(f".{name}")
        ] or [f"BLOCK.{name}"] * (name in FIELDS)  # fmt: skip
        if having:
            return f"with blocks, a swept field is a path, such as {having[0]}"
        known = [*_OF_MODEL, *(blocks if isinstance(blocks, dict) else ())]
        return f"no field named {quoted(name)}{self.findings.hint(name, known) or '; a swept field is a path, BLOCK.field'}"

    def _a_field(self, block: Any) -> str:
        kind = block.get("type") if isinstance(block, dict) else None
        known = self.block_types.get(kind) if isinstance(kind, str) else None
        sizes = [one.name for one in known.fields if one.kind in {"size", "sizes"}] if known else []
        required = [one.name for one in known.fields if one.required and one.name in sizes] if known else []
        return next(iter((*required, *sizes)), "field")

    # Axes

    def axis(self, name: str, declared: Any, path: Path) -> Column | None:
        """Return the column that an axis declares, None where it has faults."""
        one = self.found[name]
        if self.findings.touched(path):
            return None
        if isinstance(declared, list):
            return self.listed(name, declared, path)
        if not isinstance(declared, dict):
            return None  # the schema has said so
        if isinstance(declared.get("values"), list):
            return self.listed(name, declared["values"], (*path, "values"))
        if one.kind not in _NUMBERS:
            self.findings.at_value(path, f"the axis of {name} is a list, or {{values: [...]}}")
            return None
        field = Field(name, "count", name, one.description, minimum=one.minimum, maximum=one.maximum)
        column = read_axis(field, declared, path, self.findings)
        return None if column is None else self.shaped(column, path)

    def layered(self, name: str) -> Field:
        """Return a field as each layer has it for itself."""
        one = self.found[name]
        recurrent = self._type_of(name) == "recurrent" if name.count(".") else False
        if recurrent and one.name == "cell_type":
            return Field(name, "choice", name, one.description, per_layer=True)
        of_layers = recurrent and one.kind == "sizes"
        return Field(
            name, "count", name, one.description, minimum=one.minimum, maximum=one.maximum, per_layer=of_layers
        )

    def shaped(self, column: Column, path: Path) -> Column | None:
        """Return a column with each value apart, where they make structures of their own."""
        if not self.is_shape(column.field):
            return column
        if isinstance(column, Listed):
            return replace(column, apart=True)
        if isinstance(column, Ratio):
            self.findings.at_value(
                path,
                f"each value of {column.field} makes a separate model, so it cannot be a ratio of another field; write a list",
            )
            return None  # fmt: skip
        if column.length > MOST_STRUCTURES:
            self.findings.at_value(
                path,
                f"has {column.length:,} values, and each makes a separate model; at most {MOST_STRUCTURES:,} are taken",
            )
            return None
        return as_listed(column)

    def is_shape(self, name: str) -> bool:
        """Return whether each value of a field makes a structure of its own, be it a whole number."""
        one = self.found[name]
        if one.kind in {"size", "sizes"} and one.name != "subsample":
            return name in self.apart
        # A kernel along time alone is a size; where one of its values is a pair, the axis is no row of numbers.
        flat = one.kind == "pair" and one.name == "kernel" and self._type_of(name) == "convolution"
        return not flat or name in self.apart

    def _type_of(self, path: str) -> str:
        blocks: Any = self.declared.get("blocks")
        block: Any = None
        for name in path.split(".")[:-1]:
            block = blocks[name]
            blocks = block.get("blocks")
        return str(block["type"])

    def listed(self, name: str, items: list[Any], path: Path) -> Listed | None:
        """Return a column of values that are written out, each there once on an axis; None where it has faults."""
        values: list[Any] = []
        first: dict[Any, int] = {}
        one = self.found[name]
        for position, item in enumerate(items):
            place = (*path, position)
            if self.findings.touched(place) or item is REFUSED:
                continue
            if one.name == "convention" and isinstance(item, str) and item in TOOLKITS:
                for message in problems_of_blocks(self.declared, name, TOOLKITS[item]):
                    self.findings.at_value(place, message)
                item = TOOLKITS[item].convention
            value = self._value(one, item, place)
            if value is None:
                continue
            if value in first and "linked" not in path:
                there = (*path, first[value])
                self.findings.at_value(
                    place,
                    f"{quoted(item)} is twice on this axis, first at {self.findings.place(there)} ({written_path(there)})",
                )
            first.setdefault(value, position)
            values.append(value)
        lists = [position for position, value in enumerate(values) if isinstance(value, tuple)]
        if lists and len(lists) < len(values) and one.kind in {"sizes", "flags"}:
            self.findings.at_value(
                (*path, lists[0]), "is a list next to single values; an axis has either lists only or no lists"
            )
        if self.findings.touched(path) or len(values) < len(items):
            return None
        return Listed(name, tuple(values), apart=self.is_shape(name) or one.kind in {"flag", "flags"})

    def _value(self, one: BlockField, item: Any, path: Path) -> Any:
        """Return one value of a field, lists as tuples; None where it has faults."""
        if isinstance(item, list):
            if one.kind not in _LISTS:
                self.findings.at_value(path, f"is a list, and {one.name} has one value; a list is an axis")
                return None
            found = tuple(self._item(one, each, (*path, place)) for place, each in enumerate(item))
            if not found and one.kind != "names":
                self.findings.at_value(path, "is an empty list; give one value per layer")
            if one.kind == "pair" and len(found) != 2:
                self.findings.at_value(path, f"has {len(found)} values; write one, or [time, height]")
                return None
            return None if None in found or (not found and one.kind != "names") else found
        return self._item(one, item, path)

    def _item(self, one: BlockField, item: Any, path: Path) -> Any:
        if isinstance(item, list) and one.kind == "padding":
            found = tuple(self._item(one, each, (*path, place)) for place, each in enumerate(item))
            return None if None in found else found
        if one.kind in {"flag", "flags"}:
            if not isinstance(item, bool):
                self.findings.at_value(path, f"{quoted(item)} is neither true nor false")
                return None
            return item
        if one.kind in _NUMBERS and not (one.kind in _WORDS and isinstance(item, str) and settled_value(item) == item):
            if isinstance(item, bool) or not isinstance(item, (int, str)):
                self.findings.at_value(path, f"{_shown(item)} is not a whole number")
                return None
            minimum = 0 if one.kind == "padding" else one.minimum
            field = Field(one.name, "count", one.name, "", minimum=minimum, maximum=one.maximum)
            return read_count(field, item, path, self.findings)
        words = self._words(one)
        if not isinstance(item, str) or (words and item not in words):
            hint = self.findings.hint(item, words) or words_known(words) if words else ""
            self.findings.at_value(path, f"{_shown(item)} is {'not known' if words else 'no name'}{hint}")
            return None
        return item

    def _words(self, one: BlockField) -> tuple[str, ...]:
        if one.name == "cell_type":
            return choices("cell_type", self.cell_types)
        return {"padding": ("same", "valid"), "groups": ("all",)}.get(one.kind, one.words)

    def words(self, path: str) -> tuple[str, ...]:
        """Return the words that a swept field takes; none where any name will do."""
        return self._words(self.found[path]) if path in self.found else ()


def as_listed(column: Stepped) -> Listed:
    """Return equal steps as values that are written out, each apart."""
    return Listed(column.field, tuple(column.value(place) for place in range(column.length)), apart=True)


def _shown(item: Any) -> str:
    if isinstance(item, (dict, list)):
        return "a mapping" if isinstance(item, dict) else "a list"
    return quoted(str(item).lower() if isinstance(item, bool) else item)
