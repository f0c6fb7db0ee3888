"""One effect per study out of several that share participants."""

import numpy as np
import pandas as pd

from synovia.effects.dependence import covariance_blocks
from synovia.effects.effect import Array, Effect, settle
from synovia.errors import Fault, InputError

__all__ = ["aggregate", "delta"]


def aggregate(
    data: pd.DataFrame,
    *,
    cluster: str,
    rho: float,
    estimate: str = "estimate",
    variance: str = "variance",
    weighted: bool = True,
) -> pd.DataFrame:
    r"""The effects of each study combined into one, with one correlation between all of them.

    Parameters
    ----------
    data : DataFrame
        One row per effect, none missing.
    cluster : str
        Column of the study.
    rho : float
        Correlation of the sampling errors within a study.
    estimate, variance : str
        Columns.
    weighted : bool
        By generalised least squares, or as the plain mean.

    Returns
    -------
    DataFrame
        The cluster, estimate, variance and effects (how many), in order of first appearance.

    Notes
    -----
    .. math:: \hat y = \frac{1' V^{-1} y}{1' V^{-1} 1}, \quad v = \frac{1}{1' V^{-1} 1}; \quad
       \text{or} \quad \bar y, \; v = \frac{1' V 1}{m^2}

    Borenstein et al. (2009), Introduction to Meta-Analysis, chapter 24. Combining first discards what differs
    within a study: prefer the multilevel model where there is enough to fit it.

    Examples
    --------
    >>> import pandas as pd
    >>> effects = pd.DataFrame({"study": ["a", "a"], "estimate": [0.2, 0.4], "variance": [0.04, 0.04]})
    >>> aggregate(effects, cluster="study", rho=0.5)[["estimate", "variance"]].round(4).values.tolist()
    [[0.3, 0.03]]
    """
    y = np.asarray(data[estimate], float)
    if np.isnan(y).any():
        row = int(np.flatnonzero(np.isnan(y))[0])
        raise InputError([Fault(f"no {estimate} in row {row + 1}", "an estimate in every row")])
    numbered = data.assign(_row=np.arange(len(data)))
    blocks = covariance_blocks(numbered, cluster=cluster, variance=variance, observation="_row", rho=rho)
    rows = [_combine(y[at], block, weighted=weighted) for at, block in blocks]
    firsts = [data[cluster].iloc[at[0]] for at, _ in blocks]
    table = pd.DataFrame(rows, columns=["estimate", "variance", "effects"])
    table.insert(0, cluster, firsts)
    return table


def _combine(y: Array, block: Array, *, weighted: bool) -> tuple[float, float, int]:
    weights = np.linalg.solve(block, np.ones_like(y)) if weighted else np.ones_like(y)
    share = weights / weights.sum()
    return float(share @ y), float(share @ block @ share), y.size


def delta(effect: Effect, values: Array, slopes: Array, *, scale: str, measure: str = "GEN") -> Effect:
    r"""Effect on another scale, its variance by the delta method.

    Parameters
    ----------
    effect : Effect
        On the old scale.
    values, slopes : array (k,)
        The transformed estimates, and the derivative of the transformation at the old ones.
    scale, measure : str
        Of the new effect.

    Notes
    -----
    .. math:: v_{new} = f'(y)^2 v

    Examples
    --------
    >>> import numpy as np
    >>> log = Effect(np.array([0.0]), np.array([0.04]), "RR", "log risk ratio")
    >>> ratio = delta(log, np.exp(log.estimate), np.exp(log.estimate), scale="risk ratio")
    >>> ratio.estimate.tolist(), ratio.variance.tolist()
    ([1.0], [0.04])
    """
    return settle(values, effect.variance * np.asarray(slopes, float) ** 2, measure, scale)
