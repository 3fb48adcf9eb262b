"""The sheet *Calculator* of a model of blocks: its sizes, a row for each block, a row for each tensor, sums at each clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from xlsxwriter.utility import xl_rowcol_to_cell

from sizer.networks.blocks.declared import Declared
from sizer.networks.columns import BYTES
from sizer.networks.conventions import CONVENTIONS
from sizer.numbers.sheet_formula import Live, live
from sizer.tables.workbook.calculator_sheet import NOT_VALID, NOTHING_KEPT, CalculatorRows, added_sheet, quoted_text
from sizer.tables.workbook.model_calculator import BlockRow, ModelCalculator, ModelTensor, model_calculator
from sizer.tables.workbook.styles import Styles

_HOLDS = "holds: "
_BLOCKS = ("block", "type", "", "reads", "hands up", "weights", "share", "state", "buffers")
_TENSORS = ("where", "tensor", "shape", "weights of one", "how many", "weights", "MACs each time", "multiplies at")
_WEIGHTS, _SHARE, _STATE, _BUFFERS = 5, 6, 7, 8
_MACS, _STEPS = 6, 7


def write_model_calculator(
    workbook: Any, styles: Styles, model: Declared | None, name: str = "Calculator", about: str = ""
) -> None:
    """Add the sheet to a workbook.

    Args:
        workbook: an open `xlsxwriter.Workbook`.
        styles: its formats.
        model: without faults; None where nothing was kept.
        name: of the sheet.
        about: which configuration it is, in words.
    """
    sheet = added_sheet(workbook, styles, name)
    if model is None:
        sheet.write_string(2, 0, NOTHING_KEPT)
        return
    calculator = model_calculator(model)
    if calculator.too_large:
        sheet.write_string(2, 0, f"No calculator: the model {calculator.too_large}.")
        return
    sheet.set_column(7, 8, 18)
    _ModelRows(workbook, sheet, styles, name).write(calculator, about)


class _ModelRows(CalculatorRows):
    """The parts of a model of blocks."""

    def write(self, calculator: ModelCalculator, about: str) -> None:
        lines = [
            about,
            *(f"Convention {name}: {CONVENTIONS[name].title}." for name in calculator.conventions),
            "Change a yellow cell, and everything else follows: a block's width is a name that later blocks use.",
            "What is no size (conventions, kinds, strides, 2-D kernels, how many values a list has) cannot be changed.",
        ]
        for line in filter(None, lines):
            self.row += 1
            self.sheet.write_string(self.row, 0, line, self.styles.note)
        self.row += 2
        sums_row = self.row
        self.sheet.freeze_panes(sums_row + 1, 0)
        self.row += 2
        notes = []
        if calculator.entries:
            self.fields(calculator.entries)
            notes.append((self.row - len(calculator.entries), self.row - 1))
        if calculator.conditions:
            notes.append(self.conditions(calculator))
        # The blocks stand above the tensors that they sum, so where these will stand is worked out first.
        blocks = self.row
        self.row += 3 + len(calculator.blocks)
        if calculator.widths:
            self.row += 1
            self.widths(calculator.widths)
        first = self.tensors(calculator)
        end, self.row = self.row, blocks
        self.blocks(calculator.blocks, first, calculator.tensors)
        self.row = end
        self.below_all(calculator, blocks + 3, first)
        self.sums(sums_row, calculator.weights, notes)

    def conditions(self, calculator: ModelCalculator) -> tuple[int, int]:
        """Write what must hold for the sheet to be of a model, and return the rows."""
        self.heading("What must hold", ("block", "", "", "", "", "", ""), ())
        first = self.row
        for condition in calculator.conditions:
            self.sheet.write_string(self.row, 0, condition.where, self.styles.words)
            said = f"=IF({condition.refused.text},{quoted_text(_cut(NOT_VALID + condition.reason))},{quoted_text(_cut(_HOLDS + condition.reason))})"
            self.sheet.write_formula(self.row, 2, said, self.styles.beside, _cut(_HOLDS + condition.reason))
            self.row += 1
        self.redden(first)
        return first, self.row - 1

    def blocks(self, blocks: tuple[BlockRow, ...], first_tensor: int, tensors: tuple[ModelTensor, ...]) -> None:
        """Write the blocks, each with what it reads and hands up."""
        buffered = any(one.buffers.text != "0" for one in tensors)
        self.heading("Blocks", _BLOCKS if buffered else _BLOCKS[:_BUFFERS], range(3, 9))
        for block in blocks:
            beside = [f"the weights of {block.shared}"] if block.shared else []
            beside += ["frozen"] if block.frozen else []
            self.words(block.title, block.type, ", ".join(beside))
            self.formula(self.row, 3, block.reads)
            self.formula(self.row, 4, block.hands_up)
            if block.name:
                self.define(block.name, self.row, 4)
            own = tensors[block.first : block.last]
            rows = (first_tensor + block.first, first_tensor + block.last - 1)
            weights = _sum(_WEIGHTS, *rows, sum(one.weights.value * one.times.value for one in own))
            self.formula(self.row, _WEIGHTS, weights)
            cell = xl_rowcol_to_cell(self.row, _WEIGHTS)
            total = sum(one.weights.value * one.times.value for one in tensors)
            share = f"=IF(weights=0,0,{cell}/weights)"
            self.sheet.write_formula(self.row, _SHARE, share, self.styles.share, weights.value / total if total else 0)
            self.formula(self.row, _STATE, block.state_size)
            if buffered:
                buffers = [live(one.times) * one.buffers for one in own if one.buffers.text != "0"]
                self.formula(self.row, _BUFFERS, sum(buffers, live(0)))
            self.row += 1

    def tensors(self, calculator: ModelCalculator) -> int:
        """Write the tensors and their sum, and return the row of the first."""
        self.heading("Tensors", _TENSORS, range(3, 7))
        first = self.row
        for tensor in calculator.tensors:
            self.tensor((tensor.where, tensor.name, tensor.shape), tensor.weights, tensor.times, tensor.macs)
            self.sheet.write_string(self.row, _STEPS, tensor.steps, self.styles.words)
            self.row += 1
        if calculator.other is not None:
            self.words("other", "other_weights", "")
            self.formula(self.row, _WEIGHTS, calculator.other)
            self.row += 1
        self.fade(first)
        for column in range(8):
            self.sheet.write(self.row, column, "total" if column == 0 else "", self.styles.total_words)
        self.formula(self.row, _WEIGHTS, _sum(_WEIGHTS, first, self.row - 1, calculator.weights), self.styles.total)
        self.define("weights", self.row, _WEIGHTS)
        self.row += 1
        return first

    def below_all(self, calculator: ModelCalculator, first_block: int, first_tensor: int) -> None:
        """Write what follows from the blocks and the tensors."""
        weights = Live(calculator.weights, "weights")
        for name, size in BYTES.items():
            self.below(name.replace("_", " "), live(size * weights))
        blocks = calculator.blocks
        last_block = first_block + len(blocks) - 1
        if any(block.frozen for block in blocks):
            places = [place for place, block in enumerate(blocks) if block.frozen]
            frozen = sum(
                (
                    Live(
                        sum(one.weights.value * one.times.value for one in _own(calculator, blocks[place])),
                        xl_rowcol_to_cell(first_block + place, _WEIGHTS),
                    )
                    for place in places
                ),
                live(0),
            )
            self.below("trained weights", weights - frozen)
        state = sum(block.state_size.value for block in blocks)
        self.below("state size", _sum(_STATE, first_block, last_block, state))
        if any(one.buffers.text != "0" for one in calculator.tensors):
            kept = sum(one.buffers.value * one.times.value for one in calculator.tensors)
            self.below("buffer values", _sum(_BUFFERS, first_block, last_block, kept))
        last = first_tensor + len(calculator.tensors) - 1
        for name, often in calculator.macs.items():
            value = math.ceil(calculator.macs_per(name))
            self.below(f"MACs per {name}", Live(value, _average(often, first_tensor, last)))


def _own(calculator: ModelCalculator, block: BlockRow) -> tuple[ModelTensor, ...]:
    return calculator.tensors[block.first : block.last]


def _sum(column: int, first: int, last: int, value: int) -> Live:
    """Return the sum of some rows of a column; 0 where there are none."""
    if last < first:
        return live(0)
    return Live(value, f"SUM({xl_rowcol_to_cell(first, column)}:{xl_rowcol_to_cell(last, column)})")


def _average(often: Mapping[str, Fraction], first: int, last: int) -> str:
    """Return the formula of what multiplies for each of some steps, rounded up; what is summed are whole numbers."""
    divisor = math.lcm(*(times.denominator for times in often.values()))
    steps, macs = (
        f"{xl_rowcol_to_cell(first, column)}:{xl_rowcol_to_cell(last, column)}" for column in (_STEPS, _MACS)
    )
    terms = [
        f"{int(times * divisor)}*SUMPRODUCT(EXACT({steps},{quoted_text(words)})*{macs})"
        for words, times in often.items()
    ]
    return "+".join(terms) if divisor == 1 else f"-INT(-({'+'.join(terms)})/{divisor})"


def _cut(words: str) -> str:
    """Return words as long as a formula's text may be."""
    return words if len(words) <= 250 else f"{words[:247]}..."
