"""The forest plot: every study's effect with its interval and weight, and what they add up to."""

from dataclasses import dataclass
from typing import Any, NotRequired, Required, TypedDict, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.transforms import Affine2D, Transform, blended_transform_factory

from synovia.plots.forest_frame import HEAD, PAD, foot_lines, needed, sides, title_lines, under_axis
from synovia.plots.forest_layout import SIZE, SMALL, Design, Line, Sheet, arrange
from synovia.plots.scales import ticks_for
from synovia.plots.style import (
    ACCENT,
    BAND,
    INK,
    MARK,
    MUTED,
    blank_axes,
    box_in_points,
    dress_axes,
    figure_of,
    house,
    say_no_data,
    text_width,
    wrap,
)

__all__ = ["RISK_OF_BIAS", "ForestOptions", "forest", "forest_figure"]

RISK_OF_BIAS = {
    "low": ("#009e73", "+"),
    "some concerns": ("#e3b23c", "–"),
    "high": ("#c8501a", "×"),
    "unclear": ("#8a949e", "?"),
}
"""Colour and sign of every judgement; the sign says it without the colour."""


class ForestOptions(TypedDict):
    """The keywords of :func:`forest`; :class:`synovia.plots.forest_layout.Design` says what they mean."""

    scale_label: Required[str]
    title: NotRequired[str]
    null: NotRequired[float]
    favours: NotRequired[tuple[str, str]]
    columns: NotRequired[tuple[str, ...]]
    log: NotRequired[bool]
    mid: NotRequired[float | None]
    interval_label: NotRequired[str]
    count_label: NotRequired[str]
    row_label: NotRequired[str]


@dataclass(frozen=True, slots=True)
class _Canvas:
    """Axes whose x is the effect and whose y is points from the top, and a transform for the text columns."""

    ax: Axes
    sheet: Sheet
    design: Design
    table: Transform
    scale: float

    def write(self, x: float, y: float, text: str, **style: Any) -> None:
        """Plain text at a place of the table, in points."""
        size = float(str(style.pop("size", SIZE))) * self.scale
        options: dict[str, Any] = {"va": "center_baseline", "clip_on": False, **style}
        self.ax.text(x, y, text, fontsize=size, transform=self.table, parse_math=False, **options)


def forest(
    rows: pd.DataFrame, summaries: pd.DataFrame, *, ax: Axes | None = None, **options: Unpack[ForestOptions]
) -> Axes:
    """Forest plot.

    Parameters
    ----------
    rows : DataFrame
        One effect a row: ``label``, ``estimate``, ``lower``, ``upper``, ``weight`` (percent; NaN for none);
        optionally ``n``, ``n_comparator``, ``subgroup``, ``risk_of_bias`` (low, some concerns, high, unclear)
        and ``note``, printed as a footnote.
    summaries : DataFrame
        One pooled result a row: ``label``, ``estimate``, ``lower``, ``upper``, ``prediction_lower``,
        ``prediction_upper`` (NaN for none), ``subgroup`` (empty for the overall result), ``text``.
    ax : Axes, optional
        Where to draw; the columns of text take their place inside its box. A figure of the right size is made
        when there is none.
    **options
        ``scale_label``, ``title``, ``null``, ``favours``, ``columns``, ``log``, ``mid``, ``interval_label``,
        ``count_label``: see :class:`synovia.plots.forest_layout.Design`.

    Returns
    -------
    Axes
        x is the effect (its log where ``log``), y is points from the top of the first line. Squares have
        areas in proportion to the weights; an arrow stands where an interval leaves the axis. An empty
        ``rows`` gives axes with a sentence.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["A 2020"], "estimate": [-5.0], "lower": [-9.0], "upper": [-1.0]})
    >>> ax = forest(rows, pd.DataFrame(), scale_label="Mean difference")
    >>> bool(ax.get_xlim()[0] < -9.0)
    True
    """
    design = Design(**options)
    with house():
        if rows.empty:
            return say_no_data(
                ax or blank_axes(420, 80), "No data: no study reports this outcome for this comparison."
            )
        sheet = arrange(rows, summaries, design)
        canvas = _canvas(ax or blank_axes(*needed(sheet, design)), sheet, design)
        for draw in (_draw_ground, _draw_table, _draw_studies, _draw_pooled, _draw_axis, _draw_feet):
            draw(canvas)
    return canvas.ax


def forest_figure(rows: pd.DataFrame, summaries: pd.DataFrame, **options: Unpack[ForestOptions]) -> Figure:
    """A figure as wide and as high as its forest plot needs.

    Parameters
    ----------
    rows, summaries : DataFrame
        As :func:`forest` takes them.
    **options
        As :func:`forest` takes them.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["A 2020"], "estimate": [-5.0], "lower": [-9.0], "upper": [-1.0]})
    >>> few = forest_figure(rows, pd.DataFrame(), scale_label="Mean difference")
    >>> many = forest_figure(pd.concat([rows] * 9), pd.DataFrame(), scale_label="Mean difference")
    >>> bool(few.get_figheight() < many.get_figheight())
    True
    """
    return figure_of(forest(rows, summaries, ax=None, **options))


def _canvas(ax: Axes, sheet: Sheet, design: Design) -> _Canvas:
    """The axes shrunk to the region of intervals; smaller boxes draw everything smaller."""
    box = box_in_points(ax)
    width, height = needed(sheet, design)
    scale = min(box.width / width, box.height / height, 1.0)
    below = PAD + under_axis(design, sheet) + 11.0 * foot_lines(sheet) + 4.0
    left, bottom = box.x0 + PAD * scale, box.y1 - (height - below) * scale
    figure = figure_of(ax)
    across, up = figure.get_size_inches() * 72
    plot_left = left + sheet.plot[0] * scale
    plot_width = (sheet.plot[1] - sheet.plot[0]) * scale
    ax.set_position((plot_left / across, bottom / up, plot_width / across, sheet.body * scale / up))
    ax.set(xlim=sheet.limits, ylim=(sheet.body, 0.0))
    points = Affine2D().scale(scale / 72).translate(left / 72, 0) + figure.dpi_scale_trans
    return _Canvas(ax, sheet, design, blended_transform_factory(points, ax.transData), scale)


def _draw_ground(canvas: _Canvas) -> None:
    """The band of unimportant effects, the null and the dashed line of the overall result."""
    ax, design = canvas.ax, canvas.design
    if design.mid is not None and np.isfinite(design.null):
        ax.axvspan(design.null - design.mid, design.null + design.mid, color=BAND, lw=0, zorder=0)
    if np.isfinite(design.null):
        ax.axvline(design.null, color=MUTED, lw=0.9 * canvas.scale, zorder=1)
    overall = [line for line in canvas.sheet.of("summary") if not line.indent]
    if overall and np.isfinite(overall[0].estimate):
        ax.vlines(
            overall[0].estimate, 0, overall[0].middle, colors=ACCENT, linestyles=(0, (3, 3)), lw=0.8, zorder=1
        )


def _rule(canvas: _Canvas, y: float, width: float, color: str) -> None:
    canvas.ax.plot(
        [0, canvas.sheet.width],
        [y, y],
        color=color,
        lw=width,
        transform=canvas.table,
        clip_on=False,
        zorder=1,
    )


def _draw_table(canvas: _Canvas) -> None:
    """Title, heads, and every cell of every line."""
    for place, text in enumerate(reversed(title_lines(canvas.design, canvas.sheet))):
        canvas.write(0, -HEAD - 8 - 15 * place, text, size=10.5, weight="bold")
    for column in canvas.sheet.columns:
        canvas.write(column.anchor, -10, column.head, size=SMALL, weight="bold", color=MUTED, ha=column.align)
    _rule(canvas, 0, 0.9, MUTED)
    for line in canvas.sheet.lines:
        _write_label(canvas, line)
        _write_cells(canvas, line)


def _write_label(canvas: _Canvas, line: Line) -> None:
    quiet = line.kind in ("text", "prediction")
    for place, text in enumerate(line.label):
        y = line.middle + 11.0 * (place - (len(line.label) - 1) / 2)
        canvas.write(
            line.indent,
            y,
            text,
            size=SMALL if quiet else SIZE,
            color=MUTED if quiet else INK,
            weight="bold" if line.kind in ("heading", "summary") else "normal",
        )


def _write_cells(canvas: _Canvas, line: Line) -> None:
    cells = {"n": line.count, "effect": line.effect, "weight": line.weight_text}
    quiet = line.kind == "prediction" or line.effect == "not estimable"
    for column in canvas.sheet.columns:
        if cells.get(column.name):
            canvas.write(
                column.anchor,
                line.middle,
                cells[column.name],
                ha=column.align,
                color=MUTED if quiet else INK,
                weight="bold" if line.kind == "summary" else "normal",
            )
        elif column.name == "risk_of_bias" and line.bias:
            _draw_judgement(canvas, column.anchor, line.middle, line.bias)


def _draw_judgement(canvas: _Canvas, x: float, y: float, judgement: str) -> None:
    color, sign = RISK_OF_BIAS.get(judgement.lower(), RISK_OF_BIAS["unclear"])
    canvas.ax.plot(
        [x], [y], "o", ms=9.5 * canvas.scale, color=color, mew=0, transform=canvas.table, clip_on=False
    )
    canvas.write(x, y, sign, size=7.5, weight="bold", color="white", ha="center")


def _draw_arrows(canvas: _Canvas, lines: tuple[Line, ...], color: str) -> None:
    """An arrowhead at the edge for every interval or estimate that goes on beyond it."""
    low, high = canvas.sheet.limits
    size = 5.0 * canvas.scale
    for line in lines:
        ends = [v for v in (line.lower, line.estimate, line.upper) if not np.isnan(v)]
        if any(v < low for v in ends):
            canvas.ax.plot([low], [line.middle], "<", color=color, ms=size, mew=0, clip_on=False, zorder=5)
        if any(v > high for v in ends):
            canvas.ax.plot([high], [line.middle], ">", color=color, ms=size, mew=0, clip_on=False, zorder=5)


def _side(weight: float, heaviest: float) -> float:
    """Side of a study's square in points: its area is in proportion to the weight."""
    if not np.isfinite(weight) or heaviest <= 0:
        return 6.0
    return float(max(2.8, 10.5 * np.sqrt(max(weight, 0.0) / heaviest)))


def _draw_studies(canvas: _Canvas) -> None:
    lines = canvas.sheet.of("study")
    bars = LineCollection(canvas.sheet.segments(), colors=INK, linewidths=1.0 * canvas.scale, zorder=3)
    bars.set_label("intervals")
    canvas.ax.add_collection(bars, autolim=False)
    _draw_arrows(canvas, lines, INK)
    heaviest = max([line.weight for line in lines if np.isfinite(line.weight)], default=0.0)
    sizes = [(_side(line.weight, heaviest) * canvas.scale) ** 2 for line in lines]
    places = [line.estimate for line in lines], [line.middle for line in lines]
    squares = canvas.ax.scatter(places[0], places[1], s=sizes, marker="s", color=MARK, lw=0, zorder=4)
    squares.set_label("estimates")
    canvas.ax.set(xlim=canvas.sheet.limits, ylim=(canvas.sheet.body, 0.0))


def _draw_pooled(canvas: _Canvas) -> None:
    """A diamond for every pooled result, a bar for every prediction interval."""
    low, high = canvas.sheet.limits
    far = 3 * (high - low)
    for line in canvas.sheet.of("summary"):
        ends = np.clip([line.lower, line.estimate, line.upper], low - far, high + far)
        left, middle, right = np.where(np.isnan(ends), ends[1], ends)
        corners = [
            (left, line.middle),
            (middle, line.middle - 5),
            (right, line.middle),
            (middle, line.middle + 5),
        ]
        if np.isfinite(middle):
            color = MARK if line.indent else ACCENT
            canvas.ax.add_patch(Polygon(corners, closed=True, facecolor=color, lw=0, zorder=4, gid="pooled"))
    for line in canvas.sheet.of("prediction"):
        ends = np.clip([line.lower, line.upper], low, high)
        if np.all(np.isfinite(ends)):
            bar = Rectangle((ends[0], line.middle - 1.6), ends[1] - ends[0], 3.2)
            bar.set(facecolor=ACCENT, alpha=0.55, lw=0, zorder=4, gid="prediction")
            canvas.ax.add_patch(bar)
    _draw_arrows(canvas, canvas.sheet.of("summary", "prediction"), ACCENT)


def _draw_axis(canvas: _Canvas) -> None:
    """Ticks, what the two sides mean, and the label of the axis."""
    ax, design, sheet = canvas.ax, canvas.design, canvas.sheet
    dress_axes(ax, ("bottom",), canvas.scale)
    places, texts = ticks_for(*sheet.limits, log=design.log)
    ax.set_xticks(places, labels=texts, parse_math=False)
    ax.set_yticks([])
    null = design.null if np.isfinite(design.null) else sum(sheet.limits) / 2
    share = (null - sheet.limits[0]) / (sheet.limits[1] - sheet.limits[0])
    centre = sheet.plot[0] + share * (sheet.plot[1] - sheet.plot[0])
    left, right = sides(design, sheet)
    for place, text in enumerate(left):
        x = max(centre - 5, text_width(text, SMALL))
        canvas.write(x, sheet.body + 22 + 10 * place, text, size=SMALL, color=MUTED, ha="right")
    for place, text in enumerate(right):
        x = min(centre + 5, sheet.width - text_width(text, SMALL))
        canvas.write(x, sheet.body + 22 + 10 * place, text, size=SMALL, color=MUTED)
    under = sheet.body + 24 + 10 * max(len(left), len(right))
    middle = (sheet.plot[0] + sheet.plot[1]) / 2
    for place, text in enumerate(wrap(design.scale_label, 330, SIZE, most=2)):
        canvas.write(middle, under + 12 * place, text, ha="center")


def _draw_feet(canvas: _Canvas) -> None:
    """The key of the judgements and the notes."""
    y = canvas.sheet.body + under_axis(canvas.design, canvas.sheet) + 8
    if any(line.bias for line in canvas.sheet.lines):
        x = text_width("Risk of bias:", SMALL) + 12
        canvas.write(0, y, "Risk of bias:", size=SMALL, color=MUTED)
        for judgement in RISK_OF_BIAS:
            _draw_judgement(canvas, x, y, judgement)
            canvas.write(x + 9, y, judgement, size=SMALL, color=MUTED)
            x += text_width(judgement, SMALL) + 26
        y += 11
    for place, text in enumerate(canvas.sheet.footnotes):
        canvas.write(0, y + 11 * place, text, size=SMALL, color=MUTED)
