"""Fixed and random effects solved at once, with one covariance of their errors."""

import numpy as np
from numpy.typing import NDArray

from synovia.kernel import Problem, point

__all__ = ["solve_mixed"]

Floats = NDArray[np.float64]


def solve_mixed(plain: Problem, psi: Floats, Z: Floats, variances: Floats) -> tuple[Floats, Floats]:
    r"""Coefficients and random effects, and the covariance of their errors.

    Parameters
    ----------
    plain : Problem
        The problem without the random effects that are wanted.
    psi : ndarray
        Its variances.
    Z : ndarray of shape (n, q)
        Random effects in each row.
    variances : ndarray of shape (q,)
        Their variances; where one is 0 its effect is 0.

    Returns
    -------
    effects : ndarray of shape (p + q,)
    covariance : ndarray of shape (p + q, p + q)

    Notes
    -----
    The mixed model equations, with :math:`\Omega_0` the covariance without the random effects v and D that of
    v,

    .. math:: \begin{pmatrix} X'\Omega_0^{-1}X & X'\Omega_0^{-1}Z \\ Z'\Omega_0^{-1}X &
        Z'\Omega_0^{-1}Z + D^{-1} \end{pmatrix} \begin{pmatrix} \beta \\ v \end{pmatrix} =
        \begin{pmatrix} X'\Omega_0^{-1}y \\ Z'\Omega_0^{-1}y \end{pmatrix}

    Henderson (1975), Biometrics 31, 423-447.
    """
    p, q = plain.p, Z.shape[1]
    held = np.flatnonzero(variances > 0)
    places = np.r_[np.arange(p), p + held]
    both = np.hstack([plain.X, Z[:, held]])
    weighted = point(plain, psi).factor.solve(both)
    precision = both.T @ weighted
    inside = np.arange(p, p + held.size)
    precision[inside, inside] += 1 / variances[held]
    cov = np.linalg.inv(precision)
    effects, covariance = np.zeros(p + q), np.zeros((p + q, p + q))
    effects[places] = cov @ (weighted.T @ plain.y)
    covariance[np.ix_(places, places)] = cov
    return effects, covariance
