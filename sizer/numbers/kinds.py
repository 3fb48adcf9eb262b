"""The kinds of number that stand for a size in a model of blocks, where it is not a plain one."""

from __future__ import annotations

from sizer.numbers.growth import Growth
from sizer.numbers.polynomial import Polynomial
from sizer.numbers.sheet_size import SheetSize
from sizer.numbers.traced import Traced
from sizer.numbers.words import Symbol

KINDS = (Polynomial, Symbol, Growth, Traced, SheetSize)
