"""Standardised residuals against normal quantiles, with the envelope in which the model would keep them."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.scatter import limits_of, name_points, own_axes, read_points, set_axes
from synovia.plots.style import ACCENT, BAND, MARK, blank_axes, house, numbers_of, say_no_data

__all__ = ["qq"]

_NO_DATA = "No data: no effect has a residual."


def qq(rows: pd.DataFrame, *, level: float = 0.95, ax: Axes | None = None) -> Axes:
    """Plot of normal quantiles.

    Parameters
    ----------
    rows : DataFrame
        One residual a row, in rising order: ``label``, ``theoretical``, ``z``, and where known ``lower`` and
        ``upper`` of the envelope.
    level : float
        Level of the envelope at every rank.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Residuals that leave the envelope are named, the farthest five.

    Notes
    -----
    Wang & Bushman (1998), Psychological Methods 3, 46-54.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["A", "B"], "theoretical": [-0.6, 0.6], "z": [-0.5, 0.9]})
    >>> qq(rows).get_xlabel()
    'Normal quantile'
    """
    points = read_points(rows, "theoretical", "z")
    with house():
        if points.empty:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        ax = ax or own_axes()
        x, z = points["theoretical"].to_numpy(), points["z"].to_numpy()
        place, low, high = (np.array(numbers_of(rows, name)) for name in ("theoretical", "lower", "upper"))
        label = "Standardised residual"
        set_axes(ax, limits_of(x), limits_of(z, keep=[*low, *high]), ("Normal quantile", label))
        ax.fill_between(place, low, high, color=BAND, lw=0, zorder=0)
        ends = np.array(ax.get_xlim())
        ax.plot(ends, ends, color=ACCENT, lw=0.9, ls=(0, (4, 3)), zorder=1, scalex=False, scaley=False)
        ax.scatter(x, z, s=30, color=MARK, edgecolor="white", lw=0.7, zorder=4).set_label("residuals")
        ax.set_title(f"Band: {100 * level:g}% at each rank by simulation", fontsize=7.5, loc="left")
        if len(place) == len(x):
            beyond = np.fmax(low - z, z - high)
            order = [int(row) for row in np.argsort(-beyond, kind="stable") if beyond[row] > 0]
            name_points(ax, np.column_stack([x, z]), points["label"].tolist(), order)
    return ax
