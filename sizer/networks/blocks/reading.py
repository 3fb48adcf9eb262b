"""A model of named blocks as a mapping becomes blocks that know what they read, or every fault by the block's name.

Groups are written out: each repetition has blocks of its own, and what stands in `each` has one value in each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from sizer.errors import quoted
from sizer.networks.aliases import TOOLKITS, counted_as, has_no_weights
from sizer.networks.blocks.fields import LEFT_OUT, PER_LAYER, FieldReader, article, rate_of
from sizer.networks.blocks.open_words import OpenWord
from sizer.networks.blocks.types import BLOCK_TYPES, BlockType
from sizer.networks.cells import CellType
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import did_you_mean
from sizer.networks.fields import FIELDS

Problem = tuple[str, str]
"""Where, as a path with dots, and what is wrong."""
Key = tuple[str, tuple[int, ...]]
"""A block's path with dots, and the repetition of each group around it, from 0."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_RESERVED = frozenset({"linked", "and", "or", "not", "in", "true", "false"})
MODEL_KEYS = ("convention", "blocks", "clocks", "other_weights")
"""What a model of blocks holds."""
COMBINES = ("concat", "add", "multiply")
MOST_BLOCKS = 2_000
"""Blocks of a model, every repetition of a group counted."""
MOST_DEEP = 50
"""Groups in each other."""
_MISSING: Any = object()


@dataclass(frozen=True)
class Block:
    """One block, or one repetition of one in a group."""

    key: Key
    type: BlockType
    convention: str
    fields: Mapping[str, Any]
    """Every field of its type; None where the convention or another field decides."""
    reads: tuple[tuple[Key, int], ...]
    """What it reads, in order, and how many steps of it side by side."""
    combine: str = "concat"
    frozen: bool = False
    shared: Key | None = None
    names: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)
    """The blocks that its fields name."""
    cell: CellType | None = None
    """The table of a recurrent block's cells."""
    cells: tuple[CellType, ...] = ()
    """The same; of a cell type that is left open all those that it may be."""

    @property
    def path(self) -> str:
        """Its name, with those of the groups around it."""
        return self.key[0]


@dataclass(frozen=True)
class Model:
    """The blocks of a model, in order, groups written out."""

    convention: str
    blocks: Mapping[Key, Block]
    clocks: Mapping[str, Any]
    other_weights: int = 0
    notes: tuple[str, ...] = ()
    """What was read otherwise than it was written, in words."""


def read_model(
    declared: Mapping[str, Any],
    cell_types: Mapping[str, CellType] | None = None,
    block_types: Mapping[str, BlockType] | None = None,
) -> tuple[Model | None, list[Problem]]:
    """Return a model with what is wrong with it.

    Where anything is, the model has the blocks of which nothing is wrong, and what they read, so that widths and steps
    can be held against each other; None where that would say what is not so.

    Args:
        declared: `convention`, `blocks`, `clocks` and `other_weights`, as a sweep's `model` has them.
        cell_types: those that the person defines.
        block_types: those that the person defines.
    """
    reader = _ModelReader(declared, cell_types or {}, block_types or {})
    model = reader.model()
    at_all = any(path == "blocks" or path.endswith("convention") for path, _ in reader.problems)
    return (None if at_all else model), reader.problems


def set_of(fields: Mapping[str, Any]) -> list[str]:
    """Return the fields that are set to something that is not nothing, of several layers in any of them."""
    return [name for name, value in fields.items() if any(value if isinstance(value, (list, tuple)) else (value,))]


class _Scope:
    """The names of one list of blocks, within those around it, and what the group says for all of them."""

    def __init__(
        self, convention: str, frozen: bool = False, around: _Scope | None = None, lent: _Lent | None = None
    ) -> None:
        self.convention = convention
        self.frozen = frozen
        self.around = around
        self.lent = lent
        self.keys: dict[str, Key | None] = {}
        """None: it has faults of its own, so that nothing is said of what names it."""
        self.groups: dict[str, Key] = {}
        """Where those of them stand that are groups."""

    def find(self, name: str) -> Key | object | None:
        if name in self.keys:
            return self.keys[name]
        return self.around.find(name) if self.around else _MISSING

    def find_group(self, name: str) -> Key | None:
        if name in self.keys:
            return self.groups.get(name)
        return self.around.find_group(name) if self.around else None

    def known(self) -> list[str]:
        return [*self.keys, *(self.around.known() if self.around else [])]


@dataclass(frozen=True)
class _Outside:
    """What a group reads, of which the names have not been looked up; its first block reads it."""

    sources: list[tuple[str, int]]
    scope: _Scope
    combine: str
    at: str


@dataclass(frozen=True)
class _Lent:
    """A group whose blocks have all their weights from those of another group."""

    name: str
    """Of the other group, which has not been looked up."""
    scope: _Scope
    group: Key
    """Where the group itself stands."""

    @property
    def at(self) -> str:
        return f"blocks.{self.group[0]}.shared"

    def twin(self, key: Key, other: Key) -> Key:
        """Return where a block of one group stands in another."""
        return other[0] + key[0].removeprefix(self.group[0]), (*other[1], *key[1][len(self.group[1]) :])


@dataclass
class _Draft:
    """A block whose names have not been looked up."""

    key: Key
    type: BlockType
    convention: str
    fields: dict[str, Any]
    sources: list[tuple[str, int]] | None
    """None: the block before."""
    before: Key | _Outside | None
    """`_MISSING`: one that has faults of its own."""
    scope: _Scope
    combine: str
    frozen: bool
    shared: str | None
    cells: tuple[CellType, ...] = ()


class _ModelReader:
    def __init__(
        self, declared: Mapping[str, Any], cell_types: Mapping[str, CellType], block_types: Mapping[str, BlockType]
    ) -> None:
        self.declared = declared
        self.cell_types = cell_types
        self.block_types = {**BLOCK_TYPES, **block_types}
        self.problems: list[Problem] = []
        self.said: set[Problem] = set()
        self.drafts: dict[Key, _Draft] = {}
        self.broken: set[Key] = set()
        """Blocks that name what is not there, or what has faults of its own."""
        self.fields = FieldReader(self.report, cell_types)
        self.repeats: list[int] = []
        self.notes: dict[str, None] = {}
        self.lent: list[_Lent] = []
        self.last_layers: set[Key] = set()
        """The last layers of recurrent blocks that are read layer by layer."""

    def report(self, path: str, message: str) -> None:
        """Note a fault, once however often a group repeats it."""
        if (path, message) not in self.said:
            self.said.add((path, message))
            self.problems.append((path, message))

    def model(self) -> Model:
        """Return the model as far as it can be read."""
        for key in self.declared:
            if key not in MODEL_KEYS:
                hint = "with blocks, fields go inside a block" if key in FIELDS else f"one of {', '.join(MODEL_KEYS)}"
                self.report(
                    shown(key),
                    f"no key named {quoted(key)} beside blocks{did_you_mean(key, MODEL_KEYS) or f'; {hint}'}",
                )
        convention = self._convention(self.declared.get("convention"), "convention", "textbook")
        clocks = self._clocks(self.declared.get("clocks"))
        other = self.fields.count(self.declared.get("other_weights", 0), "other_weights", 0)
        blocks = self.declared.get("blocks")
        if self._is_blocks(blocks, "blocks"):
            self._read_blocks(blocks, "", (), _Scope(convention), None)
        found = {key: self._resolved(draft) for key, draft in self.drafts.items()}
        self._check_lent()
        self._check_weights(found)
        faulty = {
            path[:end]
            for path, _ in self.problems
            for end in (*(m.start() for m in re.finditer(r"\.", path)), len(path))
        }
        found = {
            key: block
            for key, block in found.items()
            if key not in self.broken and f"blocks.{block.path}" not in faulty
        }
        return Model(counted_as(convention), found, clocks, other or 0, tuple(self.notes))

    def _convention(self, given: Any, path: str, default: str) -> str:
        """Return what is named: a convention, or a toolkit that is another name of one."""
        if given is None:
            return default
        if isinstance(given, str) and given in TOOLKITS:
            self.notes[TOOLKITS[given].note] = None
            return given  # for each block it is asked whether the toolkit counts it so
        if not isinstance(given, str) or given not in CONVENTIONS:
            self.report(
                path,
                f"{quoted(given)} is not known{did_you_mean(given, CONVENTIONS) or '; one of ' + ', '.join(CONVENTIONS)}",
            )
            return default
        if CONVENTIONS[given].one_cell_only:
            self.report(path, f"{given} is a closed form for one kind of network and has no blocks")
            return default
        return given

    def _clocks(self, given: Any) -> dict[str, Any]:
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            self.report("clocks", f"{quoted(given)} is not a mapping of clocks to steps a second")
            return {}
        for name, value in given.items():
            if rate_of(value) is None:
                self.report(f"clocks.{shown(name)}", f"{quoted(value)} is not a number above 0")
        return dict(given)

    # Blocks and groups

    def _read_blocks(
        self,
        blocks: Mapping[str, Any],
        prefix: str,
        turns: tuple[int, ...],
        scope: _Scope,
        before: Key | _Outside | None,
    ) -> Key | _Outside | None:
        """Read a list of blocks, and return the last of them."""
        for name in blocks:  # every name is known before any is looked up
            scope.keys.setdefault(shown(name), None)
        for name, declared in blocks.items():
            path = f"{prefix}{shown(name)}"
            if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _RESERVED:
                self.report(
                    f"blocks.{path}",
                    f"{quoted(name)} cannot name a block; use letters, digits and '_', and not a word that conditions use",
                )
                before = _MISSING
                continue
            found = self._read_block(declared, path, turns, scope, before)
            scope.keys[name] = found
            if isinstance(declared, Mapping) and isinstance(declared.get("type"), str) and declared["type"] == "group":
                scope.groups[name] = (path, turns)
            before = found or _MISSING
            if len(self.drafts) > MOST_BLOCKS:
                self.report("blocks", f"has more than {MOST_BLOCKS:,} blocks, with the repetitions of groups")
                break
        return before

    def _read_block(
        self, declared: Any, path: str, turns: tuple[int, ...], scope: _Scope, before: Key | _Outside | None
    ) -> Key | None:
        at = f"blocks.{path}"
        if not isinstance(declared, Mapping):
            said = "is empty" if declared is None else f"{quoted(declared)} is not a block"
            self.report(at, f"{said}; write {{type: ..., ...}}")
            return None
        kind = declared.get("type")
        block_type = self.block_types.get(kind) if isinstance(kind, str) else None
        if block_type is None:
            if isinstance(kind, str) and has_no_weights(kind):
                self.report(f"{at}.type", f"{quoted(kind)} is not a type of block: it {LEFT_OUT}")
                return None
            said = "has no type" if kind is None else f"{quoted(kind)} is not a type of block"
            self.report(
                f"{at}.type",
                f"{said}{did_you_mean('' if kind is None else quoted(kind), self.block_types) or '; one of ' + ', '.join(self.block_types)}",
            )
            return None
        if block_type.broken:
            return None
        turned = {
            name: value if name == "blocks" else self._turned(value, f"{at}.{shown(name)}", turns)
            for name, value in declared.items()
        }
        # What is nothing is left out; what has a fault of its own is there, and nothing more is said of it.
        given = {name: None if value is _MISSING else value for name, value in turned.items() if value is not None}
        convention = self._convention(given.get("convention"), f"{at}.convention", scope.convention)
        combine = self._combine(given.get("combine"), at)
        frozen = given.get("frozen", False)
        if not isinstance(frozen, bool):
            self.report(f"{at}.frozen", f"{quoted(frozen)} is neither true nor false")
        sources = self._sources(given.get("from"), at)
        unreadable = sources is _MISSING
        if unreadable:
            sources = None
            before = _MISSING
        if block_type.name == "group":
            if sources is not None:
                before = _Outside(sources, scope, combine, at)
            lent = scope.lent
            if given.get("shared") is not None:
                if isinstance(given["shared"], str):
                    lent = _Lent(given["shared"], scope, (path, turns))
                    self.lent.append(lent)
                else:
                    self.report(f"{at}.shared", f"{quoted(given['shared'])} is not a name")
            inner = _Scope(convention, frozen is True or scope.frozen, scope, lent)
            return self._read_group(given, path, turns, inner, before)
        fields = self.fields.fields(block_type, given, at)
        if convention in TOOLKITS:
            if block_type.name == "recurrent":
                words = fields["cell_type"] if isinstance(fields["cell_type"], tuple) else (fields["cell_type"],)
                for message in TOOLKITS[convention].problems(list(words), set_of(fields)):
                    self.report(at, message)
            convention = counted_as(convention)
        shared = given.get("shared")
        if shared is not None and not isinstance(shared, str):
            self.report(f"{at}.shared", f"{quoted(shared)} is not a name")
            shared = None
        draft = _Draft(
            (path, turns),
            block_type,
            convention,
            fields,
            sources,
            before,
            scope,
            combine,
            frozen is True or scope.frozen,
            shared,
        )
        if block_type.name != "recurrent":
            self.drafts[draft.key] = draft
        elif isinstance(fields["cell_type"], tuple):
            return self._layer_by_layer(draft)
        else:
            self.drafts[draft.key] = replace(draft, cells=self._cells(fields["cell_type"], convention))
        return draft.key

    def _layer_by_layer(self, draft: _Draft) -> Key:
        """Read layers of several cell types as blocks of one layer each, repetitions of the one that they stand in."""
        path, turns = draft.key
        for layer, word in enumerate(draft.fields["cell_type"]):
            own = {
                name: (value[layer],) if name in PER_LAYER and isinstance(value, tuple) else value
                for name, value in draft.fields.items()
            }
            one = replace(
                draft,
                key=(path, (*turns, layer)),
                fields={**own, "cell_type": word, "layers": 1},
                cells=self._cells(word, draft.convention),
            )
            if layer:
                one = replace(one, sources=None, before=(path, (*turns, layer - 1)), combine="concat")
            self.drafts[one.key] = one
        self.last_layers.add(one.key)
        return one.key

    def _combine(self, given: Any, at: str) -> str:
        if given is None:
            return "concat"
        if not isinstance(given, str) or given not in COMBINES:
            self.report(
                f"{at}.combine",
                f"{quoted(given)} is not known{did_you_mean(quoted(given), COMBINES) or '; one of ' + ', '.join(COMBINES)}",
            )
            return "concat"
        return given

    def _is_blocks(self, blocks: Any, at: str) -> TypeGuard[Mapping[str, Any]]:
        if not isinstance(blocks, Mapping):
            self.report(
                at, "names no block" if blocks is None else f"{quoted(blocks)} is not a mapping of names to blocks"
            )
        elif not blocks:
            self.report(at, "names no block")
        return isinstance(blocks, Mapping) and bool(blocks)

    def _read_group(
        self,
        declared: Mapping[str, Any],
        path: str,
        turns: tuple[int, ...],
        scope: _Scope,
        before: Key | _Outside | None,
    ) -> Key | None:
        """Read the blocks of a group in each repetition, and return the last of them.

        Args:
            declared: what stands in the group.
            path: its name, with those of the groups around it.
            turns: the repetition of each group around it.
            scope: that of its blocks, empty.
            before: what its first block reads.
        """
        at = f"blocks.{path}"
        known = ("type", "repeat", "blocks", "convention", "from", "combine", "frozen", "shared")
        for name in declared:
            if name not in known:
                self.report(
                    f"{at}.{shown(name)}",
                    f"a group has no {shown(name)}{did_you_mean(shown(name), known) or '; its blocks have fields'}",
                )
        given = declared.get("repeat", 1)
        repeat = 1 if given is None else self.fields.count(given, f"{at}.repeat", 1) or 1
        blocks = declared.get("blocks")
        if not self._is_blocks(blocks, f"{at}.blocks"):
            return None
        if len(turns) >= MOST_DEEP:
            self.report(at, f"is in more than {MOST_DEEP} nested groups")
            return None
        last = before
        self.repeats.append(repeat)
        for turn in range(min(repeat, MOST_BLOCKS)):
            begun = len(self.drafts)
            here = _Scope(scope.convention, scope.frozen, scope.around, scope.lent)
            last = self._read_blocks(blocks, f"{path}.", (*turns, turn), here, last)
            if len(self.drafts) > MOST_BLOCKS or len(self.drafts) == begun:  # all of its blocks have faults
                break
        self.repeats.pop()
        return last if isinstance(last, tuple) and last != before else None

    def _turned(self, value: Any, path: str, turns: tuple[int, ...]) -> Any:
        """Return a field's value in this repetition."""
        if not isinstance(value, Mapping) or set(value) != {"each"}:
            return value
        values = value["each"]
        if not turns:
            self.report(path, "each can be used only in a group")
            return _MISSING
        if not isinstance(values, Sequence) or isinstance(values, str):
            self.report(f"{path}.each", f"{quoted(values)} is not a list with one value per repetition")
            return _MISSING
        if len(values) != self.repeats[-1]:
            had = f"has {len(values)} value{'s' * (len(values) != 1)}"
            self.report(
                f"{path}.each", f"{had}, and the group has {self.repeats[-1]} repetitions; it needs one for each"
            )
            return _MISSING
        return values[turns[-1]]

    def _sources(self, given: Any, at: str) -> list[tuple[str, int]] | None:
        """Return the names in `from`; None: there is none, `_MISSING`: it has faults of its own."""
        if given is None:
            return None
        found: list[tuple[str, int]] = []
        whole = True
        for position, item in enumerate(given if isinstance(given, (list, tuple)) else [given]):
            if isinstance(item, str):
                found.append((item, 1))
            elif isinstance(item, Mapping) and len(item) == 1 and isinstance(next(iter(item)), str):
                name, copies = next(iter(item.items()))
                number = self.fields.count(copies, f"{at}.from.{position}", 1)
                found.append((name, number or 1))
            else:
                whole = False
                several = isinstance(item, Mapping) and len(item) > 1
                self.report(
                    f"{at}.from",
                    f"{quoted(item)} names several blocks; write a list, one block in each entry"
                    if several
                    else f"{quoted(item)} is not a block; write a name, or {{name: 3}} for three consecutive steps",
                )
        return found if whole else _MISSING

    def _cells(self, cell_type: str | OpenWord, convention: str) -> tuple[CellType, ...]:
        """Return the table of a cell type; of one that is left open those of all that it may be."""
        names = cell_type.which if isinstance(cell_type, OpenWord) else (cell_type,)
        return tuple(self.cell_types.get(name) or CONVENTIONS[convention].cell(name) for name in names)

    # Names

    def _resolved(self, draft: _Draft) -> Block:
        at = f"blocks.{draft.key[0]}"
        reads: list[tuple[Key, int]] = []
        starts = draft.type.name == "input"
        sources, scope, combine, named = draft.sources, draft.scope, draft.combine, at
        if sources is None and isinstance(draft.before, _Outside):
            outside = draft.before
            sources, scope, combine, named = outside.sources, outside.scope, outside.combine, outside.at
        if sources is None:
            if isinstance(draft.before, tuple) and not starts:
                reads.append((draft.before, 1))
        elif not starts:
            for name, copies in sources:
                key = self._find(name, draft, f"{named}.from", scope)
                if key is not None:
                    reads.append((key, copies))
        if sources is None and draft.before is _MISSING:
            self.broken.add(draft.key)
        elif draft.type.reads and not reads and not sources:
            self.report(
                at,
                f"{article(draft.type.name)} must read something, but no block comes before it; name its source in from",
            )
        names = {
            one.name: tuple(
                key
                for key in (self._find(name, draft, f"{at}.{one.name}") for name in _names(draft.fields[one.name]))
                if key
            )
            for one in draft.type.fields
            if one.kind in {"name", "names"} and one.name not in {"clock", "biases"}
        }
        shared = self._shares(draft, at)
        if shared is not None and shared in self.last_layers:
            self.report(f"{at}.shared", f"{shared[0]} has layers of several cell types, whose weights cannot be shared")
            shared = None
        if shared is not None and self.drafts[shared].type is not draft.type:
            self.report(
                f"{at}.shared",
                f"{shared[0]} is {article(self.drafts[shared].type.name)}, and this is {article(draft.type.name)}",
            )
            shared = None
        for tied in names.get("tied", ()):
            if self.drafts[tied].type.name != "embedding":
                self.report(
                    f"{at}.tied",
                    f"{draft.fields['tied']} is {article(self.drafts[tied].type.name)}; a kernel is tied to an embedding",
                )
        if draft.type.name == "attention":
            reads = [(key, 1) for name in ("query", "memory") for key in names.get(name, ())]
        return Block(
            draft.key,
            draft.type,
            draft.convention,
            draft.fields,
            tuple(reads),
            combine,
            draft.frozen,
            shared,
            names,
            draft.cells[0] if draft.cells else None,
            draft.cells,
        )

    def _shares(self, draft: _Draft, at: str) -> Key | None:
        """Return the block whose weights a block has: the one that it names, or its twin in a group that is named."""
        lent = draft.scope.lent
        if lent is None:
            return None if draft.shared is None else self._find(draft.shared, draft, f"{at}.shared")
        other = lent.scope.find_group(lent.name)
        twin = self.drafts.get(lent.twin(draft.key, other)) if other not in (None, lent.group) else None
        if twin is None:  # which is said of the group
            self.broken.add(draft.key)
            return None
        if twin.shared is not None and twin.scope.lent is None:  # as one of the group's blocks may have it from another
            return self._find(twin.shared, twin, f"blocks.{twin.key[0]}.shared")
        return twin.key

    def _check_lent(self) -> None:
        """Say which groups cannot have the weights of another."""
        for lent in self.lent:
            other = lent.scope.find_group(lent.name)
            if other is None:
                found = lent.scope.find(lent.name)
                said = self._unknown(lent.name, lent.scope) if found is _MISSING else f"{lent.name} is not a group"
                self.report(lent.at, said)
                continue
            own, others = self._within(lent.group), self._within(other)
            if lent.group == other or {lent.twin(key, other) for key in own} != others:
                said = f"{lent.name} has other blocks, or repeats them differently, so its weights cannot be shared"
                self.report(lent.at, "cannot share its own weights" if lent.group == other else said)

    def _within(self, group: Key) -> set[Key]:
        """Return the blocks of a group in one repetition of those around it."""
        path, turns = group
        return {key for key in self.drafts if key[0].startswith(f"{path}.") and key[1][: len(turns)] == turns}

    def _check_weights(self, blocks: Mapping[Key, Block]) -> None:
        """Say which tensors as written are read and have no width to hand up."""
        read = {key for block in blocks.values() for key, _ in block.reads}
        read |= {key for block in blocks.values() for key in block.names.get("attends", ())}
        for key, block in blocks.items():
            if key in read and block.type.name == "weights" and not block.reads and block.fields["width"] is None:
                self.report(f"blocks.{block.path}", "is read by a block but reads nothing, so it needs a width")

    def _find(self, name: str, draft: _Draft, path: str, scope: _Scope | None = None) -> Key | None:
        """Return a block that another one names, as it is known to the other or in a scope."""
        scope = scope or draft.scope
        found = scope.find(name)
        if found is _MISSING:
            self.report(path, self._unknown(name, scope))
        if isinstance(found, tuple):
            return found
        self.broken.add(draft.key)
        return None

    def _unknown(self, name: str, scope: _Scope) -> str:
        known = scope.known()
        return f"no block named {quoted(name)}{did_you_mean(name, known) or '; there are ' + ', '.join(known[:10])}"


def shown(name: Any) -> str:
    """Return a key that somebody wrote, which need be no text."""
    return name if isinstance(name, str) else quoted(name).strip("'")


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif value:
        yield from value
