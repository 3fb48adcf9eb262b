"""The pieces of one layer and direction become cells: their type and widths, wherever the sizes leave one reading.

Nothing is believed that the sizes do not bear out: the pieces' values are counted, and their sum is the sum of a table of
`sizer.networks.cells` with the widths that were found, to the unit.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sizer.errors import InputError
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import count
from sizer.recovery.pieces import HINTS, CellPlace, Layout, NamedTensor, Order

MOST_GATES = 12
"""Gates of a cell that is still taken for one."""
MOST_TENSORS_OF_CELLS = 100
"""Tensors of one layer and direction; what has more is none."""
_GATES: dict[int, tuple[str, ...]] = {1: ("rnn",), 2: ("ligru", "janet", "mgu"), 3: ("gru", "cifg_lstm"), 4: ("lstm",)}
"""Cell types by the gates that read the input, the likeliest first."""
_MEANT: dict[str, tuple[str, ...]] = {
    "lstm": ("lstm", "cifg_lstm", "layer_norm_lstm", "split_layer_norm_lstm"),
    "gru": ("gru", "ligru"),
    "ligru": ("ligru",),
    "mgu": ("mgu",),
    "janet": ("janet",),
    "elman": ("rnn",),
    "rnn": (),
    "recurrent": (),
    "cifg": ("cifg_lstm",),
    "layer_norm_lstm": ("layer_norm_lstm", "split_layer_norm_lstm"),
    "mlstm": ("mlstm",),
    "sru": ("sru",),
    "qrnn": ("qrnn",),
}
"""What a word in a name may mean; nothing: any."""
GENERAL = ("keras", "pytorch", "tensorflow1", "flax", "graves2013", "textbook", "sak2014")
"""The conventions in the order in which they are tried where names do not say whose rules they are."""


@dataclass(frozen=True)
class Cells:
    """One layer of cells in one direction, read one way."""

    place: CellPlace
    layout: Layout
    pieces: tuple[NamedTensor, ...]
    cell_type: str
    inputs: int
    cells: int
    recurrent_projection: int = 0
    nonrecurrent_projection: int = 0
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """What the pieces say of biases and peepholes: `bias_vectors`, `candidate_bias`, `peepholes`, `projection_bias`."""
    definition: Mapping[str, Any] | None = None
    """The table of a cell that none of ours is."""
    both: bool = False
    """Whether it is both directions, in one set of tensors."""
    by: str = "names"
    """How its type was found: `names`, `stated` or `shape`."""

    @property
    def weights(self) -> int:
        """The values of its pieces."""
        return sum(piece.size for piece in self.pieces)

    @property
    def handed_up(self) -> int:
        """What one direction hands to the layer above."""
        return (self.recurrent_projection + self.nonrecurrent_projection or self.cells) * (2 if self.both else 1)

    @property
    def alike(self) -> tuple[Any, ...]:
        """What layers of one stack have in common."""
        return (
            self.layout.name,
            self.cell_type,
            self.both,
            tuple(sorted(self.overrides.items())),
            self.definition is None,
        )


def meant(text: str) -> tuple[str, ...]:
    """Return the cell types that a name may mean, the last word of it that says anything; none where it says nothing."""
    for word in reversed([match.group().lower().replace("-", "_") for match in HINTS.finditer(text)]):
        if "norm" in word or word.startswith("ln"):
            return _MEANT["layer_norm_lstm"]
        if "cifg" in word or "couple" in word:
            return _MEANT["cifg"]
        if word in {"mlstm", "m_lstm"}:
            return _MEANT["mlstm"]
        if word == "li_gru":
            return _MEANT["ligru"]
        if word.endswith("rnn") and word not in {"rnn", "qrnn"}:
            return _MEANT["elman"]
        if word in {"rnn", "recurrent"}:
            continue
        return _MEANT.get(word, ())
    return ()


def read_cells(
    place: CellPlace,
    layout: Layout,
    pieces: Sequence[NamedTensor],
    stated: str | None = None,
    widths: Mapping[str, int] | None = None,
) -> list[Cells]:
    """Return every reading of one layer and direction that its sizes bear out; the first is the likeliest.

    Args:
        place: where it stands.
        layout: by which its names were read.
        pieces: its tensors.
        stated: the cell type that the format states.
        widths: the widths that it states, such as `cells`.
    """
    if len(pieces) > MOST_TENSORS_OF_CELLS:
        return []
    if layout.cell_type == "sru":
        return list(_simple_recurrent_units(place, layout, pieces))
    if not any(piece.role == "joined" for piece in pieces) and not {"input", "recurrent"} <= {
        piece.role for piece in pieces
    }:
        return []
    if not {*layout.needs} <= {piece.role for piece in pieces}:
        return []
    expected = (stated,) if stated else (layout.cell_type,) if layout.cell_type else meant(place.at)
    found: list[Cells] = []
    orders: tuple[Order, ...] = ("in_out", "out_in") if layout.order == "either" else (layout.order,)
    for order in orders:
        for one in _readings(place, layout, pieces, order, expected, widths or {}):
            if one not in found:
                by = (
                    "stated"
                    if stated
                    else "names"
                    if one.cell_type in expected or layout.order != "either"
                    else "shape"
                )
                found.append(_with_by(one, by))
    preferred = [one for one in found if one.cell_type in expected]
    if preferred and (stated or layout.cell_type):
        found = preferred
    known = [one for one in found if one.definition is None]
    if not known:
        return found[:1]
    # What a toolkit has goes before what a name hints at, and that before what the shapes alone allow.
    own = [one for one in known if layout.convention in {None, _whose(one)}]
    return sorted(own or known, key=lambda one: one not in preferred)


def _simple_recurrent_units(place: CellPlace, layout: Layout, pieces: Sequence[NamedTensor]) -> Iterator[Cells]:
    """Yield the readings of a simple recurrent unit: of one direction, and of both, which its one matrix may hold as well."""
    by_role = {piece.role: piece for piece in pieces}
    if set(by_role) != {"input", "bias", "peepholes"} or len(pieces) != 3 or len(by_role["input"].shape) != 2:
        return
    inputs, _ = by_role["input"].shape
    width, left = divmod(by_role["bias"].size, 2)
    for directions in (1, 2):
        if not left and width and width % directions == 0:
            one = Cells(
                place,
                layout,
                tuple(pieces),
                "sru",
                inputs,
                width // directions,
                overrides={"bias_vectors": 1},
                both=directions == 2,
            )
            if counted(one) == one.weights:
                yield one


def _has(layout: Layout, cell_type: str) -> bool:
    """Return whether the toolkit whose names these are has such cells."""
    return layout.convention is None or cell_type in CONVENTIONS[layout.convention].bias_vectors


def _whose(one: Cells) -> str | None:
    found = convention_of(one)
    return found[0] if found is not None else None


def _with_by(one: Cells, by: str) -> Cells:
    return dataclasses.replace(one, by=by)


def _readings(
    place: CellPlace,
    layout: Layout,
    pieces: Sequence[NamedTensor],
    order: Order,
    expected: tuple[str, ...],
    widths: Mapping[str, int],
) -> Iterator[Cells]:
    by_role: dict[str, list[NamedTensor]] = {}
    for piece in pieces:
        by_role.setdefault(piece.role, []).append(piece)
    sizes = {role: sum(piece.size for piece in found) for role, found in by_role.items()}
    projections = [_matrix(piece, order) for piece in by_role.get("projection", [])]
    if len(projections) > 1 or None in projections:
        return
    projected, cells_projected = projections[0] or (0, 0) if projections else (0, 0)
    for cells, recurrent, inputs, gates in _widths(by_role, order, cells_projected, expected, widths):
        if cells < 1 or inputs < 1 or gates > MOST_GATES or recurrent < 1:
            continue
        recurrent_projection = recurrent if projected else 0
        rest = projected - recurrent_projection
        if rest < 0 or (not projected and recurrent != cells):
            continue
        plain = {
            "place": place,
            "layout": layout,
            "pieces": tuple(pieces),
            "inputs": inputs,
            "cells": cells,
            "recurrent_projection": recurrent_projection,
            "nonrecurrent_projection": rest,
        }
        bias = sizes.get("bias", 0)
        peepholes = sizes.get("peepholes", 0)
        extras = sizes.get("norm", 0) + sizes.get("cell_norm", 0) + sizes.get("other", 0)
        known = False
        for cell_type in _types(gates, expected, by_role, layout):
            overrides = _overrides(cell_type, gates, cells, bias, peepholes, sizes.get("projection_bias", 0), extras)
            if overrides is None:
                continue
            one = Cells(cell_type=cell_type, overrides=overrides, **plain)  # type: ignore[arg-type]
            if counted(one) == one.weights:
                known = True
                yield one
        if not known and (extras or expected or bias or peepholes) and not projected:
            own = own_cell(pieces, inputs, cells, order)
            if own is not None:
                name = expected[0] if expected and expected[0] not in _BUILT_IN else f"cell_of_{gates}_gates"
                yield Cells(cell_type=name, definition=own, **plain)  # type: ignore[arg-type]


_BUILT_IN = frozenset(name for names in _GATES.values() for name in names) | {
    "layer_norm_lstm",
    "split_layer_norm_lstm",
    "sru",
    "qrnn",
}


def _matrix(piece: NamedTensor, order: Order) -> tuple[int, int] | None:
    """Return (what a matrix makes, what it reads); None where it is none."""
    shape = [size for size in piece.shape if size != 1] if len(piece.shape) > 2 else piece.shape
    if len(shape) != 2:
        return None
    return (shape[0], shape[1]) if order == "out_in" else (shape[1], shape[0])


def _widths(
    by_role: Mapping[str, list[NamedTensor]],
    order: Order,
    cells_projected: int,
    expected: tuple[str, ...],
    stated: Mapping[str, int],
) -> Iterator[tuple[int, int, int, int]]:
    """Yield (cells, what recurs, inputs, gates) that the matrices leave possible."""
    if "joined" in by_role:
        yield from _joined_widths(by_role, order, cells_projected, expected, stated)
        return
    inputs = [_matrix(piece, order) for piece in by_role["input"]]
    recurrents = [_matrix(piece, order) for piece in by_role["recurrent"]]
    if None in inputs or None in recurrents:
        return
    made = sum(made for made, _ in inputs if made)  # type: ignore[misc]
    read = {read for _, read in inputs}  # type: ignore[misc]
    fed_back = {read for _, read in recurrents}  # type: ignore[misc]
    if len(read) != 1 or len(fed_back) != 1 or made != sum(made for made, _ in recurrents):  # type: ignore[misc]
        return
    recurrent = fed_back.pop()
    cells = cells_projected or recurrent
    if made % cells == 0:
        yield cells, recurrent, read.pop(), made // cells


def _joined_widths(
    by_role: Mapping[str, list[NamedTensor]],
    order: Order,
    cells_projected: int,
    expected: tuple[str, ...],
    stated: Mapping[str, int],
) -> Iterator[tuple[int, int, int, int]]:
    joined = [(_matrix(piece, order), piece.gate) for piece in by_role["joined"]]
    if any(matrix is None for matrix, _ in joined) or "input" in by_role:
        return
    made = sum(matrix[0] for matrix, _ in joined if matrix)
    read = {matrix[1] for matrix, _ in joined if matrix}
    if len(read) != 1:
        return
    reads = read.pop()
    if len(joined) > 1:
        # One matrix a gate, or the two of a GRU: its candidate's is as wide as its cells.
        possible = [min(matrix[0] for matrix, _ in joined if matrix)]
    elif cells_projected:
        possible = [cells_projected]
    elif stated.get("cells"):
        possible = [stated["cells"]]
    else:
        peepholes = by_role.get("peepholes", [])
        if peepholes:
            sizes = {piece.size for piece in peepholes}
            one = len(peepholes) == 1
            possible = [peepholes[0].shape[-1]] if one else list(sizes) if len(sizes) == 1 else []
        else:
            gates = {
                4: "lstm" in expected or "layer_norm_lstm" in expected,
                1: "rnn" in expected,
                3: "cifg_lstm" in expected,
            }
            said = [number for number, there in gates.items() if there] if expected else [4, 1]
            possible = [made // number for number in said if made % number == 0]
    projection = by_role.get("projection", [])
    for cells in dict.fromkeys(possible):
        if cells < 1 or made % cells:
            continue
        gates_found = made // cells
        if not projection:
            yield cells, cells, reads - cells, gates_found
            continue
        matrix = _matrix(projection[0], order)
        assert matrix is not None
        widest = matrix[0]
        # What recurs is all that is projected (TensorFlow), or the half of it that Kaldi's recipes take.
        for recurrent in (widest, widest // 2 if widest % 2 == 0 else 0):
            if 0 < recurrent < reads:
                yield cells, recurrent, reads - recurrent, gates_found


def _types(
    gates: int, expected: tuple[str, ...], by_role: Mapping[str, list[NamedTensor]], layout: Layout
) -> tuple[str, ...]:
    """Return the cell types that as many gates may be, those that are expected alone where there are any of them."""
    found = _GATES.get(gates, ())
    if gates == 4 and ("norm" in by_role or "cell_norm" in by_role):
        found = ("layer_norm_lstm", "split_layer_norm_lstm")
        if layout.name == "PyTorch":
            found = found[::-1]
    elif gates == 3:
        found = ("cifg_lstm",) if "peepholes" in by_role else ("gru", "cifg_lstm")
        if layout.convention is not None:
            found = tuple(name for name in found if _has(layout, name)) or found
    elif gates == 2:
        found = tuple(name for name in found if name in expected)
    return found


def _overrides(
    cell_type: str, gates: int, cells: int, bias: int, peepholes: int, projection_bias: int, extras: int
) -> dict[str, Any] | None:
    """Return what the vectors say; None where they are no whole number of vectors."""
    found: dict[str, Any] = {}
    vectors, left = divmod(bias, gates * cells)
    if left:
        if cell_type not in {"gru", "mgu"} or left != cells:
            return None
        found["candidate_bias"] = True
    if vectors > 2:
        return None
    found["bias_vectors"] = vectors
    if peepholes:
        if peepholes != (2 if cell_type == "cifg_lstm" else 3) * cells:
            return None
        found["peepholes"] = True
    if projection_bias:
        found["projection_bias"] = True
    if extras and cell_type not in {"layer_norm_lstm", "split_layer_norm_lstm", "ligru"}:
        return None
    return found


def own_cell(pieces: Sequence[NamedTensor], inputs: int, cells: int, order: Order) -> dict[str, Any] | None:
    """Return a table in the words of `cell_types`, of which each size is a multiple of the cells, or the inputs."""
    tensors: dict[str, Any] = {}
    for piece in pieces:
        shape = [size for size in piece.shape if size != 1] or [1]
        words: list[int | str] = []
        for place, size in enumerate(shape):
            reads = len(shape) == 2 and place == (1 if order == "out_in" else 0)
            if size == inputs and ((piece.role == "input" and reads) or size % cells):
                words.append("input")
            elif size % cells == 0:
                words.extend([size // cells, "cells"] if size != cells else ["cells"])
            else:
                return None
        name = re.sub(r"\W", "_", f"{piece.gate}_{piece.word}".strip("_.")) or f"tensor_{len(tensors) + 1}"
        if not name[0].isalpha():
            name = f"tensor_{name}"
        if name in tensors:
            name = f"{name}_{len(tensors) + 1}"
        matrix = len(shape) == 2
        part = "bias_weights"
        if matrix:
            part = "input_weights" if "input" in words else "recurrent_weights"
        elif piece.role == "peepholes":
            part = "peephole_weights"
        tensors[name] = {"shape": words, "part": part, "matrix": matrix}
    return {"tensors": tensors, "recurs": "cells", "hands_up": "cells"}


def layer_fields(one: Cells, convention: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return one layer as fields of a network."""
    fields: dict[str, Any] = {
        "convention": convention,
        "cell_type": one.cell_type,
        "inputs": one.inputs,
        "layers": 1,
        "cells": one.cells,
    }
    if one.recurrent_projection:
        fields["recurrent_projection"] = one.recurrent_projection
    if one.nonrecurrent_projection:
        fields["nonrecurrent_projection"] = one.nonrecurrent_projection
    if one.both:
        fields["bidirectional"] = True
    fields |= overrides
    if one.definition is not None:
        fields["cell_types"] = {one.cell_type: one.definition}
    return fields


def counted(one: Cells) -> int | None:
    """Return our count of one layer under any convention that has it; None where none has."""
    # A convention is found only where the count under it is that of the pieces.
    return None if convention_of(one) is None else one.weights


def convention_of(one: Cells) -> tuple[str, dict[str, Any]] | None:
    """Return the convention whose rules a layer follows, and what must be said beside it; None where none has such cells.

    Where names say whose rules they are, that one is held to, and what differs from its rules is said. Else the first of
    `GENERAL` whose rules give it, with nothing said, or with as little as can be.
    """
    if one.definition is not None:
        return _convention_of(one)
    # Models have many layers alike.
    key = (
        *(one.layout.convention, one.cell_type, one.inputs, one.cells, one.recurrent_projection),
        *(one.nonrecurrent_projection, one.both, one.weights, *sorted(one.overrides.items())),
    )
    if key not in _CONVENTIONS:
        if len(_CONVENTIONS) >= _MOST_REMEMBERED:
            _CONVENTIONS.clear()
        _CONVENTIONS[key] = _convention_of(one)
    return _CONVENTIONS[key]


_MOST_REMEMBERED = 10_000
_CONVENTIONS: dict[tuple[Any, ...], tuple[str, dict[str, Any]] | None] = {}


def _convention_of(one: Cells) -> tuple[str, dict[str, Any]] | None:
    conventions = (one.layout.convention,) if one.layout.convention else GENERAL
    wanted = {name: value for name, value in one.overrides.items() if name != "candidate_bias"}
    if one.definition is not None:
        wanted = {}
    if one.overrides.get("candidate_bias"):
        conventions = ("flax",)
    for plainly in (True, False):
        for convention in (*conventions, *(() if plainly else GENERAL)):
            for said in _said(wanted, plainly):
                fields = layer_fields(one, convention, said)
                try:
                    found = count(fields).weights
                except InputError:
                    continue
                if found == one.weights:
                    if said.get("peepholes"):
                        said = {**said, "bias_vectors": wanted["bias_vectors"]}
                    return convention, said
    return None


def _said(wanted: Mapping[str, Any], plainly: bool) -> Iterator[dict[str, Any]]:
    """Yield what may be said beside a convention, the least first."""
    peepholes = {"peepholes": True} if wanted.get("peepholes") else {}
    if plainly:
        yield peepholes
        return
    names = [name for name in ("bias_vectors", "projection_bias") if name in wanted]
    for name in names:
        yield {**peepholes, name: wanted[name]}
    yield {**peepholes, **{name: wanted[name] for name in names}}
    if not wanted.get("peepholes"):
        yield {"peepholes": False, **{name: wanted[name] for name in names}}
