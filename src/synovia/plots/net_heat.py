"""The net heat plot: designs against designs, warm where detaching one makes another agree."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from synovia.plots.style import (
    HAIR,
    INK,
    MUTED,
    blank_axes,
    dress_axes,
    house,
    numbers_of,
    plain,
    say_no_data,
    text_width,
    texts_of,
    wrap,
)

__all__ = ["net_heat"]

_NO_DATA = (
    "Incoherence cannot be tested: no closed loop of different designs. This does not mean that it is absent."
)
_CELL, _SIZE, _LONGEST = 26.0, 7.0, 130.0
_COLOURS = LinearSegmentedColormap.from_list("heat", ["#2b6cb0", "#ffffff", "#c0392b"])


def net_heat(rows: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Net heat plot.

    Parameters
    ----------
    rows : DataFrame
        One pair of designs a row: ``design``, ``detached``, ``heat`` (how much Q falls in the design when the
        other is detached) and ``influence`` (0 to 1).
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Rows are designs, columns the designs detached. Red: detaching takes incoherence away from the row;
        blue: it brings some. The area of a grey square is the share of evidence that goes through the
        column.

    Examples
    --------
    >>> rows = pd.DataFrame({"design": ["A:B", "A:B", "A:C", "A:C"], "detached": ["A:B", "A:C"] * 2,
    ...                      "heat": [2.0, 1.0, 0.5, -0.5], "influence": [0.6, 0.4, 0.3, 0.7]})
    >>> net_heat(rows).get_xlabel()
    'Design detached'
    """
    names = list(dict.fromkeys(texts_of(rows, "design")))
    with house():
        if not names:
            return say_no_data(ax or blank_axes(560, 80), _NO_DATA)
        ax = ax or _own_axes(names)
        heat, influence = (_spread(rows, names, column) for column in ("heat", "influence"))
        most = max(float(np.abs(heat).max()), 1e-12)
        norm = TwoSlopeNorm(0.0, -most, most)
        ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5))
        for i, j in np.ndindex(heat.shape):
            colour = _COLOURS(norm(heat[i, j]))
            ax.add_patch(
                Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=colour, edgecolor="white", lw=0.8, zorder=1)
            )
            side = float(np.sqrt(np.clip(influence[i, j], 0.0, 1.0))) * 0.9
            ax.add_patch(
                Rectangle(
                    (j - side / 2, i - side / 2),
                    side,
                    side,
                    facecolor=HAIR,
                    edgecolor=MUTED,
                    lw=0.4,
                    zorder=2,
                )
            )
        _name_axes(ax, names)
    return ax


def _spread(rows: pd.DataFrame, names: list[str], column: str) -> NDArray[np.float64]:
    place = {name: i for i, name in enumerate(names)}
    out = np.zeros((len(names), len(names)))
    for one, other, value in zip(
        texts_of(rows, "design"), texts_of(rows, "detached"), numbers_of(rows, column), strict=True
    ):
        out[place[one], place[other]] = value if np.isfinite(value) else 0.0
    return out


def _own_axes(names: list[str]) -> Axes:
    room = max(text_width(line, _SIZE) for name in names for line in _shorten(name)) + 34
    side = max(4, len(names)) * _CELL
    width, height = room + side + 12, room + side + 12
    ax = blank_axes(width, height)
    ax.set_position((room / width, room / height, side / width, side / height))
    return ax


def _shorten(name: str) -> tuple[str, ...]:
    """A design in at most three lines, broken between its arms."""
    lines = wrap(plain(name).replace(":", ": "), _LONGEST, _SIZE, most=3)
    return tuple(line.replace(": ", ":") for line in lines)


def _name_axes(ax: Axes, names: list[str]) -> None:
    dress_axes(ax, ())
    short = ["\n".join(_shorten(name)) for name in names]
    ax.set_xticks(range(len(names)), labels=short, rotation=90, parse_math=False)
    ax.set_yticks(range(len(names)), labels=short, parse_math=False)
    ax.tick_params(length=0, labelsize=_SIZE)
    ax.set_xlabel("Design detached", fontsize=8.5, color=INK)
    ax.set_ylabel("Design", fontsize=8.5, color=INK)
