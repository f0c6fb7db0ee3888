"""Credible intervals and modes of posterior densities."""

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel.axis import Curve
from synovia.kernel.normals import Normals
from synovia.kernel.placing import MEAN, SPREAD

__all__ = ["INTERVALS", "describe_curve", "limit_curve", "limit_normals", "mode_curve"]

Floats = NDArray[np.float64]

INTERVALS = ("shortest", "equal-tailed")
FINE = 65  # points of a search; a second one between the neighbours of the best is 2,000 times finer


def limit_normals(found: Normals, level: float, kind: str) -> Floats:
    """(2, r) credible limits of mixtures of normals."""
    _check(level, kind)
    return found.shortest(level) if kind == "shortest" else found.equal_tailed(level)


def limit_curve(curve: Curve, level: float, kind: str) -> tuple[float, float]:
    """Credible limits of a parameter of the random effects; the shortest may begin at 0."""
    _check(level, kind)
    if kind == "equal-tailed":
        low, high = curve.quantile(np.array([(1 - level) / 2, (1 + level) / 2]))
        return float(low), float(high)
    below = np.linspace(0, 1 - level, FINE)
    for _ in range(2):
        lower, upper = curve.quantile(np.clip(np.stack([below, below + level]), 1e-15, 1 - 1e-15))
        best = int(np.argmin(upper - lower))
        share = _find_top(below, lower - upper)
        below = np.linspace(below[max(best - 1, 0)], below[min(best + 1, FINE - 1)], FINE)
    if best == 0 and below[0] == 0:
        return curve.axis.lower, float(curve.quantile(np.array([level]))[0])
    low, high = curve.quantile(np.array([share, share + level]))
    return float(low), float(high)


def mode_curve(curve: Curve) -> float:
    """The value of highest density; the lower limit where the density falls from there."""
    x, height = curve.table
    best = int(np.argmax(height))
    if best == 0 and height[0] >= height[1]:
        return curve.axis.lower
    for _ in range(2):
        x = np.linspace(x[max(best - 1, 0)], x[min(best + 1, x.size - 1)], FINE)
        height = curve.shape(x)
        best = int(np.argmax(height))
    return _find_top(x, height)


def _find_top(x: Floats, height: Floats) -> float:
    """Where the parabola through the highest of equally spaced points and its neighbours is highest."""
    best = min(max(int(np.argmax(height)), 1), x.size - 2)
    before, top, after = height[best - 1 : best + 2].tolist()
    bend = before - 2 * top + after
    moved = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return float(x[best] + min(max(moved, -1.0), 1.0) * (x[1] - x[0]))


def describe_curve(name: str, curve: Curve, tail: float, level: float, *, kind: str) -> dict[str, object]:
    """One row about a parameter of the random effects; moments that do not exist are NaN.

    Parameters
    ----------
    name : str
        Of the parameter.
    curve : Curve
        Its marginal posterior.
    tail : float
        Power with which density times parameter falls at infinity.
    level, kind : float, str
        Of the credible interval.
    """
    lower, upper = limit_curve(curve, level, kind)
    mean = curve.mean() if tail < MEAN else np.nan
    spread = max(curve.mean(2) - mean * mean, 0.0) ** 0.5 if tail < SPREAD else np.nan
    return {
        "name": name,
        "estimate": float(curve.quantile(np.array([0.5]))[0]),
        "std_error": spread,
        "lower": lower,
        "upper": upper,
        "level": level,
        "mean": mean,
        "mode": mode_curve(curve),
    }


def _check(level: float, kind: str) -> None:
    if kind not in INTERVALS:
        raise SynthesisError(f"Found interval {kind!r}; wanted one of {', '.join(INTERVALS)}.")
    if not 0 < level < 1:
        raise SynthesisError(f"Found level {level:g}; wanted a number between 0 and 1, such as 0.95.")
