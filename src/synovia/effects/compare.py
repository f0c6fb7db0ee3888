"""Arms against their comparator, study by study, with the covariance a shared comparator brings."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from synovia.effects.arms import Arm, counts, join, lines, means, pool, split
from synovia.effects.binary import log_odds_ratio, log_risk_ratio, risk_difference
from synovia.effects.continuous import (
    log_ratio_of_means,
    mean_change,
    mean_difference,
    standardised_mean_difference,
)
from synovia.effects.effect import Array, Effect
from synovia.effects.proportion import freeman_tukey, logit_proportion
from synovia.effects.shared import Shared, between, mean_share, risk_share
from synovia.errors import Fault, InputError, ProtocolError
from synovia.tables import ARM_DATA, EFFECTS, OMISSIONS, check, frame

__all__ = ["MEASURES", "SINGLE_ARM_MEASURES", "Compared", "compare", "single_arm"]

MEASURES = ("MD", "SMD", "ROM", "OR", "RR", "RD")
SINGLE_ARM_MEASURES = ("MC", "MN", "PLO", "PFT")
_COUNTS = ("OR", "RR", "RD", "PLO", "PFT")
_BASIS = {"mean": "means at the time", "mean change": "changes from baseline", "events": "events"}


@dataclass(frozen=True, slots=True)
class Compared:
    """Effects ready for a synthesis.

    Attributes
    ----------
    effects : DataFrame
        The EFFECTS table, one row per effect.
    covariance : array (n, n)
        Sampling covariance of the effects, in row order; variances on the diagonal.
    omissions : DataFrame
        OMISSIONS rows: studies and arms that gave no effect, with the reason.
    """

    effects: pd.DataFrame
    covariance: Array
    omissions: pd.DataFrame


def compare(
    arm_data: pd.DataFrame,
    *,
    treatment: tuple[str, ...],
    comparator: tuple[str, ...],
    measure: str,
    shared: Shared = "covariance",
    studies: pd.DataFrame | None = None,
    synthesis_id: str = "",
) -> Compared:
    """Every treatment arm of each study against its comparator: estimate is treatment minus comparator.

    Several comparator arms of one study are pooled first. Several treatment arms share the comparator: their
    covariance is kept, or the comparator is split among them; one or the other, never both. Where any cell of
    a study is 0, one half is added to the cells of all its arms, so that the comparator stays the same in
    each of its comparisons.

    Parameters
    ----------
    arm_data : DataFrame
        ARM_DATA with one measure, time and statistic per study, as :func:`select` gives.
    treatment, comparator : tuple of str
        Treatment ids of either side; no id on both.
    measure : {"MD", "SMD", "ROM", "OR", "RR", "RD"}
        Effect measure.
    shared : {"covariance", "split"}
        What to do with a comparator that serves several arms.
    studies : DataFrame, optional
        The STUDIES table, for labels.
    synthesis_id : str
        Written into the omissions.

    Returns
    -------
    Compared
        Effects in row order of the studies, their covariance, and what gave no effect.

    Raises
    ------
    ProtocolError
        When the measure is unknown, an id stands on both sides, or a split leaves too few participants.
    InputError
        When a study has several measures or times, or the scales do not fit the measure.

    Examples
    --------
    >>> from synovia.effects import compare
    >>> from synovia.tables import ARM_DATA, frame
    >>> rows = [
    ...     {"study_id": "s", "arm_id": arm, "treatment": treatment, "outcome": "pain", "measure": "VAS",
    ...      "unit": "0-100, higher worse", "weeks": 26, "timepoint": "26", "statistic": "mean", "n": 50,
    ...      "mean": mean, "sd": 20}
    ...     for arm, treatment, mean in (("low", "prp", 38), ("high", "prp", 36), ("saline", "saline", 42))
    ... ]
    >>> got = compare(frame(ARM_DATA, rows), treatment=("prp",), comparator=("saline",), measure="MD")
    >>> got.effects["estimate"].tolist(), got.covariance.tolist()
    ([-4.0, -6.0], [[16.0, 8.0], [8.0, 16.0]])
    """
    _refuse(measure, MEASURES, treatment, comparator)
    names = _labels(studies)
    rows: list[dict[str, object]] = []
    blocks: list[Array] = []
    omitted: list[dict[str, object]] = []
    for study_id, arms in _studies(arm_data, measure).items():
        sides = [[arm for arm in arms if arm["treatment"] in side] for side in (treatment, comparator)]
        if not all(sides):
            reason = f"no arm given {' or '.join(treatment if not sides[0] else comparator)}"
            omitted.append({"synthesis_id": synthesis_id, "study_id": study_id, "reason": reason})
            continue
        control = pool(sides[1])
        if shared == "split" and len(sides[0]) > 1:
            control = split(control, len(sides[0]))
        reasons = [_unusable(arm, control, measure) for arm in sides[0]]
        omitted.extend(_omit(sides[0], reasons, synthesis_id))
        treated = [arm for arm, reason in zip(sides[0], reasons, strict=True) if not reason]
        if not treated:
            continue
        effect, matrix = _effects(treated, control, measure, shared)
        told = np.isfinite(effect.estimate) & np.isfinite(effect.variance)
        omitted.extend(_omit(treated, ["" if kept else _NOT_ESTIMABLE for kept in told], synthesis_id))
        blocks.append(matrix[np.ix_(told, told)])
        entries = _rows(treated, control, effect, names.get(study_id, study_id))
        rows.extend(row for row, kept in zip(entries, told, strict=True) if kept)
    covariance = np.asarray(block_diag(*blocks)) if rows else np.zeros((0, 0))
    return Compared(frame(EFFECTS, rows), covariance, frame(OMISSIONS, omitted))


def single_arm(
    arm_data: pd.DataFrame, treatment: tuple[str, ...], measure: str, *, studies: pd.DataFrame | None = None
) -> Compared:
    """Every arm given a treatment on its own: a description, not a comparison.

    Parameters
    ----------
    arm_data : DataFrame
        ARM_DATA with one measure, time and statistic per study.
    treatment : tuple of str
        Treatment ids.
    measure : {"MC", "MN", "PLO", "PFT"}
        Mean change, mean, logit of a proportion, or its double arcsine.
    studies : DataFrame, optional
        The STUDIES table, for labels.

    Returns
    -------
    Compared
        Effects with an empty comparator; arms are independent, so that the covariance is diagonal.

    Raises
    ------
    ProtocolError
        When the measure is unknown.
    InputError
        When a study has several measures or times, or the statistic does not fit the measure.

    Examples
    --------
    >>> from synovia.effects import single_arm
    >>> from synovia.tables import ARM_DATA, frame
    >>> row = {"study_id": "s", "arm_id": "prp", "treatment": "prp", "outcome": "pain", "measure": "VAS",
    ...        "unit": "0-100, higher worse", "statistic": "mean change", "n": 100, "mean": -20, "sd": 25}
    >>> single_arm(frame(ARM_DATA, [row]), ("prp",), "MC").effects[["estimate", "variance"]].values.tolist()
    [[-20.0, 6.25]]
    """
    _refuse(measure, SINGLE_ARM_MEASURES, treatment, ())
    names = _labels(studies)
    rows: list[dict[str, object]] = []
    for study_id, arms in _studies(arm_data, measure).items():
        chosen = [arm for arm in arms if arm["treatment"] in treatment]
        if chosen:
            rows.extend(_rows(chosen, None, _single_effect(chosen, measure), names.get(study_id, study_id)))
    variances = np.array([row["variance"] for row in rows], float)
    return Compared(frame(EFFECTS, rows), np.diag(variances), frame(OMISSIONS, []))


def _refuse(
    measure: str, known: tuple[str, ...], treatment: tuple[str, ...], comparator: tuple[str, ...]
) -> None:
    if measure not in known:
        raise ProtocolError([Fault(f"measure {measure!r}", f"one of {', '.join(known)}")])
    both = sorted(set(treatment) & set(comparator))
    if both:
        found = f"{', '.join(both)} as treatment and as comparator"
        raise ProtocolError([Fault(found, "two sides without a common treatment")])


def _labels(studies: pd.DataFrame | None) -> dict[str, str]:
    return {} if studies is None else dict(zip(studies["study_id"], studies["label"], strict=True))


def _studies(arm_data: pd.DataFrame, measure: str) -> dict[str, list[Arm]]:
    grouped: dict[str, list[Arm]] = defaultdict(list)
    for row in check(ARM_DATA, arm_data).to_dict("records"):
        grouped[str(row["study_id"])].append({str(name): value for name, value in row.items()})
    faults = [fault for name, arms in grouped.items() for fault in _mixed(name, arms, measure)]
    faults.extend(_scales(grouped, measure))
    if faults:
        raise InputError(faults)
    return grouped


def _mixed(name: str, arms: Sequence[Arm], measure: str) -> list[Fault]:
    seen = {(arm["scale"], arm["measure"], arm["weeks"], arm["statistic"]) for arm in arms}
    ids = [arm["arm_id"] for arm in arms]
    advice = "Select one measure, time and statistic per study first."
    if len({part[:2] + part[3:] for part in seen}) > 1 or len(set(ids)) < len(ids):
        return [
            Fault(f"{len(arms)} rows of {name} on several measures or times", "one per arm", advice=advice)
        ]
    events = arms[0]["statistic"] == "events"
    if events != (measure in _COUNTS):
        return [
            Fault(f"{arms[0]['statistic']} of {name}", f"{'means' if events else 'events'} for {measure}")
        ]
    if measure == "MC" and arms[0]["statistic"] != "mean change":
        return [Fault(f"{arms[0]['statistic']} of {name}", "changes from baseline for MC")]
    return []


def _scales(grouped: Mapping[str, Sequence[Arm]], measure: str) -> list[Fault]:
    units = sorted({arm["unit"] for arms in grouped.values() for arm in arms})
    if measure in _COUNTS or len(units) < 2:
        return []
    found = f"numbers on {', '.join(unit or 'an unnamed scale' for unit in units)}"
    wanted = f"one scale for {measure}: neither size nor direction can be compared across these"
    return [Fault(found, wanted, advice="Register the scale, or leave the study out with its reason.")]


_OF_MEANS = {"MD": mean_difference, "SMD": standardised_mean_difference, "ROM": log_ratio_of_means}
_OF_COUNTS = {"OR": log_odds_ratio, "RR": log_risk_ratio, "RD": risk_difference}


def _effects(arms: list[Arm], control: Arm, measure: str, shared: Shared) -> tuple[Effect, Array]:
    if measure in _COUNTS:
        effect, share = _effects_of_counts(arms, control, measure)
    else:
        effect = _OF_MEANS[measure](means(arms), means([control] * len(arms)))
        share = mean_share(measure, control["mean"], control["sd"], control["n"])
    if shared == "split":
        return effect, np.diag(effect.variance)
    if measure != "SMD":
        return effect, between(effect.variance, share)
    total = control["n"] + sum(arm["n"] for arm in arms)
    return effect, between(effect.variance, 1 / control["n"], effect.estimate, total)


def _effects_of_counts(arms: list[Arm], control: Arm, measure: str) -> tuple[Effect, float]:
    """Counts with one addition for the whole study, so that the shared cells stay the same in each table."""
    treated, against = counts(arms), counts([control] * len(arms))
    cells = np.concatenate([*treated.cells, *against.cells])
    add = 0.5 if (cells == 0).any() else 0.0
    effect = _OF_COUNTS[measure](treated, against, add=add, to="all")
    return effect, risk_share(measure, control["events"] + add, control["n"] + 2 * add)


def _single_effect(arms: list[Arm], measure: str) -> Effect:
    if measure in ("MC", "MN"):
        return mean_change(means(arms), measure=measure)
    return logit_proportion(counts(arms)) if measure == "PLO" else freeman_tukey(counts(arms))


_NOT_ESTIMABLE = "nobody or everybody had the event in both arms: a ratio is not estimable"


def _unusable(arm: Arm, control: Arm, measure: str) -> str:
    """Why a measure does not exist for two arms; empty when it does."""
    if measure == "ROM" and not (arm["mean"] > 0 and control["mean"] > 0):
        return "a mean of 0 or below has no ratio"
    if measure == "SMD" and arm["n"] + control["n"] <= 3:
        return "fewer than 4 people in both arms: a standardised difference is not estimable"
    return ""


def _omit(arms: Sequence[Arm], reasons: Sequence[str], synthesis_id: str) -> list[dict[str, object]]:
    place = ("study_id", "arm_id", "measure", "timepoint", "line")
    return [
        {"synthesis_id": synthesis_id, **{name: arm[name] for name in place}, "reason": reason}
        for arm, reason in zip(arms, reasons, strict=True)
        if reason
    ]


def _rows(arms: Sequence[Arm], control: Arm | None, effect: Effect, label: str) -> list[dict[str, object]]:
    against = control if control is not None else {}
    rows: list[dict[str, object]] = []
    for i, arm in enumerate(arms):
        both = [arm, control] if control is not None else [arm]
        versus = f" vs {against['arm_id']}" if against else ""
        variance = float(effect.variance[i])
        rows.append(
            {
                "effect_id": f"{arm['study_id']}:{arm['arm_id']}{versus}",
                "label": label,
                "comparator_id": against.get("arm_id", ""),
                "comparator": against.get("treatment", ""),
                "measure": effect.measure,
                "scale": _scale(effect, arm["unit"]),
                "estimate": float(effect.estimate[i]),
                "variance": variance,
                "std_error": math.sqrt(variance) if variance >= 0 else math.nan,
                "n_comparator": against.get("n", math.nan),
                "basis": _BASIS[arm["statistic"]],
                "derived": join([text for side in both for text in (side["derived"], side["assumption"])]),
                "caution": join([side["caution"] for side in both]),
                "lines": "; ".join(line for side in both for line in lines(side)),
                **{name: arm[name] for name in ("study_id", "arm_id", "treatment", "outcome", "weeks", "n")},
            }
        )
    return rows


def _scale(effect: Effect, unit: str) -> str:
    return f"{effect.scale}, {unit}" if effect.measure in ("MD", "MC", "MN") and unit else effect.scale
