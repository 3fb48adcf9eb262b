"""Times things in one run, interleaved, and says on what machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Return what a reader needs to judge the figures."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def rates(ways: dict[str, tuple[int, Callable[[], int]]], rounds: int) -> dict[str, dict[str, float]]:
    """Return the median rate of each way, measured turn by turn.

    Args:
        ways: name -> (configurations it decides, what does it and returns how many it kept).
        rounds: how often each way has its turn.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (_, work) in ways.items():
            started = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - started)
    return {
        name: {
            "configurations": configurations,
            "seconds": statistics.median(seconds[name]),
            "per_second": configurations / statistics.median(seconds[name]),
        }
        for name, (configurations, _) in ways.items()
    }


def in_words(ratio: float) -> str:
    """Return a ratio of rates to two digits: how many times slower or faster the other way is."""
    if 0.95 < ratio < 1.05:
        return "as fast"
    number, word = (ratio, "slower") if ratio >= 1 else (1 / ratio, "faster")
    return f"{float(f'{number:.2g}'):,g} times {word}"


@dataclass(frozen=True)
class Comparison:
    """Ways of doing one thing, with one of them that the others are compared with."""

    title: str
    ways: dict[str, dict[str, float]]
    """As `rates` returns them; with `bytes` too where files were written."""
    reference: str

    def as_json(self) -> dict[str, Any]:
        """Return the figures as they are written."""
        return {"title": self.title, "reference": self.reference, "ways": self.ways}


def report(title: str, found: dict[str, dict[str, float]], reference: str, **more: dict[str, float]) -> None:
    """Print the rates, each with how many times faster the reference is; write them, and what more is said, where --json says."""
    comparison = Comparison(title, found, reference)
    _print([comparison])
    for name, figures in more.items():
        print(f"{name}: {', '.join(f'{figure} {value:,.4g}' for figure, value in figures.items())}")
    _write({"machine": machine(), **comparison.as_json(), **more})


def report_several(comparisons: list[Comparison]) -> None:
    """Print the rates of several comparisons; write them as one list where --json says."""
    _print(comparisons)
    _write({"machine": machine(), "comparisons": [comparison.as_json() for comparison in comparisons]})


def _write(content: dict[str, Any]) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--json")
    options, _ = parser.parse_known_args()
    if options.json:
        Path(options.json).write_text(json.dumps(content, indent=2) + "\n")


def _print(comparisons: list[Comparison]) -> None:
    described = machine()
    print(f"{described['processor']}, {described['cores']} cores, Python {described['python']}\n")
    for comparison in comparisons:
        _print_one(comparison)


def _print_one(comparison: Comparison) -> None:
    found, reference = comparison.ways, comparison.reference
    print(comparison.title)
    best = found[reference]["per_second"]
    in_bytes = any("bytes" in figures for figures in found.values())
    size = f"  {'bytes':>13}" if in_bytes else ""
    print(f"  {'way':42}  {'configurations':>15}  {'seconds':>8}  {'per second':>15}{size}  rate against {reference}")
    for name, figures in found.items():
        ratio = "" if name == reference else in_words(best / figures["per_second"])
        size = f"  {figures['bytes']:>13,}" if in_bytes else ""
        print(
            f"  {name:42}  {figures['configurations']:>15,}  {figures['seconds']:>8.2f}"
            f"  {figures['per_second']:>15,.0f}{size}  {ratio}"
        )
    print()
