"""Hasse diagrams: treatments that are better in every outcome stand higher, joined by a line."""

from itertools import pairwise
from statistics import fmean
from typing import TypeAlias

import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.style import (
    ACCENT,
    BAND,
    HAIR,
    INK,
    MUTED,
    blank_axes,
    house,
    numbers_of,
    say_no_data,
    text_width,
    texts_of,
    wrap,
)

__all__ = ["hasse"]

Node: TypeAlias = str | tuple[str, str, int]  # a treatment, or where a line passes a layer

_NO_DATA = "No data: no treatment is ranked by every outcome."
_SIZE, _WIDEST, _GAP = 8.0, 120.0, 22.0  # text in points; widest box; room between boxes
_LAYER, _MARGIN = 62.0, 30.0  # height of a layer and room around, in points


def hasse(rows: pd.DataFrame, lines: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Hasse diagram of a partial order.

    Parameters
    ----------
    rows : DataFrame
        ``treatment`` and ``layer`` (1 on top).
    lines : DataFrame
        ``upper`` and ``lower``: the upper treatment is better in every outcome, with none in between.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Treatments that no downward path joins are better in some outcomes and worse in others. An empty
        ``rows`` gives axes with a sentence.

    Notes
    -----
    Within a layer, treatments stand near those above them. Carlsen & Bruggemann (2014), Journal of
    Chemometrics 28, 226-234.

    Examples
    --------
    >>> rows = pd.DataFrame({"treatment": ["A", "B", "C"], "layer": [1, 1, 2]})
    >>> lines = pd.DataFrame({"upper": ["A", "B"], "lower": ["C", "C"]})
    >>> len(hasse(rows, lines).lines)
    2
    """
    names, layers = texts_of(rows, "treatment"), [int(value) for value in numbers_of(rows, "layer")]
    with house():
        if not names:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        shown = {name: wrap(name, _WIDEST, _SIZE, most=3) or (" ",) for name in names}
        layer = dict(zip(names, layers, strict=True))
        ends = zip(texts_of(lines, "upper"), texts_of(lines, "lower"), strict=True)
        joined = [pair for pair in ends if set(pair) <= set(names)]
        paths = [_pass(upper, lower, layer) for upper, lower in joined]
        widths = {name: max(text_width(part, _SIZE) for part in parts) + 12 for name, parts in shown.items()}
        x, width = _place(layer, widths, paths)
        height = max(layers) * _LAYER + _MARGIN
        ax = ax or blank_axes(width, height)
        ax.set(xlim=(0, width), ylim=(height, 0))
        ax.axis("off")
        for path in paths:
            across, down = [x[node] for node in path], [_find_height(node, layer) for node in path]
            ax.plot(across, down, color=MUTED, lw=1.0, zorder=1)
        for name, parts in shown.items():
            _write(ax, (x[name], _find_height(name, layer)), "\n".join(parts), top=layer[name] == 1)
        return ax


def _write(ax: Axes, at: tuple[float, float], text: str, *, top: bool) -> None:
    box = {
        "boxstyle": "round,pad=0.45",
        "facecolor": BAND if top else "white",
        "edgecolor": ACCENT if top else HAIR,
        "linewidth": 1.0,
    }
    ax.text(*at, text, size=_SIZE, color=INK, ha="center", va="center", bbox=box, zorder=2)


def _pass(upper: str, lower: str, layer: dict[str, int]) -> list[Node]:
    """The ends of a line, and a place of its own in every layer between, so that it crosses no treatment."""
    between: list[Node] = [(upper, lower, number) for number in range(layer[upper] + 1, layer[lower])]
    return [upper, *between, lower]


def _find_layer(node: Node, layer: dict[str, int]) -> int:
    return layer[node] if isinstance(node, str) else node[2]


def _find_height(node: Node, layer: dict[str, int]) -> float:
    return _find_layer(node, layer) * _LAYER - _LAYER / 2 + _MARGIN / 2


def _place(
    layer: dict[str, int], widths: dict[str, float], paths: list[list[Node]]
) -> tuple[dict[Node, float], float]:
    """Where each node stands from the left, near the mean of those above it, and the width in points."""
    nodes: list[Node] = [*layer, *(node for path in paths for node in path[1:-1])]
    over: dict[Node, list[Node]] = {node: [] for node in nodes}
    for path in paths:
        for upper, lower in pairwise(path):
            over[lower].append(upper)
    room = {node: widths[node] if isinstance(node, str) else 0.0 for node in nodes}
    stacks = [
        [node for node in nodes if _find_layer(node, layer) == number]
        for number in range(1, max(layer.values()) + 1)
    ]
    width = max(240.0, *(sum(room[node] + _GAP for node in stack) + _GAP for stack in stacks))
    x: dict[Node, float] = {}
    for stack in stacks:
        mean = {node: fmean(x[up] for up in over[node]) if over[node] else width / 2 for node in stack}
        stack.sort(key=lambda node: (mean[node], str(node)))
        spare = (width - sum(room[node] for node in stack)) / (len(stack) + 1)
        left = spare
        for node in stack:
            x[node] = left + room[node] / 2
            left += room[node] + spare
    return x, width
