"""The checker of the floors can fail, and nothing heavy comes in where it should not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parent.parent

pytest.importorskip("importlinter", reason="import-linter is not installed (the extra `checks`)")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "sizer", tmp_path / "sizer", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_imports_go_down_only(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "said"),
    [
        ("sizer/networks/cells.py", "import sizer.grids.ids", "sizer.networks is not allowed to import sizer.grids"),
        ("sizer/grids/ids.py", "import sizer.questions.fits", "sizer.grids is not allowed to import sizer.questions"),
        ("sizer/sweepfile/scalars.py", "import pandas", "sizer.sweepfile is not allowed to import pandas"),
        (
            "sizer/tables/written/streams.py",
            "import sizer.tables.asked.results",
            "sizer.tables.written is not allowed to import sizer.tables.asked",
        ),
        ("sizer/files/hdf5.py", "import h5py", "sizer.files is not allowed to import h5py"),
        ("sizer/runs/run.py", "import torch", "sizer.runs is not allowed to import torch"),
        ("sizer/runs/run.py", "import typer", "sizer.runs is not allowed to import typer"),
    ],
)
def test_an_import_that_goes_up_is_noticed(copy: Path, module: str, line: str, said: str) -> None:
    path = copy / module
    path.write_text(
        path.read_text().replace(
            "from __future__ import annotations\n", f"from __future__ import annotations\n{line}\n"
        )
    )
    done = lint(copy)
    assert done.returncode != 0
    assert said in done.stdout
