"""Progress of a run on stderr: one bar on a terminal, or lines of JSON, with the same numbers."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sizer.runs.walk import OnProgress, Progress

PATIENCE_SECONDS = 1.0
"""How long a run takes before a bar is worth showing, and how long there is between two lines."""


LONG = 10**12
"""Numbers from here on are shown in a few digits while a run goes on; its result has them in full."""


@dataclass
class Pace:
    """How fast a run is: by what it did since it began, and not by what it found there."""

    configurations: int
    """Of the sweep."""
    clock: Callable[[], float] = time.monotonic
    _first: dict[str, tuple[float, int]] = field(default_factory=dict, init=False)
    """When each format (`""`: the counting) began, and with how much of it done."""

    def at(self, progress: Progress) -> dict[str, Any]:
        """Return what a person wants to know: decided of how many, kept, rate, seconds left (None: not yet known).

        While a format is written from the parts, the rate is of rows written.
        """
        now = self.clock()
        whole, done = self.configurations, progress.decided
        if progress.writing:
            whole, done = progress.kept, progress.written
        began, before = self._first.setdefault(progress.writing, (now, done))
        rate = (done - before) / (now - began) if now > began and done > before else None
        found: dict[str, Any] = {
            "configurations": self.configurations,
            "decided": progress.decided,
            "kept": progress.kept,
            "per_second": None if rate is None else round(rate),
            "seconds_left": None if rate is None else round((whole - done) / rate, 1),
        }
        if progress.writing:
            found |= {"writing": progress.writing, "rows_written": progress.written}
        return found


@contextlib.contextmanager
def shown_progress(configurations: int, *, bar: bool, lines: bool) -> Iterator[OnProgress | None]:
    """Give a function to call with a run's progress.

    Args:
        configurations: of the sweep.
        bar: show a bar, where the run takes longer than a moment.
        lines: print a line of JSON about every second, and the last state.
    """
    pace = Pace(configurations)
    if lines:
        with _lines(pace) as on_progress:
            yield on_progress
    elif bar:
        with _bar(pace) as on_progress:
            yield on_progress
    else:
        yield None


@contextlib.contextmanager
def _lines(pace: Pace) -> Iterator[OnProgress]:
    printed = -PATIENCE_SECONDS
    unsaid: dict[str, Any] | None = None

    def on_progress(progress: Progress) -> None:
        nonlocal printed, unsaid
        unsaid = pace.at(progress)
        if time.monotonic() - printed >= PATIENCE_SECONDS:
            printed = time.monotonic()
            _print_line(unsaid)
            unsaid = None

    yield on_progress
    if unsaid is not None:
        _print_line(unsaid)


def _print_line(content: dict[str, Any]) -> None:
    print(json.dumps(content), file=sys.stderr, flush=True)  # noqa: T201


@contextlib.contextmanager
def _bar(pace: Pace) -> Iterator[OnProgress]:
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        draw: Callable[[dict[str, Any]], None] | None = None

        def on_progress(progress: Progress) -> None:
            nonlocal draw
            found = pace.at(progress)
            if draw is None and time.monotonic() - started > PATIENCE_SECONDS:
                draw = stack.enter_context(_drawn(pace.configurations))
            if draw is not None:
                draw(found)

        yield on_progress


@contextlib.contextmanager
def _drawn(configurations: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (BarColumn(bar_width=20), TaskProgressColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=configurations, said="")

        def draw(found: dict[str, Any]) -> None:
            if "writing" in found:
                said = f"writing {found['writing']}: {found['rows_written']:,} of {found['kept']:,} rows"
                shown.update(task, total=max(1, found["kept"]), completed=found["rows_written"], said=said)
            else:
                shown.update(task, completed=found["decided"], said=in_words(found))

        yield draw


def in_words(found: dict[str, Any]) -> str:
    """Return the state of a run for people.

    Example:
        >>> in_words({"configurations": 9000, "decided": 3000, "kept": 12, "per_second": 100, "seconds_left": 60.0})
        '3,000 of 9,000 decided · 12 kept · 100/s · 1:00 left'
    """
    decided, whole, kept = (_in_digits(found[name]) for name in ("decided", "configurations", "kept"))
    said = [f"{decided} of {whole} decided", f"{kept} kept"]
    if found["per_second"] is not None:
        minutes, seconds = divmod(round(found["seconds_left"]), 60)
        hours, minutes = divmod(minutes, 60)
        left = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        said.extend((f"{_in_digits(found['per_second'])}/s", f"{left} left"))
    return " · ".join(said)


def _in_digits(number: int) -> str:
    """Return a number in full, or in four digits where it is so long that a line of a terminal would not hold several.

    Example:
        >>> _in_digits(999_999_999_999), _in_digits(900_300_000_000_000_000)
        ('999,999,999,999', '9.003e17')
    """
    if number < LONG:
        return f"{number:,}"
    digits, _, power = f"{number:.3e}".partition("e")
    return f"{digits}e{int(power)}"
