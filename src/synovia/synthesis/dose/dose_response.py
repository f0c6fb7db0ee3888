"""How an effect changes with the dose: one average curve from studies that compare different doses."""

from dataclasses import replace

import numpy as np
import pandas as pd

from synovia.errors import SynthesisError
from synovia.synthesis.dose.bases import Basis, require_basis
from synovia.synthesis.dose.design import Columns, DoseDesign, HowCovariance, read_doses
from synovia.synthesis.dose.emax import Emax
from synovia.synthesis.dose.fitting import choose, fit_emax, pose_one_stage, pose_two_stages, synthesise
from synovia.synthesis.dose.formulas import read_curve
from synovia.synthesis.dose.moderation import PLAIN, Moderation, read_moderation
from synovia.synthesis.dose.result import DoseResponse
from synovia.synthesis.dose.settings import STRUCTURES, DoseSettings
from synovia.synthesis.random import Slopes

__all__ = ["dose_response", "fit_curve"]


def dose_response(  # noqa: PLR0913 - a model function names every choice it takes
    data: pd.DataFrame,
    formula: str = "estimate ~ dose",
    *,
    basis: Basis | None = None,
    study: str = "study_id",
    std_error: str = "std_error",
    type: str = "type",  # noqa: A002 - what published tables call it
    cases: str = "cases",
    n: str = "n",
    sd: str = "sd",
    unit: str = "dose_unit",
    covariance: HowCovariance = "greenland-longnecker",
    moderators: str | None = None,
    stage: int = 1,
    method: str = "REML",
    random: str = "unstructured",
    inference: str = "z",
    level: float = 0.95,
) -> DoseResponse:
    r"""Fit one dose-response curve to studies that compare doses.

    Parameters
    ----------
    data : DataFrame
        One row per dose of a study. The reference dose of a study has estimate 0 and no standard error.
        Estimates of ratios are logarithms.
    formula : str
        ``estimate ~ dose``, ``~ quadratic(dose)``, ``~ rcs(dose, 3)``, ``~ rcs(dose, [1, 5, 20])``,
        ``~ rcs(dose, quantiles=[0.1, 0.5, 0.9])``, ``~ log(dose + 1)`` or ``~ emax(dose)``.
    basis : Basis, optional
        A curve of one's own in place of the one in the formula, such as ``Spline((1.0, 5.0, 20.0))``.
    study, std_error, cases, n, sd, unit : str
        Columns: of the study; of standard errors; of cases and of people, or person-time, in each group (for
        ratios); of standard deviations (for mean differences); of the unit of the dose, where there is one.
    type : str
        Column of the kind of study, or the kind of all: "cc" case-control, "ci" cumulative incidence, "ir"
        incidence rate, "md" mean difference, "smd" standardised mean difference.
    covariance : str or mapping of str to array_like
        How contrasts against one reference covary: "greenland-longnecker", "hamling", "independent", or a
        matrix for each study.
    moderators : str, optional
        What the curves of studies depend on, such as ``"~ year + C(region)"``; one value for each study.
    stage : {1, 2}
        Whether all doses are fitted at once, or each study's curve first.
    method : {"REML", "ML", "MM", "fixed"}
        Estimator of the between-study covariance; "MM", the method of moments, in two stages only.
    random : {"unstructured", "diagonal"}
        Whether the coefficients of a study correlate.
    inference : str
        "z", "t", "knapp-hartung", or "CR2" and its like with studies as clusters.
    level : float
        Confidence level.

    Returns
    -------
    DoseResponse

    Raises
    ------
    SynthesisError
        When a study, a row or a setting cannot be used; it is named.

    Notes
    -----
    With the contrasts :math:`y_i` of study i against its reference dose :math:`d_{i0}`,

    .. math:: y_i \sim N\bigl(X_i\beta,\; S_i + X_i \Psi X_i'\bigr), \quad
        X_{ij} = b(d_{ij}) - b(d_{i0})

    in one stage; in two, :math:`\hat\beta_i = (X_i'S_i^{-1}X_i)^{-1}X_i'S_i^{-1}y_i` are pooled. Given
    Psi both are the same. Greenland & Longnecker (1992), American Journal of Epidemiology 135, 1301-1309;
    Crippa, Discacciati, Bottai, Spiegelman & Orsini (2019), Statistical Methods in Medical Research 28,
    1579-1596.

    Examples
    --------
    >>> trials = pd.DataFrame({"study_id": ["a", "a", "a", "b", "b", "b"], "dose": [0, 1, 2, 0, 2, 4],
    ...                        "estimate": [0, 0.2, 0.5, 0, 0.4, 0.7],
    ...                        "std_error": [0, 0.1, 0.1, 0, 0.1, 0.1]})
    >>> found = dose_response(trials, covariance="independent", method="fixed")
    >>> found.predict([0, 2])[["dose", "estimate", "lower", "upper"]].round(3)
       dose  estimate  lower  upper
    0   0.0     0.000  0.000  0.000
    1   2.0     0.384  0.306  0.462
    """
    if random not in STRUCTURES:
        raise SynthesisError(f"Found random {random!r}; wanted {', '.join(STRUCTURES)}.")
    if basis is not None:
        require_basis(basis)
    estimate, dose, curve = read_curve(formula)
    columns = Columns(estimate, dose, study, std_error, type, cases, n, sd, unit)
    design = read_doses(data, columns, covariance)
    if method == "MM" and random != "unstructured":
        raise SynthesisError("method='MM' gives all variances and covariances; wanted random='unstructured'.")
    varies = method != "fixed" and len(design.studies) > 1
    settings = DoseSettings(
        formula=formula if moderators is None else f"{formula}, by {str(moderators).strip('~ ')}",
        variance=std_error,
        random=Slopes(dose, "study_id", STRUCTURES[random]) if varies else None,
        tau2=method,
        inference=inference,
        level=level,
        cluster="study_id" if inference.startswith("CR") else None,
        stage=stage,
    )
    moderation = read_moderation(data, moderators, study, design.studies)
    return fit_curve(design, basis or curve, settings, moderation)


def fit_curve(
    design: DoseDesign, basis: Basis, settings: DoseSettings, moderation: Moderation = PLAIN
) -> DoseResponse:
    """Fit a curve to contrasts of doses.

    Parameters
    ----------
    design : DoseDesign
        Studies, doses, estimates and their covariance.
    basis : Basis
        The curve.
    settings : DoseSettings
        Stage, estimator and interval.
    moderation : Moderation
        Moderators of the studies.
    """
    settled = basis.resolve(design.doses)
    names = settled.names(design.columns.dose)
    if not moderation.empty and (isinstance(settled, Emax) or settings.tau2 == "MM"):
        what = "an Emax curve" if isinstance(settled, Emax) else "method='MM'"
        raise SynthesisError(
            f"Found moderators with {what}; wanted a curve that is linear in its coefficients, "
            "fitted by REML, ML or as fixed."
        )
    if isinstance(settled, Emax):
        return _fit_emax(design, settled, settings)
    X = design.contrasts(settled, np.zeros(settled.size))
    if settings.stage == 1:
        posed = pose_one_stage(design, moderation.spread(X, design.study), design.y, settings, X)
        choice = choose(posed, str(settings.tau2))
    else:
        posed, b, S = pose_two_stages(design, X, settings, names, moderation)
        choice = choose(posed, str(settings.tau2), (b, S))
    fit = synthesise(design, posed, choice, settings, moderation.names(names), curve=names)
    return DoseResponse(design, settled, fit, moderation)


def _fit_emax(design: DoseDesign, basis: Emax, settings: DoseSettings) -> DoseResponse:
    if settings.stage == 2:
        raise SynthesisError(
            "Found stage=2 for an Emax curve; wanted stage=1. In two stages every study would need an ED50 "
            "of its own, which the few doses of one study hardly tell, and whose estimate is far from normal."
        )
    posed, choice, curve = fit_emax(design, basis, settings)
    fit = synthesise(design, posed, choice, settings, basis.names(design.columns.dose))
    told = (
        ()
        if curve.settled
        else (f"Gauss-Newton had not settled after {curve.steps} steps; do not trust the curve.",)
    )
    return DoseResponse(design, basis, replace(fit, warnings=(*fit.warnings, *told)))
