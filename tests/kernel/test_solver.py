import numpy as np
import pytest

from simulated_problems import dense_point, make_dense, simulate
from synovia.errors import NotPositiveDefinite
from synovia.kernel import Diagonal, Problem, Term, point, score, trace_projection
from synovia.kernel.blocks import make_blocks_solver
from synovia.kernel.nested import NestedSolver
from synovia.kernel.solver import DiagonalSolver
from synovia.kernel.traces import trace_term

SIZES = [(1, 1, 1, 1, 1), (2, 2, 2), (3, 1, 2, 1, 4), (1, 2, 1, 2, 1, 2, 3), (9,)]
RANDOM = ["effect", "block", "pairs"]
EXACT = 1e-9  # explicit inverses lose up to six of sixteen digits on these matrices


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("random", RANDOM)
@pytest.mark.parametrize("tau2", [0.0, 0.01, 3.0])
def test_blocks_equal_dense(sizes: tuple[int, ...], random: str, tau2: float) -> None:
    problem = simulate(sum(sizes), sizes, random=random, p=2)
    at = point(problem, [tau2])
    ml, reml, beta, cov, rss = dense_point(problem, [tau2])
    assert at.log_ml == pytest.approx(ml, rel=EXACT)
    assert at.log_reml == pytest.approx(reml, rel=EXACT)
    assert at.beta == pytest.approx(beta, rel=EXACT)
    assert at.cov == pytest.approx(cov, rel=EXACT)
    assert at.rss == pytest.approx(rss, rel=EXACT)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("random", RANDOM)
def test_solve_half_solve_and_traces_equal_dense(sizes: tuple[int, ...], random: str) -> None:
    problem = simulate(1, sizes, random=random, p=2)
    factor = problem.solver.factor(np.array([0.2]))
    inverse = np.linalg.inv(make_dense(problem, [0.2]))
    shared = (problem.terms[0].groups[:, None] == problem.terms[0].groups[None, :]).astype(float)
    B = problem.joined
    half = factor.half_solve(B)
    assert factor.solve(B) == pytest.approx(inverse @ B, rel=EXACT)
    assert half.T @ half == pytest.approx(B.T @ inverse @ B, rel=EXACT)
    assert factor.inverse_diagonal() == pytest.approx(np.diag(inverse), rel=EXACT)
    assert trace_term(problem, point(problem, [0.2]), 0) == pytest.approx(
        np.trace(inverse @ shared), rel=EXACT
    )
    P = (
        inverse
        - inverse @ problem.X @ np.linalg.inv(problem.X.T @ inverse @ problem.X) @ problem.X.T @ inverse
    )
    at = point(problem, [0.2])
    assert trace_projection(problem, at) == pytest.approx(np.trace(P), rel=EXACT)
    assert trace_projection(problem, at, 0) == pytest.approx(np.trace(P @ shared), rel=EXACT)
    pull = problem.y @ P @ shared @ P @ problem.y
    assert score(problem, at) == pytest.approx(0.5 * (pull - np.trace(P @ shared)), rel=EXACT)


def test_two_terms_add_up() -> None:
    base = simulate(4, (2, 3, 1, 2), random="block")
    problem = Problem(base.y, base.X, base.V, (*base.terms, Term(np.arange(base.n))))
    at = point(problem, [0.3, 0.1])
    assert at.log_reml == pytest.approx(dense_point(problem, [0.3, 0.1])[1], rel=EXACT)


def test_independent_rows_take_the_diagonal_solver_and_agree_with_blocks() -> None:
    problem = simulate(2, (1,) * 7)
    assert isinstance(problem.solver, DiagonalSolver)
    other = make_blocks_solver(problem.V, problem.terms)
    here, there = (solver.factor(np.array([0.4])) for solver in (problem.solver, other))
    assert here.log_det == pytest.approx(there.log_det, rel=1e-13)
    assert here.solve(problem.joined) == pytest.approx(there.solve(problem.joined), rel=1e-13)


def test_blocks_are_the_components_of_covariance_and_random_effect() -> None:
    assert simulate(3, (2, 2, 2, 2), random="effect").blocks == 4
    assert simulate(3, (2, 2, 2, 2), random="block").blocks == 4
    assert simulate(3, (2, 2, 2, 2), random="pairs").blocks == 2


def test_cost_is_linear_in_blocks() -> None:
    n = 20_000
    problem = Problem(np.zeros(n), np.ones((n, 1)), Diagonal(np.ones(n)), (Term(np.arange(n) // 4),))
    blocks = make_blocks_solver(problem.V, problem.terms)
    # one stack of 5000 small matrices; a dense factor would need 3.2 GB
    assert [stack.known.shape for stack in blocks.stacks] == [(5000, 4, 4)]
    assert isinstance(problem.solver, NestedSolver)
    assert [stack.columns.shape for stack in problem.solver.stacks] == [(5000, 1)]
    assert point(problem, [0.5]).beta[0] == 0


def test_a_total_covariance_lost_to_rounding_is_said() -> None:
    problem = simulate(5, (3, 3), random="block")
    with pytest.raises(NotPositiveDefinite, match="dwarf"):
        point(problem, [1e25])
