"""Direct, indirect and network estimates of every comparison, one under the other."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synovia.plots.forest import forest
from synovia.plots.style import blank_axes, house, numbers_of, say_no_data, texts_of

__all__ = ["split"]

_NO_DATA = (
    "Incoherence cannot be tested: no comparison has both direct and indirect evidence. This does not mean "
    "that it is absent."
)
_KINDS = (("direct", "Direct"), ("indirect", "Indirect"), ("network", "Network"))


def split(
    rows: pd.DataFrame,
    *,
    scale_label: str = "Effect",
    title: str = "",
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Forest plot of direct against indirect evidence.

    Parameters
    ----------
    rows : DataFrame
        One comparison a row: ``treatment_1``, ``treatment_2``; ``direct``, ``indirect`` and ``network``, each
        with ``_lower`` and ``_upper``; ``p_value`` of their difference; optionally ``k``, trials that compare
        both, and ``direct_share``.
    scale_label, title : str
        What the axis shows, and what stands above.
    log : bool
        Whether estimates are logs of ratios; the axis is then labelled in ratios.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        As ``forest``, with a heading per comparison and three lines under it; a sentence where nothing can be
        tested.

    Examples
    --------
    >>> row = {"treatment_1": "A", "treatment_2": "B", "p_value": 0.04}
    >>> for kind in ("direct", "indirect", "network"):
    ...     row |= {kind: 1.0, f"{kind}_lower": 0.0, f"{kind}_upper": 2.0}
    >>> bool(split(pd.DataFrame([row])).get_xlim()[1] > 2)
    True
    """
    if rows.empty:
        with house():
            return say_no_data(ax or blank_axes(560, 80), _NO_DATA)
    return forest(
        _lines(rows),
        pd.DataFrame(),
        scale_label=scale_label,
        title=title,
        favours=("", ""),
        log=log,
        columns=("effect",),
        row_label="Evidence",
        ax=ax,
    )


def _lines(rows: pd.DataFrame) -> pd.DataFrame:
    """Three lines for each comparison."""
    heads = _heads(rows)
    parts = [
        pd.DataFrame(
            {
                "subgroup": heads,
                "label": label,
                "estimate": numbers_of(rows, kind),
                "lower": numbers_of(rows, f"{kind}_lower"),
                "upper": numbers_of(rows, f"{kind}_upper"),
                "weight": np.nan,
                "place": np.arange(len(rows)),
            }
        )
        for kind, label in _KINDS
    ]
    return pd.concat(parts).sort_values("place", kind="stable").drop(columns="place").reset_index(drop=True)


def _heads(rows: pd.DataFrame) -> list[str]:
    names = zip(texts_of(rows, "treatment_1"), texts_of(rows, "treatment_2"), strict=True)
    tests = zip(numbers_of(rows, "p_value"), numbers_of(rows, "direct_share"), strict=True)
    heads = []
    for (one, other), (p, share) in zip(names, tests, strict=True):
        said = [f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"] if np.isfinite(p) else []
        said += [f"{100 * share:.0f} % direct"] if np.isfinite(share) else []
        heads.append(f"{one} vs {other}" + (f" ({', '.join(said)})" if said else ""))
    return heads
