"""The PRISMA 2020 flow diagram, drawn from counts that a ledger gives."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from synovia.plots.flow_layout import SIZE, Arrow, Box, Diagram, arrange
from synovia.plots.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    blank_axes,
    box_in_points,
    figure_of,
    house,
    say_no_data,
    text_width,
)

__all__ = ["flow", "flow_figure"]

_PHASES = {"Identification": "#d9e5f1", "Screening": "#e3ecf3", "Included": "#d3e8df"}


def flow(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    r"""PRISMA 2020 flow diagram.

    Parameters
    ----------
    counts : DataFrame
        One count a row: ``box`` (identified-databases, identified-registers, removed-duplicates,
        removed-automatic, removed-other, screened, excluded, awaiting, sought, not-retrieved, assessed,
        excluded-full-text, identified-other, other-sought, other-not-retrieved, other-assessed,
        other-excluded, included-studies, included-reports), ``count`` (NaN prints "n not reported"), and
        optionally ``label`` (the diagram's own words when empty) and ``detail``: lines, such as one for
        every database or every reason.
    ax : Axes, optional
        Where to draw; a figure of the right size is made when there is none.

    Returns
    -------
    Axes
        In points from the upper left corner. Boxes without a row are not drawn, nor are the columns of other
        methods when none is counted. An empty frame gives axes with a sentence.

    Raises
    ------
    TableError
        When a row names no box of the diagram.

    Notes
    -----
    Page and others (2021), BMJ 372, n71, figure 1.

    Examples
    --------
    >>> counts = pd.DataFrame({"box": ["screened", "excluded"], "count": [148, 66]})
    >>> ax = flow(counts)
    >>> [text.get_text() for text in ax.texts if "148" in text.get_text()]
    ['Records screened (n = 148)']
    """
    with house():
        if counts.empty:
            return say_no_data(ax or blank_axes(420, 80), "No data: no record has been counted yet.")
        diagram = arrange(counts)
        ax = ax or blank_axes(diagram.width, diagram.height)
        scale = _fit(ax, diagram)
        for phase in diagram.phases:
            _draw_phase(ax, *phase, scale)
        for words, left, width in diagram.heads:
            _draw_head(ax, words, (left, width), scale)
        for arrow in diagram.arrows:
            _draw_arrow(ax, arrow, scale)
        for box in diagram.boxes:
            _draw_box(ax, box, scale)
    return ax


def flow_figure(counts: pd.DataFrame) -> Figure:
    """A figure as large as its flow diagram needs.

    Parameters
    ----------
    counts : DataFrame
        As :func:`flow` takes them.

    Examples
    --------
    >>> bool(flow_figure(pd.DataFrame({"box": ["screened"], "count": [148]})).get_figwidth() > 2)
    True
    """
    return figure_of(flow(counts))


def _fit(ax: Axes, diagram: Diagram) -> float:
    """Show the whole diagram in the axes, without distortion; the answer is its scale."""
    box = box_in_points(ax)
    scale = min(box.width / diagram.width, box.height / diagram.height)
    ax.set_axis_off()
    across, down = box.width / scale, box.height / scale
    spare = (across - diagram.width) / 2
    ax.set(xlim=(-spare, across - spare), ylim=(down, 0.0))
    return scale


def _draw_phase(ax: Axes, name: str, top: float, bottom: float, scale: float) -> None:
    color = _PHASES[name]
    ax.add_patch(
        FancyBboxPatch(
            (12, top),
            20,
            bottom - top,
            boxstyle="round,pad=0,rounding_size=4",
            facecolor=color,
            edgecolor="none",
        )
    )
    size = min(SIZE, (bottom - top - 6) / text_width(name, 1.0, bold=True))
    ax.text(
        22,
        (top + bottom) / 2,
        name,
        rotation=90,
        rotation_mode="anchor",
        ha="center",
        va="center_baseline",
        fontsize=size * scale,
        weight="bold",
        color=ACCENT,
    )


def _draw_head(ax: Axes, words: str, place: tuple[float, float], scale: float) -> None:
    left, width = place
    ax.add_patch(
        FancyBboxPatch(
            (left, 8), width, 17, boxstyle="round,pad=0,rounding_size=4", facecolor=FAINT, edgecolor="none"
        )
    )
    ax.text(
        left + width / 2,
        16.5,
        words,
        ha="center",
        va="center_baseline",
        fontsize=SIZE * scale,
        weight="bold",
        color=INK,
    )


def _draw_arrow(ax: Axes, arrow: Arrow, scale: float) -> None:
    xs, ys = zip(*arrow.points[:-1], strict=True)
    ax.plot(xs, ys, color=MUTED, lw=1.0 * scale, solid_capstyle="butt", solid_joinstyle="miter")
    ax.add_patch(
        FancyArrowPatch(
            arrow.points[-2],
            arrow.points[-1],
            arrowstyle="-|>",
            mutation_scale=8 * scale,
            shrinkA=0,
            shrinkB=0.5,
            color=MUTED,
            lw=1.0 * scale,
        )
    )


def _draw_box(ax: Axes, box: Box, scale: float) -> None:
    included, waiting = box.name == "included", box.name == "awaiting"
    ax.add_patch(
        FancyBboxPatch(
            (box.left, box.top),
            box.width,
            box.height,
            boxstyle="round,pad=0,rounding_size=3",
            facecolor="#f1f8f4" if included else "white",
            edgecolor="#3c8a6a" if included else MUTED,
            linestyle=(0, (4, 3)) if waiting else "solid",
            lw=(1.2 if included else 0.9) * scale,
            gid=f"box-{box.name}",
        )
    )
    first = box.middle - 11.5 * (len(box.lines) - 1) / 2
    for place, (line, quiet) in enumerate(box.lines):
        ax.text(
            box.left + (18 if quiet else 8),
            first + 11.5 * place,
            line,
            va="center_baseline",
            fontsize=SIZE * scale,
            color=MUTED if quiet else INK,
            parse_math=False,
        )
