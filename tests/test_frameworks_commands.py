"""`sizer verify` and `sizer code` as a person runs them, and the sample that a sweep is compared by."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import sizer
from sizer.cli.app import app
from sizer.errors import InputError
from sizer.extras import install_command
from sizer.frameworks.verifying import FRAMEWORKS
from sizer.networks import cells
from sizer.verification import Verification, configuration_of, corner_ids, verify_sweep

ROOT = Path(__file__).resolve().parent.parent

WORKS = """\
sizer: 1
name: works
model: {inputs: 7, outputs: 5, bidirectional: true}
grid:
  convention: [pytorch, keras, flax, tensorflow1, sak2014]
  cell_type: [lstm, gru]
  layers: [1, 2, 3]
  cells: {from: 8, to: 20, step: 4}
  recurrent_projection: [0, 4]
  bias_vectors: [0, 1, 2]
"""

HUGE = """\
sizer: 1
name: huge
model: {convention: pytorch, cell_type: lstm}
grid:
  inputs: {from: 1, to: 1000000, step: 1}
  outputs: {from: 0, to: 1000000, step: 1}
  layers: {from: 1, to: 30, step: 1}
  cells: {from: 8, to: 80000, step: 8}
  recurrent_projection: {of: cells, ratio: [1/8, 1/4, 1/2]}
  other_weights: {from: 1, to: 1000000000000, step: 1}
"""


@pytest.fixture(autouse=True)
def torch_behind_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed (the extra `frameworks`)")


@pytest.fixture
def works(tmp_path: Path) -> Path:
    path = tmp_path / "works.yaml"
    path.write_text(WORKS)
    return path


def load(text: str, folder: Path) -> sizer.Sweep:
    path = folder / "sweep.yaml"
    path.write_text(text)
    return sizer.load_sweep(path)


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of a command, run in this process so that it can be broken first."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="sizer")
    return done.exit_code, done.stdout, done.stderr


# The sample


def test_small_sweeps_are_compared_whole(torch: Any, tmp_path: Path) -> None:
    done = verify_sweep(load(WORKS, tmp_path), "torch")
    # pytorch: 2 cells x 3 layers x 4 widths, of 0 or 2 bias vectors, and as many of 1; projections only in the LSTM.
    assert done.compared == 3 * 4 * 2 * (2 + 1)
    assert done.not_comparable["torch.nn.LSTM has two bias vectors per gate or none; keras has one"] == 3 * 4 * 2
    assert done.not_comparable["torch.nn.GRU has two bias vectors per gate or none; tensorflow1 has one"] == 3 * 4
    assert done.compared + done.not_comparable.total() + done.not_valid.total() == done.looked_at == done.sweep.size
    # A corner for each convention, cell type, and first and last of the four other axes; those that can be compared:
    # 2 depths x 2 widths x 2 biases x (2 projections of an LSTM, 1 of a GRU).
    assert done.corners == 2 * 2 * 2 * 3
    assert done.difference is None


def test_the_same_seed_draws_the_same_configurations(torch: Any, tmp_path: Path) -> None:
    sweep = load(HUGE, tmp_path)

    def drawn(seed: int) -> dict[str, Any]:
        return verify_sweep(sweep, "torch", sample=20, seed=seed).as_json() | {"seconds": 0}

    assert drawn(7) == drawn(7)
    assert drawn(7)["tensors"] != drawn(8)["tensors"]


def test_a_grid_of_more_configurations_than_64_bits_number(torch: Any, tmp_path: Path) -> None:
    sweep = load(HUGE, tmp_path)
    assert sweep.size > 2**64
    seen = []
    done = verify_sweep(sweep, "torch", sample=50, on_progress=lambda *numbers: seen.append(numbers))
    assert done.compared == done.corners + 50
    assert seen[-1] == (done.looked_at, done.compared)
    assert (done.looked_at, done.corners) == (done.compared, 2**6)


def test_a_sample_of_none_is_the_corners(torch: Any, tmp_path: Path) -> None:
    done = verify_sweep(load(WORKS, tmp_path), "torch", sample=0)
    assert done.compared == done.corners == 24


def test_corners_of_many_axes_are_a_bounded_number(tmp_path: Path) -> None:
    axes = "inputs outputs layers cells recurrent_projection nonrecurrent_projection vocabulary embedding other_weights"
    grid = "\n".join(f"    {name}: [1, 2, 3]" for name in axes.split())
    booleans = "\n".join(f"    {name}: [false, true]" for name in ("bidirectional", "skip_connections"))
    text = f"sizer: 1\nname: x\nmodel: {{cell_type: lstm, convention: textbook}}\ngrid:\n  -\n{grid}\n{booleans}\n"
    sweep = load(text + "  - {inputs: [1], layers: [1, 2], cells: [1, 2, 3]}\n", tmp_path)
    found = list(corner_ids(sweep, random.Random(0)))
    assert len(set(found)) == len(found) == 512 + 4
    first = sweep.grids[0].size
    assert {0, first - 1, first, first + 2, first + 3, first + 5} <= set(found)
    assert found == sorted(found)


def test_an_id_that_is_not_there(tmp_path: Path) -> None:
    sweep = load(WORKS, tmp_path)
    with pytest.raises(InputError, match="id: there is no configuration -1; the ids go from 0 to 719"):
        configuration_of(sweep, -1)


# sizer verify


def test_verify_says_what_was_compared(torch: Any, works: Path) -> None:
    code, screen, said = invoke("verify", works, "--with", "torch", "--sample", "40", "--seed", "3")
    assert (code, said) == (0, "")
    version = importlib.metadata.version("torch")
    assert screen.startswith(
        f"works\nCompared with PyTorch {version}, on its meta device, where no weights are stored\n\n"
    )
    assert re.search(r"\n +\d+  compared: 24 corners, 40 drawn at random, seed 3\n", screen)
    assert re.search(r"\n +-\d+  not comparable: keras is compared with Keras\n", screen)
    assert re.search(r"\n +-\d+  not valid: gru has no recurrent_projection\n", screen)
    assert re.search(r"\n +\d+  configurations looked at, of 720\n", screen)
    assert re.search(r"\nEvery shape of [\d,]+ tensors and every total is equal      \d+\.\d s\n$", screen)


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "conventions"), [("keras", 3), ("flax", 2)])
def test_verify_with_keras_and_flax(name: str, conventions: int, works: Path) -> None:
    for package in FRAMEWORKS[name].packages:
        pytest.importorskip(package, reason=f"{name} is not installed (the extra `frameworks`)")
    code, printed, said = invoke("verify", works, "--with", name, "--json")
    assert (code, said) == (0, "")
    found = json.loads(printed)
    # Keras: 12 LSTMs of 0 and 1 bias vectors, 12 GRUs of 0, 1, 2, and TensorFlow's. Flax: 12 of each with 1 or its own.
    assert found["compared"] == {"keras": 12 * (2 + 3 + 3), "flax": 12}[name]
    assert found["framework"] == name
    assert found["version"] == importlib.metadata.version(name)
    assert found["difference"] is None


@pytest.mark.thorough
def test_keras_needs_no_setting(torch: Any, works: Path) -> None:
    """In a process of its own, where nobody has chosen a backend."""
    pytest.importorskip("keras", reason="Keras is not installed (the extra `frameworks`)")
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-m", "sizer", "verify", str(works), "--with", "keras", "--sample", "0"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "on PyTorch's meta device, where no weights are stored" in done.stdout


def test_a_sweep_that_no_framework_builds_says_what_it_was_checked_against(torch: Any) -> None:
    code, screen, _ = invoke("verify", ROOT / "sweeps/sak2014.yaml", "--with", "torch")
    assert code == 4
    version = importlib.metadata.version("torch")
    said = f"Nothing was compared: PyTorch {version} builds none of the 44 configurations that were looked at"
    assert screen.splitlines()[1:3] == [said, ""]
    assert "Compared with" not in screen
    assert (
        "  -44  not comparable: sak2014 has no framework that runs here; checked against a total worked by hand from the "
        "paper's equations, and the rounded figures that the paper prints\n"
    ) in screen
    assert screen.endswith("   0  compared: 0 corners, 0 drawn at random, seed 0\n")
    code, printed, _ = invoke("verify", ROOT / "sweeps/sak2014.yaml", "--with", "torch", "--json")
    assert (code, json.loads(printed)["compared"]) == (4, 0)


def test_comparing_nothing_can_be_allowed(torch: Any, works: Path) -> None:
    allowed = invoke("verify", ROOT / "sweeps/sak2014.yaml", "--with", "torch", "--allow-none")
    assert (allowed[0], "Nothing was compared" in allowed[1]) == (0, True)


def test_allowing_nothing_allows_no_difference(torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(
        "sizer: 1\nname: one\nmodel: {convention: pytorch, cell_type: lstm, inputs: 3}\n"
        "grid: {layers: [1], cells: [8]}\n"
    )
    break_the_bias(monkeypatch)
    assert invoke("verify", path, "--with", "torch", "--allow-none")[0] == 4


def break_the_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lose one of the bias vectors of the LSTM."""
    tensors = tuple(
        dataclasses.replace(tensor, shape=(1, 4, "cells")) if tensor.name == "bias" else tensor
        for tensor in cells.LSTM.tensors
    )
    monkeypatch.setitem(cells.CELL_TYPES, "lstm", dataclasses.replace(cells.LSTM, tensors=tensors))


def test_a_broken_term_ends_with_4_and_both_breakdowns(
    torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(
        "sizer: 1\nname: one\nmodel: {convention: pytorch, cell_type: lstm, inputs: 3, outputs: 7}\n"
        "grid: {layers: [1], cells: [1024]}\n"
    )
    assert invoke("verify", path, "--with", "torch")[0] == 0
    break_the_bias(monkeypatch)
    code, screen, said = invoke("verify", path, "--with", "torch")
    assert (code, said) == (4, "")
    assert screen.partition("Configuration")[2] == (
        " 0 differs from PyTorch.\n"
        "\n"
        "pytorch · lstm · 3 -> 1 x 1,024 -> 7 · vectors of its own (bias), output bias, no peepholes\n"
        "\n"
        "                             Sizer        PyTorch\n"
        "     recurrent.weight_ih_l0  4096 x 3     4096 x 3\n"
        "     recurrent.weight_hh_l0  4096 x 1024  4096 x 1024\n"
        "  *  recurrent.bias_ih_l0    2048         4096\n"
        "  *  recurrent.bias_hh_l0    2048         4096\n"
        "     output.weight           7 x 1024     7 x 1024\n"
        "     output.bias             7            7\n"
        "  *  weights                 4,217,863    4,221,959\n"
    )
    code, printed, _ = invoke("verify", path, "--with", "torch", "--json")
    assert code == 4
    difference = json.loads(printed)["difference"]
    assert difference["id"] == 0
    assert difference["weights"] == {"sizer": 4_217_863, "framework": 4_221_959}
    assert difference["tensors"][2] == {
        "name": "recurrent.bias_ih_l0",
        "sizer": [2048],
        "framework": [4096],
        "equal": False,
    }
    out = tmp_path / "report.json"
    assert invoke("verify", path, "--with", "torch", "--json", "--out", out) == (4, "", "")
    assert json.loads(out.read_text())["difference"]["id"] == 0


def test_the_comparison_ends_at_the_first_difference(
    torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = load(WORKS, tmp_path)
    break_the_bias(monkeypatch)
    done = verify_sweep(sweep, "torch")
    assert isinstance(done, Verification)
    assert done.compared == 1
    assert done.looked_at < done.sweep.size
    assert done.configuration_id is not None
    assert configuration_of(sweep, done.configuration_id)["cell_type"] == "lstm"


def test_a_framework_that_is_missing_names_the_extra(works: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    said = f"PyTorch cannot be imported (import of torch halted; None in sys.modules); {install_command('frameworks')}"
    assert invoke("verify", works, "--with", "torch") == (1, "", f"--with: {said}\n1 fault; nothing was compared\n")
    code, printed, _ = invoke("verify", works, "--with", "torch", "--json")
    assert (code, json.loads(printed)["faults"][0]["message"]) == (1, said)


# sizer code


def test_code_of_a_network_and_of_a_configuration_of_a_sweep(works: Path, tmp_path: Path) -> None:
    fields = ("--convention", "keras", "--cell-type", "gru", "--inputs", "7", "--outputs", "5", "--bidirectional")
    code, from_fields, said = invoke(
        "code", *fields, "--layers", "1", "--cells", "8", "--bias-vectors", "1", "--to", "keras"
    )
    assert (code, said) == (0, "")
    assert "layers.Bidirectional(layers.GRU(8, return_sequences=True, reset_after=False))(frames)" in from_fields
    # keras is the second convention, gru the second cell type: 144 + 72, and the second number of bias vectors.
    out = tmp_path / "network.py"
    assert invoke("code", works, "--id", "217", "--to", "keras", "--out", out) == (0, "", "")
    assert out.read_text() == from_fields


def test_code_keeps_flax_apart_from_a_gru_with_one_bias_vector(tmp_path: Path) -> None:
    """One bias vector, as an explanation shows it, is not the whole of a Flax GRU's biases."""
    path = tmp_path / "flax.yaml"
    path.write_text(
        "sizer: 1\nname: x\nmodel: {convention: flax, cell_type: gru, inputs: 3}\ngrid: {layers: [1], cells: [4]}\n"
    )
    code, printed, said = invoke("code", path, "--id", "0", "--to", "keras")
    assert (code, printed) == (1, "")
    assert said == (
        f"{path}: convention: keras.layers.GRU has no bias vector on the candidate alone; flax has\n"
        "1 fault; nothing was written\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--cells", "0", "--layers", "1", "--inputs", "3"), 1, "--cells: 0 is below the minimum, 1"),
        (
            ("--cells", "5", "--layers", "1", "--inputs", "3", "--peepholes"),
            1,
            "--peepholes: torch.nn.LSTM has no peepholes; tensorflow1 and the Kaldi conventions have\n"
            "1 fault; nothing was written",
        ),
        (
            ("--convention", "sak2014", "--cells", "5", "--layers", "1", "--inputs", "3"),
            1,
            "--convention: sak2014 sets peepholes to true: torch.nn.LSTM has no peepholes; tensorflow1 and the Kaldi "
            "conventions have\n1 fault; nothing was written\n",
        ),
        (
            ("--cell-type", "cifg_lstm", "--cells", "5", "--layers", "1", "--inputs", "3", "--peepholes"),
            1,
            "--cell-type: torch.nn has no cifg_lstm layer\n1 fault; nothing was written\n",
        ),
        ((str(ROOT / "sweeps/speech.yaml"), "--id", "5"), 1, "speech.yaml: convention: sak2014 sets peepholes to true"),
        ((str(ROOT / "sweeps/speech.yaml"),), 2, "--id go together"),
        ((str(ROOT / "sweeps/speech.yaml"), "--id", "5000"), 1, "the ids go from 0 to 3099"),
        ((str(ROOT / "sweeps/speech.yaml"), "--id", "5", "--cells", "3"), 2, "either a sweep file"),
        (("missing.yaml", "--id", "5"), 1, "missing.yaml"),
    ],
)
def test_faults_of_code(arguments: tuple[str, ...], code: int, said: str) -> None:
    found, printed, stderr = invoke("code", *arguments, "--to", "torch")
    assert (found, printed) == (code, "")
    assert said in re.sub(r"\s*│\n│\s*", " ", stderr)


def test_help_has_examples_that_run(works: Path) -> None:
    for command in ("verify", "code"):
        text = invoke(command, "--help")[1]
        assert text.count(f"sizer {command}") >= 2
    for command in (
        "code sweeps/starter.yaml --id 40 --to torch",
        "code --convention keras --cell-type gru --inputs 80 --layers 2 --cells 256 --outputs 32 --to keras",
    ):
        starter = works.parent / "starter.yaml"
        invoke("init", "--out", starter)
        code, printed, _ = invoke(*command.replace("sweeps/starter.yaml", str(starter)).split())
        assert (code, " weights." in printed) == (0, True)


def test_no_framework_is_imported_before_it_is_asked_for(tmp_path: Path) -> None:
    code = (
        "import pkgutil, sys, importlib, sizer, sizer.cli, sizer.verification, sizer.frameworks\n"
        "for module in pkgutil.iter_modules(sizer.frameworks.__path__):\n"
        "    importlib.import_module(f'sizer.frameworks.{module.name}')\n"
        "from sizer.frameworks.code import write_code\n"
        "write_code({'convention': 'pytorch', 'cell_type': 'rnn', 'inputs': 2, 'layers': 1, 'cells': 3}, 'torch')\n"
        "print(sorted({'torch', 'keras', 'jax', 'flax', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    quick = (
        "import sys, sizer.cli; print(sorted({'torch', 'keras', 'sizer.frameworks.code', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", quick], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
