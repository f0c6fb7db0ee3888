"""How evidence on one comparison flows through a network, from one treatment to the other."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path

from synovia.plots.style import (
    ACCENT,
    INK,
    MARK,
    blank_axes,
    house,
    numbers_of,
    say_no_data,
    texts_of,
    wrap,
)

__all__ = ["evidence_flow"]

_NO_DATA = "No data: no evidence flows between these treatments."
_WIDEST, _SMALLEST, _GAP = 11.0, 0.005, 0.13
_ACROSS, _UP, _PAD = 120.0, 62.0, 60.0
_ABOVE, _BELOW = 0.62, 0.36  # what an arrow keeps from a treatment it passes, in rows

Point = tuple[float, float]
Places = dict[str, Point]


def evidence_flow(rows: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Flow of evidence on one comparison.

    Parameters
    ----------
    rows : DataFrame
        One direct comparison a row: ``source``, ``target`` and ``flow``, a share of 1 that leaves one
        treatment, arrives at the other and gets lost nowhere; optionally ``contribution`` in percent,
        written beside it.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Treatments from left to right by the longest way there; arrows as wide as their flow. Flows below
        0.5 % are left out.

    Examples
    --------
    >>> rows = pd.DataFrame({"source": ["A", "A", "C"], "target": ["B", "C", "B"], "flow": [0.7, 0.3, 0.3]})
    >>> sorted(text.get_text() for text in evidence_flow(rows).texts)
    ['30 %', '30 %', '70 %', 'A', 'B', 'C']
    """
    shown = rows.loc[[value >= _SMALLEST for value in numbers_of(rows, "flow")]]
    with house():
        if shown.empty:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        steps = list(zip(texts_of(shown, "source"), texts_of(shown, "target"), strict=True))
        places = _place(steps)
        ax = ax or _own_axes(places)
        ax.set_axis_off()
        xs, ys = zip(*places.values(), strict=True)
        lifts = _lift(places, steps)
        ax.set(xlim=(min(xs) - 0.5, max(xs) + 0.5))
        ax.set(ylim=(min([*ys, *lifts]) - 0.5, max([*ys, *lifts]) + 0.5))
        share = numbers_of(shown, "contribution" if "contribution" in shown.columns else "flow")
        unit = 1.0 if "contribution" in shown.columns else 100.0
        each = zip(steps, lifts, numbers_of(shown, "flow"), share, strict=True)
        for (source, target), lift, flow, part in each:
            _draw_step(ax, (places[source], places[target]), lift, flow, f"{unit * part:.0f} %")
        for name, (x, y) in places.items():
            _write_name(ax, name, x, y)
    return ax


def _place(steps: list[tuple[str, str]]) -> Places:
    """Columns by the longest way from the source, rows spread about the middle."""
    depth = _measure_depth(steps)
    columns: dict[int, list[str]] = {}
    for name, column in depth.items():
        columns.setdefault(column, []).append(name)
    out: Places = {}
    for column, names in sorted(columns.items()):
        lift = 0.18 * (-1) ** column if len(names) == 1 and 0 < column < max(columns) else 0.0
        for row, name in enumerate(names):
            out[name] = (float(column), (len(names) - 1) / 2 - row + lift)
    return out


def _measure_depth(steps: list[tuple[str, str]]) -> Mapping[str, int]:
    """Longest number of steps to each treatment; the flow has no circles."""
    depth = dict.fromkeys((name for step in steps for name in step), 0)
    for _ in depth:
        for source, target in steps:
            depth[target] = max(depth[target], min(depth[source] + 1, len(depth) - 1))
    return depth


def _own_axes(places: Places) -> Axes:
    xs, ys = zip(*places.values(), strict=True)
    return blank_axes(_ACROSS * (max(xs) - min(xs)) + 2 * _PAD, max(_UP * (max(ys) - min(ys) + 1.2), 190.0))


def _lift(places: Places, steps: list[tuple[str, str]]) -> list[float]:
    """How far the middle of each arrow bends: those that pass over columns, in turn up and down."""
    out: list[float] = []
    for source, target in steps:
        passed = [place for place in places.values() if places[source][0] < place[0] < places[target][0]]
        turn = (-1) ** sum(value != 0 for value in out)
        out.append(turn * _clear(places[source], places[target], passed, turn) if passed else 0.0)
    return out


def _clear(start: Point, end: Point, passed: list[Point], turn: int) -> float:
    """The bend that keeps an arrow off what it passes; more above, where names stand."""
    room = _ABOVE if turn > 0 else _BELOW
    least = 0.42 * (end[0] - start[0] - 1)
    for x, y in passed:
        t = (x - start[0]) / (end[0] - start[0])
        straight = (1 - t) * start[1] + t * end[1]
        least = max(least, (turn * (y - straight) + room) / (4 * t * (1 - t)))
    return least


def _draw_step(ax: Axes, ends: tuple[Point, Point], lift: float, flow: float, text: str) -> None:
    start, end = np.array(ends[0]), np.array(ends[1])
    t = np.linspace(0.0, 1.0, 41)[:, None]
    curve = (1 - t) * start + t * end + 4 * t * (1 - t) * np.array([0.0, lift])
    clear = np.abs(curve[:, 0] - start[0]) > _GAP
    clear &= np.abs(curve[:, 0] - end[0]) > _GAP
    ax.add_patch(
        FancyArrowPatch(
            path=Path(curve[clear]),
            arrowstyle="-|>",
            mutation_scale=9 + _WIDEST * flow,
            lw=max(0.6, _WIDEST * flow),
            color=MARK,
            alpha=0.55,
            zorder=1,
        )
    )
    x, y = curve[20].tolist()
    clean = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
    ax.text(
        x, y, text, fontsize=7.5, color=INK, ha="center", va="center", zorder=3, parse_math=False, bbox=clean
    )


def _write_name(ax: Axes, name: str, x: float, y: float) -> None:
    ax.plot([x], [y], "o", color=ACCENT, ms=15, mew=0, zorder=2)
    short = wrap(name, 100.0, 8.5, most=1)[0]
    ax.annotate(
        short,
        (x, y),
        xytext=(0, 12),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=8.5,
        color=INK,
        parse_math=False,
        zorder=4,
    )
