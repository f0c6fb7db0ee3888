"""Posterior densities with their priors, and how studies shrink towards the mean."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.style import (
    ACCENT,
    BAND,
    HAIR,
    INK,
    MARK,
    MUTED,
    blank_axes,
    dress_axes,
    house,
    numbers_of,
    plain,
    say_no_data,
    texts_of,
)

__all__ = ["posterior", "shrinkage"]

WIDTH, HEIGHT, ROW = 230.0, 175.0, 17.0


def posterior(
    densities: pd.DataFrame,
    *,
    intervals: pd.DataFrame | None = None,
    level: float = 0.95,
    scale_label: str = "Effect",
    ax: Axes | None = None,
) -> Axes:
    """One panel for each parameter: the density, its credible interval and the prior.

    Parameters
    ----------
    densities : DataFrame
        term, x, density, prior (NaN where there is none), as ``Posterior.density`` gives them.
    intervals : DataFrame, optional
        term, lower, upper: shaded.
    level : float
        What the intervals hold.
    scale_label : str
        What the axes of the coefficients show.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        With one child for each parameter.

    Examples
    --------
    >>> frame = pd.DataFrame({"term": "mean", "x": [0.0, 1.0, 2.0], "density": [0.1, 0.8, 0.1]})
    >>> len(posterior(frame).child_axes)
    1
    """
    names = list(dict.fromkeys(texts_of(densities, "term"))) if len(densities) else []
    with house():
        columns = min(3, max(1, len(names)))
        rows = max(1, math.ceil(len(names) / columns))
        own = blank_axes(WIDTH * columns, HEIGHT * rows) if ax is None else ax
        if not names:
            return say_no_data(own, "There is no posterior to draw.")
        own.set_axis_off()
        for number, name in enumerate(names):
            across, down = number % columns, number // columns
            box = (
                (across + 0.1) / columns,
                1 - (down + 0.8) / rows,
                0.82 / columns,
                0.62 / rows,
            )
            panel = own.inset_axes(box)
            some = densities.loc[[text == name for text in texts_of(densities, "term")]]
            _draw_panel(panel, some, _find_interval(intervals, name), level)
            label = f"{plain(name)} (standard deviation)" if name.startswith("tau") else scale_label
            panel.set_xlabel(plain(label), fontsize=8.0)
            panel.set_title(plain(name), loc="left", fontsize=9.0, color=INK, fontweight="bold")
        return own


def _find_interval(intervals: pd.DataFrame | None, name: str) -> tuple[float, float] | None:
    if intervals is None:
        return None
    for term, lower, upper in zip(
        texts_of(intervals, "term"),
        numbers_of(intervals, "lower"),
        numbers_of(intervals, "upper"),
        strict=True,
    ):
        if term == name:
            return lower, upper
    return None


def _draw_panel(panel: Axes, some: pd.DataFrame, interval: tuple[float, float] | None, level: float) -> None:
    x, y = np.array(numbers_of(some, "x")), np.array(numbers_of(some, "density"))
    prior = np.array(numbers_of(some, "prior"))
    seen = x[np.isfinite(x)]
    if interval is not None:
        inside = (x >= interval[0]) & (x <= interval[1])
        panel.fill_between(x[inside], y[inside], color=BAND, linewidth=0, label=f"{100 * level:g} % interval")
    panel.plot(x, y, color=ACCENT, linewidth=1.4, label="posterior")
    if np.isfinite(prior).any():
        panel.plot(x, prior, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), label="prior")
    if seen.size and seen.min() < 0 < seen.max():
        panel.axvline(0.0, color=HAIR, linewidth=0.9, zorder=0)
    highest = float(np.max(y[np.isfinite(y)], initial=0.0))
    panel.set_ylim(0, 1.3 * highest if highest > 0 else 1.0)
    if seen.size and np.ptp(seen) > 0:
        panel.set_xlim(float(seen.min()), float(seen.max()))
    dress_axes(panel, ("bottom",))
    panel.set_yticks([])
    panel.legend(loc="upper right", fontsize=6.5, handlelength=1.4, borderaxespad=0.1)


def shrinkage(
    rows: pd.DataFrame, *, mean: float | None = None, scale_label: str = "Effect", ax: Axes | None = None
) -> Axes:
    """Each study's own estimate and what it becomes given the others, one pair of lines for each.

    Parameters
    ----------
    rows : DataFrame
        label, estimate, lower, upper, observed, observed_error, as ``Posterior.shrinkage`` gives them.
    mean : float, optional
        The pooled mean, drawn as a line.
    scale_label : str
        What the axis shows.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["A"], "estimate": [0.2], "lower": [0.0], "upper": [0.4],
    ...                      "observed": [0.3], "observed_error": [0.2]})
    >>> [text.get_text() for text in shrinkage(rows).get_yticklabels()]
    ['A']
    """
    labels = texts_of(rows, "label")
    with house():
        own = blank_axes(430.0, 62.0 + ROW * max(3, len(labels))) if ax is None else ax
        if not labels:
            return say_no_data(own, "There are no studies to draw.")
        if ax is None:
            height = 62.0 + ROW * max(3, len(labels))
            own.set_position((0.3, 40.0 / height, 0.66, 1 - 62.0 / height))
        places = np.arange(len(labels), dtype=float)[::-1]
        observed, error = np.array(numbers_of(rows, "observed")), np.array(numbers_of(rows, "observed_error"))
        lower, upper = np.array(numbers_of(rows, "lower")), np.array(numbers_of(rows, "upper"))
        half = 1.959964 * error
        own.hlines(places + 0.16, observed - half, observed + half, color=MUTED, linewidth=0.9)
        own.plot(observed, places + 0.16, "o", color=MUTED, markersize=3.2, label="own estimate, 95 %")
        own.hlines(places - 0.16, lower, upper, color=MARK, linewidth=1.6)
        own.plot(
            numbers_of(rows, "estimate"), places - 0.16, "s", color=ACCENT, markersize=4.0,
            label="given all studies",
        )  # fmt: skip
        if mean is not None:
            own.axvline(mean, color=ACCENT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        dress_axes(own, ("bottom",))
        own.set_yticks(places, [plain(label) for label in labels])
        own.tick_params(axis="y", length=0)
        own.set_ylim(-0.7, len(labels) - 0.3)
        own.set_xlabel(plain(scale_label))
        own.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, fontsize=7.5, borderaxespad=0.2)
        return own
