"""Conditions of a sweep (`where`): text becomes a checked tree, and nothing that is not on the list gets in.

Python's grammar is used, its evaluator is not: the text is first cut into the few kinds of token that are allowed,
then `ast` finds the structure, then every node is held against a list and its kind (number, boolean, word) is
settled. What is left can be evaluated on Python values and NumPy arrays alike, or be written as SQL.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sizer.errors import quoted
from sizer.networks.aliases import meant
from sizer.networks.counting import did_you_mean
from sizer.networks.fields import Kind
from sizer.sizes import parse_size
from sizer.sweepfile.evaluation import Reach, holds, reach
from sizer.sweepfile.findings import words_known
from sizer.sweepfile.walk import SIGNS

LENGTH_LIMIT = 2000
NODE_LIMIT = 200
_NESTING_LIMIT = 50

Hint = Callable[[object, Collection[str]], str]
"""Returns `; did you mean '...'?` for a word and those that are known, or nothing."""
Meaning = Literal["number", "decimal", "boolean", "word"]
_MEANINGS: dict[Kind, Meaning] = {"count": "number", "boolean": "boolean", "choice": "word"}
_AS_SHOWN = {"number": "a number", "decimal": "a decimal", "boolean": "true or false", "word": "a word"}

_TOKEN = r"""(?P<space>\s+)
    |(?P<number>([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*NAME_GOES_ON)
    |(?P<string>'[^'\\\n]*'|"[^"\\\n]*")
    |(?P<operator>\*\*|//|==|!=|<=|>=|&&|\|\||<>|[-+*%<>(),=/!&|^~])
    |(?P<other>.)"""
_PLAIN, _DOTTED = (
    re.compile(_TOKEN.replace("NAME_GOES_ON", more), re.VERBOSE | re.DOTALL) for more in ("", r"(\.[A-Za-z0-9_]+)*")
)
"""Where no name has a dot in it, a dot is said to be wrong."""
_DOT = "\N{MIDDLE DOT}"
"""Stands for the dot within a name while Python's parser reads it."""
_ALLOWED_OPERATORS = frozenset({"+", "-", "*", "//", "%", "==", "!=", "<", "<=", ">", ">=", "(", ")", ","})
_INSTEAD = {
    "/": "'/' is not available, since it gives fractions; use //, or multiply the other side",
    "=": "'=' does not compare; use ==",
    "**": "'**' is not available; write a product",
    "&": "'&' is not available; use and",
    "&&": "'&&' is not available; use and",
    "|": "'|' is not available; use or",
    "||": "'||' is not available; use or",
    "!": "'!' is not available; use not",
    "~": "'~' is not available; use not",
    "<>": "'<>' is not available; use !=",
    ".": "'.' is not available: write the name of the field only",
    "[": "'[' is not available; a list of values is written in (...)",
    "\\": "'\\' is not available",
    '"': "the quotes that open here are not closed",
    "'": "the quotes that open here are not closed",
}
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)


class ExpressionError(ValueError):
    """An expression is not one that can be held against a configuration.

    Attributes:
        problems: (characters from the start of the text, what is wrong) for each fault, never empty.
    """

    def __init__(self, problems: Sequence[tuple[int, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(message for _, message in problems))


@dataclass(frozen=True)
class Expression:
    """A condition that has been checked."""

    text: str
    """As the user wrote it."""
    names: frozenset[str]
    """The columns it looks at."""
    kinds: Mapping[str, Kind] = field(compare=False, repr=False)
    """The kind of each of its columns."""
    tree: ast.expr = field(compare=False, repr=False)
    """Only nodes that `parse_expression` lets through; `true` and `false` are constants."""

    def holds(self, columns: Mapping[str, Any]) -> Any:
        """Return whether the condition holds: a bool, or an array of bools that broadcasts to the columns' shape.

        A division by zero is undefined, and what is undefined does not hold: `r == 0 or cells % r == 0` holds
        where r is 0, `cells % r == 0` and `not cells % r == 0` do not.

        Args:
            columns: at least the columns in `names`: counts as ints or int64 arrays, booleans as bools or arrays
                of bools or of 0 and 1, words as text or arrays of text. Arrays broadcast against each other.
        """
        return holds(self.tree, self.kinds, columns)

    def reach(self, bounds: Mapping[str, tuple[int, int]]) -> Reach:
        """Return how far the numbers in the condition can go, by interval arithmetic on Python ints.

        Args:
            bounds: the smallest and the largest value of each count that it looks at.
        """
        return reach(self.tree, bounds)


def parse_expression(
    text: str,
    kinds: Mapping[str, Kind],
    choices: Mapping[str, Sequence[str]],
    elsewhere: Mapping[str, str] | None = None,
    hint: Hint = did_you_mean,
) -> Expression:
    """Return the checked expression.

    Args:
        text: names, numbers, quoted words, `true`, `false`, `+ - * // %`, comparisons (chained too), `and`, `or`,
            `not`, `in (...)`; at most 2,000 characters and 200 parts.
        kinds: the columns that may be named, with their kinds.
        choices: the words that each `choice` column takes.
        elsewhere: names that are known but mean nothing here, each with what to do instead.
        hint: returns `; did you mean '...'?` or nothing, for a word and those that are known.

    Raises:
        ExpressionError: anything else is in it, a name or word is not known, kinds do not fit together, or the
            whole is neither true nor false.

    Example:
        >>> parse_expression("cells % 64 == 0", {"cells": "count"}, {}).holds({"cells": 128})
        True
    """
    if len(text) > LENGTH_LIMIT:
        raise ExpressionError([(0, f"has {len(text):,} characters; at most {LENGTH_LIMIT:,} are read")])
    if not text.strip():
        raise ExpressionError([(0, "is empty; write a condition such as cells <= 1024")])
    problems = _token_problems(text, kinds)
    if problems:
        raise ExpressionError(problems)
    start = len(text) - len(text.lstrip())
    undotted = _without_dots(text.lstrip(), kinds)
    tree = _parse(undotted, start)
    count = sum(1 for _ in ast.walk(tree))
    if count > NODE_LIMIT:
        raise ExpressionError(
            [(0, f"has {count:,} parts; at most {NODE_LIMIT} are read; split it into several conditions")]
        )
    tree = _WithDots().visit(tree)
    check = _NodeCheck(undotted, start, kinds, choices, elsewhere or {}, hint)
    meaning = check.meaning(tree)
    if not check.problems and meaning != "boolean":
        check.problem(
            tree, f"is {_AS_SHOWN[meaning or 'word']}, and a condition is true or false; compare it with something"
        )
    if check.problems:
        raise ExpressionError(sorted(check.problems))
    names = frozenset(check.names)
    return Expression(text, names, {name: kinds[name] for name in sorted(names)}, check.settled(tree))


def _tokens(kinds: Collection[str]) -> re.Pattern[str]:
    return _DOTTED if any("." in name for name in kinds) else _PLAIN


def _without_dots(text: str, kinds: Collection[str]) -> str:
    """Return a text whose names have no dots for Python's parser to see, as long as it was."""
    tokens = _tokens(kinds).finditer(text)
    return "".join(match[0].replace(".", _DOT) if match.lastgroup == "name" else match[0] for match in tokens)


class _WithDots(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.copy_location(ast.Name(node.id.replace(_DOT, "."), node.ctx), node)


def _token_problems(text: str, kinds: Mapping[str, Kind]) -> list[tuple[int, str]]:
    """Return what is wrong with the text's tokens, so that Python's parser meets only what is allowed."""
    problems: list[tuple[int, str]] = []
    opened: list[int] = []
    before: re.Match[str] | None = None
    for match in _tokens(kinds).finditer(text):
        if match.lastgroup is None:  # pragma: no cover - every character is some group
            continue
        kind, token, at = match.lastgroup, match[0], match.start()
        touches = before is not None and before.end() == at
        if kind == "number":
            problem = _number_problem(text, match)
        elif kind == "name" and touches and before is not None and before.lastgroup == "number":
            problem = None  # said with the number
        elif (
            kind == "string"
            and before is not None
            and before.lastgroup in {"string", "name"}
            and (touches or before.lastgroup == "string")
        ):
            problem = "a quoted word cannot follow another word directly"
        elif kind == "name" and token in {"AND", "OR", "NOT", "IN"} and token not in kinds:
            problem = f"{quoted(token)} is written in lower case: {token.lower()}"
        elif (kind == "operator" and token not in _ALLOWED_OPERATORS) or kind == "other":
            problem = _INSTEAD.get(token, f"{quoted(token)} is not available")
        else:
            problem = None
        if token == "(":
            if before is not None and before.lastgroup == "name" and before[0] not in {"and", "or", "not", "in"}:
                problem = f"functions are not available; {quoted(before[0])} is called here"
            opened.append(at)
        elif token == ")":
            if not opened:
                problem = "this ')' closes nothing"
            else:
                opened.pop()
        if problem:
            problems.append((at, problem))
        if kind != "space":
            before = match
    if not problems:
        problems.extend((at, "this '(' is never closed") for at in opened)
    if (
        not problems
        and before is not None
        and (before[0] in {"and", "or", "not", "in"} or before.lastgroup == "operator")
    ) and before[0] != ")":
        problems.append((before.start(), f"something is missing after {quoted(before[0])}"))
    return problems


def _number_problem(text: str, match: re.Match[str]) -> str | None:
    tail = re.compile(r"[A-Za-z_0-9.]*").match(text, match.end())
    written = match[0] + (tail[0] if tail else "")
    if written != match[0]:
        try:
            return f"{quoted(written)} is not allowed here; write {parse_size(written)}"
        except ValueError:
            return f"{quoted(written)} is not a number"
    if match[0].isdigit() and len(match[0]) > 1 and match[0][0] == "0":
        return f"{quoted(match[0])} starts with a zero; write {int(match[0])}"
    if not match[0].isdigit() and math.isinf(float(match[0])):
        return f"{quoted(match[0])} is too large a number"
    return None


def _parse(text: str, start: int) -> ast.expr:
    flat = re.sub(r"\s", " ", text)
    depth = deepest = 0
    for character in flat:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > _NESTING_LIMIT:
        raise ExpressionError([(start, f"brackets are nested {deepest} deep; at most {_NESTING_LIMIT} are read")])
    try:
        return ast.parse(flat, mode="eval").body
    except SyntaxError as problem:
        at = min(max((problem.offset or 1) - 1, 0), len(text))
        rest = text[at:].replace(_DOT, ".")
        found = f"at {quoted(rest)}" if rest.strip() else "at its end"
        raise ExpressionError(
            [(start + at, f"cannot be read {found}; something is missing or in the wrong place")]
        ) from None
    except (RecursionError, MemoryError, ValueError):
        raise ExpressionError([(start, "is nested too deeply; split it into several conditions")]) from None


class _NodeCheck:
    """Holds each node against the list, and settles what it means."""

    def __init__(
        self,
        text: str,
        start: int,
        kinds: Mapping[str, Kind],
        choices: Mapping[str, Sequence[str]],
        elsewhere: Mapping[str, str],
        hint: Hint,
    ) -> None:
        self.line = text.lstrip().encode()
        self.start = start
        self.kinds = kinds
        self.choices = choices
        self.elsewhere = elsewhere
        self.hint = hint
        self.problems: list[tuple[int, str]] = []
        self.names: set[str] = set()

    def problem(self, node: ast.expr, message: str) -> None:
        """Note a fault at a node. `ast` counts bytes, people count characters."""
        self.problems.append((self.start + len(self.line[: node.col_offset].decode(errors="ignore")), message))

    def meaning(self, node: ast.expr) -> Meaning | None:
        """Return what a node means, None where it has a fault."""
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BoolOp(values=values):
                for value in values:
                    self._want(value, "boolean", "and" if isinstance(node.op, ast.And) else "or")
                return "boolean"
            case ast.Compare():
                return self._comparison(node)
        words = {ast.Tuple: "a list of values can only follow in", ast.Call: "functions are not available"}
        self.problem(node, words.get(type(node), "this is not available in a condition"))
        return None

    def settled(self, node: ast.expr) -> ast.expr:
        """Return a copy of the tree in which `true`, `false` and whole numbers are plain constants."""
        return ast.fix_missing_locations(_Settle(self.kinds).visit(node))  # type: ignore[no-any-return]

    def _constant(self, node: ast.Constant) -> Meaning | None:
        if isinstance(node.value, bool):
            return "boolean"
        if isinstance(node.value, (int, float)):
            return "number" if isinstance(node.value, int) or node.value.is_integer() else "decimal"
        if isinstance(node.value, str):
            return "word"
        self.problem(node, f"{quoted(node.value)} is not available in a condition")
        return None

    def _name(self, node: ast.Name) -> Meaning | None:
        if node.id in self.kinds:
            self.names.add(node.id)
            return _MEANINGS[self.kinds[node.id]]
        if node.id in {"true", "false"}:
            return "boolean"
        counted = meant(node.id, self.elsewhere)
        word = next((found for found in (meant(node.id, words) for words in self.choices.values()) if found), "")
        if counted and (node.id in self.elsewhere or not meant(node.id, self.kinds)):
            other = "" if counted == node.id else f", where it is {quoted(counted)}"
            self.problem(node, f"{quoted(node.id)} is not available here; {self.elsewhere[counted]}{other}")
        elif any(node.id in words for words in self.choices.values()):
            self.problem(node, f"no field named {quoted(node.id)}; write a word in quotes: '{node.id}'")
        elif word and not meant(node.id, self.kinds):
            self.problem(node, f"no field named {quoted(node.id)}; write a word in quotes: '{word}'")
        else:
            hint = self.hint(node.id, [*self.kinds, "true", "false"])
            self.problem(node, f"no field named {quoted(node.id)}{hint}")
        return None

    def _arithmetic(self, node: ast.BinOp) -> Meaning | None:
        if not isinstance(node.op, _ARITHMETIC):
            self.problem(node, "this operation is not available; there are + - * // %")
            return None
        sign = SIGNS[type(node.op)]
        whole = sign in {"//", "%"}
        sides = [self._want(side, "number", sign) for side in (node.left, node.right)]
        for side, found in zip((node.left, node.right), sides, strict=True):
            if whole and found == "decimal":
                self.problem(side, f"{sign} takes whole numbers, and this is a decimal")
        return "decimal" if "decimal" in sides else "number"

    def _unary(self, node: ast.UnaryOp) -> Meaning | None:
        if isinstance(node.op, ast.USub):
            return "decimal" if self._want(node.operand, "number", "-") == "decimal" else "number"
        if isinstance(node.op, ast.Not):
            self._want(node.operand, "boolean", "not")
            return "boolean"
        self.problem(node, "this sign is not available; leave it out")
        return None

    def _want(self, node: ast.expr, wanted: Meaning, operator: str) -> Meaning | None:
        found = self.meaning(node)
        if found is not None and _comparable(found) != wanted:
            self.problem(node, f"{operator} takes {_AS_SHOWN[wanted]}, and this is {_AS_SHOWN[found]}")
        return found

    def _comparison(self, node: ast.Compare) -> Meaning | None:
        left = node.left
        left_meaning = self.meaning(left)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            sign = SIGNS.get(type(operator))
            if sign is None:
                self.problem(right, "this comparison is not available; use == or !=")
                return None
            if sign in {"in", "not in"}:
                if len(node.ops) > 1:
                    self.problem(left, f"{sign} cannot be chained; join the comparisons by and")
                    return None
                members = right.elts if isinstance(right, ast.Tuple) else [right]
                if not members:
                    self.problem(right, "the list of values is empty")
                for member in members:
                    self._same(left, left_meaning, member, self.meaning(member), sign)
                return "boolean"
            right_meaning = self.meaning(right)
            self._same(left, left_meaning, right, right_meaning, sign)
            left, left_meaning = right, right_meaning
        return "boolean"

    def _same(self, left: ast.expr, first: Meaning | None, right: ast.expr, second: Meaning | None, sign: str) -> None:
        if first is None or second is None:
            return
        first, second = _comparable(first), _comparable(second)
        if first != second:
            self.problem(right, f"{_AS_SHOWN[first]} is compared with {_AS_SHOWN[second]}")
        elif first != "number" and sign in {"<", "<=", ">", ">="}:
            self.problem(right, f"{sign} compares numbers, and this is {_AS_SHOWN[first]}")
        elif first == "word":
            self._known_word(left, right)
            self._known_word(right, left)

    def _known_word(self, column: ast.expr, word: ast.expr) -> None:
        if isinstance(column, ast.Name) and isinstance(word, ast.Constant) and isinstance(word.value, str):
            known = self.choices.get(column.id)
            if known is not None and word.value not in known:
                hint = self.hint(word.value, known) or words_known(known)
                self.problem(word, f"{quoted(word.value)} is no {column.id}{hint}")


def _comparable(meaning: Meaning) -> Meaning:
    return "number" if meaning == "decimal" else meaning


class _Settle(ast.NodeTransformer):
    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = kinds

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in {"true", "false"} and node.id not in self.kinds:
            return ast.copy_location(ast.Constant(node.id == "true"), node)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, float) and node.value.is_integer():
            return ast.copy_location(ast.Constant(int(node.value)), node)
        return node
