"""The evidence map: what was studied, what was measured, which way it went, and in how many studies."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

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
    figure_of,
    house,
    numbers_of,
    plain,
    say_no_data,
    text_width,
    texts_of,
    wrap,
)

__all__ = ["DIRECTIONS", "evidence_map", "evidence_map_figure"]

DIRECTIONS: dict[str, tuple[str, str, str]] = {
    "benefit": ("o", "#2a78b5", "white"),
    "mixed": ("D", "#e0b13f", INK),
    "no difference": ("s", "#76828e", "white"),
    "harm": ("v", "#c8501a", "white"),
    "not reported": ("o", "white", MUTED),
}
"""Marker, colour, and colour of the number of every direction, in the order they stand in a cell."""

_NUMBERS = "number: studies"
_FAR = 1e12
_SIZE, _SMALL, _LEAST, _MOST, _APART, _PAD = 8.5, 7.5, 15.0, 27.0, 3.0, 12.0


@dataclass(frozen=True, slots=True)
class _Grid:
    """Names of rows and columns, and the places of their edges in points from the upper left."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    across: tuple[float, ...]
    down: tuple[float, ...]
    key: float

    @property
    def width(self) -> float:
        return max(self.across[-1], self.key) + 2 * _PAD

    @property
    def height(self) -> float:
        return self.down[-1] + 34.0 + 2 * _PAD

    def middle(self, row: str, column: str) -> tuple[float, float]:
        """The middle of a cell."""
        x, y = self.columns.index(column), self.rows.index(row)
        return (self.across[x] + self.across[x + 1]) / 2, (self.down[y] + self.down[y + 1]) / 2


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
        One direction of one cell a row: ``row``, ``column``, ``direction`` (benefit, mixed, no difference,
        harm, not reported) and ``n``, the number of studies.
    ax : Axes, optional
        Where to draw; a figure of the right size is made when there is none.
    rows, columns : sequence of str
        Their order; those not named follow in the order of the frame. A name without a cell is an empty row
        or column: a gap in the evidence that is to be seen.

    Returns
    -------
    Axes
        x and y in points from the upper left; areas of the bubbles grow with ``n``, which is printed in them.
        An empty frame gives axes with a sentence.

    Raises
    ------
    TableError
        When a direction is none of the five.

    Examples
    --------
    >>> cells = pd.DataFrame({"row": ["miR-140"], "column": ["pain"], "direction": ["benefit"], "n": [3]})
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
    >>> cells = pd.DataFrame({"row": ["miR-140"], "column": ["pain"], "direction": ["benefit"], "n": [3]})
    >>> bool(evidence_map_figure(cells).get_figwidth() > 2)
    True
    """
    return figure_of(evidence_map(cells, rows=rows, columns=columns))


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
    data["n"] = data["n"].where(np.isfinite(data["n"]), 0.0).clip(lower=0.0, upper=_FAR)
    data["rank"] = [list(DIRECTIONS).index(name) for name in data["direction"]]
    whole = data.groupby(["row", "column", "rank", "direction"], sort=False, as_index=False)["n"].sum()
    tidy: pd.DataFrame = whole.query("n > 0").sort_values("rank", kind="stable", ignore_index=True)
    return tidy


def _diameters(n: pd.Series) -> list[float]:
    """Diameter of every bubble in points: area grows with n from the least that holds a number."""
    largest = float(n.max()) if len(n) else 1.0
    share = np.sqrt(np.maximum(n - 1, 0) / max(largest - 1, 1.0))
    return [float(value) for value in _LEAST + (_MOST - _LEAST) * share]


def _column_width(name: str, cells: list[list[float]]) -> float:
    """Room for the fullest cell of a column and for the longest word of its name."""
    fullest = max([sum(cell) + _APART * (len(cell) - 1) for cell in cells], default=0.0)
    word = max(text_width(part, _SMALL) for part in [*name.split(), ""])
    return max(fullest + 14.0, min(word + 12.0, 110.0), 72.0)


def _grid(data: pd.DataFrame, rows: tuple[str, ...], columns: tuple[str, ...]) -> _Grid:
    """Rows and columns in order, each as large as its content needs."""
    row_names = tuple(dict.fromkeys([*map(plain, rows), *data["row"]]))
    column_names = tuple(dict.fromkeys([*map(plain, columns), *data["column"]]))
    sized = data.assign(d=_diameters(data["n"]))
    fullness: dict[str, list[list[float]]] = {name: [] for name in column_names}
    for (_, column), cell in sized.groupby(["row", "column"], sort=False):
        fullness[str(column)].append(list(cell["d"]))
    left = min(max(text_width(name, _SIZE) for name in (*row_names, "")) + 14.0, 190.0)
    widths = [_column_width(name, fullness[name]) for name in column_names]
    lines = [len(wrap(name, w - 6, _SMALL, most=4)) for name, w in zip(column_names, widths, strict=True)]
    heights = [max(34.0, 11.0 * len(wrap(name, left - 12, _SIZE, most=3)) + 10.0) for name in row_names]
    top = 10.0 * max(lines, default=1) + 8.0
    return _Grid(
        row_names,
        column_names,
        tuple(accumulate(widths, initial=left)),
        tuple(accumulate(heights, initial=top)),
        _key_width(data),
    )


def _key_width(data: pd.DataFrame) -> float:
    words = [*dict.fromkeys(data["direction"]), _NUMBERS]
    return sum(text_width(word, _SMALL) + 32.0 for word in words) - 24.0


def _fit(ax: Axes, grid: _Grid) -> float:
    """Show the whole grid in the axes, without distortion; the answer is its scale."""
    box = box_in_points(ax)
    scale = min(box.width / grid.width, box.height / grid.height)
    ax.set_axis_off()
    ax.set(xlim=(-_PAD, box.width / scale - _PAD), ylim=(box.height / scale - _PAD, -_PAD))
    return scale


def _placed(data: pd.DataFrame, grid: _Grid) -> pd.DataFrame:
    """Every bubble with its diameter and its place: side by side about the middle of the cell."""
    sized = data.assign(d=_diameters(data["n"]), x=0.0, y=0.0)
    for (row, column), cell in sized.groupby(["row", "column"], sort=False):
        middle, height = grid.middle(str(row), str(column))
        ends = (cell["d"] + _APART).cumsum() - _APART
        sized.loc[cell.index, "x"] = middle - ends.iloc[-1] / 2 + ends - cell["d"] / 2
        sized.loc[cell.index, "y"] = height
    return sized


def _draw_grid(ax: Axes, grid: _Grid, scale: float) -> None:
    """Hairlines between the cells, and the names of rows and columns."""
    ax.hlines(grid.down, 0, grid.across[-1], colors=HAIR, lw=0.6 * scale, zorder=0)
    ax.vlines(grid.across[1:-1], grid.down[0], grid.down[-1], colors=HAIR, lw=0.6 * scale, zorder=0)
    for name, (top, bottom) in zip(grid.rows, pairwise(grid.down), strict=True):
        lines = wrap(name, grid.across[0] - 12, _SIZE, most=3)
        for place, line in enumerate(lines):
            middle = (top + bottom) / 2 + 11.0 * (place - (len(lines) - 1) / 2)
            _write(ax, (0, middle), line, fontsize=_SIZE * scale)
    for name, (left, right) in zip(grid.columns, pairwise(grid.across), strict=True):
        for place, line in enumerate(reversed(wrap(name, right - left - 6, _SMALL, most=4))):
            at = ((left + right) / 2, grid.down[0] - 9 - 10.0 * place)
            _write(ax, at, line, ha="center", fontsize=_SMALL * scale)


def _write(ax: Axes, at: tuple[float, float], text: str, **style: object) -> None:
    options: dict[str, object] = {"va": "center_baseline", "parse_math": False, **style}
    ax.text(at[0], at[1], text).update(options)


def _draw_bubbles(ax: Axes, bubbles: pd.DataFrame, scale: float) -> None:
    """One collection for each direction, the number of studies in every bubble."""
    for direction, group in bubbles.groupby("direction", sort=False):
        _draw_marks(ax, str(direction), group, scale)
    for direction, *numbers in zip(
        *(bubbles[name] for name in ("direction", "x", "y", "d", "n")), strict=True
    ):
        x, y, diameter, n = (float(number) for number in numbers)
        lift = 0.08 * diameter if direction == "harm" else 0.0
        style = {"fontsize": _SMALL * scale, "color": DIRECTIONS[str(direction)][2], "zorder": 5, "gid": "n"}
        _write(ax, (x, y - lift), f"{n:.10g}", ha="center", weight="bold", **style)


_FULLNESS = {"o": 1.0, "D": 0.72, "s": 0.88, "v": 1.06}


def _draw_marks(ax: Axes, direction: str, group: pd.DataFrame, scale: float) -> None:
    marker, color, _ = DIRECTIONS[direction]
    marks = ax.scatter(
        group["x"],
        group["y"],
        s=[(d * _FULLNESS[marker] * scale) ** 2 for d in group["d"]],
        marker=marker,
        facecolor=color,
        edgecolor=MUTED if color == "white" else color,
        lw=0.8 * scale,
        zorder=3,
    )
    marks.set_label(direction)


def _draw_key(ax: Axes, grid: _Grid, directions: tuple[str, ...], scale: float) -> None:
    """What marker and colour mean."""
    y, x = grid.down[-1] + 20.0, 6.0
    for direction in directions:
        _draw_marks(ax, direction, pd.DataFrame({"x": [x], "y": [y], "d": [10.0]}), scale)
        _write(ax, (x + 9, y), direction, fontsize=_SMALL * scale, color=MUTED)
        x += text_width(direction, _SMALL) + 32.0
    _write(ax, (x - 4, y), _NUMBERS, fontsize=_SMALL * scale, color=MUTED)
