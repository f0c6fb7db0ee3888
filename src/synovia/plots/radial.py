"""The radial plot of Galbraith: precise studies far to the right, each as many standard deviations from 0."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.scatter import FAR, limits_of, name_points, own_axes, read_points, set_axes
from synovia.plots.style import ACCENT, BAND, MARK, MUTED, blank_axes, house, say_no_data

__all__ = ["radial"]

_NO_DATA = "No data: no effect has a precision."
_NORMAL = 1.959964  # qnorm(0.975)


def radial(
    rows: pd.DataFrame,
    *,
    slope: float,
    lower: float = float("nan"),
    upper: float = float("nan"),
    ax: Axes | None = None,
) -> Axes:
    """Radial plot.

    Parameters
    ----------
    rows : DataFrame
        One effect a row: ``label``, ``precision`` (1 / standard deviation) and ``z`` (estimate times it).
    slope, lower, upper : float
        The pooled estimate and its interval, slopes of lines through the origin.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        The line is the pooled estimate with its interval; the dashed lines, two standard deviations to
        either side, hold 95 % of the effects if the model holds. Those outside are named, the farthest five.

    Notes
    -----
    Galbraith (1988), Statistics in Medicine 7, 889-894.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["A", "B"], "precision": [1.0, 3.0], "z": [0.5, 2.0]})
    >>> radial(rows, slope=0.6).get_xlabel()
    'Precision (1 / standard deviation)'
    """
    points = read_points(rows, "precision", "z")
    points = points.loc[points["precision"] > 1 / FAR].reset_index(drop=True)
    with house():
        if points.empty:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        ax = ax or own_axes()
        reach = 1.08 * float(points["precision"].max())
        centre = slope if np.isfinite(slope) else 0.0
        band = [centre * reach - _NORMAL, centre * reach + _NORMAL, -2.5, 2.5]
        labels = ("Precision (1 / standard deviation)", "Effect in standard deviations")
        set_axes(ax, (0.0, reach), limits_of(points["z"], keep=band), labels)
        ax.axhline(0.0, color=MUTED, lw=0.8, zorder=1)
        _draw_lines(ax, centre, (lower, upper), reach)
        x, z = points["precision"].to_numpy(), points["z"].to_numpy()
        ax.scatter(x, z, s=30, color=MARK, edgecolor="white", lw=0.7, zorder=4).set_label("effects")
        far = np.abs(z - centre * x)
        outside = np.flatnonzero(far > _NORMAL)
        order = outside[np.argsort(-far[outside], kind="stable")]
        name_points(ax, np.column_stack([x, z]), points["label"].tolist(), order.tolist())
    return ax


def _draw_lines(ax: Axes, slope: float, limits: tuple[float, float], reach: float) -> None:
    if np.isfinite(limits).all():
        ax.fill_between(
            [0.0, reach], [0.0, limits[0] * reach], [0.0, limits[1] * reach], color=BAND, lw=0, zorder=0
        )
    ax.plot([0.0, reach], [0.0, slope * reach], color=ACCENT, lw=1.2, zorder=2)
    for shift in (-_NORMAL, _NORMAL):
        ax.plot(
            [0.0, reach],
            [shift, slope * reach + shift],
            color=ACCENT,
            lw=0.9,
            ls=(0, (4, 3)),
            zorder=2,
        )
