"""How Sphinx makes the site from these pages: `make site`. Nothing is fetched, while it is built or when it is read."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import sizer

project = "Sizer"
author = "the authors of Sizer"
version = release = sizer.__version__
copyright = author  # noqa: A001  The name is Sphinx's.

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# The first page includes README.md, so that a browser of the repository shows the same table.
exclude_patterns = ["README.md", "_site"]

# MyST: headings are addresses, as they are in a browser of the repository.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

# Docstrings: Google style; a word between single backticks is code.
default_role = "code"
# Two hyphens are an option, not a dash.
smartquotes = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Source"]
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90
python_display_short_literal_types = True

html_theme = "furo"
html_title = f"Sizer {version}"
html_static_path = ["site"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_sphinx = False
pygments_style = "friendly"


def _without_comments(app: Any, name: str, source: list[str]) -> None:
    """Take the programs that make parts of a page out of it; lines keep their numbers, for the warnings."""
    source[0] = re.sub(r"<!--.*?-->", lambda comment: "\n" * comment[0].count("\n"), source[0], flags=re.DOTALL)


def setup(app: Any) -> None:
    """Have every page read without its comments."""
    app.connect("source-read", _without_comments)
