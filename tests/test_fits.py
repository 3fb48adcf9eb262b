"""`sizer.fits` says what `sizer.count` says, for every structure, and refuses what it refuses."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sizer
from sizer.errors import InputError
from sizer.networks.counting import CHOICES
from sizer.networks.fields import FIELDS
from sizer.networks.network import COUNTED
from sizer.questions import fits as module
from sizer.questions.batch import count_quickly
from tests.examples import examples, saw, seeing

NETWORK = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 2, "cells": 1024}


def any_network(chance: random.Random) -> dict[str, Any]:
    """Return fields that are mostly sensible, and sometimes refused or faulty."""
    found: dict[str, Any] = {name: chance.choice(words) for name, words in CHOICES.items()}
    plain = chance.choice([0.8, 0.96])
    for name, field in FIELDS.items():
        if name in found or (name not in {"inputs", "layers", "cells"} and chance.random() < plain):
            continue
        if field.kind == "boolean":
            found[name] = chance.choice([True, False, None])
        else:
            low, high = (
                (0, field.maximum) if field.maximum else (chance.choice([0, 1, 1, 1]), chance.choice([3, 40, 2000]))
            )
            found[name] = chance.randint(low, max(low, high))
    if chance.random() < 0.2:
        found.update(inputs=0, vocabulary=chance.randint(1, 50), embedding=chance.choice([1, 7, 64]))
        found.update(tied_embedding=chance.random() < 0.7, outputs=chance.choice([found["vocabulary"], 5]))
    return found


def with_lists(fields: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return the network with a width per layer, in some of the fields that may have one."""
    layers = chance.choice([1, 2, 3, 3, 5])
    found = dict(fields)
    for name in ("cells", "recurrent_projection", "nonrecurrent_projection"):
        if name == "cells" or (name in found and chance.random() < 0.6):
            found[name] = [max(name == "cells", chance.choice([0, 1, 30, 400])) for _ in range(layers)]
    if chance.random() < 0.5:
        found["layers"] = layers if chance.random() < 0.9 else layers + 1
    else:
        del found["layers"]
    return found


def outcome(work: Any) -> Any:
    try:
        return work()
    except InputError as problem:
        return problem.faults


@seeing(counted=300, refused=3000)
@settings(max_examples=examples(1500), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_it_says_what_count_says(seed: int) -> None:
    chance = random.Random(seed)
    fields = any_network(chance)
    if chance.random() < 0.4:
        fields = with_lists(fields, chance)
    column = chance.choice(COUNTED)
    for _ in range(4):  # the later ones meet the structure of an earlier one
        counted = outcome(lambda: sizer.count(fields).columns()[column])
        if isinstance(counted, tuple):
            assert outcome(lambda: sizer.fits(fields, {column: 10**6})) == counted
            saw("refused")
        else:
            for most in (counted - 1, counted, counted + 1, 10**6):
                if most >= 0:
                    assert sizer.fits(fields, {column: most}) == (counted <= most)
            assert sizer.fits(fields, {column: {"min": counted, "max": counted}})
            assert not sizer.fits(fields, {column: {"min": counted + 1}})
            assert count_quickly(fields) == sizer.count(fields)
            saw("counted")
        for name in ("cells", "layers", "inputs", "recurrent_projection", "embedding"):
            if isinstance(fields.get(name), list):
                fields[name] = [max(1, one + chance.randint(-3, 300)) if one else 0 for one in fields[name]]
            elif fields.get(name) and not (name == "layers" and isinstance(fields["cells"], list)):
                fields[name] = max(1, fields[name] + chance.randint(-3, 300))


def test_every_structure_that_a_convention_allows_is_met() -> None:
    chance = random.Random(7)
    met = set()
    for _ in range(6000):
        fields = any_network(chance)
        if not isinstance(outcome(lambda: sizer.fits(fields, "1M")), tuple):  # noqa: B023
            met.add((fields["convention"], fields["cell_type"]))
    assert len(met) >= 45


@pytest.mark.parametrize(
    ("budget", "answer"),
    [
        ("12.926976M", True),
        (12_926_975, False),
        ("float32_bytes=50MiB", True),
        (["13M", "int8_bytes=12MB"], False),
        ({"weights": {"min": "1M", "max": "13M"}, "state_size": 4096}, True),
        ({"state_size": 4095}, False),
        ({}, True),
    ],
)
def test_budgets(budget: Any, answer: bool) -> None:
    assert sizer.fits(NETWORK, budget) is answer
    assert sizer.fits(NETWORK, budget) is answer


def test_values_that_need_reading() -> None:
    assert sizer.fits({**NETWORK, "cells": "1.024K"}, 12_926_976)
    assert sizer.fits({**NETWORK, "cells": np.int64(1024)}, 12_926_976)
    assert not sizer.fits({**NETWORK, "cells": np.int64(1025)}, 12_926_976)
    lists = {name: value for name, value in NETWORK.items() if name != "layers"} | {"cells": [1024, 512]}
    assert sizer.fits(lists, sizer.count(lists).weights)
    assert not sizer.fits(lists, sizer.count(lists).weights - 1)
    own = {
        "mine": {
            "tensors": [{"part": "input_weights", "shape": ["cells", "input"]}],
            "hands_up": "cells",
            "recurs": "cells",
        }
    }
    faults = outcome(lambda: sizer.fits({**NETWORK, "cell_type": "mine", "cell_types": own}, 1))
    assert faults == outcome(lambda: sizer.count({**NETWORK, "cell_type": "mine", "cell_types": own}).weights <= 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"cels": 3},
        {"cells": 0},
        {"cells": -3},
        {"cells": True},
        {"cells": 1.5},
        {"bidirectional": 1},
        {"bias_vectors": True},
        {"bias_vectors": 7},
        {"cell_type": "lstn"},
        {"recurrent_projection": 1024},
        {"nonrecurrent_projection": 3},
        {"layers": None},
        {"tied_embedding": True, "vocabulary": 9, "embedding": 8, "inputs": 0, "outputs": 9},
    ],
)
def test_faults_are_those_of_count(changed: dict[str, Any]) -> None:
    sizer.fits(NETWORK, "10M")
    sizer.fits({**NETWORK, "recurrent_projection": 512, "bias_vectors": 1, "bidirectional": True}, "10M")
    with pytest.raises(InputError) as expected:
        sizer.count({**NETWORK, **changed})
    for _ in range(2):
        with pytest.raises(InputError) as found:
            sizer.fits({**NETWORK, **changed}, "10M")
        assert found.value.faults == expected.value.faults


@pytest.mark.parametrize("budget", ["10X", "weihgts=3", {"cells": 3}, {"weights": {"min": 5, "max": 3}}, -1])
def test_faults_of_the_budget(budget: Any) -> None:
    with pytest.raises(InputError) as caught:
        sizer.fits(NETWORK, budget)
    assert {fault.path for fault in caught.value.faults} == {"budget"}


def test_lists_of_widths_share_a_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_comparisons", {})
    monkeypatch.setattr(module, "count", None)  # the slow way
    for cells in (40, 80, 3):
        lists = {"convention": "pytorch", "cell_type": "lstm", "inputs": 8, "cells": [40, cells, 40]}
        assert sizer.fits(lists, 10**6)
        assert not sizer.fits(lists, 10)
    assert len(module._comparisons) == 2  # one for each budget
    assert sizer.fits({**lists, "cells": (40, 3, 40), "recurrent_projection": None}, 10**6)


OWN = {"mine": {"tensors": {"input_weights": [3, "cells", "input"]}, "recurs": "cells", "hands_up": "cells"}}


def test_cell_types_of_ones_own_everywhere() -> None:
    network = {"convention": "pytorch", "cell_type": "mine", "inputs": 8, "layers": 2}
    whole = network | {"cells": 5}
    weights = sizer.count(whole, OWN).weights
    assert weights == 3 * 5 * 8 + 3 * 5 * 5
    assert sizer.fits(whole, weights, cell_types=OWN)
    assert not sizer.fits(whole, weights - 1, cell_types=OWN)
    assert sizer.count_batch([whole], cell_types=OWN)[0]["weights"] == weights
    assert {reading.weights for reading in sizer.compare(whole, cell_types=OWN) if reading.weights} >= {weights}
    found = sizer.fit(network, vary="cells", budget=weights, cell_types=OWN)
    assert found.largest is not None
    assert found.largest.values == {"cells": 5}
    assert json.loads(json.dumps(found.as_json()))["fields"]["cell_types"] == OWN


def test_structures_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STRUCTURES", 3)
    for budget in range(1, 20):
        assert not sizer.fits(NETWORK, budget)
        assert len(module._comparisons) <= 3


def test_a_network_past_64_bits() -> None:
    large = {**NETWORK, "cells": 10**15}
    weights = sizer.count(large).weights
    assert weights > 2**64
    assert sizer.fits(large, weights)
    assert not sizer.fits(large, weights - 1)


def test_importing_sizer_does_not_bring_numpy() -> None:
    code = "import sys, sizer; assert 'numpy' not in sys.modules; sizer.fits"
    subprocess.run([sys.executable, "-c", code], check=True)
