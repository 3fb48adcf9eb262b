"""Each thing in the package has a name of its own: no public class is called like another."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "sizer"


def named_twice(folder: Path) -> dict[str, list[str]]:
    """Return each name of a public class that stands in several places, with the files; a leading `_` is no difference."""
    found = defaultdict(list)
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name.lstrip("_")].append(path.relative_to(folder).as_posix())
    return {name: files for name, files in found.items() if len(files) > 1}


def test_no_two_classes_share_a_name() -> None:
    assert named_twice(PACKAGE) == {}


def test_two_classes_that_share_a_name_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("class Answer: ...\nclass Other: ...\n")
    (tmp_path / "two.py").write_text("class _Answer: ...\n")
    assert named_twice(tmp_path) == {"Answer": ["one.py", "two.py"]}


def test_every_folder_says_what_it_is_for() -> None:
    """In more than a line: what goes in, what comes out, where to begin."""
    short = [
        path.parent.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("__init__.py"))
        if len((ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()) < 3
    ]
    assert short == []
