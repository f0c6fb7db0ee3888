"""The distribution of a quadratic form in normal variables: a weighted sum of chi-squared variables."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

__all__ = ["mixture_below"]

Floats = NDArray[np.float64]

NEGLIGIBLE = 1e-13  # weights below this share of the largest are what rounding leaves of zeros
STEP = 0.05  # halving it changes no probability by more than 1e-13
REACH = 7.0  # where the integrand is below 1e-16 for a single variable, and far below for more
LEAN = 0.3  # how far the contour leans to the left; 0 would be a vertical line


def mixture_below(weights: Floats, value: float) -> float:
    r"""Probability that a weighted sum of independent chi-squared variables, 1 df each, is at most a value.

    Parameters
    ----------
    weights : ndarray of shape (m,)
        At least 0; zeros and what rounding leaves of them do not count.
    value : float
        Any number.

    Returns
    -------
    float
        Between 0 and 1, with an error of about 1e-13 of the smaller tail.

    Notes
    -----
    .. math:: P\Bigl(\sum_i \lambda_i \chi^2_1 \le q\Bigr) = \frac1{2\pi i}\int e^{zq}\,\frac1z
        \prod_i (1 + 2\lambda_i z)^{-1/2}\,dz

    along a hyperbola through the saddle point of the integrand: right of 0 it gives the lower tail, left of 0
    the upper tail with its sign changed. The trapezoidal rule then converges geometrically. The form itself:
    Imhof (1961), Biometrika 48, 419-426; such contours: Weideman & Trefethen (2007), Mathematics of
    Computation 76, 1341-1356.

    Examples
    --------
    >>> print(f"{mixture_below(np.ones(1), 3.841458820694124):.12f}")
    0.950000000000
    """
    kept = weights[weights > NEGLIGIBLE * weights.max(initial=0.0)]
    if value <= 0:
        return 0.0
    if kept.size == 0:
        return 1.0
    scale = float(kept.max())
    kept, value = kept / scale, value / scale
    lower = value < kept.sum()
    centre = _find_saddle(kept, value, lower=lower)
    width = 1 / np.sqrt((2 * kept**2 / (1 + 2 * kept * centre) ** 2).sum() + 1 / centre**2)
    u = STEP * np.arange(round(REACH / STEP) + 1)
    z = centre + width * (1j * np.sinh(u) - LEAN * (np.cosh(u) - 1))
    slope = width * (1j * np.cosh(u) - LEAN * np.sinh(u))
    logs = z * value - 0.5 * np.log1p(2 * np.outer(z, kept)).sum(axis=1) - np.log(z if lower else -z)
    terms = (np.exp(logs) * slope).imag
    tail = float(STEP * (terms.sum() - terms[0] / 2) / np.pi)
    return tail if lower else 1 - tail


def _find_saddle(weights: Floats, value: float, *, lower: bool) -> float:
    """The real z where the integrand is least: right of 0, or between 0 and the first branch point, -1/2."""

    def slope(z: float) -> float:
        return float(value - (weights / (1 + 2 * weights * z)).sum() - 1 / z)

    low, high = (0.5 / value, (weights.size + 2) / value) if lower else (-0.5 * (1 - 1e-15), -1e-15)
    found: float = brentq(slope, low, high, rtol=1e-6, maxiter=200)
    return found
