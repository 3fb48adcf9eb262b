"""What stands in a block becomes the fields of its type, each of its kind, or faults at their places."""

from __future__ import annotations

import contextlib
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from numbers import Real
from typing import Any

from sizer.errors import quoted
from sizer.networks.aliases import has_no_weights
from sizer.networks.blocks.open_words import OpenWord
from sizer.networks.blocks.types import ATTENTION_NEEDS, ATTENTION_TENSORS, COMMON, BlockField, BlockType
from sizer.networks.cells import CELL_TYPES
from sizer.networks.counting import did_you_mean
from sizer.numbers.kinds import KINDS
from sizer.numbers.polynomial import Polynomial, UnsettledError
from sizer.sizes import parse_size

Report = Callable[[str, str], None]
"""Takes a place, as a path with dots, and what is wrong there."""
MOST_DIGITS = 100
"""Of a number in a block."""
MOST_LAYERS = 2_000
"""Of a recurrent block whose layers are told one by one."""
PAIR = "_x_"
"""Between the clocks of a pair, as in `labels_x_frames`."""
NO_CLOCKS = ("step", "second", "seconds")
"""What stands in the names of columns, and in `clocks`, for something else."""
_CLOCK = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DECIMAL = re.compile(r"[0-9]{1,100}\.[0-9]{1,100}")
LEFT_OUT = "has no weights; leave it out"
"""What is said of layers and options that count nothing."""
PER_LAYER = ("cells", "recurrent_projection", "nonrecurrent_projection", "bidirectional", "subsample", "cell_type")
"""The fields of recurrent layers that may be lists."""

ALIKE = ("skip_connections", "only_recurrent_up")
"""What can be said of recurrent layers of one cell type alone."""


class FieldReader:
    """Reads the fields of blocks, and says what is wrong with them."""

    def __init__(self, report: Report, cell_types: Iterable[str]) -> None:
        """Read for one model.

        Args:
            report: takes the faults.
            cell_types: the names of those that the person defines.
        """
        self.report = report
        self.cell_types = tuple(cell_types)

    def fields(self, block_type: BlockType, given: Mapping[str, Any], at: str) -> dict[str, Any]:
        """Return every field of a block, what is not given by its default.

        Args:
            block_type: its type.
            given: what stands in the block.
            at: where the block stands.
        """
        known = (*block_type.by_field, *COMMON)
        for name in given:
            if name not in known:
                shown = name if isinstance(name, str) else quoted(name)
                hint = f"; it {LEFT_OUT}" if has_no_weights(shown) else did_you_mean(shown, known)
                self.report(f"{at}.{shown}", f"{article(block_type.name)} has no {shown}{hint}")
        found: dict[str, Any] = {}
        for one in block_type.fields:
            value = given.get(one.name)
            if value is None:
                found[one.name] = one.default
                if one.required and one.name not in given:
                    self.report(
                        at,
                        f"{article(block_type.name)} needs {one.name}: {one.description[0].lower()}{one.description[1:].rstrip('.')}",
                    )
            else:
                found[one.name] = self._value(one, value, f"{at}.{one.name}")
        if block_type.name == "recurrent":
            self._per_layer(found, given, at)
        self._together(block_type, found, given, at)
        return found

    def _together(self, block_type: BlockType, found: dict[str, Any], given: Mapping[str, Any], at: str) -> None:
        """Settle the fields that depend on each other."""
        if block_type.name == "pooling" and not found["over"]:
            if found["kernel"] is None and found["stride"] is None and "kernel" not in given and "stride" not in given:
                self.report(at, "a pooling needs a kernel, a stride, or over: time")
            if not isinstance(found["kernel"] or found["stride"], tuple) and _is_number(given.get("padding")):
                found["padding"] = (found["padding"][0], (0, 0))  # along time alone, as its kernel
            found["kernel"] = found["kernel"] if found["kernel"] is not None else found["stride"]
            found["stride"] = found["stride"] if found["stride"] is not None else found["kernel"]
        if (
            block_type.name == "convolution"
            and isinstance(found["stride"], tuple)
            and not isinstance(found["kernel"], (tuple, type(None)))
        ):
            self.report(f"{at}.stride", "has 2 values, but the kernel is one number, along time only; write one value")
        if block_type.name == "input":
            if "inputs" in given and {"channels", "height"} & set(given):
                self.report(at, "an input has inputs, or channels and height")
            elif not {"inputs", "channels", "height"} & set(given):
                self.report(at, "an input needs inputs, or channels and height")
        if block_type.name == "conformer" and found["feed_forward"] is None and found["width"] is not None:
            found["feed_forward"] = 4 * found["width"]
        if block_type.name == "attention":
            kind = found["kind"]
            for name in ATTENTION_NEEDS.get(kind, ()):
                if found[name] is None and name not in given:
                    self.report(at, f"an attention of kind {kind} needs {name}")
            for name in ("project_query", "project_memory"):
                if found[name] is None:
                    found[name] = kind != "dot"
            if found["width"] is None and kind == "dot" and (found["project_query"] or found["project_memory"]):
                self.report(at, "an attention with projections needs width")
            tensors = [tensor.name for tensor in ATTENTION_TENSORS.get(kind, ())]
            for name in found["biases"]:
                if name not in tensors:
                    self.report(
                        f"{at}.biases",
                        f"{quoted(name)} is not one of its tensors{did_you_mean(name, tensors) or '; one of ' + ', '.join(tensors)}",
                    )
            if found["value_width"] is None:
                found["value_width"] = found["width"]
        if block_type.name == "transformer" and found["attention_bias"] is None:
            found["attention_bias"] = found["bias"]
        if (
            block_type.name == "convolutional_lstm"
            and found["kernel"] is not None
            and not isinstance(found["kernel"], tuple)
        ):
            found["kernel"] = (found["kernel"], 1)

    def _per_layer(self, found: dict[str, Any], given: Mapping[str, Any], at: str) -> None:
        lists = {name: len(found[name]) for name in PER_LAYER if isinstance(found[name], tuple)}
        if isinstance(found["layers"], Polynomial) and (lists or found["subsample"] != 1):
            raise UnsettledError(found["layers"].names())  # layers that are told one by one are so many
        if isinstance(found["layers"], KINDS) and (lists or found["subsample"] != 1):
            found["layers"] = operator.index(found["layers"])  # type: ignore[arg-type]  # layers that are told one by one are so many
        if not lists:
            if found["subsample"] == 1 or not isinstance(found["layers"], int):
                return
            if found["layers"] > MOST_LAYERS:
                self.report(f"{at}.layers", f"is {found['layers']}; at most {MOST_LAYERS:,} layers can subsample")
                return
            lists = {"layers": found["layers"]}
        first, length = next(iter(lists.items()))
        for name, other in lists.items():
            if other != length:
                self.report(f"{at}.{name}", f"has {other} values, one per layer, but {first} has {length}")
        if given.get("layers") is not None and found["layers"] != length:
            self.report(f"{at}.layers", f"is {found['layers']}, but {first} has {length} values, one per layer")
        found["layers"] = length
        for name in PER_LAYER:
            if not isinstance(found[name], tuple):
                found[name] = (found[name],) * length
        if len(set(found["cell_type"])) == 1 or any(other != length for other in lists.values()):
            found["cell_type"] = found["cell_type"][0]
            return
        for name in ALIKE:
            if found[name] is True:
                self.report(
                    f"{at}.{name}",
                    f"is true, and cell_type has a value for each layer; {name} is of layers of one cell type",
                )
        if given.get("shared") is not None:
            self.report(f"{at}.shared", "shares the weights of layers of several cell types; write a block for each")

    def _value(self, one: BlockField, value: Any, path: str) -> Any:
        match one.kind:
            case "size" | "shape":
                return self.count(value, path, one.minimum, one.maximum)
            case "sizes" if isinstance(value, (list, tuple)):
                if not value:
                    self.report(path, "is an empty list; give one value per layer")
                return (
                    tuple(self.count(item, f"{path}.{place}", one.minimum) for place, item in enumerate(value)) or None
                )
            case "sizes":
                return self.count(value, path, one.minimum)
            case "flags" if isinstance(value, (list, tuple)):
                return tuple(self._flag(item, f"{path}.{place}") for place, item in enumerate(value)) or None
            case "flag" | "flags":
                return self._flag(value, path)
            case "pair":
                return self._pair(value, path, one.minimum)
            case "padding":
                return self._padding(value, path)
            case "groups":
                if isinstance(value, str) and (value == "all" or value.isalpha()):
                    if value != "all":
                        self.report(path, f"{quoted(value)} is neither a number of groups nor all")
                    return "all"
                return self.count(value, path, 1)
            case "word" if isinstance(value, OpenWord):
                return value
            case "word" if one.name == "cell_type" and isinstance(value, (list, tuple)):
                if not value:
                    self.report(path, "is an empty list; give one value per layer")
                return (
                    tuple(self._value(one, item, f"{path}.{place}") for place, item in enumerate(value)) or one.default
                )
            case "word":
                words = (*CELL_TYPES, *self.cell_types) if one.name == "cell_type" else one.words
                if not isinstance(value, str) or value not in words:
                    self.report(
                        path,
                        f"{quoted(value)} is not known{did_you_mean(value, words) or '; one of ' + ', '.join(words)}",
                    )
                    return one.default
                return value
            case "name":
                if not isinstance(value, str):
                    self.report(path, f"{quoted(value)} is not a name")
                    return None
                if one.name == "clock" and (value in NO_CLOCKS or not _CLOCK.fullmatch(value) or PAIR in value):
                    self.report(path, f"{quoted(value)} cannot name a clock")
                return value
            case "names":
                items = list(value) if isinstance(value, (list, tuple)) else [value]
                for item in items:
                    if not isinstance(item, str):
                        self.report(path, f"{quoted(item)} is not a name")
                return tuple(item for item in items if isinstance(item, str))
            case "tensors":
                return self._tensors(value, path)
        raise AssertionError(one.kind)

    def count(self, value: Any, path: str, minimum: int, maximum: int | None = None) -> int | None:
        """Return a whole number, which may be written as a size; None where it is none, too small or too large.

        A number of another kind stands for sizes that have been looked at.
        """
        if isinstance(value, KINDS):
            return value  # type: ignore[return-value]
        if isinstance(value, str):
            try:
                value = parse_size(value)
            except ValueError as problem:
                self.report(path, str(problem))
                return None
        if not isinstance(value, bool):
            with contextlib.suppress(TypeError):  # of what has no index, or arrays of several numbers
                value = operator.index(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self.report(path, f"{quoted(value)} is not a whole number")
            return None
        if abs(value) >= 10**MOST_DIGITS:
            self.report(path, f"has more than {MOST_DIGITS} digits")
            return None
        if maximum is not None and value > maximum:
            self.report(path, f"{value} is above the maximum, {maximum}")
            return None
        if value < minimum:
            self.report(path, f"{value} is below the minimum, {minimum}")
            return None
        return value

    def _flag(self, value: Any, path: str) -> bool:
        if not isinstance(value, bool):
            self.report(path, f"{quoted(value)} is neither true nor false")
        return value is True

    def _pair(self, value: Any, path: str, minimum: int) -> Any:
        if not isinstance(value, (list, tuple)):
            return self.count(value, path, minimum)
        if len(value) != 2:
            self.report(path, f"has {len(value)} values; write one, or [time, height]")
            return None
        pair = tuple(self.count(item, f"{path}.{place}", minimum) for place, item in enumerate(value))
        return None if None in pair else pair

    def _padding(self, value: Any, path: str) -> Any:
        """Return `same`, `valid`, or ((before, after), (before, after)) for time and height."""
        if isinstance(value, str):
            if value in ("same", "valid"):
                return value
            self.report(path, f"{quoted(value)} is not known; same, valid, a number, or one per dimension")
            return "same"
        sides = list(value) if isinstance(value, (list, tuple)) else [value, value]
        if len(sides) == 1:
            sides = [sides[0], 0]
        if len(sides) != 2:
            self.report(path, f"has {len(sides)} values; write one, or [time, height]")
            return "same"
        found = []
        for place, side in enumerate(sides):
            ends = side if isinstance(side, (list, tuple)) else [side, side]
            if len(ends) != 2:
                self.report(f"{path}.{place}", f"{quoted(side)} is neither a number nor [before, after]")
                return "same"
            found.append(tuple(self.count(end, f"{path}.{place}", 0) or 0 for end in ends))
        return tuple(found)

    def _tensors(self, value: Any, path: str) -> dict[str, tuple[int, ...]]:
        if not isinstance(value, Mapping) or not value:
            self.report(path, "is not a mapping of names to shapes")
            return {}
        found = {}
        for name, shape in value.items():
            sizes = shape if isinstance(shape, (list, tuple)) else [shape]
            if not isinstance(name, str):
                self.report(path, f"{quoted(name)} is not a name")
                continue
            found[name] = tuple(self.count(size, f"{path}.{name}", 1) or 1 for size in sizes)
        return found


def rate_of(value: Any) -> Fraction | None:
    """Return steps a second, or seconds, exactly: a number above 0, which may be written as a size; else None.

    Example:
        >>> rate_of("12.5"), rate_of("10K"), rate_of(0)
        (Fraction(25, 2), Fraction(10000, 1), None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = Fraction(value) if _DECIMAL.fullmatch(value) else parse_size(value)
    # A number with a point is what is written, 0.1 a tenth.
    number: Any = value if isinstance(value, Real) else 0
    return Fraction(str(number)) if 0 < number < 10**MOST_DIGITS else None


def _is_number(value: Any) -> bool:
    return value is not None and not isinstance(value, (list, tuple, str))


def article(name: str) -> str:
    """Return a type's name with its article."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
