"""What is found wrong in one document: paths become places, so that checks speak of paths only."""

from __future__ import annotations

from collections.abc import Iterable

from sizer.errors import Fault, InputError
from sizer.sweepfile.yamltext import Document, Path, Place, written_path

FAULT_LIMIT = 100
"""How many faults are reported; nobody reads more, and the count of the others is said."""


class Findings:
    """The faults of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.faults: list[Fault] = list(document.faults)
        self._touched: set[Path] = set()
        """Every path with a fault, and everything above it."""
        for path in document.refused:
            self._touch(path)

    def at_value(self, path: Path, message: str, offset: int = 0) -> None:
        """Report a fault at a value.

        Args:
            path: where the value stands.
            message: what is wrong and what to do.
            offset: characters into the text of a scalar at which the fault is; ignored where the text is folded
                or escaped, so that no place could be named.
        """
        place = self.document.spot(path).value
        if offset:
            place = self._inside(path, place, offset)
        self._add(place, path, path, message)

    def at_key(self, path: Path, message: str) -> None:
        """Report a fault at the key of a value, in the words of the mapping around it."""
        spot = self.document.spot(path)
        self._add(spot.key or spot.value, path[:-1], path, message)

    def at_parent(self, path: Path, message: str) -> None:
        """Report a fault about a mapping or list as a whole: at its key, where it has one."""
        spot = self.document.spot(path)
        self._add(spot.key or spot.value, path, path, message)

    def touched(self, path: Path) -> bool:
        """Return whether a fault stands at the path or below it."""
        return path in self._touched

    @property
    def enough(self) -> bool:
        """Whether more faults have been found than are shown, so that hints for the rest would be wasted time."""
        return len(self.faults) > 2 * FAULT_LIMIT

    def _touch(self, path: Path) -> None:
        self._touched.update(path[:length] for length in range(len(path) + 1))

    def place(self, path: Path) -> str:
        """Return a place in words, for messages that name two of them."""
        place = self.document.spot(path).value
        return f"line {place.line}, column {place.column}"

    def raise_any(self) -> None:
        """Raise every fault, where there is one.

        Raises:
            InputError: there is a fault.
        """
        if self.faults:
            raise InputError(capped(self.faults))

    def _add(self, place: Place, shown: Path, path: Path, message: str) -> None:
        self._touch(path)
        self.faults.append(Fault(self.document.file, place.line, place.column, written_path(shown), message))

    def _inside(self, path: Path, place: Place, offset: int) -> Place:
        """Return the place of a character of a scalar, or of its start where its text is not verbatim in its line."""
        text = self.document.spot(path).text or ""
        line = self.document.line(place.line)
        for quotes in (0, 1):
            start = place.column - 1 + quotes
            if line[start : start + len(text)] == text:
                return Place(place.line, start + offset + 1)
        return place


def capped(faults: Iterable[Fault]) -> list[Fault]:
    """Return the faults sorted by place, each once; past the first hundred, how many more there are."""
    ordered = sorted(set(faults))
    more = len(ordered) - FAULT_LIMIT
    if more <= 0:
        return ordered
    first = ordered[FAULT_LIMIT]
    # The ellipsis sorts behind every message in words, so that this stays the last line.
    return [
        *ordered[:FAULT_LIMIT],
        Fault(first.file, first.line, first.column, first.path, f"… and {more:,} more faults from here on"),
    ]
