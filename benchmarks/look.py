"""What is in a model file? Its header read alone, against the frameworks that load it: seconds and peak memory.

    python benchmarks/look.py [--json FILE] [--largest MB] [--kinds pt,onnx]

The files are made on the spot in a temporary folder, an LSTM's weights among others, of 10 MB to 2 GB; each way runs in a
process of its own, so that its peak memory is its own, and says its seconds without the imports. Files come from the
page cache for everybody: each was just written.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from measuring import machine

SIZES = (10, 100, 1900)
"""Megabytes."""
KERAS_LARGEST = 500
"""Megabytes of a Keras model: making one takes a while."""
READ = (
    "from sizer.files.reading import read_contents as read\nnames = lambda: sum(len(one.tensors) for one in read(path))"
)
WAYS: dict[str, dict[str, str]] = {
    "pt": {
        "sizer": READ,
        "torch.load": "import torch\nnames = lambda: len(torch.load(path, weights_only=True))",
        "torch.load, mmap": "import torch\nnames = lambda: len(torch.load(path, weights_only=True, mmap=True))",
    },
    "legacy.pt": {
        "sizer": READ,
        "torch.load": "import torch\nnames = lambda: len(torch.load(path, weights_only=True))",
    },
    "safetensors": {
        "sizer": READ,
        "safe_open": "import torch\nfrom safetensors import safe_open\ndef names():\n    with safe_open(path, 'pt') as file:\n"
        "        return len([file.get_slice(name).get_shape() for name in file.keys()])",
        "load_file": "from safetensors.torch import load_file\nnames = lambda: len(load_file(path))",
    },
    "onnx": {"sizer": READ, "onnx.load": "import onnx\nnames = lambda: len(onnx.load(path).graph.initializer)"},
    "npz": {
        "sizer": READ,
        "numpy.load": "import numpy\nnames = lambda: len([numpy.load(path)[name] for name in numpy.load(path).files])",
    },
    "keras": {
        "sizer": READ,
        "keras.models.load_model": "import keras\nnames = lambda: len(keras.models.load_model(path).weights)",
    },
    "h5": {
        "sizer": READ,
        "keras.models.load_model": "import keras\nnames = lambda: len(keras.models.load_model(path).weights)",
    },
}
"""What reads each kind of file: `names` returns how many tensors there are."""
MEASURE = """
import os, resource, sys, time
os.environ.setdefault("KERAS_BACKEND", "torch")
path = sys.argv[1]
{imports}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rounds = []
for _ in range(int(sys.argv[2])):
    started = time.perf_counter()
    number = names()
    rounds.append(time.perf_counter() - started)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sorted(rounds)[len(rounds) // 2], (peak - before) / 1024, peak / 1024, number)
"""


def make(folder: Path, kind: str, megabytes: int) -> Path:
    """Write a file of about so many megabytes."""
    path = folder / f"{megabytes}.{kind}"
    if kind in ("keras", "h5"):
        import keras

        cells = int((megabytes * 2**20 / 4 / 12) ** 0.5)
        model = keras.Sequential([keras.Input((None, cells))])
        for _ in range(1 if megabytes < 100 else 2):
            settings = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
            model.add(keras.layers.LSTM(cells, return_sequences=True, **settings))
        model.save(path)
        return path
    import numpy
    import torch

    cells = 1024 if megabytes > 50 else 256
    step = 2 * 4 * cells * cells
    layers = max(1, round(megabytes * 2**20 / 4 / step))
    arrays = {}
    for layer in range(layers):
        arrays[f"lstm.weight_ih_l{layer}"] = numpy.zeros((4 * cells, cells), "f4")
        arrays[f"lstm.weight_hh_l{layer}"] = numpy.zeros((4 * cells, cells), "f4")
    if kind == "npz":
        numpy.savez(path, **arrays)
    elif kind == "onnx":
        import onnx

        tensors = [onnx.numpy_helper.from_array(value, name) for name, value in arrays.items()]
        node = onnx.helper.make_node("LSTM", ["x", *list(arrays)[:2]], ["y"], hidden_size=cells)
        onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [], tensors)), path)
    else:
        state = {name: torch.from_numpy(value) for name, value in arrays.items()}
        if kind == "safetensors":
            from safetensors.torch import save_file

            save_file(state, path)
        else:
            torch.save(state, path, _use_new_zipfile_serialization=kind == "pt")
    return path


def measured(path: Path, imports: str, rounds: int) -> dict[str, Any]:
    """Return the seconds of one reading and the memory that it took, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(imports=imports), str(path), str(rounds)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["?"])[-1][:200]}
    seconds, more, peak, number = map(float, done.stdout.split()[-4:])
    return {
        "seconds": round(seconds, 6),
        "megabytes_more": round(more, 1),
        "megabytes_peak": round(peak, 1),
        "tensors": int(number),
    }


def main() -> None:
    """Measure, print, and write where `--json` says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json")
    parser.add_argument("--largest", type=int, default=max(SIZES))
    parser.add_argument("--kinds", default=",".join(WAYS), help="kinds of files, separated by commas")
    options = parser.parse_args()
    rows = []
    described = machine()
    print(f"{described['processor']}, {described['cores']} cores, Python {described['python']}\n")
    print(f"{'file':14} {'MB':>6}  {'way':26} {'seconds':>10} {'MB more':>8} {'MB peak':>8} {'tensors':>8}")
    with tempfile.TemporaryDirectory() as made:
        for kind in options.kinds.split(","):
            ways = WAYS[kind]
            for size in SIZES:
                wanted = min(size, KERAS_LARGEST) if kind in ("keras", "h5") else size
                if size > options.largest:
                    continue
                # Files of several gigabytes are made in a process of their own: its memory goes with it.
                subprocess.run(
                    [sys.executable, __file__, "--make", made, kind, str(wanted)], check=True, capture_output=True
                )
                path = Path(made) / f"{wanted}.{kind}"
                megabytes = path.stat().st_size / 2**20
                for way, imports in ways.items():
                    figures = measured(path, imports, 5 if way == "sizer" or megabytes < 200 else 1)
                    rows.append({"file": kind, "megabytes": round(megabytes, 1), "way": way, **figures})
                    shown = figures.get("failed") or (
                        f"{figures['seconds']:>10.5f} {figures['megabytes_more']:>8,.1f}"
                        f" {figures['megabytes_peak']:>8,.1f} {figures['tensors']:>8,}"
                    )
                    print(f"{kind:14} {megabytes:>6,.0f}  {way:26} {shown}", flush=True)
                path.unlink()
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": described, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        main()
