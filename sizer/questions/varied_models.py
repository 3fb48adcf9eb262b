"""A model of blocks of which some sizes vary: what `fit` searches where the network is a whole model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sizer.errors import Fault, InputError, quoted
from sizer.networks.blocks.checks import Checks
from sizer.networks.blocks.counting import ModelCount, count_model
from sizer.networks.blocks.declared import Declared
from sizer.networks.blocks.fields import PER_LAYER
from sizer.networks.blocks.reading import Block, read_model
from sizer.networks.blocks.sizes import OTHER, placed, size_fields
from sizer.networks.blocks.tally import column_of, missing_column
from sizer.networks.blocks.types import BLOCK_TYPES, BlockField
from sizer.networks.blocks.wiring import Graph, wire_model
from sizer.networks.columns import MODEL_COLUMNS
from sizer.networks.counting import did_you_mean
from sizer.networks.tensors import Number
from sizer.numbers.growth import Growth

Path = tuple[str | int, ...]
_OTHER = BlockField(OTHER, "size", "Weights of the rest of the model.", 0, minimum=0)


@dataclass(frozen=True)
class FieldPlace:
    """A field of a block, and where it stands, or would."""

    path: Path
    field: BlockField
    is_size: bool
    """Whether counts are polynomials in it."""
    one_by_one: str = ""
    """Of `layers`: the field beside it that has one value for each of them."""


def places_of(asked: Declared) -> dict[str, FieldPlace]:
    """Return every field of every block by its name with dots, whether it stands in the model or not.

    Args:
        asked: a model; it may have faults.
    """
    found = dict(_places(asked.model.get("blocks"), ("blocks",), "", asked))
    found[OTHER] = FieldPlace((OTHER,), _OTHER, is_size=True)
    return found


def _places(blocks: Any, path: Path, before: str, asked: Declared) -> Iterator[tuple[str, FieldPlace]]:
    for name, block in blocks.items() if isinstance(blocks, Mapping) else ():
        kind = block.get("type") if isinstance(block, Mapping) else None
        if not isinstance(kind, str) or not isinstance(name, str):
            continue
        if kind == "group":
            yield from _places(block.get("blocks"), (*path, name, "blocks"), f"{before}{name}.", asked)
            continue
        block_type = BLOCK_TYPES.get(kind) or asked.block_types.get(kind)
        if block_type is None:
            continue
        sizes = size_fields(block_type)
        for one in block_type.fields:
            here: Path = (*path, name, one.name)
            value = block.get(one.name)
            if isinstance(value, Mapping) and isinstance(value.get("each"), list):
                here, value = (*here, "each"), value["each"]
            listed = isinstance(value, (list, tuple)) and one.name in sizes
            # A field that is told one by one varies as a whole too: the same in every layer or repetition.
            whole = here[:-1] if here[-1] == "each" else here
            is_size = one.name in sizes and not (one.kind == "pair" and listed)
            layers = _told_one_by_one(block) if kind == "recurrent" and one.name == "layers" else ""
            yield f"{before}{name}.{one.name}", FieldPlace(whole, one, is_size, layers)
            for number in range(len(value) if listed and is_size else 0):
                yield f"{before}{name}.{one.name}.{number + 1}", FieldPlace((*here, number), one, is_size)


def _told_one_by_one(block: Mapping[str, Any]) -> str:
    for name in PER_LAYER:
        value = block.get(name)
        if isinstance(value, (list, tuple)) or (name == "subsample" and value not in (None, 1)):
            return name
    return ""


class _Noted(Checks):
    """Notes what is wrong, so that a model can be added up all the same as far as it is wired."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: dict[tuple[str, str], None] = {}

    def report(self, block: Block, message: str, field: str) -> None:
        path = f"blocks.{block.path}"
        self.noted.setdefault((f"{path}.{field}" if field else path, message))


@dataclass(frozen=True)
class VariedModel:
    """A model of blocks of which some sizes vary."""

    asked: Declared
    places: Mapping[str, FieldPlace]
    """What varies, by name."""
    column: str
    _wired: dict[Any, tuple[Graph | None, list[tuple[str, str]]]] = field(default_factory=dict)
    """The last one that was wired."""

    def model(self, values: Mapping[str, Any]) -> Declared:
        """Return the model with what varies put in."""
        model = self.asked.model
        for name, value in values.items():
            model = placed(model, self.places[name].path, value)
        return replace(self.asked, model=model)

    def _graph(self, values: Mapping[str, Any]) -> tuple[Graph | None, list[tuple[str, str]]]:
        """Return the model as far as it is wired, and what refuses it."""
        asked = self.model(values)
        model, problems = read_model(asked.model, asked.cell_types, asked.block_types)
        if model is None:
            return None, problems
        checks = _Noted()
        graph = wire_model(model, checks)
        return graph, [*problems, *checks.noted]

    def _graph_at(self, values: Mapping[str, int]) -> tuple[Graph | None, list[tuple[str, str]]]:
        key = tuple(values.items())
        if key not in self._wired:
            self._wired.clear()
            self._wired[key] = self._graph(values)
        return self._wired[key]

    def looked_at(self, values: Mapping[str, Growth]) -> tuple[Number, bool]:
        """Return the column where what varies is as it grows, and whether it is refused where one looks."""
        graph, problems = self._graph(values)
        found = None if graph is None else column_of(graph, self.column)
        return (0 if found is None else found.total), bool(problems)

    def refusals(self, values: Mapping[str, int]) -> list[tuple[str, str]]:
        """Return (field, reason) for whatever is wrong with some values."""
        return self._graph_at(values)[1]

    def counted(self, values: Mapping[str, int]) -> int:
        """Return the column at some values, refused or not.

        Raises:
            InputError: the model has no such column.
        """
        graph, problems = self._graph_at(values)
        found = None if graph is None else column_of(graph, self.column)
        if found is not None:
            return found.rounded_up
        if graph is not None and not problems:
            raise InputError([Fault("", 0, 0, "budget", missing_column(graph, self.column))])
        return 0

    def count(self, values: Mapping[str, int]) -> ModelCount:
        """Return the whole count at values that are not refused."""
        asked = self.model(values)
        return count_model(asked.model, asked.cell_types, asked.block_types)

    def least(self, name: str) -> int:
        """Return the minimum of a size."""
        return self.places[name].field.minimum

    def most(self, name: str) -> int | None:
        """Return the maximum of a size; None where there is none."""
        return self.places[name].field.maximum


def place_problem(name: str, places: Mapping[str, FieldPlace], *, of_sizes: bool = True) -> str:
    """Return what to say of a name that cannot be searched; nothing where it can.

    Args:
        name: with dots.
        places: the fields that there are.
        of_sizes: whether sizes alone will do.
    """
    if name not in places:
        blocks = [path for path in places if "." in path]
        hint = did_you_mean(name, blocks) or "; write BLOCK.FIELD, such as encoder.cells"
        return f"{quoted(name)} names no field of a block{hint}"
    place = places[name]
    if not of_sizes:
        return ""
    if not place.is_size:
        return f"{quoted(name)} is no size, and only a size can be searched"
    if place.one_by_one:
        return f"{quoted(name)} is set by what is told layer by layer, {place.one_by_one}, so it cannot vary"
    return ""


def known_columns(asked: Declared) -> tuple[str, ...]:
    """Return the columns that a model can have, as far as that is known before it is wired."""
    paths = _block_paths(asked.model.get("blocks"), "")
    return (*MODEL_COLUMNS, *(f"{path}.weights" for path in paths), "macs_per_second")


def _block_paths(blocks: Any, before: str) -> Iterator[str]:
    for name, block in blocks.items() if isinstance(blocks, Mapping) else ():
        yield f"{before}{name}"
        if isinstance(block, Mapping) and block.get("type") == "group":
            yield from _block_paths(block.get("blocks"), f"{before}{name}.")
