"""A model that lives in memory becomes contents like a file's: a module, its state, or nested tables of arrays.

It is asked for what such things have, names and shapes; no framework is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sizer.errors import Fault, InputError, quoted
from sizer.files.contents import Contents, Role, StatedLayer, StoredTensor

MOST_NESTING = 100
"""Tables within each other."""


def contents_of(model: Any) -> Contents:
    """Return what a living model holds.

    Args:
        model: a `torch.nn.Module`, a Keras model, a `state_dict`, or nested mappings of arrays such as Flax parameters.

    Raises:
        InputError: it is none of these.
    """
    # A Keras model may be a module of PyTorch as well; it knows more of itself.
    if callable(getattr(model, "get_config", None)) and isinstance(getattr(model, "weights", None), (list, tuple)):
        return _keras(model)
    if callable(getattr(model, "named_parameters", None)) and callable(getattr(model, "named_modules", None)):
        return _module(model)
    if isinstance(model, Mapping):
        tensors = tuple(_nested(model, "", 0))
        if not tensors:
            raise InputError([Fault("", 0, 0, "model", "holds no tensors")])
        return Contents("state", tensors)
    pure = getattr(model, "to_pure_dict", None) or getattr(model, "flat_state", None)
    if callable(pure):
        return contents_of(dict(pure()))
    raise InputError(
        [
            Fault(
                "",
                0,
                0,
                "model",
                f"{quoted(type(model).__name__)} is neither a path nor a model with named tensors",
            )
        ]
    )


def _module(model: Any) -> Contents:
    tensors: list[StoredTensor] = []
    for role, named in (("weight", model.named_parameters), ("buffer", model.named_buffers)):
        tensors.extend(_tensor(name, value, role) for name, value in _with_duplicates(named))  # type: ignore[arg-type]
    layers = []
    for name, module in model.named_modules():
        own = [f"{name}.{word}" if name else word for word, _ in module.named_parameters(recurse=False)]
        if own:
            kind = f"{type(module).__module__}.{type(module).__name__}"
            layers.append(StatedLayer(kind, name, {}, tuple(own)))
    return Contents("module", tuple(tensors), tuple(layers), producer=type(model).__name__)


def _with_duplicates(named: Any) -> Iterator[tuple[str, Any]]:
    """Yield every name, those of tied tensors too."""
    try:
        yield from named(remove_duplicate=False)
    except TypeError:
        yield from named()


def _keras(model: Any) -> Contents:
    layers = []
    names: dict[int, str] = {id(weight): str(getattr(weight, "path", None) or weight.name) for weight in model.weights}
    trained = {id(weight) for weight in getattr(model, "trainable_weights", ())}
    tensors = [_tensor(names[id(w)], w, "weight" if id(w) in trained else "unknown") for w in model.weights]
    for layer in getattr(model, "layers", ()):
        held = tuple(names[id(weight)] for weight in getattr(layer, "weights", ()) if id(weight) in names)
        layers.append(StatedLayer(type(layer).__name__, str(layer.name), {}, held))
    return Contents("keras model", tuple(tensors), tuple(layers), producer=type(model).__name__)


def _nested(value: Any, name: str, depth: int) -> Iterator[StoredTensor]:
    if depth > MOST_NESTING:
        raise InputError([Fault("", 0, 0, "model", f"{quoted(name)} is nested too deeply")])
    if isinstance(value, Mapping) or callable(getattr(value, "items", None)):
        for key, inner in value.items():
            yield from _nested(inner, f"{name}.{key}" if name else str(key), depth + 1)
    elif isinstance(value, (list, tuple)) and not hasattr(value, "shape"):
        for place, inner in enumerate(value):
            yield from _nested(inner, f"{name}.{place}" if name else str(place), depth + 1)
    elif hasattr(value, "shape"):
        yield _tensor(name, value, "unknown")


def _tensor(name: str, value: Any, role: Role) -> StoredTensor:
    shape = tuple(int(size) for size in value.shape)
    dtype = str(getattr(value, "dtype", "")).rpartition(".")[2]
    pointer = getattr(value, "data_ptr", None)
    storage = None
    if callable(pointer):
        try:
            storage = str(pointer()) if value.numel() and pointer() else str(id(value))
        except RuntimeError:  # of a tensor without storage, as on the meta device
            storage = str(id(value))
    return StoredTensor(name, shape, dtype, role, storage)
