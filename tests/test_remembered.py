"""What is remembered has an end."""

from __future__ import annotations

from sizer.remembered import Remembered


def test_it_forgets_everything_before_it_would_hold_more() -> None:
    squares: Remembered[int, int] = Remembered(3)
    for number in range(3):
        squares[number] = number * number
    squares[2] = 5  # known, so that nothing need go
    assert squares == {0: 0, 1: 1, 2: 5}
    squares[3] = 9
    assert squares == {3: 9}
    for number in range(100):
        squares[number] = number
        assert len(squares) <= 3
