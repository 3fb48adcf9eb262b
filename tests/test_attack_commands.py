"""Storms on the command line: whatever is typed, a command ends with an exit code and words, and never with a traceback."""

from __future__ import annotations

import contextlib
import io
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sizer.cli import main
from sizer.cli.app import app
from sizer.cli.edge import LAST_RESORT
from sizer.runs.run import run_sweep
from sizer.sweepfile.load import load_sweep
from tests.attacks import storm
from tests.examples import examples

SWEEP = """\
sizer: 1
name: small
model: {convention: sak2014, cell_type: lstm, inputs: 39, outputs: 34}
grid: {layers: [1, 2], cells: {from: 64, to: 256, step: 64}, recurrent_projection: [0, 32]}
budget: {weights: {max: 1M}}
output: {formats: [csv, parquet], columns: default}
"""

HOSTILE = (
    *("", " ", "-", "--", ",", ",,", "=", "0", "-1", "1", "3", "1.5", "nan", "inf", "1e6", "1e400", "10M", "2MiB"),
    *("9" * 19, "9" * 40, "9" * 5000, "-" + "9" * 30, "0x10", "1_000", "٣", "²", "true", "null", "~", "*", "{}", "{x}"),
    *(
        "%s",
        "'",
        '"',
        "\\",
        "é",
        "😀",
        "\udcff",
        "a\nb",
        "a\rb",
        "\x1b[31m",
        "\u202e",
        "a" * 255,
        "a" * 300,
        "b/" * 2100,
    ),
    *("..", ".", "../x", "x/y/z.csv", "out.csv", "out.parquet", "out.xlsx", "out.html", "out.svg", "out.md", "out.png"),
    *(
        "weights",
        "-weights",
        "cells",
        "cells,layers",
        "cells,cells",
        "weights,-cells",
        "-",
        "id",
        "Cells",
        "result",
        "#",
    ),
    *("weights=5M", "weights=", "=5", "int8_bytes=2MB", "cells=3", "weights=-1", "weights=1e30", "cells,layers=1/0"),
    *(
        "cells>=3",
        "cells >",
        "cells // 0 == 1",
        "(" * 300,
        "cells ** 9 ** 9",
        "not cells",
        "cells in ()",
        "1 < 2",
        "weights/3>1",
    ),
    *(
        "cell_type == 'x'",
        "cells == 'lstm'",
        "id % -3 == 0",
        "cells > 1.5",
        "cells*cells*cells*cells*cells*cells*cells>0",
    ),
    *(
        "lstm",
        "gru",
        "pytorch",
        "textbook",
        "csv",
        "parquet",
        "xlsx",
        "markdown",
        "json",
        "optuna",
        "keras",
        "default",
        "all",
    ),
    *(
        "nosuch://x",
        "tcp://127.0.0.1:9",
        "tcp://",
        "1,2,3",
        "1024,512",
        "0,0",
        "SWEEP",
        "TABLE",
        "CSV",
        "MANIFEST",
        "BROKEN",
    ),
)
"""Values for any option: none of them leads out of the folder that the storm is in."""

VALID = (
    "run SWEEP --out tables",
    "run SWEEP --out -",
    "run SWEEP --dry-run --json",
    "validate SWEEP BROKEN",
    "schema",
    "init --out new.yaml --force",
    "query TABLE --sort -weights --top 3",
    "query CSV --group-by layers --best weights",
    "query TABLE CSV --where cells>64 --format markdown",
    "query MANIFEST --near 500K --json",
    "query TABLE --pareto weights,-cells",
    "query TABLE --summary",
    "plot TABLE --out plot.html",
    "report CSV --out page.html",
    "export TABLE --to optuna --top 2",
    "explain --cells 64 --layers 2 --inputs 3",
    "explain SWEEP --id 3",
    "compare --cells 64 --layers 2 --inputs 3",
    "compare --claim 21M --inputs 205 --layers 2 --cells 100",
    "fit --budget 1M --vary cells --inputs 39 --layers 3",
    "conventions",
    "code --cells 64 --layers 2 --inputs 3 --to torch --convention pytorch",
    "verify SWEEP",
    "serve --token short",
)
"""Command lines that are fine, or nearly: what a storm is let loose on. `serve` never gets as far as serving."""

SLOW = {"verify": "--with"}
"""Options that would load a framework, which takes longer than a storm has."""


class Shown(io.BytesIO):
    """Bytes that somebody looks at, or nobody."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def typed(words: list[str], terminal: bool = False) -> tuple[int, str]:
    """Run a command line within this process; return its exit code and all that it printed."""
    output, errors = (io.TextIOWrapper(Shown(terminal), "utf-8") for _ in range(2))
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors), pytest.raises(SystemExit) as ended:
        main(words)
    printed = b"".join(stream.buffer.getvalue() for stream in (output, errors))
    code = ended.value.code or 0
    assert isinstance(code, int), code
    return code, printed.decode("utf-8", "replace")


def check(words: list[str], code: int, printed: str) -> str:
    """Check how a command ended, and return it in a word."""
    assert "Traceback" not in printed, (words, printed[-3000:])
    assert LAST_RESORT not in printed, (words, printed[-3000:])
    assert code in {0, 1, 2, 3, 4}, (words, code)
    assert code in {0, 4} or printed.strip(), words
    return ("done", "faults", "usage", "not finished", "differs")[code]


OPTIONS: dict[str, list[tuple[str, bool]]] = {
    name: [
        (flag, bool(getattr(parameter, "is_flag", False)))
        for parameter in command.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
        if flag.startswith("-") and flag not in {"--help", SLOW.get(name)} and (name, flag) != ("serve", "--token")
    ]
    for name, command in typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
}
"""Command -> its options, and whether they stand alone."""


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give a folder with a sweep and its tables, in which commands run; return what their names stand for."""
    folder = tmp_path / "of" / "storm"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NO_COLOR", "1")
    Path("small.yaml").write_text(SWEEP)
    Path("broken.yaml").write_text("sizer: 1\nname: [\n")
    run_sweep(load_sweep("small.yaml"), "there")
    return {
        "SWEEP": "small.yaml",
        "TABLE": "there/small.parquet",
        "CSV": "there/small.csv",
        "MANIFEST": "there/small.manifest.json",
        "BROKEN": "broken.yaml",
    }


def a_line(chance: random.Random, names: dict[str, str]) -> list[str]:
    """Return a command line: a good one, with some words that are not."""
    words = chance.choice(VALID).split()
    command = words[0]
    for _ in range(chance.choice((1, 1, 2, 3))):
        deed = chance.random()
        place = chance.randrange(len(words))
        if deed < 0.6 and OPTIONS[command]:
            option, alone = chance.choice(OPTIONS[command])
            words += [option] if alone else [option, chance.choice(HOSTILE)]
        elif deed < 0.8 and place and not (command == "serve" and words[place] in {"--token", "short"}):
            words[place] = chance.choice(HOSTILE)
        elif deed < 0.9:
            words.append(chance.choice(HOSTILE))
        elif place and command != "serve":
            del words[place]
    return [names.get(word, word) for word in words]


def test_random_command_lines(names: dict[str, str]) -> None:
    with storm("random command lines", quick=examples(40), long=6000, seed=17) as tried:
        for chance in tried:
            words = a_line(chance, names)
            tried.ended(check(words, *typed(words, chance.random() < 0.3)))


def test_every_option_gets_every_kind_of_value(names: dict[str, str]) -> None:
    """Each option of each command at least once, whatever the chance."""
    lines = [(line.split(), option, alone) for line in VALID for option, alone in OPTIONS[line.split()[0]]]
    with storm("an option with a hostile value", quick=examples(30), long=4000, seed=23) as tried:
        for chance in tried:
            words, option, alone = chance.choice(lines)
            line = [names.get(word, word) for word in (*words, option, *(() if alone else (chance.choice(HOSTILE),)))]
            tried.ended(check(line, *typed(line)))


@pytest.mark.parametrize("title", ["a\udcffb", "\ud800"])
def test_a_title_that_is_no_text_is_a_fault(title: str, names: dict[str, str]) -> None:
    for command in ("plot", "report"):
        code, printed = typed([command, names["TABLE"], "--out", "x.html", "--title", title])
        assert code == 1
        assert printed.startswith("--title: is not text in UTF-8\n")
        assert not Path("x.html").exists()


def test_names_of_files_that_are_no_text(names: dict[str, str]) -> None:
    """A sweep may have any name; of a table DuckDB wants to know it."""
    raw = os.fsdecode(b"caf\xe9")
    Path(f"{raw}.yaml").write_text(SWEEP)
    assert typed(["run", f"{raw}.yaml", "--out", raw, "--format", "csv,parquet,xlsx"])[0] == 0
    code, printed = typed(["query", f"{raw}/small.parquet"])
    assert code == 1
    assert "has a name or a folder that is no UTF-8, and DuckDB opens no such file; rename it" in printed
    code, printed = typed(["query", names["TABLE"], "--out", f"{raw}.csv"])
    assert code == 0
    assert Path(f"{raw}.csv").exists()


@pytest.mark.process
@pytest.mark.parametrize(
    "words",
    [
        ["init", "--out", "a" * 300],
        ["report", "TABLE", "--title", os.fsdecode(b"\xff")],
        ["query", "TABLE", "--out", ""],
    ],
)
def test_a_few_as_processes(words: list[str], names: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sizer", *(names.get(word, word) for word in words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
        check=False,
    )
    assert done.returncode == 1
    assert check(words, done.returncode, done.stdout + done.stderr) == "faults"
