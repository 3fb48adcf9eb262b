"""What PyTorch has written becomes tensors: zip checkpoints, TorchScript archives, pickles of older versions, tar files."""

from __future__ import annotations

import re
import struct
from typing import Any

from sizer.errors import InputError
from sizer.files.archives import Tar, Zip
from sizer.files.byte_sources import ByteSource, Cursor
from sizer.files.contents import Contents, Role
from sizer.files.limits import MOST_DIMENSIONS, MOST_TENSORS, unread
from sizer.files.pickled_tensors import STORAGES, FoundTensors, numpy_type, walk
from sizer.files.pickles import Named, PickledObject, PickledTable, Unpickler

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""What the first of the pickles of `torch.save` before version 1.6 holds."""
STATE_DICT = (
    "A state dict has only names and shapes: it does not say which tensors are buffers, or what the layers are."
)
MOST_CODE = 4 * 2**20
"""Bytes of TorchScript that are looked through for the names of parameters and buffers, in one file of it."""
MOST_PICKLES = 64
"""Behind each other in one file."""


def is_torch_zip(archive: Zip) -> str:
    """Return the folder of a PyTorch archive with a slash behind it; empty where it is none."""
    for name in archive.members:
        if name.endswith("/data.pkl") and name.count("/") == 1:
            return name.removesuffix("data.pkl")
    return ""


def read_torch_zip(archive: Zip, source: ByteSource, folder: str) -> Contents:
    """Return what a PyTorch archive holds: of `torch.save`, or of TorchScript with its constants.

    Args:
        archive: the zip that it is.
        source: the file.
        folder: as `is_torch_zip` returns it.

    Raises:
        InputError: it is damaged.
    """
    found = FoundTensors(source.allowance)
    code = [name for name in archive.members if name.startswith(f"{folder}code/") and name.endswith(".py")]
    script = f"{folder}constants.pkl" in archive.members or bool(code)
    if script:
        roles = _stated_roles(archive, code, folder)
        found.roles = lambda kind: roles.get(kind, {})
    walk(Unpickler(Cursor(archive.open(f"{folder}data.pkl"))).load(), found)
    if script and f"{folder}constants.pkl" in archive.members:
        constants = FoundTensors(source.allowance)
        walk(Unpickler(Cursor(archive.open(f"{folder}constants.pkl"))).load(), constants)
        for tensor in constants.tensors:
            storage = f"constants/{tensor.storage}" if tensor.storage else None
            found.add(f"constants.{tensor.name}", tensor.shape, tensor.dtype, "unknown", storage)
        if constants.tensors:
            found.note("Constants of the code are named by number; a frozen model has its weights there.")
    producer = "torch"
    if f"{folder}version" in archive.members and archive.members[f"{folder}version"].size < 100:
        version = archive.read(f"{folder}version").decode("ascii", "replace").strip()
        producer = f"torch, file format {version}"
    return _contents("torchscript" if script else "torch zip", found, producer)


def _contents(form: str, found: FoundTensors, producer: str) -> Contents:
    if any(tensor.role == "unknown" for tensor in found.tensors):
        found.notes.insert(0, STATE_DICT)
    return Contents(form, tuple(found.tensors), tuple(found.layers), producer, tuple(found.notes))


_CLASS = re.compile(r"^class (\w+)\(Module\):", re.MULTILINE)
_LISTED = re.compile(r"^  __(parameters|buffers)__ = \[([^\]]*)\]", re.MULTILINE)


def _stated_roles(archive: Zip, code: list[str], folder: str) -> dict[str, dict[str, Role]]:
    """Return, for each class of a TorchScript archive, which attributes are parameters and which are buffers."""
    found: dict[str, dict[str, Role]] = {}
    for name in code:
        member = archive.open(name)
        text = member.read(0, min(member.size, MOST_CODE)).decode("utf-8", "replace")
        member.allowance.spend(1 + len(text) // 100)
        module = name.removeprefix(f"{folder}code/").removesuffix(".py").replace("/", ".")
        starts = [*_CLASS.finditer(text)]
        for place, start in enumerate(starts):
            end = starts[place + 1].start() if place + 1 < len(starts) else len(text)
            roles: dict[str, Role] = {}
            for listed in _LISTED.finditer(text, start.end(), end):
                role: Role = "weight" if listed[1] == "parameters" else "buffer"
                roles |= dict.fromkeys(re.findall(r'"(\w+)"', listed[2]), role)
            found[f"{module}.{start[1]}"] = roles
    return found


def read_pickle(source: ByteSource) -> Contents:
    """Return what a file of pickles holds: what PyTorch wrote before its zip files, or arrays and objects of anybody.

    Raises:
        InputError: it is damaged.
    """
    found = FoundTensors(source.allowance)
    cursor = Cursor(source)
    first = Unpickler(cursor, _pass_over_array).load()
    if first == LEGACY_MAGIC:
        version = Unpickler(cursor).load()
        Unpickler(cursor).load()
        walk(Unpickler(cursor).load(), found)
        return _contents(
            "torch legacy pickle", found, f"torch, protocol {version}" if type(version) is int else "torch"
        )
    walk(first, found)
    read = 1
    while cursor.at < cursor.end and read < MOST_PICKLES:
        # More pickles may follow; what is no pickle is somebody's own bytes, which are not read.
        begin = cursor.at
        kept = len(found.tensors), len(found.layers)
        try:
            tree = Unpickler(cursor, _pass_over_array).load()
            inner = FoundTensors(source.allowance)
            walk(tree, inner)
        except InputError:
            source.allowance.spend()
            del found.tensors[kept[0] :], found.layers[kept[1] :]
            found.note(f"{cursor.end - begin:,} bytes after the pickle are not read.")
            break
        for tensor in inner.tensors:
            found.add(
                f"{read}.{tensor.name}" if tensor.name else str(read), tensor.shape, tensor.dtype, tensor.role, None
            )
        read += 1
    return _contents("pickle", found, _producer(first))


def _producer(tree: Any) -> str:
    """Return the package whose object it is, where it is one's."""
    if isinstance(tree, PickledObject) and isinstance(tree.called, Named):
        package = tree.called.module.partition(".")[0]
        return "" if package in ("collections", "builtins", "copyreg", "copy_reg", "__builtin__") else package
    return ""


def _pass_over_array(made: PickledObject, cursor: Cursor) -> None:
    """Skip the values that joblib puts into the stream behind the description of an array."""
    if made.kind != "joblib.numpy_pickle.NumpyArrayWrapper" or not isinstance(made.state, PickledTable):
        return
    state = made.state.words()
    shape, word = state.get("shape"), numpy_type(state.get("dtype"))
    if word == "object":
        # The objects are a pickle of their own.
        made.items.append(Unpickler(cursor, _pass_over_array).load())
        return
    bits = re.search(r"(\d+)$", word)
    if not isinstance(shape, tuple) or any(type(size) is not int or size < 0 for size in shape):
        raise unread("an array in it has no shape")
    if bits is None and word != "bool":
        raise unread(f"an array of {word} in it has an unknown size")
    if state.get("numpy_array_alignment_bytes") is not None:
        cursor.skip(cursor.take(1)[0])
    length = 1 if bits is None else int(bits[1]) // 8
    for size in shape:
        length *= size
    cursor.skip(length)


def is_torch_tar(archive: Tar) -> bool:
    """Return whether a tar file is what PyTorch wrote at first."""
    names = {name.removeprefix("./") for name in archive.members}
    return {"pickle", "storages", "tensors"} <= names


def read_torch_tar(archive: Tar, source: ByteSource) -> Contents:
    """Return what PyTorch wrote before its legacy pickles: a pickle, storages, and tensors that are views of them.

    Raises:
        InputError: it is damaged.
    """
    names = {name.removeprefix("./"): name for name in archive.members}
    cursor = Cursor(archive.open(names["tensors"]))
    number = Unpickler(cursor).load()
    if type(number) is not int or not 0 <= number <= MOST_TENSORS:
        raise unread("it gives no valid number of tensors")
    views: dict[Any, tuple[tuple[int, ...], str, str]] = {}
    for _ in range(number):
        row = Unpickler(cursor).load()
        if not isinstance(row, tuple) or len(row) != 3 or not isinstance(row[2], Named):
            raise unread("a tensor in it is damaged")
        key, storage, kind = row
        dimensions = struct.unpack("<i", cursor.take(4))[0]
        if not 0 <= dimensions <= MOST_DIMENSIONS:
            raise unread(f"a tensor in it has {dimensions:,} dimensions")
        cursor.skip(4)
        sizes = struct.unpack(f"<{dimensions}q", cursor.take(8 * dimensions))
        cursor.skip(8 * dimensions)
        offset = struct.unpack("<q", cursor.take(8))[0]
        if not isinstance(key, (int, str)) or not isinstance(storage, (int, str)):
            raise unread("a tensor in it is damaged")
        dtype = STORAGES.get(kind.name.replace("Tensor", "Storage"), "unknown")
        views[str(key)] = (sizes, dtype, f"{storage}+{offset}")
    found = FoundTensors(source.allowance)
    found.by_identity = lambda identity: views.get(str(identity)) if isinstance(identity, (int, str)) else None
    walk(Unpickler(Cursor(archive.open(names["pickle"]))).load(), found)
    return _contents("torch tar", found, "torch")
