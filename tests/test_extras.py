"""What a hint to install an extra says: never the name of somebody else's program, and a command that works from here."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import sys
from pathlib import Path

import pytest

from sizer import extras
from tests.served import ROOT


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A package in site-packages, not in a checkout."""
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "site-packages" / "sizer" / "extras.py"))
    monkeypatch.setattr(extras, "_pip", lambda: "pip")
    return tmp_path


def say_where_from(monkeypatch: pytest.MonkeyPatch, said: str | None) -> None:
    class Distribution:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return said

    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Distribution())


def test_in_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_pip", lambda: "pip")
    monkeypatch.chdir(ROOT)
    assert extras.install_command("query") == "pip install '.[query]'"


def test_beside_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(extras, "_pip", lambda: "pip")
    monkeypatch.chdir(tmp_path)
    assert extras.install_command("serve,query") == f"pip install '{ROOT}[serve,query]'"


def test_installed_from_a_checkout_that_is_still_there(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    source = elsewhere / "a source"
    source.mkdir()
    say_where_from(monkeypatch, json.dumps({"url": source.as_uri(), "dir_info": {}}))
    assert extras.install_command("query") == "pip install 'archsizer[query]'"
    (source / "pyproject.toml").touch()
    assert extras.install_command("query") == f"pip install '{source}[query]'"


@pytest.mark.parametrize("said", [None, "", "[]", "not JSON", '{"url": "https://example.org/a.whl"}'])
def test_installed_from_the_index(monkeypatch: pytest.MonkeyPatch, elsewhere: Path, said: str | None) -> None:
    say_where_from(monkeypatch, said)
    assert extras.install_command("query") == "pip install 'archsizer[query]'"


def test_the_pip_is_that_of_this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: "/somewhere/else/pip")
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    assert extras.install_command("query").startswith(".venv/bin/python -m pip install ")
    monkeypatch.setattr(sys, "executable", "/opt/a b/bin/python")
    assert extras.install_command("query").startswith("'/opt/a b/bin/python' -m pip install ")
    monkeypatch.setattr(shutil, "which", lambda name: "/opt/a b/bin/pip")
    assert extras.install_command("query").startswith("pip install ")


def test_nothing_names_the_other_program() -> None:
    looked_at = [
        path
        for folder in ("sizer", "docs", "sweeps", "schemas", "benchmarks")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".js", ".html", ".yaml", ".json"}
    ]
    looked_at += [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "pyproject.toml", ROOT / "Dockerfile"]
    assert len(looked_at) > 150
    named = [path for path in looked_at if "'sizer[" in path.read_text() or '"sizer[' in path.read_text()]
    named += [path for path in looked_at if "pip install sizer" in path.read_text()]
    assert not named
