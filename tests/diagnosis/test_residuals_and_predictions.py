"""Residuals and predicted effects: against dense algebra and against the model as one mixed equation."""

import numpy as np
import pandas as pd
import pytest

from diagnosis.trials import fits, independent, nested
from synovia.diagnosis import blup, qq, radial, random_effects, residuals
from synovia.diagnosis.simulate import simulate_estimates
from synovia.errors import SynthesisError
from synovia.kernel import Problem, Term, find_omega
from synovia.synthesis import meta
from synovia.synthesis.exact.mantel_haenszel import mantel_haenszel

SAME = 1e-8  # dense algebra against structured algebra

KINDS = sorted(fits())


def omega_of(name: str) -> np.ndarray:
    fit = fits()[name]
    return find_omega(fit.problem, fit.point.psi, np.arange(fit.problem.n))


def sampling(problem: Problem) -> np.ndarray:
    rows, columns, values = problem.V.entries()
    out = np.zeros((problem.n, problem.n))
    out[rows, columns] = values
    return out


@pytest.mark.parametrize("name", KINDS)
def test_standard_errors_of_residuals(name: str) -> None:
    fit, omega = fits()[name], omega_of(name)
    X = fit.problem.X
    H = X @ np.linalg.solve(X.T @ np.linalg.solve(omega, X), np.linalg.solve(omega, X).T)
    left = np.eye(fit.problem.n) - H
    expected = np.sqrt(np.diag(left @ omega @ left.T))
    table = residuals(fit).tidy()
    assert table["std_error"].to_numpy() == pytest.approx(expected, rel=SAME)
    assert table["residual"].to_numpy() == pytest.approx(left @ fit.problem.y, abs=SAME)
    pearson = residuals(fit, "pearson").tidy()
    assert pearson["std_error"].to_numpy() == pytest.approx(np.sqrt(np.diag(omega)), rel=SAME)
    raw = residuals(fit, "raw").tidy()
    assert raw["std_error"].to_numpy() == pytest.approx(np.sqrt(np.diag(sampling(fit.problem))), rel=SAME)


@pytest.mark.parametrize("name", KINDS)
def test_predictions_by_dense_algebra(name: str) -> None:
    fit, omega = fits()[name], omega_of(name)
    V, X = sampling(fit.problem), fit.problem.X
    between = omega - V
    inverse = np.linalg.inv(omega)
    mean = X @ fit.point.beta + between @ inverse @ fit.point.residuals
    gap = X - between @ inverse @ X
    spread = between - between @ inverse @ between + gap @ fit.inference.cov @ gap.T
    table = blup(fit).tidy()
    assert table["estimate"].to_numpy() == pytest.approx(mean, rel=SAME, abs=SAME)
    assert table["std_error"].to_numpy() == pytest.approx(np.sqrt(np.diag(spread)), rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("name", ["pairwise", "three levels", "multivariate", "slopes", "scale"])
def test_random_effects_add_up_to_the_predictions(name: str) -> None:
    fit = fits()[name]
    table = random_effects(fit).tidy()
    total = fit.problem.X @ fit.point.beta
    start = 0
    for term in fit.problem.terms:
        if not isinstance(term, Term) or (term.rowwise and term.structure.size == 1):
            total = total + table["estimate"].to_numpy()[start : start + fit.problem.n]
            start += fit.problem.n
            continue
        count = term.levels * term.structure.size
        effects = table["estimate"].to_numpy()[start : start + count].reshape(term.levels, -1, 1)
        total = total + term.scatter(effects)[:, 0]
        start += count
    assert start == len(table)
    assert blup(fit).tidy()["estimate"].to_numpy() == pytest.approx(total, rel=SAME, abs=SAME)


def test_random_effects_are_named() -> None:
    table = random_effects(fits()["multivariate"]).tidy()
    assert table["label"].tolist()[:3] == ["S0: function", "S0: pain", "S0: stiffness"]
    slopes = random_effects(fits()["slopes"]).tidy()
    assert slopes["effect"].tolist()[:2] == ["Intercept", "dose"]
    levels = random_effects(fits()["three levels"]).tidy()
    assert levels["term"].unique().tolist() == ["study", "study/effect"]
    assert levels["group"].tolist()[0] == "S0"


def test_nothing_random_is_an_empty_table() -> None:
    assert random_effects(fits()["common effect"]).tidy().empty


def test_joint_residuals_of_a_group() -> None:
    fit, omega = fits()["three levels"], omega_of("three levels")
    X = fit.problem.X
    spread = omega - X @ fit.point.cov @ X.T
    rows = np.flatnonzero(nested()["study"] == "S2")
    left = fit.point.residuals[rows]
    expected = left @ np.linalg.solve(spread[np.ix_(rows, rows)], left)
    groups = residuals(fit, by="study").groups
    assert groups.loc[2, "chi2"] == pytest.approx(expected, rel=SAME)
    assert groups["size"].tolist() == [3] * 9


def test_an_estimate_fitted_exactly_has_no_standardised_residual() -> None:
    data = independent().assign(source=["bone"] * 13 + ["cord"])
    table = residuals(meta(data, "estimate ~ source", inference="z")).tidy()
    assert table["reason"].iloc[-1] == "the model fits this estimate exactly"
    assert np.isnan(table["z"].iloc[-1])


def test_kinds_are_listed() -> None:
    with pytest.raises(SynthesisError, match="raw, pearson, standardised, studentised"):
        residuals(fits()["pairwise"], "deviance")


@pytest.mark.parametrize(
    "name", ["pairwise", "covariance", "multivariate", "slopes", "scale", "three levels"]
)
def test_simulated_estimates_have_the_total_covariance(name: str) -> None:
    fit = fits()[name]
    drawn = simulate_estimates(fit.problem, fit.point.psi, 40_000, np.random.default_rng(1))
    omega = omega_of(name)
    scale = np.sqrt(np.outer(np.diag(omega), np.diag(omega)))
    # a correlation from 40,000 draws has a standard error of at most 0.007
    assert np.abs(np.cov(drawn) - omega).max() / scale.max() < 0.04


def test_quantiles_rise_and_repeat_with_their_seed() -> None:
    fit = fits()["Knapp-Hartung"]
    one, two, other = qq(fit).tidy(), qq(fit).tidy(), qq(fit, seed=1).tidy()
    pd.testing.assert_frame_equal(one, two)
    assert not np.allclose(one["lower"], other["lower"])
    for column in ("theoretical", "z", "lower", "upper"):
        assert one[column].is_monotonic_increasing
    assert one["theoretical"].to_numpy() == pytest.approx(-one["theoretical"].to_numpy()[::-1], abs=1e-12)


def test_the_envelope_holds_what_the_model_makes() -> None:
    inside = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        v = rng.uniform(0.02, 0.2, 20)
        data = pd.DataFrame({"estimate": rng.normal(0, np.sqrt(v + 0.1)), "variance": v})
        table = qq(meta(data, tau2=0.1, inference="z"), repetitions=400).tidy()
        inside.append(float(table["z"].between(table["lower"], table["upper"]).mean()))
    assert 0.92 < np.mean(inside) < 0.98  # 95 % at each rank, 800 dependent ranks


def test_radial_is_a_regression_through_the_origin() -> None:
    fit = fits()["pairwise"]
    found = radial(fit)
    x, z = found.table["precision"], found.table["z"]
    assert found.slope == pytest.approx(float((x * z).sum() / (x**2).sum()), rel=SAME)
    with pytest.raises(SynthesisError, match="an intercept alone"):
        radial(fits()["Knapp-Hartung"])


def test_counts_have_no_normal_likelihood() -> None:
    trials = pd.DataFrame(
        {
            "events_treatment": [4, 6],
            "n_treatment": [40, 50],
            "events_comparator": [8, 9],
            "n_comparator": [40, 50],
        }
    )
    with pytest.raises(SynthesisError, match="Gaussian likelihood"):
        residuals(mantel_haenszel(trials))
