"""Weights of the analyst's own: for a generalised Q, or for the mean itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis.rows import Rows, read_numbers, require_columns

__all__ = ["GeneralisedQ", "read_row_weights"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GeneralisedQ:
    """An estimator of tau2: a generalised Q with weights fixed in advance.

    Attributes
    ----------
    weights : str
        Column of weights above 0, or "equal".
    median : bool
        Whether tau2 makes the observed Q the median of its distribution, rather than its expectation.

    Notes
    -----
    DerSimonian & Kacker (2007), Contemporary Clinical Trials 28, 105-114; the median: Viechtbauer (2021),
    Handbook of Meta-Analysis, chapter 11.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import GeneralisedQ, meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.9, 0.3], "variance": [0.02, 0.03, 0.01], "n": [9, 6, 18]})
    >>> print(f"{meta(trials, tau2=GeneralisedQ('n')).tau2:.3f}")
    0.105
    """

    weights: str
    median: bool = False

    def __str__(self) -> str:
        goal = "median of a" if self.median else "a"
        return f"{goal} generalised Q with weights {self.weights}"


def read_row_weights(rows: Rows, weights: str) -> Floats:
    """(n,) weights of the rows used.

    Parameters
    ----------
    rows : Rows
        The effects.
    weights : str
        A column, or "equal".

    Raises
    ------
    SynthesisError
        When the column does not exist, or a row used has no weight above 0; it is named.
    """
    if weights == "equal":
        return np.ones(rows.y.size)
    require_columns(rows.data, [weights])
    values = read_numbers(rows.used, weights, rows.used_labels)
    good = values > 0
    if not good.all():
        row = int(np.argmin(good))
        found = "no weight" if np.isnan(values[row]) else f"weight {values[row]:g}"
        raise SynthesisError(
            f"{rows.used_labels[row]} has {found} in column {weights}; wanted a number above 0. Correct it."
        )
    return np.asarray(values)
