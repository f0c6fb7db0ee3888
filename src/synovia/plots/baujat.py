"""The plot of Baujat: who makes the heterogeneity, and who moves the answer."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.scatter import limits_of, name_points, own_axes, read_points, set_axes
from synovia.plots.style import MARK, blank_axes, house, say_no_data

__all__ = ["baujat"]

_NO_DATA = "No data: no effect could be left out."


def baujat(rows: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Baujat plot.

    Parameters
    ----------
    rows : DataFrame
        One effect a row: ``label``, ``contribution`` to the heterogeneity and ``influence`` on the result.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Studies to the right differ from the others, those on top move the result; the five with most of both
        are named.

    Notes
    -----
    Baujat, Mahé, Pignon & Hill (2002), Statistics in Medicine 21, 2641-2652.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["A", "B"], "contribution": [0.1, 3.0], "influence": [0.2, 1.5]})
    >>> baujat(rows).texts[0].get_text()
    'B'
    """
    points = read_points(rows, "contribution", "influence")
    with house():
        if points.empty:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        ax = ax or own_axes()
        x, y = points["contribution"].to_numpy(), points["influence"].to_numpy()
        set_axes(
            ax,
            (0.0, limits_of(x, keep=[0.0])[1]),
            (0.0, limits_of(y, keep=[0.0])[1]),
            ("Contribution to heterogeneity (squared residual)", "Influence on the result"),
        )
        drawn = ax.scatter(x, y, s=30, color=MARK, edgecolor="white", lw=0.7, zorder=4, clip_on=False)
        drawn.set_label("effects")
        size = np.hypot(x / (np.abs(x).max() or 1.0), y / (np.abs(y).max() or 1.0))
        order = np.argsort(-size, kind="stable")
        name_points(ax, np.column_stack([x, y]), points["label"].tolist(), order.tolist())
    return ax
