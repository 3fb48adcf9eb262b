"""What is not answered, and why; in plain Python, so that the processes that answer questions need not load the server's framework."""

from __future__ import annotations

from collections.abc import Mapping

from sizer.errors import Fault

TOO_LONG = "the answer has a number of more than 4,300 digits, which cannot be written"


class RefusedError(Exception):
    """A request that is not answered, with the status that says why."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None, path: str = "") -> None:
        """Hold the status, and what a person reads."""
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.faults = [Fault("", 0, 0, path, message)]


class FoundFaultsError(Exception):
    """Faults that another process found, as the JSON that is answered: there may be thousands, and nobody need read them again."""

    def __init__(self, content: bytes) -> None:
        """Hold the answer."""
        super().__init__("faults in the input")
        self.content = content


def is_too_long(problem: Exception) -> bool:
    """Return whether a number has more digits than Python writes."""
    return isinstance(problem, ValueError) and "int_max_str_digits" in str(problem)
