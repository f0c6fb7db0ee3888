"""Incoherence and contributions of networks: brute force, identities, simulation."""

from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, Problem, find_omega, point
from synovia.synthesis.network import Network, NetworkDesign, network
from synovia.synthesis.network.contrasts import Contrasts, assemble
from synovia.synthesis.network.contribution import find_contributions
from synovia.synthesis.network.design import make_network_design
from synovia.synthesis.network.evidence import gather
from synovia.synthesis.network.incoherence import decompose
from synovia.synthesis.network.interaction import (
    Interaction,
    RandomInteraction,
    find_interaction,
    find_random_interaction,
)
from synovia.synthesis.network.loops import find_loops
from synovia.synthesis.network.multi_arm import StudyBlock
from synovia.synthesis.network.net_heat import find_net_heat
from synovia.synthesis.network.split import split_evidence
from synovia.synthesis.network.streams import find_streams

Floats = NDArray[np.float64]

CLOSE = 1e-8  # two routes of linear algebra over at most a hundred numbers
TREATMENTS = ("A", "B", "C", "D", "E", "F")
ARMS = (
    ("A", "B"), ("A", "B"), ("A", "C"), ("B", "C"), ("A", "B", "C"), ("A", "C", "D"), ("C", "D"), ("B", "D"), ("D", "E"),
    ("A", "B", "C", "D"), ("E", "F"), ("B", "D"),
)  # fmt: skip


def make_design(
    rng: np.random.Generator, arms: tuple[tuple[str, ...], ...] = ARMS, tau2: float = 0.0
) -> NetworkDesign:
    truth = dict(zip(TREATMENTS, np.linspace(0, 1, len(TREATMENTS)), strict=True))
    blocks = []
    for number, names in enumerate(arms):
        m = len(names)
        variances = rng.uniform(0.02, 0.2, m)
        V = np.diag(variances[1:]) + variances[0]
        mean = np.array([truth[name] - truth[names[0]] for name in names[1:]])
        y = rng.multivariate_normal(mean, V + tau2 * (np.eye(m - 1) + 1) / 2)
        blocks.append(StudyBlock(f"trial {number}", names, y, V, (0,) * (m - 1)))
    return make_network_design(assemble(blocks, pd.DataFrame({"none": [0]}), ()))


def dense(design: NetworkDesign, tau2: float) -> tuple[Floats, Floats, Floats]:
    problem = design.problem
    omega = find_omega(problem, np.array([tau2]), np.arange(problem.n))
    return problem.y, problem.X, omega


def fit(y: Floats, X: Floats, omega: Floats) -> tuple[Floats, Floats, float]:
    inverse = np.asarray(np.linalg.inv(omega), dtype=np.float64)
    cov = np.asarray(np.linalg.inv(X.T @ inverse @ X), dtype=np.float64)
    beta = cov @ X.T @ inverse @ y
    return beta, cov, float((y - X @ beta) @ inverse @ (y - X @ beta))


def has(design: NetworkDesign, trial: int, pair: tuple[str, str]) -> bool:
    names = {design.treatments[arm] for arm in design.arms[trial]}
    return set(pair) <= names


def contrast_rows(design: NetworkDesign, trial: int, pair: tuple[str, str]) -> Floats:
    """(n,) what makes first minus second of a trial from its comparisons."""
    row = np.zeros(design.problem.n)
    for place, (arm, baseline) in enumerate(zip(design.arm, design.baseline, strict=True)):
        if design.study[place] == trial:
            for name, sign in zip(pair, (1.0, -1.0), strict=True):
                if design.treatments[arm] == name and design.treatments[baseline] != name:
                    row[place] += sign
    return row


@pytest.mark.parametrize("tau2", [0.0, 0.3])
def test_network_estimates_are_those_of_the_kernel(tau2: float) -> None:
    design = make_design(np.random.default_rng(1))
    evidence = gather(design.contrasts, tau2)
    at = point(design.problem, [tau2])
    assert evidence.effects[1:] == pytest.approx(at.beta, rel=CLOSE)
    assert evidence.cov[1:, 1:] == pytest.approx(at.cov, rel=CLOSE)


@pytest.mark.parametrize("tau2", [0.0, 0.3])
def test_one_pass_is_refitting_with_a_column_for_the_direct_evidence(tau2: float) -> None:
    design = make_design(np.random.default_rng(2))
    y, X, omega = dense(design, tau2)
    table = split_evidence(design, tau2).tidy()
    mixed = table.loc[table["evidence"] == "mixed"]
    assert len(mixed) == 6
    for row in mixed.to_dict("records"):
        pair = (str(row["treatment_1"]), str(row["treatment_2"]))
        column = np.zeros(y.size)
        for trial in range(len(design.studies)):
            if has(design, trial, pair):
                a = contrast_rows(design, trial, pair)
                column += omega @ a / (a @ omega @ a)
        beta, cov, _ = fit(y, np.column_stack([X, column]), omega)
        assert row["difference"] == pytest.approx(beta[-1], rel=CLOSE)
        assert row["difference_std_error"] == pytest.approx(np.sqrt(cov[-1, -1]), rel=CLOSE)
        indirect = design.contrast(*pair)
        assert row["indirect"] == pytest.approx(indirect @ beta[:-1], rel=CLOSE)
        assert row["indirect_std_error"] == pytest.approx(
            np.sqrt(indirect @ cov[:-1, :-1] @ indirect), rel=CLOSE
        )


@pytest.mark.parametrize("tau2", [0.0, 0.3])
def test_separation_is_refitting_without_the_trials(tau2: float) -> None:
    design = make_design(np.random.default_rng(3))
    y, X, omega = dense(design, tau2)
    table = split_evidence(design, tau2, method="separation").tidy()
    for row in table.to_dict("records"):
        pair = (str(row["treatment_1"]), str(row["treatment_2"]))
        trials = [t for t in range(len(design.studies)) if has(design, t, pair)]
        rest = ~np.isin(design.study, trials)
        inverse = np.linalg.inv(omega[np.ix_(rest, rest)])
        M, x = X[rest].T @ inverse @ X[rest], design.contrast(*pair)
        back = np.linalg.pinv(M, rcond=1e-10, hermitian=True)
        if not np.allclose(M @ back @ x, x):
            assert row["evidence"] == "direct only"
            continue
        assert row["indirect"] == pytest.approx(x @ back @ X[rest].T @ inverse @ y[rest], rel=1e-7)
        assert row["indirect_std_error"] == pytest.approx(np.sqrt(x @ back @ x), rel=1e-7)
    assert set(table["evidence"]) == {"mixed", "direct only", "indirect only"}


def test_both_ways_are_one_where_all_trials_have_two_arms() -> None:
    design = make_design(np.random.default_rng(4), tuple(arms for arms in ARMS if len(arms) == 2))
    one, other = (
        split_evidence(design, 0.1, method=way).tidy() for way in ("back-calculation", "separation")
    )
    pd.testing.assert_frame_equal(one.drop(columns="method"), other.drop(columns="method"))


def test_network_is_the_weighted_mean_of_direct_and_indirect() -> None:
    design = make_design(np.random.default_rng(5))
    table = split_evidence(design, 0.2).tidy()
    mixed = table.loc[table["evidence"] == "mixed"]
    share = mixed["direct_share"]
    mean = share * mixed["direct"] + (1 - share) * mixed["indirect"]
    assert mean.to_numpy() == pytest.approx(mixed["network"].to_numpy(), rel=CLOSE)


def brute_decomposition(design: NetworkDesign, free: set[str], tau2: float = 0.0) -> tuple[float, int]:
    """Q and coefficients of a network in which some designs have effects of their own."""
    y, X, omega = dense(design, tau2)
    parts = [X]
    for name in sorted(free):
        rows = np.array([design.designs[trial] == name for trial in design.study])
        parts.append(X * rows[:, None])
    wide = np.column_stack(parts)
    half = np.linalg.inv(np.linalg.cholesky(omega))
    fitted = np.linalg.lstsq(half @ wide, half @ y, rcond=1e-10)
    return float(((half @ y - half @ wide @ fitted[0]) ** 2).sum()), int(fitted[2])


def test_decomposition_is_refitting_with_designs_set_free() -> None:
    design = make_design(np.random.default_rng(6), tau2=0.2)
    found = decompose(design)
    together, rank = brute_decomposition(design, set())
    apart, most = brute_decomposition(design, set(design.designs))
    n = design.problem.n
    assert found.total == pytest.approx((together, n - rank), rel=CLOSE)
    assert found.within == pytest.approx((apart, n - most), rel=CLOSE)
    assert found.between == pytest.approx((together - apart, most - rank), rel=CLOSE)
    for row in found.designs.to_dict("records"):
        q, detached = brute_decomposition(design, {str(row["design"])})
        if detached == rank:
            assert np.isnan(row["q_detached"])
            continue
        assert row["df_detached"] == most - detached
        assert row["q_detached"] == pytest.approx(q - apart, rel=CLOSE, abs=1e-9)


def test_interaction_is_the_fall_of_q_at_one_tau2() -> None:
    design = make_design(np.random.default_rng(7), ARMS + ARMS, tau2=0.5)
    found = find_interaction(design, "REML")
    assert isinstance(found, Interaction)
    assert found.tau2 > 0
    together, rank = brute_decomposition(design, set(), found.tau2)
    apart, most = brute_decomposition(design, set(design.designs), found.tau2)
    assert (found.q, found.df) == pytest.approx((together - apart, most - rank), rel=1e-7)


def test_random_interaction_is_the_likelihood_of_its_own_covariance() -> None:
    design = make_design(np.random.default_rng(8), ARMS + ARMS, tau2=0.05)
    shifted = {name: 0.8 * number for number, name in enumerate(sorted(set(design.designs)))}
    y = design.problem.y + np.array([shifted[design.designs[trial]] for trial in design.study])
    moved = Contrasts(**{name: getattr(design.contrasts, name) for name in Contrasts.__slots__} | {"y": y})
    incoherent = make_network_design(moved)
    found = find_random_interaction(incoherent)
    assert isinstance(found, RandomInteraction)
    assert found.omega2 > 0.1
    assert found.p_value < 0.01
    problem = incoherent.problem
    omega = find_omega(problem, np.array([found.tau2]), np.arange(problem.n))
    names = np.array(incoherent.designs)[incoherent.study]
    same = names[:, None] == names[None, :]
    B = incoherent.contrasts.incidence
    beta, cov, _ = fit(y, problem.X, omega + same * (found.omega2 * B @ B.T / 2))
    assert found.effects["estimate"].to_numpy() == pytest.approx(beta, rel=CLOSE)
    assert found.effects["std_error"].to_numpy() == pytest.approx(np.sqrt(np.diag(cov)), rel=CLOSE)


def test_heat_adds_up_to_what_detaching_takes() -> None:
    design = make_design(np.random.default_rng(9), tau2=0.2)
    found, heat = decompose(design), find_net_heat(design)
    detached = found.designs.set_index("design").loc[list(heat.designs), "q_detached"]
    assert heat.heat.sum(axis=0) == pytest.approx(found.between[0] - detached.to_numpy(), rel=CLOSE)
    assert np.diag(heat.heat).sum() == pytest.approx(found.between[0], rel=CLOSE)
    assert heat.influence.max() <= 1 + CLOSE


def test_a_loop_of_two_arm_trials_is_the_test_of_bucher() -> None:
    design = make_design(np.random.default_rng(10), (("A", "B"), ("A", "B"), ("B", "C"), ("A", "C")))
    loop, split = find_loops(design).tidy().iloc[0], split_evidence(design).tidy().iloc[0]
    assert abs(loop["difference"]) == pytest.approx(abs(split["difference"]), rel=CLOSE)
    assert loop["std_error"] == pytest.approx(split["difference_std_error"], rel=CLOSE)
    assert loop["p_value"] == pytest.approx(decompose(design).tidy().iloc[2]["p_value"], rel=CLOSE)


def test_a_loop_has_the_covariance_of_trials_with_several_arms() -> None:
    design = make_design(np.random.default_rng(11))
    y, _, omega = dense(design, 0.1)
    table = find_loops(design, 0.1).tidy()
    assert len(table) > 3
    for row in table.to_dict("records"):
        names = str(row["loop"]).split(" → ")
        weights = np.zeros(y.size)
        for pair in pairwise(names):
            rows = [
                contrast_rows(design, t, pair) for t in range(len(design.studies)) if has(design, t, pair)
            ]
            own = np.array([1 / (a @ omega @ a) for a in rows])
            weights += own @ np.array(rows) / own.sum()
        assert row["difference"] == pytest.approx(weights @ y, rel=CLOSE)
        assert row["std_error"] == pytest.approx(np.sqrt(weights @ omega @ weights), rel=CLOSE)


STAR = (("A", "B"), ("A", "B"), ("A", "C"), ("A", "D"), ("A", "D"))


@pytest.mark.parametrize("arms", [STAR, (("A", "B", "C"),), (("A", "B", "C"), ("A", "B", "C"))])
def test_a_network_without_loops_of_different_trials_says_so(arms: tuple[tuple[str, ...], ...]) -> None:
    design = make_design(np.random.default_rng(12), arms)
    for found in (split_evidence(design, method="separation"), decompose(design), find_loops(design)):
        assert isinstance(found.inapplicable, Inapplicable)
        assert "cannot be tested" in found.inapplicable.reason
    assert isinstance(find_net_heat(design).inapplicable, Inapplicable)
    assert isinstance(decompose(design).interaction, Inapplicable)
    assert isinstance(find_random_interaction(design), Inapplicable)
    between = decompose(design).tidy().iloc[2]
    assert np.isnan(between["q"])
    assert np.isnan(between["p_value"])
    assert "does not mean that it is absent" in between["inapplicable"]


def test_one_trial_a_design_cannot_tell_incoherence_from_heterogeneity() -> None:
    design = make_design(np.random.default_rng(13), (("A", "B"), ("B", "C"), ("A", "C")))
    for found in (find_interaction(design), find_random_interaction(design)):
        assert isinstance(found, Inapplicable)
        assert "heterogeneity cannot be told from incoherence" in found.reason


def walk_all(flow: Floats, here: int, sink: int) -> list[tuple[tuple[int, ...], float]]:
    """Every path with its probability, by walking all of them."""
    if here == sink:
        return [((sink,), 1.0)]
    out = []
    for there in np.flatnonzero(flow[here] > 1e-12).tolist():
        chance = flow[here, there] / flow[here].sum()
        out += [((here, *rest), chance * p) for rest, p in walk_all(flow, there, sink)]
    return out


def test_random_walks_sum_over_all_paths() -> None:
    design = make_design(np.random.default_rng(14))
    found = find_contributions(design, 0.1, method="random walk")
    names = list(found.evidence.treatments)
    for number, (first, second) in enumerate(combinations(range(len(names)), 2)):
        flow = np.zeros((len(names), len(names)))
        for (i, j), f in zip(found.edges.tolist(), found.hat[number].tolist(), strict=True):
            flow[(i, j) if f > 0 else (j, i)] = abs(f)
        expected = dict.fromkeys(map(tuple, found.edges.tolist()), 0.0)
        for path, chance in walk_all(flow, first, second):
            for step in pairwise(path):
                expected[tuple(sorted(step))] += chance / (len(path) - 1)
        assert found.shares[number] == pytest.approx(list(expected.values()), abs=1e-10)


@pytest.mark.parametrize("method", ["shortest path", "random walk"])
def test_contributions_sum_to_all_evidence(method: str) -> None:
    design = make_design(np.random.default_rng(15))
    found = find_contributions(design, 0.1, method=method)  # type: ignore[arg-type]
    assert found.shares.min() >= 0
    assert found.matrix().sum(axis=1).to_numpy() == pytest.approx(100.0)
    assert found.trials(design.studies).sum(axis=1).to_numpy() == pytest.approx(100.0)
    assert len(found.cinema()) == len(found.matrix())
    assert list(found.cinema()["evidence"]).count("mixed") == len(found.direct)


def test_flow_is_conserved_and_streams_add_up() -> None:
    design = make_design(np.random.default_rng(16))
    found = find_contributions(design, 0.1)
    streams = found.streams("B", "E")
    assert streams["flow"].sum() == pytest.approx(1.0)
    assert (np.diff(streams["comparisons"]) >= 0).all()
    flows = found.flow("B", "E").tidy()
    for name in found.evidence.treatments:
        net = (
            flows.loc[flows["source"] == name, "flow"].sum()
            - flows.loc[flows["target"] == name, "flow"].sum()
        )
        assert net == pytest.approx({"B": 1.0, "E": -1.0}.get(name, 0.0), abs=1e-10)
    assert flows["contribution"].sum() == pytest.approx(100.0)


def test_shortest_streams_go_first() -> None:
    flow = np.zeros((4, 4))
    flow[0, 1] = flow[1, 2] = flow[2, 3] = 0.3
    flow[0, 3] = 0.7
    assert find_streams(flow, 0, 3) == [((0, 3), 0.7), ((0, 1, 2, 3), 0.3)]


def test_unknown_names_are_told() -> None:
    design = make_design(np.random.default_rng(17))
    with pytest.raises(SynthesisError, match="the network has A, B, C, D, E, F"):
        find_contributions(design).streams("A", "Z")
    with pytest.raises(SynthesisError, match="two different treatments"):
        find_contributions(design).streams("A", "A")
    with pytest.raises(SynthesisError, match="back-calculation, separation"):
        split_evidence(design, method="guess")  # type: ignore[arg-type]
    with pytest.raises(SynthesisError, match="shortest path, random walk"):
        find_contributions(design, method="guess")  # type: ignore[arg-type]
    with pytest.raises(SynthesisError, match="no estimator 'guess'"):
        decompose(design, "guess")


def test_a_network_asks_for_itself() -> None:
    trials = pd.DataFrame(
        {
            "study": ["s1", "s2", "s3", "s4"],
            "treatment_1": ["B", "C", "C", "B"],
            "treatment_2": ["A", "A", "B", "A"],
            "estimate": [1.0, 2.0, 1.5, 1.8],
            "std_error": [0.2, 0.2, 0.2, 0.2],
        }
    )
    net: Network = network(trials)
    assert isinstance(net.tau2, float)
    assert net.tau2 > 0
    same = split_evidence(net.design, net.tau2).tidy()
    pd.testing.assert_frame_equal(net.split().tidy(), same)
    assert net.contributions().evidence.tau2 == net.tau2
    assert len(net.loops().tidy()) == 1
    assert net.decompose().between[1] == 1
    assert len(net.net_heat().designs) == 3


def test_coherent_networks_give_uniform_p_values() -> None:
    rng = np.random.default_rng(18)
    designs = [make_design(rng) for _ in range(300)]
    between = [decompose(design).tidy().loc[2, "p_value"] for design in designs]
    nodes = [split_evidence(design).tidy().loc[0, "p_value"] for design in designs]
    # the 0.1 % point of Kolmogorov and Smirnov; the seed is fixed
    assert kstest(np.array(between), "uniform").pvalue > 0.001
    assert kstest(np.array(nodes), "uniform").pvalue > 0.001


def test_the_reference_changes_nothing() -> None:
    design = make_design(np.random.default_rng(19))
    other = make_network_design(design.contrasts, "D")
    pd.testing.assert_frame_equal(split_evidence(design, 0.1).tidy(), split_evidence(other, 0.1).tidy())
    pd.testing.assert_frame_equal(decompose(design).designs, decompose(other).designs)


def test_problem_of_the_network_is_the_kernels() -> None:
    assert isinstance(make_design(np.random.default_rng(20)).problem, Problem)
