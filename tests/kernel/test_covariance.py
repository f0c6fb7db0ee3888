import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import NotPositiveDefinite, SynthesisError
from synovia.kernel import Blocks, Diagonal, find_blocks


@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.integers(0, 1000))
def test_find_blocks_recovers_a_scattered_block_diagonal(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    matrix = np.zeros((n, n))
    for rows in np.split(rng.permutation(n), np.cumsum(sizes)[:-1]):
        matrix[np.ix_(rows, rows)] = 0.3 + 0.7 * np.eye(rows.size)
    found = find_blocks(matrix)
    again = np.zeros((n, n))
    row, column, value = found.entries()
    again[row, column] = value
    assert np.array_equal(again, matrix)
    assert sorted(np.bincount(found.labels)) == sorted(sizes)
    assert np.array_equal(found.diagonal, np.diag(matrix))


def test_a_diagonal_matrix_is_diagonal() -> None:
    assert isinstance(find_blocks(np.diag([1.0, 2.0])), Diagonal)


def test_restrict_keeps_rows_in_order() -> None:
    V = Blocks([[[1.0, 0.5], [0.5, 2.0]], [[3.0]]], [[0, 2], [1]])
    part = V.restrict(np.array([1, 2]))
    assert part.diagonal.tolist() == [3.0, 2.0]
    assert sorted(part.labels.tolist()) == [0, 1]
    assert Diagonal([1.0, 2.0, 3.0]).restrict(np.array([2, 0])).diagonal.tolist() == [3.0, 1.0]


@pytest.mark.parametrize(
    ("v", "message"),
    [
        ([1.0, -2.0], "Row 2 has variance -2"),
        ([np.nan, 1.0], "Row 1 has variance nan"),
        ([1.0, np.inf], "Row 2 has variance inf"),
        ([[1.0]], "wanted one per estimate"),
    ],
)
def test_variances_no_estimate_could_have(v: list[float], message: str) -> None:
    with pytest.raises(SynthesisError, match=message):
        Diagonal(v)


def test_zero_variance_is_not_positive_definite() -> None:
    with pytest.raises(NotPositiveDefinite, match="Row 2 has variance 0"):
        Diagonal([1.0, 0.0])


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ([[1.0, 0.2], [0.3, 1.0]], "rows 5 and 8 differs"),
        ([[1.0, 2.0], [2.0, 1.0]], "not positive definite at row 8"),
        ([[1.0, 1.0], [1.0, 1.0]], "not positive definite at row 8"),
        ([[0.0, 0.0], [0.0, 1.0]], "not positive definite at row 5"),
    ],
)
def test_blocks_no_estimates_could_have(block: list[list[float]], message: str) -> None:
    rest = [[[1.0]]] * 6
    with pytest.raises(NotPositiveDefinite, match=message):
        Blocks([*rest, block], [[0], [1], [2], [3], [5], [6], [4, 7]])


def test_missing_covariance_is_named_by_row() -> None:
    with pytest.raises(SynthesisError, match="covariance of row 2 holds a missing"):
        Blocks([[[1.0]], [[np.nan]]], [[0], [1]])


@pytest.mark.parametrize("index", [[[0], [0]], [[0], [2]]])
def test_blocks_must_cover_every_row_once(index: list[list[int]]) -> None:
    with pytest.raises(SynthesisError, match="exactly one block"):
        Blocks([[[1.0]], [[1.0]]], index)


def test_shapes_are_checked() -> None:
    with pytest.raises(SynthesisError, match=re.escape("(1, 1) for 2 rows")):
        Blocks([[[1.0]]], [[0, 1]])
    with pytest.raises(SynthesisError, match="square"):
        find_blocks(np.ones((2, 3)))
