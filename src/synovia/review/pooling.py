"""The synthesis plan carried out: every comparison, outcome and window of the protocol, and every variant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np
import pandas as pd

from synovia import effects, synthesis, tables
from synovia.errors import SynthesisError
from synovia.review.protocol import Comparison, Model, Outcome, Protocol, Variant, Window

__all__ = ["Plan", "Pooled", "plans", "pool"]

PRIMARY = "primary"
_COUNTS = ("OR", "RR", "RD")
_SCALE_WORDS = {
    "MD": "points on a 0-100 scale",
    "SMD": "standard deviations (Hedges g)",
    "ROM": "log ratio of means",
    "OR": "log odds ratio",
    "RR": "log risk ratio",
    "RD": "risk difference",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One synthesis to carry out: what is compared, when, and how."""

    synthesis_id: str
    variant: str
    label: str
    comparison: Comparison
    outcome: Outcome
    window: Window
    model: Model
    shared: Literal["covariance", "split", "ignored"]
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    smallest_arm: int = 0


@dataclass(frozen=True, slots=True)
class Pooled:
    """What one plan gave.

    Attributes
    ----------
    estimate : dict
        One row of ESTIMATES.
    effects, omissions, contributions, coefficients : DataFrame
        Rows of the tables of those names.
    """

    estimate: dict[str, object]
    effects: pd.DataFrame
    omissions: pd.DataFrame
    contributions: pd.DataFrame
    coefficients: pd.DataFrame


def plans(protocol: Protocol) -> Iterator[Plan]:
    """Every synthesis the protocol declares, the primary ones first, then the variants."""
    for comparison in protocol.comparison:
        for outcome_id in comparison.outcomes:
            for window_id in comparison.windows:
                yield _primary(protocol, comparison, outcome_id, window_id)
    for variant in protocol.variant:
        comparison = protocol.comparison_named(variant.comparison)
        yield _changed(_primary(protocol, comparison, variant.outcome, variant.window), variant)


def _primary(protocol: Protocol, comparison: Comparison, outcome_id: str, window_id: str) -> Plan:
    model = protocol.model
    if comparison.measure is not None:
        model = model.model_copy(update={"measure": comparison.measure})
    return Plan(
        synthesis_id=f"{comparison.id}-{outcome_id}-{window_id}",
        variant=PRIMARY,
        label="as planned",
        comparison=comparison,
        outcome=protocol.outcome_named(outcome_id),
        window=protocol.window_named(window_id),
        model=model,
        shared=model.shared,
    )


def _changed(plan: Plan, variant: Variant) -> Plan:
    changes = {
        name: getattr(variant, name)
        for name in ("measure", "random", "tau2", "inference")
        if getattr(variant, name) is not None
    }
    limits = {name: getattr(variant, name) for name in ("low", "high") if getattr(variant, name) is not None}
    return replace(
        plan,
        variant=variant.id,
        label=variant.label,
        window=plan.window.model_copy(update=limits),
        model=plan.model.model_copy(update=changes),
        shared=variant.shared or plan.shared,
        only=variant.only,
        exclude=variant.exclude,
        smallest_arm=variant.smallest_arm,
    )


def pool(plan: Plan, arm_data: pd.DataFrame, studies: pd.DataFrame) -> Pooled:
    """Select, compare and pool the rows that one plan asks for.

    Parameters
    ----------
    plan : Plan
        The synthesis.
    arm_data : DataFrame
        Table ARM_DATA of the whole review.
    studies : DataFrame
        Table STUDIES of the whole review.

    Returns
    -------
    Pooled
        With status 'pooled', 'single study' or 'no data'.
    """
    kept, left_out = _eligible_rows(plan, arm_data, studies)
    window = effects.Window(plan.window.id, plan.window.target, plan.window.low, plan.window.high)
    selected = effects.select(
        kept,
        synthesis_id=plan.synthesis_id,
        outcome=plan.outcome.id,
        measures=plan.outcome.measures,
        window=window,
        prefer="events" if plan.model.measure in _COUNTS else plan.model.prefer,
        between=tuple(side for side in (plan.comparison.treatment, plan.comparison.comparator) if side),
        fallback=bool(plan.comparison.comparator),
    )
    rows, small = _large_enough(plan, selected.arm_data)
    compared = _compare(plan, rows, studies)
    found = (left_out, selected.omissions, small, compared.omissions)
    omissions = pd.concat([frame for frame in found if not frame.empty] or [left_out], ignore_index=True)
    if compared.effects.empty:
        return _no_data(plan, omissions)
    return _fitted(plan, compared, rows, omissions)


def _eligible_rows(
    plan: Plan, arm_data: pd.DataFrame, studies: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the studies the plan keeps, and one omission for each study it leaves out."""
    of_outcome = arm_data[arm_data["outcome"] == plan.outcome.id]
    reasons = {
        study.study_id: reason
        for study in studies.itertuples()
        if (reason := _why_not(plan, str(study.study_id), str(study.design), str(study.eligible)))
    }
    present = [study for study in dict.fromkeys(of_outcome["study_id"]) if study in reasons]
    left_out = tables.frame(
        tables.OMISSIONS,
        [
            {"synthesis_id": plan.synthesis_id, "study_id": study, "reason": reasons[study]}
            for study in present
        ],
    )
    return of_outcome[~of_outcome["study_id"].isin(list(reasons))], left_out


def _why_not(plan: Plan, study_id: str, design: str, eligible: str) -> str:
    if eligible != "yes":
        return "the study does not meet the protocol's eligibility"
    if design not in plan.model.designs:
        return f"design '{design}' is not pooled in this comparison"
    if plan.only and not _named(study_id, plan.only):
        return "left out of this variant by the protocol"
    if _named(study_id, plan.exclude):
        return "left out of this variant by the protocol"
    return ""


def _large_enough(plan: Plan, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the studies whose every arm reaches the smallest size asked for, and the other studies."""
    if rows.empty or not plan.smallest_arm:
        return rows, tables.empty(tables.OMISSIONS)
    smallest = rows.groupby("study_id", sort=False)["n"].transform("min")
    reason = f"an arm has fewer than {plan.smallest_arm} people"
    small = [
        {"synthesis_id": plan.synthesis_id, "study_id": study_id, "reason": reason}
        for study_id in dict.fromkeys(rows.loc[smallest < plan.smallest_arm, "study_id"])
    ]
    return rows[smallest >= plan.smallest_arm], tables.frame(tables.OMISSIONS, small)


def _named(study_id: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(study_id, pattern) for pattern in patterns)


def _compare(plan: Plan, rows: pd.DataFrame, studies: pd.DataFrame) -> effects.Compared:
    treatment, comparator = plan.comparison.treatment, plan.comparison.comparator
    if not comparator:
        return effects.single_arm(rows, treatment, "MC", studies=studies)
    return effects.compare(
        rows,
        treatment=treatment,
        comparator=comparator,
        measure=plan.model.measure,
        shared="split" if plan.shared == "split" else "covariance",
        studies=studies,
        synthesis_id=plan.synthesis_id,
    )


def _fitted(plan: Plan, compared: effects.Compared, rows: pd.DataFrame, omissions: pd.DataFrame) -> Pooled:
    total = compared.effects["n"] + compared.effects["n_comparator"].fillna(0)
    data = compared.effects.assign(n_total=total, n_per_100=total / 100)
    covariance = np.diag(data["variance"].to_numpy()) if plan.shared == "ignored" else compared.covariance
    fit = _meta(plan, data, covariance, "estimate ~ 1")
    estimate = _estimate_row(plan, fit, data, _participants(data, rows))
    contributions = _contribution_rows(plan, fit, data)
    coefficients = (
        _coefficient_rows(plan, data, covariance)
        if plan.variant == PRIMARY
        else tables.empty(tables.COEFFICIENTS)
    )
    return Pooled(estimate, compared.effects, omissions, contributions, coefficients)


def _meta(plan: Plan, data: pd.DataFrame, covariance: np.ndarray, formula: str) -> synthesis.Fit:
    random = {"effect": "effect", "study": "study_id", "none": None}[plan.model.random]
    return synthesis.meta(
        data,
        formula,
        covariance=covariance,
        random=random,
        tau2=plan.model.tau2,
        inference=plan.model.inference,
        level=plan.model.level,
    )


def _participants(data: pd.DataFrame, rows: pd.DataFrame) -> float:
    """People in the arms that were used, a shared arm counted once."""
    used = {(e.study_id, arm) for e in data.itertuples() for arm in str(e.arm_id).split("; ")}
    used |= {(e.study_id, arm) for e in data.itertuples() for arm in str(e.comparator_id).split(" + ") if arm}
    own = rows[[key in used for key in zip(rows["study_id"], rows["arm_id"], strict=True)]]
    return float(own["n"].sum())


def _base_row(plan: Plan) -> dict[str, object]:
    return {
        "synthesis_id": plan.synthesis_id,
        "variant": plan.variant,
        "outcome": plan.outcome.id,
        "window": plan.window.id,
        "treatment": " + ".join(plan.comparison.treatment),
        "comparator": " + ".join(plan.comparison.comparator),
        "measure": plan.model.measure if plan.comparison.comparator else "MC",
        "scale": _SCALE_WORDS[plan.model.measure],
    }


def _no_data(plan: Plan, omissions: pd.DataFrame) -> Pooled:
    row = {**_base_row(plan), "status": "no data", "k": 0, "effects": 0, "n": 0}
    return Pooled(
        row,
        tables.empty(tables.EFFECTS),
        omissions,
        tables.empty(tables.CONTRIBUTIONS),
        tables.empty(tables.COEFFICIENTS),
    )


def _estimate_row(plan: Plan, fit: synthesis.Fit, data: pd.DataFrame, n: float) -> dict[str, object]:
    tidy, glance = fit.tidy().iloc[0], fit.glance().iloc[0]
    k = data["study_id"].nunique()
    prediction = fit.predict().iloc[0]
    return {
        **_base_row(plan),
        "status": "pooled" if k > 1 else "single study",
        "k": k,
        "effects": len(data),
        "n": n,
        **{name: tidy[name] for name in ("estimate", "std_error", "lower", "upper", "p_value")},
        "level": plan.model.level,
        "prediction_lower": prediction["prediction_lower"],
        "prediction_upper": prediction["prediction_upper"],
        **{
            name: glance[name]
            for name in ("tau2", "tau2_lower", "tau2_upper", "i2", "q", "q_df", "q_p_value")
        },
        "method": glance["method"],
        "warnings": glance["warnings"],
    }


def _contribution_rows(plan: Plan, fit: synthesis.Fit, data: pd.DataFrame) -> pd.DataFrame:
    rows = fit.augment()
    several = data["study_id"].duplicated(keep=False)
    labels = data["label"].where(~several, data["label"] + ": " + data["arm_id"])
    carried = ("effect_id", "study_id", "n", "n_comparator", "weeks", "derived", "caution", "lines")
    return tables.frame(
        tables.CONTRIBUTIONS,
        [
            {
                "synthesis_id": plan.synthesis_id,
                "variant": plan.variant,
                "label": labels.iloc[i],
                **{name: data[name].iloc[i] for name in carried},
                **{
                    name: rows[name].iloc[i] for name in ("estimate", "lower", "upper", "std_error", "weight")
                },
            }
            for i in range(len(data))
        ],
    )


def _coefficient_rows(plan: Plan, data: pd.DataFrame, covariance: np.ndarray) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    if plan.comparison.moderators:
        rows += _moderator_rows(plan, data, covariance)
    if plan.comparison.subgroup:
        rows += _subgroup_rows(plan, data, covariance)
    return tables.frame(tables.COEFFICIENTS, rows)


def _moderator_rows(plan: Plan, data: pd.DataFrame, covariance: np.ndarray) -> list[dict[str, object]]:
    formula = f"estimate ~ {plan.comparison.moderators}"
    start = {"synthesis_id": plan.synthesis_id, "analysis": formula, "k": len(data)}
    try:
        fit = _meta(plan, data, covariance, formula)
    except SynthesisError as problem:
        return [{**start, "term": "not fitted", "note": str(problem)}]
    glance = fit.glance().iloc[0]
    names = ("term", "estimate", "std_error", "lower", "upper", "p_value")
    return [
        {**start, **{name: row[name] for name in names}, "tau2": glance["tau2"], "note": glance["warnings"]}
        for _, row in fit.tidy().iterrows()
    ]


def _subgroup_rows(plan: Plan, data: pd.DataFrame, covariance: np.ndarray) -> list[dict[str, object]]:
    start = {"synthesis_id": plan.synthesis_id, "analysis": f"subgroups by {plan.comparison.subgroup}"}
    rows: list[dict[str, object]] = []
    for level, index in data.reset_index(drop=True).groupby(plan.comparison.subgroup).groups.items():
        at = np.asarray(index)
        fit = _meta(plan, data.iloc[at], covariance[np.ix_(at, at)], "estimate ~ 1")
        tidy, glance = fit.tidy().iloc[0], fit.glance().iloc[0]
        numbers = {name: tidy[name] for name in ("estimate", "std_error", "lower", "upper", "p_value")}
        rows.append(
            {
                **start,
                "term": str(level),
                "k": len(at),
                **numbers,
                "tau2": glance["tau2"],
                "note": glance["warnings"],
            }
        )
    return rows
