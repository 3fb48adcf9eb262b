"""Tables on terminals: aligned, never cut, in colour only where that is wanted."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest

from sizer.terminal import Terminal, bar
from tests.commands import on_terminal
from tests.test_cli import SPEECH

HEADER = ["id", "recurrent_projection", "weights", "of budget"]
ROWS = [["2,909", "128", "9,961,664", "99.6%"], ["7", "64", "4,000,000", "40.0%"]]


def test_a_table_is_aligned_with_a_bar_where_there_is_room() -> None:
    assert Terminal(width=80).table(HEADER, ROWS, bar=3) == [
        "     id  recurrent_projection    weights  of budget",
        "  2,909                   128  9,961,664      99.6%  █████████▉",
        "      7                    64  4,000,000      40.0%  ████",
    ]


def test_headers_are_broken_before_the_bar_is_left_out_and_records_come_last() -> None:
    assert Terminal(width=55).table(HEADER, ROWS, bar=3)[:3] == [
        "          recurrent",
        "     id  projection    weights  of budget",
        "  2,909         128  9,961,664      99.6%  █████████▉",
    ]
    assert Terminal(width=44).table(HEADER, ROWS, bar=3)[2] == "  2,909         128  9,961,664      99.6%"
    assert Terminal(width=30).table(HEADER, ROWS, bar=3)[4:7] == [
        "",
        "  id                    7",
        "  recurrent_projection  64",
    ]


def test_a_bar_is_never_longer_than_the_whole() -> None:
    assert (bar(0), bar(1), bar(7), bar(-1)) == ("", "█" * 10, "█" * 10, "")


def test_lines_are_wrapped_and_words_are_not_cut() -> None:
    word = "x" * 50
    assert Terminal(width=30).wrapped(f"a sweep of {word} and more") == ["a sweep of", word, "and more"]
    assert Terminal().wrapped("a line " * 100) == [("a line " * 100).strip()]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "91")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Terminal.of(Screen()) == Terminal(91, colour=True)
    assert Terminal.of(Screen()).styled("word", bold=True) == "\x1b[1mword\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Terminal.of(Screen()) == Terminal(91, colour=False)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not Terminal.of(Screen()).colour
    assert Terminal.of(io.StringIO()) == Terminal()
    assert Terminal().styled("word", bold=True) == "word"


@pytest.mark.parametrize("columns", ["200", "100", "72", "40"])
def test_a_run_shows_every_number_at_any_width(columns: str) -> None:
    printed = on_terminal("run", str(SPEECH), "--dry-run", columns=columns)
    assert "\x1b[" not in printed
    for number in ("2,909", "1,472", "9,961,664", "99.6%"):
        assert re.search(rf"(?<![\d,]){re.escape(number)}(?![\d,])", printed), number
    table = printed.partition("Largest within the budget")[2].partition("A run would")[0]
    assert max(map(len, table.splitlines())) <= int(columns)


def test_shells_complete_commands_and_options() -> None:
    def completed(words: str) -> list[str]:
        environment = {
            **os.environ,
            "_SIZER_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        run = "import sys; sys.argv = ['sizer']; from sizer.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", run], env=environment, capture_output=True, text=True, check=False)
        return done.stdout.split()

    assert completed("sizer qu") == ["query"]
    assert {"--budget", "--best"} <= {*completed("sizer query --b")}


def test_long_lines_of_a_screen_are_folded_below_their_last_column() -> None:
    text = "textbook · lstm · 39 -> 34\n  pytorch  +24,576  bias and a word more\n\nan approximation that is long\nNext: sizer explain --id 7 and so on"
    assert Terminal(width=30).fitted(text).split("\n") == [
        "textbook · lstm · 39 -> 34",
        "  pytorch  +24,576  bias and a",
        "  word more".replace("  ", "    ", 1),
        "",
        "an approximation that is long",
        "Next: sizer explain --id 7 and so on",
    ]
    assert Terminal(width=40).fitted("a\n  pytorch  +24,576  bias and a word more of it").split("\n")[1:] == [
        "  pytorch  +24,576  bias and a word more",
        "                    of it",
    ]


def test_screens_fit_a_narrow_terminal() -> None:
    for command in (
        ["compare", "--inputs", "80", "--layers", "3", "--cells", "1024", "--recurrent-projection", "256"],
        ["explain", "--inputs", "80", "--layers", "3", "--cells", "1024"],
        ["fit", "--budget", "10M", "--vary", "cells", "--inputs", "80", "--layers", "3"],
    ):
        screen = on_terminal(*command, columns="70")
        lines = [line for line in screen.split("\n") if not line.startswith("Next: ")]
        assert max(map(len, lines)) <= 70, screen
        wide = on_terminal(*command, columns="300")
        assert screen.split() == wide.split()
