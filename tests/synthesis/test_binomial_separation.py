"""Effects that arms without events leave open, against sums over fine grids."""

import numpy as np
import pandas as pd
import pytest

from synovia.synthesis.bayes import HalfNormal, binomial_network
from synovia.synthesis.bayes.binomial_likelihood import Place, evaluate_arms, find_peak, make_arms
from synovia.synthesis.bayes.binomial_rules import make_sparse_rule
from synovia.synthesis.bayes.binomial_separation import find_separated, turn
from synovia.synthesis.bayes.binomial_tables import Tables


def sum_up(drug: int, placebo: int, n: int) -> tuple[float, float]:
    """Mean and standard deviation of the log odds ratio of the second against the first, on a grid."""
    mu = np.linspace(-40, 30, 3501)[:, None]
    d = np.linspace(-80, 80, 8001)
    log = drug * mu + placebo * (mu + d) - n * np.logaddexp(0, mu) - n * np.logaddexp(0, mu + d)
    weight = np.exp(log - log.max() - 0.5 * (mu / 5) ** 2).sum(axis=0) * np.exp(-0.5 * (d / 10) ** 2)
    weight /= weight.sum()
    mean = float(weight @ d)
    return mean, float(np.sqrt(weight @ (d - mean) ** 2))


@pytest.mark.parametrize("reference", ["drug", "placebo"])
def test_no_event_on_one_side(reference: str) -> None:
    """Whichever side is the reference, and with one effect alone, common to all trials."""
    arms = pd.DataFrame({"study": "a", "treatment": ["drug", "placebo"], "events": [0, 5], "n": 20})
    found = binomial_network(arms, reference=reference, tau=None, effect_sd=10.0, baseline_sd=5.0)
    mean, sd = sum_up(*((0, 5) if reference == "drug" else (5, 0)), 20)
    row = found.tidy().iloc[0]
    assert row["mean"] == pytest.approx(mean, abs=0.01 * sd)  # nodes over a skewed baseline
    assert row["std_error"] == pytest.approx(sd, rel=0.01)  # spread evenly within each step of the rule
    assert "where its prior does" in found.warnings[0]


def test_tau_beside_an_open_effect() -> None:
    """A trial that is all of an open effect tells nothing else: the rest is as without it."""
    rest = pd.DataFrame(
        {"study": list("aabb"), "treatment": ["p", "q"] * 2, "events": [10, 5, 12, 9], "n": [40, 40, 50, 50]}
    )
    silent = pd.DataFrame({"study": "c", "treatment": ["p", "r"], "events": [6, 0], "n": [30, 3]})
    both = binomial_network(pd.concat([rest, silent], ignore_index=True), tau=HalfNormal(0.5))
    alone = binomial_network(rest, tau=HalfNormal(0.5))
    for name in ("mean", "std_error", "lower", "upper"):
        ours, theirs = (found.tidy().set_index("term")[name]["q"] for found in (both, alone))
        assert ours == pytest.approx(theirs, abs=0.003)
    assert both.nodes.error < 1e-3


def test_groups_that_move_together() -> None:
    """Two treatments that only a trial without events in their arms joins to the third move as one."""
    given = np.array([0, 1, 1, 2, 0, 2])
    codes = np.array([0, 0, 1, 1, 2, 2])
    events = np.array([4.0, 0.0, 3.0, 5.0, 4.0, 0.0])
    groups = find_separated(make_arms(events, np.full(6, 20.0), given, codes))
    assert [group.members.tolist() for group in groups] == [[0, 1]]
    closed = make_arms(np.array([4.0, 0.0, 3.0, 5.0, 4.0, 1.0]), np.full(6, 20.0), given, codes)
    assert find_separated(closed) == ()


def test_sparse_rules_integrate_what_they_promise() -> None:
    nodes, weights = make_sparse_rule(5, 3)
    moments = [nodes[:, 0] ** 6, nodes[:, 0] ** 4 * nodes[:, 1] ** 2, nodes[:, :3].prod(axis=1) ** 2]
    assert [float(weights @ moment) for moment in moments] == pytest.approx([15, 3, 1], rel=1e-9)


def test_tables_say_what_rules_say() -> None:
    """Logs of the likelihood read from tables, for trials of two and of three arms, with rare events too."""
    codes = np.array([0, 0, 1, 1, 1, 2, 2])
    given = np.array([0, 1, 0, 1, 2, 1, 2])
    events = np.array([3.0, 9.0, 20.0, 0.0, 6.0, 0.0, 4.0])
    arms = make_arms(events, np.array([40.0, 55.0, 300.0, 12.0, 80.0, 25.0, 31.0]), given, codes)
    rng = np.random.default_rng(3)
    effects = rng.normal(0.0, 2.0, (30, 8, 2))
    place = Place(
        np.geomspace(0.02, 3.0, 30), rng.normal(0.0, 3.0, (30, 1)) * arms.design[:, 1], np.zeros((1, 2))
    )
    ours = Tables(arms, 10.0).evaluate(place, effects, 11).reshape(-1)
    long, every = place.repeat(8), effects.reshape(-1, 2)
    peak = find_peak(arms, long, prior=np.eye(2), baseline_sd=10.0, effects=every)
    theirs = evaluate_arms(arms, long, peak, baseline_sd=10.0, points=25)
    assert np.abs(ours - theirs).max() < 0.01  # 11 and 15 nodes over skewed baselines and random effects
    assert np.median(np.abs(ours - theirs)) < 0.002


def test_an_open_reference() -> None:
    """Other comparisons are as from another reference; the open effects, too, but for what their priors say."""
    arms = pd.DataFrame(
        {
            "study": list("aabbccdd"),
            "treatment": ["p", "q", "p", "q", "q", "s", "p", "r"],
            "events": [10, 5, 12, 9, 8, 4, 6, 0],
            "n": [40, 40, 50, 50, 45, 45, 30, 25],
        }
    )
    open_one, closed = (binomial_network(arms, reference=name, tau=HalfNormal(0.5)) for name in "rp")
    for pair in ("qp", "sp", "sq"):
        ours, theirs = (found.compare(*pair).iloc[0] for found in (open_one, closed))
        for name in ("mean", "std_error"):
            assert ours[name] == pytest.approx(theirs[name], abs=0.005)  # the wide prior's part
    assert all("how far r lies" in found.warnings[0] for found in (open_one, closed))
    # three effects and the baseline that is r itself end the shift, where one effect did
    wide = closed.compare("r", "p")["std_error"][0]
    assert open_one.compare("p", "r")["std_error"][0] == pytest.approx(
        wide / 2, rel=0.02
    )  # the shift begins a few units from 0


def test_an_open_reference_with_priors_that_matter() -> None:
    """The priors are those against the asked reference, whatever the network is seen from."""
    arms = pd.DataFrame(
        {"study": list("aabb"), "treatment": list("pqpr"), "events": [10, 5, 6, 0], "n": [40, 40, 30, 25]}
    )
    found = binomial_network(arms, reference="r", tau=None, effect_sd=2.0, baseline_sd=5.0)
    d, mu = np.linspace(-8, 12, 401), np.linspace(-15, 8, 461)
    first = (
        10 * (mu[:, None])
        - 40 * np.logaddexp(0, mu[:, None])
        + 5 * (mu[:, None] + d)
        - 40 * np.logaddexp(0, mu[:, None] + d)
        - 0.5 * (mu[:, None] / 5) ** 2
    )
    # trial a compares q with p, whose baseline is p's; trial b p with r, whose baseline is r's
    second = (
        6 * (mu[:, None] + d)
        - 30 * np.logaddexp(0, mu[:, None] + d)
        - 25 * np.logaddexp(0, mu[:, None])
        - 0.5 * (mu[:, None] / 5) ** 2
    )
    a, b = (np.exp(log - log.max()).sum(axis=0) for log in (first, second))
    prior = np.exp(-0.5 * (d / 2) ** 2)
    p, q = d[:, None], d[None, :]
    weight = (b * prior)[:, None] * prior[None, :] * np.interp(q - p, d, a, left=0, right=0)
    weight /= weight.sum()
    table = found.tidy().set_index("term")
    for name, value in (("p", p), ("q", q)):
        mean = float((weight * value).sum())
        sd = float((weight * (value - mean) ** 2).sum()) ** 0.5
        row = table.loc[name]
        assert row["mean"] == pytest.approx(mean, abs=0.01 * sd)  # the spread within steps of the rule
        assert row["std_error"] == pytest.approx(sd, rel=0.01)


def test_turning_keeps_the_likelihood() -> None:
    """The same log odds whatever treatment a network is seen from."""
    given, codes = np.array([0, 1, 1, 2, 0, 2]), np.array([0, 0, 1, 1, 2, 2])
    arms = make_arms(np.array([0.0, 4.0, 3.0, 5.0, 0.0, 6.0]), np.full(6, 20.0), given, codes)
    turned = turn(arms)
    seen = np.array([0.3, -0.8])
    assert turned.order[0] != 0
    assert turned.arms.design @ seen == pytest.approx(arms.design @ (turned.matrix @ seen))


def test_rules_that_are_coarse_say_so() -> None:
    """Two open effects: one has an axis of its own, the other is beyond what rules around a mean can do."""
    arms = pd.DataFrame(
        {
            "study": list("aabbcc"),
            "treatment": ["p", "q", "p", "r", "p", "s"],
            "events": [5, 0, 6, 0, 4, 7],
            "n": [20, 20, 25, 25, 30, 30],
        }
    )
    found = binomial_network(arms, tau=HalfNormal(0.5))
    assert found.nodes.error > 0.01
    assert "may be off by" in found.warnings[-1]
