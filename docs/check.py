"""Holds the documents to the program: every generated part is made anew and compared; `--write` replaces it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def stale(write: bool) -> bool:
    """Return whether a generated part of a document differs from what the program prints now."""
    mode = ["-r"] if write else ["--check", "--diff"]
    made = [str(path) for path in DOCUMENTS if "[[[cog" in path.read_text()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return (
        subprocess.run([sys.executable, "-m", "cogapp", "-e", *mode, *made], cwd=ROOT, env=environment).returncode != 0
    )


def broken_links() -> list[str]:
    """Return links to files that are not there."""
    return [
        f"{path.relative_to(ROOT)}: no file {target}"
        for path in DOCUMENTS
        for target in _LINK.findall(path.read_text())
        if not (path.parent / target).exists()
    ]


def main() -> int:
    """Check every document; 1 where one is not true any more."""
    broken = broken_links()
    for line in broken:
        print(line, file=sys.stderr)
    if stale("--write" in sys.argv):
        print("documents are stale: make docs", file=sys.stderr)
        return 1
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
