"""Draws from the confidence distributions of tau2, of the mean and of a new study's effect."""

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from synovia.errors import SynthesisError
from synovia.kernel.choose import require_one_variance
from synovia.kernel.generalised import is_independent, make_generalised_q
from synovia.kernel.moments import solve_below
from synovia.kernel.problem import Problem

__all__ = ["draw_new_effects"]

Floats = NDArray[np.float64]

KNOTS = 240  # the distribution of tau2 is interpolated between as many points, far closer than draws can tell
EDGE = 1e-7  # probability beyond the last knot
CHUNK = 2_000_000  # numbers held at once while drawing


def draw_new_effects(problem: Problem, *, draws: int, seed: int) -> Floats:
    r"""Effects of a new study, drawn from their confidence distribution.

    Parameters
    ----------
    problem : Problem
        Of independent estimates with an intercept alone and a random effect each.
    draws : int
        How many.
    seed : int
        Of numpy's default generator.

    Returns
    -------
    ndarray of shape (draws,)
        On the scale of y; their quantiles are the limits of a prediction interval.

    Raises
    ------
    SynthesisError
        When estimates covary or the mean depends on moderators.

    Notes
    -----
    Tau2 is drawn by inverting the exact distribution of Cochran's Q, the mean given tau2 from a t
    distribution with Hartung's standard error, and the effect around it from the normal distribution:

    .. math:: \tilde\tau^2 = H^{-1}(u), \quad \tilde\mu = \hat\mu(\tilde\tau^2) - t_{k-1}
        \sqrt{\tfrac{1}{k-1}\textstyle\sum \tilde w_i(y_i - \hat\mu)^2 / \sum \tilde w_i}, \quad
        \tilde\theta = \tilde\mu + z\tilde\tau

    Nagashima, Noma & Furukawa (2019), Statistical Methods in Medical Research 28, 1689-1702, algorithm 1.
    """
    require_one_variance(problem)
    if not is_independent(problem) or problem.p != 1 or np.ptp(problem.X) > 0:
        raise SynthesisError(
            "The bootstrap prediction interval is defined for independent estimates around one mean; here "
            "estimates covary or there are moderators. Use another kind, such as 'HTS'."
        )
    rng = np.random.default_rng(seed)
    tau2 = draw_tau2(problem, rng.uniform(size=draws))
    step = max(1, CHUNK // problem.n)
    parts = [_mean_and_error(problem, tau2[i : i + step]) for i in range(0, draws, step)]
    mean, error = (np.concatenate(part) for part in zip(*parts, strict=True))
    around = rng.standard_t(problem.n - 1, size=draws) * error
    return np.asarray(mean - around + rng.normal(size=draws) * np.sqrt(tau2))


def draw_tau2(problem: Problem, uniform: Floats) -> Floats:
    """(m,) tau2 at which so large a Q as Cochran's has these probabilities; 0 where 0 gives it more."""
    found = make_generalised_q(problem, 1 / problem.V.diagonal)
    top = solve_below(found, EDGE)
    if top == 0:
        return np.zeros(uniform.size)
    at_zero = 1 - found.below(0.0)
    bottom = min(1e-3 * float(problem.V.diagonal.min()), 1e-3 * top)
    knots = np.concatenate([[0.0], np.geomspace(bottom, top, KNOTS)])
    above = np.maximum.accumulate([1 - found.below(knot) for knot in knots.tolist()])
    keep = np.concatenate([[True], np.diff(above) > 0])
    inverse = PchipInterpolator(above[keep], knots[keep])
    inside = np.clip(uniform, at_zero, above[-1])
    return np.asarray(np.where(uniform <= at_zero, 0.0, np.maximum(0.0, inverse(inside))))


def _mean_and_error(problem: Problem, tau2: Floats) -> tuple[Floats, Floats]:
    weights = 1 / (problem.V.diagonal + tau2[:, None])
    total = weights.sum(axis=1)
    mean = weights @ problem.y / total
    spread = (weights * (problem.y - mean[:, None]) ** 2).sum(axis=1) / (problem.n - 1)
    return mean, np.sqrt(spread / total)
