"""The answer of a model that is not a Gaussian likelihood, with the names that a ``Point`` gives its own."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.point import Point

__all__ = ["ChiSquared", "Solution", "require_point"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChiSquared:
    """A test against the chi-squared distribution.

    Attributes
    ----------
    name : str
        What is tested and how.
    statistic : float
    df : int
    p_value : float
        Upper tail.
    """

    name: str
    statistic: float
    df: int
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """What a model for counts found.

    Attributes
    ----------
    psi : ndarray of shape (parameters,)
        Between-study variances, on the scale of the effect squared; empty when the model has none.
    log_ml : float
        Log-likelihood with all its constants, NaN for methods without a likelihood.
    log_reml : float
        NaN unless the method has a restricted likelihood.
    beta : ndarray of shape (p,)
        Coefficients.
    cov : ndarray of shape (p, p)
        Their covariance.
    rss : float
        Squared standardised distances of the studies' own estimates from the fitted ones.
    residuals : ndarray of shape (n,)
        The studies' own estimates less the fitted ones.
    weights : ndarray of shape (n,)
        Shares that sum to 1; NaN where a model does not weight studies.
    leverage : ndarray of shape (n,)
        How much a study moves its own fitted value; NaN where a model has no such number.
    tau2 : float or Inapplicable
        Between-study variance of the effect.
    tests : tuple of ChiSquared
        Tests that belong to the model: of the effect, of its equality between studies.
    others : tuple of (str, float)
        Further parameters by name, such as the variance of the baseline or a standard error of tau2.
    """

    psi: Floats
    log_ml: float
    log_reml: float
    beta: Floats
    cov: Floats
    rss: float
    residuals: Floats
    weights: Floats
    leverage: Floats
    tau2: float | Inapplicable
    tests: tuple[ChiSquared, ...] = ()
    others: tuple[tuple[str, float], ...] = ()


def require_point(at: Point | Solution) -> Point:
    """The Gaussian likelihood behind a fit.

    Raises
    ------
    SynthesisError
        When the fit comes from a model for counts, which has none.
    """
    if isinstance(at, Point):
        return at
    raise SynthesisError(
        "This needs a Gaussian likelihood; the fit is a model for counts. Use estimates with their variances "
        "(meta), or refit without a study."
    )
