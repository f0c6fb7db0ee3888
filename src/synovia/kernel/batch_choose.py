"""Estimators of tau2, compiled; each searches where its counterpart in ``choose`` and ``moments`` does."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synovia.kernel.batch_point import (
    HALF,
    V,
    X,
    Y,
    find_height,
    find_slope,
    solve,
    solve_level,
)

__all__ = ["COMMON", "DL", "GIVEN", "HE", "HS", "ML", "PM", "REML", "SJ", "choose"]

Floats = NDArray[np.float64]

COMMON, GIVEN, DL, HE, HS, SJ, ML, REML, PM = range(9)

PRECISION = 4 * np.finfo(np.float64).eps  # relative width at which a bracket is a root
STEP = 2.5  # no maximum hides between two points of the scan that lie so close
STEPS = 200  # more evaluations than any search needs; the last ones halve a bracket


@njit(cache=True, nogil=True, error_model="numpy")
def choose(rows: Floats, room: Floats, estimator: int, given: float) -> float:
    """Tau2 by one of the estimators of this file; 0 where the data ask for less."""
    if estimator in (REML, ML):
        return _maximise(rows, room, estimator == REML)
    if estimator == PM:
        return _solve_q(rows, room, rows.shape[0] - room.shape[1])
    if estimator == COMMON:
        return 0.0
    if estimator == GIVEN:
        return given
    return max(0.0, _solve_moments(rows, room, estimator))


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_moments(rows: Floats, room: Floats, estimator: int) -> float:
    r"""The closed forms, before they are cut off at 0.

    Notes
    -----
    DL and HE equate a residual sum of squares to its expectation, with weights 1/v and 1; HS divides the
    excess of Q over the number of estimates by the sum of weights; SJ corrects the crude variance
    :math:`\tau_0^2 = \sum (y_i - \bar y)^2 / n` by the residual mean square at it.
    """
    n, p = rows.shape[0], room.shape[1]
    if estimator == SJ:
        crude = rows[:, Y].var()
        return float(crude * solve(rows, room, crude).rss / (n - p))
    if estimator == HE:
        return float((solve_level(rows, room).rss - _find_level_noise(rows, room)) / (n - p))
    solved = solve(rows, room, 0.0)
    if estimator == HS:
        return float((solved.rss - n) / solved.total)
    return float((solved.rss - (n - p)) / (solved.total - solved.lost))


@njit(cache=True, nogil=True, error_model="numpy")
def _find_level_noise(rows: Floats, room: Floats) -> float:
    """What sampling errors add to the sum of squares of ``solve_level``: sum of v (1 - leverage)."""
    total = 0.0
    for i in range(rows.shape[0]):
        leverage = 0.0
        for a in range(room.shape[1]):
            part = 0.0
            for b in range(a + 1):
                part += room[HALF, a, b] * rows[i, X + b]
            leverage += part * part
        total += rows[i, V] * (1 - leverage)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_q(rows: Floats, room: Floats, target: float) -> float:
    r"""The tau2 at which the generalised Q equals the target, or 0.

    Notes
    -----
    In the space of residuals :math:`Q(\tau^2) = \sum_j c_j^2 / (m_j + \tau^2)`, whose reciprocal is concave
    (Cauchy-Schwarz), so that Newton's steps on 1/Q from 0 never pass the root and converge quadratically.
    """
    tau2 = 0.0
    for _ in range(STEPS):
        solved = solve(rows, room, tau2)
        if solved.rss <= target:
            return tau2
        step = (solved.rss / target - 1) * solved.rss / solved.steep
        tau2 += step
        if step <= PRECISION * tau2:
            return tau2
    return tau2


@njit(cache=True, nogil=True, error_model="numpy")
def _find_top(rows: Floats, room: Floats) -> float:
    """Where the slope has become negative for good; ``choose._grid`` says why."""
    n, p = rows.shape[0], room.shape[1]
    s2 = solve_level(rows, room).rss / (n - p)
    top = (s2 + np.sqrt(s2 * s2 + 4 * s2 * rows[:, V].max())) / 2
    return float(2 * max(top, 1e-3 * rows[:, V].min()))


@njit(cache=True, nogil=True, error_model="numpy")
def _maximise(rows: Floats, room: Floats, restricted: bool) -> float:
    """The highest maximum of the likelihood on [0, ∞), found by the scan of ``choose.reml``."""
    top = _find_top(rows, room)
    bottom = min(rows[:, V].min() / 30, top / 4)
    steps = int(np.ceil(np.log(top / bottom) / np.log(STEP)))
    factor = (top / bottom) ** (1.0 / steps)
    maxima, found = np.zeros(steps + 2), 0
    low, slope_low = 0.0, find_slope(rows, room, 0.0, restricted)
    if slope_low <= 0:
        found = 1
    for step in range(steps + 1):
        high = top if step == steps else bottom * factor**step
        slope_high = find_slope(rows, room, high, restricted)
        if slope_low > 0 and slope_high <= 0:
            maxima[found] = _find_root(rows, room, restricted, (low, slope_low), (high, slope_high))
            found += 1
        low, slope_low = high, slope_high
    return maxima[0] if found < 2 else _find_highest(rows, room, restricted, maxima[:found])


@njit(cache=True, nogil=True, error_model="numpy")
def _find_highest(rows: Floats, room: Floats, restricted: bool, maxima: Floats) -> float:
    best, best_height = maxima[0], find_height(rows, room, maxima[0], restricted)[0]
    for tau2 in maxima[1:]:
        height = find_height(rows, room, tau2, restricted)[0]
        if height > best_height:
            best, best_height = tau2, height
    return float(best)


@njit(cache=True, nogil=True, error_model="numpy")
def _find_root(
    rows: Floats,
    room: Floats,
    restricted: bool,
    low: tuple[float, float],
    high: tuple[float, float],
) -> float:
    """Where the slope crosses 0 between two points (tau2, slope), to the last bits.

    Inverse quadratic steps where they can be trusted, halves elsewhere: Chandrupatla (1997), Advances in
    Engineering Software 28, 145-149.
    """
    (b, fb), (a, fa) = low, high
    share = 0.5
    for _ in range(STEPS):
        x = a + share * (b - a)
        fx = find_slope(rows, room, x, restricted)
        if (fx > 0) == (fa > 0):
            c, fc = a, fa
        else:
            c, fc, b, fb = b, fb, a, fa
        a, fa = x, fx
        best = a if abs(fa) < abs(fb) else b
        edge = PRECISION * best / abs(b - a)
        if edge > 0.5 or fa == 0:
            return best
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        share = 0.5
        if phi * phi < xi and (1 - phi) * (1 - phi) < 1 - xi:
            share = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        share = min(1 - edge, max(edge, share))
    return best
