"""What a manifest says of a run's files, and whether they are still so: their names, sizes and SHA-256.

    NAME.manifest.json      {"files": {NAME.csv: SHA-256, ...}, "bytes": {NAME.csv: size, ...}, ..., "manifest_sha256"}

The last key is the SHA-256 of all the others, so that a manifest that was damaged is known as such. A manifest of an
earlier version of Sizer lacks it and the sizes, and is taken at its word.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sizer.errors import Fault, InputError
from sizer.formats import FORMATS, READ
from sizer.remembered import Remembered
from sizer.tables.stored.files import Digest, read_digests
from sizer.tables.stored.provenance import reliable

MANIFEST = ".manifest.json"
PARTS = re.compile(r"part-\d{5,}\.parquet")
"""Names of the parts of a Parquet table."""
ABOUT_PART = "sizer.part"
"""A part's metadata of this name says its number and how many parts there are."""
STRAY = re.compile(r"\.DS_Store|\._.*|\.nfs.*|\.directory|Thumbs\.db|desktop\.ini")
"""Names of files that systems leave in folders by themselves."""
_ENDINGS = {ending for row in FORMATS.values() if row.by_runs or row.reader for ending in row.all_endings}
_TABLE = re.compile(rf"(?P<stem>.+?)\.(?:{'|'.join(map(re.escape, sorted(_ENDINGS)))})", re.IGNORECASE)
_SEAL = "manifest_sha256"
_REMEDY = "sizer run SWEEP --resume, with the options of that run, makes it again"
_AS_IT_STANDS = "a copy in another folder is read without a check"
_MOVING_SECONDS = 2.0
"""How long a reader waits for a run that is moving its tables into place."""


@dataclass(frozen=True)
class Manifest:
    """A manifest beside tables."""

    path: Path
    content: Mapping[str, Any]

    def files_of(self, table: str) -> dict[str, Digest]:
        """Return name -> what is said of each file of a table: itself, or its parts."""
        return {
            name: digest
            for name, digest in files_in(self.content).items()
            if name == table or (name.startswith(f"{table}/") and PARTS.fullmatch(name[len(table) + 1 :]))
        }

    @property
    def tables(self) -> list[str]:
        """The names of the tables: files, and folders of parts."""
        stem = self.path.name.removesuffix(MANIFEST)
        found = dict.fromkeys(name.partition("/")[0] for name in self.content["files"])
        return [name for name in found if is_table_of(name, stem)]


# Manifests


def is_table_of(name: str, stem: str) -> bool:
    """Return whether a file's or folder's name is one that a run of a sweep gives to its tables.

    Example:
        >>> is_table_of("speech.tsv.gz", "speech"), is_table_of("../speech.csv", "speech")
        (True, False)
    """
    return name.startswith(f"{stem}.") and name[len(stem) + 1 :] in _ENDINGS


def sealed(content: Mapping[str, Any]) -> bytes:
    """Return a JSON object as a file that `unsealed` reads, with the SHA-256 of its content in it."""
    return _as_text({**content, _SEAL: _seal(content)})


def unsealed(data: bytes, *, strict: bool = True) -> dict[str, Any] | None:
    """Return the object in a file that `sealed` wrote; None where the file is damaged.

    Args:
        data: the file's bytes.
        strict: whether one without a SHA-256 counts as damaged.
    """
    try:
        content = json.loads(data)
        if not isinstance(content, dict):
            return None
        seal = content.pop(_SEAL, None)
        whole = seal == _seal(content) if seal is not None else not strict
    except (ValueError, RecursionError):
        return None
    return content if whole else None


def _seal(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(_as_text(content)).hexdigest()


def _as_text(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def manifest_in(data: bytes) -> dict[str, Any] | None:
    """Return what a manifest's bytes say; None where they are none, or are damaged."""
    content = unsealed(data, strict=False)
    if content is not None and "bytes" in content:
        content = unsealed(data)
    whole = content is not None and {"sizer", "files"} <= reliable(content).keys()
    return content if whole else None


def files_in(content: Mapping[str, Any]) -> dict[str, Digest]:
    """Return name -> what a manifest says of each file; a size of -1 where it says none."""
    sizes = content.get("bytes")
    sizes = sizes if isinstance(sizes, dict) else {}
    return {name: Digest(sizes.get(name, -1), digest) for name, digest in content["files"].items()}


def is_so(said: Digest, found: Digest | None) -> bool:
    """Return whether a file is there and what a manifest says."""
    return found is not None and said.sha256 == found.sha256 and said.bytes in (-1, found.bytes)


_read: Remembered[tuple[Any, ...], dict[str, Any] | None] = Remembered(64)


def read_manifest(path: Path) -> Manifest | None:
    """Return a manifest; None where the file is none, or is damaged.

    Raises:
        OSError: it cannot be read.
    """
    digest = read_digests([path])[0]
    key = (str(path), digest)
    content = _read.get(key, ...)
    if content is ...:
        content = _read[key] = manifest_in(path.read_bytes())
    return None if content is None else Manifest(path, content)


def manifest_path(table: Path) -> Path | None:
    """Return where the manifest of a table's run would be; None for a name that no run gives."""
    named = _TABLE.fullmatch(table.name)
    return table.with_name(f"{named['stem']}{MANIFEST}") if named else None


# Checking


def parts_in(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder, in order."""
    return sorted(found for found in folder.glob("*.parquet") if not STRAY.fullmatch(found.name))


def checked(name: str, path: Path) -> Manifest | None:
    """Check a table against the manifest beside it.

    Args:
        name: the table as the user named it.
        path: of a file, a folder of parts, or a part within one.

    Returns:
        The manifest of the run that wrote the table; None where none is there, and nothing is known of the table.

    Raises:
        InputError: the table is not what its run wrote, or is not of the run that the manifest is of.
    """
    # Named from within its own folder a part has no parent's name otherwise.
    path = path.absolute()
    table, parts = path, [path]
    if PARTS.fullmatch(path.name) and path.parent.name.endswith(".parquet"):
        table = path.parent
    elif path.is_dir():
        parts = parts_in(path)
    beside = manifest_path(table)
    if beside is None or not beside.is_file():
        return None
    return _checked(name, beside, table, parts, whole=path == table)


def checked_manifest(name: str, path: Path) -> tuple[Manifest, Path] | None:
    """Check the table that a manifest leads to: Parquet, or else CSV.

    Args:
        name: the manifest as the user named it.
        path: of the manifest.

    Returns:
        The manifest and its table; None where it names neither.

    Raises:
        InputError: the manifest is damaged, or the table is not what its run wrote.
    """
    path = path.absolute()
    manifest = read_manifest(path)
    if manifest is None:
        raise _refused(
            [(name, "is not the manifest of a run, or is damaged; sizer run makes the tables and the manifest again")]
        )
    by_kind = [
        table
        for row in READ
        for table in manifest.tables
        if table.endswith(tuple(f".{ending}" for ending in row.all_endings))
    ]
    if not by_kind:
        return None
    table = path.with_name(by_kind[0])
    if not table.exists():
        raise _refused([(name, f"{table.name} is missing, and the manifest names it; {_REMEDY}")])
    parts = parts_in(table) if table.is_dir() else [table]
    return _checked(name, path, table, parts, whole=True), table


def _checked(name: str, beside: Path, table: Path, files: Sequence[Path], *, whole: bool) -> Manifest:
    until = time.monotonic() + _MOVING_SECONDS
    while True:
        before = beside.read_bytes()
        manifest = read_manifest(beside)
        try:
            problems = list(_problems(manifest, beside, table, files, whole=whole))
        except FileNotFoundError as problem:
            problems = [f"{Path(problem.filename).name} is missing; {_REMEDY}"]
        if manifest is not None and not problems:
            return manifest
        # A run moves its manifest last: meanwhile its tables are not those of the manifest that is there.
        run = beside.with_name(f".{beside.name.removesuffix(MANIFEST)}.run")
        moving = (run / "manifest.whole").exists()
        if not moving and beside.read_bytes() == before:
            raise _refused([(name, problem) for problem in problems])
        if time.monotonic() > until:
            said = "a run is moving its tables into place, or was stopped while it did; sizer run SWEEP --resume goes on with it"
            raise _refused([(name, said)])
        time.sleep(0.02)
        if table.is_dir() and whole:
            files = parts_in(table)


def _problems(
    manifest: Manifest | None, beside: Path, table: Path, files: Sequence[Path], *, whole: bool
) -> Iterator[str]:
    """Yield what is not as the manifest says, each with what to do."""
    if manifest is None:
        yield (
            f"{beside.name} beside it is not the manifest of a run, or is damaged; {_REMEDY},"
            " without it the table is read without a check"
        )
        return
    expected = manifest.files_of(table.name)
    if not expected:
        others = ", ".join(manifest.tables) or "no table"
        yield (
            f"is not of the run that {beside.name} is of, which wrote {others}: it may be left from another run;"
            f" remove it, or run the sweep with its format; {_AS_IT_STANDS}"
        )
        return
    names = {file: table.name if file == table else f"{table.name}/{file.name}" for file in files}
    for file, named in names.items():
        if named not in expected:
            yield f"{file.name} is not one of the run's parts by {beside.name}; remove it"
    if whole:
        for named in expected.keys() - set(names.values()):
            yield f"{named.rpartition('/')[2]} is missing, and {beside.name} names it; {_REMEDY}"
    known = [file for file, named in names.items() if named in expected]
    for file, found in zip(known, read_digests(known), strict=True):
        said = expected[names[file]]
        what = "" if file == table and whole else f"{file.name} "
        if said.bytes not in (-1, found.bytes):
            yield (
                f"{what}is not what its run wrote: {found.bytes:,} bytes, and {beside.name} says {said.bytes:,};"
                f" {_REMEDY}"
            )
        elif said.sha256 != found.sha256:
            yield f"{what}is not what its run wrote: its SHA-256 is not that in {beside.name}; {_REMEDY}"


def _refused(problems: Sequence[tuple[str, str]]) -> InputError:
    return InputError(Fault(name, 0, 0, "", message) for name, message in problems)
