"""Kenward-Roger inference against whole matrices and against exact t and F tests."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from simulated_problems import simulate
from synovia.errors import SynthesisError
from synovia.kernel import (
    Correlated,
    Diagonal,
    Equal,
    Fixed,
    Inapplicable,
    Inference,
    Power,
    Problem,
    RowScale,
    Scalar,
    Term,
    Unstructured,
    Wald,
    find_omega,
    point,
    reml,
    wald,
)
from synovia.kernel.kenward_roger import kenward_roger
from synovia.kernel.weighted import find_weighted

Floats = NDArray[np.float64]

CLOSE = 1e-9  # the same sums in another order, through one inverse of a small matrix


def slopes_of(problem: Problem, psi: Floats, basis: list[Floats]) -> list[Floats]:
    """Dense derivatives of Omega for unstructured G, by covariances; for scalars, by variances."""
    out = []
    for term in problem.terms:
        assert isinstance(term, Term)
        same = term.groups[:, None] == term.groups[None, :]
        own = basis if term.structure.size > 1 else [np.ones((1, 1))]
        out += [same * G[np.ix_(term.codes, term.codes)] for G in own]
    assert len(out) == psi.size
    return out


def brute(problem: Problem, psi: Floats, basis: list[Floats]) -> tuple[Floats, Floats, Floats, Floats]:
    """M, adjusted M, P_r and W with n x n matrices."""
    X = problem.X
    inverse = np.linalg.inv(find_omega(problem, psi, np.arange(problem.n)))
    M = np.linalg.inv(X.T @ inverse @ X)
    proj = inverse - inverse @ X @ M @ X.T @ inverse
    slopes = slopes_of(problem, psi, basis)
    info = np.array([[0.5 * np.trace(proj @ a @ proj @ b) for b in slopes] for a in slopes])
    W = np.linalg.inv(info)
    P = np.array([-X.T @ inverse @ a @ inverse @ X for a in slopes])
    inner = np.zeros_like(M)
    for r, a in enumerate(slopes):
        for s, b in enumerate(slopes):
            Q = X.T @ inverse @ a @ inverse @ b @ inverse @ X
            inner += W[r, s] * (Q - P[r] @ M @ P[s])
    return np.asarray(M), np.asarray(M + 2 * M @ inner @ M), P, np.asarray(W)


def f_by_hand(M: Floats, P: Floats, W: Floats, L: Floats) -> tuple[float, float]:
    """Scale and degrees of freedom as printed in section 3 of Kenward & Roger (1997); L has rows."""
    size = L.shape[0]
    theta = L.T @ np.linalg.inv(L @ M @ L.T) @ L
    a1 = a2 = 0.0
    for r in range(len(P)):
        for s in range(len(P)):
            one, other = theta @ M @ P[r] @ M, theta @ M @ P[s] @ M
            a1 += W[r, s] * np.trace(one) * np.trace(other)
            a2 += W[r, s] * np.trace(one @ other)
    b = (a1 + 6 * a2) / (2 * size)
    g = ((size + 1) * a1 - (size + 4) * a2) / ((size + 2) * a2)
    c1, c2, c3 = (c / (3 * size + 2 * (1 - g)) for c in (g, size - g, size + 2 - g))
    mean = 1 / (1 - a2 / size)
    ratio = (2 / size) * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b)) / (2 * mean**2)
    df = 4 + (size + 2) / (size * ratio - 1)
    return df / (mean * (df - 2)), df


def three_level() -> Problem:
    base = simulate(3, (3, 2, 4, 2, 3, 1, 5, 2, 3, 4, 2, 3), p=3)
    return base.replace_terms((Term(base.V.labels), Term(np.arange(base.n))))


def bivariate() -> Problem:
    k = 14
    rng = np.random.default_rng(8)
    outcome, study = np.tile([0, 1], k), np.repeat(np.arange(k), 2)
    X = np.column_stack([outcome == 0, outcome == 1]).astype(float)
    y = rng.normal(size=2 * k) * 0.4 + rng.normal(size=k)[study] * 0.3
    return Problem(y, X, Diagonal(rng.uniform(0.02, 0.2, 2 * k)), (Term(study, Unstructured(2), outcome),))


PAIRS = [np.diag([1.0, 0.0]), np.diag([0.0, 1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])]


@pytest.mark.parametrize(
    ("problem", "psi", "basis"),
    [(three_level(), [0.2, 0.1], []), (bivariate(), [0.2, 0.3, 0.4], PAIRS)],
    ids=["three-level", "bivariate"],
)
def test_against_whole_matrices(problem: Problem, psi: list[float], basis: list[Floats]) -> None:
    at = point(problem, psi)
    M, adjusted, P, W = brute(problem, np.array(psi), basis)
    found = kenward_roger(problem, at)
    assert found.cov == pytest.approx(adjusted, rel=CLOSE)
    for contrast in (*np.eye(problem.p), np.ones(problem.p)):
        pulled = np.array([contrast @ M @ part @ M @ contrast for part in P])
        df = 2 * (contrast @ M @ contrast) ** 2 / (pulled @ W @ pulled)
        assert found.degrees(contrast[None])[0] == pytest.approx(df, rel=CLOSE)
    L = np.eye(problem.p)[-2:]
    test = wald(at.beta, found, L)
    assert isinstance(test, Wald)
    scale, df = f_by_hand(M, P, W, L)
    values = L @ at.beta
    statistic = scale * values @ np.linalg.solve(L @ adjusted @ L.T, values) / 2
    assert test.df_residual == pytest.approx(df, rel=1e-8)
    assert test.statistic == pytest.approx(statistic, rel=1e-8)
    assert test.p_value == pytest.approx(stats.f.sf(statistic, 2, df), rel=1e-7)


def test_equal_variances_give_the_exact_t_test() -> None:
    y = np.array([0.1, 0.9, 0.3, 0.5, 1.2, 0.4])
    problem = Problem(y, np.ones((6, 1)), Diagonal(np.full(6, 0.05)), (Term(np.arange(6)),))
    found = kenward_roger(problem, reml(problem))
    assert found.df == pytest.approx(5, rel=CLOSE)
    assert found.cov[0, 0] == pytest.approx(y.var(ddof=1) / 6, rel=1e-7)  # at the REML maximum


def test_a_balanced_regression_gives_the_exact_f_test() -> None:
    rng = np.random.default_rng(5)
    n = 15
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    y = X @ [0.1, 0.5, -0.4] + rng.normal(size=n)
    problem = Problem(y, X, Diagonal(np.full(n, 0.05)), (Term(np.arange(n)),))
    choice = reml(problem)
    found = wald(choice.point.beta, kenward_roger(problem, choice), np.eye(3)[1:])
    fitted = X @ np.linalg.lstsq(X, y, rcond=None)[0]
    rss, total = ((y - fitted) ** 2).sum(), ((y - y.mean()) ** 2).sum()
    f = ((total - rss) / 2) / (rss / (n - 3))
    assert isinstance(found, Wald)
    assert found.statistic == pytest.approx(f, rel=1e-7)
    assert found.df_residual == pytest.approx(n - 3, rel=1e-7)


def test_a_balanced_split_plot_tests_each_stratum_with_its_own_degrees_of_freedom() -> None:
    # 8 studies with 4 effects; a moderator between studies, one within: 6 and 23 degrees of freedom
    rng = np.random.default_rng(6)
    study = np.repeat(np.arange(8), 4)
    between, within = np.where(study < 4, -1.0, 1.0), np.tile([-1.0, -1.0, 1.0, 1.0], 8)
    y = rng.normal(size=8)[study] + 0.5 * rng.normal(size=32)
    X = np.column_stack([np.ones(32), between, within])
    problem = Problem(y, X, Diagonal(np.full(32, 0.01)), (Term(study), Term(np.arange(32))))
    found = kenward_roger(problem, reml(problem))
    assert found.degrees(np.eye(3)) == pytest.approx([6, 6, 23], rel=1e-6)


def test_other_names_for_the_same_model_agree() -> None:
    k = 12
    rng = np.random.default_rng(9)
    outcome, study = np.tile([0, 1], k), np.repeat(np.arange(k), 2)
    y, v = rng.normal(size=2 * k) + rng.normal(size=k)[study], rng.uniform(0.1, 0.3, 2 * k)
    X = np.column_stack([outcome == 0, outcome == 1]).astype(float)
    nested = Problem(y, X, Diagonal(v), (Term(study), Term(np.arange(2 * k))))
    symmetric = Problem(y, X, Diagonal(v), (Term(study, Correlated(Equal(2)), outcome),))
    one = kenward_roger(nested, point(nested, [0.6, 0.4]))
    other = kenward_roger(symmetric, point(symmetric, [1.0, 0.6]))
    assert other.cov == pytest.approx(one.cov, rel=CLOSE)
    assert other.degrees(np.eye(2)) == pytest.approx(one.degrees(np.eye(2)), rel=CLOSE)


def test_variances_that_are_given_leave_the_normal_distribution() -> None:
    base = simulate(3, (1,) * 8)
    for terms in ((), (Term(np.arange(8), Fixed(Scalar(), [0.2])),)):
        problem = base.replace_terms(terms)
        at = point(problem)
        found = kenward_roger(problem, at)
        assert np.isinf(found.df)
        assert found.cov == pytest.approx(at.cov)


def test_a_joint_test_without_moments_takes_the_worst_contrast() -> None:
    problem = simulate(2, (1,) * 4, p=3)
    at = point(problem, [0.1])
    found = kenward_roger(problem, at)
    joint = wald(at.beta, found, np.eye(3))
    assert isinstance(joint, Wald)
    assert 0 < joint.df_residual <= found.degrees(np.eye(3)).max() * (1 + CLOSE)


@pytest.mark.parametrize(
    "term",
    [
        RowScale(np.ones((8, 1))),
        Term(np.repeat([0, 1], 4), Correlated(Power(range(4))), np.tile(np.arange(4), 2)),
    ],
    ids=["log scale", "AR(1)"],
)
def test_structures_that_are_not_linear_are_named(term: Term | RowScale) -> None:
    base = simulate(3, (1,) * 8)
    problem = base.replace_terms((Term(np.arange(8)), term))
    with pytest.raises(SynthesisError, match="that of random term 2 is not"):
        kenward_roger(problem, point(problem, [0.1, *([0.1] * term.parameters)]))


def test_what_cannot_be_done_is_said() -> None:
    problem = simulate(3, (1,) * 8)
    at = point(problem, [0.1])
    with pytest.raises(SynthesisError, match="tau2='REML'"):
        kenward_roger(problem, at, restricted=False)
    with pytest.raises(SynthesisError, match="inverse-variance weights"):
        kenward_roger(problem, find_weighted(problem, at, np.ones(8)))
    twice = problem.replace_terms((Term(np.arange(8)), Term(np.arange(8))))
    with pytest.raises(SynthesisError, match="cannot tell the variances"):
        kenward_roger(twice, point(twice, [0.1, 0.1]))


def test_nothing_to_test() -> None:
    problem = simulate(3, (1,) * 8)
    at = point(problem, [0.1])
    found: Inference = kenward_roger(problem, at)
    assert isinstance(wald(at.beta, found, np.empty((0, 1))), Inapplicable)
