"""JSON that describes a model becomes layers: configurations of Hugging Face and Keras; an index becomes its parts."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from sizer.errors import quoted
from sizer.files.contents import Contents, StatedLayer
from sizer.files.keras_files import read_keras_json
from sizer.files.limits import unread

NO_TENSORS = "It is a configuration, without tensors."
MOST_PARTS = 2_000
PREFIXED = ("text_config", "encoder", "decoder", "audio_encoder", "text_encoder", "generator")
"""Configurations within one: parts of a model that are models themselves."""


def read_configuration(said: Any) -> Contents:
    """Return the layers that a configuration in JSON states.

    Args:
        said: what stands in it.

    Raises:
        InputError: it describes no model.
    """
    if (
        isinstance(said, dict)
        and isinstance(said.get("class_name"), str)
        and isinstance(said.get("config"), (dict, list))
    ):
        return read_keras_json(said)
    if not isinstance(said, dict) or not _is_configuration(said):
        raise unread("it is JSON, but does not describe a model")
    layers = [_model(said, "")]
    layers += [
        _model(said[part], part) for part in PREFIXED if isinstance(said.get(part), dict) and "model_type" in said[part]
    ]
    version = str(said.get("transformers_version", ""))[:100]
    return Contents("hf config", (), tuple(layers), f"transformers {version}".strip(), (NO_TENSORS,))


def _is_configuration(said: dict[str, Any]) -> bool:
    """Return whether JSON says of which type a model is: a dictionary of words may have any word for a key.

    Example:
        >>> _is_configuration({"model_type": "wav2vec2"}), _is_configuration({"architectures": ["AA1 R K AH0"]})
        (True, False)
    """
    if isinstance(said.get("model_type"), str) and _TYPE.fullmatch(said["model_type"]):
        return True
    classes = said.get("architectures")
    if not isinstance(classes, list) or not classes:
        return False
    # Beside the names of classes stand settings, of which some are numbers.
    return all(isinstance(one, str) and _CLASS.fullmatch(one) for one in classes) and _has_numbers(said)


def _has_numbers(said: dict[str, Any]) -> bool:
    return any(isinstance(value, (int, float)) for value in said.values())


_TYPE = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_CLASS = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def _model(said: dict[str, Any], name: str) -> StatedLayer:
    architectures = said.get("architectures")
    named = architectures[0] if isinstance(architectures, list) and architectures else said.get("model_type", "")
    return StatedLayer(str(named)[:200], name, said)


def parts_of(said: Any) -> dict[str, tuple[str, ...]] | None:
    """Return the files of a model in parts, with the names of the tensors in each; None where it is no such index.

    Args:
        said: what stands in the JSON.

    Raises:
        InputError: a part would stand elsewhere than beside it, or there are too many.

    Example:
        >>> parts_of({"weight_map": {"a": "1.safetensors", "b": "1.safetensors"}})
        {'1.safetensors': ('a', 'b')}
    """
    places = said.get("weight_map") if isinstance(said, dict) else None
    if not isinstance(places, dict):
        return None
    found: dict[str, list[str]] = {}
    for tensor, file in places.items():
        if not isinstance(file, str) or "\\" in file or "\0" in file or PurePosixPath(file).name != file:
            raise unread(f"a part of it is not in the same folder: {quoted(file)}")
        found.setdefault(file, []).append(tensor)
    if not found or len(found) > MOST_PARTS:
        raise unread(f"it lists {len(found):,} parts; 1 to {MOST_PARTS:,} can be read")
    return {file: tuple(tensors) for file, tensors in found.items()}
