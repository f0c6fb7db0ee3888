"""Every way to choose tau2, by the name that meta-analysts write."""

from collections.abc import Callable

from synovia.kernel.choose import Choice, dersimonian_laird, ml, paule_mandel, reml
from synovia.kernel.moments import (
    hedges,
    hunter_schmidt,
    hunter_schmidt_corrected,
    iterate,
    median_paule_mandel,
    sidik_jonkman,
    two_step_dersimonian_laird,
    two_step_hedges,
)
from synovia.kernel.problem import Problem

__all__ = ["CHOICES"]

CHOICES: dict[str, Callable[[Problem], Choice]] = {
    "REML": reml,
    "ML": ml,
    "DL": dersimonian_laird,
    "DL2": two_step_dersimonian_laird,
    "DLIT": iterate("iterated DerSimonian-Laird"),
    "HE": hedges,
    "CA2": two_step_hedges,
    "HS": hunter_schmidt,
    "HSk": hunter_schmidt_corrected,
    "SJ": sidik_jonkman,
    "SJIT": iterate("iterated Sidik-Jonkman"),
    "EB": iterate("empirical Bayes"),
    "PM": paule_mandel,
    "PMM": median_paule_mandel,
}
"""Estimators of tau2 by the names that meta-analysts write."""
