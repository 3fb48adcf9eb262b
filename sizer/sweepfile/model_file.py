"""A file with a `model` of blocks becomes the model, or every fault at its line and column."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from sizer.errors import InputError
from sizer.networks.blocks.declared import Declared
from sizer.networks.blocks.types import BlockType
from sizer.networks.blocks.wiring import Graph, read_graph
from sizer.networks.cells import CellType
from sizer.sweepfile.findings import Findings
from sizer.sweepfile.load import read_file, text_of, unplaced
from sizer.sweepfile.model_grids import place_in
from sizer.sweepfile.own_blocks import read_own_blocks
from sizer.sweepfile.own_cells import read_own_cells
from sizer.sweepfile.sweep import Sweep
from sizer.sweepfile.yamltext import Document, Path, read_yaml


@dataclass(frozen=True)
class ModelFile:
    """A model of blocks as a file holds it."""

    declared: Mapping[str, Any]
    """What stands under `model`."""
    graph: Graph
    cell_types: Mapping[str, CellType]
    """Those that the file defines."""
    block_types: Mapping[str, BlockType]
    """Those that the file defines."""
    name: str
    description: str
    document: Document = field(repr=False, compare=False)
    within: str | None = None
    """Of a mapping, in which lines and columns are those of a text that nobody has seen: what paths are within."""

    @property
    def asked(self) -> Declared:
        """The model with the types that the file defines."""
        return Declared(self.declared, self.cell_types, self.block_types, self.own)

    @property
    def own(self) -> dict[str, Any]:
        """The definitions of these types, as they stand in the file."""
        data = self.document.data
        return {name: data[name] for name in ("cell_types", "block_types") if data.get(name)}

    @contextmanager
    def places_of_faults(self) -> Iterator[None]:
        """Say of faults by the block's name where in the file they are."""
        try:
            yield
        except InputError as problem:
            findings = Findings(self.document)
            for fault in problem.faults:
                findings.at_value(place_in(self.declared, fault.path), fault.message)
            with nullcontext() if self.within is None else unplaced(self.within):
                findings.raise_any()


def holds_blocks(path: str | os.PathLike[str]) -> bool:
    """Return whether a file has a model of blocks; what is wrong with it is said by who reads it whole.

    Raises:
        InputError: the file cannot be read.
    """
    file = os.fspath(path)
    data = read_yaml(read_file(file), file).data
    model = data.get("model") if isinstance(data, dict) else None
    return isinstance(model, dict) and "blocks" in model


def load_model(path: str | os.PathLike[str]) -> ModelFile:
    """Return the model of blocks in a file: a `model:` alone, or that of a sweep file as it stands by itself.

    Args:
        path: a YAML file in UTF-8.

    Raises:
        InputError: the file cannot be read, holds no model of blocks, or has faults; all of them at once.
    """
    file = os.fspath(path)
    return parse_model(read_file(file), file)


def model_of(source: object) -> ModelFile | None:
    """Return the model of blocks that is named, written down as a mapping, or stands in a sweep; None where there is none.

    Args:
        source: a file, a mapping of what would stand in one, the model alone as `sizer.count` takes it, or a sweep.

    Raises:
        InputError: the file cannot be read, or the model has faults; of a mapping each with its path.
    """
    if isinstance(source, Sweep):
        return None if source.of_blocks is None else parse_model(source.text, source.file)
    if isinstance(source, Mapping):
        whole, within = (_own_apart(source), "model.") if "blocks" in source else (source, "")
        model = whole.get("model")
        if not isinstance(model, Mapping) or "blocks" not in model:
            return None
        text = text_of(whole)
        with unplaced(within):
            return replace(parse_model(text), within=within)
    if isinstance(source, (str, os.PathLike)) and holds_blocks(source):
        return load_model(source)
    return None


def _own_apart(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a model alone as a file that holds it, the types that it defines beside it."""
    apart = {name: model[name] for name in ("cell_types", "block_types") if model.get(name)}
    return {**apart, "model": {name: value for name, value in model.items() if name not in apart}}


def parse_model(
    text: bytes | str, file: str = "", look_at: Callable[[Mapping[str, Any]], None] = lambda model: None
) -> ModelFile:
    """Return the model of blocks in a text.

    Args:
        text: YAML; bytes are read as UTF-8.
        file: what faults call the text.
        look_at: is given the model before anything of it is worked out, and may raise.

    Raises:
        InputError: as `load_model` says.
    """
    document = read_yaml(text, file)
    findings = Findings(document)
    if not document.whole:
        findings.raise_any()
    data = document.data
    model = data.get("model") if isinstance(data, dict) else None
    if not isinstance(model, dict) or "blocks" not in model:
        if not findings.faults:
            where: Path = ("model",) if isinstance(model, dict) else ()
            said = (
                "has no blocks; a configuration of a sweep is named by --id"
                if where
                else "is not a file with a model of blocks"
            )
            findings.at_value(where, said)
        findings.raise_any()
    assert isinstance(model, dict)
    look_at({**model, **{name: data.get(name) for name in ("cell_types", "block_types")}})
    cell_types = read_own_cells(data, findings)
    block_types = read_own_blocks(data, findings)
    graph, problems = read_graph(model, cell_types, block_types)
    placed = [(place_in(model, dotted), message) for dotted, message in problems]
    # What has a fault as YAML has no value to speak of.
    for place, message in [one for one in placed if not findings.touched(one[0])]:
        findings.at_value(place, message)
    findings.raise_any()
    assert graph is not None
    return ModelFile(
        model, graph, cell_types, block_types, _text(data.get("name")), _text(data.get("description")), document
    )


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
