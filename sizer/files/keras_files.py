"""What Keras has written becomes tensors and layers: `.h5` of every version, `.weights.h5`, `.keras`, and its JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sizer.files.archives import Zip
from sizer.files.byte_sources import ByteSource
from sizer.files.contents import Contents, Role, StatedLayer, StoredTensor
from sizer.files.hdf5 import HDF5
from sizer.files.limits import MOST_NESTING, MOST_TENSORS, parse_json, printable, unread

OPTIMIZERS = ("optimizer_weights", "optimizer")
"""The groups of an optimizer's state: in `.h5`, and in the weights of Keras 3."""
WEIGHTS_ALONE = (
    "It has weights without the configuration of the layers: only the names of the groups say what kind they are."
)
NO_LAYERS = "It is an HDF5 file that Keras did not write: it has only names and shapes."


def is_keras_zip(archive: Zip) -> bool:
    """Return whether a zip is a `.keras` file."""
    return "config.json" in archive.members and any(name.endswith("weights.h5") for name in archive.members)


def read_keras_zip(archive: Zip, allowance_of: ByteSource) -> Contents:
    """Return what a `.keras` file holds: its weights, and its layers by their configuration.

    Raises:
        InputError: it is damaged.
    """
    config = parse_json(archive.read("config.json"), "config.json")
    weights = next(name for name in sorted(archive.members, key=len) if name.endswith("weights.h5"))
    tensors, groups = _weights(HDF5(archive.open(weights)))
    version = ""
    if "metadata.json" in archive.members:
        metadata = parse_json(archive.read("metadata.json"), "metadata.json")
        version = str(metadata.get("keras_version", ""))[:100] if isinstance(metadata, dict) else ""
    layers = tuple(_by_class(_stated(config, groups), groups))
    return Contents("keras", tuple(tensors), layers, f"keras {version}".strip())


def read_hdf5(source: ByteSource) -> Contents:
    """Return what an HDF5 file holds, of Keras or of anybody.

    Raises:
        InputError: it is damaged.
    """
    file = HDF5(source)
    attributes = file.attributes(file.root)
    children = file.children(file.root)
    if "model_weights" in children or _words(attributes, "layer_names") or "layer_names" in attributes:
        return _old_keras(file, attributes, children)
    tensors, groups = _weights(file)
    if groups:
        layers = tuple(StatedLayer("", name, {}, names) for name, names in groups.items() if names)
        return Contents("keras weights h5", tuple(tensors), layers, "keras", (WEIGHTS_ALONE,))
    if not tensors:
        raise unread("it is an HDF5 file without a dataset")
    return Contents("hdf5", tuple(tensors), (), "", (NO_LAYERS,))


def read_keras_json(config: Any) -> Contents:
    """Return the layers of a model's configuration, which holds no weights.

    Args:
        config: as `model.to_json()` has it.
    """
    layers = tuple(_stated(config, {}))
    version = str(config.get("keras_version", ""))[:100]
    return Contents("keras json", (), layers, f"keras {version}".strip(), ("It is a configuration, without tensors.",))


def _old_keras(file: HDF5, attributes: Mapping[str, Any], children: Mapping[str, int]) -> Contents:
    """Return what Keras 1 to 3 write as `.h5`: a group for each layer, with the names of its weights in order."""
    found: list[StoredTensor] = []
    inner = children.get("model_weights")
    top = file.attributes(inner) if inner is not None else attributes
    groups = file.children(inner) if inner is not None else dict(children)
    order = [name for name in _words(top, "layer_names") if name in groups]
    of_layer: dict[str, tuple[str, ...]] = {}
    for layer in dict.fromkeys([*order, *groups]):
        if layer in OPTIMIZERS and inner is None:
            continue
        datasets = dict(_datasets(file, groups[layer], layer))
        named = [f"{layer}/{word}" for word in _words(file.attributes(groups[layer]), "weight_names")]
        listed = dict.fromkeys([*(name for name in named if name in datasets), *datasets])
        of_layer[layer] = tuple(listed)
        for name in listed:
            shape, dtype = datasets[name]
            _keep(found, StoredTensor(name, shape, dtype))
    for group in OPTIMIZERS:
        if group in children:
            for name, (shape, dtype) in _datasets(file, children[group], group):
                _keep(found, StoredTensor(name, shape, dtype, "optimizer"))
    version = next((str(of["keras_version"])[:100] for of in (attributes, top) if "keras_version" in of), "")
    config = attributes.get("model_config")
    notes: tuple[str, ...] = ()
    if isinstance(config, str):
        layers = tuple(_stated(parse_json(config.encode(), "the model's configuration"), of_layer))
    else:
        layers = tuple(StatedLayer("", name, {}, names) for name, names in of_layer.items() if names)
        notes = (WEIGHTS_ALONE,)
    return Contents("keras h5", tuple(found), layers, f"keras {version}".strip(), notes)


def _by_class(layers: Iterator[StatedLayer], groups: Mapping[str, tuple[str, ...]]) -> Iterator[StatedLayer]:
    """Give layers their tensors where the groups do not say the layers' names, as before Keras 3.6.

    A group is called there as the class, in lower case, with the number of those of the class before it.
    """
    listed = list(layers)
    if any(layer.tensors for layer in listed):
        yield from listed
        return
    seen: dict[str, int] = {}
    for layer in listed:
        word = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", layer.kind).lower()
        number = seen[word] = seen.get(word, -1) + 1
        yield replace(layer, tensors=groups.get(f"{word}_{number}" if number else word, ()))


def _keep(found: list[StoredTensor], tensor: StoredTensor) -> None:
    if len(found) >= MOST_TENSORS:
        raise unread(f"it holds more than {MOST_TENSORS:,} tensors")
    found.append(tensor)


def _words(attributes: Mapping[str, Any], name: str) -> list[str]:
    """Return a list of words, which Keras cuts into several attributes where it is long."""
    value = attributes.get(name)
    if isinstance(value, list):
        return [str(word) for word in value]
    words: list[str] = []
    number = 0
    while isinstance(more := attributes.get(f"{name}{number}"), list):
        words += [str(word) for word in more]
        number += 1
    return words


def _datasets(
    file: HDF5, address: int, name: str, above: tuple[int, ...] = ()
) -> Iterator[tuple[str, tuple[tuple[int, ...], str]]]:
    """Yield name, shape and type of each dataset in a group; numbers are in the order of numbers."""
    if len(above) > MOST_NESTING:
        raise unread("its groups are nested too deeply")
    if address in above:
        return
    dataset = file.dataset(address, name)
    if dataset is not None:
        yield name, dataset
        return
    for child, place in sorted(file.children(address).items(), key=_by_number):
        yield from _datasets(file, place, f"{name}/{child}" if name else child, (*above, address))


def _by_number(row: tuple[str, int]) -> tuple[int, int, str]:
    name = row[0]
    return (0, int(name), name) if name.isascii() and name.isdigit() and len(name) < 10 else (1, 0, "")


def _weights(file: HDF5) -> tuple[list[StoredTensor], dict[str, tuple[str, ...]]]:
    """Return the tensors of Keras 3's weights, and those of each group that names its layer."""
    found: list[StoredTensor] = []
    groups: dict[str, tuple[str, ...]] = {}
    _weights_below(file, file.root, "", "unknown", (), found, groups)
    return found, groups


def _weights_below(
    file: HDF5,
    address: int,
    name: str,
    role: Role,
    above: tuple[int, ...],
    found: list[StoredTensor],
    groups: dict[str, tuple[str, ...]],
) -> None:
    if len(above) > MOST_NESTING:
        raise unread("its groups are nested too deeply")
    if address in above:
        return
    dataset = file.dataset(address, name)
    if dataset is not None:
        _keep(found, StoredTensor(printable(name), *dataset, role))
        return
    before = len(found)
    children = file.children(address)
    for child, place in sorted(children.items(), key=_by_number):
        inner: Role = "optimizer" if child in OPTIMIZERS and not name else role
        path = f"{name}/{child}" if name else child
        _weights_below(file, place, path, inner, (*above, address), found, groups)
    if "vars" in children:
        said = file.attributes(children["vars"]).get("name")
        below = tuple(tensor.name for tensor in found[before:] if tensor.role != "optimizer")
        if below and name:
            # The group of a layer says the layer's name; before Keras 3.6 it has its own alone.
            groups.setdefault(str(said) if said else name.rpartition("/")[2], below)


def _stated(
    config: Any, tensors: Mapping[str, tuple[str, ...]], path: str = "", depth: int = 0
) -> Iterator[StatedLayer]:
    """Yield the layers of a configuration, those of models within it by their path."""
    if depth > MOST_NESTING:
        raise unread("its configuration is nested too deeply")
    body = config.get("config") if isinstance(config, dict) else None
    # Keras 1 wrote a chain of layers as a list.
    layers = body if isinstance(body, list) else body.get("layers") if isinstance(body, dict) else None
    for layer in layers if isinstance(layers, list) else []:
        if not isinstance(layer, dict):
            continue
        settings = layer.get("config")
        settings = dict(settings) if isinstance(settings, dict) else {}
        name = str(settings.get("name") or layer.get("name") or "")
        where = f"{path}/{name}" if path else name
        if isinstance(layer.get("build_config"), dict):
            settings.setdefault("build_config", layer["build_config"])
        if "layers" in settings:
            yield from _stated(layer, tensors, where, depth + 1)
            continue
        yield StatedLayer(str(layer.get("class_name", ""))[:200], where, settings, tensors.get(name, ()))
