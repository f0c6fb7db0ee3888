"""Models of counts against sums over all tables, dense integration and identities that must hold."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import betabinom, binom, nchypergeom_fisher, norm, poisson

import synovia as sv
from synovia.errors import SynthesisError, TooFewStudies
from synovia.kernel.solution import Solution
from synovia.synthesis.exact.beta_binomial import BetaBinomial
from synovia.synthesis.exact.family import Binomial, Hypergeometric, Poisson
from synovia.synthesis.exact.mixed import Model, evaluate_at, fit_mixed
from synovia.synthesis.exact.quadrature import Marginal, differentiate

INTEGRATED = 1e-9  # relative: forty nodes, and an integrator asked for 1e-12
TRIALS = pd.DataFrame(
    {
        "events_treatment": [3, 7, 5, 0, 14, 2],
        "n_treatment": [38, 114, 69, 33, 152, 40],
        "events_comparator": [9, 11, 14, 4, 20, 3],
        "n_comparator": [39, 116, 93, 35, 150, 41],
        "dose": [1.0, 2.0, 3.0, 1.0, 2.0, 3.0],
    }
)
COLUMNS = ["events_treatment", "n_treatment", "events_comparator", "n_comparator"]
A, N1, C, N2 = TRIALS[COLUMNS].to_numpy(float).T


def swap(table: pd.DataFrame) -> pd.DataFrame:
    names = dict(zip(COLUMNS, [*COLUMNS[2:], *COLUMNS[:2]], strict=True))
    return table.rename(columns=names)


def solution(fit: sv.Fit) -> Solution:
    assert isinstance(fit.point, Solution)
    return fit.point


def test_hypergeometric_likelihood_is_that_of_all_tables() -> None:
    family = Hypergeometric.from_tables(A, N1, C, N2)
    marginal = Marginal(family, np.ones((1, 1)), np.zeros((6, 1)), (), 1, np.ones((1, 1)))
    for log_odds in (-1.3, 0.0, 0.8):
        ours = marginal.evaluate(np.full((6, 1), log_odds))
        total = (N1 + N2).astype(int)
        theirs = nchypergeom_fisher.logpmf(A, total, N1.astype(int), (A + C).astype(int), np.exp(log_odds))
        # the observed table is our unit; the number of tables cancels from differences
        zero = nchypergeom_fisher.logpmf(A, total, N1.astype(int), (A + C).astype(int), 1.0)
        base = marginal.evaluate(np.zeros((6, 1)))
        assert ours - base == pytest.approx(theirs - zero, rel=1e-9, abs=1e-9)
        assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("tau", [0.0, 0.4, 1.5])
def test_one_random_effect_is_integrated(tau: float) -> None:
    family, theta = Binomial(A[:, None], N1[:, None]), -1.7
    model = Model(family, np.ones((6, 1)), np.zeros((6, 1)), "none", points=40)
    found = evaluate_at(model, np.array([theta]), tau**2)
    dense = [
        quad(
            lambda u, a=a, n=n: norm.pdf(u) * binom.pmf(a, n, expit(theta + tau * u)),
            -12, 12, epsabs=1e-14, epsrel=1e-12, limit=400,
        )[0]
        for a, n in zip(A, N1, strict=True)
    ]  # fmt: skip
    assert found == pytest.approx(np.log(dense).sum(), rel=INTEGRATED)


def test_poisson_random_effect_is_integrated() -> None:
    family, theta, tau = Poisson(A[:, None], N1[:, None]), -2.5, 0.7
    model = Model(family, np.ones((6, 1)), np.zeros((6, 1)), "none", points=40)
    dense = [
        quad(
            lambda u, a=a, t=t: norm.pdf(u) * poisson.pmf(a, t * np.exp(theta + tau * u)),
            -12, 12, epsabs=1e-14, epsrel=1e-12, limit=400,
        )[0]
        for a, t in zip(A, N1, strict=True)
    ]  # fmt: skip
    assert evaluate_at(model, np.array([theta]), tau**2) == pytest.approx(np.log(dense).sum(), rel=INTEGRATED)


def test_two_random_effects_are_integrated_on_a_grid() -> None:
    family = Binomial(np.stack([A, C], 1), np.stack([N1, N2], 1))
    marginal = Model(family, np.ones((6, 1)), np.zeros((6, 2)), "random", points=25).make_marginal(
        effect=True
    )
    alpha, theta, sigma, tau = -1.9, -0.6, 0.5, 0.8
    ours = marginal.evaluate(np.tile([alpha, theta, sigma, tau], (6, 1)))
    grid = np.linspace(-9, 9, 721)
    weight = np.exp(-0.5 * (grid[:, None] ** 2 + grid[None, :] ** 2)) / (2 * np.pi) * (grid[1] - grid[0]) ** 2
    base, shift = alpha + sigma * grid[:, None], tau * grid[None, :]
    one, two = expit(base + theta + shift / 2), expit(base - shift / 2)
    dense = [
        float((weight * binom.pmf(a, n1, one) * binom.pmf(c, n2, two)).sum())
        for a, n1, c, n2 in zip(A, N1, C, N2, strict=True)
    ]
    assert ours == pytest.approx(np.log(dense), rel=1e-8)  # the grid's own error


def test_gradient_and_hessian_are_those_of_differences() -> None:
    family = Binomial(np.stack([A, C], 1), np.stack([N1, N2], 1))
    marginal = Model(family, np.ones((6, 1)), np.zeros((6, 2)), "random", points=5).make_marginal(effect=True)
    at = np.tile([-1.9, -0.6, 0.5, 0.8], (6, 1))
    slopes = differentiate(marginal.evaluate, at)
    for place in range(4):
        step = 1e-5 * (np.arange(4) == place)
        rise = (marginal.evaluate(at + step) - marginal.evaluate(at - step)) / 2e-5
        assert slopes.gradient[:, place] == pytest.approx(rise, abs=1e-8)  # rounding of the difference
        turn = (marginal.slopes(at + step).gradient - marginal.slopes(at - step).gradient) / 2e-5
        assert slopes.hessian[:, :, place] == pytest.approx(turn, abs=1e-7)


@pytest.mark.parametrize("model", ["UM.FS", "UM.RS", "CM.EL", "CM.AL"])
@pytest.mark.parametrize("random", [True, False])
def test_swapped_arms_turn_the_sign(model: str, *, random: bool) -> None:
    one = sv.binomial_normal(TRIALS, model, random=random, points=9)  # type: ignore[arg-type]
    other = sv.binomial_normal(swap(TRIALS), model, random=random, points=9)  # type: ignore[arg-type]
    if model == "UM.RS":  # the baseline is that of the comparator, so that only the effect's size is near
        assert other.point.beta == pytest.approx(-one.point.beta, abs=0.1)
        return
    assert other.point.beta == pytest.approx(-one.point.beta, abs=1e-9)
    assert other.point.cov == pytest.approx(one.point.cov, rel=1e-6)
    assert other.point.log_ml == pytest.approx(one.point.log_ml, abs=1e-9)


def test_exact_conditional_estimate_zeroes_the_score_over_all_tables() -> None:
    fit = sv.binomial_normal(TRIALS, "CM.EL", random=False)
    odds = float(np.exp(fit.point.beta[0]))
    parts = [
        nchypergeom_fisher(int(n1 + n2), int(n1), int(a + c), odds)
        for a, n1, c, n2 in zip(A, N1, C, N2, strict=True)
    ]
    assert sum(part.mean() for part in parts) == pytest.approx(A.sum(), rel=1e-9)
    assert fit.point.cov[0, 0] == pytest.approx(1 / sum(part.var() for part in parts), rel=1e-6)


def test_bcg_wald_statistic_is_that_of_the_exact_information() -> None:
    table = sv.example("bcg").data
    fit = sv.binomial_normal(table, "CM.EL", random=False)
    a, n1, c, n2 = table[COLUMNS].to_numpy(float).T
    family = Hypergeometric.from_tables(a, n1, c, n2)
    own, _ = family.solve_own()
    exact = [
        nchypergeom_fisher(int(N), int(n), int(m), float(np.exp(t))).var()
        for N, n, m, t in zip(n1 + n2, n1, a + c, own[:, 0], strict=True)
    ]
    variance = np.array(exact)
    mean = np.average(own[:, 0], weights=variance)
    distance = float((variance * (own[:, 0] - mean) ** 2).sum())
    wald = next(test for test in solution(fit).tests if "Wald" in test.name)
    assert wald.statistic == pytest.approx(distance, rel=1e-5)  # the variance of scipy's distribution
    assert distance == pytest.approx(163.09, abs=0.01)


def test_estimate_is_a_maximum_whatever_the_start() -> None:
    family = Binomial(np.stack([A, C], 1), np.stack([N1, N2], 1))
    model = Model(family, np.ones((6, 1)), np.zeros((6, 2)), "fixed")
    found = [fit_mixed(model, np.array([start]), 0.5, effect=True) for start in (-3.0, 0.0, 2.0)]
    assert [each.log_lik for each in found] == pytest.approx([found[0].log_lik] * 3, abs=1e-9)
    best = found[0]
    assert best.tau2 is not None
    for move in (-1e-3, 1e-3):
        assert evaluate_at(model, best.beta + move, best.tau2) < best.log_lik
    assert best.convergence.score < 1e-6


def test_equal_studies_have_no_variance_and_say_so() -> None:
    same = pd.concat([TRIALS.iloc[[1]]] * 5, ignore_index=True)
    fit = sv.binomial_normal(same, "CM.EL")
    assert fit.tau2 == 0
    assert fit.convergence.at_boundary
    common = sv.binomial_normal(same, "CM.EL", random=False)
    assert fit.point.beta == pytest.approx(common.point.beta, abs=1e-12)


def test_a_single_study_is_itself() -> None:
    fit = sv.binomial_normal(TRIALS.iloc[[1]], "UM.FS")
    a, n1, c, n2 = TRIALS.iloc[1][COLUMNS]
    assert fit.status == "single study"
    assert str(fit.tau2) == "not applicable: one study has no between-study variance"
    assert fit.point.beta[0] == pytest.approx(np.log(a * (n2 - c) / (c * (n1 - a))), rel=1e-9)
    assert "nothing was pooled" in fit.warnings[-1]


def test_conditional_poisson_is_the_fixed_effects_poisson_without_a_random_effect() -> None:
    table = TRIALS.rename(columns={"n_treatment": "time_treatment", "n_comparator": "time_comparator"})
    one = sv.poisson_normal(table, "UM.FS", random=False)
    other = sv.poisson_normal(table, "CM.EL", random=False)
    assert one.point.beta == pytest.approx(other.point.beta, abs=1e-9)
    assert one.point.cov == pytest.approx(other.point.cov, rel=1e-6)


def test_beta_binomial_likelihood_and_its_binomial_limit() -> None:
    s, logit = 0.6, -1.1
    phi, mean = s**2, float(expit(logit))
    likelihood = BetaBinomial(A, N1)
    ours = likelihood.evaluate(np.tile([logit, s], (6, 1)))
    assert ours == pytest.approx(betabinom.logpmf(A, N1, mean / phi, (1 - mean) / phi), rel=1e-10)
    assert likelihood.evaluate(np.tile([logit, 0.0], (6, 1))) == pytest.approx(
        binom.logpmf(A, N1, mean), rel=1e-12
    )
    near = likelihood.evaluate(np.tile([logit, 1e-5], (6, 1)))
    assert near == pytest.approx(binom.logpmf(A, N1, mean), abs=1e-6)


def test_beta_binomial_without_dispersion_is_logistic_regression() -> None:
    table = pd.DataFrame({"events": [10, 20, 15], "n": [50, 100, 75]})
    fit = sv.beta_binomial(table)
    assert fit.convergence.at_boundary
    assert fit.point.beta[0] == pytest.approx(np.log(45 / 180), abs=1e-9)
    pair = sv.beta_binomial(
        TRIALS, events="events_treatment", n="n_treatment",
        events_comparator="events_comparator", n_comparator="n_comparator",
    )  # fmt: skip
    swapped = sv.beta_binomial(
        TRIALS, events="events_comparator", n="n_comparator",
        events_comparator="events_treatment", n_comparator="n_treatment",
    )  # fmt: skip
    assert pair.point.beta == pytest.approx(-swapped.point.beta, abs=1e-8)


def test_every_reading_of_a_fit_works() -> None:
    for fit in (
        sv.mantel_haenszel(TRIALS), sv.peto(TRIALS), sv.binomial_normal(TRIALS, "CM.EL", "~ dose"),
        sv.binomial_normal(TRIALS, "UM.RS", points=3, inference="t"), sv.beta_binomial(
            TRIALS.rename(columns={"events_treatment": "events", "n_treatment": "n"})
        ),
    ):  # fmt: skip
        assert fit.glance().loc[0, "converged"]
        assert len(fit.augment()) == len(TRIALS)
        assert fit.method in fit.summary().as_text()
        assert fit.summary().as_html()
        assert len(fit.predict()) == (1 if fit.problem.p == 1 else fit.problem.n)
    without = sv.leave_one_out(sv.binomial_normal(TRIALS, "CM.EL", "~ dose")).tidy()
    assert without.term.tolist() == ["Intercept", "dose"] * 6
    predicted = sv.binomial_normal(TRIALS, "CM.EL", "~ dose").predict(pd.DataFrame({"dose": [2.5]}))
    assert predicted.prediction_lower[0] < predicted.lower[0]


def test_zero_variance_points_and_methods_are_named() -> None:
    fit = sv.binomial_normal(TRIALS, "UM.FS")
    assert fit.method == (
        "random effect; binomial-normal model of the odds ratio with fixed study effects, adaptive "
        "Gauss-Hermite with 7 points; normal interval"
    )
    laplace = sv.binomial_normal(TRIALS, "UM.FS", points=1)
    assert "Laplace approximation" in laplace.method


def test_more_points_change_less_and_less() -> None:
    family = Hypergeometric.from_tables(A, N1, C, N2)
    models = [Model(family, np.ones((6, 1)), np.zeros((6, 1)), "none", points=p) for p in (1, 3, 7, 15, 31)]
    steps = np.abs(np.diff([evaluate_at(model, np.array([-0.5]), 2.0) for model in models]))
    assert (np.diff(steps) < 0).all()
    assert steps[-1] < 1e-5


@pytest.mark.parametrize(
    ("column", "row", "value", "said"),
    [
        ("events_treatment", 1, 200, "row 2 has 200 events_treatment among 114 n_treatment"),
        ("events_comparator", 0, -1, "row 1 has events_comparator -1, which is negative"),
        (
            "events_treatment",
            2,
            2.5,
            "row 3 has events_treatment 2.5; a binomial likelihood needs whole numbers",
        ),
        ("n_treatment", 0, 0, "row 1 has n_treatment 0"),
        ("n_comparator", 3, np.inf, "row 4 has n_comparator inf, which is infinite"),
        ("events_treatment", 4, "many", "row 5 has events_treatment many, which is not a number"),
    ],
)
def test_bad_counts_are_named(column: str, row: int, value: float | str, said: str) -> None:
    table = TRIALS.astype({column: object})
    table.loc[row, column] = value
    with pytest.raises(SynthesisError, match=said):
        sv.binomial_normal(table)


def test_studies_without_events_are_said() -> None:
    table = TRIALS.copy()
    table.loc[0, ["events_treatment", "events_comparator"]] = 0
    for fit in (sv.binomial_normal(table, "CM.EL"), sv.mantel_haenszel(table), sv.peto(table)):
        assert fit.problem.n == 5
        assert "1 study was left out" in fit.warnings[0]
        assert "row 1" in fit.warnings[0]
    assert sv.mantel_haenszel(table, "RD").problem.n == 6


def test_missing_counts_are_dropped_and_said() -> None:
    table = TRIALS.astype({"n_treatment": float})
    table.loc[2, "n_treatment"] = np.nan
    fit = sv.binomial_normal(table)
    assert fit.warnings == ("1 of 6 studies was dropped: row 3 (no n_treatment).",)


def test_infinite_effects_are_refused() -> None:
    with pytest.raises(SynthesisError, match="no events under treatment in any study"):
        sv.binomial_normal(TRIALS.assign(events_treatment=0))
    with pytest.raises(SynthesisError, match="zero or infinite"):
        sv.mantel_haenszel(TRIALS.assign(events_treatment=0))
    with pytest.raises(TooFewStudies, match="No study says anything"):
        sv.binomial_normal(TRIALS.assign(events_treatment=0, events_comparator=0))


def test_unknown_models_points_and_inference_are_refused() -> None:
    with pytest.raises(SynthesisError, match=r"wanted one of UM\.FS"):
        sv.binomial_normal(TRIALS, "UM")  # type: ignore[arg-type]
    with pytest.raises(SynthesisError, match="from 1"):
        sv.binomial_normal(TRIALS, points=0)
    with pytest.raises(SynthesisError, match="wanted 'z', or 't'"):
        sv.binomial_normal(TRIALS, inference="knapp-hartung")
    with pytest.raises(SynthesisError, match="no column 'deaths'"):
        sv.mantel_haenszel(TRIALS, events_treatment="deaths")


def test_gaussian_diagnoses_refuse_counts() -> None:
    fit = sv.binomial_normal(TRIALS, "CM.EL")
    for diagnose in (sv.influence, sv.residuals, sv.blup):
        with pytest.raises(SynthesisError, match="counts"):
            diagnose(fit)


def test_a_thousand_studies() -> None:
    rng = np.random.default_rng(20)
    n1, n2 = rng.integers(20, 200, 1000), rng.integers(20, 200, 1000)
    logits = rng.normal(-1.5, 0.5, 1000)
    effect = -0.4 + 0.3 * rng.normal(size=1000)
    table = pd.DataFrame(
        {
            "events_treatment": rng.binomial(n1, expit(logits + effect)), "n_treatment": n1,
            "events_comparator": rng.binomial(n2, expit(logits)), "n_comparator": n2,
        }
    )  # fmt: skip
    fit = sv.binomial_normal(table, "CM.EL")
    assert fit.convergence.converged
    assert fit.point.beta[0] == pytest.approx(-0.4, abs=4 * float(np.sqrt(fit.point.cov[0, 0])))
    assert fit.tau2 == pytest.approx(0.09, abs=0.06)
