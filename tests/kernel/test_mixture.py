import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from synovia.kernel.mixture import mixture_below

TINY = 2e-13  # the trapezoidal rule's own error, relative to the smaller tail; scipy's is a few times less


@pytest.mark.parametrize("df", [1, 2, 3, 10, 100, 1000, 10_000])
@pytest.mark.parametrize("probability", [1e-9, 1e-3, 0.025, 0.5, 0.975, 0.999])
def test_equal_weights_are_chi_squared(df: int, probability: float) -> None:
    value = float(stats.chi2.ppf(probability, df))
    expected = stats.chi2.cdf(value, df)
    assert mixture_below(np.full(df, 3.0), 3 * value) == pytest.approx(expected, rel=5 * TINY, abs=0)


def imhof(weights: np.ndarray, value: float) -> float:
    """Imhof (1961), equation 3.2, by adaptive quadrature."""

    def integrand(u: float) -> float:
        angle = 0.5 * np.arctan(weights * u).sum() - 0.5 * value * u
        return float(np.sin(angle) / (u * np.prod((1 + (weights * u) ** 2) ** 0.25)))

    area = integrate.quad(integrand, 0, np.inf, limit=2000, epsabs=1e-11)[0]
    return float(0.5 - area / np.pi)


@pytest.mark.parametrize("value", [0.5, 3.0, 12.0])
def test_unequal_weights_as_by_imhof(value: float) -> None:
    weights = np.array([3.0, 1.5, 1.0, 0.7, 0.2, 0.05])
    # what the adaptive quadrature of a slowly falling oscillation leaves
    assert mixture_below(weights, value) == pytest.approx(imhof(weights, value), abs=1e-9)


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=8), st.floats(1e-3, 50))
def test_pairs_of_equal_weights_are_a_sum_of_exponentials(scales: list[float], value: float) -> None:
    """A pair of equal weights is an exponential variable, so that one pair has a closed form."""
    scale = scales[0]
    assert mixture_below(np.full(2, scale), scale * value) == pytest.approx(-np.expm1(-value / 2), rel=1e-12)
    every = mixture_below(np.array(scales), value)
    assert 0 <= every <= 1
    assert every <= mixture_below(np.array(scales), 1.1 * value) + 1e-15


@pytest.mark.parametrize("p", [1, 3])
@pytest.mark.parametrize("share", [0.5, 0.9, 1.1, 1.6])
def test_columns_lost_are_eigenvalues_changed(p: int, share: float) -> None:
    rng = np.random.default_rng(p)
    d, design = rng.uniform(0.2, 3, 40), rng.normal(size=(40, p))
    lost = np.sqrt(d)[:, None] * np.linalg.qr(design)[0]
    eigenvalues = np.linalg.eigvalsh(np.diag(d) - lost @ lost.T)
    value = share * float(eigenvalues.sum())
    # eigenvalues that are 0 but for rounding, and the cancellation of d by U
    assert mixture_below(d, value, lost) == pytest.approx(mixture_below(eigenvalues, value), abs=1e-11)


def test_nothing_to_add_and_nothing_to_reach() -> None:
    assert mixture_below(np.zeros(3), 1.0) == 1.0
    assert mixture_below(np.ones(3), 0.0) == 0.0
    assert mixture_below(np.ones(3), -1.0) == 0.0
    noisy = np.array([2.0, 1.0, 1e-17, -1e-17])
    assert mixture_below(noisy, 2.0) == mixture_below(np.array([2.0, 1.0]), 2.0)
