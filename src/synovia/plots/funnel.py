"""The contour-enhanced funnel plot: precision against effect, regions of significance about the null."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from synovia.plots.scales import robust_limits, ticks_for
from synovia.plots.style import (
    ACCENT,
    HAIR,
    INK,
    MARK,
    MUTED,
    blank_axes,
    box_in_points,
    dress_axes,
    house,
    numbers_of,
    plain,
    say_no_data,
    text_width,
    texts_of,
    wrap,
)

__all__ = ["funnel"]

_SHADES = ("#ffffff", "#c9d4df", "#dde4eb", "#eef2f5", "#f6f8fa")
_LABELS_MOST, _FAR = 5, 1e12
_NO_DATA = "No data: no study has an effect with its standard error."


def funnel(
    rows: pd.DataFrame,
    *,
    centre: float,
    null: float = 0.0,
    contours: Sequence[float] = (0.90, 0.95, 0.99),
    scale_label: str = "Effect",
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Contour-enhanced funnel plot.

    Parameters
    ----------
    rows : DataFrame
        One effect a row: ``label``, ``estimate`` and ``std_error``, both on the scale of the effect; rows
        without a positive standard error are left out.
    centre : float
        The pooled estimate; the dashed lines hold 95 % of the studies about it were there no heterogeneity.
    null : float
        The value of no effect, about which the regions of significance lie.
    contours : sequence of float
        Confidence levels of those regions, rising.
    scale_label : str
        What the horizontal axis shows, in words.
    log : bool
        Whether the values are logs of ratios; the axis is then labelled in ratios.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        x is the effect, y the standard error, the most precise on top. Only studies outside the dashed lines
        are named, the farthest five. An empty ``rows`` gives axes with a sentence.

    Notes
    -----
    Peters, Sutton, Jones, Abrams & Rushton (2008), Journal of Clinical Epidemiology 61, 991-996.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["A", "B"], "estimate": [-4.0, -8.0], "std_error": [1.0, 3.0]})
    >>> ax = funnel(rows, centre=-4.4)
    >>> bool(ax.get_ylim()[0] > ax.get_ylim()[1])
    True
    """
    points = _points(rows)
    with house():
        if points.empty:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        ax = ax or _own_axes()
        deepest = 1.06 * float(points["std_error"].max())
        limits = _limits(points, centre, null, deepest, log)
        _draw_contours(ax, null, tuple(contours), limits, deepest)
        _draw_cone(ax, centre, deepest)
        _draw_points(ax, points, limits)
        _draw_axes(ax, limits, deepest, scale_label, log)
        _name_outliers(ax, points, centre, limits)
        _draw_key(ax, tuple(contours))
    return ax


def _points(rows: pd.DataFrame) -> pd.DataFrame:
    """Effects with a finite estimate and a positive standard error."""
    data = pd.DataFrame(
        {
            "label": texts_of(rows, "label"),
            "estimate": numbers_of(rows, "estimate"),
            "std_error": numbers_of(rows, "std_error"),
        }
    )
    known = np.isfinite(data["estimate"]) & np.isfinite(data["std_error"]) & (data["std_error"] > 0)
    points: pd.DataFrame = data.loc[known].reset_index(drop=True)
    points["estimate"] = points["estimate"].clip(-_FAR, _FAR)
    points["std_error"] = points["std_error"].clip(1 / _FAR, _FAR)
    return points


def _own_axes() -> Axes:
    ax = blank_axes(430, 360)
    ax.set_position((0.13, 0.235, 0.83, 0.735))
    return ax


def _quantile(level: float) -> float:
    """Standard normal quantile that leaves half of ``1 - level`` above it."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def _limits(
    points: pd.DataFrame, centre: float, null: float, deepest: float, log: bool
) -> tuple[float, float]:
    """Limits that show the whole cone, the null, and the body of the studies."""
    reach = _quantile(0.95) * deepest
    wild = points["std_error"].max() > 20 * points["std_error"].median()
    cone = [] if wild else [centre - reach, centre + reach]
    return robust_limits(points["estimate"], [], keep=[null, centre, *cone], log=log)


def _draw_contours(
    ax: Axes, null: float, levels: tuple[float, ...], limits: tuple[float, float], deepest: float
) -> None:
    """Regions of significance about the null, the outermost first."""
    ax.set_facecolor(_shade(len(levels)))
    for place, level in reversed(list(enumerate(levels))):
        reach = _quantile(level) * deepest
        ax.fill_betweenx(
            [0.0, deepest], [null, null - reach], [null, null + reach], color=_shade(place), lw=0, zorder=0
        )
    ax.axvline(null, color=MUTED, lw=0.8, zorder=1)
    ax.set_xlim(limits)


def _shade(place: int) -> str:
    return _SHADES[min(place, len(_SHADES) - 1)]


def _draw_cone(ax: Axes, centre: float, deepest: float) -> None:
    """The pooled estimate and the lines that hold 95 % of the studies about it."""
    if not np.isfinite(centre):
        return
    reach = _quantile(0.95) * deepest
    ax.plot(
        [centre - reach, centre, centre + reach],
        [deepest, 0.0, deepest],
        color=ACCENT,
        lw=0.9,
        ls=(0, (4, 3)),
    )
    ax.plot([centre, centre], [0.0, deepest], color=ACCENT, lw=1.1)


def _draw_points(ax: Axes, points: pd.DataFrame, limits: tuple[float, float]) -> None:
    """The studies; an arrowhead at the edge stands for one beyond it."""
    drawn = ax.scatter(
        points["estimate"], points["std_error"], s=30, color=MARK, edgecolor="white", lw=0.7, zorder=4
    )
    drawn.set_label("studies")
    for edge, marker, beyond in (
        (limits[0], "<", points["estimate"] < limits[0]),
        (limits[1], ">", points["estimate"] > limits[1]),
    ):
        for depth in points["std_error"][beyond]:
            ax.plot([edge], [depth], marker, color=INK, ms=5, mew=0, clip_on=False, zorder=5)


def _name_outliers(ax: Axes, points: pd.DataFrame, centre: float, limits: tuple[float, float]) -> None:
    """Names of the farthest studies outside the cone, outward of it where there is room."""
    if not np.isfinite(centre):
        return
    distance = ((points["estimate"] - centre) / points["std_error"]).abs()
    order = distance[distance > _quantile(0.95)].sort_values(ascending=False, kind="stable").index
    per_unit = box_in_points(ax).width / (limits[1] - limits[0])
    taken: list[tuple[float, float, float]] = []
    for label, estimate, depth in points.loc[order[:_LABELS_MOST]].itertuples(index=False):
        x = float(np.clip(estimate, *limits))
        room = (x - limits[0] if estimate < centre else limits[1] - x) * per_unit
        name = wrap(label, 150.0, 7.5, most=1)[0]
        width = text_width(name, 7.5) + 8
        right = (estimate > centre) == (room > width)
        span = (x, x + width / per_unit) if right else (x - width / per_unit, x)
        line = (*span, depth)
        if name and not _crowded(ax, line, taken):
            taken.append(line)
            _name(ax, name, (x, depth), right=right)


def _crowded(ax: Axes, line: tuple[float, float, float], taken: list[tuple[float, float, float]]) -> bool:
    """Whether a name would run into one that is already there."""
    deepest = max(ax.get_ylim())
    height = 10.0 / box_in_points(ax).height * deepest
    left, right, depth = line
    return any(abs(depth - d) < height and left < r and right > lower for lower, r, d in taken)


def _name(ax: Axes, name: str, at: tuple[float, float], *, right: bool) -> None:
    ax.annotate(
        name,
        at,
        xytext=(6 if right else -6, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=7.5,
        parse_math=False,
        zorder=6,
    )


def _draw_axes(ax: Axes, limits: tuple[float, float], deepest: float, scale_label: str, log: bool) -> None:
    dress_axes(ax, ("left", "bottom"))
    ax.set(xlim=limits, ylim=(deepest, 0.0))
    for axis, (low, high), ratio in ((ax.xaxis, limits, log), (ax.yaxis, (0.0, deepest), False)):
        places, texts = ticks_for(low, high, log=ratio)
        axis.set_ticks(places, labels=texts, parse_math=False)
    ax.set_xlabel(plain(scale_label), fontsize=8.5, parse_math=False)
    ax.set_ylabel("Standard error", fontsize=8.5)


def _draw_key(ax: Axes, levels: tuple[float, ...]) -> None:
    """What the shades and the dashed lines mean."""
    bounds = [f"{1 - level:.2g}" for level in levels]
    words = [f"p > {bounds[0]}"] if bounds else []
    words += [f"{low} < p < {high}" for high, low in pairwise(bounds)]
    words += [f"p < {bounds[-1]}"] if bounds else []
    keys: list[Patch | Line2D] = [
        Patch(facecolor=_shade(place), edgecolor=HAIR, lw=0.6, label=word) for place, word in enumerate(words)
    ]
    keys.append(Line2D([], [], color=ACCENT, lw=0.9, ls=(0, (4, 3)), label="95% about the pooled effect"))
    ax.legend(
        handles=keys,
        loc="upper center",
        bbox_to_anchor=(0.47, -0.16),
        ncols=3,
        fontsize=7.5,
        handlelength=1.8,
        columnspacing=1.4,
    )
