"""Networks of odds ratios from events: Mantel-Haenszel, and given the totals."""

from itertools import product
from math import comb

import numpy as np
import pandas as pd
import pytest

from network_trials import make_arms
from synovia.errors import SynthesisError, TooFewStudies
from synovia.kernel.solution import Solution
from synovia.synthesis import binomial_normal, mantel_haenszel
from synovia.synthesis.network import hypergeometric_network, mantel_haenszel_network
from synovia.synthesis.network.by_design import Stratum, pool_design
from synovia.synthesis.network.count_arms import Trial
from synovia.synthesis.network.count_network import CountNetwork
from synovia.synthesis.network.direct import direct_evidence
from synovia.synthesis.network.hypergeometric import condition, condition_rare

TABLES = [(4, 123, 11, 139), (6, 306, 29, 303), (0, 231, 11, 220), (3, 40, 0, 55)]
BOTH = (mantel_haenszel_network, hypergeometric_network)


def make_pairs(tables: list[tuple[int, int, int, int]] = TABLES) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same trials by arm (B against A) and by study."""
    names = ["events_treatment", "n_treatment", "events_comparator", "n_comparator"]
    rows = [
        (f"s{i}", name, events, n)
        for i, (a, n1, c, n2) in enumerate(tables)
        for name, events, n in (("B", a, n1), ("A", c, n2))
    ]
    return pd.DataFrame(rows, columns=["study", "treatment", "events", "n"]), pd.DataFrame(
        tables, columns=names
    )


def make_network(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["study", "treatment", "events", "n"])


def test_two_treatments_are_mantel_haenszel() -> None:
    arms, tables = make_pairs()
    net, fit = mantel_haenszel_network(arms), mantel_haenszel(tables)
    assert net.estimates[1] == pytest.approx(fit.point.beta[0], rel=1e-14)
    assert net.fit.point.cov[0, 0] == pytest.approx(fit.point.cov[0, 0], rel=1e-14)
    assert net.fit.heterogeneity.q == pytest.approx(fit.heterogeneity.q, rel=1e-12)
    assert net.fit.point.log_ml == pytest.approx(fit.point.log_ml, rel=1e-12)
    assert net.fit.point.log_reml == pytest.approx(fit.point.log_reml, rel=1e-12)


@pytest.mark.parametrize(("likelihood", "model"), [("exact", "CM.EL"), ("approximate", "CM.AL")])
def test_two_treatments_are_the_conditional_model(likelihood: str, model: str) -> None:
    arms, tables = make_pairs()
    net = hypergeometric_network(arms, likelihood=likelihood)  # type: ignore[arg-type]
    fit = binomial_normal(tables, model, random=False)  # type: ignore[arg-type]
    # two searches for a maximum, both to rounding
    assert net.estimates[1] == pytest.approx(fit.point.beta[0], rel=1e-10)
    assert net.fit.point.cov[0, 0] == pytest.approx(fit.point.cov[0, 0], rel=1e-9)


def enumerate_tables(
    events: list[int], n: list[int], effects: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """All tables with the observed total."""
    tables = [x for x in product(*(range(size + 1) for size in n)) if sum(x) == sum(events)]
    ways = np.array(
        [np.prod([comb(size, k) for size, k in zip(n, x, strict=True)]) for x in tables], dtype=float
    )
    shares = ways * np.exp(np.array(tables) @ effects)
    own = shares[tables.index(tuple(events))]
    shares, own = shares / shares.sum(), own / shares.sum()
    mean = shares @ np.array(tables)
    gaps = np.array(tables) - mean
    return float(np.log(own)), mean, (gaps * shares[:, None]).T @ gaps


@pytest.mark.parametrize(
    ("events", "n"),
    [
        ([2, 1], [4, 5]),
        ([0, 3], [6, 3]),
        ([1, 0, 2], [3, 4, 5]),
        ([4, 4, 0], [4, 5, 2]),
        ([1, 2, 0, 3], [4, 3, 2, 5]),
    ],
)
def test_likelihood_is_that_of_all_tables(events: list[int], n: list[int]) -> None:
    effects = np.array([0.0, 1.3, -2.1, 0.4])[: len(n)]
    trial = Trial(np.arange(len(n)), np.array(events, dtype=float), np.array(n, dtype=float))
    found, (log_lik, mean, cov) = condition(trial, effects), enumerate_tables(events, n, effects)
    assert found.log_lik == pytest.approx(log_lik, abs=1e-12)
    assert found.mean == pytest.approx(mean, abs=1e-12)
    assert found.cov == pytest.approx(cov, abs=1e-12)


def test_likelihood_does_not_underflow() -> None:
    trial = Trial(np.arange(3), np.array([900.0, 20.0, 3.0]), np.array([4000.0, 5000.0, 300.0]))
    found = condition(trial, np.array([0.0, -30.0, 12.0]))
    assert np.isfinite(found.log_lik)
    assert found.mean.sum() == pytest.approx(923, rel=1e-12)


def test_approximation_holds_when_events_are_rare() -> None:
    trial = Trial(np.arange(3), np.array([2.0, 5.0, 1.0]), np.array([1.0, 2.0, 1.5]) * 1e6)
    exact, rare = (how(trial, np.array([0.0, 0.5, -0.2])) for how in (condition, condition_rare))
    # the approximation is of the order of events over participants
    assert exact.log_lik == pytest.approx(rare.log_lik, abs=1e-4)
    assert exact.cov == pytest.approx(rare.cov, abs=1e-4)


def test_score_is_zero_at_the_maximum_of_all_tables() -> None:
    arms = make_network(
        ("s1", "A", 1, 5), ("s1", "B", 3, 6), ("s1", "C", 0, 4), ("s2", "B", 2, 5), ("s2", "C", 4, 7), ("s3", "A", 0, 3),
        ("s3", "C", 2, 4),
    )  # fmt: skip
    net = hypergeometric_network(arms)

    def log_lik(beta: np.ndarray) -> float:
        d = dict(zip("ABC", [0.0, *beta], strict=True))
        return sum(
            enumerate_tables(own.events.tolist(), own.n.tolist(), np.array([d[t] for t in own.treatment]))[0]
            for _, own in arms.groupby("study")
        )

    best, h = net.estimates[1:], 1e-4
    assert net.fit.point.log_ml == pytest.approx(log_lik(best), abs=1e-12)
    steps = np.eye(2) * h
    slope = [(log_lik(best + s) - log_lik(best - s)) / (2 * h) for s in steps]
    curve = [
        [
            (log_lik(best + s + t) - log_lik(best + s - t) - log_lik(best - s + t) + log_lik(best - s - t))
            / (4 * h * h)
            for s in steps
        ]
        for t in steps
    ]
    # central differences of step 1e-4
    assert slope == pytest.approx([0, 0], abs=1e-7)
    assert -np.linalg.inv(curve) == pytest.approx(net.fit.point.cov, rel=1e-5)


def test_one_trial_of_a_design_has_its_own_odds_ratios() -> None:
    events, n = np.array([[4.0, 3.0, 2.0, 7.0]]), np.array([[374.0, 372.0, 358.0, 361.0]])
    y, V = pool_design(Stratum(events, n))
    logit, v = np.log(events / (n - events))[0], (1 / events + 1 / (n - events))[0]
    assert y == pytest.approx(logit[1:] - logit[0], rel=1e-13)
    assert pytest.approx(np.diag(v[1:]) + v[0], rel=1e-13) == V


def test_pooled_design_does_not_depend_on_the_order_of_arms() -> None:
    rng = np.random.default_rng(4)
    n = rng.integers(10, 30, (6, 3)).astype(float)
    events = np.floor(n * rng.uniform(0.1, 0.5, (6, 3)))
    y, V = pool_design(Stratum(events, n))
    turned, W = pool_design(Stratum(events[:, [1, 0, 2]], n[:, [1, 0, 2]]))
    T = np.array([[-1.0, 0.0], [-1.0, 1.0]])
    assert turned == pytest.approx(T @ y, rel=1e-12)
    assert pytest.approx(T @ V @ T.T, rel=1e-12) == W


def test_covariance_of_many_sparse_trials() -> None:
    rng = np.random.default_rng(12)
    n, p = np.array([3.0, 4.0, 2.0]), np.array([0.2, 0.35, 0.5])
    strata = [
        Stratum(rng.binomial(n.astype(int), p, (150, 3)).astype(float), np.tile(n, (150, 1)))
        for _ in range(3000)
    ]
    found = [pool_design(stratum) for stratum in strata]
    seen = np.cov(np.array([y for y, _ in found]).T)
    said = np.mean([V for _, V in found], axis=0)
    # a variance of 3000 draws has a relative error of 0.026; log odds ratios are skewed by a little more
    assert seen == pytest.approx(said, rel=0.11)


@pytest.mark.parametrize("fit", BOTH)
def test_reference_changes_nothing_else(fit: type) -> None:
    arms = make_arms()
    one, other = fit(arms), fit(arms, reference="C")
    columns = ["estimate", "std_error"]
    a, b = one.compare("D", "B")[columns], other.compare("D", "B")[columns]
    assert a.to_numpy() == pytest.approx(b.to_numpy(), rel=1e-9)


@pytest.mark.parametrize("fit", BOTH)
def test_trials_without_events_say_nothing(fit: type) -> None:
    arms = make_arms()
    more = pd.concat([arms, make_network(("none", "A", 0, 50), ("none", "C", 0, 50))])
    net = fit(more)
    assert net.estimates == pytest.approx(fit(arms).estimates, rel=1e-12)
    assert net.warnings == (
        "none was dropped: it has fewer than two usable arms, or nobody or everybody had the event.",
    )


def test_design_without_events_in_an_arm() -> None:
    arms = make_arms(trials=(("s1", "AB"), ("s2", "AC"), ("s3", "ABC")))
    more = pd.concat([arms, make_network(("odd", "B", 0, 30), ("odd", "C", 6, 30))])
    net = mantel_haenszel_network(more)
    assert net.estimates == pytest.approx(mantel_haenszel_network(arms).estimates, rel=1e-12)
    assert net.warnings == (
        "All of the trials of B:C were left out: a pair of their arms has no finite Mantel-Haenszel odds ratio.",
    )
    assert hypergeometric_network(more).estimates[2] > hypergeometric_network(arms).estimates[2]


def test_arm_without_events_leaves_the_others() -> None:
    arms = make_arms(trials=(("s1", "AB"), ("s2", "AC"), ("s4", "AD")))
    more = make_network(("odd", "B", 4, 30), ("odd", "C", 6, 30), ("odd", "D", 0, 30))
    net = mantel_haenszel_network(pd.concat([arms, more]))
    assert net.estimates == pytest.approx(
        mantel_haenszel_network(pd.concat([arms, more.iloc[:2]])).estimates, rel=1e-12
    )
    assert net.warnings == (
        "Arm D of the trials of B:C:D was left out: it has no events, or nothing but events.",
    )


def test_designs_compare_direct_and_indirect_evidence() -> None:
    net = mantel_haenszel_network(make_arms())
    assert isinstance(net.fit.point, Solution)
    test = net.fit.point.tests[0]
    parts = net.decompose().tidy().set_index("part")
    assert parts.loc["between designs", "q"] == pytest.approx(test.statistic, rel=1e-10)
    assert net.by_design is not None
    assert net.by_design.estimates == pytest.approx(net.estimates, rel=1e-14)
    assert len(net.split().tidy()) == len(net.by_design.split().tidy())
    assert net.league().above == "direct evidence"
    assert len(net.loops().tidy()) > 0
    assert net.glance()["trials"].iloc[0] == 10


def test_likelihood_has_no_direct_estimates() -> None:
    net: CountNetwork = hypergeometric_network(make_arms())
    for ask in (net.decompose, net.split, net.loops, net.contributions, net.net_heat):
        with pytest.raises(SynthesisError, match="no direct estimates to compare"):
            ask()
    with pytest.raises(SynthesisError, match="does not weight trials"):
        direct_evidence(net)
    assert net.league().above == "nothing"
    assert net.rank(better="higher").scores.shape == (4,)


def test_script_for_r_holds_the_events() -> None:
    script = mantel_haenszel_network(make_arms(), reference="B").to_r()
    assert 'method="MH", reference.group="B"' in script
    assert 'treatment = c("A", "B",' in script


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("s1", "A", 0, 9), ("s1", "B", 3, 9)], "odds ratio of B against"),
        (
            [("s1", "A", 9, 9), ("s1", "B", 3, 9), ("s2", "A", 2, 2), ("s2", "B", 3, 9)],
            "odds ratio of B against",
        ),
        ([("s1", "A", 1.5, 9), ("s1", "B", 3, 9)], "s1, arm A has events 1.5; wanted a whole number"),
        ([("s1", "A", 10, 9), ("s1", "B", 3, 9)], "s1, arm A has 10 events in 9 participants"),
        ([("s1", "A", 1, 9), ("s1", "A", 3, 9)], "wanted two different treatments"),
        ([("s1", "A", 1, 9), ("s1", "B", 3, 9), ("s2", "C", 1, 9), ("s2", "D", 3, 9)], "falls into 2 parts"),
    ],
)
def test_what_cannot_be_compared(rows: list[tuple[str, str, float, int]], message: str) -> None:
    arms = pd.DataFrame(rows, columns=["study", "treatment", "events", "n"])
    with pytest.raises(SynthesisError, match=message):
        hypergeometric_network(arms)


def test_infinite_only_for_the_approximation() -> None:
    arms = make_network(("s1", "A", 9, 9), ("s1", "B", 3, 9))
    assert np.isfinite(hypergeometric_network(arms, likelihood="approximate").estimates).all()


def test_what_was_left_out_is_why_the_network_falls_apart() -> None:
    arms = make_arms(trials=(("s1", "AB"), ("s2", "AB"), ("s3", "CD")))
    joining = make_network(("odd", "B", 0, 30), ("odd", "C", 6, 30))
    with pytest.raises(SynthesisError, match=r"falls into 2 parts.*All of the trials of B:C were left out"):
        mantel_haenszel_network(pd.concat([arms, joining]))


def test_network_of_events_is_drawn() -> None:
    net = hypergeometric_network(make_arms())
    frames = net.frames()
    assert frames["edges"]["k"].sum() == sum(len(arms) * (len(arms) - 1) // 2 for arms in net.design.arms)
    assert frames["nodes"]["n"].sum() == make_arms()["n"].sum()


def test_nothing_finite_is_left() -> None:
    with pytest.raises(TooFewStudies, match="No comparison has a finite odds ratio"):
        mantel_haenszel_network(make_network(("s1", "A", 0, 9), ("s1", "B", 3, 9)))


def test_unknown_likelihood() -> None:
    with pytest.raises(SynthesisError, match="wanted 'exact' or 'approximate'"):
        hypergeometric_network(make_arms(), likelihood="other")  # type: ignore[arg-type]
