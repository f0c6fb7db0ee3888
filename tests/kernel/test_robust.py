"""Cluster-robust inference against whole matrices, identities and the jackknife."""

import numpy as np
import pytest
from numpy.typing import NDArray

from simulated_problems import simulate
from synovia.errors import SynthesisError, TooFewStudies
from synovia.kernel import (
    Blocks,
    Diagonal,
    Inapplicable,
    Point,
    Problem,
    Term,
    Unstructured,
    Wald,
    find_omega,
    find_rows,
    point,
    wald,
)
from synovia.kernel.hotelling import APPROXIMATIONS, hotelling, saddlepoint
from synovia.kernel.robust import (
    KINDS,
    cluster_robust,
    explain_sole_clusters,
    find_sandwich,
    find_sole_clusters,
)
from synovia.kernel.weighted import find_weighted

Floats = NDArray[np.float64]

CLOSE = 1e-9  # both sides are sums of the same numbers; square roots of matrices lose a few digits


def make_nested(seed: int, p: int = 2) -> tuple[Problem, Point, NDArray[np.intp]]:
    """Labs with several studies with several effects; blocks of V within studies; clusters are labs."""
    base = simulate(seed, (3, 1, 2, 4, 2, 1, 3, 2, 2, 1), p=p)
    study = base.V.labels
    lab = study // 2
    problem = base.replace_terms((Term(lab), Term(study), Term(np.arange(base.n))))
    return problem, point(problem, [0.1, 0.05, 0.02]), lab


def make_crossing(seed: int) -> tuple[Problem, Point, NDArray[np.intp]]:
    """Clusters cut through the blocks of V, through shared intercepts and through bivariate effects."""
    base = simulate(seed, (3, 2, 4, 3, 2, 4), p=2)
    rng = np.random.default_rng(seed)
    term = Term(base.V.labels, Unstructured(2), rng.integers(0, 2, base.n))
    problem = base.replace_terms((Term(rng.integers(0, 4, base.n)), term))
    return problem, point(problem, [0.08, 0.1, 0.05, 0.4]), rng.integers(0, 7, base.n)


def make_weighted(seed: int) -> tuple[Problem, Point, NDArray[np.intp]]:
    problem, at, lab = make_nested(seed)
    weights = np.random.default_rng(seed).uniform(0.5, 2, problem.n)
    return problem, find_weighted(problem, at, weights), lab


MAKERS = {"nested": make_nested, "crossing": make_crossing, "weighted": make_weighted}


def root_inverse(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    inverse = np.where(values > 1e-12 * values.max(), 1 / np.sqrt(np.abs(values)), 0)
    return np.asarray((vectors * inverse) @ vectors.T)


def adjust(kind: str, omega: Floats, residual: Floats, hat: Floats, counts: tuple[int, int, int]) -> Floats:
    """A_j by its definition, with the symmetric square root where the code takes Cholesky's."""
    J, n, p = counts
    unit = np.eye(omega.shape[0])
    if kind == "CR2":
        values, vectors = np.linalg.eigh(omega)
        D = (vectors * np.sqrt(values)) @ vectors.T
        return np.asarray(D @ root_inverse(D @ residual @ D) @ D)
    if kind == "CR3":
        return np.asarray(np.linalg.inv(unit - hat))
    scale = {"CR0": 1.0, "CR1": J / (J - 1), "CR1p": J / (J - p), "CR1S": J * (n - 1) / ((J - 1) * (n - p))}
    return np.asarray(np.sqrt(scale[kind]) * unit)


def brute(problem: Problem, at: Point, clusters: NDArray[np.intp], kind: str) -> tuple[Floats, Floats]:
    """V, and (J, J, p, p) covariances of the cluster scores, with n x n matrices."""
    n, p = problem.n, problem.p
    omega, H = find_omega(problem, at.psi, np.arange(n)), find_rows(problem, at)
    maker = np.eye(n) - problem.X @ H
    covariance = maker @ omega @ maker.T
    labels = np.unique(clusters)
    score_rows = []
    for label in labels:
        rows = np.flatnonzero(clusters == label)
        own = np.ix_(rows, rows)
        A = adjust(kind, omega[own], covariance[own], problem.X[rows] @ H[:, rows], (labels.size, n, p))
        whole = np.zeros((p, n))
        whole[:, rows] = H[:, rows] @ A
        score_rows.append(whole)
    S = np.array(score_rows)
    scores = S @ at.residuals
    return scores.T @ scores, np.einsum("ian,nm,jbm->ijab", S, covariance, S)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MAKERS)
def test_against_whole_matrices(name: str, kind: str) -> None:
    problem, at, clusters = MAKERS[name](11)
    sandwich = find_sandwich(problem, at, clusters, kind)
    V, P = brute(problem, at, clusters, kind)
    assert sandwich.cov == pytest.approx(V, rel=CLOSE)
    contrasts = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -0.7]])
    for contrast, df in zip(contrasts, sandwich.satterthwaite(contrasts), strict=True):
        form = np.einsum("a,ijab,b->ij", contrast, P, contrast)
        assert df == pytest.approx(np.trace(form) ** 2 / np.sum(form**2), rel=CLOSE)
        assert sandwich.project(contrast) == pytest.approx(form, rel=1e-7, abs=1e-12)
    found = sandwich.moments(np.eye(2))
    assert found.mean == pytest.approx(np.einsum("iiab->ab", P), rel=CLOSE)
    isserlis = np.einsum("ijsu,ijtv->stuv", P, P) + np.einsum("ijsv,ijtu->stuv", P, P)
    assert found.cov == pytest.approx(isserlis, rel=1e-8, abs=1e-14)


@pytest.mark.parametrize("name", ["nested"])
def test_cr2_is_unbiased_under_the_working_model(name: str) -> None:
    problem, at, clusters = MAKERS[name](5)
    mean = find_sandwich(problem, at, clusters, "CR2").moments(np.eye(problem.p)).mean
    assert mean == pytest.approx(at.cov, rel=CLOSE)


@pytest.mark.parametrize("name", ["crossing", "weighted"])
def test_cr2_expects_the_blocks_of_its_clusters(name: str) -> None:
    problem, at, clusters = MAKERS[name](5)
    mean = find_sandwich(problem, at, clusters, "CR2").moments(np.eye(problem.p)).mean
    H, wanted = find_rows(problem, at), np.zeros((problem.p, problem.p))
    for label in np.unique(clusters):
        rows = np.flatnonzero(clusters == label)
        wanted += H[:, rows] @ find_omega(problem, at.psi, rows) @ H[:, rows].T
    assert mean == pytest.approx(wanted, rel=CLOSE)


def test_cr3_is_the_jackknife_by_cluster() -> None:
    problem, at, clusters = make_nested(7)
    total = np.zeros((problem.p, problem.p))
    for label in np.unique(clusters):
        kept = np.flatnonzero(clusters != label)
        shift = point(problem.restrict(kept), at.psi).beta - at.beta
        total += np.outer(shift, shift)
    assert find_sandwich(problem, at, clusters, "CR3").cov == pytest.approx(total, rel=CLOSE)


@pytest.mark.parametrize("k", [2, 5, 12])
def test_a_balanced_sample_gives_the_ordinary_t(k: int) -> None:
    y = np.random.default_rng(k).normal(size=3 * k)
    studies = np.repeat(np.arange(k), 3)
    problem = Problem(y, np.ones((3 * k, 1)), Diagonal(np.full(3 * k, 0.2)), (Term(studies),))
    found = cluster_robust(problem, point(problem, [0.3]), studies, "CR2")
    means = y.reshape(k, 3).mean(axis=1)
    assert found.df == pytest.approx(k - 1, rel=CLOSE)
    assert found.cov[0, 0] == pytest.approx(means.var(ddof=1) / k, rel=CLOSE)


def test_one_effect_per_cluster_by_hand() -> None:
    problem = simulate(3, (1,) * 9)
    at = point(problem, [0.1])
    w = 1 / (problem.V.diagonal + 0.1)
    share = w / w.sum()
    by_hand = (share**2 * at.residuals**2 / (1 - share)).sum()
    assert cluster_robust(problem, at, np.arange(9), "CR2").cov[0, 0] == pytest.approx(by_hand, rel=CLOSE)


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_order_do_not_matter(kind: str) -> None:
    problem, at, clusters = make_nested(4)
    order = np.random.default_rng(4).permutation(problem.n)
    turned = problem.restrict(order)
    renamed = np.array(["z", "q", "a", "m", "b"])[clusters[order]]
    one, other = (
        cluster_robust(problem, at, clusters, kind),
        cluster_robust(turned, point(turned, at.psi), renamed, kind),
    )
    assert other.cov == pytest.approx(one.cov, rel=CLOSE)
    assert other.degrees(np.eye(2)) == pytest.approx(one.degrees(np.eye(2)), rel=CLOSE)


def test_the_scale_of_the_data_does_not_matter() -> None:
    problem, at, clusters = make_nested(4)
    assert isinstance(problem.V, Blocks)
    scaled = Problem(
        1e4 * problem.y,
        problem.X,
        Blocks([1e8 * b for b in problem.V.blocks], problem.V.index),
        problem.terms,
    )
    one = cluster_robust(problem, at, clusters, "CR2")
    other = cluster_robust(scaled, point(scaled, 1e8 * at.psi), clusters, "CR2")
    assert other.cov == pytest.approx(1e8 * one.cov, rel=CLOSE)
    assert other.df == pytest.approx(one.df, rel=CLOSE)


def test_a_cluster_that_alone_identifies_a_coefficient_is_left_out_of_it() -> None:
    rng = np.random.default_rng(2)
    clusters = np.repeat(np.arange(6), 3)
    X = np.column_stack([np.ones(18), clusters == 2, rng.normal(size=18)])
    problem = Problem(rng.normal(size=18), X, Diagonal(np.full(18, 0.2)), (Term(clusters),))
    at = point(problem, [0.1])
    V, _ = brute(problem, at, clusters, "CR2")
    found = cluster_robust(problem, at, clusters, "CR2")
    assert found.cov == pytest.approx(V, rel=1e-7)
    assert find_sole_clusters(X, clusters) == ((1, 2),)
    with pytest.raises(SynthesisError, match="Coefficient 2 is identified by cluster 3 alone"):
        cluster_robust(problem, at, clusters, "CR3")


def test_several_sole_clusters_are_told_by_name() -> None:
    clusters = np.array(["a", "a", "b", "c", "d"])
    X = np.column_stack([np.ones(5), clusters == "a", clusters == "c"])
    sole = find_sole_clusters(X, clusters)
    assert sole == ((1, 0), (2, 2))
    said = explain_sole_clusters(sole, ("Intercept", "old", "new"), ("a", "b", "c", "d"))
    assert said[1].startswith("new is identified by cluster c alone")
    assert find_sole_clusters(np.ones((5, 1)), clusters) == ()


def test_degrees_of_freedom_that_do_not_exist() -> None:
    # each of two means rests on one cluster of one row: nothing is left over anywhere
    X = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    problem = Problem([0.1, 0.5, 0.9], X, Diagonal([0.1, 0.1, 0.1]))
    found = cluster_robust(problem, point(problem), [0, 1, 2], "CR2")
    df = found.degrees(np.eye(2))
    assert np.isnan(df[0])
    assert df[1] == pytest.approx(1.0)
    assert isinstance(wald(point(problem).beta, found, np.eye(2)), Inapplicable)


@pytest.mark.parametrize("approximation", ["HTZ", "HTA", "EDF"])
def test_one_contrast_by_every_approximation_is_its_t_squared(approximation: str) -> None:
    problem, at, clusters = make_nested(9)
    sandwich, unit = find_sandwich(problem, at, clusters, "CR2"), np.eye(2)
    df = sandwich.satterthwaite(unit)
    k = int(np.argmax(df))
    found = hotelling(sandwich, unit[[k]], at.beta[[k]], approximation)
    assert isinstance(found, Wald)
    assert found.df_residual == pytest.approx(max(df[k], 4.1 if approximation == "EDF" else 0), rel=1e-7)
    if approximation != "EDF":
        assert found.statistic == pytest.approx(at.beta[k] ** 2 / sandwich.cov[k, k], rel=CLOSE)


def test_joint_tests_do_not_depend_on_the_contrasts_chosen() -> None:
    problem, at, clusters = make_nested(9)
    found = cluster_robust(problem, at, clusters, "CR2")
    turned = np.array([[2.0, 1.0], [-1.0, 3.0]])
    one, other = wald(at.beta, found, np.eye(2)), wald(at.beta, found, turned)
    assert isinstance(one, Wald)
    assert isinstance(other, Wald)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-7)


def test_a_saddlepoint_in_many_equal_clusters_is_the_t_test() -> None:
    # one balanced sample: the statistic is exactly t on k - 1, which the saddlepoint meets to 6 % at p = 0.01
    problem = Problem(np.zeros(10), np.ones((10, 1)), Diagonal(np.full(10, 0.1)))
    sandwich = find_sandwich(problem, point(problem), np.arange(10), "CR2")
    for statistic, p_value in ((1.0, 0.3434), (2.262157, 0.05), (3.249836, 0.01)):
        assert saddlepoint(sandwich, np.ones(1), statistic) == pytest.approx(p_value, rel=0.06)
    assert saddlepoint(sandwich, np.ones(1), 0.0) == 1.0


@pytest.mark.parametrize(
    ("kind", "clusters", "error", "said"),
    [
        ("CR4", [0, 1, 2, 3, 4, 5], SynthesisError, "wanted one of CR0, CR1, CR1p, CR1S, CR2, CR3"),
        ("CR2", [0] * 6, TooFewStudies, "All effects lie in one cluster"),
        ("CR2", [0, 0, 0, 1, 1, 1], TooFewStudies, "Found 2 clusters for 2 coefficients"),
        ("CR2", [0, 1, 2], SynthesisError, "wanted one label for each of 6 rows"),
    ],
)
def test_what_cannot_be_done_is_said(
    kind: str, clusters: list[int], error: type[Exception], said: str
) -> None:
    problem = simulate(1, (1,) * 6, p=2)
    with pytest.raises(error, match=said):
        cluster_robust(problem, point(problem, [0.1]), clusters, kind)


def test_an_approximation_that_does_not_exist() -> None:
    problem, at, clusters = make_nested(9)
    with pytest.raises(SynthesisError, match=", ".join(APPROXIMATIONS)):
        hotelling(find_sandwich(problem, at, clusters), np.eye(2), at.beta, "HTX")


def test_estimates_fitted_exactly_have_no_robust_error() -> None:
    problem = Problem([0.3] * 5, np.ones((5, 1)), Diagonal([0.1] * 5))
    assert cluster_robust(problem, point(problem), np.arange(5), "CR2").factor == 0
