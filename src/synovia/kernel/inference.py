"""From the covariance of the coefficients to statistics, p-values and intervals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc, ndtr, ndtri, stdtr, stdtrit

from synovia.errors import SynthesisError, TooFewStudies
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.point import Point
from synovia.kernel.problem import Problem

__all__ = [
    "INFERENCES",
    "Inference",
    "Wald",
    "knapp_hartung",
    "knapp_hartung_floor",
    "normal",
    "quantile",
    "quantiles",
    "student",
    "tail",
    "wald",
]

Floats = NDArray[np.float64]

ROUNDING = 1e-20  # residuals of 1e-10 standard errors: estimates that the model fits exactly


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """How uncertain the coefficients are.

    Attributes
    ----------
    cov : ndarray of shape (p, p)
        Covariance of the coefficients, after any rescaling.
    df : float
        Degrees of freedom of t; infinite for the normal distribution.
    factor : float
        What ``point.cov`` was multiplied by.
    name : str
        The method in words.
    contrast_df : callable or None
        Degrees of freedom of each row of a matrix of contrasts (m, p), where they differ between contrasts;
        None when ``df`` holds for all.
    joint : callable or None
        A joint test of its own: contrasts (m, p) and their values (m,) to ``Wald``, or why there is none.
    """

    cov: Floats
    df: float
    factor: float
    name: str
    contrast_df: Callable[[Floats], Floats] | None = None
    joint: Callable[[Floats, Floats], "Wald | Inapplicable"] | None = None

    @property
    def std_error(self) -> Floats:
        """(p,) standard errors."""
        return np.sqrt(np.diag(self.cov))

    def degrees(self, contrasts: Floats) -> Floats:
        """(m,) degrees of freedom of each row of (m, p) contrasts."""
        if self.contrast_df is not None:
            return self.contrast_df(contrasts)
        return np.full(contrasts.shape[0], self.df)


@dataclass(frozen=True, slots=True)
class Wald:
    """A joint test of several coefficients.

    Attributes
    ----------
    statistic : float
        F, or chi-squared when ``df_residual`` is infinite.
    df : int
        Number of coefficients tested.
    df_residual : float
        Second degrees of freedom of F.
    p_value : float
        Upper tail.
    distribution : str
        "F" or "chi2".
    """

    statistic: float
    df: int
    df_residual: float
    p_value: float
    distribution: str


def normal(problem: Problem, at: Point) -> Inference:  # noqa: ARG001 - one signature for all
    """Wald inference by the normal distribution; intervals are too short with few studies."""
    return Inference(at.cov, np.inf, 1.0, "normal")


def student(problem: Problem, at: Point) -> Inference:
    """Wald inference by t on the number of independent blocks less the number of coefficients.

    With independent estimates that is n - p; effects joined by a covariance or a shared random effect count
    once. Where crossed effects or relatedness join all, levels of the coarsest random effect count.

    Raises
    ------
    TooFewStudies
        When no degree of freedom is left.
    """
    return Inference(at.cov, _degrees(problem, "t"), 1.0, "t")


def student_residual(problem: Problem, at: Point) -> Inference:
    """Wald inference by t on the number of estimates less the number of coefficients, dependent or not.

    Too many degrees of freedom when estimates share random effects; kept to compare with programs that do so.

    Raises
    ------
    TooFewStudies
        When no degree of freedom is left.
    """
    if problem.n <= problem.p:
        raise TooFewStudies(
            f"{problem.n} estimates for {problem.p} coefficients leave no degree of freedom for the t "
            "interval."
        )
    return Inference(at.cov, float(problem.n - problem.p), 1.0, "t on residual degrees of freedom")


def knapp_hartung(problem: Problem, at: Point) -> Inference:
    r"""Covariance of the coefficients, rescaled by the weighted residual mean square, with t.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    at : Point
        The likelihood at the chosen psi.

    Raises
    ------
    TooFewStudies
        When no degree of freedom is left.

    Notes
    -----
    .. math:: \hat V_{KH} = \hat V \cdot r' \Omega^{-1} r / (n - p)

    t has as many degrees of freedom as there are independent blocks less coefficients: n - p for independent
    estimates. The factor may be below 1, which makes the interval shorter; ``factor`` says so.
    Knapp & Hartung (2003), Statistics in Medicine 22, 2693-2710.
    """
    df = _degrees(problem, "Knapp-Hartung")
    factor = _residual_mean_square(problem, at)
    return Inference(at.cov * factor, df, factor, "Knapp-Hartung")


def knapp_hartung_floor(problem: Problem, at: Point) -> Inference:
    """``knapp_hartung`` with its factor never below 1, so that the interval is never shorter than by t.

    Raises
    ------
    TooFewStudies
        When no degree of freedom is left.
    """
    df = _degrees(problem, "Knapp-Hartung")
    factor = max(1.0, _residual_mean_square(problem, at))
    return Inference(at.cov * factor, df, factor, "Knapp-Hartung, factor at least 1")


def _residual_mean_square(problem: Problem, at: Point) -> float:
    factor = at.rss / (problem.n - problem.p)
    return 0.0 if factor < ROUNDING else factor


def _degrees(problem: Problem, name: str) -> float:
    df = problem.units - problem.p
    if df < 1:
        raise TooFewStudies(
            f"{problem.units} independent studies for {problem.p} coefficients leave no degree of freedom "
            f"for the {name} interval; drop moderators, or ask for inference='z' and say so."
        )
    return float(df)


INFERENCES: dict[str, Callable[[Problem, Point], Inference]] = {
    "knapp-hartung": knapp_hartung,
    "knapp-hartung-floor": knapp_hartung_floor,
    "t": student,
    "t-residual": student_residual,
    "z": normal,
}
"""Kinds of inference by the names that settings use."""


def tail(statistic: Floats, df: float | Floats) -> Floats:
    """Two-sided p-values of t, or of z where df is infinite; exact far into the tails."""
    size, degrees = -np.abs(statistic), np.asarray(df, dtype=np.float64)
    if not np.isfinite(degrees).any():
        return np.asarray(2 * ndtr(size))
    return np.asarray(2 * np.where(np.isinf(degrees), ndtr(size), stdtr(degrees, size)))


def quantiles(level: float, df: Floats) -> Floats:
    """``quantile`` for each of several degrees of freedom."""
    return np.array([quantile(level, value) for value in df.tolist()])


def quantile(level: float, df: float) -> float:
    """Half-width of a two-sided interval in standard errors: 1.96 for 95 % and infinite df.

    Raises
    ------
    SynthesisError
        When the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise SynthesisError(f"Found level {level:g}; wanted a number between 0 and 1, such as 0.95.")
    lower = (1 - level) / 2
    return -float(ndtri(lower) if np.isinf(df) else stdtrit(df, lower))


def wald(beta: Floats, inference: Inference, contrasts: Floats) -> Wald | Inapplicable:
    r"""Whether several combinations of the coefficients are all 0.

    Parameters
    ----------
    beta : ndarray of shape (p,)
        Coefficients.
    inference : Inference
        Their covariance and degrees of freedom.
    contrasts : ndarray of shape (m, p)
        The combinations, one per row, independent of each other.

    Notes
    -----
    .. math:: (Lb)' (LCL')^{-1} Lb

    against chi-squared on m degrees of freedom, or divided by m against F on m and ``inference.df``.
    """
    m = contrasts.shape[0]
    if m == 0:
        return Inapplicable("there is nothing to compare")
    if inference.factor == 0:
        return Inapplicable("the model fits every estimate exactly, so that nothing measures its uncertainty")
    values = contrasts @ beta
    if inference.joint is not None:
        return inference.joint(contrasts, values)
    statistic = float(values @ np.linalg.solve(contrasts @ inference.cov @ contrasts.T, values))
    if np.isinf(inference.df):
        return Wald(statistic, m, np.inf, float(chdtrc(m, statistic)), "chi2")
    return Wald(statistic / m, m, inference.df, float(fdtrc(m, inference.df, statistic / m)), "F")
