"""Options that several commands have, and the fields of a network as options, made from the one list of fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from sizer.networks.counting import CHOICES
from sizer.networks.fields import FIELDS, REQUIRED, Field

SweepOrModel = Annotated[
    str | None,
    typer.Argument(
        metavar="[SWEEP]",
        help="A sweep file, with --id; or a file with a model of blocks, without.",
        show_default=False,
    ),
]
ConfigurationId = Annotated[
    int | None,
    typer.Option("--id", metavar="N", help="A configuration of the sweep file, by its id.", show_default=False),
]
Bounds = Annotated[
    list[str] | None,
    typer.Option(
        metavar="BOUND", help="10M replaces the maximum of weights, int8_bytes=2MB that of another counted column."
    ),
]
Conditions = Annotated[list[str] | None, typer.Option(metavar="EXPR", help="A further condition; may be repeated.")]
_DEFAULTS = {"convention": "textbook", "cell_type": "lstm"}


def with_fields(*without: str, several: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option per field; the command receives those that were set as `fields`.

    Args:
        without: fields that the command has no option for.
        several: whether a list stands for several networks, and not for one value per layer.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [parameter for name, parameter in signature.parameters.items() if name != "fields"]
        file = next((name.upper() for name in ("sweep", "model") if name in signature.parameters), "")
        options = [_option(field, several, file) for name, field in FIELDS.items() if name not in without]

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


def _option(field: Field, several: bool, file: str) -> inspect.Parameter:
    """Return the option of a field.

    Args:
        field: of a network.
        several: as `with_fields` takes it.
        file: what the command calls the file that may stand for the fields; empty where there is none.
    """
    flag = "--" + field.name.replace("_", "-")
    panel = "The network"
    left_out = _left_out(field, "unless --vary has it" if several else f"without {file}" * bool(file))
    if field.kind == "boolean":
        flags = f"{flag}/--no-{flag.removeprefix('--')}"
        annotation: Any = Annotated[
            bool | None, typer.Option(flags, help=field.description, rich_help_panel=panel, show_default=left_out)
        ]
    else:
        help_text = field.description
        if field.name in CHOICES:
            help_text += f" One of {', '.join(CHOICES[field.name])}."
        if field.per_layer:
            help_text += (
                f" Or one value per layer: 1024,512,256{' (with --layers: several networks)' if several else ''}."
            )
        metavar = "N" if field.kind == "count" else "WORD"
        annotation = Annotated[
            str | None,
            typer.Option(flag, help=help_text, metavar=metavar, rich_help_panel=panel, show_default=left_out),
        ]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _left_out(field: Field, unless: str) -> str:
    """Return what stands for a field that is left out, or that it must be given."""
    if field.name in _DEFAULTS:
        return _DEFAULTS[field.name]
    if field.name in REQUIRED:
        return f"required {unless}".strip()
    if field.default is None:
        return "by convention"
    return ("yes" if field.default else "no") if field.kind == "boolean" else f"{field.default}"


def check_one_network(command: str, sweep: str | None, configuration_id: int | None, fields: Mapping[str, Any]) -> None:
    """Refuse a network that is named in two ways, or a configuration of no sweep.

    Args:
        command: its name.
        sweep: the file that was named.
        configuration_id: what `--id` says.
        fields: those that were given as options.
    """
    if sweep is None and configuration_id is not None:
        raise typer.BadParameter(f"--id names a configuration of a sweep file: sizer {command} SWEEP --id N")
    if sweep is not None and fields:
        raise typer.BadParameter("give either a sweep file with --id or the fields of a network")


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
