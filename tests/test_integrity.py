"""Tables are what their manifests say, or a fault: files, folders of parts, tables of other runs, the work folder."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from typer.testing import CliRunner, Result

import sizer
from sizer.cli.app import app
from sizer.errors import InputError, RunError
from sizer.runs import parts, workers
from sizer.runs.run import run_sweep
from sizer.sweepfile.load import parse_sweep
from sizer.tables.asked.results import open_results
from sizer.tables.stored import files
from sizer.tables.stored.files import read_digest
from sizer.tables.stored.integrity import manifest_in, sealed, unsealed

SWEEP = parse_sweep(
    "{sizer: 1, name: speech, model: {convention: sak2014, cell_type: lstm, inputs: 39, outputs: 34},"
    " grid: {layers: [1, 2, 3], cells: {from: 8, to: 1600, step: 8}}, budget: {weights: {max: 10M}},"
    " output: {formats: [csv, parquet]}}",
    "speech.yaml",
)
ANEW = "sizer run SWEEP --resume, with the options of that run, makes it again"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART", 100)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run_sweep(SWEEP, tmp_path)
    return tmp_path


@pytest.fixture
def in_parts(tmp_path: Path) -> Path:
    run_sweep(SWEEP, tmp_path, workers=1)
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flip(path: Path, place: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


def told(path: Path) -> list[str]:
    """Return what is wrong with a result, without its name."""
    with pytest.raises(InputError) as caught:
        open_results(path)
    assert {fault.file for fault in caught.value.faults} == {str(path)}
    return [fault.message for fault in caught.value.faults]


def command(*words: str) -> Result:
    return CliRunner().invoke(app, words, prog_name="sizer")


# Files


@pytest.mark.parametrize("name", ["speech.csv", "speech.parquet", "speech.manifest.json"])
def test_a_flipped_bit_is_a_fault(run: Path, name: str) -> None:
    assert open_results(run / name).unverified == []
    flip(run / ("speech.csv" if name.endswith("csv") else "speech.parquet"), 900)
    said = f"is not what its run wrote: its SHA-256 is not that in speech.manifest.json; {ANEW}"
    assert told(run / name) == [said]


@pytest.mark.parametrize("name", ["speech.csv", "speech.parquet"])
def test_an_empty_file_and_a_cut_one_are_faults(run: Path, name: str) -> None:
    size = (run / name).stat().st_size
    for left in (0, size - 1):
        os.truncate(run / name, left)
        said = f"is not what its run wrote: {left:,} bytes, and speech.manifest.json says {size:,}; {ANEW}"
        assert told(run / name) == [said]
        run_sweep(SWEEP, run)


def test_a_digit_of_another_row_is_a_fault_of_every_command(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run)
    table = run / "speech.csv"
    table.write_bytes(table.read_bytes().replace(b",9983136\n", b",9983137\n").replace(b"1", b"2", 1))
    for words in (
        ("query", "speech.csv", "--top", "1"),
        ("plot", "speech.csv", "--out", "a.svg"),
        ("report", "speech.csv"),
        ("export", "speech.csv", "--to", "jsonl"),
    ):
        done = command(*words)
        assert (done.exit_code, done.stdout) == (1, ""), done
        assert "speech.csv: is not what its run wrote: its SHA-256 is not that in speech.manifest.json" in done.stderr
    assert sorted(path.name for path in run.iterdir()) == ["speech.csv", "speech.manifest.json", "speech.parquet"]


def test_a_table_without_a_manifest_is_read_and_said_to_be_unverified(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run)
    (run / "speech.manifest.json").unlink()
    for name in ("speech.csv", "speech.parquet"):
        assert open_results(run / name).unverified == [str(run / name)]
        done = command("query", name, "--top", "1")
        assert done.exit_code == 0
        assert done.stderr == f"{name} has no manifest next to it, so it is not checked\n"
    done = command("query", "speech.csv", "--top", "1", "--json")
    assert len(json.loads(done.stdout)["rows"]) == 1


def test_a_damaged_manifest_is_a_fault(run: Path) -> None:
    manifest = run / "speech.manifest.json"
    whole = manifest.read_bytes()
    assert manifest_in(whole) is not None
    kept = whole.index(b'"kept": ') + 9
    for data in (
        whole[:kept] + bytes([whole[kept] ^ 1]) + whole[kept + 1 :],
        whole[:-40],
        b"",
        b"[" * 100_000,
        b'{"files": {}}',
        b"\xff",
    ):
        manifest.write_bytes(data)
        assert manifest_in(data) is None
        for name in ("speech.csv", "speech.parquet"):
            (message,) = told(run / name)
            assert message.startswith("speech.manifest.json beside it is not the manifest of a run, or is damaged; ")
        assert told(manifest) == [
            "is not the manifest of a run, or is damaged; sizer run makes the tables and the manifest again"
        ]
    run_sweep(SWEEP, run, resume=True)
    assert open_results(manifest).unverified == []


def test_a_manifest_of_an_earlier_version_is_taken_at_its_word(run: Path) -> None:
    manifest = run / "speech.manifest.json"
    said = json.loads(manifest.read_text())
    del said["bytes"], said["manifest_sha256"]
    manifest.write_text(json.dumps(said))
    assert open_results(run / "speech.csv").unverified == []
    assert run_sweep(SWEEP, run, resume=True).was_finished
    flip(run / "speech.csv", 2000)
    assert "its SHA-256 is not that in speech.manifest.json" in told(run / "speech.csv")[0]


def test_a_manifest_leads_nowhere_else(run: Path, tmp_path: Path) -> None:
    manifest = run / "speech.manifest.json"
    said = {key: value for key, value in json.loads(manifest.read_text()).items() if key != "manifest_sha256"}
    outside = tmp_path / "elsewhere.csv"
    outside.write_text("id,weights\n1,2\n")
    for name in ("elsewhere.csv", str(outside), "../elsewhere.csv", "speech.parquet/../elsewhere.csv"):
        said["files"] = {name: read_digest(outside).sha256}
        manifest.write_bytes(sealed(said))
        with pytest.raises(InputError):
            open_results(manifest)
        run_sweep(SWEEP, run, formats=["csv"])
        assert outside.exists()


def test_what_was_read_once_is_not_read_again_unless_it_was_touched(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, read = run / "speech.csv", []
    long_ago = table.stat().st_mtime_ns - 10**12
    os.utime(table, ns=(long_ago, long_ago))
    monkeypatch.setattr(files, "_SETTLED_NANOSECONDS", -(10**12))
    whole = files.digest_of_stream

    def counted(stream: Any) -> files.Digest:
        read.append(stream.name)
        return whole(stream)

    monkeypatch.setattr(files, "digest_of_stream", counted)
    first = read_digest(table)
    assert (read_digest(table), len(read)) == (first, 1)
    flip(table, 100)
    os.utime(table, ns=(long_ago, long_ago))
    assert read_digest(table) != first


def test_what_was_written_a_moment_ago_is_read_again(tmp_path: Path) -> None:
    """The clock of a file system ticks some hundred times a second: within a tick nothing tells two versions apart."""
    path = tmp_path / "a"
    for number in range(50):
        path.write_text(f"{number % 10}")
        assert read_digest(path).sha256 == read_digest(path).sha256
        path.write_text(f"{(number + 1) % 10}")
        shutil.copy(path, tmp_path / "b")
        assert read_digest(path) == read_digest(tmp_path / "b")


def test_what_is_sealed_is_whole_or_nothing() -> None:
    said = {"a": [1, "ä", None, {"b": True}], "c": 2**70}
    data = sealed(said)
    assert unsealed(data) == said
    for place, bit in itertools.product(range(len(data)), range(8)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << bit
        assert unsealed(bytes(damaged)) in (None, said)


# Parts


def test_parts_that_are_missing_extra_or_there_twice_are_faults(in_parts: Path) -> None:
    table = in_parts / "speech.parquet"
    first, second = table / "part-00000.parquet", table / "part-00001.parquet"
    assert open_results(table).unverified == []
    for name in (".DS_Store", "._part-00000.parquet", ".nfs000000000000001", "_SUCCESS"):
        (table / name).write_bytes(b"\0")
    assert len(sizer.query(table)) == len(run_sweep(SWEEP, in_parts / "other").frame())
    for extra in ("part-00099.parquet", "part-00000 (1).parquet", "copy.parquet"):
        shutil.copy(first, table / extra)
        assert told(table) == [f"{extra} is not one of the run's parts by speech.manifest.json; remove it"]
        (table / extra).unlink()
    whole = second.read_bytes()
    shutil.copy(first, second)
    assert [message.split(":")[0] for message in told(table)] == ["part-00001.parquet is not what its run wrote"]
    assert told(in_parts / "speech.manifest.json") == told(table)
    assert told(second) == told(table)
    second.unlink()
    assert told(table) == [f"part-00001.parquet is missing, and speech.manifest.json names it; {ANEW}"]
    assert told(in_parts / "speech.manifest.json") == told(table)
    second.write_bytes(whole)
    assert open_results([table, first, in_parts / "speech.csv"]).unverified == []


def test_parts_without_a_manifest_say_their_numbers(in_parts: Path, tmp_path: Path) -> None:
    table = in_parts / "speech.parquet"
    (in_parts / "speech.manifest.json").unlink()
    count = len(list(table.iterdir()))
    assert open_results(table).unverified == [str(table)]
    shutil.copy(table / "part-00000.parquet", table / "part-00001.parquet")
    assert told(table) == ["part 0 is there twice"]
    (table / "part-00001.parquet").unlink()
    assert told(table) == [f"1 of {count} parts is missing"]
    (table / "part-00002.parquet").unlink()
    assert told(table) == [f"2 of {count} parts are missing"]
    rows = pyarrow.parquet.read_table(table / "part-00000.parquet")
    pa.parquet.write_table(rows.replace_schema_metadata(None), table / "part-00009.parquet")
    assert told(table) == ["holds parts of several tables"]


# Resuming


@pytest.mark.parametrize("workers", [None, 1])
def test_resume_makes_a_finished_run_anew_that_is_damaged(tmp_path: Path, workers: int | None) -> None:
    run_sweep(SWEEP, tmp_path, workers=workers)
    expected = content(tmp_path)
    for name in sorted(expected):
        flip(tmp_path / name, len(expected[name]) // 2)
        done = run_sweep(SWEEP, tmp_path, resume=True)
        assert not done.was_finished
        if not name.endswith(".json"):
            assert done.remade == (str(tmp_path / name),)
            assert content(tmp_path) == expected
        elif workers is None:
            # Nothing says any more how the tables were written; a run that resumes writes parts.
            run_sweep(SWEEP, tmp_path)
        assert content(tmp_path) == expected
        assert run_sweep(SWEEP, tmp_path, resume=True).was_finished


def test_resume_says_what_it_made_anew(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run)
    text = SWEEP.text
    (run / "speech.yaml").write_text(text)
    assert command("run", "speech.yaml", "--out", ".").exit_code == 0
    flip(run / "speech.csv", 1000)
    done = command("run", "speech.yaml", "--out", ".", "--resume")
    assert " written again, because they did not match the manifest: speech.csv\n" in done.stderr
    done = command("run", "speech.yaml", "--out", ".", "--resume")
    assert "are already finished; nothing was done" in done.stderr


def stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stop a run when its parts and its CSV table are whole; return its work folder."""

    def failing(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("sizer.runs.work.Work.commit", failing)
        with pytest.raises(RunError, match="--resume, with the same options, continues"):
            run_sweep(SWEEP, folder, workers=1)
    return folder / ".speech.run"


def test_what_differs_in_the_work_folder_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_sweep(SWEEP, tmp_path / "whole", workers=1)
    expected = content(tmp_path / "whole")
    work = stopped(tmp_path / "out", monkeypatch)
    shutil.copytree(tmp_path / "out", tmp_path / "stopped")
    assert run_sweep(SWEEP, tmp_path / "out", resume=True).remade == ()
    names = list(content(tmp_path / "stopped"))
    assert not [name for name in names if name.endswith((".csv", ".parquet"))]
    for name in names:
        shutil.rmtree(tmp_path / "out")
        shutil.copytree(tmp_path / "stopped", tmp_path / "out")
        flip(tmp_path / "out" / name, (tmp_path / "out" / name).stat().st_size // 2)
        done = run_sweep(SWEEP, tmp_path / "out", resume=True)
        assert content(tmp_path / "out") == expected, name
        if name.endswith("00002.whole"):
            assert (done.remade, done.resumed) == (("part 2",), len(list((tmp_path / "stopped").rglob("0*.whole"))) - 1)
        if name.endswith("csv.whole"):
            assert done.remade == ("speech.csv",)
    assert not work.exists()


def test_stray_files_in_the_work_folder_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_sweep(SWEEP, tmp_path / "whole", workers=1)
    work = stopped(tmp_path / "out", monkeypatch)
    (folder,) = work.glob("parts-*")
    for place in (work, folder):
        for name in (".DS_Store", ".nfs0001", "x.whole", "1.whole", "-1.whole", "\u0662.whole", "Thumbs.db"):
            (place / name).write_bytes(b"\0\1")
    (folder / "00003.whole").unlink()
    (folder / "00003.whole").mkdir()
    (work / "parts-").write_bytes(b"")
    assert run_sweep(SWEEP, tmp_path / "out", resume=True).resumed == 5
    assert content(tmp_path / "out") == content(tmp_path / "whole")


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"files": 3}', b'{"files": {"../a": "b"}, "sizer": "1"}', b"\xff"]
)
def test_a_damaged_decision_is_taken_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    run_sweep(SWEEP, tmp_path / "whole", workers=1)
    work = stopped(tmp_path / "out", monkeypatch)
    (work / "manifest.whole").write_bytes(data)
    assert run_sweep(SWEEP, tmp_path / "out", resume=True).resumed > 3
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_part_that_is_damaged_while_the_others_are_made_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages carry checksums: what is made from the parts is not made from a damaged one."""
    write = parts.write_part

    def damaging(job: parts.TableJob, part: int, folder: Any) -> parts.WrittenPart:
        written = write(job, part, folder)
        if part == 2:
            (path,) = (tmp_path / "out").rglob("00002.whole")
            flip(path, 200)
        return written

    with monkeypatch.context() as patch:
        patch.setattr(workers, "write_part", damaging)
        with pytest.raises(RunError, match="--resume, with the same options, continues"):
            run_sweep(SWEEP, tmp_path / "out", workers=1)
    assert run_sweep(SWEEP, tmp_path / "out", resume=True).remade == ("part 2",)
    run_sweep(SWEEP, tmp_path / "whole", workers=1)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


# What is in the way


def planted_folder(out: Path, elsewhere: Path) -> str:
    (out / "speech.csv").mkdir(parents=True)
    shutil.copy(elsewhere / "mine.txt", out / "speech.csv")
    return r"speech\.csv is a folder, where the table would go; move it away"


def planted_parts(out: Path, elsewhere: Path) -> str:
    (out / "speech.parquet").mkdir(parents=True)
    shutil.copy(elsewhere / "mine.txt", out / "speech.parquet")
    return r"speech\.parquet is a folder with mine\.txt in it, where the table would go"


def planted_manifest(out: Path, elsewhere: Path) -> str:
    (out / "speech.manifest.json").mkdir(parents=True)
    shutil.copy(elsewhere / "mine.txt", out / "speech.manifest.json")
    return r"speech\.manifest\.json is a folder"


def linked(name: str, target: str = "") -> Callable[[Path, Path], str]:
    def plant(out: Path, elsewhere: Path) -> str:
        out.mkdir(exist_ok=True)
        (out / name).symlink_to(elsewhere / target)
        return f"{name} is a (symbolic link|folder)"

    return plant


def planted_file(out: Path, elsewhere: Path) -> str:
    out.mkdir(exist_ok=True)
    shutil.copy(elsewhere / "mine.txt", out / ".speech.run")
    return r"\.speech\.run is not a folder"


@pytest.mark.parametrize("options", [{}, {"workers": 1}, {"resume": True}])
@pytest.mark.parametrize(
    "plant",
    [
        planted_folder,
        planted_parts,
        planted_manifest,
        planted_file,
        linked(".speech.run"),
        linked(".speech.lock", "mine.txt"),
        linked("speech.csv"),
        linked("speech.parquet"),
    ],
    ids=["folder", "parts", "manifest", "file", "linked work", "linked lock", "linked csv", "linked parts"],
)
def test_what_is_in_the_way_is_refused_and_stays(
    tmp_path: Path, plant: Callable[[Path, Path], str], options: dict[str, Any]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.txt").write_text("mine")
    said = plant(tmp_path / "out", elsewhere)
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(RunError, match=said):
        run_sweep(SWEEP, tmp_path / "out", **options)
    after = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    assert {path: data for path, data in after.items() if ".speech." not in str(path) or path in before} == before
    assert (elsewhere / "mine.txt").read_text() == "mine"


# One run, one set of tables


@pytest.mark.parametrize("first", [None, 1])
@pytest.mark.parametrize("second", [None, 1])
def test_tables_of_the_run_before_go_with_its_manifest(tmp_path: Path, first: int | None, second: int | None) -> None:
    run_sweep(SWEEP, tmp_path, workers=first, formats=["csv", "parquet", "xlsx"])
    run_sweep(SWEEP, tmp_path, workers=second, formats=["csv"], budget="1M")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["speech.csv", "speech.manifest.json"]
    run_sweep(SWEEP, tmp_path, workers=second, formats=["csv"], gzip=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["speech.csv.gz", "speech.manifest.json"]
    run_sweep(SWEEP, tmp_path, workers=second, formats=["parquet"], where=["cells > 800"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["speech.manifest.json", "speech.parquet"]


def test_what_the_run_before_did_not_write_stays_and_is_refused_as_stale(run: Path) -> None:
    (run / "speech.tsv").write_text("id\tweights\n1\t2\n")
    flip(run / "speech.csv", 50)
    mine = (run / "speech.csv").read_bytes()
    run_sweep(SWEEP, run, formats=["parquet"])
    assert (run / "speech.csv").read_bytes() == mine
    for name in ("speech.csv", "speech.tsv"):
        assert told(run / name) == [
            "is not of the run that speech.manifest.json is of, which wrote speech.parquet: it may be left from another"
            " run; remove it, or run the sweep with its format; a copy in another folder is read without a check"
        ]
    shutil.copy(run / "speech.tsv", run / "mine.tsv")
    assert open_results(run / "mine.tsv").unverified == [str(run / "mine.tsv")]


def test_a_folder_of_parts_that_holds_more_stays_with_it(in_parts: Path) -> None:
    (in_parts / "speech.parquet" / "mine.txt").write_text("mine")
    run_sweep(SWEEP, in_parts, workers=1, formats=["csv"])
    assert [path.name for path in (in_parts / "speech.parquet").iterdir()] == ["mine.txt"]
    assert "which wrote speech.csv" in told(in_parts / "speech.parquet")[0]


def test_a_move_that_was_stopped_is_not_read_half(in_parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("sizer.runs.work.Work._remove_replaced", failing)
        with pytest.raises(RunError, match="No space left on device"):
            run_sweep(SWEEP, in_parts, workers=1, budget="1M")
    monkeypatch.setattr("sizer.tables.stored.integrity._MOVING_SECONDS", 0.1)
    for name in ("speech.csv", "speech.parquet", "speech.manifest.json"):
        assert told(in_parts / name) == [
            "a run is moving its tables into place, or was stopped while it did;"
            " sizer run SWEEP --resume goes on with it"
        ]
    run_sweep(SWEEP, in_parts, resume=True, budget="1M")
    assert sizer.query(in_parts / "speech.parquet").weights.max() <= 10**6
