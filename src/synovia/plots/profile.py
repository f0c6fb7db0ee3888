"""The profile of a likelihood: how well the data know a variance."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.scatter import limits_of, own_axes, read_points, set_axes
from synovia.plots.style import ACCENT, MARK, MUTED, blank_axes, house, say_no_data

__all__ = ["profile"]

_NO_DATA = "No data: the likelihood could not be evaluated at any value."
_DEEPEST = 12.0  # log-likelihoods further below the peak are as good as impossible


def profile(
    rows: pd.DataFrame,
    *,
    parameter: str = "tau2",
    estimate: float = float("nan"),
    highest: float = float("nan"),
    drop: float = 1.920729,
    ax: Axes | None = None,
) -> Axes:
    """Profile of a log-likelihood.

    Parameters
    ----------
    rows : DataFrame
        ``value`` of the parameter and ``log_lik``.
    parameter : str
        Its name.
    estimate, highest : float
        Where the peak is, and how high.
    drop : float
        How far below the peak the limits of the likelihood interval lie: half the 95 % quantile of
        chi-squared on one degree of freedom unless told.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Values whose curve stands above the dashed line make up the interval.

    Examples
    --------
    >>> rows = pd.DataFrame({"value": [0.0, 0.1, 0.2], "log_lik": [-3.0, -1.0, -2.0]})
    >>> profile(rows, estimate=0.1, highest=-1.0).get_xlabel()
    'tau2'
    """
    label = pd.Series([""] * len(rows), index=rows.index)
    points = read_points(rows.assign(label=label), "value", "log_lik").sort_values("value", kind="stable")
    with house():
        if points.empty:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        ax = ax or own_axes()
        x, y = points["value"].to_numpy(), points["log_lik"].to_numpy()
        top = highest if np.isfinite(highest) else float(y.max())
        seen = np.maximum(y, top - _DEEPEST)
        set_axes(
            ax,
            limits_of(x, keep=[estimate]),
            limits_of(seen, keep=[top, top - drop]),
            (parameter, "Log-likelihood"),
        )
        ax.axhline(top - drop, color=ACCENT, lw=0.9, ls=(0, (4, 3)), zorder=1)
        ax.plot(x, y, color=MARK, lw=1.3, marker="o", ms=3, mew=0, zorder=3)
        if np.isfinite(estimate):
            ax.axvline(estimate, color=MUTED, lw=0.8, zorder=1)
            ax.plot([estimate], [top], "o", color=ACCENT, ms=5.5, mew=0, zorder=4)
    return ax
