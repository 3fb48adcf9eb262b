"""Shapes over named dimensions, and the three small sums that everything is made of."""

from __future__ import annotations

import numpy as np
import pytest

from sizer.networks.tensors import Tensor, first_nonzero, product, total


def test_size_is_the_product_of_the_shape() -> None:
    tensor = Tensor("input_weights", "input_weights", (4, "cells", "input"), matrix=True)

    assert tensor.size({"cells": 5, "input": 3}) == 4 * 5 * 3
    assert tensor.weights({"cells": 5, "input": 3}) == 4 * 5 * 3


@pytest.mark.parametrize(("there", "size"), [(0, 0), (1, 15), (False, 0), (True, 15)])
def test_a_tensor_is_there_only_when(there: int, size: int) -> None:
    tensor = Tensor("peepholes", "peephole_weights", (3, "cells"), when="peepholes")

    assert tensor.size({"cells": 5, "peepholes": there}) == size
    assert tensor.weights({"cells": 5, "peepholes": there}) == size


@pytest.mark.parametrize(("tied", "weights"), [(0, 35), (1, 0), (False, 35), (True, 0)])
def test_a_shared_tensor_keeps_its_size(tied: int, weights: int) -> None:
    tensor = Tensor("output", "output_weights", ("fed", "outputs"), matrix=True, shared_when="tied_embedding")
    dimensions = {"fed": 5, "outputs": 7, "tied_embedding": tied}

    assert tensor.size(dimensions) == 35
    assert tensor.weights(dimensions) == weights


def test_sizes_are_exact_at_any_size() -> None:
    tensor = Tensor("recurrent_weights", "recurrent_weights", (4, "cells", "cells"))

    assert tensor.size({"cells": 10**30 + 1}) == 4 * (10**60 + 2 * 10**30 + 1)


def test_sizes_of_arrays_broadcast() -> None:
    tensor = Tensor("input_weights", "input_weights", (4, "cells", "input"))
    cells = np.array([[5], [13]], dtype=np.int64)
    inputs = np.array([[3, 7, 11]], dtype=np.int64)

    size = tensor.size({"cells": cells, "input": inputs})

    assert size.tolist() == [[60, 140, 220], [156, 364, 572]]
    assert size.dtype == np.int64
    assert cells.tolist() == [[5], [13]]


def test_product() -> None:
    assert product([]) == 1
    assert product([4, 1024, 39]) == 159744
    assert product([2, True, 3]) == 6
    assert product([True, True]) == 1
    assert type(product([True, True])) is int
    assert product([2, np.array([3, 5]), 7, np.array([11, 13])]).tolist() == [462, 910]


def test_product_with_a_zero_touches_no_array() -> None:
    assert product([np.array([3, 5]), 0]) == 0
    assert type(product([np.array([3, 5]), 0])) is int


def test_total() -> None:
    assert total([]) == 0
    assert total([0, 0]) == 0
    assert total([3, 0, 5]) == 8
    assert total([np.array([1, 2]), 3, np.array([[10], [20]])]).tolist() == [[14, 15], [24, 25]]


def test_total_of_absent_tensors_and_one_array_is_that_array() -> None:
    """An absent tensor costs nothing: no copy of a hundred million rows."""
    rows = np.array([1, 2, 3])

    assert total([0, rows, 0]) is rows


def test_total_changes_none_of_its_terms() -> None:
    first, second = np.array([1, 2]), np.array([10, 20])

    assert total([first, second, 5]).tolist() == [16, 27]
    assert first.tolist() == [1, 2]
    assert second.tolist() == [10, 20]


@pytest.mark.parametrize(
    ("r", "p", "n", "found"), [(0, 0, 7, 7), (2, 0, 7, 2), (0, 3, 7, 3), (2, 3, 7, 5), (0, 0, 0, 0)]
)
def test_first_nonzero(r: int, p: int, n: int, found: int) -> None:
    choices = (("r", "p"), ("n",))

    assert first_nonzero(choices, {"r": r, "p": p, "n": n}) == found
    arrays = {"r": np.array([r, r]), "p": np.array([p]), "n": np.array([[n]])}
    assert first_nonzero(choices, arrays).tolist() == [[found, found]]
