"""Things are done one after the other in a thread of their own, while the caller prepares what comes next."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class Behind:
    """A thread that is one thing behind its caller."""

    def __init__(self) -> None:
        """Start with nothing to do."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sizer")
        self._last: Future[object] | None = None

    def do(self, work: Callable[[], object]) -> None:
        """Start on something once the last thing is done; raise what went wrong with that one."""
        self.wait()
        self._last = self._thread.submit(work)

    def wait(self) -> None:
        """Return when everything is done, or raise what went wrong."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def close(self) -> None:
        """Wait, and end the thread."""
        try:
            self.wait()
        finally:
            self._thread.shutdown()
