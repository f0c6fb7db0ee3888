"""Events over person-time: the rate of one group, and the comparison of two."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from synovia.effects.cells import ZeroCells, add_to_cells, refuse_counts
from synovia.effects.effect import Array, Effect, Rates, settle

__all__ = ["Incidence", "IncidenceContrast", "compare_rates", "rate"]

Incidence: TypeAlias = Literal["IR", "IRLN", "IRS", "IRFT"]
IncidenceContrast: TypeAlias = Literal["IRR", "IRD", "IRSD"]


def rate(
    group: Rates, measure: Incidence = "IRLN", *, add: float | None = None, to: ZeroCells = "only0"
) -> Effect:
    r"""Incidence rate of one group; with expected events in place of time, a standardised ratio.

    Parameters
    ----------
    group : Rates
        Arrays (k,).
    measure : {"IR", "IRLN", "IRS", "IRFT"}
        Raw, log, square root, Freeman and Tukey's.
    add : float, optional
        Added to the events where ``to`` says; 0.5 by default, and 0 for IRS and IRFT.
    to : {"only0", "all", "if0all", "none"}
        As in :func:`two_by_two`.

    Notes
    -----
    ==== ============================== ========
    IR   x/t                            x/t^2
    IRLN ln(x/t)                        1/x
    IRS  sqrt(x/t)                      1/(4t)
    IRFT (sqrt(x/t) + sqrt((x+1)/t))/2  1/(4t)
    ==== ============================== ========

    Rothman, Greenland & Lash (2008), Modern Epidemiology, 3rd ed.; Freeman & Tukey (1950).

    Examples
    --------
    >>> from synovia.effects import Rates, rate
    >>> effect = rate(Rates([9], [100.0]), "IRS")
    >>> round(float(effect.estimate[0]), 4), float(effect.variance[0])
    (0.3, 0.0025)
    """
    scale, formula, amount = _ONE[measure]
    x, t = group.arrays
    events = np.atleast_2d(x)
    refuse_counts(events, "0 events or more")
    x = add_to_cells(events, amount if add is None else add, to)[0].reshape(x.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        y, v = formula(x, t)
    return settle(y, v, measure, scale)


_ONE: dict[str, tuple[str, Callable[[Array, Array], tuple[Array, Array]], float]] = {
    "IR": ("incidence rate", lambda x, t: (x / t, x / t**2), 0.5),
    "IRLN": ("log incidence rate", lambda x, t: (np.log(x / t), 1 / x), 0.5),
    "IRS": ("square root of the incidence rate", lambda x, t: (np.sqrt(x / t), 1 / (4 * t)), 0.0),
    "IRFT": (
        "Freeman-Tukey incidence rate",
        lambda x, t: ((np.sqrt(x / t) + np.sqrt((x + 1) / t)) / 2, 1 / (4 * t)),
        0.0,
    ),
}


def compare_rates(
    treatment: Rates,
    comparator: Rates,
    measure: IncidenceContrast = "IRR",
    *,
    add: float | None = None,
    to: ZeroCells = "only0",
    drop00: bool = False,
) -> Effect:
    r"""Incidence rate of the treatment against that of the comparator.

    Parameters
    ----------
    treatment, comparator : Rates
        Arrays (k,), time in one unit.
    measure : {"IRR", "IRD", "IRSD"}
        Log rate ratio, rate difference, difference of square roots.
    add : float, optional
        Added to the events of both groups where ``to`` says; 0.5 by default, and 0 for IRSD.
    to : {"only0", "all", "if0all", "none"}
        As in :func:`two_by_two`; here a zero cell is a group without events.
    drop00 : bool
        Set studies without any event to NaN.

    Notes
    -----
    ==== ============================ =======================
    IRR  ln(x1/t1) - ln(x2/t2)        1/x1 + 1/x2
    IRD  x1/t1 - x2/t2                x1/t1^2 + x2/t2^2
    IRSD sqrt(x1/t1) - sqrt(x2/t2)    1/(4 t1) + 1/(4 t2)
    ==== ============================ =======================

    Bagos & Nikolopoulos (2009), International Journal of Biostatistics 5, 21.

    Examples
    --------
    >>> from synovia.effects import Rates, compare_rates
    >>> effect = compare_rates(Rates([8], [100.0]), Rates([4], [100.0]))
    >>> round(float(effect.estimate[0]), 4), float(effect.variance[0])
    (0.6931, 0.375)
    """
    scale, form, amount = _TWO[measure]
    (x1, t1), (x2, t2) = treatment.arrays, comparator.arrays
    events = np.stack(np.broadcast_arrays(x1, x2))
    refuse_counts(events, "0 events or more")
    if drop00:
        events = np.where(events.sum(axis=0) == 0, np.nan, events)
    x1, x2 = add_to_cells(events, amount if add is None else add, to)
    with np.errstate(divide="ignore", invalid="ignore"):
        (y1, v1), (y2, v2) = _ONE[form][1](x1, t1), _ONE[form][1](x2, t2)
    return settle(y1 - y2, v1 + v2, measure, scale)


_TWO: dict[str, tuple[str, str, float]] = {
    "IRR": ("log incidence rate ratio", "IRLN", 0.5),
    "IRD": ("incidence rate difference", "IR", 0.5),
    "IRSD": ("difference of square root incidence rates", "IRS", 0.0),
}
