"""What a fit says about the whole synthesis and about every effect, as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.kernel import Inapplicable, Point, Problem, Range, find_leverage, find_weights, quantile
from synovia.kernel.solution import Solution
from synovia.synthesis.rows import count_participants, count_studies

if TYPE_CHECKING:
    from synovia.synthesis.fit import Fit

__all__ = ["list_effects", "list_facts"]

Floats = NDArray[np.float64]

COMPUTED = ("estimate", "std_error", "lower", "upper", "fitted", "weight", "leverage", "residual", "dropped")


def list_facts(fit: Fit) -> pd.DataFrame:
    """One row of facts about the whole synthesis; ``Fit.glance`` describes it.

    Parameters
    ----------
    fit : Fit
        Any fit.
    """
    measured, tau2 = fit.heterogeneity, fit.tau2
    limits = measured.tau2 if isinstance(measured.tau2, Range) else Range(math.nan, math.nan)
    restricted = fit.settings.restricted and bool(fit.problem.terms)
    quantities = {"tau2": tau2, "tau2 interval": measured.tau2, "i2": measured.i2, "q": measured.q}
    reasons = [f"{name}: {q.reason}" for name, q in quantities.items() if isinstance(q, Inapplicable)]
    row = {
        "status": fit.status,
        "k": count_studies(fit.rows.used, fit.settings.outer),
        "effects": fit.problem.n,
        "n": count_participants(fit.rows),
        "tau2": _number(tau2),
        "tau2_lower": limits.lower,
        "tau2_upper": limits.upper,
        "tau": math.sqrt(_number(tau2)),
        "i2": _number(measured.i2),
        "h2": _number(measured.h2),
        "q": _number(measured.q),
        "q_df": measured.q_df,
        "q_p_value": _number(measured.q_p_value),
        "log_lik": fit.point.log_reml if restricted else fit.point.log_ml,
        "method": fit.method,
        "converged": fit.convergence.converged,
        "at_boundary": fit.convergence.at_boundary,
        "warnings": " ".join(fit.warnings),
        "inapplicable": "; ".join(reasons),
    }
    return pd.DataFrame([row])


def list_effects(fit: Fit) -> pd.DataFrame:
    """One row per effect of the table as given; ``Fit.augment`` describes it.

    Parameters
    ----------
    fit : Fit
        Any fit.
    """
    kept = fit.rows.kept
    error = np.sqrt(fit.problem.V.diagonal)
    half = quantile(fit.settings.level, np.inf) * error
    y = fit.problem.y
    values = {
        "estimate": y,
        "std_error": error,
        "lower": y - half,
        "upper": y + half,
        "fitted": fit.problem.X @ fit.point.beta,
        "weight": 100 * _share(fit.problem, fit.point),
        "leverage": _lever(fit.problem, fit.point),
        "residual": fit.point.residuals,
    }
    carried = fit.rows.data.drop(columns=[name for name in COMPUTED if name in fit.rows.data.columns])
    spread = {name: _spread(numbers, kept) for name, numbers in values.items()}
    return carried.assign(**spread, dropped=~kept)


def _share(problem: Problem, at: Point | Solution) -> Floats:
    return at.shares if isinstance(at, Solution) else find_weights(problem, at)


def _lever(problem: Problem, at: Point | Solution) -> Floats:
    return at.leverage if isinstance(at, Solution) else find_leverage(problem, at)


def _number(value: float | Inapplicable) -> float:
    return math.nan if isinstance(value, Inapplicable) else value


def _spread(numbers: Floats, kept: NDArray[np.bool_]) -> Floats:
    out = np.full(kept.size, np.nan)
    out[kept] = numbers
    return out
