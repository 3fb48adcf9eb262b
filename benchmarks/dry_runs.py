"""What `sizer run --dry-run` answers of grids of up to 10^18, and how long it takes.

All of them sweep layers, cells and both projections of an LSTM of at most 10M weights, with more fields on top: once as
they are, once with a condition that ties the projections to the cells, and once with a second budget, on the state.

    python benchmarks/dry_runs.py --json benchmarks/dry_runs.json
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from measuring import machine

from sizer.grids.pruning.counts import count_kept
from sizer.sweepfile.load import parse_sweep

SWEEP = """
sizer: 1
name: huge
model: {{cell_type: lstm{model}}}
grid:
  layers: {{from: 1, to: 10, step: 1}}
  cells: {{from: 1, to: 10000, step: 1}}
  recurrent_projection: {{from: 1, to: 3000, step: 1}}
  nonrecurrent_projection: {{from: 0, to: 3000, step: 1}}
{grid}{more}budget: {{weights: {{max: 10M}}{budget}}}
"""
WAYS = {
    "plain": {"more": "", "budget": ""},
    "tied": {"more": "where: [recurrent_projection + nonrecurrent_projection <= cells]\n", "budget": ""},
    "two_budgets": {"more": "", "budget": ", state_size: {max: 5000}"},
}
"""What else a sweep says: what stands before its budget, and in it."""
FIELDS = {
    "nothing": {"convention": "textbook", "inputs": "39", "outputs": "34"},
    "`inputs` 1-1,000,000": {"convention": "textbook", "inputs": "{from: 1, to: 1000000, step: 1}", "outputs": "34"},
    "`outputs` 1-1,000,000": {"convention": "textbook", "inputs": "39", "outputs": "{from: 1, to: 1000000, step: 1}"},
    "three conventions, `other_weights` 0-400,000": {
        "convention": "[textbook, sak2014, graves2013]",
        "inputs": "39",
        "outputs": "34",
        "other_weights": "{from: 0, to: 400000, step: 1}",
    },
    "three conventions, six `inputs`, eight `outputs`": {
        "convention": "[textbook, sak2014, graves2013]",
        "inputs": "[13, 39, 40, 80, 123, 240]",
        "outputs": "[0, 34, 61, 128, 1000, 2000, 4000, 8000]",
    },
    "three conventions, `inputs` 1-100, `outputs` 1-100": {
        "convention": "[textbook, sak2014, graves2013]",
        "inputs": "{from: 1, to: 100, step: 1}",
        "outputs": "{from: 1, to: 100, step: 1}",
    },
    "`inputs` 1-1,000, `outputs` 1-1,000": {
        "convention": "textbook",
        "inputs": "{from: 1, to: 1000, step: 1}",
        "outputs": "{from: 1, to: 1000, step: 1}",
    },
}


def sweep_with(fields: dict[str, str], way: str) -> str:
    """Return a sweep file in which fields that have several values are swept."""
    swept = {name: value for name, value in fields.items() if value[0] in "[{"}
    model = "".join(f", {name}: {value}" for name, value in fields.items() if name not in swept)
    return SWEEP.format(model=model, grid="".join(f"  {name}: {value}\n" for name, value in swept.items()), **WAYS[way])


def counted(text: str) -> dict[str, float]:
    """Return what a dry run finds, and its time."""
    started = time.perf_counter()
    sweep = parse_sweep(text)
    found = count_kept(sweep)
    return {
        "configurations": sweep.size,
        "at_least": found.at_least,
        "at_most": found.at_most,
        "exact": found.at_least == found.at_most,
        "seconds": time.perf_counter() - started,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    runs = []
    for name, fields in FIELDS.items():
        run = {"on_top": name, **{way: counted(sweep_with(fields, way)) for way in WAYS}}
        runs.append(run)
        for title in WAYS:
            figures = run[title]
            kept = (
                f"{figures['at_least']:,}" if figures["exact"] else f"{figures['at_least']:,} to {figures['at_most']:,}"
            )
            print(
                f"  {name:52}  {title:11}  {figures['configurations']:>9.2g}  {figures['seconds']:>6.2f} s  {kept}",
                flush=True,
            )
    if options.json:
        Path(options.json).write_text(
            json.dumps({"title": "dry runs", "machine": machine(), "runs": runs}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()
