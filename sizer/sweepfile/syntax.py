"""YAML syntax errors in words that say what to do, the same whichever parser is installed."""

from __future__ import annotations

import re
from typing import Any

import yaml

_BRACKET = re.compile(r"[\[\]{}]")

_PYTHON_PARSER_LIMIT = 100_000
"""Characters up to which a syntax error is looked at again by the parser in Python, so that its words and place do
not depend on whether the C library is there. Beyond it that parser would take many seconds."""
_PYTHON_PARSER_DEPTH = 100
"""Brackets open at once, up to which the same is done: that parser looks at all of them again at each character."""

_WORDS: tuple[tuple[str, str], ...] = (
    ("a tab character", "a tab; YAML is indented with spaces only"),
    (
        "mapping values are not allowed",
        "a ':' is not allowed here; check the indentation, or put the text in quotes",
    ),
    ("sequence entries are not allowed", "a '-' is not allowed here; start the list on a line of its own"),
    ("cannot start any token", "this character cannot start a value; put the value in quotes"),
    ("unknown escape character", "this escape is not known; inside double quotes write \\\\ for a backslash"),
    ("unexpected end of stream", "the quotes that open here are never closed"),
    ("unexpected document separator", "the quotes that open here are never closed"),
    (
        "could not find expected ':'",
        "a ':' is missing after this key, or the quotes or bracket before it are not closed",
    ),
    ("',' or ']'", "the list that opens here is not closed: a ',' or ']' is missing"),
    ("',' or '}'", "the mapping that opens here is not closed: a ',' or '}' is missing"),
    ("undefined alias", "aliases are not read; write the value out"),
    ("duplicate anchor", "anchors are not read; write the value out"),
    (
        "<block end>",
        "this does not fit the lines above; check the indentation, the ':' after each key, and what follows a closing quote",
    ),
    (
        "expected key",
        "this does not fit the lines above; check the indentation, the ':' after each key, and what follows a closing quote",
    ),
    ("'-' indicator", "this does not line up with the list above; check the indentation"),
    ("<document start>", "there is text after the end of the sweep; check the indentation and the brackets"),
)
_AT_CONTEXT = ("never closed", "is not closed")


def explain(text: str, problem: yaml.YAMLError) -> tuple[int, int, str]:
    """Return line and column, from 1, and words for a syntax error that one of the parsers has found."""
    if len(text) <= _PYTHON_PARSER_LIMIT and _depth(text) <= _PYTHON_PARSER_DEPTH:
        try:
            for _ in yaml.parse(text, Loader=yaml.SafeLoader):
                pass
        except yaml.YAMLError as again:
            problem = again
    found = str(getattr(problem, "problem", ""))
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    context = getattr(problem, "context_mark", None)
    for phrase, words in _WORDS:
        if phrase in found:
            if context is not None and any(ending in words for ending in _AT_CONTEXT):
                mark = context
            if "cannot start" in words and _character(text, mark) == "\t":
                words = "a tab; YAML is indented with spaces only"
            return *_place(mark), words
    return *_place(mark), "this is not YAML; check the indentation, quotes and brackets around here"


def _depth(text: str) -> int:
    """Return how many brackets are open at once, at most; those in quotes count too."""
    deepest = depth = 0
    for match in _BRACKET.finditer(text):
        depth = depth + 1 if match[0] in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _character(text: str, mark: Any) -> str:
    lines = text.splitlines()
    return lines[mark.line][mark.column : mark.column + 1] if mark is not None and mark.line < len(lines) else ""


def _place(mark: Any) -> tuple[int, int]:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
