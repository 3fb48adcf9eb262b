"""Models of blocks that differ only in their sizes are wired once: what is left of them are compiled sums.

A model's key is everything in it but its sizes. Models of one key need not be wired alike (widths that are added may be
equal in one and not in another), so the wiring of one of them notes what was decided by its sizes; for every other one
of which the same holds, the same sums give the counts. `sizer.count` answers the first one, and whatever has no key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sizer.networks.blocks.counting import ModelCount, count_model
from sizer.networks.blocks.fields import MOST_DIGITS
from sizer.networks.blocks.reading import MODEL_KEYS
from sizer.networks.blocks.sizes import OTHER, Size, size_fields, sizes_of, with_sizes
from sizer.networks.blocks.tally import MODEL_SUMMED, macs_a_second, macs_of, unsaid_clocks, weights_by_block
from sizer.networks.blocks.types import BLOCK_TYPES
from sizer.networks.blocks.wiring import Graph, read_graph
from sizer.networks.columns import MODEL_COLUMNS, MODEL_PARTS, PerStep, tally
from sizer.numbers.traced import Trace, Traced
from sizer.remembered import Remembered

MOST_STRUCTURES = 4096
MOST_ALIKE = 16
"""Structures of one key; beyond them models are counted one by one."""
_MOST = 10**MOST_DIGITS
_SIZES = {name: size_fields(block_type) for name, block_type in BLOCK_TYPES.items()}
_NOTHING: frozenset[str] = frozenset()
_SIZED = ("a size above 0",)
"""Stands in a key for any size above 0; no value equals it."""


@dataclass(frozen=True)
class ModelStructure:
    """What models of one structure have in common."""

    names: tuple[str, ...]
    """Of the sizes that vary, in the order of `_Alike.values`."""
    holds: Callable[..., bool]
    """Whether everything that was decided by the sizes is decided alike."""
    texts: Mapping[str, str]
    """Column -> what it is of the sizes that vary, as Python text."""

    def compiled(self, text: str) -> Callable[..., Any]:
        """Return a function of the sizes that vary. The text is made of whole numbers, arithmetic, comparisons and names."""
        return _compiled(self.names, text)


class _Alike:
    """The models of one key, with what is made of each of their structures."""

    def __init__(self, values: Callable[[Mapping[str, Any]], tuple[int, ...]]) -> None:
        self.values = values
        self.made: list[tuple[Callable[..., bool], Callable[..., Any]]] = []


class CompiledModels:
    """Answers one question about models, by functions that are compiled once for each structure."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._alike: Remembered[Any, _Alike] = Remembered(MOST_STRUCTURES)

    def answer(
        self,
        model: Mapping[str, Any],
        make: Callable[[ModelStructure, ModelCount], Callable[..., Any]],
        slowly: Callable[[ModelCount], Any],
        asked: Any = None,
    ) -> Any:
        """Return the answer, in microseconds where a model of the same structure was asked before.

        Args:
            model: one model, with the types that the person defines.
            make: returns a function from the sizes that vary to the answer; given the structure, and the count of its first
                model.
            slowly: returns the answer from the count.
            asked: part of the question; what is made holds for one value of it.

        Raises:
            InputError: as `sizer.count` says.
        """
        key = key_of_model(model, asked)
        if key is None:
            return slowly(_counted(model))
        alike = self._alike.get(key)
        if alike is not None:
            values = alike.values(model)
            for holds, answer in alike.made:
                if holds(*values):
                    return answer(*values)
        found = count_model(model)
        answered = slowly(found)
        if alike is None:
            alike = self._alike[key] = _Alike(_compiled_places([size.path for size in _varying(model)]))
        if len(alike.made) < MOST_ALIKE:
            structure = structure_of_model(model, tuple(found.columns()))
            alike.made.append((structure.holds, make(structure, found)))
        return answered


def _counted(model: Mapping[str, Any]) -> ModelCount:
    from sizer.networks.counting import count

    found = count(model)
    assert isinstance(found, ModelCount)
    return found


def key_of_model(model: Mapping[str, Any], first: Any = None) -> tuple[Any, ...] | None:
    """Return what models of one structure have in common; None where some value needs reading.

    Args:
        model: one model, as `sizer.count` takes it; it may have faults.
        first: stands in front of the key.
    """
    found: list[Any] = [first]
    for name, value in model.items():
        found.append(name)
        if name == "blocks":
            if not _add_blocks(value, found):
                return None
        elif name == OTHER and type(value) is int and 0 < value < _MOST:
            found.append(_SIZED)
        elif name not in MODEL_KEYS or not _add_value(value, found):
            return None  # the person's own types among them
    return tuple(found)


def _add_blocks(blocks: Any, found: list[Any]) -> bool:
    """Add blocks to a key, and return whether all of it could be."""
    if type(blocks) is not dict:
        return False
    for name, block in blocks.items():
        if type(block) is not dict or type(name) is not str:
            return False
        kind = block.get("type")
        sizes = _SIZES.get(kind, _NOTHING) if type(kind) is str else _NOTHING
        found.append((name, len(block)))
        for field, value in block.items():
            found.append(field)
            if field in sizes:
                if type(value) is int:
                    found.append(_SIZED if 0 < value < _MOST else (value,))
                elif not _add_sizes(value, found, field != "kernel"):
                    return False
            elif field == "blocks" and kind == "group":
                if not _add_blocks(value, found):
                    return False
            elif type(value) is str:
                found.append(value)
            elif not _add_value(value, found):
                return False
    return True


def _add_sizes(value: Any, found: list[Any], listed: bool) -> bool:
    """Add what stands in a field of sizes: one, one per layer, or one per repetition of its group."""
    kind = type(value)
    if kind is int:
        found.append(_SIZED if 0 < value < _MOST else (value,))
        return True
    if listed and (kind is list or kind is tuple):
        found.append(("list", len(value)))
        return all(_add_sizes(one, found, False) for one in value)
    if kind is dict and len(value) == 1 and type(value.get("each")) is list:
        found.append(("each", len(value["each"])))
        return all(_add_sizes(one, found, listed) for one in value["each"])
    return _add_value(value, found)


def _add_value(value: Any, found: list[Any]) -> bool:
    """Add a value as it stands."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        found.append(value)
    elif kind is int or kind is float:
        found.append((kind, value))  # in a tuple, or 1 would be True
    elif kind is list or kind is tuple:
        found.append(("list", len(value)))
        return all(_add_value(one, found) for one in value)
    elif kind is dict:
        found.append(("mapping", len(value)))
        return all(type(key) is str and _add_value(key, found) and _add_value(one, found) for key, one in value.items())
    else:
        return False
    return True


def _varying(model: Mapping[str, Any]) -> list[Size]:
    """Return the sizes of a model that vary: whole numbers above 0, not written as words."""
    found = []
    for size in sizes_of(model):
        here: Any = model
        for step in size.path:
            here = here[step]
        if type(here) is int and 0 < here < _MOST:
            found.append(size)
    return found


def structure_of_model(model: Mapping[str, Any], columns: Iterable[str]) -> ModelStructure:
    """Return the structure of a model that has no faults, with what its counted columns are of its sizes."""
    trace = Trace()
    names = {size.path: f"size_{number}" for number, size in enumerate(_varying(model))}

    def number(size: Size) -> Any:
        if size.path in names:
            return trace.variable(names[size.path], size.value)
        return size.value

    graph, problems = read_graph(with_sizes(model, number), None)
    assert graph is not None, problems
    texts = _texts(graph, model)
    return ModelStructure(
        tuple(names.values()), _compiled(names.values(), trace.text), {name: texts[name] for name in columns}
    )


def _texts(graph: Graph, model: Mapping[str, Any]) -> dict[str, str]:
    """Return every counted column of a model, as Python text."""
    summed = {name: _text(value) for name, value in tally(graph, MODEL_SUMMED).items()}
    weights = f"({' + '.join(text for part in MODEL_PARTS if (text := summed[part]) != '0') or '0'})"
    found = {
        name: f"{column.each} * {weights}" if column.each else summed[name]
        for name, column in MODEL_COLUMNS.items()
        if name != "macs_per_step"
    }
    found |= {f"{path}.weights": _text(number) for path, number in weights_by_block(graph).items()}
    macs = macs_of(graph)
    found |= {f"macs_per_{name}": _rounded_up(number) for name, number in macs.items()}
    if len(graph.clocks) == 1:
        found["macs_per_step"] = found.get(f"macs_per_{graph.clocks[0]}", "0")
    if not unsaid_clocks(macs, model):
        found["macs_per_second"] = _rounded_up(macs_a_second(macs, model))
    return found


def _text(number: Any) -> str:
    return number.text if isinstance(number, Traced) else str(int(number))


def _rounded_up(number: PerStep) -> str:
    return _text(number.total) if number.steps == 1 else f"-(-({_text(number.total)}) // {number.steps})"


def _compiled_places(paths: Sequence[tuple[str | int, ...]]) -> Callable[[Mapping[str, Any]], tuple[int, ...]]:
    """Return a function from a model to what stands at some places in it."""
    places = ", ".join("".join(["model", *(f"[{step!r}]" for step in path)]) for path in paths)
    function: Callable[..., tuple[int, ...]] = eval(
        f"lambda model: ({places}{',' if paths else ''})", {"__builtins__": {}}
    )
    return function


def _compiled(names: Any, text: str) -> Callable[..., Any]:
    function: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {text}", {"__builtins__": {}})
    return function
