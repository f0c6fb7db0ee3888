"""A panel of deletion diagnostics: one small plot for each, with the limit beyond which a value is large."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.scales import ticks_for
from synovia.plots.scatter import FAR, limits_of
from synovia.plots.style import (
    ACCENT,
    INK,
    MARK,
    blank_axes,
    box_in_points,
    column_of,
    dress_axes,
    house,
    numbers_of,
    say_no_data,
    text_width,
    texts_of,
    wrap,
)

__all__ = ["influence"]

_NO_DATA = "No data: nothing was left out."
_PANELS = (
    ("studentised", "Studentised residual"),
    ("dffits", "DFFITS"),
    ("cooks_distance", "Cook's distance"),
    ("covariance_ratio", "Covariance ratio"),
    ("q_deleted", "Q without it"),
    ("hat", "Leverage"),
    ("weight", "Weight, %"),
)
_NAMED = 12  # with more rows only numbers stand under the panels
_FLAGGED = "#d55e00"


def influence(
    rows: pd.DataFrame, *, limits: Mapping[str, float] | None = None, ax: Axes | None = None
) -> Axes:
    """Panel of deletion diagnostics.

    Parameters
    ----------
    rows : DataFrame
        One deletion a row, with ``label`` and any of ``studentised``, ``dffits``, ``cooks_distance``,
        ``covariance_ratio``, ``q_deleted``, ``hat``, ``weight``, columns that begin with ``deleted[`` (a
        variance without the row) or ``dfbetas[``, and ``influential``.
    limits : mapping of str to float, optional
        Beyond which a value is large, by name of the measure; drawn as dashed lines.
    ax : Axes, optional
        Whose box the panels fill.

    Returns
    -------
    Axes
        The axes given, empty, with one panel for each measure as its ``child_axes``. Influential rows are
        drawn in another colour and another shape.

    Notes
    -----
    Viechtbauer & Cheung (2010), Research Synthesis Methods 1, 112-125.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["A", "B"], "hat": [0.3, 0.7], "cooks_distance": [0.1, 2.0]})
    >>> len(influence(rows).child_axes)
    2
    """
    panels = _find_panels(rows)
    with house():
        if rows.empty or not panels:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        across = 2 if len(panels) > 3 else 1
        down = -(-len(panels) // across)
        ax = ax or blank_axes(300 * across, 112 * down + 20)
        ax.set_axis_off()
        box = box_in_points(ax)
        for place, (column, title) in enumerate(panels):
            column_place, row_place = place % across, place // across
            panel = ax.inset_axes(
                (
                    column_place / across + 46 / box.width,
                    1 - (row_place + 1) / down + 26 / box.height,
                    1 / across - 58 / box.width,
                    1 / down - 46 / box.height,
                )
            )
            _draw_panel(panel, rows, column, title, (limits or {}).get(column.partition("[")[0]))
    return ax


def _find_panels(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Columns that hold a number, each with its title."""
    found = [(name, title) for name, title in _PANELS if name in rows.columns]
    found += [
        (name, f"{name[8:-1]} without it") for name in map(str, rows.columns) if name.startswith("deleted[")
    ]
    found += [
        (name, f"DFBETAS, {name[8:-1]}") for name in map(str, rows.columns) if name.startswith("dfbetas[")
    ]
    return [(name, title) for name, title in found if np.isfinite(numbers_of(rows, name)).any()]


def _draw_panel(panel: Axes, rows: pd.DataFrame, column: str, title: str, limit: float | None) -> None:
    values = np.clip(np.array(numbers_of(rows, column)), -FAR, FAR)
    x = np.arange(1.0, values.size + 1)
    signed = bool(np.nanmin(values) < 0)
    shown = [] if limit is None or not np.isfinite(limit) else [limit, -limit] if signed else [limit]
    up = limits_of(values, keep=[0.0] if signed else [], share=0.12)
    dress_axes(panel, ("left", "bottom"), 0.9)
    panel.set(xlim=(0.4, values.size + 0.6), ylim=_stretch(up, shown))
    places, texts = ticks_for(*panel.get_ylim(), log=False)
    panel.yaxis.set_ticks(places[:: 1 + len(places) // 5], labels=texts[:: 1 + len(places) // 5])
    for level in shown:
        panel.axhline(level, color=ACCENT, lw=0.8, ls=(0, (4, 3)), zorder=1)
    panel.plot(x, values, color=MARK, lw=0.8, zorder=2)
    flagged = np.array(
        [value is True or value == 1 for value in column_of(rows, "influential", 0)], dtype=bool
    )
    for inside, marker, color in ((~flagged, "o", MARK), (flagged, "D", _FLAGGED)):
        panel.scatter(x[inside], values[inside], s=16, marker=marker, color=color, lw=0, zorder=3)
    panel.set_title(wrap(title, 200.0, 8.0, most=1)[0], fontsize=8, loc="left", color=INK, parse_math=False)
    _name_rows(panel, texts_of(rows, "label"), x)


def _stretch(limits: tuple[float, float], shown: list[float]) -> tuple[float, float]:
    """Limits that reach the dashed lines where these are not far outside."""
    low, high = limits
    near = [level for level in shown if low - (high - low) <= level <= high + (high - low)]
    return (min([low, *near]), max([high * 1.0, *(level + 0.04 * (high - low) for level in near)]))


def _name_rows(panel: Axes, labels: list[str], x: np.ndarray) -> None:
    """Names under the panel where there is room for all of them, else the numbers of some rows."""
    room = box_in_points(panel).width / max(1, x.size)
    short = all(text_width(label, 7.0) < room - 3 for label in labels)
    if short and x.size <= _NAMED:
        panel.set_xticks(x, labels=labels, fontsize=7, parse_math=False)
        return
    step = max(1, int(np.ceil(x.size / 10)))
    panel.set_xticks(x[::step], labels=[f"{value:.0f}" for value in x[::step]], fontsize=7)
