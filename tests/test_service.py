"""The service answers what the library and the command line say, keeps its limits, and says what is wrong in one form."""

from __future__ import annotations

import datetime
import http.client
import io
import json
import random
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sizer
from sizer.errors import InputError, RunError
from sizer.sweepfile.load import parse_sweep
from tests.examples import examples, share
from tests.served import LARGE, ROOT, SMALL, Served, served
from tests.test_fits import NETWORK, any_network, outcome

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

SPEECH = (ROOT / "sweeps" / "speech.yaml").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data")) as found:
        yield found


@pytest.fixture(scope="module")
def speech(server: Served) -> dict[str, Any]:
    return server.done(SPEECH)


def sweep_of(text: str) -> sizer.Sweep:
    return parse_sweep(text, "sweep")


def faults_of(answer: Any) -> list[tuple[str, str]]:
    return [(fault["path"], fault["message"]) for fault in answer["faults"]]


# Networks


def test_counts_are_those_of_the_library(server: Served) -> None:
    chance = random.Random(5)
    seen = 0
    for _ in range(examples(1200)):
        network = any_network(chance)
        status, answer, _ = server.ask("/v1/count", {"network": network, "budget": "1M"})
        expected = outcome(lambda: sizer.count(network))  # noqa: B023
        if isinstance(expected, tuple):
            assert status == 422
            assert faults_of(answer) == [(fault.path, fault.message) for fault in expected]
            continue
        seen += 1
        assert status == 200
        assert {**answer, **answer["parts"]} | expected.columns() == {**answer, **answer["parts"]}
        assert answer["configuration"] == json.loads(json.dumps(expected.configuration))
        assert answer["fits"] == (expected.weights <= 10**6)
    assert seen > share(40)


def test_many_networks_in_either_form(server: Served) -> None:
    networks = [{**NETWORK, "cells": 64 + place, "bidirectional": place % 2 == 0} for place in range(500)]
    expected = [sizer.count(network).columns() for network in networks]
    _, answer, _ = server.ask("/v1/count", {"networks": networks})
    assert answer == {"counts": expected}
    assert server.ask("/v1/count", networks)[1] == answer
    columns = {
        **NETWORK,
        "cells": [one["cells"] for one in networks],
        "bidirectional": [one["bidirectional"] for one in networks],
    }
    _, answer, _ = server.ask("/v1/count", {"columns": columns, "budget": {"weights": {"min": 10**6, "max": "2M"}}})
    assert answer["columns"].pop("fits") == [10**6 <= one["weights"] <= 2 * 10**6 for one in expected]
    assert answer["columns"] == {name: [one[name] for one in expected] for name in expected[0]}


def test_counts_past_64_bits_stay_whole(server: Served) -> None:
    network = {**NETWORK, "cells": 10**30}
    _, answer, _ = server.ask("/v1/count", {"network": network})
    assert answer["weights"] == sizer.count(network).weights > 2**64


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        (b"", "", "is not JSON"),
        (b"\xff", "", "not JSON in UTF-8"),
        (b"[" * 100_000, "", "nested too deep"),
        (b'{"network": {}, "network": {}}', "", "'network' is there twice"),
        (b'{"network": NaN}', "", "NaN is not a number"),
        (b'{"network": {"cells": %s}}' % (b"9" * 5000), "", "a number of more than 1,000 digits"),
        (b"3", "", '"network" (one)'),
        (b'{"network": 3}', "network", "is not an object of fields"),
        (b'{"networks": [3]}', "networks[0]", "is not an object of fields"),
        (b'{"network": {}, "budgett": 3}', "budgett", "did you mean 'budget'?"),
        (b'{"network": {"cels": 3}}', "cels", "did you mean 'cells'?"),
        (b'{"columns": {"cells": [1, 2], "layers": [1]}}', "columns.layers", "has 1 values where another has 2"),
        (json.dumps({"network": NETWORK, "budget": "10Q"}).encode(), "budget", "no known unit"),
        (json.dumps({"network": NETWORK, "budget": True}).encode(), "budget", "is a size such as 10M"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(server: Served, body: bytes, path: str, words: str) -> None:
    status, answer, _ = server.ask("/v1/count", body)
    assert status == 422
    assert any(found == path and words in message for found, message in faults_of(answer)), answer


def test_compare_explain_fit_and_code(server: Served) -> None:
    status, answer, _ = server.ask("/v1/compare", {"network": NETWORK})
    assert status == 200
    assert answer == {"readings": [reading.as_json() for reading in sizer.compare(NETWORK)]}
    stated = {"cell_type": "lstm", "inputs": 205, "layers": 5, "cells": 700, "outputs": 205}
    _, answer, _ = server.ask("/v1/compare", {"network": stated, "claim": "21.3M"})
    assert answer == sizer.reconcile(stated, "21.3M").as_json()
    assert answer["answers"][0]["weights"] == 21252205
    _, answer, _ = server.ask("/v1/explain", {"network": NETWORK})
    assert answer == sizer.explain(NETWORK).as_json()
    asked = {name: value for name, value in NETWORK.items() if name != "cells"}
    _, answer, _ = server.ask("/v1/fit", {"network": asked, "vary": "cells", "budget": 12_926_976})
    assert answer["largest"]["values"] == {"cells": 1024}
    _, answer, _ = server.ask("/v1/code", {"network": NETWORK, "to": "torch"})
    assert "nn.LSTM(80, 1024" in answer["code"]
    status, answer, _ = server.ask("/v1/code", {"network": NETWORK, "to": "caffe"})
    assert (status, faults_of(answer)) == (422, [("to", "is one of torch, keras")])
    status, answer, _ = server.ask("/v1/compare", {"network": stated, "claim": "much"})
    assert status == 422


def test_conventions_and_schema(server: Served) -> None:
    _, answer, _ = server.ask("/v1/conventions")
    assert [one["convention"] for one in answer["conventions"]][:2] == ["textbook", "sak2014"]
    _, answer, headers = server.ask("/v1/schema")
    assert headers["content-type"] == "application/schema+json"
    assert json.loads(answer) == json.loads((ROOT / "schemas" / "sweep.schema.json").read_text())


# Sweeps


def test_a_sweep_becomes_rows(server: Served, speech: dict[str, Any], tmp_path: Path) -> None:
    run = sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / "speech.yaml"), tmp_path, formats=["parquet"])
    assert speech["dry_run"]["kept"] == speech["summary"]["kept"] == run.account.kept if run.account else False
    status, content, headers = server.ask(f"/v1/sweeps/{speech['id']}/rows.parquet")
    assert (status, headers["content-type"]) == (200, "application/vnd.apache.parquet")
    assert content == (tmp_path / "speech.parquet").read_bytes()
    _, content, _ = server.ask(f"/v1/sweeps/{speech['id']}/rows.csv")
    table = run.frame()
    pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(content)), table, check_dtype=False)
    _, content, _ = server.ask(f"/v1/sweeps/{speech['id']}/rows.xlsx?budget=5M")
    assert len(pd.read_excel(io.BytesIO(content))) == (table.weights <= 5_000_000).sum()
    _, found, _ = server.ask(f"/v1/sweeps/{speech['id']}/configurations/2909")
    assert found["weights"] == table.set_index("id").weights[2909]


def test_the_same_sweep_is_one_job(server: Served, speech: dict[str, Any]) -> None:
    for text in (SPEECH, SPEECH + "\n# another comment\n"):
        status, job, headers = server.ask("/v1/sweeps", text.encode())
        assert (status, job["id"], job["status"]) == (200, speech["id"], "done")
        assert headers["location"] == f"/v1/sweeps/{speech['id']}"
    as_json = {
        "sizer": 1,
        "name": "j",
        "model": {"convention": "pytorch", "cell_type": "gru", "inputs": 4},
        "grid": {"layers": [1], "cells": [2, 3]},
    }
    first = server.sweep(json.dumps(as_json))
    assert server.sweep(json.dumps(as_json, indent=2))["id"] == first["id"] != speech["id"]
    ids = [job["id"] for job in server.ask("/v1/sweeps")[1]["sweeps"]]
    assert len(ids) == len(set(ids))


def test_faults_of_a_sweep_have_places(server: Served) -> None:
    text = SPEECH.replace("recurrent_projection:", "recurent_projection:", 1)
    with pytest.raises(InputError) as expected:
        sweep_of(text)
    for address in ("/v1/sweeps", "/v1/dry-run"):
        status, answer, _ = server.ask(address, text.encode())
        assert status == 422
        assert answer == {"faults": [fault.as_json() for fault in expected.value.faults]}
        assert answer["faults"][0]["line"] > 1
    status, answer, _ = server.ask("/v1/sweeps", b"\xff\xfe\x00")
    assert status == 422
    status, answer, _ = server.ask("/v1/sweeps", b"")
    assert status == 422


def test_a_dry_run_counts_and_keeps_nothing(server: Served) -> None:
    before = len(server.ask("/v1/sweeps")[1]["sweeps"])
    status, answer, _ = server.ask("/v1/dry-run?budget=2M&where=layers%20%3E%201", SMALL.encode())
    assert status == 200
    frame = sizer.run_sweep(sweep_of(SMALL), budget="2M", where="layers > 1", dry_run=True)
    assert frame.account is not None
    assert answer["dry_run"]["kept"] == frame.account.kept > 0
    assert answer["dry_run"]["exact"]
    assert answer["swept"] == ["layers", "cells", "bidirectional"]
    assert len(server.ask("/v1/sweeps")[1]["sweeps"]) == before


def test_a_grid_past_the_limit_is_counted_but_not_run(server: Served) -> None:
    text = LARGE.replace("to: 20,", "to: 2000,").replace("8000, step: 1}", "8000, step: 8}")
    _, answer, _ = server.ask("/v1/dry-run", text.encode())
    assert answer["configurations"] == 2000 * 1000 * 1001
    assert answer["dry_run"]["exact"]
    status, answer, _ = server.ask("/v1/sweeps", text.encode())
    assert status == 422
    assert faults_of(answer)[0][1].endswith("are more than the 1,000,000,000 that one job may have")


def test_a_small_job_tells_how_it_ended_and_is_removed(server: Served) -> None:
    job = server.done(SMALL.replace("name: small", "name: removed"))
    status, content, headers = server.ask(f"/v1/sweeps/{job['id']}/events")
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    assert content.startswith(b"event: done\ndata: {")
    assert server.ask(f"/v1/sweeps/{job['id']}", method="DELETE")[0] == 204
    assert server.ask(f"/v1/sweeps/{job['id']}")[0] == 404


@pytest.mark.process
def test_events_tell_of_a_job_until_it_ends(server: Served) -> None:
    text = LARGE.replace("name: large", "name: events").replace("20M", "19M")
    job = server.sweep(text)
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=60)
    connection.request("GET", f"/v1/sweeps/{job['id']}/events")
    response = connection.getresponse()
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [block.split("\n") for block in response.read().decode().split("\n\n") if block]
    connection.close()
    said = [(lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))) for lines in events]
    assert said[-1][0] == "done"
    assert said[-1][1]["status"] == "done"
    decided = [state["progress"]["decided"] for _, state in said if state["progress"]]
    assert decided == sorted(decided)
    assert any(status == "running" for status, _ in said)


@pytest.mark.process
def test_a_job_is_cancelled_and_removed(server: Served) -> None:
    text = (
        LARGE.replace("name: large", "name: cancelled")
        .replace("step: 1}\nwhere", "step: 1}\n  outputs: [1, 2, 3, 4, 5, 6]\nwhere")
        .replace(", outputs: 0}", "}")
    )
    job = server.sweep(text)
    for _ in range(200):
        if server.ask(f"/v1/sweeps/{job['id']}")[1]["status"] == "running":
            break
        time.sleep(0.02)
    time.sleep(0.7)
    status, answer, _ = server.ask(f"/v1/sweeps/{job['id']}", method="DELETE")
    assert (status, answer["status"]) == (200, "cancelled")
    status, answer, _ = server.ask(f"/v1/sweeps/{job['id']}/rows")
    assert (status, faults_of(answer)) == (409, [("", "this sweep is cancelled; it has rows only when it is done")])
    # Who asks for it again gets it, with what was made already.
    again = server.sweep(text)
    assert again["id"] == job["id"]
    assert again["status"] == "queued"
    server.ask(f"/v1/sweeps/{job['id']}", method="DELETE")
    assert server.ask(f"/v1/sweeps/{job['id']}", method="DELETE")[0] == 204
    assert server.ask(f"/v1/sweeps/{job['id']}")[0] == 404
    # The next job is run, though the worker of the last was ended.
    assert server.done(SMALL.replace("name: small", "name: after"))["status"] == "done"


# Rows


def rows(server: Served, job: dict[str, Any], **asked: Any) -> dict[str, Any]:
    status, answer, _ = server.ask(f"/v1/sweeps/{job['id']}/rows?{urllib.parse.urlencode(asked, doseq=True)}")
    assert status == 200, answer
    return dict(answer)


@pytest.mark.parametrize(
    "sort",
    [
        "layers,-cells",
        *(pytest.param(sort, marks=pytest.mark.thorough) for sort in ("", "-weights", "cells", "id", "-id")),
    ],
)
def test_pages_hold_every_row_once(server: Served, speech: dict[str, Any], sort: str) -> None:
    table = sizer.run_sweep(sweep_of(SPEECH), dry_run=True).frame()
    words = [word for word in sort.split(",") if word]
    order = {word.removeprefix("-"): not word.startswith("-") for word in words}
    order.setdefault("id", True)
    chosen = table[(table.weights <= 5_000_000) & (table.layers > 1)]
    expected = chosen.sort_values(list(order), ascending=list(order.values()), kind="stable")
    for limit in (7, 1000):
        found: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = rows(server, speech, budget="5M", where="layers > 1", sort=sort, limit=limit, cursor=cursor)
            assert page["total"] == len(expected)
            found += page["rows"]
            cursor = page["next"]
        assert found == expected.to_dict("records")
    page = rows(server, speech, budget="5M", where="layers > 1", sort=sort, limit=5, offset=11, columns="cells")
    assert page["rows"] == expected[["cells"]][11:16].to_dict("records")


def test_pages_of_a_table_without_ids(server: Served) -> None:
    text = SMALL.replace("name: small", "name: noid") + "output: {columns: [cells, bidirectional, weights]}\n"
    job = server.done(text)
    table = sizer.run_sweep(sweep_of(text), dry_run=True).frame()
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = rows(server, job, limit=10, cursor=cursor)
        found += page["rows"]
        cursor = page["next"]
    assert found == table.sort_values([*map(str, table)]).to_dict("records")
    page = rows(server, job, sort="bidirectional,-weights", limit=3)
    assert [row["bidirectional"] for row in page["rows"]] == [False] * 3


@pytest.mark.parametrize(
    ("asked", "path", "words"),
    [
        ({"sort": "weihts"}, "sort", "did you mean 'weights'?"),
        ({"columns": "cels"}, "columns", "did you mean 'cells'?"),
        ({"where": "cels < 3"}, "where", "did you mean 'cells'?"),
        ({"where": "cells <"}, "where", ""),
        ({"where": "cells; DROP TABLE rows"}, "where", ""),
        ({"where": "1" * 2001}, "where", "2000"),
        ({"budget": "10Q"}, "budget", "no known unit"),
        ({"limit": 0}, "limit", ""),
        ({"limit": 10_001}, "limit", "at most 10,000 rows"),
        ({"limit": "many"}, "limit", ""),
        ({"offset": -1}, "offset", ""),
        ({"cursor": "nonsense"}, "cursor", "not given by this server"),
        ({"cursor": "WzEsMiwzXQ"}, "cursor", "of another answer"),
        ({"cursor": "WyIxIl0"}, "cursor", "of another answer"),
    ],
)
def test_what_is_wrong_with_a_question_is_said(
    server: Served, speech: dict[str, Any], asked: dict[str, Any], path: str, words: str
) -> None:
    status, answer, _ = server.ask(f"/v1/sweeps/{speech['id']}/rows?{urllib.parse.urlencode(asked)}")
    assert status == 422
    assert any(found.startswith(path) and words in message for found, message in faults_of(answer)), answer


def test_a_plot_has_the_points_of_the_rows(server: Served, speech: dict[str, Any]) -> None:
    _, answer, _ = server.ask(f"/v1/sweeps/{speech['id']}/plot?budget=5M&x=cells&colour=layers")
    table = sizer.run_sweep(sweep_of(SPEECH), budget="5M", dry_run=True).frame()
    expected = table.groupby(["cells", "layers"]).weights.agg(["min", "max", "size"]).reset_index()
    assert [[x, int(group), *rest] for x, group, *rest in answer["points"]] == expected.to_numpy().tolist()
    status, answer, _ = server.ask(f"/v1/sweeps/{speech['id']}/plot?budget=1")
    assert (status, answer["points"]) == (200, [])


def test_parquet_answers_ranges(server: Served, speech: dict[str, Any]) -> None:
    for question in ("", "?budget=5M&sort=-weights"):
        address = f"/v1/sweeps/{speech['id']}/rows.parquet{question}"
        _, whole, _ = server.ask(address)
        status, nothing, headers = server.ask(address, method="HEAD")
        assert (status, nothing, int(headers["content-length"]), headers["accept-ranges"]) == (
            200,
            b"",
            len(whole),
            "bytes",
        )
        status, part, headers = server.ask(address, headers={"range": f"bytes={len(whole) - 8}-"})
        assert (status, part) == (206, whole[-8:])
        assert headers["content-range"] == f"bytes {len(whole) - 8}-{len(whole) - 1}/{len(whole)}"
        assert server.ask(address, headers={"range": f"bytes={len(whole)}-"})[0] == 416
    table = pd.read_parquet(io.BytesIO(whole))
    assert table.weights.max() <= 5_000_000
    assert table.weights.is_monotonic_decreasing


def test_duckdb_and_pandas_read_a_result_by_its_address(server: Served, speech: dict[str, Any]) -> None:
    import duckdb
    import fsspec

    pytest.importorskip("aiohttp", reason="aiohttp, with which fsspec reads addresses, is not installed")
    address = f"{server.url}/v1/sweeps/{speech['id']}/rows.parquet?budget=5M"
    expected = sizer.run_sweep(sweep_of(SPEECH), budget="5M", dry_run=True).frame()
    assert pd.read_parquet(address).weights.tolist() == expected.weights.tolist()
    with duckdb.connect() as connection:
        # DuckDB's own reader of addresses is an extension that it downloads; fsspec asks for the same pieces.
        files = fsspec.filesystem("http", skip_instance_cache=True)
        files.modified = lambda _: datetime.datetime(2026, 1, 1)
        connection.register_filesystem(files)
        found = connection.execute("SELECT sum(weights) FROM read_parquet(?)", [address]).fetchall()
    assert found == [(expected.weights.sum(),)]


@pytest.mark.process
def test_rows_of_a_job_in_parts(server: Served, tmp_path: Path) -> None:
    job = server.done(LARGE)
    run = sizer.run_sweep(sweep_of(LARGE), tmp_path, formats=["parquet"])
    parts = sorted((server.data / "results" / job["id"] / "large.parquet").iterdir())
    assert [part.read_bytes() for part in parts] == [
        part.read_bytes() for part in sorted((tmp_path / "large.parquet").iterdir())
    ]
    page = rows(server, job, sort="-weights", limit=3)
    assert page["total"] == job["summary"]["kept"] == (run.account.kept if run.account else 0)
    assert page["rows"][0]["weights"] == run.largest[0]["weights"]
    _, content, _ = server.ask(f"/v1/sweeps/{job['id']}/rows.parquet?budget=100K")
    table = pd.read_parquet(io.BytesIO(content))
    assert len(table) == rows(server, job, budget="100K", limit=1)["total"]


def test_a_damaged_table_is_not_answered_from(server: Served) -> None:
    text = SPEECH + "\n# to be damaged\n"
    job = server.done(text)
    address = f"/v1/sweeps/{job['id']}"
    assert rows(server, job, limit=1)["rows"]
    table = server.data / "results" / job["id"] / "speech.parquet"
    whole = table.read_bytes()
    table.write_bytes(whole[:2000] + bytes([whole[2000] ^ 8]) + whole[2001:])
    for asked in ("/rows?limit=1", "/rows.csv", "/rows.parquet", "/rows.xlsx", "/plot"):
        status, content, _ = server.ask(address + asked)
        assert status == 500, content
        message = "speech: the table does not match what its run wrote; delete the sweep and post it again"
        assert faults_of(content) == [("", message)]
    server.ask(address, method="DELETE")
    assert rows(server, server.done(text), limit=1)["rows"]


# Limits, and who may ask


def test_bodies_past_the_limit(server: Served) -> None:
    status, answer, _ = server.ask("/v1/sweeps", b"#" * (2**20 + 1))
    assert (status, faults_of(answer)) == (413, [("", "the body has more than the 1,048,576 bytes that are allowed")])
    status, answer, _ = server.ask("/v1/count", {"columns": {"cells": [1] * 100_001}})
    assert status == 413
    deep = {**NETWORK, "layers": None, "cells": [1] * 100_001}
    for path, body, most in (
        ("/v1/count", {"network": deep}, "100,000"),
        ("/v1/count", {"networks": [deep]}, "100,000"),
        ("/v1/explain", {"network": deep}, "2,000"),
        ("/v1/compare", {"network": deep}, "2,000"),
    ):
        status, answer, _ = server.ask(path, body)
        assert (status, faults_of(answer)) == (
            413,
            [("", f"the networks have 100,001 values in lists; this call may have {most}")],
        )
    wide = {**NETWORK, "layers": None, "cells": [64, 32]}
    assert server.ask("/v1/count", {"network": wide})[1]["weights"] == sizer.count(wide).weights
    place = urllib.parse.urlsplit(server.url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as plain:
        # No length beforehand: the limit is found while reading.
        plain.sendall(b"POST /v1/sweeps HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(20):
            try:
                plain.sendall(b"20000\r\n" + b"#" * 0x20000 + b"\r\n")
            except OSError:
                break
        assert b" 413 " in plain.recv(4096)


def test_other_names_and_origins_are_refused(server: Served) -> None:
    port = urllib.parse.urlsplit(server.url).port
    for host, status in (
        ("evil.example", 421),
        (f"localhost:{port}", 200),
        (f"127.0.0.1:{port}", 200),
        (f"[::1]:{port}", 200),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ):
        assert server.ask("/v1/conventions", headers={"host": host})[0] == status, host
    body = {"network": NETWORK}
    assert server.ask("/v1/count", body, headers={"origin": "http://evil.example"})[0] == 403
    assert server.ask("/v1/count", body, headers={"origin": "null"})[0] == 403
    assert server.ask("/v1/count", body, headers={"origin": server.url})[0] == 200
    _, _, headers = server.ask("/v1/conventions", headers={"origin": "http://evil.example"})
    assert not [name for name in headers if name.startswith("access-control")]


def test_every_answer_carries_the_headers(server: Served) -> None:
    for path in ("/", "/v1/conventions", "/nothing", "/v1/sweeps/0"):
        _, _, headers = server.ask(path)
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/v1/sweeps/..%2f..%2fetc%2fpasswd",
        "/v1/sweeps/../../jobs.sqlite",
        "/page/..%2f..%2fapp.py",
        "/page/../app.py",
        "/v1/sweeps/00000000000000000000/rows.parquet",
        "/v1/sweeps/%00",
        "/nothing",
    ],
)
def test_no_path_of_a_client_reaches_the_disk(server: Served, path: str) -> None:
    status, answer, _ = server.ask(path)
    assert status == 404
    assert set(answer) == {"faults"}


def test_a_token_is_asked_for(tmp_path: Path) -> None:
    token = "0123456789abcdef"
    with served(tmp_path / "data", environment={"SIZER_TOKEN": token}) as found:
        for path in ("/v1/conventions", "/metrics", "/openapi.json", "/v1/sweeps", "/nothing"):
            status, answer, headers = found.ask(path)
            assert (status, headers["www-authenticate"]) == (401, "Bearer")
            assert "token" in faults_of(answer)[0][1]
        for wrong in ("Bearer", "Bearer 0123456789abcdee", f"Basic {token}", f"Bearer {token}x", token):
            assert found.ask("/v1/conventions", headers={"authorization": wrong})[0] == 401
        assert found.ask("/v1/conventions", headers={"authorization": f"Bearer {token}"})[0] == 200
        assert found.ask("/healthz")[0] == found.ask("/")[0] == 200
        with sizer.Client(found.url, token=token) as client:
            assert client.count(NETWORK) == sizer.count(NETWORK)
        with sizer.Client(found.url, token="another token here") as client, pytest.raises(RunError, match="asks for a"):
            client.count(NETWORK)


def test_health_readiness_and_measurements(server: Served) -> None:
    assert server.ask("/healthz")[1] == {"status": "running", "version": sizer.__version__}
    assert server.ask("/readyz")[1] == {"status": "ready"}
    server.ask("/v1/count", {"network": NETWORK})
    _, content, headers = server.ask("/metrics")
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    text = content.decode()
    for words in (
        'sizer_requests_total{route="/v1/count",status="200"}',
        'sizer_jobs{status="done"}',
        "process_resident_memory_bytes",
        "sizer_networks_counted_total",
    ):
        assert words in text


def test_a_slow_client_is_not_waited_for_by_others(server: Served) -> None:
    place = urllib.parse.urlsplit(server.url)
    slow = [socket.create_connection((place.hostname, place.port), timeout=20) for _ in range(50)]
    try:
        for one in slow:
            one.sendall(b"POST /v1/count HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
        began = time.monotonic()
        assert server.ask("/v1/count", {"network": NETWORK})[0] == 200
        assert time.monotonic() - began < 5
    finally:
        for one in slow:
            one.close()


@pytest.mark.process
def test_who_vanishes_in_a_download_costs_nothing(server: Served) -> None:
    job = server.done(LARGE)
    place = urllib.parse.urlsplit(server.url)
    for _ in range(20):  # more than may be sent at once
        with socket.create_connection((place.hostname, place.port), timeout=20) as gone:
            gone.sendall(f"GET /v1/sweeps/{job['id']}/rows.csv HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            assert gone.recv(1000).startswith(b"HTTP/1.1 200")
    assert rows(server, job, limit=1)["rows"]
    assert "Traceback" not in "".join(server.said)


@pytest.mark.process
def test_two_clients_at_once(server: Served) -> None:
    found: dict[int, list[int]] = {}

    def ask(number: int) -> None:
        with sizer.Client(server.url) as client:
            sweep = client.run_sweep({**AS_MAPPING, "name": f"client-{number}"}).wait(60)
            for cells in range(1, 200):
                network = {**NETWORK, "cells": cells, "layers": number}
                assert client.count(network).weights == sizer.count(network).weights
            found[number] = [row["weights"] for row in sweep.rows(sort="-weights", limit=5)]

    threads = [threading.Thread(target=ask, args=[number]) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[1] == found[2] == sorted(found[1], reverse=True)
    assert len(found[1]) == 12


AS_MAPPING = {
    "sizer": 1,
    "name": "mapping",
    "model": {"convention": "keras", "cell_type": "gru", "inputs": 8},
    "grid": {"layers": [1, 2, 3], "cells": [16, 32, 48, 64]},
}


# The client


@pytest.fixture
def client(server: Served) -> Iterator[sizer.Client]:
    with sizer.Client(server.url) as found:
        yield found


def test_the_client_says_what_the_library_says(client: sizer.Client, tmp_path: Path) -> None:
    assert client.count(NETWORK) == sizer.count(NETWORK)
    assert client.count_batch([NETWORK] * 3) == sizer.count_batch([NETWORK] * 3)
    assert client.fits(NETWORK, "13M") is True
    assert client.fits(NETWORK, 12_926_975) is False
    assert client.explain(NETWORK) == sizer.explain(NETWORK).as_json()
    assert [one["weights"] for one in client.compare(NETWORK)] == [one.weights for one in sizer.compare(NETWORK)]
    assert client.reconcile(NETWORK, "12.9M") == sizer.reconcile(NETWORK, "12.9M").as_json()
    assert client.fit({**NETWORK, "cells": None}, vary="cells", budget="10M")["largest"]["values"]["cells"] > 512
    sweep = client.run_sweep(ROOT / "sweeps" / "speech.yaml").wait(60)
    frame = sweep.frame(budget="5M", where=["layers > 1", "cells > 500"], sort=["-weights"])
    expected = sizer.run_sweep(sweep_of(SPEECH), budget="5M", where=["layers > 1", "cells > 500"], dry_run=True).frame()
    assert frame.weights.tolist() == sorted(expected.weights.tolist(), reverse=True)
    sweep.download(tmp_path / "rows.csv", budget="5M")
    assert pd.read_csv(tmp_path / "rows.csv").weights.max() <= 5_000_000
    assert client.sweep(sweep.id).status == "done"
    assert sweep.id in [one.id for one in client.sweeps()]


def test_the_client_raises_what_the_library_raises(client: sizer.Client) -> None:
    for call in (client.count, client.explain, client.compare):
        with pytest.raises(InputError) as found:
            call({**NETWORK, "cels": 3})
        with pytest.raises(InputError) as expected:
            sizer.count({**NETWORK, "cels": 3})
        assert found.value.faults == expected.value.faults
    with pytest.raises(InputError, match="cannot be read"):
        client.run_sweep("nothing.yaml")
    with pytest.raises(RunError, match="no sweep has this id"):
        client.sweep("0" * 20)
    with pytest.raises(RunError, match="refused"):
        sizer.Client("http://127.0.0.1:1").count(NETWORK)
    with pytest.raises(InputError, match="is not an address"):
        sizer.Client("ftp://x")
