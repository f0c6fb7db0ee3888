"""What R's metafor says after ``rma.mv``: influence, residuals, weights and random effects."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from parity.grid import Case
from synovia.diagnosis import influence, random_effects, residuals
from synovia.synthesis import Fit

SEARCHED = 1e-5  # what R's stopping rules leave open

AFTER = r"mv_(cooks|hat|rstandard|rstudent|weights_rowsum|ranef)_.*"
"""Ids of the cases that ``check_after`` answers."""


def agree(ours: Any, theirs: Any) -> None:
    """Numbers of one column: relative to each, and for those near 0 to the largest."""
    given = np.array(theirs, dtype=np.float64)
    scale = np.abs(given).max()
    assert np.asarray(ours, dtype=np.float64) == pytest.approx(given, rel=SEARCHED, abs=SEARCHED * scale)


def check_influence(column: str) -> Callable[[Case, Fit], None]:
    def check(case: Case, fit: Fit) -> None:
        agree(influence(fit).tidy()[column], case.results)

    return check


def check_residuals(kind: str) -> Callable[[Case, Fit], None]:
    def check(case: Case, fit: Fit) -> None:
        table = residuals(fit, kind).tidy()
        for ours, name in (("residual", "resid"), ("std_error", "se"), ("z", "z")):
            agree(table[ours], case.results[name])

    return check


def check_random_effects(case: Case, fit: Fit) -> None:
    table = random_effects(fit).tidy()
    for term, theirs in case.results.items():
        part = table[table["term"] == term].set_index("group").loc[list(map(str, theirs["levels"]))]
        for ours, name in (
            ("estimate", "intrcpt"),
            ("std_error", "se"),
            ("lower", "pi.lb"),
            ("upper", "pi.ub"),
        ):
            agree(part[ours], theirs[name])


CHECKS: dict[str, Callable[[Case, Fit], None]] = {
    "mv_cooks": check_influence("cooks_distance"),
    "mv_hat": check_influence("hat"),
    "mv_weights": check_influence("weight"),
    "mv_rstandard": check_residuals("standardised"),
    "mv_rstudent": check_residuals("studentised"),
    "mv_ranef": check_random_effects,
}


def check_after(case: Case, fit: Fit) -> None:
    """Whether a case agrees, given the fit of its ``rma.mv`` call."""
    CHECKS["_".join(case.id.split("_")[:2])](case, fit)
