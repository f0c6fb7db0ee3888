"""Proportions of one group: logit, and the double arcsine where it is asked for."""

import numpy as np
from scipy.special import expit

from synovia.effects.effect import Array, Counts, Effect

__all__ = ["back_transform_freeman_tukey", "back_transform_logit", "freeman_tukey", "logit_proportion"]


def logit_proportion(group: Counts, *, add: float = 0.5) -> Effect:
    r"""Logit of a proportion; ``add`` goes to events and non-events of studies where either is zero.

    Parameters
    ----------
    group : Counts
        Arrays (k,).

    Notes
    -----
    .. math:: y = \ln\frac{x}{n - x}, \quad v = \frac{1}{x} + \frac{1}{n - x}

    Examples
    --------
    >>> from synovia.effects import Counts, logit_proportion
    >>> round(float(logit_proportion(Counts([4], [15])).estimate[0]), 4)
    -1.0116
    """
    x, n = group.arrays
    zero = (x == 0) | (x == n)
    events, others = x + add * zero, n - x + add * zero
    return Effect(np.log(events / others), 1 / events + 1 / others, "PLO", "logit of the proportion")


def back_transform_logit(logit: Array) -> Array:
    """Proportion from its logit.

    Examples
    --------
    >>> from synovia.effects import back_transform_logit
    >>> float(back_transform_logit(0.0))
    0.5
    """
    return np.asarray(expit(logit))


def freeman_tukey(group: Counts) -> Effect:
    r"""Double arcsine of a proportion (Freeman & Tukey).

    Results can mislead when sizes of studies differ much (Schwarzer et al. 2019, Research Synthesis Methods
    10, 476-483): the logit is Synovia's default.

    Notes
    -----
    .. math:: y = \tfrac12 \left( \arcsin\sqrt{\tfrac{x}{n+1}} + \arcsin\sqrt{\tfrac{x+1}{n+1}} \right),
       \quad v = \frac{1}{4 n + 2}

    Freeman & Tukey (1950), Annals of Mathematical Statistics 21, 607-611.

    Examples
    --------
    >>> from synovia.effects import Counts, freeman_tukey
    >>> round(float(freeman_tukey(Counts([0], [10])).estimate[0]), 6)
    0.153139
    """
    x, n = group.arrays
    y = (np.arcsin(np.sqrt(x / (n + 1))) + np.arcsin(np.sqrt((x + 1) / (n + 1)))) / 2
    return Effect(y, 1 / (4 * n + 2), "PFT", "double arcsine of the proportion")


def back_transform_freeman_tukey(y: Array, n: Array) -> Array:
    r"""Proportion from its double arcsine, at the harmonic mean of the sizes.

    Parameters
    ----------
    y : array
        Double arcsine, with the factor one half.
    n : array (k,)
        Sizes of the studies behind ``y``; one size gives the exact inverse.

    Notes
    -----
    .. math:: p = \tfrac12 \left\{ 1 - \operatorname{sgn}(\cos t)
       \sqrt{1 - \left[\sin t + \frac{\sin t - 1/\sin t}{\tilde n}\right]^2} \right\}, \quad t = 2y

    with the harmonic mean :math:`\tilde n`. Miller (1978), The American Statistician 32, 138. Values beyond
    the double arcsine of 0 or of all n are the proportions 0 and 1.

    Examples
    --------
    >>> from synovia.effects import Counts, back_transform_freeman_tukey, freeman_tukey
    >>> y = freeman_tukey(Counts([4], [15])).estimate
    >>> round(float(back_transform_freeman_tukey(y, [15])[0]), 6)
    0.266667
    """
    sizes = np.asarray(n, float)
    size = sizes.size / np.sum(1 / sizes)
    ends = freeman_tukey(Counts(np.array([0.0, size]), np.array([size, size]))).estimate
    t = 2 * np.clip(np.asarray(y, float), ends[0], ends[1])
    inner = np.sin(t) + (np.sin(t) - 1 / np.sin(t)) / size
    return np.asarray((1 - np.sign(np.cos(t)) * np.sqrt(np.clip(1 - inner**2, 0, None))) / 2)
