"""YAML text: data with places, traps refused, the same words with and without the C library."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sizer.sweepfile import yamltext
from sizer.sweepfile.scalars import AmbiguousScalarError, read_plain
from sizer.sweepfile.yamltext import REFUSED, Place, Spot, read_yaml, written_path
from tests.examples import examples, saw, seeing

BAD = sorted((Path(__file__).parent / "sweeps" / "bad").glob("*.yaml"))


def test_places_of_keys_values_and_items() -> None:
    document = read_yaml("# first\na: 1\nb:\n  - x\n  - {c: 2.50}\n")
    assert document.data == {"a": 1, "b": ["x", {"c": 2.5}]}
    assert document.spots == {
        (): Spot(Place(2, 1)),
        ("a",): Spot(Place(2, 4), Place(2, 1), "1"),
        ("b",): Spot(Place(4, 3), Place(3, 1)),
        ("b", 0): Spot(Place(4, 5), None, "x"),
        ("b", 1): Spot(Place(5, 5)),
        ("b", 1, "c"): Spot(Place(5, 9), Place(5, 6), "2.50"),
    }
    assert not document.faults


def test_the_place_of_what_is_not_there_is_that_of_its_parent() -> None:
    assert read_yaml("a: {b: 1}\n").spot(("a", "c", 3)) == Spot(Place(1, 4), Place(1, 1))
    assert read_yaml("").spot(("a",)) == Spot(Place(1, 1))


def test_columns_count_characters() -> None:
    document = read_yaml("é: {ü: 𝄞, z: no}\n".encode())
    assert document.spots["é", "ü"] == Spot(Place(1, 8), Place(1, 5), "𝄞")
    assert str(document.faults[0]).startswith("é.z: 'no' is false")
    assert document.faults[0].column == 14


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("+5", 5),
        ("1e6", 1_000_000),
        ("1.5e3", 1500),
        ("1E+3", 1000),
        ("1e-1", 0.1),
        ("0.25", 0.25),
        (".5", 0.5),
        ("1.", 1.0),
        ("true", True),
        ("FALSE", False),
        ("", None),
        ("~", None),
        ("NULL", None),
        ("10M", "10M"),
        ("1/4", "1/4"),
        ("tRue", "tRue"),
        ("2014-01-01", "2014-01-01"),
        ("1,000", "1,000"),
        ("nope", "nope"),
        ("e", "e"),
        (".", "."),
        ("-", "-"),
    ],
)
def test_plain_scalar(text: str, value: object) -> None:
    found = read_plain(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    ["yes", "No", "ON", "off", "y", "N", "010", "-010", "00", "08", "00.5", "0x1F", "0o17", "0b101", "1:30", "-1:30:15.5",
     ".inf", "-.INF", "+.Inf", ".nan", ".NaN", "1_000", "1_0.5", "1e1000", "1e-99999", "9" * 1001, "1" * 500 + ".5"],
)  # fmt: skip
def test_ambiguous_scalar(text: str) -> None:
    with pytest.raises(AmbiguousScalarError):
        read_plain(text)


def test_quoted_scalars_are_text() -> None:
    assert read_yaml("""{a: "no", b: '010', c: "1e6", d: 'null'}""").data == {
        "a": "no",
        "b": "010",
        "c": "1e6",
        "d": "null",
    }


def test_what_is_refused_stands_in_the_data_as_such() -> None:
    document = read_yaml("a: no\nb: &x [1]\nc: *x\nd: !!str 3\n")
    assert document.data == {"a": REFUSED, "b": [1], "c": REFUSED, "d": REFUSED}
    assert document.refused == {("a",), ("b",), ("c",), ("d",)}
    assert repr(REFUSED) == "REFUSED"


def test_nothing_under_a_duplicate_key_replaces_the_first() -> None:
    document = read_yaml("a: {b: 1}\na: {b: 2, c: 010}\n")
    assert document.data == {"a": {"b": 1}}
    assert [(fault.line, fault.column, fault.path) for fault in document.faults] == [(2, 1, ""), (2, 14, "a.c")]


@pytest.mark.parametrize(
    ("path", "words"),
    [((), ""), (("grid", "layers", 0), "grid.layers[0]"), (("grid", 1, "cells"), "grid[1].cells"), ((0,), "[0]")],
)
def test_written_path(path: tuple[str | int, ...], words: str) -> None:
    assert written_path(path) == words


def test_long_keys_are_cut() -> None:
    assert written_path(("x" * 81,)) == "x" * 79 + "…"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("%YAML 2.0\n---\na: 1\n", 1, 1, "this is not YAML; check the indentation, quotes and brackets around here"),
        ("a: }", 1, 4, "this is not YAML; check the indentation, quotes and brackets around here"),
        ("a: 1\n- b\n", 2, 1, "this does not fit the lines above; check the indentation, the ':' after each key, and what follows a closing quote"),
        ("a: 1\n\t# b\n", 2, 1, "a tab; YAML is indented with spaces only"),
        ("a: - 1\n", 1, 4, "a '-' is not allowed here; start the list on a line of its own"),
        ("a: 'x' y\n", 1, 8, "this does not fit the lines above; check the indentation, the ':' after each key, and what follows a closing quote"),
        ("a: {b: 1\n", 1, 4, "the mapping that opens here is not closed: a ',' or '}' is missing"),
        ("a: \"x\n---\n", 1, 4, "the quotes that open here are never closed"),
        ("a: 1\nb\nc: 2\n", 3, 1, "a ':' is missing after this key, or the quotes or bracket before it are not closed"),
        ("{a: 1} b\n", 1, 8, "there is text after the end of the sweep; check the indentation and the brackets"),
    ],
)  # fmt: skip
def test_syntax_error(text: str, line: int, column: int, message: str) -> None:
    document = read_yaml(text)
    assert not document.whole
    assert [(fault.line, fault.column, fault.message) for fault in document.faults] == [(line, column, message)]


def test_a_long_text_is_explained_by_the_fast_parser() -> None:
    document = read_yaml("# " + "x" * 100_000 + "\na: [1, 2\nb: 3\n")
    assert [str(fault) for fault in document.faults] == [
        "the list that opens here is not closed: a ',' or ']' is missing"
    ]
    assert document.faults[0].line == 2


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="both parsers are compared")
@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_both_parsers_say_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = read_yaml(path.read_bytes())
    monkeypatch.delattr(yaml, "CSafeLoader")
    slow = read_yaml(path.read_bytes())
    assert fast.faults == slow.faults
    assert fast.data == slow.data
    assert fast.spots == slow.spots


def test_too_many_values() -> None:
    document = read_yaml("[" + "1," * (yamltext.VALUE_LIMIT + 1) + "]")
    assert str(document.faults[0]).endswith("more than 100,000 values; write long axes as {from, to, step}")
    assert not document.whole


def test_control_characters_are_reported_up_to_a_number() -> None:
    document = read_yaml("\x01" * 5000)
    assert len(document.faults) == yamltext.ENOUGH + 1


def test_tabs_inside_text_are_text() -> None:
    document = read_yaml('a: "x\n\ty"\nb: |\n  x\n  \ty\nc: 1\n  #\ta comment\n')
    assert not document.faults
    assert document.data == {"a": "x y", "b": "x\n\ty\n", "c": 1}


_PIECES = st.sampled_from(
    ["a", ": ", "b: ", "- ", "\n", "  ", "[", "]", "{", "}", ",", "'", '"', "&x ", "*x", "!t ", "|\n", ">\n", "#", "? ",
     "---\n", "...\n", "%YAML 1.1\n", "\t", "no", "010", "1e6", "\\", "\0", "é", "\u2028", "\ufeff", "\r", "<<: "]
)  # fmt: skip


@settings(max_examples=examples(1000), deadline=None)
@given(text=st.lists(_PIECES, max_size=40).map("".join) | st.text(max_size=200))
@example(text="? ? ? : : :")
@example(text="\ud800")
@example(text="[" * 5000)
def test_any_text_is_data_or_faults(text: str) -> None:
    document = read_yaml(text, "file")
    assert document.faults or document.whole
    for fault in document.faults:
        assert fault.line >= 1
        assert fault.column >= 1
        assert fault.message


@settings(max_examples=examples(300), deadline=None)
@given(raw=st.binary(max_size=200))
@example(raw=b"\xef\xbb\xbf\xff")
def test_any_bytes_are_data_or_faults(raw: bytes) -> None:
    document = read_yaml(raw, "file")
    assert document.faults or document.whole


# Breaks of a line that YAML 1.1 knows and 1.2 does not; the dumper writes them and the reader folds them.
_PLAIN = st.text(st.characters(exclude_characters="\x85\u2028\u2029", exclude_categories=["Cs"]), max_size=10)


class Quoting(yaml.SafeDumper):
    """Writes texts that Python reads as numbers in quotes: PyYAML leaves `0E0` plain, which is a number here."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        try:
            float(text)
        except ValueError:
            return self.represent_str(text)
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"')


Quoting.add_representer(str, Quoting.represent_text)


@example(data="0E0")
@example(data={"1e5": ["1E5", "-2.e3"]})
@seeing(read=200)
@settings(max_examples=examples(300), deadline=None)
@given(
    data=st.recursive(
        st.integers(-(10**20), 10**20) | st.booleans() | _PLAIN | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_PLAIN, inner, max_size=3),
        max_leaves=10,
    ).filter(lambda data: data is not None)
)
def test_what_is_dumped_is_read(data: object) -> None:
    document = read_yaml(yaml.dump(data, Dumper=Quoting, allow_unicode=True))
    if not document.faults:
        assert document.data == data
        saw("read")
