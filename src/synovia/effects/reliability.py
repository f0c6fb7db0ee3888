"""Cronbach's alpha of a scale with several items, raw and transformed."""

from typing import Literal, TypeAlias

import numpy as np

from synovia.effects.cells import refuse
from synovia.effects.effect import Array, Effect, settle

__all__ = ["Alpha", "cronbach_alpha"]

Alpha: TypeAlias = Literal["ARAW", "AHW", "ABT"]
_SCALES = {
    "ARAW": "Cronbach's alpha",
    "AHW": "1 - (1 - alpha)^(1/3)",
    "ABT": "-ln(1 - alpha)",
}


def cronbach_alpha(alpha: Array, items: Array, n: Array, measure: Alpha = "ABT") -> Effect:
    r"""Internal consistency of a scale.

    Parameters
    ----------
    alpha : array (k,)
        Cronbach's alpha, at most 1.
    items : array (k,)
        Items m of the scale, 2 or more.
    n : array (k,)
        Participants.
    measure : {"ARAW", "AHW", "ABT"}
        Raw; Hakstian and Whalen's cube root; Bonett's logarithm, the two turned so that they rise with alpha.

    Notes
    -----
    ==== ======================= ==================================================
    ARAW alpha                   2m (1 - alpha)^2/((m - 1)(n - 2))
    AHW  1 - (1 - alpha)^(1/3)   18 m (n-1) (1 - alpha)^(2/3)/((m - 1)(9n - 11)^2)
    ABT  -ln(1 - alpha)          2m/((m - 1)(n - 2))
    ==== ======================= ==================================================

    Hakstian & Whalen (1976), Psychometrika 41, 219-231; Bonett (2002), Journal of Educational and Behavioral
    Statistics 27, 335-340, and (2010), Psychological Methods 15, 368-385.

    Examples
    --------
    >>> effect = cronbach_alpha(0.9, 10, 102)
    >>> round(float(effect.estimate), 4), round(float(effect.variance), 4)
    (2.3026, 0.0222)
    """
    a, m, n = (np.asarray(x, float) for x in (alpha, items, n))
    refuse(a > 1, a, "an alpha", "an alpha of 1 or less")
    refuse(np.broadcast_to(m < 2, np.broadcast(a, m).shape), np.broadcast_to(m, np.broadcast(a, m).shape),
           "a number of items", "2 items or more")  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        share = m / (m - 1)
        if measure == "ABT":
            return settle(-np.log(1 - a), 2 * share / (n - 2), measure, _SCALES[measure])
        if measure == "ARAW":
            return settle(a, 2 * share * (1 - a) ** 2 / (n - 2), measure, _SCALES[measure])
        v = 18 * share * (n - 1) * (1 - a) ** (2 / 3) / (9 * n - 11) ** 2
    return settle(1 - np.cbrt(1 - a), v, measure, _SCALES[measure])
