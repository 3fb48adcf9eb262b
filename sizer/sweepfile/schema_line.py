"""The first line of a sweep that tells editors where its schema lies: a file of this machine, so that no network is needed."""

from __future__ import annotations

import os
from pathlib import Path

from sizer.sweepfile.schema import schema_file

NEARBY = 3
"""How many folders up a schema may lie that is named from the sweep's own; one further away is named in full."""


def with_schema_line(text: str, out: Path | None) -> str:
    """Return a sweep with the line in front.

    Args:
        text: the sweep.
        out: where it will stand; None where nobody knows.
    """
    return f"# yaml-language-server: $schema={schema_address(out)}\n{text}"


def schema_address(out: Path | None) -> str:
    """Return how a sweep names the schema: from its own folder where both lie in one project, else in full.

    Args:
        out: the sweep; None where nobody knows where it will stand.
    """
    schema = schema_file()
    if out is None:
        return schema.as_uri()
    try:
        relative = Path(os.path.relpath(schema, out.absolute().parent))
    except ValueError:  # on another drive
        return schema.as_uri()
    near = relative.parts.count("..") < NEARBY and "site-packages" not in relative.parts
    return relative.as_posix() if near else schema.as_uri()
