"""The answer without each study in turn, and the answer as studies came in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from synovia.diagnosis.deletion import Part, delete, find_q, fit_parts, has_one_scale, make_groups
from synovia.errors import SynthesisError
from synovia.kernel import point, quantile, tail, trace_projection
from synovia.synthesis import Fit
from synovia.synthesis.exact.again import refit_each
from synovia.synthesis.fit import require_fit

__all__ = ["Refits", "cumulative", "leave_one_out"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Refits:
    """One model fitted to many selections of its rows.

    Attributes
    ----------
    table : DataFrame
        One row per selection and coefficient; ``tidy`` describes the columns.
    whole : DataFrame
        ``tidy`` of the fit to all rows.
    title : str
        What was done with the rows named.
    """

    table: pd.DataFrame
    whole: pd.DataFrame
    title: str

    drawing: ClassVar[str] = "refits"

    def tidy(self) -> pd.DataFrame:
        """One row per selection and coefficient.

        Returns
        -------
        DataFrame
            label, term, effects (how many were fitted), estimate, std_error, statistic, df, p_value, lower,
            upper, q, q_p_value, i2 (percent), h2, one column per variance, reason (why the selection could
            not be fitted; empty where it could).
        """
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.table, "whole": self.whole, "title": self.title}

    def __str__(self) -> str:
        return self.table.to_string()


def leave_one_out(fit: Fit, by: str | None = None) -> Refits:
    """The model without each row, or each group of rows, in turn.

    Parameters
    ----------
    fit : Fit
        Any fit.
    by : str, optional
        Column whose values are left out one after another, such as ``study``; every row by itself without it.

    Returns
    -------
    Refits
        Variances are chosen anew every time; ``label`` names what was left out.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> leave_one_out(meta(trials, inference="z")).tidy().estimate.round(3).tolist()
    [0.325, 0.225, 0.233]
    """
    groups, title = make_groups(fit, by), "Each left out in turn"
    labels = [group.label for group in groups]
    if fit.settings.counts:
        rest = [np.delete(np.arange(fit.problem.n), group.rows) for group in groups]
        return Refits(refit_each(fit, labels, rest), fit.tidy(), title)
    return _collect(fit, labels, delete(fit, groups), title)


def cumulative(fit: Fit, order: str | ArrayLike | None = None, *, by: str | None = None) -> Refits:
    """The model as rows, or groups of rows, were added one after another.

    Parameters
    ----------
    fit : Fit
        Any fit.
    order : str or array_like of shape (n,), optional
        Column, or one number per row used, in whose rising order rows are added; as they stand without it.
        A group comes in with the first of its rows. Equal values keep their order.
    by : str, optional
        Column whose values come in together.

    Returns
    -------
    Refits
        ``label`` names what was added last. A single study is itself, with a normal interval.

    Raises
    ------
    SynthesisError
        When a column does not exist, or ``order`` does not give every row used one number.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame(
    ...     {"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01], "year": [2003, 2001, 2002]}
    ... )
    >>> cumulative(meta(trials, inference="z"), "year").tidy().estimate.round(3).tolist()
    [0.4, 0.325, 0.264]
    """
    require_fit(fit)
    place = _rank(fit, order)
    groups = sorted(make_groups(fit, by), key=lambda group: int(place[group.rows].min()))
    grown: list[NDArray[np.intp]] = []
    for group in groups:
        grown.append(np.sort(np.concatenate([*grown[-1:], group.rows])))
    labels, title = [group.label for group in groups], "Added one after another"
    if fit.settings.counts:
        return Refits(refit_each(fit, labels, grown), fit.tidy(), title)
    return _collect(fit, labels, fit_parts(fit, grown), title)


def _rank(fit: Fit, order: str | ArrayLike | None) -> NDArray[np.intp]:
    """(n,) place of each row in the order."""
    if order is None:
        return np.arange(fit.problem.n)
    if isinstance(order, str):
        if order not in fit.rows.used.columns:
            present = ", ".join(map(str, fit.rows.used.columns))
            raise SynthesisError(f"There is no column {order!r}; the columns are {present}.")
        values = fit.rows.used[order].to_numpy()
    else:
        values = np.asarray(order)
    if values.shape != (fit.problem.n,) or pd.isna(values).any():
        raise SynthesisError(f"Wanted an order with one number for each of the {fit.problem.n} effects used.")
    place = np.empty(values.size, dtype=np.intp)
    place[np.argsort(values, kind="stable")] = np.arange(values.size)
    return place


def _collect(fit: Fit, labels: Sequence[str], parts: Iterable[Part | str], title: str) -> Refits:
    names, variances = fit.names.coefficients, fit.names.variances
    found = list(parts)
    reach = _quantiles(fit, found)
    pieces = [_describe(fit, part, reach) for part in found]
    numbers = np.concatenate(pieces)
    columns = [*COEFFICIENT, "effects", "q", "q_p_value", "i2", "h2", *variances]
    frame = pd.DataFrame(numbers, columns=pd.Index(columns))
    count = len(names)
    frame.insert(0, "label", np.repeat(np.array(labels, dtype=object), count))
    frame.insert(1, "term", list(names) * len(labels))
    frame.insert(2, "effects", frame.pop("effects").astype(int))
    frame["reason"] = np.repeat([part if isinstance(part, str) else "" for part in found], count)
    return Refits(frame, fit.tidy(), title)


COEFFICIENT = ("estimate", "std_error", "statistic", "df", "p_value", "lower", "upper")


def _quantiles(fit: Fit, parts: list[Part | str]) -> dict[float, float]:
    """Half-widths of intervals in standard errors, for every degree of freedom that occurs."""
    contrasts = np.eye(fit.problem.p)
    found = {
        df for part in parts if isinstance(part, Part) for df in part.inference.degrees(contrasts).tolist()
    }
    return {df: quantile(fit.settings.level, df) for df in found}


def _describe(fit: Fit, part: Part | str, reach: dict[float, float]) -> Floats:
    """(p, columns) numbers of one selection; NaN where it could not be fitted."""
    p, variances = fit.problem.p, len(fit.names.variances)
    out = np.full((p, len(COEFFICIENT) + 5 + variances), np.nan)
    out[:, 7] = 0
    if isinstance(part, str):
        return out
    inference, estimate = part.inference, part.point.beta
    error, degrees = inference.std_error, inference.degrees(np.eye(p))
    with np.errstate(divide="ignore", invalid="ignore"):  # estimates fitted exactly have no error
        statistic = estimate / error
    half = np.array([reach[df] for df in degrees.tolist()]) * error
    p_value = tail(statistic, degrees)
    out[:, :7] = np.column_stack(
        [estimate, error, statistic, degrees, p_value, estimate - half, estimate + half]
    )
    out[:, 7:12] = part.problem.n, *_measure(part)
    if part.problem.terms:
        out[:, 12:] = part.point.psi
    return out


def _measure(part: Part) -> tuple[float, float, float, float]:
    """Q, its p-value, I² in percent and H²."""
    problem, df = part.problem, part.problem.n - part.problem.p
    if df < 1:
        return (np.nan,) * 4
    if not has_one_scale(problem):
        q = find_q(problem)
        return q, float(chdtrc(df, q)), np.nan, np.nan
    base = point(problem, problem.nothing)
    q = base.rss
    if problem.terms:
        h2 = 1 + float(part.point.psi.sum()) * trace_projection(problem, base) / df
        return q, float(chdtrc(df, q)), 100 * (1 - 1 / h2), h2
    return q, float(chdtrc(df, q)), 100 * max(0.0, 1 - df / q) if q > 0 else 0.0, q / df
