"""A model of named blocks as a mapping becomes blocks that know what they read, or every fault by the block's name.

Groups are written out: each repetition has blocks of its own, and what stands in `each` has one value in each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sizer.errors import quoted
from sizer.networks.blocks.fields import FieldReader, article
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


def read_model(
    declared: Mapping[str, Any], cell_types: Mapping[str, CellType] | None = None
) -> tuple[Model | None, list[Problem]]:
    """Return a model with what is wrong with it; None instead of it where anything is.

    Args:
        declared: `convention`, `blocks`, `clocks` and `other_weights`, as a sweep's `model` has them.
        cell_types: those that the person defines.
    """
    reader = _ModelReader(declared, cell_types or {})
    model = reader.model()
    return (None if reader.problems else model), reader.problems


class _Scope:
    """The names of one list of blocks, within those around it."""

    def __init__(self, around: _Scope | None = None) -> None:
        self.around = around
        self.keys: dict[str, Key | None] = {}
        """None: it has faults of its own, so that nothing is said of what names it."""

    def find(self, name: str) -> Key | object | None:
        if name in self.keys:
            return self.keys[name]
        return self.around.find(name) if self.around else _MISSING

    def known(self) -> list[str]:
        return [*self.keys, *(self.around.known() if self.around else [])]


@dataclass
class _Draft:
    """A block whose names have not been looked up."""

    key: Key
    type: BlockType
    convention: str
    fields: dict[str, Any]
    sources: list[tuple[str, int]] | None
    """None: the block before."""
    before: _Scope | Key | None
    scope: _Scope
    combine: str
    frozen: bool
    shared: str | None
    cell: CellType | None


class _ModelReader:
    def __init__(self, declared: Mapping[str, Any], cell_types: Mapping[str, CellType]) -> None:
        self.declared = declared
        self.cell_types = cell_types
        self.problems: list[Problem] = []
        self.said: set[Problem] = set()
        self.drafts: dict[Key, _Draft] = {}
        self.fields = FieldReader(self.report, cell_types)
        self.repeats: list[int] = []

    def report(self, path: str, message: str) -> None:
        """Note a fault, once however often a group repeats it."""
        if (path, message) not in self.said:
            self.said.add((path, message))
            self.problems.append((path, message))

    def model(self) -> Model:
        """Return the model as far as it can be read."""
        for key in self.declared:
            if key not in MODEL_KEYS:
                hint = "with blocks, fields stand in a block" if key in FIELDS else f"one of {', '.join(MODEL_KEYS)}"
                self.report(
                    str(key), f"no key named {quoted(key)} beside blocks{did_you_mean(key, MODEL_KEYS) or f'; {hint}'}"
                )
        convention = self._convention(self.declared.get("convention"), "convention", "textbook")
        clocks = self._clocks(self.declared.get("clocks"))
        other = self.fields.count(self.declared.get("other_weights", 0), "other_weights", 0)
        blocks = self.declared.get("blocks")
        scope = _Scope()
        if isinstance(blocks, Mapping) and blocks:
            self._read_blocks(blocks, "", (), scope, None, convention)
        else:
            self.report("blocks", "is no mapping of names to blocks" if blocks else "names no block")
        found = {key: self._resolved(draft) for key, draft in self.drafts.items()}
        return Model(convention, found, clocks, other or 0)

    def _convention(self, given: Any, path: str, default: str) -> str:
        if given is None:
            return default
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
            self.report("clocks", f"{quoted(given)} is no mapping of clocks to steps a second")
            return {}
        for name, value in given.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                self.report(f"clocks.{name}", f"{quoted(value)} is no number above 0")
        return dict(given)

    # Blocks and groups

    def _read_blocks(
        self,
        blocks: Mapping[str, Any],
        prefix: str,
        turns: tuple[int, ...],
        scope: _Scope,
        before: Key | None,
        convention: str,
    ) -> Key | None:
        """Read a list of blocks, and return the last of them."""
        for name in blocks:  # every name is known before any is looked up
            scope.keys.setdefault(str(name), None)
        for name, declared in blocks.items():
            path = f"{prefix}{name}"
            if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _RESERVED:
                self.report(
                    f"blocks.{path}",
                    f"{quoted(name)} cannot name a block; use letters, digits and '_', and no word of conditions",
                )
                continue
            found = self._read_block(declared, path, turns, scope, before, convention)
            scope.keys[name] = found
            before = found or before
            if len(self.drafts) > MOST_BLOCKS:
                self.report("blocks", f"has more than {MOST_BLOCKS:,} blocks, the repetitions of groups counted")
                break
        return before

    def _read_block(
        self, declared: Any, path: str, turns: tuple[int, ...], scope: _Scope, before: Key | None, convention: str
    ) -> Key | None:
        at = f"blocks.{path}"
        if not isinstance(declared, Mapping):
            self.report(at, f"{quoted(declared)} is no block; write {{type: ..., ...}}")
            return None
        kind = declared.get("type")
        block_type = BLOCK_TYPES.get(kind) if isinstance(kind, str) else None
        if block_type is None:
            said = "is missing" if kind is None else f"{quoted(kind)} is no type of block"
            self.report(
                f"{at}.type", f"{said}{did_you_mean(kind or '', BLOCK_TYPES) or '; one of ' + ', '.join(BLOCK_TYPES)}"
            )
            return None
        convention = self._convention(declared.get("convention"), f"{at}.convention", convention)
        if block_type.name == "group":
            return self._read_group(declared, path, turns, scope, before, convention)
        given = {name: self._turned(value, f"{at}.{name}", turns) for name, value in declared.items()}
        fields = self.fields.fields(block_type, given, at)
        cell = self._cell(fields, convention) if block_type.name == "recurrent" else None
        combine = given.get("combine") or "concat"
        if combine not in COMBINES:
            self.report(
                f"{at}.combine",
                f"{quoted(combine)} is not known{did_you_mean(combine, COMBINES) or '; one of ' + ', '.join(COMBINES)}",
            )
        frozen = given.get("frozen", False)
        if not isinstance(frozen, bool):
            self.report(f"{at}.frozen", f"{quoted(frozen)} is neither true nor false")
        key = (path, turns)
        sources = self._sources(given.get("from", _MISSING), at)
        self.drafts[key] = _Draft(
            key,
            block_type,
            convention,
            fields,
            sources,
            before,
            scope,
            combine,
            frozen is True,
            given.get("shared"),
            cell,
        )
        return key

    def _read_group(
        self,
        declared: Mapping[str, Any],
        path: str,
        turns: tuple[int, ...],
        scope: _Scope,
        before: Key | None,
        convention: str,
    ) -> Key | None:
        at = f"blocks.{path}"
        for name in declared:
            if name not in {"type", "repeat", "blocks", "convention", "from"}:
                known = ("repeat", "blocks", "convention", "from")
                self.report(
                    f"{at}.{name}", f"a group has no {name}{did_you_mean(name, known) or '; its blocks have fields'}"
                )
        repeat = self.fields.count(self._turned(declared.get("repeat", 1), f"{at}.repeat", turns), f"{at}.repeat", 1)
        blocks = declared.get("blocks")
        if not isinstance(blocks, Mapping) or not blocks:
            self.report(
                f"{at}.blocks", "names no block" if not blocks else f"{quoted(blocks)} is no mapping of names to blocks"
            )
            return None
        if "from" in declared:
            sources = self._sources(declared["from"], at)
            if sources is not None and len(sources) == 1 and sources[0][1] == 1:
                found = scope.find(sources[0][0])
                if found is _MISSING:
                    self.report(f"{at}.from", self._unknown(sources[0][0], scope))
                before = found if isinstance(found, tuple) else None
            else:
                self.report(f"{at}.from", "a group reads one block; put a join before it")
        last = before
        self.repeats.append(repeat or 1)
        for turn in range(min(repeat or 1, MOST_BLOCKS)):
            last = self._read_blocks(blocks, f"{path}.", (*turns, turn), _Scope(scope), last, convention)
            if len(self.drafts) > MOST_BLOCKS:
                break
        self.repeats.pop()
        return last if last != before else None

    def _turned(self, value: Any, path: str, turns: tuple[int, ...]) -> Any:
        """Return a field's value in this repetition."""
        if not isinstance(value, Mapping) or set(value) != {"each"}:
            return value
        values = value["each"]
        if not turns:
            self.report(path, "each stands in a group alone")
            return None
        if not isinstance(values, Sequence) or isinstance(values, str):
            self.report(f"{path}.each", f"{quoted(values)} is no list with one value per repetition")
            return None
        if len(values) != self.repeats[-1]:
            had = f"has {len(values)} value{'s' * (len(values) != 1)}"
            self.report(
                f"{path}.each", f"{had}, and the group has {self.repeats[-1]} repetitions; it needs one for each"
            )
            return None
        return values[turns[-1]]

    def _sources(self, given: Any, at: str) -> list[tuple[str, int]] | None:
        if given is _MISSING or given is None:
            return None
        found: list[tuple[str, int]] = []
        for position, item in enumerate(given if isinstance(given, (list, tuple)) else [given]):
            if isinstance(item, str):
                found.append((item, 1))
            elif isinstance(item, Mapping) and len(item) == 1:
                name, copies = next(iter(item.items()))
                number = self.fields.count(copies, f"{at}.from.{position}", 1)
                found.append((str(name), number or 1))
            else:
                self.report(
                    f"{at}.from",
                    f"{quoted(item)} is no block; write a name, or {{name: 3}} for three steps side by side",
                )
        return found

    def _cell(self, fields: Mapping[str, Any], convention: str) -> CellType:
        name = fields["cell_type"]
        if name in self.cell_types:
            return self.cell_types[name]
        return CONVENTIONS[convention].cell(name)

    # Names

    def _resolved(self, draft: _Draft) -> Block:
        at = f"blocks.{draft.key[0]}"
        reads: list[tuple[Key, int]] = []
        starts = draft.type.name == "input"
        if draft.sources is None:
            if isinstance(draft.before, tuple) and not starts:
                reads.append((draft.before, 1))
        elif not starts:
            for name, copies in draft.sources:
                key = self._find(name, draft, f"{at}.from")
                if key is not None:
                    reads.append((key, copies))
        needs = draft.type.name not in {"input", "embedding", "attention", "weights"}
        if needs and not reads and not (draft.sources and len(draft.sources)):
            self.report(
                at,
                f"{article(draft.type.name)} reads something, and there is nothing before it; name its source in from",
            )
        if draft.type.name == "weights" and not reads and draft.fields["width"] is None and self._is_read(draft):
            self.report(at, "is read and reads nothing, so it needs a width")
        names = {
            one.name: tuple(
                key
                for key in (self._find(name, draft, f"{at}.{one.name}") for name in _names(draft.fields[one.name]))
                if key
            )
            for one in draft.type.fields
            if one.kind in {"name", "names"} and one.name not in {"clock", "biases"}
        }
        shared = None
        if draft.shared is not None:
            shared = self._find(str(draft.shared), draft, f"{at}.shared")
            if shared is not None and self.drafts[shared].type is not draft.type:
                self.report(
                    f"{at}.shared",
                    f"{draft.shared} is {article(self.drafts[shared].type.name)}, and this is {article(draft.type.name)}",
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
            draft.combine,
            draft.frozen,
            shared,
            names,
            draft.cell,
        )

    def _is_read(self, draft: _Draft) -> bool:
        return any(
            other.before == draft.key
            if other.sources is None
            else any(other.scope.find(name) == draft.key for name, _ in other.sources)
            for other in self.drafts.values()
        )

    def _find(self, name: str, draft: _Draft, path: str) -> Key | None:
        found = draft.scope.find(name)
        if found is _MISSING:
            self.report(path, self._unknown(name, draft.scope))
            return None
        return found if isinstance(found, tuple) else None

    def _unknown(self, name: str, scope: _Scope) -> str:
        known = scope.known()
        return f"no block named {quoted(name)}{did_you_mean(name, known) or '; there are ' + ', '.join(known[:10])}"


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif value:
        yield from value
