"""The curves of a dose-response network: one panel an agent, all on one scale of effects."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.dose import dose_curve
from synovia.plots.scatter import FAR
from synovia.plots.style import INK, blank_axes, house, numbers_of, plain, say_no_data, texts_of, wrap

__all__ = ["dose_network"]

_NO_DATA = "No data: no agent has a curve."
_TITLE = 9.0
_ACROSS, _WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _BOTTOM = 3, 205.0, 185.0, 48.0, 10.0, 22.0, 36.0


def dose_network(
    points: pd.DataFrame,
    line: pd.DataFrame,
    *,
    units: Mapping[str, str] | None = None,
    scale_label: str = "Effect against dose 0",
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Curves of several agents.

    Parameters
    ----------
    points : DataFrame
        One arm a row: ``agent``, ``label`` (of the trial), ``dose``, ``estimate``, ``lower``, ``upper`` and
        ``weight``, each against dose 0.
    line : DataFrame
        The curves: ``agent``, ``dose``, ``estimate``, ``lower``, ``upper``, and where known
        ``prediction_lower``, ``prediction_upper``.
    units : mapping of str to str, optional
        Unit of the doses of each agent.
    scale_label : str
        What the upright axes show, in words.
    log : bool
        Whether effects are logs of ratios; the axes are then labelled in ratios.
    ax : Axes, optional
        Where to draw; the panels take its place.

    Returns
    -------
    Axes
        The given or new axes, empty, with a panel for each agent in ``child_axes``. Bands are intervals of
        the average curve, dotted lines hold a new trial. Doses of agents are on axes of their own.

    Examples
    --------
    >>> points = pd.DataFrame({"agent": ["a"], "label": ["T1"], "dose": [2], "estimate": [0.4]})
    >>> line = pd.DataFrame({"agent": ["a", "a"], "dose": [0, 2], "estimate": [0, 0.4]})
    >>> [panel.get_title(loc="left") for panel in dose_network(points, line).child_axes]
    ['a']
    """
    names = list(dict.fromkeys(texts_of(line, "agent")))
    with house():
        if not names:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        across = min(_ACROSS, len(names))
        down = -(-len(names) // across)
        frame = blank_axes(across * _WIDE, down * _HIGH) if ax is None else ax
        frame.set_axis_off()
        shown = _list_shown(points, line)
        for place, name in enumerate(names):
            panel = frame.inset_axes(_find_box(place, across, down))
            own = [table.loc[np.array(texts_of(table, "agent")) == name] for table in (points, line)]
            unit = (units or {}).get(name, "")
            label = scale_label if place % across == 0 else ""
            dose_curve(
                *own,
                dose=f"Dose ({unit})" if unit else "Dose",
                scale_label=label,
                log=log,
                keep=shown,
                ax=panel,
            )
            title = wrap(plain(name), _WIDE - _LEFT - _RIGHT, _TITLE, most=1)[0]
            panel.set_title(title, fontsize=_TITLE, color=INK, loc="left", parse_math=False)
    return frame


def _list_shown(points: pd.DataFrame, line: pd.DataFrame) -> list[float]:
    """Effects that every panel has room for."""
    values = [*numbers_of(points, "estimate"), *numbers_of(line, "lower"), *numbers_of(line, "upper")]
    return [float(np.clip(value, -FAR, FAR)) for value in values if np.isfinite(value)]


def _find_box(place: int, across: int, down: int) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of a panel as shares of the whole."""
    column, row = place % across, place // across
    return (
        (column + _LEFT / _WIDE) / across,
        1 - (row + 1 - _BOTTOM / _HIGH) / down,
        (1 - (_LEFT + _RIGHT) / _WIDE) / across,
        (1 - (_TOP + _BOTTOM) / _HIGH) / down,
    )
