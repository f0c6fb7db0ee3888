"""The dose-response curve: the average over studies, its interval, and the contrasts it was drawn through."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.scatter import FAR, limits_of, own_axes, read_points, set_axes
from synovia.plots.style import ACCENT, BAND, MARK, MUTED, blank_axes, house, numbers_of, say_no_data

__all__ = ["dose_curve"]

_NO_DATA = "No data: no study compares two doses."
_SMALL, _LARGE = 12.0, 150.0


def dose_curve(
    points: pd.DataFrame,
    line: pd.DataFrame,
    *,
    dose: str = "Dose",
    scale_label: str = "Effect against the lowest dose",
    log: bool = False,
    keep: Sequence[float] = (),
    ax: Axes | None = None,
) -> Axes:
    """Dose-response curve.

    Parameters
    ----------
    points : DataFrame
        One contrast a row: ``label`` (of the study), ``dose``, ``estimate``, ``lower``, ``upper`` and
        ``weight``, each already moved to where the curve puts the study's own reference.
    line : DataFrame
        The curve: ``dose``, ``estimate``, ``lower``, ``upper``, and where known ``prediction_lower``,
        ``prediction_upper``.
    dose, scale_label : str
        What the axes show, in words.
    log : bool
        Whether effects are logs of ratios; the axis is then labelled in ratios.
    keep : sequence of float
        Effects that the axis has room for besides those shown.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        The band is the interval of the average curve, the dotted lines hold where the curve of a new study
        would lie. Areas of the points are in proportion to their weights; doses of one study are joined.

    Examples
    --------
    >>> points = pd.DataFrame({"label": ["A", "A"], "dose": [1, 2], "estimate": [0.1, 0.4]})
    >>> line = pd.DataFrame({"dose": [0, 2], "estimate": [0, 0.4], "lower": [0, 0.2], "upper": [0, 0.6]})
    >>> dose_curve(points, line, dose="Particles").get_xlabel()
    'Particles'
    """
    seen = read_points(points, "dose", "estimate")
    with house():
        if seen.empty:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        ax = ax or own_axes()
        names = ("dose", "estimate", "lower", "upper", "prediction_lower", "prediction_upper")
        curve = {name: np.clip(np.array(numbers_of(line, name)), -FAR, FAR) for name in names}
        shown = np.concatenate([curve["lower"], curve["upper"], [0.0], np.asarray(keep, dtype=float)])
        set_axes(
            ax,
            limits_of(seen["dose"], keep=curve["dose"]),
            limits_of(seen["estimate"], keep=shown),
            (dose, scale_label),
            logs=(False, log),
        )
        ax.axhline(0.0, color=MUTED, lw=0.8, zorder=1)
        ax.fill_between(curve["dose"], curve["lower"], curve["upper"], color=BAND, lw=0, zorder=0)
        for name in names[4:]:
            ax.plot(curve["dose"], curve[name], color=ACCENT, lw=0.8, ls=(0, (1, 2)), zorder=2)
        ax.plot(curve["dose"], curve["estimate"], color=ACCENT, lw=1.5, zorder=3)
        _draw_points(ax, points, seen)
    return ax


def _draw_points(ax: Axes, points: pd.DataFrame, seen: pd.DataFrame) -> None:
    """Contrasts with their intervals; those of one study joined by a hairline."""
    for _, study in seen.groupby("label", sort=False):
        ordered = study.sort_values("dose", kind="stable")
        ax.plot(ordered["dose"], ordered["estimate"], color=MARK, lw=0.6, alpha=0.35, zorder=2)
    limits = read_points(points, "dose", "lower", "upper")
    ax.vlines(limits["dose"], limits["lower"], limits["upper"], colors=MARK, lw=0.6, alpha=0.45, zorder=2)
    weighted = read_points(points, "dose", "estimate", "weight")
    known = len(weighted) == len(seen) and weighted["weight"].max() > 0
    share = weighted["weight"].clip(lower=0) / weighted["weight"].max() if known else np.ones(len(seen))
    ax.scatter(
        seen["dose"],
        seen["estimate"],
        s=np.maximum(_SMALL, _LARGE * np.asarray(share)),
        color=MARK,
        alpha=0.6,
        edgecolor="white",
        lw=0.7,
        zorder=4,
    ).set_label("contrasts")
