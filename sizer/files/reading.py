"""A file, a folder or a URL becomes the contents of the model files in it. Begin here.

    read_contents("model.pt")       what a file holds; an archive of model files holds several
    read_contents("checkpoints/")   each of a folder's model files; the parts of one model as one

A format is known by the first bytes, and by what stands in an archive; the ending of a name says nothing, except where
a format has no sign of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from sizer.errors import InputError, faults_of
from sizer.files import (
    archives,
    coreml_files,
    dynet_files,
    hdf5,
    keras_files,
    numpy_files,
    onnx_files,
    safetensors,
    tesseract_files,
    torch_files,
)
from sizer.files.byte_sources import ByteSource, FarBytes, LocalBytes, PackedBytes
from sizer.files.contents import Contents
from sizer.files.limits import MOST_ARCHIVES, Allowance, unread

HEAD = 4096
"""Bytes by which a format is known."""
MOST_FILES = 2_000
"""Of a folder or an archive."""
MEMBERS = frozenset(
    {
        ".safetensors",
        ".pt",
        ".pth",
        ".bin",
        ".ckpt",
        ".pkl",
        ".pickle",
        ".p",
        ".jit",
        ".ptl",
        ".th",
        ".t7",
        ".model",
        ".nemo",
        ".npz",
        ".npy",
        ".onnx",
        ".ort",
        ".h5",
        ".hdf5",
        ".keras",
        ".weights",
        ".msgpack",
        ".tflite",
        ".lite",
        ".mdl",
        ".raw",
        ".nnet",
        ".joblib",
        ".traineddata",
        ".mlmodel",
        ".tar",
        ".gz",
        ".tgz",
        ".xz",
        ".bz2",
        ".zip",
        ".pb",
        ".params",
        ".split",
    }
)
"""Endings of the files of a folder or an archive that are looked at: others are texts, code and pictures."""


def read_contents(place: str | Path) -> tuple[Contents, ...]:
    """Return what a file, a folder or a URL holds: one value for each model file in it.

    Args:
        place: a path, or a URL with `http` or `https`, of which only the ranges that are needed are fetched.

    Raises:
        InputError: it is no model file that is read, or it is damaged; the fault says what is wrong.

    Example:
        >>> read_contents("no-such-file.pt")
        Traceback (most recent call last):
            ...
        sizer.errors.InputError: no-such-file.pt: there is no such file
    """
    allowance = Allowance()
    name = str(place)
    with faults_of(name):
        try:
            if name.startswith(("http://", "https://")):
                return tuple(read_source(FarBytes(name, allowance), name))
            if Path(place).is_dir():
                return tuple(_folder(Path(place), allowance))
            with LocalBytes(place, allowance) as source:
                return tuple(read_source(source, name, Path(place)))
        except (RecursionError, MemoryError):
            raise unread("it is nested deeper, or holds more, than is read") from None


def read_source(source: ByteSource, name: str, path: Path | None = None, depth: int = 0) -> list[Contents]:
    """Return what some bytes hold.

    Args:
        source: the bytes.
        name: of the file that they are, whose ending helps where a format has no sign of its own.
        path: where it stands, so that files beside it can be looked at; None where it stands in an archive.
        depth: in how many archives it stands.

    Raises:
        InputError: it is no model file that is read, or it is damaged.
    """
    if depth > MOST_ARCHIVES:
        raise unread(f"it is in more than {MOST_ARCHIVES} archives within each other")
    if not source.size:
        raise unread("it is empty")
    head = source.head(HEAD)
    for form in FORMS:
        if form.known_by(head, source, name):
            found = form.read(Asked(source, name, path, depth, head))
            return found if isinstance(found, list) else [found]
    raise unread("it is no model file that is read: nothing at its start is known")


@dataclass(frozen=True)
class Asked:
    """What a reader is asked to read."""

    source: ByteSource
    name: str
    path: Path | None
    depth: int
    head: bytes


@dataclass(frozen=True)
class Form:
    """One kind of file."""

    known_by: Callable[[bytes, ByteSource, str], bool]
    """Takes the first bytes, all of them, and the name."""
    read: Callable[[Asked], Contents | list[Contents]]


def _zip(asked: Asked) -> Contents | list[Contents]:
    archive = archives.Zip(asked.source)
    folder = torch_files.is_torch_zip(archive)
    if folder:
        return torch_files.read_torch_zip(archive, asked.source, folder)
    if keras_files.is_keras_zip(archive):
        return keras_files.read_keras_zip(archive, asked.source)
    if any(name.endswith(".npy") and "/" not in name for name in archive.members):
        return numpy_files.read_npz(archive, asked.source)
    return list(_members(archive, asked))


def _tar(asked: Asked) -> Contents | list[Contents]:
    archive = archives.Tar(asked.source)
    if torch_files.is_torch_tar(archive):
        return torch_files.read_torch_tar(archive, asked.source)
    return list(_members(archive, asked))


def _members(archive: archives.Zip | archives.Tar, asked: Asked) -> Iterator[Contents]:
    """Yield what each model file of an archive holds; what is none is passed over, where there is one at all."""
    wanted = [name for name in archive.members if PurePosixPath(name).suffix.lower() in MEMBERS]
    if len(wanted) > MOST_FILES:
        raise unread(f"it has {len(wanted):,} model files; {MOST_FILES:,} are read")
    if not wanted:
        raise unread("it is an archive without a model file")
    problems = []
    several = False
    for name in wanted:
        try:
            for one in read_source(archive.open(name), name, None, asked.depth + 1):
                several = True
                yield replace(one, place=f"{name}!{one.place}" if one.place else name)
        except InputError as problem:
            problems.append(f"{name}: {problem.faults[0].message}")
    if not several:
        raise unread(f"none of its {len(wanted):,} model files is read; {problems[0]}")


def _packed(kind: str) -> Callable[[Asked], Contents | list[Contents]]:
    def read(asked: Asked) -> list[Contents]:
        inside = PackedBytes(asked.source, kind)
        name = PurePosixPath(asked.name).with_suffix("").name
        return read_source(inside, name, None, asked.depth + 1)

    return read


def _is_hdf5(head: bytes, source: ByteSource, name: str) -> bool:
    return any(head[place : place + 8] == hdf5.MAGIC for place in hdf5.PLACES)


def _is_pickle(head: bytes, source: ByteSource, name: str) -> bool:
    return len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def _is_old_pickle(head: bytes, source: ByteSource, name: str) -> bool:
    """Return whether it may be of protocol 0 or 1, which have no sign of their own but the stop at the end."""
    return head[:1] in (b"c", b"(", b"]", b"}") and source.read(source.size - 1, 1) == b"."


def _folder(folder: Path, allowance: Allowance) -> Iterator[Contents]:
    """Yield what each model file of a folder holds."""
    names = sorted(path for path in folder.rglob("*") if path.suffix.lower() in MEMBERS and path.is_file())
    if len(names) > MOST_FILES:
        raise unread(f"it has {len(names):,} model files; {MOST_FILES:,} are read")
    problems = []
    several = False
    for path in names:
        place = path.relative_to(folder).as_posix()
        try:
            with LocalBytes(path, allowance) as source:
                for one in read_source(source, place, path):
                    several = True
                    yield replace(one, place=f"{place}!{one.place}" if one.place else place)
        except InputError as problem:
            problems.append(f"{place}: {problem.faults[0].message}")
    if not several:
        raise unread(f"none of its model files is read; {problems[0]}" if problems else "it has no model file")


def _begins(*signs: bytes) -> Callable[[bytes, ByteSource, str], bool]:
    return lambda head, source, name: head.startswith(signs)


FORMS = (
    Form(_begins(b"PK\3\4", b"PK\5\6"), _zip),
    Form(_begins(b"\x1f\x8b"), _packed("gzip")),
    Form(_begins(b"BZh"), _packed("bz2")),
    Form(_begins(b"\xfd7zXZ\0"), _packed("xz")),
    Form(_is_hdf5, lambda asked: keras_files.read_hdf5(asked.source)),
    Form(_begins(numpy_files.MAGIC), lambda asked: numpy_files.read_npy(asked.source)),
    Form(lambda head, source, name: archives.is_tar(head), _tar),
    Form(_is_pickle, lambda asked: torch_files.read_pickle(asked.source)),
    Form(
        lambda head, source, name: safetensors.is_safetensors(head, source.size),
        lambda asked: safetensors.read_safetensors(asked.source),
    ),
    Form(lambda head, source, name: onnx_files.is_onnx(source, head), lambda asked: onnx_files.read_onnx(asked.source)),
    Form(
        lambda head, source, name: coreml_files.is_coreml(source, head),
        lambda asked: coreml_files.read_coreml(asked.source),
    ),
    Form(_begins(*dynet_files.SIGNS), lambda asked: dynet_files.read_dynet(asked.source)),
    Form(
        lambda head, source, name: tesseract_files.is_tesseract(head, source.size),
        lambda asked: tesseract_files.read_tesseract(asked.source),
    ),
    Form(_is_old_pickle, lambda asked: torch_files.read_pickle(asked.source)),
)
"""In the order in which they are tried."""
