"""Screening: what dual decisions add up to, who decides next, and how far readers agree."""

from synovia.screening.agreement import Agreement, NoKappa, PairAgreement, agreement, kappa
from synovia.screening.state import ReasonConflict, Task, queue, reason_conflicts, verdicts

__all__ = [
    "Agreement",
    "NoKappa",
    "PairAgreement",
    "ReasonConflict",
    "Task",
    "agreement",
    "kappa",
    "queue",
    "reason_conflicts",
    "verdicts",
]
