"""The answer of a model that is not a Gaussian likelihood, with the names that a ``Point`` gives its own."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.point import Point

if TYPE_CHECKING:
    from synovia.kernel.solver import Slope

__all__ = ["NO_FACTOR", "ChiSquared", "Solution", "make_root", "require_point"]

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


def _refuse() -> NoReturn:
    raise SynthesisError(
        "This needs a Gaussian likelihood; the fit is a model for counts. Use estimates with their variances "
        "(meta), or refit without a study."
    )


@dataclass(frozen=True, slots=True)
class _NoFactor:
    """The factor of a likelihood that has no covariance matrix: whoever asks is told so."""

    @property
    def log_det(self) -> float:
        _refuse()

    def half_solve(self, B: Floats) -> Floats:  # noqa: ARG002 - one signature
        _refuse()

    def solve(self, B: Floats) -> Floats:  # noqa: ARG002 - one signature
        _refuse()

    def inverse_diagonal(self) -> Floats:
        _refuse()

    def gram(self, term: int) -> Floats:  # noqa: ARG002 - one signature
        _refuse()

    def product_traces(self, slopes: "list[Slope]") -> Floats:  # noqa: ARG002 - one signature
        _refuse()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Solution(Point):
    """What a model for counts found.

    ``psi`` holds the between-study variance of the effect, if there is one, ``log_ml`` the log-likelihood
    with all its constants, and ``rss`` and ``residuals`` compare the studies' own estimates with the fitted
    ones. Nothing was factored: whatever asks ``factor`` is refused with the reason.

    Attributes
    ----------
    shares : ndarray of shape (n,)
        Weights that sum to 1; NaN where a model does not weight studies.
    leverage : ndarray of shape (n,)
        How much a study moves its own fitted value; NaN where a model has no such number.
    tau2 : float or Inapplicable
        Between-study variance of the effect.
    tests : tuple of ChiSquared
        Tests that belong to the model: of the effect, of its equality between studies.
    others : tuple of (str, float)
        Further parameters by name, such as the variance of the baseline or a standard error of tau2.
    """

    shares: Floats
    leverage: Floats
    tau2: float | Inapplicable
    tests: tuple[ChiSquared, ...] = ()
    others: tuple[tuple[str, float], ...] = ()


def make_root(cov: Floats) -> Floats:
    """(p, p) square root of a covariance, NaN where it has none."""
    try:
        return np.asarray(np.linalg.cholesky(cov), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.full(cov.shape, np.nan)


NO_FACTOR = _NoFactor()


def require_point(at: Point) -> Point:
    """The Gaussian likelihood behind a fit.

    Raises
    ------
    SynthesisError
        When the fit comes from a model for counts, which has none.
    """
    if isinstance(at, Solution):
        _refuse()
    return at
