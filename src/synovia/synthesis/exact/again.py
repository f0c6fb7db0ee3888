"""A model of counts fitted to many selections of its studies, one row each."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable
from synovia.synthesis.fit import Fit
from synovia.synthesis.refit import refit

__all__ = ["refit_each"]

MEASURES = ("q", "q_p_value", "i2", "h2")
COEFFICIENT = ("estimate", "std_error", "statistic", "df", "p_value", "lower", "upper")


def refit_each(fit: Fit, labels: Sequence[str], selections: Iterable[NDArray[np.intp]]) -> pd.DataFrame:
    """Leave-one-out and cumulative tables of a model of counts: whatever the selections are.

    Parameters
    ----------
    fit : Fit
        A fit of this package.
    labels : sequence of str
        Names of the selections.
    selections : iterable of ndarray of int
        Rows used that stay, counted from 0.

    Returns
    -------
    DataFrame
        label, term, effects, estimate, std_error, statistic, df, p_value, lower, upper, q, q_p_value, i2
        (percent), h2, the variances, reason (why a selection could not be fitted).
    """
    parts = [_refit_one(fit, label, rows) for label, rows in zip(labels, selections, strict=True)]
    return pd.concat(parts, ignore_index=True)


def _refit_one(fit: Fit, label: str, rows: NDArray[np.intp]) -> pd.DataFrame:
    keep = np.zeros(fit.problem.n, dtype=bool)
    keep[rows] = True
    terms = list(fit.names.coefficients)
    frame = pd.DataFrame({"label": label, "term": terms, "effects": int(keep.sum())})
    numbers = (*COEFFICIENT, *MEASURES, *fit.names.variances)
    try:
        part = refit(fit, keep)
    except SynthesisError as problem:
        return frame.assign(**dict.fromkeys(numbers, np.nan), reason=str(problem))
    told = part.tidy()[list(COEFFICIENT)]
    measured = {name: _number(getattr(part.heterogeneity, name)) for name in MEASURES}
    variances = dict(zip(fit.names.variances, part.point.psi.tolist(), strict=True))
    return pd.concat([frame, told], axis=1).assign(**measured, **variances, reason="")


def _number(value: float | Inapplicable) -> float:
    return np.nan if isinstance(value, Inapplicable) else value
