"""A progress bar on a terminal, for runs that take longer than a moment."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

_PATIENCE_SECONDS = 1.0


@contextlib.contextmanager
def progress_bar(configurations: int, *, wanted: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Give a function to call with the configurations decided and the rows kept; it shows a bar after a second.

    Args:
        configurations: of the sweep.
        wanted: False gives None, and nothing is shown.
    """
    if not wanted:
        yield None
        return
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        update: Callable[[int, int], None] | None = None

        def on_progress(decided: int, kept: int) -> None:
            nonlocal update
            if update is None and time.monotonic() - started > _PATIENCE_SECONDS:
                update = stack.enter_context(_bar(configurations))
            if update is not None:
                update(decided, kept)

        yield on_progress


@contextlib.contextmanager
def _bar(configurations: int) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.completed:,} of {task.total:,} decided, {task.fields[kept]:,} kept"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=configurations, kept=0)
        yield lambda decided, kept: progress.update(task, completed=decided, kept=kept)
