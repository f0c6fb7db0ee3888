"""From an analysis scale and back: logarithms, logits, z, arcsines; and means of what was transformed."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri, roots_hermitenorm

from synovia.effects.effect import Array

__all__ = ["Transformation", "average_back", "double_arcsine", "double_root", "mode_of_ratio", "transform"]

Transformation: TypeAlias = Literal[
    "exp", "log", "logit", "inverse logit", "probit", "inverse probit", "r to z", "z to r", "arcsine",
    "inverse arcsine", "square", "r2 to z", "z to r2", "alpha to ABT", "ABT to alpha", "alpha to AHW",
    "AHW to alpha",
]  # fmt: skip


def _inverse_arcsine(x: Array) -> Array:
    return np.asarray(np.sin(np.clip(x, 0, np.pi / 2)) ** 2)


_MAPS: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "log": np.log,
    "logit": logit,
    "inverse logit": expit,
    "probit": ndtri,
    "inverse probit": ndtr,
    "r to z": np.arctanh,
    "z to r": np.tanh,
    "arcsine": lambda p: np.arcsin(np.sqrt(p)),
    "inverse arcsine": _inverse_arcsine,
    "square": lambda x: np.maximum(x, 0.0) ** 2,
    "r2 to z": lambda x: np.arctanh(np.sqrt(x)),
    "z to r2": lambda x: np.tanh(x) ** 2,
    "alpha to ABT": lambda x: -np.log1p(-x),
    "ABT to alpha": lambda x: -np.expm1(-x),
    "alpha to AHW": lambda x: 1 - np.cbrt(1 - x),
    "AHW to alpha": lambda x: 1 - (1 - x) ** 3,
}


def transform(x: Array, kind: Transformation) -> Array:
    """A value, or the limits of an interval, on another scale.

    Parameters
    ----------
    x : array
        Values; every map is monotone, so limits of intervals keep their order.
    kind : str
        exp, log, logit, inverse logit, probit, inverse probit, r to z, z to r, arcsine, inverse arcsine (0 to
        pi/2 gives 0 to 1; beyond, the nearer end), square (of a root; negative values give 0), r2 to z,
        z to r2, alpha to ABT, ABT to alpha, alpha to AHW, AHW to alpha.

    Examples
    --------
    >>> round(float(transform(0.5, "r to z")), 4), float(transform(0.0, "inverse logit"))
    (0.5493, 0.5)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(_MAPS[kind](np.asarray(x, float)))


def average_back(x: Array, tau2: float, kind: Transformation) -> Array:
    r"""Mean over studies of the back-transformed true effects, which is not the back-transformed mean.

    Parameters
    ----------
    x : array
        Mean of the true effects on the analysis scale.
    tau2 : float
        Their variance on that scale.
    kind : str
        The back-transformation, such as "inverse logit" or "z to r".

    Notes
    -----
    .. math:: \int f(\theta) \, \varphi(\theta; x, \tau^2) \, d\theta

    by Gauss-Hermite quadrature with 120 nodes; for "exp" :math:`e^{x + \tau^2/2}`.

    Examples
    --------
    >>> round(float(average_back(0.0, 1.0, "exp")), 4)
    1.6487
    """
    middle = np.asarray(x, float)
    if kind == "exp":
        return np.asarray(np.exp(middle + tau2 / 2))
    nodes, weights = roots_hermitenorm(120)
    values = transform(middle[..., None] + np.sqrt(tau2) * nodes, kind)
    return np.asarray(values @ weights / weights.sum())


def mode_of_ratio(x: Array, tau2: float) -> Array:
    r"""Mode of the ratios whose logarithms are normal with mean x and variance tau2.

    Notes
    -----
    .. math:: e^{x - \tau^2}

    Examples
    --------
    >>> round(float(mode_of_ratio(0.0, 1.0)), 4)
    0.3679
    """
    return np.asarray(np.exp(np.asarray(x, float) - tau2))


def double_arcsine(p: Array, n: Array) -> Array:
    """Freeman and Tukey's double arcsine of proportions p among n; NaN where p is none.

    Examples
    --------
    >>> round(float(double_arcsine(0.0, 10)), 6)
    0.153139
    """
    p, n = np.asarray(p, float), np.asarray(n, float)
    x = p * n
    with np.errstate(invalid="ignore"):
        return np.asarray((np.arcsin(np.sqrt(x / (n + 1))) + np.arcsin(np.sqrt((x + 1) / (n + 1)))) / 2)


def double_root(rate: Array, time: Array) -> Array:
    """Freeman and Tukey's transformation of incidence rates over person-times.

    Examples
    --------
    >>> float(double_root(0.0, 25.0))
    0.1
    """
    rate, time = np.asarray(rate, float), np.asarray(time, float)
    return np.asarray((np.sqrt(rate) + np.sqrt(rate + 1 / time)) / 2)
