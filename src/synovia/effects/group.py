"""One group, described by its mean: raw, standardised, or on the log scale."""

import numpy as np

from synovia.effects.effect import Effect, Means, settle
from synovia.effects.small_sample import Correction, correction_factor

__all__ = ["group_mean"]


def group_mean(group: Means, measure: str = "MN", *, correct: Correction = "exact") -> Effect:
    r"""Mean of one group, with its sampling variance.

    Parameters
    ----------
    group : Means
        Arrays (k,); for MNLN means above 0.
    measure : {"MN", "SMN", "MNLN"}
        Mean; mean in units of the SD, for scales whose zero means no difference; log mean.
    correct : {"exact", "approximate", "none"}
        For SMN, the small-sample correction of Hedges with n - 1 degrees of freedom.

    Notes
    -----
    ==== ======== =================
    MN   m        s^2/n
    SMN  J m/s    1/n + y^2/(2n)
    MNLN ln m     s^2/(n m^2)
    ==== ======== =================

    Examples
    --------
    >>> from synovia.effects import Means
    >>> effect = group_mean(Means([20.0], [4.0], [16]), "MNLN")
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (2.9957, 0.0025)
    """
    mean, sd, n = group.arrays
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "MNLN":
            return settle(np.log(mean), sd**2 / (n * mean**2), measure, "log mean")
        if measure == "MN":
            return settle(mean, sd**2 / n, measure, "mean")
        y = correction_factor(n - 1, correct) * mean / sd
        return settle(y, 1 / n + y**2 / (2 * n), measure, "mean in units of the SD")
