"""Residuals against fitted values, between the lines that most of them should respect."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.scatter import limits_of, name_points, own_axes, read_points, set_axes
from synovia.plots.style import ACCENT, MARK, MUTED, blank_axes, house, say_no_data

__all__ = ["residuals"]

_NO_DATA = "No data: no effect has a residual."
_NORMAL = 1.959964  # qnorm(0.975)


def residuals(rows: pd.DataFrame, *, kind: str = "standardised", ax: Axes | None = None) -> Axes:
    """Residual plot.

    Parameters
    ----------
    rows : DataFrame
        One effect a row: ``label``, ``fitted`` and ``z``, its residual over the standard error.
    kind : str
        Which residuals, for the label of the axis.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Where all fitted values are equal the residuals stand in the order of the rows. 95 % of residuals
        would lie between the dashed lines if the model held; those outside are named, the farthest five.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["A", "B"], "fitted": [0.1, 0.2], "z": [0.4, -2.5]})
    >>> residuals(rows).texts[0].get_text()
    'B'
    """
    points = read_points(rows, "fitted", "z")
    with house():
        if points.empty:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        ax = ax or own_axes()
        z = points["z"].to_numpy()
        fitted = points["fitted"].to_numpy()
        flat = bool(np.ptp(fitted) <= 1e-9 * max(1e-300, float(np.abs(fitted).max())))
        x = np.arange(1.0, z.size + 1) if flat else fitted
        set_axes(
            ax,
            limits_of(x),
            limits_of(z, keep=[-2.5, 2.5]),
            ("Row" if flat else "Fitted value", f"{kind.capitalize()} residual"),
        )
        if flat:
            places = x[:: -(-x.size // 12)]
            ax.set_xticks(places, labels=[f"{place:.0f}" for place in places])
        ax.axhline(0.0, color=MUTED, lw=0.8, zorder=1)
        for limit in (-_NORMAL, _NORMAL):
            ax.axhline(limit, color=ACCENT, lw=0.9, ls=(0, (4, 3)), zorder=1)
        ax.scatter(x, z, s=30, color=MARK, edgecolor="white", lw=0.7, zorder=4).set_label("residuals")
        outside = np.flatnonzero(np.abs(z) > _NORMAL)
        order = outside[np.argsort(-np.abs(z[outside]), kind="stable")]
        name_points(ax, np.column_stack([x, z]), points["label"].tolist(), order.tolist())
    return ax
