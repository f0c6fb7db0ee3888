"""Fit what a plan asks for, and look for what explains the differences between its studies."""

import math
from typing import Any

import numpy as np
import pandas as pd

from synovia import synthesis, tables
from synovia.errors import Fault, ProtocolError, SynthesisError
from synovia.review.plans import Plan

__all__ = ["explain_differences", "fit_plan"]

_RANDOM = {"effect": "effect", "study": "study_id", "none": None}
_NUMBERS = ("estimate", "std_error", "lower", "upper", "p_value", "tau2")


def fit_plan(plan: Plan, data: pd.DataFrame, covariance: np.ndarray, formula: str) -> synthesis.Fit:
    """The model of a plan on its effects; the formula names the moderators.

    Where the estimates agree exactly, the Knapp-Hartung interval has no width and would claim certainty; its
    factor is then kept at 1, and the method says so.
    """
    fit = _fit(plan, data, covariance, formula, plan.model.inference)
    if plan.model.inference == "knapp-hartung" and (fit.tidy()["std_error"] == 0).any():
        return _fit(plan, data, covariance, formula, "knapp-hartung-floor")
    return fit


def _fit(
    plan: Plan, data: pd.DataFrame, covariance: np.ndarray, formula: str, inference: str
) -> synthesis.Fit:
    return synthesis.meta(
        data,
        formula,
        covariance=covariance,
        random=_RANDOM[plan.model.random],
        tau2=plan.model.tau2,
        inference=inference,
        level=plan.model.level,
    )


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
    rows: list[dict[str, object]] = []
    if plan.comparison.moderators:
        rows += _moderators(plan, data, covariance)
    if plan.comparison.subgroup:
        rows += _subgroups(plan, data, covariance)
    return tables.frame(tables.COEFFICIENTS, rows)


def _moderators(plan: Plan, data: pd.DataFrame, covariance: np.ndarray) -> list[dict[str, object]]:
    formula = f"estimate ~ {plan.comparison.moderators}"
    start = {"synthesis_id": plan.synthesis_id, "analysis": formula, "k": len(data)}
    try:
        fit = fit_plan(plan, data, covariance, formula)
    except SynthesisError as problem:
        return [{**start, "term": "not fitted", "note": str(problem)}]
    glance = fit.glance().iloc[0]
    rows = fit.tidy().assign(tau2=glance["tau2"]).to_dict("records")
    notes = [glance["warnings"], *[""] * len(rows)]
    return [
        {**start, "term": row["term"], **_numbers(row), "note": note}
        for row, note in zip(rows, notes, strict=False)
    ]


def _subgroups(plan: Plan, data: pd.DataFrame, covariance: np.ndarray) -> list[dict[str, object]]:
    by = plan.comparison.subgroup
    if by not in data.columns:
        columns = ", ".join(sorted(map(str, data.columns)))
        raise ProtocolError([Fault(f"subgroup {by!r}", f"a column of the effects: {columns}", "review.toml")])
    start = {"synthesis_id": plan.synthesis_id, "analysis": f"subgroups by {by}"}
    try:
        groups = synthesis.subgroups(
            data.assign(**{by: data[by].astype(str)}),
            by,
            common_tau2=False,
            covariance=covariance,
            random=_RANDOM[plan.model.random],
            tau2=plan.model.tau2,
            inference=plan.model.inference,
            level=plan.model.level,
        )
    except SynthesisError as problem:
        return [{**start, "term": "not fitted", "note": str(problem)}]
    rows = [
        {**start, "term": row["subgroup"], "k": row["effects"], **_numbers(row), "note": row["warnings"]}
        for row in groups.tidy().to_dict("records")
    ]
    test = _difference(groups, shared=_cross(data[by].astype(str), covariance))
    return [*rows, {**start, "term": "difference between subgroups", "k": len(data), **test}]


def _cross(levels: pd.Series, covariance: np.ndarray) -> bool:
    """Whether effects of different subgroups share a comparator."""
    same = levels.to_numpy()[:, None] == levels.to_numpy()[None, :]
    return bool(np.any(covariance[~same]))


def _difference(groups: synthesis.Subgroups, *, shared: bool) -> dict[str, object]:
    """The test between subgroups, and what it leaves out of account."""
    test = groups.test()
    if isinstance(test, synthesis.Inapplicable):
        return {"note": test.reason}
    name = f"chi-squared = {test.statistic:.2f} on {test.df:g} df"
    if math.isfinite(test.df_residual):
        name = f"F = {test.statistic:.2f} on {test.df:g} and {test.df_residual:g} df"
    if shared:
        name += "; a comparator shared by arms of different subgroups is not taken into account"
    return {"p_value": test.p_value, "note": name}


def _numbers(row: dict[Any, Any]) -> dict[str, object]:
    return {name: row[name] for name in _NUMBERS}
