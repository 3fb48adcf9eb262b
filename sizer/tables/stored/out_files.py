"""A file that a person names to be written: it appears whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from sizer.errors import Fault, InputError, quoted
from sizer.tables.stored.files import LONGEST_NAME, pending_files

LONGEST_PATH = 4096
"""Bytes of a path, the end of its text included, on Linux; elsewhere fewer are refused by the disk itself."""


@contextlib.contextmanager
def out_file(out: str | os.PathLike[str], option: str = "--out") -> Iterator[Path]:
    """Give the path to write for a file that was named; at the end the file appears, whole or not at all.

    Raises:
        InputError: it is no name for a file.
        RunError: it cannot be written.
    """
    path = checked_path(os.fspath(out), option)
    with pending_files(path.parent) as pending:
        yield pending.add(path)
        pending.commit()


def checked_path(out: str, option: str = "--out", *, folder: bool = False) -> Path:
    """Return what a person named as a path.

    Args:
        out: what was named.
        option: by which.
        folder: whether a folder is meant, and not a file.

    Raises:
        InputError: it is no name for one.
    """
    path = Path(out)
    message = ""
    if not out.strip():
        message = f"is empty; name a {'folder' if folder else 'file'}"
    elif "\0" in out:
        message = f"{quoted(out)} holds a zero byte, which no name does"
    elif any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        message = f"{quoted(out)} is too long; a name has at most {LONGEST_NAME} bytes"
    elif len(os.fsencode(path.absolute())) >= LONGEST_PATH:
        message = f"{quoted(out)} is too long; a path has less than {LONGEST_PATH:,} bytes"
    elif not folder and path.is_dir():
        message = f"{quoted(out)} is a folder; name a file within it"
    if message:
        raise InputError([Fault("", 0, 0, option, message)])
    return path
