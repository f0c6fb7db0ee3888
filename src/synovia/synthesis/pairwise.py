"""Pooling: from a table of effects to a ``Fit``, with or without moderators."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from synovia.kernel import (
    CHOICES,
    INFERENCES,
    Choice,
    Convergence,
    Heterogeneity,
    Inapplicable,
    Inference,
    Problem,
    given,
    measure_heterogeneity,
    point,
)
from synovia.synthesis.fit import Fit
from synovia.synthesis.names import Names
from synovia.synthesis.regression import Design, make_design, read_formula, require_more_effects
from synovia.synthesis.rows import Rows, group_rows, select_rows
from synovia.synthesis.settings import Settings

__all__ = ["fit_design", "meta"]


def meta(
    data: pd.DataFrame,
    formula: str = "estimate ~ 1",
    *,
    variance: str = "variance",
    covariance: ArrayLike | None = None,
    random: str | None = "effect",
    tau2: str | float = "REML",
    inference: str = "knapp-hartung",
    level: float = 0.95,
) -> Fit:
    r"""Pool effects, or regress them on moderators.

    Parameters
    ----------
    data : DataFrame
        One row per effect, all on one scale. Rows that lack an estimate, a variance or a moderator are
        dropped and named in ``warnings``.
    formula : str
        Column of estimates, and moderators in Wilkinson's notation: ``estimate ~ dose * source``. Text
        columns are factors, with their first level as reference.
    variance : str
        Column of sampling variances.
    covariance : array_like of shape (N, N), optional
        Sampling covariance aligned with the rows of ``data``: arms that share a comparator, outcomes or
        times of the same people. Its blocks are read from its zeros.
    random : str or None
        "effect": every row has its own random effect; a column name such as "study_id": rows of one value
        share one; None: a common effect.
    tau2 : {"REML", "ML", "DL", "PM"} or float
        Estimator of the between-study variance (restricted maximum likelihood, maximum likelihood,
        DerSimonian-Laird, Paule-Mandel), or its value.
    inference : {"knapp-hartung", "knapp-hartung-floor", "t", "z"}
        How standard errors become intervals; "floor" never lets the Knapp-Hartung factor fall below 1. t
        has as many degrees of freedom as there are independent blocks of effects less coefficients.
    level : float
        Confidence level.

    Returns
    -------
    Fit
        A single study is returned as itself, with a normal interval and a warning that nothing was pooled.

    Raises
    ------
    SynthesisError
        When a setting, a column or a number cannot be used; it is named.
    TooFewStudies
        When there are not more effects than coefficients.
    CollinearModerators
        When moderators cannot be told apart; they are named.
    NotPositiveDefinite
        When a variance is 0 or the covariance is one that no data could have.

    Notes
    -----
    .. math:: y \sim N(X\beta,\; V + \tau^2 ZZ')

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.9, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> fit = meta(trials)
    >>> print(f"{fit.tidy().estimate[0]:.3f}, tau2 {fit.tau2:.3f}")
    0.421, tau2 0.141
    """
    settings = Settings(formula, variance, random, tau2, inference, level)
    parts = read_formula(formula)
    rows = select_rows(
        data, estimate=parts.estimate, variance=variance, covariance=covariance, moderators=parts.columns
    )
    return fit_design(rows, make_design(parts, rows.used), settings)


def fit_design(rows: Rows, design: Design, settings: Settings) -> Fit:
    """Fit a design to rows: the model behind every synthesis of this room.

    Parameters
    ----------
    rows : Rows
        Effects that can be used.
    design : Design
        The mean, one row per effect used.
    settings : Settings
        Random effect, estimator and interval.

    Raises
    ------
    TooFewStudies
        When there are not more effects than coefficients.
    """
    require_more_effects(design.X, design.columns)
    problem = Problem(rows.y, design.X, rows.V, group_rows(rows, settings.random))
    single = problem.blocks == 1 and problem.p == 1
    if single:
        problem = Problem(rows.y, design.X, rows.V)
    choice = _choose(problem, settings)
    inference = INFERENCES["z" if single else settings.inference](problem, choice.point)
    heterogeneity = _measure(problem, choice, settings, single=single)
    alone = ("There is a single study: nothing was pooled, the result is the study's own estimate.",)
    said = (*design.warnings, *(alone if single else _warn(rows, settings, choice, inference)))
    names = Names(design.columns, rows.used_labels, ("tau2",) * problem.parameters)
    return Fit(
        problem=problem,
        names=names,
        settings=settings,
        point=choice.point,
        convergence=choice.convergence,
        inference=inference,
        heterogeneity=heterogeneity,
        design=design,
        rows=rows,
        status="single study" if single else "pooled",
        warnings=(*rows.warnings, *said),
    )


def _choose(problem: Problem, settings: Settings) -> Choice:
    if not problem.terms:
        said = Convergence(
            0, 0.0, at_boundary=False, converged=True, message="closed form, no variance to find"
        )
        return Choice(np.empty(0), point(problem), said)
    if isinstance(settings.tau2, str):
        return CHOICES[settings.tau2](problem)
    return given(problem, settings.tau2)


def _measure(problem: Problem, choice: Choice, settings: Settings, *, single: bool) -> Heterogeneity:
    if not single:
        return measure_heterogeneity(problem, choice.point, level=settings.level)
    none = Inapplicable("one study shows no differences between studies")
    return Heterogeneity(none, 0, none, none, none, none)


def _warn(rows: Rows, settings: Settings, choice: Choice, inference: Inference) -> tuple[str, ...]:
    said = []
    if not choice.convergence.converged:
        said.append(f"The search for tau2 did not converge: {choice.convergence.message}.")
    if inference.factor == 0:
        said.append(
            "The model fits every estimate exactly, which leaves the Knapp-Hartung interval without a width. "
            "Use inference='knapp-hartung-floor'."
        )
    elif round(inference.factor, 3) < 1:
        said.append(
            f"The Knapp-Hartung factor is {inference.factor:.3g}, below 1: the interval is shorter than "
            "without it (the choice 'knapp-hartung-floor' keeps it at 1)."
        )
    repeated = _find_repeated(rows, settings)
    if repeated:
        said.append(
            f"{', '.join(repeated)}: several effects of one study are treated as independent. Give their "
            "covariance, or random='study_id'."
        )
    return tuple(said)


def _find_repeated(rows: Rows, settings: Settings) -> list[str]:
    """Studies with several effects that nothing joins."""
    if "study_id" not in rows.used.columns or settings.random not in (None, "effect"):
        return []
    studies = rows.used["study_id"].astype(str).to_numpy()
    blocks = rows.V.labels
    parts = pd.DataFrame({"study": studies, "block": blocks}).groupby("study")["block"].nunique()
    return [str(study) for study in parts.index[parts > 1]]
