"""What an assistant is answered, asked by the official SDK's client over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import sizer
from tests.commands import ROOT, run

SKILL = ROOT / "docs" / "assistants" / "SKILL.md"
NETWORK = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
GRAVES = {"convention": "textbook", "cell_type": "lstm", "inputs": 205, "layers": 5, "cells": 700, "outputs": 205}
WIDTHS = (ROOT / "sweeps" / "widths.yaml").read_text()
MODEL_FILE = ROOT / "tests" / "model_files" / "state.safetensors"
SPEECH = (ROOT / "sweeps" / "speech.yaml").read_text()
MODEL = {
    "convention": "pytorch",
    "blocks": {"x": {"type": "input", "inputs": 80}, "y": {"type": "recurrent", "layers": 2, "cells": 1024}},
}
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "count": ("count", {"network": NETWORK, "budget": "10M"}),
    "explain": ("explain", {"network": NETWORK}),
    "compare": ("compare", {"network": NETWORK}),
    "claim": ("claim", {"network": GRAVES, "claim": "21M"}),
    "model": ("count", {"network": MODEL}),
    "fit": ("fit", {"network": {**NETWORK, "cells": None, "layers": 3}, "vary": "cells", "budget": "10M"}),
    "dry run": ("dry_run", {"sweep": SPEECH, "budget": "5M", "where": ["layers >= 2"]}),
    "no budget": ("dry_run", {"sweep": SPEECH}),
    "space": ("space", {"sweep": WIDTHS, "number": 3, "seed": 1}),
    "narrow space": ("space", {"sweep": WIDTHS, "budget": "9.5M", "where": ["layers <= 3"]}),
    "plain space": ("space", {"sweep": SPEECH, "number": 2, "seed": 1}),
    "too many": ("space", {"sweep": WIDTHS, "number": 1001, "seed": -1}),
    "look": ("look", {"file": str(MODEL_FILE)}),
    "look at a claim": ("look", {"file": str(MODEL_FILE), "claim": "1.8K"}),
    "no file": ("look", {"file": str(ROOT / "nothing.safetensors")}),
    "address": ("look", {"file": "https://127.0.0.1/model.safetensors"}),
    "no path": ("look", {"file": 3}),
    "wrong field": ("count", {"network": {**NETWORK, "cels": 3}}),
    "wrong argument": ("count", {"nework": NETWORK}),
    "wrong kinds": ("dry_run", {"sweep": 3, "where": [2]}),
    "wrong sweep": ("dry_run", {"sweep": SPEECH.replace("10M", "10X")}),
    "too many layers": ("explain", {"network": {**NETWORK, "layers": 3000, "cells": [8] * 3000}}),
    "too long": ("dry_run", {"sweep": "#" * 2**20 + SPEECH}),
}
ASKED["fit"][1]["network"].pop("cells")


@pytest.fixture(scope="module")
def told() -> Mapping[str, Any]:
    """The tools, and the answers to `ASKED`, of one server."""
    pytest.importorskip("mcp", reason="the SDK of the Model Context Protocol is not installed (the extra `mcp`)")
    pytest.importorskip("orjson", reason="orjson is not installed (the extra `mcp`)")
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters
    from mcp.shared.exceptions import MCPError

    async def ask() -> dict[str, Any]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        started = StdioServerParameters(command=sys.executable, args=["-m", "sizer", "mcp"], env=environment)
        async with Client(started) as client:
            tools = (await client.list_tools()).tools
            found: dict[str, Any] = {
                "tools": {tool.name: tool for tool in tools},
                "instructions": client.instructions,
            }
            for name, (tool, arguments) in ASKED.items():
                found[name] = await client.call_tool(tool, arguments)
            with pytest.raises(MCPError) as raised:
                await client.call_tool("cuont", {})
            found["no such tool"] = raised.value.message
            return found

    return asyncio.run(ask())


def answer(told: Mapping[str, Any], name: str) -> Any:
    result = told[name]
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


def fault(told: Mapping[str, Any], name: str) -> str:
    assert told[name].is_error
    return str(told[name].content[0].text)


@pytest.mark.thorough
def test_tools_say_what_they_take(told: Mapping[str, Any]) -> None:
    tools = told["tools"]
    assert list(tools) == ["count", "explain", "compare", "claim", "fit", "dry_run", "space", "look"]
    for tool in tools.values():
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert tool.description
        assert tool.annotations.read_only_hint
    fields = tools["count"].input_schema["properties"]["network"]["properties"]
    assert fields["layers"]["type"] == "integer"
    assert "kaldi_nnet3" in fields["convention"]["description"]
    for tool, arguments in (
        ASKED[name] for name in ("count", "model", "explain", "compare", "claim", "fit", "dry run", "space", "look")
    ):
        jsonschema.validate(arguments, tools[tool].input_schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(ASKED["wrong argument"][1], tools["count"].input_schema)
    # An assistant reads them all before it asks anything.
    assert sum(len(json.dumps(tool.input_schema)) for tool in tools.values()) < 20_000
    assert "convention" in told["instructions"]


@pytest.mark.thorough
def test_counts_are_those_of_the_command_line(told: Mapping[str, Any]) -> None:
    found = answer(told, "count")
    assert found["weights"] == 12_926_976  # torch.nn.LSTM(80, 1024, 2)
    assert found["fits"] is False
    assert answer(told, "model")["y.weights"] == 12_926_976
    options = ["--convention", "pytorch", "--inputs", "80", "--layers", "2", "--cells", "1024"]
    assert answer(told, "explain") == json.loads(run("explain", *options, "--json").stdout)
    compared = json.loads(run("compare", *options[2:], "--json").stdout)
    assert answer(told, "compare")["readings"] == compared["readings"]
    told_fit = answer(told, "fit")
    assert told_fit["largest"] == {"values": {"cells": 698}, "counted": 9_984_192, "weights": 9_984_192}
    assert told_fit["next"]["values"] == {"cells": 699}


@pytest.mark.thorough
def test_a_claim_is_read(told: Mapping[str, Any]) -> None:
    found = answer(told, "claim")
    assert found["answers"][0]["weights"] == 21_227_500
    assert 21_252_205 in [reading["weights"] for reading in found["answers"]]  # the 21.3M of Graves (2013)


@pytest.mark.thorough
def test_a_sweep_is_counted(told: Mapping[str, Any]) -> None:
    found = answer(told, "no budget")
    assert found["configurations"] == 3100
    assert found["dry_run"]["kept"] == 1834
    done = sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "speech.yaml"), budget="5M", where=["layers >= 2"], dry_run=True)  # fmt: skip
    assert answer(told, "dry run")["dry_run"]["kept"] == done.as_json()["kept"]


@pytest.mark.thorough
def test_faults_have_the_words_of_the_command_line(told: Mapping[str, Any], tmp_path: Path) -> None:
    assert fault(told, "wrong field") == "cels: no field of that name; did you mean 'cells'?"
    assert fault(told, "wrong argument") == (
        "network: is missing\nnework: no argument of that name; did you mean 'network'?"
    )
    assert fault(told, "wrong kinds") == (
        "sweep: is not the text of a sweep file\nwhere: is neither a text nor a list of texts"
    )
    (tmp_path / "sweep").write_text(ASKED["wrong sweep"][1]["sweep"])
    assert fault(told, "wrong sweep") == run("validate", "sweep", cwd=tmp_path).stderr.splitlines()[0]
    assert told["no such tool"] == "no tool named 'cuont'; did you mean 'count'?"


@pytest.mark.thorough
def test_limits_are_said(told: Mapping[str, Any]) -> None:
    assert fault(told, "too many layers") == "the networks have 3,000 values in lists; this call may have 2,000"
    assert fault(told, "too long") == "the arguments have more than the 1,048,576 bytes that are allowed"


def test_the_skill_has_commands_that_work(tmp_path: Path) -> None:
    """Each is run where a reader would run it; what the text says of the answer is in the answer."""
    text = SKILL.read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert front["name"] == "sizer"
    assert len(front["description"]) < 1024
    assert len(text.split()) < 900
    commands = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    assert len(commands) >= 10
    shutil.copytree(ROOT / "sweeps", tmp_path / "sweeps")
    shutil.copy(ROOT / "docs" / "keywords.yaml", tmp_path / "model.yaml")
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "sizer", command
        done = run(*words[1:], cwd=tmp_path)
        assert done.returncode == 0, (command, done.stderr)
        if "--json" in words:
            assert json.loads(done.stdout), command
        told_keys = re.search(rf"{re.escape(command)}\n```\n\n(.*?)\n\n", text, re.DOTALL)
        for key in re.findall(r"`([a-z_]+)`", told_keys[1]) if told_keys and "--json" in words else ():
            assert f'"{key}"' in done.stdout, (command, key)


@pytest.mark.thorough
def test_a_question_that_takes_too_long_is_ended() -> None:
    pytest.importorskip("mcp", reason="the SDK is not installed (the extra `mcp`)")
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters

    wide = "{from: 1, to: 4000, step: 1}"
    sweep = SPEECH.replace("[0, 64, 128, 256, 512]", wide).replace("{values: [0, 64, 128, 256]}", wide)
    # Remainders cannot be solved for, so that such a grid is walked.
    sweep = sweep.replace("step: 64", "step: 1").replace("<= cells", "<= cells % 97 * 30")

    async def ask() -> Any:
        started = StdioServerParameters(
            command=sys.executable, args=["-m", "sizer", "mcp", "--seconds", "1"], env={**os.environ}
        )
        async with Client(started) as client:
            first = await client.call_tool("dry_run", {"sweep": sweep})
            return first, await client.call_tool("count", {"network": NETWORK})

    slow, then = asyncio.run(ask())
    assert slow.is_error
    assert slow.content[0].text == "this takes longer than the 1 seconds that a question may take"
    assert then.structured_content["weights"] == 12_926_976


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from sizer.cli.app import app

    monkeypatch.delitem(sys.modules, "sizer.assistants", raising=False)
    monkeypatch.setitem(sys.modules, "mcp", None)
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    found = CliRunner().invoke(app, ["mcp"], prog_name="sizer")
    assert found.exit_code == 3
    assert re.fullmatch(r"sizer: assistants need the extra: \S.* install '\S*\[mcp\]'\n", found.stderr)


@pytest.mark.thorough
def test_a_space_is_counted_and_drawn_from(told: Mapping[str, Any]) -> None:
    found = answer(told, "space")
    assert (found["configurations"], found["kept"], found["exact"]) == (4_581_298_432, 231_943, True)
    drawn = json.loads(run("sample", str(ROOT / "sweeps" / "widths.yaml"), "-n", "3", "--seed", "1", "--json").stdout)
    assert found["networks"] == drawn["networks"]
    narrow = answer(told, "narrow space")
    space = sizer.space(ROOT / "sweeps" / "widths.yaml")
    assert narrow["kept"] == space.count(("9M", "9.5M"), "layers <= 3")
    assert "networks" not in narrow
    plain = answer(told, "plain space")
    assert (plain["configurations"], plain["kept"]) == (3100, 1834)
    assert [one["id"] for one in plain["networks"]] == sizer.space(ROOT / "sweeps" / "speech.yaml").sample(2, 1).ids
    assert (
        fault(told, "too many") == "number: 1,001 is above the maximum, 1,000\nseed: is not a whole number, 0 or above"
    )


@pytest.mark.thorough
def test_a_model_file_is_looked_into(told: Mapping[str, Any]) -> None:
    assert answer(told, "look") == json.loads(run("look", str(MODEL_FILE), "--json").stdout)
    claimed = json.loads(run("look", str(MODEL_FILE), "--claim", "1.8K", "--json").stdout)
    assert answer(told, "look at a claim") == claimed
    assert fault(told, "no file").endswith("nothing.safetensors: no such file")
    assert fault(told, "address") == "file: is an address; give a file or a folder of this machine"
    assert fault(told, "no path") == "file: is not a text"
