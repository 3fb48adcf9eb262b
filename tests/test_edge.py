"""Where output leaves the process: whole or a failure, and never a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import pytest

from sizer.cli import edge, main
from sizer.errors import Fault, InputError, RunError
from sizer.outlets import write_whole
from sizer.runs.run import run_sweep, stream_sweep
from sizer.sweepfile.load import load_sweep
from sizer.tables.stored.files import partial_path, pending_files

ROOT = Path(__file__).resolve().parent.parent
SPEECH = str(ROOT / "sweeps" / "speech.yaml")
FULL = "sizer: standard output: No space left on device; what was written there is incomplete\n"
CLOSED = "sizer: standard output is closed, so nothing can be written to it\n"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("table")
    run_sweep(load_sweep(SPEECH), folder, formats=["parquet"])
    return str(folder / "speech.parquet")


COMMANDS = (
    "--help",
    "--version",
    "run SPEECH --out -",
    "run SPEECH --out - --gzip",
    "run SPEECH --out results",
    "run SPEECH --dry-run --json",
    "run missing.yaml --json",
    "validate --json SPEECH",
    "schema",
    "init --out -",
    "query TABLE",
    "query TABLE --format csv",
    "query TABLE --format parquet",
    "query TABLE --format json",
    "query TABLE --format markdown",
    "query TABLE --json",
    "export TABLE --to jsonl",
    "explain --cells 8 --layers 1 --inputs 3",
    "compare --cells 8 --layers 1 --inputs 3",
    "fit --budget 10M --vary cells --layers 1 --inputs 3 --json",
    "conventions",
    "code --cells 8 --layers 1 --inputs 3 --outputs 2 --convention keras --to keras",
)
"""Every command that writes on standard output, in every form."""

QUICKLY = {"--version", "run SPEECH --out -", "validate --json SPEECH", "query TABLE --format parquet", "conventions"}
"""Those that are tried in a quick run: one of each way to write."""


class Disk(io.RawIOBase):
    """A stream of bytes without a buffer that takes so many and is full then, as a disk is."""

    def __init__(self, room: int, most: int = 4096) -> None:
        self.room = room
        self.most = most
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        number = min(len(data), self.room - len(self.taken), self.most)
        if not number:
            raise OSError(28, "No space left on device")
        self.taken += bytes(data)[:number]
        return number


@contextlib.contextmanager
def streams(output: Any) -> Iterator[io.StringIO]:
    """Put a stream in the place of standard output; give what is said on standard error."""
    said = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(said):
        yield said


def written_on(stream: io.RawIOBase, line: str, table: str, buffered: bool) -> tuple[object, str]:
    """Run a command with a stream as standard output; return its exit code and what it said."""
    words = [{"SPEECH": SPEECH, "TABLE": table}.get(word, word) for word in line.split()]
    below: Any = io.BufferedWriter(stream) if buffered else stream
    with streams(io.TextIOWrapper(below, "utf-8", write_through=not buffered)) as said:
        with pytest.raises(SystemExit) as ended:
            main(words)
        return ended.value.code or 0, said.getvalue()


@pytest.mark.parametrize("buffered", [False, True])
@pytest.mark.parametrize(
    "line", [line if line in QUICKLY else pytest.param(line, marks=pytest.mark.thorough) for line in COMMANDS]
)
def test_output_is_whole_or_a_failure_for_every_command(
    line: str, buffered: bool, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = Disk(10**9, 1000)
    code, _ = written_on(whole, line, table, buffered)
    assert code == (1 if "missing" in line else 0)
    again = Disk(10**9, 10**9)
    written_on(again, line, table, buffered)
    rooms = [0, len(whole.taken) // 2]
    if "run SPEECH --dry-run" not in line:  # which says how long it took, in more digits or fewer
        assert whole.taken == again.taken
        rooms.append(len(whole.taken) - 1)
    for room in rooms:
        disk = Disk(room)
        code, said = written_on(disk, line, table, buffered)
        assert (code, said.splitlines(keepends=True)[-1]) == (3, FULL)
        assert len(disk.taken) == room


@pytest.mark.process
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_device_that_is_full_is_said(unbuffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = process(["run", SPEECH, "--out", "-"], stdout=full, PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr.splitlines(keepends=True)[-1]) == (3, FULL)


@pytest.mark.process
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_file_that_may_not_grow_is_said(unbuffered: str, tmp_path: Path) -> None:
    limit = 10_000
    with (tmp_path / "out.csv").open("wb") as file:
        done = process(
            ["run", SPEECH, "--out", "-"],
            stdout=file,
            preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
            PYTHONUNBUFFERED=unbuffered,
        )
    assert done.returncode == 3
    assert done.stderr.endswith("sizer: standard output: File too large; what was written there is incomplete\n")
    assert (tmp_path / "out.csv").stat().st_size == limit


def test_a_file_that_does_not_reach_the_disk_does_not_appear(
    table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sizer.tables.stored.files.sync", full)
    for words in (["query", table], ["export", table, "--to", "jsonl"]):
        with streams(io.StringIO()) as said, pytest.raises(SystemExit) as ended:
            main([*words, "--out", str(tmp_path / "file.csv")])
        unchanged = "No space left on device; the tables that were there are unchanged\n"
        assert (ended.value.code, said.getvalue()) == (3, f"sizer: {tmp_path}: {unchanged}")
    assert not list(tmp_path.iterdir())


@pytest.mark.process
@pytest.mark.parametrize(
    "line", ["query TABLE --out FILE.csv", "query TABLE --out FILE.xlsx", "export TABLE --to jsonl --out FILE.jsonl"]
)
def test_a_file_that_could_not_be_written_whole_does_not_appear(line: str, table: str, tmp_path: Path) -> None:
    words = [word.replace("TABLE", table).replace("FILE", str(tmp_path / "file")) for word in line.split()]
    done = process(words, preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)))
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "File too large; the tables that were there are unchanged\n" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.process
def test_a_disk_that_is_full_or_may_not_be_written_is_said(table: str, tmp_path: Path) -> None:
    disk, other = tmp_path / "disk", tmp_path / "other"
    disk.mkdir()
    other.mkdir()
    sizer = f"{sys.executable} -m sizer"

    def on(options: str, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command where a disk of its own is mounted, which nobody else sees."""
        mounted = f"mount -t tmpfs -o {options} sizer {disk} || exit 99; {command}"
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounted],
            capture_output=True,
            text=True,
            env={**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            check=False,
        )

    try:
        done = on("ro", f"{sizer} report {table} --out {disk}/x.html")
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if done.returncode in {1, 99} and "sizer:" not in done.stderr:
        pytest.skip(f"nothing is mounted here: {done.stderr}")
    assert done.returncode == 3
    assert done.stderr.endswith("Read-only file system; the tables that were there are unchanged\n")
    assert done.stderr.count("\n") == 1
    done = on("size=32k", f"{sizer} run {SPEECH} --out - > {disk}/out.csv")
    assert done.returncode == 3
    assert done.stderr.endswith(FULL)
    done = on("size=32k", f"{sizer} query {table} --out {disk}/out.csv; code=$?; ls -A {disk}; exit $code")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith("No space left on device; the tables that were there are unchanged\n")


@pytest.mark.process
def test_standard_output_that_is_closed_is_said_where_it_is_needed(tmp_path: Path) -> None:
    done = process(["conventions"], preexec=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (3, CLOSED)
    done = process(["schema", "--out", str(tmp_path / "schema.json")], preexec=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "schema.json").read_text())


@pytest.mark.process
def test_standard_error_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    sink = tmp_path / "out.csv"
    for closed in (True, False):
        with sink.open("wb") as file, Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "sizer", "run", SPEECH, "--out", "-", "--progress", "json"],
                stdout=file,
                stderr=full,
                preexec_fn=(lambda: os.close(2)) if closed else None,
                check=False,
            )
        assert done.returncode == 0
        assert sink.read_text().count("\n") == 1835
        assert "configurations" not in sink.read_text()


def test_streams_that_are_closed_full_or_read_by_nobody(tmp_path: Path) -> None:
    """As the tests of processes below ask it, within this one."""
    for words, code, last in (
        (["conventions"], 3, CLOSED),
        (["schema", "--out", str(tmp_path / "schema.json")], 0, ""),
    ):
        with streams(None) as said, pytest.raises(SystemExit) as ended:
            main(words)
        assert (ended.value.code or 0, said.getvalue()) == (code, last)
    assert json.loads((tmp_path / "schema.json").read_text())

    whole, full = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BufferedWriter(Disk(0)), "utf-8")
    with contextlib.redirect_stdout(whole), contextlib.redirect_stderr(full), pytest.raises(SystemExit) as ended:
        main(["run", SPEECH, "--out", "-", "--progress", "json"])
    assert not ended.value.code
    assert whole.buffer.getvalue().count(b"\n") == 1835

    class Gone(Disk):
        def write(self, data: Any) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    assert written_on(Gone(0), "run SPEECH --out -", "", True) == (0, "")


@pytest.mark.process
def test_a_reader_that_goes_away_ends_the_command_quietly(table: str) -> None:
    for words, unbuffered in ((f"query {table} --json", ""), (f"run {SPEECH} --out - --gzip", "1"), ("--help", "")):
        reading, writing = os.pipe()
        os.close(reading)
        done = process(words.split(), stdout=writing, PYTHONUNBUFFERED=unbuffered)
        os.close(writing)
        assert done.returncode == 0
        assert "rror" not in done.stderr


def process(
    words: list[str], stdout: Any = subprocess.PIPE, preexec: Callable[[], object] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sizer", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1", **variables},
        preexec_fn=preexec,
        check=False,
    )


# What is below


def test_bytes_go_into_a_stream_whole() -> None:
    disk = Disk(100, 3)
    assert write_whole(disk, b"0123456789") == 10
    assert disk.taken == b"0123456789"
    with pytest.raises(OSError, match="No space left"):
        write_whole(disk, bytes(100))

    class Silent:
        def write(self, data: Any) -> None:
            """Take everything and say nothing."""

    assert write_whole(Silent(), b"12") == 2

    class Stubborn(Disk):
        def write(self, data: Any) -> int:
            return 0

    with pytest.raises(OSError, match="Input/output error"):
        write_whole(Stubborn(0), b"12")


def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    read = bytearray()

    def drain() -> None:
        while piece := os.read(reading, 65536):
            read.extend(piece)

    reader = threading.Thread(target=drain)
    with open(writing, "wb", buffering=0) as stream:  # noqa: PTH123
        reader.start()
        write_whole(stream, bytes(1 << 20))
    reader.join()
    os.close(reading)
    assert len(read) == 1 << 20


def test_a_stream_without_a_buffer_gets_every_row() -> None:
    whole, slow = io.BytesIO(), Disk(10**9, 1000)
    stream_sweep(load_sweep(SPEECH), whole)
    stream_sweep(load_sweep(SPEECH), cast("IO[bytes]", slow))
    assert bytes(slow.taken) == whole.getvalue()
    with pytest.raises((OSError, RunError), match="No space left"):
        stream_sweep(load_sweep(SPEECH), cast("IO[bytes]", Disk(50_000)))


@pytest.mark.parametrize(("encoding", "read_as"), [("utf-8", "utf-8"), ("ascii", "utf-8"), ("latin-1", "latin-1")])
def test_what_an_encoding_lacks_is_escaped_as_json_does(encoding: str, read_as: str) -> None:
    output = io.TextIOWrapper(io.BytesIO(), encoding)
    name = "é😀\udcff.yaml"
    with streams(output), pytest.raises(SystemExit):
        main(["validate", "--json", name])
    output.buffer.seek(0)
    assert json.loads(output.buffer.read().decode(read_as))["faults"][0]["file"] == name


# Files


def test_what_is_no_file_is_written_into_and_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    done = process(["schema", "--out", str(pipe)])
    reader.join(20)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(read[0])
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_that_is_full_stays_a_device(tmp_path: Path) -> None:
    full = tmp_path / "full"
    try:
        os.mknod(full, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        full.open("wb").close()
    except OSError as problem:
        pytest.skip(f"no devices here: {problem}")
    done = process(["schema", "--out", str(full)])
    assert done.returncode == 3
    assert done.stderr == f"sizer: {tmp_path}: No space left on device; the tables that were there are unchanged\n"
    assert stat.S_ISCHR(full.stat().st_mode)


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    real, link = tmp_path / "there" / "schema.json", tmp_path / "link.json"
    real.write_text("old")
    link.symlink_to(real)
    assert process(["schema", "--out", str(link)]).returncode == 0
    assert link.is_symlink()
    assert json.loads(real.read_text())


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 250 + ".yaml")
    assert len(partial_path(path).name) < 255
    with pending_files(tmp_path) as pending:
        pending.add(path).write_text("whole")
        pending.commit()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("", "--out: is empty; name a file"),
        (" ", "--out: is empty; name a file"),
        ("a" * 256, f"--out: '{'a' * 79}…' is too long; a name has at most 255 bytes"),
        ("a/" * 2048 + "b", f"--out: '{'a/' * 39}a…' is too long; a path has less than 4,096 bytes"),
        ("a\0b", r"--out: 'a\x00b' holds a zero byte, which no name does"),
        (".", "--out: '.' is a folder; name a file within it"),
        ("..", "--out: '..' is a folder; name a file within it"),
    ],
)
def test_what_is_no_name_of_a_file_is_a_fault(out: str, said: str, table: str) -> None:
    for words in (["init"], ["schema"], ["query", table], ["plot", table], ["report", table]):
        with streams(io.StringIO()) as errors, pytest.raises(SystemExit) as ended:
            main([*words, "--out", out])
        assert ended.value.code == 1
        assert errors.getvalue().splitlines()[0] == said
    if out.strip() and not Path(out[:50]).is_dir():
        return
    with streams(io.StringIO()) as errors, pytest.raises(SystemExit) as ended:
        main(["run", SPEECH, "--dry-run", "--out", out])
    assert ended.value.code == (0 if out.strip() else 1)


# What nobody caught


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (
            KeyError("weights"),
            3,
            "sizer: this is a bug in Sizer (KeyError: 'weights'); please report it to the project that this copy is"
            " from, with the command, the output of `sizer --version`, and what the command prints with SIZER_TRACEBACK=1\n",
        ),
        (OSError(28, "No space left on device", "a.csv"), 3, "sizer: a.csv: No space left on device\n"),
        (OSError("gone\naway"), 3, "sizer: OSError: gone away\n"),
        (MemoryError(), 3, "sizer: there is not enough memory for this\n"),
        (KeyboardInterrupt(), 3, "sizer: stopped; the tables that were there are unchanged\n"),
        (RunError("the disk is full"), 3, "sizer: the disk is full\n"),
        (InputError([Fault("a.yaml", 1, 2, "grid", "is empty")]), 1, "sizer: a.yaml:1:2: grid: is empty\n"),
        (SystemExit(4), 4, ""),
        (edge.ReaderGoneError(), 0, ""),
    ],
)
def test_what_nobody_caught_is_a_line(
    problem: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command() -> None:
        raise problem

    monkeypatch.delenv("SIZER_TRACEBACK", raising=False)
    with streams(io.StringIO()) as errors, pytest.raises(SystemExit) as ended:
        edge.run(command)
    assert ((ended.value.code or 0), errors.getvalue()) == (code, said)
    monkeypatch.setenv("SIZER_TRACEBACK", "1")
    with streams(io.StringIO()) as errors, pytest.raises(SystemExit):
        edge.run(command)
    shown = isinstance(problem, (KeyError, OSError, MemoryError))
    assert ("Traceback (most recent call last)" in errors.getvalue()) is shown
    assert errors.getvalue().endswith(said)
