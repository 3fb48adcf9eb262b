"""Holds the documents to the program: every generated part is made anew and compared; `--write` replaces it.

Links are followed as a browser of the repository follows them: to a file, and to a heading of it. `--site FOLDER` follows
those of the site that was built there instead. Nothing is fetched; links to other sites are left alone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SITE = DOCS / "_site"
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if SITE not in path.parents]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]
INDEX = DOCS / "README.md"
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")


def stale(write: bool) -> bool:
    """Return whether a generated part of a document differs from what the program prints now."""
    mode = ["-r"] if write else ["--check", "--diff"]
    made = [str(path) for path in DOCUMENTS if "[[[cog" in path.read_text()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return (
        subprocess.run([sys.executable, "-m", "cogapp", "-e", *mode, *made], cwd=ROOT, env=environment).returncode != 0
    )


def anchors(text: str) -> set[str]:
    """Return the addresses of the headings of a document, made as browsers of repositories make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.*)$", _FENCED.sub("", text), flags=re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = plain = re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")
        number = 0
        while anchor in found:
            number += 1
            anchor = f"{plain}-{number}"
        found.add(anchor)
    return found


def links(text: str) -> Iterator[tuple[str, str]]:
    """Yield the links of a document that stay in the repository: a file, empty for the document itself, and an anchor."""
    for match in _LINK.finditer(_CODE.sub("", _FENCED.sub("", text))):
        yield match[1], match[2] or ""


def broken_links(documents: Iterable[Path] = tuple(DOCUMENTS)) -> list[str]:
    """Return links to files, and to headings, that are not there."""
    broken = []
    for path in documents:
        for target, anchor in links(path.read_text()):
            file = (path.parent / target).resolve() if target else path
            if not file.exists():
                broken.append(f"{path}: no file {target}")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
                broken.append(f"{path}: no heading #{anchor} in {target or path.name}")
    return broken


def unlisted_pages() -> list[str]:
    """Return pages that the index does not lead to."""
    listed = {(DOCS / target).resolve() for target, _ in links(INDEX.read_text()) if target}
    pages = [path for path in PAGES if path not in listed and path not in {INDEX, DOCS / "index.md"}]
    return [f"{INDEX}: no link to {path.relative_to(DOCS)}" for path in pages]


class _Page(HTMLParser):
    """The addresses in a page of the site, and those that it leads to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self.leads_to: list[str] = []
        self.fetches: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag is called, and what it leads to."""
        for name, value in attrs:
            if name == "id" and value:
                self.addresses.add(value)
            elif name in {"href", "src"} and value:
                self.leads_to.append(value)
                if tag != "a" and urlsplit(value).netloc:
                    self.fetches.append(value)


def broken_links_of_site(site: Path) -> list[str]:
    """Return links between pages of the site that lead nowhere, and what its pages fetch from elsewhere."""
    pages = {path: _Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    broken = []
    for path, page in pages.items():
        broken += [f"{path}: fetches {address}" for address in page.fetches]
        for lead in page.leads_to:
            parts = urlsplit(lead)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.exists():
                broken.append(f"{path}: no file {parts.path}")
            elif parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].addresses:
                broken.append(f"{path}: no place #{parts.fragment} in {parts.path or path.name}")
    return broken if pages else [f"{site}: no pages"]


def main() -> int:
    """Check every document; 1 where one is not true any more."""
    if "--site" in sys.argv:
        broken = broken_links_of_site(Path(sys.argv[sys.argv.index("--site") + 1]).resolve())
        print("\n".join(broken) or "every link of the site leads somewhere")
        return 1 if broken else 0
    broken = broken_links() + unlisted_pages()
    for line in broken:
        print(line, file=sys.stderr)
    if stale("--write" in sys.argv):
        print("documents are stale: make docs", file=sys.stderr)
        return 1
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
