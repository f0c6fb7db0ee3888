"""Order statistics of a normal sample: their expectations, exact and by series, and covariances."""

from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, log_ndtr, ndtri, roots_legendre

__all__ = ["approximate_moments", "expect", "nodes"]

Array: TypeAlias = npt.NDArray[np.float64]


@cache
def nodes(size: int) -> tuple[Array, Array]:
    """Nodes and weights of Gauss-Legendre quadrature on -1 to 1, found once for each size.

    Examples
    --------
    >>> round(float(nodes(5)[1].sum()), 6)
    2.0
    """
    points, weights = roots_legendre(size)
    return np.asarray(points), np.asarray(weights)


def expect(rank: int, n: int) -> float:
    r"""Expectation of one order statistic of n standard normal values, by quadrature.

    Parameters
    ----------
    rank : int
        From 1, the smallest, to n.
    n : int
        Size of the sample.

    Notes
    -----
    .. math:: E Z_{(r)} = \int z \frac{n!}{(r-1)!(n-r)!} \Phi(z)^{r-1} \{1 - \Phi(z)\}^{n-r} \varphi(z) dz

    Examples
    --------
    >>> round(expect(2, 2), 6)
    0.56419
    """
    points, weights = nodes(1200)
    z = 12 * points
    log = gammaln(n + 1) - gammaln(rank) - gammaln(n - rank + 1) - z**2 / 2 - np.log(2 * np.pi) / 2
    log = log + (rank - 1) * log_ndtr(z) + (n - rank) * log_ndtr(-z)
    return float(np.sum(12 * weights * z * np.exp(log)))


def approximate_moments(ranks: Array, n: float) -> tuple[Array, Array]:
    r"""Expectations and covariance matrix of normal order statistics by series to the order (n + 2)^-2.

    Parameters
    ----------
    ranks : array (m,)
        Ranks, ascending.
    n : float
        Size of the sample.

    Returns
    -------
    tuple of array (m,) and array (m, m)

    Notes
    -----
    Expansion of the quantile function at :math:`p_r = r/(n + 1)`. David & Johnson (1954), Biometrika 41,
    228-240, equations 2 and 4.

    Examples
    --------
    >>> import numpy as np
    >>> means, covariance = approximate_moments(np.array([9.0, 25.0]), 33)
    >>> means.round(4).tolist(), covariance.shape
    ([-0.6459, 0.6459], (2, 2))
    """
    p = np.asarray(ranks, float) / (n + 1)
    q, z = 1 - p, ndtri(p)
    f = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    one, two, three = 1 / f, z / f**2, (1 + 2 * z**2) / f**3
    four = z * (7 + 6 * z**2) / f**4
    means = z + p * q * two / (2 * (n + 2)) + p * q / (n + 2) ** 2 * ((q - p) / 3 * three + p * q / 8 * four)
    pr, qs = np.minimum.outer(p, p), 1 - np.maximum.outer(p, p)
    first = np.outer(one, one)
    slant = np.outer((q - p) * two, one)
    curve = np.outer(p * q * three, one)
    second = slant + slant.T + (curve + curve.T) / 2 + pr * qs * np.outer(two, two) / 2
    return means, pr * qs * (first / (n + 2) + second / (n + 2) ** 2)
