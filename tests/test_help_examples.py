"""Every worked example in a command's help does what it says: it is run, in a folder with the project's sweeps."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sizer
from sizer.cli.app import app
from tests.commands import run, run_process
from tests.saved_models import write_safetensors

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = {
    str(command.callback.__name__): [
        line.strip() for line in (command.callback.__doc__ or "").splitlines() if line.strip().startswith("sizer ")
    ]
    for command in app.registered_commands
    if command.callback is not None
}
FRAMEWORKS = {"torch": "torch", "keras": "keras", "flax": "flax"}


def test_every_command_has_two_examples() -> None:
    assert {name: len(examples) for name, examples in EXAMPLES.items() if len(examples) < 2} == {}


def marked(example: str) -> Any:
    """Leave to CI what starts a second server or talks to an assistant, and what builds networks in a framework."""
    if example.startswith(("sizer serve -", "sizer mcp")):
        return pytest.param(example, marks=pytest.mark.process)
    return pytest.param(example, marks=pytest.mark.thorough) if example.startswith("sizer verify") else example


@pytest.mark.parametrize("example", [marked(example) for examples in EXAMPLES.values() for example in examples])
def test_an_example_does_what_it_says(example: str, tmp_path: Path) -> None:
    words = shlex.split(example)
    for framework, package in FRAMEWORKS.items():
        if words[1] == "verify" and framework in words and importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    shutil.copytree(ROOT / "sweeps", tmp_path / "sweeps")
    (tmp_path / "docs").mkdir()
    for model in (ROOT / "docs").glob("*.yaml"):
        shutil.copy(model, tmp_path / "docs")
    if "results/" in example:
        sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "speech.yaml"), tmp_path / "results")
    if "model.safetensors" in words:
        write_safetensors(
            tmp_path / "model.safetensors", {"rnn.weight_ih_l0": [512, 80], "rnn.weight_hh_l0": [512, 128]}
        )
    there = {path for path in tmp_path.rglob("*") if path.is_file()}
    # A shell's work: patterns become the files that they stand for.
    expanded = [
        file
        for word in words[1:]
        for file in (sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob(word)) if "*" in word else [word])
    ]
    if words[1] == "serve":
        assert_served([sys.executable, "-m", "sizer", *expanded], tmp_path)
        return
    if words[1] == "mcp":
        pytest.importorskip("mcp", reason="the SDK is not installed (the extra `mcp`)")
        # Whoever asks is gone already; tests/test_assistants.py asks.
        assert run_process(*expanded, cwd=tmp_path).returncode == 0
        return
    done = run(*expanded, cwd=tmp_path, KERAS_BACKEND="torch")
    assert done.returncode == 0, done.stderr
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - there
    assert done.stdout or made or "no faults" in done.stderr


def assert_served(command: list[str], folder: Path) -> None:
    """Serve until the address is said, which is of any free port here; then end the server as Ctrl-C does."""
    if importlib.util.find_spec("fastapi") is None:
        pytest.skip("FastAPI is not installed (the extra `serve`)")
    with subprocess.Popen([*command, "--port", "0"], cwd=folder, stderr=subprocess.PIPE, text=True) as started:
        assert started.stderr is not None
        assert "Sizer serves http://127.0.0.1:" in started.stderr.readline()
        started.send_signal(signal.SIGINT)
        assert started.wait(30) == 0
    assert any(path.name == "jobs.sqlite" for path in folder.rglob("*"))
