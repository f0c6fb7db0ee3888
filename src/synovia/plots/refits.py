"""Leave-one-out and cumulative results as a forest plot."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.forest import forest
from synovia.plots.style import texts_of

__all__ = ["refits"]


def refits(
    rows: pd.DataFrame,
    *,
    whole: pd.DataFrame | None = None,
    term: str | None = None,
    scale_label: str = "Effect",
    title: str = "",
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Forest plot of one model fitted to many selections of its rows.

    Parameters
    ----------
    rows : DataFrame
        One selection a row: ``label``, ``estimate``, ``lower``, ``upper``; with several coefficients also
        ``term``, of which one is drawn. ``reason`` is printed where a selection could not be fitted.
    whole : DataFrame, optional
        The fit to all rows: the same columns.
    term : str, optional
        Coefficient to draw; the first without it.
    scale_label, title : str
        What the axis shows, and what stands above.
    log : bool
        Whether estimates are logs of ratios; the axis is then labelled in ratios.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        As ``forest``; the dashed line is the result of all rows.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["A", "B"], "estimate": [1, 2], "lower": [0, 1], "upper": [3, 4]})
    >>> bool(refits(rows).get_xlim()[1] > 4)
    True
    """
    drawn = _choose(rows, term)
    if drawn.empty:
        return forest(pd.DataFrame(), pd.DataFrame(), scale_label=scale_label, ax=ax)
    shown = pd.DataFrame({name: drawn.get(name, np.nan) for name in ("label", "estimate", "lower", "upper")})
    shown = shown.assign(weight=np.nan, note=texts_of(drawn, "reason"))
    summaries = (
        pd.DataFrame() if whole is None else _choose(whole, term).assign(label="All rows", subgroup="")
    )
    return forest(
        shown,
        summaries,
        scale_label=scale_label,
        title=title,
        favours=("", ""),
        log=log,
        columns=("effect",),
        ax=ax,
    )


def _choose(rows: pd.DataFrame, term: str | None) -> pd.DataFrame:
    if "term" not in rows.columns or rows.empty:
        return rows
    return rows.loc[rows["term"] == (rows["term"].iloc[0] if term is None else term)]
