"""Whatever is asked, the service answers as its description says, and with no mistake of its own."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sizer.errors import InputError
from sizer.sweepfile.expressions import ExpressionError, parse_expression
from sizer.sweepfile.load import parse_sweep
from tests.examples import examples
from tests.served import ROOT, SMALL, Served, served

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

SPEECH = (ROOT / "sweeps" / "speech.yaml").read_bytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data"), "--max-configurations", "100000") as found:
        yield found
        assert "Traceback" not in "".join(found.said)


@pytest.mark.process
def test_the_description_holds(server: Served, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed (the extra `checks`)")
    job = server.done(SMALL)
    configuration = tmp_path / "schemathesis.toml"
    # Half of the addresses are of one sweep: with any other id they say 404, which the rest of the run sees enough of.
    for identity in (f'[parameters]\n"path.sweep_id" = "{job["id"]}"\n', ""):
        configuration.write_text(identity)
        skipped = ["--exclude-method", "DELETE"] if identity else []
        done = subprocess.run(
            [
                sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
                "--config-file", str(configuration), "run", f"{server.url}/openapi.json",
                "--max-examples", "20", "--seed", "7", "--suppress-health-check", "all", *skipped,
                # An address too long for the server is answered before the service sees it, and so in plain text.
                "--checks", "not_a_server_error,status_code_conformance,response_schema_conformance",
            ],
            capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:]
        assert "Tested: " in done.stdout


@pytest.mark.thorough
def test_bodies_that_are_nearly_sweeps(server: Served) -> None:
    chance = random.Random(11)
    statuses = set()
    for _ in range(150):
        text = bytearray(SPEECH)
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(text))
            change = chance.random()
            if change < 0.4:
                text[place] = chance.randrange(256)
            elif change < 0.7:
                del text[place : place + chance.randint(1, 30)]
            else:
                text[place:place] = chance.choice(
                    [b": ", b"- ", b"{", b"[", b"&a ", b"*a ", b"\t", b"\0", b"1e999", b"0x"]
                )
        status, answer, _ = server.ask("/v1/dry-run", bytes(text))
        statuses.add(status)
        assert status in (200, 422), answer
        if status == 422:
            assert answer["faults"]
    assert statuses == {200, 422}


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join([f'*{chr(97 + at)}'] * 9)}]\n" for at in range(20)),
    "deep": "[" * 50_000,
    "deep mapping": "".join(" " * at + f"a{at}:\n" for at in range(1500)),
    "many values": "grid: {cells: [" + ", ".join(map(str, range(150_000))) + "]}",
    "long number": "inputs: " + "9" * 900_000,
    "long expression": "where: ['" + "cells + " * 100_000 + "1 > 0']",
    "nested expression": "where: ['" + "(" * 100_000 + "']",
    "huge range": "sizer: 1\nname: x\nmodel: {convention: pytorch, cell_type: lstm, inputs: 1}\ngrid: {layers: {from: 1, to: 1e30, step: 1}, cells: {from: 1, to: 1e30, step: 1}}",
}


@pytest.mark.parametrize(
    "name", ["aliases", *(pytest.param(name, marks=pytest.mark.thorough) for name in BOMBS if name != "aliases")]
)
def test_bombs_are_bounded(server: Served, name: str) -> None:
    began = time.monotonic()
    status, answer, _ = server.ask("/v1/dry-run", BOMBS[name].encode())
    assert status in (200, 413, 422, 503), answer
    assert time.monotonic() - began < 30
    # Nobody else waits for it.
    assert server.ask("/healthz")[0] == 200


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400))
def test_any_bytes_are_a_sweep_or_faults(raw: bytes) -> None:
    try:
        parse_sweep(raw, "sweep")
    except InputError as problem:
        found = [fault.as_json() for fault in problem.faults]
    else:
        raise AssertionError("random bytes became a sweep")
    assert json.dumps(found)


WORDS = ["cells", "layers", "1", "2.5", "(", ")", "+", "-", "*", "//", "%", "<", "<=", "==", "and", "or", "not", "in", "[", "]", ",", "'lstm'", "cell_type", "**", ".", "__class__", "lambda", "1e999", "0x1", " ", "\n"]  # fmt: skip


@settings(max_examples=examples(500), deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)))
def test_any_text_is_an_expression_or_a_fault(text: str) -> None:
    began = time.monotonic()
    try:
        parse_expression(
            text, {"cells": "count", "layers": "count", "cell_type": "choice"}, {"cell_type": ("lstm", "gru")}
        )
    except ExpressionError as problem:
        found = problem.problems
        assert found
    assert time.monotonic() - began < 5
