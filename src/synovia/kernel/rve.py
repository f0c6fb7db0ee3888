r"""Robust variance estimation with the working model of correlated effects.

Hedges, Tipton & Johnson (2010), Research Synthesis Methods 1, 39-65: every effect of a study has the same
weight, tau2 comes from a moment estimator under a guessed correlation of the sampling errors, and the
cluster-robust covariance makes good what the guess gets wrong.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError
from synovia.kernel.clusters import make_clusters

__all__ = ["CorrelatedEffects", "correlated_effects"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CorrelatedEffects:
    """Working weights of correlated effects.

    Attributes
    ----------
    tau2 : float
        Between-study variance.
    q : float
        Weighted residual sum of squares at tau2 = 0.
    i2 : float
        Share of Q beyond its expectation without heterogeneity, in percent.
    variances : ndarray of shape (n,)
        Inverse weights k_j (mean v_j + tau2): a diagonal working covariance.
    """

    tau2: float
    q: float
    i2: float
    variances: Floats


def correlated_effects(
    y: ArrayLike, X: ArrayLike, v: ArrayLike, studies: ArrayLike, *, rho: float = 0.8
) -> CorrelatedEffects:
    r"""Tau2 and weights of correlated effects.

    Parameters
    ----------
    y, v : array_like of shape (n,)
        Estimates and sampling variances.
    X : array_like of shape (n, p)
        Design.
    studies : array_like of shape (n,)
        Study of each effect.
    rho : float
        Guessed correlation of the sampling errors of a study.

    Raises
    ------
    SynthesisError
        When rho is not between 0 and 1.
    TooFewStudies
        When there is one study.

    Notes
    -----
    With :math:`w_j = 1 / (k_j \bar v_j)`, :math:`M = (\sum_j w_j X_j'X_j)^{-1}` and m studies,

    .. math:: \hat\tau^2 = \frac{Q - m + \operatorname{tr} M \sum_j \frac{w_j}{k_j}
        [(1 - \rho) X_j'X_j + \rho X_j'JX_j]}{\sum_j k_j w_j - \operatorname{tr} M \sum_j w_j^2 X_j'JX_j}

    Give ``Problem(y, X, Diagonal(found.variances))`` to ``cluster_robust`` with CR2 for small samples, or
    CR1p. Prefer a multilevel model with CR2 where it can be fitted: its weights are closer to optimal.

    Examples
    --------
    >>> found = correlated_effects([0.1, 0.3, 0.9, 0.8], np.ones((4, 1)), [0.1] * 4, [1, 1, 2, 3])
    >>> print(f"{found.tau2:.4f}")
    0.0467
    """
    if not 0 <= rho <= 1:
        raise SynthesisError(f"Found rho {rho:g}; wanted a correlation from 0 to 1.")
    estimates, design = np.asarray(y, dtype=np.float64), np.asarray(X, dtype=np.float64)
    groups = make_clusters(studies, estimates.size)
    count = groups.sizes.astype(np.float64)
    mean = groups.add(np.asarray(v, dtype=np.float64)) / count
    w = 1 / (count * mean)
    squares = groups.add(design[:, :, None] * design[:, None, :])
    sums = groups.add(design)
    products = sums[:, :, None] * sums[:, None, :]
    M = np.linalg.inv(np.einsum("j,jpq->pq", w, squares))
    row = w[groups.labels]
    residuals = estimates - design @ (M @ (design.T @ (row * estimates)))
    q = float(row @ residuals**2)
    inner = np.einsum("j,jpq->pq", w / count, (1 - rho) * squares + rho * products)
    lost = np.einsum("j,jpq->pq", w**2, products)
    excess = q - count.size + float((M * inner).sum())
    tau2 = max(0.0, excess / (float((count * w).sum()) - float((M * lost).sum())))
    i2 = max(0.0, 100 * excess / q) if q > 0 else 0.0
    return CorrelatedEffects(tau2, q, i2, (count * (mean + tau2))[groups.labels])
