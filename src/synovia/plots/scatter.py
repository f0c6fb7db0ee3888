"""What every plot of points in two directions shares: axes, limits, names of the points that stand out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from synovia.plots.scales import ticks_for
from synovia.plots.style import (
    INK,
    blank_axes,
    box_in_points,
    dress_axes,
    numbers_of,
    plain,
    text_width,
    texts_of,
    wrap,
)

__all__ = ["FAR", "limits_of", "name_points", "own_axes", "read_points", "set_axes"]

Floats = NDArray[np.float64]

FAR = 1e12
_SIZE, _ROW, _LONGEST, _DOT = 7.5, 9.5, 120.0, 2.5


def own_axes(width: float = 430, height: float = 330) -> Axes:
    """Axes on a new figure of that size in points, with room for their labels."""
    ax = blank_axes(width, height)
    ax.set_position((62 / width, 46 / height, (width - 80) / width, (height - 64) / height))
    return ax


def read_points(rows: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The label and some columns of numbers; rows where one of them is missing or infinite are left out."""
    values = {name: np.clip(np.array(numbers_of(rows, name), dtype=float), -FAR, FAR) for name in columns}
    data = pd.DataFrame({"label": texts_of(rows, "label")} | values)
    raw = np.array([numbers_of(rows, name) for name in columns], dtype=float)
    known = np.isfinite(raw).all(axis=0) if len(data) else np.empty(0, dtype=bool)
    return data.loc[known].reset_index(drop=True)


def limits_of(values: ArrayLike, *, keep: ArrayLike = (), share: float = 0.06) -> tuple[float, float]:
    """Limits that hold all values, with a margin of that share on both sides."""
    flat = np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in (values, keep)])
    flat = np.clip(flat[np.isfinite(flat)], -FAR, FAR)
    if not flat.size:
        return (-1.0, 1.0)
    low, high = float(flat.min()), float(flat.max())
    pad = share * (high - low) or max(1.0, 0.1 * abs(low))
    return (low - pad, high + pad)


def set_axes(
    ax: Axes,
    across: tuple[float, float],
    up: tuple[float, float],
    labels: tuple[str, str],
    *,
    logs: tuple[bool, bool] = (False, False),
    scale: float = 1.0,
) -> None:
    """Limits, ticks and labels of both axes, in the house style; ``logs`` says where logs of ratios stand."""
    dress_axes(ax, ("left", "bottom"), scale)
    ax.set(xlim=across, ylim=up)
    for axis, limits, log in ((ax.xaxis, across, logs[0]), (ax.yaxis, up, logs[1])):
        places, texts = ticks_for(*limits, log=log)
        axis.set_ticks(places, labels=texts, parse_math=False)
    ax.set_xlabel(plain(labels[0]), fontsize=8.5 * scale, parse_math=False)
    ax.set_ylabel(plain(labels[1]), fontsize=8.5 * scale, parse_math=False)


def name_points(ax: Axes, points: Floats, labels: Sequence[str], order: Sequence[int], most: int = 5) -> None:
    """Write the names of some points beside them, the first of the order first, where nothing is in the way.

    Parameters
    ----------
    ax : Axes
        With its limits set.
    points : ndarray of shape (n, 2)
        Every point drawn.
    labels : sequence of str
        Their names.
    order : sequence of int
        Which to name, the most important first.
    most : int
        How many at most.
    """
    box = box_in_points(ax)
    low = np.array([ax.get_xlim()[0], ax.get_ylim()[0]])
    span = np.array([ax.get_xlim()[1], ax.get_ylim()[1]]) - low
    places = (points - low) / span * np.array([box.width, box.height])
    taken = [(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in places.tolist()]
    for number in list(order)[:most]:
        name = wrap(labels[number], _LONGEST, _SIZE, most=1)[0]
        x, y = places[number].tolist()
        width = text_width(name, _SIZE)
        for right, left in ((True, x + 6), (False, x - 6 - width)):
            area = (left, y - _ROW / 2, left + width, y + _ROW / 2)
            whole = left > 0 and left + width < box.width + 4 and 0 <= y <= box.height
            if name and whole and not any(_meet(area, other) for other in taken):
                taken.append(area)
                _write(ax, name, points[number], right=right)
                break


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _write(ax: Axes, name: str, at: Floats, *, right: bool) -> None:
    ax.annotate(
        name,
        (float(at[0]), float(at[1])),
        xytext=(6 if right else -6, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=_SIZE,
        color=INK,
        parse_math=False,
        zorder=6,
    )
