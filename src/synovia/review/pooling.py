"""One entry of the synthesis plan carried out: rows selected, effects computed, pooled, explained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from synovia import effects, synthesis, tables
from synovia.errors import Fault, InputError, SynthesisError
from synovia.review.eligible import Wanted, eligible_rows
from synovia.review.explaining import explain_differences
from synovia.review.fitting import fit_plan, name_method, split_tau2
from synovia.review.plans import PRIMARY, Plan
from synovia.review.scales import SCALE_WORDS

__all__ = ["Pooled", "pool"]

_COUNTS = ("OR", "RR", "RD")


@dataclass(frozen=True, slots=True)
class Pooled:
    """What one plan gave.

    Attributes
    ----------
    estimate : dict
        One row of ESTIMATES.
    effects, covariances, omissions, contributions, coefficients : DataFrame
        Rows of the tables of those names.
    """

    estimate: dict[str, object]
    effects: pd.DataFrame
    covariances: pd.DataFrame
    omissions: pd.DataFrame
    contributions: pd.DataFrame
    coefficients: pd.DataFrame


def pool(plan: Plan, frames: Mapping[str, pd.DataFrame]) -> Pooled:
    """Select, compare and pool the rows that one plan asks for.

    Parameters
    ----------
    plan : Plan
        The synthesis.
    frames : mapping of str to DataFrame
        Tables ``arm_data``, ``studies`` and ``arms`` of the whole review.

    Returns
    -------
    Pooled
        With status 'pooled', 'single study' or 'no data'.
    """
    try:
        return _pool(plan, frames)
    except InputError as problem:
        raise type(problem)([_placed(plan, fault) for fault in problem.faults]) from problem
    except SynthesisError as problem:
        raise type(problem)(f"{_place(plan)}: {problem}") from problem


def _place(plan: Plan) -> str:
    variant = "" if plan.variant == PRIMARY else f", variant {plan.variant}"
    return f"{plan.synthesis_id}{variant}"


def _placed(plan: Plan, fault: Fault) -> Fault:
    """A fault that names the synthesis it stopped, unless it names a file."""
    return fault if fault.file else replace(fault, found=f"{fault.found} in {_place(plan)}")


def _pool(plan: Plan, frames: Mapping[str, pd.DataFrame]) -> Pooled:
    studies = frames["studies"]
    wanted = Wanted(plan.synthesis_id, plan.outcome.id, plan.model.designs, plan.only, plan.exclude)
    kept, left_out = eligible_rows(wanted, frames["arm_data"], studies)
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
    data = _described(compared.effects, studies, frames["arms"])
    return _fitted(plan, data, compared, rows, omissions)


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


def _described(found: pd.DataFrame, studies: pd.DataFrame, arms: pd.DataFrame) -> pd.DataFrame:
    """Effects with what moderators and subgroups may be taken from: columns of their studies and arms."""
    of_study = studies[["study_id", "year", "design", "species", "population", "blinding"]]
    of_arm = arms[["study_id", "arm_id", "product", "dose", "injections"]]
    total = found["n"] + found["n_comparator"].fillna(0)
    data = found.assign(n_total=total, n_per_100=total / 100)
    return data.merge(of_study, "left", on="study_id").merge(of_arm, "left", on=["study_id", "arm_id"])


def _fitted(
    plan: Plan, data: pd.DataFrame, compared: effects.Compared, rows: pd.DataFrame, omissions: pd.DataFrame
) -> Pooled:
    covariance = np.diag(data["variance"].to_numpy()) if plan.shared == "ignored" else compared.covariance
    fit = fit_plan(plan, data, covariance, "estimate ~ 1")
    explained = tables.empty(tables.COEFFICIENTS)
    if plan.variant == PRIMARY and len(data) > 1:
        explained = explain_differences(plan, data, covariance)
    estimate = _estimate_row(plan, fit, data, _participants(data, rows))
    contributions = _contribution_rows(plan, fit, data)
    joined = _covariance_rows(compared)
    return Pooled(estimate, compared.effects, joined, omissions, contributions, explained)


def _covariance_rows(compared: effects.Compared) -> pd.DataFrame:
    """Covariances of effects that share a comparator, each pair both ways."""
    rows = compared.effects.to_dict("records")
    one, other = np.nonzero(compared.covariance - np.diag(np.diag(compared.covariance)))
    return tables.frame(
        tables.COVARIANCES,
        [
            {
                "effect_id": rows[i]["effect_id"],
                "other_id": rows[j]["effect_id"],
                **{name: rows[i][name] for name in ("outcome", "measure", "weeks")},
                "covariance": float(compared.covariance[i, j]),
            }
            for i, j in zip(one.tolist(), other.tolist(), strict=True)
        ],
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
        "scale": SCALE_WORDS[plan.model.measure],
    }


def _no_data(plan: Plan, omissions: pd.DataFrame) -> Pooled:
    row = {**_base_row(plan), "status": "no data", "k": 0, "effects": 0, "n": 0}
    return Pooled(
        row,
        tables.empty(tables.EFFECTS),
        tables.empty(tables.COVARIANCES),
        omissions,
        tables.empty(tables.CONTRIBUTIONS),
        tables.empty(tables.COEFFICIENTS),
    )


def _estimate_row(plan: Plan, fit: synthesis.Fit, data: pd.DataFrame, n: float) -> dict[str, object]:
    tidy, glance = fit.tidy().iloc[0], fit.glance().iloc[0]
    k = data["study_id"].nunique()
    prediction = fit.predict().iloc[0]
    between, within = split_tau2(fit)
    return {
        **_base_row(plan),
        "status": "pooled" if k > 1 else "single study",
        "k": k,
        "effects": len(data),
        "n": n,
        **{name: tidy[name] for name in ("estimate", "std_error", "lower", "upper", "p_value")},
        "df": tidy["df"] if np.isfinite(tidy["df"]) else np.nan,
        "level": plan.model.level,
        "prediction_lower": prediction["prediction_lower"],
        "prediction_upper": prediction["prediction_upper"],
        **{
            name: glance[name]
            for name in ("tau2", "tau2_lower", "tau2_upper", "i2", "q", "q_df", "q_p_value")
        },
        "tau2_between": between,
        "tau2_within": within,
        "method": name_method(fit),
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
