"""Pooling: from a table of effects to a ``Fit``, with or without moderators."""

from collections.abc import Mapping

import pandas as pd

from synovia.errors import SynthesisError
from synovia.kernel import (
    INFERENCES,
    Choice,
    Heterogeneity,
    Inapplicable,
    Problem,
    RowScale,
    measure_heterogeneity,
)
from synovia.synthesis.choosing import choose_psi, infer, read_clusters
from synovia.synthesis.clustered import remark_clusters
from synovia.synthesis.dependence import GivenCovariance
from synovia.synthesis.fit import Fit
from synovia.synthesis.names import Names
from synovia.synthesis.regression import Design, Formula, make_design, read_formula, require_more_effects
from synovia.synthesis.remarks import remark
from synovia.synthesis.rows import Rows, select_rows
from synovia.synthesis.settings import Random, Settings, Tau2
from synovia.synthesis.terms import Built, build_terms, find_column

__all__ = ["fit_design", "meta"]


def meta(  # noqa: PLR0913 - a model function names every choice it takes
    data: pd.DataFrame,
    formula: str = "estimate ~ 1",
    *,
    variance: str = "variance",
    covariance: GivenCovariance | None = None,
    random: Random = "effect",
    tau2: Tau2 = "REML",
    inference: str = "knapp-hartung",
    cluster: str | None = None,
    scale: str | None = None,
    known: Mapping[str, pd.DataFrame] | None = None,
    weights: str | None = None,
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
    covariance : array_like or sparse array of shape (N, N), or sequence of (rows, block), optional
        Sampling covariance aligned with the rows of ``data``: arms that share a comparator, outcomes or
        times of the same people. Independent blocks are read from its zeros, or given.
    random : str, random effects or None
        "effect": every row has its own random effect; a column name such as "study": rows of one value
        share one; "study/effect": effects within studies; "lab + study": crossed; "UN(outcome | study)":
        outcomes of a study correlate, with UN, CS, HCS, DIAG, ID, AR, HAR or CAR; "UN(1 + dose | study)":
        random slopes; "SPEXP(x + y)": places; "known(species)": levels correlated as ``known`` says. The
        same as objects of ``synovia.synthesis.random``. None: a common effect.
    tau2 : str, float, mapping or GeneralisedQ
        Estimator of the between-study variance, such as "REML", "ML", "DL", "PM"; or its value; or, for
        several variances, values by name for those to be held. Several variances need REML or ML.
    inference : str
        How standard errors become intervals: "z", "t", "knapp-hartung", "knapp-hartung-floor" (whose factor
        is never below 1), "CR0" to "CR3" (robust to whatever happens within ``cluster``; CR2 with
        Satterthwaite's degrees of freedom), "kenward-roger" (for several variances). t has as many degrees
        of freedom as there are independent blocks of effects less coefficients.
    cluster : str, optional
        Column of clusters for CR0 to CR3; clusters are independent of each other.
    scale : str, optional
        Formula of the log of tau2, such as "~ dose": a location-scale model.
    known : mapping of str to DataFrame, optional
        Correlation matrices for ``known(column)``, rows and columns named by its levels.
    weights : str, optional
        Column of weights for the coefficients instead of inverse variances, or "equal"; the standard errors
        allow for them.
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
    settings = Settings(formula, variance, random, tau2, inference, level, cluster, scale, known, weights)
    parts, scales = read_formula(formula), _read_scale(scale)
    wanted = (*parts.columns, *(() if scales is None else scales.columns))
    rows = select_rows(
        data, estimate=parts.estimate, variance=variance, covariance=covariance, moderators=wanted
    )
    return fit_design(rows, make_design(parts, rows.used), settings)


def _read_scale(scale: str | None) -> Formula | None:
    if scale is None:
        return None
    if not scale.strip().startswith("~"):
        raise SynthesisError(f"Found scale {scale!r}; wanted '~ moderators', such as '~ dose'.")
    return read_formula(f"tau2 {scale}")


def fit_design(rows: Rows, design: Design, settings: Settings) -> Fit:
    """Fit a design to rows: the model behind every synthesis of this room.

    Parameters
    ----------
    rows : Rows
        Effects that can be used.
    design : Design
        The mean, one row per effect used.
    settings : Settings
        Random effects, estimator and interval.

    Raises
    ------
    TooFewStudies
        When there are not more effects than coefficients.
    """
    require_more_effects(design.X, design.columns)
    built, scale = _build(rows, settings)
    problem = Problem(rows.y, design.X, rows.V, built.terms)
    single = problem.blocks == 1 and problem.p == 1 and _is_one_study(rows, settings)
    if single:
        problem = Problem(rows.y, design.X, rows.V)
    choice = choose_psi(problem, settings, built.variances, rows)
    if single:
        inference = INFERENCES["z"](problem, choice.point)
    else:
        inference = infer(problem, choice.point, settings, read_clusters(rows, settings))
    alone = ("There is a single study: nothing was pooled, the result is the study's own estimate.",)
    told = remark(rows, settings, (choice, inference), built.variances)
    robust = remark_clusters(rows, design, settings, inference)
    said = alone if single else (*built.warnings, *told, *robust)
    return Fit(
        problem=problem,
        names=Names(design.columns, rows.used_labels, () if single else built.variances),
        settings=settings,
        point=choice.point,
        convergence=choice.convergence,
        inference=inference,
        heterogeneity=_measure(problem, choice, settings, single=single),
        design=design,
        rows=rows,
        status="single study" if single else "pooled",
        warnings=(*rows.warnings, *design.warnings, *said),
        scale=scale,
    )


def _build(rows: Rows, settings: Settings) -> tuple[Built, Design | None]:
    scales = _read_scale(settings.scale)
    if scales is None:
        return build_terms(settings.effects, rows), None
    design = make_design(scales, rows.used)
    names = tuple(f"scale[{name}]" for name in design.columns)
    return Built((RowScale(design.X),), ("scale",), names, design.warnings), design


def _is_one_study(rows: Rows, settings: Settings) -> bool:
    """Whether one block is one study, rather than studies that places or relatedness join."""
    if rows.V.labels.max() == 0 or settings.outer is None:
        return bool(rows.V.labels.max() == 0)
    return rows.used[find_column(settings.outer, rows)].nunique() == 1


def _measure(problem: Problem, choice: Choice, settings: Settings, *, single: bool) -> Heterogeneity:
    if not single:
        return measure_heterogeneity(problem, choice.point, level=settings.level)
    none = Inapplicable("one study shows no differences between studies")
    return Heterogeneity(none, 0, none, none, none, none)
