"""A file, a folder or a URL becomes the contents of the model files in it. Begin here.

    read_contents("model.pt")       what a file holds; an archive of model files holds several
    read_contents("checkpoints/")   each of a folder's model files; the parts of one model as one

A format is known by the first bytes, and by what stands in an archive; the ending of a name says nothing, except where
a format has no sign of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin

from sizer.errors import InputError, faults_of, quoted
from sizer.files import (
    archives,
    coreml_files,
    dynet_files,
    flax_files,
    gguf_files,
    hdf5,
    json_files,
    kaldi_files,
    keras_files,
    numpy_files,
    onnx_files,
    safetensors,
    tensorflow_files,
    tesseract_files,
    tflite_files,
    torch_files,
)
from sizer.files.byte_sources import ByteSource, FarBytes, LocalBytes, PackedBytes
from sizer.files.contents import Contents
from sizer.files.limits import MOST_ARCHIVES, MOST_JSON, MOST_TENSORS, ReadingAllowance, parse_json, unread

HEAD = 4096
"""Bytes by which a format is known."""
UNFORESEEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error)
"""What a reader stumbles over where the file says something that it does not ask for."""
DAMAGED = "it is damaged in a way that Sizer cannot describe"
MOST_CONFIGURATION = 100_000
"""Bytes of a configuration that is handed on as it is."""
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
        ".index",
        ".pdparams",
        ".split",
        ".gguf",
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
        sizer.errors.InputError: no-such-file.pt: no such file
    """
    allowance = ReadingAllowance()
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
            raise unread("it is nested too deeply or holds too much") from None


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
        raise unread(f"it is in more than {MOST_ARCHIVES} archives inside each other")
    if not source.size:
        raise unread("it is empty")
    head = source.head(HEAD)
    for form in FORMS:
        if form.known_by(head, source, name):
            try:
                found = form.read(ReadingRequest(source, name, path, depth, head))
            except UNFORESEEN as problem:
                if isinstance(problem, InputError):
                    raise
                raise unread(f"{DAMAGED} ({type(problem).__name__}: {problem})") from None
            return found if isinstance(found, list) else [found]
    raise unread("it is not a model file that Sizer knows: nothing at its start is recognised")


@dataclass(frozen=True)
class ReadingRequest:
    """What a reader is asked to read."""

    source: ByteSource
    name: str
    path: Path | None
    depth: int
    head: bytes


@dataclass(frozen=True)
class KnownFormat:
    """One kind of file."""

    known_by: Callable[[bytes, ByteSource, str], bool]
    """Takes the first bytes, all of them, and the name."""
    read: Callable[[ReadingRequest], Contents | list[Contents]]


def _zip(asked: ReadingRequest) -> Contents | list[Contents]:
    archive = archives.Zip(asked.source)
    folder = torch_files.is_torch_zip(archive)
    if folder:
        return torch_files.read_torch_zip(archive, asked.source, folder)
    if keras_files.is_keras_zip(archive):
        return keras_files.read_keras_zip(archive, asked.source)
    if any(name.endswith(".npy") and "/" not in name for name in archive.members):
        return numpy_files.read_npz(archive, asked.source)
    return list(_members(archive, asked))


def _tar(asked: ReadingRequest) -> Contents | list[Contents]:
    archive = archives.Tar(asked.source)
    if torch_files.is_torch_tar(archive):
        return torch_files.read_torch_tar(archive, asked.source)
    found = list(_members(archive, asked))
    if "model_config.yaml" in {PurePosixPath(name).name for name in archive.members} and len(found) == 1:
        return _nemo(archive, found[0])
    return found


def _nemo(archive: archives.Tar, weights: Contents) -> Contents:
    """Return what a `.nemo` file holds: the weights in it, and its configuration as it is written."""
    name = next(name for name in archive.members if PurePosixPath(name).name == "model_config.yaml")
    text = archive.open(name)
    said = text.read(0, min(text.size, MOST_CONFIGURATION)).decode("utf-8", "replace")
    return replace(weights, format="nemo", producer="nemo", metadata={**weights.metadata, "model_config.yaml": said})


def _json(asked: ReadingRequest) -> Contents | list[Contents]:
    if asked.source.size > MOST_JSON:
        raise unread("it is JSON, and too long")
    said = parse_json(asked.source.read(0, asked.source.size), "it")
    parts = json_files.parts_of(said)
    if parts is None:
        return json_files.read_configuration(said)
    return _together(parts, asked)


def _together(parts: dict[str, tuple[str, ...]], asked: ReadingRequest) -> Contents:
    """Return the parts of one model as one: every tensor that the index names must be in the part that it says."""
    found: list[Contents] = []
    number = 0
    for file, names in parts.items():
        one = _beside(file, asked)
        missing = set(names) - {tensor.name for tensor in one.tensors}
        if missing:
            raise unread(f"its part {quoted(file)} lacks {quoted(min(missing))}, and {len(missing) - 1:,} more")
        number += len(one.tensors)
        if number > MOST_TENSORS:
            raise unread(f"its parts hold more than {MOST_TENSORS:,} tensors")
        # Storages are named anew in each part.
        found.append(
            replace(
                one,
                tensors=tuple(
                    replace(tensor, storage=f"{file}/{tensor.storage}") if tensor.storage else tensor
                    for tensor in one.tensors
                ),
            )
        )
    first = found[0]
    return replace(
        first,
        tensors=tuple(tensor for one in found for tensor in one.tensors),
        layers=tuple(layer for one in found for layer in one.layers),
        notes=(*first.notes, f"It consists of {len(found):,} files."),
    )


def _beside(file: str, asked: ReadingRequest) -> Contents:
    """Return what a file beside the one that is asked for holds: behind the same URL, or in the same folder."""
    if asked.path is not None:
        path = asked.path.with_name(file)
        with LocalBytes(path, asked.source.allowance) as source:
            found = read_source(source, file, path, asked.depth + 1)
    elif isinstance(asked.source, FarBytes):
        url = urljoin(asked.source.url, file)
        found = read_source(FarBytes(url, asked.source.allowance), url, None, asked.depth + 1)
    else:
        raise unread("it refers to other files, but is in an archive")
    if len(found) != 1:
        raise unread(f"its part {quoted(file)} is an archive of several models")
    return found[0]


def _members(archive: archives.Zip | archives.Tar, asked: ReadingRequest) -> Iterator[Contents]:
    """Yield what each model file of an archive holds; what is none is passed over, where there is one at all."""
    wanted = [name for name in archive.members if PurePosixPath(name).suffix.lower() in MEMBERS]
    if len(wanted) > MOST_FILES:
        raise unread(f"it has {len(wanted):,} model files; at most {MOST_FILES:,} are read")
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
        raise unread(f"none of its {len(wanted):,} model files can be read; {problems[0]}")


def _packed(kind: str) -> Callable[[ReadingRequest], Contents | list[Contents]]:
    def read(asked: ReadingRequest) -> list[Contents]:
        inside = PackedBytes(asked.source, kind)
        name = PurePosixPath(asked.name).with_suffix("").name
        return read_source(inside, name, None, asked.depth + 1)

    return read


def _is_hdf5(head: bytes, source: ByteSource, name: str) -> bool:
    return any(head[place : place + 8] == hdf5.MAGIC for place in hdf5.PLACES)


def _is_pickle(head: bytes, source: ByteSource, name: str) -> bool:
    return len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5


def _is_old_pickle(head: bytes, source: ByteSource, name: str) -> bool:
    """Return whether it may be of protocol 0 or 1, which have no sign of their own but the stop at the end."""
    return head[:1] in (b"c", b"(", b"]", b"}") and source.read(source.size - 1, 1) == b"."


def _folder(folder: Path, allowance: ReadingAllowance) -> Iterator[Contents]:
    """Yield what each model file of a folder holds, the parts of one model as one."""
    paths = sorted(path for path in folder.rglob("*") if _may_be_model(path))
    if len(paths) > MOST_FILES:
        raise unread(f"it has {len(paths):,} model files; at most {MOST_FILES:,} are read")
    if flax_files.is_orbax(folder):
        yield flax_files.read_orbax(folder, allowance)
        return
    problems = []
    several = False
    taken: set[Path] = set()
    # An index comes first: its parts are no models of their own.
    for path in sorted(paths, key=lambda path: not path.name.endswith(".index.json")):
        place = path.relative_to(folder).as_posix()
        if path in taken:
            continue
        try:
            if path.name == "_METADATA":
                taken.update(other for other in paths if path.parent in other.parents)
                found = [flax_files.read_orbax(path.parent, allowance)]
            else:
                with LocalBytes(path, allowance) as source:
                    if path.name.endswith(".index.json"):
                        said = parse_json(source.read(0, source.size), "it")
                        taken.update(path.with_name(file) for file in json_files.parts_of(said) or ())
                    found = read_source(source, place, path)
        except InputError as problem:
            problems.append(f"{place}: {problem.faults[0].message}")
            continue
        several = True
        for one in found:
            yield replace(one, place=f"{place}!{one.place}" if one.place else place)
    if not several:
        raise unread(f"none of its model files can be read; {problems[0]}" if problems else "it has no model file")


def _may_be_model(path: Path) -> bool:
    named = path.name in ("config.json", "_METADATA") or path.name.endswith(".index.json")
    return (named or path.suffix.lower() in MEMBERS) and path.is_file()


def _begins(*signs: bytes) -> Callable[[bytes, ByteSource, str], bool]:
    return lambda head, source, name: head.startswith(signs)


FORMS = (
    # It begins with a length, whose bytes may be any other format's sign.
    KnownFormat(
        lambda head, source, name: safetensors.is_safetensors(head, source.size),
        lambda asked: safetensors.read_safetensors(asked.source),
    ),
    KnownFormat(_begins(gguf_files.MAGIC), lambda asked: gguf_files.read_gguf(asked.source)),
    KnownFormat(_begins(b"PK\3\4", b"PK\5\6"), _zip),
    KnownFormat(_begins(b"\x1f\x8b"), _packed("gzip")),
    KnownFormat(_begins(b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"), _packed("zlib")),
    KnownFormat(_begins(b"BZh"), _packed("bz2")),
    KnownFormat(_begins(b"\xfd7zXZ\0"), _packed("xz")),
    KnownFormat(_is_hdf5, lambda asked: keras_files.read_hdf5(asked.source)),
    KnownFormat(_begins(numpy_files.MAGIC), lambda asked: numpy_files.read_npy(asked.source)),
    KnownFormat(lambda head, source, name: archives.is_tar(head), _tar),
    KnownFormat(_is_pickle, lambda asked: torch_files.read_pickle(asked.source)),
    KnownFormat(
        lambda head, source, name: tflite_files.is_tflite(head), lambda asked: tflite_files.read_tflite(asked.source)
    ),
    KnownFormat(
        lambda head, source, name: onnx_files.is_onnx(source, head), lambda asked: onnx_files.read_onnx(asked.source)
    ),
    KnownFormat(
        lambda head, source, name: coreml_files.is_coreml(source, head),
        lambda asked: coreml_files.read_coreml(asked.source),
    ),
    KnownFormat(lambda head, source, name: head.lstrip()[:1] == b"{", _json),
    KnownFormat(
        lambda head, source, name: kaldi_files.is_kaldi(head), lambda asked: kaldi_files.read_kaldi(asked.source)
    ),
    KnownFormat(
        lambda head, source, name: kaldi_files.is_configuration(head),
        lambda asked: kaldi_files.read_configuration(asked.source),
    ),
    KnownFormat(_begins(*dynet_files.SIGNS), lambda asked: dynet_files.read_dynet(asked.source)),
    KnownFormat(
        lambda head, source, name: tesseract_files.is_tesseract(head, source.size),
        lambda asked: tesseract_files.read_tesseract(asked.source),
    ),
    KnownFormat(
        lambda head, source, name: flax_files.is_msgpack(head), lambda asked: flax_files.read_flax(asked.source)
    ),
    KnownFormat(
        lambda head, source, name: tensorflow_files.is_index(source),
        lambda asked: tensorflow_files.read_index(asked.source),
    ),
    KnownFormat(
        lambda head, source, name: tensorflow_files.is_graph(source, head),
        lambda asked: tensorflow_files.read_graph(asked.source),
    ),
    KnownFormat(_is_old_pickle, lambda asked: torch_files.read_pickle(asked.source)),
)
"""In the order in which they are tried."""
