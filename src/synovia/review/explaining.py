"""Look for what explains the differences between the studies of a plan: meta-regression and subgroups."""

import math
from typing import Any

import numpy as np
import pandas as pd

from synovia import synthesis, tables
from synovia.errors import Fault, ProtocolError, SynthesisError
from synovia.review.fitting import fit_plan, name_interval
from synovia.review.plans import Plan

__all__ = ["explain_differences"]

_NUMBERS = ("estimate", "std_error", "lower", "upper", "p_value", "tau2")

Row = dict[str, object]


def explain_differences(plan: Plan, data: pd.DataFrame, covariance: np.ndarray) -> pd.DataFrame:
    """The meta-regression and the subgroups that a plan asks for (table COEFFICIENTS).

    Parameters
    ----------
    plan : Plan
        The synthesis.
    data : DataFrame
        Its effects, with columns of their studies and arms.
    covariance : array (n, n)
        Sampling covariance of the effects.

    Raises
    ------
    ProtocolError
        When subgroups are asked for by a column that does not exist.
    """
    rows: list[Row] = []
    if plan.comparison.moderators:
        rows += _moderators(plan, data, covariance)
    if plan.comparison.subgroup:
        rows += _subgroups(plan, data, covariance)
    return tables.frame(tables.COEFFICIENTS, rows)


def _moderators(plan: Plan, data: pd.DataFrame, covariance: np.ndarray) -> list[Row]:
    formula = f"estimate ~ {plan.comparison.moderators}"
    start: Row = {"synthesis_id": plan.synthesis_id, "analysis": formula, "k": len(data)}
    try:
        fit = fit_plan(plan, data, covariance, formula)
    except SynthesisError as problem:
        return [{**start, "term": "not fitted", "note": str(problem)}]
    glance = fit.glance().iloc[0]
    return [
        {
            **start,
            "term": row["term"],
            **_numbers(row),
            "interval": name_interval(fit, place),
            "note": "" if place else glance["warnings"],
        }
        for place, row in enumerate(fit.tidy().assign(tau2=glance["tau2"]).to_dict("records"))
    ]


def _subgroups(plan: Plan, data: pd.DataFrame, covariance: np.ndarray) -> list[Row]:
    by = plan.comparison.subgroup
    if by not in data.columns:
        columns = ", ".join(sorted(map(str, data.columns)))
        raise ProtocolError([Fault(f"subgroup {by!r}", f"a column of the effects: {columns}", "review.toml")])
    start: Row = {"synthesis_id": plan.synthesis_id, "analysis": f"subgroups by {by}"}
    member = data[by].astype(str)
    try:
        groups = _fit_levels(plan, data.assign(**{by: member}), covariance)
    except SynthesisError as problem:
        return [{**start, "term": "not fitted", "note": str(problem)}]
    rows = [
        {
            **start,
            "term": row["subgroup"],
            "k": row["effects"],
            **_numbers(row),
            "interval": name_interval(fit),
            "note": row["warnings"],
        }
        for row, fit in zip(groups.tidy().to_dict("records"), groups.fits, strict=True)
    ]
    test = _difference(groups)
    return [*rows, {**start, "term": "difference between subgroups", "k": len(data), **test}]


def _fit_levels(plan: Plan, data: pd.DataFrame, covariance: np.ndarray) -> synthesis.Subgroups:
    """Every level by itself, with the random effects and the interval that its own effects allow."""
    by = plan.comparison.subgroup
    levels = tuple(sorted(set(data[by])))
    places = [np.flatnonzero(data[by] == level) for level in levels]
    fits = [fit_plan(plan, data.iloc[at], covariance[np.ix_(at, at)], "estimate ~ 1") for at in places]
    inside = [(data[by] == level).to_numpy() for level in levels]
    shared = synthesis.correlate_levels(fits, inside, covariance)
    return synthesis.Subgroups(by, levels, tuple(fits), common_tau2=False, dropped=(), correlation=shared)


def _difference(groups: synthesis.Subgroups) -> Row:
    """The test between subgroups."""
    test = groups.test()
    if isinstance(test, synthesis.Inapplicable):
        return {"note": test.reason}
    name = f"chi-squared = {test.statistic:.2f} on {test.df:g} df"
    if math.isfinite(test.df_residual):
        name = f"F = {test.statistic:.2f} on {test.df:g} and {test.df_residual:g} df"
    if groups.correlation is not None:
        name += "; arms of different subgroups share a comparator, which is taken into account"
    return {"p_value": test.p_value, "note": name}


def _numbers(row: dict[Any, Any]) -> Row:
    return {name: row[name] for name in _NUMBERS}
