import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulated_problems import simulate
from synovia.errors import SynthesisError
from synovia.kernel import CHOICES, Blocks, Diagonal, Problem, Term, point, reml, trace_projection
from synovia.kernel import given as take
from synovia.kernel.choose import solve_q

DEPENDENT = ["REML", "ML", "DL", "DL2", "HE", "CA2", "PM", "PMM"]  # defined for any V and any grouping
STRUCTURES = [((1,) * 12, "effect"), ((2, 3, 1, 2, 1, 4), "effect"), ((2, 3, 2, 2, 3, 4), "block")]


@pytest.mark.parametrize("way", ["REML", "ML"])
@pytest.mark.parametrize(("sizes", "random"), STRUCTURES)
@pytest.mark.parametrize("seed", range(3))
def test_maximum_is_that_of_a_grid(way: str, sizes: tuple[int, ...], random: str, seed: int) -> None:
    problem = simulate(seed, sizes, random=random)
    choice = CHOICES[way](problem)
    grid = np.concatenate([[0.0], np.geomspace(1e-5, 100, 200)])
    heights = [getattr(point(problem, [tau2]), f"log_{way.lower()}") for tau2 in grid]
    best = getattr(choice.point, f"log_{way.lower()}")
    assert best >= max(heights) - 1e-9  # rounding of a sum of order 10
    # the grid steps by 8 %, and its own best is within a step of the maximum
    assert choice.psi[0] == pytest.approx(grid[int(np.argmax(heights))], rel=0.1, abs=1e-5)


two_precisions = st.tuples(
    st.integers(2, 6), st.integers(2, 6), st.floats(1e-4, 1e-2), st.floats(1, 100), st.integers(0, 10_000)
)


@settings(max_examples=40)
@given(two_precisions)
def test_no_higher_maximum_is_missed_when_precisions_differ_widely(
    case: tuple[int, int, float, float, int],
) -> None:
    few, many, small, large, seed = case
    rng = np.random.default_rng(seed)
    v = np.r_[np.full(few, small), np.full(many, large)]
    problem = Problem(rng.normal(0, 3, v.size), np.ones((v.size, 1)), Diagonal(v), (Term(np.arange(v.size)),))
    found = reml(problem).point.log_reml
    grid = [0.0, *np.geomspace(1e-6, 1e4, 120)]
    assert found >= max(point(problem, [tau2]).log_reml for tau2 in grid) - 1e-8


def test_the_higher_of_two_maxima_is_taken() -> None:
    v = np.r_[np.full(4, 1e-4), np.full(12, 4.0)]
    y = np.r_[[0.0, 0.02, -0.02, 0.01], np.linspace(-9, 9, 12)]
    problem = Problem(y, np.ones((16, 1)), Diagonal(v), (Term(np.arange(16)),))
    choice = reml(problem)
    heights = [point(problem, [tau2]).log_reml for tau2 in np.geomspace(1e-5, 1e3, 800)]
    inner = [h for a, h, b in zip(heights, heights[1:], heights[2:], strict=False) if a < h > b]
    assert len(inner) == 2
    assert choice.convergence.message.endswith("the highest of 2 maxima")
    assert choice.point.log_reml == pytest.approx(max(inner), abs=1e-4)  # a grid's maximum, from below


@pytest.mark.parametrize("way", [way for way in CHOICES if way != "SJ"])
def test_estimates_that_agree_too_well_give_zero_and_say_so(way: str) -> None:
    problem = Problem([0.1, 0.12, 0.11], np.ones((3, 1)), Diagonal([0.1, 0.2, 0.1]), (Term(np.arange(3)),))
    choice = CHOICES[way](problem)
    assert choice.psi[0] == 0
    assert choice.convergence.at_boundary
    assert choice.convergence.converged


@pytest.mark.parametrize("way", list(CHOICES))
def test_identical_estimates_give_zero(way: str) -> None:
    problem = Problem([0.5] * 4, np.ones((4, 1)), Diagonal([0.1, 0.2, 0.1, 0.3]), (Term(np.arange(4)),))
    assert CHOICES[way](problem).psi[0] == 0


@pytest.mark.parametrize(("sizes", "random"), STRUCTURES)
@pytest.mark.parametrize("way", DEPENDENT)
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_tau2_follows_the_unit(sizes: tuple[int, ...], random: str, way: str, factor: float) -> None:
    problem = simulate(1, sizes, random=random)
    blocks = Blocks(
        [b * factor**2 for b in problem.V.blocks], problem.V.index
    ) if isinstance(problem.V, Blocks) else Diagonal(problem.V.diagonal * factor**2)  # fmt: skip
    other = Problem(problem.y * factor, problem.X, blocks, problem.terms)
    here, there = CHOICES[way](problem).psi[0], CHOICES[way](other).psi[0]
    assert here > 0 or way == "DL2"  # a step down from DL may end below 0
    assert there == pytest.approx(here * factor**2, rel=1e-8)  # roots of a slope known to 1e-12


@pytest.mark.parametrize(("sizes", "random"), STRUCTURES)
def test_paule_mandel_brings_q_to_its_degrees_of_freedom(sizes: tuple[int, ...], random: str) -> None:
    choice = CHOICES["PM"](simulate(1, sizes, random=random))
    df = sum(sizes) - 1
    assert choice.psi[0] > 0
    assert choice.point.rss == pytest.approx(df, rel=1e-10)
    assert choice.convergence.score == pytest.approx(0, abs=1e-9)


def test_dersimonian_laird_in_the_textbook_form() -> None:
    problem = simulate(3, (1,) * 9)
    w = 1 / problem.V.diagonal
    mean = (w * problem.y).sum() / w.sum()
    q = (w * (problem.y - mean) ** 2).sum()
    expected = (q - 8) / (w.sum() - (w**2).sum() / w.sum())
    assert CHOICES["DL"](problem).psi[0] == pytest.approx(expected, rel=1e-12)


def test_dersimonian_laird_is_unbiased_for_q_in_blocks() -> None:
    """E(Q) = n - p + tau2 tr(PZZ'), so that Q at its own expectation gives tau2 back."""
    problem = simulate(5, (2, 3, 1, 2), random="block")
    rng = np.random.default_rng(0)
    tau2, draws = 0.5, 1000
    rows, columns, values = problem.V.entries()
    V = np.zeros((problem.n, problem.n))
    V[rows, columns] = values
    shared = problem.terms[0].groups[:, None] == problem.terms[0].groups
    root = np.linalg.cholesky(V + tau2 * shared)
    q = [point(Problem(root @ rng.normal(size=problem.n), problem.X, problem.V)).rss for _ in range(draws)]
    excess = (np.mean(q) - (problem.n - 1)) / (np.std(q) / np.sqrt(draws))
    at = point(problem, [0.0])
    expected = tau2 * trace_projection(problem, at, 0) / (np.std(q) / np.sqrt(draws))
    assert excess == pytest.approx(expected, abs=4)  # four standard errors of a seeded simulation


def test_paule_mandel_without_a_solution_says_what_to_use() -> None:
    y = np.array([5.0, -5.0, 4.0, -4.0])
    problem = Problem(y, np.ones((4, 1)), Diagonal([0.01] * 4), (Term([0, 0, 1, 1]),))
    assert solve_q(problem, 3.0)[0] is None
    with pytest.raises(SynthesisError, match="use tau2='REML' or random='effect'"):
        CHOICES["PM"](problem)


@pytest.mark.parametrize("way", list(CHOICES))
def test_one_variance_is_needed(way: str) -> None:
    with pytest.raises(SynthesisError, match="has 0 variances"):
        CHOICES[way](simulate(1, (1, 1, 1), random="none"))


@pytest.mark.parametrize("way", list(CHOICES))
def test_a_random_effect_shared_by_all_is_the_intercept(way: str) -> None:
    problem = Problem([0.1, 0.9, 0.4], np.ones((3, 1)), Diagonal([0.1, 0.2, 0.1]), (Term([0, 0, 0]),))
    with pytest.raises(SynthesisError, match="cannot be told from the coefficients"):
        CHOICES[way](problem)


def test_as_many_coefficients_as_estimates() -> None:
    problem = Problem([0.1, 0.9], np.eye(2), Diagonal([0.1, 0.2]), (Term([0, 1]),))
    with pytest.raises(SynthesisError, match="leave nothing to estimate tau2 from"):
        reml(problem)


def test_a_given_tau2_is_taken() -> None:
    choice = take(simulate(1, (1, 1, 1)), 0.4)
    assert choice.psi.tolist() == [0.4]
    assert choice.convergence.message == "given"


def test_five_thousand_studies_are_quick() -> None:
    problem = simulate(1, (1,) * 5000)
    start = time.process_time()
    reml(problem)
    # 5 ms where it was written; the bound is what the design promises
    assert time.process_time() - start < 0.05
