"""What can go wrong, as values that every face of Sizer can print.

    SizerError
    ├── InputError        faults in what the user gave: every one of them, each with its place
    └── RunError          the input was fine, but the run could not be finished (disk, lock, cluster)

A fault is a frozen value, so that a text, a JSON object and an editor's marker come from the same facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

QUOTE_LIMIT = 80


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong in the input, and where.

    Sorts by place: file, then line, then column.
    """

    file: str
    """The file as the user named it; empty where the input is no file."""
    line: int
    """From 1; 0 where there is no place inside the file."""
    column: int
    """From 1; 0 where there is no place inside the line."""
    path: str
    """The field, such as `grid.cells.from` or `model.inputs`, or the parameter; empty for the file as a whole. The command
    line writes it as the option that a person types, `--group-by` for `group_by`."""
    message: str
    """What is wrong and, where there is one, what to do."""
    stands_for: int = field(default=1, compare=False, repr=False)
    """How many faults it is: more than 1 for the last line of a long list, which says how many more there are."""

    def __str__(self) -> str:
        place = self.file
        if place and self.line:
            place = f"{place}:{self.line}:{self.column}"
        return ": ".join(word for word in (place, self.path, self.message) if word)

    def as_json(self) -> dict[str, str | int]:
        """Return the fault as the JSON object that `--json` and the service answer."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "message": self.message,
        }


def number_of_faults(faults: Iterable[Fault]) -> int:
    """Return how many faults there are, those included that the last line of a long list stands for."""
    return sum(fault.stands_for for fault in faults)


class SizerError(Exception):
    """The root of every error that Sizer raises on purpose."""


class InputError(SizerError, ValueError):
    """The input has faults; nothing was counted and nothing was written.

    Attributes:
        faults: every fault, sorted by place; never empty.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class RunError(SizerError):
    """The run could not be finished; the last good tables are still in place."""


@contextmanager
def faults_of(file: str) -> Iterator[None]:
    """Say of faults which file they are of, where they do not say it themselves.

    Args:
        file: as the user named it; empty where there is none.
    """
    try:
        yield
    except InputError as problem:
        raise InputError(fault if fault.file else replace(fault, file=file) for fault in problem.faults) from None


def quoted(value: object) -> str:
    """Return a user's value in quotes, cut at 80 characters so that a message stays readable."""
    try:
        text = str(value)
    except ValueError:  # Python writes out no number of more than 4,300 digits
        text = "a number of more than 4,300 digits"
    if len(text) > QUOTE_LIMIT:
        text = text[: QUOTE_LIMIT - 1] + "…"
    if not text.isprintable():  # a line break would make two lines of one fault
        text = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return f"'{text}'"


def is_text(value: str) -> bool:
    """Return whether a text can be written as UTF-8: bytes of the command line that are no UTF-8 cannot.

    Example:
        >>> is_text("größer"), is_text(chr(0xDCFF))
        (True, False)
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
