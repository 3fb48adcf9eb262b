"""How fast the service counts: one network against a bare FastAPI endpoint that returns a constant, and a batch against the library.

Run with `python benchmarks/service.py`; it needs the extra `serve`. Every rate is the median of several rounds taken in
turns, by clients in a process of their own that keep their connections.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import sizer

ROUNDS = 7
SECONDS = 1.5
CLIENTS = 4
BATCH = 10_000
NETWORK = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024, "outputs": 34}
BARE = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.post("/v1/count")
async def constant():
    return {"weights": 12926976}
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""


def free_port() -> int:
    """Return a port that is free."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until a server answers."""
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the server did not begin")


def requests_in(port: int, seconds: float) -> int:
    """Return how many requests one connection has answered in a while."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    done = 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        # Every network is another one, as a search asks them.
        body = json.dumps({"network": {**NETWORK, "cells": 64 + done % 4096}, "budget": "10M"})
        connection.request("POST", "/v1/count", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}")
        done += 1
    connection.close()
    return done


def rate(port: int) -> float:
    """Return requests per second by several connections at once, from a process of their own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return float(pool.apply(rate_here, (port,)))


def rate_here(port: int) -> float:
    """Return requests per second, from this process."""
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(requests_in(port, SECONDS)), daemon=True) for _ in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(found) / SECONDS


def seconds_of_batch(port: int) -> float:
    """Return how long the service takes for a list of networks, the client's own work included."""
    networks = [{**NETWORK, "cells": 64 + place} for place in range(BATCH)]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    connection.request("POST", "/v1/count", json.dumps({"networks": networks}), {"content-type": "application/json"})
    counts = json.loads(connection.getresponse().read())["counts"]
    taken = time.perf_counter() - began
    assert counts[0]["weights"] == sizer.count(networks[0]).weights
    return taken


def seconds_of_columns(port: int) -> float:
    """Return how long the service takes for networks field by field, the client's own work included."""
    columns = {**NETWORK, "cells": [64 + place for place in range(BATCH)]}
    connection = http.client.HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    connection.request("POST", "/v1/count", json.dumps({"columns": columns}), {"content-type": "application/json"})
    weights = json.loads(connection.getresponse().read())["columns"]["weights"]
    taken = time.perf_counter() - began
    assert weights[0] == sizer.count({**NETWORK, "cells": 64}).weights
    return taken


def seconds_of_library() -> float:
    """Return how long `sizer.count` takes for each of them."""
    networks = [{**NETWORK, "cells": 64 + place} for place in range(BATCH)]
    began = time.perf_counter()
    for network in networks:
        sizer.count(network)
    return time.perf_counter() - began


def seconds_of_library_batch() -> float:
    """Return how long `sizer.count_batch` takes."""
    networks = [{**NETWORK, "cells": 64 + place} for place in range(BATCH)]
    began = time.perf_counter()
    sizer.count_batch(networks)
    return time.perf_counter() - began


def main() -> None:
    """Measure, print and write JSON."""
    bare, ours = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        servers = [
            subprocess.Popen([sys.executable, "-c", BARE, str(bare)]),
            subprocess.Popen([sys.executable, "-m", "sizer", "serve", "--port", str(ours), "--data", folder]),
        ]
        try:
            wait_for(bare)
            wait_for(ours)
            time.sleep(3)
            rounds = [
                {
                    "bare": rate(bare),
                    "count": rate(ours),
                    "batch": seconds_of_batch(ours),
                    "columns": seconds_of_columns(ours),
                    "library": seconds_of_library(),
                    "library_batch": seconds_of_library_batch(),
                }
                for _ in range(ROUNDS)
            ]
        finally:
            for server in servers:
                server.terminate()
                server.wait()
    middle: dict[str, float] = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    slower = statistics.median(one["bare"] / one["count"] for one in rounds)
    found: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "clients": CLIENTS,
        "bare_per_second": round(middle["bare"]),
        "count_per_second": round(middle["count"]),
        "count_slower_than_bare": round(slower, 2),
        "batch_networks": BATCH,
        "batch_seconds": round(middle["batch"], 3),
        "columns_seconds": round(middle["columns"], 3),
        "library_count_seconds": round(middle["library"], 3),
        "library_count_batch_seconds": round(middle["library_batch"], 3),
        "batch_to_count": round(statistics.median(one["batch"] / one["library"] for one in rounds), 2),
        "batch_to_count_batch": round(statistics.median(one["batch"] / one["library_batch"] for one in rounds), 2),
        "columns_to_count_batch": round(statistics.median(one["columns"] / one["library_batch"] for one in rounds), 2),
    }
    for name, value in found.items():
        print(f"{name:30} {value}")
    Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
