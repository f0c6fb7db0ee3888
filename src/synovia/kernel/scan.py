"""The highest maximum of a likelihood of one variance, wherever it lies on [0, ∞)."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from synovia.kernel.choice import Choice, Convergence
from synovia.kernel.gradient import score
from synovia.kernel.independent import Independent, make_independent
from synovia.kernel.point import Point, point
from synovia.kernel.problem import Problem

__all__ = ["find_root", "residual_sum", "scan"]

Floats = NDArray[np.float64]

PRECISION = 4 * np.finfo(float).eps  # the finest relative step brentq accepts
DOUBLINGS = 60  # a factor of 1e36 beyond the scale of the data
STEP = 2.5  # factor between neighbouring tau2 of the scan


class General:
    """The likelihood of any problem of one variance, each tau2 looked at once."""

    def __init__(self, problem: Problem, *, restricted: bool) -> None:
        self.problem, self.restricted = problem, restricted
        self.seen: dict[float, tuple[Point, float]] = {}

    def _at(self, tau2: float) -> tuple[Point, float]:
        if tau2 not in self.seen:
            at = point(self.problem, [tau2])
            self.seen[tau2] = (at, score(self.problem, at, restricted=self.restricted))
        return self.seen[tau2]

    def slope(self, tau2: float) -> float:
        """Slope of the log-likelihood in tau2."""
        return self._at(tau2)[1]

    def slopes(self, tau2: Floats) -> Floats:
        """(m,) ``slope`` at each of several tau2."""
        return np.array([self.slope(value) for value in tau2.tolist()])

    def height(self, tau2: float) -> float:
        """Log-likelihood."""
        at = self._at(tau2)[0]
        return at.log_reml if self.restricted else at.log_ml


def scan(problem: Problem, *, restricted: bool) -> Choice:
    """The tau2 that maximises a likelihood of one variance, globally.

    Parameters
    ----------
    problem : Problem
        With one variance that the data can tell.
    restricted : bool
        Which likelihood.
    """
    quick = make_independent(problem, restricted=restricted)
    hill: Independent | General = quick or General(problem, restricted=restricted)
    grid = make_grid(problem, hill)
    slopes = hill.slopes(grid)
    calls = grid.size
    candidates = [0.0] if slopes[0] <= 0 else []

    def slope(tau2: float) -> float:
        nonlocal calls
        calls += 1
        return hill.slope(tau2)

    for (low, rising), (high, falling) in pairwise(zip(grid.tolist(), slopes.tolist(), strict=True)):
        if rising > 0 >= falling:
            candidates.append(find_root(slope, low, high))
    best = candidates[0] if len(candidates) == 1 else max(candidates, key=hill.height)
    told = _report(problem, best, (hill.slope(best), calls, len(candidates)))
    return Choice(np.array([best]), point(problem, [best]), told)


def _report(problem: Problem, tau2: float, found: tuple[float, int, int]) -> Convergence:
    slope, evaluations, maxima = found
    at_boundary = tau2 == 0
    size = slope * max(tau2, float(problem.V.diagonal.mean()))
    converged = at_boundary or abs(size) < 1e-6 * problem.n
    said = "maximum at tau2 = 0" if at_boundary else "maximum inside (0, ∞)"
    several = f", the highest of {maxima} maxima" if maxima > 1 else ""
    return Convergence(evaluations, slope, at_boundary, converged, f"{said}{several}")


def make_grid(problem: Problem, hill: Independent | General) -> Floats:
    """0 and steps of at most a factor 2.5 from below the smallest variance to where the slope stays below 0.

    Below a thirtieth of the smallest variance no weight changes by more than 3 %, so no maximum hides there.

    For independent rows the slope is negative once tau2² > s² (max v + tau2), s² the residual mean square of
    ordinary least squares, because ‖Py‖² ≤ RSS / tau2² and tr P ≥ (n - p) / (max v + tau2).
    """
    v = _per_unit(problem)
    low, high = float(v.min()), float(v.max())
    rss = hill.rss if isinstance(hill, Independent) else residual_sum(problem) * _mean_ratio(problem, v)
    s2 = rss / (problem.n - problem.p)
    top = 2 * max((s2 + (s2**2 + 4 * s2 * high) ** 0.5) / 2, 1e-3 * low)
    if not (isinstance(hill, Independent) and hill.plain):
        for _ in range(DOUBLINGS):
            if hill.slope(top) <= 0:
                break
            top *= 4
    bottom = min(low / 30, top / 4)
    width = np.log(top / bottom)
    steps = int(np.ceil(width / np.log(STEP)))
    grid = bottom * np.exp(width / steps * np.arange(-1, steps + 1))
    grid[0], grid[-1] = 0.0, top
    return np.asarray(grid)


def _per_unit(problem: Problem) -> Floats:
    """Sampling variances over what one unit of tau2 adds to the same row."""
    if not problem.terms:
        return problem.V.diagonal
    added = problem.terms[0].row_variances(np.ones(problem.parameters))
    felt = added > 0
    return problem.V.diagonal[felt] / added[felt] if felt.any() else problem.V.diagonal


def _mean_ratio(problem: Problem, per_unit: Floats) -> float:
    return float(np.median(per_unit) / np.median(problem.V.diagonal))


def residual_sum(problem: Problem) -> float:
    """Residual sum of squares of ordinary least squares, from which the scale of tau2 is known."""
    residuals = problem.y - problem.X @ np.linalg.lstsq(problem.X, problem.y, rcond=None)[0]
    return float(residuals @ residuals)


def find_root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function changes sign, to the last digits."""
    found: float = brentq(
        function, low, high, xtol=PRECISION * max(high, 1e-300), rtol=PRECISION, maxiter=200
    )
    return found
