"""Two comparisons that share one control are not independent: by how much."""

from typing import Literal

import numpy as np

from synovia.effects.effect import Array
from synovia.errors import Fault, ProtocolError

__all__ = ["Shared", "between", "mean_share", "risk_share", "split_n"]

Shared = Literal["covariance", "split"]


def mean_share(measure: str, mean: float, sd: float, n: float) -> float:
    r"""Part of the variance that comes from the shared control, for MD and ROM.

    Parameters
    ----------
    measure : {"MD", "ROM"}
        Effect measure.
    mean, sd, n : float
        Of the shared control.

    Notes
    -----
    MD :math:`s^2/n`; ROM :math:`s^2/(n m^2)`.

    Examples
    --------
    >>> from synovia.effects import mean_share
    >>> mean_share("MD", 46.0, 20.0, 50)
    8.0
    """
    return sd**2 / n if measure == "MD" else sd**2 / (n * mean**2)


def risk_share(measure: str, events: float, n: float) -> float:
    r"""Part of the variance that comes from the shared control, for counts.

    Parameters
    ----------
    measure : {"OR", "RR", "RD"}
        Effect measure.
    events, n : float
        Of the shared control, after any addition to its cells.

    Notes
    -----
    With c events among n: OR :math:`1/c + 1/(n - c)`; RR :math:`1/c - 1/n`; RD :math:`c (n - c)/n^3`.

    Examples
    --------
    >>> from synovia.effects import risk_share
    >>> risk_share("RR", 10, 50)
    0.08
    """
    if measure == "OR":
        return 1 / events + 1 / (n - events)
    return 1 / events - 1 / n if measure == "RR" else events * (n - events) / n**3


def between(variance: Array, share: float, g: Array | None = None, total: float = np.nan) -> Array:
    r"""Covariance matrix of the k comparisons of one study with one control.

    Parameters
    ----------
    variance : array (k,)
        Sampling variances.
    share : float
        Variance that the control adds to each; for a standardised mean difference 1/n of the control.
    g : array (k,), optional
        Standardised mean differences, and
    total : float
        all participants of the study, for the second term of their covariance.

    Notes
    -----
    .. math:: Cov(y_i, y_j) = share \quad \text{or} \quad 1/n_C + g_i g_j/(2N)

    Gleser & Olkin (2009), in Cooper, Hedges & Valentine, The Handbook of Research Synthesis, 2nd ed.,
    chapter 19.

    Examples
    --------
    >>> import numpy as np
    >>> from synovia.effects import between
    >>> between(np.array([0.05, 0.06]), 0.02).tolist()
    [[0.05, 0.02], [0.02, 0.06]]
    """
    matrix = np.full((variance.size, variance.size), share)
    if g is not None:
        matrix = matrix + np.outer(g, g) / (2 * total)
    np.fill_diagonal(matrix, variance)
    return matrix


def split_n(n: float, comparisons: int) -> float:
    """Participants of a shared control for each of its comparisons; the covariance is then left at 0.

    Raises
    ------
    ProtocolError
        When fewer than two participants would be left for a comparison.

    Examples
    --------
    >>> from synovia.effects import split_n
    >>> split_n(30, 2)
    15.0
    """
    if n / comparisons < 2:
        found = f"{n:g} control participants for {comparisons} comparisons"
        raise ProtocolError([Fault(found, "at least 2 for each", advice='Use shared = "covariance".')])
    return n / comparisons
