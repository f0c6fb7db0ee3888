"""Blocks at many psi at once against one factorisation for each, and against whole matrices."""

import numpy as np
import pytest
from numpy.typing import NDArray

from simulated_problems import dense_point
from synovia.kernel import Blocks, Correlated, Diagonal, Problem, Term, Unstructured
from synovia.kernel.correlation import Equal, Power
from synovia.kernel.likelihoods import evaluate_likelihoods
from synovia.kernel.structure import Fixed, Structure
from synovia.kernel.sweep import exists, find_covariances
from synovia.kernel.term import RowScale

Floats = NDArray[np.float64]

EXACT = 1e-9  # the same likelihood by another order of the same sums; whole matrices are inverted explicitly

STRUCTURES: dict[str, tuple[Structure, list[list[float]]]] = {
    "UN": (Unstructured(3), [[0.2, 0.1, 0.3, 0.5, -0.2, 0.1], [1e-9, 4.0, 0.3, 0.0, 0.9, 0.1]]),
    "HCS": (Correlated(Equal(3), separate=True), [[0.2, 0.1, 0.3, 0.5], [0.0, 0.1, 9.0, -0.4]]),
    "AR": (Correlated(Power(np.arange(3.0))), [[0.2, 0.5], [0.2, 0.5], [0.7, -0.9]]),
    "held": (Fixed(Unstructured(3), [np.nan, 0.1, np.nan, 0.3, np.nan, 0.0]), [[0.2, 0.1, 0.5]]),
}


def make_outcomes(structure: Structure, *, slopes: bool, known: bool) -> Problem:
    generator = np.random.default_rng(5)
    groups = np.repeat(np.arange(7), [3, 3, 2, 1, 3, 2, 3])
    codes = np.concatenate([generator.permutation(3)[:size] for size in np.bincount(groups)])
    rows = [np.flatnonzero(groups == g) for g in range(7)]
    draws = [generator.normal(size=(r.size, r.size + 2)) for r in rows]
    V = Blocks([d @ d.T / 20 for d in draws], rows) if known else Diagonal(generator.uniform(0.01, 0.2, 17))
    X = np.column_stack([np.ones(17), generator.normal(size=17)])
    load = generator.normal(size=(17, 3)) if slopes else codes
    return Problem(generator.normal(0.2, 0.5, 17), X, V, (Term(groups, structure, load), Term(np.arange(17))))


@pytest.mark.parametrize("name", list(STRUCTURES))
@pytest.mark.parametrize("slopes", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_every_structure_at_once_equals_whole_matrices(name: str, *, slopes: bool, known: bool) -> None:
    structure, values = STRUCTURES[name]
    problem = make_outcomes(structure, slopes=slopes, known=known)
    psi = np.array([[*value, 0.05] for value in values])
    found = evaluate_likelihoods(problem, psi)
    check_dense(problem, psi, *(found.log_ml, found.beta, found.cov))
    assert find_covariances(structure, psi[:, :-1])[0] == pytest.approx(structure.covariance(psi[0, :-1]))


def check_dense(problem: Problem, psi: Floats, log_ml: Floats, beta: Floats, cov: Floats) -> None:
    for place, value in enumerate(psi):
        ml, _, b, covariance, _ = dense_point(problem, value)
        assert log_ml[place] == pytest.approx(ml, rel=EXACT)
        assert beta[place] == pytest.approx(b, rel=1e-8)
        assert cov[place] == pytest.approx(covariance, rel=1e-8)


def test_rowwise_terms_at_once_equal_whole_matrices() -> None:
    generator = np.random.default_rng(2)
    n = 12
    X, W = np.ones((n, 1)), np.column_stack([np.ones(n), generator.normal(size=n)])
    y, V = generator.normal(size=n), Diagonal(generator.uniform(0.05, 0.2, n))
    scale = Problem(y, X, V, (RowScale(W), Term(np.arange(n))))
    psi = np.array([[-2.0, 0.3, 0.1], [0.5, -0.2, 0.0]])
    found = evaluate_likelihoods(scale, psi)
    check_dense(scale, psi, found.log_ml, found.beta, found.cov)
    loads = Problem(y, X, V, (Term(np.arange(n), Unstructured(2), W),))
    psi = np.array([[0.3, 0.1, -0.5], [0.0, 2.0, 0.9]])
    found = evaluate_likelihoods(loads, psi)
    check_dense(loads, psi, found.log_ml, found.beta, found.cov)


def test_omega_that_is_not_positive_definite_has_no_likelihood() -> None:
    problem = make_outcomes(Unstructured(3), slopes=False, known=True)
    psi = np.array([[5.0, 5.0, 5.0, -0.9, -0.9, -0.9, 0.0], [5.0, 5.0, 5.0, 0.0, 0.0, 0.0, 0.0]])
    found = evaluate_likelihoods(problem, psi)
    assert np.isneginf(found.log_ml[0])
    assert np.isfinite(found.log_ml[1])


def test_correlations_that_no_matrix_has_are_told() -> None:
    """Omega may exist where G does not: V lends what is missing."""
    problem = make_outcomes(Unstructured(3), slopes=False, known=True)
    small = [1e-4, 1e-4, 1e-4, -0.9, -0.9, -0.9, 0.0]
    fine = [1e-4, 1e-4, 1e-4, 0.9, 0.9, 0.9, 0.0]
    edge = [1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    psi = np.array([small, fine, edge])
    assert np.isfinite(evaluate_likelihoods(problem, psi).log_ml).all()
    assert exists(problem.terms, psi).tolist() == [False, True, True]
