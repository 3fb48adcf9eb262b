"""`sizer.count_batch` says what `sizer.count` says of each network, and refuses what it refuses."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sizer
from sizer.errors import InputError
from sizer.questions import batch
from sizer.questions.batch import count_quickly
from tests.examples import examples, saw, seeing
from tests.test_fits import NETWORK, any_network, outcome


@seeing(counted=300, refused=3000)
@settings(max_examples=examples(600), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_it_says_what_count_says(seed: int) -> None:
    chance = random.Random(seed)
    networks: list[dict[str, Any]] = []
    for _ in range(4):
        fields = any_network(chance)
        for _ in range(3):  # the later ones meet the structure of the first
            networks.append(dict(fields))
            for name in ("cells", "layers", "inputs", "recurrent_projection", "embedding"):
                if fields.get(name):
                    fields[name] = max(1, fields[name] + chance.randint(-3, 300))
    counted, faults, sound = [], [], []
    for place, fields in enumerate(networks):
        one = outcome(lambda: sizer.count(fields))  # noqa: B023
        assert outcome(lambda: count_quickly(fields)) == one  # noqa: B023
        if isinstance(one, tuple):
            faults += [(f"[{place}].{fault.path}", fault.message) for fault in one]
            saw("refused")
        else:
            counted.append(one.columns())
            saw("counted")
            sound.append(fields)
    if faults:
        with pytest.raises(InputError) as found:
            sizer.count_batch(networks)
        assert [(fault.path, fault.message) for fault in found.value.faults] == sorted(faults)
    assert sizer.count_batch(sound) == counted
    assert [list(one) for one in sizer.count_batch(sound)] == [list(one) for one in counted]


def test_networks_that_need_reading_stand_among_others() -> None:
    networks = [NETWORK, {**NETWORK, "cells": "1K"}, {**NETWORK, "cells": [512, 256]}, {**NETWORK, "cells": 10**15}]
    assert sizer.count_batch(networks) == [sizer.count(network).columns() for network in networks]


def test_every_structure_is_met() -> None:
    chance = random.Random(7)
    met = set()
    for _ in range(6000):
        fields = any_network(chance)
        try:
            assert sizer.count_batch([fields]) == [sizer.count(fields).columns()]
        except InputError:
            continue
        met.add((fields["convention"], fields["cell_type"]))
    assert len(met) >= 45


def test_faults_are_those_of_every_network() -> None:
    with pytest.raises(InputError) as found:
        sizer.count_batch([NETWORK, {**NETWORK, "cells": 0}, {**NETWORK, "cels": 3}])
    assert [str(fault) for fault in found.value.faults] == [
        "[1].cells: 0 is below the minimum, 1",
        "[2].cels: no field of that name; did you mean 'cells'?",
    ]


def test_structures_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST_STRUCTURES", 3)
    for place in range(12):
        names = ["inputs", "outputs", "skip_connections", "bidirectional", "vocabulary"][place % 5 :]
        sizer.count_batch([{**{name: None for name in names if name != "inputs"}, **NETWORK}])
        assert len(batch._sums) <= 3
