"""A fitted course over time with its bands, over the follow-ups of the studies."""

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from synovia.plots.scales import robust_limits, ticks_for, week_ticks
from synovia.plots.style import (
    HAIR,
    INK,
    MUTED,
    SERIES,
    blank_axes,
    dress_axes,
    house,
    numbers_of,
    plain,
    say_no_data,
    texts_of,
)

__all__ = ["course"]

_NO_DATA = "No data: the course has no time at which it is known."
_FAR, _CENTURY = 1e12, 5200.0
_NUMBERS = ("time", "estimate", "lower", "upper", "prediction_lower", "prediction_upper")


def course(
    curve: pd.DataFrame,
    seen: pd.DataFrame | None = None,
    *,
    scale_label: str = "Effect",
    time_label: str = "Weeks",
    null: float = 0.0,
    ax: Axes | None = None,
) -> Axes:
    """A course over time.

    Parameters
    ----------
    curve : DataFrame
        The course at a row of times: ``time``, ``estimate``, ``lower``, ``upper``, and where known
        ``treatment``, ``comparator``, ``prediction_lower``, ``prediction_upper``.
    seen : DataFrame, optional
        What studies saw: ``study``, ``series``, ``time``, ``estimate``, and where known ``variance``,
        ``treatment``, ``comparator``. Follow-ups of other comparisons than those of the curve are not drawn.
    scale_label, time_label : str
        What the axes show, in words.
    null : float
        The value of no effect; NaN for none.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        The line and its band are the mean course and its confidence interval, the dotted lines hold the
        course of a new study. Thin lines join the follow-ups of a study; larger marks are more precise.

    Examples
    --------
    >>> curve = pd.DataFrame({"time": [0, 12], "estimate": [0, -9], "lower": [0, -12], "upper": [0, -6]})
    >>> course(curve, scale_label="Pain, mm").get_ylabel()
    'Pain, mm'
    """
    lines = _read(curve)
    with house():
        if lines.empty:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        ax = ax or _own_axes()
        points = _match(seen, lines)
        names = dict.fromkeys(zip(lines["treatment"], lines["comparator"], strict=True))
        colors = dict(zip(names, cycle(SERIES), strict=False))
        for pair, color in colors.items():
            _draw_seen(ax, _pick(points, pair), color)
            _draw_curve(ax, _pick(lines, pair), color, _label(pair))
        _draw_axes(ax, lines, points, null)
        ax.set_xlabel(plain(time_label), fontsize=8.5, parse_math=False)
        ax.set_ylabel(plain(scale_label), fontsize=8.5, parse_math=False)
        if any(map(_label, names)):
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, fontsize=7.5)
    return ax


def _own_axes() -> Axes:
    ax = blank_axes(430, 320)
    ax.set_position((0.13, 0.24, 0.84, 0.72))
    return ax


def _read(curve: pd.DataFrame) -> pd.DataFrame:
    data = pd.DataFrame({name: texts_of(curve, name) for name in ("treatment", "comparator")})
    data = data.assign(**{name: _clip(curve, name) for name in _NUMBERS})
    known = np.isfinite(data["time"]) & np.isfinite(data["estimate"])
    kept: pd.DataFrame = data.loc[known].sort_values("time", kind="stable", ignore_index=True)
    return kept


def _clip(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """A column of numbers that axes can hold; infinite times and estimates are left out."""
    values = np.array(numbers_of(frame, name), dtype=np.float64)
    far = _CENTURY if name == "time" else _FAR
    held = np.clip(values, -far, far)
    return np.where(np.isinf(values), np.nan, held) if name in ("time", "estimate") else held


def _match(seen: pd.DataFrame | None, lines: pd.DataFrame) -> pd.DataFrame:
    """Follow-ups of the comparisons that are drawn."""
    given = pd.DataFrame() if seen is None else seen
    texts = {name: texts_of(given, name) for name in ("study", "series", "treatment", "comparator")}
    numbers = {name: _clip(given, name) for name in ("time", "estimate", "variance")}
    data = pd.DataFrame({**texts, **numbers})
    drawn = set(zip(lines["treatment"], lines["comparator"], strict=True))
    pairs = zip(data["treatment"], data["comparator"], strict=True)
    inside = np.array([pair in drawn for pair in pairs], dtype=bool)
    known = inside & np.isfinite(data["time"].to_numpy()) & np.isfinite(data["estimate"].to_numpy())
    kept: pd.DataFrame = data.loc[known].sort_values("time", kind="stable", ignore_index=True)
    return kept


def _pick(data: pd.DataFrame, pair: tuple[str, str]) -> pd.DataFrame:
    return data[(data["treatment"] == pair[0]) & (data["comparator"] == pair[1])]


def _label(pair: tuple[str, str]) -> str:
    return plain(f"{pair[0]} against {pair[1]}" if pair[1] else pair[0])


def _draw_seen(ax: Axes, points: pd.DataFrame, color: str) -> None:
    for _, own in points.groupby(["study", "series"], sort=False):
        ax.plot(own["time"], own["estimate"], color=color, lw=0.7, alpha=0.45, zorder=1)
    if len(points):
        sizes = _sizes(points["variance"].to_numpy(dtype=float))
        ax.scatter(points["time"], points["estimate"], s=sizes, color=color, alpha=0.55, lw=0, zorder=2)


def _sizes(variances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areas in proportion to the precision, within a visible range."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        precision = 1 / variances
    known = np.isfinite(precision) & (precision > 0)
    share = np.where(known, precision, 0.0) / precision[known].max(initial=1e-300)
    return np.where(known, np.maximum(5.0, 45.0 * share), 14.0)


def _draw_curve(ax: Axes, line: pd.DataFrame, color: str, label: str) -> None:
    ax.fill_between(line["time"], line["lower"], line["upper"], color=color, alpha=0.18, lw=0, zorder=0)
    for limit in ("prediction_lower", "prediction_upper"):
        ax.plot(line["time"], line[limit], color=color, lw=0.9, ls=(0, (1, 2)), zorder=3)
    ax.plot(line["time"], line["estimate"], color=color, lw=1.8, zorder=4, label=label)


def _draw_axes(ax: Axes, lines: pd.DataFrame, points: pd.DataFrame, null: float) -> None:
    dress_axes(ax, ("left", "bottom"))
    times = np.concatenate([lines["time"], points["time"]])
    first, last = float(times.min()), float(times.max())
    pad = 0.03 * (last - first) or 1.0
    values = np.concatenate([lines["estimate"], points["estimate"]])
    kept = [*lines["lower"], *lines["upper"], null]
    ends = lines[["prediction_lower", "prediction_upper"]].to_numpy()
    low, high = robust_limits(values, ends, keep=[value for value in kept if np.isfinite(value)])
    ax.set(xlim=(first - pad, last + pad), ylim=(low, high))
    places, texts = ticks_for(low, high, log=False)
    ax.set_yticks(places, labels=texts, parse_math=False)
    weeks = week_ticks(first - pad, last + pad)
    if len(weeks) > 1:
        ax.set_xticks(weeks, labels=[f"{week:.0f}" for week in weeks], parse_math=False)
    ax.grid(axis="y", color=HAIR, lw=0.5)
    ax.set_axisbelow(True)
    if np.isfinite(null):
        ax.axhline(null, color=MUTED, lw=0.8, zorder=1)
    ax.tick_params(labelcolor=INK)
