"""The bubble plot of a meta-regression: effects against a moderator, and the line fitted through them."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.scatter import limits_of, name_points, own_axes, read_points, set_axes
from synovia.plots.style import ACCENT, BAND, MARK, MUTED, blank_axes, house, numbers_of, say_no_data

__all__ = ["bubble"]

_NO_DATA = "No data: no effect has a value of the moderator."


def bubble(
    rows: pd.DataFrame,
    line: pd.DataFrame,
    *,
    moderator: str = "Moderator",
    scale_label: str = "Effect",
    log: bool = False,
    null: float = 0.0,
    ax: Axes | None = None,
) -> Axes:
    """Bubble plot.

    Parameters
    ----------
    rows : DataFrame
        One effect a row: ``label``, ``value`` (of the moderator), ``estimate``, ``weight`` (percent).
    line : DataFrame
        The fitted line: ``value``, ``estimate``, ``lower``, ``upper``, and where known ``prediction_lower``,
        ``prediction_upper``.
    moderator, scale_label : str
        What the axes show, in words.
    log : bool
        Whether effects are logs of ratios; the axis is then labelled in ratios.
    null : float
        The value of no effect; NaN for none.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Bubbles have areas in proportion to the weights; the darker band is the confidence interval of the
        mean, the dotted lines hold where a new study would lie. The effects farthest from the line are named.

    Notes
    -----
    Thompson & Higgins (2002), Statistics in Medicine 21, 1559-1573.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["A", "B"], "value": [1, 2], "estimate": [0, 0.4], "weight": [4, 6]})
    >>> line = pd.DataFrame({"value": [1, 2], "estimate": [0.1, 0.4], "lower": [0, 0.2], "upper": [0.2, 0.6]})
    >>> bubble(rows, line, moderator="Dose").get_xlabel()
    'Dose'
    """
    points = read_points(rows, "value", "estimate")
    with house():
        if points.empty:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        ax = ax or own_axes()
        fitted = {name: np.array(numbers_of(line, name)) for name in ("value", "estimate", "lower", "upper")}
        spread = [np.array(numbers_of(line, name)) for name in ("prediction_lower", "prediction_upper")]
        seen = [fitted["lower"], fitted["upper"], np.array([null])]
        across = limits_of(points["value"], keep=fitted["value"])
        set_axes(
            ax,
            across,
            limits_of(points["estimate"], keep=np.concatenate(seen)),
            (moderator, scale_label),
            logs=(False, log),
        )
        ax.axhline(null, color=MUTED, lw=0.8, zorder=1)
        ax.fill_between(fitted["value"], fitted["lower"], fitted["upper"], color=BAND, lw=0, zorder=0)
        for limit in spread:
            ax.plot(fitted["value"], limit, color=ACCENT, lw=0.8, ls=(0, (1, 2)), zorder=2)
        ax.plot(fitted["value"], fitted["estimate"], color=ACCENT, lw=1.3, zorder=2)
        _draw_bubbles(ax, points, _weights(rows, points))
        mean = np.interp(points["value"], fitted["value"], fitted["estimate"]) if len(line) else 0.0
        order = np.argsort(-np.abs(points["estimate"].to_numpy() - mean), kind="stable")
        name_points(ax, points[["value", "estimate"]].to_numpy(), points["label"].tolist(), order.tolist(), 3)
    return ax


def _weights(rows: pd.DataFrame, points: pd.DataFrame) -> np.ndarray:
    """Weights of the points drawn; equal where the frame has none."""
    known = read_points(rows, "value", "estimate", "weight")
    if len(known) != len(points):
        return np.ones(len(points))
    return np.asarray(np.maximum(known["weight"].to_numpy(), 0.0))


def _draw_bubbles(ax: Axes, points: pd.DataFrame, weights: np.ndarray) -> None:
    heaviest = weights.max() if weights.size and weights.max() > 0 else 1.0
    drawn = ax.scatter(
        points["value"],
        points["estimate"],
        s=np.maximum(14.0, 260.0 * weights / heaviest),
        color=MARK,
        alpha=0.55,
        edgecolor="white",
        lw=0.7,
        zorder=4,
    )
    drawn.set_label("effects")
