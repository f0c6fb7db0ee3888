"""The wild cluster bootstrap against refits, enumeration and the exact t test."""

import itertools

import numpy as np
import pytest
from scipy import stats

from simulated_problems import simulate
from synovia.errors import SynthesisError, TooFewStudies
from synovia.kernel import Diagonal, Inapplicable, Point, Problem, Term, point
from synovia.kernel.robust import find_sandwich
from synovia.kernel.weighted import find_weighted
from synovia.kernel.wild import WEIGHTS, Wild, wild_bootstrap

CLOSE = 1e-9


def make(seed: int) -> tuple[Problem, Point, np.ndarray]:
    base = simulate(seed, (3, 1, 2, 4, 2, 1, 3), p=3)
    study = base.V.labels
    problem = base.replace_terms((Term(study), Term(np.arange(base.n))))
    return problem, point(problem, [0.1, 0.05]), study


def robust_f(problem: Problem, at: Point, clusters: np.ndarray, C: np.ndarray, kind: str) -> float:
    values = C @ at.beta
    cov = C @ find_sandwich(problem, at, clusters, kind).cov @ C.T
    return float(values @ np.linalg.solve(cov, values)) / len(C)


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR2"])
@pytest.mark.parametrize("rows", [[1], [1, 2]])
def test_all_signs_by_refitting_each(kind: str, rows: list[int]) -> None:
    problem, at, study = make(5)
    C = np.eye(3)[rows]
    kept = [column for column in range(3) if column not in rows]
    null = point(Problem(problem.y, problem.X[:, kept], problem.V, problem.terms), at.psi)
    observed = robust_f(problem, at, study, C, kind)
    more = 0
    for signs in itertools.product([1.0, -1.0], repeat=7):
        y = problem.X[:, kept] @ null.beta + np.array(signs)[study] * null.residuals
        again = Problem(y, problem.X, problem.V, problem.terms)
        more += robust_f(again, point(again, at.psi), study, C, kind) >= observed * (1 - CLOSE)
    found = wild_bootstrap(problem, at, study, C, kind=kind)
    assert isinstance(found, Wild)
    assert found.exact
    assert found.replications == 128
    assert found.statistic == pytest.approx(observed, rel=CLOSE)
    assert found.p_value == more / 128


def test_the_signs_of_a_sample_test_its_mean_as_fisher_did() -> None:
    y = np.array([0.49, -0.67, 0.08, 0.16, 0.06, 0.23, 0.28, 0.41, 0.14, 0.29])
    problem = Problem(y, np.ones((10, 1)), Diagonal(np.full(10, 0.1)))
    found = wild_bootstrap(problem, point(problem), np.arange(10), [[1.0]])
    sums = np.array(list(itertools.product([1, -1], repeat=10))) @ y
    assert isinstance(found, Wild)
    assert found.p_value == (np.abs(sums) >= abs(y.sum()) - 1e-12).mean()


@pytest.mark.parametrize("weights", list(WEIGHTS))
def test_normal_clusters_give_about_the_t_test(weights: str) -> None:
    y = np.random.default_rng(3).normal(size=40) + 0.25
    problem = Problem(y, np.ones((40, 1)), Diagonal(np.full(40, 1.0)))
    found = wild_bootstrap(
        problem, point(problem), np.arange(40), [[1.0]], weights=weights, replications=9999
    )
    assert isinstance(found, Wild)
    assert not found.exact
    # Monte Carlo error is 0.005; Mammen's skewed weights are known to stray further
    expected = stats.ttest_1samp(y, 0).pvalue
    assert found.p_value == pytest.approx(expected, abs=0.06 if weights == "mammen" else 0.02)


def test_seeds_repeat_and_differ() -> None:
    problem, at, study = make(5)
    one, again, other = (
        wild_bootstrap(problem, at, study, np.eye(3)[1:], weights="webb", seed=seed) for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other


@pytest.mark.parametrize("weights", list(WEIGHTS))
def test_weights_have_mean_0_and_variance_1(weights: str) -> None:
    drawn = WEIGHTS[weights](np.random.default_rng(1), (1000, 200))
    assert drawn.mean() == pytest.approx(0, abs=0.01)  # 4.5 standard errors of 200,000 draws
    assert drawn.var() == pytest.approx(1, abs=0.02)


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, at, study = make(5)
    whole = wild_bootstrap(problem, at, study, [[0.0, 1.0, 0.0]], weights="webb", replications=500)
    monkeypatch.setattr("synovia.kernel.wild.CHUNK", 70)
    assert wild_bootstrap(problem, at, study, [[0.0, 1.0, 0.0]], weights="webb", replications=500) == whole


def test_weights_of_ones_own_are_respected() -> None:
    problem, at, study = make(5)
    weighted = find_weighted(problem, at, np.linspace(1, 2, problem.n))
    found = wild_bootstrap(problem, weighted, study, [[0.0, 1.0, 0.0]])
    assert isinstance(found, Wild)
    assert found.statistic == pytest.approx(
        robust_f(problem, weighted, study, np.array([[0.0, 1.0, 0.0]]), "CR0"), rel=CLOSE
    )


def test_what_cannot_be_done_is_said() -> None:
    problem, at, study = make(5)
    one = [[0.0, 1.0, 0.0]]
    with pytest.raises(SynthesisError, match="wanted one of rademacher, webb, mammen"):
        wild_bootstrap(problem, at, study, one, weights="normal")
    with pytest.raises(SynthesisError, match="wanted one of CR0"):
        wild_bootstrap(problem, at, study, one, kind="HC3")
    with pytest.raises(SynthesisError, match="wanted at least 1"):
        wild_bootstrap(problem, at, study, one, replications=0)
    with pytest.raises(SynthesisError, match="wanted independent rows of 3 weights"):
        wild_bootstrap(problem, at, study, [[0.0, 1.0, 0.0], [0.0, 2.0, 0.0]])
    with pytest.raises(TooFewStudies, match="one cluster"):
        wild_bootstrap(problem, at, np.zeros(problem.n), one)


def test_estimates_fitted_exactly_have_no_test() -> None:
    problem = Problem([0.0] * 5, np.ones((5, 1)), Diagonal([0.1] * 5))
    assert isinstance(wild_bootstrap(problem, point(problem), np.arange(5), [[1.0]]), Inapplicable)
