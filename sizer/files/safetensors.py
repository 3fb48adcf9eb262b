"""The header of a safetensors file becomes its tensors."""

from __future__ import annotations

import math
from typing import Any

from sizer.errors import quoted
from sizer.files.byte_sources import ByteSource
from sizer.files.contents import Contents, StoredTensor
from sizer.files.limits import MOST_JSON, MOST_TENSORS, parse_json, printable, shape_of, unread

TYPES = {
    "F64": ("float64", 64),
    "F32": ("float32", 32),
    "F16": ("float16", 16),
    "BF16": ("bfloat16", 16),
    "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E5M2": ("float8_e5m2", 8),
    "F8_E8M0": ("float8_e8m0fnu", 8),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 8),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 8),
    "F6_E2M3": ("float6_e2m3fn", 6),
    "F6_E3M2": ("float6_e3m2fn", 6),
    "F4": ("float4_e2m1fn", 4),
    "I64": ("int64", 64),
    "I32": ("int32", 32),
    "I16": ("int16", 16),
    "I8": ("int8", 8),
    "U64": ("uint64", 64),
    "U32": ("uint32", 32),
    "U16": ("uint16", 16),
    "U8": ("uint8", 8),
    "BOOL": ("bool", 8),
    "C64": ("complex64", 64),
}
"""The format's words for types: ours, and bits for each value."""
ROLES = "It has only names and shapes: it does not say which tensors are buffers, or what the layers are."


def is_safetensors(head: bytes, size: int) -> bool:
    """Return whether a file begins as one: the length of a header, whose highest bytes are 0, and a brace."""
    return size > 8 and head[8:9] == b"{" and head[6:8] == b"\0\0" and int.from_bytes(head[:8], "little") >= 2


def read_safetensors(source: ByteSource) -> Contents:
    """Return what a safetensors file holds.

    Args:
        source: the file; its header alone is read.

    Raises:
        InputError: the header is damaged, too long, or says another size than the file has.
    """
    length = int.from_bytes(source.read(0, 8), "little")
    if length > MOST_JSON:
        raise unread(f"its header would have {length:,} bytes; at most {MOST_JSON:,} are read")
    data = source.read(8, length)
    if data.count(b'"data_offsets"') > MOST_TENSORS + 1:
        raise unread(f"it holds more than {MOST_TENSORS:,} tensors")
    header = parse_json(data, "the header")
    if not isinstance(header, dict):
        raise unread("the header is not a table of tensors")
    source.allowance.spend(len(header))
    metadata = header.pop("__metadata__", {}) or {}
    tensors = []
    end = 0
    for name, row in header.items():
        tensor, last = _tensor(name, row)
        tensors.append(tensor)
        end = max(end, last)
    if 8 + length + end > source.size:
        raise unread(f"it is cut off: its header says {8 + length + end:,} bytes, but it has {source.size:,}")
    words = {str(key)[:200]: str(value)[:2000] for key, value in metadata.items()} if isinstance(metadata, dict) else {}
    return Contents("safetensors", tuple(tensors), producer=words.get("format", ""), notes=(ROLES,), metadata=words)


def _tensor(name: str, row: Any) -> tuple[StoredTensor, int]:
    """Return a tensor, and behind which byte of the data it ends."""
    name = printable(name)
    if not isinstance(row, dict):
        raise unread(f"the header does not describe {quoted(name)}")
    dtype, offsets = row.get("dtype"), row.get("data_offsets")
    shape = shape_of(row.get("shape"), name)
    if (
        not isinstance(offsets, list)
        or len(offsets) != 2
        or any(type(one) is not int or not 0 <= one < 2**63 for one in offsets)
        or offsets[0] > offsets[1]
    ):
        raise unread(f"{quoted(name)} has no place in the file: {quoted(offsets)}")
    word, bits = TYPES.get(dtype, (str(dtype)[:40], 0)) if isinstance(dtype, str) else ("unknown", 0)
    if bits and -(-math.prod(shape) * bits // 8) != offsets[1] - offsets[0]:
        raise unread(
            f"{quoted(name)} takes {offsets[1] - offsets[0]:,} bytes; its shape {quoted(list(shape))} of {dtype} does not"
        )
    return StoredTensor(name, shape, word), offsets[1]
