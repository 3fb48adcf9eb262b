"""Memory and time of dense runs as the grid grows: every configuration is kept and written to Parquet.

    python benchmarks/memory.py --sizes 1e7 1e8 1e9

Peak memory is asked of the kernel twenty times a second, of the command and whatever processes it has started
(proportional set size: pages that processes share are counted once).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import machine

SWEEP = """
sizer: 1
name: dense
model: {{convention: pytorch, cell_type: lstm, inputs: 39, outputs: 34}}
grid:
  layers: {{from: 1, to: 10, step: 1}}
  cells: {{from: 2001, to: 3000, step: 1}}
  recurrent_projection: {{from: 1, to: 1000, step: 1}}
  other_weights: {{from: 1, to: {last}, step: 1}}
output: {{formats: [parquet]}}
"""


def processes_of(parent: int) -> list[int]:
    """Return a process and all of its descendants."""
    found = [parent]
    for process in found:
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            found.extend(map(int, task.read_text().split()))
    return found


def memory_of(process: int) -> int:
    """Return the bytes of memory that a process and its descendants use together."""
    total = 0
    for one in processes_of(process):
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
        except (OSError, ProcessLookupError):
            continue
        total += 1024 * sum(int(number) for number in re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE))
    return total


def measured(size: int, options: list[str]) -> dict[str, float]:
    """Run a sweep of so many configurations; return seconds, peak memory and what was written."""
    with tempfile.TemporaryDirectory() as folder:
        sweep = Path(folder) / "dense.yaml"
        sweep.write_text(SWEEP.format(last=size // 10_000_000))
        command = [sys.executable, "-m", "sizer", "run", str(sweep), "--out", folder, "--json", *options]
        started = time.perf_counter()
        peak = 0
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            while process.poll() is None:
                peak = max(peak, memory_of(process.pid))
                time.sleep(0.05)
            assert process.stdout is not None
            done = json.loads(process.stdout.read())
        assert done["kept"] == size, done
        table = Path(folder) / "dense.parquet"
        files = [table] if table.is_file() else list(table.iterdir())
        return {
            "configurations": size,
            "seconds": time.perf_counter() - started,
            "peak_bytes": peak,
            "files": len(files),
            "file_bytes": sum(file.stat().st_size for file in files),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["1e7", "1e8"], help="multiples of 10 million")
    parser.add_argument("--json", metavar="FILE")
    options, others = parser.parse_known_args()
    found = []
    print(f"  {'configurations':>15}  {'seconds':>8}  {'peak memory':>12}  {'files':>6}  {'bytes a row':>11}")
    for size in options.sizes:
        figures = measured(int(float(size)), others)
        found.append(figures)
        print(
            f"  {figures['configurations']:>15,}  {figures['seconds']:>8.1f}  {figures['peak_bytes'] / 1e6:>9.0f} MB"
            f"  {figures['files']:>6,}  {figures['file_bytes'] / figures['configurations']:>11.3f}",
            flush=True,
        )
    if options.json:
        content = {"title": "memory", "machine": machine(), "runs": found}
        Path(options.json).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
