"""Hostile sweep files: damaged ones, and ones made to take long. Each is a sweep or has faults, and none takes long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import sizer
from sizer.errors import Fault, InputError
from sizer.networks.cells import CELL_TYPES
from sizer.networks.columns import COUNTED
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.fields import FIELDS
from sizer.sweepfile import parse_sweep
from tests.attacks import FIGURES, storm

HERE = Path(__file__).parent
FILES = [path.read_bytes() for path in sorted(HERE.glob("sweeps/*/*.yaml")) if path.stat().st_size < 20_000]
MOST_SECONDS = 10.0
"""Of processor time. On the machines that this was written on the slowest takes less than two."""
MANY = 90_000 if FIGURES else 9000
"""Values in a long list of a quick storm and of a long one: near the most that a file may have."""
PIECES = [
    *(f"{word}: " for word in (*FIELDS, *COUNTED, "linked", "values", "from", "to", "step", "factor", "of", "ratio")),
    *(f"{word}, " for word in (*CONVENTIONS, *CELL_TYPES, "true", "false", "no", "1e6", "10M", "2MiB", "010", "1:30")),
    *("[", "]", "{", "}", "- ", ": ", ",", "'", '"', "#", "&a ", "*a", "!t ", "|\n", ">\n", "\n", "\t", "  ", "---\n"),
    *(
        "0",
        "-1",
        "1/4",
        "0.5",
        str(2**63),
        "9" * 1001,
        "_" * 3000,
        "$" * 300,
        "(" * 80,
        "[" * 40,
        "\x00",
        "é",
        "\u2028",
    ),
]


def damaged(text: bytes, chance: random.Random) -> bytes:
    """Return a text with a few places changed, lost, doubled or overwritten with pieces of other sweeps."""
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        start = chance.randrange(len(text) + 1)
        stop = min(len(text), start + chance.choice([0, 1, 3, 30, 200]))
        other = chance.choice(FILES)
        there = chance.randrange(len(other) + 1)
        put = chance.choice(
            [
                b"",
                text[start:stop] * 2,
                other[there : there + chance.choice([5, 50, 500])],
                chance.choice(PIECES).encode(),
                bytes([chance.randrange(256)]),
            ]
        )
        text = text[:start] + put + text[stop:]
    return text


def outcome(text: bytes | str) -> str:
    """Return how a text ended; fails where it took long, or its faults cannot be read."""
    faults: tuple[Fault, ...] = ()
    begun = time.process_time()
    try:
        parse_sweep(text)
    except InputError as problem:
        faults = problem.faults
    assert time.process_time() - begun < MOST_SECONDS
    assert len(faults) <= 101
    assert all(fault.message and len(fault.message) < 1000 for fault in faults)
    return "faults" if faults else "a sweep"


def test_damaged_sweeps() -> None:
    with storm("sweep files damaged", quick=300, long=100_000, seed=10) as tried:
        for chance in tried:
            tried.ended(outcome(damaged(chance.choice(FILES), chance)))


def head(model: str = "convention: textbook, cell_type: lstm, inputs: 8, layers: 1") -> str:
    return f"sizer: 1\nname: x\nmodel: {{{model}}}\n"


def listed(number: int, written: Callable[[int], str] = str) -> str:
    return "[" + ", ".join(map(written, range(number))) + "]"


def one_axis(field: str, values: str, more: str = "") -> str:
    model = ", ".join(
        f"{name}: {value}"
        for name, value in (("convention", "textbook"), ("cell_type", "lstm"), ("inputs", "8"), ("layers", "1"))
        if name != field
    )
    return f"{head(model)}grid: {{cells: {values if field == 'cells' else '[1]'}{'' if field == 'cells' else f', {field}: {values}'}}}\n{more}"


OWN = "{tensors: {input_weights: [3, cells, input]}, recurs: cells, hands_up: cells}"
UNION = head("convention: textbook, cell_type: lstm") + "grid:\n" + "".join(
    f"  - {{layers: [1], inputs: [8], cells: [{cells}]}}\n" for cells in range(1, 1001)
)  # fmt: skip
CORNERS = (
    f"convention: [{', '.join(CONVENTIONS)}], cell_type: [{', '.join(CELL_TYPES)}], recurrent_projection: [0, 4], "
    "nonrecurrent_projection: [0, 4], bottleneck: [0, 2], tied_embedding: [false, true], inputs: [8], "
    "summed_directions: [true, false], only_recurrent_up: [true, false], peepholes: [true, false]"
)


def own_cells(number: int, grid: str, model: str) -> str:
    return f"{head(model)}cell_types:\n{''.join(f'  mine{place}: {OWN}{chr(10)}' for place in range(number))}grid: {grid}\n"


def conditions(*written: str) -> str:
    return f"{head()}grid: {{cells: [1]}}\nwhere:\n" + "".join(f"  - {text}\n" for text in written)


def grids(*written: str, model: str = "convention: textbook, cell_type: lstm, inputs: 8, layers: 1") -> str:
    return f"{head(model)}grid:\n" + "".join(f"  - {{{text}}}\n" for text in written)


PLAIN = "convention: textbook, cell_type: lstm, inputs: 8, layers: 1"
PYTORCH = PLAIN.replace("textbook", "pytorch")
HOSTILE: dict[str, Callable[[], str]] = {
    "a union of one-configuration grids": lambda: UNION,
    "never-valid linked tables": lambda: grids(
        *[
            f"linked: [{{cells: {listed(300, lambda place: str(place + 10))}, outputs: {listed(300)}}}, "
            f"{{nonrecurrent_projection: {listed(300, lambda place: str(place + 1))}}}]"
        ]
        * 10,
        model=PYTORCH,
    ),
    "many small never-valid linked tables": lambda: grids(
        *[
            f"linked: [{{cells: {listed(60, lambda place: str(place + 10))}, outputs: {listed(60)}}}, "
            "{nonrecurrent_projection: [1, 2]}]"
        ]
        * 300,
        model=PYTORCH,
    ),
    "never-valid tied embeddings": lambda: grids(
        *[
            f"cells: {listed(100, lambda place: str(place + 10))}, "
            f"vocabulary: {listed(90, lambda place: str(place + 8))}, embedding: [3], outputs: [7]"
        ]
        * 300,
        model="convention: textbook, cell_type: lstm, inputs: 0, layers: 1, tied_embedding: true",
    ),
    "conditions of dollars": lambda: conditions(*["$" * 1990] * 100),
    "conditions of dollars on one line": lambda: (
        head() + "grid: {cells: [1]}\nwhere: [" + ", ".join(['"' + "$ " * 990 + '"'] * 100) + "]\n"
    ),
    "conditions of unknown names": lambda: conditions(
        *(" or ".join(f"cels{one}{other}" for one in range(95)) for other in range(100))
    ),
    "conditions of unknown words": lambda: conditions(
        *(f"cell_type in ({', '.join(repr(f'lstm{one}{other}') for one in range(95))})" for other in range(100))
    ),
    "long conditions on many grids": lambda: (
        UNION + "where:\n" + "".join(f"  - {'+'.join(['cells'] * 40)} > {one}\n" for one in range(100))
    ),
    "conditions past 64 bits on many grids": lambda: (
        UNION + "where:\n" + "".join(f"  - {'*'.join(['cells'] * 40)} > {one}\n" for one in range(100))
    ),
    "a thousand cell types": lambda: own_cells(1000, "{cells: [1]}", PLAIN),
    "a thousand cell types, swept": lambda: own_cells(
        1000,
        f"{{cells: [1], convention: [{', '.join(CONVENTIONS)}], cell_type: {listed(1000, lambda place: f'mine{place}')}}}",
        "inputs: 8, layers: 1",
    ),
    "more corners than are counted": lambda: own_cells(
        1000,
        f"{{cells: [1], layers: [1], convention: [{', '.join(CONVENTIONS)}], recurrent_projection: [0, 3], "
        f"nonrecurrent_projection: [0, 2], cell_type: {listed(1000, lambda place: f'mine{place}')}}}",
        "inputs: 8",
    ),
    "a thousand cell types, misnamed": lambda: own_cells(
        1000,
        f"{{cells: [1], cell_type: {listed(5000, lambda place: f'mone{place}')}}}",
        "convention: textbook, inputs: 8, layers: 1",
    ),
    "nine thousand cell types": lambda: own_cells(9000, "{cells: [1]}", PLAIN),
    "corners of many grids": lambda: (
        "sizer: 1\nname: x\ngrid:\n"
        + "".join(f"  - {{layers: [{place + 1}], cells: [{place + 9}], {CORNERS}}}\n" for place in range(500))
        + "output: {columns: all}\n"
    ),
    "words for counts": lambda: one_axis("cells", listed(MANY, lambda place: "cels")),
    "words that are no cell type": lambda: one_axis("cell_type", listed(MANY, lambda place: f"lstm{place}")),
    "words that are no convention": lambda: one_axis("convention", listed(MANY, lambda place: f"pytorch{place}")),
    "words for booleans": lambda: one_axis("bidirectional", listed(MANY, lambda place: f"ture{place}")),
    "columns that are none": lambda: (
        one_axis("cells", "[1]", f"output: {{columns: {listed(MANY, lambda place: f'weihts{place}')}}}\n")
    ),
    "columns of every kind": lambda: (
        one_axis("cells", "[1]", f"output: {{columns: {listed(MANY // 6, lambda place: f'w{place}, {place}, {{a: 1}}')}}}\n")
    ),
    "one column again and again": lambda: (
        one_axis("cells", "[1]", f"output: {{columns: {listed(MANY, lambda place: 'weights')}}}\n")
    ),
    "stray keys": lambda: one_axis("cells", "[1]", "".join(f"nme{place}: 1\n" for place in range(MANY // 2))),
    "stray columns": lambda: (
        one_axis("cells", "[1]", "budget:\n" + "".join(f"  wights{place}: 1\n" for place in range(MANY // 2)))
    ),
    "tensors of no shape": lambda: (
        one_axis("cells", "[1]")
        + f"cell_types:\n  m: {{recurs: cells, hands_up: cells, tensors: {{{', '.join(f'a{place}: [cels{place}, [1], {{}}]' for place in range(MANY // 6))}}}}}\n"
    ),
    "doubled keys": lambda: one_axis("cells", "[1]", "description: a\n" * (MANY // 2)),
    "doubled values": lambda: one_axis("cells", listed(min(MANY, 10_000), lambda place: "5")),
    "doubled rows": lambda: grids(f"linked: [{{cells: {listed(5000, lambda place: '5')}, outputs: {listed(5000, lambda place: '5')}}}]"),
    "anchors": lambda: one_axis("cells", listed(MANY, lambda place: f"&a{place} {place}")),
    "words of no": lambda: one_axis("cells", listed(MANY, lambda place: "no")),
    "underscores": lambda: one_axis("cells", "[1]", "description: 1" + "_" * 2_000_000 + "x\n"),
    "digits": lambda: one_axis("cells", "[1]", "description: " + "1" * 2_000_000 + "x\n"),
    "colons": lambda: one_axis("cells", "[1]", "description: 1" + ":1" * 1_000_000 + "x\n"),
    "tabs": lambda: one_axis("cells", "[1]", "\t\n\tx: 1\n" * 400_000),
    "control characters": lambda: "\x01" * 4_000_000,
    "empty grids": lambda: f"{head()}grid: {listed(MANY, lambda place: '{}')}\n",
    "lists in lists": lambda: one_axis("cells", listed(MANY // 30, lambda place: "[" * 25 + "]" * 25)),
    "exact ratios": lambda: (
        f"{head()}grid: {{cells: {listed(9999, lambda place: str(10080 * (place + 1)))}, "
        f"outputs: {{of: cells, ratio: {listed(3000, lambda place: f'{place + 1}/10080')}}}}}\n"
    ),
    "ratios of rounded ratios": lambda: grids(
        *[
            f"cells: {{from: 1, to: 100000, step: 1}}, outputs: {{of: cells, ratio: {listed(10, lambda place: f'{place + 1}/11')}, round_to: 8}}, "
            "other_weights: {of: outputs, ratio: 1/16}"
        ]
        * 100
    ),
    "ratios of ratios": lambda: grids(
        *[
            f"cells: {listed(100, lambda place: str(10080 * (place + 1)))}, outputs: {{of: cells, ratio: {listed(100, lambda place: str(place + 1))}}}, "
            "other_weights: {of: outputs, ratio: [1/7, 1/11]}"
        ]
        * 50
    ),
    "many values": lambda: grids(
        ", ".join(
            f"{field}: {listed(MANY // 9, lambda place: str(place + 1))}"
            for field in ("cells", "outputs", "recurrent_projection", "nonrecurrent_projection")
        ),
        f"cells: [1], linked: [{{outputs: {listed(MANY // 9)}, other_weights: {listed(MANY // 9)}}}]",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.thorough] if place % 5 else []) for place, name in enumerate(HOSTILE)],
)
def test_files_made_to_take_long(name: str) -> None:
    outcome(HOSTILE[name]())


def test_counting_a_union_of_a_thousand_grids() -> None:
    sweep = parse_sweep(UNION)
    begun = time.process_time()
    account = sizer.run_sweep(sweep, dry_run=True).account
    assert account is not None
    assert (account.kept, account.repeated) == (1000, 0)
    assert time.process_time() - begun < MOST_SECONDS
