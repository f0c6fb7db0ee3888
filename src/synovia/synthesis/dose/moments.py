"""Between-study covariance of several coefficients by the method of moments."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.errors import TooFewStudies

__all__ = ["Moments", "match_moments"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Between-study covariance by moments.

    Attributes
    ----------
    equated : ndarray of shape (q, q)
        What makes Q equal its expectation; symmetric, but possibly no covariance.
    covariance : ndarray of shape (q, q)
        The same with negative eigenvalues set to 0.
    """

    equated: Floats
    covariance: Floats


def match_moments(estimates: ArrayLike, within: ArrayLike) -> Moments:
    r"""The multivariate DerSimonian-Laird estimator, the same in any coordinates of the coefficients.

    Parameters
    ----------
    estimates : array_like of shape (k, q)
        Coefficients of each study.
    within : array_like of shape (k, q, q)
        Their sampling covariances.

    Raises
    ------
    TooFewStudies
        With fewer than two studies.

    Notes
    -----
    With :math:`W_i = S_i^{-1}`, H the hat matrix of the common-effect model and :math:`B = W(I - H)`,

    .. math:: Q = \sum_i W_i r_i r_i', \qquad
        \operatorname{E} Q = \sum_i (I - H)_{ii}' + \sum_{ij} B_{ij} \Psi (I - H)_{ij}'

    is linear in Psi and solved for it; the solution is averaged with its transpose. For q = 1 it is
    DerSimonian & Laird's. Jackson, White & Riley (2013), Biometrical Journal 55, 231-245.

    Examples
    --------
    >>> found = match_moments([[0.0], [1.0], [2.0]], [[[0.5]], [[0.5]], [[0.5]]])
    >>> found.covariance.round(12).tolist()
    [[0.5]]
    """
    b, S = np.asarray(estimates, dtype=np.float64), np.asarray(within, dtype=np.float64)
    k, q = b.shape
    if k < 2:
        raise TooFewStudies(f"Found {k} study; the method of moments needs at least 2. Use method='fixed'.")
    W = np.linalg.inv(S)
    H = np.linalg.inv(W.sum(axis=0)) @ W  # block (i, j) of the hat matrix is H_j for every i
    residuals = b - np.einsum("kij,kj->i", H, b)
    q_seen = np.einsum("kij,kj,kl->il", W, residuals, residuals)
    keep = np.einsum("ij,ab->iajb", np.eye(k), np.eye(q)) - np.transpose(H, (1, 0, 2))[None]
    B = np.einsum("iab,ibjc->iajc", W, keep)
    sampling = np.einsum("iaib->ba", keep)
    system = np.einsum("iajb,icjd->acbd", B, keep).reshape(q * q, q * q)
    raw = np.linalg.solve(system, (q_seen - sampling).ravel()).reshape(q, q)
    equated = (raw + raw.T) / 2
    values, vectors = np.linalg.eigh(equated)
    return Moments(equated, (vectors * np.maximum(values, 0)) @ vectors.T)
