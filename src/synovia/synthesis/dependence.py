"""Sampling covariance as an analyst has it: a matrix, a sparse matrix, or one block per study."""

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse
from scipy.sparse.csgraph import connected_components

from synovia.errors import NotPositiveDefinite, SynthesisError
from synovia.kernel import Blocks, Covariance, Diagonal
from synovia.kernel.covariance import find_asymmetric_pair, find_indefinite_row

__all__ = ["GivenCovariance", "read_covariance"]

Floats = NDArray[np.float64]
Block: TypeAlias = tuple[ArrayLike, ArrayLike]
GivenCovariance: TypeAlias = ArrayLike | csr_array | Sequence[Block]

AGREEMENT = 1e-6  # relative; a covariance and a variance column are the same numbers, perhaps through a file


def read_covariance(
    covariance: GivenCovariance, kept: NDArray[np.bool_], v: Floats, names: Sequence[str]
) -> Covariance:
    """The sampling covariance of the kept rows, in independent blocks.

    Parameters
    ----------
    covariance : array_like or sparse array of shape (N, N), or sequence of (rows, block)
        Aligned with all rows of the table; blocks as ``covariance_blocks`` gives them, rows without a block
        being independent.
    kept : ndarray of bool of shape (N,)
        Rows that are used.
    v : ndarray of shape (N,)
        Variances in the table.
    names : sequence of str
        Names of the kept rows, for messages.

    Raises
    ------
    SynthesisError
        When the shape is wrong, a number is missing, or a variance is not that of the table.
    NotPositiveDefinite
        When no data could have the covariance; the row is named.
    """
    whole = _gather(covariance, v)[np.flatnonzero(kept)][:, np.flatnonzero(kept)]
    _check_numbers(whole, v[kept], names)
    whole.eliminate_zeros()
    count, labels = connected_components(whole, directed=False)
    if count == labels.size:
        return Diagonal(whole.diagonal())
    order = np.argsort(labels, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    blocks = [_read_block(whole, places, names) for places in rows]
    return Blocks(blocks, rows)


def _gather(covariance: GivenCovariance, v: Floats) -> csr_array:
    if _is_blocks(covariance):
        return _join(covariance, v)
    matrix = covariance if issparse(covariance) else np.asarray(covariance, dtype=np.float64)
    if matrix.shape != (v.size, v.size):
        raise SynthesisError(
            f"Found a covariance of shape {matrix.shape} for {v.size} rows; wanted one of each."
        )
    return csr_array(matrix)


def _is_blocks(covariance: Any) -> TypeGuard[Sequence[Block]]:
    if not isinstance(covariance, list | tuple) or not covariance:
        return False
    return all(isinstance(part, tuple) and len(part) == 2 and np.ndim(part[1]) == 2 for part in covariance)


def _join(blocks: Sequence[Block], v: Floats) -> csr_array:
    places = [np.asarray(rows, dtype=np.intp) for rows, _ in blocks]
    matrices = [np.asarray(block, dtype=np.float64) for _, block in blocks]
    for rows, matrix in zip(places, matrices, strict=True):
        if matrix.shape != (rows.size, rows.size) or (rows.size and rows.max() >= v.size):
            raise SynthesisError(
                f"Found a block of shape {matrix.shape} for rows {rows.tolist()}; wanted one row and one "
                f"column for each, and rows from 0 to {v.size - 1}."
            )
    used = np.concatenate(places)
    if np.unique(used).size != used.size:
        twice = int(used[np.flatnonzero(np.bincount(used)[used] > 1)[0]])
        raise SynthesisError(f"Row {twice + 1} is in two blocks of the covariance; wanted each row in one.")
    alone = np.setdiff1d(np.arange(v.size), used)
    first = np.concatenate([*(np.repeat(rows, rows.size) for rows in places), alone])
    second = np.concatenate([*(np.tile(rows, rows.size) for rows in places), alone])
    values = np.concatenate([*(matrix.ravel() for matrix in matrices), v[alone]])
    return csr_array((values, (first, second)), shape=(v.size, v.size))


def _check_numbers(whole: csr_array, v: Floats, names: Sequence[str]) -> None:
    if not np.isfinite(whole.data).all():
        row = int(np.searchsorted(whole.indptr, np.argmin(np.isfinite(whole.data)), side="right")) - 1
        raise SynthesisError(f"The covariance of {names[row]} holds a missing or infinite number.")
    diagonal = whole.diagonal()
    apart = np.abs(diagonal - v) > AGREEMENT * v
    if apart.any():
        row = int(np.argmax(apart))
        raise SynthesisError(
            f"{names[row]} has variance {v[row]:g} in the table and {diagonal[row]:g} in the covariance; "
            "are the rows in the same order?"
        )


def _read_block(whole: csr_array, places: NDArray[np.intp], names: Sequence[str]) -> Floats:
    """One block, symmetric and positive definite."""
    if places.size == 1:
        return np.full((1, 1), whole[places[0], places[0]])
    matrix = np.asarray(whole[places][:, places].toarray(), dtype=np.float64)
    pair = find_asymmetric_pair(matrix)
    if pair is not None:
        first, second = (names[places[place]] for place in pair)
        raise NotPositiveDefinite(
            f"The covariance of {first} with {second} is not that of {second} with {first}; wanted a "
            "symmetric matrix."
        )
    indefinite = find_indefinite_row(matrix)
    if indefinite is not None:
        raise NotPositiveDefinite(
            f"The covariance of {names[places[indefinite]]} with the effects before it is larger than its "
            "variance allows; wanted a positive definite matrix."
        )
    return np.asarray((matrix + matrix.T) / 2)
