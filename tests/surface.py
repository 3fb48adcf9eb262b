"""The public surface as it is now: names, commands, exit codes, JSON keys, columns, files, bytes and addresses.

    python -m tests.surface --write       # record it in tests/surface.json, deliberately

What users and other programs rely on stands in `tests/surface.json`; `tests/test_surface.py` says what of it is gone or
different. What is new is no fault, and is held from when it is recorded.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import inspect
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import typer.main

import sizer
from sizer.cli.app import app
from tests.commands import ROOT
from tests.commands import run_here as run
from tests.saved_models import write_safetensors

RECORDED = ROOT / "tests" / "surface.json"
SWEEPS = sorted((ROOT / "sweeps").glob("*.yaml"))
SPEECH = "sweeps/speech.yaml"
FIELDS = ("--inputs", "39", "--layers", "2", "--cells", "64", "--outputs", "34")

Surface = dict[str, Any]


def library() -> Surface:
    """Return every public name with its signature, and a class's public members with theirs."""
    return {name: _described(getattr(sizer, name)) for name in sizer.__all__}


def _described(member: Any) -> Any:
    if inspect.isclass(member):
        found: Surface = {"fields": {}, "members": {}}
        if dataclasses.is_dataclass(member):
            found["fields"] = {field.name: str(field.type) for field in dataclasses.fields(member)}
        elif "__init__" in vars(member) and member.__init__ is not BaseException.__init__:
            # Of what it is made with, not of `__new__`, which may be asked by what copies it too.
            found["made with"] = _signature(functools.partial(member.__init__, None))
        for name, value in inspect.getmembers_static(member):
            if not name.startswith("_") and not hasattr(BaseException, name):
                found["members"][name] = _described(value)
        return found
    if isinstance(member, (staticmethod, classmethod)):
        return _signature(member.__func__)
    if callable(member):
        return _signature(member)
    return type(member).__name__


def _signature(function: Callable[..., Any]) -> Surface:
    """Return each parameter's way of being given and its default, and which must be given, in order."""
    parameters = list(inspect.signature(function).parameters.values())
    found = {}
    for place, one in enumerate(parameters):
        way = f"place {place}" if one.kind is one.POSITIONAL_OR_KEYWORD else one.kind.description
        found[one.name] = way if one.default is one.empty else f"{way}, {one.default!r} where it is not given"
    return {
        "parameters": found,
        "required": [name for name, way in found.items() if "," not in way and "var" not in way],
    }


def commands() -> Surface:
    """Return every command with its arguments and options."""
    group: Any = typer.main.get_command(app)
    return {
        name: {"/".join([*one.opts, *one.secondary_opts]): _parameter(one) for one in command.params}
        for name, command in group.commands.items()
    }


def _parameter(one: Any) -> Surface:
    kind = one.type_descriptor.annotation
    default = one.default.value if isinstance(one.default, enum.Enum) else one.default
    found = {
        "is": one.param_type_name,
        "type": getattr(kind, "__name__", str(kind)),
        "required": one.required,
        "multiple": one.multiple or one.nargs == -1,
        "default": default,
    }
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        found |= {"type": "choice", "choices": {member.value: {} for member in kind}}
    return found


ENDINGS: dict[str, tuple[str, ...]] = {
    "done": ("validate", SPEECH),
    "nothing fits, which is no failure": ("run", SPEECH, "--dry-run", "--budget", "1K"),
    "faults in the input": ("explain", "--cells", "0", "--layers", "1", "--inputs", "3"),
    "a missing file": ("run", "missing.yaml"),
    "an unknown command": ("rnu", SPEECH),
    "an unknown option": ("run", SPEECH, "--bugdet", "10M"),
    "not finished": ("run", SPEECH, "--out", "/proc/none"),
}
"""A command for each way to end; that of a difference needs a framework and is in `tests/test_frameworks_commands.py`."""


def exit_codes() -> Surface:
    """Return how commands end."""
    return {ending: run(*words).returncode for ending, words in ENDINGS.items()}


def json_keys(folder: Path) -> Surface:
    """Return the keys of what `--json` prints, of each command that has it, and of `--progress json`."""
    tables = folder / "results"
    run("run", SPEECH, "--out", tables)
    bad = folder / "bad.yaml"
    bad.write_text((ROOT / SPEECH).read_text().replace("sak2014", "sak2104"))
    model = folder / "model.safetensors"
    shapes = {
        "rnn.weight_ih_l0": (512, 80),
        "rnn.weight_hh_l0": (512, 128),
        "head.weight": (5, 128),
        "odd": (2, 2, 2, 2, 2),
    }
    write_safetensors(model, shapes)
    asked: dict[str, tuple[str | Path, ...]] = {
        "run": ("run", SPEECH, "--dry-run"),
        "sample": ("sample", "sweeps/widths.yaml", "-n", "2"),
        "run, tables": ("run", SPEECH, "--out", folder / "again", "--keep", "3"),
        "validate": ("validate", SPEECH),
        "faults": ("validate", bad),
        "query": ("query", tables / "speech.parquet", "--top", "1"),
        "explain": ("explain", *FIELDS),
        "compare": ("compare", *FIELDS),
        "compare, claim": ("compare", *FIELDS, "--claim", "70K"),
        "fit": ("fit", "--budget", "10M", "--vary", "cells", "--inputs", "39", "--layers", "3"),
        "conventions": ("conventions",),
        "count": ("count", *FIELDS),
        "fields": ("fields",),
        "fields of a block": ("fields", "convolution"),
        "columns": ("columns",),
        "look": ("look", model),
        "look, claim": ("look", model, "--claim", "106,496"),
    }
    found = {name: keys_of(json.loads(run(*words, "--json").stdout)) for name, words in asked.items()}
    lines = run("run", SPEECH, "--out", folder / "lines", "--progress", "json").stderr.splitlines()
    # How many lines there are, and what is known by then, is a matter of time; the keys are not.
    found["run, progress"] = {key: {} for line in lines if line.startswith("{") for key in json.loads(line)}
    return found


def keys_of(value: Any) -> Any:
    """Return a JSON value's keys, of all items of a list together, down to the kinds of value; of null nothing is said."""
    if isinstance(value, dict):
        return {key: keys_of(one) for key, one in value.items()}
    if isinstance(value, list):
        merged: Any = {}
        for one in value:
            merged = _together(merged, keys_of(one))
        return {"each": merged}
    return {bool: "boolean", int: "whole", float: "number", str: "text", type(None): {}}[type(value)]


def _together(left: Any, right: Any) -> Any:
    if isinstance(left, dict) and isinstance(right, dict):
        return {key: _together(left.get(key, {}), right.get(key, {})) for key in [*left, *(right.keys() - left.keys())]}
    return right or left


def tables(folder: Path) -> Surface:
    """Return columns, file names, manifests and the bytes of the tables of every sweep that is shipped."""
    found: Surface = {}
    for sweep in SWEEPS:
        found[sweep.stem] = _tables(folder / sweep.stem, sweep, "--format", "csv,parquet")
    sizer.run_sweep(sizer.load_sweep(ROOT / SPEECH), folder / "all", columns="all", formats=["csv", "parquet"])
    found["speech, every column"] = _written(folder / "all")
    found["speech, plain"] = _tables(folder / "plain", SPEECH, "--parquet-encoding", "plain", "--format", "parquet")
    found["speech, the first by weights"] = _tables(folder / "keep", SPEECH, "--keep", "7", "--format", "csv")
    found["speech, for Excel"] = _tables(folder / "eu", SPEECH, "--csv-dialect", "excel-eu", "--format", "csv")
    found["speech, tabs"] = _tables(folder / "tabs", SPEECH, "--csv-dialect", "tsv", "--format", "csv")
    found["speech, in parts"] = _tables(folder / "parts", SPEECH, "--workers", "1")
    found["speech, a workbook"] = _tables(folder / "xlsx", SPEECH, "--format", "xlsx")
    return found


def _tables(folder: Path, sweep: str | Path, *options: str) -> Surface:
    done = run("run", sweep, "--out", folder, *options)
    assert done.returncode == 0, done.stderr
    return _written(folder)


def _written(folder: Path) -> Surface:
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    manifests = [json.loads(path.read_text()) for name, path in paths.items() if name.endswith(".manifest.json")]
    tables = {
        name: hashlib.sha256(path.read_bytes()).hexdigest() if path.suffix in {".csv", ".tsv"} else _parquet(path)
        for name, path in paths.items()
        if path.suffix in {".csv", ".tsv", ".parquet"}
    }
    return {
        "files": list(paths),
        "columns": manifests[0]["columns"],
        "manifest": {key: {} for key in manifests[0]},
        "tables": tables,
    }


def _parquet(path: Path) -> Surface:
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "pyarrow": pa.__version__,
        "content": content(path),
    }


def content(path: Path) -> str:
    """Return the SHA-256 of a Parquet table as it reads back: names, types, values and metadata, whatever wrote it."""
    table = pa.parquet.read_table(path, partitioning=None)
    metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    digest = hashlib.sha256()
    for part in (metadata.get("sizer", ""), *(f"{field.name} {field.type}" for field in table.schema)):
        digest.update(part.encode() + b"\n")
    for column in table.columns:
        digest.update(json.dumps(column.to_pylist()).encode() + b"\n")
    return digest.hexdigest()


def addresses(folder: Path) -> Surface:
    """Return the service's addresses with their methods and what they take beside a body, and the page's."""
    from sizer.service import pages
    from tests.asked import asked

    with asked(folder) as service:
        schema = service.ask("/openapi.json")[1]
    page: Iterable[Any] = pages.router().routes
    return {
        "described": {
            path: {
                method.upper(): {one["name"]: {"in": one["in"]} for one in operation.get("parameters", ())}
                for method, operation in operations.items()
            }
            for path, operations in schema["paths"].items()
        },
        "of the page": {route.path: {method: {} for method in sorted(route.methods)} for route in page},
    }


def surface(folder: Path) -> Surface:
    """Return all of it."""
    return {
        "library": library(),
        "commands": commands(),
        "exit codes": exit_codes(),
        "json keys": json_keys(folder / "json"),
        "tables": tables(folder / "tables"),
        "addresses": addresses(folder / "service"),
    }


def lost(recorded: Any, now: Any, place: str = "") -> list[str]:
    """Return what was recorded and is not so any more, each with its place; what is new is no loss."""
    if recorded == {}:
        return []
    if isinstance(recorded, Mapping) and isinstance(now, Mapping):
        if "pyarrow" in recorded and recorded["pyarrow"] != now.get("pyarrow"):
            # Another version of Arrow may write other bytes; what they read back as is the same.
            recorded, now = {"content": recorded["content"]}, {"content": now.get("content")}
        found = []
        for key, value in recorded.items():
            there = f"{place} > {key}" if place else str(key)
            found += lost(value, now[key], there) if key in now else [f"{there}: is gone"]
        return found
    return [] if recorded == now else [f"{place}: was {recorded!r}, is {now!r}"]


def main(words: Iterable[str]) -> int:
    """Record the surface, and say what of the recorded one is lost; without `--write` only say it."""
    with tempfile.TemporaryDirectory() as folder:
        now = surface(Path(folder))
    for line in lost(json.loads(RECORDED.read_text()) if RECORDED.exists() else {}, now):
        print(line)  # noqa: T201
    if "--write" in words:
        text = json.dumps(now, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        pending = RECORDED.with_suffix(".pending")
        pending.write_text(text)
        pending.replace(RECORDED)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
