"""Runs on a real Dask cluster: a scheduler and workers as processes on loopback."""

from __future__ import annotations

import contextlib
import itertools
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="Dask is not installed")

from sizer.errors import RunError
from sizer.runs import cluster, parts
from sizer.runs.run import run_sweep
from sizer.runs.walk import Progress
from sizer.sweepfile.load import load_sweep, parse_sweep
from tests.test_runs_in_parts import SPEECH, content

pytestmark = pytest.mark.process

DENSE = (
    "{sizer: 1, name: dense, model: {convention: pytorch, cell_type: lstm, inputs: 39, outputs: 34},"
    " grid: {layers: [1, 2], cells: {from: 2000, to: 4000, step: 1}, recurrent_projection: {from: 1, to: 1050, step: 1}},"
    " where: [cells % 3 == 1], output: {formats: [csv, parquet]}}"
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = f"tcp://127.0.0.1:{port}"
    with process("dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show"):
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield place


@contextlib.contextmanager
def process(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a part of Dask's as a process, and end it."""
    command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        try:
            yield started
        finally:
            started.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.wait(10)
            started.kill()


def worker(address: str, folder: Path) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    options = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
    return process("dask_worker", address, *options, "--local-directory", str(folder))


def test_the_same_bytes_from_a_cluster_though_a_worker_is_killed(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART", 100_000)
    sweep = parse_sweep(DENSE)
    run_sweep(sweep, tmp_path / "local", workers=1)
    seen: list[Progress] = []
    with worker(address, tmp_path / "a") as first, worker(address, tmp_path / "b"):

        def on_progress(progress: Progress) -> None:
            seen.append(progress)
            if 0 < progress.decided < sweep.size and first.poll() is None:
                first.kill()

        done = run_sweep(sweep, tmp_path / "cluster", cluster=address, on_progress=on_progress)
        assert first.wait() == -9
        assert content(tmp_path / "cluster") == content(tmp_path / "local")
        assert done.account is not None
        assert done.account.decided == sweep.size
        decided = [progress.decided for progress in seen if not progress.writing]
        assert len(decided) == 44
        assert all(later > earlier for earlier, later in itertools.pairwise(decided))
        again = run_sweep(sweep, tmp_path / "cluster", cluster=address, resume=True)
        assert again.was_finished


def test_a_run_that_a_cluster_began_is_resumed_here_and_the_other_way_round(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART", 500)
    sweep = load_sweep(SPEECH)
    run_sweep(sweep, tmp_path / "whole", workers=1)

    class Stopped(BaseException):
        pass

    def stop(progress: Progress) -> None:
        if progress.decided > 1000:
            raise Stopped

    with worker(address, tmp_path / "a"):
        for first, second in ((address, None), (None, address)):
            out = tmp_path / f"from {'here' if first is None else 'there'}"
            with pytest.raises(Stopped):
                run_sweep(sweep, out, cluster=first, resume=True, on_progress=stop)
            time.sleep(0.5)  # a worker may be in the middle of a part
            done = run_sweep(sweep, out, cluster=second, resume=True)
            assert done.resumed >= 2
            assert content(out) == content(tmp_path / "whole")


def test_a_url_is_a_folder_too(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART", 500)
    sweep = load_sweep(SPEECH)
    run_sweep(sweep, tmp_path / "whole", workers=1)
    with worker(address, tmp_path / "a"):
        done = run_sweep(sweep, f"local://{tmp_path}/url", cluster=address)
    assert content(tmp_path / "url") == content(tmp_path / "whole")
    assert done.files[0] == f"local://{tmp_path}/url/speech.csv"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "something is listening there, but did not answer for 1 seconds"),
        (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", ""),
        (b"SSH-2.0-OpenSSH_9.6\r\n", ""),
        (bytes(64), ""),
        (b"\x08" + bytes(63), ""),
    ],
)
def test_a_listener_that_is_no_scheduler_is_said_in_time(
    said: bytes, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 1)
    calls: list[socket.socket] = []

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                call, _ = listener.accept()
                calls.append(call)
                call.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        answering = threading.Thread(target=answer)
        answering.start()
        place = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(RunError, match=rf"{place}: no Dask scheduler answers there \({why}"):
            run_sweep(load_sweep(SPEECH), tmp_path, cluster=place)
        # Dask's own client takes three times as long and more.
        assert time.monotonic() - begun < 3
        listener.shutdown(socket.SHUT_RDWR)
        answering.join()
    for call in calls:
        call.close()
    assert "Traceback" not in capfd.readouterr().err


def test_what_is_wrong_with_a_cluster_is_said(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 1)
    sweep = load_sweep(SPEECH)
    with pytest.raises(RunError, match=r"tcp://127\.0\.0\.1:9: no Dask scheduler answers there"):
        run_sweep(sweep, tmp_path, cluster="tcp://127.0.0.1:9")
    for nonsense in ("nonsense", "tcp://", "tcp://host", "tcp://host:port", "host:8786"):
        with pytest.raises(RunError, match="is not the address of a scheduler; one looks like tcp://host:8786"):
            run_sweep(sweep, tmp_path, cluster=nonsense)
    with pytest.raises(RunError, match="no Dask scheduler answers there"):
        run_sweep(sweep, tmp_path, cluster="tcp://127.0.0.1:99999")
    with pytest.raises(RunError, match=f"no worker has joined the scheduler; start one with: dask worker {address}"):
        run_sweep(sweep, tmp_path, cluster=address)
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 20)
    with worker(address, tmp_path / "a"):
        with monkeypatch.context() as patch:
            patch.setattr(cluster, "__version__", "9.9")
            with pytest.raises(RunError, match=r"and here is sizer 9\.9; every worker needs the same version"):
                run_sweep(sweep, tmp_path, cluster=address)
        with monkeypatch.context() as patch:
            patch.setattr(cluster, "RETRIES", 0)
            patch.setattr("sizer.runs.work.Work.begin", lambda *_: None)
            with pytest.raises(RunError, match="is not shared: this worker cannot see the run in it"):
                run_sweep(sweep, tmp_path / "new", cluster=address)


def test_a_space_has_the_same_bytes_from_a_cluster(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_KEPT", 40_000)
    sweep = load_sweep(SPEECH.parent / "widths.yaml")
    asked: tuple[dict[str, Any], ...] = ({}, {"keep": 90_000, "sort": "macs_per_step"})
    for options in asked:
        run_sweep(sweep, tmp_path / "local", workers=1, **options)
        with worker(address, tmp_path / "a"), worker(address, tmp_path / "b"):
            done = run_sweep(sweep, tmp_path / "cluster", cluster=address, **options)
        assert done.kept == 231_943
        assert len(list((tmp_path / "cluster" / "widths.parquet").iterdir())) == (3 if options else 6)
        assert content(tmp_path / "cluster") == content(tmp_path / "local")
