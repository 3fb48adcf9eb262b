"""What need not be found again, as far as there is room for it."""

from __future__ import annotations

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Remembered(dict[Key, Value]):
    """A dict that holds so many and forgets everything before it would hold more: all of it can be found again.

    Threads may share it. Each looks once, with `get`: another may make it forget before a second look.

    Example:
        >>> squares = Remembered(2)
        >>> for number in (1, 2, 3):
        ...     squares[number] = number * number
        >>> squares
        {3: 9}
    """

    def __init__(self, most: int) -> None:
        """Hold nothing yet, and never more than `most`."""
        super().__init__()
        self.most = most

    def __setitem__(self, key: Key, value: Value) -> None:
        if key not in self and len(self) >= self.most:
            self.clear()
        super().__setitem__(key, value)
