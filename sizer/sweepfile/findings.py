"""What is found wrong in one document: paths become places, so that checks speak of paths only."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import attrgetter

from sizer.errors import Fault, InputError
from sizer.networks.counting import did_you_mean
from sizer.sweepfile.yamltext import Document, Path, Place, written_path

FAULT_LIMIT = 100
"""How many faults are reported; nobody reads more, and the count of the others is said."""
KEPT_LIMIT = 10_000
"""How many faults are kept to be sorted by place; those found later are counted only."""
COMPARED_LIMIT = 50_000
"""How many pairs of words are compared in search of what was meant: half a second of work."""
LISTED_LIMIT = 24
"""How many words that there are a message lists."""
_IN_ORDER = attrgetter("file", "line", "column", "path", "message")


class Findings:
    """The faults of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.faults: list[Fault] = list(document.faults)
        self.cut = document.cut
        """Whether no more faults were looked for, so that there may be others."""
        self.uncounted = 0
        """Faults beyond those that are kept."""
        self._compared = 0
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

    def hint(self, word: object, known: Collection[str]) -> str:
        """Return `; did you mean '...'?`, or nothing where no known word is near, or nobody would read the hint."""
        if len(self.faults) > 2 * FAULT_LIMIT or self._compared + len(known) > COMPARED_LIMIT:
            return ""
        self._compared += len(known)
        return did_you_mean(word, known)

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
            raise InputError(capped(self.faults, self.uncounted, cut=self.cut))

    def _add(self, place: Place, shown: Path, path: Path, message: str) -> None:
        self._touch(path)
        if len(self.faults) < KEPT_LIMIT:
            self.faults.append(Fault(self.document.file, place.line, place.column, written_path(shown), message))
        else:
            self.uncounted += 1

    def _inside(self, path: Path, place: Place, offset: int) -> Place:
        """Return the place of a character of a scalar, or of its start where its text is not verbatim in its line."""
        text = self.document.spot(path).text or ""
        line = self.document.line(place.line)
        for quotes in (0, 1):
            start = place.column - 1 + quotes
            if line[start : start + len(text)] == text:
                return Place(place.line, start + offset + 1)
        return place


def words_known(known: Collection[str]) -> str:
    """Return the words that there are, as the end of a message; of very many the first ones, and how many more."""
    more = len(known) - LISTED_LIMIT
    first = ", ".join(list(known)[:LISTED_LIMIT])
    return f"; one of {first}" + (f" and {more:,} more" if more > 0 else "")


def capped(faults: Iterable[Fault], uncounted: int = 0, *, cut: bool = False) -> list[Fault]:
    """Return the faults sorted by place, each once; past the first hundred, how many more there are.

    Args:
        faults: in any order.
        uncounted: how many there are beyond these.
        cut: no more were looked for, and there may be others.
    """
    ordered = sorted(set(faults), key=_IN_ORDER)
    more = len(ordered) + uncounted - FAULT_LIMIT
    if more <= 0:
        return ordered
    first = ordered[FAULT_LIMIT]
    # The ellipsis sorts behind every message in words, so that this stays the last line.
    return [
        *ordered[:FAULT_LIMIT],
        Fault(
            first.file,
            first.line,
            first.column,
            first.path,
            f"… and {'at least ' * cut}{more:,} more faults from here on",
            stands_for=more,
        ),
    ]
