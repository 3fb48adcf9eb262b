"""Figures of whole models, of which the network that was said is a part: how often chance passes for an explanation."""

from __future__ import annotations

from random import Random
from typing import Any

from sizer.errors import InputError
from sizer.networks.counting import count
from sizer.questions.reconciliation import reconcile
from tests.attacks import storm


def network_of(chance: Random) -> dict[str, Any]:
    """Return a network of everyday sizes; its convention is the toolkit's that built the whole model."""
    network = {
        "convention": chance.choice(("pytorch", "keras", "tensorflow1", "flax")),
        "cell_type": chance.choice(("lstm", "gru", "rnn")),
        "inputs": chance.choice((13, 26, 39, 40, 80, 123, 161, 257)),
        "outputs": chance.choice((0, 10, 29, 34, 62, 1000)),
        "layers": chance.randint(1, 5),
        "cells": chance.choice((64, 100, 128, 200, 250, 256, 300, 512, 1000, 1024)),
    }
    if chance.random() < 0.3:
        network["bidirectional"] = True
    return network


def test_rest_of_a_model_is_seldom_explained_away() -> None:
    """An exact figure with weights of other layers in it has no reading; what gives it all the same is by chance."""
    with storm("figures of whole models with other layers in them", quick=10, long=2000, seed=12) as tried:
        for chance in tried:
            network = network_of(chance)
            # Small ones are the hard ones: biases and sizes that are off by one are as large.
            rest = chance.randint(1, max(1, count(network).weights // chance.choice((1, 50))))
            claim = count({**network, "other_weights": rest}).weights
            said = {name: value for name, value in network.items() if name != "convention"}
            found = reconcile(said, claim)
            first = found.answers[0] if found.answers else None
            tried.ended("nothing gives it" if first is None else "coincidence" if first.coincidence else "explained")
    assert tried.outcomes["explained"] <= tried.attempts / 10


def test_sizes_that_were_said_wrongly_are_found() -> None:
    """The other way round: what is called a coincidence must not be what was meant."""
    with storm("exact figures of networks with one size said wrongly", quick=10, long=2000, seed=13) as tried:
        for chance in tried:
            network = network_of(chance)
            claim = count(network).weights
            said = {name: value for name, value in network.items() if name != "convention"}
            name = chance.choice(("inputs", "layers"))
            said[name] = max(1, said[name] + chance.choice((-1, 1)))
            if said[name] == network[name]:
                tried.ended("said rightly")
                continue
            try:
                first = next(iter(reconcile(said, claim).answers), None)
            except InputError:
                tried.ended("refused")
                continue
            tried.ended("nothing" if first is None else "coincidence" if first.coincidence else "explained")
    assert tried.outcomes["explained"] > tried.outcomes["coincidence"]
