"""Dose-response models of R's dosresmeta.

R's covariances of cumulative incidence data ("ci") differ from the formulas of the papers. With "gl" its
correlations are those of person-time, 1/A0 without the binomial 1/N0; with "h" it takes counts whose
variances are those of person-time and then subtracts 1/N0. Both are rebuilt here, so that everything that
follows can be compared; the formulas of the papers are ours, and are held against brute force in
tests/synthesis/test_dose_covariance.py.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri

from parity.grid import Case, read_cases
from synovia.kernel import Blocks, Problem, Scalar, Term, Unstructured, point, quantile, tail
from synovia.kernel.choice import Choice, Convergence
from synovia.synthesis.dose import (
    Columns,
    Counts,
    DoseResponse,
    DoseSettings,
    adjust_margins,
    dose_response,
    match_moments,
    match_variances,
    read_doses,
)
from synovia.synthesis.dose.bases import Quadratic
from synovia.synthesis.dose.fitting import pose_two_stages, synthesise
from synovia.synthesis.random import Slopes

Floats = NDArray[np.float64]

EXACT = 1e-9  # the same sums in another order
COUNTS = 1e-4  # R stops looking for Greenland and Longnecker's counts at 1e-5 of a case: 4e-5 in a variance
HAMLING = 1e-2  # R's optim stops early: in one study its counts miss their own equations by 6e-3
HIGHER = 1e-8  # rounding of a log-likelihood
R_FLOOR = 1.4901161193847656e-08  # R's method of moments raises negative eigenvalues to sqrt(eps), not to 0


def reach(gain: float) -> float:
    """Standard errors that coefficients may move when ours lies that much higher on the likelihood than R's.

    Near a maximum a point that is lower by g is sqrt(2 g) standard deviations away; the rest is R's counts.
    """
    return COUNTS + float(np.sqrt(2 * max(gain, 0.0)))


SHAPES = {"quad": "logrr ~ quadratic(dose)", "rcs3": "logrr ~ rcs(dose, 3)"}
METHODS = {"reml": "REML", "ml": "ML", "fixed": "fixed", "mm": "MM"}


def matrix(theirs: dict[str, Any]) -> Floats:
    return np.array(theirs["data"], dtype=np.float64)


def read_data(case: Case) -> tuple[pd.DataFrame, str]:
    data, n = case.tables[0].copy(), "peryears" if "n=peryears" in case.call else "n"
    if "lb" in case.call and "se" not in data:
        data["se"] = (np.log(data["ub"]) - np.log(data["lb"])) / (2 * ndtri(0.975))
    if "id" not in data:
        data["id"] = "one"
    if "type" not in data:
        found = re.search(r'type="(\w+)"', case.call)
        assert found
        data["type"] = found[1]
    return data.rename(columns={"case": "cases"}), n


def rebuild_covariance(data: pd.DataFrame, n: str, how: str) -> Any:
    """R's covariances, where they are not those of the papers."""
    if how == "independent":
        return how
    return {
        str(study): rebuild_block(part, part[n].to_numpy(np.float64), how)
        for study, part in data.groupby("id")
    }


def rebuild_block(part: pd.DataFrame, n: Floats, how: str) -> Floats:
    kind = str(part["type"].iloc[0])
    y, v, cases = part["logrr"].to_numpy()[1:], part["se"].to_numpy()[1:] ** 2, part["cases"].to_numpy()
    counted = "ir" if kind == "ci" else kind
    if how == "greenland-longnecker":
        made = adjust_margins(y, cases, n, counted)
    else:
        made = match_variances(y, v, cases, n, counted)
        made = Counts(made.cases, made.n, kind)
    return made.correlate() * np.sqrt(np.outer(v, v))


def find_how(case: Case) -> str:
    if 'covariance="h"' in case.call:
        return "hamling"
    return "independent" if 'covariance="indep"' in case.call else "greenland-longnecker"


def fit_case(case: Case, **options: Any) -> DoseResponse:
    data, n = read_data(case)
    wanted = case.id.split("_")
    given: dict[str, Any] = {
        "formula": SHAPES.get(wanted[0], "logrr ~ dose"),
        "method": METHODS.get(wanted[1], "REML"),
        "stage": 1 if "onestage" in case.id or wanted[0] == "single" else 2,
        "covariance": rebuild_covariance(data, n, find_how(case)),
    }
    return dose_response(data, study="id", std_error="se", n=n, **(given | options))


def read_psi(between: Floats) -> Floats:
    s = np.sqrt(np.diag(between))
    return np.concatenate([np.diag(between), (between / np.outer(s, s))[np.triu_indices(s.size, 1)]])


def check_covariance(case: Case) -> None:
    data, n = read_data(case)
    how = "hamling" if case.id.startswith("ham") else "greenland-longnecker"
    ours = rebuild_covariance(data, n, how)["one"]
    assert ours == pytest.approx(matrix(case.results), rel=COUNTS)


def check_table(theirs: dict[str, Any], beta: Floats, cov: Floats, tolerance: float) -> None:
    error = np.sqrt(np.diag(cov))
    z, half = beta / error, quantile(0.95, np.inf) * error
    ours = np.column_stack([beta, error, z, tail(z, np.inf), beta - half, beta + half])
    table = matrix(theirs["coefficients_table"])
    assert np.array(list(theirs["coef"].values())) == pytest.approx(beta, abs=tolerance * error.min())
    assert matrix(theirs["vcov"]) == pytest.approx(cov, rel=tolerance)
    assert ours[:, :3] == pytest.approx(table[:, :3], rel=tolerance, abs=tolerance * error.min())
    assert ours[:, 3] == pytest.approx(table[:, 3], rel=10 * tolerance * (1 + np.abs(z).max() ** 2))
    assert ours[:, 4:] == pytest.approx(table[:, 4:], rel=tolerance, abs=tolerance * error.max())


def pose_theirs(case: Case) -> tuple[Problem, Floats]:
    """The second stage with R's own curves of studies and R's own Psi."""
    b, own = matrix(case.results["bi"]), [matrix(block) for block in case.results["Si"]]
    k, q = b.shape
    blocks = Blocks(own, [np.arange(q) + q * i for i in range(k)])
    design = np.tile(np.eye(q), (k, 1))
    if "Psi" not in case.results:
        return Problem(b.ravel(), design, blocks), np.empty(0)
    groups, codes = np.repeat(np.arange(k), q), np.tile(np.arange(q), k)
    term = Term(groups, Unstructured(q), codes) if q > 1 else Term(groups, Scalar())
    return Problem(b.ravel(), design, blocks, (term,)), read_psi(matrix(case.results["Psi"]))


def check_second_stage(case: Case) -> None:
    problem, psi = pose_theirs(case)
    at, theirs = point(problem, psi), case.results
    check_table(theirs, at.beta, at.cov, EXACT)
    q = point(problem, problem.nothing).rss
    assert q == pytest.approx(np.atleast_1d(theirs["Q"]["Q"])[0], rel=EXACT)
    assert problem.n - problem.p == np.atleast_1d(theirs["Q"]["df"])[0]
    if theirs["logLik"] is None:
        return
    restricted = "_ml_" not in case.id and problem.terms
    assert (at.log_reml if restricted else at.log_ml) == pytest.approx(theirs["logLik"], rel=EXACT)


def check_moments(case: Case) -> None:
    found = match_moments(matrix(case.results["bi"]), [matrix(block) for block in case.results["Si"]])
    values, vectors = np.linalg.eigh(found.equated)
    raised = (vectors * np.where(values < 0, R_FLOOR, values)) @ vectors.T
    assert raised == pytest.approx(matrix(case.results["Psi"]), rel=EXACT)


def check_studies(case: Case, found: DoseResponse) -> None:
    """Coefficients of the studies: as exact as R's counts."""
    how = find_how(case)
    tolerance = {"independent": EXACT, "hamling": HAMLING}.get(how, COUNTS)
    frame, q = found.fit.rows.used, found.basis.size
    b = matrix(case.results["bi"])
    errors = np.sqrt([np.diag(matrix(block)) for block in case.results["Si"]])
    ours = frame["estimate"].to_numpy().reshape(-1, q)
    assert np.abs((ours - b) / errors).max() < 10 * tolerance
    assert frame["std_error"].to_numpy().reshape(-1, q) == pytest.approx(errors, rel=tolerance)


def check_two_stages(case: Case) -> None:
    check_second_stage(case)
    if "_mm_" in case.id:
        check_moments(case)
    found = fit_case(case)
    check_studies(case, found)
    if "_mm_" in case.id:
        return  # R's floor of eigenvalues moves the coefficients; the moments themselves were compared
    glance, theirs = found.glance().iloc[0], case.results
    gain = find_gain(case, found) if "Psi" in theirs else 0.0
    assert gain >= -HIGHER
    same = find_how(case) != "hamling"  # there R's counts are other counts, and so are its likelihoods
    for name, value in (("log_lik", "logLik"), ("aic", "AIC"), ("bic", "BIC")):
        assert glance[name] == pytest.approx(theirs[value], abs=2 * (COUNTS + gain) if same else 0.1)
    error = np.sqrt(np.diag(matrix(theirs["vcov"])))
    moved = (found.fit.point.beta - np.array(list(theirs["coef"].values()))) / error
    assert np.abs(moved).max() < (reach(gain) if same else HAMLING)


def find_gain(case: Case, found: DoseResponse) -> float:
    """How much higher the likelihood is at our Psi than at R's."""
    there = point(found.fit.problem, read_psi(matrix(case.results["Psi"])))
    ours = found.fit.point
    return ours.log_ml - there.log_ml if "_ml_" in case.id else ours.log_reml - there.log_reml


def check_one_stage(case: Case) -> None:
    found, theirs = fit_case(case), case.results
    problem = found.fit.problem
    at = point(problem, matrix(theirs["Psi"])[0])
    check_table(theirs, at.beta, at.cov, COUNTS)
    unscaled = at.log_reml - problem.log_det_xtx / 2  # R leaves out the constant of the design here
    assert unscaled == pytest.approx(theirs["logLik"], abs=COUNTS)
    gain = found.fit.point.log_reml - at.log_reml
    assert gain >= -HIGHER
    moved = (found.fit.point.beta - at.beta) / np.sqrt(np.diag(at.cov))
    assert np.abs(moved).max() < reach(gain)


def check_single(case: Case) -> None:
    found = fit_case(case)
    check_table(case.results, found.fit.point.beta, found.fit.inference.cov, COUNTS)
    glance = found.glance().iloc[0]
    for name, value in (("log_lik", "logLik"), ("aic", "AIC"), ("bic", "BIC")):
        assert glance[name] == pytest.approx(case.results[value], abs=COUNTS)


def hold(case: Case, psi: Floats) -> DoseResponse:
    """The quadratic curve in two stages at R's own Psi."""
    data, n = read_data(case)
    columns = Columns("logrr", "dose", "id", "se", "type", "cases", n, "sd", "unit")
    design = read_doses(data, columns, rebuild_covariance(data, n, "greenland-longnecker"))
    random = Slopes("dose", "study_id", "UN")
    settings = DoseSettings("logrr ~ quadratic(dose)", "se", random, "REML", "z", 0.95, stage=2)
    basis = Quadratic()
    curve = design.contrasts(basis, np.zeros(2))
    posed, _, _ = pose_two_stages(design, curve, settings, basis.names("dose"))
    given = Convergence(0, 0.0, at_boundary=False, converged=True, message="given")
    choice = Choice(psi, point(posed.problem, psi), given)
    return DoseResponse(design, basis, synthesise(design, posed, choice, settings, basis.names("dose")))


def check_prediction(case: Case) -> None:
    name = f"quad_reml_{case.id.removeprefix('predict_quad_')}"
    twin = next(other for other in read_cases(case.topic) if other.id == name)
    theirs = case.results
    free = fit_case(twin)
    held = hold(case, read_psi(matrix(twin.results["Psi"])))
    for found, tolerance in ((held, COUNTS), (free, reach(find_gain(twin, free)))):
        rows = found.predict(theirs["dose"], reference=0.0)
        size = np.maximum(rows["std_error"].to_numpy(), 1e-12)
        for ours, shown in (("estimate", "pred"), ("lower", "ci.lb"), ("upper", "ci.ub")):
            gap = (rows[ours].to_numpy() - np.log(theirs[shown])) / size
            assert np.abs(gap).max() < 3 * tolerance


CHECKS: dict[str, Callable[[Case], None]] = {
    r"(gl|ham)_cov_.*": check_covariance,
    r"single_.*": check_single,
    r"predict_.*": check_prediction,
    r".*_onestage_.*": check_one_stage,
    r".*": check_two_stages,
}


def check(case: Case) -> None:
    next(check for form, check in CHECKS.items() if re.fullmatch(form, case.id))(case)


def check_risks(case: Case) -> None:
    """Covariances of cumulative incidence by the formula of the papers."""
    data, n = read_data(case)
    columns = Columns("logrr", "dose", "id", "se", "type", "cases", n, "sd", "unit")
    ours = read_doses(data, columns, "greenland-longnecker").V.entries()[2]
    assert ours == pytest.approx(matrix(case.results).ravel(), rel=COUNTS)


def check_counts(case: Case) -> None:
    """Hamling's counts to more digits than R searches."""
    data, n = read_data(case)
    ours = rebuild_covariance(data, n, "hamling")["one"]
    assert ours == pytest.approx(matrix(case.results), rel=1e-6)


def check_eigenvalues(case: Case) -> None:
    """The method of moments with negative eigenvalues set to 0."""
    found = match_moments(matrix(case.results["bi"]), [matrix(block) for block in case.results["Si"]])
    assert found.covariance == pytest.approx(matrix(case.results["Psi"]), rel=EXACT)


def check_maximum(case: Case) -> None:
    """Coefficients where the likelihood is highest."""
    ours = fit_case(case).fit.point.beta
    assert ours == pytest.approx(list(case.results["coef"].values()), rel=1e-5)


def check_constant(case: Case) -> None:
    """The restricted likelihood of one stage, with the constant of the design."""
    assert fit_case(case).glance()["log_lik"].iloc[0] == pytest.approx(case.results["logLik"], rel=1e-3)


PARTS: dict[str, Callable[[Case], None]] = {
    "cumulative incidence": check_risks,
    "Hamling's counts": check_counts,
    "negative eigenvalues": check_eigenvalues,
    "the maximum": check_maximum,
    "the constant": check_constant,
}
