"""The fields of a network as command-line options, made from the one list of fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from sizer.networks.counting import CHOICES
from sizer.networks.fields import FIELDS, Field

_DEFAULTS = {"convention": "textbook", "cell_type": "lstm"}


def with_fields(*without: str, several: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option per field; the command receives those that were set as `fields`.

    Args:
        without: fields that the command has no option for.
        several: whether a list stands for several networks, and not for one value per layer.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        options = [_option(field, several) for name, field in FIELDS.items() if name not in without]
        signature = inspect.signature(command, eval_str=True)
        own = [parameter for name, parameter in signature.parameters.items() if name != "fields"]

        def wrapper(**values: Any) -> None:
            names = [parameter.name for parameter in own]
            fields = {
                name: value
                for name, value in values.items()
                if name in FIELDS and name not in names and value is not None
            }
            command(**{name: values[name] for name in names}, fields=fields)

        parameters = [*own, *options]
        wrapper.__name__ = command.__name__
        wrapper.__doc__ = command.__doc__
        wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return wrapper

    return decorate


def _option(field: Field, several: bool) -> inspect.Parameter:
    flag = "--" + field.name.replace("_", "-")
    panel = "The network"
    if field.kind == "boolean":
        flags = f"{flag}/--no-{flag.removeprefix('--')}"
        annotation: Any = Annotated[
            bool | None, typer.Option(flags, help=field.description, rich_help_panel=panel, show_default=False)
        ]
    else:
        help_text = field.description
        if field.name in CHOICES:
            help_text += f" One of {', '.join(CHOICES[field.name])}. [default: {_DEFAULTS[field.name]}]"
        if field.per_layer:
            help_text += (
                f" Or one value per layer: 1024,512,256{' (with --layers: several networks)' if several else ''}."
            )
        metavar = "N" if field.kind == "count" else "WORD"
        annotation = Annotated[
            str | None, typer.Option(flag, help=help_text, metavar=metavar, rich_help_panel=panel, show_default=False)
        ]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def network_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of one network as the library takes them: defaults set, lists split."""
    read: dict[str, Any] = {**_DEFAULTS, **fields}
    for name, value in read.items():
        if FIELDS[name].per_layer and isinstance(value, str) and "," in value:
            read[name] = [part.strip() for part in value.split(",")]
    return read


def split_list(values: list[str] | None) -> list[str]:
    """Return the items of an option that may be repeated and may hold lists with commas."""
    return [item.strip() for value in values or [] for item in value.split(",") if item.strip()]
