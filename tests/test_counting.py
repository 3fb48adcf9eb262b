"""The front door: fields as people give them, every fault with its words, and what a count answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sizer
from sizer.errors import InputError
from sizer.networks.cells import CELL_TYPES
from sizer.networks.counting import Description, count, described, did_you_mean, normalise, read
from sizer.networks.fields import FIELDS

NETWORK: dict[str, Any] = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}

CELLS = ", ".join(CELL_TYPES)


def _faults(fields: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        read(fields)
    return str(caught.value)


def test_the_front_door_is_sizer_count() -> None:
    assert sizer.count is count
    assert sizer.count(NETWORK | {"outputs": 0}).weights == 12926976


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"recurent_projection": 2},
            "recurent_projection: no field of that name; did you mean 'recurrent_projection'?",
        ),
        ({"colour": 2}, "colour: no field of that name"),
        ({7: 2}, "7: no field of that name"),
        ({"convention": "pytorsh"}, "convention: 'pytorsh' is not known; did you mean 'pytorch'?"),
        (
            {"convention": "x"},
            "convention: 'x' is not known; one of textbook, sak2014, graves2013, pytorch, keras, tensorflow1, "
            "kaldi_nnet3, kaldi_nnet1, flax, back_of_envelope",
        ),
        ({"cell_type": "LSTM"}, "cell_type: 'LSTM' is not known; did you mean 'lstm'?"),
        ({"cell_type": "lstn"}, "cell_type: 'lstn' is not known; did you mean 'lstm'?"),
        ({"cell_type": 7}, f"cell_type: '7' is not known; one of {CELLS}"),
        (
            {"cell_type": ["lstm"]},
            "cell_type: has a value for each layer; write a model of blocks, in which a recurrent block may have a list",
        ),
        ({"cells": 0}, "cells: 0 is below the minimum, 1"),
        ({"layers": 0}, "layers: 0 is below the minimum, 1"),
        ({"inputs": -1}, "inputs: -1 is below the minimum, 0"),
        ({"bias_vectors": 3}, "bias_vectors: 3 is above the maximum, 2"),
        ({"cells": 2.5}, "cells: 2.5 is not a whole number"),
        ({"cells": 2.0}, "cells: 2.0 is not a whole number; write 2"),
        ({"cells": True}, "cells: 'True' is not a whole number"),
        ({"cells": {"from": 1}}, "cells: '{'from': 1}' is not a whole number"),
        ({"layers": [2]}, "layers: '[2]' is not a whole number"),
        ({"cells": "many"}, "cells: 'many' is not a size; write it as 10000000, 10M or 1e7"),
        ({"cells": "2.5"}, "cells: '2.5' is not a whole number"),
        ({"cells": "3X"}, "cells: '3X' has no known unit; the units are K, M, B and T"),
        (
            {"cells": "3MB"},
            "cells: '3MB' is a size in bytes, but a count is needed here; write 10M or 1e7",
        ),
        ({"bidirectional": 1}, "bidirectional: '1' is neither true nor false"),
        ({"bidirectional": "yes"}, "bidirectional: 'yes' is neither true nor false"),
        ({"cells": []}, "cells: is an empty list; give one value per layer"),
        ({"cells": [4, 0]}, "cells: 0 is below the minimum, 1"),
        ({"cells": [4, [5]]}, "cells: '[5]' is not a whole number"),
        ({"cells": [1024, 512, 256]}, "layers: is 2, but cells has 3 values, one per layer"),
        (
            {"cells": [1024, 512], "recurrent_projection": [2, 2, 2]},
            "recurrent_projection: has 3 values, one per layer, but cells has 2",
        ),
        ({"recurrent_projection": [2, 2, 2]}, "layers: is 2, but recurrent_projection has 3 values, one per layer"),
        ({"cell_type": None}, "cell_type: is missing"),
        ({"layers": None}, "layers: is missing"),
        ({"cells": None}, "cells: is missing"),
        ({"inputs": None}, "inputs: inputs are missing, and there is no vocabulary"),
        ({"inputs": 0}, "inputs: inputs are missing, and there is no vocabulary"),
    ],
)
def test_message(changed: dict[Any, Any], message: str) -> None:
    assert _faults(NETWORK | changed) == message


def test_a_long_value_is_cut_in_its_message() -> None:
    assert _faults(NETWORK | {"convention": "z" * 200}).startswith("convention: '" + "z" * 79 + "…' is not known")


def test_a_nested_list_is_no_value_per_layer() -> None:
    """Only a field that takes one value per layer reads a list, and only a flat one."""
    assert _faults(NETWORK | {"cells": [[]]}) == "cells: '[]' is not a whole number"
    assert _faults(NETWORK | {"cells": [[5, 6], 7]}) == "cells: '[5, 6]' is not a whole number"


def test_everything_missing() -> None:
    assert _faults({}) == "cell_type: is missing\ncells: is missing\nlayers: is missing"


def test_every_fault_at_once_sorted() -> None:
    faults = _faults(
        {"convention": "keras", "cell_type": "lstm", "cells": 0, "layers": "x", "bidirectional": 2, "z": 1}
    )

    assert faults == (
        "bidirectional: '2' is neither true nor false\n"
        "cells: 0 is below the minimum, 1\n"
        "layers: 'x' is not a size; write it as 10000000, 10M or 1e7\n"
        "z: no field of that name"
    )


def test_a_fault_has_no_place_in_a_file() -> None:
    with pytest.raises(InputError) as caught:
        read(NETWORK | {"cells": 0})

    assert [fault.as_json() for fault in caught.value.faults] == [
        {"file": "", "line": 0, "column": 0, "path": "cells", "message": "0 is below the minimum, 1"}
    ]


def test_a_fault_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"\Acells: 0 is below the minimum, 1\Z"):
        count(NETWORK | {"cells": 0})


@pytest.mark.parametrize("value", [1024, "1024", "1.024K", "1.024e3", np.int64(1024), np.uint16(1024)])
def test_counts_as_people_write_them(value: Any) -> None:
    counted = count(NETWORK | {"cells": value})

    assert counted.weights == 12926976
    assert type(counted.weights) is int
    assert type(counted.configuration["cells"]) is int


def test_lists_may_hold_sizes_and_be_tuples() -> None:
    network = {name: value for name, value in NETWORK.items() if name != "layers"}

    assert count(network | {"cells": ("1.024K", 1024)}).weights == 12926976


def test_none_is_not_said() -> None:
    assert described(NETWORK | {"bias_vectors": None, "outputs": None}) == described(NETWORK)


def test_a_description_holds_what_was_given_normalised() -> None:
    listed = {"convention": "sak2014", "cell_type": "lstm", "inputs": "0.08K", "cells": [5, 13]}

    assert described(NETWORK).fields == NETWORK
    assert described(listed | {"recurrent_projection": 2}).fields == {
        "convention": "sak2014",
        "cell_type": "lstm",
        "inputs": 80,
        "layers": 2,
        "cells": (5, 13),
        "recurrent_projection": (2, 2),
        "nonrecurrent_projection": (0, 0),
    }


def test_a_list_of_projections_spreads_the_cells() -> None:
    listed = count(
        {"convention": "pytorch", "cell_type": "lstm", "inputs": 3, "cells": 5, "recurrent_projection": [2, 0]}
    )

    assert listed.configuration["cells"] == (5, 5)
    assert listed.parts["projection_weights"] == 5 * 2


def test_the_callers_fields_are_left_alone() -> None:
    fields = NETWORK | {"cells": [5, 13]}
    count(fields)

    assert fields == NETWORK | {"cells": [5, 13]}


def test_normalise_keeps_what_reads_well_beside_the_problems() -> None:
    assert normalise({"cells": 5, "layers": 0, "inputs": "x"}) == (
        Description({"cells": 5, "convention": "textbook"}, notes=("convention textbook, as none was named",)),
        [
            ("layers", "0 is below the minimum, 1"),
            ("inputs", "'x' is not a size; write it as 10000000, 10M or 1e7"),
            ("cell_type", "is missing"),
        ],
    )


def test_configuration_holds_every_field() -> None:
    configuration = count(NETWORK).configuration

    assert list(configuration) == list(FIELDS)
    assert None not in configuration.values()


def test_bytes() -> None:
    counted = count(NETWORK)

    assert (counted.float32_bytes, counted.float16_bytes, counted.int8_bytes) == (51707904, 25853952, 12926976)
    assert [counted.columns()[name] for name in ("float32_bytes", "float16_bytes", "int8_bytes")] == [
        51707904,
        25853952,
        12926976,
    ]


def test_past_64_bits() -> None:
    """One layer of 10**20 cells on as many inputs: 4n(n + n) matrices, 8n biases."""
    counted = count(NETWORK | {"inputs": 10**20, "cells": 10**20, "layers": 1})

    assert counted.weights == 8 * 10**40 + 8 * 10**20
    assert counted.float32_bytes == 32 * 10**40 + 32 * 10**20


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("recurent_projection", "; did you mean 'recurrent_projection'?"),
        ("Layers", "; did you mean 'layers'?"),
        ("colour", ""),
        ("", ""),
        (None, ""),
        ("x" * 10**6, ""),
    ],
)
def test_did_you_mean(word: object, answer: str) -> None:
    assert did_you_mean(word, FIELDS) == answer


def test_cell_types_are_as_many_as_layers() -> None:
    network = NETWORK | {"cell_type": ["lstm", "gru"], "layers": 3}
    with pytest.raises(InputError) as caught:
        count(network)
    (fault,) = caught.value.faults
    assert (fault.path, fault.message) == ("cell_type", "has 2 for 3 layers; give one for each layer")
