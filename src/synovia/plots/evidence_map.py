"""The evidence map: what was studied against what was measured, which way it went, and in how many studies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synovia.errors import Fault, TableError
from synovia.plots.style import (
    HAIR,
    INK,
    MUTED,
    blank_axes,
    box_in_points,
    house,
    numbers_of,
    say_no_data,
    text_width,
    texts_of,
    wrap,
)

__all__ = ["DIRECTIONS", "evidence_map", "evidence_map_figure"]

DIRECTIONS: dict[str, tuple[str, str, str, str]] = {
    "benefit": ("o", "#2a78b5", "white", ""),
    "mixed": ("D", "#e0b13f", INK, ""),
    "no difference": ("s", "#8d98a3", "white", ""),
    "harm": ("v", "#c8501a", "white", ""),
    "not reported": ("o", "white", MUTED, "////"),
}
"""Marker, colour, colour of the number and hatch of every direction, in the order in which they stand in a cell."""

_SIZE, _SMALL, _LEAST, _MOST, _APART, _PAD = 8.5, 7.5, 15.0, 27.0, 3.0, 12.0


@dataclass(frozen=True, slots=True)
class _Grid:
    """Names of rows and columns, and the places of everything in points at full size."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cell_width: float
    cell_height: float
    left: float
    above: float

    @property
    def width(self) -> float:
        return self.left + self.cell_width * len(self.columns) + 2 * _PAD

    @property
    def height(self) -> float:
        return self.above + self.cell_height * len(self.rows) + 34.0 + 2 * _PAD


def evidence_map(
    cells: pd.DataFrame,
    ax: Axes | None = None,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Axes:
    """Bubble grid of findings in words.

    Parameters
    ----------
    cells : DataFrame
        One direction of one cell a row: ``row``, ``column``, ``direction`` (benefit, mixed, no difference, harm, not
        reported) and ``n``, the number of studies.
    ax : Axes, optional
        Where to draw; a figure of the right size is made when there is none.
    rows, columns : sequence of str
        Their order; those not named follow in the order of the frame. A name without a cell is an empty row or
        column: a gap in the evidence that is to be seen.

    Returns
    -------
    Axes
        x and y in points from the upper left; areas of the bubbles grow with ``n``, which is printed in them. An
        empty frame gives axes with a sentence.

    Raises
    ------
    TableError
        When a direction is none of the five.

    Examples
    --------
    >>> cells = pd.DataFrame({"row": ["miR-140"], "column": ["cartilage"], "direction": ["benefit"], "n": [3]})
    >>> ax = evidence_map(cells)
    >>> ["3"] == [text.get_text() for text in ax.texts if text.get_gid() == "n"]
    True
    """
    with house():
        if cells.empty:
            return say_no_data(ax or blank_axes(420, 80), "No data: no study reports a finding.")
        data = _tidy(cells)
        grid = _grid(data, tuple(rows), tuple(columns))
        ax = ax or blank_axes(grid.width, grid.height)
        scale = _fit(ax, grid)
        _draw_grid(ax, grid, scale)
        _draw_bubbles(ax, _placed(data, grid), scale)
        _draw_key(ax, grid, tuple(name for name in DIRECTIONS if name in set(data["direction"])), scale)
    return ax


def evidence_map_figure(
    cells: pd.DataFrame, *, rows: Sequence[str] = (), columns: Sequence[str] = ()
) -> Figure:
    """A figure as large as its evidence map needs.

    Parameters
    ----------
    cells : DataFrame
        As :func:`evidence_map` takes them.
    rows, columns : sequence of str
        As :func:`evidence_map` takes them.

    Examples
    --------
    >>> cells = pd.DataFrame({"row": ["miR-140"], "column": ["cartilage"], "direction": ["benefit"], "n": [3]})
    >>> evidence_map_figure(cells).get_figwidth() > 2
    True
    """
    figure = evidence_map(cells, rows=rows, columns=columns).get_figure(root=True)
    if figure is None:
        raise RuntimeError("a new axes always has a figure")
    return figure


def _tidy(cells: pd.DataFrame) -> pd.DataFrame:
    """One row for each direction of each cell, numbers added up, directions in their order."""
    texts = {name: texts_of(cells, name) for name in ("row", "column", "direction")}
    data = pd.DataFrame({**texts, "n": numbers_of(cells, "n")})
    faults = [
        Fault(found=repr(name), wanted="one of " + ", ".join(DIRECTIONS), column="direction")
        for name in dict.fromkeys(data["direction"])
        if name not in DIRECTIONS
    ]
    if faults:
        raise TableError(faults)
    data["n"] = data["n"].where(np.isfinite(data["n"]), 0.0).clip(lower=0.0)
    data["rank"] = [list(DIRECTIONS).index(name) for name in data["direction"]]
    whole = data.groupby(["row", "column", "rank", "direction"], sort=False, as_index=False)["n"].sum()
    return whole[whole["n"] > 0].sort_values(["row", "column", "rank"], kind="stable", ignore_index=True)


def _diameters(n: pd.Series) -> list[float]:
    """Diameter of every bubble in points: area grows with n from the least that holds a number."""
    largest = float(n.max()) if len(n) else 1.0
    share = np.sqrt(np.maximum(n - 1, 0) / max(largest - 1, 1.0))
    return [float(value) for value in _LEAST + (_MOST - _LEAST) * share]


def _grid(data: pd.DataFrame, rows: tuple[str, ...], columns: tuple[str, ...]) -> _Grid:
    """Rows and columns in order, and cells wide enough for the fullest of them."""
    row_names = tuple(dict.fromkeys([*rows, *data["row"]]))
    column_names = tuple(dict.fromkeys([*columns, *data["column"]]))
    sized = data.assign(d=_diameters(data["n"]))
    groups = [list(cell["d"]) for _, cell in sized.groupby(["row", "column"])]
    widest = max([sum(cell) + _APART * (len(cell) - 1) for cell in groups], default=0.0)
    cell_width = max(widest + 12.0, 66.0)
    left = min(max(text_width(name, _SIZE) for name in (*row_names, "")) + 12.0, 190.0)
    lines = max((len(wrap(name, cell_width - 6, _SMALL, most=4)) for name in column_names), default=1)
    names = max((len(wrap(name, left - 10, _SIZE, most=3)) for name in row_names), default=1)
    return _Grid(row_names, column_names, cell_width, max(34.0, 11.0 * names + 8.0), left, 10.0 * lines + 8.0)


def _fit(ax: Axes, grid: _Grid) -> float:
    """Show the whole grid in the axes, without distortion; the answer is its scale."""
    box = box_in_points(ax)
    scale = min(box.width / grid.width, box.height / grid.height)
    ax.set_axis_off()
    ax.set(xlim=(-_PAD, box.width / scale - _PAD), ylim=(box.height / scale - _PAD, -_PAD))
    return scale


def _placed(data: pd.DataFrame, grid: _Grid) -> pd.DataFrame:
    """Every bubble with its diameter and the place of its middle: side by side about the middle of the cell."""
    sized = data.assign(d=_diameters(data["n"]), x=0.0, y=0.0)
    for (row, column), cell in sized.groupby(["row", "column"], sort=False):
        middle = grid.left + grid.cell_width * (grid.columns.index(column) + 0.5)
        ends = (cell["d"] + _APART).cumsum() - _APART
        sized.loc[cell.index, "x"] = middle - ends.iloc[-1] / 2 + ends - cell["d"] / 2
        sized.loc[cell.index, "y"] = grid.above + grid.cell_height * (grid.rows.index(row) + 0.5)
    return sized


def _draw_grid(ax: Axes, grid: _Grid, scale: float) -> None:
    right = grid.left + grid.cell_width * len(grid.columns)
    bottom = grid.above + grid.cell_height * len(grid.rows)
    edges_y = [grid.above + grid.cell_height * place for place in range(len(grid.rows) + 1)]
    edges_x = [grid.left + grid.cell_width * place for place in range(len(grid.columns) + 1)]
    ax.hlines(edges_y, 0, right, colors=HAIR, lw=0.6 * scale, zorder=0)
    ax.vlines(edges_x[1:-1], grid.above, bottom, colors=HAIR, lw=0.6 * scale, zorder=0)
    for name, y in zip(grid.rows, edges_y, strict=False):
        lines = wrap(name, grid.left - 10, _SIZE, most=3)
        for place, line in enumerate(lines):
            middle = y + grid.cell_height / 2 + 11.0 * (place - (len(lines) - 1) / 2)
            _write(ax, (0, middle), line, fontsize=_SIZE * scale)
    for name, x in zip(grid.columns, edges_x, strict=False):
        lines = wrap(name, grid.cell_width - 6, _SMALL, most=4)
        for place, line in enumerate(reversed(lines)):
            at = (x + grid.cell_width / 2, grid.above - 9 - 10.0 * place)
            _write(ax, at, line, ha="center", fontsize=_SMALL * scale)


def _write(ax: Axes, at: tuple[float, float], text: str, **style: object) -> None:
    options: dict[str, object] = {"va": "center_baseline", "parse_math": False, **style}
    ax.text(at[0], at[1], text).update(options)


def _draw_bubbles(ax: Axes, bubbles: pd.DataFrame, scale: float) -> None:
    """One collection for each direction, the number of studies in every bubble."""
    for direction, group in bubbles.groupby("direction", sort=False):
        _draw_marks(ax, str(direction), group, scale)
    for bubble in bubbles.itertuples(index=False):
        color = DIRECTIONS[str(bubble.direction)][2]
        lift = 0.08 * float(bubble.d) if bubble.direction == "harm" else 0.0
        _write(
            ax,
            (float(bubble.x), float(bubble.y) - lift),
            f"{bubble.n:.10g}",
            ha="center",
            fontsize=_SMALL * scale,
            weight="bold",
            color=color,
            gid="n",
            zorder=5,
        )


_FULLNESS = {"o": 1.0, "D": 0.72, "s": 0.88, "v": 1.06}


def _draw_marks(ax: Axes, direction: str, group: pd.DataFrame, scale: float) -> None:
    marker, color, _, hatch = DIRECTIONS[direction]
    marks = ax.scatter(
        group["x"],
        group["y"],
        s=[(d * _FULLNESS[marker] * scale) ** 2 for d in group["d"]],
        marker=marker,
        facecolor=color,
        edgecolor=MUTED if hatch else color,
        lw=0.8 * scale,
        zorder=3,
    )
    marks.set_label(direction)


def _draw_key(ax: Axes, grid: _Grid, directions: tuple[str, ...], scale: float) -> None:
    """What marker and colour mean."""
    y, x = grid.above + grid.cell_height * len(grid.rows) + 20.0, 6.0
    for direction in directions:
        _draw_marks(ax, direction, pd.DataFrame({"x": [x], "y": [y], "d": [10.0]}), scale)
        _write(ax, (x + 9, y), direction, fontsize=_SMALL * scale, color=MUTED)
        x += text_width(direction, _SMALL) + 32.0
    _write(ax, (x - 4, y), "number: studies", fontsize=_SMALL * scale, color=MUTED)
