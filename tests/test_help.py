"""Help fits the terminal, cuts no name and says what is required and what stands for what is left out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from sizer.cli import completions
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import CHOICES
from tests.commands import run_here
from tests.help_screens import COMMANDS, WIDTHS, recorded, screen

SCREENS = [(name, width) for name in COMMANDS for width in WIDTHS]


def options_of(name: str) -> list[Any]:
    return [one for one in COMMANDS[name].params if one.param_type_name == "option"]


@pytest.mark.parametrize(("name", "width"), SCREENS)
def test_a_screen_is_as_recorded(name: str, width: int) -> None:
    """`python -m tests.help_screens --write` records a change that is meant."""
    assert screen(name, width) == recorded(name, width).read_text()


@pytest.mark.parametrize(("name", "width"), [*SCREENS, *((name, 60) for name in COMMANDS)])
def test_a_screen_fits_and_cuts_no_name(name: str, width: int) -> None:
    text = screen(name, width)
    assert [line for line in text.splitlines() if len(line) > width] == []
    assert "…" not in text
    assert not {"<", "{"} & set(text)
    words = text.replace(",", " ").split()
    for one in options_of(name):
        shown = {f"--[no-]{one.opts[0].removeprefix('--')}"} if one.secondary_opts else set(one.opts)
        assert shown <= set(words), one.name


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "sizer"])
def test_what_is_required_and_what_stands_for_the_rest_is_said(name: str) -> None:
    rows = rows_of(screen(name, 120))
    for one in COMMANDS[name].params:
        flag = (
            f"--[no-]{one.opts[0].removeprefix('--')}" if getattr(one, "secondary_opts", ()) else max(one.opts, key=len)
        )
        said = rows[flag if one.param_type_name == "option" else one.metavar.strip("[]").removesuffix("...")]
        assert ("[required]" in said) == one.required, one.name
        if isinstance(one.default, int) and not isinstance(one.default, bool):
            assert f"default: {one.default:,}]" in said, one.name


def rows_of(text: str) -> dict[str, str]:
    """Return what is said of each argument and option: a row starts two characters in."""
    rows: dict[str, str] = {}
    name = ""
    for line in text.partition("Examples\n")[2].splitlines():
        if line[:3].strip() and line.startswith("  "):
            name = next(word for word in line.replace("...", "").split() if not word.endswith(","))
            rows[name] = ""
        rows[name] = f"{rows.get(name, '')} {line.strip()}"
    return rows


def test_help_is_as_wide_as_the_terminal() -> None:
    for width in WIDTHS:
        assert run_here("explain", "--help", COLUMNS=str(width)).stdout == screen("explain", width)
    assert run_here("run", "-h", COLUMNS="300").stdout == screen("run", 120)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "sizer"])
def test_an_example_on_several_lines_is_one_command(name: str) -> None:
    text = screen(name, 60)
    examples = text.partition("Examples\n")[2].partition("\n\n")[0].replace("\\\n", "")
    whole = screen(name, 120).partition("Examples\n")[2].partition("\n\n")[0].replace("\\\n", "")
    assert [shlex.split(line) for line in examples.splitlines()] == [shlex.split(line) for line in whole.splitlines()]


def completed(*words: str) -> list[str]:
    """Return what the TAB key offers in bash behind some words."""
    found = run_here(
        "explain", _SIZER_COMPLETE="complete_bash", COMP_WORDS=" ".join(["sizer", *words]), COMP_CWORD=str(len(words))
    )
    return found.stdout.split()


def test_tab_completes() -> None:
    assert completed("explain", "--convention", "") == list(CONVENTIONS)
    assert completed("explain", "--convention", "k") == ["keras", "kaldi_nnet3", "kaldi_nnet1"]
    assert completed("code", "--cell-type", "") == list(CHOICES["cell_type"])
    assert completed("fit", "--vary", "cells,recurrent") == ["cells,recurrent_projection"]
    assert completed("query", "x.csv", "--sort", "layers,-int8") == ["layers,-int8_bytes"]
    assert completed("run", "x.yaml", "--columns", "d") == ["default"]
    assert completed("run", "x.yaml", "--budget", "int") == ["int8_bytes="]
    assert completed("run", "x.yaml", "--format", "csv,p") == ["csv,parquet"]
    assert completed("exp") == ["export", "explain"]
    assert completed("fields", "conv") == ["convolution", "convolutional_lstm"]
    assert completed("conventions", "ker") == ["keras"]


def test_tab_completes_the_paths_of_the_file_that_is_named() -> None:
    model = "sweeps/rnnt.yaml"
    assert completed("run", model, "--where", "encoder.rec") == ["encoder.recurrent_projection"]
    assert completed("run", model, "--budget", "enc") == ["encoder.weights="]
    assert completed("fit", model, "--budget", "9M", "--vary", "joint.w") == ["joint.width"]
    assert completed("fit", model, "--set", "encoder.c") == ["encoder.cell_type=", "encoder.cells="]
    assert completed("run", "sweeps/speech.yaml", "--where", "rec") == ["recurrent_projection", "recurrent_weights"]
    assert completed("fit", "--set", "enc") == completed("fit", "README.md", "--set", "enc") == []
    assert completed("run", "missing.yaml", "--budget", "int") == ["int8_bytes="]


def test_the_last_word_of_a_list_or_a_condition_is_completed(tmp_path: Path) -> None:
    known = {"encoder.cells": "", "layers": ""}
    assert completions.completed(known, "layers >= 2 and enc") == [("layers >= 2 and encoder.cells", "")]
    assert completions.completed(known, "-l") == [("-layers", "")]
    broken = tmp_path / "broken.yaml"
    broken.write_text("model: {blocks: {a: {type: dense}, b: [1], c: {type: 7}}}\n")
    found = completions.paths_of(["missing", str(tmp_path), str(broken)])
    assert found is not None
    assert (found.blocks, "a.width" in found.fields) == (("a",), True)
    broken.write_text("model: [\n")
    assert completions.paths_of([str(broken)]) is None


def test_what_is_offered_is_of_options_that_there_are() -> None:
    there = {flag for command in COMMANDS.values() for one in command.params for flag in one.opts}
    assert set(completions.OFFERED) <= there
