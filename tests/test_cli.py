"""The commands as a person runs them: a process, its streams and its exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sizer
from sizer.cli import reporting
from sizer.sweepfile.bounds import resolved_columns
from tests.commands import ROOT, on_terminal, run

SPEECH = "sweeps/speech.yaml"


def test_run_on_a_terminal_shows_what_a_person_wants_to_know(tmp_path: Path) -> None:
    screen = on_terminal("run", SPEECH, "--out", str(tmp_path))
    assert re.sub(r"\d+\.\d s", "0.0 s", screen).replace(str(tmp_path), "DIR") == (
        "speech · LSTM acoustic models, 39 features in, 34 phones out, under 10M weights\n"
        "sak2014 · lstm · 39 inputs · 34 outputs · no biases, peepholes\n"
        "\n"
        "  3,100  configurations\n"
        "   -988  over 10,000,000 weights\n"
        "   -278  excluded: recurrent_projection + nonrecurrent_projection <= cells\n"
        "  1,834  kept\n"
        "\n"
        "Largest within the budget\n"
        "     id  layers  cells  recurrent_projection  nonrecurrent_projection    weights  of budget\n"
        "  2,909       5  1,472                   128                       64  9,961,664      99.6%  █████████▉\n"
        "  1,673       3  1,472                   256                       64  9,957,184      99.6%  █████████▉\n"
        "  1,476       3    832                   512                        0  9,952,320      99.5%  █████████▉\n"
        "  2,827       5  1,216                    64                      256  9,946,816      99.5%  █████████▉\n"
        "    997       2  1,280                   512                       64  9,893,504      98.9%  █████████▉\n"
        "\n"
        "DIR/speech.csv · DIR/speech.parquet · DIR/speech.manifest.json      0.0 s\n"
        "Next: sizer explain sweeps/speech.yaml --id 2909\n"
        "exit 0"
    )


def test_run_in_a_pipe_prints_a_plain_table(tmp_path: Path) -> None:
    done = run("run", SPEECH, "--out", str(tmp_path), "--top", "1")
    assert done.returncode == 0
    assert done.stdout == (
        "id\tlayers\tcells\trecurrent_projection\tnonrecurrent_projection\tweights\tof budget\n"
        "2909\t5\t1472\t128\t64\t9961664\t99.6%\n"
    )
    assert "1,834  kept" in done.stderr


def test_run_as_json_is_one_object(tmp_path: Path) -> None:
    done = run("run", SPEECH, "--out", str(tmp_path), "--json", "--budget", "1M,int8_bytes=900K")
    found = json.loads(done.stdout)
    assert done.stderr == ""
    assert found["configurations"] == 3100
    assert (
        found["kept"]
        + sum(found["excluded"].values())
        + sum(number for sides in found["outside_budget"].values() for number in sides.values())
        == 3100
    )
    assert found["largest"][0]["weights"] <= 900_000


def test_dry_run_says_how_large_the_tables_get(tmp_path: Path) -> None:
    done = run("run", SPEECH, "--dry-run", "--out", str(tmp_path / "none"))
    assert re.search(
        r"A run would write csv about \d\d\.\d kB · parquet about \d+\.\d kB; nothing was written", done.stderr
    )
    assert not (tmp_path / "none").exists()


def test_nothing_fits_is_said_and_is_no_failure(tmp_path: Path) -> None:
    done = run("run", SPEECH, "--out", str(tmp_path), "--budget", "1K")
    assert done.returncode == 0
    assert "No configuration fits." in done.stderr
    assert (
        "The smallest is id 4 (layers 1, cells 128, recurrent_projection 64, nonrecurrent_projection 0)"
        " with 63,488 weights.\n"
    ) in done.stderr


def test_faults_are_said_with_their_places_and_nothing_is_written(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text((ROOT / SPEECH).read_text().replace("from: 128", "from: 4096").replace("sak2014", "sak2104"))
    done = run("run", str(bad), "--out", str(tmp_path / "results"))
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert re.match(rf"{bad}:\d+:\d+: model.convention: .*did you mean 'sak2014'\?", lines[0])
    assert re.match(rf"{bad}:\d+:\d+: grid.cells.from: 4096 is above to, 2048", lines[1])
    assert lines[2] == "2 faults; nothing was counted"
    assert not (tmp_path / "results").exists()
    found = json.loads(run("validate", "--json", str(bad)).stdout)
    assert [fault["path"] for fault in found["faults"]] == ["model.convention", "grid.cells.from"]
    assert set(found["faults"][0]) == {"file", "line", "column", "path", "message"}


def test_a_terminal_shows_the_line_of_a_fault(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "sizer: 1\nname: x\nmodel: {convention: textbook, cell_type: lstm, inputs: 3, layers: 1}\ngrid: {cells: []}\n"
    )
    screen = on_terminal("validate", str(bad))
    assert "    4 | grid: {cells: []}\n      |               ^\n" in screen
    assert screen.endswith("exit 1")


def test_validate_says_when_there_is_nothing_to_say() -> None:
    done = run("validate", SPEECH, "sweeps/kaldi.yaml")
    assert done.returncode == 0
    assert done.stderr.startswith("sweeps/speech.yaml: 3,100 configurations, no faults\n")
    size = sizer.load_sweep(ROOT / SPEECH).size
    assert f"{SPEECH}: {size:,} configurations, no faults" in done.stderr
    assert json.loads(run("validate", "--json", SPEECH).stdout) == {
        "faults": [],
        "number": 0,
        "sweeps": [{"file": SPEECH, "configurations": size, "faults": 0}],
    }


def test_validate_counts_the_faults_that_it_does_not_list() -> None:
    many = "tests/sweeps/bad/more-than-a-hundred.yaml"
    done = run("validate", many, SPEECH)
    found = json.loads(run("validate", "--json", many, SPEECH).stdout)
    more = int(re.search(r"… and ([0-9,]+) more faults", done.stderr)[1].replace(",", ""))  # type: ignore[index]
    assert len(found["faults"]) == 101
    assert found["number"] == 100 + more
    assert [one["faults"] for one in found["sweeps"]] == [100 + more, 0]
    assert found["sweeps"][0]["configurations"] is None
    assert done.stderr.endswith(f"{100 + more:,} faults; the files were only checked\n")


@pytest.mark.parametrize("words", ["all", "default", " all "])
def test_words_for_columns_are_taken_on_the_command_line(words: str, tmp_path: Path) -> None:
    done = run("run", SPEECH, "--columns", words, "--format", "csv", "--out", str(tmp_path), "--budget", "100K")
    assert done.returncode == 0, done.stderr
    header = (tmp_path / "speech.csv").read_text().split("\n", 1)[0]
    assert header.split(",") == list(resolved_columns(words.strip(), sizer.load_sweep(ROOT / SPEECH)))


def test_words_for_columns_stand_alone() -> None:
    done = run("run", SPEECH, "--columns", "all,weights", "--dry-run")
    assert done.returncode == 1
    assert "--columns: 'all' must stand alone; it names every column" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "missing.yaml"), 1, "missing.yaml"),
        (("run", "."), 1, "folder"),
        (("rnu", SPEECH), 2, "did you mean 'run'?"),
        (("code", SPEECH, "--id", "3", "--to", "jax"), 2, "Invalid value for '--to': 'jax' is not one of"),
        (("run",), 2, "Missing argument"),
        (("run", SPEECH, "--budget", "10X"), 1, "--budget"),
        (("run", SPEECH, "--where", "cells >"), 1, "--where"),
        (("run", SPEECH, "--format", "ods"), 1, "ods"),
        (("run", SPEECH, "--columns", "wieghts"), 1, "did you mean 'weights'?"),
        (("explain", "--cells", "0", "--layers", "1", "--inputs", "3"), 1, "--cells: 0 is below the minimum, 1"),
        (("explain", "--layers", "1", "--inputs", "3"), 1, "--cells: is missing"),
        (("explain", SPEECH), 1, "has no blocks; a configuration of a sweep is named by --id"),
        (("explain", SPEECH, "--id", "5000"), 1, "the ids go from 0 to 3099"),
        (("explain", SPEECH, "--id", "5", "--cells", "3"), 2, "either a sweep file"),
        (
            ("compare", "--inputs", "3", "--layers", "1", "--cells", "4", "--cell-type", "lsmt"),
            1,
            "did you mean 'lstm'?",
        ),
        (("run", SPEECH, "--out", "/proc/none"), 3, "/proc/none"),
        (("schema", "--out", "/proc/none/x"), 3, "/proc/none"),
    ],
)
def test_exit_codes_and_what_is_said(arguments: tuple[str, ...], code: int, said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_explain_on_a_terminal() -> None:
    assert on_terminal("explain", "--layers", "3", "--cells", "1024", "--inputs", "39", "--outputs", "34") == (
        "textbook · lstm · 39 -> 3 x 1,024 -> 34 · no biases, no peepholes\n"
        "\n"
        "                       shape                 each      in all   share\n"
        "  layer 1                                           4,354,048   20.6%\n"
        "    input_weights      4 x 1024 x 39      159,744     159,744    0.8%\n"
        "    recurrent_weights  4 x 1024 x 1024  4,194,304   4,194,304   19.8%\n"
        "  layers 2-3, each                                 16,777,216   79.3%\n"
        "    input_weights      4 x 1024 x 1024  4,194,304   8,388,608   39.6%\n"
        "    recurrent_weights  4 x 1024 x 1024  4,194,304   8,388,608   39.6%\n"
        "  output\n"
        "    output_weights     1024 x 34           34,816      34,816    0.2%\n"
        "  weights              21.2M                       21,166,080  100.0%\n"
        "\n"
        "4*cells*(inputs + cells) + 2 * 4*cells*(cells + cells) + cells*outputs\n"
        "21,166,080 MACs per step · 6,144 values of state · 84.7 MB as float32\n"
        "exit 0"
    )


def test_explain_a_list_of_widths_and_a_row_of_a_sweep() -> None:
    fields = (
        "--convention",
        "pytorch",
        "--vocabulary",
        "10K",
        "--embedding",
        "400",
        "--tied-embedding",
        "--outputs",
        "10K",
    )
    found = json.loads(run("explain", *fields, "--cells", "1150,1150,400", "--json").stdout)
    assert found["weights"] == 24_221_600
    assert found["configuration"]["layers"] == 3
    found = json.loads(run("explain", SPEECH, "--id", "2909", "--json").stdout)
    assert found["weights"] == 9_961_664
    table = run("explain", SPEECH, "--id", "2909").stdout.splitlines()
    assert table[0] == "section\ttimes\ttensor\tshape\tweights\tweights_in_all\tshare\tmacs_in_all"
    assert sum(int(line.split("\t")[5]) for line in table[1 : table.index("")]) == 9_961_664


def test_compare_as_in_the_four_toolkit_example() -> None:
    fields = ("--inputs", "80", "--layers", "3", "--cells", "1024", "--recurrent-projection", "256")
    done = run("compare", *fields)
    rows = dict(line.split("\t")[:2] for line in done.stdout.splitlines()[1:])
    assert rows["tensorflow1"] == "6369280"
    assert rows["kaldi_nnet1"] == "6378496"
    assert rows["pytorch"] == "6381568"
    assert rows["keras"] == ""
    assert "keras has no projections" in done.stdout
    screen = on_terminal("compare", *fields, columns="200")
    assert re.search(
        r"kaldi_nnet3 +- +kaldi_nnet3 needs a nonrecurrent_projection beside a recurrent_projection", screen
    )
    assert re.search(r"pytorch +6,381,568 +\+24,576  bias\n", screen)


def test_conventions_and_schema_are_printed(tmp_path: Path) -> None:
    found = json.loads(run("conventions", "--json").stdout)
    assert len(found["conventions"]) == 10
    kaldi = next(one for one in found["conventions"] if one["convention"] == "kaldi_nnet1")
    assert kaldi["bias_vectors"] == {"lstm": 1}
    assert kaldi["refused"] == [
        "kaldi_nnet1 always has peepholes",
        "kaldi_nnet1 needs a recurrent_projection",
        "kaldi_nnet1 has no nonrecurrent_projection",
    ]
    assert "kaldi_nnet1 needs a recurrent_projection" not in run("conventions").stdout
    assert "  kaldi_nnet1       needs a recurrent_projection; " in on_terminal("conventions")
    run("schema", "--out", str(tmp_path / "s.json"))
    assert json.loads((tmp_path / "s.json").read_text()) == json.loads((ROOT / "schemas/sweep.schema.json").read_text())


def test_init_writes_a_sweep_that_runs_and_never_replaces_one(tmp_path: Path) -> None:
    assert run("init", cwd=tmp_path).returncode == 0
    again = run("init", cwd=tmp_path)
    assert again.returncode == 1
    assert "exists already" in again.stderr
    done = run("run", "sweep.yaml", cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "results" / "starter.csv").exists()
    assert run("init", "--out", "-").stdout == (tmp_path / "sweep.yaml").read_text()
    assert run("init", "--force", cwd=tmp_path).returncode == 0


def test_a_reader_that_goes_away_is_no_fault() -> None:
    command = f"{sys.executable} -m sizer conventions | true"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_csv_streams_into_a_pipe(tmp_path: Path) -> None:
    done = run("run", SPEECH, "--out", "-", "--columns", "id,weights", "--keep", "3")
    assert done.stdout == "id,weights\n2909,9961664\n1673,9957184\n1476,9952320\n"
    assert "1,834  kept" in done.stderr
    assert "results/" not in done.stderr
    whole = run("run", str(ROOT / SPEECH), "--out", "-", "--csv-dialect", "tsv", cwd=tmp_path)
    run("run", str(ROOT / SPEECH), "--out", "tables", "--csv-dialect", "tsv", cwd=tmp_path)
    assert whole.stdout == (tmp_path / "tables" / "speech.tsv").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tables"]
    refused = run("run", SPEECH, "--out", "-", "--format", "csv,parquet", "--json", "--resume")
    assert refused.returncode == 1
    assert [fault["message"] for fault in json.loads(refused.stdout)["faults"]] == [
        "--json also prints on standard output; name a folder for the tables",
        "--workers, --resume and --cluster make parts in a folder; name one",
        "standard output takes CSV only; name a folder for other formats",
    ]


def test_a_pipe_that_is_closed_early_is_no_fault(tmp_path: Path) -> None:
    command = f"{sys.executable} -m sizer run {SPEECH} --out - --budget 1B | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("id,convention")
    assert "Traceback" not in done.stderr


def test_help_names_every_command_and_option() -> None:
    text = run("--help").stdout
    for command in ("run", "validate", "explain", "compare", "conventions", "schema", "init"):
        assert command in text
        examples = run(command, "--help").stdout
        assert examples.count(f"sizer {command}") >= 2, command
    assert run("--version").stdout == f"sizer {sizer.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["validate", SPEECH], ["explain", "--help"]])
def test_quick_commands_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['sizer', *{arguments!r}]\n"
        "from sizer.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('heavy:', sorted({'numpy', 'pandas', 'pyarrow', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_importing_the_library_is_light() -> None:
    code = "import sys, sizer; print(sorted({'numpy', 'pandas', 'typer', 'yaml', 'jsonschema'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_stopping_a_run_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped() -> None:
        with reporting.reported():
            raise KeyboardInterrupt

    with pytest.raises(Exception, match="3"):
        stopped()
    assert "stopped; the tables that were there are unchanged" in capsys.readouterr().err
