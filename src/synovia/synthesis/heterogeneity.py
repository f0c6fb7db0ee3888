"""Intervals for how much the studies differ: tau2 and, with it, tau, I² and H²."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, Range, point, profile_q, trace_projection
from synovia.kernel.deviation import find_tau2_error, find_weighted_tau2_error
from synovia.kernel.intervals import (
    biggerstaff_jackson,
    generalised_q_interval,
    jackson,
    profile_likelihood,
)
from synovia.kernel.solution import Solution
from synovia.synthesis.weighting import GeneralisedQ, read_row_weights

if TYPE_CHECKING:
    from synovia.synthesis.fit import Fit

__all__ = [
    "INTERVALS",
    "HeterogeneityInterval",
    "find_heterogeneity_interval",
    "find_tau2_standard_error",
    "tell_boundary",
]

INTERVALS: dict[str, Callable[..., Range | Inapplicable]] = {
    "Q-profile": profile_q,
    "profile likelihood": profile_likelihood,
    "Jackson": jackson,
    "Biggerstaff-Jackson": biggerstaff_jackson,
}
"""Intervals of tau2 by name; "generalised Q" is Jackson's with the weights of the fit where it has some."""


@dataclass(frozen=True, slots=True)
class HeterogeneityInterval:
    """How much the studies differ, with limits.

    Attributes
    ----------
    tau2 : float
        Estimate, on the scale of y squared.
    limits : Range or Inapplicable
        Of tau2, or why there are none.
    typical : float
        Typical sampling variance, which turns tau2 into I² and H².
    level : float
        Confidence level.
    method : str
        Name of the interval.
    """

    tau2: float
    limits: Range | Inapplicable
    typical: float
    level: float
    method: str

    def tidy(self) -> pd.DataFrame:
        """Rows tau2, tau, I2 (percent) and H2: estimate, lower, upper, level, method.

        Limits that do not exist are NaN, and ``method`` says why.
        """
        known = self.limits if isinstance(self.limits, Range) else Range(np.nan, np.nan)
        values = np.array([self.tau2, known.lower, known.upper])
        rows = [values, np.sqrt(values), 100 * values / (values + self.typical), 1 + values / self.typical]
        frame = pd.DataFrame(rows, columns=["estimate", "lower", "upper"])
        frame.insert(0, "quantity", ["tau2", "tau", "I2", "H2"])
        method = self.method if isinstance(self.limits, Range) else str(self.limits)
        return frame.assign(level=self.level, method=method)


def find_heterogeneity_interval(
    fit: "Fit", method: str, level: float
) -> HeterogeneityInterval | Inapplicable:
    """Limits of tau2, tau, I² and H² of a fit.

    Parameters
    ----------
    fit : Fit
        With one random term.
    method : str
        A name of ``INTERVALS``, or "generalised Q".
    level : float
        Confidence level, such as 0.95.

    Raises
    ------
    SynthesisError
        When the method does not exist; those that do are listed.
    """
    problem, tau2 = fit.problem, fit.tau2
    if method not in (*INTERVALS, "generalised Q"):
        raise SynthesisError(
            f"Found method {method!r}; wanted one of {', '.join((*INTERVALS, 'generalised Q'))}."
        )
    reason = _find_obstacle(fit)
    if reason is not None or isinstance(tau2, Inapplicable):
        return reason or Inapplicable(str(tau2))
    typical = (problem.n - problem.p) / trace_projection(problem, point(problem, problem.nothing))
    return HeterogeneityInterval(tau2, _find_limits(fit, method, level), typical, level, method)


def _find_obstacle(fit: "Fit") -> Inapplicable | None:
    if isinstance(fit.tau2, Inapplicable):
        return fit.tau2
    if isinstance(fit.point, Solution) or fit.problem.parameters != 1:
        return Inapplicable("intervals of tau2 are for Gaussian models with a single variance")
    if fit.problem.n <= fit.problem.p:
        return Inapplicable("as many coefficients as estimates leave no heterogeneity to measure")
    return None


def _find_limits(fit: "Fit", method: str, level: float) -> Range | Inapplicable:
    problem, estimator = fit.problem, fit.settings.tau2
    if method == "profile likelihood":
        return profile_likelihood(problem, level=level, restricted=estimator != "ML")
    if method == "generalised Q" and isinstance(estimator, GeneralisedQ):
        weights = read_row_weights(fit.rows, estimator.weights)
        return generalised_q_interval(problem, weights, level=level)
    return INTERVALS["Jackson" if method == "generalised Q" else method](problem, level=level)


def find_tau2_standard_error(fit: "Fit") -> float | Inapplicable:
    """Standard error of tau2 by the formula of its estimator."""
    reason = _find_obstacle(fit)
    if reason is not None or isinstance(fit.point, Solution):
        return reason or Inapplicable("the model gives no standard error of tau2")
    estimator = fit.settings.tau2
    if isinstance(estimator, GeneralisedQ):
        return find_weighted_tau2_error(fit.problem, fit.point, read_row_weights(fit.rows, estimator.weights))
    return find_tau2_error(fit.problem, fit.point, str(estimator))


def tell_boundary(fit: "Fit") -> list[tuple[str, str]]:
    """What a tau2 of 0 implies, as a fact for the summary; nothing where tau2 is above 0 or was given."""
    if fit.tau2 != 0 or not fit.convergence.at_boundary:
        return []
    said = (
        "the estimates differ no more than their sampling errors explain, so the weights are those of a "
        "common effect; with few studies this is weak evidence that they are alike: see the limit of tau2"
    )
    return [("tau2 is 0", said)]
