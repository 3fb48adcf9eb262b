"""Below the faces a fault names a field or a parameter; the command line names the option that a person types."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from sizer.errors import Fault, InputError, faults_of
from sizer.frameworks.code import write_code
from sizer.networks.counting import count
from sizer.questions.reconciliation import reconcile
from sizer.runs.run import run_sweep
from sizer.runs.walk import explain_row
from sizer.sweepfile.load import apply_options, load_sweep
from sizer.verification import configuration_of
from tests.commands import run

ROOT = Path(__file__).resolve().parent.parent
SPEECH = str(ROOT / "sweeps" / "speech.yaml")
SMALL = {"cell_type": "lstm", "inputs": 3, "layers": 1, "cells": 5}


def dashed(source: str) -> list[int]:
    """Return the lines of a module in which a fault is given a path with dashes."""
    return [
        word.lineno
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"Fault", "reporter", "no_column", "check"}
        for argument in call.args
        for word in ast.walk(argument)
        if isinstance(word, ast.Constant) and isinstance(word.value, str) and word.value.startswith("--")
    ]


def test_no_floor_below_the_command_line_speaks_of_options() -> None:
    assert dashed('Fault("", 0, 0, "--id", "is wrong")') == [1]  # so that this test can fail
    assert dashed('Fault("", 0, 0, "a" if b else "--id", "is wrong")') == [1]
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / "sizer").rglob("*.py"))
        if path.parent.name != "cli" and (lines := dashed(path.read_text()))
    }
    assert found == {}


def paths(call: Any, *arguments: Any, **named: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        call(*arguments, **named)
    return [fault.path for fault in caught.value.faults]


def test_python_reads_of_fields_and_parameters(tmp_path: Path) -> None:
    sweep = load_sweep(SPEECH)
    options = {"budget": "10X", "where": "cels > 1", "formats": "exel", "columns": "zzz"}
    assert paths(apply_options, sweep, **options) == ["budget", "columns", "formats", "where"]
    assert paths(run_sweep, sweep, tmp_path, sort="-wieghts") == ["sort"]
    assert paths(run_sweep, sweep, tmp_path, keep=0) == ["keep"]
    assert paths(run_sweep, sweep, tmp_path, workers=0) == ["workers"]
    assert paths(explain_row, sweep, 10**6) == ["id"]
    assert paths(configuration_of, sweep, 10**6) == ["id"]
    assert paths(reconcile, {**SMALL, "convention": "keras"}, "lots") == ["claim"]
    assert paths(count, {**SMALL, "convention": "pytorch", "peepholes": True}) == ["peepholes"]


@pytest.mark.parametrize(
    ("changes", "to", "blamed"),
    [
        ({"convention": "sak2014"}, "torch", ["convention"]),
        ({"convention": "kaldi_nnet3"}, "torch", ["convention", "convention"]),
        ({"convention": "kaldi_nnet3", "bias_vectors": 1}, "torch", ["bias_vectors", "convention"]),
        ({"convention": "textbook", "peepholes": True}, "torch", ["peepholes"]),
        ({"convention": "pytorch"}, "keras", ["convention"]),
        ({"convention": "kaldi_nnet3", "recurrent_projection": 2, "nonrecurrent_projection": 1}, "keras",
         ["convention", "nonrecurrent_projection", "recurrent_projection"]),
        ({"convention": "textbook", "cell_type": "cifg_lstm", "peepholes": True}, "torch", ["cell_type"]),
        ({"convention": "back_of_envelope"}, "keras", ["convention"]),
        ({"convention": "kaldi_nnet3", "cell_type": "lstmb", "bottleneck": 2}, "keras", ["cell_type"]),
    ],
)  # fmt: skip
def test_only_what_was_given_is_blamed(changes: dict[str, Any], to: str, blamed: list[str]) -> None:
    given = {**SMALL, **changes}
    found = paths(write_code, given, to)
    assert found == blamed
    assert set(found) <= set(given)


def test_projection_that_was_given_is_the_one_that_is_too_wide() -> None:
    network = {**SMALL, "convention": "kaldi_nnet3"}
    assert paths(count, {**network, "nonrecurrent_projection": 9}) == ["nonrecurrent_projection"]
    assert paths(count, {**network, "recurrent_projection": 4, "nonrecurrent_projection": 4}) == [
        "recurrent_projection"
    ]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("run", SPEECH, "--format", "exel"), "--format"),
        (("run", SPEECH, "--sort", "x", "--keep", "3"), "--sort"),
        (("explain", SPEECH, "--id", "5000"), "--id"),
        (("explain", "--cells", "0", "--layers", "1", "--inputs", "3"), "--cells"),
        (("compare", "--claim", "lots", "--cells", "5", "--layers", "1", "--inputs", "3"), "--claim"),
        (("fit", "--budget", "1M", "--vary", "cellz", "--layers", "1", "--inputs", "3"), "--vary"),
    ],
)
def test_command_line_names_the_option(arguments: tuple[str, ...], path: str) -> None:
    done = run(*arguments, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    assert [fault["path"] for fault in json.loads(done.stdout)["faults"]] == [path]


def test_field_of_a_sweep_is_no_option_that_was_typed() -> None:
    sweep = str(ROOT / "sweeps" / "toolkits.yaml")
    done = run("explain", sweep, "--id", "1400")
    assert done.stderr.splitlines()[0] == f"{sweep}: cell_type: back_of_envelope has no rnn"


def test_faults_of_a_file_keep_their_own() -> None:
    with pytest.raises(InputError) as caught, faults_of("a.yaml"):
        raise InputError([Fault("", 0, 0, "cells", "is wrong"), Fault("b.yaml", 1, 2, "cells", "is wrong")])
    assert [fault.file for fault in caught.value.faults] == ["a.yaml", "b.yaml"]
