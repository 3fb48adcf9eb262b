"""JSON that describes a model becomes layers: configurations of Hugging Face and Keras; an index becomes its parts."""

from __future__ import annotations

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
    if isinstance(said, dict) and "class_name" in said and "config" in said:
        return read_keras_json(said)
    if not isinstance(said, dict) or not ({"model_type", "architectures"} & said.keys()):
        raise unread("it is JSON, but does not describe a model")
    layers = [_model(said, "")]
    layers += [
        _model(said[part], part) for part in PREFIXED if isinstance(said.get(part), dict) and "model_type" in said[part]
    ]
    version = str(said.get("transformers_version", ""))[:100]
    return Contents("hf config", (), tuple(layers), f"transformers {version}".strip(), (NO_TENSORS,))


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
