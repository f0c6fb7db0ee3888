"""The moment estimator of correlated effects against its expectation."""

import numpy as np
import pytest

from synovia.errors import SynthesisError
from synovia.kernel import Diagonal, Problem, Term, dersimonian_laird
from synovia.kernel.rve import correlated_effects


def test_one_effect_per_study_is_dersimonian_and_laird() -> None:
    rng = np.random.default_rng(1)
    y, v = rng.normal(size=12), rng.uniform(0.1, 0.4, 12)
    X = np.column_stack([np.ones(12), rng.normal(size=12)])
    found = correlated_effects(y, X, v, np.arange(12), rho=0.3)
    choice = dersimonian_laird(Problem(y, X, Diagonal(v), (Term(np.arange(12)),)))
    assert found.tau2 == pytest.approx(choice.psi[0], rel=1e-10)
    assert found.variances == pytest.approx(v + found.tau2)


def test_expectations_are_met_exactly() -> None:
    # Q is a quadratic form: replacing yy' by its expectation under the working model must give tau2 back
    rng = np.random.default_rng(2)
    studies = np.array([0, 0, 0, 1, 2, 2, 3, 3, 3, 3, 4])
    mean = np.array([0.1, 0.3, 0.2, 0.15, 0.25])[studies]
    X, rho, tau2 = np.column_stack([np.ones(11), rng.normal(size=11)]), 0.6, 0.37
    same = studies[:, None] == studies[None, :]
    omega = np.where(np.eye(11) == 1, mean[:, None], same * rho * np.sqrt(np.outer(mean, mean))) + tau2 * same
    w = 1 / (np.bincount(studies)[studies] * mean)
    H = np.linalg.solve(X.T @ (w[:, None] * X), X.T * w)
    maker = np.eye(11) - X @ H
    expected = np.trace(maker.T @ (w[:, None] * maker) @ omega)
    y = rng.normal(size=11)
    y *= np.sqrt(expected / (w @ (maker @ y) ** 2))
    assert correlated_effects(y, X, mean, studies, rho=rho).tau2 == pytest.approx(tau2, rel=1e-10)


def test_agreement_leaves_no_heterogeneity() -> None:
    found = correlated_effects([0.1, 0.1, 0.1], np.ones((3, 1)), [0.1] * 3, [1, 1, 2])
    assert (found.tau2, found.i2) == (0, 0)


def test_rho_is_a_correlation() -> None:
    with pytest.raises(SynthesisError, match="from 0 to 1"):
        correlated_effects([0.1, 0.2], np.ones((2, 1)), [0.1] * 2, [1, 2], rho=1.2)
