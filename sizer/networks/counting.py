"""One network, described by a mapping of fields, becomes an exact count.

This is the library's front door for a single configuration: it checks the fields (every fault at once) and
returns the count with its parts.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sizer.answer import Shown, Table
from sizer.errors import Fault, InputError, quoted
from sizer.layout import DOT, aligned, share_words
from sizer.networks.aliases import TOOLKITS, meant
from sizer.networks.cells import CELL_TYPES, CellType
from sizer.networks.columns import PARTS, SUMMED, completed, tally
from sizer.networks.conventions import CONVENTIONS, NO_OWN, cell_of
from sizer.networks.custom_cells import read_cell_types
from sizer.networks.fields import FIELDS, REQUIRED, Field
from sizer.networks.formula import with_symbols
from sizer.networks.network import Network, refusals, resolve, wire
from sizer.numbers.words import Symbol
from sizer.parameters import check_fields
from sizer.sizes import parse_size, rounded_bytes, whole_number_problem

DEFAULT_CONVENTION = "textbook"
"""The convention of a network of which none is said."""
CHOICES = {"convention": tuple(CONVENTIONS), "cell_type": tuple(CELL_TYPES)}
"""The words that each `choice` field takes."""


@dataclass(frozen=True, repr=False)
class Count(Shown):
    """The count of one network."""

    configuration: dict[str, Any]
    """Every field, with what the convention decided filled in."""
    parts: dict[str, int]
    """Weights by part, in the order of the table columns; they add up to `weights`."""
    macs_per_step: int
    """Multiply-accumulates of one time step: matrices only, the output layer included."""
    state_size: int
    """Scalars carried from one step to the next."""
    network: Network | None = field(default=None, repr=False, compare=False)
    """The network as it was wired; None where the count came without it, from a batch or a server."""
    others: dict[str, int] = field(default_factory=dict, repr=False)
    """The counted columns that are summed by themselves and have no field here, by name."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read otherwise than it was written, or taken to be meant, in words."""
        return () if self.network is None else self.network.notes

    def noted(self, notes: Iterable[str]) -> Count:
        """Return the same, with further notes."""
        if self.network is None:
            return self
        return replace(self, network=replace(self.network, notes=tuple(dict.fromkeys((*self.notes, *notes)))))

    def _heading(self) -> str:
        """Return the network in words."""
        from sizer.networks.wording import network_heading

        return network_heading(self)

    def _in_a_line(self) -> str:
        return f"{self.weights:,} weights{DOT}{self._heading()}"

    def _sums(self) -> str:
        """Return what follows from the weights, in a line."""
        macs = "" if self.macs_per_step is None else f"{self.macs_per_step:,} MACs per step{DOT}"
        return f"{macs}{self.state_size:,} values of state{DOT}{rounded_bytes(self.float32_bytes)} as float32"

    def _as_table(self) -> Table:
        total = self.weights
        rows = [(part, weights, weights / total if total else 0.0) for part, weights in self.parts.items()]
        return ("part", "weights", "share"), rows

    def _shown_rows(self) -> list[tuple[str, int, str]]:
        """Return the parts that there are and their sum, each with its share in percent."""
        total = self.weights
        rows = [(part, weights, share_words(weights, total)) for part, weights in self.parts.items() if weights]
        return [*rows, ("weights", total, share_words(total, total))]

    def _as_text(self) -> str:
        rows = [(part, f"{weights:,}", share) for part, weights, share in self._shown_rows()]
        return "\n".join([self._heading(), "", *aligned(rows), "", self._sums()])

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        return self._heading(), (("part", "weights", "share"), self._shown_rows()), (self._sums(),)

    @property
    def weights(self) -> int:
        """Trainable scalars."""
        return sum(self.parts.values())

    @property
    def float32_bytes(self) -> int:
        """Bytes of the weights in 32-bit floats."""
        return self.columns()["float32_bytes"]

    @property
    def float16_bytes(self) -> int:
        """Bytes of the weights in 16-bit floats."""
        return self.columns()["float16_bytes"]

    @property
    def int8_bytes(self) -> int:
        """Bytes of the weights in 8-bit integers."""
        return self.columns()["int8_bytes"]

    def columns(self) -> dict[str, int]:
        """Return every counted column by name, in table order."""
        by_name = {"macs_per_step": self.macs_per_step, "state_size": self.state_size}
        return completed({**self.parts, **by_name, **self.others})


def count(
    fields: Mapping[str, Any],
    cell_types: Mapping[str, Any] | None = None,
    block_types: Mapping[str, Any] | None = None,
) -> Count:
    """Return the exact count of one network.

    Args:
        fields: `convention`, `cell_type`, `layers`, `cells`, `inputs` (or a vocabulary) and any other field; or a
            model of `blocks`; then the result is a `ModelCount`.
            `cells` and the projections may be lists, one value per layer; `layers` may then be left out. A network
            with a list of cell types is counted as a model of blocks.
            Counts may be written as sizes (`"10K"`).
        cell_types: cell types of your own by name, as a sweep file defines them; `cell_type` may then be one of
            them. They may also stand in `fields`, under the same name.
        block_types: block types of your own by name, for a model of blocks, likewise.

    Raises:
        InputError: a field is unknown, missing, of the wrong kind or out of range, or the convention refuses the
            network; all faults at once.

    Example:
        PyTorch's own count of `torch.nn.LSTM(80, 1024, 2)`:

        >>> count({"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}).weights
        12926976
    """
    check_fields(fields)
    if isinstance(fields.get("cell_type"), (list, tuple)):
        from sizer.networks.blocks.chained import with_one_cell_type

        fields = with_one_cell_type(fields)
    if "blocks" in fields:
        from sizer.networks.blocks.counting import count_model
        from sizer.networks.blocks.declared import declare

        asked = declare(fields, cell_types, block_types)
        return count_model(asked.model, asked.cell_types, asked.block_types)
    return count_network(read(fields, cell_types))


def with_own_types(
    fields: Mapping[str, Any], cell_types: Mapping[str, Any] | None, block_types: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Return a network together with the types that a person defines, as they may be given too."""
    if cell_types is not None:
        fields = {**fields, "cell_types": cell_types}
    if block_types is not None and "blocks" in fields:
        fields = {**fields, "block_types": block_types}
    return fields


def count_network(network: Network) -> Count:
    """Return the count of a wired network."""
    counted = {name: int(value) for name, value in tally(network, SUMMED).items()}
    return count_of({name: _plain(network.resolved[name]) for name in FIELDS}, counted, network)


def count_of(configuration: dict[str, Any], summed: Mapping[str, int], network: Network | None = None) -> Count:
    """Return a count of which the sums are known.

    Args:
        configuration: every field.
        summed: at least the counted columns that are summed by themselves, by name.
        network: as it was wired.
    """
    parts = {part: summed[part] for part in PARTS}
    others = {name: summed[name] for name in SUMMED if name not in parts}
    return Count(configuration, parts, others.pop("macs_per_step"), others.pop("state_size"), network, others)


def _plain(value: Any) -> Any:
    """Return a field's value as it was given, where the network was wired with symbols."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.value if isinstance(value, Symbol) else value


@dataclass(frozen=True)
class Description:
    """One network as it was described: its fields read, and the cell types that the person defines."""

    fields: Mapping[str, Any]
    """Sizes read, lists as tuples, `layers` filled in; what was not given is absent."""
    cell_types: Mapping[str, CellType] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What was read otherwise than it was written, or taken to be meant, in words."""

    @property
    def cell(self) -> CellType:
        """The table of its cells."""
        return cell_of(self.fields, self.cell_types)

    def changed(self, changes: Mapping[str, Any]) -> Description:
        """Return the same with other fields."""
        return replace(self, fields={**self.fields, **changes})

    def without(self, names: Collection[str]) -> Description:
        """Return the same without some fields."""
        return replace(self, fields={name: value for name, value in self.fields.items() if name not in names})

    def resolved(self) -> dict[str, Any]:
        """Return every field with what the convention decides filled in."""
        return resolve(self.fields, self.cell)

    def wired(self) -> Network:
        """Return the network, whatever refuses it."""
        return wire(self.resolved(), self.cell)


def read(fields: Mapping[str, Any], cell_types: Mapping[str, Any] | None = None, *, in_words: bool = False) -> Network:
    """Return one network, read, wired and found to be one.

    Args:
        fields: as `count` takes them.
        cell_types: as `count` takes them.
        in_words: wired with symbols, of which formulas are written.

    Raises:
        InputError: as `count` says.
    """
    return checked_network(described(fields, cell_types), in_words=in_words)


def described(fields: Mapping[str, Any], cell_types: Mapping[str, Any] | None = None) -> Description:
    """Return the description of a network.

    Raises:
        InputError: a field is unknown, missing, of the wrong kind or out of range; all faults at once.
    """
    description, problems = normalise(fields, cell_types)
    if problems:
        raise InputError(Fault("", 0, 0, path, message) for path, message in problems)
    return description


def checked_network(description: Description, *, in_words: bool = False) -> Network:
    """Return a network, wired once.

    Raises:
        InputError: the convention refuses it.
    """
    cell = description.cell
    resolved = description.resolved()
    network = wire(with_symbols(resolved) if in_words else resolved, cell)
    for field_name, reason in refused(description, network.fed)[:1]:
        raise InputError([Fault("", 0, 0, field_name, reason)])
    return replace(network, notes=description.notes) if description.notes else network


def normalise(
    fields: Mapping[str, Any], cell_types: Mapping[str, Any] | None = None
) -> tuple[Description, list[tuple[str, str]]]:
    """Return the fields that read well, and (field, message) for each that does not.

    Args:
        fields: one network; the cell types that a person defines may stand in it under `cell_types`.
        cell_types: these, where they stand apart.
    """
    if "blocks" in fields:
        message = "is a whole model; this is asked of a network without blocks"
        return Description({}), [("blocks", message)]
    normal: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    declared = fields.get("cell_types") if cell_types is None else cell_types
    own, faults = read_cell_types(declared) if declared else ({}, [])
    problems.extend((_path_of("cell_types", path), message) for path, message in faults)
    # A cell type with faults is known all the same.
    known = declared if isinstance(declared, Mapping) else ()
    for name, value in fields.items():
        if name == "cell_types":
            continue
        if name not in FIELDS:
            problems.append((str(name), f"no field of that name{did_you_mean(name, FIELDS)}"))
        elif value is not None:
            try:
                normal[name] = _read(FIELDS[name], value, known)
            except ValueError as problem:
                problems.append((name, str(problem)))
    per_layer = {name: len(value) for name, value in normal.items() if isinstance(value, tuple)}
    if per_layer:
        problems.extend(_expand_layers(normal, per_layer))
    toolkit = TOOLKITS.get(fields["convention"]) if isinstance(fields.get("convention"), str) else None
    notes = []
    if toolkit is not None:
        notes.append(toolkit.note)
        words = [normal["cell_type"]] if "cell_type" in normal else []
        given = [name for name, value in normal.items() if any(value if isinstance(value, tuple) else (value,))]
        problems.extend(("convention", message) for message in toolkit.problems(words, given))
    if fields.get("convention") is None:
        normal["convention"] = DEFAULT_CONVENTION
        notes.append(f"convention {DEFAULT_CONVENTION}, as none was named")
    # What somebody wrote in another's word is not missing; the fault says the word.
    in_other_words = {meant(str(name), FIELDS) for name in fields if name not in FIELDS}
    problems.extend(
        (name, "is missing")
        for name in REQUIRED
        if name not in normal and fields.get(name) is None and name not in in_other_words
    )
    return Description(normal, own or NO_OWN, tuple(notes)), problems


def _path_of(start: str, path: Iterable[Any]) -> str:
    return ".".join(map(str, (start, *path)))


def _expand_layers(normal: dict[str, Any], per_layer: dict[str, int]) -> list[tuple[str, str]]:
    """Make every per-layer field a tuple of the same length; return what disagrees."""
    name, length = next(iter(per_layer.items()))
    problems = [
        (other, f"has {found} values, one per layer, but {name} has {length}")
        for other, found in per_layer.items()
        if found != length
    ]
    if normal.get("layers", length) != length:
        problems.append(("layers", f"is {normal['layers']}, but {name} has {length} values, one per layer"))
    normal["layers"] = length
    for other in (one.name for one in FIELDS.values() if one.per_layer):
        if other in normal and not isinstance(normal[other], tuple):
            normal[other] = (normal[other],) * length
    if "cells" in normal:
        for other in ("recurrent_projection", "nonrecurrent_projection"):
            normal.setdefault(other, (0,) * length)
    return problems


def refused(description: Description, fed: Any = None) -> list[tuple[str, str]]:
    """Return (field, reason) for each rule that refuses the network, in the order of the rules.

    Args:
        description: of the network.
        fed: what feeds the output layer; None: it is worked out.
    """
    normal, cell = description.fields, description.cell
    if fed is None:
        fed = description.wired().fed
    if isinstance(fed, Symbol):
        fed = fed.value
    if not isinstance(normal["cells"], tuple):
        return [(rule.blamed(normal), rule.reason) for rule, refuses in refusals(normal, cell, fed) if refuses]
    found: dict[tuple[str, str], None] = {}
    for layer in range(len(normal["cells"])):
        one = {name: value[layer] if isinstance(value, tuple) else value for name, value in normal.items()}
        for rule, refuses in refusals(one, cell, fed):
            if refuses:
                found[rule.blamed(one), rule.reason] = None
    return list(found)


def choices(name: str, own: Iterable[str]) -> tuple[str, ...]:
    """Return the words that a `choice` field takes where a person defines cell types of their own."""
    return (*CHOICES[name], *own) if name == "cell_type" else CHOICES[name]


def _read(field: Field, value: Any, own: Iterable[str]) -> Any:
    if isinstance(value, (list, tuple)) and field.name == "cell_type":
        raise ValueError(
            "has a value for each layer; write a model of blocks, in which a recurrent block may have a list"
        )
    if isinstance(value, (list, tuple)) and field.per_layer:
        if not value:
            raise ValueError("is an empty list; give one value per layer")
        return tuple(_read_count(field, one) for one in value)
    if field.kind == "choice":
        known = choices(field.name, own)
        if field.name == "convention" and isinstance(value, str) and value in TOOLKITS:
            return TOOLKITS[value].convention
        if value not in known:
            raise ValueError(
                f"{quoted(value)} is not known{did_you_mean(value, known) or '; one of ' + ', '.join(known)}"
            )
        return value
    if field.kind == "boolean":
        if not isinstance(value, bool):
            raise ValueError(f"{quoted(value)} is neither true nor false")
        return value
    return _read_count(field, value)


def _read_count(field: Field, value: Any) -> int:
    if isinstance(value, str):
        value = parse_size(value)
    if hasattr(value, "__index__") and not isinstance(value, bool):
        value = value.__index__()
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(whole_number_problem(value))
    if value < field.minimum:
        raise ValueError(f"{value} is below the minimum, {field.minimum}")
    if field.maximum is not None and value > field.maximum:
        raise ValueError(f"{value} is above the maximum, {field.maximum}")
    return value


def did_you_mean(word: object, known: Any) -> str:
    """Return `; did you mean '...'?` with what a toolkit's word stands for or the nearest known word, or nothing."""
    text = quoted(word)[1:-1]
    names = list(known)
    found = meant(text, names) or _nearest(text, names)
    return f"; did you mean {quoted(found)}?" if found else ""


def _nearest(text: str, names: Sequence[str]) -> str:
    """Return the nearest known word, a path among paths and a name among names; nothing where none is near.

    Example:
        >>> _nearest("encodr.cells", ["encoder.cells", "decoder.layers"]), _nearest("encoder.weights", ["other_weights"])
        ('encoder.cells', '')
        >>> _nearest("lstm.cells", ["id", "lstm.cells.1"]), _nearest("lstm.cells", ["layers", "cells"])
        ('lstm.cells.1', 'cells')
    """
    paths = [str(name) for name in names if "." in str(name)]
    if "." not in text:
        own = [str(name) for name in names if "." not in str(name)]
        ends = [name.rpartition(".")[2] for name in paths]
        found = next(iter(difflib.get_close_matches(text, own, n=1, cutoff=0.6)), "")
        return found or next((path for path, end in zip(paths, ends, strict=True) if meant(text, [end])), "")
    within = next((path for path in paths if path.startswith(f"{text}.")), "")
    if within or not paths:
        last = text.rpartition(".")[2]
        return within or (last if last in names else "")
    parts = text.split(".")
    near = {path: _likeness(parts, path.split(".")) for path in paths}
    best = max(paths, key=near.__getitem__)
    return best if near[best] >= _NEAR else ""


_NEAR = 0.6


def _likeness(parts: Sequence[str], others: Sequence[str]) -> float:
    """Return how alike two paths are, from 0 to 1: as much as the two of their parts that are the least so."""
    if len(parts) != len(others):
        return 0
    return min(difflib.SequenceMatcher(None, one, other).ratio() for one, other in zip(parts, others, strict=True))
