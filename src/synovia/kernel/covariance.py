"""Known sampling covariance of the estimates: what the studies themselves report about their precision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from synovia.errors import NotPositiveDefinite, SynthesisError

__all__ = ["Blocks", "Covariance", "Diagonal", "find_blocks", "find_indefinite_row"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Entries = tuple[Integers, Integers, Floats]

SYMMETRY = 1e-8  # asymmetry, in units of the standard deviations, beyond what 8 printed digits explain
SMALLEST = 1e-100  # variances further out overflow when squared and multiplied
PIVOT = 1e-10  # smallest variance left unexplained by earlier rows, as a share of a row's own variance


class Covariance(Protocol):
    """What a sampling covariance must say about itself."""

    @property
    def size(self) -> int:
        """Number of rows n."""
        ...

    @property
    def diagonal(self) -> Floats:
        """(n,) sampling variances."""
        ...

    @property
    def labels(self) -> Integers:
        """(n,) number of the block that each row belongs to."""
        ...

    def entries(self) -> Entries:
        """Row, column and value of everything that may differ from 0."""
        ...

    def restrict(self, rows: Integers) -> "Covariance":
        """The covariance of some of the rows, in the given order."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Diagonal:
    """Independent estimates.

    Attributes
    ----------
    v : ndarray of shape (n,)
        Sampling variances, on the scale of y squared.

    Raises
    ------
    SynthesisError
        When a variance is not a finite number of at least 0.
    NotPositiveDefinite
        When a variance is 0.
    """

    v: Floats

    def __init__(self, v: ArrayLike) -> None:
        values = np.array(v, dtype=np.float64)
        if values.ndim != 1:
            raise SynthesisError(f"Found variances of shape {values.shape}; wanted one per estimate.")
        check_variances(values)
        object.__setattr__(self, "v", values)

    @property
    def size(self) -> int:
        """Number of rows n."""
        return self.v.size

    @property
    def diagonal(self) -> Floats:
        """(n,) sampling variances."""
        return self.v

    @property
    def labels(self) -> Integers:
        """(n,) every row is its own block."""
        return np.arange(self.v.size)

    def entries(self) -> Entries:
        """Row, column and value of the variances."""
        rows = np.arange(self.v.size)
        return rows, rows, self.v

    def restrict(self, rows: Integers) -> "Diagonal":
        """The variances of some of the rows, in the given order."""
        return Diagonal(self.v[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Estimates that covary within blocks: a shared comparator, several outcomes or times of one sample.

    Attributes
    ----------
    blocks : tuple of ndarray of shape (s, s)
        Covariance within each block, on the scale of y squared.
    index : tuple of ndarray of shape (s,)
        Rows of y that each block describes; they need not be adjacent.
    diagonal : ndarray of shape (n,)
        Sampling variances.

    Raises
    ------
    SynthesisError
        When the rows of the blocks are not 0 .. n - 1, each once, or a number is not finite.
    NotPositiveDefinite
        When a block is not symmetric or not positive definite; the row is named.
    """

    blocks: tuple[Floats, ...]
    index: tuple[Integers, ...]
    diagonal: Floats

    def __init__(self, blocks: Sequence[ArrayLike], index: Sequence[ArrayLike]) -> None:
        matrices = tuple(np.array(block, dtype=np.float64) for block in blocks)
        rows = tuple(np.array(places, dtype=np.intp) for places in index)
        _check_partition(matrices, rows)
        _check_blocks(matrices, rows)
        values = np.empty(sum(places.size for places in rows))
        for matrix, places in zip(matrices, rows, strict=True):
            values[places] = matrix.diagonal()
        object.__setattr__(self, "blocks", matrices)
        object.__setattr__(self, "index", rows)
        object.__setattr__(self, "diagonal", values)

    @property
    def size(self) -> int:
        """Number of rows n."""
        return self.diagonal.size

    @property
    def labels(self) -> Integers:
        """(n,) number of each row's block."""
        values = np.empty(self.size, dtype=np.intp)
        for number, places in enumerate(self.index):
            values[places] = number
        return values

    def entries(self) -> Entries:
        """Row, column and value of every number of every block."""
        rows = np.concatenate([np.repeat(places, places.size) for places in self.index])
        columns = np.concatenate([np.tile(places, places.size) for places in self.index])
        return rows, columns, np.concatenate([matrix.ravel() for matrix in self.blocks])

    def restrict(self, rows: Integers) -> "Blocks":
        """The blocks of some of the rows, in the given order."""
        place = np.full(self.size, -1, dtype=np.intp)
        place[rows] = np.arange(rows.size)
        kept = [place[places] >= 0 for places in self.index]
        whole = zip(self.blocks, self.index, kept, strict=True)
        parts = [
            (matrix[np.ix_(keep, keep)], place[places[keep]]) for matrix, places, keep in whole if keep.any()
        ]
        return Blocks([matrix for matrix, _ in parts], [places for _, places in parts])


def _check_partition(blocks: tuple[Floats, ...], index: tuple[Integers, ...]) -> None:
    for matrix, places in zip(blocks, index, strict=True):
        if matrix.shape != (places.size, places.size):
            raise SynthesisError(
                f"Found a block of shape {matrix.shape} for {places.size} rows; wanted one of each per row."
            )
    rows = np.sort(np.concatenate(index)) if index else np.empty(0, dtype=np.intp)
    if not np.array_equal(rows, np.arange(rows.size)):
        raise SynthesisError(
            "The rows of the covariance blocks must be 0 to n - 1, each in exactly one block."
        )


def _check_blocks(blocks: tuple[Floats, ...], index: tuple[Integers, ...]) -> None:
    """Blocks of one size are looked at together; only where one is wrong singly, to name the row."""
    sizes = np.array([places.size for places in index])
    for size in np.unique(sizes):
        alike = np.flatnonzero(sizes == size).tolist()
        if not _are_covariances(np.stack([blocks[k] for k in alike])):
            for k in alike:
                check_matrix(blocks[k], index[k])


def _are_covariances(stack: Floats) -> bool:
    """Whether matrices (g, s, s) are finite, symmetric and positive definite."""
    variances = np.diagonal(stack, axis1=1, axis2=2)
    if not (np.isfinite(stack).all() and (variances > 0).all()):
        return False
    root = np.sqrt(variances)
    scale = root[:, :, None] * root[:, None, :]
    if (np.abs(stack - np.swapaxes(stack, 1, 2)) > SYMMETRY * scale).any():
        return False
    try:
        L = np.linalg.cholesky(stack / scale)
    except np.linalg.LinAlgError:
        return False
    return bool((np.diagonal(L, axis1=1, axis2=2) ** 2 >= PIVOT).all())


def check_variances(v: Floats) -> None:
    """Refuse variances that no estimate could have, naming the row.

    Raises
    ------
    SynthesisError
        When a variance is missing, infinite or negative.
    NotPositiveDefinite
        When a variance is 0.
    """
    wrong = np.flatnonzero(~(np.isfinite(v) & (v > 0)))
    if wrong.size:
        row = int(wrong[0])
        kind = NotPositiveDefinite if v[row] == 0 else SynthesisError
        raise kind(f"Row {row + 1} has variance {v[row]:g}; wanted a finite number above 0.")
    extreme = (v < SMALLEST) | (v > 1 / SMALLEST)
    if extreme.any():
        row = int(np.argmax(extreme))
        raise SynthesisError(
            f"Row {row + 1} has variance {v[row]:g}, beyond what can be computed; change units."
        )


def check_matrix(matrix: Floats, rows: Integers) -> None:
    """Refuse a covariance that no estimates could have, naming the row.

    Raises
    ------
    SynthesisError
        When a number is missing or infinite.
    NotPositiveDefinite
        When the matrix is not symmetric or not positive definite.
    """
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        row = int(rows[np.argmin(finite)])
        raise SynthesisError(f"The covariance of row {row + 1} holds a missing or infinite number.")
    gap = find_asymmetric_pair(matrix)
    if gap is not None:
        first, second = (int(rows[place]) + 1 for place in gap)
        raise NotPositiveDefinite(
            f"The covariance of rows {first} and {second} differs from that of rows {second} and {first}; "
            "wanted a symmetric matrix."
        )
    bad = find_indefinite_row(matrix)
    if bad is not None:
        raise NotPositiveDefinite(
            f"The covariance is not positive definite at row {int(rows[bad]) + 1}: given the rows before it, "
            "its variance would be 0 or less. Check its variance and its covariances with the others."
        )


def find_asymmetric_pair(matrix: Floats) -> tuple[int, int] | None:
    """Row and column of the largest asymmetry, or None when the matrix is symmetric.

    Parameters
    ----------
    matrix : ndarray of shape (s, s)
        Finite numbers.
    """
    scale = np.sqrt(np.abs(np.diag(matrix)))
    gap = np.abs(matrix - matrix.T) - SYMMETRY * np.outer(scale, scale)
    if gap.size == 0 or gap.max() <= 0:
        return None
    first, second = np.unravel_index(int(np.argmax(gap)), gap.shape)
    return int(first), int(second)


def find_indefinite_row(matrix: Floats) -> int | None:
    """The first row at which a symmetric matrix stops being positive definite, or None.

    Parameters
    ----------
    matrix : ndarray of shape (s, s)
        Symmetric, finite numbers.
    """
    variances = np.diag(matrix)
    if (variances <= 0).any():
        return int(np.argmax(variances <= 0))
    scale = np.sqrt(variances)
    factor, info = lapack.dpotrf(matrix / np.outer(scale, scale), lower=1)
    if info > 0:
        return int(info) - 1
    small = np.diag(factor) ** 2 < PIVOT
    return int(np.argmax(small)) if small.any() else None


def find_blocks(matrix: ArrayLike) -> Diagonal | Blocks:
    """The block structure of a covariance, read from its pattern of zeros.

    Parameters
    ----------
    matrix : array_like of shape (n, n)
        Covariance of the estimates, on the scale of y squared.

    Returns
    -------
    Diagonal or Blocks
        Rows belong to one block when a chain of non-zero covariances joins them.

    Examples
    --------
    >>> find_blocks([[1.0, 0.0, 0.5], [0.0, 2.0, 0.0], [0.5, 0.0, 1.0]]).labels.tolist()
    [0, 1, 0]
    """
    values = np.array(matrix, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise SynthesisError(f"Found a covariance of shape {values.shape}; wanted a square matrix.")
    count, labels = connected_components(csr_array(values != 0), directed=False)
    if count == values.shape[0]:
        return Diagonal(np.diag(values))
    order = np.argsort(labels, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return Blocks([values[np.ix_(places, places)] for places in rows], rows)
