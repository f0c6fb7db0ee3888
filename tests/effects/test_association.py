"""Association of two dichotomous variables: the tetrachoric correlation by brute force, and identities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from synovia.effects import Counts, association, bivariate_normal, excess_heterozygosity, tetrachoric

COUNT = st.integers(1, 60)


def cell(h: float, k: float, rho: float) -> float:
    """P(X < h, Y < k) of the bivariate normal: Y given X, integrated over X."""
    root = np.sqrt(1 - rho**2)
    inside = lambda x: stats.norm.pdf(x) * stats.norm.cdf((k - rho * x) / root)  # noqa: E731
    return float(integrate.quad(inside, -12, h, epsabs=1e-14, limit=200)[0])


@pytest.mark.parametrize(
    ("h", "k", "rho"), [(0.3, -1.2, 0.5), (-0.4, -0.9, -0.95), (0.0, 0.7, 0.2), (1.1, 0.0, -0.6)]
)
def test_bivariate_normal_by_brute_force(h: float, k: float, rho: float) -> None:
    assert bivariate_normal(h, k, rho) == pytest.approx(cell(h, k, rho), abs=1e-12)


@pytest.mark.parametrize("table", [(4, 119, 11, 128), (3, 7, 4, 6), (1, 96, 19, 84)])
def test_tetrachoric_correlation_meets_the_first_cell(table: tuple[float, ...]) -> None:
    """The likelihood equation, by brute force; R's correlation of the same table misses the cell."""
    a, b, c, d = table
    n = a + b + c + d
    rho, _ = tetrachoric(a, b, c, d)
    h, k = stats.norm.ppf((a + b) / n), stats.norm.ppf((a + c) / n)
    assert cell(h, k, rho) == pytest.approx(a / n, abs=1e-12)


def test_tetrachoric_correlation_of_r_misses_the_first_cell() -> None:
    """metafor 5.0-1 gives -0.168487272 for 3, 7, 4, 6 (its results of zerocells, last row)."""
    h, k = stats.norm.ppf(10 / 20), stats.norm.ppf(7 / 20)
    assert abs(cell(h, k, -0.168487272) - 3 / 20) > 1e-7


def test_tetrachoric_variance_is_that_of_its_likelihood() -> None:
    """The inverse of the observed information of rho, profiled over the thresholds, by differences."""
    counts = np.array([20.0, 10, 12, 28])
    n = counts.sum()
    rho, variance = tetrachoric(*counts)
    start = np.array([stats.norm.ppf(30 / n), stats.norm.ppf(32 / n), rho])

    def log_likelihood(p: np.ndarray) -> float:
        both = bivariate_normal(p[0], p[1], p[2])
        row, column = stats.norm.cdf(p[0]), stats.norm.cdf(p[1])
        return float(counts @ np.log([both, row - both, column - both, 1 - row - column + both]))

    steps = np.eye(3) * 1e-3
    hessian = np.array(
        [
            [
                (
                    log_likelihood(start + i + j)
                    - log_likelihood(start + i - j)
                    - log_likelihood(start - i + j)
                    + log_likelihood(start - i - j)
                )
                / 4e-6
                for j in steps
            ]
            for i in steps
        ]
    )
    assert variance == pytest.approx(np.linalg.inv(-hessian)[2, 2], rel=1e-4)  # second differences


@pytest.mark.parametrize(("table", "expected"), [((0, 10, 2, 8), -1), ((5, 5, 0, 12), 1)])
def test_empty_cell_puts_the_correlation_at_its_limit(table: tuple[float, ...], expected: float) -> None:
    rho, variance = tetrachoric(*table)
    assert rho == expected
    assert np.isnan(variance)


@pytest.mark.parametrize("measure", ["PHI", "YUQ", "YUY", "RTET", "ZPHI"])
@given(a=COUNT, b=COUNT, c=COUNT, d=COUNT)
def test_exchange_of_rows_turns_the_sign(measure, a, b, c, d):  # type: ignore[no-untyped-def]
    one, two = Counts(np.array([a]), np.array([a + b])), Counts(np.array([c]), np.array([c + d]))
    first, turned = association(one, two, measure), association(two, one, measure)
    assert turned.estimate[0] == pytest.approx(-first.estimate[0], abs=1e-9)
    assert turned.variance[0] == pytest.approx(first.variance[0], rel=1e-6)


def test_stratified_phi_by_simulation() -> None:
    """Variance over 200,000 pairs of binomial samples of fixed size 60 and 140, risks 0.5 and 0.2."""
    rng = np.random.default_rng(3)
    a, c = (np.asarray(rng.binomial(n, p, 200_000), float) for n, p in ((60, 0.5), (140, 0.2)))
    sizes = np.full(200_000, 60.0), np.full(200_000, 140.0)
    simulated = association(Counts(a, sizes[0]), Counts(c, sizes[1])).estimate.var()
    told = association(
        Counts(np.array([30]), np.array([60])), Counts(np.array([28]), np.array([140])), sampling="ST"
    )
    assert told.variance[0] == pytest.approx(simulated, rel=0.02)  # first order in 1/n


def test_equilibrium_has_no_excess() -> None:
    effect = excess_heterozygosity((np.array([49.0]), np.array([42.0]), np.array([9.0])))
    assert effect.estimate[0] == pytest.approx(0, abs=1e-12)
