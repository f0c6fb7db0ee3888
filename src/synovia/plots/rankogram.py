"""Rankograms: the probability of every rank, treatment by treatment."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory

from synovia.plots.style import (
    ACCENT,
    HAIR,
    INK,
    MARK,
    MUTED,
    blank_axes,
    dress_axes,
    house,
    numbers_of,
    say_no_data,
    texts_of,
    wrap,
)

__all__ = ["rankogram"]

_NO_DATA = "No data: nothing was ranked."
_ROW, _LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 120.0, 66.0, 26.0, 44.0


def rankogram(rows: pd.DataFrame, *, scores: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Rankogram.

    Parameters
    ----------
    rows : DataFrame
        ``treatment``, ``rank``, ``probability`` and ``cumulative``, the treatments in the order of the plot.
    scores : DataFrame, optional
        ``treatment`` and ``p_score``, written at the right.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A row per treatment: bars are the probability of each rank, the line is that of this rank or better.
        A flat row says that the data do not tell where the treatment ranks. An empty ``rows`` gives axes with
        a sentence.

    Notes
    -----
    Salanti, Ades & Ioannidis (2011), Journal of Clinical Epidemiology 64, 163-171.

    Examples
    --------
    >>> rows = pd.DataFrame({"treatment": ["A", "A", "B", "B"], "rank": [1, 2, 1, 2],
    ...                      "probability": [0.9, 0.1, 0.1, 0.9], "cumulative": [0.9, 1.0, 0.1, 1.0]})
    >>> len(rankogram(rows).patches)
    4
    """
    names = list(dict.fromkeys(texts_of(rows, "treatment")))
    with house():
        if not names:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        ranks = sorted(set(numbers_of(rows, "rank")))
        ax = ax or _own_axes(len(names), len(ranks))
        for number, name in enumerate(names):
            inside = rows.loc[np.array(texts_of(rows, "treatment")) == name]
            _draw_row(ax, inside, float(len(names) - 1 - number))
        _dress(ax, names, ranks, scores)
    return ax


def _own_axes(treatments: int, ranks: int) -> Axes:
    width, height = _LEFT + _RIGHT + max(160.0, 26.0 * ranks), _TOP + _BOTTOM + _ROW * treatments
    ax = blank_axes(width, height)
    ax.set_position(
        (_LEFT / width, _BOTTOM / height, 1 - (_LEFT + _RIGHT) / width, 1 - (_TOP + _BOTTOM) / height)
    )
    return ax


def _draw_row(ax: Axes, rows: pd.DataFrame, base: float) -> None:
    rank, heights = np.array(numbers_of(rows, "rank")), 0.86 * np.array(numbers_of(rows, "probability"))
    ax.axhline(base, color=HAIR, lw=0.7, zorder=0)
    ax.bar(rank, heights, bottom=base, width=0.72, color=MARK, zorder=2)
    ax.plot(rank, base + 0.86 * np.array(numbers_of(rows, "cumulative")), color=ACCENT, lw=1.0, zorder=3)


def _dress(ax: Axes, names: list[str], ranks: list[float], scores: pd.DataFrame | None) -> None:
    dress_axes(ax, ("bottom",))
    ax.set(xlim=(min(ranks) - 0.6, max(ranks) + 0.6), ylim=(0.0, float(len(names))))
    ax.set_xticks(ranks, labels=[f"{rank:g}" for rank in ranks])
    ax.set_xlabel("Rank (1 is best)", fontsize=8.5)
    places = [len(names) - 1 - number + 0.4 for number in range(len(names))]
    labels = ["\n".join(wrap(name, _LEFT - 16, 8.0, most=2)) for name in names]
    ax.set_yticks(places, labels=labels, parse_math=False)
    ax.tick_params(axis="y", length=0)
    if scores is None:
        return
    known = dict(zip(texts_of(scores, "treatment"), numbers_of(scores, "p_score"), strict=True))
    right = blended_transform_factory(ax.transAxes, ax.transData)
    ax.text(1.03, len(names) + 0.1, "P-score", fontsize=7.5, color=MUTED, transform=right, va="bottom")
    for name, place in zip(names, places, strict=True):
        if name in known:
            ax.text(1.03, place, f"{known[name]:.2f}", fontsize=8, color=INK, transform=right, va="center")
