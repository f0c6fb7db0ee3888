"""The league table as a picture: every comparison in one square."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from synovia.plots.style import (
    FAINT,
    HAIR,
    INK,
    MUTED,
    blank_axes,
    house,
    numbers_of,
    plain,
    say_no_data,
    text_width,
    wrap,
)

__all__ = ["league"]

_NO_DATA = "No data: the network has no comparison."
_SIZE, _ROW, _FOOT, _CLEAR = 7.5, 30.0, 34.0, "#d7e6d5"


def league(
    cells: pd.DataFrame, rows: pd.DataFrame, *, null: float = 0.0, caption: str = "", ax: Axes | None = None
) -> Axes:
    r"""League table.

    Parameters
    ----------
    cells : DataFrame
        Square: the text of every cell, named by treatment on both sides.
    rows : DataFrame
        The numbers behind: ``treatment_1``, ``treatment_2``, ``evidence`` ("network" stands below the
        diagonal, anything else above it), ``lower`` and ``upper``.
    null : float
        The value of no effect, on the scale of the numbers.
    caption : str
        Stands below.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Cells whose interval excludes the null are green; the diagonal holds the names.

    Examples
    --------
    >>> cells = pd.DataFrame([["A", ""], ["1.0 (0.5 to 1.5)", "B"]], index=["A", "B"], columns=["A", "B"])
    >>> rows = pd.DataFrame({"treatment_1": ["A"], "treatment_2": ["B"], "evidence": ["network"],
    ...                      "lower": [0.5], "upper": [1.5]})
    >>> [text.get_text() for text in league(cells, rows).texts]
    ['A', '1.0\n(0.5 to 1.5)', 'B']
    """
    names = [plain(name) for name in cells.columns]
    with house():
        if not names:
            return say_no_data(ax or blank_axes(420, 80), _NO_DATA)
        texts = [[plain(cell) for cell in line] for line in cells.to_numpy().tolist()]
        width = _find_width(texts)
        foot = _FOOT if caption else 4.0
        ax = ax or blank_axes(width * len(names) + 8, _ROW * len(names) + foot + 4)
        ax.set(xlim=(-0.02, len(names) + 0.02), ylim=(len(names) + foot / _ROW, -0.1))
        ax.set_axis_off()
        clear = _find_clear(rows, names, null)
        for i, line in enumerate(texts):
            for j, text in enumerate(line):
                _draw_cell(ax, (i, j), text, clear)
        if caption:
            said = "\n".join(wrap(caption, width * len(names), 7.0, most=3))
            ax.text(0, len(names) + 0.15, said, fontsize=7, color=MUTED, va="top", parse_math=False)
    return ax


def _find_width(texts: list[list[str]]) -> float:
    """Points that the widest line of any cell needs."""
    parts = [
        part for i, line in enumerate(texts) for j, cell in enumerate(line) for part in _split(cell, i == j)
    ]
    return 12.0 + min(120.0, max(text_width(part, _SIZE, bold=True) for part in parts))


def _split(text: str, name: bool) -> tuple[str, ...]:
    """An estimate stands above its interval; a name is wrapped."""
    estimate, bracket, rest = text.partition(" (")
    if bracket and not name:
        return (*wrap(estimate, 108.0, _SIZE, most=1), *wrap(f"({rest}", 108.0, _SIZE, most=1))
    return wrap(text, 108.0, _SIZE, bold=True, most=2)


def _find_clear(rows: pd.DataFrame, names: list[str], null: float) -> set[tuple[int, int]]:
    """Cells whose interval excludes the null."""
    place = {name: number for number, name in enumerate(names)}
    found = set()
    limits = zip(numbers_of(rows, "lower"), numbers_of(rows, "upper"), strict=True)
    keys = zip(rows["treatment_1"], rows["treatment_2"], rows["evidence"], strict=True)
    for (first, second, evidence), (lower, upper) in zip(keys, limits, strict=True):
        if lower > null or upper < null:
            i, j = place[plain(first)], place[plain(second)]
            found.add((j, i) if evidence == "network" else (i, j))
    return found


def _draw_cell(ax: Axes, at: tuple[int, int], text: str, clear: set[tuple[int, int]]) -> None:
    i, j = at
    colour = FAINT if i == j else (_CLEAR if at in clear else "white")
    ax.add_patch(Rectangle((j, i), 1, 1, facecolor=colour, edgecolor=HAIR, lw=0.7, zorder=1))
    if text:
        ax.text(
            j + 0.5,
            i + 0.5,
            "\n".join(_split(text, i == j)),
            fontsize=_SIZE,
            fontweight="bold" if i == j else "normal",
            color=INK,
            ha="center",
            va="center",
            parse_math=False,
            zorder=2,
        )
