"""The network graph: treatments as circles, comparisons as lines, trials of several arms as shaded areas."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from synovia.plots.style import (
    INK,
    MARK,
    MUTED,
    SERIES,
    blank_axes,
    box_in_points,
    house,
    numbers_of,
    plain,
    say_no_data,
    texts_of,
    wrap,
)

__all__ = ["network_graph"]

Floats = NDArray[np.float64]

_NO_DATA = "No data: the network has no treatment."
_SMALLEST, _LARGEST = 5.0, 17.0  # radius of a treatment in points
_THINNEST, _THICKEST = 0.8, 9.0  # width of a comparison in points
_ROOM, _SIZE = 92.0, 8.0  # for names at either side, in points


def network_graph(
    nodes: pd.DataFrame, edges: pd.DataFrame, groups: pd.DataFrame | None = None, *, ax: Axes | None = None
) -> Axes:
    """Network graph.

    Parameters
    ----------
    nodes : DataFrame
        One treatment a row, in the order of the circle: ``label`` and ``n``, participants or trials; the area
        of its circle is in proportion.
    edges : DataFrame
        One comparison a row: ``treatment_1``, ``treatment_2`` and ``k``, the trials that make it; the width
        of its line is in proportion.
    groups : DataFrame, optional
        Trials of more than two arms: ``treatments`` (names in a tuple) and ``k``; each is shaded.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        The first treatment stands on top, the others follow clockwise; the number on a line is k. An empty
        ``nodes`` gives axes with a sentence.

    Notes
    -----
    Chaimani, Higgins, Mavridis, Spyridonos & Salanti (2013), PLoS ONE 8, e76654.

    Examples
    --------
    >>> nodes = pd.DataFrame({"label": ["saline", "PRP", "HA"], "n": [100, 80, 300]})
    >>> edges = pd.DataFrame({"treatment_1": ["saline"], "treatment_2": ["HA"], "k": [4]})
    >>> sorted(text.get_text() for text in network_graph(nodes, edges).texts)
    ['4', 'HA', 'PRP', 'saline']
    """
    labels = texts_of(nodes, "label")
    with house():
        if not labels:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        ax = ax or blank_axes(470, 360)
        places = _place(len(labels))
        radius = _set_frame(ax)
        where = dict(zip(labels, places, strict=True))
        _draw_groups(ax, where, groups)
        _draw_edges(ax, where, edges)
        _draw_nodes(ax, places, labels, np.array(numbers_of(nodes, "n")), radius)
    return ax


def _place(count: int) -> Floats:
    """(count, 2) on the unit circle, clockwise from the top; one alone in the middle."""
    if count == 1:
        return np.zeros((1, 2))
    turn = 2 * np.pi * np.arange(count) / count
    return np.column_stack([np.sin(turn), np.cos(turn)])


def _set_frame(ax: Axes) -> float:
    """Equal units in both directions with room for names; returns points per unit."""
    box = box_in_points(ax)
    radius = max(20.0, min(box.width / 2 - _ROOM, box.height / 2 - 3 * _LARGEST))
    ax.set(xlim=(-box.width / 2 / radius, box.width / 2 / radius))
    ax.set(ylim=(-box.height / 2 / radius, box.height / 2 / radius))
    ax.set_axis_off()
    return radius


def _draw_groups(ax: Axes, where: dict[str, Floats], groups: pd.DataFrame | None) -> None:
    if groups is None:
        return
    for number, treatments in enumerate(groups["treatments"]):
        known = [where[plain(name)] for name in treatments if plain(name) in where]
        if len(known) < 3:
            continue
        corners = np.array(known)
        turn = np.argsort(np.arctan2(corners[:, 0], corners[:, 1]))
        colour = SERIES[number % len(SERIES)]
        ax.add_patch(
            Polygon(corners[turn].tolist(), closed=True, facecolor=colour, alpha=0.13, lw=0, zorder=1)
        )


def _draw_edges(ax: Axes, where: dict[str, Floats], edges: pd.DataFrame) -> None:
    counts = np.array(numbers_of(edges, "k"))
    most = float(np.nanmax(counts)) if counts.size else 1.0
    names = zip(texts_of(edges, "treatment_1"), texts_of(edges, "treatment_2"), counts.tolist(), strict=True)
    for first, second, k in names:
        if first not in where or second not in where:
            continue
        (x0, y0), (x1, y1) = where[first], where[second]
        width = max(_THINNEST, _THICKEST * k / most)
        ax.plot([x0, x1], [y0, y1], color=MUTED, alpha=0.75, lw=width, solid_capstyle="round", zorder=2)
        ax.text(
            0.44 * x0 + 0.56 * x1,
            0.44 * y0 + 0.56 * y1,
            f"{k:g}",
            fontsize=7,
            color=INK,
            ha="center",
            va="center",
            bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
            zorder=3,
        )


def _draw_nodes(ax: Axes, places: Floats, labels: Sequence[str], sizes: Floats, radius: float) -> None:
    known = np.where(np.isfinite(sizes) & (sizes > 0), sizes, 0.0)
    share = known / known.max() if known.max() > 0 else np.zeros_like(known)
    radii = np.maximum(_SMALLEST, _LARGEST * np.sqrt(share))
    ax.scatter(
        places[:, 0], places[:, 1], s=(2 * radii) ** 2, color=MARK, edgecolor="white", lw=1.0, zorder=4
    ).set_label("treatments")
    for (x, y), label, reach in zip(places.tolist(), labels, radii.tolist(), strict=True):
        out = 1 + (reach + 6) / radius
        ha = "center" if abs(x) < 0.12 else ("left" if x > 0 else "right")
        va = ("bottom" if y >= 0 else "top") if ha == "center" else "center"
        text = "\n".join(wrap(label, _ROOM - reach, _SIZE, most=3))
        ax.text(x * out, y * out, text, fontsize=_SIZE, color=INK, ha=ha, va=va, parse_math=False, zorder=5)
