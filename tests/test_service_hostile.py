"""What hostile clients and broken tables get: an answer that says so in our form, and nothing of the server's own."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.attacks import storm
from tests.served import ROOT, SMALL, Served, served

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

from sizer.service.app import make_app
from sizer.service.bodies import parse_json
from sizer.service.refusals import TOO_LONG, RefusedError
from sizer.service.settings import Settings

NETWORK = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024, "outputs": 0}
PLACE = "@here@"
HOSTILE = [
    "1e400", "-1e400", "1e308", "1.5", "NaN", "-Infinity", "9" * 1000, "9" * 1001, "-" + "9" * 4000, "9" * 4300,
    "9" * 4301, "0." + "9" * 5000, '"' + "9" * 4000 + '"', '"1e999"', f"[{'9' * 4000}]", f"[{'9' * 999}, {'9' * 999}]",
    f'{{"{"9" * 4000}": {"9" * 4000}}}', r'"\ud800"', r'"\udfff\ud800"', r'{"\ud800": 1}', "[" * 900 + "]" * 900,
    "[" * 50_000, "true", "null", "[]", "{}", '"\\u0000"',
]  # fmt: skip
"""Values in JSON's own writing."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data") / "data") as found:
        yield found
        assert "Traceback" not in "".join(found.said)


def ours(server: Served, status: int, answer: Any) -> bool:
    """Return whether an answer is one of ours, without anything of the server's own."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else json.dumps(answer)
    for word in (str(server.data), str(ROOT), "site-packages", "Traceback", "set_int_max"):
        assert word not in text, text[:2000]
    return status < 400 or bool(answer["faults"])


def bodies() -> list[tuple[str, str]]:
    """Return every address that reads JSON with bodies that have a place for a value."""
    found: list[tuple[str, Any]] = []
    network: Any
    budget: Any
    for field in (*NETWORK, "recurrent_projection", "vocabulary", "bias_vectors", "peepholes", "cell_types", "nothing"):
        network = {**NETWORK, field: PLACE}
        found += [("count", {"network": network}), ("explain", {"network": network}), ("compare", {"network": network})]
        found += [("count", {"networks": [network]}), ("count", {"columns": network}), ("count", [network])]
        found += [("code", {"network": network, "to": "torch"}), ("dry-run", sweep_of({"model": network}))]
        found.append(("fit", {"network": network, "vary": "embedding", "budget": "10M"}))
    for budget in (PLACE, [PLACE], {"weights": {"max": PLACE}}, {"weights": PLACE}, {PLACE: 3}):
        found += [("count", {"network": NETWORK, "budget": budget}), ("count", {"networks": [], "budget": budget})]
        found += [
            ("fit", {"network": NETWORK, "vary": "cells", "budget": budget}),
            ("dry-run", sweep_of({"budget": budget})),
        ]
    for word in ("vary", "budget", "step", "round_to"):
        found.append(("fit", {"network": {**NETWORK, "cells": None}, "vary": "cells", "budget": "10M", word: PLACE}))
    found += [("compare", {"network": NETWORK, "claim": PLACE}), ("code", {"network": NETWORK, "to": PLACE})]
    for word in ("sizer", "name", "description", "model", "grid", "where", "output"):
        found.append(("dry-run", sweep_of({word: PLACE})))
    found += [
        ("dry-run", sweep_of({"grid": {"cells": axis}})) for axis in ([PLACE], {"from": PLACE, "to": PLACE, "step": 1})
    ]
    found += [(path, PLACE) for path in ("count", "explain", "compare", "fit", "code", "dry-run", "sweeps")]
    return [(path, json.dumps(body)) for path, body in found]


def sweep_of(said: dict[str, Any]) -> dict[str, Any]:
    network = {name: value for name, value in NETWORK.items() if name not in ("layers", "cells")}
    return {"sizer": 1, "name": "x", "model": network, "grid": {"layers": [1, 2], "cells": [64]}, **said}


def test_hostile_values_get_faults_wherever_they_stand(server: Served) -> None:
    every = bodies()
    with storm("hostile values in JSON", quick=150, long=6000, seed=8) as tried:
        for chance in tried:
            path, body = chance.choice(every)
            said = body.replace(f'"{PLACE}"', chance.choice(HOSTILE))
            status, answer, _ = server.ask(f"/v1/{path}", said.encode())
            assert status in (200, 202, 413, 422), (path, said[:300], answer)
            assert ours(server, status, answer)
            tried.ended(str(status))
    assert server.ask("/v1/count", {"network": NETWORK})[1]["weights"] == 12_926_976


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("9" * 1001, "the body holds a number of more than 1,000 digits"),
        ("[" + " " * 77 + "9" * 4000 + "]", "the body holds a number of more than 1,000 digits"),
        ('{"a": [' + "1, " * 5000 + "9" * 1001 + "]}", "the body holds a number of more than 1,000 digits"),
        ("1e400", "the body is not JSON: '1e400' is too large"),
        ("-1e999", "the body is not JSON: '-1e999' is too large"),
        ("[Infinity]", "the body is not JSON: Infinity is not a number"),
    ],
)
def test_numbers_that_cannot_be_counted_with_are_refused(body: str, words: str) -> None:
    with pytest.raises(RefusedError) as found:
        parse_json(body.encode())
    assert (found.value.status, str(found.value)) == (422, words)
    assert parse_json(b"[" + b"9" * 1000 + b"]") == [10**1000 - 1]


def test_looking_for_long_numbers_takes_no_time() -> None:
    # Runs of digits that are nearly too long, and would be looked at again from each of them.
    body = b"[" + b",".join([b"9" * 1000] * 10_000) + b"]"
    began = time.monotonic()
    assert len(parse_json(body)) == 10_000
    assert time.monotonic() - began < 5


def test_a_count_too_long_to_be_written_is_said(server: Served) -> None:
    # Within what is read, but of 1,000 digits each: their product has more than Python writes.
    deep = {
        "tensors": {"all": {"shape": ["cells"] * 6, "part": "recurrent_weights"}},
        "hands_up": "cells",
        "recurs": "cells",
    }
    network = {
        **NETWORK,
        "cell_type": "deep",
        "convention": "textbook",
        "cells": "9" * 1000,
        "cell_types": {"deep": deep},
    }
    assert server.ask("/v1/count", {"network": {**network, "cells": 10}})[1]["weights"] == 2 * 10**6
    for path, more in (("count", {}), ("explain", {}), ("compare", {"claim": "10M"})):
        status, answer, _ = server.ask(f"/v1/{path}", {"network": network, **more})
        assert (status, answer["faults"][0]["message"]) == (422, TOO_LONG), path
    from sizer.service.faults import HANDLERS
    from sizer.service.faults import answer as as_answer

    handler: Any = dict(HANDLERS)[ValueError]
    with pytest.raises(ValueError, match="int_max_str_digits") as found:
        as_answer({"weights": 10**5000})
    said = asyncio.run(handler(None, found.value))
    assert (said.status_code, json.loads(bytes(said.body))["faults"][0]["message"]) == (422, TOO_LONG)
    with pytest.raises(ValueError, match="a mistake"):
        asyncio.run(handler(None, ValueError("a mistake")))


def test_hostile_addresses_get_faults(server: Served) -> None:
    job = server.done(SMALL)
    at = f"/v1/sweeps/{job['id']}"
    nines = "9" * 5000
    cursors = [
        f"[{nines}]",
        "[1e400, 1e400]",
        "[NaN]",
        '["\\ud800"]',
        "[" * 900,
        "[null]",
        "[[1]]",
        "{}",
        "[-1]",
        "[1.5]",
    ]
    for path in (
        f"{at}/configurations/{nines}", f"{at}/configurations/{'9' * 4300}", f"{at}/configurations/-1",
        f"{at}/rows?limit={nines}", f"{at}/rows?offset={nines}", f"{at}/rows?limit=1e400", f"{at}/rows?limit=NaN",
        f"{at}/rows?budget={'9' * 190}", f"{at}/rows?budget={'9' * 5000}", f"{at}/rows?where=cells>{'9' * 1900}",
        f"{at}/rows?where=cells>1e400", f"{at}/rows?sort=%ff%fe", f"{at}/rows?columns=%ed%a0%80",
        f"{at}/rows.csv?where=%00", f"{at}/rows.xlsx?sort=nothing", f"{at}/plot?x=%00&colour=%ff", f"/v1/sweeps?limit={nines}",
        f"/v1/sweeps?offset={'9' * 4000}", f"/v1/sweeps/{nines}", f"/{'%ff' * 50}",
        *(f"{at}/rows?cursor={base64.urlsafe_b64encode(one.encode()).decode()}" for one in cursors),
    ):  # fmt: skip
        status, answer, _ = server.ask(path)
        assert status in (200, 404, 422), (path[:200], status, answer)
        assert ours(server, status, answer), path[:200]


ROWS = ("rows", "rows?where=cells>100", "plot", "rows.csv", "rows.parquet", "rows.parquet?budget=5M", "rows.xlsx")


def test_a_table_that_is_gone_or_damaged_is_said_without_its_path(server: Served) -> None:
    job = server.done(SMALL)
    at = f"/v1/sweeps/{job['id']}"
    file = server.data / "results" / job["id"] / "small.parquet"
    assert server.ask(f"{at}/rows")[1]["total"] == 96
    whole = file.read_bytes()
    for damage in (None, b"", b"x" * 3000, whole[: len(whole) // 2], whole[:50] + b"x" * 300 + whole[350:]):
        if damage is None:
            file.unlink()
        else:
            file.write_bytes(damage)
        for path in ROWS:
            if path == "rows.parquet" and damage and damage.endswith(whole[-8:]):
                continue  # its end is whole: it is sent as it is
            status, answer, _ = server.ask(f"{at}/{path}")
            assert status == 500, (path, damage and damage[:20], answer)
            assert ours(server, status, answer)
            message = "small: the table does not match what its run wrote; delete the sweep and post it again"
            assert answer["faults"][0]["message"] == message
    file.write_bytes(whole)
    assert server.ask(f"{at}/rows")[1]["total"] == 96
    assert f"job {job['id']}: " in "".join(server.said)
    # And what the answer advises works.
    assert server.ask(at, method="DELETE")[0] == 204
    assert not (server.data / "results" / job["id"]).exists()


def children_of(server: Served, module: str) -> list[int]:
    """Return the ids of a server's processes that run a module, by Linux' own list."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):
            continue
        if parent == server.process.pid and module.encode() in words:
            found.append(int(entry.name))
    return found


@pytest.mark.process
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to find processes in")
def test_a_killed_process_is_replaced(server: Served) -> None:
    for wait in (0.0, 0.3, 0.0):
        assert server.ask("/v1/dry-run", SMALL.encode())[0] == 200
        processes = children_of(server, "sizer.service.question_process")
        assert processes
        for process in processes:
            os.kill(process, signal.SIGKILL)
        time.sleep(wait)
        status, answer, _ = server.ask("/v1/dry-run", SMALL.encode())
        assert (status, answer.get("name")) == (200, "small")


UPGRADE = (
    "GET {} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def test_who_asks_for_a_websocket_gets_what_others_get(tmp_path: Path) -> None:
    with served(tmp_path / "data", environment={"SIZER_TOKEN": "0123456789abcdef"}) as found:
        place = urllib.parse.urlsplit(found.url)
        for path, status in (("/v1/sweeps", 401), ("/nothing", 401), ("/healthz", 200)):
            with socket.create_connection((place.hostname, place.port), timeout=20) as plain:
                plain.sendall(UPGRADE.format(path).encode())
                assert plain.recv(4096).startswith(f"HTTP/1.1 {status} ".encode())
    assert "Traceback" not in "".join(found.said)
    assert "ERROR" not in "".join(found.said)


def test_a_websocket_that_reaches_the_application_is_closed(tmp_path: Path) -> None:
    app, state = make_app(Settings(tmp_path))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        await app({"type": "websocket", "path": "/", "headers": []}, receive, send)

    asyncio.run(ask())
    assert [message["type"] for message in sent] == ["websocket.close"]
    state.jobs.close()
