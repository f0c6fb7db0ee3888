"""The course of arms over time: every arm of every study at every visit that was reported."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from synovia.plots.scales import robust_limits, ticks_for, week_ticks
from synovia.plots.style import (
    HAIR,
    INK,
    MUTED,
    SERIES,
    blank_axes,
    dress_axes,
    figure_of,
    house,
    new_figure,
    numbers_of,
    plain,
    say_no_data,
    text_width,
    texts_of,
    wrap,
)

__all__ = ["timecourse", "timecourse_figure"]

_MARKERS = ("o", "s", "D", "^", "v", "P", "X")
_SIZE, _SMALL = 8.5, 7.5
_PANEL, _TALL, _LEFT, _GAP = 150.0, 118.0, 46.0, 16.0

_FAR, _CENTURY = 1e12, 5200.0

Look = tuple[str, str]


def timecourse(
    arms: pd.DataFrame,
    ax: Axes | None = None,
    *,
    scale_label: str = "Mean",
    looks: Mapping[str, Look] | None = None,
) -> Axes:
    """Means of arms over time.

    Parameters
    ----------
    arms : DataFrame
        One arm at one time a row: ``study_id``, ``label`` (of the study), ``arm``, ``treatment``, ``weeks``,
        ``mean``, ``lower``, ``upper`` (NaN where unknown) and ``n``.
    ax : Axes, optional
        Where to draw.
    scale_label : str
        What the vertical axis shows, in words.
    looks : mapping of str to (colour, marker), optional
        How each treatment is drawn; by order of appearance when there is none.

    Returns
    -------
    Axes
        x is weeks, y the mean: a line for every arm, labelled with its treatment. Arms are set 1.5 points
        apart so that their intervals can be told apart. An empty frame gives axes with a sentence.

    Examples
    --------
    >>> arms = pd.DataFrame(
    ...     {"study_id": "a", "arm": "ha", "treatment": "ha", "weeks": [0.0, 12.0], "mean": [60.0, 40.0]}
    ... )
    >>> timecourse(arms).get_lines()[0].get_ydata().tolist()
    [60.0, 40.0]
    """
    with house():
        data = _tidy(arms)
        if data.empty:
            return say_no_data(ax or blank_axes(420, 80), "No data: no arm has a mean at a stated time.")
        looks = looks or _looks(data["treatment"])
        own = ax is None
        ax = ax or _own_axes()
        _draw_arms(ax, data, looks)
        _draw_axes(ax, _time_limits(data), _mean_limits(data))
        ax.set_xlabel("Weeks", fontsize=_SIZE)
        ax.set_ylabel(plain(scale_label), fontsize=_SIZE, parse_math=False)
        if own:
            handles = _keys(data, looks)
            ax.legend(
                handles=handles, loc="upper center", bbox_to_anchor=(0.47, -0.19), ncols=4, fontsize=_SMALL
            )
    return ax


def timecourse_figure(
    arms: pd.DataFrame,
    columns: int = 4,
    *,
    scale_label: str = "Mean",
    looks: Mapping[str, Look] | None = None,
) -> Figure:
    """One small panel for every study, on shared axes, with one key for all.

    Parameters
    ----------
    arms : DataFrame
        As :func:`timecourse` takes them.
    columns : int
        Panels side by side.
    scale_label : str
        What the vertical axes show, in words.
    looks : mapping of str to (colour, marker), optional
        How each treatment is drawn.

    Examples
    --------
    >>> arms = pd.DataFrame({"study_id": ["a", "b"], "weeks": [0.0, 12.0], "mean": [60.0, 40.0]})
    >>> len(timecourse_figure(arms).axes)
    2
    """
    with house():
        data = _tidy(arms)
        if data.empty:
            axes = blank_axes(420, 80)
            say_no_data(axes, "No data: no arm has a mean at a stated time.")
            return figure_of(axes)
        return _draw_panels(data, max(1, columns), scale_label, looks or _looks(data["treatment"]))


def _tidy(arms: pd.DataFrame) -> pd.DataFrame:
    """Rows with a time and a mean, in the order of time."""
    texts = {name: texts_of(arms, name) for name in ("study_id", "label", "arm", "treatment")}
    values = {name: np.clip(numbers_of(arms, name), -_FAR, _FAR) for name in ("mean", "lower", "upper")}
    values["weeks"] = np.clip(numbers_of(arms, "weeks"), -_CENTURY, _CENTURY)
    data = pd.DataFrame({**texts, **values})
    data["label"] = data["label"].where(data["label"] != "", data["study_id"])
    known = data.loc[np.isfinite(data["weeks"]) & np.isfinite(data["mean"])]
    order = pd.Series(pd.factorize(known["study_id"])[0], index=known.index)
    ranked: pd.DataFrame = known.assign(order=order).sort_values(
        ["order", "weeks"], kind="stable", ignore_index=True
    )
    del ranked["order"]
    return ranked


def _looks(treatments: pd.Series) -> dict[str, Look]:
    """A colour and a marker for every treatment, in order of appearance."""
    names = dict.fromkeys(str(name) for name in treatments)
    return dict(zip(names, zip(cycle(SERIES), cycle(_MARKERS), strict=False), strict=False))


def _own_axes() -> Axes:
    ax = blank_axes(420, 300)
    ax.set_position((0.13, 0.27, 0.84, 0.69))
    return ax


def _draw_arms(ax: Axes, data: pd.DataFrame, looks: Mapping[str, Look]) -> None:
    """A line, its marks and its intervals for every arm."""
    arms = [arm for _, arm in data.groupby(["study_id", "arm", "treatment"], sort=False)]
    figure = figure_of(ax)
    for place, arm in enumerate(arms):
        treatment = str(arm["treatment"].iloc[0])
        color, marker = looks.get(treatment, (MUTED, "o"))
        aside = ScaledTranslation((place - (len(arms) - 1) / 2) * 1.5 / 72, 0, figure.dpi_scale_trans)
        moved = ax.transData + aside
        ax.plot(
            arm["weeks"],
            arm["mean"],
            color=color,
            marker=marker,
            ms=3.6,
            lw=1.3,
            mew=0,
            transform=moved,
            label=treatment,
        )
        known = arm[np.isfinite(arm["lower"]) & np.isfinite(arm["upper"])]
        if not known.empty:
            bars = ax.vlines(known["weeks"], known["lower"], known["upper"], colors=color, lw=0.9, alpha=0.7)
            bars.set_transform(moved)


def _time_limits(data: pd.DataFrame) -> tuple[float, float]:
    first, last = min(0.0, float(data["weeks"].min())), float(data["weeks"].max())
    pad = 0.05 * (last - first) or 1.0
    return first - pad, last + pad


def _mean_limits(data: pd.DataFrame) -> tuple[float, float]:
    return robust_limits(data["mean"], data[["lower", "upper"]])


def _draw_axes(ax: Axes, times: tuple[float, float], means: tuple[float, float]) -> None:
    dress_axes(ax, ("left", "bottom"))
    ax.set(xlim=times, ylim=means)
    places, texts = ticks_for(*means, log=False)
    ax.set_yticks(places, labels=texts, parse_math=False)
    weeks = week_ticks(*times)
    ax.set_xticks(weeks, labels=[f"{week:.0f}" for week in weeks], parse_math=False)
    ax.grid(axis="y", color=HAIR, lw=0.5)
    ax.set_axisbelow(True)


def _keys(data: pd.DataFrame, looks: Mapping[str, Look]) -> list[Line2D]:
    return [
        Line2D([], [], color=looks[name][0], marker=looks[name][1], ms=4.5, lw=1.3, mew=0, label=name)
        for name in dict.fromkeys(data["treatment"])
        if name in looks
    ]


def _draw_panels(data: pd.DataFrame, columns: int, scale_label: str, looks: Mapping[str, Look]) -> Figure:
    studies = [study for _, study in data.groupby("study_id", sort=False)]
    across = min(columns, len(studies))
    down = -(-len(studies) // across)
    titles = [wrap(str(study["label"].iloc[0]), _PANEL - 4, _SMALL, bold=True, most=2) for study in studies]
    head = 12.0 + 10.0 * max(len(title) for title in titles)
    names = [str(key.get_label()) for key in _keys(data, looks)]
    widest = max([text_width(name, _SMALL) + 44.0 for name in names], default=0.0)
    width = _LEFT + max(across * (_PANEL + _GAP) + 4, widest)
    keys = _key_rows(names, width - _LEFT)
    step = head + _TALL + 10.0
    height = down * step + 30.0 + 14.0 * len(keys) + 8.0
    figure = new_figure(width, height)
    times, means = _time_limits(data), _mean_limits(data)
    for place, study in enumerate(studies):
        row, column = divmod(place, across)
        left, top = _LEFT + column * (_PANEL + _GAP), row * step + head
        ax = figure.add_axes((left / width, 1 - (top + _TALL) / height, _PANEL / width, _TALL / height))
        _draw_arms(ax, study, looks)
        _draw_axes(ax, times, means)
        lowest = place + across >= len(studies)
        ax.tick_params(labelbottom=lowest, labelleft=column == 0)
        _title(ax, titles[place])
    figure.text(
        (_LEFT + across * (_PANEL + _GAP) / 2) / width,
        (14.0 * len(keys) + 14) / height,
        "Weeks",
        fontsize=_SIZE,
        ha="center",
    )
    middle = 1 - (down * step - 5) / 2 / height
    figure.text(
        12 / width,
        middle,
        plain(scale_label),
        fontsize=_SIZE,
        rotation=90,
        va="center",
        ha="center",
        parse_math=False,
    )
    _draw_key(figure, keys, looks)
    return figure


def _title(ax: Axes, lines: Sequence[str]) -> None:
    for place, line in enumerate(reversed(lines)):
        ax.annotate(
            line,
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 6 + 10 * place),
            textcoords="offset points",
            fontsize=_SMALL,
            weight="bold",
            color=INK,
            parse_math=False,
        )


def _key_rows(names: Sequence[str], room: float) -> list[list[str]]:
    """Names of the key, in as many rows as the width asks for."""
    rows: list[list[str]] = [[]]
    used = 0.0
    for name in names:
        need = text_width(name, _SMALL) + 40.0
        if rows[-1] and used + need > room:
            rows.append([])
            used = 0.0
        rows[-1].append(name)
        used += need
    return rows


def _draw_key(figure: Figure, rows: list[list[str]], looks: Mapping[str, Look]) -> None:
    width, height = figure.get_size_inches() * 72
    for place, row in enumerate(reversed(rows)):
        x, y = _LEFT, 9.0 + 14.0 * place
        for name in row:
            color, marker = looks[name]
            key = Line2D(
                [x / width, (x + 9) / width, (x + 18) / width], [y / height] * 3, color=color, lw=1.3
            )
            key.set(marker=marker, markersize=4.5, markeredgewidth=0, markevery=[1])
            figure.add_artist(key)
            figure.text(
                (x + 23) / width, y / height, name, fontsize=_SMALL, va="center_baseline", parse_math=False
            )
            x += text_width(name, _SMALL) + 40.0
