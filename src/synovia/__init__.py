"""Synovia: a field's scattered studies, turned into an honest answer that stays alive.

>>> import synovia as sv
>>> review = sv.open("reviews/knee-oa")                    # doctest: +SKIP
>>> pain = review.effects("pain", at="3 months")           # doctest: +SKIP
>>> sv.meta(pain, "estimate ~ 1", random="study_id")       # doctest: +SKIP
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synovia.diagnosis import (
        baujat,
        blup,
        bubble,
        compare,
        contrast,
        cumulative,
        influence,
        leave_one_out,
        pairwise,
        profile,
        qq,
        radial,
        random_effects,
        residuals,
        vif,
    )
    from synovia.effects import effect_sizes
    from synovia.errors import SynoviaError
    from synovia.examples import example, examples
    from synovia.fields import load_field
    from synovia.formats import read_export
    from synovia.plots import draw, evidence_map, flow, forest, funnel, timecourse
    from synovia.review.review import open  # noqa: A004 - read as sv.open
    from synovia.screening import kappa
    from synovia.synthesis import (
        Fit,
        GeneralisedQ,
        beta_binomial,
        binomial_normal,
        bootstrap,
        convert_doses,
        diagnostic_accuracy,
        dose_response,
        explained,
        log_rate_normal,
        logit_normal,
        mantel_haenszel,
        meta,
        meta_many,
        permutation_test,
        peto,
        poisson_normal,
        profile_interval,
        subgroups,
        wild_bootstrap,
    )
    from synovia.synthesis.bayes import bayes
    from synovia.synthesis.course import course_contrasts, time_course
    from synovia.synthesis.dose import dose_contrasts, dose_network
    from synovia.synthesis.network import (
        component_network,
        league,
        network,
        outcome_network,
        p_scores,
        partial_order,
    )


_HOMES = {
    "Fit": "synovia.synthesis",
    "GeneralisedQ": "synovia.synthesis",
    "SynoviaError": "synovia.errors",
    "baujat": "synovia.diagnosis",
    "bayes": "synovia.synthesis.bayes",
    "beta_binomial": "synovia.synthesis",
    "binomial_normal": "synovia.synthesis",
    "blup": "synovia.diagnosis",
    "bootstrap": "synovia.synthesis",
    "bubble": "synovia.diagnosis",
    "compare": "synovia.diagnosis",
    "component_network": "synovia.synthesis.network",
    "contrast": "synovia.diagnosis",
    "course_contrasts": "synovia.synthesis.course",
    "cumulative": "synovia.diagnosis",
    "convert_doses": "synovia.synthesis",
    "diagnostic_accuracy": "synovia.synthesis",
    "dose_contrasts": "synovia.synthesis.dose",
    "dose_network": "synovia.synthesis.dose",
    "dose_response": "synovia.synthesis",
    "draw": "synovia.plots",
    "effect_sizes": "synovia.effects",
    "evidence_map": "synovia.plots",
    "example": "synovia.examples",
    "examples": "synovia.examples",
    "explained": "synovia.synthesis",
    "flow": "synovia.plots",
    "forest": "synovia.plots",
    "funnel": "synovia.plots",
    "influence": "synovia.diagnosis",
    "kappa": "synovia.screening",
    "league": "synovia.synthesis.network",
    "leave_one_out": "synovia.diagnosis",
    "load_field": "synovia.fields",
    "log_rate_normal": "synovia.synthesis",
    "logit_normal": "synovia.synthesis",
    "mantel_haenszel": "synovia.synthesis",
    "meta": "synovia.synthesis",
    "meta_many": "synovia.synthesis",
    "network": "synovia.synthesis.network",
    "open": "synovia.review.review",
    "outcome_network": "synovia.synthesis.network",
    "p_scores": "synovia.synthesis.network",
    "pairwise": "synovia.diagnosis",
    "partial_order": "synovia.synthesis.network",
    "permutation_test": "synovia.synthesis",
    "peto": "synovia.synthesis",
    "poisson_normal": "synovia.synthesis",
    "profile": "synovia.diagnosis",
    "profile_interval": "synovia.synthesis",
    "qq": "synovia.diagnosis",
    "radial": "synovia.diagnosis",
    "random_effects": "synovia.diagnosis",
    "read_export": "synovia.formats",
    "residuals": "synovia.diagnosis",
    "subgroups": "synovia.synthesis",
    "time_course": "synovia.synthesis.course",
    "timecourse": "synovia.plots",
    "vif": "synovia.diagnosis",
    "wild_bootstrap": "synovia.synthesis",
}

__all__ = [
    "Fit",
    "GeneralisedQ",
    "SynoviaError",
    "baujat",
    "bayes",
    "beta_binomial",
    "binomial_normal",
    "blup",
    "bootstrap",
    "bubble",
    "compare",
    "component_network",
    "contrast",
    "convert_doses",
    "course_contrasts",
    "cumulative",
    "diagnostic_accuracy",
    "dose_contrasts",
    "dose_network",
    "dose_response",
    "draw",
    "effect_sizes",
    "evidence_map",
    "example",
    "examples",
    "explained",
    "flow",
    "forest",
    "funnel",
    "influence",
    "kappa",
    "league",
    "leave_one_out",
    "load_field",
    "log_rate_normal",
    "logit_normal",
    "mantel_haenszel",
    "meta",
    "meta_many",
    "network",
    "open",
    "outcome_network",
    "p_scores",
    "pairwise",
    "partial_order",
    "permutation_test",
    "peto",
    "poisson_normal",
    "profile",
    "profile_interval",
    "qq",
    "radial",
    "random_effects",
    "read_export",
    "residuals",
    "subgroups",
    "time_course",
    "timecourse",
    "vif",
    "wild_bootstrap",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'synovia' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
