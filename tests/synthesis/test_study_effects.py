"""The true effects behind the estimates of dependent rows, by three routes."""

import numpy as np
import pytest
from numpy.typing import NDArray

import synovia as sv
from synovia.kernel import Problem
from synovia.kernel.point import point
from synovia.synthesis import meta
from synovia.synthesis.bayes import HalfNormal, Posterior, bayes, case_influence, study_effects
from synovia.synthesis.bayes.study_effects import find_study_effects
from synovia.synthesis.refit import refit

Floats = NDArray[np.float64]

CLOSED = 1e-9  # the same sums in another order


def fit_gums(random: str) -> sv.Fit:
    gums = sv.example("berkey1998").data
    same = gums["study_id"].to_numpy()[:, None] == gums["study_id"].to_numpy()
    known = np.where(same, gums["covariance"].to_numpy()[:, None], 0.0)
    np.fill_diagonal(known, gums["variance"])
    return meta(
        gums.drop(columns="covariance"), "estimate ~ 0 + outcome", covariance=known, random=random,
        inference="z",
    )  # fmt: skip


@pytest.fixture(scope="module")
def gums() -> Posterior:
    return bayes(fit_gums("CS(outcome | study_id)"), HalfNormal(0.3))


def test_blocks_at_once_are_one_by_one(gums: Posterior, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = gums.model.problem
    quick = find_study_effects(problem, gums.quadrature), case_influence(gums).tidy()
    monkeypatch.setattr(study_effects, "make_stacks", lambda _: None)
    slow = find_study_effects(problem, gums.quadrature), case_influence(gums).tidy()
    assert quick[0].means == pytest.approx(slow[0].means, rel=CLOSED, abs=CLOSED)
    assert quick[0].sds == pytest.approx(slow[0].sds, rel=1e-6)  # V less V inverse V, small where tau is
    for name in ("mean", "std_error", "log_predictive", "efficiency"):
        assert quick[1][name].to_numpy() == pytest.approx(slow[1][name].to_numpy(), rel=1e-7, abs=CLOSED)


def shrink(problem: Problem, psi: Floats) -> Floats:
    """E(theta | y, psi) = y - V Omega^-1 (y - X b), with a matrix inverted."""
    dense = np.zeros((problem.n, problem.n))
    rows, columns, values = problem.V.entries()
    dense[rows, columns] = values
    at = point(problem, psi)
    return np.asarray(problem.y - dense @ at.factor.solve(at.residuals[:, None])[:, 0])


def test_shrinkage_is_the_mean_over_nodes(gums: Posterior) -> None:
    nodes, problem = gums.quadrature, gums.model.problem
    kept = nodes.weights > 1e-9
    each = np.array([shrink(problem, psi) for psi in nodes.psi[kept]])
    expected = nodes.weights[kept] @ each / nodes.weights[kept].sum()
    # nodes of less weight than 1e-9 are left out here
    assert gums.shrinkage()["mean"].to_numpy() == pytest.approx(expected, abs=1e-6)


def test_deletion_is_refitting_with_dependent_rows(gums: Posterior) -> None:
    found = case_influence(gums).tidy("outcome[AL]")
    row = int(found["efficiency"].argmax())
    again = bayes(refit(gums.fit, np.arange(10) != row), HalfNormal(0.3))
    names = list(again.fit.names.coefficients)
    expected = again.tidy().set_index("term").loc["outcome[AL]"]
    assert "outcome[AL]" in names
    assert found["mean"][row] == pytest.approx(expected["mean"], abs=1e-5)
    assert found["std_error"][row] == pytest.approx(expected["std_error"], rel=1e-4)
