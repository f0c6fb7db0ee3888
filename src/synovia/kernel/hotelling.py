r"""Tests of several coefficients at once under a cluster-robust covariance.

:math:`Q = (Cb)'(CVC')^{-1}Cb` is chi-squared only if V is exact. In few clusters it is closer to a multiple
of Hotelling's T², as if CVC' were Wishart on :math:`\eta` degrees of freedom:

.. math:: \frac{\eta - q + 1}{\eta q} Q \sim F(q,\; \eta - q + 1)

``HTZ`` takes the :math:`\eta` at which a Wishart matrix has the total variance of CVC', standardised to mean
I: the choice of Tipton & Pustejovsky (2015), JEBS 40, 604-634, and Pustejovsky & Tipton
(2018), Journal of Business & Economic Statistics 36, 672-683. The others are for comparison.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtrc, fdtrc, ndtr

from synovia.errors import SynthesisError
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.inference import Wald
from synovia.kernel.sandwich import Sandwich

__all__ = ["APPROXIMATIONS", "hotelling", "saddlepoint"]

Floats = NDArray[np.float64]

LEAST_DF = 4.1  # Fai & Cornelius' second moment needs more than 4 degrees of freedom
CENTRAL = 0.01  # saddlepoints nearer to 0 use the limit of the tail formula


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """What the approximations read.

    Attributes
    ----------
    statistic : float
        Q.
    size : int
        Number of contrasts q.
    sandwich : Sandwich
        Where the covariance comes from.
    coefficients : int
        Number of coefficients p.
    standardise : ndarray of shape (q, p)
        Contrasts whose robust covariance has mean I.
    values : ndarray of shape (q,)
        Their values.
    """

    statistic: float
    size: int
    sandwich: Sandwich
    coefficients: int
    standardise: Floats
    values: Floats


def hotelling(
    sandwich: Sandwich, contrasts: Floats, values: Floats, approximation: str = "HTZ"
) -> Wald | Inapplicable:
    """Whether several contrasts are all 0, in few clusters.

    Parameters
    ----------
    sandwich : Sandwich
        Cluster-robust covariance.
    contrasts : ndarray of shape (q, p)
        Independent rows.
    values : ndarray of shape (q,)
        Their estimates.
    approximation : {"HTZ", "HTA", "EDF", "EDT", "Naive-F", "Naive-Fp", "chi-sq"}
        Distribution of the statistic; HTZ holds its level best.

    Raises
    ------
    SynthesisError
        When the approximation does not exist.
    """
    if approximation not in APPROXIMATIONS:
        raise SynthesisError(f"Found {approximation!r}; wanted one of {', '.join(APPROXIMATIONS)}.")
    cov = contrasts @ sandwich.cov @ contrasts.T
    mean = sandwich.moments(contrasts).mean
    size, roots = np.linalg.eigh(mean)
    if size.min() <= 1e-12 * size.max() or np.linalg.cond(cov) > 1e14:
        return Inapplicable("the clusters say nothing about how uncertain one of these contrasts is")
    statistic = float(values @ np.linalg.solve(cov, values))
    standardise = (roots / np.sqrt(size)) @ roots.T
    joint = Joint(
        statistic, values.size, sandwich, contrasts.shape[1], standardise @ contrasts, standardise @ values
    )
    return APPROXIMATIONS[approximation](joint)


def _scale(joint: Joint, eta: float, name: str) -> Wald | Inapplicable:
    df = eta - joint.size + 1
    if not df > 0:
        return Inapplicable(
            f"a joint test of {joint.size} coefficients by {name} needs more information than the clusters "
            f"hold: {eta:.2g} degrees of freedom"
        )
    statistic = joint.statistic * df / (eta * joint.size)
    return Wald(statistic, joint.size, df, float(fdtrc(joint.size, df, statistic)), "F")


def _htz(joint: Joint) -> Wald | Inapplicable:
    cov = joint.sandwich.moments(joint.standardise).cov
    total = float(np.einsum("stst->", cov))
    return _scale(joint, joint.size * (joint.size + 1) / total, "HTZ")


def _hta(joint: Joint) -> Wald | Inapplicable:
    """Eta that brings eta times the covariances nearest to those of a Wishart matrix."""
    cov, unit = joint.sandwich.moments(joint.standardise).cov, np.eye(joint.size)
    wishart = np.einsum("su,tv->stuv", unit, unit) + np.einsum("sv,tu->stuv", unit, unit)
    return _scale(joint, float((wishart * cov).sum() / (cov**2).sum()), "HTA")


def _turn(joint: Joint) -> tuple[Floats, Floats]:
    """(q,) independent t statistics whose squares sum to Q, and their degrees of freedom."""
    cov = joint.standardise @ joint.sandwich.cov @ joint.standardise.T
    size, axes = np.linalg.eigh(cov)
    return axes.T @ joint.values / np.sqrt(size), joint.sandwich.satterthwaite(axes.T @ joint.standardise)


def _edf(joint: Joint) -> Wald | Inapplicable:
    """F with the first two moments of a sum of squared t. Fai & Cornelius (1996), JSCS 54, 363-378."""
    df, q = np.maximum(_turn(joint)[1], LEAST_DF), joint.size
    mean = float((df / (df - 2)).sum())
    variance = 2 * float((df**2 * (df - 1) / ((df - 2) ** 2 * (df - 4))).sum())
    if q * variance > 2 * mean**2:
        scale = (mean**2 * (q - 2) + 2 * q * variance) / (mean * (variance + mean**2))
        residual = 4 + 2 * mean**2 * (q + 2) / (q * variance - 2 * mean**2)
    else:
        scale, residual = q / mean, np.inf
    statistic = scale * joint.statistic / q
    p_value = chdtrc(q, q * statistic) if np.isinf(residual) else fdtrc(q, residual, statistic)
    return Wald(statistic, q, residual, float(p_value), "F")


def _edt(joint: Joint) -> Wald | Inapplicable:
    """Chi-squared of t statistics turned normal. Alexander & Govern (1994), JEBS 19, 91-101."""
    t, df = _turn(joint)
    a = df - 0.5
    b, c = 48 * a**2, np.sqrt(a * np.log1p(t**2 / df))
    tail = (4 * c**7 + 33 * c**5 + 240 * c**3 + 855 * c) / (10 * b**2 + 8 * b * c**4 + 1000 * b)
    statistic = float(((c + (c**3 + 3 * c) / b - tail) ** 2).mean())
    return Wald(statistic, joint.size, np.inf, float(chdtrc(joint.size, joint.size * statistic)), "chi2")


def _naive(lost: Callable[[int], int]) -> Callable[[Joint], Wald | Inapplicable]:
    def test(joint: Joint) -> Wald | Inapplicable:
        df = float(joint.sandwich.clusters - lost(joint.coefficients))
        statistic = joint.statistic / joint.size
        return Wald(statistic, joint.size, df, float(fdtrc(joint.size, df, statistic)), "F")

    return test


def _chi_squared(joint: Joint) -> Wald | Inapplicable:
    p_value = float(chdtrc(joint.size, joint.statistic))
    return Wald(joint.statistic, joint.size, np.inf, p_value, "chi2")


APPROXIMATIONS: dict[str, Callable[[Joint], Wald | Inapplicable]] = {
    "HTZ": _htz,
    "HTA": _hta,
    "EDF": _edf,
    "EDT": _edt,
    "Naive-F": _naive(lambda p: 1),  # noqa: ARG005 - one signature for both
    "Naive-Fp": _naive(lambda p: p),
    "chi-sq": _chi_squared,
}
"""Distributions of the joint statistic by name."""


def saddlepoint(sandwich: Sandwich, contrast: Floats, statistic: float) -> float:
    r"""Two-sided p-value of one robust t statistic by a saddlepoint approximation.

    Parameters
    ----------
    sandwich : Sandwich
        Cluster-robust covariance.
    contrast : ndarray of shape (p,)
        What the statistic is of.
    statistic : float
        t.

    Returns
    -------
    float
        Probability that :math:`Z^2 > t^2 \sum_i \lambda_i \chi^2_i / \sum_i \lambda_i`, where
        :math:`\lambda` are the eigenvalues of the quadratic form c'Vc. NaN where they are all 0.

    Notes
    -----
    Lugannani & Rice (1980), Advances in Applied Probability 12, 475-490, for the sum of weighted chi-squared
    variables with 1 and :math:`-t^2\lambda_i/\sum\lambda` for weights; McCaffrey & Bell (2006), Statistics in
    Medicine 25, 4081-4098.
    """
    sizes = np.clip(np.linalg.eigvalsh(sandwich.project(contrast)), 0, None)
    if not sizes.sum() > 0:
        return float("nan")
    if statistic == 0:
        return 1.0
    weights = np.concatenate([[1.0], -(statistic**2) * sizes / sizes.sum()])

    def slope(s: float) -> float:
        return float((weights / (1 - 2 * weights * s)).sum())

    # the cumulant function exists between the reciprocals of twice the extreme weights
    low, high = 0.5 / weights.min(), 0.5
    s = float(brentq(slope, low * (1 - 1e-12), high * (1 - 1e-12), xtol=1e-14))
    return _upper_tail(weights, s)


def _upper_tail(weights: Floats, s: float) -> float:
    if abs(s) <= CENTRAL:
        skew = float((weights**3).sum() / (weights**2).sum() ** 1.5)
        return float(0.5 - skew / (3 * np.sqrt(np.pi)))
    shrunk = 1 - 2 * weights * s
    r = np.sign(s) * np.sqrt(float(np.log(shrunk).sum()))
    q = s * np.sqrt(2 * float((weights**2 / shrunk**2).sum()))
    density = np.exp(-(r**2) / 2) / np.sqrt(2 * np.pi)
    return float(ndtr(-r) - density * (1 / r - 1 / q))
