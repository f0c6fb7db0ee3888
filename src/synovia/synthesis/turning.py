"""Coordinates of random coefficients in which a search for their covariance is easy."""

import numpy as np
from numpy.typing import NDArray

from synovia.kernel import Structure, Unstructured

__all__ = ["find_turns", "read_psi"]

Floats = NDArray[np.float64]


def find_turns(spread: Floats, structure: Structure) -> list[Floats]:
    """Coordinates in which a matrix has ones on its diagonal, and in which it is the identity."""
    scale = np.diag(np.sqrt(np.diag(spread)))
    if not isinstance(structure, Unstructured):
        return [scale]
    return [scale, scale @ np.linalg.cholesky(spread / np.outer(np.diag(scale), np.diag(scale)))]


def read_psi(G: Floats, parameters: int) -> Floats:
    """Variances, and correlations where the structure has them."""
    variances = np.maximum(np.diag(G), 0.0)
    if parameters == variances.size:
        return variances
    s = np.sqrt(variances)
    with np.errstate(divide="ignore", invalid="ignore"):
        C = np.where(np.outer(s, s) > 0, G / np.outer(s, s), 0.0)
    return np.concatenate([variances, np.clip(C[np.triu_indices(s.size, 1)], -1, 1)])
