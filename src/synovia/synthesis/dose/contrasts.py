"""From the arms of studies to contrasts with one dose of each, as ``dose_response`` takes them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis.rows import find_missing, read_numbers, require_columns

__all__ = ["dose_contrasts"]

Floats = NDArray[np.float64]

KINDS = {"MD": "md", "SMD": "smd", "OR": "cc", "RR": "ci", "IRR": "ir"}
"""Effect measures, and the type of study that ``dose_response`` knows them as."""

NEEDED = {"MD": ("mean", "sd", "n"), "SMD": ("mean", "sd", "n")}
COUNTED = ("cases", "n")


@dataclass(frozen=True, slots=True)
class _Arms:
    """Numbers of the arms of one study, the reference first."""

    mean: Floats
    sd: Floats
    cases: Floats
    n: Floats

    @property
    def pooled(self) -> float:
        """Standard deviation within arms."""
        return float(np.sqrt(((self.n - 1) @ self.sd**2) / (self.n - 1).sum()))


def dose_contrasts(
    data: pd.DataFrame,
    measure: str = "MD",
    *,
    study: str = "study_id",
    dose: str = "dose",
    reference: str | None = None,
    pooled: bool = True,
) -> pd.DataFrame:
    r"""Contrasts of doses with the lowest dose of their study, and what their covariance is made from.

    Parameters
    ----------
    data : DataFrame
        One row per arm: mean, sd and n for "MD" and "SMD"; cases and n (people, or person-time for "IRR") for
        the ratios.
    measure : {"MD", "SMD", "OR", "RR", "IRR"}
        Effect measure; ratios become logarithms.
    study, dose : str
        Columns.
    reference : str, optional
        Column that is true in the row that the others of its study are against; the lowest dose without it.
    pooled : bool
        Whether arms of a study have one standard deviation, pooled over them all. Standardised differences
        always have.

    Returns
    -------
    DataFrame
        The table with estimate, std_error and type; sd is what was pooled.

    Raises
    ------
    SynthesisError
        When a number is missing or cannot be used, or a study has no reference; the row is named.

    Notes
    -----
    With the pooled variance :math:`s^2`, the reference 0 and N people in all,

    .. math:: d_j = \bar y_j - \bar y_0,\; \operatorname{Var} d_j = s^2\Bigl(\frac{1}{n_j} +
        \frac{1}{n_0}\Bigr), \qquad g_j = \frac{\bar y_j - \bar y_0}{s},\; \operatorname{Var} g_j =
        \frac{1}{n_j} + \frac{1}{n_0} + \frac{g_j^2}{2N}

    Crippa & Orsini (2016), BMC Medical Research Methodology 16, 91; Gleser & Olkin (2009), in The Handbook of
    Research Synthesis and Meta-Analysis, chapter 19.

    Examples
    --------
    >>> arms = pd.DataFrame({"study_id": "a", "dose": [0, 10, 20], "mean": [5.0, 7.0, 8.0],
    ...                      "sd": [2.0, 2.0, 2.0], "n": [50, 40, 25]})
    >>> dose_contrasts(arms)[["dose", "estimate", "std_error"]].round(3)
       dose  estimate  std_error
    0     0       0.0        NaN
    1    10       2.0      0.424
    2    20       3.0      0.490
    """
    if measure not in KINDS:
        raise SynthesisError(f"Found measure {measure!r}; wanted one of {', '.join(KINDS)}.")
    needed = NEEDED.get(measure, COUNTED)
    require_columns(data, [study, dose, *needed, *([reference] if reference else [])])
    table = data.reset_index(drop=True)
    labels = [f"Row {row} ({one})" for row, one in enumerate(table[study].astype(str), start=1)]
    doses = _read_positive(table, dose, labels, least=-np.inf)
    numbers = {name: _read_positive(table, name, labels, least=_find_least(name)) for name in needed}
    base = _find_references(table, (study, reference), doses)
    made = [np.full(len(table), np.nan) for _ in range(3)]
    for place in np.unique(base).tolist():
        rows = np.flatnonzero(base == place)
        order = np.r_[place, rows[rows != place]]
        found = _contrast(_take(numbers, order), measure, pooled=pooled)
        for column, values in zip(made, found, strict=True):
            column[order] = values
    extra = {"sd": made[2]} if measure in NEEDED else {}
    return table.assign(estimate=made[0], std_error=made[1], type=KINDS[measure], **extra)


def _find_least(name: str) -> float:
    """What a number has to be above."""
    return -np.inf if name == "mean" else 0.0


def _read_positive(table: pd.DataFrame, name: str, labels: list[str], *, least: float) -> Floats:
    values = read_numbers(table, name, labels)
    wrong = ~np.isfinite(values) | (values <= least)
    if wrong.any():
        row = int(np.argmax(wrong))
        said = f"no {name}" if np.isnan(values[row]) else f"{name} {values[row]:g}"
        wanted = "a number" if np.isinf(least) else f"a number above {least:g}"
        raise SynthesisError(f"{labels[row]} has {said}; wanted {wanted}. Fill it in, or leave the arm out.")
    return values


def _find_references(table: pd.DataFrame, columns: tuple[str, str | None], doses: Floats) -> NDArray[np.intp]:
    """(n,) row that each row is against."""
    study, marked = columns
    out = np.empty(len(table), dtype=np.intp)
    codes, names = pd.factorize(table[study])
    for number, name in enumerate(names):
        rows = np.flatnonzero(codes == number)
        if marked is None:
            chosen = rows[doses[rows] == doses[rows].min()]
        else:
            marks = table.loc[rows, marked]
            chosen = rows[(~find_missing(marks)) & marks.astype(bool).to_numpy()]
        if chosen.size != 1:
            said = (
                f"{chosen.size} arms at its lowest dose" if marked is None else f"{chosen.size} rows marked"
            )
            raise SynthesisError(
                f"Study {name} has {said}; wanted one to be the reference. Merge arms of one dose, or mark "
                "one row in a column and name it with reference=."
            )
        out[rows] = chosen[0]
    return out


def _take(numbers: dict[str, Floats], order: NDArray[np.intp]) -> _Arms:
    empty = np.full(order.size, np.nan)
    read = {name: numbers[name][order] if name in numbers else empty for name in ("mean", "sd", "cases", "n")}
    return _Arms(**read)


def _contrast(arms: _Arms, measure: str, *, pooled: bool) -> tuple[Floats, Floats, Floats]:
    """Estimates, standard errors and standard deviations, the reference first."""
    n, sd = arms.n, arms.sd
    if measure in NEEDED:
        if pooled or measure == "SMD":
            sd = np.full(n.size, arms.pooled)
        if measure == "MD":
            y, v = arms.mean - arms.mean[0], sd**2 / n + sd[0] ** 2 / n[0]
        else:
            y = (arms.mean - arms.mean[0]) / sd
            v = 1 / n + 1 / n[0] + y**2 / (2 * n.sum())
    else:
        y, v = _compare_counts(arms, measure)
    error = np.sqrt(v)
    error[0] = np.nan
    return y, error, sd


def _compare_counts(arms: _Arms, measure: str) -> tuple[Floats, Floats]:
    cases, n = arms.cases, arms.n
    if measure != "IRR" and (cases >= n).any():
        place = int(np.argmax(cases >= n))
        raise SynthesisError(
            f"Found {cases[place]:g} cases among {n[place]:g}; wanted fewer cases than n. Leave the arm out."
        )
    if measure == "OR":
        level, spread = np.log(cases / (n - cases)), 1 / cases + 1 / (n - cases)
    else:
        level, spread = np.log(cases / n), 1 / cases - (1 / n if measure == "RR" else 0.0)
    return level - level[0], spread + spread[0]
