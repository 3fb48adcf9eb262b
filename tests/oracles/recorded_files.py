"""Public model files as facts: what stands in their headers, without their weights.

    tests/oracles/real_files/PACKAGE-VERSION/FILE.json      or .json.gz where it is long

Each holds the place of the file in its package, and its contents as `sizer.files` reads them. `python -m
tests.oracles.recorded_files FOLDER PACKAGE VERSION FILE...` writes them anew from files of an unpacked package; the
figures that they are held against stand in `real_files.csv`, and come from elsewhere.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sizer.files.contents import Contents, StatedLayer, StoredTensor
from sizer.files.reading import read_contents

FOLDER = Path(__file__).resolve().parent / "real_files"
LONG = 10_000
"""Bytes of JSON from which on it is packed."""


@dataclass(frozen=True)
class RecordedFile:
    """One file of a package."""

    package: str
    version: str
    file: str
    contents: tuple[Contents, ...]
    """Several where the file is an archive of model files."""


def recorded() -> Iterator[RecordedFile]:
    """Yield every recorded file, in the order of their names."""
    for path in sorted(FOLDER.rglob("*.json*")):
        data = path.read_bytes()
        row = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
        contents = tuple(_contents(one) for one in row["contents"])
        yield RecordedFile(row["package"], row["version"], row["file"], contents)


def _contents(row: dict[str, Any]) -> Contents:
    tensors = tuple(
        StoredTensor(name, tuple(shape), dtype, role, storage) for name, shape, dtype, role, storage in row["tensors"]
    )
    layers = tuple(StatedLayer(kind, name, settings, tuple(names)) for kind, name, settings, names in row["layers"])
    return Contents(row["format"], tensors, layers, row["producer"], tuple(row["notes"]), row["place"], row["metadata"])


def facts(package: str, version: str, file: str, contents: tuple[Contents, ...]) -> dict[str, Any]:
    """Return what is recorded of a file."""
    rows = []
    for one in contents:
        row = asdict(one)
        row["tensors"] = [[t.name, t.shape, t.dtype, t.role, t.storage] for t in one.tensors]
        row["layers"] = [[layer.kind, layer.name, layer.settings, layer.tensors] for layer in one.layers]
        row["values"] = sum(tensor.size for tensor in one.tensors)
        rows.append(row)
    return {"package": package, "version": version, "file": file, "contents": rows}


def write(folder: Path, package: str, version: str, file: str) -> None:
    """Record a file of an unpacked package."""
    row = facts(package, version, file, read_contents(folder / file))
    text = json.dumps(row, indent=None, separators=(",", ":")).replace('],["', '],\n["') + "\n"
    path = FOLDER / f"{package}-{version}" / (file.replace("/", "+") + ".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    if len(text) > LONG:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_text(text)


def main(arguments: list[str]) -> None:
    """Record the files that are named."""
    folder, package, version, *files = arguments
    for file in files:
        write(Path(folder), package, version, file)


if __name__ == "__main__":
    main(sys.argv[1:])
