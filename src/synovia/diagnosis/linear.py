"""Questions about combinations of coefficients: named contrasts, joint tests, differences between levels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, Wald, quantile, tail, wald
from synovia.synthesis import Fit
from synovia.synthesis.fit import require_fit
from synovia.synthesis.regression import read_new_rows

__all__ = ["Contrasts", "contrast", "pairwise"]

Floats = NDArray[np.float64]
Combination = Mapping[str, float] | Sequence[float]

ADJUSTMENTS = ("none", "bonferroni", "holm")


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """Combinations of coefficients.

    Attributes
    ----------
    table : DataFrame
        One row per combination; ``tidy`` describes the columns.
    matrix : ndarray of shape (m, p)
        The combinations.
    joint : Wald or Inapplicable
        Whether all of them are as the null hypothesis says.
    """

    table: pd.DataFrame
    matrix: Floats
    joint: Wald | Inapplicable

    drawing: ClassVar[str] = "contrasts"

    def tidy(self) -> pd.DataFrame:
        """One row per combination.

        Returns
        -------
        DataFrame
            label, estimate, std_error, statistic, df, p_value (adjusted where asked), lower, upper, level,
            adjustment.
        """
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.table}

    def __str__(self) -> str:
        return self.table.to_string()


def contrast(
    fit: Fit, combinations: Mapping[str, Combination], *, null: float = 0.0, adjust: str = "none"
) -> Contrasts:
    r"""Estimates, intervals and tests of combinations of coefficients.

    Parameters
    ----------
    fit : Fit
        Any fit.
    combinations : mapping of str to mapping or sequence
        What each combination is called, and its weights: by name of coefficient, those not named being 0, or
        one number per coefficient.
    null : float
        Value that each combination is tested against.
    adjust : {"none", "bonferroni", "holm"}
        How p-values account for their number; intervals are not widened.

    Returns
    -------
    Contrasts

    Raises
    ------
    SynthesisError
        When a coefficient does not exist or combinations cannot be told apart; they are named.

    Notes
    -----
    .. math:: t = \frac{l'\hat\beta - l_0}{\sqrt{l'Cl}}

    with the degrees of freedom that the fit's inference gives each combination.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame(
    ...     {"estimate": [0.1, 0.4, 0.3, 0.6], "variance": [0.02, 0.03, 0.01, 0.02], "dose": [1, 2, 1, 3]}
    ... )
    >>> fit = meta(trials, "estimate ~ dose", inference="z")
    >>> contrast(fit, {"dose 3": {"Intercept": 1, "dose": 3}}).tidy()[["label", "estimate"]].round(3)
        label  estimate
    0  dose 3     0.595
    """
    require_fit(fit)
    if adjust not in ADJUSTMENTS:
        raise SynthesisError(f"Found adjust {adjust!r}; wanted one of {', '.join(ADJUSTMENTS)}.")
    if not combinations:
        raise SynthesisError("There are no combinations to test; name at least one.")
    names = fit.names.coefficients
    matrix = np.array([_read(name, weights, names) for name, weights in combinations.items()])
    return _evaluate(fit, tuple(combinations), matrix, null, adjust)


def _read(name: str, weights: Combination, names: tuple[str, ...]) -> list[float]:
    if isinstance(weights, Mapping):
        unknown = [term for term in weights if term not in names]
        if unknown:
            raise SynthesisError(f"{name} uses {unknown[0]!r}; the coefficients are {', '.join(names)}.")
        return [float(weights.get(term, 0.0)) for term in names]
    values = [float(weight) for weight in weights]
    if len(values) != len(names):
        raise SynthesisError(
            f"{name} has {len(values)} weights; wanted {len(names)}, one for each of {', '.join(names)}."
        )
    return values


def _evaluate(fit: Fit, labels: tuple[str, ...], matrix: Floats, null: float, adjust: str) -> Contrasts:
    inference, level = fit.inference, fit.settings.level
    estimate = matrix @ fit.point.beta
    error = np.sqrt(((matrix @ inference.cov) * matrix).sum(axis=1))
    df = inference.degrees(matrix)
    with np.errstate(divide="ignore", invalid="ignore"):  # an empty combination has no error
        statistic = (estimate - null) / error
    half = np.array([quantile(level, value) for value in df.tolist()]) * error
    table = pd.DataFrame(
        {
            "label": labels,
            "estimate": estimate,
            "std_error": error,
            "statistic": statistic,
            "df": df,
            "p_value": _adjust(tail(statistic, df), adjust),
            "lower": estimate - half,
            "upper": estimate + half,
            "level": level,
            "adjustment": adjust,
        }
    )
    return Contrasts(table, matrix, _test_together(fit, matrix, null))


def _test_together(fit: Fit, matrix: Floats, null: float) -> Wald | Inapplicable:
    independent = matrix[_find_independent(matrix)]
    if null != 0:
        if len(independent) < len(matrix):
            return Inapplicable("some combinations follow from others, so they cannot all have that value")
        shift = np.linalg.lstsq(matrix, np.full(len(matrix), null), rcond=None)[0]
        return wald(fit.point.beta - shift, fit.inference, matrix)
    return wald(fit.point.beta, fit.inference, independent)


def _find_independent(matrix: Floats) -> list[int]:
    """Rows that do not follow from those before them."""
    kept: list[int] = []
    for row in range(len(matrix)):
        if np.linalg.matrix_rank(matrix[[*kept, row]]) > len(kept):
            kept.append(row)
    return kept


def _adjust(p_values: Floats, how: str) -> Floats:
    if how == "none":
        return p_values
    count = p_values.size
    if how == "bonferroni":
        return np.minimum(1.0, count * p_values)
    order = np.argsort(p_values, kind="stable")
    stepped = np.maximum.accumulate(p_values[order] * np.arange(count, 0, -1))
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(1.0, stepped)
    return adjusted


def pairwise(fit: Fit, factor: str, *, adjust: str = "holm") -> Contrasts:
    """Differences between every two levels of a factor.

    Parameters
    ----------
    fit : Fit
        With the factor among its moderators.
    factor : str
        Column of the factor.
    adjust : {"none", "bonferroni", "holm"}
        How p-values account for the number of pairs.

    Returns
    -------
    Contrasts
        Named "level - level". Other moderators are averaged over the rows used, which matters only when
        they interact with the factor.

    Raises
    ------
    SynthesisError
        When the factor is not a moderator or has fewer than two levels.

    Notes
    -----
    Holm (1979), Scandinavian Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame(
    ...     {"estimate": [0.1, 0.4, 0.3, 0.6], "variance": [0.02, 0.03, 0.01, 0.02], "arm": list("abac")}
    ... )
    >>> pairwise(meta(trials, "estimate ~ arm", inference="z"), "arm").tidy().label.tolist()
    ['b - a', 'c - a', 'c - b']
    """
    if adjust not in ADJUSTMENTS:
        raise SynthesisError(f"Found adjust {adjust!r}; wanted one of {', '.join(ADJUSTMENTS)}.")
    if factor not in fit.design.needs:
        raise SynthesisError(
            f"{factor!r} is not a moderator of {fit.settings.formula!r}; the moderators are "
            f"{', '.join(fit.design.needs) or 'none'}."
        )
    used = fit.rows.used
    levels = sorted(used[factor].unique(), key=str)
    if len(levels) < 2:
        raise SynthesisError(f"{factor} has one level; wanted at least two to compare.")
    means = {
        level: read_new_rows(fit.design, used.assign(**{factor: level})).mean(axis=0) for level in levels
    }
    pairs = [(one, two) for place, two in enumerate(levels) for one in levels[place + 1 :]]
    labels = tuple(f"{one} - {two}" for one, two in pairs)
    return _evaluate(fit, labels, np.array([means[one] - means[two] for one, two in pairs]), 0.0, adjust)
