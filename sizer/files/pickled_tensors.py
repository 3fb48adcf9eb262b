"""What a pickle stands for becomes named tensors and stated layers: state dicts, checkpoints, whole modules, arrays.

The tree is walked by its keys and attributes: `model.encoder.weight` is what stands in `encoder.weight` of `model`. An
object that has tensors below it is a stated layer, its plain attributes are its settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sizer.errors import quoted
from sizer.files.contents import Role, StatedLayer, StoredTensor
from sizer.files.limits import MOST_NESTING, MOST_TENSORS, ReadingAllowance, printable, shape_of, unread
from sizer.files.pickles import Named, Persistent, PickledObject, PickledTable

STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
}
"""PyTorch's storages and the type of what is in them."""
TORCH_TYPES = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "cfloat": "complex64",
    "cdouble": "complex128",
}
"""PyTorch's second names of types; the first ones are NumPy's."""
TENSOR_CLASSES = {kind.replace("Storage", "Tensor"): word for kind, word in STORAGES.items()}
NUMPY_LETTERS = {"b": "int", "i": "int", "u": "uint", "f": "float", "c": "complex"}
OPTIMIZER = re.compile(r"optimizer|^optim$|^opt$|^opt_state|^exp_avg|momentum_buffer", re.IGNORECASE)
"""A key of a checkpoint under which an optimizer's state stands."""
STEPS_ON = ("_modules", "_parameters", "_buffers")
MOST_LISTED = 64
"""Values of a list that are kept as a setting."""
MODULE_PRIVATE = {
    "_backward_hooks",
    "_backward_pre_hooks",
    "_forward_hooks",
    "_forward_pre_hooks",
    "_load_state_dict_post_hooks",
    "_load_state_dict_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_non_persistent_buffers_set",
    "_is_full_backward_hook",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks_with_kwargs",
    "_backend",
    "_all_weights",
    "_flat_weights_names",
    "_flat_weights",
    "_flat_weight_refs",
    "_is_hf_initialized",
}
"""What PyTorch's modules keep for themselves: no settings, and their tensors stand in `_parameters` once more."""


@dataclass
class FoundTensors:
    """What a walk has found so far."""

    allowance: ReadingAllowance
    tensors: list[StoredTensor] = field(default_factory=list)
    layers: list[StatedLayer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    roles: Callable[[str], dict[str, Role]] = lambda kind: {}
    """The roles of the attributes of a class, where the format says them; TorchScript does."""
    by_identity: Callable[[Any], tuple[tuple[int, ...], str, str] | None] = lambda identity: None
    """The shape, type and storage of a tensor that stands elsewhere, as in PyTorch's oldest files."""

    def add(self, name: str, shape: Any, dtype: str, role: Role, storage: str | None) -> None:
        """Keep one tensor."""
        if len(self.tensors) >= MOST_TENSORS:
            raise unread(f"it holds more than {MOST_TENSORS:,} tensors")
        name = printable(name)
        self.tensors.append(StoredTensor(name, shape_of(shape, name), dtype, role, storage))

    def note(self, sentence: str) -> None:
        """Keep a note, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def walk(tree: Any, found: FoundTensors) -> None:
    """Find everything in what a pickle stands for.

    Args:
        tree: as the unpickler returns it.
        found: takes it.

    Raises:
        InputError: it is nested too deep, or holds too much.
    """
    _TreeWalk(found).value(tree, "", "unknown", 0)


class _TreeWalk:
    """Goes through one tree; a thing that holds itself is passed over."""

    def __init__(self, found: FoundTensors) -> None:
        self._found = found
        self._above: set[int] = set()
        self._barren: set[int] = set()
        """What holds no tensor: it may stand in many places, and is walked once."""
        self._turned_back = 0

    def value(self, value: Any, name: str, role: Role, depth: int) -> None:
        """Look at one value under its name."""
        self._found.allowance.spend()
        if not isinstance(value, (PickledObject, PickledTable, list, tuple, Persistent)):
            return
        if depth > MOST_NESTING:
            raise unread(f"{quoted(name)} is nested too deeply")
        tensor = _tensor(value, self._found)
        if tensor is not None:
            shape, dtype, storage, stated = tensor
            self._found.add(name, shape, dtype, role if role == "optimizer" else stated or role, storage)
            return
        if id(value) in self._barren:
            return
        if id(value) in self._above:
            self._turned_back += 1
            return
        before = len(self._found.tensors), len(self._found.layers), self._turned_back
        self._above.add(id(value))
        if isinstance(value, PickledTable):
            self._entries(value.entries, name, role, depth)
        elif isinstance(value, (list, tuple)):
            self._entries(enumerate(value), name, role, depth)
        elif isinstance(value, PickledObject):
            self._object(value, name, role, depth)
        self._above.discard(id(value))
        if before == (len(self._found.tensors), len(self._found.layers), self._turned_back):
            self._barren.add(id(value))

    def _entries(self, entries: Iterable[tuple[Any, Any]], name: str, role: Role, depth: int) -> None:
        for key, value in entries:
            word = _word(key)
            inner: Role = "optimizer" if isinstance(key, str) and OPTIMIZER.search(key) else role
            self.value(value, f"{name}.{word}" if name else word, inner, depth + 1)

    def _object(self, made: PickledObject, name: str, role: Role, depth: int) -> None:
        """Look at an object: the tensors below it, and what it says of itself."""
        if made.kind in PLAIN_TABLES:
            self._entries(made.entries.entries, name, role, depth)
            self._entries(enumerate(made.items), name, role, depth)
            if made.kind in ("collections.defaultdict", "collections.OrderedDict") and isinstance(
                made.arguments, tuple
            ):
                # Protocols 0 and 1 hand the entries over as lists of two.
                for argument in made.arguments[:1]:
                    pairs = argument if isinstance(argument, list) else []
                    self._entries(
                        [(pair[0], pair[1]) for pair in pairs if isinstance(pair, (list, tuple)) and len(pair) == 2],
                        name,
                        role,
                        depth,
                    )
            return
        if made.kind.startswith("torch.optim."):
            role = "optimizer"
        before, place = len(self._found.tensors), len(self._found.layers)
        state = _state(made)
        if "_modules" in state and "_parameters" in state:
            self._module(state, name, role, depth)
        else:
            roles = self._found.roles(made.kind)
            for key, value in state.items():
                if key not in MODULE_PRIVATE:
                    inner: Role = "optimizer" if OPTIMIZER.search(key) else roles.get(key, role)
                    self.value(value, f"{name}.{key}" if name else key, inner, depth + 1)
            self._entries(made.entries.entries, name, role, depth)
            self._entries(enumerate(made.items), name, role, depth)
            if made.state is None and isinstance(made.arguments, tuple):
                self._entries(enumerate(made.arguments), name, role, depth)
            elif made.state is not None and not state:
                self.value(made.state, name, role, depth + 1)
        below = self._found.tensors[before:]
        if below and role != "optimizer":
            kind = re.sub(r"___torch_mangle_\d+\.", "", made.kind).removeprefix("__torch__.")
            prefix = f"{name}." if name else ""
            own = tuple(tensor.name for tensor in below if "." not in tensor.name[len(prefix) :])
            self._found.layers.insert(place, StatedLayer(kind, name, _settings(state), own))

    def _module(self, state: dict[str, Any], name: str, role: Role, depth: int) -> None:
        for part, inner in (("_parameters", "weight"), ("_buffers", "buffer"), ("_modules", role)):
            for key, value in _pairs(state.get(part)):
                word = _word(key)
                self.value(value, f"{name}.{word}" if name else word, inner, depth + 1)  # type: ignore[arg-type]


PLAIN_TABLES = {
    "collections.OrderedDict",
    "collections.defaultdict",
    "collections.Counter",
    "builtins.dict",
    "builtins.list",
}
"""Classes that are tables and lists, and no layers."""


def _word(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bytes):
        return key.decode("latin-1")
    return str(key) if isinstance(key, (int, float, bool)) else "?"


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, PickledObject):
        # Protocol 1 and below hand the entries of an OrderedDict over as a list of lists of two.
        given = value.arguments[0] if isinstance(value.arguments, tuple) and value.arguments else []
        listed = given if isinstance(given, list) else []
        return [
            *((pair[0], pair[1]) for pair in listed if isinstance(pair, (list, tuple)) and len(pair) == 2),
            *value.entries.entries,
        ]
    return value.entries if isinstance(value, PickledTable) else []


def _state(made: PickledObject) -> dict[str, Any]:
    """Return the attributes that an object would have been given."""
    state = made.state
    # A class with `__slots__` has its attributes in the second of two tables.
    tables = state if isinstance(state, tuple) and len(state) == 2 else (state,)
    found: dict[str, Any] = {}
    for table in tables:
        if isinstance(table, PickledTable):
            found.update(table.words())
    return found


def _settings(state: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that are numbers, words, truth values and short lists of them."""
    found: dict[str, Any] = {}
    for key, value in state.items():
        if key in MODULE_PRIVATE or key in STEPS_ON:
            continue
        if isinstance(value, Named):
            found[key] = str(value)
        elif isinstance(value, (str, int, float, bool)) or value is None:
            found[key] = value
        elif (
            isinstance(value, (list, tuple))
            and len(value) <= MOST_LISTED
            and all(isinstance(one, (str, int, float, bool)) for one in value)
        ):
            found[key] = list(value)
    return found


def _tensor(value: Any, found: FoundTensors) -> tuple[Any, str, str | None, Role | None] | None:
    """Return the shape, type, storage and role of a tensor; None where it is none."""
    if isinstance(value, Persistent):
        elsewhere = found.by_identity(value.identity)
        return (*elsewhere, None) if elsewhere is not None else None
    if not isinstance(value, PickledObject):
        return None
    kind = value.kind
    make = TENSORS.get(kind)
    if make is not None:
        arguments = value.arguments if isinstance(value.arguments, tuple) else ()
        try:
            return make(value, arguments, found)
        except (IndexError, TypeError, ValueError) as problem:
            if hasattr(problem, "faults"):
                raise
            raise unread(f"a tensor in it is not whole: {kind} of {len(arguments)} arguments") from None
    return None


Tensor = tuple[Any, str, str | None, Role | None] | None


def _of_storage(made: PickledObject, arguments: tuple[Any, ...], found: FoundTensors) -> Tensor:
    """Return a tensor that is a view of a storage: (storage, offset, size, stride, ...)."""
    storage, offset, size = arguments[0], arguments[1], arguments[2]
    dtype, key = _storage(storage)
    if not dtype and len(arguments) > 6:
        dtype = _torch_type(arguments[6])
    return size, dtype or "unknown", f"{key}+{offset}" if key else None, None


def _storage(storage: Any) -> tuple[str, str]:
    """Return the type of a storage and its name in the file, each empty where nothing says it."""
    if isinstance(storage, PickledObject) and storage.kind == "torch.storage._load_from_bytes":
        return "", ""
    if isinstance(storage, PickledObject) and isinstance(storage.arguments, tuple):
        # A typed storage around an untyped one.
        inner = storage.arguments[0] if storage.arguments else None
        return _storage(inner) if isinstance(inner, (Persistent, PickledObject)) else ("", "")
    if not isinstance(storage, Persistent):
        return "", ""
    identity = storage.identity
    if isinstance(identity, tuple) and len(identity) >= 3 and isinstance(identity[1], Named):
        view = identity[5] if len(identity) > 5 and isinstance(identity[5], tuple) else ()
        start = f"+{view[1]}" if len(view) > 1 else ""
        return STORAGES.get(identity[1].name, ""), f"{view[0] if view else identity[2]}{start}"
    return "", ""


def _torch_type(value: Any) -> str:
    """Return the type that `torch.float16` and the like name."""
    word = value.name if isinstance(value, Named) else ""
    return TORCH_TYPES.get(word, word)


def _parameter(made: PickledObject, arguments: tuple[Any, ...], found: FoundTensors) -> Tensor:
    inner = _tensor(arguments[0], found)
    return (*inner[:3], "weight") if inner is not None else None


def _old_parameter(made: PickledObject, arguments: tuple[Any, ...], found: FoundTensors) -> Tensor:
    """Return a parameter as PyTorch wrote it before version 0.4, or a tensor class: its state is the tensor."""
    if isinstance(made.state, tuple) and made.state:
        return _tensor(made.state[0], found) or (_of_class(made) if len(made.state) == 4 else None)
    return _tensor(arguments[0], found) if arguments else None


def _of_class(made: PickledObject) -> Tensor:
    """Return a tensor whose state is (storage, offset, size, stride)."""
    dtype, key = _storage(made.state[0])
    size = made.state[2]
    return list(size) if isinstance(size, (list, tuple)) else size, dtype or "unknown", key or None, None


def _quantized(made: PickledObject, arguments: tuple[Any, ...], found: FoundTensors) -> Tensor:
    return _of_storage(made, arguments[:4], found)


def _sparse(made: PickledObject, arguments: tuple[Any, ...], found: FoundTensors) -> Tensor:
    found.note("A sparse tensor is shown with its full shape, not with the number of stored values.")
    data = arguments[1]
    values = next(
        (_tensor(one, found) for one in reversed(data) if isinstance(one, PickledObject) and _tensor(one, found)), None
    )
    size = next((_size(one) for one in data if _size(one) is not None), None)
    return size, values[1] if values else "unknown", values[2] if values else None, None


def _size(value: Any) -> list[int] | None:
    if isinstance(value, PickledObject) and value.kind == "torch.Size":
        value = value.arguments[0] if isinstance(value.arguments, tuple) and value.arguments else ()
    if isinstance(value, (list, tuple)) and value and all(type(one) is int for one in value):
        return list(value)
    return None


def _without_storage(made: PickledObject, arguments: tuple[Any, ...], found: FoundTensors) -> Tensor:
    return arguments[1], _torch_type(arguments[0]), None, None


def _of_type(made: PickledObject, arguments: tuple[Any, ...], found: FoundTensors) -> Tensor:
    """Return a tensor of a subclass: (how it is made, the class, what it is made of, its state)."""
    inner = PickledObject(arguments[0], arguments[2])
    return _tensor(inner, found)


def _of_numpy(made: PickledObject, arguments: tuple[Any, ...], found: FoundTensors) -> Tensor:
    inner = _tensor(arguments[0], found)
    return (inner[0], _torch_type(arguments[1]) or inner[1], None, None) if inner is not None else None


def _wrapper(made: PickledObject, arguments: tuple[Any, ...], found: FoundTensors) -> Tensor:
    """Return a tensor of a wrapper class: (class, type, size, ...)."""
    return _size(arguments[2]) or [], _torch_type(arguments[1]), None, None


def _array(made: PickledObject, arguments: tuple[Any, ...], found: FoundTensors) -> Tensor:
    """Return an array of NumPy: its state is (version, shape, dtype, order, values)."""
    state = made.state
    if not isinstance(state, tuple) or len(state) < 4:
        return None
    # Before version 1 there was no version in it.
    shape, dtype = (state[1], state[2]) if type(state[0]) is int else (state[0], state[1])
    word = numpy_type(dtype)
    if word == "object":
        return None
    return shape, word, None, None


def _array_of_bytes(made: PickledObject, arguments: tuple[Any, ...], found: FoundTensors) -> Tensor:
    """Return an array as protocol 5 has it: (values, dtype, shape, order)."""
    return arguments[2], numpy_type(arguments[1]), None, None


def numpy_type(dtype: Any) -> str:
    """Return NumPy's word for a type, as a pickle or a header has it.

    Example:
        >>> numpy_type("<f4"), numpy_type("|b1"), numpy_type("<U7")
        ('float32', 'bool', 'text')
    """
    if isinstance(dtype, Named):
        return dtype.name
    if isinstance(dtype, PickledObject):
        arguments = dtype.arguments if isinstance(dtype.arguments, tuple) else ()
        first = arguments[0] if arguments else ""
        if isinstance(dtype.state, tuple) and len(dtype.state) > 4 and dtype.state[3] is not None:
            return "structured"
        return numpy_type(first) if isinstance(first, (str, Named, bytes)) else "unknown"
    if isinstance(dtype, bytes):
        dtype = dtype.decode("latin-1")
    if not isinstance(dtype, str):
        return "structured" if isinstance(dtype, list) else "unknown"
    parts = re.fullmatch(r"[<>=|]?([a-zA-Z?])(\d{0,9})", dtype)
    if parts is None:
        return dtype if re.fullmatch(r"[a-z]\w{0,30}", dtype) else "unknown"
    letter, size = parts.groups()
    if (letter, size) == ("b", "1") or letter == "?":
        return "bool"
    if letter in NUMPY_LETTERS and size:
        return f"{NUMPY_LETTERS[letter]}{8 * int(size)}"
    return {"O": "object", "U": "text", "S": "bytes", "V": "structured", "M": "datetime64", "m": "timedelta64"}.get(
        letter, "unknown"
    )


TENSORS: dict[str, Callable[[PickledObject, tuple[Any, ...], FoundTensors], Tensor]] = {
    "torch._utils._rebuild_tensor": _of_storage,
    "torch._utils._rebuild_tensor_v2": _of_storage,
    "torch._utils._rebuild_tensor_v3": _of_storage,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._utils._rebuild_qtensor": _quantized,
    "torch._utils._rebuild_sparse_tensor": _sparse,
    "torch._utils._rebuild_sparse_csr_tensor": _sparse,
    "torch._utils._rebuild_meta_tensor_no_storage": _without_storage,
    "torch._utils._rebuild_device_tensor_from_numpy": _of_numpy,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _of_numpy,
    "torch._utils._rebuild_wrapper_subclass": _wrapper,
    "torch._tensor._rebuild_from_type": _of_type,
    "torch._tensor._rebuild_from_type_v2": _of_type,
    "torch.nn.parameter.Parameter": _old_parameter,
    "torch.nn.parameter.Buffer": _old_parameter,
    "torch.autograd.variable.Variable": _old_parameter,
    **{f"torch.{kind}": _old_parameter for kind in TENSOR_CLASSES},
    **{f"torch.cuda.{kind}": _old_parameter for kind in TENSOR_CLASSES},
    "numpy.core.multiarray._reconstruct": _array,
    "numpy._core.multiarray._reconstruct": _array,
    "numpy.ndarray": _array,
    "numpy.ma.core._mareconstruct": _array,
    "numpy.ma._mareconstruct": _array,
    "numpy.core.numeric._frombuffer": _array_of_bytes,
    "numpy._core.numeric._frombuffer": _array_of_bytes,
    "joblib.numpy_pickle.NumpyArrayWrapper": lambda made, arguments, found: _joblib(made),
    "jax._src.array._reconstruct_array": lambda made, arguments, found: _jax(arguments),
}
"""What stands for a tensor in a pickle, by the function or class that would have made it."""


def _joblib(made: PickledObject) -> Tensor:
    state = _state(made)
    word = numpy_type(state.get("dtype"))
    return None if word == "object" else (state.get("shape"), word, None, None)


def _jax(arguments: tuple[Any, ...]) -> Tensor:
    """Return an array of JAX: (how NumPy makes it, of what, its state, ...)."""
    state = arguments[2]
    return state[1], numpy_type(state[2]), None, None
