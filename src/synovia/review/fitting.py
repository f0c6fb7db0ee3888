"""Fit what a plan asks for: the random effects and the interval that its effects allow."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from synovia import synthesis
from synovia.errors import SynthesisError
from synovia.review.plans import Plan

__all__ = ["fit_plan", "has_several", "name_interval", "name_method", "split_tau2"]

THREE_LEVELS = "study_id/effect"
COLUMNS = {"effect": "effect", "study": "study_id", "study/effect": THREE_LEVELS, "none": None}
OWN_DEGREES = {"CR2": "CR2", "kenward-roger": "Kenward-Roger"}

FEWEST_DF = 4.0
"""Degrees of freedom below which intervals with Satterthwaite's approximation are not to be trusted: Tipton
(2015), Psychological Methods 20, 375-393; Pustejovsky & Tipton (2018), Journal of Business & Economic
Statistics 36, 672-683."""

BETWEEN, WITHIN = "tau2[study_id]", "tau2[study_id/effect]"
IN_WORDS = {
    WITHIN: "The variance between effects of one study",
    BETWEEN: "The variance between studies",
}
FEW_SAID = "Fewer than 4 degrees of freedom: "


def has_several(data: pd.DataFrame) -> bool:
    """Whether a study gives several effects.

    Parameters
    ----------
    data : DataFrame
        Effects, with their ``study_id``.

    Examples
    --------
    >>> has_several(pd.DataFrame({"study_id": ["a", "b", "b"]}))
    True
    """
    return bool(data["study_id"].duplicated().any())


def fit_plan(plan: Plan, data: pd.DataFrame, covariance: np.ndarray, formula: str) -> synthesis.Fit:
    """The model of a plan on its effects; the formula names the moderators.

    Effects within studies have a random effect of their own only where a study gives several, and only there
    is the interval the one for dependent effects. Where it cannot be computed, or its degrees of freedom are
    too few to be trusted and it is not even the wider one, the interval is that of single effects; a warning
    says so. Where the estimates agree exactly, an interval would have no width and claim certainty; the
    Knapp-Hartung factor is then kept at 1, and the method says so.

    Parameters
    ----------
    plan : Plan
        The synthesis.
    data : DataFrame
        Its effects, with their ``study_id``.
    covariance : array (n, n)
        Sampling covariance of the effects.
    formula : str
        Mean of the effects.
    """
    several, model = has_several(data), plan.model
    fit = partial(_fit, plan, data, covariance, formula)
    wanted = (model.dependent or model.inference) if several else model.inference
    plain = "knapp-hartung" if model.inference in OWN_DEGREES else model.inference
    found = _fit_with_own_degrees(fit, wanted, plain) if wanted in OWN_DEGREES else _fit_wide(fit, wanted)
    return replace(found, warnings=tuple(_reword(found.warnings)))


def _fit(
    plan: Plan, data: pd.DataFrame, covariance: np.ndarray, formula: str, inference: str
) -> synthesis.Fit:
    nested = plan.model.random == "study/effect"
    random = "study_id" if nested and not has_several(data) else COLUMNS[plan.model.random]
    return synthesis.meta(
        data,
        formula,
        covariance=covariance,
        random=random,
        tau2=plan.model.tau2,
        inference=inference,
        cluster="study_id" if inference == "CR2" else None,
        level=plan.model.level,
    )


def _fit_wide(fit: Callable[[str], synthesis.Fit], inference: str) -> synthesis.Fit:
    """The fit with an interval that has a width."""
    found = fit(inference)
    exact = inference == "knapp-hartung" and found.inference.factor == 0
    return fit("knapp-hartung-floor") if exact else found


def _fit_with_own_degrees(fit: Callable[[str], synthesis.Fit], wanted: str, plain: str) -> synthesis.Fit:
    """The fit with an interval that brings its own degrees of freedom, or with a plain one, and why."""
    name = OWN_DEGREES[wanted]
    try:
        found = fit(wanted)
    except SynthesisError as problem:
        return _use_instead(_fit_wide(fit, plain), f"{name} cannot be computed here: {problem}")
    weakness = "" if found.status == "single study" else _find_weakness(found, name)
    if not weakness:
        return found
    instead = _fit_wide(fit, plain)
    if _is_wider(found, instead):
        return _warn(found, f"{weakness} It is shown for being wider than the {name_interval(instead)}.")
    return _use_instead(instead, weakness)


def _use_instead(fit: synthesis.Fit, reason: str) -> synthesis.Fit:
    return _warn(fit, f"{reason} Used instead: {name_interval(fit)}.")


def _warn(fit: synthesis.Fit, said: str) -> synthesis.Fit:
    return replace(fit, warnings=(said, *fit.warnings))


def _is_wider(fit: synthesis.Fit, other: synthesis.Fit) -> bool:
    """Whether the coefficient with the fewest degrees of freedom has the wider interval in the first fit."""
    df = fit.inference.degrees(np.eye(fit.problem.p))
    if np.isnan(df).any():
        return False
    first, second = ((rows["upper"] - rows["lower"])[int(df.argmin())] for rows in (fit.tidy(), other.tidy()))
    return bool(first > second)


def _find_weakness(fit: synthesis.Fit, name: str) -> str:
    """Why the interval of a fit is not to be trusted; empty when it is."""
    if fit.inference.factor == 0:
        return f"The model fits every estimate exactly, which leaves {name} without a width."
    df = fit.inference.degrees(np.eye(fit.problem.p))
    if (df >= FEWEST_DF).all():
        return ""
    if np.isnan(df).any():
        return f"{name} has no degrees of freedom here."
    return (
        f"{name} has {df.min():.1f} degrees of freedom here: so much hangs on few studies, and below "
        f"{FEWEST_DF:.0f} it is not to be trusted."
    )


def _reword(warnings: Iterable[str]) -> Iterator[str]:
    """Warnings as a reader of the report needs them; on few degrees of freedom the plan has its own."""
    for said in warnings:
        name = next((name for name in IN_WORDS if said.startswith(f"{name} ")), "")
        if not said.startswith(FEW_SAID):
            yield IN_WORDS[name] + said.removeprefix(name) if name else said


def name_interval(fit: synthesis.Fit, term: int = 0) -> str:
    """How the confidence limits of a coefficient were made, in words.

    Parameters
    ----------
    fit : Fit
        Any fit of a plan.
    term : int
        Number of the coefficient, from 0.
    """
    if fit.status == "single study":
        return "normal interval"
    kind = fit.settings.inference
    if kind not in OWN_DEGREES:
        return fit.method.removeprefix(f"{fit.settings.model}; ")
    df = float(fit.inference.degrees(np.eye(fit.problem.p))[term])
    degrees = f"t with {df:.1f} df" if np.isfinite(df) else "normal"
    clusters = fit.rows.used["study_id"].nunique()
    said = (
        f"cluster-robust CR2 interval over {clusters} studies" if kind == "CR2" else "Kenward-Roger interval"
    )
    return f"{said}, {degrees}"


def name_method(fit: synthesis.Fit) -> str:
    """Model, estimator and interval of a fit in words.

    Parameters
    ----------
    fit : Fit
        Any fit of a plan.
    """
    if fit.status == "single study":
        return fit.method
    model = fit.settings.model
    if fit.settings.random == THREE_LEVELS:
        how = model.partition("; ")[2]
        model = f"random effects of studies, and of effects within studies (three levels); {how}"
    return f"{model}; {name_interval(fit)}"


def split_tau2(fit: synthesis.Fit) -> tuple[float, float]:
    """Variance between studies and variance between effects within them, on the scale of the effect squared.

    Parameters
    ----------
    fit : Fit
        Any fit of a plan; NaN for both unless it has both.
    """
    if fit.settings.random != THREE_LEVELS or fit.status == "single study":
        return np.nan, np.nan
    found = fit.variances().set_index("name")["estimate"]
    return float(found.get(BETWEEN, np.nan)), float(found.get(WITHIN, np.nan))
