"""Runs in parts: the same bytes whatever the workers, the kills, the resumes and what lay there before."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet
import pytest

from sizer.errors import InputError, RunError
from sizer.runs import parts, walk, workers
from sizer.runs.manifest import order
from sizer.runs.run import Run, run_sweep
from sizer.sweepfile.load import load_sweep, parse_sweep
from sizer.sweepfile.sweep import Sweep
from sizer.tables.stored.folders import open_folder
from sizer.tables.written.streams import Form
from tests.test_run import TOOLKITS

SPEECH = Path(__file__).resolve().parent.parent / "sweeps" / "speech.yaml"
ROUNDS = int(os.environ.get("SIZER_KILLS", "6"))
"""Kills per kill test; the make target `kill-storm` asks for many more."""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART", 500)
    monkeypatch.setattr(parts, "PART_KEPT", 200)


@pytest.fixture(scope="module")
def speech() -> Sweep:
    return load_sweep(SPEECH)


def content(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def uninterrupted(sweep: Sweep, folder: Path, **options: Any) -> dict[str, bytes]:
    run_sweep(sweep, folder, workers=1, **options)
    return content(folder)


def test_parts_hold_the_rows_of_a_file(speech: Sweep, tmp_path: Path) -> None:
    whole = run_sweep(speech, tmp_path / "whole")
    done = run_sweep(speech, tmp_path / "parts", workers=1)
    table = tmp_path / "parts" / "speech.parquet"
    assert sorted(path.name for path in table.iterdir()) == [f"part-{number:05}.parquet" for number in range(7)]
    assert (done.account, done.largest) == (whole.account, whole.largest)
    frame = whole.frame()
    pd.testing.assert_frame_equal(pd.read_parquet(table), frame)
    assert (tmp_path / "parts" / "speech.csv").read_bytes() == (tmp_path / "whole" / "speech.csv").read_bytes()
    rows = duckdb.execute(f"select count(*), sum(weights) from '{table}/*.parquet'").fetchone()
    assert rows == (len(frame), frame.weights.sum())
    manifest = json.loads((tmp_path / "parts" / "speech.manifest.json").read_text())
    assert list(manifest["files"]) == [
        "speech.csv",
        *(f"speech.parquet/part-{number:05}.parquet" for number in range(7)),
    ]
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == [
        "speech.csv",
        "speech.manifest.json",
        "speech.parquet",
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        *(
            pytest.param(options, marks=pytest.mark.process)
            for options in ({"keep": 1200, "sort": "weights"}, {"columns": ["cells"]}, {"budget": "1"})
        ),
    ],
)
def test_the_number_of_workers_changes_nothing(speech: Sweep, tmp_path: Path, options: dict[str, Any]) -> None:
    expected = uninterrupted(speech, tmp_path / "one", **options)
    done = run_sweep(speech, tmp_path / "three", workers=3, **options)
    assert content(tmp_path / "three") == expected
    assert [best["id"] for best in done.largest] == [
        best["id"] for best in run_sweep(speech, tmp_path / "file", **options).largest
    ]


def test_a_pruned_run_in_parts_equals_a_walked_one(
    speech: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = parse_sweep(
        "{sizer: 1, name: pruned, model: {convention: textbook, cell_type: lstm, inputs: 39},"
        " grid: [{layers: [1, 2], cells: {from: 1, to: 400, step: 1}, outputs: {from: 0, to: 20, step: 1}},"
        " {layers: [1], cells: {from: 100, to: 300, step: 2}, outputs: {from: 0, to: 19, step: 1}}],"
        " where: [outputs != 7], budget: {weights: {min: 10K, max: 400K}}, output: {columns: all}}"
    )
    walked = run_sweep(sweep, tmp_path / "walked")
    monkeypatch.setattr(walk, "LARGE", 100)
    monkeypatch.setattr(parts, "MOST_TO_DECIDE", 100)
    monkeypatch.setattr(parts, "SPARSE", 1)
    assert walk.is_pruned(sweep)
    done = run_sweep(sweep, tmp_path / "pruned", workers=2)
    assert len(list((tmp_path / "pruned" / "pruned.parquet").iterdir())) > 10
    assert (done.account, done.largest) == (walked.account, walked.largest)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "pruned" / "pruned.parquet"), walked.frame())


def test_a_file_replaces_a_folder_and_a_folder_a_file(speech: Sweep, tmp_path: Path) -> None:
    for number in range(4):
        run_sweep(speech, tmp_path, workers=1 if number % 2 else None, budget=f"{number + 5}M")
        assert (tmp_path / "speech.parquet").is_dir() == bool(number % 2)
        found = pd.read_parquet(tmp_path / "speech.parquet").weights.max()
        assert (number + 4) * 10**6 < found <= (number + 5) * 10**6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["speech.csv", "speech.manifest.json", "speech.parquet"]


def test_fewer_parts_leave_none_of_the_old_ones(speech: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_sweep(speech, tmp_path, workers=1)
    monkeypatch.setattr(parts, "PART", 2000)
    run_sweep(speech, tmp_path, workers=1)
    assert len(list((tmp_path / "speech.parquet").iterdir())) == 2


# Resuming


def stopped_after(number: int, sweep: Sweep, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    """Begin a run that fails once so many parts are whole."""
    write, made = parts.write_part, itertools.count()

    def failing(*arguments: Any) -> parts.WrittenPart:
        if next(made) == number:
            raise OSError(28, "No space left on device")
        return write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(workers, "write_part", failing)
        with pytest.raises(
            RunError, match="--resume, with the same options, continues from the parts that are complete"
        ):
            run_sweep(sweep, folder, workers=1, **options)


def test_resume_goes_on_with_the_parts_that_are_whole(
    speech: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = uninterrupted(speech, tmp_path / "whole")
    stopped_after(3, speech, tmp_path / "stopped", monkeypatch)
    assert [path.name for path in (tmp_path / "stopped").iterdir()] == [".speech.run"]
    done = run_sweep(speech, tmp_path / "stopped", resume=True)
    assert (done.resumed, done.was_finished) == (3, False)
    assert content(tmp_path / "stopped") == expected
    assert done.largest == run_sweep(speech, tmp_path / "file").largest


def test_resume_with_nothing_there_starts_afresh_and_then_does_nothing(speech: Sweep, tmp_path: Path) -> None:
    expected = uninterrupted(speech, tmp_path / "whole")
    first = run_sweep(speech, tmp_path / "new", resume=True)
    assert (first.resumed, first.was_finished) == (0, False)
    assert content(tmp_path / "new") == expected
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "new").rglob("*")}
    again = run_sweep(speech, tmp_path / "new", resume=True)
    assert again.was_finished
    assert again.account == first.account
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "new").rglob("*")} == before
    (tmp_path / "new" / "speech.csv").unlink()
    assert not run_sweep(speech, tmp_path / "new", resume=True).was_finished
    assert content(tmp_path / "new") == expected


def test_a_damaged_part_is_made_again(speech: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = uninterrupted(speech, tmp_path / "whole")
    stopped_after(4, speech, tmp_path / "stopped", monkeypatch)
    whole = sorted((tmp_path / "stopped" / ".speech.run").glob("parts-*/*"))
    whole[1].write_bytes(whole[1].read_bytes()[:-20])
    shutil.copy(whole[2], whole[3])
    (whole[0].parent / "00099.whole").write_bytes(b"")
    assert run_sweep(speech, tmp_path / "stopped", resume=True).resumed == 2
    assert content(tmp_path / "stopped") == expected


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (("to: 2048", "to: 1984"), {}, "grid.cells.to: 2048 before, 1984 now"),
        (("outputs: 34", "outputs: 35"), {}, "model.outputs: 34 before, 35 now"),
        (("layers: [1, 2, 3, 4, 5]", "layers: [1, 2]"), {}, "grid.layers: '1, 2, 3, 4, 5' before, '1, 2' now"),
        (("# both ends included", "# both"), {}, "the sweep's comments or layout, which are stored in the tables"),
        (("", ""), {"where": ["layers > 1"]}, "where: 'recurrent_projection"),
        (("", ""), {"budget": "9M"}, "budget: "),
        (("", ""), {"columns": ["id"]}, "columns: "),
        (("", ""), {"keep": 7}, "keep: not there before, 7 now"),
        (("", ""), {"parquet_encoding": "plain"}, "parquet_encoding: 'delta' before, 'plain' now"),
    ],
)
@pytest.mark.parametrize("finished", [False, True])
def test_what_changed_is_said_and_nothing_is_resumed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[str, str],
    options: dict[str, Any],
    said: str,
    finished: bool,
) -> None:
    text = SPEECH.read_text()
    if finished:
        run_sweep(parse_sweep(text), tmp_path, workers=1)
    else:
        stopped_after(2, parse_sweep(text), tmp_path, monkeypatch)
    before = content(tmp_path)
    changed = text.replace(*change)
    assert (changed == text) == bool(options)
    with pytest.raises(RunError, match="cannot be resumed: it was started differently") as problem:
        run_sweep(parse_sweep(changed, "speech.yaml"), tmp_path, resume=True, **options)
    assert said in str(problem.value)
    assert "sizer run speech.yaml without --resume starts from the beginning" in str(problem.value)
    ours = {".speech.run/holder.json"}
    assert {k: v for k, v in content(tmp_path).items() if k not in ours} == {
        k: v for k, v in before.items() if k not in ours
    }
    run_sweep(parse_sweep(changed, "speech.yaml"), tmp_path, workers=1, **options)
    assert not (tmp_path / ".speech.run").exists()


def test_an_unfinished_run_may_be_resumed_with_other_formats(
    speech: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_after(5, speech, tmp_path / "out", monkeypatch)
    assert run_sweep(speech, tmp_path / "out", resume=True, formats=["parquet"]).resumed == 5
    run_sweep(speech, tmp_path / "whole", workers=1, formats=["parquet"])
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    with pytest.raises(RunError, match="formats: 'parquet' before, 'csv, parquet' now"):
        run_sweep(speech, tmp_path / "out", resume=True)


# Kills

KILLED = """
import os, pathlib, shutil, signal, sys
from sizer.runs import parts
from sizer.runs.run import run_sweep
from sizer.sweepfile.load import load_sweep
parts.PART = 500
left = int(sys.argv[3])
def counted(function):
    def wrapped(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)
    return wrapped
for name in ("replace", "unlink", "mkdir", "write_bytes"):
    setattr(pathlib.Path, name, counted(getattr(pathlib.Path, name)))
os.fsync = counted(os.fsync)
shutil.rmtree = counted(shutil.rmtree)
run_sweep(load_sweep(sys.argv[1]), sys.argv[2], resume=True, workers=1)
print(-left)
"""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many steps on the disk a run takes."""
    folder = tmp_path_factory.mktemp("steps")
    run = [sys.executable, "-c", KILLED, str(SPEECH), str(folder), "0"]
    return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


@pytest.mark.process
@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_a_kill_at_any_step_on_the_disk_loses_nothing(
    speech: Sweep, tmp_path: Path, steps: int, round_number: int
) -> None:
    # The first ones are spread from the first step to the last; where there are more, each step has its turn.
    step = 1 + round_number * (steps - 1) // (ROUNDS - 1) if steps > ROUNDS else 1 + round_number % steps
    expected = uninterrupted(speech, tmp_path / "whole")
    folder = tmp_path / "killed"
    run_sweep(speech, folder, budget="1M")
    if step % 2:
        # What was there before is another finished run; otherwise nothing.
        shutil.rmtree(folder)
    else:
        (folder / "speech.manifest.json").unlink()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(SPEECH), str(folder), str(step)], check=False)
    assert killed.returncode == -signal.SIGKILL
    run_sweep(speech, folder, resume=True)
    assert content(folder) == expected


@pytest.mark.process
def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    """The command is killed at random moments with its workers at work, and resumed, until it is finished."""
    sweep = tmp_path / "storm.yaml"
    sweep.write_text(
        "{sizer: 1, name: storm, model: {convention: pytorch, cell_type: lstm, inputs: 39, outputs: 34},"
        " grid: {layers: [1, 2], cells: {from: 2000, to: 4000, step: 1}, recurrent_projection: {from: 1, to: 1050, step: 1}},"
        " where: [cells % 3 == 1], output: {formats: [csv, parquet]}}"
    )
    program = "import sys; from sizer.runs import parts; parts.PART = 100_000; sys.argv[0] = 'sizer'; from sizer.cli import main; main()"
    command = [sys.executable, "-c", program, "run", str(sweep), "--resume", "--workers", "2", "--progress", "none"]

    def started(out: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    began = time.monotonic()
    assert started(tmp_path / "whole").wait() == 0
    seconds = time.monotonic() - began
    chance = random.Random(20261124)
    out, kills, status = tmp_path / "killed", 0, 0
    for _ in range(max(1, ROUNDS // 2)):
        for attempt in itertools.count():
            process = started(out)
            try:
                # Later attempts live longer, so that each round comes to its end.
                status = process.wait(timeout=chance.uniform(0.3, 0.5 + attempt / 4) * seconds)
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
        assert status == 0
        assert content(out) == content(tmp_path / "whole")
        shutil.rmtree(out)
    assert kills


def test_a_worker_that_outlives_its_run_cannot_meddle_with_another(
    speech: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = order(speech, None, "-weights", Form("plain"))
    expected = uninterrupted(speech, tmp_path / "whole")
    late, _ = parts.plan(speech, other)
    write = parts.write_part

    def write_and_meddle(job: parts.TableJob, part: int, folder: Any) -> parts.WrittenPart:
        with pytest.raises(FileNotFoundError):
            write(late, part, folder)
        return write(job, part, folder)

    monkeypatch.setattr(workers, "write_part", write_and_meddle)
    run_sweep(speech, tmp_path / "new", workers=1)
    assert content(tmp_path / "new") == expected
    with pytest.raises(FileNotFoundError):
        write(late, 0, open_folder(tmp_path / "new"))
    assert content(tmp_path / "new") == expected


# The lock

HOLDING = """
import sys, time
from sizer.runs.work import opened_work
from sizer.tables.stored.folders import open_folder
from sizer.tables.written.streams import Form
with opened_work(open_folder(sys.argv[1]), "speech", "") as work:
    work.begin({})
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path / "out")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.process
@pytest.mark.parametrize("options", [{}, {"workers": 1}, {"resume": True}])
def test_a_second_run_is_refused_and_a_stale_lock_is_taken_over(
    speech: Sweep, tmp_path: Path, holder: subprocess.Popen[str], options: dict[str, Any]
) -> None:
    out = tmp_path / "out"
    before = content(out)
    with pytest.raises(
        RunError, match=rf"out/speech is being written by another run \(process {holder.pid} on .*\); wait"
    ):
        run_sweep(speech, out, **options)
    assert content(out) == before
    run_sweep(speech, out, budget="1M", dry_run=True)
    holder.kill()
    holder.wait()
    run_sweep(speech, out, **{**options, "resume": False})
    assert sorted(path.name for path in out.iterdir()) == ["speech.csv", "speech.manifest.json", "speech.parquet"]


# What the disk says


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (40 * 1024, 40 * 1024))
from sizer.cli import main
main()
"""


@pytest.mark.process
@pytest.mark.parametrize("options", [(), ("--workers", "1")])
def test_a_write_that_fails_keeps_the_last_good_tables(speech: Sweep, tmp_path: Path, options: tuple[str, ...]) -> None:
    run_sweep(speech, tmp_path, budget="1M")
    before = content(tmp_path)
    # No file may pass 40 KB: the system fails the write.
    command = [sys.executable, "-c", LIMITED, "run", str(SPEECH), "--out", str(tmp_path), "--budget", "9M", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "File too large; the tables that were there are unchanged" in done.stderr
    assert "Traceback" not in done.stderr
    after = content(tmp_path)
    assert {name: after[name] for name in before} == before
    if options:
        assert "--resume, with the same options, continues" in done.stderr
        run_sweep(speech, tmp_path, budget="9M", resume=True)
    else:
        assert after == before


@pytest.mark.process
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no small file system can be mounted here")
    try:
        for options in ((), ("--workers", "1")):
            command = [sys.executable, "-m", "sizer", "run", str(SPEECH), "--out", str(disk), *options]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 3
            assert "No space left on device; the tables that were there are unchanged" in done.stderr
            assert "Traceback" not in done.stderr
            assert not [path for path in disk.iterdir() if not path.name.startswith(".")]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path, speech: Sweep) -> None:
    if os.geteuid() == 0:
        # Root may write everywhere but in the kernel's own folders.
        with pytest.raises(RunError, match=r"/proc/1/sizer.*; the tables that were there are unchanged"):
            run_sweep(speech, "/proc/1/sizer", workers=1)
        return
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="Permission denied; the tables that were there are unchanged"):
        run_sweep(speech, tmp_path, workers=1)


def test_options_of_parts_are_checked(speech: Sweep, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="workers: 0 is below the minimum, 1"):
        run_sweep(speech, tmp_path, workers=0)
    with pytest.raises(InputError, match="workers: is for this machine, but a cluster has its own workers"):
        run_sweep(speech, tmp_path, workers=2, cluster="tcp://127.0.0.1:1")


def test_parts_say_what_they_hold(tmp_path: Path) -> None:
    done: Run = run_sweep(parse_sweep(TOOLKITS), tmp_path, workers=1, formats=["parquet"])
    found = pyarrow.parquet.read_metadata(tmp_path / "small.parquet" / "part-00000.parquet").metadata
    about = json.loads(found[b"sizer.part"])
    assert (about["part"], about["parts"]) == (0, 1)
    assert done.account is not None
    assert about["account"] == done.account.as_json()
    assert json.loads(found[b"sizer"])["sweep"] == TOOLKITS
