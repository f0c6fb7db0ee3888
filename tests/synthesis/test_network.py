"""Networks: identities that must collapse, brute force, and what cannot be used."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

from network_trials import make_arms, make_comparisons
from simulated_problems import make_dense
from synovia.effects import Means, standardise
from synovia.errors import NotPositiveDefinite, SynthesisError, TooFewStudies
from synovia.kernel import Inapplicable
from synovia.synthesis import meta
from synovia.synthesis.network import Network, network, p_scores, rank, read_arms, read_contrasts
from synovia.synthesis.network.direct import direct_evidence, hat_matrix, laplacian
from synovia.synthesis.network.funnel import adjust_comparisons
from synovia.synthesis.network.league import league

CLOSED = 1e-9  # two orders of the same sums
SEARCHED = 1e-6  # both searches stop well below this

WAYS = ("REML", "ML", "DL", "PM", 0.05)


def as_matrix(net: Network) -> pd.DataFrame:
    """Every comparison, by name."""
    names = sorted(net.treatments)
    order = [net.treatments.index(name) for name in names]
    estimate, error = net.differences()
    return pd.DataFrame(np.hstack([estimate[np.ix_(order, order)], error[np.ix_(order, order)]]), index=names)


@pytest.fixture
def arms() -> pd.DataFrame:
    return make_arms()


@pytest.mark.parametrize("tau2", WAYS)
def test_two_treatments_are_a_pairwise_meta_analysis(tau2: Any) -> None:
    pairs = make_comparisons(make_arms(trials=tuple((f"s{i}", "AB") for i in range(9))))
    net: Any = network(pairs, tau2=tau2, inference="knapp-hartung").effects("A").iloc[0]
    alone: Any = (
        meta(pairs.assign(variance=pairs.std_error**2, estimate=-pairs.estimate), tau2=tau2).tidy().iloc[0]
    )
    for column in ("estimate", "std_error", "lower", "upper", "p_value", "df"):
        assert net[column] == pytest.approx(alone[column], rel=CLOSED)


@pytest.mark.parametrize("tau2", WAYS)
def test_baselines_rows_directions_and_reference_change_nothing(arms: pd.DataFrame, tau2: Any) -> None:
    pairs = make_comparisons(arms)
    expected = as_matrix(network(pairs, tau2=tau2))
    draw = np.random.default_rng(3)
    for reference in "ABCD":
        shuffled = pairs.sample(frac=1, random_state=int(draw.integers(1000)))
        turn = draw.random(len(shuffled)) < 0.5
        turned = shuffled.assign(
            treatment_1=shuffled.treatment_1.where(~turn, shuffled.treatment_2),
            treatment_2=shuffled.treatment_2.where(~turn, shuffled.treatment_1),
            estimate=shuffled.estimate.where(~turn, -shuffled.estimate),
        )
        got = as_matrix(network(turned, tau2=tau2, reference=reference))
        assert got.to_numpy() == pytest.approx(expected.to_numpy(), rel=SEARCHED, abs=SEARCHED)


def test_all_pairs_basic_contrasts_and_arms_are_one_network(arms: pd.DataFrame) -> None:
    expected = as_matrix(network(arms, measure="MD"))
    pairs = make_comparisons(arms)
    first = arms.groupby("study").first()
    basic = pairs[pairs.treatment_1 == first.treatment.loc[pairs.study].to_numpy()]
    own = (first.sd**2 / first.n).loc[basic.study].to_numpy()
    for data in (pairs, basic.assign(baseline_variance=own)):
        assert as_matrix(network(data)).to_numpy() == pytest.approx(
            expected.to_numpy(), rel=CLOSED, abs=CLOSED
        )


@pytest.mark.parametrize("restricted", [True, False])
def test_estimates_are_the_dense_maximum_of_the_likelihood(arms: pd.DataFrame, restricted: bool) -> None:
    net = network(arms, measure="MD", tau2="REML" if restricted else "ML")
    problem = net.fit.problem
    y, X, known = problem.y, problem.X, make_dense(problem, [0.0])
    same = net.design.study[:, None] == net.design.study[None, :]
    between = np.where(np.eye(problem.n) == 1, 1.0, np.where(same, 0.5, 0.0))

    def solve(tau2: float) -> tuple[float, Any, Any]:
        inverse = np.linalg.inv(known + tau2 * between)
        information = X.T @ inverse @ X
        beta = np.linalg.solve(information, X.T @ inverse @ y)
        inner = np.linalg.slogdet(inverse)[1] - (y - X @ beta) @ inverse @ (y - X @ beta)
        extra = np.linalg.slogdet(information)[1] if restricted else 0.0
        return float(-(inner - extra)), beta, np.linalg.inv(information)

    found = minimize_scalar(lambda t: solve(t)[0], bounds=(0, 2), method="bounded", options={"xatol": 1e-10})
    assert net.tau2 == pytest.approx(found.x, abs=1e-7)  # the dense search sees a flat top
    _, beta, cov = solve(float(net.fit.point.psi[0]))
    assert net.estimates[1:] == pytest.approx(beta, rel=CLOSED)
    assert net.covariance[1:, 1:] == pytest.approx(cov, rel=CLOSED)


def test_every_measure_of_two_arms_is_the_effect_of_the_pair() -> None:
    row = make_arms(trials=(("s1", "AB"),)).to_dict("list")
    treated, control = (
        Means(*(np.array([row[name][i]], dtype=float) for name in ("mean", "sd", "n"))) for i in (1, 0)
    )
    g = standardise(treated, control)
    read = read_arms(pd.DataFrame(row), measure="SMD")
    assert read.y == pytest.approx(g.estimate, rel=CLOSED)
    assert read.V.diagonal == pytest.approx(g.variance, rel=CLOSED)


@pytest.mark.parametrize("measure", ["MD", "SMD", "ROM", "OR", "RR", "RD", "ASD", "IRR", "IRD"])
def test_arms_in_any_order_are_one_network(arms: pd.DataFrame, measure: str) -> None:
    expected = as_matrix(network(arms, measure=measure, tau2="DL")).to_numpy()
    backwards = as_matrix(network(arms.iloc[::-1], measure=measure, tau2="DL")).to_numpy()
    assert backwards == pytest.approx(expected, rel=CLOSED, abs=CLOSED)


def test_p_scores_are_sucra_and_mean_ranks(arms: pd.DataFrame) -> None:
    net = network(arms, measure="MD")
    found = rank(net, better="higher", draws=200_000)
    areas = np.cumsum(found.probabilities, axis=1)[:, :-1].mean(axis=1)
    # a mean of 200,000 draws of a number between 0 and 1
    assert areas == pytest.approx(found.scores, abs=4 * 0.5 / np.sqrt(200_000))
    assert found.probabilities.sum(axis=0) == pytest.approx(np.ones(4))
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(4))
    mirrored = p_scores(net, better="lower").to_numpy()
    assert mirrored + found.scores == pytest.approx(np.ones(4))
    assert 0 < found.precision < 1
    assert found.tidy().treatment[0] == net.treatments[int(np.argmax(found.scores))]


def test_a_minimal_difference_lowers_every_score_and_widens_the_circle_of_the_best(
    arms: pd.DataFrame,
) -> None:
    net = network(arms, measure="MD")
    plain, wide = (rank(net, better="higher", mid=mid) for mid in (0.0, 0.3))
    assert (wide.scores < plain.scores).all()
    assert (wide.near_best >= plain.near_best).all()
    assert plain.near_best == pytest.approx(plain.probabilities[:, 0])
    assert rank(net, better="higher", mid=50.0).near_best == pytest.approx(np.ones(4))


def test_ranks_of_far_apart_treatments_are_certain() -> None:
    pairs = pd.DataFrame(
        {"study": ["x", "y"], "treatment_1": ["B", "C"], "treatment_2": ["A", "B"], "estimate": [9.0, 9.0],
         "std_error": [0.1, 0.1]}
    )  # fmt: skip
    found = rank(network(pairs, random=False), better="higher")
    assert found.precision == pytest.approx(1.0)
    assert found.tidy()[["treatment", "rank_lower", "rank_upper"]].to_numpy().tolist() == [
        ["C", 1, 1], ["B", 2, 2], ["A", 3, 3],
    ]  # fmt: skip


def test_the_hat_matrix_makes_the_network_of_direct_evidence_and_conserves_flow(arms: pd.DataFrame) -> None:
    net = network(make_comparisons(arms).query("study != 's5' and study != 's7' and study != 's8'"))
    H, direct = hat_matrix(net), direct_evidence(net)
    found = net.differences()[0]
    place = {name: i for i, name in enumerate(net.treatments)}
    wanted = [found[place[a], place[b]] for a, b in zip(direct.treatment_1, direct.treatment_2, strict=True)]
    assert H.to_numpy() @ direct.estimate.to_numpy() == pytest.approx(wanted)  # two-arm trials only
    for name, row in H.iterrows():
        source, sink = str(name).split(":")
        for treatment in net.treatments:
            out = sum(f for key, f in row.items() if str(key).split(":")[0] == treatment)
            into = sum(f for key, f in row.items() if str(key).split(":")[1] == treatment)
            assert out - into == pytest.approx((treatment == source) - (treatment == sink), abs=1e-9)
    assert laplacian(net).sum(axis=1) == pytest.approx(np.zeros(4), abs=1e-9)


def test_the_share_of_direct_evidence_is_1_where_nothing_else_exists() -> None:
    star = make_comparisons(make_arms(trials=(("a", "AB"), ("b", "AC"), ("c", "AD"), ("d", "AB"))))
    assert direct_evidence(network(star, tau2=0.1)).share.to_numpy() == pytest.approx(np.ones(3))


def test_league_tables_hold_network_below_and_direct_above(arms: pd.DataFrame) -> None:
    net = network(arms, measure="OR")
    table = league(net, order=("D", "A", "C", "B"), digits=3)
    assert table.ratio
    numbers = table.tidy()
    below = numbers[numbers.evidence == "network"]
    assert len(below) == 6
    row: Any = below[(below.treatment_1 == "D") & (below.treatment_2 == "B")].iloc[0]
    compared: Any = net.compare("D", "B").iloc[0]
    assert [row.estimate, row.lower, row.upper] == pytest.approx(
        np.exp([compared.estimate, compared.lower, compared.upper]).tolist()
    )
    predicted = league(net, above="prediction").tidy()
    assert (predicted.evidence == "network").sum() == 6
    wide, own = (predicted[predicted.evidence.eq("network") == side] for side in (False, True))
    assert ((wide.upper - wide.lower).to_numpy() > (own.upper - own.lower).to_numpy()).all()
    assert league(net, above="nothing").tidy().shape[0] == 6


def test_league_tables_are_escaped_and_read_back() -> None:
    pairs = pd.DataFrame(
        {
            "study": ["x"],
            "treatment_1": ["<b>, 5 %"],
            "treatment_2": ["A & B"],
            "estimate": [1.0],
            "std_error": [0.5],
        }
    )
    table = league(network(pairs, random=False))
    assert "<b>" not in table.as_html()
    assert "&lt;b&gt;" in table.as_document()
    assert "A &amp; B" in table.as_html()
    assert table.as_csv().count("\n") == 3
    assert "minus the one further right" in str(table)


def test_prediction_is_wider_than_confidence_and_absent_without_tau2(arms: pd.DataFrame) -> None:
    told = network(arms, measure="MD").predict("B")
    assert told.prediction_method.eq("t with 11 df").all()
    common = network(arms, measure="MD", random=False)
    assert isinstance(common.tau2, Inapplicable)
    assert common.predict().prediction_lower.isna().all()
    assert common.effects().equals(common.effects("A"))


def test_a_single_arm_an_empty_cell_and_a_trial_without_events_are_said() -> None:
    arms = make_arms()
    arms = pd.concat([arms, arms.iloc[:1].assign(study="lone")])
    arms.loc[arms.study == "s1", "events"] = 0
    arms.loc[(arms.study == "s3") & (arms.treatment == "A"), "events"] = 0
    said = " ".join(network(arms, measure="OR").warnings)
    assert "lone has a single usable arm" in said
    assert "s1 has no events in any arm" in said
    assert "An arm of trial s3 has no event: 0.5 was added to the counts of all its arms." in said


def test_rounded_comparisons_of_a_trial_are_reconciled_and_said(arms: pd.DataFrame) -> None:
    rounded = make_comparisons(arms).round({"estimate": 2})
    net = network(rounded)
    assert any("do not add up exactly" in text for text in net.warnings)
    assert as_matrix(net).to_numpy() == pytest.approx(
        as_matrix(network(arms, measure="MD")).to_numpy(), abs=0.02
    )


PAIRS = make_comparisons(make_arms())


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda d: d[d.study.isin(["s1", "s6"])], SynthesisError, r"falls into 2 parts.*\{A, B\}; \{C, D\}.*A with C"),
        (lambda d: d.assign(treatment_2=d.treatment_1), SynthesisError, "compares 'A' with itself"),
        (lambda d: d.drop(index=d.index[d.study == "s5"][:1]), SynthesisError, "s5 has 3 arms.* no variance of its base"),
        (lambda d: d.drop(index=d.index[d.study == "s8"][:1]), SynthesisError, "s8 has 4 arms .* and 5 comparisons; wanted all 6"),
        (lambda d: pd.concat([d, d[d.study == "s1"]]), SynthesisError, "s1 compares A with B more than once: duplicate"),
        (lambda d: d.assign(estimate=d.estimate + 1.0 * (d.treatment_1 == "B")), SynthesisError, "contradict each other"),
        (lambda d: d.assign(std_error=d.std_error.where(d.study != "s1", 0.0)), NotPositiveDefinite, r"Row 1 \(s1\) has std_error 0"),
        (lambda d: d.assign(std_error=np.nan), TooFewStudies, "None of 19 comparisons"),
        (lambda d: d.drop(columns="estimate"), SynthesisError, "no column 'estimate'"),
        (lambda d: d.assign(study=""), SynthesisError, "Row 1 has no study"),
        (lambda d: d[d.study == "s5"].assign(std_error=[0.1, 0.1, 5.0]), NotPositiveDefinite, "fit no set of 3 arms"),
        (lambda d: d[d.study.isin(["s1", "s3"])], SynthesisError, "Nothing is left to estimate tau2"),
    ],
)  # fmt: skip
def test_unusable_comparisons_are_refused_by_name(change: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        network(change(PAIRS))


@pytest.mark.parametrize(
    ("change", "measure", "said"),
    [
        (
            lambda d: pd.concat([d, d.iloc[:1]]),
            "MD",
            "s1 has duplicate arms: 2 of its arms were given 'A'. Merge",
        ),
        (lambda d: d.assign(treatment="A"), "MD", "All arms of s1 were given 'A'"),
        (lambda d: d.assign(sd=0.0), "MD", "s1, arm A has sd 0; wanted a number above 0"),
        (lambda d: d.assign(events=d.n + 1), "OR", "events in .* participants"),
        (lambda d: d.assign(mean=-1.0), "ROM", "a ratio of means needs means above 0"),
        (lambda d: d, "XX", "Found measure 'XX'; wanted one of MD"),
        (lambda d: d.drop(columns="sd"), "SMD", "no column 'sd'"),
        (lambda d: d.iloc[:1], "MD", "No trial has two arms"),
    ],
)
def test_unusable_arms_are_refused_by_name(change: Any, measure: str, said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        network(change(make_arms()), measure=measure)


def test_unknown_names_and_choices_are_refused(arms: pd.DataFrame) -> None:
    net = network(arms, measure="MD")
    with pytest.raises(SynthesisError, match="There is no treatment 'E'; the network has A, B, C, D"):
        net.compare("A", "E")
    with pytest.raises(SynthesisError, match="no treatment 'E' to refer to"):
        network(arms, measure="MD", reference="E")
    with pytest.raises(SynthesisError, match="wanted 'lower' or 'higher'"):
        net.rank(better="up")  # type: ignore[arg-type]
    with pytest.raises(SynthesisError, match="of at least 0"):
        net.rank(better="lower", mid=-1.0)
    with pytest.raises(SynthesisError, match="wanted every treatment once"):
        adjust_comparisons(net, ["A", "B"])
    with pytest.raises(SynthesisError, match="wanted 'direct', 'prediction' or 'nothing'"):
        net.league(above="both")
    with pytest.raises(SynthesisError, match="wanted a DataFrame"):
        read_contrasts([1])  # type: ignore[arg-type]


def test_kenward_roger_has_its_own_degrees_of_freedom_for_each_comparison(arms: pd.DataFrame) -> None:
    pairs = make_comparisons(make_arms(trials=tuple((f"s{i}", "AB") for i in range(9))))
    shown: Any = network(pairs, inference="kenward-roger").effects().iloc[0]
    alone: Any = meta(pairs.assign(variance=pairs.std_error**2), inference="kenward-roger").tidy().iloc[0]
    for column in ("std_error", "df", "p_value"):
        assert shown[column] == pytest.approx(alone[column], rel=SEARCHED)
    several = network(arms, measure="OR", inference="kenward-roger", tau2="REML")
    assert several.pairs().df.nunique() > 1
    assert network(arms, measure="MD", inference="t").pairs().df.eq(7).all()


@pytest.mark.parametrize("inference", ["CR0", "CR1", "CR2", "CR3"])
def test_cluster_robust_errors_take_trials_for_clusters(arms: pd.DataFrame, inference: str) -> None:
    pairs = make_comparisons(make_arms(trials=tuple((f"s{i}", "AB") for i in range(9))))
    shown: Any = network(pairs, inference=inference).effects().iloc[0]
    data = pairs.assign(variance=pairs.std_error**2)
    alone: Any = meta(data, inference=inference, cluster="study").tidy().iloc[0]
    for column in ("std_error", "df", "p_value"):
        assert shown[column] == pytest.approx(alone[column], rel=SEARCHED)
    net = network(arms, measure="MD", inference="CR0", tau2=0.05)
    problem, study = net.fit.problem, net.design.study
    W = np.linalg.inv(make_dense(problem, [0.05]))
    bread = np.linalg.inv(problem.X.T @ W @ problem.X)
    left = problem.y - problem.X @ net.fit.point.beta
    scores = np.array(
        [problem.X.T @ W @ np.where(study == i, left, 0.0) for i in range(len(net.design.studies))]
    )
    assert net.covariance[1:, 1:] == pytest.approx(bread @ scores.T @ scores @ bread, rel=CLOSED)
    with pytest.raises(SynthesisError, match="Cluster-robust errors are those of fixed effects"):
        network(arms, measure="MD", inference=inference, classes={"B": "x", "C": "x"})


def test_labels_and_orders_are_read_with_care(arms: pd.DataFrame) -> None:
    numbered = arms.assign(study=arms.study.str[1:].astype(float))
    assert network(numbered, measure="MD").design.studies[0] == "1"
    with pytest.raises(SynthesisError, match="Found order A, A; wanted every treatment once"):
        network(arms, measure="MD").league(order=("A", "A"))
    lone = network(make_arms(trials=(("s", "ABC"),)), measure="MD", tau2=0.1).predict()
    assert lone.prediction_method.str.startswith("as many comparisons as effects").all()
    assert lone.prediction_lower.isna().all()


def test_a_fit_of_some_rows_is_the_network_of_those_rows(arms: pd.DataFrame) -> None:
    from synovia.synthesis.refit import refit  # noqa: PLC0415

    net = network(arms, measure="MD")
    keep = net.design.study != 0
    again = refit(net.fit, keep)
    alone = network(arms[arms.study != "s1"], measure="MD")
    assert again.point.beta == pytest.approx(alone.fit.point.beta, rel=SEARCHED)
    assert again.point.psi == pytest.approx(alone.fit.point.psi, rel=SEARCHED)
