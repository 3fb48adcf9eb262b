"""YAML text becomes plain data and a table of places, and every trap in it becomes a fault.

The parser's events are walked once. Composing a tree is left alone: the C composer crashes the process on deep
nesting, aliases can unfold to gigabytes, and duplicate keys vanish. Ints carry no places, so the places stand in
a table of their own, by path.
"""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from sizer.errors import Fault, quoted
from sizer.sizes import written_without_commas
from sizer.sweepfile.scalars import AmbiguousScalarError, read_plain
from sizer.sweepfile.syntax import explain

Path = tuple[str | int, ...]
"""Where a value stands: keys and positions, from the root."""

SIZE_LIMIT = 4 * 2**20
DEPTH_LIMIT = 32
VALUE_LIMIT = 100_000
LONGEST_LIST = 10_000
ENOUGH = 1000
"""Faults after which no more are looked for in a text, or in the shape of its data."""
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(?![0-9])")
"""A number with commas, which inside braces is a value and keys."""
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class _Refused:
    """Stands in the data for a value that a fault was found in; nothing more is said about it."""

    def __repr__(self) -> str:
        return "REFUSED"


REFUSED = _Refused()


@dataclass(frozen=True, order=True)
class Place:
    """A place in a file, lines and columns from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Spot:
    """Where one value stands in the text."""

    value: Place
    key: Place | None = None
    """The place of the key, for a value in a mapping."""
    text: str | None = None
    """The scalar as written, without quotes; None for lists and mappings."""


@dataclass
class Document:
    """The data of one YAML text, with places."""

    file: str
    text: str
    data: Any = None
    spots: dict[Path, Spot] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    refused: set[Path] = field(default_factory=set)
    """The paths that a fault was found at."""
    whole: bool = True
    """Whether the text was read to its end; otherwise nothing more can be said about it."""
    cut: bool = False
    """Whether no more faults were looked for, so that there may be others."""

    def spot(self, path: Path) -> Spot:
        """Return the spot of a path, or of the nearest thing above it that has one."""
        while path not in self.spots:
            if not path:
                return Spot(Place(1, 1))
            path = path[:-1]
        return self.spots[path]

    def line(self, number: int) -> str:
        """Return one line of the text, counted from 1, without its end."""
        return self._lines[number - 1] if number <= len(self._lines) else ""

    @functools.cached_property
    def _lines(self) -> list[str]:
        return _LINE_BREAK.split(self.text)


def written_path(path: Path) -> str:
    """Return a path as people write it.

    Example:
        >>> written_path(("grid", "layers", 0))
        'grid.layers[0]'
    """
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f"[{step}]"
        elif step:
            words += f".{_shown_key(step)}" if words else _shown_key(step)
    return words


def _shown_key(key: str) -> str:
    return key if len(key) <= 80 else key[:79] + "…"


def too_long(size: int | None) -> str:
    """Return the words for a file over the limit, of which the size may not be known."""
    known = "" if size is None else f" {size:,} bytes,"
    return (
        f"the file has{known} more than the {SIZE_LIMIT:,} bytes that a sweep may have; "
        "write long axes as {from, to, step}"
    )


def read_yaml(raw: bytes | str, file: str = "") -> Document:
    """Return the data of a YAML text with its places and whatever faults are in the text itself.

    Args:
        raw: the file's bytes (UTF-8, with or without a byte order mark), or text.
        file: the file's name, for faults.
    """
    if len(raw) > SIZE_LIMIT:
        return _unreadable(
            file,
            Place(1, 1),
            too_long(len(raw)),
        )
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        return _not_utf8(raw if isinstance(raw, bytes) else b"", problem, file)
    document = Document(file, text.removeprefix("\ufeff"))
    starts = _line_starts(document.text)
    for match in _UNPRINTABLE.finditer(document.text):
        place = _place_of(starts, match.start())
        _report(document, place, (), f"the control character U+{ord(match[0]):04X} is not allowed in YAML; remove it")
        document.whole = False
        if len(document.faults) > ENOUGH:
            document.cut = True
            break
    if document.whole:
        _Reader(document).read()
    return document


def _unreadable(file: str, place: Place, message: str) -> Document:
    document = Document(file, "", whole=False)
    _report(document, place, (), message)
    return document


def _report(document: Document, place: Place, path: Path, message: str) -> None:
    document.faults.append(Fault(document.file, place.line, place.column, written_path(path), message))
    document.refused.add(path)


def _not_utf8(raw: bytes, problem: UnicodeDecodeError, file: str) -> Document:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _unreadable(file, Place(1, 1), "the file is UTF-16; save it as UTF-8")
    before = raw[: problem.start].decode("utf-8").removeprefix("\ufeff")
    byte = raw[problem.start]
    return _unreadable(
        file,
        _place_of(_line_starts(before), len(before)),
        f"the byte 0x{byte:02X} is not UTF-8; save the file as UTF-8",
    )


def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in _LINE_BREAK.finditer(text))]


def _place_of(starts: list[int], offset: int) -> Place:
    line = bisect.bisect_right(starts, offset)
    return Place(line, offset - starts[line - 1] + 1)


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


@dataclass
class _Open:
    """A list or mapping that the walk is inside of."""

    path: Path
    values: Any
    """A list or a dict."""
    key: str | None = None
    """The key whose value comes next; None: a key comes next, or this is a list."""
    key_place: Place | None = None
    doubled: bool = False
    """Whether the key is a duplicate, whose value is read and thrown away."""


class _Reader:
    """One walk over the events of a text."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.stack: list[_Open] = []
        self.documents = 0
        self.value_count = 0
        self.multiline: list[tuple[int, int]] = []
        """Lines (from 0, both included) that multi-line scalars cover; tabs inside them are text."""
        self._thousands: Place | None = None
        """Where a size with commas was reported last."""

    def read(self) -> None:
        document = self.document
        try:
            for event in _events(document.text, _fast_loader()):
                if not self._take(event):
                    document.whole = False
                    return
        except yaml.YAMLError as problem:
            document.whole = False
            if not self._report_tabs():
                line, column, message = explain(document.text, problem)
                _report(document, Place(line, column), (), message)
            return
        if self._report_tabs():
            document.whole = False
        elif document.whole and document.data is None and not document.faults:
            _report(document, Place(1, 1), (), "the file is empty; `sizer init` writes one to start from")
            document.whole = False

    def _take(self, event: Any) -> bool:
        """Take in one event; return whether to go on."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                place = _place(event.start_mark)
                _report(self.document, place, (), "a second document starts here; write one sweep per file")
                return False
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            self._close()
        elif isinstance(event, yaml.NodeEvent):
            return self._take_node(event)
        return True

    def _take_node(self, event: Any) -> bool:
        place = _place(event.start_mark)
        self.value_count += 1
        if self.value_count > VALUE_LIMIT:
            message = f"more than {VALUE_LIMIT:,} values; write long axes as {{from, to, step}}"
            _report(self.document, place, (), message)
            return False
        is_key = bool(self.stack) and isinstance(self.stack[-1].values, dict) and self.stack[-1].key is None
        if is_key and not isinstance(event, yaml.ScalarEvent):
            _report(self.document, place, self.stack[-1].path, "a key must be a word")
            return False
        if is_key:
            self._take_key(event, place)
            return True
        refused = self._refuse_machinery(event, place, self._next_path())
        if isinstance(event, yaml.ScalarEvent):
            self._note_lines(event)
            if not event.value and event.implicit[0]:
                # The parsers disagree about where nothing stands.
                place = self._key_place() or place
            self._put(REFUSED if refused else self._scalar(event, place), Spot(place, self._key_place(), event.value))
        elif isinstance(event, yaml.AliasEvent):
            self._put(REFUSED, Spot(place, self._key_place()))
        elif len(self.stack) >= DEPTH_LIMIT:
            _report(self.document, place, self._next_path(), f"nested more than {DEPTH_LIMIT} deep")
            return False
        else:
            self._open(event, place)
        return True

    def _take_key(self, event: Any, place: Place) -> None:
        mapping = self.stack[-1]
        key = event.value
        mapping.key, mapping.key_place = key, place
        mapping.doubled = key in mapping.values
        path = (*mapping.path, key)
        self._refuse_machinery(event, place, mapping.path)
        self._note_lines(event)
        if key == "<<" and event.implicit[0]:
            self._fault(place, path, mapping.path, "merge keys (<<) are not read; write the fields out")
        elif event.implicit[0] and self._is_thousands(key, place):
            mapping.doubled = True  # its value, which is nothing, is thrown away
            self.document.refused.add(path)
        elif mapping.doubled:
            first = self.document.spots[path].key
            assert first is not None
            message = (
                f"the key {quoted(key)} is there twice, first at line {first.line}, column {first.column}; keep one"
            )
            self._fault(place, path, mapping.path, message)

    def _is_thousands(self, key: str, place: Place) -> bool:
        """Return whether a key is the thousands of a size that is written with commas, which is reported, once."""
        if len(key) != len("000") or not key.isdecimal():
            return False
        line = self.document.line(place.line)
        found = next(
            (match for match in _THOUSANDS.finditer(line) if match.start() < place.column <= match.end()), None
        )
        if found is None:
            return False
        begun = Place(place.line, found.start() + 1)
        if self._thousands != begun:
            self._thousands = begun
            above = self.stack[-1]
            last = next(reversed(above.values), None)
            path = above.path if last is None else (*above.path, last)
            self._fault(begun, path, path, written_without_commas(found[0]))
        return True

    def _refuse_machinery(self, event: Any, place: Place, path: Path) -> bool:
        """Refuse what makes one text mean another: aliases, anchors, tags."""
        if isinstance(event, yaml.AliasEvent):
            self._fault(
                place, path, path, f"aliases (*{_shown_key(str(event.anchor))}) are not read; write the value out"
            )
        elif event.anchor is not None:
            self._fault(
                place, path, path, f"anchors (&{_shown_key(str(event.anchor))}) are not read; write the value out"
            )
        elif event.tag is not None:
            self._fault(place, path, path, "tags (!) are not read; write the value without one")
        else:
            return False
        return True

    def _fault(self, place: Place, path: Path, shown: Path, message: str) -> None:
        _report(self.document, place, shown, message)
        self.document.refused.discard(shown)
        self.document.refused.add(path)

    def _scalar(self, event: Any, place: Place) -> Any:
        if not event.implicit[0]:
            return event.value
        try:
            return read_plain(event.value)
        except AmbiguousScalarError as problem:
            path = self._next_path()
            self._fault(place, path, path, str(problem))
            return REFUSED

    def _note_lines(self, event: Any) -> None:
        if event.end_mark.line > event.start_mark.line:
            self.multiline.append((event.start_mark.line, event.end_mark.line))

    def _next_path(self) -> Path:
        if not self.stack:
            return ()
        top = self.stack[-1]
        return (*top.path, len(top.values) if top.key is None else top.key)

    def _key_place(self) -> Place | None:
        return self.stack[-1].key_place if self.stack else None

    def _open(self, event: Any, place: Place) -> None:
        values: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._next_path()
        doubled = bool(self.stack) and self.stack[-1].doubled
        self._put(values, Spot(place, self._key_place()))
        # What stands under a duplicate key is walked for its own faults, at a path that no other value has.
        self.stack.append(_Open((*path, "") if doubled else path, values))

    def _close(self) -> None:
        self.stack.pop()

    def _put(self, value: Any, spot: Spot) -> None:
        if not self.stack:
            self.document.data = value
            self.document.spots[()] = spot
            return
        top = self.stack[-1]
        path = self._next_path()
        if not top.doubled:
            self.document.spots[path] = spot
            if top.key is None:
                top.values.append(value)
            else:
                top.values[top.key] = value
        top.key, top.key_place, top.doubled = None, None, False

    def _report_tabs(self) -> bool:
        """Report each line that is indented with a tab; return whether there was one."""
        covered = {line for first, last in self.multiline for line in range(first + 1, last + 1)}
        found = False
        for number, line in enumerate(_LINE_BREAK.split(self.document.text)):
            indentation = line[: len(line) - len(line.lstrip(" \t"))]
            if "\t" in indentation and number not in covered and line.strip() and line.strip()[0] != "#":
                place = Place(number + 1, indentation.index("\t") + 1)
                _report(self.document, place, (), "a tab; YAML is indented with spaces only")
                found = True
                if len(self.document.faults) > ENOUGH:
                    self.document.cut = True
                    break
        return found


def _fast_loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _events(text: str, loader: Any) -> Iterator[Any]:
    return iter(yaml.parse(text, Loader=loader))
