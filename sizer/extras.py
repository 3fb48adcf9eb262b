"""How an extra is installed from where one stands: the command that a hint prints.

The distribution is called `archsizer`; on the package index the name `sizer` belongs to somebody else's program, so no
hint names it.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

DISTRIBUTION = "archsizer"


def install_command(extra: str) -> str:
    """Return the command that adds an extra to this installation.

    A checkout is installed from its own folder, everything else from the package index; the `pip` is that of the
    Python which runs this.

    Args:
        extra: its name in `pyproject.toml`, or several, separated by commas.

    Example:
        >>> install_command("query").endswith("[query]'")
        True
    """
    folder = checkout()
    what = DISTRIBUTION if folder is None else "." if folder == Path.cwd() else str(folder)
    return f"{_pip()} install {shlex.quote(f'{what}[{extra}]')}"


def checkout() -> Path | None:
    """Return the folder of the source from which this package is used, None where it came from the package index."""
    beside = Path(__file__).resolve().parent.parent
    if (beside / "pyproject.toml").is_file():
        return beside
    try:
        # What pip writes down of a package that it did not take from an index (PEP 610).
        said = json.loads(importlib.metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except (importlib.metadata.PackageNotFoundError, ValueError, OSError):
        return None
    address = urlsplit(str(said.get("url", "")) if isinstance(said, dict) else "")
    folder = Path(unquote(address.path))
    return folder if address.scheme == "file" and (folder / "pyproject.toml").is_file() else None


def _pip() -> str:
    here = Path(sys.executable).parent
    found = shutil.which("pip")
    if found and Path(found).parent == here:
        return "pip"
    python = str(here / Path(sys.executable).name)
    near = os.path.relpath(python)
    shown = near if not near.startswith("..") else python
    return f"{shlex.quote(shown)} -m pip"
