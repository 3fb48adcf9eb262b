"""How soon the service answers, paints and counts, and how long pages of a large result take.

Run with `python benchmarks/page.py`; it needs the extra `serve`, selenium and Chromium. Every figure is the median of several.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver

ROUNDS = 5
LARGE = """
sizer: 1
name: large
model: {convention: pytorch, cell_type: lstm, inputs: 80, outputs: 0}
grid:
  layers: {from: 1, to: 20, step: 1}
  cells: {from: 8, to: 8000, step: 1}
  recurrent_projection: {from: 0, to: 1000, step: 1}
where: [recurrent_projection < cells]
budget: {weights: {max: 200M}}
"""


def started(folder: str) -> tuple[subprocess.Popen[str], str, float]:
    """Start a server; return it, its address, and the seconds until it answered."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "sizer", "serve", "--port", "0", "--data", folder], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    found = re.search(r"http://\S+", process.stderr.readline())
    if found is None:
        raise SystemExit("the server did not begin")
    urllib.request.urlopen(f"{found[0]}/healthz").read()
    return process, found[0], time.perf_counter() - began


def stopped(process: subprocess.Popen[str]) -> None:
    """End a server."""
    process.send_signal(signal.SIGINT)
    process.wait(30)


def asked(address: str, body: bytes | None = None) -> Any:
    """Return an answer."""
    with urllib.request.urlopen(urllib.request.Request(address, body)) as response:
        return json.load(response)


def seconds(work: Callable[[], Any]) -> float:
    """Return the median of how long something takes."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def painted(address: str) -> tuple[float, float]:
    """Return milliseconds until the page paints, and until it has counted its sweep."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    paints, counts = [], []
    with webdriver.Chrome(options=options, service=service) as browser:
        for _ in range(ROUNDS):
            browser.get(address)
            while not browser.execute_script("return document.querySelector('#kept')?.innerText"):
                time.sleep(0.01)
            counts.append(browser.execute_script("return performance.now()"))
            paints.append(
                browser.execute_script("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
            )
    return statistics.median(paints), statistics.median(counts)


def main() -> None:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=Path(__file__).with_suffix(".json"))
    target = parser.parse_args().json
    starts = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            process, _, taken = started(folder)
            starts.append(taken)
            stopped(process)
    with tempfile.TemporaryDirectory() as folder:
        process, address, _ = started(folder)
        try:
            time.sleep(3)
            paint, counted = painted(address)
            job = asked(f"{address}/v1/sweeps", LARGE.encode())
            rows = f"{address}/v1/sweeps/{job['id']}"
            while job["status"] != "done":
                time.sleep(0.2)
                job = asked(rows)
            kept = job["summary"]["kept"]

            def page(**question: Any) -> float:
                return seconds(lambda: asked(f"{rows}/rows?{urllib.parse.urlencode({'limit': 200, **question})}"))

            found = {
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
                "start_seconds": round(statistics.median(starts), 2),
                "paint_ms": round(paint),
                "counted_ms": round(counted),
                "rows": kept,
                "first_page_seconds": round(page(sort="-weights"), 2),
                "middle_page_seconds": round(page(sort="-weights", offset=kept // 2), 2),
                "last_page_seconds": round(page(sort="-weights", offset=kept - 200), 2),
                "budget_page_seconds": round(page(sort="-weights", budget="5M"), 2),
                "plot_seconds": round(seconds(lambda: asked(f"{rows}/plot?budget=50M")), 2),
            }
        finally:
            stopped(process)
    for name, value in found.items():
        print(f"{name:22} {value}")
    target.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
