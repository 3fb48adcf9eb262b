"""The documents lead somewhere, in a browser of the repository and as a site; what makes sure of it can fail."""

from __future__ import annotations

import doctest
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sizer
from docs import check
from tests.commands import ROOT

needs_sphinx = pytest.mark.skipif(
    importlib.util.find_spec("furo") is None, reason="Sphinx and its theme are not installed (the extra `docs`)"
)


def test_every_link_leads_somewhere() -> None:
    assert check.broken_links() == []


def test_the_index_leads_to_every_page() -> None:
    assert check.unlisted_pages() == []
    assert len(check.PAGES) > 15


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Two words, and `code`\n\n## Again\n\n## Again\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md#two-words-and-code) [b](other.md#again-1) [c](#here) [d](https://example.org/#x)\n\n# Here\n\n"
        "`[no link](gone.md)`\n\n```text\n[nor this](gone.md)\n```\n"
    )
    assert check.broken_links([page]) == []
    page.write_text("[a](gone.md) [b](other.md#again-2) [c](#nowhere)\n")
    assert [line.partition(": ")[2] for line in check.broken_links([page])] == [
        "no file gone.md",
        "no heading #again-2 in other.md",
        "no heading #nowhere in page.md",
    ]


def test_a_broken_link_of_a_site_is_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<h1 id="top">T</h1><a href="#top">a</a><a href="index.html#top">b</a><a href="https://example.org/">c</a>'
    )
    assert check.broken_links_of_site(tmp_path) == []
    (tmp_path / "index.html").write_text(
        '<a href="gone.html">a</a><a href="#gone">b</a><script src="https://example.org/x.js"></script>'
    )
    assert [line.partition(": ")[2] for line in check.broken_links_of_site(tmp_path)] == [
        "fetches https://example.org/x.js",
        "no file gone.html",
        "no place #gone in index.html",
    ]
    assert check.broken_links_of_site(tmp_path / "nothing") != []


def test_the_page_of_the_library_says_what_is_so() -> None:
    failed, tried = doctest.testfile(str(check.DOCS / "python.md"), module_relative=False)
    assert failed == 0
    assert tried >= 4


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built without a warning."""
    folder = tmp_path_factory.mktemp("site")
    done = build(check.DOCS, folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def build(docs: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "-d", str(folder / ".trees"), str(docs), str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@needs_sphinx
@pytest.mark.thorough
def test_the_site_leads_somewhere_and_can_be_searched(site: Path) -> None:
    assert check.broken_links_of_site(site) == []
    index = (site / "searchindex.js").read_text()
    found = json.loads(index[index.index("(") + 1 : index.rindex(")")])
    assert {"peephol", "parquet", "budget"} <= set(found["terms"])
    assert len(found["docnames"]) == len(check.PAGES) - 1  # docs/README.md is a part of the first page


@needs_sphinx
@pytest.mark.thorough
def test_the_site_says_every_public_name(site: Path) -> None:
    page = (site / "python.html").read_text()
    assert {name for name in sizer.__all__ if f'id="sizer.{name}"' not in page} == set()
    assert "Return the exact count of one network." in page
    # The programs that make parts of a page are no part of the site.
    assert not [path.name for path in site.rglob("*.html") if "[[[cog" in path.read_text()]
    # An option has two hyphens there, too.
    assert re.search(r">--dry-run<", (site / "reference.html").read_text())


@needs_sphinx
@pytest.mark.thorough
def test_a_page_without_a_place_is_no_site(tmp_path: Path) -> None:
    shutil.copytree(check.DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("_site"))
    (tmp_path / "docs" / "lost.md").write_text("# Lost\n\n[nowhere](gone.md)\n")
    done = build(tmp_path / "docs", tmp_path / "site")
    assert done.returncode != 0
    assert "lost.md" in done.stderr


def test_the_notebook_is_what_its_cells_give() -> None:
    pytest.importorskip("altair", reason="Altair is not installed (the extra `query`)")
    from docs.notebook import NOTEBOOK, notebook

    assert without_pictures(json.loads(NOTEBOOK.read_text())) == without_pictures(notebook())


def without_pictures(made: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook without pictures, which another version of the library that draws them draws otherwise."""
    for cell in made["cells"]:
        for output in cell.get("outputs", ()):
            if output.get("data", {}).pop("image/svg+xml", None) is not None:
                output["data"]["picture"] = "a picture"
    return made
