r"""A density to spread points with: skewed Student's t along the columns of a root.

.. math:: x = m + R y, \qquad y_k = a_k + b_k \sinh(\operatorname{asinh} z_k + e_k), \qquad z_k \sim t_\nu

Skewness e stretches one side by exp(e) and shrinks the other as much; tails stay those of t, heavier than
those of any posterior of log standard deviations and logits of correlations. Jones & Pewsey (2009),
Biometrika 96, 761-780, for the transformation.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import gammaln, stdtrit

__all__ = ["Proposal", "fit_proposal"]

Floats = NDArray[np.float64]

DF = 6.0
TAIL = float(stdtrit(DF, 0.9))
MOST_SKEWED = 0.95  # largest tanh of the skewness


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """Where points are spread.

    Attributes
    ----------
    mean : ndarray of shape (d,)
    root : ndarray of shape (d, d)
        Lower triangle.
    shift, scale, skew : ndarray of shape (d,)
        a, b and e of each column.
    """

    mean: Floats
    root: Floats
    shift: Floats
    scale: Floats
    skew: Floats

    def spread(self, uniform: Floats) -> Floats:
        """(m, d) points of uniform numbers (m, d)."""
        z = stdtrit(DF, uniform)
        y = self.shift + self.scale * np.sinh(np.arcsinh(z) + self.skew)
        return np.asarray(self.mean + y @ self.root.T)

    def log_density(self, x: Floats) -> Floats:
        """(m,) log density at x (m, d)."""
        y = solve_triangular(self.root, (x - self.mean).T, lower=True, check_finite=False).T
        z = np.sinh(np.arcsinh((y - self.shift) / self.scale) - self.skew)
        constant = gammaln((DF + 1) / 2) - gammaln(DF / 2) - 0.5 * np.log(DF * np.pi)
        log_z = constant - 0.5 * (DF + 1) * np.log1p(z * z / DF)
        slope = np.log(self.scale) + np.log(np.cosh(np.arcsinh(z) + self.skew)) - 0.5 * np.log1p(z * z)
        log_det = np.log(np.abs(np.diag(self.root))).sum()
        return np.asarray((log_z - slope).sum(axis=1) - log_det)

    def widen(self, factor: float) -> "Proposal":
        """The same with every column so much wider."""
        return replace(self, root=self.root * factor)


def fit_proposal(x: Floats, weights: Floats) -> Proposal:
    """The proposal whose medians and tenths are those of weighted points.

    Parameters
    ----------
    x : ndarray of shape (m, d)
        Points.
    weights : ndarray of shape (m,)
        Summing to 1.
    """
    mean = weights @ x
    around = x - mean
    cov = (weights[:, None] * around).T @ around
    root = np.asarray(np.linalg.cholesky(cov + 1e-9 * np.diag(np.diag(cov))), dtype=np.float64)
    y = np.asarray(np.linalg.solve(root, around.T).T, dtype=np.float64)
    low, middle, high = _find_quantiles(y, weights)
    upper, lower = np.maximum(high - middle, 1e-3), np.maximum(middle - low, 1e-3)
    bent = np.sqrt(1 + TAIL**2) - 1
    skew = np.arctanh(np.clip(TAIL * (upper - lower) / ((upper + lower) * bent), -MOST_SKEWED, MOST_SKEWED))
    scale = (upper + lower) / (2 * TAIL * np.cosh(skew))
    return Proposal(mean, root, middle - scale * np.sinh(skew), scale, skew)


def _find_quantiles(y: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """(d,) tenths and medians of each column."""
    found = np.empty((3, y.shape[1]))
    for k, column in enumerate(y.T):
        order = np.argsort(column)
        found[:, k] = np.interp(
            [0.1, 0.5, 0.9], np.cumsum(weights[order]) - 0.5 * weights[order], column[order]
        )
    return found[0], found[1], found[2]
