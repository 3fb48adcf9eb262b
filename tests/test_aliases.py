"""Words of other toolkits are answered with ours, everywhere; toolkits that count as a convention does are names of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import sizer
from sizer.errors import InputError
from sizer.networks import aliases
from sizer.networks.aliases import ALIASES, TOOLKITS, key_of, meant
from sizer.networks.blocks.types import BLOCK_TYPES
from sizer.networks.cells import CELL_TYPES
from sizer.networks.columns import COUNTED
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.fields import FIELDS
from sizer.service.network_answers import counted
from sizer.service.settings import Limits
from sizer.sweepfile.load import apply_options, parse_sweep
from tests.commands import run

BLOCK_FIELDS = {name for block in BLOCK_TYPES.values() for name in block.by_field}
PYTORCH = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}


def faults(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **named)
    return "\n".join(map(str, caught.value.faults))


def test_every_alias_is_of_a_word_that_there_is() -> None:
    words = {word for one in BLOCK_TYPES.values() for field in one.fields for word in field.words}
    known = {*COUNTED, *FIELDS, *CONVENTIONS, *CELL_TYPES, *BLOCK_TYPES, *BLOCK_FIELDS, *words}
    assert {ours for found in ALIASES.values() for ours in found} <= known
    assert all(len(set(found)) == len(found) for found in ALIASES.values())
    assert max(map(len, ALIASES)) < aliases.LONGEST


def test_no_word_of_ours_is_taken_for_another() -> None:
    for known in (COUNTED, FIELDS, CONVENTIONS, CELL_TYPES, BLOCK_TYPES):
        assert [word for word in known if meant(word, known) != word] == []
    for block in BLOCK_TYPES.values():
        assert [word for word in block.by_field if meant(word, block.by_field) != word] == []


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ("hidden_size", "cells"),
        ("units", "cells"),
        ("cell-dim", "cells"),
        ("hiddenSize", "cells"),
        ("num_layers", "layers"),
        ("proj_size", "recurrent_projection"),
        ("num_proj", "recurrent_projection"),
        ("recurrent-projection-dim", "recurrent_projection"),
        ("vocab_size", "vocabulary"),
        ("num_embeddings", "vocabulary"),
        ("embedding_dim", "embedding"),
        ("input_size", "inputs"),
        ("in_features", "inputs"),
        ("num_classes", "outputs"),
        ("use_peepholes", "peepholes"),
        ("bias", "bias_vectors"),
        ("rnn_type", "cell_type"),
        ("framework", "convention"),
        ("size", "cells"),
    ],
)
def test_words_of_toolkits_for_fields(word: str, field: str) -> None:
    assert meant(word, FIELDS) == field
    assert f"{word}: no field of that name; did you mean '{field}'?" in faults(sizer.count, {**PYTORCH, word: 3})


@pytest.mark.parametrize(
    ("word", "column"),
    [("params", "weights"), ("size", "weights"), ("total_params", "weights"), ("flops", "macs_per_step")],
)
def test_words_for_columns(word: str, column: str) -> None:
    assert meant(word, COUNTED) == column
    sweep = parse_sweep(SWEEP)
    assert (
        faults(apply_options, sweep, budget=f"{word}=3M")
        == f"budget: no column named '{word}'; did you mean '{column}'?"
    )


def test_words_that_mean_nothing() -> None:
    assert [meant(word, FIELDS) for word in ("", "-", "dropout", "x" * 100, "é")] == [""] * 5
    assert meant("hidden_size", ["layers"]) == ""


SWEEP = """\
sizer: 1
name: words
model: {convention: pytorch, cell_type: lstm, inputs: 39, layers: 2}
grid: {cells: [8, 16]}
"""


def test_a_sweep_in_other_words_says_each_of_ours_at_its_place() -> None:
    text = """\
sizer: 1
name: words
model: {convention: PyTorch, cell_type: LSTM, input_size: 39, num_layers: 2, params: 3}
grid: {hidden_size: [8, 16]}
where: [params < 3, units > 4, convention == torch]
budget: {size: {max: 3M}, weights: {max: 20MB}}
output: {columns: [id, params]}
"""
    assert faults(parse_sweep, text) == (
        "model.convention: 'PyTorch' is not known; did you mean 'pytorch'?\n"
        "model.cell_type: 'LSTM' is not known; did you mean 'lstm'?\n"
        "model: no field named 'input_size'; did you mean 'inputs'?\n"
        "model: no field named 'num_layers'; did you mean 'layers'?\n"
        "model: no field named 'params'; bounds on counted columns go in budget, where it is 'weights'\n"
        "grid: no field named 'hidden_size'; did you mean 'cells'?\n"
        "where[0]: 'params' is not available here; bounds on counted columns go in the budget, where it is 'weights'\n"
        "where[1]: no field named 'units'; did you mean 'cells'?\n"
        "where[2]: no field named 'torch'; write a word in quotes: 'pytorch'\n"
        "budget: no column named 'size'; did you mean 'weights'?\n"
        "budget.weights.max: '20MB' is a size in bytes, and weights are counted; write float32_bytes: {max: 20MB}, or "
        "int8_bytes: {max: 20MB} for 8-bit weights\n"
        "output.columns[1]: 'params' is not known; did you mean 'weights'?"
    )


def test_words_of_blocks() -> None:
    blocks = {
        "features": {"type": "input", "input_size": 80},
        "front": {"type": "conv2d", "filters": 3},
        "encoder": {"type": "recurrent", "hidden_size": 4, "num_layers": 2, "cells": 3},
        "output": {"type": "dense", "units": 3},
        "last": {"type": "Linear", "out_features": 3},
    }
    said = faults(sizer.count, {"convention": "torch", "blocks": blocks})
    for words in (
        "convention: 'torch' is not known; did you mean 'pytorch'?",
        "blocks.features.input_size: an input has no input_size; did you mean 'inputs'?",
        "blocks.front.type: 'conv2d' is not a type of block; did you mean 'convolution'?",
        "blocks.encoder.hidden_size: a recurrent has no hidden_size; did you mean 'cells'?",
        "blocks.encoder.num_layers: a recurrent has no num_layers; did you mean 'layers'?",
        "blocks.output.units: a dense has no units; did you mean 'width'?",
        "blocks.last.type: 'Linear' is not a type of block; did you mean 'dense'?",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("option", "ours"),
    [("--hidden-size", "--cells"), ("--num_layers", "--layers"), ("--bidir", "--bidirectional"), ("--cels", "--cells")],
)
def test_options_in_other_words(option: str, ours: str) -> None:
    done = run("explain", option, "3")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"no option named '{option}'; did you mean '{ours}'?" in done.stderr
    assert "sizer explain [OPTIONS] [SWEEP]\n" in done.stderr


@pytest.mark.parametrize("size", ["20MB", "20mb", "2.5GiB"])
def test_a_budget_in_bytes_says_what_to_write(size: str) -> None:
    wanted = (
        f"'{size}' is a size in bytes, and weights are counted; write float32_bytes={size}, or int8_bytes={size} for "
        "8-bit weights"
    )
    sweep = parse_sweep(SWEEP)
    for budget in (size, f"weights={size}", {"weights": size}, {"weights": {"max": size}}):
        assert faults(apply_options, sweep, budget=budget) == f"budget: {wanted}"
    assert faults(sizer.fit, {**PYTORCH, "cells": None}, vary="cells", budget=size) == f"budget: {wanted}"
    assert apply_options(sweep, budget=f"int8_bytes={size}").budget[0].column == "int8_bytes"
    said = faults(apply_options, sweep, budget=f"macs_per_step={size}")
    assert said == f"budget: '{size}' is a size in bytes, but a count is needed here; write 10M or 1e7"


def test_parameters_of_a_query_in_other_words() -> None:
    said = faults(sizer.query, "none.csv", group="layers", sorted="weights", zzz=3)
    assert said.splitlines()[:2] == [
        "group: no parameter of that name; did you mean 'group_by'?",
        "sorted: no parameter of that name; did you mean 'sort'?",
    ]
    assert said.splitlines()[2].startswith("zzz: no parameter of that name; one of budget, where,")


# Toolkits that are other names of a convention


@pytest.mark.parametrize("toolkit", TOOLKITS.values(), ids=lambda toolkit: toolkit.name)
def test_a_toolkit_counts_as_its_convention_and_says_so(toolkit: aliases.Toolkit) -> None:
    assert toolkit.name not in CONVENTIONS
    for cell_type in toolkit.cell_types:
        asked = {"cell_type": cell_type, "inputs": 39, "layers": 2, "cells": 8, "outputs": 5}
        as_convention = sizer.count({**asked, "convention": toolkit.convention})
        found = sizer.count({**asked, "convention": toolkit.name})
        assert found.parts == as_convention.parts
        assert found.configuration == as_convention.configuration
        assert found.notes == (f"{toolkit.name} is counted as {toolkit.convention}",)
        assert sizer.count_batch([{**asked, "convention": toolkit.name}] * 2)[1] == as_convention.columns()
        assert sizer.fits({**asked, "convention": toolkit.name}, found.weights)
        assert not sizer.fits({**asked, "convention": toolkit.name}, found.weights - 1)
    text = SWEEP.replace("pytorch", toolkit.name)
    swept = parse_sweep(text)
    assert swept.grids == parse_sweep(SWEEP.replace("pytorch", toolkit.convention)).grids
    assert swept.notes == (f"{toolkit.name} is counted as {toolkit.convention}",)


EXPECTED = {
    # Tensors as the toolkits have them for 39 inputs and 8 cells, one layer, from their documentation:
    # cuDNN and ONNX two bias vectors a gate (ONNX B is 8, 6 and 2 x hidden); Equinox's GRUCell bias (3) and bias_n (1);
    # NNX's LSTMCell one bias vector, SimpleCell one.
    ("cudnn", "lstm"): 4 * 8 * (39 + 8) + 8 * 8,
    ("cudnn", "gru"): 3 * 8 * (39 + 8) + 6 * 8,
    ("cudnn", "rnn"): 8 * (39 + 8) + 2 * 8,
    ("onnx", "lstm"): 4 * 8 * (39 + 8) + 8 * 8,
    ("onnx", "gru"): 3 * 8 * (39 + 8) + 6 * 8,
    ("onnx", "rnn"): 8 * (39 + 8) + 2 * 8,
    ("equinox", "lstm"): 4 * 8 * (39 + 8) + 4 * 8,
    ("equinox", "gru"): 3 * 8 * (39 + 8) + 4 * 8,
    ("nnx", "lstm"): 4 * 8 * (39 + 8) + 4 * 8,
    ("nnx", "rnn"): 8 * (39 + 8) + 8,
}


def test_what_a_toolkit_counts_is_what_its_documentation_says() -> None:
    asked = {"inputs": 39, "layers": 1, "cells": 8}
    counted = {
        (name, cell_type): sizer.count({**asked, "convention": name, "cell_type": cell_type}).weights
        for name, toolkit in TOOLKITS.items()
        for cell_type in toolkit.cell_types
    }
    assert counted == EXPECTED


def test_where_a_toolkit_counts_otherwise_it_is_no_other_name() -> None:
    asked = {"inputs": 39, "layers": 1, "cells": 8}
    said = faults(sizer.count, {**asked, "convention": "nnx", "cell_type": "gru"})
    assert said.endswith("write convention flax with bias_vectors 1")
    # What it says to write: 3 x 8 x (39 + 8) and the 24 of dense_i's bias.
    instead = sizer.count({**asked, "convention": "flax", "cell_type": "gru", "bias_vectors": 1})
    assert instead.weights == 3 * 8 * (39 + 8) + 24
    for more, words in (
        ({"recurrent_projection": 4}, "ONNX's LSTM has no projections"),
        ({"peepholes": True}, "ONNX's LSTM takes peepholes and PyTorch's has none"),
    ):
        onnx = {**asked, "convention": "onnx", "cell_type": "lstm", **more}
        assert words in faults(sizer.count, onnx)
        assert words in faults(sizer.count_batch, [onnx])[4:]
        with pytest.raises(InputError, match=words):
            sizer.fits(onnx, "1M")
    assert "Equinox has no rnn" in faults(sizer.count, {**asked, "convention": "equinox", "cell_type": "rnn"})
    # ONNX with peepholes, as it says to write them: P is 3 x hidden.
    peepholes = sizer.count({**asked, "convention": "graves2013", "cell_type": "lstm", "bias_vectors": 2})
    assert peepholes.weights == EXPECTED["onnx", "lstm"] + 3 * 8


def test_a_sweep_asks_a_toolkit_of_every_cell_beside_it() -> None:
    text = """\
sizer: 1
name: words
model: {inputs: 39, layers: 2, cells: 8}
grid:
  - {convention: {values: [nnx, keras]}, cell_type: [gru, lstm]}
  - {linked: [{convention: [onnx, equinox], cell_type: [lstm, rnn]}], recurrent_projection: [0, 4]}
"""
    assert faults(parse_sweep, text).splitlines() == [
        "grid[0].convention.values[0]: Flax NNX's GRUCell has a bias on dense_i alone, and none on the candidate's "
        "recurrent half; write convention flax with bias_vectors 1",
        "grid[1].linked[0].convention[0]: ONNX's LSTM has no projections; write convention pytorch for what PyTorch builds",
        "grid[1].linked[0].convention[1]: Equinox has no rnn that is counted as flax; name a convention instead",
    ]
    assert "pytorch is twice on this axis" in faults(
        parse_sweep,
        SWEEP.replace("convention: pytorch, ", "").replace("grid: {", "grid: {convention: [pytorch, cudnn], "),
    )


def test_every_screen_says_what_a_toolkit_is_counted_as(tmp_path: Path) -> None:
    words = ("--convention", "cudnn", "--inputs", "39", "--layers", "1", "--cells", "8")
    assert json.loads(run("explain", *words, "--json").stdout)["notes"] == ["cudnn is counted as pytorch"]
    asked = {"convention": "cudnn", "cell_type": "lstm", "inputs": 39, "layers": 1, "cells": 8}
    assert counted({"network": asked}, dataclasses.asdict(Limits()))["notes"] == ["cudnn is counted as pytorch"]
    file = tmp_path / "words.yaml"
    file.write_text(SWEEP.replace("pytorch", "cudnn"))
    done = run("run", file, "--dry-run")
    assert "cudnn is counted as pytorch" in done.stderr


def test_a_convention_that_is_left_out_is_textbook_and_said() -> None:
    asked = {"cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}
    found = sizer.count(asked)
    assert found.weights == sizer.count({**asked, "convention": "textbook"}).weights
    assert found.configuration["convention"] == "textbook"
    assert found.notes == ("convention textbook, as none was named",)
    assert sizer.count({**asked, "convention": "textbook"}).notes == ()
    assert sizer.explain(asked).as_json()["notes"] == ["convention textbook, as none was named"]
    assert sizer.count_batch([asked])[0] == found.columns()
    assert sizer.fits(asked, found.weights)
    assert sizer.fit({**asked, "cells": None}, vary="cells", budget="1M").largest is not None


def test_a_key_is_compared_without_case_and_what_stands_between() -> None:
    assert len({key_of(word) for word in ("vocab_size", "vocabSize", "--vocab-size", "VOCAB SIZE")}) == 1


BLOCKS: dict[str, Any] = {
    "features": {"type": "input", "inputs": 80},
    "encoder": {"type": "recurrent", "layers": 2, "cells": 64},
    "output": {"type": "dense", "width": 10},
}
# torch.nn.LSTM(80, 64, 2), and Linear(64, 10)
OF_BLOCKS = 4 * 64 * (80 + 64 + 2) + 4 * 64 * (64 + 64 + 2) + 65 * 10


def with_encoder(**fields: Any) -> dict[str, Any]:
    return {**BLOCKS, "encoder": {**BLOCKS["encoder"], **fields}}


@pytest.mark.parametrize(
    "model",
    [
        {"convention": "cudnn", "blocks": BLOCKS},
        {"convention": "pytorch", "blocks": with_encoder(convention="cudnn")},
        {"convention": "pytorch", "blocks": {"group": {"type": "group", "convention": "cudnn", "blocks": BLOCKS}}},
    ],
)
def test_a_toolkit_is_a_convention_of_blocks(model: dict[str, Any]) -> None:
    counted = sizer.count(model)
    assert (counted.weights, counted.notes) == (OF_BLOCKS, ("cudnn is counted as pytorch",))
    assert "cudnn is counted as pytorch" in str(sizer.explain(model)).splitlines()[0]
    assert sizer.count_batch([model])[0]["weights"] == OF_BLOCKS
    sweep = {"model": model, "grid": {"other_weights": [0, 1]}}
    run = sizer.run_sweep(sweep, None)
    assert list(run.frame()["weights"]) == [OF_BLOCKS, OF_BLOCKS + 1]
    assert "cudnn is counted as pytorch" in str(run)
    assert str(run).splitlines()[1].startswith("pytorch · ")
    assert set(sizer.run_sweep(sweep, None, columns="all").frame()["convention"]) == {"pytorch"}


def test_a_toolkit_is_refused_for_the_blocks_that_it_counts_otherwise() -> None:
    for fields, said in (
        ({"cell_type": "janet", "convention": "cudnn"}, "cuDNN has no janet that is counted as pytorch"),
        ({"recurrent_projection": 8, "convention": "onnx"}, "ONNX's LSTM has no projections"),
        ({"cell_type": "gru", "convention": "nnx"}, "Flax NNX's GRUCell has a bias on dense_i alone"),
    ):
        assert faults(sizer.count, {"blocks": with_encoder(**fields)}).startswith(f"blocks.encoder: {said}")
    # A block that names its own convention is none of the model's.
    own = with_encoder(cell_type="janet", convention="textbook")
    assert sizer.count({"convention": "cudnn", "blocks": own}).notes == ("cudnn is counted as pytorch",)


def test_an_axis_of_conventions_of_blocks_takes_toolkits() -> None:
    sweep = {"model": {"blocks": BLOCKS}, "grid": {"convention": ["cudnn", "keras"], "other_weights": [0]}}
    frame = sizer.run_sweep(sweep, None).frame()
    keras = OF_BLOCKS - 2 * 4 * 64
    assert list(zip(frame["convention"], frame["weights"], strict=True)) == [("pytorch", OF_BLOCKS), ("keras", keras)]
    sweep["model"] = {"blocks": with_encoder(cell_type="janet")}
    assert "grid.convention[0]: cuDNN has no janet" in faults(sizer.run_sweep, sweep, None)
    inner = {"model": {"blocks": with_encoder(cell_type="janet")}, "grid": {"encoder.convention": ["textbook", "onnx"]}}
    assert "grid.encoder.convention[1]: ONNX has no janet" in faults(sizer.run_sweep, inner, None)


def test_the_note_of_a_sweep_is_repeated_for_its_configurations(tmp_path: Path) -> None:
    sweep = tmp_path / "mine.yaml"
    sweep.write_text(
        "sizer: 1\nname: mine\nmodel: {cell_type: lstm, inputs: 80, layers: 2}\n"
        "grid: {convention: [cudnn, keras], cells: [64]}\n"
    )
    note = "cudnn is counted as pytorch"
    assert note in run("explain", sweep, "--id", "0").stdout
    assert note not in run("explain", sweep, "--id", "1").stdout
    assert json.loads(run("explain", sweep, "--id", "0", "--json").stdout)["notes"] == [note]
