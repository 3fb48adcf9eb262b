"""Hostile model files: each is an answer or a fault that says what is wrong, soon, and nothing in it is ever done."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import random
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sizer.errors import Fault, InputError
from sizer.files import limits
from sizer.files.contents import Contents
from sizer.files.reading import DAMAGED, read_contents
from tests.attacks import storm
from tests.examples import examples
from tests.made_models import model_files

MOST_SECONDS = 10.0
"""Of processor time that a small hostile file may take."""


def look(path: Path) -> tuple[Contents, ...] | str:
    """Return what is read, or the fault's words; whatever else is raised fails the test."""
    begun = time.process_time()
    faults: tuple[Fault, ...] = ()
    found: tuple[Contents, ...] = ()
    try:
        found = read_contents(path)
    except InputError as problem:
        faults = problem.faults
    # Work, not time that others had; where each line is traced, what the reader itself gives up after.
    assert time.process_time() - begun < (MOST_SECONDS if sys.gettrace() is None else limits.MOST_SECONDS)
    if faults:
        assert all(fault.file == str(path) and fault.message for fault in faults)
        # A fault that no reader foresaw is an answer for a person, and a thing to mend here.
        assert DAMAGED not in faults[0].message
        return faults[0].message
    for contents in found:
        for tensor in contents.tensors:
            assert all(type(size) is int and size >= 0 for size in tensor.shape)
            assert tensor.size <= 2**63 - 1
        json.dumps([[layer.kind, layer.name, dict(layer.settings), layer.tensors] for layer in contents.layers])
    return found


def damaged(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Damage bytes as disks, copies and enemies do."""
    found = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 5, 20])):
        how = chance.choice(["flip", "flip", "flip", "byte", "cut", "zeros", "number", "insert", "another's", "repeat"])
        # Headers stand at the start and at the end.
        place = chance.choice([chance.randrange(len(found) + 1), chance.randrange(min(300, len(found) + 1))])
        if chance.random() < 0.3:
            place = max(0, len(found) - place)
        if how == "flip" and place < len(found):
            found[place] ^= 1 << chance.randrange(8)
        elif how == "byte" and place < len(found):
            found[place] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        elif how == "cut":
            del found[place:]
        elif how == "zeros":
            found[place : place + 64] = bytes(len(found[place : place + 64]))
        elif how == "number":
            number = chance.choice([0, 1, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1])
            width = chance.choice([2, 4, 8])
            found[place : place + width] = (number % 2 ** (8 * width)).to_bytes(width, chance.choice(["little", "big"]))
        elif how == "insert":
            found[place:place] = bytes(chance.randrange(256) for _ in range(chance.choice([1, 4, 40])))
        elif how == "another's":
            other = chance.choice(others)
            start = chance.randrange(len(other))
            found[place : place + 200] = other[start : start + 200]
        elif how == "repeat":
            found[place:place] = found[place : place + chance.choice([1, 16, 300])]
        if not found:
            break
    return bytes(found)


@pytest.mark.parametrize("kind", sorted(model_files()))
def test_a_damaged_model_file_is_an_answer_or_a_fault(kind: str, tmp_path: Path) -> None:
    files = model_files()
    others = list(files.values())
    path = tmp_path / kind
    path.write_bytes(files[kind])
    assert not isinstance(look(path), str)
    with storm(f"damaged model files, {kind}", quick=examples(100), long=2000, seed=17) as tried:
        for chance in tried:
            path.write_bytes(damaged(chance, files[kind], others))
            tried.ended("refused" if isinstance(look(path), str) else "read")
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.thorough
def test_thousands_of_damaged_model_files(tmp_path: Path) -> None:
    files = model_files()
    others = list(files.values())
    with storm("damaged model files of every kind", quick=6000, long=6000, seed=5) as tried:
        for chance in tried:
            kind = chance.choice(list(files))
            path = tmp_path / kind
            path.write_bytes(damaged(chance, files[kind], others))
            tried.ended("refused" if isinstance(look(path), str) else "read")
            path.unlink()
    assert min(tried.outcomes.values()) > 500


class Harmful:
    """What a pickle of it would do to whoever loads it."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (self.command,)


def in_zip(*members: tuple[str, bytes], packed: bool = False) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return made.getvalue()


def in_tar(*members: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


def safetensors(header: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header


def row(shape: object, offsets: object = (0, 0), dtype: object = "F32") -> bytes:
    return json.dumps({"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}).encode()


def npy(header: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


def field(number: int, data: bytes) -> bytes:
    """Return a field of a protocol buffer with bytes in it."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def nested_graphs(depth: int) -> bytes:
    graph = b""
    for _ in range(depth):
        graph = field(1, field(4, b"If") + field(5, field(1, b"then_branch") + field(6, graph)))
    return b"\x08\x07" + field(7, graph)


def onnx_tensor(*sizes: int) -> bytes:
    return b"\x08\x07" + field(7, field(5, b"".join(b"\x08" + varint(size) for size in sizes) + b"\x10\x01"))


def shared_lists(depth: int) -> bytes:
    """Return a pickle of a list with twice the same list in it, and so on: few bytes, and 2 to the power of depth lists."""
    return b"\x80\x02]q\x00" + b"".join(b"]q" + bytes([n + 1]) + b"(h%ch%ce" % (n, n) for n in range(depth)) + b"."


def zip_that_says(members: int) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, members, members, 0xFFFFFF, 0, 0)


def zip64_that_says(members: int, size: int, start: int) -> bytes:
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, members, members, size, start)
    return b"PK\3\4" + end + struct.pack("<4sLQL", b"PK\6\7", 0, 4, 1) + zip_that_says(0xFFFF)


def hdf5_with(kind: int, body: bytes) -> bytes:
    """Return an HDF5 file whose root has one message."""
    root = struct.pack("<BBHII4x", 1, 0, 1, 1, 8 + len(body)) + struct.pack("<HHB3x", kind, len(body), 0) + body
    start = b"\x89HDF\r\n\x1a\n" + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + struct.pack("<HHI", 4, 16, 0)
    places = struct.pack("<QQQQ", 0, 2**64 - 1, 96 + len(root), 2**64 - 1) + struct.pack("<QQQ16x", 0, 96, 0)
    return start + places + root


BIG = 200 * 2**20
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "it is empty"),
    "a text": (lambda: b"hello, world\n" * 50, "nothing at its start is recognised"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(900), "nothing at its start is recognised"),
    "a header of 10 GB": (lambda: safetensors(b"{" + b" " * 100, 10 * 2**30), "10,737,418,240 bytes"),
    "a header longer than the file": (lambda: safetensors(b"{}", 1000), "it is cut off"),
    "sizes that overflow": (lambda: safetensors(row([2**40, 2**40])), "more than 2**63 - 1 values"),
    "sizes below 0": (lambda: safetensors(row([-1, 4])), "has no shape"),
    "sizes that are truth values": (lambda: safetensors(row([True, 4])), "has no shape"),
    "sizes of thousands of digits": (lambda: safetensors(b'{"w":{"shape":[%s]}}' % (b"9" * 9999)), "no JSON"),
    "a shape that is no list": (lambda: safetensors(row("4")), "has no shape"),
    "a place that is none": (lambda: safetensors(row([4], [16, 0])), "has no place in the file"),
    "bytes that do not fit the shape": (lambda: safetensors(row([4], [0, 12])), "its shape '[4]' of F32 does not"),
    "weights that are cut off": (lambda: safetensors(row([4], [0, 16])), "it is cut off"),
    "a million tensors": (
        lambda: safetensors(
            b"{"
            + b",".join(b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % n for n in range(400_000))
            + b"}"
        ),
        "more than 250,000 tensors",
    ),
    "a header of brackets": (lambda: safetensors(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "nested too deep"),
    "a header of a million empty lists": (
        lambda: safetensors(b'{"a":[' + b"[]," * 4_000_000 + b"1]}"),
        "is too long",
    ),
    "a climbing path": (
        lambda: in_zip(("../../../../tmp/climbed.pt", b"x" * 40)),
        "nothing at its start is recognised",
    ),
    "a zip without an end": (lambda: in_zip(("archive/data.pkl", b"x" * 4000))[:-30], "it is cut off"),
    "a zip of ten million members": (lambda: b"PK\3\4" + zip64_that_says(10**7, 10, 4)[4:], "10,000,000 members"),
    "a zip whose sizes overflow": (lambda: zip64_that_says(3, 2**63, 2**63), "its zip directory is damaged"),
    "a zip that unpacks to a lot": (
        lambda: in_zip(("a/data.pkl", b"\x80\x02" + b"]0" * (BIG // 2)), packed=True),
        "more than Sizer reads",
    ),
    "zips within zips": (
        lambda: in_zip(
            (
                "a.zip",
                in_zip(("a.zip", in_zip(("a.zip", in_zip(("a.zip", in_zip(("a.zip", in_zip(("a.pt", b"x")))))))))),
            )
        ),
        "more than 4 archives",
    ),
    "gzip within gzip": (
        lambda: gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"x" * 99)))))),
        "more than 4 archives",
    ),
    "gzip of zeros": (lambda: gzip.compress(gzip.compress(bytes(BIG))), "nothing at its start is recognised"),
    "bzip2 of zeros": (lambda: bz2.compress(bytes(BIG)), "nothing at its start is recognised"),
    "xz of zeros": (lambda: lzma.compress(bytes(BIG), preset=0), "nothing at its start is recognised"),
    "gzip that is cut off": (lambda: gzip.compress(random.Random(3).randbytes(9000))[:4000], "it is cut off"),
    "gzip that is damaged": (lambda: b"\x1f\x8b\x08\x00" + random.Random(3).randbytes(900), "it cannot be unpacked"),
    "a tar that is cut off": (lambda: in_tar(("model_weights.ckpt", bytes(9000)))[:3000], "it is cut off"),
    "a tar of texts": (lambda: in_tar(("a.txt", b"x")), "an archive without a model file"),
    "a pickle that ends at once": (lambda: b"\x80\x02", "it is cut off"),
    "a pickle of bytes that are not there": (
        lambda: b"\x80\x04\x8e" + struct.pack("<Q", 2**63) + b".",
        "it is cut off",
    ),
    "a pickle of a number of 2 GB": (
        lambda: b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b".",
        "a number of 2,147,483,647 bytes",
    ),
    "a pickle with place 4,294,967,295": (lambda: b"\x80\x02]r\xff\xff\xff\xff.", ""),
    "a pickle of lists in lists": (
        lambda: b"\x80\x02" + b"]" * 300_000 + b"a" * 299_999 + b".",
        "nested too deeply",
    ),
    "a pickle of tuples in tuples": (lambda: b"\x80\x02)" + b"\x85" * 300_000 + b".", "nested too deeply"),
    "a pickle of lists shared again and again": (lambda: shared_lists(90), ""),
    "a pickle of a list in itself": (lambda: b"\x80\x02]q\x00h\x00a.", ""),
    "a pickle of millions of marks": (lambda: b"\x80\x02" + b"(" * 9_000_000 + b".", "more than Sizer reads"),
    "a pickle of a tensor without arguments": (
        lambda: b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
        "is not whole",
    ),
    "a pickle of a tensor of words": (
        lambda: (
            pickle.dumps(("a", "b", "c"), 2)[:-1]
            .join([b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n", b"R."])
            .replace(b"\n\x80\x02", b"\n")
        ),
        "has no shape",
    ),
    "an array whose header is long": (
        lambda: b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"{",
        "at most 65,536 are read",
    ),
    "an array whose header is nested": (lambda: npy("(" * 30_000), "nested too deeply"),
    "an array whose header is code": (lambda: npy("__import__('os').system('true')"), "is damaged"),
    "an array of no shape": (lambda: npy("{'descr': '<f4', 'shape': (-1,)}"), "has no shape"),
    "graphs within graphs": (lambda: nested_graphs(2000), "nested too deeply"),
    "a tensor of 2**80 values": (lambda: onnx_tensor(2**40, 2**40), "more than 2**63 - 1 values"),
    "a tensor of less than nothing": (lambda: onnx_tensor(2**64 - 5), "has no shape"),
    "a message longer than the file": (
        lambda: b"\x08\x07\x12\x07pytorch" + varint(7 << 3 | 2) + varint(2**40) + b"a",
        "it is cut off",
    ),
    "msgpack of lists in lists": (lambda: b"\x81\xa1a" + b"\x91" * 100_000, "nested too deeply"),
    "msgpack of four billion values": (lambda: b"\x81\xa1a\xdd\xff\xff\xff\xff" + bytes(1000), "it is cut off"),
    "msgpack of words": (lambda: b"\x81\xa1a\xa1b", "holds no Flax array"),
    "JSON of brackets": (lambda: b'{"a":' * 60_000 + b"1" + b"}" * 60_000, "nested too deep"),
    "JSON of something else": (lambda: b'{"name": "a package"}', "does not describe a model"),
    "an index whose part climbs": (
        lambda: json.dumps({"weight_map": {"w": "../../etc/passwd"}}).encode(),
        "not in the same folder",
    ),
    "an index whose part is not there": (
        lambda: json.dumps({"weight_map": {"w": "part-1.safetensors"}}).encode(),
        "no such file",
    ),
    "HDF5 that ends at once": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(8), "it is not an HDF5 file"),
    "HDF5 that should be longer": (lambda: model_files()["model.h5"][:9000], "it is cut off"),
    "HDF5 whose root is in itself": (
        lambda: hdf5_with(6, bytes([1, 0, 1]) + b"a" + struct.pack("<Q", 96)),
        "without a dataset",
    ),
    "HDF5 whose header goes on in itself": (lambda: hdf5_with(16, struct.pack("<QQ", 112, 24)), ""),
    "HDF5 whose tree is in itself": (
        lambda: hdf5_with(17, struct.pack("<QQ", 0, 0)),
        "damaged",
    ),
    "Kaldi without a network": (lambda: b"\0B<TransitionModel> " + bytes(2**20), "no nnet3 network"),
    "a matrix in text that never ends": (
        lambda: (
            b"<Nnet3> \n\n<NumComponents> 1\n<ComponentName> a <AffineComponent> <LinearParams> [ " + b"1 " * 9_000_000
        ),
        "",
    ),
    "a deep config": (
        lambda: b'{"class_name":"Model","config":{"layers":[' * 200 + b"]}}" * 200,
        "nested too deeply",
    ),
}


LONG = {
    "a zip that unpacks to a lot",
    "bzip2 of zeros",
    "xz of zeros",
    "gzip of zeros",
    "a pickle of millions of marks",
    "a pickle of lists in lists",
    "a pickle of tuples in tuples",
    "a matrix in text that never ends",
    "a million tensors",
}
"""Those that take a second or more until they are refused."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.thorough] * (name in LONG)) for name in HOSTILE]
)
def test_a_hostile_model_file(name: str, tmp_path: Path) -> None:
    make, said = HOSTILE[name]
    path = tmp_path / "hostile"
    path.write_bytes(make())
    found = look(path)
    assert [*tmp_path.iterdir()] == [path]
    if said:
        assert isinstance(found, str), found
        assert said in found


def harmful_files(command: str) -> dict[str, bytes]:
    """Return files of every kind that runs code, where it is loaded, that does something."""
    import numpy

    objects = io.BytesIO()
    numpy.save(objects, numpy.array([Harmful(command)], dtype=object), allow_pickle=True)
    found = {f"protocol-{protocol}.pkl": pickle.dumps({"w": Harmful(command)}, protocol) for protocol in range(6)}
    legacy: list[object] = [0x1950A86A20F9469CFC6C, 1001, {}, Harmful(command), []]
    script = f"cos\nsystem\n(S'{command}'\ntR.".encode()
    found |= {
        "old.pkl": script,
        "state.pt": in_zip(("archive/data.pkl", pickle.dumps(Harmful(command), 2)), ("archive/version", b"3")),
        "legacy.pt": b"".join(pickle.dumps(one, 2) for one in legacy),
        "script.jit": in_zip(
            ("archive/data.pkl", pickle.dumps(Harmful(command), 2)),
            ("archive/constants.pkl", pickle.dumps(Harmful(command), 2)),
            ("archive/code/__torch__.py", b"__import__('os').system('" + command.encode() + b"')"),
        ),
        "objects.npy": objects.getvalue(),
        "objects.npz": in_zip(("a.npy", objects.getvalue())),
        "tar.pt": in_tar(
            ("pickle", pickle.dumps(Harmful(command), 2)),
            ("storages", pickle.dumps(0, 2)),
            ("tensors", pickle.dumps(0, 2)),
        ),
        "packed.pkl.gz": gzip.compress(pickle.dumps(Harmful(command))),
    }
    # Built by what objects are given after they are made, and by what a class is asked.
    for opcode in (b"(ios\nsystem\n", b"(cos\nsystem\n"):
        found[f"built-{len(found)}.pkl"] = b"\x80\x02" + opcode.replace(b"\n", b"\n", 1) + b"S'x'\n0."
    found["state-set.pkl"] = b"\x80\x02cbuiltins\neval\n}b."
    return found


def test_what_a_model_file_would_do_is_not_done(tmp_path: Path) -> None:
    mark = tmp_path / "done"
    for name, data in harmful_files(f"touch {mark}").items():
        path = tmp_path / name
        path.write_bytes(data)
        look(path)
        assert not mark.exists(), name
    # The command is one that works: Python's own unpickler does it.
    pickle.loads(pickle.dumps(Harmful(f"touch {mark}")))
    assert mark.exists()


WATCHED = """
import os, sys, tempfile
from pathlib import Path
from sizer.errors import Fault, InputError
from sizer.files.reading import DAMAGED, read_contents
files = [Path(name) for name in sys.argv[1:]]
for path in files:  # everything that reading needs is imported before anything is watched
    try: read_contents(path)
    except InputError: pass
done = []
def watch(event, arguments):
    if event in ("os.system", "subprocess.Popen", "os.exec", "os.fork", "exec", "compile", "import", "socket.connect",
                 "os.remove", "os.rename", "os.mkdir", "ctypes.dlopen", "pickle.find_class"):
        done.append((event, str(arguments)[:200]))
    if event == "open" and (arguments[1] is not None and set(str(arguments[1])) & set("wax+")):
        done.append((event, str(arguments)[:200]))
sys.addaudithook(watch)
for path in files:
    try: read_contents(path)
    except InputError: pass
print([one for one in done if one[0] != "compile" or "literal" in one[1]])
# `ru_maxrss` would be no less than what the process that started this one holds.
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


@pytest.mark.process
def test_nothing_is_imported_called_or_written_and_memory_stays_flat(tmp_path: Path) -> None:
    files = harmful_files(f"touch {tmp_path / 'done'}") | {
        name.replace(" ", "-").replace("/", "-"): make() for name, (make, _) in HOSTILE.items()
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    names = [str(tmp_path / name) for name in files]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *names], capture_output=True, text=True, check=True, timeout=280
    )
    events, megabytes = done.stdout.splitlines()
    # NumPy's headers are literals, which Python compiles without running them.
    assert [event for event in eval(events) if event[0] != "compile"] == []
    assert int(megabytes) < 400
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)


@pytest.mark.thorough
def test_bytes_that_zlib_wrote_are_read_to_the_end() -> None:
    from sizer.files.byte_sources import MemoryBytes, PackedBytes
    from sizer.files.limits import ReadingAllowance

    data = random.Random(4).randbytes(300_000) + bytes(3_000_000)
    for kind, packed in (
        ("gzip", gzip.compress(data[:5000]) + gzip.compress(data[5000:])),
        ("zlib", zlib.compress(data)),
        ("bz2", bz2.compress(data)),
        ("xz", lzma.compress(data)),
    ):
        source = PackedBytes(MemoryBytes(packed, ReadingAllowance()), kind)
        assert source.size == len(data)
        for start, length in ((0, 10), (3_299_990, 10), (4990, 20), (100, 250_000), (0, len(data))):
            assert source.read(start, length) == data[start : start + length]
