"""The hook for pre-commit and the step for GitHub: they are of the form that is read there, and they find faults."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands import ROOT, run

HOOKS = ROOT / ".pre-commit-hooks.yaml"
ACTION = ROOT / "action.yml"


def needs(package: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed (the extra `checks`)")


def test_the_hook_takes_files_by_their_name() -> None:
    (hook,) = yaml.safe_load(HOOKS.read_text())
    names = ["mine.sizer.yaml", "a/b.sizer.yml", "sizer.yaml", "mine.sizer.yaml.txt", "minesizer.yaml"]
    assert [name for name in names if re.search(hook["files"], name)] == names[:2]
    assert hook["entry"] == "sizer validate"


@needs("pre_commit")
@pytest.mark.thorough
def test_the_hook_is_one() -> None:
    subprocess.run([sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)], check=True)


@needs("check_jsonschema")
@pytest.mark.thorough
def test_the_action_is_one() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", str(ACTION)]
    subprocess.run(command, check=True)


def test_every_fault_is_shown_at_its_line() -> None:
    (matcher,) = json.loads((ROOT / ".github" / "faults.json").read_text())["problemMatcher"]
    (pattern,) = matcher["pattern"]
    said = run("validate", "tests/sweeps/bad/budget.yaml", "sweeps/speech.yaml").stderr.splitlines()
    found = [match for line in said if (match := re.search(pattern["regexp"], line))]
    # Every line but those about files without faults, and the last, which says how many there are.
    assert [line for line in said if not re.search(pattern["regexp"], line)] == [
        "sweeps/speech.yaml: 3,100 configurations, no faults",
        "9 faults; the files were only checked",
    ]
    assert len(found) == 9
    assert {match[pattern["file"]] for match in found} == {"tests/sweeps/bad/budget.yaml"}
    assert found[0][pattern["line"]] == "6"
    assert found[0][pattern["column"]] == "18"
    assert found[0][pattern["message"]].startswith("budget.weights.min: 20000000 is above max")


@pytest.mark.process
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_the_action_checks_what_is_called_so(tmp_path: Path) -> None:
    step = yaml.safe_load(ACTION.read_text())["runs"]["steps"][-1]
    program = tmp_path / "runner" / "sizer" / "bin" / "sizer"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sizer "$@"\n')
    program.chmod(0o755)
    work = tmp_path / "work"
    (work / "a" / "b").mkdir(parents=True)
    shutil.copy(ROOT / "sweeps" / "speech.yaml", work / "a" / "b" / "good one.sizer.yaml")

    def checked(patterns: str) -> Any:
        environment = {
            **os.environ,
            "PATTERNS": patterns,
            "RUNNER_TEMP": str(tmp_path / "runner"),
            "GITHUB_ACTION_PATH": str(ROOT),
            "PYTHONPATH": str(ROOT),
        }
        # As GitHub calls it.
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)

    default = yaml.safe_load(ACTION.read_text())["inputs"]["files"]["default"]
    good = checked(default)
    assert good.returncode == 0
    assert "a/b/good one.sizer.yaml: 3,100 configurations, no faults" in good.stdout + good.stderr
    assert "::add-matcher::" in good.stdout
    shutil.copy(ROOT / "tests" / "sweeps" / "bad" / "budget.yaml", work / "bad.sizer.yml")
    bad = checked(default)
    assert bad.returncode == 1
    assert "bad.sizer.yml:6:18: budget.weights.min" in bad.stderr
    assert checked("a/**/*.sizer.yaml").returncode == 0
    missing = checked("*.sweep")
    assert missing.returncode == 1
    assert missing.stderr == "no file is called like *.sweep\n"
    assert checked("$(touch injected)").returncode == 1
    assert not (work / "injected").exists()
