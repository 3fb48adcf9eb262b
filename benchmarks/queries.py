"""A question to a result of 100 million rows: the 100 largest within 10M weights whose cells divide by 64.

Each way runs in a process of its own, so that its time has the start in it and its peak memory is its own. How long the
table's files take to be checked against the manifest, which is in the time of `sizer`, is measured by itself too.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import report

import sizer
from sizer.sweepfile.load import parse_sweep

LARGE = """
sizer: 1
name: large
model: {convention: sak2014, cell_type: lstm, inputs: 39, outputs: 34}
grid:
  layers: {from: 1, to: 10, step: 1}
  cells: {from: 8, to: 8000, step: 8}
  recurrent_projection: {from: 8, to: 800, step: 8}
  nonrecurrent_projection: {from: 0, to: 990, step: 10}
output: {formats: [parquet]}
"""
WITH_SIZER = """
import sizer
found = sizer.query({path!r}, budget="10M", where="cells % 64 == 0", sort="-weights", top=100)
print(found.weights.sum())
"""
WITH_PYARROW = """
import pyarrow.compute as pc
import pyarrow.dataset as ds
table = ds.dataset({path!r}).to_table(filter=pc.field("weights") <= 10_000_000)
cells = table["cells"]
table = table.filter(pc.equal(pc.subtract(cells, pc.multiply(pc.divide(cells, 64), 64)), 0))
table = table.sort_by([("weights", "descending"), ("id", "ascending")])[:100]
print(pc.sum(table["weights"]).as_py())
"""
WITH_PANDAS = """
import pandas as pd
frame = pd.read_parquet({path!r})
frame = frame[(frame.weights <= 10_000_000) & (frame.cells % 64 == 0)]
print(frame.sort_values(["weights", "id"], ascending=[False, True])[:100].weights.sum())
"""
VERIFYING = """
import time
from pathlib import Path
from sizer.tables.stored.integrity import checked
started = time.perf_counter()
assert checked({path!r}, Path({path!r})) is not None
print(time.perf_counter() - started)
"""


def measured(code: str) -> tuple[float, int, str]:
    """Return the seconds, the peak memory in bytes and the answer of a process."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    answer = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{code}\nended with {process.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss * 1024, answer


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        run = sizer.run_sweep(parse_sweep(LARGE), folder)
        assert run.account is not None
        rows = run.account.kept
        path = str(Path(folder) / "large.parquet")
        ways = {"sizer": WITH_SIZER, "pyarrow.dataset": WITH_PYARROW, "pandas": WITH_PANDAS}
        found: dict[str, list[tuple[float, int, str]]] = {name: [] for name in ways}
        verifying: list[float] = []
        for _ in range(3):
            for name, code in ways.items():
                found[name].append(measured(code.format(path=path)))
            verifying.append(float(measured(VERIFYING.format(path=path))[2]))
        files = list(Path(path).iterdir())
        size = sum(file.stat().st_size for file in files)
    answers = {answer for turns in found.values() for _, _, answer in turns}
    assert len(answers) == 1, answers
    report(
        f"the 100 largest of {rows:,} rows that hold two conditions",
        {
            name: {
                "configurations": rows,
                "seconds": statistics.median(seconds for seconds, _, _ in turns),
                "per_second": rows / statistics.median(seconds for seconds, _, _ in turns),
                "memory": statistics.median(memory for _, memory, _ in turns),
            }
            for name, turns in found.items()
        },
        "sizer",
        verification={
            "seconds": statistics.median(verifying),
            "share": statistics.median(verifying) / statistics.median(seconds for seconds, _, _ in found["sizer"]),
            "files": len(files),
            "bytes": size,
        },
    )


if __name__ == "__main__":
    main()
