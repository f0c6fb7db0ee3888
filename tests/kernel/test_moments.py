import numpy as np
import pytest
from numpy.typing import NDArray

from simulated_problems import make_dense, simulate
from synovia.errors import SynthesisError
from synovia.kernel import CHOICES, Diagonal, Problem, Term, point, trace_projection
from synovia.kernel.deviation import find_tau2_error, find_weighted_tau2_error
from synovia.kernel.generalised import make_generalised_q
from synovia.kernel.moments import generalised_q, median_generalised_q

SAME = 1e-11  # the same sums in another order
INDEPENDENT = ["HS", "HSk", "SJ", "SJIT", "DLIT", "EB"]
Floats = NDArray[np.float64]


def project(problem: Problem, A: Floats) -> Floats:
    X = problem.X
    return np.asarray(A - A @ X @ np.linalg.solve(X.T @ A @ X, X.T @ A))


def dense_known(problem: Problem) -> Floats:
    return make_dense(problem, [0.0])


def test_hedges_in_the_textbook_form() -> None:
    problem = simulate(3, (1,) * 9)
    expected = problem.y.var(ddof=1) - problem.V.diagonal.mean()
    assert CHOICES["HE"](problem).psi[0] == pytest.approx(expected, rel=SAME)


def test_hunter_schmidt_in_the_textbook_form() -> None:
    problem = simulate(3, (1,) * 9)
    w = 1 / problem.V.diagonal
    q = (w * (problem.y - (w @ problem.y) / w.sum()) ** 2).sum()
    assert CHOICES["HS"](problem).psi[0] == pytest.approx((q - 9) / w.sum(), rel=SAME)
    assert CHOICES["HSk"](problem).psi[0] == pytest.approx((9 / 8 * q - 9) / w.sum(), rel=SAME)


def test_sidik_jonkman_in_the_textbook_form() -> None:
    """Sidik & Jonkman (2005), equations 4 to 6, with v_i / tau0² + 1 for the inverse weights."""
    problem = simulate(3, (1,) * 9)
    start = problem.y.var()
    w = 1 / (problem.V.diagonal / start + 1)
    mean = (w @ problem.y) / w.sum()
    expected = (w * (problem.y - mean) ** 2).sum() / 8
    assert CHOICES["SJ"](problem).psi[0] == pytest.approx(expected, rel=SAME)


def test_weights_of_the_inverse_variance_are_dersimonian_and_laird() -> None:
    problem = simulate(3, (1,) * 9, p=2)
    expected = CHOICES["DL"](problem).psi[0]
    assert generalised_q(problem, 7 / problem.V.diagonal).psi[0] == pytest.approx(expected, rel=SAME)


@pytest.mark.parametrize(
    ("sizes", "random"), [((1,) * 8, "effect"), ((2, 3, 1, 2), "effect"), ((2, 3, 2), "block")]
)
def test_a_generalised_q_has_the_moments_of_its_quadratic_form(sizes: tuple[int, ...], random: str) -> None:
    problem = simulate(5, sizes, random=random, p=2)
    weights = np.linspace(1, 3, problem.n)
    found = make_generalised_q(problem, weights)
    P = project(problem, np.diag(weights / weights.mean()))
    unit = make_dense(problem, [1.0]) - dense_known(problem)
    assert found.q == pytest.approx(problem.y @ P @ problem.y, rel=SAME)
    assert found.sampling == pytest.approx(np.trace(P @ dense_known(problem)), rel=SAME)
    assert found.slope == pytest.approx(np.trace(P @ unit), rel=SAME)
    at = point(problem, [0.3])
    spread = P @ make_dense(problem, [0.3])
    expected = np.sqrt(2 * np.trace(spread @ spread)) / found.slope
    assert find_weighted_tau2_error(problem, at, weights) == pytest.approx(expected, rel=SAME)


@pytest.mark.parametrize(
    ("sizes", "random"), [((1,) * 8, "effect"), ((2, 3, 1, 2), "effect"), ((2, 3, 2), "block")]
)
def test_the_error_of_dersimonian_and_laird_is_that_of_its_q(sizes: tuple[int, ...], random: str) -> None:
    problem = simulate(5, sizes, random=random, p=2)
    P = project(problem, np.asarray(np.linalg.inv(dense_known(problem)), np.float64))
    unit = make_dense(problem, [1.0]) - dense_known(problem)
    spread = P @ make_dense(problem, [0.3])
    expected = np.sqrt(2 * np.trace(spread @ spread)) / np.trace(P @ unit)
    assert find_tau2_error(problem, point(problem, [0.3]), "DL") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("p", [1, 3])
def test_steps_repeated_become_paule_and_mandel(p: int) -> None:
    problem = simulate(4, (1,) * 15, p=p)
    df = problem.n - p
    expected = CHOICES["PM"](problem).psi[0]
    additive, multiplied, bayes = 0.0, float(problem.y.var()), 0.0
    for _ in range(2000):
        at = point(problem, [additive])
        additive = max(0.0, additive + (at.rss - df) / trace_projection(problem, at, 0))
        multiplied *= point(problem, [multiplied]).rss / df
        at = point(problem, [bayes])
        # Morris (1983): weighted mean of n/(n-p) r² - v
        excess = problem.n / df * at.residuals**2 - problem.V.diagonal
        weights = 1 / (problem.V.diagonal + bayes)
        bayes = max(0.0, float(weights @ excess / weights.sum()))
    for found in (additive, multiplied, bayes):
        assert found == pytest.approx(expected, rel=1e-9)  # a contraction, iterated to rounding
    for name in ("DLIT", "SJIT", "EB"):
        assert CHOICES[name](problem).psi[0] == expected


def test_two_steps_are_one_step_from_the_first() -> None:
    problem = simulate(4, (1,) * 15)
    first = CHOICES["DL"](problem).psi[0]
    w = 1 / (problem.V.diagonal + first)
    expected = generalised_q(problem, w).psi[0]
    assert CHOICES["DL2"](problem).psi[0] == pytest.approx(expected, rel=1e-10)
    w = 1 / (problem.V.diagonal + CHOICES["HE"](problem).psi[0])
    assert CHOICES["CA2"](problem).psi[0] == pytest.approx(generalised_q(problem, w).psi[0], rel=1e-10)


@pytest.mark.parametrize(("sizes", "random"), [((1,) * 12, "effect"), ((2, 3, 1, 2, 4), "effect")])
def test_the_median_estimator_makes_q_its_median(sizes: tuple[int, ...], random: str) -> None:
    problem = simulate(1, sizes, random=random)
    weights = 1 / np.sqrt(problem.V.diagonal)
    choice = median_generalised_q(problem, weights)
    assert choice.psi[0] > 0
    assert make_generalised_q(problem, weights).below(choice.psi[0]) == pytest.approx(0.5, abs=1e-11)
    assert abs(choice.convergence.score) < 1e-11


def test_median_paule_mandel_is_larger_than_paule_mandel() -> None:
    problem = simulate(1, (1,) * 12)
    assert CHOICES["PMM"](problem).psi[0] > CHOICES["PM"](problem).psi[0]


def test_the_median_estimator_is_as_often_too_small_as_too_large() -> None:
    rng = np.random.default_rng(3)
    v, tau2 = np.array([0.1, 0.2, 0.05, 0.4, 0.1, 0.3]), 0.5
    below = 0
    for _ in range(400):
        y = rng.normal(0, np.sqrt(v + tau2))
        problem = Problem(y, np.ones((6, 1)), Diagonal(v), (Term(np.arange(6)),))
        below += median_generalised_q(problem, 1 / v).psi[0] < tau2
    assert abs(below - 200) < 3 * np.sqrt(100)  # three standard errors of a seeded simulation


@pytest.mark.parametrize("way", INDEPENDENT)
@pytest.mark.parametrize(("sizes", "random"), [((2, 3, 1), "effect"), ((1,) * 6, "pairs")])
def test_what_is_published_for_independent_estimates_says_so(
    way: str, sizes: tuple[int, ...], random: str
) -> None:
    with pytest.raises(SynthesisError, match=r"defined for independent estimates.*tau2='REML' or tau2='PM'"):
        CHOICES[way](simulate(1, sizes, random=random))


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0, 2.0, 3.0], "for 4 estimates; wanted one each"),
        ([1.0, 0.0, 1.0, 1.0], "Row 2 has weight 0"),
        ([1.0, 1.0, np.nan, 1.0], "Row 3 has weight nan"),
        ([1.0, 1.0, 1.0, -2.0], "Row 4 has weight -2"),
    ],
)
def test_weights_that_are_none(weights: list[float], said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        generalised_q(simulate(1, (1,) * 4), weights)


def test_no_tau2_brings_a_q_within_groups_down_to_its_median() -> None:
    y = np.array([5.0, -5.0, 4.0, -4.0])
    problem = Problem(y, np.ones((4, 1)), Diagonal([0.01] * 4), (Term([0, 0, 1, 1]),))
    with pytest.raises(SynthesisError, match="Q stays above its median"):
        CHOICES["PMM"](problem)


def test_the_error_of_a_likelihood_is_its_curvature() -> None:
    """Expected information of REML, ½ tr(PP), by explicit matrices."""
    problem = simulate(3, (1,) * 9, p=2)
    P = project(problem, np.asarray(np.linalg.inv(make_dense(problem, [0.4])), np.float64))
    at = point(problem, [0.4])
    assert find_tau2_error(problem, at, "REML") == pytest.approx(np.sqrt(2 / np.trace(P @ P)), rel=SAME)
    w = 1 / (problem.V.diagonal + 0.4)
    assert find_tau2_error(problem, at, "ML") == pytest.approx(np.sqrt(2 / (w**2).sum()), rel=SAME)


def test_errors_of_tau2_that_do_not_exist() -> None:
    problem = simulate(3, (1,) * 9)
    assert "given" in str(find_tau2_error(problem, point(problem, [0.4]), "0.4"))
    common = simulate(3, (1,) * 9, random="none")
    assert "needs one variance" in str(find_tau2_error(common, point(common), "REML"))
