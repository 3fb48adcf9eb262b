"""Hostile bodies: whatever is sent to whichever address, memory stays bounded and health is answered throughout."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

from tests.attacks import storm
from tests.examples import examples
from tests.served import SMALL, Served, served

MANY = 100_000
NETWORK = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
QUESTIONS = ("count", "compare", "explain", "fit", "code", "dry-run", "sweeps")
MOST_OF_SERVER = 900 * 2**20
"""Of the server itself: what it is, some 200 MB, and the bodies that it may hold, twice while they are read."""
MOST_OF_HELPER = 2200 * 2**20
"""Of a process that answers questions: what a question may take."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data"), limits={"question_seconds": 5.0, "configurations": 10_000}) as found:
        yield found
        assert "Traceback" not in "".join(found.said)


@contextlib.contextmanager
def bounded(server: Served) -> Iterator[None]:
    """Ask for the server's health all the while, and look at what its processes hold."""
    slowest, ended = 0.0, threading.Event()
    peaks: dict[int, int] = {}
    statuses = set()

    def watch() -> None:
        nonlocal slowest
        while not ended.is_set():
            began = time.monotonic()
            statuses.add(server.ask("/healthz")[0])
            slowest = max(slowest, time.monotonic() - began)
            for process, held in server.peak_bytes().items():
                peaks[process] = max(held, peaks.get(process, 0))
            ended.wait(0.05)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()
    assert statuses == {200}
    assert slowest < 3, f"health took {slowest:.1f} seconds"
    assert peaks.pop(server.process.pid) < MOST_OF_SERVER
    assert max(peaks.values()) < MOST_OF_HELPER


def object_of(pairs: Any) -> str:
    return "{" + ", ".join(f'"{key}": {value}' for key, value in pairs) + "}"


def asked(network: str, about: str = "count") -> str:
    """Return a body that asks something of a network, which is given as JSON."""
    others = {"fit": ', "vary": "inputs", "budget": "10M"', "code": ', "to": "torch"', "claim": ', "claim": "21M"'}
    return f'{{"network": {network}{others.get(about, "")}}}'


def columns(**changed: Any) -> str:
    return json.dumps({"columns": {**NETWORK, "cells": [1] * MANY, **changed}})


TENSOR = {"shape": ["cells", "input"]}


def leaving(every: Iterable[str], *quick: str) -> list[Any]:
    """Return parameters of which CI alone tries all."""
    assert set(quick) <= set(every)
    return [name if name in quick else pytest.param(name, marks=pytest.mark.thorough) for name in every]


OF_COUNT: dict[str, Callable[[], str]] = {
    "unknown columns": lambda: columns(**{f"f{place}": 1 for place in range(2000)}),
    "unknown columns of lists": lambda: columns(**{f"f{place}": [1] for place in range(2000)}),
    "a long number for all": lambda: columns(inputs=10**4000),
    "a long size for all": lambda: columns(inputs="9e999"),
    "a long word for all": lambda: columns(convention="x" * 2**20),
    "cell types for all": lambda: columns(cell_types={"own": {"tensors": {"w": TENSOR}}}),
    "bounds for all": lambda: json.dumps(
        {"columns": {**NETWORK, "cells": [1] * MANY}, "budget": [f"{place}M" for place in range(20_000)]}
    ),
    "long sizes": lambda: json.dumps({"networks": [{**NETWORK, "cells": "9e999"}] * MANY}),
    "fields of each": lambda: '{"networks": [' + ", ".join([object_of((f"f{at}", 1) for at in range(2000))] * 200) + "]}",
    "lists": lambda: "[" + "[]," * 20_000_000 + "[]]",
    "objects": lambda: "[" + "{}," * 20_000_000 + "{}]",
    "numbers": lambda: '{"columns": {"cells": [' + "1," * 30_000_000 + "1]}}",
    "text": lambda: '{"columns": {"cells": "' + "1" * 60_000_000 + '"}}',
}  # fmt: skip
OF_ALL: dict[str, Callable[[str], str]] = {
    "a key twice": lambda _: object_of((f"k{at}", 1) for at in [*range(30_000), 29_999]),
    "unknown keys": lambda _: object_of((f"network{at}", 1) for at in range(20_000)),
    "unknown fields": lambda about: asked(object_of((f"cell{at}", 1) for at in range(20_000)), about),
    "empty lists": lambda _: "[" + "[]," * 60_000 + "[]]",
    "layers": lambda about: asked(json.dumps({**NETWORK, "layers": 10**9}), about),
    "lists of layers": lambda about: asked(json.dumps({**NETWORK, "layers": None, "cells": list(range(1, 2000))}), about),
    "long sizes": lambda about: asked(json.dumps({**NETWORK, "layers": "9e999", "cells": "9e999"}), about),
    "cell types": lambda about: asked(
        json.dumps({**NETWORK, "cell_type": "own0", "cell_types": {
            f"own{at}": {"tensors": {f"w{place}": TENSOR for place in range(20)}} for at in range(500)}}), about),
    "deep": lambda about: asked("[" * 100_000, about),
}  # fmt: skip


@pytest.mark.parametrize(
    "name", leaving(OF_COUNT, "unknown columns of lists", "a long number for all", "fields of each")
)
def test_what_is_asked_of_many_networks_is_bounded(server: Served, name: str) -> None:
    with bounded(server):
        status, answer, _ = server.ask("/v1/count", OF_COUNT[name]().encode())
    assert status in (413, 422, 503), answer
    assert len(answer["faults"]) <= 2000
    assert sum(len(fault["message"]) for fault in answer["faults"]) < 10**6


def test_a_fault_of_every_network_is_said_once(server: Served) -> None:
    status, answer, _ = server.ask("/v1/count", columns(cels=3, inputs="x").encode())
    assert status == 422
    assert [(fault["path"], fault["message"]) for fault in answer["faults"]] == [
        ("columns.cels", "no field of that name; did you mean 'cells'?"),
        ("columns.inputs", "'x' is not a size; write it as 10000000, 10M or 1e7"),
    ]
    _, answer, _ = server.ask(
        "/v1/count", b'{"columns": {"cells": [1, 2], "bias_vectors": [1, null], "layer": [1, 1]}}'
    )
    assert sorted(fault["path"] for fault in answer["faults"]) == [
        "columns.cell_type", "columns.layer", "columns.layers",
    ]  # fmt: skip


@pytest.mark.parametrize("about", leaving([*QUESTIONS, "claim"], "explain"))
def test_every_question_is_bounded(server: Served, about: str) -> None:
    path = f"/v1/{'compare' if about == 'claim' else about}"
    with bounded(server):
        for name, body in OF_ALL.items():
            status, answer, _ = server.ask(path, body(about).encode())
            assert status in (200, 413, 422, 503), (name, answer)


@pytest.mark.thorough
def test_many_large_bodies_at_once_are_bounded(server: Served) -> None:
    body = b'{"columns": {"cells": "' + b"1" * 60_000_000 + b'"}}'
    statuses = []
    with bounded(server):
        threads = [
            threading.Thread(target=lambda: statuses.append(server.ask("/v1/count", body)[0])) for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(statuses) <= {422, 429, 503}
    assert 429 in statuses


WORDS = [*NETWORK, "network", "networks", "columns", "budget", "claim", "vary", "to", "cell_types", "vocabulary", "embedding",
         "step", "round_to", "recurrent_projection", "bidirectional", "grid", "model", "where", "from", "max", "x" * 300]  # fmt: skip
VALUES = [*NETWORK.values(), 0, -1, 1.5, 1e308, 2**63, 10**300, "9e999", "10M", "", "1/3", "cells=1/2", True, None, [], {},
          "keras", "gru", "\ud800", "\0", "21.3M", [64, 32], [1, "2K", None]]  # fmt: skip


def anything(chance: random.Random, depth: int = 3) -> Any:
    """Return a body of words that mean something, in places where they may not."""
    kind = chance.random()
    if depth and kind < 0.35:
        return {chance.choice(WORDS): anything(chance, depth - 1) for _ in range(chance.choice([1, 3, 8, 200]))}
    if depth and kind < 0.5:
        return [anything(chance, depth - 1)] * chance.choice([0, 1, 2, 50, 3000])
    return chance.choice(VALUES)


def hostile(chance: random.Random, about: str) -> bytes:
    """Return a body: something that is asked, with changes; or anything."""
    kind = chance.random()
    if kind < 0.2:
        return json.dumps(anything(chance)).encode()
    network: Any = {**NETWORK}
    for _ in range(chance.randint(1, 4)):
        network[chance.choice(WORDS)] = anything(chance, 2)
    body = asked(json.dumps(network), about)
    if about == "count" and kind < 0.5:
        many = [network] * chance.choice([1, 10, 5000])
        body = json.dumps(
            {"networks": many} if chance.random() < 0.5 else {"columns": network, "budget": anything(chance, 2)}
        )
    if about in ("dry-run", "sweeps") and kind < 0.8:
        body = SMALL.replace(chance.choice(SMALL.split()), json.dumps(anything(chance, 2)))
    raw = bytearray(body.encode())
    if chance.random() < 0.3:
        for _ in range(chance.randint(1, 5)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


def test_a_storm_of_hostile_bodies(server: Served) -> None:
    with (
        bounded(server),
        storm("hostile bodies sent to the service", quick=examples(100), long=15_000, seed=23) as tried,
    ):
        for chance in tried:
            about = chance.choice((*QUESTIONS, "claim"))
            path = f"/v1/{'compare' if about == 'claim' else about}"
            body = hostile(chance, about)
            status, answer, _ = server.ask(path, body)
            assert status in (200, 202, 413, 422, 429, 503), (path, body[:2000], answer)
            if status >= 400:
                assert answer["faults"]
            tried.ended(f"answered {status}")


TEXTS = ["10M", "weights=1K", "int8_bytes=2MiB", "layers > 1", "cells // 0 > 1", "-weights", "cells,id", "nothing", "", "a" * 300,
         "9" * 400, "1e999", "'", '"; --', "\0", "\ud7ff", "W10", "WzFd", "[" * 90, "not " * 60 + "layers"]  # fmt: skip


def test_a_storm_of_hostile_addresses(server: Served) -> None:
    job = server.done(SMALL)
    places = [
        "rows",
        "plot",
        "rows.csv",
        "rows.parquet",
        "rows.xlsx",
        "configurations/3",
        "configurations/-1",
        "events",
    ]
    names = ["budget", "where", "sort", "columns", "limit", "offset", "cursor", "x", "colour"]
    with bounded(server), storm("hostile addresses of rows", quick=examples(30), long=10_000, seed=29) as tried:
        for chance in tried:
            said = [(chance.choice(names), chance.choice(TEXTS)) for _ in range(chance.randint(0, 4))]
            path = f"/v1/sweeps/{job['id']}/{chance.choice(places)}?{urllib.parse.urlencode(said)}"
            status, answer, _ = server.ask(path)
            assert status in (200, 404, 422, 429, 503), (path, answer)
            tried.ended(f"answered {status}")
