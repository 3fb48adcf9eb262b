"""Kaldi's nnet3 becomes its components: models in binary and in text, configurations and xconfigs.

A component is tokens in brackets with values behind them, as its `Write` has it (github.com/kaldi-asr/kaldi,
`src/nnet3`). What a token holds is told by the value itself: numbers, vectors and matrices say what they are.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from sizer.errors import quoted
from sizer.files.byte_sources import ByteSource, Cursor
from sizer.files.contents import Contents, StatedLayer, StoredTensor
from sizer.files.limits import MOST_TENSORS, printable, shape_of, unread

NETWORK = b"<Nnet3>"
LISTED = {"<TimeOffsets>", "<ColumnMap>", "<Offsets>", "<HeightOffsets>", "<InputDims>", "<ReorderMap>", "<Indexes>"}
"""Tokens that have a list of whole numbers behind them, which looks like one number at first."""
PAIRED = {"<Offsets>"}
"""Those of them that list pairs."""
STATISTICS = {
    "<ValueAvg>",
    "<DerivAvg>",
    "<ValueSum>",
    "<DerivSum>",
    "<OderivRms>",
    "<OderivCount>",
    "<StatsMean>",
    "<StatsVar>",
    "<SelfRepairTotal>",
    "<SelfRepairConfig>",
    "<SelfRepairProb>",
    "<NumDimsSelfRepaired>",
    "<NumDimsProcessed>",
}
"""Tokens whose vectors are what training has seen, and no parameters."""
FIXED = ("Fixed", "SumBlock", "NoOp", "Permute", "BatchNorm", "BackpropTruncation", "Pnorm")
"""Components whose values are not trained begin so."""
MOST_SEARCHED = 64 * 2**20
"""Bytes in front of the network, which hold the transition model."""
MOST_LINES = 200_000
MOST_COMPONENTS = 100_000
TEXT_NOTE = "It is text, so every value was read in order to count them."
STATED = "It is a configuration: it has the sizes of the components, but no tensors."
_ASSIGNED = re.compile(r"([\w.\-]+)=((?:[^\s(]*\([^)]*\)[^\s]*)|\"[^\"]*\"|'[^']*'|\[[^\]]*\]|[^\s]+)")
_XCONFIG = re.compile(
    rb"\A(?:\s*#[^\n]*\n|\s*\n)*\s*(?:input(?:-node)? +(?:name|dim)=|component name=|[a-z0-9\-]+(?:-layer|-component) name=)"
)


def is_kaldi(head: bytes) -> bool:
    """Return whether a file begins as a model of Kaldi, in binary or in text."""
    start = head[2:] if head.startswith(b"\0B") else head
    return start.lstrip()[:17].startswith((b"<TransitionModel>", NETWORK))


def is_configuration(head: bytes) -> bool:
    """Return whether a file begins as a configuration of nnet3 or an xconfig."""
    return _XCONFIG.match(head) is not None


def read_configuration(source: ByteSource) -> Contents:
    """Return the components or layers that a configuration states.

    Raises:
        InputError: a line of it is none.
    """
    cursor = Cursor(source)
    layers: list[StatedLayer] = []
    for _ in range(MOST_LINES):
        if cursor.at >= cursor.end:
            break
        line = _line(cursor).partition("#")[0].strip()
        if line:
            layers.append(_stated(line))
    else:
        raise unread(f"it has more than {MOST_LINES:,} lines")
    form = (
        "kaldi nnet3 config"
        if any(layer.kind in ("component-node", "input-node") for layer in layers)
        else "kaldi xconfig"
    )
    return Contents(form, (), tuple(layers), "kaldi", (STATED,))


def _line(cursor: Cursor) -> str:
    """Return the next line; the last one may end without a break."""
    rest = cursor.end - cursor.at
    if rest < 65_536 and b"\n" not in cursor.source.read(cursor.at, rest):
        return cursor.take(rest).decode("utf-8", "replace")
    return cursor.line().decode("utf-8", "replace")


def _stated(line: str) -> StatedLayer:
    kind, _, rest = line.partition(" ")
    settings: dict[str, Any] = {}
    for key, value in _ASSIGNED.findall(rest):
        value = value.strip("\"'")
        settings[key] = int(value) if re.fullmatch(r"-?\d{1,18}", value) else value
    if kind == "component" and "type" in settings:
        kind = str(settings["type"])
    return StatedLayer(kind, printable(str(settings.get("name", ""))), settings)


def read_kaldi(source: ByteSource) -> Contents:
    """Return what a model of Kaldi's nnet3 holds.

    Raises:
        InputError: there is no such network in it, or it is damaged.
    """
    binary = source.read(0, min(2, source.size)) == b"\0B"
    cursor = Cursor(source, _find(source))
    reader = _Components(cursor, binary)
    layers = []
    if binary:
        cursor.line()
    else:
        _line(cursor)
    for _ in range(MOST_LINES):
        line = _line(cursor).strip()
        if not line:
            break
        layers.append(_stated(line))
    reader.components()
    notes = () if binary else (TEXT_NOTE,)
    return Contents(
        "kaldi nnet3" if binary else "kaldi nnet3 text",
        tuple(reader.tensors),
        (*layers, *reader.layers),
        "kaldi",
        notes,
    )


def _find(source: ByteSource) -> int:
    """Return where the network begins."""
    at, step = 0, 2**18
    while at < min(source.size, MOST_SEARCHED):
        data = source.read(at, min(step + len(NETWORK), source.size - at))
        source.allowance.spend()
        found = data.find(NETWORK)
        if found >= 0:
            return at + found
        at += step
    raise unread("it is a Kaldi file, but there is no nnet3 network in it")


class _Components:
    """Reads components one behind the other."""

    def __init__(self, cursor: Cursor, binary: bool) -> None:
        self._cursor = cursor
        self._binary = binary
        self.tensors: list[StoredTensor] = []
        self.layers: list[StatedLayer] = []

    def _peek(self) -> bytes:
        cursor = self._cursor
        blanks = b"\n" if self._binary else b" \n\r\t"
        while cursor.at < cursor.end:
            # Between the words of a text there may be any number of blanks; a component may end with a line break.
            if cursor.take(1) not in blanks:
                cursor.at -= 1
                break
        if cursor.at >= cursor.end:
            raise unread("it is cut off within its components")
        here = cursor.take(1)
        cursor.at -= 1
        return here

    def _word(self) -> str:
        """Return the characters up to the next blank, and stand behind it."""
        self._peek()
        self._cursor.allowance.spend()
        word = bytearray()
        while (one := self._cursor.take(1)) not in b" \n\r\t":
            word += one
            if len(word) > 1000:
                raise unread(f"a word at byte {self._cursor.at:,} does not end")
        return word.decode("utf-8", "backslashreplace")

    def components(self) -> None:
        """Read all of them, up to the end of the network."""
        if self._word() != "<NumComponents>":
            raise unread("its network does not say how many components it has")
        number = self._value("", "", "")
        if not isinstance(number, int) or not 0 <= number <= MOST_COMPONENTS:
            raise unread(f"its network would have {quoted(number)} components")
        for _ in range(number):
            if self._word() != "<ComponentName>":
                raise unread(f"a component should begin at byte {self._cursor.at:,}: it is damaged")
            name = printable(self._word())
            self._component(name, self._word(), 0)

    def _component(self, name: str, opening: str, depth: int) -> None:
        """Read a component behind its opening token."""
        kind = opening.strip("<>")
        if not opening.startswith("<") or not opening.endswith(">") or depth > 10:
            raise unread(f"a component should begin at byte {self._cursor.at:,}: it is damaged")
        settings: dict[str, Any] = {}
        before, place = len(self.tensors), len(self.layers)
        closing, token, inner = f"</{kind}>", "", 0
        while True:
            if self._peek() == b"<":
                token = self._word()
                if token == closing:
                    break
                if token.endswith("Component>") and not token.startswith("</"):
                    self._component(f"{name}.{inner}", token, depth + 1)
                    inner += 1
                else:
                    settings.setdefault(token.strip("<>"), True)
            else:
                value = self._value(token, name, kind)
                if value is not None:
                    settings[token.strip("<>")] = value
        own = tuple(tensor.name for tensor in self.tensors[before:])
        self.layers.insert(place, StatedLayer(kind, name, settings, own))

    def _value(self, token: str, name: str, kind: str) -> Any:
        """Read a value; a vector or a matrix becomes a tensor."""
        if self._binary:
            return self._binary_value(token, name, kind)
        if self._peek() == b"[":
            return self._bracket(token, name, kind)
        word = self._word()
        try:
            return int(word) if re.fullmatch(r"-?\d{1,18}", word) else float(word)
        except ValueError:
            return {"T": True, "F": False}.get(word, word)

    def _binary_value(self, token: str, name: str, kind: str) -> Any:
        cursor = self._cursor
        sign = cursor.take(1)
        if sign in b"TF":
            following = cursor.take(1) if sign == b"F" else b""
            if following in (b"M", b"V"):
                self._tensor_of(sign + following, token, name, kind)
                return None
            if following:
                cursor.at -= 1
            return sign == b"T"
        if sign == b"\4":
            return self._number_or_list(token)
        if sign == b"\x08":
            return struct.unpack("<d", cursor.take(8))[0]
        if sign in b"DC":
            self._tensor_of(sign + cursor.take(1), token, name, kind)
            return None
        raise unread(f"at byte {cursor.at - 1:,} there is no Kaldi value: {name} is damaged")

    def _number_or_list(self, token: str) -> Any:
        cursor = self._cursor
        data = cursor.take(4)
        number: int = struct.unpack("<i", data)[0]
        if token in LISTED:
            if not 0 <= number <= 1_000_000:
                raise unread(f"a list of {number:,} numbers in it")
            width = 8 if token in PAIRED else 4
            values = cursor.take(width * number)
            return list(struct.unpack(f"<{width // 4 * number}i", values))[:1000]
        # Decimals have the same width as whole numbers: what would be a very large whole number is one.
        return number if -(2**24) < number < 2**24 else struct.unpack("<f", data)[0]

    def _tensor_of(self, sign: bytes, token: str, name: str, kind: str) -> None:
        """Pass over the values of a vector or a matrix, decimals or packed."""
        cursor = self._cursor
        if sign[:1] == b"C":
            self._packed_matrix(token, name, kind)
            return
        cursor.skip(1)
        width = 4 if sign[:1] == b"F" else 8
        sizes = []
        for _ in range(2 if sign[1:] == b"M" else 1):
            if cursor.take(1) != b"\4":
                raise unread(f"a size in {quoted(name)} is damaged")
            sizes.append(struct.unpack("<i", cursor.take(4))[0])
        shape = self._keep(sizes, token, name, kind, f"float{8 * width}")
        length = width
        for size in shape:
            length *= size
        cursor.skip(length)

    def _packed_matrix(self, token: str, name: str, kind: str) -> None:
        """Pass over a compressed matrix: 8 bits with a header for each column, or 16 or 8 bits."""
        cursor = self._cursor
        form = b"M"
        while (more := cursor.take(1)) != b" ":
            form += more
            if len(form) > 3:
                raise unread(f"a matrix in {quoted(name)} is damaged")
        _, _, rows, columns = struct.unpack("<2f2i", cursor.take(16))
        shape = self._keep([rows, columns], token, name, kind, "uint16" if form == b"M2" else "uint8")
        values = shape[0] * shape[1]
        cursor.skip({b"M": values + 8 * shape[1], b"M2": 2 * values}.get(form, values))

    def _bracket(self, token: str, name: str, kind: str) -> list[str] | None:
        """Count the values between brackets, a line being a row; a list of whole numbers is returned."""
        cursor = self._cursor
        cursor.take(1)
        rows: list[int] = []
        lines = 0
        listed: list[str] = []
        while True:
            begin, line = cursor.at, b""
            while not line.endswith((b"\n", b"]")):
                line += cursor.take(self._to_break(cursor))
                if len(line) > 16 * 2**20:
                    raise unread(f"a line of {quoted(name)} does not end")
            cursor.allowance.spend(1 + (cursor.at - begin) // 64)
            words = line.rstrip(b"]\n").split()
            lines += 1
            if words:
                rows.append(len(words))
            if token in LISTED:
                listed += [word.decode("latin-1") for word in words[:1000]]
            if line.endswith(b"]"):
                break
        if token in LISTED:
            return listed[:1000]
        if len(set(rows)) > 1:
            raise unread(f"the rows of {quoted(name)} are of several lengths")
        # A vector stands in the line of its brackets, a matrix begins below.
        self._keep([len(rows), rows[0] if rows else 0] if lines > 1 else rows or [0], token, name, kind, "float32")
        return None

    def _to_break(self, cursor: Cursor) -> int:
        """Return how many bytes there are up to the next line break or bracket, within what is looked at."""
        data = cursor.take(min(65_536, cursor.end - cursor.at))
        cursor.at -= len(data)
        if not data:
            raise unread("it is cut off within a matrix")
        ends = [at for at in (data.find(b"\n"), data.find(b"]")) if at >= 0]
        return min(ends) + 1 if ends else len(data)

    def _keep(self, sizes: list[int], token: str, name: str, kind: str, dtype: str) -> tuple[int, ...]:
        if len(self.tensors) >= MOST_TENSORS:
            raise unread(f"it holds more than {MOST_TENSORS:,} tensors")
        full = f"{name}.{printable(token.strip('<>'))}"
        shape = shape_of(sizes, full)
        fixed = token in STATISTICS or kind.startswith(FIXED)
        self.tensors.append(StoredTensor(full, shape, dtype, "buffer" if fixed else "weight"))
        return shape
