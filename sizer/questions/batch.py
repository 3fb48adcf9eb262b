"""Many networks are counted in microseconds each: those of one structure by the same compiled sums.

`sizer.count` answers whatever has no such structure, and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sizer.errors import Fault, InputError, quoted
from sizer.networks.blocks.counting import ModelCount
from sizer.networks.columns import COUNTED, MODEL_COLUMNS, SUMMED, completed
from sizer.networks.counting import Count, count, count_of, read, with_own_types
from sizer.networks.fields import FIELDS
from sizer.parameters import check_fields
from sizer.questions.model_structures import CompiledModels, ModelStructure
from sizer.questions.structures import MOST_STRUCTURES, Structure, key_of, structure_of
from sizer.remembered import Remembered

_MOST_FAULTS = 100
_AT_ONCE = 10_000


@dataclass(frozen=True)
class _Sums:
    structure: Structure
    counts: Callable[..., tuple[int, ...]]
    """`SUMMED`, from the counts that vary."""


_sums: Remembered[Any, _Sums] = Remembered(MOST_STRUCTURES)
_models = CompiledModels()


def count_quickly(fields: Mapping[str, Any]) -> Count:
    """Return what `sizer.count` returns, in microseconds where a network of the same structure was counted before.

    Raises:
        InputError: as `sizer.count` says.
    """
    found = None if "blocks" in fields else _found(fields)
    if found is None:
        return count(fields)
    structure = found.structure
    sums = found.counts(*structure.values(fields))
    return count_of(structure.configuration(fields), dict(zip(SUMMED, sums, strict=True)))


def count_batch(
    networks: Any,
    cell_types: Mapping[str, Any] | None = None,
    block_types: Mapping[str, Any] | None = None,
) -> Any:
    """Return every counted column of many networks, by name, in the order of the table columns.

    Args:
        networks: each as for `sizer.count`; some may be models of blocks. Or a frame of pandas or Polars with a column
            for each field: a missing value is a field that is left out, and what tables hold beside fields, `id` and
            counted columns, is not looked at.
        cell_types: cell types of your own, for all of them, as for `sizer.count`.
        block_types: block types of your own, likewise.

    Returns:
        A mapping for each network; of a frame a frame of the same kind, with the same index.

    Raises:
        InputError: a network has faults; the first hundred of them all, with paths such as `[3].cells`.

    Example:
        >>> network = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2}
        >>> [found["weights"] for found in count_batch([network | {"cells": 1024}, network | {"cells": 512}])]
        [12926976, 3317760]
    """
    is_frame = hasattr(networks, "columns") and hasattr(networks, "to_dict")
    if not is_frame and (isinstance(networks, (str, bytes, Mapping)) or not isinstance(networks, Iterable)):
        message = f"{quoted(networks)} are no networks; give a list of mappings, or a frame"
        raise InputError([Fault("", 0, 0, "networks", message)])
    given = _rows_of(networks) if is_frame else networks
    if cell_types is not None or block_types is not None:
        given = (_with_types(network, cell_types, block_types) for network in given)
    counted = [row for piece in count_in_pieces(given, _AT_ONCE) for row in piece]
    return _framed(networks, counted) if is_frame else counted


def _with_types(
    network: Any, cell_types: Mapping[str, Any] | None, block_types: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """Return a network with the types of a person; what is none is said to be none where it is counted."""
    found: Mapping[str, Any] = network
    return with_own_types(found, cell_types, block_types) if isinstance(network, Mapping) else found


def _rows_of(frame: Any) -> Iterator[dict[str, Any]]:
    """Yield the networks of a frame, a row each."""
    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(Fault("", 0, 0, "networks", f"the frame has two columns named {name!r}") for name in twice)
    beside = {"id", *COUNTED} - {*FIELDS}
    chosen = [(place, name) for place, name in enumerate(names) if name not in beside]
    # Polars yields rows of plain values; of pandas each column says its own, or numbers would become those of others.
    if hasattr(frame, "iter_rows"):
        rows = frame.iter_rows()
    else:
        rows = zip(*(frame.iloc[:, place].tolist() for place in range(len(names))), strict=True)
    for row in rows:
        yield {name: _whole(row[place]) for place, name in chosen if not _is_missing(row[place])}


def _is_missing(value: Any) -> bool:
    """Return whether a value of a frame stands for none: None, not a number, or the missing value of pandas."""
    return (
        value is None or type(value).__name__ in {"NAType", "NaTType"} or (isinstance(value, float) and value != value)
    )


def _whole(value: Any) -> Any:
    """Return a number without the point that a missing value in its column gave it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _framed(frame: Any, counted: list[dict[str, int]]) -> Any:
    """Return counts as a frame of the same kind."""
    if hasattr(frame, "iter_rows"):
        return type(frame)(counted)
    found = frame.iloc[:, :0].copy()
    for name in counted[0] if counted else COUNTED:
        found[name] = [row[name] for row in counted]
    return found


def count_in_pieces(networks: Iterable[Mapping[str, Any]], most: int) -> Iterator[list[dict[str, int]]]:
    """Yield what `count_batch` returns, so many at a time: who writes it down need not hold all of it.

    Args:
        networks: each as `sizer.count` takes it.
        most: how many at a time.

    Raises:
        InputError: as `count_batch` says; pieces before the first network with faults have been yielded by then.
    """
    counted: list[dict[str, int]] = []
    faults: list[Fault] = []
    for place, fields in enumerate(networks):
        try:
            check_fields(fields, "")
            if "blocks" in fields:
                counted.append(_models.answer(fields, _columns_of_model, ModelCount.columns))
                continue
            found = _found(fields)
            if found is None:
                counted.append(count(fields).columns())
            elif not faults:
                sums = found.counts(*found.structure.values(fields))
                counted.append(completed(dict(zip(SUMMED, sums, strict=True))))
        except InputError as problem:
            faults.extend(
                Fault("", 0, 0, f"[{place}].{fault.path}" if fault.path else f"[{place}]", fault.message)
                for fault in problem.faults
            )
            if len(faults) >= _MOST_FAULTS:
                break
        if len(counted) >= most:
            if not faults:
                yield counted
            counted = []
    if faults:
        raise InputError(faults)
    if counted:
        yield counted


def _columns_of_model(structure: ModelStructure, _: ModelCount) -> Callable[..., dict[str, int]]:
    """Return what gives every counted column of a model."""
    texts = dict(structure.texts)
    # The first is what others are so many times.
    weights = texts["weights"]
    for name, column in MODEL_COLUMNS.items():
        if column.each:
            texts[name] = f"{column.each} * weights"
    texts["weights"] = f"(weights := {weights})"
    return structure.compiled(f"{{{', '.join(f'{name!r}: {text}' for name, text in texts.items())}}}")


def _found(fields: Mapping[str, Any]) -> _Sums | None:
    """Return the sums of a network's structure; None where some value needs reading.

    Raises:
        InputError: the network has faults, or its convention refuses it.
    """
    key = key_of(fields)
    if key is None:
        # Sizes as text and numbers of other libraries are read by the slower way, once for each network.
        return None
    found = _sums.get(key)
    if found is None:
        read(fields)
        structure = structure_of(fields, SUMMED)
        texts = ", ".join(structure.texts[name] for name in SUMMED)
        found = _sums[key] = _Sums(structure, structure.compiled(f"({texts})"))
    if found.structure.refuses(fields):
        read(fields)  # which says why
    return found
