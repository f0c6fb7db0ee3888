"""Maxima where a covariance is singular, beside those inside; grids of singular covariances are the referee."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from synovia.kernel import (
    Blocks,
    Correlated,
    Diagonal,
    Equal,
    Problem,
    Term,
    Uncorrelated,
    Unstructured,
    point,
    reml,
)
from synovia.kernel.edges import find_edges
from synovia.kernel.hill import Hill
from synovia.kernel.search import climb
from synovia.kernel.starts import find_start, find_starts

Floats = NDArray[np.float64]


def simulate(seed: int, spread: float, studies: int, q: int = 2) -> Problem:
    """Curves of powers of a dose with coefficients of long tails and variances of very different sizes."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 3, 3 * studies).round(1)
    Z = np.column_stack([x ** (power + 1) for power in range(q)])
    study = np.repeat(np.arange(studies), 3)
    slopes = rng.standard_t(3, (studies, q)) * [1, 0.3, 0.1][:q]
    variances = np.exp(rng.normal(0, spread, 3 * studies))
    y = (Z * slopes[study]).sum(axis=1) + rng.normal(0, 1, 3 * studies) * np.sqrt(variances)
    return Problem(y.round(3), Z, Diagonal(variances), (Term(study, Unstructured(q), Z),))


def simulate_outcomes(seed: int) -> Problem:
    """Two outcomes of five studies with sampling errors of very different sizes and correlations."""
    rng = np.random.default_rng(seed)
    S = []
    for _ in range(5):
        one, two = np.exp(rng.normal(0, 2, 2))
        shared = rng.uniform(-0.95, 0.95) * np.sqrt(one * two)
        S.append(np.array([[one, shared], [shared, two]]))
    y = rng.standard_t(2, (5, 2)).round(2) * 1.5
    V = Blocks(S, [np.arange(2) + 2 * study for study in range(5)])
    terms = (Term(np.repeat(np.arange(5), 2), Unstructured(2), np.tile([0, 1], 5)),)
    return Problem(y.ravel(), np.tile(np.eye(2), (5, 1)), V, terms)


def climb_grids(problem: Problem) -> tuple[float, float]:
    """Highest restricted log-likelihoods on grids: with a correlation of 1 or -1, and with a smaller one."""
    sizes = np.geomspace(1e-3, 1e2, 101)
    edge = [
        point(problem, np.array([one, two, rho])).log_reml
        for one, two, rho in product(sizes, sizes, (-1.0, 1.0))
    ]
    inside = [
        point(problem, np.array([one, two, rho])).log_reml
        for one, two, rho in product(sizes[::5], sizes[::5], np.linspace(-0.95, 0.95, 20))
    ]
    return max(edge), max(inside)


@pytest.mark.parametrize("problem", [simulate_outcomes(28), simulate(373, 2.0, 5)])
def test_a_maximum_on_the_edge_above_one_inside_is_found(problem: Problem) -> None:
    hill = Hill(problem, restricted=True)
    ends = [climb(hill, start, enough=1e-12) for start in find_starts(problem)]
    inner = max((end for end in ends if abs(end.point.psi[2]) < 0.99), key=lambda end: end.value)
    assert np.abs(inner.around.slope).max() < 1e-5  # a maximum of its own
    assert np.linalg.eigvalsh(inner.around.curvature)[0] > 0
    found, (edge, inside) = reml(problem), climb_grids(problem)
    assert edge > max(inside, inner.value)
    assert found.point.log_reml >= edge
    assert abs(found.psi[2]) == 1.0
    assert found.convergence.at_boundary
    assert found.convergence.converged


@pytest.mark.parametrize("unit", [1.0, 365.0])
def test_the_edge_is_found_in_any_unit(unit: float) -> None:
    problem = simulate(100, 2.0, 5)
    study, Z = problem.terms[0].groups, problem.X * [unit, unit**2]
    other = Problem(problem.y, Z, problem.V, (Term(study, Unstructured(2), Z),))
    there = reml(other).psi * [unit**2, unit**4, 1.0]
    assert there == pytest.approx(reml(problem).psi, rel=1e-5)  # two searches


def test_a_variance_that_vanishes_is_0() -> None:
    """Outcomes that vary less than by their sampling errors: what steps towards 0 leave over is taken away."""
    rng = np.random.default_rng(4)
    study, outcome = np.repeat(np.arange(12), 2), np.tile([0, 1], 12)
    y = 0.1 * rng.normal(0, 1, 24)
    terms = (Term(study, Unstructured(2), outcome),)
    found = reml(Problem(y, np.eye(2)[outcome], Diagonal(np.full(24, 0.2)), terms))
    assert found.psi.tolist() == [0.0, 0.0, 0.0]
    assert found.convergence.at_boundary


@pytest.mark.parametrize("seed", range(6))
def test_no_singular_covariance_of_three_effects_is_higher(seed: int) -> None:
    problem = simulate(seed, 1.0, 10, q=3)
    top = reml(problem).point.log_reml
    rng = np.random.default_rng(seed)
    hill = Hill(problem, restricted=True)
    scale = hill.find_theta(reml(problem).psi)
    for _ in range(12):
        start = scale * rng.normal(0, 1.5, 6)
        start[5] = 0.0  # of rank 2
        end = climb(hill, start, enough=1e-6, held=np.arange(6) == 5)
        assert end.value <= top + 1e-6


@pytest.mark.parametrize(
    "structure", [Correlated(Uncorrelated(2), separate=True), Correlated(Equal(2), separate=True)]
)
@pytest.mark.parametrize("seed", [0, 3, 38, 41, 100])
def test_limits_of_few_parameters_are_no_higher(structure: Correlated, seed: int) -> None:
    problem = simulate(seed, 2.0, 5)
    problem = problem.replace_terms((Term(problem.terms[0].groups, structure, problem.X),))
    top, sizes = reml(problem).point.log_reml, np.append(0.0, np.geomspace(1e-3, 1e2, 31))
    rhos = [[]] if structure.parameters == 2 else [[-1.0], [0.0], [1.0]]
    for one, two, rho in product(sizes, sizes, rhos):
        assert point(problem, np.array([one, two, *rho])).log_reml <= top + 1e-9


def test_edges_are_those_of_two_or_three_effects() -> None:
    two, three = simulate(1, 1.0, 8), simulate(1, 1.0, 8, q=3)
    ranks = [[int((~edge.held).sum()) for edge in find_edges(p, find_start(p))] for p in (two, three)]
    assert ranks == [[2], [3, 5]]  # free entries of factors of rank 1, and of ranks 1 and 2
    groups = np.arange(two.n) // 3
    single = two.replace_terms((Term(groups), Term(np.arange(two.n))))
    assert list(find_edges(single, find_start(single))) == []
