import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulated_problems import simulate
from synovia.errors import SynthesisError
from synovia.kernel import (
    Blocks,
    Diagonal,
    Problem,
    Term,
    find_leverage,
    find_rows,
    find_weights,
    point,
    score,
)  # fmt: skip

effects = st.lists(
    st.tuples(st.floats(-5, 5), st.floats(0.01, 2), st.floats(-2, 2)), min_size=4, max_size=12
).filter(lambda rows: np.ptp([row[2] for row in rows]) > 0.1)


def build(rows: list[tuple[float, float, float]]) -> Problem:
    y, v, x = map(np.array, zip(*rows, strict=True))
    return Problem(y, np.column_stack([np.ones(y.size), x]), Diagonal(v), (Term(np.arange(y.size)),))


@given(effects, st.floats(-100, 100), st.floats(0, 2))
def test_shifting_the_estimates_shifts_the_intercept_alone(
    rows: list[tuple[float, float, float]], shift: float, tau2: float
) -> None:
    base = build(rows)
    moved = Problem(base.y + shift, base.X, base.V, base.terms)
    here, there = point(base, [tau2]), point(moved, [tau2])
    # shifts of up to 100 leave 13 digits of estimates of order 1
    assert there.beta - here.beta == pytest.approx([shift, 0], abs=1e-8)
    assert there.log_reml == pytest.approx(here.log_reml, abs=1e-6)


@given(effects, st.floats(0.01, 100), st.floats(0, 2))
def test_rescaling_the_estimates_rescales_everything(
    rows: list[tuple[float, float, float]], factor: float, tau2: float
) -> None:
    base = build(rows)
    V = Diagonal(base.V.diagonal * factor**2)
    here = point(base, [tau2])
    there = point(Problem(base.y * factor, base.X, V, base.terms), [tau2 * factor**2])
    assert there.beta == pytest.approx(here.beta * factor, rel=1e-8, abs=1e-9 * factor)
    assert there.cov == pytest.approx(here.cov * factor**2, rel=1e-9)
    # a density of n numbers, or n - p contrasts, in other units
    assert there.log_ml == pytest.approx(here.log_ml - base.n * np.log(factor), rel=1e-9, abs=1e-8)
    expected = here.log_reml - (base.n - base.p) * np.log(factor)
    assert there.log_reml == pytest.approx(expected, rel=1e-9, abs=1e-8)


@given(effects, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(rows: list[tuple[float, float, float]], random: st.DataObject) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis hands over a random.Random
    here, there = point(build(rows), [0.3]), point(build(shuffled), [0.3])
    assert there.beta == pytest.approx(here.beta, rel=1e-9, abs=1e-10)
    assert there.log_reml == pytest.approx(here.log_reml, rel=1e-10)


@pytest.mark.parametrize("random", ["effect", "block", "pairs"])
@pytest.mark.parametrize("restricted", [True, False])
def test_score_is_the_slope_of_the_likelihood(random: str, restricted: bool) -> None:
    problem = simulate(7, (2, 3, 1, 2, 1, 1), random=random, p=2)
    step = 1e-5
    ends = [point(problem, [0.2 + sign * step]) for sign in (1, -1)]
    high, low = ((at.log_reml if restricted else at.log_ml) for at in ends)
    # a central difference is wrong by step² and by rounding over step
    assert score(problem, point(problem, [0.2]), restricted=restricted) == pytest.approx(
        (high - low) / (2 * step), rel=1e-5
    )


def test_reml_does_not_depend_on_the_basis_of_the_design() -> None:
    problem = simulate(8, (1,) * 9, p=3)
    turned = problem.X @ np.array([[1.0, 2.0, 0.0], [0.0, 0.5, 1.0], [0.0, 0.0, 3.0]])
    other = Problem(problem.y, turned, problem.V, problem.terms)
    here, there = point(problem, [0.2]).log_reml, point(other, [0.2]).log_reml
    # ½ log|X'X| is what makes this hold
    assert there == pytest.approx(here, rel=1e-12)


@pytest.mark.parametrize("random", ["effect", "block"])
def test_rows_reproduce_the_coefficients(random: str) -> None:
    problem = simulate(9, (2, 1, 3, 1), random=random, p=2)
    at = point(problem, [0.1])
    H = find_rows(problem, at)
    assert H @ problem.y == pytest.approx(at.beta, rel=1e-11)
    assert pytest.approx(np.eye(2), abs=1e-11) == H @ problem.X
    assert find_leverage(problem, at).sum() == pytest.approx(2, rel=1e-11)


def test_weights_are_the_row_of_an_intercept() -> None:
    problem = simulate(10, (2, 1, 3, 1))
    at = point(problem, [0.1])
    assert find_weights(problem, at) == pytest.approx(find_rows(problem, at)[0], rel=1e-11)
    assert find_weights(problem, at).sum() == pytest.approx(1, rel=1e-13)


def test_shared_effect_equals_compound_symmetry() -> None:
    """tau2 shared within groups of equal rows is the same model as a covariance of tau2 within blocks."""
    rng = np.random.default_rng(11)
    groups = np.repeat(np.arange(5), 3)
    y, v, tau2 = rng.normal(size=15), rng.uniform(0.1, 0.4, 15), 0.37
    shared = Problem(y, np.ones((15, 1)), Diagonal(v), (Term(groups),))
    blocks = [np.diag(v[groups == g]) + tau2 for g in range(5)]
    symmetric = Problem(y, np.ones((15, 1)), Blocks(blocks, [np.flatnonzero(groups == g) for g in range(5)]))
    one, other = point(shared, [tau2]), point(symmetric)
    assert one.log_reml == pytest.approx(other.log_reml, rel=1e-13)
    assert one.beta == pytest.approx(other.beta, rel=1e-12)


@pytest.mark.parametrize("psi", [[], [0.1, 0.1], [-0.1], [np.nan], [np.inf]])
def test_psi_that_means_nothing_is_refused(psi: list[float]) -> None:
    with pytest.raises(SynthesisError, match=r"variances"):
        point(simulate(1, (1, 1, 1)), psi)
